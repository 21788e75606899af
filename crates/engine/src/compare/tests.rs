//! Rows of outcomes before and after, and the three rules.

use plumb_check_sdk::{Finding, Outcome, Severity};
use plumb_evidence::model::{
    BenchLoad, BenchResult, ExperimentEffect, ExperimentResult, LatencySummary, Measurements,
};
use plumb_evidence::{Evidence, Fact};
use proptest::prelude::*;

use super::words::Words;
use super::*;
use crate::assess::{PackAnswer, Terms, assess};
use crate::testing;

/// An answer for one check with these subjects and outcomes.
fn answer(check: &str, findings: &[(&str, Outcome)]) -> PackAnswer {
    let mut answer = testing::answer(&[(check, Severity::High, Outcome::Pass)]);
    let model: Finding = answer.findings[0].clone();
    answer.findings = findings
        .iter()
        .map(|&(subject, outcome)| Finding { subject: subject.to_owned(), outcome, ..model.clone() })
        .collect();
    answer
}

fn assessed(findings: &[(&str, Outcome)], evidence: &Evidence) -> Assessment {
    assess(evidence, "0", "0", vec![answer("a.one", findings)], &Terms::default())
}

fn state<'a>(assessment: &'a Assessment, evidence: &'a Evidence) -> State<'a> {
    State { name: "n", host_token: "", evidence, assessment, language: "en" }
}

fn changes(before: &[(&str, Outcome)], after: &[(&str, Outcome)]) -> Changes {
    let evidence = testing::empty_evidence();
    let (before, after) = (assessed(before, &evidence), assessed(after, &evidence));
    compare(state(&before, &evidence), state(&after, &evidence)).findings
}

fn lists(changes: &Changes) -> String {
    let mut out = String::new();
    for (mark, list) in [
        ("fixed", &changes.fixed),
        ("new", &changes.new),
        ("worse", &changes.worse),
        ("better", &changes.better),
        ("unchanged", &changes.unchanged),
        ("open", &changes.not_comparable),
    ] {
        for _ in list {
            out.push_str(mark);
            out.push(' ');
        }
    }
    out.trim_end().to_owned()
}

#[test]
fn what_becomes_of_a_deviation() {
    use Outcome::{Contradictory, Fail, Info, NotApplicable, NotRun, Pass, Warn};
    for (before, after, expected) in [
        (&[("a", Fail)][..], &[("a", Pass)][..], "fixed"),
        (&[("a", Fail)], &[("a", Fail)], "unchanged"),
        (&[("a", Fail)], &[("a", Warn)], "better"),
        (&[("a", Warn)], &[("a", Fail)], "worse"),
        (&[("a", Pass)], &[("a", Fail)], "new"),
        (&[("a", Fail)], &[("a", NotRun)], "open"),
        (&[("a", Fail)], &[("a", Contradictory)], "open"),
        (&[("a", Fail)], &[("a", NotApplicable)], "open"),
        (&[("a", Fail)], &[("a", Info)], "open"),
        (&[("a", NotRun)], &[("a", Fail)], "open"),
        (&[("a", NotApplicable)], &[("a", Fail)], "open"),
        (&[("a", NotRun)], &[("a", Pass)], ""),
        (&[("a", Pass)], &[("a", NotRun)], ""),
        // Subjects that the other side does not name.
        (&[("a", Fail)], &[("node", Pass)], "fixed"),
        (&[("a", Fail)], &[("node", NotRun)], "open"),
        (&[("a", Fail)], &[("b", Pass), ("c", NotRun)], "open"),
        (&[("node", Pass)], &[("a", Fail)], "new"),
        (&[("node", NotRun)], &[("a", Fail)], "open"),
        (&[("a", Fail)], &[("b", Fail)], "unchanged"),
        (&[("a", Warn)], &[("b", Fail)], "worse"),
        (&[("a", Fail)], &[("b", Warn)], "unchanged"),
        (&[("a", Fail), ("b", Fail)], &[("a", Fail), ("c", Pass)], "unchanged open"),
        // A missing answer of the same subject outweighs its pass.
        (&[("a", Fail)], &[("a", Pass), ("a", NotRun)], "open"),
    ] {
        assert_eq!(lists(&changes(before, after)), expected, "{before:?} then {after:?}");
    }
}

