//! `cpu.cstates`: deep idle states do not add wake-up latency on serving cores.
//!
//! Serving CPUs are those that busy threads of inference servers were seen on. Where no state with a long exit
//! latency is enabled on them, or a program asks the kernel for short latency, the settings alone pass. Otherwise the
//! time spent in such states under load decides, as a mean over the serving CPUs, since threads move between
//! readings. The catalogue's failure needs a missed objective at p99; where none is known, a warning stands and what
//! is missing is told. CPUs that serve network interrupts are not added to the serving CPUs: the check of interrupts
//! has those.

use plumb_check_sdk::limit::{Limit, Microseconds, Percent, Quantity};
use plumb_check_sdk::model::{CpuIdle, CpuReading, IdleResidency, IdleState};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

use crate::{host, objective, serving};

/// See the module.
pub struct CpuCstates;

const LATENCY: Limit<Microseconds> = Limit {
    name: "exit latency of an idle state that counts as deep",
    value: Quantity::new(99.0),
    basis: ThresholdBasis::Published,
    source: "TuneD, profile accelerator-performance: force_latency=99",
    date: "2026-11-23",
    applies_to: "bare metal",
};

const SOME: Limit<Percent> = Limit {
    name: "time that serving CPUs may spend in deep idle states",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "serving CPUs under load",
};

const MUCH: Limit<Percent> = Limit {
    name: "time in deep idle states above which a missed objective is laid to them",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "serving CPUs under load",
};

const SERVING: Limit<Percent> = Limit {
    name: "CPU time of a thread that makes its CPUs serving ones",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: less is background",
    date: "2026-11-23",
    applies_to: "threads of inference servers",
};

