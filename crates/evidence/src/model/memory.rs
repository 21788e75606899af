//! Host memory: use, nodes, swap, modules, errors.

use serde::{Deserialize, Serialize};

/// Host memory: use, nodes, swap, modules, errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {}
