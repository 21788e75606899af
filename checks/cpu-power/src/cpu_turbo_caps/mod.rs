//! `cpu.turbo-caps`: turbo is on and no frequency cap is set.
//!
//! Four parts, each with findings of its own: turbo for the whole node, the upper limit of each frequency policy, the
//! upper limit of `intel_pstate` in per cent, and the power limit of each package (RAPL) against the thermal design power
//! that the package itself names. Where a vendor has no such interface (RAPL limits on AMD and Arm) that part is
//! silent. The lower limit of `intel_pstate` is no finding here: it is the stock setting under any governor but
//! `performance`, and `cpu.governor` has that.
//!
//! On x86, turbo that is off holds the clock at its base. Elsewhere the switch holds back the clocks that the driver marks
//! as boost, which on some processors are none: what it costs is how far the highest level of performance is above the
//! nominal one (CPPC), or the clocks of boost above the highest of the others where the driver has a table of clocks.
//!
//! Every CPU counts as an inference CPU, as in `cpu.governor`.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{Cppc, CpuFreq, FreqPolicy};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, FirmwareSetting, Intent, Likelihood, Missing,
    NoVerdict, Object, ObjectKind,
};

use crate::host;
use crate::pages::cpu_turbo_caps::{BOOST_GAIN, PAGE, POWER_LIMIT, words};
use crate::settings::{Settings, number, setting};
use crate::share::rounded_down;
use crate::turbo::{NO_TURBO, Turbo, is_intel_pstate};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let cpufreq = evidence.cpufreq();
    let mut findings = match &cpufreq {
        Ok(cpufreq) => [turbo(evidence, cpufreq)].into_iter().chain(caps(&cpufreq.policies)).collect(),
        Err(why) => {
            let none = host::lack(evidence, why.clone(), |reason| words::NoScaling { reason });
            if host::is_virtual(evidence) == Ok(true) {
                return Err(none);
            }
            vec![PAGE.settle(Object::node(), Err::<Finding, _>(none))]
        }
    };
    // Packages have limits of their own, whatever is known of the driver.
    let limits = evidence.settings("power").map(|settings| {
        let percent = cpufreq.ok().and_then(|cpufreq| percent_limit(cpufreq, &settings));
        percent.into_iter().chain(power_limits(evidence, &settings)).collect()
    });
    findings.extend(PAGE.settle::<Vec<Finding>>(Object::setting("power limits"), limits));
    Ok(findings)
}

fn turbo(evidence: &Evidence<'_>, cpufreq: &CpuFreq) -> Finding {
    let object = Object::setting("turbo");
    let vendor = evidence.get::<String>("/cpu/vendor");
    match Turbo::read(cpufreq) {
        Turbo::Off(switch) => {
            let finding = if *switch == NO_TURBO || vendor.is_ok_and(|vendor| is_x86(&vendor)) {
                PAGE.fail(object, words::Off {})
            } else {
                PAGE.settle(object, boost_off(evidence, &cpufreq.policies))
            };
            finding
                .with_likelihood(Likelihood::Setting)
                .with_evidence(switch.seen_off())
                .mended_by([switch.turned_on()])
        }
        Turbo::On(seen) => PAGE.pass(object, words::On {}).with_evidence(seen),
        Turbo::Unknown(missing) => PAGE.missing(object, &missing),
        Turbo::NoSwitch => match vendor {
            Ok(vendor) if !is_x86(&vendor) => PAGE.info(object, words::WithoutSwitch {}),
            Ok(_) => PAGE.not_run(object, words::HiddenSwitch {}),
            Err(missing) => PAGE.missing(object, &missing),
        },
    }
}

fn is_x86(vendor: &str) -> bool {
    matches!(vendor, "GenuineIntel" | "AuthenticAMD" | "HygonGenuine")
}

