//! `cpu.cores-per-gpu`: every serving process has a physical core.
//!
//! The documentation of vLLM counts processes: A API servers, one engine core for each of DP replicas, one worker for each
//! of N GPUs, and a coordinator where DP is above 1; each wants a physical core of its own. A defaults to DP. For other
//! servers the same count is an estimate, with less confidence. A server that computes on the CPU is judged by the threads
//! that it computes with: each wants a core.
//!
//! What a server may use is read from the masks of its threads, which hold whatever container, unit or `taskset` has
//! taken away, and from the tightest quota above it. Servers with the same CPUs share them: a server is judged by its own
//! need and that of all servers that have no CPU outside of its own. What is not known counts in favour of a failure being
//! real: unknown masks as all CPUs, unknown options as their least demand; a pass needs all of it. In a virtual machine
//! whose CPUs show no siblings, each may be half a core, which the guest cannot tell: a server for which that would decide
//! is `not-run`.

use plumb_check_sdk::limit::{Limit, Percent};
use plumb_check_sdk::model::{Cpu, Gpu, InferenceServer};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Finding, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, Outcome, ProviderRequest,
};

use crate::delay::longest_delay;
use crate::pages::cpu_cores_per_gpu::{DELAY, HEADROOM, MINIMUM, PAGE, words};
use crate::place::{CPU_QUOTA, Load, cite_mask, lifting, quota, server_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let (gpus, servers) = (evidence.gpus()?, evidence.servers()?);
    PAGE.not_applicable_if(gpus.is_empty() && servers.is_empty(), words::NoGpu {})?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let cpu = evidence.cpu()?;
    let node = Node {
        cpu,
        gpus,
        is_virtual: evidence.get::<String>("/node/virtualization").map(|kind| kind != "none"),
        headroom: evidence.limit(&PAGE, &HEADROOM).value.number(),
        minimum: evidence.limit(&PAGE, &MINIMUM).value.number(),
        delay: evidence.limit(&PAGE, &DELAY),
        load: Load::read(evidence).ok(),
    };
    let needs: Vec<Need<'_>> = servers.iter().map(|server| Need::of(server, cpu)).collect();
    Ok(needs.iter().map(|need| node.judge(need, &needs)).collect())
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
    /// Limit on CPU time in CPUs, and where it is set: one group, or several that limit a process each.
    quota: Option<(f64, Vec<Citation>)>,
    /// What of this is not known.
    unknown: Option<Missing>,
}

