//! Faults that the pack `topology` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
