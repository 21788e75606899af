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

use plumb_check_sdk::limit::{GigabitsPerSecond, Quantity};
use plumb_check_sdk::model::{InferenceServer, RdmaPort};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, HardwarePart, Intent, Likelihood, Missing, NoVerdict, Object,
    ObjectKind, Outcome, Said, WorkloadTrait, if_any,
};

use crate::pages::net_rdma_peermem::{PAGE, words};

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

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    let need = spans_nodes(evidence, servers)?.ok_or_else(|| NoVerdict::not_applicable(words::OneNode {}))?;
    let ports: Vec<RdmaPort> = if_any(evidence.get("/network/rdma"))?.unwrap_or_default();
    if ports.is_empty() {
        let (server, what) = ((&need.server).into(), (&need.what).into());
        let said = words::NoDevice { need: need.kind.into(), server, what };
        return Ok(vec![need.violation(Object::node(), said, Likelihood::Setting)]);
    }
    let path = || Object::setting("GPUDirect RDMA");
    let mut findings = vec![PAGE.settle(path(), judge_path(evidence, &need, path()))];
    findings.extend(judge_ports(&ports, &need));
    let errors = Object::new(ObjectKind::Other, "errors of RDMA ports");
    findings.push(PAGE.settle(errors.clone(), judge_errors(errors, evidence, &ports)));
    Ok(findings)
}

/// What says that a server works together with others.
struct Need {
    citation: Citation,
    /// `option` or `gpus`, as seen of a server of this node; `engagement` where only that says so, and the servers may be on
    /// other nodes. Sentences choose by it.
    kind: &'static str,
    server: String,
    /// Its option, or its number of GPUs.
    what: String,
}

