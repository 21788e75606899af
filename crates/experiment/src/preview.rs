//! What an experiment would do, without doing it.

use serde::Serialize;

use super::conduct::{Rehearsal, cells};
use super::plan::{Aa, ExperimentPlan};
use super::{ExperimentError, Ground};
use plumb_bench::Amount;
use plumb_stats::experiment::order;

/// A plan on this node.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Name of the plan.
    pub name: String,
    /// Cells, the baseline first.
    pub cells: Vec<PreviewCell>,
    /// CPUs of the client; a kernel list, empty where it shares those of the server.
    pub client_cpus: String,
    /// Load of each measurement, in words.
    pub load: String,
    /// Cells of each block by position in `cells`, in the order in which they are measured; one more than there are stands
    /// for the second launch of the baseline.
    pub blocks: Vec<Vec<usize>>,
    /// How the baseline is compared with itself.
    pub aa: String,
    /// Launches of all.
    pub launches: usize,
    /// Settings of the node that are changed.
    pub changes: Vec<String>,
    /// Seconds that it takes at least, where the plan tells: pauses and loads, without starts of the server.
    pub seconds_at_least: f64,
    /// Seconds of one launch of the baseline; `None` where none was tried.
    pub rehearsal: Option<Rehearsal>,
    /// Seconds that all of it takes by that launch.
    pub seconds: Option<f64>,
}

impl Preview {
    /// The same with what one launch took.
    #[must_use]
    pub fn with(self, rehearsal: Rehearsal, plan: &ExperimentPlan) -> Self {
        let each = plan.design.cooldown.as_secs_f64() + rehearsal.seconds();
        Self { rehearsal: Some(rehearsal), seconds: Some(each * self.launches as f64), ..self }
    }
}

/// A cell on this node.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewCell {
    /// Name.
    pub name: String,
    /// CPUs of the server; a kernel list, empty where nothing is set.
    pub cpus: String,
    /// NUMA nodes of its memory; empty where nothing is set.
    pub memory_nodes: String,
    /// Where that comes from.
    pub because: String,
    /// CPUs of the neighbour; empty without one.
    pub neighbour_cpus: String,
    /// Settings of the node: `path = value`.
    pub settings: Vec<String>,
    /// Why it cannot be had here.
    pub unavailable: Option<String>,
}

/// Works a plan out on this node; reads only.
///
/// # Errors
/// Fails where a journal is open.
pub fn preview(plan: &ExperimentPlan, ground: &Ground) -> Result<Preview, ExperimentError> {
    super::journal::Journal::check(&ground.state)?;
    let node = ground.node();
    let (cells, client) = cells(plan, ground, &node);
    let within = usize::from(plan.design.aa == Aa::Within);
    let blocks = order(cells.len() + within, plan.design.blocks, plan.design.seed);
    let previewed = cells.iter().map(|cell| {
        let place = cell.place.clone().unwrap_or_default();
        PreviewCell {
            name: cell.name.clone(),
            cpus: place.cpus.map(|cpus| cpus.to_string()).unwrap_or_default(),
            memory_nodes: place.memory.nodes().to_string(),
            because: place.because,
            neighbour_cpus: cell
                .beside
                .clone()
                .ok()
                .flatten()
                .map(|cpus| cpus.to_string())
                .unwrap_or_default(),
            settings: cell
                .wanted
                .iter()
                .flatten()
                .map(|(path, value)| format!("/{path} = {value}"))
                .collect(),
            unavailable: cell.obstacle().map(str::to_owned),
        }
    });
    let loaded = match plan.load.extent {
        Amount::Seconds(seconds) => seconds,
        Amount::Requests(_) => 0.0,
    };
    let launches = plan.launches();
    Ok(Preview {
        name: plan.name.clone(),
        cells: previewed.collect(),
        client_cpus: client.to_string(),
        load: plan.load.text(),
        blocks,
        aa: match plan.design.aa {
            Aa::First(pairs) => format!("{pairs} pairs of launches of the baseline, before all else"),
            Aa::Within => "a second launch of the baseline in each block".to_owned(),
            Aa::None => "not compared".to_owned(),
        },
        launches,
        changes: plan.changes(),
        rehearsal: None,
        seconds: None,
        seconds_at_least: launches as f64 * (plan.design.cooldown.as_secs_f64() + loaded),
    })
}
