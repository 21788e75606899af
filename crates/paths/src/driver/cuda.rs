//! NVIDIA's driver library, `libcuda.so.1`, which every node with the driver has; nothing of the CUDA toolkit is needed.
//!
//! Names and signatures are those of cuda.h, the driver's interface.
#![expect(unsafe_code, reason = "calls the C functions of NVIDIA's driver")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use libloading::Library;

use super::{DeviceMemory, Direction, Driver, DriverError};

const LIBRARY: &str = "libcuda.so.1";

/// An empty kernel. The driver compiles it for the GPU at hand: any since 2014.
const PTX: &[u8] = b".version 7.0\n.target sm_50\n.address_size 64\n.visible .entry nop() { ret; }\n\0";

type Handle = *mut c_void;
/// `CU_MEMHOSTREGISTER_PORTABLE`: page-locked for all contexts.
const PORTABLE: c_uint = 1;
/// `CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED`
const ENABLED_ALREADY: c_int = 704;

macro_rules! functions {
    ($($name:ident: $symbol:literal ($($argument:ty),*);)*) => {
        /// The functions that are called.
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) -> c_int,)*
        }

        impl Functions {
            fn of(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of cuda.h, whose functions keep them; the library is never unloaded.
                unsafe { Ok(Self { $($name: *library.get($symbol)?,)* }) }
            }
        }
    };
}

functions! {
    init: b"cuInit\0" (c_uint);
    version: b"cuDriverGetVersion\0" (*mut c_int);
    error_name: b"cuGetErrorName\0" (c_int, *mut *const c_char);
    device_count: b"cuDeviceGetCount\0" (*mut c_int);
    device: b"cuDeviceGet\0" (*mut c_int, c_int);
    device_name: b"cuDeviceGetName\0" (*mut c_char, c_int, c_int);
    pci_address: b"cuDeviceGetPCIBusId\0" (*mut c_char, c_int, c_int);
    retain: b"cuDevicePrimaryCtxRetain\0" (*mut Handle, c_int);
    release: b"cuDevicePrimaryCtxRelease_v2\0" (c_int);
    set_current: b"cuCtxSetCurrent\0" (Handle);
    synchronise: b"cuCtxSynchronize\0" ();
    register: b"cuMemHostRegister_v2\0" (*mut c_void, usize, c_uint);
    unregister: b"cuMemHostUnregister\0" (*mut c_void);
    allocate: b"cuMemAlloc_v2\0" (*mut u64, usize);
    free: b"cuMemFree_v2\0" (u64);
    to_device: b"cuMemcpyHtoDAsync_v2\0" (u64, *const c_void, usize, Handle);
    to_host: b"cuMemcpyDtoHAsync_v2\0" (*mut c_void, u64, usize, Handle);
    between: b"cuMemcpyPeerAsync\0" (u64, Handle, u64, Handle, usize, Handle);
    can_reach: b"cuDeviceCanAccessPeer\0" (*mut c_int, c_int, c_int);
    enable: b"cuCtxEnablePeerAccess\0" (Handle, c_uint);
    new_event: b"cuEventCreate\0" (*mut Handle, c_uint);
    record: b"cuEventRecord\0" (Handle, Handle);
    wait: b"cuEventSynchronize\0" (Handle);
    elapsed: b"cuEventElapsedTime\0" (*mut f32, Handle, Handle);
    load: b"cuModuleLoadData\0" (*mut Handle, *const c_void);
    function: b"cuModuleGetFunction\0" (*mut Handle, Handle, *const c_char);
    launch: b"cuLaunchKernel\0" (
        Handle, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, Handle, *mut *mut c_void, *mut *mut c_void
    );
}

/// The context of a GPU with what is needed in it.
#[derive(Clone, Copy)]
struct Context {
    device: c_int,
    handle: Handle,
    start: Handle,
    end: Handle,
    nop: Handle,
}

pub(crate) struct Cuda {
    functions: Functions,
    version: c_int,
    contexts: Vec<Option<Context>>,
    present: usize,
    /// Last, so that nothing of it is used after it is gone.
    _library: Library,
}

impl Cuda {
    pub(crate) fn open() -> Result<Self, DriverError> {
        let wrong = |source| DriverError::Library { library: LIBRARY, source };
        // SAFETY: the driver's library runs code when it is loaded; that is what it is loaded for, in a process of its own.
        let library = unsafe { Library::new(LIBRARY) }.map_err(wrong)?;
        let functions = Functions::of(&library).map_err(wrong)?;
        let mut own = Self { functions, version: 0, contexts: Vec::new(), present: 0, _library: library };
        // SAFETY: the arguments are those of cuda.h, and what is written to lives as long as the call.
        let count = unsafe {
            own.check("cuInit", (own.functions.init)(0))?;
            let mut version = 0;
            own.check("cuDriverGetVersion", (own.functions.version)(&raw mut version))?;
            own.version = version;
            let mut count = 0;
            own.check("cuDeviceGetCount", (own.functions.device_count)(&raw mut count))?;
            count
        };
        own.contexts = vec![None; usize::try_from(count).unwrap_or(0)];
        Ok(own)
    }

