//! Ways between GPUs: NVLinks of one, and what NVML says of pairs.

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{P2pCapabilitiesIndex, P2pStatus, TopologyLevel};
use nvml_wrapper::enum_wrappers::nv_link::ErrorCounter;
use nvml_wrapper::error::NvmlError;
use plumb_evidence::Fact;
use plumb_evidence::model::{NvLinkPort, NvmlLink};

use super::driver::{address, fact, reason};

/// Most NVLinks of a GPU (`NVML_NVLINK_MAX_LINKS`).
const MAX_LINKS: u32 = 18;

/// Links up to the first number that the GPU does not have.
pub(super) fn nvlinks(device: &Device<'_>) -> Fact<Vec<NvLinkPort>> {
    let mut links = Vec::new();
    for number in 0..MAX_LINKS {
        let link = device.link_wrapper_for(number);
        let active = match link.is_active() {
            Err(NvmlError::NotSupported | NvmlError::InvalidArg) => break,
            active => fact("whether an NVLink is up", active),
        };
        links.push(NvLinkPort {
            link: number,
            active,
            version: fact("the generation of NVLink", link.version()),
            errors: fact("errors of NVLink", link_errors(device, number)),
        });
    }
    if links.is_empty() {
        Fact::absent("NVML names no NVLink of this GPU: it has none, or none is connected")
    } else {
        Fact::Known(links)
    }
}

fn link_errors(device: &Device<'_>, number: u32) -> Result<u64, NvmlError> {
    let link = device.link_wrapper_for(number);
    let counters = [ErrorCounter::DlReplay, ErrorCounter::DlRecovery, ErrorCounter::DlCrcFlit];
    counters.into_iter().map(|counter| link.error_counter(counter)).sum()
}

/// Errors of the links that are up.
pub(super) fn nvlink_errors(device: &Device<'_>) -> Fact<u64> {
    let mut sum = None;
    for number in 0..MAX_LINKS {
        match device.link_wrapper_for(number).is_active() {
            Ok(true) => {}
            Ok(false) => continue,
            Err(NvmlError::NotSupported | NvmlError::InvalidArg) => break,
            Err(error) => return Fact::Missing(reason("whether an NVLink is up", &error)),
        }
        match link_errors(device, number) {
            Ok(errors) => sum = Some(sum.unwrap_or(0) + errors),
            Err(error) => return Fact::Missing(reason("errors of NVLink", &error)),
        }
    }
    sum.map_or_else(|| Fact::absent("no NVLink is up"), Fact::Known)
}

pub(super) fn links(devices: &[&Device<'_>]) -> Vec<NvmlLink> {
    let mut links = Vec::new();
    for (index, a) in devices.iter().enumerate() {
        for b in devices.iter().skip(index + 1) {
            let (Fact::Known(address_a), Fact::Known(address_b)) = (address(a), address(b)) else { continue };
            let p2p = |index| fact("whether GPUs reach each other", a.p2p_status(b, index)).map(status);
            links.push(NvmlLink {
                a: address_a,
                b: address_b,
                common_ancestor: fact("where the ways of GPUs meet", ancestor(a, b)).map(level),
                p2p_read: p2p(P2pCapabilitiesIndex::Read),
                p2p_nvlink: p2p(P2pCapabilitiesIndex::NvLink),
            });
        }
    }
    links
}

fn ancestor(a: &Device<'_>, b: &Device<'_>) -> Result<TopologyLevel, NvmlError> {
    // The wrapper takes the other device for itself.
    let other = a.nvml().device_by_index(b.index()?)?;
    a.topology_common_ancestor(other)
}

fn status(status: P2pStatus) -> String {
    match status {
        P2pStatus::Ok => "ok",
        P2pStatus::ChipsetNotSupported => "chipset-not-supported",
        P2pStatus::GpuNotSupported => "gpu-not-supported",
        P2pStatus::IohTopologyNotSupported => "topology-not-supported",
        P2pStatus::DisabledByRegkey => "disabled-by-setting",
        P2pStatus::NotSupported => "not-supported",
        P2pStatus::Unknown => "unknown",
    }
    .to_owned()
}

fn level(level: TopologyLevel) -> String {
    match level {
        TopologyLevel::Internal => "internal",
        TopologyLevel::Single => "single",
        TopologyLevel::Multiple => "multiple",
        TopologyLevel::HostBridge => "host-bridge",
        TopologyLevel::Node => "node",
        TopologyLevel::System => "system",
    }
    .to_owned()
}
