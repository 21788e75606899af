//! The document before any format: parts of chapters of blocks, all words chosen, all numbers written.
//!
//! Chapters are put together in `chapters`; each format has one renderer for each kind of block (`blocks.*` of the theme). The
//! model is part of `report.json`, which therefore is enough to render every format again: see [`Model::read`].

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ReportError;
use crate::escape::clean;
use crate::material::Hand;
use crate::svg_guard;

/// Version of the JSON form of [`Model`].
pub const MODEL_SCHEMA: u32 = 1;

/// The part that management reads, and the name of its files.
pub const MAIN: &str = "main";
/// The part that engineers act on.
pub const APPENDIX: &str = "appendix";

/// So many blocks and so many rows are read from a file; a report of a large node has a tenth of them.
const MAX_BLOCKS: usize = 40_000;
const MAX_ROWS: usize = 200_000;

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

/// What is to be done about a finding, as the findings at a glance have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionRow {
    /// Id of the finding.
    pub id: String,
    /// Grade of the finding, in words.
    pub grade: String,
    /// What is wrong.
    pub problem: String,
    /// What to do; one step each.
    pub steps: Vec<String>,
    /// Files that `plumb remediate` writes for it.
    pub files: Vec<String>,
    /// How much work it is.
    pub effort: String,
    /// What it interrupts, or that it costs money.
    pub needs: String,
    /// Part of the roadmap.
    pub wave: String,
    /// Who does it; may be empty.
    pub owner: String,
    /// By when, in words; may be empty.
    pub due: String,
    /// How one knows that it is done.
    pub done_when: String,
    /// How far it is.
    pub status: String,
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
    /// The model in the text of a `report.json`.
    ///
    /// The file may be anybody's: texts are cleaned, links and anchors held to their form, drawings to the elements that
    /// Plumb draws with, and sizes to what a report can have.
    ///
    /// # Errors
    /// [`ReportError::Model`], which says what was expected.
    pub fn read(text: &[u8]) -> Result<Self, ReportError> {
        let broken = |problem: String| ReportError::Model { problem };
        let mut file: Value = serde_json::from_slice(text).map_err(|error| {
            broken(format!("expected a report.json of plumb, but found no JSON: {error}"))
        })?;
        let found = file.get_mut("report").map(Value::take).filter(Value::is_object).ok_or_else(|| {
            broken(
                "expected a `report` in the JSON, which `plumb report --formats json` writes, but found none"
                    .into(),
            )
        })?;
        if found.get("schema").and_then(Value::as_u64) != Some(MODEL_SCHEMA.into()) {
            let schema = found.get("schema").map_or_else(|| "none".to_owned(), ToString::to_string);
            return Err(broken(format!(
                "expected a report of version {MODEL_SCHEMA}, but found {}",
                clean(&schema)
            )));
        }
        let mut model: Self = serde_json::from_value(found).map_err(|error| {
            broken(format!("expected the report that plumb writes: {}", clean(&error.to_string())))
        })?;
        model.guard().map_err(broken)?;
        Ok(model)
    }

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

    /// Numbers in a text of the author's that Plumb does not state anywhere in the main report: each is to be checked by hand.
    #[must_use]
    pub fn unknown_numbers_of_author(&self, text: &str) -> Vec<String> {
        // The page with the author's own text would vouch for itself.
        let own =
            self.part(MAIN).into_iter().flat_map(|part| &part.chapters).filter(|own| own.id != "summary");
        let texts = own.flat_map(Chapter::texts).chain(self.generated.iter().cloned());
        let stated = texts.chain(self.numbers.iter().map(|number| number.text.clone()));
        let known: BTreeSet<String> = stated.flat_map(|text| digits(&text)).collect();
        let mut unknown = digits(text);
        unknown.retain(|number| !known.contains(number));
        unknown.dedup();
        unknown
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.parts.iter().flat_map(|part| &part.chapters).flat_map(|chapter| &chapter.blocks)
    }

    /// All texts of the main report or the appendix, as lines.
    #[must_use]
    pub fn texts(&self, part: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for chapter in self.part(part).into_iter().flat_map(|part| &part.chapters) {
            texts.push(chapter.title.clone());
            texts.extend(chapter.texts());
        }
        texts
    }

    /// Links whose anchor is nowhere lose it: a part may be left out.
    pub(crate) fn settle_links(&mut self) {
        let anchors = self.anchors();
        self.spans(&mut |span| {
            if span.link.strip_prefix('#').is_some_and(|anchor| !anchors.contains(anchor)) {
                span.link.clear();
            }
        });
    }

    fn anchors(&self) -> BTreeSet<String> {
        self.parts.iter().flat_map(Part::anchors).collect()
    }

    /// Every span once.
    fn spans(&mut self, each: &mut dyn FnMut(&mut Span)) {
        let mut lines = |lines: &mut Vec<Line>| lines.iter_mut().flatten().for_each(&mut *each);
        for fact in &mut self.cover.facts {
            lines(&mut fact.lines);
        }
        for part in &mut self.parts {
            part.spans(each);
        }
    }
    /// The actions as comma-separated values, for trackers of work: a line each, after the names of the columns.
    #[must_use]
    pub fn csv(&self) -> String {
        let names = [
            "id",
            "grade",
            "problem",
            "steps",
            "files",
            "effort",
            "needs",
            "wave",
            "owner",
            "due",
            "done_when",
            "status",
        ];
        let mut text = names.join(",") + "\r\n";
        for own in &self.actions {
            let (steps, files) = (own.steps.join("; "), own.files.join("; "));
            let cells = [
                &own.id,
                &own.grade,
                &own.problem,
                &steps,
                &files,
                &own.effort,
                &own.needs,
                &own.wave,
                &own.owner,
                &own.due,
                &own.done_when,
                &own.status,
            ];
            text.push_str(&cells.map(|cell| csv_cell(cell)).join(","));
            text.push_str("\r\n");
        }
        text
    }

    /// Holds a model of unknown origin to what Plumb writes itself.
    fn guard(&mut self) -> Result<(), String> {
        let blocks = self.blocks().count();
        let rows: usize = self.blocks().map(Block::rows).sum();
        if blocks > MAX_BLOCKS || rows > MAX_ROWS {
            return Err(format!(
                "expected at most {MAX_BLOCKS} blocks with {MAX_ROWS} rows, but found {blocks} with {rows}"
            ));
        }
        if self.parts.iter().map(|part| part.id.as_str()).collect::<Vec<_>>() != [MAIN, APPENDIX] {
            return Err("expected the parts `main` and `appendix`".into());
        }
        let mut anchors = BTreeSet::new();
        let mut anchor = |id: &str| match id {
            "" => Ok(()),
            id if !is_anchor(id) => {
                Err(format!("expected an anchor of letters, digits and `-`, but found {id:?}"))
            }
            id if !anchors.insert(id.to_owned()) => Err(format!("the anchor `{id}` is there twice")),
            _ => Ok(()),
        };
        for chapter in self.parts.iter().flat_map(|part| &part.chapters) {
            anchor(&chapter.id)?;
            for block in &chapter.blocks {
                match block {
                    Block::Heading { id, .. } | Block::Card { id, .. } => anchor(id)?,
                    Block::Figure(figure) => {
                        anchor(&format!("figure-{}", figure.id))?;
                        svg_guard::check(&figure.svg)
                            .map_err(|problem| format!("figure `{}`: {problem}", figure.id))?;
                    }
                    Block::Picture(picture) => {
                        anchor(&picture.id)?;
                        if picture.bytes().is_none() {
                            return Err(format!(
                                "expected `{}` to be a PNG or JPEG picture in Base64",
                                picture.id
                            ));
                        }
                    }
                    Block::Table { columns, rows } => {
                        let fits = |row: &Row| row.cells.len() == columns.len() || row.cells.len() == 1;
                        if columns.is_empty() || !rows.iter().all(fits) {
                            return Err("expected rows of as many cells as their table has columns".into());
                        }
                    }
                    _ => {}
                }
            }
        }
        if !is_anchor(&self.language) || self.language.len() > 8 {
            return Err("expected the code of a language".into());
        }
        let is_colour = |text: &str| {
            text.strip_prefix('#')
                .is_some_and(|hex| hex.len() == 6 && hex.chars().all(|c| c.is_ascii_hexdigit()))
        };
        self.cover.colours.retain(|_, colour| is_colour(colour));
        self.spans(&mut |span| {
            // The blanks at its end part it from the next.
            let blanks = span.text.len() - span.text.trim_end_matches(' ').len();
            span.text = clean(&span.text) + &" ".repeat(blanks.min(4));
            span.level = (span.level.0.min(3), span.level.1.min(3));
            if !is_anchor(&span.id) {
                span.id.clear();
            }
            let is_link = span.link.strip_prefix('#').is_some_and(is_anchor) || is_web(&span.link);
            if !is_link {
                span.link.clear();
            }
        });
        let cover = &mut self.cover;
        let texts = [
            &mut cover.title,
            &mut cover.subject,
            &mut cover.notice,
            &mut cover.confidentiality,
            &mut cover.date,
            &mut cover.prepared,
            &mut cover.watermark,
            &mut cover.description,
            &mut cover.logo,
        ];
        for text in texts
            .into_iter()
            .chain(&mut cover.authors)
            .chain(cover.facts.iter_mut().map(|fact| &mut fact.label))
        {
            *text = clean(text);
        }
        for part in &mut self.parts {
            part.title = clean(&part.title);
            for chapter in &mut part.chapters {
                chapter.title = clean(&chapter.title);
                chapter.number = clean(&chapter.number);
                chapter.blocks.iter_mut().for_each(Block::clean);
            }
        }
        for own in &mut self.actions {
            let texts = [
                &mut own.id,
                &mut own.grade,
                &mut own.problem,
                &mut own.effort,
                &mut own.needs,
                &mut own.wave,
                &mut own.owner,
                &mut own.due,
                &mut own.done_when,
                &mut own.status,
            ];
            for text in texts.into_iter().chain(&mut own.steps).chain(&mut own.files) {
                *text = clean(text);
            }
        }
        self.settle_links();
        Ok(())
    }
}

