//! Two states of a node, or of many, as Markdown, HTML and Typst source.

mod letter;
mod view;

use std::collections::BTreeMap;

use plumb_engine::compare::ComparisonSet;
use serde::Serialize;

use crate::render::{self, TypstSource};
use crate::theme::{COMPARE_HTML, COMPARE_MARKDOWN, COMPARE_TYPST, Theme};
use crate::typst::{Rendered, Typst, Watch};
use crate::{ReportError, escape};
use view::CompareView;

/// Renders a comparison as Markdown.
///
/// # Errors
/// If a template or message of the theme is at fault, or a collection time is no time.
pub fn markdown(set: &ComparisonSet, theme: &Theme) -> Result<String, ReportError> {
    let view = CompareView::new(set, theme)?;
    let mut engine = render::engine(theme, ".md.tera")?;
    engine.set_escape_fn(escape::markdown);
    render::render(&engine, theme, COMPARE_MARKDOWN, &view)
}

/// Renders a comparison as one self-contained HTML file.
///
/// # Errors
/// As [`markdown`].
pub fn html(set: &ComparisonSet, theme: &Theme) -> Result<String, ReportError> {
    crate::html::page(theme, COMPARE_HTML, &set.document, &CompareView::new(set, theme)?)
}

/// Renders a comparison as Typst source with its data and assets.
///
/// # Errors
/// As [`markdown`].
pub fn typst_source(set: &ComparisonSet, theme: &Theme) -> Result<TypstSource, ReportError> {
    /// What a Typst template may know: see [`TypstSource`].
    #[derive(Serialize)]
    struct Skeleton {
        nodes: usize,
    }

    let view = CompareView::new(set, theme)?;
    render::typst(theme, COMPARE_TYPST, &Skeleton { nodes: set.nodes.len() }, &view)
}

/// The bytes of a comparison as PDF, whose making `watch` may stop.
///
/// # Errors
/// As [`markdown`], if Typst fails, and [`ReportError::Interrupted`] where it was stopped.
pub fn pdf_watched(
    set: &ComparisonSet,
    theme: &Theme,
    typst: &Typst,
    watch: &mut Watch<'_>,
) -> Result<(Vec<u8>, Rendered), ReportError> {
    // The day of the later collection: rendering reads no clock.
    let dates: BTreeMap<_, _> = set
        .nodes
        .iter()
        .map(|node| Ok((crate::view::time_of(&node.after.collected)?.unix_timestamp(), ())))
        .collect::<Result<_, ReportError>>()?;
    let date = dates.keys().next_back().copied().unwrap_or_default();
    typst.compile_watched(&typst_source(set, theme)?, date, watch)
}
