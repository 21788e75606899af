//! `topo.nic-locality`: network devices are near the threads and the GPUs that they feed.
//!
//! Two questions. The *serving* device is the one with the most traffic in the window; it is compared with where the
//! processes that take requests spent their CPU time. *RDMA* devices are compared with the GPUs of each server: by a
//! variable or an option that names devices, else by all that have an active port, of which NCCL and the engines take the
//! nearest. They are judged only where something says that they are used.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity, Unit};
use plumb_check_sdk::model::{
    DevicePaths, InferenceServer, Nic, Numa, PathLevel, Role, ServerProcess, no_server,
};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding,
    Likelihood, Missing, Outcome, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

/// See the module.
pub struct TopoNicLocality;

/// 10^9 bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GigabitsPerSecond {}

impl Unit for GigabitsPerSecond {
    const SYMBOL: &'static str = "Gbit/s";
}

const HEAVY: Limit<GigabitsPerSecond> = Limit {
    name: "traffic over a remote network device that is too much",
    value: Quantity::new(25.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: ESnet sees up to half of the throughput lost on hosts with 40 and 100 Gbit/s",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes that have CPUs",
};

const IDLE: Limit<GigabitsPerSecond> = Limit {
    name: "traffic below which nothing tells which device serves",
    value: Quantity::new(0.001),
    basis: ThresholdBasis::Expert,
    source: "our proposal: 1 Mbit/s is what monitoring and logins come to",
    date: "2026-11-23",
    applies_to: "all network devices",
};

const NEAR_TIME: Limit<Percent> = Limit {
    name: "share of CPU time of request-taking processes on the node of their network device",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: below it most packets are handled on the far side",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes that have CPUs",
};

static THRESHOLDS: [Threshold; 3] = [HEAVY.threshold(), IDLE.threshold(), NEAR_TIME.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("topo.nic-locality"),
    title: Borrowed("Serving and RDMA NICs sit on the same NUMA node as the GPUs or threads they feed"),
    category: Category::Placement,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Matters for disaggregated prefill and decode, for several nodes, and for very high rates of \
             streamed tokens; little for a chat service on one node.",
    ),
    business: Borrowed(
        "Data enters the building through the wrong door and is carried across the hall before it reaches \
             the GPU.",
    ),
    needs: Borrowed(&[
        Borrowed("/numa"),
        Borrowed("/paths"),
        Borrowed("/servers"),
        Borrowed("/settings/topology"),
        Borrowed("/window/seconds"),
        Borrowed("/window/values/network"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Name the devices: `NCCL_IB_HCA=DEVICE,DEVICE`; `NCCL_SOCKET_IFNAME=INTERFACE`; SGLang: \
             `--disaggregation-ib-device`",
        ),
        persistent: Borrowed(
            "The same variables in the unit; or move the adapter to a slot of the other socket",
        ),
        rollback: Borrowed("Take the variables out again"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`cat /sys/class/net/INTERFACE/device/numa_node`; `nvidia-smi topo -m` (columns of the network \
             devices)",
        ),
        expected_effect: Borrowed(
            "ESnet: TCP and UDP at up to half the speed on the wrong socket (hosts with 40 and 100 Gbit/s). \
             No published number for language models.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::Disaggregated]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines with devices passed through; containers; hosts with two or more \
             NUMA nodes that have CPUs",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("ESnet Fasterdata: Interrupt Binding"),
            url: Borrowed("https://fasterdata.es.net/host-tuning/linux/100g-tuning/interrupt-binding/"),
        },
        Reference {
            title: Borrowed("NVIDIA XLIO: Basic / Advanced Performance Tuning (NIC NUMA node)"),
            url: Borrowed("https://docs.nvidia.com/networking/display/xliov3312/basic+performance+tuning"),
        },
        Reference {
            title: Borrowed("NVIDIA Run:ai: Configuring NUMA-Aware Scheduling"),
            url: Borrowed(
                "https://docs.nvidia.com/run-ai/self-hosted/documentation/platform-management/manage-ai-initiatives/resources/numa-aware-scheduling",
            ),
        },
    ]),
};

