//! Many nodes as a [`Model`]: one main report over all of them, and an appendix with a chapter for each class of node.

mod appendix;
mod chapters;
mod sheet;

use plumb_engine::fleet::{Fleet, Frequent, NodeRow};
use plumb_evidence::model::Origin;

use crate::ReportError;
use crate::chapters::items::Wave;
use crate::chapters::pen::{About, Pen};
use crate::escape::clean;
use crate::model::{ActionRow, FindingRow, MODEL_SCHEMA, Model};
use crate::theme::Theme;
use crate::view::date_of;

pub use sheet::Sheet;
use sheet::Work;

/// The document of many nodes in the language of the theme; `sheets` are those of its nodes, in any order.
///
/// # Errors
/// If a message of the theme is at fault, or a collection time is no time.
pub fn model(fleet: &Fleet, sheets: &[Sheet], theme: &Theme) -> Result<Model, ReportError> {
    let pen = Pen::new(theme.messages());
    let cohort = Cohort::new(fleet, sheets);
    let days = fleet.nodes.iter().map(|node| node.collected.as_str());
    let (first, last) = (days.clone().min().unwrap_or(EPOCH), days.max().unwrap_or(EPOCH));
    let (from, to) = (date_of(first, pen.messages)?, date_of(last, pen.messages)?);
    let collected = if from == to { from } else { format!("{from} – {to}") };
    let parts = vec![chapters::main(&pen, &cohort)?, appendix::part(&pen, &cohort)?];
    let subject = pen.messages.fill("compare", "sets", &[("n", &fleet.nodes.len().to_string())])?;
    let headline = chapters::headline(&pen, &cohort)?;
    let cover = pen.cover(
        &fleet.document,
        &About {
            title: pen.t("fleet", "title")?,
            subject: &subject,
            collected: &collected,
            date: &to,
            synthetic: fleet.nodes.iter().any(|node| node.origin == Origin::Synthetic.as_str()),
            tool: &fleet.tool_version,
            description: &headline,
        },
    )?;
    let actions = cohort.causes.iter().map(|cause| action(&pen, cause)).collect::<Result<_, _>>()?;
    let mut model = Model {
        schema: MODEL_SCHEMA,
        language: pen.messages.language().to_owned(),
        // Rendering reads no clock: the day of the latest collection.
        collected: last.to_owned(),
        cover,
        parts,
        actions,
        findings: findings(&pen, &cohort)?,
        evidence: Vec::new(),
        generated: vec![headline],
        numbers: pen.into_numbers(),
    };
    model.settle_links();
    Ok(model)
}

/// The date of a document without any node.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A fleet with what is to be done about what was found.
pub(crate) struct Cohort<'a> {
    fleet: &'a Fleet,
    sheets: &'a [Sheet],
    /// What was found, the most frequent first.
    causes: Vec<CauseOf<'a>>,
}

/// What several nodes have in common that one change would mend on each.
pub(crate) struct CauseOf<'a> {
    /// `C1`.
    id: String,
    found: &'a Frequent,
    /// What is to be done on the node where it is worst.
    work: Option<&'a Work>,
}

impl<'a> Cohort<'a> {
    fn new(fleet: &'a Fleet, sheets: &'a [Sheet]) -> Self {
        let work = |found: &Frequent| {
            let sheet = sheets.iter().find(|sheet| sheet.name == found.worst)?;
            sheet.work.iter().find(|work| work.root == found.root)
        };
        let causes = fleet
            .frequent
            .iter()
            .zip(1..)
            .map(|(found, n)| CauseOf { id: format!("C{n}"), found, work: work(found) })
            .collect();
        Self { fleet, sheets, causes }
    }

    fn nodes(&self) -> &'a [NodeRow] {
        &self.fleet.nodes
    }
}

impl CauseOf<'_> {
    /// What is wrong, where it is worst.
    fn problem(&self) -> String {
        self.work.map_or_else(|| clean(&self.found.problem), |work| work.problem.clone())
    }

    fn wave(&self) -> Wave {
        self.work.map_or(Wave::Measure, |work| work.wave)
    }
}

/// So many host names are listed in a cell; the JSON form has all.
const NAMED: usize = 6;

fn hosts(hosts: &[String], pen: &Pen<'_>) -> Result<String, ReportError> {
    let mut named: Vec<String> = hosts.iter().take(NAMED).map(|host| clean(host)).collect();
    let more = hosts.len() - named.len();
    if more > 0 {
        named.push(pen.messages.fill("letter", "and_more", &[("n", &more.to_string())])?);
    }
    Ok(named.join(", "))
}

/// For other tools: one entry for each cause, with the hosts that have it.
fn action(pen: &Pen<'_>, cause: &CauseOf<'_>) -> Result<ActionRow, ReportError> {
    let work = cause.work;
    let text = |of: fn(&Work) -> &String| work.map(of).cloned().unwrap_or_default();
    let grade = cause.found.grade.map(|own| crate::view::grade(own, None, pen.messages)).transpose()?;
    let hosts = cause.found.hosts.iter().map(|host| clean(host)).collect::<Vec<_>>().join(", ");
    Ok(ActionRow {
        id: cause.id.clone(),
        grade: grade.map(|own| own.text).unwrap_or_default(),
        problem: format!("{} ({hosts})", cause.problem()),
        steps: work.map(|work| work.steps.clone()).unwrap_or_default(),
        files: Vec::new(),
        effort: text(|work| &work.effort),
        needs: text(|work| &work.needs),
        wave: pen.word(cause.wave().key())?.to_owned(),
        owner: text(|work| &work.owner),
        due: text(|work| &work.due),
        done_when: pen.t("fleet", "done_when")?.to_owned(),
        status: text(|work| &work.status),
    })
}

/// For other tools: one entry for each node that has a cause.
fn findings(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<FindingRow>, ReportError> {
    let mut rows = Vec::new();
    for cause in &cohort.causes {
        let grade = cause.found.grade.map(|own| crate::view::grade(own, None, pen.messages)).transpose()?;
        let grade = grade.map(|own| own.text).unwrap_or_default();
        rows.extend(cause.found.hosts.iter().map(|host| FindingRow {
            id: cause.id.clone(),
            check: cause.found.checks.iter().map(|check| clean(check)).collect::<Vec<_>>().join(", "),
            subject: clean(host),
            outcome: String::new(),
            grade: grade.clone(),
            score: cause.found.score,
            problem: cause.problem(),
            message: String::new(),
        }));
    }
    Ok(rows)
}
