//! The appendix: everything else, in lettered chapters that engineers act on.

use std::cell::RefCell;

use plumb_engine::document::Section;

use super::asks::{self, Who};
use super::{Writer, basis, grade, outcome, stop};
use crate::ReportError;
use crate::model::{
    APPENDIX, Block, Chapter, Column, Labelled, Line, Part, Row, code, column, heading, line, link, numbers,
    paragraph, plain, row, soft, strong,
};
use crate::view::client::WorkView;
use crate::view::findings::{Evidence, Group, Instance, Row as CheckRow, Source};
use crate::view::measured::Experiment;
use crate::view::{Fact, sentence};

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
        chapters.push(chapter("measurements", measurements(w)?)?);
    }
    if w.printed(Section::Node) {
        chapters.push(chapter("node", node(w)?)?);
    }
    chapters.push(chapter("passed", passed(w)?)?);
    chapters.push(chapter("unanswered", unanswered(w)?)?);
    chapters.push(chapter("method", method(w)?)?);
    let disagreements = if w.printed(Section::Conflicts) { conflicts(w, &sources)? } else { Vec::new() };
    chapters.push(chapter("sources", list(w, &sources)?)?);
    if !disagreements.is_empty() {
        chapters.push(chapter("disagreements", disagreements)?);
    }
    chapters.push(chapter("provenance", provenance(w)?)?);
    if w.printed(Section::Glossary) {
        chapters.push(chapter("glossary", glossary(w)?)?);
    }
    for (letter, chapter) in ('A'..='Z').zip(&mut chapters) {
        chapter.number = letter.to_string();
    }
    Ok(Part { id: APPENDIX.to_owned(), title: w.t("part", APPENDIX)?.to_owned(), chapters })
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

// --- B ---

fn measurements(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let measured = &w.view.measured;
    let label = |key: &str| w.t("label", key);
    let mut blocks = Vec::new();
    if !measured.nothing.is_empty() {
        blocks.push(paragraph(measured.nothing.clone()));
    }
    if !measured.runs.is_empty() {
        blocks.push(heading(w.t("heading", "runs")?));
        blocks.push(paragraph(w.t("text", "runs_intro")?));
        let yes = w.t("answer", "yes")?;
        let mut rows = Vec::new();
        for run in &measured.runs {
            let mut load = vec![line(run.load.clone())];
            if run.valid != yes {
                load.push(vec![soft(format!("{}: {}", label("valid")?, run.valid))]);
            }
            let mut cells = vec![load];
            for text in [&run.requests, &run.ttft, &run.itl, &run.e2e, &run.tokens, &run.attainment] {
                cells.push(vec![line(text.clone())]);
            }
            rows.push(Row { cells });
        }
        let columns = vec![
            column(label("run_load")?, 1),
            numbers(label("requests")?),
            numbers("TTFT"),
            numbers("ITL"),
            numbers("E2E"),
            numbers(label("tokens")?),
            numbers(label("attainment")?),
        ];
        blocks.push(Block::Table { columns, rows });
        if measured.more_runs > 0 {
            blocks.push(paragraph(w.t("text", "more_runs")?.replace("{n}", &measured.more_runs.to_string())));
        }
        if !measured.cautions.is_empty() {
            blocks.push(Block::Heading {
                level: 3,
                id: String::new(),
                grade: String::new(),
                text: line(label("warnings")?),
            });
            let items = measured
                .cautions
                .iter()
                .map(|own| vec![strong(own.label.clone()), plain(format!(": {}", stop(&own.value)))]);
            blocks.push(Block::List { ordered: false, items: items.collect() });
            if measured.more_cautions > 0 {
                blocks.push(paragraph(
                    w.t("text", "more_evidence")?.replace("{n}", &measured.more_cautions.to_string()),
                ));
            }
        }
    }
    blocks.extend(w.figures("measurements"));
    if !measured.experiments.is_empty() {
        blocks.push(heading(w.t("heading", "experiments")?));
        blocks.push(paragraph(w.t("text", "experiments_intro")?));
        for own in &measured.experiments {
            blocks.extend(experiment(w, own)?);
        }
    }
    if !measured.noise.is_empty() {
        blocks.push(heading(w.t("heading", "noise")?));
        blocks.push(paragraph(w.t("text", "noise_intro")?));
        let rows = measured.noise.iter().map(|own| {
            row(vec![
                line(own.cpu.to_string()),
                line(own.lost.clone()),
                line(own.longest.clone()),
                line(own.wakeup.clone()),
            ])
        });
        let columns = vec![
            numbers(label("cpu")?),
            numbers(label("lost")?),
            numbers(label("longest")?),
            numbers(label("wakeup")?),
        ];
        blocks.push(Block::Table { columns, rows: rows.collect() });
        if measured.more_noise > 0 {
            blocks
                .push(paragraph(w.t("text", "more_noise")?.replace("{n}", &measured.more_noise.to_string())));
        }
    }
    if w.printed(Section::Capacity) && w.assessment.capacity.plan.is_some() {
        blocks.extend(plan(w)?);
    }
    Ok(blocks)
}

