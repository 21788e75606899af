//! Evaluation: total, deterministic, and never more certain than the evidence.
//!
//! What has no value spreads: an operation of which a part is unknown is unknown. Three things may decide all the same,
//! because no value of the unknown part could change them: `false && x`, `true || x`, and a difference in a known part of two
//! lists. So learning more can turn unknown into an answer, but never one answer into another, and taking evidence away never
//! turns a failure into a pass.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use plumb_check_sdk::Missing;
use serde_json::Value as Json;

use crate::node::{Comparison, Fold, Function, Node, Operation, Step};
use crate::value::{Answer, List, Unknown, Value, indices, join, member, mistake};

/// Operations that a rule may spend on one node. The largest nodes have some thousand processes.
const BUDGET: u64 = 5_000_000;
/// Bytes or items that cost as much as one operation.
const PER_STEP: usize = 8;

/// One rule at work on the evidence of one node.
pub(crate) struct Evaluation<'e, 'r> {
    /// The declared parts, in the order of the `needs`.
    needs: &'e [Result<Json, Missing>],
    /// The thresholds that are in force.
    limits: &'r [f64],
    stack: RefCell<Vec<Answer<'e>>>,
    left: Cell<u64>,
}

impl<'e, 'r> Evaluation<'e, 'r> {
    pub(crate) fn new(needs: &'e [Result<Json, Missing>], limits: &'r [f64]) -> Self {
        Self { needs, limits, stack: RefCell::new(Vec::new()), left: Cell::new(BUDGET) }
    }

    /// Puts a variable above all others.
    pub(crate) fn push(&self, answer: Answer<'e>) {
        self.stack.borrow_mut().push(answer);
    }

    /// Forgets all variables.
    pub(crate) fn clear(&self) {
        self.stack.borrow_mut().clear();
    }

    /// Whether a condition holds; `source` is its text, for errors.
    pub(crate) fn holds(&self, node: &Node, source: &str) -> Result<bool, String> {
        let answer = self.evaluate(node).and_then(|value| truth(&value));
        answer.map_err(|unknown| format!("{} (in `{}`)", unknown.reason, shorten(source)))
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&self, node: &Node) -> Answer<'e> {
        self.spend(1)?;
        match node {
            Node::Null => Ok(Value::Null),
            Node::Bool(value) => Ok(Value::Bool(*value)),
            Node::Number(number) => Ok(Value::Number(*number)),
            Node::Text(text) => {
                self.spend(text.len() / PER_STEP)?;
                Ok(Value::Text(Cow::Owned(text.clone())))
            }
            Node::List(items) => {
                let items = items.iter().map(|item| self.evaluate(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Value::List(List::Made(Rc::new(items))))
            }
            Node::Need(index, _) => match self.needs.get(*index) {
                Some(Ok(json)) => Value::of(json),
                Some(Err(missing)) => Err(Rc::new(Unknown::from(missing))),
                None => mistake("a part of the evidence that is not declared"),
            },
            Node::Limit(index) => Ok(Value::Number(self.limits.get(*index).copied().unwrap_or_default())),
            Node::Variable(place, name) => self
                .stack
                .borrow()
                .get(*place)
                .cloned()
                .unwrap_or_else(|| mistake(format!("`{name}` has no value here"))),
            Node::Select(of, name) => member(&self.evaluate(of)?, name, || of.to_string()),
            Node::Has(of, name) => {
                has(self.evaluate(of).and_then(|of| member(&of, name, || node.to_string())))
            }
            Node::HasNeed(index, _) => has(match self.needs.get(*index) {
                Some(Ok(json)) => Value::of(json),
                Some(Err(missing)) => Err(Rc::new(Unknown::from(missing))),
                None => mistake("a part of the evidence that is not declared"),
            }),
            Node::Index(of, at) => self.index(of, at),
            Node::Not(of) => Ok(Value::Bool(!truth(&self.evaluate(of)?)?)),
            Node::Negate(of) => Ok(Value::Number(-number(&self.evaluate(of)?, of)?)),
            Node::And(a, b) => self.junction(a, b, false),
            Node::Or(a, b) => self.junction(a, b, true),
            Node::If(condition, yes, no) => {
                let branch = if truth(&self.evaluate(condition)?)? { yes } else { no };
                self.evaluate(branch)
            }
            Node::Equal(a, b, wanted) => {
                let (a, b) = (self.evaluate(a)?, self.evaluate(b)?);
                self.spend_on(&a)?;
                Ok(Value::Bool(a.equals(&b)? == *wanted))
            }
            Node::Compare(comparison, a, b) => self.compare(*comparison, a, b),
            Node::Arithmetic(operation, a, b) => self.reckon(*operation, a, b),
            Node::In(item, list) => self.is_in(item, list),
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::NotFalse(of) => Ok(Value::Bool(!matches!(self.evaluate(of), Ok(Value::Bool(false))))),
            Node::Fold(fold) => self.fold(fold),
        }
    }

