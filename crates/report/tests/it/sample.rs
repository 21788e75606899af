//! Assessments to render. All of them are made up.

use std::borrow::Cow;

use std::collections::BTreeMap;

use plumb_check_sdk::{
    Category, ChangeKind, Citation, Confidence, Outcome, Question, Reference, Remediation, Severity,
    Threshold, ThresholdBasis, WorkloadTrait,
};
use plumb_engine::assessment::{
    ASSESSMENT_SCHEMA, Assessment, CategoryResult, Grade, Indices, Limit, NodeSummary, PackUsed, Provenance,
    RatedFinding, Risk,
};
use plumb_engine::capacity::Capacity;
use plumb_engine::conflicts::{Conflict, Says};
use plumb_engine::document::{Client, DocumentTerms};
use plumb_engine::load::LoadSample;
use plumb_engine::policy::{Override, OverrideUse};
use plumb_engine::profile::{Answer, Platform, Profile, TraitAnswer};
use plumb_engine::speech::{LikelihoodReason, Speech, Translations};
use plumb_engine::waiver::{AsOf, WaiverApplied, WaiverState, WaiverUse};
use plumb_engine::{checklist, work};
use plumb_evidence::Evidence;
use plumb_evidence::model::ProbeOutcome;

/// What a client may be called.
pub(crate) const HOSTILE: &str = r#"#import "x" *_<b>"#;

