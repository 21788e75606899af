//! Tests on emulated machines: two NUMA nodes with devices, threads that share cores, memory without CPUs.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod clock;
mod experiment;
mod noise;
mod remediation;
mod topology;

use plumb_evidence::{Bundle, Evidence};
use plumb_tests::rig::{self, Guest, Machine, Rig, Visit};
use plumb_tests::{plumb, run, skip};

/// Tells a person what came out; tests do not judge by it.
fn tell(machine: Machine, visit: &Visit) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "rig: `{}` was up after {:.1} s and off after {:.1} s",
        machine.name(),
        visit.booted_s,
        visit.ended_s
    );
}

/// The rig, or a note that `what` was skipped.
fn rig_for(what: &str) -> Option<Rig> {
    rig::find().map_err(|why| skip(&format!("rig, {what}: {why}"))).ok()
}

/// Boots and runs `script`, which must succeed.
fn visit(rig: &Rig, machine: Machine, guest: Guest, script: &str) -> Visit {
    let visit = guest.payload(script).boot(rig).unwrap_or_else(|error| panic!("{error}"));
    tell(machine, &visit);
    assert_eq!(visit.code, 0, "the payload failed:\n{}", visit.log());
    visit
}

/// A guest with `plumb` and the tools that it is compared with.
fn equipped(machine: Machine) -> Guest {
    let guest = Guest::new(machine).plumb().unwrap();
    ["lscpu", "numactl"].iter().fold(guest, |guest, tool| guest.program(tool).unwrap())
}

/// What a bundle of the guest says, as this machine derives it.
fn evidence(visit: &Visit, name: &str) -> Evidence {
    let bundle = Bundle::read(&visit.folder.path().join(name));
    let bundle = bundle.unwrap_or_else(|error| panic!("`{name}`: {error}\n{}", visit.log()));
    plumb_evidence::derive(&bundle)
}

/// The topology of a bundle, printed as a tool of the guest printed it there.
fn same_as_tool(visit: &Visit, bundle: &str, tool: &str, output: &str) {
    let show = run(plumb().args(["bundle", "show", "--as", tool]).arg(visit.folder.path().join(bundle)));
    assert_eq!(show.code, 0, "{}", show.err);
    let words = |text: &str| -> Vec<Vec<String>> {
        let lines = text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect());
        // How much memory is free changes from one reading to the next.
        lines.filter(|words: &Vec<String>| words.get(2).is_none_or(|word| word != "free:")).collect()
    };
    assert_eq!(words(&show.out), words(output), "`{tool}` in the guest and `plumb bundle show` differ");
}
