//! Network interfaces (`/sys/class/net`), ports of RDMA devices (`/sys/class/infiniband`), TCP sockets (`/proc/net`).

use std::collections::{BTreeMap, BTreeSet};

use crate::derive::freq::numbered;
use crate::derive::pci::is_address;
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::{CpuSet, IndexSet};
use crate::model::{InferenceServer, Interface, ListeningSocket, Network, QueueCpus, RdmaPort};
use crate::source::{Source, malformed};

/// Folder of the network interfaces.
pub const INTERFACES: &str = "/sys/class/net";
/// Folder of the RDMA devices.
pub const RDMA: &str = "/sys/class/infiniband";
/// Link that names the network namespace.
pub const NAMESPACE: &str = "/proc/self/ns/net";
/// Tables of TCP sockets.
pub const SOCKETS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// State of a socket in `/proc/net/tcp`: `TCP_LISTEN` of the kernel's `include/net/tcp_states.h`.
const LISTEN: u8 = 0x0a;

/// # Errors
/// Fails where nothing of it was collected.
pub(crate) fn derive(source: &impl Source, servers: &Fact<Vec<InferenceServer>>) -> Result<Network, Missing> {
    let interfaces = interfaces(source);
    let servers = servers.known().map_or(&[][..], Vec::as_slice);
    let sockets = sockets(source).map(|sockets| owned(source, sockets, servers));
    if let (Err(missing), Err(_)) = (&interfaces, &sockets) {
        return Err(missing.clone());
    }
    Ok(Network {
        namespace: source.link(NAMESPACE).into(),
        interfaces: interfaces.into(),
        rdma: rdma(source).into(),
        listening: sockets.clone().map(|sockets| sockets.listening).into(),
        tcp_local_ports: sockets.map(|sockets| ranges(&sockets.local_ports)).into(),
    })
}

fn interfaces(source: &impl Source) -> Result<Vec<Interface>, Missing> {
    let names = source.list(INTERFACES)?;
    // The kernel keeps a file beside the interfaces while bonding is loaded.
    Ok(names.iter().filter(|name| *name != "bonding_masters").map(|name| interface(source, name)).collect())
}

fn interface(source: &impl Source, name: &str) -> Interface {
    let path = format!("{INTERFACES}/{name}");
    let queues = source.list(&format!("{path}/queues"));
    let count = |prefix: &str| -> Fact<u32> {
        let of_kind = |names: &Vec<String>| names.iter().filter(|name| name.starts_with(prefix)).count();
        match queues.as_ref().map(of_kind) {
            // The folders of queues are there, and hold nothing that was collected: a kernel without steering.
            Ok(0) => Fact::absent(format!("{path}/queues lists none that begins with `{prefix}`")),
            Ok(count) => Fact::Known(u32::try_from(count).unwrap_or(u32::MAX)),
            Err(why) => Fact::Missing(why.clone()),
        }
    };
    let device = source.link(&path).map_or_else(Fact::Missing, |target| pci_address(&path, &target));
    Interface {
        name: name.to_owned(),
        operstate: source.fact(&format!("{path}/operstate")),
        speed_mbps: source.parse(&format!("{path}/speed")).into(),
        mtu: source.parse(&format!("{path}/mtu")).into(),
        numa_node: numa_node(source, &path, &device).into(),
        rx_queues: count("rx-"),
        tx_queues: count("tx-"),
        receive_steering: receive_steering(source, &path),
        device,
        path,
    }
}

/// The device of an interface is not always the one on the bus: virtio puts its own between, which has no such file.
fn numa_node(source: &impl Source, path: &str, device: &Fact<String>) -> Result<i32, Missing> {
    let own = source.parse(&format!("{path}/device/numa_node"));
    match (&own, device.known()) {
        (Err(missing), Some(address)) if missing.is_nothing() => {
            source.parse(&format!("/sys/bus/pci/devices/{address}/numa_node")).or(own)
        }
        _ => own,
    }
}

/// The PCI device that a link such as `../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0` leads through.
fn pci_address(path: &str, target: &str) -> Fact<String> {
    target.rsplit('/').find(|part| is_address(part)).map_or_else(
        || Fact::absent(format!("{path} belongs to no PCI device")),
        |address| Fact::Known(address.to_owned()),
    )
}

fn receive_steering(source: &impl Source, path: &str) -> Vec<QueueCpus> {
    let folder = format!("{path}/queues");
    let mut groups: BTreeMap<Result<CpuSet, Missing>, IndexSet> = BTreeMap::new();
    for queue in numbered(source, &folder, "rx-").unwrap_or_default() {
        let file = format!("{folder}/rx-{queue}/rps_cpus");
        let cpus = source
            .text(&file)
            .and_then(|text| IndexSet::from_mask(&text).map_err(|_| malformed(&file, &text)))
            // So that queues without an answer make one group.
            .map_err(|why| Missing { reason: why.reason.replace(&format!("rx-{queue}/"), "rx-*/"), ..why });
        groups.entry(cpus).or_default().insert(queue);
    }
    groups.into_iter().map(|(cpus, queues)| QueueCpus { queues, cpus: cpus.into() }).collect()
}

