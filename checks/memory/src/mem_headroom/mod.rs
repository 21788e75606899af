//! `mem.headroom`: enough free memory, on each node and in the cgroup.
//!
//! Nodes of GPUs are judged where GPUs are known, else all nodes that have memory. What a node could give is its
//! free memory and what it could reclaim: page cache without shared memory, and reclaimable kernel memory.
//!
//! The kernel's pressure average over 60 s is that of the last minute; the share of the window is used instead,
//! which is the same measure over the window. Kills since boot carry no time: they warn, and fail where the log says that they were
//! not long ago. The kernel counts for a group what happens below it as well; each event is told for the lowest group that has it.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Gibibytes, Limit, Percent, Quantity};
use plumb_check_sdk::model::{CgroupLevel, Gpu, InferenceServer, LogLine, Memory, NodeMemory, Window};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, Evidence, Finding, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, NodeSet, Object, ObjectKind, Said, ServiceSetting, Step,
};

use crate::pages::mem_headroom::{
    ELSEWHERE, LITTLE, MUCH_PRESSURE, PAGE, RECENT, SCARCE, SOME_PRESSURE, UNUSED, words,
};
use crate::server_object;

const OVERCOMMIT: &str = "vm.overcommit_memory";
const HUGE_PAGES: &str = "vm.nr_hugepages";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let memory = evidence.memory()?;
    let mut findings = vec![
        PAGE.settle(Object::node(), judge_node(evidence, memory)),
        PAGE.settle(Object::setting(OVERCOMMIT), judge_overcommit(evidence)),
        PAGE.settle(other("reserved huge pages"), judge_huge_pages(evidence, memory)),
        PAGE.settle(other("memory pressure"), judge_pressure(evidence, memory)),
        PAGE.settle(other("killed for want of memory"), judge_kills(evidence, memory)),
    ];
    findings.extend(PAGE.settle(other("NUMA nodes"), judge_numa(evidence, memory)));
    findings.extend(judge_groups(evidence));
    Ok(findings)
}

fn other(name: &str) -> Object {
    Object::new(ObjectKind::Other, name)
}

fn percent(part: u64, whole: u64) -> Result<Quantity<Percent>, Missing> {
    if whole == 0 {
        return Err(Missing::new(Absence::Malformed, "the size of the memory reads 0"));
    }
    Ok(Quantity::new(100.0 * part as f64 / whole as f64))
}

fn gib(bytes: u64) -> Arg {
    Arg::of(Quantity::<Gibibytes>::new(bytes as f64 / 1_073_741_824.0), 1)
}

fn more_memory() -> Intent {
    Intent::Hardware { part: HardwarePart::Memory, at: None }
}

fn available(memory: &Memory) -> Result<(u64, u64, Quantity<Percent>), Missing> {
    let (available, total) = (*memory.available_bytes.require()?, *memory.total_bytes.require()?);
    Ok((available, total, percent(available, total)?))
}

fn judge_node(evidence: &Evidence<'_>, memory: &Memory) -> Result<Finding, Missing> {
    let (bytes, total, percent) = available(memory)?;
    let (available, share) = (gib(bytes), Arg::of(percent, 1));
    let below = |limit: &Limit<Percent>| evidence.limit(&PAGE, limit).is_undercut_by(percent);
    let finding = if below(&SCARCE) {
        PAGE.fail(Object::node(), words::Scarce { available, share }).with_intent(more_memory())
    } else if below(&LITTLE) {
        PAGE.warn(Object::node(), words::Little { available, share }).with_intent(more_memory())
    } else {
        PAGE.pass(Object::node(), words::Available { available, share })
    };
    let value = format!("MemAvailable {} kB, MemTotal {} kB", bytes / 1024, total / 1024);
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(Citation::new(&memory.path, value)))
}

/// Nodes that GPUs are attached to, by any source; none where there is no GPU, or where nobody knows of one of them, so
/// that all nodes are to be looked at.
fn gpu_nodes(gpus: &[Gpu]) -> NodeSet {
    let places: Vec<NodeSet> = gpus.iter().map(|gpu| gpu.place().nodes()).collect();
    if places.iter().any(NodeSet::is_empty) {
        return NodeSet::new();
    }
    places.iter().fold(NodeSet::new(), |all, nodes| all.union(nodes))
}

/// Share of a node's memory that is free or could be reclaimed.
fn free_share(node: &NodeMemory) -> Result<Quantity<Percent>, Missing> {
    let free = node.free_bytes.require()?.saturating_add(*node.reclaimable_bytes.require()?);
    percent(free, *node.total_bytes.require()?)
}

