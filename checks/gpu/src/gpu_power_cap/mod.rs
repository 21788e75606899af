//! `gpu.power-cap`: GPU power limit and clocks are at the intended value.
//!
//! The limit in force is compared with the maker's. Clocks that someone has set show as a reason of NVML
//! (`ApplicationsClocksSetting`), or as application clocks below the default. Whether a cap is documented cannot be seen on
//! the node: a cap that is meant is accepted in the audit, with owner and reason.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{GpuTime, NvmlDevice};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Evidence, Finding, Likelihood, Missing, Reference,
    Remediation, Severity, ThresholdBasis,
};
use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use crate::gpus::{self, LOADED, Loaded, SET_CLOCKS, SW_POWER_CAP, cite, cite_window};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.power-cap"),
    title: Borrowed("GPU power limit and clocks are at the intended value"),
    category: Category::GpuHealth,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A forgotten cap or locked clock lowers the throughput of prefill. A deliberate one may be a good \
         trade.",
    ),
    business: Borrowed("Someone turned the GPU down and nobody remembers why."),
    needs: Borrowed(&[Borrowed("/nvml"), Borrowed("/gpus"), Borrowed("/window/gpus")]),
    remediation: Remediation {
        runtime: Borrowed(
            "`nvidia-smi -pl WATTS` with the default named in the evidence; `nvidia-smi -rgc`; `nvidia-smi \
             -rac`",
        ),
        persistent: Borrowed("Remove the script that sets it at boot, or document the cap"),
        rollback: Borrowed("`nvidia-smi -pl WATTS` with the limit named in the evidence"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`nvidia-smi -q -d POWER,CLOCK`"),
        expected_effect: Borrowed(
            "No published number was found; decoding is less sensitive than prefill. Measure tokens per \
             watt both ways.",
        ),
    },
    thresholds: Borrowed(&[LOADED.threshold(), FULL.threshold(), DEEP.threshold(), CAPPED.threshold()]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines; NVIDIA"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA NVML API: NvmlClocksEventReasons"),
            url: Borrowed("https://docs.nvidia.com/deploy/nvml-api/api/group__nvmlClocksEventReasons.html"),
        },
        Reference {
            title: Borrowed("NVIDIA Health Validation: GPU checks"),
            url: Borrowed("https://docs.nvidia.com/health-validation/reference/checks/gpu.md"),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
    ]),
};

