//! `sched.os-jitter`: measured operating-system jitter is small (optional probe).
//!
//! CPUs are grouped by verdict. The measurement keeps the longest interruption and the count by cause, so the
//! catalogue's p99.9 of all gaps is not judged. System management interrupts count where the measurement names such a
//! cause; where it names other causes only, nobody looked for them, and the pass says so; where it names none at all,
//! that part is `not-run`.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Milliseconds, PerSecond, Quantity, Seconds};
use plumb_check_sdk::model::NoiseResult;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

/// See the module.
pub struct SchedOsJitter;

const SHORT: Limit<Milliseconds> = Limit {
    name: "longest interruption of a spinning thread",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: the shortest step of a small model",
    date: "2026-11-23",
    applies_to: "CPUs of the inference set without load",
};

const LONG: Limit<Milliseconds> = Limit {
    name: "longest interruption of a spinning thread that fails",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a visible gap between tokens",
    date: "2026-11-23",
    applies_to: "CPUs of the inference set without load",
};

const FIRMWARE: Limit<PerSecond> = Limit {
    name: "system management interrupts",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "x86 CPUs",
};

const WATCHED: Limit<Seconds> = Limit {
    name: "length of the measurement from which it passes",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: periodic work comes every few seconds",
    date: "2026-11-23",
    applies_to: "CPUs of the inference set",
};

static THRESHOLDS: [Threshold; 4] =
    [SHORT.threshold(), LONG.threshold(), FIRMWARE.threshold(), WATCHED.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("sched.os-jitter"),
    title: Borrowed("Measured operating-system jitter is small (optional probe)"),
    category: Category::Interference,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("It is the one number that shows what all sources of noise together do."),
    business: Borrowed("How long the machine freezes now and then, measured with a stopwatch."),
    needs: Borrowed(&[Borrowed("/measurements/noise")]),
    remediation: Remediation {
        runtime: Borrowed(
            "Use the result to look for the cause: timers, system management interrupts, heat, the \
             hypervisor",
        ),
        persistent: Borrowed(
            "In the firmware, switch off periodic system management interrupts (USB legacy support, reports \
             of memory patrol); move timers; see the other checks",
        ),
        rollback: Borrowed("Not applicable"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`plumb noise`; `rtla osnoise top -c CPU -d 10s`; column `SMI` of `turbostat`",
        ),
        expected_effect: Borrowed("There is no published number for language models."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SmallBatch, WorkloadTrait::StrictTail]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal; virtual machines, where it shows stolen time; containers"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Linux kernel docs: OSNOISE tracer"),
            url: Borrowed("https://docs.kernel.org/trace/osnoise-tracer.html"),
        },
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
    ]),
};

impl Check for SchedOsJitter {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let results: Vec<NoiseResult> = evidence.get("/measurements/noise")?;
        if results.is_empty() {
            return Ok(vec![META.not_run("node", "jitter was not measured on any CPU")]);
        }
        let mut groups: BTreeMap<Kind, Vec<&NoiseResult>> = BTreeMap::new();
        for result in &results {
            groups.entry(judge(evidence, result)).or_default().push(result);
        }
        let mut findings: Vec<Finding> =
            groups.into_iter().filter_map(|(kind, group)| finding(evidence, kind, &group)).collect();
        let uncounted: CpuSet = results
            .iter()
            .filter(|result| result.interruptions.is_empty())
            .map(|result| result.cpu)
            .collect();
        if !uncounted.is_empty() {
            let message =
                "the measurement tells no causes, so that system management interrupts would go unseen";
            findings.push(META.not_run(format!("CPUs {uncounted}, causes"), message));
        }
        Ok(findings)
    }
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

fn judge(evidence: &Evidence<'_>, result: &NoiseResult) -> Kind {
    if !(result.seconds > 0.0 && result.max_us > 0.0) {
        return Kind::Unusable;
    }
    let longest = Quantity::new(result.max_us / 1000.0);
    let firmware = management_interrupts(result).unwrap_or(0);
    let rate = Quantity::new(firmware as f64 / result.seconds);
    if evidence.limit(&META, &LONG).is_exceeded_by(longest)
        || evidence.limit(&META, &FIRMWARE).is_exceeded_by(rate)
    {
        Kind::Fail
    } else if !evidence.limit(&META, &SHORT).is_undercut_by(longest) || firmware > 0 {
        Kind::Warn
    } else if evidence.limit(&META, &WATCHED).is_undercut_by(Quantity::new(result.seconds)) {
        Kind::TooShort
    } else {
        Kind::Pass
    }
}

fn finding(evidence: &Evidence<'_>, kind: Kind, group: &[&NoiseResult]) -> Option<Finding> {
    let worst = group.iter().max_by(|a, b| a.max_us.total_cmp(&b.max_us))?;
    let cpus: CpuSet = group.iter().map(|result| result.cpu).collect();
    let subject = format!("CPUs {cpus}");
    let firmware =
        group.iter().map(|result| management_interrupts(result)).reduce(|a, b| Some(a? + b?)).flatten();
    let of_firmware = match firmware {
        Some(0) => ", no system management interrupts".to_owned(),
        Some(count) => format!(", {count} system management interrupts"),
        None => ", system management interrupts not counted".to_owned(),
    };
    let message = format!(
        "longest interruption {:.2} ms, on CPU {}, {:.3} % of its time lost{of_firmware}",
        worst.max_us / 1000.0,
        worst.cpu,
        100.0 * worst.lost_share
    );
    let finding = match kind {
        Kind::Fail => META.fail(subject, message).with_likelihood(Likelihood::Mechanism),
        Kind::Warn => META.warn(subject, message).with_likelihood(Likelihood::Mechanism),
        Kind::Pass => META.pass(subject, message),
        Kind::TooShort => {
            let least = evidence.limit(&META, &WATCHED).value.number();
            META.not_run(subject, format!("{message}, but measured for less than {least:.0} s"))
        }
        Kind::Unusable => {
            META.not_run(subject, "the measurement tells no duration or no longest interruption")
        }
    };
    let value = format!("CPU {}: longest {:.1} µs in {:.0} s", worst.cpu, worst.max_us, worst.seconds);
    Some(finding.with_confidence(Confidence::Medium).with_evidence(Citation::new(&worst.path, value)))
}
