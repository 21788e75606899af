//! Goals and plan to actions: what every format prints, and what the files carry out.
//!
//! One action for each object: goals that want the same of it are one. Commands are for root on this node, and name nothing that
//! the evidence does not hold.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::{
    Arg, ChangeKind, CpuSet, FirmwareSetting, HardwarePart, Intent, Object, ObjectKind, ProviderRequest,
    Step, UpdatePart,
};
use plumb_engine::Assessment;
use plumb_engine::action::{Action, ActionState, Interrupts};
use plumb_engine::{contradictions, work};
use plumb_evidence::Evidence;
use plumb_evidence::model::{Container, Engine, FreqPolicy, InferenceServer, PoolSetting};
use plumb_words::Messages;

mod devices;
pub(crate) mod service;

use crate::plan::cost::cost;
use crate::plan::goals::{Goal, Verdict, policies, sysctl_path};
use crate::plan::{BootTool, Home, Placement, Plan, ServerPlan, pool_key};
use crate::quote::{is_plain, shell};

/// Message files by language.
const WORDS: [(&str, &str); 2] =
    [("en", include_str!("../words/en.ftl")), ("de", include_str!("../words/de.ftl"))];

const CPU: &str = "/sys/devices/system/cpu";

/// Puts the actions of a node into its assessment, and into the findings that they answer.
pub fn resolve(evidence: &Evidence, assessment: &mut Assessment) {
    // A plan takes milliseconds, and without intents no action comes of it.
    if assessment.findings.iter().all(|finding| finding.intents.is_empty()) {
        return;
    }
    let plan = Plan::new(evidence, assessment);
    let actions = of(evidence, &plan);
    for finding in &mut assessment.findings {
        let own = actions.iter().filter(|action| {
            action.findings.iter().any(|of| of.check == finding.check && of.subject == finding.subject)
        });
        finding.actions = own.clone().map(|action| action.id.clone()).collect();
        if finding.intents.is_empty() {
            continue;
        }
        if let Some(change) = change(finding.remediation.change, &own.clone().collect::<Vec<_>>()) {
            finding.remediation.change = change;
            finding.risk_of_change = change.risk();
        }
        // Readers of the first form find their commands where they were.
        let join = |of: fn(&Action) -> &Vec<String>| {
            let commands: Vec<&str> = own.clone().flat_map(of).map(String::as_str).collect();
            commands.iter().map(|command| format!("`{command}`")).collect::<Vec<_>>().join(" ; ")
        };
        let by_hand: Vec<&str> = own
            .clone()
            .filter(|action| action.now.is_empty() && action.permanent.is_empty())
            .filter(|action| matches!(action.state, ActionState::Resolved | ActionState::ByHand))
            .map(|action| action.title("en"))
            .collect();
        finding.remediation.runtime = join(|action| &action.now).into();
        let permanent = join(|action| &action.permanent);
        finding.remediation.persistent =
            if permanent.is_empty() { by_hand.join(" ; ") } else { permanent }.into();
        finding.remediation.rollback = join(|action| &action.undo).into();
        finding.remediation.verification = join(|action| &action.verify).into();
    }
    let languages: Vec<&str> = assessment.languages().collect();
    let advice = contradictions::of_actions(&actions, &assessment.findings, &languages);
    assessment.contradictions.extend(advice);
    assessment.actions = actions;
    // A step may risk more than the check that asks for it says.
    assessment.work = work::order(&assessment.findings, &assessment.actions);
}

/// The kind of change that the actions of a finding are, where the check says a greater one than they need on this node: a
/// setting that a running process takes restarts nothing, and neither does a question to the provider.
fn change(of_check: ChangeKind, actions: &[&Action]) -> Option<ChangeKind> {
    let is_known = |action: &&Action| matches!(action.state, ActionState::Resolved | ActionState::ByHand);
    if actions.is_empty() || !actions.iter().all(is_known) {
        return None;
    }
    if actions.iter().all(|action| action.kind == "provider") {
        return Some(ChangeKind::Provider);
    }
    let restarts =
        matches!(of_check, ChangeKind::ServiceRestart | ChangeKind::NodeDrain | ChangeKind::Reboot);
    let takes_it_at_once =
        |action: &&Action| action.interrupts == Interrupts::Nothing && !action.now.is_empty();
    (restarts && actions.iter().all(takes_it_at_once)).then_some(ChangeKind::Runtime)
}

/// The actions of a plan, in the order of the findings that ask for them.
pub(crate) fn of(evidence: &Evidence, plan: &Plan) -> Vec<Action> {
    let words: Vec<(&str, Messages)> = WORDS
        .iter()
        .filter_map(|(language, text)| Some((*language, Messages::new(language, text).ok()?)))
        .collect();
    let mut groups: Vec<(String, Vec<&Goal>)> = Vec::new();
    // What comes with another goal stands behind it.
    let (with_another, own): (Vec<_>, Vec<_>) = plan
        .goals
        .iter()
        .map(|goal| (goal, by_governor(evidence, plan, goal).or_else(|| with_change(plan, goal))))
        .partition(|(_, by)| by.is_some());
    for (goal, by) in own.into_iter().chain(with_another) {
        let key = key(by.unwrap_or(goal));
        match groups.iter_mut().find(|(own, _)| *own == key) {
            Some((_, goals)) => goals.push(goal),
            None => groups.push((key, vec![goal])),
        }
    }
    let resolver = Resolver { evidence, plan, words: &words };
    let mut actions: Vec<Action> = groups.iter().filter_map(|(_, goals)| resolver.action(goals)).collect();
    for (at, action) in actions.iter_mut().enumerate() {
        action.id = format!("A{}", at + 1);
    }
    actions
}

/// The goal of a governor that brings the energy preference that another goal asks for.
fn by_governor<'a>(evidence: &Evidence, plan: &'a Plan, goal: &Goal) -> Option<&'a Goal> {
    let Intent::EnergyPreference { cpus, want, .. } = &goal.intent else { return None };
    let sets = |cpus: &CpuSet| {
        policies(evidence, cpus)
            .is_ok_and(|policies| policies.iter().all(|policy| policy.governor_sets_preference()))
    };
    if goal.verdict != Verdict::Sound || want != "performance" || !sets(cpus) {
        return None;
    }
    plan.goals.iter().find(|other| match &other.intent {
        Intent::Governor { cpus: governed, want, .. } => {
            other.verdict == Verdict::Sound
                && other.foreign == goal.foreign
                && want == "performance"
                && cpus.is_subset(governed)
        }
        _ => false,
    })
}

/// The goal that changes what another only wants to be kept over a reboot: its files keep the new value.
fn with_change<'a>(plan: &'a Plan, goal: &Goal) -> Option<&'a Goal> {
    let Intent::Persist { setting, .. } = &goal.intent else { return None };
    plan.goals.iter().find(|other| {
        other.verdict == Verdict::Sound
            && other.foreign == goal.foreign
            && crate::plan::goals::changes(&other.intent, setting)
    })
}

