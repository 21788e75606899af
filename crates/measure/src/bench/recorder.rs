//! Keeps what a run has seen, in bounded memory.
//!
//! Values are kept exactly as long as there are few enough; from then on percentiles come from HdrHistograms of three digits,
//! which have an error of 0.1 %. Raw records go to a file as they come.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::plan::{Metric, Objective};
use super::record::{Miss, Phase, Record};
use crate::stats::quantile::weighted_quantile;

/// Requests that are kept singly; of more, an evenly thinned part.
const MAX_REQUESTS: usize = 1 << 18;
/// Values of a metric that are kept exactly.
const MAX_VALUES: usize = 1 << 21;
/// Longest latency that a histogram holds, in µs: two hours.
const MAX_US: u64 = 7_200_000_000;

/// What is kept of a request; times in ns of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) phase: Phase,
    pub(crate) scheduled: u64,
    pub(crate) sent: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) done: u64,
    pub(crate) tokens: u32,
    pub(crate) miss: Option<Miss>,
    /// How it stands to the objectives.
    pub(crate) stands: Stands,
}

/// How a request stands to the objectives, one bit for each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stands {
    /// Met.
    pub(crate) met: u8,
    /// Neither met nor missed: the reply has no such time.
    pub(crate) open: u8,
}

impl Stands {
    /// True if all of `objectives` are met.
    pub(crate) fn is_good(self, objectives: usize) -> bool {
        self.met.count_ones() as usize == objectives
    }

    /// True if none of `objectives` is missed, and not all are known to be met.
    pub(crate) fn is_open(self, objectives: usize) -> bool {
        self.open != 0 && (self.met | self.open).count_ones() as usize == objectives
    }
}

/// Values of a metric with weights.
#[derive(Debug)]
pub(crate) struct Series {
    /// (ns, weight); `None` once there were too many.
    exact: Option<Vec<(f32, f32)>>,
    histogram: Histogram<u64>,
    sum: f64,
    weight: f64,
    max: f64,
}

impl Series {
    fn new() -> Option<Self> {
        Some(Self {
            exact: Some(Vec::new()),
            histogram: Histogram::new_with_bounds(1, MAX_US, 3).ok()?,
            sum: 0.0,
            weight: 0.0,
            max: 0.0,
        })
    }

    pub(crate) fn add(&mut self, ns: f64, weight: f64) {
        self.sum += ns * weight;
        self.weight += weight;
        self.max = self.max.max(ns);
        // Tokens come in fractions where they are estimated; a histogram counts whole ones.
        let count = weight.round().max(1.0) as u64;
        self.histogram.saturating_record_n(((ns / 1e3).round() as u64).max(1), count);
        if let Some(exact) = &mut self.exact {
            if exact.len() < MAX_VALUES {
                exact.push((ns as f32, weight as f32));
            } else {
                self.exact = None;
            }
        }
    }

    /// Values, or tokens where those are the weights.
    pub(crate) fn count(&self) -> u64 {
        self.weight.round() as u64
    }

    pub(crate) fn mean_ms(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight / 1e6)
    }

    pub(crate) fn max_ms(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(self.max / 1e6)
    }

    /// True while percentiles are exact.
    #[cfg(test)]
    fn is_exact(&self) -> bool {
        self.exact.is_some()
    }

    /// Quantiles in ms: by linear interpolation where all weights are one, by shares of weight elsewhere, and from the
    /// histogram where there are too many values.
    pub(crate) fn quantiles_ms<const N: usize>(&self, shares: [f64; N]) -> Option<[f64; N]> {
        if self.weight <= 0.0 {
            return None;
        }
        let Some(exact) = &self.exact else {
            return Some(shares.map(|p| self.histogram.value_at_quantile(p) as f64 / 1e3));
        };
        let mut sorted: Vec<(f64, f64)> =
            exact.iter().map(|&(v, w)| (f64::from(v) / 1e6, f64::from(w))).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        if exact.iter().all(|&(_, weight)| weight == 1.0) {
            let values: Vec<f64> = sorted.into_iter().map(|(value, _)| value).collect();
            return Some(shares.map(|p| crate::stats::quantile::quantile(&values, p).unwrap_or(0.0)));
        }
        Some(shares.map(|p| weighted_quantile(&sorted, p).unwrap_or(0.0)))
    }

    /// From the histogram, at once: for the live view.
    pub(crate) fn rough_ms(&self, share: f64) -> f64 {
        self.histogram.value_at_quantile(share) as f64 / 1e3
    }

    /// The histogram in µs, as the compressed V2 form that all HdrHistogram libraries read, in base64.
    pub(crate) fn payload(&self) -> Option<String> {
        use base64::Engine;
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.histogram, &mut bytes).ok()?;
        Some(base64::engine::general_purpose::STANDARD.encode(bytes))
    }
}

