//! `cpu.governor`: the CPUs that feed the GPUs run at full clock.
//!
//! CPUs are grouped by what their policy says (driver, governor, energy preference), and each group is one finding.
//! Every CPU of the node counts as an inference CPU: the engine's threads may run on any CPU that nothing forbids them,
//! and a node with an idle half is exactly where a slow clock goes unseen.
//!
//! What the catalogue leaves open is decided here as follows. Active mode, governor `powersave`: preference
//! `performance` is mentioned but carries no risk; `default` (whatever the firmware has set) and a driver without a
//! preference warn, because neither is known to hold the clock back. A raw number counts as the nearest name. The
//! governor `userspace` warns, because a program sets the clock and the evidence does not say which.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::model::{CpuFreq, FreqPolicy};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, Intent, Likelihood, Missing, Object, Outcome,
    Said,
};

use crate::host::{self, Lack};
use crate::pages::cpu_governor::{PAGE, words};
use crate::preference::Preference;

/// The governor that holds the highest clock.
const PERFORMANCE: &str = "performance";

/// What the check finds.
pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let cpufreq = match evidence.cpufreq() {
        Ok(cpufreq) if !cpufreq.policies.is_empty() => cpufreq,
        Ok(_) => {
            return without_scaling(evidence, Missing::new(Absence::Absent, "there is no cpufreq policy"));
        }
        Err(missing) => return without_scaling(evidence, missing),
    };
    Ok(judge(cpufreq, evidence.get("/cpu/online").ok()))
}

/// The node has no frequency scaling: fine in a virtual machine, unanswered elsewhere.
fn without_scaling(evidence: &Evidence<'_>, missing: Missing) -> Result<Vec<Finding>, Missing> {
    Ok(vec![match host::lack(evidence, missing)? {
        Lack::Unexplained { reason } => PAGE.not_run(Object::node(), words::NoScaling { reason }),
        Lack::Virtual { virtualization } => {
            PAGE.not_applicable(Object::node(), words::Virtual { virtualization })
        }
    }])
}

/// What distinguishes groups of CPUs; missing values are kept apart from all known ones.
type Setting = (Option<String>, Option<String>, Option<String>);

fn judge(cpufreq: &CpuFreq, online: Option<CpuSet>) -> Vec<Finding> {
    let mut groups: BTreeMap<Setting, Vec<&FreqPolicy>> = BTreeMap::new();
    for policy in &cpufreq.policies {
        let text = |fact: &Fact<String>| fact.known().map(|text| text.trim().to_owned());
        let setting = (
            text(&policy.scaling_driver),
            text(&policy.scaling_governor),
            text(&policy.energy_performance_preference),
        );
        groups.entry(setting).or_default().push(policy);
    }
    let governors: BTreeSet<&str> = groups
        .keys()
        .filter_map(|(_, governor, _)| governor.as_deref())
        .filter(|name| !name.is_empty())
        .collect();
    let mixed = governors.len() > 1;

    let mut findings: Vec<Finding> = groups.values().map(|policies| judge_group(policies, mixed)).collect();
    let covered = cpus_of(&cpufreq.policies.iter().collect::<Vec<_>>());
    let uncovered = online.map(|online| online.difference(&covered)).unwrap_or_default();
    if !uncovered.is_empty() {
        findings.push(PAGE.not_run(Object::cpus(&uncovered), words::NoPolicy {}));
    }
    findings
}

fn cpus_of(policies: &[&FreqPolicy]) -> CpuSet {
    policies.iter().fold(CpuSet::new(), |all, policy| all.union(&policy.cpus))
}

