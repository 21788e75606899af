//! Keeps what a run has seen, in bounded memory.
//!
//! Values are kept exactly as long as there are few enough; from then on percentiles come from HdrHistograms of three digits,
//! which have an error of 0.1 %. Raw records go to a file as they come.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};

use super::plan::{Metric, Objective};
use super::record::{Miss, Phase, Record};
use super::series::Series;
use plumb_stats::quantile::weighted_quantile;

/// Requests that are kept singly; of more, an evenly thinned part.
const MAX_REQUESTS: usize = 1 << 18;

/// What is kept of a request; times in ns of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) index: u64,
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

/// The series of a run.
#[derive(Debug)]
pub(crate) struct AllSeries {
    pub(crate) ttft: Series,
    /// To the first output that is no reasoning.
    pub(crate) ttfo: Series,
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
    /// A reply began with reasoning that was sent, and replies of which nothing else came.
    pub(crate) reasons: bool,
    pub(crate) never_visible: u64,
    /// A reply told how much of its prompt came from a cache.
    pub(crate) tells_cached: bool,
    /// Replies of several tokens, and those of them that came in one read.
    pub(crate) several_tokens: u64,
    pub(crate) single_reads: u64,
    /// What the server said of the first failure, with its status.
    pub(crate) said: Option<String>,
    /// Replies whose tokens the server counted: with every read, at the end, not at all.
    pub(crate) counted: [u64; 3],
    /// Streamed replies of which it is an estimate how their tokens lie in the events, and of which it is not known how many
    /// were decoded meanwhile.
    pub(crate) estimated: u64,
    pub(crate) unknown: u64,
    /// Tokens that were asked for in those replies, and in their prompts.
    pub(crate) asked_tokens: u64,
    pub(crate) asked_prompt: u64,
    /// Tokens of reasoning that were decoded and not sent, where the server tells.
    pub(crate) hidden: u64,
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
            ttfo: Series::new()?,
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
            reasons: false,
            never_visible: 0,
            tells_cached: false,
            several_tokens: 0,
            single_reads: 0,
            said: None,
            counted: [0; 3],
            estimated: 0,
            unknown: 0,
            asked_tokens: 0,
            asked_prompt: 0,
            hidden: 0,
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
        self.estimated += u64::from(record.is_estimated());
        self.unknown += u64::from(record.is_unknown());
        self.asked_tokens += u64::from(record.asked);
        self.asked_prompt += u64::from(record.asked_prompt.unwrap_or(0));
        self.hidden += u64::from(record.hidden.unwrap_or(0));
        self.reasons |= record.visible != record.first;
        self.never_visible += u64::from(record.visible == 0);
        let series = &mut self.series;
        for (series, value) in [
            (&mut series.ttft, record.ttft()),
            (&mut series.ttfo, record.ttfo()),
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
            && record.is_counted()
        {
            series.per_token.add(e2e as f64 / f64::from(tokens), 1.0);
        }
        for (index, read) in record.reads.iter().enumerate() {
            self.reads += 1;
            self.coalesced_reads += u64::from(read.events > 1);
            if index > 0 {
                series.chunk_gap.add(read.gap as f64, 1.0);
            }
        }
        for (gap, tokens) in record.token_gaps().unwrap_or_default() {
            series.itl.add(gap / tokens, tokens);
        }
        if let Some(longest) = longest_gap(record) {
            series.stall.add(longest as f64, 1.0);
        }
    }

