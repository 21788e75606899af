use super::*;

fn limit(metric: Metric, limit_ms: f64) -> Objective {
    Objective { metric, percentile: 0.95, limit_ms }
}

#[test]
fn all_limits_together_are_bounded_by_each() {
    let limits = [limit(Metric::Ttft, 500.0), limit(Metric::E2e, 5000.0)];
    let edges = Histograms::from([
        ("ttft".to_owned(), vec![400.0, 600.0]),
        ("e2e".to_owned(), vec![4000.0, 6000.0]),
        ("itl".to_owned(), vec![40.0, 60.0]),
    ]);
    let ended = |e2e: &str, all: f64| Ended {
        counts: [
            ("ttft".to_owned(), vec![90.0, 95.0, 100.0]),
            (e2e.to_owned(), vec![0.8 * all, 0.99 * all, all]),
        ]
        .into(),
        ..Ended::default()
    };
    let attained = ended("e2e", 100.0).attained(&limits, &edges);
    let all = attained.last().unwrap();
    assert_eq!(all.metric, "all");
    assert!((all.least - 0.7).abs() < 1e-9 && (all.most - 0.95).abs() < 1e-9, "{all:?}");
    // Tokens cannot be put together with requests, and nothing is said of what nobody sent.
    let limits = [limit(Metric::Ttft, 500.0), limit(Metric::Itl, 50.0)];
    assert!(ended("itl", 900.0).attained(&limits, &edges).iter().all(|one| one.metric != "all"));
    assert!(Ended::default().attained(&limits, &edges).is_empty());
}

fn plan(limits: Vec<Objective>) -> ObservePlan {
    ObservePlan {
        target: None,
        pid: None,
        every: Duration::from_secs(60),
        length: Duration::from_secs(8 * 3600),
        limits,
        root: PathBuf::from("/"),
    }
}

fn scrape(tokens: u32, requests: u32, fast: u32) -> Scrape {
    Scrape::read(&format!(
        "vllm:generation_tokens_total {tokens}\nvllm:request_success_total {requests}\nvllm:num_requests_running 3\n\
         vllm:time_to_first_token_seconds_bucket{{le=\"0.25\"}} {fast}\n\
         vllm:time_to_first_token_seconds_bucket{{le=\"1.0\"}} {requests}\n\
         vllm:time_to_first_token_seconds_bucket{{le=\"+Inf\"}} {requests}\n\
         vllm:time_to_first_token_seconds_sum {requests}\nvllm:time_to_first_token_seconds_count {requests}\n"
    ))
}

#[test]
fn a_server_that_was_restarted_counts_from_zero_again() {
    let limits = vec![limit(Metric::Ttft, 500.0)];
    let plan = plan(limits);
    let mut watch = Watch::new(&plan, None, OffsetDateTime::UNIX_EPOCH);
    let look = |at: f64, scrape| Look { at, scrape: Some(scrape), ..Look::default() };
    let looks = [
        look(0.0, scrape(1000, 10, 10)),
        look(60.0, scrape(7000, 110, 90)),
        // Down and up again: 20 requests since.
        look(120.0, scrape(900, 20, 20)),
    ];
    for pair in looks.windows(2) {
        watch.take(&pair[0], &pair[1]);
    }
    let result = watch.concluded();
    assert_eq!((result.restarts, result.moments.len(), result.kind.as_str()), (1, 2, ""));
    let ttft = &result.attained[0];
    assert_eq!((ttft.count, ttft.least), (120.0, 100.0 / 120.0));
    assert_eq!(ttft.most, 1.0);
    assert_eq!(result.parts[0].requests, Some(120.0));
    assert_eq!((result.moments[0].tokens_per_s, result.moments[0].running), (Some(100.0), Some(3.0)));
}

#[test]
fn an_observation_of_a_month_has_a_bounded_file() {
    let mut plan = plan(vec![limit(Metric::Ttft, 500.0)]);
    plan.length = Duration::from_secs(60 * 86_400);
    let mut watch = Watch::new(&plan, None, OffsetDateTime::UNIX_EPOCH);
    let look = |minute: u32| Look {
        at: f64::from(minute) * 60.0,
        scrape: Some(scrape(minute * 1000, minute * 10, minute * 9)),
        busy: f64::from(minute) * 60.0,
        ..Look::default()
    };
    for minute in 0..60 * 24 * 60 {
        watch.take(&look(minute), &look(minute + 1));
    }
    let result = watch.concluded();
    assert!(result.moments.len() <= MOST_MOMENTS && result.parts.len() <= MOST_PARTS + 1);
    let text = serde_json::to_vec(&result).unwrap();
    println!("60 days: {} moments, {} parts, {} bytes", result.moments.len(), result.parts.len(), text.len());
    assert!(text.len() < 2 << 20, "{}", text.len());
    let rates = result.moments.iter().filter_map(|moment| moment.requests_per_s);
    assert!(rates.clone().count() > 700 && rates.clone().all(|rate| (rate - 10.0 / 60.0).abs() < 1e-6));
}
