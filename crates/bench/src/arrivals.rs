//! When requests are due.
//!
//! A schedule is a function of its seed, so two variants of a server can be sent the same one. It is absolute: a client that
//! falls behind stays late and its lateness is measured; nothing is moved or left out.

use serde::{Deserialize, Serialize};

use super::clock::SECOND;
use plumb_stats::Random;

/// How arrivals are spread over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "process", rename_all = "lowercase")]
pub enum Arrivals {
    /// Equal gaps.
    Constant {
        /// Requests per second.
        rate: f64,
    },
    /// Independent users: exponential gaps.
    Poisson {
        /// Requests per second.
        rate: f64,
    },
    /// Gamma distributed gaps: shape 1 is Poisson, less is burstier, more is more even (vLLM's `--burstiness`).
    Gamma {
        /// Requests per second.
        rate: f64,
        /// Shape of the distribution.
        shape: f64,
    },
    /// Several at once, at equal distances.
    Burst {
        /// Requests at once.
        size: u32,
        /// Seconds from burst to burst.
        every: f64,
    },
    /// A rate that rises or falls in a straight line, then stays; equal gaps at each rate.
    Ramp {
        /// Requests per second at the start.
        from: f64,
        /// Requests per second at the end.
        to: f64,
        /// Seconds from one to the other.
        over: f64,
    },
    /// Times that were recorded, in seconds from the start, rising.
    Trace {
        /// One per request.
        #[serde(skip)]
        times: Vec<TraceEntry>,
    },
}

/// One request of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceEntry {
    /// Seconds from the start.
    pub at: f64,
    /// Tokens of its prompt, where the trace says.
    pub prompt_tokens: Option<u32>,
    /// Tokens of its reply, where the trace says.
    pub output_tokens: Option<u32>,
    /// Names of the blocks of 512 tokens that its prompt begins with, where the trace says: the same name is the same text.
    pub blocks: std::sync::Arc<[u64]>,
}

/// Tokens of a block of a trace in Mooncake's form.
pub(crate) const BLOCK: u32 = 512;

impl Arrivals {
    /// Requests per second on average, as far as the process has such a figure.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        match self {
            Self::Constant { rate } | Self::Poisson { rate } | Self::Gamma { rate, .. } => Some(*rate),
            Self::Burst { size, every } => Some(f64::from(*size) / every),
            Self::Ramp { .. } => None,
            Self::Trace { times } => {
                let (first, last) = (times.first()?, times.last()?);
                (last.at > first.at).then(|| (times.len() - 1) as f64 / (last.at - first.at))
            }
        }
    }

    /// The same, of which a window of `length` seconds that begins after `before` seconds holds as many requests as the rate
    /// makes in that time: random gaps in it are longer or shorter by one factor.
    ///
    /// Else chance sends 8 a second where 9.5 were asked for, and a verdict on 9.5 would rest on 8. Given their number, the
    /// arrivals of a Poisson process are spread as those of any other.
    pub(crate) fn schedule_over(
        &self,
        seed: u64,
        before: f64,
        length: f64,
    ) -> Box<dyn Iterator<Item = u64> + Send> {
        let (Self::Poisson { rate } | Self::Gamma { rate, .. }) = self else { return self.schedule(seed) };
        let wanted = (rate * length).round();
        if wanted < 1.0 {
            return self.schedule(seed);
        }
        let (start, end) = (ns(before), ns(before + length));
        let inside = self.schedule(seed).skip_while(move |due| *due < start);
        let Some(next) = inside.take(wanted as usize + 1).last() else { return self.schedule(seed) };
        let factor = (end - start) as f64 / (next - start).max(1) as f64;
        Box::new(self.schedule(seed).map(move |due| match due {
            due if due < start => due,
            due if due < next => start + ((due - start) as f64 * factor) as u64,
            due => end + (due - next),
        }))
    }

    /// The times at which requests are due, in ns from the start; endless but for a trace.
    pub(crate) fn schedule(&self, seed: u64) -> Box<dyn Iterator<Item = u64> + Send> {
        let mut random = Random::stream(seed, 1);
        match self.clone() {
            // By multiplication: a sum of rounded gaps would drift.
            Self::Constant { rate } => Box::new((0u64..).map(move |n| ns(n as f64 / rate))),
            Self::Poisson { rate } => gaps(move || random.exponential() / rate),
            Self::Gamma { rate, shape } => gaps(move || random.gamma(shape) / (shape * rate)),
            Self::Burst { size, every } => {
                Box::new((0u64..).flat_map(move |n| std::iter::repeat_n(ns(n as f64 * every), size as usize)))
            }
            Self::Ramp { from, to, over } => {
                Box::new((0u64..).map(move |n| ns(ramp_time(n as f64, from, to, over))))
            }
            Self::Trace { times } => Box::new(times.into_iter().map(|entry| ns(entry.at))),
        }
    }
}

