//! The document before any format: parts of chapters of blocks, all words chosen, all numbers written.
//!
//! Chapters are put together in `chapters`; each format has one renderer for each kind of block (`blocks.*` of the theme). The
//! model is part of `report.json`, which therefore is enough to render every format again: see [`Model::read`].

mod guard;
mod links;
mod records;
mod texts;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::escape::clean;
use crate::material::Hand;

pub(crate) use guard::is_web;
pub(crate) use records::ACTION_COLUMNS;
pub use records::{ActionRow, EvidenceRow, FindingRow};
pub(crate) use texts::words;

/// Version of the JSON form of [`Model`].
pub const MODEL_SCHEMA: u32 = 1;

/// The part that management reads, and the name of its files.
pub const MAIN: &str = "main";
/// The part that engineers act on.
pub const APPENDIX: &str = "appendix";

/// A report in one language, ready to be rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// [`MODEL_SCHEMA`].
    pub schema: u32,
    /// The language that it is written in. The words of a report are fixed with it.
    pub language: String,
    /// Start of the collection, RFC 3339: the date of the PDF.
    pub collected: String,
    /// What stands on the cover and in the margins.
    pub cover: Cover,
    /// The main report, then the appendix.
    pub parts: Vec<Part>,
    /// Every number that the main report states about capacity, service level and money, and every count of its summary.
    pub numbers: Vec<Number>,
    /// What is to be done, one entry for each finding, for other tools.
    pub actions: Vec<ActionRow>,
    /// Every deviation at every place, for other tools.
    #[serde(default)]
    pub findings: Vec<FindingRow>,
    /// What they rest on.
    #[serde(default)]
    pub evidence: Vec<EvidenceRow>,
    /// The summary that Plumb wrote: headline, then sentences; it stays here where the author's is printed.
    pub generated: Vec<String>,
}

/// What stands on the cover and in the margins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// Title of the document.
    pub title: String,
    /// The node.
    pub subject: String,
    /// Label and value, in their order.
    pub facts: Vec<Labelled>,
    /// That the node does not exist, where it does not; else empty.
    pub notice: String,
    /// Printed on every page; may be empty.
    pub confidentiality: String,
    /// The day, in words.
    pub date: String,
    /// What made it.
    pub prepared: String,
    /// What is across each page of a draft; empty for what is final.
    pub watermark: String,
    /// For the properties of a file.
    pub authors: Vec<String>,
    /// The same: the result in a line.
    pub description: String,
    /// What a logo shows.
    pub logo: String,
    /// Colours as `#rrggbb`, by name.
    pub colours: BTreeMap<String, String>,
}

/// A line of a label and its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// What it is.
    pub label: String,
    /// The value, one line each.
    pub lines: Vec<Line>,
}

/// The main report or the appendix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// [`MAIN`] or [`APPENDIX`].
    pub id: String,
    /// Its title.
    pub title: String,
    /// In their order.
    pub chapters: Vec<Chapter>,
}

/// A chapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Anchor that links name.
    pub id: String,
    /// `1` or `A`; empty for none.
    pub number: String,
    /// Title.
    pub title: String,
    /// True if it begins a page.
    #[serde(default)]
    pub own_page: bool,
    /// Its content.
    pub blocks: Vec<Block>,
}

/// A piece of a chapter. Each format has one renderer for each kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Block {
    /// A heading below that of the chapter.
    Heading {
        /// 2 or 3.
        level: u8,
        /// Anchor; may be empty.
        id: String,
        /// Grade of the finding that it begins; else empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        grade: String,
        /// The words.
        text: Line,
    },
    /// A paragraph.
    Paragraph {
        /// The words.
        text: Line,
        /// `lead`, `soft`, or empty.
        #[serde(default)]
        style: String,
    },
    /// A list.
    List {
        /// True for numbers before the items.
        ordered: bool,
        /// Its items.
        items: Vec<Line>,
    },
    /// A table.
    Table {
        /// Its columns.
        columns: Vec<Column>,
        /// Its rows.
        rows: Vec<Row>,
    },
    /// Rows of a label and what it is, without a head.
    Facts {
        /// The rows.
        rows: Vec<Labelled>,
    },
    /// A drawing.
    Figure(crate::figure::Figure),
    /// A picture of the author's.
    Picture(Picture),
    /// A few numbers side by side.
    Tiles {
        /// The tiles.
        tiles: Vec<Tile>,
    },
    /// A box that nobody should overlook.
    Note {
        /// Its title; may be empty.
        title: String,
        /// Its lines.
        lines: Vec<Line>,
    },
    /// A finding on a card.
    Card {
        /// Anchor, such as `F1`.
        id: String,
        /// The problem.
        title: Line,
        /// Grade and the like.
        mark: Line,
        /// What is said about it.
        rows: Vec<Labelled>,
        /// Owner, effort, week.
        foot: Line,
    },
}

/// A picture of the author's: PNG or JPEG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Name of its file, without the folder.
    pub id: String,
    /// What it shows, in words.
    pub alt: String,
    /// What stands below it; may be empty.
    pub caption: String,
    /// `png` or `jpeg`.
    pub kind: String,
    /// Its bytes in Base64.
    pub data: String,
}

