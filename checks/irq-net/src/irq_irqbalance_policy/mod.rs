//! `irq.irqbalance-policy`: interrupt placement has one owner.
//!
//! Without irqbalance the question is where interrupts went: on one CPU, or spread. With it, whether they stay off
//! the CPUs that the kernel isolates (`isolcpus=`, isolated cpusets) or frees of ticks (`nohz_full=`).
//!
//! The catalogue warns where irqbalance runs without a ban list on a host with isolation. irqbalance takes isolated
//! and tick-free CPUs out by itself where no list is set, so that is no deviation; a list that leaves one of them in
//! is, and so are interrupts that were served there. A persistent script cannot be seen: what it did can.

use plumb_check_sdk::limit::{PerSecond, Percent, Quantity};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict,
    Object, ObjectKind, if_any,
};

use crate::lines::{ISOLATED, Served, cpus_in, number};
use crate::pages::irq_irqbalance_policy::{ON_ISOLATED, ONE_CPU, PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    if let Some(container) = evidence.container_runtime()? {
        return Err(words::InContainer { container: container.into() }.into());
    }
    let runs = evidence.processes()?.iter().find(|process| process.comm == "irqbalance");
    let Some(process) = runs else { return Ok(vec![judge_concentration(evidence)?]) };
    let isolated =
        cpus_in(evidence, ISOLATED)?.union(&cpus_in(evidence, "/sys/devices/system/cpu/nohz_full")?);
    let running = Citation::new(format!("{}/stat", process.path), "irqbalance");
    let ban_list: Finding = PAGE.settle(irqbalance(), judge_ban_list(evidence, &isolated));
    let mut findings = vec![ban_list.with_evidence(running)];
    if !isolated.is_empty() {
        let object = Object::cpus(&isolated).named(format!("isolated CPUs {isolated}"));
        findings.extend(PAGE.settle(object.clone(), judge_isolated(object, evidence, &isolated)));
    }
    Ok(findings)
}

fn irqbalance() -> Object {
    Object::new(ObjectKind::Unit, "irqbalance.service").named("irqbalance")
}

/// The ban list of the configuration, with the file and line that set it.
fn ban_list(evidence: &Evidence<'_>) -> Result<Option<(CpuSet, Citation)>, Missing> {
    for path in ["/etc/default/irqbalance", "/etc/sysconfig/irqbalance"] {
        let Some(text) = if_any(evidence.setting("interrupts", path))? else { continue };
        for line in text.lines().map(str::trim) {
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            if value.is_empty() {
                continue;
            }
            let cpus = match name.trim().trim_start_matches("export ") {
                "IRQBALANCE_BANNED_CPULIST" => value.parse().ok(),
                "IRQBALANCE_BANNED_CPUS" => CpuSet::from_mask(value).ok(),
                _ => continue,
            };
            let cpus =
                cpus.ok_or_else(|| Missing::new(Absence::Malformed, format!("{path} holds `{line}`")))?;
            return Ok(Some((cpus, Citation::new(path, line))));
        }
    }
    Ok(None)
}

fn judge_ban_list(evidence: &Evidence<'_>, isolated: &CpuSet) -> Result<Finding, Missing> {
    let object = irqbalance();
    let Some((banned, citation)) = ban_list(evidence)? else {
        return Ok(if isolated.is_empty() {
            PAGE.pass(object, words::NothingIsolated {})
        } else {
            PAGE.pass(object, words::NoList { isolated: isolated.into() })
        });
    };
    let open = isolated.difference(&banned);
    let finding = if isolated.is_empty() {
        PAGE.pass(object, words::NothingIsolated {})
    } else if open.is_empty() {
        PAGE.pass(object, words::ListHolds { banned: (&banned).into(), isolated: isolated.into() })
    } else {
        let said = words::ListLacks {
            banned: (&banned).into(),
            open: (&open).into(),
            open_count: open.len().into(),
        };
        PAGE.warn(object, said)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new(ISOLATED, isolated.to_string()))
            .with_intent(Intent::InterruptBan { cpus: banned.union(isolated), was: banned })
    };
    Ok(finding.with_evidence(citation))
}

