//! What is planned, and what is not.

use plumb_check_sdk::Outcome;
use plumb_evidence::derive;
use plumb_evidence::model::{ExperimentResult, Measurements, RecommendedPolicy};
use plumb_evidence::{Absence, Fact, Missing};
use plumb_remediate::Plan;
use plumb_remediate::plan::Basis;
use plumb_tests::synthetic::Node;

use crate::support::{assessed, broken, fail, files, files_of, finding, findings_of_broken};

#[test]
fn nothing_is_planned_for_what_was_not_found() {
    let evidence = derive(&broken().bundle());
    let plan = Plan::new(&evidence, &assessed(&evidence, Vec::new()));
    assert!(plan.is_empty() && plan.by_hand.is_empty(), "{plan:#?}");
    let files = files_of(&evidence, Vec::new());
    assert_eq!(files.keys().collect::<Vec<_>>(), ["CHECKLIST.md", "plan.json"]);
    assert!(files["CHECKLIST.md"].contents.contains("No file changes anything"));
}

#[test]
fn each_finding_is_answered_and_each_change_has_a_finding() {
    let evidence = derive(&broken().bundle());
    let plan = Plan::new(&evidence, &assessed(&evidence, findings_of_broken()));
    let server = &plan.servers[0];
    let place = server.placement.as_ref().unwrap();
    assert_eq!(server.name, "vllm-model-70b");
    assert_eq!(server.gpus.as_ref().unwrap().len(), 8);
    // Two cores of 32 are left to the system on each node; two of node 0 to API server and scheduler.
    let split = plan.partition.as_ref().unwrap();
    assert_eq!(split.housekeeping.to_string(), "0-1,32-33,64-65,96-97");
    assert_eq!(place.workers.len(), 8);
    for worker in &place.workers {
        let node = evidence.numa.known().unwrap().node(worker.gpu.node).unwrap();
        assert!(worker.cpus.is_subset(&node.cpus), "{worker:?}");
        assert!(worker.cpus.intersection(&split.housekeeping).is_empty(), "{worker:?}");
        assert_eq!(evidence.cpu.known().unwrap().whole_cores(&worker.cpus), 7, "{worker:?}");
    }
    assert_eq!(place.engine.to_string(), "2-3,66-67", "on the node of the first GPU");
    assert_eq!(place.cpus, split.inference, "nothing is wasted");
    assert_eq!(place.options, ["--numa-bind"], "a server over two nodes is bound by its engine");
    assert_eq!((place.memory_policy, place.memory_nodes.to_string().as_str()), ("", "0-1"));
    assert_eq!(plan.governor.as_ref().unwrap().governor, "performance");
    let sysctls: Vec<_> =
        plan.sysctls.iter().map(|change| (change.name.as_str(), change.value.as_str())).collect();
    for wanted in [
        ("kernel.numa_balancing", "0"),
        ("vm.swappiness", "1"),
        ("vm.zone_reclaim_mode", "0"),
        ("net.core.somaxconn", "4096"),
    ] {
        assert!(sysctls.contains(&wanted), "{wanted:?} is not in {sysctls:?}");
    }
    for why in plan.whys() {
        assert!(!why.reasons.is_empty(), "{why:?}");
    }
    assert_eq!(plan.by_hand.iter().map(|item| item.check.as_str()).collect::<Vec<_>>(), ["old.text"]);
    assert!(plan.boot.iter().any(|change| change.add && change.argument == "iommu=pt"));
    let answered: Vec<&str> =
        plan.whys().iter().flat_map(|why| &why.reasons).map(|reason| reason.source.as_str()).collect();
    for finding in findings_of_broken().iter().filter(|finding| finding.check != "old.text") {
        assert!(answered.contains(&finding.check.as_str()), "{} is not answered", finding.check);
    }
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let mut evidence = derive(&broken().bundle());
    evidence.servers = Fact::Missing(Missing::new(Absence::Denied, "processes are hidden"));
    let findings = vec![
        finding("test.placement", "node", Outcome::NotRun),
        finding("test.interrupts", "node", Outcome::Contradictory),
        finding("test.swap", "node", Outcome::Accepted),
    ];
    let plan = Plan::new(&evidence, &assessed(&evidence, findings));
    assert!(plan.is_empty(), "{plan:#?}");
    let text = format!("{:?}", plan.not_planned);
    for check in ["test.placement", "test.interrupts", "test.swap"] {
        assert!(text.contains(check), "{check} is not in {text}");
    }

    // The finding is there, and what a plan needs is not.
    let mut evidence = derive(&broken().bundle());
    let why = || Missing::new(Absence::Denied, "no right");
    evidence.numa = Fact::Missing(why());
    evidence.cpufreq = Fact::Missing(why());
    evidence.sysctl.insert("vm.swappiness".into(), Fact::Missing(why()));
    let plan = Plan::new(&evidence, &assessed(&evidence, findings_of_broken()));
    assert!(plan.servers.iter().all(|server| server.placement.is_none()));
    assert!(plan.governor.is_none() && plan.partition.is_none() && plan.interrupts.is_none());
    assert!(plan.sysctls.iter().all(|change| change.name != "vm.swappiness"));
    let text = format!("{:?} {:?}", plan.not_planned, plan.goals);
    for word in [
        "placement of vllm-model-70b",
        "no frequency scaling was recorded",
        "vm.swappiness",
        "CPUs that serve interrupts",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
}

#[test]
fn no_server_is_left_in_a_slice_that_loses_its_cpus() {
    let split = |node: &Node| {
        let evidence = derive(&node.bundle());
        // No finding about placement: the server is moved all the same.
        Plan::new(&evidence, &assessed(&evidence, vec![crate::support::fail("test.slices", "node")]))
    };
    let plan = split(&broken());
    assert!(plan.partition.as_ref().unwrap().slices.is_some());
    assert!(plan.servers[0].settings.iter().any(|set| set.key == "Slice"), "{:#?}", plan.servers[0]);
    let mut node = broken();
    for pid in [2000, 2001].into_iter().chain(2010..2018) {
        node.set(&format!("/proc/{pid}/cgroup"), "0::/user.slice/user-0.slice/session-1.scope\n");
    }
    let plan = split(&node);
    assert!(plan.partition.as_ref().unwrap().slices.is_none(), "{:#?}", plan.servers[0].home);
    assert!(
        plan.not_planned.iter().any(|item| item.why.contains("inference slice")),
        "{:?}",
        plan.not_planned
    );
}

#[test]
fn a_gpu_without_a_node_is_not_placed() {
    let mut node = broken();
    let folder = format!("/sys/bus/pci/devices/{}", plumb_tests::synthetic::gpu_address(2));
    node.set(&format!("{folder}/numa_node"), "-1\n");
    node.set(&format!("{folder}/local_cpulist"), "0-127\n");
    node.gpu(2, "memory_affinity", &serde_json::json!(""));
    let evidence = derive(&node.bundle());
    let plan = Plan::new(&evidence, &assessed(&evidence, findings_of_broken()));
    assert!(plan.servers[0].placement.is_none(), "{:#?}", plan.servers[0]);
    assert!(
        plan.not_planned.iter().any(|item| item.what.starts_with("placement of")),
        "{:#?}",
        plan.not_planned
    );
}

fn experiment(path: &str, started: &str, policy: RecommendedPolicy) -> ExperimentResult {
    ExperimentResult {
        path: path.into(),
        name: "quick".into(),
        started: started.into(),
        valid: true,
        recommended: Some(policy),
        ..ExperimentResult::default()
    }
}

#[test]
fn an_experiment_outweighs_the_model() {
    let policy = |cpus: &str, nodes: &str, governor: &str| RecommendedPolicy {
        cell: "gpu-local".into(),
        cpus: cpus.into(),
        memory_nodes: nodes.into(),
        governor: governor.into(),
        reason: "e2e_p95 12 % lower".into(),
    };
    let with = |experiments: Vec<ExperimentResult>| {
        let mut evidence = derive(&Node::healthy().bundle());
        evidence.measurements =
            Fact::Known(Measurements { experiments: Fact::Known(experiments), ..Measurements::default() });
        Plan::new(&evidence, &assessed(&evidence, Vec::new()))
    };
    let plan = with(vec![
        experiment("measurements/experiment-1.json", "2026-01-01T00:00:00Z", policy("2-5", "0", "")),
        experiment(
            "measurements/experiment-2.json",
            "2026-01-02T00:00:00Z",
            policy("8-15", "0", "powersave"),
        ),
    ]);
    let place = plan.servers[0].placement.as_ref().unwrap();
    assert_eq!((place.cpus.to_string().as_str(), place.memory_policy), ("8-15", "bind"), "the latest counts");
    assert_eq!(place.why.basis, Basis::Measured);
    assert_eq!(
        plan.governor.as_ref().unwrap().governor,
        "powersave",
        "measured, whatever the rule of thumb says"
    );
    for (cpus, nodes, governor, word) in [
        ("0-500", "", "", "online"),
        ("1; rm -rf /", "", "", "list"),
        ("0-3", "7", "", "memory"),
        ("", "", "$(reboot)", "offered"),
    ] {
        let plan =
            with(vec![experiment("measurements/experiment-1.json", "", policy(cpus, nodes, governor))]);
        assert!(plan.is_empty(), "{cpus} {nodes} {governor}");
        assert!(
            plan.not_planned.iter().any(|item| item.why.contains(word)),
            "{word}: {:?}",
            plan.not_planned
        );
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(files(&broken(), findings_of_broken()), files(&broken(), findings_of_broken()));
}

#[test]
fn every_file_says_what_it_answers_and_how_to_undo_it() {
    let files = files(&broken(), findings_of_broken());
    for (path, file) in
        files.iter().filter(|(path, _)| !matches!(path.as_str(), "plan.json" | "CHECKLIST.md"))
    {
        for word in ["Answers:", "Basis:", "Risk of change:", "Verify:", "Undo:"] {
            assert!(
                file.contents.contains(&format!("# {word}")),
                "{path} has no `{word}`:\n{}",
                file.contents
            );
        }
        assert!(files["CHECKLIST.md"].contents.contains(path.as_str()), "{path} is not in the checklist");
    }
}

#[test]
fn a_change_that_reboots_the_node_does_not_count_as_a_restart_of_the_service() {
    // The check says 2 of its remedy; a boot argument takes more.
    let files = files(&broken(), vec![fail("test.iommu", "IOMMU groups")]);
    let heads: Vec<&str> = files
        .iter()
        .filter(|(path, _)| path.starts_with("boot/"))
        .filter_map(|(_, file)| file.contents.lines().find(|line| line.contains("Risk of change:")))
        .collect();
    assert!(!heads.is_empty(), "{:?}", files.keys());
    assert!(heads.iter().all(|head| head.contains("3 of 4")), "{heads:?}");

    let evidence = derive(&broken().bundle());
    let mut assessment = assessed(&evidence, vec![fail("test.iommu", "IOMMU groups")]);
    plumb_remediate::resolve(&evidence, &mut assessment);
    assert_eq!(assessment.actions[0].risk, 3);
    assert_eq!(assessment.work[0].risk_of_change, 3, "the order of work has the number of the step");
}

/// For a person to look at: `PLUMB_SHOW_PLAN=DIR cargo test -p plumb-remediate shown`.
#[test]
fn shown() {
    let Some(folder) = std::env::var_os("PLUMB_SHOW_PLAN") else { return };
    crate::support::write(&files(&broken(), findings_of_broken()), folder.as_ref());
    // The same node for the whole program, which asks the packs.
    broken().bundle().write(&std::path::Path::new(&folder).join("node.plumb")).unwrap();
}
