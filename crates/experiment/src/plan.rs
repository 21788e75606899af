//! What an experiment compares, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use plumb_evidence::{CpuSet, NodeSet};
use schemars::JsonSchema;
use serde::Deserialize;

use plumb_bench::{Amount, Api, Arrivals, Load, Nonce};

mod file;

pub use file::{PLAN_SCHEMA, parse, schema};

/// An experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentPlan {
    /// Name, for reports.
    pub name: String,
    /// The server.
    pub server: ServerPlan,
    /// The running server that is measured first, as it is found; `None` to begin with launches.
    pub as_found: Option<FoundPlan>,
    /// Load of each measurement.
    pub load: LoadPlan,
    /// How it is repeated and judged.
    pub design: Design,
    /// Where the server runs.
    pub placements: Vec<Placement>,
    /// Who runs beside it.
    pub neighbours: Vec<Neighbour>,
    /// Frequency settings.
    pub governors: Vec<Governor>,
    /// Settings of automatic NUMA balancing.
    pub balancing: Vec<Balancing>,
    /// Loads.
    pub loads: Vec<LoadLevel>,
    /// Arguments and variables of the server.
    pub variants: Vec<Variant>,
    /// Chosen combinations, the baseline first; empty for all.
    pub chosen: Vec<Combination>,
}

/// What an experiment varies, in the order of names of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// Where the server runs.
    Placement,
    /// How it is started.
    Server,
    /// Frequency governor.
    Governor,
    /// Automatic NUMA balancing.
    NumaBalancing,
    /// Load.
    Load,
    /// Who runs beside it.
    Neighbour,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Placement, Self::Server, Self::Governor, Self::NumaBalancing, Self::Load, Self::Neighbour];

    /// The word used in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placement => "placement",
            Self::Server => "server",
            Self::Governor => "governor",
            Self::NumaBalancing => "numa_balancing",
            Self::Load => "load",
            Self::Neighbour => "neighbour",
        }
    }
}

/// A level of each factor, by position; 0 is the first one, which others are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combination([usize; Factor::ALL.len()]);

impl Combination {
    /// Level of a factor.
    #[must_use]
    pub fn level(&self, factor: Factor) -> usize {
        self.0[factor as usize]
    }

    /// The same with another level of a factor.
    #[must_use]
    pub fn with(mut self, factor: Factor, level: usize) -> Self {
        self.0[factor as usize] = level;
        self
    }

    /// Factors in which two differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Factor> {
        Factor::ALL.into_iter().filter(|factor| self.level(*factor) != other.level(*factor)).collect()
    }
}

/// The server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerPlan {
    /// How there comes to be one.
    pub start: Start,
    /// URL; `{port}` stands for a free port.
    pub url: String,
    /// Path that answers 200 once it is ready.
    pub ready: String,
    /// Most time until then.
    pub ready_within: Duration,
    /// Most time that it has to end when it is asked to.
    pub stop_within: Duration,
    /// Name of the model; `None` for the first that it lists.
    pub model: Option<String>,
    /// Interface.
    pub api: Api,
}

impl ServerPlan {
    /// True where each measurement has a launch of its own.
    pub(super) fn start_is_launch(&self) -> bool {
        matches!(self.start, Start::Launch { .. })
    }
}

/// The running server that an experiment begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPlan {
    /// Its first process.
    pub pid: i32,
    /// Where it listens.
    pub url: String,
    /// Measurements of it.
    pub runs: usize,
    /// Launches of the same command after it, unchanged.
    pub restarts: usize,
    /// Command that ends it; empty for SIGTERM to its processes.
    pub stop: Vec<String>,
    /// Command that starts it again at the end; empty for none.
    pub start: Vec<String>,
}

/// How there comes to be a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It is started anew for each measurement.
    Launch {
        /// Program and arguments; `{port}` stands for a free port.
        command: Vec<String>,
        /// Variables added to those of this program.
        env: BTreeMap<String, String>,
    },
    /// A running one is measured, and only the masks of its threads are changed.
    Attach {
        /// Its first process.
        pid: i32,
    },
}

/// Load of each measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan {
    /// How requests are issued.
    pub load: Load,
    /// Before measuring.
    pub warmup: Amount,
    /// Measured.
    pub extent: Amount,
    /// Tokens of prompts.
    pub prompt_tokens: u32,
    /// Tokens of replies.
    pub output_tokens: u32,
    /// Limit of a request.
    pub timeout: Duration,
    /// Threads that send.
    pub threads: usize,
    /// CPUs that they keep to; `None` to choose some.
    pub client_cpus: Option<CpuSet>,
}

