//! What the checks ask for, in full; the cases beside them hold kinds only.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use plumb_check_sdk::{Finding, Intent};
use serde_json::{Value, json};

macro_rules! base {
    ($module:literal) => {
        serde_json::from_slice::<Value>(include_bytes!(concat!("../src/", $module, "/base.json"))).unwrap()
    };
}

fn with(mut evidence: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match evidence.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
            parent => parent[key] = value.clone(),
        }
    }
    evidence
}

fn findings(check: &str, evidence: &Value) -> Vec<Finding> {
    let evidence = serde_json::to_vec(evidence).unwrap();
    plumb_pack_affinity::pack().evaluate_checks(&[check.to_owned()], &evidence).unwrap()
}

fn intents(check: &str, evidence: &Value) -> Vec<Intent> {
    findings(check, evidence).into_iter().flat_map(|finding| finding.intents).collect()
}

fn variable(name: &str, want: Option<&str>, was: Option<&str>) -> Intent {
    let own = |text: Option<&str>| text.map(str::to_owned);
    Intent::Variable { server: 100, name: name.to_owned(), want: own(want), was: own(was) }
}

#[test]
fn a_pool_is_never_to_be_larger_than_the_cpus_that_its_process_may_use() {
    let check = "affinity.omp-threads";
    let base = base!("affinity_omp_threads");
    let quota = "/servers/0/processes/0/cgroup/chain/0/values/cpu.max";
    assert_eq!(intents(check, &base), [Intent::ThreadPool { server: 110, want: 4, was: 8 }]);
    for (limit, want) in [("250000 100000", 2), ("100000 100000", 1), ("50000 100000", 1)] {
        let limited = with(base.clone(), &[(quota, json!(limit))]);
        assert_eq!(intents(check, &limited), [Intent::ThreadPool { server: 110, want, was: 8 }]);
    }
}

#[test]
fn the_engines_own_binding_stays_and_launchers_are_told_not_to_bind() {
    let check = "affinity.binder-conflict";
    let environment = "/servers/0/processes/0/environment";
    let set = |variables: Value| with(base!("affinity_binder_conflict"), &[(environment, variables)]);
    let mpi = set(json!({ "OMPI_MCA_hwloc_base_binding_policy": "core" }));
    assert_eq!(
        intents(check, &mpi),
        [variable("OMPI_MCA_hwloc_base_binding_policy", Some("none"), Some("core"))]
    );
    let slurm = set(json!({ "SLURM_CPU_BIND_TYPE": "mask_cpu:" }));
    assert_eq!(intents(check, &slurm), [variable("SLURM_CPU_BIND", Some("none"), None)]);
    let openmp = set(json!({ "GOMP_CPU_AFFINITY": "0-3" }));
    assert_eq!(intents(check, &openmp), [variable("GOMP_CPU_AFFINITY", None, Some("0-3"))]);
}

#[test]
fn cores_that_others_want_are_not_counted_as_there() {
    let check = "cpu.cores-per-gpu";
    let base = base!("cpu_cores_per_gpu");
    let threads = |at: usize| format!("/servers/0/processes/{at}/threads/0/cpus_allowed");
    let masks: Vec<String> = (0..4).map(threads).collect();
    let narrow: Vec<(&str, Value)> = masks.iter().map(|mask| (mask.as_str(), json!("0-3"))).collect();
    let narrow = with(base, &narrow);
    assert_eq!(intents(check, &narrow), [Intent::Cores { server: 100, want: 5, was: 2 }]);
    let mut two = narrow.clone();
    let mut second = narrow["servers"][0].clone();
    second["pid"] = json!(200);
    two["servers"].as_array_mut().unwrap().push(second);
    let want = |server| Intent::Cores { server, want: 5, was: 0 };
    assert_eq!(intents(check, &two), [want(100), want(200)]);
}

#[test]
fn findings_that_one_placement_would_mend_share_their_cause() {
    let placed = |server: u32, process: u32| Intent::Place {
        server,
        process: Some(process),
        gpu: Some("0000:18:00.0".to_owned()),
    };
    let far = [("/servers/0/processes/0/threads/0/cpus_allowed", json!("4-7"))];
    let cases = [
        ("numa.gpu-affinity", with(base!("numa_gpu_affinity"), &far), vec![placed(100, 100)]),
        ("numa.memory-locality", base!("numa_memory_locality"), vec![placed(110, 110)]),
        ("affinity.thread-coverage", base!("affinity_thread_coverage"), vec![placed(110, 110)]),
        (
            "affinity.core-overlap",
            base!("affinity_core_overlap"),
            [100, 200].map(|pid| Intent::Place { server: pid, process: Some(pid), gpu: None }).to_vec(),
        ),
    ];
    for (check, evidence, wanted) in cases {
        let finding = findings(check, &evidence).into_iter().find(|finding| finding.outcome.is_deviation());
        let finding = finding.unwrap();
        assert_eq!(finding.intents, wanted, "{check}");
        let cause = finding.cause.unwrap();
        let Intent::Place { server, .. } = wanted[0] else { panic!("{check}") };
        assert_eq!((cause.key.as_str(), cause.object.id), ("placement", server.to_string()), "{check}");
    }
}