const FULL: Limit<Percent> = Limit {
    name: "power limit, as share of the default, below which there is a warning",
    value: Quantity::new(99.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: limits are set in whole watts",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs",
};

const DEEP: Limit<Percent> = Limit {
    name: "power limit, as share of the default, below which it is a failure",
    value: Quantity::new(80.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: below, prefill slows in proportion",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs",
};

const CAPPED: Limit<Percent> = Limit {
    name: "share of loaded samples in which the cap is seen to work",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: more often than not",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs under load",
};

/// See the module.
pub struct GpuPowerCap;

impl Check for GpuPowerCap {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let nvml = match gpus::nvml(evidence)? {
            Ok(nvml) => nvml,
            Err(why) => return Ok(vec![META.not_applicable("node", why)]),
        };
        let window: Result<Vec<GpuTime>, Missing> = evidence.get("/window/gpus");
        let mut findings = Vec::new();
        for device in &nvml.devices {
            let time = gpus::during(&window, &gpus::name(device));
            let of_device =
                [limit(evidence, device, time.as_ref().ok().copied()), clocks(evidence, device, &time)];
            let of_device: Vec<Finding> = of_device
                .into_iter()
                .filter_map(|result| {
                    result.unwrap_or_else(|missing| Some(META.not_run(gpus::name(device), missing.reason)))
                })
                .collect();
            if of_device.is_empty() {
                let name = gpus::name(device);
                let watts = device.power_limit_watts.known().copied().unwrap_or_default();
                findings.push(
                    META.pass(&name, "power limit and clocks are as the maker set them")
                        .with_evidence(cite(&name, format!("power limit {watts:.0} W"))),
                );
            }
            findings.extend(of_device);
        }
        let mut findings = gpus::join(findings);
        findings.extend(unequal(&nvml.devices));
        Ok(findings)
    }
}

fn limit(
    evidence: &Evidence<'_>,
    device: &NvmlDevice,
    time: Option<&GpuTime>,
) -> Result<Option<Finding>, Missing> {
    let name = gpus::name(device);
    let limit = *device.power_limit_watts.require()?;
    let default = *device.power_limit_default_watts.require()?;
    if default <= 0.0 {
        return Err(Missing::new(Absence::Malformed, "NVML's default power limit is no limit"));
    }
    let share = Quantity::new(100.0 * limit / default);
    let message = format!("power limit at {:.1} % of the default", share.number());
    let finding = if evidence.limit(&META, &DEEP).is_undercut_by(share) {
        META.fail(&name, message)
    } else if evidence.limit(&META, &FULL).is_undercut_by(share) {
        META.warn(&name, message)
    } else {
        return Ok(None);
    };
    let finding =
        finding.with_evidence(cite(&name, format!("power limit {limit:.0} W, default {default:.0} W")));
    // Below its default a limit is a setting; that it holds the GPU back is seen under load.
    let capped = time.and_then(|time| {
        let under_load = Loaded::of(&META, evidence, time).ok()?.pick(time.clock_reasons.known()?);
        let capped = under_load.iter().filter(|reasons| **reasons & SW_POWER_CAP != 0).count();
        Some((capped, under_load.len()))
    });
    Ok(Some(match capped {
        Some((capped, samples))
            if evidence
                .limit(&META, &CAPPED)
                .is_exceeded_by(Quantity::new(100.0 * capped as f64 / samples.max(1) as f64)) =>
        {
            let text = format!("held down by the power limit in {capped} of {samples} samples under load");
            finding.with_likelihood(Likelihood::Mechanism).with_evidence(cite_window(&name, text))
        }
        _ => finding.with_likelihood(Likelihood::Setting),
    }))
}

fn clocks(
    evidence: &Evidence<'_>,
    device: &NvmlDevice,
    time: &Result<&GpuTime, Missing>,
) -> Result<Option<Finding>, Missing> {
    let name = gpus::name(device);
    let application = gpus::if_any(&device.application_sm_mhz)?;
    let default = gpus::if_any(&device.application_sm_default_mhz)?;
    if let (Some(application), Some(default)) = (application, default)
        && application < default
    {
        let citation = cite(&name, format!("application clock {application} MHz, default {default} MHz"));
        let finding = META.warn(&name, "application clocks are set below the default");
        return Ok(Some(finding.with_likelihood(Likelihood::Setting).with_evidence(citation)));
    }
    let seen = match time {
        Ok(time) => match Loaded::of(&META, evidence, time) {
            Ok(loaded) => loaded.pick(time.clock_reasons.require()?),
            Err(_) => vec![*device.clock_reasons.require()?],
        },
        Err(_) => vec![*device.clock_reasons.require()?],
    };
    if !seen.iter().any(|reasons| reasons & SET_CLOCKS != 0) {
        return Ok(None);
    }
    let citation = cite(&name, "reason for low clocks: applications clocks setting (0x2)");
    let finding = META.warn(&name, "someone has set its clocks");
    Ok(Some(finding.with_likelihood(Likelihood::Setting).with_evidence(citation)))
}

/// GPUs of one model whose limits differ: in a group the slowest sets the pace.
fn unequal(devices: &[NvmlDevice]) -> Vec<Finding> {
    let mut by_model: BTreeMap<&str, BTreeMap<i64, Vec<String>>> = BTreeMap::new();
    for device in devices {
        if let (Some(model), Some(watts)) = (device.name.known(), device.power_limit_watts.known()) {
            by_model
                .entry(model)
                .or_default()
                .entry(watts.round() as i64)
                .or_default()
                .push(gpus::name(device));
        }
    }
    let nameless = devices.iter().filter(|device| device.name.known().is_none()).count();
    if nameless > 0 && devices.len() > 1 {
        let message = format!("which GPUs are equal: the model of {nameless} is not known");
        return vec![META.not_run("GPUs of one model", message)];
    }
    let differing = by_model.into_iter().filter(|(_, limits)| limits.len() > 1);
    differing
        .map(|(model, limits)| {
            let finding = META
                .fail(format!("GPUs of model {model}"), "equal GPUs have different power limits")
                .with_likelihood(Likelihood::Setting);
            limits.into_iter().fold(finding, |finding, (watts, names)| {
                finding.with_evidence(cite(&names.join(", "), format!("power limit {watts} W")))
            })
        })
        .collect()
}
