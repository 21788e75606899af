//! The reader of bundles.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| plumb_fuzz::bundle(data));
