//! The library of the driver that is loaded.

use std::collections::BTreeMap;

use nvml_wrapper::enum_wrappers::device::{
    Clock, EccCounter, MemoryError, PcieUtilCounter, RetirementCause, TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::enums::device::{SampleValue, UsedGpuMemory};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;
use nvml_wrapper::{Device, Nvml as Library};
use plumb_evidence::model::{
    EccCounts, MigInstance, Nvml, NvmlDevice, NvmlDeviceReading, NvmlFabric, NvmlProcess, RemappedRows,
    RetiredPages,
};
use plumb_evidence::{Absence, Fact, IndexSet, Missing};

use super::{Depth, Gpus, link, raw};

/// `NVML_AFFINITY_SCOPE_NODE`
const SCOPE_NODE: u32 = 0;
/// 64-bit words of a CPU mask: 8192 CPUs, the kernel's own limit.
const CPU_WORDS: usize = 128;
/// 64-bit words of a node mask: 1024 nodes, the kernel's own limit.
const NODE_WORDS: usize = 16;

/// # Errors
/// There is no library, no driver, or it does not answer.
pub(super) fn open() -> Result<Box<dyn Gpus>, Missing> {
    let library = Library::init().map_err(|error| match error {
        NvmlError::LibloadingError(_) => {
            Missing::new(Absence::Absent, "NVIDIA's management library is not installed")
        }
        NvmlError::DriverNotLoaded => Missing::new(Absence::Absent, "NVIDIA's kernel driver is not loaded"),
        error => reason("anything", &error),
    })?;
    Ok(Box::new(Driver { library }))
}

struct Driver {
    library: Library,
}

impl Driver {
    /// All devices, each or why it does not answer.
    fn devices(&self) -> Result<Vec<Result<Device<'_>, NvmlError>>, Missing> {
        let count = self.library.device_count().map_err(|error| reason("how many GPUs there are", &error))?;
        Ok((0..count).map(|index| self.library.device_by_index(index)).collect())
    }
}

impl Gpus for Driver {
    fn inventory(&self) -> Result<Nvml, Missing> {
        let devices = self.devices()?;
        let answering: Vec<&Device<'_>> = devices.iter().filter_map(|device| device.as_ref().ok()).collect();
        Ok(Nvml {
            driver_version: fact("the driver version", self.library.sys_driver_version()),
            nvml_version: fact("its version", self.library.sys_nvml_version()),
            cuda_version: fact("the version of CUDA", self.library.sys_cuda_driver_version())
                .map(|version| format!("{}.{}", version / 1000, version % 1000 / 10)),
            links: Fact::Known(link::links(&answering)),
            devices: (0u32..)
                .zip(&devices)
                .map(|(index, device)| match device {
                    Ok(device) => describe(index, device),
                    Err(error) => unreachable_device(index, error),
                })
                .collect(),
        })
    }

    fn reading(&self, depth: Depth) -> Result<Vec<NvmlDeviceReading>, Missing> {
        let devices = self.devices()?;
        Ok(devices
            .iter()
            .map(|device| match device {
                Ok(device) => read(device, depth),
                Err(error) => unreachable_reading(error),
            })
            .collect())
    }
}

pub(super) fn address(device: &Device<'_>) -> Fact<String> {
    fact("the PCI address", device.pci_info()).map(|info| sysfs_address(&info.bus_id))
}

fn watts(what: &str, milliwatts: Result<u32, NvmlError>) -> Fact<f64> {
    fact(what, milliwatts).map(|milliwatts| f64::from(milliwatts) / 1000.0)
}

