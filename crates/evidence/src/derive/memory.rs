//! Host memory.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::Memory;

pub(crate) fn derive(_bundle: &Bundle) -> Result<Memory, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
