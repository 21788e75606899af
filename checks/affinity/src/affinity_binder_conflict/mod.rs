//! `affinity.binder-conflict`: one mechanism alone decides where the processes of a server run.
//!
//! Mechanisms are told by what they leave behind: options and variables of the server, variables of MPI and Slurm,
//! variables of OpenMP, and a set of CPUs on the control group (container, kubelet, or `AllowedCPUs=` of systemd). A mask
//! that is narrower than all of these account for was set before the start, by `taskset`, `numactl` or `CPUAffinity=`,
//! which leave no other trace; it counts as one mechanism. What was asked for is known for vLLM's `--numa-bind` and
//! SGLang's `--numa-node`, and the masks of GPU workers are compared with it.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::{InferenceServer, ServerProcess};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Fact, Finding, Likelihood, Missing,
    Question, Reference, Remediation, Severity, WorkloadTrait,
};

use crate::place::{Machine, cite_mask, cpuset, no_server, option_values, process_name, server_name};

/// See the module.
pub struct AffinityBinderConflict;

static META: CheckMeta = CheckMeta {
    id: Borrowed("affinity.binder-conflict"),
    title: Borrowed("Only one mechanism sets CPU affinity"),
    category: Category::Placement,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Open MPI, Slurm, the engine, `numactl`, kubelet and systemd overwrite each other's masks, and \
             the result depends on the order in which they start.",
    ),
    business: Borrowed(
        "Three people are giving seating instructions. Nobody can say who sits where after the next \
             restart.",
    ),
    needs: Borrowed(&[Borrowed("/cpu"), Borrowed("/gpus"), Borrowed("/numa"), Borrowed("/servers")]),
    remediation: Remediation {
        runtime: Borrowed(
            "TensorRT-LLM with a binding of your own: `export TLLM_NUMA_AWARE_WORKER_AFFINITY=0 \
             OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_rmaps_base_inherit=1 SLURM_CPU_BIND=none`; or \
             let it bind: `TLLM_NUMA_AWARE_WORKER_AFFINITY=1`. Elsewhere keep one of the mechanisms named and \
             take the others out",
        ),
        persistent: Borrowed(
            "The same in the unit or the batch script; write down which mechanism owns affinity",
        ),
        rollback: Borrowed("The former environment"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`taskset -acp PID`; the line of the engine's log that tells the binding in force (vLLM logs \
             `numactl --show`)",
        ),
        expected_effect: Borrowed(
            "No published number for the conflict itself; TensorRT-LLM PR #9549 reports a test at 691.9 s \
             with one binding and 390.8 s without.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[WorkloadTrait::Disaggregated]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[Borrowed("engine-binding")]),
    applicability: Borrowed(
        "Bare metal, virtual machines, containers; TensorRT-LLM, SGLang, vLLM, also under Slurm and MPI",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "TensorRT-LLM docs: CPU Affinity configuration (TLLM_NUMA_AWARE_WORKER_AFFINITY)",
            ),
            url: Borrowed(
                "https://github.com/NVIDIA/TensorRT-LLM/blob/main/docs/source/deployment-guide/configuring-cpu-affinity.md",
            ),
        },
        Reference {
            title: Borrowed(
                "TensorRT-LLM issue #18848: configure_cpu_affinity() is not idempotent, second call un-pins every \
             thread",
            ),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/issues/18848"),
        },
        Reference {
            title: Borrowed("TensorRT-LLM PR #9549: fix dist-serving perf by clearing CPU affinity"),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/9549"),
        },
        Reference {
            title: Borrowed("SGLang PR #39552: bind GPU processes within the CPUs the process was granted"),
            url: Borrowed("https://github.com/sgl-project/sglang/pull/39552"),
        },
        Reference {
            title: Borrowed(
                "NVIDIA srt-slurm PR #339: optional NUMA CPU affinity binding for TRT-LLM workers",
            ),
            url: Borrowed("https://github.com/NVIDIA/srt-slurm/pull/339"),
        },
    ]),
};

impl Check for AffinityBinderConflict {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![no_server(&META)]);
        }
        let online: CpuSet = evidence.get("/cpu/online")?;
        let machine = Machine { gpus: evidence.gpus()?, numa: evidence.numa()?, cpu: evidence.cpu().ok() };
        Ok(servers.iter().map(|server| judge(server, &machine, &online)).collect())
    }
}

/// A mechanism that is in force, and what says so.
struct Binder {
    name: String,
    evidence: Citation,
}

