//! Whole files, faults with their lines, and the schema beside the example.

use std::path::Path;

use plumb_evidence::model::WorkloadTrait;
use plumb_strict_toml::schema::mismatches;
use proptest::prelude::*;

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
check = "memory.room"
name = "share of CPU time on a remote node"
number = 10
reason = "measured: no effect below 10 % on this model"

[[waiver]]
check = "memory.swap"
subject = "CPUs 0-127"
owner = "A. Person, platform team"
reason = "power budget of the rack until the move"
expires = 2026-12-31

[[waiver]]
check = "memory.swap"
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
    assert_eq!(file.policy.thresholds["memory.room/share of CPU time on a remote node"].number, 10.0);
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
        ("schema = 1\n", "\n", "e.toml: schema: the version of the format is missing; write `schema = 1`"),
        ("schema = 1", "schema = 2", "e.toml:1: schema: expected version 1 of the format, found 2"),
        ("owner = \"B", "ownr = \"B", "e.toml:37: waiver.ownr: unknown key; did you mean `owner`?"),
        ("owner = \"B. Person\"\n", "", "e.toml:35: waiver.owner: this key is missing"),
        ("\"B. Person\"", "\" \"", "e.toml:37: waiver.owner: expected a text that is not empty, found"),
        (
            "2026-12-31",
            "2026-12-31T00:00:00Z",
            "e.toml:33: waiver.expires: expected a day such as 2026-12-31, found the date 2026-12-31T00:00:00Z",
        ),
        (
            "\"2026-06-30\"",
            "\"2026-02-30\"",
            "e.toml:39: waiver.expires: expected a day such as 2026-12-31, found the string \"2026-02-30\"",
        ),
        (
            "\"2026-06-30\"",
            "20260630",
            "e.toml:39: waiver.expires: expected a day such as 2026-12-31, found 20260630",
        ),
        (
            "shared-host",
            "cloud",
            "e.toml:4: profile.platform: unknown value `cloud`; expected one of `bare-metal`, `vm-guest`",
        ),
        ("shared-host", "unknown", "e.toml:4: profile.platform: unknown value `unknown`; expected one of"),
        (
            "offload = false",
            "offlod = false",
            "e.toml:8: workload.offlod: unknown key; did you mean `offload`?",
        ),
        (
            "offload = false",
            "offload = \"no\"",
            "e.toml:8: workload.offload: expected `true` or `false`, found the string \"no\"",
        ),
        (
            "percentile = 99",
            "percentile = 999",
            "e.toml:11: slo.percentile: must be between 0 and 100, found 999",
        ),
        ("ttft_ms = 450", "ttft_ms = nan", "e.toml:12: slo.ttft_ms: must be 0 or more, found NaN"),
        ("ttft_ms = 450", "tft_ms = 450", "e.toml:12: slo.tft_ms: unknown key; did you mean `ttft_ms`?"),
        (
            "ttft_ms = 450",
            "percentile = 450",
            "e.toml:12: slo.percentile: the key is here a second time, the first is in line 11",
        ),
        (
            "\"EUR\"",
            "\"euro\"",
            "e.toml:19: prices.currency: prices need a currency in three capital letters",
        ),
        (
            "currency = \"EUR\"\n",
            "",
            "e.toml:18: prices.currency: prices need a currency in three capital letters",
        ),
        (
            "number = 10",
            "number = nan",
            "e.toml:25: policy.threshold.number: expected a number that is not infinite",
        ),
        (
            "[[policy.threshold]]",
            "[[policy.treshold]]",
            "e.toml:22: policy.treshold: unknown key; did you mean `threshold`?",
        ),
        ("gpu_hour = 2.5", "gpu_hour = ", "e.toml:20: prices.gpu_hour: "),
    ] {
        let found = of(from, to);
        assert!(found.starts_with(expected), "{from} to {to}\n expected {expected}\n found    {found}");
    }
}

