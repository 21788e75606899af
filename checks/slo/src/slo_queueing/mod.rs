//! `slo.queueing`: queue, preemption and cache pressure are under control.
//!
//! Judged for each server on what it says of itself at each scrape. A server without requests tells nothing, nor does one
//! that a sweep loaded beyond its limit. Requests also wait where the host keeps GPUs waiting: whether more capacity would
//! help is told by how busy these were, as `slo.gpu-starvation` judges it.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{GpuTime, InferenceServer, ServerMetrics};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, Likelihood, NoVerdict, Object, ObjectKind, Outcome, Said, Step,
};

use crate::load::{step, within_limit};
use crate::pages::slo_gpu_starvation as starvation;
use crate::pages::slo_queueing::{CACHE_FULL, CACHE_HIGH, MANY_WAIT, PAGE, SOME_WAIT, words};
use crate::slo_gpu_starvation::{HOST, least_busy};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let metrics: Vec<ServerMetrics> = evidence.get("/measurements/server")?;
    PAGE.not_run_if(metrics.is_empty(), words::NotAsked {})?;
    let metrics = within_limit(metrics);
    PAGE.not_run_if(metrics.is_empty(), words::BeyondLimit {})?;
    let servers = evidence.servers().unwrap_or_default();
    let gpus: Vec<GpuTime> = evidence.get("/window/gpus").unwrap_or_default();
    let busy = evidence.limit(&starvation::PAGE, &starvation::BUSY);
    let gpus = match least_busy(servers, &gpus) {
        Ok(least) if busy.is_undercut_by(Quantity::new(least.percent)) => "gaps",
        Ok(_) => "busy",
        Err(_) => "unknown",
    };
    Ok(merged(metrics.iter().flat_map(|metrics| judge(evidence, servers, metrics, gpus))))
}

/// One finding for what several load tests of a server showed alike, in the words of the worst, with the evidence of each.
fn merged(found: impl Iterator<Item = (f64, Finding)>) -> Vec<Finding> {
    let mut merged: Vec<(f64, Finding)> = Vec::new();
    for (value, mut finding) in found {
        let same = |(_, other): &&mut (f64, Finding)| {
            (&other.subject, &other.variant) == (&finding.subject, &finding.variant)
        };
        match merged.iter_mut().find(same) {
            Some((worst, other)) => {
                if value > *worst {
                    *worst = value;
                    std::mem::swap(&mut other.args, &mut finding.args);
                }
                other.evidence.extend(finding.evidence);
            }
            None => merged.push((value, finding)),
        }
    }
    // What one test shows of a server, another that does not show it does not take back.
    let spoken: Vec<String> = (merged.iter().filter(|(_, finding)| finding.outcome.is_deviation()))
        .map(|(_, finding)| finding.subject.clone())
        .collect();
    merged.retain(|(_, finding)| finding.outcome != Outcome::Pass || !spoken.contains(&finding.subject));
    merged.into_iter().map(|(_, finding)| finding).collect()
}

/// The server that these metrics are of, where only one is of its kind.
fn object_of(servers: &[InferenceServer], metrics: &ServerMetrics) -> Object {
    let name = if metrics.kind.is_empty() { "server".to_owned() } else { format!("server {}", metrics.kind) };
    let mut alike = servers.iter().filter(|server| server.kind == metrics.kind);
    match (alike.next(), alike.next()) {
        (Some(server), None) => Object::new(ObjectKind::Server, server.pid.to_string()).named(name),
        _ => Object::new(ObjectKind::Other, name),
    }
}