impl LoadPlan {
    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        let extent = match self.extent {
            Amount::Requests(requests) => format!("{requests} requests"),
            Amount::Seconds(seconds) => format!("{seconds} s"),
        };
        format!(
            "{}, {extent}, prompts of {} and replies of {} tokens",
            load_text(&self.load),
            self.prompt_tokens,
            self.output_tokens
        )
    }
}

pub(super) fn load_text(load: &Load) -> String {
    match load {
        Load::Closed { concurrency } => format!("closed {concurrency}"),
        Load::Open { arrivals: Arrivals::Poisson { rate } } => format!("open poisson {rate}/s"),
        Load::Open { arrivals } => format!("open {}/s", arrivals.rate().unwrap_or(0.0)),
    }
}

/// How an experiment is repeated and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Blocks: each measures every cell once.
    pub blocks: usize,
    /// Seed of order and arrivals.
    pub seed: u64,
    /// What the prompts are made from, to repeat an experiment; `None` for a fresh one.
    pub nonce: Option<Nonce>,
    /// Pause before each measurement.
    pub cooldown: Duration,
    /// Share below which a difference does not matter.
    pub margin: f64,
    /// Metric that decides.
    pub primary: String,
    /// The baseline against itself.
    pub aa: Aa,
    /// Measure the client's own error under each governor.
    pub calibrate: bool,
}

/// How the baseline is compared with itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aa {
    /// In so many pairs before anything else.
    First(usize),
    /// By a second launch in each block.
    Within,
    /// Not at all.
    None,
}

/// Where a server runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// Name of the level.
    pub name: String,
    /// CPUs.
    pub cpus: Where,
    /// Memory.
    pub memory: MemoryPlan,
}

/// Which CPUs.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Where {
    /// Those of this program.
    #[default]
    Anywhere,
    /// These.
    Cpus(CpuSet),
    /// Those of NUMA nodes.
    Nodes(NodeSet),
    /// Those of the node of a GPU, by its position or PCI address.
    Gpu(String),
}

/// Which memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryPlan {
    /// How strictly.
    pub policy: MemoryPolicy,
    /// Nodes; `None` for those of the CPUs.
    pub nodes: Option<NodeSet>,
}

/// How strictly memory comes from some nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemoryPolicy {
    /// As the kernel does.
    #[default]
    Default,
    /// Only from them.
    Bind,
    /// From the first of them while it has any.
    Preferred,
    /// From them in turn.
    Interleave,
}

/// Who runs beside the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbour {
    /// Name of the level.
    pub name: String,
    /// What it does; `None` for nobody.
    pub kind: Option<HogKind>,
    /// Where.
    pub place: NeighbourPlace,
    /// Its processes or threads; `None` for one on each of its CPUs.
    pub workers: Option<usize>,
    /// Use `stress-ng` instead of the built-in loops.
    pub stress_ng: bool,
}

/// What a neighbour takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HogKind {
    /// Time of CPUs.
    Cpu,
    /// Bandwidth of memory.
    Memory,
    /// Room in caches.
    Cache,
}

impl HogKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Cache];

    /// The word used in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Cache => "cache",
        }
    }
}

/// Where a neighbour runs, seen from the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NeighbourPlace {
    /// On the server's own CPUs.
    #[default]
    SameCpus,
    /// On the other threads of its cores.
    Siblings,
    /// On other CPUs of its NUMA nodes.
    SameNode,
    /// On other NUMA nodes.
    OtherNode,
    /// On any other CPUs.
    OtherCpus,
    /// On these.
    #[serde(skip)]
    Cpus(CpuSet),
}

impl NeighbourPlace {
    /// The word used in plans.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::SameCpus => "same-cpus",
            Self::Siblings => "siblings",
            Self::SameNode => "same-node",
            Self::OtherNode => "other-node",
            Self::OtherCpus => "other-cpus",
            Self::Cpus(_) => "cpus",
        }
    }
}

/// Frequency settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Governor {
    /// Name of the level.
    pub name: String,
    /// `scaling_governor`; left out, it stays as it is.
    pub governor: Option<String>,
    /// `energy_performance_preference`; left out, it stays as it is.
    #[serde(rename = "epp")]
    pub preference: Option<String>,
}

