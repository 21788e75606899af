//! What a collection sees as root, as anybody, and on one CPU: the table of `docs/src/reference/completeness.md`.
//!
//! The table is of the machine that it was made on, so it is not compared; `PLUMB_BLESS=1` renews it. What must hold on any
//! machine is asserted: what is out of reach is said to be so, and never passes for something that is not there.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

use plumb_evidence::manifest::Manifest;
use plumb_evidence::model::ServerProcess;
use plumb_evidence::{Absence, Bundle, Evidence, Fact, derive};
use plumb_tests::{plumb, run, skip};

/// User and group `nobody` of every distribution.
const NOBODY: u32 = 65534;

/// A process of this user that is named like a server, so that there is something that others may not see.
struct Server(Child);

impl Server {
    fn start() -> Self {
        let mut command = Command::new("/bin/sh");
        command.arg0("/app/llama-server").args([
            "-c",
            "while :; do sleep 1; done",
            "--model",
            "/models/x.gguf",
        ]);
        Self(command.env("OMP_NUM_THREADS", "3").spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Seen {
    name: &'static str,
    manifest: Manifest,
    evidence: Evidence,
    coverage: f64,
    not_run: usize,
}

/// Collects through `prefix`, and analyses what came of it.
fn seen(name: &'static str, prefix: &[&str], folder: &Path) -> Seen {
    let output = folder.join(format!("{}.plumb", name.replace(' ', "-")));
    let program = plumb().get_program().to_owned();
    let words: Vec<&std::ffi::OsStr> =
        prefix.iter().map(std::ffi::OsStr::new).chain([program.as_os_str()]).collect();
    let result = run(Command::new(words[0])
        .args(&words[1..])
        .args(["-q", "collect", "--sample", "1", "-o"])
        .arg(&output));
    assert_eq!(result.code, 0, "{name}: {}", result.err);
    let bundle = Bundle::read(&output).unwrap();
    let checked = run(plumb().args(["check", "--format", "json"]).arg(&output));
    let assessment: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    let findings = assessment["findings"].as_array().unwrap();
    Seen {
        name,
        manifest: bundle.manifest().clone(),
        evidence: derive(&bundle),
        coverage: assessment["coverage"].as_f64().unwrap(),
        not_run: findings.iter().filter(|finding| finding["outcome"] == "not-run").count(),
    }
}

/// The process of the test's own server.
fn own(evidence: &Evidence, pid: u32) -> ServerProcess {
    let servers = evidence.servers.require().unwrap();
    let server = servers.iter().find(|server| server.pid == pid).expect("the server is found by anybody");
    server.processes[0].clone()
}

#[test]
fn what_is_out_of_reach_is_said_to_be_so() {
    let program = plumb().get_program().to_owned();
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let tried = Command::new(as_nobody[0]).args(&as_nobody[1..]).arg(&program).arg("--version").output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        return skip(&format!(
            "collecting as nobody needs root, setpriv and a program that all may run: {tried:?}"
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let server = Server::start();
    let cpu = fs::read_to_string("/proc/self/status").unwrap();
    let cpus = cpu.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    let first = cpus.split(['-', ',']).next().unwrap();
    let all = [
        seen("root", &["env"], folder.path()),
        seen("nobody", &as_nobody, folder.path()),
        seen("one CPU", &["taskset", "-c", first], folder.path()),
    ];
    let [root, nobody, one] = &all;

    assert_eq!((root.manifest.privileges.euid, nobody.manifest.privileges.euid), (0, NOBODY));
    assert!(nobody.manifest.privileges.cap_eff.chars().all(|digit| digit == '0'));
    let (visible, hidden) = (own(&root.evidence, server.0.id()), own(&nobody.evidence, server.0.id()));
    assert_eq!(visible.environment.require().unwrap()["OMP_NUM_THREADS"], "3");
    for (what, absence) in [
        ("environment", why(&hidden.environment)),
        ("open files", why(&hidden.open_files)),
        ("memory", why(&hidden.memory)),
        ("limits", if hidden.limits.known().is_some() { Some(Absence::Denied) } else { why(&hidden.limits) }),
    ] {
        assert_eq!(absence, Some(Absence::Denied), "{what} of another user's server");
    }
    // Anybody sees the topology, and one CPU sees the whole node.
    for other in [nobody, one] {
        assert_eq!(other.evidence.cpu, root.evidence.cpu, "{}", other.name);
        assert_eq!(
            other.evidence.pci.known().map(Vec::len),
            root.evidence.pci.known().map(Vec::len),
            "{}",
            other.name
        );
    }
    assert_eq!((one.manifest.cost.cpus.as_str(), one.manifest.privileges.euid), (first, 0));
    assert!(nobody.coverage <= root.coverage, "{} with rights, {} without", root.coverage, nobody.coverage);
    for record in &nobody.manifest.probes {
        let as_root = root.manifest.probes.iter().find(|other| other.id == record.id).unwrap();
        let less = record.files < as_root.files && record.status != as_root.status;
        // On a busy machine a library may be late; that is no matter of rights.
        let says_so = ["denied", "timeout"].contains(&record.status.as_str());
        assert!(!less || says_so, "{}: {}", record.id, record.reason);
    }
    let table = table(&all);
    println!("{table}");
    if std::env::var_os("PLUMB_BLESS").is_some() {
        renew(&table);
    }
}

fn why<T>(fact: &Fact<T>) -> Option<Absence> {
    fact.require().err().map(|missing| missing.missing)
}

fn table(all: &[Seen]) -> String {
    let mut table = String::from("| probe |");
    for seen in all {
        let _ = write!(table, " {} |", seen.name);
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(all.len()));
    table.push('\n');
    for record in &all[0].manifest.probes {
        let _ = write!(table, "| `{}` |", record.id);
        for seen in all {
            let own = seen.manifest.probes.iter().find(|other| other.id == record.id).unwrap();
            let reason = if own.reason.is_empty() { String::new() } else { format!(": {}", own.reason) };
            let _ = write!(table, " {}, {} files{reason} |", own.status.as_str(), own.files);
        }
        table.push('\n');
    }
    let mut row = |name: &str, value: fn(&Seen) -> String| {
        let cells: Vec<String> = all.iter().map(value).collect();
        let _ = writeln!(table, "| {name} | {} |", cells.join(" | "));
    };
    row("files in the bundle", |seen| seen.manifest.files.len().to_string());
    row("paths that could not be read", |seen| seen.manifest.unread.len().to_string());
    row("coverage of `plumb check`", |seen| format!("{:.1} %", seen.coverage * 100.0));
    row("checks that were not run", |seen| seen.not_run.to_string());
    row("the collector ran on CPUs", |seen| seen.manifest.cost.cpus.clone());
    table
}

/// Puts the table onto its page; what stands above it is written by hand.
fn renew(table: &str) {
    let path = plumb_tests::workspace().join("docs/src/reference/completeness.md");
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find("| probe |").unwrap_or(text.len());
    fs::write(&path, format!("{}{table}", &text[..start])).unwrap();
}
