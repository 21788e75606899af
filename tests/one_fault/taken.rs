//! Evidence taken away, kind by kind: a fault that can no longer be seen is never told as a pass, nor as a check that does not
//! apply; and what is missing is no deviation either.
//!
//! Of the first fault of every third check, all files of each kind that its findings cite are taken, as from a recording that does
//! not hold them. `PLUMB_TAKEN=all` takes them from every planted node, with the folders they lie in and whole sections of the node as well,
//! and also as a collector without the right to read them would find them: an hour's work for two cores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use plumb_check_sdk::Finding;
use plumb_evidence::manifest::{Manifest, Unread};
use plumb_evidence::model::Origin;
use plumb_evidence::{Absence, Bundle};
use plumb_pack_host::{EvidenceDocument, Host, HostOptions, PackLocation, SearchPath, discover, silenced};
use plumb_tests::planted::{self, Planted};
use plumb_tests::synthetic::Node;
use plumb_tests::target;

/// Parts of a node that an unprivileged collector, a container or a person who copies files may miss as a whole.
const SECTIONS: &[&str] = &[
    "/boot",
    "/dev",
    "/etc",
    "/proc/#",
    "/proc/#/cgroup",
    "/proc/#/environ",
    "/proc/#/fd",
    "/proc/#/numa_maps",
    "/proc/#/task",
    "/proc/interrupts",
    "/proc/meminfo",
    "/proc/net",
    "/proc/sys",
    "/proc/sys/net",
    "/run",
    "/sys/bus/pci",
    "/sys/class",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
    "/usr",
    "/var",
    "api",
];

/// How a part is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It is there, and the collector might not read it.
    Denied,
    /// The recording does not hold it.
    NotRecorded,
}

/// The path on the node, or the name of a file that the bundle alone has.
fn on_node(path: &str) -> &str {
    if let Some(rest) = path.strip_prefix("raw") {
        return rest;
    }
    match path.strip_prefix("samples/").and_then(|rest| rest.find('/').map(|slash| &rest[slash..])) {
        Some(rest) => rest,
        None => path,
    }
}

/// A path with each of its numbers as `#`.
fn kind(path: &str) -> String {
    let mut kind = String::new();
    for character in path.chars() {
        match character {
            '0'..='9' if kind.ends_with('#') => {}
            '0'..='9' => kind.push('#'),
            _ => kind.push(character),
        }
    }
    kind
}

fn lies_in(kind: &str, part: &str) -> bool {
    kind.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The bundle without a part of it; none where nothing of it was there.
fn without(node: &Bundle, links: &BTreeMap<String, String>, part: &str, how: How) -> Option<Bundle> {
    let mut taken = BTreeSet::new();
    let mut stays = |path: &str| {
        let gone = lies_in(&kind(on_node(path)), part);
        if gone {
            taken.insert(on_node(path).to_owned());
        }
        !gone
    };
    let mut files = node.files().clone();
    files.retain(|path, _| stays(path));
    files.remove("links.json");
    let mut links = links.clone();
    links.retain(|path, _| stays(path));
    if taken.is_empty() {
        return None;
    }
    let mut manifest: Manifest = node.manifest().clone();
    match how {
        How::Denied => {
            manifest.unread.extend(taken.into_iter().filter(|path| path.starts_with('/')).map(|path| {
                Unread { reason: format!("{path}: permission denied"), path, status: Absence::Denied }
            }));
            manifest.unread.sort();
            manifest.unread.dedup_by(|one, other| one.path == other.path);
        }
        How::NotRecorded => manifest.origin = Origin::Sysroot,
    }
    Some(Bundle::new(manifest, files, links))
}

/// One pack, asked by a worker of its own.
struct Pack(Host);

impl Pack {
    fn of(check: &str, packs: &[PackLocation]) -> Self {
        let has = |pack: &&PackLocation| pack.manifest.checks.iter().any(|own| own.id == *check);
        let pack = packs.iter().find(has).unwrap_or_else(|| panic!("no pack has {check}"));
        let options = HostOptions::new(vec![target().join("plumb").into(), "worker".into()]);
        Self(Host::open(options, std::slice::from_ref(pack)))
    }

    fn findings(&mut self, bundle: &Bundle) -> Vec<Finding> {
        let evidence = plumb_evidence::derive(bundle);
        let document = EvidenceDocument::new(&evidence).unwrap();
        self.0.evaluate(&document).remove(0).findings
    }
}

/// Checks that find something wrong.
fn deviating(findings: &[Finding]) -> BTreeSet<String> {
    let deviations = findings.iter().filter(|finding| finding.outcome.is_deviation());
    deviations.map(|finding| finding.check.to_string()).collect()
}

fn by_check(findings: Vec<Finding>) -> BTreeMap<String, Vec<Finding>> {
    let mut by_check: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        by_check.entry(finding.check.to_string()).or_default().push(finding);
    }
    by_check
}

