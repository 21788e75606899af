//! What the reference server answers, as steps in time.

use serde::{Deserialize, Serialize};

/// A request as the server read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, `POST`.
    pub method: String,
    /// Path of the URI.
    pub path: String,
    /// What follows the path behind a question mark.
    pub query: String,
    /// The client's `X-Request-Id`.
    pub id: String,
    /// The `Authorization` header.
    pub authorization: String,
    /// All headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// When it had been read, in ns of CLOCK_MONOTONIC.
    pub received: u64,
    /// How many completions were asked for before.
    pub number: u64,
}

/// Something to do at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in ns of CLOCK_MONOTONIC; at once if it is past.
    pub at: u64,
    /// What.
    pub act: Act,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Send bytes in one write.
    Write {
        /// The bytes.
        bytes: Vec<u8>,
        /// How many tokens they hold, for the log.
        tokens: u32,
    },
    /// The reply is whole; the connection serves further requests.
    Finish,
    /// Close the connection in order.
    Close,
    /// Reset the connection.
    Reset,
}

/// The steps of one reply.
pub type Reply = Box<dyn Iterator<Item = Step> + Send>;

/// Decides what is answered.
pub trait Script: Send {
    /// The reply to a request.
    fn respond(&mut self, asked: &Asked) -> Reply;
}

/// A well-behaved server with constant delays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// ns from the request to its first token.
    pub ttft: u64,
    /// ns from token to token.
    pub itl: u64,
    /// Tokens of a reply where the request does not say.
    pub tokens: u32,
    /// Tokens in each event after the first one, as a server with speculative decoding or a streaming interval has it.
    pub tokens_per_event: u32,
    /// Tokens in the first event.
    pub first_tokens: u32,
    /// Events in one write.
    pub events_per_write: u32,
    /// Token counts are sent where asked for.
    pub usage: bool,
    /// And with every chunk.
    pub continuous_usage: bool,
    /// Tokens of reasoning that come before the others, each with its time, and are not sent; they count.
    pub hidden_reasoning: u32,
    /// How many these are is told.
    pub tells_reasoning: bool,
    /// The model ends a reply after so many tokens, by one that is counted and not shown; 0 for never.
    pub stops_after: u32,
    /// Requests whose first token can be worked on at the same time, the others waiting in line; 0 for no limit. With 1 and
    /// Poisson arrivals, the wait is that of the queue M/D/1, whose distribution is known.
    pub prefill_slots: u32,
}

impl Default for Behaviour {
    /// First token after 20 ms, then one every 10 ms.
    fn default() -> Self {
        Self {
            ttft: 20_000_000,
            itl: 10_000_000,
            tokens: 64,
            tokens_per_event: 1,
            first_tokens: 1,
            events_per_write: 1,
            usage: true,
            continuous_usage: true,
            hidden_reasoning: 0,
            tells_reasoning: true,
            stops_after: 0,
            prefill_slots: 0,
        }
    }
}

/// A server that does what `behaviour` says.
#[must_use]
pub fn steady(behaviour: Behaviour) -> Box<dyn Script> {
    let slots = vec![0; behaviour.prefill_slots as usize];
    Box::new(Steady { behaviour, slots })
}

struct Steady {
    behaviour: Behaviour,
    /// When each place for prefill becomes free.
    slots: Vec<u64>,
}

