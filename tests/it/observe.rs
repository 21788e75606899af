//! `plumb observe` on a server that speaks Prometheus and has users of its own, and `plumb import`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use plumb_evidence::model::{ImportedResult, ObserveResult};
use plumb_tests::{plumb, run};

/// What was asked of the server, by path.
type Asked = Arc<Mutex<Vec<String>>>;

/// A server in this process with the metrics of vLLM: at each look 20 more requests have ended, of which 18 had their first token
/// within 250 ms, one within 500 ms and one within 2.5 s.
fn server(running: f64) -> (String, Asked) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let (told, looks) = (Arc::clone(&asked), AtomicU32::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &told, &looks, running);
        }
    });
    (url, asked)
}

fn answer(mut stream: TcpStream, asked: &Asked, looks: &AtomicU32, running: f64) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    asked.lock().unwrap().push(first.clone());
    let n = looks.fetch_add(1, Ordering::Relaxed);
    let (requests, tokens) = (20 * n, 1280 * n);
    let (fast, half) = (18 * n, 19 * n);
    let body = format!(
        "# HELP vllm:num_requests_running Number of requests in model execution batches.\n\
         # TYPE vllm:num_requests_running gauge\n\
         vllm:num_requests_running{{engine=\"0\",model_name=\"m\"}} {running:?}\n\
         vllm:num_requests_waiting{{engine=\"0\",model_name=\"m\"}} 1.0\n\
         vllm:kv_cache_usage_perc{{engine=\"0\",model_name=\"m\"}} 0.42\n\
         # TYPE vllm:generation_tokens_total counter\n\
         vllm:generation_tokens_total{{engine=\"0\",model_name=\"m\"}} {tokens}\n\
         vllm:request_success_total{{engine=\"0\",finished_reason=\"length\"}} {requests}\n\
         # TYPE vllm:time_to_first_token_seconds histogram\n\
         vllm:time_to_first_token_seconds_bucket{{engine=\"0\",le=\"0.25\"}} {fast}\n\
         vllm:time_to_first_token_seconds_bucket{{engine=\"0\",le=\"0.5\"}} {half}\n\
         vllm:time_to_first_token_seconds_bucket{{engine=\"0\",le=\"2.5\"}} {requests}\n\
         vllm:time_to_first_token_seconds_bucket{{engine=\"0\",le=\"+Inf\"}} {requests}\n\
         vllm:time_to_first_token_seconds_sum{{engine=\"0\"}} {}\n\
         vllm:time_to_first_token_seconds_count{{engine=\"0\"}} {requests}\n",
        f64::from(n) * 3.0
    );
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
}

#[test]
fn a_server_is_watched_without_a_request() {
    let (url, asked) = server(3.0);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let seen = run(plumb()
        .args(["-q", "observe", &url, "--for", "2.4s", "--every", "0.3s", "--format", "json", "--slo"])
        .arg("ttft=500ms,ttft.p80=300ms")
        .arg("--into")
        .arg(&bundle));
    assert_eq!(seen.code, 0, "{seen:?}");
    let result: ObserveResult = serde_json::from_str(&seen.out).unwrap();
    assert!(asked.lock().unwrap().iter().all(|line| line.starts_with("GET /metrics ")), "{asked:?}");
    assert_eq!((result.kind.as_str(), result.parts.len().min(3), result.restarts), ("vllm", 3, 0));
    assert!(result.moments.len() >= 4, "{}", result.moments.len());
    let moment = &result.moments[1];
    assert_eq!((moment.running, moment.waiting, moment.kv_cache_percent), (Some(3.0), Some(1.0), Some(42.0)));
    assert!((moment.ttft_ms.unwrap() - 150.0).abs() < 1e-6, "{moment:?}");
    assert!(moment.requests_per_s.unwrap() > 0.0 && moment.others_cpus.is_some());
    // 500 ms is the bound of a bucket, 300 ms lies between two.
    let [exact, between] = &result.attained[..2] else { panic!("{:?}", result.attained) };
    assert!((exact.least - 0.95).abs() < 1e-9 && exact.least == exact.most, "{exact:?}");
    assert!((between.least - 0.9).abs() < 1e-9 && (between.most - 0.95).abs() < 1e-9, "{between:?}");
    assert_eq!(exact.count, 20.0 * result.moments.len() as f64);
    assert!(result.cost.cpu_s > 0.0, "what it costs is told");
    assert!(result.path.starts_with("measurements/observe-"));
    let text =
        run(plumb().args(["-q", "observe", &url, "--for", "0.6s", "--every", "0.3s", "--slo", "ttft=500ms"]));
    assert!(
        text.code == 0 && text.out.contains("cost: ") && text.out.contains("no request was sent"),
        "{text:?}"
    );
    assert!(text.out.contains("% are wanted: met"), "{}", text.out);
    let verified = run(plumb().args(["bundle", "verify"]).arg(&bundle));
    assert_eq!(verified.code, 0, "{verified:?}");
}

