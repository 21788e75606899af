//! What the checks of this pack share: which GPUs they are about, when a GPU counts as loaded, one finding for all GPUs of
//! which the same is true, and who can lay hands on a GPU.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Gpu, GpuTime, Nvml, NvmlDevice};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, HardwarePart, Intent, Missing, NoVerdict, Object, ObjectKind, Outcome,
    Page, ProviderRequest, Said, WorkloadTrait,
};

/// Where NVML's answers are in a bundle.
pub(crate) const NVML: &str = "api/nvml.json";
/// Where NVML's readings during the window are in a bundle.
pub(crate) const WINDOW: &str = "api/nvml-window.json";

/// Clocks are low because the hardware protects itself (`nvmlClocksEventReasonHwSlowdown`).
pub(crate) const HW_SLOWDOWN: u64 = 0x8;
/// The same, because of heat (`nvmlClocksEventReasonHwThermalSlowdown`).
pub(crate) const HW_THERMAL: u64 = 0x40;
/// The same, because a power supply asks for it (`nvmlClocksEventReasonHwPowerBrakeSlowdown`).
pub(crate) const POWER_BRAKE: u64 = 0x80;
/// The driver lowers clocks because of heat (`nvmlClocksEventReasonSwThermalSlowdown`).
pub(crate) const SW_THERMAL: u64 = 0x20;
/// The driver lowers clocks because of the power limit (`nvmlClocksEventReasonSwPowerCap`).
pub(crate) const SW_POWER_CAP: u64 = 0x4;
/// Clocks are where someone has set them (`nvmlClocksEventReasonApplicationsClocksSetting`).
pub(crate) const SET_CLOCKS: u64 = 0x2;

/// Key of the cause that findings of this pack have in common which other power limits would mend.
pub(crate) const GPU_POWER: &str = "gpu-power";
/// Key of the cause that findings about one GPU's link to the host have in common.
pub(crate) const GPU_LINK: &str = "gpu-link";
/// Key of the cause that findings about one GPU's memory have in common.
pub(crate) const GPU_MEMORY: &str = "gpu-memory";

/// A sentence that several checks of the pack have on their pages.
fn said<const N: usize>(variant: &'static str, args: [(&'static str, Arg); N]) -> Said {
    Said { variant, args: args.into() }
}

/// Why there are no answers of NVML.
pub(crate) enum Silent {
    NoGpu,
    /// There are GPUs, but none that NVML could tell of.
    OtherVendor(String),
    /// NVML lists none, and PCI does not say that there is none.
    NoDevice,
    Missing(Missing),
}

impl Silent {
    /// For questions that only NVIDIA's GPUs raise.
    pub(crate) fn of_nvidia(self) -> Self {
        if matches!(self, Self::OtherVendor(_)) { Self::NoGpu } else { self }
    }
}

impl From<Silent> for NoVerdict {
    fn from(silent: Silent) -> Self {
        match silent {
            Silent::NoGpu => Self::not_applicable(said("no-gpu", [])),
            Silent::OtherVendor(vendor) => said("other-vendor", [("vendor", vendor.into())]).into(),
            Silent::NoDevice => said("no-device", []).into(),
            Silent::Missing(missing) => missing.into(),
        }
    }
}

/// Why no GPU of the node can be NVIDIA's, if that is known.
pub(crate) fn without_nvidia(evidence: &Evidence<'_>) -> Result<Option<Silent>, Missing> {
    let gpus = evidence.gpus()?;
    Ok(match gpus.first() {
        None => Some(Silent::NoGpu),
        Some(_) if gpus.iter().any(|gpu| gpu.vendor == "nvidia" || gpu.vendor == "unknown") => None,
        Some(gpu) => Some(Silent::OtherVendor(gpu.vendor.clone())),
    })
}

/// NVML's answers. Needs `/nvml` and `/gpus`.
pub(crate) fn nvml<'a>(evidence: &Evidence<'a>) -> Result<&'a Nvml, Silent> {
    match (evidence.nvml(), without_nvidia(evidence)) {
        (Ok(nvml), _) if !nvml.devices.is_empty() => Ok(nvml),
        (_, Ok(Some(silent))) => Err(silent),
        (Ok(_), _) => Err(Silent::NoDevice),
        (Err(missing), _) => Err(Silent::Missing(missing)),
    }
}

/// How a device is called in findings: its PCI address, or NVML's index where that is not known.
pub(crate) fn name(device: &NvmlDevice) -> String {
    device.address.known().cloned().unwrap_or_else(|| format!("NVML index {}", device.index))
}

pub(crate) fn object(device: &NvmlDevice) -> Object {
    Object::gpu(name(device))
}

/// Several GPUs under one name.
pub(crate) fn group(addresses: &[String], name: impl Into<String>) -> Object {
    Object::new(ObjectKind::Gpu, addresses.join(",")).named(name)
}

/// Why the window does not say what a GPU did under load.
#[derive(Clone)]
pub(crate) enum Unseen {
    /// The samples lack the GPU.
    NotSampled,
    /// It did nothing.
    Idle {
        samples: usize,
        highest: u32,
    },
    Missing(Missing),
}

