//! Whether numbers fall into two groups.

use std::collections::BTreeMap;

use super::{Random, mean, quantile::quantile};

/// Fewest members of a group: one that lies apart is an outlier.
const LEAST: usize = 2;
/// Draws of the test's null distribution.
const DRAWS: u64 = 4000;
/// Share of samples of one group in which two are told.
const LEVEL: f64 = 0.01;

/// Two groups of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// Means, the lower first.
    pub means: (f64, f64),
    /// Members of each.
    pub sizes: (usize, usize),
}

/// Tells samples of two groups from samples of one, and remembers what that takes for each size.
///
/// The model is a mixture of two normal distributions with one spread, each number being the likelier group's: then the best
/// split leaves the least sum of squares, and as a share of the whole sum it depends, for one normal distribution, on the number
/// of samples alone. Two groups are told where it is smaller than in 99 % of such samples.
#[derive(Clone, Debug, Default)]
pub struct Splits {
    critical: BTreeMap<usize, f64>,
}

impl Splits {
    /// The two groups of `samples`; `None` where one may be all there is, and for fewer than six.
    pub fn of(&mut self, samples: &[f64]) -> Option<Groups> {
        if samples.len() < 3 * LEAST || samples.iter().any(|sample| !sample.is_finite()) {
            return None;
        }
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (split, left) = best(&sorted)?;
        let critical = *self.critical.entry(sorted.len()).or_insert_with(|| critical(sorted.len()));
        (left < critical).then(|| Groups {
            means: (mean(&sorted[..split]).unwrap_or(0.0), mean(&sorted[split..]).unwrap_or(0.0)),
            sizes: (split, sorted.len() - split),
        })
    }
}

/// Where the best split of a sorted sample is, and the share of the sum of squares that it leaves; `None` where all are equal.
fn best(sorted: &[f64]) -> Option<(usize, f64)> {
    let n = sorted.len();
    let centre = mean(sorted)?;
    let whole: f64 = sorted.iter().map(|x| (x - centre).powi(2)).sum();
    if whole <= 0.0 {
        return None;
    }
    let mut below = 0.0;
    let mut found = None;
    for (index, x) in sorted.iter().enumerate() {
        // What a split explains: the square of the sum of deviations below it, by the sizes of both groups.
        let size = index as f64;
        let explained = if index == 0 { 0.0 } else { below * below * n as f64 / (size * (n as f64 - size)) };
        let left = (whole - explained) / whole;
        if (LEAST..=n - LEAST).contains(&index) && found.is_none_or(|(_, least)| left < least) {
            found = Some((index, left));
        }
        below += x - centre;
    }
    found
}

fn critical(n: usize) -> f64 {
    let mut random = Random::stream(n as u64, 11);
    let mut left: Vec<f64> = (0..DRAWS)
        .filter_map(|_| {
            let mut sample: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            sample.sort_by(f64::total_cmp);
            best(&sample).map(|(_, left)| left)
        })
        .collect();
    left.sort_by(f64::total_cmp);
    quantile(&left, LEVEL).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_split_leaves_what_the_groups_have() {
        let (split, left) = best(&[1.0, 3.0, 101.0, 103.0]).unwrap();
        // 4 of 10004 by hand: each group has 2, the whole has 4 + 4 × 50².
        assert_eq!(split, 2);
        assert!((left - 4.0 / 10_004.0).abs() < 1e-12, "{left}");
        assert_eq!(best(&[5.0; 6]), None);
    }

    #[test]
    fn one_group_is_seldom_two_and_two_are_found() {
        let mut splits = Splits::default();
        let mut random = Random::new(3);
        for n in [6, 12, 24] {
            let told = (0..500)
                .filter(|_| {
                    let one: Vec<f64> = (0..n).map(|_| random.normal()).collect();
                    splits.of(&one).is_some()
                })
                .count();
            println!("{n} launches of one speed: two told in {} of 500, nominal 5", told);
            assert!(told <= 15, "{n}: {told}");
        }
        let two: Vec<f64> = (0..12).map(|i| f64::from(i % 2) * 20.0 + random.normal()).collect();
        let groups = splits.of(&two).unwrap();
        assert_eq!(groups.sizes, (6, 6));
        assert!(groups.means.1 - groups.means.0 > 15.0);
        // One that lies apart is no group.
        let outlier: Vec<f64> = (0..12).map(|i| if i == 0 { 50.0 } else { random.normal() }).collect();
        assert_eq!(splits.of(&outlier), None);
    }
}
