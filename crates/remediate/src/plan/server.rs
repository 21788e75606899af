//! The inference servers: name, GPUs, what starts them, how they were started, and what their units are to say.

use std::collections::BTreeSet;

use plumb_check_sdk::Intent;
use plumb_evidence::model::{Engine, InferenceServer, PoolSetting, Role, ServerProcess};
use plumb_evidence::{Absence, Evidence, Fact};

use super::goals;
use super::{Basis, Command, GpuPlace, Home, NotPlanned, Part, Plan, ServerPlan, ServiceSetting, partition};
use crate::actions::service::unit_key;
use crate::quote::{environment_word, is_plain, is_service_name, is_variable, slug};

/// What collection puts in the place of a secret.
const MASK: &str = "***";
/// The longest command line that is written down again, in bytes.
const MAX_COMMAND: usize = 32 << 10;
/// The most threads of a pool; our proposal.
const MAX_POOL: usize = 8;

/// All servers, by process id.
pub(super) fn all(evidence: &Evidence) -> Vec<ServerPlan> {
    let mut names = BTreeSet::new();
    let servers = evidence.servers.known().into_iter().flatten();
    servers
        .map(|server| ServerPlan {
            name: name(server, &mut names),
            kind: server.kind.clone(),
            pid: server.pid,
            gpus: gpus(evidence, server),
            home: home(evidence, server),
            placement: None,
            settings: Vec::new(),
            command: command(server),
            resident_bytes: resident(server),
        })
        .collect()
}

fn name(server: &InferenceServer, taken: &mut BTreeSet<String>) -> String {
    let model =
        server.model.known().map(|model| slug(model.trim_end_matches('/').rsplit('/').next().unwrap_or("")));
    let mut name = slug(&format!("{}-{}", server.kind, model.unwrap_or_default()));
    if name.is_empty() {
        name = "server".to_owned();
    }
    let stem = name.clone();
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{stem}-{number}");
    }
    name
}

/// GPUs of a server with their nodes; `None` where its GPUs or the node of one are not known.
fn gpus(evidence: &Evidence, server: &InferenceServer) -> Option<Vec<GpuPlace>> {
    let mut addresses = BTreeSet::new();
    for process in &server.processes {
        addresses.extend(process.gpus.known()?.iter());
    }
    let all = evidence.gpus.known()?;
    let devices = evidence.nvml.known().map(|nvml| nvml.devices.as_slice()).unwrap_or_default();
    addresses
        .into_iter()
        .map(|address| {
            let place = all.iter().find(|gpu| gpu.address == *address)?.place();
            let told = place.one().ok()?;
            Some(GpuPlace {
                address: address.clone(),
                node: told.node,
                source: match told.source {
                    plumb_evidence::model::NodeSource::Sysfs => "sysfs",
                    plumb_evidence::model::NodeSource::Nvml => "nvml",
                    plumb_evidence::model::NodeSource::LocalCpus => "local CPUs",
                    plumb_evidence::model::NodeSource::Hwloc => "hwloc",
                },
                index: devices
                    .iter()
                    .find(|device| device.address.known() == Some(address))
                    .map(|device| device.index),
            })
        })
        .collect()
}

fn home(evidence: &Evidence, server: &InferenceServer) -> Home {
    match &server.container {
        Fact::Known(id) => {
            let containers = evidence.containers.known().and_then(|all| all.containers.known());
            let Some(container) = containers.into_iter().flatten().find(|container| container.id == *id)
            else {
                return Home::Unknown("the evidence does not describe its container".to_owned());
            };
            return match &container.pod {
                Fact::Known(_) => Home::Pod,
                Fact::Missing(why) if why.missing == Absence::Absent => {
                    let name = container.name.known().filter(|name| is_plain(name) && name.len() <= 200);
                    Home::Container(name.cloned().unwrap_or_default())
                }
                Fact::Missing(why) => Home::Unknown(why.to_string()),
            };
        }
        Fact::Missing(why) if why.missing == Absence::Absent => {}
        Fact::Missing(why) => return Home::Unknown(why.to_string()),
    }
    match &server.unit {
        // A scope is made by a program that starts processes itself: nothing starts it again.
        Fact::Known(name) if name.ends_with(".scope") => Home::Nothing("it runs in a scope".to_owned()),
        Fact::Known(name) if !is_service_name(name) => {
            Home::Unknown("its unit has a name that cannot be written down safely".to_owned())
        }
        Fact::Known(name) => Home::Unit(name.clone()),
        Fact::Missing(why) if why.missing == Absence::Absent => {
            Home::Nothing("it runs in no unit".to_owned())
        }
        Fact::Missing(why) => Home::Unknown(why.to_string()),
    }
}

