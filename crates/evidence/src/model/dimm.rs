//! Memory modules as the firmware lists them (SMBIOS).

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// Memory modules and the slots for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dimms {
    /// File that they were read from.
    pub path: String,
    /// Slots for system memory, in the order of the table; empty ones too.
    pub slots: Vec<DimmSlot>,
}

/// One slot, from a structure of type 17 (DMTF DSP0134, Memory Device).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DimmSlot {
    /// Handle of the structure, by which other tools name it.
    pub handle: u16,
    /// Label of the slot on the board (`P1-DIMMA1`).
    pub locator: String,
    /// Label of the bank (`P0_Node0_Channel0_Dimm0`); empty if there is none.
    pub bank: String,
    /// Socket and channel that the labels name; missing where they are not of a known form.
    pub place: Fact<DimmPlace>,
    /// Size of the module in bytes; 0 for an empty slot.
    pub size_bytes: Fact<u64>,
    /// `DDR4`, `DDR5`, …
    pub kind: Fact<String>,
    /// Highest speed of the module in MT/s.
    pub speed_mts: Fact<u32>,
    /// Speed that it runs at in MT/s.
    pub configured_mts: Fact<u32>,
    /// Ranks of the module.
    pub ranks: Fact<u32>,
    /// Maker's part number.
    pub part_number: Fact<String>,
}

/// Where a slot is wired to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct DimmPlace {
    /// Socket as the labels number it, from 0 or from 1; `None` where they name no socket.
    pub socket: Option<u32>,
    /// Channel as the labels name it (`A`, `0`, `NODE1/0`).
    pub channel: String,
}
