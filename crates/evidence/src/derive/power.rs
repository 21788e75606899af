//! CPU clocks, idle states, caps and throttling.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::Power;

pub(crate) fn derive(_bundle: &Bundle) -> Result<Power, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
