//! From load tests to replicas, GPUs and money.
//!
//! n = ⌈D / (u · η · G)⌉ + k, where D is the peak of the demand with a year of growth, G the goodput of one replica, u the
//! planned utilisation, η the efficiency of balancing over replicas and k the spare replicas. G is measured: the rate up
//! to which the share of requests within the service level reaches what was promised. u, η and k are assumed and said so.
//! The plan rests on the lower end of G; the other two ends give the range (method after DistServe, OSDI 2024, for
//! goodput, and NVIDIA's published sizing of instances from peak demand).
//!
//! Without a load test there is no number of GPUs and no money: an observation of users' requests tells what was served, hour
//! by hour, and no more. An effect of a setting enters only as it was measured on
//! this node, and a saving is booked only if the interval of its throughput excludes “no change” and a replica less is
//! likely.

mod effect;
mod energy;
mod goodput;
mod money;
mod observed;
mod plan;
#[cfg(test)]
mod tests;

use plumb_evidence::model::{Demand, gpus_behind};
use plumb_evidence::{Evidence, Missing};
use serde::Serialize;

pub use effect::{Effect, EffectState};
pub use energy::Energy;
pub use goodput::{Goodput, LoadPoint};
pub use money::{Money, MoneyRange};
pub use observed::{Observed, ObservedHour, Stands};
pub use plan::{Plan, Saving, Sensitivity, Step, replicas};

use crate::speech::{Speech, Text, Translations, say};

/// Where a number is from. Every number of the chapter has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// Read or measured on this node.
    Measured,
    /// Calculated from other numbers.
    Modelled,
    /// Counted by the server over its users' own requests: true of those, and of no other load.
    Observed,
    /// From a source.
    Published,
    /// The client stated it.
    Stated,
    /// Nobody measured it and nobody stated it: proposed here.
    Assumed,
}

/// Three values, never one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range<T> {
    /// Lower end.
    pub low: T,
    /// Best estimate.
    pub base: T,
    /// Upper end.
    pub high: T,
}

/// A number that the plan takes for granted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assumption {
    /// `utilisation`, `balancing`, `spare`, `peak`, `growth`, `gpus-per-replica`, `price`.
    pub id: String,
    /// The number.
    pub value: f64,
    /// Unit, empty for shares and counts.
    pub unit: String,
    /// Where it is from.
    pub label: Label,
}

/// What the node can take, what the demand needs, and what that costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// What load tests proved, or `None`: see `no_goodput`.
    pub goodput: Option<Goodput>,
    /// Why there is no goodput, without a full stop.
    pub no_goodput: Option<String>,
    /// What users' own requests show, where they were observed. No plan rests on it: it tells what was served, and not where
    /// that ends.
    pub observed: Option<Observed>,
    /// Why an observation shows nothing, where there is one.
    pub no_observed: Option<String>,
    /// What the plan takes for granted; empty without a plan.
    pub assumptions: Vec<Assumption>,
    /// Replicas and GPUs for the demand.
    pub plan: Option<Plan>,
    /// Why there is no plan.
    pub no_plan: Option<String>,
    /// What changing settings was measured to do on this node.
    pub effect: Effect,
    /// What that changes in the plan.
    pub saving: Option<Saving>,
    /// What the plan costs.
    pub money: Option<Money>,
    /// Why there is no money.
    pub no_money: Option<String>,
    /// What the plan draws, where GPUs were measured at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy: Option<Energy>,
    /// What the plan is sensitive to, the most telling first.
    pub sensitivity: Vec<Sensitivity>,
    /// What more proven capacity of one replica would save, the plan as it is first; empty without a plan.
    pub steps: Vec<Step>,
    /// `no_goodput`, `no_observed`, `no_plan` and `no_money` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
}

