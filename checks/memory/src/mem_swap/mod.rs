//! `mem.swap`: the engine is not swapped.
//!
//! Any page of an engine's process that is swapped out fails; helpers such as resource trackers warn. Without a swap
//! area none of it can happen. zram is a swap area as well: it costs no disk, but a fault and a decompression.

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{InferenceServer, Role, ServerProcess, SwapArea, no_server};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

use crate::counters::Counters;

/// See the module.
pub struct MemSwap;

const SWAPPINESS: Limit<Count> = Limit {
    name: "vm.swappiness on a host with swap",
    value: Quantity::new(30.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal; TuneD profile throughput-performance sets 10",
    date: "2026-11-23",
    applies_to: "hosts with a swap area",
};

static THRESHOLDS: [Threshold; 1] = [SWAPPINESS.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("mem.swap"),
    title: Borrowed("The engine is not swapped"),
    category: Category::Memory,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("One major page fault in the path that launches kernels costs milliseconds."),
    business: Borrowed("Part of the service has been moved to disk."),
    needs: Borrowed(&[
        Borrowed("/memory/swaps"),
        Borrowed("/servers"),
        Borrowed("/window"),
        Borrowed("/sysctl/vm.swappiness"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`sysctl -w vm.swappiness=1`; `swapoff -a`, only with enough free memory for what is swapped out",
        ),
        persistent: Borrowed(
            "a file in `/etc/sysctl.d`; `MemorySwapMax=0` in the unit; on dedicated nodes no swap in \
             `/etc/fstab`",
        ),
        rollback: Borrowed(
            "`swapon -a`; `sysctl -w vm.swappiness=VALUE` with the value named in the evidence",
        ),
        change: ChangeKind::Runtime,
        verification: Borrowed("`grep VmSwap /proc/PID/status`; `vmstat 1 5` (columns si and so)"),
        expected_effect: Borrowed("No published number for language models."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::StrictTail]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, containers"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
        Reference {
            title: Borrowed(
                "Linux kernel: /proc/sys/vm (zone_reclaim_mode, swappiness, overcommit, min_free_kbytes)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/vm.html"),
        },
    ]),
};

impl Check for MemSwap {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let areas: Vec<SwapArea> = evidence.get("/memory/swaps")?;
        let mut findings = match evidence.servers() {
            Ok([]) => vec![META.not_run("engine", no_server().reason)],
            Ok(servers) => servers.iter().map(judge_server).collect(),
            Err(why) => vec![META.not_run("engine", why.to_string())],
        };
        if areas.is_empty() {
            let pass = META
                .pass("node", "there is no swap area")
                .with_evidence(Citation::new("/proc/swaps", "none"));
            findings.push(pass);
            return Ok(findings);
        }
        findings.push(judge_areas(&areas));
        findings.push(
            judge_swappiness(evidence).unwrap_or_else(|why| META.not_run("vm.swappiness", why.to_string())),
        );
        findings
            .push(judge_traffic(evidence).unwrap_or_else(|why| META.not_run("swapping in", why.to_string())));
        Ok(findings)
    }
}

fn size(bytes: u64) -> String {
    if bytes < 1 << 20 { format!("{} kB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

fn judge_server(server: &InferenceServer) -> Finding {
    let subject = format!("server {} {}", server.kind, server.pid);
    let swapped = |process: &&ServerProcess| process.swap_bytes.known().is_some_and(|&bytes| bytes > 0);
    let out: Vec<&ServerProcess> = server.processes.iter().filter(swapped).collect();
    let engine: Vec<&ServerProcess> =
        out.iter().filter(|process| process.role != Role::Other).copied().collect();
    let bytes: u64 = out.iter().filter_map(|process| process.swap_bytes.known()).sum();
    let cite = |finding: Finding| {
        out.iter().fold(finding, |finding, process| {
            let kib = process.swap_bytes.known().map_or(0, |bytes| bytes / 1024);
            let value = format!("{}: VmSwap {kib} kB", process.comm);
            finding.with_evidence(Citation::new(format!("{}/status", process.path), value))
        })
    };
    if !engine.is_empty() {
        let message = format!("{} of its processes are swapped out", size(bytes));
        return cite(META.fail(subject, message).with_likelihood(Likelihood::Mechanism));
    }
    let unknown = server.processes.iter().find_map(|process| match &process.swap_bytes {
        Fact::Missing(why) => Some((process.pid, why)),
        Fact::Known(_) => None,
    });
    match unknown {
        Some((pid, why)) => META.not_run(subject, format!("process {pid}: {why}")),
        None if server.processes.is_empty() => META.not_run(subject, "its processes are not known"),
        None if out.is_empty() => META.pass(subject, "nothing of its processes is swapped out"),
        None => {
            let message = format!("{} of its helpers are swapped out", size(bytes));
            cite(META.warn(subject, message).with_likelihood(Likelihood::Mechanism))
        }
    }
}

fn judge_areas(areas: &[SwapArea]) -> Finding {
    let used: u64 = areas.iter().map(|area| area.used_bytes).sum();
    let cite = |finding: Finding| {
        areas.iter().fold(finding, |finding, area| {
            let value =
                format!("{}: {} of {} kB used", area.name, area.used_bytes / 1024, area.size_bytes / 1024);
            finding.with_evidence(Citation::new("/proc/swaps", value))
        })
    };
    cite(if used > 0 {
        let message = format!("{} of this node are swapped out", size(used));
        META.warn("swap areas", message).with_likelihood(Likelihood::Setting)
    } else {
        META.pass("swap areas", "nothing is swapped out")
    })
}

fn judge_swappiness(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    const NAME: &str = "vm.swappiness";
    let text = evidence.sysctl(NAME)?;
    let value: f64 = text
        .trim()
        .parse()
        .map_err(|_| Missing::new(Absence::Malformed, format!("{NAME} holds `{text}`")))?;
    let message = format!("{NAME} is {value}, and there is a swap area");
    let finding = if evidence.limit(&META, &SWAPPINESS).is_exceeded_by(Quantity::new(value)) {
        META.warn(NAME, message).with_likelihood(Likelihood::Setting)
    } else {
        META.pass(NAME, message)
    };
    Ok(finding.with_evidence(Citation::new("/proc/sys/vm/swappiness", text.trim())))
}

fn judge_traffic(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let counters = Counters::of(evidence)?;
    let (came, went) = (counters.grown("pswpin")?, counters.grown("pswpout")?);
    let cite = |finding: Finding| {
        finding.with_evidence(counters.cite("pswpin")).with_evidence(counters.cite("pswpout"))
    };
    if came > 0 || went > 0 {
        let message = format!("{came} pages were swapped in and {went} out during the window");
        let finding =
            if came > 0 { META.fail("swapping in", message) } else { META.warn("swapping in", message) };
        return Ok(cite(finding.with_likelihood(Likelihood::Mechanism)));
    }
    let load = counters.under_load()?;
    Ok(cite(META.pass("swapping in", format!("no page was swapped in or out ({load})"))))
}
