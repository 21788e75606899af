//! A rule as a check.

use std::collections::BTreeMap;

use plumb_check_sdk::{
    Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood, Missing, Outcome,
};
use serde_json::Value as Json;

use crate::eval::Evaluation;
use crate::file::{BranchTable, Place, RuleTable};
use crate::lower::{LIMITS, Parsed, Scope, parse};
use crate::node::Node;
use crate::problem::Problem;
use crate::template::Template;
use crate::value::{List, Value};

/// Most subjects of one rule on one node.
const MAX_SUBJECTS: usize = 1000;
/// Longest texts of a finding, in bytes; the host refuses longer ones.
const MAX_SUBJECT: usize = 1000;
const MAX_MESSAGE: usize = 4000;
const MAX_SOURCE: usize = 1000;
const MAX_VALUE: usize = 8000;

/// A rule whose expressions are all in order.
pub(crate) struct Rule {
    meta: &'static CheckMeta,
    for_each: Option<Condition>,
    subject: Option<Template>,
    /// In an order in which each needs only those before it.
    lets: Vec<Node>,
    applies: Option<Condition>,
    not_applicable: Option<Template>,
    branches: Vec<Branch>,
    pass: Template,
    evidence: Vec<(Template, Template)>,
    confidence: Confidence,
}

/// An expression with its text, for errors.
struct Condition {
    node: Node,
    source: String,
}

struct Branch {
    outcome: Outcome,
    when: Condition,
    message: Template,
    likelihood: Likelihood,
    confidence: Confidence,
}

/// Reads the expressions of one rule and keeps what is wrong with them.
struct Reader<'a> {
    table: &'a RuleTable,
    scope: Scope<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn tell(&mut self, place: &Place, text: String) {
        self.problems.push(Problem { line: place.line(), rule: Some(self.table.id.to_string()), text });
    }

    fn expression(&mut self, what: &str, place: &Place) -> Option<Condition> {
        let lowered = parse(place).and_then(|parsed| self.scope.lower(&parsed));
        match lowered {
            Ok(node) => Some(Condition { node, source: place.trim().to_owned() }),
            Err(problem) => {
                self.tell(place, format!("`{what}`: {problem}"));
                None
            }
        }
    }

    fn template(&mut self, what: &str, place: &Place) -> Option<Template> {
        Template::new(place, &mut self.scope)
            .map_err(|problem| self.tell(place, format!("`{what}`: {problem}")))
            .ok()
    }

    fn variable(&mut self, what: &str, name: &str, place: &Place) {
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_name {
            self.tell(
                place,
                format!("`{what}`: the name `{name}`: expected lower-case letters, digits and `_`"),
            );
        }
        if name == LIMITS || Evidence::has_section(name) || self.scope.has_variable(name) {
            self.tell(place, format!("`{what}`: `{name}` already has a meaning: name it otherwise"));
        }
        self.scope.push(name);
    }

    /// The named expressions, each after those that it names.
    fn lets(&mut self) -> Vec<Node> {
        let mut parsed: BTreeMap<&str, (&Place, Parsed)> = BTreeMap::new();
        for (name, place) in &self.table.lets {
            match parse(place) {
                Ok(expression) => drop(parsed.insert(name, (place, expression))),
                Err(problem) => self.tell(place, format!("`let.{name}`: {problem}")),
            }
        }
        let mut nodes = Vec::new();
        let mut left: Vec<&str> = parsed.keys().copied().collect();
        while !left.is_empty() {
            let is_ready = |name: &&str| {
                parsed.get(name).is_some_and(|(_, expression)| {
                    expression.names().iter().all(|named| !left.contains(named))
                })
            };
            let Some(at) = left.iter().position(is_ready) else {
                let names = left.join("`, `");
                if let Some((place, _)) = left.first().and_then(|name| parsed.get(name)) {
                    self.tell(place, format!("`let`: `{names}` name each other in a circle: break it"));
                }
                break;
            };
            let name = left.remove(at);
            let Some((place, expression)) = parsed.get(name) else { continue };
            match self.scope.lower(expression) {
                Ok(node) => nodes.push(node),
                Err(problem) => {
                    self.tell(place, format!("`let.{name}`: {problem}"));
                    nodes.push(Node::Null);
                }
            }
            self.variable(&format!("let.{name}"), name, place);
        }
        // What could not be parsed is told once, not again wherever it is named.
        for (name, _) in self.table.lets.iter().filter(|(name, _)| !parsed.contains_key(name.as_str())) {
            self.scope.push(name);
        }
        nodes
    }

    fn branch(&mut self, what: &str, outcome: Outcome, table: &BranchTable) -> Option<Branch> {
        let when = self.expression(&format!("{what}.when"), &table.when);
        let message = self.template(&format!("{what}.message"), &table.message);
        Some(Branch {
            outcome,
            when: when?,
            message: message?,
            likelihood: table.likelihood.or(self.table.likelihood).unwrap_or(Likelihood::Setting),
            confidence: table.confidence.or(self.table.confidence).unwrap_or(Confidence::High),
        })
    }
}

