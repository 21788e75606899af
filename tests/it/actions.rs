//! Each action is tried: on a tree that stands for the node, as it is printed and as the files carry it out. Then the tree is
//! analysed again: what the action answers is gone, nothing new has come, and the way back gives the old bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use plumb_evidence::Bundle;
use plumb_evidence::bundle::{RAW, sample_folder};
use plumb_tests::synthetic::{FIRST_WORKER, Node};
use plumb_tests::{plumb, recordings, run, skip, workspace};
use serde_json::Value;

use crate::nodes::DEFECTS;
use crate::recordings::unpack;

/// A check and its subject.
type Key = (String, String);

/// Files of the kernel that show all choices, with the one in force in brackets.
const CHOICES: [&str; 2] =
    ["sys/kernel/mm/transparent_hugepage/enabled", "sys/kernel/mm/transparent_hugepage/defrag"];

/// Programs that change what this test models, or that it cannot run: what they were called with is written down.
const STUBS: [&str; 22] = [
    "chrt",
    "choom",
    "ethtool",
    "modprobe",
    "mount",
    "nvidia-ctk",
    "numastat",
    "nvidia-smi",
    "prlimit",
    "ps",
    "setpci",
    "swapoff",
    "swapon",
    "taskset",
    "systemctl",
    "tuned-adm",
    "docker",
    "podman",
    "kubectl",
    "grubby",
    "rpm-ostree",
    "update-grub",
];

/// A tree that stands for a node, and the rest of its bundle.
struct Tree {
    folder: tempfile::TempDir,
    bundle: Bundle,
    /// Bytes of the files in the tree by path, as they were.
    before: BTreeMap<String, Vec<u8>>,
    /// Masks of processes that were set since.
    pins: BTreeMap<u32, String>,
    /// Nodes that the memory of processes has gone to.
    memory: BTreeMap<u32, String>,
    /// Programs that were called, with their arguments.
    calls: Vec<String>,
    /// Energy preferences that a governor forces.
    forced: BTreeSet<PathBuf>,
}

