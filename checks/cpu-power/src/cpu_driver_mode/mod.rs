//! `cpu.driver-mode`: a modern frequency driver is in use.
//!
//! Policies are grouped by driver. `acpi-cpufreq` deviates only where the CPU says of itself that it could do more
//! (`hwp` or `cppc` in its flags). `intel_pstate` in passive mode, which calls itself `intel_cpufreq`, and drivers
//! that the catalogue does not name are told without risk. The catalogue's failure, no driver on bare metal because
//! the firmware keeps the clock in a saving profile, needs the firmware's setting, which no file tells: it is
//! `not-run` with that reason.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::model::FreqPolicy;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Fact, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity,
};

use crate::host;

/// See the module.
pub struct CpuDriverMode;

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.driver-mode"),
    title: Borrowed("A modern frequency driver is in use"),
    category: Category::CpuPerformance,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "The older driver `acpi-cpufreq` offers only a few coarse steps, and takes no hint as to speed or \
         power.",
    ),
    business: Borrowed("The engine control software is one generation behind the engine."),
    needs: Borrowed(&[
        Borrowed("/cpufreq"),
        Borrowed("/node/cmdline"),
        Borrowed("/node/virtualization"),
        Borrowed("/power/features"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`echo active > /sys/devices/system/cpu/amd_pstate/status`, where the driver is built in",
        ),
        persistent: Borrowed(
            "Kernel argument `amd_pstate=active`; remove `intel_pstate=disable`; in the firmware, enable \
             CPPC (AMD, Arm) or hardware P-states (Intel)",
        ),
        rollback: Borrowed("The former kernel arguments"),
        change: ChangeKind::Reboot,
        verification: Borrowed("`cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_driver`"),
        expected_effect: Borrowed("There is no published number for serving language models."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[Borrowed("vendor-bias")]),
    applicability: Borrowed("Bare metal; not virtual machines; Intel, AMD and Arm CPUs"),
    caveat: Some(Borrowed("TuneD's profile `cpu-partitioning` adds `intel_pstate=disable` on purpose.")),
    references: Borrowed(&[
        Reference {
            title: Borrowed("Intel PerfSpect: report insights"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed("Linux kernel docs: amd-pstate"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/amd-pstate.html"),
        },
        Reference {
            title: Borrowed("Linux kernel docs: intel_pstate"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/intel_pstate.html"),
        },
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
    ]),
};

impl Check for CpuDriverMode {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if host::is_virtual(evidence)? {
            return Ok(vec![META.not_applicable("node", "virtual machine: the hypervisor keeps the driver")]);
        }
        let disabled = disabled(evidence);
        let mut findings = match evidence.cpufreq() {
            Ok(cpufreq) if !cpufreq.policies.is_empty() => judge(evidence, &cpufreq.policies),
            Ok(_) => vec![without_driver("there is no cpufreq policy")],
            Err(missing) if missing.missing == Absence::Absent => vec![without_driver(&missing.reason)],
            Err(missing) => return Err(missing),
        };
        findings.extend(disabled);
        Ok(findings)
    }
}

fn without_driver(reason: &str) -> Finding {
    META.not_run(
        "node",
        format!("no frequency driver; ask which power profile the firmware has, as it sets the clock alone: {reason}"),
    )
}

/// A boot argument that turns a modern driver off.
fn disabled(evidence: &Evidence<'_>) -> Option<Finding> {
    let cmdline: String = match evidence.get("/node/cmdline") {
        Ok(cmdline) => cmdline,
        Err(missing) => return Some(META.not_run("boot arguments", missing.to_string())),
    };
    let argument = cmdline
        .split_whitespace()
        .find(|word| matches!(*word, "intel_pstate=disable" | "amd_pstate=disable"))?;
    Some(
        META.warn("boot arguments", format!("`{argument}` turns the modern driver off"))
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new("/proc/cmdline", argument)),
    )
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
    let subject = format!("CPUs {cpus}");
    let driver = match &policy.scaling_driver {
        Fact::Known(driver) => driver.trim(),
        Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
    };
    let told = |why: &str| format!("driver `{driver}` {why}");
    let finding = match driver {
        "intel_pstate" | "amd-pstate" | "amd-pstate-epp" | "amd_pstate" | "amd_pstate_epp"
        | "cppc_cpufreq" => {
            META.pass(subject, told("sets the clock through the interface made for this CPU"))
        }
        "intel_cpufreq" => META
            .info(subject, told("is intel_pstate in passive mode: the kernel's governor chooses the clock")),
        "acpi-cpufreq" => match evidence.get::<Vec<String>>("/power/features") {
            Ok(features) => {
                match features.iter().find(|feature| matches!(feature.as_str(), "hwp" | "cppc")) {
                    Some(feature) => META
                        .warn(
                            subject,
                            told(&format!("offers a few coarse steps, though the CPU has `{feature}`")),
                        )
                        .with_evidence(Citation::new(
                            "/proc/cpuinfo",
                            format!("flags: {}", features.join(" ")),
                        )),
                    None => META.info(
                        subject,
                        told("is all that this CPU, as the firmware presents it, can be set by"),
                    ),
                }
            }
            Err(missing) => {
                return META
                    .not_run(subject, told(&format!("may fall short of what the CPU can do: {missing}")));
            }
        },
        _ => META.info(subject, told("is none that this check knows")),
    };
    finding
        .with_likelihood(Likelihood::Setting)
        .with_confidence(Confidence::Medium)
        .with_evidence(Citation::new(format!("{}/scaling_driver", policy.path), driver))
}
