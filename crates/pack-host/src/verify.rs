//! The conformance test of a pack: what `plumb packs verify` runs.
//!
//! Everything goes through a worker, as in earnest, so that it holds for packs in any language. Examples are the pack's
//! fixtures: `fixtures/CHECK/CASE.json` with the expected findings beside it in `CASE.findings.json`.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use plumb_check_sdk::{CheckMeta, Finding};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;
use crate::discover::{PackForm, PackLocation};
use crate::document::EvidenceDocument;
use crate::fixtures::{self, Fixture};
use crate::host::{Host, HostOptions, PackRun, PackStatus};
use crate::trust::{self, Unpinned};
use crate::words::UNSAID;
use crate::{check_trust, manifest};

/// Result of the conformance test.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// Id of the pack.
    pub pack: String,
    /// The rules, in the order in which they were tried.
    pub rules: Vec<RuleResult>,
}

/// Result of one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleResult {
    /// What has to hold.
    pub rule: &'static str,
    /// Whether it does.
    pub verdict: Verdict,
    /// What was seen, or why it could not be tried.
    pub detail: String,
}

/// Whether a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does.
    Pass,
    /// It does not.
    Fail,
    /// It could not be tried.
    Skipped,
}

impl Verification {
    /// True if no rule is broken.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rules.iter().all(|rule| rule.verdict != Verdict::Fail)
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for RuleResult { rule, verdict, detail } in &self.rules {
            let verdict = match verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "FAIL",
                Verdict::Skipped => "skip",
            };
            writeln!(f, "{verdict}  {rule}: {detail}")?;
        }
        Ok(())
    }
}

/// Runs the conformance test on a pack. It is loaded even if it is not pinned: that is what the sandbox is for.
#[must_use]
pub fn verify(location: &PackLocation, options: &HostOptions) -> Verification {
    let mut options = options.clone();
    options.trust.unpinned = Unpinned::Allow;
    let mut verification = Verification { pack: location.manifest.id.to_string(), rules: Vec::new() };
    let mut bench = Bench::new(location, &options);
    let of_rule_packs = if location.form == PackForm::Rules { OF_RULE_PACKS } else { &[] };
    for (rule, test) in RULES.iter().chain(of_rule_packs).chain(LAST) {
        let (verdict, detail) = match test(&mut bench) {
            Ok(detail) => (Verdict::Pass, detail),
            Err(Failure::Broken(detail)) => (Verdict::Fail, detail),
            Err(Failure::Untried(detail)) => (Verdict::Skipped, detail),
        };
        let is_fatal = verdict == Verdict::Fail && *rule == LOADS;
        verification.rules.push(RuleResult { rule, verdict, detail });
        if is_fatal {
            break;
        }
    }
    verification
}

/// Writes what a pack finds in its fixtures beside them, and returns the files that changed. For its author, who looks at
/// the difference; the pack is loaded even if it is not pinned.
///
/// # Errors
/// Fails if a fixture is not evidence, the pack does not answer, or a file cannot be written.
pub fn renew_findings(location: &PackLocation, options: &HostOptions) -> Result<Vec<PathBuf>, Error> {
    let mut options = options.clone();
    options.trust.unpinned = Unpinned::Allow;
    let mut bench = Bench::new(location, &options);
    let refuse = |example: &Example, failure: Failure| {
        let (Broken(reason) | Untried(reason)) = failure;
        Error::Manifest { path: example.fixture.path.clone(), reason }
    };
    let mut written = Vec::new();
    for example in std::mem::take(&mut bench.examples) {
        let findings = bench.findings_of(&example).map_err(|failure| refuse(&example, failure))?;
        let text = fixtures::pretty(&findings).map_err(Error::Evidence)?;
        let path = example.fixture.findings();
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::write(&path, text).map_err(|error| Error::io("write", &path, error))?;
        written.push(path);
    }
    Ok(written)
}

enum Failure {
    Broken(String),
    Untried(String),
}
use Failure::{Broken, Untried};

type Tried = Result<String, Failure>;

const LOADS: &str = "it loads, and is what its manifest says";

