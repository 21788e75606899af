//! What findings ask for: their intents, held against the evidence and against each other.
//!
//! A check may be anybody's, and an intent is all that it can say about a change. So nothing of it is believed that the evidence
//! does not show: the file, the process, the unit has to be there, and the value that the check saw has to be the value that
//! the evidence has. What two findings want differently of one object is left to a person.

use plumb_check_sdk::{Confidence, Intent};
use plumb_engine::Assessment;
use plumb_engine::assessment::{FindingRef, RatedFinding};
use plumb_evidence::model::{FreqPolicy, InferenceServer};
use plumb_evidence::{CpuSet, Evidence, Fact};
use serde::{Deserialize, Serialize};

use super::cost::cost;
use super::{Basis, Reason, Why};
use crate::quote::{is_plain, is_variable};

/// Longest value that is written anywhere.
const MAX_VALUE: usize = 256;
/// Most intents that are looked at: each is held against each.
const MAX_GOALS: usize = 2000;
/// Highest energy bias: power saving.
const MAX_BIAS: u8 = 15;

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The evidence bears it out, and nothing speaks against it.
    Sound,
    /// It asks for what this node does not have, or must not be touched.
    Refused(String),
    /// Another finding wants something else of the same object.
    Conflict(String),
}

/// An intent of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Goal {
    /// The finding.
    pub finding: FindingRef,
    /// What was found.
    pub message: String,
    /// What it asks for.
    pub intent: Intent,
    /// Id of the pack, where it did not come with this installation.
    pub foreign: Option<String>,
    /// Risk of change, 1 to 4, as the check rates it.
    pub risk: u8,
    /// True if the evidence is indirect.
    pub verify_first: bool,
    /// What became of it.
    pub verdict: Verdict,
}

impl Goal {
    /// True if files may follow it: sound, and from a pack of this installation.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.verdict == Verdict::Sound && self.foreign.is_none()
    }
}

/// The intents of all deviations, in the order of the assessment.
pub(super) fn of(evidence: &Evidence, assessment: &Assessment) -> Vec<Goal> {
    let mut goals: Vec<Goal> = Vec::new();
    for finding in assessment.findings.iter().filter(|finding| finding.outcome.is_deviation()) {
        for intent in &finding.intents {
            let verdict = match check(evidence, intent) {
                Ok(()) if goals.len() < MAX_GOALS => Verdict::Sound,
                Ok(()) => Verdict::Refused(format!("the findings ask for more than {MAX_GOALS} things")),
                Err(why) => Verdict::Refused(why),
            };
            goals.push(goal(finding, intent, verdict));
        }
    }
    let conflicts: Vec<Option<String>> = (0..goals.len()).map(|at| conflict(&goals, at)).collect();
    for (goal, conflict) in goals.iter_mut().zip(conflicts) {
        if let Some(why) = conflict {
            goal.verdict = Verdict::Conflict(why);
        }
    }
    goals
}

/// What speaks against a goal that the evidence bears out.
fn conflict(goals: &[Goal], at: usize) -> Option<String> {
    let own = goals.get(at).filter(|goal| goal.verdict == Verdict::Sound)?;
    let other =
        goals.iter().find(|other| other.verdict == Verdict::Sound && differ(&own.intent, &other.intent))?;
    Some(format!(
        "{} wants {}, {} wants {}",
        own.finding.check,
        want(&own.intent),
        other.finding.check,
        want(&other.intent)
    ))
}

fn goal(finding: &RatedFinding, intent: &Intent, verdict: Verdict) -> Goal {
    Goal {
        finding: FindingRef { check: finding.check.clone(), subject: finding.subject.clone() },
        message: finding.message.clone(),
        intent: intent.clone(),
        foreign: finding.foreign.clone(),
        // A check names the least that its remedy may take; what is asked for here may take more.
        risk: finding.risk_of_change.max(cost(intent).2),
        verify_first: finding.confidence == Confidence::Low,
        verdict,
    }
}

/// Why to do what these intents ask for; `None` where none of them is planned.
pub(super) fn why_for(goals: &[Goal], basis: Basis, is_meant: impl Fn(&Intent) -> bool) -> Option<Why> {
    why(goals.iter().filter(|goal| is_meant(&goal.intent)), basis)
}

