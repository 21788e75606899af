//! What an observation tells, by rules over its parts.

use plumb_evidence::model::{Attained, Moment, ObserveResult, ObservedPart, ObservedSign, ObservedTimes};

use plumb_stats::quantile::quantile;
use plumb_stats::{mean, trend};

/// CPUs that others use beyond the usual, from which on they are told. Ours, as the others here.
const NEIGHBOURS: f64 = 0.5;
/// Share of the usual clock below which a part is slow.
const SLOW_CLOCK: f64 = 0.90;
/// Share of the time that a quota holds back, from which on it is told.
const HELD_BACK: f64 = 0.01;
/// Seconds of waiting for a CPU per second.
const RUN_DELAY: f64 = 0.05;
/// Parts from which on a trend can be told.
const PARTS: usize = 8;
/// Share by which latency has to rise from the first third to the last.
const AGED: f64 = 0.05;

/// What stands out, besides the shares of requests within limits.
pub(super) fn signs(result: &ObserveResult) -> Vec<ObservedSign> {
    let mut signs: Vec<ObservedSign> =
        [neighbours(result), throttled(result), short_of_cpus(result), ageing(result)]
            .into_iter()
            .flatten()
            .collect();
    if result.restarts > 0 {
        signs.push(ObservedSign::Restarts { times: result.restarts });
    }
    signs
}

/// The shares and the signs in words.
pub(super) fn conclusions(result: &ObserveResult) -> Vec<String> {
    let mut told = Vec::new();
    if !result.url.is_empty() {
        told.push(
            "no request was sent for this: what is told is the server's own account of what others asked, so capacity and service \
             level rest on its histograms, and nothing is known of what the network adds or of loads that did not come"
                .to_owned(),
        );
    }
    told.extend(result.attained.iter().map(attained));
    told.extend(worst_hour(result));
    told.extend(result.signs.iter().map(words));
    told
}

fn words(sign: &ObservedSign) -> String {
    match sign {
        ObservedSign::Neighbours { when, cpus, usual, who } => {
            let who = who
                .as_ref()
                .map_or_else(String::new, |(name, cpus)| format!(", `{name}` up to {cpus:.1} of them"));
            format!(
                "neighbours: {} others used up to {cpus:.1} CPUs{who}, where {usual:.1} are usual",
                times(when)
            )
        }
        ObservedSign::Thermal { when, events } => {
            format!("throttling: {events} thermal events of CPUs, {}", times(when))
        }
        ObservedSign::HeldBack { when, share } => format!(
            "throttling: its quota held the server back for up to {:.0} % of the time, {}",
            share * 100.0,
            times(when)
        ),
        ObservedSign::Clocks { when, gpus, mhz, usual } => format!(
            "clocks of {} fell to {mhz:.0} MHz, {}, where {usual:.0} are usual",
            if *gpus { "busy GPUs" } else { "CPUs" },
            times(when)
        ),
        ObservedSign::ShortOfCpus { when, waited } => {
            format!("the server's threads waited up to {waited:.2} s per second for a CPU, {}", times(when))
        }
        ObservedSign::Ageing { metric, before, after, load_rose } => format!(
            "the time {} rose from {before:.1} to {after:.1} ms over the observation: {}",
            if metric == "itl" { "from token to token" } else { "of a request" },
            if *load_rose {
                "the load rose, too, so that may be why"
            } else {
                "the load did not rise, so the server ages; a restart tells (`plumb experiment` with `[as_found]`)"
            }
        ),
        ObservedSign::Restarts { times } => {
            format!("the server's counters began anew {times} times: it was restarted")
        }
    }
}

fn attained(own: &Attained) -> String {
    let Attained { metric, limit_ms, wanted, count, least, most } = own;
    let what = match metric.as_str() {
        "all" => "every limit".to_owned(),
        metric => format!("{metric} <= {limit_ms} ms"),
    };
    let of = if metric == "itl" { "tokens" } else { "requests" };
    let verdict = if least >= wanted {
        "met"
    } else if most < wanted {
        "missed"
    } else {
        "not decided by the buckets of the server's histogram"
    };
    format!(
        "{what}: {:.1} to {:.1} % of {count:.0} {of} are within it, {:.0} % are wanted: {verdict}",
        least * 100.0,
        most * 100.0,
        wanted * 100.0
    )
}

/// Hour and minute of the start of a part, UTC.
fn clock(part: &ObservedPart) -> &str {
    part.from.get(11..16).unwrap_or_default()
}