    fn spend(&self, steps: usize) -> Result<(), Rc<Unknown>> {
        let left = self.left.get().saturating_sub(steps as u64);
        self.left.set(left);
        if left == 0 {
            return mistake(format!("the rule was stopped after {BUDGET} operations: filter lists first"));
        }
        Ok(())
    }

    /// Pays for looking at all of a value.
    fn spend_on(&self, value: &Value<'_>) -> Result<(), Rc<Unknown>> {
        self.spend(match value {
            Value::Text(text) => text.len() / PER_STEP,
            Value::List(list) => list.len(),
            _ => 0,
        })
    }

    /// `&&` and `||`: decided by a part that is `deciding`, whatever the other is.
    fn junction(&self, a: &Node, b: &Node, deciding: bool) -> Answer<'e> {
        let of = |node: &Node| self.evaluate(node).and_then(|value| truth(&value));
        let a = of(a);
        if a == Ok(deciding) {
            return Ok(Value::Bool(deciding));
        }
        let b = of(b);
        if b == Ok(deciding) {
            return Ok(Value::Bool(deciding));
        }
        a?;
        b?;
        Ok(Value::Bool(!deciding))
    }

    fn index(&self, of: &Node, at: &Node) -> Answer<'e> {
        let value = self.evaluate(of)?;
        match (&value, self.evaluate(at)?) {
            (Value::Map(_), Value::Text(name)) => member(&value, &name, || of.to_string()),
            (Value::List(list), Value::Number(index)) => {
                let place = (index >= 0.0 && index.fract() == 0.0).then_some(index as usize);
                place.and_then(|place| list.get(place)).unwrap_or_else(|| {
                    mistake(format!("`{of}` has no item {index}, but {} from 0", list.len()))
                })
            }
            (value, index) => {
                mistake(format!("`{of}` is {}, which {} cannot index", value.kind(), index.kind()))
            }
        }
    }

    fn compare(&self, comparison: Comparison, a: &Node, b: &Node) -> Answer<'e> {
        let ordering = match (self.evaluate(a)?, self.evaluate(b)?) {
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(&b),
            (Value::Text(x), Value::Text(y)) => Some(x.cmp(&y)),
            (x, y) => {
                return mistake(format!(
                    "expected two numbers to compare, found {} in `{a}` and {} in `{b}`",
                    x.kind(),
                    y.kind()
                ));
            }
        };
        match ordering {
            Some(ordering) => Ok(Value::Bool(match comparison {
                Comparison::Less => ordering.is_lt(),
                Comparison::LessOrEqual => ordering.is_le(),
                Comparison::Greater => ordering.is_gt(),
                Comparison::GreaterOrEqual => ordering.is_ge(),
            })),
            None => mistake("a number that cannot be compared"),
        }
    }

    fn reckon(&self, operation: Operation, a: &Node, b: &Node) -> Answer<'e> {
        match (operation, self.evaluate(a)?, self.evaluate(b)?) {
            (_, Value::Number(x), Value::Number(y)) => {
                if y == 0.0 && matches!(operation, Operation::Divide | Operation::Remainder) {
                    return mistake(format!("division by `{b}`, which is 0"));
                }
                finite(match operation {
                    Operation::Add => x + y,
                    Operation::Subtract => x - y,
                    Operation::Multiply => x * y,
                    Operation::Divide => x / y,
                    Operation::Remainder => x % y,
                })
            }
            (Operation::Add, Value::Text(x), Value::Text(y)) => {
                self.spend((x.len() + y.len()) / PER_STEP)?;
                Ok(Value::Text(Cow::Owned(format!("{x}{y}"))))
            }
            (Operation::Add, Value::List(x), Value::List(y)) => {
                self.spend((x.len() + y.len()) / PER_STEP)?;
                Ok(Value::List(List::Made(Rc::new([items(&x)?, items(&y)?].concat()))))
            }
            (_, x, y) => mistake(format!(
                "expected two numbers to reckon with, found {} in `{a}` and {} in `{b}`",
                x.kind(),
                y.kind()
            )),
        }
    }

    fn is_in(&self, item: &Node, list: &Node) -> Answer<'e> {
        let item = self.evaluate(item)?;
        let Value::List(list) = expect_list(self.evaluate(list)?, list)? else { return Ok(Value::Null) };
        let mut unknown = None;
        for other in (0..list.len()).filter_map(|index| list.get(index)) {
            self.spend(1)?;
            match other.and_then(|other| item.equals(&other)) {
                Ok(true) => return Ok(Value::Bool(true)),
                Ok(false) => {}
                Err(reason) => unknown = unknown.or(Some(reason)),
            }
        }
        unknown.map_or(Ok(Value::Bool(false)), Err)
    }

    fn fold(&self, fold: &Fold) -> Answer<'e> {
        let Value::List(list) = expect_list(self.evaluate(&fold.range)?, &fold.range)? else {
            return Ok(Value::Null);
        };
        let start = self.evaluate(&fold.start);
        // The variables of the rule and of the loops around this one are below.
        if self.stack.borrow().len() != fold.base {
            return mistake("a loop that lost its variables");
        }
        self.push(Ok(Value::Null));
        self.push(start);
        for item in (0..list.len()).filter_map(|index| list.get(index)) {
            self.spend(1)?;
            self.set(fold.base, item);
            if !matches!(self.evaluate(&fold.condition), Ok(Value::Bool(true))) {
                break;
            }
            let next = match &fold.step {
                Step::Replace(node) => self.evaluate(node),
                Step::Append(condition, item) => self.append(fold.base + 1, condition.as_ref(), item),
            };
            self.set(fold.base + 1, next);
        }
        let result = self.evaluate(&fold.result);
        self.stack.borrow_mut().truncate(fold.base);
        result
    }

    fn set(&self, place: usize, answer: Answer<'e>) {
        if let Some(slot) = self.stack.borrow_mut().get_mut(place) {
            *slot = answer;
        }
    }

    fn append(&self, place: usize, condition: Option<&Node>, item: &Node) -> Answer<'e> {
        let is_wanted = match condition {
            Some(condition) => truth(&self.evaluate(condition)?)?,
            None => true,
        };
        let item = if is_wanted { Some(self.evaluate(item)?) } else { None };
        let list = match self.stack.borrow_mut().get_mut(place) {
            Some(slot) => std::mem::replace(slot, Ok(Value::Null)),
            None => Ok(Value::Null),
        };
        match (list?, item) {
            (list, None) => Ok(list),
            (Value::List(List::Made(mut list)), Some(item)) => {
                // The only reference, so this copies nothing.
                Rc::make_mut(&mut list).push(item);
                Ok(Value::List(List::Made(list)))
            }
            (other, Some(_)) => mistake(format!("expected a list, found {}", other.kind())),
        }
    }

    fn call(&self, function: Function, arguments: &[Node]) -> Answer<'e> {
        let values = arguments.iter().map(|node| self.evaluate(node)).collect::<Result<Vec<_>, _>>()?;
        for value in &values {
            self.spend_on(value)?;
        }
        let wrong = |expected: &str, value: &Value<'_>| {
            let name = function.name();
            let place = arguments.first().map(ToString::to_string).unwrap_or_default();
            mistake(format!("`{name}` expected {expected}, found {} in `{place}`", value.kind()))
        };
        match (function, values.as_slice()) {
            (Function::Size, [Value::List(list)]) => Ok(Value::Number(list.len() as f64)),
            (Function::Size, [Value::Text(text)]) => Ok(Value::Number(text.chars().count() as f64)),
            (Function::Size, [other]) => wrong("a list or a text", other),
            (Function::Int | Function::Double, [Value::Number(number)]) => {
                Ok(Value::Number(if function == Function::Int { number.trunc() } else { *number }))
            }
            (Function::Int | Function::Double, [Value::Text(text)]) => {
                let parsed = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                match parsed.filter(|number| function == Function::Double || number.fract() == 0.0) {
                    Some(number) => Ok(Value::Number(number)),
                    None => mistake(format!("`{}` is no number for `{}`", shorten(text), function.name())),
                }
            }
            (Function::Int | Function::Double, [other]) => wrong("a text or a number", other),
            (Function::ToText, [value]) => Ok(Value::Text(Cow::Owned(value.to_text()?))),
            (Function::Contains, [Value::Text(a), Value::Text(b)]) => Ok(Value::Bool(a.contains(b.as_ref()))),
            (Function::StartsWith, [Value::Text(a), Value::Text(b)]) => {
                Ok(Value::Bool(a.starts_with(b.as_ref())))
            }
            (Function::EndsWith, [Value::Text(a), Value::Text(b)]) => {
                Ok(Value::Bool(a.ends_with(b.as_ref())))
            }
            (Function::Trim, [Value::Text(text)]) => Ok(Value::Text(Cow::Owned(text.trim().to_owned()))),
            (Function::LowerAscii, [Value::Text(text)]) => {
                Ok(Value::Text(Cow::Owned(text.to_ascii_lowercase())))
            }
            (Function::Split, [Value::Text(text)]) => Ok(texts(text.split_whitespace())),
            (Function::Split, [Value::Text(text), Value::Text(at)]) if !at.is_empty() => {
                Ok(texts(text.split(at.as_ref())))
            }
            (Function::Join, [Value::List(list)]) => Ok(Value::Text(Cow::Owned(join(list, "")?))),
            (Function::Join, [Value::List(list), Value::Text(separator)]) => {
                self.spend(list.len().saturating_mul(separator.len()) / PER_STEP)?;
                Ok(Value::Text(Cow::Owned(join(list, separator)?)))
            }
            (Function::Cpus, [Value::Text(text)]) => {
                // 16384 at most, which is what the set of them allows.
                let list = indices(text)?;
                self.spend_on(&list)?;
                Ok(list)
            }
            (Function::Abs, [Value::Number(number)]) => Ok(Value::Number(number.abs())),
            (Function::Round, [Value::Number(number)]) => Ok(Value::Number(number.round())),
            (Function::Round, [Value::Number(number), Value::Number(decimals)]) => {
                let scale = 10f64.powi(decimals.clamp(0.0, 9.0) as i32);
                finite((number * scale).round() / scale)
            }
            (Function::Min | Function::Max | Function::Sum, [Value::List(list)]) => {
                aggregate(function, &items(list)?)
            }
            (Function::Min | Function::Max, [_, _, ..]) => aggregate(function, &values),
            (Function::Min | Function::Max | Function::Sum, [other, ..]) => wrong("a list of numbers", other),
            (Function::Abs | Function::Round, [Value::Number(_), other] | [other, ..]) => {
                wrong("a number", other)
            }
            (_, [Value::Text(_), other, ..] | [other, ..]) => wrong("texts", other),
            (_, []) => mistake(format!("`{}` without arguments", function.name())),
        }
    }
}