/// Why to change what these goals are about; `None` where none of them is planned.
pub(super) fn why<'a>(goals: impl Iterator<Item = &'a Goal>, basis: Basis) -> Option<Why> {
    let mut why = Why { reasons: Vec::new(), basis, risk: 1, verify_first: false };
    for goal in goals.filter(|goal| goal.is_planned()) {
        let reason = Reason {
            source: goal.finding.check.clone(),
            subject: goal.finding.subject.clone(),
            message: goal.message.clone(),
        };
        if !why.reasons.contains(&reason) {
            why.reasons.push(reason);
        }
        why.risk = why.risk.max(goal.risk);
        why.verify_first |= goal.verify_first;
    }
    (!why.reasons.is_empty()).then_some(why)
}

/// True for two intents that cannot both be followed.
fn differ(one: &Intent, other: &Intent) -> bool {
    use Intent::{
        CpuQuota, EnergyBias, EnergyPreference, Governor, Gpu, KernelArgument, Kubelet, Service, Sysctl,
        TunedProfile, Unit, Value, Variable, WithOption, WithoutOption,
    };
    match (one, other) {
        (Governor { cpus, want, .. }, Governor { cpus: others, want: wanted, .. })
        | (EnergyPreference { cpus, want, .. }, EnergyPreference { cpus: others, want: wanted, .. }) => {
            want != wanted && !cpus.intersection(others).is_empty()
        }
        (EnergyBias { cpus, want, .. }, EnergyBias { cpus: others, want: wanted, .. }) => {
            want != wanted && !cpus.intersection(others).is_empty()
        }
        (Value { path, want, .. }, Value { path: other, want: wanted, .. })
        | (Sysctl { name: path, want, .. }, Sysctl { name: other, want: wanted, .. }) => {
            path == other && want != wanted
        }
        (Value { path, want, .. }, Sysctl { name, want: wanted, .. })
        | (Sysctl { name, want: wanted, .. }, Value { path, want, .. }) => {
            *path == sysctl_path(name) && want != wanted
        }
        (KernelArgument { argument, present }, KernelArgument { argument: other, present: wanted }) => {
            let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
            // Two values of one argument, or one that is to be there and not.
            if argument == other {
                present != wanted
            } else {
                *present && *wanted && name(argument) == name(other)
            }
        }
        (TunedProfile { want, .. }, TunedProfile { want: wanted, .. }) => want != wanted,
        (Unit { name, runs }, Unit { name: other, runs: wanted }) => name == other && runs != wanted,
        (Variable { server, name, want, .. }, Variable { server: other, name: named, want: wanted, .. }) => {
            server == other && name == named && want != wanted
        }
        (
            WithOption { server, option: name, want, .. },
            WithOption { server: other, option: named, want: wanted, .. },
        ) => server == other && name == named && want != wanted,
        (WithOption { server, option: name, .. }, WithoutOption { server: other, option: named })
        | (WithoutOption { server: other, option: named }, WithOption { server, option: name, .. }) => {
            server == other && name == named
        }
        (
            Service { server, setting, want, .. },
            Service { server: other, setting: same, want: wanted, .. },
        ) => server == other && setting == same && want != wanted,
        (CpuQuota { group, want, .. }, CpuQuota { group: other, want: wanted, .. }) => {
            group == other && want != wanted
        }
        (Kubelet { setting, want, .. }, Kubelet { setting: same, want: wanted, .. }) => {
            setting == same && want != wanted
        }
        (Gpu { gpu, want }, Gpu { gpu: other, want: wanted }) => {
            // States of different kinds do not exclude each other.
            gpu == other && want != wanted && std::mem::discriminant(want) == std::mem::discriminant(wanted)
        }
        _ => false,
    }
}

