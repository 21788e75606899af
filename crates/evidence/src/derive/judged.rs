//! Load tests against what was promised: each measured request of the raw records, held against the limits of the
//! engagement.
//!
//! A test counts by the limits that it was given, which need not be those that a client was promised. The raw records hold
//! what any limits ask for.

use serde::Deserialize;

use crate::bundle::Bundle;
use crate::dependence::{independent_requests, worth};
use crate::fact::Fact;
use crate::model::{BenchResult, Evidence, Judged, Limit, REQUEST_ITL_PERCENTILES};

/// Holds the requests of all load tests in `evidence` against the limits of its engagement, by the raw records in `bundle`.
///
/// A test that failed to keep the records of all its requests stays as it is: what is left may be the better part.
pub fn judge(bundle: &Bundle, evidence: &mut Evidence) {
    let slo = evidence.engagement.known().and_then(|engagement| engagement.slo.known());
    let limits = slo.map(|slo| slo.limits()).unwrap_or_default();
    let Fact::Known(measured) = &mut evidence.measurements else { return };
    if limits.is_empty() {
        return;
    }
    if let Fact::Known(tests) = &mut measured.bench {
        for test in tests {
            let records = records(bundle, &test.path);
            test.judged = judged(records.iter(), test, &limits);
        }
    }
    if let Fact::Known(sweeps) = &mut measured.sweeps {
        for sweep in sweeps {
            let records = records(bundle, &sweep.path);
            for (run, level) in sweep.levels.iter_mut().enumerate() {
                let of_run = records.iter().filter(|record| record.run == Some(run));
                level.result.judged = judged(of_run, &level.result, &limits);
            }
        }
    }
}

/// What of a raw record is asked for here; times in µs.
#[derive(Deserialize)]
struct Record {
    run: Option<usize>,
    phase: String,
    sched_us: Option<f64>,
    first_us: Option<f64>,
    last_us: Option<f64>,
    tpot_us: Option<f64>,
    itl_us: Option<Vec<f64>>,
    miss: Option<String>,
}

/// How a request stands to a limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stand {
    Met,
    Open,
    Missed,
}

impl Record {
    fn since_due(&self, end: Option<f64>) -> Option<f64> {
        Some((end? - self.sched_us?) / 1e3)
    }

    fn stands(&self, limit: &Limit) -> Stand {
        if self.miss.is_some() {
            return Stand::Missed;
        }
        let of = |value: Option<f64>| match value {
            None => Stand::Open,
            Some(ms) if ms <= limit.limit_ms => Stand::Met,
            Some(_) => Stand::Missed,
        };
        match (limit.metric, limit.of_tokens) {
            ("ttft", _) => of(self.since_due(self.first_us)),
            ("e2e", _) => of(self.since_due(self.last_us)),
            ("tpot", _) => of(self.tpot_us.map(|us| us / 1e3)),
            ("itl", Some(share)) => self.itl(share, limit.limit_ms),
            _ => Stand::Open,
        }
    }

    /// By the percentiles that the record has at or around the one that is asked for.
    fn itl(&self, share: f64, limit_ms: f64) -> Stand {
        let Some(itl) = &self.itl_us else { return Stand::Open };
        let rows = || REQUEST_ITL_PERCENTILES.iter().zip(itl);
        let percent = 100.0 * share;
        let above = rows().find(|(own, _)| **own >= percent - 1e-9);
        let below = rows().rfind(|(own, _)| **own <= percent + 1e-9);
        if above.is_some_and(|(_, us)| us / 1e3 <= limit_ms) {
            Stand::Met
        } else if below.is_some_and(|(_, us)| us / 1e3 > limit_ms) {
            Stand::Missed
        } else {
            Stand::Open
        }
    }
}

