//! A rule as a check.

use plumb_check_sdk::page::NO_ANSWER;
use plumb_check_sdk::{
    Arg, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding, Likelihood, Missing, Object,
    ObjectKind, Outcome,
};
use serde_json::Value as Json;

use crate::eval::Evaluation;
use crate::intent::IntentTemplate;
use crate::node::Node;
use crate::template::Template;
use crate::value::{List, Value, number_text};

/// Most subjects of one rule on one node.
const MAX_SUBJECTS: usize = 1000;
/// What the node is called as a subject.
const NODE: &str = "node";
/// Longest texts of a finding, in bytes; the host refuses longer ones.
const MAX_SUBJECT: usize = 1000;
const MAX_MESSAGE: usize = 4000;
const MAX_SOURCE: usize = 1000;
const MAX_VALUE: usize = 8000;

/// A rule whose expressions are all in order.
pub(crate) struct Rule {
    pub(crate) meta: &'static CheckMeta,
    pub(crate) for_each: Option<Condition>,
    /// In an order in which each needs only those before it.
    pub(crate) lets: Vec<Node>,
    pub(crate) applies: Option<Condition>,
    pub(crate) not_applicable: Option<Say>,
    pub(crate) branches: Vec<Branch>,
    pub(crate) pass: Say,
    pub(crate) evidence: Vec<(Template, Template)>,
    pub(crate) confidence: Confidence,
    pub(crate) form: Form,
}

/// How a rule calls what it looks at, and what it knows of it beside.
pub(crate) enum Form {
    /// Format 1: by a text.
    Plain { subject: Option<Template> },
    /// Format 2: by an object.
    Spoken { object: Option<ObjectTemplate>, cause: Option<(String, Option<ObjectTemplate>)> },
}

/// What a rule tells.
pub(crate) enum Say {
    /// Format 1: this text.
    Message(Template),
    /// Format 2: a sentence of its words, which the worker writes, with the values that it names.
    Sentence { variant: String, args: Vec<(String, ArgValue)> },
}

/// A value that a sentence names.
#[derive(Clone)]
pub(crate) struct ArgValue {
    pub(crate) node: Node,
    pub(crate) quantity: Option<(String, u8)>,
}

/// An object with templates.
pub(crate) struct ObjectTemplate {
    pub(crate) kind: ObjectKind,
    pub(crate) id: Option<Template>,
    pub(crate) name: Option<Template>,
}

/// What is looked at.
struct Subject {
    name: String,
    /// In format 2.
    object: Option<Object>,
}

/// An expression with its text, for errors.
pub(crate) struct Condition {
    pub(crate) node: Node,
    pub(crate) source: String,
}

pub(crate) struct Branch {
    pub(crate) outcome: Outcome,
    pub(crate) when: Condition,
    pub(crate) say: Say,
    pub(crate) intents: Vec<IntentTemplate>,
    pub(crate) likelihood: Likelihood,
    pub(crate) confidence: Confidence,
}

impl Rule {
    /// Looks at one subject, which is on the stack if the rule has a variable for it.
    fn judge(&self, evaluation: &Evaluation<'_, '_>, unnamed: &str) -> Finding {
        for node in &self.lets {
            let answer = evaluation.evaluate(node);
            evaluation.push(answer);
        }
        let subject = self.form.subject(evaluation, unnamed);
        if let Some(applies) = &self.applies {
            match evaluation.holds(&applies.node, &applies.source) {
                Ok(true) => {}
                Ok(false) => {
                    return match &self.not_applicable {
                        Some(say) => self.finding(Outcome::NotApplicable, subject, say, evaluation),
                        None => self.meta.not_applicable(subject.name, ""),
                    };
                }
                Err(reason) => return self.not_run(subject, &reason),
            }
        }
        for branch in &self.branches {
            match evaluation.holds(&branch.when.node, &branch.when.source) {
                Ok(true) => {
                    let finding = self.finding(branch.outcome, subject, &branch.say, evaluation);
                    let finding = finding
                        .with_likelihood(branch.likelihood)
                        .with_confidence(branch.confidence)
                        .with_intents(branch.intents.iter().filter_map(|intent| intent.fill(evaluation)));
                    return self.cite(self.with_cause(finding, evaluation), evaluation);
                }
                Ok(false) => {}
                Err(reason) => return self.not_run(subject, &reason),
            }
        }
        let finding = self.finding(Outcome::Pass, subject, &self.pass, evaluation);
        self.cite(finding.with_confidence(self.confidence), evaluation)
    }

    fn finding(
        &self,
        outcome: Outcome,
        subject: Subject,
        say: &Say,
        evaluation: &Evaluation<'_, '_>,
    ) -> Finding {
        match say {
            Say::Message(template) => {
                let text = template.fill(evaluation, MAX_MESSAGE);
                let text = if text.trim().is_empty() { self.meta.title.to_string() } else { text };
                self.meta.finding(outcome, subject.name, text)
            }
            Say::Sentence { variant, args } => Finding {
                object: subject.object,
                variant: Some(variant.clone()),
                args: args.iter().map(|(name, arg)| (name.clone(), arg.fill(evaluation))).collect(),
                ..self.meta.finding(outcome, subject.name, "")
            },
        }
    }

