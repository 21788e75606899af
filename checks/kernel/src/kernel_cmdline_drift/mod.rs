//! `kernel.cmdline-drift`: boot arguments are consistent and intentional.
//!
//! Only arguments that bear on performance are looked at. What takes CPUs, memory or topology away fails; what is
//! known to slow a server down warns; others are told, as no baseline of the client says whether they were meant.
//! Running and configured arguments are compared by the boot loader's entry of the running kernel, or else by what
//! new entries are made from.
//!
//! `isolcpus=` fails only where busy threads of a server may run on these CPUs: the scheduler does not spread
//! threads there, so that all of them stay on one CPU.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::model::{BootArguments, InferenceServer, Thread};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Finding, Likelihood,
    Missing, Reference, Remediation, Severity, WorkloadTrait,
};

const CMDLINE: &str = "/proc/cmdline";
const ISOLATED: &str = "/sys/devices/system/cpu/isolated";

/// Arguments that bear on performance, by name (kernel-parameters.txt); a module's are `MODULE.NAME`.
const NAMES: &[&str] = &[
    "acpi",
    "amd_iommu",
    "amd_pstate",
    "clocksource",
    "cpufreq.default_governor",
    "cpufreq.off",
    "cpuidle.governor",
    "cpuidle.off",
    "default_hugepagesz",
    "hugepages",
    "hugepagesz",
    "idle",
    "init_on_alloc",
    "init_on_free",
    "intel_idle.max_cstate",
    "intel_iommu",
    "intel_pstate",
    "iommu",
    "iommu.passthrough",
    "iommu.strict",
    "irqaffinity",
    "isolcpus",
    "kpti",
    "maxcpus",
    "mce",
    "mem",
    "mitigations",
    "nmi_watchdog",
    "noapic",
    "nohz",
    "nohz_full",
    "nolapic",
    "nosmp",
    "nosmt",
    "nosoftlockup",
    "nox2apic",
    "nr_cpus",
    "numa",
    "numa_balancing",
    "page_poison",
    "pci",
    "pcie_aspm",
    "preempt",
    "processor.max_cstate",
    "rcu_nocbs",
    "skew_tick",
    "slub_debug",
    "swiotlb",
    "threadirqs",
    "transparent_hugepage",
    "tsc",
    "workqueue.power_efficient",
];

/// See the module.
pub struct KernelCmdlineDrift;

static META: CheckMeta = CheckMeta {
    id: Borrowed("kernel.cmdline-drift"),
    title: Borrowed("Boot arguments are consistent and intentional"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Leftovers such as `maxcpus=`, `mem=`, `idle=`, `intel_pstate=disable` or `nosmt` change results for \
         years, and nobody remembers them.",
    ),
    business: Borrowed("Old experiments are still wired into the start-up of this server."),
    needs: Borrowed(&[
        Borrowed("/node/cmdline"),
        Borrowed("/node/kernel"),
        Borrowed("/platform/boot"),
        Borrowed("/settings/kernel"),
        Borrowed("/servers"),
        Borrowed("/engagement/workload"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("none"),
        persistent: Borrowed(
            "RHEL: `grubby --update-kernel=ALL --remove-args=\"NAME=VALUE\"`; SUSE, Debian and Ubuntu: \
             correct `/etc/default/grub`, then `grub2-mkconfig -o /boot/grub2/grub.cfg` or `update-grub`",
        ),
        rollback: Borrowed(
            "`grubby --update-kernel=ALL --args=\"NAME=VALUE\"` with the arguments named in the evidence",
        ),
        change: ChangeKind::Reboot,
        verification: Borrowed("`cat /proc/cmdline`; `grubby --info=DEFAULT`"),
        expected_effect: Borrowed("No published number."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[Borrowed("isolation")]),
    applicability: Borrowed("Bare metal and virtual machines"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Linux kernel: kernel parameters (isolcpus, nohz_full, rcu_nocbs, irqaffinity)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/kernel-parameters.html"),
        },
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
    ]),
};

impl Check for KernelCmdlineDrift {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let cmdline: String = evidence.get("/node/cmdline")?;
        let running: Vec<&str> = cmdline.split_whitespace().filter(|word| is_known(word)).collect();
        let mut findings = judge_arguments(evidence, &running);
        if running.iter().any(|word| name(word) == "isolcpus") {
            findings.push(
                judge_isolation(evidence).unwrap_or_else(|why| META.not_run("isolcpus", why.to_string())),
            );
        }
        findings.push(
            judge_drift(evidence, &running).unwrap_or_else(|why| META.not_run(CONFIGURED, why.to_string())),
        );
        Ok(findings)
    }
}

