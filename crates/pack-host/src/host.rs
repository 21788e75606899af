//! Packs at work: their workers, one request per pack and bundle, and what to say when one does not answer.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use plumb_check_sdk::abi::{
    PLUMB_ABI_MAJOR, PLUMB_ABI_MINOR, PLUMB_STATUS_ERROR, PLUMB_STATUS_OK, PLUMB_STATUS_PANIC,
};
use plumb_check_sdk::{Finding, PackManifest, Text};

use crate::discover::{Origin, PackLocation};
use crate::document::EvidenceDocument;
use crate::frame::{self, Frame, Hello, Kind, REPLY_HEAD, Start};
use crate::image::Image;
use crate::link::{Link, drive};
use crate::manifest;
use crate::reply::{self, Answers, printable};
use crate::sandbox::Sandbox;
use crate::trust::{TrustPolicy, short};
use crate::words::Pages;

/// How packs are run.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Program and arguments that start a worker, such as this executable and its hidden subcommand; the program must end
    /// in [`worker_main`](crate::worker_main).
    pub worker: Vec<OsString>,
    /// Time that a pack has for one bundle, all of its checks together.
    pub deadline: Duration,
    /// Time that a worker has to start and load its pack.
    pub start_deadline: Duration,
    /// Limit of a worker's address space.
    pub memory_bytes: u64,
    /// Refuse to load packs where the kernel lacks a protection, instead of saying so.
    pub require_sandbox: bool,
    /// Which packs may be loaded.
    pub trust: TrustPolicy,
    /// Languages that findings are written in, beside English (`de`).
    pub languages: Vec<String>,
}

impl HostOptions {
    /// The defaults, with workers started by `worker`.
    #[must_use]
    pub fn new(worker: Vec<OsString>) -> Self {
        Self {
            worker,
            deadline: Duration::from_secs(10),
            start_deadline: Duration::from_secs(10),
            memory_bytes: 512 << 20,
            require_sandbox: false,
            trust: TrustPolicy::default(),
            languages: Vec::new(),
        }
    }
}

/// What a pack made of one bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct PackRun {
    /// The manifest beside the library.
    pub manifest: PackManifest,
    /// SHA-256 of the library in hexadecimal; empty if it could not be read.
    pub sha256: String,
    /// Whether it answered.
    pub status: PackStatus,
    /// Protections in force while it ran, or why one was not available; empty if it was never started.
    pub sandbox: String,
    /// At least one finding for each check of the manifest, sorted by check.
    pub findings: Vec<Finding>,
    /// Texts of the checks' pages in the languages asked for beside English.
    pub pages: Pages,
    /// True for a pack that did not come with this installation.
    pub foreign: bool,
}

impl PackRun {
    /// Whether it was not loaded because a protection is missing that the host requires.
    #[must_use]
    pub fn is_unconfined(&self) -> bool {
        matches!(&self.status, PackStatus::Failed(reason) if reason.contains(INCOMPLETE))
    }
}

/// How a worker begins to say that it loads nothing for want of a protection.
pub(crate) const INCOMPLETE: &str = "the sandbox is not complete";

/// Whether a pack answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackStatus {
    /// All checks were answered at once.
    Ok,
    /// The pack failed as a whole, and its checks were asked one by one.
    Partial(String),
    /// No check was answered.
    Failed(String),
}