fn experiment(w: &Writer<'_>, own: &Experiment) -> Result<Vec<Block>, ReportError> {
    let label = |key: &str| w.t("label", key);
    let mut blocks = vec![Block::Heading {
        level: 3,
        id: String::new(),
        grade: String::new(),
        text: line(own.name.clone()),
    }];
    let about = format!("{} · {} · {} {}", own.load, own.replication, own.blocks, label("blocks")?);
    blocks.push(Block::Paragraph { text: vec![soft(about)], style: "soft".into() });
    if !own.invalid.is_empty() {
        let title = w.t("text", "not_valid")?.to_owned();
        blocks.push(Block::Note { title, lines: vec![line(stop(&own.invalid))] });
    }
    if !own.interpretation.is_empty() {
        let told: Vec<String> = own.interpretation.iter().map(|text| stop(text)).collect();
        let title = w.t("label", "interpretation")?.to_owned();
        blocks.push(Block::Note { title, lines: vec![line(told.join(" "))] });
    }
    if !own.conclusions.is_empty() {
        blocks.push(Block::List {
            ordered: false,
            items: own.conclusions.iter().map(|text| line(stop(text))).collect(),
        });
    }
    if !own.effects.is_empty() {
        let rows = own.effects.iter().map(|own| {
            row(vec![
                line(own.cell.clone()),
                line(own.metric.clone()),
                line(own.change.clone()),
                line(own.interval.clone()),
                line(own.detectable.clone()),
                vec![strong(own.verdict.clone())],
            ])
        });
        let columns = vec![
            column(label("cell")?, 6),
            column(label("metric")?, 5),
            numbers(label("effect_short")?),
            numbers(label("interval")?),
            numbers(label("detectable")?),
            column(label("verdict")?, 4),
        ];
        blocks.push(Block::Table { columns, rows: rows.collect() });
    }
    if !own.unmeasured.is_empty() {
        let items = own
            .unmeasured
            .iter()
            .map(|own| vec![strong(own.label.clone()), plain(format!(": {}", own.value))]);
        blocks.push(Block::Paragraph { text: vec![strong(label("not_measured")?)], style: String::new() });
        blocks.push(Block::List { ordered: false, items: items.collect() });
    }
    if !own.warnings.is_empty() {
        let lines = own.warnings.iter().map(|text| line(stop(text))).collect();
        blocks.push(Block::Note { title: label("warnings")?.to_owned(), lines });
    }
    Ok(blocks)
}

/// All numbers of the plan, with the formula.
fn plan(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let view = &w.view.capacity;
    let label = |key: &str| w.t("label", key);
    let mut blocks = vec![heading(w.t("heading", "capacity")?), paragraph(w.t("text", "capacity_intro")?)];
    let columns: Vec<Column> =
        vec![column(label("number")?, 6), column(label("value")?, 6), column(label("label")?, 3)];
    let groups = [&view.goodput, &view.plan, &view.assumptions, &view.saving, &view.money, &view.sensitivity];
    let rows = groups.into_iter().flatten().map(|own| {
        row(vec![line(own.name.clone()), vec![strong(own.value.clone())], vec![basis(&own.label)]])
    });
    blocks.push(Block::Table { columns, rows: rows.collect() });
    blocks.extend(w.figures("capacity"));
    blocks.push(Block::Note { title: String::new(), lines: vec![line(w.t("text", "capacity_falsify")?)] });
    Ok(blocks)
}

