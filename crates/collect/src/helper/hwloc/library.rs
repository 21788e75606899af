//! The few functions of libhwloc that are called, behind safe ones.
//!
//! Linked into the program (`build.rs`), and called in the helper process only.
#![expect(unsafe_code, reason = "hwloc is a C library")]

use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::ptr::NonNull;

/// `HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED` of hwloc.h.
const INCLUDE_DISALLOWED: c_ulong = 1;
/// `HWLOC_TYPE_FILTER_KEEP_ALL` of hwloc.h.
const KEEP_ALL: c_int = 0;
/// `HWLOC_TYPE_FILTER_KEEP_IMPORTANT` of hwloc.h.
const KEEP_IMPORTANT: c_int = 3;

// The interface of hwloc 2, stable from 2.0 on: hwloc.h and hwloc/export.h.
unsafe extern "C" {
    fn hwloc_topology_init(topology: *mut *mut c_void) -> c_int;
    fn hwloc_topology_set_flags(topology: *mut c_void, flags: c_ulong) -> c_int;
    fn hwloc_topology_set_icache_types_filter(topology: *mut c_void, filter: c_int) -> c_int;
    fn hwloc_topology_set_io_types_filter(topology: *mut c_void, filter: c_int) -> c_int;
    fn hwloc_topology_load(topology: *mut c_void) -> c_int;
    fn hwloc_topology_export_xmlbuffer(
        topology: *mut c_void,
        buffer: *mut *mut c_char,
        length: *mut c_int,
        flags: c_ulong,
    ) -> c_int;
    fn hwloc_free_xmlbuffer(topology: *mut c_void, buffer: *mut c_char);
    fn hwloc_topology_destroy(topology: *mut c_void);
}

/// A topology: set up, then loaded.
pub(super) struct Topology {
    handle: NonNull<c_void>,
    loaded: bool,
}

impl Topology {
    pub(super) fn new() -> Option<Self> {
        let mut handle = std::ptr::null_mut();
        // SAFETY: the pointer is valid for the one write that the function makes.
        let status = unsafe { hwloc_topology_init(&raw mut handle) };
        let handle = NonNull::new(handle).filter(|_| status == 0)?;
        Some(Self { handle, loaded: false })
    }

    /// What this process may not use is shown as well.
    pub(super) fn include_disallowed(&mut self) -> bool {
        // SAFETY: the handle is one of `hwloc_topology_init` until this value is dropped.
        unsafe { hwloc_topology_set_flags(self.handle.as_ptr(), INCLUDE_DISALLOWED) == 0 }
    }

    pub(super) fn keep_instruction_caches(&mut self) -> bool {
        // SAFETY: as above.
        unsafe { hwloc_topology_set_icache_types_filter(self.handle.as_ptr(), KEEP_ALL) == 0 }
    }

    pub(super) fn keep_important_io(&mut self) -> bool {
        // SAFETY: as above.
        unsafe { hwloc_topology_set_io_types_filter(self.handle.as_ptr(), KEEP_IMPORTANT) == 0 }
    }

    /// Discovers; false the second time.
    pub(super) fn load(&mut self) -> bool {
        if self.loaded {
            return false;
        }
        // SAFETY: as above, and it has not been loaded yet.
        self.loaded = unsafe { hwloc_topology_load(self.handle.as_ptr()) == 0 };
        self.loaded
    }

    /// The topology in hwloc's own format; nothing before [`Self::load`].
    pub(super) fn xml(&self) -> Option<Vec<u8>> {
        if !self.loaded {
            return None;
        }
        let mut buffer = std::ptr::null_mut();
        let mut length: c_int = 0;
        // SAFETY: the handle is that of a loaded topology, and both pointers are valid for one write.
        let status = unsafe {
            hwloc_topology_export_xmlbuffer(self.handle.as_ptr(), &raw mut buffer, &raw mut length, 0)
        };
        let length = usize::try_from(length).ok().filter(|_| status == 0 && !buffer.is_null())?;
        // SAFETY: on success the buffer holds `length` bytes, the closing zero included, until it is freed.
        let mut xml = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length) }.to_vec();
        // SAFETY: the buffer is one of `hwloc_topology_export_xmlbuffer`, freed once.
        unsafe { hwloc_free_xmlbuffer(self.handle.as_ptr(), buffer) };
        while xml.last() == Some(&0) {
            xml.pop();
        }
        Some(xml)
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        // SAFETY: the handle is one of `hwloc_topology_init`, and nothing uses it afterwards.
        unsafe { hwloc_topology_destroy(self.handle.as_ptr()) };
    }
}

/// What hwloc wants of libudev, which many a container lacks.
///
/// It asks for serial numbers and models of disks only, which no check reads. Where `udev_new` gives nothing, it takes
/// them from the files of udev itself (`/run/udev/data`), as it does on a recorded tree.
#[cfg(hwloc_static)]
mod udev {
    use super::{c_char, c_void};
    use std::ptr::null_mut;

    // SAFETY: no other library of this program has a function of this name; nothing is read or written.
    #[unsafe(no_mangle)]
    extern "C" fn udev_new() -> *mut c_void {
        null_mut()
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn udev_unref(_: *mut c_void) -> *mut c_void {
        null_mut()
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn udev_device_new_from_subsystem_sysname(
        _: *mut c_void,
        _: *const c_char,
        _: *const c_char,
    ) -> *mut c_void {
        null_mut()
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn udev_device_get_property_value(_: *mut c_void, _: *const c_char) -> *const c_char {
        std::ptr::null()
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn udev_device_unref(_: *mut c_void) -> *mut c_void {
        null_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topology_is_exported_only_once_loaded() {
        let mut topology = Topology::new().unwrap();
        assert!(topology.include_disallowed() && topology.keep_instruction_caches());
        assert!(topology.keep_important_io());
        assert_eq!(topology.xml(), None);
        assert!(topology.load());
        assert!(!topology.load(), "loaded twice, hwloc would fail in its own way");
        assert!(topology.xml().unwrap().starts_with(b"<?xml"));
    }
}
