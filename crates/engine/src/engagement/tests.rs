//! Whole files, faults, and the three places that list the keys.

use plumb_evidence::model::WorkloadTrait;

use super::*;
use crate::document::Section;

const WHOLE: &str = r#"schema = 1

[profile]
platform = "shared-host"

[workload]
tensor-parallel = true
offload = false

[slo]
percentile = 99
ttft_ms = 450
itl_ms = 40.0

[demand]
peak_requests_per_s = 12

[prices]
currency = "EUR"
gpu_hour = 2.5

[[policy.threshold]]
check = "mem.headroom"
name = "share of CPU time on a remote node"
number = 10
reason = "measured: no effect below 10 % on this model"

[[waiver]]
check = "mem.swap"
subject = "CPUs 0-127"
owner = "A. Person, platform team"
reason = "power budget of the rack until the move"
expires = 2026-12-31

[[waiver]]
check = "mem.swap"
owner = "B. Person"
reason = "swap is needed for batch jobs"
expires = "2026-06-30"
"#;

fn error(text: &str) -> String {
    EngagementFile::parse("e.toml", text).unwrap_err().to_string()
}

#[test]
fn a_whole_file_is_read() {
    let file = EngagementFile::parse("e.toml", WHOLE).unwrap();
    assert_eq!(file.platform, Some(Platform::SharedHost));
    assert!(!file.engagement.workload[&WorkloadTrait::Offload]);
    assert_eq!(file.engagement.slo.known().unwrap().ttft_ms, Some(450.0));
    assert_eq!(file.policy.thresholds["mem.headroom/share of CPU time on a remote node"].number, 10.0);
    let days: Vec<_> = file.waivers.iter().map(|waiver| crate::waiver::iso(waiver.expires)).collect();
    assert_eq!(days, ["2026-12-31", "2026-06-30"]);
}

