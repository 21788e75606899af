//! `kernel.cmdline-drift`: boot arguments are consistent and intentional.
//!
//! Only arguments that bear on performance are looked at. What takes CPUs, memory or topology away fails; what is
//! known to slow a server down warns; others are told, as no baseline of the client says whether they were meant.
//! Running and configured arguments are compared by the boot loader's entry of the running kernel, or else by what
//! new entries are made from.
//!
//! `isolcpus=` fails only where busy threads of a server may run on these CPUs: the scheduler does not spread
//! threads there, so that all of them stay on one CPU.
//!
//! Where running and configured arguments differ, harmful ones are to go from both. What else waits for the next start was
//! written down by somebody who wants it; what else is about to be lost is to be kept.

use plumb_check_sdk::model::{BootArguments, InferenceServer, Thread};
use plumb_check_sdk::{
    Arg, Citation, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object, Outcome, Said,
    parsed,
};

use crate::pages::kernel_cmdline_drift::{PAGE, words};
use crate::{CMDLINE, without};

const ISOLATED: &str = "/sys/devices/system/cpu/isolated";

/// Arguments that bear on performance, by name (kernel-parameters.txt); a module's are `MODULE.NAME`.
const NAMES: &str = "acpi amd_iommu amd_pstate clocksource cpufreq.default_governor cpufreq.off cpuidle.governor \
    cpuidle.off default_hugepagesz hugepages hugepagesz idle init_on_alloc init_on_free \
    intel_idle.max_cstate intel_iommu intel_pstate iommu iommu.passthrough iommu.strict irqaffinity \
    isolcpus kpti maxcpus mce mem mitigations nmi_watchdog noapic nohz nohz_full nolapic nomce nosmp nosmt \
    nosoftlockup nox2apic nr_cpus numa numa_balancing page_poison pci pcie_aspm preempt \
    processor.max_cstate rcu_nocbs skew_tick slub_debug swiotlb systemd.cpu_affinity threadirqs \
    transparent_hugepage tsc workqueue.power_efficient";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let cmdline: String = evidence.get("/node/cmdline")?;
    let running: Vec<&str> = cmdline.split_whitespace().filter(|word| is_known(word)).collect();
    let mut findings = judge_arguments(evidence, &running);
    let isolating: Vec<&str> = running.iter().copied().filter(|word| name(word) == "isolcpus").collect();
    if !isolating.is_empty() {
        findings.push(PAGE.settle(isolcpus(), judge_isolation(evidence, &isolating)));
    }
    findings.push(PAGE.settle(configuration(), judge_drift(evidence, &running)));
    Ok(findings)
}

fn isolcpus() -> Object {
    Object::setting("isolcpus")
}

fn configuration() -> Object {
    Object::setting("configured arguments")
}

fn name(word: &str) -> &str {
    word.split_once('=').map_or(word, |(name, _)| name)
}

fn is_known(word: &str) -> bool {
    // The kernel takes `-` and `_` for the same.
    let name = name(word).replace('-', "_");
    NAMES.split(' ').any(|own| own == name)
}

/// What an argument does by itself, and the cause that it is of; `None` for one that may well be meant.
fn judge(word: &str, shared: Option<bool>) -> Option<(Outcome, Said, Option<&'static str>)> {
    use Outcome::{Fail, Info, Warn};
    let argument = Arg::from(word);
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    Some(match (name, value) {
        ("maxcpus" | "nr_cpus", _) => (Fail, words::FewerCpus { argument }.into(), None),
        ("nosmp" | "nolapic", _) => (Fail, words::OneCpu { argument }.into(), None),
        ("mem", _) => (Fail, words::LessMemory { argument }.into(), None),
        ("numa", "off") => (Fail, words::NoNuma { argument }.into(), Some("numa-layout")),
        ("nosmt", _) => (Fail, words::NoSmt { argument }.into(), None),
        ("acpi", "off") => (Fail, words::NoAcpi { argument }.into(), None),
        ("idle", "poll") => match shared {
            Some(true) => (Fail, words::NoSleep { argument }.into(), None),
            Some(false) => (Info, words::NoSleepAlone {}.into(), None),
            None => (Warn, words::NoSleep { argument }.into(), None),
        },
        ("intel_pstate" | "amd_pstate", "disable") => {
            (Warn, words::OldDriver { argument }.into(), Some("frequency-driver"))
        }
        ("cpufreq.off", _) => (Warn, words::NoScaling { argument }.into(), Some("frequency-driver")),
        ("clocksource", "hpet" | "acpi_pm" | "jiffies") => {
            (Warn, words::SlowClock { argument }.into(), Some("clock-source"))
        }
        ("nohz", "off") | ("noapic" | "nox2apic", _) => (Warn, words::WorkAround { argument }.into(), None),
        ("mce", "off") | ("nomce", _) => (Warn, words::NoMachineChecks { argument }.into(), None),
        ("pci", "nomsi") => (Warn, words::SharedInterrupts { argument }.into(), None),
        _ => return None,
    })
}

fn judge_arguments(evidence: &Evidence<'_>, running: &[&str]) -> Vec<Finding> {
    let shared = crate::is_shared(evidence);
    let mut findings = Vec::new();
    let mut others = Vec::new();
    for word in running {
        let Some((outcome, said, cause)) = judge(word, shared) else {
            others.push(*word);
            continue;
        };
        if name(word) == "idle" && shared.is_none() {
            let object = Object::setting("shared-host").named(format!("sharing, for `{word}`"));
            findings.push(PAGE.not_run(object, words::UnknownSharing {}));
        }
        let object = Object::setting(*word).named(format!("argument `{word}`"));
        let finding = PAGE
            .says(outcome, object, said)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new(CMDLINE, *word))
            .mended_by([without(word)]);
        findings.push(match cause {
            Some(key) => finding.with_cause(key, Object::node()),
            None => finding,
        });
    }
    if !others.is_empty() {
        let object = Object::setting(others.join(" ")).named(format!("arguments {}", listed(&others)));
        let finding = PAGE.info(object, words::Others { others_count: Arg::count(others.len()) });
        findings.push(finding.with_evidence(Citation::new(CMDLINE, others.join(" "))));
    }
    if running.is_empty() {
        findings.push(PAGE.pass(Object::setting("running arguments"), words::NoneRunning {}));
    }
    findings
}

