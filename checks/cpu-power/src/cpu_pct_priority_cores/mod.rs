//! `cpu.pct-priority-cores`: Intel priority cores (SST-TF, PCT) are enabled and used.
//!
//! Which class of service a core belongs to only `intel-speed-select` tells, as root and through a device that a
//! collector which only reads does not open. Its effect shows in `acpi_cppc/highest_perf`: with priority cores in
//! force, they name a higher level than the others, and engines pick them by it. So cores are priority cores where
//! the levels of a node differ by a clear step.
//!
//! Equal levels mean that priority cores are off, or that the firmware does not pass them on: that fails on hosts of
//! the class B300, which are sold with them, warns on other processors known to have them, and does not apply
//! elsewhere.
//!
//! Critical threads are those of scheduler and GPU worker processes, weighted by their CPU time; where each was seen
//! at two moments stands for its whole time. Whether the cores are near the GPU is for `numa.gpu-affinity`.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cppc, InferenceServer, Role, ThreadTime};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::{host, serving};

/// Processors that Intel sells with PCT, by the number in their model name (Intel's announcement of 22 May 2025).
const PRIORITY_SKUS: [&str; 3] = ["6962P", "6774P", "6776P"];

/// See the module.
pub struct CpuPctPriorityCores;

const STEP: Limit<Percent> = Limit {
    name: "step between performance levels that makes the higher ones priority cores",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: favoured cores without priority differ by a few per cent",
    date: "2026-11-23",
    applies_to: "Intel server CPUs with CPPC",
};

const PARTLY: Limit<Percent> = Limit {
    name: "CPU time of critical threads away from priority cores",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "hosts with priority cores in force",
};

const MOSTLY: Limit<Percent> = Limit {
    name: "CPU time of critical threads away from priority cores that fails",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "hosts with priority cores in force",
};

const CRITICAL: Limit<Percent> = Limit {
    name: "CPU time of a thread that makes it critical",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: less is background",
    date: "2026-11-23",
    applies_to: "threads of schedulers and GPU workers",
};

static THRESHOLDS: [Threshold; 4] =
    [STEP.threshold(), PARTLY.threshold(), MOSTLY.threshold(), CRITICAL.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.pct-priority-cores"),
    title: Borrowed("Intel priority cores (SST-TF / PCT) are enabled and used"),
    category: Category::CpuPerformance,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(9),
    rationale: Borrowed(
        "On such hosts the cores without priority run near their base clock. Missing the priority cores \
         costs far more than misplacement usually does.",
    ),
    business: Borrowed(
        "The processor has a few fast lanes per socket. The programs that feed the GPUs are driving in the \
         slow lanes.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu/model"),
        Borrowed("/cpu/vendor"),
        Borrowed("/gpus"),
        Borrowed("/node/machine"),
        Borrowed("/node/virtualization"),
        Borrowed("/power/cppc"),
        Borrowed("/servers"),
        Borrowed("/window/cpus"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`intel-speed-select core-power enable`, then assign classes of service (scripts in Intel's \
             Optimization Zone); vLLM: `--numa-bind` chooses the priority cores by itself",
        ),
        persistent: Borrowed(
            "A boot service that assigns the classes of service again, or TuneD's `intel-sst` profile; \
             `--numa-bind` in the unit",
        ),
        rollback: Borrowed("`intel-speed-select core-power disable`; remove the flag"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`intel-speed-select core-power get-assoc`; column `Bzy_MHz` of `turbostat` for the CPUs of the \
             list (about 4600 on a 6776P)",
        ),
        expected_effect: Borrowed(
            "Intel, as the vendor: 218 against 121 tokens per second of goodput, 1.8 times as much, for \
             Qwen3-235B with 100K context on 8x HGX B300 at an objective of 400 ms. NVIDIA Megatron-Bridge: \
             losing the PCT binding cost about 7.3 % of throughput on 64x B300, in training. An earlier pull \
             request there (#1928) says that PCT binding recovers 60 % of a regression, in words that can be \
             read two ways.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::LongPrompts, WorkloadTrait::SmallBatch]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[Borrowed("vendor-bias")]),
    applicability: Borrowed(
        "Bare metal; Intel Xeon 6 with PCT (6776P, hosts such as HGX B300) and Intel servers whose cores \
         name different levels; nothing else",
    ),
    caveat: Some(Borrowed(
        "Keeping the other cores from idling takes away the power that the priority cores need.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "Intel Optimization Zone: Enabling Priority Core Turbo (PCT) for GPU Performance",
            ),
            url: Borrowed(
                "https://github.com/intel/optimization-zone/blob/main/hardware/priority_core_turbo/README.md",
            ),
        },
        Reference {
            title: Borrowed("Intel community blog on PCT as AI host (read through a third-party summary)"),
            url: Borrowed("https://aissential.tech/articles/cefc4aee-876a-4905-b1f8-94525277a882"),
        },
        Reference {
            title: Borrowed(
                "vLLM PR #43270: auto-bind to PCT priority cores on DGX B300, widen EngineCore across shard \
                 NUMA nodes",
            ),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/43270"),
        },
        Reference {
            title: Borrowed(
                "TensorRT-LLM PR #12168: detect PCT, CPU affinity to high-priority cores; fixes \
                 index-versus-UUID lookup",
            ),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/12168"),
        },
        Reference {
            title: Borrowed("NVIDIA Megatron-Bridge PR #6056: PCT binding dropped, then restored"),
            url: Borrowed("https://github.com/NVIDIA-NeMo/Megatron-Bridge/pull/6056"),
        },
        Reference {
            title: Borrowed("vLLM API docs: vllm.utils.numa_utils"),
            url: Borrowed("https://docs.vllm.ai/en/stable/api/vllm/utils/numa_utils/"),
        },
    ]),
};

