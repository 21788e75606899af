//! The scripts run against a tree of files that stands for `/`: apply, apply again, undo, and all is as before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{broken, files, findings_of_broken, ran, write};

/// Files of the tree that offer choices, which the kernel shows with the chosen one in brackets.
const CHOICES: [(&str, &str); 2] = [
    ("sys/kernel/mm/transparent_hugepage/enabled", "always madvise never"),
    ("sys/kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise madvise never"),
];

struct Rig {
    folder: tempfile::TempDir,
}

impl Rig {
    /// A root as the broken node has it, and the files of its plan.
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("plumb it's ").tempdir().unwrap();
        let rig = Self { folder };
        let node = broken();
        for (name, bytes) in &node.files {
            let Some(path) = name.strip_prefix("raw/") else { continue };
            // Eight CPUs tell as much as 128, and a file costs a process or two.
            let beyond = path.split('/').any(|part| {
                let number = part.strip_prefix("policy").or_else(|| part.strip_prefix("cpu"));
                number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number >= 8)
            });
            if !beyond
                && ["sys/devices/system/cpu/", "sys/kernel/mm/", "proc/sys/", "proc/irq/"]
                    .iter()
                    .any(|top| path.starts_with(top))
            {
                rig.put(path, bytes);
            }
        }
        for folder in ["var/lib", "etc/systemd/system", "usr/local/sbin"] {
            fs::create_dir_all(rig.root().join(folder)).unwrap();
        }
        fs::create_dir_all(rig.root().join("sys/fs/cgroup/inference.slice/vllm.service")).unwrap();
        // What is there already is given back byte for byte.
        rig.put("etc/sysctl.d/90-plumb-parameters.conf", b"# somebody's own\nvm.swappiness = 60\n");
        for irq in 120..124 {
            rig.put(&format!("sys/bus/pci/devices/0000:4f:00.0/msi_irqs/{irq}"), b"msix\n");
        }
        write(&files(&node, findings_of_broken()), &rig.plan());
        rig
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn plan(&self) -> PathBuf {
        self.folder.path().join("plan")
    }

    /// Runs a script by a shell, and then does what a kernel does: shows choices in brackets.
    fn run(&self, shell: &str, script: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(shell);
        command.arg(self.plan().join(script)).args(arguments).env("PLUMB_ROOT", self.root());
        let result = ran(&mut command).unwrap_or_else(|| panic!("there is no {shell}"));
        for (path, choices) in CHOICES {
            let path = self.root().join(path);
            let text = fs::read_to_string(&path).unwrap();
            if !text.contains('[') {
                let words: Vec<String> = choices
                    .split(' ')
                    .map(|word| if word == text.trim() { format!("[{word}]") } else { word.to_owned() })
                    .collect();
                fs::write(&path, words.join(" ") + "\n").unwrap();
            }
        }
        result
    }

    fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        walk(&self.root(), &self.root(), &mut tree);
        tree
    }
}