impl Part {
    fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for chapter in &self.chapters {
            anchors.insert(chapter.id.clone());
            for block in &chapter.blocks {
                match block {
                    Block::Heading { id, .. } | Block::Card { id, .. } if !id.is_empty() => {
                        anchors.insert(id.clone());
                    }
                    _ => {}
                }
            }
        }
        anchors
    }

    /// Links into the other part lose theirs: it is another file.
    pub(crate) fn keep_links_within(&mut self) {
        let anchors = self.anchors();
        self.spans(&mut |span| {
            if span.link.strip_prefix('#').is_some_and(|anchor| !anchors.contains(anchor)) {
                span.link.clear();
            }
        });
    }

    fn spans(&mut self, each: &mut dyn FnMut(&mut Span)) {
        for block in self.chapters.iter_mut().flat_map(|own| &mut own.blocks) {
            match block {
                Block::Heading { text, .. } | Block::Paragraph { text, .. } => {
                    text.iter_mut().for_each(&mut *each)
                }
                Block::List { items: lines, .. } | Block::Note { lines, .. } => {
                    lines.iter_mut().flatten().for_each(&mut *each);
                }
                Block::Table { rows, .. } => {
                    rows.iter_mut().flat_map(|row| &mut row.cells).flatten().flatten().for_each(&mut *each);
                }
                Block::Facts { rows } => {
                    rows.iter_mut().flat_map(|row| &mut row.lines).flatten().for_each(&mut *each);
                }
                Block::Card { title, mark, rows, foot, .. } => {
                    title.iter_mut().chain(mark).chain(foot).for_each(&mut *each);
                    rows.iter_mut().flat_map(|row| &mut row.lines).flatten().for_each(&mut *each);
                }
                Block::Figure(_) | Block::Picture(_) | Block::Tiles { .. } => {}
            }
        }
    }
}

