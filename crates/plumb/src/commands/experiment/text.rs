//! An experiment for a person.

use std::fmt::Write;

use plumb_evidence::model::ExperimentResult;
use plumb_experiment::Preview;

/// What would be done.
pub(super) fn preview(preview: &Preview) -> String {
    let mut text = format!("experiment `{}`\n\ncells\n", preview.name);
    for (number, cell) in preview.cells.iter().enumerate() {
        let _ = write!(text, "  {number}  {}", cell.name);
        if let Some(why) = &cell.unavailable {
            let _ = writeln!(text, "\n       not here: {why}");
            continue;
        }
        let part = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("; {name} {value}") }
        };
        let _ = writeln!(
            text,
            "\n       {}{}{}{}",
            cell.because,
            part("CPUs", &cell.cpus),
            part("memory from node", &cell.memory_nodes),
            part("neighbour on CPUs", &cell.neighbour_cpus)
        );
        for setting in &cell.settings {
            let _ = writeln!(text, "       {setting}");
        }
    }
    let client = if preview.client_cpus.is_empty() { "the server's" } else { &preview.client_cpus };
    let _ = writeln!(text, "\nload: {}; client on CPUs: {client}", preview.load);
    let _ = writeln!(text, "the baseline against itself: {}", preview.aa);
    let _ = writeln!(text, "\norder of each block");
    for (number, block) in preview.blocks.iter().enumerate() {
        let cells: Vec<String> = block
            .iter()
            .map(|cell| if *cell == preview.cells.len() { "0 again".to_owned() } else { cell.to_string() })
            .collect();
        let _ = writeln!(text, "  {:>3}  {}", number + 1, cells.join(", "));
    }
    let _ = writeln!(
        text,
        "\n{} launches, at least {:.0} s, and the starts of the server and its work",
        preview.launches, preview.seconds_at_least
    );
    if let (Some(rehearsal), Some(seconds)) = (&preview.rehearsal, preview.seconds) {
        let _ = writeln!(
            text,
            "one launch took {:.1} s to start, {:.1} s to be measured and {:.1} s to end: about {:.0} minutes in all",
            rehearsal.start_s,
            rehearsal.measure_s,
            rehearsal.end_s,
            (seconds / 60.0).ceil()
        );
    }
    if preview.changes.is_empty() {
        text.push_str("nothing on the node is changed\n");
    } else {
        let _ =
            writeln!(text, "changes on the node, which need --allow-changes: {}", preview.changes.join(", "));
    }
    text
}

/// What came of it.
pub(super) fn result(result: &ExperimentResult) -> String {
    let mut text = format!("experiment `{}`: {} blocks, {}\n", result.name, result.blocks, result.load);
    if let (false, reason) = (result.valid, &result.invalid_reason) {
        let _ = writeln!(text, "NOT VALID: {}", reason.as_deref().unwrap_or("too little was measured"));
    }
    let width = result.cells.iter().map(|cell| cell.name.chars().count()).max().unwrap_or(0);
    let _ = writeln!(text, "\nmedian {} of each cell", result.primary);
    for cell in &result.cells {
        let value = match cell.metrics.get(&result.primary) {
            Some(metric) => format!("{:>10.2} {}", metric.median, metric.unit),
            None => format!("{}: {}", cell.status, cell.reason),
        };
        let bound = cell.bound.as_ref().map(|bound| format!("   {bound}")).unwrap_or_default();
        let _ = writeln!(text, "  {:width$}  {value}{bound}", cell.name);
    }
    if !result.interpretation.is_empty() {
        let _ = writeln!(text, "\nwhat it means\n  {}", result.interpretation.join(" "));
    }
    text.push_str("\nwhat follows\n");
    for line in &result.conclusions {
        let _ = writeln!(text, "  {line}");
    }
    match &result.recommended {
        None => text.push_str("\nrecommended: no change\n"),
        Some(policy) => {
            let _ = writeln!(text, "\nrecommended: `{}`, because {}", policy.cell, policy.reason);
            for (name, value) in [
                ("CPUs", &policy.cpus),
                ("memory nodes", &policy.memory_nodes),
                ("governor", &policy.governor),
            ] {
                if !value.is_empty() {
                    let _ = writeln!(text, "  {name}: {value}");
                }
            }
        }
    }
    if !result.warnings.is_empty() {
        text.push_str("\nwarnings\n");
        for line in &result.warnings {
            let _ = writeln!(text, "  {line}");
        }
    }
    text.push_str("\nall tables: --format md\n");
    text
}
