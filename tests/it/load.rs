//! `plumb bench` against a server whose every delay and fault is known.

use std::collections::BTreeMap;
use std::process::Stdio;

use plumb_bench::reference::Behaviour;
use plumb_tests::server::{Fault, Tells, caching, picky, start};
use plumb_tests::{plumb, run, skip};
use serde_json::Value;

const MS: u64 = 1_000_000;

fn quick() -> Behaviour {
    Behaviour { ttft: 5 * MS, itl: MS, ..Behaviour::default() }
}

fn json(run: &plumb_tests::Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// What a server does, in words, how, and what that is counted as; `None` for a whole reply.
const BEHAVIOURS: [(&str, Fault, Option<&str>); 19] = [
    ("status 429", Fault::Status(429), Some("http_429")),
    ("status 400", Fault::Status(400), Some("http_4xx")),
    ("status 503", Fault::Status(503), Some("http_5xx")),
    ("status 302 (a redirection)", Fault::Status(302), Some("http_other")),
    ("the connection is reset after three tokens", Fault::ResetAfter(3), Some("reset")),
    ("the connection is closed after three tokens", Fault::CloseAfter(3), Some("truncated")),
    ("the connection is closed after the headers", Fault::CloseAfter(0), Some("truncated")),
    ("the body ends after three tokens, without `[DONE]` or a reason", Fault::EndAfter(3), Some("truncated")),
    ("an event after two tokens is not JSON", Fault::MalformedAfter(2), Some("malformed")),
    ("status 200 with a page of HTML", Fault::Html, Some("malformed")),
    ("status 200 with a whole reply as JSON, which is no stream", Fault::JsonReply, Some("malformed")),
    ("status 200 with an error as JSON", Fault::JsonError, Some("stream_error")),
    ("an error as an event, after two tokens", Fault::ErrorAfter(2), Some("stream_error")),
    ("`[DONE]` without a token", Fault::Empty, Some("empty")),
    ("no answer", Fault::Hang, Some("timeout")),
    ("two tokens, then silence", Fault::StallAfter(2), Some("timeout")),
    ("something other than HTTP", Fault::NotHttp, Some("protocol")),
    ("a whole reply, after which the connection is closed unannounced", Fault::LeaveAfter(3), None),
    ("the same again: the request before found its connection closed", Fault::LeaveAfter(3), None),
];

#[test]
fn every_bad_behaviour_is_counted_by_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.jsonl");
    let faults: Vec<_> =
        BEHAVIOURS.iter().map(|(_, fault, _)| Some(*fault)).chain([None, None, None]).collect();
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    BEHAVIOURS.iter().filter_map(|(.., kind)| *kind).for_each(|kind| *expected.entry(kind).or_default() += 2);
    let server = start(quick(), faults.clone(), 2);
    let requests = (2 * faults.len()).to_string();
    let mut command = plumb();
    command.args([
        "-q",
        "bench",
        &server.url(),
        "-c",
        "1",
        "--warmup",
        "0",
        "--no-cooldown",
        "--timeout",
        "1",
    ]);
    command.args(["--output-tokens", "8", "--slo", "e2e=3600s", "--format", "json", "-n", &requests]);
    let done = run(command.arg("--records").arg(&records));
    let result = json(&done);
    // So many failures leave no valid result, and the server's own words say why.
    assert_eq!((done.code, &result["valid"]), (4, &false.into()));
    assert_eq!(result["server_error"], "status 429: status 429 is all there is");
    let errors: BTreeMap<String, u64> = serde_json::from_value(result["errors"].clone()).unwrap();
    assert_eq!(errors.iter().map(|(kind, n)| (kind.as_str(), *n)).collect::<BTreeMap<_, _>>(), expected);
    // What failed counts against attainment and has no latency.
    assert_eq!((&result["requests"], &result["ttft_ms"]["count"]), (&Value::from(44), &Value::from(10)));
    assert!((result["attainment"]["share"].as_f64().unwrap() - 10.0 / 44.0).abs() < 1e-12);

    const HEAD: &str = "| what the server does |";
    let mut table = format!("{HEAD} counted as | has latencies |\n|---|---|---|\n");
    let lines: Vec<Value> = std::fs::read_to_string(&records)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // One stream: requests end in the order in which they were sent, and the server saw them in that order.
    for (line, (what, _, kind)) in lines.iter().zip(BEHAVIOURS) {
        assert_eq!(line["miss"].as_str(), kind, "{what}: {line}");
        let counted = line["miss"].as_str().map_or("a reply".to_owned(), |miss| format!("`{miss}`"));
        let latencies = if kind.is_none() { "yes" } else { "no" };
        table.push_str(&format!("| {what} | {counted} | {latencies} |\n"));
    }
    assert_eq!(plumb_tests::stale_table("bad-replies.md", HEAD, &table), None);
}

