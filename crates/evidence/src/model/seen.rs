//! What an observation shows of a promise: users' own requests, by the server's histograms, hour by hour.
//!
//! A histogram counts all requests of an hour, so what it says of that hour is no estimate; only where a limit lies between
//! two of its bounds, or the server has no such histogram, the share is known from below and from above alone. What follows
//! for other hours is an estimate, and requests that wait in one queue are worth fewer independent ones.

use super::attainment::bound;
use super::{ObserveResult, ObservedPart, Promise, Shown};
use crate::dependence::spans;
use crate::fact::{Absence, Missing};

/// A share of requests, as far as histograms tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Requests; tokens for `itl`.
    pub count: f64,
    /// Share that is within the limit at least, 0 to 1.
    pub least: f64,
    /// And at most.
    pub most: f64,
}

impl Bounds {
    /// Of a histogram with the upper bounds `edges`, in any unit, and `counts` up to each of them, of which one more counts all.
    /// `None` without a request, and where the two do not fit.
    #[must_use]
    pub fn within(edges: &[f64], counts: &[f64], limit: f64) -> Option<Self> {
        let all = *counts.last()?;
        if all <= 0.0 || counts.len() != edges.len() + 1 {
            return None;
        }
        // Limits are written in ms and buckets in s.
        let close = 1e-9 * limit.max(1.0);
        let reached = || edges.iter().zip(counts);
        let least = reached().rfind(|(edge, _)| **edge <= limit + close).map_or(0.0, |(_, count)| *count);
        let most = reached().find(|(edge, _)| **edge + close >= limit).map_or(all, |(_, count)| *count);
        Some(Self { count: all, least: (least / all).clamp(0.0, 1.0), most: (most / all).clamp(0.0, 1.0) })
    }

    /// Within all limits at once: no more than within the strictest, and no fewer than if no request missed two of them.
    #[must_use]
    pub fn joint(all: &[Self]) -> Option<Self> {
        let missed: f64 = all.iter().map(|one| 1.0 - one.least).sum();
        (!all.is_empty()).then(|| Self {
            count: all.iter().map(|one| one.count).fold(0.0, f64::max),
            least: (1.0 - missed).max(0.0),
            most: all.iter().map(|one| one.most).fold(1.0, f64::min),
        })
    }

    /// The same of several times together, weighted by their requests.
    fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let (mut count, mut least, mut most) = (0.0, 0.0, 0.0);
        for one in all {
            count += one.count;
            least += one.least * one.count;
            most += one.most * one.count;
        }
        let share = |sum: f64| if count > 0.0 { sum / count } else { 0.0 };
        Self { count, least: share(least), most: share(most) }
    }

    /// How these requests themselves stand to a target: no estimate, as all of them are counted.
    #[must_use]
    pub fn stands(&self, target: f64) -> Shown {
        if self.least >= target {
            Shown::Met
        } else if self.most < target {
            Shown::Missed
        } else {
            Shown::Open
        }
    }
}

/// A part of an observation, an hour as a rule.
#[derive(Clone, Copy, Debug)]
pub struct SeenPart<'a> {
    /// The part.
    pub part: &'a ObservedPart,
    /// Requests that ended, per second.
    pub rate: f64,
    /// Share within all limits.
    pub share: Bounds,
    /// How its requests stand to the target.
    pub stands: Shown,
    /// Independent requests that they are worth.
    pub independent: f64,
}

/// The highest rate that was served with the limits kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// Requests per second: the least of the parts that show it.
    pub rate: f64,
    /// Those parts.
    pub parts: usize,
    /// Their requests together.
    pub share: Bounds,
    /// Lower bound of the share, one-sided, 95 % confidence.
    pub lower: f64,
}

/// What an observation shows of a promise.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The observation.
    pub of: &'a ObserveResult,
    /// Share of requests that is to be within the limits, 0 to 1.
    pub target: f64,
    /// Parts with requests, in the order of time.
    pub parts: Vec<SeenPart<'a>>,
    /// All of them together.
    pub share: Bounds,
    /// Limits that the server has no histogram of whole requests for, by name: with one of them, that the limits are kept cannot
    /// be seen, only that they are missed.
    pub untold: Vec<&'static str>,
}