/// What an intent wants, in words for a conflict.
pub(crate) fn want(intent: &Intent) -> String {
    match intent {
        Intent::Governor { cpus, want, .. } => format!("governor `{want}` on CPUs {cpus}"),
        Intent::EnergyPreference { cpus, want, .. } => format!("energy preference `{want}` on CPUs {cpus}"),
        Intent::EnergyBias { cpus, want, .. } => format!("energy bias {want} on CPUs {cpus}"),
        Intent::Value { path, want, .. } => format!("`{want}` in {path}"),
        Intent::Sysctl { name, want, .. } => format!("{name} = {want}"),
        Intent::KernelArgument { argument, present: true } => format!("kernel argument `{argument}`"),
        Intent::KernelArgument { argument, present: false } => format!("no kernel argument `{argument}`"),
        Intent::TunedProfile { want, .. } => format!("TuneD profile `{want}`"),
        Intent::Unit { name, runs: true } => format!("{name} running"),
        Intent::Unit { name, runs: false } => format!("{name} stopped"),
        Intent::Variable { name, want: Some(want), .. } => format!("{name}={want}"),
        Intent::Variable { name, want: None, .. } => format!("no variable {name}"),
        Intent::WithOption { option, want, .. } => {
            format!("{option} {}", want.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
        Intent::WithoutOption { option, .. } => format!("no {option}"),
        Intent::Service { setting, want, .. } => {
            format!("{}={want}", crate::actions::service::unit_key(*setting))
        }
        Intent::CpuQuota { want: Some(cpus), .. } => format!("a quota of {cpus} CPUs"),
        Intent::CpuQuota { want: None, .. } => "no CPU quota".to_owned(),
        Intent::Kubelet { want, .. } => format!("the kubelet with `{want}`"),
        other => other.kind().to_owned(),
    }
}

/// True if an intent changes a setting of this name: a kernel parameter, a file, the governor.
pub(crate) fn changes(intent: &Intent, setting: &str) -> bool {
    match intent {
        Intent::Sysctl { name, .. } => name == setting,
        Intent::Value { path, .. } => path == setting,
        Intent::Governor { .. } => setting.contains("governor"),
        _ => false,
    }
}

/// The file of a kernel parameter.
pub(crate) fn sysctl_path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// That the evidence bears an intent out; the error says what speaks against it.
fn check(evidence: &Evidence, intent: &Intent) -> Result<(), String> {
    match intent {
        Intent::Governor { cpus, want, was } => {
            word("governor", want)?;
            let policies = policies(evidence, cpus)?;
            let offers = |policy: &&FreqPolicy| {
                policy
                    .scaling_available_governors
                    .known()
                    .is_some_and(|all| all.split_whitespace().any(|own| own == want))
            };
            match policies.iter().find(|policy| !offers(policy)) {
                Some(policy) => {
                    Err(format!("governor `{want}` is not known to be offered by {}", policy.path))
                }
                None => same(&policies, |policy| &policy.scaling_governor, "governor", was),
            }
        }
        Intent::EnergyPreference { cpus, want, was } => {
            word("energy preference", want)?;
            same(
                &policies(evidence, cpus)?,
                |policy| &policy.energy_performance_preference,
                "energy preference",
                was,
            )
        }
        Intent::EnergyBias { cpus, want, was } => {
            if *want > MAX_BIAS {
                return Err(format!("energy bias {want}: expected 0 to {MAX_BIAS}"));
            }
            let power = evidence.power.known().and_then(|power| power.energy_perf_bias.known());
            let groups = power.ok_or("no energy bias was recorded")?;
            let of_cpus = groups.iter().filter(|group| !group.cpus.intersection(cpus).is_empty());
            let values: Vec<String> =
                of_cpus.filter_map(|group| group.value.known().map(u64::to_string)).collect();
            if values.is_empty() || values.iter().any(|value| value != was) {
                return Err(format!("energy bias {was} was not recorded for CPUs {cpus}"));
            }
            Ok(())
        }
        Intent::FrequencyCap { cpus, want_khz, was_khz } => {
            for policy in policies(evidence, cpus)? {
                if policy.cpuinfo_max_freq_khz.known() != Some(want_khz) {
                    return Err(format!(
                        "{want_khz} kHz is not the highest clock that {} offers",
                        policy.path
                    ));
                }
                if policy.scaling_max_freq_khz.known() != Some(was_khz) {
                    return Err(format!("a limit of {was_khz} kHz was not recorded at {}", policy.path));
                }
            }
            Ok(())
        }
        Intent::Boost { path, want, was } => {
            let freq = evidence.cpufreq.known().ok_or("no frequency scaling was recorded")?;
            let switch = match path.as_str() {
                "/sys/devices/system/cpu/cpufreq/boost" => &freq.boost,
                "/sys/devices/system/cpu/intel_pstate/no_turbo" => &freq.intel_no_turbo,
                _ => return Err(format!("{path} is not a switch of turbo")),
            };
            number_word("switch", want)?;
            recorded(switch, path, was)
        }
        Intent::IdleState { cpus, index, name, .. } => {
            let idle = evidence.cpuidle.known().ok_or("no idle states were recorded")?;
            let state = idle
                .states
                .iter()
                .find(|state| state.index == *index && state.name == *name && cpus.is_subset(&state.cpus));
            state.map(|_| ()).ok_or_else(|| format!("CPUs {cpus} have no idle state {index} named `{name}`"))
        }
        Intent::Value { path, want, was } => {
            path_below(path)?;
            kernel_value(want)?;
            let file = file_at(evidence, path);
            if let Some(count) = pool_of_pages(evidence, path) {
                number_word("pages", want)?;
                return recorded(&count.clone().map(|count| count.to_string()), path, was);
            }
            let file = file.ok_or_else(|| format!("{path} is not in the evidence"))?;
            match file.known().and_then(|text| chosen(text)) {
                Some((_, choices)) if !choices.contains(&want.as_str()) => {
                    Err(format!("`{want}` is not among the choices of {path}"))
                }
                Some((found, _)) if found == was => Ok(()),
                _ => recorded(file, path, was),
            }
        }
        Intent::Sysctl { name, want, was } => {
            let is_name = is_plain(name)
                && name.contains('.')
                && !name.contains("..")
                && !name.contains(['/', ':', '=']);
            if !is_name {
                return Err(format!("`{}` is not the name of a kernel parameter", short(name)));
            }
            kernel_value(want)?;
            recorded(
                evidence.sysctl.get(name).ok_or_else(|| format!("{name} is not in the evidence"))?,
                name,
                was,
            )
        }
        Intent::KernelArgument { argument, present } => {
            if !is_plain(argument) || argument.len() > MAX_VALUE {
                return Err(format!("`{}` is not an argument of the kernel", short(argument)));
            }
            let line = evidence
                .node
                .cmdline
                .require()
                .map_err(|why| format!("the boot arguments are not known: {why}"))?;
            let there = line.split_whitespace().any(|word| word == argument);
            match (present, there) {
                (true, true) => Err(format!("the kernel was started with `{argument}` already")),
                (false, false) => Err(format!("the kernel was not started with `{argument}`")),
                _ => Ok(()),
            }
        }
        Intent::TunedProfile { want, was } => {
            word("TuneD profile", want)?;
            if want == was && super::topics::runs(evidence, "tuned") {
                return Err(format!("TuneD uses `{want}` already"));
            }
            if super::topics::runs(evidence, "tuned") || !super::topics::tuned_profile(evidence).is_empty() {
                return Ok(());
            }
            Err("TuneD was not seen on this node".to_owned())
        }
        Intent::Place { server, process, gpu } => {
            let server = of_server(evidence, *server)?;
            if let Some(process) = process.filter(|pid| server.processes.iter().all(|own| own.pid != *pid)) {
                return Err(format!("process {process} does not belong to server {}", server.pid));
            }
            match gpu {
                Some(gpu)
                    if evidence.gpus.known().is_none_or(|all| all.iter().all(|own| own.address != *gpu)) =>
                {
                    Err(format!("there is no GPU {}", short(gpu)))
                }
                _ => Ok(()),
            }
        }
        Intent::Cores { server, .. } => of_server(evidence, *server).map(|_| ()),
        Intent::ThreadPool { server, want, .. } => {
            let pus = evidence.cpu.known().map_or(0, |cpu| cpu.pus);
            if *want == 0 || *want > pus.max(1) {
                return Err(format!("a pool of {want} threads on a node of {pus} hardware threads"));
            }
            of_server(evidence, *server).map(|_| ())
        }
        Intent::Variable { server, name, want, was } => {
            if !is_variable(name) {
                return Err(format!("`{}` is not the name of a variable", short(name)));
            }
            if let Some(want) = want {
                value(want)?;
            }
            let server = of_server(evidence, *server)?;
            let environments = server.processes.iter().filter_map(|process| process.environment.known());
            let mut seen = environments.map(|environment| environment.get(name)).peekable();
            if seen.peek().is_none() {
                return Err(format!("the environment of server {} was not recorded", server.pid));
            }
            if seen.any(|found| found.map(String::as_str) == was.as_deref()) {
                return Ok(());
            }
            Err(format!("{name} was not recorded as {}", was.as_deref().unwrap_or("unset")))
        }
        Intent::WithoutOption { server, option } => {
            let server = of_server(evidence, *server)?;
            let has = |process: &plumb_evidence::model::ServerProcess| {
                process.cmdline.known().is_some_and(|words| {
                    words.iter().any(|word| word == option || word.split('=').next() == Some(option.as_str()))
                })
            };
            if server.processes.iter().any(has) {
                return Ok(());
            }
            Err(format!("server {} was not started with `{}`", server.pid, short(option)))
        }
        Intent::Unit { name, .. } => {
            let is_unit =
                is_plain(name) && name.len() <= MAX_VALUE && !name.contains('/') && name.contains('.');
            if !is_unit {
                return Err(format!("`{}` is not the name of a unit", short(name)));
            }
            let services = evidence.services.known().ok_or("no units were recorded")?;
            let stem = name.split('.').next().unwrap_or_default();
            let described =
                services.units.known().is_some_and(|units| units.iter().any(|unit| unit.name == *name));
            let runs =
                services.programs.known().is_some_and(|all| all.iter().any(|program| program.name == stem));
            if described || runs { Ok(()) } else { Err(format!("there is no unit {name} in the evidence")) }
        }
        Intent::WithOption { server, option, want, .. } => {
            option_word(option)?;
            want.as_deref().map_or(Ok(()), value)?;
            of_server(evidence, *server).map(|_| ())
        }
        Intent::Service { server, want, .. } => {
            value(want)?;
            of_server(evidence, *server).map(|_| ())
        }
        Intent::CpuQuota { server, group, was, .. } => {
            if !is_plain(group) || group.contains("..") || group.len() > MAX_VALUE {
                return Err(format!("`{}` is not the path of a control group", short(group)));
            }
            kernel_value(was)?;
            let server = of_server(evidence, *server)?;
            let mut chain = server
                .processes
                .iter()
                .filter_map(|process| process.cgroup.known())
                .flat_map(|own| &own.chain);
            if chain.any(|level| level.path == *group || level.path.ends_with(group.as_str())) {
                Ok(())
            } else {
                Err(format!("server {} is not in the control group {group}", server.pid))
            }
        }
        Intent::Capability { server, name } => {
            word("capability", name)?;
            of_server(evidence, *server).map(|_| ())
        }
        Intent::SharedMemory { server, .. }
        | Intent::GuaranteedPod { server }
        | Intent::ContainerDevices { server }
        | Intent::Restart { server } => of_server(evidence, *server).map(|_| ()),
        Intent::LocalModel { server, path } => {
            value(path)?;
            of_server(evidence, *server).map(|_| ())
        }
        Intent::Kubelet { want, .. } => {
            if !want.is_empty() {
                value(want)?;
            }
            let containers = evidence.containers.known().ok_or("no kubelet was recorded")?;
            containers.kubelet.require().map(|_| ()).map_err(|why| format!("the kubelet is not known: {why}"))
        }
        Intent::NormalPolicy { process, was, priority } => {
            if !matches!(was.as_str(), "fifo" | "rr") || *priority == 0 || *priority > 99 {
                return Err(format!("`{}` with priority {priority} is not a real-time policy", short(was)));
            }
            has_process(evidence, *process)
        }
        Intent::Elsewhere { process, .. } => has_process(evidence, *process),
        Intent::Reserve { cpus } | Intent::InterruptBan { cpus, .. } => online(evidence, cpus),
        Intent::Interrupts { irqs, device, .. } => {
            let lines = evidence.interrupts.known().ok_or("no interrupts were recorded")?;
            let known = |irq: &u32| lines.iter().any(|line| line.irq == *irq);
            if let Some(irq) = irqs.iter().find(|irq| !known(irq)) {
                return Err(format!("there is no interrupt {irq}"));
            }
            match device {
                Some(device) => has_device(evidence, device),
                None => Ok(()),
            }
        }
        Intent::Nic { interface, .. } => {
            word("network interface", interface)?;
            let network = evidence.network.known().and_then(|network| network.interfaces.known());
            if network.is_some_and(|all| all.iter().any(|own| own.name == *interface)) {
                return Ok(());
            }
            Err(format!("there is no network interface {}", short(interface)))
        }
        Intent::KernelModule { name } => word("kernel module", name),
        Intent::ProductionKernel { was } => word("kernel", was),
        Intent::Persist { setting, want, .. } => {
            value(setting)?;
            value(want)
        }
        Intent::SwapOff { area } => {
            let memory = evidence.memory.known();
            let areas = memory.and_then(|memory| memory.swaps.known());
            let Some(own) =
                areas.and_then(|all| all.iter().find(|own| own.name == *area)).filter(|_| is_plain(area))
            else {
                return Err(format!("there is no swap area {}", short(area)));
            };
            // What is swapped out has to come back into memory, beside what is needed there.
            match memory.map(|memory| &memory.available_bytes).and_then(Fact::known) {
                Some(&available) if available / 2 > own.used_bytes => Ok(()),
                Some(_) => Err(format!("{area} holds more than half of the memory that is free")),
                None => Err("it is not known how much memory is free for what is swapped out".to_owned()),
            }
        }
        Intent::AcsOff { bridge, was } => {
            if !was.trim_start_matches("0x").chars().all(|c| c.is_ascii_hexdigit()) || was.len() > 6 {
                return Err(format!("`{}` is not the value of a register", short(was)));
            }
            has_device(evidence, bridge)
        }
        Intent::Gpu { gpu, .. } => {
            if evidence.gpus.known().is_some_and(|all| all.iter().any(|own| own.address == *gpu)) {
                return Ok(());
            }
            Err(format!("there is no GPU {}", short(gpu)))
        }
        Intent::Hardware { at: Some(at), .. } => value(at),
        Intent::Update { was: Some(was), .. } => value(was),
        Intent::Firmware { .. }
        | Intent::Hardware { at: None, .. }
        | Intent::Update { was: None, .. }
        | Intent::TimeService {}
        | Intent::Step { .. }
        | Intent::Provider { .. } => Ok(()),
    }
}

fn has_process(evidence: &Evidence, pid: u32) -> Result<(), String> {
    let all = evidence.processes.known().into_iter().flatten().map(|process| process.pid);
    let of_servers = evidence.servers.known().into_iter().flatten().flat_map(|server| &server.processes);
    if all.chain(of_servers.map(|process| process.pid)).any(|own| own == pid) {
        return Ok(());
    }
    Err(format!("there is no process {pid}"))
}

fn has_device(evidence: &Evidence, address: &str) -> Result<(), String> {
    if evidence.pci.known().is_some_and(|all| all.iter().any(|own| own.address == *address)) {
        return Ok(());
    }
    Err(format!("there is no PCI device {}", short(address)))
}

fn online(evidence: &Evidence, cpus: &CpuSet) -> Result<(), String> {
    let cpu = evidence.cpu.known().ok_or("no CPUs were recorded")?;
    if cpus.is_empty() || !cpus.is_subset(&cpu.online) {
        return Err(format!("CPUs {} are not all online", cpus.difference(&cpu.online)));
    }
    Ok(())
}

/// An option of a command line.
fn option_word(option: &str) -> Result<(), String> {
    let name = option.trim_start_matches('-');
    if option.starts_with('-') && is_plain(name) && option.len() <= MAX_VALUE {
        return Ok(());
    }
    Err(format!("`{}` is not an option", short(option)))
}

/// The frequency policies of some CPUs; all of those CPUs have to have one.
pub(crate) fn policies<'a>(evidence: &'a Evidence, cpus: &CpuSet) -> Result<Vec<&'a FreqPolicy>, String> {
    let freq = evidence.cpufreq.known().ok_or("no frequency scaling was recorded")?;
    let of_cpus: Vec<&FreqPolicy> =
        freq.policies.iter().filter(|policy| !policy.cpus.intersection(cpus).is_empty()).collect();
    let covered = of_cpus.iter().fold(CpuSet::new(), |all, policy| all.union(&policy.cpus));
    if cpus.is_empty() || !cpus.is_subset(&covered) {
        return Err(format!("no frequency policy was recorded for CPUs {}", cpus.difference(&covered)));
    }
    Ok(of_cpus)
}

