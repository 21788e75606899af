//! States, rates and metrics of a comparison in words.

use plumb_engine::compare::{Business, MeasuredChange, StateSummary};

use crate::ReportError;
use crate::chapters::pen::Pen;
use crate::escape::clean;
use crate::messages::Messages;
use crate::view::capacity::amounts;
use crate::view::{GradeView, coverage_text, grade};

/// Holds a number and its unit together at the end of a line.
const HOLD: char = '\u{a0}';

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
    messages.numeral(&format!("{sign}{text}{HOLD}%"))
}

/// How far a ratio is from no change, in per cent without a sign.
pub(super) fn far(ratio: f64, messages: &Messages) -> String {
    messages.numeral(&format!("{:.1}{HOLD}%", ((ratio - 1.0) * 100.0).abs()))
}

pub(super) fn span((low, high): (f64, f64), messages: &Messages) -> String {
    format!("{} … {}", percent(low, messages), percent(high, messages))
}

pub(super) fn metric(metric: &str, messages: &Messages) -> String {
    clean(messages.find("compare_metric", metric).unwrap_or(metric))
}

/// The unit of a metric: what is counted a second.
pub(super) fn unit(change: &MeasuredChange, messages: &Messages) -> String {
    clean(messages.find("compare_unit", &change.metric).unwrap_or(&change.unit))
}

/// A load with the lengths of its requests.
pub(super) fn load(load: &str, messages: &Messages) -> Result<String, ReportError> {
    let text = crate::load::words(load, messages)?;
    let text = text.replace(" asked for)", &format!(" {})", messages.get("compare", "asked_for")?));
    Ok(match text.strip_suffix(" tokens") {
        Some(lengths) => format!("{lengths} {}", messages.get("compare", "tokens")?),
        None => text,
    })
}

/// A text of the engine that has English words in it, in the words of the document: each pair of `key` whose first is a part
/// of the text between spaces is replaced by its second, the longer ones first.
pub(crate) fn translated(text: &str, key: &str, messages: &Messages) -> Result<String, ReportError> {
    let mut pairs = messages.pairs("compare", key)?;
    pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    let mut text = clean(text);
    for (from, to) in pairs {
        let mut done = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(from) {
            let (before, after) = rest.split_at(at);
            let after = &after[from.len()..];
            let is_free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '_');
            let whole = is_free(before.chars().next_back().or(done.chars().next_back()))
                && is_free(after.chars().next());
            done.push_str(before);
            done.push_str(if whole { to } else { from });
            rest = after;
        }
        text = done + rest;
    }
    Ok(text)
}

/// Replicas of today and their GPUs, and what they cost a month; empty where nobody said.
pub(super) fn today(pen: &Pen<'_>, own: &Business) -> Result<(String, String), ReportError> {
    let say = |value: &str| pen.messages.fill("letter", "today", &[("value", value)]);
    let need = match (own.today, own.gpus_today) {
        (Some(replicas), Some(gpus)) => say(&format!("{replicas}/{gpus}"))?,
        (Some(replicas), None) => say(&replicas.to_string())?,
        (None, _) => String::new(),
    };
    let month = match own.month_today {
        Some(month) => say(&pen.amount("month-today", month, &own.currency, "business"))?,
        None => String::new(),
    };
    Ok((need, month))
}

/// Three digits that count.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
