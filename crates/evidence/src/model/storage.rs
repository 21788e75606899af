//! Block devices and file systems that hold models.

use serde::{Deserialize, Serialize};

/// Block devices and file systems that hold models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {}
