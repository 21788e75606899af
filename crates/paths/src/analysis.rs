//! What the rounds show: which node is near to a GPU, what "far" costs, and how much the measurement can resolve.
//!
//! Rounds of all cells are measured in turn, so that the i-th rounds of two cells are a pair: what drifts, drifts for both. The
//! median of each round stands for it. A node is near where its rounds are better than those of every other node by more than
//! [`LEAST`] and by more than the rounds of one node differ among themselves, with a sign test over the pairs. A single look at
//! many nodes or CPUs always has a best one; it is told only where it is best again and again.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::{Cell, Record, Round};

/// Least difference that is told, as a share: what is smaller is of no use to anybody who places a server.
pub const LEAST: f64 = 0.05;
/// Pairs of rounds of which all have to agree. With eight, nodes that are alike agree by chance in 2 of 256 cases; that the
/// difference has to be beyond [`LEAST`] and the noise as well leaves much less.
pub const PAIRS: usize = 8;

/// Which node is near to a GPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Near {
    /// One node is, by its number.
    Node(u32),
    /// None is nearer than another by as much as could be resolved.
    Alike,
    /// There is one node alone.
    OneNode,
    /// Too little was measured.
    NotMeasured(String),
}

/// What is known of one GPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GpuPaths {
    /// PCI address.
    pub gpu: String,
    /// Which node is near, by bandwidth.
    pub near: Near,
    /// Of each node of the memory, with threads on the same node: medians.
    pub nodes: BTreeMap<u32, NodePath>,
    /// Bandwidth to the farthest node as a share of that to the near one, where one is near.
    pub far_share: Option<f64>,
    /// Smallest difference between nodes that would have been told, as a share.
    pub resolves: f64,
}

/// Medians of one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NodePath {
    /// Host to device, in GB/s.
    pub to_gpu: f64,
    /// Device to host, in GB/s.
    pub to_host: f64,
    /// There and back for 8 bytes, in µs.
    pub round_trip_us: f64,
    /// From launch to completion, in µs; `None` where the driver launches nothing.
    pub launch_us: Option<f64>,
}

/// Launches from each CPU, of one GPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cores {
    /// PCI address.
    pub gpu: String,
    /// Rank correlation of the CPUs' medians between the first and the second half of the scans. CPUs that something else uses are
    /// slow for seconds: on two H200 it was 0.25 to 0.66 within a measurement and 0.1 to 0.4 between two of them. So it says
    /// nothing of places.
    pub repeats: f64,
    /// CPUs that share a last-level cache and are nearer than the others, as the kernel lists them; `None` where launches show
    /// none, or the kernel tells one cache alone.
    pub near: Option<String>,
    /// How much faster launches from there are, in µs.
    pub gain_us: f64,
    /// Share of arrangements of the same times over the same groups that show as large a difference: by chance alone.
    pub by_chance: f64,
    /// Median of each CPU in µs.
    pub medians: BTreeMap<u32, f64>,
}

/// What all GPUs' rounds show.
#[must_use]
pub fn analyse(record: &Record) -> Vec<GpuPaths> {
    record.gpus.iter().map(|gpu| of_gpu(record, &gpu.address)).collect()
}

fn of_gpu(record: &Record, gpu: &str) -> GpuPaths {
    // With the thread beside the memory, as a worker would be placed.
    let own: Vec<&Cell> = record
        .cells
        .iter()
        .filter(|cell| cell.gpu == gpu && cell.memory_node == cell.thread_node && cell.on_node > 0.9)
        .collect();
    let nodes: BTreeMap<u32, NodePath> = own.iter().map(|cell| (cell.memory_node, path(cell))).collect();
    let rates: Vec<(u32, Vec<f64>)> =
        own.iter().map(|cell| (cell.memory_node, cell.rounds.iter().map(rate).collect())).collect();
    let (near, resolves) = near(&rates);
    let far_share = match near {
        Near::Node(node) => {
            let rate = |node: &u32| nodes.get(node).map(|path| path.to_gpu + path.to_host);
            let lowest = nodes.keys().filter_map(rate).fold(f64::INFINITY, f64::min);
            rate(&node).filter(|best| *best > 0.0).map(|best| lowest / best)
        }
        _ => None,
    };
    GpuPaths { gpu: gpu.to_owned(), near, nodes, far_share, resolves }
}

