//! Renders an [`Assessment`](plumb_engine::Assessment), a comparison of two, and the summary of many, for people.
//!
//! 1. The assessment becomes a *view*: findings grouped by cause, numbers and enums as words, texts cleaned; and the view a
//!    [`Model`]: the main report and the appendix, chapters of blocks.
//! 2. A [`Theme`] (templates, words, assets) turns the model into Markdown ([`markdown`]), into HTML ([`html`](fn@html)) or into
//!    Typst source ([`typst_source`]).
//! 3. [`pdf`] has [`Typst`] compile the source and writes the file, whole or not at all.
//!
//! Steps 1 and 2 do no I/O. Nothing reads a clock: every date is the bundle's, and the same assessment and theme give
//! the same bytes. Texts of a node are data in every format; the rules are in [`escape`].
#![warn(missing_docs)]

mod chapters;
pub mod comparison;
mod error;
pub mod escape;
mod figure;
mod filters;
pub mod fleet;
mod font;
mod glyphs;
mod html;
mod lines;
mod load;
mod material;
mod messages;
pub mod model;
mod office;
mod output;
pub mod pattern;
mod render;
mod sarif;
mod svg_guard;
mod theme;
mod typst;
mod view;

pub use error::{Place, ReportError};
pub use figure::Figure;
pub use html::{html, json, report_json};
pub use material::{Hand, Material};
pub use model::Model;
pub use office::{docx, xlsx};
pub use output::write_file;
pub use render::{Markdown, TypstSource, markdown, model, typst_source};
pub use sarif::sarif;
pub use theme::Theme;
pub use typst::{PdfStandard, Rendered, TYPST_VERSION, Typst, Watch, pdf, pdf_watched, pdfs_watched};
