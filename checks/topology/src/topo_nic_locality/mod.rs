//! `topo.nic-locality`: network devices are near the threads and the GPUs that they feed.
//!
//! Two questions. The *serving* device is the one with the most traffic in the window; it is compared with where the
//! processes that take requests spent their CPU time. *RDMA* devices are compared with the GPUs of each server: by a
//! variable or an option that names devices, else by all that have an active port, of which NCCL and the engines take the
//! nearest. They are judged only where something says that they are used.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{GigabitsPerSecond, Percent, Quantity};
use plumb_check_sdk::model::{DevicePaths, InferenceServer, Nic, Numa, PathLevel, Role, ServerProcess};
use plumb_check_sdk::{
    Arg, Citation, Confidence, CpuSet, Evidence, Fact, Finding, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, Object, ObjectKind, Outcome, Said,
};

use crate::mend;
use crate::pages::topo_nic_locality::{HEAVY, IDLE, NEAR_TIME, PAGE, words};

/// Data that a port of an RDMA device sent, in units of four bytes (InfiniBand, PortCounters).
const COUNTER: &str = "/counters/port_xmit_data";
/// Folder of the RDMA devices.
const RDMA: &str = "/sys/class/infiniband";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_cpus()?, words::OneNode {})?;
    let paths = evidence.paths()?;
    let nics = paths.nics.require()?;
    PAGE.not_applicable_if(nics.is_empty(), words::NoDevice {})?;
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let node = Node {
        numa,
        nics,
        paths,
        servers,
        hypervisor: evidence.hypervisor(),
        seconds: evidence.get("/window/seconds"),
        values: evidence.get("/window/values/network"),
        ports: evidence.settings("topology").unwrap_or_default(),
    };
    let mut findings =
        node.serving(evidence).unwrap_or_else(|(object, said)| vec![PAGE.not_run(object, said)]);
    findings.extend(PAGE.settle(other("RDMA devices"), node.rdma()));
    Ok(findings)
}

/// Texts of a file at each reading, by path.
type Readings = BTreeMap<String, Vec<String>>;
/// An RDMA device: its adapter and its name.
type Device<'a> = (&'a Nic, &'a str);

struct Node<'a> {
    numa: &'a Numa,
    nics: &'a [Nic],
    paths: &'a DevicePaths,
    servers: &'a [InferenceServer],
    hypervisor: Result<Option<String>, Missing>,
    seconds: Result<f64, Missing>,
    values: Result<Readings, Missing>,
    /// States of RDMA ports, by path.
    ports: BTreeMap<String, Fact<String>>,
}

/// A server by the name that its finding has.
fn object(server: &InferenceServer, before: &str) -> Object {
    Object::new(ObjectKind::Server, server.pid.to_string())
        .named(format!("{before}{} server {}", server.kind, server.pid))
}

fn other(name: &str) -> Object {
    Object::new(ObjectKind::Other, name)
}

/// By how much a counter rose; `None` where it was not read twice, or ran backwards.
fn delta(values: &Readings, path: &str) -> Option<u64> {
    let [first, .., last] = values.get(path)?.as_slice() else { return None };
    let number = |text: &String| text.trim().parse::<u64>().ok();
    number(last)?.checked_sub(number(first)?)
}

impl<'a> Node<'a> {
    /// Traffic of a device in both directions; else the sentence that says why it is not known.
    fn traffic(&self, nic: &Nic) -> Result<(Quantity<GigabitsPerSecond>, Vec<Citation>), Said> {
        let seconds = *self.seconds.as_ref()?;
        if seconds <= 0.0 {
            return Err(words::NoWindow {}.into());
        }
        let (mut bytes, mut citations) = (0u64, Vec::new());
        for interface in nic.interfaces.require()? {
            for name in ["rx_bytes", "tx_bytes"] {
                let path = format!("/sys/class/net/{interface}/statistics/{name}");
                let values = self.values.as_ref()?;
                let delta = delta(values, &path).ok_or_else(|| words::ReadOnce { path: (&path).into() })?;
                bytes = bytes.saturating_add(delta);
                citations.push(Citation::new(path, format!("+{delta} in {seconds:.0} s")));
            }
        }
        Ok((Quantity::new(bytes as f64 * 8.0 / seconds / 1e9), citations))
    }

