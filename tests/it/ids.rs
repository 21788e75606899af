//! What a check knows stands in its folder: engine, remediation and report take it from there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plumb_tests::workspace;

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            all.push(path);
        }
    }
}

fn ids() -> BTreeSet<String> {
    let mut all = Vec::new();
    files(&workspace().join("checks"), &mut all);
    let pages = all.iter().filter(|path| path.ends_with("page.toml"));
    let id = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("id = \""));
        line.and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
    };
    pages.filter_map(id).collect()
}

/// True if the id stands in the text as a word of its own.
fn names(text: &str, id: &str) -> bool {
    let is_part =
        |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.'));
    text.match_indices(id).any(|(at, _)| {
        let after = text[at + id.len()..].chars().next().filter(|&c| c != '.');
        !is_part(text[..at].chars().next_back()) && !is_part(after)
    })
}

#[test]
fn no_check_is_named_outside_of_the_packs() {
    let ids = ids();
    assert!(ids.len() > 80, "{}", ids.len());
    let mut all = Vec::new();
    for folder in ["crates/engine", "crates/remediate", "crates/report", "report-templates"] {
        files(&workspace().join(folder), &mut all);
    }
    assert!(all.len() > 100, "{}", all.len());
    let mut found = Vec::new();
    for path in all {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        found.extend(ids.iter().filter(|id| names(&text, id)).map(|id| format!("{}: {id}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// True for a unit, a PCI address and a list of CPUs: what one node has and another has not.
fn is_of_some_node(word: &str) -> bool {
    let is_unit = [".service", ".slice", ".scope"].iter().any(|end| {
        word.strip_suffix(end).is_some_and(|name| name.chars().any(|c| c.is_ascii_alphanumeric()))
    });
    let is_device = word.len() >= 7
        && word.contains(':')
        && word.contains('.')
        && word.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |part: &str| part.split('-').all(is_number);
    let is_list = word.contains(',') && word.contains('-') && word.split(',').all(is_part);
    is_unit || is_device || is_list
}

#[test]
fn words_name_nothing_that_only_some_node_has() {
    for (word, expected) in [
        ("vllm.service", true),
        ("system.slice", true),
        ("0000:18:00.0", true),
        ("0-3,64-67", true),
        (".service", false),
        ("10:30", false),
        ("2-3", false),
        ("e.g.", false),
    ] {
        assert_eq!(is_of_some_node(word), expected, "{word}");
    }
    let mut all = Vec::new();
    for folder in ["crates", "checks", "report-templates"] {
        files(&workspace().join(folder), &mut all);
    }
    all.retain(|path| path.extension().is_some_and(|extension| extension == "ftl"));
    assert!(all.len() > 160, "{}", all.len());
    let mut found = Vec::new();
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        let words = text.split(|c: char| c.is_whitespace() || "`()\"'{}=;".contains(c));
        let foreign =
            words.map(|word| word.trim_end_matches([',', '.', ':'])).filter(|word| is_of_some_node(word));
        found.extend(foreign.map(|word| format!("{}: {word}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