impl Check for CpuPctPriorityCores {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let vendor: String = evidence.get("/cpu/vendor")?;
        if vendor != "GenuineIntel" {
            return Ok(vec![
                META.not_applicable("node", format!("`{vendor}` CPUs have no priority cores of this kind")),
            ]);
        }
        if host::is_virtual(evidence)? {
            return Ok(vec![
                META.not_applicable("node", "virtual machine: the hypervisor keeps the priority cores"),
            ]);
        }
        let model: String = evidence.get("/cpu/model")?;
        let sku = PRIORITY_SKUS.iter().find(|sku| model.contains(*sku));
        let levels = match evidence.get::<Vec<Cppc>>("/power/cppc") {
            Ok(levels) => levels,
            Err(missing) if missing.missing == Absence::Absent && sku.is_none() => {
                return Ok(vec![unknown_model(&model)]);
            }
            Err(missing) => {
                let reason = format!("which cores have priority is unknown: {}", missing.reason);
                return Err(Missing { reason, ..missing });
            }
        };
        let levels = Levels::new(&levels)?;
        let step = Quantity::new(100.0 * (levels.highest as f64 / levels.lowest.max(1) as f64 - 1.0));
        if !evidence.limit(&META, &STEP).is_exceeded_by(step) {
            return equal_levels(evidence, &model, sku.is_some(), &levels);
        }
        used(evidence, &levels, sku.is_some())
    }
}

fn unknown_model(model: &str) -> Finding {
    META.not_applicable("node", format!("`{model}` is not known to have priority cores, and no core names a clearly higher level than the others"))
}

/// Cores by the level that they name.
struct Levels {
    highest: u64,
    lowest: u64,
    priority: CpuSet,
    evidence: Vec<Citation>,
}

impl Levels {
    /// # Errors
    /// Each core counts: one without a level might be the priority core.
    fn new(groups: &[Cppc]) -> Result<Self, Missing> {
        let mut by_level: BTreeMap<u64, (CpuSet, &Cppc)> = BTreeMap::new();
        for group in groups {
            let level = *group.highest_perf.require()?;
            let (cpus, _) = by_level.entry(level).or_insert_with(|| (CpuSet::new(), group));
            *cpus = cpus.union(&group.cpus);
        }
        let none = || Missing::new(Absence::Failed, "no CPU names its highest performance level");
        let (&highest, (priority, _)) = by_level.last_key_value().ok_or_else(none)?;
        let (&lowest, _) = by_level.first_key_value().ok_or_else(none)?;
        let cite = |(level, (cpus, group)): (&u64, &(CpuSet, &Cppc))| {
            Citation::new(format!("{}/highest_perf", group.path), format!("{level} on CPUs {cpus}"))
        };
        let evidence = by_level.iter().rev().map(cite).collect();
        Ok(Self { highest, lowest, priority: priority.clone(), evidence })
    }

    fn cite(&self, finding: Finding) -> Finding {
        self.evidence.iter().cloned().fold(finding, Finding::with_evidence)
    }
}

