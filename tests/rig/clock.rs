//! A machine whose clock counts instructions.

use super::{Guest, Machine, rig_for, visit};

#[test]
fn a_clock_of_instructions_runs_plumb() {
    let Some(rig) = rig_for("one CPU with a clock of instructions") else { return };
    let machine = Machine::OneCpu;
    let visit = visit(&rig, machine, Guest::new(machine).plumb().unwrap(), "nproc; plumb --version");
    let log = visit.log();
    assert_eq!(log.lines().next(), Some("1"), "{log}");
    assert!(log.contains(env!("CARGO_PKG_VERSION")), "{log}");
}