impl Rule {
    /// Reads all expressions of a rule.
    pub(crate) fn new(table: &RuleTable) -> Result<Self, Vec<Problem>> {
        let meta = table.meta();
        let limits = table.thresholds.keys().map(String::as_str).collect();
        let needs: Vec<&str> = meta.needs.iter().map(AsRef::as_ref).collect();
        let scope = Scope::new(needs.iter().copied(), limits);
        let mut reader = Reader { table, scope, problems: Vec::new() };
        for need in &needs {
            let root = need.split('/').nth(1).unwrap_or_default();
            if !need.starts_with('/') || !Evidence::has_section(root) {
                reader.tell(&table.id, format!("`needs`: `{need}` is no part of the evidence: compare with `docs`, such as `/node/kernel`"));
            }
        }

        let mut for_each = None;
        if table.for_each.len() > 1 {
            reader.tell(&table.id, "`for_each`: expected one variable and its list".to_owned());
        }
        if let Some((name, place)) = table.for_each.first_key_value() {
            for_each = reader.expression("for_each", place);
            reader.variable("for_each", name, place);
        }
        let lets = reader.lets();
        let applies = table.applies.as_ref().and_then(|place| reader.expression("applies", place));
        let not_applicable =
            table.not_applicable.as_ref().and_then(|place| reader.template("not_applicable", place));
        if let Some(place) = table.applies.as_ref().filter(|_| table.not_applicable.is_none()) {
            reader.tell(
                place,
                "`applies` without `not_applicable`: say what is told where it does not".to_owned(),
            );
        }
        if let Some(place) = table.not_applicable.as_ref().filter(|_| table.applies.is_none()) {
            reader.tell(
                place,
                "`not_applicable` without `applies`: add the condition, or remove it".to_owned(),
            );
        }
        let subject = table.subject.as_ref().and_then(|place| reader.template("subject", place));
        if let Some((_, place)) = table.for_each.first_key_value().filter(|_| table.subject.is_none()) {
            reader.tell(place, "`for_each` without `subject`: say how one of them is called".to_owned());
        }
        let mut branches = Vec::new();
        let tables = [
            ("fail", Outcome::Fail, &table.fail),
            ("warn", Outcome::Warn, &table.warn),
            ("info", Outcome::Info, &table.info),
        ];
        for (what, outcome, branch) in tables {
            branches.extend(branch.as_ref().and_then(|branch| reader.branch(what, outcome, branch)));
        }
        if table.fail.is_none() && table.warn.is_none() && table.info.is_none() {
            reader.tell(&table.id, "it can find nothing: add `fail`, `warn` or `info`".to_owned());
        }
        let pass = reader.template("pass", &table.pass);
        let mut evidence = Vec::new();
        for citation in &table.evidence {
            let path = reader.template("evidence.path", &citation.path);
            evidence.extend(path.zip(reader.template("evidence.value", &citation.value)));
        }
        if table.evidence.is_empty() && (table.fail.is_some() || table.warn.is_some()) {
            let text = "`evidence` is empty: a deviation must cite a path and the value read there";
            reader.tell(&table.id, text.to_owned());
        }
        if reader.problems.is_empty() {
            let unused: Vec<&str> = reader.scope.unused().collect();
            for need in unused {
                reader.tell(&table.id, format!("`needs`: no expression reads `{need}`: remove it"));
            }
        }
        match pass {
            Some(pass) if reader.problems.is_empty() => Ok(Self {
                meta: Box::leak(Box::new(meta.clone())),
                for_each,
                subject,
                lets,
                applies,
                not_applicable,
                branches,
                pass,
                evidence,
                confidence: table.confidence.unwrap_or(Confidence::High),
            }),
            _ => Err(reader.problems),
        }
    }

    /// Looks at one subject, which is on the stack if the rule has a variable for it.
    fn judge(&self, evaluation: &Evaluation<'_, '_>, unnamed: &str) -> Finding {
        for node in &self.lets {
            let answer = evaluation.evaluate(node);
            evaluation.push(answer);
        }
        let subject = match &self.subject {
            Some(subject) => {
                subject.fill_known(evaluation, MAX_SUBJECT).unwrap_or_else(|_| unnamed.to_owned())
            }
            None => unnamed.to_owned(),
        };
        let subject = if subject.trim().is_empty() { unnamed.to_owned() } else { subject };
        if let Some(applies) = &self.applies {
            match evaluation.holds(&applies.node, &applies.source) {
                Ok(true) => {}
                Ok(false) => {
                    let message = self.not_applicable.as_ref().map(|text| self.say(text, evaluation));
                    return self.meta.not_applicable(subject, message.unwrap_or_default());
                }
                Err(reason) => return self.not_run(subject, &reason),
            }
        }
        for branch in &self.branches {
            match evaluation.holds(&branch.when.node, &branch.when.source) {
                Ok(true) => {
                    let message = self.say(&branch.message, evaluation);
                    let finding = self.meta.finding(branch.outcome, subject, message);
                    let finding =
                        finding.with_likelihood(branch.likelihood).with_confidence(branch.confidence);
                    return self.cite(finding, evaluation);
                }
                Ok(false) => {}
                Err(reason) => return self.not_run(subject, &reason),
            }
        }
        let finding = self.meta.pass(subject, self.say(&self.pass, evaluation));
        self.cite(finding.with_confidence(self.confidence), evaluation)
    }

