//! `net.rx-path`: receive queues and backlog keep up.
//!
//! Packets that the kernel dropped or left over are counted for the node, errors and queues per physical interface
//! that is up. The rated speed of a link is not in any file, so a link is compared with others of the same model on
//! this node.
//!
//! The catalogue also asks that transmit steering (XPS) stays on the card's node. It maps every CPU that sends to a
//! queue, so a card that serves all CPUs has to name those of the other node too: only receive steering (RPS) is
//! judged.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Count, Limit, MegabitsPerSecond, PerSecond, Quantity};
use plumb_check_sdk::model::{Interface, PciDevice, Window};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Fact, Finding, Likelihood,
    Missing, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

/// Counters of an interface that only grow when something goes wrong.
const ERRORS: [&str; 5] = ["rx_crc_errors", "rx_errors", "rx_fifo_errors", "rx_missed_errors", "tx_errors"];

/// See the module.
pub struct NetRxPath;

const SQUEEZED: Limit<PerSecond> = Limit {
    name: "rate at which a CPU runs out of its packet budget",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "each CPU that processes packets",
};
const QUIET: Limit<PerSecond> = Limit {
    name: "rate of packets of the node below which nothing is proved",
    value: Quantity::new(100.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "all nodes",
};
const FAST: Limit<MegabitsPerSecond> = Limit {
    name: "speed of a link from which one queue is too few",
    value: Quantity::new(10000.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one CPU processes about a million packets a second, 10 Gbit/s bring 0.8 million \
             of full size",
    date: "2026-11-23",
    applies_to: "physical interfaces",
};
const QUEUES: Limit<Count> = Limit {
    name: "receive queues of a fast interface, unless its node has fewer CPUs",
    value: Quantity::new(8.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "physical interfaces",
};

static THRESHOLDS: [Threshold; 4] =
    [SQUEEZED.threshold(), QUIET.threshold(), FAST.threshold(), QUEUES.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("net.rx-path"),
    title: Borrowed("Receive queues and backlog keep up"),
    category: Category::Interference,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Dropped packets are sent again, and the first token of a request waits for them. It shows at high \
         request rates.",
    ),
    business: Borrowed("Some letters are lost at the mail room and must be sent again."),
    needs: Borrowed(&[
        Borrowed("/network/interfaces"),
        Borrowed("/window"),
        Borrowed("/numa"),
        Borrowed("/pci"),
        Borrowed("/settings/interrupts"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`ethtool -L INTERFACE combined 16`; `ethtool -G INTERFACE rx 4096`; `sysctl -w \
             net.core.netdev_budget=600`",
        ),
        persistent: Borrowed(
            "a `.link` file of systemd-networkd, a NetworkManager connection or a udev rule; \
             `/etc/sysctl.d/90-inference.conf`",
        ),
        rollback: Borrowed(
            "set the values named in the evidence again; `ethtool -l INTERFACE` and `ethtool -g INTERFACE` \
             show them before the change",
        ),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`cat /proc/net/softnet_stat`; `ethtool -S INTERFACE | grep -E 'drop|miss|err'`",
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
            title: Borrowed("Linux kernel: Scaling in the Linux networking stack (RSS, RPS, XPS)"),
            url: Borrowed("https://docs.kernel.org/networking/scaling.html"),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
        Reference {
            title: Borrowed(
                "Azure HPC images (azhpc-images): hpc-tuning.sh, install_rccl.sh, persistence service",
            ),
            url: Borrowed("https://github.com/Azure/azhpc-images"),
        },
    ]),
};

impl Check for NetRxPath {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let interfaces: Vec<Interface> = evidence.get("/network/interfaces")?;
        let mut findings = vec![judge_backlog(evidence)];
        // An interface whose state or device is unknown may be a physical one that is up.
        let is_virtual = |interface: &&Interface| match &interface.device {
            Fact::Known(_) => false,
            Fact::Missing(why) => why.missing == Absence::Absent,
        };
        let is_down =
            |interface: &&Interface| interface.operstate.known().is_some_and(|state| state == "down");
        let physical: Vec<&Interface> =
            interfaces.iter().filter(|interface| !is_virtual(interface)).collect();
        let up: Vec<&Interface> = physical.iter().filter(|interface| !is_down(interface)).copied().collect();
        if up.is_empty() {
            let message = if physical.is_empty() {
                "no physical interface is to be seen: in a container, collect on the host"
            } else {
                "no physical interface is up"
            };
            findings.push(META.not_run("network interfaces", message));
            return Ok(findings);
        }
        findings.extend(judge_errors(evidence, &up));
        findings.extend(judge_queues(evidence, &up));
        findings.extend(judge_steering(evidence, &up));
        findings.extend(judge_speed(evidence, &up));
        Ok(findings)
    }
}

/// Packets dropped, and work left over, per CPU of the node.
fn judge_backlog(evidence: &Evidence<'_>) -> Finding {
    let subject = "packet processing";
    let rows = evidence.window().and_then(|window| Ok((window.softnet.require()?, window.length()?)));
    let (rows, seconds) = match rows {
        Ok(rows) => rows,
        Err(why) => return META.not_run(subject, why.to_string()),
    };
    let dropped: u64 = rows.iter().map(|row| row.dropped).sum();
    let processed: u64 = rows.iter().map(|row| row.processed).sum();
    let rate = processed as f64 / seconds;
    let cite = |text: String| Citation::new("/proc/net/softnet_stat", text);
    if dropped > 0 {
        let message = format!("the kernel dropped {dropped} packets because its backlog was full");
        return META
            .fail(subject, message)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite(format!("dropped {dropped}, processed {processed} in {seconds:.0} s")));
    }
    let limit = evidence.limit(&META, &SQUEEZED);
    let squeezed: CpuSet = rows
        .iter()
        .filter(|row| row.squeezed > 0 && !limit.is_undercut_by(Quantity::new(row.squeezed as f64 / seconds)))
        .map(|row| row.cpu)
        .collect();
    if !squeezed.is_empty() {
        let count: u64 = rows.iter().map(|row| row.squeezed).sum();
        let message = format!("CPUs {squeezed} ran out of their budget before all packets were processed");
        return META
            .warn(subject, message)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite(format!("squeezed {count} times, processed {processed} in {seconds:.0} s")));
    }
    if evidence.limit(&META, &QUIET).is_undercut_by(Quantity::new(rate)) {
        let message = format!("{rate:.0} packets a second prove nothing: collect while the service runs");
        return META.not_run(subject, message);
    }
    META.pass(subject, format!("{rate:.0} packets a second, none dropped"))
        .with_evidence(cite(format!("dropped 0, processed {processed} in {seconds:.0} s")))
}