fn describe(index: u32, device: &Device<'_>) -> NvmlDevice {
    let limits = || device.power_management_limit_constraints();
    let threshold = |what: &str, of| fact(what, device.temperature_threshold(of));
    let memory = || device.memory_info();
    let bar1 = || device.bar1_memory_info();
    let utilization = || device.utilization_rates();
    NvmlDevice {
        index,
        address: address(device),
        name: fact("the name", device.name()),
        uuid: fact("the id", device.uuid()),
        architecture: fact("the architecture", device.architecture()).map(|name| name.to_string()),
        vbios: fact("the firmware", device.vbios_version()),
        cpu_affinity: fact("the CPU affinity", device.cpu_affinity(CPU_WORDS)).map(|words| members(&words)),
        memory_affinity: fact("the memory affinity", device.memory_affinity(NODE_WORDS, SCOPE_NODE))
            .map(|words| members(&words)),
        compute_processes: fact("the processes", device.running_compute_processes()).map(processes),
        mps_processes: fact("the processes under MPS", device.mps_running_compute_processes()).map(processes),
        compute_mode: fact("the compute mode", device.compute_mode()).map(|mode| kebab(&format!("{mode:?}"))),
        persistence: fact("the persistence mode", device.is_in_persistent_mode()),
        pstate: fact("the performance state", device.performance_state()).map(|state| state.as_c()),
        sm_mhz: fact("the SM clock", device.clock_info(Clock::SM)),
        sm_max_mhz: fact("the highest SM clock", device.max_clock_info(Clock::SM)),
        memory_mhz: fact("the memory clock", device.clock_info(Clock::Memory)),
        memory_max_mhz: fact("the highest memory clock", device.max_clock_info(Clock::Memory)),
        application_sm_mhz: fact("the application clock", device.applications_clock(Clock::Graphics)),
        application_sm_default_mhz: fact(
            "the default application clock",
            device.default_applications_clock(Clock::Graphics),
        ),
        clock_reasons: fact("why clocks are low", device.current_throttle_reasons()).map(|mask| mask.bits()),
        clock_reasons_ns: clock_reasons_ns(device),
        power_watts: watts("the power", device.power_usage()),
        power_limit_watts: watts("the power limit", device.enforced_power_limit()),
        power_limit_default_watts: watts("the default power limit", device.power_management_limit_default()),
        power_limit_min_watts: watts("the lowest power limit", limits().map(|limits| limits.min_limit)),
        power_limit_max_watts: watts("the highest power limit", limits().map(|limits| limits.max_limit)),
        energy_mj: fact("the energy", device.total_energy_consumption()),
        temperature_celsius: fact("the temperature", device.temperature(TemperatureSensor::Gpu)),
        memory_temperature_celsius: field(
            "the temperature of the memory",
            device,
            field_id::NVML_FI_DEV_MEMORY_TEMP,
        )
        .and_then(|celsius| match u32::try_from(celsius) {
            Ok(celsius) if celsius > 0 => Fact::Known(celsius),
            _ => Fact::absent("NVML does not tell the temperature of the memory: it says 0"),
        }),
        slowdown_celsius: threshold("where it slows down", TemperatureThreshold::Slowdown),
        shutdown_celsius: threshold("where it switches off", TemperatureThreshold::Shutdown),
        margin_celsius: fact("the thermal margin", raw::margin_temperature(device)),
        pcie_gen_current: fact("the link", device.current_pcie_link_gen()),
        pcie_gen_max: fact("the link", device.max_pcie_link_gen()),
        pcie_width_current: fact("the link", device.current_pcie_link_width()),
        pcie_width_max: fact("the link", device.max_pcie_link_width()),
        pcie_replays: fact("the replays of the link", device.pcie_replay_counter()).map(u64::from),
        ecc_enabled: fact("error correction", device.is_ecc_enabled()).map(|state| state.currently_enabled),
        ecc_pending: fact("error correction", device.is_ecc_enabled()).map(|state| state.pending_enabled),
        ecc_volatile: ecc(device, EccCounter::Volatile),
        ecc_aggregate: ecc(device, EccCounter::Aggregate),
        remapped_rows: remapped_rows(device),
        retired_pages: retired_pages(device),
        nvlinks: link::nvlinks(device),
        nvlink_mbps: field("the speed of NVLink", device, field_id::NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON),
        fabric: fabric(device),
        bar1_total_bytes: fact("the size of BAR1", bar1()).map(|bar1| bar1.total),
        bar1_used_bytes: fact("the use of BAR1", bar1()).map(|bar1| bar1.used),
        memory_total_bytes: fact("the memory", memory()).map(|memory| memory.total),
        memory_used_bytes: fact("the memory in use", memory()).map(|memory| memory.used),
        utilization_percent: fact("the utilisation", utilization()).map(|rates| rates.gpu),
        memory_utilization_percent: fact("the utilisation of the memory", utilization())
            .map(|rates| rates.memory),
        mig: fact("the MIG mode", device.mig_mode()).map(|mode| mode.current == 1),
        mig_pending: fact("the MIG mode", device.mig_mode()).map(|mode| mode.pending == 1),
        mig_instances: mig_instances(device),
    }
}

