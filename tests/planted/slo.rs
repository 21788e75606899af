//! Faults that the pack `slo` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