fn judge_numa(evidence: &Evidence<'_>, memory: &Memory) -> Result<Vec<Finding>, NoVerdict> {
    let nodes = memory.nodes.require()?.iter();
    let nodes: Vec<&NodeMemory> =
        nodes.filter(|node| node.total_bytes.known().is_none_or(|&bytes| bytes > 0)).collect();
    PAGE.not_applicable_if(nodes.len() < 2, words::OneNode {})?;
    let near = gpu_nodes(evidence.gpus().unwrap_or_default());
    let mut shares = Vec::new();
    for node in nodes {
        shares.push((node, free_share(node)?));
    }
    let numbers = || shares.iter().map(|(_, share)| share.number());
    let best = Quantity::new(numbers().fold(0.0, f64::max));
    let elsewhere = evidence.limit(&PAGE, &ELSEWHERE).is_exceeded_by(best);
    let full = evidence.limit(&PAGE, &SCARCE);
    let mut findings = Vec::new();
    for &(node, share) in shares.iter().filter(|(node, _)| near.is_empty() || near.contains(node.node)) {
        if elsewhere && full.is_undercut_by(share) {
            let id = node.node.to_string();
            let said =
                words::FullNode { best: Arg::of(best, 0), node: Arg::from(&id), share: Arg::of(share, 1) };
            let named = format!("NUMA node {id}");
            let value = format!("{:.1} % free or reclaimable", share.number());
            findings.push(
                PAGE.warn(Object::new(ObjectKind::NumaNode, id).named(named), said)
                    .with_likelihood(Likelihood::Setting)
                    .with_intent(Intent::Step { step: Step::TraceMemory })
                    .with_evidence(Citation::new(format!("{}/meminfo", node.path), value)),
            );
        }
    }
    if findings.is_empty() {
        // "At least" is true of what is rounded down.
        let share = Arg::quantity(numbers().fold(100.0, f64::min).floor(), "%", 0);
        findings.push(PAGE.pass(other("NUMA nodes"), words::FreeNodes { share }));
    }
    Ok(findings)
}

fn judge_overcommit(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let text = evidence.sysctl(OVERCOMMIT)?;
    let (object, was) = (Object::setting(OVERCOMMIT), text.trim());
    Ok(match was {
        "2" => PAGE
            .warn(object, words::NoOvercommit {})
            .with_likelihood(Likelihood::Setting)
            .with_intent(Intent::Sysctl { name: OVERCOMMIT.into(), want: "0".into(), was: was.into() }),
        "0" | "1" => PAGE.pass(object, words::Overcommit {}),
        other => return Err(Missing::new(Absence::Malformed, format!("{OVERCOMMIT} holds `{other}`"))),
    }
    .with_evidence(Citation::new("/proc/sys/vm/overcommit_memory", was)))
}

fn judge_huge_pages(evidence: &Evidence<'_>, memory: &Memory) -> Result<Finding, Missing> {
    let total = *memory.total_bytes.require()?;
    let (pools, rest) = memory.huge_pages();
    let mut bytes = 0u64;
    let (mut seen, mut goals) = (Vec::new(), Vec::new());
    for pages in pools {
        let (free, all) = (*pages.free.require()?, *pages.total.require()?);
        bytes = bytes.saturating_add(free.saturating_mul(pages.page_bytes));
        let of_node = pages.path != memory.path;
        let file = |name: &str| format!("{}/{name}", pages.path);
        if all > 0 {
            let source = if of_node { file("free_hugepages") } else { pages.path.clone() };
            seen.push(Citation::new(source, format!("{free} of {all}")));
        }
        if free > 0 {
            let want = all.saturating_sub(free).to_string();
            goals.push(match evidence.sysctl(HUGE_PAGES) {
                _ if of_node => Intent::Value { path: file("nr_hugepages"), want, was: all.to_string() },
                Ok(was) => Intent::Sysctl { name: HUGE_PAGES.into(), want, was: was.trim().into() },
                Err(_) => Intent::Step { step: Step::TraceMemory },
            });
        }
    }
    let percent = percent(bytes, total)?;
    let object = other("reserved huge pages");
    let (share, unused) = (Arg::of(percent, 1), gib(bytes));
    let finding = if evidence.limit(&PAGE, &UNUSED).is_exceeded_by(percent) {
        PAGE.warn(object, words::UnusedHugePages { share, unused })
            .with_likelihood(Likelihood::Setting)
            .with_intents(goals)
    } else {
        rest?;
        if seen.is_empty() {
            return Ok(PAGE.pass(object, words::NoHugePages {}));
        }
        PAGE.pass(object, words::UsedHugePages { share, unused })
    };
    Ok(finding.with_citations(seen))
}

