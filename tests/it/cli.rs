//! The command line: what a person sees, and the documented exit codes.

use std::fs;

use plumb_tests::{plumb, run};

fn collect(folder: &std::path::Path) -> std::path::PathBuf {
    let bundle = folder.join("node.plumb");
    let result = run(plumb().args(["-q", "collect", "-o"]).arg(&bundle));
    assert_eq!(result.code, 0, "{}", result.err);
    bundle
}

/// One clear error: the file, the cause, the remedy, the documented code, and no result on standard output.
fn refused(result: &plumb_tests::Run, code: i32, words: &[&str]) {
    assert_eq!(result.code, code, "{result:?}");
    assert!(result.out.is_empty(), "{result:?}");
    for word in words {
        assert!(result.err.contains(word), "`{word}` is not in {result:?}");
    }
}

#[test]
fn a_missing_bundle_is_bad_input() {
    let result = run(plumb().args(["check", "/nowhere/node.plumb"]));
    refused(&result, 2, &["/nowhere/node.plumb", "No such file"]);
}

#[test]
fn a_truncated_bundle_is_bad_input_that_names_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = collect(folder.path());
    let bytes = fs::read(&bundle).unwrap();
    for keep in [0, 3, 10, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&bundle, &bytes[..keep]).unwrap();
        let result = run(plumb().arg("check").arg(&bundle));
        assert_eq!(result.code, 2, "{keep} bytes: {result:?}");
        assert!(result.err.contains("node.plumb"), "{keep} bytes: {result:?}");
        if keep == 0 || keep > 3 {
            assert!(result.err.contains("copy it again"), "{keep} bytes: {result:?}");
        }
    }
}

#[test]
fn a_changed_file_breaks_integrity() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = collect(folder.path());
    let unpacked = folder.path().join("unpacked");
    assert_eq!(run(plumb().args(["bundle", "unpack"]).arg(&bundle).arg("-o").arg(&unpacked)).code, 0);
    let intact = run(plumb().args(["bundle", "verify"]).arg(&unpacked));
    assert_eq!(intact.code, 0, "{intact:?}");
    let file = unpacked.join("raw/proc/version");
    let version = fs::read_to_string(&file).unwrap();
    fs::write(&file, version.replace("Linux", "Xinul")).unwrap();
    let changed = run(plumb().args(["bundle", "verify"]).arg(&unpacked));
    refused(&changed, 5, &["raw/proc/version", "integrity"]);
    fs::write(&file, version).unwrap();
    fs::write(unpacked.join("raw/proc/extra"), "x").unwrap();
    let extra = run(plumb().arg("check").arg(&unpacked));
    refused(&extra, 5, &["raw/proc/extra", "not listed"]);
}

#[test]
fn something_else_is_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    fs::write(&file, "hello").unwrap();
    refused(&run(plumb().arg("check").arg(&file)), 2, &["notes.txt", "not a bundle"]);
    refused(&run(plumb().arg("check").arg(folder.path())), 2, &["manifest.json"]);
}

#[test]
fn a_folder_that_is_no_sysroot_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("x.plumb");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let result = run(plumb().arg("collect").arg("--sysroot").arg(&empty).arg("-o").arg(&output));
    refused(&result, 2, &["empty", "no sysroot", "stands for `/`"]);
    let result = run(plumb().args(["collect", "--sysroot", "/nowhere", "-o"]).arg(&output));
    refused(&result, 2, &["/nowhere", "No such file"]);
    assert!(!output.exists());
}

