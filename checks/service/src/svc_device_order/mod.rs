//! `svc.device-order`: GPU numbering is unambiguous.
//!
//! CUDA numbers GPUs by speed unless `CUDA_DEVICE_ORDER=PCI_BUS_ID` is set; `nvidia-smi` numbers them by bus. Among identical
//! GPUs the two agree today, so an index warns; among different ones they do not. A list of NUMA nodes per worker is compared
//! with the GPU that each worker was seen on, where the name of a worker tells its rank.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{Gpu, InferenceServer, NodeTold, ServerProcess};
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, Intent, Likelihood, NoVerdict};

use crate::pages::svc_device_order::{PAGE, words};
use crate::server::{misplaced, option, part_of, server_object};

const ORDER: &str = "CUDA_DEVICE_ORDER";
const BY_BUS: &str = "PCI_BUS_ID";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus: Vec<&Gpu> =
        evidence.gpus()?.iter().filter(|gpu| gpu.vendor == "nvidia" && gpu.kind == "GPU").collect();
    PAGE.not_applicable_if(gpus.len() < 2, words::FewGpus {})?;
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let mut findings = Vec::new();
    for server in servers {
        findings.push(PAGE.settle(server_object(server), order(server, &gpus)));
        findings.extend(PAGE.settle(part_of(server, "list of nodes"), mapping(server, &gpus)));
    }
    Ok(findings)
}

fn order(server: &InferenceServer, gpus: &[&Gpu]) -> Result<Finding, NoVerdict> {
    let process = server.main_process().ok_or(words::NoProcess {})?;
    let environment = process.environment.require()?;
    let path = format!("{}/environ", process.path);
    let value = |name: &'static str| {
        let value = environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
        value.map(|value| (name, value))
    };
    let list = value("CUDA_VISIBLE_DEVICES")
        .or_else(|| value("NVIDIA_VISIBLE_DEVICES").filter(|(_, list)| *list != "all"));
    let object = server_object(server);
    if let Some((_, BY_BUS)) = value(ORDER) {
        let citation = Citation::new(&path, format!("{ORDER}={BY_BUS}"));
        return Ok(PAGE.pass(object, words::ByBus {}).with_evidence(citation));
    }
    let shown =
        list.map_or_else(|| "no CUDA_VISIBLE_DEVICES".to_owned(), |(name, list)| format!("{name}={list}"));
    let cited = Citation::new(&path, shown);
    let is_unique = |item: &str| item.starts_with("GPU-") || item.starts_with("MIG-");
    if list.is_some_and(|(_, list)| list.split(',').all(|item| is_unique(item.trim()))) {
        return Ok(PAGE.pass(object, words::ById {}).with_evidence(cited));
    }
    let mut models = BTreeSet::new();
    for gpu in gpus {
        models.insert(gpu.name.require()?.as_str());
    }
    let pid = Arg::text(server.pid.to_string());
    let finding = if models.len() > 1 {
        let models_count = models.len().into();
        let models = models.into_iter().collect::<Vec<_>>().join(", ");
        let citation = Citation::new("api/nvml.json", models.as_str());
        let said = words::BySpeed { models: models.into(), models_count, pid };
        PAGE.fail(object, said).with_evidence(cited).with_evidence(citation)
    } else if let Some((variable, list)) = list {
        let said = words::ByIndex { list: list.into(), pid, variable: variable.into() };
        PAGE.warn(object, said).with_evidence(cited)
    } else {
        return Ok(PAGE.pass(object, words::AllAlike {}).with_evidence(cited));
    };
    Ok(finding.with_likelihood(Likelihood::Setting).with_intent(Intent::Variable {
        server: server.pid,
        name: ORDER.to_owned(),
        want: Some(BY_BUS.to_owned()),
        was: environment.get(ORDER).cloned(),
    }))
}

/// A list of NUMA nodes by rank against the nodes of the GPUs that the workers were seen on; nothing without a list.
fn mapping(server: &InferenceServer, gpus: &[&Gpu]) -> Result<Option<Finding>, NoVerdict> {
    let Some((flag, list)) = option(server, &["numa-bind-nodes", "numa-node"])? else { return Ok(None) };
    let wanted: Vec<u32> =
        list.split([',', ' ']).filter(|text| !text.is_empty()).filter_map(|text| text.parse().ok()).collect();
    let mut mended = wanted.clone();
    let mut wrong = None;
    let mut compared = 0;
    for process in &server.processes {
        let Some(rank) = rank(process) else { continue };
        let told = match place(process, gpus) {
            // What is wrong is told, whatever is not known of the others.
            Err(why) if wrong.is_none() => return Err(why),
            told => told.ok().flatten(),
        };
        let (Some((gpu, told)), Some(node)) = (told, mended.get_mut(rank)) else { continue };
        compared += 1;
        if told.node != *node {
            let wanted_node = std::mem::replace(node, told.node);
            wrong.get_or_insert((rank, gpu, wanted_node, told));
        }
    }
    let object = part_of(server, "list of nodes");
    let flag = format!("--{flag}");
    let Some((rank, gpu, wanted_node, told)) = wrong else {
        let option = flag.into();
        return Ok(Some(if compared == 0 {
            PAGE.not_run(object, words::NoWorker { list: list.into(), option })
        } else if compared < wanted.len() {
            let listed_count = wanted.len().into();
            PAGE.not_run(object, words::SomeFit { compared_count: compared.into(), listed_count, option })
        } else {
            PAGE.pass(object, words::ListFits { option, workers_count: compared.into() })
        }));
    };
    let cited = Citation::new(format!("/proc/{}/cmdline", server.pid), format!("{flag} {list}"));
    let separator = if list.contains(',') { "," } else { " " };
    let text = |number: u32| Arg::text(number.to_string());
    let said = words::WrongNode {
        gpu: gpu.into(),
        gpu_node: text(told.node),
        option: flag.as_str().into(),
        told_node: text(wanted_node),
        worker: Arg::text(rank.to_string()),
    };
    let finding = PAGE
        .fail(object, said)
        .with_likelihood(Likelihood::Mechanism)
        .with_evidence(cited)
        .with_evidence(told.quote.into())
        .with_intent(Intent::WithOption {
            server: server.pid,
            option: flag,
            want: Some(mended.iter().map(u32::to_string).collect::<Vec<_>>().join(separator)),
            was: Some(list),
        });
    Ok(Some(misplaced(finding, server)))
}

/// The GPU of a process and its node, where it uses one GPU whose node is known.
fn place<'a>(process: &'a ServerProcess, gpus: &[&Gpu]) -> Result<Option<(&'a String, NodeTold)>, NoVerdict> {
    let [address] = process.gpus.require()?.as_slice() else { return Ok(None) };
    let gpu = gpus.iter().find(|gpu| gpu.address == *address);
    let gpu = gpu.ok_or_else(|| words::NoSuchGpu { gpu: address.into() })?;
    Ok(gpu.place().one().ok().map(|told| (address, told.clone())))
}

/// Rank of a worker by the name that it gave itself (`VLLM::Worker_TP3`, `sglang::scheduler_TP1`).
fn rank(process: &ServerProcess) -> Option<usize> {
    let name = process.cmdline.known().and_then(|arguments| arguments.first()).unwrap_or(&process.comm);
    let (_, after) = name.rsplit_once("TP")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}
