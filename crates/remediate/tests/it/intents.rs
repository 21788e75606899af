//! What findings ask for: what is believed of it, and what comes of it on a node.

use plumb_check_sdk::{Confidence, CpuSet, FirmwareSetting, Intent, Outcome, ServiceSetting};
use plumb_engine::Assessment;
use plumb_engine::action::{Action, ActionState};
use plumb_engine::assessment::{PackUsed, RatedFinding};
use plumb_evidence::{Evidence, Fact, derive};
use plumb_remediate::{remediate, resolve};
use plumb_tests::synthetic::FIRST_WORKER;

use crate::support::{assessed, broken, finding};

const SERVER: u32 = FIRST_WORKER - 10;

fn cpus(list: &str) -> CpuSet {
    list.parse().unwrap()
}

fn asks(check: &str, intents: Vec<Intent>) -> RatedFinding {
    RatedFinding { intents, confidence: Confidence::High, ..finding(check, "node", Outcome::Fail) }
}

fn resolved(evidence: &Evidence, findings: Vec<RatedFinding>) -> Assessment {
    let mut assessment = assessed(evidence, findings);
    resolve(evidence, &mut assessment);
    assessment
}

/// The one action that an intent leads to on a broken node.
fn one(intent: Intent) -> Action {
    let evidence = derive(&broken().bundle());
    let assessment = resolved(&evidence, vec![asks("test.it", vec![intent])]);
    let [action] = assessment.actions.as_slice() else { panic!("{:#?}", assessment.actions) };
    assert_eq!(assessment.findings[0].actions, std::slice::from_ref(&action.id));
    for language in ["en", "de"] {
        assert!(!action.title(language).is_empty() && !action.title(language).contains("do-"), "{action:?}");
    }
    action.clone()
}

fn value(path: &str, want: &str, was: &str) -> Intent {
    Intent::Value { path: path.into(), want: want.into(), was: was.into() }
}

#[test]
fn commands_name_what_this_node_has() {
    let governor =
        Intent::Governor { cpus: cpus("0-127"), want: "performance".into(), was: "powersave".into() };
    let action = one(governor);
    let file = "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor";
    assert_eq!(action.state, ActionState::Resolved);
    assert_eq!(action.now, [format!("echo performance | tee {file}")]);
    assert_eq!(action.undo, [format!("echo powersave | tee {file}")]);
    assert_eq!(action.permanent, ["./apply.sh --only governor --apply"]);
    assert_eq!(
        action.title("en"),
        "Set the frequency governor of CPUs 0-127 to `performance` (now `powersave`)"
    );
    assert_eq!(
        action.title("de"),
        "Den Frequenz-Governor der CPUs 0-127 auf `performance` setzen (jetzt `powersave`)"
    );

    let two = Intent::Governor { cpus: cpus("4-5"), want: "performance".into(), was: "powersave".into() };
    let policy = |cpu: u32| format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/scaling_governor");
    assert_eq!(one(two).now, [format!("echo performance | tee {} {}", policy(4), policy(5))]);

    let place = one(Intent::Place { server: SERVER, process: None, gpu: None });
    assert!(
        place.title("en").starts_with("Add `--numa-bind` to the command line of vllm.service "),
        "{place:?}"
    );
    assert!(place.also["en"].contains("numastat -p"), "what the commands leave undone: {place:?}");
    assert!(place.permanent.contains(&"systemctl restart vllm.service".to_owned()), "{place:?}");
    assert!(place.now.iter().all(|command| command.contains("taskset -acp ")), "{place:?}");
    assert!(place.now.len() > 8, "each worker and the rest: {place:?}");
}

