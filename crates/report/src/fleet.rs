//! Many nodes as a [`Model`]: one main report over all of them, and an appendix with a chapter for each class of node.

mod appendix;
mod chapters;
mod sheet;

use plumb_engine::Grade;
use plumb_engine::fleet::{Fleet, Frequent, NodeRow};
use plumb_evidence::model::Origin;

use crate::ReportError;
use crate::chapters::items::Wave;
use crate::chapters::pen::{About, Pen};
use crate::escape::clean;
use crate::model::{ActionRow, FindingRow, Line, MODEL_SCHEMA, Model, plain, styled};
use crate::theme::Theme;
use crate::view::date_of;

use chapters::{coverages, rates};
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
    let mut cover = pen.cover(
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
    if !cover.notice.is_empty() {
        pen.t("fleet", "synthetic")?.clone_into(&mut cover.notice);
    }
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
    /// What was found on nodes, the worst first; then what is of the whole service.
    causes: Vec<CauseOf<'a>>,
}

/// Nodes of one grade that have the same findings.
pub(crate) struct Alike<'a> {
    nodes: Vec<&'a NodeRow>,
    /// Names of their findings.
    ids: Vec<String>,
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
        let mut found: Vec<&Frequent> = fleet.frequent.iter().collect();
        // The engine has the most frequent first, which breaks the tie.
        found.sort_by(|a, b| {
            (a.of_service.cmp(&b.of_service)).then(b.grade.cmp(&a.grade)).then(b.nodes.cmp(&a.nodes))
        });
        let causes = found
            .into_iter()
            .zip(1..)
            .map(|(found, n)| CauseOf { id: format!("C{n}"), found, work: work(found) })
            .collect();
        Self { fleet, sheets, causes }
    }

    fn nodes(&self) -> &'a [NodeRow] {
        &self.fleet.nodes
    }

    /// Causes that are to be corrected on nodes.
    fn of_nodes(&self) -> impl Iterator<Item = &CauseOf<'a>> {
        self.causes.iter().filter(|cause| !cause.found.of_service)
    }

    /// Causes that are of the whole service, whichever nodes tell of them.
    fn of_service(&self) -> impl Iterator<Item = &CauseOf<'a>> {
        self.causes.iter().filter(|cause| cause.found.of_service)
    }

    /// Some nodes by what they have in common, in their order.
    fn alike(&self, nodes: impl Iterator<Item = &'a NodeRow>) -> Vec<Alike<'a>> {
        let mut groups: Vec<((Grade, Option<Grade>), Alike<'a>)> = Vec::new();
        for node in nodes {
            let ids: Vec<String> = self
                .of_nodes()
                .filter(|cause| cause.found.hosts.contains(&node.host))
                .map(|cause| cause.id.clone())
                .collect();
            let grade = (node.grade, node.at_least);
            match groups.iter_mut().find(|(own, group)| *own == grade && group.ids == ids) {
                Some((_, group)) => group.nodes.push(node),
                None => groups.push((grade, Alike { nodes: vec![node], ids })),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Host name of the node of this file.
    fn host(&self, file: &str) -> String {
        let node = self.nodes().iter().find(|node| node.name == file);
        node.map(|node| clean(&node.host)).unwrap_or_default()
    }
}

impl CauseOf<'_> {
    /// What is wrong, where it is worst.
    fn problem(&self) -> String {
        self.work.map_or_else(|| clean(&self.found.problem), |work| work.problem.clone())
    }

    fn wave(&self) -> Wave {
        match self.work {
            // What has no step of its own is looked at again when the others are done.
            Some(work) if work.steps.is_empty() => Wave::Measure,
            Some(work) => work.wave,
            None => Wave::Measure,
        }
    }

    /// What is to be done about it first.
    fn step(&self, pen: &Pen<'_>) -> Result<String, ReportError> {
        match self.work.and_then(|work| work.steps.first()) {
            Some(step) => Ok(step.clone()),
            None => Ok(pen.t("fleet", "look_again")?.to_owned()),
        }
    }
}

/// So many host names are listed in a cell; the JSON form has all.
const NAMED: usize = 6;

/// The first of some host names, none of which breaks at the end of a line.
fn hosts(hosts: &[String], pen: &Pen<'_>) -> Result<Line, ReportError> {
    let mut named = all_hosts(&hosts[..hosts.len().min(NAMED)]);
    let more = hosts.len().saturating_sub(NAMED);
    if more > 0 {
        let more = pen.messages.fill("letter", "and_more", &[("n", &more.to_string())])?;
        named.push(plain(format!(", {more}")));
    }
    Ok(named)
}

/// Host names, none of which breaks at the end of a line.
fn all_hosts(hosts: &[String]) -> Line {
    let mut named = Line::new();
    for host in hosts {
        if !named.is_empty() {
            named.push(plain(", "));
        }
        named.push(styled("name", clean(host)));
    }
    named
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
        steps: match work {
            Some(work) if !work.steps.is_empty() => work.steps.clone(),
            _ => vec![cause.step(pen)?],
        },
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