/// Parts in words: one, or the first and the last of several.
fn times(when: &ObservedTimes) -> String {
    let clock = |from: &str| from.get(11..16).unwrap_or_default().to_owned();
    match when.parts {
        0 => String::new(),
        1 => format!("from {} UTC", clock(&when.from)),
        parts => format!("in {parts} parts from {} to {} UTC", clock(&when.from), clock(&when.to)),
    }
}

fn when(parts: &[&ObservedPart]) -> ObservedTimes {
    let from = |part: Option<&&ObservedPart>| part.map_or_else(String::new, |part| part.from.clone());
    ObservedTimes {
        parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        from: from(parts.first()),
        to: from(parts.last()),
    }
}

fn usual(result: &ObserveResult, value: fn(&Moment) -> Option<f64>) -> Option<f64> {
    let mut known: Vec<f64> = result.parts.iter().filter_map(|part| value(&part.mean)).collect();
    known.sort_by(f64::total_cmp);
    quantile(&known, 0.5)
}

/// The part with the fewest requests within a limit.
fn worst_hour(result: &ObserveResult) -> Option<String> {
    let missed = result.parts.iter().flat_map(|part| part.attained.iter().map(move |own| (part, own)));
    let (part, own) =
        missed.filter(|(_, own)| own.most < own.wanted).min_by(|a, b| a.1.most.total_cmp(&b.1.most))?;
    Some(format!(
        "worst from {} UTC: at most {:.1} % within {}, at {:.2} requests/s",
        clock(part),
        own.most * 100.0,
        if own.metric == "all" {
            "every limit".to_owned()
        } else {
            format!("{} <= {} ms", own.metric, own.limit_ms)
        },
        part.mean.requests_per_s.unwrap_or(0.0)
    ))
}

fn neighbours(result: &ObserveResult) -> Option<ObservedSign> {
    let usual = usual(result, |moment| moment.others_cpus)?;
    let busy: Vec<&ObservedPart> = result
        .parts
        .iter()
        .filter(|part| {
            part.mean.others_cpus.is_some_and(|cpus| cpus > usual + NEIGHBOURS && cpus > 1.5 * usual)
        })
        .collect();
    let most = busy.iter().max_by(|a, b| {
        let cpus = |part: &ObservedPart| part.mean.others_cpus.unwrap_or(0.0);
        cpus(a).total_cmp(&cpus(b))
    })?;
    Some(ObservedSign::Neighbours {
        when: when(&busy),
        cpus: most.mean.others_cpus.unwrap_or(0.0),
        usual,
        who: most.mean.neighbour.clone(),
    })
}

fn throttled(result: &ObserveResult) -> Option<ObservedSign> {
    let hot: Vec<&ObservedPart> =
        result.parts.iter().filter(|part| part.mean.thermal.is_some_and(|count| count > 0)).collect();
    if !hot.is_empty() {
        let events: u64 = hot.iter().filter_map(|part| part.mean.thermal).sum();
        return Some(ObservedSign::Thermal { when: when(&hot), events });
    }
    let held: Vec<&ObservedPart> = result
        .parts
        .iter()
        .filter(|part| part.mean.held_back.is_some_and(|share| share >= HELD_BACK))
        .collect();
    if !held.is_empty() {
        let share = held.iter().filter_map(|part| part.mean.held_back).fold(0.0, f64::max);
        return Some(ObservedSign::HeldBack { when: when(&held), share });
    }
    let gpu = |moment: &Moment| {
        let busy = moment.gpus.iter().filter(|gpu| gpu.busy_percent.is_some_and(|busy| busy >= 10.0));
        mean(&busy.filter_map(|gpu| gpu.sm_mhz).collect::<Vec<_>>())
    };
    for (gpus, value) in
        [(false, (|moment| moment.mhz.map(|(mean, _)| mean)) as fn(&Moment) -> Option<f64>), (true, gpu)]
    {
        let Some(usual) = usual(result, value) else { continue };
        let slow: Vec<&ObservedPart> = result
            .parts
            .iter()
            // Idle CPUs clock down by design.
            .filter(|part| gpus || part.mean.cpus_used.is_some_and(|used| used >= 0.5))
            .filter(|part| value(&part.mean).is_some_and(|mhz| mhz < SLOW_CLOCK * usual))
            .collect();
        if !slow.is_empty() {
            let mhz = slow.iter().filter_map(|part| value(&part.mean)).fold(f64::MAX, f64::min);
            return Some(ObservedSign::Clocks { when: when(&slow), gpus, mhz, usual });
        }
    }
    None
}

