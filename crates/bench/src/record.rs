//! One request, as the client saw it.

use plumb_evidence::model::REQUEST_ITL_PERCENTILES;
use serde::{Deserialize, Serialize};

use plumb_stats::quantile::weighted_quantile;

/// Part of the run that a request belongs to, by when it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Brings the server to its working state; not measured.
    Warmup,
    /// Measured.
    Measured,
    /// Keeps up the load until the last measured request has ended; not measured.
    Cooldown,
}

/// Why a request gave no whole reply. A miss counts against goodput and is never dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Miss {
    /// Nobody listens at the address.
    ConnectRefused,
    /// No connection for another reason.
    ConnectFailed,
    /// TLS was not agreed on.
    Tls,
    /// The client ran out of sockets, ports or memory: the server is not to blame.
    ClientLimit,
    /// The connection was reset while the request was under way.
    Reset,
    /// What came is not HTTP.
    Protocol,
    /// Status 429.
    #[serde(rename = "http_429")]
    Http429,
    /// Another status from 400 to 499.
    #[serde(rename = "http_4xx")]
    Http4xx,
    /// Status 500 to 599.
    #[serde(rename = "http_5xx")]
    Http5xx,
    /// Any other status but 200, redirections among them.
    #[serde(rename = "http_other")]
    HttpOther,
    /// The body is no stream of events, or an event is no chunk.
    Malformed,
    /// The server reported an error inside the stream.
    StreamError,
    /// The stream ended before the reply did.
    Truncated,
    /// A whole reply without a single token.
    Empty,
    /// Not ended within the time limit.
    Timeout,
    /// Not sent, since as many requests as allowed were under way.
    Dropped,
}

impl Miss {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 16] = [
        Self::ConnectRefused,
        Self::ConnectFailed,
        Self::Tls,
        Self::ClientLimit,
        Self::Reset,
        Self::Protocol,
        Self::Http429,
        Self::Http4xx,
        Self::Http5xx,
        Self::HttpOther,
        Self::Malformed,
        Self::StreamError,
        Self::Truncated,
        Self::Empty,
        Self::Timeout,
        Self::Dropped,
    ];

    /// The word used in every output format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectRefused => "connect_refused",
            Self::ConnectFailed => "connect_failed",
            Self::Tls => "tls",
            Self::ClientLimit => "client_limit",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::Http429 => "http_429",
            Self::Http4xx => "http_4xx",
            Self::Http5xx => "http_5xx",
            Self::HttpOther => "http_other",
            Self::Malformed => "malformed",
            Self::StreamError => "stream_error",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Timeout => "timeout",
            Self::Dropped => "dropped",
        }
    }
}

/// One read from the socket that brought output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// ns since the read before it; 0 for the first.
    pub gap: u64,
    /// Events with output in it.
    pub events: u32,
    /// Tokens in it, where the server counts along: all that it counted since the output before.
    pub tokens: Option<u32>,
    /// Bytes of text in it.
    pub text: u32,
}

/// One request. Times are ns of CLOCK_MONOTONIC; 0 where it did not come to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Position in the run, from 0.
    pub index: u64,
    /// Part of the run.
    pub phase: Phase,
    /// When it was due: by the schedule, or when its stream became free.
    pub scheduled: u64,
    /// When it was handed to the connection.
    pub sent: u64,
    /// ns that a new connection took; 0 where one was open already.
    pub connect: u64,
    /// When the head of the reply was read.
    pub headers: u64,
    /// When the first output was read.
    pub first: u64,
    /// When the first output was read that is no reasoning: what a user sees.
    pub visible: u64,
    /// When the last output was read.
    pub last: u64,
    /// When the reply, or the attempt, had ended.
    pub done: u64,
    /// Reads that brought output, in order.
    pub reads: Vec<Read>,
    /// Output tokens that were asked for, at most.
    pub asked: u32,
    /// Tokens of the prompt that were asked for, where that is known beforehand.
    pub asked_prompt: Option<u32>,
    /// Output tokens by the server's count.
    pub tokens: Option<u32>,
    /// Those of them of which nothing was sent, since they are reasoning; `None` where there may be such and nobody tells.
    pub hidden: Option<u32>,
    /// The model ended the reply, by a token that is not shown and may be counted.
    pub stopped: bool,
    /// Tokens of the prompt by the server's count.
    pub prompt_tokens: Option<u32>,
    /// Tokens of the prompt that came from a cache, by the server's count.
    pub cached_tokens: Option<u32>,
    /// HTTP status; 0 without one.
    pub status: u16,
    /// Why it gave no whole reply; `None` for one that did.
    pub miss: Option<Miss>,
    /// What the server said of that; kept of the first ones of a run only.
    pub said: Option<Box<str>>,
}

