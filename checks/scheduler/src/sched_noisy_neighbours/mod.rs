//! `sched.noisy-neighbours`: other workloads do not use the inference CPUs.
//!
//! How their CPU time is found is told in `foreign`. Two readings give a mean only: the catalogue's worst ten seconds
//! are not judged, so the confidence is medium. Nor are programs known by their names to be heavy: what they use
//! counts.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::{
    Arg, Confidence, Evidence, Finding, Likelihood, NoVerdict, Object, ObjectKind, Outcome, Said,
};

use crate::foreign::{Foreign, Unread};
use crate::pages::sched_noisy_neighbours::{MUCH, PAGE, SOME, WATCHED, words};
use crate::serving;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = serving::servers(evidence)?.ok_or(words::NoServer {})?;
    let foreign = Foreign::read(evidence, servers).map_err(|unread| match unread {
        Unread::Evidence(missing) => Said::from(missing),
        Unread::NoMask => words::NoMask {}.into(),
        Unread::NoTimes(cpus) => words::NoTimes { cpus: (&cpus).into() }.into(),
    })?;
    let mut findings = vec![foreign.cite(judge(evidence, &foreign))];
    if !foreign.uncounted.is_empty() {
        findings.push(PAGE.not_run(Object::cpus(&foreign.uncounted), words::Uncounted {}));
    }
    if let Some(missing) = &foreign.unmasked {
        let object = Object::new(ObjectKind::Other, "other CPUs");
        findings.push(PAGE.not_run(object, words::UnknownMasks { reason: missing.into() }));
    }
    Ok(findings)
}

fn judge(evidence: &Evidence<'_>, foreign: &Foreign) -> Finding {
    let object = Object::cpus(&foreign.cpus);
    let (busiest, share) = (foreign.busiest(), foreign.share());
    let some = evidence.limit(&PAGE, &SOME);
    let watched = evidence.limit(&PAGE, &WATCHED);
    let finding = if !some.is_undercut_by(foreign.percent) {
        let is_much = evidence.limit(&PAGE, &MUCH).is_exceeded_by(foreign.percent);
        let outcome = if is_much { Outcome::Fail } else { Outcome::Warn };
        PAGE.says(outcome, object, words::Busy { busiest, share })
            .with_intent(foreign.reserve())
            .with_intents(foreign.elsewhere(&some))
    } else if watched.is_undercut_by(Quantity::new(foreign.seconds)) {
        let least = Arg::text(format!("{:.0}", watched.value.number()));
        let seconds = Arg::quantity(foreign.seconds, "s", 1);
        PAGE.not_run(object, words::TooShort { busiest, least, seconds, share })
    } else {
        PAGE.pass(object, words::Quiet { busiest, share })
    };
    finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium)
}
