//! Page 2: what is the matter, what it costs, what to decide; at most 220 words.

use plumb_engine::assessment::Grade;
use plumb_engine::capacity::{Goodput, Label, LoadPoint};

use super::demand::Demand;
use super::items::{Item, Wave};
use super::money::{Decisive, money};
use super::{Writer, grade, observed, service, stop};
use crate::ReportError;
use crate::escape::clean;
use crate::model::{Block, Line, Tile, line, plain, soft, strong};
use crate::view::percent;

/// What there is room for.
#[derive(Clone, Copy)]
struct Room {
    /// Problems that are named as causes.
    causes: usize,
    /// Effects of experiments.
    effects: usize,
    /// What the client may add, and what rules were tried with.
    more: bool,
}

const MOST: Room = Room { causes: 2, effects: 2, more: true };
const LEAST: Room = Room { causes: 1, effects: 1, more: false };
/// Longest text of the author's that fits the page, in characters.
const MAX_OWN: usize = 1600;

/// Words of the page, all of it.
const MAX_WORDS: usize = 220;

/// The page, with as many causes and effects of experiments as it has room for.
pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    for room in [MOST, Room { causes: 1, ..MOST }, Room { causes: 1, effects: 1, ..MOST }] {
        let blocks = page(w, room)?;
        let texts = blocks.iter().flat_map(Block::texts);
        let words: usize = texts.map(|text| text.split_whitespace().count()).sum();
        if words < MAX_WORDS {
            return Ok(blocks);
        }
    }
    page(w, LEAST)
}

fn page(w: &Writer<'_>, room: Room) -> Result<Vec<Block>, ReportError> {
    let mut blocks = Vec::new();
    let terms = &w.assessment.document;
    let own = terms.summary.as_ref();
    let headline = match own.and_then(|own| own.headline.as_deref()) {
        Some(text) => clean(text),
        None => headline(w)?,
    };
    blocks.push(Block::Paragraph { text: line(headline), style: "lead".into() });
    let text = w.material.hand.and_then(|hand| hand.summary.as_deref());
    match text {
        Some(text) => {
            let text: String = text.chars().take(MAX_OWN).collect();
            let paragraphs =
                text.split("\n\n").map(|own| own.split_whitespace().collect::<Vec<_>>().join(" "));
            blocks.extend(
                paragraphs.filter(|own| !own.is_empty()).map(|own| crate::model::paragraph(clean(&own))),
            );
        }
        None => blocks.push(Block::List { ordered: true, items: sentences(w, room)? }),
    }
    blocks.push(Block::Tiles { tiles: tiles(w)? });
    blocks.push(Block::Facts { rows: lines(w, room)? });
    Ok(blocks)
}

/// What Plumb writes where the author does not.
pub(super) fn generated(w: &Writer<'_>) -> Result<Vec<String>, ReportError> {
    let sentences = sentences(w, MOST)?;
    let sentences = sentences.iter().map(|own| crate::model::words(own));
    Ok(std::iter::once(headline(w)?).chain(sentences).collect())
}

/// The tests of a service level at a glance.
pub(super) struct Proof<'a> {
    pub(super) goodput: &'a Goodput,
    /// The highest rate that was shown to meet the target.
    pub(super) met: Option<&'a LoadPoint>,
    /// The lowest above it, which was missed or not shown.
    pub(super) missed: Option<&'a LoadPoint>,
}

impl<'a> Proof<'a> {
    pub(super) fn of(w: &Writer<'a>) -> Option<Self> {
        let goodput = w.assessment.capacity.goodput.as_ref()?;
        let met = goodput.points.iter().rev().find(|point| point.rate <= goodput.rate.low);
        let missed = goodput
            .points
            .iter()
            .find(|point| point.rate > goodput.rate.low && point.share.high < goodput.target);
        Some(Self { goodput, met: met.filter(|_| goodput.rate.low > 0.0), missed })
    }

    /// The share of requests that must meet the limits.
    pub(super) fn target(&self, w: &Writer<'_>) -> String {
        let target = self.goodput.target;
        let label = if service::target_is_assumed(w) { "assumed" } else { "stated" };
        w.number("target", target, format!("{} %", target * 100.0), label, "engagement: slo")
    }

    /// The highest rate that was shown to meet the target, in words.
    fn carried(&self, w: &Writer<'_>, met: &LoadPoint) -> String {
        w.rate("goodput", self.goodput.rate.low, Label::Measured, &met.path)
    }

