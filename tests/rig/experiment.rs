//! `plumb experiment` where there are two nodes to choose from: what a placement sets, and what a killed one leaves.

use plumb_bench::reference::Behaviour;
use plumb_evidence::Bundle;
use plumb_evidence::model::{ExperimentCell, ExperimentResult};

use super::{Machine, equipped, rig_for, visit};

/// The start of a plan: a server of known delays, and little load, since the guest is slow and times are not looked at.
fn plan(blocks: u32) -> String {
    let behaviour = serde_json::to_string(&Behaviour { tokens: 4, ..Behaviour::default() }).unwrap();
    format!(
        r#"schema = 1
name = "rig"
[server]
command = ["plumb", "reference-server", '{behaviour}', "--listen", "127.0.0.1:{{port}}"]
url = "http://127.0.0.1:{{port}}"
stop_s = 5
[load]
concurrency = 2
requests = 12
warmup = 2
prompt_tokens = 8
output_tokens = 4
client_cpus = "0"
[design]
blocks = {blocks}
cooldown_s = 0
primary = "e2e_p50"
aa = "none"
calibrate = false
"#
    )
}

const PLACEMENTS: &str = r#"
[[placement]]
name = "unpinned"
[[placement]]
name = "near"
node = 1
memory = "bind"
[[placement]]
name = "far"
node = 1
memory = "bind"
memory_nodes = 0
[[placement]]
name = "nowhere"
node = 2
"#;

const BALANCING: &str = r#"
[[numa_balancing]]
name = "on"
value = 1
[[numa_balancing]]
name = "off"
value = 0
"#;

const GOVERNORS: &str = r#"
[[governor]]
name = "as-is"
[[governor]]
name = "performance"
governor = "performance"
"#;

#[test]
fn placements_are_set_and_read_back() {
    let Some(rig) = rig_for("an experiment with placements") else { return };
    let machine = Machine::TwoNodes;
    let guest = equipped(machine).file("/plan.toml", plan(2) + PLACEMENTS, 0o644).file(
        "/governor.toml",
        plan(2) + GOVERNORS,
        0o644,
    );
    // A result that is not valid is a result: what was set is judged here, not what came of it.
    let script = "
        plumb -q collect -o node.plumb || exit 1
        plumb -q experiment /plan.toml --into node.plumb -o placement.json --format json; echo $? >placement.code
        plumb -q experiment /governor.toml --allow-changes -o governor.json --format json; echo $? >governor.code
        ls /var/lib/plumb 2>/dev/null >state; true";
    let visit = visit(&rig, machine, guest, script);
    let read = |name: &str| -> ExperimentResult {
        serde_json::from_str(&visit.text(name)).unwrap_or_else(|error| panic!("{error}: {}", visit.log()))
    };

    let result = read("placement.json");
    let cell = |name: &str| -> &ExperimentCell {
        let found = result.cells.iter().find(|cell| cell.name.contains(name));
        found.unwrap_or_else(|| panic!("no cell `{name}` in {:?}", result.cells))
    };
    let one = |cell: &ExperimentCell, node: u32| cell.pages.get(&node).copied().unwrap_or_default();
    for (name, cpus) in [("unpinned", "0-3"), ("near", "2-3"), ("far", "2-3")] {
        assert_eq!(
            (cell(name).status.as_str(), cell(name).cpus.as_str()),
            ("measured", cpus),
            "{:?}",
            cell(name)
        );
        assert!(!cell(name).pages.is_empty() && !cell(name).metrics.is_empty(), "{:?}", cell(name));
    }
    // Pages of files are where they were read first; a server's own pages follow the policy, which `verified` tells.
    assert!(one(cell("near"), 1) > one(cell("far"), 1), "{:?} {:?}", cell("near").pages, cell("far").pages);
    for (name, node) in [("near", "memory on node 1"), ("far", "memory on node 0")] {
        let claims = &cell(name).verified;
        assert!(claims.iter().any(|claim| claim.contains(node)), "{name}: {claims:?}");
        assert!(claims.iter().any(|claim| claim.contains("CPUs 2-3")), "{name}: {claims:?}");
    }
    let nowhere = cell("nowhere");
    assert_eq!(nowhere.status, "unavailable", "{nowhere:?}");
    assert!(nowhere.reason.contains("node 2") && nowhere.metrics.is_empty(), "{nowhere:?}");

    // The bundle has it, and is still whole.
    let bundle = Bundle::read(&visit.folder.path().join("node.plumb")).unwrap();
    let evidence = plumb_evidence::derive(&bundle);
    let measurements = format!("{:?}", evidence.measurements.require().unwrap());
    assert!(measurements.contains("memory on node 1"), "{measurements}");

    // A virtual machine without frequency scaling says so, and is left as it was.
    let result = read("governor.json");
    let cell = result.cells.iter().find(|cell| !cell.baseline).unwrap();
    assert_eq!(cell.status, "unavailable", "{cell:?}");
    assert_eq!(visit.text("state"), "", "a journal was left");
}

