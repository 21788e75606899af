//! `plumb report`

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plumb_collect::Interrupt;
use plumb_engine::compare::ComparisonSet;
use plumb_engine::document::DocumentTerms;
use plumb_evidence::Bundle;
use plumb_report::{
    Audience, Material, PdfStandard, Rendered, ReportError, TYPST_VERSION, Theme, Typst, Watch,
};

use crate::analyse::{self, Analysis, set};
use crate::cli::{AudienceChoice, Rendering, ReportArgs, ReportFormat, StandardChoice};
use crate::commands::check::gate;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};

pub(crate) fn run(args: &ReportArgs, console: &Console) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.init {
        return init(path, console);
    }
    let (Some(bundle), Some(output)) = (&args.bundle, &args.output) else {
        bail!(UsageError("name a bundle, and with -o a folder for the report".to_owned()))
    };
    let mut renderer = Renderer::new(&args.rendering)?;
    let bundle = Bundle::read(bundle)?;
    let analysis =
        analyse::analyse(&bundle, &args.packs, &args.client, args.rendering.language.as_deref(), console)?;
    renderer.dress(&analysis.assessment.document, args.client.engagement.as_deref())?;
    make_folder(output)?;
    for path in renderer.render(&analysis, &bundle, output, console)? {
        console.result(&format!("{}\n", path.display()))?;
    }
    Ok(gate(&analysis.assessment, &args.gates, console))
}

/// Writes an engagement file to fill in. One that is there was filled in by somebody.
fn init(path: &Path, console: &Console) -> anyhow::Result<Outcome> {
    let written = std::fs::File::create_new(path)
        .and_then(|mut file| file.write_all(plumb_engine::engagement::EXAMPLE.as_bytes()));
    written.with_context(|| {
        UsageError(format!("cannot write `{}`; name a file that does not exist yet", path.display()))
    })?;
    console.result(&format!("{}\n", path.display()))?;
    Ok(Outcome::Done)
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
    formats: Vec<ReportFormat>,
    language: Option<String>,
    audience: Audience,
    open: bool,
}

impl Renderer {
    pub(crate) fn new(rendering: &Rendering) -> anyhow::Result<Self> {
        let theme = match &rendering.theme {
            Some(folder) => Theme::from_dir(folder)?,
            None => Theme::builtin()?,
        };
        let typst = if rendering.formats.contains(&ReportFormat::Pdf) {
            let named = rendering.typst.clone().or_else(|| set("PLUMB_TYPST").map(PathBuf::from));
            let standard = match rendering.pdf_standard {
                StandardChoice::Ua1 => PdfStandard::Ua1,
                StandardChoice::A2a => PdfStandard::A2a,
                StandardChoice::A3a => PdfStandard::A3a,
            };
            Some(Typst::discover(named.as_deref(), &installed_typst())?.with_standard(standard))
        } else {
            None
        };
        Ok(Self {
            theme,
            typst,
            formats: rendering.formats.clone(),
            language: rendering.language.clone(),
            audience: match rendering.audience {
                AudienceChoice::Client => Audience::Client,
                AudienceChoice::Engineer => Audience::Engineer,
                AudienceChoice::Both => Audience::Both,
            },
            open: rendering.open,
        })
    }

    /// Takes over what the engagement file at `path` says about how documents look.
    pub(crate) fn dress(&mut self, terms: &DocumentTerms, path: Option<&Path>) -> anyhow::Result<()> {
        if let Some(language) = self.language.as_ref().or(terms.language.as_ref()) {
            self.theme = self.theme.clone().with_language(language)?;
        }
        let Some(logo) = &terms.logo else { return Ok(()) };
        let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
        let logo = folder.join(logo);
        let bytes = std::fs::read(&logo).with_context(|| {
            UsageError(format!("cannot read the logo `{}` of the engagement file", logo.display()))
        })?;
        self.theme = self.theme.clone().with_logo(&logo, bytes)?;
        Ok(())
    }

