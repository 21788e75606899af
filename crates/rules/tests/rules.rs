//! Rules at work, as a worker asks them.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::path::Path;

use plumb_check_sdk::{Finding, Likelihood, Outcome};
use plumb_rules::{load, rules_schema};
use plumb_strict_toml::schema::mismatches;
use serde_json::json;

/// A file with one rule: the texts that every rule must have, and `rest`.
fn file(needs: &str, rest: &str) -> String {
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
needs = [{needs}]
applicability = "a"
references = []
remediation = {{ runtime = "r", persistent = "p", rollback = "b", change = "process", verification = "v", expected_effect = "e" }}
{rest}
"#
    )
}

fn findings(needs: &str, rest: &str, evidence: &serde_json::Value) -> Vec<Finding> {
    let text = file(needs, rest);
    let pack = load(&text, "rules.toml").unwrap_or_else(|problems| panic!("{problems}"));
    pack.evaluate(evidence.to_string().as_bytes()).unwrap()
}

const TEXTS: &str = "pass = \"fine\"\nevidence = [{ path = \"/proc/x\", value = \"v\" }]";

/// The outcome and the message of a rule that fails where `condition` holds, on `{"node": node, "gpus": gpus}`.
fn verdict(condition: &str, evidence: &serde_json::Value) -> (Outcome, String) {
    let rest = format!("fail = {{ when = '''{condition}''', message = \"bad\" }}\n{TEXTS}");
    let needs = ["node", "gpus", "memory"].iter().filter(|need| condition.contains(*need));
    let needs: Vec<String> = needs.map(|need| format!("\"/{need}\"")).collect();
    let mut found = findings(&needs.join(", "), &rest, evidence);
    assert_eq!(found.len(), 1);
    let finding = found.remove(0);
    (finding.outcome, finding.message)
}

#[track_caller]
fn assert_verdict(condition: &str, expected: Outcome) {
    let evidence = json!({
        "schema": 1,
        "node": { "kernel": "6.18.0", "n": 7, "big": 12345678901u64, "nothing": null, "list": [1, 2, 3], "ratio": 0.5,
                  "gone": { "missing": "absent", "reason": "there is none" },
                  "secret": { "missing": "denied", "reason": "permission denied" }, "empty": {} },
        "gpus": [ { "name": "A", "numa": 0, "mask": "0-3,8" }, { "name": "B", "numa": 1, "mask": { "missing": "denied", "reason": "permission denied" } } ],
    });
    let (outcome, message) = verdict(condition, &evidence);
    assert_eq!(outcome, expected, "{condition}: {message}");
}

#[test]
fn conditions_mean_what_they_say() {
    for yes in [
        "node.n == 7",
        "node.n / 2 == 3.5",
        "node.n % 4 == 3",
        "-node.n < 0",
        "node.big > 12345678900",
        "node.kernel.startsWith('6.') && node.kernel.endsWith('.0') && node.kernel.contains('18')",
        "node.kernel.split('.') == ['6', '18', '0']",
        "int(node.kernel.split('.')[1]) >= 18",
        "double('0.5') == node.ratio",
        "node['n'] == 7",
        "2 in node.list && !(4 in node.list)",
        "node.list.exists(n, n > 2) && node.list.all(n, n > 0) && node.list.exists_one(n, n == 2)",
        "node.list.filter(n, n > 1).map(n, n * 2) == [4, 6]",
        "size(node.list) == 3 && node.kernel.size() == 6",
        "min(node.list) == 1 && max(node.list) == 3 && sum(node.list) == 6 && max(1, 5, 3) == 5",
        "gpus[0].name == 'A'",
        "gpus.exists(g, g.numa == 1)",
        "gpus.exists(g, gpus.exists(h, h.numa != g.numa))",
        "cpus(gpus[0].mask) == [0, 1, 2, 3, 8]",
        "node.nothing == null && node.n != null",
        "has(node.kernel) && !has(node.gone)",
        "node.n > 100 ? false : true",
        "round(2.345, 2) == 2.35 || round(2.345, 2) == 2.34",
        "' A b '.trim().lowerAscii() == 'a b'",
        "node.list.map(n, string(n)).join('-') == '1-2-3'",
        "abs(-2) == 2",
        // A known part decides.
        "node.n == 7 || node.secret == 1",
        "node.secret == 1 || node.n == 7",
        "!(node.n == 8 && node.secret == 1)",
        "gpus.exists(g, 0 in cpus(g.mask))",
        "[node.n, 1] != [8, 1]",
    ] {
        let condition = if yes.contains("node") || yes.contains("gpus") {
            yes.to_owned()
        } else {
            format!("node.n == 7 && ({yes})")
        };
        assert_verdict(&condition, Outcome::Fail);
        assert_verdict(&format!("!({condition})"), Outcome::Pass);
    }
}

