//! A rule as a check.

use std::collections::BTreeMap;

use plumb_check_sdk::page::NO_ANSWER;
use plumb_check_sdk::{
    Arg, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding, Likelihood, Missing, Object,
    ObjectKind, Outcome,
};
use plumb_strict_toml::At;
use serde_json::Value as Json;

use crate::eval::Evaluation;
use crate::file::{BranchTable, CitationTable, Place, RuleTable};
use crate::intent::{IntentTable, IntentTemplate};
use crate::lower::{LIMITS, Parsed, Scope, parse};
use crate::node::Node;
use crate::problem::Problem;
use crate::sentences::Sentences;
use crate::spoken::{ObjectTable, SaidTable, SpokenBranch, SpokenTable};
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
    meta: &'static CheckMeta,
    for_each: Option<Condition>,
    /// In an order in which each needs only those before it.
    lets: Vec<Node>,
    applies: Option<Condition>,
    not_applicable: Option<Say>,
    branches: Vec<Branch>,
    pass: Say,
    evidence: Vec<(Template, Template)>,
    confidence: Confidence,
    form: Form,
}

/// How a rule calls what it looks at, and what it knows of it beside.
enum Form {
    /// Format 1: by a text.
    Plain { subject: Option<Template> },
    /// Format 2: by an object.
    Spoken { object: Option<ObjectTemplate>, cause: Option<(String, Option<ObjectTemplate>)> },
}

/// What a rule tells.
enum Say {
    /// Format 1: this text.
    Message(Template),
    /// Format 2: a sentence of its words, which the worker writes, with the values that it names.
    Sentence { variant: String, args: Vec<(String, ArgValue)> },
}

/// A value that a sentence names.
#[derive(Clone)]
struct ArgValue {
    node: Node,
    quantity: Option<(String, u8)>,
}

/// An object with templates.
struct ObjectTemplate {
    kind: ObjectKind,
    id: Option<Template>,
    name: Option<Template>,
}

/// What is looked at.
struct Subject {
    name: String,
    /// In format 2.
    object: Option<Object>,
}

/// An expression with its text, for errors.
struct Condition {
    node: Node,
    source: String,
}

struct Branch {
    outcome: Outcome,
    when: Condition,
    say: Say,
    intents: Vec<IntentTemplate>,
    likelihood: Likelihood,
    confidence: Confidence,
}

/// Reads the expressions of one rule and keeps what is wrong with them.
struct Reader<'a> {
    id: &'a Place,
    scope: Scope<'a>,
    likelihood: Option<Likelihood>,
    confidence: Option<Confidence>,
    problems: Vec<Problem>,
}

/// What rules of both formats begin with.
struct Head {
    for_each: Option<Condition>,
    lets: Vec<Node>,
    applies: Option<Condition>,
}

impl<'a> Reader<'a> {
    fn tell(&mut self, place: &Place, text: String) {
        self.tell_at(place.line(), text);
    }

