//! A worker without the rest of plumb.
//!
//! `plumb` starts itself as a worker. This executable is for programs that embed the host but cannot do that, and for a
//! plumb that is linked statically: such a program cannot load libraries, so its workers have to be another one.

use std::process::ExitCode;

fn main() -> ExitCode {
    plumb_pack_host::worker_main()
}
