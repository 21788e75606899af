//! `plumb check`

use plumb_engine::Assessment;
use plumb_evidence::Bundle;

use crate::analyse;
use crate::cli::{CheckArgs, Format, Gates};
use crate::console::Console;
use crate::exit::Outcome;
use crate::text;

pub(crate) fn run(args: &CheckArgs, console: &Console) -> anyhow::Result<Outcome> {
    let bundle = Bundle::read(&args.bundle)?;
    let assessment = analyse::assess(&bundle, &args.packs)?;
    match args.format {
        Format::Text => console.result(&text::assessment(&assessment))?,
        Format::Json => console.result(&format!("{}\n", serde_json::to_string_pretty(&assessment)?))?,
    }
    Ok(gate(&assessment, &args.gates, console))
}

/// The exit code that the user asked for. The worse of the two wins, and risk is worse than a gap.
pub(crate) fn gate(assessment: &Assessment, gates: &Gates, console: &Console) -> Outcome {
    let risk = assessment.risk.at_least.unwrap_or(assessment.risk.grade);
    if let Some(level) = gates.fail_on
        && risk >= level.into()
    {
        console.note(&format!("the risk is at or above the level given with --fail-on: {}", risk.title()));
        return Outcome::RiskReached;
    }
    if let Some(required) = gates.require_coverage
        // Where nothing applies, nothing was left out either; but nothing was shown to be well.
        && assessment.coverage.unwrap_or(0.0) < required
    {
        console.note(&format!(
            "the coverage, {:.0} %, is below the {:.0} % of --require-coverage",
            assessment.coverage.unwrap_or(0.0) * 100.0,
            required * 100.0
        ));
        return Outcome::Incomplete;
    }
    Outcome::Done
}
