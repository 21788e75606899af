//! The rules of wording of a report, held against the JSON of one: what management reads names no process, no file of the
//! kernel and no command of Plumb's, says each number once and with its origin, and cuts no sentence.

use std::collections::BTreeSet;

use serde_json::Value;

/// Words of the summary page, all of it.
const SUMMARY_WORDS: usize = 220;
/// Words of a card and of a problem.
const CARD_WORDS: usize = 160;
const PROBLEM_WORDS: usize = 14;

/// Words that stand for a name of the node.
const PLACEHOLDERS: [&str; 9] =
    ["PID", "PATH", "CPUS", "NAME", "UNIT", "GOVERNOR", "ADDRESS", "DEVICE", "TID"];

/// Numbers that are fixed words: the bounds of tests, the rules of plan and saving, and by how much a price is moved.
const FIXED: [&str; 5] = ["95", "70", "100", "80", "20"];

/// What breaks the rules in the report of a `report.json`; empty for a good one.
#[must_use]
pub fn faults(file: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let main = chapters(file, "main");
    let checks: Vec<&str> =
        file["findings"].as_array().into_iter().flatten().filter_map(|own| own["check"].as_str()).collect();
    let titles: BTreeSet<&str> =
        file["findings"].as_array().into_iter().flatten().filter_map(|own| own["title"].as_str()).collect();
    for chapter in &main {
        let id = chapter["id"].as_str().unwrap_or_default();
        for text in texts(chapter) {
            let mut fault = |what: &str| faults.push(format!("{id}: {what}: {text}"));
            if text.trim_end_matches('.').ends_with('…') {
                fault("a sentence is cut");
            }
            if checks.iter().any(|check| text.contains(check)) {
                fault("the id of a check");
            }
            for word in [
                "/proc/",
                "/sys/",
                "(absent)",
                "(skipped)",
                "(denied)",
                "engagement file",
                "Auftragsdatei",
                "plumb ",
                "sha256",
            ] {
                if text.contains(word) {
                    fault(word);
                }
            }
            if text
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(|word| word.ends_with("_p95") || word.ends_with("_p50"))
            {
                fault("the key of a metric");
            }
            if text.split_whitespace().any(is_address) {
                fault("an address");
            }
            if is_process(&text) {
                fault("a process id");
            }
            for code in text.split('`').skip(1).step_by(2) {
                let is_placeholder =
                    |word: &str| PLACEHOLDERS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()));
                if code.split(|c: char| !c.is_ascii_alphanumeric()).any(is_placeholder) {
                    fault("a placeholder");
                }
            }
        }
    }
    if let Some(summary) = main.iter().find(|own| own["id"] == "summary") {
        let words: usize = texts(summary).iter().map(|text| words(text)).sum::<usize>()
            + words(summary["title"].as_str().unwrap_or_default());
        if words > SUMMARY_WORDS {
            faults.push(format!("summary: {words} words, of at most {SUMMARY_WORDS}"));
        }
    } else {
        faults.push("there is no summary".to_owned());
    }
    for card in main.iter().flat_map(|own| blocks(own, "card")) {
        let id = card["id"].as_str().unwrap_or_default();
        let count: usize =
            card["rows"].as_array().into_iter().flatten().flat_map(lines).map(|text| words(&text)).sum();
        if count > CARD_WORDS {
            faults.push(format!("card {id}: {count} words, of at most {CARD_WORDS}"));
        }
        let title = line(&card["title"]);
        let problem = title.split_once("  ").map_or(title.as_str(), |(_, problem)| problem);
        if words(problem) > PROBLEM_WORDS {
            faults.push(format!("card {id}: the problem has {} words: {problem}", words(problem)));
        }
        if titles.contains(problem) {
            faults.push(format!("card {id}: its title is the healthy state: {problem}"));
        }
    }
    faults.extend(numbers(file, &main));
    faults
}

