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
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, Object,
    Outcome, Said,
};

use crate::host;
use crate::pages::cpu_governor::{PAGE, words};
use crate::preference::Preference;

/// The governor that holds the highest clock.
const PERFORMANCE: &str = "performance";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let lack = |why| host::lack(evidence, why, |reason| words::NoScaling { reason });
    let cpufreq = evidence.cpufreq().map_err(lack)?;
    if cpufreq.policies.is_empty() {
        return Err(lack(Missing::new(Absence::Absent, "there is no cpufreq policy")));
    }
    Ok(judge(cpufreq, evidence.get("/cpu/online").ok()))
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
    let governors = groups.keys().filter_map(|(_, governor, _)| governor.as_deref());
    let mixed = governors.filter(|name| !name.is_empty()).collect::<BTreeSet<_>>().len() > 1;
    let judged = |policies: &Vec<&FreqPolicy>| {
        PAGE.settle(Object::cpus(&cpus_of(policies)), judge_group(policies, mixed))
    };
    let mut findings: Vec<Finding> = groups.values().map(judged).collect();
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

fn judge_group(policies: &[&FreqPolicy], mixed: bool) -> Result<Finding, NoVerdict> {
    let cpus = cpus_of(policies);
    let object = Object::cpus(&cpus);
    // All policies of a group have the same texts, so the first stands for all.
    let policy = policies.first().ok_or(words::NoPolicy {})?;
    let governor = policy.scaling_governor.require()?.trim();
    PAGE.not_run_if(governor.is_empty(), words::EmptyGovernor {})?;
    let cite = |file: &str, value: &str| Citation::new(format!("{}/{file}", policy.path), value);
    let of_governor = cite("scaling_governor", governor);
    if governor == PERFORMANCE {
        return Ok(PAGE.pass(object, words::Performance {}).with_evidence(of_governor));
    }
    let unknown =
        |why: Missing| words::UnknownDriver { governor: governor.into(), reason: why.reason.into() };
    let driver = policy.scaling_driver.require().map_err(unknown)?.trim();
    let matters = is_active_mode(driver) && governor == "powersave";
    let preference = match policy.energy_performance_preference.optional() {
        Err(why) if matters => {
            return Err(words::UnknownPreference { reason: why.reason.into() }.into());
        }
        preference => preference.ok().flatten().map(|preference| preference.trim()),
    };
    let (outcome, said) = judge_setting(&cpus, driver, governor, preference, mixed);
    let of_preference = preference.filter(|_| matters);
    Ok(PAGE
        .says(outcome, object, said)
        .with_likelihood(Likelihood::Setting)
        .with_evidence(of_governor)
        .with_evidence(cite("scaling_driver", driver))
        .with_citations(of_preference.map(|preference| cite("energy_performance_preference", preference)))
        .mended_by([Intent::Governor { cpus, want: PERFORMANCE.into(), was: governor.into() }]))
}

fn judge_setting(
    cpus: &CpuSet,
    driver: &str,
    governor: &str,
    preference: Option<&str>,
    mixed: bool,
) -> (Outcome, Said) {
    use Outcome::{Fail, Info, Warn};
    let (cpus_count, driver_arg) = (Arg::count(cpus.len()), Arg::from(driver));
    if is_active_mode(driver) && governor == "powersave" {
        let driver = driver_arg;
        let Some(preference) = preference else {
            return (Warn, words::FollowsLoad { cpus_count, driver }.into());
        };
        let asked = Preference::of(preference);
        let preference = Arg::from(preference);
        return match asked {
            // Fine for a whole node; beside other settings, somebody forgot these CPUs or those.
            Preference::Speed if mixed => {
                (Warn, words::SpeedBesideOthers { cpus_count, driver, preference }.into())
            }
            Preference::Speed => (Info, words::SpeedPreference { cpus_count, driver, preference }.into()),
            Preference::Balanced => (Warn, words::Balanced { cpus_count, driver, preference }.into()),
            Preference::Saving => (Fail, words::Saving { cpus_count, driver, preference }.into()),
            Preference::Firmware => (Warn, words::Firmware { cpus_count, driver, preference }.into()),
        };
    }
    let (driver, name) = (driver_arg, Arg::from(governor));
    match governor {
        "powersave" => (Fail, words::Lowest { cpus_count, driver, governor: name }.into()),
        "ondemand" | "conservative" | "schedutil" => {
            (Fail, words::AfterLoad { cpus_count, driver, governor: name }.into())
        }
        "userspace" => (Warn, words::Program { cpus_count, driver }.into()),
        _ => (Warn, words::UnknownGovernor { cpus_count, driver, governor: name }.into()),
    }
}

/// True for drivers that leave the choice of the clock to the hardware: their `powersave` is not the slowest clock.
fn is_active_mode(driver: &str) -> bool {
    matches!(driver, "intel_pstate" | "amd-pstate-epp" | "amd_pstate_epp")
}