#[test]
fn coalesced_tokens_are_seen_as_what_they_are() {
    // Four tokens per event, or four events per write, 3 ms per token: gaps of 12 ms, and 3 ms per token whatever comes.
    let slow = Behaviour { ttft: 5 * MS, itl: 3 * MS, ..Behaviour::default() };
    for (behaviour, counted_by, coalesced) in [
        (Behaviour { tokens_per_event: 4, ..slow.clone() }, "server, with every chunk", false),
        (Behaviour { tokens_per_event: 4, usage: false, ..slow.clone() }, "events", false),
        (Behaviour { events_per_write: 4, ..slow.clone() }, "server, with every chunk", true),
        (Behaviour { events_per_write: 4, usage: false, ..slow }, "events", true),
    ] {
        let blind = behaviour.tokens_per_event > 1 && !behaviour.usage;
        let server = start(behaviour, Vec::new(), 0);
        let result = json(&run(plumb()
            .args(["-q", "bench", &server.url(), "-c", "1", "-n", "10", "--format", "json"])
            .args(["--output-tokens", "33"])));
        let gap = result["chunk_gap_ms"]["p50"].as_f64().unwrap();
        assert!((11.0..20.0).contains(&gap), "{gap}");
        let token = result["tpot_ms"]["p50"].as_f64();
        assert_eq!(result["tokens"]["counted_by"], counted_by);
        let told = result["warnings"].to_string().contains("the server does not count tokens");
        assert_eq!(told, counted_by == "events", "{result}");
        assert_eq!(result["tokens"]["coalesced_share"].as_f64().unwrap() > 0.5, coalesced);
        if blind {
            // Without any count nobody can tell: then there is none.
            assert_eq!((token, &result["itl_ms"]["count"]), (None, &0.into()), "{result}");
            assert_eq!(result["tokens"]["unknown_replies"], 10);
        } else {
            assert!((2.5..5.0).contains(&token.unwrap()), "{token:?}");
        }
    }
}

#[test]
fn a_measurement_becomes_part_of_a_bundle_without_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let server = start(quick(), Vec::new(), 0);
    let secret = "sk-0123456789abcdef";
    let mut command = plumb();
    command.args(["bench", &server.url(), "-n", "5", "--output-tokens", "4", "--into"]).arg(&bundle);
    let measured = run(command.env("PLUMB_API_KEY", secret));
    assert!(measured.out.contains("TTFT"), "{measured:?}");
    let unpacked = folder.path().join("unpacked");
    assert_eq!(run(plumb().args(["bundle", "unpack"]).arg(&bundle).arg("-o").arg(&unpacked)).code, 0);
    let names: Vec<String> = std::fs::read_dir(unpacked.join("measurements"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let records = names.iter().find(|name| name.ends_with(".records.jsonl")).unwrap();
    let records = std::fs::read_to_string(unpacked.join("measurements").join(records)).unwrap();
    assert_eq!(records.lines().filter(|line| line.contains("\"measured\"")).count(), 5);
    let evidence = json(&run(plumb().args(["bundle", "show", "--as", "evidence"]).arg(&bundle)));
    assert_eq!(evidence["measurements"]["bench"][0]["requests"], 5);
    let text = format!("{measured:?}{evidence}{records}");
    assert!(!text.contains(secret) && !text.contains("0123456789abcdef"));
    for name in names {
        let content = std::fs::read_to_string(unpacked.join("measurements").join(&name)).unwrap();
        assert!(!content.contains("0123456789abcdef"), "{name}");
    }
}

#[test]
fn a_sweep_becomes_part_of_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let server = start(quick(), Vec::new(), 0);
    // Limits that no machine misses: how a rate is found is tested with known queues.
    let mut command = plumb();
    command.args(["-q", "bench", &server.url(), "--sweep", "--slo", "e2e.p90=100s,ttft.p90=50s"]);
    command.args(["--rate", "50", "--max-rate", "100", "-n", "100", "--warmup", "0", "--output-tokens", "4"]);
    let measured = run(command.args(["--format", "json", "--into"]).arg(&bundle));
    let printed = json(&measured);
    let evidence = json(&run(plumb().args(["bundle", "show", "--as", "evidence"]).arg(&bundle)));
    let sweep = &evidence["measurements"]["sweeps"][0];
    assert_eq!(sweep["path"], printed["path"]);
    assert_eq!(sweep["objectives"], serde_json::json!(["e2e p90 <= 100000 ms", "ttft p90 <= 50000 ms"]));
    let levels = sweep["levels"].as_array().unwrap();
    assert!(!levels.is_empty() && levels.len() == printed["levels"].as_array().unwrap().len());
    for level in levels {
        assert!(level["rate"].is_number() && level["verdict"].is_string(), "{level}");
        assert!(level["result"]["ttft_ms"]["p95"].is_number(), "{level}");
    }
    let unpacked = folder.path().join("unpacked");
    assert_eq!(run(plumb().args(["bundle", "unpack"]).arg(&bundle).arg("-o").arg(&unpacked)).code, 0);
    let records = sweep["path"].as_str().unwrap().replace(".json", ".records.jsonl");
    let records = std::fs::read_to_string(unpacked.join(records)).unwrap();
    let of_run = |run: usize| {
        let lines = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["run"] == run && line["phase"] == "measured").count()
    };
    assert!((0..levels.len()).all(|run| of_run(run) == 100), "{records}");
}

