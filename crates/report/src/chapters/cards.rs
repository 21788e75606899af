//! Findings: one line each, and the first of them on cards.

use super::items::Item;
use super::{Writer, grade, stop};
use crate::ReportError;
use crate::figure::effort::{self, Point};
use crate::model::{Block, Labelled, Line, Picture, column, line, link, paragraph, plain, soft, strong};

/// So many have a line; the appendix has all.
pub(super) const MAX_LINES: usize = 12;
/// So many have a card, two on a page.
const MAX_CARDS: usize = 6;
/// Words of a card.
const MAX_WORDS: usize = 160;

pub(super) fn table(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = Vec::new();
    if w.items.is_empty() {
        let key = if w.view.nothing_applied { "nothing_applied" } else { "no_deviation" };
        blocks.push(paragraph(w.t("text", key)?));
        blocks.extend(super::peers::blocks(w)?);
        return Ok(blocks);
    }
    let n = w.count("findings", w.items.len(), "findings");
    blocks.push(paragraph(w.say("findings_intro", &[("n", &n)])?));
    let mut rows = Vec::new();
    for item in w.items.iter().take(MAX_LINES) {
        let mut problem: Vec<Line> = vec![vec![strong(item.problem.clone())]];
        let step = item.steps.first().cloned().unwrap_or_default();
        if step.is_empty() {
            problem.push(vec![soft(w.word("no_step")?)]);
        } else {
            problem.push(vec![plain(step)]);
        }
        let mut owner: Vec<Line> = Vec::new();
        owner.push(line(if item.owner.is_empty() { "–" } else { &item.owner }));
        if !item.due.is_empty() {
            owner.push(line(item.due.clone()));
        }
        owner.push(vec![soft(item.status.clone())]);
        rows.push(crate::model::Row {
            cells: vec![
                vec![vec![link(&card_or_detail(w, item), item.id.clone())]],
                vec![item.grade.iter().map(grade).collect()],
                problem,
                vec![line(item.effort.clone()), vec![soft(item.needs.clone())]],
                owner,
            ],
        });
    }
    let columns = vec![
        column("", 0),
        column(w.t("label", "grade")?, 0),
        column(w.word("problem_fix")?, 12),
        column(w.word("effort_needs")?, 4),
        column(w.word("owner_due")?, 4),
    ];
    blocks.push(Block::Table { columns, rows });
    let more = w.items.len().saturating_sub(MAX_LINES);
    if more > 0 {
        let more = w.count("more-findings", more, "findings");
        blocks.push(paragraph(w.say("more_in_appendix", &[("n", &more)])?));
    }
    let points: Vec<Point> = w
        .items
        .iter()
        .take(MAX_LINES)
        .filter_map(|item| {
            let (from, to) = item.minutes?;
            let minutes = f64::from(from.max(1) * to.max(1)).sqrt();
            Some(Point { id: item.id.clone(), minutes, score: item.score, buys: item.buys })
        })
        .collect();
    blocks.extend(effort::draw(&points, w.messages)?.map(Block::Figure));
    blocks.extend(super::peers::blocks(w)?);
    Ok(blocks)
}

/// The anchor of the card, or of the section of the appendix.
fn card_or_detail(w: &Writer<'_>, item: &Item) -> String {
    let has_card = w.items.iter().take(MAX_CARDS).any(|own| own.id == item.id);
    if has_card || item.own { item.id.clone() } else { format!("{}-detail", item.id) }
}

pub(super) fn cards(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = Vec::new();
    // What the author saw has no place in the appendix, so that all of it has a card.
    let first =
        w.items.iter().enumerate().filter(|(at, item)| *at < MAX_CARDS || item.own).map(|(_, item)| item);
    for item in first {
        blocks.push(card(w, item)?);
        for (note, picture) in &item.notes {
            let Some((name, alt)) = picture else { continue };
            if let Some(picture) = Picture::of(w.material.hand, name, alt, note) {
                blocks.push(Block::Picture(picture));
            }
        }
    }
    Ok(blocks)
}

