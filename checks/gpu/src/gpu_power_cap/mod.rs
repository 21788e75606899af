//! `gpu.power-cap`: GPU power limit and clocks are at the intended value.
//!
//! The limit in force is compared with the maker's. Clocks that someone has set show as a reason of NVML
//! (`ApplicationsClocksSetting`), or as application clocks below the default. Whether a cap is documented cannot be seen on
//! the node: a cap that is meant is accepted in the audit, with owner and reason.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{GpuTime, NvmlDevice};
use plumb_check_sdk::{Arg, Evidence, Finding, GpuState, Intent, Likelihood, Missing, NoVerdict, Object};

use crate::gpus::{self, GPU_POWER, Loaded, SET_CLOCKS, SW_POWER_CAP, Unseen, cite, cite_window, named};
use crate::pages::gpu_power_cap::{CAPPED, DEEP, FULL, LOADED, PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let nvml = gpus::nvml(evidence)?;
    let window: Result<Vec<GpuTime>, Missing> = evidence.get("/window/gpus");
    let mut findings = Vec::new();
    for device in &nvml.devices {
        let name = gpus::name(device);
        let seen = under_load(evidence, gpus::during(&window, &name));
        let judged = [limit(evidence, device, &seen), clocks(device, seen)];
        let of_device: Vec<Finding> =
            judged.into_iter().filter_map(|part| PAGE.settle(gpus::object(device), part)).collect();
        if of_device.is_empty() {
            let watts = device.power_limit_watts.known().copied().unwrap_or_default();
            let citation = cite(&name, format!("power limit {watts:.0} W"));
            findings.push(PAGE.pass(gpus::object(device), words::AsMade {}).with_evidence(citation));
        }
        findings.extend(of_device);
    }
    let mut findings = gpus::joined(evidence, &PAGE, findings);
    findings.extend(unequal(&nvml.devices));
    Ok(findings)
}

/// NVML's reasons for low clocks under load; `None` where there was no load to see them under.
type Reasons = Result<Option<Vec<u64>>, Missing>;

fn under_load(evidence: &Evidence<'_>, time: Result<&GpuTime, Unseen>) -> Reasons {
    let Ok(time) = time else { return Ok(None) };
    let loaded = Loaded::of(evidence.limit(&PAGE, &LOADED), time).ok();
    loaded.map(|loaded| Ok(loaded.pick(time.clock_reasons.require()?))).transpose()
}

/// The goal that a GPU has the power limit that its maker set.
fn default_limit(device: &NvmlDevice) -> Option<Intent> {
    let watts = |watts: &f64| watts.round() as u32;
    let default = device.power_limit_default_watts.known().map(watts).filter(|&default| default > 0)?;
    let was = device.power_limit_watts.known().map(watts).filter(|&was| was != default)?;
    let want = GpuState::PowerLimit { want_watts: default, was_watts: was };
    Some(Intent::Gpu { gpu: gpus::name(device), want })
}

fn limit(evidence: &Evidence<'_>, device: &NvmlDevice, seen: &Reasons) -> Result<Option<Finding>, Missing> {
    let (object, name) = (gpus::object(device), gpus::name(device));
    let limit = *device.power_limit_watts.require()?;
    let default = *device.power_limit_default_watts.require()?;
    if default <= 0.0 {
        return Ok(Some(PAGE.not_run(object, words::NoDefault {})));
    }
    let share = Quantity::new(100.0 * limit / default);
    let rounded = Arg::quantity((share.number() * 10.0).round() / 10.0, "%", 1);
    let watts = |watts: f64| Arg::quantity(watts, "W", 0);
    let said = named!(Limited, share: rounded, least_limit: watts(limit), most_default: watts(default));
    let finding = if evidence.limit(&PAGE, &DEEP).is_undercut_by(share) {
        PAGE.fail(object, said)
    } else if evidence.limit(&PAGE, &FULL).is_undercut_by(share) {
        PAGE.warn(object, said)
    } else {
        return Ok(None);
    };
    let finding = finding
        .with_evidence(cite(&name, format!("power limit {limit:.0} W, default {default:.0} W")))
        .with_intents(default_limit(device))
        .with_cause(GPU_POWER, Object::node());
    // Below its default a limit is a setting; that it holds the GPU back is seen under load.
    let Ok(Some(under_load)) = seen else { return Ok(Some(finding)) };
    let capped = under_load.iter().filter(|reasons| **reasons & SW_POWER_CAP != 0).count();
    let samples = under_load.len();
    let share = Quantity::new(100.0 * capped as f64 / samples.max(1) as f64);
    if !evidence.limit(&PAGE, &CAPPED).is_exceeded_by(share) {
        return Ok(Some(finding));
    }
    let text = format!("held down by the power limit in {capped} of {samples} samples under load");
    Ok(Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(cite_window(&name, text))))
}

