//! A deterministic OpenAI-compatible server that also misbehaves, for tests of clients.
//!
//! The well-behaved part, with its delays, its coalescing and the log of what it did when, is
//! [`plumb_bench::reference`]; this adds faults.

use std::collections::BTreeSet;

use plumb_bench::reference::{
    Act, Asked, Behaviour, Reply, Script, Server, Step, steady, stream_head, token_event,
};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another status than 200.
    Status(u16),
    /// The connection is reset after so many tokens.
    ResetAfter(u32),
    /// The connection is closed in order after so many tokens: the stream does not say that it ended.
    CloseAfter(u32),
    /// The stream ends as HTTP has it after so many tokens, but the reply does not.
    EndAfter(u32),
    /// An event that is no JSON after so many tokens.
    MalformedAfter(u32),
    /// A page of HTML with status 200.
    Html,
    /// An error as a JSON document with status 200.
    JsonError,
    /// A whole reply as a JSON document: the server does not stream.
    JsonReply,
    /// An error of the server inside the stream after so many tokens.
    ErrorAfter(u32),
    /// A whole reply without a token.
    Empty,
    /// No answer at all.
    Hang,
    /// So many tokens, then nothing.
    StallAfter(u32),
    /// Something that is not HTTP.
    NotHttp,
    /// A whole reply, after which the server closes the connection without having said so: no fault of the reply.
    LeaveAfter(u32),
}

/// Follows `behaviour` but for the faults: request `n` after the first `spared` has fault `n` of the list, in turn.
struct Faulty {
    behaved: Box<dyn Script>,
    faults: Vec<Option<Fault>>,
    spared: u64,
}

/// Starts a server whose requests fail in turn; the first `spared`, with which a client looks around, do not.
///
/// # Panics
/// If the system lends no socket.
#[must_use]
pub fn start(behaviour: Behaviour, faults: Vec<Option<Fault>>, spared: u64) -> Server {
    let faulty = Faulty { behaved: steady(behaviour), faults, spared };
    Server::start(Box::new(faulty)).expect("a server can be started")
}

impl Script for Faulty {
    fn respond(&mut self, asked: &Asked) -> Reply {
        let turn = asked.number.checked_sub(self.spared).filter(|_| asked.path.ends_with("/completions"));
        let fault = turn.and_then(|turn| {
            let turn = usize::try_from(turn).unwrap_or(0);
            self.faults.get(turn % self.faults.len().max(1)).copied().flatten()
        });
        match fault {
            None => self.behaved.respond(asked),
            Some(fault) => Box::new(steps(fault).into_iter()),
        }
    }
}

fn write(bytes: Vec<u8>, tokens: u32) -> Step {
    Step { at: 0, act: Act::Write { bytes, tokens } }
}

fn act(act: Act) -> Step {
    Step { at: 0, act }
}

