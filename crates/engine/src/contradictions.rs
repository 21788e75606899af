//! Contradictions, found before anything is printed: statements that cannot both be true of one node.
//!
//! Each is an entry of its own in every format, with what says the one and what says the other. None of them is resolved here:
//! which side is wrong is for a person to find out, and until then nobody should act on either.

use std::collections::BTreeMap;

use plumb_check_sdk::{CheckMeta, Citation, Intent, Object, ObjectKind, Outcome};
use plumb_evidence::Evidence;
use plumb_evidence::contradictions::{Quantity, disagreements};
use plumb_words::ENGLISH;
use serde::Serialize;

use crate::action::{Action, ActionState};
use crate::assessment::{FindingRef, RatedFinding};
use crate::speech::{Speech, Text, Translations, say};

/// Value of a claim that is none.
const UNKNOWN: &str = "unknown";

/// What kind of contradiction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Two sources of the evidence give different values of one quantity, or a value that no node can have.
    Sources,
    /// One check says of one object that it is in order and that it is not.
    Outcomes,
    /// Two findings say things of one object that exclude each other.
    Statements,
    /// Two findings want different things of one object.
    Advice,
    /// What a finding asks for is in force already.
    InForce,
}

/// Statements that cannot both be true.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contradiction {
    /// What kind it is.
    pub kind: Kind,
    /// What contradicts what, in one sentence without a full stop.
    pub sentence: String,
    /// `sentence` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
    /// The findings that contradict each other; empty where sources do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingRef>,
    /// The sources that contradict each other; empty where findings do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Citation>,
}

impl Contradiction {
    fn new(kind: Kind, sentence: &Text<'_>, speech: &Speech) -> Self {
        let mut words = Translations::default();
        let sentence = speech.field(&mut words, "sentence", sentence);
        Self { kind, sentence, words, findings: Vec::new(), sources: Vec::new() }
    }

    fn between(
        kind: Kind,
        key: &'static str,
        one: &RatedFinding,
        other: &RatedFinding,
        speech: &Speech,
    ) -> Self {
        let sentence = say(key)
            .with("one_subject", one.subject.as_str())
            .with("one", Text::Found(one))
            .with("other_subject", other.subject.as_str())
            .with("other", Text::Found(other));
        Self {
            findings: vec![FindingRef::to(one), FindingRef::to(other)],
            ..Self::new(kind, &sentence, speech)
        }
    }
}

/// All contradictions that evidence and findings hold; `meta` knows the checks.
pub(crate) fn find<'a>(
    evidence: &Evidence,
    findings: &[RatedFinding],
    meta: impl Fn(&str) -> Option<&'a CheckMeta>,
    speech: &Speech,
) -> Vec<Contradiction> {
    let mut all = sources(evidence, speech);
    all.extend(outcomes(findings, speech));
    all.extend(statements(evidence, findings, meta, speech));
    all.extend(findings.iter().filter_map(|finding| in_force(finding, speech)));
    all
}

fn sources(evidence: &Evidence, speech: &Speech) -> Vec<Contradiction> {
    let told = |quantity: Quantity| say(format!("contradiction-{}", quantity.as_str()));
    disagreements(evidence)
        .into_iter()
        .map(|own| {
            let mut sentence = told(own.quantity);
            for (name, source) in [("one", own.sources.first()), ("other", own.sources.last())] {
                if let Some(source) = source {
                    sentence = sentence.with(name, source.value.clone());
                }
            }
            let sources = own.sources.into_iter().map(Citation::from).collect();
            Contradiction { sources, ..Contradiction::new(Kind::Sources, &sentence, speech) }
        })
        .collect()
}

/// The same sentence of one check about one object, with opposite outcomes.
fn outcomes(findings: &[RatedFinding], speech: &Speech) -> Vec<Contradiction> {
    let good = findings.iter().filter(|finding| finding.outcome == Outcome::Pass);
    let mut all = Vec::new();
    for pass in good {
        let opposite = findings.iter().find(|other| {
            other.check == pass.check
                && other.outcome.is_deviation()
                && other.object.is_some()
                && other.object == pass.object
                && (other.variant == pass.variant || other.subject == pass.subject)
        });
        if let Some(other) = opposite {
            all.push(Contradiction::between(Kind::Outcomes, "contradiction-outcomes", other, pass, speech));
        }
    }
    all
}

