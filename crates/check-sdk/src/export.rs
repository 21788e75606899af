//! The pack's side of the C ABI: what `export_pack!` expands to, and the guard around it.
#![expect(unsafe_code, reason = "the functions of the C ABI take and give raw memory")]

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::{
    PLUMB_ABI_MAJOR, PLUMB_ABI_MINOR, PLUMB_STATUS_ERROR, PLUMB_STATUS_OK, PLUMB_STATUS_PANIC, PlumbBuffer,
    PlumbPack, PlumbSlice,
};
use crate::pack::{Pack, Reply};

// Without unwinding the guard below cannot catch anything, and an author would learn it from a dead worker.
#[cfg(panic = "abort")]
compile_error!(
    "a check pack must be built with `panic = \"unwind\"`: remove `panic = \"abort\"` from the profile"
);

/// Exports the pack of a `cdylib` crate: its id, and one value of each check.
///
/// The version of the pack is the version of the crate. The macro also defines `pub fn pack() -> &'static Pack`, for
/// tests. `pages: pages` in place of the checks makes the module of that name of what `plumb_pack_build` made of the pages
/// beside the checks, and exports these checks with their sentences.
///
/// ```
/// use plumb_check_sdk::{Check, CheckMeta, Evidence, Finding, Missing};
///
/// struct KernelKnown;
///
/// impl Check for KernelKnown {
///     fn meta(&self) -> &'static CheckMeta {
///         &META
///     }
///
///     fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
///         let kernel: String = evidence.get("/node/kernel")?;
///         Ok(vec![META.pass("node", format!("the kernel is {kernel}"))])
///     }
/// }
///
/// # use std::borrow::Cow::Borrowed;
/// static META: CheckMeta = CheckMeta {
///     id: Borrowed("sample.kernel-known"),
///     needs: Borrowed(&[Borrowed("/node/kernel")]),
///     // …
/// #   title: Borrowed("The kernel tells its release"),
/// #   category: plumb_check_sdk::Category::Platform,
/// #   severity: plumb_check_sdk::Severity::Low,
/// #   gate: false,
/// #   top15_rank: None,
/// #   rationale: Borrowed("r"),
/// #   business: Borrowed("b"),
/// #   remediation: plumb_check_sdk::Remediation {
/// #       runtime: Borrowed("r"),
/// #       persistent: Borrowed("p"),
/// #       rollback: Borrowed("b"),
/// #       change: plumb_check_sdk::ChangeKind::Process,
/// #       verification: Borrowed("v"),
/// #       expected_effect: Borrowed("e"),
/// #   },
/// #   questions: Borrowed(&[]),
/// #   positions: Borrowed(&[]),
/// #   claims: Borrowed(&[]),
/// #   thresholds: Borrowed(&[]),
/// #   amplified_by: Borrowed(&[]),
/// #   applicability: Borrowed("a"),
/// #   caveat: None,
/// #   references: Borrowed(&[]),
/// };
///
/// plumb_check_sdk::export_pack! { id: "sample", checks: [KernelKnown] }
///
/// # fn main() {
/// let findings = pack().evaluate(br#"{"node": {"kernel": "6.18.0"}}"#).unwrap();
/// assert_eq!(findings[0].message, "the kernel is 6.18.0");
/// # }
/// ```
///
/// A value that is no check is refused with a hint:
///
/// ```compile_fail
/// struct NotACheck;
/// plumb_check_sdk::export_pack! { id: "sample", checks: [NotACheck] }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_pack {
    (id: $id:literal, checks: [$($check:expr),+ $(,)?] $(,)?) => {
        $crate::export_pack! { id: $id, words: "", checks: [$($check),+] }
    };
    (id: $id:literal, words: $words:expr, checks: [$($check:expr),+ $(,)?] $(,)?) => {
        $crate::export_pack! { id: $id, words: $words, all: &[$(&$check as &dyn $crate::Check),+] }
    };
    (id: $id:literal, pages: $pages:ident $(,)?) => {
        #[doc(hidden)]
        pub mod $pages {
            //! What the build makes of the pages beside the checks.
            ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/pages.rs"));
        }

        $crate::export_pack! { id: $id, words: $pages::WORDS, all: $pages::CHECKS }
    };
    (id: $id:literal, words: $words:expr, all: $checks:expr) => {
        static PLUMB_PACK: $crate::Pack = $crate::Pack::new(
            $id,
            ::core::env!("CARGO_PKG_VERSION"),
            ::core::concat!("lib", ::core::env!("CARGO_CRATE_NAME"), ".so"),
            $words,
            $checks,
        );

        /// The pack that this library exports.
        #[must_use]
        pub fn pack() -> &'static $crate::Pack {
            &PLUMB_PACK
        }

        const _: () = {
            extern "C" fn manifest() -> $crate::abi::PlumbSlice {
                $crate::export::manifest(&PLUMB_PACK)
            }

            #[allow(unsafe_code, reason = "the C ABI is spoken by the SDK, not by the pack")]
            unsafe extern "C" fn evaluate(
                evidence: $crate::abi::PlumbSlice,
                reply: *mut $crate::abi::PlumbBuffer,
            ) -> i32 {
                // SAFETY: the worker keeps the contract of `PlumbPack::evaluate`, which is that of this function.
                unsafe { $crate::export::evaluate(&PLUMB_PACK, ::core::option::Option::None, evidence, reply) }
            }

            #[allow(unsafe_code, reason = "the C ABI is spoken by the SDK, not by the pack")]
            unsafe extern "C" fn evaluate_checks(
                checks: $crate::abi::PlumbSlice,
                evidence: $crate::abi::PlumbSlice,
                reply: *mut $crate::abi::PlumbBuffer,
            ) -> i32 {
                // SAFETY: the worker keeps the contract of `PlumbPack::evaluate_checks`, which is that of this function.
                unsafe { $crate::export::evaluate(&PLUMB_PACK, ::core::option::Option::Some(checks), evidence, reply) }
            }

            extern "C" fn words() -> $crate::abi::PlumbSlice {
                $crate::export::words(&PLUMB_PACK)
            }

            static TABLE: $crate::abi::PlumbPack =
                $crate::export::table(manifest, evaluate, $crate::export::free, evaluate_checks, words);

            #[allow(unsafe_code, reason = "the worker finds the pack by this name")]
            #[unsafe(no_mangle)]
            pub extern "C" fn plumb_pack_v1() -> *const $crate::abi::PlumbPack {
                &TABLE
            }
        };
    };
}

