//! PCI devices: `/sys/bus/pci/devices`.

use super::bounds;
use crate::fact::{Absence, Missing};
use crate::index_set::{CpuSet, IndexSet};
use crate::model::{PciAcs, PciAer, PciDevice, PciLink};
use crate::source::{Source, malformed};

pub(crate) const PATH: &str = "/sys/bus/pci/devices";

/// # Errors
/// A node without a PCI bus, or a container that hides it, has no such folder.
pub(crate) fn derive(source: &impl Source) -> Result<Vec<PciDevice>, Missing> {
    let names = source.list(PATH)?;
    bounds::at_most(bounds::PCI_DEVICES, names.len(), "PCI devices")?;
    Ok(names.iter().map(|address| device(source, address)).collect())
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
        iommu_group: iommu_group(source, &path).into(),
        acs: acs(source, &path).into(),
        aer: aer(source, &path).into(),
        l1_aspm: source.text(&file("link/l1_aspm")).map(|text| text == "1").into(),
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
        Err(missing) if missing.is_nothing() => {
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

fn iommu_group(source: &impl Source, path: &str) -> Result<u32, Missing> {
    let file = format!("{path}/iommu_group");
    let target = source.link(&file)?;
    last_component(&target).parse().map_err(|_| malformed(&file, &target))
}

/// Size of the configuration space without its extension, and what users other than root can read of it.
const BASIC_SPACE: usize = 256;

fn acs(source: &impl Source, path: &str) -> Result<PciAcs, Missing> {
    if hex(source, &format!("{path}/class"))? >> 8 != 0x0604 {
        return Err(Missing::new(Absence::Absent, format!("{path} is no bridge")));
    }
    let file = format!("{path}/config");
    let config = source.read(&file)?;
    if config.len() <= 64 {
        let reason = format!("{file} ends after {} bytes: only root may read further", config.len());
        return Err(Missing::new(Absence::Denied, reason));
    }
    let control = acs_control(&config)
        .ok_or_else(|| Missing::new(Absence::Absent, format!("{file} has no access control services")))?;
    let bit = |number: u32| control & (1 << number) != 0;
    Ok(PciAcs { source_validation: bit(0), request_redirect: bit(2), completion_redirect: bit(3), control })
}

/// The control register of access control services, from the list of extended capabilities (PCI Express Base
/// Specification 7.6.3 and 7.7.11): each has its id in the lower 16 bits, the place of the next in the upper 12.
fn acs_control(config: &[u8]) -> Option<u16> {
    let word = |at: usize| Some(u16::from_le_bytes(config.get(at..at + 2)?.try_into().ok()?));
    let mut at = BASIC_SPACE;
    // No list is longer than the space has room for, whatever it says.
    for _ in 0..config.len() / 4 {
        let (id, next) = (word(at)?, usize::from(word(at + 2)? >> 4));
        if id == 0x000d {
            return word(at + 6);
        }
        if next <= BASIC_SPACE {
            return None;
        }
        at = next;
    }
    None
}

fn aer(source: &impl Source, path: &str) -> Result<PciAer, Missing> {
    // One line for each kind of error, and at last their sum.
    let total = |name: &str, sum: &str| {
        let file = format!("{path}/{name}");
        let text = source.text(&file)?;
        let value = text.lines().find_map(|line| line.strip_prefix(sum)?.trim().parse::<u64>().ok());
        value.ok_or_else(|| malformed(&file, &text))
    };
    Ok(PciAer {
        correctable: total("aer_dev_correctable", "TOTAL_ERR_COR")?,
        nonfatal: total("aer_dev_nonfatal", "TOTAL_ERR_NONFATAL")?,
        fatal: total("aer_dev_fatal", "TOTAL_ERR_FATAL")?,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A configuration space with one capability that is passed over, and access control services.
    fn config(control: u16) -> Vec<u8> {
        let mut config = vec![0; 4096];
        config[0x100..0x104].copy_from_slice(&[0x01, 0x00, 0x01, 0x14]);
        config[0x140..0x148].copy_from_slice(&[0x0d, 0x00, 0x01, 0x00, 0x5f, 0x00, 0, 0]);
        config[0x146..0x148].copy_from_slice(&control.to_le_bytes());
        config
    }

    #[test]
    fn access_control_is_found_in_the_list() {
        assert_eq!(acs_control(&config(0x001d)), Some(0x001d));
        assert_eq!(acs_control(&vec![0; 4096]), None);
        assert_eq!(acs_control(&vec![0xff; 4096]), None);
        assert_eq!(acs_control(&vec![0; 256]), None);
    }

    proptest! {
        #[test]
        fn any_space_is_survived(config in proptest::collection::vec(any::<u8>(), 0..1024)) {
            let _ = acs_control(&config);
        }
    }
}
