//! The test bench of pack authors: every case of a pack, natively and through a worker, and the rules that hold for all checks.
//!
//! A pack's crate has one test target without the default harness, and in it one line:
//!
//! ```ignore
//! plumb_pack_host::pack_test!(my_pack::pack());
//! ```
//!
//! A check is a folder below `src`, with its page and its cases in `cases.toml`: base evidence, what each case changes in it, and all
//! that is to be found. Nothing of it is made from the check's own answers. Each sentence of a page has to come up in a case.
//!
//! `PLUMB_PACK_OUT=FOLDER` lays the pack out in `FOLDER/ID` as it is delivered, if it passes the conformance test; a relative folder
//! is one of the crate.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use plumb_check_sdk::{Finding, Outcome, Pack};
use serde_json::Value;

use crate::cases::{self, Case, Cases, Expected};
use crate::discover::{Origin, PackForm, PackLocation};
use crate::fixtures::{self, pretty};
use crate::reached;
use crate::words::Writer;
use crate::{EvidenceDocument, Host, HostOptions, MANIFEST_FILE, TrustPolicy, Unpinned, manifest_to_toml};

/// Variable with the folder that a pack which passed the conformance test is laid out in.
const OUT: &str = "PLUMB_PACK_OUT";

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
/// Message files by language and check.
type MessageFiles = BTreeMap<String, BTreeMap<String, String>>;

/// Languages that pages of Plumb's own packs have beside English.
const LANGUAGES: [&str; 1] = ["de"];