type Rule = fn(&mut Bench<'_>) -> Tried;

const RULES: &[(&str, Rule)] = &[
    ("the manifest is complete", manifest_is_complete),
    ("the files are in safe hands", files_are_safe),
    (LOADS, loads),
    ("evidence without any section is no pass", |bench| bench.unanswered(&[("{}", json!({}))])),
    ("evidence that could not be collected is no pass", denied),
    ("evidence of a wrong type is no pass", wrong_types),
    ("evidence that is not JSON is an error, and survived", not_json),
    ("10 MB of evidence are survived", large),
    ("examples give what they should", examples),
    ("its sentences can be said in all of their languages", sentences),
    ("what the checks declare is all they need", needs_suffice),
    ("a check gives the same alone as among the others", alone),
];

/// What the tests of a pack in Rust see to before it is delivered; a pack of rules has no tests but these.
const OF_RULE_PACKS: &[(&str, Rule)] = &[
    ("each check has its examples, and they are what their names say", have_examples),
    ("taking evidence away silences no deviation", removal),
];

const LAST: &[(&str, Rule)] = &[
    ("the same evidence gives the same findings", deterministic),
    ("all of that was answered in time", in_time),
];

/// The pack under test.
struct Bench<'a> {
    location: &'a PackLocation,
    options: &'a HostOptions,
    host: Host,
    examples: Vec<Example>,
    slowest: Duration,
}

struct Example {
    name: String,
    check: String,
    fixture: Fixture,
    evidence: Vec<u8>,
}

impl<'a> Bench<'a> {
    fn new(location: &'a PackLocation, options: &'a HostOptions) -> Self {
        let host = Host::open(options.clone(), std::slice::from_ref(location));
        let examples = examples_of(&location.folder.join("fixtures"), &location.manifest.checks);
        Self { location, options, host, examples, slowest: Duration::ZERO }
    }

    fn ask(&mut self, document: &EvidenceDocument) -> Result<PackRun, Failure> {
        let start = Instant::now();
        let run = self.host.evaluate(document).into_iter().next();
        self.slowest = self.slowest.max(start.elapsed());
        run.ok_or_else(|| Untried("there is no pack".to_owned()))
    }

    /// The findings on evidence that the pack has to cope with.
    fn findings(&mut self, document: &EvidenceDocument, what: &str) -> Result<Vec<Finding>, Failure> {
        let run = self.ask(document)?;
        match run.status {
            PackStatus::Ok => Ok(run.findings),
            status => Err(Broken(format!("{what}: {status}"))),
        }
    }

    /// Sends evidence that answers nothing, as it is; every finding must say so.
    fn unanswered(&mut self, cases: &[(&str, Value)]) -> Tried {
        for (what, evidence) in cases {
            let document = EvidenceDocument::raw(evidence.to_string().into_bytes());
            for finding in self.findings(&document, what)? {
                if !finding.outcome.is_unanswered() {
                    return Err(Broken(format!(
                        "{what}: `{}` answers `{}` ({}), expected `not-run`",
                        finding.check,
                        finding.outcome.as_str(),
                        finding.message
                    )));
                }
            }
        }
        Ok(format!("{} cases", cases.len()))
    }

    /// First parts of all declared pointers.
    fn sections(&self) -> BTreeSet<String> {
        let needs = self.location.manifest.checks.iter().flat_map(|check| check.needs.iter());
        needs.filter_map(|need| need.split('/').nth(1)).map(str::to_owned).collect()
    }

    /// Evidence with the same value for each declared section.
    fn with_all(&self, value: &Value) -> Value {
        let sections = self.sections().into_iter().map(|section| (section, value.clone()));
        Value::Object(std::iter::once(("schema".to_owned(), json!(1))).chain(sections).collect())
    }
}