/// An engagement with a limit on the time to the first token.
fn engagement(folder: &std::path::Path, ttft_ms: f64, percent: f64) -> std::path::PathBuf {
    let path = folder.join("engagement.toml");
    let text = format!(
        "schema = 1\n[slo]\npercentile = {percent}\nttft_ms = {ttft_ms}\n\n[demand]\npeak_requests_per_s = 10\nreplicas = 2\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// The outcome of a check on the bundle with an engagement, and what it says.
fn outcome(bundle: &std::path::Path, engagement: &std::path::Path, check: &str) -> (String, String) {
    let checked =
        run(plumb().arg("check").arg(bundle).arg("--engagement").arg(engagement).args(["--format", "json"]));
    let json: serde_json::Value =
        serde_json::from_str(&checked.out).unwrap_or_else(|_| panic!("{checked:?}"));
    let found = json["findings"].as_array().unwrap().iter().find(|found| found["check"] == check).unwrap();
    (found["outcome"].as_str().unwrap().to_owned(), found.to_string())
}

#[test]
fn what_was_observed_answers_for_the_service_level_and_no_more() {
    // Requests that take next to no time: those of different looks are independent.
    let (url, _) = server(0.01);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    // Without limits: those of the engagement count, whatever was asked for.
    let seen =
        run(plumb().args(["-q", "observe", &url, "--for", "2.4s", "--every", "0.3s", "--into"]).arg(&bundle));
    assert_eq!(seen.code, 0, "{seen:?}");
    let report = |engagement: &std::path::Path, language: &str| {
        let out = folder.path().join(format!("out-{language}"));
        let made = run(plumb()
            .args(["-q", "report", "--force", "--formats", "md,json", "--language", language, "--engagement"])
            .arg(engagement)
            .arg("-o")
            .arg(&out)
            .arg(&bundle));
        assert_eq!(made.code, plumb_tests::report_code(&bundle), "{made:?}");
        std::fs::read_to_string(out.join("report.md")).unwrap()
    };
    // 95 % lie within 500 ms, which is the bound of a bucket.
    let kept = engagement(folder.path(), 500.0, 90.0);
    let (answer, words) = outcome(&bundle, &kept, "slo.attainment");
    assert_eq!(answer, "pass", "{words}");
    let text = report(&kept, "en");
    for wanted in [
        "It was kept for the requests that users sent: 95.0 %",
        "The highest rate that was served with the limits kept is",
        "nothing is known of more",
        "What was observed",
        "no number of GPUs follows from it",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let text = report(&kept, "de");
    assert!(text.contains("Die höchste Rate, die bei eingehaltenen Grenzen bedient wurde"), "{text}");
    // 300 ms lie between two bounds, within which are 90 and 95 %.
    let open = engagement(folder.path(), 300.0, 92.0);
    let (answer, words) = outcome(&bundle, &open, "slo.attainment");
    assert_eq!(answer, "not-run", "{words}");
    let text = report(&open, "en");
    assert!(text.contains("observation does not decide it: 90"), "{text}");
    assert!(text.contains("At no rate is it certain that the limits are kept"), "{text}");
    // Nobody waits less than that.
    let missed = engagement(folder.path(), 250.0, 95.0);
    let (answer, words) = outcome(&bundle, &missed, "slo.attainment");
    // More requests came than the peak of one replica, so that they do not tell of it.
    assert_eq!(answer, "not-run", "{words}");
    let text = report(&missed, "en");
    assert!(text.contains("It was missed for the requests that users sent: 90.0 %"), "{text}");
}

#[test]
fn what_servers_have_no_histogram_of_is_refused() {
    let refused = run(plumb().args([
        "observe",
        "http://127.0.0.1:9",
        "--for",
        "1s",
        "--every",
        "0.5s",
        "--slo",
        "stall=1s",
    ]));
    assert!(refused.code == 2 && refused.err.contains("no histogram of `stall`"), "{refused:?}");
    let refused = run(plumb().args(["observe", "--for", "1s", "--every", "5s"]));
    assert!(refused.code == 2 && refused.err.contains("no longer than all of it"), "{refused:?}");
}

#[test]
fn a_foreign_result_is_read_and_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vllm.json");
    std::fs::write(
        &file,
        r#"{"date":"20260102-030405","model_id":"m","num_prompts":100,"request_rate":4.0,"duration":25.0,"completed":98,
            "total_input_tokens":9800,"total_output_tokens":4900,"request_throughput":3.92,"output_throughput":196.0,
            "mean_ttft_ms":50.0,"median_ttft_ms":40.0,"p99_ttft_ms":200.0,"mean_tpot_ms":10.0}"#,
    )
    .unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let text = run(plumb().arg("import").arg(&file).arg("--into").arg(&bundle));
    assert!(text.code == 0 && text.out.contains("a result of vllm bench serve"), "{text:?}");
    assert!(
        text.out.contains("what this cannot prove") && text.out.contains("coordinated omission"),
        "{}",
        text.out
    );
    let json = run(plumb().arg("import").arg(&file).args(["--format", "json"]));
    let result: ImportedResult = serde_json::from_str(&json.out).unwrap();
    assert_eq!((result.runs[0].failed, result.file.as_str()), (Some(2.0), "vllm.json"));
    let report = run(plumb().arg("import").arg(&file).args(["--format", "llm-d"]));
    let report: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(report["version"], "0.2");
    let latency = &report["results"]["request_performance"]["aggregate"]["latency"]["time_to_first_token"];
    assert_eq!((latency["units"].as_str(), latency["p99"].as_f64()), (Some("s"), Some(0.2)));
    // It is in the bundle, and nothing is judged by it.
    let shown = run(plumb().args(["bundle", "show", "--as", "evidence"]).arg(&bundle));
    assert!(shown.code == 0 && !shown.out.contains("vllm bench serve"), "{}", shown.err);
    std::fs::write(&file, r#"{"hello": 1}"#).unwrap();
    let refused = run(plumb().arg("import").arg(&file));
    assert!(refused.code == 2 && refused.err.contains("is no result of AIPerf"), "{refused:?}");
}
