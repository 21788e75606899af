//! Arguments of the kernel. Only those that a finding names, and only by their literal names here.

use plumb_evidence::{Evidence, Fact};

use super::findings::Findings;
use super::{Basis, BootChange};

/// Arguments that a finding may ask to take away, by name.
const REMOVABLE: [&str; 10] = [
    "numa",
    "maxcpus",
    "nr_cpus",
    "mem",
    "nosmt",
    "idle",
    "isolcpus",
    "intel_pstate",
    "mitigations",
    "acpi_pad",
];

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
