//! Sections that are derived from several files, on a small node.

use std::collections::BTreeMap;

use plumb_evidence::manifest::{Manifest, ProbeStatus, Unread};
use plumb_evidence::{Absence, Bundle, Evidence, Fact, derive};

use super::{files, manifest, probe};

const ETH: &str = "raw/sys/class/net/eth0";
const IB: &str = "raw/sys/class/infiniband/mlx5_0";
const MC: &str = "raw/sys/devices/system/edac/mc/mc0";
const NODE: &str = "raw/sys/devices/system/node/node0";

fn node(entries: &[(String, &str)], unread: &[&str]) -> Evidence {
    let entries: Vec<(&str, &str)> = entries.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let folders = ["/boot", "/efi", "/etc", "/proc", "/run", "/sys", "/usr"];
    let mut unread: Vec<Unread> = unread
        .iter()
        .map(|path| Unread { path: (*path).into(), status: Absence::Denied, reason: "denied".into() })
        .collect();
    unread.sort();
    let manifest = Manifest {
        probes: folders.map(|folder| probe("all", ProbeStatus::Ok, folder)).to_vec(),
        unread,
        ..manifest()
    };
    let links = BTreeMap::from([
        ("/sys/class/net/eth0".to_owned(), "../../devices/pci0000:00/0000:5e:00.0/net/eth0".to_owned()),
        ("/sys/class/net/lo".to_owned(), "../../devices/virtual/net/lo".to_owned()),
        (
            "/sys/class/infiniband/mlx5_0".to_owned(),
            "../../devices/x/0000:5e:00.1/infiniband/mlx5_0".to_owned(),
        ),
        ("/proc/self/ns/net".to_owned(), "net:[4026531840]".to_owned()),
    ]);
    derive(&Bundle::new(manifest, files(&entries), links))
}

fn raw(path: &str) -> String {
    format!("raw{path}")
}

#[test]
fn the_network_of_a_node() {
    let evidence = node(
        &[
            (format!("{ETH}/operstate"), "up"),
            (format!("{ETH}/speed"), "100000"),
            (format!("{ETH}/device/numa_node"), "1"),
            (format!("{ETH}/queues/rx-0/rps_cpus"), "00000000,0000000f"),
            (format!("{ETH}/queues/rx-1/rps_cpus"), "00000000,00000000"),
            (format!("{ETH}/queues/rx-2/rps_cpus"), "00000000,0000000f"),
            (format!("{ETH}/queues/tx-0/tx_timeout"), "0"),
            (raw("/sys/class/net/lo/operstate"), "unknown"),
            (format!("{IB}/board_id"), "MT_0000000838"),
            (format!("{IB}/ports/1/state"), "4: ACTIVE"),
            (format!("{IB}/ports/1/phys_state"), "5: LinkUp"),
            (format!("{IB}/ports/1/rate"), "400 Gb/sec (4X NDR)"),
        ],
        &[],
    );
    let network = evidence.network.known().unwrap();
    assert_eq!(network.namespace.known().unwrap(), "net:[4026531840]");
    let interfaces = network.interfaces.known().unwrap();
    let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    assert_eq!(names, ["eth0", "lo"]);
    let eth = &interfaces[0];
    assert_eq!(eth.device, Fact::Known("0000:5e:00.0".to_owned()));
    assert_eq!((eth.speed_mbps.known(), eth.numa_node.known()), (Some(&100_000), Some(&1)));
    assert_eq!((eth.rx_queues.known(), eth.tx_queues.known()), (Some(&3), Some(&1)));
    let steering: Vec<(String, String)> = eth
        .receive_steering
        .iter()
        .map(|group| (group.queues.to_string(), group.cpus.known().unwrap().to_string()))
        .collect();
    assert_eq!(steering, [("1".to_owned(), String::new()), ("0,2".to_owned(), "0-3".to_owned())]);
    assert!(matches!(&interfaces[1].device, Fact::Missing(why) if why.missing == Absence::Absent));
    let port = &network.rdma.known().unwrap()[0];
    assert_eq!((port.device.as_str(), port.port), ("mlx5_0", 1));
    assert_eq!(port.address.known().unwrap(), "0000:5e:00.1");
    assert_eq!((port.state.known().unwrap().as_str(), port.rate_gbps.known()), ("ACTIVE", Some(&400.0)));
    // `/proc` was collected, and had no such table.
    assert!(matches!(&network.listening, Fact::Missing(why) if why.missing == Absence::Absent));
}