fn judge_group(policies: &[&FreqPolicy], mixed: bool) -> Finding {
    let cpus = cpus_of(policies);
    let object = Object::cpus(&cpus);
    // All policies of a group have the same texts, so the first stands for all.
    let Some(policy) = policies.first() else { return PAGE.not_run(object, words::NoPolicy {}) };
    let governor = match &policy.scaling_governor {
        Fact::Known(governor) => governor.trim(),
        Fact::Missing(missing) => return PAGE.missing(object, missing),
    };
    if governor.is_empty() {
        return PAGE.not_run(object, words::EmptyGovernor {});
    }
    let cite = |file: &str, value: &str| Citation::new(format!("{}/{file}", policy.path), value);
    let of_governor = cite("scaling_governor", governor);
    if governor == PERFORMANCE {
        return PAGE.pass(object, words::Performance {}).with_evidence(of_governor);
    }
    let driver = match &policy.scaling_driver {
        Fact::Known(driver) => driver.trim(),
        Fact::Missing(missing) => {
            let reason = Arg::text(&*missing.reason);
            return PAGE.not_run(object, words::UnknownDriver { governor: governor.into(), reason });
        }
    };
    let preference = match &policy.energy_performance_preference {
        Fact::Known(preference) => Some(preference.trim()),
        Fact::Missing(missing) if missing.missing == Absence::Absent => None,
        Fact::Missing(missing) if is_active_mode(driver) && governor == "powersave" => {
            return PAGE.not_run(object, words::UnknownPreference { reason: Arg::text(&*missing.reason) });
        }
        Fact::Missing(_) => None,
    };
    let (outcome, said) = judge_setting(&cpus, driver, governor, preference, mixed);
    let finding = PAGE
        .says(outcome, object, said)
        .with_likelihood(Likelihood::Setting)
        .with_evidence(of_governor)
        .with_evidence(cite("scaling_driver", driver));
    let finding = if outcome.is_deviation() {
        finding.with_intent(Intent::Governor { cpus, want: PERFORMANCE.into(), was: governor.into() })
    } else {
        finding
    };
    match preference.filter(|_| is_active_mode(driver) && governor == "powersave") {
        Some(preference) => finding.with_evidence(cite("energy_performance_preference", preference)),
        None => finding,
    }
}

fn judge_setting(
    cpus: &CpuSet,
    driver: &str,
    governor: &str,
    preference: Option<&str>,
    mixed: bool,
) -> (Outcome, Said) {
    let cpus_count = Arg::count(cpus.len());
    let driver_arg = Arg::from(driver);
    if is_active_mode(driver) && governor == "powersave" {
        let Some(preference) = preference else {
            let said = words::FollowsLoad { cpus_count, driver: driver_arg };
            return (Outcome::Warn, said.into());
        };
        let driver = driver_arg;
        let asked = Preference::of(preference);
        let preference = Arg::from(preference);
        return match asked {
            // Fine for a whole node; beside other settings, somebody forgot these CPUs or those.
            Preference::Speed if mixed => {
                (Outcome::Warn, words::SpeedBesideOthers { cpus_count, driver, preference }.into())
            }
            Preference::Speed => {
                (Outcome::Info, words::SpeedPreference { cpus_count, driver, preference }.into())
            }
            Preference::Balanced => {
                (Outcome::Warn, words::Balanced { cpus_count, driver, preference }.into())
            }
            Preference::Saving => (Outcome::Fail, words::Saving { cpus_count, driver, preference }.into()),
            Preference::Firmware => {
                (Outcome::Warn, words::Firmware { cpus_count, driver, preference }.into())
            }
        };
    }
    let driver = driver_arg;
    let name = Arg::from(governor);
    match governor {
        "powersave" => (Outcome::Fail, words::Lowest { cpus_count, driver, governor: name }.into()),
        "ondemand" | "conservative" | "schedutil" => {
            (Outcome::Fail, words::AfterLoad { cpus_count, driver, governor: name }.into())
        }
        "userspace" => (Outcome::Warn, words::Program { cpus_count, driver }.into()),
        _ => (Outcome::Warn, words::UnknownGovernor { cpus_count, driver, governor: name }.into()),
    }
}

/// True for drivers that leave the choice of the clock to the hardware: their `powersave` is not the slowest clock.
fn is_active_mode(driver: &str) -> bool {
    matches!(driver, "intel_pstate" | "amd-pstate-epp" | "amd_pstate_epp")
}