fn rdma(source: &impl Source) -> Result<Vec<RdmaPort>, Missing> {
    let mut ports = Vec::new();
    for device in source.list(RDMA)? {
        let folder = format!("{RDMA}/{device}");
        for port in numbered(source, &format!("{folder}/ports"), "")? {
            ports.push(rdma_port(source, &folder, &device, port));
        }
    }
    Ok(ports)
}

fn rdma_port(source: &impl Source, folder: &str, device: &str, port: u32) -> RdmaPort {
    let path = format!("{folder}/ports/{port}");
    // `4: ACTIVE`
    let state = |name: &str| {
        let file = format!("{path}/{name}");
        Fact::from(source.text(&file)).map(|text| match text.split_once(':') {
            Some((_, word)) => word.trim().to_owned(),
            None => text,
        })
    };
    // `400 Gb/sec (4X NDR)`
    let file = format!("{path}/rate");
    let rate = source.text(&file).and_then(|text| {
        let number = text.split_once(" Gb/sec").and_then(|(number, _)| number.parse::<f64>().ok());
        number.filter(|number| number.is_finite()).ok_or_else(|| malformed(&file, &text))
    });
    let model = source.text(&format!("{folder}/board_id")).ok().filter(|text| !text.is_empty());
    RdmaPort {
        device: device.to_owned(),
        port,
        address: source.link(folder).map_or_else(Fact::Missing, |target| pci_address(folder, &target)),
        model: model.map_or_else(|| source.fact(&format!("{folder}/hca_type")), Fact::Known),
        numa_node: source.parse(&format!("{folder}/device/numa_node")).into(),
        link_layer: source.fact(&format!("{path}/link_layer")),
        state: state("state"),
        phys_state: state("phys_state"),
        rate_gbps: rate.into(),
        path,
    }
}

#[derive(Clone, Default, Debug, PartialEq)]
struct Sockets {
    listening: Vec<ListeningSocket>,
    /// Where each of them is in the list, by which a process names it (`socket:[INODE]`).
    by_inode: BTreeMap<String, usize>,
    local_ports: BTreeSet<u16>,
}

fn sockets(source: &impl Source) -> Result<Sockets, Missing> {
    let mut all = Sockets::default();
    for path in SOCKETS {
        match source.text(path) {
            Ok(text) => add_sockets(path, &text, &mut all).ok_or_else(|| malformed(path, &text))?,
            // A kernel without IPv6.
            Err(why) if why.missing == Absence::Absent && path == SOCKETS[1] => {}
            Err(why) => return Err(why),
        }
    }
    Ok(all)
}

/// Adds which processes of servers have the listening sockets open.
fn owned(source: &impl Source, mut sockets: Sockets, servers: &[InferenceServer]) -> Sockets {
    let mut pids: Vec<u32> =
        servers.iter().flat_map(|server| &server.processes).map(|process| process.pid).collect();
    pids.sort_unstable();
    for pid in pids {
        let folder = format!("/proc/{pid}/fd");
        for descriptor in source.list(&folder).unwrap_or_default() {
            let Ok(target) = source.link(&format!("{folder}/{descriptor}")) else { continue };
            let Some(&position) = inode(&target).and_then(|inode| sockets.by_inode.get(inode)) else {
                continue;
            };
            let owners = &mut sockets.listening[position].owners;
            if owners.last() != Some(&pid) {
                owners.push(pid);
            }
        }
    }
    sockets
}

/// The number of a socket that a link of `/proc/PID/fd` names; `None` for other files.
#[must_use]
pub fn inode(link: &str) -> Option<&str> {
    link.strip_prefix("socket:[")?.strip_suffix(']')
}

/// Inodes of sockets that listen at a port, by a table as `/proc/net/tcp` is; none where it is of another form.
#[must_use]
pub fn listening_at(table: &str, port: u16) -> BTreeSet<String> {
    let mut all = Sockets::default();
    let read = add_sockets("", table, &mut all);
    let of_port = all.by_inode.into_iter().filter(|(_, position)| all.listening[*position].port == port);
    of_port.map(|(inode, _)| inode).filter(|_| read.is_some()).collect()
}

fn ranges(ports: &BTreeSet<u16>) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for &port in ports {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    ranges
}