    /// What the tests say of a rate: `enough` is carried, nothing was tested `beyond`, it was `missed`, or it lies `between`.
    fn place(&self, rate: f64) -> &'static str {
        match () {
            () if rate <= self.goodput.rate.low => "enough",
            () if self.missed.is_none() => "beyond",
            () if self.tested(rate) => "missed",
            () => "between",
        }
    }

    /// True if some rate was tested that is this one.
    fn tested(&self, rate: f64) -> bool {
        self.goodput.points.iter().any(|point| (point.rate - rate).abs() < 0.005 * rate.max(1.0))
    }
}

pub(super) fn share(w: &Writer<'_>, id: &str, point: &LoadPoint) -> String {
    w.number(id, point.share.base, format!("{:.1} %", point.share.base * 100.0), "measured", &point.path)
}

fn items<'w>(w: &'w Writer<'_>, wanted: impl Fn(&Item) -> bool) -> Vec<&'w Item> {
    w.items.iter().filter(|item| wanted(item)).collect()
}

/// What is mended by settings, without money: with something that can be done, and more than a question.
fn settings<'w>(w: &'w Writer<'_>) -> Vec<&'w Item> {
    items(w, |item| !item.own && item.mends && matches!(item.wave, Wave::Now | Wave::Window))
}

fn headline(w: &Writer<'_>) -> Result<String, ReportError> {
    let demand = Demand::of(w.assessment);
    let fix = settings(w).len();
    let n = w.count("settings", fix, "work");
    let proof = Proof::of(w);
    let carried = proof.as_ref().map(|proof| proof.goodput.rate.low);
    let key = match (carried, demand.each()) {
        (Some(carried), Some(each)) if each > carried && fix > 1 => "headline_outgrown",
        (Some(carried), Some(each)) if each > carried => "headline_outgrown_no_fix",
        (Some(_), Some(_)) if fix > 1 => "headline_carried",
        (Some(_), Some(_)) if !w.items.is_empty() => "headline_carried_few",
        (Some(_), Some(_)) => "headline_carried_none",
        _ if w.view.nothing_applied => "headline_nothing",
        _ if w.items.is_empty() && w.view.gaps => "headline_gaps",
        _ if w.items.is_empty() => "headline_none",
        _ if fix > 1 => "headline_settings",
        _ => "headline_found",
    };
    let all = w.count("findings", w.items.len(), "findings");
    w.say(key, &[("n", &n), ("all", &all)])
}

fn sentences(w: &Writer<'_>, room: Room) -> Result<Vec<Line>, ReportError> {
    let mut all = vec![situation(w)?];
    all.extend(consequence(w)?);
    all.extend(service::strongest(w)?.into_iter().take(room.effects));
    all.extend(causes(w, room.causes)?);
    all.extend(costs(w)?);
    let mut lines: Vec<Line> = all.into_iter().map(|text| line(stop(&text))).collect();
    lines.push(vec![strong(format!("{} ", w.word("decide")?)), plain(stop(&decision(w)?))]);
    Ok(lines)
}

