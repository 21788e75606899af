//! Bundle → evidence → packs → assessment.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Context, bail};
use plumb_engine::document::DocumentTerms;
use plumb_engine::waiver::WaiverState;
use plumb_engine::{Assessment, EngagementFile, PackAnswer, Terms};
use plumb_evidence::{Bundle, Evidence, derive, judge};
use plumb_pack_host::{
    Discovered, EvidenceDocument, Host, HostOptions, LOCK_FILE, Origin, PackLocation, PackRun, PackStatus,
    SearchPath, TrustPolicy, discover,
};

use crate::cli::{Client, PackPaths};
use crate::console::Console;
use crate::exit::UsageError;

/// The result of an analysis, and the evidence behind it with what the client supplied.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) assessment: Assessment,
    pub(crate) evidence: Evidence,
}

/// Asks all packs about a bundle and puts their answers together.
pub(crate) fn assess(
    bundle: &Bundle,
    packs: &PackPaths,
    client: &Client,
    console: &Console,
) -> anyhow::Result<Assessment> {
    Ok(analyse(bundle, packs, client, None, console)?.assessment)
}

/// [`assess`], keeping the evidence; findings are written in `language` as well, or in that of the engagement file.
pub(crate) fn analyse(
    bundle: &Bundle,
    packs: &PackPaths,
    client: &Client,
    language: Option<&str>,
    console: &Console,
) -> anyhow::Result<Analysis> {
    let engagement = Engagement::read(client)?;
    let languages =
        language.map(ToOwned::to_owned).or_else(|| engagement.document().language).into_iter().collect();
    let analysis =
        Analyser::new(&find_some_packs(packs, console)?, languages)?.analyse(bundle, &engagement, console)?;
    warn_of_unused(&analysis.assessment, console);
    let assessment = &analysis.assessment;
    if !assessment.document.covers(&assessment.node.hostname) {
        console.warn(&format!(
            "the engagement file is not about `{}`; its `nodes` are {}",
            assessment.node.hostname,
            assessment.document.nodes.join(", ")
        ));
    }
    Ok(analysis)
}

/// The packs, ready to be asked about one bundle after the other.
pub(crate) struct Analyser {
    host: Host,
    packs: Packs,
    languages: Vec<String>,
}

impl Analyser {
    /// `languages` are those that findings are written in, beside English.
    pub(crate) fn new(packs: &Packs, languages: Vec<String>) -> anyhow::Result<Self> {
        let options = HostOptions { languages: languages.clone(), ..host_options(packs.require_sandbox)? };
        Ok(Self { host: Host::open(options, &packs.locations), packs: packs.clone(), languages })
    }

    pub(crate) fn analyse(
        &mut self,
        bundle: &Bundle,
        engagement: &Engagement,
        console: &Console,
    ) -> anyhow::Result<Analysis> {
        let mut evidence = derive(bundle);
        let mut terms = engagement.apply(&mut evidence);
        judge(bundle, &mut evidence);
        terms.languages.clone_from(&self.languages);
        let document = EvidenceDocument::new(&evidence)?;
        let runs = self.host.evaluate(&document);
        self.packs.tell(&runs, console);
        let answers = runs
            .into_iter()
            .map(|run| PackAnswer {
                status: run.status.to_string(),
                manifest: run.manifest,
                findings: run.findings,
                sha256: run.sha256,
                sandbox: run.sandbox,
                pages: run.pages,
                foreign: run.foreign,
            })
            .collect();
        let version = env!("CARGO_PKG_VERSION");
        let mut assessment =
            plumb_engine::assess(&evidence, bundle.manifest_sha256(), version, answers, &terms);
        assessment.provenance.host_token.clone_from(&bundle.manifest().host_token);
        plumb_remediate::resolve(&evidence, &mut assessment);
        Ok(Analysis { assessment, evidence })
    }
}

/// The packs that a command asks, and what it wants of them.
#[derive(Clone, Debug)]
pub(crate) struct Packs {
    locations: Vec<PackLocation>,
    require_sandbox: bool,
    /// Packs of which was told already that they do not answer.
    told: Arc<Mutex<BTreeSet<String>>>,
}

impl Packs {
    /// Tells once of each pack that answers nothing: its checks are missing from the result. A pack that the user named, and
    /// one without the sandbox that was asked for, end the command with an exit code of their own.
    fn tell(&self, runs: &[PackRun], console: &Console) {
        for (location, run) in self.locations.iter().zip(runs) {
            let PackStatus::Failed(reason) = &run.status else { continue };
            let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !told.insert(run.manifest.id.to_string()) {
                continue;
            }
            let message = format!("pack `{}` was not asked: {reason}", run.manifest.id);
            let named = location.origin == Origin::Explicit;
            if named || self.require_sandbox && run.is_unconfined() {
                console.refuse(&message);
            } else {
                console.warn(&message);
            }
        }
    }
}

/// [`find_packs`], of which there has to be one.
pub(crate) fn find_some_packs(packs: &PackPaths, console: &Console) -> anyhow::Result<Packs> {
    let locations = find_packs(packs, console)?;
    if locations.is_empty() {
        bail!(UsageError(format!(
            "no check pack was found in {}; name one with --pack, or set PLUMB_PACK_PATH",
            list(&install_folders()?)
        )));
    }
    Ok(Packs { locations, require_sandbox: packs.require_sandbox, told: Arc::default() })
}