/// A cell of comma-separated values. A text that a spreadsheet would take for a formula gets a mark before it.
fn csv_cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let guard = if line.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", line.replace('"', "\"\""))
}

/// The numbers of a text, without what groups their digits.
fn digits(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\u{a0}' | '\u{202f}');
    text.split(|c: char| !is_part(c))
        .map(|part| part.trim_matches(|c: char| !c.is_ascii_digit()).replace(['\u{a0}', '\u{202f}'], ""))
        // In thousands a point or a comma groups; before one or two digits it parts.
        .map(|part| match part.rsplit_once([',', '.']) {
            Some((_, end)) if end.len() == 3 => part.replace([',', '.'], ""),
            _ => part.replace(',', "."),
        })
        .filter(|part| !part.is_empty())
        .collect()
}

/// True for what an anchor or the id of a mark may be.
fn is_anchor(id: &str) -> bool {
    id.len() <= 80 && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// True for web addresses without characters that could end a link early. A pack could name `javascript:` or `file:`.
pub(crate) fn is_web(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.chars().all(|c| {
            c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '`' | '\\' | '^' | '{' | '|' | '}')
        })
}

/// The words of a line.
pub(crate) fn words(line: &[Span]) -> String {
    line.iter().map(|span| span.text.as_str()).collect()
}

