//! The kernel log.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::KernelLog;

pub(crate) fn derive(_bundle: &Bundle) -> Result<KernelLog, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
