//! `plumb report`

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plumb_collect::Interrupt;
use plumb_engine::Assessment;
use plumb_engine::document::DocumentTerms;
use plumb_engine::peers::Peers;
use plumb_evidence::Bundle;
use plumb_evidence::bundle::sha256_hex;
use plumb_report::{
    Hand, Material, Model, PdfStandard, Rendered, ReportError, TYPST_VERSION, Theme, Typst, Watch,
};

use crate::analyse::{self, Analysis, set};
use crate::bundles;
use crate::cli::{Rendering, ReportArgs, ReportFormat, StandardChoice};
use crate::commands::check::gate;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::outputs::OutputFolder;

/// Kinds of documents, which their files are called after.
pub(crate) const REPORT: &str = "report";
pub(crate) const COMPARISON: &str = "compare";
pub(crate) const FLEET: &str = "fleet";

pub(crate) fn run(args: &ReportArgs, console: &Console) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.init {
        return init(path, console);
    }
    let ([bundle, more @ ..], Some(output)) = (args.bundles.as_slice(), &args.output) else {
        bail!(UsageError("name a bundle, and with -o a folder for the report".to_owned()))
    };
    if !more.is_empty() || bundles::is_set(bundle) {
        return super::fleet::document(args, output, console);
    }
    let mut renderer = Renderer::new(&args.rendering, console)?;
    let folder = renderer.folder(output, REPORT)?;
    if is_model(bundle) {
        return again(bundle, args, renderer, &folder, console);
    }
    let bundle = crate::input::bundle(bundle)?;
    let analysis =
        analyse::analyse(&bundle, &args.packs, &args.client, args.rendering.language.as_deref(), console)?;
    let engagement = args.client.engagement.as_deref();
    renderer.dress(&analysis.assessment.document, engagement)?;
    let documents = renderer.render(&analysis, &bundle, engagement, &folder, console)?;
    for path in &documents.paths {
        console.result(&format!("{}\n", path.display()))?;
    }
    documents.outcome(
        verdict(&analysis.assessment, gate(&analysis.assessment, &args.gates, console), console),
        console,
    )
}

/// How a report ends: what contradicts itself is no ground for any other answer.
pub(crate) fn verdict(assessment: &Assessment, gated: Outcome, console: &Console) -> Outcome {
    match assessment.contradictions.len() {
        0 => gated,
        1 => {
            console
                .warn("two statements of the report contradict each other; it names them above its answers");
            Outcome::Contradictory
        }
        n => {
            console.warn(&format!(
                "{n} pairs of statements of the report contradict each other; it names them above its answers"
            ));
            Outcome::Contradictory
        }
    }
}

/// Longest Word template that is read.
const MAX_TEMPLATE: u64 = 32 << 20;

/// Longest `report.json` that is read.
const MAX_MODEL: u64 = 64 << 20;

/// True for a file that is no bundle but a `report.json`.
fn is_model(path: &Path) -> bool {
    // Opening a pipe would wait for a writer.
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut first = [0];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut first));
    matches!(read, Ok(1)) && first == *b"{"
}

/// Renders the report in a `report.json` again.
fn again(
    path: &Path,
    args: &ReportArgs,
    mut renderer: Renderer,
    folder: &OutputFolder,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let text = crate::input::read(path, MAX_MODEL)
        .with_context(|| UsageError(format!("cannot read `{}`", path.display())))?;
    let model = Model::read(&text).with_context(|| UsageError(format!("cannot use `{}`", path.display())))?;
    if let Some(language) = args.rendering.language.as_ref().filter(|language| **language != model.language) {
        bail!(UsageError(format!(
            "`{}` is written in `{}`; for `{language}`, render the bundle again",
            path.display(),
            model.language
        )));
    }
    if args.client.engagement.is_some() {
        bail!(UsageError("a report.json has its engagement in it; leave out --engagement".to_owned()));
    }
    renderer.theme = renderer.theme.clone().with_language(&model.language)?;
    let json = String::from_utf8_lossy(&text).into_owned();
    let documents = renderer.write(REPORT, &model, || Ok(json), folder, console)?;
    for path in &documents.paths {
        console.result(&format!("{}\n", path.display()))?;
    }
    documents.outcome(Outcome::Done, console)
}

