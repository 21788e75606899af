//! The host's end of one worker: start, requests under a deadline, and a certain end.
//!
//! All workers are driven by one thread that polls, because a worker dies with the thread that started it
//! (`PR_SET_PDEATHSIG` means the thread), and because ten packs answer at the same time that way.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::frame::{self, Frame, HEADER, Kind, MAX_REPLY};
use crate::reply::printable;

/// How much of the end of a worker's standard error is kept.
const TAIL: usize = 1024;
/// How much is read at a time.
const CHUNK: usize = 64 << 10;

/// A worker process that is ready for a request.
#[derive(Debug)]
pub(crate) struct Link {
    child: Child,
    socket: UnixStream,
    /// Gone once the worker closed it: a closed pipe would wake every poll.
    stderr: Option<ChildStderr>,
    tail: Vec<u8>,
    incoming: Vec<u8>,
    request: Option<Request>,
}

#[derive(Debug)]
struct Request {
    parts: Vec<Arc<[u8]>>,
    written: usize,
    deadline: Instant,
    budget: Duration,
    wanted: usize,
    frames: Vec<Frame>,
    failure: Option<String>,
}

impl Link {
    /// Starts a worker with the library as its standard output (see [`crate::worker`]).
    pub(crate) fn start(command: &[OsString], name: &str, library: OwnedFd) -> io::Result<Self> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| io::Error::other("no command for workers"))?;
        let (socket, theirs) = UnixStream::pair()?;
        let mut child = Command::new(program)
            .arg0(format!("plumb-worker:{name}"))
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(library)
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr =
            child.stderr.take().ok_or_else(|| io::Error::other("no standard error of the worker"))?;
        socket.set_nonblocking(true)?;
        let flags = OFlag::from_bits_retain(fcntl(&stderr, FcntlArg::F_GETFL)?);
        fcntl(&stderr, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        Ok(Self {
            child,
            socket,
            stderr: Some(stderr),
            tail: Vec::new(),
            incoming: Vec::new(),
            request: None,
        })
    }

    /// Queues a request that is answered by at most `wanted` frames; [`drive`] carries it out.
    pub(crate) fn send(&mut self, kind: Kind, parts: Vec<Arc<[u8]>>, wanted: usize, budget: Duration) {
        let length = parts.iter().map(|part| part.len()).sum();
        let (head, failure) = match frame::header(kind, length) {
            Ok(head) => (head, None),
            Err(reason) => ([0; HEADER], Some(reason)),
        };
        // Whatever it sent without being asked cannot be told from an answer, so it is not let near one.
        let mut byte = [0];
        let is_unasked = !self.incoming.is_empty() || matches!(self.socket.read(&mut byte), Ok(1));
        let unasked = is_unasked.then(|| "sent more than it was asked for".to_owned());
        self.request = Some(Request {
            parts: std::iter::once(head.as_slice().into()).chain(parts).collect(),
            written: 0,
            deadline: Instant::now() + budget,
            budget,
            wanted,
            frames: Vec::new(),
            failure: failure.or(unasked),
        });
    }

    /// The frames that answered the request, or why they did not come; then the worker is dead.
    pub(crate) fn answer(&mut self) -> Result<Vec<Frame>, String> {
        let Some(request) = self.request.take() else { return Err("nothing was asked".to_owned()) };
        match request.failure {
            None => Ok(request.frames),
            Some(reason) => Err(self.end(&reason)),
        }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    fn is_busy(&self) -> bool {
        self.request
            .as_ref()
            .is_some_and(|request| request.failure.is_none() && request.frames.len() < request.wanted)
    }

    fn deadline(&self) -> Option<Instant> {
        self.request.as_ref().map(|request| request.deadline)
    }

    fn wants_to_write(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.written < request.length())
    }

    fn fail(&mut self, reason: impl Into<String>) {
        if let Some(request) = &mut self.request {
            request.failure.get_or_insert(reason.into());
        }
    }

    fn write(&mut self) {
        let Some(request) = &mut self.request else { return };
        while let Some(rest) = request.rest() {
            match self.socket.write(rest) {
                Ok(written) => request.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A dead worker; what it left to read tells more than this error.
                Err(_) => {
                    request.written = request.length();
                    return;
                }
            }
        }
    }

    fn read(&mut self) {
        let mut chunk = [0; CHUNK];
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) => return self.fail(""),
                Ok(read) => self.incoming.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return self.fail(""),
            }
            // At the first bytes of a frame that is too long, not after all of it.
            self.take_frames();
            if !self.is_busy() {
                break;
            }
        }
    }

    fn take_frames(&mut self) {
        let Some(request) = &mut self.request else { return };
        while request.frames.len() < request.wanted && request.failure.is_none() {
            let Some((head, rest)) = self.incoming.split_first_chunk::<HEADER>() else { return };
            match frame::parse_header(*head, MAX_REPLY) {
                Err(reason) => request.failure = Some(reason),
                Ok((kind, length)) => {
                    if rest.len() < length {
                        return;
                    }
                    let rest = self.incoming.split_off(HEADER + length);
                    let mut payload = std::mem::replace(&mut self.incoming, rest);
                    payload.drain(..HEADER);
                    if kind == Kind::Refused {
                        request.wanted = request.frames.len() + 1;
                    }
                    request.frames.push(Frame { kind, payload });
                }
            }
        }
    }

    fn read_stderr(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut chunk = [0; 4096];
        // Bounded, so that a worker that prints without end cannot hold up the others.
        for _ in 0..16 {
            match stderr.read(&mut chunk) {
                Ok(0) => {
                    self.stderr = None;
                    return;
                }
                Ok(read) => {
                    self.tail.extend_from_slice(&chunk[..read]);
                    let excess = self.tail.len().saturating_sub(TAIL);
                    self.tail.drain(..excess);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Kills the worker and tells how it ended. An empty `reason` means that it had closed its socket.
    fn end(&mut self, reason: &str) -> String {
        let exited = if reason.is_empty() { self.wait_briefly() } else { None };
        // Kill before wait: a worker that sent nonsense may well be alive.
        let _ = self.child.kill();
        let status = self.child.wait();
        self.read_stderr();
        let cause = match (reason, exited) {
            ("", Some(status)) => describe(status),
            ("", None) => match status {
                Ok(status) if status.signal() != Some(Signal::SIGKILL as i32) => describe(status),
                _ => "closed its socket without an answer".to_owned(),
            },
            (reason, _) => reason.to_owned(),
        };
        let words = last_words(&self.tail);
        if words.is_empty() { cause } else { format!("{cause}; it printed: {words}") }
    }

    /// Gives a worker that closed its socket the time to become a zombie, so that its own end is told, not our signal.
    fn wait_briefly(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Without the wait a zombie stays; both only fail if it is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Request {
    fn length(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    fn rest(&self) -> Option<&[u8]> {
        let mut skip = self.written;
        for part in &self.parts {
            match part.get(skip..) {
                Some(rest) if !rest.is_empty() => return Some(rest),
                _ => skip = skip.saturating_sub(part.len()),
            }
        }
        None
    }
}

/// Carries out the requests of all workers at the same time, each until it is answered or its deadline has passed.
pub(crate) fn drive<'a>(links: impl IntoIterator<Item = &'a mut Link>) {
    let mut busy: Vec<&mut Link> = links.into_iter().filter(|link| link.is_busy()).collect();
    for link in &mut busy {
        link.write();
    }
    while !busy.is_empty() {
        let now = Instant::now();
        for link in &mut busy {
            if let Some(request) = link.request.as_ref().filter(|request| request.deadline <= now) {
                let budget = request.budget.as_secs_f64();
                link.fail(format!("did not answer within {budget} s"));
            }
        }
        busy.retain(|link| link.is_busy());
        let Some(next) = busy.iter().filter_map(|link| link.deadline()).min() else { return };
        let ready = match wait(&busy, next.saturating_duration_since(now)) {
            Ok(ready) => ready,
            Err(errno) => {
                for link in &mut busy {
                    link.fail(format!("cannot wait for it: {}", errno.desc()));
                }
                return;
            }
        };
        for (link, (socket, stderr)) in busy.iter_mut().zip(ready) {
            if stderr {
                link.read_stderr();
            }
            if socket.intersects(PollFlags::POLLOUT) && link.wants_to_write() {
                link.write();
            }
            if socket.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR) {
                link.read();
            }
        }
        busy.retain(|link| link.is_busy());
    }
}

/// What can be done with the socket of each worker, and whether it printed something.
fn wait(links: &[&mut Link], timeout: Duration) -> Result<Vec<(PollFlags, bool)>, Errno> {
    let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(links.len() * 2);
    for link in links {
        let write = if link.wants_to_write() { PollFlags::POLLOUT } else { PollFlags::empty() };
        fds.push(PollFd::new(link.socket.as_fd(), PollFlags::POLLIN | write));
    }
    let pipes = links.iter().filter_map(|link| link.stderr.as_ref());
    fds.extend(pipes.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
    // Rounded up, or the loop would spin through the last millisecond.
    let timeout = PollTimeout::try_from(timeout + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno),
    }
    let mut flags = fds.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
    let sockets: Vec<PollFlags> = flags.by_ref().take(links.len()).collect();
    let mut pipes = flags;
    let printed =
        links.iter().map(|link| link.stderr.is_some() && pipes.next().is_some_and(|pipe| !pipe.is_empty()));
    Ok(sockets.into_iter().zip(printed).collect())
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal().map(Signal::try_from)) {
        (Some(code), _) => format!("exited with code {code} before it answered"),
        (None, Some(Ok(signal))) => format!("died of signal {} ({signal})", signal as i32),
        (None, _) => format!("ended: {status}"),
    }
}

/// The end of what a worker printed, on one line. Addresses and thread numbers change from run to run, so they are left
/// out: the same bundle gives the same report, even where a pack crashes.
fn last_words(tail: &[u8]) -> String {
    let text = String::from_utf8_lossy(tail);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let joined = lines[lines.len().saturating_sub(4)..].join(" | ");
    let words = joined.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if bare.starts_with("0x") || (word.starts_with('(') && is_number(bare)) { "…" } else { word }
    });
    printable(&words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_the_same_in_every_run() {
        let tail = b"\nthread 'main' (4711) has overflowed its stack\nfatal runtime error: stack overflow at 0x7f12\x1b[0m\n";
        assert_eq!(
            last_words(tail),
            "thread 'main' … has overflowed its stack | fatal runtime error: stack overflow at …"
        );
        assert_eq!(last_words(b""), "");
    }
}
