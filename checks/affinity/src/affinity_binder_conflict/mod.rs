//! `affinity.binder-conflict`: one mechanism alone decides where the processes of a server run.
//!
//! Mechanisms are told by what they leave behind: options and variables of the server, variables of MPI and Slurm,
//! variables of OpenMP, and a set of CPUs on the control group (container, kubelet, or `AllowedCPUs=` of systemd). A mask
//! that is narrower than all of these account for counts as one mechanism. Who set it is not recorded: `taskset`, `numactl`
//! and `CPUAffinity=` leave no other trace, and a mask can be set while a process runs. What was asked for is known for vLLM's `--numa-bind` and
//! SGLang's `--numa-node`, and the masks of GPU workers are compared with it.
//!
//! A set of CPUs on the control group takes something away only from an option that lists CPUs. One that names nodes gets
//! those of their CPUs that the group has, and one that leaves the choice to the engine is not judged by the mask: whether
//! such a binding is in force at all is the question of `numa.gpu-affinity` and `ctr.numa-policy-permitted`. An engine that
//! binds its workers within the group's CPUs is in no conflict with it, in whatever order they start.

use plumb_check_sdk::model::{InferenceServer, Numa, ServerProcess};
use plumb_check_sdk::{Arg, Citation, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict};

use crate::pages::affinity_binder_conflict::{PAGE, words};
use crate::place::{cite_mask, cpuset, option_values, server_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let online: CpuSet = evidence.get("/cpu/online")?;
    let numa = evidence.numa()?;
    let judged = |server| PAGE.settle(server_object(server), judge(server, numa, &online));
    Ok(servers.iter().map(judged).collect())
}

/// TensorRT-LLM clears the masks of its processes unless this variable says what to do.
const TENSORRT_LLM: &str = "TLLM_NUMA_AWARE_WORKER_AFFINITY";

/// A mechanism that is in force, and what says so.
struct Binder {
    /// As every language writes it: `Slurm`, with the variable or option.
    name: String,
    evidence: Citation,
    /// What would put it out of force, where the evidence names that.
    release: Option<Intent>,
}

/// A control group with CPUs of its own.
struct Group {
    binder: Binder,
    cpus: CpuSet,
}

/// A mask that no known mechanism accounts for.
struct Unexplained<'a> {
    process: &'a ServerProcess,
    cpus: CpuSet,
}

fn judge(server: &InferenceServer, numa: &Numa, online: &CpuSet) -> Result<Finding, NoVerdict> {
    PAGE.not_run_if(server.processes.is_empty(), words::NoProcess {})?;
    PAGE.not_run_if(server.kind.is_empty(), words::NoKind {})?;
    server.processes.iter().find_map(|process| process.mask(online).unknown).map_or(Ok(()), Err)?;
    let engine = of_engine(server);
    let launcher = of_launcher(server);
    let has_own = variable(server, TENSORRT_LLM).is_some();
    let unread = server.processes.iter().find_map(|process| process.environment.require().err());
    if server.kind == "tensorrt-llm"
        && !has_own
        && unread.is_none()
        && let Some(launcher) = &launcher
    {
        let own = Intent::Variable {
            server: server.pid,
            name: TENSORRT_LLM.to_owned(),
            want: Some("1".to_owned()),
            was: None,
        };
        return Ok(PAGE
            .fail(server_object(server), words::Cleared { launcher: (&launcher.name).into() })
            .with_likelihood(Likelihood::Setting)
            .with_intent(own)
            .with_intents(launcher.release.clone())
            .with_evidence(launcher.evidence.clone()));
    }
    // The processes of a server are in one container or unit; the first stands for all.
    let group = server.processes.first().map(|process| process.cgroup.require().and_then(cpuset));
    let group = group.transpose()?.flatten().map(|(cpus, citation)| (cpus.intersection(online), citation));
    let group = group.filter(|(cpus, _)| cpus != online);
    if engine.is_some()
        && let Some(finding) = compare(server, numa, online, group.as_ref())?
    {
        return Ok(finding);
    }
    unread.map_or(Ok(()), Err)?;
    let granted = group.as_ref().map_or(online, |(cpus, _)| cpus);
    let narrowed = server.processes.iter().map(|process| (process, process.mask(online).cpus));
    let narrowest = narrowed.filter(|(_, cpus)| cpus != granted).min_by_key(|(_, cpus)| cpus.len());
    let openmp = of_openmp(server);
    // OpenMP binds its threads to parts of what the process has, and leaves no other trace either.
    let unexplained = narrowest
        .filter(|_| engine.is_none() && launcher.is_none() && openmp.is_none())
        .map(|(process, cpus)| Unexplained { process, cpus });
    let group = group.map(|(cpus, evidence)| Group {
        binder: Binder { name: format!("cgroup (CPUs {cpus})"), evidence, release: None },
        cpus,
    });
    Ok(verdict(server, online, Binders { engine, launcher, openmp, group, unexplained }))
}

