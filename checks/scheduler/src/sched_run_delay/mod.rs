//! `sched.run-delay`: critical threads get a core at once.
//!
//! For each server, the thread that waited for a CPU longest, of the time in which it could have run, speaks for all:
//! one thread that is late makes a step late. Threads that are hardly ever runnable are left out. Pressure is judged
//! by the control group of the server, since a busy neighbour elsewhere raises that of the node; where the group
//! tells none, the node's stands in with less confidence. The kernel's running averages over 60 s are replaced by the
//! mean over the window. Where other programs run on the CPUs of the servers, they are what to move; else somebody has to
//! find out what runs there.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{CgroupTime, InferenceServer, Pressure};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object, ObjectKind,
    Outcome, Step,
};

use crate::delay::{self, Delays, Gap};
use crate::foreign::{Foreign, NEIGHBOURS};
use crate::pages::sched_run_delay::{LONG, PAGE, PRESSED, SHORT, STALLED, words};
use crate::serving;

/// Waiting time of a thread that must show in the pressure, in ns: 10 ms, far above what its averaging loses.
const NOTICED_NS: u64 = 10_000_000;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = serving::servers(evidence)?.ok_or(words::NoServer {})?;
    let window = serving::window(evidence)?;
    let judge = Judge {
        evidence,
        delays: delay::delays(servers, &window)?,
        seconds: window.length()?,
        load: evidence.under_load().map(drop),
        others: Foreign::noticed(evidence, servers),
    };
    let mut findings: Vec<Finding> = servers.iter().filter_map(|server| judge.threads(server)).collect();
    let other = Object::new(ObjectKind::Other, "other threads");
    findings.extend(judge.delays.unknown.as_ref().map(|gap| match gap {
        Gap::Evidence(missing) => PAGE.not_run(other, words::UnknownWait { reason: missing.into() }),
        Gap::Stray { tid, comm } => {
            PAGE.not_run(other, words::Stray { comm: comm.into(), tid: Arg::text(tid.to_string()) })
        }
    }));
    findings.extend(servers.iter().map(|server| {
        let object = object(server, "CPU pressure");
        PAGE.settle(object.clone(), judge.pressure(object, server))
    }));
    Ok(findings)
}

fn object(server: &InferenceServer, what: &str) -> Object {
    let name = format!("{} (PID {}), {what}", server.kind, server.pid);
    Object::new(ObjectKind::Server, server.pid.to_string()).named(name)
}

/// The parts of the evidence that all servers are judged by.
struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    delays: Delays,
    seconds: f64,
    load: Result<(), Missing>,
    /// What other programs took on the CPUs of the servers, where it is more than a little.
    others: Option<Foreign>,
}

impl Judge<'_> {
    /// `None` where nothing of the server was runnable for long, and part of its threads is unknown, which is told at the
    /// end.
    fn threads(&self, server: &InferenceServer) -> Option<Finding> {
        let object = object(server, "threads");
        let of_server = self.delays.of(server);
        let Some(worst) = of_server.first() else {
            return self.delays.unknown.is_none().then(|| PAGE.not_run(object, words::NoCritical {}));
        };
        let (comm, role) = (Arg::text(&*worst.comm), serving::role(worst.role).into());
        let (waited, tid) = (Arg::of(worst.percent(), 2), Arg::text(worst.tid.to_string()));
        let threads_count = Arg::count(of_server.len());
        let is_long = worst.is_long(&self.evidence.limit(&PAGE, &LONG));
        let finding = if is_long || !self.evidence.limit(&PAGE, &SHORT).is_undercut_by(worst.percent()) {
            let outcome = if is_long { Outcome::Fail } else { Outcome::Warn };
            let others = self.others.as_ref().map_or_else(|| "none".into(), Foreign::share);
            PAGE.says(outcome, object, words::Waits { comm, others, role, waited, threads_count, tid })
        } else {
            match &self.load {
                Ok(()) => PAGE.pass(object, words::AtOnce { comm, role, waited, threads_count, tid }),
                Err(missing) => {
                    let reason = missing.into();
                    PAGE.not_run(object, words::Unloaded { comm, reason, role, waited, threads_count, tid })
                }
            }
        };
        Some(self.mended(finding.with_likelihood(Likelihood::Mechanism).with_evidence(worst.citation())))
    }

    /// Pressure of the server's control group, or of the node.
    fn pressure(&self, object: Object, server: &InferenceServer) -> Result<Finding, NoVerdict> {
        let (pressure, path, confidence) = pressure(self.evidence, server)?;
        let value = format!("some total +{} µs in {:.0} s", pressure.some_us, self.seconds);
        let citation = Citation::new(path, value);
        // Whoever waits for a CPU raises the pressure of its group and of the node.
        let waits = self.delays.of(server).into_iter();
        if let Some(worst) =
            waits.max_by_key(|delay| delay.wait_ns).filter(|worst| worst.wait_ns > NOTICED_NS)
            && pressure.some_us == 0
        {
            return Ok(PAGE
                .contradictory(object, words::NoPressure {})
                .with_evidence(citation)
                .with_evidence(worst.citation()));
        }
        let percent = Quantity::new(pressure.some_us as f64 / (self.seconds * 1e4));
        let share = Arg::of(percent, 1);
        let reach = Arg::text(if confidence == Confidence::High { "group" } else { "node" });
        let is_stalled = self.evidence.limit(&PAGE, &STALLED).is_exceeded_by(percent);
        let finding = if is_stalled || !self.evidence.limit(&PAGE, &PRESSED).is_undercut_by(percent) {
            let outcome = if is_stalled { Outcome::Fail } else { Outcome::Warn };
            let others = self.others.as_ref().map_or_else(|| "none".into(), Foreign::share);
            let pid = Arg::text(server.pid.to_string());
            PAGE.says(outcome, object, words::Pressed { others, pid, reach, share })
        } else {
            self.load.as_ref()?;
            PAGE.pass(object, words::Relaxed { reach, share })
        };
        let finding = finding.with_likelihood(Likelihood::Mechanism).with_confidence(confidence);
        Ok(self.mended(finding.with_evidence(citation)))
    }

    /// Asks for what would mend a deviation.
    fn mended(&self, finding: Finding) -> Finding {
        match &self.others {
            _ if !finding.outcome.is_deviation() => finding,
            Some(others) => {
                others.cite(finding).with_intent(others.reserve()).with_cause(NEIGHBOURS, Object::node())
            }
            None => finding.with_intent(Intent::Step { step: Step::TraceInterruptions }),
        }
    }
}

fn pressure(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
) -> Result<(Pressure, String, Confidence), Missing> {
    let groups: BTreeMap<String, CgroupTime> = evidence.get("/window/cgroups").unwrap_or_default();
    let own = server.processes.iter().filter_map(|process| process.cgroup.known()?.chain.first());
    let known = own.filter_map(|level| Some((level, groups.get(&level.path)?.pressure.get("cpu")?.known()?)));
    // The processes of a server may be in several groups.
    if let Some((level, pressure)) = known.max_by_key(|(_, pressure)| pressure.some_us) {
        return Ok((*pressure, format!("{}/cpu.pressure", level.path), Confidence::High));
    }
    let node: Pressure = evidence.get("/window/pressure/cpu")?;
    Ok((node, "/proc/pressure/cpu".to_owned(), Confidence::Medium))
}
