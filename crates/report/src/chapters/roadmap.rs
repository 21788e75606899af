//! Who does what by when.

use super::items::{Item, Wave};
use super::{Writer, stop};
use crate::ReportError;
use crate::figure::gantt::{self, Bar};
use crate::model::{Block, Row, column, heading, line, link, paragraph, row, soft, strong};

/// So many have a line; the appendix has all.
const MAX_LINES: usize = 14;
/// So many names fit a bar.
const MAX_IDS: usize = 8;

pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    if w.items.is_empty() {
        return Ok(vec![paragraph(w.t("text", "no_work")?)]);
    }
    let of = |wave: Wave| -> Vec<&Item> { w.items.iter().filter(|item| item.wave == wave).collect() };
    let corrects = !of(Wave::Now).is_empty() || !of(Wave::Window).is_empty();
    let weeks_of = |wave: Wave| if corrects { wave.weeks() } else { wave.weeks_without_corrections() };
    let intro = if corrects { "roadmap_intro" } else { "roadmap_intro_tests" };
    let mut blocks = vec![paragraph(w.word(intro)?)];
    let mut bars = Vec::new();
    for wave in Wave::ALL {
        let items = of(wave);
        let mut ids: Vec<&str> = items.iter().take(MAX_IDS).map(|item| item.id.as_str()).collect();
        if items.len() > MAX_IDS {
            ids.push("+");
        }
        if !items.is_empty() {
            bars.push(Bar {
                name: w.word(wave.key())?.to_owned(),
                ids: ids.join(" "),
                weeks: weeks_of(wave),
                window: wave == Wave::Window,
            });
        }
    }
    blocks.extend(gantt::draw(&bars, w.messages)?.map(Block::Figure));
    let mut rows: Vec<Row> = Vec::new();
    let mut printed = 0;
    for wave in Wave::ALL {
        let items = of(wave);
        if items.is_empty() || printed >= MAX_LINES {
            continue;
        }
        let weeks = weeks_of(wave);
        let when = w.say(
            &format!("{}_text", wave.key()),
            &[("from", &weeks.0.to_string()), ("to", &weeks.1.to_string())],
        )?;
        rows.push(row(vec![vec![strong(format!("{}. ", w.word(wave.key())?)), soft(when)]]));
        for item in items {
            if printed >= MAX_LINES {
                break;
            }
            printed += 1;
            let step = match item.steps.first() {
                Some(step) => step.clone(),
                None => w.say("find_out", &[("problem", &item.problem)])?,
            };
            let due = if item.due.is_empty() {
                w.say(
                    if weeks.0 == weeks.1 { "week_one" } else { "weeks" },
                    &[("from", &weeks.0.to_string()), ("to", &weeks.1.to_string())],
                )?
            } else {
                item.due.clone()
            };
            rows.push(row(vec![
                vec![link(&format!("{}-detail", item.id), item.id.clone())],
                line(stop(&step)),
                line(item.effort.clone()),
                line(if item.owner.is_empty() { "–" } else { &item.owner }),
                line(due),
                line(item.status.clone()),
            ]));
        }
    }
    let columns = vec![
        column("", 0),
        column(w.word("what")?, 10),
        column(w.word("effort")?, 4),
        column(w.t("label", "owner")?, 4),
        column(w.word("when")?, 4),
        column(w.t("label", "state")?, 3),
    ];
    blocks.push(Block::Table { columns, rows });
    let more = w.items.len().saturating_sub(printed);
    if more > 0 {
        let n = w.count("more-actions", more, "findings");
        blocks.push(paragraph(w.say("more_in_appendix", &[("n", &n)])?));
    }
    blocks.push(paragraph(w.word("done_note")?));
    blocks.push(heading(w.word("approvals")?));
    let rows = ["approve_window", "approve_tests", "approve_money"]
        .into_iter()
        .zip([Wave::Window, Wave::Measure, Wave::Decide])
        .filter(|(_, wave)| !of(*wave).is_empty())
        .map(|(key, _)| Ok(row(vec![line(w.word(key)?), line(""), line("")])))
        .collect::<Result<Vec<_>, ReportError>>()?;
    if rows.is_empty() {
        blocks.pop();
        return Ok(blocks);
    }
    let columns =
        vec![column(w.word("approve")?, 8), column(w.word("name")?, 5), column(w.word("date_signature")?, 5)];
    blocks.push(Block::Table { columns, rows });
    Ok(blocks)
}