/// All that binds a server.
struct Binders<'a> {
    engine: Option<Binder>,
    launcher: Option<Binder>,
    openmp: Option<Binder>,
    group: Option<Group>,
    unexplained: Option<Unexplained<'a>>,
}

impl Binders<'_> {
    /// What would leave one of several mechanisms in force: the engine's own, else the innermost, which is the last to set a
    /// mask.
    fn releases(&self) -> Vec<Intent> {
        let release = |binder: &Option<Binder>| binder.as_ref().and_then(|binder| binder.release.clone());
        let keeps_openmp = self.engine.is_none();
        let keeps_launcher = self.engine.is_none() && self.openmp.is_none() && self.unexplained.is_none();
        let launcher = release(&self.launcher).filter(|_| !keeps_launcher);
        let openmp = release(&self.openmp).filter(|_| !keeps_openmp);
        launcher.into_iter().chain(openmp).collect()
    }
}

fn verdict(server: &InferenceServer, online: &CpuSet, binders: Binders<'_>) -> Finding {
    let object = server_object(server);
    let of_server = Arg::text(server.pid.to_string());
    let releases = binders.releases();
    let Binders { engine, launcher, openmp, group, unexplained } = binders;
    let within = match (&engine, &launcher, &openmp, &group) {
        (Some(engine), None, None, Some(group)) => {
            Some(words::Within { cpus: (&group.cpus).into(), mechanism: (&engine.name).into() })
        }
        _ => None,
    };
    let group = group.map(|group| group.binder);
    let named: Vec<Binder> = [engine, launcher, openmp, group].into_iter().flatten().collect();
    let names: Vec<&str> = named.iter().map(|binder| binder.name.as_str()).collect();
    let mechanisms = Arg::text(names.join("; "));
    let finding = match (within, &unexplained, names.len()) {
        (Some(within), ..) => PAGE.pass(object, within),
        (None, None, 0) => PAGE.not_applicable(object, words::Unbound {}),
        (None, None, 1) => PAGE.pass(object, words::Alone { mechanism: mechanisms }),
        (None, None, several) => {
            let mechanisms_count = several.into();
            PAGE.warn(object, words::Several { mechanisms, mechanisms_count, server: of_server })
        }
        (None, Some(mask), 0) => {
            let said = words::MaskAlone {
                cpus: (&mask.cpus).into(),
                cpus_count: mask.cpus.len().into(),
                online_count: online.len().into(),
                pid: pid(mask.process),
            };
            PAGE.pass(object, said)
        }
        (None, Some(mask), others) => {
            let said = words::SeveralAndMask {
                cpus: (&mask.cpus).into(),
                mechanisms,
                mechanisms_count: (others + 1).into(),
                pid: pid(mask.process),
                server: of_server,
            };
            PAGE.warn(object, said)
        }
    };
    let of_mask = unexplained.map(|mask| cite_mask(mask.process, &mask.cpus));
    let evidence = named.into_iter().map(|binder| binder.evidence).chain(of_mask);
    finding.with_likelihood(Likelihood::Setting).mended_by(releases).with_citations(evidence)
}

/// The id of a process as sentences name it.
fn pid(process: &ServerProcess) -> Arg {
    Arg::text(process.pid.to_string())
}

/// Compares the mask of each GPU worker with what the options ask for; `None` where they agree.
fn compare(
    server: &InferenceServer,
    numa: &Numa,
    online: &CpuSet,
    group: Option<&(CpuSet, Citation)>,
) -> Result<Option<Finding>, Missing> {
    let object = server_object(server);
    server.processes.iter().try_for_each(|process| process.gpus.require().map(drop))?;
    let is_worker = |process: &&ServerProcess| process.gpus.known().is_some_and(|gpus| !gpus.is_empty());
    let mut workers: Vec<&ServerProcess> = server.processes.iter().filter(is_worker).collect();
    workers.sort_by_key(|process| process.gpus.known().and_then(|gpus| gpus.first().cloned()));
    for (position, process) in workers.iter().enumerate() {
        let Some((asked, is_exact)) = asked(server, numa, position, workers.len()) else {
            continue;
        };
        let found = process.mask(online).cpus;
        let had = group.map_or_else(|| asked.clone(), |(cpus, _)| asked.intersection(cpus));
        if found == asked || (!is_exact && found == had) {
            continue;
        }
        let comm = Arg::from(&process.comm);
        let finding = match group {
            Some((granted, _)) if is_exact && had != asked && found.is_subset(&asked) => {
                let said = words::Denied {
                    asked: (&asked).into(),
                    comm,
                    granted: granted.into(),
                    lacking: (&asked.difference(&found)).into(),
                    pid: pid(process),
                };
                PAGE.fail(object, said)
            }
            _ => {
                let said = words::OtherMask {
                    asked: (&asked).into(),
                    comm,
                    found: (&found).into(),
                    pid: pid(process),
                };
                let others = [of_launcher(server), of_openmp(server)];
                let releases = others.into_iter().flatten().filter_map(|binder| binder.release);
                PAGE.fail(object, said).with_intents(releases)
            }
        };
        return Ok(Some(
            finding
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(cite_mask(process, &found))
                .with_citations(of_engine(server).map(|binder| binder.evidence))
                .with_citations(group.map(|(_, citation)| citation.clone())),
        ));
    }
    Ok(None)
}

