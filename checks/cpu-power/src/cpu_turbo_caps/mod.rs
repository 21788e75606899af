//! `cpu.turbo-caps`: turbo is on and no frequency cap is set.
//!
//! Four parts, each with findings of its own: turbo for the whole node, the upper limit of each frequency policy, the
//! limits of `intel_pstate` in per cent, and the power limit of each package (RAPL) against the thermal design power
//! that the package itself names. Where a vendor has no such interface (RAPL limits on AMD and Arm) that part is
//! silent. A lower limit of `intel_pstate` below 100 % warns only where a governor other than `performance` makes use
//! of it.
//!
//! Every CPU counts as an inference CPU, as in `cpu.governor`.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{CpuFreq, FreqPolicy};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Fact, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::host;
use crate::settings::{Settings, setting};

/// See the module.
pub struct CpuTurboCaps;

const POWER_LIMIT: Limit<Percent> = Limit {
    name: "power limit of a package as a share of its thermal design power",
    value: Quantity::new(99.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: less than the whole is a cap; one per cent is left to the coarse unit of the register",
    date: "2026-11-23",
    applies_to: "packages whose power limit the kernel shows (Intel RAPL)",
};

static THRESHOLDS: [Threshold; 1] = [POWER_LIMIT.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.turbo-caps"),
    title: Borrowed("Turbo is on and no frequency cap is set"),
    category: Category::CpuPerformance,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "The speed of one thread, that of the scheduler, sets the shortest time that a step can take. A cap \
         at the base clock takes away 20 to 40 % of it, the ratio of base to turbo.",
    ),
    business: Borrowed("A speed limiter is fitted to the processor."),
    needs: Borrowed(&[
        Borrowed("/cpu/vendor"),
        Borrowed("/cpufreq"),
        Borrowed("/node/virtualization"),
        Borrowed("/settings/power"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`echo 0 > /sys/devices/system/cpu/intel_pstate/no_turbo`, or `echo 1 > \
             /sys/devices/system/cpu/cpufreq/boost`; `cpupower frequency-set -u KHZ` with the value of \
             `cpuinfo_max_freq`",
        ),
        persistent: Borrowed(
            "A TuneD profile such as `throughput-performance`; in the firmware, turbo or core performance \
             boost enabled, power limit and cTDP at their maximum (AMD's guide for MI300X: determinism \
             slider on Power)",
        ),
        rollback: Borrowed("Write back the recorded values"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`grep . /sys/devices/system/cpu/intel_pstate/{no_turbo,max_perf_pct}`; `turbostat --quiet -n 1` \
             under load",
        ),
        expected_effect: Borrowed(
            "There is no published number for language models. The ratio of the measured clocks is an upper \
             bound.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SmallBatch]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal; not virtual machines; CPUs of any vendor"),
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
            title: Borrowed(
                "AMD Instinct MI300X system optimization (EPYC 9004 BIOS, C-states, NUMA balancing, \
                 iommu=pt)",
            ),
            url: Borrowed(
                "https://github.com/ROCm/amdgpu-docs/blob/develop/docs/system-optimization/mi300x.rst",
            ),
        },
        Reference {
            title: Borrowed("Linux kernel docs: intel_pstate"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/intel_pstate.html"),
        },
    ]),
};

impl Check for CpuTurboCaps {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let cpufreq = match evidence.cpufreq() {
            Ok(cpufreq) => cpufreq,
            Err(missing) => return host::without(&META, evidence, "frequency scaling", missing),
        };
        let mut findings = vec![turbo(evidence, cpufreq)];
        findings.extend(caps(&cpufreq.policies));
        match evidence.settings("power") {
            Ok(settings) => {
                findings.extend(percent_limits(cpufreq, &settings));
                findings.extend(power_limits(evidence, &settings));
            }
            Err(missing) => findings.push(META.not_run("power limits", missing.to_string())),
        }
        Ok(findings)
    }
}

