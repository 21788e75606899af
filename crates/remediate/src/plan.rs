//! What is to be changed on a node, and for which reason.
//!
//! A change is planned where a finding asks for it, or where an experiment on the node showed it to be better; an experiment
//! outweighs the model. What a finding asks for and no file can give is left to a person, with the remedy of the check. What
//! would be planned if more were known is listed with what is missing.

use plumb_engine::Assessment;
use plumb_evidence::{CpuSet, Evidence, NodeSet};
use serde::Serialize;

mod boot;
pub(crate) mod cost;
mod experiment;
mod findings;
pub mod goals;
mod interrupts;
mod partition;
mod placement;
mod server;
mod topics;
mod tuning;

pub use boot::BootTool;
pub(crate) use server::pool_key;
pub use topics::{TOPICS, Topic};

/// Title of the topic about slices, by which what was not planned of it is found.
pub(crate) const SLICES: &str = "CPUs for the system apart from those for inference";
/// Title of the topic about interrupts.
pub(crate) const INTERRUPTS: &str = "CPUs that serve interrupts";

/// Version of the JSON form of [`Plan`].
pub const PLAN_SCHEMA: u32 = 1;

/// How good the ground is that a change stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// An experiment on this node showed the effect.
    Measured,
    /// It follows from what the evidence says of this node's layout.
    Modelled,
    /// A vendor or publication recommends it.
    Published,
    /// Our proposal, without a source.
    Assumed,
}

impl Basis {
    /// The word that files print.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Measured => "Measured",
            Self::Modelled => "Modelled",
            Self::Published => "Published",
            Self::Assumed => "Assumed",
        }
    }
}

/// What a change answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    /// Id of a check, or the file of an experiment in the bundle.
    pub source: String,
    /// What was looked at.
    pub subject: String,
    /// What was found.
    pub message: String,
}

/// Why something is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Findings and experiments that it answers, at least one.
    pub reasons: Vec<Reason>,
    /// On which ground the value stands.
    pub basis: Basis,
    /// Risk of change from 1 (at once, reversible) to 4 (firmware or hardware).
    pub risk: u8,
    /// True if the evidence is indirect: to be confirmed before the change.
    pub verify_first: bool,
}

/// A file below `/sys` or `/proc` that gets another value. `paths` is a pattern of ours, never text of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// Id of the topic.
    pub topic: &'static str,
    /// Path or pattern.
    pub paths: String,
    /// Value to write.
    pub value: Value,
    /// Value found, where it is one and the same.
    pub found: String,
    /// Why.
    pub why: Why,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// This text.
    Text(String),
    /// What the file of this name in the same folder holds.
    OfFile(&'static str),
}

/// A kernel parameter that gets another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SysctlChange {
    /// Id of the topic.
    pub topic: &'static str,
    /// Dotted name.
    pub name: String,
    /// Value to set.
    pub value: String,
    /// Value found.
    pub found: String,
    /// File that sets another value at boot; empty where none is known.
    pub set_by: String,
    /// Why.
    pub why: Why,
}

/// Frequency governor and energy preference of all CPUs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GovernorChange {
    /// Governor; empty for no change.
    pub governor: String,
    /// Energy preference; empty for no change.
    pub preference: String,
    /// Energy bias; empty for no change.
    pub bias: String,
    /// Governors that were found.
    pub found: String,
    /// Why.
    pub why: Why,
}

/// Which CPUs are left to the system, and which serve models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// CPUs of the operating system, of interrupts and of everything else.
    pub housekeeping: CpuSet,
    /// CPUs of inference servers.
    pub inference: CpuSet,
    /// Memory nodes of the inference slice.
    pub memory_nodes: NodeSet,
    /// Number of NUMA nodes with CPUs.
    pub nodes: usize,
    /// On which ground.
    pub basis: Basis,
    /// How it came about, a sentence.
    pub how: String,
    /// Why slices are to keep to it; `None` where the split is only what placement goes by.
    pub slices: Option<Why>,
}