#[test]
fn however_a_table_is_written_its_faults_have_their_line() {
    for (shape, line) in [
        ("schema = 1\nslo = { KEY }\n", 2),
        ("schema = 1\nslo.KEY\n", 2),
        ("schema = 1\n[slo]\n\"KEY\n", 3),
        ("schema = 1\n[report]\ntitle = \"\"\"\n[slo]\npercentile = 95\n\"\"\"\n[slo]\nKEY\n", 8),
    ] {
        // A key that begins in quotes ends in them.
        let of = |entry: &str| {
            let entry =
                if shape.contains("\"KEY") { entry.replacen(" =", "\" =", 1) } else { entry.to_owned() };
            error(&shape.replace("KEY", &entry))
        };
        for (entry, problem) in [
            ("percentile = 200.0", "percentile: must be between 0 and 100, found 200"),
            ("percentil = 95", "percentil: unknown key; did you mean `percentile`?"),
            ("percentile = \"95\"", "percentile: expected a number, found the string \"95\""),
        ] {
            assert_eq!(of(entry), format!("e.toml:{line}: slo.{problem}"), "{shape}");
        }
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
glossary = false
node = true
"##;
    let document = EngagementFile::parse("e.toml", text).unwrap().document;
    assert_eq!(document.client.name.as_deref(), Some("#import \"x\" *_<b>"));
    assert_eq!(document.date.as_deref(), Some("2026-07-01"));
    assert!(document.prints(Section::Node) && !document.prints(Section::Glossary));
    assert!(document.covers("gpu-7") && !document.covers("cpu-7"));
    for (from, to, expected) in [
        (
            "2026-07-01",
            "\"July\"",
            "e.toml:5: report.date: expected a day such as 2026-12-31, found the string \"July\"",
        ),
        ("gpu-*", " ", "e.toml:6: report.nodes: expected a text that is not empty"),
        (
            "#1F4e79",
            "blue",
            "e.toml:8: report.colours.accent: expected a colour as \"#rrggbb\", such as \"#1f4e79\", found the string \"blue\"",
        ),
        (
            "glossary = false",
            "findings = false",
            "e.toml:10: report.sections.findings: unknown key; expected one of `node`",
        ),
        (
            "glossary = false",
            "glossary = 0",
            "e.toml:10: report.sections.glossary: expected `true` or `false`, found 0",
        ),
        ("[client]\nname", "[client]\nnam", "e.toml:3: client.nam: unknown key; did you mean `name`?"),
        (
            "date =",
            "author = ''\ndate =",
            "e.toml:5: report.author: expected a text that is not empty, found the string \"\"",
        ),
        (
            "date =",
            "language = 'English'\ndate =",
            "e.toml:5: report.language: expected the code of a language in small letters, such as \"en\" or \"de\", found",
        ),
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

/// The keys of a table of the schema and of those below it that are not lists, with the schema of each.
fn keys<'s>(path: &str, schema: &'s serde_json::Value, found: &mut Vec<(String, &'s serde_json::Value)>) {
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        keys(&path, below, found);
        keys(&path, &below["items"], found);
        found.push((path, below));
    }
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/engagement.schema.json");
    plumb_strict_toml::schema::published(&schema(), &path).unwrap_or_else(|stale| panic!("{stale}"));
}

#[test]
fn the_schema_describes_every_key_of_the_example() {
    let schema = schema();
    let mut found = Vec::new();
    keys("", &schema, &mut found);
    let filled: toml::Value = toml::from_str(&filled_in()).unwrap();
    for (path, key) in found {
        let in_example = path.split('.').try_fold(&filled, |value, part| {
            let value = value.get(part)?;
            Some(value.as_array().and_then(|items| items.first()).unwrap_or(value))
        });
        assert!(in_example.is_some(), "`{path}` is not in the example");
        assert!(key["description"].is_string(), "`{path}` has no description");
    }
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema = schema();
    let is_valid = |text: &str| mismatches(&schema, &toml::from_str(text).unwrap());
    let page = include_str!("../../../../docs/src/reference/engagement.md");
    let of_page = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    for text in [WHOLE, EXAMPLE, &filled_in(), of_page] {
        assert_eq!(is_valid(text), Vec::<String>::new(), "{text}");
    }
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    for sample in
        ["h200", "h100-x2", "reports/this-machine", "reports/untuned", "reports/remedied", "reports/guest"]
    {
        let text = std::fs::read_to_string(samples.join(sample).join("engagement.toml")).unwrap();
        EngagementFile::parse(sample, &text).unwrap();
        assert_eq!(is_valid(&text), Vec::<String>::new(), "{sample}");
    }
    for (table, key, least, most) in BOUNDS {
        for beyond in [least - 1.0, most + 1.0] {
            let currency = if table == "prices" { "currency = 'EUR'\n" } else { "" };
            let text = format!("schema = 1\n[{table}]\n{currency}{key} = {beyond}\n");
            assert!(error(&text).contains("must be "), "{text}");
            assert!(!beyond.is_finite() || !is_valid(&text).is_empty(), "{text}");
        }
    }
}

/// A way to write a table: under a header, as dotted keys, or in braces.
#[derive(Clone, Copy, Debug)]
enum Style {
    Header,
    Dotted,
    Braces,
}

/// What is wrong with one entry of a file.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    Key,
    Type,
    Range,
}

/// Writes the tables of a file in one style each, and plants one mistake.
struct Writer {
    text: String,
    entries: usize,
    planted: usize,
    mistake: Mistake,
    /// Line and key of the mistake.
    place: Option<(usize, String)>,
}

impl Writer {
    /// An entry as it is written, on the line that is written now.
    fn entry(&mut self, path: &str, key: &str, value: &toml::Value) -> String {
        self.entries += 1;
        let (mut key, mut value, is_number) =
            (key.to_owned(), value.to_string(), value.is_integer() || value.is_float());
        if self.entries - 1 == self.planted {
            match self.mistake {
                Mistake::Key => key = format!("{key}-zzz"),
                Mistake::Range if is_number && !path.starts_with("policy") => {
                    value = "-1000000000".to_owned()
                }
                Mistake::Type | Mistake::Range => value = "{ zzz = 1 }".to_owned(),
            }
            let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.place = Some((self.text.matches('\n').count() + 1, full));
        }
        let quotes = ["", "\"", "'"][self.entries % 3];
        format!("{quotes}{key}{quotes} = {value}")
    }

    fn braces(&mut self, path: &str, value: &toml::Value) {
        match value {
            toml::Value::Table(table) => {
                self.text += "{ ";
                for (nth, (key, value)) in table.iter().enumerate() {
                    self.text += if nth == 0 { "" } else { ", " };
                    self.inside(path, key, value);
                }
                self.text += " }";
            }
            toml::Value::Array(items) => {
                self.text += "[ # a note\n";
                for item in items {
                    self.text += "  ";
                    self.braces(path, item);
                    self.text += ",\n";
                }
                self.text += "]";
            }
            _ => {}
        }
    }

    fn inside(&mut self, path: &str, key: &str, value: &toml::Value) {
        if is_tables(value) {
            self.text += &format!("{key} = ");
            self.braces(&format!("{path}.{key}"), value);
        } else {
            let entry = self.entry(path, key, value);
            self.text += &entry;
        }
    }

    fn dotted(&mut self, path: &str, table: &toml::Table) {
        for (key, value) in table {
            let below = format!("{path}.{key}");
            match value {
                toml::Value::Table(table) => self.dotted(&below, table),
                value if is_tables(value) => {
                    self.text += &format!("{below} = ");
                    self.braces(&below, value);
                    self.text += "\n";
                }
                value => {
                    let entry = self.entry(path, key, value);
                    self.text += &format!("{path}.{entry}\n");
                }
            }
        }
    }

    fn headed(&mut self, path: &str, value: &toml::Value) {
        match value {
            toml::Value::Array(items) => {
                for item in items {
                    self.text += &format!("\n[[{path}]] # [slo]\n");
                    self.entries_of(path, item.as_table().unwrap());
                }
            }
            toml::Value::Table(table) => {
                self.text += &format!("\n[ {path} ]\n# percentile = 95\n");
                self.entries_of(path, table);
            }
            _ => {}
        }
    }

    fn entries_of(&mut self, path: &str, table: &toml::Table) {
        for (key, value) in table.iter().filter(|(_, value)| !is_tables(value)) {
            let entry = self.entry(path, key, value);
            self.text += &format!("{entry}\n");
        }
        for (key, value) in table.iter().filter(|(_, value)| is_tables(value)) {
            self.headed(&format!("{path}.{key}"), value);
        }
    }
}

fn is_tables(value: &toml::Value) -> bool {
    value.is_table() || value.as_array().is_some_and(|items| items.iter().any(toml::Value::is_table))
}

proptest! {
    #[test]
    fn one_mistake_anywhere_is_told_with_its_line_and_key(
        styles in prop::collection::vec(prop::sample::select(vec![Style::Header, Style::Dotted, Style::Braces]), 14),
        planted in 0..96_usize,
        mistake in prop::sample::select(vec![Mistake::Key, Mistake::Type, Mistake::Range]),
    ) {
        let mut filled: toml::Table = toml::from_str(&filled_in()).unwrap();
        filled["client"]["name"] = "Example\n[slo]\npercentile = 1\nLtd".into();
        let mut writer = Writer { text: "schema = 1\n".to_owned(), entries: 0, planted, mistake, place: None };
        let tables = || filled.iter().filter(|(key, _)| *key != "schema").zip(&styles);
        // What is not under a header comes before all that is.
        for ((key, value), style) in tables() {
            match (style, value) {
                (Style::Dotted, toml::Value::Table(table)) => writer.dotted(key, table),
                (Style::Dotted | Style::Braces, value) => {
                    writer.text += &format!("{key} = ");
                    writer.braces(key, value);
                    writer.text += "\n";
                }
                (Style::Header, _) => {}
            }
        }
        for ((key, value), style) in tables() {
            if matches!(style, Style::Header) {
                writer.headed(key, value);
            }
        }
        prop_assert_eq!(writer.entries, 96, "all entries of the example are planted in");
        let (line, key) = writer.place.unwrap();
        match EngagementFile::parse("e.toml", &writer.text) {
            Ok(_) => prop_assert!(false, "the mistake in line {line} was not seen:\n{}", writer.text),
            // A table in the place of one of some words is told by what stands in it.
            Err(fault) => prop_assert_eq!(
                (fault.line, fault.key.strip_suffix(".zzz").unwrap_or(&fault.key)),
                (Some(line), key.as_str()),
                "{}\n{}", fault, writer.text
            ),
        }
    }
}

#[test]
fn the_authors_hand_is_read_and_a_picture_needs_words() {
    let text = "schema = 1\n[report]\nstatus = \"draft\"\nversion = \"1.1\"\nreviewers = [\"C\"]\n[summary]\nheadline = \"H\"\ntext = \"s.md\"\n\
                [[note]]\ncheck = \"a.b\"\ntext = \"agreed\"\nimage = \"p.png\"\nalt = \"a rack\"\n\
                [[finding]]\ntitle = \"Fans are blocked\"\ngrade = \"medium\"\ndue = 2026-04-15\n\
                [[action]]\ncheck = \"a.b\"\nowner = \"P\"\neffort = \"1 h\"\ndue = 2026-03-09\nstatus = \"in-progress\"\n";
    let document = EngagementFile::parse("e.toml", text).unwrap().document;
    assert_eq!(document.files(), ["s.md", "p.png"]);
    assert_eq!(document.findings[0].due.as_deref(), Some("2026-04-15"));
    assert_eq!(document.actions[0].status, crate::document::Progress::InProgress);
    for (from, to, expected) in [
        ("alt = \"a rack\"\n", "", "a picture needs `alt`"),
        ("grade = \"medium\"", "grade = \"bad\"", "finding.grade: unknown value `bad`"),
        ("status = \"in-progress\"", "status = \"later\"", "action.status: unknown value `later`"),
        ("due = 2026-03-09", "due = \"soon\"", "action.due: expected a day such as 2026-12-31"),
        ("owner = \"P\"", "owners = \"P\"", "unknown key; did you mean `owner`?"),
    ] {
        let found = error(&text.replace(from, to));
        assert!(found.contains(expected), "{from} to {to}: {found}");
    }
    let twice = format!("{text}[[action]]\ncheck = \"a.b\"\n");
    assert!(error(&twice).contains("`a.b` has two plans"), "{}", error(&twice));
}
