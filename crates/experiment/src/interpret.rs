//! What follows from an experiment, by rules over its own evidence. Nothing is said that no cell or effect shows.

use plumb_evidence::model::{
    AsFound, BusiestThread, ExperimentCell, ExperimentEffect, ExperimentResult, RecommendedPolicy, TwoSpeeds,
};

use super::analysis::{LEAST_BLOCKS, METRICS};
use super::plan::{ExperimentPlan, Factor};

mod meaning;

/// Share of time, in %, from which on a GPU that computes is what bounds the server. Ours, as the others here.
const GPU_FULL: f64 = 90.0;
/// And below which it waits for something.
const GPU_IDLE: f64 = 70.0;
/// Seconds of waiting for a CPU, per second, from which on threads of a server are short of CPUs.
const SHORT_OF_CPUS: f64 = 0.05;
/// Share of its CPUs from which on a server uses them up.
const CPUS_FULL: f64 = 0.90;
/// Share of the time from which on one thread is what the others wait for.
const THREAD_FULL: f64 = 0.90;

/// Adds what follows.
pub(super) fn conclude(plan: &ExperimentPlan, result: &mut ExperimentResult) {
    let client = result.client_cpus.parse().unwrap_or_default();
    for cell in &mut result.cells {
        cell.bound = bound(cell);
        let own: plumb_evidence::CpuSet = cell.cpus.parse().unwrap_or_default();
        if cell.status == "measured" && !own.intersection(&client).is_empty() && !client.is_empty() {
            let text = format!(
                "{}: the server may run on the client's CPUs ({}), too",
                cell.name, result.client_cpus
            );
            result.warnings.push(text);
        }
    }
    result.conclusions.extend(result.as_found.as_ref().and_then(|found| restart(found, &result.primary)));
    result.conclusions.extend(result.two_speeds.iter().map(speeds));
    if let Some(text) = floor(result) {
        result.conclusions.push(text);
    }
    for factor in Factor::ALL {
        for effect in &result.effects {
            if effect.metric == result.primary && effect.factor == factor.as_str() {
                result.conclusions.push(sentence(effect, &result.cells));
            }
        }
    }
    let disagreements: Vec<String> =
        result.effects.iter().filter_map(|effect| disagreement(effect, result)).collect();
    result.warnings.extend(disagreements);
    if let Some(text) = batching(result) {
        result.conclusions.push(text);
    }
    result.interpretation = meaning::interpretation(result);
    result.recommended = if result.valid { recommend(plan, result) } else { None };
    if result.valid && result.recommended.is_none() && result.cells.len() > 1 {
        result.conclusions.push(
            "no setting is recommended: none was shown to improve the primary metric without making another worse"
                .to_owned(),
        );
    }
}

/// What bounds the server in a cell.
fn bound(cell: &ExperimentCell) -> Option<String> {
    if cell.status != "measured" || cell.metrics.is_empty() {
        return None;
    }
    let cpus: plumb_evidence::CpuSet = cell.cpus.parse().unwrap_or_default();
    let delay = cell.run_delay.unwrap_or(0.0);
    let waits = format!("its threads waited {delay:.2} s per second for a CPU");
    let short = delay >= SHORT_OF_CPUS;
    // What the server counts as waiting, else requests under way: either way there was work.
    let work = cell.waiting.is_some_and(|waiting| waiting >= 0.5) || cell.in_flight.is_some_and(|n| n >= 0.9);
    if let Some(held) = cell.held_up() {
        return Some(format!("held up before its engine: {held}"));
    }
    Some(match cell.gpu_busy_percent {
        Some(busy) if busy >= GPU_FULL => {
            format!("GPU-bound: GPUs were busy {busy:.0} % of the time; CPUs can change little here")
        }
        Some(busy) if busy < GPU_IDLE && short && work => format!(
            "CPU-bound: GPUs were busy only {busy:.0} % of the time while requests were under way, and {waits}"
        ),
        Some(busy) if busy < GPU_IDLE && work => match full_thread(cell) {
            Some(BusiestThread { name, ran, .. }) => format!(
                "bound by one thread: GPUs were busy only {busy:.0} % of the time, and the thread `{name}` ran {:.0} % of it",
                ran * 100.0
            ),
            None => format!(
                "neither is full: GPUs were busy {busy:.0} % of the time and {waits}; what is left is work of single threads \
                 between steps, or the load"
            ),
        },
        Some(busy) => format!("mostly GPU-bound: GPUs were busy {busy:.0} % of the time, and {waits}"),
        None => {
            let used = cell.cpus_used?;
            let count = cpus.len();
            let of = format!("it used {used:.2} of {count} CPUs, and {waits}");
            if count > 0 && used >= CPUS_FULL * count as f64 {
                format!("CPU-bound: {of}")
            } else if short {
                format!("short of CPUs: {of}")
            } else {
                format!("not CPU-bound: {of}")
            }
        }
    })
}