fn takes_all() -> bool {
    std::env::var_os("PLUMB_TAKEN").is_some()
}

/// What is said of a planted node with parts of it taken away that is not said of the whole; and the number of cases.
fn complaints(planted: &Planted, packs: &[PackLocation]) -> (Vec<String>, usize) {
    let mut node = Node::healthy();
    (planted.plant)(&mut node);
    let whole = node.bundle();
    let mut pack = Pack::of(planted.check, packs);
    let findings = pack.findings(&whole);
    let bad = deviating(&findings);
    let all = takes_all();
    let mut parts = BTreeSet::new();
    if all {
        parts.extend(SECTIONS.iter().map(|&part| part.to_owned()));
    }
    for finding in findings.iter().filter(|finding| finding.check == planted.check) {
        for citation in &finding.evidence {
            let cited = kind(&citation.source);
            if let Some((folder, _)) = cited.rsplit_once('/').filter(|(folder, _)| all && folder.len() > 5) {
                parts.insert(folder.to_owned());
            }
            parts.insert(cited);
        }
    }
    let before = by_check(findings);
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for part in &parts {
        for &how in if all { &[How::NotRecorded, How::Denied][..] } else { &[How::NotRecorded] } {
            let Some(less) = without(&whole, &node.links, part, how) else { continue };
            cases += 1;
            let after = by_check(pack.findings(&less));
            let mut complain = |word: &str, finding: &Finding| {
                let Finding { check, subject, message, .. } = finding;
                wrong.push(format!(
                    "{}: {part} {how:?}: {word} {check} of `{subject}`: {message}",
                    planted.name
                ));
            };
            for (check, before) in &before {
                let after = after.get(check).map_or(&[][..], Vec::as_slice);
                if let Some(lost) = silenced(before, after) {
                    complain("no word any more in", lost);
                }
            }
            let news = after.values().flatten().filter(|finding| finding.outcome.is_deviation());
            // What is known of a fault may be said of another subject than before.
            for finding in news.filter(|new| !bad.contains(new.check.as_str())) {
                complain(finding.outcome.as_str(), finding);
            }
        }
    }
    (wrong, cases)
}

#[test]
fn a_fault_whose_evidence_is_taken_away_is_never_told_as_a_pass() {
    let only = std::env::var("PLUMB_PLANTED").unwrap_or_default();
    let mut checks = BTreeSet::new();
    let all: Vec<&Planted> = planted::all()
        .into_iter()
        .filter(|own| own.check.starts_with(&only) && (checks.insert(own.check) || takes_all()))
        .step_by(if takes_all() || !only.is_empty() { 1 } else { 3 })
        .collect();
    let search = SearchPath { install: vec![target().join("packs")], ..SearchPath::default() };
    let packs = discover(&search).unwrap().packs;
    let (next, cases) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(planted) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (own, count) = complaints(planted, &packs);
                    cases.fetch_add(count, Ordering::Relaxed);
                    wrong.lock().unwrap().extend(own);
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    println!("{} planted nodes, {} parts taken away", all.len(), cases.into_inner());
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
