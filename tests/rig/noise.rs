//! Noise where it is known: on a machine whose clock counts instructions nothing takes the CPU but the guest's own kernel,
//! and what a test injects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use plumb_tests::noise::{between, cyclictest_latencies, cyclictest_max, oslat_gaps, quantile};
use plumb_tests::skip;
use serde_json::Value;

use super::{Guest, Machine, rig_for, visit};

/// What is injected: so many preemptions of half a millisecond, one in 10 ms.
const INJECTED: u64 = 300;
/// What an injected gap may take in µs, with its two switches. Nothing else takes the CPU for as long.
const INJECTED_US: std::ops::Range<u64> = 500..700;

/// An instruction takes 8 ns there, so that a turn of the loop is longer than elsewhere; an interrupt takes 20 µs.
const SPIN: &str =
    "plumb -q noise --cpus 0 --all --mode spin --maintenance --threshold-ns 5000 --format json";

fn noise(text: &str) -> Value {
    let report: Value = serde_json::from_str(text).unwrap();
    assert_eq!(report["valid"], true, "{report:#}");
    report["cpus"][0].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Gaps of a result in a range of µs, and their median in µs.
fn gaps(cpu: &Value, from_us: u64, to_us: u64) -> (u64, f64) {
    let payload = STANDARD.decode(cpu["histogram"].as_str().unwrap()).unwrap();
    let histogram: Histogram<u32> = Deserializer::new().deserialize(&mut payload.as_slice()).unwrap();
    let mut counts = Vec::new();
    for step in histogram.iter_recorded() {
        let us = step.value_iterated_to() / 1000;
        if (from_us..to_us).contains(&us) {
            counts.push((us, step.count_since_last_iteration()));
        }
    }
    (counts.iter().map(|(_, count)| count).sum(), quantile(&counts, 0.5).unwrap_or(f64::NAN))
}

#[test]
fn noise_is_found_as_often_as_it_is_there() {
    let Some(rig) = rig_for("noise of a machine whose clock counts instructions") else { return };
    let machine = Machine::OneCpu;
    let preempt = env!("CARGO_BIN_EXE_preempt");
    let guest = Guest::new(machine).plumb().unwrap().program(preempt).unwrap();
    let guest = ["oslat", "cyclictest", "chrt"].iter().try_fold(guest, |guest, tool| guest.program(tool));
    let guest = match guest {
        Ok(guest) => guest,
        Err(why) => return skip(&format!("rig, noise: {why}; install rt-tests and util-linux")),
    };
    let script = format!(
        "set -e
        {SPIN} --seconds 3 > quiet.json
        oslat --cpu-list 0 -D 3s -b 1024 -q --json=oslat.json > /dev/null
        chrt -f 50 preempt inject {INJECTED} 10000 500 1000000 & injector=$!
        {SPIN} --seconds 4.5 > injected.json; wait $injector
        chrt -f 50 preempt inject {INJECTED} 10000 500 1500000 & injector=$!
        oslat --cpu-list 0 -D 5s -b 1024 -q --json=oslat-injected.json > /dev/null; wait $injector
        plumb -q noise --cpus 0 --all --mode wake --wake-hz 200 --seconds 10 --format json > wake.json
        cyclictest --policy=other -a 0 -t 1 -i 5000 -l 1000 -h 1000 -q > cyclictest-other
        cyclictest -p 80 -a 0 -t 1 -i 5000 -l 1000 -h 1000 -q > cyclictest-fifo"
    );
    let visit = visit(&rig, machine, guest, &script);
    let tell = |text: String| {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "rig: {text}");
    };

    let quiet = noise(&visit.text("quiet.json"));
    let (kernel, counted) = (number(&quiet["kernel"]["count"]), number(&quiet["counted_interrupts"]));
    let oslat = oslat_gaps(&visit.text("oslat.json"));
    let oslat_gaps = between(&oslat, 5, u64::MAX);
    tell(format!(
        "quiet: {kernel} gaps of the kernel, {counted} interrupts counted, {} others; oslat {oslat_gaps} gaps; turn {:.1} ns, {}",
        quiet["other"]["count"],
        number(&quiet["turn_ns"]),
        quiet["attribution"]
    ));
    assert_eq!((&quiet["told_apart"], &quiet["other"]["count"]), (&true.into(), &0.into()), "{quiet:#}");
    assert!((kernel - counted).abs() <= 1.0, "{kernel} gaps, {counted} interrupts");
    assert!((kernel - oslat_gaps as f64).abs() <= 2.0, "{kernel} gaps, oslat found {oslat_gaps}");
    assert_eq!(quiet["attribution"], "classified");

    let injected = noise(&visit.text("injected.json"));
    let (found, median) = gaps(&injected, INJECTED_US.start, INJECTED_US.end);
    let oslat = self::oslat_gaps(&visit.text("oslat-injected.json"));
    let theirs: Vec<(u64, u64)> = oslat.into_iter().filter(|(us, _)| INJECTED_US.contains(us)).collect();
    let waited = number(&injected["preempted_share"]) * number(&injected["seconds"]) * 1e3;
    tell(format!(
        "injected {INJECTED}: found {found} of {median} µs, waited {waited:.1} ms in {} preemptions; oslat found {} of {} µs",
        injected["preempted"]["count"],
        between(&theirs, 0, u64::MAX),
        quantile(&theirs, 0.5).unwrap_or(f64::NAN)
    ));
    assert_eq!(found, INJECTED);
    // Each takes 500 µs and two switches.
    let least = INJECTED as f64 * 0.5;
    assert!((least..least * 1.15).contains(&waited), "{waited} ms");
    assert!((median - quantile(&theirs, 0.5).unwrap()).abs() <= 8.0);

    let wake = noise(&visit.text("wake.json"));
    for (ours, theirs) in [("wakeup_us", "cyclictest-other"), ("wakeup_precise_us", "cyclictest-fifo")] {
        let text = visit.text(theirs);
        let latencies = cyclictest_latencies(&text);
        let wake = &wake[ours];
        let [p50, p99, max] = ["p50", "p99", "max"].map(|field| number(&wake[field]));
        let [their_p50, their_p99, their_p999] =
            [0.5, 0.99, 0.999].map(|share| quantile(&latencies, share).unwrap());
        tell(format!(
            "{ours}: p50 {p50:.1} p99 {p99:.1} max {max:.1} µs of {}, {} missed; {theirs}: p50 {their_p50} p99 {their_p99} max \
             {} µs, all but one {their_p999}",
            wake["count"],
            wake["missed"],
            cyclictest_max(&text).unwrap()
        ));
        assert_eq!((&wake["count"], &wake["missed"]), (&1000.into(), &0.into()));
        // The longest are told but not compared: one or two of cyclictest's, of its own start. A real-time thread is the
        // nearest that it has to a slack of 1 ns, but comes to its CPU in another way.
        let near = if ours == "wakeup_us" { 5.0 } else { 10.0 };
        assert!((p50 - their_p50).abs() <= near, "{p50} against {their_p50}");
        assert!(ours != "wakeup_us" || (p99 - their_p99).abs() <= near, "{p99} against {their_p99}");
    }
}

#[test]
fn memory_lies_on_the_node_that_is_measured() {
    let Some(rig) = rig_for("memory of two nodes") else { return };
    let machine = Machine::TwoNodes;
    let guest = Guest::new(machine).plumb().unwrap();
    let visit =
        visit(&rig, machine, guest, "plumb -q noise --memory --core-to-core --format json > noise.json");
    let report: Value = serde_json::from_str(&visit.text("noise.json")).unwrap();
    let paths = report["memory_paths"].as_array().unwrap();
    let pairs: Vec<[u64; 3]> = paths
        .iter()
        .map(|path| ["cpu_node", "memory_node", "distance"].map(|field| path[field].as_u64().unwrap()))
        .collect();
    assert_eq!(pairs, [[0, 0, 10], [0, 1, 21], [1, 0, 21], [1, 1, 10]]);
    for path in paths {
        assert_eq!(path["placed_share"], 1.0, "{path}");
        // How fast an emulator is says nothing.
        assert!(number(&path["latency_ns"]) > 0.0 && number(&path["read_gb_per_s"]) > 0.0, "{path}");
    }
    assert_eq!(report["core_to_core"].as_array().unwrap().len(), 6);
}