impl Tree {
    fn new(bundle: Bundle) -> Self {
        let folder = in_memory().unwrap_or_else(|| tempfile::tempdir().unwrap());
        let mut tree = Self {
            folder,
            bundle,
            before: BTreeMap::new(),
            pins: BTreeMap::new(),
            memory: BTreeMap::new(),
            calls: Vec::new(),
            forced: BTreeSet::new(),
        };
        for top in ["proc", "sys", "etc/systemd/system", "var/lib", "usr/local/sbin"] {
            fs::create_dir_all(tree.root().join(top)).unwrap();
        }
        let raw = format!("{RAW}/");
        for (name, bytes) in tree.bundle.files() {
            let Some(path) = name.strip_prefix(&raw) else { continue };
            let target = tree.root().join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, bytes).unwrap();
        }
        // Below `/sys/devices/system/cpu/cpuN` the kernel has a link to the policy of that CPU.
        tree.before = tree.files();
        tree.stubs();
        tree
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn stubs(&self) {
        let bin = self.folder.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let put = |name: &str, text: String| {
            let path = bin.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        for stub in STUBS {
            put(stub, format!("#!/bin/sh\necho \"{stub} $*\" >> '{}'\n", self.log().display()));
        }
        // What sysctl(8) does with one parameter.
        put(
            "sysctl",
            "#!/bin/sh\nif [ \"$1\" = -w ]; then\n\tname=${2%%=*}\n\tf=/proc/sys/$(printf %s \"$name\" | tr . /)\n\t[ -e \"$f\" ] || exit 1\n\
             \tprintf '%s\\n' \"${2#*=}\" > \"$f\"\nelse\n\tcat /proc/sys/\"$(printf %s \"$1\" | tr . /)\"\nfi\n"
                .to_owned(),
        );
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.root()).unwrap().display().to_string();
                if path.is_symlink() {
                    files.insert(name, fs::read_link(&path).unwrap().display().to_string().into_bytes());
                } else if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// Runs commands as a person would paste them: `/proc` and `/sys` are those of the tree.
    fn paste(&mut self, commands: &[String]) -> Result<String, String> {
        let root = self.root().display().to_string();
        let script = format!(
            "/bin/mount --bind '{root}/proc' /proc && /bin/mount --bind '{root}/sys' /sys || exit 97\nset -e\n{}\n",
            commands.join("\n")
        );
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(format!("{}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
        self.settle();
        Ok(text)
    }

    /// Runs a script of the plan.
    fn script(&mut self, plan: &Path, name: &str, arguments: &[&str]) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .arg(plan.join(name))
            .args(arguments)
            .env("PLUMB_ROOT", self.root())
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {text}");
        self.settle();
        text
    }

    /// What the kernel does with what was written, and with the calls that were made.
    fn settle(&mut self) {
        for path in CHOICES {
            let Some(before) = self.before.get(path) else { continue };
            let file = self.root().join(path);
            let text = fs::read_to_string(&file).unwrap();
            if !text.contains('[') {
                let choices = String::from_utf8_lossy(before).replace(['[', ']'], "");
                let words = choices
                    .split_whitespace()
                    .map(|word| if word == text.trim() { format!("[{word}]") } else { word.to_owned() });
                fs::write(&file, words.collect::<Vec<_>>().join(" ") + "\n").unwrap();
            }
        }
        self.drive_preferences();
        let calls = fs::read_to_string(self.log()).unwrap_or_default();
        let _ = fs::remove_file(self.log());
        for call in calls.lines() {
            self.calls.push(call.to_owned());
            let words: Vec<&str> = call.split(' ').collect();
            match words.as_slice() {
                ["taskset", "-acp", cpus, pid] => {
                    self.pins.insert(pid.parse().unwrap(), (*cpus).to_owned());
                }
                ["docker" | "podman", "update", options @ .., name] => {
                    if let Some(cpus) =
                        options.iter().find_map(|option| option.strip_prefix("--cpuset-cpus="))
                    {
                        self.grant(name, cpus);
                    }
                }
                ["tuned-adm", "profile", profile] if self.before.contains_key("etc/tuned/active_profile") => {
                    let path = self.root().join("etc/tuned/active_profile");
                    fs::write(path, format!("{profile}\n")).unwrap();
                }
                _ => {}
            }
        }
    }

    /// Gives a container a set of CPUs, as its engine does at once.
    fn grant(&self, name: &str, cpus: &str) {
        let evidence = plumb_evidence::derive(&self.bundle);
        let containers = evidence.containers.known().and_then(|all| all.containers.known());
        for container in
            containers.into_iter().flatten().filter(|own| own.name.known().is_some_and(|own| own == name))
        {
            let group = self.root().join("sys/fs/cgroup").join(container.cgroup.trim_start_matches('/'));
            for file in ["cpuset.cpus", "cpuset.cpus.effective"].map(|file| group.join(file)) {
                if file.exists() {
                    fs::write(file, format!("{cpus}\n")).unwrap();
                }
            }
        }
    }

    /// Drivers that choose clocks themselves have the preference `performance` under the governor of that name, and give back the
    /// former one when it is left.
    fn drive_preferences(&mut self) {
        let policies = self.root().join("sys/devices/system/cpu/cpufreq");
        for entry in fs::read_dir(policies).into_iter().flatten() {
            let policy = entry.unwrap().path();
            let read = |name: &str| fs::read_to_string(policy.join(name)).unwrap_or_default();
            let driver = read("scaling_driver");
            let preference = policy.join("energy_performance_preference");
            if !["intel_pstate", "amd-pstate-epp"].contains(&driver.trim()) || !preference.exists() {
                continue;
            }
            let (root, all) = (self.root(), &self.before);
            let before = |name: &str| {
                let path = policy.join(name);
                let path = path.strip_prefix(&root).unwrap().display().to_string();
                all.get(&path).cloned().unwrap_or_default()
            };
            let was_performance = before("scaling_governor") == b"performance\n";
            if was_performance {
                continue;
            }
            if read("scaling_governor").trim() == "performance" {
                fs::write(&preference, "performance\n").unwrap();
                self.forced.insert(preference);
            } else if self.forced.remove(&preference) {
                fs::write(&preference, before("energy_performance_preference")).unwrap();
            }
        }
    }

    /// What systemd and the engine do when the service starts again with the drop-in of the plan, and a person has added the
    /// option that it names.
    fn restart(&mut self) {
        let evidence = plumb_evidence::derive(&self.bundle);
        for server in evidence.servers.known().into_iter().flatten() {
            let Some(unit) = server.unit.known() else { continue };
            let path = self.root().join(format!("etc/systemd/system/{unit}.d/50-plumb.conf"));
            let Ok(text) = fs::read_to_string(path) else { continue };
            let value = |key: &str| {
                text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
            };
            let cpus = value("CPUAffinity").map(|cpus| cpus.replace(' ', ","));
            let binds = text.lines().any(|line| line.starts_with("#   --numa-bind"));
            for process in &server.processes {
                let gpus = process.gpus.known().map_or(&[][..], Vec::as_slice);
                let near = match gpus {
                    [gpu] if binds => evidence
                        .gpus
                        .known()
                        .and_then(|all| {
                            all.iter().find(|own| own.address == *gpu)?.place().one().ok().cloned()
                        })
                        .map(|place| place.node),
                    _ => None,
                };
                let node_cpus = near.and_then(|node| {
                    evidence.numa.known()?.nodes.iter().find(|own| own.id == node).map(|own| own.cpus.clone())
                });
                if let Some(cpus) = &cpus {
                    let own: plumb_evidence::CpuSet = cpus.parse().unwrap();
                    let own = node_cpus.map_or(own.clone(), |near| own.intersection(&near));
                    self.pins.insert(process.pid, own.to_string());
                }
                let memory = near.map(|node| node.to_string()).or_else(|| value("NUMAMask"));
                if let Some(memory) = memory.filter(|memory| memory.chars().all(|c| c.is_ascii_digit())) {
                    self.memory.insert(process.pid, memory);
                }
            }
        }
    }

    /// The bundle that a collection would bring now.
    fn collected(&self) -> Bundle {
        let mut files = self.bundle.files().clone();
        files.retain(|name, _| !matches!(name.as_str(), "links.json" | "manifest.json"));
        for (path, bytes) in self.files() {
            files.insert(format!("{RAW}/{path}"), bytes);
        }
        let mut bundle = Node { files, links: links(&self.bundle), unread: Vec::new() };
        // The scheduler gives busy threads a CPU each, where their masks let it: those with narrow masks first.
        let mut pins: Vec<(u32, plumb_evidence::CpuSet)> =
            self.pins.iter().map(|(pid, cpus)| (*pid, cpus.parse().unwrap())).collect();
        pins.sort_by_key(|(pid, cpus)| (cpus.iter().count(), *pid));
        let mut used = BTreeSet::new();
        for (pid, cpus) in pins {
            let own = cpus.iter().find(|cpu| !used.contains(cpu)).or_else(|| cpus.iter().next()).unwrap();
            used.insert(own);
            pin(&mut bundle, pid, &cpus.to_string(), &own.to_string());
        }
        for (pid, node) in &self.memory {
            memory(&mut bundle, *pid, node);
        }
        Bundle::new(self.bundle.manifest().clone(), bundle.files, bundle.links)
    }
}

/// A folder in memory, where there is room: a tree has thousands of small files, and scripts wait for the disk.
fn in_memory() -> Option<tempfile::TempDir> {
    let free = Command::new("df").args(["--output=avail", "/dev/shm"]).output().ok()?;
    let kib: u64 = String::from_utf8_lossy(&free.stdout).lines().last()?.trim().parse().ok()?;
    (kib > 1 << 20).then(|| tempfile::tempdir_in("/dev/shm").ok())?
}

fn links(bundle: &Bundle) -> BTreeMap<String, String> {
    bundle
        .files()
        .get("links.json")
        .map_or_else(BTreeMap::new, |bytes| serde_json::from_slice(bytes).unwrap())
}

/// Gives all threads of a process a mask, and lets each run on a CPU of it.
fn pin(node: &mut Node, pid: u32, cpus: &str, on: &str) {
    let folder = format!("/proc/{pid}/");
    for (name, bytes) in &mut node.files {
        let in_folder = [RAW.to_owned(), sample_folder(0), sample_folder(1)]
            .iter()
            .any(|top| name.strip_prefix(top.as_str()).is_some_and(|path| path.starts_with(&folder)));
        if !in_folder {
            continue;
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        if name.ends_with("/status") {
            let lines = text.lines().map(|line| match line.strip_prefix("Cpus_allowed_list:") {
                Some(_) => format!("Cpus_allowed_list:\t{cpus}"),
                None => line.to_owned(),
            });
            *bytes = (lines.collect::<Vec<_>>().join("\n") + "\n").into_bytes();
        } else if name.ends_with("/stat") {
            // The CPU is the 39th field, of which two stand before and in the parentheses.
            let Some((head, rest)) = text.rsplit_once(") ") else { continue };
            let mut fields: Vec<&str> = rest.trim_end().split(' ').collect();
            if let Some(cpu) = fields.get_mut(36) {
                *cpu = on;
            }
            *bytes = format!("{head}) {}\n", fields.join(" ")).into_bytes();
        }
    }
}

/// Puts the pages of a process on a node.
fn memory(node: &mut Node, pid: u32, to: &str) {
    let name = format!("{RAW}/proc/{pid}/numa_maps");
    let Some(bytes) = node.files.get_mut(&name) else { return };
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lines = text.lines().map(|line| {
        let mut pages = 0u64;
        let mut words: Vec<String> = Vec::new();
        for word in line.split(' ') {
            let on_node = word.strip_prefix('N').and_then(|rest| rest.split_once('='));
            match on_node.and_then(|(id, count)| Some((id.parse::<u32>().ok()?, count.parse::<u64>().ok()?)))
            {
                Some((_, count)) => pages += count,
                None => words.push(word.to_owned()),
            }
        }
        if pages > 0 {
            words.push(format!("N{to}={pages}"));
        }
        words.join(" ")
    });
    *bytes = (lines.collect::<Vec<_>>().join("\n") + "\n").into_bytes();
}

fn checked(bundle: &Bundle) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.plumb");
    bundle.write(&path).unwrap();
    let result = run(plumb().args(["check", "--format", "json"]).arg(&path));
    assert_eq!(result.code, 0, "{}", result.err);
    serde_json::from_str(&result.out).unwrap()
}

/// Warnings and failures, with what was found.
fn deviations(assessment: &Value) -> BTreeMap<Key, String> {
    let findings = assessment["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| matches!(finding["outcome"].as_str(), Some("warn" | "fail")))
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            ((text("check"), text("subject")), text("message"))
        })
        .collect()
}

fn commands(action: &Value, key: &str) -> Vec<String> {
    let all = action[key].as_array().into_iter().flatten();
    all.map(|command| command.as_str().unwrap().to_owned()).collect()
}

fn answered(action: &Value) -> Vec<Key> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = action["findings"].as_array().unwrap().iter();
    findings.map(|finding| (text(finding, "check"), text(finding, "subject"))).collect()
}

