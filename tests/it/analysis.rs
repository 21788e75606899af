//! All packs beside the built program, asked as `plumb` asks them.

use plumb_engine::{Assessment, PackAnswer, Terms};
use plumb_evidence::{Bundle, Evidence};
use plumb_pack_host::{Host, HostOptions, PackLocation, PackRun, SearchPath, discover};
use plumb_tests::target;

/// The packs that are laid out beside the program.
pub(crate) fn packs() -> Vec<PackLocation> {
    let search = SearchPath { install: vec![target().join("packs")], ..SearchPath::default() };
    let packs = discover(&search).unwrap().packs;
    assert!(
        packs.len() >= 11,
        "not all packs are laid out in {}; run `cargo xtask packs`",
        target().display()
    );
    packs
}

/// Their workers.
pub(crate) fn host(packs: &[PackLocation]) -> Host {
    Host::open(HostOptions::new(vec![target().join("plumb").into(), "worker".into()]), packs)
}

/// What the engine makes of their answers.
pub(crate) fn assess(evidence: &Evidence, bundle: &Bundle, runs: Vec<PackRun>) -> Assessment {
    let answers = runs.into_iter().map(|run| PackAnswer {
        status: run.status.to_string(),
        manifest: run.manifest,
        findings: run.findings,
        sha256: run.sha256,
        sandbox: run.sandbox,
        pages: run.pages,
        foreign: run.foreign,
    });
    plumb_engine::assess(evidence, bundle.manifest_sha256(), "0", answers.collect(), &Terms::default())
}
