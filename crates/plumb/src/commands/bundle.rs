//! `plumb bundle`: show, verify, redact, unpack.

use std::io::Write;

use anyhow::{Context, bail};
use plumb_evidence::files::{Readers, write_atomically};
use plumb_evidence::redact::{Redacted, redact};
use plumb_evidence::{Bundle, Missing, derive, views};

use crate::cli::{BundleArgs, BundleCommand, View};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::text;

pub(crate) fn run(args: BundleArgs, console: &Console) -> anyhow::Result<Outcome> {
    match args.command {
        BundleCommand::Show { bundle, view } => {
            let content = Bundle::read(&bundle)?;
            let missing =
                |why: Missing| UsageError(format!("`{}` cannot be shown this way: {why}", bundle.display()));
            let shown = match view {
                View::Summary => text::bundle(&content),
                View::Lscpu => views::lscpu(&derive(&content)).map_err(missing)?,
                View::Numactl => views::numactl(&derive(&content)).map_err(missing)?,
                View::Lstopo => views::lstopo(&content).map_err(missing)?,
                View::Evidence => format!("{}\n", serde_json::to_string_pretty(&derive(&content))?),
                View::Manifest => format!("{}\n", serde_json::to_string_pretty(content.manifest())?),
            };
            console.result(&shown)?;
        }
        BundleCommand::Verify { bundle } => {
            let content = Bundle::read(&bundle)?;
            console.result(&format!(
                "{}: intact, {} files, manifest sha256 {}\n",
                bundle.display(),
                content.files().len(),
                content.manifest_sha256()
            ))?;
        }
        BundleCommand::Redact { bundle, output, replacements, map } => {
            for target in [Some(&output), map.as_ref()].into_iter().flatten() {
                if target.exists() {
                    bail!(UsageError(format!(
                        "`{}` exists already; give a file that does not",
                        target.display()
                    )));
                }
            }
            let content = Bundle::read(&bundle)?;
            let Redacted { bundle: redacted, tokens } = redact(&content, &replacements.into_iter().collect())
                .with_context(|| UsageError(format!("`{}` cannot be redacted", bundle.display())))?;
            if let Some(map) = map {
                let json = serde_json::to_vec_pretty(&tokens)?;
                write_atomically(&map, Readers::Owner, |file| file.write_all(&json))
                    .with_context(|| UsageError(format!("cannot write `{}`", map.display())))?;
            }
            redacted.write(&output)?;
            console.result(&format!("{}: {} names replaced\n", output.display(), tokens.len()))?;
        }
        BundleCommand::Unpack { bundle, output } => {
            if output.exists() {
                bail!(UsageError(format!(
                    "`{}` exists already; give a folder that does not",
                    output.display()
                )));
            }
            let content = Bundle::read(&bundle)?;
            content.unpack(&output)?;
            console.result(&format!("{}\n", output.display()))?;
        }
    }
    Ok(Outcome::Done)
}
