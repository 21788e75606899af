//! `irq.irqbalance-policy`: interrupt placement has one owner.
//!
//! Without irqbalance the question is where interrupts went: on one CPU, or spread. With it, whether they stay off
//! the CPUs that the kernel isolates (`isolcpus=`, isolated cpusets) or frees of ticks (`nohz_full=`).
//!
//! The catalogue warns where irqbalance runs without a ban list on a host with isolation. irqbalance takes isolated
//! and tick-free CPUs out by itself where no list is set, so that is no deviation; a list that leaves one of them in
//! is, and so are interrupts that were served there. A persistent script cannot be seen: what it did can.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, PerSecond, Percent, Quantity};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding,
    Likelihood, Missing, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

/// See the module.
pub struct IrqIrqbalancePolicy;

const ONE_CPU: Limit<Percent> = Limit {
    name: "share of device interrupts on one CPU",
    value: Quantity::new(80.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "nodes with two CPUs or more on which irqbalance does not run",
};
const ON_ISOLATED: Limit<PerSecond> = Limit {
    name: "rate of device interrupts on isolated CPUs",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: isolation is there to have none",
    date: "2026-11-23",
    applies_to: "hosts that isolate CPUs",
};

static THRESHOLDS: [Threshold; 2] = [ONE_CPU.threshold(), ON_ISOLATED.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("irq.irqbalance-policy"),
    title: Borrowed("Interrupt placement has one owner"),
    category: Category::Interference,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "irqbalance overwrites affinities that were set by hand, and without any balancing interrupts pile \
         up on one CPU.",
    ),
    business: Borrowed("Either nobody or two parties decide who answers the phone."),
    needs: Borrowed(&[
        Borrowed("/processes"),
        Borrowed("/node/container"),
        Borrowed("/settings/interrupts"),
        Borrowed("/interrupts"),
        Borrowed("/window"),
        Borrowed("/cpu/online"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`systemctl enable --now irqbalance`; where a ban list leaves isolated CPUs in, correct it and \
             `systemctl restart irqbalance`",
        ),
        persistent: Borrowed(
            "`IRQBALANCE_BANNED_CPULIST=CPUS` with the isolated CPUs in `/etc/sysconfig/irqbalance` (RHEL, \
             SUSE) or `/etc/default/irqbalance` (Debian, Ubuntu); or no list, and irqbalance leaves isolated \
             CPUs out by itself",
        ),
        rollback: Borrowed("`systemctl disable --now irqbalance`; restore the list named in the evidence"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`systemctl is-active irqbalance`; `cat /proc/irq/default_smp_affinity`; `watch -d cat \
             /proc/interrupts`",
        ),
        expected_effect: Borrowed("No published number for language models."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal and virtual machines; in a container, the host is what counts"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed("ESnet Fasterdata: Interrupt Binding"),
            url: Borrowed("https://fasterdata.es.net/host-tuning/linux/100g-tuning/interrupt-binding/"),
        },
        Reference {
            title: Borrowed("irqbalance(1): IRQBALANCE_BANNED_CPULIST"),
            url: Borrowed("https://github.com/Irqbalance/irqbalance"),
        },
        Reference {
            title: Borrowed("irqbalance(1): distribute hardware interrupts across processors"),
            url: Borrowed("https://manpages.ubuntu.com/manpages/noble/en/man1/irqbalance.1.html"),
        },
    ]),
};

impl Check for IrqIrqbalancePolicy {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if let Some(container) = evidence.container_runtime()? {
            let message = format!(
                "collected inside a container ({container}), which sees neither the host's processes nor its \
                 configuration: collect on the host"
            );
            return Ok(vec![META.not_run("node", message)]);
        }
        let runs = evidence.processes()?.iter().find(|process| process.comm == "irqbalance");
        match runs {
            Some(process) => {
                let citation = Citation::new(format!("{}/stat", process.path), "irqbalance");
                let mut findings = vec![judge_ban_list(evidence, citation)?];
                findings.extend(judge_isolated(evidence));
                Ok(findings)
            }
            None => Ok(vec![judge_concentration(evidence)?]),
        }
    }
}

/// CPUs that the kernel keeps the scheduler or the tick away from.
fn isolated(evidence: &Evidence<'_>) -> Result<CpuSet, Missing> {
    let mut all = CpuSet::new();
    for path in ["/sys/devices/system/cpu/isolated", "/sys/devices/system/cpu/nohz_full"] {
        let text = match evidence.setting("interrupts", path) {
            Ok(text) => text,
            // A kernel that cannot do it.
            Err(why) if why.missing == Absence::Absent => continue,
            Err(why) => return Err(why),
        };
        // What the kernel prints where `nohz_full=` was not given.
        if text.trim() == "(null)" {
            continue;
        }
        let cpus: CpuSet =
            text.parse().map_err(|_| Missing::new(Absence::Malformed, format!("{path} holds `{text}`")))?;
        all = all.union(&cpus);
    }
    Ok(all)
}

/// The ban list of the configuration, with the file and line that set it.
fn ban_list(evidence: &Evidence<'_>) -> Result<Option<(CpuSet, Citation)>, Missing> {
    for path in ["/etc/default/irqbalance", "/etc/sysconfig/irqbalance"] {
        let text = match evidence.setting("interrupts", path) {
            Ok(text) => text,
            Err(why) if why.missing == Absence::Absent => continue,
            Err(why) => return Err(why),
        };
        for line in text.lines().map(str::trim) {
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            let cpus = match name.trim().trim_start_matches("export ") {
                "IRQBALANCE_BANNED_CPULIST" => value.parse().ok(),
                "IRQBALANCE_BANNED_CPUS" if !value.is_empty() => CpuSet::from_mask(value).ok(),
                _ => continue,
            };
            if value.is_empty() {
                continue;
            }
            let cpus =
                cpus.ok_or_else(|| Missing::new(Absence::Malformed, format!("{path} holds `{line}`")))?;
            return Ok(Some((cpus, Citation::new(path, line))));
        }
    }
    Ok(None)
}

