//! `net.rx-path`: receive queues and backlog keep up.
//!
//! Packets that the kernel dropped or left over are counted for the node, errors and queues per physical interface
//! that is up. The rated speed of a link is not in any file, so a link is compared with others of the same model on
//! this node.
//!
//! The catalogue also asks that transmit steering (XPS) stays on the card's node. It maps every CPU that sends to a
//! queue, so a card that serves all CPUs has to name those of the other node too: only receive steering (RPS) is
//! judged.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{GigabitsPerSecond, MegabitsPerSecond, Quantity};
use plumb_check_sdk::model::{Interface, PciDevice, QueueCpus, Window};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, HardwarePart, Intent, Likelihood, Missing,
    NicSetting, NoVerdict, Object, ObjectKind, Outcome, Said,
};

use crate::lines::{ISOLATED, cpus_in};
use crate::pages::net_rx_path::{FAST, PAGE, QUEUES, QUIET, SQUEEZED, words};

/// Counters of an interface that only grow when something goes wrong.
const ERRORS: [&str; 5] = ["rx_crc_errors", "rx_errors", "rx_fifo_errors", "rx_missed_errors", "tx_errors"];
/// Those of packets that found no buffer; drivers count them among `rx_errors` as well.
const NO_BUFFER: [&str; 2] = ["rx_fifo_errors", "rx_missed_errors"];
/// Packets below which an interface proves nothing.
const FEW_PACKETS: u64 = 100;

/// A ring that most cards offer.
const WIDE_RING: u32 = 4096;
/// Values of the kernel's parameters that let a CPU process more packets at once, twice or more of the defaults.
const BUDGET: [(&str, u64); 2] = [("net.core.netdev_budget", 600), ("net.core.netdev_budget_usecs", 8000)];
const BACKLOG: [(&str, u64); 1] = [("net.core.netdev_max_backlog", 16384)];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let interfaces: Vec<Interface> = evidence.get("/network/interfaces")?;
    let processing = Object::new(ObjectKind::Other, "packet processing");
    let mut findings = vec![PAGE.settle(processing.clone(), judge_backlog(processing, evidence))];
    // An interface whose state or device is unknown may be a physical one that is up.
    let is_virtual =
        |interface: &&Interface| matches!(&interface.device, Fact::Missing(why) if why.is_absent());
    let is_down = |interface: &&Interface| interface.operstate.known().is_some_and(|state| state == "down");
    let physical: Vec<&Interface> = interfaces.iter().filter(|interface| !is_virtual(interface)).collect();
    let up: Vec<&Interface> = physical.iter().filter(|interface| !is_down(interface)).copied().collect();
    if up.is_empty() {
        let said: Said =
            if physical.is_empty() { words::NonePhysical {}.into() } else { words::NoneUp {}.into() };
        findings.push(PAGE.not_run(Object::new(ObjectKind::Other, "network interfaces"), said));
        return Ok(findings);
    }
    findings.extend(judge_errors(evidence, &up));
    findings.extend(judge_queues(evidence, &up));
    findings.extend(judge_steering(evidence, &up));
    findings.extend(judge_speed(evidence, &up));
    Ok(findings)
}

/// An interface, under the name of what is judged of it.
fn of(what: &str, interface: &Interface) -> Object {
    Object::new(ObjectKind::Nic, &interface.name).named(format!("{what}interface {}", interface.name))
}

/// The link of an interface, to be looked at.
fn link(interface: &Interface) -> Intent {
    Intent::Hardware { part: HardwarePart::NetworkLink, at: Some(interface.name.clone()) }
}

/// Interfaces together, under the name of what is judged of them.
fn of_all(what: &str, interfaces: &[&Interface]) -> Object {
    let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    Object::new(ObjectKind::Nic, names.join(",")).named(format!("{what} of interfaces {}", names.join(", ")))
}

fn goal(interface: &Interface, setting: NicSetting, want: u32, was: Option<u32>) -> Intent {
    Intent::Nic { interface: interface.name.clone(), setting, want, was }
}

