//! `cpu.governor`: the CPUs that feed the GPUs run at full clock.
//!
//! CPUs are grouped by what their policy says (driver, governor, energy preference), and each group is one finding.
//! Every CPU of the node counts as an inference CPU: the engine's threads may run on any CPU that nothing forbids them,
//! and a node with an idle half is exactly where a slow clock goes unseen.
//!
//! What the catalogue leaves open is decided here as follows. Active mode, governor `powersave`: preference
//! `performance` is told but carries no risk; `default` (whatever the firmware has set) and a driver without a
//! preference warn, because neither is known to hold the clock back. A raw number counts as the nearest name. The
//! governor `userspace` warns, because a program sets the clock and the evidence does not say which.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::model::{CpuFreq, FreqPolicy};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Fact, Finding, Likelihood,
    Missing, Reference, Remediation, Severity,
};

use crate::preference::Preference;

/// See the module.
pub struct CpuGovernor;

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.governor"),
    title: Borrowed("The CPU frequency governor favours performance"),
    category: Category::CpuPerformance,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(10),
    rationale: Borrowed(
        "Launching kernels and scheduling batches is serial work of a few CPU threads. It runs at whatever clock the \
         governor allows, which shows as jitter of the time to first token and between tokens, mostly at low and \
         medium load.",
    ),
    business: Borrowed("The processor is set to save electricity while it feeds far more expensive GPUs."),
    needs: Borrowed(&[Borrowed("/cpu/online"), Borrowed("/cpufreq"), Borrowed("/node/virtualization")]),
    remediation: Remediation {
        runtime: Borrowed(
            "`cpupower frequency-set -g performance`, or `echo performance | tee \
             /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor`",
        ),
        persistent: Borrowed(
            "`tuned-adm profile accelerator-performance` (RHEL, SUSE, Ubuntu with TuneD) or the vendor's profile \
             `dgx-h100-performance`; without TuneD a systemd unit, or `cpupower.service` with `governor='performance'`",
        ),
        rollback: Borrowed(
            "`tuned-adm profile balanced`, or `cpupower frequency-set -g GOVERNOR` with the governor named in the \
             evidence",
        ),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`sort -u /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor` and `cpupower frequency-info`",
        ),
        expected_effect: Borrowed(
            "Phoronix: Xeon Scalable from powersave to performance +11 % performance at +7 % average CPU power; \
             i9-9900K about +3.5 %. Huawei MindIE: high-performance CPU mode about +3 % tokens per second at the same \
             latency limit. There is no published number for language models on NVIDIA GPUs.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; a virtual machine only if the hypervisor exposes frequency scaling (else ask the provider); \
         containers read the host's setting; CPUs of any vendor",
    ),
    caveat: Some(Borrowed(
        "Net off the extra energy (RAPL before and after). On Intel hosts with SST-TF or PCT, idle cores must stay able \
         to sleep.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed("NVIDIA Grace CPU Benchmarking Guide: Platform Configuration"),
            url: Borrowed("https://nvidia.github.io/grace-cpu-benchmarking-guide/platform/index.html"),
        },
        Reference {
            title: Borrowed("Intel PerfSpect: report insights"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed("Huawei MindIE LLM: Performance Tuning"),
            url: Borrowed(
                "https://www.hiascend.com/document/detail/en/mindie/230/LLMframe/llmdev/mindie_llm0526.html",
            ),
        },
        Reference {
            title: Borrowed("Phoronix: P-State performance governor"),
            url: Borrowed("https://www.phoronix.com/review/intel-11900k-pstate"),
        },
        Reference {
            title: Borrowed("Linux kernel: CPU Performance Scaling"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/cpufreq.html"),
        },
        Reference {
            title: Borrowed("NVIDIA BaseOS 9: Managing and Customizing TuneD Profiles"),
            url: Borrowed("https://docs.nvidia.com/dgx/baseos-9-user-guide/9.0.0/modifying-tuned.html"),
        },
    ]),
};

impl Check for CpuGovernor {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let cpufreq = match evidence.cpufreq() {
            Ok(cpufreq) if !cpufreq.policies.is_empty() => cpufreq,
            Ok(_) => {
                return without_scaling(
                    evidence,
                    &Missing::new(Absence::Absent, "there is no cpufreq policy"),
                );
            }
            Err(missing) if missing.missing == Absence::Absent => return without_scaling(evidence, &missing),
            Err(missing) => return Err(missing),
        };
        Ok(judge(cpufreq, evidence.get("/cpu/online").ok()))
    }
}

/// The node told that it has no frequency scaling: fine in a virtual machine, unanswered elsewhere.
fn without_scaling(evidence: &Evidence<'_>, missing: &Missing) -> Result<Vec<Finding>, Missing> {
    let virtualization: String = evidence.get("/node/virtualization")?;
    Ok(vec![if virtualization == "none" {
        META.not_run(
            "node",
            format!(
                "no frequency scaling is to be seen; the firmware may control the clock alone: {}",
                missing.reason
            ),
        )
    } else {
        META.not_applicable(
            "node",
            format!("virtual machine ({virtualization}) without frequency scaling: ask the provider"),
        )
    }])
}

