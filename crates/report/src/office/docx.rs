//! A Word document: the whole model in named styles, Plumb's own or those of a client's template.

use std::collections::BTreeMap;
use std::fmt::Write;

use time::format_description::well_known::Rfc3339;

use super::archive;
use super::template::Template;
use super::wordml::{Body, Style, StyleIds, escape};
use crate::ReportError;
use crate::model::{Model, Span};
use crate::theme::Theme;
use crate::view::time_of;

const NAMESPACES: &str = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" \
     xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\" \
     xmlns:wp=\"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing\" \
     xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" \
     xmlns:pic=\"http://schemas.openxmlformats.org/drawingml/2006/picture\"";
pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// The styles in the order in which a template is given those that it lacks: the name that Word shows, kind, the style that it
/// is based on, and how it looks.
const STYLES: [(Style, &str, &str, &str); 13] = [
    (
        Style::Normal,
        "Normal",
        "paragraph",
        "<w:pPr><w:spacing w:after=\"120\" w:line=\"264\" w:lineRule=\"auto\"/></w:pPr>",
    ),
    (
        Style::Title,
        "Title",
        "paragraph",
        "<w:pPr><w:spacing w:before=\"1200\" w:after=\"240\"/></w:pPr><w:rPr><w:b/><w:color w:val=\"ACCENT\"/><w:sz w:val=\"56\"/></w:rPr>",
    ),
    (
        Style::Subtitle,
        "Subtitle",
        "paragraph",
        "<w:pPr><w:spacing w:after=\"480\"/></w:pPr><w:rPr><w:sz w:val=\"32\"/></w:rPr>",
    ),
    (
        Style::Heading(1),
        "heading 1",
        "paragraph",
        "<w:pPr><w:keepNext/><w:spacing w:before=\"480\" w:after=\"160\"/><w:outlineLvl w:val=\"0\"/></w:pPr><w:rPr><w:b/><w:color w:val=\"ACCENT\"/><w:sz w:val=\"34\"/></w:rPr>",
    ),
    (
        Style::Heading(2),
        "heading 2",
        "paragraph",
        "<w:pPr><w:keepNext/><w:spacing w:before=\"320\" w:after=\"120\"/><w:outlineLvl w:val=\"1\"/></w:pPr><w:rPr><w:b/><w:color w:val=\"ACCENT\"/><w:sz w:val=\"25\"/></w:rPr>",
    ),
    (
        Style::Heading(3),
        "heading 3",
        "paragraph",
        "<w:pPr><w:keepNext/><w:spacing w:before=\"240\" w:after=\"80\"/><w:outlineLvl w:val=\"2\"/></w:pPr><w:rPr><w:b/><w:sz w:val=\"22\"/></w:rPr>",
    ),
    (
        Style::Lead,
        "Plumb Lead",
        "paragraph",
        "<w:pPr><w:spacing w:after=\"240\"/></w:pPr><w:rPr><w:b/><w:color w:val=\"ACCENT\"/><w:sz w:val=\"30\"/></w:rPr>",
    ),
    (
        Style::Soft,
        "Plumb Soft",
        "paragraph",
        "<w:rPr><w:color w:val=\"55606E\"/><w:sz w:val=\"18\"/></w:rPr>",
    ),
    (Style::List, "List Paragraph", "paragraph", "<w:pPr><w:spacing w:after=\"60\"/></w:pPr>"),
    (
        Style::Caption,
        "caption",
        "paragraph",
        "<w:pPr><w:spacing w:before=\"80\" w:after=\"200\"/></w:pPr><w:rPr><w:sz w:val=\"18\"/></w:rPr>",
    ),
    (
        Style::Note,
        "Plumb Note",
        "paragraph",
        "<w:pPr><w:pBdr><w:left w:val=\"single\" w:sz=\"24\" w:space=\"8\" w:color=\"55606E\"/></w:pBdr><w:shd w:val=\"clear\" w:color=\"auto\" w:fill=\"F3F5F7\"/></w:pPr>",
    ),
    (
        Style::Cell,
        "Plumb Cell",
        "paragraph",
        "<w:pPr><w:spacing w:after=\"20\"/></w:pPr><w:rPr><w:sz w:val=\"18\"/></w:rPr>",
    ),
    (
        Style::Code,
        "Plumb Code",
        "character",
        "<w:rPr><w:rFonts w:ascii=\"DejaVu Sans Mono\" w:hAnsi=\"DejaVu Sans Mono\" w:cs=\"DejaVu Sans Mono\"/><w:sz w:val=\"17\"/></w:rPr>",
    ),
];
/// The style of tables.
const TABLE: (Style, &str) = (Style::Table, "Plumb Table");
const TABLE_LOOK: &str = "<w:tblPr><w:tblBorders><w:top w:val=\"single\" w:sz=\"8\" w:space=\"0\" w:color=\"1D2733\"/>\
     <w:bottom w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"C9D0D8\"/>\
     <w:insideH w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"C9D0D8\"/></w:tblBorders>\
     <w:tblCellMar><w:left w:w=\"70\" w:type=\"dxa\"/><w:right w:w=\"70\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr>";