/// Two GPUs on two sockets: one fail, one warn, one not run, one contradictory, one not applicable, one pass.
pub(crate) fn typical() -> Assessment {
    let affinity = |gpu: &str, node: u32, process: u32| RatedFinding {
        outcome: Outcome::Fail,
        likelihood: 3,
        score: 75.0,
        grade: Some(Grade::High),
        severity: Severity::Critical,
        subject: format!("process {process} on GPU {gpu}"),
        message: format!(
            "the worker is bound to CPUs of NUMA node {}, but its GPU is attached to node {node}",
            1 - node
        ),
        evidence: vec![
            Citation::new(format!("/sys/bus/pci/devices/{gpu}/numa_node"), node.to_string()),
            Citation::new(format!("/proc/{process}/status"), "Cpus_allowed_list: 32-63,96-127"),
        ],
        ..gpu_affinity()
    };
    let mut assessment = Assessment {
        schema: ASSESSMENT_SCHEMA,
        tool_version: "0.1.0".into(),
        provenance: Provenance {
            host_token: String::new(),
            bundle_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
            collected: "2026-03-14T09:26:53Z".into(),
            origin: "live".into(),
            root: true,
        },
        node: NodeSummary {
            hostname: "gpu-node-07.example".into(),
            facts: [
                ("Machine", "Example Systems ES-2208"),
                ("Operating system", "Debian GNU/Linux 12 (bookworm)"),
                ("Kernel", "6.1.0-31-amd64"),
                ("Processors", "2 × Example CPU 8462Y+, 64 cores, 128 threads"),
                ("NUMA nodes", "2 (node 0: CPUs 0-31,64-95; node 1: CPUs 32-63,96-127)"),
                ("GPUs", "2 × Example H100 80GB (0000:18:00.0 on node 0, 0000:9a:00.0 on node 1)"),
                ("Client", HOSTILE),
            ]
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .into(),
            words: BTreeMap::new(),
        },
        as_of: AsOf::collection("2026-03-14T09:26:53Z"),
        profile: profile(),
        load_sample: LoadSample {
            seen: true,
            reason: "a GPU was seen 93 % busy between the two readings".into(),
            words: Translations::default(),
        },
        key_issue: checklist::key_issue(&[], &speech()),
        checklist: Vec::new(),
        indices: Indices { exposure: 84.6, hardening: Some(41.6), coverage: Some(0.83) },
        actions: Vec::new(),
        pages: BTreeMap::new(),
        work: Vec::new(),
        waivers: waivers(),
        overrides: vec![OverrideUse {
            key: "test.placement/share of CPU time on a remote node".into(),
            number: 10.0,
            reason: OVERRIDE_REASON.into(),
            original: Some(5.0),
            unit: Some("%".into()),
        }],
        capacity: capacity(),
        contradictions: Vec::new(),
        conflicts: vec![conflict()],
        risk: Risk {
            grade: Grade::High,
            at_least: None,
            reason:
                "a finding of grade High with high confidence: GPU workers run on CPUs local to their GPU"
                    .into(),
            words: Translations::default(),
        },
        coverage: Some(0.83),
        categories: categories(),
        findings: vec![
            affinity("0000:18:00.0", 0, 41_233),
            affinity("0000:9a:00.0", 1, 41_234),
            RatedFinding {
                outcome: Outcome::Warn,
                likelihood: 1,
                likelihood_reason: Some(LikelihoodReason {
                    english: "the workload is known to be without small-batch, strict-tail".into(),
                    words: Translations::default(),
                }),
                waiver: Some(WaiverApplied {
                    owner: "B. Person".into(),
                    reason: "power budget of the rack".into(),
                    expires: "2026-02-28".into(),
                    expired: true,
                    outcome: Outcome::Warn,
                    score: 18.8,
                    grade: Some(Grade::Low),
                }),
                score: 18.8,
                grade: Some(Grade::Low),
                subject: "CPUs 0-127".into(),
                message: "intel_pstate runs in active mode with the energy preference balance_performance"
                    .into(),
                evidence: vec![
                    Citation::new(
                        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                        "powersave (128 of 128)",
                    ),
                    Citation::new(
                        "/sys/devices/system/cpu/cpu0/cpufreq/energy_performance_preference",
                        "balance_performance",
                    ),
                ],
                ..governor()
            },
            RatedFinding {
                outcome: Outcome::Contradictory,
                subject: "GPU 0000:9a:00.0".into(),
                message: "sysfs and NVML name different NUMA nodes".into(),
                evidence: vec![
                    Citation::new("/sys/bus/pci/devices/0000:9a:00.0/numa_node", "1"),
                    Citation::new("api/nvml.json", "memory_affinity: 0"),
                ],
                ..numa_known()
            },
            RatedFinding {
                outcome: Outcome::NotRun,
                subject: "node".into(),
                message: "/sys/kernel/debug/sched was denied: the collector did not run with the privilege"
                    .into(),
                ..simple(
                    "sample.migration-cost",
                    "Scheduler tunables are at their defaults",
                    Category::Interference,
                )
            },
            RatedFinding {
                outcome: Outcome::Accepted,
                severity: Severity::Medium,
                subject: "node".into(),
                message: "18 GB of swap are on, and swappiness is 60".into(),
                evidence: vec![Citation::new("/proc/sys/vm/swappiness", "60")],
                waiver: Some(WaiverApplied {
                    owner: "A. Person, platform team".into(),
                    reason: "batch jobs need it until the move".into(),
                    expires: "2026-06-30".into(),
                    expired: false,
                    outcome: Outcome::Fail,
                    score: 25.0,
                    grade: Some(Grade::Medium),
                }),
                ..simple("sample.swap", "The engine is not swapped", Category::Memory)
            },
            RatedFinding {
                outcome: Outcome::Pass,
                subject: "GPU 0000:18:00.0".into(),
                message: "the firmware names NUMA node 0, and NVML agrees".into(),
                ..numa_known()
            },
            RatedFinding {
                outcome: Outcome::NotApplicable,
                subject: "node".into(),
                message: "not a virtual machine (virtualization = none)".into(),
                ..simple(
                    "sample.guest-layout",
                    "The guest's NUMA layout follows the host's",
                    Category::Platform,
                )
            },
        ],
        probes: vec![
            probe("cpu", "ok", ""),
            probe("pci", "ok", ""),
            probe("sched-debug", "denied", "/sys/kernel/debug: permission denied"),
        ],
        document: DocumentTerms::default(),
        packs: vec![PackUsed {
            id: "core".into(),
            version: "0.1.0".into(),
            sha256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into(),
            checks: 5,
            status: "ok".into(),
            sandbox: "landlock, seccomp, 256 MiB of memory".into(),
        }],
    };
    // A client's text can get into any field.
    assessment.findings[2].message.push_str(&format!(" (ticket of {HOSTILE})"));
    derived(assessment)
}

const OVERRIDE_REASON: &str = "measured on 1 March: no effect below 10 % with this model";

/// Whose report it is: a client of an awkward name.
pub(crate) fn document() -> DocumentTerms {
    DocumentTerms {
        client: Client {
            name: Some(HOSTILE.into()),
            site: Some("Hall 3, row B".into()),
            contact: Some("C. Person".into()),
        },
        author: Some("A. Consultant".into()),
        company: Some("Example Consulting".into()),
        confidentiality: Some("Confidential: for the client alone".into()),
        ..DocumentTerms::default()
    }
}