/// A case of a check that has a page.
struct PagedCase<'a> {
    check: &'a str,
    case: &'a Case,
    evidence: Vec<u8>,
}

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
        let findings =
            self.pack.evaluate_checks(&[check.to_owned()], evidence).map_err(|error| error.to_string())?;
        if self.pack.words().is_empty() {
            return Ok(findings);
        }
        Ok(Writer::new(self.pack.words().as_bytes(), &LANGUAGES.map(str::to_owned))?.all(findings))
    }

    /// The folder of a check that has a page.
    fn page_folder(&self, check: &str) -> Option<PathBuf> {
        let folder = self.folder.join("src").join(check.replace(['.', '-'], "_"));
        folder.join("page.toml").is_file().then_some(folder)
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
        let fixtures = folder.path().join("fixtures");
        fs::create_dir(&fixtures).map_err(told)?;
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
        let mut add = |name: &str, body: fn(&Self) -> Outcomes| {
            let test = Arc::clone(&self);
            trials.push(Trial::test(name, move || body(&test)));
        };
        add("manifest", Self::manifest_is_sound);
        add("conformance", Self::conforms);
        for check in self.pack.manifest().checks.iter() {
            match self.page_folder(&check.id) {
                Some(folder) => self.paged(&check.id, &folder, &mut trials),
                None => {
                    let reason = format!("`{}` has no folder with a page below `src`", check.id);
                    trials.push(Trial::test(format!("{}::page", check.id), move || Err(reason.into())));
                }
            }
        }
        trials
    }

    /// The trials of a check.
    fn paged(self: &Arc<Self>, check: &str, folder: &Path, trials: &mut Vec<Trial>) {
        let cases = match cases::read(folder) {
            Ok(cases) => Arc::new(cases),
            Err(reason) => {
                return trials.push(Trial::test(format!("{check}::cases"), move || Err(reason.into())));
            }
        };
        let of_check = Arc::new((check.to_owned(), folder.to_owned(), Arc::clone(&cases)));
        for case in &cases.cases {
            let mut add = |kind: &str, body: fn(&Self, &PagedCase<'_>) -> Outcomes| {
                let (test, of_check, case) = (Arc::clone(self), Arc::clone(&of_check), case.clone());
                trials.push(Trial::test(
                    format!("{check}::{}::{kind}", case.name.replace(' ', "-")),
                    move || {
                        let (check, folder, cases) = &*of_check;
                        let evidence = serde_json::to_vec(&cases.evidence(folder, &case)?)?;
                        body(&test, &PagedCase { check, case: &case, evidence })
                    },
                ));
            };
            add("native", |test, at| Ok(cases::compare(at.case, &test.native(at.check, &at.evidence)?)?));
            add("worker", |test, at| {
                Ok(cases::compare(at.case, &test.through_worker(at.check, &at.evidence)?)?)
            });
            if case.findings.iter().any(|finding| finding.outcome.is_deviation()) {
                add("removal", |test, at| test.removal(at.check, &serde_json::from_slice(&at.evidence)?));
                add("goals", |test, at| test.goals(at.check, &serde_json::from_slice(&at.evidence)?));
            }
        }
        let (test, of_check) = (Arc::clone(self), of_check);
        trials.push(Trial::test(format!("{check}::sentences"), move || {
            test.every_sentence_comes_up(&of_check.0, &of_check.2)
        }));
    }

    /// A sentence that no case brings up was never read by anybody, and a page without all kinds of answers is not tried.
    fn every_sentence_comes_up(&self, check: &str, cases: &Cases) -> Outcomes {
        let words: MessageFiles = serde_json::from_str(self.pack.words())?;
        let english = words.get("en").and_then(|checks| checks.get(check)).ok_or("no English words")?;
        let found: Vec<&Expected> = cases.cases.iter().flat_map(|case| &case.findings).collect();
        let keys = english.lines().filter_map(|line| line.split_once(" =").map(|(key, _)| key));
        let sentences =
            keys.filter_map(|key| key.strip_prefix("problem-").or_else(|| key.strip_prefix("found-")));
        let unseen: Vec<&str> =
            sentences.filter(|name| found.iter().all(|finding| finding.variant != *name)).collect();
        if !unseen.is_empty() {
            return Err(format!("no case brings up `{}`", unseen.join("`, `")).into());
        }
        let any = |is: fn(&Expected) -> bool| found.iter().any(|finding| is(finding));
        let kinds = [
            ("a deviation", any(|finding| finding.outcome.is_deviation())),
            ("an unanswered question", any(|finding| finding.outcome.is_unanswered())),
            ("a pass or info", any(|finding| matches!(finding.outcome, Outcome::Pass | Outcome::Info))),
        ];
        match kinds.iter().find(|(_, is_there)| !is_there) {
            Some((kind, _)) => Err(format!("no case brings up {kind}").into()),
            None => Ok(()),
        }
    }

    /// The manifest is made when the pack is built; one that is kept beside the sources would be taken for it.
    fn manifest_is_sound(&self) -> Outcomes {
        if let Some(problem) = crate::manifest::problem(&self.pack.manifest()) {
            return Err(problem.into());
        }
        let kept = self.folder.join(MANIFEST_FILE);
        if kept.exists() {
            return Err(format!("`{}` is made when the pack is built: remove it", kept.display()).into());
        }
        Ok(())
    }

    fn conforms(&self) -> Outcomes {
        let (folder, location) = self.assemble()?;
        self.write_cases(&folder.path().join("fixtures"))?;
        // Unoptimised, 10 MB of evidence take their time.
        let options = HostOptions { deadline: Duration::from_secs(60), ..options()? };
        let verification = crate::verify(&location, &options);
        if !verification.passed() {
            return Err(verification.to_string().into());
        }
        match std::env::var_os(OUT) {
            Some(out) => lay_out(&location, &options, &self.folder.join(out)),
            None => Ok(()),
        }
    }

    /// The evidence of all cases, as examples for the conformance test.
    fn write_cases(&self, fixtures: &Path) -> Outcomes {
        for check in self.pack.manifest().checks.iter() {
            let Some(folder) = self.page_folder(&check.id) else { continue };
            let of_check = fixtures.join(check.id.as_ref());
            fs::create_dir(&of_check)?;
            let cases = cases::read(&folder)?;
            for case in &cases.cases {
                let evidence = serde_json::to_vec(&cases.evidence(&folder, case)?)?;
                fs::write(of_check.join(format!("{}.json", case.name.replace(' ', "-"))), evidence)?;
            }
        }
        Ok(())
    }

    /// What a deviation asks for has to mend it, and must not bring another.
    fn goals(&self, check: &str, evidence: &Value) -> Outcomes {
        let before = self.native(check, &serde_json::to_vec(evidence)?)?;
        for finding in before.iter().filter(|finding| finding.outcome.is_deviation()) {
            if finding.intents.is_empty() {
                continue;
            }
            let Some(mended) = reached::after(evidence, &finding.intents) else { continue };
            let after = self.native(check, &serde_json::to_vec(&mended)?)?;
            if let Some(left) = reached::left(&before, finding, &after).first() {
                return Err(format!(
                    "with what `{}` asks for ({:?}), `{}` is still told: {}",
                    finding.subject, finding.intents, left.subject, left.message
                )
                .into());
            }
        }
        Ok(())
    }

    /// Removing any piece of evidence must leave each deviation told, as one or as unanswered.
    fn removal(&self, check: &str, evidence: &Value) -> Outcomes {
        let before = self.native(check, &serde_json::to_vec(evidence)?)?;
        let (mut silenced, mut first) = (Vec::new(), None);
        for (taken, less) in fixtures::removals(evidence) {
            let after = self.native(check, &serde_json::to_vec(&less)?)?;
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

/// The pack in `out`, as it is delivered: the library, its manifest, and its examples with what is found in them.
fn lay_out(location: &PackLocation, options: &HostOptions, out: &Path) -> Outcomes {
    let from = &location.folder;
    let to = out.join(location.manifest.id.as_ref());
    let examples = to.join("fixtures");
    if examples.exists() {
        // An example that is gone from the sources must not be tried.
        fs::remove_dir_all(&examples)?;
    }
    for folder in [out, to.as_path(), examples.as_path()] {
        make_folder(folder)?;
    }
    for check in fs::read_dir(from.join("fixtures"))? {
        let check = check?;
        let below = examples.join(check.file_name());
        make_folder(&below)?;
        for file in fs::read_dir(check.path())? {
            let file = file?;
            place(&fs::read(file.path())?, &below.join(file.file_name()))?;
        }
    }
    place(&fs::read(from.join(&location.library))?, &to.join(&location.library))?;
    place(manifest_to_toml(&location.manifest)?.as_bytes(), &to.join(MANIFEST_FILE))?;
    crate::renew_findings(&PackLocation { folder: to, ..location.clone() }, options)?;
    Ok(())
}

/// Others must not be able to write to a pack, whatever the umask: it would not be trusted.
fn make_folder(folder: &Path) -> Outcomes {
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Writes a file in one step: a `plumb` that runs meanwhile sees the old one or the new one.
fn place(bytes: &[u8], to: &Path) -> Outcomes {
    let temporary = to.with_added_extension("new");
    fs::write(&temporary, bytes)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o644))?;
    Ok(fs::rename(temporary, to)?)
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
