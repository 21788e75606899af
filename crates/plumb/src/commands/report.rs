//! `plumb report`

use std::path::{Path, PathBuf};

use anyhow::Context;
use plumb_engine::Assessment;
use plumb_evidence::Bundle;
use plumb_report::{TYPST_VERSION, Theme, Typst};

use crate::analyse::{self, set};
use crate::cli::{Rendering, ReportArgs, ReportFormat};
use crate::commands::check::gate;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};

pub(crate) fn run(args: &ReportArgs, console: &Console) -> anyhow::Result<Outcome> {
    let renderer = Renderer::new(&args.rendering)?;
    let bundle = Bundle::read(&args.bundle)?;
    let assessment = analyse::assess(&bundle, &args.packs, &args.client, console)?;
    make_folder(&args.output)?;
    for path in renderer.render(&assessment, &args.output, console)? {
        console.result(&format!("{}\n", path.display()))?;
    }
    Ok(gate(&assessment, &args.gates, console))
}

/// Makes the folder for the output.
pub(crate) fn make_folder(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path)
        .with_context(|| UsageError(format!("cannot make the output folder `{}`", path.display())))
}

/// Everything that rendering needs, found before the work begins: a missing Typst is told at once.
#[derive(Debug)]
pub(crate) struct Renderer {
    theme: Theme,
    typst: Option<Typst>,
    markdown: bool,
}

impl Renderer {
    pub(crate) fn new(rendering: &Rendering) -> anyhow::Result<Self> {
        let theme = match &rendering.theme {
            Some(folder) => Theme::from_dir(folder)?,
            None => Theme::builtin()?,
        };
        let typst = if rendering.formats.contains(&ReportFormat::Pdf) {
            let named = rendering.typst.clone().or_else(|| set("PLUMB_TYPST").map(PathBuf::from));
            Some(Typst::discover(named.as_deref(), &installed_typst())?)
        } else {
            None
        };
        Ok(Self { theme, typst, markdown: rendering.formats.contains(&ReportFormat::Md) })
    }

    /// Writes the reports into `folder` and returns their paths.
    pub(crate) fn render(
        &self,
        assessment: &Assessment,
        folder: &Path,
        console: &Console,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        if let Some(typst) = &self.typst {
            let path = folder.join("report.pdf");
            let rendered = plumb_report::pdf(assessment, &self.theme, typst, &path)?;
            if !rendered.warnings.is_empty() {
                console.warn(&rendered.warnings);
            }
            written.push(path);
        }
        if self.markdown {
            let path = folder.join("report.md");
            let text = plumb_report::markdown(assessment, &self.theme)?;
            plumb_report::write_file(&path, text.as_bytes())?;
            written.push(path);
        }
        Ok(written)
    }
}

/// Where `cargo xtask setup` puts Typst, and beside the program itself, where a release archive has it.
fn installed_typst() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("typst")));
    let cache = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))
        .map(|cache| cache.join("plumb/tools"));
    let tools = set("PLUMB_TOOLS").map(PathBuf::from).or(cache);
    let installed = tools.map(|tools| tools.join(format!("typst-{TYPST_VERSION}/bin/typst")));
    beside.into_iter().chain(installed).collect()
}
