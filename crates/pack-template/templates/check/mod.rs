//! `{{ID}}`: say in one line what is true on a healthy node.
//!
//! An example to start from, complete and tested: a kernel parameter, and the highest value that is wanted of it. Replace the
//! rule here, what a program needs to know of it in `page.toml`, the words in `en.ftl` and `de.ftl`, and the evidence in
//! `cases.toml`.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, Object};

use crate::pages::{{MODULE}}::{HIGHEST, PAGE, words};

/// The parameter that the check looks at.
const PARAMETER: &str = "vm.swappiness";
/// The file that holds it, for a reader to look it up.
const FILE: &str = "/proc/sys/vm/swappiness";

/// What the check finds.
pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    // `?` makes of a missing value a `not-run` finding with its reason: a missing answer is never a pass.
    let text = evidence.sysctl(PARAMETER)?;
    let object = Object::setting(PARAMETER);
    let citation = Citation::new(FILE, &text);
    let Ok(number) = text.trim().parse::<u32>() else {
        let said = words::NoNumber { text: Arg::text(text) };
        return Ok(vec![PAGE.not_run(object, said).with_evidence(citation)]);
    };
    // The client may have put another number in its place.
    let highest = evidence.limit(&PAGE, &HIGHEST);
    let value = Arg::quantity(number.into(), "", 0);
    let finding = if highest.is_exceeded_by(Quantity::new(number.into())) {
        // A goal on this node, never a command: Plumb makes commands of the goals of all findings together.
        let goal = Intent::Sysctl {
            name: PARAMETER.to_owned(),
            want: highest.value.number().to_string(),
            was: text,
        };
        PAGE.warn(object, words::High { value, highest: Arg::of(highest.value, 0) })
            .with_likelihood(Likelihood::Setting)
            .with_intent(goal)
    } else {
        PAGE.pass(object, words::Low { value })
    };
    Ok(vec![finding.with_evidence(citation)])
}