/// What the client says, for one analysis or many.
#[derive(Debug)]
pub(crate) struct Engagement {
    file: Option<EngagementFile>,
    as_of: Option<time::Date>,
}

impl Engagement {
    pub(crate) fn read(client: &Client) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| -> anyhow::Result<EngagementFile> {
            let name = path.display().to_string();
            let text = crate::input::read_text(path, 4 << 20)
                .with_context(|| UsageError(format!("cannot read the engagement file `{name}`")))?;
            Ok(EngagementFile::parse(&name, &text)?)
        };
        Ok(Self { file: client.engagement.as_ref().map(read).transpose()?, as_of: client.as_of })
    }

    /// Whose document it is.
    pub(crate) fn document(&self) -> DocumentTerms {
        self.file.as_ref().map(|file| file.document.clone()).unwrap_or_default()
    }

    /// The currency of the client's prices; empty where none are stated.
    pub(crate) fn currency(&self) -> &str {
        self.file.as_ref().and_then(EngagementFile::currency).unwrap_or_default()
    }

    /// Puts into the evidence what packs see of it, and returns the rest.
    fn apply(&self, evidence: &mut Evidence) -> Terms {
        let mut terms = self.file.clone().map_or_else(Terms::default, |file| file.apply(evidence));
        terms.as_of = self.as_of;
        terms
    }
}

/// A line of the engagement file without effect is likely a typing mistake. The report tells it, too.
fn warn_of_unused(assessment: &Assessment, console: &Console) {
    for waiver in &assessment.waivers {
        let of = match &waiver.subject {
            Some(subject) => format!("{} ({subject})", waiver.check),
            None => waiver.check.clone(),
        };
        match waiver.state {
            WaiverState::InForce => {}
            WaiverState::Expired => {
                let again = if waiver.findings > 0 { ": what it accepted counts again" } else { "" };
                console.warn(&format!(
                    "the waiver of {} for {of} expired on {}{again}",
                    waiver.owner, waiver.expires
                ));
            }
            WaiverState::Unused => console.warn(&format!("the waiver for {of} matches no deviation")),
            WaiverState::UnknownCheck => {
                console.warn(&format!(
                    "the waiver for {of} has no effect: no pack that was asked has this check"
                ));
            }
        }
    }
    for wanted in assessment.overrides.iter().filter(|wanted| wanted.original.is_none()) {
        console.warn(&format!(
            "the replaced threshold `{}` has no effect: no check that was asked has it; see `plumb packs show CHECK`",
            wanted.key
        ));
    }
}

/// All packs that would be asked; none is loaded. One that is broken is told.
pub(crate) fn find_packs(packs: &PackPaths, console: &Console) -> anyhow::Result<Vec<PackLocation>> {
    let mut search =
        SearchPath { explicit: packs.packs.clone(), folders: Vec::new(), install: install_folders()? };
    if let Some(folders) = std::env::var_os("PLUMB_PACK_PATH") {
        search.add_folders(&folders).context("PLUMB_PACK_PATH cannot be used")?;
    }
    search.folders.extend(own_packs().filter(|folder| folder.is_dir()));
    let Discovered { packs, broken } = discover(&search)?;
    for error in broken {
        console.warn(&format!("a pack is left out: {:#}", anyhow::Error::from(error)));
    }
    Ok(packs)
}

/// The folders of packs that came with this installation: beside the program, or in the prefix that it lies in.
pub(crate) fn install_folders() -> anyhow::Result<Vec<PathBuf>> {
    let program = std::env::current_exe().context("cannot find the running program")?;
    let folder = program.parent().context("the running program lies in no folder")?;
    Ok(vec![folder.join("packs"), folder.join("../lib/plumb/packs")])
}

fn list(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(" or ")
}

/// How packs are run: by this program again, as a worker.
pub(crate) fn host_options(require_sandbox: bool) -> anyhow::Result<HostOptions> {
    let program = std::env::current_exe().context("cannot find the running program")?;
    let mut options = HostOptions::new(vec![program.into_os_string(), OsString::from("worker")]);
    options.trust = trust_policy();
    options.require_sandbox = require_sandbox;
    Ok(options)
}

/// Packs are pinned by the lock of the installation, which lies beside them, and by the user's own; or they are signed
/// with one of the user's keys.
pub(crate) fn trust_policy() -> TrustPolicy {
    let mut policy = TrustPolicy { locks: user_lock().into_iter().collect(), ..TrustPolicy::default() };
    if let Some(folder) = trusted_keys() {
        policy.add_keys(&folder);
    }
    policy
}

/// The user's own list of trusted packs, whether or not there is one yet.
pub(crate) fn user_lock() -> Option<PathBuf> {
    Some(config_folder()?.join(LOCK_FILE))
}

/// The folder of keys whose signatures count.
pub(crate) fn trusted_keys() -> Option<PathBuf> {
    Some(config_folder()?.join("trusted-keys"))
}

/// Where `packs install` puts packs of this user.
pub(crate) fn own_packs() -> Option<PathBuf> {
    let folder = set("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/share")))?;
    Some(folder.join("plumb/packs"))
}

fn config_folder() -> Option<PathBuf> {
    let folder = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")))?;
    Some(folder.join("plumb"))
}

/// An environment variable that is set to something.
pub(crate) fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
