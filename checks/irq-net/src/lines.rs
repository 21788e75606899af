//! Which PCI device raises an interrupt line, and which CPUs serve it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use plumb_check_sdk::model::{Interrupt, InterruptCount, PciDevice};
use plumb_check_sdk::{Absence, CpuSet, Evidence, Missing, if_any, parsed};

/// PCI base class of network controllers (PCI Code and ID Assignment).
pub(crate) const NETWORK: u32 = 0x02;

/// CPUs that the scheduler keeps away from.
pub(crate) const ISOLATED: &str = "/sys/devices/system/cpu/isolated";

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
        let Some(address) = line.device.optional()? else { return Ok(None) };
        let unlisted = || {
            let reason = format!("device {address} of interrupt {} is not among the PCI devices", line.irq);
            Missing::new(Absence::Failed, reason)
        };
        self.devices.get(address.as_str()).copied().map(Some).ok_or_else(unlisted)
    }

    /// The device of a line of the table of interrupts; `None` for lines of no PCI device.
    ///
    /// # Errors
    /// Says why it is not known.
    pub(crate) fn of_count(&self, line: &InterruptCount) -> Result<Option<&'a PciDevice>, Missing> {
        if line.irq.is_empty() {
            return Err(Missing::new(Absence::Malformed, "a line of the table of interrupts has no name"));
        }
        let Some(number) = number(line) else { return Ok(None) };
        let line = self.lines.get(&number).ok_or_else(|| {
            Missing::new(Absence::Failed, format!("interrupt {number} was not there when devices were read"))
        })?;
        self.of_line(line)
    }
}

/// Number of a line; the kernel's own interrupts (`LOC`, `TLB`) have none.
pub(crate) fn number(line: &InterruptCount) -> Option<u32> {
    line.irq.parse().ok()
}

/// Interrupts of some lines, by the CPU that served them.
#[derive(Default)]
pub(crate) struct Served(BTreeMap<u32, u64>);

impl Served {
    pub(crate) fn of<'a>(lines: impl IntoIterator<Item = &'a InterruptCount>) -> Self {
        let mut served = Self::default();
        for (&cpu, &count) in lines.into_iter().flat_map(|line| &line.counts) {
            served.add(cpu, count);
        }
        served
    }

    pub(crate) fn add(&mut self, cpu: u32, count: u64) {
        *self.0.entry(cpu).or_default() += count;
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn on(&self, cpus: &CpuSet) -> u64 {
        self.0.iter().filter(|&(&cpu, _)| cpus.contains(cpu)).map(|(_, &count)| count).sum()
    }

    /// The CPU that served most, its interrupts, and their share in per cent; `None` without interrupts.
    pub(crate) fn most(&self) -> Option<(u32, u64, f64)> {
        let (&cpu, &count) = self.0.iter().max_by_key(|&(&cpu, &count)| (count, Reverse(cpu)))?;
        (count > 0).then(|| (cpu, count, 100.0 * count as f64 / self.total() as f64))
    }
}

/// CPUs in a file with a list of them; none where the kernel does not have it.
///
/// # Errors
/// Says why they are not known.
pub(crate) fn cpus_in(evidence: &Evidence<'_>, path: &str) -> Result<CpuSet, Missing> {
    match if_any(evidence.setting("interrupts", path))? {
        // What the kernel prints where `nohz_full=` was not given.
        Some(text) if text.trim() != "(null)" => parsed(path, &text),
        _ => Ok(CpuSet::new()),
    }
}
