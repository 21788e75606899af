//! How many tokens a server decoded between the first read of a reply and the last: what times per token divide by.
//!
//! The count at the end of a reply is no answer: it holds reasoning that was not sent, the token that ended the reply, and what
//! came in the first read. A time per token that divides by those is too small; none at all is better. What is not known has
//! bounds, which can still tell whether an objective is met.

use super::record::Record;

/// Bounds, or counts, that are so close, as a share, count as one.
const NEAR: f64 = 0.05;

/// Tokens between the first read and the last, at least and at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// At least.
    pub least: f64,
    /// At most; infinite where nothing limits them.
    pub most: f64,
}

/// How the tokens of a reply lie in its reads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Counting {
    /// The server counts along.
    Running,
    /// Each event has so many, one as a rule.
    Events(f64),
    /// So many in all, which lie in the events as the text does.
    ByText(f64),
    /// Each event has at least one, and all together so many at most.
    Unknown(f64),
}

impl Record {
    fn counting(&self) -> Counting {
        if self.reads.iter().all(|read| read.tokens.is_some()) {
            return Counting::Running;
        }
        let events = f64::from(self.events());
        let asked = f64::from(self.asked);
        let Some(tokens) = self.tokens else {
            // Each event has a token at least, and the reply no more than were asked for.
            return if events > asked {
                Counting::Unknown(f64::INFINITY)
            } else if asked - events <= NEAR * events {
                Counting::Events(1.0)
            } else {
                Counting::Unknown(asked)
            };
        };
        let sent = f64::from(tokens.saturating_sub(self.hidden.unwrap_or(0)));
        // The token that ends a reply comes after the last one that is seen.
        let sent = if self.stopped && sent > events { sent - 1.0 } else { sent };
        if (sent - events).abs() <= NEAR * events {
            Counting::Events((sent / events).min(1.0))
        } else if sent > events && self.hidden.is_none() {
            Counting::Unknown(sent)
        } else {
            Counting::ByText(sent)
        }
    }

    /// True if it is known how many tokens the whole reply has.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.tokens.is_some() || !matches!(self.counting(), Counting::Unknown(_))
    }

    /// True if the server counted at the end only and sent several tokens in an event: how they lie is an estimate.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        self.reads.len() > 1 && matches!(self.counting(), Counting::ByText(_))
    }

    /// True if the reply was streamed and nobody knows how many tokens were decoded meanwhile.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.reads.len() > 1 && matches!(self.counting(), Counting::Unknown(_))
    }

    /// Tokens in each read; `None` where that is not known.
    fn tokens_per_read(&self) -> Option<impl Iterator<Item = f64> + '_> {
        let counting = self.counting();
        if matches!(counting, Counting::Unknown(_)) {
            return None;
        }
        let text: f64 = self.reads.iter().map(|read| f64::from(read.text)).sum();
        let events = f64::from(self.events());
        Some(self.reads.iter().map(move |read| match counting {
            Counting::Running => f64::from(read.tokens.unwrap_or(0)),
            Counting::Events(each) => f64::from(read.events) * each,
            Counting::ByText(all) if text > 0.0 => all * f64::from(read.text) / text,
            // A tool call has no text that could be measured.
            Counting::ByText(all) => all * f64::from(read.events) / events,
            Counting::Unknown(_) => 0.0,
        }))
    }

    /// Tokens between the first read and the last; `None` for a reply in one read, and one without a token after the first.
    #[must_use]
    pub fn between(&self) -> Option<Between> {
        let first = self.reads.first().filter(|_| self.reads.len() > 1)?;
        let between = match (self.counting(), self.tokens_per_read()) {
            (_, Some(tokens)) => {
                let tokens = tokens.skip(1).sum();
                Between { least: tokens, most: tokens }
            }
            (Counting::Unknown(most), _) => Between {
                least: f64::from(self.events() - first.events),
                most: most - f64::from(first.events),
            },
            _ => return None,
        };
        (between.least > 0.5).then_some(between)
    }

    /// Time per output token after the first read, in ns; `None` where the tokens are not known.
    #[must_use]
    pub fn tpot(&self) -> Option<f64> {
        self.tpot_range().filter(|(least, most)| least == most).map(|(_, most)| most)
    }

    /// The same, at least and at most.
    #[must_use]
    pub fn tpot_range(&self) -> Option<(f64, f64)> {
        let Between { least, most } = self.between().filter(|_| self.miss.is_none())?;
        let span = self.last.saturating_sub(self.first) as f64;
        Some((span / most, span / least))
    }

    /// Gaps after the first read, in ns, and the tokens that ended each; `None` where these are not known. A read without a new
    /// token, such as half of a character, only makes the next gap longer.
    #[must_use]
    pub fn token_gaps(&self) -> Option<Vec<(f64, f64)>> {
        let mut gaps = Vec::with_capacity(self.reads.len());
        let mut gap = 0.0;
        for (read, tokens) in self.reads.iter().zip(self.tokens_per_read()?).skip(1) {
            gap += read.gap as f64;
            if tokens > 0.0 {
                gaps.push((std::mem::take(&mut gap), tokens));
            }
        }
        Some(gaps)
    }
}

