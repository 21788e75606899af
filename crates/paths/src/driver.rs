//! The libraries of GPU vendors, behind one interface.
#![expect(unsafe_code, reason = "functions of C whose callers vouch for lengths")]

mod cuda;
mod hip;
mod room;

use thiserror::Error;

pub(crate) use cuda::Cuda;
pub(crate) use hip::Hip;
pub(crate) use room::Registered;

/// Why a driver could not do something.
#[derive(Debug, Error)]
pub enum DriverError {
    /// Its library is not there, or lacks a function.
    #[error("cannot use `{library}`: {source}")]
    Library {
        /// File name of the library.
        library: &'static str,
        /// The loader's answer.
        source: libloading::Error,
    },
    /// A call failed.
    #[error("{call} answered {code} ({name})")]
    Call {
        /// The function.
        call: &'static str,
        /// The number that it gave back.
        code: i32,
        /// Its name, where the library tells one.
        name: String,
    },
    /// The interface has no such thing.
    #[error("{0}")]
    Unsupported(&'static str),
}

/// Memory of a GPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceMemory(pub(crate) u64);

/// Which way a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToGpu,
    ToHost,
}

/// A vendor's library. Of several GPUs one is the present one, which calls without a number are about.
pub(crate) trait Driver {
    /// Library and version.
    fn name(&self) -> String;
    fn count(&self) -> usize;
    /// PCI address in the form of sysfs, and name.
    fn describe(&self, gpu: usize) -> Result<(String, String), DriverError>;
    /// Makes a GPU the present one, with its context.
    fn select(&mut self, gpu: usize) -> Result<(), DriverError>;
    /// Page-locks host memory.
    ///
    /// # Safety
    /// The memory has to be there until [`Self::unregister`].
    unsafe fn register(&self, host: *mut libc::c_void, bytes: usize) -> Result<(), DriverError>;
    fn unregister(&self, host: *mut libc::c_void) -> Result<(), DriverError>;
    fn allocate(&self, bytes: usize) -> Result<DeviceMemory, DriverError>;
    fn free(&self, memory: DeviceMemory) -> Result<(), DriverError>;
    /// Copies, and gives the seconds that the GPU's events saw.
    ///
    /// # Safety
    /// Both are at least this long, and the host's memory is registered.
    unsafe fn copy(
        &self,
        direction: Direction,
        device: DeviceMemory,
        host: *mut libc::c_void,
        bytes: usize,
    ) -> Result<f64, DriverError>;
    /// Copies 8 bytes to the GPU and back, and waits for both.
    ///
    /// # Safety
    /// As [`Self::copy`].
    unsafe fn there_and_back(&self, device: DeviceMemory, host: *mut libc::c_void)
    -> Result<(), DriverError>;
    /// Launches an empty kernel and waits until it has ended.
    fn launch(&self) -> Result<(), DriverError>;
    /// Whether the present GPU can be made to reach the other's memory itself.
    fn reach(&self, from: usize, to: usize) -> Result<bool, DriverError>;
    /// Copies between two GPUs, and gives the seconds that the present one's events saw.
    fn copy_between(
        &self,
        from: (usize, DeviceMemory),
        to: (usize, DeviceMemory),
        bytes: usize,
    ) -> Result<f64, DriverError>;
}

/// The drivers that are there, and why others are not.
pub(crate) fn all() -> (Vec<Box<dyn Driver>>, Vec<String>) {
    let (mut found, mut missing): (Vec<Box<dyn Driver>>, Vec<String>) = (Vec::new(), Vec::new());
    match Cuda::open() {
        Ok(cuda) => found.push(Box::new(cuda)),
        Err(error) => missing.push(error.to_string()),
    }
    match Hip::open() {
        Ok(hip) => found.push(Box::new(hip)),
        Err(error) => missing.push(error.to_string()),
    }
    (found, missing)
}