fn short_of_cpus(result: &ObserveResult) -> Option<ObservedSign> {
    let short: Vec<&ObservedPart> = result
        .parts
        .iter()
        .filter(|part| part.mean.run_delay.is_some_and(|delay| delay >= RUN_DELAY))
        .collect();
    let waited = short.iter().filter_map(|part| part.mean.run_delay).fold(0.0, f64::max);
    (!short.is_empty()).then(|| ObservedSign::ShortOfCpus { when: when(&short), waited })
}

/// Latency that rises from part to part while the load does not.
fn ageing(result: &ObserveResult) -> Option<ObservedSign> {
    let parts: Vec<&Moment> = result.parts.iter().map(|part| &part.mean).collect();
    let of = |value: fn(&Moment) -> Option<f64>| -> Option<Vec<f64>> {
        let known: Vec<f64> = parts.iter().filter_map(|moment| value(moment)).collect();
        (known.len() == parts.len() && known.len() >= PARTS).then_some(known)
    };
    let times = of(|moment| moment.itl_ms).map(|own| ("itl", own));
    let (metric, times) = times.or_else(|| of(|moment| moment.e2e_ms).map(|own| ("e2e", own)))?;
    let load = of(|moment| moment.requests_per_s)?;
    let third = times.len() / 3;
    let (before, after) = (mean(&times[..third])?, mean(&times[times.len() - third..])?);
    if result.restarts > 0 || !trend::has_trend(&times, 0.01) || after < (1.0 + AGED) * before {
        return None;
    }
    let load_rose = mean(&load[load.len() - third..])? > 1.05 * mean(&load[..third])?;
    Some(ObservedSign::Ageing { metric: metric.to_owned(), before, after, load_rose })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(count: usize, moment: impl Fn(usize) -> Moment) -> ObserveResult {
        let parts = (0..count).map(|hour| ObservedPart {
            from: format!("2026-01-01T{:02}:00:00Z", hour % 24),
            mean: moment(hour),
            ..ObservedPart::default()
        });
        let mut result =
            ObserveResult { url: "http://x".to_owned(), parts: parts.collect(), ..ObserveResult::default() };
        result.signs = signs(&result);
        result
    }

    fn said(result: &ObserveResult, word: &str) -> bool {
        conclusions(result).iter().any(|sentence| sentence.contains(word))
    }

    #[test]
    fn night_neighbours_and_afternoon_throttling_are_told_with_their_hours() {
        let day = parts(24, |hour| Moment {
            others_cpus: Some(if (2..4).contains(&hour) { 6.0 } else { 0.3 }),
            neighbour: (2..4).contains(&hour).then(|| ("backup".to_owned(), 5.5)),
            thermal: Some(u64::from((14..17).contains(&hour)) * 7),
            ..Moment::default()
        });
        let told = conclusions(&day).join("\n");
        assert!(told.contains("from 02:00 to 03:00 UTC others used up to 6.0 CPUs, `backup`"), "{told}");
        assert!(told.contains("21 thermal events of CPUs, in 3 parts from 14:00 to 16:00 UTC"), "{told}");
        assert!(told.contains("no request was sent"), "{told}");
        let quiet = parts(24, |_| Moment { others_cpus: Some(0.3), thermal: Some(0), ..Moment::default() });
        assert_eq!(conclusions(&quiet).len(), 1, "{:?}", conclusions(&quiet));
    }

    #[test]
    fn a_server_that_ages_is_told_from_one_with_more_to_do() {
        let of = |grows: f64| {
            parts(24, move |hour| Moment {
                itl_ms: Some(20.0 + 0.4 * hour as f64),
                requests_per_s: Some(5.0 + grows * hour as f64),
                ..Moment::default()
            })
        };
        assert!(said(&of(0.0), "the server ages") && !said(&of(0.0), "load rose"));
        assert!(said(&of(0.2), "the load rose, too"));
        let still = parts(24, |hour| Moment {
            itl_ms: Some(20.0 + (hour * 7 % 5) as f64),
            requests_per_s: Some(5.0),
            ..Moment::default()
        });
        assert!(!said(&still, "rose"));
    }

    #[test]
    fn what_the_buckets_do_not_decide_is_not_called_met() {
        let own = |least, most| {
            let metric = "ttft".to_owned();
            attained(&Attained { metric, limit_ms: 500.0, wanted: 0.95, count: 100.0, least, most })
        };
        assert!(own(0.96, 1.0).ends_with("met") && own(0.5, 0.9).ends_with("missed"));
        assert!(own(0.9, 0.97).contains("not decided"));
    }
}
