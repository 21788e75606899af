//! `plumb audit`: collect, check and report, and on demand what else is measured on a node.

use std::path::Path;

use anyhow::bail;
use plumb_evidence::Bundle;

use crate::analyse;
use crate::cli::AuditArgs;
use crate::commands::check::gate;
use crate::commands::collect::{collect, on_signals, outcome, write};
use crate::commands::compare::drift;
use crate::commands::report::{REPORT, Renderer, verdict};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::input::{self, STANDARD};
use crate::outputs::make_folder;
use crate::text;

mod artefacts;
mod steps;

pub(crate) fn run(args: &AuditArgs, console: &Console) -> anyhow::Result<Outcome> {
    if args.bundle.is_some() && args.from.sysroot.is_some() {
        bail!(UsageError("give a bundle or --sysroot, not both".to_owned()));
    }
    if args.further.since.is_some() && args.bundle.as_deref() == Some(Path::new(STANDARD)) {
        bail!(UsageError("--since takes a bundle that is a file, not standard input".to_owned()));
    }
    let mut renderer = Renderer::new(&args.rendering, console)?;
    let folder = renderer.folder_with(&args.output, REPORT, &["topo/", artefacts::CHECKLIST])?;
    let mut written = Vec::new();
    let own = args.output.join("node.plumb");
    let bundle = match &args.bundle {
        Some(path) => input::bundle(path)?,
        None => {
            // Where nothing is, its folder has been tried, which may have to be made.
            if own.symlink_metadata().is_ok() {
                Bundle::check_place(&own, args.rendering.force)?;
            }
            let bundle = if steps::are_asked_for(args) {
                make_folder(&args.output)?;
                if let Some(outcome) = steps::run(args, &own, console)? {
                    return Ok(outcome);
                }
                Bundle::read(&own)?
            } else {
                let (interrupt, _signals) = on_signals(console);
                let bundle = collect(&args.from, interrupt, console)?;
                make_folder(&args.output)?;
                write(&bundle, &own, args.rendering.force)?;
                if outcome(&bundle, &own, console) == Outcome::Interrupted {
                    return Ok(Outcome::Interrupted);
                }
                bundle
            };
            written.push(own.clone());
            bundle
        }
    };
    let analysis =
        analyse::analyse(&bundle, &args.packs, &args.client, args.rendering.language.as_deref(), console)?;
    renderer.dress(&analysis.assessment.document, args.client.engagement.as_deref())?;
    let engagement = args.client.engagement.as_deref();
    let documents = renderer.render(&analysis, &bundle, engagement, &folder, console)?;
    written.extend(documents.paths.iter().cloned());
    let further = artefacts::artefacts(&bundle, &analysis, console);
    folder.write(&further)?;
    written.extend(further.iter().map(|(name, _)| folder.at(name)));
    if let Some(since) = &args.further.since {
        let now = args.bundle.as_deref().unwrap_or(&own);
        console.result(&drift(since, now, &args.packs, &args.client, console)?)?;
    }
    let paths: String = written.iter().map(|path| format!("{}\n", path.display())).collect();
    console.result(&format!("{}\n{paths}", text::headline(&analysis.assessment)))?;
    let assessment = &analysis.assessment;
    documents.outcome(verdict(assessment, gate(assessment, &args.gates, console), console), console)
}