impl fmt::Display for PackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Partial(reason) => write!(f, "asked check by check: {reason}"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// A set of packs with a living worker each, ready for any number of bundles.
///
/// Must be used on the thread that opened it, and that thread must live as long: a worker dies with the thread that
/// started it.
pub struct Host {
    options: HostOptions,
    slots: Vec<Slot>,
}

struct Slot {
    location: PackLocation,
    sha256: String,
    /// What all checks need together.
    needs: Vec<Text>,
    image: Option<Image>,
    link: Option<Link>,
    sandbox: String,
    /// Why the pack cannot be used at all.
    refusal: Option<String>,
    has_evaluate_checks: bool,
    /// Languages of the pack's sentences.
    languages: Vec<String>,
    /// Of the last request to the worker.
    number: u32,
    /// Checks that took the others down with them before. They are asked on their own from then on: what a bundle's
    /// findings are must not depend on the bundles before it, and so no check is ever dropped.
    suspects: BTreeSet<String>,
    /// Texts of pages that came with the last answers.
    pages: Pages,
}

impl Host {
    /// Checks that the packs are trusted, starts a worker for each, and loads them.
    ///
    /// What goes wrong with a pack does not fail here: it becomes the status of its [`PackRun`]s.
    #[must_use]
    pub fn open(options: HostOptions, locations: &[PackLocation]) -> Self {
        // Reading and hashing the libraries takes longest, so the cores share it.
        let next = AtomicUsize::new(0);
        let open = || {
            let mut opened = Vec::new();
            while let at = next.fetch_add(1, Ordering::Relaxed)
                && let Some(location) = locations.get(at)
            {
                opened.push((at, Slot::new(location.clone(), &options.trust)));
            }
            opened
        };
        let mut slots = std::thread::scope(|scope| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let others: Vec<_> = (1..cores.min(locations.len())).map(|_| scope.spawn(open)).collect();
            let mut opened = open();
            opened.extend(others.into_iter().flat_map(|other| match other.join() {
                Ok(opened) => opened,
                Err(panic) => std::panic::resume_unwind(panic),
            }));
            opened
        });
        slots.sort_by_key(|(at, _)| *at);
        let slots = slots.into_iter().map(|(_, slot)| slot).collect();
        let mut host = Self { options, slots };
        host.start_missing();
        host
    }

    /// Asks all packs about a bundle, all at the same time. The runs are in the order of the locations.
    pub fn evaluate(&mut self, document: &EvidenceDocument) -> Vec<PackRun> {
        self.start_missing();
        let deadline = self.options.deadline;
        for slot in &mut self.slots {
            let asked = slot.unsuspected();
            slot.ask(&asked, document, deadline);
        }
        drive(self.slots.iter_mut().filter_map(|slot| slot.link.as_mut()));
        let options = &self.options;
        self.slots.iter_mut().map(|slot| slot.finish(document, options)).collect()
    }

    /// Asks the first pack about one check only.
    pub(crate) fn evaluate_alone(
        &mut self,
        id: &str,
        document: &EvidenceDocument,
    ) -> Result<Vec<Finding>, String> {
        let end = Instant::now() + self.options.deadline;
        let slot = self.slots.first_mut().ok_or("there is no pack")?;
        slot.ask_alone(&Text::Owned(id.to_owned()), document, &self.options, end)
    }

    /// Whether the first pack can be asked about single checks.
    pub(crate) fn has_evaluate_checks(&self) -> bool {
        self.slots.first().is_some_and(|slot| slot.has_evaluate_checks)
    }

    /// Languages of the first pack's sentences; none for a pack whose findings have messages.
    pub(crate) fn languages(&self) -> &[String] {
        self.slots.first().map_or(&[], |slot| &slot.languages)
    }

    /// What is running, for benchmarks and diagnostics: pack id and process id of its worker.
    #[must_use]
    pub fn workers(&self) -> Vec<(&str, u32)> {
        let running = |slot: &'_ Slot| slot.link.as_ref().map(Link::process_id);
        self.slots
            .iter()
            .filter_map(|slot| Some((slot.location.manifest.id.as_ref(), running(slot)?)))
            .collect()
    }

    fn start_missing(&mut self) {
        for slot in &mut self.slots {
            slot.start(&self.options);
        }
        drive(self.slots.iter_mut().filter(|slot| slot.is_starting()).filter_map(|slot| slot.link.as_mut()));
        for slot in &mut self.slots {
            slot.finish_start();
        }
    }
}

