//! `topo.nps-snc`: sockets are split into several NUMA nodes only where the workers are placed for it.
//!
//! Judged where a socket has more than one node with CPUs. A worker is well placed if its threads may run on the CPUs of
//! one socket only, and on at least as many whole cores as processes of its server are confined there. Free memory is
//! `MemFree`: unless told to reclaim (`vm.zone_reclaim_mode`), the kernel goes to another node for memory before it drops
//! cached files of the local one.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cpu, Gpu, InferenceServer, Mask, Numa, NumaNode, ServerProcess};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, FirmwareSetting, Intent, Likelihood, Missing, NoVerdict, NodeSet,
    Object, ObjectKind,
};

use crate::mend;
use crate::pages::topo_nps_snc::{LITTLE, PAGE, PLENTY, words};

/// Key of the cause that findings have in common which one placement of a server would mend.
const PLACEMENT: &str = "placement";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(gpus.is_empty(), words::NoGpu {})?;
    let (numa, cpu) = (evidence.numa()?.complete()?, evidence.cpu()?);
    let with_cpus = numa.with_cpus().count();
    let sockets = cpu.known_sockets()?.max(1) as usize;
    let citation = Citation::new(&numa.path, format!("{with_cpus} nodes with CPUs, {sockets} sockets"));
    if with_cpus <= sockets {
        return Ok(vec![PAGE.pass(Object::node(), words::NotSplit {}).with_evidence(citation)]);
    }
    let foreign = evidence.get::<BTreeMap<u32, BTreeMap<String, u64>>>("/window/numastat").ok();
    let memory = Memory {
        little: evidence.limit(&PAGE, &LITTLE),
        plenty: evidence.limit(&PAGE, &PLENTY),
        hypervisor: evidence.hypervisor(),
        // Wanted from the node, and given by another.
        foreign: |node| foreign.as_ref().and_then(|nodes| nodes.get(&node)?.get("numa_foreign").copied()),
    };
    let object = Object::new(ObjectKind::Other, "free memory");
    let mut findings = PAGE.settle(object.clone(), memory.judge(object, gpus, numa));
    let of_workers = Object::new(ObjectKind::Other, "workers");
    let servers = match evidence.servers() {
        Ok(servers) => servers,
        Err(why) => {
            findings.push(PAGE.missing(of_workers, &why));
            return Ok(findings);
        }
    };
    let workers = servers.iter().flat_map(|server| {
        let uses_gpu = |process: &&ServerProcess| process.gpus.known().is_none_or(|gpus| !gpus.is_empty());
        server.processes.iter().filter(uses_gpu).map(move |process| (server, process))
    });
    let judged = workers.map(|(server, process)| {
        let name = format!("process {} ({})", process.pid, process.comm);
        let object = Object::new(ObjectKind::Process, process.pid.to_string()).named(name);
        PAGE.settle(object.clone(), worker(object, server, process, (cpu, numa), &citation))
    });
    let judged: Vec<Finding> = judged.collect();
    if judged.is_empty() {
        findings.push(PAGE.not_run(of_workers, words::NoWorker {}));
    }
    findings.extend(judged);
    Ok(findings)
}

struct Memory<F> {
    little: Limit<Percent>,
    plenty: Limit<Percent>,
    hypervisor: Result<Option<String>, Missing>,
    foreign: F,
}