/// The report of an assessment in English.
pub(crate) fn report(assessment: &Assessment) -> plumb_report::Model {
    plumb_report::model(assessment, &plumb_report::Theme::builtin().unwrap()).unwrap()
}

/// English and German.
pub(crate) fn speech() -> Speech {
    Speech::new(&["de"])
}

/// No load test, no experiment.
fn capacity() -> Capacity {
    Capacity::of(&evidence(), &speech())
}

/// Evidence that tells nothing.
pub(crate) fn evidence() -> Evidence {
    let missing = serde_json::json!({"missing": "skipped", "reason": "test"});
    let mut evidence = serde_json::json!({
        "schema": 1, "sysctl": {}, "node": {},
        "collection": {"tool_version": "0", "started": "2026-03-14T09:26:53Z", "finished": "2026-03-14T09:27:03Z",
                       "origin": "live", "root": true, "probes": []},
    });
    for key in ["hostname", "kernel", "os", "cmdline", "virtualization", "container", "machine"] {
        evidence["node"][key] = missing.clone();
    }
    for key in [
        "cpu",
        "numa",
        "pci",
        "gpus",
        "cpufreq",
        "cpuidle",
        "interrupts",
        "cgroup",
        "processes",
        "hwloc",
        "nvml",
    ] {
        evidence[key] = missing.clone();
    }
    serde_json::from_value(evidence).unwrap()
}

/// Fills in what follows from the findings.
fn derived(mut assessment: Assessment) -> Assessment {
    assessment.key_issue = checklist::key_issue(&assessment.findings, &speech());
    assessment.checklist = checklist::answer(&assessment.findings, &speech());
    assessment.work = work::order(&assessment.findings, &assessment.actions);
    assessment
}

fn profile() -> Profile {
    let own = |id, answer, source: &str| TraitAnswer {
        id,
        answer,
        source: source.into(),
        words: Translations::default(),
    };
    Profile {
        platform: Platform::BareMetal,
        platform_source: "no hypervisor shows itself".into(),
        words: Translations::default(),
        traits: vec![
            own(WorkloadTrait::SmallBatch, Answer::No, "given by the client"),
            own(WorkloadTrait::TensorParallel, Answer::Yes, "a server runs with a tensor parallel size of 2"),
            own(WorkloadTrait::Offload, Answer::Unknown, "nobody said, and the evidence does not tell"),
        ],
    }
}

fn waivers() -> Vec<WaiverUse> {
    let own =
        |check: &str, subject: Option<&str>, owner: &str, reason: &str, expires: &str, state| WaiverUse {
            check: check.into(),
            subject: subject.map(Into::into),
            owner: owner.into(),
            reason: reason.into(),
            expires: expires.into(),
            state,
            findings: usize::from(matches!(state, WaiverState::InForce | WaiverState::Expired)),
        };
    vec![
        own(
            "test.governor",
            Some("CPUs 0-127"),
            "B. Person",
            "power budget of the rack",
            "2026-02-28",
            WaiverState::Expired,
        ),
        own(
            "sample.swap",
            None,
            "A. Person, platform team",
            "batch jobs need it until the move",
            "2026-06-30",
            WaiverState::InForce,
        ),
        own("sample.sawp", None, HOSTILE, "a typing mistake", "2026-06-30", WaiverState::UnknownCheck),
    ]
}

fn conflict() -> Conflict {
    let says = |who: &str, says: &str, title: &'static str, url: &'static str| Says {
        who: who.into(),
        says: says.into(),
        reference: reference(title, url),
        words: Translations::default(),
    };
    Conflict {
        id: "numa-balancing".into(),
        topic: "Automatic NUMA balancing".into(),
        sources: vec![
            says("One", "switch it on", "Insights", "https://example.org/one"),
            says("Another", "switch it off", "A guide", "https://example.org/another"),
        ],
        checks: vec!["sample.balancing".into()],
        position: "pin the workers first, then switch it off; measure both ways".into(),
        reason: "the check test.placement deviates".into(),
        words: Translations::default(),
    }
}

