//! NVIDIA's management library, as the JSON form of [`Nvml`].

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml as Library};
use plumb_evidence::model::{Nvml, NvmlDevice, NvmlProcess};
use plumb_evidence::{Absence, Fact, IndexSet, Missing};

/// `NVML_AFFINITY_SCOPE_NODE`
const SCOPE_NODE: u32 = 0;
/// 64-bit words of a CPU mask: 8192 CPUs, the kernel's own limit.
const CPU_WORDS: usize = 128;
/// 64-bit words of a node mask: 1024 nodes, the kernel's own limit.
const NODE_WORDS: usize = 16;

/// Asks for everything that the evidence model keeps.
pub(super) fn ask() -> Result<Vec<u8>, Missing> {
    let library = Library::init().map_err(|error| match error {
        NvmlError::LibloadingError(_) => {
            Missing::new(Absence::Absent, "NVIDIA's management library is not installed")
        }
        NvmlError::DriverNotLoaded => Missing::new(Absence::Absent, "NVIDIA's kernel driver is not loaded"),
        error => reason("anything", &error),
    })?;
    let count = library.device_count().map_err(|error| reason("how many GPUs there are", &error))?;
    let answers = Nvml {
        driver_version: fact("the driver version", library.sys_driver_version()),
        nvml_version: fact("its version", library.sys_nvml_version()),
        devices: (0..count)
            .map(|index| match library.device_by_index(index) {
                Ok(device) => describe(index, &device),
                Err(error) => unreachable_device(index, &error),
            })
            .collect(),
    };
    serde_json::to_vec_pretty(&answers)
        .map_err(|error| Missing::new(Absence::Failed, format!("NVML's answers cannot be written: {error}")))
}

fn describe(index: u32, device: &Device<'_>) -> NvmlDevice {
    NvmlDevice {
        index,
        address: fact("the PCI address", device.pci_info()).map(|info| sysfs_address(&info.bus_id)),
        name: fact("the name", device.name()),
        uuid: fact("the id", device.uuid()),
        cpu_affinity: fact("the CPU affinity", device.cpu_affinity(CPU_WORDS)).map(|words| members(&words)),
        memory_affinity: fact("the memory affinity", device.memory_affinity(NODE_WORDS, SCOPE_NODE))
            .map(|words| members(&words)),
        compute_processes: fact("the processes", device.running_compute_processes()).map(|processes| {
            processes
                .into_iter()
                .map(|process| NvmlProcess {
                    pid: process.pid,
                    used_bytes: match process.used_gpu_memory {
                        nvml_wrapper::enums::device::UsedGpuMemory::Used(bytes) => Some(bytes),
                        nvml_wrapper::enums::device::UsedGpuMemory::Unavailable => None,
                    },
                })
                .collect()
        }),
        persistence: fact("the persistence mode", device.is_in_persistent_mode()),
        pstate: fact("the performance state", device.performance_state()).map(|state| state.as_c()),
        pcie_gen_current: fact("the link", device.current_pcie_link_gen()),
        pcie_gen_max: fact("the link", device.max_pcie_link_gen()),
        pcie_width_current: fact("the link", device.current_pcie_link_width()),
        pcie_width_max: fact("the link", device.max_pcie_link_width()),
        mig: fact("the MIG mode", device.mig_mode()).map(|mode| mode.current == 1),
    }
}

fn unreachable_device(index: u32, error: &NvmlError) -> NvmlDevice {
    fn lost<T>(error: &NvmlError) -> Fact<T> {
        Fact::Missing(reason("the device", error))
    }
    NvmlDevice {
        index,
        address: lost(error),
        name: lost(error),
        uuid: lost(error),
        cpu_affinity: lost(error),
        memory_affinity: lost(error),
        compute_processes: lost(error),
        persistence: lost(error),
        pstate: lost(error),
        pcie_gen_current: lost(error),
        pcie_gen_max: lost(error),
        pcie_width_current: lost(error),
        pcie_width_max: lost(error),
        mig: lost(error),
    }
}

fn fact<T>(what: &str, result: Result<T, NvmlError>) -> Fact<T> {
    result.map_err(|error| reason(what, &error)).into()
}

fn reason(what: &str, error: &NvmlError) -> Missing {
    let absence = match error {
        NvmlError::NotSupported | NvmlError::NotFound | NvmlError::FailedToLoadSymbol(_) => Absence::Absent,
        NvmlError::NoPermission => Absence::Denied,
        NvmlError::Timeout => Absence::Timeout,
        _ => Absence::Failed,
    };
    Missing::new(absence, format!("NVML does not tell {what}: {error}"))
}

/// `00000000:18:00.0` → `0000:18:00.0`: NVML writes eight digits of domain, the kernel as many as it needs, at least
/// four (`%04x`).
fn sysfs_address(bus_id: &str) -> String {
    let lower = bus_id.to_lowercase();
    match lower.split_once(':').map(|(domain, rest)| (u32::from_str_radix(domain, 16), rest)) {
        Some((Ok(domain), rest)) => format!("{domain:04x}:{rest}"),
        _ => lower,
    }
}

fn members(words: &[std::ffi::c_ulong]) -> IndexSet {
    words
        .iter()
        .zip((0u32..).step_by(64))
        .flat_map(|(&word, base)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| base + bit)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_the_form_of_sysfs() {
        assert_eq!(sysfs_address("00000000:18:00.0"), "0000:18:00.0");
        assert_eq!(sysfs_address("00010000:3B:00.0"), "10000:3b:00.0");
    }

    #[test]
    fn masks_become_sets() {
        assert_eq!(members(&[0b101, 1]).to_string(), "0,2,64");
    }
}
