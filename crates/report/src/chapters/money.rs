//! Capacity and money: the stairs, what one test decides, what the plan takes for granted.

use plumb_engine::capacity::{Label, Step};
use plumb_evidence::model::Amount;

use super::demand::Demand;
use super::summary::Proof;
use super::{Writer, basis, stop};
use crate::ReportError;
use crate::escape::clean;
use crate::model::{Block, Line, Row, column, heading, line, numbers, paragraph, plain, row, soft, strong};
use crate::view::capacity::{Labelled, amount};
use crate::view::sentence;

/// An amount of the client's currency.
pub(super) fn money(w: &Writer<'_>, id: &str, value: Amount, origin: &str) -> String {
    let currency = w.assessment.capacity.money.as_ref().map_or("", |money| money.currency.as_str());
    w.amount(id, value, currency, origin)
}

/// The one load test that decides most: at what each replica gets today, if that was not tested, or else where the next step
/// begins.
pub(super) struct Decisive {
    pub(super) rate: f64,
    /// A month.
    pub(super) saves: Amount,
    /// Replicas that would be enough.
    pub(super) replicas: u32,
}

impl Decisive {
    pub(super) fn of(w: &Writer<'_>) -> Option<Self> {
        let steps = &w.assessment.capacity.steps;
        let proof = Proof::of(w)?;
        // Beyond what was missed there is nothing to prove.
        let below = proof.missed.map_or(f64::INFINITY, |missed| missed.rate);
        let first = steps.first()?;
        let enough = |rate: f64| steps.iter().rev().find(|step| step.from <= rate + 1e-9);
        let today = Demand::of(w.assessment).each().filter(|each| *each > first.from && *each < below);
        let saves = |step: &Step| Some(first.month?.less(step.month?));
        let of = |rate: f64| {
            let step = enough(rate)?;
            let saves = saves(step).filter(|saves| saves.low > 0.5)?;
            Some(Self { rate, saves, replicas: step.replicas })
        };
        let next = steps.get(1).map(|step| up(step.from)).filter(|rate| *rate < below);
        today.and_then(of).or_else(|| next.and_then(of))
    }
}

/// A rate with two decimals that is not below this one.
pub(super) fn up(rate: f64) -> f64 {
    (rate * 100.0 - 1e-6).ceil() / 100.0
}

/// What a plan lacks first, in the client's words.
pub(super) fn missing(w: &Writer<'_>) -> Result<String, ReportError> {
    let engagement = w.evidence().and_then(|evidence| evidence.engagement.known());
    let peak = engagement.and_then(|own| own.demand.known()?.peak_requests_per_s);
    let capacity = &w.assessment.capacity;
    let is_tested = w.evidence().is_some_and(|own| {
        own.measurements.known().and_then(|own| own.bench.known()).is_some_and(|own| !own.is_empty())
    });
    // What the tests lack is told by what read them.
    if let (true, Some(reason)) =
        (is_tested && engagement.is_some_and(|own| own.slo.known().is_some()), &capacity.no_goodput)
    {
        let text = capacity.words.get(w.messages.language(), "no_goodput", reason);
        return Ok(w.names.plain(&clean(text)));
    }
    let word = w.word(match () {
        () if engagement.and_then(|own| own.slo.known()).is_none() => "no_level",
        () if w.assessment.capacity.goodput.is_none() => "no_test",
        () if w.assessment.capacity.goodput.as_ref().is_some_and(|own| own.rate.low <= 0.0) => "none_met",
        () if peak.is_none() => "no_peak",
        () => "no_formula",
    })?;
    Ok(word.to_owned())
}

pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let view = &w.view.capacity;
    let capacity = &w.assessment.capacity;
    let mut blocks = Vec::new();
    let Some(plan) = &capacity.plan else {
        blocks.push(paragraph(w.say("no_plan", &[("reason", &missing(w)?)])?));
        blocks.extend(super::observed::money(w)?);
        return Ok(blocks);
    };
    // The sentence below is put together elsewhere; these are its numbers.
    for (id, value) in [("replicas-low", plan.replicas.low), ("replicas-high", plan.replicas.high)] {
        w.whole(id, value, Label::Modelled, "capacity.plan");
    }
    w.planned(plan);
    plan.gpus.as_ref().map(|gpus| w.gpus(gpus));
    plan.today.map(|today| w.replicas(today));
    if let Some(cost) = &capacity.money {
        money(w, "month", cost.month.high, "capacity.money.month");
        cost.today.map(|today| money(w, "month-today", today, "capacity.money.today"));
    }
    let mut text: Line = vec![strong(stop(&sentence(&view.need.text)))];
    if let Some(label) = &view.need.label {
        text.extend([plain(" "), basis(label)]);
    }
    blocks.push(Block::Paragraph { text, style: String::new() });
    if let Some(test) = Decisive::of(w) {
        let rate = w.rate("decisive", test.rate, Label::Modelled, "capacity.steps");
        let saves = money(w, "decisive-saves", test.saves, "capacity.steps");
        let replicas = w.whole("decisive-replicas", test.replicas, Label::Modelled, "capacity.steps");
        blocks.push(paragraph(
            w.say("one_test_more", &[("rate", &rate), ("saves", &saves), ("replicas", &replicas)])?,
        ));
    }
    blocks.extend(w.figure("stairs"));
    if capacity.steps.len() > 1 {
        blocks.push(heading(w.word("what_if")?));
        blocks.push(paragraph(w.word("what_if_intro")?));
        blocks.push(what_if(w)?);
    }
    if !view.saving_note.is_empty() {
        blocks.push(paragraph(view.saving_note.clone()));
    }
    blocks.push(heading(w.t("heading", "assumptions")?));
    let mut rows: Vec<Row> = Vec::new();
    // Of a range, the number is where it begins.
    let mut add = |kind: &str, own: &Labelled, number: f64, name: String| {
        w.number(&format!("{kind}-{}", own.id), number, &own.value, &own.label.id, "capacity");
        rows.push(row(vec![line(name), vec![strong(own.value.clone())], vec![basis(&own.label)]]));
    };
    for (own, found) in view.assumptions.iter().zip(&capacity.assumptions) {
        add("assumption", own, found.value, own.name.clone());
    }
    let of_money = |id: &str| view.money.iter().find(|own| own.id == id).zip(capacity.money.as_ref());
    if let Some((own, found)) = of_money("price") {
        add("assumption", own, found.gpu_hour.low, own.name.clone());
    }
    // What changes nothing needs no row.
    let moved = view.sensitivity.iter().zip(&capacity.sensitivity);
    for (own, found) in moved.filter(|(_, found)| found.replicas.0 != found.replicas.1) {
        add("moved", own, found.from.0, w.word(&format!("moved_{}", found.input))?.to_owned());
    }
    if let Some((own, moved)) =
        of_money("price_moved").and_then(|(own, found)| Some((own, found.price_moved?)))
    {
        add("assumption", own, moved.low, own.name.clone());
    }
    let columns = vec![
        column(w.t("label", "number")?, 5),
        column(w.t("label", "value")?, 5),
        column(w.t("label", "label")?, 3),
    ];
    blocks.push(Block::Table { columns, rows });
    blocks.extend(energy(w)?);
    let demand = w.rate("demand", plan.demand, Label::Modelled, "capacity.plan.demand");
    blocks.push(Block::Paragraph {
        text: vec![soft(w.say("formula", &[("demand", &demand)])?)],
        style: String::new(),
    });
    Ok(blocks)
}

/// What the plan draws, where that was measured.
fn energy(w: &Writer<'_>) -> Result<Option<Block>, ReportError> {
    let Some(energy) = &w.assessment.capacity.energy else { return Ok(None) };
    let of = |id: &str, value: f64, text: String, label: Label| {
        w.number(id, value, text, &super::label(label), "capacity.energy")
    };
    let watts = of("watts", energy.watts, format!("{:.0} W", energy.watts), Label::Measured);
    let kwh = of("kwh", energy.month_kwh, format!("{} kWh", amount(energy.month_kwh)), energy.label);
    let mut values = vec![("watts", watts), ("kwh", kwh)];
    let key = match energy.pue {
        Some(pue) => {
            values.push(("pue", of("pue", pue, pue.to_string(), Label::Stated)));
            "energy_pue"
        }
        None => "energy",
    };
    let say = |key: &str, values: &[(&str, String)]| {
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        w.say(key, &values).map(|text| stop(&text))
    };
    let mut text = say(key, &values)?;
    if let (Some(grams), Some(tonnes)) = (energy.co2_g_per_kwh, energy.month_co2_t) {
        let values = [
            ("tonnes", of("co2", tonnes, format!("{tonnes:.1} t"), energy.label)),
            ("grams", of("co2-per-kwh", grams, format!("{grams} g"), Label::Stated)),
        ];
        text = format!("{text} {}", say("energy_co2", &values)?);
    }
    Ok(Some(paragraph(text)))
}

fn what_if(w: &Writer<'_>) -> Result<Block, ReportError> {
    let steps = &w.assessment.capacity.steps;
    let first = steps[0].month;
    let missed = Proof::of(w).and_then(|proof| Some(proof.missed?.rate));
    let mut rows = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let from = if index == 0 { step.from } else { up(step.from) };
        let id = format!("step-{}", step.replicas);
        let label = if index == 0 { Label::Measured } else { Label::Modelled };
        let rate = w.rate(&id, from, label, "capacity.steps");
        let origin = "capacity.steps";
        let replicas = w.whole(&format!("{id}-replicas"), step.replicas, Label::Modelled, origin);
        let gpus = step.gpus.map_or_else(
            || "–".to_owned(),
            |gpus| w.whole(&format!("{id}-gpus"), gpus, Label::Modelled, origin),
        );
        let month = step
            .month
            .map_or_else(|| "–".to_owned(), |month| money(w, &format!("{id}-month"), month, origin));
        let saves = match (first, step.month) {
            (Some(first), Some(month)) if index > 0 => {
                money(w, &format!("{id}-saves"), first.less(month), origin)
            }
            _ => "–".to_owned(),
        };
        let key = match index {
            0 => "proven_now",
            _ if missed.is_some_and(|missed| from >= missed) => "if_proven_missed",
            _ => "if_proven",
        };
        let name = w.say(key, &[("rate", &rate)])?;
        rows.push(row(vec![line(name), line(replicas), line(gpus), line(month), vec![strong(saves)]]));
    }
    let columns = vec![
        column(w.word("carries")?, 5),
        numbers(w.t("label", "replicas")?),
        numbers("GPUs"),
        numbers(w.word("a_month")?),
        numbers(w.word("less_a_month")?),
    ];
    Ok(Block::Table { columns, rows })
}