impl Seen<'_> {
    /// How all requests together stand to the target.
    #[must_use]
    pub fn stands(&self) -> Shown {
        self.share.stands(self.target)
    }

    /// Parts whose requests stand so.
    #[must_use]
    pub fn count(&self, stands: Shown) -> usize {
        self.parts.iter().filter(|part| part.stands == stands).count()
    }

    /// The part in which the fewest requests were within the limits, where they were missed in one.
    #[must_use]
    pub fn worst(&self) -> Option<&SeenPart<'_>> {
        let missed = self.parts.iter().filter(|part| part.stands == Shown::Missed);
        missed.min_by(|a, b| a.share.most.total_cmp(&b.share.most))
    }

    /// The highest rate at which the limits were kept: the parts with this rate or a higher one, together, leave no doubt that the
    /// target is reached. One good hour among many is luck, and all that were as busy count with it.
    ///
    /// Nothing is said of higher rates: nobody asked for them.
    #[must_use]
    pub fn kept(&self) -> Option<Kept> {
        let mut busiest: Vec<&SeenPart<'_>> = self.parts.iter().filter(|part| part.rate > 0.0).collect();
        busiest.sort_by(|a, b| b.rate.total_cmp(&a.rate));
        (1..=busiest.len()).find_map(|count| {
            let parts = &busiest[..count];
            let share = Bounds::together(parts.iter().map(|part| &part.share));
            let independent: f64 = parts.iter().map(|part| part.independent).sum();
            let lower = bound(share.least, independent);
            (lower >= self.target).then(|| Kept { rate: parts[count - 1].rate, parts: count, share, lower })
        })
    }

    fn up_to(&self, rate: f64) -> impl Iterator<Item = &SeenPart<'_>> {
        self.parts.iter().filter(move |part| part.rate <= rate)
    }

    /// The share of requests in parts with no more than `rate`.
    #[must_use]
    pub fn share_up_to(&self, rate: f64) -> Bounds {
        Bounds::together(self.up_to(rate).map(|part| &part.share))
    }

    /// True if requests at no more than `rate` leave no doubt that the target is missed.
    #[must_use]
    pub fn is_missed_up_to(&self, rate: f64) -> bool {
        let share = self.share_up_to(rate);
        let independent: f64 = self.up_to(rate).map(|part| part.independent).sum();
        share.count > 0.0 && 1.0 - bound(1.0 - share.most, independent) < self.target
    }

    /// Requests per second of the busiest part.
    #[must_use]
    pub fn busiest(&self) -> f64 {
        self.parts.iter().map(|part| part.rate).fold(0.0, f64::max)
    }
}

/// Limits of whole requests that servers may have histograms of. That of times between tokens counts tokens, of which nobody
/// knows whose they are.
const OF_REQUESTS: [&str; 3] = ["ttft", "tpot", "e2e"];

