//! Files of /sys, firmware tables included.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| plumb_fuzz::target("sys", data));
