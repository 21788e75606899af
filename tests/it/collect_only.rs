//! `plumb-collect`, the program that only collects.

use std::path::Path;
use std::process::{Command, Stdio};

use plumb_tests::{plumb, run, target, workspace};

/// What must not be in it: packs, reports, and all that opens network connections.
const ABSENT: [&str; 7] =
    ["plumb-measure", "plumb-pack-host", "plumb-report", "plumb-engine", "tokio", "hyper", "rustls"];

#[test]
fn its_bundle_is_one_that_plumb_reads() {
    let folder = tempfile::tempdir().unwrap();
    let collected = run(Command::new(target().join("plumb-collect"))
        .args(["--quiet", "-o", "node.plumb"])
        .current_dir(folder.path())
        .stdin(Stdio::null()));
    assert_eq!((collected.code, collected.out.as_str()), (0, "node.plumb\n"), "{}", collected.err);
    let shown = run(plumb().args(["bundle", "verify"]).arg(folder.path().join("node.plumb")));
    assert_eq!(shown.code, 0, "{}", shown.err);
    let named = run(plumb().args(["bundle", "show", "--as", "lstopo"]).arg(folder.path().join("node.plumb")));
    assert!(named.out.contains("PU L#0"), "{}{}", named.out, named.err);
}

#[test]
fn what_is_there_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "work of hours").unwrap();
    let refused = run(Command::new(target().join("plumb-collect"))
        .args(["-o", "mine"])
        .current_dir(folder.path())
        .stdin(Stdio::null()));
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("is no bundle that plumb wrote"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(folder.path().join("mine")).unwrap(), "work of hours");
}

#[test]
fn a_library_of_nvidia_answers_through_it() {
    answers_for_nvml(&target().join("plumb-collect"));
}

/// Asks the helper process of `program`, with a stand-in where the loader looks for NVIDIA's library.
pub(crate) fn answers_for_nvml(program: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libnvidia-ml.so.1");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(workspace().join("tests/mock/nvml.c"))
        .status();
    assert!(built.unwrap().success(), "the stand-in cannot be compiled");
    let answer = run(Command::new(program)
        .args(["helper", "nvml"])
        .env("LD_LIBRARY_PATH", folder.path())
        .stdin(Stdio::null()));
    assert_eq!(answer.code, 0, "{}", answer.err);
    for word in ["570.00.mock", "Mock GPU", "GPU-00000000"] {
        assert!(answer.out.contains(word), "no {word} in {}", answer.out);
    }
}

#[test]
fn nothing_in_it_could_do_more() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = run(Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--package",
            "plumb-collect-only",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(workspace()));
    assert_eq!(tree.code, 0, "{}", tree.err);
    let crates: Vec<&str> = tree.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(crates.contains(&"plumb-collect"), "{}", tree.out);
    for name in ABSENT {
        assert!(!crates.contains(&name), "plumb-collect is linked with {name}");
    }
}