/// The files that the engagement file names, and the hashes of all of them.
fn hand(terms: &DocumentTerms, path: Option<&Path>) -> anyhow::Result<Hand> {
    let mut hand = Hand::default();
    let Some(path) = path else { return Ok(hand) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = |path: &Path| {
        crate::input::read(path, 4 << 20)
            .with_context(|| UsageError(format!("cannot read `{}` of the engagement file", path.display())))
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    hand.hashes.push((name, sha256_hex(&read(path)?)));
    let summary = terms.summary.as_ref().and_then(|own| own.text.as_deref());
    for name in terms.fonts.iter().map(String::as_str).chain(terms.logo.as_deref()) {
        let bytes = crate::input::read(&folder.join(name), 16 << 20)
            .with_context(|| UsageError(format!("cannot read `{name}` of the engagement file")))?;
        hand.hashes.push((name.to_owned(), sha256_hex(&bytes)));
    }
    for name in terms.files() {
        let bytes = read(&folder.join(name))?;
        hand.hashes.push((name.to_owned(), sha256_hex(&bytes)));
        if terms.peers.as_ref().is_some_and(|peers| peers.file == name) {
            let peers = Peers::read(&bytes)
                .with_context(|| UsageError(format!("cannot use `{name}` of the engagement file")))?;
            hand.peers = Some(peers);
        } else if summary == Some(name) {
            let text = String::from_utf8(bytes)
                .map_err(|_| UsageError(format!("`{name}` of the engagement file is no text in UTF-8")))?;
            hand.summary = Some(text);
        } else if plumb_report::model::is_picture(&bytes) {
            hand.pictures.push((name.to_owned(), bytes));
        } else {
            bail!(UsageError(format!("`{name}` of the engagement file is no picture; give a PNG or a JPEG")));
        }
    }
    Ok(hand)
}

/// Notes and plans for checks of which nothing was found are told: a typing mistake must not lose them in silence.
fn warn_of_unused(assessment: &Assessment, console: &Console) {
    let terms = &assessment.document;
    let deviates = |check: &str| {
        assessment.findings.iter().any(|finding| finding.check == check && finding.outcome.is_deviation())
    };
    let notes = terms.notes.iter().map(|own| ("note", own.check.as_str()));
    let actions = terms.actions.iter().map(|own| ("action", own.check.as_str()));
    for (table, check) in notes.chain(actions).filter(|(_, check)| !deviates(check)) {
        console.warn(&format!(
            "the engagement file has a [[{table}]] for `{check}`, which has no finding on this node"
        ));
    }
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

/// Everything that rendering needs, found before the work begins: a missing Typst is told at once.
#[derive(Debug)]
pub(crate) struct Renderer {
    theme: Theme,
    typst: Option<Typst>,
    /// What is written, which is another thing than what was asked for where Typst is missing.
    formats: Vec<ReportFormat>,
    /// True if a PDF was asked for by name that cannot be made.
    lacks_pdf: bool,
    language: Option<String>,
    /// A client's Word file.
    docx_template: Option<Vec<u8>>,
    open: bool,
    force: bool,
}

impl Renderer {
    pub(crate) fn new(rendering: &Rendering, console: &Console) -> anyhow::Result<Self> {
        let theme = match &rendering.theme {
            Some(folder) => Theme::from_dir(folder)?,
            None => Theme::builtin()?,
        };
        let is_asked_for = !rendering.formats.is_empty();
        let mut formats = match is_asked_for {
            true => rendering.formats.clone(),
            false => vec![ReportFormat::Pdf, ReportFormat::Md],
        };
        let mut typst = None;
        if formats.contains(&ReportFormat::Pdf) {
            match find_typst(rendering) {
                Ok(found) => typst = Some(found),
                // A wrong name on the command line is a mistake, which is better mended than worked around.
                Err(error) if rendering.typst.is_some() => return Err(error.into()),
                Err(error) => {
                    formats.retain(|format| *format != ReportFormat::Pdf);
                    stand_in(&mut formats);
                    console.warn(&without_pdf(&error, is_asked_for));
                }
            }
        }
        let docx_template = rendering.docx_template.as_ref().map(|path| {
            crate::input::read(path, MAX_TEMPLATE)
                .with_context(|| UsageError(format!("cannot read the Word template `{}`", path.display())))
        });
        let docx_template = docx_template.transpose()?;
        if docx_template.is_some() && !formats.contains(&ReportFormat::Docx) {
            bail!(UsageError("--docx-template needs `docx` among the --formats".to_owned()));
        }
        let lacks_pdf = is_asked_for && typst.is_none() && rendering.formats.contains(&ReportFormat::Pdf);
        Ok(Self {
            theme,
            typst,
            formats,
            lacks_pdf,
            language: rendering.language.clone(),
            docx_template,
            open: rendering.open,
            force: rendering.force,
        })
    }

    /// The folder for a document of a kind, as far as can be told before there is one: what is to be written can be.
    pub(crate) fn folder(&self, path: &Path, kind: &str) -> anyhow::Result<OutputFolder> {
        self.folder_with(path, kind, &[])
    }

    /// [`Self::folder`] that further files are written to as well; a name that ends in `/` is a folder.
    pub(crate) fn folder_with(
        &self,
        path: &Path,
        kind: &str,
        further: &[&str],
    ) -> anyhow::Result<OutputFolder> {
        let is_known = |format: &&ReportFormat| match format {
            ReportFormat::Sarif => kind == REPORT,
            // A comparison says what became of things, not what is to be done.
            ReportFormat::Csv => kind != COMPARISON,
            _ => true,
        };
        if let Some(format) = self.formats.iter().find(|format| !is_known(format)) {
            bail!(UsageError(format!("only a report can be written as `{}`", name_of("report", *format))));
        }
        let mut names: Vec<String> = self.formats.iter().map(|format| name_of(kind, *format)).collect();
        if self.formats.contains(&ReportFormat::Pdf) {
            names.push(appendix_pdf(kind));
        }
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        if self.formats.contains(&ReportFormat::Md) {
            // What figures there are is not known yet, but where they go is.
            names.push("figures/");
        }
        names.extend(further);
        OutputFolder::open(path, kind, &names, self.force)
    }

    /// Takes over what the engagement file at `path` says about how documents look.
    pub(crate) fn dress(&mut self, terms: &DocumentTerms, path: Option<&Path>) -> anyhow::Result<()> {
        if let Some(language) = self.language.as_ref().or(terms.language.as_ref()) {
            self.theme = self.theme.clone().with_language(language)?;
        }
        let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
        let mut fonts = Vec::new();
        for name in &terms.fonts {
            let bytes = crate::input::read(&folder.join(name), 16 << 20).with_context(|| {
                UsageError(format!("cannot read the font `{name}` of the engagement file"))
            })?;
            fonts.push((name.clone(), bytes));
        }
        self.theme = self.theme.clone().with_fonts(fonts)?;
        let Some(logo) = &terms.logo else { return Ok(()) };
        let logo = folder.join(logo);
        let bytes = crate::input::read(&logo, 4 << 20).with_context(|| {
            UsageError(format!("cannot read the logo `{}` of the engagement file", logo.display()))
        })?;
        self.theme = self.theme.clone().with_logo(&logo, bytes)?;
        Ok(())
    }

    /// Writes the report of a bundle into `folder`; `engagement` is the file that the client's terms are from.
    pub(crate) fn render(
        &self,
        analysis: &Analysis,
        bundle: &Bundle,
        engagement: Option<&Path>,
        folder: &OutputFolder,
        console: &Console,
    ) -> anyhow::Result<Documents> {
        let assessment = &analysis.assessment;
        let hand = hand(&assessment.document, engagement)?;
        let material =
            Material::new(assessment).with_evidence(&analysis.evidence).with_bundle(bundle).with_hand(&hand);
        let model = plumb_report::model(material, &self.theme)?;
        warn_of_unused(assessment, console);
        let headline = assessment.document.summary.as_ref().and_then(|own| own.headline.as_deref());
        let own = [headline, hand.summary.as_deref()];
        let unknown =
            model.unknown_numbers_of_author(&own.into_iter().flatten().collect::<Vec<_>>().join("\n"));
        if !unknown.is_empty() {
            console.warn(&format!(
                "the summary of the engagement file states numbers that the report does not: {}; check them",
                unknown.join(", ")
            ));
        }
        self.write(REPORT, &model, || plumb_report::report_json(assessment, &model), folder, console)
    }

    /// Words and looks of documents.
    pub(crate) fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Writes a document in all formats: two PDFs, and the others with both parts in one file.
    pub(crate) fn write(
        &self,
        kind: &'static str,
        model: &Model,
        json: impl FnOnce() -> Result<String, ReportError>,
        folder: &OutputFolder,
        console: &Console,
    ) -> anyhow::Result<Documents> {
        let mut drafts = Drafts::new(self, kind);
        let names = [name_of(kind, ReportFormat::Pdf), appendix_pdf(kind)];
        drafts.pdfs(console, names.into(), |typst, watch| {
            plumb_report::pdfs_watched(model, &self.theme, typst, watch)
        })?;
        let mut figures = Vec::new();
        drafts.text(ReportFormat::Md, || {
            let markdown = plumb_report::markdown(model, &self.theme)?;
            figures = markdown.files;
            Ok(markdown.text)
        })?;
        drafts.text(ReportFormat::Html, || plumb_report::html(model, &self.theme))?;
        drafts.text(ReportFormat::Csv, || Ok(model.csv()))?;
        drafts.bytes(ReportFormat::Xlsx, || plumb_report::xlsx(model, &self.theme))?;
        drafts.bytes(ReportFormat::Docx, || {
            plumb_report::docx(model, &self.theme, self.docx_template.as_deref())
        })?;
        let wants = |format| self.formats.contains(&format);
        if wants(ReportFormat::Json) || wants(ReportFormat::Sarif) {
            let json = json()?;
            drafts.text(ReportFormat::Sarif, || plumb_report::sarif(&json))?;
            drafts.text(ReportFormat::Json, || Ok(json))?;
        }
        drafts.write(figures, folder, console)
    }
}

fn find_typst(rendering: &Rendering) -> Result<Typst, ReportError> {
    let standard = match rendering.pdf_standard {
        StandardChoice::Ua1 => PdfStandard::Ua1,
        StandardChoice::A2a => PdfStandard::A2a,
        StandardChoice::A3a => PdfStandard::A3a,
    };
    Ok(typst_at(rendering.typst.as_deref())?.with_standard(standard))
}

/// The Typst that is named, or else the first one where it is looked for.
pub(crate) fn typst_at(named: Option<&Path>) -> Result<Typst, ReportError> {
    let named = named.map(Path::to_owned).or_else(|| set("PLUMB_TYPST").map(PathBuf::from));
    Typst::discover(named.as_deref(), &installed_typst())
}

/// HTML takes the place of a PDF: it is as much of a document, and needs nothing else either.
fn stand_in(formats: &mut Vec<ReportFormat>) {
    if !formats.contains(&ReportFormat::Html) {
        formats.insert(0, ReportFormat::Html);
    }
}

/// What is said before the work begins where there will be no PDF.
fn without_pdf(error: &ReportError, is_asked_for: bool) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let end = match is_asked_for {
        true => "; since --formats names pdf, the exit code will be 2",
        false => "",
    };
    format!(
        "{error}{cause}\n  HTML takes the place of the PDF{end}. Put typst beside `plumb`, name it with --typst or \
         PLUMB_TYPST, or do without it: --formats md,html"
    )
}

/// The name of a document in a format.
fn name_of(kind: &str, format: ReportFormat) -> String {
    let extension = match format {
        ReportFormat::Pdf => "pdf",
        ReportFormat::Md => "md",
        ReportFormat::Html => "html",
        ReportFormat::Json => "json",
        ReportFormat::Csv => "csv",
        ReportFormat::Sarif => "sarif",
        ReportFormat::Xlsx => "xlsx",
        ReportFormat::Docx => "docx",
    };
    format!("{kind}.{extension}")
}

/// The name of the second PDF of a document.
fn appendix_pdf(kind: &str) -> String {
    format!("{kind}-appendix.pdf")
}

/// What was written.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) paths: Vec<PathBuf>,
    /// Why there is no PDF, where Typst was found and failed.
    failed: Option<ReportError>,
    /// True if there is no PDF although one was asked for by name.
    lacks_pdf: bool,
}

impl Documents {
    /// How the command ends that would end with `otherwise` if all is there: a document that is missing weighs more than
    /// what the others say.
    pub(crate) fn outcome(self, otherwise: Outcome, console: &Console) -> anyhow::Result<Outcome> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        if self.lacks_pdf {
            console.warn("the PDF that was asked for is missing, for the reason given above");
            return Ok(Outcome::Usage);
        }
        Ok(otherwise)
    }
}

