//! Names, paths and arguments of a bundle are somebody else's: no file may take them for anything but text.

use std::collections::BTreeMap;
use std::process::Command;

use plumb_evidence::model::{Cgroup, InferenceServer, Role, ServerProcess, Thread};
use plumb_evidence::{Evidence, Fact, derive};
use plumb_remediate::OutputFile;
use plumb_tests::synthetic::Node;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{assessed, fail, ran, write};

/// What a server says of itself.
#[derive(Clone, Debug)]
struct Server {
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    model: String,
    unit: String,
    hostname: String,
    message: String,
}

fn evidence(server: &Server) -> Evidence {
    let mut evidence = derive(&Node::healthy().bundle());
    evidence.node.hostname = Fact::Known(server.hostname.clone());
    let gpus = evidence.gpus.known().unwrap().iter().take(1).map(|gpu| gpu.address.clone()).collect();
    let thread = Thread {
        tid: 2000,
        comm: "x".into(),
        cpus_allowed: Fact::Known("0-127".parse().unwrap()),
        mems_allowed: Fact::absent("test"),
        last_cpu: Fact::absent("test"),
        cpu_ticks: Fact::absent("test"),
        policy: Fact::absent("test"),
        rt_priority: Fact::absent("test"),
        nice: Fact::absent("test"),
    };
    let mut command = vec!["/usr/bin/vllm".to_owned()];
    command.extend(server.arguments.iter().cloned());
    let process = ServerProcess {
        pid: 2000,
        role: Role::Whole,
        cmdline: Fact::Known(command),
        gpus: Fact::Known(gpus),
        environment: Fact::Known(server.environment.clone()),
        threads: vec![thread],
        cgroup: Fact::Known(Cgroup { version: 2, chain: Vec::new(), namespaced: false }),
        memory: Fact::Known(plumb_evidence::model::ProcessMemory {
            bytes_by_node: BTreeMap::from([(0, 1 << 30)]),
            ..Default::default()
        }),
        ..ServerProcess::default()
    };
    let unit = if server.unit.is_empty() { Fact::absent("none") } else { Fact::Known(server.unit.clone()) };
    evidence.servers = Fact::Known(vec![InferenceServer {
        kind: "vllm".into(),
        pid: 2000,
        model: Fact::Known(server.model.clone()),
        unit,
        container: Fact::absent("none"),
        processes: vec![process],
        ..InferenceServer::default()
    }]);
    evidence
}

fn files(server: &Server) -> BTreeMap<String, OutputFile> {
    let evidence = evidence(server);
    let findings = ["test.placement", "test.restart", "test.slices", "old.text"]
        .into_iter()
        .map(|check| {
            let mut finding = fail(check, &server.message);
            finding.message.clone_from(&server.message);
            finding
        })
        .collect();
    let files = plumb_remediate::remediate(&evidence, &assessed(&evidence, findings));
    files.into_iter().map(|file| (file.path.clone(), file)).collect()
}

/// What systemd makes of a line of words (systemd.service(5), "Command lines" and "Specifiers").
fn systemd_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    while chars.peek().is_some() {
        let quoted = chars.next_if_eq(&'"').is_some();
        let mut word = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted => break,
                ' ' if !quoted => break,
                '\\' => match chars.next().unwrap() {
                    'n' => word.push('\n'),
                    't' => word.push('\t'),
                    c @ ('x' | 'u') => {
                        let digits = if c == 'x' { 2 } else { 4 };
                        let hex: String = chars.by_ref().take(digits).collect();
                        word.push(char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap());
                    }
                    c => word.push(c),
                },
                '%' => assert_eq!(chars.next(), Some('%'), "a specifier in {line}"),
                '$' => assert_eq!(chars.next(), Some('$'), "a variable in {line}"),
                c => {
                    word.push(c);
                    continue;
                }
            }
            if c == '%' || c == '$' {
                word.push(c);
            }
        }
        if quoted {
            chars.next_if_eq(&' ');
        }
        words.push(word);
    }
    words
}