/// What became of the one finding, in the letters of [`Fate`].
fn fates(before: &[(&str, Outcome)], after: &[(&str, Outcome)]) -> Vec<Fate> {
    let evidence = testing::empty_evidence();
    let (before, after) = (assessed(before, &evidence), assessed(after, &evidence));
    let found = compare(state(&before, &evidence), state(&after, &evidence));
    found.causes.iter().map(|cause| cause.fate).collect()
}

#[test]
fn what_becomes_of_a_finding_as_reports_count_them() {
    use Outcome::{Fail, NotRun, Pass};
    for (before, after, expected) in [
        (&[("a", Fail), ("b", Fail)][..], &[("a", Pass), ("b", Pass)][..], Fate::Fixed),
        (&[("a", Fail), ("b", Fail)], &[("a", Pass), ("b", Fail)], Fate::Partly),
        (&[("a", Fail), ("b", Fail)], &[("a", Pass), ("b", NotRun)], Fate::Partly),
        (&[("a", Fail), ("b", Fail)], &[("a", Fail), ("b", Fail)], Fate::Open),
        (&[("a", Fail)], &[("a", NotRun)], Fate::Unchecked),
        (&[("a", Pass)], &[("a", Fail)], Fate::New),
        (&[("a", NotRun)], &[("a", Fail)], Fate::FoundNow),
    ] {
        assert_eq!(fates(before, after), [expected], "{before:?} then {after:?}");
    }
    assert!(fates(&[("a", Pass)], &[("a", Pass)]).is_empty());
}

#[test]
fn a_finding_is_told_by_its_worst_and_by_what_is_left() {
    let evidence = testing::empty_evidence();
    let before = assessed(&[("a", Outcome::Fail), ("b", Outcome::Warn)], &evidence);
    let after = assessed(&[("a", Outcome::Pass), ("b", Outcome::NotRun)], &evidence);
    let found = compare(state(&before, &evidence), state(&after, &evidence));
    let [cause] = found.causes.as_slice() else { panic!("{:?}", found.causes) };
    assert_eq!((cause.id_before.as_deref(), cause.id_after.as_deref()), (Some("F1"), None));
    assert_eq!((cause.score, cause.unchecked.len()), (before.findings[0].score, 1));
}

#[test]
fn a_comparison_speaks_the_language_of_its_document() {
    let evidence = testing::empty_evidence();
    let (before, after) =
        (assessed(&[("a", Outcome::Fail)], &evidence), assessed(&[("node", Outcome::Pass)], &evidence));
    let german = |assessment| State { language: "de", ..state(assessment, &evidence) };
    let found = compare(german(&before), german(&after));
    let why = found.findings.fixed[0].why.as_deref().unwrap();
    assert!(why.starts_with("die abweichende Stelle"), "{why}");
}

#[test]
fn a_check_without_a_pack_is_not_fixed() {
    let evidence = testing::empty_evidence();
    let before = assessed(&[("a", Outcome::Fail)], &evidence);
    let after =
        assess(&evidence, "0", "0", vec![answer("a.two", &[("a", Outcome::Pass)])], &Terms::default());
    let comparison = compare(state(&before, &evidence), state(&after, &evidence));
    assert_eq!(lists(&comparison.findings), "open");
    assert!(!comparison.is_whole() && !comparison.is_worse());
}

#[test]
fn weaker_evidence_is_no_progress() {
    use plumb_check_sdk::{Confidence, Likelihood};
    let evidence = testing::empty_evidence();
    let with = |likelihood, confidence| {
        let mut answer = answer("a.one", &[("a", Outcome::Fail)]);
        answer.findings[0].likelihood = likelihood;
        answer.findings[0].confidence = confidence;
        assess(&evidence, "0", "0", vec![answer], &Terms::default())
    };
    let strong = with(Likelihood::Measured, Confidence::High);
    for weak in [with(Likelihood::Setting, Confidence::High), with(Likelihood::Measured, Confidence::Low)] {
        let comparison = compare(state(&strong, &evidence), state(&weak, &evidence));
        assert_eq!(lists(&comparison.findings), "unchanged");
        assert!(comparison.findings.unchanged[0].why.as_ref().unwrap().contains("weaker"));
        let back = compare(state(&weak, &evidence), state(&strong, &evidence));
        assert_eq!(lists(&back.findings), "worse");
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::Pass,
        Outcome::Fail,
        Outcome::Warn,
        Outcome::NotRun,
        Outcome::NotApplicable,
        Outcome::Info,
        Outcome::Contradictory,
    ])
}

