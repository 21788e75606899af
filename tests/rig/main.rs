//! Tests on emulated machines: two NUMA nodes, and time that does not depend on the load of the host.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use plumb_tests::rig::{self, Guest, Machine};

/// Tells a person what came out; tests count, this does not.
fn tell(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "rig: {text}");
}

#[test]
fn a_clock_of_instructions_boots() {
    let rig = match rig::find() {
        Ok(rig) => rig,
        Err(why) => return plumb_tests::skip(&format!("one-cpu guest: {why}")),
    };
    let visit =
        Guest::new(Machine::OneCpu).plumb().unwrap().payload("plumb --version; nproc").boot(&rig).unwrap();
    tell(&format!("one-cpu: boot {:.1} s, all {:.1} s", visit.booted_s, visit.ended_s));
    assert_eq!(visit.code, 0, "{}", visit.log());
    assert_eq!(visit.log().lines().nth(1), Some("1"), "{}", visit.log());
}

#[test]
fn two_nodes() {
    let rig = match rig::find() {
        Ok(rig) => rig,
        Err(why) => return plumb_tests::skip(&format!("two-node guest: {why}")),
    };
    let script = "set -x; lscpu -e; numactl --hardware; time plumb collect -o /out/node.plumb; ls -la /out; cat /proc/sys/kernel/numa_balancing; time plumb check node.plumb | head -40";
    let guest = Guest::new(Machine::TwoNodes).plumb().unwrap().packs().unwrap();
    let guest = guest.program("lscpu").unwrap().program("numactl").unwrap();
    let visit = guest.payload(script).boot(&rig).unwrap();
    tell(&format!("boot {:.1} s, all {:.1} s", visit.booted_s, visit.ended_s));
    tell(&visit.log());
}
