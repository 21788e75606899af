//! `net.listen-backlog`: connection queues and tables are large enough.
//!
//! How long the queue of a socket may get is in no file (`ss` asks the kernel by netlink), so what is judged is
//! whether any overflowed. Counters are those of the network namespace that the collector ran in: a server with a
//! namespace of its own is unanswered. The log's message that the connection table was full counts where the log has
//! it.

use plumb_check_sdk::limit::{Percent, Quantity};
use plumb_check_sdk::model::ListeningSocket;
use plumb_check_sdk::{
    Absence, Arg, Citation, Evidence, Fact, Finding, Intent, Likelihood, Missing, Object, ObjectKind, Step,
    parsed,
};

use crate::pages::net_listen_backlog::{PAGE, PORTS, SOMAXCONN, TABLE_FILLING, TABLE_FULL, words};

const QUEUE_LENGTH: &str = "net.core.somaxconn";
const TABLE_SIZE: &str = "net.netfilter.nf_conntrack_max";
const PORT_RANGE: &str = "net.ipv4.ip_local_port_range";

/// The default of the kernel since 5.4.
const USUAL_QUEUE: f64 = 4096.0;
/// First port of a wider range for connections that go out; below it, services listen.
const FIRST_PORT: u32 = 10240;

/// One of the questions of the check, about an object of this name.
type Question = (&'static str, fn(&Evidence<'_>, Object) -> Result<Finding, Missing>);

const QUESTIONS: [Question; 4] = [
    ("queues of listening sockets", judge_queues),
    (QUEUE_LENGTH, judge_somaxconn),
    ("connection tracking table", judge_conntrack),
    ("local ports", judge_ports),
];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let answer = |(name, judge): Question| {
        let kind = if name == QUEUE_LENGTH { ObjectKind::Setting } else { ObjectKind::Other };
        let object = Object::new(kind, name);
        PAGE.settle(object.clone(), judge(evidence, object))
    };
    let beside = other_namespaces(evidence).into_iter().chain(open_sockets(evidence));
    Ok(QUESTIONS.into_iter().map(answer).chain(beside).collect())
}

/// A kernel parameter that is a number.
fn number(evidence: &Evidence<'_>, name: &str) -> Result<f64, Missing> {
    parsed(name, &evidence.sysctl(name)?)
}

fn sysctl(name: &str, want: impl ToString, was: impl ToString) -> Intent {
    Intent::Sysctl { name: name.into(), want: want.to_string(), was: was.to_string() }
}

fn cite(name: &str, value: impl ToString) -> Citation {
    Citation::new(format!("/proc/sys/{}", name.replace('.', "/")), value.to_string())
}

fn judge_queues(evidence: &Evidence<'_>, object: Object) -> Result<Finding, Missing> {
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
        let said = words::TurnedAway {
            connections_count: drops.max(overflows).into(),
            length: Arg::quantity(seconds, "s", 0),
        };
        return Ok(PAGE
            .fail(object, said)
            .with_likelihood(Likelihood::Mechanism)
            .with_cause("listen-queue", Object::node())
            .with_evidence(citation)
            // Too short a queue of the kernel is told by itself; the rest is why the server took none out in time.
            .with_intent(Intent::Step { step: Step::TraceSlowRequests }));
    }
    // New connections prove more than GPU load: a client may keep its connection open.
    let opened = of("PassiveOpens")?;
    if opened == 0 {
        return Ok(PAGE.not_run(object, words::NoConnection {}));
    }
    Ok(PAGE.pass(object, words::AllTaken { connections_count: opened.into() }).with_evidence(citation))
}

