//! `cpu.cores-per-gpu`: every serving process has a physical core.
//!
//! The documentation of vLLM counts processes: A API servers, one engine core for each of DP replicas, one worker for each
//! of N GPUs, and a coordinator where DP is above 1; each wants a physical core of its own. A defaults to DP. For other
//! servers the same count is an estimate, with less confidence.
//!
//! What a server may use is read from the masks of its threads, which hold whatever container, unit or `taskset` has
//! taken away, and from the tightest quota above it. Servers with the same CPUs share them: a server is judged by its own
//! need and that of all servers that have no CPU outside of its own. What is not known counts in favour of a failure being
//! real: unknown masks as all CPUs, unknown options as their least demand; a pass needs all of it. In a virtual machine
//! whose CPUs show no siblings, each may be half a core, which the guest cannot tell: a server for which that would decide
//! is `not-run`.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Count, Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cpu, InferenceServer};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Fact, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::delay::{QUEUE_DELAY, longest_delay};
use crate::place::{Load, cite_mask, no_server, quota, server_name};

/// See the module.
pub struct CpuCoresPerGpu;

const HEADROOM: Limit<Count> = Limit {
    name: "physical cores for each process that must have one",
    value: Quantity::new(1.25),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one core in four beyond the documented minimum for kernel work, tokenisation and monitoring",
    date: "2026-11-23",
    applies_to: "servers that use GPUs",
};

const MINIMUM: Limit<Count> = Limit {
    name: "least physical cores for each process that must have one",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Vendor,
    source: "vLLM: Optimization and Tuning, CPU Resources for GPU Deployments (2 + N physical cores)",
    date: "2026-11-23",
    applies_to: "vLLM; an estimate for other servers",
};

static THRESHOLDS: [Threshold; 3] = [MINIMUM.threshold(), HEADROOM.threshold(), QUEUE_DELAY.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.cores-per-gpu"),
    title: Borrowed("Enough physical cores for the serving processes"),
    category: Category::Placement,
    severity: Severity::Critical,
    gate: false,
    top15_rank: Some(1),
    rationale: Borrowed(
        "The scheduler of a serving engine spins on a core of its own. With fewer physical cores than \
             processes they take turns, GPUs idle between steps, and requests time out.",
    ),
    business: Borrowed("An expensive GPU waits for a processor core that costs a small fraction of it."),
    needs: Borrowed(&[
        Borrowed("/cpu"),
        Borrowed("/gpus"),
        Borrowed("/node/virtualization"),
        Borrowed("/servers"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Widen the mask or the quota: `systemctl set-property UNIT CPUQuota=`; `docker update --cpus 32 \
             --cpuset-cpus 0-31 NAME`",
        ),
        persistent: Borrowed(
            "Ask for more CPU in the pod's requests and limits, choose an instance type with more virtual \
             CPUs (at least 2 x (2 + N) where they are hyper-threads), or take `CPUQuota=` out of the unit",
        ),
        rollback: Borrowed("`docker update` with the former values; `systemctl revert UNIT`"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`nproc` inside the container; `cat /sys/fs/cgroup/cpu.max`; latency before and after",
        ),
        expected_effect: Borrowed(
            "Georgia Tech 2026: more cores cut the time to first token 1.36 to 5.40 times at moderate load, \
             and starved configurations time out; about 1.5 % more cost of the instance (cost from press \
             coverage). vLLM calls it a common source of performance degradation.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::LongPrompts, WorkloadTrait::TensorParallel]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[Borrowed("smt")]),
    applicability: Borrowed(
        "Bare metal, virtual machines and containers (most common in pods and virtual machines); nodes \
             with GPUs; any vendor",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "vLLM docs: Optimization and Tuning, section 'CPU Resources for GPU Deployments'",
            ),
            url: Borrowed(
                "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
            ),
        },
        Reference {
            title: Borrowed("vLLM docs: Architecture Overview, V1 process architecture"),
            url: Borrowed("https://docs.vllm.ai/en/latest/design/arch_overview/"),
        },
        Reference {
            title: Borrowed(
                "Chung et al. 2026: Characterizing CPU-Induced Slowdowns in Multi-GPU LLM Inference \
             (arXiv:2603.22774)",
            ),
            url: Borrowed("https://arxiv.org/abs/2603.22774"),
        },
        Reference {
            title: Borrowed(
                "vLLM issues #4806, #11320, #14538: CPU at 100% of one core while GPU is under-used",
            ),
            url: Borrowed("https://github.com/vllm-project/vllm/issues/4806"),
        },
    ]),
};