impl Need {
    /// A violation of what the server needs: a failure where the need was seen.
    fn violation(&self, object: Object, said: impl Into<Said>, likelihood: Likelihood) -> Finding {
        let outcome = if self.kind == "engagement" { Outcome::Warn } else { Outcome::Fail };
        PAGE.says(outcome, object, said).with_likelihood(likelihood).with_evidence(self.citation.clone())
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

/// GPUs of a model, and those of this node, where the model needs more. A server that does not tell uses those of its node.
fn spread_over(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Option<(usize, usize)>, Missing> {
    let size = |fact: &Fact<u32>| Ok(fact.optional()?.copied().unwrap_or(1));
    let wanted = size(&server.tensor_parallel)?.saturating_mul(size(&server.pipeline_parallel)?) as usize;
    if wanted < 2 {
        return Ok(None);
    }
    let here = evidence.gpus()?.len();
    Ok((0 < here && here < wanted).then_some((wanted, here)))
}

/// `None` where it is known that no server works with others.
fn spans_nodes(evidence: &Evidence<'_>, servers: &[InferenceServer]) -> Result<Option<Need>, Missing> {
    let mut unknown = None;
    for server in servers {
        let path =
            server.processes.first().map_or_else(|| format!("/proc/{}", server.pid), |p| p.path.clone());
        let name = format!("{} {}", server.kind, server.pid);
        match &server.options {
            Fact::Known(options) => {
                if let Some((option, value)) = options.iter().find(|(name, value)| is_told(name, value)) {
                    let value: String = value.chars().take(60).collect();
                    let option = format!("--{option} {value}");
                    let citation =
                        Citation::new(format!("{path}/cmdline"), format!("{name} runs with `{option}`"));
                    return Ok(Some(Need { citation, kind: "option", server: name, what: option }));
                }
            }
            Fact::Missing(why) => unknown = Some(why.clone()),
        }
        match spread_over(evidence, server) {
            Ok(Some((wanted, here))) => {
                let text =
                    format!("{name} spreads its model over {wanted} GPUs, of which this node has {here}");
                let citation = Citation::new(format!("{path}/cmdline"), text);
                return Ok(Some(Need { citation, kind: "gpus", server: name, what: wanted.to_string() }));
            }
            Ok(None) => {}
            Err(why) => unknown = Some(why),
        }
    }
    let workload: Result<BTreeMap<WorkloadTrait, bool>, Missing> = evidence.get("/engagement/workload");
    match workload.ok().and_then(|traits| traits.get(&WorkloadTrait::Disaggregated).copied()) {
        Some(true) => {
            let citation = Citation::new("engagement", "the workload is disaggregated or spans nodes");
            Ok(Some(Need { citation, kind: "engagement", server: String::new(), what: String::new() }))
        }
        // The client knows better than an unreadable command line.
        Some(false) => Ok(None),
        None => unknown.map_or(Ok(None), Err),
    }
}

fn judge_path(evidence: &Evidence<'_>, need: &Need, object: Object) -> Result<Finding, Missing> {
    let modules: Vec<String> = evidence.get("/platform/modules")?;
    let peer = modules.iter().find(|name| ["nvidia_peermem", "nv_peer_mem"].contains(&name.as_str()));
    if let Some(name) = peer {
        return Ok(PAGE
            .pass(object, words::PeerModule { module: name.into() })
            .with_evidence(Citation::new("/proc/modules", name)));
    }
    const VERSION: &str = "/proc/driver/nvidia/version";
    let version = evidence.setting("network", VERSION)?;
    let version = Citation::new(VERSION, version.lines().next().unwrap_or_default());
    let kernel: String = evidence.get("/node/kernel")?;
    let new_enough = release(&kernel).is_some_and(|release| release >= (5, 12));
    if version.value.contains("Open Kernel Module") && new_enough {
        return Ok(PAGE.pass(object, words::DmaBuf {}).with_evidence(version));
    }
    let said =
        words::Staged { need: need.kind.into(), server: (&need.server).into(), what: (&need.what).into() };
    Ok(need
        .violation(object, said, Likelihood::Setting)
        .with_evidence(Citation::new("/proc/modules", "no nvidia_peermem"))
        .with_evidence(version)
        .with_intent(Intent::KernelModule { name: "nvidia_peermem".into() }))
}

/// Major and minor number of a kernel release.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Ports as one object, under all their names.
fn object(ports: &[&RdmaPort]) -> Object {
    let names: Vec<String> = ports.iter().map(|port| format!("{} port {}", port.device, port.port)).collect();
    let ids: Vec<String> = ports.iter().map(|port| format!("{}/{}", port.device, port.port)).collect();
    Object::new(ObjectKind::Nic, ids.join(",")).named(names.join(", "))
}

/// The links of ports, to be looked at.
fn links(ports: &[&RdmaPort]) -> Vec<Intent> {
    let at = |port: &&RdmaPort| Some(format!("{} port {}", port.device, port.port));
    ports.iter().map(|port| Intent::Hardware { part: HardwarePart::NetworkLink, at: at(port) }).collect()
}

fn cite_states(finding: Finding, ports: &[&RdmaPort]) -> Finding {
    finding.with_citations(ports.iter().map(|port| {
        let state = port.state.known().map_or("", String::as_str);
        Citation::new(format!("{}/state", port.path), state)
    }))
}

fn judge_ports(ports: &[RdmaPort], need: &Need) -> Vec<Finding> {
    let (known, unknown): (Vec<&RdmaPort>, Vec<&RdmaPort>) =
        ports.iter().partition(|port| port.state.known().is_some());
    let (active, others): (Vec<&RdmaPort>, Vec<&RdmaPort>) =
        known.into_iter().partition(|port| port.state.known().is_some_and(|state| state == "ACTIVE"));
    let mut findings = Vec::new();
    let ports_count = Arg::count(others.len());
    if active.is_empty() && unknown.is_empty() {
        let (server, what) = ((&need.server).into(), (&need.what).into());
        let said = words::NoneActive { need: need.kind.into(), ports_count, server, what };
        let finding =
            need.violation(object(&others), said, Likelihood::Mechanism).with_intents(links(&others));
        return vec![cite_states(finding, &others)];
    }
    if !others.is_empty() {
        let finding = PAGE
            .warn(object(&others), words::NotActive { all_count: ports.len().into(), ports_count })
            .with_intents(links(&others))
            .with_likelihood(Likelihood::Setting);
        findings.push(cite_states(finding, &others));
    }
    if !unknown.is_empty() {
        findings.push(PAGE.not_run(object(&unknown), words::UnknownState {}));
    }
    let mut fine = Vec::new();
    for &port in &active {
        let rate = match &port.rate_gbps {
            Fact::Known(rate) => *rate,
            Fact::Missing(why) => {
                findings.push(PAGE.missing(object(&[port]), why));
                continue;
            }
        };
        // Without its model or kind of link, no other is like it.
        let unknown = [&port.model, &port.link_layer].into_iter().find_map(|fact| match fact {
            Fact::Missing(why) if !why.is_absent() => Some(why),
            _ => None,
        });
        if let (Some(why), true) = (unknown, active.len() > 1) {
            findings.push(PAGE.not_run(object(&[port]), words::UnknownModel { reason: why.into() }));
            continue;
        }
        let same = |other: &&&RdmaPort| {
            other.model.known() == port.model.known() && other.link_layer == port.link_layer
        };
        let rates = active.iter().filter(same).filter_map(|other| other.rate_gbps.known().copied());
        let best = rates.max_by(f64::total_cmp).unwrap_or(rate);
        if rate < best {
            let gigabits =
                |rate: f64| Arg::of(Quantity::<GigabitsPerSecond>::new(rate), u8::from(rate.fract() != 0.0));
            let name = Arg::text(format!("{}/{}", port.device, port.port));
            let said = words::Slower { best: gigabits(best), port: name, rate: gigabits(rate) };
            let citation = Citation::new(format!("{}/rate", port.path), rate.to_string());
            findings.push(
                PAGE.fail(object(&[port]), said)
                    .with_intents(links(&[port]))
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(citation),
            );
        } else {
            fine.push(port);
        }
    }
    if !fine.is_empty() {
        findings.push(cite_states(PAGE.pass(object(&fine), words::Active {}), &fine));
    }
    findings
}

fn judge_errors(object: Object, evidence: &Evidence<'_>, ports: &[RdmaPort]) -> Result<Finding, NoVerdict> {
    let window = evidence.window()?;
    let (mut grown, mut faulty, mut sent, mut read) = (Vec::new(), Vec::new(), 0, 0usize);
    for port in ports {
        let before = grown.len();
        let delta = |file: &str| {
            let path = format!("{}/{file}", port.path);
            window.delta("network", &path).map(|count| (path, count))
        };
        for (path, count) in ERRORS.into_iter().filter_map(delta) {
            read += 1;
            if count > 0 {
                grown.push(Citation::new(path, format!("+{count}")));
            }
        }
        if grown.len() > before {
            faulty.push(port);
        }
        sent += delta("counters/port_xmit_data").map_or(0, |(_, count)| count);
    }
    if !grown.is_empty() {
        let finding = PAGE
            .warn(object, words::ErrorsGrew { counters_count: grown.len().into() })
            .with_intents(links(&faulty))
            .with_likelihood(Likelihood::Mechanism);
        return Ok(finding.with_citations(grown));
    }
    PAGE.not_run_if(read == 0, words::NoCounter {})?;
    PAGE.not_run_if(sent == 0, words::NothingSent {})?;
    Ok(PAGE.pass(object, words::NoErrors { counters_count: read.into() }))
}
