//! From words of a plan to CPUs and nodes of this node.

use plumb_evidence::{CpuSet, NodeSet};

use super::node::Node;
use super::plan::{MemoryPolicy, NeighbourPlace, Placement, Where};
use super::sys::Memory;

/// A place for a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// CPUs; `None` for those of this program.
    pub(super) cpus: Option<CpuSet>,
    /// Memory.
    pub(super) memory: Memory,
    /// Where that comes from, in words.
    pub(super) because: String,
}

impl Place {
    /// CPUs that its threads may have.
    #[must_use]
    pub(super) fn cpus_on(&self, node: &Node) -> CpuSet {
        self.cpus.clone().unwrap_or_else(|| node.cpus.clone())
    }
}

/// CPUs for the client: those that were asked for, else a core that no placement names, where enough are left.
#[must_use]
pub(super) fn client_cpus(asked: Option<&CpuSet>, node: &Node, named: &CpuSet) -> CpuSet {
    if let Some(asked) = asked {
        return asked.clone();
    }
    // On so few, a reserved one would be missed by the server more than it helps.
    if node.cpus.len() < 4 {
        return CpuSet::new();
    }
    let free = node.cpus.difference(&node.whole_cores(named));
    let pool = if free.is_empty() { &node.cpus } else { &free };
    pool.iter().last().map(|cpu| node.whole_cores(&[cpu].into_iter().collect())).unwrap_or_default()
}

/// Finds the place that a plan names; CPUs of the client are left out of whole nodes.
///
/// # Errors
/// Says why this node has no such place.
pub(super) fn resolve(placement: &Placement, node: &Node, client: &CpuSet) -> Result<Place, String> {
    let of_nodes = |nodes: &NodeSet| -> Result<CpuSet, String> {
        for id in nodes.iter() {
            if !node.nodes.contains_key(&id) {
                let known: NodeSet = node.nodes.keys().copied().collect();
                return Err(format!("there is no NUMA node {id} here; there are: {known}"));
            }
        }
        let all = node.cpus_of(nodes);
        if all.is_empty() {
            return Err(format!("NUMA node {nodes} has no CPU that this process may use"));
        }
        let rest = all.difference(client);
        Ok(if rest.is_empty() { all } else { rest })
    };
    let (cpus, because) = match &placement.cpus {
        Where::Anywhere => (None, "nothing was set".to_owned()),
        Where::Cpus(cpus) => {
            if !cpus.is_subset(&node.cpus) {
                let missing = cpus.difference(&node.cpus);
                return Err(format!("CPUs {missing} are offline, not there, or not allowed to this process"));
            }
            (Some(cpus.clone()), "CPUs of the plan".to_owned())
        }
        Where::Nodes(nodes) => (Some(of_nodes(nodes)?), format!("CPUs of NUMA node {nodes}")),
        Where::Gpu(which) => {
            let gpu = match which.parse::<usize>() {
                Ok(position) => node.gpus.get(position),
                Err(_) => node.gpus.iter().find(|gpu| {
                    gpu.address.eq_ignore_ascii_case(which)
                        || gpu.address.to_ascii_lowercase().ends_with(&which.to_ascii_lowercase())
                }),
            };
            let gpu = gpu.ok_or_else(|| {
                format!("there is no GPU `{which}` here; this node has {}", node.gpus.len())
            })?;
            let own = match gpu.node {
                Some(own) => own,
                // With one node there is no choice.
                None if node.nodes.len() == 1 => node.nodes.keys().next().copied().unwrap_or(0),
                None => {
                    return Err(format!(
                        "GPU {} tells no NUMA node ({}); give `node` instead",
                        gpu.address, gpu.source
                    ));
                }
            };
            let nodes: NodeSet = [own].into_iter().collect();
            (Some(of_nodes(&nodes)?), format!("NUMA node {own} of GPU {} ({})", gpu.address, gpu.source))
        }
    };
    let nodes = match (&placement.memory.nodes, &cpus) {
        (Some(nodes), _) => nodes.clone(),
        (None, Some(cpus)) => node.nodes_of(cpus),
        (None, None) => NodeSet::new(),
    };
    let memory = match placement.memory.policy {
        MemoryPolicy::Default => Memory::Inherited,
        _ if !nodes.is_subset(&node.with_memory) || nodes.is_empty() => {
            return Err(format!("NUMA node {nodes} has no memory; nodes with memory: {}", node.with_memory));
        }
        MemoryPolicy::Bind => Memory::Bind(nodes),
        MemoryPolicy::Preferred => Memory::Preferred(nodes.first().unwrap_or(0)),
        MemoryPolicy::Interleave => Memory::Interleave(nodes),
    };
    Ok(Place { cpus, memory, because })
}

