//! Nodes, distances, devices, masks and pages of machines that have them.

use plumb_bench::reference::Behaviour;
use plumb_evidence::CpuSet;
use plumb_evidence::model::{Evidence, InferenceServer};

use super::{Machine, equipped, evidence, plumb, rig_for, run, same_as_tool, visit};

/// Starts the deterministic server under a name that the collector knows, with the words before it, collects, stops it.
const PLACED: &str = r#"
ln -s /opt/plumb/plumb /bin/llama-server
placed() {
    name=$1; shift
    mkfifo /tmp/$name.in
    "$@" llama-server reference-server "$(cat /behaviour.json)" </tmp/$name.in >/tmp/$name.out &
    exec 3>/tmp/$name.in
    server=$!
    while ! grep -q http /tmp/$name.out; do
        kill -0 $server || return 1
        sleep 0.1
    done
    plumb -q collect -o /out/$name.plumb || return 1
    exec 3>&-
    wait
}
"#;

fn cpus(list: &str) -> CpuSet {
    list.parse().unwrap()
}

#[test]
fn two_nodes_with_devices_and_placed_servers() {
    let Some(rig) = rig_for("two nodes") else { return };
    let machine = Machine::TwoNodes;
    let behaviour = serde_json::to_string(&Behaviour::default()).unwrap();
    let guest = equipped(machine).packs().unwrap().file("/behaviour.json", behaviour, 0o644);
    let script = format!(
        "set -e
        lscpu -e=CPU,NODE,SOCKET,CORE,CACHE,ONLINE >lscpu.txt
        numactl --hardware >numactl.txt
        plumb -q collect -o node.plumb
        plumb -q check --format json node.plumb >check.json
        {PLACED}
        placed unpinned env
        placed near numactl --cpunodebind=1 --membind=1
        placed far numactl --cpunodebind=1 --membind=0"
    );
    let visit = visit(&rig, machine, guest, &script);

    same_as_tool(&visit, "node.plumb", "lscpu", &visit.text("lscpu.txt"));
    same_as_tool(&visit, "node.plumb", "numactl", &visit.text("numactl.txt"));
    let node = evidence(&visit, "node.plumb");
    let cpu = node.cpu.require().unwrap();
    assert_eq!((cpu.sockets, cpu.cores, cpu.pus, cpu.smt_active), (2, 4, 4, false));
    assert_eq!(nodes(&node), [(0, "0-1".to_owned(), vec![10, 21]), (1, "2-3".to_owned(), vec![21, 10])]);
    devices(&node, "0-1", "2-3");
    assert_eq!(node.sysctl["kernel.numa_balancing"].require().unwrap(), "1");

    // The same program judges the same bundle alike there and here.
    let path = visit.folder.path().join("node.plumb");
    let here = run(plumb().args(["-q", "check", "--format", "json"]).arg(path));
    assert_eq!(here.code, 0, "{}", here.err);
    assert_eq!(findings(&here.out), findings(&visit.text("check.json")));

    for (name, mask, memory) in
        [("unpinned", "0-3", None), ("near", "2-3", Some(("bind:1", 1))), ("far", "2-3", Some(("bind:0", 0)))]
    {
        let evidence = evidence(&visit, &format!("{name}.plumb"));
        let server = only_server(&evidence);
        let process = &server.processes[0];
        assert!(process.threads.len() >= 2, "{name}: {:?}", process.threads);
        for thread in &process.threads {
            assert_eq!(thread.cpus_allowed.require().unwrap(), &cpus(mask), "{name}: thread {}", thread.tid);
        }
        let Some((policy, node)) = memory else { continue };
        let memory = process.memory.require().unwrap();
        assert!(memory.policies.keys().all(|key| key == policy), "{name}: {:?}", memory.policies);
        let held: Vec<u32> =
            memory.anonymous_by_node.iter().filter(|entry| *entry.1 > 0).map(|e| *e.0).collect();
        assert_eq!(held, [node], "{name}: {:?}", memory.anonymous_by_node);
    }
}

#[test]
fn threads_that_share_cores_and_a_node_without_cpus() {
    let Some(rig) = rig_for("threads and memory without CPUs") else { return };
    let machine = Machine::SmtAndMemoryNode;
    let script = "set -e
        lscpu -e=CPU,NODE,SOCKET,CORE,CACHE,ONLINE >lscpu.txt
        numactl --hardware >numactl.txt
        plumb -q collect -o node.plumb";
    let visit = visit(&rig, machine, equipped(machine), script);
    same_as_tool(&visit, "node.plumb", "lscpu", &visit.text("lscpu.txt"));
    same_as_tool(&visit, "node.plumb", "numactl", &visit.text("numactl.txt"));
    let node = evidence(&visit, "node.plumb");
    let cpu = node.cpu.require().unwrap();
    assert_eq!((cpu.sockets, cpu.cores, cpu.pus, cpu.smt_active), (2, 4, 8, true));
    let expected = [
        (0, "0-3".to_owned(), vec![10, 21, 31]),
        (1, "4-7".to_owned(), vec![21, 10, 31]),
        (2, String::new(), vec![31, 31, 10]),
    ];
    assert_eq!(nodes(&node), expected);
    assert!(node.numa.require().unwrap().with_memory().any(|node| node.id == 2));
    devices(&node, "0-3", "4-7");
}

/// Number, CPUs and distances of each node.
fn nodes(evidence: &Evidence) -> Vec<(u32, String, Vec<u32>)> {
    let nodes = &evidence.numa.require().unwrap().nodes;
    let known =
        nodes.iter().map(|node| (node.id, node.cpus.to_string(), node.distances.require().unwrap().clone()));
    known.collect()
}

/// The disk belongs to node 0; the display controller, a GPU's stand-in, and the network card to node 1.
fn devices(evidence: &Evidence, cpus_of_0: &str, cpus_of_1: &str) {
    let pci = evidence.pci.require().unwrap();
    for (what, class, node, local) in [
        ("NVMe", 0x01_0802, 0, cpus_of_0),
        ("network card", 0x02_0000, 1, cpus_of_1),
        ("display controller", 0x03_8000, 1, cpus_of_1),
    ] {
        let found: Vec<_> = pci.iter().filter(|device| device.class.known() == Some(&class)).collect();
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        assert_eq!(*found[0].numa_node.require().unwrap(), node, "{what}");
        assert_eq!(found[0].local_cpulist.require().unwrap(), &cpus(local), "{what}");
    }
    let nvme = evidence.storage.require().unwrap().nvme.require().unwrap();
    assert_eq!(nvme.iter().map(|nvme| *nvme.numa_node.require().unwrap()).collect::<Vec<_>>(), [0]);
    let network = evidence.network.require().unwrap();
    let cards = network.interfaces.require().unwrap().iter().filter_map(|card| card.numa_node.known());
    assert_eq!(cards.copied().collect::<Vec<_>>(), [1], "{network:?}");
}

fn only_server(evidence: &Evidence) -> &InferenceServer {
    let servers = evidence.servers.require().unwrap();
    assert_eq!(servers.len(), 1, "{servers:?}");
    &servers[0]
}

/// Outcome of each check by id.
fn findings(json: &str) -> serde_json::Value {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    assert!(value["findings"].as_array().is_some_and(|list| !list.is_empty()), "no findings in {value}");
    value["findings"].clone()
}