/// The curves of a report come from the histograms of the run, with far more points than the percentiles of its summary.
#[test]
fn a_report_draws_percentiles_from_histograms() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    plumb_tests::synthetic::Node::healthy().bundle().write(&bundle).unwrap();
    let server = start(quick(), Vec::new(), 0);
    let bench = run(plumb()
        .args(["-q", "bench", &server.url(), "-c", "4", "-n", "200", "--output-tokens", "16"])
        // So that a busy machine, whose client is late, has a valid run all the same.
        .args(["--slo", "ttft=100s", "--into"])
        .arg(&bundle));
    let is_busy = ["event loop was late", "had no CPU"].iter().any(|words| bench.out.contains(words));
    if bench.code == 4 && is_busy {
        return skip("percentile curves are not drawn: this machine is too busy for a valid load test");
    }
    assert_eq!(bench.code, 0, "{bench:?}");
    let out = folder.path().join("out");
    let report = run(plumb().args(["-q", "report", "--formats", "md,html", "-o"]).arg(&out).arg(&bundle));
    assert_eq!(report.code, 0, "{report:?}");
    let text = std::fs::read_to_string(out.join("report.md")).unwrap();
    for metric in ["Time to first token", "Inter-token latency", "End to end"] {
        let told = text.lines().find(|line| line.starts_with(&format!("**{metric} by percentile")));
        let told = told.unwrap_or_else(|| panic!("no curve of {metric}: {text}"));
        assert!(told.contains("Measured: histograms of the load tests"), "{told}");
    }
    let curve = std::fs::read_to_string(out.join("figures/percentiles-ttft.svg")).unwrap();
    let points = |line: &str| line.matches('L').count();
    assert!(curve.lines().map(points).max() >= Some(100), "{curve}");
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("figure-percentiles-ttft") && html.contains("4 requests at a time"), "{html}");
}

#[test]
fn an_interrupted_run_reports_what_it_has() {
    let server = start(quick(), Vec::new(), 0);
    let mut command = plumb();
    command.args([
        "-q",
        "bench",
        &server.url(),
        "--rate",
        "100",
        "--duration",
        "600",
        "--warmup",
        "0",
        "--format",
        "json",
    ]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.log().iter().filter(|entry| entry.finished).count() < 100 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["interrupted"], true);
    assert!(result["requests"].as_u64().unwrap() > 10, "{result}");
}

#[test]
fn what_cannot_be_measured_is_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-\u{1}secret").unwrap();
    let server = start(quick(), vec![Some(Fault::Status(401))], 0);
    let url = server.url();
    let chat = format!("{url}/v1/chat/completions");
    let cases: [(&[&str], &str); 13] = [
        (&["http://127.0.0.1:9"], "connect_refused"),
        (&["127.0.0.1:9"], "http://"),
        (&[&url], "API key"),
        (&[&url, "--sweep", "--slo", "ttft"], "ttft=500ms"),
        (&[&url, "--sweep", "--slo", "ttft.p40=1s,itl.p99=1s"], "different percentiles"),
        (&[&url, "--header", "api-key secret"], "no colon"),
        (&[&url, "--header", "host: secret"], "`host`"),
        (&[&chat, "--api", "completions"], "`/v1/chat/completions`"),
        (&[&url, "--rate", "0"], "greater than zero"),
        (&[&url, "-c", "0"], "--concurrency 1"),
        (&[&url, "--prompts", "/nowhere"], "/nowhere"),
        (&[&url, "--cpus", "4000"], "CPU 4000"),
        (&[&url, "--api-key-file", key.to_str().unwrap()], "API key"),
    ];
    for (arguments, word) in cases {
        let result = run(plumb().arg("bench").args(arguments));
        assert_eq!(result.code, 2, "{arguments:?}: {result:?}");
        assert!(result.err.contains(word) && result.out.is_empty(), "{arguments:?}: {result:?}");
        assert!(!result.err.contains("secret"));
    }
}

