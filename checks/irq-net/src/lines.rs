//! Which PCI device raises an interrupt line.

use std::collections::BTreeMap;

use plumb_check_sdk::model::{Interrupt, PciDevice};
use plumb_check_sdk::{Absence, Evidence, Fact, Missing};

/// PCI base class of network controllers (PCI Code and ID Assignment).
pub(crate) const NETWORK: u32 = 0x02;

/// The interrupt lines and PCI devices of the evidence, by number and address.
pub(crate) struct Devices<'a> {
    lines: BTreeMap<u32, &'a Interrupt>,
    devices: BTreeMap<&'a str, &'a PciDevice>,
}

impl<'a> Devices<'a> {
    pub(crate) fn of(evidence: &Evidence<'a>) -> Result<Self, Missing> {
        Ok(Self {
            lines: evidence.interrupts()?.iter().map(|line| (line.irq, line)).collect(),
            devices: evidence.pci()?.iter().map(|device| (device.address.as_str(), device)).collect(),
        })
    }

    /// The device of a line; `None` for lines that no PCI device raises.
    ///
    /// # Errors
    /// Says why it is not known.
    pub(crate) fn of_line(&self, line: &Interrupt) -> Result<Option<&'a PciDevice>, Missing> {
        match &line.device {
            Fact::Known(address) => match self.devices.get(address.as_str()) {
                Some(device) => Ok(Some(device)),
                None => {
                    let reason =
                        format!("device {address} of interrupt {} is not among the PCI devices", line.irq);
                    Err(Missing::new(Absence::Failed, reason))
                }
            },
            Fact::Missing(why) if why.missing == Absence::Absent => Ok(None),
            Fact::Missing(why) => Err(why.clone()),
        }
    }

    /// PCI base class of the device of the line that the table of interrupts calls `name`; `None` for lines of no PCI
    /// device.
    ///
    /// # Errors
    /// Says why it is not known.
    pub(crate) fn class_of(&self, name: &str) -> Result<Option<u32>, Missing> {
        if name.is_empty() {
            return Err(Missing::new(Absence::Malformed, "a line of the table of interrupts has no name"));
        }
        // The kernel's own interrupts (`LOC`, `TLB`) have names.
        let Ok(number) = name.parse::<u32>() else { return Ok(None) };
        let line = self.lines.get(&number).ok_or_else(|| {
            Missing::new(Absence::Failed, format!("interrupt {number} was not there when devices were read"))
        })?;
        match self.of_line(line)? {
            Some(device) => Ok(Some(device.class.require()? >> 16)),
            None => Ok(None),
        }
    }
}
