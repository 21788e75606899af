//! `svc.unit-affinity`: placement is part of the service definition.
//!
//! A server is *bound* if no thread of its GPU processes may run on all CPUs. Its definition binds it if the unit (or a slice
//! above it), the container or the start command says so, in a place that outlives a reboot: what `systemctl set-property
//! --runtime` wrote lies under `/run`. An option of the engine counts half, and only where masks show that it was heeded:
//! engines bind their GPU workers with it, and leave the API server and helpers where they are. A server that nothing binds fails where its GPU processes were also seen to
//! spend their time away from the GPUs, and else is a warning.

use plumb_check_sdk::limit::{Percent, Quantity};
use plumb_check_sdk::model::{Gpu, InferenceServer, Numa, ServerProcess, Unit, UnitSetting};
use plumb_check_sdk::{
    Arg, Citation, Confidence, CpuSet, Evidence, Fact, Finding, Intent, Likelihood, NoVerdict, NodeSet, Said,
};

use crate::pages::svc_unit_affinity::{PAGE, REMOTE_TIME, words};
use crate::server::{Home, Homes, NoHome, misplaced, server_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_cpus()?, words::OneNode {})?;
    let homes = Homes::of(evidence);
    let judged = |server| PAGE.settle(server_object(server), judge(evidence, server, numa, &homes));
    Ok(servers.iter().map(judged).collect())
}

/// Where a binding is written down.
struct Definition {
    citation: Citation,
    /// False for what is gone after a reboot.
    lasts: bool,
}

fn judge(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    numa: &Numa,
    homes: &Homes,
) -> Result<Finding, NoVerdict> {
    let all = numa.complete()?.all_cpus();
    let users = workers(evidence, server)?;
    let (bound, mask) = binding(&users, &all)?;
    // What may run everywhere is not bound, whatever a definition that nobody read says.
    let definition = match definition(evidence, server, homes, &all) {
        Err(_) if !bound => None,
        definition => definition?,
    };
    let engine = server.binding()?;
    let object = server_object(server);
    let pid = Arg::text(server.pid.to_string());
    let place = Intent::Place { server: server.pid, process: None, gpu: None };
    let deviation = |finding: Finding, mend: Intent| {
        let finding = misplaced(finding, server).with_likelihood(Likelihood::Setting);
        finding.with_evidence(mask.clone()).with_intent(mend)
    };
    if let Some(Definition { citation, lasts }) = definition {
        return Ok(match (bound, lasts) {
            (true, true) => PAGE.pass(object, words::Defined {}).with_evidence(citation).with_evidence(mask),
            (true, false) => {
                let path = citation.source.as_str().into();
                deviation(PAGE.fail(object, words::UntilReboot { path, pid }), place).with_evidence(citation)
            }
            (false, _) => {
                let restart = Intent::Restart { server: server.pid };
                deviation(PAGE.warn(object, words::NotRestarted { pid }), restart).with_evidence(citation)
            }
        });
    }
    let told = engine.as_ref().map(|engine| Arg::from(&engine.told.value));
    let cite = |finding: Finding| finding.with_citations(engine.clone().map(|engine| engine.told.into()));
    if bound {
        let Some(option) = told else {
            let finding = deviation(PAGE.fail(object, words::Undefined { pid }), place);
            return Ok(finding.with_confidence(Confidence::Medium));
        };
        return Ok(cite(deviation(PAGE.warn(object, words::EngineOnly { option, pid }), place)));
    }
    if users.iter().all(|(_, gpus)| gpus.is_empty()) {
        return Ok(deviation(PAGE.warn(object, words::UnboundMemory { pid }), place));
    }
    let away = time_away(&users, evidence.gpus()?, numa)?;
    if evidence.limit(&PAGE, &REMOTE_TIME).is_exceeded_by(away) {
        let said = words::Away { pid, share: Arg::of(away, 0) };
        let finding = deviation(PAGE.fail(object, said), place);
        return Ok(finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium));
    }
    let said: Said = match told {
        Some(option) => words::Ignored { option, pid }.into(),
        None => words::Unbound { pid }.into(),
    };
    Ok(cite(deviation(PAGE.warn(object, said), place)))
}

/// Processes of the server that use a GPU; of one that computes on the CPU, all.
fn workers<'a>(
    evidence: &Evidence<'_>,
    server: &'a InferenceServer,
) -> Result<Vec<(&'a ServerProcess, &'a [String])>, NoVerdict> {
    let on_cpu = server.computes_on_cpu(evidence.gpus())?;
    let mut users = Vec::new();
    for process in &server.processes {
        let gpus = process.gpus.require()?;
        if on_cpu || !gpus.is_empty() {
            users.push((process, gpus.as_slice()));
        }
    }
    PAGE.not_run_if(users.is_empty(), words::NoGpuProcess {})?;
    Ok(users)
}

/// Whether no thread of these processes may run everywhere, and a mask that shows it.
fn binding(users: &[(&ServerProcess, &[String])], all: &CpuSet) -> Result<(bool, Citation), NoVerdict> {
    let mut shown = None;
    for (process, _) in users {
        if process.threads.is_empty() {
            return Err(words::NoThread { pid: Arg::text(process.pid.to_string()) }.into());
        }
        for thread in &process.threads {
            let mask = thread.cpus_allowed.require()?;
            let path = format!("{}/task/{}/status", process.path, thread.tid);
            let citation = Citation::new(path, format!("{}: Cpus_allowed_list: {mask}", thread.comm));
            if all.is_subset(mask) {
                return Ok((false, citation));
            }
            shown.get_or_insert(citation);
        }
    }
    let shown = shown.ok_or(words::NoGpuProcess {})?;
    Ok((true, shown))
}

