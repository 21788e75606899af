//! The cells of a plan on this node.

use plumb_evidence::CpuSet;

use crate::Ground;
use crate::changes::{Unset, Wanted, wanted};
use crate::node::Node;
use crate::placement::{Place, client_cpus, neighbour_cpus, resolve};
use crate::plan::{Combination, ExperimentPlan, Factor, Neighbour, Placement, Start, Where};
use crate::sys::Memory;

/// A cell as it is to be made on this node.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) combination: Combination,
    /// Where the server runs, or why it cannot.
    pub(crate) place: Result<Place, String>,
    /// CPUs of the neighbour.
    pub(crate) beside: Result<Option<CpuSet>, String>,
    /// Settings.
    pub(crate) wanted: Result<Wanted, String>,
}

impl Cell {
    pub(crate) fn obstacle(&self) -> Option<&str> {
        let place = self.place.as_ref().err();
        place.or(self.beside.as_ref().err()).or(self.wanted.as_ref().err()).map(String::as_str)
    }
}

/// All cells of a plan on a node, and the CPUs of the client.
pub(crate) fn cells(plan: &ExperimentPlan, ground: &Ground, node: &Node) -> (Vec<Cell>, CpuSet) {
    let named = plan.placements.iter().fold(CpuSet::new(), |all, placement| match &placement.cpus {
        Where::Anywhere => all,
        _ => resolve(placement, node, &CpuSet::new())
            .ok()
            .and_then(|place| place.cpus)
            .map_or(all.clone(), |cpus| all.union(&cpus)),
    });
    let client = client_cpus(plan.load.client_cpus.as_ref(), node, &named);
    let attached = matches!(plan.server.start, Start::Attach { .. });
    let cells = plan.combinations().into_iter().map(|combination| {
        let default = Placement::default();
        let placement = plan.placements.get(combination.level(Factor::Placement)).unwrap_or(&default);
        let mut place = resolve(placement, node, &client);
        if attached && place.as_ref().is_ok_and(|place| place.memory != Memory::Inherited) {
            place =
                Err("the memory of a running server cannot be placed; start it with `command`".to_owned());
        }
        let beside = match (&place, plan.neighbours.get(combination.level(Factor::Neighbour))) {
            (Ok(place), Some(Neighbour { kind: Some(_), place: beside, .. })) => {
                neighbour_cpus(beside, node, &place.cpus_on(node), &client).map(Some)
            }
            _ => Ok(None),
        };
        let governor = plan.governors.get(combination.level(Factor::Governor));
        let balancing = plan.balancing.get(combination.level(Factor::NumaBalancing));
        let wanted = wanted(&ground.root, governor, balancing).map_err(|unset| match unset {
            Unset::Unavailable(why) | Unset::Denied(why) | Unset::NotSeen(why) => why,
            Unset::Journal(error) => error.to_string(),
        });
        Cell { name: plan.cell_name(&combination), combination, place, beside, wanted }
    });
    (cells.collect(), client)
}