/// Data that a port of an RDMA device sent, in units of four bytes (InfiniBand, PortCounters).
const COUNTER: &str = "/counters/port_xmit_data";

impl Check for TopoNicLocality {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let numa = evidence.numa()?;
        if numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count() < 2 {
            return Ok(vec![META.not_applicable("node", "all CPUs are in one NUMA node")]);
        }
        let paths = evidence.paths()?;
        let nics = paths.nics.require()?;
        if nics.is_empty() {
            return Ok(vec![META.not_applicable("node", "no network device on the PCI bus")]);
        }
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![META.not_run("node", no_server().reason)]);
        }
        let node = Node {
            numa,
            nics,
            paths,
            servers,
            seconds: evidence.get("/window/seconds"),
            values: evidence.get("/window/values/network"),
            ports: evidence.settings("topology").unwrap_or_default(),
        };
        let mut findings = node.serving(
            &evidence.limit(&META, &HEAVY),
            &evidence.limit(&META, &IDLE),
            &evidence.limit(&META, &NEAR_TIME),
        );
        findings.extend(node.rdma());
        Ok(findings)
    }
}

/// Texts of a file at each reading, by path.
type Readings = BTreeMap<String, Vec<String>>;

struct Node<'a> {
    numa: &'a Numa,
    nics: &'a [Nic],
    paths: &'a DevicePaths,
    servers: &'a [InferenceServer],
    seconds: Result<f64, Missing>,
    values: Result<Readings, Missing>,
    /// States of RDMA ports, by path.
    ports: BTreeMap<String, Fact<String>>,
}

