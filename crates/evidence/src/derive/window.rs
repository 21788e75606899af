//! What moved between two readings of the node.

use crate::bundle::Bundle;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{InferenceServer, Window};

pub(crate) fn derive(_bundle: &Bundle, _servers: &Fact<Vec<InferenceServer>>) -> Result<Window, Missing> {
    Err(Missing::new(Absence::Skipped, "collected without `--sample`"))
}
