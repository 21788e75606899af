//! What was not seen, who can open it, and what comes next.

use super::asks::{self, Who};
use super::items::Wave;
use super::{Writer, fact};
use crate::ReportError;
use crate::model::{Block, Row, column, heading, line, numbers, paragraph, row, strong};

/// What somebody can give, in words: of the client, what was not stated.
pub(super) fn gives(w: &Writer<'_>, who: Who) -> Result<String, ReportError> {
    let lacking = super::summary::lacking(w)?;
    if who == Who::Client && !lacking.is_empty() {
        return Ok(lacking.join(", "));
    }
    w.t("who", &format!("{}_gives", who.key())).map(str::to_owned)
}

pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = Vec::new();
    let asks = asks::all(w.assessment);
    if asks.is_empty() {
        blocks.push(paragraph(w.word("no_gaps")?));
    } else {
        let (done, applying) = super::summary::checks(w);
        let (n, m) =
            (w.count("open", applying - done, "findings"), w.count("applying", applying, "findings"));
        blocks.push(paragraph(w.say("gaps_intro", &[("n", &n), ("m", &m)])?));
        let mut rows: Vec<Row> = Vec::new();
        for who in Who::ALL {
            let Some(ask) = asks.get(&who) else { continue };
            let key = who.key();
            let checks = w.count(&format!("open-{key}"), ask.checks.len(), "findings");
            let share = w.number(
                &format!("opens-{key}"),
                ask.share,
                format!("{:.1} %", ask.share * 100.0),
                "counted",
                "findings",
            );
            rows.push(row(vec![
                vec![strong(w.t("who", key)?)],
                line(gives(w, who)?),
                line(checks),
                line(share),
            ]));
        }
        let columns = vec![
            column(w.word("who_can")?, 5),
            column(w.word("what_is_missing")?, 9),
            numbers(w.t("label", "checks")?),
            numbers(w.word("opens")?),
        ];
        blocks.push(Block::Table { columns, rows });
        if w.view.gaps {
            blocks.push(paragraph(w.t("text", "gaps")?));
        }
    }
    blocks.push(heading(w.word("believe")?));
    let mut items = vec![line(w.word("believe_sample")?), line(w.word("believe_missing")?)];
    if w.assessment.capacity.plan.is_some() {
        items.push(line(w.word("believe_plan")?));
    }
    if !w.assessment.conflicts.is_empty() {
        let n = w.count("conflicts", w.assessment.conflicts.len(), "conflicts");
        items.push(line(w.say("believe_conflicts", &[("n", &n)])?));
    }
    blocks.push(Block::List { ordered: false, items });
    blocks.push(heading(w.word("next")?));
    let corrects = w.items.iter().any(|item| matches!(item.wave, Wave::Now | Wave::Window));
    blocks.push(paragraph(w.word(if corrects { "next_text" } else { "next_text_tests" })?));
    let terms = &w.assessment.document;
    let mut rows = Vec::new();
    for (key, value) in [("author", &terms.author), ("company", &terms.company)] {
        if let Some(value) = value {
            rows.push(fact(w.t("document", key)?, crate::escape::clean(value)));
        }
    }
    if !rows.is_empty() {
        blocks.push(Block::Facts { rows });
    }
    Ok(blocks)
}