impl Node<'_> {
    fn delta(&self, path: &str) -> Result<u64, Missing> {
        let values = self.values.as_ref().map_err(Clone::clone)?;
        let untold = || Missing::new(Absence::Failed, format!("{path} was not read twice, or ran backwards"));
        let readings = values.get(path).ok_or_else(untold)?;
        let [first, .., last] = readings.as_slice() else { return Err(untold()) };
        let number = |text: &String| text.trim().parse::<u64>().ok();
        number(last).and_then(|last| last.checked_sub(number(first)?)).ok_or_else(untold)
    }

    /// Traffic of a device in both directions.
    fn traffic(&self, nic: &Nic) -> Result<(Quantity<GigabitsPerSecond>, Vec<Citation>), Missing> {
        let seconds = self.seconds.clone()?;
        if seconds <= 0.0 {
            return Err(Missing::new(Absence::Failed, "the window has no length"));
        }
        let (mut bytes, mut citations) = (0u64, Vec::new());
        for interface in nic.interfaces.require()? {
            for name in ["rx_bytes", "tx_bytes"] {
                let path = format!("/sys/class/net/{interface}/statistics/{name}");
                let delta = self.delta(&path)?;
                bytes = bytes.saturating_add(delta);
                citations.push(Citation::new(path, format!("+{delta} in {seconds:.0} s")));
            }
        }
        Ok((Quantity::new(bytes as f64 * 8.0 / seconds / 1e9), citations))
    }

    fn serving(
        &self,
        heavy: &Limit<GigabitsPerSecond>,
        idle: &Limit<GigabitsPerSecond>,
        near_time: &Limit<Percent>,
    ) -> Vec<Finding> {
        let mut busiest: Option<(&Nic, Quantity<GigabitsPerSecond>, Vec<Citation>)> = None;
        for nic in self.nics {
            match self.traffic(nic) {
                // Any device of which it is not known may be the one.
                Err(missing) => return vec![META.not_run("serving device", missing.to_string())],
                Ok((traffic, citations)) => {
                    if busiest.as_ref().is_none_or(|(_, seen, _)| traffic.number() > seen.number()) {
                        busiest = Some((nic, traffic, citations));
                    }
                }
            }
        }
        let Some((nic, traffic, citations)) = busiest else { return Vec::new() };
        if idle.is_undercut_by(traffic) {
            let message = "no network device had traffic in the window: collect while the service runs";
            return vec![META.not_run("serving device", message)];
        }
        let name = nic.interfaces.known().map(|names| names.join(", ")).unwrap_or_default();
        let node = match nic.numa_node.require() {
            Ok(&node) => u32::try_from(node).ok(),
            Err(missing) => return vec![META.not_run(name, missing.to_string())],
        };
        let Some(node) = node.and_then(|node| self.numa.node(node)) else {
            return vec![META.not_run(name, "the firmware does not tell the NUMA node of the device")];
        };
        let of_node = Citation::new(format!("{}/numa_node", nic.path), node.id.to_string());
        let mut findings = Vec::new();
        for server in self.servers {
            let subject = format!("{name} of {} server {}", server.kind, server.pid);
            let share = match near_share(server, &node.cpus) {
                Ok(share) => share,
                Err(reason) => {
                    findings.push(META.not_run(subject, reason));
                    continue;
                }
            };
            let message = format!(
                "{:.2} Gbit/s over the device on node {}, where {:.0} % of the CPU time of the processes that take \
                 requests was spent",
                traffic.number(),
                node.id,
                share.number()
            );
            let finding = if !near_time.is_undercut_by(share) {
                META.pass(subject, message)
            } else if !heavy.is_undercut_by(traffic) {
                META.fail(subject, message)
            } else if let Some(why) = is_disaggregated(server) {
                META.fail(subject, format!("{message}; {why}"))
            } else {
                META.warn(subject, message)
            };
            let finding = finding
                .with_likelihood(Likelihood::Mechanism)
                .with_confidence(Confidence::Medium)
                .with_evidence(of_node.clone());
            if let (Outcome::Warn, Fact::Missing(missing)) = (finding.outcome, &server.options) {
                let subject = format!("{} server {}", server.kind, server.pid);
                findings.push(META.not_run(subject, format!("whether KV cache travels too: {missing}")));
            }
            findings.push(citations.iter().cloned().fold(finding, Finding::with_evidence));
        }
        findings
    }

    fn rdma(&self) -> Vec<Finding> {
        let subject = "RDMA devices";
        let mut active: Vec<(&Nic, &str)> = Vec::new();
        let mut unknown: Vec<&str> = Vec::new();
        for nic in self.nics {
            match &nic.rdma {
                Fact::Missing(missing) => return vec![META.not_run(subject, missing.to_string())],
                Fact::Known(names) => {
                    for name in names {
                        let is_active = self.is_active(name);
                        if is_active != Some(false) {
                            active.push((nic, name.as_str()));
                        }
                        if is_active.is_none() {
                            unknown.push(name);
                        }
                    }
                }
            }
        }
        if active.is_empty() {
            return vec![META.not_applicable(subject, "no RDMA device has an active port")];
        }
        let of_servers = self.servers.iter().map(|server| self.rdma_of(server, &active));
        let mut findings: Vec<Finding> = of_servers.collect();
        if !unknown.is_empty() {
            let message = "whether a port of theirs is active is not known; they were taken to have one";
            findings.push(META.not_run(format!("ports of {}", unknown.join(", ")), message));
        }
        findings
    }

    /// Whether any of its ports is active; `None` where that is not known.
    fn is_active(&self, name: &str) -> Option<bool> {
        let folder = format!("/sys/class/infiniband/{name}/ports/");
        let states = self.ports.iter().filter(|(path, _)| path.starts_with(&folder));
        let states: Vec<Option<&String>> = states.map(|(_, state)| state.known()).collect();
        if states.iter().flatten().any(|state| state.contains("ACTIVE")) {
            return Some(true);
        }
        (!states.is_empty() && states.iter().all(Option::is_some)).then_some(false)
    }

    /// Whether data went over any of the devices in the window.
    fn moved(&self, active: &[(&Nic, &str)]) -> Result<bool, Missing> {
        let values = self.values.as_ref().map_err(Clone::clone)?;
        let is_meant = |path: &str| {
            active.iter().any(|(_, name)| path.starts_with(&format!("/sys/class/infiniband/{name}/")))
                && path.ends_with(COUNTER)
        };
        let is_counted = |name: &str| {
            let folder = format!("/sys/class/infiniband/{name}/");
            values.keys().any(|path| path.starts_with(&folder) && path.ends_with(COUNTER))
        };
        if let Some((_, name)) = active.iter().find(|(_, name)| !is_counted(name)) {
            let reason = format!("no counter of {name} was read at both ends of the window");
            return Err(Missing::new(Absence::Failed, reason));
        }
        let mut moved = false;
        for path in values.keys().filter(|path| is_meant(path)) {
            moved |= self.delta(path)? > 0;
        }
        Ok(moved)
    }

    fn rdma_of(&self, server: &InferenceServer, active: &[(&Nic, &str)]) -> Finding {
        let subject = format!("RDMA devices of {} server {}", server.kind, server.pid);
        let chosen = match chosen(server) {
            Ok(chosen) => chosen,
            Err(missing) => return META.not_run(subject, missing.to_string()),
        };
        let moved = self.moved(active);
        if chosen.is_none() && is_disaggregated(server).is_none() {
            match &moved {
                Ok(true) => {}
                Ok(false) => return META.not_applicable(subject, "nothing says that they are used"),
                Err(missing) => return META.not_run(subject, format!("whether they are used: {missing}")),
            }
        }
        let mut gpus = Vec::new();
        for process in &server.processes {
            match &process.gpus {
                Fact::Known(addresses) => gpus.extend(addresses.iter().map(String::as_str)),
                Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
            }
        }
        gpus.sort_unstable();
        gpus.dedup();
        if gpus.is_empty() {
            return META.not_run(subject, "it is not seen to use a GPU");
        }
        let allowed: Vec<(&Nic, &str)> = active
            .iter()
            .filter(|(_, name)| chosen.as_ref().is_none_or(|chosen| chosen.allows(name)))
            .copied()
            .collect();
        let mut far = Vec::new();
        let mut better = None;
        for gpu in &gpus {
            let nearest = |nics: &[(&Nic, &str)]| -> Result<Option<(PathLevel, String)>, Missing> {
                let mut nearest: Option<(PathLevel, String)> = None;
                for (nic, name) in nics {
                    let untold =
                        || Missing::new(Absence::Absent, format!("no path from {gpu} to {name} was derived"));
                    let level = *self.paths.level(gpu, &nic.address).ok_or_else(untold)?.require()?;
                    if nearest.as_ref().is_none_or(|(seen, _)| level < *seen) {
                        nearest = Some((level, (*name).to_owned()));
                    }
                }
                Ok(nearest)
            };
            match (nearest(&allowed), nearest(active)) {
                (Err(missing), _) | (_, Err(missing)) => return META.not_run(subject, missing.to_string()),
                (Ok(Some((level, _))), Ok(_)) if level < PathLevel::Sys => {}
                (Ok(_), Ok(Some((level, name)))) => {
                    far.push(*gpu);
                    if level < PathLevel::Sys {
                        better.get_or_insert((*gpu, name, level));
                    }
                }
                (Ok(_), Ok(None)) => far.push(*gpu),
            }
        }
        let names: Vec<&str> = allowed.iter().map(|(_, name)| *name).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        if far.is_empty() {
            return META.pass(
                subject,
                format!("GPUs {} reach one of {names} without crossing the sockets", gpus.join(", ")),
            );
        }
        let message = format!("GPUs {} reach {names} only across the sockets (SYS)", far.join(", "));
        let likelihood = if moved == Ok(true) { Likelihood::Mechanism } else { Likelihood::Setting };
        let finding = match &better {
            Some((gpu, name, level)) => {
                META.fail(subject, format!("{message}, though {name} is nearer to {gpu} ({level})"))
            }
            None => META.warn(subject, format!("{message}, and no nearer one has an active port")),
        };
        let finding = match chosen {
            Some(chosen) => finding.with_evidence(chosen.evidence),
            None => finding,
        };
        let path = format!("/sys/bus/pci/devices/{}", far.first().copied().unwrap_or_default());
        finding.with_likelihood(likelihood).with_evidence(Citation::new(path, format!("SYS to {names}")))
    }
}