fn ns(seconds: f64) -> u64 {
    // Saturates, which ends a schedule that would take centuries.
    (seconds * SECOND as f64) as u64
}

fn gaps(mut gap: impl FnMut() -> f64 + Send + 'static) -> Box<dyn Iterator<Item = u64> + Send> {
    let mut time = 0.0;
    Box::new(std::iter::from_fn(move || {
        time += gap();
        Some(ns(time))
    }))
}

/// When the expected number of arrivals, the integral of the rate, reaches `n`.
fn ramp_time(n: f64, from: f64, to: f64, over: f64) -> f64 {
    let within = (from + to) / 2.0 * over;
    if n >= within {
        return over + (n - within) / to;
    }
    let acceleration = (to - from) / over;
    if acceleration.abs() < 1e-12 {
        return n / from;
    }
    ((from * from + 2.0 * acceleration * n).sqrt() - from) / acceleration
}

/// Reads a trace, one request per line, in one of three forms, told by the first line:
///
/// - `SECONDS[,PROMPT_TOKENS[,OUTPUT_TOKENS]]`; lines that begin with `#` and a first line of column names are passed over;
/// - Mooncake's: JSON objects with `timestamp` in ms, `input_length`, `output_length` and `hash_ids`, names of blocks of 512 tokens;
/// - Azure's (LLM inference): columns `TIMESTAMP`, `ContextTokens`, `GeneratedTokens`.
///
/// # Errors
/// Names the line that is not of this form, or that goes back in time.
pub fn parse_trace(text: &str) -> Result<Vec<TraceEntry>, String> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if first.starts_with('{') {
        return in_order(mooncake(text)?);
    }
    let columns: Vec<String> = first.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    let column = |name: &str| columns.iter().position(|column| column == name);
    if let (Some(at), Some(prompt), Some(output)) =
        (column("timestamp"), column("contexttokens"), column("generatedtokens"))
    {
        return in_order(azure(text, [at, prompt, output])?);
    }
    plain(text)
}

/// Times from the first request on. Azure's logs are by the end of a request in places, so its lines are put into order.
fn in_order(mut times: Vec<TraceEntry>) -> Result<Vec<TraceEntry>, String> {
    times.sort_by(|a, b| a.at.total_cmp(&b.at));
    let Some(start) = times.first().map(|entry| entry.at) else {
        return Err("it holds no request".to_owned());
    };
    times.iter_mut().for_each(|entry| entry.at -= start);
    Ok(times)
}

fn mooncake(text: &str) -> Result<Vec<TraceEntry>, String> {
    #[derive(Deserialize)]
    struct Line {
        timestamp: f64,
        input_length: u32,
        output_length: u32,
        #[serde(default)]
        hash_ids: Vec<u64>,
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let line: Line = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
            if !line.timestamp.is_finite() {
                return Err(format!("line {number}: {} is no time", line.timestamp));
            }
            Ok(TraceEntry {
                at: line.timestamp / 1e3,
                prompt_tokens: Some(line.input_length.max(1)),
                output_tokens: Some(line.output_length.max(1)),
                blocks: line.hash_ids.into(),
            })
        })
        .collect()
}