/// What distinguishes groups of CPUs; missing values are told apart from all known ones.
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
    let governors: BTreeSet<&str> =
        groups.keys().filter_map(|(_, governor, _)| governor.as_deref()).collect();
    let mixed = governors.len() > 1;

    let mut findings: Vec<Finding> = groups.values().map(|policies| judge_group(policies, mixed)).collect();
    let covered = cpus_of(&cpufreq.policies.iter().collect::<Vec<_>>());
    let uncovered = online.map(|online| online.difference(&covered)).unwrap_or_default();
    if !uncovered.is_empty() {
        findings.push(
            META.not_run(format!("CPUs {uncovered}"), "online, but no cpufreq policy was read for them"),
        );
    }
    findings
}

fn cpus_of(policies: &[&FreqPolicy]) -> CpuSet {
    policies.iter().fold(CpuSet::new(), |all, policy| all.union(&policy.cpus))
}

enum Verdict {
    Info,
    Warn,
    Fail,
}

fn judge_group(policies: &[&FreqPolicy], mixed: bool) -> Finding {
    // All policies of a group have the same texts, so the first stands for all.
    let Some(policy) = policies.first() else { return META.not_run("node", "no policy") };
    let subject = format!("CPUs {}", cpus_of(policies));
    let governor = match &policy.scaling_governor {
        Fact::Known(governor) => governor.trim(),
        Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
    };
    let cite = |file: &str, value: &str| Citation::new(format!("{}/{file}", policy.path), value);
    let of_governor = cite("scaling_governor", governor);
    if governor == "performance" {
        return META.pass(subject, "governor `performance`").with_evidence(of_governor);
    }
    let driver = match &policy.scaling_driver {
        Fact::Known(driver) => driver.trim(),
        Fact::Missing(missing) => {
            let message = format!(
                "governor `{governor}`, whose effect depends on the unknown driver: {}",
                missing.reason
            );
            return META.not_run(subject, message);
        }
    };
    let (verdict, why, preference) = if is_active_mode(driver) && governor == "powersave" {
        match &policy.energy_performance_preference {
            Fact::Known(preference) => {
                let preference = preference.trim();
                let (verdict, why) = judge_preference(preference);
                let why = format!("energy preference `{preference}` {why}");
                (verdict, why, Some(cite("energy_performance_preference", preference)))
            }
            Fact::Missing(missing) if missing.missing == Absence::Absent => (
                Verdict::Warn,
                "the clock follows the load, and there is no energy preference".to_owned(),
                None,
            ),
            Fact::Missing(missing) => {
                let message = format!(
                    "governor `powersave`, whose effect depends on the energy preference: {}",
                    missing.reason
                );
                return META.not_run(subject, message);
            }
        }
    } else {
        let (verdict, why) = match governor {
            "powersave" => (Verdict::Fail, "holds the lowest clock"),
            "ondemand" | "conservative" | "schedutil" => {
                (Verdict::Fail, "raises the clock only after load is seen")
            }
            "userspace" => (Verdict::Warn, "leaves the clock to a program that the evidence does not show"),
            _ => (Verdict::Warn, "is not known to hold the highest clock"),
        };
        (verdict, why.to_owned(), None)
    };
    let verdict = if mixed && matches!(verdict, Verdict::Info) { Verdict::Warn } else { verdict };
    let also = if mixed { "; CPUs of this node have different governors" } else { "" };
    let message = format!("driver `{driver}`, governor `{governor}`: {why}{also}");
    let finding = match verdict {
        Verdict::Info => META.info(subject, message),
        Verdict::Warn => META.warn(subject, message),
        Verdict::Fail => META.fail(subject, message),
    };
    let finding = finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(of_governor)
        .with_evidence(cite("scaling_driver", driver));
    match preference {
        Some(citation) => finding.with_evidence(citation),
        None => finding,
    }
}

/// True for drivers that leave the choice of the clock to the hardware: their `powersave` is not the slowest clock.
fn is_active_mode(driver: &str) -> bool {
    matches!(driver, "intel_pstate" | "amd-pstate-epp" | "amd_pstate_epp")
}

fn judge_preference(preference: &str) -> (Verdict, &'static str) {
    match Preference::of(preference) {
        Preference::Speed => {
            (Verdict::Info, "asks the hardware for speed, though the governor is not `performance`")
        }
        Preference::Balanced => (Verdict::Warn, "lets the hardware trade some speed for power"),
        Preference::Saving => (Verdict::Fail, "makes the hardware save power first"),
        Preference::Firmware => (Verdict::Warn, "leaves the trade-off to the firmware"),
    }
}
