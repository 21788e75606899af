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
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Fact, Finding, FirmwareSetting, Intent, Likelihood,
    Missing, Object,
};

use crate::host;
use crate::pages::cpu_driver_mode::{PAGE, words};

/// What the check finds.
pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    if host::is_virtual(evidence)? {
        return Ok(vec![PAGE.not_applicable(Object::node(), words::Virtual {})]);
    }
    let mut findings = match evidence.cpufreq() {
        Ok(cpufreq) if !cpufreq.policies.is_empty() => judge(evidence, &cpufreq.policies),
        Ok(_) => vec![without_driver("there is no cpufreq policy")],
        Err(missing) if missing.missing == Absence::Absent => vec![without_driver(&missing.reason)],
        Err(missing) => return Err(missing),
    };
    let object = || Object::setting("boot arguments");
    match disabling(evidence) {
        Ok(Some(argument)) => findings.push(
            PAGE.warn(object(), words::Disabled { argument: Arg::from(&argument) })
                .with_likelihood(Likelihood::Setting)
                .with_evidence(Citation::new("/proc/cmdline", &argument))
                .with_intent(Intent::KernelArgument { argument, present: false }),
        ),
        Ok(None) => {}
        Err(missing) => findings.push(PAGE.missing(object(), &missing)),
    }
    Ok(findings)
}

fn without_driver(reason: &str) -> Finding {
    PAGE.not_run(Object::node(), words::NoDriver { reason: reason.into() })
}

const INTEL_OFF: &str = "intel_pstate=disable";
const AMD_OFF: &str = "amd_pstate=disable";

/// A boot argument that turns a modern driver off.
fn disabling(evidence: &Evidence<'_>) -> Result<Option<String>, Missing> {
    let cmdline: String = evidence.get("/node/cmdline")?;
    Ok(cmdline.split_whitespace().find(|word| matches!(*word, INTEL_OFF | AMD_OFF)).map(str::to_owned))
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
        let key = match &policy.scaling_driver {
            Fact::Known(driver) => Ok(driver.trim()),
            Fact::Missing(missing) => Err(missing.missing),
        };
        let (cpus, _) = groups.entry(key).or_insert_with(|| (CpuSet::new(), policy));
        *cpus = cpus.union(&policy.cpus);
    }
    groups.into_values().map(|(cpus, policy)| judge_driver(evidence, &cpus, policy)).collect()
}

fn judge_driver(evidence: &Evidence<'_>, cpus: &CpuSet, policy: &FreqPolicy) -> Finding {
    let object = Object::cpus(cpus);
    let name = match &policy.scaling_driver {
        Fact::Known(driver) => driver.trim(),
        Fact::Missing(missing) => return PAGE.missing(object, missing),
    };
    let driver = Arg::from(name);
    let finding = match name {
        "intel_pstate" | "amd-pstate" | "amd-pstate-epp" | "amd_pstate" | "amd_pstate_epp"
        | "cppc_cpufreq" => PAGE.pass(object, words::Modern { driver }),
        "intel_cpufreq" => PAGE.info(object, words::Passive { driver }),
        "acpi-cpufreq" => match evidence.get::<Vec<String>>("/power/features") {
            Ok(features) => {
                match features.iter().find(|feature| matches!(feature.as_str(), "hwp" | "cppc")) {
                    Some(feature) => {
                        let cpus_count = Arg::count(cpus.len());
                        PAGE.warn(object, words::Coarse { cpus_count, driver, feature: feature.into() })
                            .with_intents(remedy(evidence, feature))
                            .with_evidence(Citation::new(
                                "/proc/cpuinfo",
                                format!("flags: {}", features.join(" ")),
                            ))
                    }
                    None => PAGE.info(object, words::OldHardware { driver }),
                }
            }
            Err(missing) => {
                let reason = Arg::from(&missing);
                return PAGE.not_run(object, words::UnknownFeatures { driver, reason });
            }
        },
        _ => PAGE.info(object, words::UnknownDriver { driver }),
    };
    finding
        .with_likelihood(Likelihood::Setting)
        .with_confidence(Confidence::Medium)
        .with_evidence(Citation::new(format!("{}/scaling_driver", policy.path), name))
}
