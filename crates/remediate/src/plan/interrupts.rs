//! Which CPUs serve the interrupts of network cards: those left to the system on the card's own NUMA node.

use plumb_check_sdk::Intent;
use plumb_evidence::{CpuSet, Evidence};

use super::topics::runs;
use super::{Basis, InterruptPlan, NotPlanned, Plan, goals};
use crate::quote::is_pci_address;

/// PCI base class of network devices.
const NETWORK: u32 = 0x02;

/// Adds the plan for interrupts, if a finding asks for one.
pub(super) fn plan(evidence: &Evidence, plan: &mut Plan) {
    let asks = |intent: &Intent| matches!(intent, Intent::Interrupts { .. } | Intent::InterruptBan { .. });
    let Some(why) = goals::why_for(&plan.goals, Basis::Modelled, asks) else { return };
    let what = super::INTERRUPTS.to_owned();
    let mut left_out =
        |why: &str| plan.not_planned.push(NotPlanned { what: what.clone(), why: why.to_owned() });
    let Some(split) = &plan.partition else {
        return left_out("no CPUs can be told apart that are left to the system");
    };
    let (Some(numa), Some(pci), Some(lines)) =
        (evidence.numa.known(), evidence.pci.known(), evidence.interrupts.known())
    else {
        return left_out("evidence is missing: NUMA nodes, PCI devices or interrupt lines");
    };
    let mut devices: Vec<(String, CpuSet)> = Vec::new();
    let mut without_node = Vec::new();
    for device in pci.iter().filter(|device| device.class.known().is_some_and(|class| class >> 16 == NETWORK))
    {
        let raises = lines.iter().any(|line| {
            line.device.known() == Some(&device.address)
                || line.name.known().is_some_and(|name| name.contains(device.address.as_str()))
        });
        if !raises || !is_pci_address(&device.address) {
            continue;
        }
        let node = device.numa_node.known().and_then(|&node| u32::try_from(node).ok());
        let near = match node.and_then(|id| numa.node(id)) {
            Some(node) => node.cpus.intersection(&split.housekeeping),
            // On a machine of one node every CPU is near.
            None if split.nodes == 1 => split.housekeeping.clone(),
            None => CpuSet::new(),
        };
        if near.is_empty() {
            without_node.push(device.address.clone());
        } else {
            devices.push((device.address.clone(), near));
        }
    }
    for address in without_node {
        left_out(&format!("no CPU that is left to the system is known to be near network card {address}"));
    }
    let banned = if runs(evidence, "irqbalance") { split.inference.clone() } else { CpuSet::new() };
    if devices.is_empty() && banned.is_empty() {
        return left_out("no network card with interrupts of its own and a known NUMA node was seen");
    }
    devices.sort();
    plan.interrupts = Some(InterruptPlan { devices, banned, why });
}
