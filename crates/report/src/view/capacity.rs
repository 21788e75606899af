//! Capacity and cost: every number with its label.

use plumb_engine::Assessment;
use plumb_engine::capacity::{Capacity, EffectState, Label, Money, Plan, Range, Saving};
use plumb_evidence::model::Amount;
use serde::Serialize;

use super::findings::Word;
use super::said::Said;
use super::{id, sentence};
use crate::ReportError;
use crate::escape::clean;
use crate::figure::{change, metric_name};
use crate::messages::Messages;

/// The chapter, and its two lines of the summary.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CapacityView {
    /// What settings were measured to do.
    pub(crate) effect: Line,
    /// What the demand needs and costs.
    pub(crate) need: Line,
    pub(crate) goodput: Vec<Labelled>,
    /// Why there is no goodput, in a sentence; empty where there is.
    pub(crate) no_goodput: String,
    pub(crate) assumptions: Vec<Labelled>,
    pub(crate) plan: Vec<Labelled>,
    /// Why there is no plan; empty where there is.
    pub(crate) no_plan: String,
    pub(crate) saving: Vec<Labelled>,
    /// Whether the saving may be counted on, in a sentence; empty where there is none.
    pub(crate) saving_note: String,
    pub(crate) money: Vec<Labelled>,
    /// Why there is no money; empty where there is.
    pub(crate) no_money: String,
    pub(crate) sensitivity: Vec<Labelled>,
}

/// A sentence with the label of its numbers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) label: Option<Word>,
}

/// A number with its label.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Labelled {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) label: Word,
}

pub(crate) struct Words<'a>(&'a Messages);

impl Words<'_> {
    fn word(&self, label: Label) -> Result<Word, ReportError> {
        let id = id(label);
        Ok(Word { word: self.0.get("number", &id)?.to_owned(), id })
    }

    fn row(&self, key: &str, value: String, label: Label) -> Result<Labelled, ReportError> {
        let value = self.0.numeral(&value);
        Ok(Labelled {
            id: key.to_owned(),
            name: self.0.get("capacity", key)?.to_owned(),
            value,
            label: self.word(label)?,
        })
    }

    fn line(&self, key: &str, values: &[(&str, &str)], label: Option<Label>) -> Result<Line, ReportError> {
        let label = label.map(|label| self.word(label)).transpose()?;
        Ok(Line { text: self.0.fill("capacity", key, values)?, label })
    }
}

pub(crate) fn three<T: PartialEq + Copy>(range: &Range<T>, show: impl Fn(T) -> String) -> String {
    if range.low == range.high {
        return show(range.base);
    }
    format!("{} … {} … {}", show(range.low), show(range.base), show(range.high))
}

pub(crate) fn two(value: f64) -> String {
    format!("{value:.2}")
}

/// An amount, or from how much to how much it is. Of a range, the number in lists is where it begins.
pub(crate) fn amounts(found: Amount) -> String {
    match found.is_range() {
        true => format!("{} … {}", amount(found.low), amount(found.high)),
        false => amount(found.low),
    }
}

/// `2.50`, or `2.20 … 2.80`: what costs too little for whole units of a currency.
fn cents(found: Amount) -> String {
    match found.is_range() {
        true => format!("{:.2} … {:.2}", found.low, found.high),
        false => format!("{:.2}", found.low),
    }
}

/// `12 345`, with a no-break space: points and commas mean different things in different languages.
pub(crate) fn amount(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("−{text}") } else { text }
}