fn manifest_is_complete(bench: &mut Bench<'_>) -> Tried {
    let manifest = &bench.location.manifest;
    if let Some(problem) = manifest::problem(manifest) {
        return Err(Broken(problem));
    }
    for check in manifest.checks.iter() {
        let remedy = &check.remediation;
        let texts = [
            ("title", &check.title),
            ("rationale", &check.rationale),
            ("business", &check.business),
            ("applicability", &check.applicability),
            ("remediation.expected_effect", &remedy.expected_effect),
            ("remediation.runtime", &remedy.runtime),
            ("remediation.persistent", &remedy.persistent),
            ("remediation.rollback", &remedy.rollback),
            ("remediation.verification", &remedy.verification),
        ];
        // A check that has a page gives none of the last four: what is to be done is made of the intents of its findings.
        let by_intents = manifest.abi_minor >= 2 && texts[5..].iter().all(|(_, text)| text.is_empty());
        let texts = if by_intents { &texts[..5] } else { &texts[..] };
        if let Some((name, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(Broken(format!("check `{}` has no `{name}`", check.id)));
        }
        if check.needs.is_empty() {
            return Err(Broken(format!("check `{}` needs nothing, so it can tell nothing", check.id)));
        }
        let is_date = |date: &str| date.len() == 10 && date.split('-').count() == 3;
        if let Some(limit) =
            check.thresholds.iter().find(|limit| limit.source.is_empty() || !is_date(&limit.date))
        {
            return Err(Broken(format!(
                "threshold `{}` of `{}` has no source or no date",
                limit.name, check.id
            )));
        }
    }
    Ok(format!("{} checks", manifest.checks.len()))
}

fn files_are_safe(bench: &mut Bench<'_>) -> Tried {
    match check_trust(bench.location, &bench.options.trust) {
        Ok(trust) => Ok(format!("SHA-256 {}, {}", trust::short(&trust.sha256), trust.basis)),
        Err(error) => Err(Broken(error.to_string())),
    }
}

fn loads(bench: &mut Bench<'_>) -> Tried {
    let run = bench.ask(&EvidenceDocument::raw(*b"{}"))?;
    match run.status {
        PackStatus::Failed(reason) if run.sandbox.is_empty() || bench.host.workers().is_empty() => {
            Err(Broken(reason))
        }
        _ => Ok(format!("sandbox: {}", run.sandbox)),
    }
}

fn denied(bench: &mut Bench<'_>) -> Tried {
    let kinds = ["denied", "timeout", "truncated", "skipped", "failed", "malformed"];
    let cases: Vec<(&str, Value)> = kinds
        .into_iter()
        .map(|kind| (kind, bench.with_all(&json!({ "missing": kind, "reason": "taken away by a test" }))))
        .collect();
    bench.unanswered(&cases)
}

fn wrong_types(bench: &mut Bench<'_>) -> Tried {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let values = [
        ("a number", json!(-1.5e300)),
        ("a string", json!("\u{0}\u{1f}\"\\")),
        ("a truth value", json!(true)),
        ("null", json!(null)),
        ("an array of arrays", deep),
        ("an array of numbers", json!([1, 2, 3])),
        ("an object with numbers for names", json!({ "0": 1, "": {} })),
    ];
    let cases: Vec<(&str, Value)> =
        values.iter().map(|(what, value)| (*what, bench.with_all(value))).collect();
    bench.unanswered(&cases)
}

fn not_json(bench: &mut Bench<'_>) -> Tried {
    let whole = bench
        .examples
        .first()
        .map_or_else(|| b"{\"schema\": 1}".to_vec(), |example| example.evidence.clone());
    let before: Vec<u32> = bench.host.workers().iter().map(|(_, id)| *id).collect();
    let trimmed = whole.trim_ascii_end();
    let cut = &trimmed[..trimmed.len().saturating_sub(1)];
    for (what, bytes) in
        [("nothing", &b""[..]), ("cut off", cut), ("not UTF-8", b"{\"\xff\xfe\": 1}"), ("an array", b"[]")]
    {
        let run = bench.ask(&EvidenceDocument::raw(bytes))?;
        if let Some(finding) = run.findings.iter().find(|finding| !finding.outcome.is_unanswered()) {
            let outcome = finding.outcome.as_str();
            return Err(Broken(format!(
                "{what}: `{}` answers `{outcome}`, expected an error",
                finding.check
            )));
        }
    }
    let after: Vec<u32> = bench.host.workers().iter().map(|(_, id)| *id).collect();
    if before != after {
        return Err(Broken("the worker had to be replaced: the pack crashed or broke the ABI".to_owned()));
    }
    Ok("4 cases".to_owned())
}

fn large(bench: &mut Bench<'_>) -> Tried {
    let example = bench.examples.first().map_or_else(|| b"{}".to_vec(), |example| example.evidence.clone());
    let evidence: Value = serde_json::from_slice(&example)
        .map_err(|error| Untried(format!("the first example is not JSON: {error}")))?;
    let small = bench.findings(&EvidenceDocument::raw(example), "the first example")?;
    let mut evidence = evidence;
    let padding: Vec<Value> = (0..100_000).map(|n| json!({ "n": n, "text": "x".repeat(80) })).collect();
    if let Value::Object(members) = &mut evidence {
        members.insert("padding".to_owned(), Value::Array(padding));
    }
    let text = evidence.to_string();
    let length = text.len();
    let found = bench.findings(&EvidenceDocument::raw(text.into_bytes()), "10 MB of evidence")?;
    if found != small {
        return Err(Broken("a section that is not declared changed the findings".to_owned()));
    }
    Ok(format!("{length} bytes"))
}

