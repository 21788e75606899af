//! `kernel.time-sync`: clocks are synchronised.
//!
//! By what the kernel says of its own clock (adjtimex(2)), which whatever sets it has to tell: chronyd, ntpd,
//! systemd-timesyncd or a tool of the hypervisor. The greater of the offset that is still to be corrected and of the
//! error that the daemon estimates counts; neither is the difference to another node.
//!
//! One source alone warns, unless it is a pool, a clock of the hardware, or a cloud's own (a link-local address).

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{KernelClock, TimeSource};
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, Object};

use crate::pages::kernel_time_sync::{OFF, PAGE, WRONG, words};

/// File of the bundle with the kernel's answer.
const ANSWER: &str = "api/clock.json";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let clock: KernelClock = evidence.get("/platform/clock/kernel")?;
    let sources: Result<Vec<TimeSource>, Missing> = evidence.get("/platform/clock/sources");
    let object = Object::setting("sources of time");
    let of_sources = match sources {
        Ok(sources) => judge_sources(object, &sources),
        Err(why) if why.is_absent() => PAGE.info(object, words::NoConfiguration {}),
        Err(why) => PAGE.missing(object, &why),
    };
    let findings = [judge_clock(evidence, &clock)?, of_sources];
    Ok(findings.map(|finding| finding.mended_by([Intent::TimeService {}])).into())
}

fn judge_clock(evidence: &Evidence<'_>, clock: &KernelClock) -> Result<Finding, Missing> {
    let object = Object::setting("clock");
    let status = clock.status.known().map_or_else(String::new, |status| format!(", status {status:#x}"));
    let (finding, value) = if *clock.synchronized.require()? {
        let offset = clock.offset_us.require()?.abs() / 1e3;
        let estimate = *clock.estimated_error_us.require()? as f64 / 1e3;
        let error = Quantity::new(offset.max(estimate));
        let error_ms = Arg::of(error, 1);
        let finding = if evidence.limit(&PAGE, &WRONG).is_exceeded_by(error) {
            PAGE.fail(object, words::Off { error_ms })
        } else if !evidence.limit(&PAGE, &OFF).is_undercut_by(error) {
            PAGE.warn(object, words::Off { error_ms })
        } else {
            PAGE.pass(object, words::Synchronised { error_ms })
        };
        (finding, format!("offset {offset:.3} ms, estimated error {estimate:.3} ms{status}"))
    } else {
        (PAGE.fail(object, words::Unsynchronised {}), format!("not synchronized{status}"))
    };
    Ok(finding.with_likelihood(Likelihood::Mechanism).with_evidence(Citation::new(ANSWER, value)))
}

fn judge_sources(object: Object, sources: &[TimeSource]) -> Finding {
    let is_own = |source: &TimeSource| {
        ["pool", "refclock"].contains(&source.kind.as_str())
            || source.name.starts_with("169.254.")
            || source.name == "metadata.google.internal"
    };
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let names = Arg::from(names.join(", "));
    let finding = match sources {
        [] => PAGE.info(object, words::NoSource {}),
        [one] if !is_own(one) => PAGE.warn(object, words::OneSource { name: names }),
        _ => PAGE.pass(object, words::Sources { names }),
    };
    let cited =
        sources.iter().map(|source| Citation::new(&source.path, format!("{} {}", source.kind, source.name)));
    finding.with_likelihood(Likelihood::Setting).with_citations(cited)
}