/// The files of one document, in the formats that were asked for, before any is written.
struct Drafts<'a> {
    renderer: &'a Renderer,
    kind: &'static str,
    formats: Vec<ReportFormat>,
    files: Vec<(String, Vec<u8>)>,
    failed: Option<ReportError>,
}

impl<'a> Drafts<'a> {
    fn new(renderer: &'a Renderer, kind: &'static str) -> Self {
        Self { renderer, kind, formats: renderer.formats.clone(), files: Vec::new(), failed: None }
    }

    /// The PDFs, with the time on the terminal; Ctrl-C ends it and leaves nothing. Any other failure costs the PDFs alone.
    fn pdfs(
        &mut self,
        console: &Console,
        names: Vec<String>,
        set: impl FnOnce(&Typst, &mut Watch<'_>) -> Result<Vec<(Vec<u8>, Rendered)>, ReportError>,
    ) -> anyhow::Result<()> {
        let Some(typst) = &self.renderer.typst else { return Ok(()) };
        match watched(console, |watch| set(typst, watch)) {
            Ok(made) => {
                for (name, (bytes, rendered)) in names.into_iter().zip(made) {
                    if !rendered.warnings.is_empty() {
                        console.warn(&rendered.warnings);
                    }
                    self.files.push((name, bytes));
                }
            }
            Err(error @ ReportError::Interrupted) => return Err(error.into()),
            Err(error) => {
                stand_in(&mut self.formats);
                self.failed = Some(error);
            }
        }
        Ok(())
    }

    fn text(
        &mut self,
        format: ReportFormat,
        make: impl FnOnce() -> Result<String, ReportError>,
    ) -> anyhow::Result<()> {
        self.bytes(format, || make().map(String::into_bytes))
    }

    fn bytes(
        &mut self,
        format: ReportFormat,
        make: impl FnOnce() -> Result<Vec<u8>, ReportError>,
    ) -> anyhow::Result<()> {
        if self.formats.contains(&format) {
            let bytes = match make() {
                // The first thing that went wrong is what should be told.
                Err(error) => return Err(self.failed.take().unwrap_or(error).into()),
                Ok(bytes) => bytes,
            };
            self.files.push((name_of(self.kind, format), bytes));
        }
        Ok(())
    }

    /// Writes them with their figures, and shows the one that a desktop shows best where that was asked for.
    fn write(
        self,
        figures: Vec<(String, Vec<u8>)>,
        folder: &OutputFolder,
        console: &Console,
    ) -> anyhow::Result<Documents> {
        let paths: Vec<PathBuf> = self.files.iter().map(|(name, _)| folder.at(name)).collect();
        folder.write(&[figures, self.files].concat())?;
        let of = |extension: &str| {
            paths.iter().find(|path| path.extension().is_some_and(|found| found == extension))
        };
        if self.renderer.open
            && let Some(path) = of("pdf").or(of("html")).or(paths.first())
        {
            open(path, console);
        }
        Ok(Documents { paths, failed: self.failed, lacks_pdf: self.renderer.lacks_pdf })
    }
}

/// Runs Typst with its time on the terminal; Ctrl-C and a termination stop it and leave no temporary file.
fn watched<T>(console: &Console, work: impl FnOnce(&mut Watch<'_>) -> T) -> T {
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