#[test]
fn the_memory_of_a_node() {
    let meminfo = "MemTotal: 1000 kB\nMemFree: 400 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
    let of_node = "Node 0 MemTotal: 1000 kB\nNode 0 MemFree: 400 kB\nNode 0 FilePages: 300 kB\nNode 0 \
         Shmem: 100 \
                   kB\nNode 0 SReclaimable: 50 kB\n";
    let evidence = node(
        &[
            (raw("/proc/meminfo"), meminfo),
            (raw("/proc/vmstat"), "oom_kill 2\npswpin 0\n"),
            (format!("{NODE}/meminfo"), of_node),
            (format!("{NODE}/hugepages/hugepages-1048576kB/nr_hugepages"), "4"),
            (format!("{NODE}/hugepages/hugepages-1048576kB/free_hugepages"), "3"),
            (format!("{MC}/ce_count"), "7"),
            (format!("{MC}/ue_count"), "x"),
            (format!("{MC}/dimm3/dimm_ce_count"), "7"),
            (format!("{MC}/dimm3/dimm_label"), "A1"),
            (format!("{MC}/csrow0/ce_count"), "7"),
        ],
        &["/proc/swaps"],
    );
    let memory = evidence.memory.known().unwrap();
    assert_eq!(memory.total_bytes, Fact::Known(1_024_000));
    assert!(matches!(&memory.available_bytes, Fact::Missing(why) if why.missing == Absence::Absent));
    assert_eq!(memory.vmstat.known().unwrap()["oom_kill"], 2);
    assert!(matches!(&memory.swaps, Fact::Missing(why) if why.missing == Absence::Denied), "not: no swap");
    let nodes = memory.nodes.known().unwrap();
    assert_eq!(nodes[0].reclaimable_bytes, Fact::Known(250 * 1024));
    let pages = &nodes[0].huge_pages.known().unwrap()[0];
    assert_eq!((pages.page_bytes, pages.total.known(), pages.free.known()), (1 << 30, Some(&4), Some(&3)));
    let controller = &memory.controllers.known().unwrap()[0];
    assert_eq!(controller.ce_count, Fact::Known(7));
    assert!(matches!(&controller.ue_count, Fact::Missing(why) if why.missing == Absence::Malformed));
    assert_eq!(controller.modules.len(), 1, "rows of chips are not modules");
    assert_eq!(controller.modules[0].label.known().unwrap(), "A1");
}

#[test]
fn the_platform_of_a_node() {
    let evidence = node(
        &[
            (raw("/proc/sys/kernel/osrelease"), "6.8.0-45-generic"),
            (raw("/boot/config-6.8.0-45-generic"), "CONFIG_HZ=1000\nCONFIG_KASAN=y\n"),
            (raw("/proc/config.gz"), "not looked at"),
            (raw("/proc/modules"), "nvidia_peermem 16384 0 - Live 0x0\nmlx5_core 1 0 - Live 0x0\n"),
            (raw("/etc/default/grub"), "GRUB_CMDLINE_LINUX=\"iommu=pt\"\n"),
            (raw("/etc/default/grub.d/50-x.cfg"), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"),
            (raw("/etc/chrony/chrony.conf"), "server a\n"),
            (raw("/etc/chrony/sources.d/b.sources"), "server b\n"),
            (raw("/sys/devices/system/cpu/vulnerabilities/mds"), "Mitigation: Clear CPU buffers\n"),
        ],
        &["/boot/loader/entries"],
    );
    let platform = evidence.platform.known().unwrap();
    let config = platform.kernel_config.known().unwrap();
    assert_eq!((config.options["KASAN"].as_str(), config.options["PROVE_LOCKING"].as_str()), ("y", "n"));
    assert_eq!(platform.modules.known().unwrap(), &["mlx5_core", "nvidia_peermem"]);
    let boot = platform.boot.known().unwrap();
    assert_eq!(boot.len(), 1);
    assert_eq!(boot[0].arguments.known().unwrap(), &["iommu=pt", "quiet"]);
    let clock = platform.clock.known().unwrap();
    let sources: Vec<&str> =
        clock.sources.known().unwrap().iter().map(|source| source.name.as_str()).collect();
    assert_eq!(sources, ["a", "b"]);
    assert!(matches!(&clock.kernel, Fact::Missing(why) if why.missing == Absence::Skipped));
    assert_eq!(platform.vulnerabilities.known().unwrap()[0].name, "mds");
}

#[test]
fn boot_arguments_that_could_not_be_read_are_not_none() {
    let evidence = node(&[(raw("/proc/meminfo"), "MemTotal: 1 kB")], &["/boot/loader/entries"]);
    let platform = evidence.platform.known().unwrap();
    assert!(matches!(&platform.boot, Fact::Missing(why) if why.missing == Absence::Denied));
    let evidence = node(&[(raw("/proc/meminfo"), "MemTotal: 1 kB")], &[]);
    assert_eq!(evidence.platform.known().unwrap().boot.known().unwrap().len(), 0);
}