/// What is wrong with the actions of a node, one line each.
struct Trial {
    name: String,
    complaints: Vec<String>,
    /// Kinds of actions that were carried out.
    kinds: BTreeSet<String>,
}

impl Trial {
    fn complain(&mut self, text: String) {
        self.complaints.push(format!("{}: {text}", self.name));
    }

    /// That the findings of the actions are gone, and that no new one has come. A check of another pack that deviated before may
    /// say so of something else now.
    fn compare(&mut self, how: &str, before: &BTreeMap<Key, String>, gone: &BTreeSet<Key>, tree: &Tree) {
        let after = deviations(&checked(&tree.collected()));
        for key in gone {
            if let Some(message) = after.get(key) {
                self.complain(format!("{how}: {} {} is still there: {message}", key.0, key.1));
            }
        }
        for (key, message) in &after {
            let meant = COMES.iter().any(|(at, check, _)| self.name.starts_with(at) && key.0 == *check);
            let said_before = before.keys().any(|(check, _)| *check == key.0) && !gone.contains(key);
            if !before.contains_key(key) && !meant && !said_before {
                self.complain(format!("{how}: {} {} has come: {message}", key.0, key.1));
            }
        }
    }
}

/// What comes of actions that are carried out without the others, by start of the node's name, and why.
const COMES: [(&str, &str, &str); 2] = [
    (
        "",
        "mem.numa-balancing",
        "the mask of a unit is that of all its processes: the engine core may run on both nodes, and balancing is off",
    ),
    (
        "reports/untuned",
        "irq.critical-cores",
        "workers come to CPUs that serve interrupts, which another topic of the plan moves",
    ),
];