fn findings() -> impl Strategy<Value = Vec<(&'static str, Outcome)>> {
    prop::collection::vec((prop::sample::select(vec!["a", "b", "c", "node"]), outcome()), 0..5)
}

proptest! {
    #[test]
    fn a_state_does_not_differ_from_itself(findings in findings()) {
        let changes = changes(&findings, &findings);
        prop_assert!(changes.fixed.is_empty() && changes.new.is_empty(), "{changes:?}");
        prop_assert!(changes.worse.is_empty() && changes.better.is_empty(), "{changes:?}");
        prop_assert!(changes.not_comparable.is_empty(), "{changes:?}");
    }

    /// Answers that are lost, each replaced by "not run" or taken away with what remains marked as not run.
    #[test]
    fn losing_answers_fixes_nothing(findings in findings(), lost in prop::collection::vec(any::<bool>(), 5)) {
        let after: Vec<_> = findings
            .iter()
            .zip(&lost)
            .map(|(&(subject, outcome), &lost)| (subject, if lost { Outcome::NotRun } else { outcome }))
            .collect();
        let changes = changes(&findings, &after);
        prop_assert!(changes.fixed.is_empty() && changes.better.is_empty(), "{changes:?}");
        prop_assert!(changes.new.is_empty(), "{changes:?}");
    }

    #[test]
    fn findings_of_the_report_before_add_up(before in findings(), after in findings()) {
        let evidence = testing::empty_evidence();
        let (before, after) = (assessed(&before, &evidence), assessed(&after, &evidence));
        let found = compare(state(&before, &evidence), state(&after, &evidence));
        let of_before = found.causes.iter().filter(|cause| cause.id_before.is_some()).count();
        prop_assert_eq!(of_before, found.before.deviations);
        prop_assert!(found.causes.iter().filter(|cause| cause.id_after.is_some()).count() <= found.after.deviations);
    }

    #[test]
    fn every_deviation_is_in_one_list(before in findings(), after in findings()) {
        let changes = changes(&before, &after);
        let total = [&changes.fixed, &changes.new, &changes.worse, &changes.better, &changes.unchanged,
                     &changes.not_comparable].into_iter().map(Vec::len).sum::<usize>();
        let deviates = before.iter().chain(&after).any(|(_, outcome)| outcome.is_deviation());
        prop_assert_eq!(total > 0, deviates);
        // Forth is back: what is fixed one way is new the other way, and the other way round.
        let back = self::changes(&after, &before);
        prop_assert_eq!(changes.fixed.len(), back.new.len());
        prop_assert_eq!(changes.new.len(), back.fixed.len());
    }
}

fn run(p95: f64, valid: bool) -> BenchResult {
    BenchResult {
        valid,
        invalid_reason: (!valid).then(|| "the client was the limit".to_owned()),
        load: BenchLoad { text: "closed 8".into(), ..BenchLoad::default() },
        ttft_ms: LatencySummary { p95: Some(p95), ..LatencySummary::default() },
        output_tokens_per_s: 1000.0,
        ..BenchResult::default()
    }
}

fn measured_evidence(runs: Vec<BenchResult>, floor: Option<f64>) -> Evidence {
    let mut evidence = testing::empty_evidence();
    let experiments = floor.map(|floor| {
        let effect = ExperimentEffect {
            metric: "ttft_p95".into(),
            ratio: 1.0,
            low: Some(1.0 / (1.0 + floor)),
            high: Some(1.0 + floor),
            ..ExperimentEffect::default()
        };
        vec![ExperimentResult { valid: true, noise_floor: vec![effect], ..ExperimentResult::default() }]
    });
    evidence.measurements = Fact::Known(Measurements {
        bench: Fact::Known(runs),
        experiments: experiments.map_or_else(Fact::default, Fact::Known),
        ..Measurements::default()
    });
    evidence
}

fn verdict(before: &[f64], after: &[f64], floor: Option<f64>) -> (Verdict, Basis) {
    let evidence =
        |values: &[f64]| measured_evidence(values.iter().map(|&ms| run(ms, true)).collect(), floor);
    let measured = measured::compare(&evidence(before), &evidence(after), &Words::new("en"));
    let change = measured.changes.iter().find(|change| change.metric == "ttft_p95").unwrap();
    (change.verdict, change.basis)
}