    fn tell_at(&mut self, line: Option<usize>, text: String) {
        let line = line.or(self.id.line());
        self.problems.push(Problem { line, rule: Some(self.id.to_string()), text });
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
    fn lets(&mut self, tables: &BTreeMap<String, Place>) -> Vec<Node> {
        let mut parsed: BTreeMap<&str, (&Place, Parsed)> = BTreeMap::new();
        for (name, place) in tables {
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
        for (name, _) in tables.iter().filter(|(name, _)| !parsed.contains_key(name.as_str())) {
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
            say: Say::Message(message?),
            intents: Vec::new(),
            likelihood: table.likelihood.or(self.likelihood).unwrap_or(Likelihood::Setting),
            confidence: table.confidence.or(self.confidence).unwrap_or(Confidence::High),
        })
    }

    /// That the needs are parts of the evidence.
    fn needs(&mut self, needs: &[&str]) {
        for need in needs {
            let root = need.split('/').nth(1).unwrap_or_default();
            if !need.starts_with('/') || !Evidence::has_section(root) {
                self.tell(self.id, format!("`needs`: `{need}` is no part of the evidence: compare with `docs`, such as `/node/kernel`"));
            }
        }
    }

    /// Variables and condition of a rule, in the order in which expressions may name them.
    fn head(
        &mut self,
        for_each: &BTreeMap<String, Place>,
        lets: &BTreeMap<String, Place>,
        applies: Option<&Place>,
    ) -> Head {
        if for_each.len() > 1 {
            self.tell(self.id, "`for_each`: expected one variable and its list".to_owned());
        }
        let mut list = None;
        if let Some((name, place)) = for_each.first_key_value() {
            list = self.expression("for_each", place);
            self.variable("for_each", name, place);
        }
        let lets = self.lets(lets);
        let applies = applies.and_then(|place| self.expression("applies", place));
        Head { for_each: list, lets, applies }
    }

    /// That condition and text of a rule that does not apply go together.
    fn applies_with(&mut self, applies: Option<&Place>, not_applicable: Option<&Place>) {
        match (applies, not_applicable) {
            (Some(place), None) => self.tell(
                place,
                "`applies` without `not_applicable`: say what is told where it does not".to_owned(),
            ),
            (None, Some(place)) => self.tell(
                place,
                "`not_applicable` without `applies`: add the condition, or remove it".to_owned(),
            ),
            _ => {}
        }
    }

    fn evidence(&mut self, tables: &[CitationTable], deviates: bool) -> Vec<(Template, Template)> {
        let mut evidence = Vec::new();
        for citation in tables {
            let path = self.template("evidence.path", &citation.path);
            evidence.extend(path.zip(self.template("evidence.value", &citation.value)));
        }
        if tables.is_empty() && deviates {
            let text = "`evidence` is empty: a deviation must cite a path and the value read there";
            self.tell(self.id, text.to_owned());
        }
        evidence
    }

    fn can_find(&mut self, branches: [bool; 3]) {
        if branches == [false; 3] {
            self.tell(self.id, "it can find nothing: add `fail`, `warn` or `info`".to_owned());
        }
    }

    /// What is declared and read by nothing; told once all else is in order.
    fn unused(&mut self) {
        if self.problems.is_empty() {
            let unused: Vec<&str> = self.scope.unused().collect();
            for need in unused {
                self.tell(self.id, format!("`needs`: no expression reads `{need}`: remove it"));
            }
        }
    }

    fn object(&mut self, what: &str, table: &At<ObjectTable>) -> ObjectTemplate {
        let id = table.id.as_ref().and_then(|place| self.template(&format!("{what}.id"), place));
        let name = table.name.as_ref().and_then(|place| self.template(&format!("{what}.name"), place));
        let is_node = table.kind == ObjectKind::Node;
        if is_node == table.id.is_some() {
            let problem =
                if is_node { "the node has none: remove it" } else { "it is missing: say which one it is" };
            self.tell_at(table.line(), format!("`{what}.id`: {problem}"));
        }
        ObjectTemplate { kind: table.kind, id, name }
    }

    fn intents(&mut self, what: &str, tables: &[At<IntentTable>]) -> Vec<IntentTemplate> {
        let mut wrong = Vec::new();
        let mut tell = |line, text| wrong.push((line, text));
        let read = tables.iter().filter_map(|table| IntentTemplate::new(table, &mut self.scope, &mut tell));
        let intents = read.collect();
        for (line, text) in wrong {
            self.tell_at(line, format!("`{what}`: {text}"));
        }
        intents
    }
}

/// The sentences of one rule of format 2, and the values that they may name.
struct Speech {
    sentences: Sentences,
    args: BTreeMap<String, ArgValue>,
    /// Sentences that some branch says.
    said: Vec<String>,
}

impl Speech {
    fn new(table: &SpokenTable, reader: &mut Reader<'_>) -> Self {
        let mut wrong = Vec::new();
        let sentences = Sentences::read(&table.words, &mut |problem| wrong.push(problem));
        for (line, text) in wrong {
            reader.tell_at(line, text);
        }
        let mut args = BTreeMap::new();
        for (name, place) in &table.args {
            match parse(&place.value).and_then(|parsed| reader.scope.lower(&parsed)) {
                Ok(node) => {
                    args.insert(name.clone(), ArgValue { node, quantity: place.quantity.clone() });
                }
                Err(problem) => reader.tell_at(place.line(), format!("`args.{name}`: {problem}")),
            }
            if !sentences.variants.values().any(|variant| variant.args.contains(name)) {
                let text = format!("`args.{name}`: no sentence names `${name}`: remove it");
                reader.tell_at(place.line(), text);
            }
        }
        for (name, variant) in &sentences.variants {
            for arg in variant.args.iter().filter(|arg| !table.args.contains_key(*arg)) {
                let place = ["problem", "detail", "effect", "found"].iter().find_map(|kind| {
                    let texts = table.words.get(plumb_words::ENGLISH)?;
                    texts.get(&format!("{kind}-{name}")).filter(|text| text.contains(&format!("${arg}")))
                });
                let text =
                    format!("`words.en`: sentence `{name}` names `${arg}`, which `args` does not give: add `args.{arg}`");
                reader.tell_at(place.and_then(|place| place.line()), text);
            }
        }
        Self { sentences, args, said: Vec::new() }
    }

