//! Random numbers that a seed repeats for ever.
//!
//! A seed saved with a result has to give the same arrivals and prompts years later, which crates of random numbers do not
//! promise across versions. So the generator is here: xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom
//! number generators", 2021), seeded through SplitMix64 as its authors advise.

/// A generator of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator whose sequence `seed` determines.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut mixer = seed;
        let mut next = || {
            mixer = mixer.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mixer;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self { state: [next(), next(), next(), next()] }
    }

    /// A generator for one of several purposes, whose sequence does not depend on how many numbers another one took.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        Self::new(seed ^ stream.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform among 0..`bound`; 0 for a bound of 0.
    ///
    /// By the upper half of a product; the bias is below `bound` / 2⁶⁴.
    pub fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.bits()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// Standard normal, by the polar method of Marsaglia and Bray.
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * s.ln() / s).sqrt();
            }
        }
    }

    /// Gamma with shape `shape` and mean `shape`, by Marsaglia and Tsang, "A simple method for generating gamma variables"
    /// (2000); shapes below 1 by their boost.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = (1.0 - self.uniform()).powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mean, variance};

    #[test]
    fn the_sequence_of_a_seed_never_changes() {
        let mut random = Random::new(1);
        let first: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(
            first,
            [14_971_601_782_005_023_387, 13_781_649_495_232_077_965, 1_847_458_086_238_483_744]
        );
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut random = Random::new(7);
        let n = 200_000;
        let mut check =
            |name: &str, expected_mean: f64, expected_variance: f64, draw: &dyn Fn(&mut Random) -> f64| {
                let samples: Vec<f64> = (0..n).map(|_| draw(&mut random)).collect();
                let (m, v) = (mean(&samples).unwrap(), variance(&samples).unwrap());
                let tolerance = 5.0 * (expected_variance / f64::from(n)).sqrt();
                assert!((m - expected_mean).abs() < tolerance, "{name}: mean {m}");
                assert!((v / expected_variance - 1.0).abs() < 0.05, "{name}: variance {v}");
            };
        check("uniform", 0.5, 1.0 / 12.0, &Random::uniform);
        check("exponential", 1.0, 1.0, &Random::exponential);
        check("normal", 0.0, 1.0, &Random::normal);
        check("gamma 0.25", 0.25, 0.25, &|r| r.gamma(0.25));
        check("gamma 4", 4.0, 4.0, &|r| r.gamma(4.0));
        check("below 10", 4.5, 8.25, &|r| r.below(10) as f64);
    }

    #[test]
    fn shuffling_keeps_the_items() {
        let mut items: Vec<u32> = (0..100).collect();
        Random::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
