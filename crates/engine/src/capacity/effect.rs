//! What experiments on this node showed.

use plumb_evidence::Evidence;
use plumb_evidence::model::{ExperimentEffect, ExperimentResult};
use serde::Serialize;

use super::{Label, Range};

/// Metrics of which more is more capacity, the best suited first.
const THROUGHPUT: [&str; 4] = ["goodput_rps", "goodput", "requests_per_s", "output_tokens_per_s"];

/// Whether changing settings was measured to do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectState {
    /// No experiment was made.
    NotTested,
    /// Experiments were made, and none showed an improvement.
    NoMeasuredEffect,
    /// An improvement was shown.
    Improved,
}

/// The effect of settings on this node, as measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// What is known.
    pub state: EffectState,
    /// Number of valid experiments.
    pub experiments: usize,
    /// The improvement of a declared metric with the smallest doubt, where one was shown.
    pub best: Option<Change>,
    /// The improvement of throughput, of the same setting, where one was shown.
    pub throughput: Option<Change>,
}

/// A measured difference from the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Name of the experiment.
    pub experiment: String,
    /// The setting.
    pub cell: String,
    /// What it is compared with.
    pub against: String,
    /// Metric.
    pub metric: String,
    /// Setting over baseline, with the ends of its 95 % interval.
    pub ratio: Range<f64>,
    /// File of the bundle.
    pub path: String,
    /// [`Label::Measured`].
    pub label: Label,
}

impl Change {
    fn of(experiment: &ExperimentResult, effect: &ExperimentEffect) -> Self {
        let (low, high) = effect.interval().unwrap_or((effect.ratio, effect.ratio));
        Self {
            experiment: experiment.name.clone(),
            cell: effect.cell.clone(),
            against: effect.against.clone(),
            metric: effect.metric.clone(),
            ratio: Range { low, base: effect.ratio, high },
            path: experiment.path.clone(),
            label: Label::Measured,
        }
    }
}

pub(super) fn of(evidence: &Evidence) -> Effect {
    let all = evidence.measurements.known().and_then(|measurements| measurements.experiments.known());
    let valid: Vec<&ExperimentResult> =
        all.into_iter().flatten().filter(|experiment| experiment.valid).collect();
    let usable = |effect: &&ExperimentEffect| {
        let Some((low, high)) = effect.interval() else { return false };
        // An interval that holds 1 shows nothing, whatever the verdict says.
        [low, effect.ratio, high].iter().all(|end| end.is_finite() && *end > 0.0) && (low > 1.0 || high < 1.0)
    };
    let improved = |experiment: &'_ ExperimentResult| {
        let shown = experiment.effects.iter().filter(|effect| effect.verdict == "improved").filter(usable);
        shown.cloned().collect::<Vec<_>>()
    };
    // The end of the interval that is nearer to "no change": what is certain of the effect.
    let certain = |effect: &ExperimentEffect| {
        effect.interval().map_or(0.0, |(low, high)| low.ln().abs().min(high.ln().abs()))
    };
    let mut best: Option<(f64, Change)> = None;
    let mut throughput: Option<Change> = None;
    for experiment in &valid {
        let shown = improved(experiment);
        for effect in shown.iter().filter(|effect| effect.metric == experiment.primary) {
            if best.as_ref().is_none_or(|(found, _)| certain(effect) > *found) {
                best = Some((certain(effect), Change::of(experiment, effect)));
                throughput = THROUGHPUT.iter().find_map(|metric| {
                    let own = |other: &&ExperimentEffect| {
                        other.metric == *metric
                            && other.cell == effect.cell
                            && other.low.is_some_and(|low| low > 1.0)
                    };
                    shown.iter().find(own).map(|other| Change::of(experiment, other))
                });
            }
        }
    }
    let state = match (valid.len(), &best) {
        (0, _) => EffectState::NotTested,
        (_, None) => EffectState::NoMeasuredEffect,
        (_, Some(_)) => EffectState::Improved,
    };
    Effect { state, experiments: valid.len(), best: best.map(|(_, change)| change), throughput }
}