#[test]
fn titles_follow_number_and_case_and_name_what_the_engine_reads() {
    let mut node = broken();
    for pid in [2000, 2001].into_iter().chain(2010..2018) {
        node.set(&format!("/proc/{pid}/cgroup"), "0::/user.slice/user-0.slice/session-1.scope\n");
    }
    let evidence = |kind: &str| {
        let mut evidence = derive(&node.bundle());
        let Fact::Known(servers) = &mut evidence.servers else { panic!("no servers") };
        servers.iter_mut().for_each(|server| server.kind = kind.to_owned());
        evidence
    };
    let on = |kind: &str, intent: Intent| {
        let assessment = resolved(&evidence(kind), vec![asks("test.it", vec![intent])]);
        let [action] = assessment.actions.as_slice() else { panic!("{:#?}", assessment.actions) };
        action.clone()
    };
    let pool = Intent::ThreadPool { server: SERVER, want: 8, was: 128 };
    for (kind, setting) in
        [("vllm", "OMP_NUM_THREADS=8"), ("llama.cpp", "--threads 8"), ("ollama", "num_thread 8")]
    {
        let action = on(kind, pool.clone());
        let de = format!(
            "Die Thread-Pools des {kind}-Servers (Prozess {SERVER}) auf 8 Threads je Prozess begrenzen (jetzt 128)"
        );
        assert_eq!(action.title("de"), de);
        for language in ["en", "de"] {
            assert!(action.also[language].contains(&format!("`{setting}`")), "{action:?}");
        }
    }
    // In a unit, too: the plan sets variables and writes nobody's command line.
    let mut evidence = derive(&broken().bundle());
    let Fact::Known(servers) = &mut evidence.servers else { panic!("no servers") };
    servers.iter_mut().for_each(|server| server.kind = "llama.cpp".to_owned());
    let name = Intent::Variable { server: SERVER, name: "A".into(), want: Some("1".into()), was: None };
    let assessment = resolved(&evidence, vec![asks("test.it", vec![pool.clone(), name])]);
    let action = assessment.actions.iter().find(|action| action.kind == "thread-pool").unwrap();
    assert_eq!(action.state, ActionState::ByHand, "{action:?}");
    assert!(action.permanent.is_empty() && action.also["en"].contains("`--threads 8`"), "{action:?}");

    let variable = Intent::Variable {
        server: SERVER,
        name: "CUDA_DEVICE_ORDER".into(),
        want: Some("PCI_BUS_ID".into()),
        was: None,
    };
    let action = on("vllm", variable);
    assert_eq!(
        action.title("de"),
        format!("Den vllm-Server (Prozess {SERVER}) mit CUDA_DEVICE_ORDER=PCI_BUS_ID starten")
    );
    let restart = Intent::Service {
        server: SERVER,
        setting: ServiceSetting::Restart,
        want: "always".into(),
        was: None,
    };
    assert_eq!(
        on("vllm", restart).title("en"),
        format!(
            "Run the vllm server (process {SERVER}) as a unit of systemd with `Restart=always`: nothing restarts it now"
        )
    );
    let governor = Intent::Governor { cpus: cpus("7"), want: "performance".into(), was: "powersave".into() };
    let action = one(governor);
    assert!(action.title("en").contains(" of CPU 7 to "), "{action:?}");
    assert!(action.title("de").contains(" der CPU 7 auf "), "{action:?}");
}

