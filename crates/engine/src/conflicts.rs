//! Where authorities disagree, and the position taken for this node.
//!
//! Readers know one of the sources and ask why a report says otherwise. Each entry lets the sources speak, in our words,
//! and says what was decided for this node and on what grounds. Entries whose checks were not asked are left out.

mod positions;
mod topics;

use std::collections::BTreeSet;

use plumb_check_sdk::{Outcome, Reference};
use plumb_evidence::Evidence;
use serde::Serialize;

use crate::assessment::RatedFinding;
use crate::profile::Profile;
use crate::speech::{Speech, Text, Translations, say};
use topics::TOPICS;

/// A subject on which sources disagree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conflict {
    /// Short name for programs.
    pub id: String,
    /// The subject.
    pub topic: String,
    /// What the sources say.
    pub sources: Vec<Says>,
    /// The checks that had to choose.
    pub checks: Vec<String>,
    /// What was decided for this node, in one sentence without a full stop.
    pub position: String,
    /// Why, in one sentence without a full stop.
    pub reason: String,
    /// `topic`, `position` and `reason` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
}

/// What one source says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Says {
    /// Who says it.
    pub who: String,
    /// What it says, in our words.
    pub says: String,
    /// `says` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
    /// Where.
    pub reference: Reference,
}

/// An entry of the table. What it is about is `topic-ID` of the message files.
struct Topic {
    id: &'static str,
    sources: &'static [Source],
    decide: for<'a> fn(&Context<'a>) -> Decision<'a>,
}

/// A source of an entry. What it says is `says-ID-KEY` of the message files.
struct Source {
    key: &'static str,
    who: &'static str,
    title: &'static str,
    url: &'static str,
}

/// Position and reason.
struct Decision<'a> {
    position: Text<'static>,
    reason: Text<'a>,
}

/// What a decision may look at.
struct Context<'a> {
    evidence: &'a Evidence,
    profile: &'a Profile,
    findings: &'a [RatedFinding],
}

impl<'a> Context<'a> {
    /// The worst finding of the checks that decide a question.
    fn deciding(&self, question: &str) -> Option<&'a RatedFinding> {
        self.findings.iter().find(|finding| finding.decides(question))
    }

    /// The worst finding of the checks that speak on a subject, of those that say something of this node.
    fn about(&self, position: &str) -> Option<&'a RatedFinding> {
        self.findings.iter().find(|finding| says_something(finding) && is_about(finding, position))
    }
}

fn is_about(finding: &RatedFinding, position: &str) -> bool {
    finding.positions.iter().any(|own| own == position)
}

/// False for what does not arise on this node, and for what nobody could answer: neither is a reason for anything.
fn says_something(finding: &RatedFinding) -> bool {
    !matches!(finding.outcome, Outcome::NotApplicable | Outcome::NotRun)
}

/// The conflicts about checks that were asked; `findings` are in the order of the report, worst first.
pub(crate) fn relevant(
    evidence: &Evidence,
    profile: &Profile,
    findings: &[RatedFinding],
    speech: &Speech,
) -> Vec<Conflict> {
    let context = Context { evidence, profile, findings };
    TOPICS
        .iter()
        .filter_map(|topic| {
            let about = || findings.iter().filter(|finding| is_about(finding, topic.id));
            if !about().any(says_something) {
                return None;
            }
            let checks: BTreeSet<String> = about().map(|finding| finding.check.clone()).collect();
            let checks: Vec<String> = checks.into_iter().collect();
            (!checks.is_empty()).then(|| {
                let decision = (topic.decide)(&context);
                let mut words = Translations::default();
                Conflict {
                    id: topic.id.to_owned(),
                    topic: speech.field(&mut words, "topic", &say(format!("topic-{}", topic.id))),
                    sources: topic.sources.iter().map(|source| source.said(topic.id, speech)).collect(),
                    checks,
                    position: speech.field(&mut words, "position", &decision.position),
                    reason: speech.field(&mut words, "reason", &decision.reason),
                    words,
                }
            })
        })
        .collect()
}

