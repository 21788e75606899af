//! `gpu.clock-throttle`: GPUs are not slowed by heat, power brake or hardware protection.
//!
//! The reasons that NVML gives for low clocks are judged over the samples under load, and over its time counters between
//! the first and the last sample. What needs no load is judged without: a thermal slowdown or a power brake that is active
//! now, and a margin that is used up.
//!
//! `HW slowdown` (0x8) alone may be shown for a moment while clocks change (NVML API, `NvmlClocksEventReasons`), so it
//! counts under load only; its two named causes, heat (0x40) and power brake (0x80), always count.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Celsius, Limit, Percent, Quantity};
use plumb_check_sdk::model::{GpuTime, Nvml, NvmlDevice};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, ThresholdBasis, WorkloadTrait,
};

use crate::gpus::{
    self, HW_SLOWDOWN, HW_THERMAL, LOADED, Loaded, POWER_BRAKE, SW_POWER_CAP, SW_THERMAL, cite, cite_window,
};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.clock-throttle"),
    title: Borrowed("GPUs are not slowed by heat, power brake or hardware protection"),
    category: Category::GpuHealth,
    severity: Severity::Critical,
    gate: true,
    top15_rank: Some(4),
    rationale: Borrowed(
        "A hardware slowdown cuts the core clock by a factor of two or more. In a tensor-parallel group one \
         slow GPU slows all.",
    ),
    business: Borrowed(
        "A GPU is protecting itself by running at half speed. Customers pay for the whole one.",
    ),
    needs: Borrowed(&[Borrowed("/nvml"), Borrowed("/gpus"), Borrowed("/window/gpus")]),
    remediation: Remediation {
        runtime: Borrowed(
            "`nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER`; check fans, power cables and the redundancy \
             of power supplies",
        ),
        persistent: Borrowed(
            "Mend cooling or power: airflow in the rack, fans, power supplies; return the GPU if it alone \
             is hot",
        ),
        rollback: Borrowed("None: nothing in the software is changed"),
        change: ChangeKind::Hardware,
        verification: Borrowed(
            "`nvidia-smi --query-gpu=clocks_event_reasons.active,clocks.sm,temperature.gpu --format=csv -l \
             1`, under load",
        ),
        expected_effect: Borrowed(
            "NVIDIA: clocks are reduced by a factor of two or more while it is active. There is no \
             published number for language models: use the measured ratio of clocks.",
        ),
    },
    thresholds: Borrowed(&[
        LOADED.threshold(),
        LITTLE_MARGIN.threshold(),
        NO_MARGIN.threshold(),
        CAPPED.threshold(),
    ]),
    amplified_by: Borrowed(&[WorkloadTrait::TensorParallel]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal and virtual machines with whole GPUs; containers through NVML; NVIDIA",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA NVML API: NvmlClocksEventReasons"),
            url: Borrowed("https://docs.nvidia.com/deploy/nvml-api/api/group__nvmlClocksEventReasons.html"),
        },
        Reference {
            title: Borrowed("NVIDIA NVML API: Field Value Enums (clock event reason counters in ns)"),
            url: Borrowed("https://docs.nvidia.com/deploy/nvml-api/api/group__nvmlFieldValueEnums.html"),
        },
        Reference {
            title: Borrowed("NVIDIA DCGM: Field Constants"),
            url: Borrowed(
                "https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-constants.html",
            ),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
        Reference {
            title: Borrowed("leptonai/gpud: GPU health components and thresholds"),
            url: Borrowed("https://github.com/leptonai/gpud"),
        },
        Reference {
            title: Borrowed("NVIDIA Health Validation: GPU checks"),
            url: Borrowed("https://docs.nvidia.com/health-validation/reference/checks/gpu.md"),
        },
    ]),
};

const LITTLE_MARGIN: Limit<Celsius> = Limit {
    name: "thermal margin below which there is a warning",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a few degrees are lost as filters clog and rooms warm up",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs",
};

const NO_MARGIN: Limit<Celsius> = Limit {
    name: "thermal margin below which it is a failure",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: within the swing of a busy hour",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs",
};