impl Chapter {
    /// All its texts, as lines.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.blocks.iter().flat_map(Block::texts).filter(|text| !text.is_empty()).collect()
    }
}

impl Block {
    fn rows(&self) -> usize {
        match self {
            Self::Table { rows, columns } => rows.len() * columns.len().max(1),
            Self::Facts { rows } | Self::Card { rows, .. } => {
                rows.iter().map(|row| row.lines.len() + 1).sum()
            }
            Self::List { items, .. } => items.len(),
            Self::Note { lines, .. } => lines.len(),
            Self::Tiles { tiles } => tiles.len(),
            _ => 1,
        }
    }

    /// The texts that are no spans.
    fn clean(&mut self) {
        let mut all: Vec<&mut String> = match self {
            Self::Table { columns, .. } => columns.iter_mut().map(|column| &mut column.title).collect(),
            Self::Facts { rows } | Self::Card { rows, .. } => {
                rows.iter_mut().map(|row| &mut row.label).collect()
            }
            Self::Figure(figure) => vec![&mut figure.title, &mut figure.alt, &mut figure.caption],
            Self::Picture(picture) => vec![&mut picture.alt, &mut picture.caption],
            Self::Tiles { tiles } => {
                tiles.iter_mut().flat_map(|tile| [&mut tile.label, &mut tile.value, &mut tile.note]).collect()
            }
            Self::Note { title, .. } => vec![title],
            Self::Paragraph { style, .. } => vec![style],
            Self::Heading { grade, .. } => vec![grade],
            Self::List { .. } => Vec::new(),
        };
        for text in &mut all {
            **text = clean(text);
        }
    }

    /// All its texts, as lines.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let labelled = |rows: &[Labelled]| -> Vec<String> {
            rows.iter()
                .flat_map(|row| {
                    std::iter::once(row.label.clone()).chain(row.lines.iter().map(|own| words(own)))
                })
                .collect()
        };
        match self {
            Self::Heading { text, .. } | Self::Paragraph { text, .. } => vec![words(text)],
            Self::List { items, .. } => items.iter().map(|item| words(item)).collect(),
            Self::Table { columns, rows } => {
                let heads = columns.iter().map(|column| column.title.clone());
                let cells = rows.iter().flat_map(|row| &row.cells).flatten().map(|own| words(own));
                heads.chain(cells).collect()
            }
            Self::Facts { rows } => labelled(rows),
            Self::Figure(figure) => vec![figure.title.clone(), figure.caption.clone()],
            Self::Picture(picture) => vec![picture.caption.clone()],
            Self::Tiles { tiles } => tiles
                .iter()
                .flat_map(|tile| [tile.label.clone(), tile.value.clone(), tile.note.clone()])
                .collect(),
            Self::Note { title, lines } => {
                std::iter::once(title.clone()).chain(lines.iter().map(|own| words(own))).collect()
            }
            Self::Card { title, mark, rows, foot, .. } => {
                let mut texts = vec![words(title), words(mark)];
                texts.extend(labelled(rows));
                texts.push(words(foot));
                texts
            }
        }
    }
}