impl Check for CpuCoresPerGpu {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if evidence.gpus()?.is_empty() {
            return Ok(vec![META.not_applicable("node", "no GPU was found")]);
        }
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![no_server(&META)]);
        }
        let cpu = evidence.cpu()?;
        let virtualization: Result<String, Missing> = evidence.get("/node/virtualization");
        let node = Node {
            cpu,
            // Siblings that a guest sees are told apart by the topology already.
            hides_siblings: match virtualization {
                _ if cpu.smt_active => Ok(false),
                Ok(kind) => Ok(kind != "none"),
                Err(missing) => Err(missing),
            },
            headroom: evidence.limit(&META, &HEADROOM).value.number(),
            minimum: evidence.limit(&META, &MINIMUM).value.number(),
            delay: evidence.limit(&META, &QUEUE_DELAY),
            load: Load::read(evidence).ok(),
        };
        let needs: Vec<Need<'_>> = servers.iter().map(|server| Need::of(server, cpu)).collect();
        Ok(needs.iter().map(|need| node.judge(need, &needs)).collect())
    }
}

/// What a server asks for, and what it has.
struct Need<'a> {
    server: &'a InferenceServer,
    /// GPUs that it is seen to use, or that its options ask for.
    gpus: u32,
    /// Processes that want a core.
    cores: u32,
    /// CPUs that it may use; all where nobody tells.
    cpus: CpuSet,
    /// Limit on CPU time in CPUs, and where it is set.
    quota: Option<(f64, Citation)>,
    /// What of this is not known.
    unknown: Option<Missing>,
}

impl<'a> Need<'a> {
    fn of(server: &'a InferenceServer, cpu: &Cpu) -> Self {
        let mut unknown = None;
        let mut note = |missing: &Missing| unknown = unknown.take().or_else(|| Some(missing.clone()));
        let mut used: Vec<&str> = Vec::new();
        for process in &server.processes {
            match &process.gpus {
                Fact::Known(gpus) => used.extend(gpus.iter().map(String::as_str)),
                Fact::Missing(missing) => note(missing),
            }
        }
        used.sort_unstable();
        used.dedup();
        let mut known = |fact: &Fact<u32>| match fact {
            Fact::Known(number) => (*number).max(1),
            Fact::Missing(missing) => {
                note(missing);
                1
            }
        };
        let replicas = known(&server.data_parallel);
        let asked = known(&server.tensor_parallel)
            .saturating_mul(known(&server.pipeline_parallel))
            .saturating_mul(replicas);
        let seen = u32::try_from(used.len()).unwrap_or(u32::MAX);
        // Without any GPU seen it may be a router, whatever its options say.
        let gpus = if seen == 0 { 0 } else { seen.max(asked) };
        let mut front_ends = replicas;
        match &server.options {
            Fact::Known(options) => {
                if let Some(text) = options.get("api-server-count") {
                    match text.parse() {
                        Ok(count) => front_ends = count,
                        Err(_) => note(&Missing::new(
                            Absence::Malformed,
                            format!("option `api-server-count` is `{text}`"),
                        )),
                    }
                }
            }
            Fact::Missing(missing) => note(missing),
        }
        let cores =
            front_ends.saturating_add(replicas).saturating_add(gpus).saturating_add(u32::from(replicas > 1));
        let mut cpus = CpuSet::new();
        let mut limit: Option<(f64, Citation)> = None;
        let mut is_limited = true;
        if server.processes.is_empty() {
            note(&Missing::new(Absence::Failed, "no process of the server was recorded"));
            cpus = cpu.online.clone();
        }
        for process in &server.processes {
            let mask = process.mask(&cpu.online);
            cpus = cpus.union(&mask.cpus);
            if let Some(missing) = &mask.unknown {
                note(missing);
                cpus = cpu.online.clone();
            }
            match process.cgroup.require().and_then(quota) {
                Ok(Some((of_process, citation))) => match &mut limit {
                    // One group for several processes, as in a container, limits them together.
                    Some((_, seen)) if *seen == citation => {}
                    Some((sum, _)) => *sum += of_process,
                    None => limit = Some((of_process, citation)),
                },
                Ok(None) => is_limited = false,
                Err(missing) => {
                    note(&missing);
                    is_limited = false;
                }
            }
        }
        Self { server, gpus, cores, cpus, quota: limit.filter(|_| is_limited), unknown }
    }
}

