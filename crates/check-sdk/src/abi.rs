//! The C ABI between a pack and the worker process that loads it, version 1.
//!
//! A pack exports one function, `plumb_pack_v1`, whose name carries the ABI major. It returns the address of a
//! [`PlumbPack`], which must stay valid for the life of the process. The worker reads it in this order, and stops with
//! an error at the first field that it cannot accept: the address is not null; `magic`; `abi_major`; `size`;
//! `abi_minor`. The table only ever grows at its end: a field that lies past `size` is absent.
//!
//! Memory of the worker is lent for the duration of a call. Memory of the pack goes back through the pack's own
//! `free`; the two never share an allocator.

/// Major version of the ABI; part of the name of the exported function.
pub const PLUMB_ABI_MAJOR: u32 = 1;
/// Minor version of the ABI that this header describes. 1 added `evaluate_checks`; 2 added `words` and findings with
/// object, variant, arguments, intents and cause.
pub const PLUMB_ABI_MINOR: u32 = 2;
/// Minor version in which the sentences of packs came in.
///
/// cbindgen:ignore
pub const ABI_MINOR_OF_WORDS: u32 = 2;
/// `evaluate` succeeded; the reply is a JSON document.
pub const PLUMB_STATUS_OK: i32 = 0;
/// `evaluate` failed; the reply is the reason as UTF-8 text.
pub const PLUMB_STATUS_ERROR: i32 = 1;
/// The pack panicked and caught it; the reply is the message as UTF-8 text.
pub const PLUMB_STATUS_PANIC: i32 = 2;

/// Bytes that the callee may read for the duration of the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PlumbSlice {
    /// First byte; may be null if `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

/// Bytes that the pack allocated and that only the pack's `free` may release.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PlumbBuffer {
    /// First byte; null for an empty buffer.
    pub ptr: *mut u8,
    /// Number of bytes in use.
    pub len: usize,
    /// For the pack's own use: what its allocator needs to release the buffer.
    pub capacity: usize,
}

impl PlumbBuffer {
    /// A buffer without memory.
    pub const EMPTY: Self = Self { ptr: std::ptr::null_mut(), len: 0, capacity: 0 };
}

/// What a pack is and does. All functions are called from one thread of the worker, never at the same time.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PlumbPack {
    /// The eight bytes `PLUMBPCK`, without a terminating zero.
    pub magic: [u8; 8],
    /// `PLUMB_ABI_MAJOR`.
    pub abi_major: u32,
    /// `PLUMB_ABI_MINOR` of the header that the pack was built with.
    pub abi_minor: u32,
    /// Size of this table in bytes, as the pack was built.
    pub size: usize,
    /// Returns the manifest as JSON. The memory belongs to the pack and stays valid for the life of the process.
    /// [worker thread]
    pub manifest: Option<unsafe extern "C" fn() -> PlumbSlice>,
    /// Runs all checks on the evidence (JSON, lent for the call) and stores a buffer in `reply`: for
    /// `PLUMB_STATUS_OK` the JSON document `{"findings": […]}`, else a text. Returns a `PLUMB_STATUS_…`.
    /// [worker thread]
    pub evaluate: Option<unsafe extern "C" fn(evidence: PlumbSlice, reply: *mut PlumbBuffer) -> i32>,
    /// Releases a buffer that `evaluate` or `evaluate_checks` stored. [worker thread]
    pub free: Option<unsafe extern "C" fn(buffer: PlumbBuffer)>,
    /// As `evaluate`, for the checks whose ids are in the JSON array `checks` (lent for the call) only. May be null:
    /// then one check that crashes takes the answers of the whole pack with it. Since ABI 1.1. [worker thread]
    pub evaluate_checks: Option<
        unsafe extern "C" fn(checks: PlumbSlice, evidence: PlumbSlice, reply: *mut PlumbBuffer) -> i32,
    >,
    /// Returns the sentences of the pack's checks as JSON: by language, by check, the text of a message file
    /// (`{"en": {"my.check": "title = …"}}`). The memory belongs to the pack and stays valid for the life of the process.
    /// May be null: then findings carry their own `message`. Since ABI 1.2. [worker thread]
    pub words: Option<unsafe extern "C" fn() -> PlumbSlice>,
}

impl PlumbPack {
    /// The first eight bytes of every table.
    ///
    /// cbindgen:ignore
    pub const MAGIC: [u8; 8] = *b"PLUMBPCK";
    /// Bytes up to and including `size`: what must be readable before `size` is known.
    pub const HEADER_SIZE: usize = std::mem::offset_of!(Self, manifest);
    /// Size of the table of ABI 1.0, the least that a worker accepts.
    pub const SIZE_V1_0: usize = std::mem::offset_of!(Self, evaluate_checks);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn layout_is_the_published_one() {
        assert_eq!(std::mem::offset_of!(PlumbPack, abi_major), 8);
        assert_eq!(std::mem::offset_of!(PlumbPack, abi_minor), 12);
        assert_eq!(std::mem::offset_of!(PlumbPack, size), 16);
        assert_eq!(std::mem::offset_of!(PlumbPack, manifest), 24);
        assert_eq!(std::mem::offset_of!(PlumbPack, evaluate), 32);
        assert_eq!(std::mem::offset_of!(PlumbPack, free), 40);
        assert_eq!(std::mem::offset_of!(PlumbPack, evaluate_checks), 48);
        assert_eq!(PlumbPack::HEADER_SIZE, 24);
        assert_eq!(PlumbPack::SIZE_V1_0, 48);
        assert_eq!(std::mem::offset_of!(PlumbPack, words), 56);
        assert_eq!(std::mem::size_of::<PlumbPack>(), 64);
    }
}
