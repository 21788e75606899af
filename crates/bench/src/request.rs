//! Carries out one request and notes its times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};

use super::BenchError;
use super::clock::now;
use super::openai::{Api, parse_chunk};
use super::record::{Miss, Phase, Read, Record};
use super::said::{MAX_BODY, is_error, said};
use super::sse::{MAX_EVENT, Malformed, Parser};
use super::target::Target;
use super::transport::{Connection, Pool, hyper_miss};

/// Names a request to the server, so that its log can be matched with the records.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) index: u64,
    pub(crate) phase: Phase,
    /// When it is due; 0 for as soon as it is taken up.
    pub(crate) due: u64,
    /// Tokens that are asked for in reply, at most.
    pub(crate) tokens: u32,
    /// Tokens that the prompt is to have, where that is known.
    pub(crate) prompt_tokens: Option<u32>,
    pub(crate) body: Bytes,
}

impl Job {
    /// The record of it, before anything has happened.
    pub(crate) fn record(&self, scheduled: u64) -> Record {
        Record {
            index: self.index,
            phase: self.phase,
            scheduled,
            sent: 0,
            connect: 0,
            headers: 0,
            first: 0,
            visible: 0,
            last: 0,
            done: 0,
            reads: Vec::new(),
            asked: self.tokens,
            asked_prompt: self.prompt_tokens,
            tokens: None,
            hidden: None,
            stopped: false,
            prompt_tokens: None,
            cached_tokens: None,
            status: 0,
            miss: None,
            said: None,
        }
    }
}

/// What all requests of a run share.
pub(crate) struct Requester {
    pool: Arc<Pool>,
    uri: Uri,
    host: HeaderValue,
    headers: HeaderMap,
    secrets: Vec<String>,
    timeout: Duration,
    /// The interface lets a server keep reasoning to itself.
    may_hide: bool,
    /// Whether the server's words on a failure were kept, by phase: one is enough.
    heard: [AtomicBool; 3],
}

impl Requester {
    pub(crate) fn new(target: &Arc<Target>, api: Api, timeout: Duration) -> Result<Self, BenchError> {
        let host = HeaderValue::from_str(&target.authority)
            .map_err(|_| BenchError::Input(format!("`{}` is no host", target.authority)))?;
        Ok(Self {
            pool: Arc::new(Pool::new(Arc::clone(target))),
            uri: target.uri_of(api.path())?,
            host,
            headers: target.headers(),
            secrets: target.secrets(),
            timeout,
            may_hide: api == Api::Chat,
            heard: Default::default(),
        })
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The server's words, where none of the phase were kept so far.
    fn hear(&self, phase: Phase, body: &[u8]) -> Option<Box<str>> {
        let heard = &self.heard[phase as usize];
        if heard.load(Ordering::Relaxed) {
            return None;
        }
        let words = said(body, &self.secrets)?;
        heard.store(true, Ordering::Relaxed);
        Some(words.into())
    }

    /// Keeps the words of the next failure again.
    pub(crate) fn listen(&self) {
        self.heard.iter().for_each(|heard| heard.store(false, Ordering::Relaxed));
    }

    fn request(&self, job: &Job, connection: &Connection) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(job.body.clone()));
        *request.method_mut() = Method::POST;
        // HTTP/1.1 to a server names the path alone (RFC 9112, 3.2.1).
        *request.uri_mut() = if connection.is_two() { self.uri.clone() } else { below_host(&self.uri) };
        let headers = request.headers_mut();
        if !connection.is_two() {
            headers.insert(HOST, self.host.clone());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(REQUEST_ID, HeaderValue::from(job.index));
        headers.extend(self.headers.clone());
        request
    }

    /// Sends a request and reads its reply to the end.
    pub(crate) async fn perform(&self, job: Job) -> Record {
        let start = now();
        let mut record = job.record(if job.due == 0 { start } else { job.due });
        let result = tokio::time::timeout(self.timeout, self.exchange(&job, &mut record)).await;
        record.miss = result.unwrap_or(Err(Miss::Timeout)).err();
        record.done = now();
        record
    }

