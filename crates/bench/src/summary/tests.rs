use super::intervals::Intervals;
use super::*;
use crate::record::tests::record;
use crate::target::{Http, Target};

const MS: u64 = 1_000_000;

fn recorder_of(requests: &[(u64, u64, Phase)]) -> Recorder {
    let mut recorder = Recorder::new(Vec::new(), None, 0).unwrap();
    for &(start, end, phase) in requests {
        let mut one = record(&[(0, 1, None), (1, 1, None)], Some(10));
        one.phase = phase;
        (one.scheduled, one.sent, one.first, one.last, one.done) =
            (start * MS, start * MS, start * MS, end * MS, end * MS);
        recorder.take(&one);
    }
    recorder
}

#[test]
fn requests_count_with_the_part_of_them_that_lies_in_the_window() {
    use Phase::{Measured, Warmup};
    let plan = Plan::new(Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap());
    // Two streams, each with requests of 1 s back to back, measured from 1.5 s to 3.5 s.
    let recorder = recorder_of(&[
        (0, 1000, Warmup),
        (500, 1500, Warmup),
        (1000, 2000, Warmup),
        (1500, 2500, Measured),
        (2000, 3000, Measured),
        (2500, 3500, Measured),
        (3000, 4000, Measured),
    ]);
    let rates = Rates::over((1500 * MS, 3500 * MS), &recorder, &plan);
    assert!((rates.ok - 2.0).abs() < 1e-9 && (rates.in_flight - 2.0).abs() < 1e-9);
    assert!((rates.tokens - 20.0).abs() < 1e-9);
}

#[test]
fn goodput_is_never_above_the_rate() {
    let arrivals = Arrivals::Constant { rate: 2.0 };
    let target = Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap();
    let plan = Plan { load: Load::Open { arrivals }, ..Plan::new(target) };
    // Both end after the window in which they began.
    let recorder = recorder_of(&[(500, 2500, Phase::Measured), (1000, 2600, Phase::Measured)]);
    let rates = Rates::over((0, 2000 * MS), &recorder, &plan);
    assert!(rates.good <= rates.ok && rates.started > rates.ok);
}

#[test]
fn a_growing_queue_is_not_steady() {
    let grows: Vec<_> = (0..100).map(|n| (n * 10, n * 10 + 100 + n * 5, Phase::Measured)).collect();
    assert_eq!(steady(&measured(&recorder_of(&grows).kept)), Some(false));
    let stays: Vec<_> = (0..100).map(|n| (n * 10, n * 10 + 100 + n * 7 % 13, Phase::Measured)).collect();
    assert_eq!(steady(&measured(&recorder_of(&stays).kept)), Some(true));
    assert_eq!(steady(&measured(&recorder_of(&stays[..40]).kept)), None);
}

#[test]
fn a_run_of_few_correlation_times_has_no_intervals() {
    // Neighbours depend on each other over `steps` requests.
    let samples = |steps: usize| -> Vec<f64> {
        let mut random = plumb_stats::Random::new(9);
        let noise: Vec<f64> = (0..600 + steps).map(|_| random.exponential()).collect();
        noise.windows(steps).take(600).map(|near| near.iter().sum::<f64>()).collect()
    };
    // 600 requests in a minute, of 50 ms each.
    let of = |steps, residence| {
        let samples = samples(steps);
        with_intervals(LatencySummary::default(), &samples, independent_values(&samples, 60.0, residence))
    };
    let free = of(1, 0.05);
    assert!(free.mean_interval.is_some() && free.p95_interval.is_some() && !free.is_within_run());
    // Neighbours that depend on each other, and requests of a second each, of which the run holds 60 in a row.
    for bound in [of(60, 0.05), of(1, 1.0)] {
        assert!(bound.mean_interval.is_none() && bound.p95_interval.is_none() && bound.is_within_run());
        assert!(bound.independent.unwrap() < 50.0, "{bound:?}");
    }
    // Enough for the mean, too few for the tail.
    let between = of(1, 0.125);
    assert!(between.mean_interval.is_some() && between.p95_interval.is_none(), "{between:?}");
}

