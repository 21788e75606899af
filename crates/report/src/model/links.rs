//! Anchors, and the links that lead to them.

use std::collections::BTreeSet;

use super::{Block, Line, Model, Part, Span};

impl Model {
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
    pub(super) fn spans(&mut self, each: &mut dyn FnMut(&mut Span)) {
        let mut lines = |lines: &mut Vec<Line>| lines.iter_mut().flatten().for_each(&mut *each);
        for fact in &mut self.cover.facts {
            lines(&mut fact.lines);
        }
        for part in &mut self.parts {
            part.spans(each);
        }
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
