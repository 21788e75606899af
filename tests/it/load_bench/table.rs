//! The rows of the table.

use std::collections::BTreeMap;

/// One figure against its goal, in several rounds, with peers in the same rounds.
pub(super) struct Row {
    pub(super) name: String,
    unit: &'static str,
    goal: f64,
    at_least: bool,
    values: Vec<f64>,
    foreign: Vec<f64>,
    /// Values and foreign CPU, by the name of the peer.
    peers: BTreeMap<&'static str, (Vec<f64>, Vec<f64>)>,
}

pub(super) const HEAD: &str = "
| what | median | smallest to largest | goal | | rounds | foreign CPU, % of the machine | peers in the same rounds: median (smallest to largest; foreign CPU) |
|---|---|---|---|---|---|---|---|";

impl Row {
    pub(super) fn new(name: impl Into<String>, unit: &'static str, goal: f64) -> Self {
        Self {
            name: name.into(),
            unit,
            goal,
            at_least: false,
            values: Vec::new(),
            foreign: Vec::new(),
            peers: BTreeMap::new(),
        }
    }

    /// A figure that has to reach its goal instead of staying below it.
    pub(super) fn at_least(name: impl Into<String>, unit: &'static str, goal: f64) -> Self {
        Self { at_least: true, ..Self::new(name, unit, goal) }
    }

    pub(super) fn add(&mut self, value: f64, foreign: f64) {
        self.values.push(value);
        self.foreign.push(foreign);
    }

    pub(super) fn add_peer(&mut self, peer: &'static str, value: f64, foreign: f64) {
        let (values, foreigns) = self.peers.entry(peer).or_default();
        values.push(value);
        foreigns.push(foreign);
    }

    pub(super) fn line(&self) -> String {
        let median = middle(&self.values);
        let verdict = match (self.goal.is_finite(), self.at_least) {
            (false, _) => "",
            (true, true) if median >= self.goal => "met",
            (true, false) if median <= self.goal => "met",
            (true, _) => "MISSED",
        };
        let goal = match self.goal.is_finite() {
            true => format!("{} {} {}", if self.at_least { ">=" } else { "<=" }, self.goal, self.unit),
            false => "-".to_owned(),
        };
        let peers: Vec<String> = self
            .peers
            .iter()
            .map(|(name, (values, foreign))| {
                let (low, high) = ends(values);
                format!("{name} {:.2} ({low:.2} to {high:.2}; {})", middle(values), percents(foreign))
            })
            .collect();
        let (low, high) = ends(&self.values);
        format!(
            "| {} | {median:.3} {} | {low:.3} to {high:.3} | {goal} | {verdict} | {} | {} | {} |",
            self.name,
            self.unit,
            self.values.len(),
            percents(&self.foreign),
            if peers.is_empty() { "-".to_owned() } else { peers.join(", ") },
        )
    }
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn ends(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

fn percents(shares: &[f64]) -> String {
    shares.iter().map(|share| format!("{:.0}", share * 100.0)).collect::<Vec<_>>().join(" ")
}
