//! Goals of findings reached on the evidence: what a check asks for has to satisfy the check.
//!
//! Files are tried on trees; a server's options and a container's settings have none, and so are tried here, with the rest of
//! what a value in the evidence shows. What nobody can set there (firmware, hardware, more CPUs, the place of a process) is left.

use std::collections::BTreeMap;

use plumb_check_sdk::{CpuSet, Finding, Intent};
use serde_json::{Value, json};

/// The evidence after all of these goals; `None` if one of them is not a value in the evidence.
pub(crate) fn after(evidence: &Value, intents: &[Intent]) -> Option<Value> {
    let mut evidence = evidence.clone();
    for intent in intents {
        reach(&mut evidence, intent)?;
    }
    Some(evidence)
}

/// The deviations that were to be gone and are there still, or that have come.
pub(crate) fn left<'a>(before: &[Finding], mended: &Finding, after: &'a [Finding]) -> Vec<&'a Finding> {
    let deviated =
        |now: &&Finding| before.iter().any(|then| then.outcome.is_deviation() && then.subject == now.subject);
    after
        .iter()
        .filter(|now| now.outcome.is_deviation())
        .filter(|now| now.subject == mended.subject || !deviated(now))
        // What else was told of the same subject has goals of its own.
        .filter(|now| {
            now.variant == mended.variant
                || !before.iter().any(|then| {
                    then.outcome.is_deviation()
                        && (&then.subject, &then.variant) == (&now.subject, &now.variant)
                })
        })
        .collect()
}