const CAPPED: Limit<Percent> = Limit {
    name: "share of loaded samples held down by a lowered power limit",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: more often than not",
    date: "2026-11-23",
    applies_to: "GPUs whose power limit is below the default",
};

/// See the module.
pub struct GpuClockThrottle;

impl Check for GpuClockThrottle {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let nvml = match gpus::nvml(evidence)? {
            Ok(nvml) => nvml,
            Err(why) => return Ok(vec![META.not_applicable("node", why)]),
        };
        let window: Result<Vec<GpuTime>, Missing> = evidence.get("/window/gpus");
        Ok(gpus::join(judge_all(evidence, nvml, &window)))
    }
}

fn judge_all(evidence: &Evidence<'_>, nvml: &Nvml, window: &Result<Vec<GpuTime>, Missing>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for device in &nvml.devices {
        let name = gpus::name(device);
        let time = gpus::during(window, &name);
        let slowed = match &time {
            Ok(time) => slowed_in_window(evidence, device, time),
            Err(missing) => slowed_now(device, missing),
        };
        findings.extend(slowed.unwrap_or_else(|missing| vec![META.not_run(name, missing.reason)]));
        findings.extend(margin(evidence, device, time.ok()));
    }
    findings
}

/// Reasons whose time is counted where any is.
const COUNTED: &[&str] = &["hw_thermal", "hw_power_brake", "sw_thermal"];

/// Reasons that count at any time, as seen at one moment; the rest needs a window.
fn slowed_now(device: &NvmlDevice, why: &Missing) -> Result<Vec<Finding>, Missing> {
    let name = gpus::name(device);
    let reasons = *device.clock_reasons.require()?;
    let (what, outcome) = if reasons & HW_THERMAL != 0 {
        ("the hardware holds its clocks down because of heat", META.fail(&name, ""))
    } else if reasons & POWER_BRAKE != 0 {
        ("the hardware holds its clocks down because a power supply asks for it", META.fail(&name, ""))
    } else {
        return Err(Missing::new(why.missing, format!("throttling shows under load: {}", why.reason)));
    };
    let finding = Finding { message: what.to_owned(), ..outcome };
    Ok(vec![
        finding
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite(&name, format!("clock reasons {reasons:#x}"))),
    ])
}

fn slowed_in_window(
    evidence: &Evidence<'_>,
    device: &NvmlDevice,
    time: &GpuTime,
) -> Result<Vec<Finding>, Missing> {
    let name = gpus::name(device);
    let reasons = time.clock_reasons.require()?;
    let all = reasons.iter().fold(0, |all, reasons| all | reasons);
    let held = |reason: &str| -> u64 {
        time.clock_reasons_ns.known().and_then(|by_reason| by_reason.get(reason).copied()).unwrap_or(0)
    };
    let loaded = Loaded::of(&META, evidence, time);
    let under_load: Vec<u64> = loaded.as_ref().map(|loaded| loaded.pick(reasons)).unwrap_or_default();
    let count = |bit: u64, of: &[u64]| of.iter().filter(|reasons| *reasons & bit != 0).count();
    let told = |bit: u64, reason: &str| {
        let ms = held(reason) as f64 / 1e6;
        cite_window(
            &name,
            format!(
                "reason {bit:#x} in {} of {} samples, {ms:.0} ms by its counter",
                count(bit, reasons),
                reasons.len()
            ),
        )
    };

    for (bit, reason, why) in [
        (HW_THERMAL, "hw_thermal", "because of heat"),
        (POWER_BRAKE, "hw_power_brake", "because a power supply asks for it"),
    ] {
        if all & bit != 0 || held(reason) > 0 {
            let message = format!("the hardware held its clocks down {why}");
            return Ok(vec![
                META.fail(&name, message)
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(told(bit, reason)),
            ]);
        }
    }
    if count(HW_SLOWDOWN, &under_load) > 0 {
        return Ok(vec![
            META.fail(&name, "the hardware held its clocks down under load")
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(told(HW_SLOWDOWN, "hw_slowdown")),
        ]);
    }
    if all & SW_THERMAL != 0 || held("sw_thermal") > 0 {
        return Ok(vec![
            META.warn(&name, "the driver held its clocks down because of heat")
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(told(SW_THERMAL, "sw_thermal")),
        ]);
    }
    let loaded = loaded?;
    let mut findings = Vec::new();
    let capped = count(SW_POWER_CAP, &under_load);
    let share = Quantity::new(100.0 * capped as f64 / under_load.len().max(1) as f64);
    if evidence.limit(&META, &CAPPED).is_exceeded_by(share) {
        let limit = *device.power_limit_watts.require()?;
        let default = *device.power_limit_default_watts.require()?;
        if limit < default {
            findings.push(
                META.warn(&name, "a power limit below the default held its clocks down under load")
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(told(SW_POWER_CAP, "sw_power_cap"))
                    .with_evidence(cite(&name, format!("power limit {limit:.0} W, default {default:.0} W"))),
            );
        }
    }
    // Some drivers do not count; the samples alone then have to do.
    let counted = gpus::if_any(&time.clock_reasons_ns).and_then(|by_reason| {
        let lacking =
            by_reason.and_then(|by_reason| COUNTED.iter().find(|reason| !by_reason.contains_key(**reason)));
        match lacking {
            Some(reason) => Err(Missing::new(Absence::Failed, format!("no count for `{reason}`"))),
            None => Ok(()),
        }
    });
    if let Err(missing) = counted {
        findings.push(META.not_run(&name, format!("time held down between the samples: {missing}")));
    }
    if findings.is_empty() {
        let message = "nothing but load and power limit decided its clocks under load";
        findings.push(META.pass(&name, message).with_evidence(cite_window(&name, loaded.text())));
    }
    Ok(findings)
}