/// Boost is off where the switch may have nothing to give.
fn boost_off(evidence: &Evidence<'_>, policies: &[FreqPolicy]) -> Result<Finding, NoVerdict> {
    let untold = |why: Missing| words::GainUnknown { reason: why.into() };
    let groups: Vec<Cppc> = match evidence.get("/power/cppc") {
        Ok(groups) => groups,
        // Drivers with a table of clocks name those that only boost reaches.
        Err(why) => {
            let gains = policies.iter().filter_map(|policy| Some((policy.boost_gain()?, policy)));
            let most = gains.max_by(|a, b| a.0.total_cmp(&b.0));
            let (percent, policy) = most.ok_or_else(|| untold(why))?;
            let list = policy.scaling_boost_frequencies.known().map_or("", |list| list.trim());
            let cited = Citation::new(format!("{}/scaling_boost_frequencies", policy.path), list);
            return Ok(gain_of(evidence, percent, &policy.cpus).with_evidence(cited));
        }
    };
    let limit = evidence.limit(&PAGE, &BOOST_GAIN);
    let (mut most, mut unknown) = (None::<(f64, &Cppc)>, None);
    for group in &groups {
        match group.gain() {
            Ok(own) if most.is_none_or(|(most, _)| own > most) => most = Some((own, group)),
            Ok(_) => {}
            Err(missing) => unknown = Some(missing),
        }
    }
    // Among CPUs that tell nothing there may be one that would gain.
    let (percent, group) = match (most, unknown) {
        (Some(most), _) if !limit.is_undercut_by(Quantity::new(most.0)) => most,
        (_, Some(missing)) => return Err(untold(missing).into()),
        (Some(most), None) => most,
        (None, None) => {
            let why = Missing::new(Absence::Failed, "no CPU names its levels of performance");
            return Err(untold(why).into());
        }
    };
    let cite = |file: &str, level: &Fact<u64>| {
        let level = level.known().map(u64::to_string).unwrap_or_default();
        Citation::new(format!("{}/{file}", group.path), format!("{level} on CPUs {}", group.cpus))
    };
    Ok(gain_of(evidence, percent, &group.cpus)
        .with_evidence(cite("highest_perf", &group.highest_perf))
        .with_evidence(cite("nominal_perf", &group.nominal_perf)))
}

fn gain_of(evidence: &Evidence<'_>, percent: f64, cpus: &CpuSet) -> Finding {
    let object = Object::setting("turbo");
    let (gain, cpus) = (Arg::quantity(percent.max(0.0), "%", 1), Arg::from(cpus));
    if evidence.limit(&PAGE, &BOOST_GAIN).is_undercut_by(Quantity::new(percent)) {
        PAGE.info(object, words::LittleGain { gain, cpus })
    } else {
        PAGE.fail(object, words::BoostOff { gain, cpus })
    }
}

fn caps(policies: &[FreqPolicy]) -> Vec<Finding> {
    type Limits = (Result<u64, Absence>, Result<u64, Absence>);
    let key = |fact: &Fact<u64>| fact.require().copied().map_err(|missing| missing.missing);
    let mut groups: BTreeMap<Limits, (CpuSet, &FreqPolicy)> = BTreeMap::new();
    for policy in policies {
        let limits = (key(&policy.scaling_max_freq_khz), key(&policy.cpuinfo_max_freq_khz));
        let (cpus, _) = groups.entry(limits).or_insert_with(|| (CpuSet::new(), policy));
        *cpus = cpus.union(&policy.cpus);
    }
    let judged = |(cpus, policy): (CpuSet, _)| PAGE.settle(Object::cpus(&cpus), judge_cap(&cpus, policy));
    groups.into_values().map(judged).collect()
}

fn judge_cap(cpus: &CpuSet, policy: &FreqPolicy) -> Result<Finding, Missing> {
    let object = Object::cpus(cpus);
    let limit = *policy.scaling_max_freq_khz.require()?;
    let highest = *policy.cpuinfo_max_freq_khz.require()?;
    let mhz = |khz: u64| Arg::quantity((khz / 1000) as f64, "MHz", 0);
    let finding = if limit < highest {
        let cap = Intent::FrequencyCap { cpus: cpus.clone(), want_khz: highest, was_khz: limit };
        let share = rounded_down(100.0 * limit as f64 / highest as f64);
        let cpus_count = Arg::count(cpus.len());
        let said = words::Capped { cpus_count, limit: mhz(limit), share, highest: mhz(highest) };
        PAGE.fail(object, said).with_intent(cap)
    } else {
        PAGE.pass(object, words::Uncapped { limit: mhz(limit) })
    };
    Ok(finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(format!("{}/scaling_max_freq", policy.path), limit.to_string()))
        .with_evidence(Citation::new(format!("{}/cpuinfo_max_freq", policy.path), highest.to_string())))
}

