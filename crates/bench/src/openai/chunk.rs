//! What an event of a stream says.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What one chunk of a stream says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Content, reasoning or a tool call that is not empty: what a user waits for. A chunk with a role alone is none.
    pub(crate) has_output: bool,
    /// Bytes of it: a measure of how many tokens it holds beside others of the same reply.
    pub(crate) text: u32,
    /// Some of it is reasoning: the server does not hide it.
    pub(crate) has_reasoning: bool,
    /// Some of it is not: a user sees it.
    pub(crate) has_visible: bool,
    /// The model gave a reason to stop.
    pub(crate) finished: bool,
    /// And that was not the length: the token that ended the reply was decoded, and is not shown.
    pub(crate) stopped: bool,
    /// Tokens so far, where the chunk carries usage.
    pub(crate) completion_tokens: Option<u32>,
    /// Those of them that are reasoning.
    pub(crate) reasoning_tokens: Option<u32>,
    /// Tokens of the prompt, where the chunk carries usage.
    pub(crate) prompt_tokens: Option<u32>,
    /// Tokens of the prompt that came from a cache.
    pub(crate) cached_tokens: Option<u32>,
    /// The server reports an error inside the stream.
    pub(crate) error: bool,
}

/// Parses the data of an event that is not `[DONE]`. `None` where it is no JSON object.
pub(crate) fn parse_chunk(data: &[u8]) -> Option<Chunk> {
    let raw: RawChunk = serde_json::from_slice(data).ok()?;
    let mut chunk = Chunk { error: raw.error.is_some(), ..Chunk::default() };
    for choice in raw.choices.unwrap_or_default() {
        let delta = choice.delta.unwrap_or_default();
        for part in [choice.text, delta.visible, delta.reasoning] {
            chunk.has_output |= part.filled;
            chunk.text = chunk.text.saturating_add(part.bytes);
        }
        chunk.has_reasoning |= delta.reasoning.filled;
        chunk.has_visible |= choice.text.filled || delta.visible.filled;
        let reason = choice.finish_reason;
        chunk.finished |= !(reason.is_null() || reason == "");
        chunk.stopped |= chunk.finished && reason != "length";
    }
    if let Some(usage) = raw.usage {
        chunk.completion_tokens = usage.completion_tokens;
        chunk.reasoning_tokens = usage.completion_tokens_details.and_then(|details| details.reasoning_tokens);
        chunk.prompt_tokens = usage.prompt_tokens;
        chunk.cached_tokens = usage.prompt_tokens_details.and_then(|details| details.cached_tokens);
    }
    Some(chunk)
}

#[derive(Deserialize)]
struct RawChunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    text: Filled,
    /// A word; a number on some servers.
    #[serde(default)]
    finish_reason: serde_json::Value,
}

/// What is new in a chunk of a chat.
///
/// Servers have invented keys for what a model thinks (`reasoning_content`, `reasoning`, `thinking`), and will go on: a key that
/// nobody knows and that carries text is output, and a server that is measured by its second kind of text looks slow.
#[derive(Default)]
struct Delta {
    visible: Filled,
    reasoning: Filled,
}

/// Keys of a delta that carry no output, and those whose lists and objects are output as well as texts.
const NO_OUTPUT: [&str; 13] = [
    "role",
    "id",
    "index",
    "type",
    "object",
    "name",
    "model",
    "channel",
    "recipient",
    "tool_call_id",
    "signature",
    "finish_reason",
    "stop_reason",
];

const STRUCTURED: [&str; 5] = ["content", "tool_calls", "function_call", "audio", "reasoning_details"];

enum Key {
    None,
    Visible { structured: bool },
    Reasoning { structured: bool },
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl Visitor<'_> for Look {
            type Value = Key;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                let structured = STRUCTURED.contains(&key);
                Ok(if NO_OUTPUT.contains(&key) {
                    Key::None
                } else if key.contains("reason") || key.contains("think") {
                    Key::Reasoning { structured }
                } else {
                    Key::Visible { structured }
                })
            }
        }
        deserializer.deserialize_identifier(Look)
    }
}

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Delta;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Delta, A::Error> {
                let mut delta = Delta::default();
                while let Some(key) = map.next_key::<Key>()? {
                    let (structured, part) = match key {
                        Key::None => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                        Key::Visible { structured } => (structured, &mut delta.visible),
                        Key::Reasoning { structured } => (structured, &mut delta.reasoning),
                    };
                    let value = map.next_value::<Filled>()?;
                    if value.is_text || structured {
                        part.add(value);
                    }
                }
                Ok(delta)
            }
        }
        deserializer.deserialize_map(Look)
    }
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    completion_tokens: Option<u32>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    #[serde(default)]
    prompt_tokens: Option<u32>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u32>,
}

/// Whether a text or list holds something, and how much text; the content itself is of no interest and is not copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Filled {
    filled: bool,
    is_text: bool,
    /// Of texts, those inside of lists and objects among them.
    bytes: u32,
}

impl Filled {
    const NUMBER: Self = Self { filled: true, is_text: false, bytes: 0 };

    fn add(&mut self, other: Self) {
        self.filled |= other.filled;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Filled;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
                let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
                Ok(Filled { filled: bytes > 0, is_text: true, bytes })
            }
            fn visit_unit<E>(self) -> Result<Filled, E> {
                Ok(Filled::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Filled, E> {
                Ok(Filled::NUMBER)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Filled, E> {
                Ok(Filled::NUMBER)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Filled, E> {
                Ok(Filled::NUMBER)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Filled, E> {
                Ok(Filled::NUMBER)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Filled, A::Error> {
                let mut filled = Filled::default();
                while let Some(element) = list.next_element::<Filled>()? {
                    filled.add(Filled { filled: true, ..element });
                }
                Ok(filled)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Filled, A::Error> {
                let mut filled = Filled::default();
                while let Some((_, value)) = map.next_entry::<IgnoredAny, Filled>()? {
                    filled.add(Filled { filled: true, ..value });
                }
                Ok(filled)
            }
        }
        deserializer.deserialize_any(Look)
    }
}