impl Slot {
    fn new(location: PackLocation, policy: &TrustPolicy) -> Self {
        let needs: BTreeSet<&Text> =
            location.manifest.checks.iter().flat_map(|check| check.needs.iter()).collect();
        let needs = needs.into_iter().cloned().collect();
        let (sha256, image, refusal) = match Image::open(&location, policy) {
            Ok((image, sha256)) => (sha256, Some(image), None),
            Err(error) => (String::new(), None, Some(error.to_string())),
        };
        let refusal = refusal.or_else(|| unfit(&location.manifest));
        Self {
            location,
            sha256,
            needs,
            image,
            link: None,
            sandbox: String::new(),
            refusal,
            has_evaluate_checks: false,
            languages: Vec::new(),
            number: 0,
            suspects: BTreeSet::new(),
            pages: Pages::new(),
        }
    }

    fn is_starting(&self) -> bool {
        self.link.is_some() && self.sandbox.is_empty()
    }

    /// Starts a worker if there is none; [`drive`] and [`Slot::finish_start`] do the rest.
    fn start(&mut self, options: &HostOptions) {
        let Some(image) = self.image.as_ref().filter(|_| self.link.is_none() && self.refusal.is_none())
        else {
            return;
        };
        self.sandbox.clear();
        self.number = 0;
        let start = Start {
            pack: self.location.manifest.id.to_string(),
            memory_bytes: options.memory_bytes,
            form: self.location.form,
            file: self.location.library.clone(),
            require_sandbox: options.require_sandbox,
            languages: options.languages.clone(),
        };
        let link =
            image.fd.try_clone().and_then(|library| Link::start(&options.worker, &start.pack, library));
        match (link, serde_json::to_vec(&start)) {
            (Ok(mut link), Ok(json)) => {
                link.send(Kind::Start, vec![json.into()], 2, options.start_deadline);
                self.link = Some(link);
            }
            (Err(error), _) => self.refusal = Some(format!("its worker cannot be started: {error}")),
            (_, Err(error)) => self.refusal = Some(format!("its worker cannot be started: {error}")),
        }
    }

    fn finish_start(&mut self) {
        if !self.is_starting() {
            return;
        }
        let Some(link) = &mut self.link else { return };
        let greeted = link.answer().and_then(|frames| greeting(&frames));
        let result = greeted.and_then(|(sandbox, greeting)| {
            let weakness = self.image.as_ref().and_then(|image| image.weakness.clone());
            let mut sandbox = sandbox;
            sandbox.unavailable.extend(weakness);
            self.sandbox = sandbox.to_string();
            let (hello, embedded) = greeting?;
            if let Some(difference) = manifest::difference(&self.location.manifest, &embedded) {
                return Err(format!("it is not what its manifest says: {difference}"));
            }
            self.has_evaluate_checks = hello.has_evaluate_checks;
            self.languages = hello.languages;
            Ok(())
        });
        if let Err(reason) = result {
            self.link = None;
            self.refusal = Some(format!("it cannot be loaded: {reason}"));
        }
    }

    fn unsuspected(&self) -> Vec<Text> {
        let ids = self.location.manifest.checks.iter().map(|check| &check.id);
        ids.filter(|id| !self.suspects.contains(id.as_ref())).cloned().collect()
    }

    /// Queues a request about `asked`, unless there is nothing or nobody to ask.
    fn ask(&mut self, asked: &[Text], document: &EvidenceDocument, deadline: Duration) {
        let is_all = asked.len() == self.location.manifest.checks.len();
        let Some(link) = self.link.as_mut().filter(|_| !asked.is_empty()) else { return };
        let list = if is_all { Vec::new() } else { serde_json::to_vec(asked).unwrap_or_default() };
        let head = [&self.number.to_le_bytes()[..], &frame::with_length(&list)].concat();
        let parts = vec![Arc::from(head), document.payload(&self.needs)];
        link.send(Kind::Evaluate, parts, 1, deadline);
    }

