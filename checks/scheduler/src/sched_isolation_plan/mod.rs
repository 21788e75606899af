//! `sched.isolation-plan`: there is a CPU split between system, interrupts and inference (shared hosts).
//!
//! The plan is judged by its effect: the CPUs that threads of the servers may use, against those that threads of all
//! other programs may use. Disjoint sets pass, however they came about. Otherwise what others used in the window
//! decides whether a plan is needed at all. Interrupts are left to the checks of interrupts. `isolcpus` and
//! `nohz_full` deviate by themselves, as switching off load balancing or the tick fits no server with many threads.
//! The collector does not count as a program.
//!
//! What boot sets apart is looked at without servers, too: CPUs that systemd leaves its services, isolated CPUs that share a
//! core with the others, and a scheduler in BPF, which decides itself what weights and isolation mean.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{
    InferenceServer, Isolcpus, ManagerAffinity, Mask, Process, SetApart, confined_to,
};
use plumb_check_sdk::{
    Arg, Citation, Confidence, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object,
    ObjectKind, Outcome, Said, if_any,
};

use crate::delay::{self, Gap};
use crate::foreign::{Foreign, NEIGHBOURS, Unread};
use crate::pages::sched_isolation_plan::{LONG, MUCH, PAGE, SOME, words};
use crate::serving;

const ISOLATED: &str = "/sys/devices/system/cpu/isolated";
const NO_TICK: &str = "/sys/devices/system/cpu/nohz_full";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let services = Object::setting("systemd").named("CPUs of services");
    let cores = Object::new(ObjectKind::Other, "cores of isolated CPUs");
    let of_services = PAGE.settle(services.clone(), manager(evidence, services));
    let of_cores = PAGE.settle(cores.clone(), siblings(evidence, cores));
    let findings = [of_services, of_cores, in_bpf(evidence)].into_iter().flatten();
    Ok(findings.chain(PAGE.findings(of_servers(evidence))).collect())
}

fn of_servers(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = serving::servers(evidence)?.ok_or(words::NoServer {})?;
    let masks = Mask::of_servers(servers);
    let mut findings = boot_isolation(evidence, servers, &masks.cpus);
    match split(evidence, servers, &masks) {
        Ok(Split::Disjoint(finding)) => findings.push(*finding),
        Ok(Split::Shared(others)) => findings.extend(shared(evidence, servers, others)),
        Err(said) => findings.push(PAGE.not_run(Object::node(), said)),
    }
    Ok(findings)
}

/// What systemd leaves the services that set no CPUs of their own, where that is a part of them only.
fn manager(evidence: &Evidence<'_>, object: Object) -> Result<Option<Finding>, Missing> {
    let own = if_any(evidence.get::<ManagerAffinity>("/platform/manager_affinity"))?.unwrap_or_default();
    let online: CpuSet = evidence.get("/cpu/online")?;
    let Some(set) = own.leaves(&online) else { return Ok(None) };
    let (cpus, cpus_count, online_count) = ((&set).into(), set.len().into(), online.len().into());
    let servers = serving::servers(evidence).ok().flatten();
    let confined = servers.map(|servers| confined_to(servers, &set, &online)).transpose()?;
    let finding = match confined {
        None => PAGE.warn(object, words::ServicesConfined { cpus, cpus_count, online_count }),
        Some(None) => PAGE.info(object, words::ServicesApart { cpus, cpus_count, online_count }),
        Some(Some(process)) => {
            let pid = Arg::text(process.pid.to_string());
            let goal = Intent::KernelArgument { argument: own.text.clone(), present: false };
            PAGE.fail(object, words::ServiceConfined { cpus, cpus_count, online_count, pid })
                .with_evidence(process.mask_quote(&set).into())
                .with_intents(own.is_argument().then_some(goal))
        }
    };
    Ok(Some(finding.with_likelihood(Likelihood::Setting).with_evidence(Citation::new(own.path, own.text))))
}

/// CPUs that were set apart, though a CPU for everything else is on the same core.
fn siblings(evidence: &Evidence<'_>, object: Object) -> Result<Option<Finding>, Missing> {
    let all: Vec<SetApart> = evidence.get("/platform/set_apart")?;
    let apart = all.iter().fold(CpuSet::new(), |apart, own| apart.union(&own.cpus));
    if apart.is_empty() {
        return Ok(None);
    }
    let shared = evidence.cpu()?.with_siblings_outside(&apart);
    Ok((!shared.is_empty()).then(|| {
        PAGE.warn(object, words::Siblings { cpus: (&shared).into() })
            .with_likelihood(Likelihood::Setting)
            .with_citations(all.into_iter().map(|own| Citation::new(own.path, own.text)))
    }))
}