    /// Judges the serving device for each server; else of what and why it is not known for any.
    fn serving(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, (Object, Said)> {
        let (heavy, idle) = (evidence.limit(&PAGE, &HEAVY), evidence.limit(&PAGE, &IDLE));
        let near_time = evidence.limit(&PAGE, &NEAR_TIME);
        let unknown = |said: Said| (other("serving device"), said);
        let mut busiest: Option<(&Nic, Quantity<GigabitsPerSecond>, Vec<Citation>)> = None;
        for nic in self.nics {
            // Any device of which it is not known may be the one.
            let (traffic, citations) = self.traffic(nic).map_err(unknown)?;
            if busiest.as_ref().is_none_or(|(_, seen, _)| traffic.number() > seen.number()) {
                busiest = Some((nic, traffic, citations));
            }
        }
        let Some((nic, traffic, citations)) = busiest else { return Ok(Vec::new()) };
        if idle.is_undercut_by(traffic) {
            return Err(unknown(words::Idle {}.into()));
        }
        let name = nic.interfaces.known().map(|names| names.join(", ")).unwrap_or_default();
        let of_nic = || Object::new(ObjectKind::Nic, &name);
        let number = match &nic.numa_node {
            Fact::Known(number) => u32::try_from(*number).ok(),
            Fact::Missing(missing) => return Err((of_nic(), missing.into())),
        };
        let node = number.map_or(Ok(None), |number| self.numa.require(number));
        let Some(node) = node.map_err(|why| (of_nic(), (&why).into()))? else {
            return Err((of_nic(), words::NoNode {}.into()));
        };
        let mut findings = Vec::new();
        for server in self.servers {
            let object_of = object(server, &format!("{name} of "));
            let near = match near_share(server, &node.cpus) {
                Ok(near) => near,
                Err(none) => {
                    findings.push(PAGE.settle(object_of, Err(none)));
                    continue;
                }
            };
            let (id, pid) = (Arg::text(node.id.to_string()), Arg::text(server.pid.to_string()));
            let (share, rate, device) = (Arg::of(near, 0), Arg::of(traffic, 2), Arg::from(&name));
            let finding = if !near_time.is_undercut_by(near) {
                PAGE.pass(object_of, words::Near { node: id, share, traffic: rate })
            } else if heavy.is_undercut_by(traffic)
                && let Some(option) = disaggregation(server)
            {
                let option = Arg::text(format!("--{option}"));
                let said = words::RemoteKv { device, node: id, option, pid, share, traffic: rate };
                PAGE.fail(object_of, said)
            } else {
                let outcome = if heavy.is_undercut_by(traffic) { Outcome::Warn } else { Outcome::Fail };
                PAGE.says(outcome, object_of, words::Remote { device, node: id, pid, share, traffic: rate })
            };
            if let (Outcome::Warn, Fact::Missing(missing)) = (finding.outcome, &server.options) {
                findings.push(PAGE.not_run(object(server, ""), words::UnknownKv { reason: missing.into() }));
            }
            let finding = finding
                .with_likelihood(Likelihood::Mechanism)
                .with_confidence(Confidence::Medium)
                .with_evidence(Citation::new(format!("{}/numa_node", nic.path), node.id.to_string()));
            let finding = mend::layout(finding, &self.hypervisor, Some(move_adapter(nic)));
            findings.push(finding.with_citations(citations.clone()));
        }
        Ok(findings)
    }

    fn rdma(&self) -> Result<Vec<Finding>, NoVerdict> {
        let mut active: Vec<Device<'_>> = Vec::new();
        let mut unknown: Vec<&str> = Vec::new();
        for nic in self.nics {
            for name in nic.rdma.require()? {
                let is_active = self.is_active(name);
                if is_active != Some(false) {
                    active.push((nic, name.as_str()));
                }
                if is_active.is_none() {
                    unknown.push(name);
                }
            }
        }
        PAGE.not_applicable_if(active.is_empty(), words::NoActivePort {})?;
        let judged = |server| {
            let object = object(server, "RDMA devices of ");
            PAGE.settle(object.clone(), self.rdma_of(server, object, &active))
        };
        let mut findings: Vec<Finding> = self.servers.iter().map(judged).collect();
        if !unknown.is_empty() {
            let names = unknown.join(", ");
            let object = Object::new(ObjectKind::Nic, &names).named(format!("ports of {names}"));
            findings.push(PAGE.not_run(object, words::UnknownPorts {}));
        }
        Ok(findings)
    }

    /// Whether any of its ports is active; `None` where that is not known.
    fn is_active(&self, name: &str) -> Option<bool> {
        let folder = format!("{RDMA}/{name}/ports/");
        let states = self.ports.iter().filter(|(path, _)| path.starts_with(&folder));
        let states: Vec<Option<&String>> = states.map(|(_, state)| state.known()).collect();
        if states.iter().flatten().any(|state| state.contains("ACTIVE")) {
            return Some(true);
        }
        (!states.is_empty() && states.iter().all(Option::is_some)).then_some(false)
    }

    /// Whether data went over any of the devices in the window; else the sentence that says why it is not known.
    fn moved(&self, active: &[Device<'_>]) -> Result<bool, Said> {
        let values = self.values.as_ref().map_err(|missing| words::UnknownUse { reason: missing.into() })?;
        let mut moved = false;
        for (_, name) in active {
            let folder = format!("{RDMA}/{name}/");
            let counters = values.keys().filter(|path| path.starts_with(&folder) && path.ends_with(COUNTER));
            let deltas: Option<Vec<u64>> = counters.map(|path| delta(values, path)).collect();
            let deltas = deltas.filter(|deltas| !deltas.is_empty());
            let deltas = deltas.ok_or_else(|| words::UnknownCounters { device: (*name).into() })?;
            moved |= deltas.iter().any(|delta| *delta > 0);
        }
        Ok(moved)
    }

    /// The nearest of these devices to a GPU; else the sentence that says why it is not known.
    fn nearest<'d>(
        &self,
        gpu: &str,
        devices: &[Device<'d>],
    ) -> Result<Option<(PathLevel, Device<'d>)>, Said> {
        let mut nearest: Option<(PathLevel, Device<'d>)> = None;
        for (nic, name) in devices {
            let level = match self.paths.level(gpu, &nic.address) {
                Some(Fact::Known(level)) => *level,
                Some(Fact::Missing(missing)) => return Err(missing.into()),
                None => return Err(words::NoPath { device: (*name).into(), gpu: gpu.into() }.into()),
            };
            if nearest.is_none_or(|(seen, _)| level < seen) {
                nearest = Some((level, (*nic, *name)));
            }
        }
        Ok(nearest)
    }

    /// Judges the RDMA devices of a server; else the sentence that says why there is no answer.
    fn rdma_of(
        &self,
        server: &InferenceServer,
        object: Object,
        active: &[Device<'_>],
    ) -> Result<Finding, NoVerdict> {
        let chosen = chosen(server)?;
        let moved = self.moved(active);
        if chosen.is_none() && disaggregation(server).is_none() {
            PAGE.not_applicable_if(!moved.clone()?, words::Unused {})?;
        }
        let mut gpus: BTreeSet<&str> = BTreeSet::new();
        for process in &server.processes {
            gpus.extend(process.gpus.require()?.iter().map(String::as_str));
        }
        PAGE.not_run_if(gpus.is_empty(), words::NoGpuSeen {})?;
        let is_allowed = |name: &str| chosen.as_ref().is_none_or(|chosen| chosen.allows(name));
        let allowed: Vec<Device<'_>> = active.iter().filter(|(_, name)| is_allowed(name)).copied().collect();
        let mut far = Vec::new();
        // The nearest device of each GPU, and the first GPU that has one nearer than those allowed.
        let (mut best, mut better) = (BTreeSet::new(), None);
        for gpu in &gpus {
            let own = self.nearest(gpu, &allowed)?;
            let of_all = self.nearest(gpu, active)?;
            if let Some((_, (_, name))) = of_all {
                best.insert(name);
            }
            if own.is_some_and(|(level, _)| level < PathLevel::Sys) {
                continue;
            }
            far.push(*gpu);
            if let Some((level, (_, name))) = of_all.filter(|(level, _)| *level < PathLevel::Sys) {
                better.get_or_insert((*gpu, name, level));
            }
        }
        let names = allowed.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
        let list = |gpus: &[&str]| (Arg::text(gpus.join(", ")), Arg::count(gpus.len()));
        let Some(first) = far.first() else {
            let (gpus, gpus_count) = list(&Vec::from_iter(gpus));
            return Ok(PAGE.pass(object, words::RdmaNear { gpus, gpus_count, names: names.into() }));
        };
        let (gpus, gpus_count) = list(&far);
        let pid = Arg::text(server.pid.to_string());
        let outcome = if better.is_some() { Outcome::Fail } else { Outcome::Warn };
        let on_device = format!("SYS to {}", if names.is_empty() { "none" } else { &names });
        let said: Said = match (&chosen, better) {
            (Some(chosen), _) if allowed.is_empty() => {
                words::RdmaInactive { pid, setting: (&chosen.evidence.value).into() }.into()
            }
            (_, Some((gpu, name, level))) => words::RdmaNamed {
                better: name.into(),
                gpu: gpu.into(),
                gpus,
                gpus_count,
                level: Arg::text(level.to_string()),
                names: names.into(),
                pid,
            }
            .into(),
            (_, None) => words::RdmaFar { gpus, gpus_count, names: names.into(), pid }.into(),
        };
        let finding = PAGE
            .says(outcome, object, said)
            .with_likelihood(if moved == Ok(true) { Likelihood::Mechanism } else { Likelihood::Setting })
            .with_evidence(Citation::new(format!("/sys/bus/pci/devices/{first}"), on_device));
        let finding = match (better, &chosen, allowed.first()) {
            (Some(_), Some(chosen), _) => finding.with_intent(chosen.mended(server, &best)),
            (_, _, Some((nic, _))) => mend::layout(finding, &self.hypervisor, Some(move_adapter(nic))),
            _ => finding,
        };
        Ok(finding.with_citations(chosen.map(|chosen| chosen.evidence)))
    }
}

/// What brings an adapter near to the processes or GPUs of the other socket.
fn move_adapter(nic: &Nic) -> Intent {
    Intent::Hardware { part: HardwarePart::AdapterSlot, at: Some(nic.address.clone()) }
}

/// The value of an option: the last of a command line, else as it was parsed.
fn option(server: &InferenceServer, name: &str) -> Option<String> {
    let argument = format!("--{name}");
    let given = |words: &Vec<String>| {
        words.iter().enumerate().rev().find_map(|(at, word)| match word.split_once('=') {
            Some((name, value)) => (name == argument).then(|| value.to_owned()),
            None => (*word == argument).then(|| words.get(at + 1).cloned().unwrap_or_default()),
        })
    };
    let given = server.processes.iter().filter_map(|process| process.cmdline.known()).find_map(given);
    given.or_else(|| server.options.known()?.get(name).cloned())
}

/// The option that says that KV cache travels over the network.
fn disaggregation(server: &InferenceServer) -> Option<&'static str> {
    let is_given = |name: &&str| option(server, name).is_some_and(|value| value != "null");
    ["kv-transfer-config", "disaggregation-mode"].into_iter().find(is_given)
}

/// Share of the CPU time of the processes that take requests, in threads that last ran on `cpus`; else the sentence that says
/// why it is not known.
fn near_share(server: &InferenceServer, cpus: &CpuSet) -> Result<Quantity<Percent>, NoVerdict> {
    let takes =
        |process: &&ServerProcess| matches!(process.role, Role::ApiServer | Role::Router | Role::Whole);
    let mut processes: Vec<&ServerProcess> = server.processes.iter().filter(takes).collect();
    PAGE.not_run_if(processes.is_empty() && server.processes.len() > 1, words::UnknownRoles {})?;
    if processes.is_empty() {
        processes = server.processes.iter().collect();
    }
    let (mut near, mut total) = (0u64, 0u64);
    for thread in processes.iter().flat_map(|process| &process.threads) {
        let (cpu, ticks) = (*thread.last_cpu.require()?, *thread.cpu_ticks.require()?);
        total = total.saturating_add(ticks);
        near = near.saturating_add(if cpus.contains(cpu) { ticks } else { 0 });
    }
    PAGE.not_run_if(total == 0, words::NoTime {})?;
    Ok(Quantity::new(100.0 * near as f64 / total as f64))
}

/// Option of SGLang that names RDMA devices.
const OPTION: &str = "disaggregation-ib-device";

/// Which RDMA devices a server was told to use.
struct Chosen {
    /// The variable; `None` for the option.
    variable: Option<&'static str>,
    /// What was given.
    value: String,
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

    /// The same setting with these devices. UCX asks for ports beside the names, and finds the nearest without being told.
    fn mended(&self, server: &InferenceServer, devices: &BTreeSet<&str>) -> Intent {
        let names = Vec::from_iter(devices.iter().copied()).join(",");
        let was = Some(self.value.clone());
        match self.variable {
            Some(name) => {
                let want = (name == "NCCL_IB_HCA").then(|| format!("={names}"));
                Intent::Variable { server: server.pid, name: name.into(), want, was }
            }
            None => {
                let option = format!("--{OPTION}");
                Intent::WithOption { server: server.pid, option, want: Some(names), was }
            }
        }
    }
}

/// # Errors
/// Where the environment could not be read, there may be a variable.
fn chosen(server: &InferenceServer) -> Result<Option<Chosen>, Missing> {
    let split = |text: &str| -> Vec<String> {
        let names = text.split(',').map(|name| name.split(':').next().unwrap_or(name).trim().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    };
    server.options.require()?;
    if let Some(devices) = option(server, OPTION) {
        let evidence =
            Citation::new(format!("/proc/{}/cmdline", server.pid), format!("--{OPTION} {devices}"));
        let names = split(&devices);
        let (variable, value, excluded, exact) = (None, devices, false, true);
        return Ok(Some(Chosen { variable, value, names, excluded, exact, evidence }));
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
            let (variable, value, names) = (Some(name), value.clone(), split(rest));
            return Ok(Some(Chosen { variable, value, names, excluded, exact, evidence }));
        }
    }
    Ok(None)
}
