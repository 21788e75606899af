//! Packs of somebody else's with findings as data: what they say, ask for and must not ask for, from end to end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use plumb_tests::synthetic::Node;
use plumb_tests::{Run, run, target, workspace};
use serde_json::Value;

/// `plumb` from an installation without packs, with a configuration folder of its own, so that all that is said is said by the
/// packs of the test.
fn plumb_at(folder: &Path) -> Command {
    let program = folder.join("plumb");
    if !program.exists() {
        fs::copy(target().join("plumb"), &program).unwrap();
    }
    let mut command = Command::new(program);
    command.env("XDG_CONFIG_HOME", folder.join("config")).env_remove("PLUMB_PACK_PATH");
    command
}

/// A pack of the rules in a text, trusted.
fn rules(folder: &Path, id: &str, text: &str) -> PathBuf {
    let pack = folder.join(id);
    fs::create_dir_all(&pack).unwrap();
    fs::write(pack.join("pack.toml"), "rules = \"rules.toml\"\n").unwrap();
    fs::write(pack.join("rules.toml"), text).unwrap();
    trust(folder, &pack);
    pack
}

fn sample_rules(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(workspace().join("samples/rules-pack-2/rules.toml")).unwrap();
    // Nothing else decides here, and a question that nothing decides stays open.
    let text = text.replace("id = \"governor\", decides = false", "id = \"governor\", decides = true");
    rules(folder, "sample-rules-2", &text)
}

/// The sample in C, with a text of its source replaced, trusted.
fn sample_c(folder: &Path, from: &str, to: &str) -> PathBuf {
    let pack = folder.join("sample-c-2");
    let samples = workspace().join("samples");
    let source = folder.join("source/c-pack-2");
    for (sample, file) in [
        ("c-pack", "json.h"),
        ("c-pack-2", "pack.c"),
        ("c-pack-2", "manifest.inc"),
        ("c-pack-2", "words.inc"),
    ] {
        let to = folder.join("source").join(sample);
        fs::create_dir_all(&to).unwrap();
        fs::copy(samples.join(sample).join(file), to.join(file)).unwrap();
    }
    let text = fs::read_to_string(source.join("pack.c")).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(source.join("pack.c"), text.replace(from, to)).unwrap();
    fs::create_dir_all(&pack).unwrap();
    fs::copy(samples.join("c-pack-2/pack.toml"), pack.join("pack.toml")).unwrap();
    let built = run(Command::new("cc")
        .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"])
        .arg("-I")
        .arg(workspace().join("crates/check-sdk/include"))
        .arg("-o")
        .arg(pack.join("libsample_c_2.so"))
        .arg(source.join("pack.c")));
    assert_eq!(built.code, 0, "{built:?}");
    trust(folder, &pack);
    pack
}

fn trust(folder: &Path, pack: &Path) {
    let trusted = run(plumb_at(folder).args(["packs", "trust"]).arg(pack));
    assert_eq!(trusted.code, 0, "{trusted:?}");
}

/// A node that swaps early and saves power.
fn bundle(folder: &Path) -> PathBuf {
    let mut node = Node::healthy();
    node.set("/proc/sys/vm/swappiness", "60\n");
    for cpu in 0..128 {
        node.set(&format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/scaling_governor"), "powersave\n");
    }
    let path = folder.join("node.plumb");
    node.bundle().write(&path).unwrap();
    path
}

/// A subcommand on the bundle with these packs, all of which can answer.
fn on(folder: &Path, packs: &[&PathBuf], bundle: &Path, arguments: &[&str]) -> Run {
    let result = asked(folder, packs, bundle, arguments);
    // A report in which advice contradicts other advice is written, and says so by its code.
    let expected: &[i32] = if arguments.first() == Some(&"report") { &[0, 6] } else { &[0] };
    assert!(expected.contains(&result.code), "{arguments:?}: {result:?}");
    result
}

fn asked(folder: &Path, packs: &[&PathBuf], bundle: &Path, arguments: &[&str]) -> Run {
    let mut command = plumb_at(folder);
    command.arg("-q").args(arguments);
    for pack in packs {
        command.arg("--pack").arg(pack);
    }
    run(command.arg(bundle))
}

fn assessment(folder: &Path, packs: &[&PathBuf], bundle: &Path) -> Value {
    assessed(folder, packs, bundle, 0)
}

/// The same where one of the packs cannot answer, which was named, so that the exit code tells it.
fn refused(folder: &Path, packs: &[&PathBuf], bundle: &Path) -> Value {
    assessed(folder, packs, bundle, 5)
}

fn assessed(folder: &Path, packs: &[&PathBuf], bundle: &Path, code: i32) -> Value {
    let german = folder.join("engagement.toml");
    fs::write(&german, "schema = 1\n[report]\nlanguage = \"de\"\n").unwrap();
    let arguments = ["check", "--format", "json", "--engagement", german.to_str().unwrap()];
    let result = asked(folder, packs, bundle, &arguments);
    assert_eq!(result.code, code, "{result:?}");
    serde_json::from_str(&result.out).unwrap()
}

/// The text on one line, without marks of Markdown and entities of HTML.
fn flat(text: &str) -> String {
    let text = text.replace('\\', "").replace("&#x27;", "'").replace("&#39;", "'").replace("&#x2F;", "/");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of_check<'a>(assessment: &'a Value, check: &str) -> &'a Value {
    let mut findings = assessment["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {assessment:#}"))
}