/// Every request fails, or none has the time that is asked about: there is no result, and none looks like one.
#[test]
fn a_run_that_shows_nothing_is_not_valid() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    plumb_tests::synthetic::Node::healthy().bundle().write(&bundle).unwrap();
    let buffering = Behaviour { events_per_write: 64, ..quick() };
    for (what, behaviour, faults, by, words) in [
        (
            "status",
            quick(),
            vec![Some(Fault::Status(500))],
            "no-reply",
            "status 500: status 500 is all there is",
        ),
        ("error in the stream", quick(), vec![Some(Fault::ErrorAfter(2))], "no-reply", "out of memory"),
        ("JSON error", quick(), vec![Some(Fault::JsonError)], "no-reply", "out of memory"),
        (
            "buffering",
            buffering,
            Vec::new(),
            "undetermined",
            "`itl p95 <= 5 ms` is undetermined: 20 of 20 requests",
        ),
    ] {
        let server = start(behaviour, faults, 0);
        let mut command = plumb();
        command.args(["-q", "bench", &server.url(), "-n", "20", "--output-tokens", "8"]);
        command.args(["--slo", "itl=5ms,ttft=100s"]);
        let text = run(&mut command);
        let done = run(command.args(["--format", "json", "--into"]).arg(&bundle));
        let result = json(&done);
        assert_eq!((text.code, done.code, &result["valid"]), (4, 4, &false.into()), "{what}: {result}");
        // A busy machine may hold up the client, too.
        assert!(result["invalid_by"] == by || result["invalid_by"] == "client", "{what}: {result}");
        let reason = result["invalid_reason"].as_str().unwrap();
        assert!(reason.contains(words) && text.out.contains("NOT VALID"), "{what}: {reason} {text:?}");
        assert!(text.out.replace("\n          ", " ").contains(words), "{what}: {text:?}");
        assert!(text.out.contains("UNDETERMINED"), "{what}: {text:?}");
        let objective = &result["objectives"][0];
        assert_eq!((&objective["met"], &objective["within"]["share"]), (&Value::Null, &0.0.into()), "{what}");
        assert_eq!(
            (&result["goodput_rps"], &result["attainment"]["share"]),
            (&0.0.into(), &0.0.into()),
            "{what}"
        );
    }
    // A reply in one read is told even where no objective asks about it.
    let server = start(Behaviour { events_per_write: 64, ..quick() }, Vec::new(), 0);
    let result = json(&run(plumb().args(["-q", "bench", &server.url(), "-n", "20", "--format", "json"])));
    assert!(result["invalid_by"].is_null() || result["invalid_by"] == "client", "{result}");
    assert!(result["warnings"].to_string().contains("the reply is not streamed: 100 %"), "{result}");
}

#[test]
fn a_sweep_ends_where_replies_cannot_tell() {
    for (behaviour, faults, words) in [
        (Behaviour { events_per_write: 64, ..quick() }, Vec::new(), "`itl p95 <= 5 ms` is undetermined"),
        (quick(), vec![Some(Fault::Status(500))], "the server said: status 500"),
    ] {
        let server = start(behaviour, faults, 0);
        let mut command = plumb();
        command.args([
            "-q",
            "bench",
            &server.url(),
            "--sweep",
            "--slo",
            "itl=5ms",
            "--rate",
            "20",
            "-n",
            "20",
        ]);
        let done = run(command.args(["--warmup", "0", "--output-tokens", "8", "--format", "json"]));
        let result = json(&done);
        assert_eq!((done.code, &result["valid"]), (4, &false.into()), "{result}");
        assert_eq!(
            (&result["highest_pass_rps"], result["levels"].as_array().unwrap().len()),
            (&Value::Null, 1)
        );
        assert!(result["invalid_reason"].as_str().unwrap().contains(words), "{result}");
    }
}

