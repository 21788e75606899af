//! Where authorities disagree, as the appendix prints it.

use plumb_engine::conflicts::{Conflict, Says};
use serde::Serialize;

use super::findings::{Source, source};
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

pub(super) fn view(conflict: &Conflict) -> ConflictView {
    let says = |says: &Says| SaysView {
        who: clean(&says.who),
        says: clean(&says.says),
        source: source(&says.reference),
    };
    ConflictView {
        topic: clean(&conflict.topic),
        sources: conflict.sources.iter().map(says).collect(),
        checks: conflict.checks.iter().map(|check| clean(check)).collect(),
        position: sentence(&clean(&conflict.position)),
        reason: sentence(&clean(&conflict.reason)),
    }
}