fn check(server: &Server) {
    let files = files(server);
    let mut command = vec!["/usr/bin/vllm".to_owned()];
    command.extend(server.arguments.iter().cloned());
    for (path, file) in &files {
        let is_ours = |c: char| c.is_ascii_alphanumeric() || "-_./@:".contains(c);
        assert!(path.chars().all(is_ours) && !path.contains("..") && !path.starts_with('/'), "{path}");
        // Between lines of ours there are no others, whatever breaks lines in a format.
        let breaks = |c: char| c.is_control() && c != '\n' && c != '\t';
        if path == "plan.json" {
            serde_json::from_str::<Value>(&file.contents).unwrap();
        } else {
            assert!(!file.contents.chars().any(breaks), "{path} holds control characters");
        }
    }
    let unit = files.iter().find(|(path, _)| path.contains("/inference-") && path.ends_with(".service"));
    if let Some((path, unit)) = unit {
        for line in unit.contents.lines() {
            let key = line.split('=').next().unwrap();
            let known = line.is_empty()
                || line.starts_with('#')
                || ["[Unit]", "[Service]", "[Install]"].contains(&line)
                || (key.bytes().all(|byte| byte.is_ascii_alphabetic())
                    && line.contains('=')
                    && line.is_char_boundary(key.len()));
            assert!(known, "{path}: {line}");
            assert!(!(line.starts_with('#') && line.ends_with('\\')), "{path}: {line}");
        }
        let exec = unit.contents.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        assert_eq!(systemd_words(exec), command, "{path}");
        assert_eq!(unit.contents.matches("\nExecStart=").count(), 1, "{path}");
        for (name, value) in &server.environment {
            let line = format!(
                "Environment={}",
                plumb_remediate::quote::environment_word(&format!("{name}={value}"))
            );
            assert!(unit.contents.lines().any(|found| found == line), "{path}: no {line}");
        }
    }
    for (path, file) in files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
        let value: Value = serde_saphyr::from_str(&file.contents)
            .unwrap_or_else(|error| panic!("{path}: {error}\n{}", file.contents));
        let words = match &value {
            Value::Object(top) if top.contains_key("services") => {
                let (_, service) = top["services"].as_object().unwrap().iter().next().unwrap();
                service["command"].clone()
            }
            value if value["kind"] == "Pod" => value["spec"]["containers"][0]["command"].clone(),
            _ => continue,
        };
        let words: Vec<String> =
            words.as_array().unwrap().iter().map(|word| word.as_str().unwrap().replace("$$", "$")).collect();
        assert_eq!(words, command, "{path}");
    }
    let headings: Vec<&str> =
        files["CHECKLIST.md"].contents.lines().filter(|line| line.starts_with('#')).skip(1).collect();
    let ours = [
        "## Before",
        "## One topic at a time",
        "## After",
        "## What the findings ask for",
        "## By hand",
        "## Not planned",
        "## Files",
    ];
    assert!(headings.iter().all(|heading| ours.contains(heading)), "{headings:?}");
}

fn text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "",
        "$(touch canary)",
        "`touch canary`",
        "'; touch canary; '",
        "\"",
        "\\",
        "\n",
        "\r\n[Service]\nExecStart=/bin/false",
        "%n",
        "${HOME}",
        "$HOME",
        "$$",
        "%%",
        ";",
        "&&",
        "| tee",
        "#",
        "# shellcheck disable=all",
        "---",
        "- x",
        ": ",
        "{{",
        "\u{2028}",
        "\u{202e}",
        "<script>",
        "[x](y)",
        "é",
        "\t",
        "\u{7f}",
        "\u{85}",
        "\u{feff}",
        "*",
        "~",
        "!",
        "EOF",
        "\\x41",
    ]);
    prop::collection::vec(prop_oneof![nasty.prop_map(str::to_owned), "[ -~]{0,12}", "\\PC{0,6}"], 0..4)
        .prop_map(|parts| parts.concat().replace("***", "").replace(['\0', char::REPLACEMENT_CHARACTER], ""))
}

