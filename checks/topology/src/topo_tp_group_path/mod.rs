//! `topo.tp-group-path`: the GPUs of a tensor-parallel group reach each other by the best way that the node has.
//!
//! A pair is *good* if it has NVLink or no host bridge in between (PIX, PXB). Both are needed to call it so: the PCI tree
//! for the path, NVML for NVLink and for whether each GPU can read the other's memory. Where a server has more GPUs than
//! one group, nothing tells which belong together; such a server passes if all pairs are good, and is `not-run` else.
//! Another group is better if its worst way is: a pair of one node without a good way is still nearer than one across nodes.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::model::{DevicePaths, Gpu, InferenceServer, PathLevel};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, Object, ObjectKind,
    Outcome, Said,
};

use crate::pages::topo_tp_group_path::{PAGE, words};

/// Groups of GPUs are searched for a better one up to this number of candidates; 65536 groups at most.
const MAX_CANDIDATES: usize = 16;

/// Variables of NCCL with the values for which it never lets two GPUs read each other's memory.
const NCCL_OFF: [(&str, &[&str]); 2] = [("NCCL_P2P_DISABLE", &["1"]), ("NCCL_P2P_LEVEL", &["LOC", "0"])];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(gpus.len() < 2, words::FewGpus { gpus_count: gpus.len().into() })?;
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let node = Node { gpus, servers, paths: evidence.paths()?, links: evidence.get("/nvml/links") };
    let judged = |server: &InferenceServer| {
        let name = format!("{} server {}", server.kind, server.pid);
        let object = Object::new(ObjectKind::Server, server.pid.to_string()).named(name);
        PAGE.settle(object.clone(), judge(object, server, &node))
    };
    Ok(servers.iter().map(judged).collect())
}

/// What is known of the GPUs and of the ways between them.
struct Node<'a> {
    gpus: &'a [Gpu],
    servers: &'a [InferenceServer],
    paths: &'a DevicePaths,
    /// NVML's answers for pairs of GPUs.
    links: Result<Vec<BTreeMap<String, Fact<String>>>, Missing>,
}

/// The way between two GPUs, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    NvLink,
    Pci(PathLevel),
}

impl Way {
    fn is_good(self) -> bool {
        matches!(self, Self::NvLink | Self::Pci(PathLevel::Pix | PathLevel::Pxb))
    }
}

impl<'a> Node<'a> {
    /// An answer of NVML for a pair; else the sentence that says why there is none.
    fn answer(&self, a: &str, b: &str, what: &str) -> Result<&str, Said> {
        let links = self.links.as_ref()?;
        let is = |link: &BTreeMap<String, Fact<String>>, key: &str, address: &str| {
            link.get(key).and_then(Fact::known).is_some_and(|found| found == address)
        };
        let of_pair = links
            .iter()
            .find(|link| (is(link, "a", a) && is(link, "b", b)) || (is(link, "a", b) && is(link, "b", a)));
        match of_pair.and_then(|link| link.get(what)) {
            Some(Fact::Known(answer)) => Ok(answer),
            Some(Fact::Missing(missing)) => Err(missing.into()),
            None => Err(words::NotToldByNvml { a: a.into(), b: b.into(), what: what.into() }.into()),
        }
    }

    fn way(&self, a: &str, b: &str) -> Result<Way, Said> {
        let level = match self.paths.level(a, b) {
            Some(Fact::Known(level)) => Ok(*level),
            Some(Fact::Missing(missing)) => Err(missing.into()),
            None => Err(words::NoPath { a: a.into(), b: b.into() }.into()),
        };
        match (self.answer(a, b, "p2p_nvlink"), level) {
            (Ok("ok"), _) => Ok(Way::NvLink),
            (_, Ok(level @ (PathLevel::Pix | PathLevel::Pxb))) => Ok(Way::Pci(level)),
            (Err(said), _) | (_, Err(said)) => Err(said),
            (Ok(_), Ok(level)) => Ok(Way::Pci(level)),
        }
    }

    fn is_good(&self, a: &str, b: &str) -> bool {
        self.way(a, b).is_ok_and(Way::is_good)
    }

    /// GPUs that no other server uses; else the server of which that is not known, with the reason.
    fn free(&self, pid: u32) -> Result<Vec<&'a str>, (u32, Missing)> {
        let mut taken = BTreeSet::new();
        for other in self.servers.iter().filter(|other| other.pid != pid) {
            let (gpus, rest) = other.known_gpus();
            rest.map_err(|(_, why)| (other.pid, why))?;
            taken.extend(gpus);
        }
        let addresses = self.gpus.iter().map(|gpu| gpu.address.as_str());
        Ok(addresses.filter(|address| !taken.contains(address)).collect())
    }
}

