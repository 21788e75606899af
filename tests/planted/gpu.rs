//! Faults that the pack `gpu` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