/// Packets dropped, and work left over, per CPU of the node.
fn judge_backlog(object: Object, evidence: &Evidence<'_>) -> Result<Finding, NoVerdict> {
    let window = evidence.window()?;
    let (rows, seconds) = (window.softnet.require()?, window.length()?);
    let dropped: u64 = rows.iter().map(|row| row.dropped).sum();
    let processed: u64 = rows.iter().map(|row| row.processed).sum();
    let cite = |what: &str| {
        let text = format!("{what}, processed {processed} in {seconds:.0} s");
        Citation::new("/proc/net/softnet_stat", text)
    };
    if dropped > 0 {
        let finding = PAGE
            .fail(object, words::Dropped { packets_count: dropped.into() })
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite(&format!("dropped {dropped}")));
        return Ok(raised(finding, evidence, &BACKLOG));
    }
    let limit = evidence.limit(&PAGE, &SQUEEZED);
    let squeezed: CpuSet = rows
        .iter()
        .filter(|row| row.squeezed > 0 && !limit.is_undercut_by(Quantity::new(row.squeezed as f64 / seconds)))
        .map(|row| row.cpu)
        .collect();
    if !squeezed.is_empty() {
        let count: u64 = rows.iter().map(|row| row.squeezed).sum();
        let said = words::Squeezed { cpus: (&squeezed).into(), cpus_count: squeezed.len().into() };
        let finding = PAGE
            .warn(object, said)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite(&format!("squeezed {count} times")));
        return Ok(raised(finding, evidence, &BUDGET));
    }
    let rate = Quantity::new(processed as f64 / seconds);
    let rate_arg = Arg::quantity(rate.number(), "", 0);
    if evidence.limit(&PAGE, &QUIET).is_undercut_by(rate) {
        return Err(words::FewPackets { rate: rate_arg }.into());
    }
    Ok(PAGE.pass(object, words::NoneDropped { rate: rate_arg }).with_evidence(cite("dropped 0")))
}

/// Asks for those of the kernel's parameters that are lower to be raised.
fn raised(finding: Finding, evidence: &Evidence<'_>, parameters: &[(&str, u64)]) -> Finding {
    let lower = parameters.iter().filter_map(|&(name, want)| {
        let was = evidence.sysctl(name).ok()?.trim().to_owned();
        was.parse::<u64>().is_ok_and(|was| was < want).then_some((name, want, was))
    });
    lower.fold(finding, |finding, (name, want, was)| {
        finding
            .with_evidence(Citation::new(format!("/proc/sys/{}", name.replace('.', "/")), &was))
            .with_intent(Intent::Sysctl { name: name.into(), want: want.to_string(), was })
    })
}

fn judge_errors(evidence: &Evidence<'_>, up: &[&Interface]) -> Vec<Finding> {
    let window = match evidence.window().and_then(|window| window.length().map(|_| window)) {
        Ok(window) => window,
        Err(why) => return vec![PAGE.missing(of_all("errors", up), &why)],
    };
    let mut findings = Vec::new();
    let (mut clean, mut unread, mut quiet) = (Vec::new(), Vec::new(), Vec::new());
    for &interface in up {
        match errors_of(window, interface) {
            None => unread.push(interface),
            // Errors are told however few packets came.
            Some((errors, packets)) if !errors.is_empty() => {
                findings.push(tell_errors(interface, &errors, packets))
            }
            Some((_, packets)) if packets < FEW_PACKETS => quiet.push(interface),
            Some(_) => clean.push(interface),
        }
    }
    if !clean.is_empty() {
        findings.push(PAGE.pass(of_all("errors", &clean), words::NoErrors {}));
    }
    if !quiet.is_empty() {
        // A port for management is quiet on a healthy node.
        let outcome = if clean.is_empty() { Outcome::NotRun } else { Outcome::Info };
        findings.push(PAGE.says(outcome, of_all("errors", &quiet), words::Idle {}));
    }
    if !unread.is_empty() {
        findings.push(PAGE.not_run(of_all("errors", &unread), words::Unread {}));
    }
    findings
}

