//! `net.listen-backlog`: connection queues and tables are large enough.
//!
//! How long the queue of a socket may get is in no file (`ss` asks the kernel by netlink), so what is judged is
//! whether any overflowed. Counters are those of the network namespace that the collector ran in: a server with a
//! namespace of its own is unanswered. The log's message that the connection table was full counts where the log has
//! it.

use plumb_check_sdk::limit::{Count, Limit, Percent, Quantity};
use plumb_check_sdk::model::KernelLog;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis,
};
use std::borrow::Cow::Borrowed;

/// See the module.
pub struct NetListenBacklog;

const SOMAXCONN: Limit<Count> = Limit {
    name: "longest queue of a listening socket",
    value: Quantity::new(2048.0),
    basis: ThresholdBasis::Published,
    source: "TuneD profile throughput-performance",
    date: "2026-11-23",
    applies_to: "kernels before 5.4 default to 128, later ones to 4096",
};
const TABLE_FILLING: Limit<Percent> = Limit {
    name: "entries of the connection tracking table in use, high",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "nodes that track connections",
};
const TABLE_FULL: Limit<Percent> = Limit {
    name: "entries of the connection tracking table in use, too high",
    value: Quantity::new(80.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "nodes that track connections",
};
const PORTS: Limit<Percent> = Limit {
    name: "local ports in use",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal; the limit is per remote address and port, so this is on the safe side",
    date: "2026-11-23",
    applies_to: "nodes that open connections, such as routers",
};

static THRESHOLDS: [Threshold; 4] =
    [SOMAXCONN.threshold(), TABLE_FILLING.threshold(), TABLE_FULL.threshold(), PORTS.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("net.listen-backlog"),
    title: Borrowed("Connection queues and tables are large enough"),
    category: Category::Interference,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A queue or table that overflows in a burst turns clients away, which they see as random time-outs.",
    ),
    business: Borrowed("The waiting room is too small, so some visitors are turned away at the door."),
    needs: Borrowed(&[
        Borrowed("/window"),
        Borrowed("/servers"),
        Borrowed("/network/namespace"),
        Borrowed("/network/tcp_local_ports"),
        Borrowed("/sysctl/net.core.somaxconn"),
        Borrowed("/sysctl/net.netfilter.nf_conntrack_count"),
        Borrowed("/sysctl/net.netfilter.nf_conntrack_max"),
        Borrowed("/sysctl/net.ipv4.ip_local_port_range"),
        Borrowed("/kernel_log"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`sysctl -w net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=8192`; `sysctl -w \
             net.netfilter.nf_conntrack_max=1048576`",
        ),
        persistent: Borrowed(
            "a file in `/etc/sysctl.d`; also raise the backlog of the server itself, which the kernel cuts \
             to `net.core.somaxconn`",
        ),
        rollback: Borrowed("`sysctl -w NAME=VALUE` with the values named in the evidence"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`nstat -az TcpExtListenOverflows TcpExtListenDrops`; `ss -lnt`"),
        expected_effect: Borrowed("No published number for language models."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, and containers, each per network namespace"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed("Linux kernel: /proc/sys/kernel (numa_balancing, sched_*, watchdogs)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/kernel.html"),
        },
    ]),
};

impl Check for NetListenBacklog {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let mut findings = vec![
            judge_queues(evidence).unwrap_or_else(|why| META.not_run(QUEUES, why.to_string())),
            judge_somaxconn(evidence)
                .unwrap_or_else(|why| META.not_run("net.core.somaxconn", why.to_string())),
            judge_conntrack(evidence).unwrap_or_else(|why| META.not_run(TABLE, why.to_string())),
            judge_ports(evidence).unwrap_or_else(|why| META.not_run("local ports", why.to_string())),
        ];
        findings.extend(other_namespaces(evidence));
        Ok(findings)
    }
}

const QUEUES: &str = "queues of listening sockets";
const TABLE: &str = "connection tracking table";

fn number(name: &str, text: &str) -> Result<f64, Missing> {
    text.trim().parse().map_err(|_| Missing::new(Absence::Malformed, format!("{name} holds `{text}`")))
}

fn judge_queues(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let window = evidence.window()?;
    let seconds = window.length()?;
    let counters = window.tcp.require()?;
    let of = |name: &str| {
        let absent = || Missing::new(Absence::Absent, format!("/proc/net/netstat has no {name}"));
        counters.get(name).copied().ok_or_else(absent)
    };
    let (overflows, drops) = (of("ListenOverflows")?, of("ListenDrops")?);
    let citation = Citation::new(
        "/proc/net/netstat",
        format!("ListenOverflows +{overflows}, ListenDrops +{drops} in {seconds:.0} s"),
    );
    if overflows > 0 || drops > 0 {
        let message = format!(
            "{} connections were turned away in {seconds:.0} s because a queue was full",
            drops.max(overflows)
        );
        return Ok(META.fail(QUEUES, message).with_likelihood(Likelihood::Mechanism).with_evidence(citation));
    }
    // New connections prove more than GPU load: a client may keep its connection open.
    let opened = of("PassiveOpens")?;
    if opened == 0 {
        let message = "no connection came in during the window: collect while clients connect";
        return Ok(META.not_run(QUEUES, message));
    }
    Ok(META
        .pass(QUEUES, format!("{opened} connections came in, none was turned away"))
        .with_evidence(citation))
}