/// Kinds of goals of which a tree shows nothing: counters of the time before, the state of devices and of running programs.
const NOT_SEEN: [&str; 14] = [
    "acs-off",
    "cpu-quota",
    "gpu",
    "interrupt-ban",
    "interrupts",
    "kernel-module",
    "nic",
    "normal-policy",
    "persist",
    "reserve",
    "restart",
    "service",
    "swap-off",
    "unit",
];

/// Counters of the window are of the time before.
const COUNTED_BEFORE: [&str; 1] = ["mem.thp"];

/// Pages stay where they are until the service starts again; no command for the running process moves them.
const ONLY_AT_START: [&str; 1] = ["numa.memory-locality"];

fn try_actions(name: &str, bundle: &Bundle) -> Trial {
    let mut trial = Trial { name: name.to_owned(), complaints: Vec::new(), kinds: BTreeSet::new() };
    let assessment = checked(bundle);
    let before = deviations(&assessment);
    let all = assessment["actions"].as_array().into_iter().flatten();
    let resolved: Vec<&Value> = all.filter(|action| action["state"] == "resolved").collect();
    if resolved.is_empty() {
        return trial;
    }
    let of_kinds = resolved.iter().map(|action| action["kind"].as_str().unwrap().to_owned());
    trial.kinds.extend(of_kinds);

    // Nothing is named that the evidence does not have.
    let evidence = plumb_evidence::derive(bundle);
    let text = serde_json::to_string(&evidence).unwrap();
    for action in &resolved {
        let printed = ["now", "permanent", "verify", "undo"].map(|key| commands(action, key)).concat();
        for word in printed.iter().flat_map(|command| command.split([' ', '\'', '"', '='])) {
            if is_name_of_node(word) && !text.contains(word) {
                trial.complain(format!("{word} is printed and not in the evidence: {printed:?}"));
            }
            if word.contains(['<', '>', '{', '}']) && word != ">" && word != ">>" {
                trial.complain(format!("{word} is a placeholder: {printed:?}"));
            }
        }
    }

    // As printed.
    let mut tree = Tree::new(bundle.clone());
    let mut gone = BTreeSet::new();
    for action in &resolved {
        let now = commands(action, "now");
        if now.is_empty() {
            continue;
        }
        let (files, calls) = (tree.files(), tree.calls.len());
        if let Err(why) = tree.paste(&now) {
            trial.complain(format!("{now:?}: {why}"));
        }
        let changed = tree.files();
        if let Some(made) = changed.keys().find(|path| !files.contains_key(*path)) {
            trial.complain(format!("{now:?}: {made} is not a file of this node"));
        }
        if changed == files && tree.calls[calls..].iter().all(|call| is_in_force(&evidence, call)) {
            trial.complain(format!("{now:?}: this is in force already"));
        }
        gone.extend(answered(action).into_iter().filter(|(check, _)| {
            !ONLY_AT_START.contains(&check.as_str()) && !COUNTED_BEFORE.contains(&check.as_str())
        }));
        let verify = commands(action, "verify");
        match tree.paste(&verify) {
            Ok(text) if text.is_empty() && !verify.iter().any(|own| is_stub(own)) => {
                trial.complain(format!("{verify:?} shows nothing"));
            }
            Ok(_) => {}
            Err(why) => trial.complain(format!("{verify:?}: {why}")),
        }
    }
    // A finding that several actions answer is gone once all of them were carried out.
    for action in resolved.iter().filter(|action| commands(action, "now").is_empty()) {
        gone.retain(|key| !answered(action).contains(key));
    }
    let unseen = |action: &&&Value| NOT_SEEN.contains(&action["kind"].as_str().unwrap());
    for action in resolved.iter().filter(unseen) {
        gone.retain(|key| !answered(action).contains(key));
    }
    trial.compare("as printed", &before, &gone, &tree);
    let after = tree.files();
    let everything: Vec<String> = resolved.iter().flat_map(|action| commands(action, "now")).collect();
    let pins = tree.pins.clone();
    if let Err(why) = tree.paste(&everything) {
        trial.complain(format!("a second time: {why}"));
    }
    if tree.files() != after || tree.pins != pins {
        trial.complain("a second time changes something".to_owned());
    }
    // The governor first: under `performance` the drivers take no other preference.
    let back: Vec<String> = resolved
        .iter()
        .filter(|action| !commands(action, "now").is_empty())
        .flat_map(|action| commands(action, "undo"))
        // The script of the folder is run below, from its folder.
        .filter(|command| command != "./undo.sh --apply")
        .collect();
    if let Err(why) = tree.paste(&back) {
        trial.complain(format!("{back:?}: {why}"));
    }
    for (path, bytes) in tree.files() {
        if tree.before.get(&path) != Some(&bytes) {
            trial.complain(format!("{path} is not what it was after the way back"));
        }
    }

    // As the files carry it out.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.plumb");
    bundle.write(&path).unwrap();
    let plan = folder.path().join("fix");
    let result = run(plumb().args(["-q", "remediate"]).arg(&path).arg("-o").arg(&plan));
    assert_eq!(result.code, 0, "{}", result.err);
    for action in &resolved {
        for file in commands(action, "files") {
            if !plan.join(&file).is_file() {
                trial.complain(format!("{file} is named and not written"));
            }
        }
    }
    if !plan.join("apply.sh").is_file() {
        return trial;
    }
    let mut tree = Tree::new(bundle.clone());
    let topics: BTreeSet<String> = resolved
        .iter()
        .flat_map(|action| commands(action, "permanent"))
        .filter_map(|line| {
            Some(line.strip_prefix("./apply.sh --only ")?.strip_suffix(" --apply")?.to_owned())
        })
        .collect();
    for topic in &topics {
        tree.script(&plan, "apply.sh", &["--only", topic, "--apply"]);
    }
    tree.restart();
    let by_files =
        |action: &&&Value| commands(action, "permanent").iter().any(|line| line.starts_with("./apply.sh"));
    let mut gone: BTreeSet<Key> =
        resolved.iter().filter(by_files).flat_map(|action| answered(action)).collect();
    gone.retain(|(check, _)| !COUNTED_BEFORE.contains(&check.as_str()));
    for action in resolved.iter().filter(|action| !by_files(action)) {
        gone.retain(|key| !answered(action).contains(key));
    }
    for action in resolved.iter().filter(unseen) {
        gone.retain(|key| !answered(action).contains(key));
    }
    trial.compare("by files", &before, &gone, &tree);
    let after = tree.files();
    for topic in &topics {
        let text = tree.script(&plan, "apply.sh", &["--only", topic, "--apply"]);
        if !text.contains("\n0 changes") {
            trial.complain(format!("a second run of apply.sh --only {topic}: {text}"));
        }
    }
    if tree.files() != after {
        trial.complain("a second run of apply.sh changes something".to_owned());
    }
    tree.script(&plan, "undo.sh", &["--apply"]);
    for (path, bytes) in tree.files() {
        if !path.starts_with("var/lib/plumb-remediation") && tree.before.get(&path) != Some(&bytes) {
            trial.complain(format!("{path} is not what it was after undo.sh"));
        }
    }
    trial
}

