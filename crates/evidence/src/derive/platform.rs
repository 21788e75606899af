//! Kernel, time, virtualisation, device isolation.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::Platform;

pub(crate) fn derive(_bundle: &Bundle) -> Result<Platform, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