impl Picture {
    /// The picture of this name among the files of the author's.
    pub(crate) fn of(hand: Option<&Hand>, name: &str, alt: &str, caption: &str) -> Option<Self> {
        let (at, bytes) = hand?
            .pictures
            .iter()
            .enumerate()
            .find_map(|(at, (own, bytes))| (own == name).then_some((at, bytes)))?;
        let kind = kind_of(bytes)?;
        Some(Self {
            id: format!("picture-{}", at + 1),
            alt: clean(alt),
            caption: clean(caption),
            kind: kind.to_owned(),
            data: STANDARD.encode(bytes),
        })
    }

    /// Its bytes, if they are those of a picture.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(&self.data).ok()?;
        (kind_of(&bytes) == Some(self.kind.as_str())).then_some(bytes)
    }
}

/// True for the bytes of a picture that a report can show.
#[must_use]
pub fn is_picture(bytes: &[u8]) -> bool {
    kind_of(bytes).is_some()
}

/// The kind of a picture by its first bytes.
pub(crate) fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        [0xff, 0xd8, 0xff, ..] => Some("jpeg"),
        _ => None,
    }
}

/// A line of words, some of which are marked.
pub type Line = Vec<Span>;

/// Words of one kind. What stands between backticks is code.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The words.
    pub text: String,
    /// `strong`, `soft`, `code`; or a mark: `grade`, `outcome`, `basis`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub style: String,
    /// For marks: which grade or outcome.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// For grades: filled steps, and those that it has at least, from 0 to 3.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub level: (u8, u8),
    /// `#anchor` or a web address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(level: &(u8, u8)) -> bool {
    *level == (0, 0)
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its head.
    pub title: String,
    /// Its share of the width; 0 for as wide as its content.
    pub width: u8,
    /// True for numbers.
    #[serde(default)]
    pub right: bool,
}

/// A row of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Lines by column; one cell alone spans them all.
    pub cells: Vec<Vec<Line>>,
}

/// A number in large letters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tile {
    /// What it is.
    pub label: String,
    /// The number with its unit.
    pub value: String,
    /// Where it is from, or what it means.
    pub note: String,
}

/// A number of the main report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// What it is, such as `goodput`.
    pub id: String,
    /// As it is printed.
    pub text: String,
    /// As it is calculated with.
    pub value: f64,
    /// `measured`, `modelled`, `observed`, `published`, `assumed`, `counted`.
    pub label: String,
    /// What it comes from: a field of the assessment, or a file of the bundle.
    pub origin: String,
}

/// Plain words.
pub(crate) fn plain(text: impl Into<String>) -> Span {
    Span { text: text.into(), ..Span::default() }
}

/// Words in a style.
pub(crate) fn styled(style: &str, text: impl Into<String>) -> Span {
    Span { text: text.into(), style: style.to_owned(), ..Span::default() }
}

/// Words of weight.
pub(crate) fn strong(text: impl Into<String>) -> Span {
    styled("strong", text)
}

/// Words that step back.
pub(crate) fn soft(text: impl Into<String>) -> Span {
    styled("soft", text)
}

/// Verbatim text.
pub(crate) fn code(text: impl Into<String>) -> Span {
    styled("code", text)
}

/// A line of plain words.
pub(crate) fn line(text: impl Into<String>) -> Line {
    vec![plain(text)]
}

/// Words that lead to an anchor.
pub(crate) fn link(anchor: &str, text: impl Into<String>) -> Span {
    Span { text: text.into(), style: "strong".into(), link: format!("#{anchor}"), ..Span::default() }
}

/// A paragraph of plain words.
pub(crate) fn paragraph(text: impl Into<String>) -> Block {
    Block::Paragraph { text: line(text), style: String::new() }
}

/// A heading of the second level.
pub(crate) fn heading(text: impl Into<String>) -> Block {
    Block::Heading { level: 2, id: String::new(), grade: String::new(), text: line(text) }
}

/// A column of this share of the width.
pub(crate) fn column(title: impl Into<String>, width: u8) -> Column {
    Column { title: title.into(), width, right: false }
}

/// A column of numbers.
pub(crate) fn numbers(title: impl Into<String>) -> Column {
    Column { title: title.into(), width: 0, right: true }
}

/// A row of cells with one line each.
pub(crate) fn row(cells: Vec<Line>) -> Row {
    Row { cells: cells.into_iter().map(|cell| vec![cell]).collect() }
}

impl Model {
    /// The part of this name.
    #[must_use]
    pub fn part(&self, id: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.id == id)
    }

    /// The figures, in their order.
    pub fn figures(&self) -> impl Iterator<Item = &crate::figure::Figure> {
        self.blocks().filter_map(|block| if let Block::Figure(figure) = block { Some(figure) } else { None })
    }

    /// The pictures, in their order.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.blocks()
            .filter_map(|block| if let Block::Picture(picture) = block { Some(picture) } else { None })
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.parts.iter().flat_map(|part| &part.chapters).flat_map(|chapter| &chapter.blocks)
    }
}
