//! systemd units and settings that survive a reboot.

use serde::{Deserialize, Serialize};

/// systemd units and settings that survive a reboot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Services {}