fn read(device: &Device<'_>, depth: Depth) -> NvmlDeviceReading {
    let throughput =
        |direction| fact("the traffic of the link", device.pcie_throughput(direction)).map(u64::from);
    NvmlDeviceReading {
        address: address(device).known().cloned().unwrap_or_default(),
        utilization_percent: fact("the utilisation", device.utilization_rates()).map(|rates| rates.gpu),
        sm_mhz: fact("the SM clock", device.clock_info(Clock::SM)),
        memory_mhz: fact("the memory clock", device.clock_info(Clock::Memory)),
        power_watts: watts("the power", device.power_usage()),
        temperature_celsius: fact("the temperature", device.temperature(TemperatureSensor::Gpu)),
        margin_celsius: fact("the thermal margin", raw::margin_temperature(device)),
        clock_reasons: fact("why clocks are low", device.current_throttle_reasons()).map(|mask| mask.bits()),
        clock_reasons_ns: clock_reasons_ns(device),
        pcie_generation: fact("the link", device.current_pcie_link_gen()),
        pcie_width: fact("the link", device.current_pcie_link_width()),
        pcie_tx_kb_per_s: throughput(PcieUtilCounter::Send),
        pcie_rx_kb_per_s: throughput(PcieUtilCounter::Receive),
        pcie_replays: fact("the replays of the link", device.pcie_replay_counter()).map(u64::from),
        energy_mj: fact("the energy", device.total_energy_consumption()),
        memory_used_bytes: fact("the memory in use", device.memory_info()).map(|memory| memory.used),
        nvlink_errors: match depth {
            Depth::Whole => link::nvlink_errors(device),
            Depth::Cheap => Fact::Missing(Missing::new(
                Absence::Skipped,
                "read at both ends of the window only: reading it takes CPU time",
            )),
        },
        ecc_uncorrected: ecc(device, EccCounter::Volatile).map(|counts| counts.uncorrected),
    }
}

fn lost<T>(error: &NvmlError) -> Fact<T> {
    Fact::Missing(reason("the device", error))
}

macro_rules! all_lost {
    ($type:ident { $($given:ident),* } $error:ident: $($field:ident)+) => {
        $type { $($given,)* $($field: lost($error),)+ }
    };
}

fn unreachable_device(index: u32, error: &NvmlError) -> NvmlDevice {
    all_lost!(NvmlDevice { index } error:
        address name uuid architecture vbios cpu_affinity memory_affinity compute_processes mps_processes
        compute_mode persistence pstate sm_mhz sm_max_mhz memory_mhz memory_max_mhz application_sm_mhz
        application_sm_default_mhz clock_reasons clock_reasons_ns power_watts power_limit_watts
        power_limit_default_watts power_limit_min_watts power_limit_max_watts energy_mj temperature_celsius
        memory_temperature_celsius slowdown_celsius shutdown_celsius margin_celsius pcie_gen_current pcie_gen_max
        pcie_width_current pcie_width_max pcie_replays ecc_enabled ecc_pending ecc_volatile ecc_aggregate
        remapped_rows retired_pages nvlinks nvlink_mbps fabric bar1_total_bytes bar1_used_bytes memory_total_bytes
        memory_used_bytes utilization_percent memory_utilization_percent mig mig_pending mig_instances)
}

fn unreachable_reading(error: &NvmlError) -> NvmlDeviceReading {
    let address = String::new();
    all_lost!(NvmlDeviceReading { address } error:
        utilization_percent sm_mhz memory_mhz power_watts temperature_celsius margin_celsius clock_reasons
        clock_reasons_ns pcie_generation pcie_width pcie_tx_kb_per_s pcie_rx_kb_per_s pcie_replays energy_mj
        memory_used_bytes nvlink_errors ecc_uncorrected)
}

fn processes(processes: Vec<ProcessInfo>) -> Vec<NvmlProcess> {
    let used = |process: &ProcessInfo| match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    };
    processes.iter().map(|process| NvmlProcess { pid: process.pid, used_bytes: used(process) }).collect()
}

/// The values of numbered fields, in their order.
fn fields(device: &Device<'_>, ids: &[u32]) -> Vec<Result<i64, NvmlError>> {
    let asked: Vec<FieldId> = ids.iter().map(|&id| FieldId(id)).collect();
    match device.field_values_for(&asked) {
        Ok(samples) => samples
            .into_iter()
            .map(|sample| {
                Ok(match sample?.value? {
                    SampleValue::F64(value) => value as i64,
                    SampleValue::U32(value) => i64::from(value),
                    SampleValue::U64(value) => i64::try_from(value).unwrap_or(i64::MAX),
                    SampleValue::I64(value) => value,
                })
            })
            .collect(),
        Err(_) => ids.iter().map(|_| Err(NvmlError::NotSupported)).collect(),
    }
}

fn field(what: &str, device: &Device<'_>, id: u32) -> Fact<u64> {
    let value = fields(device, &[id]).pop().unwrap_or(Err(NvmlError::Unknown));
    fact(what, value).and_then(|value| {
        u64::try_from(value).map_or_else(
            |_| Fact::Missing(Missing::new(Absence::Malformed, format!("{what}: {value}"))),
            Fact::Known,
        )
    })
}

/// Counters of `nvml.h` by the name of their reason.
const REASON_FIELDS: &[(&str, u32)] = &[
    ("sw_power_cap", field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP),
    ("sync_boost", field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST),
    ("sw_thermal", field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN),
    ("hw_thermal", field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN),
    ("hw_power_brake", field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN),
];

