//! Network interfaces, RDMA devices, sockets.

use crate::bundle::Bundle;
use crate::fact::{Absence, Missing};
use crate::model::Network;

pub(crate) fn derive(_bundle: &Bundle) -> Result<Network, Missing> {
    Err(Missing::new(Absence::Skipped, "not collected"))
}
