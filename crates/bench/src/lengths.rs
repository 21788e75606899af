//! How long prompts and replies are: the same for all, or drawn.

use std::fmt;
use std::str::FromStr;

use plumb_stats::Random;

/// Lengths in tokens, each 1 or more.
#[derive(Clone, Debug, PartialEq)]
pub enum Lengths {
    /// The same for all.
    Fixed(u32),
    /// Every length from the first to the second as often.
    Uniform(u32, u32),
    /// Normal: mean and standard deviation.
    Normal(f64, f64),
    /// Lognormal: median, and standard deviation of the logarithm. Lengths of real requests are nearer to this.
    Lognormal(f64, f64),
    /// Lengths with how often each comes, as counted somewhere.
    Histogram(Vec<(u32, f64)>),
}

/// Longest that is drawn: what lies beyond belongs to a tail that no server has room for.
const MOST: f64 = 1_000_000.0;

impl Lengths {
    /// One of them.
    pub(crate) fn draw(&self, random: &mut Random) -> u32 {
        let whole = |length: f64| length.round().clamp(1.0, MOST) as u32;
        match self {
            Self::Fixed(length) => *length,
            Self::Uniform(least, most) => {
                whole(f64::from(*least) + random.uniform() * f64::from(most - least + 1) - 0.5)
            }
            Self::Normal(mean, deviation) => whole(mean + deviation * random.normal()),
            Self::Lognormal(median, sigma) => whole(median * (sigma * random.normal()).exp()),
            Self::Histogram(bins) => {
                let all: f64 = bins.iter().map(|(_, often)| often).sum();
                let mut left = random.uniform() * all;
                let found = bins.iter().find(|(_, often)| {
                    left -= often;
                    left < 0.0
                });
                found.or(bins.last()).map_or(1, |(length, _)| *length)
            }
        }
    }

    /// The mean, rounded.
    #[must_use]
    pub fn mean(&self) -> u32 {
        let mean = match self {
            Self::Fixed(length) => f64::from(*length),
            Self::Uniform(least, most) => (f64::from(*least) + f64::from(*most)) / 2.0,
            Self::Normal(mean, _) => *mean,
            Self::Lognormal(median, sigma) => median * (sigma * sigma / 2.0).exp(),
            Self::Histogram(bins) => {
                let all: f64 = bins.iter().map(|(_, often)| often).sum();
                bins.iter().map(|(length, often)| f64::from(*length) * often).sum::<f64>() / all.max(1e-12)
            }
        };
        mean.round().clamp(1.0, MOST) as u32
    }

    /// The one length, where there is only one.
    #[must_use]
    pub fn fixed(&self) -> Option<u32> {
        if let Self::Fixed(length) = self { Some(*length) } else { None }
    }

    /// A histogram: `TOKENS,COUNT` on each line; lines that begin with `#` and a first line of column names are passed over.
    ///
    /// # Errors
    /// Names the line that is not of this form.
    pub fn histogram(text: &str) -> Result<Self, String> {
        let mut bins = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut columns = line.split(',').map(str::trim);
            let (length, often) = (columns.next().unwrap_or_default(), columns.next().unwrap_or("1"));
            match (length.parse::<u32>(), often.parse::<f64>()) {
                (Ok(length), Ok(often)) if length > 0 && often.is_finite() && often >= 0.0 => {
                    bins.push((length, often))
                }
                _ if bins.is_empty() && length.starts_with(|c: char| c.is_alphabetic()) => {}
                _ => {
                    return Err(format!(
                        "line {number}: `{line}` is no length in tokens with how often it comes"
                    ));
                }
            }
        }
        if bins.iter().map(|(_, often)| often).sum::<f64>() > 0.0 {
            Ok(Self::Histogram(bins))
        } else {
            Err("it holds no length".to_owned())
        }
    }
}

impl FromStr for Lengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{text}` is no length; give one such as 128, 64-512, normal:256,64, lognormal:256,0.8 or @FILE"
            )
        };
        let two = |rest: &str| -> Option<(f64, f64)> {
            let (first, second) = rest.split_once(',')?;
            let (first, second): (f64, f64) = (first.trim().parse().ok()?, second.trim().parse().ok()?);
            ((1.0..=MOST).contains(&first) && second.is_finite() && second >= 0.0).then_some((first, second))
        };
        if let Some(rest) = text.strip_prefix("normal:") {
            return two(rest).map(|(mean, deviation)| Self::Normal(mean, deviation)).ok_or_else(bad);
        }
        if let Some(rest) = text.strip_prefix("lognormal:") {
            let known = two(rest).filter(|(_, sigma)| *sigma <= 4.0);
            return known.map(|(median, sigma)| Self::Lognormal(median, sigma)).ok_or_else(bad);
        }
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|length| f64::from(*length) <= MOST);
        match text.split_once('-') {
            Some((least, most)) => match (number(least), number(most)) {
                (Some(least), Some(most)) if 0 < least && least <= most => Ok(Self::Uniform(least, most)),
                _ => Err(bad()),
            },
            None => number(text).map(Self::Fixed).ok_or_else(bad),
        }
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => write!(f, "{length}"),
            Self::Uniform(least, most) => write!(f, "{least} to {most}"),
            Self::Normal(mean, deviation) => write!(f, "{mean} ± {deviation} (normal)"),
            Self::Lognormal(median, sigma) => write!(f, "{median} in the median (lognormal, σ {sigma})"),
            Self::Histogram(bins) => {
                write!(f, "{} on average ({} lengths of a file)", self.mean(), bins.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> (f64, u32, u32) {
        let lengths: Lengths = text.parse().unwrap();
        of(&lengths)
    }

    fn of(lengths: &Lengths) -> (f64, u32, u32) {
        let mut random = Random::new(7);
        let all: Vec<u32> = (0..20_000).map(|_| lengths.draw(&mut random)).collect();
        let mean = all.iter().map(|length| f64::from(*length)).sum::<f64>() / all.len() as f64;
        (mean, *all.iter().min().unwrap(), *all.iter().max().unwrap())
    }

    #[test]
    fn lengths_are_drawn_as_asked_for() {
        assert_eq!(drawn("128"), (128.0, 128, 128));
        let (mean, least, most) = drawn("64-512");
        assert!((mean - 288.0).abs() < 4.0 && (least, most) == (64, 512), "{mean} {least} {most}");
        let (mean, least, _) = drawn("normal:100,80");
        assert!((mean - 104.0).abs() < 6.0 && least == 1, "{mean}");
        let (mean, ..) = drawn("lognormal:256,0.8");
        let lengths: Lengths = "lognormal:256,0.8".parse().unwrap();
        assert!((mean / f64::from(lengths.mean()) - 1.0).abs() < 0.04, "{mean}");
        let lengths = Lengths::histogram("tokens,count\n# of a day\n10,3\n1000,1\n").unwrap();
        let (mean, least, most) = of(&lengths);
        assert!((mean - 257.5).abs() < 10.0 && (least, most) == (10, 1000), "{mean}");
        assert_eq!(lengths.mean(), 258);
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in ["", "a", "0-5", "9-3", "normal:0,1", "normal:5", "lognormal:10,9", "1e9", "-3"] {
            assert!(wrong.parse::<Lengths>().is_err(), "{wrong}");
        }
        assert!(Lengths::histogram("10,3\nx,1\n").unwrap_err().contains("line 2"));
        assert!(Lengths::histogram("").is_err());
    }
}
