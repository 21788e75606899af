//! `net.rdma-peermem`: the GPUDirect RDMA path is available where it is needed.
//!
//! It is needed where an engine is disaggregated or spans nodes: its options say so, or it uses more GPUs than this
//! node has. Where only the engagement says so, what would fail warns, as the engine may be on other nodes. There
//! are two ways for a network card to reach GPU memory: the module `nvidia_peermem`, and dma-buf, which the open
//! kernel modules of NVIDIA offer (Linux 5.12 and later). Which one is in use is not to be seen from outside, so
//! either counts.
//!
//! The rated speed of a port is in no file: ports of the same model are compared with each other. A port without a
//! cable (`Polling`, `Disabled`) may be unused by intent; that no port is active is a failure, that some are not a
//! warning.

use std::collections::BTreeMap;

use plumb_check_sdk::model::{InferenceServer, RdmaPort, Window};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

/// Counters of a port that only grow when something goes wrong, by path below the port.
const ERRORS: [&str; 9] = [
    "counters/link_downed",
    "counters/link_error_recovery",
    "counters/local_link_integrity_errors",
    "counters/port_rcv_errors",
    "counters/port_xmit_discards",
    "counters/symbol_error",
    "hw_counters/local_ack_timeout_err",
    "hw_counters/out_of_sequence",
    "hw_counters/packet_seq_err",
];

/// See the module.
pub struct NetRdmaPeermem;

