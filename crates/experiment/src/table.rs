//! The result as Markdown: baseline against pinned, impact of the governor, impact of a neighbour.

use std::fmt::Write;

use plumb_evidence::model::{AsFound, ExperimentCell, ExperimentEffect, ExperimentResult};

/// Metrics of the tables of cells, with their headings.
const COLUMNS: [(&str, &str); 7] = [
    ("ttft_p50", "TTFT p50 ms"),
    ("ttft_p95", "TTFT p95 ms"),
    ("itl_p50", "ITL p50 ms"),
    ("e2e_p50", "E2E p50 ms"),
    ("e2e_p95", "E2E p95 ms"),
    ("e2e_p99", "E2E p99 ms"),
    ("output_tokens_per_s", "tokens/s"),
];

/// Sections by factor.
const SECTIONS: [(&str, &str); 6] = [
    ("placement", "Baseline against pinned"),
    ("governor", "CPU governor impact"),
    ("neighbour", "Noisy-neighbour impact"),
    ("numa_balancing", "NUMA balancing impact"),
    ("server", "Server settings"),
    ("load", "Load"),
];

/// Renders a result.
#[must_use]
pub fn markdown(result: &ExperimentResult) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = render(result, &mut text);
    text
}

fn render(result: &ExperimentResult, out: &mut String) -> std::fmt::Result {
    writeln!(out, "# Experiment: {}\n", cell_text(&result.name))?;
    if !result.valid {
        let reason = result.invalid_reason.as_deref().unwrap_or("too little was measured");
        writeln!(out, "**Not valid**: {reason}.\n")?;
    }
    if result.interrupted {
        writeln!(out, "Interrupted: only whole blocks are counted.\n")?;
    }
    writeln!(out, "| | |\n| --- | --- |")?;
    let mut row = |name: &str, value: &str| {
        if value.is_empty() { Ok(()) } else { writeln!(out, "| {name} | {} |", cell_text(value)) }
    };
    row("started", &result.started)?;
    row("server", &result.command)?;
    row("URL", &result.target.url)?;
    row("model", &result.target.model)?;
    row("load", &result.load)?;
    row("client on CPUs", &result.client_cpus)?;
    let replicated =
        if result.replication == "attach" { "of one running server" } else { "launches of each cell" };
    row("blocks", &format!("{} {replicated}, seed {}", result.blocks, result.seed))?;
    row("primary metric", &format!("{}, margin {} %", result.primary, result.margin * 100.0))?;
    for (governor, error) in &result.client_error_ms {
        row("error of the client", &format!("{error:.3} ms in mean TTFT ({governor})"))?;
    }
    paragraph(result, out)?;
    cells(result, out)?;
    why(result, out)?;
    if let Some(found) = &result.as_found {
        restart(found, result, out)?;
    }
    for (factor, title) in SECTIONS {
        let own: Vec<&ExperimentEffect> =
            result.effects.iter().filter(|effect| effect.factor == factor).collect();
        if !own.is_empty() {
            writeln!(out, "\n## {title}\n")?;
            effects(&own, &result.primary, out)?;
        }
    }
    let several: Vec<&ExperimentEffect> = result
        .effects
        .iter()
        .filter(|effect| effect.factor.is_empty() && effect.metric == result.primary)
        .collect();
    if !several.is_empty() {
        writeln!(out, "\n## Several factors at once\n")?;
        effects(&several, &result.primary, out)?;
    }
    writeln!(out, "\n## Noise floor: the baseline against itself\n")?;
    if result.noise_floor.is_empty() {
        writeln!(out, "Not measured.")?;
    } else {
        let own: Vec<&ExperimentEffect> = result.noise_floor.iter().collect();
        effects(&own, &result.primary, out)?;
    }
    list(
        out,
        "What bounds the server",
        result
            .cells
            .iter()
            .filter_map(|cell| cell.bound.as_ref().map(|bound| format!("`{}`: {bound}", cell.name))),
    )?;
    list(
        out,
        "Read back from the kernel",
        result
            .cells
            .iter()
            .flat_map(|cell| cell.verified.iter().map(move |claim| format!("`{}`: {claim}", cell.name))),
    )?;
    list(out, "What follows", result.conclusions.iter().cloned())?;
    writeln!(out, "\n## Recommended governor and pinning\n")?;
    match &result.recommended {
        None => writeln!(out, "None: no effect was shown that a setting could rest on.")?,
        Some(policy) => {
            let part = |name: &str, value: &str| {
                if value.is_empty() { format!("- {name}: no change") } else { format!("- {name}: {value}") }
            };
            writeln!(out, "{}", part("CPUs", &policy.cpus))?;
            writeln!(out, "{}", part("memory from NUMA nodes", &policy.memory_nodes))?;
            writeln!(out, "{}", part("governor", &policy.governor))?;
            writeln!(out, "- because {}", policy.reason)?;
        }
    }
    list(out, "Warnings", result.warnings.iter().cloned())
}