/// What says that KV cache travels over the network.
fn is_disaggregated(server: &InferenceServer) -> Option<String> {
    let is_given = |name: &&str| {
        let argument = format!("--{name}");
        let parsed = server.options.known().and_then(|options| options.get(*name));
        let lines = server.processes.iter().filter_map(|process| process.cmdline.known());
        parsed.is_some_and(|value| value != "null")
            || lines.flatten().any(|word| word.split('=').next() == Some(argument.as_str()))
    };
    let named = ["kv-transfer-config", "disaggregation-mode"].into_iter().find(is_given)?;
    Some(format!("KV cache travels too (`--{named}`)"))
}

/// Share of the CPU time of the processes that take requests, in threads that last ran on `cpus`.
fn near_share(server: &InferenceServer, cpus: &plumb_check_sdk::CpuSet) -> Result<Quantity<Percent>, String> {
    let takes =
        |process: &&ServerProcess| matches!(process.role, Role::ApiServer | Role::Router | Role::Whole);
    let mut processes: Vec<&ServerProcess> = server.processes.iter().filter(takes).collect();
    if processes.is_empty() && server.processes.len() > 1 {
        return Err("which of its processes take requests is not known".to_owned());
    }
    if processes.is_empty() {
        processes = server.processes.iter().collect();
    }
    let (mut near, mut total) = (0u64, 0u64);
    for thread in processes.iter().flat_map(|process| &process.threads) {
        match (&thread.last_cpu, &thread.cpu_ticks) {
            (Fact::Known(cpu), Fact::Known(ticks)) => {
                total = total.saturating_add(*ticks);
                near = near.saturating_add(if cpus.contains(*cpu) { *ticks } else { 0 });
            }
            (Fact::Missing(missing), _) | (_, Fact::Missing(missing)) => return Err(missing.to_string()),
        }
    }
    if total == 0 {
        return Err("the processes that take requests have used no CPU time".to_owned());
    }
    Ok(Quantity::new(100.0 * near as f64 / total as f64))
}

