//! The OpenAI API as servers speak it: bodies of requests and chunks of replies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod chunk;
#[cfg(test)]
mod tests;

pub(crate) use chunk::parse_chunk;

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
