//! The worker process: loads one pack, and evaluates what the host sends until it closes the socket.
//!
//! The host starts it with its own executable, and gives it three descriptors through the standard streams, because these
//! are what a child can be given without unsafe code in the host: the socket as input, the library as output, a pipe for
//! diagnostics. They move to 3 and 4 at once, so that a pack that reads or prints finds `/dev/null`.
#![expect(unsafe_code, reason = "moves file descriptors to fixed numbers")]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{dup2_raw, dup2_stdin, dup2_stdout};
use plumb_check_sdk::abi::{PLUMB_STATUS_ERROR, PLUMB_STATUS_OK, PLUMB_STATUS_PANIC};

use crate::frame::{self, Hello, Kind, STATUS_CONTRACT, Start};
use crate::{library, sandbox};

/// The socket to the host.
const SOCKET: i32 = 3;
/// The library to load.
const LIBRARY: i32 = 4;

/// Runs the worker; what the hidden subcommand of the binary calls, before anything else is set up.
///
/// Call it on the main thread of a process that has no other threads: the sandbox covers the calling thread and those
/// that it starts.
#[must_use]
pub fn worker_main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Read by the host; there is nobody else to tell if it fails.
            let _ = writeln!(io::stderr(), "worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let (mut socket, library) = take_descriptors()?;
    let Some(first) = frame::read(&mut socket)? else { return Ok(()) };
    let start: Start = match first.kind {
        Kind::Start => serde_json::from_slice(&first.payload)?,
        kind => return Err(io::Error::other(format!("expected a start frame, found {kind:?}"))),
    };
    if let Ok(name) = std::ffi::CString::new(format!("plumb:{}", start.pack)) {
        // Cosmetic: what `ps` and `top` show.
        let _ = prctl::set_name(&name);
    }
    let sandbox = sandbox::enter(start.memory_bytes, &library);
    frame::write(&mut socket, Kind::Ready, &[&serde_json::to_vec(&sandbox)?])?;
    if start.require_sandbox && !sandbox.unavailable.is_empty() {
        let reason = format!("the sandbox is not complete: {}", sandbox.unavailable.join(", "));
        return frame::write(&mut socket, Kind::Refused, &[reason.as_bytes()]);
    }
    match load(sandbox.is_filtered()) {
        Ok(pack) => {
            drop(library);
            serve(&mut socket, &pack)
        }
        Err(reason) => frame::write(&mut socket, Kind::Refused, &[reason.as_bytes()]),
    }
}

fn load(is_filtered: bool) -> Result<library::Pack, String> {
    let loaded = library::load(&format!("/proc/self/fd/{LIBRARY}"))?;
    // Where the first filter is in force, the second can only fail because an initialiser saw to it.
    match sandbox::seal() {
        Err(reason) if is_filtered => return Err(format!("cannot be confined after loading: {reason}")),
        _ => {}
    }
    loaded.check()
}

fn serve(socket: &mut File, pack: &library::Pack) -> io::Result<()> {
    let manifest = match pack.manifest() {
        Ok(manifest) => manifest,
        Err(reason) => return frame::write(socket, Kind::Refused, &[reason.as_bytes()]),
    };
    let hello = Hello { abi_minor: pack.abi_minor, has_evaluate_checks: pack.has_evaluate_checks() };
    frame::write(socket, Kind::Hello, &[&frame::with_length(&serde_json::to_vec(&hello)?), manifest])?;
    while let Some(request) = frame::read(socket)? {
        let parts = request
            .payload
            .split_first_chunk::<4>()
            .map(|(number, rest)| (number, frame::split_length(rest)));
        let (number, checks, evidence) = match (request.kind, parts) {
            (Kind::Evaluate, Some((number, Some((checks, evidence))))) => (number, checks, evidence),
            (kind, _) => return Err(io::Error::other(format!("expected evidence, found {kind:?}"))),
        };
        let answered = pack.evaluate(checks, evidence, |status, reply| match status {
            PLUMB_STATUS_OK | PLUMB_STATUS_ERROR | PLUMB_STATUS_PANIC => {
                frame::write(socket, Kind::Reply, &[number, &[status as u8], reply])
            }
            _ => {
                let reason = format!("returned status {status}");
                frame::write(socket, Kind::Reply, &[number, &[STATUS_CONTRACT], reason.as_bytes()])
            }
        });
        match answered {
            Ok(written) => written?,
            Err(reason) => {
                frame::write(socket, Kind::Reply, &[number, &[STATUS_CONTRACT], reason.as_bytes()])?
            }
        }
    }
    Ok(())
}

fn take_descriptors() -> io::Result<(File, OwnedFd)> {
    let (input, output) = (io::stdin(), io::stdout());
    let kind = |fd: &dyn AsFd| -> io::Result<SFlag> {
        Ok(SFlag::from_bits_truncate(fstat(fd.as_fd())?.st_mode & SFlag::S_IFMT.bits()))
    };
    if kind(&input)? != SFlag::S_IFSOCK || kind(&output)? != SFlag::S_IFREG {
        return Err(io::Error::other(
            "started by hand: plumb itself starts workers, with a socket and a library",
        ));
    }
    // SAFETY: nothing in this process owns the two numbers: it has only just been started, with three descriptors.
    let (socket, library) = unsafe { (dup2_raw(&input, SOCKET)?, dup2_raw(&output, LIBRARY)?) };
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    drop(null);
    // Whatever the host's own parent leaked to it.
    // SAFETY: nothing in this process owns a descriptor above the two.
    unsafe { libc::close_range(5, libc::c_uint::MAX, 0) };
    Ok((File::from(socket), library))
}