#[cfg(test)]
mod tests {
    use crate::record::tests::record;

    const MS: f64 = 1e6;

    /// `count` events, the first at 20 ms and the others 10 ms apart for each of `tokens` tokens.
    fn streamed(count: u64, tokens: u64) -> Vec<(u64, u32, Option<u32>)> {
        (0..count).map(|n| (20 + 10 * tokens * n, 1, None)).collect()
    }

    #[test]
    fn reasoning_that_was_not_sent_does_not_divide_the_time_of_what_was() {
        // 100 tokens of reasoning before the first of 28.
        let mut reply = record(&streamed(28, 1), Some(128));
        reply.asked = 512;
        reply.hidden = Some(100);
        assert_eq!(reply.tpot(), Some(10.0 * MS));
        // Not told: between 27 and 127 tokens.
        reply.hidden = None;
        assert_eq!((reply.tpot(), reply.token_gaps()), (None, None));
        let (least, most) = reply.tpot_range().unwrap();
        assert!((least / MS - 270.0 / 127.0).abs() < 1e-9 && most == 10.0 * MS, "{least} {most}");
        assert!(reply.is_unknown());
        // Sent as well: then all of it is seen.
        reply.hidden = Some(0);
        assert!((reply.tpot().unwrap() / MS - 270.0 / (128.0 * 27.0 / 28.0)).abs() < 1e-9);
    }

    #[test]
    fn without_a_count_only_bounds_are_known() {
        // Four tokens in each of 16 events.
        let reply = record(&streamed(16, 4), None);
        assert_eq!(reply.tpot(), None);
        let (least, most) = reply.tpot_range().unwrap();
        assert!((least / MS - 600.0 / 63.0).abs() < 1e-9 && most == 40.0 * MS, "{least} {most}");
        // As many events as tokens were asked for: one in each.
        let reply = record(&streamed(64, 1), None);
        assert_eq!((reply.tpot(), reply.is_unknown()), (Some(10.0 * MS), false));
        // More than were asked for: the server does not keep to the limit, or splits tokens.
        assert_eq!(record(&streamed(65, 1), None).between().unwrap().most, f64::INFINITY);
    }

    #[test]
    fn the_token_that_ends_a_reply_comes_after_the_last_one() {
        let mut reply = record(&streamed(9, 1), Some(10));
        reply.stopped = true;
        assert_eq!(reply.tpot(), Some(10.0 * MS));
    }

    #[test]
    fn tokens_lie_where_the_text_is() {
        // Four in each of 16 events, the first among them, counted at the end.
        assert_eq!(record(&streamed(16, 4), Some(64)).tpot(), Some(10.0 * MS));
        // One first, then four in each.
        let mut reply = record(&streamed(3, 4), Some(9));
        (reply.reads[1].text, reply.reads[2].text) = (16, 16);
        assert_eq!(reply.token_gaps().unwrap(), [(40.0 * MS, 4.0), (40.0 * MS, 4.0)]);
        assert!(reply.is_estimated() && reply.tpot() == Some(10.0 * MS));
        // Without a text, in equal shares.
        reply.reads.iter_mut().for_each(|read| read.text = 0);
        assert_eq!(reply.between().unwrap().least, 6.0);
        // A character of a few tokens among many events is no reason to estimate.
        let reply = record(&streamed(60, 1), Some(62));
        assert!(!reply.is_estimated() && reply.tpot() == Some(10.0 * MS));
    }

    #[test]
    fn time_per_token_is_right_whatever_a_read_holds() {
        // Four events in each read, one token each: 20 is the time of the fourth token.
        let coalesced = record(&[(50, 4, None), (90, 4, None), (130, 4, None)], Some(12));
        assert_eq!(coalesced.tpot(), Some(10.0 * MS));
        // The server counts along: nothing is guessed, and what it hides before the first output is not divided by.
        let mut counted = record(&[(20, 1, Some(104)), (60, 1, Some(4)), (80, 1, Some(2))], Some(111));
        counted.hidden = None;
        assert_eq!(counted.tpot(), Some(10.0 * MS));
        // A read that completes no token belongs to the one after it.
        let halves = record(&[(20, 1, Some(1)), (25, 1, Some(0)), (30, 1, Some(1))], Some(2));
        assert_eq!(halves.token_gaps().unwrap(), [(10.0 * MS, 1.0)]);
        // A single token has no time per token, nor has a reply in one read.
        assert_eq!(record(&[(20, 1, None)], Some(1)).tpot(), None);
        assert_eq!(record(&[(20, 8, None)], Some(8)).tpot(), None);
        let mut failed = record(&streamed(64, 1), Some(64));
        failed.miss = Some(crate::Miss::Reset);
        assert_eq!(failed.tpot(), None);
    }
}
