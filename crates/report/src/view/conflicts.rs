//! Where authorities disagree, as the appendix prints it.

use plumb_engine::conflicts::{Conflict, Says};
use serde::Serialize;

use super::findings::{Source, source};
use super::said::Said;
use super::sentence;
use crate::escape::clean;

#[derive(Clone, Debug, Serialize)]
pub(super) struct ConflictView {
    topic: String,
    sources: Vec<SaysView>,
    checks: Vec<String>,
    position: String,
    reason: String,
}

#[derive(Clone, Debug, Serialize)]
struct SaysView {
    who: String,
    says: String,
    source: Source,
}

pub(super) fn view(conflict: &Conflict, said: Said<'_>) -> ConflictView {
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
