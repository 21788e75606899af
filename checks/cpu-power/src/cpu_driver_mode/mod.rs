//! `cpu.driver-mode`: a modern frequency driver is in use.
//!
//! Policies are grouped by driver. `acpi-cpufreq` deviates only where the CPU says of itself that it could do more
//! (`hwp` or `cppc` in its flags). `intel_pstate` in passive mode, which calls itself `intel_cpufreq`, and drivers
//! that the catalogue does not name are told without risk. The catalogue's failure, no driver on bare metal because
//! the firmware keeps the clock in a saving profile, needs the firmware's setting, which no file tells: it is
//! `not-run` with that reason.

use std::collections::BTreeMap;

use plumb_check_sdk::model::FreqPolicy;
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Finding, FirmwareSetting, Intent, Likelihood,
    Missing, NoVerdict, Object,
};

use crate::host;
use crate::pages::cpu_driver_mode::{PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let is_virtual = host::is_virtual(evidence);
    PAGE.not_applicable_if(is_virtual == Ok(true), words::Virtual {})?;
    let mut findings = match is_virtual.and_then(|_| evidence.cpufreq()) {
        Ok(cpufreq) if !cpufreq.policies.is_empty() => judge(evidence, &cpufreq.policies),
        Ok(_) => vec![without_driver("there is no cpufreq policy")],
        Err(missing) if missing.is_absent() => vec![without_driver(&missing.reason)],
        Err(missing) => vec![PAGE.missing(Object::node(), &missing)],
    };
    findings.extend(PAGE.settle(Object::setting("boot arguments"), disabled(evidence)));
    Ok(findings)
}

fn without_driver(reason: &str) -> Finding {
    PAGE.not_run(Object::node(), words::NoDriver { reason: reason.into() })
}

const INTEL_OFF: &str = "intel_pstate=disable";
const AMD_OFF: &str = "amd_pstate=disable";

/// Whether a boot argument turns a modern driver off.
fn disabled(evidence: &Evidence<'_>) -> Result<Option<Finding>, Missing> {
    let cmdline: String = evidence.get("/node/cmdline")?;
    let disabling = cmdline.split_whitespace().find(|word| matches!(*word, INTEL_OFF | AMD_OFF));
    Ok(disabling.map(|argument| {
        PAGE.warn(Object::setting("boot arguments"), words::Disabled { argument: Arg::from(argument) })
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new("/proc/cmdline", argument))
            .with_intent(Intent::KernelArgument { argument: argument.to_owned(), present: false })
    }))
}

/// What brings in the driver that the CPU could have. Each vendor's CPUs have a driver of their own, so none is named
/// where the vendor is not known. Neither is one where the boot arguments are not known or turn the driver off: taking that
/// argument away is what mends both.
fn remedy(evidence: &Evidence<'_>, feature: &str) -> Option<Intent> {
    let cmdline: String = evidence.get("/node/cmdline").ok()?;
    let vendor: String = evidence.get("/cpu/vendor").ok()?;
    let has = |argument: &str| cmdline.split_whitespace().any(|word| word == argument);
    let firmware = Intent::Firmware { setting: FirmwareSetting::HardwarePStates };
    match (vendor.as_str(), feature) {
        ("GenuineIntel", "hwp") if !has(INTEL_OFF) => Some(firmware),
        ("AuthenticAMD", "cppc") if !has(AMD_OFF) => {
            // The driver was asked for and did not come: the firmware lacks the tables that it needs.
            let asked = cmdline.split_whitespace().any(|word| word.starts_with("amd_pstate="));
            let argument = "amd_pstate=active".to_owned();
            Some(if asked { firmware } else { Intent::KernelArgument { argument, present: true } })
        }
        _ => None,
    }
}

fn judge(evidence: &Evidence<'_>, policies: &[FreqPolicy]) -> Vec<Finding> {
    let mut groups: BTreeMap<Result<&str, Absence>, (CpuSet, &FreqPolicy)> = BTreeMap::new();
    for policy in policies {
        let driver = policy.scaling_driver.require();
        let key = driver.map(|driver| driver.trim()).map_err(|missing| missing.missing);
        let (cpus, _) = groups.entry(key).or_insert_with(|| (CpuSet::new(), policy));
        *cpus = cpus.union(&policy.cpus);
    }
    let judged =
        |(cpus, policy): (CpuSet, _)| PAGE.settle(Object::cpus(&cpus), judge_driver(evidence, &cpus, policy));
    groups.into_values().map(judged).collect()
}

fn judge_driver(evidence: &Evidence<'_>, cpus: &CpuSet, policy: &FreqPolicy) -> Result<Finding, NoVerdict> {
    let object = Object::cpus(cpus);
    let name = policy.scaling_driver.require()?.trim();
    let driver = Arg::from(name);
    let finding = match name {
        "intel_pstate" | "amd-pstate" | "amd-pstate-epp" | "amd_pstate" | "amd_pstate_epp"
        | "cppc_cpufreq" => PAGE.pass(object, words::Modern { driver }),
        "intel_cpufreq" => PAGE.info(object, words::Passive { driver }),
        "acpi-cpufreq" => {
            let unknown =
                |why: Missing| words::UnknownFeatures { driver: driver.clone(), reason: why.into() };
            let features: Vec<String> = evidence.get("/power/features").map_err(unknown)?;
            match features.iter().find(|feature| matches!(feature.as_str(), "hwp" | "cppc")) {
                Some(feature) => {
                    let cpus_count = Arg::count(cpus.len());
                    let flags = format!("flags: {}", features.join(" "));
                    PAGE.warn(object, words::Coarse { cpus_count, driver, feature: feature.into() })
                        .with_intents(remedy(evidence, feature))
                        .with_evidence(Citation::new("/proc/cpuinfo", flags))
                }
                None => PAGE.info(object, words::OldHardware { driver }),
            }
        }
        _ => PAGE.info(object, words::UnknownDriver { driver }),
    };
    Ok(finding
        .with_likelihood(Likelihood::Setting)
        .with_confidence(Confidence::Medium)
        .with_evidence(Citation::new(format!("{}/scaling_driver", policy.path), name)))
}
