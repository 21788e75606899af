//! The parts of a Word document around its text: Plumb's own, or those of a client's file, which may be anybody's.
//!
//! Of a client's file its styles, theme, headers and footers are kept, and its text is left out. It is bounded, and one with
//! macros is refused: what Plumb writes runs nothing.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use roxmltree::{Document, Node};
use zip::ZipArchive;

use super::docx::HEAD;
use crate::ReportError;

const DOCUMENT: &str = "word/document.xml";
const STYLES: &str = "word/styles.xml";
const RELATIONS: &str = "word/_rels/document.xml.rels";
const TYPES: &str = "[Content_Types].xml";
const CORE: &str = "docProps/core.xml";
const MAIN_TYPE: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
const CORE_TYPE: &str = "application/vnd.openxmlformats-package.core-properties+xml";

/// So much of a template is unpacked.
const MAX_BYTES: u64 = 64 << 20;
const MAX_PARTS: usize = 500;

/// A4, with margins as wide as those of the PDF, and the number of the page.
const SECTION: &str = "<w:sectPr><w:footerReference w:type=\"default\" r:id=\"rIdFooter\"/>\
     <w:pgSz w:w=\"11906\" w:h=\"16838\"/><w:pgMar w:top=\"1417\" w:right=\"1247\" w:bottom=\"1247\" w:left=\"1247\" \
     w:header=\"708\" w:footer=\"600\" w:gutter=\"0\"/></w:sectPr>";
const FOOTER: &str = "<w:ftr xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:p>\
     <w:pPr><w:jc w:val=\"right\"/></w:pPr><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>\
     <w:r><w:instrText xml:space=\"preserve\"> PAGE </w:instrText></w:r><w:r><w:fldChar w:fldCharType=\"end\"/></w:r>\
     </w:p></w:ftr>";

/// A Word document without its text.
#[derive(Debug)]
pub(super) struct Template {
    parts: BTreeMap<String, Vec<u8>>,
    section: String,
}

/// A style of a template.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
}

fn unusable(problem: impl std::fmt::Display) -> ReportError {
    ReportError::Office { problem: format!("expected a Word document as template, but {problem}") }
}

impl Template {
    /// Plumb's own.
    pub(super) fn own() -> Self {
        let types = format!(
            "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
             <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
             <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
             <Override PartName=\"/{DOCUMENT}\" ContentType=\"{MAIN_TYPE}\"/>\
             <Override PartName=\"/{STYLES}\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml\"/>\
             <Override PartName=\"/word/footer1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml\"/>\
             </Types>"
        );
        let package = format!(
            "{HEAD}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"{DOCUMENT}\"/>\
             </Relationships>"
        );
        let relations = format!(
            "{HEAD}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"rIdStyles\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"styles.xml\"/>\
             <Relationship Id=\"rIdFooter\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/footer\" Target=\"footer1.xml\"/>\
             </Relationships>"
        );
        let styles = format!(
            "{HEAD}<w:styles xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:docDefaults>\
             <w:rPrDefault><w:rPr><w:rFonts w:ascii=\"Calibri\" w:hAnsi=\"Calibri\" w:cs=\"Calibri\"/><w:sz w:val=\"21\"/></w:rPr></w:rPrDefault>\
             </w:docDefaults></w:styles>"
        );
        let parts = [
            (TYPES, types),
            ("_rels/.rels", package),
            (RELATIONS, relations),
            (STYLES, styles),
            ("word/footer1.xml", format!("{HEAD}{FOOTER}")),
        ];
        Self {
            parts: parts.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect(),
            section: SECTION.to_owned(),
        }
    }

