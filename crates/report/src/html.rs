//! HTML: one file that needs nothing else, neither a network nor scripts to be read.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::ReportError;
use crate::model::Model;
use crate::render::{engine, render};
use crate::theme::{HTML_TEMPLATE, Theme};

/// Renders a report as one self-contained HTML file, both parts in it.
///
/// # Errors
/// As [`markdown`](crate::markdown).
pub fn html(model: &Model, theme: &Theme) -> Result<String, ReportError> {
    /// What the page gets.
    #[derive(Serialize)]
    struct Page<'a> {
        #[serde(flatten)]
        page: crate::render::Page<'a>,
        /// Colours that replace the theme's, as `#rrggbb`.
        colours: &'a BTreeMap<String, String>,
        /// The logo as a `data:` address.
        logo: Option<String>,
    }

    let engine = engine(theme, ".html.tera")?;
    let logo = theme.logo().map(|(name, bytes)| {
        let kind = if name.ends_with(".svg") { "image/svg+xml" } else { "image/png" };
        format!("data:{kind};base64,{}", STANDARD.encode(bytes))
    });
    let page = crate::render::Page { t: theme.messages().all(), report: model };
    render(&engine, theme, HTML_TEMPLATE, &Page { page, colours: &model.cover.colours, logo })
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

/// What a document states, an assessment, a comparison or a fleet, as JSON, with the document as `report`: all formats can be
/// rendered from it.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn report_json(facts: &impl Serialize, model: &Model) -> Result<String, ReportError> {
    /// The fields of what is stated, then the document.
    #[derive(Serialize)]
    struct File<'a, F> {
        #[serde(flatten)]
        facts: &'a F,
        report: &'a Model,
    }

    json(&File { facts, report: model })
}