fn judge_pressure(evidence: &Evidence<'_>, memory: &Memory) -> Result<Finding, Missing> {
    let window = evidence.window()?;
    let seconds = window.length()?;
    let untold = || Missing::new(Absence::Failed, "the window does not tell memory pressure");
    let waited_us = window.pressure.get("memory").ok_or_else(untold)?.require()?.some_us;
    let percent = Quantity::new(waited_us as f64 / 1e4 / seconds);
    let (object, share) = (other("memory pressure"), Arg::of(percent, 1));
    let finding = if !evidence.limit(&PAGE, &SOME_PRESSURE).is_undercut_by(percent) {
        let little = evidence.limit(&PAGE, &LITTLE);
        let is_short = available(memory).is_ok_and(|(_, _, share)| little.is_undercut_by(share));
        let said = words::Pressure { share };
        if evidence.limit(&PAGE, &MUCH_PRESSURE).is_exceeded_by(percent) {
            PAGE.fail(object, said)
        } else {
            PAGE.warn(object, said)
        }
        .with_intent(match is_short {
            true => more_memory(),
            // Who waits, and for what, has to be found first: a limit of a control group, or reclaim.
            false => Intent::Step { step: Step::TraceSlowRequests },
        })
    } else {
        window.under_load()?;
        PAGE.pass(object, words::NoPressure { share })
    };
    let citation = Citation::new("/proc/pressure/memory", format!("some +{waited_us} µs in {seconds:.0} s"));
    Ok(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation))
}

/// Seconds since boot by which a log that is whole has begun.
const FIRST_LINE: f64 = 1.0;

/// Processes that were killed for want of memory: in the window, and as far as the log goes back.
fn judge_kills(evidence: &Evidence<'_>, memory: &Memory) -> Result<Finding, Missing> {
    let object = other("killed for want of memory");
    let watch = Intent::Step { step: Step::WatchLog };
    let log = evidence.kernel_log();
    let lines = log.iter().flat_map(|log| &log.lines);
    let mut of_log: Vec<&LogLine> = lines.filter(|line| line.subject == "oom").collect();
    let is_logged = !of_log.is_empty();
    if let Ok(log) = &log {
        let recent = evidence.limit(&PAGE, &RECENT);
        let ago = |seconds: f64| log.to_seconds - seconds;
        of_log.retain(|line| !recent.is_exceeded_by(Quantity::new(ago(line.seconds))));
        if let Some(last) = of_log.last() {
            let ago = Arg::quantity(ago(last.seconds) / 3600.0, "h", 1);
            let servers = evidence.servers().unwrap_or_default();
            let finding = match LogLine::killed_server(&of_log, servers) {
                Some((name, of_group, count)) => {
                    let limit = if of_group { "group" } else { "node" }.into();
                    let said =
                        words::ServerKilled { ago, killed_count: count.into(), limit, name: name.into() };
                    let trace = Intent::Step { step: Step::TraceMemory };
                    PAGE.fail(object, said).with_intent(trace).with_intents((!of_group).then(more_memory))
                }
                None => PAGE.fail(object, words::KilledRecently { ago }).with_intent(watch),
            };
            return Ok(finding
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(Citation::new(&log.path, &last.text)));
        }
    }
    let cite = |finding: Finding, count: u64| {
        finding.with_evidence(Citation::new("/proc/vmstat", format!("oom_kill {count}")))
    };
    let in_window = |window: &Window| window.vmstat.known()?.get("oom_kill").copied();
    if let Some(count) = evidence.window().ok().and_then(in_window).filter(|&count| count > 0) {
        let finding = PAGE.fail(object, words::KilledInWindow { killed_count: count.into() });
        return Ok(cite(finding.with_likelihood(Likelihood::Mechanism), count).with_intent(watch));
    }
    let untold = || Missing::new(Absence::Absent, "/proc/vmstat has no oom_kill");
    let count = *memory.vmstat.require()?.get("oom_kill").ok_or_else(untold)?;
    let killed_count = Arg::from(count);
    let warned = |said: Said| {
        let finding = PAGE.warn(other("killed for want of memory"), said).with_intent(watch);
        finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium)
    };
    let finding = match &log {
        _ if count == 0 => PAGE.pass(object, words::NoneKilled {}),
        // The log goes back to the start and has no line of it.
        Ok(log) if log.from_seconds <= FIRST_LINE && !log.truncated && !is_logged => PAGE
            .contradictory(object, words::KilledUnlogged { killed_count })
            .with_evidence(Citation::new(&log.path, "no line of it")),
        Ok(_) => warned(words::KilledLongAgo { killed_count }.into()),
        Err(why) => warned(words::KilledSometime { killed_count, reason: why.into() }.into()),
    };
    Ok(cite(finding, count))
}

