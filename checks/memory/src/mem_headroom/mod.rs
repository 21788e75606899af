//! `mem.headroom`: enough free memory, on each node and in the cgroup.
//!
//! Nodes of GPUs are judged where GPUs are known, else all nodes that have memory. What a node could give is its
//! free memory and what it could reclaim: page cache without shared memory, and reclaimable kernel memory.
//!
//! The kernel's pressure average over 60 s is that of the last minute; the share of the window is used instead,
//! which is the same measure over the window. Kills since boot, which carry no time, are told and not judged.

use plumb_check_sdk::limit::{Limit, Percent, Quantity, Seconds};
use plumb_check_sdk::model::{Gpu, Memory, NodeMemory};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    NodeSet, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

/// See the module.
pub struct MemHeadroom;

const LITTLE: Limit<Percent> = Limit {
    name: "available memory, little",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "all nodes",
};
const SCARCE: Limit<Percent> = Limit {
    name: "available memory, too little",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "all nodes, and each NUMA node with a GPU",
};
const ELSEWHERE: Limit<Percent> = Limit {
    name: "free memory of another node that makes a full one a fault of placement",
    value: Quantity::new(30.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes",
};
const UNUSED: Limit<Percent> = Limit {
    name: "memory reserved for huge pages that nothing uses",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "all nodes",
};
const SOME_PRESSURE: Limit<Percent> = Limit {
    name: "share of time in which some thread waits for memory, noticeable",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "kernels with pressure stall information",
};
const MUCH_PRESSURE: Limit<Percent> = Limit {
    name: "share of time in which some thread waits for memory, too much",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "kernels with pressure stall information",
};
const RECENT: Limit<Seconds> = Limit {
    name: "time since a process was killed for want of memory",
    value: Quantity::new(604_800.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a week, as far as the log is asked for",
    date: "2026-11-23",
    applies_to: "all nodes",
};

static THRESHOLDS: [Threshold; 7] = [
    RECENT.threshold(),
    LITTLE.threshold(),
    SCARCE.threshold(),
    ELSEWHERE.threshold(),
    UNUSED.threshold(),
    SOME_PRESSURE.threshold(),
    MUCH_PRESSURE.threshold(),
];

static META: CheckMeta = CheckMeta {
    id: Borrowed("mem.headroom"),
    title: Borrowed("Enough free memory, on each node and in the cgroup"),
    category: Category::Memory,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Where memory runs out, threads first wait for reclaim, then the kernel kills a process, often the \
         largest: the service.",
    ),
    business: Borrowed("The server is about to run out of memory; then the service stops without warning."),
    needs: Borrowed(&[
        Borrowed("/memory"),
        Borrowed("/gpus"),
        Borrowed("/window"),
        Borrowed("/servers"),
        Borrowed("/sysctl/vm.overcommit_memory"),
        Borrowed("/kernel_log"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "stop what is not needed; raise the limit of the control group: `systemctl set-property UNIT \
             MemoryMax=infinity`; offload less to host memory (`--cpu-offload-gb`, offload of the KV cache)",
        ),
        persistent: Borrowed(
            "memory settings of pod or unit from 1.3 times the peak that was measured; `OOMScoreAdjust=` of \
             the unit",
        ),
        rollback: Borrowed("`systemctl set-property UNIT MemoryMax=VALUE` with the former value"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`numastat -m`; `cat /sys/fs/cgroup/GROUP/memory.events`; `journalctl -k | grep -i 'out of \
             memory'`",
        ),
        expected_effect: Borrowed("Availability, not speed. No published number."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::Offload]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, containers"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "Linux kernel: Control Group v2 (cpu.max, cpu.stat, cpuset.cpus.partition, memory.events)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/cgroup-v2.html"),
        },
        Reference {
            title: Borrowed("Linux kernel: PSI, Pressure Stall Information"),
            url: Borrowed("https://docs.kernel.org/accounting/psi.html"),
        },
        Reference {
            title: Borrowed(
                "Linux kernel: /proc/sys/vm (zone_reclaim_mode, swappiness, overcommit, min_free_kbytes)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/vm.html"),
        },
    ]),
};