fn listed(words: &[&str]) -> String {
    format!("`{}`", words.join("`, `"))
}

/// Whether busy threads of servers may run on isolated CPUs.
fn judge_isolation(evidence: &Evidence<'_>, isolating: &[&str]) -> Result<Finding, Missing> {
    let text = evidence.setting("kernel", ISOLATED)?;
    let isolated: CpuSet = parsed(ISOLATED, &text)?;
    if isolated.is_empty() {
        return Ok(PAGE.info(isolcpus(), words::IsolatesNone {}));
    }
    let object = Object::cpus(&isolated).named(format!("isolated CPUs {isolated}"));
    let servers: &[InferenceServer] = evidence.servers()?;
    let busy = |thread: &&Thread| thread.cpu_ticks.known() != Some(&0);
    let mut seen = 0;
    for process in servers.iter().flat_map(|server| &server.processes) {
        for thread in process.threads.iter().filter(busy) {
            let mask = thread.cpus_allowed.require()?;
            seen += 1;
            if mask.intersection(&isolated).is_empty() {
                continue;
            }
            let path = format!("{}/task/{}/status", process.path, thread.tid);
            let said = words::RunsIsolated {
                comm: Arg::from(&process.comm),
                cpus: Arg::from(&isolated),
                pid: Arg::text(process.pid.to_string()),
            };
            return Ok(PAGE
                .fail(object, said)
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(Citation::new(path, format!("Cpus_allowed_list: {mask}")))
                .with_evidence(Citation::new(ISOLATED, isolated.to_string()))
                .with_intents(isolating.iter().map(|word| without(word))));
        }
    }
    Ok(match seen {
        0 => PAGE.not_run(isolcpus(), words::NoBusyThread {}),
        _ => PAGE.pass(object, words::KeptOff {}),
    })
}

/// The file that decides what the next start has.
fn deciding<'a>(boot: &'a [BootArguments], release: &str) -> Option<&'a BootArguments> {
    let of_kind = |kind: &'static str| boot.iter().filter(move |source| source.kind == kind);
    let entry = of_kind("entry").find(|source| source.release.known().is_some_and(|of| of == release));
    entry.or_else(|| of_kind("grub").next()).or_else(|| of_kind("kernel").next())
}

fn judge_drift(evidence: &Evidence<'_>, running: &[&str]) -> Result<Finding, NoVerdict> {
    let boot: Vec<BootArguments> = evidence.get("/platform/boot")?;
    let release: String = evidence.get("/node/kernel")?;
    let source = deciding(&boot, &release).ok_or(words::NoConfiguration {})?;
    let configured: Vec<&str> =
        source.arguments.require()?.iter().map(String::as_str).filter(|word| is_known(word)).collect();
    let adds: Vec<&str> = configured.iter().filter(|word| !running.contains(word)).copied().collect();
    let drops: Vec<&str> = running.iter().filter(|word| !configured.contains(word)).copied().collect();
    let path = Arg::from(&source.path);
    let (adds_count, drops_count) = (Arg::count(adds.len()), Arg::count(drops.len()));
    let finding = match (adds.as_slice(), drops.as_slice()) {
        ([], []) => PAGE.pass(configuration(), words::Same { path }),
        (_, []) => PAGE.warn(configuration(), words::Adds { adds: listed(&adds).into(), adds_count, path }),
        ([], _) => {
            PAGE.warn(configuration(), words::Drops { drops: listed(&drops).into(), drops_count, path })
        }
        _ => {
            let (adds, drops) = (listed(&adds).into(), listed(&drops).into());
            PAGE.warn(configuration(), words::AddsAndDrops { adds, adds_count, drops, drops_count, path })
        }
    };
    let cited = |words: &[&str]| match words {
        [] => "none that bears on performance".to_owned(),
        words => words.join(" "),
    };
    Ok(finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(CMDLINE, cited(running)))
        .with_evidence(Citation::new(&source.path, cited(&configured)))
        .with_intents(goals(&adds, &drops, crate::is_shared(evidence))))
}

/// What is to become of arguments that the next start adds, and of those that it drops.
fn goals(adds: &[&str], drops: &[&str], shared: Option<bool>) -> Vec<Intent> {
    let is_bad = |word: &str| judge(word, shared).is_some_and(|(outcome, ..)| outcome.is_deviation());
    let persist = |want: &str, was: Option<&str>| Intent::Persist {
        setting: name(was.unwrap_or(want)).to_owned(),
        want: want.to_owned(),
        was: was.map(str::to_owned),
    };
    let added = adds.iter().map(|word| {
        if is_bad(word) {
            let kept = drops.iter().find(|own| name(own) == name(word) && !is_bad(own));
            persist(kept.unwrap_or(&""), Some(word))
        } else {
            Intent::KernelArgument { argument: (*word).to_owned(), present: true }
        }
    });
    let is_replaced = |word: &str| adds.iter().any(|own| name(own) == name(word));
    let dropped = drops.iter().filter(|word| is_bad(word) || !is_replaced(word));
    added.chain(dropped.map(|word| if is_bad(word) { without(word) } else { persist(word, None) })).collect()
}
