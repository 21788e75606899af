//! Every way to write a key, with every kind of fault in it, and the line and key that are told.

use std::collections::BTreeMap;

use plumb_strict_toml::{At, Document, Fault};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Trait {
    SmallBatch,
    StrictTail,
}

/// As types that are read leniently elsewhere: it does not say `deny_unknown_fields`.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Slo {
    percentile: Option<f64>,
    ttft_ms: Option<f64>,
    penalty: Option<String>,
    note: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Waiver {
    check: At<String>,
    owner: String,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct File {
    schema: Option<u32>,
    slo: Option<Slo>,
    workload: BTreeMap<Trait, bool>,
    platform: Option<Trait>,
    waiver: Vec<Waiver>,
    deep: BTreeMap<String, BTreeMap<String, At<i8>>>,
    day: Option<toml::value::Datetime>,
    any: Option<toml::Value>,
}

/// As somebody who reads a file does: parse, read, look at ranges.
fn read(text: &str) -> Result<File, Fault> {
    let document = Document::parse("f.toml", text)?;
    let file: File = document.read()?;
    let path = ["slo", "percentile"];
    match document.numbers(&path)[..] {
        [number] if !(0.0..=100.0).contains(&number) => {
            Err(document.fault(&path, format!("must be between 0 and 100, found {number}")))
        }
        _ => Ok(file),
    }
}

#[track_caller]
fn assert_fault(text: &str, expected: &str) {
    match read(text) {
        Err(fault) => assert_eq!(fault.to_string(), expected, "\n{text}"),
        Ok(file) => panic!("expected {expected}, found {file:?}\n{text}"),
    }
}

/// `KEY` stands for the key and `VALUE` for the value of `slo.percentile`, which is in the line that is named.
const SHAPES: [(&str, usize); 12] = [
    ("schema = 1\n[slo]\nKEY = VALUE\n", 3),
    ("slo.KEY = VALUE\n", 1),
    ("\n  slo . KEY = VALUE # a note\n", 2),
    ("schema = 1\nslo = { KEY = VALUE }\n", 2),
    ("slo = { ttft_ms = 1, KEY = VALUE, penalty = 'x' }\n", 1),
    ("schema = 1\nslo = {\n  ttft_ms = 1,\n  KEY = VALUE,\n}\n", 4),
    ("\"slo\".KEY = VALUE\n", 1),
    ("# slo.percentile = 1\n['slo']\n# percentile = 1\nKEY = VALUE\n", 4),
    ("[ slo ] # the promise\n\n\nKEY = VALUE\n", 4),
    // Text that looks like tables and keys.
    ("[slo]\nnote = \"\"\"\n[slo]\npercentile = 7\n[waiver]\n\"\"\"\nKEY = VALUE\n", 7),
    ("[slo]\nnote = '''\n[other]\npercentile = 7'''\n\nKEY = VALUE\n\n[workload]\n", 6),
    ("[[waiver]]\ncheck = \"slo.percentile = 1\"\nowner = \"[slo]\"\n[slo]\nKEY = VALUE\n", 5),
];

#[test]
fn every_shape_with_every_fault() {
    for (shape, line) in SHAPES {
        for key in ["percentile", "\"percentile\"", "'percentile'", "\"\\u0070ercentile\""] {
            let with = |value: &str| shape.replace("KEY", key).replace("VALUE", value);
            let file = read(&with("95")).unwrap_or_else(|fault| panic!("{fault}\n{}", with("95")));
            assert_eq!(file.slo.unwrap().percentile, Some(95.0));
            let at = format!("f.toml:{line}: slo.percentile: ");
            assert_fault(&with("200.0"), &format!("{at}must be between 0 and 100, found 200"));
            assert_fault(&with("-1"), &format!("{at}must be between 0 and 100, found -1"));
            assert_fault(&with("\"95\""), &format!("{at}expected a number, found the string \"95\""));
            assert_fault(&with("true"), &format!("{at}expected a number, found true"));
            assert_fault(&with("[95]"), &format!("{at}expected a number, found an array"));
            assert_fault(&with("{ p = 95 }"), &format!("{at}expected a number, found a table"));
            assert_fault(&with("2026-12-31"), &format!("{at}expected a number, found the date 2026-12-31"));
            assert_fault(&with("1e999"), &format!("{at}1e999 is too large for a number"));
        }
        for (key, told) in [("percentil", "percentil"), ("\"per centile\"", "\"per centile\"")] {
            let text = shape.replace("KEY", key).replace("VALUE", "95");
            assert_fault(
                &text,
                &format!("f.toml:{line}: slo.{told}: unknown key; did you mean `percentile`?"),
            );
        }
    }
}

const WAIVERS: &str =
    "[[waiver]]\ncheck = 'a'\nowner = 'A'\n\n[[waiver]]\ncheck = 'b'\nowner = 'B'\ntags = ['x',\n 'y']\n";

#[test]
fn arrays_of_tables() {
    let file = read(WAIVERS).unwrap();
    assert_eq!((file.waiver[1].check.as_str(), file.waiver[1].check.line()), ("b", Some(6)));
    assert_eq!(
        file.waiver[1].check.fault("no such check").to_string(),
        "f.toml:6: waiver.check: no such check"
    );
    let of = |from: &str, to: &str| WAIVERS.replace(from, to);
    for (text, expected) in [
        (of("owner = 'B'", "owner = 5"), "f.toml:7: waiver.owner: expected a string, found 5"),
        (of("owner = 'B'", "onwer = 'B'"), "f.toml:7: waiver.onwer: unknown key; did you mean `owner`?"),
        (
            of("owner = 'B'", "zzz = 'B'"),
            "f.toml:7: waiver.zzz: unknown key; expected one of `check`, `owner`, `tags`",
        ),
        (of("owner = 'B'\n", ""), "f.toml:5: waiver.owner: this key is missing"),
        (of("'b'", "2026-01-01"), "f.toml:6: waiver.check: expected a string, found the date 2026-01-01"),
        (of("'y'", "7"), "f.toml:9: waiver.tags: expected a string, found 7"),
        (of("['x',\n 'y']", "'x'"), "f.toml:8: waiver.tags: expected an array, found the string \"x\""),
        (
            "waiver = [\n { check = 'a', owner = 'A' },\n { check = 'b' },\n]\n".to_owned(),
            "f.toml:3: waiver.owner: this key is missing",
        ),
        ("waiver = [['a', 'A']]\n".to_owned(), "f.toml:1: waiver: expected a table, found an array"),
        ("[waiver]\ncheck = 'a'\n".to_owned(), "f.toml:1: waiver: expected an array, found a table"),
    ] {
        assert_fault(&text, expected);
    }
}

#[test]
fn words_and_maps() {
    for (text, expected) in [
        (
            "platform = 'small-bach'\n",
            "f.toml:1: platform: unknown value `small-bach`; did you mean `small-batch`?",
        ),
        (
            "\nplatform = 'cloud'\n",
            "f.toml:2: platform: unknown value `cloud`; expected one of `small-batch`, `strict-tail`",
        ),
        ("platform = 1\n", "f.toml:1: platform: expected one of `small-batch`, `strict-tail`, found 1"),
        (
            "[workload]\nsmall-batch = true\nstrict-tial = true\n",
            "f.toml:3: workload.strict-tial: unknown key; did you mean `strict-tail`?",
        ),
        (
            "workload.small-batch = 'no'\n",
            "f.toml:1: workload.small-batch: expected `true` or `false`, found the string \"no\"",
        ),
        ("deep.\"a.b\".\"\" = 200\n", "f.toml:1: deep.\"a.b\".\"\": expected a whole number, found 200"),
        ("deep = {a = {b = 1.5}}\n", "f.toml:1: deep.a.b: expected a whole number, found 1.5"),
        ("schema = -1\n", "f.toml:1: schema: expected a whole number from 0 to 4294967295, found -1"),
        (
            "schema = 0xffff_ffff_ffff_ffff_f\n",
            "f.toml:1: schema: 0xfffffffffffffffff is too large for a whole number",
        ),
        ("slo = [95, 450]\n", "f.toml:1: slo: expected a table, found an array"),
        ("day = 'Monday'\n", "f.toml:1: day: expected a table, found the string \"Monday\""),
    ] {
        assert_fault(text, expected);
    }
    let file = read("day = 2026-12-31\nany = [2026-12-31, {x = 1}]\ndeep.a.b = 7\n").unwrap();
    assert_eq!(file.day.unwrap().to_string(), "2026-12-31");
    assert_eq!(file.any.unwrap().to_string(), "[2026-12-31, { x = 1 }]");
    assert_eq!(file.deep["a"]["b"].fault("x").to_string(), "f.toml:3: deep.a.b: x");
}

#[test]
fn keys_that_stand_twice() {
    let twice = |key: &str, line: usize, first: usize| {
        format!(
            "f.toml:{line}: {key}: the key is here a second time, the first is in line {first}; keep one of them"
        )
    };
    for (text, key, line, first) in [
        ("schema = 1\nschema = 1\n", "schema", 2, 1),
        ("[slo]\npercentile = 1\nttft_ms = 2\npercentile = 3\n", "slo.percentile", 4, 2),
        ("[slo]\npercentile = 1\nttft_ms = 2\n\"percentile\" = 3\n", "slo.percentile", 4, 2),
        ("slo.percentile = 1\nslo.percentile = 3\n", "slo.percentile", 2, 1),
        ("slo = { percentile = 1, ttft_ms = 2, percentile = 3 }\n", "slo.percentile", 1, 1),
        ("[[waiver]]\ncheck = 'a'\n[[waiver]]\ncheck = 'b'\ncheck = 'c'\n", "waiver.check", 5, 4),
        ("[slo]\nnote = '''\npercentile = 1\n'''\npercentile = 1\npercentile = 2\n", "slo.percentile", 6, 5),
    ] {
        assert_fault(text, &twice(key, line, first));
    }
    assert_fault(
        "[slo]\npercentile = 1\n[workload]\nsmall-batch = true\n[slo]\nttft_ms = 1\n",
        "f.toml:5: slo: the table is here a second time; write all its keys in one place",
    );
}

#[test]
fn text_that_is_no_toml() {
    for (text, line, key) in [
        ("[slo]\npercentile = \n", 2, "slo.percentile"),
        ("[slo]\npercentile = 95\nttft_ms = 4 5\n", 3, "slo.ttft_ms"),
        ("[slo]\npenalty = \"five\n", 2, "slo.penalty"),
        ("[slo]\npercentile = 95\n???\n", 3, ""),
        ("[slo\npercentile = 95\n", 1, ""),
        ("slo = { percentile = , }\n", 1, "slo.percentile"),
        ("[slo]\npercentile = 95\nslo\n", 3, ""),
    ] {
        let fault = read(text).unwrap_err();
        assert_eq!((fault.line, fault.key.as_str()), (Some(line), key), "{fault}\n{text}");
        assert!(!fault.message.is_empty() && !fault.message.contains('\n'), "{fault}");
    }
}

#[test]
fn versions() {
    let version = |text: &str| {
        Document::parse("f.toml", text).unwrap().version("schema", &[1, 2]).map_err(|fault| fault.to_string())
    };
    assert_eq!(
        version("[slo]\nx = 1\n[schema]\n").unwrap_err(),
        "f.toml:3: schema: expected version 1 or 2 of the format, found a table; a newer file needs a newer program"
    );
    assert_eq!(version("schema = 2\nzzz = 1\n"), Ok(2));
    assert_eq!(
        version("\nschema = 3\n").unwrap_err(),
        "f.toml:2: schema: expected version 1 or 2 of the format, found 3; a newer file needs a newer program"
    );
    assert_eq!(
        version("").unwrap_err(),
        "f.toml: schema: the version of the format is missing; write `schema = 2` as the first line"
    );
}

#[test]
fn places_of_keys_that_are_not_there() {
    let document = Document::parse("f.toml", "schema = 1\n[slo]\npercentile = 0x10\n").unwrap();
    let at = |path: &[&str]| document.fault(path, "x").to_string();
    assert_eq!(at(&["slo", "ttft_ms"]), "f.toml:2: slo.ttft_ms: x");
    assert_eq!(at(&["prices", "currency"]), "f.toml: prices.currency: x");
    assert_eq!(at(&["schema", "below"]), "f.toml:1: schema.below: x");
    let waivers = Document::parse("f.toml", WAIVERS).unwrap();
    let named = |line| waivers.name_at(line, "waiver", "check");
    assert_eq!((named(1), named(4), named(5), named(99)), (Some("a"), Some("a"), Some("b"), Some("b")));
    assert_eq!((document.name_at(1, "waiver", "check"), document.name_at(1, "slo", "check")), (None, None));
    assert_eq!(document.numbers(&["slo", "percentile"]), [16.0]);
    assert!(document.numbers(&["slo"]).is_empty() && document.numbers(&["slo", "itl_ms"]).is_empty());
}

proptest! {
    /// No text ends the program, and whatever is told stands in a line that there is.
    #[test]
    fn any_text_is_read_or_refused(text in "(\\[{1,2}(slo|waiver|a)\\]{1,2}|slo|waiver|percentile|a|[=.,{}\\[\\]\"'# 0-9é-]|\n){0,40}") {
        if let Err(fault) = read(&text) {
            prop_assert!(fault.line.is_none_or(|line| (1..=text.lines().count() + 1).contains(&line)), "{fault}\n{text}");
            prop_assert!(!fault.message.is_empty());
        }
    }
}

#[test]
fn deep_keys_do_not_end_the_program() {
    for text in [
        format!("{}a = 1\n", "a.".repeat(20_000)),
        format!("[{}a]\n[{}a]\n", "a.".repeat(20_000), "a.".repeat(20_000)),
        format!("x = {}", "[".repeat(20_000)),
        format!("x = {}", "{a=".repeat(20_000)),
    ] {
        let fault = read(&text).unwrap_err();
        assert!(fault.message.len() < 200, "{fault}");
    }
}