fn azure(text: &str, [at, prompt, output]: [usize; 3]) -> Result<Vec<TraceEntry>, String> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).skip(1);
    lines
        .map(|(number, line)| {
            let columns: Vec<&str> = line.split(',').map(str::trim).collect();
            let tokens = |index: usize| columns.get(index)?.parse::<u32>().ok();
            let time = columns.get(at).and_then(|text| moment(text));
            match (time, tokens(prompt), tokens(output)) {
                (Some(at), Some(prompt), Some(output)) => Ok(TraceEntry {
                    at,
                    prompt_tokens: Some(prompt.max(1)),
                    output_tokens: Some(output.max(1)),
                    ..TraceEntry::default()
                }),
                _ => Err(format!("line {number}: `{line}` has not a time and two numbers of tokens")),
            }
        })
        .collect()
}

/// Seconds of `2023-11-16 18:15:46.6805900`, with or without a zone at its end, from some fixed moment.
fn moment(text: &str) -> Option<f64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut date = date.split('-').map(str::parse::<i32>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let days = time::Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?.to_julian_day();
    // A zone is the same in all lines.
    let clock: Vec<f64> = time
        .get(..time.find(['+', 'Z', '-']).unwrap_or(time.len()))?
        .split(':')
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock[..] else { return None };
    Some(f64::from(days) * 86_400.0 + hours * 3600.0 + minutes * 60.0 + seconds)
}

