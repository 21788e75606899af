//! A chapter for each class of node: its nodes, what each of them has, and where they differ from their like.

use plumb_engine::fleet::{Class, NodeRow, Outlier};

use super::{Cohort, hosts};
use crate::ReportError;
use crate::chapters::grade as mark;
use crate::chapters::pen::Pen;
use crate::comparison::setting;
use crate::escape::clean;
use crate::model::{
    Block, Chapter, Line, Part, Row, code, column, heading, line, numbers, paragraph, plain, soft, strong,
};
use crate::view::{coverage_text, date_of, grade};

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
            title: format!("{} ({n})", clean(&class.name)),
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
    let mut blocks = Vec::new();
    for cause in &cohort.causes {
        blocks.push(Block::Heading {
            level: 2,
            id: cause.id.clone(),
            grade: String::new(),
            text: vec![strong(cause.id.clone()), plain(format!("  {}", cause.problem()))],
        });
        let checks = cause.found.checks.iter().map(|check| format!("`{}`", clean(check))).collect::<Vec<_>>();
        let all = cause.found.hosts.iter().map(|host| clean(host)).collect::<Vec<_>>().join(", ");
        let mut rows = vec![
            crate::chapters::fact(pen.t("label", "checks")?, checks.join(", ")),
            crate::chapters::fact(
                pen.t("fleet", "worst_on")?,
                cohort
                    .nodes()
                    .iter()
                    .find(|node| node.name == cause.found.worst)
                    .map(|node| clean(&node.host))
                    .unwrap_or_default(),
            ),
            crate::chapters::fact(pen.t("fleet", "nodes")?, all),
        ];
        if let Some(work) = cause.work.filter(|work| !work.steps.is_empty()) {
            let steps: Vec<Line> = work.steps.iter().map(|step| line(step.clone())).collect();
            rows.push(crate::model::Labelled { label: pen.t("card", "do")?.to_owned(), lines: steps });
        }
        blocks.push(Block::Facts { rows });
    }
    Ok(blocks)
}

fn of_class(pen: &Pen<'_>, cohort: &Cohort<'_>, class: &Class) -> Result<Vec<Block>, ReportError> {
    let members: Vec<&NodeRow> = cohort.nodes().iter().filter(|node| node.class == class.name).collect();
    let mut rows = Vec::new();
    for node in &members {
        let own: Vec<&str> = cohort
            .causes
            .iter()
            .filter(|cause| cause.found.hosts.contains(&node.host))
            .map(|cause| cause.id.as_str())
            .collect();
        let proven = match &node.business {
            Some(own) => {
                let text = format!("{:.2}", own.proven);
                format!("{}/s", pen.messages.numeral(text.trim_end_matches('0').trim_end_matches('.')))
            }
            None => "–".to_owned(),
        };
        rows.push(Row {
            cells: vec![
                vec![vec![strong(clean(&node.host))], vec![soft(date_of(&node.collected, pen.messages)?)]],
                vec![vec![mark(&grade(node.grade, node.at_least, pen.messages)?)]],
                vec![line(coverage_text(node.coverage, pen.messages)?)],
                vec![line(proven)],
                vec![line(own.join(", "))],
            ],
        });
    }
    let columns = vec![
        column(pen.t("fleet", "node")?, 6),
        column(pen.t("label", "grade")?, 5),
        numbers(pen.t("document", "coverage")?),
        numbers(pen.t("tile", "proven")?),
        column(pen.t("label", "findings")?, 9),
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
        others.push(vec![setting(pen, value)?, plain(format!(": {}", hosts(names, pen)?))]);
    }
    Ok(Row {
        cells: vec![
            vec![vec![plain(format!("{}: ", clean(&own.group))), code(clean(&own.name))]],
            vec![vec![setting(pen, &own.common)?]],
            vec![line(own.nodes.to_string())],
            others,
        ],
    })
}
