//! The test bench of pack authors: every fixture of a pack, natively and through a worker, and the rules that hold for
//! all checks.
//!
//! A pack's crate has one test target without the default harness, and in it one line:
//!
//! ```ignore
//! plumb_pack_host::pack_test!(my_pack::pack());
//! ```
//!
//! Fixtures are pieces of evidence in `fixtures/CHECK/CASE.json`. The first word of the case says what is expected, and
//! each check needs the first three: `ok` (no deviation and nothing unanswered), `bad` (a deviation), `missing` (something
//! unanswered and no deviation), `not-applicable`. The findings are kept beside it as `CASE.findings.json`; running the
//! tests with `PLUMB_BLESS=1` renews them, `pack.toml` and the pages under `docs/`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use plumb_check_sdk::{Finding, Pack};
use serde_json::Value;

use crate::discover::{Origin, PackForm, PackLocation};
use crate::fixtures::{self, Fixture, expect_kind, pretty};
use crate::{
    EvidenceDocument, Host, HostOptions, MANIFEST_FILE, TrustPolicy, Unpinned, manifest_to_toml, page,
};

/// First argument of a test executable that is started as a worker.
const WORKER: &str = "--plumb-worker";

/// Defines the `main` of a pack's test target; see the [module](crate::kit).
#[macro_export]
macro_rules! pack_test {
    ($pack:expr) => {
        fn main() -> ::std::process::ExitCode {
            $crate::kit::main($pack, env!("CARGO_MANIFEST_DIR"))
        }
    };
}

/// What [`pack_test!`](crate::pack_test) calls: runs the tests of `pack`, whose crate is in `folder`.
#[must_use]
pub fn main(pack: &'static Pack, folder: &str) -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER) {
        return crate::worker_main();
    }
    let arguments = Arguments::from_args();
    let test = Arc::new(PackTest { pack, folder: PathBuf::from(folder) });
    libtest_mimic::run(&arguments, test.trials()).exit_code()
}

/// A pack under test.
pub struct PackTest {
    pack: &'static Pack,
    folder: PathBuf,
}

type Outcomes = Result<(), Failed>;

impl PackTest {
    /// A pack whose crate is in `folder`.
    #[must_use]
    pub fn new(pack: &'static Pack, folder: impl Into<PathBuf>) -> Self {
        Self { pack, folder: folder.into() }
    }

    /// Findings of one check on evidence in JSON form, natively.
    ///
    /// # Errors
    /// Fails on evidence that is not a JSON object.
    pub fn native(&self, check: &str, evidence: &[u8]) -> Result<Vec<Finding>, String> {
        self.pack.evaluate_checks(&[check.to_owned()], evidence).map_err(|error| error.to_string())
    }

    /// Findings of one check on evidence in JSON form, by the library of the pack in a worker.
    ///
    /// # Errors
    /// Fails if the library is not built, cannot be loaded, or on evidence that is not a JSON object.
    pub fn through_worker(&self, check: &str, evidence: &[u8]) -> Result<Vec<Finding>, String> {
        let (_folder, location) = self.assemble()?;
        let document = EvidenceDocument::from_json(evidence).map_err(|error| error.to_string())?;
        let run = Host::open(options()?, &[location]).evaluate(&document).remove(0);
        if run.status != crate::PackStatus::Ok {
            return Err(run.status.to_string());
        }
        Ok(run.findings.into_iter().filter(|finding| finding.check == check).collect())
    }

    /// The pack as it would be delivered, in a temporary folder.
    fn assemble(&self) -> Result<(tempfile::TempDir, PackLocation), String> {
        let manifest = self.pack.manifest();
        let library = manifest.library.to_string();
        let built = built_library(&library)?;
        let told = |error: std::io::Error| format!("cannot assemble the pack: {error}");
        let folder = tempfile::tempdir().map_err(told)?;
        fs::copy(built, folder.path().join(&library)).map_err(told)?;
        std::os::unix::fs::symlink(self.folder.join("fixtures"), folder.path().join("fixtures"))
            .map_err(told)?;
        let location = PackLocation {
            folder: folder.path().to_owned(),
            library,
            form: PackForm::Library,
            manifest,
            origin: Origin::Explicit,
        };
        Ok((folder, location))
    }

    fn trials(self: Arc<Self>) -> Vec<Trial> {
        let mut trials = Vec::new();
        let mut add = |name: String, body: fn(&Self, &Fixture) -> Outcomes, case: &Fixture| {
            let (test, case) = (Arc::clone(&self), case.clone());
            trials.push(Trial::test(name, move || body(&test, &case)));
        };
        let manifest = self.pack.manifest();
        let whole =
            Fixture { check: String::new(), name: String::new(), path: self.folder.join(MANIFEST_FILE) };
        add("manifest".to_owned(), Self::manifest_is_fresh, &whole);
        add("conformance".to_owned(), Self::conforms, &whole);
        for check in manifest.checks.iter() {
            let folder = self.folder.join("fixtures").join(check.id.as_ref());
            let of_check = Fixture { check: check.id.to_string(), name: String::new(), path: folder.clone() };
            add(format!("{}::fixtures", check.id), Self::has_fixtures, &of_check);
            add(format!("{}::page", check.id), Self::page_is_fresh, &of_check);
            for case in fixtures::of_check(&folder, &check.id) {
                add(format!("{}::{}::native", check.id, case.name), Self::case_native, &case);
                add(format!("{}::{}::worker", check.id, case.name), Self::case_worker, &case);
                if fixtures::deviates(&case) {
                    add(format!("{}::{}::removal", check.id, case.name), Self::case_removal, &case);
                }
            }
        }
        trials
    }

