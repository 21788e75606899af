//! systemd units and settings that survive a reboot.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::Services;

pub(crate) fn derive(_bundle: &Bundle) -> Result<Services, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
