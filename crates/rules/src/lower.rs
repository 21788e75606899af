//! From the text of an expression to [`Node`]s: everything that can be wrong without evidence is found here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use cel::parser::PrattParser;
use plumb_check_sdk::Evidence;

use crate::node::{Comparison, Fold, Function, Node, Operation, Step};

/// Longest expression, in bytes.
const MAX_TEXT: usize = 4096;
/// Most operations of an expression.
const MAX_NODES: usize = 2000;
/// Deepest nesting of an expression: a recursion of the parser and one of the evaluation.
pub(crate) const MAX_DEPTH: usize = 60;
/// The name under which thresholds are found.
pub(crate) const LIMITS: &str = "limits";

/// The tree of an expression, in the words of the parser.
pub(crate) struct Parsed(IdedExpr);

/// Parses an expression.
///
/// # Errors
/// Tells what is wrong, and where in the expression.
pub(crate) fn parse(text: &str) -> Result<Parsed, String> {
    if text.len() > MAX_TEXT {
        return Err(format!(
            "{} bytes: at most {MAX_TEXT} allowed, give parts a name under `let`",
            text.len()
        ));
    }
    if text.trim().is_empty() {
        return Err("it is empty: write an expression".to_owned());
    }
    let parser = PrattParser::new()
        .max_recursion_depth(MAX_DEPTH as u16)
        .max_expression_node_count(MAX_NODES)
        .error_reporting_limit(3);
    // The parser is careful, and not ours: a panic in it must still name the rule.
    match catch_unwind(AssertUnwindSafe(|| parser.parse(text))) {
        Ok(Ok(expression)) => Ok(Parsed(expression)),
        Ok(Err(errors)) => Err(match errors.errors.first() {
            Some(error) => {
                let (line, column) = error.pos;
                let at = if line > 1 { format!("line {line}, ") } else { String::new() };
                format!("not an expression at {at}column {}: {}", column.max(1), error.msg.trim())
            }
            None => "not an expression".to_owned(),
        }),
        Err(_) => Err("not an expression that the parser can cope with".to_owned()),
    }
}

impl Parsed {
    /// Names that the expression uses and that are not members of something.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut todo = vec![&self.0.expr];
        while let Some(expression) = todo.pop() {
            match expression {
                Expr::Ident(name) => names.push(name.as_str()),
                Expr::Select(select) => todo.push(&select.operand.expr),
                Expr::Call(call) => {
                    todo.extend(call.target.iter().map(|target| &target.expr));
                    todo.extend(call.args.iter().map(|argument| &argument.expr));
                }
                Expr::List(list) => todo.extend(list.elements.iter().map(|element| &element.expr)),
                Expr::Comprehension(fold) => {
                    todo.extend(
                        [&fold.iter_range, &fold.accu_init, &fold.loop_cond, &fold.loop_step, &fold.result]
                            .map(|part| &part.expr),
                    );
                }
                _ => {}
            }
        }
        names
    }
}

/// What the expressions of a rule can name.
pub(crate) struct Scope<'a> {
    needs: Vec<(Vec<String>, &'a str)>,
    is_used: Vec<bool>,
    limits: Vec<&'a str>,
    variables: Vec<String>,
}

