//! What users' own requests showed, where they were observed.

use plumb_engine::capacity::{Observed, ObservedHour, Stands};
use plumb_evidence::model::{ObservedSign, ObservedTimes};

use super::demand::Demand;
use super::{Writer, stop};
use crate::ReportError;
use crate::escape::clean;
use crate::model::{Block, column, heading, line, numbers, paragraph, row, strong};

/// So many parts are printed; the bundle has all.
const MAX_PARTS: usize = 8;

/// What was observed, where no load test proves anything.
pub(super) fn alone<'a>(w: &Writer<'a>) -> Option<&'a Observed> {
    let capacity = &w.assessment.capacity;
    capacity.observed.as_ref().filter(|_| capacity.goodput.is_none())
}

/// Whether the service level was kept for the requests that came, in a sentence.
pub(super) fn verdict(w: &Writer<'_>, seen: &Observed) -> Result<String, ReportError> {
    let label = if seen.target_assumed { "assumed" } else { "stated" };
    let values = [
        ("share", share(w, "observed-share", seen.share, &seen.path)),
        ("n", number(w, "observed-requests", seen.requests, 0, "", &seen.path)),
        ("target", w.number("target", seen.target, percent(seen.target), label, "engagement: slo")),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    w.say(&format!("observed_{}", key(seen.stands)), &values)
}

/// The highest rate that was served with the limits kept, in a sentence.
fn rate(w: &Writer<'_>, seen: &Observed) -> Result<String, ReportError> {
    match seen.kept_rate {
        Some(rate) => w.say("observed_rate", &[("rate", &served(w, seen, rate))]),
        None => {
            let busiest = number(w, "observed-busiest", seen.busiest, 2, "", &seen.path);
            w.say("observed_no_rate", &[("busiest", &busiest)])
        }
    }
}

/// A rate that was served.
pub(super) fn served(w: &Writer<'_>, seen: &Observed, rate: f64) -> String {
    w.rate("observed-rate", rate, seen.label, &seen.path)
}

/// What the rate means for capacity, in a paragraph; `None` where there is none.
pub(super) fn money(w: &Writer<'_>) -> Result<Option<Block>, ReportError> {
    let Some((seen, kept)) = alone(w).and_then(|seen| Some((seen, seen.kept_rate?))) else { return Ok(None) };
    let rate = served(w, seen, kept);
    let mut text = stop(&w.say("observed_money", &[("rate", &rate)])?);
    if let Some(each) = Demand::of(w.assessment).each() {
        let place = if each <= kept { "observed_within" } else { "observed_beyond" };
        text = format!("{text} {}", stop(&w.say(place, &[("each", &w.each(each))])?));
    }
    Ok(Some(paragraph(text)))
}

/// All that was observed; nothing where nothing was.
pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let capacity = &w.assessment.capacity;
    let Some(seen) = &capacity.observed else {
        let Some(reason) = &capacity.no_observed else { return Ok(Vec::new()) };
        let reason = clean(capacity.words.get(w.messages.language(), "no_observed", reason));
        return Ok(vec![paragraph(stop(&w.say("observed_nothing", &[("reason", &reason)])?))]);
    };
    let mut blocks = vec![heading(w.word("observed_heading")?)];
    // Beside a load test, what was observed has not been said yet.
    if capacity.goodput.is_some() {
        blocks.push(Block::Paragraph { text: vec![strong(verdict(w, seen)?)], style: String::new() });
    }
    let mut told = vec![rate(w, seen)?, parts_told(w, seen)?];
    if !seen.untold.is_empty() {
        let named = seen.untold.iter().map(|metric| w.t("objective", metric));
        let named = named.collect::<Result<Vec<_>, _>>()?.join(", ");
        told.push(w.say("observed_untold", &[("limits", &named)])?);
    }
    told.push(w.word("observed_basis")?.to_owned());
    let told: Vec<String> = told.iter().map(|text| stop(text)).collect();
    blocks.push(paragraph(told.join(" ")));
    blocks.push(table(w, seen)?);
    let signs = seen.signs.iter().enumerate().map(|(at, own)| Ok(line(stop(&sign(w, seen, at, own)?))));
    let items = signs.collect::<Result<Vec<_>, ReportError>>()?;
    if !items.is_empty() {
        blocks.push(paragraph(w.word("observed_signs")?));
        blocks.push(Block::List { ordered: false, items });
    }
    Ok(blocks)
}

