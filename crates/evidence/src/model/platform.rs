//! Kernel, time, virtualisation, device isolation.

use serde::{Deserialize, Serialize};

/// Kernel, time, virtualisation, device isolation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {}
