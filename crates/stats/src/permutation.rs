//! Tests that need no distribution.

use super::{Random, mean};

/// Most blocks for which all 2ⁿ assignments of signs are tried.
const EXACT: usize = 16;

/// Two-sided p value of the mean of paired differences against zero, by flipping signs: without an effect each difference
/// could as well have had the other sign.
///
/// Exact up to sixteen differences, else from `rounds` random assignments, the observed one counted (so never zero). The
/// smallest p is 2/2ⁿ: five blocks cannot reach 0.05, six reach 0.031. `None` without differences.
#[must_use]
pub fn sign_flip(differences: &[f64], rounds: usize, seed: u64) -> Option<f64> {
    let n = differences.len();
    // Rounding must not let an assignment fall short of the observed one that it equals.
    let observed = mean(differences)?.abs() * (1.0 - 1e-12);
    if n <= EXACT {
        let all = 1u32 << n;
        let extreme = (0..all)
            .filter(|signs| {
                let sum: f64 = differences
                    .iter()
                    .enumerate()
                    .map(|(index, d)| if signs >> index & 1 == 0 { *d } else { -d })
                    .sum();
                (sum / n as f64).abs() >= observed
            })
            .count();
        return Some(extreme as f64 / f64::from(all));
    }
    let mut random = Random::new(seed);
    let extreme = (0..rounds)
        .filter(|_| {
            let sum: f64 = differences.iter().map(|d| if random.bits() >> 63 == 0 { *d } else { -d }).sum();
            (sum / n as f64).abs() >= observed
        })
        .count();
    Some((extreme + 1) as f64 / (rounds + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_p_is_that_of_all_signs_alike() {
        assert_eq!(sign_flip(&[1.0; 5], 0, 0), Some(2.0 / 32.0));
        assert_eq!(sign_flip(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0, 0), Some(2.0 / 64.0));
        assert_eq!(sign_flip(&[1.0, -1.0], 0, 0), Some(1.0));
        assert_eq!(sign_flip(&[], 0, 0), None);
    }

    #[test]
    fn p_values_are_uniform_without_an_effect() {
        let mut random = Random::new(31);
        for blocks in [10, 20] {
            let rounds = 1000;
            let found = (0..rounds)
                .filter(|&seed| {
                    let differences: Vec<f64> = (0..blocks).map(|_| random.normal()).collect();
                    sign_flip(&differences, 400, seed).unwrap() <= 0.05
                })
                .count();
            let share = found as f64 / rounds as f64;
            assert!((0.03..0.07).contains(&share), "{blocks} blocks: {share}");
        }
    }
}