/// All counters or none: what a driver does not count must not look like zero.
fn clock_reasons_ns(device: &Device<'_>) -> Fact<BTreeMap<String, u64>> {
    let ids: Vec<u32> = REASON_FIELDS.iter().map(|(_, id)| *id).collect();
    let mut counts = BTreeMap::new();
    for ((name, _), value) in REASON_FIELDS.iter().zip(fields(device, &ids)) {
        match value {
            Ok(value) => counts.insert((*name).to_owned(), u64::try_from(value).unwrap_or(0)),
            Err(error) => return Fact::Missing(reason("for how long clocks were held down", &error)),
        };
    }
    Fact::Known(counts)
}

fn ecc(device: &Device<'_>, counter: EccCounter) -> Fact<EccCounts> {
    let count = |kind| device.total_ecc_errors(kind, counter);
    let counts = count(MemoryError::Corrected)
        .and_then(|corrected| Ok(EccCounts { corrected, uncorrected: count(MemoryError::Uncorrected)? }));
    fact("errors of the memory", counts)
}

fn remapped_rows(device: &Device<'_>) -> Fact<RemappedRows> {
    let ids = [
        field_id::NVML_FI_DEV_REMAPPED_COR,
        field_id::NVML_FI_DEV_REMAPPED_UNC,
        field_id::NVML_FI_DEV_REMAPPED_PENDING,
        field_id::NVML_FI_DEV_REMAPPED_FAILURE,
    ];
    let values: Result<Vec<i64>, NvmlError> = fields(device, &ids).into_iter().collect();
    fact("remapped rows", values).and_then(|values| match values.as_slice() {
        [correctable, uncorrectable, pending, failure] => Fact::Known(RemappedRows {
            correctable: u32::try_from(*correctable).unwrap_or(u32::MAX),
            uncorrectable: u32::try_from(*uncorrectable).unwrap_or(u32::MAX),
            pending: *pending != 0,
            failure: *failure != 0,
        }),
        _ => Fact::Missing(Missing::new(
            Absence::Failed,
            "NVML gave another number of answers than was asked for",
        )),
    })
}

fn retired_pages(device: &Device<'_>) -> Fact<RetiredPages> {
    let count =
        |cause| device.retired_pages(cause).map(|pages| u32::try_from(pages.len()).unwrap_or(u32::MAX));
    let pages = count(RetirementCause::MultipleSingleBitEccErrors).and_then(|single_bit| {
        Ok(RetiredPages {
            single_bit,
            double_bit: count(RetirementCause::DoubleBitEccError)?,
            pending: device.are_pages_pending_retired()?,
        })
    });
    fact("retired pages", pages)
}

fn fabric(device: &Device<'_>) -> Fact<NvmlFabric> {
    fact("its registration with a fabric", raw::fabric(device)).and_then(|(state, status)| {
        let state = match state {
            0 => return Fact::absent("the GPU is not made for an NVLink fabric"),
            1 => "not-started",
            2 => "in-progress",
            3 => "completed",
            _ => "unknown",
        };
        Fact::Known(NvmlFabric { state: state.to_owned(), status })
    })
}

fn mig_instances(device: &Device<'_>) -> Fact<Vec<MigInstance>> {
    match device.mig_mode() {
        Ok(mode) if mode.current == 1 => {}
        Ok(_) => return Fact::absent("the GPU is not split"),
        Err(error) => return Fact::Missing(reason("the MIG mode", &error)),
    }
    let most = match device.mig_device_count() {
        Ok(most) => most,
        Err(error) => return Fact::Missing(reason("how many MIG instances there can be", &error)),
    };
    let mut instances = Vec::new();
    for index in 0..most {
        match device.mig_device_by_index(index) {
            Ok(instance) => {
                let attributes = || instance.attributes();
                instances.push(MigInstance {
                    uuid: fact("the id of a MIG instance", instance.uuid()),
                    gpu_slices: fact("its slices", attributes()).map(|all| all.gpu_instance_slice_count),
                    compute_slices: fact("its slices", attributes())
                        .map(|all| all.compute_instance_slice_count),
                    memory_mib: fact("its memory", attributes()).map(|all| all.memory_size_mb),
                });
            }
            Err(NvmlError::NotFound | NvmlError::InvalidArg) => {}
            Err(error) => return Fact::Missing(reason("a MIG instance", &error)),
        }
    }
    Fact::Known(instances)
}

/// `ExclusiveProcess` → `exclusive-process`
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (position, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && position > 0 {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

pub(super) fn fact<T>(what: &str, result: Result<T, NvmlError>) -> Fact<T> {
    result.map_err(|error| reason(what, &error)).into()
}

pub(super) fn reason(what: &str, error: &NvmlError) -> Missing {
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

    #[test]
    fn names_of_modes_take_the_form_of_words() {
        assert_eq!(kebab("ExclusiveProcess"), "exclusive-process");
        assert_eq!(kebab("Default"), "default");
    }
}
