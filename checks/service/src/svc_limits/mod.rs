//! `svc.limits`: resource limits fit the service.
//!
//! Open files: the soft limit in force and the share of it in use, worst process first. Between 1,024 and 4,096, which the
//! catalogue leaves open, a limit warns. Locked memory matters where RDMA pins host memory: it is judged where a network
//! adapter that can do RDMA is there, and fails only where the server was told to talk to other nodes. Tasks: threads seen
//! against the limits of the control groups above.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Bytes, Count, Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cgroup, CgroupLevel, InferenceServer, PciDevice, ProcessLimit, ServerProcess};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood,
    Missing, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::server::{option, servers};

/// See the module.
pub struct SvcLimits;

const FILES_FAIL: Limit<Count> = Limit {
    name: "open files, soft limit that fails",
    value: Quantity::new(1024.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: the default of shells and of older container engines",
    date: "2026-11-23",
    applies_to: "processes of inference servers",
};
const FILES_PASS: Limit<Count> =
    Limit { name: "open files, soft limit that passes", value: Quantity::new(65_535.0), ..FILES_FAIL };
const USE_WARN: Limit<Percent> = Limit {
    name: "share of a limit in use, warning",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "open files and tasks",
};
const USE_FAIL: Limit<Percent> =
    Limit { name: "share of a limit in use, failure", value: Quantity::new(80.0), ..USE_WARN };
const LOCKED: Limit<Bytes> = Limit {
    name: "locked memory that is too little for RDMA",
    value: Quantity::new(8_388_608.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: the largest default of distributions (8 MiB); Azure's HPC images set it to unlimited",
    date: "2026-11-23",
    applies_to: "servers that use RDMA",
};

/// Words of options that make a server talk to other nodes.
const REMOTE_OPTIONS: [&str; 5] =
    ["nnodes", "kv-transfer-config", "disaggregation-mode", "disaggregation-ib-device", "dist-init-addr"];

static THRESHOLDS: [Threshold; 5] = [
    FILES_FAIL.threshold(),
    FILES_PASS.threshold(),
    USE_WARN.threshold(),
    USE_FAIL.threshold(),
    LOCKED.threshold(),
];

static META: CheckMeta = CheckMeta {
    id: Borrowed("svc.limits"),
    title: Borrowed("Resource limits fit the service"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Too few open files end in refused connections; too little locked memory breaks RDMA and pinned \
         memory.",
    ),
    business: Borrowed("The service is allowed to open only a thousand doors."),
    needs: Borrowed(&[Borrowed("/pci"), Borrowed("/servers")]),
    remediation: Remediation {
        runtime: Borrowed("`prlimit --pid PID --nofile=1048576:1048576`"),
        persistent: Borrowed(
            "`LimitNOFILE=1048576`, `LimitMEMLOCK=infinity` and `TasksMax=infinity` in the unit; `docker \
             run --ulimit nofile=1048576 --ulimit memlock=-1`",
        ),
        rollback: Borrowed("The former values"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`cat /proc/PID/limits`; `ls /proc/PID/fd | wc -l`"),
        expected_effect: Borrowed("Stability."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, containers"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "Azure HPC images (azhpc-images, HEAD 8e9d055): hpc-tuning.sh, install_rccl.sh, \
                 persistence service",
            ),
            url: Borrowed("https://github.com/Azure/azhpc-images"),
        },
        Reference {
            title: Borrowed(
                "systemd.exec(5): CPUAffinity=, NUMAPolicy=, NUMAMask=, Limit*=, OOMScoreAdjust=",
            ),
            url: Borrowed("https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html"),
        },
    ]),
};

impl Check for SvcLimits {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = match servers(&META, evidence)? {
            Ok(servers) => servers,
            Err(findings) => return Ok(findings),
        };
        let rdma = evidence.pci().and_then(any_rdma);
        let mut findings = Vec::new();
        for server in servers {
            for (what, finding) in [
                ("open files", files(evidence, server)),
                ("locked memory", locked(evidence, server, &rdma)),
                ("tasks", tasks(evidence, server)),
            ] {
                let subject = format!("{}, {what}", server.subject());
                findings.push(finding.unwrap_or_else(|why| META.not_run(subject, why.to_string())));
            }
        }
        Ok(findings)
    }
}