#[test]
fn what_a_killed_experiment_changed_is_restored() {
    let Some(rig) = rig_for("an experiment that is killed") else { return };
    let machine = Machine::TwoNodes;
    let attach = plan(1000)
        .lines()
        .map(|line| if line.starts_with("command") { "pid = PID" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
        .replace("{port}", "8000");
    let guest = equipped(machine)
        .file("/balancing.toml", plan(1000) + BALANCING, 0o644)
        .file(
            "/attach.toml",
            attach + "\n[[placement]]\nname = \"as-is\"\n[[placement]]\nname = \"one\"\ncpus = \"3\"\n",
            0o644,
        )
        .file("/behaviour.json", serde_json::to_string(&Behaviour::default()).unwrap(), 0o644);
    let script = r#"
        settings() { grep -r . /proc/sys/kernel/numa_balancing* /proc/sys/vm /sys/devices/system/cpu/cpu*/online 2>/dev/null | sort; }
        masks() { grep -h Cpus_allowed_list /proc/$1/task/*/status; }
        value() { cat /proc/sys/kernel/numa_balancing; }
        killed() { # until the command given succeeds, then without warning
            while ! "$@"; do kill -0 $pid || return 1; sleep 0.1; done
            kill -9 $pid; wait $pid; return 0
        }
        is_off() { [ "$(value)" = 0 ]; }
        is_moved() { masks $server | grep -q 'list:.3$'; }

        settings >before
        plumb -q experiment --allow-changes /balancing.toml >/dev/null & pid=$!
        killed is_off || exit 1
        value >after-kill
        plumb -q experiment --allow-changes /balancing.toml >refused 2>&1; echo $? >refused.code
        plumb -q experiment restore >restored || exit 2
        settings >after
        plumb -q experiment restore >nothing || exit 3

        plumb reference-server "$(cat /behaviour.json)" --listen 127.0.0.1:8000 >/dev/null & server=$!
        sleep 2
        masks $server >masks-before
        sed -i "s/PID/$server/" /attach.toml
        plumb -q experiment --allow-changes /attach.toml >/dev/null & pid=$!
        killed is_moved || exit 4
        masks $server >masks-killed
        plumb -q experiment restore >masks-restored || exit 5
        masks $server >masks-after
        kill $server
        ls /var/lib/plumb >state"#;
    let visit = visit(&rig, machine, guest, script);

    let text = |name: &str| visit.text(name);
    assert!(text("before").contains("numa_balancing:1"), "{}", text("before"));
    assert_eq!(text("after-kill"), "0\n");
    assert_ne!(text("refused.code"), "0\n");
    assert!(text("refused").contains("plumb experiment restore"), "{}", text("refused"));
    assert!(text("restored").contains("numa_balancing"), "{}", text("restored"));
    assert_eq!(text("after"), text("before"));
    assert!(text("nothing").contains("nothing to restore"), "{}", text("nothing"));

    assert_ne!(text("masks-killed"), text("masks-before"));
    assert_eq!(text("masks-after"), text("masks-before"), "{}", text("masks-restored"));
    assert_eq!(text("state"), "", "a journal was left");
}
