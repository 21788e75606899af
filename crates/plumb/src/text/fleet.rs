//! The summary of many nodes for a terminal.

use std::fmt::Write;

use plumb_engine::compare::Setting;
use plumb_engine::fleet::Fleet;

use super::{graded, wrap};

/// So many rows of a list are printed; the JSON form has all.
const SHOWN: usize = 20;

/// The whole summary.
pub(crate) fn summary(fleet: &Fleet) -> String {
    let mut out = String::new();
    let grades: Vec<String> = fleet.grades.iter().map(|(grade, count)| format!("{count} {grade}")).collect();
    wrap(&mut out, "Nodes:    ", &format!("{} ({})", fleet.nodes.len(), grades.join(", ")));
    let _ = writeln!(out, "\n{:<28} {:<36} {:>8} {:>10}", "Node", "Grade", "Coverage", "Findings");
    for node in &fleet.nodes {
        let coverage =
            node.coverage.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", (share * 100.0).floor()));
        let grade = graded(Some(node.grade), node.at_least);
        let _ = writeln!(out, "{:<28} {grade:<36} {coverage:>8} {:>10}", node.host, node.deviations);
    }
    if !fleet.frequent.is_empty() {
        let _ = writeln!(out, "\nMost frequent ({})", fleet.frequent.len());
    }
    for found in fleet.frequent.iter().take(SHOWN) {
        let open = if found.unanswered > 0 {
            format!(", not answered on {}", found.unanswered)
        } else {
            String::new()
        };
        wrap(
            &mut out,
            "  ",
            &format!("{} nodes{open}: {} ({})", found.nodes, found.problem, found.checks.join(", ")),
        );
    }
    more(&mut out, fleet.frequent.len());
    for class in fleet.classes.iter().filter(|class| !class.outliers.is_empty()) {
        let title = format!("{} ({} nodes)", class.name, class.nodes);
        let _ = writeln!(out, "\nUnlike the others of {title}: {} settings", class.outliers.len());
        for outlier in class.outliers.iter().take(SHOWN) {
            let value = |setting: &Setting| match setting {
                Setting::Known(text) => text.clone(),
                Setting::Absent => "not set".to_owned(),
                Setting::Unknown(_) => "not known".to_owned(),
            };
            let others: Vec<String> = outlier
                .others
                .iter()
                .map(|(setting, hosts)| {
                    let named = hosts.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
                    let rest = hosts.len().saturating_sub(5);
                    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
                    format!("{} on {named}{rest}", value(setting))
                })
                .collect();
            let text = format!(
                "{}: {}: {} on {} nodes; {}",
                outlier.group,
                outlier.name,
                value(&outlier.common),
                outlier.nodes,
                others.join("; ")
            );
            wrap(&mut out, "  ", &text);
        }
        more(&mut out, class.outliers.len());
    }
    if !fleet.left_out.is_empty() {
        let _ = writeln!(out, "\nLeft out ({})", fleet.left_out.len());
        for own in &fleet.left_out {
            wrap(&mut out, "  ", &format!("{}: {}", own.name, own.why));
        }
    }
    out
}

fn more(out: &mut String, all: usize) {
    if all > SHOWN {
        wrap(out, "  ", &format!("and {} more; `--format json` has all", all - SHOWN));
    }
}
