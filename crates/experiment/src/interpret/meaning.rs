//! What an experiment means, in three to five sentences: what improved and by how much, what bounds the server and why, what of
//! that moved, and what continuous batching makes of it.

use plumb_evidence::model::{ExperimentCell, ExperimentEffect, ExperimentResult, PerToken};

use super::{GPU_FULL, GPU_IDLE, SHORT_OF_CPUS, full_thread, least, percent, restart, speeds};

/// Share by which a cost of a token has to differ to be named beside an effect. Ours.
const MOVED: f64 = 0.10;

/// The sentences; none where nothing was compared.
pub(super) fn interpretation(result: &ExperimentResult) -> Vec<String> {
    let Some(baseline) = result.cells.iter().find(|cell| cell.baseline && cell.status == "measured") else {
        return Vec::new();
    };
    let own: Vec<&ExperimentEffect> = result
        .effects
        .iter()
        .filter(|effect| effect.metric == result.primary && effect.against == baseline.name)
        .collect();
    if !result.valid || own.is_empty() {
        return Vec::new();
    }
    let strongest = strongest(&own);
    let mut sentences = vec![improved(result, &own, strongest)];
    sentences.extend(apart(result));
    sentences.push(bounds(baseline));
    sentences.extend(strongest.and_then(|effect| moved(effect, baseline, result)));
    sentences.push(batching(baseline));
    for sentence in &mut sentences {
        let mut chars = sentence.chars();
        if let Some(first) = chars.next() {
            *sentence = format!("{}{}", first.to_uppercase(), chars.as_str());
        }
        if !sentence.ends_with('.') {
            sentence.push('.');
        }
    }
    sentences
}

/// The largest effect that was shown, an improvement before a harm.
fn strongest<'a>(own: &[&'a ExperimentEffect]) -> Option<&'a ExperimentEffect> {
    let size = |effect: &ExperimentEffect| effect.ratio.ln().abs();
    // A neighbour and a load are no settings: they come after what can be set.
    let rank = |effect: &ExperimentEffect| {
        let is_setting = !matches!(effect.factor.as_str(), "neighbour" | "load");
        (effect.verdict == "improved", is_setting)
    };
    own.iter()
        .filter(|effect| matches!(effect.verdict.as_str(), "improved" | "worse"))
        .max_by(|a, b| rank(a).cmp(&rank(b)).then(size(a).total_cmp(&size(b))))
        .copied()
}

/// What improved, and by how much.
fn improved(
    result: &ExperimentResult,
    own: &[&ExperimentEffect],
    strongest: Option<&ExperimentEffect>,
) -> String {
    let range = |effect: &ExperimentEffect| match effect.interval() {
        Some((low, high)) => format!("{} ({} to {})", percent(effect.ratio), percent(low), percent(high)),
        None => percent(effect.ratio),
    };
    let Some(best) = strongest else {
        if own.iter().all(|effect| effect.verdict == "not-estimable") {
            return format!("nothing can be said of {}: so few blocks estimate no effect", result.primary);
        }
        let seen = own.iter().filter_map(|effect| effect.minimum_detectable).fold(0.0, f64::max);
        let seen = if seen > 0.0 {
            format!(", and effects below {} would not have been seen", least(seen))
        } else {
            String::new()
        };
        return format!("nothing was shown to change {}{seen}", result.primary);
    };
    let others: Vec<String> = own
        .iter()
        .filter(|effect| effect.cell != best.cell && matches!(effect.verdict.as_str(), "improved" | "worse"))
        .take(2)
        .map(|effect| format!("`{}` {}", effect.cell, range(effect)))
        .collect();
    let also =
        if others.is_empty() { String::new() } else { format!("; beside it {}", others.join(" and ")) };
    let ExperimentEffect { cell, against, .. } = best;
    let (metric, range) = (&result.primary, range(best));
    if best.verdict == "improved" {
        format!("`{cell}` improves {metric} by {range} over `{against}`{also}")
    } else {
        format!(
            "`{cell}` makes {metric} worse by {range} than `{against}`, and nothing was shown to improve it{also}"
        )
    }
}

