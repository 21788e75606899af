//! What the checks of this pack share: which GPUs they are about, when a GPU counts as loaded, and one finding for all
//! GPUs of which the same is true.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity, Unit};
use plumb_check_sdk::model::{BUSY_PERCENT, Gpu, GpuTime, Nvml, NvmlDevice, no_server};
use plumb_check_sdk::{
    Absence, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing, ThresholdBasis,
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

/// From which utilisation on a sample counts as one under load.
pub(crate) const LOADED: Limit<Percent> = Limit {
    name: "utilisation of a GPU from which a sample counts as loaded",
    value: Quantity::new(BUSY_PERCENT),
    basis: ThresholdBasis::Expert,
    source: "our proposal: idle GPUs show 0 %, serving ones far more",
    date: "2026-11-23",
    applies_to: "samples of NVML, about a second apart",
};

/// Events per minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PerMinute {}

impl Unit for PerMinute {
    const SYMBOL: &'static str = "1/min";
}

/// NVML's answers; or, inside, why there is no NVIDIA GPU that they could be about.
///
/// Needs `/nvml` and `/gpus`.
///
/// # Errors
/// NVML did not answer although there is an NVIDIA GPU, or may be one.
pub(crate) fn nvml<'a>(evidence: &Evidence<'a>) -> Result<Result<&'a Nvml, String>, Missing> {
    let gpus = evidence.gpus();
    let none = |gpus: &[Gpu]| !gpus.iter().any(|gpu| gpu.vendor == "nvidia" || gpu.vendor == "unknown");
    match (evidence.nvml(), gpus) {
        (Ok(nvml), Ok(gpus)) if nvml.devices.is_empty() && none(gpus) => {
            Ok(Err("no NVIDIA GPU was found".to_owned()))
        }
        (Ok(nvml), _) if nvml.devices.is_empty() => {
            Err(Missing::new(Absence::Failed, "NVML lists no GPU, and PCI does not say that there is none"))
        }
        (Ok(nvml), _) => Ok(Ok(nvml)),
        (Err(_), Ok(gpus)) if none(gpus) => Ok(Err("no NVIDIA GPU was found".to_owned())),
        (Err(missing), _) => Err(missing),
    }
}

/// How a device is called in findings: its PCI address, or NVML's index where that is not known.
pub(crate) fn name(device: &NvmlDevice) -> String {
    device.address.known().cloned().unwrap_or_else(|| format!("NVML index {}", device.index))
}

/// What NVML saw of a device during the window.
///
/// # Errors
/// Nothing was sampled, or not this device.
pub(crate) fn during<'a>(
    window: &'a Result<Vec<GpuTime>, Missing>,
    address: &str,
) -> Result<&'a GpuTime, Missing> {
    let gpus = window.as_ref().map_err(Clone::clone)?;
    gpus.iter()
        .find(|gpu| gpu.address == address)
        .ok_or_else(|| Missing::new(Absence::Failed, format!("the samples of the window lack GPU {address}")))
}

/// The samples during which the GPU was at work.
pub(crate) struct Loaded {
    indices: Vec<usize>,
    samples: usize,
}