    fn with_cause(&self, finding: Finding, evaluation: &Evaluation<'_, '_>) -> Finding {
        let Form::Spoken { cause: Some((key, object)), .. } = &self.form else { return finding };
        if !finding.outcome.is_deviation() {
            return finding;
        }
        match object {
            None => finding.with_cause(key, Object::node()),
            // What the cause belongs to is not known, so it may be another's.
            Some(object) => match object.fill(evaluation) {
                Some(object) => finding.with_cause(key, object),
                None => finding,
            },
        }
    }

    fn not_run(&self, subject: Subject, reason: &str) -> Finding {
        let reason = &reason[..reason.floor_char_boundary(MAX_MESSAGE)];
        match &self.form {
            Form::Plain { .. } => self.meta.not_run(subject.name, reason),
            Form::Spoken { .. } => Finding {
                object: subject.object,
                variant: Some(NO_ANSWER.to_owned()),
                args: [("reason".to_owned(), Arg::text(reason))].into(),
                ..self.meta.not_run(subject.name, "")
            },
        }
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
            let found =
                if finding.message.is_empty() { "the condition is violated" } else { &finding.message };
            let reason = format!("{found}, but the evidence for it cannot be cited: {reason}");
            let subject = Subject { name: finding.subject, object: finding.object };
            return self.not_run(subject, &reason);
        }
        finding
    }

    fn judge_each(&self, evaluation: &Evaluation<'_, '_>, list: &Condition) -> Vec<Finding> {
        let node = |finding: Finding| vec![finding];
        let items: List<'_> = match evaluation.evaluate(&list.node) {
            Ok(Value::List(items)) => items,
            Ok(other) => {
                let reason = format!("expected a list, found {} (in `{}`)", other.kind(), list.source);
                return node(self.not_run(self.form.node(), &reason));
            }
            Err(unknown) => {
                let reason = format!("{} (in `{}`)", unknown.reason, list.source);
                return node(self.not_run(self.form.node(), &reason));
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
            return node(self.not_run(self.form.node(), &reason));
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
            // Its sentence is not written yet, and says what it says of one object only.
            [first, _, ..] if first.variant.is_some() => vec![first.clone()],
            [first, _, ..] => {
                let text =
                    format!("none of {} applies, such as {}: {}", all.len(), first.subject, first.message);
                vec![self.meta.not_applicable("node", &text[..text.floor_char_boundary(MAX_MESSAGE)])]
            }
            _ => all,
        }
    }
}

impl Form {
    fn subject(&self, evaluation: &Evaluation<'_, '_>, unnamed: &str) -> Subject {
        match self {
            Self::Plain { subject } => {
                let subject = subject.as_ref().and_then(|text| text.fill_known(evaluation, MAX_SUBJECT).ok());
                let name = subject.filter(|name| !name.trim().is_empty());
                Subject { name: name.unwrap_or_else(|| unnamed.to_owned()), object: None }
            }
            Self::Spoken { object, .. } => {
                let object = object.as_ref().and_then(|object| object.fill(evaluation));
                let object = object.unwrap_or_else(|| match unnamed {
                    NODE => Object::node(),
                    unnamed => Object::new(ObjectKind::Other, unnamed),
                });
                Subject { name: object.subject(), object: Some(object) }
            }
        }
    }

    /// The node as a whole.
    fn node(&self) -> Subject {
        let object = matches!(self, Self::Spoken { .. }).then(Object::node);
        Subject { name: NODE.to_owned(), object }
    }
}

impl ObjectTemplate {
    /// The object; `None` where which one it is, is not known.
    fn fill(&self, evaluation: &Evaluation<'_, '_>) -> Option<Object> {
        let text = |template: &Option<Template>| match template {
            None => Some(String::new()),
            Some(template) => template.fill_known(evaluation, MAX_SUBJECT).ok(),
        };
        let id = text(&self.id)?;
        let id = match (self.kind, id.parse::<CpuSet>()) {
            (ObjectKind::Cpus, Ok(cpus)) => cpus.to_string(),
            _ => id,
        };
        let object = Object::new(self.kind, id).named(text(&self.name)?);
        let is_named = self.id.is_none() || !object.id.trim().is_empty();
        (is_named && !object.subject().trim().is_empty()).then_some(object)
    }
}

impl ArgValue {
    /// The value; where it is not known, that, as a text.
    fn fill(&self, evaluation: &Evaluation<'_, '_>) -> Arg {
        let value = match evaluation.evaluate(&self.node) {
            Ok(Value::Number(number)) => return self.number(number),
            Ok(value) => value.to_text(),
            Err(unknown) => Err(unknown),
        };
        let text = value.unwrap_or_else(|unknown| format!("(not known: {})", unknown.reason));
        Arg::text(&text[..text.floor_char_boundary(MAX_SUBJECT)])
    }

    /// A whole number counts things, unless it has a unit; others are printed as messages print them.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number of a range that it fits in"
    )]
    fn number(&self, number: f64) -> Arg {
        match &self.quantity {
            Some((unit, digits)) => Arg::quantity(number, unit, *digits),
            None if number.fract() == 0.0 && (0.0..1e15).contains(&number) => Arg::from(number as u64),
            None => {
                let text = number_text(number);
                let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
                Arg::quantity(number, "", u8::try_from(decimals).unwrap_or_default())
            }
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
            None => vec![self.judge(&evaluation, NODE)],
        })
    }
}
