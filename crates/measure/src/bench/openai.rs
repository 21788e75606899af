//! The OpenAI API as servers speak it: bodies of requests and chunks of replies.

use schemars::JsonSchema;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Which of the two interfaces is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// `/v1/completions`: the prompt goes to the model as it is.
    Completions,
    /// `/v1/chat/completions`: the server puts the prompt into the model's chat template.
    Chat,
}

impl Api {
    /// Path below the base of the server.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Completions => "/v1/completions",
            Self::Chat => "/v1/chat/completions",
        }
    }
}

/// How much the server is asked to tell about token counts: not every server takes every option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageDetail {
    /// Nothing: tokens are counted as events.
    None,
    /// Once at the end (`include_usage`).
    Final,
    /// With every chunk (`continuous_usage_stats`, vLLM and SGLang).
    Continuous,
}

/// How the length of a reply is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// `max_tokens`, which every server of this interface knows but those for models that reason.
    MaxTokens,
    /// `max_completion_tokens`, which has taken its place for chats.
    MaxCompletionTokens,
}

/// What all requests of a run have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestForm {
    /// Interface.
    pub api: Api,
    /// Name of the model, as the server lists it.
    pub model: String,
    /// How the length of a reply is limited.
    pub limit: TokenLimit,
    /// Token counts to ask for.
    pub usage: UsageDetail,
    /// Go on after the end-of-sequence token, so that all replies have the wanted length (vLLM, SGLang, llama.cpp).
    pub ignore_eos: bool,
    /// Sampling temperature; `None` for what the server takes.
    pub temperature: Option<f64>,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<Message<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_eos: Option<bool>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuous_usage_stats: Option<bool>,
}

impl RequestForm {
    /// The body of a streaming request for `max_tokens` tokens after `prompt`.
    #[must_use]
    pub fn body(&self, prompt: &str, max_tokens: u32) -> Vec<u8> {
        self.body_of_turns(&[prompt], max_tokens)
    }

    /// The same after a conversation: what the user said and was answered, in turn, the user first and last.
    #[must_use]
    pub fn body_of_turns(&self, turns: &[&str], max_tokens: u32) -> Vec<u8> {
        let joined;
        let (prompt, messages) = match (self.api, turns) {
            (Api::Completions, [one]) => (Some(*one), None),
            (Api::Completions, turns) => {
                joined = turns.join(" ");
                (Some(joined.as_str()), None)
            }
            (Api::Chat, turns) => {
                let roles = ["user", "assistant"].into_iter().cycle();
                let messages = turns.iter().zip(roles).map(|(content, role)| Message { role, content });
                (None, Some(messages.collect()))
            }
        };
        let stream_options = match self.usage {
            UsageDetail::None => None,
            UsageDetail::Final => Some(StreamOptions { include_usage: true, continuous_usage_stats: None }),
            UsageDetail::Continuous => {
                Some(StreamOptions { include_usage: true, continuous_usage_stats: Some(true) })
            }
        };
        let body = Body {
            model: &self.model,
            prompt,
            messages,
            max_tokens: (self.limit == TokenLimit::MaxTokens).then_some(max_tokens),
            max_completion_tokens: (self.limit == TokenLimit::MaxCompletionTokens).then_some(max_tokens),
            temperature: self.temperature,
            ignore_eos: self.ignore_eos.then_some(true),
            stream: true,
            stream_options,
        };
        // Strings and numbers always have a JSON form.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Chunk {
        parse_chunk(text.as_bytes()).unwrap()
    }

