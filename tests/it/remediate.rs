//! `plumb remediate` on synthetic nodes: each defect has its remedy, and a healthy node has none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use plumb_tests::synthetic::Node;
use plumb_tests::{Run, plumb, run};

use crate::nodes::DEFECTS;

fn remediate(node: &Node, folder: &Path, more: &[&str]) -> Run {
    let bundle = folder.join("node.plumb");
    node.bundle().write(&bundle).unwrap();
    run(plumb().args(["-q", "remediate"]).arg(&bundle).arg("-o").arg(folder.join("fix")).args(more))
}

fn files(folder: &Path) -> BTreeSet<String> {
    fn walk(top: &Path, folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(top, &path, found);
            } else {
                found.insert(path.strip_prefix(top).unwrap().display().to_string());
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

/// What remedies a defect: a file of the plan, and text in it.
const REMEDIES: &[(&str, &str, &str)] = &[
    ("wrong governor", "set_governor.sh", "GOVERNOR=performance"),
    ("unpinned server", "systemd/vllm.service.d/50-plumb.conf", "CPUAffinity="),
    ("worker on the far node", "systemd/vllm.service.d/50-plumb.conf", "CPUAffinity="),
    ("pages remote", "systemd/vllm.service.d/50-plumb.conf", "CPUAffinity="),
    ("throttled cgroup", "systemd/vllm.service.d/50-plumb.conf", "CPUQuota="),
    ("interrupts on inference cores", "irq_affinity.sh", "0000:4f:00.0"),
    ("GPU at x8", "CHECKLIST.md", "gpu.pcie-link"),
    ("numa_balancing with pins", "sysctl.d/90-plumb-parameters.conf", "kernel.numa_balancing = 0"),
    ("steal", "CHECKLIST.md", "virt.steal"),
    (
        "stalls for huge pages",
        "tmpfiles.d/90-plumb-values.conf",
        "transparent_hugepage/defrag - - - - madvise",
    ),
];

#[test]
fn each_defect_has_its_remedy_and_a_healthy_node_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let result = remediate(&Node::healthy(), folder.path(), &[]);
    assert_eq!(result.code, 0, "{}", result.err);
    let healthy = files(&folder.path().join("fix"));
    assert_eq!(healthy.iter().map(String::as_str).collect::<Vec<_>>(), ["CHECKLIST.md", "plan.json"]);

    for (defect, check, break_it) in DEFECTS {
        let Some((_, file, text)) = REMEDIES.iter().find(|(of, _, _)| of == defect) else { continue };
        let folder = tempfile::tempdir().unwrap();
        let mut node = Node::healthy();
        break_it(&mut node);
        let result = remediate(&node, folder.path(), &[]);
        assert_eq!(result.code, 0, "{defect}: {}", result.err);
        let fix = folder.path().join("fix");
        let found = files(&fix);
        assert!(found.contains(*file), "{defect}: {file} is not in {found:?}");
        let contents = fs::read_to_string(fix.join(file)).unwrap();
        assert!(contents.contains(text), "{defect}: {file} does not hold `{text}`:\n{contents}");
        // The file names the finding that it answers.
        assert!(contents.contains(check), "{defect}: {file} does not name {check}:\n{contents}");
    }
    let unknown = REMEDIES.iter().find(|(of, _, _)| DEFECTS.iter().all(|(defect, _, _)| of != defect));
    assert!(unknown.is_none(), "{unknown:?} is no defect");
}

#[test]
fn a_plan_is_whole_repeatable_and_replaces_nothing_by_mistake() {
    let mut node = Node::healthy();
    (DEFECTS[0].2)(&mut node);
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        assert_eq!(remediate(&node, folder.path(), &[]).code, 0);
    }
    let (one, two) = (first.path().join("fix"), second.path().join("fix"));
    assert_eq!(files(&one), files(&two));
    for file in files(&one) {
        assert_eq!(fs::read(one.join(&file)).unwrap(), fs::read(two.join(&file)).unwrap(), "{file}");
    }
    let again = remediate(&node, first.path(), &[]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("--force"), "{again:?}");
    fs::write(one.join("mine"), "").unwrap();
    assert_eq!(remediate(&node, first.path(), &["--force"]).code, 0);
    assert!(!one.join("mine").exists(), "the folder is the new plan");
    fs::remove_file(one.join("plan.json")).unwrap();
    let theirs = remediate(&node, first.path(), &["--force"]);
    assert_eq!(theirs.code, 2, "a folder that is no plan is not replaced: {theirs:?}");
}

/// What the client accepted is not planned, and the checklist says so.
#[test]
fn what_the_client_accepted_is_left_alone() {
    let mut node = Node::healthy();
    (DEFECTS[0].2)(&mut node);
    let folder = tempfile::tempdir().unwrap();
    let engagement = folder.path().join("engagement.toml");
    let waiver = |check: &str| {
        format!(
            "[[waiver]]\ncheck = \"{check}\"\nowner = \"A. Client\"\nreason = \"power\"\nexpires = 2027-01-01\n"
        )
    };
    // The defect sets the energy preference as well, which another check judges, and a third asks for a profile that keeps both.
    let accepted = ["cpu.governor", "cpu.epp-epb", "cpu.tuned-profile"].map(waiver).concat();
    let text = format!("schema = 1\n{accepted}");
    fs::write(&engagement, text).unwrap();
    let path = engagement.display().to_string();
    let result = remediate(&node, folder.path(), &["--engagement", &path]);
    assert_eq!(result.code, 0, "{}", result.err);
    assert!(!folder.path().join("fix/set_governor.sh").exists());
    let checklist = fs::read_to_string(folder.path().join("fix/CHECKLIST.md")).unwrap();
    assert!(checklist.contains("the client accepted this deviation"), "{checklist}");
}