/// The interpretation, which a reader wants first.
fn paragraph(result: &ExperimentResult, out: &mut String) -> std::fmt::Result {
    if result.interpretation.is_empty() {
        return Ok(());
    }
    let sentences: Vec<String> = result.interpretation.iter().map(|sentence| cell_text(sentence)).collect();
    writeln!(out, "\n## What it means\n\n{}", sentences.join(" "))
}

/// What an output token cost, and what the server said of itself: why a cell is as fast as it is.
fn why(result: &ExperimentResult, out: &mut String) -> std::fmt::Result {
    type Value = fn(&ExperimentCell) -> Option<String>;
    fn digits(value: Option<f64>, scale: f64, digits: usize) -> Option<String> {
        value.map(|value| format!("{:.digits$}", value * scale))
    }
    let columns: [(&str, Value); 15] = [
        ("CPU ms/token", |cell| digits(cell.per_token.cpu_ms, 1.0, 2)),
        ("run delay ms/token", |cell| digits(cell.per_token.run_delay_ms, 1.0, 3)),
        ("switches/token", |cell| digits(cell.per_token.switches, 1.0, 2)),
        ("of these forced", |cell| digits(cell.per_token.involuntary, 1.0, 3)),
        ("migrations/token", |cell| digits(cell.per_token.migrations, 1.0, 3)),
        ("CPU mJ/token", |cell| digits(cell.per_token.package_mj, 1.0, 0)),
        ("GPU mJ/token", |cell| digits(cell.per_token.gpu_mj, 1.0, 0)),
        ("busiest thread", |cell| {
            cell.busiest
                .as_ref()
                .map(|thread| format!("{} {:.0} %", cell_text(&thread.name), thread.ran * 100.0))
        }),
        ("ran at once, of asked", |cell| {
            let asked = cell.asked.map_or_else(String::new, |asked| format!(" of {asked}"));
            cell.most_running.map(|most| format!("{most:.0}{asked}"))
        }),
        ("from prefix cache", |cell| digits(cell.cached_share, 100.0, 1).map(|share| share + " %")),
        ("drafts taken", |cell| digits(cell.accepted_share, 100.0, 1).map(|share| share + " %")),
        ("preemptions", |cell| digits(cell.preemptions, 1.0, 0)),
        ("KV cache", |cell| digits(cell.kv_cache_percent, 1.0, 0).map(|share| share + " %")),
        ("KV room, tokens", |cell| digits(cell.kv_pool_tokens, 1.0, 0)),
        ("server's tokens/client's", |cell| digits(cell.token_ratio, 1.0, 3)),
    ];
    let used: Vec<&(&str, Value)> =
        columns.iter().filter(|(_, value)| result.cells.iter().any(|cell| value(cell).is_some())).collect();
    if used.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Why: what a token costs, and what the server says\n")?;
    let headings: Vec<&str> = used.iter().map(|(heading, _)| *heading).collect();
    writeln!(out, "| cell | {} |", headings.join(" | "))?;
    writeln!(out, "| --- |{}", " ---: |".repeat(used.len()))?;
    for cell in &result.cells {
        let values: Vec<String> =
            used.iter().map(|(_, value)| value(cell).unwrap_or_else(|| "—".to_owned())).collect();
        writeln!(out, "| {} | {} |", cell_text(&cell.name), values.join(" | "))?;
    }
    Ok(())
}

