//! States, rates and metrics of a comparison in words.

use plumb_engine::compare::StateSummary;

use crate::ReportError;
use crate::chapters::pen::Pen;
use crate::escape::clean;
use crate::messages::Messages;
use crate::view::capacity::amounts;
use crate::view::{GradeView, coverage_text, grade};

/// One state in words; empty where nothing is known.
pub(super) struct State {
    pub(super) grade: GradeView,
    pub(super) coverage: String,
    pub(super) exposure: String,
    pub(super) proven: String,
    pub(super) need: String,
    pub(super) month: String,
}

pub(super) fn state(pen: &Pen<'_>, state: &StateSummary) -> Result<State, ReportError> {
    let business = state.business.as_ref();
    Ok(State {
        grade: grade(state.grade, state.at_least, pen.messages)?,
        coverage: coverage_text(state.coverage, pen.messages)?,
        exposure: pen.messages.numeral(&format!("{:.1}", state.exposure)),
        proven: business.map(|own| format!("{}/s", rate(own.proven, pen.messages))).unwrap_or_default(),
        need: match business.and_then(|own| Some((own.replicas?, own.gpus))) {
            Some((replicas, Some(gpus))) => format!("{replicas}/{gpus}"),
            Some((replicas, None)) => replicas.to_string(),
            None => String::new(),
        },
        month: business
            .and_then(|own| Some(format!("{} {}", amounts(own.month?), clean(&own.currency))))
            .map(|text| pen.messages.numeral(&text))
            .unwrap_or_default(),
    })
}

/// A rate with no more decimals than it has.
pub(super) fn rate(value: f64, messages: &Messages) -> String {
    let text = format!("{value:.2}");
    messages.numeral(text.trim_end_matches('0').trim_end_matches('.'))
}

/// A ratio as a change in per cent, with its sign.
pub(super) fn percent(ratio: f64, messages: &Messages) -> String {
    let change = (ratio - 1.0) * 100.0;
    let text = format!("{:.1}", change.abs());
    let sign = match text.as_str() {
        "0.0" => "±",
        _ if change < 0.0 => "−",
        _ => "+",
    };
    messages.numeral(&format!("{sign}{text} %"))
}

pub(super) fn span((low, high): (f64, f64), messages: &Messages) -> String {
    format!("{} … {}", percent(low, messages), percent(high, messages))
}

pub(super) fn metric(metric: &str, messages: &Messages) -> String {
    clean(messages.find("compare_metric", metric).unwrap_or(metric))
}

/// Three digits that count.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