/// The thread that ran nearly all the time.
fn full_thread(cell: &ExperimentCell) -> Option<&BusiestThread> {
    cell.busiest.as_ref().filter(|thread| thread.ran >= THREAD_FULL)
}

fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

/// The least effect that would have been seen; beyond a factor of ten, figures say nothing.
fn least(share: f64) -> String {
    if share < 9.0 { format!("about {:.1} %", share * 100.0) } else { "far more than tenfold".to_owned() }
}

fn sentence(effect: &ExperimentEffect, cells: &[ExperimentCell]) -> String {
    let ExperimentEffect { cell, against, metric, ratio, .. } = effect;
    let Some((low, high)) = effect.interval() else {
        return format!(
            "`{cell}` differs from `{against}` by {} in {metric}, and whether that is chance is not estimable: it takes \
             {LEAST_BLOCKS} blocks at least",
            percent(*ratio)
        );
    };
    let range = format!("{} ({} to {})", percent(*ratio), percent(low), percent(high));
    let least = effect
        .minimum_detectable
        .map_or(String::new(), |share| format!("; effects below {} would not have been seen", least(share)));
    match effect.verdict.as_str() {
        "improved" => format!("`{cell}` improves {metric} over `{against}`: {range}"),
        "worse" => format!("`{cell}` makes {metric} worse than `{against}`: {range}"),
        "more-failures" => {
            let failed = |name: &str| {
                let of = cells.iter().find(|cell| cell.name == name);
                let share = of.and_then(|cell| cell.failed.as_ref()).map_or(0.0, |failed| failed.share);
                format!("{:.1} %", share * 100.0)
            };
            format!(
                "{} of the requests of `{cell}` failed, and {} of those of `{against}`: that {metric} of the others differs by {range} \
                 is no improvement",
                failed(cell),
                failed(against)
            )
        }
        "equivalent" => format!("`{cell}` and `{against}` are equivalent in {metric}: {range}"),
        _ => format!("no measured effect of `{cell}` over `{against}` on {metric}: {range}{least}"),
    }
}

/// How long a server had been running.
fn age(seconds: f64) -> String {
    if seconds >= 2.0 * 86_400.0 {
        format!("{:.1} days", seconds / 86_400.0)
    } else if seconds >= 2.0 * 3600.0 {
        format!("{:.1} hours", seconds / 3600.0)
    } else {
        format!("{:.0} minutes", seconds / 60.0)
    }
}

/// What the restart changed by itself.
fn restart(found: &AsFound, primary: &str) -> Option<String> {
    let effect = found.effects.iter().find(|effect| effect.metric == primary)?;
    let ran = format!("the server as found, after {}", age(found.age_s));
    let also = if found.differs.is_empty() {
        String::new()
    } else {
        format!("; the launches differ from it in more than that: {}", found.differs.join("; "))
    };
    let Some((low, high)) = effect.interval() else {
        return Some(format!(
            "a restart alone changed {primary} by {} over {ran}; whether that is chance is not estimable: it takes \
             {LEAST_BLOCKS} launches at least{also}",
            percent(effect.ratio)
        ));
    };
    let range = format!("{} ({} to {})", percent(effect.ratio), percent(low), percent(high));
    Some(match effect.verdict.as_str() {
        "no-measured-effect" => {
            format!("no measured effect of a restart alone on {primary}: {range} over {ran}{also}")
        }
        verdict => format!(
            "a restart alone {} {primary}: {range} over {ran}; its age or the luck of that one launch, and credited to no \
             setting{also}",
            if verdict == "improved" { "improves" } else { "worsens" }
        ),
    })
}