/// A stream that begins well.
fn tokens(count: u32) -> Vec<Step> {
    let mut bytes = stream_head();
    (0..count).for_each(|_| bytes.extend(token_event(false, 1, None, false)));
    vec![write(bytes, count)]
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn steps(fault: Fault) -> Vec<Step> {
    let plain = |head: &str, text: &str| {
        write(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{text}", text.len()).into_bytes(), 0)
    };
    let after = |count: u32, further: Vec<Step>| [tokens(count), further].concat();
    match fault {
        Fault::Status(status) => {
            let text = format!("{{\"error\":{{\"message\":\"status {status} is all there is\"}}}}");
            vec![plain(&format!("{status} No"), &text), act(Act::Finish)]
        }
        Fault::ResetAfter(count) => after(count, vec![act(Act::Reset)]),
        Fault::CloseAfter(count) => after(count, vec![act(Act::Close)]),
        Fault::EndAfter(count) => after(count, vec![write(b"0\r\n\r\n".to_vec(), 0), act(Act::Finish)]),
        Fault::MalformedAfter(count) => after(
            count,
            vec![
                write(chunk("data: {\"choices\": [{\n\n"), 0),
                write(b"0\r\n\r\n".to_vec(), 0),
                act(Act::Finish),
            ],
        ),
        Fault::Html => vec![plain("200 OK", "<html>busy</html>\n"), act(Act::Finish)],
        Fault::JsonError => {
            let head = "200 OK\r\ncontent-type: application/json";
            vec![plain(head, "{\"error\":{\"message\":\"out of memory\"}}"), act(Act::Finish)]
        }
        Fault::JsonReply => {
            let head = "200 OK\r\ncontent-type: application/json";
            let text = "{\"choices\":[{\"text\":\" tok tok\",\"finish_reason\":\"length\"}]}";
            vec![plain(head, text), act(Act::Finish)]
        }
        Fault::ErrorAfter(count) => {
            let error = chunk("data: {\"error\":{\"message\":\"out of memory\"}}\n\n");
            after(count, vec![write(error, 0), write(b"0\r\n\r\n".to_vec(), 0), act(Act::Finish)])
        }
        Fault::Empty => {
            let end = [stream_head(), chunk("data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()].concat();
            vec![write(end, 0), act(Act::Finish)]
        }
        Fault::Hang => Vec::new(),
        Fault::StallAfter(count) => tokens(count),
        Fault::LeaveAfter(count) => {
            let end = [token_event(false, 1, None, true), chunk("data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()]
                .concat();
            after(count, vec![write(end, 1), act(Act::Close)])
        }
        Fault::NotHttp => vec![write(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), 0), act(Act::Close)],
    }
}

/// How a server tells what came from its prefix cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// In the usage of each reply.
    Usage,
    /// At `/metrics`, in vLLM's names.
    Metrics,
}

/// Tokens that a prefix cache keeps together.
const BLOCK: usize = 16;

/// A server with a prefix cache, which lasts as long as the server: prefill takes 1 ms for each token that is not in it.
struct Caching {
    behaved: Box<dyn Script>,
    tells: Tells,
    /// Whole blocks, each with all that comes before it.
    kept: BTreeSet<String>,
    asked: usize,
    found: usize,
}

/// Starts a server with a prefix cache.
///
/// # Panics
/// If the system lends no socket.
#[must_use]
pub fn caching(tells: Tells) -> Server {
    let behaved = steady(Behaviour::default());
    let caching = Caching { behaved, tells, kept: BTreeSet::new(), asked: 0, found: 0 };
    Server::start(Box::new(caching)).expect("a server can be started")
}

impl Script for Caching {
    fn respond(&mut self, asked: &Asked) -> Reply {
        if asked.path.ends_with("/metrics") && self.tells == Tells::Metrics {
            let text = format!(
                "vllm:prefix_cache_queries_total {}\nvllm:prefix_cache_hits_total {}\n",
                self.asked, self.found
            );
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length";
            let answer = write(format!("{head}: {}\r\n\r\n{text}", text.len()).into_bytes(), 0);
            return Box::new([answer, act(Act::Finish)].into_iter());
        }
        if !asked.path.ends_with("/completions") {
            return self.behaved.respond(asked);
        }
        let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let words: Vec<&str> = body["prompt"].as_str().unwrap_or_default().split_whitespace().collect();
        let prefixes: Vec<String> =
            (1..=words.len() / BLOCK).map(|blocks| words[..blocks * BLOCK].join(" ")).collect();
        let cached = BLOCK * prefixes.iter().take_while(|prefix| self.kept.contains(*prefix)).count();
        self.kept.extend(prefixes);
        self.asked += words.len();
        self.found += cached;
        let tokens = body["max_tokens"].as_u64().unwrap_or(1).max(1);
        let (prompt, ms) = (words.len(), 1_000_000);
        let first = asked.received + (prompt - cached) as u64 * ms;
        let details = match self.tells {
            Tells::Usage => format!(",\"prompt_tokens_details\":{{\"cached_tokens\":{cached}}}"),
            Tells::Metrics => String::new(),
        };
        let usage = format!("{{\"prompt_tokens\":{prompt},\"completion_tokens\":{tokens}{details}}}");
        let end = [
            chunk(&format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n")),
            chunk("data: [DONE]\n\n"),
            b"0\r\n\r\n".to_vec(),
        ];
        let steps = (0..tokens).map(move |number| {
            let mut bytes = if number == 0 { stream_head() } else { Vec::new() };
            bytes.extend(token_event(false, 1, None, number + 1 == tokens));
            if number + 1 == tokens {
                bytes.extend(end.concat());
            }
            Step { at: first + number * 2 * ms, act: Act::Write { bytes, tokens: 1 } }
        });
        Box::new(steps.chain([act(Act::Finish)]))
    }
}

/// A server that fails over an option that it does not know, instead of refusing it.
struct Picky(Box<dyn Script>);

/// Starts a server that answers `ignore_eos` with status 500.
///
/// # Panics
/// If the system lends no socket.
#[must_use]
pub fn picky(behaviour: Behaviour) -> Server {
    Server::start(Box::new(Picky(steady(behaviour)))).expect("a server can be started")
}

impl Script for Picky {
    fn respond(&mut self, asked: &Asked) -> Reply {
        if String::from_utf8_lossy(&asked.body).contains("ignore_eos") {
            return Box::new(steps(Fault::Status(500)).into_iter());
        }
        self.0.respond(asked)
    }
}
