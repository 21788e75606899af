//! Evidence of a synthetic node, and findings made by hand: packs are not loaded here.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use plumb_check_sdk::{
    Category, ChangeKind, Confidence, CpuSet, Intent, Outcome, Remediation, ServiceSetting, Severity,
};
use plumb_engine::assessment::RatedFinding;
use plumb_engine::{Assessment, Terms, assess};
use plumb_evidence::{Evidence, derive};
use plumb_remediate::OutputFile;
use plumb_tests::synthetic::{FIRST_WORKER, Node};

/// Evidence and an assessment that holds these findings and no others.
pub(crate) fn assessed(evidence: &Evidence, findings: Vec<RatedFinding>) -> Assessment {
    let mut assessment = assess(evidence, "0123456789abcdef0123", "0.0.0", Vec::new(), &Terms::default());
    assessment.work = plumb_engine::work::order(&findings, &[]);
    assessment.findings = findings;
    assessment
}

/// A failure of a check.
pub(crate) fn fail(check: &str, subject: &str) -> RatedFinding {
    finding(check, subject, Outcome::Fail)
}

pub(crate) fn finding(check: &str, subject: &str, outcome: Outcome) -> RatedFinding {
    RatedFinding {
        check: check.to_owned(),
        title: format!("title of {check}"),
        category: Category::Placement,
        outcome,
        severity: Severity::High,
        weight: 3,
        gate: false,
        likelihood: 3,
        likelihood_reason: None,
        confidence: Confidence::High,
        verify_first: false,
        score: 50.0,
        grade: None,
        waiver: None,
        subject: subject.to_owned(),
        message: format!("what {check} found"),
        problem: String::new(),
        effect: String::new(),
        object: None,
        variant: check.starts_with("test.").then(|| "some-sentence".to_owned()),
        args: BTreeMap::new(),
        words: BTreeMap::new(),
        intents: intents(check),
        cause: None,
        actions: Vec::new(),
        foreign: None,
        questions: Vec::new(),
        positions: Vec::new(),
        evidence: Vec::new(),
        rationale: String::new(),
        business: String::new(),
        applicability: String::new(),
        remediation: Remediation {
            runtime: "`now`".into(),
            persistent: "for good".into(),
            rollback: "back".into(),
            change: ChangeKind::Runtime,
            verification: "`look`".into(),
            expected_effect: "none published".into(),
        },
        risk_of_change: 2,
        thresholds: Vec::new(),
        caveat: None,
        references: Vec::new(),
    }
}

/// First process of the server of the synthetic node.
const SERVER: u32 = FIRST_WORKER - 10;

/// What checks with a page ask for on a node like [`broken`]; in these tests they are named by what they do.
fn intents(check: &str) -> Vec<Intent> {
    let all: CpuSet = "0-127".parse().unwrap();
    match check {
        "test.placement" => vec![Intent::Place { server: SERVER, process: None, gpu: None }],
        "test.governor" => {
            vec![Intent::Governor { cpus: all, want: "performance".into(), was: "powersave".into() }]
        }
        "test.preference" => {
            vec![Intent::EnergyPreference { cpus: all, want: "performance".into(), was: "power".into() }]
        }
        "test.turbo" => vec![
            Intent::Boost {
                path: "/sys/devices/system/cpu/intel_pstate/no_turbo".into(),
                want: "0".into(),
                was: "1".into(),
            },
            Intent::FrequencyCap { cpus: all, want_khz: 3_800_000, was_khz: 3_000_000 },
        ],
        "test.unit" => intents("test.placement"),
        "test.restart" => vec![
            service(ServiceSetting::Restart, "always"),
            service(ServiceSetting::RestartDelay, "5"),
            service(ServiceSetting::OomScore, "-900"),
            service(ServiceSetting::StartTimeout, "1800"),
        ],
        "test.limits" => vec![
            service(ServiceSetting::OpenFiles, "1048576"),
            service(ServiceSetting::LockedMemory, "infinity"),
            service(ServiceSetting::Tasks, "infinity"),
        ],
        "test.weights" => {
            vec![service(ServiceSetting::CpuWeight, "1000"), service(ServiceSetting::IoWeight, "500")]
        }
        "test.quota" => vec![Intent::CpuQuota {
            server: SERVER,
            group: "/system.slice/vllm.service".into(),
            want: None,
            was: "400000 100000".into(),
        }],
        "test.slices" => vec![Intent::Reserve { cpus: all }],
        "test.pages" => ["enabled", "defrag"]
            .map(|file| Intent::Value {
                path: format!("/sys/kernel/mm/transparent_hugepage/{file}"),
                want: "madvise".into(),
                was: "always".into(),
            })
            .to_vec(),
        "test.swap" => vec![parameter("vm.swappiness", "1", "60")],
        "test.reclaim" => vec![parameter("vm.zone_reclaim_mode", "0", "1")],
        "test.backlog" => vec![parameter("net.core.somaxconn", "4096", "128")],
        "test.interrupts" => {
            vec![Intent::Interrupts {
                irqs: vec![120, 121, 122, 123],
                device: None,
                avoid: "4".parse().unwrap(),
            }]
        }
        "test.iommu" => vec![Intent::KernelArgument { argument: "iommu=pt".into(), present: true }],
        "test.pool" => vec![Intent::ThreadPool { server: SERVER, want: 8, was: 64 }],
        "test.idle" => vec![Intent::IdleState { cpus: all, index: 3, name: "C6".into(), latency_us: 290 }],
        _ => Vec::new(),
    }
}