fn actions(assessment: &Value) -> &Vec<Value> {
    assessment["actions"].as_array().unwrap()
}

const SWAPS: &str = "The kernel swaps early at a swappiness of 60";
const SLOW: &str = "128 CPUs use governor `powersave`";

/// Copies the fixtures of a sample beside its pack.
fn with_fixtures(sample: &str, pack: &Path) {
    for check in fs::read_dir(workspace().join(sample).join("fixtures")).unwrap() {
        let check = check.unwrap();
        let to = pack.join("fixtures").join(check.file_name());
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(check.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn the_samples_keep_all_rules_in_all_their_languages() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let samples = [
        ("samples/rules-pack-2", sample_rules(folder)),
        ("samples/c-pack-2", sample_c(folder, "HIGHEST", "HIGHEST")),
    ];
    for (sample, pack) in samples {
        with_fixtures(sample, &pack);
        let result = run(plumb_at(folder).args(["packs", "verify"]).arg(&pack));
        assert_eq!(result.code, 0, "{}", result.out);
        assert!(!result.out.contains("FAIL") && !result.out.contains("skip"), "{}", result.out);
        assert!(
            result.out.contains("its sentences can be said in all of their languages: de, en, "),
            "{}",
            result.out
        );
        let renewed = run(plumb_at(folder).args(["packs", "verify", "--renew"]).arg(&pack));
        assert!(!renewed.err.contains("wrote"), "{sample} is not as its fixtures say: {renewed:?}");
    }
}

#[test]
fn what_packs_of_somebody_else_find_and_ask_for_is_in_every_output() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (by_rules, in_c, bundle) =
        (sample_rules(folder), sample_c(folder, "HIGHEST", "HIGHEST"), bundle(folder));
    let packs = [&by_rules, &in_c];

    let json = assessment(folder, &packs, &bundle);
    assert!(json["packs"].as_array().unwrap().iter().all(|pack| pack["status"] == "ok"), "{json:#}");
    for (check, pack) in [("fleet.swappiness", "sample-rules-2"), ("sample.swappiness", "sample-c-2")] {
        let finding = of_check(&json, check);
        assert_eq!((&finding["problem"], &finding["foreign"]), (&SWAPS.into(), &pack.into()), "{finding:#}");
        assert_eq!(
            finding["words"]["de"]["problem"],
            "Der Kernel lagert bei einer Swappiness von 60 früh aus"
        );
        assert_eq!(finding["object"]["id"], "/proc/sys/vm/swappiness");
        let action = actions(&json).iter().find(|action| finding["actions"][0] == action["id"]).unwrap();
        assert_eq!((&action["state"], &action["foreign"]), (&"resolved".into(), &pack.into()), "{action:#}");
        assert_eq!(action["now"][0], "sysctl -w 'vm.swappiness=10'");
        assert_eq!(action["undo"][0], "sysctl -w 'vm.swappiness=60'");
        assert_eq!(action["files"][0], format!("foreign/{pack}/commands.sh"));
    }
    let governor = of_check(&json, "fleet.clock-governor");
    assert_eq!(governor["cause"]["key"], "sample-rules-2/power-profile");
    let asked = json["checklist"].as_array().unwrap().iter().find(|own| own["id"] == "governor").unwrap();
    assert_eq!(asked["findings"][0]["check"], "fleet.clock-governor", "{asked:#}");
    assert!(asked["sentence"].as_str().unwrap().contains(SLOW), "{asked:#}");

    let text = flat(&on(folder, &packs, &bundle, &["check"]).out);
    let output = folder.join("out");
    on(folder, &packs, &bundle, &["report", "--formats", "md,html", "-o", output.to_str().unwrap()]);
    let read = |name: &str| flat(&fs::read_to_string(output.join(name)).unwrap());
    let (markdown, html) = (read("report.md"), read("report.html"));
    for (form, text) in [("text", text), ("Markdown", markdown), ("HTML", html)] {
        let plain = |own: &str| if form == "HTML" { own.replace('`', "") } else { own.to_owned() };
        for expected in [
            SWAPS,
            "CPUs use governor",
            "sysctl -w 'vm.swappiness=10'",
            "foreign/sample-rules-2/commands.sh",
            "foreign/sample-c-2/commands.sh",
            "Is the CPU frequency governor suited to low latency?",
        ] {
            assert!(text.contains(&plain(expected)), "{form} lacks `{expected}`:\n{text}");
        }
    }

    let fix = folder.join("fix");
    on(folder, &packs, &bundle, &["remediate", "-o", fix.to_str().unwrap()]);
    for (pack, row) in [("sample-rules-2", 1), ("sample-c-2", 0)] {
        let script = fs::read_to_string(fix.join("foreign").join(pack).join("commands.sh")).unwrap();
        assert!(script.contains("sysctl -w 'vm.swappiness=10'"), "{script}");
        let hash = json["packs"][row]["sha256"].as_str().unwrap();
        assert!(hash.len() == 64 && script.contains(hash), "{script}");
    }
    let checklist = fs::read_to_string(fix.join("CHECKLIST.md")).unwrap();
    assert!(checklist.contains("foreign/sample-c-2/commands.sh"), "{checklist}");
    assert!(!fix.join("apply.sh").exists(), "nothing of it is applied by itself");
}

#[test]
fn a_language_that_a_pack_lacks_is_english_and_marked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = fs::read_to_string(workspace().join("samples/rules-pack-2/rules.toml")).unwrap();
    let german = text.find("[rule.words.de]").unwrap();
    let next = german + text[german..].find("[[rule]]").unwrap();
    let pack = rules(folder, "sample-rules-2", &format!("{}{}", &text[..german], &text[next..]));
    let json = assessment(folder, &[&pack], &bundle(folder));
    let words = &of_check(&json, "fleet.swappiness")["words"];
    assert_eq!(
        (&words["de"]["problem"], &words["de"]["fallback"]),
        (&SWAPS.into(), &true.into()),
        "{words:#}"
    );
    assert!(of_check(&json, "fleet.clock-governor")["words"]["de"].get("fallback").is_none());
}

