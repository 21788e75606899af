//! The load generator against a server whose every delay is known.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::io::{Read, Seek, SeekFrom};

use plumb_bench::reference::{Act, Asked, Behaviour, LogEntry, Reply, Script, Server, Step, steady};
use plumb_bench::{
    Amount, Api, ApiKey, Arrivals, BenchError, Control, Header, Http, Load, Measured, Plan, Precision,
    Prompts, Target, parse_objectives, parse_trace, run,
};
use serde_json::Value;

const MS: u64 = 1_000_000;

fn plan(server: &Server) -> Plan {
    let mut plan = Plan::new(Target::new(&server.url(), Http::Auto, None, None).unwrap());
    plan.output_tokens = 8;
    plan
}

fn quick() -> Behaviour {
    Behaviour { ttft: 20 * MS, itl: 5 * MS, ..Behaviour::default() }
}

/// Mean TTFT in ms that the server logged for all requests that it answered.
fn true_ttft(log: &[LogEntry]) -> f64 {
    let answered: Vec<f64> = log
        .iter()
        .filter(|entry| entry.first != 0)
        .map(|entry| (entry.first - entry.received) as f64 / 1e6)
        .collect();
    answered.iter().sum::<f64>() / answered.len() as f64
}

#[test]
fn a_closed_loop_counts_what_the_server_did() {
    let server = Server::start(steady(quick())).unwrap();
    let mut plan = plan(&server);
    plan.objectives = parse_objectives("ttft=10s,itl=10s").unwrap();
    let measured = run(&plan, &Control::default()).unwrap();
    let result = measured.result;
    assert_eq!(result.requests, 50);
    assert!(result.errors.is_empty(), "{:?}", result.errors);
    assert_eq!((result.tokens.output, result.ttft_ms.count), (400, 50));
    // Where a busy machine lets two tokens come in the first read, they are not told apart.
    assert!((200..=350).contains(&result.itl_ms.count), "{}", result.itl_ms.count);
    assert_eq!(result.tokens.counted_by, "server, with every chunk");
    assert_eq!(result.attainment.unwrap().share, 1.0);
    // A busy machine delays both sides, never the other way round: a token is not seen before it was sent.
    let truth = true_ttft(&server.log());
    assert!(result.ttft_ms.mean.unwrap() > 20.0 && truth >= 20.0, "{:?} {truth}", result.ttft_ms);
    assert!(result.itl_ms.mean.unwrap() > 4.5, "{:?}", result.itl_ms);
    assert!(result.e2e_ms.mean.unwrap() > result.ttft_ms.mean.unwrap() + 30.0);
    assert!(result.target.model == "reference" && result.load.text == "closed 4");
    // Requests of the warm-up came first, and every request that was sent got a number of its own.
    let log = server.log();
    assert!(log.len() >= 58, "{}", log.len());
}

#[test]
fn an_open_loop_keeps_its_schedule_and_counts_from_it() {
    // One at a time, 30 ms each, asked for every 20 ms: the queue grows, and every request waits longer than the last.
    let server =
        Server::start(steady(Behaviour { ttft: 30 * MS, itl: MS, prefill_slots: 1, ..Behaviour::default() }))
            .unwrap();
    let mut plan = plan(&server);
    plan.load = Load::Open { arrivals: Arrivals::Constant { rate: 50.0 } };
    plan.warmup = Amount::Requests(0);
    plan.extent = Amount::Seconds(2.0);
    let result = run(&plan, &Control::default()).unwrap().result;
    assert_eq!(result.requests, 100);
    // The last of 100 is due at 1.98 s and has its first token at 3.0 s at the earliest.
    assert!(result.ttft_ms.max.unwrap() > 1000.0, "{:?}", result.ttft_ms);
    assert_eq!(result.steady, Some(false));
    assert_eq!(result.offered_rps, Some(50.0));
    assert!(result.requests_per_s < 36.0, "{}", result.requests_per_s);
}

/// What a server was asked: numbers and bodies of requests.
type AllAsked = std::sync::Arc<std::sync::Mutex<Vec<(u64, Value)>>>;

/// A server that notes what it was asked.
struct Heard {
    inner: Box<dyn Script>,
    asked: AllAsked,
}