/// One number for a round: both directions count alike.
fn rate(round: &Round) -> f64 {
    median(&round.to_gpu).unwrap_or(0.0) + median(&round.to_host).unwrap_or(0.0)
}

fn path(cell: &Cell) -> NodePath {
    let over = |of: fn(&Round) -> &Vec<f64>| {
        let all: Vec<f64> = cell.rounds.iter().flat_map(|round| of(round).iter().copied()).collect();
        median(&all)
    };
    NodePath {
        to_gpu: over(|round| &round.to_gpu).unwrap_or(0.0),
        to_host: over(|round| &round.to_host).unwrap_or(0.0),
        round_trip_us: over(|round| &round.round_trip_us).unwrap_or(0.0),
        launch_us: over(|round| &round.launch_us),
    }
}

/// The near node by the rates of each node's rounds, and the smallest difference that would have been told.
fn near(rates: &[(u32, Vec<f64>)]) -> (Near, f64) {
    let pairs = rates.iter().map(|(_, rates)| rates.len()).min().unwrap_or(0);
    let noise = rates.iter().map(|(_, rates)| spread(rates)).fold(0.0, f64::max);
    // Medians of several rounds lie closer together than the rounds do; twice their spread is beyond most of them.
    let resolves = LEAST.max(2.0 * noise);
    if rates.len() == 1 {
        return (Near::OneNode, resolves);
    }
    if pairs < PAIRS {
        return (Near::NotMeasured(format!("{pairs} rounds of each node, and {PAIRS} are needed")), resolves);
    }
    let of = |rates: &Vec<f64>| median(rates).unwrap_or(0.0);
    let Some((best, own)) = rates.iter().max_by(|a, b| of(&a.1).total_cmp(&of(&b.1))) else {
        return (Near::NotMeasured("no node was measured".to_owned()), resolves);
    };
    let beats = |other: &Vec<f64>| {
        let always = own.iter().zip(other).take(pairs).all(|(own, other)| own > other);
        always && of(own) * (1.0 - resolves) > of(other)
    };
    let others: Vec<&Vec<f64>> =
        rates.iter().filter(|(node, _)| node != best).map(|(_, rates)| rates).collect();
    // Two nodes may be equally near, as halves of one socket are: then the far ones are still far, and no one node is named.
    match others.iter().all(|other| beats(other)) {
        true => (Near::Node(*best), resolves),
        false => (Near::Alike, resolves),
    }
}

/// Median absolute deviation of the rounds, as a share of their median.
fn spread(rates: &[f64]) -> f64 {
    let Some(middle) = median(rates).filter(|middle| *middle > 0.0) else { return 0.0 };
    let away: Vec<f64> = rates.iter().map(|rate| (rate - middle).abs()).collect();
    // As the standard deviation of a normal distribution.
    1.4826 * median(&away).unwrap_or(0.0) / middle
}

