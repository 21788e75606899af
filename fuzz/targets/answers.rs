//! What libraries, measurements and the node's lists answered: XML, JSON, masks.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| plumb_fuzz::target("answers", data));
