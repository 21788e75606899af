//! `plumb check`

use plumb_engine::{Assessment, Grade};

use crate::analyse;
use crate::cli::{CheckArgs, Format, Gates};
use crate::console::Console;
use crate::exit::Outcome;
use crate::text;

pub(crate) fn run(args: &CheckArgs, console: &Console) -> anyhow::Result<Outcome> {
    let bundle = crate::input::bundle(&args.bundle)?;
    let assessment = analyse::assess(&bundle, &args.packs, &args.client, console)?;
    match args.format {
        Format::Text => console.styled(&text::assessment(&assessment, args.all))?,
        Format::Json => console.result(&format!("{}\n", serde_json::to_string_pretty(&assessment)?))?,
    }
    Ok(gate(&assessment, &args.gates, console))
}

/// The exit code that the user asked for: risk is worse than a gap.
///
/// A node of which not enough was seen does not pass `--fail-on`: nothing shows that it is below the level.
pub(crate) fn gate(assessment: &Assessment, gates: &Gates, console: &Console) -> Outcome {
    let risk = &assessment.risk;
    if let Some(level) = gates.fail_on {
        let least = risk.at_least.unwrap_or(risk.grade);
        if least >= level.into() {
            console.note(&format!("the risk is at or above the level of --fail-on: {}", least.title()));
            return Outcome::RiskReached;
        }
        if risk.grade == Grade::NotAssessable {
            console.note("the node is not assessable, so --fail-on has no answer");
            return Outcome::Incomplete;
        }
    }
    // Where nothing applies, nothing was left out; but nothing was shown to be well either.
    let coverage = assessment.coverage.unwrap_or(0.0);
    if let Some(required) = gates.require_coverage
        && coverage < required
    {
        console.note(&format!(
            "the coverage, {:.1} %, is below the {:.1} % of --require-coverage",
            coverage * 100.0,
            required * 100.0
        ));
        return Outcome::Incomplete;
    }
    Outcome::Done
}