fn names(interfaces: &[&Interface]) -> String {
    let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    format!("interfaces {}", names.join(", "))
}

fn judge_errors(evidence: &Evidence<'_>, up: &[&Interface]) -> Vec<Finding> {
    let window = match evidence.window().and_then(|window| window.length().map(|_| window)) {
        Ok(window) => window,
        Err(why) => return vec![META.not_run(format!("errors of {}", names(up)), why.to_string())],
    };
    let mut findings = Vec::new();
    let (mut clean, mut unread, mut quiet) = (Vec::new(), Vec::new(), Vec::new());
    for &interface in up {
        match errors_of(window, interface) {
            Err(()) => unread.push(interface),
            Ok((_, packets)) if packets < 100 => quiet.push(interface),
            Ok((errors, _)) if errors.is_empty() => clean.push(interface),
            Ok((errors, packets)) => {
                let words: Vec<String> =
                    errors.iter().map(|(name, count)| format!("{name} +{count}")).collect();
                let message = format!("errors grew while {packets} packets came in: {}", words.join(", "));
                let finding = META.fail(format!("interface {}", interface.name), message);
                let cite = |finding: Finding, (name, count): &(&str, u64)| {
                    let path = format!("{}/statistics/{name}", interface.path);
                    finding.with_evidence(Citation::new(path, format!("+{count}")))
                };
                findings.push(errors.iter().fold(finding.with_likelihood(Likelihood::Mechanism), cite));
            }
        }
    }
    if !clean.is_empty() {
        findings.push(META.pass(format!("errors of {}", names(&clean)), "none in the window"));
    }
    if !quiet.is_empty() {
        let message = "fewer than 100 packets came in, which proves nothing: collect while the service runs";
        let subject = format!("errors of {}", names(&quiet));
        // A port for management is quiet on a healthy node.
        findings.push(if clean.is_empty() {
            META.not_run(subject, message)
        } else {
            META.info(subject, message)
        });
    }
    if !unread.is_empty() {
        findings.push(
            META.not_run(format!("errors of {}", names(&unread)), "not read at both ends of the window"),
        );
    }
    findings
}

