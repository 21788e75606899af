//! `kernel.mitigations`: CPU vulnerability mitigations follow a stated policy.
//!
//! A decision of security, not a defect of performance: the check tells the state and never proposes to turn
//! anything off. On a host that others share, which the engagement tells, a weakness without mitigation fails.
//! Elsewhere it warns; a client accepts it by a waiver.

use plumb_check_sdk::model::Vulnerability;
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, Intent, Likelihood, Missing, Object, Outcome, ProviderRequest,
    Said, UpdatePart,
};

use crate::pages::kernel_mitigations::{PAGE, words};
use crate::{CMDLINE, without};

/// Boot arguments that turn mitigations off as a whole, or one that is known by a name of its own.
const OFF: [&str; 11] = [
    "l1tf=off",
    "mds=off",
    "mitigations=off",
    "nopti",
    "nospectre_v1",
    "nospectre_v2",
    "pti=off",
    "retbleed=off",
    "spec_store_bypass_disable=off",
    "spectre_v2=off",
    "tsx_async_abort=off",
];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let all: Vec<Vulnerability> = evidence.get("/platform/vulnerabilities")?;
    let mut findings = Vec::new();
    let (mut open, mut unread) = (Vec::new(), Vec::new());
    for vulnerability in &all {
        let name = vulnerability.name.as_str();
        match &vulnerability.state {
            Fact::Known(state) if state.contains("Vulnerable") => {
                open.push((name, Citation::new(&vulnerability.path, state)));
            }
            // `Unknown: Dependent on hypervisor status`, in virtual machines.
            Fact::Known(state) if state.starts_with("Unknown") => unread.push(format!("{name} ({state})")),
            Fact::Known(_) => {}
            Fact::Missing(_) => unread.push(name.to_owned()),
        }
    }
    let weaknesses = Object::setting("weaknesses of the CPU");
    if all.is_empty() {
        findings.push(PAGE.not_run(weaknesses, words::NoneListed {}));
    } else if !unread.is_empty() {
        findings.push(PAGE.not_run(weaknesses, words::Unknown { names: unread.join(", ").into() }));
    }
    let cmdline: Result<String, Missing> = evidence.get("/node/cmdline");
    if let Err(why) = &cmdline {
        findings.push(PAGE.missing(Object::setting("boot arguments"), why));
    }
    let off = cmdline.iter().flat_map(|text| text.split_whitespace()).find(|word| OFF.contains(word));
    let is_shared = crate::is_shared(evidence);
    let names = open.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let (names, names_count) = (Arg::from(names), Arg::count(open.len()));
    let shared = Arg::from(if is_shared == Some(true) { "yes" } else { "no" });
    let said: Said = match (open.is_empty(), off.map(Arg::from)) {
        (true, None) if findings.is_empty() => {
            return Ok(vec![
                PAGE.pass(Object::node(), words::Mitigated { all_count: Arg::count(all.len()) }),
            ]);
        }
        (true, None) => return Ok(findings),
        (true, Some(argument)) => words::Off { argument }.into(),
        (false, None) => words::Open { names, names_count, shared }.into(),
        (false, Some(argument)) => words::OffAndOpen { argument, names, names_count, shared }.into(),
    };
    let outcome = if is_shared == Some(true) && !open.is_empty() { Outcome::Fail } else { Outcome::Warn };
    // Whether microcode is lacking as well shows only once the argument is gone.
    let update = (!open.is_empty()).then(|| match evidence.hypervisor() {
        Ok(Some(_)) => Intent::Provider { request: ProviderRequest::Microcode },
        _ => Intent::Update { part: UpdatePart::Microcode, was: None },
    });
    let finding = PAGE
        .says(outcome, Object::node(), said)
        .with_likelihood(Likelihood::Setting)
        .with_intents(off.map(without))
        .with_intents(update);
    let cited = open.into_iter().map(|(_, citation)| citation);
    let cited = cited.chain(off.map(|word| Citation::new(CMDLINE, word)));
    findings.push(finding.with_citations(cited));
    if is_shared.is_none() {
        findings.push(PAGE.not_run(Object::setting("sharing"), words::UnknownSharing {}));
    }
    Ok(findings)
}