    /// The answer to the request about `asked`. A worker that broke the rules is gone afterwards.
    fn answer(&mut self, asked: &[Text]) -> Result<Vec<Finding>, String> {
        let Some(link) = &mut self.link else { return Err("has no worker".to_owned()) };
        let asked: BTreeSet<&str> = asked.iter().map(AsRef::as_ref).collect();
        let answer = link.answer().map_err(Broken).and_then(|frames| match frames.as_slice() {
            [Frame { kind: Kind::Reply, payload }] => {
                interpret(payload, self.number, &self.location.manifest, &asked)
            }
            _ => Err(Broken("sent a frame that is no reply".to_owned())),
        });
        self.number = self.number.wrapping_add(1);
        match answer {
            Ok(Answers { mut findings, pages }) => {
                for (language, checks) in pages {
                    self.pages.entry(language).or_default().extend(checks);
                }
                if self.is_foreign() {
                    prefix_causes(&mut findings, &self.location.manifest.id);
                }
                Ok(findings)
            }
            Err(Broken(reason)) => {
                self.link = None;
                Err(reason)
            }
            Err(Told(reason)) => Err(reason),
        }
    }

    /// Takes the answer of the pack, asks again check by check where that failed, and reports.
    fn finish(&mut self, document: &EvidenceDocument, options: &HostOptions) -> PackRun {
        if let Some(reason) = self.refusal.clone() {
            return self.run(PackStatus::Failed(reason.clone()), self.not_run(self.all_checks(), &reason));
        }
        let asked = self.unsuspected();
        let mut alone: Vec<Text> = self.suspects.iter().map(|id| Text::Owned(id.clone())).collect();
        let mut findings = Vec::new();
        let mut status = PackStatus::Ok;
        if !asked.is_empty() {
            match self.answer(&asked) {
                Ok(answered) => findings = answered,
                Err(reason) if self.has_evaluate_checks && asked.len() > 1 => {
                    status = PackStatus::Partial(reason);
                    alone.extend(asked);
                }
                Err(reason) => {
                    findings = self.not_run(&asked, &reason);
                    status = PackStatus::Failed(reason);
                }
            }
        }
        let end = Instant::now() + options.deadline * 4;
        let n_alone = alone.len();
        let mut failed = 0;
        for id in alone {
            match self.ask_alone(&id, document, options, end) {
                Ok(answered) => findings.extend(answered),
                Err(reason) => {
                    failed += 1;
                    findings.extend(self.not_run(std::slice::from_ref(&id), &reason));
                    if status == PackStatus::Ok {
                        status = PackStatus::Partial(format!("`{id}` {reason}"));
                    }
                    self.suspects.insert(id.into_owned());
                }
            }
        }
        if failed == self.location.manifest.checks.len()
            && failed == n_alone
            && let PackStatus::Partial(reason) = status
        {
            status = PackStatus::Failed(reason);
        }
        findings.sort_by(|a, b| a.check.cmp(&b.check));
        self.run(status, findings)
    }

    fn ask_alone(
        &mut self,
        id: &Text,
        document: &EvidenceDocument,
        options: &HostOptions,
        end: Instant,
    ) -> Result<Vec<Finding>, String> {
        if Instant::now() >= end {
            return Err("was not asked on its own: other checks of the pack used up the time".to_owned());
        }
        self.start(options);
        if self.is_starting() {
            drive(self.link.as_mut());
            self.finish_start();
        }
        if let Some(reason) = &self.refusal {
            return Err(reason.clone());
        }
        let asked = [id.clone()];
        self.ask(&asked, document, options.deadline);
        drive(self.link.as_mut());
        self.answer(&asked)
    }

    /// True for a pack that did not come with this installation: what it asks for is set apart from what Plumb asks for.
    fn is_foreign(&self) -> bool {
        self.location.origin != Origin::Install
    }

    fn all_checks(&self) -> Vec<Text> {
        self.location.manifest.checks.iter().map(|check| check.id.clone()).collect()
    }

    fn not_run(&self, ids: impl AsRef<[Text]>, reason: &str) -> Vec<Finding> {
        let PackManifest { id, version, checks, .. } = &self.location.manifest;
        let hash =
            if self.sha256.is_empty() { String::new() } else { format!(", SHA-256 {}", short(&self.sha256)) };
        let message = format!("pack `{id}` ({version}{hash}) did not answer: {reason}");
        let ids = ids.as_ref();
        checks
            .iter()
            .filter(|check| ids.contains(&check.id))
            .map(|check| check.not_run("node", &message))
            .collect()
    }

