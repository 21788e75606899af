//! `irq.critical-cores`: device interrupts stay off the busiest inference cores.
//!
//! Critical CPUs are those on which a busy thread of a scheduler or GPU worker was seen at either end of the window.
//! Two things are judged there: the share of time that hardware and software interrupts took, and whether one of
//! these CPUs serves most of the interrupts of network cards.
//!
//! The second counts only above a rate of interrupts: of three interrupts a second, where they go does not matter.
//! The catalogue has no such rate. Below it, moving interrupts would not mend the first either: then what takes the time
//! has to be found out.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Limit, PerSecond, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, InterruptCount, Role, Window};
use plumb_check_sdk::{
    Arg, Citation, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object, ObjectKind,
    Outcome, Said, Step,
};

use crate::lines::{Devices, NETWORK, Served, number};
use crate::pages::irq_critical_cores::{LOW_RATE, MUCH_TIME, ONE_CORE, PAGE, SOME_TIME, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let window = evidence.window()?;
    let load = window.under_load()?;
    let critical = critical_cpus(servers, window)?;
    let time = judge_time(evidence, window, &critical, &load);
    let mut findings: Vec<Finding> = PAGE.settle(Object::cpus(&critical), time);
    let network = || Object::new(ObjectKind::Other, "interrupts of network cards");
    findings.push(PAGE.settle(network(), judge_network(evidence, window, &critical, network())));
    Ok(findings)
}

/// CPUs on which busy threads of schedulers and GPU workers were seen.
fn critical_cpus(servers: &[InferenceServer], window: &Window) -> Result<CpuSet, NoVerdict> {
    let critical: BTreeSet<u32> = (servers.iter().flat_map(|server| &server.processes))
        .filter(|process| matches!(process.role, Role::EngineCore | Role::GpuWorker | Role::Whole))
        .map(|process| process.pid)
        .collect();
    let seconds = window.length()?;
    let mut cpus = CpuSet::new();
    for thread in window.threads.require()? {
        // 100 ticks a second, so this is 1 % of a CPU.
        if critical.contains(&thread.pid) && thread.cpu_ticks as f64 >= seconds {
            if thread.last_cpus.is_empty() {
                let (tid, comm) = (Arg::text(thread.tid.to_string()), (&thread.comm).into());
                return Err(words::UnknownCpu { comm, tid }.into());
            }
            thread.last_cpus.iter().for_each(|&cpu| cpus.insert(cpu));
        }
    }
    PAGE.not_run_if(cpus.is_empty(), words::NoBusyThread {})?;
    Ok(cpus)
}

fn judge_time(
    evidence: &Evidence<'_>,
    window: &Window,
    critical: &CpuSet,
    load: &str,
) -> Result<Vec<Finding>, Missing> {
    let (some, much) = (evidence.limit(&PAGE, &SOME_TIME), evidence.limit(&PAGE, &MUCH_TIME));
    let grade = |share: Quantity<Percent>| match (some.is_undercut_by(share), much.is_exceeded_by(share)) {
        (true, _) => Outcome::Pass,
        (_, false) => Outcome::Warn,
        (_, true) => Outcome::Fail,
    };
    let mut groups: BTreeMap<Outcome, Vec<(u32, f64)>> = BTreeMap::new();
    for cpu in window.cpus.require()?.iter().filter(|cpu| critical.contains(cpu.cpu) && cpu.total() > 0) {
        let share = 100.0 * (cpu.irq_ticks + cpu.softirq_ticks) as f64 / cpu.total() as f64;
        groups.entry(grade(Quantity::new(share))).or_default().push((cpu.cpu, share));
    }
    let mut unseen = critical.clone();
    let mut findings = Vec::new();
    for (outcome, group) in groups {
        let cpus: CpuSet = group.iter().map(|&(cpu, _)| cpu).collect();
        unseen = unseen.difference(&cpus);
        let worst = group.iter().map(|&(_, share)| share).fold(0.0, f64::max);
        let worst = Arg::of(Quantity::<Percent>::new(worst), 1);
        let said: Said = if outcome.is_deviation() {
            words::Time { cpus: (&cpus).into(), cpus_count: cpus.len().into(), worst }.into()
        } else {
            words::LittleTime { worst }.into()
        };
        let shown: Vec<String> = group.iter().map(|(cpu, share)| format!("cpu{cpu} {share:.1} %")).collect();
        let shown = format!("irq + softirq: {}; load: {load}", shown.join(", "));
        let finding = PAGE
            .says(outcome, Object::cpus(&cpus), said)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new("/proc/stat", shown));
        findings.push(if outcome.is_deviation() {
            moved_or_traced(finding, evidence, window, &cpus, critical)
        } else {
            finding
        });
    }
    if !unseen.is_empty() {
        findings.push(PAGE.not_run(Object::cpus(&unseen), words::NoTime {}));
    }
    Ok(findings)
}

