//! `lscpu -e`: one row per CPU.

use crate::fact::Missing;
use crate::index_set::CpuSet;
use crate::model::{Cache, Cpu, Evidence};

/// One row per online CPU with its node, socket, core and caches, as `lscpu -e` prints it.
///
/// Columns without any value are left out. Offline CPUs follow with dashes.
///
/// # Errors
/// Says why the topology is not known.
pub fn lscpu(evidence: &Evidence) -> Result<String, Missing> {
    let cpu = evidence.cpu.require()?;
    let with_nodes = cpu.cpus.iter().any(|pu| pu.node.is_some());
    let with_mhz = cpu.cpus.iter().any(|pu| pu.max_khz.is_some());
    let caches = CacheColumns::new(cpu);
    let offline = cpu.present.difference(&cpu.online);

    let mut header = vec!["CPU".to_owned()];
    header.extend(with_nodes.then(|| "NODE".to_owned()));
    header.extend(["SOCKET".to_owned(), "CORE".to_owned()]);
    header.extend(caches.title());
    header.push("ONLINE".to_owned());
    if with_mhz {
        header.extend(["MAXMHZ".to_owned(), "MINMHZ".to_owned()]);
    }
    let mut rows = vec![header];
    let all: CpuSet = cpu.online.union(&cpu.present);
    for number in all.iter() {
        let pu = cpu.cpus.iter().find(|pu| pu.cpu == number);
        let or_dash = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let mut row = vec![number.to_string()];
        if with_nodes {
            row.push(or_dash(pu.and_then(|pu| pu.node)));
        }
        row.push(or_dash(pu.map(|pu| pu.socket)));
        row.push(or_dash(pu.map(|pu| pu.core)));
        if caches.title().is_some() {
            row.push(pu.map_or_else(|| "-".to_owned(), |_| caches.row(number)));
        }
        row.push(if offline.contains(number) { "no" } else { "yes" }.to_owned());
        if with_mhz {
            for khz in [pu.and_then(|pu| pu.max_khz), pu.and_then(|pu| pu.min_khz)] {
                row.push(
                    khz.map_or_else(|| "-".to_owned(), |khz| format!("{}.{:03}0", khz / 1000, khz % 1000)),
                );
            }
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

/// Caches by column, each numbered in the order of its first CPU.
struct CacheColumns<'a> {
    columns: Vec<(String, Vec<&'a Cache>)>,
}

impl<'a> CacheColumns<'a> {
    fn new(cpu: &'a Cpu) -> Self {
        let mut columns: Vec<(String, Vec<&Cache>)> = Vec::new();
        for cache in &cpu.caches {
            let kind = match cache.kind.as_str() {
                "data" => "d",
                "instruction" => "i",
                _ => "",
            };
            let name = format!("L{}{kind}", cache.level);
            match columns.last_mut() {
                Some((last, caches)) if *last == name => caches.push(cache),
                _ => columns.push((name, vec![cache])),
            }
        }
        Self { columns }
    }

    fn title(&self) -> Option<String> {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(":"))
    }

    fn row(&self, cpu: u32) -> String {
        let ids: Vec<String> = self
            .columns
            .iter()
            .map(|(_, caches)| {
                caches
                    .iter()
                    .position(|cache| cache.cpus.contains(cpu))
                    .map_or_else(|| "-".to_owned(), |position| position.to_string())
            })
            .collect();
        ids.join(":")
    }
}

/// Right-aligned columns, as lscpu sets numbers; the cache column, which is text, is set left.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width: Vec<usize> =
        (0..columns).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&width)
            .enumerate()
            .map(|(i, (cell, &width))| {
                if rows[0][i].contains(':') || (number == 0 && i + 1 == columns) {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        text.push_str(cells.join(" ").trim_end());
        text.push('\n');
    }
    text
}
