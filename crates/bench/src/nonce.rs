//! What makes the prompts of a run its own.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;

use plumb_stats::Random;

/// What the prompts of a run are drawn from. A server that keeps prefixes has seen none of the prompts of a fresh one, beyond
/// what they are to share; it is kept with the result, so that the same prompts can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(u64);

impl Nonce {
    /// One that no run had before.
    #[must_use]
    pub fn fresh() -> Self {
        // Its keys are random numbers of the system.
        Self(RandomState::new().build_hasher().finish())
    }

    /// That of one of several runs that have this one in common.
    #[must_use]
    pub fn of_run(self, number: u64) -> Self {
        Self(Random::stream(self.0, number).bits())
    }

    pub(crate) fn seed(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Nonce {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_hex = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| {
            format!("`{text}` is not up to 16 hexadecimal digits; give the `nonce` of an earlier result")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_differ_and_can_be_repeated() {
        let (one, other) = (Nonce::fresh(), Nonce::fresh());
        assert_ne!(one, other);
        assert_eq!(one.to_string().parse(), Ok(one));
        let of_runs: std::collections::BTreeSet<u64> = (0..1000).map(|n| one.of_run(n).seed()).collect();
        assert_eq!(of_runs.len(), 1000);
        assert_eq!(one.of_run(7), one.of_run(7));
        for bad in ["", "0x1", "12345678901234567", "-1", "g"] {
            assert!(bad.parse::<Nonce>().unwrap_err().contains("hexadecimal"), "{bad}");
        }
    }
}
