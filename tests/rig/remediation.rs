//! `plumb remediate` where a kernel answers: its scripts change what they say, and take it back.

use plumb_bench::reference::Behaviour;

use super::{Machine, equipped, rig_for, visit};

#[test]
fn generated_scripts_change_the_node_and_take_it_back() {
    let Some(rig) = rig_for("generated scripts") else { return };
    let machine = Machine::TwoNodes;
    let behaviour = serde_json::to_string(&Behaviour::default()).unwrap();
    let guest = equipped(machine).packs().unwrap().file("/behaviour.json", behaviour, 0o644);
    // The kernel's NUMA balancing has no business with a server whose CPUs are bound to one node; memory that is bound too
    // it leaves alone, and the check with it.
    let script = r#"
        settings() { grep -rs . /proc/sys/kernel /proc/sys/vm /sys/kernel/mm/transparent_hugepage /etc /usr 2>/dev/null |
            grep -v -e ns_last_pid -e random -e pty -e stat_refresh -e /file-nr | sort; }
        ln -s /opt/plumb/plumb /bin/llama-server
        mkfifo /tmp/in
        numactl --cpunodebind=1 llama-server reference-server "$(cat /behaviour.json)" </tmp/in >/tmp/url & exec 3>/tmp/in
        sleep 1
        plumb -q collect --sample 2 -o node.plumb || exit 1
        plumb -q remediate node.plumb -o plan || exit 2
        exec 3>&-
        settings >before
        sh plan/apply.sh >dry.log || exit 3
        settings >dry
        sh plan/apply.sh --apply >apply.log || exit 4
        settings >applied
        sh plan/apply.sh --apply >again.log || exit 5
        settings >again
        sh plan/undo.sh --apply >undo.log || exit 6
        settings >undone"#;
    let visit = visit(&rig, machine, guest, script);
    let text = |name: &str| visit.text(name);
    let value = |name: &str, key: &str| -> String {
        let start = format!("/proc/sys/{key}:");
        let text = text(name);
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no `{key}` in `{name}`")).to_owned()
    };
    assert_eq!(text("dry"), text("before"), "a dry run changed something:\n{}", text("dry.log"));
    assert_eq!(value("before", "kernel/numa_balancing"), "1");
    assert_eq!(value("applied", "kernel/numa_balancing"), "0", "{}", text("apply.log"));
    assert_eq!(text("again"), text("applied"), "the second time something changed:\n{}", text("again.log"));
    assert_eq!(text("undone"), text("before"), "{}", text("undo.log"));
}