/// What is no effect of a cell: a restart, and the luck of a launch.
fn apart(result: &ExperimentResult) -> Option<String> {
    let shown = |found: &plumb_evidence::model::AsFound| {
        let own = found.effects.iter().find(|effect| effect.metric == result.primary);
        own.is_some_and(|effect| matches!(effect.verdict.as_str(), "improved" | "worse"))
    };
    let restarted = result.as_found.as_ref().filter(|found| shown(found));
    restarted
        .and_then(|found| restart(found, &result.primary))
        .or_else(|| result.two_speeds.first().map(speeds))
}

fn costs(own: &PerToken) -> Option<String> {
    let mut parts = vec![format!("{:.2} ms of CPU time", own.cpu_ms?)];
    parts.extend(own.run_delay_ms.map(|delay| format!("{delay:.2} ms of waiting for a CPU")));
    parts.extend(own.switches.map(|switches| format!("{switches:.1} context switches")));
    parts.extend(own.gpu_mj.map(|energy| format!("{:.2} J of the GPUs", energy / 1e3)));
    let last = parts.pop()?;
    Some(if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) })
}

/// CPU- or GPU-bound, and why.
fn bounds(cell: &ExperimentCell) -> String {
    let bound = cell.bound.clone().unwrap_or_else(|| {
        "what bounds the server is not known: neither its processes nor GPUs could be watched".to_owned()
    });
    let costs = costs(&cell.per_token).map_or_else(String::new, |costs| format!("; a token costs {costs}"));
    format!("in `{}`: {bound}{costs}", cell.name)
}

/// What a token costs in the cell of an effect, where that moved.
fn moved(effect: &ExperimentEffect, baseline: &ExperimentCell, result: &ExperimentResult) -> Option<String> {
    let cell = result.cells.iter().find(|cell| cell.name == effect.cell)?;
    type Cost = fn(&PerToken) -> Option<f64>;
    let costs: [(&str, Cost); 5] = [
        ("ms of CPU time", |own| own.cpu_ms),
        ("ms of waiting for a CPU", |own| own.run_delay_ms),
        ("forced context switches", |own| own.involuntary),
        ("migrations", |own| own.migrations),
        ("mJ of the GPUs", |own| own.gpu_mj),
    ];
    let mut moved: Vec<(f64, String)> = costs
        .into_iter()
        .filter_map(|(name, cost)| {
            let (before, after) = (cost(&baseline.per_token)?, cost(&cell.per_token)?);
            // A cost that is next to nothing on both sides moves by chance.
            let share = (after - before).abs() / before.max(after).max(1e-9);
            (share >= MOVED && before.max(after) >= 0.005)
                .then(|| (share, format!("{after:.2} instead of {before:.2} {name}")))
        })
        .collect();
    cell.per_token.cpu_ms?;
    if moved.is_empty() {
        return Some(format!(
            "nothing that was counted moved with it by {:.0} % or more, so why `{}` differs is not known",
            MOVED * 100.0,
            cell.name
        ));
    }
    moved.sort_by(|a, b| b.0.total_cmp(&a.0));
    let parts: Vec<String> = moved.into_iter().take(3).map(|(_, part)| part).collect();
    Some(format!("with `{}` a token costs {}", cell.name, parts.join(", ")))
}