#[test]
fn an_unwritable_output_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    let result = run(plumb().args(["-q", "collect", "-o"]).arg(file.join("node.plumb")));
    refused(&result, 2, &["file/node.plumb", "nothing was left"]);
    let result = run(plumb().args(["-q", "collect", "-o"]).arg(folder.path()));
    refused(&result, 2, &["a folder of that name"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_missing_typst_is_told_before_the_work_begins() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let result = run(plumb().args(["audit", "--typst", "/nowhere/typst", "-o"]).arg(&output));
    refused(&result, 2, &["/nowhere/typst", "cargo xtask setup"]);
    assert!(!output.exists());
}

#[test]
fn this_machine_is_audited_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = collect(folder.path());
    let json = |out: &str| -> serde_json::Value { serde_json::from_str(out).unwrap() };
    let first = run(plumb().args(["check", "--format", "json"]).arg(&bundle));
    assert_eq!(first.code, 0, "{}", first.err);
    let second = run(plumb().args(["check", "--format", "json"]).arg(&bundle));
    assert_eq!(first.out, second.out);
    let assessment = json(&first.out);
    for key in ["risk", "coverage", "categories", "findings"] {
        assert!(assessment.get(key).is_some(), "{key}");
    }
    for finding in assessment["findings"].as_array().unwrap() {
        for key in [
            "check",
            "outcome",
            "severity",
            "likelihood",
            "confidence",
            "score",
            "subject",
            "message",
            "evidence",
            "remediation",
            "references",
        ] {
            assert!(finding.get(key).is_some(), "{key} in {finding}");
        }
    }
    // A format never changes a verdict or an exit code.
    let text = run(plumb().args(["check", "--all"]).arg(&bundle));
    assert_eq!(text.code, first.code);
    for finding in assessment["findings"].as_array().unwrap() {
        assert!(text.out.contains(finding["check"].as_str().unwrap()));
    }
}

/// A bundle of a recorded machine whose governor waits for load, and of which nothing else is known.
pub(crate) fn slow_to_clock_up(folder: &std::path::Path) -> std::path::PathBuf {
    let root = folder.join("root");
    let policy = root.join("sys/devices/system/cpu/cpufreq/policy0");
    fs::create_dir_all(&policy).unwrap();
    fs::create_dir_all(root.join("proc")).unwrap();
    fs::write(root.join("proc/cpuinfo"), "processor\t: 0\nflags\t: fpu\n\n").unwrap();
    for (name, text) in
        [("affected_cpus", "0"), ("scaling_driver", "acpi-cpufreq"), ("scaling_governor", "ondemand")]
    {
        fs::write(policy.join(name), text).unwrap();
    }
    let bundle = folder.join("slow.plumb");
    let result = run(plumb().args(["-q", "collect", "--sysroot"]).arg(&root).arg("-o").arg(&bundle));
    assert_eq!(result.code, 0, "{}", result.err);
    bundle
}

#[test]
fn gates_have_exit_codes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = slow_to_clock_up(folder.path());
    // One medium finding, two per cent of what applies answered.
    for (arguments, code) in [
        (&[][..], 0),
        (&["--fail-on", "low"], 3),
        (&["--fail-on", "medium"], 3),
        (&["--fail-on", "high"], 4),
        (&["--require-coverage", "0.01"], 0),
        (&["--require-coverage", "0.9"], 4),
        (&["--fail-on", "medium", "--require-coverage", "0.9"], 3),
        (&["--require-coverage", "80"], 2),
    ] {
        for format in ["text", "json"] {
            let result = run(plumb().args(["check", "--format", format]).args(arguments).arg(&bundle));
            assert_eq!(result.code, code, "{arguments:?} {format}: {result:?}");
        }
    }
}

#[test]
fn a_closed_or_full_output_does_not_change_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = slow_to_clock_up(folder.path());
    let mut check = plumb();
    check.args(["check", "--fail-on", "medium"]).arg(&bundle);
    let mut child = check.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let result = plumb().arg("check").arg(&bundle).stdout(full).output().unwrap();
    assert_eq!(result.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&result.stderr).contains("standard output"));
}

#[test]
fn views_agree_with_the_tools_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = collect(folder.path());
    let view = |name: &str| run(plumb().args(["bundle", "show", "--as", name]).arg(&bundle)).out;
    let tool = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).env("LC_ALL", "C").output();
        match output {
            Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
            _ => {
                plumb_tests::skip(&format!("{program} is not here to compare with"));
                None
            }
        }
    };
    // Free memory moves; everything else must be the same to the letter.
    let still = |text: &str| -> String {
        text.lines()
            .filter(|line| !line.contains(" free:"))
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    };
    if let Some(live) = tool("numactl", &["--hardware"]) {
        assert_eq!(still(&view("numactl")), still(&live));
    }
    if let Some(live) = tool("lstopo-no-graphics", &[]) {
        assert_eq!(view("lstopo"), live);
    }
    if let Some(live) = tool("lscpu", &["-e=CPU,NODE,SOCKET,CORE,CACHE,ONLINE"]) {
        let first_six = |text: &str| -> Vec<Vec<String>> {
            text.lines().map(|line| line.split_whitespace().take(6).map(str::to_owned).collect()).collect()
        };
        assert_eq!(first_six(&view("lscpu")), first_six(&live));
    }
}