fn judge_ban_list(evidence: &Evidence<'_>, running: Citation) -> Result<Finding, Missing> {
    let isolated = isolated(evidence)?;
    let list = ban_list(evidence)?;
    let finding = match &list {
        _ if isolated.is_empty() => META.pass("irqbalance", "it places interrupts, and no CPU is isolated"),
        None => META.pass(
            "irqbalance",
            format!("it has no ban list, and so leaves out CPUs {isolated}, which the kernel isolates"),
        ),
        Some((banned, _)) if isolated.is_subset(banned) => {
            META.pass("irqbalance", format!("its ban list {banned} holds the isolated CPUs {isolated}"))
        }
        Some((banned, _)) => META
            .warn(
                "irqbalance",
                format!(
                    "its ban list {banned} leaves interrupts to CPUs {}, which the kernel isolates",
                    isolated.difference(banned)
                ),
            )
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new("/sys/devices/system/cpu/isolated", isolated.to_string())),
    };
    let finding = finding.with_evidence(running);
    Ok(match list {
        Some((_, citation)) => finding.with_evidence(citation),
        None => finding,
    })
}

/// Device interrupts that isolated CPUs served, where there was a window and there are such CPUs.
fn judge_isolated(evidence: &Evidence<'_>) -> Option<Finding> {
    let isolated = isolated(evidence).ok().filter(|cpus| !cpus.is_empty())?;
    let subject = format!("isolated CPUs {isolated}");
    let counts = evidence.window().and_then(|window| Ok((window.interrupts.require()?, window.length()?)));
    let (lines, seconds) = match counts {
        Ok(counts) => counts,
        Err(why) => return Some(META.not_run(subject, why.to_string())),
    };
    let served = |line: &&plumb_check_sdk::model::InterruptCount| -> u64 {
        line.counts.iter().filter(|&(&cpu, _)| isolated.contains(cpu)).map(|(_, &count)| count).sum()
    };
    let devices = lines.iter().filter(|line| line.irq.parse::<u32>().is_ok());
    let mut busy: Vec<(u64, &str)> = devices.map(|line| (served(&line), line.name.as_str())).collect();
    busy.sort_by(|a, b| b.cmp(a));
    let rate = busy.iter().map(|&(count, _)| count).sum::<u64>() as f64 / seconds;
    let message = format!("they served {rate:.1} device interrupts a second");
    let (count, name) = *busy.first()?;
    let finding = if evidence.limit(&META, &ON_ISOLATED).is_exceeded_by(Quantity::new(rate)) {
        META.warn(subject, message)
    } else {
        META.pass(subject, message)
    };
    let citation = Citation::new("/proc/interrupts", format!("{name}: {count} of them"));
    Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation))
}

/// Without irqbalance: how much of the device interrupts one CPU serves.
fn judge_concentration(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let online: CpuSet = evidence.get("/cpu/online")?;
    if online.len() < 2 {
        return Ok(META.not_applicable("node", "there is one CPU only, which serves all interrupts"));
    }
    let window = evidence.window().ok();
    let counted = window.and_then(|window| Some((window.interrupts.known()?, window.length().ok()?)));
    let mut by_cpu: BTreeMap<u32, u64> = BTreeMap::new();
    let (likelihood, confidence, rate) = if let Some((lines, seconds)) = counted {
        for line in lines.iter().filter(|line| line.irq.parse::<u32>().is_ok()) {
            for (&cpu, &count) in &line.counts {
                *by_cpu.entry(cpu).or_default() += count;
            }
        }
        let total: u64 = by_cpu.values().sum();
        (Likelihood::Mechanism, Confidence::High, Some(total as f64 / seconds))
    } else {
        for line in evidence.interrupts()? {
            // A line that may go to several CPUs says nothing about one.
            if let (Some(cpus), Some(&count)) = (line.effective_affinity_list.known(), line.count.known())
                && let (1, Some(cpu)) = (cpus.len(), cpus.first())
            {
                *by_cpu.entry(cpu).or_default() += count;
            }
        }
        (Likelihood::Setting, Confidence::Medium, None)
    };
    let total: u64 = by_cpu.values().sum();
    let most = by_cpu.iter().max_by_key(|&(&cpu, &count)| (count, std::cmp::Reverse(cpu)));
    let Some((&cpu, &count)) = most.filter(|_| total > 0) else {
        return Err(Missing::new(Absence::Skipped, "no device interrupt could be told to be of a CPU"));
    };
    let share = 100.0 * count as f64 / total as f64;
    let of = match rate {
        Some(rate) => format!("{rate:.0} device interrupts a second"),
        None => "the device interrupts since boot, by where each line goes now".to_owned(),
    };
    let message = format!("irqbalance does not run, and CPU {cpu} serves {share:.0} % of {of}");
    let piled = evidence.limit(&META, &ONE_CPU).is_exceeded_by(Quantity::new(share));
    let finding = if piled { META.fail("node", message) } else { META.pass("node", message) };
    Ok(finding
        .with_likelihood(likelihood)
        .with_confidence(confidence)
        .with_evidence(Citation::new("/proc/interrupts", format!("CPU {cpu}: {count} of {total}"))))
}