    #[test]
    fn output_is_what_a_user_sees() {
        for (text, output) in [
            (r#"{"choices":[{"text":" a"}]}"#, true),
            (r#"{"choices":[{"text":""}]}"#, false),
            (r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#, false),
            (r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, false),
            (r#"{"choices":[{"delta":{"content":"a \"b\" \\u00e9"}}]}"#, true),
            (r#"{ "choices" : [ { "delta" : { "content" : "spaced" } } ] }"#, true),
            (r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, true),
            (r#"{"choices":[{"delta":{"reasoning":"hm"}}]}"#, true),
            (r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, true),
            (r#"{"choices":[{"delta":{"tool_calls":[]}}]}"#, false),
            (r#"{"choices":[{"delta":{"function_call":{"arguments":"{"}}}]}"#, true),
            (r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}"#, true),
            // Keys of servers to come: text is output, what is about the reply is none.
            (r#"{"choices":[{"delta":{"role":"assistant","content":"","thinking":"hm"}}]}"#, true),
            (r#"{"choices":[{"delta":{"musing":"hm"}}]}"#, true),
            (r#"{"choices":[{"delta":{"musing":"","annotations":[1],"safe":true,"x":{"y":-1.5}}}]}"#, false),
            (
                r#"{"choices":[{"delta":{"role":"assistant","id":"7","type":"message","signature":"s"}}]}"#,
                false,
            ),
            (r#"{"choices":[]}"#, false),
        ] {
            assert_eq!(chunk(text).has_output, output, "{text}");
        }
    }

    #[test]
    fn reasoning_and_the_length_of_texts_are_seen() {
        let both = chunk(r#"{"choices":[{"delta":{"content":"ab","thinking":"cde"}}]}"#);
        assert_eq!((both.text, both.has_reasoning), (5, true));
        let details = chunk(r#"{"choices":[{"delta":{"reasoning_details":[{"text":"ab","n":1}]}}]}"#);
        assert_eq!((details.text, details.has_output, details.has_reasoning), (2, true, true));
        assert!(!chunk(r#"{"choices":[{"delta":{"content":"ab","reasoning":null}}]}"#).has_reasoning);
        let usage = r#"{"usage":{"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":4}}}"#;
        assert_eq!(chunk(usage).reasoning_tokens, Some(4));
    }

    #[test]
    fn a_reply_that_the_model_ended_is_told_from_one_that_was_cut() {
        for (reason, finished, stopped) in [
            ("null", false, false),
            ("\"\"", false, false),
            ("\"length\"", true, false),
            ("\"stop\"", true, true),
            ("\"tool_calls\"", true, true),
            ("1", true, true),
        ] {
            let chunk = chunk(&format!(r#"{{"choices":[{{"text":"","finish_reason":{reason}}}]}}"#));
            assert_eq!((chunk.finished, chunk.stopped), (finished, stopped), "{reason}");
        }
    }

    #[test]
    fn usage_errors_and_ends_are_seen() {
        let last = chunk(
            r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":64,"prompt_tokens_details":{"cached_tokens":4}}}"#,
        );
        assert_eq!(
            (last.prompt_tokens, last.completion_tokens, last.cached_tokens),
            (Some(7), Some(64), Some(4))
        );
        assert!(chunk(r#"{"choices":[{"text":"","finish_reason":"length"}],"usage":null}"#).finished);
        assert!(!chunk(r#"{"choices":[{"text":"","finish_reason":null}]}"#).finished);
        assert!(chunk(r#"{"error":{"message":"out of memory"}}"#).error);
        assert_eq!(parse_chunk(b"{\"choices\":[{"), None);
        assert_eq!(parse_chunk(b"17"), None);
    }

    #[test]
    fn bodies_say_what_was_asked_for() {
        let mut form = RequestForm {
            api: Api::Chat,
            model: "m".into(),
            limit: TokenLimit::MaxTokens,
            usage: UsageDetail::Continuous,
            ignore_eos: true,
            temperature: Some(0.0),
        };
        let body: serde_json::Value = serde_json::from_slice(&form.body("hello", 8)).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "model": "m", "messages": [{ "role": "user", "content": "hello" }], "max_tokens": 8, "temperature": 0.0,
                "ignore_eos": true, "stream": true,
                "stream_options": { "include_usage": true, "continuous_usage_stats": true },
            })
        );
        (form.limit, form.temperature) = (TokenLimit::MaxCompletionTokens, None);
        let body: serde_json::Value = serde_json::from_slice(&form.body("hello", 8)).unwrap();
        assert_eq!(
            (&body["max_completion_tokens"], body.get("max_tokens"), body.get("temperature")),
            (&8.into(), None, None)
        );
        (form.limit, form.temperature) = (TokenLimit::MaxTokens, Some(0.0));
        form.api = Api::Completions;
        form.usage = UsageDetail::None;
        form.ignore_eos = false;
        let body: serde_json::Value = serde_json::from_slice(&form.body("hello", 8)).unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "model": "m", "prompt": "hello", "max_tokens": 8, "temperature": 0.0, "stream": true })
        );
    }
}