/// The table of a pack that is built with this SDK.
#[doc(hidden)]
#[must_use]
pub const fn table(
    manifest: unsafe extern "C" fn() -> PlumbSlice,
    evaluate: unsafe extern "C" fn(PlumbSlice, *mut PlumbBuffer) -> i32,
    free: unsafe extern "C" fn(PlumbBuffer),
    evaluate_checks: unsafe extern "C" fn(PlumbSlice, PlumbSlice, *mut PlumbBuffer) -> i32,
    words: unsafe extern "C" fn() -> PlumbSlice,
) -> PlumbPack {
    PlumbPack {
        magic: PlumbPack::MAGIC,
        abi_major: PLUMB_ABI_MAJOR,
        abi_minor: PLUMB_ABI_MINOR,
        size: std::mem::size_of::<PlumbPack>(),
        manifest: Some(manifest),
        evaluate: Some(evaluate),
        free: Some(free),
        evaluate_checks: Some(evaluate_checks),
        words: Some(words),
    }
}

/// `PlumbPack::words` of a pack in Rust.
#[doc(hidden)]
#[must_use]
pub fn words(pack: &'static Pack) -> PlumbSlice {
    let json = pack.words().as_bytes();
    PlumbSlice { ptr: json.as_ptr(), len: json.len() }
}