/// Finds CPUs for a neighbour of a server on `server`; those of the client are left out unless they were named.
///
/// # Errors
/// Says why this node has no such place.
pub(super) fn neighbour_cpus(
    place: &NeighbourPlace,
    node: &Node,
    server: &CpuSet,
    client: &CpuSet,
) -> Result<CpuSet, String> {
    let own_nodes = node.nodes_of(server);
    let (found, what) = match place {
        NeighbourPlace::Cpus(cpus) => {
            return if cpus.is_subset(&node.cpus) {
                Ok(cpus.clone())
            } else {
                Err(format!("CPUs {} are not there or not allowed", cpus.difference(&node.cpus)))
            };
        }
        NeighbourPlace::SameCpus => (server.clone(), "CPUs of the server"),
        NeighbourPlace::Siblings => {
            (node.whole_cores(server).difference(server), "SMT siblings beside the server's CPUs")
        }
        NeighbourPlace::SameNode => {
            (node.cpus_of(&own_nodes).difference(server), "other CPUs on the server's NUMA node")
        }
        NeighbourPlace::OtherNode => (node.cpus.difference(&node.cpus_of(&own_nodes)), "other NUMA nodes"),
        NeighbourPlace::OtherCpus => (node.cpus.difference(server), "CPUs beside the server's"),
    };
    // On its own CPUs a server that may run everywhere meets the client, too.
    let found = found.difference(client);
    if found.is_empty() {
        let reserved =
            if client.is_empty() { String::new() } else { format!(" but the client's ({client})") };
        return Err(format!("this node has no {what}{reserved}"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::GpuPlace;
    use crate::plan::MemoryPlan;

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    /// Two nodes of two cores with two threads each; a third node has memory only.
    fn node() -> Node {
        Node {
            cpus: set("0-7"),
            nodes: [(0, set("0-3")), (1, set("4-7")), (2, set(""))].into(),
            with_memory: set("0-2"),
            siblings: (0..8).map(|cpu| (cpu, set(&format!("{}-{}", cpu / 2 * 2, cpu / 2 * 2 + 1)))).collect(),
            gpus: vec![
                GpuPlace { address: "0000:41:00.0".to_owned(), node: Some(1), source: "test".to_owned() },
                GpuPlace { address: "0000:42:00.0".to_owned(), node: None, source: "test".to_owned() },
            ],
        }
    }

    fn check(cpus: Where, policy: MemoryPolicy, nodes: Option<&str>) -> Result<(String, Memory), String> {
        let memory = MemoryPlan { policy, nodes: nodes.map(set) };
        let placement = Placement { name: "x".to_owned(), cpus, memory };
        let place = resolve(&placement, &node(), &set("7"))?;
        Ok((place.cpus.map(|cpus| cpus.to_string()).unwrap_or_default(), place.memory))
    }

    #[test]
    fn words_become_cpus_and_nodes() {
        use MemoryPolicy::{Bind, Default, Preferred};
        assert_eq!(check(Where::Anywhere, Default, None), Ok((String::new(), Memory::Inherited)));
        assert_eq!(check(Where::Nodes(set("0")), Default, None), Ok(("0-3".to_owned(), Memory::Inherited)));
        // The client's CPU is left out of a node.
        let far = Ok(("4-6".to_owned(), Memory::Bind(set("1"))));
        assert_eq!(check(Where::Nodes(set("1")), Bind, None), far);
        assert_eq!(check(Where::Gpu("0".to_owned()), Bind, None), far);
        assert_eq!(check(Where::Gpu("41:00.0".to_owned()), Bind, None), far);
        assert_eq!(
            check(Where::Cpus(set("1,7")), Preferred, Some("2")),
            Ok(("1,7".to_owned(), Memory::Preferred(2)))
        );
        for (cpus, nodes, why) in [
            (Where::Nodes(set("3")), None, "no NUMA node 3"),
            (Where::Nodes(set("2")), None, "no CPU"),
            (Where::Gpu("1".to_owned()), None, "tells no NUMA node"),
            (Where::Gpu("2".to_owned()), None, "no GPU `2`"),
            (Where::Cpus(set("8-9")), None, "CPUs 8-9"),
            (Where::Anywhere, Some("5"), "no memory"),
        ] {
            let error = check(cpus, Bind, nodes).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn neighbours_are_placed_as_seen_from_the_server() {
        let find = |place, server: &str| {
            neighbour_cpus(&place, &node(), &set(server), &set("7")).map(|cpus| cpus.to_string())
        };
        use NeighbourPlace::*;
        assert_eq!(find(SameCpus, "0,2").unwrap(), "0,2");
        assert_eq!(find(Siblings, "0,2").unwrap(), "1,3");
        assert_eq!(find(SameNode, "0").unwrap(), "1-3");
        assert_eq!(find(OtherNode, "0").unwrap(), "4-6");
        assert_eq!(find(OtherCpus, "0-3").unwrap(), "4-6");
        assert_eq!(find(SameCpus, "0-7").unwrap(), "0-6");
        assert!(find(Siblings, "0-1").unwrap_err().contains("no SMT siblings"));
        assert!(find(OtherNode, "0-7").unwrap_err().contains("no other NUMA nodes but the client's (7)"));
    }

    #[test]
    fn the_client_gets_a_core_that_is_not_needed() {
        assert_eq!(client_cpus(None, &node(), &set("4-7")).to_string(), "2-3");
        assert_eq!(client_cpus(None, &node(), &set("0-7")).to_string(), "6-7");
        assert_eq!(client_cpus(Some(&set("1")), &node(), &set("")).to_string(), "1");
        let small = Node { cpus: set("0-1"), ..node() };
        assert!(client_cpus(None, &small, &set("")).is_empty());
    }
}