#[test]
fn words_that_cannot_be_said_make_the_checks_of_their_pack_not_run_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bundle = bundle(folder);
    let text = fs::read_to_string(workspace().join("samples/rules-pack-2/rules.toml")).unwrap();
    for (from, to, cause) in [
        (
            "swappiness of { $value }\"",
            "swappiness of { $valeu }\"",
            "names `$valeu`, which `args` does not give",
        ),
        (
            "swappiness of { $value }\"",
            "swappiness of { $value\"",
            "`words.en.problem-swaps-early`: not a message",
        ),
        (
            "variant = \"swaps-early\"",
            "variant = \"swaps\"",
            "there is no sentence `swaps`: add `problem-swaps`",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let pack = rules(folder, "sample-rules-2", &text.replacen(from, to, 1));
        let json = refused(folder, &[&pack], &bundle);
        for check in ["fleet.swappiness", "fleet.clock-governor", "fleet.link-speed"] {
            let finding = of_check(&json, check);
            let message = finding["message"].as_str().unwrap();
            assert_eq!(finding["outcome"], "not-run", "{finding:#}");
            assert!(message.contains(cause) && message.contains("rules.toml:"), "`{cause}`: {message}");
        }
        let verified = run(plumb_at(folder).args(["packs", "verify"]).arg(&pack));
        assert!(verified.code == 5 && verified.out.contains(cause), "{verified:?}");
    }
}

/// The head of a rule about swappiness, without its intents.
fn head(pack: &str, id: &str) -> String {
    format!(
        r#"format = 2
id = "{pack}"
version = "1.0.0"
[[rule]]
id = "{id}"
category = "memory"
severity = "medium"
change = "runtime"
needs = ["/sysctl/vm.swappiness"]
references = []
args = {{ value = 'sysctl["vm.swappiness"]' }}
fail = {{ when = 'int(sysctl["vm.swappiness"]) > 1', variant = "high" }}
pass = {{ variant = "low" }}
evidence = [{{ path = "/proc/sys/vm/swappiness", value = '{{sysctl["vm.swappiness"]}}' }}]
[rule.words.en]
title = "t"
why = "w"
effect = "E."
applicability = "a"
expected-effect = "none"
problem-high = "Swappiness is {{ $value }} by {id}"
found-low = "low"
"#
    )
}

fn intent(text: &str) -> String {
    format!("[[rule.intent]]\n{text}\n")
}

