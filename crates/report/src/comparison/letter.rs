//! The closing letter: what the work achieved, and no more than evidence shows.

use plumb_engine::Grade;
use plumb_engine::compare::{Change, Comparison, DriftKind, Verdict};

use super::view::{metric_word, percent, rate, span};
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;
use crate::view::capacity::amount;
use crate::view::{coverage_text, date_of, grade};

/// So many findings and metrics are named; the lists below have all.
const NAMED: usize = 4;

/// The paragraphs of the letter.
pub(super) fn write(node: &Comparison, messages: &Messages) -> Result<Vec<String>, ReportError> {
    let (before, after) = (&node.before, &node.after);
    let (from, to) = (date_of(&before.collected, messages)?, date_of(&after.collected, messages)?);
    let host = clean(&node.host);
    let opening = messages.fill("letter", "opening", &[("host", &host), ("from", &from), ("to", &to)])?;
    let paragraphs = [
        business(node, messages)?,
        opening,
        risk(node, messages)?,
        done(node, messages)?,
        measured(node, messages)?,
        open(node, messages)?,
    ];
    Ok(paragraphs.into_iter().filter(|text| !text.is_empty()).collect())
}

/// What changed for the business: what one replica is proven to carry, and what the demand then needs.
fn business(node: &Comparison, messages: &Messages) -> Result<String, ReportError> {
    let (Some(before), Some(after)) = (&node.before.business, &node.after.business) else {
        return Ok(String::new());
    };
    let rates = (rate(before.proven, messages), rate(after.proven, messages));
    let key = match after.proven.total_cmp(&before.proven) {
        std::cmp::Ordering::Greater => "proven_more",
        std::cmp::Ordering::Equal => "proven_same",
        std::cmp::Ordering::Less => "proven_less",
    };
    let mut text = messages.fill("letter", key, &[("before", &rates.0), ("after", &rates.1)])?;
    // A plan for another demand, or in another currency, is another plan.
    let (Some(from), Some(to)) = (before.replicas, after.replicas) else { return Ok(text) };
    if before.demand != after.demand || from == to {
        return Ok(text);
    }
    let (from, to) = (from.to_string(), to.to_string());
    let need = messages.fill("letter", "need", &[("before", &from), ("after", &to)])?;
    text = format!("{text} {need}");
    if let (Some(was), Some(is)) = (before.month, after.month)
        && before.currency == after.currency
    {
        let key = if is < was { "month_less" } else { "month_more" };
        let month = format!("{} {}", amount((is - was).abs()), clean(&after.currency));
        text = format!("{text} {}", messages.fill("letter", key, &[("month", &month)])?);
    }
    Ok(text)
}

fn risk(node: &Comparison, messages: &Messages) -> Result<String, ReportError> {
    let (before, after) = (&node.before, &node.after);
    let words = |grade: crate::view::GradeView| grade.text;
    let from = words(grade(before.grade, before.at_least, messages)?);
    let to = words(grade(after.grade, after.at_least, messages)?);
    // Nothing is said to be lower that was not assessed.
    let floor = |grade: Grade, at_least: Option<Grade>| at_least.unwrap_or(grade);
    let key = if from == to {
        "risk_same"
    } else if after.grade != Grade::NotAssessable
        && floor(after.grade, after.at_least) > floor(before.grade, before.at_least)
    {
        "risk_higher"
    } else {
        "risk_lower"
    };
    let risk = messages.fill("letter", key, &[("before", &from), ("after", &to)])?;
    let shares = (coverage_text(before.coverage, messages)?, coverage_text(after.coverage, messages)?);
    let coverage = messages.fill("letter", "coverage", &[("before", &shares.0), ("after", &shares.1)])?;
    Ok(format!("{risk} {coverage}"))
}