fn examples(bench: &mut Bench<'_>) -> Tried {
    let examples = std::mem::take(&mut bench.examples);
    let mut tried = 0;
    let result = examples.iter().try_for_each(|example| {
        let Ok(expected) = fs::read(example.fixture.findings()) else { return Ok(()) };
        let expected: Vec<Finding> = serde_json::from_slice(&expected).map_err(|error| {
            Broken(format!("{}: expected findings are not findings: {error}", example.name))
        })?;
        let found = bench.findings_of(example)?;
        tried += 1;
        if found == expected {
            Ok(())
        } else {
            Err(Broken(format!("{}: {}", example.name, differ(&expected, &found))))
        }
    });
    bench.examples = examples;
    result?;
    if tried == 0 {
        return Err(Untried(
            "there are none: expected `fixtures/CHECK/CASE.json` and `CASE.findings.json`".to_owned(),
        ));
    }
    Ok(format!("{tried} examples"))
}

fn sentences(bench: &mut Bench<'_>) -> Tried {
    let languages = bench.host.languages().to_vec();
    if languages.is_empty() {
        return Ok("it has none, its findings have messages".to_owned());
    }
    let options = HostOptions { languages: languages.clone(), ..bench.options.clone() };
    let host = Host::open(options, std::slice::from_ref(bench.location));
    // A page says all that its findings need, in each language, or the finding is not run.
    let english = std::mem::replace(&mut bench.host, host);
    let result = bench.each(|bench, example| {
        let findings = bench.findings_of(example)?;
        match findings.iter().find(|finding| finding.message.starts_with(UNSAID)) {
            Some(finding) => Err(Broken(format!("{}: {}", example.name, finding.message))),
            None => Ok(()),
        }
    });
    bench.host = english;
    result.map(|examples| format!("{}, {examples}", languages.join(", ")))
}

impl Bench<'_> {
    fn document(example: &Example) -> Result<EvidenceDocument, Failure> {
        EvidenceDocument::from_json(&example.evidence)
            .map_err(|_| Untried(format!("{} is not a JSON object", example.name)))
    }

    /// The findings of an example's check.
    fn findings_of(&mut self, example: &Example) -> Result<Vec<Finding>, Failure> {
        let findings = self.findings(&Self::document(example)?, &example.name)?;
        Ok(findings.into_iter().filter(|finding| finding.check == example.check).collect())
    }

    fn each(&mut self, test: impl Fn(&mut Self, &Example) -> Result<(), Failure>) -> Tried {
        if self.examples.is_empty() {
            return Err(Untried("there are no examples".to_owned()));
        }
        let examples = std::mem::take(&mut self.examples);
        let result = examples.iter().try_for_each(|example| test(self, example));
        let n_examples = examples.len();
        self.examples = examples;
        result.map(|()| format!("{n_examples} examples"))
    }
}

fn needs_suffice(bench: &mut Bench<'_>) -> Tried {
    bench.each(|bench, example| {
        let check = bench.location.manifest.checks.iter().find(|check| check.id == example.check);
        let needs = check.map(|check| check.needs.clone()).unwrap_or_default();
        let declared = EvidenceDocument::raw(Bench::document(example)?.payload(&needs));
        let everything = EvidenceDocument::raw(example.evidence.clone());
        let of = |bench: &mut Bench<'_>, document: &EvidenceDocument| -> Result<Vec<Finding>, Failure> {
            let findings = bench.findings(document, &example.name)?;
            Ok(findings.into_iter().filter(|finding| finding.check == example.check).collect())
        };
        let (less, more) = (of(bench, &declared)?, of(bench, &everything)?);
        if less == more { Ok(()) } else { Err(Broken(format!("{}: {}", example.name, differ(&more, &less)))) }
    })
}

fn have_examples(bench: &mut Bench<'_>) -> Tried {
    for check in bench.location.manifest.checks.iter() {
        let folder = bench.location.folder.join("fixtures").join(check.id.as_ref());
        let lacking = fixtures::lacking(&fixtures::of_check(&folder, &check.id));
        if !lacking.is_empty() {
            return Err(Broken(format!(
                "`{}` has no `{}.json` in `{}`: write the evidence of such a node",
                check.id,
                lacking.join(".json`, `"),
                folder.display()
            )));
        }
    }
    bench.each(|bench, example| {
        let findings = bench.findings_of(example)?;
        fixtures::expect_kind(&example.fixture.name, &findings)
            .map_err(|reason| Broken(format!("{}: {reason}", example.check)))?;
        if example.fixture.findings().exists() {
            return Ok(());
        }
        Err(Broken(format!(
            "{}: there is no `{}` to compare with: `plumb packs verify --renew` writes it",
            example.name,
            example.fixture.findings().display()
        )))
    })
}

