//! HTML: one file that needs nothing else, neither a network nor scripts to be read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plumb_engine::Assessment;
use plumb_engine::document::{Colours, DocumentTerms};
use serde::Serialize;

use crate::ReportError;
use crate::model::Model;
use crate::render::{engine, render};
use crate::theme::{HTML_TEMPLATE, Theme};

/// What a page needs besides its content.
#[derive(Serialize)]
struct Page<'a, V> {
    #[serde(flatten)]
    view: &'a V,
    /// Colours that replace the theme's, as `#rrggbb`.
    colours: &'a Colours,
    /// The logo as a `data:` address.
    logo: Option<String>,
}

/// Renders a report as one self-contained HTML file, both parts in it.
///
/// # Errors
/// As [`markdown`](crate::markdown).
pub fn html(model: &Model, theme: &Theme) -> Result<String, ReportError> {
    let colour = |name: &str| model.cover.colours.get(name).cloned();
    let colours = Colours {
        accent: colour("accent"),
        high: colour("high"),
        medium: colour("medium"),
        low: colour("low"),
    };
    let terms = DocumentTerms { colours, ..DocumentTerms::default() };
    page(theme, HTML_TEMPLATE, &terms, &crate::render::Page { t: theme.messages().all(), report: model })
}

/// A page of the theme. Whatever a template prints is escaped by the engine.
pub(crate) fn page(
    theme: &Theme,
    template: &str,
    terms: &DocumentTerms,
    view: &impl Serialize,
) -> Result<String, ReportError> {
    let engine = engine(theme, ".html.tera")?;
    let logo = theme.logo().map(|(name, bytes)| {
        let kind = if name.ends_with(".svg") { "image/svg+xml" } else { "image/png" };
        format!("data:{kind};base64,{}", STANDARD.encode(bytes))
    });
    render(&engine, theme, template, &Page { view, colours: &terms.colours, logo })
}

/// A model as JSON.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn json(model: &impl Serialize) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(model).map_err(ReportError::Data)?;
    text.push('\n');
    Ok(text)
}

/// An assessment as JSON, as `plumb check` prints it, with the report as `report`: all formats can be rendered from it.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn report_json(assessment: &Assessment, model: &Model) -> Result<String, ReportError> {
    /// The fields of the assessment, then the report.
    #[derive(Serialize)]
    struct File<'a> {
        #[serde(flatten)]
        assessment: &'a Assessment,
        report: &'a Model,
    }

    json(&File { assessment, report: model })
}
