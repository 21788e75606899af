//! A chapter for each class of node: its nodes, what each of them has, and where they differ from their like.

use plumb_engine::fleet::{Class, Outlier};

use super::{CauseOf, Cohort, all_hosts, hosts};
use crate::ReportError;
use crate::chapters::pen::Pen;
use crate::chapters::{fact, grade as mark, stop};
use crate::comparison::{setting, setting_name, translated};
use crate::escape::clean;
use crate::model::{
    Block, Chapter, Labelled, Line, Part, Row, code, column, heading, line, numbers, paragraph, plain, soft,
    strong,
};
use crate::view::{date_of, grade, sentence};

/// So many steps of a kind are printed; the report of the node has all.
const STEPS: usize = 8;

pub(super) fn part(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Part, ReportError> {
    let mut chapters = vec![Chapter {
        id: "causes".into(),
        number: String::new(),
        title: pen.t("fleet", "all_causes")?.to_owned(),
        own_page: false,
        blocks: causes(pen, cohort)?,
    }];
    for (index, class) in (1..).zip(&cohort.fleet.classes) {
        let n = pen.messages.fill("fleet", "class", &[("n", &class.nodes.to_string())])?;
        chapters.push(Chapter {
            id: format!("class-{index}"),
            number: String::new(),
            title: format!("{} ({n})", translated(&class.name, "classes", pen.messages)?),
            own_page: false,
            blocks: of_class(pen, cohort, class)?,
        });
    }
    chapters.push(Chapter {
        id: "method".into(),
        number: String::new(),
        title: pen.t("fleet", "method_title")?.to_owned(),
        own_page: false,
        blocks: vec![paragraph(pen.t("fleet", "method")?)],
    });
    pen.appendix(chapters)
}

/// Every cause with its checks, its nodes and all that is to be done.
fn causes(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    if cohort.causes.is_empty() {
        return Ok(vec![paragraph(pen.t("fleet", "frequent_none")?)]);
    }
    let mut blocks = vec![paragraph(pen.t("fleet", "causes_intro")?)];
    for cause in &cohort.causes {
        blocks.push(Block::Heading {
            level: 2,
            id: cause.id.clone(),
            grade: String::new(),
            text: vec![strong(cause.id.clone()), plain(format!("  {}", cause.problem()))],
        });
        blocks.push(Block::Facts { rows: of_cause(pen, cohort, cause)? });
    }
    Ok(blocks)
}

/// What an engineer needs of a cause: where it is, what to type first, the way back, and how one knows that it is done.
fn of_cause(pen: &Pen<'_>, cohort: &Cohort<'_>, cause: &CauseOf<'_>) -> Result<Vec<Labelled>, ReportError> {
    let found = cause.found;
    let mut first: Line = Vec::new();
    if let Some(own) = found.grade {
        first.extend([mark(&grade(own, None, pen.messages)?), plain("  ")]);
    }
    first.extend(all_hosts(&found.hosts));
    let mut rows = vec![Labelled { label: pen.t("fleet", "nodes")?.to_owned(), lines: vec![first] }];
    if !found.of_service {
        let host = all_hosts(&[cohort.host(&found.worst)]);
        rows.push(Labelled { label: pen.t("fleet", "begin_with")?.to_owned(), lines: vec![host] });
    }
    let checks = found.checks.iter().map(|check| format!("`{}`", clean(check))).collect::<Vec<_>>();
    rows.push(fact(pen.t("label", "checks")?, checks.join(", ")));
    let Some(work) = cause.work else { return Ok(rows) };
    if !work.seen.is_empty() {
        rows.push(fact(pen.t("card", "seen")?, stop(&sentence(&work.seen))));
    }
    let mut add = |section: &str, key: &str, steps: &[String]| -> Result<(), ReportError> {
        if !steps.is_empty() {
            let mut lines: Vec<Line> = steps.iter().take(STEPS).map(|step| line(step.clone())).collect();
            let more = steps.len().saturating_sub(STEPS);
            if more > 0 {
                lines.push(line(pen.messages.fill("letter", "and_more", &[("n", &more.to_string())])?));
            }
            rows.push(Labelled { label: pen.t(section, key)?.to_owned(), lines });
        }
        Ok(())
    };
    let remedy = &work.remedy;
    if remedy.now.is_empty() && remedy.permanent.is_empty() {
        match work.steps.as_slice() {
            [] => add("card", "do", &[cause.step(pen)?])?,
            steps => add("card", "do", steps)?,
        }
    }
    // What has no command is done by somebody, once.
    let is_typed = !remedy.now.is_empty() || remedy.permanent.iter().any(|step| step.contains('`'));
    add("label", "now", &remedy.now)?;
    let (section, key) = if is_typed { ("label", "permanent") } else { ("card", "do") };
    add(section, key, &remedy.permanent)?;
    add("label", "rollback", &remedy.back)?;
    if !remedy.verify.is_empty() {
        let text =
            if remedy.verify_is_code { code(remedy.verify.clone()) } else { plain(remedy.verify.clone()) };
        rows.push(Labelled { label: pen.t("label", "verification")?.to_owned(), lines: vec![vec![text]] });
    }
    rows.push(fact(pen.t("card", "done")?, stop(pen.t("fleet", "done_when")?)));
    Ok(rows)
}

fn of_class(pen: &Pen<'_>, cohort: &Cohort<'_>, class: &Class) -> Result<Vec<Block>, ReportError> {
    let mut rows = Vec::new();
    for group in cohort.alike(cohort.nodes().iter().filter(|node| node.class == class.name)) {
        let Some(first) = group.nodes.first() else { continue };
        let proven: Vec<f64> =
            group.nodes.iter().filter_map(|node| Some(node.business.as_ref()?.proven)).collect();
        let mut days: Vec<&str> = group.nodes.iter().map(|node| node.collected.as_str()).collect();
        days.sort_unstable();
        let days: Vec<String> = [days.first(), days.last()]
            .into_iter()
            .flatten()
            .map(|day| date_of(day, pen.messages))
            .collect::<Result<_, _>>()?;
        let days = match days.as_slice() {
            [from, to] if from != to => format!("{from} – {to}"),
            [day, ..] => day.clone(),
            [] => String::new(),
        };
        let names: Vec<String> = group.nodes.iter().map(|node| node.host.clone()).collect();
        rows.push(Row {
            cells: vec![
                vec![line(group.nodes.len().to_string())],
                vec![all_hosts(&names), vec![soft(days)]],
                vec![vec![mark(&grade(first.grade, first.at_least, pen.messages)?)]],
                vec![line(super::coverages(pen, &group.nodes)?)],
                vec![line(super::rates(pen, &proven))],
                vec![line(if group.ids.is_empty() { "–".to_owned() } else { group.ids.join(", ") })],
            ],
        });
    }
    let columns = vec![
        numbers(pen.t("fleet", "count")?),
        column(pen.t("fleet", "nodes")?, 9),
        column(pen.t("label", "grade")?, 5),
        numbers(pen.t("document", "coverage")?),
        numbers(pen.t("tile", "proven")?),
        column(pen.t("label", "findings")?, 5),
    ];
    let mut blocks = vec![Block::Table { columns, rows }];
    blocks.push(heading(pen.t("fleet", "drift")?));
    if class.outliers.is_empty() {
        blocks.push(paragraph(pen.t("fleet", "drift_none")?));
        return Ok(blocks);
    }
    blocks.push(paragraph(pen.t("fleet", "drift_intro")?));
    let rows = class.outliers.iter().map(|own| outlier(pen, own)).collect::<Result<_, _>>()?;
    let columns = vec![
        column(pen.t("compare", "name")?, 6),
        column(pen.t("fleet", "common")?, 6),
        numbers(pen.t("fleet", "nodes")?),
        column(pen.t("fleet", "others")?, 9),
    ];
    blocks.push(Block::Table { columns, rows });
    Ok(blocks)
}

fn outlier(pen: &Pen<'_>, own: &Outlier) -> Result<Row, ReportError> {
    let mut others: Vec<Line> = Vec::new();
    for (value, names) in &own.others {
        let mut own = vec![setting(pen, value)?, plain(": ")];
        own.extend(hosts(names, pen)?);
        others.push(own);
    }
    Ok(Row {
        cells: vec![
            vec![vec![
                plain(format!("{}: ", translated(&own.group, "groups", pen.messages)?)),
                code(setting_name(pen, &own.group, &own.name)?),
            ]],
            vec![vec![setting(pen, &own.common)?]],
            vec![line(own.nodes.to_string())],
            others,
        ],
    })
}
