//! `plumb collect` on this machine: interruption, full disks, dry runs, placement, and what the program needs to start.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use plumb_evidence::Bundle;
use plumb_evidence::manifest::ProbeStatus;
use plumb_tests::{plumb, run, skip};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_signal_leaves_a_bundle_of_what_was_gathered() {
    for signal in ["INT", "TERM", "HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("x.plumb");
        let mut child = plumb()
            .args(["collect", "--sample", "600", "-o"])
            .arg(&output)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The last line before the window: from then on the collector only waits.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().starts_with("nvml ")),
            "the collection came to its last probe"
        );
        let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        let rest: String = lines.map(|line| line.unwrap() + "\n").collect();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}: {rest}");
        assert!(rest.contains("interrupted") && rest.contains("x.plumb"), "{signal}: {rest}");
        assert_eq!(names(folder.path()), ["x.plumb"], "{signal}: nothing else is left");
        let bundle = Bundle::read(&output).unwrap();
        assert!(!bundle.manifest().complete);
        let cpu = bundle.manifest().probes.iter().find(|record| record.id == "cpu").unwrap();
        assert_eq!(cpu.status, ProbeStatus::Ok, "what was read is there");
        let shown = run(plumb().args(["bundle", "show"]).arg(&output));
        assert!(shown.out.contains("no, interrupted"), "{shown:?}");
    }
}

/// Runs a shell script in a mount namespace of its own; nothing where this machine does not allow one.
pub(crate) fn in_own_mounts(script: &str, arguments: &[&Path]) -> Option<plumb_tests::Run> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]).stdin(Stdio::null());
        command
    };
    let tried = unshare("mount -t tmpfs none /mnt").output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        skip(&format!("no mount namespace: {tried:?}"));
        return None;
    }
    Some(run(unshare(script).args(arguments)))
}

#[test]
fn a_full_disk_is_one_clear_error_and_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let program = plumb_tests::target().join("plumb");
    // 8 KiB hold no bundle; what was there before is what is there afterwards.
    let script = r#"mount -t tmpfs -o size=8k none "$1" && echo old > "$1/x.plumb" || exit 99
        "$2" -q collect --force -o "$1/x.plumb"; code=$?; ls -A "$1"; cat "$1/x.plumb"; exit $code"#;
    let Some(result) = in_own_mounts(script, &[folder.path(), &program]) else { return };
    assert_eq!(result.code, 2, "{result:?}");
    assert_eq!(result.out, "x.plumb\nold\n", "{result:?}");
    for words in ["x.plumb`", "make room on that file system", "nothing was left behind", "No space left"] {
        assert!(result.err.contains(words), "`{words}` is not in {result:?}");
    }
}

/// A file system that nobody serves: whoever asks it for anything waits for ever, as with a dead disk or NFS server.
#[test]
fn a_file_that_hangs_costs_its_own_probe_only() {
    if !Path::new("/dev/fuse").exists() {
        return skip("no /dev/fuse to make a file system of that hangs");
    }
    let (tree, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in ["proc", "sys/devices/system/cpu/cpu0/topology", "sys/class/net"] {
        fs::create_dir_all(tree.path().join(folder)).unwrap();
    }
    fs::write(tree.path().join("proc/cpuinfo"), "processor\t: 0\n").unwrap();
    fs::write(tree.path().join("sys/devices/system/cpu/online"), "0\n").unwrap();
    let (bundle, program) = (output.path().join("x.plumb"), plumb_tests::target().join("plumb"));
    let script = r#"exec 3<>/dev/fuse || exit 99
        mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none "$1/sys/class/net" || exit 99
        "$2" -q collect --sysroot "$1" -o "$3" 3<&-"#;
    let Some(result) = in_own_mounts(script, &[tree.path(), &program, &bundle]) else { return };
    if result.code == 99 {
        return skip(&format!("no FUSE mount in a namespace of its own: {}", result.err));
    }
    assert_eq!(result.code, 0, "{result:?}");
    let bundle = Bundle::read(&bundle).unwrap();
    let status = |id: &str| bundle.manifest().probes.iter().find(|record| record.id == id).unwrap().status;
    assert_eq!((status("cpu"), status("network")), (ProbeStatus::Ok, ProbeStatus::Timeout));
    let evidence = plumb_evidence::derive(&bundle);
    assert_eq!(evidence.cpu.require().unwrap().pus, 1);
    let why = evidence.network.require().unwrap_err();
    assert_eq!(why.missing, plumb_evidence::Absence::Timeout, "{why}");
}

#[test]
fn an_output_that_cannot_be_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("none/x.plumb");
    let result = run(plumb().args(["collect", "-o"]).arg(&output));
    assert_eq!(result.code, 2, "{result:?}");
    assert!(result.err.contains("make its folder first") && !result.err.contains("cpu "), "{result:?}");
}

