//! `cpu.epp-epb`: energy preference hints favour performance.
//!
//! Two hints exist. The energy performance preference belongs to a frequency policy and decides how fast hardware
//! that sets its clock itself raises it; the older energy performance bias belongs to a CPU and goes from 0
//! (performance) to 15. CPUs are grouped by each. A raw number of the preference counts as the nearest name.
//! `default` warns: it is what the firmware has set, which nobody can see.
//!
//! The kernel's names for the bias are 6 (normal), 7 (normal, saving), 8 (balance, saving) and 15 (saving): it saves first from
//! 8 on. Where a CPU has a preference, that decides and the hardware leaves the bias aside, which then warns at most.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{CpuReading, FreqPolicy};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, Object,
    Said, if_any,
};

use crate::host;
use crate::pages::cpu_epp_epb::{PAGE, SAVING_BIAS, words};
use crate::preference::Preference;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let lacks = Lacks::of(evidence);
    let cpufreq = evidence.cpufreq();
    let policies = cpufreq.as_ref().map_or(&[][..], |cpufreq| &cpufreq.policies);
    let (mut findings, preferred) = (preferences(policies, &lacks), preferred(policies));
    let bias = evidence.get::<Vec<CpuReading>>("/power/energy_perf_bias");
    findings.extend(bias.iter().flatten().map(|group| judge_bias(evidence, group, &preferred)));
    let gap = |missing: Option<&Missing>, lacks: bool| {
        let is_gap = |why: &&Missing| !why.is_absent() && (!lacks || why.missing == Absence::Denied);
        missing.filter(is_gap).cloned()
    };
    let gaps = (gap(cpufreq.as_ref().err(), lacks.preference), gap(bias.as_ref().err(), lacks.bias));
    findings.extend(match gaps {
        (Some(one), Some(other)) if one == other => vec![PAGE.missing(Object::node(), &one)],
        (preference, bias) => {
            let of = |name, why: Option<Missing>| why.map(|why| PAGE.missing(Object::setting(name), &why));
            of(PREFERENCE, preference).into_iter().chain(of("bias", bias)).collect()
        }
    });
    let unseen = cpufreq.as_ref().err().filter(|why| why.is_absent() && !lacks.preference);
    if !findings.is_empty() {
        // A bias says nothing of the preference, which is a matter of its own where there should be frequency scaling.
        findings.extend(
            unseen
                .and_then(|why| match host::is_virtual(evidence) {
                    Ok(true) => None,
                    Ok(false) => Some(words::NoPreference { reason: (&why.reason).into() }.into()),
                    Err(why) => Some(Said::from(why)),
                })
                .map(|said| PAGE.not_run(Object::setting(PREFERENCE), said)),
        );
        return Ok(findings);
    }
    Err(match unseen {
        // The policies are there and have no such file, or the processor takes no hints.
        None => NoVerdict::not_applicable(words::NoHints {}),
        Some(why) => host::lack(evidence, why.clone(), |reason| words::NoPreference { reason }),
    })
}

const PREFERENCE: &str = "preference";

/// Hints that the processor is known not to take, so that no file of them is missed.
struct Lacks {
    preference: bool,
    bias: bool,
}

impl Lacks {
    /// Other architectures than x86 have neither flags nor hints. AMD's driver can take a preference without a flag, from
    /// family 17h on.
    fn of(evidence: &Evidence<'_>) -> Self {
        let features = if_any(evidence.get::<Vec<String>>("/power/features")).map(Option::unwrap_or_default);
        let without = |names: &[&str]| {
            features.as_ref().is_ok_and(|own| !own.iter().any(|feature| names.contains(&feature.as_str())))
        };
        let needs_flag = match evidence.get::<String>("/cpu/vendor").as_deref() {
            Ok("AuthenticAMD" | "HygonGenuine") => {
                evidence.get::<u32>("/power/family").is_ok_and(|family| family < 0x17)
            }
            Ok("GenuineIntel") => true,
            // CPPC has preferences elsewhere, and no flag that says so.
            _ => false,
        };
        Self { preference: needs_flag && without(&["cppc", "hwp"]), bias: without(&["epb"]) }
    }
}

/// CPUs that have a preference.
fn preferred(policies: &[FreqPolicy]) -> CpuSet {
    let have = policies.iter().filter(|policy| policy.preference().1.known().is_some());
    have.fold(CpuSet::new(), |all, policy| all.union(&policy.cpus))
}