/// The CPUs that the options ask for a worker, and whether they list them or name their node; `None` where that cannot be
/// told, or where the engine may choose: it may take a part of the node, or all of the socket.
fn asked(server: &InferenceServer, numa: &Numa, position: usize, workers: usize) -> Option<(CpuSet, bool)> {
    let named = ["numa-bind-cpus", "numa-bind-nodes", "numa-node"]
        .iter()
        .find_map(|name| Some((*name, option_values(server, name).filter(|values| !values.is_empty())?)));
    let (name, values) = named?;
    let own = if values.iter().all(|value| *value == values[0]) {
        values.first()?
    } else if values.len() == workers && variable(server, "CUDA_VISIBLE_DEVICES").is_none() {
        values.get(position)?
    } else {
        return None;
    };
    if name == "numa-bind-cpus" {
        return Some((own.parse().ok()?, true));
    }
    // What is bound to a node without CPUs runs elsewhere.
    let cpus = &numa.node(own.parse().ok()?)?.cpus;
    (!cpus.is_empty()).then(|| (cpus.clone(), false))
}

/// A variable of any process of the server, with the process.
fn variable<'a>(server: &'a InferenceServer, name: &str) -> Option<(&'a ServerProcess, &'a str)> {
    server
        .processes
        .iter()
        .find_map(|process| Some((process, process.environment.known()?.get(name)?.as_str())))
}

/// A mechanism that a variable tells of. `off` is the value of `release`, or of the variable itself, that puts it out of
/// force; without one the variable is to be taken out.
fn of_variable(
    server: &InferenceServer,
    name: &str,
    what: &str,
    is_off: &[&str],
    release: (&str, Option<&str>),
) -> Option<Binder> {
    let (process, value) = variable(server, name)?;
    if is_off.contains(&value.to_lowercase().as_str()) {
        return None;
    }
    let (to_set, off) = release;
    Some(Binder {
        name: format!("{what} (`{name}={value}`)"),
        evidence: Citation::new(format!("{}/environ", process.path), format!("{name}={value}")),
        release: Some(Intent::Variable {
            server: server.pid,
            name: to_set.to_owned(),
            want: off.map(str::to_owned),
            was: variable(server, to_set).map(|(_, value)| value.to_owned()),
        }),
    })
}

/// The engine's own binding stays in force, so it has no release.
fn of_engine(server: &InferenceServer) -> Option<Binder> {
    let told = server.binding().ok()??.told;
    let name = format!("{} (`{}`)", server.kind, told.value);
    Some(Binder { name, evidence: told.into(), release: None })
}

/// MPI or Slurm. Both bind by default, so that taking their variable out does not put them out of force.
fn of_launcher(server: &InferenceServer) -> Option<Binder> {
    let slurm = ["SLURM_CPU_BIND_TYPE", "SLURM_CPU_BIND"];
    let none = ("SLURM_CPU_BIND", Some("none"));
    let of_slurm =
        slurm.iter().map(|name| of_variable(server, name, "Slurm", &["none", "quiet,none", ""], none));
    // A launcher that was told not to bind says so in one of its variables.
    let told_off =
        slurm.iter().any(|name| variable(server, name).is_some_and(|(_, value)| value.contains("none")));
    let slurm = if told_off { None } else { of_slurm.into_iter().flatten().next() };
    let policy = "OMPI_MCA_hwloc_base_binding_policy";
    slurm.or_else(|| of_variable(server, policy, "Open MPI", &["none", ""], (policy, Some("none"))))
}

fn of_openmp(server: &InferenceServer) -> Option<Binder> {
    let off = ["false", "disabled", "none", ""];
    ["KMP_AFFINITY", "GOMP_CPU_AFFINITY", "OMP_PROC_BIND"]
        .iter()
        .find_map(|name| of_variable(server, name, "OpenMP", &off, (name, None)))
}