/// Asks for the interrupts of devices on these CPUs to go elsewhere, or to find out what takes the time if they are few.
fn moved_or_traced(
    finding: Finding,
    evidence: &Evidence<'_>,
    window: &Window,
    cpus: &CpuSet,
    critical: &CpuSet,
) -> Finding {
    let of_devices = |devices: Devices<'_>| -> Option<Vec<&InterruptCount>> {
        let lines = window.interrupts.known()?.iter();
        Some(lines.filter(|line| matches!(devices.of_count(line), Ok(Some(_)))).collect())
    };
    let lines = Devices::of(evidence).ok().and_then(of_devices).unwrap_or_default();
    let count = Served::of(lines.iter().copied()).on(cpus);
    let rate = Quantity::<PerSecond>::new(count as f64 / window.seconds);
    if evidence.limit(&PAGE, &LOW_RATE).is_undercut_by(rate) {
        return finding.with_intent(Intent::Step { step: Step::TraceInterruptions });
    }
    let text = format!("{count} interrupts of devices on CPUs {cpus}");
    finding
        .with_evidence(Citation::new("/proc/interrupts", text))
        .with_intent(elsewhere(lines, cpus, critical))
}

/// The lines that were served by `cpus`, to be served by others that are not critical either.
fn elsewhere<'a>(
    lines: impl IntoIterator<Item = &'a InterruptCount>,
    cpus: &CpuSet,
    critical: &CpuSet,
) -> Intent {
    let served = |line: &&InterruptCount| Served::of([*line]).on(cpus) > 0;
    let irqs = lines.into_iter().filter(served).filter_map(number).collect();
    Intent::Interrupts { irqs, device: None, avoid: critical.clone() }
}

/// Whether one critical CPU serves most of the interrupts of network cards.
fn judge_network(
    evidence: &Evidence<'_>,
    window: &Window,
    critical: &CpuSet,
    object: Object,
) -> Result<Finding, Missing> {
    let devices = Devices::of(evidence)?;
    let mut lines = Vec::new();
    for line in window.interrupts.require()?.iter().filter(|line| !line.counts.is_empty()) {
        if let Some(device) = devices.of_count(line)?
            && device.class.require()? >> 16 == NETWORK
        {
            lines.push(line);
        }
    }
    let served = Served::of(lines.iter().copied());
    let rate = Quantity::<PerSecond>::new(served.total() as f64 / window.length()?);
    let low: Limit<PerSecond> = evidence.limit(&PAGE, &LOW_RATE);
    let (rate, is_low) = (Arg::quantity(rate.number(), "", 0), low.is_undercut_by(rate));
    let Some((busiest, count, share)) = served.most().filter(|_| !is_low) else {
        return Ok(PAGE.info(object, words::FewInterrupts { rate }));
    };
    let share = Quantity::new(share);
    let concentrated = evidence.limit(&PAGE, &ONE_CORE).is_exceeded_by(share);
    let (cpu, share) = (Arg::text(busiest.to_string()), Arg::of(share, 0));
    let finding = match (concentrated, critical.contains(busiest)) {
        (true, true) => {
            let finding = PAGE.fail(object, words::OneCore { cpu, rate, share });
            finding.with_intent(elsewhere(lines, &[busiest].into_iter().collect(), critical))
        }
        (true, false) => PAGE.pass(object, words::OtherCore { cpu, rate, share }),
        (false, _) => PAGE.pass(object, words::SpreadInterrupts { cpu, rate, share }),
    };
    let cited = format!("network cards, CPU {busiest}: {count} of {}", served.total());
    Ok(finding.with_likelihood(Likelihood::Mechanism).with_evidence(Citation::new("/proc/interrupts", cited)))
}
