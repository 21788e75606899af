//! The worker process: loads one pack, or reads one file of rules, and evaluates what the host sends until it closes the socket.
//!
//! The host starts it with its own executable, and gives it three descriptors through the standard streams, because these
//! are what a child can be given without unsafe code in the host: the socket as input, the library as output, a pipe for
//! diagnostics. They move to 3 and 4 at once, so that a pack that reads or prints finds `/dev/null`.
#![expect(unsafe_code, reason = "moves file descriptors to fixed numbers, and closes the others")]

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, RawFd};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{dup2_raw, dup2_stdin, dup2_stdout};
use plumb_check_sdk::Pack;
use plumb_check_sdk::abi::{PLUMB_ABI_MINOR, PLUMB_STATUS_ERROR, PLUMB_STATUS_OK, PLUMB_STATUS_PANIC};

use plumb_check_sdk::export::reply_to;

use crate::discover::PackForm;
use crate::frame::{self, Hello, Kind, STATUS_CONTRACT, Start};
use crate::host::INCOMPLETE;
use crate::words::Writer;
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
        let reason = format!("{INCOMPLETE}: {}", sandbox.unavailable.join(", "));
        return frame::write(&mut socket, Kind::Refused, &[reason.as_bytes()]);
    }
    let is_filtered = sandbox.is_filtered();
    let loaded = match start.form {
        PackForm::Library => load(is_filtered).map(Answerer::Library),
        PackForm::Rules => rules(&library, &start.file, is_filtered).map(Answerer::Rules),
    };
    match loaded {
        Ok(pack) => {
            drop(library);
            serve(&mut socket, &pack, &start.languages)
        }
        Err(reason) => frame::write(&mut socket, Kind::Refused, &[reason.as_bytes()]),
    }
}

/// What answers for the pack.
enum Answerer {
    /// Foreign code, behind the C ABI.
    Library(library::Pack),
    /// Our own evaluation of foreign rules.
    Rules(&'static Pack),
}

impl Answerer {
    fn hello(&self, languages: Vec<String>) -> Hello {
        let (abi_minor, has_evaluate_checks) = match self {
            Self::Library(pack) => (pack.abi_minor, pack.has_evaluate_checks()),
            Self::Rules(_) => (PLUMB_ABI_MINOR, true),
        };
        Hello { abi_minor, has_evaluate_checks, languages }
    }

    fn manifest(&self) -> Result<Cow<'_, [u8]>, String> {
        match self {
            Self::Library(pack) => pack.manifest().map(Cow::Borrowed),
            Self::Rules(pack) => {
                let json = serde_json::to_vec(&pack.manifest()).map_err(|error| error.to_string())?;
                Ok(Cow::Owned(json))
            }
        }
    }

    /// What writes the sentences of the pack's findings; `None` for a pack without pages.
    fn writer(&self, languages: &[String]) -> Result<Option<Writer>, String> {
        let words = match self {
            Self::Library(pack) => pack.words()?,
            Self::Rules(pack) => pack.words().as_bytes(),
        };
        if words.is_empty() { Ok(None) } else { Writer::new(words, languages).map(Some) }
    }

    /// Evaluates, and hands status and reply to `answer`. `checks` is a JSON array of ids, or empty for all checks.
    fn evaluate<T>(
        &self,
        checks: &[u8],
        evidence: &[u8],
        answer: impl FnOnce(i32, &[u8]) -> T,
    ) -> Result<T, String> {
        match self {
            Self::Library(pack) => pack.evaluate(checks, evidence, answer),
            Self::Rules(pack) => {
                let checks = Some(checks).filter(|checks| !checks.is_empty());
                let (status, reply) = reply_to(pack, checks, evidence);
                Ok(answer(status, &reply))
            }
        }
    }
}

fn load(is_filtered: bool) -> Result<library::Pack, String> {
    let loaded = library::load(&format!("/proc/self/fd/{LIBRARY}"))?;
    seal(is_filtered)?;
    loaded.check()
}

/// Reads the rules, and has nothing left to open before the first expression is looked at.
fn rules(file: &File, name: &str, is_filtered: bool) -> Result<&'static Pack, String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 << 10];
    // By position: all workers of this pack, one after the other, share one offset.
    loop {
        match file.read_at(&mut chunk, bytes.len() as u64) {
            Ok(0) => break,
            Ok(_) if bytes.len() > plumb_rules::MAX_FILE => return Err("its rules are too long".to_owned()),
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("cannot be read: {error}")),
        }
    }
    seal(is_filtered)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "its rules are not UTF-8 text".to_owned())?;
    plumb_rules::load(text, name).map_err(|problems| problems.to_string())
}

fn seal(is_filtered: bool) -> Result<(), String> {
    // Where the first filter is in force, the second can only fail because an initialiser saw to it.
    match sandbox::seal() {
        Err(reason) if is_filtered => Err(format!("cannot be confined after loading: {reason}")),
        _ => Ok(()),
    }
}

fn serve(socket: &mut File, pack: &Answerer, languages: &[String]) -> io::Result<()> {
    let said = pack.manifest().and_then(|manifest| Ok((manifest, pack.writer(languages)?)));
    let (manifest, mut writer) = match said {
        Ok(said) => said,
        Err(reason) => return frame::write(socket, Kind::Refused, &[reason.as_bytes()]),
    };
    let languages = writer.as_ref().map(Writer::languages).unwrap_or_default();
    let hello = serde_json::to_vec(&pack.hello(languages))?;
    frame::write(socket, Kind::Hello, &[&frame::with_length(&hello), &manifest])?;
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
            PLUMB_STATUS_OK if writer.is_some() => {
                let written = writer.as_mut().and_then(|writer| writer.write(reply));
                frame::write(
                    socket,
                    Kind::Reply,
                    &[number, &[status as u8], written.as_deref().unwrap_or(reply)],
                )
            }
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

fn take_descriptors() -> io::Result<(File, File)> {
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
    // SAFETY: nothing in this process owns a descriptor above the two.
    unsafe { close_from(LIBRARY + 1)? };
    Ok((File::from(socket), File::from(library)))
}

/// Closes what the host's own parent leaked to it.
///
/// # Errors
/// A kernel before 5.9 needs `/proc` to say what is open.
///
/// # Safety
/// Nothing in this process owns a descriptor from `first` on.
unsafe fn close_from(first: RawFd) -> io::Result<()> {
    // By its number: glibc has a function of that name from 2.34 on, and the program is to start on older ones.
    // SAFETY: takes three integers; the descriptors are nobody's, as the caller promises.
    let closed = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            libc::c_long::from(first),
            libc::c_long::from(libc::c_uint::MAX),
            0 as libc::c_long,
        )
    };
    if closed == 0 {
        return Ok(());
    }
    let open: Vec<RawFd> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd >= first)
        .collect();
    for fd in open {
        // One of them was the folder's, which is closed by now.
        // SAFETY: the descriptor is nobody's, as the caller promises.
        unsafe { libc::close(fd) };
    }
    Ok(())
}
