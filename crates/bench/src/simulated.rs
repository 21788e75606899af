//! What the rules of this crate claim of a server whose truth is known: a queue with 8 slots, Poisson arrivals and lognormal
//! service.

use plumb_evidence::dependence::{effective_size, independent_requests, worth};
use plumb_evidence::model::{
    BenchLoad, BenchResult, Demand, Judged, Moment, ObserveResult, ObservedPart, Promise, ServiceLevel,
};

use plumb_stats::Random;
use plumb_stats::proportion::wilson;

/// Mean service in seconds, and its spread (of the logarithm).
const SERVICE: (f64, f64) = (0.65, 0.6);
/// Time to first token without a queue, and the limit, in seconds.
const TTFT: (f64, f64) = (0.02, 0.32);
const SLOTS: usize = 8;
const TARGET: f64 = 0.95;

/// Times to the first and to the last token of the requests due in `seconds` seconds after ten of warm-up, as many of them as
/// the rate makes.
pub(crate) fn queue(rate: f64, seconds: f64, random: &mut Random) -> (Vec<f64>, Vec<f64>) {
    let warmup = 10.0;
    let wanted = (rate * seconds).round() as usize;
    let mut due = Vec::new();
    let (mut time, mut inside) = (0.0, 0);
    while inside <= wanted {
        time += random.exponential() / rate;
        inside += usize::from(time >= warmup);
        due.push(time);
    }
    let start = due.len() - wanted - 1;
    let factor = seconds / (time - warmup);
    for time in &mut due[start..] {
        *time = warmup + (*time - warmup) * factor;
    }
    let mut free = [0.0f64; SLOTS];
    let (mut ttft, mut e2e) = (Vec::new(), Vec::new());
    for due in due.into_iter().take(start + wanted) {
        let slot = (0..SLOTS).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
        let begins = free[slot].max(due);
        let (mean, spread) = SERVICE;
        free[slot] = begins + mean * (spread * random.normal() - spread * spread / 2.0).exp();
        if due >= warmup {
            ttft.push(begins - due + TTFT.0);
            e2e.push(free[slot] - due);
        }
    }
    (ttft, e2e)
}

/// What a run is said to show.
struct Claims {
    /// That the target is met, by the report's exact bound of all requests, as it was.
    old: bool,
    /// The same by the report, by bench, and that the target is missed by either.
    report: bool,
    bench: bool,
    missed: bool,
}

fn claims(rate: f64, seconds: f64, seed: u64) -> Claims {
    let (ttft, e2e) = queue(rate, seconds, &mut Random::new(seed));
    let holds: Vec<bool> = ttft.iter().map(|wait| *wait <= TTFT.1).collect();
    let met = holds.iter().filter(|held| **held).count() as u64;
    let requests = holds.len() as u64;
    let independent = independent_requests(&holds, worth(&[&ttft, &e2e]));
    let slo = ServiceLevel {
        percentile: Some(100.0 * TARGET),
        ttft_ms: Some(1e3 * TTFT.1),
        ..ServiceLevel::default()
    };
    let demand = Demand { prompt_tokens: Some(9.0), output_tokens: Some(9.0), ..Demand::default() };
    let attained = |independent: f64, independent_missed: f64| {
        let judged = Judged { requests, met, undetermined: 0, independent, independent_missed };
        let load = BenchLoad { prompt_tokens: Some(9), output_tokens: Some(9), ..BenchLoad::default() };
        let test = BenchResult {
            valid: true,
            open_loop: true,
            requests,
            seconds,
            load,
            judged: Some(judged),
            ..BenchResult::default()
        };
        Promise::new(&slo, Some(&demand)).attainment(&test).unwrap()
    };
    let own = attained(independent.met, independent.missed);
    let share = met as f64 / requests as f64;
    let interval = |trials: f64| wilson(share * trials, trials, 0.95).unwrap();
    Claims {
        old: attained(requests as f64, requests as f64).lower >= TARGET,
        report: own.lower >= TARGET,
        bench: interval(independent.met).low >= TARGET,
        missed: own.upper() < TARGET || interval(independent.missed).high < TARGET,
    }
}

/// The shares of runs that claim what [`Claims`] has, in its order.
fn rates(rate: f64, seconds: f64, rounds: u64) -> [f64; 4] {
    let mut counts = [0.0; 4];
    for seed in 0..rounds {
        let Claims { old, report, bench, missed } = claims(rate, seconds, seed * 7919 + seconds as u64);
        for (count, claim) in counts.iter_mut().zip([old, report, bench, missed]) {
            *count += f64::from(u8::from(claim)) / rounds as f64;
        }
    }
    counts
}

/// Requests per second, and the share that is within the limit in the long run there.
const TRUTHS: [(f64, f64); 6] =
    [(9.02, 0.912), (8.74, 0.931), (8.49, 0.945), (8.38, 0.950), (7.82, 0.970), (6.77, 0.990)];