impl Check for MemHeadroom {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let memory = evidence.memory()?;
        let mut findings = vec![
            judge_node(evidence, memory).unwrap_or_else(|why| META.not_run("node", why.to_string())),
            judge_overcommit(evidence)
                .unwrap_or_else(|why| META.not_run("vm.overcommit_memory", why.to_string())),
            judge_huge_pages(evidence, memory).unwrap_or_else(|why| META.not_run(HUGE, why.to_string())),
            judge_pressure(evidence).unwrap_or_else(|why| META.not_run("memory pressure", why.to_string())),
            judge_kills(evidence, memory),
        ];
        findings.extend(
            judge_numa(evidence, memory).unwrap_or_else(|why| vec![META.not_run(NUMA, why.to_string())]),
        );
        findings.extend(judge_groups(evidence));
        Ok(findings)
    }
}

const HUGE: &str = "reserved huge pages";
const NUMA: &str = "NUMA nodes";
const GIB: f64 = 1_073_741_824.0;

fn percent(part: u64, whole: u64) -> Result<f64, Missing> {
    if whole == 0 {
        return Err(Missing::new(Absence::Malformed, "the size of the memory reads 0"));
    }
    Ok(100.0 * part as f64 / whole as f64)
}

fn judge_node(evidence: &Evidence<'_>, memory: &Memory) -> Result<Finding, Missing> {
    let (available, total) = (*memory.available_bytes.require()?, *memory.total_bytes.require()?);
    let share = percent(available, total)?;
    let message = format!("{share:.1} % of the memory is available ({:.1} GiB)", available as f64 / GIB);
    let below = |limit: &Limit<Percent>| evidence.limit(&META, limit).is_undercut_by(Quantity::new(share));
    let finding = match (below(&SCARCE), below(&LITTLE)) {
        (true, _) => META.fail("node", message),
        (_, true) => META.warn("node", message),
        _ => META.pass("node", message),
    };
    let value = format!("MemAvailable {} kB, MemTotal {} kB", available / 1024, total / 1024);
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

/// Share of a node's memory that is free or could be reclaimed, in %.
fn free_share(node: &NodeMemory) -> Result<f64, Missing> {
    let free = node.free_bytes.require()?.saturating_add(*node.reclaimable_bytes.require()?);
    percent(free, *node.total_bytes.require()?)
}

fn judge_numa(evidence: &Evidence<'_>, memory: &Memory) -> Result<Vec<Finding>, Missing> {
    let nodes = memory.nodes.require()?;
    let nodes: Vec<&NodeMemory> =
        nodes.iter().filter(|node| node.total_bytes.known().is_none_or(|&bytes| bytes > 0)).collect();
    if nodes.len() < 2 {
        return Ok(vec![META.not_applicable(NUMA, "all memory is in one NUMA node")]);
    }
    let near = gpu_nodes(evidence.gpus().unwrap_or_default());
    let mut shares = Vec::new();
    for node in nodes {
        shares.push((node, free_share(node)?));
    }
    let best = shares.iter().map(|&(_, share)| share).max_by(f64::total_cmp).unwrap_or_default();
    let elsewhere = evidence.limit(&META, &ELSEWHERE).is_exceeded_by(Quantity::new(best));
    let full = evidence.limit(&META, &SCARCE);
    let mut findings = Vec::new();
    for &(node, share) in shares.iter().filter(|(node, _)| near.is_empty() || near.contains(node.node)) {
        if elsewhere && full.is_undercut_by(Quantity::new(share)) {
            let message = format!(
                "{share:.1} % of its memory is free or could be, while another node has {best:.0} %: \
                 allocations go far"
            );
            findings.push(
                META.warn(format!("NUMA node {}", node.node), message)
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(Citation::new(
                        format!("{}/meminfo", node.path),
                        format!("{share:.1} % free or reclaimable"),
                    )),
            );
        }
    }
    if findings.is_empty() {
        let worst = shares.iter().map(|&(_, share)| share).min_by(f64::total_cmp).unwrap_or_default();
        findings.push(META.pass(NUMA, format!("at least {worst:.0} % of each is free or could be")));
    }
    Ok(findings)
}

fn judge_overcommit(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    const NAME: &str = "vm.overcommit_memory";
    let text = evidence.sysctl(NAME)?;
    let citation = Citation::new("/proc/sys/vm/overcommit_memory", text.trim());
    Ok(match text.trim() {
        "2" => META
            .warn(
                NAME,
                "the kernel refuses memory that is only reserved, as CUDA and Python do in tens of GiB",
            )
            .with_likelihood(Likelihood::Setting),
        "0" | "1" => META.pass(NAME, "memory may be reserved without being there"),
        other => return Err(Missing::new(Absence::Malformed, format!("{NAME} holds `{other}`"))),
    }
    .with_evidence(citation))
}

fn judge_huge_pages(evidence: &Evidence<'_>, memory: &Memory) -> Result<Finding, Missing> {
    let total = *memory.total_bytes.require()?;
    let mut unused = 0u64;
    let mut evidence_of = Vec::new();
    for pages in memory.nodes.require()?.iter().flat_map(|node| &node.huge_pages) {
        let (free, all) = (*pages.free.require()?, *pages.total.require()?);
        unused = unused.saturating_add(free.saturating_mul(pages.page_bytes));
        if all > 0 {
            evidence_of
                .push(Citation::new(format!("{}/free_hugepages", pages.path), format!("{free} of {all}")));
        }
    }
    let share = percent(unused, total)?;
    if evidence_of.is_empty() {
        return Ok(META.pass(HUGE, "there are none"));
    }
    let message = format!("{:.1} GiB of them are unused ({share:.1} % of the memory)", unused as f64 / GIB);
    let finding = if evidence.limit(&META, &UNUSED).is_exceeded_by(Quantity::new(share)) {
        META.warn(HUGE, message).with_likelihood(Likelihood::Setting)
    } else {
        META.pass(HUGE, message)
    };
    Ok(evidence_of.into_iter().fold(finding, Finding::with_evidence))
}

fn judge_pressure(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let window = evidence.window()?;
    let seconds = window.length()?;
    let untold = || Missing::new(Absence::Failed, "the window does not tell memory pressure");
    let pressure = window.pressure.get("memory").ok_or_else(untold)?.require()?;
    let share = pressure.some_us as f64 / 1e4 / seconds;
    let message = format!("some thread waited for memory during {share:.1} % of the window");
    let exceeds = |limit: &Limit<Percent>| evidence.limit(&META, limit).is_exceeded_by(Quantity::new(share));
    let some = !evidence.limit(&META, &SOME_PRESSURE).is_undercut_by(Quantity::new(share));
    let finding = match (exceeds(&MUCH_PRESSURE), some) {
        (true, _) => META.fail("memory pressure", message),
        (_, true) => META.warn("memory pressure", message),
        _ => META.pass("memory pressure", format!("{message} ({})", window.under_load()?)),
    };
    let citation =
        Citation::new("/proc/pressure/memory", format!("some +{} µs in {seconds:.0} s", pressure.some_us));
    Ok(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation))
}