static META: CheckMeta = CheckMeta {
    id: Borrowed("net.rdma-peermem"),
    title: Borrowed("GPUDirect RDMA path is available where it is needed"),
    category: Category::Interference,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Without it, KV transfers of disaggregated serving are staged through host memory."),
    business: Borrowed("Data between servers takes a detour through main memory."),
    needs: Borrowed(&[
        Borrowed("/servers"),
        Borrowed("/engagement/workload"),
        Borrowed("/gpus"),
        Borrowed("/platform/modules"),
        Borrowed("/network/rdma"),
        Borrowed("/settings/network"),
        Borrowed("/node/kernel"),
        Borrowed("/window"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`modprobe nvidia_peermem`"),
        persistent: Borrowed(
            "`echo nvidia_peermem > /etc/modules-load.d/nvidia_peermem.conf`; with the open kernel modules \
             dma-buf needs nothing",
        ),
        rollback: Borrowed("`rmmod nvidia_peermem`; remove the file"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`lsmod | grep peermem`; `ibstat`; with `NCCL_DEBUG=INFO` the log of the engine shows `GDRDMA`",
        ),
        expected_effect: Borrowed("No published number was read."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[WorkloadTrait::Disaggregated]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal, and virtual machines with devices passed through; engines that are disaggregated or \
         span nodes",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("leptonai/gpud (HEAD 4a8de33): GPU health components and thresholds"),
            url: Borrowed("https://github.com/leptonai/gpud"),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
        Reference {
            title: Borrowed("NVIDIA NCCL User Guide: Troubleshooting (GPU Direct, PCI ACS, shared memory)"),
            url: Borrowed("https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"),
        },
    ]),
};

impl Check for NetRdmaPeermem {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = evidence.servers()?;
        let Some(reason) = spans_nodes(evidence, servers)? else {
            let message = "no inference server of this node is disaggregated or spans nodes";
            return Ok(vec![META.not_applicable("node", message)]);
        };
        let ports: Vec<RdmaPort> = match evidence.get("/network/rdma") {
            Err(why) if why.missing == Absence::Absent => Vec::new(),
            ports => ports?,
        };
        if ports.is_empty() {
            let finding =
                reason.violation("node", "the kernel knows no RDMA device: transfers go through TCP");
            return Ok(vec![finding.with_likelihood(Likelihood::Setting)]);
        }
        let mut findings = vec![
            judge_path(evidence, &reason)
                .unwrap_or_else(|why| META.not_run("GPUDirect RDMA", why.to_string())),
        ];
        findings.extend(judge_ports(&ports, &reason));
        findings.push(judge_errors(evidence, &ports));
        Ok(findings)
    }
}

/// What says that a server works together with others.
struct Reason {
    citation: Citation,
    /// Seen on this node; else only the engagement says so, and the servers may be on other nodes.
    seen: bool,
}

impl Reason {
    /// A violation of what the server needs: a failure where the need was seen.
    fn violation(&self, subject: impl Into<String>, what: &str) -> Finding {
        let message = format!("{}, but {what}", self.citation.value);
        let finding = if self.seen { META.fail(subject, message) } else { META.warn(subject, message) };
        finding.with_evidence(self.citation.clone())
    }
}

/// Options by which servers are told that they work with others: vLLM's connectors, SGLang's and Dynamo's modes.
fn is_told(name: &str, value: &str) -> bool {
    match name {
        "kv-transfer-config" => true,
        "disaggregation-mode" => value != "null",
        "nnodes" | "num-nodes" => value.parse::<u32>().is_ok_and(|number| number > 1),
        _ => false,
    }
}

/// `None` where it is known that no server works with others.
fn spans_nodes(evidence: &Evidence<'_>, servers: &[InferenceServer]) -> Result<Option<Reason>, Missing> {
    let mut unknown = None;
    for server in servers {
        let path =
            server.processes.first().map_or_else(|| format!("/proc/{}", server.pid), |p| p.path.clone());
        let seen = |text: String| {
            let text = format!("{} {} {text}", server.kind, server.pid);
            Some(Reason { citation: Citation::new(format!("{path}/cmdline"), text), seen: true })
        };
        match &server.options {
            Fact::Known(options) => {
                if let Some((name, value)) = options.iter().find(|(name, value)| is_told(name, value)) {
                    let value: String = value.chars().take(60).collect();
                    return Ok(seen(format!("runs with `--{name} {value}`")));
                }
            }
            Fact::Missing(why) => unknown = Some(why.clone()),
        }
        let stages = server.pipeline_parallel.known().copied().unwrap_or(1);
        let wanted = server.tensor_parallel.known().map(|gpus| gpus.saturating_mul(stages) as usize);
        if let (Some(wanted), Ok(gpus)) = (wanted, evidence.gpus())
            && !gpus.is_empty()
            && wanted > gpus.len()
        {
            return Ok(seen(format!(
                "spreads its model over {wanted} GPUs, of which this node has {}",
                gpus.len()
            )));
        }
    }
    let workload: Result<BTreeMap<WorkloadTrait, bool>, Missing> = evidence.get("/engagement/workload");
    match workload.ok().and_then(|traits| traits.get(&WorkloadTrait::Disaggregated).copied()) {
        Some(true) => Ok(Some(Reason {
            citation: Citation::new("engagement", "the workload is disaggregated or spans nodes"),
            seen: false,
        })),
        // The client knows better than an unreadable command line.
        Some(false) => Ok(None),
        None => unknown.map_or(Ok(None), Err),
    }
}

fn judge_path(evidence: &Evidence<'_>, reason: &Reason) -> Result<Finding, Missing> {
    let subject = "GPUDirect RDMA";
    let modules: Vec<String> = evidence.get("/platform/modules")?;
    let peer = modules.iter().find(|name| ["nvidia_peermem", "nv_peer_mem"].contains(&name.as_str()));
    if let Some(name) = peer {
        return Ok(META
            .pass(subject, format!("the module `{name}` is loaded"))
            .with_evidence(Citation::new("/proc/modules", name)));
    }
    const VERSION: &str = "/proc/driver/nvidia/version";
    let version = evidence.setting("network", VERSION)?;
    let first = version.lines().next().unwrap_or_default().to_owned();
    let kernel: String = evidence.get("/node/kernel")?;
    let new_enough = release(&kernel).is_some_and(|release| release >= (5, 12));
    if version.contains("Open Kernel Module") && new_enough {
        let message = "the open kernel modules of NVIDIA offer dma-buf, and no peer memory module is needed";
        return Ok(META.pass(subject, message).with_evidence(Citation::new(VERSION, first)));
    }
    let what = "neither is `nvidia_peermem` loaded nor can dma-buf be used: transfers are staged through \
                host memory";
    Ok(reason
        .violation(subject, what)
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new("/proc/modules", "no nvidia_peermem"))
        .with_evidence(Citation::new(VERSION, first)))
}

/// Major and minor number of a kernel release.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn name(port: &RdmaPort) -> String {
    format!("{} port {}", port.device, port.port)
}

