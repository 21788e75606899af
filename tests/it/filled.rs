//! What a recording does not hold, filled in: nothing that passes, or that a check says not to apply, may rest on it.
//!
//! Whatever is "not recorded" in the evidence of a node is put in from other nodes, which have servers, containers, a kubelet and
//! faults. A pass of the recording stays one, and what does not apply still does not, for both were said without knowing any of
//! that; only what was not answered may change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use plumb_check_sdk::{Finding, Outcome};
use plumb_evidence::{Bundle, derive};
use plumb_pack_host::{EvidenceDocument, Host};
use plumb_tests::planted::{self, Planted};
use plumb_tests::synthetic::Node;
use plumb_tests::{plumb, recordings, run, skip, workspace};
use serde_json::Value;

use crate::analysis;
use crate::recordings::{archive, oracles, unpack};

/// Planted nodes whose evidence is put in, beside the healthy one: between them they have all that a check may ask for.
const DONORS: &[&str] = &[
    "kubelet with its defaults",
    "container with four CPUs for six processes",
    "CPUQuota=1300% that bursts of threads use up",
    "backup with the weight of the server",
    "guest whose GPUs hang on no virtual node",
];

fn json(bundle: &Bundle) -> Value {
    serde_json::to_value(derive(bundle)).unwrap()
}

fn is_not_recorded(value: &Value) -> bool {
    value.get("missing").is_some()
        && value["reason"].as_str().is_some_and(|reason| reason.starts_with("not recorded: "))
}

/// Puts what the donor has in the place of what was not recorded, and says how much that was.
fn fill(own: &mut Value, donor: &Value) -> usize {
    if is_not_recorded(own) {
        if donor.get("missing").is_some() {
            return 0;
        }
        *own = donor.clone();
        return 1;
    }
    match (own, donor) {
        (Value::Object(own), Value::Object(donor)) => {
            own.iter_mut().filter_map(|(key, value)| Some(fill(value, donor.get(key)?))).sum()
        }
        _ => 0,
    }
}

fn findings(host: &mut Host, evidence: &Value) -> Vec<Finding> {
    let document = EvidenceDocument::from_json(&serde_json::to_vec(evidence).unwrap()).unwrap();
    host.evaluate(&document).into_iter().flat_map(|run| run.findings).collect()
}

/// What is said of the recording that is not said any more once `after` is known.
fn taken_back(name: &str, donor: &str, before: &[Finding], after: &[Finding]) -> Vec<String> {
    let mut now: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in after {
        now.entry(&finding.check).or_default().push(finding);
    }
    before
        .iter()
        .filter_map(|finding| {
            let own = now.get(&*finding.check).map(Vec::as_slice).unwrap_or_default();
            let other = match finding.outcome {
                Outcome::NotApplicable => own.iter().find(|other| {
                    other.outcome != Outcome::NotApplicable && other.subject == finding.subject
                }),
                Outcome::Pass => {
                    own.iter().find(|other| other.outcome.is_deviation() && other.subject == finding.subject)
                }
                _ => None,
            }?;
            Some(format!(
                "{name} with {donor}: {} {} of `{}` ({}) becomes {} ({})",
                finding.outcome.as_str(),
                finding.check,
                finding.subject,
                finding.message,
                other.outcome.as_str(),
                other.message
            ))
        })
        .collect()
}

fn bundle_of(tree: &Path, work: &Path) -> Bundle {
    let _ = fs::remove_dir_all(work);
    fs::create_dir_all(work).unwrap();
    let root = unpack(tree, &work.join("tree")).expect("tar can unpack the tree");
    let path = work.join("node.plumb");
    let result = run(plumb().args(["-q", "collect", "-o"]).arg(&path).arg("--sysroot").arg(&root));
    assert_eq!(result.code, 0, "{}: {}", tree.display(), result.err);
    Bundle::read(&path).unwrap()
}

#[test]
fn no_pass_and_no_exemption_rests_on_what_was_not_recorded() {
    let donors: Vec<(&str, Value)> = planted::all()
        .into_iter()
        .filter(|planted| DONORS.contains(&planted.name))
        .map(|planted: &Planted| {
            let mut node = Node::healthy();
            (planted.plant)(&mut node);
            (planted.name, json(&node.bundle()))
        })
        .collect();
    assert_eq!(donors.len(), DONORS.len(), "a planted node has another name now");
    let mut host = analysis::host(&analysis::packs());
    let work = tempfile::tempdir().unwrap();
    let mut trees: BTreeMap<String, PathBuf> = fs::read_dir(workspace().join("tests/field"))
        .unwrap()
        .flatten()
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path().join("tree.tar.gz")))
        .collect();
    match recordings() {
        Some(folder) => trees.extend(oracles(&folder).into_keys().filter_map(|name| {
            let archive = archive(&folder, &name)?;
            Some((name, archive))
        })),
        None => skip("recordings of others are not filled in: PLUMB_RECORDINGS names no folder of them"),
    }
    // Where time is short, each has two of the donors, and all of them have their turn.
    let taken = if recordings().is_some() { donors.len() } else { 2 };
    let (mut filled, mut said, mut wrong) = (0, 0, Vec::new());
    for (turn, (name, tree)) in trees.iter().enumerate() {
        let own = json(&bundle_of(tree, &work.path().join("work")));
        let before = findings(&mut host, &own);
        said += before
            .iter()
            .filter(|finding| matches!(finding.outcome, Outcome::Pass | Outcome::NotApplicable))
            .fold(0, |count, _| count + 1);
        for (donor, evidence) in donors.iter().cycle().skip(turn * taken).take(taken) {
            let mut evidence_of_both = own.clone();
            filled += fill(&mut evidence_of_both, evidence);
            let after = findings(&mut host, &evidence_of_both);
            wrong.extend(taken_back(name, donor, &before, &after));
        }
    }
    println!("{} recordings, {filled} facts filled in, {said} passes and exemptions held", trees.len());
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
