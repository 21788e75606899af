//! `cpu.cstates`: deep idle states do not add wake-up latency on serving cores.
//!
//! Serving CPUs are those that busy threads of inference servers were seen on. Without a window they are those that such
//! threads may run on, and the time that these have slept since boot warns. Where no state with a long exit
//! latency is enabled on them, or a program asks the kernel for short latency, the settings alone pass. Otherwise the
//! time spent in such states under load decides, as a mean over the serving CPUs, since threads move between
//! readings. The catalogue's failure needs a missed objective at p99; where none is known, a warning stands and what
//! is missing is told. CPUs that serve network interrupts are not added to the serving CPUs: the check of interrupts
//! has those.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{CpuIdle, CpuReading, IdleResidency, IdleState, cpus_allowed};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict,
    Object, ObjectKind, Said,
};

use crate::pages::cpu_cstates::{LATENCY, MUCH, PAGE, SERVING, SOME, words};
use crate::{host, objective, serving};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let lack = |why| host::lack(evidence, why, |reason| words::NoStates { reason });
    let cpuidle = evidence.cpuidle().map_err(lack)?;
    if cpuidle.states.is_empty() {
        return Err(lack(Missing::new(Absence::Absent, "no CPU has idle states")));
    }
    let latency = evidence.limit(&PAGE, &LATENCY).value.number();
    let deep = Deep::new(evidence, cpuidle, latency);
    if deep.cpus.is_empty() {
        return Ok(vec![deep.none(cpuidle, latency)]);
    }
    let seen = watched(evidence, cpuidle, &deep, latency);
    // That they are open is known, whether or not anybody watched how long CPUs stay in them.
    Ok(seen.unwrap_or_else(|said| {
        let (finding, unknown) = deep.enabled(evidence, cpuidle);
        vec![finding, PAGE.not_run(Object::node(), unknown.unwrap_or(said))]
    }))
}

/// What the window says of deep states; else the sentence that says why it says nothing.
fn watched(
    evidence: &Evidence<'_>,
    cpuidle: &CpuIdle,
    deep: &Deep<'_>,
    latency: f64,
) -> Result<Vec<Finding>, Said> {
    let (states, cpus) = (|| Arg::from(deep.names()), || Arg::from(&deep.cpus));
    let unknown = |why: Missing| words::UnknownUse { states: states(), cpus: cpus(), reason: why.into() };
    let window = serving::window(evidence).map_err(unknown)?;
    let least = evidence.limit(&PAGE, &SERVING).value.number() / 100.0;
    let unknown = |why: Missing| words::UnknownServers { states: states(), cpus: cpus(), reason: why.into() };
    let serving = window.serving_cpus(least).map_err(unknown)?;
    if serving.is_empty() {
        return Err(words::NoBusyThread { states: states(), cpus: cpus() }.into());
    }
    let concerned = serving.intersection(&deep.cpus);
    if concerned.is_empty() {
        return Ok(vec![deep.none(cpuidle, latency)]);
    }
    let unknown = |why: Missing| words::NoLoad { states: states(), cpus: cpus(), reason: why.into() };
    evidence.under_load().map_err(unknown)?;
    let unknown = |why: Missing| words::UnknownTime { states: states(), cpus: cpus(), reason: why.into() };
    let idle: Vec<IdleResidency> = evidence.get("/power/window/idle").map_err(unknown)?;
    Ok(judge(evidence, deep, &concerned, &idle, window.length()?, latency))
}

/// States with a long exit latency and the CPUs on which the kernel may choose them.
struct Deep<'a> {
    states: Vec<&'a IdleState>,
    cpus: CpuSet,
    /// What keeps the kernel from choosing them.
    request: Option<Citation>,
}