impl Record {
    /// Events with output.
    #[must_use]
    pub fn events(&self) -> u32 {
        self.reads.iter().map(|read| read.events).sum()
    }

    /// Output tokens: the server's count, else one per event.
    #[must_use]
    pub fn output_tokens(&self) -> u32 {
        self.tokens.unwrap_or_else(|| self.events())
    }

    /// Time to first token in ns, from when the request was due.
    #[must_use]
    pub fn ttft(&self) -> Option<u64> {
        self.since(self.first, self.scheduled)
    }

    /// Time to the first output that is no reasoning, in ns, from when the request was due.
    #[must_use]
    pub fn ttfo(&self) -> Option<u64> {
        self.since(self.visible, self.scheduled)
    }

    /// Time to first token in ns, from when the request was sent: what a client reports that leaves out its own delay.
    #[must_use]
    pub fn ttft_from_send(&self) -> Option<u64> {
        self.since(self.first, self.sent)
    }

    /// Time to the last token in ns, from when the request was due.
    #[must_use]
    pub fn e2e(&self) -> Option<u64> {
        self.since(self.last, self.scheduled)
    }

    /// Time to the last token in ns, from when the request was sent.
    #[must_use]
    pub fn e2e_from_send(&self) -> Option<u64> {
        self.since(self.last, self.sent)
    }

    /// Time between tokens in ns at [`REQUEST_ITL_PERCENTILES`]; `None` where the reply has no such time.
    fn token_gap_percentiles(&self) -> Option<[f64; REQUEST_ITL_PERCENTILES.len()]> {
        if self.miss.is_some() {
            return None;
        }
        let mut gaps: Vec<(f64, f64)> =
            self.token_gaps()?.into_iter().map(|(gap, tokens)| (gap / tokens, tokens)).collect();
        gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = |percent: f64| weighted_quantile(&gaps, percent / 100.0);
        at(50.0)?;
        Some(REQUEST_ITL_PERCENTILES.map(|percent| at(percent).unwrap_or_default()))
    }

    fn since(&self, end: u64, start: u64) -> Option<u64> {
        (self.miss.is_none() && end != 0).then(|| end.saturating_sub(start))
    }

    /// The line of this record in a file of raw records, without its end. See `docs/src/reference/metrics.md`.
    #[must_use]
    pub fn line(&self, origin: u64) -> String {
        let us = |ns: f64| (ns / 100.0).round() / 10.0;
        let line = RecordLine {
            i: self.index,
            phase: self.phase,
            sched_us: offset(self.scheduled, origin),
            send_us: offset(self.sent, origin),
            connect_us: self.connect / 1000,
            headers_us: offset(self.headers, origin),
            first_us: offset(self.first, origin),
            visible_us: offset(self.visible, origin).filter(|_| self.visible != self.first),
            last_us: offset(self.last, origin),
            done_us: offset(self.done, origin),
            gaps_us: self.reads.iter().skip(1).map(|read| read.gap / 1000).collect(),
            events: self.reads.iter().map(|read| read.events).collect(),
            read_tokens: self.reads.iter().map(|read| read.tokens).collect(),
            between: self
                .between()
                .map(|between| (between.least, between.most.is_finite().then_some(between.most))),
            tpot_us: self.tpot().map(us),
            itl_us: self.token_gap_percentiles().map(|percentiles| percentiles.map(us)),
            tokens: self.tokens,
            hidden: self.hidden.filter(|hidden| *hidden > 0),
            prompt_tokens: self.prompt_tokens,
            cached_tokens: self.cached_tokens,
            status: self.status,
            miss: self.miss,
        };
        serde_json::to_string(&line).unwrap_or_default()
    }
}

fn offset(time: u64, origin: u64) -> Option<i64> {
    (time != 0).then(|| (i64::try_from(time).unwrap_or(0) - i64::try_from(origin).unwrap_or(0)) / 1000)
}

