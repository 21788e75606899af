//! Configuration files of kernel, boot loader, services, containers, Kubernetes.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| plumb_fuzz::target("configuration", data));