/// No check had anything to judge.
pub(crate) fn all_not_applicable() -> Assessment {
    let mut assessment = typical();
    assessment.coverage = None;
    assessment.risk = Risk {
        grade: Grade::NotAssessable,
        at_least: None,
        reason: "no check applies to this node".into(),
        words: Translations::default(),
    };
    for category in &mut assessment.categories {
        *category = CategoryResult {
            grade: None,
            at_least: None,
            coverage: None,
            deviations: 0,
            unanswered: 0,
            not_applicable: 1,
            ..category.clone()
        };
    }
    assessment.findings = vec![
        RatedFinding {
            message: "no GPU and no accelerator was found".into(),
            ..not_applicable(numa_known())
        },
        RatedFinding { message: "one NUMA node with memory".into(), ..not_applicable(gpu_affinity()) },
        RatedFinding {
            message: "a virtual machine without frequency scaling".into(),
            ..not_applicable(governor())
        },
    ];
    assessment.probes = vec![probe("cpu", "ok", "")];
    assessment.node.facts.truncate(3);
    assessment.waivers.clear();
    assessment.overrides.clear();
    assessment.conflicts.clear();
    derived(assessment)
}

/// Nothing at all: not one finding, fact, probe or pack.
pub(crate) fn nothing() -> Assessment {
    let mut assessment = all_not_applicable();
    assessment.findings.clear();
    assessment.probes.clear();
    assessment.packs.clear();
    assessment.node.facts.clear();
    for category in &mut assessment.categories {
        category.not_applicable = 0;
    }
    derived(assessment)
}

/// Eighty deviations of twenty checks, and as many other findings.
pub(crate) fn many() -> Assessment {
    let mut assessment = typical();
    let others = assessment.findings.split_off(3);
    assessment.findings.clear();
    for check in 0..20_u32 {
        for subject in 0..4_u32 {
            let base = if check % 2 == 0 { gpu_affinity() } else { governor() };
            let category = Category::ALL[check as usize % 7];
            assessment.findings.push(RatedFinding {
                check: format!("area{check}.check-{check}"),
                title: format!("{} ({})", base.title, check + 1),
                category,
                outcome: if check % 3 == 0 { Outcome::Warn } else { Outcome::Fail },
                likelihood: 2,
                score: 90.0 - f64::from(check) * 4.0,
                grade: Some(match check {
                    0..=8 => Grade::High,
                    9..=17 => Grade::Medium,
                    _ => Grade::Low,
                }),
                subject: format!("GPU 0000:{:02x}:00.0", check * 4 + subject),
                // Of every second check the findings say the same, and share their head.
                message: match check % 2 {
                    0 => "the value of the setting is not the one that the workload needs".into(),
                    _ => format!("the value {subject} of the setting is not the one that the workload needs"),
                },
                evidence: vec![
                    Citation::new(format!("/sys/bus/pci/devices/0000:{subject:02x}:00.0/numa_node"), "-1"),
                    Citation::new("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/mapper/root ro quiet"),
                ],
                ..base
            });
        }
    }
    for n in 0..40 {
        for other in &others {
            assessment.findings.push(RatedFinding { check: format!("{}-{n}", other.check), ..other.clone() });
        }
    }
    derived(assessment)
}

/// Names and values without a place to break a line.
pub(crate) fn long_names() -> Assessment {
    let mut assessment = typical();
    let word = "averyveryverylongname".repeat(8);
    assessment.node.hostname = format!("{word}.{word}.example");
    assessment.node.facts.push((word.clone(), word.clone()));
    assessment.risk = Risk {
        grade: Grade::NotAssessable,
        at_least: Some(Grade::Medium),
        reason: format!("coverage is below 0.60: {word} {}", "and so on ".repeat(20)),
        words: Translations::default(),
    };
    for category in &mut assessment.categories {
        if category.grade.is_some() {
            category.grade = Some(Grade::NotAssessable);
            category.at_least = Some(Grade::Medium);
        }
    }
    for finding in &mut assessment.findings {
        finding.subject = format!("container {word}/{word}");
        finding.message = format!("the unit {word} says {}", "much about little, ".repeat(12));
        finding.title = format!("{} {word}", finding.title);
        finding.check = format!("{}.{word}", finding.check);
        finding
            .evidence
            .push(Citation::new(format!("/sys/fs/cgroup/{word}/{word}/{word}/cpuset"), word.repeat(3)));
        finding.remediation.verification =
            Cow::Owned(format!("cat /sys/fs/cgroup/{word}/cpuset.cpus | sort"));
        finding.confidence = Confidence::Low;
        finding.verify_first = finding.outcome.is_deviation();
        for threshold in &mut finding.thresholds {
            threshold.threshold.name = Cow::Owned(word.clone());
            threshold.threshold.unit = Cow::Owned("requests-per-second-and-replica".into());
        }
    }
    assessment.probes.push(probe(&word, "failed", &word));
    assessment.packs[0].id = word.clone();
    assessment.packs[0].status = format!("killed by signal 11 after {word}");
    derived(assessment)
}

