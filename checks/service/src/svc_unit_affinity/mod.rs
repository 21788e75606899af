//! `svc.unit-affinity`: placement is part of the service definition.
//!
//! A server is *bound* if no thread of its GPU processes may run on all CPUs. Its definition binds it if the unit (or a slice
//! above it), the container or the start command says so, in a place that outlives a reboot: what `systemctl set-property
//! --runtime` wrote lies under `/run`. An option of the engine counts half: engines bind their GPU workers with it, and leave
//! the API server and helpers where they are. A server that nothing binds fails where its GPU processes were also seen to
//! spend their time away from the GPUs, and else is a warning.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Gpu, InferenceServer, Numa, ServerProcess, Unit, UnitSetting};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding,
    Likelihood, Missing, NodeSet, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::server::{Home, Homes, option, servers};

/// See the module.
pub struct SvcUnitAffinity;

const REMOTE_TIME: Limit<Percent> = Limit {
    name: "share of CPU time of GPU processes away from their GPUs",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal, the limit of `numa.gpu-affinity`",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes that have CPUs",
};

static THRESHOLDS: [Threshold; 1] = [REMOTE_TIME.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("svc.unit-affinity"),
    title: Borrowed("Placement is part of the service definition"),
    category: Category::Platform,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("What was set by hand with `taskset` is gone at the next restart."),
    business: Borrowed("The good setting lives in someone's memory. After the next reboot it is gone."),
    needs: Borrowed(&[
        Borrowed("/containers/containers"),
        Borrowed("/gpus"),
        Borrowed("/numa"),
        Borrowed("/servers"),
        Borrowed("/services/units"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`systemctl set-property --runtime UNIT AllowedCPUs=CPUS AllowedMemoryNodes=NODES` \
             applies at once",
        ),
        persistent: Borrowed(
            "A drop-in of the unit (`systemctl edit UNIT`) with `CPUAffinity=CPUS`, \
             `NUMAPolicy=bind`, `NUMAMask=NODES` and `Slice=inference.slice` under `[Service]`; then \
             `systemctl restart UNIT`",
        ),
        rollback: Borrowed("`systemctl revert UNIT`"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`systemctl show UNIT -p CPUAffinity -p NUMAPolicy -p NUMAMask -p EffectiveCPUs`; \
             `numastat -p PID`",
        ),
        expected_effect: Borrowed("Keeps the effect of `numa.gpu-affinity`."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Services of systemd and containers, on hosts with two or more NUMA nodes that have CPUs",
    ),
    caveat: Some(Borrowed(
        "`CPUAffinity=` is a mask that a process can change; `AllowedCPUs=` is enforced by the cpuset. \
         `NUMAPolicy=bind` can end in out-of-memory kills; use `preferred` if unsure.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "systemd.exec(5): CPUAffinity=, NUMAPolicy=, NUMAMask=, Limit*=, OOMScoreAdjust=",
            ),
            url: Borrowed("https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html"),
        },
        Reference {
            title: Borrowed(
                "systemd.resource-control(5): AllowedCPUs=, AllowedMemoryNodes=, CPUWeight=, CPUQuota=, \
                 Slice=",
            ),
            url: Borrowed(
                "https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html",
            ),
        },
        Reference {
            title: Borrowed(
                "vLLM PR #38635: NUMA binding support for GPU workers (--numa-bind, --numa-bind-nodes, \
                 --numa-bind-cpus)",
            ),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/38635"),
        },
    ]),
};