fn walk(root: &Path, folder: &Path, tree: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_symlink() {
            tree.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
        } else if path.is_dir() {
            tree.insert(name, "folder".into());
            walk(root, &path, tree);
        } else {
            tree.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn shells() -> Vec<&'static str> {
    ["dash", "bash"]
        .into_iter()
        .filter(|shell| ran(Command::new(shell).args(["-c", "true"])).is_some())
        .collect()
}

#[test]
fn what_is_applied_is_taken_back() {
    for shell in shells() {
        let rig = Rig::new();
        let before = rig.tree();

        let (ok, text) = rig.run(shell, "apply.sh", &[]);
        assert!(ok && text.contains("Nothing was changed"), "{shell}: {text}");
        assert_eq!(rig.tree(), before, "{shell}: without --apply nothing is changed");

        let (ok, text) = rig.run(shell, "apply.sh", &["--apply"]);
        assert!(ok, "{shell}: {text}");
        let after = rig.tree();
        for (path, wanted) in [
            ("sys/devices/system/cpu/cpufreq/policy7/scaling_governor", "performance\n"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq", "4100000\n"),
            ("sys/devices/system/cpu/cpu5/cpuidle/state3/disable", "1\n"),
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("proc/sys/vm/swappiness", "1\n"),
            ("proc/sys/kernel/numa_balancing", "0\n"),
            ("proc/irq/121/smp_affinity_list", "0-1,64-65\n"),
        ] {
            assert_eq!(after[path], wanted, "{shell}: {path}");
        }
        assert_eq!(
            after["etc/systemd/system/multi-user.target.wants/inference-governor.service"],
            "-> ../inference-governor.service"
        );
        assert!(after.contains_key("etc/systemd/system/vllm.service.d/50-plumb.conf"), "{shell}");

        // Again: nothing to do, and nothing done.
        let (ok, text) = rig.run(shell, "apply.sh", &["--apply"]);
        assert!(ok && text.contains("\n0 changes"), "{shell}: {text}");
        assert_eq!(rig.tree(), after, "{shell}: a second time changes nothing");

        let (ok, text) = rig.run(shell, "undo.sh", &[]);
        assert!(ok && text.contains("Nothing was changed"), "{shell}: {text}");
        assert_eq!(rig.tree(), after, "{shell}: without --apply nothing is taken back");

        let (ok, text) = rig.run(shell, "undo.sh", &["--apply"]);
        assert!(ok, "{shell}: {text}");
        assert_eq!(rig.tree(), before, "{shell}: all is as before");

        let (ok, text) = rig.run(shell, "undo.sh", &["--apply"]);
        assert!(ok && text.contains("nothing to undo"), "{shell}: {text}");
    }
}

/// A server that still runs in the slice of the system would lose most of its CPUs.
#[test]
fn slices_wait_for_the_servers() {
    let rig = Rig::new();
    let slice = rig.root().join("sys/fs/cgroup/inference.slice");
    fs::remove_dir_all(&slice).unwrap();
    let is_there = |rig: &Rig| rig.root().join("etc/systemd/system/system.slice.d/50-plumb.conf").exists();
    let (ok, text) = rig.run("sh", "apply.sh", &["--apply", "--only", "placement", "--only", "slices"]);
    assert!(ok && text.contains("restart it") && !is_there(&rig), "{text}");
    fs::create_dir_all(slice.join("vllm.service")).unwrap();
    let (ok, text) = rig.run("sh", "apply.sh", &["--apply", "--only", "slices"]);
    assert!(ok && is_there(&rig), "{text}");
}

#[test]
fn one_topic_is_applied_alone() {
    let rig = Rig::new();
    let before = rig.tree();
    let (ok, text) = rig.run("sh", "apply.sh", &["--apply", "--only", "parameters", "--only", "values"]);
    assert!(ok, "{text}");
    let after = rig.tree();
    assert_eq!(after["proc/sys/vm/swappiness"], "1\n");
    assert_eq!(after["sys/devices/system/cpu/intel_pstate/no_turbo"], "1\n", "another topic");
    assert!(after["etc/sysctl.d/90-plumb-parameters.conf"].contains("vm.swappiness = 1"));
    let (ok, text) = rig.run("sh", "apply.sh", &["--apply", "--only", "nonsense"]);
    assert!(!ok && text.contains("no topic nonsense"), "{text}");
    let (ok, text) = rig.run("sh", "undo.sh", &["--apply"]);
    assert!(ok, "{text}");
    assert_eq!(rig.tree(), before);
}

#[test]
fn what_somebody_else_changed_since_is_left_alone() {
    let rig = Rig::new();
    let before = rig.tree();
    assert!(rig.run("sh", "apply.sh", &["--apply"]).0);
    rig.put("proc/sys/vm/swappiness", b"30\n");
    rig.put("etc/tmpfiles.d/90-plumb-idle.conf", b"# edited\n");
    let (ok, text) = rig.run("sh", "undo.sh", &["--apply"]);
    assert!(!ok && text.contains("--force"), "{text}");
    assert_eq!(rig.tree()["proc/sys/vm/swappiness"], "30\n");
    assert_eq!(rig.tree()["etc/tmpfiles.d/90-plumb-idle.conf"], "# edited\n");
    let (ok, text) = rig.run("sh", "undo.sh", &["--apply", "--force"]);
    assert!(ok, "{text}");
    assert_eq!(rig.tree(), before);
}

#[test]
fn a_value_that_the_kernel_refuses_is_told() {
    let rig = Rig::new();
    // A folder in its place cannot be written, by root neither.
    let path = rig.root().join("proc/sys/vm/zone_reclaim_mode");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let (ok, text) = rig.run("sh", "apply.sh", &["--apply"]);
    assert!(!ok && text.contains("vm/zone_reclaim_mode") && text.contains("1 failures"), "{text}");
    assert_eq!(rig.tree()["proc/sys/vm/swappiness"], "1\n", "the others are set all the same");
}

#[test]
fn the_governor_is_set_shown_persisted_and_given_back() {
    for shell in shells() {
        let rig = Rig::new();
        let before = rig.tree();
        let (ok, text) = rig.run(shell, "set_governor.sh", &[]);
        assert!(ok && text.contains("scaling_governor: powersave (8 policies)"), "{shell}: {text}");
        assert_eq!(rig.tree(), before);
        let (ok, text) = rig.run(shell, "set_governor.sh", &["apply"]);
        assert!(ok, "{shell}: {text}");
        let after = rig.tree();
        let (ok, text) = rig.run(shell, "set_governor.sh", &["apply"]);
        assert!(ok && !text.contains("setting"), "{shell}: {text}");
        assert_eq!(rig.tree(), after, "{shell}");
        let (ok, text) = rig.run(shell, "set_governor.sh", &["persist"]);
        assert!(ok, "{shell}: {text}");
        let (ok, text) = rig.run(shell, "set_governor.sh", &["status"]);
        assert!(
            ok && text.contains("scaling_governor: performance (8 policies)")
                && text.contains("set at boot by"),
            "{shell}: {text}"
        );
        let (ok, text) = rig.run(shell, "set_governor.sh", &["undo"]);
        assert!(ok, "{shell}: {text}");
        assert_eq!(rig.tree(), before, "{shell}");
    }
}

#[test]
fn interrupts_are_moved_and_moved_back() {
    let rig = Rig::new();
    let before = rig.tree();
    let (ok, text) = rig.run("sh", "irq_affinity.sh", &[]);
    assert!(ok && text.contains("would"), "{text}");
    assert_eq!(rig.tree(), before);
    assert!(rig.run("sh", "irq_affinity.sh", &["apply"]).0);
    assert_eq!(rig.tree()["proc/irq/120/smp_affinity_list"], "0-1,64-65\n");
    assert!(rig.run("sh", "irq_affinity.sh", &["undo"]).0);
    assert_eq!(rig.tree(), before);
}