/// Device interrupts that isolated CPUs served, where there was a window.
fn judge_isolated(
    object: Object,
    evidence: &Evidence<'_>,
    isolated: &CpuSet,
) -> Result<Option<Finding>, Missing> {
    let window = evidence.window()?;
    let (lines, seconds) = (window.interrupts.require()?, window.length()?);
    let devices = lines.iter().filter_map(|line| Some((line, number(line)?)));
    let mut busy: Vec<(u64, &str, u32)> =
        devices.map(|(line, irq)| (Served::of([line]).on(isolated), line.name.as_str(), irq)).collect();
    busy.sort_by(|a, b| b.cmp(a));
    let Some(&(count, name, _)) = busy.first() else { return Ok(None) };
    let rate =
        Quantity::<PerSecond>::new(busy.iter().map(|&(count, _, _)| count).sum::<u64>() as f64 / seconds);
    let rate_arg = Arg::quantity(rate.number(), "", 1);
    let finding = if evidence.limit(&PAGE, &ON_ISOLATED).is_exceeded_by(rate) {
        let irqs = busy.iter().filter(|&&(count, _, _)| count > 0).map(|&(_, _, irq)| irq).collect();
        let (cpus, cpus_count) = (isolated.into(), isolated.len().into());
        PAGE.warn(object, words::OnIsolated { cpus, cpus_count, rate: rate_arg })
            .with_intent(Intent::Interrupts { irqs, device: None, avoid: isolated.clone() })
    } else {
        PAGE.pass(object, words::OffIsolated { rate: rate_arg })
    };
    let citation = Citation::new("/proc/interrupts", format!("{name}: {count} of them"));
    Ok(Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)))
}

/// Without irqbalance: how much of the device interrupts one CPU serves.
fn judge_concentration(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let online: CpuSet = evidence.get("/cpu/online")?;
    if online.len() < 2 {
        return Ok(PAGE.not_applicable(Object::node(), words::OneCpuOnly {}));
    }
    let window = evidence.window().ok();
    let counted = window.and_then(|window| Some((window.interrupts.known()?, window.length().ok()?)));
    let (served, seconds, basis) = if let Some((lines, seconds)) = counted {
        (Served::of(lines.iter().filter(|line| number(line).is_some())), seconds, "window")
    } else {
        let mut served = Served::default();
        for line in evidence.interrupts()? {
            // A line that may go to several CPUs says nothing about one.
            if let (Some(cpus), Some(&count)) = (line.effective_affinity_list.known(), line.count.known())
                && let (1, Some(cpu)) = (cpus.len(), cpus.first())
            {
                served.add(cpu, count);
            }
        }
        (served, 1.0, "boot")
    };
    let Some((busiest, count, share)) = served.most() else {
        return Ok(PAGE.not_run(Object::node(), words::NoneOfACpu {}));
    };
    let total = served.total();
    let share = Quantity::<Percent>::new(share);
    let (cpu, rate) = (Arg::text(busiest.to_string()), Arg::quantity(total as f64 / seconds, "", 0));
    let (basis_arg, share_arg) = (Arg::from(basis), Arg::of(share, 0));
    let finding = if evidence.limit(&PAGE, &ONE_CPU).is_exceeded_by(share) {
        PAGE.fail(Object::node(), words::PiledUp { basis: basis_arg, cpu, rate, share: share_arg })
            .with_intent(Intent::Unit { name: "irqbalance.service".into(), runs: true })
    } else {
        PAGE.pass(Object::node(), words::SpreadOut { basis: basis_arg, cpu, rate, share: share_arg })
    };
    let (likelihood, confidence) = match basis {
        "window" => (Likelihood::Mechanism, Confidence::High),
        _ => (Likelihood::Setting, Confidence::Medium),
    };
    Ok(finding
        .with_likelihood(likelihood)
        .with_confidence(confidence)
        .with_evidence(Citation::new("/proc/interrupts", format!("CPU {busiest}: {count} of {total}"))))
}
