//! `slo.tail-ratio`: tail latency is close to the median.
//!
//! Judged on load tests at no more than 70 % of the highest rate that was completed in any test: nearer to the limit the
//! tail is that of the queue. Only requests of one length class may be compared, which a load test sees to. Without one
//! the server's own histogram is judged, for the time between tokens only and with less confidence, if no request waited.

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{BenchResult, LatencySummary, ServerMetrics};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Likelihood, Missing, Object, ObjectKind, Said, Step,
};

use crate::load::{self, step};
use crate::pages::slo_tail_ratio::{ITL_TOO_WIDE, ITL_WIDE, LOW_LOAD, PAGE, TTFT_TOO_WIDE, TTFT_WIDE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Said> {
    match load::tests(evidence) {
        Ok(tests) => of_test(evidence, &tests),
        Err(missing) => of_servers(evidence, &missing),
    }
}

/// A latency whose tail is judged.
struct Part<'a> {
    /// `itl` or `ttft`, which sentences choose by.
    metric: &'static str,
    /// How findings name it.
    subject: &'static str,
    latency: &'a LatencySummary,
    wide: &'static Limit<Count>,
    too_wide: &'static Limit<Count>,
    /// File that it is from, and what of it.
    path: &'a str,
    source: String,
}

const FIRST_TOKEN: &str = "time to first token";

fn between_tokens<'a>(latency: &'a LatencySummary, path: &'a str, source: String) -> Part<'a> {
    let subject = "inter-token latency";
    Part { metric: "itl", subject, latency, wide: &ITL_WIDE, too_wide: &ITL_TOO_WIDE, path, source }
}

/// What the lightest load tells that is still a load.
fn of_test(evidence: &Evidence<'_>, tests: &[BenchResult]) -> Result<Vec<Finding>, Said> {
    let test = lightly_loaded(evidence, tests)?;
    let first_token = Part {
        metric: "ttft",
        subject: FIRST_TOKEN,
        latency: &test.ttft_ms,
        wide: &TTFT_WIDE,
        too_wide: &TTFT_TOO_WIDE,
        path: &test.path,
        source: load::name(test),
    };
    let parts = [between_tokens(&test.itl_ms, &test.path, load::name(test)), first_token];
    Ok(parts.iter().map(|part| judge(evidence, part)).collect())
}

/// The usable test with the highest rate that is still light.
fn lightly_loaded<'a>(evidence: &Evidence<'_>, tests: &'a [BenchResult]) -> Result<&'a BenchResult, Said> {
    let mut usable = Vec::new();
    let mut why = None;
    for test in tests {
        match load::usable(test) {
            Ok(()) => usable.push(test),
            Err(missing) => why = Some(missing),
        }
    }
    let highest = usable.iter().map(|test| test.requests_per_s).fold(0.0, f64::max);
    let light = |test: &&&BenchResult| {
        let load = Quantity::new(100.0 * test.offered_rps.unwrap_or(f64::MAX) / highest);
        highest > 0.0 && !evidence.limit(&PAGE, &LOW_LOAD).is_exceeded_by(load)
    };
    let found = usable
        .iter()
        .filter(light)
        .max_by(|a, b| a.offered_rps.unwrap_or_default().total_cmp(&b.offered_rps.unwrap_or_default()));
    found.copied().ok_or_else(|| why.map_or_else(|| words::NoLowLoad {}.into(), Said::from))
}

fn judge(evidence: &Evidence<'_>, part: &Part<'_>) -> Finding {
    let object = Object::new(ObjectKind::Measurement, part.path).named(part.subject);
    let (Some(p50), Some(p99)) = (part.latency.p50.filter(|p50| *p50 > 0.0), part.latency.p99) else {
        return PAGE.not_run(object, words::FewValues { values_count: Arg::count(part.latency.count) });
    };
    let ratio = Quantity::new(p99 / p50);
    let is_above = |limit: &Limit<Count>| evidence.limit(&PAGE, limit).is_exceeded_by(ratio);
    let (metric, p50_ms, p99_ms) =
        (part.metric.into(), Arg::quantity(p50, "ms", 1), Arg::quantity(p99, "ms", 1));
    let ratio = Arg::of(ratio, 2);
    let finding = if is_above(part.too_wide) {
        PAGE.fail(object, words::TooWide { metric, p50_ms, p99_ms, ratio })
            .with_intent(step(Step::TraceSlowRequests))
    } else if is_above(part.wide) {
        PAGE.warn(object, words::Wide { metric, p50_ms, p99_ms, ratio })
            .with_intent(step(Step::TraceSlowRequests))
    } else {
        PAGE.pass(object, words::Close { p50_ms, p99_ms, ratio })
    };
    let value = format!("{}: p50 {p50:.1} ms, p99 {p99:.1} ms", part.source);
    finding
        .with_likelihood(Likelihood::Measured)
        .with_confidence(Confidence::Medium)
        .with_evidence(Citation::new(part.path, value))
}

/// What the servers' own histograms tell, where nothing waited.
fn of_servers(evidence: &Evidence<'_>, without: &Missing) -> Result<Vec<Finding>, Said> {
    let metrics: Vec<ServerMetrics> = evidence.get("/measurements/server").map_err(|_| without)?;
    let mut findings: Vec<Finding> = metrics
        .iter()
        .filter(|metrics| {
            !metrics.waiting.is_empty() && metrics.waiting.iter().all(|waiting| *waiting <= 0.0)
        })
        .filter_map(|metrics| {
            let source = format!("histogram of {}", metrics.kind);
            let part = between_tokens(metrics.itl_ms.as_ref()?, &metrics.path, source);
            Some(judge(evidence, &part).with_confidence(Confidence::Low))
        })
        .collect();
    let reason = Arg::text(&*without.reason);
    if findings.is_empty() {
        return Err(words::NoCalmServer { reason }.into());
    }
    let object = Object::new(ObjectKind::Other, FIRST_TOKEN);
    findings.push(PAGE.not_run(object, words::NeedsLoadTest { reason }));
    Ok(findings)
}
