//! `irq.device-locality`: NIC and GPU interrupts are served on the device's own NUMA node.
//!
//! By the interrupts of the window, where there is one. Without it, or for devices that were quiet, by where each
//! line goes now, weighed by its interrupts since boot; that shows a setting, so it never fails, and leaves the
//! question of the window unanswered. Where the kernel does not tell which CPU serves a line, those that may serve it
//! answer as well, if all of them are near or all are far.
//!
//! Network cards whose interfaces are all down are left out. A device whose node the firmware does not tell is
//! unanswered.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{GigabitsPerSecond, PerSecond, Percent, Quantity};
use plumb_check_sdk::model::{Interface, Interrupt, InterruptCount, Numa, PciDevice, Window};
use plumb_check_sdk::{
    Arg, Citation, Confidence, CpuSet, Evidence, Finding, Intent, Likelihood, NoVerdict, Object, ObjectKind,
    Outcome,
};

use crate::lines::{Devices, NETWORK, Served, number};
use crate::pages::irq_device_locality::{BUSY_LINES, BUSY_LINK, FAR, LOCAL, PAGE, QUIET, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_cpus()?, words::OneNode {})?;
    let devices = Devices::of(evidence)?;
    let interfaces = evidence.get::<Vec<Interface>>("/network/interfaces").unwrap_or_default();
    let window = evidence.window();
    let counts =
        window.clone().and_then(|window| Ok((window.interrupts.require()?.as_slice(), window.length()?)));
    let machine = Machine { evidence, numa, interfaces, window: window.ok(), counts: counts.clone().ok() };
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
    let (mut passed, mut quiet, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    let has_driver = |card: &&PciDevice| card.driver.known().is_some_and(|driver| driver != "vfio-pci");
    let cards = evidence.pci().unwrap_or_default().iter().filter(|card| {
        card.class.known().is_some_and(|class| class >> 16 == NETWORK)
            && !by_device.contains_key(&*card.address)
    });
    let lineless = cards.filter(has_driver).filter_map(|card| Some(machine.device(card)?.object));
    let lineless: Vec<Object> = lineless.collect();
    if !lineless.is_empty() {
        findings.push(PAGE.not_run(together(lineless), words::NoLine {}));
    }
    for (device, lines) in by_device.into_values() {
        let Some(device) = machine.device(device) else { continue };
        match machine.judge(&device, &lines) {
            Verdict::Quiet => quiet.push(device.object),
            Verdict::Local(citation, confidence) => passed.push((device.object, citation, confidence)),
            Verdict::Told(finding) => findings.push(*finding),
        }
    }
    findings.extend(passed_together(passed));
    if let Err(why) = counts {
        findings.push(PAGE.missing(Object::new(ObjectKind::Other, "where interrupts were served"), &why));
    }
    if !quiet.is_empty() {
        // One quiet device among others is no gap: it has nothing to place.
        let answered = findings.iter().any(|finding| !finding.outcome.is_unanswered());
        let outcome = if answered { Outcome::Info } else { Outcome::NotRun };
        findings.push(PAGE.says(outcome, together(quiet), words::Quiet {}));
    }
    if findings.is_empty() {
        findings.push(PAGE.not_run(Object::node(), words::NoDevice {}));
    }
    Ok(findings)
}

enum Verdict {
    /// Too few interrupts.
    Quiet,
    Local(Citation, Confidence),
    Told(Box<Finding>),
}

fn told(finding: Finding) -> Verdict {
    Verdict::Told(Box::new(finding))
}

/// Several devices as one object, under all their names.
fn together(objects: Vec<Object>) -> Object {
    let names: Vec<String> = objects.iter().map(Object::subject).collect();
    match <[Object; 1]>::try_from(objects) {
        Ok([object]) => object,
        Err(_) => Object::new(ObjectKind::Other, names.join(", ")),
    }
}

/// Devices that pass are one finding, as there may be dozens.
fn passed_together(passed: Vec<(Object, Citation, Confidence)>) -> Option<Finding> {
    let confidence = passed.iter().map(|&(_, _, confidence)| confidence).min()?;
    let (objects, citations): (Vec<Object>, Vec<Citation>) =
        passed.into_iter().map(|(object, citation, _)| (object, citation)).unzip();
    let finding = PAGE.pass(together(objects), words::OwnNode {}).with_confidence(confidence);
    Some(finding.with_citations(citations))
}

struct Machine<'a, 'e> {
    evidence: &'a Evidence<'e>,
    numa: &'a Numa,
    interfaces: Vec<Interface>,
    window: Option<&'a Window>,
    /// Interrupts of the window and its length in seconds.
    counts: Option<(&'a [InterruptCount], f64)>,
}

/// A network card in use, or a GPU.
struct Device<'a> {
    pci: &'a PciDevice,
    interfaces: Vec<&'a Interface>,
    object: Object,
    /// `card` or `gpu`, by which sentences choose.
    kind: &'static str,
    /// Its interfaces, else its address.
    name: String,
}