fn card(w: &Writer<'_>, item: &Item) -> Result<Block, ReportError> {
    let mut rows: Vec<Labelled> = Vec::new();
    let mut add = |key: &str, text: String| -> Result<(), ReportError> {
        if !text.is_empty() {
            // A command stands as it is typed, without a full stop.
            let is_command = text.starts_with('`') && text.ends_with('`');
            let text = if is_command { text } else { stop(&crate::view::sentence(&text)) };
            rows.push(Labelled { label: w.t("card", key)?.to_owned(), lines: vec![line(text)] });
        }
        Ok(())
    };
    // What says no more than the title is not said twice.
    if stop(&item.seen) != stop(&item.problem) {
        add("seen", item.seen.clone())?;
    }
    add("means", item.effect.clone())?;
    let steps: Vec<&str> = item.steps.iter().map(String::as_str).collect();
    let mut step = steps.join("; ");
    if item.command.is_empty() && !item.files.is_empty() {
        let files: Vec<String> = item.files.iter().take(2).map(|file| format!("`{file}`")).collect();
        step = w.say("step_with_file", &[("step", &step), ("files", &files.join(", "))])?;
    }
    if step.is_empty() {
        step = w.word("no_step")?.to_owned();
    }
    add("do", step)?;
    add("command", item.command.clone())?;
    add("back", item.undo.clone())?;
    add("done", item.done_when.clone())?;
    for (note, _) in item.notes.iter().filter(|(note, _)| !note.is_empty()) {
        add("note", note.clone())?;
    }
    shorten(&mut rows, w)?;
    let mut mark: Line = item.grade.iter().map(grade).collect();
    if !item.confidence.is_empty() {
        mark.push(plain(format!(", {}", item.confidence)));
    }
    if item.places > 1 {
        let places = w.count(&format!("{}-places", item.id), item.places, "findings");
        mark.push(plain(format!(" · {}", w.say("places", &[("n", &places)])?)));
    }
    if item.verify_first {
        mark.push(plain(" · "));
        mark.push(strong(w.t("text", "verify_first_short")?));
    }
    let foot = [
        item.effort.clone(),
        item.needs.clone(),
        if item.owner.is_empty() { w.word("no_owner")?.to_owned() } else { item.owner.clone() },
        item.due.clone(),
        item.status.clone(),
    ];
    let foot: Vec<String> = foot.into_iter().filter(|part| !part.is_empty() && part != "–").collect();
    let mut foot = vec![soft(foot.join(" · "))];
    if !item.own {
        foot.push(soft(" · "));
        foot.push(link(&format!("{}-detail", item.id), w.say("see_appendix", &[("id", &item.id)])?));
    }
    let title = vec![strong(item.id.clone()), plain("  "), plain(item.problem.clone())];
    Ok(Block::Card { id: item.id.clone(), title, mark, rows, foot })
}

/// Leaves out what the appendix has, sentence by sentence from the end, until a card has no more words than it may.
fn shorten(rows: &mut [Labelled], w: &Writer<'_>) -> Result<(), ReportError> {
    let count = |rows: &[Labelled]| -> usize {
        rows.iter()
            .flat_map(|row| &row.lines)
            .map(|own| crate::model::words(own).split_whitespace().count())
            .sum()
    };
    let long = [w.t("card", "seen")?, w.t("card", "means")?, w.t("card", "do")?];
    for label in long {
        while count(rows) > MAX_WORDS {
            let Some(row) = rows.iter_mut().find(|row| row.label == label) else { break };
            let text = crate::model::words(&row.lines[0]);
            // Never within a sentence: a part of one may say the opposite.
            let ends = [". ", "; "].iter().filter_map(|end| text.trim_end_matches('.').rfind(end)).max();
            let Some(at) = ends else { break };
            row.lines = vec![line(stop(&text[..at]))];
        }
    }
    Ok(())
}