#[test]
fn a_server_that_fails_over_an_option_is_asked_without_it() {
    let server = picky(quick());
    let result = json(&run(plumb().args(["-q", "bench", &server.url(), "-n", "8", "--format", "json"])));
    assert_eq!((&result["requests"], &result["errors"]), (&8.into(), &serde_json::json!({})), "{result}");
    assert!(result["warnings"].to_string().contains("`ignore_eos`"), "{result}");
    assert_eq!(result["tokens"]["counted_by"], "server, with every chunk");
    // And a fault of the moment costs no option.
    let server = start(quick(), vec![Some(Fault::Status(503)), None, None, None, None, None, None, None], 0);
    let result = json(&run(plumb().args(["-q", "bench", &server.url(), "-n", "4", "--format", "json"])));
    assert_eq!(result["tokens"]["counted_by"], "server, with every chunk", "{result}");
}

#[test]
fn a_run_without_a_measured_request_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    plumb_tests::synthetic::Node::healthy().bundle().write(&bundle).unwrap();
    let before = std::fs::read(&bundle).unwrap();
    let server = start(quick(), Vec::new(), 0);
    let mut command = plumb();
    command.args(["bench", &server.url(), "--rate", "50", "--warmup", "600s", "--format", "json", "--into"]);
    let child = command.arg(&bundle).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.log().iter().filter(|entry| entry.finished).count() < 10 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&result["requests"], &result["valid"]), (&0.into(), &false.into()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("nothing was measured, so nothing was added to"), "{said}");
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
}

#[test]
fn a_server_has_seen_no_prompt_before() {
    for tells in [Tells::Usage, Tells::Metrics] {
        let server = caching(tells);
        let mut nonces = Vec::new();
        for _ in 0..2 {
            let done = run(plumb()
                .args(["-q", "bench", &server.url(), "-n", "20", "--prompt-tokens", "64"])
                .args(["--output-tokens", "2", "--scrape-every", "0.05", "--format", "json"]));
            let result = json(&done);
            // Only wall time would tell the rest, and that is the machine's.
            assert_eq!(
                (&result["tokens"]["cached"], &result["tokens"]["cached_share"]),
                (&0.into(), &0.0.into())
            );
            assert!(!result["warnings"].to_string().contains("prefix cache"), "{result}");
            nonces.push(result["nonce"].as_str().unwrap().to_owned());
        }
        assert!(nonces[0].len() == 16 && nonces[0] != nonces[1], "{nonces:?}");
    }
}

#[test]
fn no_level_of_a_sweep_sends_the_prompts_of_another() {
    let server = caching(Tells::Usage);
    let mut command = plumb();
    command.args([
        "-q",
        "bench",
        &server.url(),
        "--sweep",
        "--slo",
        "ttft=100s",
        "--rate",
        "50",
        "--max-rate",
        "100",
    ]);
    command.args(["-n", "100", "--warmup", "0", "--prompt-tokens", "32", "--output-tokens", "2"]);
    let result = json(&run(command.args(["--format", "json"])));
    let levels = result["levels"].as_array().unwrap();
    if levels.iter().any(|level| level["result"]["invalid_by"] == "client") {
        plumb_tests::skip("a sweep with a prefix cache: the machine is too busy for its client");
        return;
    }
    assert!(levels.len() >= 2, "{result}");
    let mut nonces = std::collections::BTreeSet::from([result["nonce"].as_str().unwrap()]);
    for level in levels {
        assert_eq!(
            (&level["result"]["tokens"]["cached"], &level["result"]["tokens"]["prompt"]),
            (&0.into(), &3200.into())
        );
        assert!(nonces.insert(level["result"]["nonce"].as_str().unwrap()), "{result}");
    }
    assert!(!result["warnings"].to_string().contains("prefix cache"), "{result}");
}

#[test]
fn what_is_to_be_shared_may_come_from_the_cache() {
    let server = caching(Tells::Usage);
    let mut command = plumb();
    command.args([
        "-q",
        "bench",
        &server.url(),
        "-n",
        "20",
        "--prompt-tokens",
        "64",
        "--shared-prefix",
        "0.5",
    ]);
    let result = json(&run(command.args(["--output-tokens", "2", "--format", "json"])));
    assert_eq!(result["tokens"]["cached_share"], 0.5, "{result}");
    // Beyond the half, what 20 random prompts agree in by chance: less than a token.
    let common = result["tokens"]["common_share"].as_f64().unwrap();
    assert!((0.5..0.5 + 1.0 / 64.0).contains(&common), "{common}");
    assert!(!result["warnings"].to_string().contains("prefix cache"), "{result}");
}