fn judge(object: Object, server: &InferenceServer, node: &Node<'_>) -> Result<Finding, NoVerdict> {
    let (gpus, rest) = server.known_gpus();
    let gpus: Vec<&str> = gpus.into_iter().collect();
    let named = if gpus.len() < 2 {
        object
    } else {
        let name = format!("{} on GPUs {}", object.name, gpus.join(", "));
        object.named(name)
    };
    let up_to = |one: usize| gpus[..one].iter().map(|other| (*other, gpus[one])).collect::<Vec<_>>();
    let pairs: Vec<(&str, &str)> = (0..gpus.len()).flat_map(up_to).collect();
    let is_group = gpus.len() > 1 || server.tensor_parallel.known().is_some_and(|&size| size > 1);
    if let Some(finding) = is_group.then(|| switched_off(server, node, &named, &pairs)).flatten() {
        return Ok(finding);
    }
    rest.map_err(|(_, why)| why)?;
    let size = *server.tensor_parallel.require()? as usize;
    PAGE.not_applicable_if(size < 2, words::Single {})?;
    let gpus_count = Arg::count(gpus.len());
    let size_arg = Arg::text(size.to_string());
    if gpus.len() < 2 {
        return Err(words::TooFewGpus { gpus_count, size: size_arg }.into());
    }
    let object = named;
    // A group that is larger than this node's part of it is judged by that part.
    if gpus.len() > size && !pairs.iter().all(|(a, b)| node.is_good(a, b)) {
        return Ok(PAGE.not_run(object, words::UnknownGroups { gpus_count, size: size_arg }));
    }
    Ok(PAGE.settle(object.clone(), judge_pairs(server, node, object, &pairs, gpus.len())))
}

/// What is told where a variable of NCCL keeps the GPUs of a server from reading each other's memory: a failure where they could,
/// a warning where that is not known.
fn switched_off(
    server: &InferenceServer,
    node: &Node<'_>,
    object: &Object,
    pairs: &[(&str, &str)],
) -> Option<Finding> {
    let (process, name, value) = server.processes.iter().find_map(|process| {
        let environment = process.environment.known()?;
        let is_set = |(name, off): &(&'static str, &[&str])| {
            let value = environment.get(*name)?.as_str();
            off.contains(&value.trim().to_uppercase().as_str()).then_some((process, *name, value))
        };
        NCCL_OFF.iter().find_map(is_set)
    })?;
    let answers: Vec<_> = pairs.iter().map(|(a, b)| node.answer(a, b, "p2p_read")).collect();
    if answers.iter().any(|answer| answer.as_ref().is_ok_and(|status| *status != "ok")) {
        return None;
    }
    let could = !answers.is_empty() && answers.iter().all(Result::is_ok);
    let said = words::SwitchedOff { name: name.into(), pid: process.pid.into(), value: value.into() };
    let outcome = if could { Outcome::Fail } else { Outcome::Warn };
    let intent =
        Intent::Variable { server: server.pid, name: name.into(), want: None, was: Some(value.into()) };
    let source = format!("{}/environ", process.path);
    let finding = PAGE.says(outcome, object.clone(), said).with_likelihood(Likelihood::Setting);
    Some(finding.with_intent(intent).with_evidence(Citation::new(source, format!("{name}={value}"))))
}