    fn check(&self, call: &'static str, code: c_int) -> Result<(), DriverError> {
        if code == 0 {
            return Ok(());
        }
        let mut name: *const c_char = ptr::null();
        // SAFETY: gives a text that lives as long as the library, or none.
        let told = unsafe { (self.functions.error_name)(code, &raw mut name) };
        let name = if told == 0 && !name.is_null() {
            // SAFETY: as above, and it ends with a zero.
            unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
        } else {
            "unknown".to_owned()
        };
        Err(DriverError::Call { call, code, name })
    }

    fn device(&self, gpu: usize) -> Result<c_int, DriverError> {
        let mut device = 0;
        let number = c_int::try_from(gpu).unwrap_or(c_int::MAX);
        // SAFETY: the number that is written to lives as long as the call.
        self.check("cuDeviceGet", unsafe { (self.functions.device)(&raw mut device, number) })?;
        Ok(device)
    }

    fn context(&self) -> Result<Context, DriverError> {
        let present = self.contexts.get(self.present).copied().flatten();
        present.ok_or(DriverError::Unsupported("no GPU was selected"))
    }

    /// Seconds between the events around what `work` puts into the present GPU's queue.
    fn timed(&self, work: impl FnOnce() -> Result<(), DriverError>) -> Result<f64, DriverError> {
        let context = self.context()?;
        let queue: Handle = ptr::null_mut();
        // SAFETY: both events are of the present context, and live as long as it.
        self.check("cuEventRecord", unsafe { (self.functions.record)(context.start, queue) })?;
        work()?;
        let mut ms = 0f32;
        // SAFETY: as above; the number that is written to lives as long as the call.
        unsafe {
            self.check("cuEventRecord", (self.functions.record)(context.end, queue))?;
            self.check("cuEventSynchronize", (self.functions.wait)(context.end))?;
            self.check(
                "cuEventElapsedTime",
                (self.functions.elapsed)(&raw mut ms, context.start, context.end),
            )?;
        }
        Ok(f64::from(ms) / 1e3)
    }

    fn synchronise(&self) -> Result<(), DriverError> {
        // SAFETY: waits for the present context.
        self.check("cuCtxSynchronize", unsafe { (self.functions.synchronise)() })
    }
}

impl Driver for Cuda {
    fn name(&self) -> String {
        format!("cuda {}.{}", self.version / 1000, self.version % 1000 / 10)
    }

    fn count(&self) -> usize {
        self.contexts.len()
    }

    fn describe(&self, gpu: usize) -> Result<(String, String), DriverError> {
        let device = self.device(gpu)?;
        let mut text = [0 as c_char; 256];
        let read = |text: &[c_char; 256]| {
            // SAFETY: the library ends it with a zero, and it was all zeros before.
            unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned()
        };
        // SAFETY: the length is one less than the room that is there.
        self.check("cuDeviceGetPCIBusId", unsafe {
            (self.functions.pci_address)(text.as_mut_ptr(), 255, device)
        })?;
        let address = read(&text).to_ascii_lowercase();
        text = [0; 256];
        // SAFETY: as above.
        self.check("cuDeviceGetName", unsafe {
            (self.functions.device_name)(text.as_mut_ptr(), 255, device)
        })?;
        Ok((address, read(&text)))
    }

    fn select(&mut self, gpu: usize) -> Result<(), DriverError> {
        let known = self.contexts.get(gpu).copied().flatten();
        let context = match known {
            Some(context) => context,
            None => {
                let device = self.device(gpu)?;
                let mut made = Context {
                    device,
                    handle: ptr::null_mut(),
                    start: ptr::null_mut(),
                    end: ptr::null_mut(),
                    nop: ptr::null_mut(),
                };
                let mut module: Handle = ptr::null_mut();
                // SAFETY: what is written to lives as long as each call; the PTX ends with a zero; events and module are of the
                // context that was made current just before.
                unsafe {
                    self.check(
                        "cuDevicePrimaryCtxRetain",
                        (self.functions.retain)(&raw mut made.handle, device),
                    )?;
                    self.check("cuCtxSetCurrent", (self.functions.set_current)(made.handle))?;
                    self.check("cuEventCreate", (self.functions.new_event)(&raw mut made.start, 0))?;
                    self.check("cuEventCreate", (self.functions.new_event)(&raw mut made.end, 0))?;
                    self.check(
                        "cuModuleLoadData",
                        (self.functions.load)(&raw mut module, PTX.as_ptr().cast()),
                    )?;
                    let name = c"nop".as_ptr();
                    self.check(
                        "cuModuleGetFunction",
                        (self.functions.function)(&raw mut made.nop, module, name),
                    )?;
                }
                if let Some(slot) = self.contexts.get_mut(gpu) {
                    *slot = Some(made);
                }
                made
            }
        };
        // SAFETY: the context is retained until this is dropped.
        self.check("cuCtxSetCurrent", unsafe { (self.functions.set_current)(context.handle) })?;
        self.present = gpu;
        Ok(())
    }