/// What a statement is about: the server that an object belongs to, or else the object itself.
fn scope(evidence: &Evidence, object: Option<&Object>) -> (ObjectKind, String) {
    let Some(object) = object else { return (ObjectKind::Node, String::new()) };
    let servers = evidence.servers.known().map(Vec::as_slice).unwrap_or_default();
    let pid: Option<u32> = object.id.parse().ok();
    let of_process = servers.iter().find(|server| {
        object.kind == ObjectKind::Process && server.processes.iter().any(|own| Some(own.pid) == pid)
    });
    match of_process {
        Some(server) => (ObjectKind::Server, server.pid.to_string()),
        None => (object.kind, object.id.clone()),
    }
}

/// What pages say that their sentences claim, held against each other.
fn statements<'a>(
    evidence: &Evidence,
    findings: &[RatedFinding],
    meta: impl Fn(&str) -> Option<&'a CheckMeta>,
    speech: &Speech,
) -> Vec<Contradiction> {
    let mut claimed: BTreeMap<_, (String, &RatedFinding)> = BTreeMap::new();
    let mut all = Vec::new();
    for finding in findings {
        let (Some(meta), Some(variant)) = (meta(&finding.check), &finding.variant) else { continue };
        for claim in meta.claims.iter().filter(|claim| claim.variant == *variant) {
            let value = match (&claim.arg, &claim.is) {
                (Some(arg), _) => {
                    finding.args.get(arg.as_ref()).map(|arg| plumb_words::text_of(arg, ENGLISH))
                }
                (None, is) => is.as_deref().map(str::to_owned),
            };
            // What is not known is no claim.
            let Some(value) = value.filter(|value| value != UNKNOWN) else { continue };
            let key = (claim.topic.to_string(), scope(evidence, finding.object.as_ref()));
            match claimed.get(&key) {
                Some((said, other)) if *said != value => {
                    all.push(Contradiction::between(
                        Kind::Statements,
                        "contradiction-statements",
                        other,
                        finding,
                        speech,
                    ));
                }
                Some(_) => {}
                None => {
                    claimed.insert(key, (value, finding));
                }
            }
        }
    }
    all
}

/// A goal whose value is the one that was seen.
fn in_force(finding: &RatedFinding, speech: &Speech) -> Option<Contradiction> {
    let goal = finding.intents.iter().find(|intent| is_in_force(intent))?;
    let sentence = say("contradiction-in-force")
        .with("subject", finding.subject.as_str())
        .with("found", Text::Found(finding))
        .with("goal", goal.kind());
    let findings = vec![FindingRef::to(finding)];
    Some(Contradiction { findings, ..Contradiction::new(Kind::InForce, &sentence, speech) })
}

fn is_in_force(intent: &Intent) -> bool {
    match intent {
        Intent::Governor { want, was, .. }
        | Intent::EnergyPreference { want, was, .. }
        | Intent::Boost { want, was, .. }
        | Intent::Value { want, was, .. }
        | Intent::Sysctl { want, was, .. } => want.trim() == was.trim(),
        Intent::EnergyBias { want, was, .. } => was.trim() == want.to_string(),
        Intent::FrequencyCap { want_khz, was_khz, .. } => want_khz == was_khz,
        Intent::Cores { want, was, .. } => want <= was,
        Intent::ThreadPool { want, was, .. } => want >= was,
        Intent::Variable { want, was, .. } | Intent::WithOption { want, was, .. } => {
            want.is_some() && want == was
        }
        Intent::Service { want, was, .. } | Intent::Persist { want, was, .. } => was.as_ref() == Some(want),
        Intent::SharedMemory { want_bytes, was_bytes, .. } => was_bytes >= want_bytes,
        _ => false,
    }
}