    async fn exchange(&self, job: &Job, record: &mut Record) -> Result<(), Miss> {
        let (mut connection, response) = loop {
            let mut connection = self.pool.take().await?;
            let reused = connection.opened_in == 0;
            record.connect += connection.opened_in;
            record.sent = now();
            match connection.send(self.request(job, &connection)).await {
                Ok(response) => break (connection, response),
                // The server had closed the idle connection, which shows only now; any client tries again.
                Err(error) if reused && is_stale(&error, &connection, record.sent) => {}
                Err(error) => return Err(hyper_miss(&error)),
            }
        };
        record.headers = connection.clock.last();
        record.status = response.status().as_u16();
        if let Some(miss) = status_miss(response.status()) {
            // Read to its end, so that the connection can serve again.
            let whole = http_body_util::Limited::new(response.into_body(), 1 << 20).collect().await;
            if let Ok(body) = whole {
                self.pool.give_back(connection);
                record.said = self.hear(job.phase, &body.to_bytes());
            }
            return Err(miss);
        }
        let mut stream = Stream::default();
        // Of a body that does not say it is a stream, what may be an error in words.
        let mut plain = (!is_stream(response.headers())).then(Vec::new);
        let mut whole = false;
        let mut body = response.into_body();
        let ended = loop {
            match body.frame().await {
                None => {
                    whole = true;
                    record.hidden = stream.hidden(self.may_hide);
                    break stream.end(record);
                }
                Some(Err(error)) => break Err(hyper_miss(&error)),
                Some(Ok(frame)) => {
                    let Some(bytes) = frame.data_ref() else { continue };
                    let taken = stream.take(bytes, connection.clock.last(), record);
                    if let Some(plain) =
                        plain.as_mut().filter(|plain| !stream.begun && plain.len() < MAX_BODY)
                    {
                        plain.extend_from_slice(bytes);
                    }
                    if let Err(miss) = taken {
                        break Err(miss);
                    }
                }
            }
        };
        match ended {
            Ok(()) => {
                connection.opened_in = 0;
                self.pool.give_back(connection);
                Ok(())
            }
            Err(miss) => {
                let plain = plain.filter(|_| !stream.begun);
                record.said =
                    self.hear(job.phase, stream.error.as_ref().or(plain.as_ref()).map_or(&[], |b| b));
                Err(match (miss, plain) {
                    (Miss::Malformed | Miss::Truncated, Some(body)) if is_error(&body) => Miss::StreamError,
                    // A whole document is not a stream that ended too early.
                    (Miss::Truncated, Some(body)) if whole && !body.is_empty() => Miss::Malformed,
                    (miss, _) => miss,
                })
            }
        }
    }
}

/// A URI without scheme and host: its path and query.
fn below_host(uri: &Uri) -> Uri {
    uri.path_and_query().map_or_else(|| uri.clone(), |below| Uri::from(below.clone()))
}

/// True for a body that is a stream of events by its own account.
fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// True if a connection ended without a byte of reply to the request that was sent at `sent`.
fn is_stale(error: &hyper::Error, connection: &Connection, sent: u64) -> bool {
    connection.clock.last() < sent && matches!(hyper_miss(error), Miss::Truncated | Miss::Reset)
}

fn status_miss(status: StatusCode) -> Option<Miss> {
    match status.as_u16() {
        200 => None,
        429 => Some(Miss::Http429),
        400..=499 => Some(Miss::Http4xx),
        500..=599 => Some(Miss::Http5xx),
        _ => Some(Miss::HttpOther),
    }
}

/// A reply as it comes in.
#[derive(Default)]
struct Stream {
    parser: Parser,
    /// Time of the read that the pieces at hand came in.
    read_at: u64,
    /// Tokens by the server's count, up to the latest output.
    counted: Option<u32>,
    /// Those of reasoning, where the server tells, and whether it sent some.
    reasoning: Option<u32>,
    has_reasoning: bool,
    /// An event has come.
    begun: bool,
    done: bool,
    finished: bool,
    /// The event in which the server reported an error.
    error: Option<Vec<u8>>,
}