#[test]
fn the_example_of_the_handbook_is_read() {
    let page = include_str!("../../../../docs/src/reference/engagement.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let file = EngagementFile::parse("engagement.md", example).unwrap();
    assert_eq!((file.waivers.len(), file.policy.thresholds.len()), (1, 1));
    assert_eq!(file.engagement.workload.len(), 7, "all traits are shown");
}

#[test]
fn sections_that_are_not_there_are_said_to_be_missing() {
    let file = EngagementFile::parse("e.toml", "schema = 1\n").unwrap();
    let Fact::Missing(missing) = &file.engagement.slo else { panic!("{file:?}") };
    assert_eq!(missing.reason, "the engagement file has no section [slo]");
    assert!(file.waivers.is_empty() && file.policy.thresholds.is_empty());
}

#[test]
fn faults_name_file_line_key_and_remedy() {
    let of = |from: &str, to: &str| error(&WHOLE.replace(from, to));
    for (from, to, expected) in [
        ("schema = 1\n", "\n", "e.toml: `schema`: the version of the file is missing; write `schema = 1`"),
        ("schema = 1", "schema = 2", "e.toml:1: `schema`: version 2 is not known"),
        ("owner = \"B", "ownr = \"B", "e.toml:37: `waiver.ownr`: unknown field `ownr`, expected one of"),
        ("owner = \"B. Person\"\n", "", "missing field `owner`"),
        ("\"B. Person\"", "\" \"", "e.toml:37: `waiver.owner`: is empty; a waiver needs"),
        ("2026-12-31", "2026-12-31T00:00:00Z", "e.toml:33: `waiver.expires`: 2026-12-31T00:00:00Z is no day"),
        (
            "\"2026-06-30\"",
            "\"2026-02-30\"",
            "e.toml:39: `waiver.expires`: \"2026-02-30\" is no day; write it as",
        ),
        ("\"2026-06-30\"", "20260630", "e.toml:39: `waiver.expires`: 20260630 is no day"),
        (
            "shared-host",
            "cloud",
            "e.toml:4: `profile.platform`: `cloud` is not known; write one of `bare-metal`",
        ),
        ("offload = false", "offlod = false", "unknown variant `offlod`, expected one of"),
        ("offload = false", "offload = \"no\"", "e.toml:8: `workload.offload`: invalid type: string"),
        ("percentile = 99", "percentile = 999", "e.toml:11: `slo.percentile`: 999 cannot be"),
        ("ttft_ms = 450", "tft_ms = 450", "e.toml:12: `slo.tft_ms`: unknown field `tft_ms`"),
        ("\"EUR\"", "\"euro\"", "e.toml:19: `prices.currency`: a price needs its currency"),
        ("number = 10", "number = nan", "e.toml:25: `policy.threshold.number`: is no finite number"),
        ("[[policy.threshold]]", "[[policy.treshold]]", "unknown field `treshold`"),
        ("gpu_hour = 2.5", "gpu_hour = ", "e.toml:20: `prices.gpu_hour`"),
    ] {
        let found = of(from, to);
        assert!(found.contains(expected), "{from} to {to}\n expected {expected}\n found    {found}");
    }
}

#[test]
fn a_threshold_is_replaced_once() {
    let table = &WHOLE[WHOLE.find("[[policy").unwrap()..WHOLE.find("[[waiver]]").unwrap()];
    let twice = format!("schema = 1\n{table}{table}");
    assert!(error(&twice).contains("is replaced twice"), "{}", error(&twice));
}

#[test]
fn the_document_is_described() {
    let text = r##"schema = 1
[client]
name = '#import "x" *_<b>'
[report]
date = 2026-07-01
nodes = ["gpu-*"]
[report.colours]
accent = "#1F4e79"
[report.sections]
offer = false
node = true
"##;
    let document = EngagementFile::parse("e.toml", text).unwrap().document;
    assert_eq!(document.client.name.as_deref(), Some("#import \"x\" *_<b>"));
    assert_eq!(document.date.as_deref(), Some("2026-07-01"));
    assert!(document.prints(Section::Node) && !document.prints(Section::Offer));
    assert!(document.covers("gpu-7") && !document.covers("cpu-7"));
    for (from, to, expected) in [
        ("2026-07-01", "\"July\"", "e.toml:5: `report.date`: \"July\" is no day; write it as 2026-12-31"),
        ("gpu-*", " ", "e.toml:6: `report.nodes`: entry 1 is empty"),
        (
            "#1F4e79",
            "blue",
            "e.toml:8: `report.colours.accent`: `blue` is no colour; write it as \"#rrggbb\"",
        ),
        (
            "offer = false",
            "findings = false",
            "e.toml:10: `report.sections.findings`: unknown variant `findings`",
        ),
        ("offer = false", "offer = 0", "e.toml:10: `report.sections.offer`: invalid type"),
        ("[client]\nname", "[client]\nnam", "e.toml:3: `client.nam`: unknown field `nam`"),
        ("date =", "author = ''\ndate =", "e.toml:5: `report.author`: is empty; leave the key out"),
        ("date =", "language = 'English'\ndate =", "e.toml:5: `report.language`: `English` is no language"),
    ] {
        assert!(text.contains(from), "{from}");
        let found = error(&text.replace(from, to));
        assert!(found.contains(expected), "{from} to {to}\n expected {expected}\n found    {found}");
    }
}

/// The example with every key in force.
fn filled_in() -> String {
    // A line that explains has no `=` or table header behind its mark.
    let key = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        let word = rest.split(" = ").next()?;
        let is_key = rest.contains(" = ")
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
        (is_key || rest.starts_with('[')).then(|| rest.to_owned())
    };
    EXAMPLE.lines().map(|line| key(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

#[test]
fn the_example_is_read_as_it_is_and_filled_in() {
    let bare = EngagementFile::parse("example.toml", EXAMPLE).unwrap();
    // Headers without keys decide nothing.
    assert_eq!(bare, EngagementFile::parse("e.toml", "schema = 1\n").unwrap());
    let filled = filled_in();
    let file =
        EngagementFile::parse("example.toml", &filled).unwrap_or_else(|error| panic!("{error}\n{filled}"));
    assert_eq!((file.waivers.len(), file.policy.thresholds.len()), (1, 1));
    assert!(file.document.client.name.is_some() && file.engagement.prices.known().is_some());
}

/// The keys of each table as the JSON schema has them, by a TOML header that opens the table.
fn schema_keys() -> Vec<(String, Vec<String>)> {
    let text = include_str!("../../../../docs/src/reference/engagement.schema.json");
    let schema: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut keys = Vec::new();
    let mut open = vec![(String::new(), false, &schema)];
    while let Some((path, many, table)) = open.pop() {
        let properties = table["properties"].as_object().unwrap();
        assert_eq!(table["additionalProperties"], false, "{path}: the parser is strict");
        for (key, value) in properties {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if value["type"] == "object" {
                open.push((below, false, value));
            } else if value["items"]["type"] == "object" {
                open.push((below, true, &value["items"]));
            }
        }
        let header = match (path.as_str(), many) {
            ("", _) => String::new(),
            (path, true) => format!("[[{path}]]\n"),
            (path, false) => format!("[{path}]\n"),
        };
        keys.push((header, properties.keys().cloned().collect()));
    }
    keys
}

#[test]
fn schema_example_and_parser_have_the_same_keys() {
    let filled: toml::Value = toml::from_str(&filled_in()).unwrap();
    for (header, mut in_schema) in schema_keys() {
        in_schema.sort();
        // The parser lists the keys of a table when it meets one that it does not know.
        let found = error(&format!("schema = 1\n{header}zzz = 1\n"));
        let list = found.split_once("expected ").map_or("", |(_, list)| list);
        let mut in_parser: Vec<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        in_parser.sort();
        assert_eq!(in_schema, in_parser, "keys of `{}`: {found}", header.trim());

        let mut table = &filled;
        for part in header.trim().trim_matches(['[', ']']).split('.').filter(|part| !part.is_empty()) {
            table = &table[part];
            table = table.as_array().map_or(table, |array| &array[0]);
        }
        let mut in_example: Vec<String> = table.as_table().unwrap().keys().cloned().collect();
        in_example.sort();
        assert_eq!(in_schema, in_example, "keys of `{}` in the example", header.trim());
    }
}

#[test]
fn what_the_schema_needs_the_parser_needs() {
    let text = include_str!("../../../../docs/src/reference/engagement.schema.json");
    let schema: serde_json::Value = serde_json::from_str(text).unwrap();
    let platforms = schema["properties"]["profile"]["properties"]["platform"]["enum"].as_array().unwrap();
    let known = Platform::ALL.map(|platform| serde_json::Value::from(platform.as_str()));
    assert!(platforms.iter().all(|word| known.contains(word)) && platforms.len() == known.len());
    let filled = filled_in();
    for (table, needed) in [
        ("prices", &schema["properties"]["prices"]["required"]),
        ("waiver", &schema["properties"]["waiver"]["items"]["required"]),
        ("policy.threshold", &schema["properties"]["policy"]["properties"]["threshold"]["items"]["required"]),
    ] {
        for key in needed.as_array().unwrap() {
            let key = key.as_str().unwrap();
            let mut inside = false;
            let without: String = filled
                .lines()
                .filter(|line| {
                    if line.starts_with('[') {
                        inside = super::source::header(line) == Some(table);
                    }
                    !(inside && line.starts_with(&format!("{key} =")))
                })
                .map(|line| format!("{line}\n"))
                .collect();
            assert_ne!(without, filled, "{table}.{key} is in the example");
            assert!(error(&without).contains(&format!("missing field `{key}`")), "{table}.{key}");
        }
    }
}