#[test]
fn a_difference_counts_against_the_spread_of_runs() {
    use Basis::{BetweenRuns, None as Nothing};
    let slow = [100.0, 101.0, 99.0];
    let fast = [80.0, 81.0, 79.0];
    assert_eq!(verdict(&slow, &fast, None), (Verdict::Improved, BetweenRuns));
    assert_eq!(verdict(&fast, &slow, None), (Verdict::Worse, BetweenRuns));
    assert_eq!(verdict(&slow, &slow, None), (Verdict::NoMeasuredEffect, BetweenRuns));
    assert_eq!(verdict(&slow, &[95.0, 80.0, 110.0], None), (Verdict::NoMeasuredEffect, BetweenRuns));
    // A floor of 30 % swallows 20 %.
    assert_eq!(verdict(&slow, &fast, Some(0.3)), (Verdict::NoMeasuredEffect, BetweenRuns));
    assert_eq!(verdict(&slow, &fast, Some(0.05)), (Verdict::Improved, BetweenRuns));
    assert_eq!(verdict(&[100.0], &[50.0], None), (Verdict::NotResolved, Nothing));
    // Of two runs the interval may be anything: here it would reach from a thousandth of a percent to a hundredfold.
    assert_eq!(verdict(&[100.0, 101.0], &[50.0, 51.0], None), (Verdict::NotResolved, Nothing));
}

#[test]
fn the_interval_of_a_ratio_is_welchs_of_logarithms() {
    // Logs with means 0 and 1, variances 1 each, three values: standard error √(2/3), 4 degrees of freedom, t 2.776.
    let values = |mean: f64| [mean - 1.0, mean, mean + 1.0].map(f64::exp);
    let evidence =
        |values: [f64; 3]| measured_evidence(values.iter().map(|&ms| run(ms, true)).collect(), None);
    let measured = measured::compare(&evidence(values(0.0)), &evidence(values(1.0)), &Words::new("en"));
    let change = measured.changes.iter().find(|change| change.metric == "ttft_p95").unwrap();
    let (low, high) = change.interval.unwrap();
    let half = 2.776_445 * (2.0_f64 / 3.0).sqrt();
    assert!(
        (low.ln() - (1.0 - half)).abs() < 1e-5 && (high.ln() - (1.0 + half)).abs() < 1e-5,
        "{low} {high}"
    );
}

#[test]
fn what_is_not_valid_or_not_there_is_said() {
    let before = measured_evidence(vec![run(100.0, true)], None);
    let after = measured_evidence(vec![run(50.0, false)], None);
    let measured = measured::compare(&before, &after, &Words::new("en"));
    assert!(measured.changes.is_empty());
    assert!(
        measured.not_comparable[0].contains("no valid run after: the client was the limit"),
        "{measured:?}"
    );
    let measured = measured::compare(&before, &testing::empty_evidence(), &Words::new("en"));
    assert!(measured.not_comparable[0].contains("was measured before only"), "{measured:?}");
}

#[test]
fn loads_are_those_that_were_measured() {
    let of = |asked: u32, tokens: u64| {
        let mut run = run(100.0, true);
        (run.requests, run.tokens.output) = (100, tokens);
        run.load.output_tokens = Some(asked);
        run
    };
    let evidence = |run: BenchResult| measured_evidence(vec![run], None);
    // Replies of 64 tokens before and of 10 after, where 64 were asked for.
    let measured = measured::compare(&evidence(of(64, 6400)), &evidence(of(64, 1000)), &Words::new("en"));
    assert!(measured.changes.is_empty(), "{measured:?}");
    let told = measured.not_comparable.join("; ");
    assert!(told.contains("? → 10 (64 asked for) tokens was measured after only"), "{told}");
    assert!(told.contains("? → 64 tokens was measured before only"), "{told}");
    // Within 5 %, and whatever was asked for.
    assert!(
        measured::compare(&evidence(of(64, 6400)), &evidence(of(128, 6200)), &Words::new("en"))
            .not_comparable
            .is_empty()
    );
    // Failed requests have no length.
    let mut failing = of(64, 3200);
    failing.errors.insert("http_5xx".into(), 50);
    assert!(
        measured::compare(&evidence(of(64, 6400)), &evidence(failing), &Words::new("en"))
            .not_comparable
            .is_empty()
    );
}

