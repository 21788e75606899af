//! A loaded pack: the only code that calls `dlopen` and foreign functions. Runs in a worker only.
#![expect(unsafe_code, reason = "loads a library and calls through the C ABI")]

use std::ptr;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use plumb_check_sdk::abi::{PLUMB_ABI_MAJOR, PlumbBuffer, PlumbPack, PlumbSlice};

use crate::frame::{MAX_REPLY, REPLY_HEAD};

const SYMBOL: &str = "plumb_pack_v1";

/// The address that a pack's `plumb_pack_v1` returned. Nothing behind it has been read yet.
pub(crate) struct Loaded {
    table: *const u8,
}

/// A pack whose table was checked.
pub(crate) struct Pack {
    pub abi_minor: u32,
    manifest: unsafe extern "C" fn() -> PlumbSlice,
    evaluate: unsafe extern "C" fn(PlumbSlice, *mut PlumbBuffer) -> i32,
    evaluate_checks: Option<unsafe extern "C" fn(PlumbSlice, PlumbSlice, *mut PlumbBuffer) -> i32>,
    words: Option<unsafe extern "C" fn() -> PlumbSlice>,
    free: unsafe extern "C" fn(PlumbBuffer),
}

/// Loads the library at `path` for good and asks for the address of its table.
///
/// It is never unloaded: a Rust library with thread-locals stays mapped anyway, and one without would leave dangling
/// pointers. Another version of a pack means another worker.
pub(crate) fn load(path: &str) -> Result<Loaded, String> {
    // SAFETY: initialisers of the library run here. They are foreign code whose soundness nobody can prove; that is why
    // this process holds nothing of value and is already sandboxed.
    let library =
        unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| with_source(&error))?;
    // SAFETY: the type is the one that the ABI gives to this symbol; a library that lies breaks this process only.
    let entry = unsafe { library.get::<unsafe extern "C" fn() -> *const u8>(SYMBOL) };
    let entry = match entry {
        Ok(entry) => *entry,
        Err(_) => return Err(without_symbol(&library)),
    };
    std::mem::forget(library);
    // SAFETY: takes no arguments; returns an address that is checked before it is read.
    Ok(Loaded { table: unsafe { entry() } })
}

fn without_symbol(library: &Library) -> String {
    let other = (0..100).filter(|&major| major != PLUMB_ABI_MAJOR).find(|major| {
        // SAFETY: the symbol is looked up, not used.
        unsafe { library.get::<unsafe extern "C" fn()>(format!("plumb_pack_v{major}")) }.is_ok()
    });
    match other {
        Some(major) => format!(
            "speaks ABI {major}, this plumb speaks ABI {PLUMB_ABI_MAJOR}: use the version of pack and plumb that match"
        ),
        None => format!("exports no `{SYMBOL}`: it is not a check pack"),
    }
}

