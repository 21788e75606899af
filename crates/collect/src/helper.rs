//! Libraries are asked in a process of their own.
//!
//! hwloc and NVIDIA's library can hang on a sick device or crash on an odd recording; a process can be killed, and the
//! collector goes on. The binary runs itself again with the arguments that [`Helper`] was made with, and that process
//! calls [`helper_main`].

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Instant;

use plumb_evidence::bundle::{HWLOC_NAME, NVML_NAME};
use plumb_evidence::{Absence, Missing};

mod hwloc;
mod nvml;

/// Which library is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// hwloc, for its XML export.
    Hwloc,
    /// NVIDIA's management library.
    Nvml,
}

impl Answer {
    /// The word on the helper's command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hwloc => "hwloc",
            Self::Nvml => "nvml",
        }
    }

    /// The answer that goes by `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Hwloc, Self::Nvml].into_iter().find(|answer| answer.word() == word)
    }

    /// Where the bundle keeps it.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Hwloc => HWLOC_NAME,
            Self::Nvml => NVML_NAME,
        }
    }
}

/// How to start a helper process: the program and the arguments before the answer's word.
#[derive(Clone, Debug)]
pub struct Helper {
    /// The program, usually the running one.
    pub program: PathBuf,
    /// Arguments that lead it to [`helper_main`].
    pub arguments: Vec<OsString>,
}

/// First byte of a helper's output: an answer follows.
const ANSWER: u8 = b'+';
/// First byte of a helper's output: the reason of an absence follows.
const ABSENT: u8 = b'-';

/// What a helper process does: asks the library and writes the answer to standard output.
///
/// # Errors
/// Fails where the answer cannot be written.
pub fn helper_main(answer: Answer) -> io::Result<()> {
    let result = match answer {
        Answer::Hwloc => hwloc::ask(),
        Answer::Nvml => nvml::ask(),
    };
    let mut out = io::stdout().lock();
    match result {
        Ok(bytes) => {
            out.write_all(&[ANSWER])?;
            out.write_all(&bytes)?;
        }
        Err(reason) => {
            out.write_all(&[ABSENT])?;
            out.write_all(reason.as_bytes())?;
        }
    }
    out.flush()
}

/// A helper process at work.
pub(crate) struct Running {
    child: Child,
    output: JoinHandle<io::Result<Vec<u8>>>,
    errors: JoinHandle<io::Result<Vec<u8>>>,
    started: Instant,
}

impl Running {
    pub(crate) fn start(helper: &Helper, answer: Answer, sysroot: Option<&Path>) -> Result<Self, Missing> {
        if answer == Answer::Nvml && sysroot.is_some() {
            return Err(Missing::new(Absence::Skipped, "a recorded tree has no GPU driver to ask"));
        }
        let mut command = Command::new(&helper.program);
        command.args(&helper.arguments).arg(answer.word());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(root) = sysroot {
            // hwloc's own way to look at a recording; the second keeps it from asking this machine's CPU.
            command.env("HWLOC_FSROOT", root).env("HWLOC_THISSYSTEM", "0").env("HWLOC_COMPONENTS", "-x86");
        }
        let started = Instant::now();
        let failed = |error: io::Error| {
            Missing::new(Absence::Failed, format!("cannot start a helper process: {error}"))
        };
        let mut child = command.spawn().map_err(failed)?;
        let output = reader(child.stdout.take(), 64 << 20);
        let errors = reader(child.stderr.take(), 4096);
        Ok(Self { child, output, errors, started })
    }

    /// Waits until the deadline, then kills.
    pub(crate) fn finish(mut self, answer: Answer, budget: std::time::Duration) -> Result<Vec<u8>, Missing> {
        let failed = |reason: String| Missing::new(Absence::Failed, reason);
        let word = answer.word();
        while !self.output.is_finished() {
            if self.started.elapsed() > budget {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return Err(Missing::new(
                    Absence::Timeout,
                    format!("{word} gave no answer within {} s", budget.as_secs()),
                ));
            }
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
        let status = self.child.wait().map_err(|error| failed(format!("{word}: {error}")))?;
        let output = join(self.output).map_err(|error| failed(format!("{word}: {error}")))?;
        if !status.success() {
            let errors = join(self.errors).unwrap_or_default();
            let errors = String::from_utf8_lossy(&errors);
            let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
            return Err(failed(format!("the helper for {word} ended with {status}: {last}")));
        }
        match output.split_first() {
            Some((&ANSWER, bytes)) => Ok(bytes.to_vec()),
            Some((&ABSENT, reason)) => {
                Err(Missing::new(Absence::Absent, String::from_utf8_lossy(reason).into_owned()))
            }
            _ => Err(failed(format!("the helper for {word} gave no answer"))),
        }
    }
}

fn reader(pipe: Option<impl Read + Send + 'static>, limit: u64) -> JoinHandle<io::Result<Vec<u8>>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let mut limited = pipe.take(limit);
            limited.read_to_end(&mut bytes)?;
            // What goes beyond the limit is read and dropped, or the helper would wait for ever.
            io::copy(&mut limited.into_inner(), &mut io::sink())?;
        }
        Ok(bytes)
    })
}

fn join(handle: JoinHandle<io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    handle.join().unwrap_or_else(|_| Err(io::Error::other("its output could not be read")))
}