// --- C ---

fn facts(rows: &[Fact]) -> Block {
    let rows = rows
        .iter()
        .map(|own| {
            let value = if own.code { code(own.value.clone()) } else { plain(own.value.clone()) };
            Labelled { label: own.label.clone(), lines: vec![vec![value]] }
        })
        .collect();
    Block::Facts { rows }
}

fn node(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let label = |key: &str| w.t("label", key);
    let mut blocks: Vec<Block> = w.figures("node").collect();
    if w.view.node.is_empty() {
        blocks.push(paragraph(w.t("text", "node_empty")?));
    } else {
        blocks.push(facts(&w.view.node));
    }
    let profile = &w.view.profile;
    blocks.push(heading(w.t("heading", "profile")?));
    blocks.push(paragraph(w.t("text", "profile_intro")?));
    let mut rows = vec![row(vec![
        line(label("platform")?),
        line(profile.platform.clone()),
        line(profile.platform_source.clone()),
    ])];
    for own in &profile.traits {
        rows.push(row(vec![line(own.name.clone()), line(own.answer.clone()), line(own.source.clone())]));
    }
    rows.push(row(vec![line(label("load")?), line(""), line(profile.load.clone())]));
    let columns =
        vec![column(label("trait")?, 6), column(label("holds")?, 3), column(label("known_from")?, 8)];
    blocks.push(Block::Table { columns, rows });
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
    let mut rows: Vec<Row> = Vec::new();
    for who in Who::ALL {
        let Some(ask) = asks.get(&who) else { continue };
        let command = who.command();
        rows.push(Row {
            cells: vec![
                vec![
                    vec![strong(w.t("who", who.key())?)],
                    line(w.t("who", &format!("{}_gives", who.key()))?),
                ],
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

// --- F to J ---

fn method(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let view = w.view;
    let m = |key: &str| w.t("method", key);
    let label = |key: &str| w.t("label", key);
    let mut blocks = Vec::new();
    if !m("language")?.is_empty() {
        blocks.push(paragraph(m("language")?));
    }
    blocks.push(heading(w.t("heading", "how_graded")?));
    blocks.push(paragraph(m("risk")?));
    blocks.push(Block::Paragraph { text: vec![strong(m("formula")?)], style: String::new() });
    blocks.push(paragraph(m("formula_words")?));
    let two =
        |caption: &str, heads: (&str, &str), rows: Vec<(String, String)>| -> Result<Block, ReportError> {
            let rows = rows.into_iter().map(|(a, b)| row(vec![line(a), line(b)])).collect();
            Ok(Block::Table {
                columns: vec![
                    column(format!("{}: {}", m(caption)?, label(heads.0)?), 4),
                    column(label(heads.1)?, 8),
                ],
                rows,
            })
        };
    let bands = ["high", "medium", "low"]
        .map(|id| Ok((w.t("grade", id)?.to_owned(), m(&format!("band_{id}"))?.to_owned())));
    blocks.push(two(
        "bands_caption",
        ("grade", "band"),
        bands.into_iter().collect::<Result<_, ReportError>>()?,
    )?);
    let severities = [("critical", "4"), ("high", "3"), ("medium", "2"), ("low", "1"), ("info", "0")]
        .map(|(id, points)| Ok((w.t("severity", id)?.to_owned(), points.to_owned())));
    blocks.push(two(
        "severity_caption",
        ("severity", "points"),
        severities.into_iter().collect::<Result<_, ReportError>>()?,
    )?);
    let rungs = ["4", "3", "2", "1"].map(|rung| Ok((rung.to_owned(), w.t("likelihood", rung)?.to_owned())));
    blocks.push(two(
        "ladder_caption",
        ("points", "meaning"),
        rungs.into_iter().collect::<Result<_, ReportError>>()?,
    )?);
    let confidences = ["high", "medium", "low"].map(|id| {
        let name = format!("{} ({})", w.t("confidence", id)?, w.t("confidence_factor", id)?);
        Ok((name, w.t("confidence_meaning", id)?.to_owned()))
    });
    blocks.push(two(
        "confidence_caption",
        ("confidence", "meaning"),
        confidences.into_iter().collect::<Result<_, ReportError>>()?,
    )?);
    for key in ["floors", "category", "overall", "thresholds"] {
        blocks.push(paragraph(m(key)?));
    }
    blocks.push(heading(w.t("heading", "coverage")?));
    blocks.push(paragraph(m("coverage")?));
    let rows = view.categories.iter().map(|own| {
        let mut name = vec![line(own.title.clone())];
        if own.stepped_up {
            name.push(vec![soft(w.messages.find("text", "stepped_up").unwrap_or_default())]);
        }
        Row {
            cells: vec![
                name,
                vec![own.grade.as_ref().map_or_else(
                    || line(w.messages.find("grade", "none").unwrap_or_default()),
                    |own| vec![grade(own)],
                )],
                vec![line(if own.coverage.percent.is_none() { "–" } else { &own.coverage.text })],
                vec![line(own.deviations.to_string())],
                vec![line(own.unanswered.to_string())],
                vec![line(own.not_applicable.to_string())],
            ],
        }
    });
    let columns = vec![
        column(label("category")?, 6),
        column(label("grade")?, 6),
        numbers(label("coverage")?),
        numbers(label("deviations")?),
        numbers(label("unanswered")?),
        numbers(label("not_applicable")?),
    ];
    blocks.push(Block::Table { columns, rows: rows.collect() });
    blocks.push(heading(w.t("heading", "outcomes")?));
    let missing = vec![strong(m("missing")?), plain(format!(" {}", m("missing_more")?))];
    blocks.push(Block::Note { title: String::new(), lines: vec![missing] });
    let rows = view.counts.iter().map(|own| {
        let mark = crate::view::findings::Word { id: own.id.to_owned(), word: own.word.clone() };
        row(vec![
            vec![outcome(&mark)],
            line(own.meaning.clone()),
            line(own.findings.to_string()),
            line(own.checks.to_string()),
        ])
    });
    let columns = vec![
        column(label("outcome")?, 3),
        column(label("meaning")?, 10),
        numbers(label("places")?),
        numbers(label("checks")?),
    ];
    blocks.push(Block::Table { columns, rows: rows.collect() });
    blocks.push(heading(w.t("heading", "indices")?));
    blocks.push(paragraph(m("indices")?));
    blocks.push(facts(&view.indices));
    Ok(blocks)
}

fn list(w: &Writer<'_>, sources: &Sources) -> Result<Vec<Block>, ReportError> {
    let all = sources.0.borrow();
    if all.is_empty() {
        return Ok(vec![paragraph(w.t("text", "nothing_here")?)]);
    }
    let rows = all.iter().enumerate().map(|(at, own)| {
        let mut text = vec![plain(own.title.clone())];
        if !own.url.is_empty() {
            let mut address = code(own.url.clone());
            if own.link {
                address.link.clone_from(&own.url);
            }
            text.extend([plain(": "), address]);
        }
        row(vec![line(format!("[{}]", at + 1)), text])
    });
    let columns = vec![column("", 0), column(w.t("label", "source")?, 1)];
    Ok(vec![paragraph(w.word("sources_intro")?), Block::Table { columns, rows: rows.collect() }])
}

fn conflicts(w: &Writer<'_>, sources: &Sources) -> Result<Vec<Block>, ReportError> {
    let label = |key: &str| w.t("label", key);
    if w.view.conflicts.is_empty() {
        return Ok(Vec::new());
    }
    let mut blocks = vec![paragraph(w.t("text", "conflicts_intro")?)];
    for own in &w.view.conflicts {
        blocks.push(heading(own.topic.clone()));
        let rows = own.sources.iter().map(|own| {
            let number = sources.cite(std::slice::from_ref(&own.source));
            row(vec![
                vec![plain(format!("{} ", own.who)), link("sources", format!("[{}]", number.join(", ")))],
                line(own.says.clone()),
            ])
        });
        let columns = vec![column(label("source")?, 4), column(label("says")?, 9)];
        blocks.push(Block::Table { columns, rows: rows.collect() });
        let mut text = line(format!("{} {} ", stop(&own.position), stop(&own.reason)));
        for (at, check) in own.checks.iter().enumerate() {
            text.extend([plain(if at > 0 { ", " } else { "" }), code(check.clone())]);
        }
        blocks.push(Block::Note { title: label("position")?.to_owned(), lines: vec![text] });
    }
    Ok(blocks)
}

fn provenance(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let view = w.view;
    let label = |key: &str| w.t("label", key);
    let mut blocks = vec![paragraph(w.t("method", "provenance")?), facts(&view.provenance)];
    let hashes = w.material.hand.map_or(&[][..], |hand| hand.hashes.as_slice());
    if !hashes.is_empty() {
        let rows = hashes
            .iter()
            .map(|(name, hash)| row(vec![vec![code(crate::escape::clean(name))], vec![code(hash.clone())]]));
        let columns = vec![column(w.word("engagement_files")?, 5), column(label("sha256")?, 12)];
        blocks.push(Block::Table { columns, rows: rows.collect() });
    }
    if !view.contradictions.is_empty() {
        blocks.push(heading(w.t("heading", "contradictions")?));
        blocks.push(paragraph(w.t("text", "contradictions_intro")?));
        let rows = view.contradictions.iter().map(|own| {
            let sources: Vec<Line> = own
                .sources
                .iter()
                .map(|own| vec![code(own.source.clone()), plain(": "), code(own.value.clone())])
                .collect();
            Row { cells: vec![vec![line(stop(&own.sentence))], sources] }
        });
        let columns = vec![column(label("found")?, 9), column(label("evidence")?, 8)];
        blocks.push(Block::Table { columns, rows: rows.collect() });
    }
    blocks.push(heading(w.t("heading", "probes")?));
    if view.probes.is_empty() {
        blocks.push(paragraph(w.t("text", "probes_ok")?));
    } else {
        let rows = view.probes.iter().map(|own| {
            let status = w.messages.find("probe_status", &own.status).unwrap_or(&own.status);
            row(vec![vec![code(own.id.clone())], line(status), line(own.reason.clone())])
        });
        let columns =
            vec![column(label("probe")?, 4), column(label("status")?, 3), column(label("reason")?, 10)];
        blocks.push(Block::Table { columns, rows: rows.collect() });
    }
    blocks.push(heading(w.t("heading", "packs")?));
    if view.packs.is_empty() {
        blocks.push(paragraph(w.t("text", "packs_empty")?));
        return Ok(blocks);
    }
    let intro = match &view.protection {
        Some(protection) => format!("{} {}", w.t("method", "packs")?, protection),
        None => w.t("method", "packs")?.to_owned(),
    };
    blocks.push(paragraph(intro));
    let rows = view.packs.iter().map(|own| {
        let mut status = vec![line(sentence(&own.status))];
        if view.protection.is_none() {
            status.push(vec![soft(own.sandbox.clone())]);
        }
        Row {
            cells: vec![
                vec![line(own.id.clone())],
                vec![line(own.version.clone())],
                vec![line(own.checks.to_string())],
                status,
                vec![vec![code(own.sha256.clone())]],
            ],
        }
    });
    let columns = vec![
        column(label("pack")?, 4),
        column(label("version")?, 2),
        numbers(label("checks")?),
        column(label("status_sandbox")?, 4),
        column(label("sha256")?, 9),
    ];
    blocks.push(Block::Table { columns, rows: rows.collect() });
    Ok(blocks)
}

fn glossary(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let terms = w.messages.pairs("glossary", "terms")?;
    let rows = terms.into_iter().map(|(term, meaning)| row(vec![vec![strong(term)], line(meaning)]));
    let columns = vec![column(w.t("label", "term")?, 4), column(w.t("label", "meaning")?, 10)];
    Ok(vec![Block::Table { columns, rows: rows.collect() }])
}
