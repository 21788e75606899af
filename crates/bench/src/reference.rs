//! A server whose every delay is known: what calibration and tests measure against.
//!
//! One thread, epoll and a timer; it speaks HTTP/1.1 and the streaming part of the OpenAI API, follows a [`Script`], and logs
//! when it did what. Nothing in it computes, so what a client reports beyond the log is the client's own error.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use serde::{Deserialize, Serialize};

use super::clock::{SECOND, now};

mod script;

pub use script::{Act, Asked, Behaviour, Reply, Script, Step, steady, stream_head, token_event};

/// What the server did for one request; times in ns of CLOCK_MONOTONIC, 0 where it did not come to that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The client's `X-Request-Id`.
    pub id: String,
    /// When the request had been read.
    pub received: u64,
    /// Just before the write that holds the first token.
    pub first: u64,
    /// Just before the write that holds the last token.
    pub last: u64,
    /// Tokens sent.
    pub tokens: u32,
    /// True if the reply was sent to its end.
    pub finished: bool,
}

const LISTENER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
const WAKE: u64 = u64::MAX - 2;

/// A running server in a thread of this process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    wake: Arc<EventFd>,
    log: Arc<Mutex<Vec<LogEntry>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The system's answer where it lends no socket, timer or thread.
    pub fn start(script: Box<dyn Script>) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), script)
    }

    /// Starts a server at an address.
    ///
    /// # Errors
    /// As [`Server::start`], and where the address is in use.
    pub fn start_at(address: SocketAddr, script: Box<dyn Script>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?);
        let log = Arc::<Mutex<Vec<LogEntry>>>::default();
        let mut engine = Engine::new(listener, Arc::clone(&wake), script, Arc::clone(&log))?;
        let stopped = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("reference".to_owned()).spawn(move || engine.run(&stopped))?;
        Ok(Self { address, stop, wake, log, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it did so far, in the order in which requests came.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The URL of it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.wake.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The steps left of the reply at hand, and the place of its request in the log.
    reply: Option<(Reply, usize)>,
    next: Option<Step>,
    /// Number of the reply, so that a timer set for an earlier one is known.
    turn: u64,
    writable: bool,
}

struct Engine {
    epoll: Epoll,
    listener: TcpListener,
    timer: TimerFd,
    wake: Arc<EventFd>,
    script: Box<dyn Script>,
    log: Arc<Mutex<Vec<LogEntry>>>,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    /// (due, connection, turn)
    due: BinaryHeap<Reverse<(u64, u64, u64)>>,
    armed: u64,
    requests: u64,
}

impl Engine {
    fn new(
        listener: TcpListener,
        wake: Arc<EventFd>,
        script: Box<dyn Script>,
        log: Arc<Mutex<Vec<LogEntry>>>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        // The standard library asks for a queue of 128, which a burst of connections overflows; asking again is allowed.
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(4095)?)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        Ok(Self {
            epoll,
            listener,
            timer,
            wake,
            script,
            log,
            connections: BTreeMap::new(),
            next_connection: 0,
            due: BinaryHeap::new(),
            armed: 0,
            requests: 0,
        })
    }

    fn run(&mut self, stop: &AtomicBool) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 256];
        while !stop.load(Ordering::Relaxed) {
            self.arm()?;
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(nix::errno::Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..ready] {
                match event.data() {
                    LISTENER => self.accept(),
                    TIMER => {
                        let _ = self.timer.wait();
                        self.armed = 0;
                    }
                    WAKE => {
                        let _ = self.wake.read();
                    }
                    id => self.serve(id, event.events()),
                }
                // Between the others, so that a burst of requests does not hold up what is due.
                self.take_due_steps();
            }
        }
        Ok(())
    }

    fn arm(&mut self) -> io::Result<()> {
        let Some(&Reverse((due, ..))) = self.due.peek() else { return Ok(()) };
        if due != self.armed {
            self.armed = due;
            let time = TimeSpec::new(
                i64::try_from(due / SECOND).unwrap_or(i64::MAX),
                i64::try_from(due % SECOND).unwrap_or(0),
            );
            self.timer.set(Expiration::OneShot(time), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        }
        Ok(())
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let id = self.next_connection;
            self.next_connection += 1;
            let ready = stream.set_nonblocking(true).is_ok()
                && stream.set_nodelay(true).is_ok()
                && self.epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, id)).is_ok();
            if ready {
                let connection = Connection {
                    stream,
                    input: Vec::new(),
                    output: Vec::new(),
                    reply: None,
                    next: None,
                    turn: 0,
                    writable: true,
                };
                self.connections.insert(id, connection);
            }
        }
    }

    fn serve(&mut self, id: u64, flags: EpollFlags) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if flags.contains(EpollFlags::EPOLLOUT) && !flush(&self.epoll, id, connection) {
            self.close(id);
            return;
        }
        if !flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            return;
        }
        let mut buffer = [0; 16 << 10];
        loop {
            match connection.stream.read(&mut buffer) {
                Ok(0) => return self.close(id),
                Ok(n) => {
                    connection.input.extend_from_slice(&buffer[..n]);
                    if n < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return self.close(id),
            }
        }
        self.begin(id);
    }

    /// Begins the reply to a request that has come in whole.
    fn begin(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.reply.is_some() {
            return;
        }
        let Some(mut asked) = script::parse_request(&mut connection.input) else { return };
        asked.received = now();
        asked.number = self.requests;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = if asked.path.ends_with("/ground-truth") {
            script::json_reply(&serde_json::to_string(&*log).unwrap_or_default())
        } else {
            self.script.respond(&asked)
        };
        let place = if asked.path.ends_with("/completions") {
            self.requests += 1;
            log.push(LogEntry { id: asked.id, received: asked.received, ..LogEntry::default() });
            log.len() - 1
        } else {
            usize::MAX
        };
        drop(log);
        connection.turn += 1;
        connection.reply = Some((reply, place));
        self.advance(id);
    }

    /// Takes the steps that are due and sets the time of the next one.
    fn advance(&mut self, id: u64) {
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return };
            let Some((reply, place)) = &mut connection.reply else { return };
            let Some(step) = connection.next.take().or_else(|| reply.next()) else {
                // A script without an end leaves the client waiting, which is what it wants to see.
                return;
            };
            if step.at > now() {
                self.due.push(Reverse((step.at, id, connection.turn)));
                connection.next = Some(step);
                return;
            }
            let place = *place;
            match step.act {
                Act::Write { bytes, tokens } => {
                    if tokens > 0 {
                        let at = now();
                        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(entry) = log.get_mut(place) {
                            if entry.first == 0 {
                                entry.first = at;
                            }
                            entry.last = at;
                            entry.tokens += tokens;
                        }
                    }
                    connection.output.extend_from_slice(&bytes);
                    if !flush(&self.epoll, id, connection) {
                        self.close(id);
                    }
                }
                Act::Finish => {
                    let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(entry) = log.get_mut(place) {
                        entry.finished = true;
                    }
                    drop(log);
                    connection.reply = None;
                    // The next request may be here already.
                    self.begin(id);
                    return;
                }
                Act::Close => self.close(id),
                Act::Reset => {
                    // Without waiting for what was not sent, closing resets the connection.
                    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                    let _ = setsockopt(&connection.stream, sockopt::Linger, &linger);
                    self.close(id);
                }
            }
        }
    }

    fn take_due_steps(&mut self) {
        while let Some(&Reverse((due, id, turn))) = self.due.peek() {
            if due > now() {
                return;
            }
            self.due.pop();
            if self.connections.get(&id).is_some_and(|connection| connection.turn == turn) {
                self.advance(id);
            }
        }
    }

    fn close(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(&id) {
            let _ = self.epoll.delete(&connection.stream);
        }
    }
}

/// Writes what can be written; false if the connection is gone.
fn flush(epoll: &Epoll, id: u64, connection: &mut Connection) -> bool {
    while !connection.output.is_empty() {
        match connection.stream.write(&connection.output) {
            Ok(0) => return false,
            Ok(n) => drop(connection.output.drain(..n)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    let writable = connection.output.is_empty();
    if writable != connection.writable {
        connection.writable = writable;
        let flags = if writable { EpollFlags::EPOLLIN } else { EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT };
        return epoll.modify(&connection.stream, &mut EpollEvent::new(flags, id)).is_ok();
    }
    true
}
