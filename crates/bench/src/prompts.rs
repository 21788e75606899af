//! What is asked.

use serde::{Deserialize, Serialize};

use super::arrivals::{BLOCK, TraceEntry};
use super::nonce::Nonce;
use plumb_stats::Random;

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
                if let Some(blocks) = trace.map(|entry| &entry.blocks).filter(|blocks| !blocks.is_empty()) {
                    return self.of_blocks(blocks, words, index);
                }
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

impl PromptMaker {
    /// A prompt of blocks, each a function of its name; what is left over is the request's own.
    fn of_blocks(&self, blocks: &[u64], words: usize, index: u64) -> String {
        let of_block = (f64::from(BLOCK) / self.tokens_per_word).round() as usize;
        let mut text = String::with_capacity(words * 6);
        let mut left = words;
        for block in blocks {
            let mut random = Random::stream(self.nonce.seed() ^ BLOCKS, *block);
            let own = of_block.min(left);
            append_words(&mut text, &mut random, own);
            left -= own;
        }
        append_words(&mut text, &mut Random::stream(self.nonce.seed(), index.wrapping_add(1000)), left);
        text
    }

    /// What a user has said and been answered, up to the turn `turn` of a conversation, with the user's words last. The answers are
    /// made up, of as many tokens as are asked for, so that what a turn holds is known before.
    pub(crate) fn turns(&self, conversation: u64, turn: u32, output_tokens: u32) -> Vec<String> {
        let said = match &self.prompts {
            Prompts::Synthetic { tokens, .. } => self.words(f64::from(*tokens)),
            Prompts::File { .. } => 0,
        };
        let answered = (f64::from(output_tokens) / self.tokens_per_word).round().max(1.0) as usize;
        (0..2 * turn + 1)
            .map(|part| {
                let own = conversation.wrapping_mul(1 << 20).wrapping_add(u64::from(part));
                let mut random = Random::stream(self.nonce.seed() ^ TURNS, own);
                let (mut text, words) = match part {
                    // The first words of a conversation hold what is common to all.
                    0 => (self.shared.clone(), said.saturating_sub(word_count(&self.shared))),
                    part if part % 2 == 0 => (String::new(), said),
                    _ => (String::new(), answered),
                };
                append_words(&mut text, &mut random, words);
                text
            })
            .collect()
    }

    /// Tokens of a prompt that the turns before it hold already, on average over a conversation of so many turns.
    pub(crate) fn common_of_turns(&self, turns: u32, output_tokens: u32) -> f64 {
        let said = match self.prompts {
            Prompts::Synthetic { tokens, .. } => f64::from(tokens),
            Prompts::File { .. } => 0.0,
        };
        let each = said + f64::from(output_tokens);
        let later = f64::from(turns.saturating_sub(1)) / 2.0 * each;
        // The first turn has what all conversations begin with.
        later + self.common_tokens()
    }
}

/// Keep the words of blocks and of conversations apart from those of prompts.
const BLOCKS: u64 = 0x9e37_79b9_7f4a_7c15;
const TURNS: u64 = 0xc2b2_ae3d_27d4_eb4f;

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
        let entry = TraceEntry { prompt_tokens: Some(36), ..TraceEntry::default() };
        assert_eq!(words(&maker.make(0, Some(&entry))).len(), 10);
        // Less than what the template adds is not to be had.
        let entry = TraceEntry { prompt_tokens: Some(3), ..TraceEntry::default() };
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

    #[test]
    fn a_conversation_grows_and_blocks_of_one_name_are_one_text() {
        let maker = PromptMaker::new(Prompts::Synthetic { tokens: 10, shared: 0.0 }, Nonce::fresh());
        let (first, third) = (maker.turns(4, 0, 5), maker.turns(4, 2, 5));
        assert_eq!((first.len(), third.len()), (1, 5));
        assert_eq!(third[0], first[0], "what was said is said again");
        assert_eq!(third.iter().map(|text| word_count(text)).collect::<Vec<_>>(), [10, 5, 10, 5, 10]);
        assert_ne!(maker.turns(5, 0, 5), first);
        assert_eq!(maker.common_of_turns(3, 5), 15.0);
        let of = |blocks: &[u64], index| {
            let entry =
                TraceEntry { prompt_tokens: Some(1200), blocks: blocks.into(), ..TraceEntry::default() };
            maker.make(index, Some(&entry))
        };
        let (a, b) = (of(&[46, 47], 1), of(&[46, 48], 2));
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (a, b) = (words(&a), words(&b));
        assert_eq!((a.len(), b.len()), (1200, 1200));
        assert_eq!(a[..512], b[..512]);
        assert_ne!(a[512..], b[512..]);
    }
}