/// A record in a file: µs, counted from the start of the run.
#[derive(Serialize)]
struct RecordLine {
    i: u64,
    phase: Phase,
    sched_us: Option<i64>,
    send_us: Option<i64>,
    connect_us: u64,
    headers_us: Option<i64>,
    first_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visible_us: Option<i64>,
    last_us: Option<i64>,
    done_us: Option<i64>,
    gaps_us: Vec<u64>,
    events: Vec<u32>,
    #[serde(skip_serializing_if = "all_none")]
    read_tokens: Vec<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<(f64, Option<f64>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpot_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    itl_us: Option<[f64; REQUEST_ITL_PERCENTILES.len()]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u32>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    miss: Option<Miss>,
}

fn all_none(tokens: &[Option<u32>]) -> bool {
    tokens.iter().all(Option::is_none)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request for 64 tokens due at 1 s, sent 1 ms later, whose reads come at the given ms after it was due, with four bytes
    /// of text for each event.
    pub(crate) fn record(reads: &[(u64, u32, Option<u32>)], tokens: Option<u32>) -> Record {
        let scheduled = 1_000_000_000;
        let at = |ms: u64| scheduled + ms * 1_000_000;
        let mut before = None;
        Record {
            index: 0,
            phase: Phase::Measured,
            scheduled,
            sent: at(1),
            connect: 0,
            headers: at(2),
            first: reads.first().map_or(0, |read| at(read.0)),
            visible: reads.first().map_or(0, |read| at(read.0)),
            last: reads.last().map_or(0, |read| at(read.0)),
            done: reads.last().map_or(at(5), |read| at(read.0)),
            reads: reads
                .iter()
                .map(|&(ms, events, tokens)| {
                    let gap = before.map_or(0, |before| (ms - before) * 1_000_000);
                    before = Some(ms);
                    Read { gap, events, tokens, text: 4 * events }
                })
                .collect(),
            asked: 64,
            asked_prompt: None,
            tokens,
            hidden: Some(0),
            stopped: false,
            prompt_tokens: Some(10),
            cached_tokens: None,
            status: 200,
            miss: None,
            said: None,
        }
    }

    #[test]
    fn latency_counts_from_when_the_request_was_due() {
        let record = record(&[(20, 1, None), (30, 1, None), (40, 1, None)], Some(3));
        assert_eq!(record.ttft(), Some(20_000_000));
        assert_eq!(record.ttft_from_send(), Some(19_000_000));
        assert_eq!(record.e2e(), Some(40_000_000));
        assert_eq!(record.tpot(), Some(10e6));
    }

    #[test]
    fn a_line_holds_what_other_limits_than_those_of_the_run_would_ask() {
        let line = |record: Record| -> serde_json::Value { serde_json::from_str(&record.line(0)).unwrap() };
        let streamed = line(record(&[(20, 1, None), (30, 1, None), (40, 1, None), (90, 1, None)], Some(4)));
        assert_eq!(streamed["tpot_us"], 23333.3);
        let at: Vec<f64> = serde_json::from_value(streamed["itl_us"].clone()).unwrap();
        assert_eq!((at[0], at[1], at[8]), (10_000.0, 50_000.0, 50_000.0));
        assert!(line(record(&[(20, 8, None)], Some(8))).get("itl_us").is_none(), "in one read");
    }

    #[test]
    fn a_miss_has_no_latency() {
        let mut record = record(&[(20, 1, None), (30, 1, None)], None);
        record.miss = Some(Miss::Truncated);
        assert_eq!((record.ttft(), record.e2e(), record.tpot()), (None, None, None));
        let line: serde_json::Value = serde_json::from_str(&record.line(1_000_000_000)).unwrap();
        assert_eq!(line["miss"], "truncated");
        assert_eq!(line["first_us"], 20_000);
        assert_eq!(line["gaps_us"], serde_json::json!([10_000]));
        assert!(line.get("tpot_us").is_none() && line.get("itl_us").is_none());
    }

    #[test]
    fn words_of_misses_are_those_of_their_json_form() {
        for miss in Miss::ALL {
            assert_eq!(serde_json::to_value(miss).unwrap(), miss.as_str());
        }
    }
}
