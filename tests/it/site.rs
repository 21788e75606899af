//! What a person does on site: pipes, a sketch of the node, a survey, artefacts of an audit, and whether a fix held.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Stdio;

use plumb_bench::reference::Behaviour;
use plumb_tests::server;
use plumb_tests::synthetic::Node;
use plumb_tests::{plumb, run};
use serde_json::Value;

#[test]
fn a_bundle_goes_through_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let piped = folder.path().join("piped.plumb");
    let out = plumb().args(["collect", "-o", "-"]).stdout(File::create(&piped).unwrap()).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    // The summary is no part of the bundle.
    assert!(String::from_utf8_lossy(&out.stderr).contains("standard output"), "{out:?}");
    let from_file = run(plumb().args(["-q", "check", "--format", "json"]).arg(&piped));
    let from_pipe =
        run(plumb().args(["-q", "check", "-", "--format", "json"]).stdin(File::open(&piped).unwrap()));
    assert_eq!(from_file.code, 0, "{from_file:?}");
    assert_eq!(from_file.out, from_pipe.out);
    let none = run(plumb().args(["check", "-"]).stdin(Stdio::null()));
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("standard input") && none.err.contains("empty"), "{none:?}");
    let mixed = run(plumb().args(["collect", "-o", "-", "--format", "json"]));
    assert_eq!(mixed.code, 2, "{mixed:?}");
    assert!(!fs::exists("-").unwrap(), "a file called `-` was written");
}

#[test]
fn check_prints_the_verdict_last_and_leaves_out_what_is_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    let mut node = Node::healthy();
    let (_, _, break_it) =
        crate::nodes::DEFECTS.iter().find(|(defect, ..)| *defect == "wrong governor").unwrap();
    break_it(&mut node);
    node.bundle().write(&bundle).unwrap();
    let brief = run(plumb().args(["-q", "check"]).arg(&bundle));
    let whole = run(plumb().args(["-q", "check", "--all"]).arg(&bundle));
    assert_eq!((brief.code, whole.code), (0, 0), "{brief:?}");
    let heads = |text: &str, head: &str| text.lines().filter(|line| line.starts_with(head)).count();
    assert_eq!((heads(&brief.out, "In order ("), heads(&whole.out, "In order (")), (0, 1), "{}", brief.out);
    assert_eq!(heads(&brief.out, "Findings ("), 1, "{}", brief.out);
    let last: Vec<&str> = brief.out.lines().rev().filter(|line| !line.is_empty()).take(8).collect();
    assert!(last.iter().any(|line| line.starts_with("Risk:")), "{last:?}");
    assert!(last.iter().any(|line| line.contains("`--all`")), "{last:?}");
    // Every deviation is in both.
    let json = run(plumb().args(["-q", "check", "--format", "json"]).arg(&bundle));
    let json: Value = serde_json::from_str(&json.out).unwrap();
    for finding in json["findings"].as_array().unwrap() {
        let (check, outcome) = (finding["check"].as_str().unwrap(), finding["outcome"].as_str().unwrap());
        if matches!(outcome, "fail" | "warn" | "not-run" | "contradictory") {
            assert!(brief.out.contains(check) && whole.out.contains(check), "{check} is missing");
        }
    }
    assert!(!brief.out.contains('\x1b'), "colour in a pipe");
}

#[test]
fn a_sketch_shows_what_is_far() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    let draw = |node: &Node, more: &[&str]| {
        let _ = fs::remove_file(&bundle);
        node.bundle().write(&bundle).unwrap();
        let shown = run(plumb().args(["-q", "show"]).arg(&bundle).args(more).env("LC_ALL", "C.UTF-8"));
        assert_eq!(shown.code, 0, "{shown:?}");
        let widest = shown.out.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        assert!(widest <= 80, "{widest} columns:\n{}", shown.out);
        shown.out
    };
    let healthy = draw(&Node::healthy(), &[]);
    assert!(!healthy.contains("FAR"), "{healthy}");
    assert!(
        healthy.contains("NUMA node 0") && healthy.contains("NUMA node 1") && healthy.contains('■'),
        "{healthy}"
    );
    let (_, _, misplace) =
        crate::nodes::DEFECTS.iter().find(|(defect, ..)| *defect == "worker on the far node").unwrap();
    let mut node = Node::healthy();
    misplace(&mut node);
    let far = draw(&node, &["--ascii"]);
    assert!(far.contains("FAR") && far.is_ascii(), "{far}");
}

#[test]
fn this_node_is_surveyed_and_drawn() {
    let doctor = run(plumb().args(["-q", "doctor", "--format", "json"]));
    assert_eq!(doctor.code, 0, "{doctor:?}");
    let doctor: Value = serde_json::from_str(&doctor.out).unwrap();
    let rows = doctor["rows"].as_array().unwrap();
    for about in ["rights", "evidence", "inference server", "packs", "sandbox", "Typst", "coverage"] {
        assert!(rows.iter().any(|row| row["about"] == about), "nothing about {about}: {rows:?}");
    }
    // What is lacking says what that costs or what to do, and what is good says neither.
    for row in rows {
        if row["state"] == "good" {
            assert!(row["advice"].is_null() && row["costs"].is_null(), "{row}");
        }
    }
    let without = run(plumb().args(["doctor", "--typst", "/nowhere/typst"]));
    assert_eq!(without.code, 0, "{without:?}");
    assert!(without.out.contains("missing  Typst"), "{without:?}");
    let first = run(&mut plumb());
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains("plumb audit --sample 30s -o audit"), "{first:?}");
    let shown = run(plumb().args(["show", "--ascii"]));
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.contains("PU") && shown.out.is_ascii(), "{shown:?}");
}