fn removal(bench: &mut Bench<'_>) -> Tried {
    let tried = Cell::new(0);
    bench.each(|bench, example| {
        if !fixtures::deviates(&example.fixture) {
            return Ok(());
        }
        let before = bench.findings_of(example)?;
        let evidence: Value = serde_json::from_slice(&example.evidence)
            .map_err(|error| Untried(format!("{} is not JSON: {error}", example.name)))?;
        for (taken, less) in fixtures::removals(&evidence) {
            tried.set(tried.get() + 1);
            let document = EvidenceDocument::from_json(less.to_string().as_bytes())
                .map_err(|error| Untried(error.to_string()))?;
            let findings = bench.findings(&document, &example.name)?;
            let of_check: Vec<Finding> =
                findings.into_iter().filter(|finding| finding.check == example.check).collect();
            if let Some(lost) = fixtures::silenced(&before, &of_check) {
                let lost = format!("`{}` ({})", lost.subject, lost.outcome.as_str());
                return Err(Broken(format!("{}: without {taken} nothing is told of {lost}", example.name)));
            }
        }
        Ok(())
    })?;
    Ok(format!("{} pieces taken away", tried.get()))
}

fn alone(bench: &mut Bench<'_>) -> Tried {
    if !bench.host.has_evaluate_checks() {
        return Err(Untried("the pack has no `evaluate_checks`".to_owned()));
    }
    bench.each(|bench, example| {
        let together = bench.findings_of(example)?;
        let document = Bench::document(example)?;
        let alone = bench.host.evaluate_alone(&example.check, &document).map_err(Broken)?;
        if alone == together {
            Ok(())
        } else {
            Err(Broken(format!("{}: {}", example.name, differ(&together, &alone))))
        }
    })
}

fn deterministic(bench: &mut Bench<'_>) -> Tried {
    let options = bench.options.clone();
    let mut other = Host::open(options, std::slice::from_ref(bench.location));
    bench.each(|bench, example| {
        let (first, second) = (bench.findings_of(example)?, bench.findings_of(example)?);
        if first != second {
            return Err(Broken(format!("{}: asked twice: {}", example.name, differ(&first, &second))));
        }
        Ok(())
    })?;
    let examples = std::mem::take(&mut bench.examples);
    // Backwards, so that what a worker remembers of one bundle would show in the next.
    let result = examples.iter().rev().try_for_each(|example| {
        let document = Bench::document(example)?;
        let first = bench.findings(&document, &example.name)?;
        let elsewhere =
            other.evaluate(&document).into_iter().flat_map(|run| run.findings).collect::<Vec<_>>();
        if first == elsewhere {
            Ok(())
        } else {
            Err(Broken(format!("{}: in another worker: {}", example.name, differ(&first, &elsewhere))))
        }
    });
    bench.examples = examples;
    result.map(|()| format!("{} examples, three times in two workers", bench.examples.len()))
}

fn in_time(bench: &mut Bench<'_>) -> Tried {
    let (slowest, limit) = (bench.slowest, bench.options.deadline);
    if slowest < limit {
        // Not the measured time, so that the same pack gives the same text.
        return Ok(format!("each within {limit:?}"));
    }
    Err(Broken(format!("the slowest took {slowest:.1?}, the limit is {limit:?}")))
}

/// Where two lists of findings begin to differ.
fn differ(expected: &[Finding], found: &[Finding]) -> String {
    let describe = |finding: Option<&Finding>| match finding {
        None => "nothing".to_owned(),
        Some(finding) => {
            format!("`{}` for {} ({})", finding.outcome.as_str(), finding.subject, finding.message)
        }
    };
    let at = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    let (a, b) = (describe(expected.get(at)), describe(found.get(at)));
    if a == b {
        format!("expected {a}, found the same with other evidence")
    } else {
        format!("expected {a}, found {b}")
    }
}

fn examples_of(folder: &Path, checks: &[CheckMeta]) -> Vec<Example> {
    let mut examples: Vec<Example> = checks
        .iter()
        .flat_map(|check| fixtures::of_check(&folder.join(check.id.as_ref()), &check.id))
        .filter_map(|fixture| {
            let evidence = fs::read(&fixture.path).ok()?;
            let name = format!("{}/{}.json", fixture.check, fixture.name);
            Some(Example { name, check: fixture.check.clone(), fixture, evidence })
        })
        .collect();
    examples.sort_by(|a, b| a.name.cmp(&b.name));
    examples
}