fn plain(text: &str) -> Result<Vec<TraceEntry>, String> {
    let mut times: Vec<TraceEntry> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut columns = line.split(',').map(str::trim);
        let first = columns.next().unwrap_or_default();
        let Ok(at) = first.parse::<f64>() else {
            if times.is_empty() && first.starts_with(|c: char| c.is_alphabetic()) {
                continue;
            }
            return Err(format!("line {number}: `{first}` is no number of seconds"));
        };
        let mut tokens = |what: &str| match columns.next().filter(|column| !column.is_empty()) {
            None => Ok(None),
            Some(column) => match column.parse::<u32>() {
                Ok(tokens) if tokens > 0 => Ok(Some(tokens)),
                _ => Err(format!("line {number}: `{column}` is no number of {what} tokens")),
            },
        };
        let (prompt_tokens, output_tokens) = (tokens("prompt")?, tokens("output")?);
        let entry = TraceEntry { at, prompt_tokens, output_tokens, ..TraceEntry::default() };
        if !(at.is_finite() && at >= times.last().map_or(0.0, |last| last.at)) {
            return Err(format!("line {number}: {at} is before the line above it; sort the trace by time"));
        }
        times.push(entry);
    }
    if times.is_empty() {
        return Err("it holds no request".to_owned());
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumb_stats::{mean, variance};

    fn seconds(arrivals: &Arrivals, n: usize) -> Vec<f64> {
        arrivals.schedule(1).take(n).map(|ns| ns as f64 / 1e9).collect()
    }

    fn gaps_of(times: &[f64]) -> Vec<f64> {
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn constant_arrivals_do_not_drift() {
        let times = seconds(&Arrivals::Constant { rate: 3.0 }, 3001);
        assert!((times[3000] - 1000.0).abs() < 1e-6);
        assert_eq!(times[0], 0.0);
    }

    #[test]
    fn a_window_holds_as_many_requests_as_were_asked_for() {
        for arrivals in [Arrivals::Poisson { rate: 9.5 }, Arrivals::Gamma { rate: 9.5, shape: 0.25 }] {
            let (mut by_chance, mut scaled) = (Vec::new(), Vec::new());
            for seed in 0..40 {
                let inside = |due: &u64| (5 * SECOND..35 * SECOND).contains(due);
                let count = |schedule: Box<dyn Iterator<Item = u64> + Send>| {
                    let times: Vec<u64> = schedule.take_while(|due| *due < 60 * SECOND).collect();
                    assert!(times.is_sorted());
                    times.into_iter().filter(inside).count()
                };
                by_chance.push(count(arrivals.schedule(seed)));
                scaled.push(count(arrivals.schedule_over(seed, 5.0, 30.0)));
            }
            assert!(by_chance.iter().any(|count| count.abs_diff(285) > 20), "{by_chance:?}");
            assert!(scaled.iter().all(|count| *count == 285), "{scaled:?}");
        }
        let constant = Arrivals::Constant { rate: 3.0 };
        let first = |schedule: Box<dyn Iterator<Item = u64> + Send>| schedule.take(50).collect::<Vec<_>>();
        assert_eq!(first(constant.schedule_over(1, 5.0, 30.0)), first(constant.schedule(1)));
    }

    #[test]
    fn random_arrivals_have_the_rate_and_the_spread_asked_for() {
        // The squared coefficient of variation of the gaps is 1 for Poisson and 1/shape for gamma.
        for (arrivals, spread) in [
            (Arrivals::Poisson { rate: 50.0 }, 1.0),
            (Arrivals::Gamma { rate: 50.0, shape: 0.25 }, 4.0),
            (Arrivals::Gamma { rate: 50.0, shape: 4.0 }, 0.25),
        ] {
            let gaps = gaps_of(&seconds(&arrivals, 100_000));
            let m = mean(&gaps).unwrap();
            assert!((m * 50.0 - 1.0).abs() < 0.03, "{arrivals:?}: mean {m}");
            let s = variance(&gaps).unwrap() / (m * m);
            assert!((s / spread - 1.0).abs() < 0.05, "{arrivals:?}: {s}");
        }
    }

    #[test]
    fn a_seed_repeats_its_schedule() {
        let arrivals = Arrivals::Poisson { rate: 10.0 };
        let run = |seed| arrivals.schedule(seed).take(20).collect::<Vec<_>>();
        assert_eq!(run(4), run(4));
        assert_ne!(run(4), run(5));
    }

    #[test]
    fn bursts_and_ramps() {
        let burst = seconds(&Arrivals::Burst { size: 3, every: 0.5 }, 7);
        assert_eq!(burst, [0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 1.0]);
        // From 0 to 10 per second over 10 s: 50 requests, half of them in the last 2.93 s; then 10 per second.
        let ramp = seconds(&Arrivals::Ramp { from: 0.0, to: 10.0, over: 10.0 }, 71);
        assert!((ramp[25] - 50f64.sqrt()).abs() < 1e-6, "{}", ramp[25]);
        assert!((ramp[50] - 10.0).abs() < 1e-6 && (ramp[70] - 12.0).abs() < 1e-6);
        assert!(ramp.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn traces_of_others_are_read() {
        let mooncake = "{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [46, 47, 2366]}\n\
                        {\"timestamp\": 30535, \"input_length\": 6472, \"output_length\": 26, \"hash_ids\": [46, 47]}\n";
        let trace = parse_trace(mooncake).unwrap();
        assert!(trace[0].at == 0.0 && (trace[1].at - 3.053).abs() < 1e-9, "{trace:?}");
        assert_eq!(trace[0].prompt_tokens, Some(6955));
        assert_eq!((&trace[1].blocks[..], trace[1].output_tokens), (&[46, 47][..], Some(26)));
        let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:50.9951690,396,109\n\
                     2023-11-16 18:15:46.6805900,374,44\n2023-11-17 00:00:46.6805900,879,55\n";
        let trace = parse_trace(azure).unwrap();
        assert_eq!(
            trace.iter().map(|entry| entry.prompt_tokens.unwrap()).collect::<Vec<_>>(),
            [374, 396, 879]
        );
        assert!((trace[1].at - 4.314579).abs() < 1e-5 && (trace[2].at - 20_700.0).abs() < 1e-5, "{trace:?}");
        assert!(
            parse_trace("TIMESTAMP,ContextTokens,GeneratedTokens\nnever,1,2\n")
                .unwrap_err()
                .contains("line 2")
        );
        assert!(parse_trace("{\"timestamp\": 1}\n").unwrap_err().contains("line 1"));
    }

    #[test]
    fn traces_are_read_and_nonsense_is_named_by_line() {
        let trace = parse_trace("time,prompt,output\n# a comment\n0.0,100,20\n0.5\n\n1.25,,30\n").unwrap();
        assert_eq!(trace.len(), 3);
        assert_eq!((trace[2].prompt_tokens, trace[2].output_tokens), (None, Some(30)));
        assert_eq!(Arrivals::Trace { times: trace }.rate(), Some(1.6));
        for (text, word) in [
            ("1\n0.5\n", "line 2"),
            ("0\nx\n", "line 2"),
            ("0,zero\n", "line 1"),
            ("", "no request"),
            ("-1\n", "line 1"),
        ] {
            assert!(parse_trace(text).unwrap_err().contains(word), "{text}");
        }
    }
}
