//! `svc.device-order`: GPU numbering is unambiguous.
//!
//! CUDA numbers GPUs by speed unless `CUDA_DEVICE_ORDER=PCI_BUS_ID` is set; `nvidia-smi` numbers them by bus. Among identical
//! GPUs the two agree today, so an index warns; among different ones they do not. A list of NUMA nodes per worker is compared
//! with the GPU that each worker was seen on, where the name of a worker tells its rank.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeSet;

use plumb_check_sdk::model::{Gpu, InferenceServer, ServerProcess};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity,
};

use crate::server::{option, servers};

/// See the module.
pub struct SvcDeviceOrder;

static META: CheckMeta = CheckMeta {
    id: Borrowed("svc.device-order"),
    title: Borrowed("GPU numbering is unambiguous"),
    category: Category::Platform,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Where indices are mixed up, a worker is pinned to the wrong node."),
    business: Borrowed("'GPU 2' means different cards to different programs."),
    needs: Borrowed(&[Borrowed("/gpus"), Borrowed("/servers")]),
    remediation: Remediation {
        runtime: Borrowed("None"),
        persistent: Borrowed(
            "`CUDA_DEVICE_ORDER=PCI_BUS_ID` and `CUDA_VISIBLE_DEVICES=GPU-UUID,...` in the environment of \
             the unit or container",
        ),
        rollback: Borrowed("The former environment"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`nvidia-smi -L`, compared with `nvidia-smi --query-compute-apps=pid,gpu_uuid --format=csv`",
        ),
        expected_effect: Borrowed("No published number."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Hosts with two or more GPUs of NVIDIA"),
    caveat: None,
    references: Borrowed(&[Reference {
        title: Borrowed(
            "TensorRT-LLM PR #12168: detect PCT, CPU affinity to high-priority cores; fixes \
                 index-versus-UUID lookup",
        ),
        url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/12168"),
    }]),
};

impl Check for SvcDeviceOrder {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus: Vec<&Gpu> =
            evidence.gpus()?.iter().filter(|gpu| gpu.vendor == "nvidia" && gpu.kind == "GPU").collect();
        if gpus.len() < 2 {
            return Ok(vec![META.not_applicable("node", "fewer than two GPUs of NVIDIA were found")]);
        }
        let servers = match servers(&META, evidence)? {
            Ok(servers) => servers,
            Err(findings) => return Ok(findings),
        };
        let mut findings = Vec::new();
        for server in servers {
            let not_run = |why: Missing| META.not_run(server.subject(), why.to_string());
            findings.push(order(server, &gpus).unwrap_or_else(not_run));
            findings.extend(mapping(server, &gpus).unwrap_or_else(|why| {
                Some(META.not_run(format!("{}, list of nodes", server.subject()), why.to_string()))
            }));
        }
        Ok(findings)
    }
}

fn order(server: &InferenceServer, gpus: &[&Gpu]) -> Result<Finding, Missing> {
    let root = server.processes.iter().find(|process| process.pid == server.pid);
    let process = root
        .or_else(|| server.processes.first())
        .ok_or_else(|| Missing::new(Absence::Failed, "the evidence names no process of the server"))?;
    let environment = process.environment.require()?;
    let path = format!("{}/environ", process.path);
    let value = |name: &str| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let list = value("CUDA_VISIBLE_DEVICES")
        .or_else(|| value("NVIDIA_VISIBLE_DEVICES").filter(|list| *list != "all"));
    let shown = list
        .map_or_else(|| "no CUDA_VISIBLE_DEVICES".to_owned(), |list| format!("CUDA_VISIBLE_DEVICES={list}"));
    let cited = Citation::new(&path, shown);
    if value("CUDA_DEVICE_ORDER") == Some("PCI_BUS_ID") {
        let citation = Citation::new(&path, "CUDA_DEVICE_ORDER=PCI_BUS_ID");
        return Ok(META
            .pass(server.subject(), "GPUs are numbered by bus, as `nvidia-smi` does")
            .with_evidence(citation));
    }
    let is_unique = |item: &str| item.starts_with("GPU-") || item.starts_with("MIG-");
    if list.is_some_and(|list| list.split(',').all(|item| is_unique(item.trim()))) {
        return Ok(META.pass(server.subject(), "GPUs are chosen by their unique ids").with_evidence(cited));
    }
    let mut models = BTreeSet::new();
    for gpu in gpus {
        models.insert(gpu.name.require()?.as_str());
    }
    if models.len() > 1 {
        let names = models.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("GPUs are numbered by speed, and they are of different models ({names})");
        let finding = META.fail(server.subject(), message).with_likelihood(Likelihood::Setting);
        return Ok(finding.with_evidence(cited).with_evidence(Citation::new("api/nvml.json", names)));
    }
    if list.is_none() {
        let message = "it uses all GPUs, which are of one model: no list can be misread";
        return Ok(META.pass(server.subject(), message).with_evidence(cited));
    }
    let message = "GPUs are chosen by index, and CUDA orders them by speed: identical GPUs keep their order only by luck";
    Ok(META.warn(server.subject(), message).with_likelihood(Likelihood::Setting).with_evidence(cited))
}

/// A list of NUMA nodes by rank against the nodes of the GPUs that the workers were seen on; nothing without a list.
fn mapping(server: &InferenceServer, gpus: &[&Gpu]) -> Result<Option<Finding>, Missing> {
    let Some((flag, list)) = option(server, &["numa-bind-nodes", "numa-node"])? else { return Ok(None) };
    let wanted: Vec<u32> =
        list.split([',', ' ']).filter(|text| !text.is_empty()).filter_map(|text| text.parse().ok()).collect();
    let subject = format!("{}, list of nodes", server.subject());
    let mut compared = 0;
    for process in &server.processes {
        let Some(rank) = rank(process) else { continue };
        let [address] = process.gpus.require()?.as_slice() else { continue };
        let gpu = gpus.iter().find(|gpu| gpu.address == *address);
        let gpu =
            gpu.ok_or_else(|| Missing::new(Absence::Failed, format!("GPU {address} is not among the GPUs")))?;
        let place = gpu.place();
        let (Ok(told), Some(wanted)) = (place.one(), wanted.get(rank)) else { continue };
        compared += 1;
        if told.node != *wanted {
            let message = format!(
                "worker {rank} is told node {wanted}, but its GPU {address} is on node {}",
                told.node
            );
            let finding = META.fail(subject, message).with_likelihood(Likelihood::Mechanism);
            let option = Citation::new(format!("/proc/{}/cmdline", server.pid), format!("--{flag} {list}"));
            return Ok(Some(finding.with_evidence(option).with_evidence(told.quote.clone().into())));
        }
    }
    if compared == 0 {
        let message = format!("no worker of `--{flag} {list}` was seen on a GPU of a known node");
        return Ok(Some(META.not_run(subject, message)));
    }
    Ok(Some(META.pass(subject, format!("the nodes of `--{flag}` fit the GPUs of {compared} workers"))))
}

/// Rank of a worker by the name that it gave itself (`VLLM::Worker_TP3`, `sglang::scheduler_TP1`).
fn rank(process: &ServerProcess) -> Option<usize> {
    let name = process.cmdline.known().and_then(|arguments| arguments.first()).unwrap_or(&process.comm);
    let (_, after) = name.rsplit_once("TP")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}
