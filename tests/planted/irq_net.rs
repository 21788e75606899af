//! Faults that the pack `irq-net` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
