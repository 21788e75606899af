//! `mem.zone-reclaim`: zone reclaim is off.
//!
//! Where it is on, what it does under load decides: counters of reclaim in zones, or of allocations that had to wait.

use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object, ObjectKind, parsed,
};

use crate::counters::Counters;
use crate::pages::mem_zone_reclaim::{PAGE, words};

const NAME: &str = "vm.zone_reclaim_mode";
const PATH: &str = "/proc/sys/vm/zone_reclaim_mode";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    PAGE.not_applicable_if(evidence.numa()?.has_one_with_memory()?, words::OneNode {})?;
    let text = evidence.sysctl(NAME)?;
    let mode: u32 = parsed(PATH, &text)?;
    let cite = |finding: Finding| finding.with_evidence(Citation::new(PATH, text.trim()));
    if mode == 0 {
        return Ok(vec![cite(PAGE.pass(Object::node(), words::Off {}))]);
    }
    let mode = Arg::text(mode.to_string());
    let off = Intent::Sysctl { name: NAME.into(), want: "0".into(), was: text.trim().into() };
    let quiet = match Counters::of(evidence).and_then(|counters| Ok((stalls(&counters)?, counters))) {
        Ok((stalls, counters)) => {
            if let Some((name, grown)) = stalls.first() {
                let said = words::AtWork { counter: (*name).into(), grown: (*grown).into(), mode };
                let finding = cite(PAGE.fail(Object::node(), said)).with_likelihood(Likelihood::Mechanism);
                let cited = stalls.iter().map(|(name, _)| counters.cite(name));
                return Ok(vec![finding.with_citations(cited).with_intent(off)]);
            }
            counters.under_load()
        }
        Err(why) => Err(why),
    };
    let on = cite(PAGE.warn(Object::node(), words::On { mode })).with_likelihood(Likelihood::Setting);
    let of_window = Object::new(ObjectKind::Other, "reclaim during the window");
    let seen = match quiet {
        Ok(()) => PAGE.info(of_window, words::Quiet {}),
        Err(why) => PAGE.missing(of_window, &why),
    };
    Ok(vec![on.with_intent(off), seen])
}

/// Counters of reclaim in zones and of allocations that had to wait, those that grew, and by how much.
fn stalls<'a>(counters: &Counters<'a>) -> Result<Vec<(&'a str, u64)>, Missing> {
    // Every kernel since 4.8 has these kinds of memory; others depend on the machine.
    let mut all = Vec::new();
    for name in ["zone_reclaim_success", "zone_reclaim_failed", "allocstall_normal", "allocstall_movable"] {
        all.push((name, counters.grown(name)?));
    }
    all.extend(counters.beginning_with("allocstall_"));
    all.retain(|&(_, count)| count > 0);
    all.sort_unstable();
    all.dedup();
    Ok(all)
}