fn equal_levels(
    evidence: &Evidence<'_>,
    model: &str,
    has_them: bool,
    levels: &Levels,
) -> Result<Vec<Finding>, Missing> {
    if !has_them {
        return Ok(vec![unknown_model(model)]);
    }
    let machine: String = evidence.get("/node/machine")?;
    let gpus = evidence.gpus()?;
    let is_b300 = machine.contains("B300")
        || gpus.iter().any(|gpu| gpu.name.known().is_some_and(|name| name.contains("B300")));
    let told = format!(
        "`{model}` has priority cores, but all CPUs name the same highest level: classes of service are not set up, or \
         the firmware does not pass them on"
    );
    let finding = if is_b300 {
        META.fail("node", format!("{told}; hosts of the class B300 are made to use them"))
            .with_evidence(Citation::new("/sys/class/dmi/id/product_name", machine))
    } else {
        META.warn("node", told)
    };
    Ok(vec![levels.cite(finding.with_likelihood(Likelihood::Setting).with_confidence(Confidence::Medium))])
}

/// Whether the critical threads run on the priority cores.
fn used(evidence: &Evidence<'_>, levels: &Levels, is_known: bool) -> Result<Vec<Finding>, Missing> {
    let servers: Vec<InferenceServer> = evidence.get("/servers")?;
    let is_critical = |role: Role| matches!(role, Role::EngineCore | Role::GpuWorker | Role::Whole);
    let critical: BTreeSet<u32> = servers
        .iter()
        .flat_map(|server| &server.processes)
        .filter(|process| is_critical(process.role))
        .map(|process| process.pid)
        .collect();
    if critical.is_empty() {
        let message = "no scheduler or GPU worker process was found: collect while the service runs";
        return Ok(vec![META.not_run("node", message)]);
    }
    let window = serving::window(evidence)?;
    let least = evidence.limit(&META, &CRITICAL).value.number() / 100.0;
    let threads: Vec<&ThreadTime> =
        window.busy_threads(least)?.into_iter().filter(|thread| critical.contains(&thread.pid)).collect();
    let mut away = 0.0;
    let mut total = 0.0;
    for thread in &threads {
        if thread.last_cpus.is_empty() {
            let reason = format!("where thread {} ({}) ran is unknown", thread.tid, thread.comm);
            return Err(Missing::new(Absence::Failed, reason));
        }
        let used = thread.cpu_share(window.length()?);
        total += used;
        away += used * share_away(thread, levels);
    }
    if threads.is_empty() {
        let message = "no thread of a scheduler or GPU worker was busy: collect under load";
        return Ok(vec![META.not_run("node", message)]);
    }
    let percent = Quantity::new(100.0 * away / total);
    let priority =
        format!("priority CPUs {} (level {} against {})", levels.priority, levels.highest, levels.lowest);
    let subject = "scheduler and GPU workers";
    let message =
        format!("critical threads spent {:.0} % of their CPU time away from {priority}", percent.number());
    let finding = if evidence.limit(&META, &MOSTLY).is_exceeded_by(percent) {
        META.fail(subject, message).with_likelihood(Likelihood::Mechanism)
    } else if evidence.limit(&META, &PARTLY).is_exceeded_by(percent) {
        META.warn(subject, message).with_likelihood(Likelihood::Mechanism)
    } else {
        META.pass(subject, message)
    };
    let confidence = if is_known { Confidence::High } else { Confidence::Medium };
    let finding = levels.cite(finding.with_confidence(confidence));
    let weight = |thread: &ThreadTime| share_away(thread, levels) * thread.cpu_share(1.0);
    let farthest = threads.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)));
    Ok(vec![match farthest {
        Some(thread) => {
            let places: Vec<String> = thread.last_cpus.iter().map(u32::to_string).collect();
            finding.with_evidence(Citation::new(
                format!("/proc/{}/task/{}/stat", thread.pid, thread.tid),
                format!(
                    "{}: on CPU {} at the readings, +{} ticks",
                    thread.comm,
                    places.join(", "),
                    thread.cpu_ticks
                ),
            ))
        }
        None => finding,
    }])
}

/// Share of the readings at which a thread was on a core without priority.
fn share_away(thread: &ThreadTime, levels: &Levels) -> f64 {
    let away = thread.last_cpus.iter().filter(|&&cpu| !levels.priority.contains(cpu)).count();
    away as f64 / thread.last_cpus.len().max(1) as f64
}
