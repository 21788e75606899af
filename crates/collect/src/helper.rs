//! Libraries are asked in a process of their own.
//!
//! hwloc and NVIDIA's library can hang on a sick device or crash on an odd recording; a process can be killed, and the
//! collector goes on. The binary runs itself again with the arguments that [`Helper`] was made with, and that process
//! calls [`helper_main`].

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sched::{sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;
use plumb_evidence::bundle::{HWLOC_NAME, NVML_NAME, NVML_WINDOW_NAME};
use plumb_evidence::manifest::HelperCost;
use plumb_evidence::{Absence, Missing, Source};

use crate::cost;
use crate::fs_source::FsSource;
use crate::interrupt::{Interrupt, LOOK};
use crate::runner::interrupted;

mod hwloc;
mod nvml;

/// Which library is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// hwloc, for its XML export.
    Hwloc,
    /// NVIDIA's management library.
    Nvml,
    /// The same again and again, until the helper's standard input ends.
    NvmlWindow,
}

impl Answer {
    /// The word on the helper's command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hwloc => "hwloc",
            Self::Nvml => "nvml",
            Self::NvmlWindow => "nvml-window",
        }
    }

    /// The answer that goes by `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Hwloc, Self::Nvml, Self::NvmlWindow].into_iter().find(|answer| answer.word() == word)
    }

    /// Where the bundle keeps it.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Hwloc => HWLOC_NAME,
            Self::Nvml => NVML_NAME,
            Self::NvmlWindow => NVML_WINDOW_NAME,
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

/// First byte of a helper's output: an answer follows what it cost.
const ANSWER: u8 = b'+';
/// First byte of a helper's output: why there is no answer, as JSON of [`Missing`], follows what it cost.
const NO_ANSWER: u8 = b'-';
/// Bytes before the answer: the kind, CPU time in µs, peak memory in KiB.
const HEAD: usize = 1 + 8 + 8;

/// True if a recording answers instead of the library, which only tests ask for.
pub(crate) fn is_recorded(answer: Answer) -> bool {
    matches!(answer, Answer::Nvml | Answer::NvmlWindow) && nvml::recording::folder().is_some()
}

/// Longest answer.
const MAX_ANSWER: u64 = 64 << 20;
/// Longest text of errors that is kept.
const MAX_ERRORS: u64 = 4096;

/// What a helper process does: asks the library and writes the answer to standard output.
///
/// # Errors
/// Fails where the answer cannot be written.
pub fn helper_main(answer: Answer) -> io::Result<()> {
    let result = match answer {
        Answer::Hwloc => hwloc::ask(),
        Answer::Nvml => nvml::ask(),
        Answer::NvmlWindow => nvml::watch(),
    };
    let (kind, bytes) = match result {
        Ok(bytes) => (ANSWER, bytes),
        Err(missing) => (NO_ANSWER, serde_json::to_vec(&missing)?),
    };
    let (cpu_us, peak_rss_kib) = cost::of_this_process();
    let mut out = io::stdout().lock();
    out.write_all(&[kind])?;
    out.write_all(&cpu_us.to_le_bytes())?;
    out.write_all(&peak_rss_kib.to_le_bytes())?;
    out.write_all(&bytes)?;
    out.flush()
}

/// A helper process at work.
pub(crate) struct Running {
    child: Child,
    output: Receiver<io::Result<Vec<u8>>>,
    errors: Receiver<io::Result<Vec<u8>>>,
    started: Instant,
}

/// How long a process that was killed, or has closed its output, is waited for. One that sleeps in a sick driver cannot
/// be killed, and must not hold up the collector.
const LAST_WAIT: Duration = Duration::from_secs(1);

