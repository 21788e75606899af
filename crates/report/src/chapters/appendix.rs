//! The appendix: everything else, in lettered chapters that engineers act on.

mod method;
mod node;

use std::cell::RefCell;

use plumb_engine::document::Section;

use super::asks::{self, Who};
use super::{Writer, grade, outcome, stop};
use crate::ReportError;
use crate::model::{
    Block, Chapter, Labelled, Line, Part, Row, code, column, heading, line, link, numbers, paragraph, plain,
    row, soft, strong,
};
use crate::view::client::WorkView;
use crate::view::findings::{Evidence, Group, Instance, Row as CheckRow, Source};

/// Sources of all chapters, each with a number.
#[derive(Default)]
struct Sources(RefCell<Vec<Source>>);

impl Sources {
    /// The numbers of these sources.
    fn cite(&self, wanted: &[Source]) -> Vec<String> {
        let mut all = self.0.borrow_mut();
        let mut numbers = Vec::new();
        for source in wanted {
            let is_it =
                |own: &Source| own.url == source.url && (own.title == source.title || !source.url.is_empty());
            let at = all.iter().position(is_it).unwrap_or_else(|| {
                all.push(source.clone());
                all.len() - 1
            });
            numbers.push((at + 1).to_string());
        }
        numbers
    }
}

pub(super) fn part(w: &Writer<'_>) -> Result<Part, ReportError> {
    let sources = Sources::default();
    let chapter = |id: &str, blocks: Vec<Block>| w.chapter(id, false, blocks);
    let mut chapters: Vec<Chapter> = vec![chapter("detail", findings(w, &sources)?)?];
    if w.printed(Section::Measurements) {
        chapters.push(chapter("measurements", node::measurements(w)?)?);
    }
    if w.printed(Section::Node) {
        chapters.push(chapter("node", node::node(w)?)?);
    }
    chapters.push(chapter("passed", passed(w)?)?);
    chapters.push(chapter("unanswered", unanswered(w)?)?);
    chapters.push(chapter("method", method::method(w)?)?);
    let disagreements =
        if w.printed(Section::Conflicts) { method::conflicts(w, &sources)? } else { Vec::new() };
    chapters.push(chapter("sources", method::list(w, &sources)?)?);
    if !disagreements.is_empty() {
        chapters.push(chapter("disagreements", disagreements)?);
    }
    chapters.push(chapter("provenance", method::provenance(w)?)?);
    if w.printed(Section::Glossary) {
        chapters.push(chapter("glossary", method::glossary(w)?)?);
    }
    w.appendix(chapters)
}

// --- A ---

fn findings(w: &Writer<'_>, sources: &Sources) -> Result<Vec<Block>, ReportError> {
    let view = w.view;
    let mut blocks = Vec::new();
    if view.nothing_applied || view.deviations.is_empty() {
        let key = if view.nothing_applied { "nothing_applied" } else { "no_deviation" };
        blocks.push(paragraph(w.t("text", key)?));
    } else {
        blocks.push(paragraph(w.t("text", "findings_intro")?));
        blocks.extend(work(w)?);
    }
    for group in &view.deviations {
        blocks.extend(detail(w, group, sources)?);
    }
    if !view.accepted.is_empty() {
        blocks.push(heading(w.t("heading", "accepted")?));
        blocks.push(paragraph(w.t("text", "accepted_intro")?));
        for group in &view.accepted {
            blocks.extend(detail(w, group, sources)?);
        }
    }
    blocks.extend(decisions(w)?);
    if !view.info.is_empty() && w.printed(Section::Info) {
        blocks.push(heading(w.t("heading", "info")?));
        blocks.push(paragraph(w.t("text", "info_intro")?));
        for group in &view.info {
            blocks.extend(detail(w, group, sources)?);
        }
    }
    if !view.patterns.is_empty() {
        blocks.push(heading(w.t("heading", "patterns")?));
        blocks.push(paragraph(w.t("text", "patterns_intro")?));
        for pattern in &view.patterns {
            let title = vec![strong(pattern.id.clone()), plain(format!(" {}", pattern.title))];
            blocks.push(Block::Heading {
                level: 3,
                id: format!("pattern-{}", pattern.id),
                grade: String::new(),
                text: title,
            });
            let steps = &pattern.steps;
            let rows = [("now", &steps.now), ("permanent", &steps.permanent), ("rollback", &steps.rollback)];
            blocks.push(Block::Facts { rows: named(w, &rows)? });
        }
    }
    Ok(blocks)
}

