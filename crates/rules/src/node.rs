//! An expression after all that can be decided without evidence has been: names are places, functions are known.

use std::fmt;

/// One operation. Trees are at most [`MAX_DEPTH`](crate::lower::MAX_DEPTH) deep.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Self>),
    /// A declared part of the evidence, by its place among the `needs`.
    Need(usize, String),
    /// A threshold, by its place among those of the rule.
    Limit(usize),
    /// A variable of the rule or of a macro, by its place from the bottom of the stack.
    Variable(usize, String),
    Select(Box<Self>, String),
    /// Whether the node has the member: known, or known to be absent.
    Has(Box<Self>, String),
    HasNeed(usize, String),
    Index(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Negate(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    If(Box<Self>, Box<Self>, Box<Self>),
    /// Equality, or its opposite.
    Equal(Box<Self>, Box<Self>, bool),
    Compare(Comparison, Box<Self>, Box<Self>),
    Arithmetic(Operation, Box<Self>, Box<Self>),
    In(Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
    /// `not-strictly-false` of the macros: true where the argument is not known to be false.
    NotFalse(Box<Self>),
    Fold(Box<Fold>),
}

/// A macro such as `exists`: a loop over a list. The item and the accumulator are the two places above `base`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fold {
    pub(crate) range: Node,
    pub(crate) base: usize,
    pub(crate) start: Node,
    /// The loop goes on while this holds.
    pub(crate) condition: Node,
    pub(crate) step: Step,
    pub(crate) result: Node,
}

/// What a loop does with its accumulator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Replaces it.
    Replace(Node),
    /// Appends to it, in place, where the condition holds.
    Append(Option<Node>, Node),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

macro_rules! functions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $arguments:pat, $is_method:literal;)+) => {
        /// A function of the language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Function {
            $($(#[$doc])* $variant,)+
        }

        impl Function {
            /// All names, for errors.
            pub(crate) const NAMES: &[&str] = &[$($name),+];

            /// The function of a name.
            pub(crate) fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Whether it takes so many arguments, that before the dot included.
            pub(crate) fn takes(self, n_arguments: usize) -> bool {
                match self {
                    $(Self::$variant => matches!(n_arguments, $arguments),)+
                }
            }

            /// Whether it may be written after a dot.
            pub(crate) fn is_method(self) -> bool {
                match self {
                    $(Self::$variant => $is_method,)+
                }
            }
        }
    };
}

functions! {
    /// Number of items of a list, or of characters of a text.
    Size = "size", 1, true;
    /// The number that a text stands for, without its fraction.
    Int = "int", 1, false;
    /// The number that a text stands for.
    Double = "double", 1, false;
    /// The value as text.
    ToText = "string", 1, false;
    Contains = "contains", 2, true;
    StartsWith = "startsWith", 2, true;
    EndsWith = "endsWith", 2, true;
    Trim = "trim", 1, true;
    LowerAscii = "lowerAscii", 1, true;
    /// A text cut at a separator, or at white space.
    Split = "split", 1 | 2, true;
    Join = "join", 1 | 2, true;
    Abs = "abs", 1, false;
    /// A number to so many decimals, to none if not told.
    Round = "round", 1 | 2, false;
    /// The smallest of a list, or of the arguments.
    Min = "min", 1.., false;
    Max = "max", 1.., false;
    Sum = "sum", 1, false;
    /// The list of the numbers that a text such as `0-3,8` stands for.
    Cpus = "cpus", 1, false;
}

/// As an author would write it, shortened to what names the place.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Need(_, name) | Self::Variable(_, name) => f.write_str(name),
            Self::Select(of, name) | Self::Has(of, name) => write!(f, "{of}.{name}"),
            Self::HasNeed(_, name) => f.write_str(name),
            Self::Index(of, at) => match &**at {
                Self::Text(key) => write!(f, "{of}[\"{key}\"]"),
                Self::Number(number) => write!(f, "{of}[{number}]"),
                other => write!(f, "{of}[{other}]"),
            },
            Self::Call(function, arguments) => match arguments.first() {
                Some(first) => write!(f, "{}({first})", function.name()),
                None => write!(f, "{}()", function.name()),
            },
            Self::Fold(fold) => write!(f, "the items of {}", fold.range),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Null => f.write_str("null"),
            _ => f.write_str("(…)"),
        }
    }
}