/// That a file of all policies was recorded with a value.
fn same(
    policies: &[&FreqPolicy],
    of: impl Fn(&FreqPolicy) -> &Fact<String>,
    what: &str,
    was: &str,
) -> Result<(), String> {
    let differs = |policy: &&&FreqPolicy| of(policy).known().is_none_or(|found| found.trim() != was);
    match policies.iter().find(differs) {
        Some(policy) => Err(format!("{what} `{}` was not recorded at {}", short(was), policy.path)),
        None => Ok(()),
    }
}

fn recorded(fact: &Fact<String>, what: &str, was: &str) -> Result<(), String> {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match fact {
        Fact::Known(found) if words(found) == words(was) => Ok(()),
        Fact::Known(found) => {
            Err(format!("{what} was recorded as `{}`, not `{}`", short(found.trim()), short(was)))
        }
        Fact::Missing(why) => Err(format!("{what} is not known: {why}")),
    }
}

/// A value that an intent is about: what it wants, what it was, and what the evidence has.
pub(crate) struct Reading {
    pub(crate) want: String,
    pub(crate) was: String,
    /// What is there, or why that is not known.
    pub(crate) now: Result<String, String>,
}

/// The value that an intent is about, where it is about one that the evidence can show.
pub(crate) fn value_of(evidence: &Evidence, intent: &Intent) -> Option<Reading> {
    let known = |fact: Option<&Fact<String>>| match fact {
        Some(Fact::Known(text)) => Ok(chosen(text).map_or(text.trim(), |(found, _)| found).to_owned()),
        Some(Fact::Missing(why)) => Err(why.to_string()),
        None => Err("it is not in the evidence".to_owned()),
    };
    let of_policies = |cpus: &CpuSet, of: &dyn Fn(&FreqPolicy) -> Option<String>| {
        let mut all = policies(evidence, cpus)?.into_iter().map(of).collect::<Option<Vec<_>>>();
        let all = all.as_mut().ok_or("it is not recorded for every CPU")?;
        all.sort_unstable();
        all.dedup();
        Ok(all.join(", "))
    };
    let text = |fact: &Fact<String>| fact.known().map(|text| text.trim().to_owned());
    let (want, was, now) = match intent {
        Intent::Governor { cpus, want, was } => {
            (want.clone(), was.clone(), of_policies(cpus, &|policy| text(&policy.scaling_governor)))
        }
        Intent::EnergyPreference { cpus, want, was } => {
            (want.clone(), was.clone(), of_policies(cpus, &|own| text(&own.energy_performance_preference)))
        }
        Intent::FrequencyCap { cpus, want_khz, was_khz } => {
            let cap = |policy: &FreqPolicy| Some(policy.scaling_max_freq_khz.known()?.to_string());
            (want_khz.to_string(), was_khz.to_string(), of_policies(cpus, &cap))
        }
        Intent::EnergyBias { cpus, want, was } => {
            let groups = evidence.power.known().and_then(|power| power.energy_perf_bias.known());
            let of_cpus = groups.into_iter().flatten().filter(|own| !own.cpus.intersection(cpus).is_empty());
            let mut all: Vec<String> =
                of_cpus.filter_map(|own| own.value.known().map(u64::to_string)).collect();
            all.sort_unstable();
            all.dedup();
            let now = if all.is_empty() { Err("it is not recorded".to_owned()) } else { Ok(all.join(", ")) };
            (want.to_string(), was.clone(), now)
        }
        Intent::Boost { path, want, was } => {
            let freq = evidence.cpufreq.known();
            let switch = freq.map(|freq| match path.ends_with("no_turbo") {
                true => &freq.intel_no_turbo,
                false => &freq.boost,
            });
            (want.clone(), was.clone(), known(switch))
        }
        Intent::Value { path, want, was } => {
            let now = match pool_of_pages(evidence, path) {
                Some(count) => known(Some(&count.clone().map(|count| count.to_string()))),
                None => known(file_at(evidence, path)),
            };
            (want.clone(), was.clone(), now)
        }
        Intent::Sysctl { name, want, was } => (want.clone(), was.clone(), known(evidence.sysctl.get(name))),
        Intent::KernelArgument { argument, present } => {
            let line = evidence.node.cmdline.known();
            let there = line.map(|line| line.split_whitespace().any(|word| word == argument));
            let word = |there: bool| if there { "there" } else { "not there" }.to_owned();
            let now = there.map(word).ok_or_else(|| "the boot arguments are not known".to_owned());
            (word(*present), word(!*present), now)
        }
        Intent::TunedProfile { want, was } => {
            let now = super::topics::tuned_profile(evidence);
            let now =
                if now.is_empty() { Err("TuneD was not seen on this node".to_owned()) } else { Ok(now) };
            (want.clone(), was.clone(), now)
        }
        _ => return None,
    };
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(Reading { want: words(want), was: words(was), now: now.map(words) })
}