/// Advice that contradicts other advice, once the goals of all findings are resolved.
#[must_use]
pub fn of_actions(actions: &[Action], findings: &[RatedFinding], languages: &[&str]) -> Vec<Contradiction> {
    let speech = Speech::new(languages);
    actions
        .iter()
        .filter(|action| action.state == ActionState::Conflict)
        .filter_map(|action| {
            let finding = |reference: &FindingRef| {
                let is_it =
                    |own: &&RatedFinding| own.check == reference.check && own.subject == reference.subject;
                findings.iter().find(is_it)
            };
            let mut own = action.findings.iter().filter_map(finding);
            let (one, other) = (own.next()?, own.next_back()?);
            let found = Contradiction::between(Kind::Advice, "contradiction-advice", one, other, &speech);
            Some(Contradiction { findings: action.findings.clone(), ..found })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use plumb_check_sdk::{Claim, Finding, Severity};
    use plumb_evidence::Fact;

    use super::*;
    use crate::assess::{PackAnswer, Terms, assess};
    use crate::testing;

    /// Checks with one finding each; `change` makes of them what is tried.
    fn told(checks: &[(&str, Outcome)], change: impl Fn(&mut PackAnswer)) -> Vec<Contradiction> {
        let checks: Vec<_> =
            checks.iter().map(|&(check, outcome)| (check, Severity::Medium, outcome)).collect();
        let mut answer = testing::answer(&checks);
        change(&mut answer);
        let terms = Terms { languages: vec!["de".into()], ..Terms::default() };
        let told = assess(&testing::empty_evidence(), "0", "0", vec![answer], &terms).contradictions;
        for own in &told {
            assert!(!own.sentence.contains("contradiction-"), "{own:?}");
            let german = own.words.get("de", "sentence", "");
            assert!(!german.is_empty() && german != own.sentence, "{own:?}");
        }
        told
    }

    fn kinds(told: &[Contradiction]) -> Vec<Kind> {
        told.iter().map(|own| own.kind).collect()
    }

    fn of_server(finding: &mut Finding, variant: &str) {
        finding.object = Some(Object::setting("turbo"));
        finding.variant = Some(variant.to_owned());
    }

    #[test]
    fn sentences_that_claim_different_things_of_one_object_exclude_each_other() {
        let claim = |variant: &'static str, is: &'static str| Claim {
            variant: variant.into(),
            topic: "turbo".into(),
            is: Some(is.into()),
            arg: None,
        };
        let with = |one: &'static str, other: &'static str| {
            told(&[("a.b", Outcome::Fail), ("c.d", Outcome::Pass)], |answer| {
                for meta in answer.manifest.checks.to_mut() {
                    meta.claims = vec![claim("off", "off"), claim("on", "on"), claim("open", UNKNOWN)].into();
                }
                of_server(&mut answer.findings[0], one);
                of_server(&mut answer.findings[1], other);
            })
        };
        assert_eq!(kinds(&with("off", "on")), [Kind::Statements]);
        assert_eq!(kinds(&with("off", "off")), []);
        assert_eq!(kinds(&with("off", "open")), []);
        assert_eq!(kinds(&with("off", "else")), []);
        let both = with("off", "on");
        assert_eq!(both[0].findings.iter().map(|own| own.check.as_str()).collect::<Vec<_>>(), ["a.b", "c.d"]);
    }

    #[test]
    fn one_check_does_not_pass_and_fail_on_one_object() {
        let with = |same: bool| {
            told(&[("a.b", Outcome::Fail)], |answer| {
                of_server(&mut answer.findings[0], "off");
                let mut other = Finding { outcome: Outcome::Pass, ..answer.findings[0].clone() };
                if !same {
                    other.subject = "another".into();
                    other.object = Some(Object::setting("another"));
                }
                answer.findings.push(other);
            })
        };
        assert_eq!(kinds(&with(true)), [Kind::Outcomes]);
        assert_eq!(kinds(&with(false)), []);
    }

    #[test]
    fn a_goal_that_is_in_force_is_told() {
        let with = |was: &str| {
            told(&[("a.b", Outcome::Warn)], |answer| {
                answer.findings[0].intents =
                    vec![Intent::Sysctl { name: "vm.swappiness".into(), want: "1".into(), was: was.into() }];
            })
        };
        assert_eq!(kinds(&with("1\n")), [Kind::InForce]);
        assert_eq!(kinds(&with("60")), []);
    }

    #[test]
    fn sources_of_the_evidence_are_told_with_both_sides() {
        let mut evidence = testing::empty_evidence();
        let memory = plumb_evidence::model::Memory {
            path: "/proc/meminfo".into(),
            total_bytes: Fact::Known(1 << 30),
            free_bytes: Fact::Known(2 << 30),
            ..plumb_evidence::model::Memory::default()
        };
        evidence.memory = Fact::Known(memory);
        let told = assess(&evidence, "0", "0", vec![], &Terms::default()).contradictions;
        assert_eq!(kinds(&told), [Kind::Sources]);
        assert!(told[0].sentence.contains("MemTotal 1.0 GiB, MemFree 2.0 GiB"), "{told:?}");
        assert_eq!(told[0].sources.len(), 1);
    }
}