impl<F: Fn(u32) -> Option<u64>> Memory<F> {
    /// Free memory of the nodes that GPUs are attached to, against that of the other nodes.
    fn judge(&self, object: Object, gpus: &[Gpu], numa: &Numa) -> Result<Vec<Finding>, Missing> {
        let free = |node: &NumaNode| -> Result<Option<Quantity<Percent>>, Missing> {
            let (total, free) = (*node.mem_total_bytes.require()?, *node.mem_free_bytes.require()?);
            Ok((total > 0).then(|| Quantity::new(100.0 * free as f64 / total as f64)))
        };
        let frees = numa.nodes.iter().map(|node| Ok((node, free(node)?)));
        let frees = frees.collect::<Result<Vec<_>, Missing>>()?;
        let frees: Vec<(&NumaNode, Quantity<Percent>)> =
            frees.into_iter().filter_map(|(node, free)| Some((node, free?))).collect();
        let mut findings = Vec::new();
        let untold: Vec<&str> =
            gpus.iter().filter(|gpu| gpu.place().one().is_err()).map(|gpu| gpu.address.as_str()).collect();
        if !untold.is_empty() {
            let names = untold.join(", ");
            let object = Object::gpu(&names).named(format!("GPUs {names}"));
            findings.push(PAGE.not_run(object, words::NoNode {}));
        }
        let of_gpus: NodeSet = gpus.iter().filter_map(|gpu| Some(gpu.place().one().ok()?.node)).collect();
        let roomy = frees.iter().find(|(_, free)| self.plenty.is_exceeded_by(*free));
        let cite = |node: &NumaNode, free: Quantity<Percent>| {
            let value = format!("MemFree is {:.0} % of MemTotal", free.number());
            Citation::new(format!("{}/node{}/meminfo", numa.path, node.id), value)
        };
        for (node, free) in frees.iter().filter(|(node, _)| of_gpus.contains(node.id)) {
            let Some((other, plenty)) = roomy.filter(|_| self.little.is_undercut_by(*free)) else { continue };
            let said = words::Full {
                free: Arg::of(*free, 0),
                node: Arg::text(node.id.to_string()),
                other: Arg::text(other.id.to_string()),
                other_free: Arg::of(*plenty, 0),
            };
            let finding = PAGE
                .fail(Object::new(ObjectKind::NumaNode, node.id.to_string()), said)
                .with_evidence(cite(node, *free))
                .with_evidence(cite(other, *plenty));
            let unsplit = Intent::Firmware { setting: FirmwareSetting::NumaPerPackage };
            let finding = mend::layout(finding, &self.hypervisor, Some(unsplit));
            let path = format!("{}/node{}/numastat", numa.path, node.id);
            findings.push(match (self.foreign)(node.id) {
                Some(pages) if pages > 0 => finding
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(Citation::new(path, format!("numa_foreign +{pages}"))),
                _ => finding,
            });
        }
        if findings.is_empty() {
            findings.push(PAGE.pass(object, words::Room {}));
        }
        Ok(findings)
    }
}

/// Whether a worker is bound to one socket, with cores enough.
fn worker(
    object: Object,
    server: &InferenceServer,
    process: &ServerProcess,
    (cpu, numa): (&Cpu, &Numa),
    split: &Citation,
) -> Result<Finding, Missing> {
    let gpus = process.gpus.require()?;
    let Mask { cpus: mask, unknown } = process.mask(&cpu.online);
    unknown.map_or(Ok(()), Err)?;
    let sockets: NodeSet = cpu.cpus.iter().filter(|pu| mask.contains(pu.cpu)).map(|pu| pu.socket).collect();
    let tid = process.threads.first().map_or(process.pid, |thread| thread.tid);
    let of_mask = Citation::new(
        format!("{}/task/{tid}/status", process.path),
        format!("Cpus_allowed_list (all threads together): {mask}"),
    );
    if sockets.len() > 1 {
        let name = format!("{} server {}", server.kind, server.pid);
        let gpu = if let [only] = gpus.as_slice() { Some(only.clone()) } else { None };
        return Ok(PAGE
            .warn(object, words::Unbound { pid: Arg::text(process.pid.to_string()) })
            .with_intent(Intent::Place { server: server.pid, process: Some(process.pid), gpu })
            .with_cause(PLACEMENT, Object::new(ObjectKind::Server, server.pid.to_string()).named(name))
            .with_evidence(of_mask)
            .with_evidence(split.clone()));
    }
    let mut confined = 0u32;
    for other in &server.processes {
        let of_other = other.mask(&cpu.online);
        of_other.unknown.map_or(Ok(()), Err)?;
        confined += u32::from(of_other.cpus.is_subset(&mask));
    }
    let cores = u32::try_from(cpu.whole_cores(&mask)).unwrap_or(u32::MAX);
    let nodes = numa.nodes_of(&mask);
    let (cores_count, processes_count) = (Arg::from(cores), Arg::from(confined));
    let (nodes, nodes_count) = (Arg::text(nodes.to_string()), Arg::count(nodes.len()));
    if cores >= confined {
        let said = words::Bound { cores_count, nodes, nodes_count, processes_count };
        return Ok(PAGE.pass(object, said).with_evidence(of_mask));
    }
    let server_arg = Arg::text(server.pid.to_string());
    let said = words::Crowded { cores_count, nodes, nodes_count, processes_count, server: server_arg };
    Ok(PAGE
        .warn(object, said)
        .with_intent(Intent::Cores { server: server.pid, want: confined, was: cores })
        .with_evidence(of_mask)
        .with_evidence(split.clone()))
}