/// How far the GPU was from slowing down at its hottest; nothing is said where it was far enough.
fn margin(evidence: &Evidence<'_>, device: &NvmlDevice, time: Option<&GpuTime>) -> Option<Finding> {
    let name = gpus::name(device);
    let (margin, citation) = match lowest_margin(device, time) {
        Ok(found) => found,
        Err(missing) => {
            return Some(META.not_run(name, format!("its thermal margin is not known: {missing}")));
        }
    };
    let measured = Quantity::new(margin);
    if evidence.limit(&META, &NO_MARGIN).is_undercut_by(measured) {
        let message = "it is about to slow down: hardly any thermal margin is left";
        return Some(META.fail(name, message).with_evidence(citation));
    }
    if evidence.limit(&META, &LITTLE_MARGIN).is_undercut_by(measured) {
        let message = "it is hot: little thermal margin is left";
        return Some(META.warn(name, message).with_evidence(citation));
    }
    None
}

/// The smallest margin in °C: NVML's own, else the threshold of the slowdown less the temperature.
fn lowest_margin(device: &NvmlDevice, time: Option<&GpuTime>) -> Result<(f64, Citation), Missing> {
    let name = gpus::name(device);
    let series = time.map(|time| gpus::if_any(&time.margin_celsius)).transpose()?.flatten();
    if let Some(least) = series.and_then(|series| series.iter().min()) {
        return Ok((f64::from(*least), cite_window(&name, format!("thermal margin at least {least} °C"))));
    }
    if let Some(margin) = gpus::if_any(&device.margin_celsius)? {
        return Ok((f64::from(*margin), cite(&name, format!("thermal margin {margin} °C"))));
    }
    let threshold = *device.slowdown_celsius.require()?;
    let series = time.map(|time| gpus::if_any(&time.temperature_celsius)).transpose()?.flatten();
    if let Some(highest) = series.and_then(|series| series.iter().max()) {
        let text = format!("at most {highest} °C, slows down at {threshold} °C");
        return Ok((f64::from(threshold) - f64::from(*highest), cite_window(&name, text)));
    }
    let now = *device.temperature_celsius.require()?;
    Ok((
        f64::from(threshold) - f64::from(now),
        cite(&name, format!("{now} °C, slows down at {threshold} °C")),
    ))
}
