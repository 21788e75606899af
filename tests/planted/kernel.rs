//! Faults that the pack `kernel` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