#[test]
fn what_two_packs_want_differently_is_told_and_printed_for_neither() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bundle = bundle(folder);
    let wants = |pack: &str, value: &str| {
        let text = format!("kind = \"sysctl\"\nname = \"vm.swappiness\"\nwant = \"{value}\"\nwas = \"60\"");
        rules(folder, pack, &format!("{}{}", head(pack, &format!("{pack}.swap")), intent(&text)))
    };
    let packs = [wants("one", "1"), wants("two", "10")];
    let packs = [&packs[0], &packs[1]];
    let json = assessment(folder, &packs, &bundle);
    assert_eq!(actions(&json).len(), 2, "{json:#}");
    for action in actions(&json) {
        let reason = action["reason"].as_str().unwrap();
        assert_eq!(action["state"], "conflict");
        assert!(reason.contains("vm.swappiness = 1") && reason.contains("vm.swappiness = 10"), "{reason}");
        assert!(action.get("now").is_none() && action.get("files").is_none(), "{action:#}");
    }
    let text = flat(&on(folder, &packs, &bundle, &["check"]).out);
    let output = folder.join("out");
    on(folder, &packs, &bundle, &["report", "--formats", "md", "-o", output.to_str().unwrap()]);
    let markdown = flat(&fs::read_to_string(output.join("report.md")).unwrap());
    let fix = folder.join("fix");
    on(folder, &packs, &bundle, &["remediate", "-o", fix.to_str().unwrap()]);
    let checklist = flat(&fs::read_to_string(fix.join("CHECKLIST.md")).unwrap());
    for text in [text, markdown, checklist] {
        assert!(text.contains("two.swap wants vm.swappiness = 10"), "{text}");
        assert!(!text.contains("sysctl -w"), "{text}");
    }
    assert!(!fix.join("foreign").exists());
}

#[test]
fn what_a_pack_must_not_ask_for_is_refused_and_named_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bundle = bundle(folder);
    let asks = [
        (
            "kind = \"sysctl\"\nname = \"vm.swappiness\"\nwant = \"1; rm -rf /\"\nwas = \"60\"",
            "`1; rm -rf /` is not a value",
        ),
        (
            "kind = \"value\"\npath = \"/bin/rm\"\nwant = \"1\"\nwas = \"0\"",
            "`/bin/rm` is not a file below /sys or /proc/sys",
        ),
        (
            "kind = \"value\"\npath = \"/sys/../etc/shadow\"\nwant = \"1\"\nwas = \"0\"",
            "`/sys/../etc/shadow` is not a file below",
        ),
        ("kind = \"unit\"\nname = \"evil.service\"\nruns = true", "there is no unit evil.service"),
        (
            "kind = \"governor\"\ncpus = \"500\"\nwant = \"performance\"\nwas = \"powersave\"",
            "no frequency policy was recorded for CPUs 500",
        ),
    ];
    let mut text = head("hostile", "hostile.swap");
    for (own, _) in asks {
        text += &intent(own);
    }
    let hostile = rules(folder, "hostile", &text);
    let honest = sample_rules(folder);
    let packs = [&hostile, &honest];
    let json = assessment(folder, &packs, &bundle);
    let of =
        |pack: &str| actions(&json).iter().filter(|action| action["foreign"] == pack).collect::<Vec<_>>();
    assert_eq!(of("hostile").len(), asks.len(), "{json:#}");
    for action in of("hostile") {
        assert_eq!(action["state"], "refused", "{action:#}");
        assert!(action.get("now").is_none() && action.get("undo").is_none(), "{action:#}");
    }
    assert_eq!(of_check(&json, "hostile.swap")["outcome"], "fail", "what it found stands");
    assert!(of("sample-rules-2").iter().all(|action| action["state"] == "resolved"), "{json:#}");

    let text = flat(&on(folder, &packs, &bundle, &["check"]).out);
    let output = folder.join("out");
    on(folder, &packs, &bundle, &["report", "--formats", "md", "-o", output.to_str().unwrap()]);
    let markdown = flat(&fs::read_to_string(output.join("report.md")).unwrap());
    let fix = folder.join("fix");
    on(folder, &packs, &bundle, &["remediate", "-o", fix.to_str().unwrap()]);
    let checklist = flat(&fs::read_to_string(fix.join("CHECKLIST.md")).unwrap());
    for text in [text, markdown, checklist] {
        for (_, cause) in asks {
            assert!(text.contains(cause), "`{cause}` is not in {text}");
        }
        assert!(text.contains("sysctl -w 'vm.swappiness=10'"), "the rest is not affected: {text}");
    }
    assert!(!fix.join("foreign/hostile").exists() && fix.join("foreign/sample-rules-2/commands.sh").exists());
}

#[test]
fn a_kind_of_intent_that_there_is_not_makes_the_pack_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hostile = sample_c(folder, r#"\"kind\":\"sysctl\""#, r#"\"kind\":\"run\""#);
    let honest = sample_rules(folder);
    let json = refused(folder, &[&hostile, &honest], &bundle(folder));
    let finding = of_check(&json, "sample.swappiness");
    assert_eq!(finding["outcome"], "not-run");
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("unknown variant `run`") && message.contains("`sysctl`"), "{message}");
    assert_eq!(of_check(&json, "fleet.swappiness")["outcome"], "fail");
}