    /// A sentence of these words. `is_problem` is which kind of sentence is wanted, where it has to be one.
    fn say(&mut self, what: &str, place: &Place, is_problem: Option<bool>, reader: &mut Reader<'_>) -> Say {
        let name: &str = place;
        self.said.push(name.to_owned());
        let wanted = if is_problem == Some(true) { "problem" } else { "found" };
        let args = match self.sentences.variants.get(name) {
            Some(variant) => {
                if is_problem.is_some_and(|wanted| wanted != variant.is_problem) {
                    let other = if variant.is_problem { "problem" } else { "found" };
                    let text = format!("`{what}`: expected `{wanted}-{name}` in the words, found `{other}-{name}`: name another sentence");
                    reader.tell(place, text);
                }
                let own = variant.args.iter().filter_map(|arg| Some((arg.clone(), self.args.get(arg)?.clone())));
                own.collect()
            }
            None => {
                let text = format!("`{what}`: there is no sentence `{name}`: add `{wanted}-{name}` to `words.en`");
                reader.tell(place, text);
                Vec::new()
            }
        };
        Say::Sentence { variant: name.to_owned(), args }
    }

    fn branch(
        &mut self,
        what: &str,
        outcome: Outcome,
        table: &SpokenBranch,
        of_rule: &[IntentTemplate],
        reader: &mut Reader<'_>,
    ) -> Option<Branch> {
        let when = reader.expression(&format!("{what}.when"), &table.when);
        let is_problem = outcome.is_deviation().then_some(true);
        let say = self.say(&format!("{what}.variant"), &table.variant, is_problem, reader);
        let own = reader.intents(&format!("{what}.intent"), &table.intent);
        let intents = match (outcome.is_deviation(), own.is_empty()) {
            (false, false) => {
                reader.tell(&table.when, format!("`{what}.intent`: it is no deviation: remove it"));
                Vec::new()
            }
            (false, true) => Vec::new(),
            (true, true) => of_rule.to_vec(),
            (true, false) => own,
        };
        Some(Branch {
            outcome,
            when: when?,
            say,
            intents,
            likelihood: table.likelihood.or(reader.likelihood).unwrap_or(Likelihood::Setting),
            confidence: table.confidence.or(reader.confidence).unwrap_or(Confidence::High),
        })
    }
}

impl Rule {
    /// Reads all expressions of a rule of format 1.
    pub(crate) fn plain(table: &RuleTable) -> Result<Self, Vec<Problem>> {
        let meta = table.meta();
        let needs: Vec<&str> = meta.needs.iter().map(AsRef::as_ref).collect();
        let limits = table.thresholds.keys().map(String::as_str).collect();
        let mut reader = Reader {
            id: &table.id,
            scope: Scope::new(needs.iter().copied(), limits),
            likelihood: table.likelihood,
            confidence: table.confidence,
            problems: Vec::new(),
        };
        reader.needs(&needs);
        let head = reader.head(&table.for_each, &table.lets, table.applies.as_ref());
        let not_applicable =
            table.not_applicable.as_ref().and_then(|place| reader.template("not_applicable", place));
        reader.applies_with(table.applies.as_ref(), table.not_applicable.as_ref());
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
        reader.can_find([table.fail.is_some(), table.warn.is_some(), table.info.is_some()]);
        let pass = reader.template("pass", &table.pass);
        let evidence = reader.evidence(&table.evidence, table.fail.is_some() || table.warn.is_some());
        reader.unused();
        match pass {
            Some(pass) if reader.problems.is_empty() => Ok(Self {
                meta: Box::leak(Box::new(meta.clone())),
                for_each: head.for_each,
                lets: head.lets,
                applies: head.applies,
                not_applicable: not_applicable.map(Say::Message),
                branches,
                pass: Say::Message(pass),
                evidence,
                confidence: table.confidence.unwrap_or(Confidence::High),
                form: Form::Plain { subject },
            }),
            _ => Err(reader.problems),
        }
    }