#[test]
fn what_has_no_answer_is_not_run() {
    for unanswered in [
        // Missing.
        "node.secret == 1",
        "node.secret != 1",
        "node.secret",
        "!node.secret",
        "node.n == 8 || node.secret == 1",
        "node.n == 7 && node.secret == 1",
        "node.gone == 1",
        "node.other == 1",
        "node.secret.deeper > 1",
        "has(node.secret)",
        "has(node.other)",
        "has(node.empty)",
        "gpus.all(g, 0 in cpus(g.mask))",
        "gpus.exists(g, 77 in cpus(g.mask))",
        "gpus.filter(g, 0 in cpus(g.mask)).size() > 0",
        "gpus[1].mask == ''",
        "memory.total_bytes > 1",
        // Of another type, or impossible.
        "node.kernel > 6",
        "node.kernel == 6",
        "node.n",
        "node.n && node.n",
        "node + 1 > 0",
        "node == node",
        "size(node) > 0",
        "node.exists(n, true)",
        "'kernel' in node",
        "node.list[3] == 0",
        "node.list[-1] == 0",
        "node.list[0.5] == 0",
        "node.n / 0 > 1",
        "node.n % 0 > 1",
        "1e308 * 10 * node.n > 1",
        "int(node.kernel) > 1",
        "max(node.list.filter(n, n > 9)) > 1",
        "sum([node.kernel]) > 1",
        "cpus(node.kernel) == []",
        "node.kernel.split('') == []",
    ] {
        assert_verdict(unanswered, Outcome::NotRun);
        assert_verdict(&format!("!({unanswered})"), Outcome::NotRun);
    }
}

#[test]
fn the_reason_is_that_of_the_evidence() {
    let evidence =
        json!({ "node": { "kernel": { "missing": "denied", "reason": "cannot read /proc/version" } } });
    let (outcome, message) = verdict("node.kernel == '6'", &evidence);
    assert_eq!(outcome, Outcome::NotRun);
    assert_eq!(message, "cannot read /proc/version (denied) (in `node.kernel == '6'`)");
    let (_, message) = verdict("node.kernel > 6", &json!({ "node": { "kernel": "6.18" } }));
    assert_eq!(
        message,
        "expected two numbers to compare, found a text in `node.kernel` and a number in `6` (in `node.kernel > 6`)"
    );
    let (_, message) = verdict("node.kernel == '6'", &json!({}));
    assert_eq!(message, "the evidence has no `/node` (failed) (in `node.kernel == '6'`)");
}

