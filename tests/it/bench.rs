//! What analysing a fleet costs. Measured in release builds, on demand:
//! `cargo test --release -p plumb-tests -- --ignored --nocapture bench`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use plumb_evidence::Bundle;
use plumb_pack_host::{EvidenceDocument, PackStatus};
use plumb_tests::synthetic::Node;

use crate::analysis;

const BUNDLES: usize = 1000;

/// Bundles of nodes that differ in name and in what moved, so that no two are the same bytes.
fn bundles(folder: &Path) -> Vec<PathBuf> {
    let mut node = Node::healthy();
    (0..BUNDLES)
        .map(|number| {
            node.set("/proc/sys/kernel/hostname", format!("node{number}\n"));
            node.vmstat(&[("pgfault", number as u64)]);
            let path = folder.join(format!("{number}.plumb"));
            node.bundle().write(&path).unwrap();
            path
        })
        .collect()
}

/// The least that any reader must do: decompress, walk the archive, parse what is JSON in it.
fn merely_read(path: &Path) -> usize {
    let decoder = zstd::Decoder::new(fs::File::open(path).unwrap()).unwrap();
    let mut archive = tar::Archive::new(decoder);
    let mut bytes = 0;
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let json = entry.path().unwrap().extension().is_some_and(|extension| extension == "json");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if json {
            let _: serde_json::Value = serde_json::from_slice(&content).unwrap();
        }
        bytes += content.len();
    }
    bytes
}

#[test]
#[ignore = "a benchmark"]
fn bench_fleet() {
    let folder = tempfile::tempdir().unwrap();
    let paths = bundles(folder.path());
    let size = fs::metadata(&paths[0]).unwrap().len();
    let locations = analysis::packs();
    let checks: usize = locations.iter().map(|location| location.manifest.checks.len()).sum();

    let mut stages = [Duration::ZERO; 5];
    let mut merely = Duration::ZERO;
    let mut unpacked = 0;
    let mut host = analysis::host(&locations);
    let begun = Instant::now();
    for path in &paths {
        let mut clock = Instant::now();
        let mut lap = |stage: usize| {
            stages[stage] += clock.elapsed();
            clock = Instant::now();
        };
        let bundle = Bundle::read(path).unwrap();
        lap(0);
        let evidence = plumb_evidence::derive(&bundle);
        lap(1);
        let document = EvidenceDocument::new(&evidence).unwrap();
        lap(2);
        let runs = host.evaluate(&document);
        assert!(runs.iter().all(|run| run.status == PackStatus::Ok));
        lap(3);
        let assessment = analysis::assess(&evidence, &bundle, runs);
        assert!(!assessment.findings.is_empty());
        lap(4);
        // Side by side, so that whatever else the machine does meets both.
        unpacked = merely_read(path);
        merely += clock.elapsed();
    }
    let all: Duration = stages.iter().sum();
    println!(
        "{BUNDLES} bundles of {} kB ({} kB unpacked), {checks} checks in {} packs, {:.1} s in all",
        size / 1000,
        unpacked / 1000,
        locations.len(),
        begun.elapsed().as_secs_f64()
    );
    for (name, time) in ["read and verify", "derive", "document", "packs", "assess"].iter().zip(stages) {
        println!("  {name:<16} {:8.2} ms per bundle", time.as_secs_f64() * 1e3 / BUNDLES as f64);
    }
    println!(
        "  all              {:8.2} ms per bundle, {:.0} bundles/s",
        all.as_secs_f64() * 1e3 / BUNDLES as f64,
        BUNDLES as f64 / all.as_secs_f64()
    );
    println!(
        "  merely decompress and parse JSON {:.2} ms per bundle; ratio {:.2} (goal at most 3)",
        merely.as_secs_f64() * 1e3 / BUNDLES as f64,
        all.as_secs_f64() / merely.as_secs_f64()
    );
}
