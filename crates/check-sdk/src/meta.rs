//! What a pack says about itself: its manifest, and for each check the texts that reports print.
//!
//! All strings are `Cow<'static, str>`, so that one type serves a check's `static` metadata and a manifest read from
//! `pack.toml`.

use std::borrow::Cow;

use plumb_evidence::model::WorkloadTrait;
use serde::{Deserialize, Serialize};

use crate::{Finding, Outcome};

/// Text that is either part of the pack's code or was read from its manifest.
pub type Text = Cow<'static, str>;
/// A list that is either part of the pack's code or was read from its manifest.
pub type List<T> = Cow<'static, [T]>;

/// Severity of the possible effect; factor S of the risk formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, no risk (0).
    Info,
    /// 1
    Low,
    /// 2
    Medium,
    /// 3
    High,
    /// 4
    Critical,
}

impl Severity {
    /// Severity points from 0 to 4.
    #[must_use]
    pub fn points(self) -> u8 {
        match self {
            Self::Info => 0,
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }
}

/// The part of the node that a check belongs to, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Where threads, memory and devices are.
    Placement,
    /// Clock, governor, idle states.
    CpuPerformance,
    /// Other work on the same CPUs: neighbours, throttling, interrupts.
    Interference,
    /// Host memory.
    Memory,
    /// GPUs and their links.
    GpuHealth,
    /// Kernel, time, virtualisation, containers, service definition.
    Platform,
    /// Latency, service level and capacity.
    ServiceLevel,
}

impl Category {
    /// All categories in the order of the report.
    pub const ALL: [Self; 7] = [
        Self::Placement,
        Self::CpuPerformance,
        Self::Interference,
        Self::Memory,
        Self::GpuHealth,
        Self::Platform,
        Self::ServiceLevel,
    ];

    /// The title that a report prints.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Placement => "Placement",
            Self::CpuPerformance => "CPU performance",
            Self::Interference => "Interference",
            Self::Memory => "Memory",
            Self::GpuHealth => "GPU health",
            Self::Platform => "Platform",
            Self::ServiceLevel => "Service level and capacity",
        }
    }
}

/// What a remedy touches, which decides the risk of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Effective at once, reversible, no restart.
    Runtime,
    /// No technical change.
    Process,
    /// Restart of the service.
    ServiceRestart,
    /// Adds or removes replicas.
    Capacity,
    /// Drain of the node.
    NodeDrain,
    /// Reboot of the node.
    Reboot,
    /// Firmware setting and reboot.
    Bios,
    /// Hands on hardware.
    Hardware,
    /// Change by the provider or the hypervisor team.
    Provider,
}

impl ChangeKind {
    /// Risk of change from 1 (very low) to 4 (high).
    #[must_use]
    pub fn risk(self) -> u8 {
        match self {
            Self::Runtime | Self::Process => 1,
            Self::ServiceRestart | Self::Capacity => 2,
            Self::NodeDrain | Self::Reboot => 3,
            Self::Bios | Self::Hardware | Self::Provider => 4,
        }
    }
}

/// How to mend what a check finds, and how to take it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Remediation {
    /// What to do now, without making it permanent.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub runtime: Text,
    /// What makes it survive a restart and a reboot.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub persistent: Text,
    /// How to undo both.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub rollback: Text,
    /// What the remedy touches.
    pub change: ChangeKind,
    /// How to see whether it worked, commands between backticks.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub verification: Text,
    /// Published effect of the remedy with its source, or the plain statement that there is none.
    pub expected_effect: Text,
}

/// A source that a reader can open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Title as the source itself gives it.
    pub title: Text,
    /// Address.
    pub url: Text,
}

/// Where a threshold comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ThresholdBasis {
    /// A vendor's documentation.
    Vendor,
    /// A paper, standard or engineering report.
    Published,
    /// Measured by us; the source says how.
    Measured,
    /// Our own proposal; never printed as a vendor's limit.
    Expert,
}

/// A limit that a check compares with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// What is limited, for example `share of CPU time on a remote node`.
    pub name: Text,
    /// The limit in `unit`.
    pub number: f64,
    /// Unit of `number`, for example `%`, `ms`, `MB/s`, `count`.
    pub unit: Text,
    /// Where it comes from.
    pub basis: ThresholdBasis,
    /// Document, measurement or reasoning behind it.
    pub source: Text,
    /// Date of the source, ISO 8601.
    pub date: Text,
    /// Hardware, kernels or situations that it is meant for.
    pub applies_to: Text,
}

