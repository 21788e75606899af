//! The OpenAI API as servers speak it: bodies of requests and chunks of replies.

use schemars::JsonSchema;
use serde::de::{IgnoredAny, Visitor};
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

/// What all requests of a run have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestForm {
    /// Interface.
    pub api: Api,
    /// Name of the model, as the server lists it.
    pub model: String,
    /// Token counts to ask for.
    pub usage: UsageDetail,
    /// Go on after the end-of-sequence token, so that all replies have the wanted length (vLLM, SGLang, llama.cpp).
    pub ignore_eos: bool,
    /// Sampling temperature.
    pub temperature: f64,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<[Message<'a>; 1]>,
    max_tokens: u32,
    temperature: f64,
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
        let (prompt, messages) = match self.api {
            Api::Completions => (Some(prompt), None),
            Api::Chat => (None, Some([Message { role: "user", content: prompt }])),
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
            max_tokens,
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
    /// The model gave a reason to stop.
    pub(crate) finished: bool,
    /// Tokens so far, where the chunk carries usage.
    pub(crate) completion_tokens: Option<u32>,
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
        chunk.has_output |=
            [choice.text, delta.content, delta.reasoning_content, delta.reasoning, delta.tool_calls]
                .iter()
                .any(|part| part.0);
        chunk.finished |= choice.finish_reason.0;
    }
    if let Some(usage) = raw.usage {
        chunk.completion_tokens = usage.completion_tokens;
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
    #[serde(default)]
    finish_reason: Filled,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Filled,
    #[serde(default)]
    reasoning_content: Filled,
    #[serde(default)]
    reasoning: Filled,
    #[serde(default)]
    tool_calls: Filled,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    completion_tokens: Option<u32>,
    #[serde(default)]
    prompt_tokens: Option<u32>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u32>,
}

/// True for a text or list that holds something; the content itself is of no interest and is not copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Filled(bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Filled;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, a list, an object or null")
            }
            fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
                Ok(Filled(!text.is_empty()))
            }
            fn visit_unit<E>(self) -> Result<Filled, E> {
                Ok(Filled(false))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Filled, E> {
                // Some servers give the reason to stop as a number.
                Ok(Filled(true))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Filled, A::Error> {
                let mut filled = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    filled = true;
                }
                Ok(Filled(filled))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Filled, A::Error> {
                let mut filled = false;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    filled = true;
                }
                Ok(Filled(filled))
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
            (r#"{"choices":[]}"#, false),
        ] {
            assert_eq!(chunk(text).has_output, output, "{text}");
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
            usage: UsageDetail::Continuous,
            ignore_eos: true,
            temperature: 0.0,
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