#[test]
fn each_subject_has_a_finding_of_its_own() {
    let rest = r#"
for_each = { gpu = "gpus" }
subject = "GPU {gpu.address}"
let.used = "gpu.used / gpu.total * 100"
let.free = "100 - used"
applies = "gpu.total > 0"
not_applicable = "no memory"
likelihood = "mechanism"
fail = { when = "used > limits.full", message = "{used} % of {gpu.total} in use, {free} % free {{sic}}" }
warn = { when = "used > limits.full / 2", message = "{used} %", likelihood = "setting", confidence = "low" }
pass = "{used} %"
evidence = [{ path = "{gpu.path}/mem", value = "{gpu.used}" }]
[rule.thresholds.full]
number = 90
unit = "%"
basis = "expert"
source = "ours"
date = "2026-11-23"
applies_to = "all"
"#;
    let gpu = |address: &str, used: serde_json::Value, total: u32| json!({ "address": address, "path": "/sys/x", "used": used, "total": total });
    let denied = json!({ "missing": "denied", "reason": "no" });
    let mut evidence = json!({ "gpus": [gpu("a", json!(91), 100), gpu("b", json!(46), 100), gpu("c", json!(1), 3),
        gpu("d", denied.clone(), 100), gpu("e", json!(1), 0), denied] });
    let found = findings("\"/gpus\"", rest, &evidence);
    let seen: Vec<_> = found.iter().map(|f| (f.outcome, f.subject.as_str(), f.message.as_str())).collect();
    assert_eq!(seen[0], (Outcome::Fail, "GPU a", "91 % of 100 in use, 9 % free {sic}"));
    assert_eq!(found[0].evidence[0].source, "/sys/x/mem");
    assert_eq!(found[0].likelihood, Likelihood::Mechanism);
    assert_eq!(seen[1], (Outcome::Warn, "GPU b", "46 %"));
    assert_eq!(found[1].likelihood, Likelihood::Setting);
    assert_eq!(seen[2], (Outcome::Pass, "GPU c", "33.33 %"));
    assert_eq!(seen[3], (Outcome::NotRun, "GPU d", "no (denied) (in `used > limits.full`)"));
    // Not GPU e, to which the rule does not apply.
    assert_eq!((seen[4].0, seen[4].1), (Outcome::NotRun, "item 6 of `gpus`"));
    assert_eq!(seen.len(), 5);
    let empty = |n: usize| findings("\"/gpus\"", rest, &json!({ "gpus": vec![gpu("e", json!(1), 0); n] }));
    assert_eq!((empty(1)[0].subject.as_str(), empty(1)[0].message.as_str()), ("GPU e", "no memory"));
    assert_eq!(empty(2)[0].message, "none of 2 applies, such as GPU e: no memory");

    // A policy of the audit takes the place of the limit.
    evidence["policy"] = json!({ "thresholds": { "t.rule/full": { "number": 95, "reason": "agreed" } } });
    assert_eq!(findings("\"/gpus\"", rest, &evidence)[0].outcome, Outcome::Warn);

    let none = findings("\"/gpus\"", rest, &json!({ "gpus": [] }));
    assert_eq!(none[0].outcome, Outcome::NotApplicable);
    assert_eq!(none[0].message, "there is nothing to look at: `gpus` is an empty list");
    let many = json!({ "gpus": vec![json!({}); 1001] });
    assert_eq!(findings("\"/gpus\"", rest, &many)[0].outcome, Outcome::NotRun);
}

#[test]
fn a_failure_that_cannot_cite_is_not_run() {
    let rest = "fail = { when = \"node.n > 1\", message = \"too many\" }\npass = \"fine\"\nevidence = [{ path = \"{node.path}\", value = \"v\" }]";
    let found = findings("\"/node\"", rest, &json!({ "node": { "n": 2 } }));
    assert_eq!(found[0].outcome, Outcome::NotRun);
    assert!(
        found[0].message.starts_with("too many, but the evidence for it cannot be cited:"),
        "{:?}",
        found[0]
    );
    let found = findings("\"/node\"", rest, &json!({ "node": { "n": 2, "path": "/x" } }));
    assert_eq!(found[0].outcome, Outcome::Fail);
}

#[test]
fn a_rule_that_takes_too_long_is_stopped() {
    let evidence = json!({ "node": { "list": (0..300).collect::<Vec<_>>() } });
    let slow = "node.list.all(a, node.list.all(b, node.list.all(c, a + b + c >= 0)))";
    let (outcome, message) = verdict(slow, &evidence);
    assert_eq!(outcome, Outcome::NotRun);
    assert!(message.contains("was stopped after"), "{message}");
    // Doubling a text forty times would fill any memory.
    let mut rest = "let.a0 = \"node.text\"\n".to_owned();
    for n in 1..40 {
        rest.push_str(&format!("let.a{n} = \"a{0} + a{0}\"\n", n - 1));
    }
    rest.push_str(&format!("fail = {{ when = \"size(a39) > 3\", message = \"m\" }}\n{TEXTS}"));
    let found = findings("\"/node\"", &rest, &json!({ "node": { "text": "x".repeat(1000) } }));
    assert!(found[0].message.contains("was stopped after"), "{:?}", found[0]);
}