impl Script for Heard {
    fn respond(&mut self, asked: &Asked) -> Reply {
        // The probe has the number 0, as the first request has.
        if let (Ok(id), Ok(body)) = (asked.id.parse(), serde_json::from_slice(&asked.body)) {
            self.asked.lock().unwrap().push((id, body));
        }
        self.inner.respond(asked)
    }
}

fn heard() -> (Server, AllAsked) {
    let asked = AllAsked::default();
    let inner = steady(Behaviour { ttft: 2 * MS, itl: MS, ..Behaviour::default() });
    (Server::start(Box::new(Heard { inner, asked: std::sync::Arc::clone(&asked) })).unwrap(), asked)
}

#[test]
fn a_conversation_sends_all_that_was_said_before() {
    let (server, asked) = heard();
    let mut plan = plan(&server);
    plan.api = Api::Chat;
    plan.turns = 3;
    plan.load = Load::Closed { concurrency: 2 };
    (plan.warmup, plan.extent) = (Amount::Requests(0), Amount::Requests(24));
    let result = run(&plan, &Control::default()).unwrap().result;
    assert_eq!((result.requests, result.turns.len()), (24, 3));
    assert!(
        result.turns.iter().all(|turn| turn.requests >= 6 && turn.ttft_mean_ms >= 2.0),
        "{:?}",
        result.turns
    );
    assert!(result.load.text.contains("conversations of 3 turns"), "{}", result.load.text);
    let asked = asked.lock().unwrap();
    let messages = |id: u64| {
        let found = asked.iter().rev().find(|(own, _)| *own == id);
        found.map(|(_, body)| body["messages"].as_array().unwrap().clone())
    };
    let mut compared = 0;
    for conversation in 0..6 {
        for turn in 1..3 {
            let (Some(before), Some(now)) =
                (messages(3 * conversation + turn - 1), messages(3 * conversation + turn))
            else {
                continue;
            };
            assert_eq!(now.len(), 2 * turn as usize + 1);
            assert_eq!(now[..before.len()], before[..], "what was said is said again");
            assert_eq!((&now[1]["role"], &now[2]["role"]), (&"assistant".into(), &"user".into()));
            compared += 1;
        }
    }
    assert!(compared >= 8, "{compared}");
    plan.load = Load::Open { arrivals: Arrivals::Constant { rate: 5.0 } };
    let refused = run(&plan, &Control::default()).unwrap_err().to_string();
    assert!(refused.contains("closed loops"), "{refused}");
}

#[test]
fn lengths_are_drawn_and_counted_as_they_were_drawn() {
    let (server, asked) = heard();
    let mut plan = plan(&server);
    plan.output_lengths = Some("2-6".parse().unwrap());
    plan.output_tokens = 4;
    plan.prompt_lengths = Some("10-30".parse().unwrap());
    let result = run(&plan, &Control::default()).unwrap().result;
    let lengths: std::collections::BTreeSet<u64> =
        asked.lock().unwrap().iter().filter_map(|(_, body)| body["max_tokens"].as_u64()).collect();
    assert!([2, 3, 4, 5, 6].iter().all(|length| lengths.contains(length)), "{lengths:?}");
    assert_eq!(result.tokens.output, result.tokens.asked_output);
    assert!(
        result.tokens.output > 100 && result.load.text.contains("replies of 2 to 6 tokens"),
        "{}",
        result.load.text
    );
}

#[test]
fn a_trace_is_replayed_with_its_lengths() {
    let server = Server::start(steady(quick())).unwrap();
    let mut plan = plan(&server);
    plan.api = Api::Chat;
    plan.prompts = Prompts::Synthetic { tokens: 50, shared: 0.0 };
    plan.load = Load::Open {
        arrivals: Arrivals::Trace { times: parse_trace("0,10,3\n0.05,20,5\n0.1,,\n").unwrap() },
    };
    plan.warmup = Amount::Requests(0);
    plan.extent = Amount::Requests(3);
    let result = run(&plan, &Control::default()).unwrap().result;
    assert_eq!((result.requests, result.tokens.output, result.tokens.prompt), (3, 3 + 5 + 8, 10 + 20 + 50));
    assert_eq!((result.target.api.as_str(), result.load.process.as_deref()), ("chat", Some("trace")));
}

