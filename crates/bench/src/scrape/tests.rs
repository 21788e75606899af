use super::text::label;
use super::*;

const BEFORE: &str = r#"# HELP vllm:num_requests_running Number of requests
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m}1"} 3.0
vllm:num_requests_running{engine="1",model_name="m}1"} 4.0
vllm:num_requests_waiting{engine="0"} 0.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:generation_tokens_total{engine="0"} 1e3
vllm:num_preemptions_total{engine="0"} 1
vllm:time_to_first_token_seconds_bucket{le="0.1",engine="0"} 10
vllm:time_to_first_token_seconds_bucket{le="0.2",engine="0"} 10
vllm:time_to_first_token_seconds_bucket{le="+Inf",engine="0"} 10
vllm:time_to_first_token_seconds_sum{engine="0"} 0.5
vllm:time_to_first_token_seconds_count{engine="0"} 10
broken{ 1
"#;
const AFTER: &str = r#"
vllm:num_requests_running{engine="0"} 0
vllm:num_requests_waiting{engine="0"} 2
vllm:kv_cache_usage_perc{engine="0"} 0.5
vllm:generation_tokens_total{engine="0"} 3000
vllm:num_preemptions_total{engine="0"} 4
vllm:time_to_first_token_seconds_bucket{le="0.1",engine="0"} 60
vllm:time_to_first_token_seconds_bucket{le="0.2",engine="0"} 110
vllm:time_to_first_token_seconds_bucket{le="+Inf",engine="0"} 110
vllm:time_to_first_token_seconds_sum{engine="0"} 10.5
vllm:time_to_first_token_seconds_count{engine="0"} 110
"#;

fn scrapes(texts: &[&str]) -> Scrapes {
    let mut scrapes = Scrapes::default();
    for (index, text) in texts.iter().enumerate() {
        scrapes.take(text, index as u64 * 1_000_000_000, 0, false);
    }
    scrapes
}

#[test]
fn what_happened_in_between_is_the_difference() {
    let scrapes = scrapes(&[BEFORE, AFTER]);
    let summary = scrapes.summary().unwrap();
    assert_eq!((summary.kind.as_str(), summary.seconds), ("vllm", 1.0));
    assert_eq!((summary.running, summary.waiting), (vec![7.0, 0.0], vec![0.0, 2.0]));
    assert_eq!(summary.kv_cache_percent, [25.0, 50.0]);
    assert_eq!((summary.preemptions, summary.generation_tokens), (Some(3.0), Some(2000.0)));
    let ttft = summary.ttft_ms.unwrap();
    assert_eq!((ttft.count, ttft.mean), (100, Some(100.0)));
    assert!((ttft.p50.unwrap() - 100.0).abs() < 1e-9 && (ttft.p90.unwrap() - 180.0).abs() < 1e-9);
    assert_eq!(summary.queue_ms, None);
    assert_eq!(scrapes.tokens_within((0, 2_000_000_000)), Some(((0, 1_000_000_000), 2000.0)));
    assert!(scrapes.raw.contains("scraped 1.000 s") && scrapes.raw.contains("broken{ 1"));
}

#[test]
fn other_servers_have_other_names() {
    let summary =
        scrapes(&["sglang:num_running_reqs{a=\"b\"} 2\nsglang:num_queue_reqs 1\nsglang:token_usage 0.1\n"])
            .summary()
            .unwrap();
    assert_eq!((summary.kind.as_str(), summary.running, summary.waiting), ("sglang", vec![2.0], vec![1.0]));
    let rate = |tokens: u32, rate: f64| {
        format!("sglang:prompt_tokens_total {tokens}\nsglang:cache_hit_rate {rate}\n")
    };
    let summary = scrapes(&[&rate(1000, 0.0), &rate(3000, 0.5)]).summary().unwrap();
    assert_eq!((summary.prefix_cache_queries, summary.prefix_cache_hits), (Some(2000.0), Some(500.0)));
    let hits = |hits: u32| format!("vllm:prefix_cache_queries {}\nvllm:prefix_cache_hits {hits}\n", 2 * hits);
    let summary = scrapes(&[&hits(10), &hits(30)]).summary().unwrap();
    assert_eq!((summary.prefix_cache_queries, summary.prefix_cache_hits), (Some(40.0), Some(20.0)));
    let summary =
        scrapes(&["llamacpp:requests_processing 1\nllamacpp:tokens_predicted_total 5\n"]).summary().unwrap();
    assert_eq!((summary.kind.as_str(), summary.generation_tokens), ("llama.cpp", Some(0.0)));
    assert_eq!(scrapes(&["python_gc_objects_collected_total 3\n"]).summary(), None);
    let tgi = "tgi_queue_size 3\ntgi_batch_current_size 5\ntgi_request_generated_tokens_sum 100\ntgi_request_success 4\n\
               tgi_request_duration_bucket{le=\"1\"} 4\ntgi_request_duration_bucket{le=\"+Inf\"} 4\ntgi_request_duration_sum 2\n\
               tgi_request_duration_count 4\n";
    let summary =
        scrapes(&["tgi_request_generated_tokens_sum 40\ntgi_request_success 1\n", tgi]).summary().unwrap();
    assert_eq!((summary.kind.as_str(), summary.running[0], summary.waiting[0]), ("tgi", 5.0, 3.0));
    assert_eq!((summary.generation_tokens, summary.requests), (Some(60.0), Some(3.0)));
    assert_eq!(summary.e2e_ms.unwrap().mean, Some(500.0));
    let trt = "trtllm_num_requests_running{a=\"b\"} 2\ntrtllm_kv_cache_utilization 0.62\n";
    let summary = scrapes(&[trt]).summary().unwrap();
    assert_eq!((summary.kind.as_str(), summary.kv_cache_percent[0]), ("tensorrt-llm", 62.0));
}

#[test]
fn drafts_and_the_room_of_the_cache_are_told() {
    let text = |drafted: u32, accepted: u32| {
        format!(
            "vllm:cache_config_info{{block_size=\"16\",cache_dtype=\"auto\",num_gpu_blocks=\"1000\"}} 1.0\n\
             vllm:spec_decode_num_draft_tokens_total {drafted}\nvllm:spec_decode_num_accepted_tokens_total {accepted}\n\
             vllm:request_success_total{{finished_reason=\"stop\"}} 3\nvllm:request_success_total{{finished_reason=\"length\"}} {accepted}\n"
        )
    };
    let summary = scrapes(&[&text(100, 50), &text(300, 200)]).summary().unwrap();
    assert_eq!((summary.kv_pool_tokens, summary.accepted_share()), (Some(16_000.0), Some(0.75)));
    assert_eq!(summary.requests, Some(150.0));
    let summary =
        scrapes(&["sglang:spec_accept_rate 0.6\nsglang:max_total_num_tokens 4096\n"]).summary().unwrap();
    assert_eq!((summary.kv_pool_tokens, summary.accepted_share()), (Some(4096.0), Some(0.6)));
    assert_eq!(label("num_gpu_blocks=\"7\",x=\"num_gpu_blocks=\"", "num_gpu_blocks"), Some(7.0));
}
