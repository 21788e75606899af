//! Clocks, idle states, energy preferences, caps and throttling of CPUs beyond frequency policies.

use serde::{Deserialize, Serialize};

/// Clocks, idle states, energy preferences, caps and throttling of CPUs beyond frequency policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Power {}