/// Whether a member is there: where the evidence says that the node does not have it, it is not; where the evidence lacks it,
/// nobody knows.
fn has<'e>(member: Answer<'e>) -> Answer<'e> {
    match member {
        Ok(_) => Ok(Value::Bool(true)),
        Err(unknown) if unknown.is_absent => Ok(Value::Bool(false)),
        Err(unknown) => Err(unknown),
    }
}

fn truth(value: &Value<'_>) -> Result<bool, Rc<Unknown>> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => mistake(format!("expected a truth value, found {}", other.kind())),
    }
}

fn number(value: &Value<'_>, place: &Node) -> Result<f64, Rc<Unknown>> {
    match value {
        Value::Number(number) => Ok(*number),
        other => mistake(format!("expected a number, found {} in `{place}`", other.kind())),
    }
}

fn finite<'e>(number: f64) -> Answer<'e> {
    if number.is_finite() { Ok(Value::Number(number)) } else { mistake("a number that is too large") }
}

fn expect_list<'e>(value: Value<'e>, place: &Node) -> Answer<'e> {
    match value {
        Value::List(_) => Ok(value),
        // One cannot tell a member that was left out from one that was never there.
        Value::Map(_) => {
            mistake(format!("`{place}` is a group, and only lists can be searched: name its member"))
        }
        other => mistake(format!("expected a list, found {} in `{place}`", other.kind())),
    }
}

fn items<'e>(list: &List<'e>) -> Result<Vec<Value<'e>>, Rc<Unknown>> {
    (0..list.len()).filter_map(|index| list.get(index)).collect()
}

fn texts<'e, 'a>(parts: impl Iterator<Item = &'a str>) -> Value<'e> {
    let parts = parts.map(|part| Value::Text(Cow::Owned(part.to_owned())));
    Value::List(List::Made(Rc::new(parts.collect())))
}

fn aggregate<'e>(function: Function, values: &[Value<'_>]) -> Answer<'e> {
    let mut numbers = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Number(number) => numbers.push(*number),
            other => {
                return mistake(format!("`{}` expected numbers, found {}", function.name(), other.kind()));
            }
        }
    }
    if function == Function::Sum {
        return finite(numbers.iter().sum());
    }
    let best = numbers.into_iter().reduce(if function == Function::Min { f64::min } else { f64::max });
    match best {
        Some(number) => Ok(Value::Number(number)),
        None => mistake(format!("`{}` of an empty list", function.name())),
    }
}

/// As much of a text as a reader of an error wants.
fn shorten(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 120;
    if text.len() <= LIMIT {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(LIMIT)]))
}