impl Stream {
    fn take(&mut self, bytes: &[u8], at: u64, record: &mut Record) -> Result<(), Miss> {
        let mut miss = None;
        let new_read = at != self.read_at;
        self.read_at = at;
        let (mut events, mut tokens) = (0, None);
        let (done, finished, counted) = (&mut self.done, &mut self.finished, &mut self.counted);
        let (begun, error) = (&mut self.begun, &mut self.error);
        let (reasoning, has_reasoning) = (&mut self.reasoning, &mut self.has_reasoning);
        let mut text = 0u32;
        let parsed = self.parser.push(bytes, |data| {
            *begun = true;
            if data == b"[DONE]" {
                *done = true;
                return;
            }
            let Some(chunk) = parse_chunk(data) else {
                miss = miss.or(Some(Miss::Malformed));
                return;
            };
            if chunk.error {
                miss = miss.or(Some(Miss::StreamError));
                *error = Some(data.to_vec());
            }
            *finished |= chunk.finished;
            record.stopped |= chunk.stopped;
            *reasoning = chunk.reasoning_tokens.or(*reasoning);
            *has_reasoning |= chunk.has_reasoning;
            if chunk.has_visible && record.visible == 0 {
                record.visible = at;
            }
            record.prompt_tokens = chunk.prompt_tokens.or(record.prompt_tokens);
            record.cached_tokens = chunk.cached_tokens.or(record.cached_tokens);
            if let Some(count) = chunk.completion_tokens {
                // What was decoded since the output before ends with this one; what comes after the last is not seen.
                if chunk.has_output {
                    tokens = Some(tokens.unwrap_or(0) + count.saturating_sub(counted.unwrap_or(0)));
                    *counted = Some(count);
                }
                // Some servers have the field and do not count.
                record.tokens = Some(count).filter(|count| *count > 0).or(record.tokens);
            }
            events += u32::from(chunk.has_output);
            text = text.saturating_add(chunk.text);
        });
        if events > 0 {
            note_read(record, at, new_read, Read { gap: 0, events, tokens, text });
        }
        if let Some(miss) = miss {
            return Err(miss);
        }
        parsed.map_err(|why| {
            if why == Malformed::TooLong {
                self.error =
                    Some(format!("(an event without an end within {} MiB)", MAX_EVENT >> 20).into_bytes());
            }
            Miss::Malformed
        })
    }

    /// Tokens of reasoning that were not sent; `None` where there may be such and the server does not tell.
    fn hidden(&self, may_hide: bool) -> Option<u32> {
        if self.has_reasoning { Some(0) } else { self.reasoning.or((!may_hide).then_some(0)) }
    }

    fn end(&self, record: &Record) -> Result<(), Miss> {
        if !(self.done || self.finished) || self.parser.is_partial() {
            return Err(Miss::Truncated);
        }
        if record.reads.is_empty() { Err(Miss::Empty) } else { Ok(()) }
    }
}