fn speeds(two: &TwoSpeeds) -> String {
    let TwoSpeeds { cell, metric, unit, values: (low, high), launches: (fewer, more) } = two;
    let digits = if *low >= 100.0 { 0 } else { 2 };
    format!(
        "launches of `{cell}` fall into two speeds: {fewer} near {low:.digits$} {unit} in {metric}, {more} near {high:.digits$} \
         {unit} ({}): which one a launch gets is luck until its cause is found, and an effect smaller than that takes many blocks",
        percent(high / low)
    )
}

fn floor(result: &ExperimentResult) -> Option<String> {
    let own = result.noise_floor.iter().find(|effect| effect.metric == result.primary)?;
    let Some((low, high)) = own.interval() else {
        return Some(format!(
            "the baseline against itself differs by {} in {}; how far it varies is not estimable from so few pairs",
            percent(own.ratio),
            own.metric
        ));
    };
    let drifts = if own.verdict == ExperimentEffect::BY_ITSELF {
        ", which is more than chance, although nothing was changed: something drifts that the plan does not hold still"
    } else {
        ""
    };
    Some(format!(
        "the baseline against itself differs by {} ({} to {}) in {}{drifts}; so many pairs show effects from {}",
        percent(own.ratio),
        percent(low),
        percent(high),
        own.metric,
        least(own.minimum_detectable?)
    ))
}

/// Client and server have to agree at least on the sign.
fn disagreement(effect: &ExperimentEffect, result: &ExperimentResult) -> Option<String> {
    if effect.metric != "e2e_p50" || !matches!(effect.verdict.as_str(), "improved" | "worse") {
        return None;
    }
    let own = |name: &str| result.cells.iter().find(|cell| cell.name == name)?.server_e2e_ms;
    let ratio = own(&effect.cell)? / own(&effect.against)?;
    ((ratio > 1.0) != (effect.ratio > 1.0)).then(|| {
        format!(
            "client and server disagree on `{}` over `{}`: {} by the client, {} by the server's own account of request \
             times",
            effect.cell,
            effect.against,
            percent(effect.ratio),
            percent(ratio)
        )
    })
}

/// What to expect of more requests at once, where an effect on the time from token to token was shown.
fn batching(result: &ExperimentResult) -> Option<String> {
    let effect = result.effects.iter().find(|effect| {
        effect.metric == "itl_p50" && effect.verdict == "worse" && effect.factor == Factor::Neighbour.as_str()
    })?;
    Some(format!(
        "with continuous batching every running request takes part in each step, so the {} of `{}` in the time from token to \
         token meets all requests at once; a larger batch spreads the work of the host over more tokens, and queues grow \
         sooner when a step takes longer",
        percent(effect.ratio),
        effect.cell
    ))
}