/// Seconds since boot by which a log that is whole has begun.
const FIRST_LINE: f64 = 1.0;

/// Processes that were killed for want of memory: in the window, and as far as the log goes back.
fn judge_kills(evidence: &Evidence<'_>, memory: &Memory) -> Finding {
    let subject = "killed for want of memory";
    let in_window = evidence.window().ok().and_then(|window| window.vmstat.known()?.get("oom_kill").copied());
    let since_boot = memory.vmstat.known().and_then(|counters| counters.get("oom_kill").copied());
    let log = evidence.kernel_log();
    let of_log = || log.iter().flat_map(|log| &log.lines).filter(|line| line.subject == "oom");
    if let Ok(log) = &log {
        let limit = evidence.limit(&META, &RECENT);
        let is_recent = |seconds: f64| !limit.is_exceeded_by(Quantity::new(log.to_seconds - seconds));
        if let Some(line) = of_log().rfind(|line| is_recent(line.seconds)) {
            return META
                .fail(subject, "the kernel's log tells of processes that were killed")
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(Citation::new(&log.path, &line.text));
        }
    }
    let cite = |count: u64| Citation::new("/proc/vmstat", format!("oom_kill {count}"));
    match (in_window, since_boot) {
        (Some(count), _) if count > 0 => META
            .fail(subject, format!("{count} in the window"))
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite(count)),
        (_, Some(0)) => META.pass(subject, "none since boot").with_evidence(cite(0)),
        (_, Some(count)) => match log {
            // The log goes back to the start and has no line of it.
            Ok(log) if log.from_seconds <= FIRST_LINE && !log.truncated && of_log().count() == 0 => META
                .contradictory(subject, format!("{count} since boot by the counter, none by the log"))
                .with_evidence(Citation::new(&log.path, "no line of it")),
            Ok(_) => META.info(subject, format!("{count} since boot, none that the log tells of is recent")),
            Err(why) => META.not_run(subject, format!("{count} since boot; when is not known: {why}")),
        }
        .with_evidence(cite(count)),
        (_, None) => {
            let why = memory.vmstat.require().err();
            let why = why.map_or_else(|| "/proc/vmstat has no oom_kill".to_owned(), |why| why.to_string());
            META.not_run(subject, why)
        }
    }
}