impl<'a> Scope<'a> {
    /// `needs` are JSON pointers, `limits` the names of the rule's thresholds.
    pub(crate) fn new(needs: impl Iterator<Item = &'a str>, limits: Vec<&'a str>) -> Self {
        let keys = |need: &'a str| {
            let keys = need.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"));
            (keys.collect(), need)
        };
        let needs: Vec<_> = needs.map(keys).collect();
        Self { is_used: vec![false; needs.len()], needs, limits, variables: Vec::new() }
    }

    /// Makes a variable known; its place is above all others.
    pub(crate) fn push(&mut self, name: &str) {
        self.variables.push(name.to_owned());
    }

    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable == name)
    }

    /// Declared needs that no expression has named.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.needs.iter().zip(&self.is_used).filter(|(_, is_used)| !**is_used).map(|((_, need), _)| *need)
    }

    /// Resolves an expression.
    ///
    /// # Errors
    /// Tells what it names that there is not, or what the language does not have.
    pub(crate) fn lower(&mut self, parsed: &Parsed) -> Result<Node, String> {
        self.node(&parsed.0, 0)
    }

    fn node(&mut self, expression: &IdedExpr, depth: usize) -> Result<Node, String> {
        if depth > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep: give parts a name under `let`"));
        }
        if let Some((root, keys)) = path(expression)
            && !self.has_variable(root)
        {
            return self.place(root, &keys);
        }
        let depth = depth + 1;
        match &expression.expr {
            Expr::Ident(name) => Ok(self.variable(name)),
            Expr::Literal(literal) => literal_node(literal),
            Expr::Select(select) if select.test => self.has(select, depth),
            Expr::Select(select) => {
                Ok(Node::Select(Box::new(self.node(&select.operand, depth)?), select.field.clone()))
            }
            Expr::List(list) if list.optional_indices.is_empty() => {
                let items = list.elements.iter().map(|element| self.node(element, depth));
                Ok(Node::List(items.collect::<Result<_, _>>()?))
            }
            Expr::Call(call) => self.call(call, depth),
            Expr::Comprehension(fold) => self.fold(fold, depth),
            Expr::Map(_) | Expr::Struct(_) => {
                Err("`{…}` makes a group of members, which rules have no use for: leave it out".to_owned())
            }
            Expr::List(_) | Expr::Unspecified => Err("not an expression of rules".to_owned()),
        }
    }

    fn variable(&self, name: &str) -> Node {
        // `path` has sent all names here that are variables, and none that is not.
        let place = self.variables.iter().rposition(|variable| variable == name).unwrap_or_default();
        Node::Variable(place, name.to_owned())
    }

    /// A place in the evidence, or a threshold.
    fn place(&mut self, root: &str, keys: &[&str]) -> Result<Node, String> {
        if root == LIMITS {
            return self.limit(keys);
        }
        let all = || std::iter::once(root).chain(keys.iter().copied());
        let covers =
            |need: &Vec<String>| need.len() <= keys.len() + 1 && need.iter().zip(all()).all(|(a, b)| a == b);
        let Some(index) = self.needs.iter().position(|(need, _)| covers(need)) else {
            return Err(self.undeclared(root, keys));
        };
        self.is_used[index] = true;
        let (need, _) = &self.needs[index];
        let rest = &keys[need.len() - 1..];
        let start = Node::Need(index, need.join("."));
        Ok(rest.iter().fold(start, |of, key| Node::Select(Box::new(of), (*key).to_owned())))
    }

    fn limit(&self, keys: &[&str]) -> Result<Node, String> {
        let known = || match self.limits.as_slice() {
            [] => "the rule has no thresholds: add one under `[rule.thresholds.NAME]`".to_owned(),
            limits => format!("expected one of `{LIMITS}.{}`", limits.join(&format!("`, `{LIMITS}."))),
        };
        match keys {
            [name] => match self.limits.iter().position(|limit| limit == name) {
                Some(index) => Ok(Node::Limit(index)),
                None => Err(format!("there is no threshold `{name}`: {}", known())),
            },
            _ => Err(format!("`{LIMITS}` is not a value by itself: {}", known())),
        }
    }

    fn undeclared(&self, root: &str, keys: &[&str]) -> String {
        let names = std::iter::once(root).chain(keys.iter().copied());
        let pointer: String = names
            .clone()
            .take(2)
            .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            .collect();
        if !Evidence::has_section(root) {
            let variables = match self.variables.as_slice() {
                [] => "the rule has no variables".to_owned(),
                names => format!("variables here: `{}`", names.join("`, `")),
            };
            return format!("`{root}` is neither a variable nor a section of the evidence ({variables})");
        }
        let is_part = |need: &Vec<String>| {
            need.len() > keys.len() + 1 && need.iter().zip(names.clone()).all(|(a, b)| a == b)
        };
        if let Some((_, need)) = self.needs.iter().find(|(need, _)| is_part(need)) {
            return format!(
                "it reads `{pointer}` as a whole, of which `needs` declares only a part, `{need}`: read that, or declare the whole"
            );
        }
        format!("it reads `{pointer}`, which `needs` does not declare: add it there")
    }

    fn has(&mut self, select: &SelectExpr, depth: usize) -> Result<Node, String> {
        // As if it were read, so that a declared part is found whether it is the member itself or around it.
        let read = IdedExpr {
            id: 0,
            expr: Expr::Select(SelectExpr {
                operand: select.operand.clone(),
                field: select.field.clone(),
                test: false,
            }),
        };
        match self.node(&read, depth)? {
            Node::Need(index, name) => Ok(Node::HasNeed(index, name)),
            Node::Select(of, name) => Ok(Node::Has(of, name)),
            _ => Err("`has` takes a member of the evidence, such as `has(gpu.name)`".to_owned()),
        }
    }

    fn call(&mut self, call: &CallExpr, depth: usize) -> Result<Node, String> {
        let parts: Vec<&IdedExpr> = call.target.iter().map(AsRef::as_ref).chain(&call.args).collect();
        let name = call.func_name.as_str();
        if let Some(function) = Function::of(name) {
            if call.target.is_some() && !function.is_method() {
                return Err(format!("`{name}` is written before its arguments: `{name}(…)`"));
            }
            if !function.takes(parts.len()) {
                return Err(format!("`{name}` does not take {} arguments", parts.len()));
            }
            let arguments = parts.into_iter().map(|part| self.node(part, depth));
            return Ok(Node::Call(function, arguments.collect::<Result<_, _>>()?));
        }
        match (name, parts.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => Ok(Node::If(
                Box::new(self.node(condition, depth)?),
                Box::new(self.node(yes, depth)?),
                Box::new(self.node(no, depth)?),
            )),
            (operators::LOGICAL_NOT, [of]) => Ok(Node::Not(Box::new(self.node(of, depth)?))),
            (operators::NEGATE, [of]) => Ok(Node::Negate(Box::new(self.node(of, depth)?))),
            (operators::NOT_STRICTLY_FALSE, [of]) => Ok(Node::NotFalse(Box::new(self.node(of, depth)?))),
            (name, [a, b]) => {
                let pair = (Box::new(self.node(a, depth)?), Box::new(self.node(b, depth)?));
                binary(name, pair).ok_or_else(|| no_function(name))
            }
            (name, _) => Err(no_function(name)),
        }
    }

    fn fold(&mut self, fold: &ComprehensionExpr, depth: usize) -> Result<Node, String> {
        if fold.iter_var2.is_some() {
            return Err("macros take one variable: `list.all(item, …)`".to_owned());
        }
        if fold.iter_var == LIMITS || Evidence::has_section(&fold.iter_var) {
            return Err(format!("`{}` already has a meaning: name the variable otherwise", fold.iter_var));
        }
        let range = self.node(&fold.iter_range, depth)?;
        let start = self.node(&fold.accu_init, depth)?;
        let base = self.variables.len();
        self.push(&fold.iter_var);
        self.push(&fold.accu_var);
        let mut inner = || -> Result<_, String> {
            let condition = self.node(&fold.loop_cond, depth)?;
            let step = step(self.node(&fold.loop_step, depth)?, base + 1);
            Ok((condition, step, self.node(&fold.result, depth)?))
        };
        let inner = inner();
        self.variables.truncate(base);
        let (condition, step, result) = inner?;
        Ok(Node::Fold(Box::new(Fold { range, base, start, condition, step, result })))
    }
}

