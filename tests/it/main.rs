//! End-to-end tests of the real binary.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod actions;
mod analysis;
mod bench;
mod bench_collect;
mod cli;
mod collect;
mod compare;
mod completeness;
mod engagement;
mod experiment;
mod field;
mod first_schema;
mod foreign;
mod glibc;
mod gpu;
mod hostile;
mod html;
mod ids;
mod into;
mod kernel_log;
mod load;
mod load_bench;
mod load_tls;
mod losing;
mod nodes;
mod noise_bench;
mod outputs;
mod packs;
mod patterns;
mod recordings;
mod remediate;
mod removal;
mod report;
mod rules;
