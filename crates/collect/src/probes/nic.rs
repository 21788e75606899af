//! Which device a network interface or an RDMA device belongs to.

use plumb_evidence::{Absence, Missing};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

const FOLDERS: &[&str] = &["/sys/class/net", "/sys/class/infiniband"];

pub(super) const PROBE: Probe = Probe {
    id: "nic",
    title: "network and RDMA devices by PCI device",
    reads: FOLDERS,
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let mut found = false;
    for folder in FOLDERS {
        for name in files.list(folder) {
            files.link(&format!("{folder}/{name}"));
            found = true;
        }
    }
    if found { Ok(()) } else { Err(Missing::new(Absence::Absent, "the kernel lists no network device")) }
}
