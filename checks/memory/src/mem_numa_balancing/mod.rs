//! `mem.numa-balancing`: automatic NUMA balancing fits the pinning state.
//!
//! A worker counts as pinned where each thread that has used CPU time may run on CPUs of one NUMA node only. Sources
//! differ on whether the feature should be on; what decides is whether the workers need it: unpinned ones do, pinned
//! ones pay for it. Memory with a policy of its own is left alone either way. AMD asks for it to be off wherever its GPUs work, pinned or not. Rates of its page faults and
//! migrations are those of the whole node, as the kernel counts them no finer.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{InferenceServer, Numa, ProcessMemory, ServerProcess};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object,
    ObjectKind, parsed,
};

use crate::counters::Counters;
use crate::pages::mem_numa_balancing::{FAULTS, MIGRATIONS, PAGE, words};

const NAME: &str = "kernel.numa_balancing";
const PATH: &str = "/proc/sys/kernel/numa_balancing";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_memory()?, words::OneNode {})?;
    let text = evidence.sysctl(NAME)?;
    // 1 is balancing, 2 moves pages between fast and slow memory, and the two add up.
    let mode: u32 = parsed(PATH, &text)?;
    let setting = Setting { mode, text: text.trim() };
    let is_amd = evidence.gpus().map(|gpus| gpus.iter().any(|gpu| gpu.vendor == "amd"));
    let workers = evidence.servers().map(workers);
    if is_amd == Ok(true) && !workers.as_ref().is_ok_and(|workers| !workers.is_empty()) {
        let object = Object::setting(NAME);
        return Ok(vec![setting.cite(for_amd(&setting, object), &[])]);
    }
    let workers = workers?;
    PAGE.not_run_if(workers.is_empty(), words::NoWorker {})?;
    let mut findings = Vec::new();
    let (mut pinned, mut free, mut bound) = (Vec::new(), Vec::new(), Vec::new());
    for worker in workers {
        match is_pinned(worker.1, numa) {
            _ if worker.1.memory.known().is_some_and(ProcessMemory::is_bound) => bound.push(worker),
            Ok(true) => pinned.push(worker),
            Ok(false) => free.push(worker),
            Err(why) => findings.push(PAGE.missing(object("", &[worker]), &why)),
        }
    }
    if !pinned.is_empty() {
        findings.extend(judge_pinned(evidence, &setting, &pinned));
    }
    for (kind, group) in
        [("unpinned ", &free), ("bound ", &bound)].into_iter().filter(|(_, group)| !group.is_empty())
    {
        let unknown = |why: &Missing| words::UnknownGpus { reason: why.into() };
        let object = object(kind, group);
        let finding = match (is_amd.as_ref(), kind) {
            (Err(why), _) => PAGE.not_run(object, unknown(why)),
            (Ok(true), _) => for_amd(&setting, object),
            (Ok(false), "bound ") => PAGE.pass(object, words::Bound {}),
            (Ok(false), _) => judge_free(&setting, object, group),
        };
        findings.push(setting.cite(finding.with_likelihood(Likelihood::Setting), group));
    }
    Ok(findings)
}

/// AMD asks for balancing to be off wherever its GPUs work.
fn for_amd(setting: &Setting<'_>, object: Object) -> Finding {
    let finding = match setting.mode {
        0 => PAGE.pass(object, words::OffForAmd {}),
        _ => PAGE.warn(object, words::OnWithAmd {}).with_intent(setting.off()),
    };
    finding.with_likelihood(Likelihood::Setting)
}

/// A process that schedules or launches work on GPUs, with its server.
type Worker<'a> = (&'a InferenceServer, &'a ServerProcess);

fn workers(servers: &[InferenceServer]) -> Vec<Worker<'_>> {
    let all = servers.iter().flat_map(|server| server.processes.iter().map(move |process| (server, process)));
    all.filter(|(_, process)| process.is_critical()).collect()
}

