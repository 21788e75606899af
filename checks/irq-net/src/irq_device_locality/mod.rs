//! `irq.device-locality`: NIC and GPU interrupts are served on the device's own NUMA node.
//!
//! By the interrupts of the window, where there is one. Without it, or for devices that were quiet, by where each
//! line goes now, weighed by its interrupts since boot; that shows a setting, so it never fails, and leaves the
//! question of the window unanswered.
//!
//! Network cards whose interfaces are all down are left out. A device whose node the firmware does not tell is
//! unanswered.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{GigabitsPerSecond, Limit, PerSecond, Percent, Quantity};
use plumb_check_sdk::model::{Interface, Interrupt, Numa, PciDevice, Window};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding,
    Likelihood, Missing, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::lines::{Devices, NETWORK};

/// See the module.
pub struct IrqDeviceLocality;

const LOCAL: Limit<Percent> = Limit {
    name: "share of a device's interrupts on its own node, as it should be",
    value: Quantity::new(95.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes that have CPUs",
};
const FAR: Limit<Percent> = Limit {
    name: "share of a device's interrupts on its own node, too low for a busy device",
    value: Quantity::new(80.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes that have CPUs",
};
const BUSY_LINK: Limit<GigabitsPerSecond> = Limit {
    name: "traffic from which the place of interrupts matters",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: ESnet saw the effect at 40 and 100 Gbit/s",
    date: "2026-11-23",
    applies_to: "network cards, both directions together",
};
const BUSY_LINES: Limit<PerSecond> = Limit {
    name: "rate of a device's interrupts from which their place matters",
    value: Quantity::new(20000.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "network cards and GPUs",
};
const QUIET: Limit<PerSecond> = Limit {
    name: "rate of a device's interrupts below which the window says nothing",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "network cards and GPUs",
};

static THRESHOLDS: [Threshold; 5] =
    [LOCAL.threshold(), FAR.threshold(), BUSY_LINK.threshold(), BUSY_LINES.threshold(), QUIET.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("irq.device-locality"),
    title: Borrowed("NIC and GPU interrupts are served on the device's own NUMA node"),
    category: Category::Interference,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A device whose interrupts are served on the other socket crosses the link between sockets with each \
         of them, and its packet buffers end up in the wrong memory.",
    ),
    business: Borrowed("The mail is delivered to the wrong building first."),
    needs: Borrowed(&[
        Borrowed("/interrupts"),
        Borrowed("/pci"),
        Borrowed("/gpus"),
        Borrowed("/numa"),
        Borrowed("/window"),
        Borrowed("/network/interfaces"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`set_irq_affinity_bynode.sh NODE INTERFACE` (NVIDIA mlnx-tools), or `echo CPUS > \
             /proc/irq/NUMBER/smp_affinity_list` with the CPUs of the node",
        ),
        persistent: Borrowed(
            "irqbalance, which follows the NUMA node that the kernel tells; or a unit at boot after \
             irqbalance was disabled",
        ),
        rollback: Borrowed("write the lists named in the evidence back"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`cat /proc/irq/NUMBER/node /proc/irq/NUMBER/effective_affinity_list`"),
        expected_effect: Borrowed(
            "ESnet: TCP and UDP up to 2x slower on the wrong socket (40 and 100 Gbit/s). There is no \
             published number for language models.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::Disaggregated]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines with devices passed through; hosts with two or more NUMA nodes that \
         have CPUs; in a container, the host is what counts",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("ESnet Fasterdata: Interrupt Binding"),
            url: Borrowed("https://fasterdata.es.net/host-tuning/linux/100g-tuning/interrupt-binding/"),
        },
        Reference {
            title: Borrowed("NVIDIA XLIO: Basic / Advanced Performance Tuning (NIC NUMA node)"),
            url: Borrowed("https://docs.nvidia.com/networking/display/xliov3312/basic+performance+tuning"),
        },
        Reference {
            title: Borrowed("Linux kernel: SMP IRQ affinity"),
            url: Borrowed("https://docs.kernel.org/core-api/irq/irq-affinity.html"),
        },
    ]),
};

impl Check for IrqDeviceLocality {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let numa = evidence.numa()?;
        if numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count() < 2 {
            return Ok(vec![META.not_applicable("node", "all CPUs are in one NUMA node")]);
        }
        let devices = Devices::of(evidence)?;
        let interfaces = evidence.get::<Vec<Interface>>("/network/interfaces").unwrap_or_default();
        let machine = Machine { evidence, numa, interfaces, window: evidence.window().ok() };
        let mut by_device: BTreeMap<&str, (&PciDevice, Vec<&Interrupt>)> = BTreeMap::new();
        let gpus = evidence.gpus()?;
        for line in evidence.interrupts()? {
            if let Some(device) = devices.of_line(line)?
                && (device.class.require()? >> 16 == NETWORK
                    || gpus.iter().any(|gpu| gpu.address == device.address))
            {
                by_device.entry(&device.address).or_insert((device, Vec::new())).1.push(line);
            }
        }
        let mut passed = Vec::new();
        let mut quiet = Vec::new();
        let mut findings = Vec::new();
        for (device, lines) in by_device.into_values() {
            match machine.judge(device, &lines) {
                Verdict::Unused => {}
                Verdict::Quiet(name) => quiet.push(name),
                Verdict::Local(name, citation, confidence) => passed.push((name, citation, confidence)),
                Verdict::Told(finding) => findings.push(*finding),
            }
        }
        findings.extend(passed_together(passed));
        if let Some(why) = machine.without_window() {
            findings.push(META.not_run("where interrupts were served", why.to_string()));
        }
        if !quiet.is_empty() {
            let subject = quiet.join(", ");
            let message =
                "too few interrupts to judge where they are served: collect with `--sample` under load";
            // One quiet device among others is no gap: it has nothing to place.
            let answered = findings.iter().any(|finding| !finding.outcome.is_unanswered());
            findings.push(if answered {
                META.info(subject, message)
            } else {
                META.not_run(subject, message)
            });
        }
        if findings.is_empty() {
            let message = "no network card or GPU in use raises interrupts that could be told to be its own";
            findings.push(META.not_run("node", message));
        }
        Ok(findings)
    }
}

enum Verdict {
    /// A network card without an interface that is up.
    Unused,
    /// Too few interrupts.
    Quiet(String),
    Local(String, Citation, Confidence),
    Told(Box<Finding>),
}

/// Devices that pass are one finding, as there may be dozens.
fn passed_together(passed: Vec<(String, Citation, Confidence)>) -> Option<Finding> {
    let names: Vec<&str> = passed.iter().map(|(name, _, _)| name.as_str()).collect();
    let confidence = passed.iter().map(|&(_, _, confidence)| confidence).min()?;
    let finding = META.pass(names.join(", "), "interrupts are served on the device's own NUMA node");
    let citations = passed.iter().map(|(_, citation, _)| citation.clone());
    Some(citations.fold(finding.with_confidence(confidence), Finding::with_evidence))
}

struct Machine<'a, 'e> {
    evidence: &'a Evidence<'e>,
    numa: &'a Numa,
    interfaces: Vec<Interface>,
    window: Option<&'a Window>,
}

impl Machine<'_, '_> {
    fn judge(&self, device: &PciDevice, lines: &[&Interrupt]) -> Verdict {
        let of_device = |interface: &&Interface| interface.device.known() == Some(&device.address);
        let interfaces: Vec<&Interface> = self.interfaces.iter().filter(of_device).collect();
        let is_down =
            |interface: &&Interface| interface.operstate.known().is_some_and(|state| state == "down");
        if !interfaces.is_empty() && interfaces.iter().all(is_down) {
            return Verdict::Unused;
        }
        let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
        let is_network = device.class.known().is_some_and(|class| class >> 16 == NETWORK);
        let name = match (is_network, names.as_slice()) {
            (true, []) => format!("network card {}", device.address),
            (true, names) => format!("network card {} ({})", device.address, names.join(", ")),
            (false, _) => format!("GPU {}", device.address),
        };
        let cpus = match self.local_cpus(device) {
            Ok(cpus) => cpus,
            Err(why) => return Verdict::Told(Box::new(META.not_run(name, why.to_string()))),
        };
        match self.in_window(lines) {
            Some((by_cpu, rate)) => self.by_window(device, name, &cpus, &by_cpu, rate, &interfaces),
            None => self.by_masks(name, &cpus, lines),
        }
    }

    fn local_cpus(&self, device: &PciDevice) -> Result<CpuSet, Missing> {
        let number = *device.numa_node.require()?;
        let node = u32::try_from(number).ok().and_then(|id| self.numa.node(id));
        match node {
            Some(node) if !node.cpus.is_empty() => Ok(node.cpus.clone()),
            Some(_) => Err(Missing::new(Absence::Failed, format!("its node {number} has no CPUs"))),
            None => Err(Missing::new(
                Absence::Absent,
                format!("the firmware does not tell its NUMA node ({}/numa_node is {number})", device.path),
            )),
        }
    }

    /// Why the interrupts of the window are not known.
    fn without_window(&self) -> Option<Missing> {
        let window = self.evidence.window();
        window.and_then(|window| window.length().and_then(|_| window.interrupts.require().map(|_| ()))).err()
    }

    /// Interrupts of the lines in the window by CPU, and their rate; `None` where too few were counted.
    fn in_window(&self, lines: &[&Interrupt]) -> Option<(BTreeMap<u32, u64>, f64)> {
        let window = self.window?;
        let seconds = window.length().ok()?;
        let mut by_cpu: BTreeMap<u32, u64> = BTreeMap::new();
        for count in window.interrupts.known()? {
            if lines.iter().any(|line| count.irq.parse() == Ok(line.irq)) {
                for (&cpu, &number) in &count.counts {
                    *by_cpu.entry(cpu).or_default() += number;
                }
            }
        }
        let rate = by_cpu.values().sum::<u64>() as f64 / seconds;
        let enough = !self.evidence.limit(&META, &QUIET).is_undercut_by(Quantity::new(rate));
        enough.then_some((by_cpu, rate))
    }

    fn by_window(
        &self,
        device: &PciDevice,
        name: String,
        local: &CpuSet,
        by_cpu: &BTreeMap<u32, u64>,
        rate: f64,
        interfaces: &[&Interface],
    ) -> Verdict {
        let total: u64 = by_cpu.values().sum();
        let near: u64 = by_cpu.iter().filter(|&(&cpu, _)| local.contains(cpu)).map(|(_, &count)| count).sum();
        let share = 100.0 * near as f64 / total as f64;
        let citation = Citation::new(
            "/proc/interrupts",
            format!("{}: {near} of {total} on CPUs {local}, {rate:.0} a second", device.address),
        );
        if !self.evidence.limit(&META, &LOCAL).is_undercut_by(Quantity::new(share)) {
            return Verdict::Local(name, citation, Confidence::High);
        }
        let gigabits = self.gigabits(interfaces);
        let message = format!(
            "{share:.0} % of its {rate:.0} interrupts a second are served on its own node (CPUs {local})"
        );
        let far = self.evidence.limit(&META, &FAR).is_undercut_by(Quantity::new(share));
        let by_rate = self.evidence.limit(&META, &BUSY_LINES).is_exceeded_by(Quantity::new(rate));
        let by_traffic = gigabits.is_some_and(|gigabits| {
            self.evidence.limit(&META, &BUSY_LINK).is_exceeded_by(Quantity::new(gigabits))
        });
        let message = match gigabits {
            Some(gigabits) => format!("{message}, at {gigabits:.1} Gbit/s"),
            None => message,
        };
        let finding = if far && (by_rate || by_traffic) {
            META.fail(name, message)
        } else if far && gigabits.is_none() && !interfaces.is_empty() {
            // The traffic would decide.
            META.not_run(name, format!("{message}; its traffic in the window is not known"))
        } else {
            META.warn(name, message)
        };
        let node = device.numa_node.known().map_or_else(String::new, ToString::to_string);
        let finding = finding
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation)
            .with_evidence(Citation::new(format!("{}/numa_node", device.path), node));
        Verdict::Told(Box::new(finding))
    }

    /// Traffic of all interfaces in both directions; `None` where any was not counted.
    fn gigabits(&self, interfaces: &[&Interface]) -> Option<f64> {
        let window = self.window?;
        let mut bytes = 0u64;
        for interface in interfaces {
            for counter in ["rx_bytes", "tx_bytes"] {
                bytes += window.delta("network", &format!("{}/statistics/{counter}", interface.path))?;
            }
        }
        (!interfaces.is_empty()).then(|| bytes as f64 * 8e-9 / window.seconds)
    }

    /// By where the lines go now, weighed by their interrupts since boot.
    fn by_masks(&self, name: String, local: &CpuSet, lines: &[&Interrupt]) -> Verdict {
        let (mut near, mut far) = (0u64, 0u64);
        let mut example = None;
        for line in lines {
            let (Some(cpus), Some(&count)) = (line.effective_affinity_list.known(), line.count.known())
            else {
                let message =
                    format!("where interrupt {} goes, or how often it came, is not known", line.irq);
                return Verdict::Told(Box::new(META.not_run(name, message)));
            };
            if cpus.is_subset(local) {
                near += count;
            } else {
                far += count;
                example = example.max(Some((count, line.irq, cpus.to_string())));
            }
        }
        let total = near + far;
        if total == 0 {
            return Verdict::Quiet(name);
        }
        let share = 100.0 * near as f64 / total as f64;
        let cite =
            |irq: u32, cpus: String| Citation::new(format!("/proc/irq/{irq}/effective_affinity_list"), cpus);
        match example {
            Some((_, irq, cpus))
                if self.evidence.limit(&META, &LOCAL).is_undercut_by(Quantity::new(share)) =>
            {
                let message = format!(
                    "lines with {share:.0} % of its interrupts since boot go to its own node (CPUs {local}) \
                     only"
                );
                let finding = META
                    .warn(name, message)
                    .with_likelihood(Likelihood::Setting)
                    .with_confidence(Confidence::Medium)
                    .with_evidence(cite(irq, cpus));
                Verdict::Told(Box::new(finding))
            }
            _ => {
                let line = lines.first().map_or(0, |line| line.irq);
                let cpus = lines.first().and_then(|line| line.effective_affinity_list.known());
                let cpus = cpus.map_or_else(String::new, ToString::to_string);
                Verdict::Local(name, cite(line, cpus), Confidence::Medium)
            }
        }
    }
}
