//! Faults that the pack `scheduler` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