    fn stands(&self, record: &Record) -> Stands {
        let mut stands = Stands::default();
        if record.miss.is_some() {
            return stands;
        }
        for (index, objective) in self.objectives.iter().enumerate() {
            match is_within(record, objective) {
                Some(within) => stands.met |= u8::from(within) << index,
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
                index: record.index,
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

/// Whether a reply is within the limit of an objective; `None` where it has no such time, as one in a single read has none between
/// tokens, and where its tokens are not known and the bounds of the time lie on both sides of the limit.
fn is_within(record: &Record, objective: &Objective) -> Option<bool> {
    let limit = objective.limit_ms * 1e6;
    let ns = match objective.metric {
        Metric::Ttft => record.ttft()? as f64,
        Metric::E2e => record.e2e()? as f64,
        Metric::Stall => longest_gap(record)? as f64,
        Metric::Tpot => {
            let (least, most) = record.tpot_range()?;
            return if most <= limit { Some(true) } else { (least > limit).then_some(false) };
        }
        Metric::Itl => match record.token_gaps() {
            Some(gaps) => {
                let mut gaps: Vec<(f64, f64)> =
                    gaps.into_iter().map(|(gap, tokens)| (gap / tokens, tokens)).collect();
                gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
                weighted_quantile(&gaps, objective.percentile)?
            }
            // However many tokens share a gap, none waited longer.
            None => return (longest_gap(record)? as f64 <= limit).then_some(true),
        },
    };
    Some(ns <= limit)
}

fn longest_gap(record: &Record) -> Option<u64> {
    record.reads.iter().skip(1).map(|read| read.gap).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse_objectives;
    use crate::record::tests::record;

    fn recorder(objectives: &str) -> Recorder {
        Recorder::new(parse_objectives(objectives).unwrap(), None, 0).unwrap()
    }

    #[test]
    fn coalesced_tokens_do_not_change_the_time_per_token() {
        let mut kept = recorder("ttft=100");
        let mut reply = record(&[(20, 1, None), (60, 1, None), (100, 1, None)], Some(9));
        (reply.reads[1].text, reply.reads[2].text) = (16, 16);
        kept.take(&reply);
        assert_eq!(kept.series.chunk_gap.quantiles_ms([0.5]), Some([40.0]));
        assert_eq!(kept.series.itl.quantiles_ms([0.5, 0.95]), Some([10.0, 10.0]));
        assert_eq!((kept.series.itl.count(), kept.estimated, kept.counted), (8, 1, [0, 1, 0]));
    }

    #[test]
    fn an_objective_is_judged_by_bounds_where_tokens_are_not_known() {
        // Four tokens in each of 16 events, 40 ms apart, and no count: 9.5 to 40 ms a token.
        let events: Vec<_> = (0..16).map(|n| (20 + 40 * n, 1, None)).collect();
        for (objectives, met, open) in [
            ("tpot=40", [1], [0]),
            ("tpot=9", [0], [0]),
            ("tpot=10", [0], [1]),
            ("itl=40", [1], [0]),
            ("itl=9", [0], [1]),
            ("stall=39", [0], [0]),
        ] {
            let mut kept = recorder(objectives);
            kept.take(&record(&events, None));
            assert_eq!((&kept.met[..], &kept.open[..]), (&met[..], &open[..]), "{objectives}");
            let absent = [&kept.series.tpot, &kept.series.itl, &kept.series.per_token];
            assert!(absent.iter().all(|series| series.count() == 0));
            assert_eq!((kept.unknown, kept.series.chunk_gap.count()), (1, 15));
        }
    }

    #[test]
    fn requests_are_good_only_if_every_objective_is_met() {
        let mut kept = recorder("ttft=20,itl=15,stall=35");
        kept.take(&record(&[(20, 1, None), (30, 1, None), (40, 1, None)], Some(3)));
        kept.take(&record(&[(20, 1, None), (30, 1, None), (70, 1, None)], Some(3)));
        kept.take(&record(&[(21, 1, None), (31, 1, None)], Some(2)));
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
    fn memory_is_bounded() {
        let mut kept = recorder("ttft=100");
        let mut one = record(&[(20, 1, None), (30, 1, None)], None);
        for index in 0..(MAX_REQUESTS as u64 * 5 / 2) {
            one.index = index;
            kept.take(&one);
        }
        assert!(kept.kept.len() <= MAX_REQUESTS && kept.stride == 4);
    }
}
