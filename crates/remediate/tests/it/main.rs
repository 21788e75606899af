//! Plans and files of synthetic nodes, checked by the programs that will read them.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod checkers;
mod hostile;
mod intents;
mod plans;
mod scripts;
mod support;
