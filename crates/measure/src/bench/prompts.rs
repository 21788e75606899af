//! What is asked.

use serde::{Deserialize, Serialize};

use super::arrivals::TraceEntry;
use super::nonce::Nonce;
use crate::stats::Random;

/// Where prompts come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum Prompts {
    /// Words drawn from the nonce of the run, about one token each; every prompt differs, so that a prefix cache has nothing
    /// to offer beyond the shared part.
    Synthetic {
        /// Tokens wanted.
        tokens: u32,
        /// Share (0 to 1) of the prompt that is the same in all.
        shared: f64,
    },
    /// Prompts of a file, in turn.
    File {
        /// Number of prompts.
        count: usize,
        /// The prompts.
        #[serde(skip)]
        texts: Vec<String>,
    },
}

/// Short English words, which common vocabularies hold as one token each when a space comes before.
pub(crate) const WORDS: [&str; 64] = [
    "the", "of", "and", "to", "in", "is", "it", "you", "that", "he", "was", "for", "on", "are", "with", "as",
    "his", "they", "be", "at", "one", "have", "this", "from", "or", "had", "by", "hot", "word", "but",
    "what", "some", "we", "can", "out", "other", "were", "all", "there", "when", "up", "use", "your", "how",
    "said", "an", "each", "she", "which", "do", "their", "time", "if", "will", "way", "about", "many",
    "then", "them", "write", "would", "like", "so", "these",
];

/// Makes the prompts of a run, each a function of the nonce and its number.
#[derive(Clone, Debug)]
pub(crate) struct PromptMaker {
    prompts: Prompts,
    nonce: Nonce,
    shared: String,
    /// Tokens per word, and those that the server adds to every prompt, by its own count.
    tokens_per_word: f64,
    added_tokens: f64,
}

impl PromptMaker {
    pub(crate) fn new(prompts: Prompts, nonce: Nonce) -> Self {
        let mut maker =
            Self { prompts, nonce, shared: String::new(), tokens_per_word: 1.0, added_tokens: 0.0 };
        maker.make_shared();
        maker
    }

    fn make_shared(&mut self) {
        self.shared.clear();
        if let Prompts::Synthetic { tokens, shared } = self.prompts {
            let words = (f64::from(tokens) * shared / self.tokens_per_word).round() as usize;
            append_words(&mut self.shared, &mut Random::stream(self.nonce.seed(), 2), words);
        }
    }

    /// Tokens that all prompts begin with by plan: the shared part, and what the server adds to each.
    pub(crate) fn common_tokens(&self) -> f64 {
        word_count(&self.shared) as f64 * self.tokens_per_word + self.added_tokens
    }

    fn words(&self, tokens: f64) -> usize {
        ((tokens - self.added_tokens) / self.tokens_per_word).round().max(1.0) as usize
    }

    /// Learns how many tokens the server makes of our words from its count of a long prompt and of one word: a chat template
    /// adds the same to every prompt, for which the words must make room.
    pub(crate) fn correct(&mut self, words: usize, counted: u32, counted_of_one: u32) {
        let per_word = (f64::from(counted) - f64::from(counted_of_one)) / (words as f64 - 1.0);
        // Outside of this, the server counts something else.
        if words > 1 && (0.5..10.0).contains(&per_word) {
            self.tokens_per_word = per_word;
            self.added_tokens = (f64::from(counted_of_one) - per_word).max(0.0);
            self.make_shared();
        }
    }

    /// Learns what the server adds to every prompt where the prompts are not made here.
    pub(crate) fn learn_added(&mut self, counted_of_one: u32) {
        self.added_tokens = f64::from(counted_of_one.saturating_sub(1));
    }

    /// A prompt of one word.
    pub(crate) fn one_word() -> &'static str {
        WORDS[0]
    }

    /// Number of words of a prompt of the wanted length.
    pub(crate) fn wanted_words(&self) -> Option<usize> {
        match self.prompts {
            Prompts::Synthetic { tokens, .. } => Some(self.words(f64::from(tokens))),
            Prompts::File { .. } => None,
        }
    }

    /// Tokens that a prompt is to have; `None` for those of a file.
    pub(crate) fn wanted_tokens(&self, trace: Option<&TraceEntry>) -> Option<u32> {
        match self.prompts {
            Prompts::Synthetic { tokens, .. } => {
                Some(trace.and_then(|entry| entry.prompt_tokens).unwrap_or(tokens))
            }
            Prompts::File { .. } => None,
        }
    }

    /// The prompt of request `index`.
    pub(crate) fn make(&self, index: u64, trace: Option<&TraceEntry>) -> String {
        match &self.prompts {
            Prompts::File { texts, .. } => {
                let index = usize::try_from(index).unwrap_or(0) % texts.len().max(1);
                texts.get(index).cloned().unwrap_or_default()
            }
            Prompts::Synthetic { .. } => {
                let words = self.words(f64::from(self.wanted_tokens(trace).unwrap_or(1)));
                let shared = word_count(&self.shared).min(words);
                let mut text = String::with_capacity(words * 6);
                text.push_str(&self.shared);
                append_words(
                    &mut text,
                    &mut Random::stream(self.nonce.seed(), index.wrapping_add(1000)),
                    words - shared,
                );
                text
            }
        }
    }
}

