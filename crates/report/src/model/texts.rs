//! All texts of a model, and the numbers in them.

use std::collections::BTreeSet;

use super::{Block, Chapter, Labelled, MAIN, Model, Span};

impl Model {
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
}

impl Chapter {
    /// All its texts, as lines.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.blocks.iter().flat_map(Block::texts).filter(|text| !text.is_empty()).collect()
    }
}

impl Block {
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

/// The words of a line.
pub(crate) fn words(line: &[Span]) -> String {
    line.iter().map(|span| span.text.as_str()).collect()
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