impl Promise<'_> {
    /// What an observation shows of the promise.
    ///
    /// # Errors
    /// No requests were seen or none that the histograms count, the promise names no limit or share, or the requests had other
    /// numbers of tokens than those of the demand.
    pub fn seen<'o>(&self, observation: &'o ObserveResult) -> Result<Seen<'o>, Missing> {
        let target = self.target()?;
        let limits = self.limits();
        let skipped = |reason: String| Missing::new(Absence::Skipped, reason);
        if limits.is_empty() {
            return Err(Missing::new(Absence::Absent, "the service level names no limit"));
        }
        let edges = |metric: &str| observation.buckets.get(metric).map_or(&[][..], Vec::as_slice);
        let (told, untold): (Vec<_>, Vec<_>) = limits
            .iter()
            .partition(|limit| OF_REQUESTS.contains(&limit.metric) && !edges(limit.metric).is_empty());
        if told.is_empty() {
            let names: Vec<String> = limits.iter().map(ToString::to_string).collect();
            return Err(skipped(format!(
                "the server that `{}` observed has no histogram of whole requests that {} could be held against",
                observation.path,
                names.join(", ")
            )));
        }
        self.is_like_observed(observation)?;
        let part = |part: &'o ObservedPart| {
            let of = |limit: &&super::Limit| {
                let counts = part.counts.get(limit.metric)?;
                Bounds::within(edges(limit.metric), counts, limit.limit_ms)
            };
            let mut all: Vec<Bounds> = told.iter().map(of).collect::<Option<_>>()?;
            if !untold.is_empty() {
                all.push(Bounds { count: 0.0, least: 0.0, most: 1.0 });
            }
            let share = Bounds::joint(&all)?;
            let (seconds, rate) = (part.mean.seconds, share.count / part.mean.seconds.max(1e-9));
            let residence = match (part.mean.e2e_ms, part.mean.running) {
                (Some(ms), _) => Some(ms / 1e3),
                // Little's law.
                (None, Some(running)) => Some(running / rate),
                _ => None,
            };
            let independent = residence.map_or(0.0, |residence| share.count.min(spans(seconds, residence)));
            Some(SeenPart { part, rate, share, stands: share.stands(target), independent })
        };
        let parts: Vec<SeenPart<'o>> = observation.parts.iter().filter_map(part).collect();
        if parts.is_empty() {
            return Err(skipped(format!("no request ended while `{}` observed", observation.path)));
        }
        Ok(Seen {
            of: observation,
            target,
            share: Bounds::together(parts.iter().map(|part| &part.share)),
            parts,
            untold: untold.iter().map(|limit| limit.metric).collect(),
        })
    }

    /// What of several observations says most: the one with the most requests.
    ///
    /// # Errors
    /// None says anything.
    pub fn seen_most<'o>(&self, observations: &'o [ObserveResult]) -> Result<Seen<'o>, Missing> {
        let mut why = None;
        let mut most: Option<Seen<'o>> = None;
        for observation in observations {
            match self.seen(observation) {
                Ok(seen) if most.as_ref().is_none_or(|most| most.share.count < seen.share.count) => {
                    most = Some(seen);
                }
                Ok(_) => {}
                Err(missing) => why = Some(missing),
            }
        }
        let nothing = || Missing::new(Absence::Skipped, "nothing was observed: no `plumb observe --into`");
        most.ok_or_else(|| why.unwrap_or_else(nothing))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Demand, Moment, ServiceLevel};

    const HOUR: f64 = 3600.0;

    /// An hour at `rate` whose requests took five seconds, of which `fast` had their first token within 250 ms and `half` within
    /// 500 ms.
    fn hour(at: usize, rate: f64, fast: f64, half: f64) -> ObservedPart {
        let all = rate * HOUR;
        ObservedPart {
            from: format!("2026-01-01T{at:02}:00:00Z"),
            mean: Moment {
                seconds: HOUR,
                requests_per_s: Some(rate),
                e2e_ms: Some(5000.0),
                ..Moment::default()
            },
            requests: Some(all),
            counts: BTreeMap::from([("ttft".to_owned(), vec![fast * all, half * all, all])]),
            prompt_tokens: Some(2000.0 * all),
            output_tokens: Some(300.0 * all),
            ..ObservedPart::default()
        }
    }

    fn day(hours: Vec<ObservedPart>) -> ObserveResult {
        ObserveResult {
            path: "measurements/observe-a.json".to_owned(),
            buckets: BTreeMap::from([("ttft".to_owned(), vec![250.0, 500.0])]),
            parts: hours,
            ..ObserveResult::default()
        }
    }

    fn slo(ttft_ms: f64) -> ServiceLevel {
        ServiceLevel { percentile: Some(95.0), ttft_ms: Some(ttft_ms), ..ServiceLevel::default() }
    }

    #[test]
    fn a_limit_between_two_buckets_is_known_as_far_as_they_tell() {
        let of = |limit| Bounds::within(&[0.1, 0.5, 1.0], &[50.0, 90.0, 98.0, 100.0], limit).unwrap();
        let bounds = |limit| (of(limit).least, of(limit).most);
        assert_eq!(bounds(0.5), (0.9, 0.9));
        assert_eq!(bounds(0.3), (0.5, 0.9));
        assert_eq!(bounds(0.05), (0.0, 0.5));
        // Beyond the last bucket that has an end, nothing tells.
        assert_eq!(bounds(5.0), (0.98, 1.0));
        assert_eq!(Bounds::within(&[], &[], 1.0), None);
        assert_eq!(Bounds::within(&[0.1], &[1.0], 1.0), None, "counts of other bounds");
    }

    #[test]
    fn all_limits_together_are_bounded_by_each() {
        let of = |least, most| Bounds { count: 100.0, least, most };
        let all = Bounds::joint(&[of(0.9, 0.95), of(0.8, 0.99)]).unwrap();
        assert!((all.least - 0.7).abs() < 1e-9 && (all.most - 0.95).abs() < 1e-9, "{all:?}");
        assert_eq!(Bounds::joint(&[]), None);
    }

    #[test]
    fn what_was_kept_is_the_rate_that_was_served_and_no_more() {
        let slo = slo(500.0);
        let promise = Promise::new(&slo, None);
        let hours = (0..24).map(|at| hour(at, if at < 8 { 0.5 } else { 4.0 }, 0.9, 0.99)).collect();
        let observed = day(hours);
        let seen = promise.seen(&observed).unwrap();
        assert_eq!((seen.stands(), seen.count(Shown::Met)), (Shown::Met, 24));
        let kept = seen.kept().unwrap();
        assert!((kept.rate - 4.0).abs() < 1e-9 && kept.lower >= 0.95 && kept.lower < 0.99, "{kept:?}");
        // One hour alone is too few independent requests, and a better one at a lower rate does not help the busier ones.
        let observed = day(vec![hour(0, 4.0, 0.9, 0.96)]);
        assert_eq!(promise.seen(&observed).unwrap().kept(), None);
        let mut hours: Vec<ObservedPart> = (0..12).map(|at| hour(at, 1.0, 0.9, 1.0)).collect();
        hours.extend((12..24).map(|at| hour(at, 6.0, 0.5, 0.8)));
        let observed = day(hours);
        let seen = promise.seen(&observed).unwrap();
        assert_eq!((seen.stands(), seen.kept()), (Shown::Missed, None));
        assert!(seen.is_missed_up_to(6.0) && !seen.is_missed_up_to(1.0));
        let worst = seen.worst().unwrap();
        assert!((worst.share.most - 0.8).abs() < 1e-9 && (worst.rate - 6.0).abs() < 1e-9);
    }

    #[test]
    fn buckets_that_cannot_decide_decide_nothing() {
        let slo = slo(300.0);
        let observed = day((0..24).map(|at| hour(at, 4.0, 0.9, 0.99)).collect());
        let seen = Promise::new(&slo, None).seen(&observed).unwrap();
        assert_eq!((seen.stands(), seen.count(Shown::Open), seen.kept()), (Shown::Open, 24, None));
        assert!(!seen.is_missed_up_to(10.0));
    }

    #[test]
    fn a_limit_without_a_histogram_can_be_missed_and_not_kept() {
        let with = |itl_ms| ServiceLevel { itl_ms: Some(itl_ms), ..slo(500.0) };
        let slo_and_itl = with(50.0);
        let promise = Promise::new(&slo_and_itl, None);
        let good = day((0..24).map(|at| hour(at, 4.0, 0.9, 0.99)).collect());
        let seen = promise.seen(&good).unwrap();
        assert_eq!((seen.stands(), seen.untold.as_slice()), (Shown::Open, &["itl"][..]));
        let bad = day((0..24).map(|at| hour(at, 4.0, 0.5, 0.8)).collect());
        assert_eq!(promise.seen(&bad).unwrap().stands(), Shown::Missed);
        let only = ServiceLevel { percentile: Some(95.0), itl_ms: Some(50.0), ..ServiceLevel::default() };
        let why = Promise::new(&only, None).seen(&good).unwrap_err();
        assert!(why.reason.contains("no histogram of whole requests"), "{why}");
    }

    #[test]
    fn requests_unlike_those_of_the_demand_say_nothing_of_it() {
        let slo = slo(500.0);
        let observed = day((0..24).map(|at| hour(at, 4.0, 0.9, 0.99)).collect());
        let of = |output| Demand { output_tokens: Some(output), ..Demand::default() };
        let (like, unlike) = (of(290.0), of(1000.0));
        assert!(Promise::new(&slo, Some(&like)).seen(&observed).is_ok());
        let why = Promise::new(&slo, Some(&unlike)).seen(&observed).unwrap_err();
        assert!(why.reason.contains("had 300 output tokens"), "{why}");
        assert!(Promise::new(&slo, None).seen_most(&[]).is_err());
        let more = day((0..48).map(|at| hour(at % 24, 4.0, 0.9, 0.99)).collect());
        let both = [observed, more];
        assert_eq!(Promise::new(&slo, None).seen_most(&both).unwrap().parts.len(), 48);
    }
}