#[test]
fn runs_that_the_prefix_cache_answered_unevenly_do_not_compare() {
    let with = |share: Option<f64>, cached: u64| {
        let mut run = run(100.0, true);
        run.tokens.cached_share = share;
        (run.tokens.prompt, run.tokens.cached) = (1000, cached);
        measured_evidence(vec![run], None)
    };
    let cold = with(Some(0.0), 0);
    for (warm, told) in [(with(Some(0.99), 990), "99.0 %"), (with(None, 990), "99.0 %")] {
        let measured = measured::compare(&cold, &warm, &Words::new("en"));
        assert!(measured.changes.is_empty());
        let why = &measured.not_comparable[0];
        assert!(why.contains("0.0 % of the prompt tokens before") && why.contains(told), "{why}");
    }
    let unknown = measured::compare(&with(None, 0), &with(Some(0.5), 500), &Words::new("en"));
    assert!(unknown.not_comparable[0].contains("an unknown share"), "{unknown:?}");
    for same in [with(Some(0.005), 5), with(None, 0)] {
        assert!(measured::compare(&cold, &same, &Words::new("en")).not_comparable.is_empty());
    }
}

#[test]
fn drift_tells_what_is_not_known_from_what_is_not_set() {
    let node = |line: Option<&str>, swappiness: Option<&str>| {
        let mut evidence = testing::empty_evidence();
        if let Some(line) = line {
            evidence.node.cmdline = Fact::Known(line.to_owned());
        }
        let value = swappiness.map_or_else(Fact::default, |value| Fact::Known(value.to_owned()));
        evidence.sysctl.insert("vm.swappiness".to_owned(), value);
        configuration(&evidence)
    };
    let of = |before: &Configuration, after: &Configuration| -> Vec<(String, DriftKind)> {
        drift::compare(before, after).into_iter().map(|drift| (drift.name, drift.kind)).collect()
    };
    let first = node(Some("quiet iommu=pt mitigations=off"), Some("60"));
    let second = node(Some("iommu=on mitigations=off isolcpus=1"), Some("1"));
    let name = |name: &str| name.to_owned();
    assert_eq!(
        of(&first, &second),
        [
            (name("iommu"), DriftKind::Changed),
            (name("isolcpus"), DriftKind::Appeared),
            (name("quiet"), DriftKind::Vanished),
            (name("vm.swappiness"), DriftKind::Changed),
        ]
    );
    let blind = node(None, None);
    assert_eq!(
        of(&first, &blind),
        [(name("all of them"), DriftKind::NotComparable), (name("vm.swappiness"), DriftKind::NotComparable)]
    );
    assert_eq!(of(&first, &first), []);
}

#[test]
fn what_a_node_counts_is_not_set_otherwise_and_places_of_servers_lead() {
    use plumb_evidence::model::{InferenceServer, Role, ServerProcess, Thread};
    let node = |cpus: &str, count: &str| {
        let mut evidence = testing::empty_evidence();
        let known = |text: &str| Fact::Known(text.to_owned());
        for name in ["fs.file-nr", "kernel.random.entropy_avail", "net.netfilter.nf_conntrack_count"] {
            evidence.sysctl.insert(name.to_owned(), known(count));
        }
        evidence.node.cmdline = known(&format!("isolcpus={count}"));
        let files = [("/proc/uptime".to_owned(), known(count))].into();
        evidence.settings.insert("kernel".to_owned(), files);
        let thread = Thread {
            tid: 1,
            comm: String::new(),
            cpus_allowed: Fact::Known(cpus.parse().unwrap()),
            mems_allowed: Fact::absent("test"),
            last_cpu: Fact::absent("test"),
            cpu_ticks: Fact::absent("test"),
            policy: Fact::absent("test"),
            rt_priority: Fact::absent("test"),
            nice: Fact::absent("test"),
        };
        let process = ServerProcess { role: Role::Whole, threads: vec![thread], ..ServerProcess::default() };
        let server = InferenceServer {
            kind: "vllm".to_owned(),
            processes: vec![process],
            ..InferenceServer::default()
        };
        evidence.servers = Fact::Known(vec![server]);
        configuration(&evidence)
    };
    let names: Vec<String> =
        drift::compare(&node("1", "7"), &node("0-1", "9")).into_iter().map(|drift| drift.name).collect();
    assert_eq!(names, ["vllm: CPUs of the server", "isolcpus"]);
}

