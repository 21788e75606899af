//! `mem.thp`: transparent huge pages do not cause stalls.
//!
//! Sources disagree on the setting (never, madvise, always), so the setting warns only where the kernel must compact
//! memory on the spot for every process. Stalls that are counted fail whatever the setting. Between the two rates of
//! the catalogue, 1 and 10 a second, the check warns.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::{
    Absence, Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, Object, ObjectKind, Step,
};

use crate::counters::Counters;
use crate::pages::mem_thp::{MANY, PAGE, SOME, words};

const FOLDER: &str = "/sys/kernel/mm/transparent_hugepage";
/// Value of `defrag` that lets only those wait who ask for huge pages: the kernel's own default, which nodes beside this one
/// are likely to have.
const BY_ADVICE: &str = "madvise";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let enabled = choice(evidence, "enabled")?;
    let object = Object::setting("setting");
    let (setting, goal) = if enabled.chosen == "always" {
        let defrag = choice(evidence, "defrag")?;
        let goal = (defrag.chosen == "always").then(|| defrag.goal());
        let finding = match &goal {
            Some(_) => PAGE.warn(object, words::AlwaysCompacting {}).with_likelihood(Likelihood::Setting),
            None => PAGE.pass(object, words::Always { defrag: Arg::from(&defrag.chosen) }),
        };
        let finding = finding.with_evidence(enabled.cite()).with_evidence(defrag.cite());
        (finding.with_intents(goal.clone()), goal)
    } else {
        let said = words::NotForAll { enabled: Arg::from(&enabled.chosen) };
        (PAGE.pass(object, said).with_evidence(enabled.cite()), None)
    };
    let object = Object::new(ObjectKind::Other, "stalls");
    let stalls = stalls(evidence, object.clone(), goal);
    Ok(vec![setting, PAGE.settle(object, stalls)])
}

/// What is chosen in a file such as `always [madvise] never`.
struct Choice {
    path: String,
    chosen: String,
}

impl Choice {
    fn cite(&self) -> Citation {
        Citation::new(&self.path, &self.chosen)
    }

    fn goal(&self) -> Intent {
        Intent::Value { path: self.path.clone(), want: BY_ADVICE.into(), was: self.chosen.clone() }
    }
}

fn choice(evidence: &Evidence<'_>, name: &str) -> Result<Choice, Missing> {
    let path = format!("{FOLDER}/{name}");
    let text = evidence.setting("memory", &path)?;
    match text.split_once('[').and_then(|(_, rest)| rest.split_once(']')) {
        Some((word, _)) => Ok(Choice { path, chosen: word.to_owned() }),
        None => Err(Missing::new(Absence::Malformed, format!("{path} holds `{text}`"))),
    }
}

/// `goal` is what the setting asks for, where it makes every process compact memory.
fn stalls(evidence: &Evidence<'_>, object: Object, goal: Option<Intent>) -> Result<Finding, Missing> {
    let counters = Counters::of(evidence)?;
    let (waits, lacking) = (counters.rate("compact_stall")?, counters.rate("thp_fault_fallback")?);
    let many = |rate: f64| evidence.limit(&PAGE, &MANY).is_exceeded_by(Quantity::new(rate));
    let some = !evidence.limit(&PAGE, &SOME).is_undercut_by(Quantity::new(waits));
    let (waits_rate, lacking_rate) = (Arg::quantity(waits, "", 1), Arg::quantity(lacking, "", 1));
    // Other settings are a choice that sources disagree on: whether it costs anything here has to be seen first.
    let goal = goal.unwrap_or(Intent::Step { step: Step::TraceSlowRequests });
    let finding = if many(waits) {
        PAGE.fail(object, words::Stalls { lacking_rate, waits_rate }).with_intent(goal)
    } else if many(lacking) {
        PAGE.fail(object, words::Lacking { lacking_rate, waits_rate }).with_intent(goal)
    } else if some {
        PAGE.warn(object, words::Stalls { lacking_rate, waits_rate }).with_intent(goal)
    } else {
        // Without load nothing asks for memory.
        counters.under_load()?;
        PAGE.pass(object, words::FewStalls { lacking_rate, waits_rate })
    };
    Ok(finding
        .with_likelihood(Likelihood::Mechanism)
        .with_evidence(counters.cite("compact_stall"))
        .with_evidence(counters.cite("thp_fault_fallback")))
}
