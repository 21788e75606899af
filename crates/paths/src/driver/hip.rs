//! AMD's library, `libamdhip64.so`. Written by its public interface and not tried on hardware yet.
//!
//! Names and signatures are those of hip_runtime_api.h. It takes compiled code for each GPU, so there is no empty kernel, and
//! launches are not measured.
#![expect(unsafe_code, reason = "calls the C functions of AMD's library")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use libloading::Library;

use super::{DeviceMemory, Direction, Driver, DriverError};

const LIBRARIES: [&str; 3] = ["libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so"];

type Handle = *mut c_void;
/// `hipHostRegisterPortable`
const PORTABLE: c_uint = 1;
/// `hipMemcpyHostToDevice`
const TO_DEVICE: c_int = 1;
/// `hipMemcpyDeviceToHost`
const TO_HOST: c_int = 2;
/// `hipErrorPeerAccessAlreadyEnabled`
const ENABLED_ALREADY: c_int = 704;

macro_rules! functions {
    ($($name:ident: $symbol:literal ($($argument:ty),*);)*) => {
        /// The functions that are called.
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) -> c_int,)*
        }

        impl Functions {
            fn of(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of hip_runtime_api.h, whose functions keep them; the library is never unloaded.
                unsafe { Ok(Self { $($name: *library.get($symbol)?,)* }) }
            }
        }
    };
}

functions! {
    init: b"hipInit\0" (c_uint);
    version: b"hipRuntimeGetVersion\0" (*mut c_int);
    device_count: b"hipGetDeviceCount\0" (*mut c_int);
    device_name: b"hipDeviceGetName\0" (*mut c_char, c_int, c_int);
    pci_address: b"hipDeviceGetPCIBusId\0" (*mut c_char, c_int, c_int);
    set_device: b"hipSetDevice\0" (c_int);
    synchronise: b"hipDeviceSynchronize\0" ();
    register: b"hipHostRegister\0" (*mut c_void, usize, c_uint);
    unregister: b"hipHostUnregister\0" (*mut c_void);
    allocate: b"hipMalloc\0" (*mut *mut c_void, usize);
    free: b"hipFree\0" (*mut c_void);
    copy: b"hipMemcpyAsync\0" (*mut c_void, *const c_void, usize, c_int, Handle);
    between: b"hipMemcpyPeerAsync\0" (*mut c_void, c_int, *const c_void, c_int, usize, Handle);
    can_reach: b"hipDeviceCanAccessPeer\0" (*mut c_int, c_int, c_int);
    enable: b"hipDeviceEnablePeerAccess\0" (c_int, c_uint);
    new_event: b"hipEventCreate\0" (*mut Handle);
    record: b"hipEventRecord\0" (Handle, Handle);
    wait: b"hipEventSynchronize\0" (Handle);
    elapsed: b"hipEventElapsedTime\0" (*mut f32, Handle, Handle);
}

pub(crate) struct Hip {
    functions: Functions,
    version: c_int,
    /// Of each GPU, the events around a copy.
    events: Vec<Option<(Handle, Handle)>>,
    present: usize,
    _library: Library,
}

impl Hip {
    pub(crate) fn open() -> Result<Self, DriverError> {
        let mut last = None;
        for name in LIBRARIES {
            // SAFETY: the driver's library runs code when it is loaded; that is what it is loaded for, in a process of its own.
            match unsafe { Library::new(name) } {
                Ok(library) => return Self::with(library),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(source) => Err(DriverError::Library { library: LIBRARIES[2], source }),
            None => Err(DriverError::Unsupported("no library is known")),
        }
    }

    fn with(library: Library) -> Result<Self, DriverError> {
        let wrong = |source| DriverError::Library { library: LIBRARIES[2], source };
        let functions = Functions::of(&library).map_err(wrong)?;
        let mut own = Self { functions, version: 0, events: Vec::new(), present: 0, _library: library };
        // SAFETY: what is written to lives as long as each call.
        let count = unsafe {
            check("hipInit", (own.functions.init)(0))?;
            let mut version = 0;
            check("hipRuntimeGetVersion", (own.functions.version)(&raw mut version))?;
            own.version = version;
            let mut count = 0;
            check("hipGetDeviceCount", (own.functions.device_count)(&raw mut count))?;
            count
        };
        own.events = vec![None; usize::try_from(count).unwrap_or(0)];
        Ok(own)
    }

    fn timed(&self, work: impl FnOnce() -> Result<(), DriverError>) -> Result<f64, DriverError> {
        let present = self.events.get(self.present).copied().flatten();
        let (start, end) = present.ok_or(DriverError::Unsupported("no GPU was selected"))?;
        // SAFETY: both events are of the present GPU, and live as long as this.
        check("hipEventRecord", unsafe { (self.functions.record)(start, ptr::null_mut()) })?;
        work()?;
        let mut ms = 0f32;
        // SAFETY: as above; the number that is written to lives as long as the call.
        unsafe {
            check("hipEventRecord", (self.functions.record)(end, ptr::null_mut()))?;
            check("hipEventSynchronize", (self.functions.wait)(end))?;
            check("hipEventElapsedTime", (self.functions.elapsed)(&raw mut ms, start, end))?;
        }
        Ok(f64::from(ms) / 1e3)
    }
}

fn check(call: &'static str, code: c_int) -> Result<(), DriverError> {
    match code {
        0 => Ok(()),
        code => Err(DriverError::Call { call, code, name: "a hipError_t".to_owned() }),
    }
}

fn number(gpu: usize) -> c_int {
    c_int::try_from(gpu).unwrap_or(c_int::MAX)
}

fn pointer(memory: DeviceMemory) -> *mut c_void {
    ptr::without_provenance_mut(usize::try_from(memory.0).unwrap_or(0))
}

impl Driver for Hip {
    fn name(&self) -> String {
        format!("hip {}.{}", self.version / 10_000_000, self.version / 100_000 % 100)
    }