#[test]
fn prompts_that_are_sent_again_are_told_wherever_the_result_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    plumb_tests::synthetic::Node::healthy().bundle().write(&bundle).unwrap();
    let server = caching(Tells::Usage);
    let mut command = plumb();
    command.args(["-q", "bench", &server.url(), "-n", "20", "--prompt-tokens", "64", "--output-tokens", "2"]);
    command.args(["--nonce", "00000000000000aa"]);
    let first = run(&mut command);
    assert!(
        first.out.contains("from nonce 00000000000000aa") && !first.out.contains("prefix cache"),
        "{first:?}"
    );
    let words = "100.0 % of the prompt tokens came from the server's prefix cache";
    let again = run(&mut command);
    assert!(again.out.replace("\n          ", " ").contains(words), "{again:?}");
    let result = json(&run(command.args(["--format", "json", "--into"]).arg(&bundle)));
    assert_eq!(
        (&result["nonce"], &result["tokens"]["cached_share"]),
        (&"00000000000000aa".into(), &1.0.into())
    );
    assert!(result["warnings"].to_string().contains(words), "{result}");
    let out = folder.path().join("out");
    let report = run(plumb().args(["-q", "report", "--formats", "md,html", "-o"]).arg(&out).arg(&bundle));
    assert_eq!(report.code, 0, "{report:?}");
    let text = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(text.contains("#### Cautions") && text.contains(words), "{text}");
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("100.0 % of the prompt tokens came from"), "{html}");
}

#[test]
fn no_proxy_stands_between_the_client_and_the_server() {
    let server = start(quick(), Vec::new(), 0);
    let mut command = plumb();
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        // Nobody listens there.
        command.env(name, "http://127.0.0.1:1");
    }
    let result = json(&run(command
        .args(["-q", "bench", &server.url(), "-n", "4", "--output-tokens", "4"])
        .args(["--format", "json"])));
    assert_eq!(
        (&result["requests"], &result["target"]["model"]),
        (&4.into(), &"reference".into()),
        "{result}"
    );
}

/// A real server, where `cargo xtask setup llm-server` has installed one.
fn real_server() -> Option<(std::process::Child, String)> {
    let folder = std::env::var_os("PLUMB_LLM_SERVER")
        .map(std::path::PathBuf::from)
        .filter(|folder| folder.is_dir())?;
    let mut child = std::process::Command::new(folder.join("bin/python"))
        .arg(plumb_tests::workspace().join("tests/llm_server.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut output = std::io::BufReader::new(child.stdout.take()?);
    let mut line = String::new();
    // The library prints to standard output, too.
    while std::io::BufRead::read_line(&mut output, &mut line).ok()? > 0 {
        if line.starts_with("http://") {
            // Read to its end, or the server blocks on a full pipe.
            std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
            return Some((child, line.trim().to_owned()));
        }
        line.clear();
    }
    None
}

#[test]
fn a_real_server_is_measured() {
    let Some((mut child, url)) = real_server() else {
        plumb_tests::skip(
            "a real LLM server: none installed; `cargo xtask setup llm-server` does, PLUMB_LLM_SERVER names it",
        );
        return;
    };
    for api in ["completions", "chat"] {
        let result = run(plumb()
            .args(["-q", "bench", &url, "--api", api, "-c", "2", "-n", "6", "--format", "json"])
            .args(["--prompt-tokens", "32", "--output-tokens", "16", "--scrape-every", "0.1"]));
        let result = json(&result);
        assert_eq!(
            (&result["requests"], &result["errors"]),
            (&Value::from(6), &serde_json::json!({})),
            "{result}"
        );
        assert_eq!(result["tokens"]["output"], 6 * 16, "{result}");
        assert_ne!(result["tokens"]["counted_by"], "events");
        assert_eq!(result["server"]["kind"], "llama.cpp", "{result}");
        assert!(
            result["server"]["generation_tokens"].as_f64().unwrap() >= 6.0 * 16.0,
            "{}",
            result["server"]
        );
        let prompt = result["tokens"]["prompt"].as_f64().unwrap() / 6.0;
        assert!((24.0..40.0).contains(&prompt), "{prompt} tokens in a prompt");
    }
    drop(child.stdin.take());
    let _ = child.kill();
    let _ = child.wait();
}