/// What all servers are judged by.
struct Node<'a> {
    cpu: &'a Cpu,
    hides_siblings: Result<bool, Missing>,
    headroom: f64,
    minimum: f64,
    delay: Limit<Percent>,
    load: Option<Load>,
}

impl Node<'_> {
    fn judge(&self, need: &Need<'_>, all: &[Need<'_>]) -> Finding {
        let subject = server_name(need.server);
        if need.gpus == 0 {
            return match &need.unknown {
                Some(missing) => META.not_run(subject, missing.to_string()),
                None => META.not_applicable(subject, "it uses no GPU"),
            };
        }
        let others: Vec<&Need<'_>> = all
            .iter()
            .filter(|other| other.gpus > 0 && other.server.pid != need.server.pid)
            .filter(|other| other.cpus.is_subset(&need.cpus))
            .collect();
        let wanted = f64::from(others.iter().fold(need.cores, |sum, other| sum.saturating_add(other.cores)));
        let of_mask = self.cpu.cores_touched(&need.cpus) as f64;
        let quota = need.quota.as_ref().filter(|(quota, _)| *quota < of_mask);
        let usable = quota.map_or(of_mask, |(quota, _)| *quota);

        let shared =
            if others.is_empty() { "" } else { ", those of other servers on the same CPUs included" };
        let has = match quota {
            Some(_) => format!("a quota of {usable:.1} CPUs"),
            None => format!("CPUs {} with {usable} physical cores", need.cpus),
        };
        let message = format!("{has} for {wanted} processes that each want a core{shared}");
        let cite = |finding: Finding| {
            let mut finding = finding;
            if let Some((_, citation)) = quota {
                finding = finding.with_evidence(citation.clone());
            }
            if let Some(process) = need.server.processes.first() {
                finding = finding.with_evidence(cite_mask(process, &need.cpus));
            }
            let topology = format!("physical cores of CPUs {}: {of_mask}", need.cpus);
            finding
                .with_evidence(Citation::new(&self.cpu.path, topology))
                .with_confidence(confidence(&need.server.kind))
        };
        if usable < self.minimum * wanted {
            return cite(self.with_delay(META.fail(subject, message), need.server));
        }
        let unknown =
            need.unknown.iter().chain(others.iter().filter_map(|other| other.unknown.as_ref())).next();
        if let Some(missing) = unknown {
            return META.not_run(subject, format!("{message}, as far as is known: {missing}"));
        }
        if usable < self.headroom * wanted {
            let message = format!("{message}: no headroom");
            return cite(self.with_delay(META.warn(subject, message), need.server));
        }
        let suffices_halved = quota.is_some() || usable / 2.0 >= self.headroom * wanted;
        match &self.hides_siblings {
            Ok(false) => {}
            _ if suffices_halved => {}
            Ok(true) => {
                let message = format!(
                    "{message}; whether a virtual CPU is a core or half of one is hidden: ask the provider"
                );
                return META.not_run(subject, message);
            }
            Err(missing) => return META.not_run(subject, format!("{message}; {missing}")),
        }
        cite(META.pass(subject, message))
    }

    /// A thread that waits for a CPU while the service runs is the mechanism at work.
    fn with_delay(&self, finding: Finding, server: &InferenceServer) -> Finding {
        let seen = self.load.as_ref().and_then(|load| longest_delay(load, server));
        match seen {
            Some((delay, citation)) if !self.delay.is_undercut_by(delay) => {
                finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)
            }
            _ => finding.with_likelihood(Likelihood::Setting),
        }
    }
}

/// The count of processes is documented for vLLM only.
fn confidence(kind: &str) -> Confidence {
    match kind {
        "vllm" => Confidence::High,
        "unknown" => Confidence::Low,
        _ => Confidence::Medium,
    }
}