#[test]
fn what_an_open_loop_may_not_send_is_counted() {
    let server = Server::start(steady(Behaviour { ttft: 100 * MS, prefill_slots: 1, ..quick() })).unwrap();
    let mut plan = plan(&server);
    plan.load = Load::Open { arrivals: Arrivals::Constant { rate: 100.0 } };
    plan.warmup = Amount::Requests(0);
    plan.extent = Amount::Requests(100);
    plan.cooldown = false;
    plan.max_in_flight = 3;
    let result = run(&plan, &Control::default()).unwrap().result;
    assert_eq!(result.requests, 100);
    let dropped = result.errors["dropped"];
    assert!((50..=97).contains(&dropped), "{dropped}");
    assert_eq!(result.ttft_ms.count + dropped, 100);
}

#[test]
fn a_run_goes_on_until_enough_is_known_or_the_limit_is_reached() {
    let server = Server::start(steady(Behaviour { ttft: 2 * MS, itl: MS, ..Behaviour::default() })).unwrap();
    let mut plan = plan(&server);
    plan.output_tokens = 2;
    plan.extent = Amount::Requests(150);
    // Nothing is known to a billionth.
    plan.precision = Some(Precision { share: 1e-9, most: 2.0 });
    assert_eq!(run(&plan, &Control::default()).unwrap().result.requests, 300);
    plan.precision = Some(Precision { share: 100.0, most: 100.0 });
    let requests = run(&plan, &Control::default()).unwrap().result.requests;
    assert!((150..15_000).contains(&requests), "{requests}");
}

#[test]
fn two_threads_share_the_streams() {
    let server = Server::start(steady(quick())).unwrap();
    let mut plan = plan(&server);
    plan.threads = 2;
    plan.load = Load::Closed { concurrency: 3 };
    plan.extent = Amount::Requests(30);
    let result = run(&plan, &Control::default()).unwrap().result;
    assert_eq!((result.requests, result.ttft_ms.count, result.client.connections), (30, 30, 4));
}

/// A server of chats that refuses what is not to its liking, and says why.
struct Strict {
    behaved: Box<dyn Script>,
    /// What a request lacks or has too much.
    refuses: Refuses,
}