/// How often intervals of TTFT hold the truth, where they are printed: in which share of the runs, and of the mean and p95.
fn coverage(utilisation: f64, seconds: f64, rounds: u64) -> [f64; 3] {
    use crate::simulated::queue;
    let rate = utilisation * 8.0 / 0.65;
    let (mut long, _) = queue(rate, 30_000.0, &mut plumb_stats::Random::new(4));
    let mean = plumb_stats::mean(&long).unwrap();
    long.sort_by(f64::total_cmp);
    let p95 = quantile(&long, 0.95).unwrap();
    let (mut printed, mut holds) = (0, [0, 0]);
    for seed in 0..rounds {
        let (ttft, e2e) = queue(rate, seconds, &mut plumb_stats::Random::new(seed * 31 + 7));
        let independent = independent_values(&ttft, seconds, plumb_stats::mean(&e2e).unwrap());
        let own = Intervals::of(&ttft, independent);
        let (Some(of_mean), Some(of_p95)) = (own.mean, own.p95.or(own.mean.map(|_| (0.0, f64::MAX)))) else {
            continue;
        };
        printed += 1;
        for (count, ((low, high), truth)) in holds.iter_mut().zip([(of_mean, mean), (of_p95, p95)]) {
            *count += u64::from(low <= truth && truth <= high);
        }
    }
    let of = |count: u64, all: u64| count as f64 / all.max(1) as f64;
    [of(printed, rounds), of(holds[0], printed), of(holds[1], printed)]
}

#[test]
fn intervals_that_are_printed_hold_the_truth() {
    let [short, ..] = coverage(0.65, 30.0, 40);
    assert_eq!(short, 0.0, "a run of 46 requests in a row");
    let [printed, mean, p95] = coverage(0.65, 400.0, 60);
    assert!(printed > 0.9 && mean > 0.9 && p95 > 0.9, "{printed} {mean} {p95}");
}

/// `cargo test -p plumb-bench --lib coverage_of_intervals -- --ignored --nocapture`
#[test]
#[ignore = "a table for the handbook, which takes a minute"]
fn coverage_of_intervals() {
    for utilisation in [0.5, 0.65, 0.77, 0.85] {
        for seconds in [30.0, 120.0, 300.0, 600.0, 1200.0] {
            let [printed, mean, p95] = coverage(utilisation, seconds, 300).map(|share| 100.0 * share);
            println!("| {utilisation} | {seconds} s | {printed:.0} % | {mean:.0} % | {p95:.0} % |");
        }
    }
}

#[test]
fn a_share_without_a_miss_rests_on_what_latencies_are_worth() {
    let requests: Vec<_> = (0..400).map(|n| (n * 10, n * 10 + 100, Phase::Measured)).collect();
    let recorder = recorder_of(&requests);
    let all = measured(&recorder.kept);
    let met = |worth| share(400, &recorder, |_| true, &all, worth).unwrap();
    assert!(met(1.0).low > 0.95 && (met(1.0).trials - 400.0).abs() < 1e-9);
    assert!(met(0.1).low < 0.95 && (met(0.1).trials - 40.0).abs() < 1e-9);
}

#[test]
fn percentiles_need_their_number_of_values() {
    let few: Vec<_> = (0..19).map(|n| (n * 10, n * 10 + 100, Phase::Measured)).collect();
    let summary = summary(&recorder_of(&few).series.e2e);
    assert_eq!((summary.count, summary.p95, summary.p99), (19, None, None));
    assert_eq!((summary.p50, summary.p90, summary.max), (Some(100.0), Some(100.0), Some(100.0)));
    // As many as it takes to bound p99 with 99 % confidence by the largest; the next smaller one takes 662.
    let bound = |count: u64| {
        let many: Vec<_> = (0..count).map(|n| (n * 10 + 1, n * 10 + n + 1, Phase::Measured)).collect();
        bounded(&recorder_of(&many).series.e2e).p99_bound
    };
    assert_eq!(
        (bound(458), bound(459), bound(661), bound(662)),
        (None, Some(458.0), Some(660.0), Some(660.0))
    );
}
