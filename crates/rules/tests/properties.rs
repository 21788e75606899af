//! What must hold for all rules and all evidence, tried on generated ones.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use plumb_check_sdk::{Finding, Outcome};
use plumb_rules::{load, manifest};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A condition over `node`, `gpus` and the variable `v`; `depth` more levels. Mostly of the right types, or it would mostly
/// be unanswered and show nothing.
fn condition(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "has(node.a)",
        "has(node.b)",
        "has(node.group.a)",
        "has(node.group.b)",
        "!has(node.a)",
        "node.flag",
        "true",
        "false",
        "node.text == \"x\"",
        "node.a == null",
        "gpus.exists(g, has(g.a))",
        "gpus.all(g, !has(g.b))",
        "v == v",
    ])
    .prop_map(str::to_owned);
    if depth == 0 {
        return leaf.boxed();
    }
    let (b, n, l) = (condition(depth - 1), number(depth - 1), list(depth - 1));
    let compare = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let junction = prop::sample::select(vec!["&&", "||", "==", "!="]);
    let search = prop::sample::select(vec!["exists", "all", "exists_one"]);
    prop_oneof![
        2 => leaf,
        4 => (n.clone(), compare, n.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        4 => (b.clone(), junction, b.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        2 => b.clone().prop_map(|a| format!("!{a}")),
        2 => (l.clone(), search, n.clone()).prop_map(|(a, name, n)| format!("{a}.{name}(i, i > {n})")),
        2 => (search_gpus(), n.clone()).prop_map(|(name, n)| format!("gpus.{name}(g, g.a >= {n} || g.b == {n})")),
        2 => (n.clone(), l.clone()).prop_map(|(a, l)| format!("({a} in {l})")),
        1 => (l.clone(), l).prop_map(|(a, b)| format!("({a} == {b})")),
        1 => (b.clone(), b.clone(), b).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        // Of any type at all.
        1 => (n.clone(), n).prop_map(|(a, b)| format!("({a} && {b})")),
    ]
    .boxed()
}

fn search_gpus() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec!["exists", "all", "exists_one"])
}

fn number(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "node.a",
            "node.b",
            "node.group.a",
            "node.group.b",
            "node[\"b\"]",
            "limits.x",
            "gpus[0].a",
            "gpus[1].b",
            "int(node.text)",
            "size(node.text)",
            "size(node.list)",
            "size(gpus)",
            "v",
            "v.a",
        ])
        .prop_map(str::to_owned),
        (-3i32..4).prop_map(|n| n.to_string()),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let (b, n, l) = (condition(depth - 1), number(depth - 1), list(depth - 1));
    let reckon = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
    let of_list = prop::sample::select(vec!["size", "min", "max", "sum"]);
    prop_oneof![
        3 => leaf,
        3 => (n.clone(), reckon, n.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        2 => (of_list, l).prop_map(|(name, l)| format!("{name}({l})")),
        1 => (b, n.clone(), n).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
    ]
    .boxed()
}

fn list(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "node.list",
        "gpus.map(g, g.a)",
        "[1, node.a]",
        "[]",
        "cpus(node.text)",
        "v",
    ])
    .prop_map(str::to_owned);
    if depth == 0 {
        return leaf.boxed();
    }
    let (b, n, l) = (condition(depth - 1), number(depth - 1), list(depth - 1));
    prop_oneof![
        3 => leaf,
        2 => (l.clone(), n.clone()).prop_map(|(l, n)| format!("{l}.filter(i, i < {n})")),
        1 => (l.clone(), n.clone()).prop_map(|(l, n)| format!("{l}.map(i, i + {n})")),
        1 => (b, n).prop_map(|(b, n)| format!("gpus.filter(g, {b} || g.b == {n}).map(g, g.a)")),
        1 => (l.clone(), l).prop_map(|(a, b)| format!("({a} + {b})")),
    ]
    .boxed()
}

/// Evidence of one kind, sometimes of another, sometimes missing.
fn fact(usual: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![
        16 => usual,
        1 => prop::sample::select(vec![json!(null), json!("x"), json!(2), json!(true), json!([1]), json!({ "a": 1 })]),
        3 => prop::sample::select(vec!["absent", "absent", "denied", "failed"])
            .prop_map(|kind| json!({ "missing": kind, "reason": "generated" })),
    ]
}

fn small() -> impl Strategy<Value = Value> {
    (-3i64..4).prop_map(Value::from)
}

fn group() -> impl Strategy<Value = Value> {
    (fact(small()), fact(small())).prop_map(|(a, b)| json!({ "a": a, "b": b }))
}

fn evidence() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec!["x", "7", "0-3", "2"]).prop_map(Value::from);
    (
        (fact(small()), fact(small()), fact(text), fact(any::<bool>().prop_map(Value::from))),
        fact(prop::collection::vec(fact(small()), 0..4).prop_map(Value::from)),
        fact(group()),
        fact(prop::collection::vec(fact(group()), 0..4).prop_map(Value::from)),
    )
        .prop_map(|((a, b, text, flag), list, group, gpus)| {
            let node = json!({ "a": a, "b": b, "text": text, "flag": flag, "list": list, "group": group });
            json!({ "schema": 1, "node": node, "gpus": gpus })
        })
}