    /// That of a client.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ReportError> {
        let mut zip =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| unusable(format!("found none: {error}")))?;
        if zip.len() > MAX_PARTS {
            return Err(unusable(format!("it has more than {MAX_PARTS} parts")));
        }
        let mut parts = BTreeMap::new();
        let mut room = MAX_BYTES;
        for index in 0..zip.len() {
            let mut file =
                zip.by_index(index).map_err(|error| unusable(format!("it is damaged: {error}")))?;
            let name = file.name().map_err(|error| unusable(format!("it is damaged: {error}")))?.into_owned();
            if file.is_dir() {
                continue;
            }
            if name.split('/').any(|part| matches!(part, "" | "." | "..")) || name.contains('\\') {
                return Err(unusable(format!("it has a part named {name:?}")));
            }
            if name.to_lowercase().contains("vba") {
                return Err(unusable("it holds macros; save it as .docx or .dotx"));
            }
            let mut content = Vec::new();
            file.by_ref()
                .take(room + 1)
                .read_to_end(&mut content)
                .map_err(|error| unusable(format!("it is damaged: {error}")))?;
            room = room
                .checked_sub(content.len() as u64)
                .ok_or_else(|| unusable(format!("it unpacks to more than {} MiB", MAX_BYTES >> 20)))?;
            parts.insert(name, content);
        }
        let mut own = Self { parts, section: String::new() };
        own.section = own.last_section()?;
        for needed in [TYPES, STYLES] {
            own.text(needed)?;
        }
        let relations = own.relations_without_text()?;
        own.parts.insert(RELATIONS.to_owned(), relations.into_bytes());
        Ok(own)
    }

    fn text(&self, name: &str) -> Result<&str, ReportError> {
        let bytes = self.parts.get(name).ok_or_else(|| unusable(format!("it has no part `{name}`")))?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| unusable(format!("`{name}` is no text in UTF-8")))?;
        Ok(text.trim_start_matches('\u{feff}'))
    }

    fn parsed<'t>(&self, name: &str, text: &'t str) -> Result<Document<'t>, ReportError> {
        Document::parse(text).map_err(|error| unusable(format!("`{name}` is no XML: {error}")))
    }

    /// What its text refers to, without links and pictures: they go with the text that is left out.
    fn relations_without_text(&self) -> Result<String, ReportError> {
        let text = self.text(RELATIONS)?;
        let document = self.parsed(RELATIONS, text)?;
        let mut kept = text.to_owned();
        let of_text = |node: &Node<'_, '_>| {
            let kind = node.attribute("Type").unwrap_or_default();
            kind.ends_with("/hyperlink") || kind.ends_with("/image")
        };
        let gone: Vec<_> =
            document.root_element().children().filter(of_text).map(|node| node.range()).collect();
        for range in gone.into_iter().rev() {
            kept.replace_range(range, "");
        }
        Ok(kept)
    }

    /// The properties of the last section, with the names of elements as they are written there: size of the page, headers,
    /// footers.
    fn last_section(&self) -> Result<String, ReportError> {
        let text = self.text(DOCUMENT)?;
        let document = self.parsed(DOCUMENT, text)?;
        let body = document.root_element().children().find(|node| node.tag_name().name() == "body");
        let body = body.ok_or_else(|| unusable("its text has no body"))?;
        let section = body.children().rfind(Node::is_element);
        let section = section.filter(|node| node.tag_name().name() == "sectPr");
        let Some(section) = section else { return Ok(String::new()) };
        let mut xml = String::new();
        copy(&section, &mut xml);
        Ok(xml)
    }

    /// The properties of the section that the text stands in.
    pub(super) fn section(&self) -> &str {
        &self.section
    }

    /// The styles that it has.
    pub(super) fn styles(&self) -> Result<Vec<Known>, ReportError> {
        let text = self.text(STYLES)?;
        let document = self.parsed(STYLES, text)?;
        let value = |node: &Node<'_, '_>, name: &str| {
            node.attributes().find(|own| own.name() == name).map(|own| own.value().to_owned())
        };
        let style = |node: Node<'_, '_>| {
            let name = node.children().find(|child| child.tag_name().name() == "name")?;
            Some(Known {
                id: value(&node, "styleId")?,
                name: value(&name, "val")?,
                kind: value(&node, "type")?,
            })
        };
        let all = document.root_element().children().filter(|node| node.tag_name().name() == "style");
        Ok(all
            .filter_map(style)
            .filter(|own| own.id.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'))
            .collect())
    }

    /// Adds styles to those that it has.
    pub(super) fn add_styles(&mut self, added: &str) -> Result<(), ReportError> {
        self.insert_before_end(STYLES, added)
    }

    /// Puts XML before the end of the root of a part.
    fn insert_before_end(&mut self, name: &str, added: &str) -> Result<(), ReportError> {
        let text = self.text(name)?;
        let document = self.parsed(name, text)?;
        let range = document.root_element().range();
        let root = &text[range.clone()];
        let changed = match root.rfind("</") {
            Some(at) => format!("{}{added}{}", &text[..range.start + at], &text[range.start + at..]),
            // A root without content.
            None => {
                let tag: String =
                    root[1..].chars().take_while(|c| !c.is_whitespace() && !matches!(c, '/' | '>')).collect();
                let open = root.trim_end_matches("/>").trim_end();
                format!("{}{open}>{added}</{tag}>", &text[..range.start])
            }
        };
        self.parts.insert(name.to_owned(), changed.into_bytes());
        Ok(())
    }

    /// Puts the text in its place, and what it links.
    pub(super) fn put_document(&mut self, document: Vec<u8>, relations: &str) -> Result<(), ReportError> {
        self.parts.insert(DOCUMENT.to_owned(), document);
        self.insert_before_end(RELATIONS, relations)?;
        // A template says of itself that it is one.
        let types = self.text(TYPES)?.replace(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
            MAIN_TYPE,
        );
        self.parts.insert(TYPES.to_owned(), types.into_bytes());
        Ok(())
    }

    /// Puts a picture beside the text.
    pub(super) fn put_picture(&mut self, name: &str, kind: &str, bytes: Vec<u8>) -> Result<(), ReportError> {
        let types = self.text(TYPES)?;
        if !types.contains(&format!("Extension=\"{kind}\"")) {
            let added = format!("<Default Extension=\"{kind}\" ContentType=\"image/{kind}\"/>");
            self.insert_before_end(TYPES, &added)?;
        }
        self.parts.insert(format!("word/media/{name}"), bytes);
        Ok(())
    }

    /// Puts title, author and time in their place.
    pub(super) fn put_properties(&mut self, properties: &str) -> Result<(), ReportError> {
        self.parts.insert(CORE.to_owned(), properties.as_bytes().to_vec());
        if !self.text(TYPES)?.contains(CORE_TYPE) {
            let added = format!("<Override PartName=\"/{CORE}\" ContentType=\"{CORE_TYPE}\"/>");
            self.insert_before_end(TYPES, &added)?;
        }
        let package = self.text("_rels/.rels")?;
        if !package.contains(CORE) {
            let added = format!(
                "<Relationship Id=\"rIdPlumbCore\" Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties\" Target=\"{CORE}\"/>"
            );
            self.insert_before_end("_rels/.rels", &added)?;
        }
        Ok(())
    }

    /// All parts, the list of their types first, as readers expect it.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let (first, rest): (Vec<_>, Vec<_>) = self.parts.iter().partition(|(name, _)| *name == TYPES);
        first.into_iter().chain(rest).map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

/// An element with its content, under the prefixes that the document of Plumb declares.
fn copy(node: &Node<'_, '_>, xml: &mut String) {
    let prefix = |namespace: Option<&str>| match namespace {
        Some(uri) if uri.ends_with("/wordprocessingml/2006/main") => Some("w:"),
        Some(uri) if uri.ends_with("/officeDocument/2006/relationships") => Some("r:"),
        None => Some(""),
        // What Word added later is of no use without its declarations.
        Some(_) => None,
    };
    let Some(own) = prefix(node.tag_name().namespace()) else { return };
    let name = format!("{own}{}", node.tag_name().name());
    xml.push('<');
    xml.push_str(&name);
    for attribute in node.attributes() {
        if let Some(prefix) = prefix(attribute.namespace()) {
            let value = super::wordml::escape(attribute.value());
            xml.push_str(&format!(" {prefix}{}=\"{value}\"", attribute.name()));
        }
    }
    xml.push('>');
    for child in node.children().filter(Node::is_element) {
        copy(&child, xml);
    }
    xml.push_str(&format!("</{name}>"));
}
