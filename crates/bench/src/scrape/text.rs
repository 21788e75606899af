//! The text format of Prometheus.

use std::collections::BTreeMap;

/// Values by name, summed over labels (several engines behind one server), and histograms by upper bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples {
    pub(super) values: BTreeMap<String, f64>,
    pub(super) buckets: BTreeMap<String, Vec<(f64, f64)>>,
    /// Tokens that the KV caches of all engines have room for, where labels tell.
    pub(super) pool: Option<f64>,
}

/// Reads the text format of Prometheus.
pub(super) fn parse(text: &str) -> Samples {
    let mut samples = Samples::default();
    let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, labels, rest) = match line.split_once('{') {
            // A label may hold a brace, so the last one ends them.
            Some((name, rest)) => match rest.rsplit_once('}') {
                Some((labels, rest)) => (name, labels, rest),
                None => continue,
            },
            None => match line.split_once(char::is_whitespace) {
                Some((name, rest)) => (name, "", rest),
                None => continue,
            },
        };
        let Some(value) = rest.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()) else {
            continue;
        };
        if value.is_nan() {
            continue;
        }
        if name == "vllm:cache_config_info" {
            let tokens = label(labels, "num_gpu_blocks").zip(label(labels, "block_size"));
            if let Some((blocks, size)) = tokens {
                samples.pool = Some(samples.pool.unwrap_or(0.0) + blocks * size);
            }
        }
        if let Some(base) = name.strip_suffix("_bucket") {
            let Some(bound) = bound(labels) else { continue };
            let list = buckets.entry(base.to_owned()).or_default();
            match list.iter_mut().find(|(b, _)| *b == bound) {
                Some((_, count)) => *count += value,
                None => list.push((bound, value)),
            }
        } else {
            *samples.values.entry(name.to_owned()).or_default() += value;
        }
    }
    for list in buckets.values_mut() {
        list.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    samples.buckets = buckets;
    samples
}

/// The number that a label has.
pub(super) fn label(labels: &str, name: &str) -> Option<f64> {
    let start = format!("{name}=\"");
    let at = labels.match_indices(&start).find(|(at, _)| *at == 0 || labels[..*at].ends_with(','))?.0;
    labels[at + start.len()..].split('"').next()?.parse().ok()
}

pub(super) fn bound(labels: &str) -> Option<f64> {
    let (_, rest) = labels.split_once("le=\"")?;
    let text = rest.split('"').next()?;
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
}