impl From<&Unseen> for Said {
    fn from(unseen: &Unseen) -> Self {
        match unseen {
            Unseen::NotSampled => said("not-sampled", []),
            Unseen::Idle { samples, highest } => {
                let highest = Arg::quantity((*highest).into(), "%", 0);
                said("idle", [("samples_count", (*samples).into()), ("highest", highest)])
            }
            Unseen::Missing(missing) => said("no-window", [("reason", Arg::text(&*missing.reason))]),
        }
    }
}

/// What NVML saw of a device during the window.
pub(crate) fn during<'a>(
    window: &'a Result<Vec<GpuTime>, Missing>,
    address: &str,
) -> Result<&'a GpuTime, Unseen> {
    let gpus = window.as_ref().map_err(|missing| Unseen::Missing(missing.clone()))?;
    gpus.iter().find(|gpu| gpu.address == address).ok_or(Unseen::NotSampled)
}

/// The samples during which the GPU was at work.
pub(crate) struct Loaded {
    indices: Vec<usize>,
    samples: usize,
}

impl Loaded {
    /// `limit` is the utilisation from which a sample counts.
    pub(crate) fn of(limit: Limit<Percent>, time: &GpuTime) -> Result<Self, Unseen> {
        let utilization = time.utilization_percent.require().map_err(Unseen::Missing)?;
        let indices: Vec<usize> = utilization
            .iter()
            .enumerate()
            .filter(|(_, percent)| is_busy(limit, **percent))
            .map(|(index, _)| index)
            .collect();
        if indices.is_empty() {
            let highest = utilization.iter().max().copied().unwrap_or_default();
            return Err(Unseen::Idle { samples: utilization.len(), highest });
        }
        Ok(Self { samples: utilization.len(), indices })
    }

    /// The values of a series under load.
    pub(crate) fn pick<T: Copy>(&self, series: &[T]) -> Vec<T> {
        self.indices.iter().filter_map(|&index| series.get(index).copied()).collect()
    }

    /// `7 of 10 samples under load`
    pub(crate) fn text(&self) -> String {
        format!("{} of {} samples under load", self.indices.len(), self.samples)
    }
}

/// True if a utilisation is one of a GPU at work.
pub(crate) fn is_busy(limit: Limit<Percent>, percent: u32) -> bool {
    !limit.is_undercut_by(Quantity::new(f64::from(percent)))
}

/// True if a device was at work at the moment of NVML's other answers.
pub(crate) fn is_busy_now(limit: Limit<Percent>, device: &NvmlDevice) -> bool {
    device.utilization_percent.known().is_some_and(|&percent| is_busy(limit, percent))
}

/// A sentence that names the GPUs of its finding; [`join`] counts them.
macro_rules! named {
    ($sentence:ident $(, $field:ident $(: $value:expr)?)* $(,)?) => {
        words::$sentence { gpu: "".into(), gpus_count: 0_u64.into(), all_count: 0_u64.into(), $($field $(: $value)?),* }
    };
}
pub(crate) use named;

/// [`join`] for checks that judge what NVML lists: a GPU that the node has lost is not judged, and no pass.
pub(crate) fn joined(evidence: &Evidence<'_>, page: &Page, mut findings: Vec<Finding>) -> Vec<Finding> {
    let is_told = |gpu: &&Gpu| findings.iter().any(|finding| finding.subject.contains(&gpu.address));
    let gpus = evidence.gpus().unwrap_or_default().iter().filter(|gpu| !is_told(gpu));
    let unjudged = |gpu: &Gpu| Some(page.missing(Object::gpu(&gpu.address), &gpu.lost()?));
    let lost: Vec<Finding> = gpus.filter_map(unjudged).collect();
    let all = evidence.nvml().map_or(0, |nvml| nvml.devices.len()) + lost.len();
    findings.extend(lost);
    join(findings, all)
}