    fn count(&self) -> usize {
        self.events.len()
    }

    fn describe(&self, gpu: usize) -> Result<(String, String), DriverError> {
        let mut text = [0 as c_char; 256];
        let read = |text: &[c_char; 256]| {
            // SAFETY: the library ends it with a zero, and it was all zeros before.
            unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned()
        };
        // SAFETY: the length is one less than the room that is there.
        check("hipDeviceGetPCIBusId", unsafe {
            (self.functions.pci_address)(text.as_mut_ptr(), 255, number(gpu))
        })?;
        let address = read(&text).to_ascii_lowercase();
        text = [0; 256];
        // SAFETY: as above.
        check("hipDeviceGetName", unsafe {
            (self.functions.device_name)(text.as_mut_ptr(), 255, number(gpu))
        })?;
        Ok((address, read(&text)))
    }

    fn select(&mut self, gpu: usize) -> Result<(), DriverError> {
        // SAFETY: a number that is none gives an error, no more.
        check("hipSetDevice", unsafe { (self.functions.set_device)(number(gpu)) })?;
        self.present = gpu;
        if self.events.get(gpu).copied().flatten().is_none() {
            let (mut start, mut end): (Handle, Handle) = (ptr::null_mut(), ptr::null_mut());
            // SAFETY: what is written to lives as long as each call.
            unsafe {
                check("hipEventCreate", (self.functions.new_event)(&raw mut start))?;
                check("hipEventCreate", (self.functions.new_event)(&raw mut end))?;
            }
            if let Some(slot) = self.events.get_mut(gpu) {
                *slot = Some((start, end));
            }
        }
        Ok(())
    }

    unsafe fn register(&self, host: *mut c_void, bytes: usize) -> Result<(), DriverError> {
        // SAFETY: the caller keeps the memory until it is unregistered.
        check("hipHostRegister", unsafe { (self.functions.register)(host, bytes, PORTABLE) })
    }

    fn unregister(&self, host: *mut c_void) -> Result<(), DriverError> {
        // SAFETY: an address that is not registered gives an error, no more.
        check("hipHostUnregister", unsafe { (self.functions.unregister)(host) })
    }

    fn allocate(&self, bytes: usize) -> Result<DeviceMemory, DriverError> {
        let mut address: *mut c_void = ptr::null_mut();
        // SAFETY: the pointer that is written to lives as long as the call.
        check("hipMalloc", unsafe { (self.functions.allocate)(&raw mut address, bytes) })?;
        Ok(DeviceMemory(address.addr() as u64))
    }

    fn free(&self, memory: DeviceMemory) -> Result<(), DriverError> {
        // SAFETY: an address that is not allocated gives an error, no more.
        check("hipFree", unsafe { (self.functions.free)(pointer(memory)) })
    }

    unsafe fn copy(
        &self,
        direction: Direction,
        device: DeviceMemory,
        host: *mut c_void,
        bytes: usize,
    ) -> Result<f64, DriverError> {
        let (to, from, kind) = match direction {
            Direction::ToGpu => (pointer(device), host, TO_DEVICE),
            Direction::ToHost => (host, pointer(device), TO_HOST),
        };
        self.timed(|| {
            // SAFETY: the caller vouches for both lengths.
            check("hipMemcpyAsync", unsafe {
                (self.functions.copy)(to, from.cast_const(), bytes, kind, ptr::null_mut())
            })
        })
    }

    unsafe fn there_and_back(&self, device: DeviceMemory, host: *mut c_void) -> Result<(), DriverError> {
        let device = pointer(device);
        // SAFETY: the caller vouches for both lengths; the second copy waits for the first in the same queue.
        unsafe {
            let queue: Handle = ptr::null_mut();
            check("hipMemcpyAsync", (self.functions.copy)(device, host.cast_const(), 8, TO_DEVICE, queue))?;
            check("hipMemcpyAsync", (self.functions.copy)(host, device.cast_const(), 8, TO_HOST, queue))?;
            check("hipDeviceSynchronize", (self.functions.synchronise)())
        }
    }

    fn launch(&self) -> Result<(), DriverError> {
        Err(DriverError::Unsupported("HIP takes compiled code alone, so launches are not measured"))
    }

    fn reach(&self, from: usize, to: usize) -> Result<bool, DriverError> {
        let mut can = 0;
        // SAFETY: the number that is written to lives as long as the call.
        check("hipDeviceCanAccessPeer", unsafe {
            (self.functions.can_reach)(&raw mut can, number(from), number(to))
        })?;
        if can == 0 {
            return Ok(false);
        }
        // SAFETY: a number that is none gives an error, no more.
        let code = unsafe { (self.functions.enable)(number(to), 0) };
        if code != ENABLED_ALREADY {
            check("hipDeviceEnablePeerAccess", code)?;
        }
        Ok(true)
    }

    fn copy_between(
        &self,
        from: (usize, DeviceMemory),
        to: (usize, DeviceMemory),
        bytes: usize,
    ) -> Result<f64, DriverError> {
        let (source, target) = (pointer(from.1).cast_const(), pointer(to.1));
        self.timed(|| {
            // SAFETY: both were allocated with at least so many bytes, on the GPUs that are named.
            check("hipMemcpyPeerAsync", unsafe {
                (self.functions.between)(target, number(to.0), source, number(from.0), bytes, ptr::null_mut())
            })
        })
    }
}
