//! `{{ID}}`: say in one line what is true on a healthy node.
//!
//! This is the template of `cargo xtask new-check`: a whole check of a kernel parameter. Replace the rule, the texts and
//! the fixtures; the order of work is in docs/src/packs/writing.md.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing, Reference,
    Remediation, Severity, Threshold, ThresholdBasis,
};

/// See the module.
pub struct {{TYPE}};

/// The parameter that the check looks at.
const PARAMETER: &str = "vm.swappiness";

// A number without a unit does not compile, and neither does comparing it with one of another unit.
const LIMIT: Limit<Percent> = Limit {
    name: "value of the parameter",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: replace it by a source that a reader can open",
    date: "2026-11-23",
    applies_to: "all nodes",
};

static THRESHOLDS: [Threshold; 1] = [LIMIT.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("{{ID}}"),
    title: Borrowed("What is true on a healthy node"),
    category: Category::Memory,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Why it matters, for an engineer."),
    business: Borrowed("Why it matters, in business words."),
    // Only what is named here can be read; `/sysctl/NAME` is one parameter.
    needs: Borrowed(&[Borrowed("/sysctl/vm.swappiness")]),
    remediation: Remediation {
        runtime: Borrowed("`sysctl -w vm.swappiness=10`"),
        persistent: Borrowed("a file in `/etc/sysctl.d` with `vm.swappiness = 10`"),
        rollback: Borrowed("`sysctl -w vm.swappiness=VALUE` with the value named in the evidence; remove the file"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`sysctl vm.swappiness`"),
        expected_effect: Borrowed("No published number."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("All nodes; a container reads the host's setting"),
    caveat: None,
    references: Borrowed(&[Reference {
        title: Borrowed("Linux kernel: documentation for /proc/sys/vm/"),
        url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/vm.html"),
    }]),
};

impl Check for {{TYPE}} {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        // `?` makes a missing value a `not-run` finding with its reason: a missing answer is never a pass.
        let text = evidence.sysctl(PARAMETER)?;
        let value: f64 = text
            .parse()
            .map_err(|_| Missing::new(Absence::Malformed, format!("{PARAMETER} holds `{text}`")))?;
        let citation = Citation::new("/proc/sys/vm/swappiness", &text);
        let finding = if LIMIT.is_exceeded_by(Quantity::new(value)) {
            META.fail("node", format!("{PARAMETER} is {text}")).with_likelihood(Likelihood::Setting)
        } else {
            META.pass("node", format!("{PARAMETER} is {text}"))
        };
        Ok(vec![finding.with_evidence(citation)])
    }
}
