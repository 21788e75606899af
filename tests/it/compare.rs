//! Two states of a node through the whole program, and many nodes at once.

use std::fs;
use std::path::Path;

use plumb_tests::synthetic::Node;
use plumb_tests::{Run, plumb, run};
use serde_json::Value;

fn bundle(folder: &Path, name: &str, node: &Node) -> std::path::PathBuf {
    let path = folder.join(name);
    node.bundle().write(&path).unwrap();
    path
}

/// A node whose governor saves power, and which swaps.
fn broken() -> Node {
    let mut node = Node::healthy();
    let paths: Vec<String> =
        node.files.keys().filter_map(|path| Some(path.strip_prefix("raw")?.to_owned())).collect();
    for path in paths {
        if path.ends_with("/scaling_governor") {
            node.set(&path, "powersave\n");
        }
        if path.ends_with("/energy_performance_preference") {
            node.set(&path, "power\n");
        }
    }
    node.set("/proc/sys/kernel/numa_balancing", "1\n");
    node
}

fn compare(before: &Path, after: &Path, arguments: &[&str]) -> Run {
    run(plumb().arg("-q").arg("compare").arg(before).arg(after).args(arguments))
}

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

fn checks(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|change| change["check"].as_str().unwrap()).collect()
}

#[test]
fn work_shows_and_its_absence_does_too() {
    let folder = tempfile::tempdir().unwrap();
    let before = bundle(folder.path(), "before.plumb", &broken());
    let after = bundle(folder.path(), "after.plumb", &Node::healthy());

    let found = json(&compare(&before, &after, &["--format", "json"]));
    let node = &found["nodes"][0];
    assert!(checks(&node["findings"]["fixed"]).contains(&"cpu.governor"), "{node:#}");
    assert!(
        checks(&node["findings"]["new"]).is_empty() && checks(&node["findings"]["worse"]).is_empty(),
        "{node:#}"
    );
    let drift = node["drift"].as_array().unwrap();
    let governor = drift.iter().find(|drift| drift["name"] == "governor").unwrap();
    assert_eq!(governor["before"]["text"], "powersave (CPUs 0-127)");
    assert_eq!(governor["after"]["text"], "performance (CPUs 0-127)");
    assert!(drift.iter().any(|drift| drift["name"] == "kernel.numa_balancing"), "{drift:#?}");

    // The other way round it is new, and a script hears of it.
    let back = compare(&after, &before, &["--fail-on-new"]);
    assert_eq!(back.code, 3, "{back:?}");
    assert!(back.out.contains("New (") && back.out.contains("cpu.governor"), "{}", back.out);
    assert_eq!(compare(&before, &after, &["--fail-on-new"]).code, 0);
}

#[test]
fn a_node_does_not_differ_from_itself() {
    let folder = tempfile::tempdir().unwrap();
    let before = bundle(folder.path(), "a.plumb", &broken());
    let found = json(&compare(&before, &before, &["--format", "json"]));
    let node = &found["nodes"][0];
    for list in ["fixed", "new", "worse", "better", "not_comparable", "lost_answers", "gained_answers"] {
        assert!(
            node["findings"][list].as_array().unwrap().is_empty(),
            "{list}: {:#}",
            node["findings"][list]
        );
    }
    assert!(!checks(&node["findings"]["unchanged"]).is_empty());
    assert_eq!(node["drift"].as_array().unwrap().len(), 0, "{:#}", node["drift"]);
}

/// Every file of a bundle in turn would take minutes; each folder of the node in turn covers every way to lose evidence
/// of a subject, and the whole of a probe's evidence.
#[test]
fn losing_evidence_fixes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = broken();
    let before = bundle(folder.path(), "before.plumb", &whole);
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::create_dir_all(&first).unwrap();
    fs::create_dir_all(&second).unwrap();
    let lost = [
        "/sys/devices/system/cpu/cpufreq",
        "/sys/devices/system/cpu/cpu0",
        "/sys/devices/system/cpu",
        "/sys/devices/system/node",
        "/sys/bus/pci/devices",
        "/sys/bus/pci/devices/0000:18:00.0",
        "/proc/sys/kernel",
        "/proc/sys",
        "/proc/2010",
        "/proc/2000",
        "/proc/interrupts",
        "/proc/driver/nvidia",
        "/proc",
        "/sys",
    ];
    for path in lost {
        let mut node = whole.clone();
        let is_lost = |file: &str| {
            let own = file.strip_prefix("raw").or_else(|| {
                let rest = file.strip_prefix("samples/")?;
                rest.find('/').map(|at| &rest[at..])
            });
            own.is_some_and(|own| own == path || own.starts_with(&format!("{path}/")))
        };
        let gone: Vec<String> = node.files.keys().filter(|file| is_lost(file)).cloned().collect();
        assert!(!gone.is_empty() || path == "/proc/interrupts", "{path} is not in the bundle");
        for file in &gone {
            node.files.remove(file);
            let real = file.strip_prefix("raw").unwrap_or("");
            if !real.is_empty() {
                node.unread.push(plumb_evidence::manifest::Unread {
                    path: real.to_owned(),
                    status: plumb_evidence::Absence::Denied,
                    reason: "permission denied".to_owned(),
                });
            }
        }
        let after = bundle(folder.path(), "after.plumb", &node);
        let found = json(&compare(&before, &after, &["--format", "json"]));
        let findings = &found["nodes"][0]["findings"];
        for list in ["fixed", "better"] {
            assert!(checks(&findings[list]).is_empty(), "without {path}: {list} {:#}", findings[list]);
        }
    }
}