/// The process that the others descend from.
fn root(server: &InferenceServer) -> Option<&ServerProcess> {
    server.processes.iter().find(|process| process.pid == server.pid)
}

fn command(server: &InferenceServer) -> Result<Command, String> {
    let root = root(server).ok_or("the evidence does not describe its first process")?;
    let arguments = root.cmdline.require().map_err(|why| why.to_string())?;
    let Some(program) = arguments.first() else { return Err("its command line is empty".to_owned()) };
    let length: usize = arguments.iter().map(|argument| argument.len() + 1).sum();
    if length > MAX_COMMAND {
        return Err(format!("its command line of {length} bytes is too long"));
    }
    // A title that the process gave itself is no command, and some programs write all of it into the first argument.
    if !is_plain(program) || program.contains("::") || program.contains(MASK) || program.contains(':') {
        return Err("its first argument is no plain path of a program: the process renamed itself".to_owned());
    }
    if arguments.iter().any(|argument| argument.contains(char::REPLACEMENT_CHARACTER)) {
        return Err("its command line is not valid UTF-8".to_owned());
    }
    let mut secrets = Vec::new();
    let mut words = Vec::new();
    for (at, argument) in arguments.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |before| arguments[before].as_str());
        words.push(parts(argument, before, &mut secrets));
    }
    let mut environment = Vec::new();
    for (name, value) in root.environment.known().into_iter().flatten().filter(|(name, _)| is_variable(name))
    {
        if value.contains(MASK) {
            secrets.push(name.clone());
        } else if !value.contains(char::REPLACEMENT_CHARACTER) {
            environment.push((name.clone(), value.clone()));
        }
    }
    secrets.sort();
    secrets.dedup();
    Ok(Command { words, environment, secrets })
}

/// Splits an argument at its secrets, which get the name of the option that they belong to.
fn parts(argument: &str, before: &str, secrets: &mut Vec<String>) -> Vec<Part> {
    if !argument.contains(MASK) {
        return vec![Part::Text(argument.to_owned())];
    }
    let option = argument.split_once('=').map_or(before, |(name, _)| name);
    let mut name: String = slug(option.trim_start_matches('-')).replace('-', "_").to_ascii_uppercase();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name = "VALUE".to_owned();
    }
    let name = format!("PLUMB_{name}");
    let mut parts = Vec::new();
    for (at, text) in argument.split(MASK).enumerate() {
        if at > 0 {
            parts.push(Part::Secret(name.clone()));
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
    }
    secrets.push(name);
    parts
}

fn resident(server: &InferenceServer) -> Option<u64> {
    if server.processes.is_empty() {
        return None;
    }
    server.processes.iter().try_fold(0u64, |sum, process| {
        Some(sum.saturating_add(
            process.memory.known()?.bytes_by_node.values().fold(0, |a: u64, b| a.saturating_add(*b)),
        ))
    })
}

/// Key of the sentence that says where the setting of a pool goes.
pub(crate) fn pool_key(setting: PoolSetting) -> &'static str {
    match setting {
        PoolSetting::Variable => "also-pool-variable",
        PoolSetting::Option(_) => "also-pool-option",
        PoolSetting::Parameter(_) => "also-pool-parameter",
    }
}