impl Script for Steady {
    fn respond(&mut self, asked: &Asked) -> Reply {
        if asked.path.ends_with("/models") {
            return json_reply(r#"{"object":"list","data":[{"id":"reference","object":"model"}]}"#);
        }
        if !asked.path.ends_with("/completions") {
            return not_found();
        }
        let first = match self.slots.iter_mut().min() {
            Some(free) => {
                *free = asked.received.max(*free) + self.behaviour.ttft;
                *free
            }
            None => asked.received + self.behaviour.ttft,
        };
        reply(&self.behaviour, asked, first)
    }
}

/// What of a request the server looks at.
#[derive(Default, Deserialize)]
struct Wishes {
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    #[serde(default)]
    stream_options: StreamWishes,
}

#[derive(Default, Deserialize)]
struct StreamWishes {
    #[serde(default)]
    include_usage: bool,
    #[serde(default)]
    continuous_usage_stats: bool,
}

fn reply(behaviour: &Behaviour, asked: &Asked, first: u64) -> Reply {
    let wishes: Wishes = serde_json::from_slice(&asked.body).unwrap_or_default();
    let chat = asked.path.ends_with("/chat/completions");
    let prompt_tokens = words_of(&asked.body);
    let wanted = wishes.max_completion_tokens.or(wishes.max_tokens).unwrap_or(behaviour.tokens).max(1);
    let stops = behaviour.stops_after > 0 && behaviour.stops_after < wanted;
    let total = if stops { behaviour.stops_after } else { wanted };
    let hidden = behaviour.hidden_reasoning;
    let counted = hidden + total + u32::from(stops);
    let (itl, per_event, per_write) =
        (behaviour.itl, behaviour.tokens_per_event.max(1), behaviour.events_per_write.max(1));
    let first_tokens = behaviour.first_tokens.max(1);
    let continuous =
        behaviour.usage && behaviour.continuous_usage && wishes.stream_options.continuous_usage_stats;
    let final_usage = behaviour.usage && wishes.stream_options.include_usage;
    let details = match hidden {
        0 => String::new(),
        _ if !behaviour.tells_reasoning => String::new(),
        hidden => format!(",\"completion_tokens_details\":{{\"reasoning_tokens\":{hidden}}}"),
    };
    let mut sent = 0;
    let mut head = Some(stream_head());
    let mut ended = false;
    let tokens = std::iter::from_fn(move || {
        if sent >= total {
            return None;
        }
        let mut bytes = head.take().unwrap_or_default();
        let before = sent;
        for _ in 0..per_write {
            if sent >= total {
                break;
            }
            let many = if sent == 0 { first_tokens } else { per_event }.min(total - sent);
            sent += many;
            let usage = continuous.then_some((prompt_tokens, hidden + sent));
            bytes.extend(token_event(chat, many, usage, sent == total && !stops));
        }
        // The time of the last token that a write holds.
        let at = first + u64::from(hidden + sent - 1) * itl;
        if sent == total {
            if stops {
                let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\n";
                bytes.extend(http_chunk(end.as_bytes()));
            }
            if final_usage {
                let usage =
                    format!("{{\"prompt_tokens\":{prompt_tokens},\"completion_tokens\":{counted}{details}}}");
                let object = object(chat);
                bytes.extend(http_chunk(
                    format!(
                        "data: {{\"id\":\"r\",\"object\":\"{object}\",\"choices\":[],\"usage\":{usage}}}\n\n"
                    )
                    .as_bytes(),
                ));
            }
            bytes.extend(http_chunk(b"data: [DONE]\n\n"));
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        Some(Step { at, act: Act::Write { bytes, tokens: sent - before } })
    });
    let finish = std::iter::from_fn(move || {
        (!std::mem::replace(&mut ended, true)).then_some(Step { at: 0, act: Act::Finish })
    });
    Box::new(tokens.chain(finish))
}

/// Words of the prompt, which are its tokens here.
fn words_of(body: &[u8]) -> usize {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let prompt = body["prompt"].as_str().or(body["messages"][0]["content"].as_str()).unwrap_or_default();
    prompt.split_whitespace().count()
}

/// Status line and headers of a stream.
#[must_use]
pub fn stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()
}

/// A chunk of HTTP/1.1.
fn http_chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// An event with `tokens` tokens as a chunk of HTTP/1.1; `usage` is (prompt, completion) tokens so far.
#[must_use]
pub fn token_event(chat: bool, tokens: u32, usage: Option<(usize, u32)>, last: bool) -> Vec<u8> {
    let text = " tok".repeat(tokens as usize);
    let content =
        if chat { format!("\"delta\":{{\"content\":\"{text}\"}}") } else { format!("\"text\":\"{text}\"") };
    let finish = if last { "\"length\"" } else { "null" };
    let usage = usage.map_or(String::new(), |(prompt, completion)| {
        format!(",\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion}}}")
    });
    http_chunk(
        format!(
            "data: {{\"id\":\"r\",\"object\":\"{}\",\"choices\":[{{\"index\":0,{content},\"finish_reason\":{finish}}}]{usage}}}\n\n",
            object(chat)
        )
        .as_bytes(),
    )
}

/// Kind of an event; some clients skip events that do not say it.
fn object(chat: bool) -> &'static str {
    if chat { "chat.completion.chunk" } else { "text_completion" }
}

/// A whole JSON reply, at once.
pub(super) fn json_reply(text: &str) -> Reply {
    plain_reply("200 OK", text)
}

fn not_found() -> Reply {
    plain_reply("404 Not Found", "{}")
}

fn plain_reply(status: &str, text: &str) -> Reply {
    let bytes = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    )
    .into_bytes();
    let write = Step { at: 0, act: Act::Write { bytes, tokens: 0 } };
    Box::new([write, Step { at: 0, act: Act::Finish }].into_iter())
}

/// Takes a whole request out of `input`, where there is one.
pub(super) fn parse_request(input: &mut Vec<u8>) -> Option<Asked> {
    let end = input.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&input[..end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let method = words.next()?.to_owned();
    let (path, query) = words.next().map(|target| target.split_once('?').unwrap_or((target, "")))?;
    let mut asked = Asked { method, path: path.to_owned(), query: query.to_owned(), ..Asked::default() };
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        asked.headers.push((name.clone(), value.to_owned()));
        match name.as_str() {
            "content-length" => length = value.parse().ok()?,
            "x-request-id" => asked.id = value.to_owned(),
            "authorization" => asked.authorization = value.to_owned(),
            _ => {}
        }
    }
    if input.len() < end + length {
        return None;
    }
    asked.body = input[end..end + length].to_vec();
    input.drain(..end + length);
    Some(asked)
}