/// `max_perf_pct`, which only `intel_pstate` has.
fn percent_limit(cpufreq: &CpuFreq, settings: &Settings) -> Option<Finding> {
    const PATH: &str = "/sys/devices/system/cpu/intel_pstate/max_perf_pct";
    let mut drivers = cpufreq.policies.iter().filter_map(|policy| policy.scaling_driver.known());
    if !drivers.any(|driver| is_intel_pstate(driver)) {
        return None;
    }
    let object = Object::setting("highest performance");
    Some(match number(settings, PATH) {
        Ok((percent, text)) if percent < 100 => {
            let range = Arg::quantity(percent as f64, "%", 0);
            PAGE.fail(object, words::LimitedRange { range })
                .with_likelihood(Likelihood::Setting)
                .with_evidence(Citation::new(PATH, text))
                .with_intent(Intent::Value { path: PATH.into(), want: "100".into(), was: text.into() })
        }
        Ok((_, text)) => PAGE.pass(object, words::WholeRange {}).with_evidence(Citation::new(PATH, text)),
        Err(missing) => PAGE.missing(object, &missing),
    })
}

/// The long-term power limit of each package against its thermal design power.
fn power_limits(evidence: &Evidence<'_>, settings: &Settings) -> Vec<Finding> {
    let below = |path: &String| {
        let zone = path.strip_prefix("/sys/class/powercap/intel-rapl:")?.split('/').next()?;
        // Parts of a package (`0:1`) have limits of their own, which nobody sets.
        zone.parse::<u32>().ok()
    };
    let zones: BTreeSet<u32> = settings.keys().filter_map(below).collect();
    // Only Intel's packages have limits to be read.
    let is_intel = evidence.get::<String>("/cpu/vendor").is_ok_and(|vendor| vendor == "GenuineIntel");
    if zones.is_empty() && is_intel && host::is_virtual(evidence) == Ok(false) {
        return vec![PAGE.not_run(Object::setting(PACKAGES), words::NoZones {})];
    }
    let judged = |zone| PAGE.settle(Object::setting(PACKAGES), judge_zone(evidence, settings, zone));
    zones.into_iter().filter_map(judged).collect()
}

/// What packages are called together, where it is not told which of them it is.
const PACKAGES: &str = "package power limits";

fn judge_zone(evidence: &Evidence<'_>, settings: &Settings, zone: u32) -> Result<Option<Finding>, NoVerdict> {
    let path = |name: &str| format!("/sys/class/powercap/intel-rapl:{zone}/{name}");
    let name = setting(settings, &path("name"))?;
    if !name.starts_with("package") {
        return Ok(None);
    }
    let object = Object::new(ObjectKind::Package, name);
    if setting(settings, &path("enabled")).is_ok_and(|enabled| enabled == "0") {
        return Ok(Some(PAGE.info(object, words::NotEnforced {})));
    }
    let watts = |file: &str| number(settings, &path(file)).map(|(value, _)| value as f64 / 1e6);
    let (limit, design) = (watts("constraint_0_power_limit_uw")?, watts("constraint_0_max_power_uw")?);
    PAGE.not_run_if(design <= 0.0, words::NoDesignPower { package: name.into() })?;
    let share = Quantity::new(100.0 * limit / design);
    let (limit, design) = (Arg::quantity(limit, "W", 0), Arg::quantity(design, "W", 0));
    let finding = if evidence.limit(&PAGE, &POWER_LIMIT).is_undercut_by(share) {
        let package = Arg::from(name);
        PAGE.fail(object, words::PowerLimit { package, limit, design })
            .with_intent(Intent::Firmware { setting: FirmwareSetting::PowerLimit })
    } else {
        PAGE.pass(object, words::DesignPower { limit, design })
    };
    let cite = |file: &str| Citation::new(path(file), setting(settings, &path(file)).unwrap_or_default());
    Ok(Some(
        finding
            .with_likelihood(Likelihood::Setting)
            .with_evidence(cite("constraint_0_power_limit_uw"))
            .with_evidence(cite("constraint_0_max_power_uw")),
    ))
}
