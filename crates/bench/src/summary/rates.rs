//! The measured window, and what ended in it.

use super::{all_met, residence};
use crate::engine::Outcome;
use crate::plan::{Load, Plan};
use crate::record::Phase;
use crate::recorder::Recorder;
use crate::scrape::Scrapes;

/// Tokens that the server counted between two of its scrapes, over those that the client saw arrive in the same time; `None`
/// for less than two seconds.
pub(super) fn token_ratio(
    plan: &Plan,
    scrapes: &Scrapes,
    window: (u64, u64),
    recorder: &Recorder,
) -> Option<f64> {
    let ((start, end), counted) = scrapes.tokens_within(window)?;
    let seconds = end.saturating_sub(start) as f64 / 1e9;
    let seen = Rates::over((start, end), recorder, plan).tokens * seconds;
    (seconds >= 2.0 && seen > 0.0).then(|| counted / seen)
}

/// The measured window. A closed loop of no more requests than streams has no window by its starts: it lasts until the last
/// reply then.
pub(super) fn window(outcome: &Outcome) -> Option<(u64, u64)> {
    let (start, end) = outcome.window?;
    let measured = || outcome.recorder.kept.iter().filter(|kept| kept.phase == Phase::Measured);
    let last_done = measured().map(|kept| kept.done).max()?;
    // An ended run covers no more than it has seen.
    let end = if outcome.interrupted { end.min(last_done) } else { end };
    let mean = residence(&measured().copied().collect::<Vec<_>>()).unwrap_or(0.0) * 1e9;
    if (end.saturating_sub(start) as f64) < mean {
        (last_done > start).then_some((start, last_done))
    } else {
        Some((start, end))
    }
}

/// Rates over the window.
///
/// In an open loop, what ended inside counts. In a closed loop all streams may end and begin together, and where the window
/// is cut would add or take a whole wave; so each request counts with the share of its time that lies inside.
pub(super) struct Rates {
    pub(super) ok: f64,
    pub(super) good: f64,
    pub(super) started: f64,
    pub(super) tokens: f64,
    pub(super) in_flight: f64,
}

impl Rates {
    pub(super) fn over((start, end): (u64, u64), recorder: &Recorder, plan: &Plan) -> Self {
        let seconds = (end - start).max(1) as f64 / 1e9;
        let closed = matches!(plan.load, Load::Closed { .. });
        let inside = |from: u64, to: u64| to.min(end).saturating_sub(from.max(start)) as f64;
        let within = |time: u64| f64::from(u8::from((start..end).contains(&time)));
        let (mut ok, mut good, mut all, mut tokens, mut time) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for kept in &recorder.kept {
            if kept.sent == 0 {
                continue;
            }
            let overlap = inside(kept.sent, kept.done);
            time += overlap;
            let part = overlap / kept.done.saturating_sub(kept.sent).max(1) as f64;
            let (ended, due) =
                if closed { (part, part) } else { (within(kept.done), within(kept.scheduled)) };
            all += due;
            if kept.miss.is_none() {
                ok += ended;
                // Counted as the rate is, which therefore is never below it.
                good += if all_met(kept, plan.objectives.len()) { ended } else { 0.0 };
            }
            if kept.first != 0 {
                let span = kept.last.saturating_sub(kept.first);
                let part =
                    if span == 0 { within(kept.first) } else { inside(kept.first, kept.last) / span as f64 };
                tokens += f64::from(kept.tokens) * part;
            }
        }
        let stride = recorder.stride as f64;
        Self {
            ok: ok * stride / seconds,
            good: good * stride / seconds,
            started: all * stride / seconds,
            tokens: tokens * stride / seconds,
            in_flight: time * stride / 1e9 / seconds,
        }
    }
}