/// Which RDMA devices a server was told to use.
struct Chosen {
    /// Names as they were given.
    names: Vec<String>,
    /// True where the names are those not to be used.
    excluded: bool,
    /// True where a name stands for itself only, not for all that begin so.
    exact: bool,
    evidence: Citation,
}

impl Chosen {
    fn allows(&self, device: &str) -> bool {
        let is_named = self
            .names
            .iter()
            .any(|name| if self.exact { device == name } else { device.starts_with(name.as_str()) });
        is_named != self.excluded
    }
}

/// # Errors
/// Where the environment could not be read, there may be a variable.
fn chosen(server: &InferenceServer) -> Result<Option<Chosen>, Missing> {
    let split = |text: &str| -> Vec<String> {
        let names = text.split(',').map(|name| name.split(':').next().unwrap_or(name).trim().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    };
    if let Some(devices) = server.options.require()?.get("disaggregation-ib-device") {
        let evidence = Citation::new(
            format!("/proc/{}/cmdline", server.pid),
            format!("--disaggregation-ib-device {devices}"),
        );
        return Ok(Some(Chosen { names: split(devices), excluded: false, exact: true, evidence }));
    }
    for process in &server.processes {
        let environment = process.environment.require()?;
        for name in ["NCCL_IB_HCA", "UCX_NET_DEVICES"] {
            let Some(value) = environment.get(name).filter(|value| !value.is_empty() && *value != "all")
            else {
                continue;
            };
            let (excluded, rest) = match value.strip_prefix('^') {
                Some(rest) => (true, rest),
                None => (false, value.as_str()),
            };
            // Without `=` NCCL takes a name for the beginning of one.
            let (exact, rest) = match rest.strip_prefix('=') {
                Some(rest) => (true, rest),
                None => (name == "UCX_NET_DEVICES", rest),
            };
            let evidence = Citation::new(format!("{}/environ", process.path), format!("{name}={value}"));
            return Ok(Some(Chosen { names: split(rest), excluded, exact, evidence }));
        }
    }
    Ok(None)
}
