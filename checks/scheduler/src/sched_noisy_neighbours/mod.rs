//! `sched.noisy-neighbours`: other workloads do not use the inference CPUs.
//!
//! How their CPU time is found is told in `foreign`. Two readings give a mean only: the catalogue's worst ten seconds
//! are not judged, so the confidence is medium. Nor are programs known by their names to be heavy: what they use
//! counts. It fails only where they leave the servers no CPU: on a real server of vLLM, others that used half of its CPUs
//! and left two cost nothing, and others that left none halved its throughput. Each server is told where it may run and
//! beside whom; one that is confined to a part of the CPUs and shares these is a finding of its own, since it cannot get
//! out of the way.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::InferenceServer;
use plumb_check_sdk::{
    Arg, Confidence, CpuSet, Evidence, Finding, Likelihood, Missing, NoVerdict, Object, ObjectKind, Outcome,
    Said,
};

use crate::foreign::{Foreign, Unread};
use crate::pages::sched_noisy_neighbours::{FREE, LEFT, MUCH, PAGE, SOME, WATCHED, words};
use crate::serving;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = serving::servers(evidence)?.ok_or(words::NoServer {})?;
    let foreign = Foreign::read(evidence, servers).map_err(|unread| match unread {
        Unread::Evidence(missing) => Said::from(missing),
        Unread::NoMask => words::NoMask {}.into(),
        Unread::NoTimes(cpus) => words::NoTimes { cpus: (&cpus).into() }.into(),
    });
    let together = foreign.as_ref().map(|foreign| judge(evidence, foreign)).map_err(Said::clone);
    let mut findings = vec![PAGE.settle(Object::node(), together)];
    let of = |server: &InferenceServer| PAGE.settle(serving::server_object(server), beside(evidence, server));
    findings.extend(servers.iter().map(of));
    let Ok(foreign) = foreign else { return Ok(findings) };
    if !foreign.uncounted.is_empty() {
        findings.push(PAGE.not_run(Object::cpus(&foreign.uncounted), words::Uncounted {}));
    }
    if let Some(missing) = &foreign.unmasked {
        let object = Object::new(ObjectKind::Other, "other CPUs");
        findings.push(PAGE.not_run(object, words::UnknownMasks { reason: missing.into() }));
    }
    Ok(findings)
}

/// On which CPUs the threads of a server may run, and who else ran there.
fn beside(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Finding, Missing> {
    let online: CpuSet = evidence.get("/cpu/online")?;
    let own = server.cpus(&online)?;
    let (cpus, cpus_count, online_count) = ((&own).into(), own.len().into(), online.len().into());
    let foreign = Foreign::beside(evidence, server).ok();
    let busiest = foreign.as_ref().map_or_else(|| "unwatched".into(), Foreign::busiest);
    let object = serving::server_object(server);
    let is_shared = |foreign: &Foreign| !evidence.limit(&PAGE, &SOME).is_undercut_by(foreign.percent);
    let finding = match foreign.filter(|foreign| own != online && is_shared(foreign)) {
        Some(foreign) => {
            let (pid, share, left) = (Arg::text(server.pid.to_string()), foreign.share(), foreign.left());
            let said = words::Confined { busiest, cpus, cpus_count, left, online_count, pid, share };
            taken(evidence, &foreign, object, said.into())
        }
        None => {
            let spread = Arg::text(if own == online { "all" } else { "some" });
            PAGE.info(object, words::Runs { busiest, cpus, cpus_count, online_count, spread })
        }
    };
    Ok(finding.with_citations(server.processes.first().map(|process| process.mask_quote(&own).into())))
}

/// A deviation: others took of the CPUs.
fn taken(evidence: &Evidence<'_>, foreign: &Foreign, object: Object, said: Said) -> Finding {
    let is_much = evidence.limit(&PAGE, &MUCH).is_exceeded_by(foreign.percent);
    let free = Quantity::new(100.0 * foreign.left.number() / foreign.cpus.len() as f64);
    let is_full = evidence.limit(&PAGE, &LEFT).is_undercut_by(foreign.left)
        || evidence.limit(&PAGE, &FREE).is_undercut_by(free);
    let outcome = if is_much && is_full { Outcome::Fail } else { Outcome::Warn };
    let finding = PAGE.says(outcome, object, said).with_intent(foreign.reserve());
    let finding = finding.with_intents(foreign.elsewhere(&evidence.limit(&PAGE, &SOME)));
    foreign.cite(finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium))
}

fn judge(evidence: &Evidence<'_>, foreign: &Foreign) -> Finding {
    let object = Object::cpus(&foreign.cpus);
    let (busiest, share) = (foreign.busiest(), foreign.share());
    let watched = evidence.limit(&PAGE, &WATCHED);
    if !evidence.limit(&PAGE, &SOME).is_undercut_by(foreign.percent) {
        return taken(evidence, foreign, object, words::Busy { busiest, left: foreign.left(), share }.into());
    }
    let finding = if watched.is_undercut_by(Quantity::new(foreign.seconds)) {
        let least = Arg::text(format!("{:.0}", watched.value.number()));
        let seconds = Arg::quantity(foreign.seconds, "s", 1);
        PAGE.not_run(object, words::TooShort { busiest, least, seconds, share })
    } else {
        PAGE.pass(object, words::Quiet { busiest, share })
    };
    foreign.cite(finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium))
}