    unsafe fn register(&self, host: *mut c_void, bytes: usize) -> Result<(), DriverError> {
        // SAFETY: the caller keeps the memory until it is unregistered.
        self.check("cuMemHostRegister", unsafe { (self.functions.register)(host, bytes, PORTABLE) })
    }

    fn unregister(&self, host: *mut c_void) -> Result<(), DriverError> {
        // SAFETY: an address that is not registered gives an error, no more.
        self.check("cuMemHostUnregister", unsafe { (self.functions.unregister)(host) })
    }

    fn allocate(&self, bytes: usize) -> Result<DeviceMemory, DriverError> {
        let mut address = 0;
        // SAFETY: the number that is written to lives as long as the call.
        self.check("cuMemAlloc", unsafe { (self.functions.allocate)(&raw mut address, bytes) })?;
        Ok(DeviceMemory(address))
    }

    fn free(&self, memory: DeviceMemory) -> Result<(), DriverError> {
        // SAFETY: an address that is not allocated gives an error, no more.
        self.check("cuMemFree", unsafe { (self.functions.free)(memory.0) })
    }

    unsafe fn copy(
        &self,
        direction: Direction,
        device: DeviceMemory,
        host: *mut c_void,
        bytes: usize,
    ) -> Result<f64, DriverError> {
        let queue: Handle = ptr::null_mut();
        self.timed(|| match direction {
            // SAFETY: the caller vouches for both lengths.
            Direction::ToGpu => self.check("cuMemcpyHtoDAsync", unsafe {
                (self.functions.to_device)(device.0, host.cast_const(), bytes, queue)
            }),
            // SAFETY: as above.
            Direction::ToHost => self.check("cuMemcpyDtoHAsync", unsafe {
                (self.functions.to_host)(host, device.0, bytes, queue)
            }),
        })
    }

    unsafe fn there_and_back(&self, device: DeviceMemory, host: *mut c_void) -> Result<(), DriverError> {
        let queue: Handle = ptr::null_mut();
        // SAFETY: the caller vouches for both lengths; the second copy waits for the first in the same queue.
        unsafe {
            self.check(
                "cuMemcpyHtoDAsync",
                (self.functions.to_device)(device.0, host.cast_const(), 8, queue),
            )?;
            self.check("cuMemcpyDtoHAsync", (self.functions.to_host)(host, device.0, 8, queue))?;
        }
        self.synchronise()
    }

    fn launch(&self) -> Result<(), DriverError> {
        let context = self.context()?;
        // SAFETY: the kernel is of the present context and takes no arguments.
        self.check("cuLaunchKernel", unsafe {
            (self.functions.launch)(
                context.nop,
                1,
                1,
                1,
                1,
                1,
                1,
                0,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })?;
        self.synchronise()
    }

    fn reach(&self, from: usize, to: usize) -> Result<bool, DriverError> {
        let (one, other) = (self.device(from)?, self.device(to)?);
        let mut can = 0;
        // SAFETY: the number that is written to lives as long as the call.
        self.check("cuDeviceCanAccessPeer", unsafe { (self.functions.can_reach)(&raw mut can, one, other) })?;
        if can == 0 {
            return Ok(false);
        }
        let Some(target) = self.contexts.get(to).copied().flatten() else { return Ok(false) };
        // SAFETY: the context of the other GPU is retained until this is dropped.
        let code = unsafe { (self.functions.enable)(target.handle, 0) };
        if code != ENABLED_ALREADY {
            self.check("cuCtxEnablePeerAccess", code)?;
        }
        Ok(true)
    }

    fn copy_between(
        &self,
        from: (usize, DeviceMemory),
        to: (usize, DeviceMemory),
        bytes: usize,
    ) -> Result<f64, DriverError> {
        let context = |gpu: usize| {
            let found = self.contexts.get(gpu).copied().flatten();
            found.map(|context| context.handle).ok_or(DriverError::Unsupported("a GPU has no context"))
        };
        let (source, target) = (context(from.0)?, context(to.0)?);
        self.timed(|| {
            // SAFETY: both were allocated with at least so many bytes, in the contexts that are named.
            self.check("cuMemcpyPeerAsync", unsafe {
                (self.functions.between)(to.1.0, target, from.1.0, source, bytes, ptr::null_mut())
            })
        })
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        for context in self.contexts.iter().flatten() {
            // SAFETY: retained once, when it was selected first; nothing of it is used afterwards.
            let _ = unsafe { (self.functions.release)(context.device) };
        }
    }
}
