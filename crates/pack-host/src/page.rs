//! The documentation page of a check, from what its manifest says.

use std::fmt::Write;

use plumb_check_sdk::{CheckMeta, ThresholdBasis};

/// The page in Markdown.
#[must_use]
pub fn of_check(check: &CheckMeta, pack: &str) -> String {
    let mut page = String::new();
    // Writing to a `String` cannot fail.
    let _ = write_page(&mut page, check, pack);
    page
}

fn write_page(page: &mut String, check: &CheckMeta, pack: &str) -> std::fmt::Result {
    writeln!(page, "# `{}`: {}\n", check.id, check.title)?;
    writeln!(page, "| | |\n|---|---|")?;
    writeln!(page, "| Pack | `{pack}` |")?;
    writeln!(page, "| Category | {} |", check.category.title())?;
    writeln!(page, "| Severity | {} |", format!("{:?}", check.severity).to_lowercase())?;
    if check.gate {
        writeln!(page, "| Gate | a failure makes the node High |")?;
    }
    if let Some(rank) = check.top15_rank {
        writeln!(page, "| Rank by impact | {rank} of 15 |")?;
    }
    writeln!(page, "\n## Why it matters\n\n{}\n\n{}", check.rationale, check.business)?;
    writeln!(page, "\n## Where it applies\n\n{}", check.applicability)?;
    writeln!(page, "\n## Evidence\n")?;
    for need in check.needs.iter() {
        writeln!(page, "- `{need}`")?;
    }
    if !check.thresholds.is_empty() {
        writeln!(
            page,
            "\n## Thresholds\n\n| limit | value | basis | source | applies to |\n|---|---|---|---|---|"
        )?;
        for limit in check.thresholds.iter() {
            let basis = match limit.basis {
                ThresholdBasis::Vendor => "vendor",
                ThresholdBasis::Published => "published",
                ThresholdBasis::Measured => "measured",
                ThresholdBasis::Expert => "expert judgement",
            };
            writeln!(
                page,
                "| {} | {} {} | {basis} | {} ({}) | {} |",
                limit.name, limit.number, limit.unit, limit.source, limit.date, limit.applies_to
            )?;
        }
    }
    let remedy = &check.remediation;
    let words = [
        ("Now", &remedy.runtime),
        ("For good", &remedy.persistent),
        ("Undo", &remedy.rollback),
        ("Verify", &remedy.verification),
    ];
    writeln!(page, "\n## Remedy\n")?;
    // A check with a page gives goals in place of words: what is to be done is resolved for the node that it is found on.
    if words.iter().all(|(_, text)| text.is_empty()) {
        writeln!(
            page,
            "What is to be done depends on the node, and is printed with what was found on it.\n"
        )?;
    }
    for (name, text) in words.into_iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(page, "{name}: {text}\n")?;
    }
    writeln!(page, "Risk of change: {} of 4\n", remedy.change.risk())?;
    writeln!(page, "Expected effect: {}", remedy.expected_effect)?;
    if let Some(caveat) = &check.caveat {
        writeln!(page, "\n> {caveat}")?;
    }
    writeln!(page, "\n## References\n")?;
    for reference in check.references.iter() {
        writeln!(page, "- [{}]({})", reference.title, reference.url)?;
    }
    Ok(())
}