impl Device<'_> {
    /// These lines of the device, to be served by CPUs of its node.
    fn nearer(&self, irqs: Vec<u32>) -> Intent {
        Intent::Interrupts { irqs, device: Some(self.pci.address.clone()), avoid: CpuSet::new() }
    }
}

impl<'e> Machine<'_, 'e> {
    /// `None` for a network card without an interface that is up.
    fn device<'a>(&'a self, pci: &'a PciDevice) -> Option<Device<'a>> {
        let of_device = |interface: &&Interface| interface.device.known() == Some(&pci.address);
        let interfaces: Vec<&Interface> = self.interfaces.iter().filter(of_device).collect();
        let is_down =
            |interface: &&Interface| interface.operstate.known().is_some_and(|state| state == "down");
        if !interfaces.is_empty() && interfaces.iter().all(is_down) {
            return None;
        }
        let address = &pci.address;
        let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
        let names = names.join(", ");
        let card = Object::new(ObjectKind::Nic, address);
        let (object, kind) = match pci.class.known().is_some_and(|class| class >> 16 == NETWORK) {
            true if names.is_empty() => (card.named(format!("network card {address}")), "card"),
            true => (card.named(format!("network card {address} ({names})")), "card"),
            false => (Object::gpu(address), "gpu"),
        };
        let name = if names.is_empty() { address.clone() } else { names };
        Some(Device { pci, interfaces, object, kind, name })
    }

    fn judge(&self, device: &Device<'_>, lines: &[&Interrupt]) -> Verdict {
        let object = || device.object.clone();
        let number = match &device.pci.numa_node.require() {
            Ok(number) => **number,
            Err(why) => return told(PAGE.missing(object(), why)),
        };
        let node = Arg::text(number.to_string());
        let file = Arg::text(format!("{}/numa_node", device.pci.path));
        let own = u32::try_from(number).map_or(Ok(None), |id| self.numa.require(id));
        match own.as_ref() {
            Err(why) => told(PAGE.missing(object(), why)),
            Ok(None) => told(PAGE.not_run(object(), words::NoNode { file, node })),
            Ok(Some(own)) if own.cpus.is_empty() => told(PAGE.not_run(object(), words::NoCpus { node })),
            Ok(Some(own)) => match self.in_window(lines) {
                Some((counts, rate)) => self.by_window(device, &own.cpus, &counts, rate),
                None => self.by_masks(device, &own.cpus, lines),
            },
        }
    }

    /// Interrupts of the lines in the window, and their rate; `None` where too few were counted.
    fn in_window(&self, lines: &[&Interrupt]) -> Option<(Vec<&InterruptCount>, Quantity<PerSecond>)> {
        let (counts, seconds) = self.counts?;
        let is_of = |count: &&InterruptCount| lines.iter().any(|line| number(count) == Some(line.irq));
        let counts: Vec<&InterruptCount> = counts.iter().filter(is_of).collect();
        let rate = Quantity::new(Served::of(counts.iter().copied()).total() as f64 / seconds);
        (!self.evidence.limit(&PAGE, &QUIET).is_undercut_by(rate)).then_some((counts, rate))
    }

    fn by_window(
        &self,
        device: &Device<'_>,
        local: &CpuSet,
        counts: &[&InterruptCount],
        rate: Quantity<PerSecond>,
    ) -> Verdict {
        let served = Served::of(counts.iter().copied());
        let (near, total) = (served.on(local), served.total());
        let share = Quantity::<Percent>::new(100.0 * near as f64 / total as f64);
        let address = &device.pci.address;
        let citation = Citation::new(
            "/proc/interrupts",
            format!("{address}: {near} of {total} on CPUs {local}, {:.0} a second", rate.number()),
        );
        if !self.evidence.limit(&PAGE, &LOCAL).is_undercut_by(share) {
            return Verdict::Local(citation, Confidence::High);
        }
        let traffic = self.gigabits(&device.interfaces);
        let far = self.evidence.limit(&PAGE, &FAR).is_undercut_by(share);
        let by_rate = self.evidence.limit(&PAGE, &BUSY_LINES).is_exceeded_by(rate);
        let busy_link = self.evidence.limit(&PAGE, &BUSY_LINK);
        let by_traffic = traffic.is_some_and(|traffic| busy_link.is_exceeded_by(traffic));
        let away = Arg::quantity(100.0 - share.number(), "%", 0);
        let (cpus, rate, share) = (Arg::from(local), Arg::quantity(rate.number(), "", 0), Arg::of(share, 0));
        let object = device.object.clone();
        let busy = by_rate || by_traffic;
        let finding = if far && !busy && traffic.is_none() && !device.interfaces.is_empty() {
            // The traffic would decide.
            PAGE.not_run(object, words::UnknownTraffic { cpus, rate, share })
        } else {
            let counted = Arg::from(if traffic.is_some() { "yes" } else { "no" });
            let traffic = Arg::of(traffic.unwrap_or(Quantity::new(0.0)), 1);
            let (device_kind, name) = (Arg::from(device.kind), Arg::from(&device.name));
            let said = words::Away { away, counted, cpus, device_kind, name, rate, share, traffic };
            let outcome = if far && busy { Outcome::Fail } else { Outcome::Warn };
            let finding = PAGE.says(outcome, object, said);
            let is_far = |line: &&&InterruptCount| {
                let served = Served::of([**line]);
                served.on(local) < served.total()
            };
            let irqs = counts.iter().filter(is_far).filter_map(|line| number(line)).collect();
            finding.with_intent(device.nearer(irqs))
        };
        let node = device.pci.numa_node.known().map_or_else(String::new, ToString::to_string);
        told(
            finding
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(citation)
                .with_evidence(Citation::new(format!("{}/numa_node", device.pci.path), node)),
        )
    }

    /// Traffic of all interfaces in both directions; `None` where any was not counted.
    fn gigabits(&self, interfaces: &[&Interface]) -> Option<Quantity<GigabitsPerSecond>> {
        let window = self.window?;
        let mut bytes = 0u64;
        for interface in interfaces {
            for counter in ["rx_bytes", "tx_bytes"] {
                bytes += window.delta("network", &format!("{}/statistics/{counter}", interface.path))?;
            }
        }
        (!interfaces.is_empty()).then(|| Quantity::new(bytes as f64 * 8e-9 / window.seconds))
    }

    /// By where the lines go now, weighed by their interrupts since boot.
    fn by_masks(&self, device: &Device<'_>, local: &CpuSet, lines: &[&Interrupt]) -> Verdict {
        let object = device.object.clone();
        let (mut near, mut far, mut open) = (0u64, Vec::new(), None);
        let unknown = |irq: u32| {
            told(PAGE.not_run(device.object.clone(), words::UnknownLine { irq: Arg::text(irq.to_string()) }))
        };
        for line in lines {
            let Some(&count) = line.count.known() else { return unknown(line.irq) };
            match is_near(line, local) {
                Some(false) => far.push((count, *line)),
                is_near => {
                    // Where it goes is not known: near at best.
                    open = open.or(is_near.is_none().then_some(line.irq));
                    near += count;
                }
            }
        }
        let total = near + far.iter().map(|&(count, _)| count).sum::<u64>();
        if total == 0 {
            return Verdict::Quiet;
        }
        let share = Quantity::<Percent>::new(100.0 * near as f64 / total as f64);
        let is_far = self.evidence.limit(&PAGE, &LOCAL).is_undercut_by(share);
        if let Some(irq) = open.filter(|_| !is_far) {
            return unknown(irq);
        }
        far.sort_by_key(|&(count, line)| (count, line.irq));
        let cited = far.last().filter(|_| is_far).map(|&(_, line)| line).or(lines.first().copied());
        let Some(citation) = cited.map(cite_mask) else { return Verdict::Quiet };
        if !is_far {
            return Verdict::Local(citation, Confidence::Medium);
        }
        let (device_kind, name) = (Arg::from(device.kind), Arg::from(&device.name));
        let said = words::SetAway { cpus: local.into(), device_kind, name, share: Arg::of(share, 0) };
        let mut irqs: Vec<u32> = far.iter().map(|(_, line)| line.irq).collect();
        irqs.sort_unstable();
        told(
            PAGE.warn(object, said)
                .with_likelihood(Likelihood::Setting)
                .with_confidence(Confidence::Medium)
                .with_evidence(citation)
                .with_intent(device.nearer(irqs)),
        )
    }
}

/// Whether a line goes to CPUs of the node only; `None` where that is not known.
fn is_near(line: &Interrupt, local: &CpuSet) -> Option<bool> {
    if let Some(cpus) = line.effective_affinity_list.known().filter(|cpus| !cpus.is_empty()) {
        return Some(cpus.is_subset(local));
    }
    let cpus = line.smp_affinity_list.known().filter(|cpus| !cpus.is_empty())?;
    match (cpus.is_subset(local), cpus.intersection(local).is_empty()) {
        (false, false) => None,
        (is_near, _) => Some(is_near),
    }
}

fn cite_mask(line: &Interrupt) -> Citation {
    let (file, cpus) = match line.effective_affinity_list.known().filter(|cpus| !cpus.is_empty()) {
        Some(cpus) => ("effective_affinity_list", Some(cpus)),
        None => ("smp_affinity_list", line.smp_affinity_list.known()),
    };
    let cpus = cpus.map_or_else(String::new, ToString::to_string);
    Citation::new(format!("/proc/irq/{}/{file}", line.irq), cpus)
}
