//! How many independent requests dependent ones are worth.
//!
//! Requests of one run share a queue: one that waits is followed by others that wait. What a share of them proves rests on
//! the number of independent ones, which load tests, sweeps and verdicts on a promise all take from here.

/// How many independent samples these are worth: n / (1 + 2 Σ ρₖ), the autocorrelations ρₖ summed in pairs until a pair is
/// not positive (Geyer, "Practical Markov chain Monte Carlo", 1992, initial positive sequence).
///
/// Never more than n, and 1 for more than three samples that are all the same: nothing shows that they are more.
#[must_use]
pub fn effective_size(samples: &[f64]) -> f64 {
    let n = samples.len();
    if n <= 3 {
        return n as f64;
    }
    let centre = samples.iter().sum::<f64>() / n as f64;
    let deviations: Vec<f64> = samples.iter().map(|x| x - centre).collect();
    let autocovariance =
        |lag: usize| deviations[lag..].iter().zip(&deviations).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    let whole = autocovariance(0);
    // Rounding leaves something where all are the same.
    if whole <= (1e-12 * centre).powi(2) {
        return 1.0;
    }
    // Beyond this lag the estimates are noise, and the cost is quadratic.
    let most = (n / 4).min(1000);
    let mut time = -1.0;
    let mut lag = 0;
    while lag < most {
        let pair = (autocovariance(lag) + autocovariance(lag + 1)) / whole;
        if pair <= 0.0 {
            break;
        }
        time += 2.0 * pair;
        lag += 2;
    }
    (n as f64 / time.max(1.0)).max(1.0)
}

/// The share of requests that are independent, 0 to 1, by their latencies: series in the order in which requests were due,
/// of which the most dependent one counts. 0 without any.
#[must_use]
pub fn worth(latencies: &[&[f64]]) -> f64 {
    let series = latencies.iter().filter(|series| !series.is_empty());
    series.map(|series| effective_size(series) / series.len() as f64).reduce(f64::min).unwrap_or(0.0)
}

/// Mean times of a request over which a queue forgets its state, at least: so many, in simulation, for 8 slots at 77 % of what
/// they bear. Ours.
const RELAXES: f64 = 8.0;

/// The times that a queue whose requests take `residence` seconds forgets its state in `seconds`: what was seen in so many spans
/// is independent.
#[must_use]
pub fn spans(seconds: f64, residence: f64) -> f64 {
    seconds / (RELAXES * residence.max(1e-9))
}

/// The independent values that latencies are worth in a run of `seconds` whose requests take `residence` seconds: by their
/// autocorrelations, and no more than there are [`spans`].
///
/// Autocorrelations alone say too much of a run that saw no burst: of runs that are too short, those that look long enough are
/// those with the best luck.
#[must_use]
pub fn independent_values(samples: &[f64], seconds: f64, residence: f64) -> f64 {
    effective_size(samples).min(spans(seconds, residence))
}

/// How many independent requests a share of requests rests on, by what is to be shown of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Independent {
    /// For its lower end, which can show that a target is met: a run that saw no burst has a constant indicator, which says
    /// nothing of how requests depend on each other, so what their latencies are [`worth`] counts, too.
    pub met: f64,
    /// For its upper end, which can show that a target is missed: by the misses themselves. Under a load that the server
    /// cannot bear, latencies rise all the time and are worth next to nothing, and that says nothing for the server.
    pub missed: f64,
}

/// What requests are worth of which some hold, in the order in which they were due, and whose latencies are [`worth`] that
/// share.
#[must_use]
pub fn independent_requests(holds: &[bool], worth: f64) -> Independent {
    let n = holds.len() as f64;
    let indicator: Vec<f64> = holds.iter().map(|held| f64::from(u8::from(*held))).collect();
    let is_constant = holds.iter().all(|held| *held == holds[0]);
    let missed = if is_constant { n } else { effective_size(&indicator) };
    Independent { met: missed.min(worth * n), missed }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise that needs no generator: the fractional parts of multiples of the golden ratio, mixed.
    fn noise(n: usize) -> Vec<f64> {
        (0..n as u64)
            .map(|i| {
                let mut z = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
            })
            .collect()
    }

    #[test]
    fn a_run_without_a_miss_is_worth_what_its_latencies_are() {
        let mut level = 0.0;
        let slow: Vec<f64> = noise(4000)
            .into_iter()
            .map(|x| {
                level = 0.9 * level + x;
                10.0 + level
            })
            .collect();
        let all = vec![true; 4000];
        // n (1 - rho) / (1 + rho) = 4000 / 19 for rho = 0.9.
        let met = |holds: &[bool], latencies: &[&[f64]]| independent_requests(holds, worth(latencies)).met;
        let own = met(&all, &[&slow]);
        assert!((120.0..360.0).contains(&own), "{own}");
        assert!(met(&all, &[&noise(4000)]) > 3000.0);
        assert_eq!(met(&all, &[&noise(4000), &slow]), own, "the least counts");
        // The indicator of a long failure depends on itself, whatever the latencies of the others do.
        let down: Vec<bool> = (0..4000).map(|at| !(1000..1400).contains(&at)).collect();
        assert!(met(&down, &[&noise(3600)]) < 100.0);
    }

    #[test]
    fn what_never_changes_shows_no_independence() {
        assert_eq!(effective_size(&[3.0; 50]), 1.0);
        assert_eq!(effective_size(&[0.1; 50]), 1.0);
        assert_eq!(independent_requests(&[true; 50], worth(&[&[3.0; 50]])).met, 1.0);
        assert_eq!(independent_requests(&[], 1.0), Independent::default());
        assert_eq!(independent_requests(&[false; 9], worth(&[])), Independent { met: 0.0, missed: 9.0 });
    }

    #[test]
    fn a_queue_that_only_grows_shows_that_it_is_too_long() {
        let waits: Vec<f64> = noise(300).iter().enumerate().map(|(at, x)| at as f64 + x).collect();
        let holds: Vec<bool> = waits.iter().map(|wait| *wait < 10.0).collect();
        let worth = independent_requests(&holds, worth(&[&waits]));
        assert!(worth.met < 5.0 && worth.missed > 20.0, "{worth:?}");
        assert_eq!(effective_size(&[]), 0.0);
    }
}