type Refuses = Box<dyn Fn(&Asked) -> Option<(u16, &'static str)> + Send>;

impl Script for Strict {
    fn respond(&mut self, asked: &Asked) -> Reply {
        let Some((status, why)) = (self.refuses)(asked) else { return self.behaved.respond(asked) };
        let text = format!("{{\"error\":{{\"message\":\"{why}\"}}}}");
        let head = format!("HTTP/1.1 {status} No\r\ncontent-length: {}\r\n\r\n", text.len());
        let bytes = [head.as_bytes(), text.as_bytes()].concat();
        let write = Step { at: 0, act: Act::Write { bytes, tokens: 0 } };
        Box::new([write, Step { at: 0, act: Act::Finish }].into_iter())
    }
}

fn strict(refuses: impl Fn(&Asked) -> Option<(u16, &'static str)> + Send + 'static) -> Server {
    Server::start(Box::new(Strict { behaved: steady(quick()), refuses: Box::new(refuses) })).unwrap()
}

fn has(asked: &Asked, word: &str) -> bool {
    String::from_utf8_lossy(&asked.body).contains(word)
}

#[test]
fn a_server_is_asked_in_the_form_that_it_takes() {
    type Of = fn(&Asked) -> Option<(u16, &'static str)>;
    let servers: [(&str, Of); 5] = [
        ("another limit, named", |asked| {
            has(asked, "max_tokens").then_some((400, "use 'max_completion_tokens' instead of 'max_tokens'"))
        }),
        ("another limit, not named", |asked| has(asked, "max_tokens").then_some((422, "bad request"))),
        ("no temperature", |asked| {
            has(asked, "temperature").then_some((400, "'temperature' is not supported"))
        }),
        // Whatever the fault looks like, it may be over an option.
        ("a redirection", |asked| has(asked, "ignore_eos").then_some((307, "go away"))),
        ("too much to do", |asked| has(asked, "continuous_usage_stats").then_some((429, "later"))),
    ];
    for (what, refuses) in servers {
        let server = strict(move |asked| refuses(asked).filter(|_| asked.path.ends_with("/completions")));
        let mut plan = plan(&server);
        (plan.api, plan.extent) = (Api::Chat, Amount::Requests(4));
        let result = run(&plan, &Control::default()).unwrap().result;
        assert!(result.errors.is_empty() && result.tokens.output == 4 * 8, "{what}: {result:?}");
    }
}

#[test]
fn headers_and_the_query_go_with_every_request_and_into_no_result() {
    let server = strict(|asked| {
        let header =
            |name: &str, value: &str| asked.headers.iter().any(|(other, own)| other == name && own == value);
        let fine = header("api-key", "sk-0123456789")
            && header("x-team", "blue-secret")
            && asked.query == "api-version=2024-10-21&sig=abcdef"
            && !header("authorization", "Bearer sk-0123456789");
        (!fine).then_some((500, "sk-0123456789 blue-secret abcdef are wrong"))
    });
    let url = format!("{}/openai/deployments/gpt?api-version=2024-10-21&sig=abcdef", server.url());
    let key = ApiKey::new("sk-0123456789").unwrap();
    let target = |team: &str| {
        let target = Target::new(&url, Http::Auto, None, Some(key.clone())).unwrap();
        target.with_headers(vec![Header::new("X-Team", team).unwrap()])
    };
    let mut plan = Plan::new(target("blue-secret"));
    (plan.api, plan.output_tokens, plan.extent) = (Api::Chat, 8, Amount::Requests(4));
    let result = run(&plan, &Control::default()).unwrap().result;
    assert!(result.errors.is_empty() && result.ttft_ms.count == 4, "{result:?}");
    assert_eq!(result.target.model, "gpt");
    let failing = run(&Plan { target: target("red-secret"), ..plan }, &Control::default()).unwrap().result;
    assert_eq!(failing.server_error.as_deref(), Some("status 500: … blue-secret … are wrong"));
    let text =
        format!("{} {}", serde_json::to_string(&result).unwrap(), serde_json::to_string(&failing).unwrap());
    assert!(!["sk-0123", "red-secret", "abcdef"].iter().any(|secret| text.contains(secret)), "{text}");
    assert!(text.contains("api-version=2024-10-21&sig=…"), "{text}");
}

#[test]
fn a_server_that_is_not_ready_is_waited_for() {
    static LOOKS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let server = strict(|asked| {
        let health = asked.path.ends_with("/health");
        let looks = LOOKS.fetch_add(u32::from(health), std::sync::atomic::Ordering::Relaxed);
        (looks < 2 && !asked.path.ends_with("/models")).then_some((503, "loading the model"))
    });
    let mut plan = plan(&server);
    plan.extent = Amount::Requests(4);
    plan.wait = std::time::Duration::from_secs(600);
    let result = run(&plan, &Control::default()).unwrap().result;
    assert!(result.errors.is_empty(), "{result:?}");
    assert!(LOOKS.load(std::sync::atomic::Ordering::Relaxed) >= 3);
    // Without an end, a server that is not there is an error all the same.
    plan.target = Target::new("http://127.0.0.1:9", Http::Auto, None, None).unwrap();
    plan.wait = std::time::Duration::from_millis(10);
    assert!(matches!(run(&plan, &Control::default()), Err(BenchError::Unreachable { .. })));
}

#[test]
fn percentiles_with_failures_stand_beside_those_of_the_survivors() {
    // Half of the requests fail at once, and the others look fast.
    let server = strict(|asked| {
        let odd = asked.id.parse::<u64>().is_ok_and(|id| id % 2 == 1);
        (odd && asked.path.ends_with("/completions")).then_some((503, "full"))
    });
    let mut plan = plan(&server);
    (plan.warmup, plan.extent, plan.cooldown) = (Amount::Requests(0), Amount::Requests(40), false);
    let result = run(&plan, &Control::default()).unwrap().result;
    assert_eq!((result.errors["http_5xx"], result.ttft_ms.p95.is_some(), result.valid), (20, true, false));
    assert_eq!(result.server_error.as_deref(), Some("status 503: full"));
    let with = serde_json::to_value(result.with_failures).unwrap();
    assert_eq!((&with["e2e_ms"]["p90"], &with["ttft_ms"]["p95"]), (&"never".into(), &"never".into()));
    assert_eq!(with["ttft_ms"]["p99"], Value::Null);
    let back: plumb_evidence::model::WithFailures = serde_json::from_value(with).unwrap();
    assert_eq!(Some(back), result.with_failures);
}

/// The records of the measured requests.
fn records(measured: &mut Measured) -> Vec<Value> {
    let mut text = String::new();
    let file = measured.records.as_mut().unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_string(&mut text).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["phase"] == "measured").collect()
}

/// What times per token are divided by is what was decoded between the first read and the last, or nothing.
#[test]
fn only_tokens_between_the_first_read_and_the_last_divide_times() {
    let slow = Behaviour { ttft: 5 * MS, itl: MS / 2, ..Behaviour::default() };
    let at_end = Behaviour { continuous_usage: false, ..slow.clone() };
    let hides = Behaviour { hidden_reasoning: 1000, ..at_end.clone() };
    let untold = Behaviour { tells_reasoning: false, ..hides.clone() };
    let many = Behaviour { tokens_per_event: 16, first_tokens: 16, ..slow };
    // Each with the tokens of an event, where these are known, limits that it misses and leaves open, and words of a note. The
    // truth is 0.5 ms for each token.
    type Row = (&'static str, Behaviour, Option<f64>, &'static str, &'static str, &'static str);
    let rows: [Row; 7] = [
        ("reasoning, told", hides, Some(1.0), "0.05", "", "94 % of the output tokens are reasoning"),
        ("reasoning, not told", untold.clone(), None, "0.001", "0.15", "of 4 replies it is not known"),
        (
            "reasoning, counted along",
            Behaviour { continuous_usage: true, ..untold },
            Some(1.0),
            "0.05",
            "",
            "",
        ),
        (
            "16 tokens per event, no count",
            Behaviour { usage: false, ..many.clone() },
            None,
            "0.01",
            "2",
            "the server does not count tokens",
        ),
        (
            "16 tokens per event, counted at the end",
            Behaviour { continuous_usage: false, ..many.clone() },
            Some(16.0),
            "0.05",
            "",
            "estimated by the length of the texts",
        ),
        ("16 tokens per event, counted along", many, Some(16.0), "0.05", "", ""),
        (
            "a reply that the model ends, by a token that counts",
            Behaviour { stops_after: 47, ..at_end },
            Some(1.0),
            "0.05",
            "",
            "replies had 75 % of the tokens",
        ),
    ];
    for (what, behaviour, each, missed, open, note) in rows {
        let server = Server::start(steady(behaviour)).unwrap();
        let mut plan = plan(&server);
        // A chat may hide reasoning.
        plan.api = if what.starts_with("16") { Api::Completions } else { Api::Chat };
        (plan.output_tokens, plan.keep_records) = (64, true);
        (plan.warmup, plan.extent, plan.cooldown) = (Amount::Requests(0), Amount::Requests(4), false);
        let open = if open.is_empty() { String::new() } else { format!(",tpot={open}ms") };
        plan.objectives = parse_objectives(&format!("tpot=100s,tpot={missed}ms{open}")).unwrap();
        let mut measured = run(&plan, &Control::default()).unwrap();
        let lines = records(&mut measured);
        let result = measured.result;
        assert_eq!((result.requests, lines.len()), (4, 4), "{what}");
        let mut judged = 0;
        for line in &lines {
            let events: Vec<f64> = serde_json::from_value(line["events"].clone()).unwrap();
            let between: Option<(f64, Option<f64>)> =
                serde_json::from_value(line["between"].clone()).unwrap();
            let Some((least, most)) = between else { continue };
            judged += 1;
            let after: f64 = events[1..].iter().sum();
            match each {
                Some(each) => assert_eq!((least, most), (after * each, Some(after * each)), "{what}: {line}"),
                None => assert!(least == after && most.unwrap() > least, "{what}: {line}"),
            }
        }
        let known = if each.is_some() { judged } else { 0 };
        assert_eq!((result.tpot_ms.count, result.tpot_ms.mean.is_some()), (known, known > 0), "{what}");
        assert_eq!(result.itl_ms.count > 0, known > 0, "{what}");
        let told = result.warnings.join("; ");
        assert!(told.contains(note), "{what}: {told}");
        // A busy machine may hold up a whole reply, and read it at once.
        if judged == 4 {
            let shares = result.objectives.iter().map(|objective| objective.within.share);
            assert!(shares.zip([1.0, 0.0, 0.0]).all(|(share, wanted)| share == wanted), "{what}: {result:?}");
            let counts: Vec<u64> = result.objectives.iter().map(|objective| objective.undetermined).collect();
            assert_eq!(counts, [&[0, 0], &[4][..]].concat()[..counts.len()], "{what}");
        }
    }
}

/// Well-behaved but for one path, where it answers with bytes of the test's own.
struct Beside {
    behaved: Box<dyn Script>,
    path: &'static str,
    answer: Vec<u8>,
}

impl Script for Beside {
    fn respond(&mut self, asked: &Asked) -> Reply {
        if asked.path != self.path {
            return self.behaved.respond(asked);
        }
        let acts = [Act::Write { bytes: self.answer.clone(), tokens: 0 }, Act::Finish];
        Box::new(acts.into_iter().map(|act| Step { at: 0, act }))
    }
}

fn beside(path: &'static str, answer: Vec<u8>) -> Server {
    Server::start(Box::new(Beside { behaved: steady(quick()), path, answer })).unwrap()
}

#[test]
fn a_redirection_is_told_and_nothing_follows_it() {
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let to = format!("http://{}/v1/models", other.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}?token=in-the-query\r\ncontent-length: 0\r\n\r\n"
    );
    let server = beside("/v1/models", answer.clone().into_bytes());
    let key = ApiKey::new("sk-1234567").unwrap();
    let mut plan = plan(&server);
    plan.target = Target::new(&server.url(), Http::Auto, None, Some(key)).unwrap();
    // Waiting does not change it.
    plan.wait = std::time::Duration::from_secs(60);
    let refused = run(&plan, &Control::default()).unwrap_err().to_string();
    assert!(refused.contains(&format!("`/v1/models`: status 307 sends on to `{to}`")), "{refused}");
    assert!(!refused.contains("in-the-query"), "{refused}");
    let moved = beside("/metrics", answer.into_bytes());
    let result = run(&self::plan(&moved), &Control::default()).unwrap().result;
    let told = result.warnings.join("; ");
    assert!(told.contains("`/metrics` cannot be read: status 307") && result.server.is_none(), "{told}");
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err(), "somebody followed");
}