/// Units and devices.
fn is_name_of_node(word: &str) -> bool {
    let is_unit = [".service", ".slice", ".scope"].iter().any(|end| word.ends_with(end));
    let is_device = word.len() == 12 && word.get(4..5) == Some(":") && word.get(7..8) == Some(":");
    // Units of the plan come with its files.
    (is_unit && !word.starts_with("inference-") && word != "inference.slice") || is_device
}

/// True for a mask that all threads of the process have.
fn is_in_force(evidence: &plumb_evidence::Evidence, call: &str) -> bool {
    let words: Vec<&str> = call.split(' ').collect();
    let ["taskset", "-acp", cpus, pid] = words.as_slice() else { return false };
    let mut processes = evidence.servers.known().into_iter().flatten().flat_map(|server| &server.processes);
    let process = processes.find(|process| process.pid.to_string() == *pid);
    process.is_some_and(|process| {
        process
            .threads
            .iter()
            .all(|thread| thread.cpus_allowed.known().is_some_and(|own| own.to_string() == *cpus))
    })
}

fn is_stub(command: &str) -> bool {
    STUBS.contains(&command.split(' ').next().unwrap_or_default())
}

/// True where a tree can be put in the place of `/proc` and `/sys`.
fn can_mount() -> bool {
    let tried = Command::new("unshare").args(["--mount", "mount", "--bind", "/tmp", "/mnt"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// A name, and what is set on a healthy node.
type Planted = (&'static str, fn(&mut Node));

/// One thing wrong at a time, of what these checks look for.
const PLANTED: &[Planted] = &[
    ("governor of half the CPUs", |node| {
        for cpu in 0..64 {
            node.set(&format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/scaling_governor"), "powersave\n");
        }
    }),
    ("energy preference", |node| {
        for cpu in 0..128 {
            let file = "energy_performance_preference";
            node.set(&format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/{file}"), "balance_power\n");
        }
    }),
    ("turbo off", |node| node.set("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n")),
    ("clock capped", |node| {
        for cpu in 0..128 {
            node.set(&format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/scaling_max_freq"), "2000000\n");
        }
    }),
    ("one clock capped", |node| {
        node.set("/sys/devices/system/cpu/cpufreq/policy5/scaling_max_freq", "2000000\n");
    }),
    ("one worker far away", |node| node.pin(FIRST_WORKER, "40-45,104-109")),
    ("two workers on one core", |node| {
        node.pin(FIRST_WORKER + 1, "4-9,68-73");
    }),
    ("pages of all workers far away", |node| {
        (0..8).for_each(|worker| node.memory_on(FIRST_WORKER + worker, u32::from(worker < 4)));
    }),
];

#[test]
fn actions_of_planted_and_sample_nodes_mend_what_they_answer() {
    if !can_mount() {
        return skip("a tree cannot be mounted in the place of /proc and /sys here: actions are not tried");
    }
    let mut nodes: Vec<(String, Bundle)> = vec![("healthy".to_owned(), Node::healthy().bundle())];
    let planted = DEFECTS.iter().map(|(name, _, plant)| (name, plant));
    for (name, plant) in planted.chain(PLANTED.iter().map(|(name, plant)| (name, plant))) {
        let mut node = Node::healthy();
        plant(&mut node);
        nodes.push(((*name).to_owned(), node.bundle()));
    }
    for sample in
        ["reports/untuned", "reports/remedied", "reports/guest", "reports/this-machine", "h200", "h100-x2"]
    {
        let path = workspace().join("samples").join(sample).join("node.plumb");
        nodes.push((sample.to_owned(), Bundle::read(&path).unwrap()));
    }
    let next = AtomicUsize::new(0);
    let trials = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((name, bundle)) = nodes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let trial = try_actions(name, bundle);
                    println!("{name}: {:?}", trial.kinds);
                    trials.lock().unwrap().push(trial);
                }
            });
        }
    });
    let trials = trials.into_inner().unwrap();
    let complaints: Vec<String> = trials.iter().flat_map(|trial| trial.complaints.clone()).collect();
    let kinds: BTreeSet<String> = trials.into_iter().flat_map(|trial| trial.kinds).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    for kind in ["governor", "energy-preference", "frequency-cap", "boost", "place"] {
        assert!(kinds.contains(kind), "no node needed `{kind}`: {kinds:?}");
    }
}

#[test]
fn actions_of_recorded_nodes_mend_what_they_answer() {
    let Some(folder) = recordings() else {
        return skip("no recorded machines: actions are tried on planted and sample nodes only");
    };
    if !can_mount() {
        return skip("a tree cannot be mounted in the place of /proc and /sys here: actions are not tried");
    }
    let work = tempfile::tempdir().unwrap();
    let mut archives: Vec<PathBuf> = fs::read_dir(folder.join("field"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("tree.tar.gz"))
        .filter(|path| path.is_file())
        .collect();
    let mut folders = vec![folder.join("oracle")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            let name = path.strip_prefix(folder.join("oracle")).unwrap().display().to_string();
            archives.extend(crate::recordings::archive(&folder, &name));
        }
    }
    archives.sort();
    archives.dedup();
    let mut complaints = Vec::new();
    let mut tried = 0;
    for (at, archive) in archives.iter().enumerate() {
        let name = archive.strip_prefix(&folder).unwrap().display().to_string();
        let Some(root) = unpack(archive, &work.path().join(at.to_string())) else { continue };
        let bundle = work.path().join("out.plumb");
        let result =
            run(plumb().args(["-q", "collect", "--force", "-o"]).arg(&bundle).arg("--sysroot").arg(&root));
        assert_eq!(result.code, 0, "{name}: {}", result.err);
        let trial = try_actions(&name, &Bundle::read(&bundle).unwrap());
        if !trial.kinds.is_empty() {
            println!("{name}: {:?}", trial.kinds);
            tried += 1;
        }
        complaints.extend(trial.complaints);
    }
    println!("{} recordings, {tried} with actions", archives.len());
    assert!(tried > 0, "no recording has an action");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
