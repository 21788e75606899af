//! `kernel.clocksource`: a fast clock source is in use.
//!
//! Fast means that programs read the clock without entering the kernel: the time stamp counter (`tsc`), the generic
//! timer of Arm, and the pages that KVM and Hyper-V share with their guests. What is read from a device (`hpet`,
//! `acpi_pm`) or by a call to the hypervisor (`hyperv_clocksource_msr`, `xen`) is slow; `refined-jiffies` and
//! `jiffies` are coarse as well.
//!
//! A line of the log that calls the counter unstable is cited. On its own it warns: the clock source in use is what
//! counts.

use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing, Reference,
    Remediation, Severity, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

const FOLDER: &str = "/sys/devices/system/clocksource/clocksource0";

/// See the module.
pub struct KernelClocksource;

static META: CheckMeta = CheckMeta {
    id: Borrowed("kernel.clocksource"),
    title: Borrowed("A fast clock source is in use"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Each time stamp of tokens, scheduler, Python and CUDA becomes a slow read of a device.",
    ),
    business: Borrowed(
        "Each look at the clock takes many times longer than it should, and the software looks thousands of \
         times a second.",
    ),
    needs: Borrowed(&[
        Borrowed("/settings/kernel"),
        Borrowed("/node/virtualization"),
        Borrowed("/kernel_log"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource`, only where \
             `available_clocksource` lists it",
        ),
        persistent: Borrowed(
            "update of the firmware; the kernel argument `clocksource=tsc tsc=reliable`, only on hardware \
             that is known to be good",
        ),
        rollback: Borrowed("write the source named in the evidence back"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`cat /sys/devices/system/clocksource/clocksource0/current_clocksource`"),
        expected_effect: Borrowed(
            "One report: gettimeofday takes 4.5 µs with hpet and about 100 ns with tsc. There is no \
             published number for language models.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[WorkloadTrait::SmallBatch]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal and virtual machines; in a container, the host is what counts"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("RHEL for Real Time: Timestamping and clock sources"),
            url: Borrowed(
                "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux_for_real_time/7/html/reference_guide/chap-timestamping",
            ),
        },
        Reference {
            title: Borrowed("deeperf.com: performance issue caused by the TSC clock source missing"),
            url: Borrowed("https://deeperf.com/2019/04/30/tsc-clock-missing-caused-performance-issues/"),
        },
    ]),
};

impl Check for KernelClocksource {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let file = |name: &str| evidence.setting("kernel", &format!("{FOLDER}/{name}"));
        let current = file("current_clocksource")?.trim().to_owned();
        let cite = |finding: Finding| {
            finding.with_evidence(Citation::new(format!("{FOLDER}/current_clocksource"), &current))
        };
        let finding = match current.as_str() {
            "tsc" | "arch_sys_counter" | "timebase" | "riscv_clocksource" => {
                META.pass("node", format!("the clock is read from `{current}`"))
            }
            "kvm-clock" | "hyperv_clocksource_tsc_page" => {
                let hypervisor = evidence.hypervisor()?;
                let message = format!("the clock is read from `{current}`");
                if hypervisor.is_none() {
                    META.contradictory(
                        "node",
                        format!("{message}, of a hypervisor, but the CPU tells of none"),
                    )
                    .with_evidence(Citation::new("/proc/cpuinfo", "no flag `hypervisor`"))
                } else {
                    META.pass("node", message)
                }
            }
            "xen" | "refined-jiffies" => {
                let hypervisor = evidence.hypervisor()?;
                let available = file("available_clocksource")?;
                let message = format!("the clock is read from `{current}`, which is slow");
                if hypervisor.is_none() {
                    META.fail("node", message)
                } else if available.split_whitespace().any(|name| name == "tsc") {
                    META.warn("node", format!("{message}, though `tsc` is available")).with_evidence(
                        Citation::new(format!("{FOLDER}/available_clocksource"), available.trim()),
                    )
                } else {
                    META.info("node", format!("{message}; the hypervisor offers nothing faster"))
                }
            }
            "hpet" | "acpi_pm" | "jiffies" | "hyperv_clocksource_msr" | "pit" => META.fail(
                "node",
                format!("the clock is read from `{current}`, which is many times slower than `tsc`"),
            ),
            other => META
                .info("node", format!("the clock is read from `{other}`, whose speed is not known to Plumb")),
        };
        let mut findings = vec![cite(finding.with_likelihood(Likelihood::Setting))];
        // Other architectures have no such counter.
        if !matches!(current.as_str(), "arch_sys_counter" | "timebase" | "riscv_clocksource") {
            findings.extend(unstable(evidence));
        }
        Ok(findings)
    }
}

/// The last line of the log by which the kernel gave the time stamp counter up.
fn unstable(evidence: &Evidence<'_>) -> Option<Finding> {
    let subject = "time stamp counter";
    let log = match evidence.kernel_log() {
        Ok(log) => log,
        Err(why) => return Some(META.not_run(subject, format!("whether it is stable is not known: {why}"))),
    };
    let tells = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("marking") && text.contains("unstable") && text.contains("tsc")
    };
    let line = log.lines.iter().rfind(|line| tells(&line.text))?;
    let finding = META.warn(subject, "the kernel found it unstable, and gave it up");
    Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(Citation::new(&log.path, &line.text)))
}