impl Running {
    pub(crate) fn start(helper: &Helper, answer: Answer, source: &FsSource) -> Result<Self, Missing> {
        let mut command = Command::new(&helper.program);
        command.args(&helper.arguments).arg(answer.word());
        // The end of its input ends the window, also where the collector itself is ended.
        let input = if answer == Answer::NvmlWindow { Stdio::piped() } else { Stdio::null() };
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        // hwloc obeys many variables, and one of them would make it describe another machine.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HWLOC_") {
                command.env_remove(name);
            }
        }
        if answer == Answer::Hwloc {
            // Its x86 part would move itself to each CPU in turn to ask it, those of the inference included, for what
            // the kernel's files say as well; on a recording it would ask this machine's CPU.
            command.env("HWLOC_COMPONENTS", "-x86");
            // Its plug-ins for CUDA, OpenCL and GL, where a node has them, would start work on the GPUs.
            command.env("HWLOC_PLUGINS_PATH", "/nonexistent");
        }
        match (answer, source.root()) {
            (Answer::Nvml | Answer::NvmlWindow, _) if is_recorded(answer) => {}
            (Answer::Nvml | Answer::NvmlWindow, Some(_)) => {
                return Err(Missing::new(Absence::Skipped, "a recorded tree has no GPU driver to ask"));
            }
            // Asked without its driver, the library would load it: a change to the node.
            (Answer::Nvml | Answer::NvmlWindow, None) => {
                if let Err(why) = source.read("/proc/driver/nvidia/version") {
                    let reason = match why.missing {
                        Absence::Absent => "NVIDIA's kernel driver is not loaded".to_owned(),
                        _ => why.reason,
                    };
                    return Err(Missing::new(why.missing, reason));
                }
            }
            // hwloc's own way to look at a recording.
            (Answer::Hwloc, Some(root)) => {
                command.env("HWLOC_FSROOT", root).env("HWLOC_THISSYSTEM", "0");
            }
            (Answer::Hwloc, None) => {}
        }
        let started = Instant::now();
        let mut child = command.spawn().map_err(|error| {
            Missing::new(Absence::Failed, format!("cannot start a helper process: {error}"))
        })?;
        apart(&child);
        let output = reader(child.stdout.take(), MAX_ANSWER + HEAD as u64 + 1);
        let errors = reader(child.stderr.take(), MAX_ERRORS);
        Ok(Self { child, output, errors, started })
    }

    /// Ends its input, waits until the deadline or a request to stop, then kills. The second value is what the process cost, if it told.
    pub(crate) fn finish(
        mut self,
        answer: Answer,
        budget: Duration,
        interrupt: &Interrupt,
    ) -> (Result<Vec<u8>, Missing>, Option<HelperCost>) {
        drop(self.child.stdin.take());
        let output = match self.output(answer, budget, interrupt) {
            Ok(output) => output,
            // Ctrl-C reaches the helper as well, and may end it before the collector hears of it.
            Err(_) if interrupt.is_asked() => return (Err(interrupted()), None),
            Err(why) => return (Err(why), None),
        };
        let word = answer.word();
        let failed = |reason: String| Missing::new(Absence::Failed, reason);
        let Some((head, bytes)) = output.split_at_checked(HEAD) else {
            return (Err(failed(format!("the helper for {word} gave no answer"))), None);
        };
        let number = |at: usize| head[at..].first_chunk().copied().map_or(0, u64::from_le_bytes);
        let cost = HelperCost { probe: word.to_owned(), cpu_us: number(1), peak_rss_kib: number(9) };
        let result = match head[0] {
            ANSWER if bytes.len() as u64 > MAX_ANSWER => {
                Err(Missing::new(Absence::Truncated, format!("{word} gave more than {MAX_ANSWER} bytes")))
            }
            ANSWER => Ok(bytes.to_vec()),
            NO_ANSWER => Err(serde_json::from_slice(bytes)
                .unwrap_or_else(|error| failed(format!("the helper for {word}: {error}")))),
            _ => Err(failed(format!("the helper for {word} gave no answer"))),
        };
        (result, Some(cost))
    }

    /// All that the process wrote, once it has ended well.
    fn output(
        &mut self,
        answer: Answer,
        budget: Duration,
        interrupt: &Interrupt,
    ) -> Result<Vec<u8>, Missing> {
        let word = answer.word();
        let failed = |reason: String| Missing::new(Absence::Failed, reason);
        let output = loop {
            let left = budget.saturating_sub(self.started.elapsed());
            match self.output.recv_timeout(left.min(LOOK)) {
                Ok(output) => break output,
                Err(_) if left.is_zero() || interrupt.is_asked() => {
                    let _ = self.child.kill();
                    let ended = self.wait().is_some();
                    let rest = if ended { "" } else { ", and could not be ended" };
                    return Err(Missing::new(
                        Absence::Timeout,
                        format!("{word} gave no answer within {} s{rest}", budget.as_secs()),
                    ));
                }
                Err(_) => {}
            }
        };
        let output = output.map_err(|error| failed(format!("{word}: {error}")))?;
        let Some(status) = self.wait() else {
            let _ = self.child.kill();
            return Err(failed(format!("the helper for {word} did not end")));
        };
        if !status.success() {
            let errors = self.errors.recv_timeout(LAST_WAIT).ok().and_then(Result::ok).unwrap_or_default();
            let errors = String::from_utf8_lossy(&errors);
            let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
            return Err(failed(format!("the helper for {word} ended with {status}: {last}")));
        }
        Ok(output)
    }

    /// The end of a process that is about to end, or `None` if it does not.
    fn wait(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + LAST_WAIT;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_micros(200)),
                _ => return None,
            }
        }
    }
}

/// Moves a process that was just started to another CPU than that of this thread, whence the kernel may move it on.
///
/// Left to itself, it keeps for its whole short life to the CPU that it was started on, and so does what this thread goes
/// on to do, while another CPU is idle.
fn apart(child: &Child) {
    let Some(pid) = i32::try_from(child.id()).ok().map(Pid::from_raw) else { return };
    // The mask of this call ends at 1024 CPUs; a node with more has idle ones to choose.
    let (Ok(allowed), Ok(here)) = (sched_getaffinity(pid), sched_getcpu()) else { return };
    let mut others = allowed;
    if others.unset(here).is_ok() && sched_setaffinity(pid, &others).is_ok() {
        let _ = sched_setaffinity(pid, &allowed);
    }
}

/// Reads a pipe to its end in a thread of its own, keeping at most `limit` bytes.
fn reader(pipe: Option<impl Read + Send + 'static>, limit: u64) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let read = || {
            let mut bytes = Vec::new();
            if let Some(pipe) = pipe {
                let mut limited = pipe.take(limit);
                limited.read_to_end(&mut bytes)?;
                // What goes beyond the limit is read and dropped, or the helper would wait for ever.
                io::copy(&mut limited.into_inner(), &mut io::sink())?;
            }
            Ok(bytes)
        };
        // Nobody listens any more where the helper was given up.
        let _ = sender.send(read());
    });
    receiver
}
