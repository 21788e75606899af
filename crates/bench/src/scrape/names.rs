//! How servers name what they measure.

/// A metric in the names of the servers that have it. Several names of one server are tried in turn: they changed.
pub(super) struct Name {
    pub(super) ours: Ours,
    pub(super) theirs: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ours {
    Running,
    Waiting,
    KvCache,
    Preemptions,
    PromptTokens,
    GenerationTokens,
    CacheQueries,
    CacheHits,
    CacheRate,
    Ttft,
    Itl,
    Tpot,
    E2e,
    Queue,
    Requests,
    Drafted,
    Accepted,
    AcceptRate,
    KvPool,
}

/// The table of `docs/src/reference/metrics.md`.
pub(super) const NAMES: &[Name] = &[
    Name {
        ours: Ours::Running,
        theirs: &[
            "vllm:num_requests_running",
            "sglang:num_running_reqs",
            "llamacpp:requests_processing",
            "tgi_batch_current_size",
            "trtllm_num_requests_running",
        ],
    },
    Name {
        ours: Ours::Waiting,
        theirs: &[
            "vllm:num_requests_waiting",
            "sglang:num_queue_reqs",
            "llamacpp:requests_deferred",
            "tgi_queue_size",
            "trtllm_num_requests_waiting",
        ],
    },
    Name {
        ours: Ours::KvCache,
        theirs: &[
            "vllm:kv_cache_usage_perc",
            "vllm:gpu_cache_usage_perc",
            "sglang:token_usage",
            "llamacpp:kv_cache_usage_ratio",
            "trtllm_kv_cache_utilization",
        ],
    },
    Name {
        ours: Ours::Preemptions,
        theirs: &[
            "vllm:num_preemptions_total",
            "vllm:num_preemptions",
            "sglang:num_retracted_requests_total",
            "sglang:num_retracted_reqs_total",
        ],
    },
    Name {
        ours: Ours::PromptTokens,
        theirs: &[
            "vllm:prompt_tokens_total",
            "sglang:prompt_tokens_total",
            "llamacpp:prompt_tokens_total",
            "tgi_request_input_length_sum",
        ],
    },
    Name {
        ours: Ours::GenerationTokens,
        theirs: &[
            "vllm:generation_tokens_total",
            "sglang:generation_tokens_total",
            "llamacpp:tokens_predicted_total",
            "tgi_request_generated_tokens_sum",
        ],
    },
    Name {
        ours: Ours::CacheQueries,
        theirs: &[
            "vllm:prefix_cache_queries_total",
            "vllm:prefix_cache_queries",
            "vllm:gpu_prefix_cache_queries_total",
            // It looks up all of them.
            "sglang:prompt_tokens_total",
        ],
    },
    Name {
        ours: Ours::CacheHits,
        theirs: &[
            "vllm:prefix_cache_hits_total",
            "vllm:prefix_cache_hits",
            "vllm:gpu_prefix_cache_hits_total",
            "sglang:cached_tokens_total",
        ],
    },
    // Before it counted tokens, SGLang told the share of the latest prefill.
    Name { ours: Ours::CacheRate, theirs: &["sglang:cache_hit_rate"] },
    Name {
        ours: Ours::Ttft,
        theirs: &[
            "vllm:time_to_first_token_seconds",
            "sglang:time_to_first_token_seconds",
            "trtllm_time_to_first_token_seconds",
        ],
    },
    Name {
        ours: Ours::Itl,
        theirs: &[
            "vllm:inter_token_latency_seconds",
            "vllm:time_per_output_token_seconds",
            "sglang:inter_token_latency_seconds",
            "sglang:time_per_output_token_seconds",
        ],
    },
    // Means of whole requests, which an objective on them is about.
    Name { ours: Ours::Tpot, theirs: &["vllm:request_time_per_output_token_seconds"] },
    Name {
        ours: Ours::E2e,
        theirs: &[
            "vllm:e2e_request_latency_seconds",
            "sglang:e2e_request_latency_seconds",
            "trtllm_e2e_request_latency_seconds",
            "tgi_request_duration",
        ],
    },
    Name {
        ours: Ours::Queue,
        theirs: &[
            "vllm:request_queue_time_seconds",
            "sglang:queue_time_seconds",
            "trtllm_request_queue_time_seconds",
            "tgi_request_queue_duration",
        ],
    },
    Name {
        ours: Ours::Requests,
        theirs: &[
            "vllm:request_success_total",
            "vllm:request_success",
            "sglang:num_requests_total",
            "trtllm_request_success_total",
            "tgi_request_success",
        ],
    },
    Name {
        ours: Ours::Drafted,
        theirs: &["vllm:spec_decode_num_draft_tokens_total", "vllm:spec_decode_num_draft_tokens"],
    },
    Name {
        ours: Ours::Accepted,
        theirs: &["vllm:spec_decode_num_accepted_tokens_total", "vllm:spec_decode_num_accepted_tokens"],
    },
    Name { ours: Ours::AcceptRate, theirs: &["sglang:spec_accept_rate"] },
    // vLLM tells it in labels, see `pool`.
    Name { ours: Ours::KvPool, theirs: &["sglang:max_total_num_tokens"] },
];

pub(super) fn kind(name: &str) -> Option<&'static str> {
    [
        ("vllm:", "vllm"),
        ("sglang:", "sglang"),
        ("llamacpp:", "llama.cpp"),
        ("tgi_", "tgi"),
        ("trtllm_", "tensorrt-llm"),
    ]
    .into_iter()
    .find_map(|(prefix, kind)| name.starts_with(prefix).then_some(kind))
}

pub(super) fn names(ours: Ours) -> &'static [&'static str] {
    NAMES.iter().find(|name| name.ours == ours).map_or(&[], |name| name.theirs)
}