fn judge_somaxconn(evidence: &Evidence<'_>, object: Object) -> Result<Finding, Missing> {
    let text = evidence.sysctl(QUEUE_LENGTH)?;
    let queue = number(evidence, QUEUE_LENGTH)?;
    let limit = evidence.limit(&PAGE, &SOMAXCONN);
    let connections = Arg::text(text.trim());
    let finding = if limit.is_undercut_by(Quantity::new(queue)) {
        let want = limit.value.number().max(USUAL_QUEUE);
        PAGE.warn(object, words::ShortQueue { connections })
            .with_likelihood(Likelihood::Setting)
            .with_cause("listen-queue", Object::node())
            .with_intent(sysctl(QUEUE_LENGTH, want, text.trim()))
    } else {
        PAGE.pass(object, words::LongQueue { connections })
    };
    Ok(finding.with_evidence(cite(QUEUE_LENGTH, text)))
}

fn judge_conntrack(evidence: &Evidence<'_>, object: Object) -> Result<Finding, Missing> {
    const USED: &str = "net.netfilter.nf_conntrack_count";
    let most = number(evidence, TABLE_SIZE);
    // The log of the kernel tells of the past; what it does not tell proves nothing, but it has to be there.
    let log = evidence.kernel_log();
    if let Ok(log) = log
        && let Some(line) = log.lines.iter().rfind(|line| line.text.contains("nf_conntrack: table full"))
    {
        let most = most.ok().filter(|&most| most > 0.0);
        return Ok(PAGE
            .fail(object, words::TableWasFull {})
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(&log.path, &line.text))
            .with_intent(Intent::Step { step: Step::WatchLog })
            .with_citations(most.map(|most| cite(TABLE_SIZE, most)))
            .with_intents(most.map(|most| sysctl(TABLE_SIZE, (2.0 * most) as u64, most))));
    }
    let used = match number(evidence, USED) {
        Err(why) if why.is_absent() => return Ok(PAGE.not_applicable(object, words::NotTracked {})),
        used => used?,
    };
    let most = most?;
    if most <= 0.0 {
        return Ok(PAGE.info(object, words::NoLimit {}));
    }
    let share = Quantity::<Percent>::new(100.0 * used / most);
    let (full, filling) = (evidence.limit(&PAGE, &TABLE_FULL), evidence.limit(&PAGE, &TABLE_FILLING));
    let (used_arg, most_arg, share_arg) =
        (Arg::quantity(used, "", 0), Arg::quantity(most, "", 0), Arg::of(share, 0));
    let finding = if !filling.is_undercut_by(share) || full.is_exceeded_by(share) {
        let said = words::TableFilling { most: most_arg, share: share_arg, used: used_arg };
        let finding =
            if full.is_exceeded_by(share) { PAGE.fail(object, said) } else { PAGE.warn(object, said) };
        // Half of what would still be told.
        let lowest = filling.value.number().min(full.value.number()).max(1.0);
        let want = ((200.0 * used / lowest) as u64).next_power_of_two();
        finding.with_likelihood(Likelihood::Mechanism).with_intent(sysctl(TABLE_SIZE, want, most))
    } else if let Err(why) = log {
        let reason = Arg::from(&why);
        PAGE.not_run(object, words::UnknownPast { most: most_arg, reason, share: share_arg, used: used_arg })
    } else {
        PAGE.pass(object, words::RoomInTable { most: most_arg, share: share_arg, used: used_arg })
    };
    Ok(finding.with_evidence(cite(USED, used)).with_evidence(cite(TABLE_SIZE, most)))
}