fn object(kind: &str, workers: &[Worker<'_>]) -> Object {
    let pids: Vec<String> = workers.iter().map(|(_, worker)| worker.pid.to_string()).collect();
    let pids = pids.join(", ");
    let name = format!("{kind}processes {pids}");
    Object::new(ObjectKind::Process, pids).named(name)
}

/// CPUs that the busy threads of a worker may run on, together.
fn mask(worker: &ServerProcess) -> Result<CpuSet, Missing> {
    let mut all = CpuSet::new();
    for thread in &worker.threads {
        if *thread.cpu_ticks.require()? > 0 {
            all = all.union(thread.cpus_allowed.require()?);
        }
    }
    if all.is_empty() {
        let reason = format!("no thread of process {} has used CPU time", worker.pid);
        return Err(Missing::new(Absence::Skipped, reason));
    }
    Ok(all)
}

fn is_pinned(worker: &ServerProcess, numa: &Numa) -> Result<bool, Missing> {
    let mask = mask(worker)?.intersection(&numa.complete()?.all_cpus());
    Ok(!mask.is_empty() && numa.nodes.iter().any(|node| mask.is_subset(&node.cpus)))
}

/// What `/proc/sys/kernel/numa_balancing` holds.
struct Setting<'a> {
    mode: u32,
    text: &'a str,
}

impl Setting<'_> {
    fn off(&self) -> Intent {
        Intent::Sysctl { name: NAME.into(), want: "0".into(), was: self.text.into() }
    }

    /// Cites the setting and the masks of the first workers.
    fn cite(&self, finding: Finding, workers: &[Worker<'_>]) -> Finding {
        let of = |(_, worker): &Worker<'_>| {
            let mask = mask(worker).map_or_else(|_| String::new(), |mask| mask.to_string());
            let value = format!("Cpus_allowed_list of its busy threads: {mask}");
            Citation::new(format!("{}/status", worker.path), value)
        };
        finding.with_evidence(Citation::new(PATH, self.text)).with_citations(workers.iter().take(4).map(of))
    }
}

fn judge_free(setting: &Setting<'_>, object: Object, free: &[Worker<'_>]) -> Finding {
    if setting.mode != 0 {
        return PAGE.pass(object, words::OnAndFree {});
    }
    let mut servers: Vec<&InferenceServer> = free.iter().map(|(server, _)| *server).collect();
    servers.dedup_by_key(|server| server.pid);
    let places = servers.iter().map(|server| Intent::Place { server: server.pid, process: None, gpu: None });
    let said = words::OffAndFree { workers_count: Arg::count(free.len()) };
    let finding = PAGE.warn(object, said).with_intents(places);
    match servers[..] {
        [server] => finding.with_cause("placement", crate::placed(server)),
        _ => finding,
    }
}

fn judge_pinned(evidence: &Evidence<'_>, setting: &Setting<'_>, pinned: &[Worker<'_>]) -> Vec<Finding> {
    let object = object("pinned ", pinned);
    let workers_count = Arg::count(pinned.len());
    if setting.mode == 0 {
        return vec![setting.cite(PAGE.pass(object, words::OffAndPinned {}), pinned)];
    }
    let rates = Counters::of(evidence).and_then(|counters| {
        Ok((counters.rate("numa_hint_faults")?, counters.rate("numa_pages_migrated")?, counters))
    });
    if let Ok((faults, moved, counters)) = &rates
        && (evidence.limit(&PAGE, &FAULTS).is_exceeded_by(Quantity::new(*faults))
            || evidence.limit(&PAGE, &MIGRATIONS).is_exceeded_by(Quantity::new(*moved)))
    {
        let rate = |number: f64| Arg::quantity(number, "", 0);
        let said = words::AtWork { faults_rate: rate(*faults), moves_rate: rate(*moved), workers_count };
        let finding = setting.cite(PAGE.fail(object, said), pinned).with_likelihood(Likelihood::Mechanism);
        let cited = ["numa_hint_faults", "numa_pages_migrated"].map(|name| counters.cite(name));
        return vec![finding.with_citations(cited).with_intent(setting.off())];
    }
    let on = setting
        .cite(PAGE.warn(object, words::OnAndPinned { workers_count }), pinned)
        .with_likelihood(Likelihood::Setting)
        .with_intent(setting.off());
    let seen = Object::new(ObjectKind::Other, "page faults of balancing");
    let seen = match rates {
        Err(why) => PAGE.missing(seen, &why),
        Ok((faults, _, counters)) => match counters.under_load() {
            Ok(()) => PAGE.info(seen, words::FewFaults { faults_rate: Arg::quantity(faults, "", 0) }),
            Err(why) => PAGE.missing(seen, &why),
        }
        .with_evidence(counters.cite("numa_hint_faults")),
    };
    vec![on, seen]
}
