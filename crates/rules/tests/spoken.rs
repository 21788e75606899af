//! Rules of format 2: what they find is data, and their words are right before anybody says them.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use plumb_check_sdk::{Arg, Finding, Intent, Object, ObjectKind, Outcome, Pack};
use plumb_rules::{load, manifest};
use serde_json::{Value, json};

const SAMPLE: &str = include_str!("../../../samples/rules-pack-2/rules.toml");

fn sample() -> &'static Pack {
    load(SAMPLE, "rules.toml").unwrap_or_else(|problems| panic!("{problems}"))
}

fn findings(pack: &Pack, check: &str, evidence: &Value) -> Vec<Finding> {
    pack.evaluate_checks(&[check.to_owned()], evidence.to_string().as_bytes()).unwrap()
}

fn one(pack: &Pack, check: &str, evidence: &Value) -> Finding {
    let mut found = findings(pack, check, evidence);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn policies(governors: &[(&str, Value)]) -> Value {
    let policy = |(cpus, governor): &(&str, Value)| json!({ "path": "/sys/x", "cpus": cpus, "scaling_governor": governor });
    json!({ "cpufreq": { "policies": governors.iter().map(policy).collect::<Vec<_>>() } })
}

#[test]
fn a_finding_is_an_object_a_sentence_with_values_and_what_would_mend_it() {
    let pack = sample();
    let evidence =
        policies(&[("0-1", json!("performance")), ("2,3", json!("powersave\n")), ("4", json!("powersave"))]);
    let found = one(pack, "fleet.clock-governor", &evidence);
    assert_eq!(
        (found.outcome, found.subject.as_str(), found.message.as_str()),
        (Outcome::Fail, "CPUs 2-4", "")
    );
    let cpus = "2-4".parse().unwrap();
    assert_eq!(found.object, Some(Object::cpus(&cpus)));
    assert_eq!(found.variant.as_deref(), Some("slow"));
    assert_eq!((&found.args["n"], &found.args["governor"]), (&Arg::from(3_u64), &Arg::text("powersave")));
    let want = Intent::Governor { cpus, want: "performance".into(), was: "powersave".into() };
    assert_eq!(found.intents, [want]);
    let cause = found.cause.unwrap();
    assert_eq!((cause.key.as_str(), cause.object), ("power-profile", Object::node()));

    let passed = one(pack, "fleet.clock-governor", &policies(&[("0-1", json!("performance"))]));
    assert_eq!((passed.outcome, passed.object), (Outcome::Pass, Some(Object::node())));
    // Neither the values of other sentences nor what is not wrong has to be mended.
    assert!(passed.args.is_empty() && passed.intents.is_empty() && passed.cause.is_none());

    let denied = json!({ "missing": "denied", "reason": "no" });
    let unknown = one(pack, "fleet.clock-governor", &policies(&[("0-1", denied)]));
    assert_eq!((unknown.outcome, unknown.variant.as_deref()), (Outcome::NotRun, Some("no-answer")));
    let Arg::Text { text } = &unknown.args["reason"] else { panic!("{unknown:?}") };
    assert!(text.starts_with("no (denied)"), "{text}");
}

#[test]
fn each_object_is_told_and_quantities_have_a_unit() {
    let port = |name: &str, speed: f64, state: &str| json!({ "path": "/sys/x", "name": name, "device": "0000:17:00.0", "operstate": state, "speed_mbps": speed });
    let evidence = json!({ "network": { "interfaces": [port("a", 2500.0, "up"), port("b", 100_000.0, "up"), port("c", 0.0, "down")] } });
    let found = findings(sample(), "fleet.link-speed", &evidence);
    assert_eq!(found.len(), 2, "the port that is down is no news: {found:?}");
    assert_eq!((found[0].outcome, found[0].subject.as_str()), (Outcome::Fail, "interface a"));
    assert_eq!(found[0].object, Some(Object::new(ObjectKind::Nic, "a").named("interface a")));
    assert_eq!(found[0].args["speed"], Arg::quantity(2.5, "Gbit/s", 1));
    assert_eq!(found[0].args["wanted"], Arg::quantity(25.0, "Gbit/s", 0));
    let down = json!({ "network": { "interfaces": [port("c", 0.0, "down"), port("d", 0.0, "down")] } });
    let found = one(sample(), "fleet.link-speed", &down);
    assert_eq!((found.outcome, found.variant.as_deref()), (Outcome::NotApplicable, Some("no-link")));
}

#[test]
fn words_go_with_the_pack_and_their_english_is_its_metadata() {
    let pack = sample();
    let words: Value = serde_json::from_str(pack.words()).unwrap();
    let german = words["de"]["fleet.clock-governor"].as_str().unwrap();
    assert!(german.contains("problem-slow = { $n ->\n"), "{german}");
    assert!(words["de"].get("fleet.link-speed").is_none());
    let listed = manifest(SAMPLE, "rules.toml").unwrap();
    assert_eq!(listed, pack.manifest(), "what lists the pack and what loads it agree");
    assert_eq!(listed.abi_minor, 2, "an older plumb refuses it in a sentence");
    let check = listed.checks.iter().find(|check| check.id == "fleet.swappiness").unwrap();
    assert_eq!(check.title, "The kernel swaps only when memory is nearly full");
    assert_eq!(check.remediation.expected_effect, "None published");
    let plain = load(include_str!("../../../samples/rules-pack/rules.toml"), "rules.toml").ok().unwrap();
    assert_eq!((plain.manifest().abi_minor, plain.words()), (0, ""), "format 1 is what it was");
}

/// A rule with these parts, after the texts that each must have.
fn file(rest: &str, words: &str) -> String {
    format!(
        r#"format = 2
id = "t"
version = "1.0.0"
[[rule]]
id = "t.rule"
category = "platform"
severity = "low"
change = "runtime"
needs = ["/node"]
references = []
evidence = [{{ path = "/proc/x", value = "v" }}]
pass = {{ variant = "fine" }}
{rest}
[rule.words.en]
title = "t"
why = "w"
effect = "E."
applicability = "a"
expected-effect = "none"
found-fine = "fine"
{words}
"#
    )
}

const BAD: &str = "fail = { when = 'node.n > 1', variant = \"bad\" }";

#[test]
fn what_is_not_known_says_so_and_is_not_asked_for() {
    let rest = format!(
        "{BAD}\nargs = {{ n = 'node.n', half = 'node.n / 4', kernel = 'node.kernel' }}\n\
         object = {{ kind = \"unit\", id = \"{{node.unit}}\" }}\n\
         cause = {{ key = \"x\", object = {{ kind = \"unit\", id = \"{{node.unit}}\" }} }}\n\
         intent = [{{ kind = \"unit\", name = \"{{node.unit}}\", runs = false }}, {{ kind = \"place\", server = \"{{node.n}}\" }}]"
    );
    let text = file(&rest, "problem-bad = \"{ $n } and { $half } on { $kernel }\"");
    let pack = load(&text, "rules.toml").unwrap_or_else(|problems| panic!("{problems}"));
    let found = one(pack, "t.rule", &json!({ "node": { "n": 3, "kernel": "6.1", "unit": "a.service" } }));
    assert_eq!(found.intents.len(), 2);
    assert_eq!(found.intents[1], Intent::Place { server: 3, process: None, gpu: None });
    assert_eq!(found.args["half"], Arg::quantity(0.75, "", 2));
    assert_eq!(found.cause.unwrap().object.id, "a.service");
    let denied = json!({ "missing": "denied", "reason": "no" });
    let found = one(pack, "t.rule", &json!({ "node": { "n": 2.5, "kernel": denied, "unit": denied } }));
    assert_eq!((found.outcome, found.subject.as_str()), (Outcome::Fail, "node"), "the deviation stands");
    assert_eq!(found.args["kernel"], Arg::text("(not known: no (denied))"));
    assert!(found.intents.is_empty() && found.cause.is_none(), "{found:?}");
}

#[test]
fn mistakes_are_told_with_line_rule_key_and_what_to_do() {
    let problem = "problem-bad = \"it is bad\"";
    let case = |rest: &str, words: &str, expected: &str| {
        let text = file(rest, words);
        let told = load(&text, "rules.toml").err().map(|problems| problems.to_string()).unwrap_or_default();
        assert!(told.contains(expected), "expected `{expected}` in `{told}`");
        assert!(told.starts_with("rules.toml:") && told.contains("rule `t.rule`"), "{told}");
    };
    case(
        BAD,
        "",
        "rules.toml:13: rule `t.rule`: `fail.variant`: there is no sentence `bad`: add `problem-bad` to `words.en`",
    );
    case(BAD, "found-bad = \"x\"", "`fail.variant`: expected `problem-bad` in the words, found `found-bad`");
    case(
        &format!("{BAD}\ninfo = {{ when = 'node.n > 0', variant = \"more\" }}"),
        problem,
        "rules.toml:14: rule `t.rule`: `info.variant`: there is no sentence `more`",
    );
    case(
        BAD,
        "problem-bad = \"{ $n } are bad\"",
        "rules.toml:21: rule `t.rule`: `words.en`: sentence `bad` names `$n`, which `args` does not give: add `args.n`",
    );
    case(
        &format!("{BAD}\nargs.n = 'node.n'"),
        problem,
        "rules.toml:14: rule `t.rule`: `args.n`: no sentence names `$n`: remove it",
    );
    case(
        &format!("{BAD}\nargs.n = 'nod.n'"),
        "problem-bad = \"{ $n }\"",
        "`args.n`: `nod` is neither a variable",
    );
    case(
        BAD,
        "problem-bad = \"{ $n\"",
        "rules.toml:21: rule `t.rule`: `words.en.problem-bad`: not a message",
    );
    case(
        BAD,
        "problem-bad = \"{ NUMBER($n) }\"",
        "`words.en.problem-bad`: function `NUMBER`: values are formatted by Plumb",
    );
    case(
        BAD,
        "problem-bad = \"a b c d e f g h i j k l m\"",
        "expected at most 12 words, found 13: move the rest to `detail-bad`",
    );
    case(
        BAD,
        &format!("{problem}\nfound-more = \"x\""),
        "nothing says sentence `more`: name it as a `variant`, or remove it",
    );
    case(BAD, &format!("{problem}\nprobelm-x = \"x\""), "`probelm-x`: expected one of title, why");
    case(BAD, &format!("{problem}\n\"a b\" = \"x\""), "`words.en.a b`: ");
    case(
        BAD,
        &format!("{problem}\n[rule.words.de]\ntitle = \"t\""),
        "rules.toml:23: rule `t.rule`: `words.de`: `effect`: expected a text, found none",
    );
    case(BAD, &format!("{problem}\n[rule.words.\"no language\"]\ntitle = \"t\""), "which is no language");
    case(&format!("{BAD}\napplies = 'node.n > 0'"), problem, "`applies` without `not_applicable`");
    case(&format!("{BAD}\nfor_each = {{ i = '[1]' }}"), problem, "`for_each` without `object`");
    case(
        &format!("{BAD}\nobject = {{ kind = \"gpu\" }}"),
        problem,
        "`object.id`: it is missing: say which one it is",
    );
    case(&format!("{BAD}\ncause = {{ key = \"A b\" }}"), problem, "`cause.key`: expected lower-case letters");
    let asks = |intent: &str, expected: &str| {
        case(&format!("{BAD}\nintent = [{{ {intent} }}]"), problem, expected);
    };
    asks(
        "kind = \"run\", command = \"rm\"",
        "rules.toml:14: rule `t.rule`: `intent`: `kind`: there is no intent `run`: expected one of `governor`, ",
    );
    asks(
        "kind = \"sysctl\", name = \"a.b\", want = \"1\"",
        "`intent`: `was` is missing: `sysctl` needs a text",
    );
    asks(
        "kind = \"unit\", name = \"a.service\", runs = true, now = true",
        "`intent`: `now`: `unit` takes `name`, `runs`: remove it",
    );
    asks(
        "kind = \"unit\", name = \"a.service\", runs = \"maybe\"",
        "`runs`: expected `true` or `false`, found `maybe`",
    );
    asks(
        "kind = \"governor\", cpus = \"all\", want = \"x\", was = \"y\"",
        "`cpus`: expected a list of CPUs such as `0-3,8`, found `all`",
    );
    asks(
        "kind = \"firmware\", setting = \"bost\"",
        "`setting`: expected one of `boost`, `hardware-p-states`",
    );
    asks(
        "kind = \"sysctl\", name = \"a.b\", want = \"{nod.n}\", was = \"1\"",
        "`want`: in `{nod.n}`: `nod` is neither",
    );
    asks(
        "kind = \"cores\", server = 1.5, want = 1, was = 1",
        "rule.intent.server: expected a text, a whole number, or `true` or `false`, found 1.5",
    );
    // What format 1 has, and this does not.
    case(
        &format!("{BAD}\nmessage = \"m\""),
        problem,
        "rules.toml:14: rule `t.rule`: rule.message: unknown key",
    );
    case("fail = { when = 'node.n > 1', message = \"m\" }", problem, "rule.fail.message: unknown key");
    case(
        &format!("{BAD}\nargs.n = {{ value = 'node.n', unti = \"%\" }}"),
        "problem-bad = \"{ $n }\"",
        "rule.args.n.unti: unknown key; did you mean `unit`?",
    );
    case(
        &format!("{BAD}\nargs.n = {{ value = 'node.n' }}"),
        "problem-bad = \"{ $n }\"",
        "rule.args.n.unit: this key is missing",
    );
}

#[test]
fn a_text_of_the_page_that_is_missing_is_told_without_looking_at_expressions() {
    for (from, to, expected) in [
        (
            "title = \"t\"\n",
            "",
            "rules.toml:15: rule `t.rule`: `words.en`: `title`: expected a text, found none: add `title = …`",
        ),
        (
            "effect = \"E.\"",
            "effect = \"{ $n }.\"",
            "rules.toml:17: rule `t.rule`: `words.en`: `effect`: expected a text without values",
        ),
        ("[rule.words.en]", "[rule.words.de]", "`words.en`: `title`: expected a text, found none"),
    ] {
        let text = file(BAD, "problem-bad = \"it is bad\"").replacen(from, to, 1);
        let told = manifest(&text, "rules.toml").unwrap_err().to_string();
        assert!(told.contains(expected), "expected `{expected}` in `{told}`");
        assert!(load(&text, "rules.toml").is_err());
    }
}