/// What was found, what a restart made of it, and what cells are beside both: three rows, of which none is subtracted from another.
fn restart(found: &AsFound, result: &ExperimentResult, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n## As found, and restarted\n")?;
    writeln!(
        out,
        "Process {} had been running for {:.1} h. The interval of a restart says where a further launch would lie: what was \
         found is one launch.\n",
        found.pid,
        found.age_s / 3600.0
    )?;
    let own: Vec<&ExperimentEffect> = found.effects.iter().collect();
    effects(&own, &result.primary, out)?;
    if !found.differs.is_empty() {
        writeln!(out, "\nThe launches differ from what was found in more than the restart:\n")?;
        found.differs.iter().try_for_each(|one| writeln!(out, "- {}", cell_text(one)))?;
    }
    let value = |cell: &ExperimentCell| cell.metrics.get(&result.primary).map(|metric| metric.median);
    let (Some(before), Some(after)) = (value(&found.found), value(&found.restarted)) else { return Ok(()) };
    writeln!(out, "\n| median {} | | over as found | over restarted |", cell_text(&result.primary))?;
    writeln!(out, "| --- | ---: | ---: | ---: |")?;
    let percent = |ratio: f64| format!("{:+.1} %", (ratio - 1.0) * 100.0);
    writeln!(out, "| as found | {before:.2} | — | — |")?;
    writeln!(out, "| restarted | {after:.2} | {} | — |", percent(after / before))?;
    for cell in &result.cells {
        let Some(own) = value(cell) else { continue };
        let name = cell_text(&cell.name);
        writeln!(out, "| {name} | {own:.2} | {} | {} |", percent(own / before), percent(own / after))?;
    }
    Ok(())
}

fn list(out: &mut String, title: &str, items: impl Iterator<Item = String>) -> std::fmt::Result {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {title}\n")?;
    items.iter().try_for_each(|item| writeln!(out, "- {}.", cell_text(item).trim_end_matches('.')))
}

/// Medians over blocks.
fn cells(result: &ExperimentResult, out: &mut String) -> std::fmt::Result {
    let used: Vec<(&str, &str)> = COLUMNS
        .into_iter()
        .filter(|(metric, _)| result.cells.iter().any(|cell| cell.metrics.contains_key(*metric)))
        .collect();
    writeln!(out, "\n## Cells: medians over blocks\n")?;
    let headings: Vec<&str> = used.iter().map(|(_, heading)| *heading).collect();
    let headings: String = headings.iter().map(|heading| format!(" {heading} |")).collect();
    writeln!(out, "| cell | status | CPUs |{headings} run delay s/s | GPU busy | failed |")?;
    writeln!(out, "| --- | --- | --- |{}", " ---: |".repeat(used.len() + 3))?;
    for cell in &result.cells {
        let values: String = used.iter().map(|(metric, _)| format!(" {} |", value(cell, metric))).collect();
        let status = if cell.reason.is_empty() {
            cell.status.clone()
        } else {
            format!("{}: {}", cell.status, cell.reason)
        };
        writeln!(
            out,
            "| {} | {} | {} |{} {} | {} | {} |",
            cell_text(&cell.name),
            cell_text(&status),
            cell.cpus,
            values,
            cell.run_delay.map_or_else(|| "—".to_owned(), |delay| format!("{delay:.3}")),
            cell.gpu_busy_percent.map_or_else(|| "—".to_owned(), |busy| format!("{busy:.0} %")),
            cell.failed.map_or_else(|| "—".to_owned(), |failed| format!("{:.1} %", failed.share * 100.0)),
        )?;
    }
    Ok(())
}