/// Appending is what `filter` and `map` do; done in place, it does not copy the list for every item.
fn step(node: Node, accumulator: usize) -> Step {
    let appended = |node: &Node| match node {
        Node::Arithmetic(Operation::Add, list, items) => match (&**list, &**items) {
            (Node::Variable(place, _), Node::List(items)) if *place == accumulator => {
                match items.as_slice() {
                    [item] => Some(item.clone()),
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    };
    match &node {
        Node::If(condition, yes, no) => match (appended(yes), &**no) {
            (Some(item), Node::Variable(place, _)) if *place == accumulator => {
                Step::Append(Some((**condition).clone()), item)
            }
            _ => Step::Replace(node),
        },
        other => match appended(other) {
            Some(item) => Step::Append(None, item),
            None => Step::Replace(node),
        },
    }
}

/// The root and the keys of an expression such as `window.vmstat["oom_kill"]`.
fn path(expression: &IdedExpr) -> Option<(&str, Vec<&str>)> {
    let mut keys = Vec::new();
    let mut at = expression;
    loop {
        match &at.expr {
            Expr::Ident(name) => {
                keys.reverse();
                return Some((name, keys));
            }
            Expr::Select(select) if !select.test => {
                keys.push(select.field.as_str());
                at = &select.operand;
            }
            Expr::Call(CallExpr { func_name, target: None, args }) if func_name == operators::INDEX => {
                let [of, key] = args.as_slice() else { return None };
                let Expr::Literal(LiteralValue::String(key)) = &key.expr else { return None };
                keys.push(key.inner());
                at = of;
            }
            _ => return None,
        }
    }
}

fn literal_node(literal: &LiteralValue) -> Result<Node, String> {
    Ok(match literal {
        LiteralValue::Null => Node::Null,
        LiteralValue::Boolean(value) => Node::Bool(*value.inner()),
        #[expect(clippy::cast_precision_loss, reason = "numbers of rules are floating point, as in JSON")]
        LiteralValue::Int(number) => Node::Number(*number.inner() as f64),
        #[expect(clippy::cast_precision_loss, reason = "numbers of rules are floating point, as in JSON")]
        LiteralValue::UInt(number) => Node::Number(*number.inner() as f64),
        LiteralValue::Double(number) if number.inner().is_finite() => Node::Number(*number.inner()),
        LiteralValue::String(text) => Node::Text(text.inner().to_owned()),
        LiteralValue::Double(_) => return Err("a number that is too large".to_owned()),
        LiteralValue::Bytes(_) => return Err("`b\"…\"` are bytes; write a text, `\"…\"`".to_owned()),
    })
}

fn binary(name: &str, (a, b): (Box<Node>, Box<Node>)) -> Option<Node> {
    let compare = |comparison, a, b| Some(Node::Compare(comparison, a, b));
    let reckon = |operation, a, b| Some(Node::Arithmetic(operation, a, b));
    match name {
        operators::LOGICAL_AND => Some(Node::And(a, b)),
        operators::LOGICAL_OR => Some(Node::Or(a, b)),
        operators::EQUALS => Some(Node::Equal(a, b, true)),
        operators::NOT_EQUALS => Some(Node::Equal(a, b, false)),
        operators::LESS => compare(Comparison::Less, a, b),
        operators::LESS_EQUALS => compare(Comparison::LessOrEqual, a, b),
        operators::GREATER => compare(Comparison::Greater, a, b),
        operators::GREATER_EQUALS => compare(Comparison::GreaterOrEqual, a, b),
        operators::ADD => reckon(Operation::Add, a, b),
        operators::SUBSTRACT => reckon(Operation::Subtract, a, b),
        operators::MULTIPLY => reckon(Operation::Multiply, a, b),
        operators::DIVIDE => reckon(Operation::Divide, a, b),
        operators::MODULO => reckon(Operation::Remainder, a, b),
        operators::IN => Some(Node::In(a, b)),
        operators::INDEX => Some(Node::Index(a, b)),
        _ => None,
    }
}

fn no_function(name: &str) -> String {
    format!("there is no function `{name}`: expected one of {}", Function::NAMES.join(", "))
}
