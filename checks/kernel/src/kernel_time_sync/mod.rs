//! `kernel.time-sync`: clocks are synchronised.
//!
//! By what the kernel says of its own clock (adjtimex(2)), which whatever sets it has to tell: chronyd, ntpd,
//! systemd-timesyncd or a tool of the hypervisor. The greater of the offset that is still to be corrected and of the
//! error that the daemon estimates counts; neither is the difference to another node.
//!
//! One source alone warns, unless it is a pool, a clock of the hardware, or a cloud's own (a link-local address).

use plumb_check_sdk::limit::{Limit, Milliseconds, Quantity};
use plumb_check_sdk::model::{KernelClock, TimeSource};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis,
};
use std::borrow::Cow::Borrowed;

/// File of the bundle with the kernel's answer.
const ANSWER: &str = "api/clock.json";

/// See the module.
pub struct KernelTimeSync;

const OFF: Limit<Milliseconds> = Limit {
    name: "error of the clock, noticeable",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: as long as an inter-token latency",
    date: "2026-11-23",
    applies_to: "all nodes",
};
const WRONG: Limit<Milliseconds> = Limit {
    name: "error of the clock, too large",
    value: Quantity::new(100.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: as long as a time to first token",
    date: "2026-11-23",
    applies_to: "all nodes",
};

static THRESHOLDS: [Threshold; 2] = [OFF.threshold(), WRONG.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("kernel.time-sync"),
    title: Borrowed("Clocks are synchronised"),
    category: Category::Platform,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Evidence of service levels, traces and bills across nodes cannot be trusted otherwise.",
    ),
    business: Borrowed("If the clocks disagree, the delivery report is worthless."),
    needs: Borrowed(&[Borrowed("/platform/clock")]),
    remediation: Remediation {
        runtime: Borrowed("`chronyc makestep`"),
        persistent: Borrowed(
            "`systemctl enable --now chronyd` with three servers or more; in a cloud, the source of time of \
             the provider",
        ),
        rollback: Borrowed("not applicable"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`chronyc -n tracking`, or `timedatectl timesync-status`; `adjtimex --print`"),
        expected_effect: Borrowed("Quality of measurements, no speed."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal and virtual machines; a container has the clock of its host"),
    caveat: None,
    references: Borrowed(&[Reference {
        title: Borrowed("RHEL for Real Time: Timestamping and clock sources"),
        url: Borrowed(
            "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux_for_real_time/7/html/reference_guide/chap-timestamping",
        ),
    }]),
};

impl Check for KernelTimeSync {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let clock: KernelClock = evidence.get("/platform/clock/kernel")?;
        let mut findings = vec![judge_clock(evidence, &clock)?];
        let sources: Result<Vec<TimeSource>, Missing> = evidence.get("/platform/clock/sources");
        findings.push(match sources {
            Ok(sources) => judge_sources(&sources),
            Err(why) if why.missing == Absence::Absent => META.info(SOURCES, why.reason),
            Err(why) => META.not_run(SOURCES, why.to_string()),
        });
        Ok(findings)
    }
}

const SOURCES: &str = "sources of time";

fn judge_clock(evidence: &Evidence<'_>, clock: &KernelClock) -> Result<Finding, Missing> {
    let status = clock.status.known().map_or_else(String::new, |status| format!(", status {status:#x}"));
    if !*clock.synchronized.require()? {
        return Ok(META
            .fail("clock", "nothing keeps the clock of this node right")
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(ANSWER, format!("not synchronized{status}"))));
    }
    let offset = clock.offset_us.require()?.abs() / 1e3;
    let estimate = *clock.estimated_error_us.require()? as f64 / 1e3;
    let error = Quantity::new(offset.max(estimate));
    let message = format!("synchronised, off by up to {:.1} ms as far as the kernel knows", error.number());
    let finding = if evidence.limit(&META, &WRONG).is_exceeded_by(error) {
        META.fail("clock", message)
    } else if !evidence.limit(&META, &OFF).is_undercut_by(error) {
        META.warn("clock", message)
    } else {
        META.pass("clock", message)
    };
    let value = format!("offset {offset:.3} ms, estimated error {estimate:.3} ms{status}");
    Ok(finding.with_likelihood(Likelihood::Mechanism).with_evidence(Citation::new(ANSWER, value)))
}

fn judge_sources(sources: &[TimeSource]) -> Finding {
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let is_own = |source: &TimeSource| {
        ["pool", "refclock"].contains(&source.kind.as_str())
            || source.name.starts_with("169.254.")
            || source.name == "metadata.google.internal"
    };
    let cite = |finding: Finding| {
        let of =
            |source: &TimeSource| Citation::new(&source.path, format!("{} {}", source.kind, source.name));
        sources.iter().map(of).fold(finding, Finding::with_evidence)
    };
    cite(match sources {
        [] => META.info(SOURCES, "none is configured; a daemon may use those that it was built with"),
        [one] if !is_own(one) => META
            .warn(SOURCES, format!("there is no second source beside {}", one.name))
            .with_likelihood(Likelihood::Setting),
        _ => META.pass(SOURCES, names.join(", ")),
    })
}
