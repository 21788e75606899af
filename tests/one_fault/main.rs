//! One fault at a time, end to end: the bundle of the planted node, the program, its packs, its findings.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod taken;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use plumb_tests::planted::{self, Planted};
use plumb_tests::synthetic::{FIRST_WORKER, Node, SERVICE};
use plumb_tests::{plumb, run};
use serde_json::Value;

/// The worst outcome of each check that deviates, with subject and message of that finding.
fn deviations(node: &Node, engagement: &str) -> BTreeMap<String, (String, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.plumb");
    node.bundle().write(&path).unwrap();
    let mut command = plumb();
    command.args(["check", "--format", "json"]).arg(&path);
    if !engagement.is_empty() {
        let file = folder.path().join("engagement.toml");
        std::fs::write(&file, engagement).unwrap();
        command.arg("--engagement").arg(file);
    }
    let result = run(&mut command);
    assert_eq!(result.code, 0, "{}", result.err);
    let json: Value = serde_json::from_str(&result.out).unwrap();
    let mut found: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    // A fault is no excuse for statements that exclude each other.
    for own in json["contradictions"].as_array().into_iter().flatten() {
        let sentence = own["sentence"].as_str().unwrap_or_default().to_owned();
        found.insert("contradiction".to_owned(), ("fail".to_owned(), String::new(), sentence));
    }
    for finding in json["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let outcome = text("outcome");
        if !matches!(outcome.as_str(), "warn" | "fail") {
            continue;
        }
        let worse = found.get(&text("check")).is_none_or(|(own, _, _)| own == "warn" && outcome == "fail");
        if worse {
            found.insert(text("check"), (outcome, text("subject"), text("message")));
        }
    }
    found
}

/// What differs from what is expected of a planted node, one line each.
fn complaints(planted: &Planted) -> Vec<String> {
    let mut node = Node::healthy();
    (planted.plant)(&mut node);
    let mut complaints = Vec::new();
    let name = planted.name;
    let impossible = planted::possible(&node.bundle());
    complaints.extend(impossible.iter().map(|line| format!("{name}: no node can be like this: {line}")));
    let mut found = deviations(&node, planted.engagement);
    match found.remove(planted.check) {
        Some((outcome, subject, _))
            if (outcome.as_str(), subject.as_str()) == (planted.outcome, planted.subject) => {}
        Some((outcome, subject, message)) => complaints.push(format!(
            "{name}: {} says {outcome} of `{subject}` ({message}), expected {} of `{}`",
            planted.check, planted.outcome, planted.subject
        )),
        None => complaints.push(format!("{name}: {} did not find it", planted.check)),
    }
    for (check, outcome) in planted.also {
        match found.remove(*check) {
            Some((own, _, _)) if own == *outcome => {}
            Some((own, subject, message)) => {
                complaints
                    .push(format!("{name}: {check} says {own} of {subject} ({message}), expected {outcome}"));
            }
            None => complaints.push(format!("{name}: {check} does not show it, expected {outcome}")),
        }
    }
    for (check, (outcome, subject, message)) in found {
        complaints
            .push(format!("{name}: {check} says {outcome} of {subject} ({message}), which is not expected"));
    }
    complaints
}

#[test]
fn a_healthy_node_is_left_alone() {
    let node = Node::healthy();
    let impossible = planted::possible(&node.bundle());
    assert!(impossible.is_empty(), "no node can be like this: {impossible:#?}");
    let found = deviations(&node, "");
    assert!(found.is_empty(), "a healthy node has deviations: {found:#?}");
}

#[test]
fn what_no_node_can_be_is_told() {
    let group = format!("/sys/fs/cgroup{SERVICE}");
    type Spoilt<'a> = (&'a str, &'a dyn Fn(&mut Node));
    let cases: [Spoilt<'_>; 7] = [
        ("threads that stayed on CPU 4 used", &|node| {
            (FIRST_WORKER..FIRST_WORKER + 8).for_each(|pid| node.seat(pid, 4));
        }),
        ("may run on 4-9,68-73 of those online", &|node| node.seat(FIRST_WORKER, 0)),
        ("cpu0 has 0 ticks", &|node| {
            let first = node.text("/proc/stat");
            node.window("/proc/stat", first.clone(), first);
        }),
        ("MemFree: 1 kB", &|node| node.replace("/proc/meminfo", "MemFree: 1500000000 kB", "MemFree: 1 kB")),
        ("oom_kill 3, the kernel's log tells of 0", &|node| node.vmstat(&[("oom_kill", 3)])),
        ("throttled, without a quota", &|node| node.throttle(&group, 30, 2_000_000)),
        ("cannot use up the quota", &|node| {
            node.set(&format!("{group}/cpu.max"), "1600000 100000\n");
            node.throttle(&group, 30, 2_000_000);
        }),
    ];
    for (told, plant) in cases {
        let mut node = Node::healthy();
        plant(&mut node);
        let impossible = planted::possible(&node.bundle());
        assert!(impossible.iter().any(|line| line.contains(told)), "`{told}` is not in {impossible:#?}");
    }
}

/// `PLUMB_PLANTED=gpu.xid` tries the faults of one check, or of one pack by the start of its checks' names.
#[test]
fn each_planted_fault_is_found_and_nothing_else() {
    let only = std::env::var("PLUMB_PLANTED").unwrap_or_default();
    let all: Vec<&Planted> = planted::all().into_iter().filter(|own| own.check.starts_with(&only)).collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(planted) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let complaints = complaints(planted);
                    found.lock().unwrap().extend(complaints);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_check_has_a_planted_fault() {
    let result = run(plumb().args(["packs", "list", "--format", "json"]));
    assert_eq!(result.code, 0, "{}", result.err);
    let json: Value = serde_json::from_str(&result.out).unwrap();
    let mut ids = BTreeSet::new();
    collect(&json, &mut ids);
    assert!(ids.len() > 80, "{ids:?}");
    let all = planted::all();
    let mut names = BTreeSet::new();
    for own in &all {
        assert!(names.insert(own.name), "`{}` stands twice", own.name);
        assert!(ids.contains(own.check), "there is no check {}", own.check);
    }
    ids.retain(|id| all.iter().all(|own| own.check != *id));
    for (check, why) in planted::NOT_PLANTED {
        assert!(!why.is_empty() && all.iter().all(|own| own.check != *check), "{check} is planted");
        ids.remove(*check);
    }
    assert!(ids.is_empty(), "no fault is planted for {ids:?}");
}

/// All ids of checks in a document.
fn collect(json: &Value, ids: &mut BTreeSet<String>) {
    match json {
        Value::Object(map) => {
            if let Some(checks) = map.get("checks").and_then(Value::as_array) {
                let own = checks.iter().map(|check| check["id"].as_str().or(check.as_str()));
                ids.extend(own.flatten().map(str::to_owned));
            }
            map.values().for_each(|value| collect(value, ids));
        }
        Value::Array(all) => all.iter().for_each(|value| collect(value, ids)),
        _ => {}
    }
}
