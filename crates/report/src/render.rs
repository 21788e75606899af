//! Templates into text, and the template engine's errors into a file, a line and a sentence.

use std::collections::BTreeMap;
use std::error::Error as _;

use serde::Serialize;
use serde_json::Value;
use tera::{Context, Tera};

use crate::ReportError;
use crate::error::Place;
use crate::material::Material;
use crate::model::{Cover, Model, Part};
use crate::theme::{MARKDOWN_TEMPLATE, TYPST_TEMPLATE, Theme};
use crate::{chapters, escape, filters};

/// Name of the main file of a [`TypstSource`].
pub(crate) const MAIN: &str = "report.typ";
/// Name of the data file of a [`TypstSource`].
const DATA: &str = "data.json";

/// Everything that Typst needs to compile a report: the main file, the data, and the assets of the theme.
///
/// No text of a node is in the main file: it is all in `data.json`, which the main file reads with `json()`. A string
/// that arrives so is printed by Typst and never parsed, so nothing in it can act as markup or code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypstSource {
    files: BTreeMap<String, Vec<u8>>,
    theme: String,
}

impl TypstSource {
    /// The files, by path relative to the folder that Typst is given as root; the main file is `report.typ`.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// True if a font is among the files.
    pub(crate) fn has_fonts(&self) -> bool {
        self.files
            .keys()
            .any(|name| [".ttf", ".otf", ".ttc"].iter().any(|end| name.to_lowercase().ends_with(end)))
    }

    pub(crate) fn data(&self) -> &[u8] {
        self.files.get(DATA).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn set_data(&mut self, data: Vec<u8>) {
        self.files.insert(DATA.to_owned(), data);
    }

    /// Name of the theme, for error texts.
    pub(crate) fn theme(&self) -> &str {
        &self.theme
    }
}

/// A report in Markdown, and the figures that it links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markdown {
    /// The text.
    pub text: String,
    /// The drawings and pictures, by the names that the text links them by: `figures/ID.svg`, beside itself.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The report of an assessment in the language of the theme: what every format is rendered from.
///
/// # Errors
/// If a message of the theme is at fault, or the assessment's collection time is no time.
pub fn model<'a>(material: impl Into<Material<'a>>, theme: &Theme) -> Result<Model, ReportError> {
    chapters::model(&material.into(), theme.messages())
}

/// Renders a report as Markdown, both parts in one text.
///
/// # Errors
/// If a template of the theme is at fault.
pub fn markdown(model: &Model, theme: &Theme) -> Result<Markdown, ReportError> {
    let mut engine = engine(theme, ".md.tera")?;
    engine.set_escape_fn(escape::markdown);
    let text = render(&engine, theme, MARKDOWN_TEMPLATE, &Page { t: theme.messages().all(), report: model })?;
    // Blocks end with an empty line each, and some are empty themselves.
    let mut joined = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            joined.push_str(line.trim_end());
            joined.push('\n');
        }
    }
    let figures =
        model.figures().map(|own| (format!("figures/{}.svg", own.id), own.svg.clone().into_bytes()));
    let pictures =
        model.pictures().filter_map(|own| Some((format!("figures/{}.{}", own.id, own.kind), own.bytes()?)));
    Ok(Markdown { text: joined, files: figures.chain(pictures).collect() })
}

/// What a template gets.
#[derive(Serialize)]
pub(crate) struct Page<'a> {
    /// The words of the theme.
    pub(crate) t: &'a Value,
    /// The report.
    pub(crate) report: &'a Model,
}

/// Renders a part of a report as Typst source with its data and assets.
///
/// # Errors
/// As [`markdown`]; if the report has no such part.
pub fn typst_source(model: &Model, part: &str, theme: &Theme) -> Result<TypstSource, ReportError> {
    /// What the data of a part are.
    #[derive(Serialize)]
    struct Data<'a> {
        t: &'a Value,
        /// Of the same shape in all documents, for the palette.
        cover: &'a Cover,
        /// Name of the file of the logo.
        logo: Option<&'a str>,
        /// Families of fonts that replace those of the palette.
        fonts: &'a [String],
        language: &'a str,
        part: &'a Part,
    }

    let mut own = model.part(part).cloned().ok_or_else(|| ReportError::Model {
        problem: format!("expected a part `{part}` in the report, but found none"),
    })?;
    own.keep_links_within();
    let logo = theme.logo().map(|(name, _)| name);
    let data = Data {
        t: theme.messages().all(),
        cover: &model.cover,
        logo,
        fonts: theme.fonts(),
        language: &model.language,
        part: &own,
    };
    let mut source = typst(theme, TYPST_TEMPLATE, &BTreeMap::<String, String>::new(), &data)?;
    for picture in model.pictures() {
        if let Some(bytes) = picture.bytes() {
            source.files.insert(format!("{}.{}", picture.id, picture.kind), bytes);
        }
    }
    Ok(source)
}