fn turbo(evidence: &Evidence<'_>, cpufreq: &CpuFreq) -> Finding {
    let switches = [
        ("/sys/devices/system/cpu/cpufreq/boost", &cpufreq.boost, "0"),
        ("/sys/devices/system/cpu/intel_pstate/no_turbo", &cpufreq.intel_no_turbo, "1"),
    ];
    let mut on = None;
    for (path, fact, off) in switches {
        match fact {
            Fact::Known(text) if text.trim() == off => {
                // Elsewhere the switch adds clocks that the driver marks as such, and there may be no base clock.
                let message = match evidence.get::<String>("/cpu/vendor") {
                    Ok(vendor) if !is_x86(&vendor) => {
                        "boost is off: the frequency driver keeps back the clocks that it marks as boost"
                    }
                    _ => "turbo is off: no CPU runs above its base clock",
                };
                return META
                    .fail("turbo", message)
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(Citation::new(path, text.trim()));
            }
            Fact::Known(text) => on = Some(Citation::new(path, text.trim())),
            Fact::Missing(missing) if missing.missing == Absence::Absent => {}
            Fact::Missing(missing) => return META.not_run("turbo", missing.to_string()),
        }
    }
    if let Some(citation) = on {
        return META.pass("turbo", "turbo is on").with_evidence(citation);
    }
    match evidence.get::<String>("/cpu/vendor") {
        Ok(vendor) if !is_x86(&vendor) => {
            META.info("turbo", "the frequency driver of these CPUs has no switch for turbo")
        }
        Ok(_) => {
            META.not_run("turbo", "the frequency driver shows no switch for turbo: look in the firmware")
        }
        Err(missing) => META.not_run("turbo", missing.to_string()),
    }
}

fn is_x86(vendor: &str) -> bool {
    matches!(vendor, "GenuineIntel" | "AuthenticAMD" | "HygonGenuine")
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
    groups.into_values().map(|(cpus, policy)| judge_cap(&cpus, policy)).collect()
}

fn judge_cap(cpus: &CpuSet, policy: &FreqPolicy) -> Finding {
    let subject = format!("CPUs {cpus}");
    let limits = policy
        .scaling_max_freq_khz
        .require()
        .and_then(|&limit| Ok((limit, *policy.cpuinfo_max_freq_khz.require()?)));
    let (limit, highest) = match limits {
        Ok(limits) => limits,
        Err(missing) => return META.not_run(subject, missing.to_string()),
    };
    let finding = if limit < highest {
        let share = 100.0 * limit as f64 / highest as f64;
        META.fail(
            subject,
            format!(
                "capped at {} MHz, {share:.1} % of the {} MHz that the hardware has",
                limit / 1000,
                highest / 1000
            ),
        )
    } else {
        META.pass(subject, format!("may run at {} MHz, all that the hardware has", limit / 1000))
    };
    finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(format!("{}/scaling_max_freq", policy.path), limit.to_string()))
        .with_evidence(Citation::new(format!("{}/cpuinfo_max_freq", policy.path), highest.to_string()))
}