/// A setting of automatic NUMA balancing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Balancing {
    /// Name of the level.
    pub name: String,
    /// `kernel.numa_balancing`; left out, it stays as it is.
    pub value: Option<u32>,
}

/// A load that stands in for the one of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadLevel {
    /// Name of the level.
    pub name: String,
    /// How requests are issued; `None` for as the plan says.
    pub load: Option<Load>,
}

/// Another way to start the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Variant {
    /// Name of the level.
    pub name: String,
    /// Arguments after those of the command.
    #[serde(default)]
    pub args: Vec<String>,
    /// Variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl ExperimentPlan {
    /// Names of the levels of a factor; one where it does not vary.
    #[must_use]
    pub fn levels(&self, factor: Factor) -> Vec<&str> {
        match factor {
            Factor::Placement => self.placements.iter().map(|level| level.name.as_str()).collect(),
            Factor::Server => self.variants.iter().map(|level| level.name.as_str()).collect(),
            Factor::Governor => self.governors.iter().map(|level| level.name.as_str()).collect(),
            Factor::NumaBalancing => self.balancing.iter().map(|level| level.name.as_str()).collect(),
            Factor::Load => self.loads.iter().map(|level| level.name.as_str()).collect(),
            Factor::Neighbour => self.neighbours.iter().map(|level| level.name.as_str()).collect(),
        }
    }

    /// What is measured, the baseline first.
    #[must_use]
    pub fn combinations(&self) -> Vec<Combination> {
        if !self.chosen.is_empty() {
            return self.chosen.clone();
        }
        Factor::ALL.into_iter().fold(vec![Combination::default()], |all, factor| {
            let levels = self.levels(factor).len().max(1);
            all.iter().flat_map(|one| (0..levels).map(|level| one.with(factor, level))).collect()
        })
    }

    /// Name of a cell: its placement, and what else is not as in the baseline.
    #[must_use]
    pub fn cell_name(&self, combination: &Combination) -> String {
        let baseline = self.combinations().first().copied().unwrap_or_default();
        let mut parts = Vec::new();
        for factor in Factor::ALL {
            let levels = self.levels(factor);
            let level = combination.level(factor);
            let named = factor == Factor::Placement && levels.len() > 1;
            if named || level != baseline.level(factor) {
                parts.extend(levels.get(level).map(|name| (*name).to_owned()));
            }
        }
        if parts.is_empty() { "baseline".to_owned() } else { parts.join(" + ") }
    }

    /// Settings of the node that it changes, in words; they need the operator's leave.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let used = |factor, level: usize| {
            self.combinations().iter().any(|combination| combination.level(factor) == level)
        };
        let mut changes = Vec::new();
        for (index, level) in self.governors.iter().enumerate() {
            if !used(Factor::Governor, index) {
                continue;
            }
            changes.extend(level.governor.as_ref().map(|value| format!("scaling_governor to `{value}`")));
            changes.extend(
                level.preference.as_ref().map(|value| format!("energy_performance_preference to `{value}`")),
            );
        }
        for (index, level) in self.balancing.iter().enumerate() {
            if let (true, Some(value)) = (used(Factor::NumaBalancing, index), level.value) {
                changes.push(format!("kernel.numa_balancing to `{value}`"));
            }
        }
        if let Start::Attach { pid } = self.server.start
            && self.placements.iter().any(|placement| placement.cpus != Where::Anywhere)
        {
            changes.push(format!("the CPU masks of the threads of process {pid}"));
        }
        if let Some(FoundPlan { pid, start, .. }) = &self.as_found {
            let again = if start.is_empty() { "and stays ended" } else { "and is started again afterwards" };
            changes.push(format!("the running server, process {pid}, is ended {again}"));
        }
        changes
    }

    /// Measurements: launches, those of the comparison of the baseline with itself among them, and runs of the server as found.
    #[must_use]
    pub fn launches(&self) -> usize {
        let cells = self.combinations().len();
        let found = self.as_found.as_ref().map_or(0, |found| found.runs + found.restarts);
        found
            + match self.design.aa {
                Aa::First(pairs) => cells * self.design.blocks + 2 * pairs,
                Aa::Within => (cells + 1) * self.design.blocks,
                Aa::None => cells * self.design.blocks,
            }
    }
}