impl<'a> Deep<'a> {
    fn new(evidence: &Evidence<'_>, cpuidle: &'a CpuIdle, latency: f64) -> Self {
        let states: Vec<&IdleState> = cpuidle
            .states
            .iter()
            .filter(|state| state.latency_us as f64 > latency && !state.cpus.is_subset(&state.disabled))
            .collect();
        let mut deep = Self { states, cpus: CpuSet::new(), request: None };
        // Only root can read the request of the whole node; without it the states count as open.
        if let Ok(allowed) = evidence.get::<u64>("/power/dma_latency_us")
            && allowed as f64 <= latency
        {
            deep.request = Some(Citation::new("/dev/cpu_dma_latency", format!("{allowed} µs")));
            return deep;
        }
        let requests: Vec<CpuReading> = evidence.get("/power/resume_latency_us").unwrap_or_default();
        let bound =
            requests.iter().filter(|group| group.value.known().is_some_and(|&value| value as f64 <= latency));
        let bound = bound.fold(CpuSet::new(), |all, group| all.union(&group.cpus));
        for state in &deep.states {
            deep.cpus = deep.cpus.union(&state.cpus.difference(&state.disabled).difference(&bound));
        }
        deep
    }

    fn names(&self) -> String {
        let name = |state: &&IdleState| format!("{} ({} µs)", state.name, state.latency_us);
        self.states.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Those of the states that the kernel may choose on a CPU.
    fn open_on(&self, cpu: u32) -> impl Iterator<Item = &IdleState> {
        let is_open = move |state: &&&IdleState| state.cpus.contains(cpu) && !state.disabled.contains(cpu);
        self.states.iter().filter(is_open).copied()
    }

    /// Without these states on those of `cpus` that have them.
    fn disabled_on(&self, cpus: &CpuSet) -> Vec<Intent> {
        let intent = |state: &&IdleState| {
            let cpus = cpus.intersection(&self.cpus).intersection(&state.cpus).difference(&state.disabled);
            (!cpus.is_empty()).then(|| Intent::IdleState {
                cpus,
                index: state.index,
                name: state.name.clone(),
                latency_us: state.latency_us,
            })
        };
        self.states.iter().filter_map(intent).collect()
    }

    /// What is known without a window: that they are open, to servers too, and how much CPUs have slept in them since boot.
    /// With the sentence that says why the CPUs of servers are not known.
    fn enabled(&self, evidence: &Evidence<'_>, cpuidle: &CpuIdle) -> (Finding, Option<Said>) {
        let servers = evidence.servers();
        let allowed = cpus_allowed(servers.as_ref().copied().unwrap_or_default());
        let untold = || Missing::new(Absence::Failed, "no thread of a server tells its CPUs");
        let unknown = match servers {
            Ok(servers) => (!servers.is_empty() && allowed.is_empty()).then(untold),
            Err(why) => Some(why),
        };
        let unknown = unknown.map(|why| {
            let (states, cpus) = (Arg::from(self.names()), Arg::from(&self.cpus));
            words::UnknownServers { states, cpus, reason: why.into() }.into()
        });
        let serving = allowed.intersection(&self.cpus);
        let share = cpuidle.share_since_boot(&self.states, &serving);
        let is_rare =
            share.is_some_and(|share| !evidence.limit(&PAGE, &SOME).is_exceeded_by(Quantity::new(share)));
        let states = Arg::from(self.names());
        let finding = if serving.is_empty() || is_rare {
            PAGE.info(Object::cpus(&self.cpus), words::Enabled { states, cpus: Arg::from(&self.cpus) })
        } else {
            let share = share.map_or_else(|| Arg::text("unknown"), |share| Arg::quantity(share, "%", 1));
            PAGE.warn(Object::cpus(&serving), words::Open { states, cpus: (&serving).into(), share })
                .with_likelihood(Likelihood::Setting)
                .with_confidence(Confidence::Medium)
                .with_intents(self.disabled_on(&serving))
        };
        (finding.with_citations(self.states.iter().map(|state| cite(state))), unknown)
    }

    fn none(&self, cpuidle: &CpuIdle, latency: f64) -> Finding {
        let node = Object::node();
        let allowed = Arg::quantity(latency, "µs", 0);
        if let Some(request) = &self.request {
            return PAGE.pass(node, words::Request { latency: allowed }).with_evidence(request.clone());
        }
        let open =
            |state: &&IdleState| !state.cpus.is_subset(&state.disabled) && state.latency_us as f64 <= latency;
        let deepest = cpuidle.states.iter().filter(open).max_by_key(|state| state.latency_us);
        let Some(state) = deepest else { return PAGE.not_run(node, words::NoneEnabled { latency: allowed }) };
        let latency = Arg::quantity(state.latency_us as f64, "µs", 0);
        let said = words::Shallow { state: Arg::from(&state.name), latency };
        PAGE.pass(node, said).with_evidence(cite(state))
    }
}

/// Cites the exit latency of a state.
fn cite(state: &IdleState) -> Citation {
    let cpu = state.cpus.first().unwrap_or_default();
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/cpuidle/state{}/latency", state.index);
    Citation::new(path, state.latency_us.to_string())
}

fn judge(
    evidence: &Evidence<'_>,
    deep: &Deep<'_>,
    concerned: &CpuSet,
    idle: &[IdleResidency],
    seconds: f64,
    latency: f64,
) -> Vec<Finding> {
    let states: Vec<&IdleResidency> = idle.iter().filter(|state| state.latency_us as f64 > latency).collect();
    // A CPU counts where the times of all of its deep states are known: one that is missing is not zero.
    let is_read = |cpu: u32| {
        deep.open_on(cpu).all(|own| {
            states.iter().any(|state| state.index == own.index && state.time_us.contains_key(&cpu))
        })
    };
    let read: CpuSet = concerned.iter().filter(|&cpu| is_read(cpu)).collect();
    let unread = concerned.difference(&read);
    let mut findings = Vec::new();
    if !unread.is_empty() {
        findings.push(PAGE.not_run(Object::cpus(&unread), words::UnreadTime {}));
    }
    let share = |cpu: u32| {
        let microseconds: u64 = states.iter().filter_map(|state| state.time_us.get(&cpu)).sum();
        100.0 * microseconds as f64 / (seconds * 1e6)
    };
    let Some(worst) = read.iter().max_by(|&a, &b| share(a).total_cmp(&share(b))) else { return findings };
    let mean = read.iter().map(share).sum::<f64>() / read.len() as f64;
    let object = Object::cpus(&read);
    let (share, most) = (Arg::quantity(mean, "%", 2), Arg::quantity(share(worst), "%", 2));
    let (states_arg, cpu) = (Arg::from(deep.names()), Arg::text(worst.to_string()));
    let seen = Quantity::new(mean);
    if !evidence.limit(&PAGE, &SOME).is_exceeded_by(seen) {
        let finding = PAGE.pass(object, words::Rarely { states: states_arg, share, cpu, most });
        findings.push(with_times(finding, &states, worst));
        return findings;
    }
    let is_missed = evidence.limit(&PAGE, &MUCH).is_exceeded_by(seen).then(|| objective::is_missed(evidence));
    let finding = match is_missed {
        Some(Ok(true)) => PAGE.fail(object, words::IdleAndMissed { states: states_arg, share, cpu, most }),
        Some(Ok(false)) => PAGE.warn(object, words::IdleAndMet { states: states_arg, share, cpu, most }),
        Some(Err(_)) | None => PAGE.warn(object, words::Idle { states: states_arg, share, cpu, most }),
    };
    if let Some(Err(why)) = is_missed {
        let latency = Object::new(ObjectKind::Other, "p99 latency");
        findings.push(PAGE.not_run(latency, words::UnknownObjective { reason: why.into() }));
    }
    let finding = with_times(finding.with_likelihood(Likelihood::Mechanism), &states, worst)
        .with_intents(deep.disabled_on(&read))
        .with_citations(deep.states.iter().map(|state| cite(state)));
    findings.insert(0, finding);
    findings
}

fn with_times(finding: Finding, states: &[&IdleResidency], cpu: u32) -> Finding {
    finding.with_citations(states.iter().filter_map(|state| {
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/cpuidle/state{}/time", state.index);
        Some(Citation::new(path, format!("{} µs in the window", state.time_us.get(&cpu)?)))
    }))
}
