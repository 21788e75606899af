//! How the node stands beside others, where the author names them.

use plumb_engine::peers::{Peers, Standing};

use super::{Writer, stop};
use crate::ReportError;
use crate::escape::clean;
use crate::model::{Block, column, heading, line, numbers, paragraph, row, strong};

/// So many findings have a row.
const MAX_ROWS: usize = 6;

/// Nothing where the author names no others.
pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let own = w.assessment.document.peers.as_ref();
    let Some((own, peers)) = own.zip(w.material.hand.and_then(|hand| hand.peers.as_ref())) else {
        return Ok(Vec::new());
    };
    let mut text = stop(&findings(w, peers, &clean(&own.source))?);
    if let Some(standing) = peers.standing(w.assessment.risk.grade) {
        text = format!("{text} {}", stop(&grades(w, &standing)?));
    }
    let mut blocks = vec![heading(w.word("peers_heading")?), paragraph(text)];
    let rows: Vec<_> = w
        .items
        .iter()
        .filter(|item| !item.own)
        .take(MAX_ROWS)
        .map(|item| {
            let (having, open) = peers.having(&item.root);
            let count = |what: &str, n: usize| counted(w, &format!("peers-{what}-{}", item.id), n);
            row(vec![
                line(item.id.clone()),
                line(item.problem.clone()),
                vec![strong(count("having", having))],
                line(count("open", open)),
            ])
        })
        .collect();
    if !rows.is_empty() {
        let columns = vec![
            column("", 0),
            column(w.word("peers_finding")?, 10),
            numbers(w.word("peers_having")?),
            numbers(w.word("peers_open")?),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    Ok(blocks)
}

fn counted(w: &Writer<'_>, id: &str, n: usize) -> String {
    w.count(id, n, "engagement: peers")
}

fn findings(w: &Writer<'_>, peers: &Peers, source: &str) -> Result<String, ReportError> {
    let (least, median, most) = peers.findings();
    let values = [
        ("source", source.to_owned()),
        ("n", counted(w, "peers", peers.nodes())),
        ("least", counted(w, "peers-least", least)),
        ("median", counted(w, "peers-median", median)),
        ("most", counted(w, "peers-most", most)),
        ("own", w.count("findings", w.view.deviations.len(), "findings")),
    ];
    w.say("peers_findings", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn grades(w: &Writer<'_>, standing: &Standing) -> Result<String, ReportError> {
    let values = [
        ("better", counted(w, "peers-better", standing.better)),
        ("same", counted(w, "peers-same", standing.same)),
        ("worse", counted(w, "peers-worse", standing.worse)),
        ("ungraded", counted(w, "peers-ungraded", standing.ungraded)),
    ];
    let key = if standing.ungraded > 0 { "peers_grades_open" } else { "peers_grades" };
    w.say(key, &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}
