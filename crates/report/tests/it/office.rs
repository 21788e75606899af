//! Workbooks and Word documents: valid by their parts, the same bytes twice, and read back by an office program where one is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::Command;

use plumb_report::{Model, Theme, docx, xlsx};
use roxmltree::Document;

use crate::{formats, sample};

/// A model with numbers, evidence and words that office programs might take for something else.
fn report() -> Model {
    let mut model = formats::measured().1;
    model.actions[0].problem = "=HYPERLINK(\"http://x\") <b>&amp;".to_owned();
    model.findings[0].message = "x".repeat(40_000);
    model
}

fn parts(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect()
}

fn text(parts: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(parts[name].clone()).unwrap()
}

/// Every part is XML, and what relationships lead to is there.
fn is_whole(parts: &BTreeMap<String, Vec<u8>>) {
    for name in parts.keys().filter(|name| name.ends_with(".xml") || name.ends_with(".rels")) {
        let text = text(parts, name);
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Some(folder) = name.strip_suffix(".rels").map(|name| name.replace("_rels/", "")) else {
            continue;
        };
        let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut ids = BTreeSet::new();
        for relation in document.root_element().children().filter(|node| node.is_element()) {
            assert!(ids.insert(relation.attribute("Id").unwrap().to_owned()), "{name}: an id twice");
            if relation.attribute("TargetMode") != Some("External") {
                let target = relation.attribute("Target").unwrap();
                let target = target.strip_prefix('/').map_or_else(
                    || format!("{folder}/{target}").trim_start_matches('/').to_owned(),
                    ToOwned::to_owned,
                );
                assert!(parts.contains_key(&target), "{name}: no part {target}");
            }
        }
    }
}

/// The cells of a sheet by their place.
fn cells(parts: &BTreeMap<String, Vec<u8>>, sheet: usize) -> BTreeMap<String, String> {
    let shared = text(parts, "xl/sharedStrings.xml");
    let shared = Document::parse(&shared).unwrap();
    let strings: Vec<String> = shared
        .root_element()
        .children()
        .filter(|node| node.has_tag_name((node.tag_name().namespace().unwrap_or(""), "si")))
        .map(|node| {
            node.descendants()
                .filter(|own| own.tag_name().name() == "t")
                .filter_map(|own| own.text())
                .collect()
        })
        .collect();
    let sheet = text(parts, &format!("xl/worksheets/sheet{sheet}.xml"));
    let sheet = Document::parse(&sheet).unwrap();
    assert!(!sheet.descendants().any(|node| node.tag_name().name() == "f"), "a text became a formula");
    let cells = sheet.descendants().filter(|node| node.tag_name().name() == "c");
    cells
        .filter_map(|cell| {
            let value = cell.children().find(|node| node.tag_name().name() == "v")?.text()?;
            let value = match cell.attribute("t") {
                Some("s") => strings[value.parse::<usize>().unwrap()].clone(),
                _ => value.to_owned(),
            };
            Some((cell.attribute("r")?.to_owned(), value))
        })
        .collect()
}

#[test]
fn the_workbook_has_the_numbers_of_the_model() {
    let (model, theme) = (report(), Theme::builtin().unwrap());
    let bytes = xlsx(&model, &theme).unwrap();
    assert_eq!(bytes, xlsx(&model, &theme).unwrap(), "the same bytes twice");
    let parts = parts(&bytes);
    is_whole(&parts);
    let core = text(&parts, "docProps/core.xml");
    assert!(core.contains(&model.collected[..10]), "{core}");
    let numbers = cells(&parts, 4);
    assert!(!model.numbers.is_empty());
    for (row, number) in (2..).zip(&model.numbers) {
        let found: f64 = numbers[&format!("B{row}")].parse().unwrap();
        assert!((found - number.value).abs() <= 1e-9 * number.value.abs(), "{number:?}: {found}");
        assert_eq!(numbers[&format!("C{row}")], number.text);
    }
    let actions = cells(&parts, 1);
    for (row, action) in (2..).zip(&model.actions) {
        assert_eq!(actions[&format!("A{row}")], action.id);
        assert_eq!(actions[&format!("C{row}")], action.problem);
    }
    let findings = cells(&parts, 2);
    for (row, finding) in (2..).zip(&model.findings) {
        let score: f64 = findings[&format!("C{row}")].parse().unwrap();
        assert!((score - finding.score).abs() < 1e-9);
    }
    assert_eq!(cells(&parts, 3).keys().filter(|key| key.starts_with('A')).count(), model.evidence.len() + 1);
}