impl Capacity {
    /// Everything that the evidence allows to say.
    #[must_use]
    pub fn of(evidence: &Evidence, speech: &Speech) -> Self {
        let measured = goodput::measure(evidence);
        let effect = effect::of(evidence);
        let mut capacity = Self {
            goodput: None,
            no_goodput: None,
            observed: None,
            no_observed: None,
            assumptions: Vec::new(),
            plan: None,
            no_plan: None,
            effect,
            saving: None,
            money: None,
            no_money: None,
            energy: None,
            sensitivity: Vec::new(),
            steps: Vec::new(),
            words: Translations::default(),
        };
        match measured {
            Ok(goodput) => capacity.goodput = Some(goodput),
            Err(missing) => {
                capacity.no_goodput = Some(speech.field(&mut capacity.words, "no_goodput", &missing.into()));
            }
        }
        match observed::observe(evidence) {
            None => {}
            Some(Ok(observed)) => capacity.observed = Some(observed),
            Some(Err(missing)) => {
                capacity.no_observed =
                    Some(speech.field(&mut capacity.words, "no_observed", &missing.into()));
            }
        }
        let demand = evidence.engagement.known().and_then(|engagement| engagement.demand.known());
        let size = capacity.gpus_of_one(evidence);
        match capacity.plan_for(demand, size.as_ref().and_then(|size| size.as_ref().ok()).copied()) {
            Ok(()) => {}
            Err(reason) => {
                capacity.no_plan = Some(speech.field(&mut capacity.words, "no_plan", &reason));
            }
        }
        capacity.energy = capacity.plan.as_ref().and_then(|plan| energy::of(evidence, plan));
        match capacity.price(evidence, size) {
            Ok(money) => {
                for step in &mut capacity.steps {
                    step.month = step.gpus.map(|gpus| money.of_gpus(gpus));
                }
                capacity.money = Some(money);
            }
            Err(reason) => {
                capacity.no_money = Some(speech.field(&mut capacity.words, "no_money", &reason));
            }
        }
        capacity
    }

    /// GPUs of what the tests measured as one replica.
    fn gpus_of_one(&self, evidence: &Evidence) -> Option<Result<u32, Missing>> {
        let url = &self.goodput.as_ref()?.url;
        let servers = evidence.servers.require();
        let hostname = evidence.node.hostname.known().map(String::as_str);
        Some(servers.and_then(|servers| gpus_behind(url, hostname, servers)))
    }

    fn plan_for(&mut self, demand: Option<&Demand>, size: Option<u32>) -> Result<(), Text<'static>> {
        let Some(goodput) = &self.goodput else {
            return Err(say("no-load-test"));
        };
        if goodput.rate.low <= 0.0 {
            return Err(say("level-never-met"));
        }
        let Some(demand) = demand else { return Err(say("no-demand")) };
        let Some(peak) = demand.peak_requests_per_s.filter(|peak| *peak > 0.0) else {
            return Err(say("no-peak"));
        };
        let terms = plan::Terms::of(peak, demand);
        self.assumptions = terms.assumptions();
        if let Some(size) = size {
            let value = f64::from(size);
            self.assumptions.push(Assumption {
                id: "gpus-per-replica".into(),
                value,
                unit: String::new(),
                label: Label::Measured,
            });
        }
        let plan = Plan::new(&terms, &goodput.rate, size, demand.replicas);
        self.saving =
            self.effect.throughput.as_ref().map(|ratio| Saving::new(&terms, &goodput.rate, ratio, &plan));
        self.sensitivity = plan::sensitivity(&terms, &goodput.rate, plan.gpus_per_replica);
        self.steps = plan::steps(&terms, goodput.rate.low, plan.gpus_per_replica);
        self.plan = Some(plan);
        Ok(())
    }

    fn price(&self, evidence: &Evidence, size: Option<Result<u32, Missing>>) -> Result<Money, Text<'static>> {
        let plan = self.plan.as_ref().ok_or_else(|| say("no-gpus-no-money"))?;
        size.transpose().map_err(Text::from)?;
        money::of(evidence, plan, self.saving.as_ref())
    }
}