/// A scheduler that was loaded into the kernel.
fn in_bpf(evidence: &Evidence<'_>) -> Option<Finding> {
    let (name, citation) = evidence.bpf_scheduler()?;
    let object = Object::setting(&citation.source).named("scheduler");
    Some(PAGE.info(object, words::InBpf { name: name.into() }).with_evidence(citation))
}

/// `isolcpus` and `nohz_full`, where servers may run on such CPUs.
fn boot_isolation(evidence: &Evidence<'_>, servers: &[InferenceServer], masks: &CpuSet) -> Vec<Finding> {
    if let Err(missing) = evidence.settings("scheduler") {
        return vec![PAGE.missing(Object::setting("boot arguments"), &missing)];
    }
    // A process whose threads could not be read has more than one, as all servers do.
    let has_many_threads =
        servers.iter().flat_map(|server| &server.processes).any(|process| process.threads.len() != 1);
    // A scheduler in BPF balances isolated CPUs or does not, as it likes.
    let confidence = if evidence.bpf_scheduler().is_some() { Confidence::Low } else { Confidence::High };
    let judge = |(used, citation): (CpuSet, Citation), path: &str| {
        let (object, cpus) = (Object::cpus(&used), Arg::from(&used));
        if path == NO_TICK {
            let finding = PAGE.warn(object, words::NoTick { cpus });
            let finding = told(evidence, finding, citation, |word| word.starts_with("nohz_full="));
            return (!used.is_empty()).then_some(finding);
        }
        let finding = PAGE.fail(object, words::Unbalanced { cpus }).with_confidence(confidence);
        let finding = told(evidence, finding, citation, Isolcpus::is_unbalancing);
        (used.len() > 1 && has_many_threads).then_some(finding)
    };
    let of = |path: &str, name: &str| {
        let found = used(evidence, path, masks).map(|found| found.and_then(|found| judge(found, path)));
        PAGE.settle(Object::setting(path).named(name), found)
    };
    [of(ISOLATED, "isolated CPUs"), of(NO_TICK, "CPUs without tick")].into_iter().flatten().collect()
}

/// CPUs of a list of the kernel that servers may run on, with the list.
fn used(
    evidence: &Evidence<'_>,
    path: &str,
    masks: &CpuSet,
) -> Result<Option<(CpuSet, Citation)>, NoVerdict> {
    // Kernels without the feature have no such file.
    let text = if_any(evidence.setting("scheduler", path))?.filter(|text| text != "(null)");
    let Some(text) = text else { return Ok(None) };
    match text.parse::<CpuSet>() {
        Ok(cpus) => Ok(Some((cpus.intersection(masks), Citation::new(path, cpus.to_string())))),
        Err(_) => Err(words::Malformed { path: path.into(), text: text.into() }.into()),
    }
}

/// A deviation that a boot argument brought about, which is to be gone.
fn told(evidence: &Evidence<'_>, finding: Finding, citation: Citation, is_it: fn(&str) -> bool) -> Finding {
    let finding = finding.with_likelihood(Likelihood::Setting).with_evidence(citation);
    let cmdline: String = evidence.get("/node/cmdline").unwrap_or_default();
    let words = cmdline.split_whitespace().filter(|word| is_it(word));
    words.fold(finding, |finding, word| {
        finding
            .with_evidence(Citation::new("/proc/cmdline", word))
            .with_intent(Intent::KernelArgument { argument: word.to_owned(), present: false })
    })
}

enum Split {
    Disjoint(Box<Finding>),
    Shared(Others),
}

/// Programs that may run on the CPUs of the servers.
struct Others {
    /// Up to three names.
    names: Arg,
    count: u64,
}