    fn manifest_is_fresh(&self, case: &Fixture) -> Outcomes {
        let manifest = self.pack.manifest();
        if let Some(problem) = crate::manifest::problem(&manifest) {
            return Err(problem.into());
        }
        compare(&case.path, &manifest_to_toml(&manifest)?)
    }

    fn conforms(&self, _: &Fixture) -> Outcomes {
        let (_folder, location) = self.assemble()?;
        // Unoptimised, 10 MB of evidence take their time.
        let options = HostOptions { deadline: Duration::from_secs(60), ..options()? };
        let verification = crate::verify(&location, &options);
        if verification.passed() { Ok(()) } else { Err(verification.to_string().into()) }
    }

    fn page_is_fresh(&self, case: &Fixture) -> Outcomes {
        let manifest = self.pack.manifest();
        let meta = manifest.checks.iter().find(|check| check.id == case.check).ok_or("no such check")?;
        compare(
            &self.folder.join("docs").join(format!("{}.md", meta.id)),
            &page::of_check(meta, &manifest.id),
        )
    }

    fn has_fixtures(&self, case: &Fixture) -> Outcomes {
        let lacking = fixtures::lacking(&fixtures::of_check(&case.path, &case.check));
        if lacking.is_empty() {
            return Ok(());
        }
        Err(format!("no fixture `{}.json` in `{}`", lacking.join(".json`, `"), case.path.display()).into())
    }

    fn case_native(&self, case: &Fixture) -> Outcomes {
        let findings = self.native(&case.check, &fs::read(&case.path)?)?;
        expect_kind(&case.name, &findings)?;
        compare(&case.findings(), &pretty(&findings)?)
    }

    fn case_worker(&self, case: &Fixture) -> Outcomes {
        let findings = self.through_worker(&case.check, &fs::read(&case.path)?)?;
        let expected = fs::read_to_string(case.findings())?;
        if pretty(&findings)? == expected {
            return Ok(());
        }
        Err(format!("the worker found something else:\n{}", pretty(&findings)?).into())
    }

    /// Removing any piece of evidence must leave each deviation told, as one or as unanswered.
    fn case_removal(&self, case: &Fixture) -> Outcomes {
        let evidence: Value = serde_json::from_slice(&fs::read(&case.path)?)?;
        let before = self.native(&case.check, &serde_json::to_vec(&evidence)?)?;
        let (mut silenced, mut first) = (Vec::new(), None);
        for (taken, less) in fixtures::removals(&evidence) {
            let after = self.native(&case.check, &serde_json::to_vec(&less)?)?;
            if let Some(lost) = fixtures::silenced(&before, &after) {
                let lost = format!("`{}` ({}: {})", lost.subject, lost.outcome.as_str(), lost.message);
                first.get_or_insert(format!("nothing is told of {lost}, but:\n{}", pretty(&after)?));
                silenced.push(taken);
            }
        }
        match first {
            Some(first) => Err(format!("without {} {first}", silenced.join(", or ")).into()),
            None => Ok(()),
        }
    }
}

/// The library as cargo built it: beside the test executable, or one folder up.
fn built_library(name: &str) -> Result<PathBuf, String> {
    let executable =
        std::env::current_exe().map_err(|error| format!("cannot find the test executable: {error}"))?;
    let folders = executable.ancestors().skip(1).take(2);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        format!("cannot find `{name}` near the test executable: is `cdylib` among the crate types?")
    })
}

fn options() -> Result<HostOptions, String> {
    let executable =
        std::env::current_exe().map_err(|error| format!("cannot find the test executable: {error}"))?;
    let trust = TrustPolicy { unpinned: Unpinned::Allow, ..TrustPolicy::default() };
    Ok(HostOptions { trust, ..HostOptions::new(vec![executable.into(), OsString::from(WORKER)]) })
}

/// Compares a generated text with the file that holds it, or renews the file.
fn compare(path: &Path, expected: &str) -> Outcomes {
    if std::env::var_os("PLUMB_BLESS").is_some() {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        return Ok(fs::write(path, expected)?);
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    let line = found.lines().zip(expected.lines()).take_while(|(a, b)| a == b).count();
    let of = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
    Err(format!(
        "`{}` is not up to date, first at line {}\n  file: {}\n  code: {}\nrenew it with PLUMB_BLESS=1",
        path.display(),
        line + 1,
        of(&found),
        of(expected)
    )
    .into())
}