fn reach(evidence: &mut Value, intent: &Intent) -> Option<()> {
    match intent {
        Intent::Governor { cpus, want, .. } => of_policies(evidence, cpus, "scaling_governor", &json!(want)),
        Intent::EnergyPreference { cpus, want, .. } => {
            of_policies(evidence, cpus, "energy_performance_preference", &json!(want))
        }
        Intent::FrequencyCap { cpus, want_khz, .. } => {
            of_policies(evidence, cpus, "scaling_max_freq_khz", &json!(want_khz))
        }
        Intent::EnergyBias { cpus, want, .. } => {
            let groups = evidence.pointer_mut("/power/energy_perf_bias")?.as_array_mut()?;
            groups
                .iter_mut()
                .filter(|group| meets(group, cpus))
                .for_each(|group| group["value"] = json!(want));
            Some(())
        }
        Intent::Boost { path, want, .. } => {
            let switch = if path.ends_with("no_turbo") { "intel_no_turbo" } else { "boost" };
            *evidence.pointer_mut(&format!("/cpufreq/{switch}"))? = json!(want);
            Some(())
        }
        Intent::IdleState { cpus, index, .. } => {
            let states = evidence.pointer_mut("/cpuidle/states")?.as_array_mut()?;
            for state in states.iter_mut().filter(|state| state["index"] == json!(index)) {
                let already: CpuSet = state["disabled"].as_str().unwrap_or_default().parse().ok()?;
                state["disabled"] = json!(already.union(cpus).to_string());
            }
            // A state that is disabled is not entered.
            if let Some(idle) = evidence.pointer_mut("/power/window/idle").and_then(Value::as_array_mut) {
                idle.retain(|entered| entered["index"] != json!(index));
            }
            Some(())
        }
        Intent::Value { path, want, .. } => {
            let groups = evidence.pointer_mut("/settings")?.as_object_mut()?;
            let file = groups.values_mut().find_map(|files| files.get_mut(path))?;
            // A file of choices shows all of them, with the one in force in brackets.
            let choices = file.as_str().filter(|text| text.contains('[')).map(|text| {
                let words = text.split_whitespace().map(|word| word.trim_matches(['[', ']']));
                let words =
                    words.map(|word| if word == want { format!("[{word}]") } else { word.to_owned() });
                words.collect::<Vec<_>>().join(" ")
            });
            *file = json!(choices.as_deref().unwrap_or(want));
            // What memory was compacted for is of the time before.
            if path.ends_with("/transparent_hugepage/defrag")
                && let Some(counters) = evidence.pointer_mut("/window/vmstat").and_then(Value::as_object_mut)
            {
                for name in ["compact_stall", "thp_fault_fallback"] {
                    counters.insert(name.to_owned(), json!(0));
                }
            }
            Some(())
        }
        // How many pages are reserved then is counted elsewhere, as far as the kernel can free them.
        Intent::Sysctl { name, .. } if name == "vm.nr_hugepages" => None,
        Intent::Sysctl { name, want, .. } => {
            *evidence.pointer_mut("/sysctl")?.get_mut(name)? = json!(want);
            // What was dropped for want of room is of the time before.
            if name.starts_with("net.core.netdev_")
                && let Some(cpus) = evidence.pointer_mut("/window/softnet").and_then(Value::as_array_mut)
            {
                cpus.clear();
            }
            Some(())
        }
        Intent::KernelArgument { argument, present: false } => {
            let line = evidence.pointer_mut("/node/cmdline")?;
            let words = line.as_str()?.split_whitespace().filter(|word| word != argument);
            *line = json!(words.collect::<Vec<_>>().join(" "));
            // Gone for good means gone from what the boot loader gives as well.
            let boot = evidence.pointer_mut("/platform/boot").and_then(Value::as_array_mut);
            for source in boot.into_iter().flatten() {
                if let Some(words) = source.get_mut("arguments").and_then(Value::as_array_mut) {
                    words.retain(|word| word.as_str() != Some(argument));
                }
            }
            // What the argument set is seen in a file of its own.
            let file = match argument.split('=').next() {
                Some("isolcpus") => "isolated",
                Some("nohz_full") => "nohz_full",
                Some("systemd.cpu_affinity") => {
                    let none = json!({ "missing": "absent", "reason": "the argument is gone" });
                    *evidence.pointer_mut("/platform/manager_affinity")? = none;
                    return Some(());
                }
                _ => return Some(()),
            };
            let path = format!("/sys/devices/system/cpu/{file}");
            let groups = evidence.get_mut("settings").and_then(Value::as_object_mut)?;
            if let Some(value) = groups.values_mut().find_map(|files| files.get_mut(&path)) {
                *value = json!("");
            }
            Some(())
        }
        // Which masks a server has at its next start, without what may have set them, is not in the evidence.
        Intent::Variable { server, .. } if is_bound(evidence, *server) => None,
        Intent::Variable { server, name, want, .. } => variable(evidence, *server, name, want.as_deref()),
        Intent::ThreadPool { server, want, .. } => pool(evidence, *server, *want),
        Intent::WithoutOption { server, option } => {
            for process in processes(evidence, *server)? {
                let words = process.get_mut("cmdline").and_then(Value::as_array_mut)?;
                words.retain(|word| word.as_str().is_none_or(|word| word.split('=').next() != Some(option)));
            }
            Some(())
        }
        Intent::WithOption { server, option, want, .. } => {
            for process in processes(evidence, *server)? {
                let words = process.get_mut("cmdline").and_then(Value::as_array_mut)?;
                if words.is_empty() {
                    continue;
                }
                words.push(json!(option));
                words.extend(want.iter().map(|want| json!(want)));
            }
            Some(())
        }
        // What comes of a new boot argument, a profile, a service, more cores or other parts is not in the evidence.
        Intent::KernelArgument { present: true, .. }
        | Intent::TunedProfile { .. }
        | Intent::Unit { .. }
        | Intent::Place { .. }
        | Intent::Cores { .. }
        | Intent::Service { .. }
        | Intent::CpuQuota { .. }
        | Intent::Capability { .. }
        | Intent::SharedMemory { .. }
        | Intent::GuaranteedPod { .. }
        | Intent::ContainerDevices { .. }
        | Intent::LocalModel { .. }
        | Intent::Restart { .. }
        | Intent::Kubelet { .. }
        | Intent::NormalPolicy { .. }
        | Intent::Elsewhere { .. }
        | Intent::Reserve { .. }
        | Intent::Interrupts { .. }
        | Intent::InterruptBan { .. }
        | Intent::Nic { .. }
        | Intent::KernelModule { .. }
        | Intent::ProductionKernel { .. }
        | Intent::TimeService { .. }
        | Intent::Persist { .. }
        | Intent::SwapOff { .. }
        | Intent::AcsOff { .. }
        | Intent::Gpu { .. }
        | Intent::Update { .. }
        | Intent::Step { .. }
        | Intent::Firmware { .. }
        | Intent::Hardware { .. }
        | Intent::Provider { .. } => None,
    }
}

