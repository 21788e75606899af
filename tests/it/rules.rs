//! Packs of rules: the sample is verified, trusted, run and reported like a pack of code, and its mistakes are told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use plumb_tests::synthetic::Node;
use plumb_tests::{plumb, run, workspace};
use serde_json::Value;

const CHECKS: [&str; 3] = ["house.driver-branch", "house.link-speed", "house.oom-kill"];

/// A copy of the sample pack, which nothing vouches for.
fn sample(folder: &Path) -> PathBuf {
    let pack = folder.join("sample-rules");
    let from = workspace().join("samples/rules-pack");
    fs::create_dir_all(&pack).unwrap();
    for file in ["pack.toml", "rules.toml"] {
        fs::copy(from.join(file), pack.join(file)).unwrap();
    }
    for check in CHECKS {
        let below = pack.join("fixtures").join(check);
        fs::create_dir_all(&below).unwrap();
        for entry in fs::read_dir(from.join("fixtures").join(check)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, below.join(path.file_name().unwrap())).unwrap();
        }
    }
    pack
}

/// `plumb` with a configuration folder of its own.
fn plumb_at(folder: &Path) -> Command {
    let mut command = plumb();
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    command
}

/// Replaces a text of the rules, which must be there.
fn edit(pack: &Path, from: &str, to: &str) {
    let path = pack.join("rules.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// A node on which the kernel has killed so many processes in the window.
fn bundle(folder: &Path, kills: u64) -> PathBuf {
    let mut node = Node::healthy();
    node.vmstat(&[("oom_kill", kills)]);
    let path = folder.join("node.plumb");
    node.bundle().write(&path).unwrap();
    path
}

fn check(folder: &Path, pack: &Path, bundle: &Path, arguments: &[&str]) -> Value {
    let mut command = plumb_at(folder);
    let command = command.args(["check", "--format", "json"]).args(arguments).arg("--pack").arg(pack);
    let result = run(command.arg(bundle));
    let assessment: Value = serde_json::from_str(&result.out).unwrap();
    // A pack that is named and does not load.
    assert_eq!(result.code, if status(&assessment) == "ok" { 0 } else { 5 }, "{result:?}");
    assessment
}

/// Whether the pack answered, in words.
fn status(assessment: &Value) -> &str {
    let packs = assessment["packs"].as_array().unwrap();
    packs.iter().find(|pack| pack["id"] == "sample-rules").unwrap()["status"].as_str().unwrap()
}

/// Outcome and message of the findings of one check.
fn answers(assessment: &Value, check: &str) -> Vec<(String, String)> {
    let of_check = |finding: &&Value| finding["check"] == check;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = assessment["findings"].as_array().unwrap().iter().filter(of_check);
    findings.map(|finding| (text(&finding["outcome"]), text(&finding["message"]))).collect()
}

#[test]
fn the_sample_keeps_all_rules() {
    let folder = tempfile::tempdir().unwrap();
    let result = run(plumb_at(folder.path()).args(["packs", "verify"]).arg(sample(folder.path())));
    assert_eq!(result.code, 0, "{}", result.out);
    assert!(!result.out.contains("FAIL") && !result.out.contains("skip"), "{}", result.out);
    assert!(result.out.contains("taking evidence away silences no deviation"), "{}", result.out);
}

#[test]
fn rules_are_listed_pinned_sandboxed_and_reported_like_code() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (pack, bundle) = (sample(folder), bundle(folder, 2));
    let list = run(plumb_at(folder).args(["packs", "list", "--pack"]).arg(&pack));
    assert!(list.out.contains("house.oom-kill") && list.out.contains("plumb packs trust"), "{list:?}");
    let page = run(plumb_at(folder).args(["packs", "show", "house.link-speed", "--pack"]).arg(&pack));
    assert!(page.out.contains("25000 Mbit/s | expert judgement"), "{page:?}");

    let refused = check(folder, &pack, &bundle, &[]);
    assert!(status(&refused).contains("plumb packs trust"), "{}", status(&refused));
    for id in CHECKS {
        assert_eq!(answers(&refused, id)[0].0, "not-run");
    }
    assert_eq!(run(plumb_at(folder).args(["packs", "trust"]).arg(&pack)).code, 0);
    let trusted = check(folder, &pack, &bundle, &[]);
    assert_eq!(status(&trusted), "ok");
    let [(outcome, message)] = &answers(&trusted, "house.oom-kill")[..] else { panic!("{trusted}") };
    assert_eq!(
        (outcome.as_str(), message.as_str()),
        ("fail", "processes killed for want of memory in 10 s: 2")
    );
    let packs = trusted["packs"].as_array().unwrap();
    let row = packs.iter().find(|pack| pack["id"] == "sample-rules").unwrap();
    assert_eq!(row["sha256"].as_str().unwrap().len(), 64, "{row}");
    let output = folder.join("out");
    let mut report = plumb_at(folder);
    let report = run(report
        .args(["report", "--formats", "md", "--pack"])
        .arg(&pack)
        .arg(&bundle)
        .arg("-o")
        .arg(&output));
    assert_eq!(report.code, 0, "{report:?}");

    // The client's policy takes the place of the threshold.
    let policy = folder.join("engagement.toml");
    let text = "schema = 1\n[[policy.threshold]]\ncheck = \"house.oom-kill\"\n\
                name = \"processes killed for want of memory\"\nnumber = 1000\nreason = \"a test\"\n";
    fs::write(&policy, text).unwrap();
    let replaced = check(folder, &pack, &bundle, &["--engagement", policy.to_str().unwrap()]);
    assert_eq!(answers(&replaced, "house.oom-kill")[0].0, "pass", "{replaced}");

    // One changed character, and it is another pack.
    edit(&pack, "number = 570", "number = 571");
    let changed = check(folder, &pack, &bundle, &[]);
    assert!(status(&changed).contains("is pinned in"), "{}", status(&changed));
    assert_eq!(answers(&changed, "house.oom-kill")[0].0, "not-run");
}

#[test]
fn a_signature_vouches_for_rules_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (pack, bundle) = (sample(folder), bundle(folder, 0));
    let keys = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let bytes = fs::read(pack.join("rules.toml")).unwrap();
    let signature = minisign::sign(Some(&keys.pk), &keys.sk, bytes.as_slice(), None, None).unwrap();
    fs::write(pack.join("rules.toml.minisig"), signature.into_string()).unwrap();
    let trusted = folder.join("config/plumb/trusted-keys");
    fs::create_dir_all(&trusted).unwrap();
    fs::write(trusted.join("vendor.pub"), keys.pk.to_box().unwrap().into_string()).unwrap();
    assert_eq!(status(&check(folder, &pack, &bundle, &[])), "ok");
    edit(&pack, "number = 570", "number = 571");
    assert!(status(&check(folder, &pack, &bundle, &[])).contains("not trusted"));
}