fn word_count(text: &str) -> usize {
    text.split(' ').filter(|word| !word.is_empty()).count()
}

fn append_words(text: &mut String, random: &mut Random, words: usize) {
    for _ in 0..words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(WORDS[random.below(WORDS.len())]);
    }
}

/// Reads a file of prompts: JSON strings, or objects with `prompt`, one per line (JSONL); else one prompt per line.
///
/// # Errors
/// Says why the text holds no prompts.
pub fn parse_prompts(text: &str) -> Result<Prompts, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Line {
        Text(String),
        Object { prompt: String },
    }
    let mut texts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with(['{', '"']) {
            match serde_json::from_str(line) {
                Ok(Line::Text(prompt) | Line::Object { prompt }) => texts.push(prompt),
                Err(_) => {
                    return Err(format!("line {number} is neither a JSON text nor an object with `prompt`"));
                }
            }
        } else if !line.is_empty() {
            texts.push(line.to_owned());
        }
    }
    if texts.is_empty() {
        return Err("it holds no prompt".to_owned());
    }
    Ok(Prompts::File { count: texts.len(), texts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(text: &str) -> Nonce {
        text.parse().unwrap()
    }

    fn words(text: &str) -> Vec<&str> {
        text.split(' ').collect()
    }

    #[test]
    fn prompts_have_their_length_and_differ_after_the_shared_part() {
        let maker = PromptMaker::new(Prompts::Synthetic { tokens: 100, shared: 0.5 }, nonce("1"));
        let (a, b) = (maker.make(0, None), maker.make(1, None));
        assert_eq!((words(&a).len(), words(&b).len()), (100, 100));
        assert_eq!(words(&a)[..50], words(&b)[..50]);
        assert_ne!(words(&a)[50..], words(&b)[50..]);
        assert_eq!(a, maker.make(0, None));
        // Nothing of another run's prompts begins alike, the shared part included.
        let other = PromptMaker::new(Prompts::Synthetic { tokens: 100, shared: 0.5 }, nonce("2"));
        let first: Vec<String> = (0..50).map(|index| other.make(index, None)).collect();
        assert!(first.iter().all(|prompt| words(prompt)[..8] != words(&a)[..8]));
        assert_eq!(maker.common_tokens(), 50.0);
    }

    #[test]
    fn lengths_follow_the_server_s_count_and_the_trace() {
        let mut maker = PromptMaker::new(Prompts::Synthetic { tokens: 90, shared: 0.0 }, nonce("1"));
        // 21 tokens of a template, and one and a half for each word.
        maker.correct(91, 21 + 136, 22);
        assert_eq!(words(&maker.make(0, None)).len(), 46);
        let entry = TraceEntry { at: 0.0, prompt_tokens: Some(36), output_tokens: None };
        assert_eq!(words(&maker.make(0, Some(&entry))).len(), 10);
        // Less than what the template adds is not to be had.
        let entry = TraceEntry { at: 0.0, prompt_tokens: Some(3), output_tokens: None };
        assert_eq!(words(&maker.make(0, Some(&entry))).len(), 1);
        maker.correct(90, 5, 5);
        assert_eq!(words(&maker.make(0, None)).len(), 46);
        // The template stays in a server's cache.
        assert_eq!(maker.common_tokens(), 20.5);
    }

    #[test]
    fn files_of_prompts() {
        let prompts =
            parse_prompts("one\n\n\"two \\n lines\"\n{\"prompt\": \"three\", \"id\": 3}\n").unwrap();
        let maker = PromptMaker::new(prompts, nonce("1"));
        assert_eq!([0, 1, 2, 3].map(|i| maker.make(i, None)), ["one", "two \n lines", "three", "one"]);
        assert!(parse_prompts("\n").is_err());
        assert!(parse_prompts("{\"text\": 1}\n").unwrap_err().contains("line 1"));
    }
}
