//! Faults that the pack `virt-container` has to find.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[];
