//! Container runtimes and Kubernetes.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::Containers;

pub(crate) fn derive(_bundle: &Bundle) -> Result<Containers, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