/// Counters that grew.
type Errors = Vec<(&'static str, u64)>;

fn tell_errors(interface: &Interface, errors: &Errors, packets: u64) -> Finding {
    let text: Vec<String> = errors.iter().map(|(name, count)| format!("{name} +{count}")).collect();
    let (text, name) = (Arg::text(text.join(", ")), Arg::from(&interface.name));
    let packets_count = Arg::from(packets);
    let without_buffer: u64 =
        errors.iter().filter(|(name, _)| NO_BUFFER.contains(name)).map(|(_, count)| count).sum();
    let others = |&(name, count): &(&str, u64)| match name {
        "rx_errors" => count > without_buffer,
        name => !NO_BUFFER.contains(&name),
    };
    let finding = if errors.iter().any(others) {
        PAGE.fail(of("", interface), words::Errors { errors: text, interface: name, packets_count })
            .with_intent(link(interface))
    } else {
        let said = words::NoBuffer { errors: text, interface: name, packets_count };
        let wider = goal(interface, NicSetting::ReceiveRing, WIDE_RING, None);
        PAGE.fail(of("", interface), said).with_intent(wider)
    };
    finding.with_likelihood(Likelihood::Mechanism).with_citations(errors.iter().map(|(name, count)| {
        Citation::new(format!("{}/statistics/{name}", interface.path), format!("+{count}"))
    }))
}

/// Counters that grew, and packets received; `None` where any was not read twice.
fn errors_of(window: &Window, interface: &Interface) -> Option<(Errors, u64)> {
    let delta = |name: &str| window.delta("network", &format!("{}/statistics/{name}", interface.path));
    let counts = ERRORS.into_iter().map(|name| Some((name, delta(name)?))).collect::<Option<Errors>>()?;
    Some((counts.into_iter().filter(|&(_, count)| count > 0).collect(), delta("rx_packets")?))
}

fn judge_queues(evidence: &Evidence<'_>, up: &[&Interface]) -> Vec<Finding> {
    let fast = evidence.limit(&PAGE, &FAST);
    let usual = evidence.limit(&PAGE, &QUEUES).value.number();
    let mut findings = Vec::new();
    let mut enough = Vec::new();
    for &interface in up {
        let object = of("queues of ", interface);
        let (speed, queues) = match (&interface.speed_mbps, &interface.rx_queues) {
            (Fact::Known(speed), Fact::Known(queues)) => (*speed, *queues),
            (Fact::Missing(why), _) if why.is_absent() => continue,
            (Fact::Missing(why), _) | (_, Fact::Missing(why)) => {
                findings.push(PAGE.missing(object, why));
                continue;
            }
        };
        if fast.is_undercut_by(Quantity::new(speed as f64)) {
            continue;
        }
        let local = local_cpus(evidence, interface).ok().flatten().map(|cpus| cpus.len() as f64);
        let wanted = local.map_or(usual, |cpus| cpus.min(usual));
        let citation = Citation::new(format!("{}/queues", interface.path), format!("{queues} rx"));
        let speed_arg = Arg::of(Quantity::<GigabitsPerSecond>::new((speed / 1000) as f64), 0);
        if queues <= 1 && wanted > 1.0 {
            let said = words::OneQueue { interface: (&interface.name).into(), speed: speed_arg };
            findings.push(
                PAGE.warn(object, said)
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(citation)
                    .with_evidence(Citation::new(format!("{}/speed", interface.path), speed.to_string()))
                    .with_intent(goal(interface, NicSetting::Channels, wanted as u32, Some(queues))),
            );
        } else if f64::from(queues) < wanted {
            let usual = Arg::quantity(wanted, "", 0);
            let said = words::FewQueues { queues_count: queues.into(), speed: speed_arg, usual };
            findings.push(PAGE.info(object, said).with_evidence(citation));
        } else {
            enough.push(interface);
        }
    }
    if !enough.is_empty() {
        findings.push(PAGE.pass(of_all("queues", &enough), words::EnoughQueues {}));
    }
    findings
}

/// CPUs of the node of the card; `None` where the firmware names no node, as on machines that have one only.
///
/// # Errors
/// Says why the node or its CPUs are not known.
fn local_cpus(evidence: &Evidence<'_>, interface: &Interface) -> Result<Option<CpuSet>, Said> {
    let node = interface.numa_node.optional()?.copied();
    let Some(node) = node.and_then(|node| u32::try_from(node).ok()) else { return Ok(None) };
    match evidence.numa()?.require(node)? {
        Some(node) => Ok(Some(node.cpus.clone())),
        None => Err(words::NoNode { node: Arg::text(node.to_string()) }.into()),
    }
}

/// CPUs that packets are spread over in software.
fn judge_steering(evidence: &Evidence<'_>, up: &[&Interface]) -> Vec<Finding> {
    let isolated = cpus_in(evidence, ISOLATED).map_err(Said::from);
    let mut findings = Vec::new();
    for &interface in up {
        let local = local_cpus(evidence, interface);
        for group in &interface.receive_steering {
            let what = format!("receive steering of interface {}, queues {}", interface.name, group.queues);
            let object = Object::new(ObjectKind::Nic, &interface.name).named(what);
            let cpus = match group.cpus.optional() {
                Ok(Some(cpus)) if !cpus.is_empty() => cpus,
                // Also of a kernel without it.
                Ok(_) => continue,
                Err(why) => {
                    findings.push(PAGE.missing(object, &why));
                    continue;
                }
            };
            let far = local.as_ref().map(|local| local.as_ref().map(|local| cpus.difference(local)));
            let on_isolated = isolated.as_ref().map(|isolated| cpus.intersection(isolated));
            let name = Arg::from(&interface.name);
            let finding = match (on_isolated, far) {
                (Ok(on), _) if !on.is_empty() => {
                    let (cpus, cpus_count) = (Arg::from(&on), on.len().into());
                    PAGE.warn(object, words::ToIsolated { cpus, cpus_count, interface: name })
                }
                (_, Ok(Some(far))) if !far.is_empty() => {
                    let (cpus, cpus_count) = (Arg::from(&far), far.len().into());
                    PAGE.warn(object, words::ToFar { cpus, cpus_count, interface: name })
                }
                (Err(said), _) | (_, Err(said)) => PAGE.not_run(object, said.clone()),
                _ => continue,
            };
            if !finding.outcome.is_deviation() {
                findings.push(finding);
                continue;
            }
            let want = isolated.as_ref().map_or(cpus.clone(), |isolated| cpus.difference(isolated));
            let local = local.as_ref().ok().and_then(Option::as_ref);
            let want = local.map_or(want.clone(), |local| want.intersection(local));
            findings.push(steered(finding, interface, group, cpus, &want));
        }
    }
    findings
}

/// Asks for the queues of a group to hand their packets to `want`; to none, if that is empty.
fn steered(
    finding: Finding,
    interface: &Interface,
    group: &QueueCpus,
    cpus: &CpuSet,
    want: &CpuSet,
) -> Finding {
    let path = |queue: u32| format!("{}/queues/rx-{queue}/rps_cpus", interface.path);
    let first = group.queues.first().unwrap_or_default();
    let goal = |queue| Intent::Value { path: path(queue), want: mask(want), was: mask(cpus) };
    finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(path(first), cpus.to_string()))
        .with_intents(group.queues.iter().map(goal))
}