const CONFIGURED: &str = "configured arguments";

fn name(word: &str) -> &str {
    word.split_once('=').map_or(word, |(name, _)| name)
}

fn is_known(word: &str) -> bool {
    // The kernel takes `-` and `_` for the same.
    NAMES.contains(&name(word).replace('-', "_").as_str())
}

enum Kind {
    /// Takes CPUs, memory or topology away.
    Harmful(&'static str),
    /// Harmful where others share the host.
    HarmfulIfShared(&'static str),
    /// Known to slow a server down.
    Suspicious(&'static str),
    Other,
}

fn kind(word: &str) -> Kind {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    match (name, value) {
        ("maxcpus" | "nr_cpus", _) => Kind::Harmful("limits the number of CPUs"),
        ("nosmp" | "nolapic", _) => Kind::Harmful("leaves one CPU"),
        ("mem", _) => Kind::Harmful("limits the memory"),
        ("numa", "off") => Kind::Harmful("hides the NUMA nodes"),
        ("nosmt", _) => Kind::Harmful("turns the second thread of each core off"),
        ("acpi", "off") => Kind::Harmful("hides topology and power management"),
        ("idle", "poll") => {
            Kind::HarmfulIfShared("never lets a CPU sleep, which takes turbo from its neighbours")
        }
        ("intel_pstate", "disable") => Kind::Suspicious("gives up the frequency driver of the maker"),
        ("amd_pstate", "disable") => Kind::Suspicious("gives up the frequency driver of the maker"),
        ("cpufreq.off", _) => Kind::Suspicious("leaves the clock to the firmware"),
        ("clocksource", "hpet" | "acpi_pm" | "jiffies") => {
            Kind::Suspicious("makes each look at the clock slow")
        }
        ("nohz" | "noapic" | "nox2apic", _) => Kind::Suspicious("is a work-around of old hardware"),
        ("pci", "nomsi") => Kind::Suspicious("takes their own interrupts from devices"),
        _ => Kind::Other,
    }
}

fn judge_arguments(evidence: &Evidence<'_>, running: &[&str]) -> Vec<Finding> {
    let workload: Result<BTreeMap<WorkloadTrait, bool>, Missing> = evidence.get("/engagement/workload");
    let shared = workload.ok().and_then(|traits| traits.get(&WorkloadTrait::SharedHost).copied());
    let mut findings = Vec::new();
    let mut others = Vec::new();
    for word in running {
        let subject = format!("argument `{word}`");
        let citation = Citation::new(CMDLINE, *word);
        let finding = match kind(word) {
            Kind::Harmful(why) => META.fail(subject, why),
            Kind::HarmfulIfShared(why) => match shared {
                Some(true) => META.fail(subject, why),
                Some(false) => META.info(subject, why),
                None => {
                    let message = "whether others share this host is not known; say so in the engagement \
                                   (`shared-host`)";
                    findings.push(META.not_run(format!("sharing, for `{word}`"), message));
                    META.warn(subject, why)
                }
            },
            Kind::Suspicious(why) => META.warn(subject, why),
            Kind::Other => {
                others.push(*word);
                continue;
            }
        };
        findings.push(finding.with_likelihood(Likelihood::Setting).with_evidence(citation));
    }
    if !others.is_empty() {
        let message = "bear on performance; compare them with what was intended";
        let finding = META.info(format!("arguments `{}`", others.join("`, `")), message);
        findings.push(finding.with_evidence(Citation::new(CMDLINE, others.join(" "))));
    }
    if running.is_empty() {
        findings.push(META.pass("running arguments", "none bears on performance"));
    }
    findings
}

/// Whether busy threads of servers may run on isolated CPUs.
fn judge_isolation(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let text = evidence.setting("kernel", ISOLATED)?;
    let isolated: CpuSet =
        text.parse().map_err(|_| Missing::new(Absence::Malformed, format!("{ISOLATED} holds `{text}`")))?;
    let subject = format!("isolated CPUs {isolated}");
    if isolated.is_empty() {
        return Ok(META.info("isolcpus", "it is set, but the kernel isolates no CPU"));
    }
    let servers: &[InferenceServer] = evidence.servers()?;
    let busy = |thread: &&Thread| thread.cpu_ticks.known() != Some(&0);
    let mut seen = 0;
    for process in servers.iter().flat_map(|server| &server.processes) {
        for thread in process.threads.iter().filter(busy) {
            let mask = thread.cpus_allowed.require()?;
            seen += 1;
            let on = mask.intersection(&isolated);
            if !on.is_empty() {
                let message = format!(
                    "process {} ({}) may run there, where the scheduler does not spread threads over CPUs",
                    process.pid, process.comm
                );
                let path = format!("{}/task/{}/status", process.path, thread.tid);
                return Ok(META
                    .fail(subject, message)
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(Citation::new(path, format!("Cpus_allowed_list: {mask}")))
                    .with_evidence(Citation::new(ISOLATED, isolated.to_string())));
            }
        }
    }
    if seen == 0 {
        let reason = "no busy thread of an inference server was found: collect while the service runs";
        return Err(Missing::new(Absence::Skipped, reason));
    }
    Ok(META.pass(subject, "no thread of an inference server may run there"))
}

/// The file that decides what the next start has.
fn deciding<'a>(boot: &'a [BootArguments], release: &str) -> Option<&'a BootArguments> {
    let of_kind = |kind: &'static str| boot.iter().filter(move |source| source.kind == kind);
    let entry = of_kind("entry").find(|source| source.release.known().is_some_and(|of| of == release));
    entry.or_else(|| of_kind("grub").next()).or_else(|| of_kind("kernel").next())
}

fn judge_drift(evidence: &Evidence<'_>, running: &[&str]) -> Result<Finding, Missing> {
    let boot: Vec<BootArguments> = evidence.get("/platform/boot")?;
    let release: String = evidence.get("/node/kernel")?;
    let absent =
        || Missing::new(Absence::Absent, "no file was found that Plumb knows to configure boot arguments");
    let source = deciding(&boot, &release).ok_or_else(absent)?;
    let configured: Vec<&str> =
        source.arguments.require()?.iter().map(String::as_str).filter(|word| is_known(word)).collect();
    let only = |of: &[&str], without: &[&str]| -> Vec<String> {
        of.iter().filter(|word| !without.contains(word)).map(|word| format!("`{word}`")).collect()
    };
    let (pending, leaving) = (only(&configured, running), only(running, &configured));
    let cite = |finding: Finding| {
        let words = |words: &[&str]| match words {
            [] => "none that bears on performance".to_owned(),
            words => words.join(" "),
        };
        finding
            .with_evidence(Citation::new(CMDLINE, words(running)))
            .with_evidence(Citation::new(&source.path, words(&configured)))
    };
    if pending.is_empty() && leaving.is_empty() {
        return Ok(cite(META.pass(CONFIGURED, format!("{} says what is running", source.path))));
    }
    let mut words = Vec::new();
    if !pending.is_empty() {
        words.push(format!("the next start adds {}", pending.join(", ")));
    }
    if !leaving.is_empty() {
        words.push(format!("the next start drops {}", leaving.join(", ")));
    }
    Ok(cite(META.warn(CONFIGURED, words.join("; ")).with_likelihood(Likelihood::Setting)))
}
