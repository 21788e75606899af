//! `plumb audit`: collect, check and report.

use anyhow::bail;
use plumb_evidence::Bundle;

use crate::analyse;
use crate::cli::AuditArgs;
use crate::commands::check::gate;
use crate::commands::collect::{collect, on_signals, outcome, write};
use crate::commands::report::{REPORT, Renderer, verdict};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::outputs::make_folder;
use crate::text;

pub(crate) fn run(args: &AuditArgs, console: &Console) -> anyhow::Result<Outcome> {
    if args.bundle.is_some() && args.from.sysroot.is_some() {
        bail!(UsageError("give a bundle or --sysroot, not both".to_owned()));
    }
    let mut renderer = Renderer::new(&args.rendering, console)?;
    let folder = renderer.folder(&args.output, REPORT)?;
    let mut written = Vec::new();
    let bundle = match &args.bundle {
        Some(path) => Bundle::read(path)?,
        None => {
            let path = args.output.join("node.plumb");
            // Where nothing is, its folder has been tried, which may have to be made.
            if path.symlink_metadata().is_ok() {
                Bundle::check_place(&path, args.rendering.force)?;
            }
            let (interrupt, _signals) = on_signals(console);
            let bundle = collect(&args.from, interrupt, console)?;
            make_folder(&args.output)?;
            write(&bundle, &path, args.rendering.force)?;
            if outcome(&bundle, &path, console) == Outcome::Interrupted {
                return Ok(Outcome::Interrupted);
            }
            written.push(path);
            bundle
        }
    };
    let analysis =
        analyse::analyse(&bundle, &args.packs, &args.client, args.rendering.language.as_deref(), console)?;
    renderer.dress(&analysis.assessment.document, args.client.engagement.as_deref())?;
    let engagement = args.client.engagement.as_deref();
    let documents = renderer.render(&analysis, &bundle, engagement, &folder, console)?;
    written.extend(documents.paths.iter().cloned());
    let paths: String = written.iter().map(|path| format!("{}\n", path.display())).collect();
    console.result(&format!("{}\n{paths}", text::headline(&analysis.assessment)))?;
    let assessment = &analysis.assessment;
    documents.outcome(verdict(assessment, gate(assessment, &args.gates, console), console), console)
}