/// CPUs in the form that files of masks take: words of 32 bits in hexadecimal, the highest first.
fn mask(cpus: &CpuSet) -> String {
    let mut words = vec![0u32];
    for cpu in cpus.iter() {
        let word = (cpu / 32) as usize;
        words.resize(words.len().max(word + 1), 0);
        words[word] |= 1 << (cpu % 32);
    }
    words.iter().rev().map(|word| format!("{word:08x}")).collect::<Vec<_>>().join(",")
}

/// Vendor and device of the card.
///
/// # Errors
/// Says why they are not known.
fn model_of(pci: &[PciDevice], interface: &Interface) -> Result<(u32, u32), Missing> {
    let address = interface.device.require()?;
    let unlisted = || Missing::new(Absence::Failed, format!("PCI does not list {address}"));
    let device = pci.iter().find(|device| device.address == *address).ok_or_else(unlisted)?;
    Ok((*device.vendor.require()?, *device.device.require()?))
}

/// Links that are slower than others of the same model.
fn judge_speed(evidence: &Evidence<'_>, up: &[&Interface]) -> Vec<Finding> {
    // One alone has no other to be compared with.
    if up.len() < 2 {
        return Vec::new();
    }
    let pci = match evidence.pci() {
        Ok(pci) => pci,
        Err(why) => return vec![PAGE.missing(of_all("speed", up), &why)],
    };
    let mut findings = Vec::new();
    let mut by_model: BTreeMap<(u32, u32), Vec<(&Interface, i64)>> = BTreeMap::new();
    for &interface in up {
        match (model_of(pci, interface), &interface.speed_mbps) {
            (Ok(model), Fact::Known(speed)) => by_model.entry(model).or_default().push((interface, *speed)),
            (Err(why), _) => {
                let said = words::UnknownModel { reason: (&why).into() };
                findings.push(PAGE.not_run(of("speed of ", interface), said));
            }
            // What tells no speed was said of its queues.
            (Ok(_), Fact::Missing(_)) => {}
        }
    }
    let megabits = |speed: i64| Arg::of(Quantity::<MegabitsPerSecond>::new(speed as f64), 0);
    for links in by_model.into_values() {
        let best = links.iter().map(|&(_, speed)| speed).max().unwrap_or_default();
        for (interface, speed) in links.into_iter().filter(|&(_, speed)| 0 < speed && speed < best) {
            let (best, name) = (megabits(best), Arg::from(&interface.name));
            let said = words::SlowerLink { best, interface: name, speed: megabits(speed) };
            findings.push(
                PAGE.warn(of("speed of ", interface), said)
                    .with_intent(link(interface))
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(Citation::new(format!("{}/speed", interface.path), speed.to_string())),
            );
        }
    }
    findings
}