/// What a server shows, each with the number by which it is the worst of its kind.
fn judge(
    evidence: &Evidence<'_>,
    servers: &[InferenceServer],
    metrics: &ServerMetrics,
    gpus: &str,
) -> Vec<(f64, Finding)> {
    let object = object_of(servers, metrics);
    let unanswered = |said: Said| (0.0, PAGE.not_run(object.clone(), said));
    if metrics.waiting.is_empty() {
        return vec![unanswered(words::QueueUntold {}.into())];
    }
    let idle = |series: &[f64]| series.iter().all(|value| *value <= 0.0);
    if idle(&metrics.running) && idle(&metrics.waiting) {
        return vec![unanswered(words::NoRequests {}.into())];
    }
    let capacity = |finding: Finding| {
        finding.with_cause("capacity", Object::node()).with_intent(step(Step::PlanCapacity))
    };
    let deviates = |outcome: Outcome, said: Said, value: String| {
        PAGE.says(outcome, object.clone(), said)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(&metrics.path, value))
    };
    let mut findings = Vec::new();

    let (waited, scrapes) =
        (metrics.waiting.iter().filter(|waiting| **waiting > 0.0).count(), metrics.waiting.len());
    let share = Quantity::new(100.0 * waited as f64 / scrapes as f64);
    let told = format!("requests waited in {waited} of {scrapes} scrapes");
    let (waited_count, scrapes_count) = (Arg::from(waited), Arg::from(scrapes));
    let outcome = if evidence.limit(&PAGE, &MANY_WAIT).is_exceeded_by(share) {
        Some(Outcome::Fail)
    } else {
        (!evidence.limit(&PAGE, &SOME_WAIT).is_undercut_by(share)).then_some(Outcome::Warn)
    };
    if let Some(outcome) = outcome {
        let (gpus_are, waited) = (Arg::from(gpus), Arg::of(share, 0));
        let (waited_count, scrapes_count) = (waited_count.clone(), scrapes_count.clone());
        let said = match outcome {
            Outcome::Fail => words::ManyWait { gpus_are, scrapes_count, waited, waited_count }.into(),
            _ => words::SomeWait { gpus_are, scrapes_count, waited, waited_count }.into(),
        };
        let finding = deviates(outcome, said, told.clone());
        let finding = match gpus {
            "busy" => capacity(finding),
            "gaps" => finding.with_cause(HOST, Object::node()).with_intent(step(Step::TraceSlowRequests)),
            _ => finding.with_intent(step(Step::TraceSlowRequests)),
        };
        findings.push((share.number(), finding));
    }

    match metrics.preemptions {
        Some(count) if count > 0.0 => {
            let (preemptions_count, seconds) =
                (Arg::count(count as u64), Arg::quantity(metrics.seconds, "s", 0));
            let value = format!("{count} preemptions in {:.0} s", metrics.seconds);
            let said = words::Preempts { preemptions_count, seconds }.into();
            findings.push((count, capacity(deviates(Outcome::Fail, said, value))));
        }
        Some(_) => {}
        None => findings.push(unanswered(words::PreemptionsUntold {}.into())),
    }

    match percentile_95(&metrics.kv_cache_percent) {
        Some(used) => {
            let quantity = Quantity::new(used);
            let value = format!("95th percentile of the use of its KV cache: {used:.1} %");
            let used_share = Arg::of(quantity, 1);
            if evidence.limit(&PAGE, &CACHE_FULL).is_exceeded_by(quantity) {
                let said = words::CacheFull { used_share }.into();
                findings.push((used, capacity(deviates(Outcome::Fail, said, value))));
            } else if !evidence.limit(&PAGE, &CACHE_HIGH).is_undercut_by(quantity) {
                let said = words::CacheHigh { used_share }.into();
                findings.push((used, capacity(deviates(Outcome::Warn, said, value))));
            }
        }
        None => findings.push(unanswered(words::CacheUntold {}.into())),
    }

    if findings.is_empty() {
        let finding = PAGE.pass(object, words::Calm { scrapes_count, waited_count });
        findings.push((share.number(), finding.with_evidence(Citation::new(&metrics.path, told))));
    }
    findings
}

/// Nearest rank.
fn percentile_95(series: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = series.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (0.95 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.checked_sub(1)?).copied()
}
