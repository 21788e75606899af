//! Network interfaces, RDMA devices, sockets.

use serde::{Deserialize, Serialize};

/// Network interfaces, RDMA devices, sockets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {}
