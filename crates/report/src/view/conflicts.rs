//! Where authorities disagree, as the appendix prints it, and where the statements of the report itself do.

use plumb_check_sdk::Citation;
use plumb_engine::conflicts::{Conflict, Says};
use plumb_engine::contradictions::Contradiction;
use serde::Serialize;

use super::findings::{Source, source};
use super::said::Said;
use super::sentence;
use crate::escape::clean;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConflictView {
    pub(crate) topic: String,
    pub(crate) sources: Vec<SaysView>,
    pub(crate) checks: Vec<String>,
    pub(crate) position: String,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct SaysView {
    pub(crate) who: String,
    pub(crate) says: String,
    pub(crate) source: Source,
}

/// Statements that cannot both be true.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ContradictionView {
    pub(crate) sentence: String,
    /// Where each side was read, where sources contradict each other.
    pub(crate) sources: Vec<Quoted>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Quoted {
    pub(crate) source: String,
    pub(crate) value: String,
}

pub(crate) fn contradiction(own: &Contradiction, said: Said<'_>) -> ContradictionView {
    let quoted =
        |citation: &Citation| Quoted { source: clean(&citation.source), value: clean(&citation.value) };
    ContradictionView {
        sentence: sentence(&said.text(&own.words, "sentence", &own.sentence)),
        sources: own.sources.iter().map(quoted).collect(),
    }
}

pub(crate) fn view(conflict: &Conflict, said: Said<'_>) -> ConflictView {
    let says = |says: &Says| SaysView {
        who: clean(&says.who),
        says: said.text(&says.words, "says", &says.says),
        source: source(&says.reference),
    };
    let text = |field: &str, english: &str| said.text(&conflict.words, field, english);
    ConflictView {
        topic: text("topic", &conflict.topic),
        sources: conflict.sources.iter().map(says).collect(),
        checks: conflict.checks.iter().map(|check| clean(check)).collect(),
        position: sentence(&text("position", &conflict.position)),
        reason: sentence(&text("reason", &conflict.reason)),
    }
}
