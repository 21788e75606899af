//! Results of `plumb noise` and of the instruments that it is compared with.

use serde_json::Value;

/// Gaps of a CPU as `oslat` counts them, by µs: rounded up, the last count with all beyond.
#[must_use]
pub fn oslat_gaps(json: &str) -> Vec<(u64, u64)> {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let histogram = value["thread"]["0"]["histogram"].as_object();
    let counts =
        histogram.into_iter().flatten().filter_map(|(us, count)| Some((us.parse().ok()?, count.as_u64()?)));
    let mut counts: Vec<(u64, u64)> = counts.collect();
    counts.sort_unstable();
    counts
}

/// Number of gaps beyond `from` µs and up to `to` µs.
#[must_use]
pub fn between(gaps: &[(u64, u64)], from: u64, to: u64) -> u64 {
    gaps.iter().filter(|(us, _)| *us > from && *us <= to).map(|(_, count)| count).sum()
}

/// Latencies as `cyclictest -h N -q` prints them, by µs.
#[must_use]
pub fn cyclictest_latencies(text: &str) -> Vec<(u64, u64)> {
    let rows = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    });
    rows.filter(|(_, count)| *count > 0).collect()
}

/// The longest that `cyclictest` saw, also beyond its histogram.
#[must_use]
pub fn cyclictest_max(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("# Max Latencies:")?.trim().parse().ok())
}

/// The value that so many of all are at or below.
#[must_use]
pub fn quantile(counts: &[(u64, u64)], share: f64) -> Option<f64> {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let rank = (all as f64 * share).ceil() as u64;
    let mut seen = 0;
    counts.iter().find_map(|(us, count)| {
        seen += count;
        (seen >= rank.max(1)).then_some(*us as f64)
    })
}

/// Median of some runs, with the smallest and the largest.
#[must_use]
pub fn spread(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(low), Some(median), Some(high)) => format!("{median:.3} ({low:.3} … {high:.3})"),
        _ => "nothing".to_owned(),
    }
}