fn meets(group: &Value, cpus: &CpuSet) -> bool {
    let own: Option<CpuSet> = group["cpus"].as_str().and_then(|own| own.parse().ok());
    own.is_some_and(|own| !own.intersection(cpus).is_empty())
}

fn of_policies(evidence: &mut Value, cpus: &CpuSet, key: &str, want: &Value) -> Option<()> {
    let policies = evidence.pointer_mut("/cpufreq/policies")?.as_array_mut()?;
    policies.iter_mut().filter(|policy| meets(policy, cpus)).for_each(|policy| policy[key] = want.clone());
    Some(())
}

fn processes(evidence: &mut Value, server: u32) -> Option<&mut Vec<Value>> {
    let servers = evidence.pointer_mut("/servers")?.as_array_mut()?;
    servers.iter_mut().find(|own| own["pid"] == json!(server))?["processes"].as_array_mut()
}

/// True if a thread of the server cannot run everywhere.
fn is_bound(evidence: &Value, server: u32) -> bool {
    let online = &evidence["cpu"]["online"];
    let servers = evidence["servers"].as_array().into_iter().flatten();
    let own = servers.filter(|own| own["pid"] == json!(server)).flat_map(|own| own["processes"].as_array());
    let threads = own.flatten().flat_map(|process| process["threads"].as_array()).flatten();
    threads.into_iter().any(|thread| thread["cpus_allowed"] != *online)
}

/// Pools of at most `want` threads in each process, whose number a name ends with, and the variable that sizes them.
fn pool(evidence: &mut Value, server: u32, want: u32) -> Option<()> {
    for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"] {
        let is_set =
            processes(evidence, server)?.iter().any(|process| process["environment"].get(name).is_some());
        if is_set || name == "OMP_NUM_THREADS" {
            variable(evidence, server, name, Some(&want.to_string()))?;
        }
    }
    let servers = evidence.pointer_mut("/servers").and_then(Value::as_array_mut)?;
    for own in servers.iter_mut().filter(|own| own["pid"] == server) {
        let Some(options) = own.get_mut("options").and_then(Value::as_object_mut) else { continue };
        for name in ["threads", "t", "cpu-infer"] {
            if let Some(size) = options.get_mut(name) {
                *size = json!(want.to_string());
            }
        }
    }
    let mut gone = Vec::new();
    for process in processes(evidence, server)? {
        let pid = process["pid"].clone();
        let Some(threads) = process.get_mut("threads").and_then(Value::as_array_mut) else { continue };
        let mut sizes: BTreeMap<String, u32> = BTreeMap::new();
        threads.retain(|thread| {
            let name = thread["comm"].as_str().unwrap_or_default();
            let size = sizes
                .entry(name.trim_end_matches(|c: char| !c.is_ascii_alphabetic()).to_owned())
                .or_default();
            *size += u32::from(thread["tid"] != pid);
            if *size > want {
                gone.push(thread["tid"].clone());
            }
            *size <= want
        });
    }
    // What they ran, they ran in the window, too.
    if let Some(threads) = evidence.pointer_mut("/window/threads").and_then(Value::as_array_mut) {
        threads.retain(|thread| !gone.contains(&thread["tid"]));
    }
    Some(())
}

fn variable(evidence: &mut Value, server: u32, name: &str, want: Option<&str>) -> Option<()> {
    for process in processes(evidence, server)? {
        let Some(environment) = process.get_mut("environment").and_then(Value::as_object_mut) else {
            continue;
        };
        match want {
            Some(want) => drop(environment.insert(name.to_owned(), json!(want))),
            None => drop(environment.remove(name)),
        }
    }
    Some(())
}
