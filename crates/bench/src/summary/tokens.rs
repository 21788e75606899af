//! Tokens of a run, and what they were counted by.

use plumb_evidence::model::{BenchTokens, ServerMetrics};

use crate::plan::Plan;
use crate::prompts::{Prompts, WORDS};
use crate::recorder::Recorder;

/// Share of prompt tokens that came from the prefix cache: by the replies, of which some servers leave out those with none, or
/// by the server's own counters.
pub(super) fn cached_share(recorder: &Recorder, server: Option<&ServerMetrics>) -> Option<f64> {
    if !recorder.tells_cached {
        return server?.cached_share();
    }
    let of = recorder.prompt_tokens as f64;
    (of > 0.0).then(|| (recorder.cached_tokens as f64 / of).min(1.0))
}

/// Tokens that one of so many random prompts has in common with another one by chance. Some caches keep single tokens.
pub(super) fn agreement(prompts: u64) -> f64 {
    (prompts.max(1) as f64).log(WORDS.len() as f64)
}

pub(super) fn tokens(
    recorder: &Recorder,
    server: Option<&ServerMetrics>,
    plan: &Plan,
    common_tokens: f64,
) -> BenchTokens {
    let per_prompt = match plan.prompts {
        _ if recorder.prompt_tokens > 0 => recorder.prompt_tokens as f64 / recorder.ok.max(1) as f64,
        Prompts::Synthetic { tokens, .. } => f64::from(tokens),
        Prompts::File { .. } => f64::INFINITY,
    };
    let [running, end, none] = recorder.counted;
    let counted_by = if none > 0 || running + end == 0 {
        BenchTokens::BY_EVENTS
    } else if end > 0 {
        "server, at the end"
    } else {
        "server, with every chunk"
    };
    BenchTokens {
        output: recorder.tokens,
        prompt: recorder.prompt_tokens,
        cached: recorder.cached_tokens,
        events: recorder.events,
        counted_by: counted_by.to_owned(),
        itl_estimated: recorder.estimated > 0,
        unknown_replies: recorder.unknown,
        hidden: recorder.hidden,
        never_visible: recorder.never_visible,
        asked_output: recorder.asked_tokens,
        asked_prompt: recorder.asked_prompt,
        coalesced_share: recorder.coalesced_reads as f64 / recorder.reads.max(1) as f64,
        single_read_share: recorder.single_reads as f64 / recorder.several_tokens.max(1) as f64,
        cached_share: cached_share(recorder, server),
        common_share: ((common_tokens + agreement(recorder.measured)) / per_prompt.max(1.0)).min(1.0),
    }
}