pub(crate) fn capacity(assessment: &Assessment, messages: &Messages) -> Result<CapacityView, ReportError> {
    let found = &assessment.capacity;
    let words = Words(messages);
    let said = Said::new(assessment, messages);
    let reason = |field: &str, reason: &Option<String>| {
        let said = |text: &str| sentence(&said.text(&found.words, field, text));
        reason.as_deref().map(said).unwrap_or_default()
    };
    let mut goodput = Vec::new();
    if let Some(found) = &found.goodput {
        goodput.push(words.row("target", format!("{} %", found.target * 100.0), Label::Assumed)?);
        // What lies between two tests was not tested.
        let label = if found.rate.low < found.rate.high { Label::Modelled } else { found.label };
        goodput.push(words.row("goodput", format!("{}/s", three(&found.rate, two)), label)?);
        if found.at_least {
            let yes = messages.get("capacity", "at_least_value")?.to_owned();
            goodput.push(words.row("at_least", yes, found.label)?);
        }
    }
    let mut assumptions = Vec::new();
    for own in &found.assumptions {
        let value = match own.unit.as_str() {
            "" => own.value.to_string(),
            // Requests, as everywhere.
            "1/s" => format!("{}/s", own.value),
            unit => format!("{} {unit}", own.value),
        };
        assumptions.push(words.row(&own.id.replace('-', "_"), value, own.label)?);
    }
    let mut sensitivity = Vec::new();
    for own in &found.sensitivity {
        let name = messages.get("input", &own.input)?.to_owned();
        let mut value =
            format!("{} … {}: {} … {}", two(own.from.0), two(own.from.1), own.replicas.0, own.replicas.1);
        if let Some((low, high)) = own.gpus {
            let text = messages.fill(
                "capacity",
                "gpus_of",
                &[("low", &low.to_string()), ("high", &high.to_string())],
            )?;
            value = format!("{value} ({text})");
        }
        let value = messages.numeral(&value);
        sensitivity.push(Labelled { id: own.input.clone(), name, value, label: words.word(own.label)? });
    }
    Ok(CapacityView {
        effect: effect(found, &words)?,
        need: need(found, &words)?,
        goodput,
        no_goodput: reason("no_goodput", &found.no_goodput),
        assumptions,
        plan: found.plan.as_ref().map_or(Ok(Vec::new()), |found| plan(found, &words))?,
        no_plan: reason("no_plan", &found.no_plan),
        saving: found.saving.as_ref().map_or(Ok(Vec::new()), |found| saving(found, &words))?,
        saving_note: match &found.saving {
            None => String::new(),
            Some(saving) => {
                messages.get("capacity", if saving.booked { "booked" } else { "not_booked" })?.to_owned()
            }
        },
        money: found.money.as_ref().map_or(Ok(Vec::new()), |found| money(found, &words))?,
        no_money: reason("no_money", &found.no_money),
        sensitivity,
    })
}

pub(crate) fn effect(found: &Capacity, words: &Words<'_>) -> Result<Line, ReportError> {
    let count = found.effect.experiments.to_string();
    match (&found.effect.best, found.effect.state) {
        (Some(best), EffectState::Improved) => {
            let metric = metric_name(&best.metric, words.0);
            let (ratio, low, high) = (
                change(best.ratio.base, words.0),
                change(best.ratio.low, words.0),
                change(best.ratio.high, words.0),
            );
            let (cell, against) = (clean(&best.cell), clean(&best.against));
            let values = [
                ("cell", &*cell),
                ("against", &*against),
                ("metric", &*metric),
                ("change", &*ratio),
                ("low", &*low),
                ("high", &*high),
            ];
            words.line("effect", &values, Some(best.label))
        }
        (_, EffectState::NotTested) => words.line("effect_not_tested", &[], None),
        _ => words.line("effect_none", &[("n", &count)], Some(Label::Measured)),
    }
}

pub(crate) fn need(found: &Capacity, words: &Words<'_>) -> Result<Line, ReportError> {
    let Some(plan) = &found.plan else {
        let english = found.no_plan.as_deref().unwrap_or_default();
        let reason = clean(found.words.get(words.0.language(), "no_plan", english));
        return words.line("no_need", &[("reason", &reason)], None);
    };
    let counted = |n: u64| {
        let key = if n == 1 { "replica_one" } else { "replica_many" };
        words.0.fill("capacity", key, &[("n", &n.to_string())])
    };
    let replicas = counted(plan.planned.into())?;
    let range = match (plan.replicas.low, plan.replicas.high) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low} … {high}"),
    };
    let gpus = plan.gpus.as_ref().map(|gpus| gpus.high.to_string());
    match (&found.money, &gpus) {
        (Some(money), Some(gpus)) => {
            let month = format!("{} {}", amounts(money.month.high), clean(&money.currency));
            let mut values =
                vec![("replicas", &*replicas), ("range", &*range), ("gpus", &**gpus), ("month", &*month)];
            let (Some(today), Some(month_today)) = (plan.today, money.today) else {
                return words.line("need_money", &values, Some(Label::Modelled));
            };
            let today = counted(today.into())?;
            let month_today = format!("{} {}", amounts(month_today), clean(&money.currency));
            values.extend([("today", &*today), ("month_today", &*month_today)]);
            words.line("need_money_today", &values, Some(Label::Modelled))
        }
        (None, Some(gpus)) => {
            let values = [("replicas", &*replicas), ("range", &*range), ("gpus", &**gpus)];
            words.line("need_gpus", &values, Some(Label::Modelled))
        }
        (_, None) => {
            words.line("need_replicas", &[("replicas", &replicas), ("range", &range)], Some(Label::Modelled))
        }
    }
}