#[test]
fn folders_are_matched_and_what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::create_dir_all(&first).unwrap();
    fs::create_dir_all(&second).unwrap();
    let named = |node: &mut Node, host: &str| node.set("/proc/sys/kernel/hostname", format!("{host}\n"));
    for (place, hosts) in [(&first, ["a", "b"]), (&second, ["b", "c"])] {
        for host in hosts {
            let mut node = if place == &first { broken() } else { Node::healthy() };
            named(&mut node, host);
            bundle(place, &format!("{host}.plumb"), &node);
        }
    }
    fs::write(second.join("d.plumb"), "no bundle").unwrap();
    let run = compare(&first, &second, &["--format", "json"]);
    assert!(run.err.contains("left out"), "{}", run.err);
    let found = json(&run);
    assert_eq!(found["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(found["nodes"][0]["host"], "b");
    assert_eq!(found["only_before"][0]["name"], "a.plumb");
    assert_eq!(found["only_after"].as_array().unwrap().len(), 2, "{found:#}");
    // A node that is not there any more is not known to be well.
    assert_eq!(compare(&first, &second, &["--fail-on-new"]).code, 4);
    assert_eq!(compare(&first, &second.join("b.plumb"), &[]).code, 2);
}

#[test]
fn a_comparison_speaks_the_language_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let before = bundle(folder.path(), "before.plumb", &broken());
    let after = bundle(folder.path(), "after.plumb", &Node::healthy());
    let out = folder.path().join("out");
    let out_of = |language: &str| {
        let arguments = ["--formats", "md,html", "--language", language, "-o"];
        run(plumb().arg("-q").arg("compare").arg(&before).arg(&after).args(arguments).arg(&out))
    };
    assert_eq!(out_of("de").code, 0);
    for name in ["compare.md", "compare.html"] {
        let text = fs::read_to_string(out.join(name)).unwrap();
        assert!(text.contains("Vorher und nachher") && text.contains("Behoben"), "{name}: {text}");
        assert!(!text.contains("What became of the deviations"), "{name}: {text}");
    }
    let html = fs::read_to_string(out.join("compare.html")).unwrap();
    assert!(html.contains("<html lang=\"de\">"), "{html}");
    let unknown = out_of("tlh");
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("tlh"), "{unknown:?}");
}

/// As `plumb report` does: the same code renders both.
#[test]
fn a_comparison_that_is_interrupted_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let before = bundle(folder.path(), "before.plumb", &broken());
    let after = bundle(folder.path(), "after.plumb", &Node::healthy());
    // Stands for a Typst that takes long over its pages.
    let typst = folder.path().join("typst");
    let script = format!(
        "#!/bin/sh\ncase $1 in --version) echo 'typst {}'; exit ;; esac\ntouch '{}'\nexec sleep 600\n",
        plumb_report::TYPST_VERSION,
        folder.path().join("started").display()
    );
    fs::write(&typst, script).unwrap();
    fs::set_permissions(&typst, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (out, scratch) = (folder.path().join("out"), folder.path().join("scratch"));
    fs::create_dir(&scratch).unwrap();
    let child = plumb()
        .arg("compare")
        .args([&before, &after])
        .arg("--typst")
        .arg(&typst)
        .arg("-o")
        .arg(&out)
        .env("TMPDIR", &scratch)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !folder.path().join("started").exists() {
        assert!(std::time::Instant::now() < patience, "Typst was never started");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // Until the first second is told.
    std::thread::sleep(std::time::Duration::from_millis(1300));
    let stopped =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("Typst lays out the report"), "{said}");
    assert!(!out.exists(), "nothing is written");
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "no temporary file is left");
}

/// However many threads share the work.
#[test]
fn a_fleet_gives_the_same_bytes_on_any_number_of_cpus() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..5 {
        let mut node = if n % 2 == 0 { Node::healthy() } else { broken() };
        node.set("/proc/sys/kernel/hostname", format!("node-{n}\n"));
        bundle(folder.path(), &format!("{n}.plumb"), &node);
    }
    fs::write(folder.path().join("damaged.plumb"), "no bundle").unwrap();
    let fleet = |cpus: &str| {
        let mut command = std::process::Command::new("taskset");
        let program = plumb();
        command.args(["-c", cpus]).arg(program.get_program());
        command.args(["-q", "fleet", "--format", "json"]).arg(folder.path()).output()
    };
    let Ok(one) = fleet("0") else {
        return plumb_tests::skip("the summary of a fleet is not compared over CPUs: taskset is not here");
    };
    assert!(one.status.success(), "{one:?}");
    let all = run(plumb().args(["-q", "fleet", "--format", "json"]).arg(folder.path()));
    assert_eq!(String::from_utf8_lossy(&one.stdout), all.out);
}

