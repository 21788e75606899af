//! Commands that write, killed at a random moment: nothing that was acknowledged is lost, nothing is half there, and the next
//! start leaves nothing behind.
//!
//! A few kills in every run; two hundred with `PLUMB_LONG`, as `cargo xtask test --long` sets it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use plumb_tests::synthetic::Node;
use plumb_tests::{plumb, run};

/// What each command writes below its folder, given the bundle `node.plumb` there.
const COMMANDS: &[(&str, &[&str])] = &[
    ("collect", &["collect", "-o", "new.plumb"]),
    ("collect over", &["collect", "-o", "over.plumb", "--force"]),
    ("audit", &["audit", "node.plumb", "-o", "audit", "--formats", "md,html,json,csv"]),
    ("report", &["report", "node.plumb", "-o", "report", "--formats", "md,json"]),
    ("remediate", &["remediate", "node.plumb", "-o", "fix", "--force"]),
    ("redact", &["bundle", "redact", "node.plumb", "-o", "redacted.plumb"]),
    ("unpack", &["bundle", "unpack", "node.plumb", "-o", "unpacked"]),
    ("noise", &["noise", "--seconds", "200ms", "--mode", "wake", "--into", "kept.plumb"]),
];

/// Draws that are the same in every run.
struct Draws(u64);

impl Draws {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(u32::MAX >> 1)
    }
}

/// Names below a folder that only a process at work may have.
fn leftovers(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(plumb_evidence::files::TEMPORARY) {
            found.push(path.display().to_string());
        } else if path.is_dir() {
            found.extend(leftovers(&path));
        }
    }
    found
}

fn measurements(bundle: &Path) -> usize {
    let listed = run(plumb().args(["bundle", "cat"]).arg(bundle));
    assert_eq!(listed.code, 0, "{listed:?}");
    let is_measurement = |line: &&str| line.starts_with("measurements/") && line.ends_with(".json");
    listed.out.lines().filter(is_measurement).count()
}

#[test]
fn a_kill_loses_nothing_and_leaves_nothing() {
    let wanted = if std::env::var_os("PLUMB_LONG").is_some() { 200 } else { 16 };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let node = Node::healthy();
    for name in ["node.plumb", "kept.plumb", "over.plumb"] {
        node.bundle().write(&at(name)).unwrap();
    }
    let command = |words: &[&str]| {
        let mut command = plumb();
        command.arg("-q").args(words).current_dir(folder.path());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    };
    // How long each takes where nobody kills it, and what it makes has to go before it is made again.
    let clean = || {
        for name in ["new.plumb", "redacted.plumb"] {
            let _ = fs::remove_file(at(name));
        }
        for name in ["unpacked", "audit", "report"] {
            let _ = fs::remove_dir_all(at(name));
        }
    };
    let mut took = Vec::new();
    for (name, words) in COMMANDS {
        clean();
        let start = Instant::now();
        let status = command(words).status().unwrap();
        assert!(status.code().is_some_and(|code| [0, 6].contains(&code)), "{name}: {status}");
        took.push(start.elapsed());
    }
    let mut acknowledged = measurements(&at("kept.plumb"));
    let mut draws = Draws(29);
    let mut killed = 0;
    for turn in 0..wanted {
        let (name, words) = COMMANDS[turn % COMMANDS.len()];
        clean();
        let mut child = command(words).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(took[turn % took.len()].as_secs_f64() * draws.next()));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        killed += usize::from(ended.code().is_none());
        // What was there is there, whole: bundles verify, and no measurement is gone.
        for bundle in ["node.plumb", "kept.plumb", "over.plumb", "new.plumb", "redacted.plumb"] {
            if at(bundle).exists() {
                let verified = run(plumb().args(["bundle", "verify"]).arg(at(bundle)));
                assert_eq!(verified.code, 0, "{name}, {turn}: {bundle}: {verified:?}");
            }
        }
        let now = measurements(&at("kept.plumb"));
        assert!(now >= acknowledged, "{name}, {turn}: {now} measurements of {acknowledged}");
        acknowledged = now;
        if at("unpacked").exists() {
            let verified = run(plumb().args(["bundle", "verify"]).arg(at("unpacked")));
            assert_eq!(verified.code, 0, "{name}, {turn}: {verified:?}");
        }
        if at("fix").exists() {
            let plan = fs::read(at("fix/plan.json")).unwrap();
            serde_json::from_slice::<serde_json::Value>(&plan).unwrap();
        }
        // Once more, to its end: it may, and sweeps up.
        let again = command(words).status().unwrap();
        let is_occupied = matches!(name, "redact" | "unpack") && again.code() == Some(2);
        assert!(
            again.code().is_some_and(|code| [0, 6].contains(&code)) || is_occupied,
            "{name}, {turn}: {again}"
        );
        if name == "noise" {
            acknowledged = measurements(&at("kept.plumb"));
        }
        let left = leftovers(folder.path());
        assert!(left.is_empty(), "{name}, {turn}: {left:?}");
    }
    println!("{killed} of {wanted} were killed before they ended");
    assert!(killed > wanted / 4, "only {killed} of {wanted} were killed in time");
}