/// Numbers of the chapters about service level and money, and of the tiles, that the list of numbers does not have.
fn numbers(file: &Value, main: &[&Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let known: BTreeSet<String> = file["report"]["numbers"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|own| digits(own["text"].as_str().unwrap_or_default()))
        .chain(FIXED.map(str::to_owned))
        .collect();
    for own in file["report"]["numbers"].as_array().into_iter().flatten() {
        let label = own["label"].as_str().unwrap_or_default();
        let known = ["measured", "modelled", "observed", "published", "stated", "assumed", "counted"]
            .contains(&label);
        if !known || own["origin"].as_str().is_none_or(str::is_empty) {
            faults.push(format!("a number without label or origin: {own}"));
        }
    }
    for chapter in main {
        let id = chapter["id"].as_str().unwrap_or_default();
        let all: Vec<String> = match id {
            "service" | "money" => chapter["blocks"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|own| own["block"] != "figure")
                .flat_map(block)
                .collect(),
            "summary" => blocks(chapter, "tiles").flat_map(block).collect(),
            _ => continue,
        };
        for text in all {
            // Names have digits, too: Tests of variants are called as their plan calls them.
            for number in digits(&text).into_iter().filter(|number| !known.contains(number)) {
                let is_name = text.contains(&format!("p{number}")) || is_of_variant(chapter, &text);
                if !is_name {
                    faults.push(format!("{id}: {number} is in no list of numbers: {text}"));
                }
            }
        }
    }
    faults
}

/// True for the name of a variant of an experiment, which stands in the first column of their table.
fn is_of_variant(chapter: &Value, text: &str) -> bool {
    blocks(chapter, "table")
        .filter(|own| own["columns"].as_array().is_some_and(|columns| columns.len() == 5))
        .flat_map(|own| own["rows"].as_array().cloned().unwrap_or_default())
        .any(|row| line(&row["cells"][0][0]) == text)
}

fn chapters<'a>(file: &'a Value, part: &str) -> Vec<&'a Value> {
    let parts = file["report"]["parts"].as_array().into_iter().flatten();
    parts.filter(|own| own["id"] == part).filter_map(|own| own["chapters"].as_array()).flatten().collect()
}

fn blocks<'a>(chapter: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    chapter["blocks"].as_array().into_iter().flatten().filter(move |own| own["block"] == kind)
}

/// All texts of a chapter of a report, line by line.
#[must_use]
pub fn texts(chapter: &Value) -> Vec<String> {
    chapter["blocks"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(block)
        .filter(|text| !text.is_empty())
        .collect()
}

/// The texts of a block: lines of spans, and what is text by itself.
fn block(own: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    collect(own, "", &mut texts);
    texts
}

fn collect(value: &Value, key: &str, texts: &mut Vec<String>) {
    match value {
        Value::Array(items)
            if !items.is_empty()
                && items.iter().all(|item| item.get("text").is_some_and(Value::is_string)) =>
        {
            texts.push(line(value))
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, texts)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(value, key, texts)),
        Value::String(text) if ["title", "label", "value", "note", "caption"].contains(&key) => {
            texts.push(text.clone())
        }
        _ => {}
    }
}

fn lines(row: &Value) -> Vec<String> {
    row["lines"].as_array().into_iter().flatten().map(line).collect()
}

/// The words of a line of spans.
fn line(spans: &Value) -> String {
    spans.as_array().into_iter().flatten().filter_map(|span| span["text"].as_str()).collect()
}

fn words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

/// The numbers of a text.
fn digits(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\u{a0}' | '\u{202f}');
    text.split(|c: char| !is_part(c))
        .map(|part| part.trim_matches(|c: char| !c.is_ascii_digit()).to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// `0000:18:00.0`
fn is_address(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.len() >= 12
        && word.matches(':').count() == 2
        && word.contains('.')
        && word.chars().all(|c| c.is_ascii_hexdigit() || ":.".contains(c))
}

/// A number of three digits or more after the word for a process.
fn is_process(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let before = pair[0].to_lowercase();
        let number = pair[1].trim_matches(|c: char| !c.is_ascii_digit());
        ["server", "worker", "process", "pid", "prozess"].contains(&before.as_str())
            && number.len() >= 3
            && pair[1].starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit())
    })
}