#[test]
fn one_file_of_a_bundle_is_printed_as_it_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    Node::healthy().bundle().write(&bundle).unwrap();
    let cat = |file: &str| run(plumb().args(["bundle", "cat"]).arg(&bundle).arg(file));
    assert_eq!(cat("/proc/sys/kernel/hostname").out, Node::healthy().text("/proc/sys/kernel/hostname"));
    let wrong = cat("/proc/kernel/hostname");
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(
        wrong.err.contains("did you mean") && wrong.err.contains("raw/proc/sys/kernel/hostname"),
        "{wrong:?}"
    );
    let all = run(plumb().args(["bundle", "cat"]).arg(&bundle));
    assert!(all.out.lines().any(|line| line == "raw/proc/sys/kernel/hostname"), "{all:?}");
}

/// States of a plan's changes, by check and what was wanted.
fn verified(
    fix: &std::path::Path,
    node: &Node,
    folder: &std::path::Path,
) -> (i32, BTreeMap<String, (String, Value)>) {
    let bundle = folder.join("now.plumb");
    let _ = fs::remove_file(&bundle);
    node.bundle().write(&bundle).unwrap();
    let result = run(plumb().args(["-q", "verify"]).arg(fix).arg(&bundle).args(["--format", "json"]));
    let json: Value = serde_json::from_str(&result.out).unwrap_or_else(|error| panic!("{error}: {result:?}"));
    let rows = json["rows"].as_array().unwrap();
    let row = |row: &Value| {
        let key = format!("{} {}", row["check"].as_str().unwrap(), row["want"].as_str().unwrap());
        (key, (row["state"].as_str().unwrap().to_owned(), row.clone()))
    };
    (result.code, rows.iter().map(row).collect())
}

#[test]
fn a_fix_is_held_reverted_or_overridden() {
    let folder = tempfile::tempdir().unwrap();
    let break_it = |node: &mut Node| {
        for (defect, _, break_it) in crate::nodes::DEFECTS {
            if ["wrong governor", "numa_balancing with pins"].contains(defect) {
                break_it(node);
            }
        }
    };
    let mut broken = Node::healthy();
    break_it(&mut broken);
    let before = folder.path().join("before.plumb");
    broken.bundle().write(&before).unwrap();
    let fix = folder.path().join("fix");
    let planned = run(plumb().args(["-q", "remediate"]).arg(&before).arg("-o").arg(&fix));
    assert_eq!(planned.code, 0, "{planned:?}");

    let (code, rows) = verified(&fix, &Node::healthy(), folder.path());
    let not_held: Vec<_> = rows.iter().filter(|(_, (state, _))| state != "held").collect();
    assert!(!rows.is_empty() && not_held.is_empty() && code == 0, "{code}: {not_held:#?}");

    let (code, rows) = verified(&fix, &broken, folder.path());
    assert!(rows.values().all(|(state, _)| state == "reverted") && code == 3, "{code}: {rows:#?}");

    // Somebody else writes another value, and a file says who.
    let mut other = Node::healthy();
    other.set("/proc/sys/kernel/numa_balancing", "2\n");
    other.set("/etc/sysctl.d/70-vendor.conf", "kernel.numa_balancing = 2\n");
    let (code, rows) = verified(&fix, &other, folder.path());
    let overridden: Vec<_> = rows.iter().filter(|(_, (state, _))| state == "overridden").collect();
    assert_eq!(code, 3);
    assert_eq!(overridden.len(), 1, "{rows:#?}");
    let (_, (_, row)) = overridden[0];
    // Who sets it is named where the files of the boot are in the evidence.
    assert!(row["by"].as_str().is_none_or(|by| by.contains("/etc/sysctl.d/70-vendor.conf")), "{row}");

    let none = run(plumb().arg("verify").arg(folder.path()));
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("plan.json"), "{none:?}");
}

#[test]
fn an_audit_leaves_topology_checklist_and_load_test() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let server = server::start(Behaviour::default(), Vec::new(), 0);
    let audit = run(plumb()
        .args(["audit", "--formats", "md", "--sample", "2s", "--bench", &server.url(), "-o"])
        .arg(&out));
    assert!([0, 6].contains(&audit.code), "{audit:?}");
    for file in
        ["topo/lscpu.txt", "topo/numactl.txt", "topo/lstopo.txt", "CHECKLIST.md", "report.md", "node.plumb"]
    {
        assert!(fs::metadata(out.join(file)).unwrap().len() > 0, "{file}");
        assert!(audit.out.contains(file) || file == "report.md", "{file} is not named: {}", audit.out);
    }
    let shown = run(plumb().args(["bundle", "show", "--as", "numactl"]).arg(out.join("node.plumb")));
    assert_eq!(fs::read_to_string(out.join("topo/numactl.txt")).unwrap(), shown.out);
    let all = run(plumb().args(["bundle", "cat"]).arg(out.join("node.plumb")));
    assert!(all.out.contains("measurements/bench-"), "{all:?}");
    // The load went on while the node was looked at.
    assert!(all.out.contains("samples/") || all.out.contains("sample"), "{all:?}");
    // What was not edited is replaced, what was edited is not.
    fs::write(out.join("CHECKLIST.md"), "ticked\n").unwrap();
    let again = run(plumb().args(["audit", "--formats", "md", "-o"]).arg(&out).arg(out.join("node.plumb")));
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("CHECKLIST.md"), "{again:?}");
    assert_eq!(fs::read_to_string(out.join("CHECKLIST.md")).unwrap(), "ticked\n");
}
