//! Interrupt lines: `/proc/interrupts` and `/proc/irq`, and the PCI devices that raise them.

use std::collections::BTreeMap;

use crate::derive::freq::numbered;
use crate::derive::pci;
use crate::fact::{Fact, Missing};
use crate::index_set::CpuSet;
use crate::model::Interrupt;
use crate::source::{Source, malformed};

const TABLE: &str = "/proc/interrupts";
const FOLDER: &str = "/proc/irq";

/// # Errors
/// Fails where neither the table nor the folder is there.
pub(crate) fn derive(source: &impl Source) -> Result<Vec<Interrupt>, Missing> {
    // Containers hide the table behind an empty file.
    let table = source.text(TABLE).and_then(|text| {
        if text.starts_with("CPU") { Ok(parse_table(&text)) } else { Err(malformed(TABLE, &text)) }
    });
    let mut lines = numbered(source, FOLDER, "").unwrap_or_default();
    match &table {
        Ok(rows) => lines.extend(rows.keys()),
        Err(missing) if lines.is_empty() => return Err(missing.clone()),
        Err(_) => {}
    }
    lines.sort_unstable();
    lines.dedup();
    let devices = devices(source);
    Ok(lines
        .into_iter()
        .map(|irq| {
            let row = match &table {
                Ok(rows) => rows.get(&irq).map_or_else(
                    || Fact::absent(format!("{TABLE} has no row {irq}")),
                    |row| Fact::Known(row.clone()),
                ),
                Err(missing) => Fact::Missing(missing.clone()),
            };
            let affinity = |name: &str| source.parse::<CpuSet>(&format!("{FOLDER}/{irq}/{name}")).into();
            Interrupt {
                irq,
                device: device(irq, &devices, &row),
                count: row.clone().map(|(count, _)| count),
                name: row.map(|(_, name)| name),
                smp_affinity_list: affinity("smp_affinity_list"),
                effective_affinity_list: affinity("effective_affinity_list"),
            }
        })
        .collect())
}

/// The PCI device of each line, from the folders of devices that raise interrupts by messages.
fn devices(source: &impl Source) -> Result<BTreeMap<u32, String>, Missing> {
    let mut devices = BTreeMap::new();
    for address in source.list(pci::PATH)? {
        for irq in numbered(source, &format!("{}/{address}/msi_irqs", pci::PATH), "").unwrap_or_default() {
            devices.insert(irq, address.clone());
        }
    }
    Ok(devices)
}

/// The device of a line: by the folders of devices, or else by the name of its interrupt controller, which holds the
/// address since Linux 6.2 (`PCI-MSIX-0000:00:02.0`).
fn device(
    irq: u32,
    devices: &Result<BTreeMap<u32, String>, Missing>,
    row: &Fact<(u64, String)>,
) -> Fact<String> {
    let by_name = || {
        let (_, name) = row.known()?;
        let words = name.split([' ', '@']);
        words.filter_map(|word| word.rsplit('-').next()).find_map(|word| {
            let word = word.strip_prefix("pci:").unwrap_or(word);
            pci::is_address(word).then(|| word.to_owned())
        })
    };
    match devices {
        Ok(devices) => devices
            .get(&irq)
            .cloned()
            .or_else(by_name)
            .map_or_else(|| Fact::absent(format!("no PCI device claims interrupt {irq}")), Fact::Known),
        Err(missing) => by_name().map_or_else(|| Fact::Missing(missing.clone()), Fact::Known),
    }
}

/// Numbered rows of `/proc/interrupts`: the sum over CPUs, and the text behind the counters.
fn parse_table(text: &str) -> BTreeMap<u32, (u64, String)> {
    let mut lines = text.lines();
    let cpus = lines.next().map_or(0, |header| header.split_whitespace().count());
    lines
        .filter_map(|line| {
            let (irq, rest) = line.split_once(':')?;
            let irq = irq.trim().parse().ok()?;
            let mut words = rest.split_whitespace();
            let mut count = 0u64;
            for _ in 0..cpus {
                count = count.saturating_add(words.next()?.parse().ok()?);
            }
            Some((irq, (count, words.collect::<Vec<_>>().join(" "))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_the_cpus_of_the_header() {
        let text = "            CPU0       CPU1\n   8:          1          0   IO-APIC   8-edge      rtc0\n \
                    NMI:          0          0   Non-maskable interrupts\n 27:   5 7 PCI-MSI 1-edge nvme0q1\n";
        let rows = parse_table(text);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[&8], (1, "IO-APIC 8-edge rtc0".to_owned()));
        assert_eq!(rows[&27], (12, "PCI-MSI 1-edge nvme0q1".to_owned()));
    }

    #[test]
    fn a_line_is_of_the_device_that_claims_it_or_that_its_controller_names() {
        let devices = Ok(BTreeMap::from([(27, "0000:18:00.0".to_owned())]));
        let of = |irq, name: &str| device(irq, &devices, &Fact::Known((0, name.to_owned()))).known().cloned();
        assert_eq!(of(27, "PCI-MSI 1-edge eth0-rx-1").unwrap(), "0000:18:00.0");
        assert_eq!(of(36, "PCI-MSIX-0000:00:02.0 1-edge virtio1-req.0").unwrap(), "0000:00:02.0");
        assert_eq!(of(37, "IR-PCI-MSI 5-edge mlx5_comp4@pci:0000:5e:00.1").unwrap(), "0000:5e:00.1");
        assert_eq!(of(9, "IO-APIC 9-fasteoi acpi"), None);
    }
}
