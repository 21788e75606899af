//! `cpu.pct-priority-cores`: priority cores (Intel's SST-TF, PCT) are enabled and used, and so are the larger ones of uneven
//! cores.
//!
//! Which class of service a core belongs to only `intel-speed-select` tells, as root and through a device that a
//! collector which only reads does not open. Its effect shows in `acpi_cppc/highest_perf`: with priority cores in
//! force, they name a higher level than the others, and engines pick them by it. So cores are priority cores where
//! the levels of a node differ by a clear step.
//!
//! Equal levels mean that priority cores are off, or that the firmware does not pass them on: that fails on hosts of
//! the class B300, which are sold with them, warns on other processors known to have them, and does not apply
//! elsewhere. Uneven cores are told by the scheduler's capacity of each CPU, or by the highest clock.
//!
//! Critical threads are those of scheduler and GPU worker processes, weighted by their CPU time; where each was seen
//! at two moments stands for its whole time. Whether the cores are near the GPU is for `numa.gpu-affinity`.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{Cppc, InferenceServer, Pu, Role, ThreadTime, Uneven};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Finding, FirmwareSetting, Intent, Likelihood,
    Missing, NoVerdict, Object, ObjectKind,
};

use crate::pages::cpu_pct_priority_cores::{CRITICAL, MOSTLY, PAGE, PARTLY, STEP, words};
use crate::{host, serving};

/// Processors that Intel sells with PCT, by the number in their model name (Intel's announcement of 22 May 2025).
const PRIORITY_SKUS: [&str; 3] = ["6962P", "6774P", "6776P"];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let vendor: String = evidence.get("/cpu/vendor")?;
    let step = evidence.limit(&PAGE, &STEP).value.number();
    let uneven = evidence.get::<Vec<Pu>>("/cpu/cpus").and_then(|cpus| Uneven::among(&cpus, step));
    if let (Ok(Some(uneven)), false) = (&uneven, host::is_virtual(evidence)?) {
        return Ok(vec![used(evidence, &Levels::of_kinds(uneven), true)?]);
    }
    if vendor != "GenuineIntel" {
        // No other processor for x86 servers has cores of two kinds.
        PAGE.not_run_if(vendor != "AuthenticAMD" && uneven.is_err(), words::UnknownKinds {})?;
        return Err(NoVerdict::not_applicable(words::OtherVendor { vendor: vendor.into() }));
    }
    PAGE.not_applicable_if(host::is_virtual(evidence)?, words::Virtual {})?;
    let model: String = evidence.get("/cpu/model")?;
    PAGE.not_applicable_if(
        is_older(evidence) == Ok(true),
        words::OlderModel { model: model.as_str().into() },
    )?;
    let sku = PRIORITY_SKUS.iter().find(|sku| model.contains(*sku));
    let without = || NoVerdict::not_applicable(words::UnknownModel { model: model.as_str().into() });
    let levels = evidence.get::<Vec<Cppc>>("/power/cppc").map_err(|why| match sku {
        None if why.is_absent() => without(),
        _ => words::UnknownLevels { reason: why.into() }.into(),
    });
    let levels = Levels::new(&levels?)?;
    let step = Quantity::new(100.0 * (levels.highest as f64 / levels.lowest.max(1) as f64 - 1.0));
    if evidence.limit(&PAGE, &STEP).is_exceeded_by(step) {
        return Ok(vec![used(evidence, &levels, sku.is_some())?]);
    }
    if sku.is_none() {
        return Err(without());
    }
    Ok(vec![equal_levels(evidence, &model, &levels)?])
}

/// True for processors older than any that could have cores of different priority: those before Skylake-SP (06_55h), whose
/// successors of the same number were the first, and Xeon Phi, whose numbers are higher.
fn is_older(evidence: &Evidence<'_>) -> Result<bool, Missing> {
    let (family, model): (u32, u32) = (evidence.get("/power/family")?, evidence.get("/power/family_model")?);
    Ok(match family {
        6 => model < 0x55 || matches!(model, 0x56 | 0x57 | 0x85),
        ..=5 | 11 | 15 => true,
        _ => false,
    })
}

/// Cores by the level that they name.
struct Levels {
    highest: u64,
    lowest: u64,
    /// The unit of the two, and the word by which sentences choose.
    unit: &'static str,
    kind: &'static str,
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
        Ok(Self { highest, lowest, unit: "", kind: "priority", priority: priority.clone(), evidence })
    }

    fn of_kinds(uneven: &Uneven) -> Self {
        let Uneven { fast, file, highest, lowest } = uneven;
        let (scale, unit) = if file.ends_with("_freq") { (1000, " MHz") } else { (1, "") };
        let source = format!("/sys/devices/system/cpu/cpu{}/{file}", fast.first().unwrap_or_default());
        let evidence = vec![Citation::new(source, format!("{highest} on CPUs {fast}, {lowest} at least"))];
        let (highest, lowest) = (highest / scale, lowest / scale);
        Self { highest, lowest, unit, kind: "uneven", priority: fast.clone(), evidence }
    }

    fn cite(&self, finding: Finding) -> Finding {
        finding.with_citations(self.evidence.clone())
    }
}