fn parts_told(w: &Writer<'_>, seen: &Observed) -> Result<String, ReportError> {
    let count = |id: &str, count: usize| w.number(id, count as f64, count.to_string(), "counted", &seen.path);
    let values = [
        ("n", count("observed-parts", seen.parts.len())),
        ("length", number(w, "observed-length", seen.part_s / 60.0, 1, "min", &seen.path)),
        ("kept", count("observed-kept", seen.count(Stands::Kept))),
        ("missed", count("observed-missed", seen.count(Stands::Missed))),
        ("open", count("observed-open", seen.count(Stands::Open))),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    w.say("observed_parts", &values)
}

/// The parts that missed the limits most, then the busiest, in the order of time.
fn table(w: &Writer<'_>, seen: &Observed) -> Result<Block, ReportError> {
    let mut chosen: Vec<&ObservedHour> = seen.parts.iter().collect();
    let is_missed = |own: &ObservedHour| own.stands == Stands::Missed;
    chosen.sort_by(|a, b| {
        let worse = a.share.1.total_cmp(&b.share.1);
        let within = if is_missed(a) && is_missed(b) { worse } else { b.rate.total_cmp(&a.rate) };
        is_missed(b).cmp(&is_missed(a)).then(within).then_with(|| a.from.cmp(&b.from))
    });
    chosen.truncate(MAX_PARTS);
    chosen.sort_by(|a, b| a.from.cmp(&b.from));
    let mut rows = Vec::new();
    for (at, own) in (1..).zip(chosen) {
        let rate = number(w, &format!("observed-{at}-rate"), own.rate, 2, "", &seen.path);
        rows.push(row(vec![
            line(time(w, &format!("observed-{at}-from"), &own.from, &seen.path)),
            line(rate),
            line(share(w, &format!("observed-{at}-share"), own.share, &seen.path)),
            vec![strong(w.t("service_state", key_of_state(own.stands))?)],
        ]));
    }
    let columns = vec![
        column(w.word("observed_from")?, 4),
        numbers(w.word("observed_per_second")?),
        numbers(w.t("label", "share")?),
        column(w.t("label", "state")?, 3),
    ];
    Ok(Block::Table { columns, rows })
}

/// What stood out, in a sentence.
fn sign(w: &Writer<'_>, seen: &Observed, at: usize, sign: &ObservedSign) -> Result<String, ReportError> {
    let path = &seen.path;
    let of = |name: &str, value: f64, digits: usize, unit: &str| {
        number(w, &format!("sign-{}-{name}", at + 1), value, digits, unit, path)
    };
    let when = |times: &ObservedTimes| when(w, at, times, path);
    let say = |key: &str, values: &[(&str, String)]| {
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        w.say(key, &values)
    };
    match sign {
        ObservedSign::Neighbours { when: times, cpus, usual, who } => {
            let mut values = vec![
                ("cpus", of("cpus", *cpus, 1, "")),
                ("usual", of("usual", *usual, 1, "")),
                ("when", when(times)?),
            ];
            match who {
                Some((name, most)) => {
                    values.extend([("who", clean(name)), ("most", of("most", *most, 1, ""))]);
                    say("sign_neighbours_named", &values)
                }
                None => say("sign_neighbours", &values),
            }
        }
        ObservedSign::Thermal { when: times, events } => {
            say("sign_thermal", &[("n", of("events", *events as f64, 0, "")), ("when", when(times)?)])
        }
        ObservedSign::HeldBack { when: times, share } => {
            say("sign_held_back", &[("share", of("share", 100.0 * share, 0, "%")), ("when", when(times)?)])
        }
        ObservedSign::Clocks { when: times, gpus, mhz, usual } => say(
            if *gpus { "sign_gpu_clocks" } else { "sign_cpu_clocks" },
            &[
                ("mhz", of("mhz", *mhz, 0, "MHz")),
                ("usual", of("usual", *usual, 0, "MHz")),
                ("when", when(times)?),
            ],
        ),
        ObservedSign::ShortOfCpus { when: times, waited } => {
            say("sign_short_of_cpus", &[("waited", of("waited", *waited, 2, "s")), ("when", when(times)?)])
        }
        ObservedSign::Ageing { metric, before, after, load_rose } => {
            let key = if *load_rose { "sign_slower_with_load" } else { "sign_ageing" };
            let name = crate::figure::metric_name(metric, w.messages);
            let values = [
                ("metric", name),
                ("before", of("before", *before, 1, "ms")),
                ("after", of("after", *after, 1, "ms")),
            ];
            say(key, &values)
        }
        ObservedSign::Restarts { times } => {
            say("sign_restarts", &[("n", of("times", f64::from(*times), 0, ""))])
        }
    }
}

fn when(w: &Writer<'_>, at: usize, times: &ObservedTimes, path: &str) -> Result<String, ReportError> {
    let from = time(w, &format!("sign-{}-from", at + 1), &times.from, path);
    if times.parts < 2 {
        return w.say("sign_when_one", &[("from", &from)]);
    }
    let to = time(w, &format!("sign-{}-to", at + 1), &times.to, path);
    let id = format!("sign-{}-parts", at + 1);
    let n = w.number(&id, f64::from(times.parts), times.parts.to_string(), "counted", path);
    w.say("sign_when_many", &[("n", &n), ("from", &from), ("to", &to)])
}

/// `2026-01-01 02:00` of an RFC 3339 time; in the list of numbers as its hour.
fn time(w: &Writer<'_>, id: &str, from: &str, path: &str) -> String {
    let text = clean(&from.get(..16).unwrap_or(from).replace('T', " "));
    let hour = from.get(11..13).and_then(|hour| hour.parse().ok()).unwrap_or(0.0);
    w.number(id, hour, text, "observed", path)
}

fn number(w: &Writer<'_>, id: &str, value: f64, digits: usize, unit: &str, path: &str) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let text = if unit.is_empty() { text.to_owned() } else { format!("{text} {unit}") };
    w.number(id, value, text, "observed", path)
}

/// `98.2 %`, or `98.2 … 99.1 %` where the histograms tell no better; never rounded up to all.
fn share(w: &Writer<'_>, id: &str, (least, most): (f64, f64), path: &str) -> String {
    let of = |share: f64| format!("{:.1}", (share * 1000.0 + 1e-6).floor() / 10.0);
    let text = if of(least) == of(most) {
        format!("{} %", of(least))
    } else {
        format!("{} … {} %", of(least), of(most))
    };
    w.number(id, least, text, "observed", path)
}

fn percent(share: f64) -> String {
    format!("{} %", share * 100.0)
}

fn key(stands: Stands) -> &'static str {
    match stands {
        Stands::Kept => "kept",
        Stands::Missed => "missed",
        Stands::Open => "open",
    }
}

/// As states of tests are called.
fn key_of_state(stands: Stands) -> &'static str {
    if stands == Stands::Kept { "met" } else { key(stands) }
}