#[test]
fn the_node_mounted_in_a_container_is_read_like_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let output = tempfile::tempdir().unwrap();
    let bundle = output.path().join("x.plumb");
    let program = plumb_tests::target().join("plumb");
    let script = r#"mount --rbind / "$1" || exit 99; "$2" -q collect --sysroot "$1" -o "$3""#;
    let Some(result) = in_own_mounts(script, &[folder.path(), &program, &bundle]) else { return };
    assert_eq!(result.code, 0, "{result:?}");
    let there = Bundle::read(&bundle).unwrap();
    let here = output.path().join("y.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&here)).code, 0);
    let here = Bundle::read(&here).unwrap();
    // What it lacks, the node lacks.
    assert!(there.manifest().mounted && !here.manifest().mounted);
    for path in ["raw/proc/sys/kernel/osrelease", "raw/sys/devices/system/cpu/online", "raw/proc/self/cgroup"]
    {
        assert_eq!(there.files().get(path), here.files().get(path), "{path}");
    }
    let status = |bundle: &Bundle| -> Vec<_> {
        // Libraries and the clock answer for this machine only, and devices of a recording are not opened.
        let here_only = ["nvml", "clock", "power", "kernel-log"];
        let records =
            bundle.manifest().probes.iter().filter(|record| !here_only.contains(&record.id.as_str()));
        records.map(|record| (record.id.clone(), record.status)).collect()
    };
    assert_eq!(status(&there), status(&here));
}

#[test]
fn a_dry_run_tells_what_would_be_read_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let result = run(plumb().args(["collect", "--dry-run"]).current_dir(folder.path()));
    assert_eq!(result.code, 0, "{result:?}");
    for words in ["/proc/cpuinfo", "root sees more", "asks a library", "nothing was kept or written"] {
        assert!(result.out.contains(words), "`{words}` is not in {result:?}");
    }
    assert!(names(folder.path()).is_empty());
    let json = run(plumb().args(["collect", "--dry-run", "--format", "json", "--sample", "1"]));
    let plan: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let cpu = plan["probes"].as_array().unwrap().iter().find(|probe| probe["id"] == "cpu").unwrap();
    assert!(cpu["files"].as_u64().unwrap() > 5 && cpu["bytes_estimated"].as_u64().unwrap() > 100, "{cpu}");
    assert_eq!(run(plumb().args(["collect", "--dry-run", "-o", "x.plumb"])).code, 2);
}

#[test]
fn the_collector_keeps_to_the_cpus_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("x.plumb");
    let result = run(plumb().args(["-q", "collect", "--cpus", "0", "--nice", "19", "-o"]).arg(&output));
    if result.err.contains("cannot run on the CPUs") {
        return skip("CPU 0 is not for this test");
    }
    assert_eq!(result.code, 0, "{result:?}");
    let bundle = Bundle::read(&output).unwrap();
    let cost = &bundle.manifest().cost;
    assert_eq!((cost.cpus.as_str(), cost.nice), ("0", 19));
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    assert_eq!(bundle.files()["raw/sys/devices/system/cpu/online"], online.as_bytes(), "the node is larger");
    let hwloc = cost.helpers.iter().find(|helper| helper.probe == "hwloc").unwrap();
    assert!(hwloc.cpu_us > 0 && hwloc.peak_rss_kib > 0, "{hwloc:?}");
    let refused = run(plumb().args(["collect", "--cpus", "9999", "-o"]).arg(folder.path().join("y.plumb")));
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("9999") && refused.err.contains("online and allowed"), "{refused:?}");
    assert_eq!(names(folder.path()), ["x.plumb"]);
}

#[test]
fn the_program_starts_where_hwloc_is_not_installed() {
    if Path::new("/usr/lib").is_dir() && !has_static_hwloc() {
        return skip("no static libhwloc here, so the program is linked with the shared one");
    }
    // The loader of the C library prints what it would load, and runs nothing.
    let output = plumb().env("LD_TRACE_LOADED_OBJECTS", "1").output().unwrap();
    let needed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(needed.contains("libc.so"), "{needed}");
    for library in ["hwloc", "udev", "nvidia", "xml"] {
        assert!(!needed.contains(library), "{needed}");
    }
}

fn has_static_hwloc() -> bool {
    let folder = Command::new("pkg-config").args(["--variable=libdir", "hwloc"]).output();
    folder.is_ok_and(|output| {
        Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("libhwloc.a").is_file()
    })
}
