//! Two states of a node, or of many, as a [`Model`]: a letter for management, and lists for engineers.

mod letter;
mod lists;
pub(crate) use lists::{setting, setting_name};
mod words;
pub(crate) use words::translated;

use plumb_engine::compare::{Comparison, ComparisonSet};
use plumb_evidence::model::Origin;

use crate::ReportError;
use crate::chapters::fact;
use crate::chapters::pen::{About, Pen};
use crate::escape::clean;
use crate::model::{
    Block, Chapter, MODEL_SCHEMA, Model, Part, Row, code, column, heading, line, numbers, paragraph, plain,
    row, strong,
};
use crate::theme::Theme;
use crate::view::date_of;

/// The document of a comparison in the language of the theme: what every format is rendered from.
///
/// # Errors
/// If a message of the theme is at fault, or a collection time is no time.
pub fn model(set: &ComparisonSet, theme: &Theme) -> Result<Model, ReportError> {
    let pen = Pen::new(theme.messages());
    let parts = vec![main(&pen, set)?, appendix(&pen, set)?];
    let latest = set.nodes.iter().map(|node| node.after.collected.as_str()).max().unwrap_or(EPOCH);
    let host = match set.nodes.as_slice() {
        [only] => clean(&only.host),
        many => pen.messages.fill("compare", "sets", &[("n", &many.len().to_string())])?,
    };
    let synthetic = |node: &Comparison| {
        [&node.before, &node.after].iter().any(|side| side.origin == Origin::Synthetic.as_str())
    };
    let collected = match set.nodes.as_slice() {
        [only] => pen.messages.fill(
            "compare",
            "both_days",
            &[
                ("before", &date_of(&only.before.collected, pen.messages)?),
                ("after", &date_of(&only.after.collected, pen.messages)?),
            ],
        )?,
        _ => String::new(),
    };
    let headline = set.nodes.first().map(|node| letter::headline(&pen, node)).transpose()?;
    let cover = pen.cover(
        &set.document,
        &About {
            title: pen.t("compare", "title")?,
            subject: &host,
            collected: &collected,
            date: &date_of(latest, pen.messages)?,
            synthetic: set.nodes.iter().any(synthetic),
            tool: &set.tool_version,
            description: headline.as_deref().unwrap_or_default(),
        },
    )?;
    let mut model = Model {
        schema: MODEL_SCHEMA,
        language: pen.messages.language().to_owned(),
        // Rendering reads no clock: the day of the later collection.
        collected: latest.to_owned(),
        cover,
        parts,
        actions: Vec::new(),
        findings: lists::rows(&pen, set)?,
        evidence: Vec::new(),
        generated: headline.into_iter().collect(),
        numbers: pen.into_numbers(),
    };
    model.settle_links();
    Ok(model)
}

/// The date of a document without any node.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// `id` for one node, `id-2` for the second of several.
fn anchor(id: &str, index: usize) -> String {
    if index == 0 { id.to_owned() } else { format!("{id}-{}", index + 1) }
}

fn chapter(id: String, title: String, own_page: bool, blocks: Vec<Block>) -> Chapter {
    Chapter { id, number: String::new(), title, own_page, blocks }
}

/// The title of a chapter about a node, which says its host where there are several.
fn of_node(pen: &Pen<'_>, key: &str, node: &Comparison, many: bool) -> Result<String, ReportError> {
    let title = pen.t("compare", key)?;
    Ok(if many { format!("{title}: {}", clean(&node.host)) } else { title.to_owned() })
}

fn main(pen: &Pen<'_>, set: &ComparisonSet) -> Result<Part, ReportError> {
    let many = set.nodes.len() > 1;
    let mut chapters = Vec::new();
    if many {
        let title = pen.t("compare", "all_nodes")?.to_owned();
        chapters.push(chapter("nodes".into(), title, true, all_nodes(pen, set)?));
    }
    for (index, node) in set.nodes.iter().enumerate() {
        let title = of_node(pen, "letter", node, many)?;
        chapters.push(chapter(anchor("letter", index), title, true, letter::blocks(pen, node, index)?));
    }
    let mut method = vec![paragraph(pen.t("compare", "prepared")?), paragraph(pen.t("compare", "method")?)];
    if !set.only_before.is_empty() || !set.only_after.is_empty() {
        method.push(heading(pen.t("compare", "unpaired")?));
        method.push(paragraph(pen.t("compare", "unpaired_intro")?));
        let mut items = Vec::new();
        for (key, list) in [("only_before", &set.only_before), ("only_after", &set.only_after)] {
            for own in list {
                items.push(vec![
                    plain(format!("{}: ", pen.t("compare", key)?)),
                    code(clean(&own.name)),
                    plain(format!(": {}", clean(&own.why))),
                ]);
            }
        }
        method.push(Block::List { ordered: false, items });
    }
    chapters.push(chapter("method".into(), pen.t("compare", "appendix")?.to_owned(), false, method));
    pen.main(chapters)
}

/// One line for each node.
fn all_nodes(pen: &Pen<'_>, set: &ComparisonSet) -> Result<Vec<Block>, ReportError> {
    let mut rows: Vec<Row> = Vec::new();
    for node in &set.nodes {
        let (before, after) = (words::state(pen, &node.before)?, words::state(pen, &node.after)?);
        let both = |from: &str, to: &str| line(format!("{from} → {to}"));
        rows.push(row(vec![
            vec![strong(clean(&node.host))],
            both(&before.grade.text, &after.grade.text),
            both(&node.before.deviations.to_string(), &node.after.deviations.to_string()),
            both(dash(&before.proven), dash(&after.proven)),
        ]));
    }
    let columns = vec![
        column(pen.t("fleet", "node")?, 5),
        column(pen.t("document", "overall")?, 6),
        numbers(pen.t("label", "findings")?),
        numbers(pen.t("compare", "proven")?),
    ];
    Ok(vec![Block::Table { columns, rows }])
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

fn appendix(pen: &Pen<'_>, set: &ComparisonSet) -> Result<Part, ReportError> {
    let many = set.nodes.len() > 1;
    let mut chapters = Vec::new();
    for (index, node) in set.nodes.iter().enumerate() {
        for (key, blocks) in [
            ("counts", lists::findings(pen, node)?),
            ("measured", lists::measured(pen, node)?),
            ("drift", lists::drift(pen, node)?),
            ("bundles", bundles(pen, node)?),
        ] {
            let title = of_node(pen, key, node, many)?;
            chapters.push(chapter(anchor(key, index), title, false, blocks));
        }
    }
    pen.appendix(chapters)
}

/// What both states were read from.
fn bundles(pen: &Pen<'_>, node: &Comparison) -> Result<Vec<Block>, ReportError> {
    let mut rows = Vec::new();
    for (key, state) in [("state_before", &node.before), ("state_after", &node.after)] {
        let mut own = fact(pen.t("compare", key)?, format!("{} ", date_of(&state.collected, pen.messages)?));
        own.lines.push(vec![code(clean(&state.name))]);
        own.lines
            .push(vec![plain(format!("{}: ", pen.t("label", "bundle")?)), code(clean(&state.bundle_sha256))]);
        rows.push(own);
    }
    Ok(vec![Block::Facts { rows }])
}
