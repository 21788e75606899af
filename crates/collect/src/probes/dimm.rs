//! Memory modules, from the firmware's table.

use plumb_evidence::Missing;
use plumb_evidence::derive::dimm::TABLE;
use plumb_evidence::derive::smbios::memory_structures;

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "dimm",
    title: "memory modules, without serial numbers",
    reads: &["/sys/firmware/dmi/tables"],
    privilege: Privilege::Root,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.file_with(TABLE, |table| memory_structures(&table))
}