/// `max_perf_pct` and `min_perf_pct`, which only `intel_pstate` has.
fn percent_limits(cpufreq: &CpuFreq, settings: &Settings) -> Vec<Finding> {
    let is_intel = |policy: &FreqPolicy| {
        policy
            .scaling_driver
            .known()
            .is_some_and(|driver| matches!(driver.trim(), "intel_pstate" | "intel_cpufreq"))
    };
    if !cpufreq.policies.iter().any(is_intel) {
        return Vec::new();
    }
    let read = |name: &str| -> Result<(u64, Citation), Missing> {
        let path = format!("/sys/devices/system/cpu/intel_pstate/{name}");
        let text = setting(settings, &path)?;
        let percent = text.trim().parse().map_err(|_| {
            Missing::new(Absence::Malformed, format!("{path} holds `{text}`, expected a number"))
        })?;
        Ok((percent, Citation::new(path, text.trim())))
    };
    let mut findings = Vec::new();
    match read("max_perf_pct") {
        Ok((percent, citation)) if percent < 100 => findings.push(
            META.fail(
                "highest performance",
                format!("`intel_pstate` is limited to {percent} % of its range"),
            )
            .with_likelihood(Likelihood::Setting)
            .with_evidence(citation),
        ),
        Ok((_, citation)) => {
            findings.push(
                META.pass("highest performance", "`intel_pstate` has its whole range")
                    .with_evidence(citation),
            );
        }
        Err(missing) => findings.push(META.not_run("highest performance", missing.to_string())),
    }
    let governs = |policy: &FreqPolicy| {
        policy.scaling_governor.known().is_none_or(|governor| governor.trim() != "performance")
    };
    match read("min_perf_pct") {
        Ok((percent, citation)) if percent < 100 && cpufreq.policies.iter().any(governs) => findings.push(
            META.warn(
                "lowest performance",
                format!("the governor may let the clock fall to {percent} % of its range"),
            )
            .with_likelihood(Likelihood::Setting)
            .with_evidence(citation),
        ),
        Ok(_) => {}
        Err(missing) => findings.push(META.not_run("lowest performance", missing.to_string())),
    }
    findings
}

/// The long-term power limit of each package against its thermal design power.
fn power_limits(evidence: &Evidence<'_>, settings: &Settings) -> Vec<Finding> {
    let below = |path: &String| {
        let zone = path.strip_prefix("/sys/class/powercap/intel-rapl:")?.split('/').next()?;
        // Parts of a package (`0:1`) have limits of their own, which nobody sets.
        zone.parse::<u32>().ok()
    };
    let zones: BTreeSet<u32> = settings.keys().filter_map(below).collect();
    zones.into_iter().filter_map(|zone| judge_zone(evidence, settings, zone).transpose()).map(told).collect()
}

fn told(result: Result<Finding, Missing>) -> Finding {
    result.unwrap_or_else(|missing| META.not_run("package power limits", missing.to_string()))
}

fn judge_zone(evidence: &Evidence<'_>, settings: &Settings, zone: u32) -> Result<Option<Finding>, Missing> {
    let path = |name: &str| format!("/sys/class/powercap/intel-rapl:{zone}/{name}");
    let name = setting(settings, &path("name"))?;
    if !name.starts_with("package") {
        return Ok(None);
    }
    if setting(settings, &path("enabled")).is_ok_and(|enabled| enabled == "0") {
        return Ok(Some(META.info(name, "the power limit of the package is not enforced")));
    }
    let watts = |name: &str| -> Result<f64, Missing> {
        let text = setting(settings, &path(name))?;
        let microwatts: f64 = text.trim().parse::<u64>().map(|value| value as f64).map_err(|_| {
            Missing::new(Absence::Malformed, format!("{} holds `{text}`, expected a number", path(name)))
        })?;
        Ok(microwatts / 1e6)
    };
    let (limit, design) = (watts("constraint_0_power_limit_uw")?, watts("constraint_0_max_power_uw")?);
    if design <= 0.0 {
        return Err(Missing::new(Absence::Absent, format!("{name} does not name its thermal design power")));
    }
    let share = Quantity::new(100.0 * limit / design);
    let message = format!("long-term power limit {limit:.0} W, thermal design power {design:.0} W");
    let finding = if evidence.limit(&META, &POWER_LIMIT).is_undercut_by(share) {
        META.fail(name, format!("{message}: the package slows down before it is used to the full"))
    } else {
        META.pass(name, message)
    };
    let cite = |file: &str| Citation::new(path(file), setting(settings, &path(file)).unwrap_or_default());
    Ok(Some(
        finding
            .with_likelihood(Likelihood::Setting)
            .with_evidence(cite("constraint_0_power_limit_uw"))
            .with_evidence(cite("constraint_0_max_power_uw")),
    ))
}
