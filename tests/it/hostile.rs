//! A hostile pack beside an honest one, through the whole program: the report still comes, with one `not-run` that names
//! the cause; coverage falls, risk does not. The zoo itself, case by case, is tested where workers are: in `pack-host`.

use std::fs;
use std::path::{Path, PathBuf};

use plumb_tests::{plumb, run, skip, target};

/// What the library of the zoo says about itself; a manifest that differs is refused.
fn manifest() -> String {
    let check = |id: &str| {
        format!(
            r#"
[[checks]]
id = "{id}"
title = "The host survives"
category = "platform"
severity = "low"
gate = false
rationale = "for tests"
business = "for tests"
needs = ["/node/hostname"]
thresholds = []
applicability = "tests"
references = []

[checks.remediation]
runtime = "none"
persistent = "none"
rollback = "none"
change = "process"
verification = "none"
expected_effect = "none"
"#
        )
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "id = \"zoo\"\nversion = \"{version}\"\nabi_major = 1\nabi_minor = 0\nlibrary = \"libhostile.so\"\n{}{}",
        check("zoo.bad"),
        check("zoo.good")
    )
}

fn zoo(folder: &Path) -> Option<PathBuf> {
    let library = target().join("examples/libhostile.so");
    if !library.is_file() {
        skip("hostile packs: the zoo is not built; `cargo xtask test` builds it");
        return None;
    }
    let pack = folder.join("zoo");
    fs::create_dir(&pack).unwrap();
    fs::copy(library, pack.join("libhostile.so")).unwrap();
    fs::write(pack.join("pack.toml"), manifest()).unwrap();
    Some(pack)
}

/// A recorded machine whose name tells the hostile pack what to do.
fn node(folder: &Path, behaviour: &str) -> PathBuf {
    let root = folder.join(format!("root-{}", behaviour.replace(' ', "-")));
    fs::create_dir_all(root.join("proc/sys/kernel")).unwrap();
    fs::write(root.join("proc/sys/kernel/hostname"), behaviour).unwrap();
    fs::write(root.join("proc/cpuinfo"), "processor\t: 0\n\n").unwrap();
    let bundle = root.join("node.plumb");
    let result = run(plumb().args(["-q", "collect", "--sysroot"]).arg(&root).arg("-o").arg(&bundle));
    assert_eq!(result.code, 0, "{}", result.err);
    bundle
}

#[test]
fn the_report_comes_whatever_a_pack_does() {
    let folder = tempfile::tempdir().unwrap();
    let Some(pack) = zoo(folder.path()) else { return };
    let config = folder.path().join("config");
    let trust = run(plumb().env("XDG_CONFIG_HOME", &config).args(["packs", "trust"]).arg(&pack));
    assert_eq!(trust.code, 0, "{trust:?}");
    let assess = |behaviour: &str| -> (serde_json::Value, String) {
        let bundle = node(folder.path(), behaviour);
        let with_pack = |command: &str| {
            let mut plumb = plumb();
            plumb.env("XDG_CONFIG_HOME", &config).args([command, "--pack"]).arg(&pack).arg(&bundle);
            plumb
        };
        let json = run(with_pack("check").args(["--format", "json"]));
        assert_eq!(json.code, 0, "{behaviour}: {json:?}");
        let output = bundle.with_file_name("out");
        let report = run(with_pack("report").args(["--formats", "md", "-o"]).arg(&output));
        assert_eq!(report.code, 0, "{behaviour}: {report:?}");
        (serde_json::from_str(&json.out).unwrap(), fs::read_to_string(output.join("report.md")).unwrap())
    };
    let of = |assessment: &serde_json::Value, check: &str| -> Vec<serde_json::Value> {
        let findings = assessment["findings"].as_array().unwrap();
        findings.iter().filter(|finding| finding["check"] == check).cloned().collect()
    };
    let (calm, _) = assess("nothing");
    assert_eq!(of(&calm, "zoo.bad")[0]["outcome"], "pass", "{}", of(&calm, "zoo.bad")[0]);
    for (behaviour, cause) in [
        ("panic", "panicked"),
        ("segmentation fault", "signal 11"),
        ("exit(0)", "code 0"),
        ("1 GB allocation", "signal 6"),
        ("reads /etc/shadow", "not permitted"),
    ] {
        let (assessment, markdown) = assess(behaviour);
        let bad = of(&assessment, "zoo.bad");
        assert_eq!(bad.len(), 1, "{behaviour}: {assessment}");
        assert_eq!(bad[0]["outcome"], "not-run", "{behaviour}: {assessment}");
        assert!(bad[0]["message"].as_str().unwrap().contains(cause), "{behaviour}: {assessment}");
        assert_eq!(of(&assessment, "zoo.good")[0]["outcome"], "pass", "{behaviour}: {assessment}");
        assert!(markdown.contains("zoo.bad"), "{behaviour}: {markdown}");
        assert!(assessment["coverage"].as_f64() < calm["coverage"].as_f64(), "{behaviour}: {assessment}");
        assert_ne!(assessment["risk"]["grade"], "low", "{behaviour}");
    }
}