fn value(cell: &ExperimentCell, metric: &str) -> String {
    let Some(metric) = cell.metrics.get(metric) else { return "—".to_owned() };
    let digits = if metric.median >= 100.0 {
        0
    } else if metric.median >= 10.0 {
        1
    } else {
        2
    };
    format!("{:.*}", digits, metric.median)
}

fn effects(effects: &[&ExperimentEffect], primary: &str, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "| cell | against | metric | effect | 95 % interval | bootstrap | p (flips) | p (adjusted) | detectable from | verdict |"
    )?;
    writeln!(out, "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")?;
    let percent = |ratio: f64| format!("{:+.1} %", (ratio - 1.0) * 100.0);
    let range = |low: f64, high: f64| format!("{} to {}", percent(low), percent(high));
    let number = |p: Option<f64>| p.map_or_else(|| "—".to_owned(), |p| format!("{p:.3}"));
    for effect in effects {
        let metric =
            if effect.metric == primary { format!("**{}**", effect.metric) } else { effect.metric.clone() };
        let name = |name: &str| cell_text(name);
        writeln!(
            out,
            "| {} | {} | {metric} | {} | {} | {} | {} | {} | {} | {} |",
            name(&effect.cell),
            name(&effect.against),
            percent(effect.ratio),
            effect.interval().map_or_else(|| NOT_ESTIMABLE.to_owned(), |(low, high)| range(low, high)),
            effect.bootstrap.map_or_else(|| "—".to_owned(), |(low, high)| range(low, high)),
            number(effect.p_value),
            number(effect.adjusted_p),
            effect
                .minimum_detectable
                .map_or_else(|| "—".to_owned(), |least| format!("{:.1} %", least * 100.0)),
            effect
                .verdict
                .replace("no-measured-effect", "no measured effect")
                .replace("more-failures", "more failures")
                .replace("differs-by-itself", "differs by itself")
                .replace("not-estimable", NOT_ESTIMABLE),
        )?;
    }
    Ok(())
}

/// Of what so few blocks tell nothing.
const NOT_ESTIMABLE: &str = "not estimable";

/// Text that cannot leave its cell or start markup.
fn cell_text(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// A command without its secrets: what follows a word such as `--api-key` is not shown.
pub(super) fn masked(command: &[String]) -> String {
    let is_secret = |word: &str| {
        let word = word.trim_start_matches('-').to_ascii_lowercase();
        ["key", "token", "password", "secret"].iter().any(|part| word.ends_with(part))
    };
    let mut hide = false;
    let words = command.iter().map(|word| {
        if std::mem::take(&mut hide) {
            return "•••".to_owned();
        }
        match word.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}=•••"),
            _ => {
                hide = word.starts_with('-') && is_secret(word);
                word.clone()
            }
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_command_are_hidden() {
        let command = ["vllm", "serve", "--api-key", "abc", "--hf-token=xyz", "--max-tokens", "5"];
        let command: Vec<String> = command.map(str::to_owned).into();
        assert_eq!(masked(&command), "vllm serve --api-key ••• --hf-token=••• --max-tokens 5");
    }

    #[test]
    fn a_name_cannot_leave_its_cell() {
        let result = ExperimentResult {
            name: "a | <b>\nc".to_owned(),
            cells: vec![ExperimentCell { name: "x|y".to_owned(), ..ExperimentCell::default() }],
            ..ExperimentResult::default()
        };
        let text = markdown(&result);
        assert!(text.contains("# Experiment: a \\| &lt;b> c\n") && text.contains("| x\\|y |"), "{text}");
    }
}