/// Events of the control groups that servers are in.
fn judge_groups(evidence: &Evidence<'_>) -> Vec<Finding> {
    let groups = evidence.servers().and_then(|servers| Ok((servers, evidence.window()?)));
    let (servers, window) = match groups {
        Ok(groups) => groups,
        Err(why) => return vec![META.not_run("control groups of servers", why.to_string())],
    };
    let mut folders: Vec<&str> = Vec::new();
    for process in servers.iter().flat_map(|server| &server.processes) {
        if let Some(group) = process.cgroup.known() {
            folders.extend(group.chain.iter().map(|level| level.path.as_str()));
        }
    }
    folders.sort_unstable();
    folders.dedup();
    let mut findings = Vec::new();
    let mut flat = Vec::new();
    let mut unread = None;
    for folder in folders {
        let Some(group) = window.cgroups.get(folder) else {
            unread = Some(Missing::new(
                Absence::Failed,
                format!("{folder} was not read at both ends of the window"),
            ));
            continue;
        };
        let events = match group.memory_events.require() {
            Ok(events) => events,
            // The root has none, and neither has a group without the memory controller.
            Err(why) if why.missing == Absence::Absent => continue,
            Err(why) => {
                unread = Some(why);
                continue;
            }
        };
        let of = |name: &str| events.get(name).copied();
        let (Some(max), Some(high), Some(kills)) = (of("max"), of("high"), of("oom_kill")) else {
            unread =
                Some(Missing::new(Absence::Malformed, format!("{folder}/memory.events is not complete")));
            continue;
        };
        let citation = Citation::new(
            format!("{folder}/memory.events"),
            format!("max +{max}, high +{high}, oom_kill +{kills}"),
        );
        let subject = format!("control group {folder}");
        let finding = if kills > 0 || max > 0 {
            META.fail(
                subject,
                format!("it ran into its memory limit {max} times in the window; processes killed: {kills}"),
            )
        } else if high > 0 {
            META.warn(
                subject,
                format!("it was slowed {high} times in the window to stay below `memory.high`"),
            )
        } else {
            flat.push(folder);
            continue;
        };
        findings.push(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation));
    }
    let subject = "control groups of servers";
    match unread {
        Some(why) => findings.push(META.not_run(subject, why.to_string())),
        None if findings.is_empty() && flat.is_empty() => {
            findings.push(META.not_run(
                subject,
                "no control group of a server tells memory events, as those of version 2 do",
            ));
        }
        None if findings.is_empty() => {
            findings.push(META.pass(subject, format!("none of {} ran into a memory limit", flat.len())));
        }
        None => {}
    }
    findings
}