/// Whether launches are faster from the CPUs of some cache, of each GPU that was scanned.
///
/// The times of all CPUs are arranged over the caches in every way that is drawn: where the real arrangement is no better than one
/// of a hundred of these, and by [`LEAST`] of a launch, the difference belongs to the caches and not to single CPUs.
#[must_use]
pub fn cores(record: &Record) -> Vec<Cores> {
    let groups: Vec<(String, Vec<u32>)> = record
        .caches
        .iter()
        .map(|list| {
            (
                list.clone(),
                crate::plan::cpus(list).into_iter().filter_map(|cpu| u32::try_from(cpu).ok()).collect(),
            )
        })
        .collect();
    let mut found = Vec::new();
    for gpu in &record.gpus {
        let own: Vec<_> = record.cores.iter().filter(|scan| scan.gpu == gpu.address).collect();
        if own.is_empty() {
            continue;
        }
        let half = |scans: &[Vec<f64>]| {
            let medians: Vec<f64> = scans.iter().filter_map(|scan| median(scan)).collect();
            median(&medians)
        };
        let halves: Vec<(f64, f64)> = own
            .iter()
            .filter_map(|scan| {
                let (first, second) = scan.scans.split_at(scan.scans.len() / 2);
                Some((half(first)?, half(second)?))
            })
            .collect();
        let medians: BTreeMap<u32, f64> =
            own.iter().filter_map(|scan| Some((scan.cpu, half(&scan.scans)?))).collect();
        let (near, gain_us, by_chance) = fastest(&groups, &medians);
        let repeats = correlation(&halves);
        found.push(Cores { gpu: gpu.address.clone(), repeats, near, gain_us, by_chance, medians });
    }
    found
}

/// Arrangements that are drawn.
const ARRANGEMENTS: usize = 999;
/// Share of arrangements up to which a difference is told.
const CHANCE: f64 = 0.01;

/// The group that is fastest, if it is so beyond chance; by how much; and the share of arrangements that give as much.
fn fastest(groups: &[(String, Vec<u32>)], medians: &BTreeMap<u32, f64>) -> (Option<String>, f64, f64) {
    let of_group: Vec<usize> = medians
        .keys()
        .map(|cpu| groups.iter().position(|(_, cpus)| cpus.contains(cpu)).unwrap_or(groups.len()))
        .collect();
    let mut times: Vec<f64> = medians.values().copied().collect();
    let (Some((group, gain)), Some(middle)) = (lead(&of_group, &times, groups.len()), median(&times)) else {
        return (None, 0.0, 1.0);
    };
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut as_much = 0;
    for _ in 0..ARRANGEMENTS {
        for last in (1..times.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            times.swap(last, usize::try_from((seed >> 33) % (last as u64 + 1)).unwrap_or(0));
        }
        as_much += usize::from(lead(&of_group, &times, groups.len()).is_some_and(|(_, other)| other >= gain));
    }
    let by_chance = (as_much + 1) as f64 / (ARRANGEMENTS + 1) as f64;
    let shows = by_chance <= CHANCE && gain >= LEAST * middle;
    let name = groups.get(group).filter(|_| shows).map(|(list, _)| list.clone());
    (name, gain, by_chance)
}

/// The group whose mean is lowest, and how far it is below that of the others; nothing where there are not two.
fn lead(of_group: &[usize], times: &[f64], groups: usize) -> Option<(usize, f64)> {
    let mut sums = vec![(0.0, 0usize); groups];
    let (mut all, mut count) = (0.0, 0usize);
    for (group, time) in of_group.iter().zip(times) {
        if let Some(sum) = sums.get_mut(*group) {
            *sum = (sum.0 + time, sum.1 + 1);
            (all, count) = (all + time, count + 1);
        }
    }
    let gain = |(sum, own): &(f64, usize)| {
        (*own > 1 && count > *own + 1).then(|| (all - sum) / (count - own) as f64 - sum / *own as f64)
    };
    let gains = sums.iter().enumerate().filter_map(|(group, sum)| Some((group, gain(sum)?)));
    gains.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Rank correlation (Spearman): a single slow launch does not make one.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |of: fn(&(f64, f64)) -> f64| {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|a, b| of(&pairs[*a]).total_cmp(&of(&pairs[*b])));
        let mut ranks = vec![0.0; pairs.len()];
        order.iter().enumerate().for_each(|(rank, at)| ranks[*at] = rank as f64);
        ranks
    };
    let (a, b) = (ranks(|pair| pair.0), ranks(|pair| pair.1));
    let middle = (pairs.len() as f64 - 1.0) / 2.0;
    let (mut both, mut first) = (0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        both += (a - middle) * (b - middle);
        first += (a - middle) * (a - middle);
    }
    if first > 0.0 { both / first } else { 0.0 }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests;