/// Every CPU by itself, as masks of odd bindings print.
pub(crate) fn wide_lists() -> Assessment {
    let mut assessment = typical();
    let list: Vec<_> = (0..256).step_by(2).map(|cpu: u32| cpu.to_string()).collect();
    let list = list.join(",");
    for finding in &mut assessment.findings {
        finding.subject = format!("CPUs {list}");
        finding.evidence.push(Citation::new("/proc/41233/status", format!("Cpus_allowed_list:\t{list}")));
        finding
            .evidence
            .push(Citation::new("/proc/41233/status", format!("Cpus_allowed:\n{}", "ffffffff,".repeat(24))));
    }
    assessment.findings[0].caveat = Some("Re-measure after the change.".into());
    derived(assessment)
}

pub(crate) fn all() -> Vec<(&'static str, Assessment)> {
    vec![
        ("typical", typical()),
        ("all-not-applicable", all_not_applicable()),
        ("nothing", nothing()),
        ("many", many()),
        ("long-names", long_names()),
        ("wide-lists", wide_lists()),
    ]
}

fn probe(id: &str, status: &str, reason: &str) -> ProbeOutcome {
    ProbeOutcome { id: id.into(), status: status.into(), reason: reason.into() }
}

fn not_applicable(finding: RatedFinding) -> RatedFinding {
    RatedFinding { outcome: Outcome::NotApplicable, subject: "node".into(), evidence: Vec::new(), ..finding }
}

fn categories() -> Vec<CategoryResult> {
    let row = |id: Category, grade, coverage, (deviations, unanswered, not_applicable)| CategoryResult {
        id,
        title: id.title().into(),
        grade,
        at_least: if grade == Some(Grade::NotAssessable) { Some(Grade::Low) } else { None },
        stepped_up: id == Category::Interference,
        coverage,
        exposure: if deviations > 0 { 18.8 } else { 0.0 },
        deviations,
        unanswered,
        not_applicable,
    };
    vec![
        row(Category::Placement, Some(Grade::High), Some(0.8), (1, 1, 0)),
        row(Category::CpuPerformance, Some(Grade::Low), Some(1.0), (1, 0, 0)),
        row(Category::Interference, Some(Grade::NotAssessable), Some(0.0), (0, 1, 0)),
        row(Category::Memory, None, None, (0, 0, 0)),
        row(Category::GpuHealth, None, None, (0, 0, 0)),
        row(Category::Platform, None, None, (0, 0, 1)),
        row(Category::ServiceLevel, None, None, (0, 0, 0)),
    ]
}

fn simple(check: &str, title: &str, category: Category) -> RatedFinding {
    RatedFinding {
        check: check.into(),
        title: title.into(),
        category,
        outcome: Outcome::Pass,
        severity: Severity::High,
        weight: 3,
        gate: false,
        likelihood: 2,
        likelihood_reason: None,
        confidence: Confidence::High,
        verify_first: false,
        score: 0.0,
        grade: None,
        waiver: None,
        subject: "node".into(),
        message: String::new(),
        problem: String::new(),
        effect: String::new(),
        object: None,
        variant: None,
        args: BTreeMap::new(),
        words: BTreeMap::new(),
        intents: Vec::new(),
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
            runtime: Cow::Borrowed("none (firmware or boot setting)"),
            persistent: Cow::Borrowed(""),
            rollback: Cow::Borrowed(""),
            change: ChangeKind::Runtime,
            verification: Cow::Borrowed(""),
            expected_effect: Cow::Borrowed(""),
        },
        risk_of_change: 1,
        thresholds: Vec::new(),
        caveat: None,
        references: Vec::new(),
    }
}

fn numa_known() -> RatedFinding {
    simple("sample.numa-known", "Every GPU reports the NUMA node it is attached to", Category::Placement)
}