fn judge_ports(evidence: &Evidence<'_>, object: Object) -> Result<Finding, Missing> {
    let range = evidence.sysctl(PORT_RANGE)?;
    let malformed = || Missing::new(Absence::Malformed, format!("{PORT_RANGE} holds `{range}`"));
    let mut ends = range.split_whitespace().map(str::parse::<u32>);
    let (Some(Ok(first)), Some(Ok(last))) = (ends.next(), ends.next()) else { return Err(malformed()) };
    if first > last || last > 65535 {
        return Err(malformed());
    }
    let ports: Vec<(u16, u16)> = evidence.get("/network/tcp_local_ports")?;
    let used_of = |first: u32, last: u32| -> (u32, Quantity<Percent>) {
        let inside = |&(from, to): &(u16, u16)| {
            (u32::from(to).min(last) + 1).saturating_sub(u32::from(from).max(first))
        };
        let used: u32 = ports.iter().map(inside).sum();
        (used, Quantity::new(100.0 * f64::from(used) / f64::from(last - first + 1)))
    };
    let (used, share) = used_of(first, last);
    let limit = evidence.limit(&PAGE, &PORTS);
    let port = |port: u32| Arg::text(port.to_string());
    let (first_arg, last_arg, share_arg, used_count) =
        (port(first), port(last), Arg::of(share, 0), used.into());
    let finding = if limit.is_undercut_by(share) {
        PAGE.pass(object, words::FreePorts { first: first_arg, last: last_arg, share: share_arg, used_count })
    } else {
        let said = words::FewPorts { first: first_arg, last: last_arg, share: share_arg, used_count };
        let (low, high) = (first.min(FIRST_PORT), 65535);
        let intent = if limit.is_undercut_by(used_of(low, high).1) {
            sysctl(PORT_RANGE, format!("{low} {high}"), format!("{first} {last}"))
        } else {
            Intent::Step { step: Step::PlanCapacity }
        };
        PAGE.warn(object, said).with_likelihood(Likelihood::Mechanism).with_intent(intent)
    };
    Ok(finding
        .with_evidence(Citation::new("/proc/net/tcp", format!("{used} local ports of the range")))
        .with_evidence(cite(PORT_RANGE, format!("{first} {last}"))))
}

/// Where other machines can reach a server. That is no fault; who may reach it is for others to know.
fn open_sockets(evidence: &Evidence<'_>) -> Vec<Finding> {
    let sockets: Vec<ListeningSocket> = evidence.get("/network/listening").unwrap_or_default();
    let servers = evidence.servers().unwrap_or_default();
    let told = servers.iter().filter_map(|server| {
        let is_own = |pid: &u32| server.processes.iter().any(|process| process.pid == *pid);
        let open =
            |socket: &&ListeningSocket| socket.is_beyond_loopback() && socket.owners.iter().any(is_own);
        let open: Vec<&ListeningSocket> = sockets.iter().filter(open).collect();
        let addresses: Vec<&str> = open.iter().map(|socket| socket.address.as_str()).collect();
        let object = Object::new(ObjectKind::Server, server.pid.to_string());
        let object = object.named(format!("sockets of {} {}", server.kind, server.pid));
        let said = words::Open { addresses: addresses.join(", ").into() };
        let citation = Citation::new(&open.first()?.path, addresses.join(", "));
        Some(PAGE.info(object, said).with_evidence(citation))
    });
    told.collect()
}

/// Servers whose sockets are in another network namespace, or may be.
fn other_namespaces(evidence: &Evidence<'_>) -> Option<Finding> {
    let servers = match evidence.servers() {
        Ok(servers) => servers,
        Err(why) => return Some(PAGE.missing(Object::new(ObjectKind::Other, "inference servers"), &why)),
    };
    let ours: Option<String> = evidence.get("/network/namespace").ok();
    let mut hidden = servers.iter().filter(|server| {
        let mut namespaces = server.processes.iter().filter_map(|process| process.network_namespace.known());
        match (namespaces.next(), &ours) {
            (Some(theirs), Some(ours)) => theirs != ours,
            // Outside a container, a server has the namespace of the host.
            _ => !matches!(&server.container, Fact::Missing(why) if why.is_absent()),
        }
    });
    let first = hidden.next()?;
    let names: Vec<String> =
        [first].into_iter().chain(hidden).map(|server| format!("{} {}", server.kind, server.pid)).collect();
    let object = Object::new(ObjectKind::Server, first.pid.to_string());
    let said = words::OtherNamespace { servers_count: names.len().into() };
    Some(PAGE.not_run(object.named(format!("server {}", names.join(", "))), said))
}