/// A file below `/sys` or `/proc/sys` that is in the evidence as text.
fn file_at<'a>(evidence: &'a Evidence, path: &str) -> Option<&'a Fact<String>> {
    let sysctl = || evidence.sysctl.get(&path.strip_prefix("/proc/sys/")?.replace('/', "."));
    let file = evidence.settings.values().find_map(|files| files.get(path));
    file.or_else(sysctl).or_else(|| of_group(evidence, path))
}

/// A file of a control group of a server.
fn of_group<'a>(evidence: &'a Evidence, path: &str) -> Option<&'a Fact<String>> {
    let (folder, file) = path.rsplit_once('/')?;
    let processes = evidence.servers.known()?.iter().flat_map(|server| &server.processes);
    let mut levels = processes.filter_map(|process| process.cgroup.known()).flat_map(|group| &group.chain);
    levels.find(|level| level.path == folder)?.values.get(file)
}

/// Pages of a pool of huge pages of a NUMA node, by the file that sets them.
fn pool_of_pages<'a>(evidence: &'a Evidence, path: &str) -> Option<&'a Fact<u64>> {
    let folder = path.strip_suffix("/nr_hugepages")?;
    let nodes = evidence.memory.known()?.nodes.known()?;
    let mut pools = nodes.iter().filter_map(|node| node.huge_pages.known()).flatten();
    pools.find(|pool| pool.path == folder).map(|pool| &pool.total)
}