impl<'a> Need<'a> {
    fn of(server: &'a InferenceServer, cpu: &Cpu) -> Self {
        let demand = server.demand();
        // Without any GPU seen it may be a router, whatever its options say.
        let (gpus, cores) = (demand.gpus, demand.processes);
        // What one process does with threads, sizes of parallelism do not change.
        let mut unknown = demand.unknown_gpus.or(demand.unknown.filter(|_| !server.engine().computes_on_cpu));
        let mut note = |missing: &Missing| {
            unknown.get_or_insert_with(|| missing.clone());
        };
        let mut cpus = CpuSet::new();
        let mut limit: Option<(f64, Vec<Citation>)> = None;
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
                    Some((_, seen)) if seen.contains(&citation) => {}
                    Some((sum, seen)) => {
                        *sum += of_process;
                        seen.push(citation);
                    }
                    None => limit = Some((of_process, vec![citation])),
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
    gpus: &'a [Gpu],
    is_virtual: Result<bool, Missing>,
    headroom: f64,
    minimum: f64,
    delay: Limit<Percent>,
    load: Option<Load>,
}

impl Node<'_> {
    fn judge(&self, need: &Need<'_>, all: &[Need<'_>]) -> Finding {
        let object = server_object(need.server);
        if need.gpus == 0 || need.server.engine().computes_on_cpu {
            return match need.server.computes_on_cpu(Ok(self.gpus)) {
                Ok(computes) if computes || need.gpus > 0 => PAGE.settle(object, self.judge_threads(need)),
                Ok(_) => match &need.unknown {
                    Some(missing) => PAGE.missing(object, missing),
                    None => PAGE.not_applicable(object, words::UsesNoGpu {}),
                },
                Err(missing) => PAGE.missing(object, &missing),
            };
        }
        let others: Vec<&Need<'_>> = all
            .iter()
            .filter(|other| other.gpus > 0 && other.server.pid != need.server.pid)
            .filter(|other| other.cpus.is_subset(&need.cpus))
            .collect();
        let of_others = others.iter().fold(0_u32, |sum, other| sum.saturating_add(other.cores));
        let wanted_count = need.cores.saturating_add(of_others);
        let wanted = f64::from(wanted_count);
        let of_mask = self.cpu.cores_touched(&need.cpus) as f64;
        let quota = need.quota.as_ref().filter(|(quota, _)| *quota < of_mask);
        let usable = quota.map_or(of_mask, |(quota, _)| *quota);

        // All sentences say what there is and what is wanted.
        macro_rules! said {
            ($sentence:ident $(, $more:ident)*) => {
                words::$sentence {
                    cores_count: Arg::count(self.cpu.cores_touched(&need.cpus)),
                    cpus: (&need.cpus).into(),
                    limit: Arg::text(if quota.is_some() { "quota" } else { "mask" }),
                    quota: Arg::quantity(usable, "", u8::from(usable.fract() > 0.05)),
                    shared: Arg::text(if others.is_empty() { "no" } else { "yes" }),
                    wanted_count: wanted_count.into(),
                    $($more,)*
                }
            };
        }
        let pid = Arg::text(need.server.pid.to_string());
        let cite = |finding: Finding| {
            let mut finding = finding;
            if let Some((_, citations)) = quota {
                finding = finding.with_citations(citations.iter().take(1).cloned());
            }
            if let Some(process) = need.server.processes.first() {
                finding = finding.with_evidence(cite_mask(process, &need.cpus));
            }
            let topology = format!("physical cores of CPUs {}: {of_mask}", need.cpus);
            finding
                .with_evidence(Citation::new(&self.cpu.path, topology))
                .with_confidence(confidence(&need.server.kind))
        };
        let deviates = |finding: Finding| {
            let finding = cite(self.with_delay(finding, need.server));
            let goals = self.goals(need, of_mask, of_others);
            match quota {
                // Where the CPUs themselves would do, the quota is all that there is to mend.
                Some((_, citations)) if of_mask >= self.headroom * wanted => finding
                    .with_cause(CPU_QUOTA, server_object(need.server))
                    .with_intents(lifting(need.server, citations)),
                Some((_, citations)) => finding.with_intents(lifting(need.server, citations).chain(goals)),
                None => finding.with_intents(goals),
            }
        };
        if usable < self.minimum * wanted {
            // Processes take turns within a quota: it may do as long as none is held up.
            let is_turned = of_mask >= self.minimum * wanted && self.delayed(need.server).is_none();
            let outcome = if is_turned { Outcome::Warn } else { Outcome::Fail };
            return deviates(PAGE.says(outcome, object, said!(TooFew, pid)));
        }
        let unknown =
            need.unknown.iter().chain(others.iter().filter_map(|other| other.unknown.as_ref())).next();
        if let Some(missing) = unknown {
            let reason = missing.into();
            return PAGE.not_run(object, said!(AsFarAsKnown, reason));
        }
        if usable < self.headroom * wanted {
            return deviates(PAGE.warn(object, said!(NoHeadroom, pid)));
        }
        if let Some(missing) = self.cpu.cores_unknown.as_ref().filter(|_| quota.is_none()) {
            let reason = missing.into();
            return PAGE.not_run(object, said!(AsFarAsKnown, reason));
        }
        let suffices_halved = quota.is_some() || usable / 2.0 >= self.headroom * wanted;
        match &self.is_virtual {
            // Siblings that a guest sees are told apart by the topology already.
            _ if self.cpu.smt_active => {}
            Ok(false) => {}
            _ if suffices_halved => {}
            Ok(true) => return PAGE.not_run(object, said!(HiddenSiblings)),
            Err(missing) => {
                let reason = missing.into();
                return PAGE.not_run(object, said!(UnknownMachine, reason));
            }
        }
        cite(PAGE.pass(object, said!(Enough)))
    }

    /// A server that computes on the CPU: threads of one core take turns, and all wait for the slowest.
    fn judge_threads(&self, need: &Need<'_>) -> Result<Finding, NoVerdict> {
        let (object, pid) = (server_object(need.server), Arg::text(need.server.pid.to_string()));
        let (threads, source) = need.server.computing_threads()?;
        let cores = self.cpu.cores_touched(&need.cpus);
        let quota = need.quota.as_ref().filter(|(quota, _)| *quota < cores as f64);
        let usable = quota.map_or(cores as f64, |(quota, _)| *quota);
        let limit = Arg::text(if quota.is_some() { "quota" } else { "mask" });
        let (of_quota, cores_count) = (Arg::quantity(usable, "", 1), Arg::count(cores));
        let threads_count = Arg::from(threads);
        let finding = if f64::from(threads) > usable {
            let want = usable.floor().max(1.0) as u32;
            let said = words::MoreThreads { cores_count, limit, pid, quota: of_quota, threads_count };
            self.with_delay(PAGE.warn(object, said), need.server).with_intent(Intent::ThreadPool {
                server: need.server.pid,
                want,
                was: threads,
            })
        } else {
            need.unknown.clone().map_or(Ok(()), Err)?;
            PAGE.pass(object, words::CoreEach { cores_count, limit, quota: of_quota, threads_count })
        };
        let topology = format!("physical cores of CPUs {}: {cores}", need.cpus);
        Ok(finding
            .with_evidence(Citation::new(source, format!("{threads} threads")))
            .with_evidence(Citation::new(&self.cpu.path, topology))
            .with_citations(quota.into_iter().flat_map(|(_, citations)| citations.clone())))
    }

    /// More cores for a server as far as the machine has them, and a larger machine where it has too few for all.
    fn goals(&self, need: &Need<'_>, usable: f64, of_others: u32) -> Vec<Intent> {
        let cores = |number: f64| number as u32;
        let of_machine = self.cpu.cores_touched(&self.cpu.online) as f64;
        let wanted = self.headroom * f64::from(need.cores.saturating_add(of_others));
        let larger = match self.is_virtual {
            Ok(true) => Some(Intent::Provider { request: ProviderRequest::MoreCpus }),
            Ok(false) => Some(Intent::Hardware { part: HardwarePart::Processor, at: None }),
            Err(_) => None,
        };
        let larger = larger.filter(|_| of_machine < wanted);
        // What the others on the same CPUs want with headroom is not there for this one.
        let left = (usable - self.headroom * f64::from(of_others)).max(0.0);
        let more = Intent::Cores {
            server: need.server.pid,
            want: cores((self.headroom * f64::from(need.cores)).ceil()),
            was: cores(left.floor()),
        };
        let more = (usable < of_machine || larger.is_none()).then_some(more);
        more.into_iter().chain(larger).collect()
    }

    /// A thread that waits for a CPU while the service runs is the mechanism at work.
    fn with_delay(&self, finding: Finding, server: &InferenceServer) -> Finding {
        match self.delayed(server) {
            Some(citation) => finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation),
            None => finding.with_likelihood(Likelihood::Setting),
        }
    }

    fn delayed(&self, server: &InferenceServer) -> Option<Citation> {
        let (delay, citation) = longest_delay(self.load.as_ref()?, server)?;
        (!self.delay.is_undercut_by(delay)).then_some(citation)
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
