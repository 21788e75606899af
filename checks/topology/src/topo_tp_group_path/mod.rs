//! `topo.tp-group-path`: the GPUs of a tensor-parallel group reach each other by the best way that the node has.
//!
//! A pair is *good* if it has NVLink or no host bridge in between (PIX, PXB). Both are needed to call it so: the PCI tree
//! for the path, NVML for NVLink and for whether each GPU can read the other's memory. Where a server has more GPUs than
//! one group, nothing tells which belong together; such a server passes if all pairs are good, and is `not-run` else.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::model::{DevicePaths, Gpu, InferenceServer, PathLevel, no_server};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, WorkloadTrait,
};

/// See the module.
pub struct TopoTpGroupPath;

static META: CheckMeta = CheckMeta {
    id: Borrowed("topo.tp-group-path"),
    title: Borrowed("GPUs of one tensor-parallel group use the best interconnect available"),
    category: Category::Placement,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Every layer of every token crosses the link between the GPUs of a tensor-parallel group. A worse \
             path is paid for in each step.",
    ),
    business: Borrowed(
        "These GPUs act as one. Two of them are talking over the slow road although a fast road exists in \
             the same server.",
    ),
    needs: Borrowed(&[Borrowed("/gpus"), Borrowed("/nvml/links"), Borrowed("/paths"), Borrowed("/servers")]),
    remediation: Remediation {
        runtime: Borrowed(
            "Restart with `CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=UUID,UUID`, a group on one socket \
             or one NVSwitch",
        ),
        persistent: Borrowed(
            "Set it in the unit or the pod (`docker run --gpus '\"device=UUID,UUID\"'`); Kubernetes: topology \
             manager policy `single-numa-node`, or an allocation of GPUs by topology",
        ),
        rollback: Borrowed("The former list of devices"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`nvidia-smi topo -m`; `nvidia-smi topo -p2p r`; the log of `NCCL_DEBUG=INFO` says `via \
             P2P/CUMEM` or `via P2P/IPC`, not `SHM`",
        ),
        expected_effect: Borrowed(
            "Hugging Face measures copies between GPUs about 1.7 times as fast over Infinity Fabric as over \
             the PCIe switch (MI210). No published number for a whole service was read.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[WorkloadTrait::TensorParallel]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal, virtual machines, containers; tensor parallel size of 2 or more; NVIDIA, since the \
             state of the links is NVML's",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Hugging Face Optimum-AMD: GPU connectivity and NUMA nodes"),
            url: Borrowed("https://huggingface.co/docs/optimum/amd/amdgpu/perf_hardware"),
        },
        Reference {
            title: Borrowed("NVIDIA NCCL User Guide: Troubleshooting (GPU Direct, PCI ACS, shared memory)"),
            url: Borrowed("https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"),
        },
        Reference {
            title: Borrowed("vLLM issue #13855: pin vLLM process to the right NUMA region"),
            url: Borrowed("https://github.com/vllm-project/vllm/issues/13855"),
        },
    ]),
};

/// Groups of GPUs are searched for a better one up to this number of candidates; 65536 groups at most.
const MAX_CANDIDATES: usize = 16;

impl Check for TopoTpGroupPath {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if gpus.len() < 2 {
            let message = format!("the node has {} GPUs", gpus.len());
            return Ok(vec![META.not_applicable("node", message)]);
        }
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![META.not_run("node", no_server().reason)]);
        }
        let ways = Ways { paths: evidence.paths()?, links: evidence.get("/nvml/links") };
        Ok(servers.iter().map(|server| judge(server, servers, gpus, &ways)).collect())
    }
}

/// What is known of the ways between GPUs.
struct Ways<'a> {
    paths: &'a DevicePaths,
    /// NVML's answers for pairs of GPUs.
    links: Result<Vec<BTreeMap<String, Fact<String>>>, Missing>,
}

/// The way between two GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    NvLink,
    Pci(PathLevel),
}

impl Way {
    fn is_good(self) -> bool {
        matches!(self, Self::NvLink | Self::Pci(PathLevel::Pix | PathLevel::Pxb))
    }
}