#[test]
fn the_document_has_every_text_in_a_style_that_is_there() {
    let (model, theme) = (report(), Theme::builtin().unwrap());
    let bytes = docx(&model, &theme, None).unwrap();
    assert_eq!(bytes, docx(&model, &theme, None).unwrap(), "the same bytes twice");
    let parts = parts(&bytes);
    is_whole(&parts);
    styles_are_there(&parts);
    let document = text(&parts, "word/document.xml");
    let document = Document::parse(&document).unwrap();
    let said: String = document
        .descendants()
        .filter(|node| node.tag_name().name() == "t")
        .filter_map(|node| node.text())
        .collect();
    let said = said.replace('`', "");
    for part in &model.parts {
        for chapter in &part.chapters {
            for text in chapter.texts() {
                let plain = text.replace(['`', '\n'], "");
                assert!(said.contains(&plain), "{plain}");
            }
        }
    }
    // Every place that a link leads to is there, once.
    let names: Vec<&str> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "bookmarkStart")
        .flat_map(|node| node.attributes().filter(|own| own.name() == "name").map(|own| own.value()))
        .collect();
    let known: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(known.len(), names.len());
    for link in document.descendants().filter(|node| node.tag_name().name() == "hyperlink") {
        if let Some(anchor) = link.attributes().find(|own| own.name() == "anchor") {
            assert!(known.contains(anchor.value()), "{}", anchor.value());
        }
    }
}

fn styles_are_there(parts: &BTreeMap<String, Vec<u8>>) {
    let (styles, document) = (text(parts, "word/styles.xml"), text(parts, "word/document.xml"));
    let (styles, document) = (Document::parse(&styles).unwrap(), Document::parse(&document).unwrap());
    let value = |node: roxmltree::Node<'_, '_>, name: &str| {
        node.attributes().find(|own| own.name() == name).map(|own| own.value().to_owned())
    };
    let known: Vec<String> = styles.descendants().filter_map(|node| value(node, "styleId")).collect();
    let used: BTreeSet<String> = document
        .descendants()
        .filter(|node| ["pStyle", "rStyle", "tblStyle"].contains(&node.tag_name().name()))
        .filter_map(|node| value(node, "val"))
        .collect();
    assert!(used.len() > 8, "{used:?}");
    for style in &used {
        assert_eq!(known.iter().filter(|own| *own == style).count(), 1, "{style}");
    }
}