/// Everything that reports print about a check, and what the check needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckMeta {
    /// Stable id such as `cpu.governor`.
    pub id: Text,
    /// What is true on a healthy node.
    pub title: Text,
    /// Category of the client's report.
    pub category: Category,
    /// Severity of the possible effect.
    pub severity: Severity,
    /// A failed gate makes the category and the node High.
    #[serde(default)]
    pub gate: bool,
    /// Rank among the fifteen checks with the greatest impact, if it is one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top15_rank: Option<u8>,
    /// Why it matters, for an engineer.
    pub rationale: Text,
    /// Why it matters, in business words.
    pub business: Text,
    /// Parts of the evidence that the check reads, as JSON pointers.
    pub needs: List<Text>,
    /// How to mend it, in words that fit any node. A check that has a page says what a change touches and what it brings; what
    /// is to be done is resolved for the node from the intents of its findings.
    pub remediation: Remediation,
    /// Questions of the client that the check answers, or adds to.
    #[serde(default, skip_serializing_if = "no_questions")]
    pub questions: List<Question>,
    /// Subjects of the engine on which authorities disagree and to which the findings of the check matter.
    #[serde(default, skip_serializing_if = "no_text")]
    pub positions: List<Text>,
    /// What sentences of the check claim that sentences of others may exclude.
    #[serde(default, skip_serializing_if = "no_claim")]
    pub claims: List<Claim>,
    /// Limits that the check compares with.
    pub thresholds: List<Threshold>,
    /// Traits of a workload that make the finding weigh more.
    #[serde(default, skip_serializing_if = "no_trait")]
    pub amplified_by: List<WorkloadTrait>,
    /// What applies and what does not, in words.
    pub applicability: Text,
    /// A warning that belongs to the finding or its remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<Text>,
    /// Sources.
    pub references: List<Reference>,
}

fn no_trait(traits: &List<WorkloadTrait>) -> bool {
    traits.is_empty()
}

fn no_questions(questions: &List<Question>) -> bool {
    questions.is_empty()
}

fn no_text(texts: &List<Text>) -> bool {
    texts.is_empty()
}

fn no_claim(claims: &List<Claim>) -> bool {
    claims.is_empty()
}

/// What a sentence claims of its object. Two findings that claim different things of one object and topic contradict each
/// other, and reports say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Name of the sentence: `off` for `problem-off` or `found-off`.
    pub variant: Text,
    /// What it is about: `turbo`.
    pub topic: Text,
    /// What it claims: `off`. Either this or `arg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Text>,
    /// The value of the sentence that is what it claims; `unknown` is no claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arg: Option<Text>,
}

/// What a check has to do with a question of the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Id of the question: `placement`, `governor`, `neighbours`.
    pub id: Text,
    /// True if there is no answer to the question without one of this check.
    pub decides: bool,
}

impl CheckMeta {
    /// A finding of this check.
    #[must_use]
    pub fn finding(
        &self,
        outcome: Outcome,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Finding {
        Finding::new(self.id.clone(), outcome, subject, message)
    }

    /// The evidence meets the condition.
    #[must_use]
    pub fn pass(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::Pass, subject, message)
    }

    /// The evidence deviates, but less than a failure does. Needs evidence.
    #[must_use]
    pub fn warn(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::Warn, subject, message)
    }

    /// The condition is violated. Needs evidence.
    #[must_use]
    pub fn fail(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::Fail, subject, message)
    }

    /// Worth telling, without risk.
    #[must_use]
    pub fn info(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::Info, subject, message)
    }

    /// There is nothing to judge on this node; `message` names the predicate that says so.
    #[must_use]
    pub fn not_applicable(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::NotApplicable, subject, message)
    }

    /// The question applies but could not be answered; `message` tells why.
    #[must_use]
    pub fn not_run(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::NotRun, subject, message)
    }

    /// Two sources that should agree do not. Needs both as evidence.
    #[must_use]
    pub fn contradictory(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::Contradictory, subject, message)
    }
}

/// The manifest of a pack: embedded in the library, and beside it as `pack.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackManifest {
    /// Id of the pack, for example `core`.
    pub id: Text,
    /// Version of the pack (semantic versioning).
    pub version: Text,
    /// Major version of the ABI that the pack speaks.
    pub abi_major: u32,
    /// Lowest minor version of the ABI that the pack needs.
    pub abi_minor: u32,
    /// File name of the library, or of the rules, beside `pack.toml`.
    pub library: Text,
    /// The checks, sorted by id.
    pub checks: List<CheckMeta>,
}