#[test]
fn mistakes_name_the_file_the_line_the_rule_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let told = |from: &str, to: &str, code: i32| -> String {
        let pack = sample(folder);
        edit(&pack, from, to);
        let result = run(plumb_at(folder).args(["packs", "verify"]).arg(&pack));
        assert_eq!(result.code, code, "{result:?}");
        result.out + &result.err
    };
    let text = told("now > limits.kills", "now > limits.kill", 5);
    let expected = "rules.toml:110: rule `house.oom-kill`: `fail.when`: there is no threshold `kill`: expected one of `limits.kills`";
    assert!(text.contains(expected), "{text}");
    let text = told("needs = [\"/network/interfaces\"]", "needs = [\"/network/rdma\"]", 5);
    assert!(text.contains("rule `house.link-speed`: `for_each`: it reads `/network/interfaces`, which `needs` does not declare"), "{text}");
    let text = told("severity = \"high\"", "severity = \"grave\"", 2);
    assert!(
        text.contains("rule `house.oom-kill`: rule.severity: unknown value `grave`; expected one of `info`"),
        "{text}"
    );
    let text = told("number = 0\n", "number = 0 0\n", 2);
    assert!(text.contains("rules.toml:117: rule.thresholds.kills.number: "), "{text}");
    // A limit that the examples know better.
    let text = told("number = 570", "number = 600", 5);
    assert!(text.contains("house.driver-branch/bad-boundary.json: expected `warn`"), "{text}");
    // A rule without an example.
    let pack = sample(folder);
    fs::remove_file(pack.join("fixtures/house.oom-kill/missing.json")).unwrap();
    fs::remove_file(pack.join("fixtures/house.oom-kill/missing-counter.json")).unwrap();
    let result = run(plumb_at(folder).args(["packs", "verify"]).arg(&pack));
    assert!(result.out.contains("`house.oom-kill` has no `missing.json`"), "{result:?}");
}

#[test]
fn the_authors_findings_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let pack = sample(folder.path());
    let renew = || run(plumb_at(folder.path()).args(["packs", "verify", "--renew"]).arg(&pack));
    assert!(!renew().err.contains("wrote"), "the sample is not as its fixtures say");
    let findings = pack.join("fixtures/house.oom-kill/bad.findings.json");
    let before = fs::read(&findings).unwrap();
    fs::remove_file(&findings).unwrap();
    let result = renew();
    assert!(result.code == 0 && result.err.contains("house.oom-kill/bad.findings.json"), "{result:?}");
    assert_eq!(fs::read(&findings).unwrap(), before);
}