#[test]
fn a_quota_that_is_gone_is_set_otherwise() {
    use plumb_evidence::model::{Cgroup, CgroupLevel, InferenceServer, Role, ServerProcess};
    let node = |quota: Option<&str>| {
        let mut evidence = testing::empty_evidence();
        let values = quota.map(|quota| ("cpu.max".to_owned(), Fact::Known(quota.to_owned())));
        let level = CgroupLevel { path: "/sys/fs/cgroup/a".to_owned(), values: values.into_iter().collect() };
        let groups = Cgroup { version: 2, chain: vec![level], namespaced: false };
        let process =
            ServerProcess { role: Role::Whole, cgroup: Fact::Known(groups), ..ServerProcess::default() };
        let server = InferenceServer {
            kind: "vllm".to_owned(),
            processes: vec![process],
            ..InferenceServer::default()
        };
        evidence.servers = Fact::Known(vec![server]);
        configuration(&evidence)
    };
    let limited = node(Some("800000 100000"));
    let kinds = |after: &Configuration| -> Vec<(String, DriftKind)> {
        drift::compare(&limited, after).into_iter().map(|drift| (drift.name, drift.kind)).collect()
    };
    let name = "vllm: CPU limit".to_owned();
    assert_eq!(kinds(&node(Some("max 100000"))), [(name.clone(), DriftKind::Vanished)]);
    assert_eq!(kinds(&node(Some("1600000 100000"))), [(name.clone(), DriftKind::Changed)]);
    // A group that was not read may have any.
    assert_eq!(kinds(&node(None)), [(name, DriftKind::NotComparable)]);
}

#[test]
fn a_share_that_fell_is_better_at_the_same_score() {
    use plumb_check_sdk::Arg;
    let evidence = testing::empty_evidence();
    let with = |name: &str, share: f64| {
        let mut answer = answer("a.one", &[("a", Outcome::Fail)]);
        answer.findings[0].variant = Some("waits".to_owned());
        answer.findings[0].args.insert(name.to_owned(), Arg::quantity(share, "%", 2));
        assess(&evidence, "0", "0", vec![answer], &Terms::default())
    };
    for (name, from, to, expected) in [
        ("waited", 99.9, 84.4, "better"),
        ("waited", 84.4, 99.9, "worse"),
        ("waited", 99.9, 95.0, "unchanged"),
        // Whether more of it is better is not known.
        ("share", 99.9, 84.4, "unchanged"),
    ] {
        let (before, after) = (with(name, from), with(name, to));
        let changes = compare(state(&before, &evidence), state(&after, &evidence)).findings;
        assert_eq!(lists(&changes), expected, "{name}: {from} then {to}");
        let told = changes.better.iter().chain(&changes.worse).chain(&changes.unchanged);
        let why: Vec<&str> = told.filter_map(|change| change.why.as_deref()).collect();
        let figures = format!("the same is told, with {to:.1} % where it was {from:.1} %");
        assert_eq!(why, if to == 95.0 { Vec::new() } else { vec![figures.as_str()] });
    }
}

#[test]
fn bundles_pair_by_token_and_then_by_name() {
    let own = |name: &str, token: &str, host: &str| Identity {
        name: name.to_owned(),
        host_token: token.to_owned(),
        host: (!host.is_empty()).then(|| host.to_owned()),
    };
    let before =
        [own("1", "t1", "a"), own("2", "", "b"), own("3", "t3", "c"), own("4", "", ""), own("5", "t5", "x")];
    let after = [
        own("b", "", "b"),
        own("a", "t1", "renamed"),
        own("d", "t9", "c"),
        own("x", "t5", ""),
        own("y", "t5", ""),
    ];
    let pairing = pair(&before, &after);
    assert_eq!(pairing.pairs, [(0, 1), (1, 0)]);
    let why =
        |list: &[Unpaired]| list.iter().map(|one| format!("{}: {}", one.name, one.why)).collect::<Vec<_>>();
    assert_eq!(
        why(&pairing.only_before),
        [
            "3: the other folder has no bundle of this node",
            "4: the bundle tells neither token nor name of its node",
            "5: the other folder holds several bundles of this node; keep one",
        ]
    );
    assert_eq!(pairing.only_after.len(), 3);
}