impl Ways<'_> {
    /// An answer of NVML for a pair.
    fn answer(&self, a: &str, b: &str, what: &str) -> Result<&str, Missing> {
        let links = self.links.as_ref().map_err(Clone::clone)?;
        let is = |link: &BTreeMap<String, Fact<String>>, key: &str, address: &str| {
            link.get(key).and_then(Fact::known).is_some_and(|found| found == address)
        };
        let of_pair = links
            .iter()
            .find(|link| (is(link, "a", a) && is(link, "b", b)) || (is(link, "a", b) && is(link, "b", a)));
        let untold = || Missing::new(Absence::Absent, format!("NVML does not tell `{what}` of {a} and {b}"));
        Ok(of_pair.ok_or_else(untold)?.get(what).ok_or_else(untold)?.require()?.as_str())
    }

    fn way(&self, a: &str, b: &str) -> Result<Way, Missing> {
        let level = match self.paths.level(a, b) {
            Some(level) => level.require().copied(),
            None => {
                Err(Missing::new(Absence::Absent, format!("the path between {a} and {b} was not derived")))
            }
        };
        match (self.answer(a, b, "p2p_nvlink"), level) {
            (Ok("ok"), _) => Ok(Way::NvLink),
            (_, Ok(level @ (PathLevel::Pix | PathLevel::Pxb))) => Ok(Way::Pci(level)),
            (Err(missing), _) | (_, Err(missing)) => Err(missing),
            (Ok(_), Ok(level)) => Ok(Way::Pci(level)),
        }
    }
}

fn judge(server: &InferenceServer, servers: &[InferenceServer], gpus: &[Gpu], ways: &Ways<'_>) -> Finding {
    let subject = format!("{} server {}", server.kind, server.pid);
    let own = match used(server) {
        Ok(own) => own,
        Err(missing) => return META.not_run(subject, missing.to_string()),
    };
    let size = match &server.tensor_parallel {
        Fact::Known(size) => *size as usize,
        Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
    };
    if size < 2 {
        return META.not_applicable(subject, "its tensor parallel size is 1");
    }
    if own.len() < 2 {
        let message =
            format!("its tensor parallel size is {size}, but it uses {} GPUs of this node", own.len());
        return META.not_run(subject, message);
    }
    let group = Group { gpus: own, ways };
    let subject = format!("{subject} on GPUs {}", group.gpus.join(", "));
    // A group that is larger than this node's part of it is judged by that part.
    if group.gpus.len() > size && !group.is_good() {
        let message = format!(
            "its {} GPUs form groups of {size}, and nothing tells which belong together; not all pairs have a good way",
            group.gpus.len()
        );
        return META.not_run(subject, message);
    }
    group.judge(subject, servers, server.pid, gpus)
}

/// GPUs of a server.
fn used(server: &InferenceServer) -> Result<Vec<&str>, Missing> {
    if server.processes.is_empty() {
        return Err(Missing::new(Absence::Failed, "no process of the server was recorded"));
    }
    let mut used = Vec::new();
    for process in &server.processes {
        used.extend(process.gpus.require()?.iter().map(String::as_str));
    }
    used.sort_unstable();
    used.dedup();
    Ok(used)
}

struct Group<'a> {
    gpus: Vec<&'a str>,
    ways: &'a Ways<'a>,
}