/// A rule of generated expressions, with `each` over `gpus` or without.
fn rule(fail: &str, warn: &str, applies: &str, each: bool) -> String {
    let each =
        if each { "for_each = { v = \"gpus\" }\nsubject = \"GPU {v.a}\"" } else { "let.v = \"node.list\"" };
    format!(
        r#"format = 1
id = "t"
version = "1.0.0"
[[rule]]
id = "t.rule"
title = "t"
category = "platform"
severity = "low"
rationale = "r"
business = "b"
needs = ["/node", "/gpus"]
applicability = "a"
references = []
remediation = {{ runtime = "r", persistent = "p", rollback = "b", change = "process", verification = "v", expected_effect = "e" }}
{each}
applies = '''{applies}'''
not_applicable = "no"
fail = {{ when = '''{fail}''', message = "m {{{fail}}}" }}
warn = {{ when = '''{warn}''', message = "m {{v}}" }}
pass = "{{node.a}} {{gpus}} {{limits.x}}"
evidence = [{{ path = "/proc/x", value = "{{node.a}}" }}, {{ path = "/proc/y", value = "v" }}]
thresholds.x = {{ number = 1, unit = "u", basis = "expert", source = "s", date = "2026-01-01", applies_to = "a" }}
"#
    )
}

/// The ways to all members of all objects.
fn members(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(group) => {
            for (key, member) in group {
                all.push(format!("{at}/{key}"));
                members(member, &format!("{at}/{key}"), all);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                // An item is not left out: a list is one piece of evidence. But it may be a missing one.
                members(item, &format!("{at}/{index}"), all);
            }
        }
        _ => {}
    }
}

fn take_away(evidence: &mut Value, pointer: &str, how: usize) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let Some(Value::Object(group)) = evidence.pointer_mut(parent) else { return };
    match how {
        0 => drop(group.remove(key)),
        1 => drop(group.insert(key.to_owned(), json!({ "missing": "denied", "reason": "taken away" }))),
        _ => drop(group.insert(key.to_owned(), json!({ "missing": "failed", "reason": "taken away" }))),
    }
}

/// Times as many cases as proptest would run; `PROPTEST_CASES` sets those.
const TIMES: u32 = 4;

fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases * TIMES, failure_persistence: None, ..config }
}

proptest! {
    #![proptest_config(config())]

    /// Any rule on any evidence ends in findings, the same ones each time, and a deviation cites.
    #[test]
    fn rules_are_total(
        fail in condition(3), warn in condition(2), applies in condition(1), each: bool, evidence in evidence(),
    ) {
        // A generated expression may be refused, such as one that indexes a threshold; then there is nothing to try.
        let Ok(pack) = load(&rule(&fail, &warn, &applies, each), "rules.toml") else { return Ok(()) };
        let json = evidence.to_string();
        let found = pack.evaluate(json.as_bytes()).unwrap();
        prop_assert!(!found.is_empty());
        for finding in &found {
            prop_assert!(!finding.message.contains("panicked"), "{}", finding.message);
            prop_assert!(!finding.message.trim().is_empty() && !finding.subject.trim().is_empty());
            prop_assert!(!finding.outcome.is_deviation() || !finding.evidence.is_empty());
        }
        prop_assert_eq!(found, pack.evaluate(json.as_bytes()).unwrap());
    }

    /// Taking evidence away, step by step, never makes more certain: an outcome stays or becomes `not-run`.
    #[test]
    fn less_evidence_is_never_more_certain(
        fail in condition(3), warn in condition(2), applies in condition(1), each: bool, evidence in evidence(),
        removals in prop::collection::vec((any::<prop::sample::Index>(), 0usize..3), 1..5),
    ) {
        let Ok(pack) = load(&rule(&fail, &warn, &applies, each), "rules.toml") else { return Ok(()) };
        let before = pack.evaluate(evidence.to_string().as_bytes()).unwrap();
        let mut less = evidence.clone();
        for (index, how) in removals {
            let mut all = Vec::new();
            members(&less, "", &mut all);
            all.retain(|pointer| pointer != "/schema");
            if !all.is_empty() {
                let pointer = index.get(&all).clone();
                take_away(&mut less, &pointer, how);
            }
        }
        let after = pack.evaluate(less.to_string().as_bytes()).unwrap();
        let any = |findings: &[Finding], outcome: Outcome| findings.iter().any(|f| f.outcome == outcome);
        if any(&before, Outcome::Fail) {
            prop_assert!(any(&after, Outcome::Fail) || any(&after, Outcome::NotRun), "{:?}\n{}\n{}", after, evidence, less);
        }
        for finding in &after {
            let is_less = finding.outcome == Outcome::NotRun || any(&before, finding.outcome);
            prop_assert!(is_less, "{:?} became {:?}\n{}\n{}", before, after, evidence, less);
        }
        if let ([before], [after], false) = (before.as_slice(), after.as_slice(), each) {
            prop_assert!(after.outcome == before.outcome || after.outcome == Outcome::NotRun);
        }
    }

    /// No text makes the reader panic, and what it accepts can be evaluated.
    #[test]
    fn no_expression_panics(text in "[-a-z0-9.()\\[\\]{}+*/%<>=!&|?:,\"' \\\\]{0,40}") {
        let text = text.replace('\'', "\"");
        if let Ok(pack) = load(&rule(&text, "false", "true", false), "rules.toml") {
            let evidence = br#"{"node": {"a": 1, "list": []}, "gpus": []}"#;
            prop_assert!(pack.evaluate(evidence).is_ok());
        }
    }

    #[test]
    fn no_file_panics(text in "\\PC{0,200}", cut in 0usize..800) {
        let _ = manifest(&text, "rules.toml");
        let _ = load(&text, "rules.toml");
        let whole = rule("node.a > limits.x", "v == 1", "true", true);
        let _ = load(&whole[..whole.floor_char_boundary(cut)], "rules.toml");
    }
}
