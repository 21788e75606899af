//! Properties of the whole way from files to a grade, on generated cases: whatever part of the evidence of a broken node is
//! lost, the node does not look better for free; and every finding cites what is in the bundle.
//!
//! `PLUMB_CASES` sets the number of cases per broken node.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::Outcome;
use plumb_engine::{Assessment, Grade};
use plumb_evidence::manifest::Unread;
use plumb_evidence::{Absence, Bundle, Source};
use plumb_pack_host::{EvidenceDocument, Host};
use plumb_tests::synthetic::Node;

use crate::analysis;
use crate::nodes::DEFECTS;

/// All packs, asked in this process's workers.
struct Analysis(Host);

impl Analysis {
    fn new() -> Self {
        Self(analysis::host(&analysis::packs()))
    }

    fn assess(&mut self, bundle: &Bundle) -> Assessment {
        let evidence = plumb_evidence::derive(bundle);
        let document = EvidenceDocument::new(&evidence).unwrap();
        analysis::assess(&evidence, bundle, self.0.evaluate(&document))
    }
}

/// A small generator of its own (SplitMix64), so that a failing case is told by its number alone.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap_or(0)
    }
}

/// What is lost of a node, in words; the paths are of files inside of the bundle.
fn lose(node: &mut Node, random: &mut Random) -> String {
    let paths: Vec<String> = node.files.keys().cloned().collect();
    let path = &paths[random.below(paths.len())];
    // The path on the node, whether it was read once or at an end of the window.
    let on_node = |path: &str| -> Option<String> {
        if let Some(rest) = path.strip_prefix("raw") {
            return Some(rest.to_owned());
        }
        path.strip_prefix("samples/").and_then(|rest| rest.find('/').map(|slash| rest[slash..].to_owned()))
    };
    let Some(chosen) = on_node(path) else {
        node.files.remove(path);
        return format!("{path} lost");
    };
    let name = chosen.rsplit('/').next().unwrap_or_default().to_owned();
    let folder = chosen.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let kind = random.below(4);
    let denied = random.below(2) == 0;
    let is_lost = |path: &str| match kind {
        // One file; all files of that name; a whole folder; one reading of the window.
        0 => on_node(path).is_some_and(|path| path == chosen),
        1 => on_node(path).is_some_and(|path| path.rsplit('/').next() == Some(&name)),
        2 => on_node(path).is_some_and(|path| path.starts_with(&format!("{folder}/"))),
        _ => path.starts_with("samples/001") && on_node(path).is_some_and(|path| path == chosen),
    };
    let lost: Vec<String> = paths.iter().filter(|path| is_lost(path)).cloned().collect();
    let mut unread = BTreeSet::new();
    for path in &lost {
        node.files.remove(path);
        unread.extend(on_node(path));
    }
    if kind == 2 {
        node.links.retain(|path, _| !path.starts_with(&format!("{folder}/")));
        unread = BTreeSet::from([folder.clone()]);
    }
    if denied {
        node.unread.extend(unread.into_iter().map(|path| Unread {
            reason: format!("{path}: permission denied"),
            path,
            status: Absence::Denied,
        }));
    }
    let how = if denied { "denied" } else { "absent" };
    match kind {
        0 => format!("{chosen} {how}"),
        1 => format!("all files called {name} {how} ({})", lost.len()),
        2 => format!("{folder}/ {how} ({})", lost.len()),
        _ => format!("{chosen} {how} at the second reading"),
    }
}

/// Checks with a failed finding.
fn failed(assessment: &Assessment) -> BTreeSet<&str> {
    let failed = assessment.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    failed.map(|finding| finding.check.as_str()).collect()
}

/// How bad it looks: a node that is not assessable looks as bad as its findings.
fn badness(assessment: &Assessment) -> Grade {
    match assessment.risk.grade {
        Grade::NotAssessable => assessment.risk.at_least.unwrap_or(Grade::NotAssessable),
        grade => grade,
    }
}

#[test]
fn losing_evidence_of_a_broken_node_never_looks_better_for_free() {
    let cases: u64 = std::env::var("PLUMB_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(4);
    let mut analysis = Analysis::new();
    let mut complaints = Vec::new();
    let (mut all, mut lowered) = (0, 0);
    for (number, (defect, _, break_it)) in DEFECTS.iter().enumerate() {
        let mut broken = Node::healthy();
        break_it(&mut broken);
        let whole = analysis.assess(&broken.bundle());
        let before = failed(&whole);
        for case in 0..cases {
            let mut random = Random((number as u64) << 32 | case);
            let mut node = broken.clone();
            let what = lose(&mut node, &mut random);
            let less = analysis.assess(&node.bundle());
            all += 1;
            let after = failed(&less);
            let gone: Vec<&&str> = before.difference(&after).collect();
            let better = badness(&less) < badness(&whole);
            let coverage = |assessment: &Assessment| assessment.coverage.unwrap_or(0.0);
            if gone.is_empty() && !better {
                continue;
            }
            if coverage(&less) < coverage(&whole) {
                lowered += 1;
            } else {
                complaints.push(format!(
                    "{defect}, case {case}: {what}: gone {gone:?}, better {better}, coverage {:.4} after {:.4}",
                    coverage(&less),
                    coverage(&whole)
                ));
            }
        }
    }
    println!("{all} cases, {lowered} of them with a fault that went unseen and coverage that says so");
    assert!(complaints.is_empty(), "{} of {all}:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_finding_cites_what_is_in_the_bundle() {
    let mut analysis = Analysis::new();
    let mut citations = 0;
    let mut missing: BTreeMap<String, String> = BTreeMap::new();
    for (_, _, break_it) in DEFECTS {
        let mut node = Node::healthy();
        break_it(&mut node);
        let bundle = node.bundle();
        for finding in analysis.assess(&bundle).findings {
            for citation in finding.evidence {
                citations += 1;
                let source = &citation.source;
                let sampled = format!("samples/001{source}");
                let is_there = bundle.files().contains_key(source)
                    || bundle.files().contains_key(&sampled)
                    || bundle.read(source).is_ok()
                    || bundle.link(source).is_ok()
                    || bundle.list(source).is_ok();
                if !is_there {
                    missing.insert(source.clone(), finding.check.clone());
                }
            }
        }
    }
    println!("{citations} citations");
    assert!(missing.is_empty(), "cited, but not in the bundle: {missing:#?}");
}