/// The series of a run.
#[derive(Debug)]
pub(crate) struct AllSeries {
    pub(crate) ttft: Series,
    pub(crate) ttft_from_send: Series,
    pub(crate) tpot: Series,
    pub(crate) itl: Series,
    pub(crate) chunk_gap: Series,
    pub(crate) stall: Series,
    pub(crate) e2e: Series,
    pub(crate) e2e_from_send: Series,
    /// e2e per output token.
    pub(crate) per_token: Series,
    /// From when a request was due to when it was sent.
    pub(crate) send_lag: Series,
}

/// What was seen of a run so far.
#[derive(Debug)]
pub(crate) struct Recorder {
    objectives: Vec<Objective>,
    pub(crate) series: AllSeries,
    pub(crate) kept: Vec<Kept>,
    /// One of so many requests is kept singly.
    pub(crate) stride: usize,
    seen: usize,
    /// Measured requests.
    pub(crate) measured: u64,
    /// Measured requests with a whole reply.
    pub(crate) ok: u64,
    /// Measured requests that met every objective.
    pub(crate) good: u64,
    /// Measured requests that missed no objective, but have not got what one of them is about.
    pub(crate) undetermined: u64,
    /// Measured requests that met each objective.
    pub(crate) met: Vec<u64>,
    /// Measured requests of which each objective says nothing.
    pub(crate) open: Vec<u64>,
    pub(crate) misses: BTreeMap<Miss, u64>,
    /// Requests before and after the measured ones, and how many of them failed.
    pub(crate) others: u64,
    pub(crate) other_misses: u64,
    pub(crate) tokens: u64,
    pub(crate) events: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) cached_tokens: u64,
    /// A reply told how much of its prompt came from a cache.
    pub(crate) tells_cached: bool,
    /// Replies of several tokens, and those of them that came in one read.
    pub(crate) several_tokens: u64,
    pub(crate) single_reads: u64,
    /// What the server said of the first failure, with its status.
    pub(crate) said: Option<String>,
    /// Replies whose tokens the server counted: with every read, at the end, not at all.
    pub(crate) counted: [u64; 3],
    /// Replies whose tokens and events differ in number.
    pub(crate) uneven: u64,
    /// Reads that held several events.
    pub(crate) coalesced_reads: u64,
    pub(crate) reads: u64,
    /// Measured requests that opened a connection.
    pub(crate) connections: u64,
    file: Option<BufWriter<File>>,
    origin: u64,
    /// Why the file of records is not whole.
    pub(crate) file_error: Option<String>,
}

impl Recorder {
    /// `origin` is the time that raw records count from. `None` only if there is no memory for histograms.
    pub(crate) fn new(objectives: Vec<Objective>, file: Option<File>, origin: u64) -> Option<Self> {
        let series = AllSeries {
            ttft: Series::new()?,
            ttft_from_send: Series::new()?,
            tpot: Series::new()?,
            itl: Series::new()?,
            chunk_gap: Series::new()?,
            stall: Series::new()?,
            e2e: Series::new()?,
            e2e_from_send: Series::new()?,
            per_token: Series::new()?,
            send_lag: Series::new()?,
        };
        Some(Self {
            met: vec![0; objectives.len()],
            open: vec![0; objectives.len()],
            objectives,
            series,
            kept: Vec::new(),
            stride: 1,
            seen: 0,
            measured: 0,
            ok: 0,
            good: 0,
            undetermined: 0,
            misses: BTreeMap::new(),
            others: 0,
            other_misses: 0,
            tokens: 0,
            events: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            tells_cached: false,
            several_tokens: 0,
            single_reads: 0,
            said: None,
            counted: [0; 3],
            uneven: 0,
            coalesced_reads: 0,
            reads: 0,
            connections: 0,
            file: file.map(BufWriter::new),
            origin,
            file_error: None,
        })
    }