static THRESHOLDS: [Threshold; 4] =
    [LATENCY.threshold(), SOME.threshold(), MUCH.threshold(), SERVING.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.cstates"),
    title: Borrowed("Deep idle states do not add wake-up latency on serving cores"),
    category: Category::CpuPerformance,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Each sleep and wake-up adds microseconds to requests and interrupts. It matters at low and bursty \
         load, and hardly where cores spin.",
    ),
    business: Borrowed("The processor naps between requests and needs a moment to wake up."),
    needs: Borrowed(&[
        Borrowed("/cpuidle"),
        Borrowed("/engagement/slo"),
        Borrowed("/measurements/bench"),
        Borrowed("/node/virtualization"),
        Borrowed("/power/dma_latency_us"),
        Borrowed("/power/resume_latency_us"),
        Borrowed("/power/window/idle"),
        Borrowed("/window/cpus"),
        Borrowed("/window/gpus"),
        Borrowed("/window/processes"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`cpupower idle-set -D 100` disables states with an exit latency of 100 µs or more; AMD: \
             `cpupower idle-set -d 2`",
        ),
        persistent: Borrowed(
            "`tuned-adm profile accelerator-performance` (99 µs) or `latency-performance` (1 to 3 µs), or a \
             daemon that holds `/dev/cpu_dma_latency` open",
        ),
        rollback: Borrowed("`cpupower idle-set -E`; `tuned-adm profile PROFILE` with the former one"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`cpupower idle-info`; columns `C1%` and `C6%` of `turbostat`"),
        expected_effect: Borrowed(
            "The kernel's table for Sapphire Rapids has exit latencies of 1 µs for C1, 2 µs for C1E and 290 \
             µs for C6 (target residency 800 µs). There is no published number for language models.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SmallBatch, WorkloadTrait::StrictTail]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[Borrowed("idle-states")]),
    applicability: Borrowed(
        "Bare metal; not virtual machines; containers read the host's; Intel and AMD CPUs",
    ),
    caveat: Some(Borrowed(
        "Leave C-states enabled in the firmware (AMD advises against disabling them). Keeping all cores out \
         of C6 takes away power that turbo and PCT need: limit it to the inference CPUs.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed(
                "AMD Instinct MI300X system optimization (EPYC 9004 BIOS, C-states, NUMA balancing, \
                 iommu=pt)",
            ),
            url: Borrowed(
                "https://github.com/ROCm/amdgpu-docs/blob/develop/docs/system-optimization/mi300x.rst",
            ),
        },
        Reference {
            title: Borrowed("Linux source: drivers/idle/intel_idle.c"),
            url: Borrowed(
                "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/drivers/idle/intel_idle.c",
            ),
        },
        Reference {
            title: Borrowed("RHEL 10: Improving the network latency (C-states)"),
            url: Borrowed(
                "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/10/html/network_troubleshooting_and_performance_tuning/improving-the-network-latency",
            ),
        },
        Reference {
            title: Borrowed("Linux kernel docs: CPU Idle Time Management (PM QoS, /dev/cpu_dma_latency)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/cpuidle.html"),
        },
    ]),
};

impl Check for CpuCstates {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let cpuidle = match evidence.cpuidle() {
            Ok(cpuidle) => cpuidle,
            Err(missing) => return host::without(&META, evidence, "idle states", missing),
        };
        if cpuidle.states.is_empty() {
            let missing = Missing::new(Absence::Absent, "no CPU has idle states");
            return host::without(&META, evidence, "idle states", missing);
        }
        let latency = evidence.limit(&META, &LATENCY).value.number();
        let deep = Deep::new(evidence, cpuidle, latency);
        if deep.cpus.is_empty() {
            return Ok(vec![deep.none(cpuidle, latency)]);
        }
        let enabled = format!("{} enabled on CPUs {}", deep.names(), deep.cpus);
        let unseen = |why: String| Ok(vec![META.not_run("node", format!("{enabled}, but {why}"))]);
        let window = match serving::window(evidence) {
            Ok(window) => window,
            Err(missing) => return unseen(format!("whether serving CPUs use them is unknown: {missing}")),
        };
        let least = evidence.limit(&META, &SERVING).value.number() / 100.0;
        let serving = match window.serving_cpus(least) {
            Ok(serving) if serving.is_empty() => {
                return unseen(
                    "no thread of an inference server was busy: collect while the service runs".to_owned(),
                );
            }
            Ok(serving) => serving,
            Err(missing) => return unseen(format!("where inference servers ran is unknown: {missing}")),
        };
        let concerned = serving.intersection(&deep.cpus);
        if concerned.is_empty() {
            return Ok(vec![deep.none(cpuidle, latency)]);
        }
        if let Err(missing) = evidence.under_load() {
            return unseen(missing.to_string());
        }
        let idle: Vec<IdleResidency> = match evidence.get("/power/window/idle") {
            Ok(idle) => idle,
            Err(missing) => return unseen(format!("the time spent in them is unknown: {missing}")),
        };
        Ok(judge(evidence, &deep, &concerned, &idle, window.length()?, latency))
    }
}

/// States with a long exit latency and the CPUs on which the kernel may choose them.
struct Deep<'a> {
    states: Vec<&'a IdleState>,
    cpus: CpuSet,
    /// What keeps the kernel from choosing them.
    request: Option<Citation>,
}

impl<'a> Deep<'a> {
    fn new(evidence: &Evidence<'_>, cpuidle: &'a CpuIdle, latency: f64) -> Self {
        let states: Vec<&IdleState> = cpuidle
            .states
            .iter()
            .filter(|state| state.latency_us as f64 > latency && !state.cpus.is_subset(&state.disabled))
            .collect();
        let mut deep = Self { states, cpus: CpuSet::new(), request: None };
        // Only root can read the request of the whole node; without it the states count as open.
        if let Ok(allowed) = evidence.get::<u64>("/power/dma_latency_us")
            && allowed as f64 <= latency
        {
            deep.request = Some(Citation::new("/dev/cpu_dma_latency", format!("{allowed} µs")));
            return deep;
        }
        let requests: Vec<CpuReading> = evidence.get("/power/resume_latency_us").unwrap_or_default();
        let bound =
            requests.iter().filter(|group| group.value.known().is_some_and(|&value| value as f64 <= latency));
        let bound = bound.fold(CpuSet::new(), |all, group| all.union(&group.cpus));
        for state in &deep.states {
            deep.cpus = deep.cpus.union(&state.cpus.difference(&state.disabled).difference(&bound));
        }
        deep
    }

    fn names(&self) -> String {
        let names: Vec<String> =
            self.states.iter().map(|state| format!("{} ({} µs)", state.name, state.latency_us)).collect();
        format!("idle states {}", names.join(", "))
    }

