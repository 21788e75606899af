//! Faults that the pack `memory` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