#[test]
fn what_is_shown_to_be_met_is_seldom_missed() {
    let (rate, truth) = TRUTHS[0];
    let [old, report, bench, _] = rates(rate, 30.0, 250);
    println!("true {truth}: met by all requests {old:.3}, by the report {report:.3}, by bench {bench:.3}");
    assert!(old > 0.15, "{old}: the simulation is of a queue whose requests depend on each other");
    assert!(report <= 0.05 && bench <= 0.05, "{report} {bench}");
    let [.., missed] = rates(TRUTHS[4].0, 30.0, 150);
    assert!(missed <= 0.02, "{missed}");
    // What a server cannot bear is shown to be too much in half a minute.
    let [_, report, bench, missed] = rates(15.0, 30.0, 40);
    assert!((report, bench) == (0.0, 0.0) && missed > 0.9, "{missed}");
}

/// An observation of so many parts at one rate, whose server has histograms with the limit among their bounds.
fn observed(rate: f64, parts: u64, seconds: f64, seed: u64) -> ObserveResult {
    let part = |n: u64| {
        let (ttft, e2e) = queue(rate, seconds, &mut Random::new(seed * 1009 + n));
        let count = |samples: &[f64], edge: f64| samples.iter().filter(|own| **own <= edge).count() as f64;
        ObservedPart {
            mean: Moment {
                seconds,
                e2e_ms: plumb_stats::mean(&e2e).map(|mean| 1e3 * mean),
                ..Moment::default()
            },
            counts: [("ttft".to_owned(), vec![count(&ttft, TTFT.1), ttft.len() as f64])].into(),
            ..ObservedPart::default()
        }
    };
    ObserveResult {
        buckets: [("ttft".to_owned(), vec![1e3 * TTFT.1])].into(),
        parts: (0..parts).map(part).collect(),
        ..ObserveResult::default()
    }
}

/// Shares of observations that call a rate kept, and missed.
fn rates_observed(rate: f64, parts: u64, seconds: f64, rounds: u64) -> [f64; 2] {
    let slo = ServiceLevel {
        percentile: Some(100.0 * TARGET),
        ttft_ms: Some(1e3 * TTFT.1),
        ..ServiceLevel::default()
    };
    let promise = Promise::new(&slo, None);
    let mut counts = [0.0; 2];
    for seed in 0..rounds {
        let observed = observed(rate, parts, seconds, seed);
        let seen = promise.seen(&observed).unwrap();
        for (count, claim) in counts.iter_mut().zip([seen.kept().is_some(), seen.is_missed_up_to(f64::MAX)]) {
            *count += f64::from(u8::from(claim)) / rounds as f64;
        }
    }
    counts
}

#[test]
fn what_is_observed_to_be_kept_is_seldom_missed() {
    // Of many parts the busiest ones are looked at first, and each adds a chance to be wrong: nominal are 5 %.
    for (at, parts, seconds) in [(0, 24, 300.0), (2, 24, 300.0), (3, 24, 300.0), (2, 4, 600.0)] {
        let (rate, truth) = TRUTHS[at];
        let [kept, _] = rates_observed(rate, parts, seconds, 100);
        println!("true {truth}, {parts} parts of {seconds} s: kept {kept:.3}");
        assert!(kept <= 0.05, "{truth}: {kept}");
    }
    let [kept, missed] = rates_observed(TRUTHS[5].0, 24, 600.0, 20);
    assert!(kept >= 0.8 && missed == 0.0, "{kept} {missed}");
    let [kept, missed] = rates_observed(TRUTHS[0].0, 24, 600.0, 20);
    assert!(kept == 0.0 && missed >= 0.5, "{kept} {missed}");
}

#[test]
fn the_truths_are_those_of_long_runs() {
    let (rate, truth) = TRUTHS[0];
    let (ttft, _) = queue(rate, 20_000.0, &mut Random::new(3));
    let within = ttft.iter().filter(|wait| **wait <= TTFT.1).count() as f64 / ttft.len() as f64;
    assert!((within - truth).abs() < 0.015, "{within}");
}

fn autoregressive(random: &mut Random, n: usize, rho: f64) -> Vec<f64> {
    let mut x = random.normal() / (1.0 - rho * rho).sqrt();
    (0..n)
        .map(|_| {
            x = rho * x + random.normal();
            x
        })
        .collect()
}

#[test]
fn dependent_samples_count_for_less() {
    let mut random = Random::new(11);
    let independent = effective_size(&autoregressive(&mut random, 20_000, 0.0));
    assert!(independent > 17_000.0, "{independent}");
    // n (1 - rho) / (1 + rho) = 20000 / 9 for rho = 0.8
    let dependent = effective_size(&autoregressive(&mut random, 20_000, 0.8));
    assert!((1800.0..2700.0).contains(&dependent), "{dependent}");
}

/// `cargo test -p plumb-bench --lib claims_of_a_known_queue -- --ignored --nocapture`
#[test]
#[ignore = "a table for the handbook, which takes a minute"]
fn claims_of_a_known_queue() {
    println!("| true share | run | met, all requests | met, report | met, bench | missed |");
    for (rate, truth) in TRUTHS {
        for seconds in [30.0, 60.0, 300.0] {
            let [old, report, bench, missed] =
                rates(rate, seconds, if seconds > 100.0 { 600 } else { 2000 }).map(|share| 100.0 * share);
            println!(
                "| {:.1} % | {seconds} s | {old:.1} % | {report:.1} % | {bench:.1} % | {missed:.1} % |",
                100.0 * truth
            );
        }
    }
}
