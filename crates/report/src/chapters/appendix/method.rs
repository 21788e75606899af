//! How risk is graded, what sources say, where the evidence is from, and what words mean.

use super::super::{Writer, grade, outcome, stop};
use super::{Sources, node::facts};
use crate::ReportError;
use crate::model::{
    Block, Line, Row, code, column, heading, line, link, numbers, paragraph, plain, row, soft, strong,
};
use crate::view::sentence;

pub(super) fn method(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
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

pub(super) fn list(w: &Writer<'_>, sources: &Sources) -> Result<Vec<Block>, ReportError> {
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

pub(super) fn conflicts(w: &Writer<'_>, sources: &Sources) -> Result<Vec<Block>, ReportError> {
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

pub(super) fn provenance(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
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

pub(super) fn glossary(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let terms = w.messages.pairs("glossary", "terms")?;
    let rows = terms.into_iter().map(|(term, meaning)| row(vec![vec![strong(term)], line(meaning)]));
    let columns = vec![column(w.t("label", "term")?, 4), column(w.t("label", "meaning")?, 10)];
    Ok(vec![Block::Table { columns, rows: rows.collect() }])
}