fn gpu_affinity() -> RatedFinding {
    RatedFinding {
        rationale: "Kernel launches, copies and control messages of a worker on the far socket cross the link between \
                    the sockets; it shows first in p95 and p99 and in the variance from run to run."
            .into(),
        business: "Each GPU has a near half and a far half of the server. Its helper program works from the far \
                   half, so every instruction takes a detour."
            .into(),
        applicability: "Hosts with two or more NUMA nodes; virtual machines only where the layout is passed on".into(),
        remediation: Remediation {
            runtime: Cow::Borrowed(
                "vLLM: add --numa-bind (or --numa-bind-nodes 0 0 1 1) ; SGLang: --numa-node 0 0 1 1 or \
                 SGLANG_AUTO_NUMA_BIND=1 ; any server on one socket: numactl --cpunodebind=0 --membind=0 vllm serve … \
                 ; test only, running process: taskset -acp 0-31,64-95 PID",
            ),
            persistent: Cow::Borrowed("put the flag or numactl into the unit's ExecStart"),
            rollback: Cow::Borrowed("remove the flag ; taskset -acp 0-$(($(nproc --all)-1)) PID"),
            change: ChangeKind::ServiceRestart,
            verification: Cow::Borrowed(
                "for t in /proc/PID/task/*; do grep Cpus_allowed_list $t/status; done | sort | uniq -c ; \
                 numastat -p PID",
            ),
            expected_effect: Cow::Borrowed(
                "PyTorch's documentation: typically 1-10 % overall, sometimes much more or none.",
            ),
        },
        risk_of_change: 2,
        thresholds: vec![Limit {
            threshold: Threshold {
                name: Cow::Borrowed("share of CPU time on a remote node"),
                number: 5.0,
                unit: Cow::Borrowed("%"),
                basis: ThresholdBasis::Expert,
                source: Cow::Borrowed("above the noise of the sampling of five idle hosts"),
                date: Cow::Borrowed("2026-02-01"),
                applies_to: Cow::Borrowed("hosts with two or more NUMA nodes"),
            },
            overridden: Some(Override { number: 10.0, reason: OVERRIDE_REASON.into() }),
        }],
        caveat: Some(
            "A wrong binding is worse than none: measure again, and keep enough physical cores per worker.".into(),
        ),
        references: vec![
            reference("NUMA binding (PyTorch elastic)", "https://docs.pytorch.org/docs/stable/elastic/numa.html"),
            reference("numactl(8)", "https://man7.org/linux/man-pages/man8/numactl.8.html"),
        ],
        questions: decides("placement"),
        ..simple("test.placement", "GPU workers run on CPUs local to their GPU", Category::Placement)
    }
}

fn governor() -> RatedFinding {
    RatedFinding {
        rationale: "Serial launch and scheduling work runs at whatever clock the governor allows; it shows as jitter \
                    of the time to the first token and between tokens."
            .into(),
        business: "The processor is set to save electricity while it feeds far more expensive GPUs.".into(),
        applicability: "Bare metal; virtual machines only where frequency scaling is exposed".into(),
        remediation: Remediation {
            runtime: Cow::Borrowed(
                "cpupower frequency-set -g performance  (or: echo performance | tee \
                 /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor)",
            ),
            persistent: Cow::Borrowed("tuned-adm profile accelerator-performance"),
            rollback: Cow::Borrowed("tuned-adm profile balanced ; cpupower frequency-set -g powersave"),
            change: ChangeKind::Runtime,
            verification: Cow::Borrowed(
                "sort -u /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor ; cpupower frequency-info",
            ),
            expected_effect: Cow::Borrowed("A magazine measured +11 % performance and +7 % power on one Xeon."),
        },
        risk_of_change: 1,
        thresholds: vec![Limit {
            threshold: Threshold {
                name: Cow::Borrowed("CPUs that may have another governor"),
                number: 0.0,
                unit: Cow::Borrowed("count"),
                basis: ThresholdBasis::Vendor,
                source: Cow::Borrowed("TuneD profile accelerator-performance"),
                date: Cow::Borrowed("2025-11-20"),
                applies_to: Cow::Borrowed("all"),
            },
            overridden: None,
        }],
        references: vec![reference(
            "CPU Performance Scaling",
            "https://docs.kernel.org/admin-guide/pm/cpufreq.html",
        )],
        questions: decides("governor"),
        ..simple("test.governor", "CPUs run with the performance governor", Category::CpuPerformance)
    }
}

fn decides(question: &'static str) -> Vec<Question> {
    vec![Question { id: Cow::Borrowed(question), decides: true }]
}

fn reference(title: &'static str, url: &'static str) -> Reference {
    Reference { title: Cow::Borrowed(title), url: Cow::Borrowed(url) }
}