fn judge_somaxconn(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    const NAME: &str = "net.core.somaxconn";
    let text = evidence.sysctl(NAME)?;
    let limit = evidence.limit(&META, &SOMAXCONN);
    let message = format!("a listening socket may queue at most {} connections", text.trim());
    let finding = if limit.is_undercut_by(Quantity::new(number(NAME, &text)?)) {
        META.warn(NAME, message).with_likelihood(Likelihood::Setting)
    } else {
        META.pass(NAME, message)
    };
    Ok(finding.with_evidence(Citation::new("/proc/sys/net/core/somaxconn", text)))
}

fn judge_conntrack(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    // The log of the kernel tells of the past; what it does not tell proves nothing, but it has to be there.
    let log = evidence.kernel_log();
    if let Ok(log) = log
        && let Some(line) = log.lines.iter().rfind(|line| line.text.contains("nf_conntrack: table full"))
    {
        return Ok(table_full(log, &line.text));
    }
    let of = |name: &str| evidence.sysctl(name).and_then(|text| number(name, &text));
    let used = match of("net.netfilter.nf_conntrack_count") {
        Err(why) if why.missing == Absence::Absent => {
            return Ok(META.not_applicable(TABLE, "the kernel does not track connections here"));
        }
        used => used?,
    };
    let most = of("net.netfilter.nf_conntrack_max")?;
    if most <= 0.0 {
        return Ok(META.info(TABLE, "it has no limit"));
    }
    let share = 100.0 * used / most;
    let message = format!("{used:.0} of {most:.0} entries are in use ({share:.0} %)");
    let full = evidence.limit(&META, &TABLE_FULL).is_exceeded_by(Quantity::new(share));
    let filling = !evidence.limit(&META, &TABLE_FILLING).is_undercut_by(Quantity::new(share));
    let finding = match (full, filling) {
        (true, _) => META.fail(TABLE, message).with_likelihood(Likelihood::Mechanism),
        (_, true) => META.warn(TABLE, message).with_likelihood(Likelihood::Mechanism),
        _ => match log {
            Ok(_) => META.pass(TABLE, message),
            Err(why) => {
                META.not_run(TABLE, format!("{message}; whether it was full before is not known: {why}"))
            }
        },
    };
    Ok(finding
        .with_evidence(Citation::new("/proc/sys/net/netfilter/nf_conntrack_count", used.to_string()))
        .with_evidence(Citation::new("/proc/sys/net/netfilter/nf_conntrack_max", most.to_string())))
}

fn table_full(log: &KernelLog, text: &str) -> Finding {
    META.fail(TABLE, "it was full, and packets were dropped")
        .with_likelihood(Likelihood::Mechanism)
        .with_evidence(Citation::new(&log.path, text))
}

fn judge_ports(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    const NAME: &str = "net.ipv4.ip_local_port_range";
    let range = evidence.sysctl(NAME)?;
    let malformed = || Missing::new(Absence::Malformed, format!("{NAME} holds `{range}`"));
    let mut ends = range.split_whitespace().map(str::parse::<u32>);
    let (Some(Ok(first)), Some(Ok(last))) = (ends.next(), ends.next()) else { return Err(malformed()) };
    if first > last || last > 65535 {
        return Err(malformed());
    }
    let ports: Vec<(u16, u16)> = evidence.get("/network/tcp_local_ports")?;
    let inside =
        |&(from, to): &(u16, u16)| (u32::from(to).min(last) + 1).saturating_sub(u32::from(from).max(first));
    let used: u32 = ports.iter().map(inside).sum();
    let share = 100.0 * f64::from(used) / f64::from(last - first + 1);
    let message = format!("{used} of the ports {first} to {last} are in use ({share:.0} %)");
    let scarce = !evidence.limit(&META, &PORTS).is_undercut_by(Quantity::new(share));
    let finding = if scarce {
        META.warn("local ports", message).with_likelihood(Likelihood::Mechanism)
    } else {
        META.pass("local ports", message)
    };
    Ok(finding
        .with_evidence(Citation::new("/proc/net/tcp", format!("{used} local ports of the range")))
        .with_evidence(Citation::new("/proc/sys/net/ipv4/ip_local_port_range", format!("{first} {last}"))))
}

/// Servers whose sockets are in another network namespace, or may be.
fn other_namespaces(evidence: &Evidence<'_>) -> Option<Finding> {
    let servers = match evidence.servers() {
        Ok(servers) => servers,
        Err(why) => return Some(META.not_run("inference servers", why.to_string())),
    };
    let ours: Option<String> = evidence.get("/network/namespace").ok();
    let hidden: Vec<String> = servers
        .iter()
        .filter(|server| {
            let mut namespaces =
                server.processes.iter().filter_map(|process| process.network_namespace.known());
            match (namespaces.next(), &ours) {
                (Some(theirs), Some(ours)) => theirs != ours,
                // Outside a container, a server has the namespace of the host.
                _ => !matches!(&server.container, Fact::Missing(why) if why.missing == Absence::Absent),
            }
        })
        .map(|server| format!("{} {}", server.kind, server.pid))
        .collect();
    if hidden.is_empty() {
        return None;
    }
    let message = "it has a network namespace of its own, or may have one, whose queues are not seen from \
                   here: collect inside its container as well";
    Some(META.not_run(format!("server {}", hidden.join(", ")), message))
}
