//! Faults that the pack `cpu-power` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