fn with_source(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl Loaded {
    /// Reads the table in the order that the ABI lays down.
    pub(crate) fn check(&self) -> Result<Pack, String> {
        let table = self.table;
        if table.is_null() {
            return Err(format!("`{SYMBOL}` returned null"));
        }
        let at = |offset: usize| table.wrapping_add(offset);
        // SAFETY: a pack promises that the eight bytes of `magic` are readable; unaligned, in case it lies about the rest.
        let magic: [u8; 8] = unsafe { ptr::read_unaligned(table.cast()) };
        if magic != PlumbPack::MAGIC {
            return Err(format!(
                "its table begins with `{}`, expected `{}`",
                magic.escape_ascii(),
                PlumbPack::MAGIC.escape_ascii()
            ));
        }
        // SAFETY: with the right magic, the header up to `size` is readable.
        let (major, minor, size) = unsafe {
            let major: u32 = ptr::read_unaligned(at(std::mem::offset_of!(PlumbPack, abi_major)).cast());
            let minor: u32 = ptr::read_unaligned(at(std::mem::offset_of!(PlumbPack, abi_minor)).cast());
            let size: usize = ptr::read_unaligned(at(std::mem::offset_of!(PlumbPack, size)).cast());
            (major, minor, size)
        };
        if major != PLUMB_ABI_MAJOR {
            return Err(format!("its table has ABI {major}, expected {PLUMB_ABI_MAJOR}"));
        }
        if size < PlumbPack::SIZE_V1_0 {
            return Err(format!("its table has {size} bytes, expected at least {}", PlumbPack::SIZE_V1_0));
        }
        // A field past `size` is absent, which for a function pointer is null.
        let mut known = std::mem::MaybeUninit::<PlumbPack>::zeroed();
        // SAFETY: both are valid for the bytes that pack and worker have in common; all-zero bytes are a valid table, and
        // so is what a pack of this major wrote.
        let known = unsafe {
            ptr::copy_nonoverlapping(
                table,
                known.as_mut_ptr().cast::<u8>(),
                size.min(size_of::<PlumbPack>()),
            );
            known.assume_init()
        };
        let absent = |name: &str| format!("its table has no `{name}`");
        Ok(Pack {
            abi_minor: minor,
            manifest: known.manifest.ok_or_else(|| absent("manifest"))?,
            evaluate: known.evaluate.ok_or_else(|| absent("evaluate"))?,
            free: known.free.ok_or_else(|| absent("free"))?,
            evaluate_checks: known.evaluate_checks,
            words: known.words,
        })
    }
}

impl Pack {
    pub(crate) fn has_evaluate_checks(&self) -> bool {
        self.evaluate_checks.is_some()
    }

    /// The manifest that is embedded in the library.
    pub(crate) fn manifest(&self) -> Result<&[u8], String> {
        // SAFETY: the function takes no arguments.
        let slice = unsafe { (self.manifest)() };
        let bytes = embedded(slice, "manifest")?;
        if bytes.is_empty() { Err("its embedded manifest is empty".to_owned()) } else { Ok(bytes) }
    }

    /// The words that are embedded in the library; empty if it has none.
    pub(crate) fn words(&self) -> Result<&[u8], String> {
        let Some(words) = self.words else { return Ok(&[]) };
        // SAFETY: the function takes no arguments.
        embedded(unsafe { words() }, "list of words")
    }

    /// Evaluates, and hands status and reply to `answer`. `checks` is a JSON array of ids, or empty for all checks.
    pub(crate) fn evaluate<T>(
        &self,
        checks: &[u8],
        evidence: &[u8],
        answer: impl FnOnce(i32, &[u8]) -> T,
    ) -> Result<T, String> {
        let lend = |bytes: &[u8]| PlumbSlice { ptr: bytes.as_ptr(), len: bytes.len() };
        let mut reply = PlumbBuffer::EMPTY;
        let status = match (checks.is_empty(), self.evaluate_checks) {
            // SAFETY: the slices are lent for the call, and `reply` can be written.
            (true, _) => unsafe { (self.evaluate)(lend(evidence), &raw mut reply) },
            // SAFETY: as above.
            (false, Some(evaluate)) => unsafe { evaluate(lend(checks), lend(evidence), &raw mut reply) },
            (false, None) => return Err("cannot evaluate single checks: its ABI is 1.0".to_owned()),
        };
        let bytes: &[u8] = match (reply.ptr.is_null(), reply.len) {
            (_, 0) => &[],
            (true, length) => return Err(format!("replied with a null buffer of {length} bytes")),
            // SAFETY: by contract the pack's memory, readable until `free`.
            (false, length) if length <= MAX_REPLY - REPLY_HEAD => unsafe {
                std::slice::from_raw_parts(reply.ptr, length)
            },
            (false, length) => {
                return Err(format!(
                    "replied with {length} bytes, at most {} allowed",
                    MAX_REPLY - REPLY_HEAD
                ));
            }
        };
        let answered = answer(status, bytes);
        // SAFETY: the buffer came from this pack's last call and is not used afterwards.
        unsafe { (self.free)(reply) };
        Ok(answered)
    }
}

/// Memory of the pack that it keeps for the life of the process.
fn embedded(slice: PlumbSlice, what: &str) -> Result<&'static [u8], String> {
    if slice.ptr.is_null() || slice.len == 0 {
        return Ok(&[]);
    }
    if slice.len > MAX_REPLY {
        return Err(format!("its embedded {what} has {} bytes, at most {MAX_REPLY} allowed", slice.len));
    }
    // SAFETY: by contract readable for the life of the process: a pack is never unloaded.
    Ok(unsafe { std::slice::from_raw_parts(slice.ptr, slice.len) })
}