/// A control group of a server.
struct Group<'a> {
    server: &'a InferenceServer,
    level: &'a CgroupLevel,
    /// A process of the server is in it and not in one below it only.
    is_own: bool,
}

/// Events of the control groups that servers are in.
fn judge_groups(evidence: &Evidence<'_>) -> Vec<Finding> {
    let all = other("control groups of servers");
    let (servers, window) = match evidence.servers().and_then(|servers| Ok((servers, evidence.window()?))) {
        Ok(read) => read,
        Err(why) => return vec![PAGE.missing(all, &why)],
    };
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for server in servers {
        let chains = server.processes.iter().filter_map(|process| Some(&process.cgroup.known()?.chain));
        for (above, level) in chains.flat_map(|chain| chain.iter().enumerate()) {
            let new = Group { server, level, is_own: false };
            groups.entry(&level.path).or_insert(new).is_own |= above == 0;
        }
    }
    let mut findings = Vec::new();
    let mut fine = 0u32;
    let mut unread = None;
    for group in groups.values() {
        match judge_group(group, window, groups.keys().copied()) {
            Ok(Some(finding)) => findings.push(finding),
            Ok(None) => fine += 1,
            // The root has none, and neither has a group without the memory controller.
            Err(why) if why.is_absent() => {}
            Err(why) => unread = Some(why),
        }
    }
    match unread {
        Some(why) => findings.push(PAGE.missing(all, &why)),
        None if !findings.is_empty() => {}
        None if fine == 0 => findings.push(PAGE.not_run(all, words::NoEvents {})),
        None => findings.push(PAGE.pass(all, words::NoLimitHit { groups_count: fine.into() })),
    }
    findings
}

fn judge_group<'a>(
    group: &Group<'_>,
    window: &Window,
    groups: impl Iterator<Item = &'a str> + Clone,
) -> Result<Option<Finding>, Missing> {
    let Group { server, level, is_own } = group;
    let folder = &level.path;
    let of = |event: &str| window.own_memory_events(folder, event, groups.clone());
    let (max, high, kills) = (of("max")?, of("high")?, of("oom_kill")?);
    let object = Object::new(ObjectKind::Cgroup, folder).named(format!("control group {folder}"));
    let name = Arg::from(folder.rsplit('/').next().unwrap_or_default());
    let limit = level.values.get("memory.max").and_then(|limit| limit.known()).map(|limit| limit.trim());
    // What the kernel counts for a group includes those below it, which alone can have met a limit where it has none.
    let is_below = !is_own && limit.is_none_or(|limit| limit == "max");
    let hits_count = Arg::from(max);
    let finding = if kills > 0 {
        PAGE.fail(object, words::GroupKilled { group: name, hits_count, killed_count: kills.into() })
    } else if max > 0 && is_below {
        PAGE.fail(object, words::LimitBelow { group: name, hits_count })
    } else if max > 0 {
        PAGE.fail(object, words::LimitHit { group: name, hits_count })
    } else if high > 0 {
        PAGE.warn(object, words::Slowed { group: name, slowed_count: high.into() })
    } else {
        return Ok(None);
    };
    let lifted = |setting, was: Option<&str>| {
        let was = was.map(str::to_owned);
        Intent::Service { server: server.pid, setting, want: "infinity".into(), was }
    };
    let goal = match (max > 0, is_own) {
        (true, true) => Some(lifted(ServiceSetting::MemoryLimit, limit)),
        (false, true) if kills == 0 => Some(lifted(ServiceSetting::MemoryThrottle, None)),
        // The node as a whole had no memory left.
        _ if kills > 0 => Some(Intent::Step { step: Step::WatchLog }),
        _ => None,
    };
    let value = format!("max +{max}, high +{high}, oom_kill +{kills}");
    let finding = finding
        .with_likelihood(Likelihood::Mechanism)
        .with_evidence(Citation::new(format!("{folder}/memory.events"), value))
        .with_intents(goal)
        .with_cause("memory-limit", server_object(server))
        .with_citations(limit.map(|limit| Citation::new(format!("{folder}/memory.max"), limit)));
    Ok(Some(finding))
}
