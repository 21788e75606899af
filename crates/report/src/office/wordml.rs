//! WordprocessingML: blocks of the model as paragraphs and tables, each in a named style.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::model::{Block, Column, Labelled, Line, Row, Span, is_web};

/// Width of the text in twentieths of a point: A4 less its margins.
const TEXT_WIDTH: u32 = 9354;

/// The styles that a document uses, by the name that Word shows; a client's template may have its own of these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Style {
    Title,
    Subtitle,
    Heading(u8),
    Normal,
    Lead,
    Soft,
    List,
    Caption,
    Note,
    Code,
    Table,
    Cell,
}

/// Ids of styles by the style.
pub(super) type StyleIds = BTreeMap<Style, String>;

/// The body of a document in the making.
pub(super) struct Body<'a> {
    pub(super) xml: String,
    styles: &'a StyleIds,
    /// Names of bookmarks by anchor.
    bookmarks: BTreeMap<String, usize>,
    /// Web addresses in the order of their relationships.
    pub(super) links: Vec<String>,
    /// Pictures in the order of their relationships: name of the file, kind, bytes.
    pub(super) pictures: Vec<(String, String, Vec<u8>)>,
    /// What stands in the place of a drawing; `{alt}` is what it shows.
    figure: &'a str,
    marks: usize,
}

impl<'a> Body<'a> {
    pub(super) fn new(styles: &'a StyleIds, figure: &'a str) -> Self {
        Self {
            xml: String::new(),
            styles,
            bookmarks: BTreeMap::new(),
            links: Vec::new(),
            pictures: Vec::new(),
            figure,
            marks: 0,
        }
    }