fn equal_levels(evidence: &Evidence<'_>, model: &str, levels: &Levels) -> Result<Finding, Missing> {
    let machine: String = evidence.get("/node/machine")?;
    let gpus = evidence.gpus()?;
    let is_b300 = machine.contains("B300")
        || gpus.iter().any(|gpu| gpu.name.known().is_some_and(|name| name.contains("B300")));
    let (node, model) = (Object::node(), Arg::from(model));
    let finding = if is_b300 {
        PAGE.fail(node, words::OffOnB300 { model })
            .with_evidence(Citation::new("/sys/class/dmi/id/product_name", machine))
    } else {
        PAGE.warn(node, words::Off { model })
    };
    let finding = finding.with_intent(Intent::Firmware { setting: FirmwareSetting::PriorityCores });
    Ok(levels.cite(finding.with_likelihood(Likelihood::Setting).with_confidence(Confidence::Medium)))
}

/// Whether the critical threads run on the priority cores.
fn used(evidence: &Evidence<'_>, levels: &Levels, is_known: bool) -> Result<Finding, NoVerdict> {
    let servers: Vec<InferenceServer> = evidence.get("/servers")?;
    let is_critical = |role: Role| matches!(role, Role::EngineCore | Role::GpuWorker | Role::Whole);
    let processes = servers.iter().flat_map(|server| &server.processes);
    let critical: BTreeSet<u32> =
        processes.filter(|process| is_critical(process.role)).map(|process| process.pid).collect();
    PAGE.not_run_if(critical.is_empty(), words::NoProcess {})?;
    let window = serving::window(evidence)?;
    let least = evidence.limit(&PAGE, &CRITICAL).value.number() / 100.0;
    let busy = window.busy_threads(least)?;
    // The kernel has no process 0: whose thread it is was not read.
    if let Some(thread) = busy.iter().find(|thread| thread.pid == 0) {
        let (thread, name) = (Arg::text(thread.tid.to_string()), Arg::from(&thread.comm));
        return Err(words::UnknownProcess { thread, name }.into());
    }
    let threads: Vec<&ThreadTime> =
        busy.into_iter().filter(|thread| critical.contains(&thread.pid)).collect();
    let mut away = 0.0;
    let mut total = 0.0;
    for thread in &threads {
        if thread.last_cpus.is_empty() {
            let (thread, name) = (Arg::text(thread.tid.to_string()), Arg::from(&thread.comm));
            return Err(words::UnknownPlace { thread, name }.into());
        }
        let used = thread.cpu_share(window.length()?);
        total += used;
        away += used * share_away(thread, levels);
    }
    PAGE.not_run_if(threads.is_empty(), words::NoBusyThread {})?;
    let percent = Quantity::new(100.0 * away / total);
    let object = Object::new(ObjectKind::Other, "scheduler and GPU workers");
    let (share, cpus) = (Arg::of(percent, 0), Arg::from(&levels.priority));
    let level = |level: u64| Arg::text(format!("{level}{}", levels.unit));
    let (level, other, kind) = (level(levels.highest), level(levels.lowest), Arg::text(levels.kind));
    let finding = if evidence.limit(&PAGE, &PARTLY).is_exceeded_by(percent) {
        let said = words::Away { share, cpus, kind, level, other };
        let finding = if evidence.limit(&PAGE, &MOSTLY).is_exceeded_by(percent) {
            PAGE.fail(object, said)
        } else {
            PAGE.warn(object, said)
        };
        finding.with_likelihood(Likelihood::Mechanism).with_intents(places(&servers, &threads, levels))
    } else {
        PAGE.pass(object, words::Used { share, cpus, kind, level, other })
    };
    let confidence = if is_known { Confidence::High } else { Confidence::Medium };
    let finding = levels.cite(finding.with_confidence(confidence));
    let weight = |thread: &ThreadTime| share_away(thread, levels) * thread.cpu_share(1.0);
    let farthest = threads.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)));
    Ok(finding.with_citations(farthest.map(|thread| {
        let places = thread.last_cpus.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let ThreadTime { pid, tid, comm, cpu_ticks, .. } = thread;
        let value = format!("{comm}: on CPU {places} at the readings, +{cpu_ticks} ticks");
        Citation::new(format!("/proc/{pid}/task/{tid}/stat"), value)
    })))
}

/// Better places for the servers of which critical threads were seen away from priority cores.
fn places(servers: &[InferenceServer], threads: &[&ThreadTime], levels: &Levels) -> Vec<Intent> {
    let away: BTreeSet<u32> =
        threads.iter().filter(|thread| share_away(thread, levels) > 0.0).map(|thread| thread.pid).collect();
    let place = |server: &InferenceServer| {
        let mut own = server.processes.iter().map(|process| process.pid).filter(|pid| away.contains(pid));
        let first = own.next()?;
        let process = own.next().is_none().then_some(first);
        Some(Intent::Place { server: server.pid, process, gpu: None })
    };
    servers.iter().filter_map(place).collect()
}

/// Share of the readings at which a thread was on a core without priority.
fn share_away(thread: &ThreadTime, levels: &Levels) -> f64 {
    let away = thread.last_cpus.iter().filter(|&&cpu| !levels.priority.contains(cpu)).count();
    away as f64 / thread.last_cpus.len().max(1) as f64
}
