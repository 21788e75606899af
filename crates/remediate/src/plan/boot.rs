//! Arguments of the kernel. Only those that a finding names, and only by their literal names here.

use plumb_evidence::{Evidence, Fact};

use super::findings::Findings;
use plumb_check_sdk::Intent;

use super::{Basis, BootChange, Plan, goals};

/// Arguments that a finding may ask to take away, by name.
const REMOVABLE: [&str; 9] =
    ["numa", "maxcpus", "nr_cpus", "mem", "nosmt", "idle", "isolcpus", "mitigations", "acpi_pad"];

/// Changes that findings ask for.
pub(super) fn plan(evidence: &Evidence, findings: Findings<'_>) -> Vec<BootChange> {
    let mut changes = Vec::new();
    let Fact::Known(cmdline) = &evidence.node.cmdline else { return changes };
    for word in cmdline.split_whitespace() {
        let name = word.split('=').next().unwrap_or(word);
        if !REMOVABLE.contains(&name) || !crate::quote::is_plain(word) {
            continue;
        }
        let quoted = format!("`{word}`");
        let names_it = |finding: &plumb_engine::assessment::RatedFinding| finding.subject.contains(&quoted);
        if let Some(why) = findings.why_of(&["kernel.cmdline-drift"], Basis::Published, names_it) {
            changes.push(BootChange { argument: word.to_owned(), add: false, why });
        }
    }
    let has = |argument: &str| cmdline.split_whitespace().any(|word| word == argument);
    let translating = |finding: &plumb_engine::assessment::RatedFinding| {
        let text = format!("{} {}", finding.subject, finding.message).to_ascii_lowercase();
        text.contains("iommu")
    };
    if let Some(why) = findings.why_of(&["gpu.acs-iommu"], Basis::Published, translating)
        && !has("iommu=pt")
    {
        changes.push(BootChange { argument: "iommu=pt".to_owned(), add: true, why });
    }
    changes
}

/// Arguments that intents ask for.
pub(super) fn asked(plan: &mut Plan) {
    let mut changes: Vec<BootChange> = Vec::new();
    for goal in plan.goals.iter().filter(|goal| goal.is_planned()) {
        let Intent::KernelArgument { argument, present } = &goal.intent else { continue };
        let same = plan.goals.iter().filter(|other| other.intent == goal.intent);
        let Some(why) = goals::why(same, Basis::Published) else { continue };
        let is_there = changes.iter().chain(&plan.boot).any(|change| change.argument == *argument);
        if !is_there {
            changes.push(BootChange { argument: argument.clone(), add: *present, why });
        }
    }
    plan.boot.extend(changes);
}