/// Whether the servers have CPUs of their own; the sentence that says why that is not known.
fn split(evidence: &Evidence<'_>, servers: &[InferenceServer], masks: &Mask) -> Result<Split, Said> {
    let online: CpuSet = evidence.get("/cpu/online")?;
    let inference = masks.cpus.intersection(&online);
    if inference.is_empty() {
        return Err(masks.unknown.as_ref().map_or_else(|| words::NoMask {}.into(), Said::from));
    }
    let mut others = CpuSet::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut count = 0;
    let mut unknown = masks.unknown.clone();
    let processes = evidence.processes()?;
    let is_other = |process: &&Process| {
        let is_own = servers.iter().any(|server| server.holds(process.pid));
        !process.kernel && !is_own && !serving::is_collector(process)
    };
    for process in processes.iter().filter(is_other) {
        let mask = Mask::of(&process.threads);
        unknown = unknown.or(mask.unknown);
        others = others.union(&mask.cpus.intersection(&online));
        if !mask.cpus.intersection(&inference).is_empty() {
            names.insert(&process.comm);
            count += 1;
        }
    }
    if count > 0 {
        let more = if names.len() > 3 { ", …" } else { "" };
        let named: Vec<&str> = names.into_iter().take(3).collect();
        return Ok(Split::Shared(Others { names: Arg::text(named.join(", ") + more), count }));
    }
    unknown.map_or(Ok(()), Err)?;
    if others.is_empty() {
        return Err(words::NoOthers {}.into());
    }
    let citation =
        Citation::new("/proc", format!("Cpus_allowed_list of servers {inference}, of others {others}"));
    let said = words::Apart { inference: (&inference).into(), others: (&others).into() };
    Ok(Split::Disjoint(Box::new(PAGE.pass(Object::node(), said).with_evidence(citation))))
}

/// No split: whether one is needed is for what others did in the window to say.
fn shared(evidence: &Evidence<'_>, servers: &[InferenceServer], others: Others) -> Vec<Finding> {
    let node = Object::node;
    let (programs, programs_count) = (others.names, Arg::count(others.count));
    let foreign = match Foreign::read(evidence, servers) {
        Ok(foreign) => foreign,
        Err(unread) => {
            let said = match unread {
                Unread::Evidence(why) => {
                    words::UnknownUse { programs, programs_count, reason: (&why).into() }.into()
                }
                Unread::NoMask => Said::from(words::NoMask {}),
                Unread::NoTimes(cpus) => {
                    words::NoTimes { cpus: (&cpus).into(), programs, programs_count }.into()
                }
            };
            return vec![PAGE.not_run(node(), said)];
        }
    };
    let (busiest, share) = (foreign.busiest(), foreign.share());
    if evidence.limit(&PAGE, &SOME).is_undercut_by(foreign.percent) {
        if let Some(missing) = &foreign.unmasked {
            let reason = missing.into();
            let said = words::SeenInPart { busiest, programs, programs_count, reason, share };
            return vec![PAGE.not_run(node(), said)];
        }
        if !foreign.uncounted.is_empty() {
            let cpus = (&foreign.uncounted).into();
            return vec![PAGE.not_run(node(), words::NoTimes { cpus, programs, programs_count })];
        }
        let said = words::NotNeeded { busiest, programs, programs_count, share };
        return vec![foreign.cite(PAGE.pass(node(), said).with_confidence(Confidence::Medium))];
    }
    let delays = serving::window(evidence).and_then(|window| delay::delays(servers, &window));
    let (late, unknown) = match delays {
        Ok(delays) => {
            let long = evidence.limit(&PAGE, &LONG);
            (delays.known.into_iter().next().filter(|worst| worst.is_long(&long)), delays.unknown)
        }
        Err(missing) => (None, Some(Gap::Evidence(missing))),
    };
    let finding = match &late {
        Some(worst) => {
            let (comm, tid) = (Arg::text(&*worst.comm), Arg::text(worst.tid.to_string()));
            let said = words::Late { busiest, comm, programs, programs_count, share, tid };
            PAGE.fail(node(), said).with_evidence(worst.citation())
        }
        None => {
            let is_much = evidence.limit(&PAGE, &MUCH).is_exceeded_by(foreign.percent);
            let outcome = if is_much { Outcome::Fail } else { Outcome::Warn };
            PAGE.says(outcome, node(), words::Shared { busiest, programs, programs_count, share })
        }
    };
    let unanswered = (finding.outcome == Outcome::Warn).then(|| unsure(&foreign, unknown)).flatten();
    let finding = finding
        .with_likelihood(Likelihood::Mechanism)
        .with_confidence(Confidence::Medium)
        .with_intent(foreign.reserve())
        .with_cause(NEIGHBOURS, node());
    std::iter::once(foreign.cite(finding)).chain(unanswered).collect()
}

/// What could make a warning a failure, were it known.
fn unsure(foreign: &Foreign, unknown: Option<Gap>) -> Option<Finding> {
    if !foreign.uncounted.is_empty() {
        return Some(PAGE.not_run(Object::cpus(&foreign.uncounted), words::Uncounted {}));
    }
    let object = Object::new(ObjectKind::Other, "waiting threads");
    Some(match unknown? {
        Gap::Evidence(missing) => PAGE.not_run(object, words::UnknownWait { reason: (&missing).into() }),
        Gap::Stray { tid, comm } => {
            PAGE.not_run(object, words::Stray { comm: comm.into(), tid: Arg::text(tid.to_string()) })
        }
    })
}
