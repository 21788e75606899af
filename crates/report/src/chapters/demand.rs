//! The demand beside what one replica is proven to carry.

use plumb_engine::Assessment;
use plumb_engine::compare::Business;

/// Rates in requests per second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demand {
    /// Of the whole service at its peak, as stated.
    pub(crate) peak: Option<f64>,
    /// Of the whole service, as planned for.
    pub(crate) planned: Option<f64>,
    /// Replicas that serve it today.
    pub(crate) replicas: Option<u32>,
}

impl Demand {
    pub(crate) fn of(assessment: &Assessment) -> Self {
        let capacity = &assessment.capacity;
        let stated = capacity.assumptions.iter().find(|own| own.id == "peak");
        Self {
            peak: stated.map(|own| own.value),
            planned: capacity.plan.as_ref().map(|plan| plan.demand),
            replicas: capacity.plan.as_ref().and_then(|plan| plan.today).filter(|replicas| *replicas > 0),
        }
    }

    /// That of one state of a comparison.
    pub(crate) fn of_business(business: &Business) -> Self {
        Self { peak: business.peak, planned: business.demand, replicas: business.today }
    }

    /// What each replica gets at the peak.
    pub(crate) fn each(&self) -> Option<f64> {
        Some(self.peak? / f64::from(self.replicas?))
    }

    /// What each gets while one is lost; nothing if there is one alone.
    pub(crate) fn one_lost(&self) -> Option<f64> {
        let left = self.replicas?.checked_sub(1).filter(|left| *left > 0)?;
        Some(self.peak? / f64::from(left))
    }

    /// What each gets at the peak that is planned for, with as many as today.
    pub(crate) fn next_year(&self) -> Option<f64> {
        let each = self.planned? / f64::from(self.replicas?);
        self.each().filter(|today| each > today * 1.005).map(|_| each)
    }

    /// Marks for a chart: key of the words and rate, by rising rate.
    pub(crate) fn marks(&self) -> Vec<(&'static str, f64)> {
        let mut marks: Vec<(&'static str, f64)> =
            [("mark_today", self.each()), ("mark_next", self.next_year()), ("mark_lost", self.one_lost())]
                .into_iter()
                .filter_map(|(key, rate)| Some((key, rate.filter(|rate| rate.is_finite())?)))
                .collect();
        marks.sort_by(|a, b| a.1.total_cmp(&b.1));
        marks
    }
}