    /// Takes in a request that has ended.
    pub(crate) fn take(&mut self, record: &Record) {
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{}", record.line(self.origin))
        {
            self.file = None;
            self.file_error = Some(format!("the file of raw records could not be written: {error}"));
        }
        let stands = self.stands(record);
        self.keep(record, stands);
        if record.phase != Phase::Measured {
            self.others += 1;
            self.other_misses += u64::from(record.miss.is_some());
            return;
        }
        self.measured += 1;
        self.connections += u64::from(record.connect > 0);
        if record.sent != 0 {
            self.series.send_lag.add(record.sent.saturating_sub(record.scheduled) as f64, 1.0);
        }
        for (counts, bits) in [(&mut self.met, stands.met), (&mut self.open, stands.open)] {
            for (index, count) in counts.iter_mut().enumerate() {
                *count += u64::from(bits >> index & 1);
            }
        }
        if let Some(miss) = record.miss {
            *self.misses.entry(miss).or_default() += 1;
            if let Some(said) = record.said.as_deref().filter(|_| self.said.is_none()) {
                self.said = Some(match record.status {
                    200 => said.to_owned(),
                    status => format!("status {status}: {said}"),
                });
            }
            return;
        }
        self.ok += 1;
        self.good += u64::from(stands.is_good(self.objectives.len()));
        self.undetermined += u64::from(stands.is_open(self.objectives.len()));
        self.take_reply(record);
    }

    fn take_reply(&mut self, record: &Record) {
        let tokens = record.output_tokens();
        self.tokens += u64::from(tokens);
        self.events += u64::from(record.events());
        self.prompt_tokens += u64::from(record.prompt_tokens.unwrap_or(0));
        self.cached_tokens += u64::from(record.cached_tokens.unwrap_or(0));
        self.tells_cached |= record.cached_tokens.is_some();
        if tokens > 1 {
            self.several_tokens += 1;
            self.single_reads += u64::from(record.reads.len() == 1);
        }
        let counted = match (record.tokens, record.reads.iter().all(|read| read.tokens.is_some())) {
            (Some(_), true) => 0,
            (Some(_), false) => 1,
            (None, _) => 2,
        };
        self.counted[counted] += 1;
        self.uneven += u64::from(tokens != record.events());
        let series = &mut self.series;
        for (series, value) in [
            (&mut series.ttft, record.ttft()),
            (&mut series.ttft_from_send, record.ttft_from_send()),
            (&mut series.e2e, record.e2e()),
            (&mut series.e2e_from_send, record.e2e_from_send()),
        ] {
            if let Some(ns) = value {
                series.add(ns as f64, 1.0);
            }
        }
        if let Some(tpot) = record.tpot() {
            series.tpot.add(tpot, 1.0);
        }
        if let Some(e2e) = record.e2e()
            && tokens > 0
        {
            series.per_token.add(e2e as f64 / f64::from(tokens), 1.0);
        }
        let mut longest = 0;
        for (index, read) in record.reads.iter().enumerate() {
            self.reads += 1;
            self.coalesced_reads += u64::from(read.events > 1);
            if index > 0 {
                longest = longest.max(read.gap);
                series.chunk_gap.add(read.gap as f64, 1.0);
            }
        }
        for (gap, tokens) in record.token_gaps() {
            series.itl.add(gap / tokens, tokens);
        }
        if record.reads.len() > 1 {
            series.stall.add(longest as f64, 1.0);
        }
    }

    fn stands(&self, record: &Record) -> Stands {
        let mut stands = Stands::default();
        if record.miss.is_some() {
            return stands;
        }
        for (index, objective) in self.objectives.iter().enumerate() {
            match value_ms(record, objective) {
                Some(value) => stands.met |= u8::from(value <= objective.limit_ms) << index,
                None => stands.open |= 1 << index,
            }
        }
        stands
    }

    fn keep(&mut self, record: &Record, stands: Stands) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == MAX_REQUESTS {
                let mut position = 0;
                self.kept.retain(|_| {
                    position += 1;
                    position % 2 == 1
                });
                self.stride *= 2;
            }
            self.kept.push(Kept {
                phase: record.phase,
                scheduled: record.scheduled,
                sent: record.sent,
                first: record.first,
                last: record.last,
                done: record.done,
                tokens: record.output_tokens(),
                miss: record.miss,
                stands,
            });
        }
        self.seen += 1;
    }

    /// Ends the file of raw records and hands it out.
    pub(crate) fn finish_file(&mut self) -> Option<File> {
        let mut file = self.file.take()?;
        if let Err(error) = file.flush() {
            self.file_error = Some(format!("the file of raw records could not be written: {error}"));
            return None;
        }
        file.into_inner().ok()
    }
}