fn situation(w: &Writer<'_>) -> Result<String, ReportError> {
    if let Some(seen) = observed::alone(w) {
        return observed::verdict(w, seen);
    }
    let Some(proof) = Proof::of(w) else {
        return w.say("not_tested", &[("reason", &super::money::missing(w)?)]);
    };
    let demand = Demand::of(w.assessment);
    let target = proof.target(w);
    let Some(met) = proof.met else { return w.say("never_met", &[("target", &target)]) };
    let mut values = vec![("met", proof.carried(w, met)), ("met_share", share(w, "share-met", met))];
    let key = match (demand.each(), demand.replicas) {
        (Some(each), Some(replicas)) => {
            values.extend([("each", w.each(each)), ("replicas", w.replicas(replicas))]);
            format!("each_{}", proof.place(each))
        }
        _ if proof.missed.is_some() => "tests_met_missed".to_owned(),
        _ => "tests_met".to_owned(),
    };
    if let Some(missed) = proof.missed {
        values.push(("missed", w.rate("missed", missed.rate, Label::Measured, &missed.path)));
        values.push(("missed_share", share(w, "share-missed", missed)));
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let text = stop(&w.say(&key, &values)?);
    if service::target_is_assumed(w) {
        return Ok(format!("{text} {}", w.say("target_assumed", &[("target", &target)])?));
    }
    Ok(text)
}

fn consequence(w: &Writer<'_>) -> Result<Option<String>, ReportError> {
    let demand = Demand::of(w.assessment);
    let (Some(proof), Some(each)) = (Proof::of(w), demand.each()) else { return Ok(None) };
    let carried = proof.goodput.rate.low;
    if carried <= 0.0 {
        return Ok(None);
    }
    let lost = demand.one_lost();
    let is_lost = lost.is_some_and(|lost| lost > carried);
    let is_missed = lost.zip(proof.missed).is_some_and(|(lost, missed)| lost >= missed.rate);
    let above = (each / carried - 1.0) * 100.0;
    let percent = w.number(
        "above",
        above,
        format!("{above:.0} %"),
        "modelled",
        "capacity.goodput and engagement: demand",
    );
    let lost =
        lost.map(|lost| w.rate("one-lost", lost, Label::Modelled, "engagement: demand")).unwrap_or_default();
    let key = match (each > carried, is_lost) {
        (true, true) if is_missed => "above_and_lost_missed",
        (true, true) => "above_and_lost",
        (true, false) => "above",
        (false, true) => "covered_not_lost",
        (false, false) if demand.one_lost().is_some() => "covered_lost",
        (false, false) => "covered",
    };
    w.say(key, &[("percent", &percent), ("lost", &lost)]).map(Some)
}

fn causes(w: &Writer<'_>, most: usize) -> Result<Option<String>, ReportError> {
    let worst = settings(w);
    // What has to be bought is no cause of what is carried.
    let is_cause = Proof::of(w).is_some() && !worst.is_empty();
    let worst = if worst.is_empty() { items(w, |item| item.wave != Wave::Measure) } else { worst };
    if worst.is_empty() {
        return Ok(None);
    }
    let named: Vec<String> =
        worst.iter().take(most).map(|item| format!("{} ({})", item.problem, item.id)).collect();
    let more = worst.len().saturating_sub(most);
    let causes = named.join("; ");
    let key = match (is_cause, more) {
        (true, 0) => "causes",
        (true, _) => "causes_more",
        (false, 0) => "found",
        (false, _) => "found_more",
    };
    let more = w.count("more-causes", more, "work");
    w.say(key, &[("causes", &causes), ("n", &more)]).map(Some)
}

fn costs(w: &Writer<'_>) -> Result<Option<String>, ReportError> {
    let capacity = &w.assessment.capacity;
    let Some(plan) = &capacity.plan else { return Ok(None) };
    let demand = w.rate("demand", plan.demand, Label::Modelled, "capacity.plan.demand");
    let replicas = w.planned(plan);
    let (Some(gpus), Some(cost)) = (&plan.gpus, &capacity.money) else {
        return w.say("need_only", &[("demand", &demand), ("replicas", &replicas)]).map(Some);
    };
    let gpus = w.gpus(gpus);
    let month = money(w, "month", cost.month.high, "capacity.money.month");
    let values = [("demand", demand.as_str()), ("replicas", &replicas), ("gpus", &gpus), ("month", &month)];
    let grows = Demand::of(w.assessment).next_year().is_some();
    let mut text = match cost.today {
        Some(today) => {
            let today = money(w, "month-today", today, "capacity.money.today");
            w.say(
                if grows { "need_today" } else { "need_same" },
                &[&values[..], &[("today", today.as_str())]].concat(),
            )?
        }
        None => w.say("need", &values)?,
    };
    if let Some(test) = Decisive::of(w) {
        let rate = w.rate("decisive", test.rate, Label::Modelled, "capacity.steps");
        let saves = money(w, "decisive-saves", test.saves, "capacity.steps");
        text = format!("{} {}", stop(&text), w.say("one_test", &[("rate", &rate), ("saves", &saves)])?);
    }
    Ok(Some(text))
}

fn decision(w: &Writer<'_>) -> Result<String, ReportError> {
    let ids = |wave: Wave| -> Vec<&str> {
        w.items.iter().filter(|item| item.wave == wave).map(|item| item.id.as_str()).collect()
    };
    let (now, window) = (runs(&ids(Wave::Now)), runs(&ids(Wave::Window)));
    let fixes = match (now.is_empty(), window.is_empty()) {
        (true, true) => None,
        (false, true) => Some(w.say("decide_now", &[("now", &now)])?),
        (true, false) => Some(w.say("decide_window", &[("ids", &window)])?),
        (false, false) => Some(w.say("decide_now_and_window", &[("now", &now), ("ids", &window)])?),
    };
    let proof = Proof::of(w);
    let tests =
        match (proof.as_ref().and_then(|proof| proof.met), proof.as_ref().and_then(|proof| proof.missed)) {
            (Some(met), Some(missed)) => {
                let from = w.rate("goodput", met.rate, Label::Measured, &met.path);
                let to = w.rate("missed", missed.rate, Label::Measured, &missed.path);
                w.say("decide_tests", &[("from", &from), ("to", &to)])?
            }
            _ if proof.is_some() => w.word("decide_retest")?.to_owned(),
            _ if has_level(w) => w.word("decide_longer_test")?.to_owned(),
            _ => w.word("decide_first_test")?.to_owned(),
        };
    match fixes {
        Some(fixes) => w.say("decide_both", &[("fixes", &fixes), ("tests", &tests)]),
        None => Ok(crate::view::sentence(&tests)),
    }
}

/// Names of findings in their order, three and more in a row as `F4–F7`.
fn runs(ids: &[&str]) -> String {
    let number = |id: &str| id.get(1..).and_then(|n| n.parse::<u32>().ok());
    let follows = |pair: &[&str]| {
        pair[0].get(..1) == pair[1].get(..1) && number(pair[0]).map(|n| n + 1) == number(pair[1])
    };
    let runs = ids.chunk_by(|a, b| follows(&[a, b])).flat_map(|run| match run {
        [first, _, .., last] => vec![format!("{first}–{last}")],
        run => run.iter().map(|id| (*id).to_owned()).collect(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

fn tiles(w: &Writer<'_>) -> Result<Vec<Tile>, ReportError> {
    let tile = |label: &str, value: String, note: String| -> Result<Tile, ReportError> {
        Ok(Tile { label: w.t("tile", label)?.to_owned(), value, note })
    };
    let capacity = &w.assessment.capacity;
    let demand = Demand::of(w.assessment);
    let proof = Proof::of(w);
    let of = |key: &str| w.t("tile", key).map(str::to_owned);
    let mut tiles = Vec::new();
    if let Some(proof) = &proof {
        let origin = proof.met.map_or("capacity.goodput", |point| point.path.as_str());
        let rate = w.rate("goodput", proof.goodput.rate.low, Label::Measured, origin);
        tiles.push(tile("proven", format!("{rate}/s"), of("measured")?)?);
    }
    if let Some((seen, rate)) = observed::alone(w).and_then(|seen| Some((seen, seen.kept_rate?))) {
        tiles.push(tile("served", format!("{}/s", observed::served(w, seen, rate)), of("observed")?)?);
    }
    if let Some(each) = demand.each() {
        tiles.push(tile("peak", format!("{}/s", w.each(each)), of("stated")?)?);
    }
    if let Some(plan) = &capacity.plan {
        let replicas = w.planned(plan);
        let value = match &plan.gpus {
            Some(gpus) => {
                let gpus = w.gpus(gpus);
                w.messages.fill("tile", "need_value", &[("replicas", &replicas), ("gpus", &gpus)])?
            }
            None => replicas,
        };
        let label = if demand.next_year().is_some() { "need" } else { "need_peak" };
        tiles.push(tile(label, value, of("modelled")?)?);
    }
    if let Some(cost) = &capacity.money {
        tiles.push(tile(
            "month",
            money(w, "month", cost.month.high, "capacity.money.month"),
            of("modelled")?,
        )?);
    }
    let counts = [
        ("findings", w.count("findings", w.items.len(), "findings")),
        ("high", w.count("high", high(w), "findings")),
        ("answered", answered(w)),
    ];
    if tiles.len() < 4 {
        tiles.push(tile("risk", w.view.risk.grade.text.clone(), String::new())?);
    }
    for (label, value) in counts {
        if tiles.len() < 4 {
            tiles.push(tile(label, value, String::new())?);
        }
    }
    Ok(tiles)
}

fn high(w: &Writer<'_>) -> usize {
    w.items.iter().filter(|item| item.grade.as_ref().is_some_and(|grade| grade.level == 3)).count()
}

/// Checks with an answer, of those that apply.
pub(super) fn checks(w: &Writer<'_>) -> (usize, usize) {
    use std::collections::BTreeMap;
    let mut by_check: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for finding in &w.assessment.findings {
        let (applies, open) = by_check.entry(&finding.check).or_default();
        *applies |= finding.outcome != plumb_check_sdk::Outcome::NotApplicable;
        *open |= finding.outcome.is_unanswered();
    }
    let applying = by_check.values().filter(|(applies, _)| *applies).count();
    let open = by_check.values().filter(|(applies, open)| *applies && *open).count();
    (applying - open, applying)
}

fn answered(w: &Writer<'_>) -> String {
    let (answered, applying) = checks(w);
    let (answered, applying) =
        (w.count("answered", answered, "findings"), w.count("applying", applying, "findings"));
    format!("{answered}/{applying}")
}

/// Overall grade, what works, scope: a line each.
fn lines(w: &Writer<'_>, room: Room) -> Result<Vec<crate::model::Labelled>, ReportError> {
    let labelled = |key: &str, own: Line| -> Result<crate::model::Labelled, ReportError> {
        Ok(crate::model::Labelled { label: w.word(key)?.to_owned(), lines: vec![own] })
    };
    let coverage =
        w.assessment.coverage.map(|share| w.number("coverage", share, percent(share), "counted", "coverage"));
    let mut risk = vec![grade(&w.view.risk.grade)];
    if let Some(coverage) = &coverage {
        risk.push(soft(format!(", {} {coverage}", w.t("document", "coverage")?)));
    }
    let mut rows = vec![labelled("overall", risk)?];
    let fine: Vec<&str> = w
        .assessment
        .categories
        .iter()
        .filter(|own| own.grade == Some(Grade::Low) && own.deviations == 0 && own.unanswered == 0)
        .filter(|_| w.assessment.contradictions.is_empty())
        .map(|own| w.messages.find("category", &crate::view::id(own.id)).unwrap_or(&own.title))
        .collect();
    if !fine.is_empty() {
        rows.push(labelled("works", line(w.say("works_text", &[("categories", &fine.join(", "))])?))?);
    }
    let (done, applying) = checks(w);
    let (n, m) = (w.count("answered", done, "findings"), w.count("applying", applying, "findings"));
    let mut scope = w.say("scope_text", &[("n", &n), ("m", &m)])?;
    let software = service::software(w, false);
    if !software.is_empty() {
        scope = format!("{} {}", stop(&scope), stop(&w.say("scope_software", &[("software", &software)])?));
        if let Some(tried) = service::tried(w)?.filter(|_| room.more) {
            scope = format!("{scope} {}", stop(&tried));
        }
    }
    rows.push(labelled("scope", line(stop(&scope)))?);
    let lacking = lacking(w)?;
    if room.more && !lacking.is_empty() {
        rows.push(labelled("from_you", line(stop(&crate::view::sentence(&lacking.join(", ")))))?);
    }
    Ok(rows)
}

/// True where the client stated limits that requests can be held against.
fn has_level(w: &Writer<'_>) -> bool {
    w.evidence().and_then(|evidence| evidence.engagement.known()).is_some_and(|own| own.slo.known().is_some())
}

/// What the client has not stated and the report could use, in words.
pub(super) fn lacking<'a>(w: &Writer<'a>) -> Result<Vec<&'a str>, ReportError> {
    let Some(evidence) = w.evidence() else { return Ok(Vec::new()) };
    let engagement = evidence.engagement.known();
    let slo = engagement.and_then(|own| own.slo.known());
    let demand = engagement.and_then(|own| own.demand.known());
    let open = [
        ("lacks_level", slo.is_none()),
        ("lacks_share", slo.is_some_and(|own| own.attainment_percent.is_none())),
        ("lacks_period", slo.is_some_and(|own| own.window_days.is_none())),
        ("lacks_peak", demand.is_none_or(|own| own.peak_requests_per_s.is_none())),
        ("lacks_mean", demand.is_some_and(|own| own.mean_requests_per_s.is_none())),
        ("lacks_prices", engagement.is_none_or(|own| own.prices.known().is_none())),
    ];
    open.into_iter().filter(|(_, is_open)| *is_open).map(|(key, _)| w.word(key)).collect()
}

/// Whether what each replica gets today is carried, in a sentence; nothing but tested rates is in it.
pub(super) fn verdict(w: &Writer<'_>, proof: &Proof<'_>) -> Result<String, ReportError> {
    let demand = Demand::of(w.assessment);
    let target = proof.target(w);
    let Some(met) = proof.met else { return w.say("never_met", &[("target", &target)]) };
    let mut values = vec![("met", proof.carried(w, met)), ("target", target)];
    if let Some(missed) = proof.missed {
        values.push(("missed", w.rate("missed", missed.rate, Label::Measured, &missed.path)));
    }
    let key = match demand.each() {
        Some(each) => {
            values.push(("each", w.each(each)));
            format!("verdict_{}", proof.place(each))
        }
        None if proof.missed.is_some() => "verdict_tested".to_owned(),
        None => "verdict_met".to_owned(),
    };
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    w.say(&key, &values)
}

#[cfg(test)]
mod tests {
    #[test]
    fn three_in_a_row_are_a_range() {
        assert_eq!(super::runs(&["F1", "F2", "F4", "F5", "F6", "F7", "O1"]), "F1, F2, F4–F7, O1");
        assert_eq!(super::runs(&[]), "");
    }
}