/// `PlumbPack::manifest` of a pack in Rust.
#[doc(hidden)]
#[must_use]
pub fn manifest(pack: &'static Pack) -> PlumbSlice {
    // An empty manifest is refused by the host with a text of its own; an unwinding panic would abort the worker.
    let json = catch_unwind(AssertUnwindSafe(|| pack.manifest_json())).unwrap_or_else(|payload| {
        forget(payload);
        &[]
    });
    PlumbSlice { ptr: json.as_ptr(), len: json.len() }
}

/// `PlumbPack::evaluate` and `PlumbPack::evaluate_checks` of a pack in Rust.
///
/// # Safety
/// `evidence` and `checks` must be readable for the call, and `reply` must be valid for a write.
#[doc(hidden)]
pub unsafe fn evaluate(
    pack: &'static Pack,
    checks: Option<PlumbSlice>,
    evidence: PlumbSlice,
    reply: *mut PlumbBuffer,
) -> i32 {
    // SAFETY: readable for the call by the contract of this function; the borrows end with it.
    let (evidence, checks) = unsafe { (bytes(&evidence), checks.as_ref().map(|slice| bytes(slice))) };
    let (status, text) = reply_to(pack, checks, evidence);
    // SAFETY: valid for a write by the contract of this function.
    unsafe { reply.write(into_buffer(text)) };
    status
}

/// Status and reply of a pack in Rust, as they cross the ABI.
#[doc(hidden)]
#[must_use]
pub fn reply_to(pack: &Pack, checks: Option<&[u8]>, evidence: &[u8]) -> (i32, Vec<u8>) {
    match catch_unwind(AssertUnwindSafe(|| answer(pack, checks, evidence))) {
        Ok(Ok(json)) => (PLUMB_STATUS_OK, json),
        Ok(Err(reason)) => (PLUMB_STATUS_ERROR, reason.into_bytes()),
        Err(payload) => (PLUMB_STATUS_PANIC, panic_message(payload).into_bytes()),
    }
}

fn answer(pack: &Pack, checks: Option<&[u8]>, evidence: &[u8]) -> Result<Vec<u8>, String> {
    let findings = match checks {
        None => pack.evaluate(evidence),
        Some(list) => {
            let ids: Vec<String> = serde_json::from_slice(list)
                .map_err(|error| format!("the list of checks is not a JSON array of ids: {error}"))?;
            pack.evaluate_checks(&ids, evidence)
        }
    };
    let findings = findings.map_err(|error| match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })?;
    serde_json::to_vec(&Reply { findings })
        .map_err(|error| format!("cannot write the findings as JSON: {error}"))
}

/// `PlumbPack::free` of a pack in Rust.
///
/// # Safety
/// `buffer` must come from [`evaluate`] of the same library and must not be used afterwards.
#[doc(hidden)]
pub unsafe extern "C" fn free(buffer: PlumbBuffer) {
    if !buffer.ptr.is_null() {
        // SAFETY: pointer, length and capacity are those of the `Vec<u8>` that `into_buffer` took apart.
        drop(unsafe { Vec::from_raw_parts(buffer.ptr, buffer.len, buffer.capacity) });
    }
}

fn into_buffer(bytes: Vec<u8>) -> PlumbBuffer {
    let mut bytes = std::mem::ManuallyDrop::new(bytes);
    PlumbBuffer { ptr: bytes.as_mut_ptr(), len: bytes.len(), capacity: bytes.capacity() }
}

/// # Safety
/// `slice` must be readable for the lifetime of the result.
unsafe fn bytes(slice: &PlumbSlice) -> &[u8] {
    if slice.ptr.is_null() || slice.len == 0 {
        return &[];
    }
    // SAFETY: not null, and readable by the contract of this function.
    unsafe { std::slice::from_raw_parts(slice.ptr, slice.len) }
}

/// The text of a panic.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let text = if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is not a text".to_owned()
    };
    forget(payload);
    text
}

/// Leaks a payload, because its destructor may panic again, outside of any guard.
fn forget(payload: Box<dyn Any + Send>) {
    std::mem::forget(payload);
}
