//! Memory of both sides, between which copies are safe.
#![expect(unsafe_code, reason = "vouches for the lengths of what the driver copies")]

use super::{DeviceMemory, Direction, Driver, DriverError};
use crate::host::Block;

/// Host memory that is page-locked, and as much on the GPU, until it is dropped.
pub(crate) struct Registered<'a> {
    driver: &'a dyn Driver,
    block: &'a Block,
    device: DeviceMemory,
}

impl<'a> Registered<'a> {
    pub(crate) fn new(driver: &'a dyn Driver, block: &'a Block) -> Result<Self, DriverError> {
        let device = driver.allocate(block.len())?;
        // SAFETY: the block outlives what is made here, which takes the registration back when it is dropped.
        if let Err(error) = unsafe { driver.register(block.address(), block.len()) } {
            driver.free(device)?;
            return Err(error);
        }
        Ok(Self { driver, block, device })
    }

    /// Copies all of it, and gives the rate in GB/s.
    pub(crate) fn copy(&self, direction: Direction) -> Result<f64, DriverError> {
        let bytes = self.block.len();
        // SAFETY: both were made with this length, and the host's is registered.
        let seconds = unsafe { self.driver.copy(direction, self.device, self.block.address(), bytes)? };
        Ok(bytes as f64 / seconds / 1e9)
    }

    /// Copies 8 bytes to the GPU and back.
    pub(crate) fn there_and_back(&self) -> Result<(), DriverError> {
        // SAFETY: both have more than 8 bytes, and the host's is registered.
        unsafe { self.driver.there_and_back(self.device, self.block.address()) }
    }

    pub(crate) fn launch(&self) -> Result<(), DriverError> {
        self.driver.launch()
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let _ = self.driver.unregister(self.block.address());
        let _ = self.driver.free(self.device);
    }
}
