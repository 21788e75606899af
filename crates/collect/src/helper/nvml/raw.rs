//! Two answers that the wrapper of NVML does not offer.
#![expect(unsafe_code, reason = "calls NVML's C functions; each call says why it is sound")]

use std::mem::size_of;

use nvml_wrapper::Device;
use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper_sys::bindings::{nvmlGpuFabricInfo_t, nvmlMarginTemperature_t};

/// Version of a structure as `nvml.h` makes it: its size, and a number in the highest byte.
const fn version<T>(number: u32) -> u32 {
    size_of::<T>() as u32 | number << 24
}

/// Degrees Celsius up to the slowdown (`nvmlDeviceGetMarginTemperature`, driver 565 and later).
pub(super) fn margin_temperature(device: &Device<'_>) -> Result<i32, NvmlError> {
    let function = nvml_sym(device.nvml().lib().nvmlDeviceGetMarginTemperature.as_ref())?;
    let mut answer =
        nvmlMarginTemperature_t { version: version::<nvmlMarginTemperature_t>(1), marginTemperature: 0 };
    // SAFETY: the handle comes from the library that `device` keeps loaded, `answer` is the structure whose size and
    // version it names, and the function keeps no pointer to it.
    nvml_try(unsafe { function(device.handle(), &raw mut answer) })?;
    Ok(answer.marginTemperature)
}

/// State and status of the registration with the NVLink fabric (`nvmlDeviceGetGpuFabricInfo`, driver 525 and later).
pub(super) fn fabric(device: &Device<'_>) -> Result<(u32, u32), NvmlError> {
    let function = nvml_sym(device.nvml().lib().nvmlDeviceGetGpuFabricInfo.as_ref())?;
    let mut answer = nvmlGpuFabricInfo_t { clusterUuid: [0; 16], status: 0, cliqueId: 0, state: 0 };
    // SAFETY: as above; this structure has no version.
    nvml_try(unsafe { function(device.handle(), &raw mut answer) })?;
    Ok((u32::from(answer.state), answer.status))
}