/// A GPU of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GpuPlace {
    /// PCI address.
    pub address: String,
    /// NUMA node.
    pub node: u32,
    /// Who told the node: `sysfs`, `nvml`, `hwloc`.
    pub source: &'static str,
    /// Number by NVML, where it answered.
    pub index: Option<u32>,
}

/// Where a server and its workers belong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// CPUs of the whole server.
    pub cpus: CpuSet,
    /// Memory nodes of the whole server; empty where memory is left alone.
    pub memory_nodes: NodeSet,
    /// `bind` or `preferred`; empty where the engine binds its workers itself, or memory is left alone.
    pub memory_policy: &'static str,
    /// CPUs of API server, scheduler and other processes that are no worker of one GPU; empty where not told apart.
    pub engine: CpuSet,
    /// CPUs of the worker of each GPU; empty where not told apart.
    pub workers: Vec<WorkerPlace>,
    /// Options by which the engine binds its own workers.
    pub options: Vec<String>,
    /// Variables by which the engine binds its own workers.
    pub variables: Vec<(String, String)>,
    /// What a reader should know of it.
    pub notes: Vec<String>,
    /// Why.
    pub why: Why,
}

/// Where the worker of one GPU belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerPlace {
    /// The GPU.
    pub gpu: GpuPlace,
    /// Its CPUs.
    pub cpus: CpuSet,
    /// All CPUs of the server on the node of the GPU.
    pub near: CpuSet,
}

/// What starts a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Home {
    /// A systemd unit that files describe; drop-ins add to it.
    Unit(String),
    /// A container of Docker or another engine.
    Container(String),
    /// A pod of Kubernetes.
    Pod,
    /// A person or a script.
    Nothing(String),
    /// Nobody can tell, with the reason.
    Unknown(String),
}

/// A setting of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceSetting {
    /// Name (`LimitMEMLOCK`).
    pub key: &'static str,
    /// Value, quoted for systemd.
    pub value: String,
    /// Why.
    pub why: Why,
}

/// The command line of a server, fit to be started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// Program and arguments, each made of its parts.
    pub words: Vec<Vec<Part>>,
    /// Variables that were seen, without secrets.
    pub environment: Vec<(String, String)>,
    /// Names of variables whose values were masked.
    pub secrets: Vec<String>,
}

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// As it was seen.
    Text(String),
    /// A secret that was masked at collection, by the name of the variable that is to hold it.
    Secret(String),
}

/// One inference server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerPlan {
    /// Name for files, unique in the plan: `vllm-model-70b`.
    pub name: String,
    /// `vllm`, `sglang`, …
    pub kind: String,
    /// Process at the time of collection.
    pub pid: u32,
    /// Its GPUs; empty for one without, `None` where not known.
    pub gpus: Option<Vec<GpuPlace>>,
    /// What starts it.
    pub home: Home,
    /// Where it belongs, if anything is to be changed.
    pub placement: Option<Placement>,
    /// What its unit is to say beside placement.
    pub settings: Vec<ServiceSetting>,
    /// How to start it, or why that is not known.
    pub command: Result<Command, String>,
    /// Resident memory of all its processes in bytes, if known.
    pub resident_bytes: Option<u64>,
}

impl ServerPlan {
    /// True if anything is to be changed.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.placement.is_some() || !self.settings.is_empty()
    }

    /// Reasons of placement and settings, each once.
    #[must_use]
    pub fn whys(&self) -> Vec<&Why> {
        self.placement
            .iter()
            .map(|place| &place.why)
            .chain(self.settings.iter().map(|set| &set.why))
            .collect()
    }
}

/// Interrupts of devices that are to be moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterruptPlan {
    /// Devices by PCI address with the CPUs that their interrupts go to.
    pub devices: Vec<(String, CpuSet)>,
    /// CPUs that irqbalance is to leave alone; empty where it does not run.
    pub banned: CpuSet,
    /// Why.
    pub why: Why,
}