type Errors = Vec<(&'static str, u64)>;

/// Counters that grew, and packets received; an error where any was not read twice.
fn errors_of(window: &Window, interface: &Interface) -> Result<(Errors, u64), ()> {
    let delta =
        |name: &str| window.delta("network", &format!("{}/statistics/{name}", interface.path)).ok_or(());
    let mut errors = Errors::new();
    for name in ERRORS {
        let count = delta(name)?;
        if count > 0 {
            errors.push((name, count));
        }
    }
    // Errors are told however few packets came.
    let packets = delta("rx_packets")?;
    Ok(if errors.is_empty() { (errors, packets) } else { (errors, packets.max(100)) })
}

fn judge_queues(evidence: &Evidence<'_>, up: &[&Interface]) -> Vec<Finding> {
    let fast = evidence.limit(&META, &FAST);
    let wanted = evidence.limit(&META, &QUEUES);
    let mut findings = Vec::new();
    let mut enough = Vec::new();
    for &interface in up {
        let subject = format!("queues of interface {}", interface.name);
        let (speed, queues) = match (&interface.speed_mbps, &interface.rx_queues) {
            (Fact::Known(speed), Fact::Known(queues)) => (*speed, *queues),
            (Fact::Missing(why), _) if why.missing == Absence::Absent => continue,
            (Fact::Missing(why), _) | (_, Fact::Missing(why)) => {
                findings.push(META.not_run(subject, why.to_string()));
                continue;
            }
        };
        if fast.is_undercut_by(Quantity::new(speed as f64)) {
            continue;
        }
        let citation = Citation::new(format!("{}/queues", interface.path), format!("{queues} rx"));
        let of_speed = Citation::new(format!("{}/speed", interface.path), speed.to_string());
        let message = format!("{queues} receive queues at {} Gbit/s", speed / 1000);
        let local = local_cpus(evidence, interface).ok().flatten().map(|cpus| cpus.len() as f64);
        let wanted = local.map_or(wanted.value.number(), |cpus| cpus.min(wanted.value.number()));
        if queues <= 1 && wanted > 1.0 {
            let message = format!("one receive queue at {} Gbit/s: one CPU does all the work", speed / 1000);
            findings.push(
                META.warn(subject, message)
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(citation)
                    .with_evidence(of_speed),
            );
        } else if f64::from(queues) < wanted {
            findings.push(
                META.info(subject, format!("{message}; {wanted:.0} would be usual")).with_evidence(citation),
            );
        } else {
            enough.push(interface);
        }
    }
    if !enough.is_empty() {
        findings.push(META.pass(format!("queues of {}", names(&enough)), "there are enough"));
    }
    findings
}

/// CPUs of the node of the card; `None` where the firmware names no node, as on machines that have one only.
///
/// # Errors
/// Says why the node or its CPUs are not known.
fn local_cpus(evidence: &Evidence<'_>, interface: &Interface) -> Result<Option<CpuSet>, Missing> {
    let node = match &interface.numa_node {
        Fact::Missing(why) if why.is_absent() => return Ok(None),
        node => *node.require()?,
    };
    let Ok(node) = u32::try_from(node) else { return Ok(None) };
    let offline = || Missing::new(Absence::Failed, format!("node {node} is not among the NUMA nodes"));
    Ok(Some(evidence.numa()?.node(node).ok_or_else(offline)?.cpus.clone()))
}

/// CPUs that the kernel isolates; none where it cannot.
///
/// # Errors
/// Says why they are not known.
fn isolated(evidence: &Evidence<'_>) -> Result<CpuSet, Missing> {
    const PATH: &str = "/sys/devices/system/cpu/isolated";
    match evidence.setting("interrupts", PATH) {
        Err(why) if why.is_absent() => Ok(CpuSet::new()),
        Err(why) => Err(why),
        Ok(text) => {
            text.parse().map_err(|_| Missing::new(Absence::Malformed, format!("{PATH} holds `{text}`")))
        }
    }
}

/// CPUs that packets are spread over in software.
fn judge_steering(evidence: &Evidence<'_>, up: &[&Interface]) -> Vec<Finding> {
    let isolated = isolated(evidence);
    let mut findings = Vec::new();
    for interface in up {
        let local = local_cpus(evidence, interface);
        for group in &interface.receive_steering {
            let subject =
                format!("receive steering of interface {}, queues {}", interface.name, group.queues);
            let cpus = match &group.cpus {
                Fact::Known(cpus) if cpus.is_empty() => continue,
                Fact::Known(cpus) => cpus,
                // A kernel without it.
                Fact::Missing(why) if why.missing == Absence::Absent => continue,
                Fact::Missing(why) => {
                    findings.push(META.not_run(subject, why.to_string()));
                    continue;
                }
            };
            let far = local.as_ref().map(|local| local.as_ref().map(|local| cpus.difference(local)));
            let on_isolated = isolated.as_ref().map(|isolated| cpus.intersection(isolated));
            let why = match (on_isolated, far) {
                (Ok(on), _) if !on.is_empty() => format!("to CPUs {on}, which the kernel isolates"),
                (_, Ok(Some(far))) if !far.is_empty() => format!("to CPUs {far} of another NUMA node"),
                (Err(why), _) | (_, Err(why)) => {
                    findings.push(META.not_run(subject, why.to_string()));
                    continue;
                }
                _ => continue,
            };
            let first = group.queues.first().unwrap_or_default();
            let path = format!("{}/queues/rx-{first}/rps_cpus", interface.path);
            findings.push(
                META.warn(subject, format!("packets are handed {why}"))
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(Citation::new(path, cpus.to_string())),
            );
        }
    }
    findings
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
        Err(why) => return vec![META.not_run(format!("speed of {}", names(up)), why.to_string())],
    };
    let mut findings = Vec::new();
    let mut by_model: BTreeMap<(u32, u32), Vec<(&Interface, i64)>> = BTreeMap::new();
    for &interface in up {
        match (model_of(pci, interface), &interface.speed_mbps) {
            (Ok(model), Fact::Known(speed)) => by_model.entry(model).or_default().push((interface, *speed)),
            (Err(why), _) => {
                let message = format!("its model is not known: {why}");
                findings.push(META.not_run(format!("speed of interface {}", interface.name), message));
            }
            // What tells no speed was said of its queues.
            (Ok(_), Fact::Missing(_)) => {}
        }
    }
    for links in by_model.into_values() {
        let Some(best) = links.iter().map(|&(_, speed)| speed).max() else { continue };
        for (interface, speed) in links.into_iter().filter(|&(_, speed)| 0 < speed && speed < best) {
            let message = format!(
                "the link runs at {speed} Mbit/s, another of the same model on this node at {best} Mbit/s"
            );
            findings.push(
                META.warn(format!("speed of interface {}", interface.name), message)
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(Citation::new(format!("{}/speed", interface.path), speed.to_string())),
            );
        }
    }
    findings
}
