//! Faults that the pack `affinity` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