#[test]
fn an_answer_without_an_end_is_not_read_to_it() {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 40 << 20).into_bytes();
    answer.resize(answer.len() + (40 << 20), b' ');
    let server = beside("/v1/models", answer);
    let refused = run(&plan(&server), &Control::default()).unwrap_err().to_string();
    assert!(refused.contains("longer than 32 MiB"), "{refused}");
}

#[test]
fn why_a_server_is_not_ready_is_told() {
    let limit = std::time::Duration::from_secs(2);
    let at = |url: &str| Target::new(url, Http::Auto, None, None).unwrap();
    let server = beside("/health", b"HTTP/1.1 503 No\r\ncontent-length: 7\r\n\r\nloading".to_vec());
    assert_eq!(plumb_bench::ready(&at(&server.url()), "/health", limit), Err("status 503".to_owned()));
    assert_eq!(plumb_bench::ready(&at(&server.url()), "/v1/models", limit), Ok(()));
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let nobody = plumb_bench::ready(&at(&format!("http://{free}")), "/health", limit);
    assert_eq!(nobody, Err("connect_refused".to_owned()));
    // Accepts and says nothing.
    let mute = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", mute.local_addr().unwrap());
    let short = std::time::Duration::from_millis(200);
    assert_eq!(plumb_bench::ready(&at(&url), "/health", short), Err("timeout".to_owned()));
}