    fn style(&self, style: Style) -> &'a str {
        self.styles.get(&style).map_or("Normal", String::as_str)
    }

    /// The name of the bookmark of an anchor, the same wherever it is asked for.
    fn bookmark(&mut self, anchor: &str) -> usize {
        let next = self.bookmarks.len() + 1;
        *self.bookmarks.entry(anchor.to_owned()).or_insert(next)
    }

    /// A paragraph of a style; `anchor` may be empty.
    pub(super) fn paragraph(&mut self, style: Style, anchor: &str, line: &[Span]) {
        self.paragraph_with(style, anchor, "", line);
    }

    fn paragraph_with(&mut self, style: Style, anchor: &str, properties: &str, line: &[Span]) {
        let id = self.style(style);
        let _ = write!(self.xml, "<w:p><w:pPr><w:pStyle w:val=\"{id}\"/>{properties}</w:pPr>");
        if !anchor.is_empty() {
            let name = self.bookmark(anchor);
            self.marks += 1;
            let n = self.marks;
            let _ = write!(
                self.xml,
                "<w:bookmarkStart w:id=\"{n}\" w:name=\"b{name}\"/><w:bookmarkEnd w:id=\"{n}\"/>"
            );
        }
        for span in line {
            self.span(span);
        }
        self.xml.push_str("</w:p>");
    }

    fn span(&mut self, span: &Span) {
        let open = match span.link.as_str() {
            link if link.starts_with('#') => {
                let name = self.bookmark(&link[1..]);
                format!("<w:hyperlink w:anchor=\"b{name}\">")
            }
            link if is_web(link) => {
                self.links.push(link.to_owned());
                format!("<w:hyperlink r:id=\"rIdLink{}\">", self.links.len())
            }
            _ => String::new(),
        };
        self.xml.push_str(&open);
        let is_link = !open.is_empty();
        // Between backticks stands code; an odd number of them is no such markup.
        let parts: Vec<&str> = span.text.split('`').collect();
        let has_code = span.style != "code" && parts.len() % 2 == 1 && parts.len() > 1;
        if has_code {
            for (index, part) in parts.iter().enumerate() {
                self.run(part, if index % 2 == 1 { "code" } else { &span.style }, is_link);
            }
        } else {
            self.run(&span.text, &span.style, is_link);
        }
        if is_link {
            self.xml.push_str("</w:hyperlink>");
        }
    }

    fn run(&mut self, text: &str, style: &str, is_link: bool) {
        if text.is_empty() {
            return;
        }
        let mut properties = String::new();
        if style == "code" {
            let _ = write!(properties, "<w:rStyle w:val=\"{}\"/>", self.style(Style::Code));
        }
        if matches!(style, "strong" | "grade" | "outcome") {
            properties.push_str("<w:b/>");
        }
        if style == "outcome" {
            properties.push_str("<w:caps/>");
        }
        if matches!(style, "soft" | "basis") {
            properties.push_str("<w:color w:val=\"55606E\"/>");
        } else if is_link {
            properties.push_str("<w:color w:val=\"1F3F66\"/>");
        }
        let _ = write!(self.xml, "<w:r><w:rPr>{properties}</w:rPr>");
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.xml.push_str("<w:br/>");
            }
            let _ = write!(self.xml, "<w:t xml:space=\"preserve\">{}</w:t>", escape(part));
        }
        self.xml.push_str("</w:r>");
    }

    pub(super) fn page_break(&mut self) {
        self.xml.push_str("<w:p><w:r><w:br w:type=\"page\"/></w:r></w:p>");
    }

    pub(super) fn block(&mut self, block: &Block) {
        match block {
            Block::Heading { level, id, text, .. } => {
                self.paragraph(Style::Heading((*level).clamp(2, 3)), id, text);
            }
            Block::Paragraph { text, style } => {
                let style = match style.as_str() {
                    "lead" => Style::Lead,
                    "soft" => Style::Soft,
                    _ => Style::Normal,
                };
                self.paragraph(style, "", text);
            }
            Block::List { ordered, items } => {
                for (index, item) in items.iter().enumerate() {
                    let mark = if *ordered { format!("{}.", index + 1) } else { "–".to_owned() };
                    self.item(&mark, item);
                }
            }
            Block::Table { columns, rows } => self.table(columns, rows),
            Block::Facts { rows } => self.facts(rows),
            Block::Tiles { tiles } => {
                let columns: Vec<Column> = tiles
                    .iter()
                    .map(|tile| Column { title: tile.label.clone(), width: 1, right: false })
                    .collect();
                let cell = |tile: &crate::model::Tile| -> Vec<Line> {
                    let value =
                        vec![Span { style: "strong".into(), text: tile.value.clone(), ..Span::default() }];
                    let note =
                        vec![Span { style: "soft".into(), text: tile.note.clone(), ..Span::default() }];
                    if tile.note.is_empty() { vec![value] } else { vec![value, note] }
                };
                self.table(&columns, &[Row { cells: tiles.iter().map(cell).collect() }]);
            }
            Block::Note { title, lines } => {
                if !title.is_empty() {
                    let title = Span { style: "strong".into(), text: title.clone(), ..Span::default() };
                    self.paragraph(Style::Note, "", &[title]);
                }
                for line in lines {
                    self.paragraph(Style::Note, "", line);
                }
            }
            Block::Card { id, title, mark, rows, foot } => {
                self.paragraph(Style::Heading(2), id, title);
                self.paragraph(Style::Normal, "", mark);
                self.facts(rows);
                self.paragraph(Style::Normal, "", foot);
            }
            Block::Figure(figure) => {
                let anchor = format!("figure-{}", figure.id);
                let title =
                    Span { style: "strong".into(), text: format!("{}. ", figure.title), ..Span::default() };
                let caption = Span { text: format!("{} ", figure.caption), ..Span::default() };
                let instead = self.figure.replace("{alt}", &figure.alt);
                let instead = Span { style: "soft".into(), text: instead, ..Span::default() };
                self.paragraph(Style::Caption, &anchor, &[title, caption, instead]);
            }
            Block::Picture(picture) => {
                if let Some(bytes) = picture.bytes() {
                    self.picture(&picture.id, &picture.kind, bytes, &picture.alt);
                }
                if !picture.caption.is_empty() {
                    let caption = Span { text: picture.caption.clone(), ..Span::default() };
                    self.paragraph(Style::Caption, "", &[caption]);
                }
            }
        }
    }

    /// An item of a list, its mark before it: numbering of its own would go on from list to list.
    fn item(&mut self, mark: &str, line: &[Span]) {
        let id = self.style(Style::List);
        let _ = write!(
            self.xml,
            "<w:p><w:pPr><w:pStyle w:val=\"{id}\"/><w:ind w:left=\"426\" w:hanging=\"426\"/></w:pPr>\
             <w:r><w:t xml:space=\"preserve\">{}</w:t></w:r><w:r><w:tab/></w:r>",
            escape(mark)
        );
        for span in line {
            self.span(span);
        }
        self.xml.push_str("</w:p>");
    }

    fn facts(&mut self, rows: &[Labelled]) {
        let columns = [
            Column { title: String::new(), width: 3, right: false },
            Column { title: String::new(), width: 10, right: false },
        ];
        let rows: Vec<Row> = rows
            .iter()
            .map(|own| {
                let label = Span { style: "strong".into(), text: own.label.clone(), ..Span::default() };
                Row { cells: vec![vec![vec![label]], own.lines.clone()] }
            })
            .collect();
        self.table(&columns, &rows);
    }

    fn table(&mut self, columns: &[Column], rows: &[Row]) {
        let shares: Vec<u32> = columns
            .iter()
            .map(|column| if column.width == 0 { 3 } else { u32::from(column.width) })
            .collect();
        let whole: u32 = shares.iter().sum::<u32>().max(1);
        let widths: Vec<u32> = shares.iter().map(|share| TEXT_WIDTH * share / whole).collect();
        let _ = write!(
            self.xml,
            "<w:tbl><w:tblPr><w:tblStyle w:val=\"{}\"/><w:tblW w:w=\"5000\" w:type=\"pct\"/>\
             <w:tblLook w:val=\"0420\" w:firstRow=\"1\" w:lastRow=\"0\" w:firstColumn=\"0\" w:lastColumn=\"0\" \
             w:noHBand=\"0\" w:noVBand=\"1\"/></w:tblPr><w:tblGrid>",
            self.style(Style::Table)
        );
        for width in &widths {
            let _ = write!(self.xml, "<w:gridCol w:w=\"{width}\"/>");
        }
        self.xml.push_str("</w:tblGrid>");
        if columns.iter().any(|column| !column.title.is_empty()) {
            self.xml.push_str("<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>");
            for (column, width) in columns.iter().zip(&widths) {
                let title = Span { style: "strong".into(), text: column.title.clone(), ..Span::default() };
                self.cell(*width, 1, column.right, &[vec![title]]);
            }
            self.xml.push_str("</w:tr>");
        }
        for row in rows {
            self.xml.push_str("<w:tr>");
            if row.cells.len() == 1 && columns.len() > 1 {
                self.cell(widths.iter().sum(), columns.len(), false, &row.cells[0]);
            } else {
                for ((lines, column), width) in row.cells.iter().zip(columns).zip(&widths) {
                    self.cell(*width, 1, column.right, lines);
                }
            }
            self.xml.push_str("</w:tr>");
        }
        self.xml.push_str("</w:tbl>");
        // Two tables in a row would become one.
        self.paragraph(Style::Normal, "", &[]);
    }

    fn cell(&mut self, width: u32, columns: usize, right: bool, lines: &[Line]) {
        let _ = write!(self.xml, "<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/>");
        if columns > 1 {
            let _ = write!(self.xml, "<w:gridSpan w:val=\"{columns}\"/>");
        }
        self.xml.push_str("</w:tcPr>");
        let properties = if right { "<w:jc w:val=\"right\"/>" } else { "" };
        for line in lines {
            self.paragraph_with(Style::Cell, "", properties, line);
        }
        // A cell without a paragraph is no cell.
        if lines.is_empty() {
            self.paragraph_with(Style::Cell, "", properties, &[]);
        }
        self.xml.push_str("</w:tc>");
    }

    /// A picture as wide as three fifths of the text.
    fn picture(&mut self, id: &str, kind: &str, bytes: Vec<u8>, alt: &str) {
        let (width, height) = size(&bytes).unwrap_or((4, 3));
        let wide = u64::from(TEXT_WIDTH) * 635 * 3 / 5;
        let high = (wide * u64::from(height.max(1)) / u64::from(width.max(1))).min(wide * 3);
        self.pictures.push((format!("{id}.{kind}"), kind.to_owned(), bytes));
        let n = self.pictures.len();
        let (alt, normal) = (escape(alt), self.style(Style::Normal));
        let _ = write!(
            self.xml,
            "<w:p><w:pPr><w:pStyle w:val=\"{normal}\"/></w:pPr><w:r><w:drawing>\
             <wp:inline distT=\"0\" distB=\"0\" distL=\"0\" distR=\"0\"><wp:extent cx=\"{wide}\" cy=\"{high}\"/>\
             <wp:docPr id=\"{n}\" name=\"{id}\" descr=\"{alt}\"/>\
             <a:graphic><a:graphicData uri=\"http://schemas.openxmlformats.org/drawingml/2006/picture\">\
             <pic:pic><pic:nvPicPr><pic:cNvPr id=\"{n}\" name=\"{id}\"/><pic:cNvPicPr/></pic:nvPicPr>\
             <pic:blipFill><a:blip r:embed=\"rIdPicture{n}\"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>\
             <pic:spPr><a:xfrm><a:off x=\"0\" y=\"0\"/><a:ext cx=\"{wide}\" cy=\"{high}\"/></a:xfrm>\
             <a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic>\
             </wp:inline></w:drawing></w:r></w:p>"
        );
    }
}

/// Width and height of a PNG or JPEG.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(&[0x89, b'P', b'N', b'G']) {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        return Some((number(16)?, number(20)?));
    }
    // The segments of a JPEG, up to the one that begins a frame.
    let mut at = 2;
    loop {
        let [0xff, marker, high, low] = *bytes.get(at..at + 4)? else { return None };
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let short =
                |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
            return Some((short(at + 7)?, short(at + 5)?));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

/// Text for XML. The model's texts hold no control characters.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c < ' ' && !matches!(c, '\t' | '\n') => escaped.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn pictures_keep_their_shape() {
        let png =
            [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &640u32.to_be_bytes(), &480u32.to_be_bytes()].concat();
        assert_eq!(size(&png), Some((640, 480)));
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 17, 8, 1, 0, 2, 0];
        assert_eq!(size(&jpeg), Some((512, 256)));
        for broken in [&b""[..], &jpeg[..6], b"\xff\xd8\xff\xe0\0\0\0"] {
            assert_eq!(size(broken), None, "{broken:?}");
        }
    }
}
