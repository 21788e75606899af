//! Fixtures of checks: pieces of evidence in `fixtures/CHECK/CASE.json`, and what their names promise.

use std::fs;
use std::path::{Path, PathBuf};

use plumb_check_sdk::{Finding, Outcome};
use serde_json::Value;

/// A piece of evidence and the check that it is for.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    /// Id of the check.
    pub check: String,
    /// File name without extension; its first word says what is expected.
    pub name: String,
    /// The file with the evidence.
    pub path: PathBuf,
}

impl Fixture {
    /// The file with the expected findings.
    pub(crate) fn findings(&self) -> PathBuf {
        self.path.with_extension("findings.json")
    }
}

/// The fixtures in the folder of one check, sorted by name.
pub(crate) fn of_check(folder: &Path, check: &str) -> Vec<Fixture> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut fixtures: Vec<Fixture> = files
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
            let is_case = !name.ends_with(".findings");
            is_case.then(|| Fixture { check: check.to_owned(), name: name.to_owned(), path: path.clone() })
        })
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    fixtures
}

/// Kinds of fixtures that a check has to have and has not.
pub(crate) fn lacking(fixtures: &[Fixture]) -> Vec<&'static str> {
    let has = |word: &str| fixtures.iter().any(|fixture| kind(&fixture.name) == word);
    ["ok", "bad", "missing"].into_iter().filter(|word| !has(word)).collect()
}

/// What is expected of a fixture, by its name.
fn kind(name: &str) -> &str {
    let words = ["not-applicable", "missing", "ok", "bad"];
    words
        .into_iter()
        .find(|word| name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
        .unwrap_or(name)
}

/// Tells if the findings are not what the name of the fixture promises.
pub(crate) fn expect_kind(name: &str, findings: &[Finding]) -> Result<(), String> {
    let any = |is: fn(Outcome) -> bool| findings.iter().any(|finding| is(finding.outcome));
    let (deviates, unanswered) = (any(Outcome::is_deviation), any(Outcome::is_unanswered));
    let not_applicable = |finding: &Finding| finding.outcome == Outcome::NotApplicable;
    let (fits, expected) = match kind(name) {
        "ok" => (!deviates && !unanswered, "no deviation and nothing unanswered"),
        "bad" => (deviates, "a deviation"),
        "missing" => (unanswered && !deviates, "something unanswered and no deviation"),
        "not-applicable" => (findings.iter().all(not_applicable), "nothing but `not-applicable`"),
        _ => (false, "a name that begins with `ok`, `bad`, `missing` or `not-applicable`"),
    };
    if fits && !findings.is_empty() {
        return Ok(());
    }
    let findings = pretty(findings).map_err(|error| error.to_string())?;
    Err(format!("fixture `{name}`: expected {expected}, found\n{findings}"))
}

/// Findings as they are kept beside a fixture.
pub(crate) fn pretty(findings: &[Finding]) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(findings)? + "\n")
}

/// The evidence with one member less, for each member of each object and in each way in which it can be missing; and what
/// was taken away, in words.
///
/// What the audit was told is no evidence: without a policy another limit is in force, and without the traits of the
/// workload another question is asked. Some things are not missing where they are left out, but have another value: an
/// entry of a map in which zeros, unset variables or options that were not given have none, and a column of `/proc/stat`, of which old kernels have
/// fewer.
pub(crate) fn removals(evidence: &Value) -> impl Iterator<Item = (String, Value)> + '_ {
    const TOLD: [&str; 2] = ["/policy", "/engagement/workload"];
    let is_told = |pointer: &str| {
        let below =
            |of: &str| pointer.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        pointer == "/engagement" || TOLD.into_iter().any(below)
    };
    let left_out = |pointer: &str| {
        let (above, key) = pointer.rsplit_once('/').unwrap_or_default();
        let is_number = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
        let is_zero = is_number || above.starts_with("/window/cpus/");
        let is_unset = above.ends_with("/environment") || above.ends_with("/options");
        (!is_zero && !is_unset).then_some(None)
    };
    let of_evidence = pointers(evidence).into_iter().filter(move |pointer| !is_told(pointer));
    of_evidence.flat_map(move |pointer| {
        let ways = left_out(&pointer).into_iter().chain([Some("denied"), Some("failed")]);
        ways.map(move |absence| {
            let mut less = evidence.clone();
            remove(&mut less, &pointer, absence);
            (format!("`{pointer}` ({})", absence.unwrap_or("left out")), less)
        })
    })
}

/// Whether the fixture promises a deviation, by its name.
pub(crate) fn deviates(fixture: &Fixture) -> bool {
    kind(&fixture.name) == "bad"
}

/// The first deviation of `before` that `after`, with less evidence, passes over in silence.
///
/// It is told where its subject still deviates or is unanswered, or where something deviates or is unanswered that was
/// not so before: what is missing may be told of the node as a whole, or of several subjects at once.
#[must_use]
pub fn silenced<'a>(before: &'a [Finding], after: &[Finding]) -> Option<&'a Finding> {
    let told = |finding: &&Finding| finding.outcome.is_deviation() || finding.outcome.is_unanswered();
    let same = |a: &Finding, b: &Finding| (&a.subject, &a.message) == (&b.subject, &b.message);
    if after.iter().filter(told).any(|now| !before.iter().filter(told).any(|then| same(then, now))) {
        return None;
    }
    let deviations = before.iter().filter(|finding| finding.outcome.is_deviation());
    deviations.into_iter().find(|then| !after.iter().filter(told).any(|now| now.subject == then.subject))
}

/// Pointers to all members of all objects in a value.
fn pointers(value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let mut todo = vec![(String::new(), value)];
    while let Some((at, value)) = todo.pop() {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    all.push(pointer.clone());
                    todo.push((pointer, member));
                }
            }
            Value::Array(items) => {
                todo.extend(items.iter().enumerate().map(|(i, item)| (format!("{at}/{i}"), item)));
            }
            _ => {}
        }
    }
    all
}

/// Leaves out the member at a pointer, or replaces it by a reason why it is missing.
fn remove(value: &mut Value, pointer: &str, absence: Option<&str>) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let Some(Value::Object(members)) = value.pointer_mut(parent) else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match absence {
        None => drop(members.remove(&key)),
        Some(absence) => {
            members.insert(key, serde_json::json!({ "missing": absence, "reason": "taken away by a test" }));
        }
    }
}