impl Source {
    fn said(&self, topic: &str, speech: &Speech) -> Says {
        let mut words = Translations::default();
        Says {
            who: self.who.to_owned(),
            says: speech.field(&mut words, "says", &say(format!("says-{topic}-{}", self.key))),
            words,
            reference: Reference { title: self.title.into(), url: self.url.into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use plumb_check_sdk::Severity;
    use plumb_evidence::Fact;

    use super::*;
    use crate::assess::{Terms, assess};
    use crate::profile::Platform;
    use crate::testing;

    fn of(checks: &[(&str, Outcome)], evidence: &Evidence, platform: Option<Platform>) -> Vec<Conflict> {
        let checks: Vec<_> =
            checks.iter().map(|&(check, outcome)| (check, Severity::Medium, outcome)).collect();
        let terms = Terms { platform, languages: vec!["de".into()], ..Terms::default() };
        assess(evidence, "0", "0", vec![testing::answer(&checks)], &terms).conflicts
    }

    #[test]
    fn only_conflicts_about_checks_that_were_asked_are_told() {
        let evidence = testing::empty_evidence();
        assert!(of(&[("some.check", Outcome::Pass)], &evidence, None).is_empty());
        let told = of(&[("position.huge-pages", Outcome::Pass)], &evidence, None);
        assert_eq!(told.iter().map(|conflict| &*conflict.id).collect::<Vec<_>>(), ["huge-pages"]);
    }

    #[test]
    fn balancing_depends_on_the_pins_of_the_node() {
        let evidence = testing::empty_evidence();
        let with = |pins| {
            let checks = [("position.numa-balancing", Outcome::Warn), ("placement.decides", pins)];
            of(&checks, &evidence, None).remove(0).position
        };
        assert_ne!(with(Outcome::Pass), with(Outcome::Fail));
        assert_ne!(with(Outcome::Pass), with(Outcome::NotRun));
    }

    #[test]
    fn only_arguments_that_stop_balancing_are_told_to_stop_it() {
        let reason = |line: &str| {
            let mut evidence = testing::empty_evidence();
            evidence.node.cmdline = Fact::Known(line.to_owned());
            of(&[("position.isolation", Outcome::Warn)], &evidence, None).remove(0).reason
        };
        for (line, stops) in [
            ("ro isolcpus=2-7", true),
            ("nohz_full=2-7 isolcpus=domain,managed_irq,2-7", true),
            ("isolcpus=managed_irq,0-4,11-79 nohz_full=0-4", false),
            ("nohz_full=2-7", false),
        ] {
            assert_eq!(reason(line).contains("not balanced"), stops, "{line}: {}", reason(line));
            assert_eq!(reason(line).contains("as before"), !stops, "{line}: {}", reason(line));
        }
    }

    #[test]
    fn acs_depends_on_the_platform() {
        let evidence = testing::empty_evidence();
        let on = |platform| of(&[("position.acs", Outcome::Warn)], &evidence, platform).remove(0).position;
        assert_ne!(on(Some(Platform::BareMetal)), on(Some(Platform::VmGuest)));
        assert_ne!(on(Some(Platform::BareMetal)), on(None));
    }

    #[test]
    fn every_entry_names_its_sources_and_decides_with_and_without_evidence() {
        let mut evidence = testing::empty_evidence();
        let ids: Vec<String> = TOPICS.iter().map(|topic| format!("position.{}", topic.id)).collect();
        let all: Vec<_> = ids.iter().map(|id| (id.as_str(), Outcome::Fail)).collect();
        for _ in 0..2 {
            let told = of(&all, &evidence, None);
            assert_eq!(told.len(), TOPICS.len());
            for conflict in told {
                assert!(!conflict.position.is_empty() && !conflict.reason.is_empty(), "{conflict:?}");
                assert!(!conflict.sources.is_empty(), "{conflict:?}");
                for (field, english) in [
                    ("topic", &conflict.topic),
                    ("position", &conflict.position),
                    ("reason", &conflict.reason),
                ] {
                    let german = conflict.words.get("de", field, "");
                    assert!(!german.is_empty() && (german != english || field == "topic"), "{conflict:?}");
                }
                for says in &conflict.sources {
                    assert!(!says.says.starts_with("says-"), "{says:?}");
                    assert!(!says.words.get("de", "says", "").is_empty(), "{says:?}");
                }
                assert!(conflict.sources.iter().all(|says| says.reference.url.starts_with("https://")));
                assert!(!conflict.position.ends_with('.') && !conflict.reason.ends_with('.'), "{conflict:?}");
            }
            evidence.node.cmdline = Fact::Known("ro isolcpus=2-7 quiet".into());
            evidence.node.virtualization = Fact::Known("none".into());
        }
    }
}