    /// Reads all expressions and sentences of a rule of format 2. With the rule come its message files by language.
    pub(crate) fn spoken(table: &SpokenTable) -> Result<(Self, BTreeMap<String, String>), Vec<Problem>> {
        let told = |wrong: Vec<_>| wrong.into_iter().map(|wrong| table.problem(wrong)).collect::<Vec<_>>();
        let meta = table.meta().map_err(told)?;
        let needs: Vec<&str> = meta.needs.iter().map(AsRef::as_ref).collect();
        let limits = table.thresholds.keys().map(String::as_str).collect();
        let mut reader = Reader {
            id: &table.id,
            scope: Scope::new(needs.iter().copied(), limits),
            likelihood: table.likelihood,
            confidence: table.confidence,
            problems: Vec::new(),
        };
        reader.needs(&needs);
        let head = reader.head(&table.for_each, &table.lets, table.applies.as_ref());
        let mut speech = Speech::new(table, &mut reader);
        let quiet = |said: &SaidTable, what: &str, speech: &mut Speech, reader: &mut Reader<'_>| {
            speech.say(&format!("{what}.variant"), &said.variant, Some(false), reader)
        };
        let not_applicable = table
            .not_applicable
            .as_ref()
            .map(|said| quiet(said, "not_applicable", &mut speech, &mut reader));
        let of_said = table.not_applicable.as_ref().map(|said| &said.variant);
        reader.applies_with(table.applies.as_ref(), of_said);
        let object = table.object.as_ref().map(|object| reader.object("object", object));
        if let Some((_, place)) = table.for_each.first_key_value().filter(|_| table.object.is_none()) {
            reader.tell(place, "`for_each` without `object`: say what one of them is".to_owned());
        }
        let cause = table.cause.as_ref().map(|cause| {
            if !is_key(&cause.key) {
                let text = "`cause.key`: expected lower-case letters, digits and `-`".to_owned();
                reader.tell(&cause.key, text);
            }
            let object = cause.object.as_ref().map(|object| reader.object("cause.object", object));
            (cause.key.to_string(), object)
        });
        let intents = reader.intents("intent", &table.intent);
        let mut branches = Vec::new();
        let tables = [
            ("fail", Outcome::Fail, &table.fail),
            ("warn", Outcome::Warn, &table.warn),
            ("info", Outcome::Info, &table.info),
        ];
        for (what, outcome, branch) in tables {
            let read = |branch| speech.branch(what, outcome, branch, &intents, &mut reader);
            branches.extend(branch.as_ref().and_then(read));
        }
        reader.can_find([table.fail.is_some(), table.warn.is_some(), table.info.is_some()]);
        let pass = quiet(&table.pass, "pass", &mut speech, &mut reader);
        let evidence = reader.evidence(&table.evidence, table.fail.is_some() || table.warn.is_some());
        for unsaid in speech.sentences.variants.keys().filter(|name| !speech.said.contains(name)) {
            let text = format!("`words`: nothing says sentence `{unsaid}`: name it as a `variant`, or remove it");
            reader.tell(&table.id, text);
        }
        reader.unused();
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let rule = Self {
            meta: Box::leak(Box::new(meta.clone())),
            for_each: head.for_each,
            lets: head.lets,
            applies: head.applies,
            not_applicable,
            branches,
            pass,
            evidence,
            confidence: table.confidence.unwrap_or(Confidence::High),
            form: Form::Spoken { object, cause },
        };
        Ok((rule, speech.sentences.files))
    }

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

fn is_key(key: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !key.is_empty() && key.chars().all(allowed)
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