#[test]
fn a_fleet_is_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    for (host, node) in
        [("a", Node::healthy()), ("b", Node::healthy()), ("c", Node::healthy()), ("d", broken())]
    {
        let mut node = node;
        node.set("/proc/sys/kernel/hostname", format!("{host}\n"));
        bundle(folder.path(), &format!("{host}.plumb"), &node);
    }
    fs::write(folder.path().join("e.plumb"), "no bundle").unwrap();
    let out = folder.path().join("out");
    let fleet = run(plumb()
        .args(["-q", "fleet", "--format", "json", "--formats", "md,json", "-o"])
        .arg(&out)
        .arg(folder.path()));
    let found = json(&fleet);
    assert_eq!(found["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(found["nodes"][0]["host"], "d", "the worst comes first");
    let frequent = found["frequent"].as_array().unwrap();
    let has_governor = |own: &&Value| own["checks"].as_array().unwrap().contains(&"cpu.governor".into());
    let governor = frequent.iter().find(has_governor).unwrap();
    assert_eq!((governor["nodes"].as_u64(), &governor["hosts"][0]), (Some(1), &"d".into()));
    let outliers = found["classes"][0]["outliers"].as_array().unwrap();
    let governor = outliers.iter().find(|outlier| outlier["name"] == "governor").unwrap();
    assert_eq!(governor["others"][0][1][0], "d");
    assert_eq!(found["left_out"][0]["name"], "e.plumb");
    let text = fs::read_to_string(out.join("fleet.md")).unwrap();
    assert!(text.contains("| d |") && text.contains("cpu.governor"), "{text}");
    // The grade of each node is that of its own report.
    for node in found["nodes"].as_array().unwrap() {
        let bundle = folder.path().join(node["name"].as_str().unwrap());
        let own: Value = json(&run(plumb().args(["-q", "check", "--format", "json"]).arg(bundle)));
        assert_eq!(own["risk"]["grade"], node["grade"], "{}", node["host"]);
    }
    // Threads finish in any order; the result does not show it.
    let again = run(plumb().args(["-q", "fleet", "--format", "json"]).arg(folder.path()));
    assert_eq!(fleet.out, again.out);
    let empty = folder.path().join("empty");
    fs::create_dir_all(&empty).unwrap();
    assert_eq!(run(plumb().arg("fleet").arg(&empty)).code, 2);
}

#[test]
fn a_fleet_and_a_comparison_are_rendered_again_from_their_json() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::create_dir_all(&first).unwrap();
    fs::create_dir_all(&second).unwrap();
    let before = bundle(&first, "node.plumb", &broken());
    let after = bundle(&second, "node.plumb", &Node::healthy());
    let formats = "md,html,json,xlsx,docx";
    let at = |name: &str| folder.path().join(name);
    let done = |command: &mut std::process::Command| {
        let run = run(command);
        assert_eq!(run.code, 0, "{run:?}");
    };
    done(
        plumb()
            .args(["-q", "compare", "--formats", formats, "-o"])
            .arg(at("compare"))
            .args([&before, &after]),
    );
    // Bundles of one name are told apart by their folders, and `report` of several is the document of a fleet.
    done(plumb().args(["-q", "report", "--formats", formats, "-o"]).arg(at("fleet")).args([&before, &after]));
    done(plumb().args(["-q", "fleet", "--formats", formats, "-o"]).arg(at("same")).args([&first, &second]));
    for name in ["fleet.md", "fleet.html", "fleet.xlsx", "fleet.docx"] {
        assert_eq!(
            fs::read(at("fleet").join(name)).unwrap(),
            fs::read(at("same").join(name)).unwrap(),
            "{name}"
        );
    }
    let fleet: Value = serde_json::from_slice(&fs::read(at("fleet/fleet.json")).unwrap()).unwrap();
    let names: Vec<&str> =
        fleet["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"first/node.plumb") && names.contains(&"second/node.plumb"), "{names:?}");
    for kind in ["compare", "fleet"] {
        let again = at(&format!("again-{kind}"));
        let file = at(kind).join(format!("{kind}.json"));
        done(plumb().args(["-q", "report", "--formats", "md,html,xlsx,docx", "-o"]).arg(&again).arg(&file));
        for format in ["md", "html", "xlsx", "docx"] {
            let made = fs::read(at(kind).join(format!("{kind}.{format}"))).unwrap();
            assert_eq!(made, fs::read(again.join(format!("report.{format}"))).unwrap(), "{kind}.{format}");
        }
    }
}
