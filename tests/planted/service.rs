//! Faults that the pack `service` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