/// Goals with the same key are one action. What is refused or in conflict stands apart, and so does what others ask for.
fn key(goal: &Goal) -> String {
    let object = match &goal.intent {
        Intent::Governor { want, .. } | Intent::EnergyPreference { want, .. } => want.clone(),
        Intent::EnergyBias { want, .. } => want.to_string(),
        Intent::FrequencyCap { want_khz, was_khz, .. } => format!("{want_khz} {was_khz}"),
        Intent::Boost { path, .. } => path.clone(),
        Intent::IdleState { index, name, .. } => format!("{index} {name}"),
        Intent::Value { path, want, .. } => format!("{path} {want}"),
        Intent::Sysctl { name, want, .. } => format!("{name} {want}"),
        Intent::KernelArgument { argument, present } => format!("{argument} {present}"),
        Intent::TunedProfile { want, .. } => want.clone(),
        Intent::Unit { name, runs } => format!("{name} {runs}"),
        Intent::Place { server, .. } | Intent::Cores { server, .. } | Intent::ThreadPool { server, .. } => {
            server.to_string()
        }
        Intent::Variable { server, name, want, .. } => format!("{server} {name} {want:?}"),
        Intent::WithoutOption { server, option } => format!("{server} {option}"),
        Intent::WithOption { server, option, want, .. } => format!("{server} {option} {want:?}"),
        Intent::Service { server, setting, want, .. } => format!("{server} {setting:?} {want}"),
        Intent::CpuQuota { server, group, want, .. } => format!("{server} {group} {want:?}"),
        Intent::Capability { server, name } => format!("{server} {name}"),
        Intent::SharedMemory { server, .. }
        | Intent::GuaranteedPod { server }
        | Intent::ContainerDevices { server }
        | Intent::LocalModel { server, .. }
        | Intent::Restart { server } => server.to_string(),
        Intent::Kubelet { setting, .. } => format!("{setting:?}"),
        Intent::NormalPolicy { process, .. } | Intent::Elsewhere { process, .. } => process.to_string(),
        Intent::Reserve { .. } | Intent::TimeService {} | Intent::ProductionKernel { .. } => String::new(),
        Intent::Interrupts { device, avoid, .. } => format!("{device:?} {avoid}"),
        Intent::InterruptBan { cpus, .. } => cpus.to_string(),
        Intent::Nic { interface, setting, .. } => format!("{interface} {setting:?}"),
        Intent::KernelModule { name } => name.clone(),
        Intent::Persist { setting, want, .. } => format!("{setting} {want}"),
        Intent::SwapOff { area } => area.clone(),
        Intent::AcsOff { bridge, .. } => bridge.clone(),
        Intent::Gpu { gpu, want } => format!("{gpu} {want:?}"),
        Intent::Update { part, .. } => format!("{part:?}"),
        Intent::Step { step } => format!("{step:?}"),
        Intent::Firmware { setting } => format!("{setting:?}"),
        Intent::Hardware { part, at } => format!("{part:?} {at:?}"),
        Intent::Provider { request } => format!("{request:?}"),
    };
    let foreign = goal.foreign.as_deref().unwrap_or_default();
    format!("{:?} {foreign} {} {object}", goal.verdict, goal.intent.kind())
}

struct Resolver<'a> {
    evidence: &'a Evidence,
    plan: &'a Plan,
    words: &'a [(&'a str, Messages)],
}

/// The unit whose control group has this weight: systemd sets it, and would set it back.
pub(crate) fn unit_of_weight(path: &str) -> Option<&str> {
    let unit = path.strip_prefix("/sys/fs/cgroup/")?.strip_suffix("/cpu.weight")?.rsplit('/').next()?;
    [".service", ".slice", ".scope"].iter().any(|end| unit.ends_with(end)).then_some(unit)
}

/// True for what belongs to the machine and its kernel, which a container has from its host.
fn is_of_host(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Governor { .. }
            | Intent::EnergyPreference { .. }
            | Intent::EnergyBias { .. }
            | Intent::FrequencyCap { .. }
            | Intent::Boost { .. }
            | Intent::IdleState { .. }
            | Intent::Value { .. }
            | Intent::Sysctl { .. }
            | Intent::KernelArgument { .. }
            | Intent::TunedProfile { .. }
            | Intent::Interrupts { .. }
            | Intent::InterruptBan { .. }
            | Intent::KernelModule { .. }
            | Intent::ProductionKernel { .. }
            | Intent::TimeService {}
            | Intent::SwapOff { .. }
            | Intent::AcsOff { .. }
            | Intent::Reserve { .. }
            | Intent::Firmware { .. }
            | Intent::Update { .. }
    )
}

/// What is known of an action before it has a name.
#[derive(Default)]
struct Draft {
    object: Option<Object>,
    key: String,
    args: Vec<(&'static str, Arg)>,
    now: Vec<String>,
    permanent: Vec<String>,
    /// Key and values of what a person has to do beside the commands.
    also: Option<(&'static str, Vec<(&'static str, Arg)>)>,
    undo: Vec<String>,
    verify: Vec<String>,
    files: Vec<String>,
    /// Why it cannot be said what to do; empty where it can.
    unknown: String,
    by_hand: bool,
    /// What it interrupts, where that is not what its kind does.
    interrupts: Option<Interrupts>,
}