/// True for InfiniBand adapters and for Ethernet adapters of NVIDIA (Mellanox), which do RDMA as well.
fn can_rdma(device: &PciDevice) -> Result<bool, Missing> {
    let class = device.class.require()? >> 8;
    Ok(class == 0x0207 || (class == 0x0200 && *device.vendor.require()? == 0x15b3))
}

/// True if any device can do RDMA.
///
/// # Errors
/// Says of which device it is not known, where no other can.
fn any_rdma(devices: &[PciDevice]) -> Result<bool, Missing> {
    let answers: Vec<Result<bool, Missing>> = devices.iter().map(can_rdma).collect();
    if answers.contains(&Ok(true)) {
        return Ok(true);
    }
    answers.into_iter().find(Result::is_err).unwrap_or(Ok(false))
}

/// A limit of a process by the kernel's name.
fn limit_of(process: &ServerProcess, name: &str) -> Result<ProcessLimit, Missing> {
    let limits = process.limits.require()?;
    let limit = limits.get(name).copied();
    limit.ok_or_else(|| Missing::new(Absence::Failed, format!("{}/limits has no `{name}`", process.path)))
}

fn cited(process: &ServerProcess, name: &str, limit: ProcessLimit) -> Citation {
    let text = |value: Option<u64>| value.map_or_else(|| "unlimited".to_owned(), |value| value.to_string());
    let value = format!("{name}: {} soft, {} hard", text(limit.soft), text(limit.hard));
    Citation::new(format!("{}/limits", process.path), value)
}

fn no_process() -> Missing {
    Missing::new(Absence::Failed, "the evidence names no process of the server")
}

fn files(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Finding, Missing> {
    const NAME: &str = "Max open files";
    let subject = format!("{}, open files", server.subject());
    // The process with the least room: the limit itself, and how much of it is used.
    let mut least: Option<(&ServerProcess, ProcessLimit, f64)> = None;
    let mut fullest: Option<(&ServerProcess, ProcessLimit, f64, u64)> = None;
    for process in &server.processes {
        let limit = limit_of(process, NAME)?;
        let soft = limit.soft.map_or(f64::INFINITY, |soft| soft as f64);
        let open = *process.open_files.require()?;
        if least.as_ref().is_none_or(|(.., other)| soft < *other) {
            least = Some((process, limit, soft));
        }
        let share = 100.0 * open as f64 / soft.max(1.0);
        if fullest.as_ref().is_none_or(|(_, _, other, _)| share > *other) {
            fullest = Some((process, limit, share, open));
        }
    }
    let (Some((process, limit, soft)), Some((full, full_limit, share, open))) = (least, fullest) else {
        return Err(no_process());
    };
    let exceeds = |limit: &Limit<Percent>| evidence.limit(&META, limit).is_exceeded_by(Quantity::new(share));
    if exceeds(&USE_FAIL) || exceeds(&USE_WARN) {
        let message = format!("process {} has {open} files open, {share:.0} % of what it may", full.pid);
        let finding =
            if exceeds(&USE_FAIL) { META.fail(subject, message) } else { META.warn(subject, message) };
        let count = Citation::new(format!("{}/fd", full.path), format!("{open} entries"));
        let finding = finding.with_likelihood(Likelihood::Mechanism);
        return Ok(finding.with_evidence(cited(full, NAME, full_limit)).with_evidence(count));
    }
    let message = format!(
        "process {} may open {soft} files, and at most {share:.0} % of a limit are in use",
        process.pid
    );
    let finding = if !evidence.limit(&META, &FILES_FAIL).is_exceeded_by(Quantity::new(soft)) {
        META.fail(subject, message)
    } else if !evidence.limit(&META, &FILES_PASS).is_exceeded_by(Quantity::new(soft)) {
        META.warn(subject, message)
    } else {
        META.pass(subject, message)
    };
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(cited(process, NAME, limit)))
}