/// What continuous batching will make of it.
fn batching(cell: &ExperimentCell) -> String {
    let ran = match (cell.asked, cell.most_running) {
        (Some(asked), Some(most)) if most < 0.9 * f64::from(asked) => format!(
            "; of {asked} requests at once the server never ran more than {most:.0}, so its own limit comes before any of that"
        ),
        _ => String::new(),
    };
    let preempted = cell.preemptions.filter(|count| *count >= 1.0);
    let full = preempted.map_or_else(String::new, |count| {
        format!("; {count:.0} requests were preempted: the KV cache is full before the batch is")
    });
    let short = cell.run_delay.is_some_and(|delay| delay >= SHORT_OF_CPUS);
    let text = match cell.gpu_busy_percent {
        Some(busy) if busy >= GPU_FULL => {
            "with continuous batching more requests at once still raise tokens per second as long as the KV cache has room, and \
             each of them waits longer for its next token; settings of the CPU will not change that"
        }
        Some(busy) if busy < GPU_IDLE && (short || full_thread(cell).is_some()) => {
            "with continuous batching the host's work is done once for each step of all running requests, so a larger batch \
             spreads it over more tokens, while each delay of the host meets all requests at once"
        }
        Some(_) => {
            "with continuous batching a larger batch fills what the GPU has left, until the KV cache or the host's work between steps \
             is the limit"
        }
        None if short => {
            "with continuous batching more requests at once ask for more of CPUs that are short already: time from token to token \
             grows before tokens per second do"
        }
        None => {
            "with continuous batching more requests at once share each pass over the weights, so tokens per second grow until the CPUs \
             are full; where GPUs compute, this load says nothing of them"
        }
    };
    format!("{text}{ran}{full}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> ExperimentResult {
        let cell = |name: &str, cpu: f64, delay: f64| ExperimentCell {
            name: name.to_owned(),
            baseline: name == "unpinned",
            status: "measured".to_owned(),
            bound: Some("CPU-bound: GPUs were busy only 40 % of the time".to_owned()),
            gpu_busy_percent: Some(40.0),
            run_delay: Some(0.3),
            asked: Some(32),
            most_running: Some(10.0),
            per_token: PerToken {
                cpu_ms: Some(cpu),
                run_delay_ms: Some(delay),
                migrations: Some(0.001),
                ..PerToken::default()
            },
            ..ExperimentCell::default()
        };
        let effect = ExperimentEffect {
            cell: "pinned".to_owned(),
            against: "unpinned".to_owned(),
            factor: "placement".to_owned(),
            metric: "e2e_p95".to_owned(),
            ratio: 0.8,
            low: Some(0.75),
            high: Some(0.85),
            verdict: "improved".to_owned(),
            ..ExperimentEffect::default()
        };
        ExperimentResult {
            valid: true,
            primary: "e2e_p95".to_owned(),
            cells: vec![cell("unpinned", 3.0, 1.0), cell("pinned", 2.9, 0.1)],
            effects: vec![effect],
            ..ExperimentResult::default()
        }
    }

    #[test]
    fn an_improvement_is_told_with_its_size_its_cause_and_its_limit() {
        let told = interpretation(&result());
        assert!((3..=5).contains(&told.len()), "{told:#?}");
        assert_eq!(told[0], "`pinned` improves e2e_p95 by -20.0 % (-25.0 % to -15.0 %) over `unpinned`.");
        assert!(told[1].contains("CPU-bound") && told[1].contains("3.00 ms of CPU time"), "{}", told[1]);
        assert!(told[2].contains("0.10 instead of 1.00 ms of waiting for a CPU"), "{}", told[2]);
        assert!(!told[2].contains("CPU time") && !told[2].contains("migrations"), "{}", told[2]);
        assert!(
            told[3].contains("once for each step") && told[3].contains("never ran more than 10"),
            "{}",
            told[3]
        );
    }

    #[test]
    fn what_was_not_shown_or_not_seen_is_said() {
        let mut nothing = result();
        nothing.effects[0].verdict = "no-measured-effect".to_owned();
        nothing.effects[0].minimum_detectable = Some(0.12);
        let told = interpretation(&nothing);
        assert!(
            told[0].contains("Nothing was shown to change e2e_p95") && told[0].contains("12.0 %"),
            "{}",
            told[0]
        );
        assert!(!told.iter().any(|sentence| sentence.contains("instead of")), "{told:#?}");
        let mut still = result();
        still.cells[1].per_token = still.cells[0].per_token.clone();
        assert!(interpretation(&still)[2].contains("is not known"));
        let mut unseen = result();
        for cell in &mut unseen.cells {
            (cell.bound, cell.per_token) = (None, PerToken::default());
        }
        let told = interpretation(&unseen);
        assert!(told[1].contains("is not known") && told.len() == 3, "{told:#?}");
        assert!(interpretation(&ExperimentResult { valid: false, ..result() }).is_empty());
        // What a restart earns stands apart.
        let mut found = result();
        let own = ExperimentEffect { verdict: "improved".to_owned(), ..found.effects[0].clone() };
        found.as_found = Some(plumb_evidence::model::AsFound {
            effects: vec![own],
            age_s: 86_400.0 * 3.0,
            ..Default::default()
        });
        let told = interpretation(&found);
        assert!(
            told[1].contains("a restart alone") || told[1].contains("A restart alone improves"),
            "{told:#?}"
        );
        assert_eq!(told.len(), 5);
    }
}