fn service(setting: ServiceSetting, want: &str) -> Intent {
    Intent::Service { server: SERVER, setting, want: want.into(), was: None }
}

fn parameter(name: &str, want: &str, was: &str) -> Intent {
    Intent::Sysctl { name: name.into(), want: want.into(), was: was.into() }
}

/// Everything that files can mend, broken at once.
pub(crate) fn broken() -> Node {
    let mut node = Node::healthy();
    for cpu in 0..128 {
        let policy = format!("/sys/devices/system/cpu/cpufreq/policy{cpu}");
        node.set(&format!("{policy}/scaling_governor"), "powersave\n");
        node.set(&format!("{policy}/energy_performance_preference"), "power\n");
        node.set(&format!("{policy}/scaling_max_freq"), "3000000\n");
        let state = format!("/sys/devices/system/cpu/cpu{cpu}/cpuidle/state3");
        for (name, value) in [("name", "C6"), ("latency", "290"), ("residency", "600"), ("disable", "0")] {
            node.set(&format!("{state}/{name}"), format!("{value}\n"));
        }
    }
    for worker in 0..8 {
        node.pin(FIRST_WORKER + worker, "0-127");
    }
    for (key, value) in [
        ("kernel/numa_balancing", "1"),
        ("vm/swappiness", "60"),
        ("vm/zone_reclaim_mode", "1"),
        ("net/core/somaxconn", "128"),
    ] {
        node.set(&format!("/proc/sys/{key}"), format!("{value}\n"));
    }
    node.set("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
    node.set("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro\n");
    let thp = "/sys/kernel/mm/transparent_hugepage";
    node.set(&format!("{thp}/enabled"), "[always] madvise never\n");
    node.set(&format!("{thp}/defrag"), "[always] defer defer+madvise madvise never\n");
    node.set(
        "/etc/systemd/system/vllm.service",
        "[Service]\nExecStart=/usr/local/bin/vllm serve example/model-70b\n",
    );
    node.interrupts_on([4; 4], 500_000);
    node
}

/// The findings that a node like [`broken`] gives.
pub(crate) fn findings_of_broken() -> Vec<RatedFinding> {
    let service = "vllm server, process 2000";
    [
        ("test.placement", "GPU process 2010"),
        ("test.unit", service),
        ("test.restart", service),
        ("test.limits", service),
        ("test.weights", service),
        ("test.slices", "node"),
        ("test.governor", "CPUs 0-127"),
        ("test.turbo", "node"),
        ("test.idle", "CPUs 0-127"),
        ("test.pages", "setting"),
        ("test.swap", "node"),
        ("test.reclaim", "node"),
        ("test.backlog", "node"),
        ("test.interrupts", "CPUs 4"),
        ("test.iommu", "IOMMU groups"),
        ("old.text", "GPU 3"),
    ]
    .into_iter()
    .map(|(check, subject)| fail(check, subject))
    .collect()
}

/// The files for a node and its findings.
pub(crate) fn files(node: &Node, findings: Vec<RatedFinding>) -> BTreeMap<String, OutputFile> {
    files_of(&derive(&node.bundle()), findings)
}

pub(crate) fn files_of(evidence: &Evidence, findings: Vec<RatedFinding>) -> BTreeMap<String, OutputFile> {
    let files = plumb_remediate::remediate(evidence, &assessed(evidence, findings));
    files.into_iter().map(|file| (file.path.clone(), file)).collect()
}

/// Writes the files into a folder.
pub(crate) fn write(files: &BTreeMap<String, OutputFile>, folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for (path, file) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &file.contents).unwrap();
        let mode = if file.executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Runs a command and returns whether it succeeded, with all that it printed; `None` where there is no such program.
pub(crate) fn ran(command: &mut Command) -> Option<(bool, String)> {
    match command.output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{command:?}: {error}"),
    }
}
