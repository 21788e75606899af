//! Container runtimes and Kubernetes.

use serde::{Deserialize, Serialize};

/// Container runtimes and Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Containers {}
