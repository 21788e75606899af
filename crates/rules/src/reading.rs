//! From the tables of a rule to one whose expressions and words are all in order.

use std::collections::BTreeMap;

use plumb_check_sdk::{Confidence, Evidence, Likelihood, ObjectKind, Outcome};
use plumb_strict_toml::At;

use crate::file::{BranchTable, CitationTable, Place, RuleTable, ThresholdTable};
use crate::intent::{IntentTable, IntentTemplate};
use crate::lower::{LIMITS, Parsed, Scope, parse};
use crate::node::Node;
use crate::problem::Problem;
use crate::rule::{ArgValue, Branch, Condition, Form, ObjectTemplate, Rule, Say};
use crate::sentences::Sentences;
use crate::spoken::{ObjectTable, SaidTable, SpokenBranch, SpokenTable};
use crate::template::Template;

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
    /// For one rule, in either format.
    fn new(
        id: &'a Place,
        needs: &[&'a str],
        thresholds: &'a BTreeMap<String, ThresholdTable>,
        likelihood: Option<Likelihood>,
        confidence: Option<Confidence>,
    ) -> Self {
        let limits = thresholds.keys().map(String::as_str).collect();
        let scope = Scope::new(needs.iter().copied(), limits);
        let mut reader = Self { id, scope, likelihood, confidence, problems: Vec::new() };
        reader.needs(needs);
        reader
    }

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
                let text = format!(
                    "`words.en`: sentence `{name}` names `${arg}`, which `args` does not give: add `args.{arg}`"
                );
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
                    let text = format!(
                        "`{what}`: expected `{wanted}-{name}` in the words, found `{other}-{name}`: name another sentence"
                    );
                    reader.tell(place, text);
                }
                let own =
                    variant.args.iter().filter_map(|arg| Some((arg.clone(), self.args.get(arg)?.clone())));
                own.collect()
            }
            None => {
                let text =
                    format!("`{what}`: there is no sentence `{name}`: add `{wanted}-{name}` to `words.en`");
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
        let mut reader =
            Reader::new(&table.id, &needs, &table.thresholds, table.likelihood, table.confidence);
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
        let mut reader =
            Reader::new(&table.id, &needs, &table.thresholds, table.likelihood, table.confidence);
        let head = reader.head(&table.for_each, &table.lets, table.applies.as_ref());
        let mut speech = Speech::new(table, &mut reader);
        let quiet = |said: &SaidTable, what: &str, speech: &mut Speech, reader: &mut Reader<'_>| {
            speech.say(&format!("{what}.variant"), &said.variant, Some(false), reader)
        };
        let not_applicable =
            table.not_applicable.as_ref().map(|said| quiet(said, "not_applicable", &mut speech, &mut reader));
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
            let text =
                format!("`words`: nothing says sentence `{unsaid}`: name it as a `variant`, or remove it");
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
}

fn is_key(key: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !key.is_empty() && key.chars().all(allowed)
}
