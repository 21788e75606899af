//! Files of /proc and of the readings of a window, cgroups, logs.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| plumb_fuzz::target("proc", data));