    fn run(&self, status: PackStatus, findings: Vec<Finding>) -> PackRun {
        PackRun {
            manifest: self.location.manifest.clone(),
            sha256: self.sha256.clone(),
            status,
            sandbox: self.sandbox.clone(),
            findings,
            pages: self.pages.clone(),
            foreign: self.is_foreign(),
        }
    }
}

/// Causes of a pack of somebody else's are its own: they never join those of other packs.
fn prefix_causes(findings: &mut [Finding], pack: &str) {
    for cause in findings.iter_mut().filter_map(|finding| finding.cause.as_mut()) {
        cause.key = format!("{pack}/{}", cause.key);
    }
}

/// Why there are no findings.
enum Failure {
    /// The worker is gone, or cannot be believed any more.
    Broken(String),
    /// The pack itself told that it failed.
    Told(String),
}
use Failure::{Broken, Told};

fn interpret(
    payload: &[u8],
    number: u32,
    manifest: &PackManifest,
    asked: &BTreeSet<&str>,
) -> Result<Answers, Failure> {
    let Some((head, reply)) = payload.split_first_chunk::<REPLY_HEAD>() else {
        return Err(Broken("replied with nothing".to_owned()));
    };
    let [a, b, c, d, status] = *head;
    if u32::from_le_bytes([a, b, c, d]) != number {
        return Err(Broken("sent more than it was asked for".to_owned()));
    }
    let text = || {
        let text = String::from_utf8_lossy(&reply[..reply.len().min(1024)]);
        printable(text.trim())
    };
    match i32::from(status) {
        PLUMB_STATUS_OK => reply::answers(reply, manifest, asked).map_err(Broken),
        PLUMB_STATUS_ERROR => Err(Told(format!("told an error: {}", text()))),
        PLUMB_STATUS_PANIC => Err(Told(format!("panicked: {}", text()))),
        _ => Err(Broken(format!("broke the ABI: {}", text()))),
    }
}

type Greeting = Result<(Hello, PackManifest), String>;

/// Sandbox, and what the pack says about itself or why it was refused.
fn greeting(frames: &[Frame]) -> Result<(Sandbox, Greeting), String> {
    let unexpected = || "its worker does not speak the protocol".to_owned();
    let [Frame { kind: Kind::Ready, payload }, second] = frames else { return Err(unexpected()) };
    let sandbox: Sandbox = serde_json::from_slice(payload).map_err(|_| unexpected())?;
    let greeting = match second.kind {
        Kind::Refused => Err(printable(&String::from_utf8_lossy(&second.payload))),
        Kind::Hello => hello(&second.payload),
        _ => Err(unexpected()),
    };
    Ok((sandbox, greeting))
}

fn hello(payload: &[u8]) -> Greeting {
    let unexpected = || "its worker does not speak the protocol".to_owned();
    let (head, embedded) = frame::split_length(payload).ok_or_else(unexpected)?;
    let hello: Hello = serde_json::from_slice(head).map_err(|_| unexpected())?;
    let embedded: PackManifest = serde_json::from_slice(embedded)
        .map_err(|error| format!("its embedded manifest is not a manifest: {error}"))?;
    Ok((hello, embedded))
}

/// Why this plumb cannot serve a pack, as far as the manifest tells.
fn unfit(manifest: &PackManifest) -> Option<String> {
    let PackManifest { abi_major, abi_minor, .. } = *manifest;
    if abi_major != PLUMB_ABI_MAJOR {
        return Some(format!("it speaks ABI {abi_major}, this plumb speaks ABI {PLUMB_ABI_MAJOR}"));
    }
    (abi_minor > PLUMB_ABI_MINOR).then(|| {
        format!("it needs ABI {abi_major}.{abi_minor}, this plumb has {PLUMB_ABI_MAJOR}.{PLUMB_ABI_MINOR}")
    })
}
