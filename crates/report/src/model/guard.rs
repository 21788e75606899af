//! Models of unknown origin, held to what Plumb writes itself.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{APPENDIX, Block, MAIN, MODEL_SCHEMA, Model, Row};
use crate::ReportError;
use crate::escape::clean;
use crate::svg_guard;

/// So many blocks and so many rows are read from a file; a report of a large node has a tenth of them.
const MAX_BLOCKS: usize = 40_000;
const MAX_ROWS: usize = 200_000;

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

    /// Holds a model of unknown origin to what Plumb writes itself.
    fn guard(&mut self) -> Result<(), String> {
        let blocks = self.blocks().count();
        let lists = self.actions.len() + self.findings.len() + self.evidence.len() + self.numbers.len();
        let rows: usize = self.blocks().map(Block::rows).sum::<usize>() + lists;
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
        let actions = self.actions.iter_mut().flat_map(|own| own.texts_mut());
        let findings = self.findings.iter_mut().flat_map(|own| own.texts_mut());
        let evidence = self.evidence.iter_mut().flat_map(|own| own.texts_mut());
        for text in actions.chain(findings).chain(evidence) {
            *text = clean(text);
        }
        self.settle_links();
        Ok(())
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