fn clocks(device: &NvmlDevice, seen: Reasons) -> Result<Option<Finding>, Missing> {
    let (object, name) = (gpus::object(device), gpus::name(device));
    let free = Intent::Gpu { gpu: name.clone(), want: GpuState::FreeClocks {} };
    let application = device.application_sm_mhz.optional()?;
    let default = device.application_sm_default_mhz.optional()?;
    if let (Some(application), Some(default)) = (application, default)
        && application < default
    {
        let mhz = |mhz: &u32| Arg::quantity((*mhz).into(), "MHz", 0);
        let said = named!(LowClocks, least_clock: mhz(application), most_default: mhz(default));
        let citation = cite(&name, format!("application clock {application} MHz, default {default} MHz"));
        return Ok(Some(PAGE.warn(object, said).with_evidence(citation).with_intent(free)));
    }
    let seen = match seen? {
        Some(under_load) => under_load,
        None => vec![*device.clock_reasons.require()?],
    };
    if !seen.iter().any(|reasons| reasons & SET_CLOCKS != 0) {
        return Ok(None);
    }
    let citation = cite(&name, "reason for low clocks: applications clocks setting (0x2)");
    Ok(Some(PAGE.warn(object, named!(SetClocks)).with_evidence(citation).with_intent(free)))
}

/// GPUs of one model whose limits differ: in a group the slowest sets the pace.
fn unequal(devices: &[NvmlDevice]) -> Vec<Finding> {
    let mut by_model: BTreeMap<&str, BTreeMap<i64, Vec<&NvmlDevice>>> = BTreeMap::new();
    for device in devices {
        if let (Some(model), Some(watts)) = (device.name.known(), device.power_limit_watts.known()) {
            let limits = by_model.entry(model).or_default();
            limits.entry(watts.round() as i64).or_default().push(device);
        }
    }
    let nameless = devices.iter().filter(|device| device.name.known().is_none()).count();
    let names = |devices: &[&NvmlDevice]| devices.iter().map(|device| gpus::name(device)).collect::<Vec<_>>();
    if nameless > 0 && devices.len() > 1 {
        let object = gpus::group(&names(&devices.iter().collect::<Vec<_>>()), "GPUs of one model");
        return vec![PAGE.not_run(object, words::Nameless { gpus_count: nameless.into() })];
    }
    let differing = by_model.into_iter().filter(|(_, limits)| limits.len() > 1);
    differing
        .map(|(model, limits)| {
            let equal: Vec<&NvmlDevice> = limits.values().flatten().copied().collect();
            let watts = |limit: Option<&i64>| Arg::quantity(limit.map_or(0.0, |watts| *watts as f64), "W", 0);
            let said = words::Unequal {
                gpus_count: equal.len().into(),
                highest: watts(limits.keys().next_back()),
                lowest: watts(limits.keys().next()),
                model: model.into(),
            };
            let finding = PAGE
                .fail(gpus::group(&names(&equal), format!("GPUs of model {model}")), said)
                .with_intents(equal.iter().filter_map(|device| default_limit(device)))
                .with_cause(GPU_POWER, Object::node());
            limits.into_iter().fold(finding, |finding, (watts, devices)| {
                finding.with_evidence(cite(&names(&devices).join(", "), format!("power limit {watts} W")))
            })
        })
        .collect()
}