/// What the units of the servers are to say beside placement.
pub(super) fn settings(evidence: &Evidence, plan: &mut Plan) {
    for at in 0..plan.servers.len() {
        let pid = plan.servers[at].pid;
        let mut settings: Vec<ServiceSetting> = Vec::new();
        let slices = plan.partition.as_ref().and_then(|split| split.slices.clone());
        if let Some(why) = slices.filter(|_| plan.servers[at].placement.is_none()) {
            // Else it stays in a slice whose CPUs are taken away.
            settings.push(ServiceSetting { key: "Slice", value: "inference.slice".to_owned(), why });
        }
        let mut add = |key: &'static str, value: &str, why: &super::Why| {
            if settings.iter().all(|own| own.key != key || (key == "Environment" && own.value != value)) {
                settings.push(ServiceSetting { key, value: value.to_owned(), why: why.clone() });
            }
        };
        for goal in &plan.goals {
            let Some((key, value)) = setting(evidence, pid, &goal.intent) else { continue };
            let same = |intent: &Intent| *intent == goal.intent;
            if let Some(why) = goals::why_for(&plan.goals, Basis::Published, same) {
                add(key, &value, &why);
            }
        }
        let of_pool = |intent: &Intent| matches!(intent, Intent::ThreadPool { server, .. } if *server == pid);
        if let Some(why) = goals::why_for(&plan.goals, Basis::Published, of_pool) {
            let setting = Engine::of(&plan.servers[at].kind).pool;
            match pool(evidence, plan, at) {
                // Its command line is not ours to write.
                Some(threads) if !matches!(setting, PoolSetting::Variable) => {
                    plan.not_planned.push(NotPlanned {
                        what: format!("size of thread pools of {}", plan.servers[at].name),
                        why: format!(
                            "no file of the plan sets it: start {} with `{}`",
                            plan.servers[at].kind,
                            setting.with(threads)
                        ),
                    })
                }
                // A pool that is larger all the same does not go by the variable.
                Some(threads) if is_set(evidence, at, threads) => plan.not_planned.push(NotPlanned {
                    what: format!("size of thread pools of {}", plan.servers[at].name),
                    why: format!(
                        "OMP_NUM_THREADS is {threads} or less already: find out what starts these threads"
                    ),
                }),
                Some(threads) => {
                    let why = super::Why { basis: Basis::Assumed, ..why };
                    add("Environment", &environment_word(&format!("OMP_NUM_THREADS={threads}")), &why);
                }
                None => plan.not_planned.push(NotPlanned {
                    what: format!("size of thread pools of {}", plan.servers[at].name),
                    why: "evidence is missing: its CPUs or the number of its workers".to_owned(),
                }),
            }
        }
        plan.servers[at].settings = settings;
    }
}

/// How the unit of a server says what an intent asks of it.
fn setting(evidence: &Evidence, pid: u32, intent: &Intent) -> Option<(&'static str, String)> {
    match intent {
        Intent::Service { server, setting, want, .. } if *server == pid => {
            // What tells that a server answers is a command that only its owner can name.
            let is_value = !matches!(setting, plumb_check_sdk::ServiceSetting::HealthCheck);
            is_value.then(|| (unit_key(*setting), want.clone()))
        }
        // An empty value takes back what the unit or an earlier drop-in says.
        Intent::CpuQuota { server, want, .. } if *server == pid => {
            Some(("CPUQuota", want.map(|cpus| format!("{}%", u64::from(cpus) * 100)).unwrap_or_default()))
        }
        Intent::NormalPolicy { process, .. } => {
            let servers = evidence.servers.known()?;
            let own = servers.iter().find(|server| server.pid == pid)?;
            own.processes
                .iter()
                .any(|own| own.pid == *process)
                .then(|| ("CPUSchedulingPolicy", "other".to_owned()))
        }
        Intent::Variable { server, name, want: Some(want), .. } if *server == pid => {
            Some(("Environment", environment_word(&format!("{name}={want}"))))
        }
        Intent::Variable { server, name, want: None, .. } if *server == pid => {
            Some(("UnsetEnvironment", name.clone()))
        }
        _ => None,
    }
}

/// True if all processes of the server that tell their environment have the variable with at most this value.
fn is_set(evidence: &Evidence, at: usize, threads: usize) -> bool {
    let server = evidence.servers.known().and_then(|servers| servers.get(at));
    let mut environments = server
        .into_iter()
        .flat_map(|server| &server.processes)
        .filter_map(|process| process.environment.known());
    let value = |environment: &std::collections::BTreeMap<String, String>| {
        environment.get("OMP_NUM_THREADS")?.split(',').next()?.trim().parse::<usize>().ok()
    };
    let mut seen = false;
    environments.all(|environment| {
        seen = true;
        value(environment).is_some_and(|value| value <= threads)
    }) && seen
}

/// Threads of a pool: cores of the server shared by its workers, at most [`MAX_POOL`].
fn pool(evidence: &Evidence, plan: &Plan, at: usize) -> Option<usize> {
    let cpu = evidence.cpu.known()?;
    let server = evidence.servers.known()?.get(at)?;
    let cpus = match &plan.servers[at].placement {
        Some(place) => place.cpus.clone(),
        None => {
            let masks: Vec<_> = server.processes.iter().map(|process| process.mask(&cpu.online)).collect();
            if masks.iter().any(|mask| mask.unknown.is_some()) {
                return None;
            }
            partition::union(masks.iter().map(|mask| &mask.cpus))
        }
    };
    let is_worker = |process: &&ServerProcess| matches!(process.role, Role::GpuWorker | Role::Whole);
    let workers = server.processes.iter().filter(is_worker).count().max(1);
    Some((cpu.cores_touched(&cpus) / workers).clamp(1, MAX_POOL))
}
