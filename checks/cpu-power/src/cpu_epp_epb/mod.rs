//! `cpu.epp-epb`: energy preference hints favour performance.
//!
//! Two hints exist. The energy performance preference belongs to a frequency policy and decides how fast hardware
//! that sets its clock itself raises it; the older energy performance bias belongs to a CPU and goes from 0
//! (performance) to 15. CPUs are grouped by each. A raw number of the preference counts as the nearest name.
//! `default` warns: it is what the firmware has set, which nobody can see.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{CpuReading, FreqPolicy};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Fact, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::host;
use crate::preference::Preference;

/// See the module.
pub struct CpuEppEpb;

const SAVING_BIAS: Limit<Count> = Limit {
    name: "energy performance bias above which saving power comes first",
    value: Quantity::new(6.0),
    basis: ThresholdBasis::Published,
    source: "Linux: ENERGY_PERF_BIAS_NORMAL is 6, the value between performance (0) and powersave (15)",
    date: "2026-11-23",
    applies_to: "CPUs with an energy performance bias",
};

static THRESHOLDS: [Threshold; 1] = [SAVING_BIAS.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.epp-epb"),
    title: Borrowed("Energy preference hints favour performance"),
    category: Category::CpuPerformance,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Where the hardware sets the clock, this hint, and not the governor, decides how fast the clock \
         rises when work arrives.",
    ),
    business: Borrowed("A second, hidden power-saving switch is still on."),
    needs: Borrowed(&[
        Borrowed("/cpufreq"),
        Borrowed("/node/virtualization"),
        Borrowed("/power/energy_perf_bias"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/energy_performance_preference`; \
             Intel: `x86_energy_perf_policy performance`",
        ),
        persistent: Borrowed(
            "`tuned-adm profile throughput-performance`, or a profile built on it, sets both hints",
        ),
        rollback: Borrowed("Write back the recorded values, usually `balance_performance` and 6"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`sort -u /sys/devices/system/cpu/cpu*/cpufreq/energy_performance_preference` and `sort -u \
             /sys/devices/system/cpu/cpu*/power/energy_perf_bias`",
        ),
        expected_effect: Borrowed("There is no published number apart from that of the governor."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SmallBatch]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; seldom virtual machines; containers read the host's setting; Intel CPUs with hardware \
         P-states, AMD CPUs with CPPC in active mode",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed("Intel PerfSpect: report insights"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed("Linux kernel docs: intel_pstate"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/intel_pstate.html"),
        },
        Reference {
            title: Borrowed("Linux kernel docs: amd-pstate"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/amd-pstate.html"),
        },
    ]),
};

impl Check for CpuEppEpb {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let cpufreq = evidence.cpufreq();
        let mut findings = match &cpufreq {
            Ok(cpufreq) => preferences(&cpufreq.policies),
            Err(missing) => unless_absent(missing),
        };
        findings.extend(match evidence.get::<Vec<CpuReading>>("/power/energy_perf_bias") {
            Ok(groups) => groups.iter().map(|group| judge_bias(evidence, group)).collect(),
            Err(missing) => unless_absent(&missing),
        });
        if !findings.is_empty() {
            return Ok(findings);
        }
        match cpufreq {
            // The policies are there and have no such file: the driver takes no hints.
            Ok(_) => Ok(vec![META.not_applicable(
                "node",
                "neither the frequency driver nor the CPU takes an energy preference",
            )]),
            Err(missing) => host::without(&META, evidence, "energy preference", missing),
        }
    }
}

/// What the node does not have is told once, at the end.
fn unless_absent(missing: &Missing) -> Vec<Finding> {
    match missing.missing {
        Absence::Absent => Vec::new(),
        _ => vec![META.not_run("node", missing.to_string())],
    }
}

fn preferences(policies: &[FreqPolicy]) -> Vec<Finding> {
    let mut groups: BTreeMap<Result<&str, Absence>, (CpuSet, &FreqPolicy)> = BTreeMap::new();
    for policy in policies {
        let key = match &policy.energy_performance_preference {
            Fact::Known(preference) => Ok(preference.trim()),
            Fact::Missing(missing) if missing.missing == Absence::Absent => continue,
            Fact::Missing(missing) => Err(missing.missing),
        };
        let (cpus, _) = groups.entry(key).or_insert_with(|| (CpuSet::new(), policy));
        *cpus = cpus.union(&policy.cpus);
    }
    groups.into_values().map(|(cpus, policy)| judge_preference(&cpus, policy)).collect()
}

fn judge_preference(cpus: &CpuSet, policy: &FreqPolicy) -> Finding {
    let subject = format!("CPUs {cpus}, preference");
    let preference = match &policy.energy_performance_preference {
        Fact::Known(preference) => preference.trim(),
        Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
    };
    let told = |why: &str| format!("energy preference `{preference}` {why}");
    let finding = match Preference::of(preference) {
        Preference::Speed => META.pass(subject, told("asks the hardware for speed")),
        Preference::Balanced => META.warn(subject, told("lets the hardware trade some speed for power")),
        Preference::Firmware => META.warn(subject, told("leaves the trade-off to the firmware")),
        Preference::Saving => META.fail(subject, told("makes the hardware save power first")),
    };
    finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(format!("{}/energy_performance_preference", policy.path), preference))
}

fn judge_bias(evidence: &Evidence<'_>, group: &CpuReading) -> Finding {
    let subject = format!("CPUs {}, bias", group.cpus);
    let bias = match &group.value {
        Fact::Known(bias) => *bias,
        Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
    };
    let seen = Quantity::new(bias as f64);
    let finding = if evidence.limit(&META, &SAVING_BIAS).is_exceeded_by(seen) {
        META.fail(subject, format!("energy bias {bias} of 15 makes the hardware save power first"))
    } else if bias > 0 {
        META.warn(subject, format!("energy bias {bias} of 15 lets the hardware trade some speed for power"))
    } else {
        META.pass(subject, "energy bias 0 asks the hardware for speed")
    };
    finding.with_likelihood(Likelihood::Setting).with_evidence(Citation::new(&group.path, bias.to_string()))
}
