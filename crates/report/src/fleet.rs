//! The summary of many nodes, as Markdown.

use plumb_engine::compare::Setting;
use plumb_engine::fleet::{Class, Fleet, Frequent, NodeRow, Outlier};
use serde::Serialize;
use serde_json::Value;

use crate::ReportError;
use crate::escape::{self, clean};
use crate::messages::Messages;
use crate::render;
use crate::theme::{FLEET_MARKDOWN, Theme};
use crate::view::{GradeView, coverage_text, date_of, grade, sentence};

/// So many host names are listed in a cell; the JSON form has all.
const NAMED: usize = 6;

#[derive(Serialize)]
struct FleetView {
    t: Value,
    grades: Vec<(String, usize)>,
    nodes: Vec<NodeView>,
    frequent: Vec<FrequentView>,
    classes: Vec<ClassView>,
    left_out: Vec<(String, String)>,
    /// That nodes do not exist, where they do not.
    notice: Option<String>,
}

#[derive(Serialize)]
struct NodeView {
    host: String,
    date: String,
    grade: GradeView,
    coverage: String,
    exposure: String,
    deviations: usize,
    issue: String,
}

#[derive(Serialize)]
struct FrequentView {
    check: String,
    title: String,
    grade: Option<GradeView>,
    nodes: usize,
    unanswered: usize,
    hosts: String,
}

#[derive(Serialize)]
struct ClassView {
    name: String,
    nodes: usize,
    outliers: Vec<OutlierView>,
}

#[derive(Serialize)]
struct OutlierView {
    group: String,
    name: String,
    common: String,
    nodes: usize,
    others: Vec<(String, String)>,
}

/// Renders the summary of many nodes as Markdown.
///
/// # Errors
/// As [`markdown`](crate::markdown).
pub fn markdown(fleet: &Fleet, theme: &Theme) -> Result<String, ReportError> {
    let view = view(fleet, theme.messages())?;
    let mut engine = render::engine(theme, ".md.tera")?;
    engine.set_escape_fn(escape::markdown);
    render::render(&engine, theme, FLEET_MARKDOWN, &view)
}

fn view(fleet: &Fleet, messages: &Messages) -> Result<FleetView, ReportError> {
    let grades = fleet
        .grades
        .iter()
        .map(|(id, &count)| Ok((messages.get("grade", id)?.to_owned(), count)))
        .collect::<Result<_, ReportError>>()?;
    let synthetic = fleet.nodes.iter().any(|node| node.origin == "synthetic");
    let notice = synthetic.then(|| messages.get("text", "synthetic")).transpose()?;
    Ok(FleetView {
        t: messages.all().clone(),
        grades,
        nodes: fleet.nodes.iter().map(|node| self::node(node, messages)).collect::<Result<_, _>>()?,
        frequent: fleet.frequent.iter().map(|own| frequent(own, messages)).collect::<Result<_, _>>()?,
        classes: fleet.classes.iter().map(|own| class(own, messages)).collect::<Result<_, _>>()?,
        left_out: fleet.left_out.iter().map(|own| (clean(&own.name), clean(&own.why))).collect(),
        notice: notice.map(str::to_owned),
    })
}

fn node(node: &NodeRow, messages: &Messages) -> Result<NodeView, ReportError> {
    Ok(NodeView {
        host: clean(&node.host),
        date: date_of(&node.collected, messages)?,
        grade: grade(node.grade, node.at_least, messages)?,
        coverage: coverage_text(node.coverage, messages)?,
        exposure: messages.numeral(&format!("{:.1}", node.exposure)),
        deviations: node.deviations,
        issue: sentence(&clean(&node.issue)),
    })
}

fn hosts(hosts: &[String], messages: &Messages) -> Result<String, ReportError> {
    let mut named: Vec<String> = hosts.iter().take(NAMED).map(|host| clean(host)).collect();
    let more = hosts.len() - named.len();
    if more > 0 {
        named.push(messages.fill("letter", "and_more", &[("n", &more.to_string())])?);
    }
    Ok(named.join(", "))
}

fn frequent(own: &Frequent, messages: &Messages) -> Result<FrequentView, ReportError> {
    Ok(FrequentView {
        check: clean(&own.check),
        title: clean(&own.title),
        grade: own.grade.map(|found| grade(found, None, messages)).transpose()?,
        nodes: own.nodes,
        unanswered: own.unanswered,
        hosts: hosts(&own.hosts, messages)?,
    })
}

fn class(own: &Class, messages: &Messages) -> Result<ClassView, ReportError> {
    let value = |setting: &Setting| match setting {
        Setting::Known(text) => Ok(clean(text)),
        Setting::Absent => messages.get("compare", "absent").map(str::to_owned),
        Setting::Unknown(reason) => messages.fill("compare", "unknown", &[("reason", &clean(reason))]),
    };
    let outlier = |own: &Outlier| {
        let others = own
            .others
            .iter()
            .map(|(setting, names)| Ok((value(setting)?, hosts(names, messages)?)))
            .collect::<Result<_, ReportError>>()?;
        Ok(OutlierView {
            group: clean(&own.group),
            name: clean(&own.name),
            common: value(&own.common)?,
            nodes: own.nodes,
            others,
        })
    };
    Ok(ClassView {
        name: clean(&own.name),
        nodes: own.nodes,
        outliers: own.outliers.iter().map(outlier).collect::<Result<_, ReportError>>()?,
    })
}