/// The Word document of a model, both parts in it; `template` is the bytes of a client's `.docx` or `.dotx`, whose styles,
/// headers and footers it takes.
///
/// # Errors
/// If a message of the theme is at fault, the collection time is no time, or the template is no Word document.
pub fn docx(model: &Model, theme: &Theme, template: Option<&[u8]>) -> Result<Vec<u8>, ReportError> {
    let mut template = match template {
        Some(bytes) => Template::read(bytes)?,
        None => Template::own(),
    };
    let accent = model.cover.colours.get("accent").map_or("1F3F66", |colour| &colour[1..]).to_uppercase();
    let styles = complete(&mut template, &accent)?;
    let messages = theme.messages();
    let mut body = Body::new(&styles, messages.get("sheet", "figure")?);
    cover(&mut body, model);
    for part in &model.parts {
        body.page_break();
        body.paragraph(Style::Subtitle, &part.id, &[plain(&part.title)]);
        for chapter in &part.chapters {
            let title = format!("{} {}", chapter.number, chapter.title);
            body.paragraph(Style::Heading(1), &chapter.id, &[plain(title.trim())]);
            for block in &chapter.blocks {
                body.block(block);
            }
        }
    }
    let Body { xml, links, pictures, .. } = body;
    let mut relations = String::new();
    for (n, link) in (1..).zip(&links) {
        let _ = write!(
            relations,
            "<Relationship Id=\"rIdLink{n}\" Type=\"{OFFICE}/hyperlink\" Target=\"{}\" TargetMode=\"External\"/>",
            escape(link)
        );
    }
    for (n, (name, ..)) in (1..).zip(&pictures) {
        let _ = write!(
            relations,
            "<Relationship Id=\"rIdPicture{n}\" Type=\"{OFFICE}/image\" Target=\"media/{name}\"/>"
        );
    }
    let document =
        format!("{HEAD}<w:document {NAMESPACES}><w:body>{xml}{}</w:body></w:document>", template.section());
    template.put_document(document.into_bytes(), &relations)?;
    for (name, kind, bytes) in pictures {
        template.put_picture(&name, &kind, bytes)?;
    }
    let time = time_of(&model.collected)?;
    let day = time.format(&Rfc3339).map_err(|_| ReportError::Time { found: model.collected.clone() })?;
    template.put_properties(&properties(model, &day))?;
    archive(template.parts())
}

fn plain(text: &str) -> Span {
    Span { text: text.to_owned(), ..Span::default() }
}

fn cover(body: &mut Body<'_>, model: &Model) {
    let cover = &model.cover;
    body.paragraph(Style::Title, "", &[plain(&cover.title)]);
    body.paragraph(Style::Subtitle, "", &[plain(&cover.subject)]);
    for text in [&cover.notice, &cover.watermark].into_iter().filter(|text| !text.is_empty()) {
        body.paragraph(Style::Note, "", &[Span { style: "strong".into(), ..plain(text) }]);
    }
    body.block(&crate::model::Block::Facts { rows: cover.facts.clone() });
    for part in &model.parts {
        body.paragraph(Style::Normal, "", &[Span { style: "strong".into(), ..plain(&part.title) }]);
        for chapter in &part.chapters {
            let title = format!("{} {}", chapter.number, chapter.title);
            let link = Span { link: format!("#{}", chapter.id), ..plain(title.trim()) };
            body.paragraph(Style::List, "", &[link]);
        }
    }
    for text in [&cover.confidentiality, &cover.prepared].into_iter().filter(|text| !text.is_empty()) {
        body.paragraph(Style::Soft, "", &[plain(text)]);
    }
}

fn properties(model: &Model, day: &str) -> String {
    let cover = &model.cover;
    format!(
        "{HEAD}<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title><dc:creator>{}</dc:creator>\
         <dc:description>{}</dc:description><dc:language>{}</dc:language>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{day}</dcterms:created>\
         <dcterms:modified xsi:type=\"dcterms:W3CDTF\">{day}</dcterms:modified></cp:coreProperties>",
        escape(&format!("{}: {}", cover.title, cover.subject)),
        escape(&cover.authors.join(", ")),
        escape(&cover.description),
        escape(&model.language),
    )
}

/// The ids of all styles in a template, to which those are added that it lacks.
fn complete(template: &mut Template, accent: &str) -> Result<StyleIds, ReportError> {
    let known = template.styles()?;
    let mut ids: StyleIds = BTreeMap::new();
    let mut added = String::new();
    let find = |name: &str, kind: &str| {
        known
            .iter()
            .find(|style| style.kind == kind && style.name.eq_ignore_ascii_case(name))
            .map(|style| style.id.clone())
    };
    for (style, name, kind, look) in STYLES {
        let id = find(name, kind).unwrap_or_else(|| {
            let id: String = name.split(' ').map(capital).collect();
            let based = match (style, kind) {
                (Style::Normal, _) | (_, "character") => String::new(),
                _ => "<w:basedOn w:val=\"Normal\"/>".to_owned(),
            };
            let default = if style == Style::Normal { " w:default=\"1\"" } else { "" };
            let _ = write!(
                added,
                "<w:style w:type=\"{kind}\"{default} w:styleId=\"{id}\"><w:name w:val=\"{name}\"/>{based}<w:qFormat/>{}</w:style>",
                look.replace("ACCENT", accent)
            );
            id
        });
        ids.insert(style, id);
    }
    let (style, name) = TABLE;
    let id = find(name, "table").unwrap_or_else(|| {
        let _ = write!(
            added,
            "<w:style w:type=\"table\" w:styleId=\"PlumbTable\"><w:name w:val=\"{name}\"/>{TABLE_LOOK}</w:style>"
        );
        "PlumbTable".to_owned()
    });
    ids.insert(style, id);
    template.add_styles(&added)?;
    Ok(ids)
}

/// `word` with a capital letter.
fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}