prop_compose! {
    fn server()(
        arguments in prop::collection::vec(text(), 0..5),
        value in text(),
        model in text(),
        unit in prop_oneof![Just(String::new()), text().prop_map(|text| format!("{text}.service")), Just("vllm.service".to_owned())],
        hostname in text(),
        message in text(),
    ) -> Server {
        Server { arguments, environment: BTreeMap::from([("HF_HOME".to_owned(), value)]), model, unit, hostname, message }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_of_a_bundle_stays_text(server in server()) {
        check(&server);
    }
}

/// Runs what a shell would run, in a folder where an injected command would leave a file.
#[test]
fn shells_run_nothing_of_a_bundle() {
    let nasty: Vec<String> = [
        "$(touch canary)",
        "`touch canary`",
        "'; touch canary; '",
        "a\ntouch canary\n",
        "\\",
        "*",
        "EOF\ntouch canary\n",
        "\"$(touch canary)\"",
        "%n",
        "--x=$(touch canary)",
        "",
        "#",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    let all = nasty.join(" ");
    let server = Server {
        arguments: nasty.clone(),
        environment: BTreeMap::from([("HF_HOME".to_owned(), all.clone())]),
        model: all.clone(),
        unit: String::new(),
        hostname: all.clone(),
        message: all,
    };
    check(&server);
    let folder = tempfile::tempdir().unwrap();
    let files = files(&server);
    write(&files, &folder.path().join("plan"));
    // `srun` prints the words that it was given.
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let stub = bin.join("srun");
    std::fs::write(&stub, "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\0' \"$word\"; done\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&stub, executable).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut seen = 0;
    for name in files.keys().filter(|name| name.ends_with(".sh") || name.ends_with(".sbatch")) {
        let job = name.ends_with(".sbatch");
        let mut command = Command::new(if job { "bash" } else { "sh" });
        command.arg(folder.path().join("plan").join(name)).current_dir(folder.path()).env("PATH", &path);
        command.env("PLUMB_ROOT", folder.path().join("root")).env("SLURM_CPUS_PER_TASK", "4");
        let Some((ok, out)) = ran(&mut command) else { continue };
        assert!(ok, "{name}: {out}");
        if job {
            let words: Vec<&str> = out.split_terminator('\0').collect();
            let at = words.iter().position(|word| *word == "/usr/bin/vllm").unwrap();
            assert_eq!(words[at + 1..], nasty, "{name}");
            seen += 1;
        }
        assert!(!folder.path().join("canary").exists(), "{name} ran a command of the bundle");
    }
    assert_eq!(seen, 1, "a job was run");
}

#[test]
fn secrets_become_variables() {
    let server = Server {
        arguments: ["--api-key", "***", "--token=***", "--url=http://u:***@host/$x"]
            .map(str::to_owned)
            .to_vec(),
        environment: BTreeMap::from([("HF_TOKEN".to_owned(), "***".to_owned())]),
        model: "m".into(),
        unit: String::new(),
        hostname: "node".into(),
        message: "found".into(),
    };
    let files = files(&server);
    let unit = &files["systemd/inference-vllm-m.service"].contents;
    assert!(
        unit.contains(r#"ExecStart=/usr/bin/vllm --api-key "${PLUMB_API_KEY}" "--token=${PLUMB_TOKEN}" "--url=http://u:${PLUMB_URL}@host/$$x""#),
        "{unit}"
    );
    assert!(unit.contains("EnvironmentFile=/etc/inference/vllm-m.env"), "{unit}");
    for (path, file) in files.iter().filter(|(path, _)| !path.ends_with(".json")) {
        assert!(!file.contents.contains("***"), "{path}");
    }
    for (path, wanted) in [
        ("docker/compose-vllm-m.yaml", "\"${PLUMB_API_KEY}\""),
        ("kubernetes/pod-vllm-m.yaml", "\"$(PLUMB_API_KEY)\""),
        ("slurm/job-vllm-m.sbatch", "--api-key \"${PLUMB_API_KEY}\""),
    ] {
        assert!(files[path].contents.contains(wanted), "{path}: {}", files[path].contents);
    }
}