/// The choice that a file of the kernel has in brackets, and all that it offers.
fn chosen(text: &str) -> Option<(&str, Vec<&str>)> {
    let found = text.split_once('[')?.1.split_once(']')?.0;
    let choices = text.split_whitespace().map(|word| word.trim_matches(['[', ']'])).collect();
    Some((found, choices))
}

fn of_server(evidence: &Evidence, pid: u32) -> Result<&InferenceServer, String> {
    let servers = evidence.servers.known().ok_or("no inference servers were recorded")?;
    servers
        .iter()
        .find(|server| server.pid == pid)
        .ok_or_else(|| format!("there is no server with process id {pid}"))
}

/// A path below `/sys` or `/proc/sys`, of plain names.
fn path_below(path: &str) -> Result<(), String> {
    let is_below = path.starts_with("/sys/") || path.starts_with("/proc/sys/");
    let plain = is_plain(path)
        && path.len() <= MAX_VALUE
        && path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    if is_below && plain {
        return Ok(());
    }
    Err(format!("`{}` is not a file below /sys or /proc/sys", short(path)))
}

fn word(what: &str, word: &str) -> Result<(), String> {
    if is_plain(word) && word.len() <= MAX_VALUE && !word.contains('/') {
        return Ok(());
    }
    Err(format!("`{}` is not the name of a {what}", short(word)))
}

fn number_word(what: &str, word: &str) -> Result<(), String> {
    if matches!(word, "0" | "1") {
        Ok(())
    } else {
        Err(format!("`{}` is not a value of the {what}", short(word)))
    }
}

/// A value of a file: one line of printable text.
fn value(text: &str) -> Result<(), String> {
    let is_line =
        !text.is_empty() && text.len() <= MAX_VALUE && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if is_line { Ok(()) } else { Err(format!("`{}` is not a value of one line", short(text))) }
}

/// A value of a file of the kernel: numbers and words. What a shell would make more of is none, even where it is quoted.
fn kernel_value(text: &str) -> Result<(), String> {
    value(text)?;
    // A negative number is a value, an option of a command is none.
    let is_word = |word: &str| is_plain(word) || word.parse::<i64>().is_ok();
    if text.split_whitespace().all(is_word) && !text.trim().is_empty() {
        return Ok(());
    }
    Err(format!("`{}` is not a value of numbers and words", short(text)))
}

fn short(text: &str) -> String {
    plumb_report::escape::clean(&text.chars().take(60).collect::<String>())
}