impl Resolver<'_> {
    fn action(&self, goals: &[&Goal]) -> Option<Action> {
        let first = goals.first()?;
        let mut draft = self.draft(goals);
        let (state, reason) = match &first.verdict {
            Verdict::Refused(why) => (ActionState::Refused, why.clone()),
            Verdict::Conflict(why) => (ActionState::Conflict, why.clone()),
            Verdict::Sound if !draft.unknown.is_empty() => (ActionState::NotKnown, draft.unknown.clone()),
            Verdict::Sound if draft.by_hand => (ActionState::ByHand, String::new()),
            Verdict::Sound => (ActionState::Resolved, String::new()),
        };
        if state > ActionState::ByHand {
            for commands in
                [&mut draft.now, &mut draft.permanent, &mut draft.undo, &mut draft.verify, &mut draft.files]
            {
                commands.clear();
            }
            draft.also = None;
        } else if draft.also.is_none() && self.is_in_container() && is_of_host(&first.intent) {
            draft.also = Some(("also-host", Vec::new()));
        }
        // What others ask for has files of its own, which nothing applies by itself.
        if let Some(pack) = first.foreign.as_ref().filter(|_| state == ActionState::Resolved) {
            draft.permanent.clear();
            draft.files = vec![format!("foreign/{}/commands.sh", crate::quote::slug(pack))];
        }
        let mut findings = BTreeSet::new();
        findings.extend(goals.iter().map(|goal| goal.finding.clone()));
        let (interrupts, minutes, _) = cost(&first.intent);
        Some(Action {
            id: String::new(),
            state,
            reason,
            kind: first.intent.kind().to_owned(),
            object: draft.object.unwrap_or_else(Object::node),
            title: self.title(&draft.key, &draft.args),
            now: draft.now,
            permanent: draft.permanent,
            also: draft.also.map_or_else(BTreeMap::new, |(key, args)| self.title(key, &args)),
            undo: draft.undo,
            verify: draft.verify,
            files: draft.files,
            risk: goals.iter().map(|goal| goal.risk).max().unwrap_or(1).min(4),
            interrupts: draft.interrupts.unwrap_or(interrupts),
            minutes,
            findings: findings.into_iter().collect(),
            foreign: first.foreign.clone(),
        })
    }

    /// True if the evidence was collected inside a container.
    fn is_in_container(&self) -> bool {
        self.evidence.node.container.known().is_some_and(|kind| kind != "none")
    }

    fn title(&self, key: &str, args: &[(&'static str, Arg)]) -> BTreeMap<String, String> {
        let mut title = BTreeMap::new();
        for (language, messages) in self.words {
            let mut values: Vec<(&'static str, Arg)> = Vec::new();
            for (name, arg) in args {
                match *name {
                    "server" => values.extend(self.server_names(messages, arg)),
                    "cpus" => values.extend(cpu_names(messages, arg)),
                    name => values.push((name, arg.clone())),
                }
            }
            let said = messages.say(key, values.iter().map(|(name, arg)| (*name, arg)));
            if let Ok(Some(text)) = said {
                title.insert((*language).to_owned(), capital(&text, &values));
            }
        }
        title
    }

    /// The name of a server in the cases that a language has: sentences of their own.
    fn server_names(&self, messages: &Messages, pid: &Arg) -> Vec<(&'static str, Arg)> {
        let Arg::Count { count: pid } = pid else { return Vec::new() };
        let server = self.plan.servers.iter().find(|server| u64::from(server.pid) == *pid);
        let unit = match server.map(|server| &server.home) {
            Some(Home::Unit(unit)) => unit.as_str(),
            _ => "none",
        };
        let kind = server.map_or("unknown", |server| server.kind.as_str());
        let values = [("unit", Arg::text(unit)), ("kind", Arg::text(kind)), ("pid", Arg::from(*pid))];
        in_cases(messages, &["server", "server-dative", "server-genitive"], &values)
    }

    fn draft(&self, goals: &[&Goal]) -> Draft {
        let cpus = goals.iter().fold(CpuSet::new(), |all, goal| match &goal.intent {
            Intent::Governor { cpus, .. }
            | Intent::EnergyPreference { cpus, .. }
            | Intent::EnergyBias { cpus, .. }
            | Intent::FrequencyCap { cpus, .. }
            | Intent::IdleState { cpus, .. }
            | Intent::Reserve { cpus } => all.union(cpus),
            _ => all,
        });
        let Some(first) = goals.first() else { return Draft::default() };
        match &first.intent {
            Intent::Governor { want, .. } => {
                let was = old_values(goals, |intent| match intent {
                    Intent::Governor { cpus, was, .. } => Some((cpus, was.clone())),
                    _ => None,
                });
                self.frequency("do-governor", "scaling_governor", &cpus, want, &was)
            }
            Intent::EnergyPreference { want, .. } => {
                let was = old_values(goals, |intent| match intent {
                    Intent::EnergyPreference { cpus, was, .. } => Some((cpus, was.clone())),
                    _ => None,
                });
                self.frequency("do-energy-preference", "energy_performance_preference", &cpus, want, &was)
            }
            Intent::EnergyBias { want, .. } => {
                let was = old_values(goals, |intent| match intent {
                    Intent::EnergyBias { cpus, was, .. } => Some((cpus, was.clone())),
                    _ => None,
                });
                let file = |cpus: &CpuSet| self.of_cpus(cpus, "power/energy_perf_bias");
                Draft {
                    object: Some(Object::cpus(&cpus)),
                    key: "do-energy-bias".to_owned(),
                    args: vec![
                        ("cpus", (&cpus).into()),
                        ("want", Arg::text(want.to_string())),
                        ("was", listed(&was)),
                    ],
                    now: vec![write(&want.to_string(), &file(&cpus))],
                    undo: was.iter().map(|(was, cpus)| write(was, &file(cpus))).collect(),
                    verify: vec![format!("sort {} | uniq -c", file(&cpus))],
                    ..self.by_topic("governor", &["set_governor.sh", "systemd/inference-governor.service"])
                }
            }
            Intent::FrequencyCap { want_khz, was_khz, .. } => {
                let files = self.of_policies(&cpus, "scaling_max_freq");
                Draft {
                    object: Some(Object::cpus(&cpus)),
                    key: "do-frequency-cap".to_owned(),
                    args: vec![
                        ("cpus", (&cpus).into()),
                        ("want", megahertz(*want_khz)),
                        ("was", megahertz(*was_khz)),
                    ],
                    now: vec![write(&want_khz.to_string(), &files)],
                    undo: vec![write(&was_khz.to_string(), &files)],
                    verify: vec![format!("sort {files} | uniq -c")],
                    // A limit that nothing sets again is gone after a boot: there is nothing to be written for it.
                    ..Draft::default()
                }
            }
            Intent::Boost { path, want, was } => Draft {
                object: Some(Object::new(ObjectKind::File, path.clone())),
                key: "do-boost".to_owned(),
                now: vec![write(want, path)],
                undo: vec![write(was, path)],
                verify: vec![format!("cat {path}")],
                ..self.by_topic("turbo", &["tmpfiles.d/90-plumb-turbo.conf"])
            },
            Intent::IdleState { index, name, latency_us, .. } => {
                let files = self.of_cpus(&cpus, &format!("cpuidle/state{index}/disable"));
                Draft {
                    object: Some(Object::cpus(&cpus)),
                    key: "do-idle-state".to_owned(),
                    args: vec![
                        ("cpus", (&cpus).into()),
                        ("name", name.into()),
                        ("latency", Arg::quantity(precise(*latency_us), "µs", 0)),
                    ],
                    now: vec![write("1", &files)],
                    undo: vec![write("0", &files)],
                    verify: vec![format!("sort {files} | uniq -c")],
                    ..self.by_topic("idle", &["tmpfiles.d/90-plumb-idle.conf"])
                }
            }
            Intent::Value { path, want, was } if unit_of_weight(path).is_some() => {
                let unit = shell(unit_of_weight(path).unwrap_or_default());
                Draft {
                    object: Some(Object::new(ObjectKind::File, path.clone())),
                    key: "do-value".to_owned(),
                    args: vec![("path", path.into()), ("want", want.into()), ("was", was.into())],
                    now: vec![format!("systemctl set-property --runtime {unit} CPUWeight={}", shell(want))],
                    permanent: vec![format!("systemctl set-property {unit} CPUWeight={}", shell(want))],
                    undo: vec![format!("systemctl set-property {unit} CPUWeight={}", shell(was))],
                    verify: vec![format!("systemctl show {unit} -p CPUWeight")],
                    ..Draft::default()
                }
            }
            Intent::Value { path, want, was } => Draft {
                object: Some(Object::new(ObjectKind::File, path.clone())),
                key: "do-value".to_owned(),
                args: vec![("path", path.into()), ("want", want.into()), ("was", was.into())],
                now: vec![write(want, path)],
                undo: vec![write(was, path)],
                verify: vec![format!("cat {path}")],
                ..self.by_topic("values", &["tmpfiles.d/90-plumb-values.conf"])
            },
            Intent::Sysctl { name, want, was } => Draft {
                object: Some(Object::new(ObjectKind::File, sysctl_path(name))),
                key: "do-sysctl".to_owned(),
                args: vec![("name", name.into()), ("want", want.into()), ("was", was.into())],
                now: vec![format!("sysctl -w {}", shell(&format!("{name}={want}")))],
                undo: vec![format!("sysctl -w {}", shell(&format!("{name}={was}")))],
                verify: vec![format!("sysctl {name}")],
                ..self.by_topic("parameters", &["sysctl.d/90-plumb-parameters.conf"])
            },
            Intent::KernelArgument { argument, present } => self.argument(argument, *present),
            Intent::TunedProfile { want, was } => {
                let choose = format!("tuned-adm profile {}", shell(want));
                let back = if was.is_empty() {
                    "tuned-adm off".to_owned()
                } else {
                    format!("tuned-adm profile {}", shell(was))
                };
                Draft {
                    object: Some(Object::setting("TuneD")),
                    key: "do-tuned-profile".to_owned(),
                    args: vec![
                        ("want", want.into()),
                        ("was", if was.is_empty() { "none".into() } else { was.into() }),
                    ],
                    now: if self.plan.tuned_runs {
                        vec![choose]
                    } else {
                        vec!["systemctl start tuned".to_owned(), choose]
                    },
                    permanent: vec!["systemctl enable tuned".to_owned()],
                    undo: vec![back],
                    verify: vec!["tuned-adm active".to_owned(), "tuned-adm verify".to_owned()],
                    ..Draft::default()
                }
            }
            Intent::Unit { name, runs } => {
                let (key, change, back) = if *runs {
                    ("do-unit-start", "enable", "disable")
                } else {
                    ("do-unit-stop", "disable", "enable")
                };
                let unit = shell(name);
                if *runs && !self.has_unit(name) {
                    // Whether it is installed is not known: somebody has to look.
                    return Draft {
                        object: Some(Object::new(ObjectKind::Unit, name.clone())),
                        args: vec![("name", name.into())],
                        ..elsewhere(key)
                    };
                }
                Draft {
                    object: Some(Object::new(ObjectKind::Unit, name.clone())),
                    key: key.to_owned(),
                    args: vec![("name", name.into())],
                    now: vec![format!("systemctl {} {unit}", if *runs { "start" } else { "stop" })],
                    permanent: vec![format!("systemctl {change} {unit}")],
                    undo: vec![format!("systemctl {back} --now {unit}")],
                    verify: vec![
                        format!("systemctl is-active {unit}"),
                        format!("systemctl is-enabled {unit}"),
                    ],
                    ..Draft::default()
                }
            }
            Intent::Place { server, .. } => self.place(*server),
            Intent::Cores { server, want, was } => Draft {
                object: Some(self.server_object(*server)),
                key: "do-cores".to_owned(),
                args: vec![("server", Arg::from(*server)), ("want", (*want).into()), ("was", (*was).into())],
                by_hand: true,
                ..Draft::default()
            },
            Intent::ThreadPool { server, want, was } => self.thread_pool(*server, *want, *was),
            Intent::Variable { server, name, want, .. } => {
                let setting = match want {
                    Some(_) => "Environment",
                    None => "UnsetEnvironment",
                };
                let (key, args) = match want {
                    Some(want) => ("do-variable-set", vec![("name", name.into()), ("want", want.into())]),
                    None => ("do-variable-unset", vec![("name", name.into())]),
                };
                let mut draft = self.setting(*server, setting);
                draft.key = key.to_owned();
                draft.args = args;
                draft.args.push(("server", Arg::from(*server)));
                draft
            }
            Intent::WithoutOption { server, option } => Draft {
                object: Some(self.server_object(*server)),
                key: "do-without-option".to_owned(),
                args: vec![("server", Arg::from(*server)), ("option", option.into())],
                by_hand: true,
                ..Draft::default()
            },
            Intent::WithOption { server, option, want, .. } => {
                self.with_option(*server, option, want.as_deref())
            }
            Intent::Service { server, setting, want, was } => {
                self.service(*server, *setting, want, was.as_deref())
            }
            Intent::CpuQuota { server, group, want, was } => self.cpu_quota(*server, group, *want, was),
            Intent::Capability { server, name } => self.capability(*server, name),
            Intent::SharedMemory { server, want_bytes, was_bytes } => {
                self.shared_memory(*server, *want_bytes, *was_bytes)
            }
            Intent::GuaranteedPod { server } => self.on_server(*server, "do-guaranteed-pod", Vec::new()),
            Intent::ContainerDevices { server } => self.container_devices(*server),
            Intent::LocalModel { server, path } => {
                self.on_server(*server, "do-local-model", vec![("path", path.into())])
            }
            Intent::Restart { server } => self.restart(*server),
            Intent::Kubelet { setting, want, was } => self.kubelet(*setting, want, was.as_deref()),
            Intent::NormalPolicy { process, was, priority } => self.normal_policy(*process, was, *priority),
            Intent::Elsewhere { process, name } => Draft {
                object: Some(Object::new(ObjectKind::Process, process.to_string())),
                args: vec![("process", Arg::from(*process)), ("name", name.into())],
                ..elsewhere("do-elsewhere")
            },
            Intent::Reserve { .. } => self.reserve(&cpus),
            Intent::Interrupts { device, avoid, .. } => {
                self.interrupts(&all_irqs(goals), device.as_deref(), avoid)
            }
            Intent::InterruptBan { cpus, .. } => self.interrupt_ban(cpus),
            Intent::Nic { interface, setting, want, was } => self.nic(interface, *setting, *want, *was),
            Intent::KernelModule { name } => self.kernel_module(name),
            Intent::ProductionKernel { was } => {
                Draft { args: vec![("was", was.into())], ..elsewhere("do-production-kernel") }
            }
            Intent::TimeService {} => elsewhere("do-time-service"),
            Intent::Persist { setting, want, was } => self.persist(setting, want, was.as_deref()),
            Intent::SwapOff { area } => self.swap_off(area),
            Intent::AcsOff { bridge, was } => self.acs_off(bridge, was),
            Intent::Gpu { gpu, want } => self.gpu(gpu, want),
            Intent::Update { part, was } => Draft {
                args: vec![("was", was.as_ref().map_or_else(|| Arg::text("none"), Arg::from))],
                ..elsewhere(update_key(*part))
            },
            Intent::Step { step } => self.step(*step),
            Intent::Firmware { setting } => elsewhere(firmware_key(*setting)),
            Intent::Hardware { part, at } => Draft {
                args: vec![("at", Arg::text(at.as_deref().unwrap_or("none")))],
                ..elsewhere(hardware_key(*part))
            },
            Intent::Provider { request } => elsewhere(provider_key(*request)),
        }
    }

    /// Work of people, with the figures of this service where they are known.
    fn step(&self, step: Step) -> Draft {
        let demand = self.evidence.engagement.known().and_then(|engagement| engagement.demand.known());
        let known =
            demand.and_then(|demand| Some((demand.peak_requests_per_s.filter(|peak| *peak > 0.0)?, demand)));
        match (step, known) {
            (Step::RepeatLoadTest, Some((peak, demand))) => Draft {
                args: rates(peak, demand.replicas),
                also: self.load_test(peak, demand.replicas),
                ..elsewhere("do-step-load-test-at")
            },
            (Step::PlanCapacity, Some((peak, demand))) => {
                let growth = demand.growth_percent_per_year.unwrap_or_default();
                let next = peak * (1.0 + growth / 100.0);
                Draft {
                    args: [
                        vec![
                            ("next", Arg::quantity(next, "", 2)),
                            ("peak", Arg::quantity(peak, "", 2)),
                            ("grows", Arg::text(if growth > 0.0 { "yes" } else { "no" })),
                        ],
                        rates(next, demand.replicas),
                    ]
                    .concat(),
                    also: self.load_test(next, demand.replicas),
                    ..elsewhere("do-step-plan-capacity-for")
                }
            }
            (Step::TraceInterruptions, _) => Draft {
                also: Some(("also-step-trace-interruptions", Vec::new())),
                ..elsewhere(step_key(step))
            },
            (Step::TraceMemory, _) => {
                Draft { also: Some(("also-step-trace-memory", Vec::new())), ..elsewhere(step_key(step)) }
            }
            (Step::TraceSlowRequests, _) => Draft {
                also: Some(("also-step-trace-slow-requests", Vec::new())),
                ..elsewhere(step_key(step))
            },
            _ => elsewhere(step_key(step)),
        }
    }

    /// The command of a load test at the share of a peak that one replica has, against the server that was tested before.
    fn load_test(
        &self,
        peak: f64,
        replicas: Option<u32>,
    ) -> Option<(&'static str, Vec<(&'static str, Arg)>)> {
        let url = &self.evidence.measurements.known()?.bench.known()?.first()?.target.url;
        let level = self.evidence.engagement.known().and_then(|engagement| engagement.slo.known());
        let limits = level.map_or_else(Vec::new, |level| {
            [("ttft", level.ttft_ms), ("itl", level.itl_ms), ("tpot", level.tpot_ms), ("e2e", level.e2e_ms)]
                .to_vec()
        });
        let limits: Vec<String> = limits
            .into_iter()
            .filter_map(|(name, limit)| Some(format!("{name}={}ms", figure(limit?))))
            .collect();
        let slo = if limits.is_empty() { String::new() } else { format!(" --slo {}", limits.join(",")) };
        let rate = figure(peak / f64::from(replicas.unwrap_or(1).max(1)));
        let command = format!("plumb bench {} --rate {rate} --duration 600s{slo}", shell(url));
        Some(("also-step-load-test", vec![("command", Arg::text(command))]))
    }

    /// The commands of the written folder for a topic, where the plan has it.
    fn by_topic(&self, topic: &str, files: &[&str]) -> Draft {
        let planned = self.plan.has_topic(topic);
        Draft {
            permanent: if planned { vec![format!("./apply.sh --only {topic} --apply")] } else { Vec::new() },
            files: if planned { files.iter().map(|file| (*file).to_owned()).collect() } else { Vec::new() },
            ..Draft::default()
        }
    }

    fn frequency(&self, key: &str, file: &str, cpus: &CpuSet, want: &str, was: &[(String, CpuSet)]) -> Draft {
        let files = self.of_policies(cpus, file);
        Draft {
            object: Some(Object::cpus(cpus)),
            key: key.to_owned(),
            args: vec![("cpus", cpus.into()), ("want", want.into()), ("was", listed(was))],
            now: vec![write(want, &files)],
            undo: was.iter().map(|(was, cpus)| write(was, &self.of_policies(cpus, file))).collect(),
            verify: vec![format!("sort {files} | uniq -c")],
            ..self.by_topic("governor", &["set_governor.sh", "systemd/inference-governor.service"])
        }
    }

    /// The files of the frequency policies of some CPUs, as words of a shell: a pattern where it means just these.
    fn of_policies(&self, cpus: &CpuSet, file: &str) -> String {
        let own = policies(self.evidence, cpus).unwrap_or_default();
        let all = self.evidence.cpufreq.known().map_or(0, |freq| freq.policies.len());
        // Kernels before 4.3 have a folder for each CPU instead of each policy.
        let patterns = [
            (format!("{CPU}/cpufreq/policy"), "", format!("{CPU}/cpufreq/policy*/{file}")),
            (format!("{CPU}/cpu"), "/cpufreq", format!("{CPU}/cpu[0-9]*/cpufreq/{file}")),
        ];
        for (start, end, pattern) in patterns {
            let fits = |policy: &FreqPolicy| {
                let number = policy.path.strip_prefix(&start).and_then(|rest| rest.strip_suffix(end));
                number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            };
            if own.len() == all && own.len() > 1 && own.iter().all(|policy| fits(policy)) {
                return pattern;
            }
        }
        words(
            own.iter()
                .filter(|policy| is_plain(&policy.path))
                .map(|policy| format!("{}/{file}", policy.path)),
        )
    }

    /// A file of each of some CPUs, as words of a shell.
    fn of_cpus(&self, cpus: &CpuSet, file: &str) -> String {
        if self.evidence.cpu.known().is_some_and(|cpu| cpu.online == *cpus) {
            return format!("{CPU}/cpu[0-9]*/{file}");
        }
        words(cpus.iter().map(|cpu| format!("{CPU}/cpu{cpu}/{file}")))
    }

    /// An argument of the kernel, by the tool of the distribution that was seen.
    fn argument(&self, argument: &str, present: bool) -> Draft {
        let tool = self.plan.boot_tool;
        if self.is_configured(argument, present) {
            return Draft {
                object: Some(Object::setting("boot arguments")),
                key: if present { "do-kernel-argument-boot" } else { "do-kernel-argument-boot-without" }
                    .to_owned(),
                args: vec![("argument", argument.into())],
                verify: vec!["cat /proc/cmdline".to_owned()],
                by_hand: true,
                ..Draft::default()
            };
        }
        let unknown = match (tool, self.evidence.node.os.known()) {
            (BootTool::Unknown, os) => {
                let os = os.map_or("a system that was not recorded", String::as_str);
                format!("the tool that changes boot arguments is not known for `{os}`")
            }
            _ => String::new(),
        };
        Draft {
            object: Some(Object::setting("boot arguments")),
            key: if present { "do-kernel-argument-add" } else { "do-kernel-argument-remove" }.to_owned(),
            args: vec![("argument", argument.into())],
            permanent: tool.commands([(argument, present)]),
            also: (tool == BootTool::MachineConfig).then(|| {
                (if present { "also-machine-config" } else { "also-machine-config-without" }, Vec::new())
            }),
            undo: tool.undo([(argument, present)]),
            verify: vec!["cat /proc/cmdline".to_owned()],
            files: tool.file().map(str::to_owned).into_iter().collect(),
            unknown,
            by_hand: tool == BootTool::MachineConfig,
            ..Draft::default()
        }
    }

    /// True if all that the boot loader may start has the argument already, or has it no more: it only waits for a reboot.
    fn is_configured(&self, argument: &str, present: bool) -> bool {
        let platform = self.evidence.platform.known();
        let sources =
            platform.and_then(|platform| platform.boot.known()).map(Vec::as_slice).unwrap_or_default();
        !sources.is_empty()
            && sources.iter().all(|source| {
                source.arguments.known().is_some_and(|all| all.iter().any(|own| own == argument) == present)
            })
    }

    fn server(&self, pid: u32) -> Option<(&ServerPlan, &InferenceServer)> {
        let plan = self.plan.servers.iter().find(|server| server.pid == pid)?;
        let own = self.evidence.servers.known()?.iter().find(|server| server.pid == pid)?;
        Some((plan, own))
    }

    fn server_object(&self, pid: u32) -> Object {
        Object::new(ObjectKind::Server, pid.to_string())
    }

    fn place(&self, pid: u32) -> Draft {
        let mut draft = Draft {
            object: Some(self.server_object(pid)),
            key: "do-place".to_owned(),
            args: vec![("server", Arg::from(pid))],
            ..Draft::default()
        };
        let Some((server, own)) = self.server(pid) else {
            draft.unknown = "the evidence does not describe this server".to_owned();
            return draft;
        };
        let Some(place) = &server.placement else {
            let about = format!("placement of {}", server.name);
            let missing = self.plan.not_planned.iter().find(|missing| missing.what == about);
            draft.unknown = missing
                .map_or("its CPUs cannot be chosen from the evidence".to_owned(), |why| why.why.clone());
            return draft;
        };
        self.name_place(&mut draft, pid, place);
        draft.now = pins(place, own);
        draft.undo = self.unpins(own);
        let pids =
            own.processes.iter().filter(|process| !process.threads.is_empty()).map(|process| process.pid);
        draft.verify = of_processes(&pids.collect::<Vec<_>>(), |pid| {
            format!("grep -h Cpus_allowed_list /proc/{pid}/task/*/status | sort | uniq -c")
        })
        .into_iter()
        .collect();
        let workers = own
            .processes
            .iter()
            .filter(|process| process.gpus.known().is_some_and(|gpus| !gpus.is_empty()))
            .map(|process| process.pid);
        draft.verify.extend(of_processes(&workers.collect::<Vec<_>>(), |pid| format!("numastat -p {pid}")));
        match &server.home {
            Home::Unit(unit) => {
                draft.files = vec![format!("systemd/{unit}.d/50-plumb.conf")];
                let restart = format!("systemctl restart {}", shell(unit));
                draft.permanent = vec!["./apply.sh --only placement --apply".to_owned(), restart.clone()];
                draft.undo.extend(["./undo.sh --apply".to_owned(), restart]);
            }
            Home::Nothing(_) if server.command.is_ok() => {
                draft.files = vec![format!("systemd/{}", crate::files::unit_name(server))];
                draft.permanent = vec!["./apply.sh --only placement --apply".to_owned()];
            }
            Home::Container(name) if !name.is_empty() => {
                if let Some(container) = self.container(own)
                    && let Some(engine) = container.engine()
                {
                    let update = |cpus: &str, nodes: &str| {
                        let memory =
                            if nodes.is_empty() { String::new() } else { format!(" --cpuset-mems={nodes}") };
                        format!("{engine} update --cpuset-cpus={cpus}{memory} {}", shell(name))
                    };
                    let nodes = place.memory_nodes.to_string();
                    // It has its effect at once, and opens the group before the threads are moved.
                    draft.now.insert(0, update(&place.cpus.to_string(), &nodes));
                    draft.undo.push(self.former_cpuset(container, own, !nodes.is_empty(), update));
                }
            }
            _ => {}
        }
        draft
    }

    /// What mends the placement of a server, and what remains to be known of it. The CPUs of all workers together bring none of
    /// them nearer to its GPU where they are of several nodes.
    fn name_place(&self, draft: &mut Draft, pid: u32, place: &Placement) {
        let nodes: BTreeSet<u32> = place.workers.iter().map(|worker| worker.gpu.node).collect();
        draft.args.push(("cpus", (&place.cpus).into()));
        if !place.workers.is_empty() {
            draft.also = Some(("also-place", vec![("server", Arg::from(pid))]));
        }
        if !place.options.is_empty() {
            let options = place.options.iter().map(|option| shell(option)).collect::<Vec<_>>().join(" ");
            draft.key = "do-place-options".to_owned();
            draft.args.push(("options", Arg::text(options)));
        } else if nodes.len() > 1 {
            let of_node = |node: &u32| {
                let own = place.workers.iter().filter(|worker| worker.gpu.node == *node);
                let cpus = own.fold(CpuSet::new(), |all, worker| all.union(&worker.cpus));
                format!("{node}: {cpus}")
            };
            draft.key = "do-place-workers".to_owned();
            draft.args.push(("nodes", Arg::text(nodes.iter().map(of_node).collect::<Vec<_>>().join("; "))));
        } else {
            draft.key = "do-place-cpus".to_owned();
        }
    }

    /// The container that a server runs in.
    fn container(&self, own: &InferenceServer) -> Option<&Container> {
        let id = own.container.known()?;
        let all = self.evidence.containers.known()?.containers.known()?;
        all.iter().find(|container| container.id == *id)
    }

    /// The command that gives a container the CPUs and nodes that it was started with; what its engine does not tell is what its
    /// group grants, or all.
    fn former_cpuset(
        &self,
        container: &Container,
        own: &InferenceServer,
        with_nodes: bool,
        update: impl Fn(&str, &str) -> String,
    ) -> String {
        let asked = container.docker.known();
        let group = own.processes.first().and_then(|process| process.cgroup.known()?.granted_cpus().ok()?);
        let online = self.evidence.cpu.known().map(|cpu| cpu.online.to_string());
        let cpus = asked
            .and_then(|docker| docker.cpuset_cpus.clone())
            .filter(|cpus| is_list(cpus))
            .or(group.map(|(cpus, _, _)| cpus.to_string()))
            .or(online);
        let nodes = asked.and_then(|docker| docker.cpuset_mems.clone()).filter(|nodes| is_list(nodes));
        let all = || {
            let numa = self.evidence.numa.known()?;
            Some(numa.nodes.iter().map(|node| node.id.to_string()).collect::<Vec<_>>().join(","))
        };
        let nodes = if with_nodes { nodes.or_else(all) } else { None };
        update(&cpus.unwrap_or_default(), &nodes.unwrap_or_default())
    }

    /// The masks that the processes had, where all threads of a process have one and the same.
    fn unpins(&self, own: &InferenceServer) -> Vec<String> {
        let Some(cpu) = self.evidence.cpu.known() else { return Vec::new() };
        let mut by_mask: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for process in &own.processes {
            let mut masks: Vec<&CpuSet> =
                process.threads.iter().filter_map(|thread| thread.cpus_allowed.known()).collect();
            masks.dedup();
            if let [mask] = masks.as_slice() {
                by_mask.entry(mask.intersection(&cpu.online).to_string()).or_default().push(process.pid);
            }
        }
        tasksets(by_mask)
    }

    fn thread_pool(&self, pid: u32, want: u32, was: u32) -> Draft {
        let kind = self.server(pid).map(|(server, _)| server.kind.as_str()).unwrap_or_default();
        let setting = Engine::of(kind).pool;
        let args = vec![("want", want.into()), ("was", was.into())];
        let by_hand = self.on_server(pid, "do-thread-pool", args);
        // The plan sets variables of a unit and writes nobody's command line.
        let mut draft = match setting {
            PoolSetting::Variable => {
                Draft { key: by_hand.key, args: by_hand.args, ..self.setting(pid, "Environment") }
            }
            PoolSetting::Option(_) | PoolSetting::Parameter(_) => by_hand,
        };
        if draft.by_hand {
            draft.also = Some((pool_key(setting), vec![("setting", Arg::text(setting.with(want)))]));
        }
        draft
    }

    /// A setting of the unit of a server, where it has one and the plan has the setting.
    fn setting(&self, pid: u32, name: &str) -> Draft {
        let object = Some(self.server_object(pid));
        let Some((server, _)) = self.server(pid) else {
            return Draft { object, by_hand: true, ..Draft::default() };
        };
        let planned = server.settings.iter().any(|setting| setting.key == name);
        match &server.home {
            Home::Unit(unit) if planned => Draft {
                object,
                permanent: vec![
                    format!(
                        "./apply.sh --only {} --apply",
                        if server.placement.is_some() { "placement" } else { "service" }
                    ),
                    format!("systemctl restart {}", shell(unit)),
                ],
                undo: vec!["./undo.sh --apply".to_owned(), format!("systemctl restart {}", shell(unit))],
                verify: vec![format!("systemctl show {} -p {name}", shell(unit))],
                files: vec![format!("systemd/{unit}.d/50-plumb.conf")],
                ..Draft::default()
            },
            _ => Draft { object, by_hand: true, ..Draft::default() },
        }
    }
}

/// A set of CPUs with its noun, in the cases that a language has.
fn cpu_names(messages: &Messages, cpus: &Arg) -> Vec<(&'static str, Arg)> {
    let Arg::Text { text } = cpus else { return Vec::new() };
    let count = text.parse::<CpuSet>().map_or(0, |set| set.len());
    let values = [("set", cpus.clone()), ("n", Arg::from(u64::try_from(count).unwrap_or(u64::MAX)))];
    in_cases(messages, &["cpus", "cpus-dative"], &values)
}

/// A sentence that begins with an article begins with a capital letter; a name keeps its own.
fn capital(text: &str, names: &[(&'static str, Arg)]) -> String {
    let begins = names.iter().any(|(_, name)| match name {
        Arg::Text { text: name } => name.contains(' ') && text.starts_with(name.as_str()),
        _ => false,
    });
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if begins => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// What the messages of these names say of some values; a language without cases has only the first.
fn in_cases(
    messages: &Messages,
    names: &[&'static str],
    values: &[(&'static str, Arg)],
) -> Vec<(&'static str, Arg)> {
    let say = |name: &'static str| {
        let said = messages.say(name, values.iter().map(|(name, arg)| (*name, arg))).ok().flatten()?;
        Some((name, Arg::text(said)))
    };
    names.iter().filter_map(|name| say(name)).collect()
}

/// Commands that move the processes of a server where they belong.
fn pins(place: &Placement, own: &InferenceServer) -> Vec<String> {
    let mut by_mask: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for process in own.processes.iter().filter(|process| !process.threads.is_empty()) {
        let gpus: &[String] = process.gpus.known().map_or(&[], Vec::as_slice);
        let worker = match gpus {
            [gpu] => {
                place.workers.iter().find(|worker| worker.gpu.address == *gpu).map(|worker| &worker.cpus)
            }
            _ => None,
        };
        let engine = (!place.engine.is_empty()).then_some(&place.engine);
        let cpus = worker.or(engine.filter(|_| gpus.is_empty())).unwrap_or(&place.cpus);
        by_mask.entry(cpus.to_string()).or_default().push(process.pid);
    }
    tasksets(by_mask)
}

/// Commands that give processes their masks, in the order of the processes.
fn tasksets(by_mask: BTreeMap<String, Vec<u32>>) -> Vec<String> {
    let mut masks: Vec<(String, Vec<u32>)> = by_mask.into_iter().collect();
    masks.sort_by_key(|(_, pids)| pids.first().copied());
    masks
        .iter()
        .filter_map(|(mask, pids)| of_processes(pids, |pid| format!("taskset -acp {mask} {pid}")))
        .collect()
}

/// A command for each of some processes, in one line; `None` without processes.
fn of_processes(pids: &[u32], command: impl Fn(&str) -> String) -> Option<String> {
    match pids {
        [] => None,
        [pid] => Some(command(&pid.to_string())),
        pids => {
            let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
            Some(format!("for pid in {pids}; do {}; done", command("$pid")))
        }
    }
}

/// True for a list of numbers such as `0-3,8`.
fn is_list(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-'))
}

fn all_irqs(goals: &[&Goal]) -> Vec<u32> {
    let of = |goal: &&Goal| match &goal.intent {
        Intent::Interrupts { irqs, .. } => irqs.clone(),
        _ => Vec::new(),
    };
    let all: BTreeSet<u32> = goals.iter().flat_map(of).collect();
    all.into_iter().collect()
}

fn firmware_key(setting: FirmwareSetting) -> &'static str {
    match setting {
        FirmwareSetting::Boost => "do-firmware-boost",
        FirmwareSetting::HardwarePStates => "do-firmware-hardware-p-states",
        FirmwareSetting::PowerLimit => "do-firmware-power-limit",
        FirmwareSetting::FabricClock => "do-firmware-fabric-clock",
        FirmwareSetting::PriorityCores => "do-firmware-priority-cores",
        FirmwareSetting::ResizableBar => "do-firmware-resizable-bar",
        FirmwareSetting::PcieSlot => "do-firmware-pcie-slot",
        FirmwareSetting::NodeInterleaving => "do-firmware-node-interleaving",
        FirmwareSetting::NumaPerPackage => "do-firmware-numa-per-package",
        FirmwareSetting::DeviceProximity => "do-firmware-device-proximity",
        FirmwareSetting::ManagementInterrupts => "do-firmware-management-interrupts",
        FirmwareSetting::Acs => "do-firmware-acs",
    }
}

fn hardware_key(part: HardwarePart) -> &'static str {
    match part {
        HardwarePart::Cooling => "do-hardware-cooling",
        HardwarePart::Processor => "do-hardware-processor",
        HardwarePart::PcieCard => "do-hardware-pcie-card",
        HardwarePart::Gpu => "do-hardware-gpu",
        HardwarePart::PowerSupply => "do-hardware-power-supply",
        HardwarePart::NetworkLink => "do-hardware-network-link",
        HardwarePart::NvLink => "do-hardware-nvlink",
        HardwarePart::MemoryModule => "do-hardware-memory-module",
        HardwarePart::MemoryLayout => "do-hardware-memory-layout",
        HardwarePart::Memory => "do-hardware-memory",
        HardwarePart::AdapterSlot => "do-hardware-adapter-slot",
        HardwarePart::LocalDisk => "do-hardware-local-disk",
    }
}

fn provider_key(request: ProviderRequest) -> &'static str {
    match request {
        ProviderRequest::Governor => "do-provider-governor",
        ProviderRequest::MoreCpus => "do-provider-more-cpus",
        ProviderRequest::DedicatedCpus => "do-provider-dedicated-cpus",
        ProviderRequest::VirtualNuma => "do-provider-virtual-numa",
        ProviderRequest::RandomDevice => "do-provider-random-device",
        ProviderRequest::Health => "do-provider-health",
        ProviderRequest::Microcode => "do-provider-microcode",
        ProviderRequest::ClockSource => "do-provider-clock-source",
        ProviderRequest::MoreMemory => "do-provider-more-memory",
        ProviderRequest::DeviceWindow => "do-provider-device-window",
        ProviderRequest::ResizableBar => "do-provider-resizable-bar",
        ProviderRequest::PeerAccess => "do-provider-peer-access",
    }
}

fn update_key(part: UpdatePart) -> &'static str {
    match part {
        UpdatePart::Kernel => "do-update-kernel",
        UpdatePart::Microcode => "do-update-microcode",
        UpdatePart::Firmware => "do-update-firmware",
        UpdatePart::GpuDriver => "do-update-gpu-driver",
        UpdatePart::FabricManager => "do-update-fabric-manager",
        UpdatePart::ContainerToolkit => "do-update-container-toolkit",
    }
}

fn step_key(step: Step) -> &'static str {
    match step {
        Step::AgreeServiceLevel => "do-step-agree-service-level",
        Step::StateCosts => "do-step-state-costs",
        Step::RepeatLoadTest => "do-step-repeat-load-test",
        Step::PlanCapacity => "do-step-plan-capacity",
        Step::AddReplica => "do-step-add-replica",
        Step::Consolidate => "do-step-consolidate",
        Step::TraceSlowRequests => "do-step-trace-slow-requests",
        Step::TraceInterruptions => "do-step-trace-interruptions",
        Step::TraceMemory => "do-step-trace-memory",
        Step::Drain => "do-step-drain",
        Step::WatchLog => "do-step-watch-log",
        Step::RestartPrograms => "do-step-restart-programs",
        Step::RestartNode => "do-step-restart-node",
    }
}

/// Five rates for a load test of one replica, from half of its share of a peak to one and a half times that.
fn rates(peak: f64, replicas: Option<u32>) -> Vec<(&'static str, Arg)> {
    let share = peak / f64::from(replicas.unwrap_or(1).max(1));
    let parts = [("rate1", 0.5), ("rate2", 0.75), ("rate3", 1.0), ("rate4", 1.25), ("rate5", 1.5)];
    parts.map(|(name, part)| (name, Arg::quantity(part * share, "", 2))).to_vec()
}

/// A rate with two decimals at most.
fn figure(rate: f64) -> String {
    let text = format!("{rate:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Something that is done in another place than on this node.
fn elsewhere(key: &str) -> Draft {
    Draft { key: key.to_owned(), by_hand: true, ..Draft::default() }
}

/// Writes a value to files: a redirection for one, `tee` for several.
fn write(value: &str, files: &str) -> String {
    if files.contains([' ', '*']) {
        format!("echo {} | tee {files}", shell(value))
    } else {
        format!("echo {} > {files}", shell(value))
    }
}

/// Paths as words of a shell; many are written as a pattern of braces would be, one by one.
fn words(paths: impl Iterator<Item = String>) -> String {
    paths.map(|path| shell(&path)).collect::<Vec<_>>().join(" ")
}

/// Old values with the CPUs that had each.
fn old_values(goals: &[&Goal], of: impl Fn(&Intent) -> Option<(&CpuSet, String)>) -> Vec<(String, CpuSet)> {
    let mut values: BTreeMap<String, CpuSet> = BTreeMap::new();
    for (cpus, was) in goals.iter().filter_map(|goal| of(&goal.intent)) {
        let entry = values.entry(was).or_default();
        *entry = entry.union(cpus);
    }
    values.into_iter().collect()
}

fn listed(values: &[(String, CpuSet)]) -> Arg {
    Arg::text(values.iter().map(|(value, _)| value.as_str()).collect::<Vec<_>>().join(", "))
}

fn megahertz(khz: u64) -> Arg {
    Arg::quantity(precise(khz / 1000), "MHz", 0)
}

#[expect(clippy::cast_precision_loss, reason = "clocks and latencies are far below 2^52")]
fn precise(number: u64) -> f64 {
    number as f64
}