    fn none(&self, cpuidle: &CpuIdle, latency: f64) -> Finding {
        if let Some(request) = &self.request {
            let message = format!("a program asks the kernel for an exit latency of {latency:.0} µs or less");
            return META.pass("node", message).with_evidence(request.clone());
        }
        let open =
            |state: &&IdleState| !state.cpus.is_subset(&state.disabled) && state.latency_us as f64 <= latency;
        let deepest = cpuidle.states.iter().filter(open).max_by_key(|state| state.latency_us);
        let Some(state) = deepest else {
            return META.not_run("node", format!("no idle state up to {latency:.0} µs is enabled"));
        };
        META.pass(
            "node",
            format!(
                "the deepest idle state that serving CPUs can enter is {} ({} µs)",
                state.name, state.latency_us
            ),
        )
        .with_evidence(cite(state, state.latency_us.to_string(), "latency"))
    }
}

fn cite(state: &IdleState, value: String, file: &str) -> Citation {
    let cpu = state.cpus.first().unwrap_or_default();
    Citation::new(format!("/sys/devices/system/cpu/cpu{cpu}/cpuidle/state{}/{file}", state.index), value)
}

fn judge(
    evidence: &Evidence<'_>,
    deep: &Deep<'_>,
    concerned: &CpuSet,
    idle: &[IdleResidency],
    seconds: f64,
    latency: f64,
) -> Vec<Finding> {
    let states: Vec<&IdleResidency> = idle.iter().filter(|state| state.latency_us as f64 > latency).collect();
    let read: CpuSet = states.iter().flat_map(|state| state.time_us.keys().copied()).collect();
    let read = read.intersection(concerned);
    let unread = concerned.difference(&read);
    let mut findings = Vec::new();
    if !unread.is_empty() {
        findings.push(
            META.not_run(format!("CPUs {unread}"), "their time in deep idle states was not read twice"),
        );
    }
    let share = |cpu: u32| {
        let microseconds: u64 = states.iter().filter_map(|state| state.time_us.get(&cpu)).sum();
        100.0 * microseconds as f64 / (seconds * 1e6)
    };
    let Some(worst) = read.iter().max_by(|&a, &b| share(a).total_cmp(&share(b))) else { return findings };
    let mean = read.iter().map(share).sum::<f64>() / read.len() as f64;
    let subject = format!("CPUs {read}");
    let message = format!(
        "serving CPUs spent {mean:.2} % of the time in {}, CPU {worst} most with {:.2} %",
        deep.names(),
        share(worst)
    );
    let seen = Quantity::new(mean);
    if !evidence.limit(&META, &SOME).is_exceeded_by(seen) {
        let finding = META.pass(subject, message);
        findings.push(with_times(finding, &states, worst));
        return findings;
    }
    let finding = if evidence.limit(&META, &MUCH).is_exceeded_by(seen) {
        match objective::is_missed(evidence) {
            Ok(true) => META.fail(subject, format!("{message}, and p99 latency misses the objective")),
            Ok(false) => {
                META.warn(subject, format!("{message}; p99 latency meets the objective all the same"))
            }
            Err(missing) => {
                let unknown = format!("whether p99 latency misses the objective is unknown: {missing}");
                findings.push(META.not_run("p99 latency", unknown));
                META.warn(subject, message)
            }
        }
    } else {
        META.warn(subject, message)
    };
    let finding = with_times(finding.with_likelihood(Likelihood::Mechanism), &states, worst);
    findings.insert(
        0,
        deep.states.iter().fold(finding, |finding, state| {
            finding.with_evidence(cite(state, state.latency_us.to_string(), "latency"))
        }),
    );
    findings
}

fn with_times(finding: Finding, states: &[&IdleResidency], cpu: u32) -> Finding {
    states.iter().filter_map(|state| Some((state, state.time_us.get(&cpu)?))).fold(
        finding,
        |finding, (state, time)| {
            finding.with_evidence(Citation::new(
                format!("/sys/devices/system/cpu/cpu{cpu}/cpuidle/state{}/time", state.index),
                format!("{time} µs in the window"),
            ))
        },
    )
}
