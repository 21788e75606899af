//! `plumb verify`: whether what a plan changes holds.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use plumb_remediate::verify::{Earlier, Row, State};

use crate::analyse;
use crate::cli::{CollectFrom, Format, VerifyArgs};
use crate::commands::collect::{look, off_the_network, on_signals};
use crate::commands::remediate::MARK;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::{input, text};

/// Longest `plan.json` that is read.
const MAX_PLAN: u64 = 32 << 20;

pub(crate) fn run(args: &VerifyArgs, console: &Console) -> anyhow::Result<Outcome> {
    let path = args.plan.join(MARK);
    let json = input::read(&path, MAX_PLAN).with_context(|| {
        UsageError(format!(
            "expected the folder of a plan, with {MARK} in it, at `{}`; `plumb remediate BUNDLE -o DIR` writes one",
            args.plan.display()
        ))
    })?;
    let earlier =
        Earlier::read(&json).with_context(|| UsageError(format!("cannot use `{}`", path.display())))?;
    let bundle = match &args.bundle {
        Some(path) => input::bundle(path)?,
        None => {
            off_the_network(console);
            let (interrupt, _signals) = on_signals(console);
            let bundle =
                look(&CollectFrom { sample: args.sample, ..CollectFrom::default() }, interrupt.clone())?;
            if interrupt.is_asked() {
                return Ok(Outcome::Interrupted);
            }
            bundle
        }
    };
    let analysis = analyse::analyse(&bundle, &args.packs, &args.client, None, console)?;
    let host = &analysis.assessment.node.hostname;
    if *host != earlier.hostname {
        console.warn(&format!("the plan is for `{}`, and this is `{host}`", earlier.hostname));
    }
    let rows = plumb_remediate::verify(&earlier, &analysis.evidence, &analysis.assessment);
    match args.format {
        Format::Text => console.result(&as_text(&args.plan, &earlier, &rows))?,
        Format::Json => {
            let document = serde_json::json!({
                "schema": 1,
                "plan": args.plan,
                "hostname": host,
                "host_token": bundle.manifest().host_token,
                "bundle_sha256": bundle.manifest_sha256(),
                "rows": rows,
            });
            console.result(&format!("{document:#}\n"))?;
        }
    }
    Ok(match rows.iter().map(|row| row.state).filter(|state| *state != State::Held).min() {
        None => Outcome::Done,
        Some(State::NotKnown) => Outcome::Incomplete,
        Some(_) => Outcome::RiskReached,
    })
}

fn as_text(plan: &Path, earlier: &Earlier, rows: &[Row]) -> String {
    let mut out = format!("{}: planned from evidence of {}\n", plan.display(), earlier.collected);
    if rows.is_empty() {
        out.push_str("The plan changes nothing.\n");
    }
    for row in rows {
        let word = match row.state {
            State::Held => "held",
            State::Reverted => "REVERTED",
            State::Overridden => "OVERRIDDEN",
            State::NotKnown => "not known",
        };
        out.push('\n');
        text::wrap(&mut out, &format!("{word:<11}"), &format!("{} ({})", row.want, row.check));
        text::wrap(&mut out, &format!("{:<11}", ""), &format!("{}: {}", row.subject, row.now));
        if let Some(by) = &row.by {
            text::wrap(&mut out, &format!("{:<11}", ""), &format!("by what: {by}"));
        }
    }
    let count = |state: State| rows.iter().filter(|row| row.state == state).count();
    let _ = writeln!(
        out,
        "\n{} held, {} reverted or never done, {} overridden, {} not known",
        count(State::Held),
        count(State::Reverted),
        count(State::Overridden),
        count(State::NotKnown)
    );
    out
}