fn judge_ports(ports: &[RdmaPort], reason: &Reason) -> Vec<Finding> {
    let state = |port: &RdmaPort| port.state.known().cloned();
    let cite =
        |port: &RdmaPort, file: &str, value: &str| Citation::new(format!("{}/{file}", port.path), value);
    let (known, unknown): (Vec<&RdmaPort>, Vec<&RdmaPort>) =
        ports.iter().partition(|port| state(port).is_some());
    let (active, others): (Vec<&RdmaPort>, Vec<&RdmaPort>) =
        known.into_iter().partition(|port| state(port).as_deref() == Some("ACTIVE"));
    let mut findings = Vec::new();
    let list = |ports: &[&RdmaPort]| ports.iter().map(|port| name(port)).collect::<Vec<_>>().join(", ");
    let cite_states = |finding: Finding, ports: &[&RdmaPort]| {
        ports.iter().fold(finding, |finding, port| {
            finding.with_evidence(cite(port, "state", &state(port).unwrap_or_default()))
        })
    };
    if active.is_empty() && unknown.is_empty() {
        let finding = reason.violation(list(&others), "no RDMA port is active");
        return vec![cite_states(finding.with_likelihood(Likelihood::Mechanism), &others)];
    }
    if !others.is_empty() {
        let finding = META
            .warn(list(&others), "not active, while other ports are")
            .with_likelihood(Likelihood::Setting);
        findings.push(cite_states(finding, &others));
    }
    if !unknown.is_empty() {
        findings.push(META.not_run(list(&unknown), "the state of the port is not known"));
    }
    let mut fine = Vec::new();
    for port in &active {
        let rate = match &port.rate_gbps {
            Fact::Known(rate) => *rate,
            Fact::Missing(why) => {
                findings.push(META.not_run(name(port), why.to_string()));
                continue;
            }
        };
        // Without its model or kind of link, no other is like it.
        let unknown = [&port.model, &port.link_layer].into_iter().find_map(|fact| match fact {
            Fact::Missing(why) if !why.is_absent() => Some(why),
            _ => None,
        });
        if let (Some(why), true) = (unknown, active.len() > 1) {
            findings.push(
                META.not_run(name(port), format!("what it is to be compared with is not known: {why}")),
            );
            continue;
        }
        let same = |other: &&&RdmaPort| {
            other.model.known() == port.model.known() && other.link_layer == port.link_layer
        };
        let rates = active.iter().filter(same).filter_map(|other| other.rate_gbps.known().copied());
        let best = rates.max_by(f64::total_cmp).unwrap_or(rate);
        if rate < best {
            let message = format!("it runs at {rate} Gbit/s, another of the same model at {best} Gbit/s");
            findings.push(
                META.fail(name(port), message).with_likelihood(Likelihood::Mechanism).with_evidence(cite(
                    port,
                    "rate",
                    &rate.to_string(),
                )),
            );
        } else {
            fine.push(*port);
        }
    }
    if !fine.is_empty() {
        findings
            .push(cite_states(META.pass(list(&fine), "active, none slower than others of its model"), &fine));
    }
    findings
}

fn judge_errors(evidence: &Evidence<'_>, ports: &[RdmaPort]) -> Finding {
    let subject = "errors of RDMA ports";
    let window: &Window = match evidence.window() {
        Ok(window) => window,
        Err(why) => return META.not_run(subject, why.to_string()),
    };
    let (mut grown, mut sent, mut read) = (Vec::new(), 0, 0);
    for port in ports {
        for counter in ERRORS {
            let path = format!("{}/{counter}", port.path);
            if let Some(count) = window.delta("network", &path) {
                read += 1;
                if count > 0 {
                    grown.push(Citation::new(path, format!("+{count}")));
                }
            }
        }
        let path = format!("{}/counters/port_xmit_data", port.path);
        sent += window.delta("network", &path).unwrap_or(0);
    }
    if !grown.is_empty() {
        let message = format!("{} error counters grew in the window", grown.len());
        let finding = META.warn(subject, message).with_likelihood(Likelihood::Mechanism);
        return grown.into_iter().fold(finding, Finding::with_evidence);
    }
    if read == 0 {
        return META.not_run(subject, "no error counter was read at both ends of the window");
    }
    if sent == 0 {
        return META.not_run(subject, "the ports sent nothing in the window: collect while the service runs");
    }
    META.pass(subject, format!("none of {read} counters grew while data was sent"))
}