/// The Typst source of `template`, which may know the skeleton, with the view as its data.
pub(crate) fn typst(
    theme: &Theme,
    template: &str,
    skeleton: &impl Serialize,
    view: &impl Serialize,
) -> Result<TypstSource, ReportError> {
    let engine = engine(theme, ".typ.tera")?;
    let main = render(&engine, theme, template, skeleton)?;
    let mut files: BTreeMap<_, _> =
        theme.assets().map(|(name, file)| (name.to_owned(), file.bytes.clone())).collect();
    files.insert(MAIN.to_owned(), main.into_bytes());
    files.insert(DATA.to_owned(), serde_json::to_vec_pretty(view).map_err(ReportError::Data)?);
    Ok(TypstSource { files, theme: theme.name().to_owned() })
}

/// An engine with those templates of the theme whose names end in `suffix`: a theme may hold templates for formats
/// that are not asked for now, and their mistakes must not matter.
pub(crate) fn engine(theme: &Theme, suffix: &'static str) -> Result<Tera, ReportError> {
    let mut engine = Tera::default();
    engine.autoescape_on(vec![suffix]);
    filters::register(&mut engine);
    let mut templates = Vec::new();
    for (name, file) in theme.templates().filter(|(name, _)| name.ends_with(suffix)) {
        templates.push((name, file.text()?));
    }
    engine.add_raw_templates(templates).map_err(|error| template_error(theme, "", &error))?;
    Ok(engine)
}

pub(crate) fn render(
    engine: &Tera,
    theme: &Theme,
    name: &str,
    data: &impl Serialize,
) -> Result<String, ReportError> {
    let context = Context::from_serialize(data).map_err(|error| template_error(theme, name, &error))?;
    engine.render(name, &context).map_err(|error| template_error(theme, name, &error))
}

/// Names the template and, as far as the engine tells or the message allows to find it, the line.
fn template_error(theme: &Theme, rendered: &str, error: &tera::Error) -> ReportError {
    // From the outermost "failed to render" to the cause.
    let mut chain = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push(error.to_string());
        cause = error.source();
    }
    let named = chain.iter().rev().flat_map(|text| text.split(['\'', '"', '`']).rev().map(str::to_owned));
    let name =
        named.into_iter().find(|part| theme.file(part).is_some()).unwrap_or_else(|| rendered.to_owned());
    let file = theme.file(&name).map_or_else(|| name.clone().into(), |file| file.path.clone());
    let innermost = chain.last().map_or("", String::as_str);

    let (line, problem) = match parse_position(innermost) {
        Some((line, problem)) => (Some(line), problem),
        None => {
            let text = theme.file(&name).and_then(|file| file.text().ok()).unwrap_or("");
            (line_of(innermost, text), innermost.replace('\n', " "))
        }
    };
    ReportError::Template { place: Place { file, line }, problem }
}

/// Line and message of a syntax error, which the engine draws as ` --> 3:5`, the source line, and `= expected …`.
fn parse_position(text: &str) -> Option<(usize, String)> {
    let position = text.split("--> ").nth(1)?;
    let line = position.split(':').next()?.trim().parse().ok()?;
    let problem: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("= ")).collect();
    Some((line, if problem.is_empty() { text.trim().to_owned() } else { problem.join(", ") }))
}

/// The first line with a tag that holds what the message quotes: the engine does not tell the line of an error that
/// occurs while rendering.
fn line_of(message: &str, template: &str) -> Option<usize> {
    let quoted: Vec<_> = message.split(['`', '\'']).skip(1).step_by(2).collect();
    let is_hit = |line: &str| quoted.iter().any(|part| !part.is_empty() && line.contains(part));
    template.lines().position(|line| line.contains('{') && is_hit(line)).map(|index| index + 1)
}