/// A zip archive of these parts.
fn zipped(parts: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_template_gives_its_styles_headers_and_page() {
    let (model, theme) = (report(), Theme::builtin().unwrap());
    let mut own = parts(&docx(&sample::report(&sample::typical()), &theme, None).unwrap());
    // As a German Word has them, with a page of another size, and a style that Plumb lacks.
    let styles = text(&own, "word/styles.xml")
        .replace("w:styleId=\"Heading1\"", "w:styleId=\"berschrift1\"")
        .replace("w:val=\"heading 1\"", "w:val=\"Heading 1\"")
        .replace("</w:styles>", "<w:style w:type=\"paragraph\" w:styleId=\"House\"><w:name w:val=\"House\"/></w:style></w:styles>");
    own.insert("word/styles.xml".into(), styles.into_bytes());
    let document = text(&own, "word/document.xml").replace("w:w=\"11906\"", "w:w=\"12240\"");
    own.insert("word/document.xml".into(), document.into_bytes());
    let types = text(&own, "[Content_Types].xml")
        .replace("wordprocessingml.document.main+xml", "wordprocessingml.template.main+xml");
    own.insert("[Content_Types].xml".into(), types.into_bytes());
    let template = zipped(&own);
    let bytes = docx(&model, &theme, Some(&template)).unwrap();
    assert_eq!(bytes, docx(&model, &theme, Some(&template)).unwrap(), "the same bytes twice");
    let made = parts(&bytes);
    is_whole(&made);
    styles_are_there(&made);
    let document = text(&made, "word/document.xml");
    assert!(document.contains("w:val=\"berschrift1\"") && !document.contains("w:val=\"Heading1\""));
    assert!(document.contains("w:w=\"12240\"") && document.contains("rIdFooter"), "page and footer are kept");
    assert!(text(&made, "word/styles.xml").contains("w:styleId=\"House\""));
    assert!(!text(&made, "[Content_Types].xml").contains("template.main+xml"));
}

#[test]
fn a_template_that_is_none_is_refused() {
    let (model, theme) = (report(), Theme::builtin().unwrap());
    let own = parts(&docx(&model, &theme, None).unwrap());
    let with = |name: &str, bytes: &[u8]| {
        let mut parts = own.clone();
        parts.insert(name.to_owned(), bytes.to_vec());
        zipped(&parts)
    };
    let without = |name: &str| {
        let mut parts = own.clone();
        parts.remove(name);
        zipped(&parts)
    };
    for (template, word) in [
        (b"no zip".to_vec(), "found none"),
        (with("word/vbaProject.bin", b"x"), "macros"),
        (with("../x", b"x"), "a part named"),
        (with("word/styles.xml", b"<w:styles"), "no XML"),
        (with("word/large.xml", &vec![b' '; 65 << 20]), "64 MiB"),
        (without("word/document.xml"), "word/document.xml"),
        (without("word/styles.xml"), "word/styles.xml"),
    ] {
        let error = docx(&model, &theme, Some(&template)).unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
}

/// Converts a file with LibreOffice; nothing where it is not here.
fn converted(file: &Path, to: &str) -> Option<Vec<u8>> {
    let folder = file.parent().unwrap();
    let profile = format!("-env:UserInstallation=file://{}", folder.join("profile").display());
    let run = Command::new("soffice")
        .arg(profile)
        .args(["--headless", "--convert-to", to, "--outdir"])
        .arg(folder.join("out"))
        .arg(file)
        .output();
    let Ok(run) = run else {
        plumb_tests::skip("documents are not opened by an office program: no `soffice` is here");
        return None;
    };
    let extension = to.split(':').next().unwrap();
    let name = file.with_extension(extension);
    let made = fs::read(folder.join("out").join(name.file_name().unwrap()));
    Some(made.unwrap_or_else(|error| panic!("{error}: {run:?}")))
}

#[test]
fn an_office_program_reads_both_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, theme) = (report(), Theme::builtin().unwrap());
    // The first sheet is what is converted.
    model.actions[0].problem = "=1+1, Größe \"x\"".to_owned();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("report.xlsx"), xlsx(&model, &theme).unwrap()).unwrap();
    fs::write(at("report.docx"), docx(&model, &theme, None).unwrap()).unwrap();
    let Some(table) = converted(&at("report.xlsx"), "csv:Text - txt - csv (StarCalc):44,34,76") else {
        return;
    };
    let table = String::from_utf8(table).unwrap();
    assert!(table.contains("=1+1, Größe \"\"x\"\""), "{table}");
    for action in &model.actions {
        assert!(table.contains(&action.id), "{}", action.id);
    }
    let text = converted(&at("report.docx"), "txt:Text (encoded):UTF8").unwrap();
    let text = String::from_utf8(text).unwrap();
    for chapter in model.parts.iter().flat_map(|part| &part.chapters) {
        let title = format!("{} {}", chapter.number, chapter.title);
        assert!(
            text.matches(title.as_str()).count() >= 2,
            "in the list of contents and as a heading: {title}"
        );
    }
    assert!(converted(&at("report.docx"), "pdf").unwrap().starts_with(b"%PDF"));
}
