//! Connections: opened ahead, reused, and each with a clock of its reads.
//!
//! hyper hands the pieces of a body on through a queue between two tasks. With many streams at once, a piece may wait there
//! for all others, and pieces of one read come out at different times. So the time of a piece is the time of the read that
//! brought it, which a wrapper around the socket notes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::clock::now;
use super::record::Miss;
use super::target::{Http, Target};

/// Requests that share one HTTP/2 connection: what servers allow at least by convention (RFC 9113, 6.5.2). More would wait
/// inside the client, unseen.
const STREAMS: usize = 100;

/// When a connection was read from last.
#[derive(Debug, Default)]
pub(crate) struct ReadClock {
    last: AtomicU64,
}

impl ReadClock {
    /// Time of the latest read that brought bytes.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }
}

/// A connection whose reads are timed.
struct Timed<S> {
    stream: S,
    clock: Arc<ReadClock>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if result.is_ready() && buffer.filled().len() > before {
            self.clock.last.store(now(), Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

type RequestBody = Full<Bytes>;

enum Sender {
    One(http1::SendRequest<RequestBody>),
    Two(http2::SendRequest<RequestBody>, Arc<AtomicUsize>),
}

/// An open connection that is lent to one request.
pub(crate) struct Connection {
    sender: Sender,
    pub(crate) clock: Arc<ReadClock>,
    /// ns that opening it took; 0 once it was used.
    pub(crate) opened_in: u64,
}

impl Connection {
    /// True for HTTP/2, which names the host in the URI instead of a header.
    pub(crate) fn is_two(&self) -> bool {
        matches!(self.sender, Sender::Two(..))
    }

    /// Sends a request; answers with the head of the reply.
    pub(crate) async fn send(&mut self, request: Request<RequestBody>) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::One(sender) => sender.send_request(request).await,
            Sender::Two(sender, _) => sender.send_request(request).await,
        }
    }

    fn is_open(&self) -> bool {
        match &self.sender {
            Sender::One(sender) => sender.is_ready(),
            Sender::Two(sender, _) => !sender.is_closed(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Sender::Two(_, users) = &self.sender {
            users.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

struct Shared {
    sender: http2::SendRequest<RequestBody>,
    clock: Arc<ReadClock>,
    users: Arc<AtomicUsize>,
}

/// The connections of one runtime.
pub(crate) struct Pool {
    target: Arc<Target>,
    idle: Mutex<Vec<Connection>>,
    shared: Mutex<Vec<Shared>>,
    opened: AtomicU64,
}

impl Pool {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, idle: Mutex::default(), shared: Mutex::default(), opened: AtomicU64::new(0) }
    }

    /// Connections opened so far.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// An open connection: an idle one, or a new one.
    pub(crate) async fn take(&self) -> Result<Connection, Miss> {
        if let Some(connection) = self.reuse() {
            return Ok(connection);
        }
        self.open().await
    }

    fn reuse(&self) -> Option<Connection> {
        {
            // The one used last: the others may be closed by the server meanwhile.
            let mut idle = lock(&self.idle);
            while let Some(connection) = idle.pop() {
                if connection.is_open() {
                    return Some(connection);
                }
            }
        }
        let mut shared = lock(&self.shared);
        shared.retain(|connection| !connection.sender.is_closed());
        let free = shared.iter().find(|connection| connection.users.load(Ordering::Relaxed) < STREAMS)?;
        free.users.fetch_add(1, Ordering::Relaxed);
        Some(Connection {
            sender: Sender::Two(free.sender.clone(), Arc::clone(&free.users)),
            clock: Arc::clone(&free.clock),
            opened_in: 0,
        })
    }

    /// Opens `count` connections side by side and keeps them, so that the measurement pays for none.
    pub(crate) async fn open_ahead(self: &Arc<Self>, count: usize) -> Result<(), Miss> {
        // Not all at once: a server's queue of connections that it has not accepted yet is 128 long on many a system, and
        // what does not fit waits for a second.
        const AT_ONCE: usize = 32;
        if count == 0 {
            return Ok(());
        }
        let first = self.open().await?;
        if first.is_two() {
            // Carries many streams, and is known to the pool already.
            drop(first);
            for _ in 1..count.div_ceil(STREAMS) {
                self.open().await?;
            }
            return Ok(());
        }
        self.give_back(first);
        let mut left = count - 1;
        while left > 0 {
            let tasks: Vec<_> = (0..left.min(AT_ONCE))
                .map(|_| {
                    let pool = Arc::clone(self);
                    tokio::spawn(async move { pool.open().await })
                })
                .collect();
            left -= tasks.len();
            for task in tasks {
                self.give_back(task.await.unwrap_or(Err(Miss::ConnectFailed))?);
            }
        }
        Ok(())
    }

    /// Takes back a connection after a whole reply.
    pub(crate) fn give_back(&self, mut connection: Connection) {
        connection.opened_in = 0;
        if !connection.is_two() {
            lock(&self.idle).push(connection);
        }
    }

    async fn open(&self) -> Result<Connection, Miss> {
        let start = now();
        let stream = connect(&self.target.addresses).await?;
        // A request is one write; waiting for more would only delay it. Without effect where the system refuses.
        let _ = stream.set_nodelay(true);
        let clock = Arc::<ReadClock>::default();
        self.opened.fetch_add(1, Ordering::Relaxed);
        let timed = Timed { stream, clock: Arc::clone(&clock) };
        let sender = match &self.target.tls {
            None if self.target.http == Http::Two => self.speak_two(timed, &clock).await?,
            None => speak_one(timed).await?,
            Some(tls) => {
                let stream = tls.connector.connect(tls.name.clone(), timed).await.map_err(|error| {
                    match os_miss(&error) {
                        Some(miss @ (Miss::Reset | Miss::ClientLimit)) => miss,
                        _ => Miss::Tls,
                    }
                })?;
                let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                if two { self.speak_two(stream, &clock).await? } else { speak_one(stream).await? }
            }
        };
        Ok(Connection { sender, clock, opened_in: now() - start })
    }

    async fn speak_two<S>(&self, stream: S, clock: &Arc<ReadClock>) -> Result<Sender, Miss>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // Larger than what a reply has: flow control is not to hold a server back.
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(16 << 20)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Miss::Protocol)?;
        tokio::spawn(connection);
        let users = Arc::new(AtomicUsize::new(1));
        let shared = Shared { sender: sender.clone(), clock: Arc::clone(clock), users: Arc::clone(&users) };
        lock(&self.shared).push(shared);
        Ok(Sender::Two(sender, users))
    }
}

async fn speak_one<S>(stream: S) -> Result<Sender, Miss>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Miss::Protocol)?;
    // Its errors reach the request that it serves.
    tokio::spawn(connection);
    Ok(Sender::One(sender))
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Miss> {
    let mut miss = Miss::ConnectFailed;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => miss = os_miss(&error).unwrap_or(Miss::ConnectFailed),
        }
    }
    Err(miss)
}

/// What an error of the system means for a request.
pub(crate) fn os_miss(error: &io::Error) -> Option<Miss> {
    use nix::errno::Errno;
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Some(Miss::ConnectRefused),
        Some(Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED) => Some(Miss::Reset),
        Some(Errno::EMFILE | Errno::ENFILE | Errno::EADDRNOTAVAIL | Errno::ENOBUFS | Errno::ENOMEM) => {
            Some(Miss::ClientLimit)
        }
        Some(Errno::ETIMEDOUT) => Some(Miss::Timeout),
        Some(_) => Some(Miss::ConnectFailed),
        None => None,
    }
}

/// What a failure of hyper means for a request.
pub(crate) fn hyper_miss(error: &hyper::Error) -> Miss {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                return Miss::Truncated;
            }
            if let Some(miss) = os_miss(error) {
                return miss;
            }
        }
        cause = error.source();
    }
    if error.is_incomplete_message()
        || error.is_body_write_aborted()
        || error.is_closed()
        || error.is_canceled()
    {
        Miss::Truncated
    } else if error.is_parse() {
        Miss::Protocol
    } else if error.is_timeout() {
        Miss::Timeout
    } else {
        Miss::Reset
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept here is whole between any two calls.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
