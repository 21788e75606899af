//! A synthetic node under load, healthy and with one thing broken at a time.

use plumb_evidence::model::Role;
use plumb_tests::synthetic::{ENGINE_CORE, FIRST_WORKER, Node, SECONDS};

#[test]
fn the_healthy_node_is_understood() {
    let evidence = plumb_evidence::derive(&Node::healthy().bundle());
    let cpu = evidence.cpu.require().unwrap();
    assert_eq!((cpu.sockets, cpu.cores, cpu.pus), (2, 64, 128));
    assert_eq!(evidence.gpus.require().unwrap().len(), 8);
    let servers = evidence.servers.require().unwrap();
    assert_eq!(servers.len(), 1);
    let server = &servers[0];
    assert_eq!((server.kind.as_str(), server.processes.len()), ("vllm", 10));
    assert_eq!(server.unit.require().unwrap(), "vllm.service");
    assert_eq!(*server.tensor_parallel.require().unwrap(), 8);
    let role = |pid: u32| server.processes.iter().find(|process| process.pid == pid).unwrap().role;
    assert_eq!((role(ENGINE_CORE), role(FIRST_WORKER + 7)), (Role::EngineCore, Role::GpuWorker));
    let window = evidence.window.require().unwrap();
    assert_eq!(window.seconds, SECONDS as f64);
    assert_eq!(window.cpus.require().unwrap().len(), 128);
    let threads = window.threads.require().unwrap();
    assert_eq!(threads.iter().filter(|thread| thread.cpu_ticks > 900).count(), 8);
    assert!(threads.iter().all(|thread| thread.wait_ns.known().is_some()));
    assert!(window.cgroups.values().all(|group| group.throttled_us.known().is_some()));
    assert_eq!(window.interrupts.require().unwrap().len(), 3);
}