fn locked(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    rdma: &Result<bool, Missing>,
) -> Result<Finding, Missing> {
    const NAME: &str = "Max locked memory";
    let subject = format!("{}, locked memory", server.subject());
    let mut least: Option<(&ServerProcess, ProcessLimit, u64)> = None;
    for process in &server.processes {
        let limit = limit_of(process, NAME)?;
        let soft = limit.soft.unwrap_or(u64::MAX);
        if least.as_ref().is_none_or(|(.., other)| soft < *other) {
            least = Some((process, limit, soft));
        }
    }
    let (process, limit, soft) = least.ok_or_else(no_process)?;
    let citation = cited(process, NAME, limit);
    if limit.soft.is_none() {
        return Ok(META.pass(subject, "unlimited").with_evidence(citation));
    }
    let told = format!("process {} may lock {} KiB", process.pid, soft >> 10);
    let rdma = rdma.clone().map_err(|why| {
        Missing::new(
            why.missing,
            format!("{told}; whether a network adapter could need more is not known: {}", why.reason),
        )
    })?;
    if !rdma {
        let message = format!("{told}; no network adapter pins host memory");
        return Ok(META.not_applicable(subject, message));
    }
    let remote = option(server, &REMOTE_OPTIONS)?.map(|(name, _)| name);
    let little = !evidence.limit(&META, &LOCKED).is_exceeded_by(Quantity::new(soft as f64));
    let finding = match (remote, little) {
        (Some(option), true) => {
            META.fail(subject, format!("{told}, and it talks to other nodes (`--{option}`)"))
        }
        (Some(option), false) => META.warn(
            subject,
            format!("{told}, a limit on what RDMA may pin, and it talks to other nodes (`--{option}`)"),
        ),
        (None, true) => META
            .warn(
                subject,
                format!("{told}, too little for the network adapters of this node, should it use RDMA"),
            )
            .with_confidence(Confidence::Low),
        (None, false) => META.info(subject, format!("{told}; it was not told to use RDMA")),
    };
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation))
}

fn tasks(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Finding, Missing> {
    let subject = format!("{}, tasks", server.subject());
    let threads: usize = server.processes.iter().map(|process| process.threads.len()).sum();
    let process = server.processes.first().ok_or_else(no_process)?;
    if threads == 0 {
        return Err(Missing::new(Absence::Failed, "no thread of the server is known"));
    }
    let cgroup = process.cgroup.require()?;
    let mut tightest: Option<(f64, Citation)> = None;
    for level in &cgroup.chain {
        let Some(text) = level.values.get("pids.max") else {
            if is_without_limit(cgroup, level) {
                continue;
            }
            let reason = format!("how many tasks {} may have was not read", level.path);
            return Err(Missing::new(Absence::Failed, reason));
        };
        let text = text.require()?.trim();
        if text == "max" {
            continue;
        }
        let path = format!("{}/pids.max", level.path);
        let max: f64 =
            text.parse().map_err(|_| Missing::new(Absence::Malformed, format!("{path} holds `{text}`")))?;
        if tightest.as_ref().is_none_or(|(other, _)| max < *other) {
            tightest = Some((max, Citation::new(path, text)));
        }
    }
    let Some((max, citation)) = tightest else {
        return Ok(META.pass(subject, format!("{threads} threads, and no limit on tasks")));
    };
    let share = Quantity::new(100.0 * threads as f64 / max.max(1.0));
    let message = format!("{threads} threads, {:.0} % of the limit on tasks", share.number());
    let exceeds = |limit: &Limit<Percent>| evidence.limit(&META, limit).is_exceeded_by(share);
    let finding = if exceeds(&USE_FAIL) {
        META.fail(subject, message).with_likelihood(Likelihood::Mechanism)
    } else if exceeds(&USE_WARN) {
        META.warn(subject, message).with_likelihood(Likelihood::Mechanism)
    } else {
        META.pass(subject, message)
    };
    Ok(finding.with_evidence(citation))
}

/// True for a group that is known to have no controller of tasks, and for the outermost one.
fn is_without_limit(cgroup: &Cgroup, level: &CgroupLevel) -> bool {
    let below = level.path.trim_start_matches("/sys/fs/cgroup").trim_matches('/');
    match level.values.get("cgroup.controllers") {
        _ if below.is_empty() => true,
        Some(controllers) => {
            controllers.known().is_some_and(|text| !text.split_whitespace().any(|name| name == "pids"))
        }
        // Version 1 has a hierarchy of its own for tasks.
        None => cgroup.version != 2 && (!below.contains('/') || !below.starts_with("pids/")),
    }
}
