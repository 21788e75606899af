//! PCI devices: `/sys/bus/pci/devices`.

use crate::fact::{Absence, Missing};
use crate::index_set::{CpuSet, IndexSet};
use crate::model::{PciDevice, PciLink};
use crate::source::{Source, malformed};

pub(crate) const PATH: &str = "/sys/bus/pci/devices";

/// # Errors
/// A node without a PCI bus, or a container that hides it, has no such folder.
pub(crate) fn derive(source: &impl Source) -> Result<Vec<PciDevice>, Missing> {
    source.list(PATH).map(|names| names.iter().map(|address| device(source, address)).collect())
}

fn device(source: &impl Source, address: &str) -> PciDevice {
    let path = format!("{PATH}/{address}");
    let file = |name: &str| format!("{path}/{name}");
    PciDevice {
        address: address.to_owned(),
        class: hex(source, &file("class")).into(),
        vendor: hex(source, &file("vendor")).into(),
        device: hex(source, &file("device")).into(),
        numa_node: source.parse(&file("numa_node")).into(),
        local_cpulist: local_cpus(source, &path).into(),
        link: link(source, &path).into(),
        driver: source.link(&file("driver")).map(|target| last_component(&target).to_owned()).into(),
        parent: source.link(&path).ok().and_then(|target| parent(&target)),
        path,
    }
}

fn hex(source: &impl Source, path: &str) -> Result<u32, Missing> {
    let text = source.text(path)?;
    u32::from_str_radix(text.trim_start_matches("0x"), 16).map_err(|_| malformed(path, &text))
}

/// The list form, or the mask form that is all that old recordings have.
fn local_cpus(source: &impl Source, path: &str) -> Result<CpuSet, Missing> {
    match source.parse::<CpuSet>(&format!("{path}/local_cpulist")) {
        Err(missing) if missing.missing == Absence::Absent => {
            let file = format!("{path}/local_cpus");
            let text = source.text(&file).map_err(|_| missing)?;
            IndexSet::from_mask(&text).map_err(|_| malformed(&file, &text))
        }
        result => result,
    }
}

fn link(source: &impl Source, path: &str) -> Result<PciLink, Missing> {
    // "Unknown" is what the kernel prints for devices that are not PCI Express.
    let speed = |name: &str| -> Result<f64, Missing> {
        let file = format!("{path}/{name}");
        let text = source.text(&file)?;
        if text.starts_with("Unknown") {
            return Err(Missing::new(Absence::Absent, format!("{file} says `{text}`")));
        }
        text.split_whitespace()
            .next()
            .and_then(|number| number.parse().ok())
            .filter(|speed: &f64| speed.is_finite())
            .ok_or_else(|| malformed(&file, &text))
    };
    let width = |name: &str| source.parse::<u32>(&format!("{path}/{name}"));
    Ok(PciLink {
        current_gts: speed("current_link_speed")?,
        max_gts: speed("max_link_speed")?,
        current_width: width("current_link_width")?,
        max_width: width("max_link_width")?,
    })
}

fn last_component(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The bridge above a device, from the link to its place in `/sys/devices`:
/// `../../../devices/pci0000:17/0000:17:00.0/0000:18:00.0` → `0000:17:00.0`.
fn parent(target: &str) -> Option<String> {
    let above = target.rsplit('/').nth(1)?;
    is_address(above).then(|| above.to_owned())
}

/// True for `DDDD:BB:DD.F`; the domain may be longer than four digits.
pub(crate) fn is_address(text: &str) -> bool {
    let mut parts = text.split([':', '.']);
    let hex = |part: Option<&str>, least: usize, most: usize| {
        part.is_some_and(|part| {
            (least..=most).contains(&part.len()) && part.chars().all(|c| c.is_ascii_hexdigit())
        })
    };
    hex(parts.next(), 4, 8)
        && hex(parts.next(), 2, 2)
        && hex(parts.next(), 2, 2)
        && hex(parts.next(), 1, 1)
        && parts.next().is_none()
}