/// The order of work.
fn work(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let rows = w.view.work.iter().map(|own: &WorkView| {
        let mut remarks: Vec<&str> = Vec::new();
        if own.quick_win {
            remarks.push(w.t("text", "quick_win")?);
        }
        if own.verify_first {
            remarks.push(w.t("text", "verify_first_short")?);
        }
        Ok(row(vec![
            vec![link(&format!("{}-detail", own.id), own.id.clone())],
            line(own.title.clone()),
            line(own.findings.to_string()),
            line(own.score.clone()),
            line(format!("{}/4", own.change_risk)),
            line(own.priority.clone()),
            line(remarks.join(", ")),
        ]))
    });
    let rows = rows.collect::<Result<Vec<_>, ReportError>>()?;
    let columns = vec![
        column("", 0),
        column(w.t("label", "found")?, 8),
        numbers(w.t("label", "places")?),
        numbers(w.t("label", "score")?),
        numbers(w.t("label", "change")?),
        numbers(w.t("label", "priority")?),
        column(w.t("label", "remarks")?, 3),
    ];
    Ok(vec![
        heading(w.t("heading", "work")?),
        paragraph(w.t("text", "work_intro")?),
        Block::Table { columns, rows },
    ])
}

fn named(w: &Writer<'_>, rows: &[(&str, &Vec<String>)]) -> Result<Vec<Labelled>, ReportError> {
    let filled = rows.iter().filter(|(_, steps)| !steps.is_empty());
    filled
        .map(|(label, steps)| {
            let lines = steps.iter().map(line).collect();
            Ok(Labelled { label: w.t("label", label)?.to_owned(), lines })
        })
        .collect()
}

