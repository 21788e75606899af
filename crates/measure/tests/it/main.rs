//! The load generator against a server whose every delay is known.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use plumb_measure::bench::reference::{Behaviour, LogEntry, Server, steady};
use plumb_measure::bench::{
    Amount, Api, Arrivals, Control, Http, Load, Plan, Precision, Prompts, Target, parse_objectives,
    parse_trace, run,
};

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