/// What is told about a file with these parts.
fn problems(needs: &str, rest: &str) -> String {
    load(&file(needs, rest), "rules.toml").err().map(|problems| problems.to_string()).unwrap_or_default()
}

#[test]
fn mistakes_are_told_with_file_line_rule_and_what_to_do() {
    let told = |condition: &str| {
        problems("\"/node/kernel\"", &format!("fail = {{ when = '{condition}', message = \"m\" }}\n{TEXTS}"))
    };
    for (condition, expected) in [
        ("node.kernel =! 6", "rules.toml:16: rule `t.rule`: `fail.when`: not an expression at column"),
        (
            "node.hostname == node.kernel",
            "it reads `/node/hostname`, which `needs` does not declare: add it there",
        ),
        (
            "node == node.kernel",
            "it reads `/node` as a whole, of which `needs` declares only a part, `/node/kernel`",
        ),
        (
            "kernle == 6",
            "`kernle` is neither a variable nor a section of the evidence (the rule has no variables)",
        ),
        ("node.kernel > limits.x", "there is no threshold `x`: the rule has no thresholds: add one under"),
        ("matches(node.kernel, \"6\")", "there is no function `matches`: expected one of size, int"),
        ("size(node.kernel, 1) > 1", "`size` does not take 2 arguments"),
        ("node.kernel.int() > 1", "`int` is written before its arguments"),
        ("{\"a\": node.kernel} == 1", "makes a group of members"),
        ("node.kernel == b\"x\"", "are bytes; write a text"),
        ("", "it is empty: write an expression"),
    ] {
        let text = told(condition);
        assert!(text.contains(expected), "{condition}: expected `{expected}` in `{text}`");
        assert!(text.starts_with("rules.toml:16: rule `t.rule`: `fail.when`: "), "{text}");
    }
    let fail = "fail = { when = 'node.kernel == \"6\"', message = \"{node.kernel\" }";
    assert!(problems("\"/node/kernel\"", &format!("{fail}\n{TEXTS}")).contains("`{` without its partner"));
    let fail = "fail = { when = 'node.kernel == \"6\"', message = \"m\" }";
    let case = |needs: &str, rest: &str, expected: &str| {
        let text = problems(needs, rest);
        assert!(text.contains(expected), "expected `{expected}` in `{text}`");
    };
    case("\"/node/kernel\", \"/pci\"", &format!("{fail}\n{TEXTS}"), "no expression reads `/pci`: remove it");
    case("\"/node/kernel\", \"/pcie\"", &format!("{fail}\n{TEXTS}"), "`/pcie` is no part of the evidence");
    case("\"/node/kernel\"", "pass = \"p\"", "it can find nothing: add `fail`, `warn` or `info`");
    case("\"/node/kernel\"", &format!("{fail}\npass = \"p\""), "`evidence` is empty");
    case(
        "\"/node/kernel\"",
        &format!("{fail}\n{TEXTS}\napplies = \"true\""),
        "`applies` without `not_applicable`",
    );
    case(
        "\"/node/kernel\"",
        &format!("{fail}\n{TEXTS}\nlet.a = \"b\"\nlet.b = \"a\""),
        "`a`, `b` name each other in a circle",
    );
    case("\"/node/kernel\"", &format!("{fail}\n{TEXTS}\nlet.gpus = \"1\""), "`gpus` already has a meaning");
    case("\"/node/kernel\"", &format!("{fail}\n{TEXTS}\nlet.Big = \"1\""), "expected lower-case letters");
    case(
        "\"/node/kernel\"",
        &format!("{fail}\n{TEXTS}\nfor_each = {{ i = \"[1]\" }}"),
        "`for_each` without `subject`",
    );
    // What TOML itself or its fields have to say.
    case(
        "\"/node/kernel\"",
        &format!("{fail}\n{TEXTS}\nfaill = 1"),
        "rules.toml:19: rule `t.rule`: rule.faill: unknown key; did you mean `fail`?",
    );
    case(
        "\"/node/kernel\"",
        &format!("{fail}\n{TEXTS}\nlikelihood = \"certain\""),
        "rules.toml:19: rule `t.rule`: rule.likelihood: unknown value `certain`; expected one of `insensitive`",
    );
    case("\"/node/kernel\"", &format!("{fail}\n{TEXTS}\nx = = 1"), "rules.toml:19");
    let of_type =
        |rest: &str, expected: &str| case("\"/node/kernel\"", &format!("{fail}\n{TEXTS}\n{rest}"), expected);
    of_type("gate = 1", "rules.toml:19: rule `t.rule`: rule.gate: expected `true` or `false`, found 1");
    of_type("let.\"a\" = 1", "rules.toml:19: rule `t.rule`: rule.let.a: expected a string, found 1");
    of_type("warn.when = \"true\"", "rules.toml:19: rule `t.rule`: rule.warn.message: this key is missing");
    of_type(
        "warn = { when = \"true\", massage = \"m\" }",
        "rule.warn.massage: unknown key; did you mean `message`?",
    );
    of_type(
        "[[rule.references]]\ntitle = \"t\"",
        "rules.toml:19: rule.references: the key is here a second time, the first is in line 14",
    );
    of_type(
        "[rule.thresholds.a]\nnumber = 1",
        "rules.toml:19: rule `t.rule`: rule.thresholds.a.unit: this key is missing",
    );
    let deep = format!(
        "fail = {{ when = '{}node.kernel{} > 1', message = \"m\" }}\n{TEXTS}",
        "size(".repeat(500),
        ")".repeat(500)
    );
    case("\"/node/kernel\"", &deep, "recursion limit");
    let long =
        format!("fail = {{ when = 'node.kernel == \"{}\"', message = \"m\" }}\n{TEXTS}", "x".repeat(5000));
    case("\"/node/kernel\"", &long, "at most 4096 allowed");
    let chain = format!(
        "fail = {{ when = 'size(node.kernel){} > 0', message = \"m\" }}\n{TEXTS}",
        " + 1".repeat(500)
    );
    case("\"/node/kernel\"", &chain, "nested more than");
    assert_eq!(
        load("format = 3\nid = \"x\"\nversion = \"1\"", "r.toml").err().unwrap().to_string(),
        "r.toml:1: format: expected version 1 or 2 of the format, found 3; a newer file needs a newer program"
    );
    assert!(
        load("format = 1\nid = \"x\"\nversion = \"1\"", "r.toml")
            .err()
            .unwrap()
            .to_string()
            .contains("there is no rule")
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = problems(
        "\"/node/kernel\"",
        "fail = { when = 'a', message = \"{b}\" }\npass = \"{c}\"\nevidence = [{ path = \"{d}\", value = \"{e}\" }]",
    );
    for name in ["`a` is", "`b` is", "`c` is", "`d` is", "`e` is"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/rules.schema.json");
    plumb_strict_toml::schema::published(&rules_schema(), &path).unwrap_or_else(|stale| panic!("{stale}"));
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let page = include_str!("../../../docs/src/packs/rules.md");
    let of_page =
        |n: usize| page.split("```toml\n").nth(n).and_then(|rest| rest.split("```").next()).unwrap();
    for (text, key) in [
        (of_page(1), "rationale"),
        (of_page(2), "references"),
        (include_str!("../../../samples/rules-pack/rules.toml"), "rationale"),
        (include_str!("../../../samples/rules-pack-2/rules.toml"), "references"),
    ] {
        load(text, "rules.toml").unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(mismatches(&rules_schema(), &toml::from_str(text).unwrap()), Vec::<String>::new());
        // A key that neither knows.
        let almost = &key[..key.len() - 1];
        let wrong = text.replacen(&format!("{key} ="), &format!("{almost} ="), 1);
        assert!(!mismatches(&rules_schema(), &toml::from_str(&wrong).unwrap()).is_empty());
        let told = load(&wrong, "rules.toml").err().unwrap().to_string();
        let expected = format!("rule.{almost}: unknown key; did you mean `{key}`?");
        assert!(told.contains(&expected), "expected `{expected}` in `{told}`");
    }
}