impl<'a> Group<'a> {
    fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let gpus = &self.gpus;
        (0..gpus.len()).flat_map(move |one| (0..one).map(move |other| (gpus[other], gpus[one])))
    }

    fn is_good(&self) -> bool {
        self.pairs().all(|(a, b)| self.ways.way(a, b).is_ok_and(Way::is_good))
    }

    fn judge(&self, subject: String, servers: &[InferenceServer], pid: u32, gpus: &[Gpu]) -> Finding {
        let mut unknown = None;
        for (a, b) in self.pairs() {
            match self.ways.answer(a, b, "p2p_read") {
                Ok("ok") => {}
                Ok(status) => {
                    let message = format!("{a} and {b} cannot read each other's memory: {status}");
                    return META.fail(subject, message).with_likelihood(Likelihood::Setting).with_evidence(
                        Citation::new("api/nvml.json", format!("links, {a} and {b}: p2p_read {status}")),
                    );
                }
                Err(missing) => unknown = Some(missing),
            }
        }
        let mut worst: Option<(PathLevel, &str, &str)> = None;
        for (a, b) in self.pairs() {
            match self.ways.way(a, b) {
                Ok(Way::Pci(level)) if worst.is_none_or(|(worst, ..)| level > worst) => {
                    worst = Some((level, a, b))
                }
                Ok(_) => {}
                Err(missing) => return META.not_run(subject, missing.to_string()),
            }
        }
        let worst = worst.filter(|&(level, ..)| !Way::Pci(level).is_good());
        let Some((level, a, b)) = worst else {
            if let Some(missing) = unknown {
                return META.not_run(subject, missing.to_string());
            }
            return META.pass(subject, "all pairs have NVLink or no host bridge in between").with_evidence(
                Citation::new("api/nvml.json", "links: p2p_read ok for all pairs of the group"),
            );
        };
        let citation = Citation::new(format!("/sys/bus/pci/devices/{a}"), format!("{level} to {b}"));
        let of_nvml = Citation::new("api/nvml.json", format!("links, {a} and {b}: no NVLink"));
        let cite = |finding: Finding| {
            finding
                .with_likelihood(Likelihood::Setting)
                .with_evidence(citation.clone())
                .with_evidence(of_nvml.clone())
        };
        let message = format!("{a} and {b} reach each other over {level} and without NVLink");
        if level >= PathLevel::Node {
            let free = match free(servers, pid, gpus) {
                Ok(free) => free,
                Err(missing) => return META.not_run(subject, format!("{message}; {missing}")),
            };
            let is_good = |a: &str, b: &str| self.ways.way(a, b).is_ok_and(Way::is_good);
            if let Some(better) = find(&free, self.gpus.len(), &is_good) {
                let message =
                    format!("{message}, though the GPUs {} would have a good way each", better.join(", "));
                return cite(META.fail(subject, message));
            }
            let may_be_good = |a: &str, b: &str| self.ways.way(a, b).map_or(true, Way::is_good);
            if find(&free, self.gpus.len(), &may_be_good).is_some() {
                let message = format!("{message}; whether other GPUs would be better placed is not known");
                return META.not_run(subject, message);
            }
        }
        if let Some(missing) = unknown {
            return META.not_run(subject, format!("{message}; {missing}"));
        }
        let message = format!("{message}; no other group of GPUs on this node does better");
        if level == PathLevel::Sys {
            cite(META.warn(subject, message))
        } else {
            cite(META.info(subject, message))
        }
    }
}

/// GPUs that no other server uses.
fn free<'a>(servers: &[InferenceServer], pid: u32, gpus: &'a [Gpu]) -> Result<Vec<&'a str>, Missing> {
    let mut taken = Vec::new();
    for other in servers.iter().filter(|other| other.pid != pid) {
        taken.extend(used(other)?);
    }
    let addresses = gpus.iter().map(|gpu| gpu.address.as_str());
    Ok(addresses.filter(|address| !taken.contains(address)).take(MAX_CANDIDATES).collect())
}

/// The first `size` of `candidates` of which all pairs please `is_good`.
fn find<'a>(
    candidates: &[&'a str],
    size: usize,
    is_good: &dyn Fn(&str, &str) -> bool,
) -> Option<Vec<&'a str>> {
    fn grow<'a>(
        group: &mut Vec<&'a str>,
        rest: &[&'a str],
        size: usize,
        is_good: &dyn Fn(&str, &str) -> bool,
    ) -> bool {
        if group.len() == size {
            return true;
        }
        for (position, &next) in rest.iter().enumerate() {
            if group.iter().all(|member| is_good(member, next)) {
                group.push(next);
                if grow(group, &rest[position + 1..], size, is_good) {
                    return true;
                }
                group.pop();
            }
        }
        false
    }
    let mut group = Vec::new();
    grow(&mut group, candidates, size, is_good).then_some(group)
}