fn judge(server: &InferenceServer, machine: &Machine<'_>, online: &CpuSet) -> Finding {
    let subject = server_name(server);
    if server.processes.is_empty() || server.kind.is_empty() {
        return META.not_run(subject, "no process of the server was recorded, or not its kind");
    }
    if let Some(missing) = server.processes.iter().find_map(|process| process.mask(online).unknown) {
        return META.not_run(subject, missing.to_string());
    }
    let engine = of_engine(server);
    let launcher = of_launcher(server);
    let has_own = variable(server, "TLLM_NUMA_AWARE_WORKER_AFFINITY").is_some();
    let unread = server.processes.iter().find_map(|process| process.environment.require().err());
    if server.kind == "tensorrt-llm"
        && !has_own
        && unread.is_none()
        && let Some(launcher) = &launcher
    {
        let message = format!(
            "{} binds its processes, but TensorRT-LLM clears their masks as long as \
             `TLLM_NUMA_AWARE_WORKER_AFFINITY` is not set",
            launcher.name
        );
        return META
            .fail(subject, message)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(launcher.evidence.clone());
    }
    // The processes of a server are in one container or unit; the first stands for all.
    let group = match server.processes.first().map(|process| process.cgroup.require().and_then(cpuset)) {
        Some(Err(missing)) => return META.not_run(subject, missing.to_string()),
        Some(Ok(group)) => group.map(|(cpus, citation)| (cpus.intersection(online), citation)),
        None => None,
    };
    let group = group.filter(|(cpus, _)| cpus != online);
    if engine.is_some()
        && let Err(finding) = compare(server, machine, online, group.as_ref())
    {
        return finding;
    }
    if let Some(missing) = unread {
        return META.not_run(subject, missing.to_string());
    }
    let asked_for = engine.is_some() || launcher.is_some();
    let mut binders: Vec<Binder> = [engine, launcher, of_openmp(server)].into_iter().flatten().collect();
    let granted = group.as_ref().map_or(online, |(cpus, _)| cpus);
    if let Some((cpus, citation)) = &group {
        let name = format!("a control group with CPUs {cpus}");
        binders.push(Binder { name, evidence: citation.clone() });
    }
    let narrowed = server.processes.iter().map(|process| (process, process.mask(online).cpus));
    let narrowest = narrowed.filter(|(_, cpus)| cpus != granted).min_by_key(|(_, cpus)| cpus.len());
    if let Some((process, cpus)) = narrowest
        && !asked_for
    {
        let name = format!("a mask of CPUs {cpus} that process {} was started with", process.pid);
        binders.push(Binder { name, evidence: cite_mask(process, &cpus) });
    }
    let names: Vec<&str> = binders.iter().map(|binder| binder.name.as_str()).collect();
    let cite = |finding: Finding| {
        binders.iter().fold(finding, |finding, binder| finding.with_evidence(binder.evidence.clone()))
    };
    match names.as_slice() {
        [] => META.not_applicable(subject, "nothing binds its processes to CPUs"),
        [only] => cite(META.pass(subject, format!("bound by {only} alone"))),
        several => {
            let message = format!("bound by {} mechanisms at once: {}", several.len(), several.join("; "));
            cite(META.warn(subject, message).with_likelihood(Likelihood::Setting))
        }
    }
}

/// Compares the mask of each GPU worker with what the options ask for.
fn compare(
    server: &InferenceServer,
    machine: &Machine<'_>,
    online: &CpuSet,
    group: Option<&(CpuSet, Citation)>,
) -> Result<(), Finding> {
    let subject = server_name(server);
    for process in &server.processes {
        if let Fact::Missing(missing) = &process.gpus {
            return Err(META.not_run(subject, missing.to_string()));
        }
    }
    let is_worker = |process: &&ServerProcess| process.gpus.known().is_some_and(|gpus| !gpus.is_empty());
    let mut workers: Vec<&ServerProcess> = server.processes.iter().filter(is_worker).collect();
    workers.sort_by_key(|process| process.gpus.known().and_then(|gpus| gpus.first().cloned()));
    for (position, process) in workers.iter().enumerate() {
        let Some((asked, is_exact)) = asked(server, machine, process, position, workers.len()) else {
            continue;
        };
        let found = process.mask(online).cpus;
        let is_cut = group.is_some_and(|(cpus, _)| !asked.is_subset(cpus));
        // A server that chooses by itself may choose a part of the node, or all of the socket.
        if found == asked || (!is_exact && !is_cut) {
            continue;
        }
        let missing_cpus = asked.difference(&found);
        let message = match group {
            Some((cpus, _)) if is_cut && found.is_subset(&asked) => format!(
                "{} asks for CPUs {asked}, but its control group has {cpus} only, so that CPUs {missing_cpus} are \
                 not to be had",
                process_name(process)
            ),
            _ => format!("{} asks for CPUs {asked}, and its threads have {found}", process_name(process)),
        };
        let finding = META
            .fail(subject, message)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite_mask(process, &found));
        let finding = match of_engine(server) {
            Some(binder) => finding.with_evidence(binder.evidence),
            None => finding,
        };
        return Err(match group {
            Some((_, citation)) => finding.with_evidence(citation.clone()),
            None => finding,
        });
    }
    Ok(())
}