#[test]
fn folders_for_each_cpu_are_one_pattern() {
    let mut node = broken();
    for cpu in 0..128 {
        for name in ["affected_cpus", "scaling_driver", "scaling_governor", "scaling_available_governors"] {
            let policy = format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/{name}");
            let text = node.text(&policy);
            node.set(&format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/{name}"), text);
            node.remove(&policy);
        }
        for name in [
            "energy_performance_preference",
            "scaling_min_freq",
            "scaling_max_freq",
            "cpuinfo_min_freq",
            "cpuinfo_max_freq",
            "base_frequency",
        ] {
            node.remove(&format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/{name}"));
        }
    }
    let evidence = derive(&node.bundle());
    let governor =
        Intent::Governor { cpus: cpus("0-127"), want: "performance".into(), was: "powersave".into() };
    let assessment = resolved(&evidence, vec![asks("test.it", vec![governor])]);
    assert_eq!(
        assessment.actions[0].now,
        ["echo performance | tee /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"]
    );
}

#[test]
fn pools_of_huge_pages_are_in_the_evidence() {
    let path = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB";
    let mut node = broken();
    node.set(&format!("{path}/nr_hugepages"), "512\n");
    node.set(&format!("{path}/free_hugepages"), "512\n");
    let evidence = derive(&node.bundle());
    let intent = value(&format!("{path}/nr_hugepages"), "0", "512");
    let assessment = resolved(&evidence, vec![asks("test.it", vec![intent])]);
    assert_eq!(assessment.actions[0].state, ActionState::Resolved, "{:?}", assessment.actions);
    assert_eq!(assessment.actions[0].now, [format!("echo 0 > {path}/nr_hugepages")]);
}

#[test]
fn nothing_is_believed_that_the_evidence_does_not_hold() {
    let all = || cpus("0-127");
    for (intent, cause) in [
        (value("/bin/sh", "x", "y"), "not a file below /sys or /proc/sys"),
        (value("/sys/../bin/rm", "x", "y"), "not a file below /sys or /proc/sys"),
        (value("/sys/kernel/$(rm -rf /)", "x", "y"), "not a file below /sys or /proc/sys"),
        (value("/sys/kernel/nothing", "1", "0"), "is not in the evidence"),
        (value("/sys/kernel/mm/transparent_hugepage/enabled", "never", "madvise"), "was recorded as"),
        (
            value("/sys/kernel/mm/transparent_hugepage/enabled", "a\nb", "[always] madvise never"),
            "not a value of one line",
        ),
        (
            Intent::Sysctl { name: "vm.swappiness".into(), want: "1; rm -rf /".into(), was: "60".into() },
            "`1; rm -rf /` is not a value of numbers and words",
        ),
        (
            Intent::Sysctl { name: "vm.swappiness; rm".into(), want: "1".into(), was: "60".into() },
            "not the name of a kernel parameter",
        ),
        (
            Intent::Sysctl { name: "vm.swappiness".into(), want: "1".into(), was: "10".into() },
            "was recorded as `60`",
        ),
        (
            Intent::Governor { cpus: all(), want: "warp".into(), was: "powersave".into() },
            "governor `warp` is not known to be offered",
        ),
        (
            Intent::Governor { cpus: all(), want: "performance".into(), was: "ondemand".into() },
            "governor `ondemand` was not recorded",
        ),
        (
            Intent::Governor { cpus: cpus("500"), want: "performance".into(), was: "powersave".into() },
            "no frequency policy was recorded for CPUs 500",
        ),
        (Intent::Place { server: 1, process: None, gpu: None }, "there is no server with process id 1"),
        (Intent::Place { server: SERVER, process: Some(1), gpu: None }, "does not belong to server"),
        (
            Intent::Place { server: SERVER, process: None, gpu: Some("0000:ff:00.0".into()) },
            "there is no GPU 0000:ff:00.0",
        ),
        (Intent::WithoutOption { server: SERVER, option: "--evil".into() }, "was not started with `--evil`"),
        (
            Intent::KernelArgument { argument: "quiet;reboot".into(), present: true },
            "is not an argument of the kernel",
        ),
        (Intent::KernelArgument { argument: "nosmt".into(), present: false }, "was not started with `nosmt`"),
        (
            Intent::Boost { path: "/sys/kernel/profiling".into(), want: "1".into(), was: "0".into() },
            "is not a switch of turbo",
        ),
        (Intent::TunedProfile { want: "x y".into(), was: String::new() }, "not the name of a TuneD profile"),
        (
            Intent::Variable { server: SERVER, name: "A=B".into(), want: None, was: None },
            "is not the name of a variable",
        ),
    ] {
        let action = one(intent.clone());
        assert_eq!(action.state, ActionState::Refused, "{intent:?}");
        assert!(action.reason.contains(cause), "{intent:?}: expected `{cause}` in `{}`", action.reason);
        assert!(
            action.now.is_empty() && action.permanent.is_empty() && action.files.is_empty(),
            "{action:?}"
        );
    }
}

#[test]
fn what_two_findings_want_differently_is_printed_for_neither() {
    let evidence = derive(&broken().bundle());
    let want = |check: &str, want: &str| {
        asks(
            check,
            vec![Intent::Sysctl { name: "vm.swappiness".into(), want: want.into(), was: "60".into() }],
        )
    };
    let assessment = resolved(&evidence, vec![want("a.one", "1"), want("b.two", "10")]);
    assert_eq!(assessment.actions.len(), 2);
    for action in &assessment.actions {
        assert_eq!(action.state, ActionState::Conflict);
        assert!(action.now.is_empty() && action.undo.is_empty(), "{action:?}");
        assert!(action.reason.contains("vm.swappiness = 1") && action.reason.contains("vm.swappiness = 10"));
    }
    let files = remediate(&evidence, &assessment);
    let checklist = &files.iter().find(|file| file.path == "CHECKLIST.md").unwrap().contents;
    assert!(checklist.contains("Conflict, nothing is planned: "), "{checklist}");
    assert!(files.iter().all(|file| !file.path.starts_with("sysctl.d/")), "neither is written");

    let same = resolved(&evidence, vec![want("a.one", "1"), want("b.two", "1")]);
    assert_eq!((same.actions.len(), same.actions[0].findings.len()), (1, 2), "equal goals are one action");
}

/// systemd sets the weights of its units: a file that writes them beside it would be undone, or undo.
#[test]
fn the_weight_of_a_unit_is_set_by_systemd_alone() {
    let evidence = derive(&broken().bundle());
    let path = "/sys/fs/cgroup/system.slice/vllm.service/cpu.weight";
    let assessment = resolved(&evidence, vec![asks("test.it", vec![value(path, "500", "1000")])]);
    let action = &assessment.actions[0];
    assert_eq!(action.now, ["systemctl set-property --runtime vllm.service CPUWeight=500"]);
    assert_eq!(action.undo, ["systemctl set-property vllm.service CPUWeight=1000"]);
    let files = remediate(&evidence, &assessment);
    let writes =
        files.iter().find(|file| file.path != "plan.json" && file.contents.contains("cpu.weight 500"));
    assert!(writes.is_none(), "{}", writes.unwrap().contents);
    let file = files.iter().find(|file| file.path.starts_with("tmpfiles.d/") || file.path == "apply.sh");
    assert!(file.is_none(), "{}", file.unwrap().path);
}

#[test]
fn what_a_pack_of_somebody_else_asks_for_stands_apart() {
    let evidence = derive(&broken().bundle());
    let intent = Intent::Sysctl { name: "vm.swappiness".into(), want: "1".into(), was: "60".into() };
    let foreign = RatedFinding { foreign: Some("house".into()), ..asks("house.swap", vec![intent]) };
    let mut assessment = resolved(&evidence, vec![foreign]);
    let sha256 = "ab".repeat(32);
    assessment.packs.push(PackUsed {
        id: "house".into(),
        version: "1".into(),
        sha256: sha256.clone(),
        checks: 1,
        status: "ok".into(),
        sandbox: String::new(),
    });
    assert_eq!(assessment.actions[0].files, ["foreign/house/commands.sh"]);
    let files = remediate(&evidence, &assessment);
    let script = &files.iter().find(|file| file.path == "foreign/house/commands.sh").unwrap().contents;
    assert!(script.contains(&sha256) && script.contains("sysctl -w 'vm.swappiness=1'"), "{script}");
    assert!(script.contains("sysctl -w 'vm.swappiness=60'"), "the way back: {script}");
    let applied = files.iter().find(|file| file.path.starts_with("sysctl.d/") || file.path == "apply.sh");
    assert!(applied.is_none(), "{} is applied though nobody of ours asks for it", applied.unwrap().path);
}

#[test]
fn an_argument_of_the_kernel_is_changed_by_the_tool_of_the_system() {
    for (os, line, expected) in [
        (
            "Red Hat Enterprise Linux 9.4 (Plow)",
            "ro intel_pstate=disable",
            "grubby --update-kernel=ALL --remove-args='intel_pstate=disable'",
        ),
        (
            "Fedora CoreOS 40",
            "ostree=/ostree/boot.0/fedora-coreos/0 intel_pstate=disable",
            "rpm-ostree kargs --delete-if-present='intel_pstate=disable'",
        ),
        ("Ubuntu 24.04.1 LTS", "ro intel_pstate=disable", "update-grub"),
    ] {
        let mut evidence = derive(&broken().bundle());
        evidence.node.os = plumb_evidence::Fact::Known(os.into());
        evidence.node.cmdline = plumb_evidence::Fact::Known(line.into());
        let intent = Intent::KernelArgument { argument: "intel_pstate=disable".into(), present: false };
        let assessment = resolved(&evidence, vec![asks("test.it", vec![intent])]);
        let action = &assessment.actions[0];
        assert!(action.permanent.iter().any(|command| command == expected), "{os}: {action:?}");
        assert_eq!(action.risk, 3, "the node restarts");
        assert_eq!(
            action.permanent.iter().any(|command| command.contains("grubby")),
            expected.contains("grubby")
        );
    }
    // Each argument has a line of its own in the drop-in of GRUB.
    let mut evidence = derive(&broken().bundle());
    evidence.node.os = Fact::Known("Ubuntu 24.04.1 LTS".into());
    evidence.node.cmdline = Fact::Known("ro idle=poll".into());
    let wants = |argument: &str, present| Intent::KernelArgument { argument: argument.into(), present };
    let assessment =
        resolved(&evidence, vec![asks("test.it", vec![wants("iommu=pt", true), wants("idle=poll", false)])]);
    let files = remediate(&evidence, &assessment);
    let script = &files.iter().find(|file| file.path == "boot/kernel-arguments.sh").unwrap().contents;
    assert_eq!(script.lines().filter(|line| *line == "update-grub").count(), 1, "{script}");
    assert_eq!(script.lines().filter(|line| line.starts_with("grep -qxF ")).count(), 2, "{script}");
    // A second run adds nothing, and the way back of one argument leaves the other.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plumb.cfg");
    let here = |text: &str| {
        text.replace("/etc/default/grub.d/90-plumb.cfg", file.to_str().unwrap())
            .replace("update-grub", "true")
    };
    let sh = |text: &str| {
        let status = std::process::Command::new("sh").args(["-c", &here(text)]).status().unwrap();
        assert!(status.success(), "{text}");
        std::fs::read_to_string(&file).unwrap()
    };
    let once = sh(script);
    assert_eq!((once.lines().count(), sh(script)), (2, once.clone()));
    let action = assessment.actions.iter().find(|action| format!("{action:?}").contains("iommu=pt")).unwrap();
    let left = sh(&action.undo.join("\n"));
    assert!(left.lines().count() == 1 && left.contains("idle=poll"), "{left}");

    // The daemon of OpenShift takes back what is changed on the node itself.
    let mut evidence = derive(&broken().bundle());
    evidence.node.os = Fact::Known("Red Hat Enterprise Linux CoreOS 414.92".into());
    evidence.node.cmdline = Fact::Known("ostree=/ostree/boot.0/rhcos/0 idle=poll".into());
    let assessment =
        resolved(&evidence, vec![asks("test.it", vec![wants("iommu=pt", true), wants("idle=poll", false)])]);
    for action in &assessment.actions {
        assert_eq!(action.state, ActionState::ByHand, "{action:?}");
        assert!(action.permanent.is_empty() && action.now.is_empty(), "{action:?}");
        assert_eq!(action.files, ["boot/99-plumb-kernel-arguments.yaml"]);
    }
    let files = remediate(&evidence, &assessment);
    let [file] = files.iter().filter(|file| file.path.starts_with("boot/")).collect::<Vec<_>>()[..] else {
        panic!("one file for the boot")
    };
    assert!(file.contents.contains("kind: MachineConfig") && file.contents.contains("    - 'iommu=pt'"));
    assert!(!file.contents.contains("grub") && !file.contents.contains("rpm-ostree"), "{}", file.contents);

    let mut evidence = derive(&broken().bundle());
    evidence.node.os = plumb_evidence::Fact::Known("Somebody's Linux".into());
    let intent = Intent::KernelArgument { argument: "iommu=pt".into(), present: true };
    let assessment = resolved(&evidence, vec![asks("test.it", vec![intent])]);
    assert_eq!(assessment.actions[0].state, ActionState::NotKnown);
    assert!(assessment.actions[0].permanent.is_empty());
}

#[test]
fn firmware_is_somebody_elses_work() {
    let action = one(Intent::Firmware { setting: FirmwareSetting::Boost });
    assert_eq!((action.state, action.risk), (ActionState::ByHand, 4));
    assert!(action.now.is_empty() && action.permanent.is_empty());
}

#[test]
fn readers_of_the_first_form_find_the_commands_where_they_were() {
    let evidence = derive(&broken().bundle());
    let governor =
        Intent::Governor { cpus: cpus("0-127"), want: "performance".into(), was: "powersave".into() };
    let assessment = resolved(&evidence, vec![asks("test.it", vec![governor])]);
    let remedy = &assessment.findings[0].remediation;
    assert!(remedy.runtime.contains("echo performance | tee"), "{remedy:?}");
    assert!(remedy.rollback.contains("echo powersave | tee"), "{remedy:?}");
    assert!(remedy.verification.contains("uniq -c"), "{remedy:?}");
}
