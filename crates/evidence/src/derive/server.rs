//! Inference servers, found by what their processes are.

use crate::bundle::Bundle;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{InferenceServer, Process};

pub(crate) fn derive(
    _bundle: &Bundle,
    _processes: &Fact<Vec<Process>>,
) -> Result<Vec<InferenceServer>, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