/// Adds output that was read at `at`: to the read at hand where it came in the same one.
fn note_read(record: &mut Record, at: u64, new_read: bool, output: Read) {
    if let Some(read) = record.reads.last_mut()
        && (!new_read || at == record.last)
    {
        read.events += output.events;
        read.text = read.text.saturating_add(output.text);
        read.tokens = read.tokens.zip(output.tokens).map(|(before, now)| before + now);
        return;
    }
    let gap = if record.reads.is_empty() { 0 } else { at.saturating_sub(record.last) };
    if record.reads.is_empty() {
        record.first = at;
    }
    record.last = at;
    record.reads.push(Read { gap, ..output });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    fn feed(pieces: &[(&str, u64)]) -> (Record, Result<(), Miss>) {
        let mut record = Record { first: 0, last: 0, ..record(&[], None) };
        record.prompt_tokens = None;
        let mut stream = Stream::default();
        let result = pieces
            .iter()
            .try_for_each(|&(text, at)| stream.take(text.as_bytes(), at, &mut record))
            .and_then(|()| stream.end(&record));
        record.hidden = stream.hidden(true);
        (record, result)
    }

    const TOKEN: &str = "data: {\"choices\":[{\"text\":\" a\"}]}\n\n";
    const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn pieces_of_one_read_are_one_gap() {
        let (record, result) =
            feed(&[(ROLE, 10), (TOKEN, 20), (TOKEN, 20), (TOKEN, 30), (&TOKEN.repeat(2), 40), (DONE, 50)]);
        assert_eq!(result, Ok(()));
        let reads: Vec<(u64, u32)> = record.reads.iter().map(|read| (read.gap, read.events)).collect();
        assert_eq!(reads, [(0, 2), (10, 1), (10, 2)]);
        assert_eq!((record.first, record.last), (20, 40));
    }

    #[test]
    fn what_a_user_sees_comes_after_what_the_model_thinks() {
        const THINKS: &str = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
        const SAYS: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"so\"}}]}\n\n";
        let (record, _) = feed(&[(ROLE, 10), (THINKS, 20), (THINKS, 30), (SAYS, 40), (SAYS, 50), (DONE, 60)]);
        assert_eq!((record.first, record.visible, record.last), (20, 40, 50));
        let (record, _) = feed(&[(THINKS, 20), (DONE, 60)]);
        assert_eq!((record.first, record.visible), (20, 0));
        let (record, _) = feed(&[(TOKEN, 20), (TOKEN, 30), (DONE, 60)]);
        assert_eq!((record.first, record.visible), (20, 20));
    }

    #[test]
    fn a_role_alone_is_no_token_and_a_reply_without_any_is_empty() {
        assert_eq!(feed(&[(ROLE, 10), (DONE, 20)]).1, Err(Miss::Empty));
    }

    #[test]
    fn streams_that_do_not_end_are_truncated() {
        assert_eq!(feed(&[]).1, Err(Miss::Truncated));
        assert_eq!(feed(&[(TOKEN, 10)]).1, Err(Miss::Truncated));
        assert_eq!(feed(&[(TOKEN, 10), ("data: {\"cho", 20)]).1, Err(Miss::Truncated));
        let finished = "data: {\"choices\":[{\"text\":\"b\",\"finish_reason\":\"length\"}]}\n\n";
        assert_eq!(feed(&[(TOKEN, 10), (finished, 20)]).1, Ok(()));
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        assert_eq!(feed(&[("data: {\"choices\":[{\n\n", 10)]).1, Err(Miss::Malformed));
        assert_eq!(feed(&[("<html>\n", 10)]).1, Err(Miss::Malformed));
        let mut stream = Stream::default();
        let long = vec![b'x'; MAX_EVENT + 1];
        let taken = stream.take(&[b"data: ", &long[..]].concat(), 1, &mut record(&[], None));
        assert_eq!(taken, Err(Miss::Malformed));
        assert_eq!(stream.error.unwrap(), b"(an event without an end within 4 MiB)");
        assert_eq!(
            feed(&[(TOKEN, 1), ("data: {\"error\":{\"message\":\"m\"}}\n\n", 10)]).1,
            Err(Miss::StreamError)
        );
    }

    #[test]
    fn tokens_are_counted_by_the_server_where_it_does() {
        let counted = |n: u32| {
            format!("data: {{\"choices\":[{{\"text\":\"a\"}}],\"usage\":{{\"completion_tokens\":{n}}}}}\n\n")
        };
        let (record, result) =
            feed(&[(&counted(1), 10), (&counted(5), 20), (&(counted(7) + &counted(9)), 30), (DONE, 30)]);
        assert_eq!(result, Ok(()));
        let tokens: Vec<Option<u32>> = record.reads.iter().map(|read| read.tokens).collect();
        assert_eq!(tokens, [Some(1), Some(4), Some(4)]);
        assert_eq!(record.tokens, Some(9));
    }

    #[test]
    fn what_a_server_hides_is_known_only_where_it_tells() {
        let usage = |details: &str| {
            format!(
                "data: {{\"choices\":[],\"usage\":{{\"completion_tokens\":9{details}}}}}\n\ndata: [DONE]\n\n"
            )
        };
        let told = usage(",\"completion_tokens_details\":{\"reasoning_tokens\":7}");
        let thought = "data: {\"choices\":[{\"delta\":{\"thinking\":\"hm\"}}]}\n\n";
        for (pieces, hidden) in [
            ([(TOKEN, 10), (&usage(""), 20)], None),
            ([(TOKEN, 10), (&told, 20)], Some(7)),
            ([(thought, 10), (&told, 20)], Some(0)),
        ] {
            let (record, result) = feed(&pieces);
            assert_eq!((result, record.hidden, record.tokens), (Ok(()), hidden, Some(9)));
        }
    }

    #[test]
    fn what_is_counted_without_output_belongs_to_the_output_after_it() {
        let counted = |text: &str, n: u32| {
            format!(
                "data: {{\"choices\":[{{\"text\":\"{text}\"}}],\"usage\":{{\"completion_tokens\":{n}}}}}\n\n"
            )
        };
        let pieces = [counted("", 3), counted("a", 5), counted("", 6), counted("b", 7), counted("", 8)]
            .map(|text| text);
        let pieces: Vec<(&str, u64)> = (1..).zip(&pieces).map(|(n, text)| (text.as_str(), 10 * n)).collect();
        let (record, _) = feed(&pieces);
        let tokens: Vec<Option<u32>> = record.reads.iter().map(|read| read.tokens).collect();
        assert_eq!((tokens, record.tokens), (vec![Some(5), Some(2)], Some(8)));
    }
}