    /// Writes the reports into `folder` and returns their paths.
    pub(crate) fn render(
        &self,
        analysis: &Analysis,
        bundle: &Bundle,
        folder: &Path,
        console: &Console,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let material = Material::new(&analysis.assessment)
            .with_evidence(&analysis.evidence)
            .with_bundle(bundle)
            .for_audience(self.audience);
        let mut files = Files { renderer: self, folder, console, written: Vec::new() };
        files.pdf("report.pdf", |typst, path, watch| {
            plumb_report::pdf_watched(material, &self.theme, typst, path, watch)
        })?;
        if self.formats.contains(&ReportFormat::Md) {
            let markdown = plumb_report::markdown(material, &self.theme)?;
            if !markdown.figures.is_empty() {
                let figures = folder.join("figures");
                make_folder(&figures)?;
                for figure in &markdown.figures {
                    let path = figures.join(format!("{}.svg", figure.id));
                    plumb_report::write_file(&path, figure.svg.as_bytes())?;
                }
            }
            files.text(ReportFormat::Md, "report.md", || Ok(markdown.text))?;
        }
        files.text(ReportFormat::Html, "report.html", || plumb_report::html(material, &self.theme))?;
        files.text(ReportFormat::Json, "report.json", || plumb_report::json(&analysis.assessment))?;
        Ok(files.done())
    }

    /// Writes a comparison into `folder` and returns the paths.
    pub(crate) fn render_comparison(
        &self,
        set: &ComparisonSet,
        folder: &Path,
        console: &Console,
    ) -> anyhow::Result<Vec<PathBuf>> {
        use plumb_report::comparison;

        let mut files = Files { renderer: self, folder, console, written: Vec::new() };
        files.pdf("compare.pdf", |typst, path, watch| {
            comparison::pdf_watched(set, &self.theme, typst, path, watch)
        })?;
        files.text(ReportFormat::Md, "compare.md", || comparison::markdown(set, &self.theme))?;
        files.text(ReportFormat::Html, "compare.html", || comparison::html(set, &self.theme))?;
        files.text(ReportFormat::Json, "compare.json", || plumb_report::json(set))?;
        Ok(files.done())
    }
}

/// The files of one document, in the formats that were asked for.
struct Files<'a> {
    renderer: &'a Renderer,
    folder: &'a Path,
    console: &'a Console,
    written: Vec<PathBuf>,
}

impl Files<'_> {
    /// The PDF, with the time on the terminal; Ctrl-C ends it and leaves nothing.
    fn pdf(
        &mut self,
        name: &str,
        set: impl FnOnce(&Typst, &Path, &mut Watch<'_>) -> Result<Rendered, ReportError>,
    ) -> anyhow::Result<()> {
        let Some(typst) = &self.renderer.typst else { return Ok(()) };
        let path = self.folder.join(name);
        let rendered = watched(self.console, |watch| Ok(set(typst, &path, watch)?))?;
        if !rendered.warnings.is_empty() {
            self.console.warn(&rendered.warnings);
        }
        self.written.push(path);
        Ok(())
    }

    fn text(
        &mut self,
        format: ReportFormat,
        name: &str,
        make: impl FnOnce() -> Result<String, ReportError>,
    ) -> anyhow::Result<()> {
        if self.renderer.formats.contains(&format) {
            let path = self.folder.join(name);
            plumb_report::write_file(&path, make()?.as_bytes())?;
            self.written.push(path);
        }
        Ok(())
    }

    /// What was written; shown where that was asked for.
    fn done(self) -> Vec<PathBuf> {
        if self.renderer.open
            && let Some(path) = self.written.first()
        {
            open(path, self.console);
        }
        self.written
    }
}

/// Runs Typst with its time on the terminal; Ctrl-C and a termination stop it and leave no temporary file.
pub(crate) fn watched<T>(
    console: &Console,
    work: impl FnOnce(&mut Watch<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // Without the handler a signal ends the program at once, as it does elsewhere.
    let interrupt = Interrupt::on_signals().ok();
    let mut told = 0;
    let done = work(&mut |time| {
        if time.as_secs() > told {
            told = time.as_secs();
            let text = format!("Typst lays out the report … {told} s");
            console.step(&text, &text, false);
        }
        interrupt.as_ref().is_some_and(|(interrupt, _)| interrupt.is_asked())
    });
    if told > 0 {
        console.steps_end();
    }
    done
}

/// Shows a file in the program that the desktop has for it. A report that cannot be shown is there all the same.
fn open(path: &Path, console: &Console) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = std::process::Command::new(program)
        .arg(path)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if let Err(error) = started {
        console.warn(&format!(
            "cannot open the report with `{program}`: {error}; it is at `{}`",
            path.display()
        ));
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
