//! `plumb packs`

use std::fmt::Write;

use crate::analyse;
use crate::cli::{Format, PacksArgs, PacksCommand};
use crate::console::Console;
use crate::exit::Outcome;

pub(crate) fn run(args: PacksArgs, console: &Console) -> anyhow::Result<Outcome> {
    match args.command {
        PacksCommand::List { packs, format } => {
            let locations = analyse::find_packs(&packs)?;
            let text = match format {
                Format::Json => {
                    let rows: Vec<_> = locations
                        .iter()
                        .map(|pack| serde_json::json!({"folder": pack.folder, "manifest": pack.manifest}))
                        .collect();
                    format!("{}\n", serde_json::to_string_pretty(&rows)?)
                }
                Format::Text => {
                    let mut text = String::new();
                    for pack in &locations {
                        let _ = writeln!(
                            text,
                            "{} {}  {}",
                            pack.manifest.id,
                            pack.manifest.version,
                            pack.folder.display()
                        );
                        for check in pack.manifest.checks.iter() {
                            let _ = writeln!(text, "  {:<28} {}", check.id, check.title);
                        }
                    }
                    text
                }
            };
            console.result(&text)?;
        }
    }
    Ok(Outcome::Done)
}
