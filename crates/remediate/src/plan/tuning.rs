//! Values of the kernel: frequency, idle states, memory, network.

use std::collections::BTreeSet;

use plumb_check_sdk::Intent;
use plumb_evidence::model::FreqPolicy;
use plumb_evidence::{Evidence, Fact};

use super::experiment::{Measured, offered};
use super::{Basis, GovernorChange, NotPlanned, Plan, SysctlChange, Value, ValueChange, Why, goals};

/// Idle states with an exit of so many µs or more are switched off (the catalogue's limit; TuneD's `force_latency`).
const LONG_EXIT_US: u64 = 100;

const CPU: &str = "/sys/devices/system/cpu";

/// Adds all of them.
pub(super) fn plan(evidence: &Evidence, measured: &[Measured], plan: &mut Plan) {
    governor(evidence, measured, plan);
    turbo(evidence, plan);
    idle(evidence, plan);
    single_values(evidence, plan);
    balancing(evidence, plan);
}

/// Files and kernel parameters that intents name.
fn single_values(evidence: &Evidence, plan: &mut Plan) {
    let mut done = BTreeSet::new();
    for at in 0..plan.goals.len() {
        let goal = &plan.goals[at];
        if !goal.is_planned() || !done.insert(goal.intent.clone()) {
            continue;
        }
        let intent = goal.intent.clone();
        let Some(why) = why_of(plan, |other| *other == intent) else { continue };
        match intent {
            // systemd sets the weight of its units, and would set another one back.
            Intent::Value { path, .. } if crate::actions::unit_of_weight(&path).is_some() => {}
            Intent::Value { path, want, was } => plan.values.push(ValueChange {
                topic: "values",
                paths: path,
                value: Value::Text(want),
                found: was,
                why,
            }),
            Intent::Sysctl { name, want, was } => parameter(evidence, plan, name, want, was, why),
            // The file at boot gets what is in force, unless that is to be changed.
            Intent::Persist { setting, want, .. }
                if evidence.sysctl.contains_key(&setting)
                    && !plan.goals.iter().any(|other| goals::changes(&other.intent, &setting)) =>
            {
                parameter(evidence, plan, setting, want.clone(), want, why);
            }
            _ => {}
        }
    }
}

/// One kernel parameter.
fn parameter(evidence: &Evidence, plan: &mut Plan, name: String, value: String, found: String, why: Why) {
    let persistent = evidence.services.known().and_then(|services| services.persistent.known());
    let mut set = persistent.and_then(|persistent| persistent.sysctl.known()).into_iter().flatten();
    let other = set.rfind(|set| set.name == name && set.value.trim() != value);
    let set_by = other.map(|set| set.path.clone()).unwrap_or_default();
    plan.sysctls.push(SysctlChange { topic: "parameters", name, value, found, set_by, why });
}

fn governor(evidence: &Evidence, measured: &[Measured], plan: &mut Plan) {
    let by_experiment = measured.iter().find(|measured| !measured.governor.is_empty());
    let asked =
        why_of(plan, |intent| matches!(intent, Intent::Governor { want, .. } if want == "performance"));
    let preference = why_of(plan, |intent| {
        matches!(intent, Intent::EnergyPreference { want, .. } if want == "performance")
            || matches!(intent, Intent::EnergyBias { want: 0, .. })
    });
    if by_experiment.is_none() && asked.is_none() && preference.is_none() {
        return;
    }
    let what = "frequency governor".to_owned();
    let Some(freq) = evidence.cpufreq.known().filter(|freq| !freq.policies.is_empty()) else {
        let why = "evidence is missing: no frequency policy was read".to_owned();
        return plan.not_planned.push(NotPlanned { what, why });
    };
    let found = values(&freq.policies, |policy| &policy.scaling_governor);
    let (wanted, why) = match (by_experiment, asked) {
        (Some(measured), _) => (measured.governor.clone(), Some(measured.why.clone())),
        (None, Some(why)) if offered(evidence, "performance") => ("performance".to_owned(), Some(why)),
        (None, Some(_)) => {
            let why = "the governors on offer are not known to include `performance` on every CPU".to_owned();
            plan.not_planned.push(NotPlanned { what, why });
            (String::new(), None)
        }
        (None, None) => (String::new(), None),
    };
    let governor = if found == wanted { String::new() } else { wanted.clone() };
    let in_force = if wanted.is_empty() { found.as_str() } else { wanted.as_str() };
    let has_preference =
        freq.policies.iter().any(|policy| policy.energy_performance_preference.known().is_some());
    let by_driver = in_force == "performance"
        && freq.policies.iter().all(|policy| {
            policy.governor_sets_preference() || policy.energy_performance_preference.known().is_none()
        });
    let preferences = values(&freq.policies, |policy| &policy.energy_performance_preference);
    let set = preference.is_some() && has_preference && !by_driver && preferences != "performance";
    let biased = evidence.power.known().and_then(|power| power.energy_perf_bias.known());
    let is_biased = biased
        .is_some_and(|groups| groups.iter().any(|group| group.value.known().is_some_and(|&bias| bias != 0)));
    let bias = preference.is_some() && is_biased;
    let mut all: Option<Why> = None;
    for why in [why, preference].into_iter().flatten() {
        all = Some(match all {
            None => why,
            Some(mut all) => {
                all.reasons.extend(why.reasons);
                all.verify_first |= why.verify_first;
                all
            }
        });
    }
    if let Some(why) = all.filter(|_| !governor.is_empty() || set || bias) {
        plan.governor = Some(GovernorChange {
            governor,
            preference: if set { "performance".to_owned() } else { String::new() },
            bias: if bias { "0".to_owned() } else { String::new() },
            found,
            why,
        });
    }
}