impl Check for SvcUnitAffinity {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = match servers(&META, evidence)? {
            Ok(servers) => servers,
            Err(findings) => return Ok(findings),
        };
        let numa = evidence.numa()?;
        if numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count() < 2 {
            return Ok(vec![META.not_applicable("node", "all CPUs are in one NUMA node")]);
        }
        let homes = Homes::of(evidence);
        let limit = evidence.limit(&META, &REMOTE_TIME);
        Ok(servers
            .iter()
            .map(|server| {
                judge(evidence, server, numa, &homes, &limit)
                    .unwrap_or_else(|why| META.not_run(server.subject(), why.to_string()))
            })
            .collect())
    }
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
    limit: &Limit<Percent>,
) -> Result<Finding, Missing> {
    let all = numa.nodes.iter().fold(CpuSet::new(), |all, node| all.union(&node.cpus));
    let (bound, mask) = binding(server, &all)?;
    let definition = definition(server, homes, &all)?;
    let engine = engine_binds(server)?;
    let subject = server.subject();
    let setting = |finding: Finding| finding.with_likelihood(Likelihood::Setting).with_evidence(mask.clone());
    if let Some(Definition { citation, lasts }) = definition {
        return Ok(match (bound, lasts) {
            (true, true) => {
                let message = "its definition binds it, and its threads show it";
                META.pass(subject, message).with_evidence(citation).with_evidence(mask)
            }
            (true, false) => {
                let message = "it is bound by a setting that is gone after a reboot";
                setting(META.fail(subject, message)).with_evidence(citation)
            }
            (false, _) => {
                let message = "its definition binds it, but its threads may run on all CPUs: it was not restarted since";
                setting(META.warn(subject, message)).with_evidence(citation)
            }
        });
    }
    if let Some(option) = engine {
        let path = format!("{}/cmdline", main_process(server)?.path);
        let message = format!(
            "only the engine binds it (`{option}`), which leaves the API server and helpers anywhere"
        );
        return Ok(setting(META.warn(subject, message)).with_evidence(Citation::new(path, option)));
    }
    if bound {
        let message = "its threads are bound, but neither its definition nor an option of the engine says so: at the \
                       next start that is gone";
        return Ok(setting(META.fail(subject, message)).with_confidence(Confidence::Medium));
    }
    let away = time_away(server, evidence.gpus()?, numa)?;
    if limit.is_exceeded_by(away) {
        let message = format!(
            "nothing binds it, and threads with {:.0} % of the CPU time of its GPU processes were last seen away from \
             their GPUs",
            away.number()
        );
        let finding = META.fail(subject, message).with_likelihood(Likelihood::Mechanism);
        return Ok(finding.with_confidence(Confidence::Medium).with_evidence(mask));
    }
    Ok(setting(META.warn(subject, "nothing binds it, though it was seen to stay near its GPUs")))
}

fn main_process(server: &InferenceServer) -> Result<&ServerProcess, Missing> {
    let root = server.processes.iter().find(|process| process.pid == server.pid);
    root.or_else(|| server.processes.first())
        .ok_or_else(|| Missing::new(Absence::Failed, "the evidence names no process of the server"))
}

/// Processes of the server that use a GPU.
fn gpu_processes(server: &InferenceServer) -> Result<Vec<(&ServerProcess, &[String])>, Missing> {
    let mut found = Vec::new();
    for process in &server.processes {
        let gpus = process.gpus.require()?;
        if !gpus.is_empty() {
            found.push((process, gpus.as_slice()));
        }
    }
    if found.is_empty() {
        return Err(Missing::new(Absence::Absent, "none of its processes was seen to use a GPU"));
    }
    Ok(found)
}

