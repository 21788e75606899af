use super::chunk::Chunk;
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
        (r#"{"choices":[{"delta":{"role":"assistant","id":"7","type":"message","signature":"s"}}]}"#, false),
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