/// `KEY_one` or `KEY_many`; nothing for none, unless there is a `KEY_none`.
fn counted(key: &str, n: usize, titles: &str, messages: &Messages) -> Result<Option<String>, ReportError> {
    let form = match n {
        0 => "none",
        1 => "one",
        _ => "many",
    };
    let key = format!("{key}_{form}");
    if n == 0 && messages.find("letter", &key).is_none() {
        return Ok(None);
    }
    messages.fill("letter", &key, &[("n", &n.to_string()), ("titles", titles)]).map(Some)
}

fn titles(changes: &[&Change], messages: &Messages) -> Result<String, ReportError> {
    let mut titles: Vec<String> = Vec::new();
    for change in changes {
        let title = clean(&change.title);
        if !titles.contains(&title) {
            titles.push(title);
        }
    }
    let more = titles.len().saturating_sub(NAMED);
    titles.truncate(NAMED);
    if more > 0 {
        titles.push(messages.fill("letter", "and_more", &[("n", &more.to_string())])?);
    }
    Ok(titles.join("; "))
}

fn done(node: &Comparison, messages: &Messages) -> Result<String, ReportError> {
    let found = &node.findings;
    let fixed: Vec<&Change> = found.fixed.iter().collect();
    let changed = node.drift.iter().filter(|drift| drift.kind != DriftKind::NotComparable).count();
    let parts = [
        counted("fixed", fixed.len(), &titles(&fixed, messages)?, messages)?,
        counted("better", found.better.len(), "", messages)?,
        counted("drift", changed, "", messages)?,
    ];
    Ok(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

fn measured(node: &Comparison, messages: &Messages) -> Result<String, ReportError> {
    let changes = &node.measured.changes;
    let mut sentences = Vec::new();
    for (verdict, key) in [(Verdict::Improved, "measured"), (Verdict::Worse, "measured_worse")] {
        // Clients know their tail and their throughput; the table has the medians too.
        let told =
            changes.iter().filter(|change| change.verdict == verdict && !change.metric.ends_with("_p50"));
        let mut loads: Vec<(String, Vec<String>)> = Vec::new();
        // What happens under the heaviest load is what the demand meets first.
        let mut told: Vec<_> = told.collect();
        let heaviest = told.last().map(|change| change.load.clone()).unwrap_or_default();
        told.sort_by_key(|change| change.load != heaviest);
        for change in told.into_iter().take(NAMED) {
            let metric = metric_word(&change.metric, messages);
            let load = crate::load::words(&change.load, messages)?;
            let interval = change.interval.map(|ends| span(ends, messages)).unwrap_or_default();
            let values = [
                ("metric", metric.as_str()),
                ("change", &percent(change.ratio, messages)),
                ("interval", &interval),
            ];
            let words = messages.fill("letter", "measured_change", &values)?;
            match loads.iter_mut().find(|(known, _)| *known == load) {
                Some((_, changes)) => changes.push(words),
                None => loads.push((load, vec![words])),
            }
        }
        for (load, changes) in loads {
            let values = [("load", load.as_str()), ("changes", &changes.join("; "))];
            sentences.push(messages.fill("letter", key, &values)?);
        }
    }
    if sentences.is_empty() {
        sentences.push(match changes.iter().find(|change| change.verdict == Verdict::NotResolved) {
            _ if changes.is_empty() => messages.get("letter", "measured_absent")?.to_owned(),
            Some(open) => messages.fill("letter", "measured_open", &[("why", &clean(&open.why))])?,
            None => messages.get("letter", "measured_none")?.to_owned(),
        });
    }
    Ok(sentences.join(" "))
}

fn open(node: &Comparison, messages: &Messages) -> Result<String, ReportError> {
    let found = &node.findings;
    let bad: Vec<&Change> = found.new.iter().chain(&found.worse).collect();
    let parts = [
        counted("remaining", node.after.deviations, "", messages)?,
        counted("new", bad.len(), &titles(&bad, messages)?, messages)?,
        counted("open", found.not_comparable.len(), "", messages)?,
    ];
    Ok(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}
