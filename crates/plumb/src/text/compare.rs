//! A comparison for a terminal.

use std::fmt::Write;

use plumb_engine::compare::{Change, Comparison, ComparisonSet, DriftKind, Setting, Verdict};

use super::{coverage, graded, wrap};

/// All comparisons of a set.
pub(crate) fn set(set: &ComparisonSet) -> String {
    let mut out = String::new();
    for (i, node) in set.nodes.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        one(&mut out, node);
    }
    for (title, list) in [("Only before", &set.only_before), ("Only after", &set.only_after)] {
        if !list.is_empty() {
            let _ = writeln!(out, "\n{title} ({})", list.len());
            for own in list {
                wrap(&mut out, "  ", &format!("{}: {}", own.name, own.why));
            }
        }
    }
    out
}

fn one(out: &mut String, node: &Comparison) {
    wrap(out, "Node:     ", &node.host);
    for (label, state) in [("Before:   ", &node.before), ("After:    ", &node.after)] {
        let grade = graded(Some(state.grade), state.at_least).to_uppercase();
        let text = format!("{grade}, {}; {} ({})", coverage(state.coverage), state.collected, state.name);
        wrap(out, label, &text);
    }
    for caution in &node.cautions {
        wrap(out, "Note:     ", caution);
    }
    let found = &node.findings;
    for (title, list) in [
        ("New", &found.new),
        ("Worse", &found.worse),
        ("Fixed", &found.fixed),
        ("Better", &found.better),
        ("Cannot be compared", &found.not_comparable),
        ("Unchanged", &found.unchanged),
    ] {
        if list.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title} ({})", list.len());
        for own in list {
            change(out, own);
        }
    }
    for (title, checks) in
        [("Answered before, not after", &found.lost_answers), ("Answered only after", &found.gained_answers)]
    {
        if !checks.is_empty() {
            let _ = writeln!(out, "\n{title} ({})", checks.len());
            wrap(out, "  ", &checks.join(", "));
        }
    }
    measured(out, node);
    if !node.drift.is_empty() {
        let _ = writeln!(out, "\nSet otherwise ({})", node.drift.len());
        for drift in &node.drift {
            let value = |setting: &Setting| match setting {
                Setting::Known(text) => text.clone(),
                Setting::Absent => "not set".to_owned(),
                Setting::Unknown(why) => format!("not known: {why}"),
            };
            let open = if drift.kind == DriftKind::NotComparable { " (cannot be compared)" } else { "" };
            let text = format!(
                "{}: {}{open}: {} → {}",
                drift.group,
                drift.name,
                value(&drift.before),
                value(&drift.after)
            );
            wrap(out, "  ", &text);
        }
    }
}

fn change(out: &mut String, change: &Change) {
    wrap(out, "  ", &format!("{} ({})", change.title, change.check));
    for (label, side) in [("before", &change.before), ("after ", &change.after)] {
        if let Some(side) = side {
            let text = format!("{}, {}: {}", side.outcome.as_str(), side.subject, side.message);
            wrap(out, &format!("    {label}  "), &text);
        }
    }
    if let Some(why) = &change.why {
        wrap(out, "    why     ", why);
    }
}

fn measured(out: &mut String, node: &Comparison) {
    let measured = &node.measured;
    if !measured.changes.is_empty() {
        let _ = writeln!(out, "\nMeasured ({})", measured.changes.len());
    }
    for own in &measured.changes {
        let percent = |ratio: f64| format!("{:+.1} %", (ratio - 1.0) * 100.0);
        let interval = own.interval.map_or_else(
            || "no interval".to_owned(),
            |(low, high)| format!("95 % interval {} to {}", percent(low), percent(high)),
        );
        let verdict = match own.verdict {
            Verdict::Improved => "improved",
            Verdict::Worse => "worse",
            Verdict::NoMeasuredEffect => "no measured effect",
            Verdict::NotResolved => "not resolved",
        };
        let text = format!(
            "{verdict}: {} of {} under {}: {:.4} → {:.4} {} ({}, {interval}; {} and {} runs): {}",
            own.metric,
            own.model,
            own.load,
            own.before.value,
            own.after.value,
            own.unit,
            percent(own.ratio),
            own.before.runs,
            own.after.runs,
            own.why
        );
        wrap(out, "  ", &text);
    }
    for text in &measured.not_comparable {
        wrap(out, "  not compared: ", text);
    }
}
