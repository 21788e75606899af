//! `plumb audit`: collect, check and report.

use anyhow::bail;
use plumb_evidence::Bundle;

use crate::analyse;
use crate::cli::AuditArgs;
use crate::commands::check::gate;
use crate::commands::collect::{collect, on_signals, outcome};
use crate::commands::report::{Renderer, make_folder};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::text;

pub(crate) fn run(args: &AuditArgs, console: &Console) -> anyhow::Result<Outcome> {
    if args.bundle.is_some() && args.from.sysroot.is_some() {
        bail!(UsageError("give a bundle or --sysroot, not both".to_owned()));
    }
    let mut renderer = Renderer::new(&args.rendering)?;
    let mut written = Vec::new();
    let bundle = match &args.bundle {
        Some(path) => {
            let bundle = Bundle::read(path)?;
            make_folder(&args.output)?;
            bundle
        }
        None => {
            let (interrupt, _signals) = on_signals(console);
            let bundle = collect(&args.from, interrupt, console)?;
            make_folder(&args.output)?;
            let path = args.output.join("node.plumb");
            bundle.write(&path)?;
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
    written.extend(renderer.render(&analysis, &bundle, &args.output, console)?);
    let paths: String = written.iter().map(|path| format!("{}\n", path.display())).collect();
    console.result(&format!("{}\n{paths}", text::headline(&analysis.assessment)))?;
    Ok(gate(&analysis.assessment, &args.gates, console))
}