/// The cell that improves the primary metric most by settings of the operator, and makes no other metric worse.
fn recommend(plan: &ExperimentPlan, result: &ExperimentResult) -> Option<RecommendedPolicy> {
    let baseline = result.cells.iter().find(|cell| cell.baseline)?;
    let first = |factor: Factor, cell: &ExperimentCell| {
        cell.levels.get(factor.as_str()) == baseline.levels.get(factor.as_str())
    };
    let higher = METRICS.iter().any(|metric| metric.name == result.primary && metric.higher_is_better);
    let gain = |effect: &ExperimentEffect| if higher { effect.ratio } else { 1.0 / effect.ratio };
    let candidates = result.effects.iter().filter(|effect| {
        let cell = result.cells.iter().find(|cell| cell.name == effect.cell);
        let harms = result.effects.iter().any(|other| {
            other.cell == effect.cell && other.against == effect.against && other.verdict == "worse"
        });
        // A neighbour and a load are not the operator's to set, and other arguments of the server are no policy of the node.
        let settable = cell
            .is_some_and(|cell| [Factor::Load, Factor::Server].into_iter().all(|factor| first(factor, cell)));
        let same_neighbour = effect.factor != Factor::Neighbour.as_str() && !effect.factor.is_empty()
            || cell.is_some_and(|cell| first(Factor::Neighbour, cell));
        effect.metric == result.primary
            && effect.verdict == "improved"
            && !harms
            && settable
            && same_neighbour
    });
    let best = candidates.max_by(|a, b| gain(a).total_cmp(&gain(b)))?;
    let cell = result.cells.iter().find(|cell| cell.name == best.cell)?;
    let placed = !first(Factor::Placement, cell);
    let governor = plan
        .governors
        .iter()
        .find(|level| cell.levels.get(Factor::Governor.as_str()) == Some(&level.name))
        .and_then(|level| level.governor.clone());
    Some(RecommendedPolicy {
        cell: cell.name.clone(),
        cpus: if placed { cell.cpus.clone() } else { String::new() },
        memory_nodes: if placed { cell.memory_nodes.clone() } else { String::new() },
        governor: governor.filter(|_| !first(Factor::Governor, cell)).unwrap_or_default(),
        reason: sentence(best, &result.cells),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(busy: Option<f64>, delay: f64, used: f64) -> ExperimentCell {
        ExperimentCell {
            status: "measured".to_owned(),
            cpus: "0-3".to_owned(),
            metrics: [("e2e_p50".to_owned(), Default::default())].into(),
            gpu_busy_percent: busy,
            run_delay: Some(delay),
            cpus_used: Some(used),
            in_flight: Some(4.0),
            ..ExperimentCell::default()
        }
    }

    #[test]
    fn an_engine_that_its_front_end_leaves_behind_is_told() {
        let busiest = |name: &str| Some(BusiestThread { name: name.to_owned(), ran: 0.98, waited: 0.0 });
        let of = |name: &str| {
            let own = ExperimentCell {
                in_flight: Some(32.0),
                inside: Some(9.0),
                busiest: busiest(name),
                ..cell(Some(34.0), 0.0, 1.5)
            };
            bound(&own).unwrap()
        };
        assert!(
            of("python3").starts_with("held up before its engine: of 32.0 requests"),
            "{}",
            of("python3")
        );
        assert!(of("VLLM::EngineCor").starts_with("bound by one thread"), "{}", of("VLLM::EngineCor"));
    }

    #[test]
    fn a_conclusion_names_the_requests_that_failed() {
        use plumb_evidence::model::Share;
        let named = |name: &str, share| ExperimentCell {
            name: name.to_owned(),
            failed: Some(Share { share, ..Share::default() }),
            ..ExperimentCell::default()
        };
        let effect = ExperimentEffect {
            cell: "shed".to_owned(),
            against: "queue".to_owned(),
            metric: "e2e_p95".to_owned(),
            ratio: 0.434,
            low: Some(0.4),
            high: Some(0.47),
            verdict: "more-failures".to_owned(),
            ..ExperimentEffect::default()
        };
        let text = sentence(&effect, &[named("queue", 0.0), named("shed", 0.309)]);
        assert!(
            text.starts_with("30.9 % of the requests of `shed` failed, and 0.0 % of those of `queue`"),
            "{text}"
        );
        assert!(text.contains("-56.6 %") && text.ends_with("is no improvement"), "{text}");
    }

    #[test]
    fn what_bounds_a_server_is_told_from_its_evidence() {
        for (busy, delay, used, expected) in [
            (Some(97.0), 0.5, 1.0, "GPU-bound"),
            (Some(40.0), 0.5, 1.0, "CPU-bound"),
            (Some(40.0), 0.0, 1.0, "neither is full"),
            (Some(80.0), 0.0, 1.0, "mostly GPU-bound"),
            (None, 0.0, 3.9, "CPU-bound"),
            (None, 0.3, 1.0, "short of CPUs"),
            (None, 0.0, 1.0, "not CPU-bound"),
        ] {
            let text = bound(&cell(busy, delay, used)).unwrap();
            assert!(text.starts_with(expected), "{text}");
        }
        assert_eq!(bound(&ExperimentCell { status: "denied".to_owned(), ..cell(None, 0.0, 1.0) }), None);
    }
}