fn preferences(policies: &[FreqPolicy], lacks: &Lacks) -> Vec<Finding> {
    let mut groups: BTreeMap<Result<&str, Absence>, (CpuSet, Vec<&FreqPolicy>)> = BTreeMap::new();
    for policy in policies {
        let own = policy.preference().1.optional().transpose();
        // CPPC has a number in its place.
        let is_cppc = policy.scaling_driver.known().is_some_and(|driver| driver.trim() == "cppc_cpufreq");
        let of_cppc = [&policy.auto_select, &policy.energy_performance_preference_val];
        let unread = || of_cppc.into_iter().filter(|_| is_cppc).find_map(|fact| fact.optional().err());
        let Some(preference) = own.or_else(|| unread().map(Err)) else { continue };
        let key = preference.map(|preference| preference.trim()).map_err(|missing| missing.missing);
        // A file that may not be read is there.
        if lacks.preference && key.is_err_and(|missing| missing != Absence::Denied) {
            continue;
        }
        let (cpus, of_key) = groups.entry(key).or_default();
        *cpus = cpus.union(&policy.cpus);
        of_key.push(policy);
    }
    let judged = |(cpus, policies): (CpuSet, Vec<&FreqPolicy>)| {
        let object = Object::cpus(&cpus).named(format!("CPUs {cpus}, preference"));
        PAGE.settle(object.clone(), judge_preference(object, &cpus, &policies))
    };
    groups.into_values().filter_map(judged).collect()
}

fn judge_preference(
    object: Object,
    cpus: &CpuSet,
    policies: &[&FreqPolicy],
) -> Result<Option<Finding>, Missing> {
    let Some(first) = policies.first() else { return Ok(None) };
    let (file, fact) = first.preference();
    let seen = fact.require()?.trim();
    let (cpus_count, preference) = (Arg::count(cpus.len()), Arg::from(seen));
    let finding = match Preference::of(seen) {
        Preference::Speed => PAGE.pass(object, words::Speed { preference }),
        Preference::Balanced => PAGE.warn(object, words::Balanced { cpus_count, preference }),
        Preference::Firmware => PAGE.warn(object, words::Firmware { cpus_count, preference }),
        Preference::Saving => PAGE.fail(object, words::Saving { cpus_count, preference }),
    };
    let goals: Vec<Intent> = if file == "energy_performance_preference" {
        vec![Intent::EnergyPreference { cpus: cpus.clone(), want: "performance".into(), was: seen.into() }]
    } else {
        let path = |policy: &&FreqPolicy| format!("{}/{file}", policy.path);
        let value = |path| Intent::Value { path, want: "0".into(), was: seen.into() };
        policies.iter().map(path).map(value).collect()
    };
    Ok(Some(
        finding
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new(format!("{}/{file}", first.path), seen))
            .mended_by(goals),
    ))
}

fn judge_bias(evidence: &Evidence<'_>, group: &CpuReading, preferred: &CpuSet) -> Finding {
    let cpus = &group.cpus;
    let object = Object::cpus(cpus).named(format!("CPUs {cpus}, bias"));
    let seen = match &group.value {
        Fact::Known(bias) => *bias,
        Fact::Missing(missing) => return PAGE.missing(object, missing),
    };
    let is_beside = !cpus.is_empty() && cpus.is_subset(preferred);
    let is_saving = evidence.limit(&PAGE, &SAVING_BIAS).is_exceeded_by(Quantity::new(seen as f64));
    let (cpus_count, bias) = (Arg::count(cpus.len()), Arg::text(seen.to_string()));
    let finding = match (is_saving, is_beside) {
        (true, true) => PAGE.warn(object, words::BiasSaving { cpus_count, bias }),
        (true, false) => PAGE.fail(object, words::BiasSaving { cpus_count, bias }),
        (false, true) if seen > 0 => PAGE.info(object, words::BiasBeside { bias }),
        (false, false) if seen > 0 => PAGE.warn(object, words::BiasBalanced { cpus_count, bias }),
        (false, _) => PAGE.pass(object, words::BiasSpeed {}),
    };
    finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(&group.path, seen.to_string()))
        .mended_by([Intent::EnergyBias { cpus: cpus.clone(), want: 0, was: seen.to_string() }])
}
