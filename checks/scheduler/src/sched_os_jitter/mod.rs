//! `sched.os-jitter`: measured operating-system jitter is small (optional probe).
//!
//! Stalls that the kernel has logged are told whether or not somebody measured. CPUs are grouped by verdict. The measurement keeps the longest interruption and the count by cause, so the
//! catalogue's p99.9 of all gaps is not judged. System management interrupts count where the measurement names such a
//! cause; where it names other causes only, nobody looked for them, and the pass says so; where it names none at all,
//! that part is `not-run`.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Milliseconds, Quantity};
use plumb_check_sdk::model::NoiseResult;
use plumb_check_sdk::{
    Arg, Citation, Confidence, CpuSet, Evidence, Finding, FirmwareSetting, Intent, Likelihood, NoVerdict,
    Object, Outcome, Step,
};

use crate::pages::sched_os_jitter::{FIRMWARE, LONG, PAGE, SHORT, WATCHED, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let Some(stalled) = stalled(evidence) else { return measured(evidence) };
    let measured = PAGE.settle(Object::node(), measured(evidence));
    Ok([stalled].into_iter().chain(measured).collect())
}

/// What the kernel's own watchdogs have seen: CPUs that did nothing else for many seconds, tasks that did not go on.
fn stalled(evidence: &Evidence<'_>) -> Option<Finding> {
    let object = Object::node().named("stalls");
    let log = match evidence.kernel_log() {
        Ok(log) => log,
        Err(why) => return Some(PAGE.missing(object, &why)),
    };
    let (tasks, cpus) = log.stalls();
    let last = tasks.last().into_iter().chain(cpus.last()).max_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
    let said = words::Stalled {
        kind: if cpus.is_empty() { "task" } else { "cpu" }.into(),
        last: Arg::quantity((log.to_seconds - last.seconds).max(0.0) / 3600.0, "h", 1),
        lines_count: (tasks.len() + cpus.len()).into(),
    };
    let finding = PAGE.warn(object, said).with_likelihood(Likelihood::Mechanism);
    let finding = finding.with_evidence(Citation::new(&log.path, &last.text));
    Some(finding.with_intent(Intent::Step { step: Step::TraceInterruptions }))
}

fn measured(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let results: Vec<NoiseResult> = evidence.get("/measurements/noise")?;
    PAGE.not_run_if(results.is_empty(), words::NotMeasured {})?;
    let mut groups: BTreeMap<Kind, Vec<&NoiseResult>> = BTreeMap::new();
    for result in &results {
        groups.entry(judge(evidence, result)).or_default().push(result);
    }
    let mut findings: Vec<Finding> =
        groups.into_iter().filter_map(|(kind, group)| finding(evidence, kind, &group)).collect();
    let uncounted: CpuSet =
        results.iter().filter(|result| result.interruptions.is_empty()).map(|result| result.cpu).collect();
    if !uncounted.is_empty() {
        let object = Object::cpus(&uncounted).named(format!("CPUs {uncounted}, causes"));
        findings.push(PAGE.not_run(object, words::NoCauses {}));
    }
    Ok(findings)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fail,
    Warn,
    Pass,
    TooShort,
    Unusable,
}

/// System management interrupts, if the measurement counted them.
fn management_interrupts(result: &NoiseResult) -> Option<u64> {
    let named = |cause: &str| {
        cause.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("smi"))
    };
    let counts: Vec<u64> =
        result.interruptions.iter().filter(|(cause, _)| named(cause)).map(|(_, &count)| count).collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}

fn longest(result: &NoiseResult) -> Quantity<Milliseconds> {
    Quantity::new(result.max_us / 1000.0)
}

fn judge(evidence: &Evidence<'_>, result: &NoiseResult) -> Kind {
    if !(result.seconds > 0.0 && result.max_us > 0.0) {
        return Kind::Unusable;
    }
    let firmware = management_interrupts(result).unwrap_or(0);
    let rate = Quantity::new(firmware as f64 / result.seconds);
    if evidence.limit(&PAGE, &LONG).is_exceeded_by(longest(result))
        || evidence.limit(&PAGE, &FIRMWARE).is_exceeded_by(rate)
    {
        Kind::Fail
    } else if !evidence.limit(&PAGE, &SHORT).is_undercut_by(longest(result)) || firmware > 0 {
        Kind::Warn
    } else if evidence.limit(&PAGE, &WATCHED).is_undercut_by(Quantity::new(result.seconds)) {
        Kind::TooShort
    } else {
        Kind::Pass
    }
}

fn finding(evidence: &Evidence<'_>, kind: Kind, group: &[&NoiseResult]) -> Option<Finding> {
    let worst = group.iter().max_by(|a, b| a.max_us.total_cmp(&b.max_us))?;
    let cpus: CpuSet = group.iter().map(|result| result.cpu).collect();
    let object = Object::cpus(&cpus);
    let counts = || group.iter().filter_map(|result| management_interrupts(result));
    let is_counted = counts().count() == group.len();
    let firmware: u64 = counts().sum();
    let management = if is_counted { Arg::count(firmware) } else { Arg::text("unknown") };
    let (cpu, lost) = (Arg::text(worst.cpu.to_string()), Arg::quantity(100.0 * worst.lost_share, "%", 3));
    let longest_ms = Arg::of(longest(worst), 2);
    let is_long = !evidence.limit(&PAGE, &SHORT).is_undercut_by(longest(worst));
    let finding = match kind {
        Kind::Fail | Kind::Warn => {
            let outcome = if kind == Kind::Fail { Outcome::Fail } else { Outcome::Warn };
            let trace = is_long.then_some(Intent::Step { step: Step::TraceInterruptions });
            let setting = FirmwareSetting::ManagementInterrupts;
            let of_firmware = (firmware > 0).then_some(Intent::Firmware { setting });
            let finding = if is_long {
                PAGE.says(outcome, object, words::Interrupted { cpu, longest: longest_ms, lost, management })
            } else {
                PAGE.says(outcome, object, words::Management { cpu, longest: longest_ms, lost, management })
            };
            finding.with_likelihood(Likelihood::Mechanism).with_intents(trace).with_intents(of_firmware)
        }
        Kind::Pass => PAGE.pass(object, words::Quiet { cpu, longest: longest_ms, lost, management }),
        Kind::TooShort => {
            let least = Arg::of(evidence.limit(&PAGE, &WATCHED).value, 0);
            PAGE.not_run(object, words::TooShort { cpu, least, longest: longest_ms, lost, management })
        }
        Kind::Unusable => PAGE.not_run(object, words::Unusable {}),
    };
    let value = format!("CPU {}: longest {:.1} µs in {:.0} s", worst.cpu, worst.max_us, worst.seconds);
    Some(finding.with_confidence(Confidence::Medium).with_evidence(Citation::new(&worst.path, value)))
}