/// Whether no thread of a GPU process may run everywhere, and a mask that shows it.
fn binding(server: &InferenceServer, all: &CpuSet) -> Result<(bool, Citation), Missing> {
    let mut shown = None;
    for (process, _) in gpu_processes(server)? {
        if process.threads.is_empty() {
            return Err(Missing::new(
                Absence::Failed,
                format!("no thread of process {} is known", process.pid),
            ));
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
    let shown = shown.ok_or_else(|| Missing::new(Absence::Failed, "no thread of the server is known"))?;
    Ok((true, shown))
}

fn definition(server: &InferenceServer, homes: &Homes, all: &CpuSet) -> Result<Option<Definition>, Missing> {
    let lasting =
        |path: &str, value: String| Some(Definition { citation: Citation::new(path, value), lasts: true });
    match homes.find(server)? {
        Home::Unit(unit) => of_unit(unit, server, homes),
        Home::Container(container) | Home::Pod(container) => {
            if let Some(docker) = container.docker.known()
                && let Some(cpus) = docker.cpuset_cpus.as_ref().filter(|cpus| !cpus.is_empty())
            {
                return Ok(lasting(&docker.path, format!("CpusetCpus: {cpus}")));
            }
            let spec = container.spec.require()?;
            let cpus = spec.cpuset_cpus.as_ref().filter(|cpus| !cpus.is_empty());
            // A kubelet without CPU manager gives containers the list of all CPUs.
            let narrow = |cpus: &&String| cpus.parse::<CpuSet>().is_ok_and(|cpus| !all.is_subset(&cpus));
            Ok(cpus.filter(narrow).and_then(|cpus| lasting(&spec.path, format!("cpuset: {cpus}"))))
        }
        Home::Nothing(_) => Ok(None),
    }
}

/// Settings of a unit, of the slices above it, or of its start command that bind it.
fn of_unit(unit: &Unit, server: &InferenceServer, homes: &Homes) -> Result<Option<Definition>, Missing> {
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
        if let Ok(unit) = homes.unit(&slice) {
            found.extend(unit.last("Slice", "AllowedCPUs").map(cite));
        }
    }
    // A lasting definition outweighs one that does not.
    found.sort_by_key(|definition| !definition.lasts);
    Ok(found.into_iter().next())
}

/// Names of the slices above a server, from its control group.
fn slices(server: &InferenceServer) -> Vec<String> {
    let cgroup = server.processes.iter().find_map(|process| process.cgroup.known());
    let names =
        cgroup.into_iter().flat_map(|cgroup| &cgroup.chain).filter_map(|level| level.path.rsplit('/').next());
    names.filter(|name| name.ends_with(".slice")).map(str::to_owned).collect()
}

/// The option by which the engine was told to bind its workers.
fn engine_binds(server: &InferenceServer) -> Result<Option<String>, Missing> {
    let flags = ["numa-bind", "numa-bind-nodes", "numa-bind-cpus", "numa-node"];
    if let Some((flag, _)) = option(server, &flags)? {
        return Ok(Some(format!("--{flag}")));
    }
    let names = ["SGLANG_AUTO_NUMA_BIND", "TLLM_NUMA_AWARE_WORKER_AFFINITY"];
    for process in &server.processes {
        let environment = process.environment.require()?;
        if let Some(name) =
            names.into_iter().find(|name| environment.get(*name).is_some_and(|value| value != "0"))
        {
            return Ok(Some(format!("{name}=1")));
        }
    }
    Ok(None)
}

/// Share of the CPU time of GPU processes whose threads were last seen on a CPU of a node without a GPU of theirs.
fn time_away(server: &InferenceServer, gpus: &[Gpu], numa: &Numa) -> Result<Quantity<Percent>, Missing> {
    let (mut away, mut total) = (0_u64, 0_u64);
    for (process, addresses) in gpu_processes(server)? {
        let mut nodes = NodeSet::new();
        for address in addresses {
            nodes.insert(node_of(address, gpus)?);
        }
        let near = numa
            .nodes
            .iter()
            .filter(|node| nodes.contains(node.id))
            .fold(CpuSet::new(), |near, node| near.union(&node.cpus));
        for thread in &process.threads {
            let ticks = *thread.cpu_ticks.require()?;
            total = total.saturating_add(ticks);
            if !near.contains(*thread.last_cpu.require()?) {
                away = away.saturating_add(ticks);
            }
        }
    }
    if total == 0 {
        return Err(Missing::new(Absence::Failed, "its threads have used no CPU time: collect under load"));
    }
    Ok(Quantity::new(100.0 * away as f64 / total as f64))
}

fn node_of(address: &str, gpus: &[Gpu]) -> Result<u32, Missing> {
    let gpu = gpus.iter().find(|gpu| gpu.address == address);
    let gpu =
        gpu.ok_or_else(|| Missing::new(Absence::Failed, format!("GPU {address} is not among the GPUs")))?;
    Ok(gpu.place().one()?.node)
}