/// Joins findings of which all but GPU, goals and evidence is the same: eight equal GPUs are one finding. `all` is the number
/// of GPUs. Values called `most_…` and `least_…` may differ: the highest or the lowest is told.
///
/// Before, the object of each is one GPU.
pub(crate) fn join(findings: Vec<Finding>, all: usize) -> Vec<Finding> {
    let mut joined: Vec<(Vec<String>, Finding)> = Vec::new();
    for finding in findings {
        let id = finding.object.as_ref().map(|object| object.id.clone()).unwrap_or_default();
        let Some((ids, other)) = joined.iter_mut().find(|(_, other)| is_like(other, &finding)) else {
            joined.push((vec![id], finding));
            continue;
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
        for (name, arg) in finding.args {
            let Some(own) = other.args.get_mut(&name) else { continue };
            let (new, old) = (number(&arg), number(own));
            if if name.starts_with("least_") { new < old } else { new > old } {
                *own = arg;
            }
        }
        for intent in finding.intents {
            if !other.intents.contains(&intent) {
                other.intents.push(intent);
            }
        }
        for citation in finding.evidence {
            if !other.evidence.contains(&citation) {
                other.evidence.push(citation);
            }
        }
    }
    joined
        .into_iter()
        .map(|(ids, mut finding)| {
            let object = match ids.as_slice() {
                [only] => Object::gpu(only),
                _ => group(&ids, format!("GPUs {}", ids.join(", "))),
            };
            if finding.args.contains_key("gpus_count") {
                let named = [("gpu", ids.concat().into()), ("gpus_count", ids.len().into())];
                let named = named.into_iter().chain([("all_count", all.into())]);
                finding.args.extend(named.map(|(name, arg): (&str, Arg)| (name.to_owned(), arg)));
            }
            if let Some(cause) = finding.cause.as_mut().filter(|cause| cause.object.kind == ObjectKind::Gpu) {
                cause.object = object.clone();
            }
            finding.subject = object.subject();
            finding.object = Some(object);
            finding
        })
        .collect()
}

fn number(arg: &Arg) -> f64 {
    match arg {
        Arg::Count { count } => *count as f64,
        Arg::Quantity { value, .. } => *value,
        Arg::Text { .. } => 0.0,
    }
}

fn is_like(a: &Finding, b: &Finding) -> bool {
    let may_differ = |name: &str| name.starts_with("most_") || name.starts_with("least_");
    (a.outcome, &a.variant, a.likelihood, a.confidence, a.severity)
        == (b.outcome, &b.variant, b.likelihood, b.confidence, b.severity)
        && a.args.len() == b.args.len()
        && a.args.iter().all(|(name, arg)| may_differ(name) || b.args.get(name) == Some(arg))
}

/// Cites what NVML said of a GPU.
pub(crate) fn cite(address: &str, what: impl std::fmt::Display) -> Citation {
    Citation::new(NVML, format!("{address}: {what}"))
}

/// Cites what NVML said of a GPU during the window.
pub(crate) fn cite_window(address: &str, what: impl std::fmt::Display) -> Citation {
    Citation::new(WINDOW, format!("{address}: {what}"))
}

/// True in a virtual machine, whose hardware is somebody else's. Needs `/node/virtualization`.
pub(crate) fn is_guest(evidence: &Evidence<'_>) -> bool {
    evidence.hypervisor().is_ok_and(|hypervisor| hypervisor.is_some())
}

/// Who looks at a part of the machine: hands on it, or the provider of a virtual machine. Needs `/node/virtualization`.
pub(crate) fn look_at(evidence: &Evidence<'_>, part: HardwarePart, address: &str) -> Intent {
    if is_guest(evidence) {
        return Intent::Provider { request: ProviderRequest::Health };
    }
    Intent::Hardware { part, at: Some(address.to_owned()) }
}

/// How many GPUs one replica of a model spans.
pub(crate) enum Span {
    One,
    Several,
    NoServer,
    Unknown(Missing),
}

impl Span {
    /// What the client says of the workload, else the widest tensor parallelism of the servers that run.
    ///
    /// Needs `/servers` and `/engagement/workload`.
    pub(crate) fn of(evidence: &Evidence<'_>) -> Self {
        let workload: Result<BTreeMap<WorkloadTrait, bool>, Missing> = evidence.get("/engagement/workload");
        let told = workload.ok().and_then(|workload| workload.get(&WorkloadTrait::TensorParallel).copied());
        let several = match (told, evidence.servers()) {
            (Some(several), _) => several,
            (None, Err(missing)) => return Self::Unknown(missing),
            (None, Ok([])) => return Self::NoServer,
            (None, Ok(servers)) => {
                let wide = servers.iter().map(|server| Ok(*server.tensor_parallel.require()? > 1));
                match wide.collect::<Result<Vec<bool>, Missing>>() {
                    Ok(widths) => widths.contains(&true),
                    Err(missing) => return Self::Unknown(missing),
                }
            }
        };
        if several { Self::Several } else { Self::One }
    }

    /// Findings about what matters only if replicas span several GPUs: a failure then, else a warning; if nobody knows, a
    /// warning and a question. The sentence gets the word for it; `dressed` adds evidence and goals.
    pub(crate) fn weigh(
        &self,
        page: &Page,
        object: Object,
        said_with: impl FnOnce(Arg) -> Said,
        dressed: impl FnOnce(Finding) -> Finding,
    ) -> Vec<Finding> {
        let (outcome, word, unknown) = match self {
            Self::Several => (Outcome::Fail, "several", None),
            Self::One => (Outcome::Warn, "one", None),
            Self::NoServer => (Outcome::Warn, "unknown", Some(said("span-no-server", []))),
            Self::Unknown(missing) => {
                (Outcome::Warn, "unknown", Some(said("span-unknown", [("reason", missing.into())])))
            }
        };
        let mut findings = vec![dressed(page.says(outcome, object.clone(), said_with(word.into())))];
        findings.extend(unknown.map(|unknown| page.not_run(object, unknown)));
        findings
    }
}
