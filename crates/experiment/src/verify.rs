//! Reads back from the kernel whether a server is where it was put. What was asked for and is not seen is no measurement of
//! it.

use std::collections::BTreeMap;

use plumb_evidence::CpuSet;

use super::launch::places_memory;
use super::node::Node;
use super::placement::Place;
use super::sys::Memory;
use plumb_bench::process::{cpus_allowed, pages, shares, threads, tree};

/// Share of a process's own pages that has to be on the nodes that they were bound to. Ours: a few pages are made before a
/// policy can be heard.
const BOUND: f64 = 0.95;
/// The same where a node is only preferred.
const PREFERRED: f64 = 0.80;

/// What was read back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// CPUs of all threads together.
    pub(crate) cpus: CpuSet,
    /// Share of all pages by node.
    pub(crate) pages: BTreeMap<u32, f64>,
    /// Each claim with what was read back.
    pub(crate) claims: Vec<String>,
    /// The claim that does not hold.
    pub(crate) missed: Option<String>,
}

/// Reads back threads and pages of the server that `leader` is the first process of.
pub(crate) fn verify(leader: i32, place: &Place, node: &Node) -> Seen {
    let pids = tree(leader);
    let tasks = threads(&pids);
    let masks: Vec<(i32, CpuSet)> =
        tasks.iter().filter_map(|task| Some((task.tid, cpus_allowed(*task)?))).collect();
    let mut seen = Seen {
        cpus: masks.iter().fold(CpuSet::new(), |all, (_, own)| all.union(own)).intersection(&node.cpus),
        ..Seen::default()
    };
    if masks.is_empty() {
        seen.missed = Some("no thread of the server could be read back".to_owned());
        return seen;
    }
    if let Some(wanted) = &place.cpus {
        let outside: Vec<&(i32, CpuSet)> = masks.iter().filter(|(_, own)| !own.is_subset(wanted)).collect();
        let claim = format!(
            "CPUs {wanted}: {} of {} threads in {} processes may run on them only",
            masks.len() - outside.len(),
            masks.len(),
            pids.len()
        );
        if let Some((tid, own)) = outside.first() {
            seen.missed = Some(format!("{claim}; thread {tid} may run on {own}"));
        }
        seen.claims.push(claim);
    }
    let found = pages(&pids);
    if let Some(found) = &found {
        seen.pages = shares(&found.all);
    }
    if places_memory(place) {
        let nodes = place.memory.nodes();
        match found.filter(|found| !found.anonymous.is_empty()) {
            None => {
                seen.missed.get_or_insert(format!(
                    "memory on node {nodes}: pages cannot be read back (numa_maps is not there or not allowed)"
                ));
            }
            Some(found) => {
                let own = shares(&found.anonymous);
                let share: f64 = nodes.iter().filter_map(|node| own.get(&node)).sum();
                let claim = format!(
                    "memory on node {nodes}: {:.1} % of the server's own pages are there",
                    share * 100.0
                );
                let needed = if matches!(place.memory, Memory::Preferred(_)) { PREFERRED } else { BOUND };
                if share < needed {
                    seen.missed.get_or_insert(format!("{claim}, less than {:.0} %", needed * 100.0));
                }
                seen.claims.push(claim);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_seen() {
        let node = Node { cpus: (0..4096).collect(), ..Node::default() };
        let here = i32::try_from(std::process::id()).unwrap();
        let at = |cpus: Option<CpuSet>| Place { cpus, ..Place::default() };
        assert_eq!(verify(here, &at(None), &node).missed, None);
        // Nobody may run on a CPU that does not exist.
        let nowhere = verify(here, &at(Some([4000].into_iter().collect())), &node);
        assert!(nowhere.missed.unwrap().contains("may run on"));
        let gone = verify(i32::MAX, &at(None), &node);
        assert!(gone.missed.unwrap().contains("no thread"));
        let far = Place { memory: Memory::Bind([900].into_iter().collect()), ..Place::default() };
        assert!(verify(here, &far, &node).missed.is_some());
    }
}
