//! HTML: one file that needs nothing else, neither a network nor scripts to be read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plumb_engine::document::{Colours, DocumentTerms};
use serde::Serialize;

use crate::ReportError;
use crate::material::Material;
use crate::render::{engine, render};
use crate::theme::{HTML_TEMPLATE, Theme};
use crate::view::View;

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

/// Renders a report as one self-contained HTML file.
///
/// # Errors
/// As [`markdown`](crate::markdown).
pub fn html<'a>(material: impl Into<Material<'a>>, theme: &Theme) -> Result<String, ReportError> {
    let material = material.into();
    let view = View::new(&material, theme.messages())?;
    page(theme, HTML_TEMPLATE, &material.assessment.document, &view)
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

/// An assessment as JSON, as `plumb check` prints it: the model that all formats are rendered from.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn json(model: &impl Serialize) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(model).map_err(ReportError::Data)?;
    text.push('\n');
    Ok(text)
}