    fn say(&self, template: &Template, evaluation: &Evaluation<'_, '_>) -> String {
        let text = template.fill(evaluation, MAX_MESSAGE);
        if text.trim().is_empty() { self.meta.title.to_string() } else { text }
    }

    fn not_run(&self, subject: String, reason: &str) -> Finding {
        let end = reason.floor_char_boundary(MAX_MESSAGE);
        self.meta.not_run(subject, &reason[..end])
    }

    /// Adds what is known of the evidence. A deviation that none of it is known of cannot be held.
    fn cite(&self, mut finding: Finding, evaluation: &Evaluation<'_, '_>) -> Finding {
        let mut unknown = None;
        for (path, value) in &self.evidence {
            let path = path.fill_known(evaluation, MAX_SOURCE);
            match (path, value.fill_known(evaluation, MAX_VALUE)) {
                (Ok(path), Ok(value)) if !path.trim().is_empty() => {
                    finding = finding.with_evidence(Citation::new(path, value));
                }
                (Err((_, reason)), _) | (_, Err((_, reason))) => unknown = unknown.or(Some(reason)),
                _ => {}
            }
        }
        if finding.outcome.is_deviation() && finding.evidence.is_empty() {
            let reason = unknown.unwrap_or_else(|| "it is empty".to_owned());
            let reason = format!("{}, but the evidence for it cannot be cited: {reason}", finding.message);
            return self.not_run(finding.subject, &reason);
        }
        finding
    }

    fn judge_each(&self, evaluation: &Evaluation<'_, '_>, list: &Condition) -> Vec<Finding> {
        let node = |finding: Finding| vec![finding];
        let items: List<'_> = match evaluation.evaluate(&list.node) {
            Ok(Value::List(items)) => items,
            Ok(other) => {
                let reason = format!("expected a list, found {} (in `{}`)", other.kind(), list.source);
                return node(self.not_run("node".to_owned(), &reason));
            }
            Err(unknown) => {
                let reason = format!("{} (in `{}`)", unknown.reason, list.source);
                return node(self.not_run("node".to_owned(), &reason));
            }
        };
        if items.len() == 0 {
            let message = format!("there is nothing to look at: `{}` is an empty list", list.source);
            return node(self.meta.not_applicable("node", message));
        }
        if items.len() > MAX_SUBJECTS {
            let reason = format!(
                "{} subjects in `{}`, at most {MAX_SUBJECTS} are looked at: filter or group them",
                items.len(),
                list.source
            );
            return node(self.not_run("node".to_owned(), &reason));
        }
        let items = (0..items.len()).filter_map(|index| Some((index, items.get(index)?)));
        let all: Vec<Finding> = items
            .map(|(index, item)| {
                evaluation.clear();
                evaluation.push(item);
                self.judge(evaluation, &format!("item {} of `{}`", index + 1, list.source))
            })
            .collect();
        self.without_inapplicable(all)
    }

    /// Hundreds of virtual interfaces that a rule is not about are no news, unless there is nothing else.
    fn without_inapplicable(&self, all: Vec<Finding>) -> Vec<Finding> {
        let is_about = |finding: &Finding| finding.outcome != Outcome::NotApplicable;
        if all.iter().any(is_about) {
            return all.into_iter().filter(is_about).collect();
        }
        match all.as_slice() {
            [first, _, ..] => {
                let text =
                    format!("none of {} applies, such as {}: {}", all.len(), first.subject, first.message);
                vec![self.meta.not_applicable("node", &text[..text.floor_char_boundary(MAX_MESSAGE)])]
            }
            _ => all,
        }
    }
}

impl Check for Rule {
    fn meta(&self) -> &'static CheckMeta {
        self.meta
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let needs: Vec<Result<Json, Missing>> =
            self.meta.needs.iter().map(|need| evidence.get::<Json>(need)).collect();
        let limits: Vec<f64> =
            self.meta.thresholds.iter().map(|threshold| evidence.threshold(self.meta, threshold)).collect();
        let evaluation = Evaluation::new(&needs, &limits);
        Ok(match &self.for_each {
            Some(list) => self.judge_each(&evaluation, list),
            None => vec![self.judge(&evaluation, "node")],
        })
    }
}