/// Arguments of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootChange {
    /// The argument.
    pub argument: String,
    /// True to add it, false to take it away.
    pub add: bool,
    /// Why.
    pub why: Why,
}

/// What a person has to do, because no file can.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByHand {
    /// Id of the check.
    pub check: String,
    /// Title of the check.
    pub title: String,
    /// Subjects and what was found.
    pub found: Vec<(String, String)>,
    /// The remedy of the check, in its own words.
    pub remedy: plumb_check_sdk::Remediation,
    /// Risk of change, 1 to 4.
    pub risk: u8,
    /// True if the evidence is indirect.
    pub verify_first: bool,
}

/// What was left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotPlanned {
    /// What.
    pub what: String,
    /// Why: the evidence that is missing, or the decision that was made.
    pub why: String,
}

/// What is to be changed on a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: u32,
    /// Version of the tool.
    pub tool_version: String,
    /// Name of the node.
    pub hostname: String,
    /// SHA-256 of the bundle's manifest.
    pub bundle: String,
    /// Start of the collection.
    pub collected: String,
    /// True if TuneD runs on the node.
    pub tuned_runs: bool,
    /// Profile of TuneD in force.
    pub tuned_profile: String,
    /// The split of CPUs; `None` where none is asked for or possible.
    pub partition: Option<Partition>,
    /// All inference servers, by process id.
    pub servers: Vec<ServerPlan>,
    /// Governor and energy preference.
    pub governor: Option<GovernorChange>,
    /// Values below `/sys`.
    pub values: Vec<ValueChange>,
    /// Kernel parameters.
    pub sysctls: Vec<SysctlChange>,
    /// Interrupts.
    pub interrupts: Option<InterruptPlan>,
    /// Arguments of the kernel.
    pub boot: Vec<BootChange>,
    /// What changes them here.
    pub boot_tool: BootTool,
    /// The node as Slurm counts it; `None` where cores are not known.
    pub slurm: Option<SlurmNode>,
    /// Why Kubernetes' agent is to be changed.
    pub kubelet: Option<Why>,
    /// What the findings ask for, and what became of each.
    pub goals: Vec<goals::Goal>,
    /// What is left to a person.
    pub by_hand: Vec<ByHand>,
    /// What was left out.
    pub not_planned: Vec<NotPlanned>,
}

/// A node as Slurm counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlurmNode {
    /// Sockets.
    pub sockets: u32,
    /// Cores of a socket.
    pub cores_per_socket: u32,
    /// Threads of a core.
    pub threads_per_core: u32,
    /// Slurm's number of each CPU's core, by CPU: cores are counted socket by socket.
    pub core_of_cpu: std::collections::BTreeMap<u32, u32>,
}

impl Plan {
    /// The plan for a node.
    #[must_use]
    pub fn new(evidence: &Evidence, assessment: &Assessment) -> Self {
        topics::plan(evidence, assessment)
    }

    /// True if `apply.sh` has a topic of this name.
    #[must_use]
    pub fn has_topic(&self, id: &str) -> bool {
        match id {
            "governor" => self.governor.is_some(),
            "placement" => self.servers.iter().any(|server| server.placement.is_some()),
            "slices" => self.partition.as_ref().is_some_and(|split| split.slices.is_some()),
            "interrupts" => self.interrupts.is_some(),
            id => {
                self.values.iter().any(|change| change.topic == id)
                    || self.sysctls.iter().any(|change| change.topic == id)
            }
        }
    }

    /// True if no file changes anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partition.as_ref().is_none_or(|split| split.slices.is_none())
            && self.servers.iter().all(|server| !server.changes())
            && self.governor.is_none()
            && self.values.is_empty()
            && self.sysctls.is_empty()
            && self.interrupts.is_none()
            && self.boot.is_empty()
            && self.kubelet.is_none()
    }
}