/// What an objective compares with its limit for one request; `None` where the reply has no such time, as one in a single read
/// has none between tokens.
fn value_ms(record: &Record, objective: &Objective) -> Option<f64> {
    let ns = match objective.metric {
        Metric::Ttft => record.ttft()? as f64,
        Metric::E2e => record.e2e()? as f64,
        Metric::Tpot => record.tpot()?,
        Metric::Stall => record.reads.iter().skip(1).map(|read| read.gap).max()? as f64,
        Metric::Itl => {
            let mut gaps: Vec<(f64, f64)> =
                record.token_gaps().into_iter().map(|(gap, tokens)| (gap / tokens, tokens)).collect();
            gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
            weighted_quantile(&gaps, objective.percentile)?
        }
    };
    Some(ns / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::parse_objectives;
    use crate::bench::record::tests::record;

    fn recorder(objectives: &str) -> Recorder {
        Recorder::new(parse_objectives(objectives).unwrap(), None, 0).unwrap()
    }

    #[test]
    fn coalesced_tokens_do_not_change_the_time_per_token() {
        let mut kept = recorder("ttft=100");
        kept.take(&record(&[(20, 1, None), (60, 1, None), (100, 1, None)], Some(9)));
        assert_eq!(kept.series.chunk_gap.quantiles_ms([0.5]), Some([40.0]));
        assert_eq!(kept.series.itl.quantiles_ms([0.5, 0.95]), Some([10.0, 10.0]));
        assert_eq!((kept.series.itl.count(), kept.uneven, kept.counted), (8, 1, [0, 1, 0]));
    }

    #[test]
    fn requests_are_good_only_if_every_objective_is_met() {
        let mut kept = recorder("ttft=20,itl=15,stall=35");
        kept.take(&record(&[(20, 1, None), (30, 1, None), (40, 1, None)], None));
        kept.take(&record(&[(20, 1, None), (30, 1, None), (70, 1, None)], None));
        kept.take(&record(&[(21, 1, None), (31, 1, None)], None));
        let mut failed = record(&[(1, 1, None)], None);
        failed.miss = Some(Miss::Reset);
        kept.take(&failed);
        assert_eq!((kept.measured, kept.ok, kept.good), (4, 3, 1));
        assert_eq!(kept.met, [2, 2, 2]);
        assert_eq!(kept.misses, BTreeMap::from([(Miss::Reset, 1)]));
    }

    #[test]
    fn an_objective_on_a_time_that_a_reply_has_not_got_is_open() {
        let mut kept = recorder("ttft=30,tpot=15,itl=15,stall=15");
        // In one read; of one token; streamed, and missed by the stall alone.
        kept.take(&record(&[(20, 8, None)], Some(8)));
        kept.take(&record(&[(20, 1, None)], Some(1)));
        kept.take(&record(&[(20, 1, None), (30, 1, None), (50, 1, None)], Some(3)));
        // Late, so missed whatever the rest is.
        kept.take(&record(&[(40, 8, None)], Some(8)));
        assert_eq!((kept.good, kept.undetermined), (0, 2));
        assert_eq!((kept.met, kept.open), (vec![3, 1, 0, 0], vec![0, 3, 3, 3]));
        assert_eq!((kept.several_tokens, kept.single_reads), (3, 2));
    }

    #[test]
    fn memory_is_bounded_and_percentiles_stay_right() {
        let mut kept = recorder("ttft=100");
        let mut one = record(&[(20, 1, None), (30, 1, None)], None);
        for index in 0..(MAX_REQUESTS as u64 * 5 / 2) {
            one.index = index;
            kept.take(&one);
        }
        assert!(kept.kept.len() <= MAX_REQUESTS && kept.stride == 4);
        let mut series = Series::new().unwrap();
        for value in 0..(MAX_VALUES + 10) {
            series.add(1e6 + value as f64, 1.0);
        }
        assert!(!series.is_exact());
        let [p50] = series.quantiles_ms([0.5]).unwrap();
        assert!((p50 / 2.05 - 1.0).abs() < 0.002, "{p50}");
    }

    #[test]
    fn payloads_are_read_back_by_the_library() {
        use base64::Engine;
        let mut series = Series::new().unwrap();
        (1..=1000).for_each(|ms| series.add(f64::from(ms) * 1e6, 1.0));
        let bytes = base64::engine::general_purpose::STANDARD.decode(series.payload().unwrap()).unwrap();
        let back: Histogram<u64> =
            hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(back.len(), 1000);
        assert!((back.value_at_quantile(0.95) as f64 / 950_000.0 - 1.0).abs() < 0.001);
    }
}
