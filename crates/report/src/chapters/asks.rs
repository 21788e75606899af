//! What is missing, who can give it, and what it would open.

use std::collections::BTreeMap;

use plumb_check_sdk::Outcome;
use plumb_engine::Assessment;
use plumb_engine::assessment::RatedFinding;

/// Who can give an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Whoever runs the collector as root, on the host.
    Root,
    /// Whoever runs it outside of the container.
    Host,
    /// Whoever runs it while the service works.
    Load,
    /// Whoever makes load tests and measurements.
    Test,
    /// The client, in writing.
    Client,
    /// The provider, or whoever knows the machine.
    Provider,
    /// Somebody who looks by hand: the node has no such source.
    Hand,
}

impl Who {
    pub(super) const ALL: [Self; 7] =
        [Self::Client, Self::Load, Self::Test, Self::Root, Self::Host, Self::Provider, Self::Hand];

    /// Key of its words.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Host => "host",
            Self::Load => "load",
            Self::Test => "test",
            Self::Client => "client",
            Self::Provider => "provider",
            Self::Hand => "hand",
        }
    }

    /// What opens it on the command line.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Root | Self::Host => "sudo plumb collect --sample 30 -o node.plumb",
            Self::Load => "plumb collect --sample 60 -o node.plumb",
            Self::Test => "plumb bench URL --sweep --into node.plumb",
            Self::Client => "plumb report --init engagement.toml",
            Self::Provider | Self::Hand => "",
        }
    }

    /// By the English sentence of a finding without an answer: checks and evidence write their reasons in a few forms.
    pub(super) fn of(finding: &RatedFinding) -> Self {
        let text = finding.message.as_str();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match () {
            () if has(&["(denied)", "as root"]) => Self::Root,
            () if has(&["ask the provider", "management controller", "hypervisor"]) => Self::Provider,
            () if has(&["inside a container", "in a container", "inside of a container"]) => Self::Host,
            () if has(&["engagement", "is not stated"]) => Self::Client,
            () if has(&[
                "plumb bench",
                "measurements/",
                "is met at",
                "too few values",
                "measured",
                "noise",
            ]) =>
            {
                Self::Test
            }
            () if has(&["while", "window", "--sample", "idle", "was seen", "was found: collect"]) => {
                Self::Load
            }
            () => Self::Hand,
        }
    }
}

/// Checks that somebody can open, and what that would add to the coverage.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    /// Ids of the checks, each once.
    pub(super) checks: Vec<String>,
    /// Share of the coverage that they stand for, 0 to 1.
    pub(super) share: f64,
}

/// What is missing, by who can give it. A check that several could open counts for the first.
pub(super) fn all(assessment: &Assessment) -> BTreeMap<Who, Ask> {
    let mut weights: BTreeMap<&str, u8> = BTreeMap::new();
    let mut open: BTreeMap<&str, Who> = BTreeMap::new();
    for finding in &assessment.findings {
        if finding.outcome != Outcome::NotApplicable {
            let weight = weights.entry(&finding.check).or_default();
            *weight = (*weight).max(finding.weight);
        }
        if finding.outcome.is_unanswered() {
            open.entry(&finding.check).or_insert_with(|| Who::of(finding));
        }
    }
    let whole: u32 = weights.values().map(|weight| u32::from(*weight)).sum();
    let mut asks: BTreeMap<Who, Ask> = BTreeMap::new();
    for (check, who) in open {
        let ask = asks.entry(who).or_default();
        ask.checks.push(check.to_owned());
        let weight = weights.get(check).copied().unwrap_or_default();
        ask.share += f64::from(weight) / f64::from(whole.max(1));
    }
    asks
}
