//! `kernel.clocksource`: a fast clock source is in use.
//!
//! Fast means that programs read the clock without entering the kernel: the time stamp counter (`tsc`), the generic
//! timer of Arm, and the pages that KVM and Hyper-V share with their guests. What is read from a device (`hpet`,
//! `acpi_pm`) or by a call to the hypervisor (`hyperv_clocksource_msr`, `xen`) is slow; `refined-jiffies` and
//! `jiffies` are coarse as well.
//!
//! A line of the log that calls the counter unstable is cited. On its own it warns: the clock source in use is what
//! counts. A log that is missing leaves nothing open while the counter is in use, as the kernel leaves it when it marks it
//! unstable.

use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, Object, ProviderRequest, Step, UpdatePart,
};

use crate::pages::kernel_clocksource::{PAGE, words};

const CURRENT: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
const AVAILABLE: &str = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
/// Fast sources of machines that also have slow ones; those of a hypervisor first, as it knows its own counter best.
const FAST: [&str; 3] = ["kvm-clock", "hyperv_clocksource_tsc_page", "tsc"];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let text = match evidence.setting("kernel", CURRENT) {
        Ok(text) => text,
        Err(why) => {
            let counter = judge_counter(evidence, "");
            return counter.map(|counter| vec![PAGE.missing(Object::node(), &why), counter]).ok_or(why);
        }
    };
    let current = text.trim();
    let available = evidence.setting("kernel", AVAILABLE);
    let finding: Finding = PAGE.settle(Object::node(), judge_source(evidence, current, &available));
    // Other architectures have no time stamp counter.
    let has_counter = !matches!(current, "arch_sys_counter" | "timebase" | "riscv_clocksource");
    let counter = has_counter.then(|| judge_counter(evidence, current)).flatten();
    let is_unstable = counter.as_ref().is_some_and(|finding| finding.outcome.is_deviation());
    let available = available.unwrap_or_default();
    let is_offered = |name: &&&str| {
        available.split_whitespace().any(|own| own == **name) && !(is_unstable && **name == "tsc")
    };
    let goal = match FAST.iter().find(is_offered) {
        Some(want) => Intent::Value { path: CURRENT.into(), want: (*want).into(), was: current.into() },
        None => from_below(evidence),
    };
    let finding = finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(CURRENT, current))
        .mended_by([goal]);
    Ok(std::iter::once(finding).chain(counter).collect())
}

fn judge_source(
    evidence: &Evidence<'_>,
    current: &str,
    available: &Result<String, Missing>,
) -> Result<Finding, Missing> {
    let (node, source) = (Object::node(), Arg::from(current));
    Ok(match current {
        "tsc" | "arch_sys_counter" | "timebase" | "riscv_clocksource" => {
            PAGE.pass(node, words::Fast { source })
        }
        "kvm-clock" | "hyperv_clocksource_tsc_page" => match evidence.hypervisor()? {
            Some(_) => PAGE.pass(node, words::Fast { source }),
            None => PAGE
                .contradictory(node, words::NoHypervisor { source })
                .with_evidence(Citation::new("/proc/cpuinfo", "no flag `hypervisor`")),
        },
        "xen" | "refined-jiffies" => {
            let is_virtual = evidence.hypervisor()?.is_some();
            let available = available.clone()?;
            if !is_virtual {
                PAGE.fail(node, words::Slow { source })
            } else if available.split_whitespace().any(|name| name == "tsc") {
                PAGE.warn(node, words::TscUnused { source })
                    .with_evidence(Citation::new(AVAILABLE, available.trim()))
            } else {
                PAGE.info(node, words::NothingFaster { source })
            }
        }
        "hpet" | "acpi_pm" | "jiffies" | "hyperv_clocksource_msr" | "pit" => {
            PAGE.fail(node, words::Slow { source })
        }
        _ => PAGE.info(node, words::UnknownSource { source }),
    })
}

/// Asks for a counter that the kernel can use of what provides it.
fn from_below(evidence: &Evidence<'_>) -> Intent {
    match evidence.hypervisor() {
        Ok(Some(_)) => Intent::Provider { request: ProviderRequest::ClockSource },
        Ok(None) => Intent::Update { part: UpdatePart::Firmware, was: None },
        Err(_) => Intent::Step { step: Step::WatchLog },
    }
}

/// The last line of the log by which the kernel gave the time stamp counter up.
fn judge_counter(evidence: &Evidence<'_>, current: &str) -> Option<Finding> {
    let object = Object::setting("time stamp counter");
    let log = match evidence.kernel_log() {
        Ok(log) => log,
        Err(_) if current == "tsc" => return None,
        Err(why) => return Some(PAGE.not_run(object, words::UnknownStability { reason: (&why).into() })),
    };
    let gives_up = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("marking") && text.contains("unstable") && text.contains("tsc")
    };
    let line = log.lines.iter().rfind(|line| gives_up(&line.text))?;
    let finding = PAGE
        .warn(object, words::Unstable {})
        .with_likelihood(Likelihood::Mechanism)
        .with_evidence(Citation::new(&log.path, &line.text));
    // Arguments that ask for the counter and were in vain.
    let cmdline = evidence.get::<String>("/node/cmdline").unwrap_or_default();
    let tried = cmdline
        .split_whitespace()
        .filter(|word| ["tsc=", "clocksource="].iter().any(|key| word.starts_with(key)));
    let tried = tried.map(|word| Citation::new("/proc/cmdline", word));
    Some(finding.with_citations(tried).with_intent(from_below(evidence)))
}