/// The records that belong to a result; a line that is no record is left out, so that the count tells that one is missing.
fn records(bundle: &Bundle, result: &str) -> Vec<Record> {
    let path = format!("{}.records.jsonl", result.trim_end_matches(".json"));
    let bytes = bundle.files().get(&path).map(Vec::as_slice).unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n');
    let records = lines.filter_map(|line| serde_json::from_slice::<Record>(line).ok());
    records.filter(|record| record.phase == "measured").collect()
}

fn judged<'a>(
    records: impl Iterator<Item = &'a Record>,
    test: &BenchResult,
    limits: &[Limit],
) -> Option<Judged> {
    let mut records: Vec<&Record> = records.collect();
    let requests = records.len() as u64;
    if requests == 0 || requests != test.requests {
        return None;
    }
    records.sort_by(|a, b| a.sched_us.unwrap_or(0.0).total_cmp(&b.sched_us.unwrap_or(0.0)));
    let stand = |record: &&Record| limits.iter().map(|limit| record.stands(limit)).max();
    let stands: Vec<Stand> = records.iter().filter_map(stand).collect();
    let count = |of: Stand| stands.iter().filter(|stand| **stand == of).count() as u64;
    let holds: Vec<bool> = stands.iter().map(|stand| *stand == Stand::Met).collect();
    let times = |end: fn(&Record) -> Option<f64>| -> Vec<f64> {
        let whole = records.iter().filter(|record| record.miss.is_none());
        whole.filter_map(|record| record.since_due(end(record))).collect()
    };
    let (ttft, e2e) = (times(|record| record.first_us), times(|record| record.last_us));
    let independent = independent_requests(&holds, worth(&[&ttft, &e2e]));
    Some(Judged {
        requests,
        met: count(Stand::Met),
        undetermined: count(Stand::Open),
        independent: independent.met,
        independent_missed: independent.missed,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write;

    use super::*;
    use crate::model::{Engagement, ServiceLevel};

    /// A result of `requests` with a record of each; `line` gives what the record has beside phase and time.
    fn bundle(requests: u64, line: impl Fn(u64) -> String) -> Bundle {
        let manifest = serde_json::json!({
            "schema": 1, "tool_version": "0", "started": "", "finished": "", "host_token": "", "origin": "live",
            "complete": true, "privileges": { "euid": 0, "cap_eff": "0" },
            "cost": { "cpu_us": 0, "wall_us": 0, "peak_rss_kib": 0 },
            "probes": [], "files": [], "unread": [], "redactions": [],
        });
        let mut records = "{\"phase\":\"warmup\",\"sched_us\":0,\"first_us\":9}\n".to_owned();
        for i in 0..requests {
            // Those that end first are written first: not the order in which they were due.
            let due = 1_000_000 + (i ^ 1) * 50_000;
            writeln!(records, "{{\"i\":{i},\"phase\":\"measured\",\"sched_us\":{due},{}}}", line(due))
                .unwrap();
        }
        let result = r#"{"schema":1,"valid":true,"open_loop":true,"requests":100,"seconds":5.0,"offered_rps":20.0,
            "attainment":{"share":1.0,"low":0.96,"high":1.0,"trials":100.0},
            "objectives":[{"metric":"ttft","percentile":0.95,"limit_ms":1000.0}]}"#;
        let sweep = format!(
            r#"{{"schema":1,"levels":[{{"rate":1.0,"result":{result}}},{{"rate":2.0,"result":{result}}}]}}"#
        );
        let of_sweep: String = records
            .lines()
            .map(|line| format!("{{\"run\":1,{}\n", line.strip_prefix('{').unwrap()))
            .collect();
        let files = BTreeMap::from([
            ("measurements/bench-a.json".to_owned(), result.as_bytes().to_vec()),
            ("measurements/bench-a.records.jsonl".to_owned(), records.into_bytes()),
            ("measurements/sweep-a.json".to_owned(), sweep.into_bytes()),
            ("measurements/sweep-a.records.jsonl".to_owned(), of_sweep.into_bytes()),
        ]);
        Bundle::new(serde_json::from_value(manifest).unwrap(), files, BTreeMap::new())
    }

    /// What becomes of the single test and of the two levels of the sweep.
    fn judged_by(bundle: &Bundle, slo: ServiceLevel) -> [Option<Judged>; 3] {
        let mut evidence = crate::derive(bundle);
        evidence.engagement = Fact::Known(Engagement { slo: Fact::Known(slo), ..Engagement::default() });
        judge(bundle, &mut evidence);
        let measured = evidence.measurements.known().unwrap();
        let levels = &measured.sweeps.known().unwrap()[0].levels;
        [measured.bench.known().unwrap()[0].judged, levels[0].result.judged, levels[1].result.judged]
    }

    fn counts(judged: Option<Judged>) -> (u64, u64, u64) {
        judged.map_or((0, 0, 0), |judged| (judged.requests, judged.met, judged.undetermined))
    }

    #[test]
    fn the_limits_of_the_engagement_count_and_not_those_of_the_test() {
        // 300 ms to the first token, and the test was asked for one second.
        let slow = bundle(100, |due| {
            format!("\"first_us\":{},\"last_us\":{}", due + 300_000 + due % 7, due + 400_000 + due % 11)
        });
        let ttft = |ms| ServiceLevel { percentile: Some(95.0), ttft_ms: Some(ms), ..ServiceLevel::default() };
        let [test, first, second] = judged_by(&slow, ttft(100.0));
        assert_eq!((counts(test), counts(second)), ((100, 0, 0), (100, 0, 0)));
        assert_eq!(first, None, "the first level has no records");
        assert_eq!(counts(judged_by(&slow, ttft(1000.0))[0]), (100, 100, 0));
        assert_eq!(judged_by(&slow, ServiceLevel::default())[0], None, "no limits");
        let e2e = ServiceLevel { e2e_ms: Some(350.0), ttft_ms: Some(1000.0), ..ServiceLevel::default() };
        assert_eq!(counts(judged_by(&slow, e2e)[0]), (100, 0, 0), "all limits count");
    }

    #[test]
    fn what_a_record_lacks_is_open_and_what_failed_is_missed() {
        let slo = || ServiceLevel {
            percentile: Some(95.0),
            tpot_ms: Some(10.0),
            itl_ms: Some(20.0),
            ..ServiceLevel::default()
        };
        let with = |more: &str| {
            let more = more.to_owned();
            counts(judged_by(&bundle(100, move |due| format!("\"first_us\":{},{more}", due + 9)), slo())[0])
        };
        let itl =
            |us: u32| format!("\"tpot_us\":9000.0,\"itl_us\":[1,1,1,{us},30000,30000,30000,30000,30000]");
        assert_eq!(with(&itl(20_000)), (100, 100, 0));
        assert_eq!(with(&itl(20_001)), (100, 0, 0));
        assert_eq!(with("\"tpot_us\":9000.0"), (100, 0, 100));
        assert_eq!(with("\"tpot_us\":11000.0"), (100, 0, 0), "one miss is enough");
        assert_eq!(with(&format!("{},\"miss\":\"reset\"", itl(1))), (100, 0, 0));
        // Between two percentiles of a record that lie on both sides of the limit nobody can tell.
        let between = ServiceLevel { percentile: Some(97.0), ..slo() };
        let bundle = bundle(100, |_| itl(20_000));
        assert_eq!(counts(judged_by(&bundle, between)[0]), (100, 0, 100));
    }

    #[test]
    fn records_that_are_not_all_there_judge_nothing() {
        let slo = || ServiceLevel { ttft_ms: Some(100.0), ..ServiceLevel::default() };
        let line = |due: u64| format!("\"first_us\":{}", due + 9);
        assert_eq!(judged_by(&bundle(99, line), slo())[0], None);
        assert_eq!(counts(judged_by(&bundle(100, line), slo())[0]), (100, 100, 0));
    }
}
