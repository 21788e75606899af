//! Figures: drawings as SVG text, made here so that the same evidence gives the same bytes.
//!
//! All formats show the same [`Figure`]s: Typst embeds the text as an image, Markdown links a file beside it, HTML has it
//! inline. Each carries a title and an alternative text that tells what a reader would see in it.
//!
//! Marks differ in shape or darkness and are named by words in the figure, so that they hold in black and white. Letters
//! are of whatever sans-serif font the reader has; widths are estimated on the wide side.

mod attainment;
mod axis;
pub(crate) mod before_after;
pub(crate) mod bill;
mod capacity;
mod curves;
mod effects;
pub(crate) mod effort;
pub(crate) mod frequent;
pub(crate) mod gantt;
pub(crate) mod heat;
mod load;
mod noise;
mod stairs;
mod strip;
mod svg;
mod topology;

pub(crate) use effects::{change, metric_name};
use serde::{Deserialize, Serialize};

use crate::ReportError;
use crate::material::Material;
use crate::messages::Messages;

/// A drawing, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Name that other parts of the report refer to, and of the file without `.svg`.
    pub id: String,
    /// Short title, without a full stop.
    pub title: String,
    /// What the figure shows, in words, for readers who do not see it.
    pub alt: String,
    /// How to read it, and where its numbers come from; ends with a full stop.
    pub caption: String,
    /// The chapter that it belongs to: `answers`, `service`, `money`, `findings`, `roadmap`, `node`, `measurements`, `capacity`.
    pub chapter: String,
    /// The drawing: one `svg` element with `width`, `height`, `viewBox`, `title` and `desc`. Shapes carry classes (`ink`,
    /// `soft`, `hair`, `wash`, `paper`, `accent`, `far`) beside their colours, for style sheets.
    pub svg: String,
}

/// All figures for which there is something to draw, in the order of the report.
pub(crate) fn all(material: &Material<'_>, messages: &Messages) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    figures.extend(strip::draw(material.assessment, messages)?);
    figures.extend(attainment::draw(material.assessment, messages)?);
    figures.extend(stairs::draw(material.assessment, messages)?);
    if let Some(evidence) = material.evidence {
        figures.extend(topology::draw(evidence, messages)?);
        figures.extend(load::draw(evidence, messages)?);
        figures.extend(curves::draw(evidence, material.bundle, messages)?);
        figures.extend(effects::draw(evidence, messages)?);
        figures.extend(noise::draw(evidence, messages)?);
    }
    figures.extend(capacity::draw(material.assessment, messages)?);
    Ok(figures)
}