fn detail(w: &Writer<'_>, group: &Group, sources: &Sources) -> Result<Vec<Block>, ReportError> {
    let label = |key: &str| w.t("label", key);
    let title = vec![strong(group.id.clone()), plain(format!(" {}", group.title))];
    let mut blocks = vec![Block::Heading {
        level: 2,
        id: format!("{}-detail", group.id),
        grade: group.grade.as_ref().map(|own| own.id.clone()).unwrap_or_default(),
        text: title,
    }];
    let mut meta: Line = vec![outcome(&group.outcome)];
    if let Some(found) = &group.grade {
        meta.extend([plain(" · "), grade(found), plain(format!(" · {} {}", label("score")?, group.score))]);
    }
    meta.push(plain(format!(" · {} · ", group.category)));
    meta.push(code(group.check.clone()));
    blocks.push(Block::Paragraph { text: meta, style: String::new() });
    for instance in &group.findings {
        blocks.extend(instance_blocks(w, instance)?);
    }
    if group.verify_first {
        blocks.push(Block::Note {
            title: String::new(),
            lines: vec![vec![strong(w.t("text", "verify_first")?)]],
        });
    }
    for (key, text) in [("business", &group.business), ("rationale", &group.rationale)] {
        if !text.is_empty() {
            let text = vec![strong(format!("{}. ", label(key)?)), plain(text.clone())];
            blocks.push(Block::Paragraph { text, style: String::new() });
        }
    }
    blocks.push(Block::Facts { rows: remedy(w, group)? });
    if let Some(caveat) = &group.caveat {
        blocks.push(Block::Note { title: label("caveat")?.to_owned(), lines: vec![line(caveat.clone())] });
    }
    if !group.thresholds.is_empty() {
        let mut rows = Vec::new();
        for limit in &group.thresholds {
            let mut name = vec![line(limit.name.clone())];
            if let Some(own) = &limit.replaced {
                let words = [("limit", own.limit.as_str()), ("reason", &own.reason)];
                name.push(vec![soft(w.messages.fill("text", "replaced", &words)?)]);
            }
            let mut from = vec![strong(limit.basis.word.clone())];
            if !limit.source.is_empty() {
                from.push(plain(format!(": {}", limit.source)));
            }
            if !limit.date.is_empty() {
                from.push(soft(format!(" ({})", limit.date)));
            }
            rows.push(Row {
                cells: vec![
                    name,
                    vec![line(limit.limit.clone())],
                    vec![from],
                    vec![line(limit.applies_to.clone())],
                ],
            });
        }
        let columns = vec![
            column(label("limit")?, 6),
            column(label("value")?, 3),
            column(label("basis")?, 7),
            column(label("applies_to")?, 5),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    let mut end: Line = Vec::new();
    if !group.applicability.is_empty() {
        end.extend([strong(format!("{}. ", label("applicability")?)), plain(stop(&group.applicability))]);
    }
    if !group.references.is_empty() {
        let numbers = sources.cite(&group.references);
        end.extend([
            plain(" "),
            strong(format!("{}. ", label("references")?)),
            link("sources", format!("[{}]", numbers.join(", "))),
        ]);
    }
    if !end.is_empty() {
        blocks.push(Block::Paragraph { text: end, style: "soft".into() });
    }
    Ok(blocks)
}

fn cited(evidence: &[Evidence]) -> Vec<Line> {
    evidence.iter().map(|own| vec![code(own.source.clone()), plain(": "), code(own.value.clone())]).collect()
}

fn instance_blocks(w: &Writer<'_>, own: &Instance) -> Result<Vec<Block>, ReportError> {
    let label = |key: &str| w.t("label", key);
    let subject = if own.also.is_empty() { own.subject.clone() } else { own.together.clone() };
    let head =
        vec![outcome(&own.outcome), plain(" "), strong(subject), plain(format!(": {}", stop(&own.message)))];
    let mut blocks = vec![Block::Paragraph { text: head, style: String::new() }];
    if let Some(grade) = &own.grade {
        let mut parts = vec![
            format!("{}: {} ({})", label("severity")?, own.severity, own.severity_points),
            format!("{}: {}, {}", label("likelihood")?, own.likelihood, own.likelihood_word),
            format!("{}: {} ({})", label("confidence")?, own.confidence, own.confidence_factor),
            format!("{}: {}, {}", label("score")?, own.score, grade.text),
        ];
        if own.floor {
            parts.push(w.t("text", "floor")?.to_owned());
        }
        blocks.push(Block::Paragraph { text: vec![soft(parts.join(" · "))], style: "soft".into() });
    }
    let more = [
        own.weighs_less
            .as_ref()
            .map(|text| Ok::<_, ReportError>(format!("{}: {text}", w.t("text", "weighs_less")?))),
        own.waiver.clone().map(Ok),
    ];
    for text in more.into_iter().flatten() {
        blocks.push(paragraph(stop(&text?)));
    }
    if !own.also.is_empty() {
        let subjects = std::iter::once((&own.subject, &own.evidence))
            .chain(own.also.iter().map(|own| (&own.subject, &own.evidence)));
        let rows = subjects
            .map(|(subject, evidence)| Row { cells: vec![vec![line(subject.clone())], cited(evidence)] })
            .collect();
        blocks.push(Block::Table {
            columns: vec![column(label("subject")?, 6), column(label("evidence")?, 10)],
            rows,
        });
    } else if own.evidence.is_empty() {
        blocks.push(Block::Paragraph { text: vec![soft(label("no_evidence")?)], style: "soft".into() });
    } else {
        let rows = own
            .evidence
            .iter()
            .map(|own| row(vec![vec![code(own.source.clone())], vec![code(own.value.clone())]]))
            .collect();
        blocks.push(Block::Table {
            columns: vec![column(label("evidence_source")?, 8), column(label("value")?, 8)],
            rows,
        });
    }
    Ok(blocks)
}

fn remedy(w: &Writer<'_>, group: &Group) -> Result<Vec<Labelled>, ReportError> {
    let remedy = &group.remediation;
    let steps = [("now", &remedy.now), ("permanent", &remedy.permanent), ("rollback", &remedy.rollback)];
    let mut rows = named(w, &steps)?;
    let mut add = |key: &str, own: Line| -> Result<(), ReportError> {
        rows.push(Labelled { label: w.t("label", key)?.to_owned(), lines: vec![own] });
        Ok(())
    };
    if remedy.patterns.any {
        let anchor = format!("pattern-{}", group.id);
        add("pattern", vec![link(&anchor, w.t("text", "see_patterns")?)])?;
    }
    if !remedy.verification.is_empty() {
        let text = if remedy.verification_is_code {
            code(remedy.verification.clone())
        } else {
            plain(remedy.verification.clone())
        };
        add("verification", vec![text])?;
    }
    add(
        "change",
        line(format!("{} ({}/4): {}", remedy.change_risk_word, remedy.change_risk, remedy.change)),
    )?;
    if !remedy.effect.is_empty() {
        add("effect", line(remedy.effect.clone()))?;
    }
    Ok(rows)
}

fn decisions(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let view = w.view;
    let label = |key: &str| w.t("label", key);
    if !view.decided {
        return Ok(Vec::new());
    }
    let mut blocks = vec![heading(w.t("heading", "decisions")?), paragraph(w.t("text", "decisions_intro")?)];
    if !view.waivers.is_empty() {
        blocks.push(paragraph(view.as_of.clone()));
        let rows = view.waivers.iter().map(|own| Row {
            cells: vec![
                vec![vec![code(own.check.clone())], line(own.subject.clone())],
                vec![line(own.owner.clone())],
                vec![line(own.reason.clone())],
                vec![line(own.expires.clone())],
                vec![vec![strong(own.state.word.clone())], line(own.findings.to_string())],
            ],
        });
        let columns = vec![
            column(label("check_subject")?, 6),
            column(label("owner")?, 4),
            column(label("reason")?, 6),
            column(label("expires")?, 3),
            column(label("state")?, 3),
        ];
        blocks.push(Block::Table { columns, rows: rows.collect() });
    }
    if !view.overrides.is_empty() {
        let rows = view.overrides.iter().map(|own| {
            row(vec![
                line(own.key.clone()),
                vec![strong(own.limit.clone())],
                line(own.original.clone()),
                line(own.reason.clone()),
            ])
        });
        let columns = vec![
            column(label("threshold")?, 6),
            column(label("in_force")?, 3),
            column(label("original")?, 3),
            column(label("reason")?, 6),
        ];
        blocks.push(Block::Table { columns, rows: rows.collect() });
    }
    Ok(blocks)
}

// --- D, E ---

fn names(own: &CheckRow) -> Vec<Line> {
    own.checks.iter().map(|own| vec![plain(format!("{} ", own.title)), code(own.check.clone())]).collect()
}

fn check_table(w: &Writer<'_>, rows: &[CheckRow], last: &str) -> Result<Block, ReportError> {
    let columns = vec![
        column(w.t("label", "check")?, 7),
        column(w.t("label", "subject")?, 5),
        column(w.t("label", last)?, 8),
    ];
    let rows = rows.iter().map(|own| Row {
        cells: vec![names(own), vec![line(own.subjects.join(", "))], vec![line(own.message.clone())]],
    });
    Ok(Block::Table { columns, rows: rows.collect() })
}

fn passed(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = Vec::new();
    if !w.view.passed.is_empty() && w.printed(Section::Passed) {
        blocks.push(heading(w.t("heading", "passed")?));
        blocks.push(paragraph(w.t("text", "passed_intro")?));
        blocks.push(check_table(w, &w.view.passed, "found")?);
    }
    if !w.view.not_applicable.is_empty() && w.printed(Section::NotApplicable) {
        blocks.push(heading(w.t("heading", "not_applicable")?));
        blocks.push(paragraph(w.t("text", "not_applicable_intro")?));
        blocks.push(check_table(w, &w.view.not_applicable, "reason")?);
    }
    if blocks.is_empty() {
        blocks.push(paragraph(w.t("text", "nothing_here")?));
    }
    Ok(blocks)
}

fn unanswered(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    if w.view.unanswered.is_empty() {
        return Ok(vec![paragraph(w.word("no_gaps")?)]);
    }
    let mut blocks = vec![paragraph(w.t("text", "unanswered_intro")?)];
    let asks = asks::all(w.assessment);
    let url = w.evidence().and_then(asks::server_url);
    let mut rows: Vec<Row> = Vec::new();
    for who in Who::ALL {
        let Some(ask) = asks.get(&who) else { continue };
        let command = who.command(url.as_deref());
        rows.push(Row {
            cells: vec![
                vec![vec![strong(w.t("who", who.key())?)], line(super::limits::gives(w, who)?)],
                vec![if command.is_empty() { line("–") } else { vec![code(command)] }],
                vec![
                    ask.checks
                        .iter()
                        .enumerate()
                        .flat_map(|(at, check)| [plain(if at > 0 { ", " } else { "" }), code(check.clone())])
                        .collect(),
                ],
                vec![line(w.messages.numeral(&format!("{:.1} %", ask.share * 100.0)))],
            ],
        });
    }
    let columns = vec![
        column(w.word("who_can")?, 6),
        column(w.word("command")?, 6),
        column(w.t("label", "checks")?, 8),
        numbers(w.word("opens")?),
    ];
    blocks.push(Block::Table { columns, rows });
    let label = |key: &str| w.t("label", key);
    let rows = w.view.unanswered.iter().map(|own| {
        let mut cause = vec![vec![strong(own.subjects.join(", "))], line(own.message.clone())];
        cause.extend(cited(&own.evidence));
        Row { cells: vec![names(own), vec![vec![outcome(&own.outcome)]], cause] }
    });
    let columns =
        vec![column(label("check")?, 8), column(label("outcome")?, 3), column(label("subject_cause")?, 9)];
    blocks.push(Block::Table { columns, rows: rows.collect() });
    Ok(blocks)
}