/// Judges the pairs of a group of `size` GPUs; else the sentence that says why there is no answer.
fn judge_pairs(
    server: &InferenceServer,
    node: &Node<'_>,
    object: Object,
    pairs: &[(&str, &str)],
    size: usize,
) -> Result<Finding, Said> {
    let mut unknown = None;
    for (a, b) in pairs {
        match node.answer(a, b, "p2p_read") {
            Ok("ok") => {}
            Ok(status) => {
                let of_nvml = format!("links, {a} and {b}: p2p_read {status}");
                let said = words::NoPeer { a: (*a).into(), b: (*b).into(), status: status.into() };
                return Ok(PAGE.fail(object, said).with_evidence(Citation::new("api/nvml.json", of_nvml)));
            }
            Err(said) => unknown = Some(said),
        }
    }
    let mut worst: Option<(PathLevel, &str, &str)> = None;
    for (a, b) in pairs {
        match node.way(a, b)? {
            Way::Pci(level) if worst.is_none_or(|(worst, ..)| level > worst) => worst = Some((level, a, b)),
            _ => {}
        }
    }
    let worst = worst.filter(|&(level, ..)| !Way::Pci(level).is_good());
    let Some((level, a, b)) = worst else {
        let mut users = server.processes.iter().filter(|process| {
            process
                .gpus
                .known()
                .is_some_and(|own| pairs.iter().any(|(a, b)| own.iter().any(|gpu| gpu == a || gpu == b)))
        });
        let unread = users.find_map(|process| process.environment.require().err());
        return match unknown.or_else(|| unread.map(Said::from)) {
            Some(said) => Err(said),
            None => {
                let of_nvml = Citation::new("api/nvml.json", "links: p2p_read ok for all pairs of the group");
                Ok(PAGE.pass(object, words::Good {}).with_evidence(of_nvml))
            }
        };
    };
    let cite = |finding: Finding| {
        finding
            .with_evidence(Citation::new(format!("/sys/bus/pci/devices/{a}"), format!("{level} to {b}")))
            .with_evidence(Citation::new("api/nvml.json", format!("links, {a} and {b}: no NVLink")))
    };
    let (a, b, level_arg) = (Arg::from(a), Arg::from(b), Arg::text(level.to_string()));
    let free = match node.free(server.pid) {
        Ok(free) => free,
        Err((other, why)) => {
            let (server, reason) = (Arg::text(other.to_string()), why.into());
            return Err(words::UnknownFree { a, b, level: level_arg, reason, server }.into());
        }
    };
    let candidates = &free[..free.len().min(MAX_CANDIDATES)];
    for most in [PathLevel::Pxb, PathLevel::Phb, PathLevel::Node].into_iter().filter(|most| *most < level) {
        let is_nearer = |a: &str, b: &str| node.way(a, b).is_ok_and(|way| way <= Way::Pci(most));
        let Some(nearer) = find(candidates, size, &is_nearer) else { continue };
        let (better, pid) = (Arg::text(nearer.join(", ")), Arg::text(server.pid.to_string()));
        let finding = if most > PathLevel::Pxb {
            let most = Arg::text(most.to_string());
            PAGE.warn(object, words::Nearer { a, b, better, level: level_arg, most, pid })
        } else if level < PathLevel::Node {
            PAGE.warn(object, words::Better { a, b, better, level: level_arg, pid })
        } else {
            PAGE.fail(object, words::Better { a, b, better, level: level_arg, pid })
        };
        return Ok(cite(finding).with_intents(chosen_by(server, node.gpus, &nearer)));
    }
    let may_be_nearer = |a: &str, b: &str| node.way(a, b).map_or(true, |way| way < Way::Pci(level));
    if free.len() > MAX_CANDIDATES || find(candidates, size, &may_be_nearer).is_some() {
        return Err(words::UnknownBetter { a, b, level: level_arg }.into());
    }
    if let Some(said) = unknown {
        return Err(said);
    }
    Ok(cite(if level == PathLevel::Sys {
        PAGE.warn(object, words::Across { a, b, pid: Arg::text(server.pid.to_string()) })
    } else {
        PAGE.info(object, words::NoBetter { a, b, level: level_arg })
    }))
}

/// The variable that gives a server these GPUs: CUDA's, or in a container that of the runtime where it hides GPUs from CUDA.
/// GPUs are named by unique id, since the numbers differ by program and by order.
fn chosen_by(server: &InferenceServer, gpus: &[Gpu], wanted: &[&str]) -> Option<Intent> {
    let environment = server.processes.iter().find_map(|process| process.environment.known())?;
    let (of_runtime, of_cuda) = ("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES");
    let name = match (&server.container, environment.get(of_runtime).map(String::as_str)) {
        (Fact::Missing(missing), _) if missing.is_nothing() => of_cuda,
        (Fact::Known(_), Some("all")) => of_cuda,
        // `void` stands for devices that are given in another way.
        (Fact::Known(_), Some("" | "void" | "none")) => return None,
        (Fact::Known(_), Some(_)) if !environment.contains_key(of_cuda) => of_runtime,
        _ => return None,
    };
    let id = |address: &&str| gpus.iter().find(|gpu| gpu.address == **address)?.uuid.known().cloned();
    let want: Vec<String> = wanted.iter().map(id).collect::<Option<_>>()?;
    let was = environment.get(name).cloned();
    Some(Intent::Variable { server: server.pid, name: name.into(), want: Some(want.join(",")), was })
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
