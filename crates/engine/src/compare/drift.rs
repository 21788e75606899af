//! How a node is set up, as named values, and where two states differ in them.
//!
//! Only what somebody sets or replaces is here: no counter, no clock of the moment, nothing that a node changes by itself.

use std::collections::BTreeMap;

use plumb_evidence::model::{Cgroup, Cpu, CpuFreq, Evidence, Gpu, InferenceServer, Numa, Nvml, Role};
use plumb_evidence::{Absence, CpuSet, Fact, Missing};
use serde::Serialize;

/// The values of one group, or why there are none.
type Group = Fact<BTreeMap<String, Fact<String>>>;

/// How a node is set up, by group and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// Groups by name.
    pub groups: BTreeMap<&'static str, Group>,
}

/// A value of one state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "state", content = "text", rename_all = "kebab-case")]
pub enum Setting {
    /// It is this.
    Known(String),
    /// The node does not have it, or it is not set.
    Absent,
    /// It was not read, and why.
    Unknown(String),
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftKind {
    /// Both states have a value, and they differ.
    Changed,
    /// Only the second has it.
    Appeared,
    /// Only the first has it.
    Vanished,
    /// One of the two is not known.
    NotComparable,
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Group, such as `boot arguments`.
    pub group: String,
    /// Name within the group.
    pub name: String,
    /// What differs.
    pub kind: DriftKind,
    /// Before.
    pub before: Setting,
    /// After.
    pub after: Setting,
}

impl Drift {
    /// Groups whose names are the system's own, in every language.
    pub const NAMED_BY_SYSTEM: [&str; 3] = ["boot arguments", "kernel parameters", "settings"];
}

/// Groups in which a name that is not there was not asked for, rather than not set: a folder that could not be listed
/// names nothing.
const OPEN: [&str; 2] = ["settings", "kernel parameters"];

/// Names of values by which a node changes itself: what they count differs between any two readings.
const COUNTED: [&str; 4] =
    ["fs.aio-nr", "fs.file-nr", "kernel.random.entropy_avail", "net.netfilter.nf_conntrack_count"];

/// Parts of the paths of files that count, too.
const COUNTING: [&str; 6] =
    ["/counters/", "/hw_counters/", "/proc/uptime", "/statistics/", "cpu.stat", "current_freq"];

/// Where a server runs comes first, as this is what work on a node moves, then the rest of it, then the node.
fn rank(drift: &Drift) -> u8 {
    match drift.group.as_str() {
        SERVERS if PLACES.iter().any(|place| drift.name.contains(place)) => 0,
        SERVERS => 1,
        _ => 2,
    }
}

const SERVERS: &str = "inference servers";

/// Parts of the names of values that say where a server runs, and how much of the CPUs it gets.
const PLACES: [&str; 4] = [": CPUs of ", ": NUMA nodes of ", ": CPU limit", ": CPUs granted"];

pub(super) fn compare(before: &Configuration, after: &Configuration) -> Vec<Drift> {
    let mut drifts = Vec::new();
    for &group in before.groups.keys() {
        for name in names(group, &[before, after]) {
            let (before, after) = (before.setting(group, &name), after.setting(group, &name));
            let kind = match (&before, &after) {
                (a, b) if a == b => continue,
                (Setting::Unknown(_), Setting::Unknown(_)) => continue,
                (Setting::Unknown(_), _) | (_, Setting::Unknown(_)) => DriftKind::NotComparable,
                (Setting::Absent, _) => DriftKind::Appeared,
                (_, Setting::Absent) => DriftKind::Vanished,
                _ => DriftKind::Changed,
            };
            drifts.push(Drift { group: group.to_owned(), name, kind, before, after });
        }
    }
    drifts.sort_by_key(rank);
    drifts
}

/// Stands for a group as a whole, where a side has none of it.
const WHOLE: &str = "all of them";

/// The names of a group over all nodes, sorted; one name for the whole where a node has not got the group.
pub(crate) fn names(group: &str, nodes: &[&Configuration]) -> Vec<String> {
    let groups = || nodes.iter().filter_map(|node| node.groups.get(group));
    if groups().any(|group| group.known().is_none()) {
        return vec![WHOLE.to_owned()];
    }
    let mut names: Vec<String> = groups()
        .flat_map(|group| group.known().into_iter().flat_map(|values| values.keys().cloned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

impl Configuration {
    /// A value of a group. What a group that was read does not name is not there.
    pub(crate) fn setting(&self, group: &str, name: &str) -> Setting {
        match self.groups.get(group) {
            None => Setting::Unknown("not looked at".to_owned()),
            Some(Fact::Missing(missing)) => of_missing(missing),
            Some(Fact::Known(values)) if name == WHOLE => Setting::Known(format!("{} values", values.len())),
            Some(Fact::Known(values)) => match values.get(name) {
                None if OPEN.contains(&group) => Setting::Unknown("the bundle does not hold it".to_owned()),
                None => Setting::Absent,
                Some(Fact::Known(value)) => Setting::Known(value.clone()),
                Some(Fact::Missing(missing)) => of_missing(missing),
            },
        }
    }
}

fn of_missing(missing: &Missing) -> Setting {
    match missing.missing {
        Absence::Absent => Setting::Absent,
        _ => Setting::Unknown(missing.to_string()),
    }
}

/// How the node of the evidence is set up.
#[must_use]
pub fn configuration(evidence: &Evidence) -> Configuration {
    let mut groups = BTreeMap::new();
    groups.insert("versions", Fact::Known(versions(evidence)));
    groups.insert("boot arguments", evidence.node.cmdline.as_ref().map(|line| boot(line)));
    groups.insert("processors", evidence.cpu.as_ref().map(processors));
    groups.insert("NUMA nodes", evidence.numa.as_ref().map(numa));
    groups.insert("GPUs", evidence.gpus.as_ref().map(|gpus| devices(gpus)));
    groups.insert("CPU clocks", evidence.cpufreq.as_ref().map(clocks));
    groups.insert("CPU idle states", evidence.cpuidle.as_ref().map(idle));
    let parameters = evidence.sysctl.iter().filter(|(name, _)| !COUNTED.contains(&name.as_str()));
    let parameters = parameters.map(|(name, value)| (name.clone(), value.clone())).collect();
    groups.insert("kernel parameters", Fact::Known(parameters));
    groups.insert("settings", Fact::Known(files(evidence)));
    groups.insert("GPU settings", evidence.nvml.as_ref().map(gpus));
    groups.insert(SERVERS, evidence.servers.as_ref().map(|servers| self::servers(servers)));
    Configuration { groups }
}

type Values = BTreeMap<String, Fact<String>>;

fn versions(evidence: &Evidence) -> Values {
    let node = &evidence.node;
    let nvml = |get: fn(&Nvml) -> &Fact<String>| evidence.nvml.as_ref().and_then(|nvml| get(nvml).clone());
    [
        ("machine", node.machine.clone()),
        ("operating system", node.os.clone()),
        ("kernel", node.kernel.clone()),
        ("virtualisation", node.virtualization.clone()),
        ("container", node.container.clone()),
        ("GPU driver", nvml(|nvml| &nvml.driver_version)),
        ("CUDA of the driver", nvml(|nvml| &nvml.cuda_version)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Boot arguments by key; one that is given several times has all its values.
fn boot(line: &str) -> Values {
    let mut arguments: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for argument in line.split_whitespace() {
        let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
        // What is booted is among the versions.
        if key != "BOOT_IMAGE" {
            arguments.entry(key.to_owned()).or_default().push(if value.is_empty() { "set" } else { value });
        }
    }
    arguments.into_iter().map(|(key, values)| (key, Fact::Known(values.join(", ")))).collect()
}

fn processors(cpu: &Cpu) -> Values {
    let threads = if cpu.smt_active { "several" } else { "one" };
    [
        ("model", cpu.model.clone()),
        ("sockets", Fact::Known(cpu.sockets.to_string())),
        ("cores", Fact::Known(cpu.cores.to_string())),
        ("online CPUs", Fact::Known(cpu.online.to_string())),
        ("hardware threads of a core in use", Fact::Known(threads.to_owned())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn numa(numa: &Numa) -> Values {
    let mut values = Values::new();
    for node in &numa.nodes {
        values.insert(format!("CPUs of node {}", node.id), Fact::Known(node.cpus.to_string()));
        // To whole GiB: the kernel takes a little more or less for itself at every start.
        let memory = node.mem_total_bytes.as_ref().map(|&bytes| format!("{} GiB", (bytes + (1 << 29)) >> 30));
        values.insert(format!("memory of node {}", node.id), memory);
    }
    values
}

fn devices(gpus: &[Gpu]) -> Values {
    let mut values = Values::new();
    for gpu in gpus {
        values.insert(format!("at {}", gpu.address), gpu.name.clone());
        let node = gpu.numa.sysfs.as_ref().map(ToString::to_string);
        values.insert(format!("NUMA node of the one at {}", gpu.address), node);
    }
    values
}

/// Equal values of many CPUs, as `performance: CPUs 0-127`.
fn grouped(values: impl Iterator<Item = (Fact<String>, CpuSet)>) -> Fact<String> {
    let mut groups: BTreeMap<String, CpuSet> = BTreeMap::new();
    let mut missing = None;
    for (value, cpus) in values {
        match value {
            Fact::Known(value) => add(groups.entry(value).or_default(), &cpus),
            Fact::Missing(why) => missing = missing.or(Some(why)),
        }
    }
    match missing {
        Some(missing) if groups.is_empty() || missing.missing != Absence::Absent => Fact::Missing(missing),
        _ => {
            let groups: Vec<String> =
                groups.into_iter().map(|(value, cpus)| format!("{value} (CPUs {cpus})")).collect();
            Fact::Known(groups.join(", "))
        }
    }
}

fn add(to: &mut CpuSet, cpus: &CpuSet) {
    *to = to.union(cpus);
}

fn clocks(freq: &CpuFreq) -> Values {
    let per_policy = |get: fn(&plumb_evidence::model::FreqPolicy) -> Fact<String>| {
        grouped(freq.policies.iter().map(|policy| (get(policy), policy.cpus.clone())))
    };
    [
        ("driver", per_policy(|policy| policy.scaling_driver.clone())),
        ("governor", per_policy(|policy| policy.scaling_governor.clone())),
        ("energy preference", per_policy(|policy| policy.energy_performance_preference.clone())),
        (
            "lower limit",
            per_policy(|policy| policy.scaling_min_freq_khz.as_ref().map(|khz| format!("{khz} kHz"))),
        ),
        (
            "upper limit",
            per_policy(|policy| policy.scaling_max_freq_khz.as_ref().map(|khz| format!("{khz} kHz"))),
        ),
        ("boost", freq.boost.clone()),
        ("intel_pstate", freq.intel_pstate.clone()),
        ("intel_pstate no_turbo", freq.intel_no_turbo.clone()),
        ("amd_pstate", freq.amd_pstate.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn idle(idle: &plumb_evidence::model::CpuIdle) -> Values {
    let mut values = Values::new();
    values.insert("driver".to_owned(), idle.driver.clone());
    values.insert("governor".to_owned(), idle.governor.clone());
    let mut states: BTreeMap<&str, (CpuSet, CpuSet)> = BTreeMap::new();
    for state in &idle.states {
        let (all, disabled) = states.entry(&state.name).or_default();
        add(all, &state.cpus);
        add(disabled, &state.disabled);
    }
    for (name, (all, disabled)) in states {
        let text = if disabled.is_empty() {
            "enabled".to_owned()
        } else if disabled == all {
            "disabled".to_owned()
        } else {
            format!("disabled (CPUs {disabled})")
        };
        values.insert(format!("state {name}"), Fact::Known(text));
    }
    values
}

/// Files of one value. Those that are read at both ends of the window move by themselves.
fn files(evidence: &Evidence) -> Values {
    let moving = |path: &str| COUNTING.iter().any(|part| path.contains(part));
    let subjects = evidence.settings.values();
    subjects
        .flat_map(|files| files.iter())
        .filter(|(path, _)| !moving(path))
        .map(|(path, value)| (path.clone(), value.as_ref().map(|text| text.trim().to_owned())))
        .collect()
}

fn gpus(nvml: &Nvml) -> Values {
    let mut values = Values::new();
    for device in &nvml.devices {
        let mut put = |name: &str, value: Fact<String>| {
            values.insert(format!("GPU {}: {name}", device.index), value);
        };
        let flag = |fact: &Fact<bool>| fact.as_ref().map(|&on| if on { "on" } else { "off" }.to_owned());
        put("VBIOS", device.vbios.clone());
        put("persistence mode", flag(&device.persistence));
        put("compute mode", device.compute_mode.clone());
        put("ECC", flag(&device.ecc_enabled));
        put("MIG", flag(&device.mig));
        put("power limit", device.power_limit_watts.as_ref().map(|watts| format!("{watts} W")));
        put("application clock", device.application_sm_mhz.as_ref().map(|mhz| format!("{mhz} MHz")));
    }
    values
}

fn servers(servers: &[InferenceServer]) -> Values {
    let mut values = Values::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for server in servers {
        let at = server.unit.known().or(server.model.known()).map_or("", String::as_str);
        let mut name = format!("{} {at}", server.kind).trim().to_owned();
        // PIDs change with every start; two servers of one name are told apart by their order.
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name = format!("{name} ({count})");
        }
        let mut put = |key: &str, value: Fact<String>| {
            values.insert(format!("{name}: {key}"), value);
        };
        put("model", server.model.clone());
        put("version", server.version.clone());
        // One value: were each an item of its own, options that could not be read would look like options removed.
        let options = server.options.as_ref().map(|options| {
            options.iter().map(|(option, value)| format!("--{option} {value}")).collect::<Vec<_>>().join(" ")
        });
        put("options", options);
        let groups = server.main_process().map_or_else(Fact::default, |process| process.cgroup.clone());
        put("CPU limit", groups.clone().and_then(|groups| limit(&groups)));
        put("CPUs granted by its control group", groups.and_then(|groups| granted(&groups)));
        for process in &server.processes {
            let role = match process.role {
                Role::ApiServer => "API server",
                Role::EngineCore => "engine core",
                Role::GpuWorker => "GPU worker",
                Role::Tokenizer => "tokenizer",
                Role::Router => "router",
                Role::Whole => "server",
                Role::Other => continue,
            };
            let of = process.gpus.known().filter(|gpus| !gpus.is_empty());
            let of = of.map(|gpus| format!(" of {}", gpus.join(", "))).unwrap_or_default();
            if let Some(thread) = process.threads.first() {
                put(
                    &format!("CPUs of the {role}{of}"),
                    thread.cpus_allowed.as_ref().map(ToString::to_string),
                );
                put(
                    &format!("NUMA nodes of the {role}{of}"),
                    thread.mems_allowed.as_ref().map(ToString::to_string),
                );
            }
        }
    }
    values
}

/// The tightest limit on CPU time above a process. A group that does not tell may hold a tighter one.
fn limit(groups: &Cgroup) -> Fact<String> {
    let (quotas, unknown) = groups.quotas();
    let tightest = quotas.iter().map(|quota| quota.cpus).min_by(f64::total_cmp);
    match (tightest, unknown) {
        (_, Some(why)) => Fact::Missing(why),
        (Some(cpus), None) => Fact::Known(format!("{} CPUs", (cpus * 100.0).round() / 100.0)),
        (None, None) => Fact::absent("no control group limits it"),
    }
}

/// The set of CPUs that the control groups of a process grant.
fn granted(groups: &Cgroup) -> Fact<String> {
    match groups.granted_cpus() {
        Ok(Some((cpus, _, _))) => Fact::Known(cpus.to_string()),
        Ok(None) => Fact::absent("no control group has a set of CPUs"),
        Err(why) => Fact::Missing(why),
    }
}