impl Loaded {
    /// # Errors
    /// The utilisation is not known, or there was no load: then nothing that needs load can be judged.
    pub(crate) fn of(meta: &CheckMeta, evidence: &Evidence<'_>, time: &GpuTime) -> Result<Self, Missing> {
        let limit = evidence.limit(meta, &LOADED);
        let utilization = time.utilization_percent.require()?;
        let indices: Vec<usize> = utilization
            .iter()
            .enumerate()
            .filter(|(_, percent)| !limit.is_undercut_by(Quantity::new(f64::from(**percent))))
            .map(|(index, _)| index)
            .collect();
        if indices.is_empty() {
            let highest = utilization.iter().max().copied().unwrap_or_default();
            let reason = format!(
                "the GPU did nothing in {} samples (utilisation at most {highest} %): collect while the service runs",
                utilization.len()
            );
            return Err(Missing::new(Absence::Skipped, reason));
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

/// Joins findings of which all but subject and evidence is the same: eight equal GPUs are one finding.
///
/// Before, the subject of each is the address of one GPU.
pub(crate) fn join(findings: Vec<Finding>) -> Vec<Finding> {
    let mut joined: Vec<(Vec<String>, Finding)> = Vec::new();
    for mut finding in findings {
        let subject = std::mem::take(&mut finding.subject);
        let same = joined.iter_mut().find(|(_, other)| {
            (other.outcome, &other.message, other.likelihood, other.confidence, other.severity)
                == (
                    finding.outcome,
                    &finding.message,
                    finding.likelihood,
                    finding.confidence,
                    finding.severity,
                )
        });
        match same {
            Some((subjects, other)) => {
                subjects.push(subject);
                for citation in finding.evidence {
                    if !other.evidence.contains(&citation) {
                        other.evidence.push(citation);
                    }
                }
            }
            None => joined.push((vec![subject], finding)),
        }
    }
    joined
        .into_iter()
        .map(|(subjects, mut finding)| {
            let word = if subjects.len() == 1 { "GPU" } else { "GPUs" };
            finding.subject = format!("{word} {}", subjects.join(", "));
            finding
        })
        .collect()
}

/// Cites what NVML said of a GPU.
pub(crate) fn cite(address: &str, what: impl std::fmt::Display) -> Citation {
    Citation::new(NVML, format!("{address}: {what}"))
}

/// Cites what NVML said of a GPU during the window.
pub(crate) fn cite_window(address: &str, what: impl std::fmt::Display) -> Citation {
    Citation::new(WINDOW, format!("{address}: {what}"))
}

/// How many GPUs one replica of a model spans, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    One,
    Several,
}

/// The widest tensor parallelism of the servers that run, else what the client says of the workload.
///
/// Needs `/servers` and `/engagement/workload`.
///
/// # Errors
/// Neither source tells.
pub(crate) fn span(evidence: &Evidence<'_>) -> Result<Span, Missing> {
    use plumb_check_sdk::WorkloadTrait::TensorParallel;

    let workload: Result<BTreeMap<plumb_check_sdk::WorkloadTrait, bool>, Missing> =
        evidence.get("/engagement/workload");
    if let Some(&several) = workload.ok().as_ref().and_then(|workload| workload.get(&TensorParallel)) {
        return Ok(if several { Span::Several } else { Span::One });
    }
    let servers = evidence.servers()?;
    if servers.is_empty() {
        let why = no_server();
        let reason = format!("how many GPUs a replica spans is not known: {}", why.reason);
        return Err(Missing { reason, ..why });
    }
    let mut widest = 1;
    for server in servers {
        widest = widest.max(*server.tensor_parallel.require()?);
    }
    Ok(if widest > 1 { Span::Several } else { Span::One })
}

/// A finding about what matters only if replicas span several GPUs: a failure then, else a warning; if nobody knows, a
/// warning and a question.
pub(crate) fn by_span(
    meta: &CheckMeta,
    span: &Result<Span, Missing>,
    subject: &str,
    message: &str,
    evidence: Vec<Citation>,
) -> Vec<Finding> {
    let cited = |finding: Finding| {
        let finding = finding.with_likelihood(Likelihood::Setting);
        evidence.iter().cloned().fold(finding, Finding::with_evidence)
    };
    match span {
        Ok(Span::Several) => vec![cited(meta.fail(subject, message))],
        Ok(Span::One) => {
            vec![cited(meta.warn(subject, format!("{message}; no replica spans several GPUs at present")))]
        }
        Err(missing) => vec![
            cited(meta.warn(subject, message)),
            meta.not_run(subject, format!("whether replicas span several GPUs is not known: {missing}")),
        ],
    }
}

/// A value, or `None` where the node does not have it; anything else missing is told.
///
/// # Errors
/// The value was not read for another reason than that there is none.
pub(crate) fn if_any<T>(fact: &Fact<T>) -> Result<Option<&T>, Missing> {
    match fact {
        Fact::Known(value) => Ok(Some(value)),
        Fact::Missing(missing) if missing.missing == Absence::Absent => Ok(None),
        Fact::Missing(missing) => Err(missing.clone()),
    }
}
