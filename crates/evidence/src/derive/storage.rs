//! Block devices and file systems that hold models.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::Storage;

pub(crate) fn derive(_bundle: &Bundle) -> Result<Storage, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