/// The CPUs that the options ask for a worker, and whether they name them; `None` where that cannot be told.
fn asked(
    server: &InferenceServer,
    machine: &Machine<'_>,
    process: &ServerProcess,
    position: usize,
    workers: usize,
) -> Option<(CpuSet, bool)> {
    let named = ["numa-bind-cpus", "numa-bind-nodes", "numa-node"]
        .iter()
        .find_map(|name| Some((*name, option_values(server, name).filter(|values| !values.is_empty())?)));
    let Some((name, values)) = named else {
        let chooses = option_values(server, "numa-bind").is_some()
            || variable(server, "SGLANG_AUTO_NUMA_BIND").is_some();
        let near = chooses.then(|| machine.near(process.gpus.known()?).ok()).flatten()?;
        return Some((cpus_of(machine, near.nodes.iter())?, false));
    };
    let own = if values.iter().all(|value| *value == values[0]) {
        values.first()?
    } else if values.len() == workers && variable(server, "CUDA_VISIBLE_DEVICES").is_none() {
        values.get(position)?
    } else {
        return None;
    };
    let cpus = if name == "numa-bind-cpus" {
        own.parse().ok()?
    } else {
        cpus_of(machine, std::iter::once(own.parse().ok()?))?
    };
    Some((cpus, true))
}

/// CPUs of nodes; `None` where they have none, since what is bound to a node without CPUs runs elsewhere.
fn cpus_of(machine: &Machine<'_>, mut nodes: impl Iterator<Item = u32>) -> Option<CpuSet> {
    let cpus =
        nodes.try_fold(CpuSet::new(), |cpus, node| Some(cpus.union(&machine.numa.node(node)?.cpus)))?;
    (!cpus.is_empty()).then_some(cpus)
}

/// A variable of any process of the server, with the process.
fn variable<'a>(server: &'a InferenceServer, name: &str) -> Option<(&'a ServerProcess, &'a str)> {
    server
        .processes
        .iter()
        .find_map(|process| Some((process, process.environment.known()?.get(name)?.as_str())))
}

fn of_variable(server: &InferenceServer, name: &str, what: &str, is_off: &[&str]) -> Option<Binder> {
    let (process, value) = variable(server, name)?;
    if is_off.contains(&value.to_lowercase().as_str()) {
        return None;
    }
    Some(Binder {
        name: format!("{what} (`{name}={value}`)"),
        evidence: Citation::new(format!("{}/environ", process.path), format!("{name}={value}")),
    })
}

fn of_engine(server: &InferenceServer) -> Option<Binder> {
    let options = ["numa-bind-cpus", "numa-bind-nodes", "numa-node", "numa-bind"];
    let option = options.iter().find_map(|name| Some((*name, option_values(server, name)?)));
    if let Some((name, values)) = option {
        let text = format!("--{name} {}", values.join(" "));
        return Some(Binder {
            name: format!("{} (`{}`)", server.kind, text.trim_end()),
            evidence: Citation::new(format!("/proc/{}/cmdline", server.pid), text.trim_end()),
        });
    }
    let off = ["0", "false", ""];
    ["SGLANG_AUTO_NUMA_BIND", "SGLANG_SET_CPU_AFFINITY", "TLLM_NUMA_AWARE_WORKER_AFFINITY"]
        .iter()
        .find_map(|name| of_variable(server, name, &server.kind, &off))
}

/// MPI or Slurm.
fn of_launcher(server: &InferenceServer) -> Option<Binder> {
    let slurm = ["SLURM_CPU_BIND_TYPE", "SLURM_CPU_BIND"];
    let of_slurm = slurm.iter().map(|name| of_variable(server, name, "Slurm", &["none", "quiet,none", ""]));
    // A launcher that was told not to bind says so in one of its variables.
    let told_off =
        slurm.iter().any(|name| variable(server, name).is_some_and(|(_, value)| value.contains("none")));
    let slurm = if told_off { None } else { of_slurm.into_iter().flatten().next() };
    slurm.or_else(|| of_variable(server, "OMPI_MCA_hwloc_base_binding_policy", "Open MPI", &["none", ""]))
}

fn of_openmp(server: &InferenceServer) -> Option<Binder> {
    let off = ["false", "disabled", "none", ""];
    ["KMP_AFFINITY", "GOMP_CPU_AFFINITY", "OMP_PROC_BIND"]
        .iter()
        .find_map(|name| of_variable(server, name, "OpenMP", &off))
}
