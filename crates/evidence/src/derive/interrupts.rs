//! Interrupt lines: `/proc/interrupts` and `/proc/irq`.

use std::collections::BTreeMap;

use crate::derive::freq::numbered;
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
                count: row.clone().map(|(count, _)| count),
                name: row.map(|(_, name)| name),
                smp_affinity_list: affinity("smp_affinity_list"),
                effective_affinity_list: affinity("effective_affinity_list"),
            }
        })
        .collect())
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
}