pub(crate) fn plan(found: &Plan, words: &Words<'_>) -> Result<Vec<Labelled>, ReportError> {
    let mut rows = vec![
        words.row("demand", format!("{}/s", two(found.demand)), Label::Stated)?,
        words.row("replicas", three(&found.replicas, |n| n.to_string()), found.label)?,
        words.row("planned", found.planned.to_string(), found.label)?,
    ];
    if let Some(gpus) = &found.gpus {
        rows.push(words.row("gpus", three(gpus, |n| n.to_string()), found.label)?);
    }
    if let Some(today) = found.today {
        let today_text = match found.gpus_per_replica {
            Some(size) => format!("{today} ({} GPUs)", today.saturating_mul(size)),
            None => today.to_string(),
        };
        rows.push(words.row("today", today_text, Label::Stated)?);
    }
    Ok(rows)
}

pub(crate) fn saving(found: &Saving, words: &Words<'_>) -> Result<Vec<Labelled>, ReportError> {
    let ratio = &found.change.ratio;
    let measured = format!(
        "{}: {} [{}, {}]",
        metric_name(&found.change.metric, words.0),
        change(ratio.base, words.0),
        change(ratio.low, words.0),
        change(ratio.high, words.0)
    );
    let mut rows = vec![
        words.row("throughput", clean(&measured), found.change.label)?,
        words.row("replicas_after", three(&found.replicas, |n| n.to_string()), found.label)?,
    ];
    if let Some(gpus) = &found.gpus {
        rows.push(words.row("gpus_after", three(gpus, |n| n.to_string()), found.label)?);
    }
    rows.push(words.row("fewer", found.fewer.to_string(), found.label)?);
    rows.push(words.row("probability", format!("{:.0} %", found.probability * 100.0), found.label)?);
    Ok(rows)
}

/// What a price is made of, part by part.
pub(crate) fn basis(parts: &str, messages: &Messages) -> String {
    let word = |part: &str| messages.find("cost_basis", &part.replace(' ', "-")).unwrap_or(part).to_owned();
    clean(&parts.split(", ").map(word).collect::<Vec<_>>().join(", "))
}

pub(crate) fn money(found: &Money, words: &Words<'_>) -> Result<Vec<Labelled>, ReportError> {
    let currency = clean(&found.currency);
    let of = |value: Amount| format!("{} {currency}", amounts(value));
    let mut rows = vec![words.row(
        "price",
        format!("{} {currency} ({})", cents(found.gpu_hour), basis(&found.basis, words.0)),
        Label::Stated,
    )?];
    if let Some(today) = found.today {
        rows.push(words.row("month_today", of(today), found.label)?);
    }
    // With a range of prices, three ranges would be no range any more: from the least to the most.
    let month = match found.gpu_hour.is_range() {
        true => amounts(Amount { low: found.month.low.low, high: found.month.high.high }),
        false => three(&found.month, amounts),
    };
    rows.push(words.row("month", format!("{month} {currency}"), found.label)?);
    if let Some(moved) = found.price_moved {
        rows.push(words.row("price_moved", of(moved), found.label)?);
    }
    if let Some(saved) = found.saved {
        rows.push(words.row("saved", of(saved), found.label)?);
    }
    for (key, value) in [("million_peak", found.per_million_peak), ("million_mean", found.per_million_mean)] {
        if let Some(value) = value {
            rows.push(words.row(key, format!("{} {currency}", cents(value)), found.label)?);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped() {
        assert_eq!(amount(0.4), "0");
        assert_eq!(amount(1234567.0), "1\u{a0}234\u{a0}567");
        assert_eq!(amount(-999.6), "−1\u{a0}000");
    }
}