fn definition(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    homes: &Homes,
    all: &CpuSet,
) -> Result<Option<Definition>, NoVerdict> {
    // A list of all CPUs, as a kubelet without CPU manager gives it to containers, binds nothing.
    let narrow = |cpus: &str| {
        cpus.trim().parse::<CpuSet>().is_ok_and(|cpus| !cpus.is_empty() && !all.is_subset(&cpus))
    };
    let lasting = |path: &str, key: &str, cpus: Option<&str>| {
        let cpus = cpus.filter(|cpus| narrow(cpus))?;
        Some(Definition { citation: Citation::new(path, format!("{key}: {}", cpus.trim())), lasts: true })
    };
    // The group of a container has the CPUs that its engine was asked for, each time that it starts.
    let of_group = |id: &str| {
        let cgroup = server.main_process()?.cgroup.known()?;
        let level = cgroup.chain.iter().find(|level| level.path.contains(id))?;
        let cpus = level.values.get("cpuset.cpus").and_then(Fact::known);
        lasting(&format!("{}/cpuset.cpus", level.path), "cpuset", cpus.map(String::as_str))
    };
    match homes.find(evidence, server)? {
        Home::Unit(unit) => Ok(of_unit(unit, server, homes)),
        Home::Container(container) | Home::Pod(container) => {
            let docker = container.docker.known();
            let of_docker =
                docker.and_then(|own| lasting(&own.path, "CpusetCpus", own.cpuset_cpus.as_deref()));
            let of_spec = match &container.spec {
                Fact::Known(spec) => Ok(lasting(&spec.path, "cpuset", spec.cpuset_cpus.as_deref())),
                Fact::Missing(why) => of_group(&container.id).map(Some).ok_or_else(|| why.clone()),
            };
            of_docker.map_or_else(|| Ok(of_spec?), |found| Ok(Some(found)))
        }
        Home::Inside => {
            let (container, command) = evidence.host_of_container()?;
            Err(words::Inside { command: command.into(), container: container.into() }.into())
        }
        // It runs, so that something defines it, which nobody read.
        Home::Nothing(NoHome::NoFile(unit)) | Home::UnknownUnit(unit) => {
            Err(words::UnknownUnit { unit: unit.into() }.into())
        }
        Home::Nothing(_) => Ok(None),
        Home::UnknownContainer(id) => {
            let unknown = || words::UnknownContainer { container: id.into() };
            Ok(Some(of_group(id).ok_or_else(unknown)?))
        }
    }
}

/// Settings of a unit, of the slices above it, or of its start command that bind it.
fn of_unit(unit: &Unit, server: &InferenceServer, homes: &Homes) -> Option<Definition> {
    let cite = |setting: &UnitSetting| Definition {
        citation: Citation::new(&setting.path, format!("{}={}", setting.key, setting.value)),
        lasts: !setting.path.starts_with("/run/"),
    };
    let of_service = ["CPUAffinity", "AllowedCPUs"].into_iter().filter_map(|key| unit.last("Service", key));
    let started = unit.all("Service", "ExecStart").filter(|setting| {
        setting.value.split_whitespace().any(|word| {
            let name = word.trim_start_matches(['@', '-', ':', '+', '!']).rsplit('/').next().unwrap_or(word);
            matches!(name, "numactl" | "taskset")
        })
    });
    let mut found: Vec<Definition> = of_service.chain(started).map(cite).collect();
    for slice in slices(server) {
        // Slices without a file exist too; they have no settings.
        if let Ok(Some(unit)) = homes.unit(slice) {
            found.extend(unit.last("Slice", "AllowedCPUs").map(cite));
        }
    }
    // A lasting definition outweighs one that does not.
    found.sort_by_key(|definition| !definition.lasts);
    found.into_iter().next()
}

/// Names of the slices above a server, from its control group.
fn slices(server: &InferenceServer) -> impl Iterator<Item = &str> {
    let cgroup = server.processes.iter().find_map(|process| process.cgroup.known());
    let names =
        cgroup.into_iter().flat_map(|cgroup| &cgroup.chain).filter_map(|level| level.path.rsplit('/').next());
    names.filter(|name| name.ends_with(".slice"))
}

/// Share of the CPU time of GPU processes whose threads were last seen on a CPU of a node without a GPU of theirs.
fn time_away(
    users: &[(&ServerProcess, &[String])],
    gpus: &[Gpu],
    numa: &Numa,
) -> Result<Quantity<Percent>, NoVerdict> {
    let (mut away, mut total) = (0_u64, 0_u64);
    for (process, addresses) in users {
        let mut nodes = NodeSet::new();
        for address in *addresses {
            let gpu = gpus.iter().find(|gpu| gpu.address == *address);
            let gpu = gpu.ok_or_else(|| words::NoSuchGpu { gpu: address.into() })?;
            nodes.insert(gpu.place().one()?.node);
        }
        let of_gpus = numa.nodes.iter().filter(|node| nodes.contains(node.id));
        let near = of_gpus.fold(CpuSet::new(), |near, node| near.union(&node.cpus));
        for thread in &process.threads {
            let ticks = *thread.cpu_ticks.require()?;
            total = total.saturating_add(ticks);
            if !near.contains(*thread.last_cpu.require()?) {
                away = away.saturating_add(ticks);
            }
        }
    }
    PAGE.not_run_if(total == 0, words::Idle {})?;
    Ok(Quantity::new(100.0 * away as f64 / total as f64))
}