/// Adds the sockets of one table; `None` where a line is not of the documented form (proc_net_tcp).
fn add_sockets(path: &str, text: &str, all: &mut Sockets) -> Option<()> {
    let mut lines = text.lines();
    lines.next()?.trim_start().starts_with("sl").then_some(())?;
    for line in lines {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next()?;
        let (_remote, state, queues) = (words.next()?, words.next()?, words.next()?);
        let (address, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        if u8::from_str_radix(state, 16).ok()? != LISTEN {
            all.local_ports.insert(port);
            continue;
        }
        let (_, waiting) = queues.split_once(':')?;
        all.listening.push(ListeningSocket {
            path: path.to_owned(),
            address: format!("{}:{port}", ip(address)?),
            port,
            waiting: u64::from_str_radix(waiting, 16).ok()?,
            owners: Vec::new(),
        });
        // After the timer: retransmissions, user, timeout.
        if let Some(inode) = words.nth(4) {
            all.by_inode.insert(inode.to_owned(), all.listening.len() - 1);
        }
    }
    Some(())
}

/// An address in the kernel's form: words of 32 bits in hexadecimal, each in the byte order of the machine, which is
/// little-endian on all that Plumb is for.
fn ip(hex: &str) -> Option<String> {
    if ![8, 32].contains(&hex.len()) {
        return None;
    }
    let mut bytes = Vec::new();
    for word in hex.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_le_bytes());
    }
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => Some(std::net::Ipv4Addr::from(four).to_string()),
        Err(_) => {
            let sixteen = <[u8; 16]>::try_from(bytes.as_slice()).ok()?;
            Some(format!("[{}]", std::net::Ipv6Addr::from(sixteen)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::testing::Tree;
    use crate::model::ServerProcess;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid \
          timeout inode\n   0: \
         0100007F:1F40 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1145 1 0 100 0 0 10 0\n   \
         1: 0100007F:9C40 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1\n   \
         2: 0100007F:9C41 0100007F:1F40 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0\n";

    #[test]
    fn sockets_that_listen_are_told_from_connections() {
        let mut all = Sockets::default();
        add_sockets("/proc/net/tcp", TABLE, &mut all).unwrap();
        assert_eq!((all.listening.len(), all.by_inode.clone()), (1, [("1145".to_owned(), 0)].into()));
        assert_eq!((all.listening[0].address.as_str(), all.listening[0].waiting), ("127.0.0.1:8000", 3));
        assert_eq!(ranges(&all.local_ports), [(40000, 40001)]);
        assert_eq!(ranges(&BTreeSet::from([1, 3, 4, 65535])), [(1, 1), (3, 4), (65535, 65535)]);
    }

    #[test]
    fn sockets_of_servers_are_told_by_their_processes() {
        let tree = Tree::of(&[
            ("/proc/net/tcp", TABLE),
            ("/proc/100/fd/3", "-> socket:[1145]"),
            ("/proc/100/fd/4", "-> socket:[1145]"),
            ("/proc/100/fd/5", "-> socket:[77]"),
            ("/proc/101/fd/3", "-> /dev/nvidia0"),
            ("/proc/200/fd/3", "-> socket:[1145]"),
        ]);
        let process = |pid| ServerProcess { pid, ..ServerProcess::default() };
        let server =
            InferenceServer { processes: vec![process(101), process(100)], ..InferenceServer::default() };
        let network = derive(&tree, &Fact::Known(vec![server])).unwrap();
        assert_eq!(network.listening.known().unwrap()[0].owners, [100]);
        // A table without the numbers of sockets still tells which listen.
        let short: String =
            TABLE.lines().map(|line| line.split(" 1145").next().unwrap().to_owned() + "\n").collect();
        let tree = Tree::of(&[("/proc/net/tcp", &short)]);
        let network = derive(&tree, &Fact::absent("none")).unwrap();
        assert_eq!(network.listening.known().unwrap()[0].owners, Vec::<u32>::new());
    }

    #[test]
    fn addresses_of_both_families() {
        assert_eq!(ip("0100007F").unwrap(), "127.0.0.1");
        assert_eq!(ip("00000000000000000000000001000000").unwrap(), "[::1]");
        assert_eq!(ip("B80D0120000000000000000001000000").unwrap(), "[2001:db8::1]");
        assert_eq!(ip("01"), None);
        assert_eq!(ip("xx00007F"), None);
    }

    #[test]
    fn an_interface_belongs_to_the_last_pci_device_on_its_path() {
        let of = |target| pci_address("/sys/class/net/eth0", target).known().cloned();
        let nested = "../../devices/pci0000:00/0000:00:01.0/0000:18:00.0/net/eth0";
        assert_eq!(of(nested).unwrap(), "0000:18:00.0");
        assert_eq!(of("../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0").unwrap(), "0000:00:03.0");
        assert_eq!(of("../../devices/virtual/net/lo"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|sl\n([0-9A-F]{0,33}[: \
             ]{1,2}){0,12}", hex in "[0-9A-Fé]{0,40}") {
            let _ = add_sockets("/proc/net/tcp", &text, &mut Sockets::default());
            let _ = (ip(&hex), pci_address("/", &text));
        }
    }
}