/// The different values of a file over all policies.
fn values(policies: &[FreqPolicy], of: impl Fn(&FreqPolicy) -> &Fact<String>) -> String {
    let mut all: Vec<&str> =
        policies.iter().filter_map(|policy| of(policy).known().map(|text| text.trim())).collect();
    all.sort_unstable();
    all.dedup();
    all.join(", ")
}

/// Why to do what these intents ask for.
fn why_of(plan: &Plan, is_meant: impl Fn(&Intent) -> bool) -> Option<Why> {
    goals::why_for(&plan.goals, Basis::Published, is_meant)
}

fn turbo(evidence: &Evidence, plan: &mut Plan) {
    let wanted = why_of(plan, |intent| matches!(intent, Intent::Boost { .. } | Intent::FrequencyCap { .. }));
    let Some(why) = wanted else { return };
    let Some(freq) = evidence.cpufreq.known() else { return };
    let mut add = |paths: String, value: Value, found: &str| {
        let (found, why) = (found.to_owned(), why.clone());
        plan.values.push(ValueChange { topic: "turbo", paths, value, found, why });
    };
    if freq.intel_no_turbo.known().is_some_and(|text| text.trim() == "1") {
        add(format!("{CPU}/intel_pstate/no_turbo"), Value::Text("0".into()), "1");
    }
    if freq.boost.known().is_some_and(|text| text.trim() == "0") {
        add(format!("{CPU}/cpufreq/boost"), Value::Text("1".into()), "0");
    }
    let capped = |policy: &&FreqPolicy| match (&policy.scaling_max_freq_khz, &policy.cpuinfo_max_freq_khz) {
        (Fact::Known(limit), Fact::Known(most)) => limit < most,
        _ => false,
    };
    let capped = freq.policies.iter().filter(capped).count();
    if capped > 0 {
        add(
            format!("{CPU}/cpufreq/policy*/scaling_max_freq"),
            Value::OfFile("cpuinfo_max_freq"),
            &format!("lower on {capped} of {} policies", freq.policies.len()),
        );
    }
}

fn idle(evidence: &Evidence, plan: &mut Plan) {
    let Some(why) = why_of(plan, |intent| matches!(intent, Intent::IdleState { .. })) else { return };
    let Some(idle) = evidence.cpuidle.known() else { return };
    let mut indices: Vec<(u32, &str, u64)> = idle
        .states
        .iter()
        .filter(|state| state.latency_us >= LONG_EXIT_US && !state.cpus.is_subset(&state.disabled))
        .map(|state| (state.index, state.name.as_str(), state.latency_us))
        .collect();
    indices.sort_unstable();
    indices.dedup_by_key(|(index, _, _)| *index);
    // A state of that number may be a short one on other CPUs of the node.
    let mixed =
        |index: u32| idle.states.iter().any(|state| state.index == index && state.latency_us < LONG_EXIT_US);
    for (index, name, latency) in indices {
        if mixed(index) {
            let why = "its exit is long on some CPUs and short on others".to_owned();
            plan.not_planned.push(NotPlanned { what: format!("idle state {index}"), why });
            continue;
        }
        plan.values.push(ValueChange {
            topic: "idle",
            paths: format!("{CPU}/cpu*/cpuidle/state{index}/disable"),
            value: Value::Text("1".into()),
            found: format!("{name} with an exit of {latency} µs in use"),
            why: why.clone(),
        });
    }
}

/// Automatic NUMA balancing goes off once memory is bound: pages that are placed can only be moved away.
fn balancing(evidence: &Evidence, plan: &mut Plan) {
    const NAME: &str = "kernel.numa_balancing";
    let found = evidence.sysctl.get(NAME).and_then(Fact::known).map(|text| text.trim().to_owned());
    let mut placed = plan.servers.iter().filter_map(|server| server.placement.as_ref());
    let bound = placed.find(|place| !place.memory_nodes.is_empty());
    let is_planned = plan.sysctls.iter().any(|change| change.name == NAME);
    if let (Some(place), Some(found)) = (bound, found.filter(|found| found != "0" && !is_planned)) {
        let why =
            Why { basis: Basis::Modelled, risk: 1, verify_first: false, reasons: place.why.reasons.clone() };
        parameter(evidence, plan, NAME.to_owned(), "0".to_owned(), found, why);
    }
}
