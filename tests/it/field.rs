//! Nodes rebuilt from public reports: each with what its report ended in, and with every other deviation told as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use plumb_evidence::Bundle;
use plumb_tests::{plumb, run, workspace};
use serde_json::Value;

use crate::recordings::unpack;

/// What is to be said of a node.
struct Expected {
    /// Folder below `tests/field`.
    name: &'static str,
    /// Check, outcome, and words that the finding holds.
    told: &'static [(&'static str, &'static str, &'static str)],
    /// Checks that deviate beside those, each with its reason.
    also: &'static [(&'static str, &'static str)],
    /// Checks that must not pass, nor be told not to apply.
    open: &'static [&'static str],
    /// Words that no action may hold.
    never: &'static [&'static str],
}

const NODES: &[Expected] = &[
    Expected {
        name: "01-vm-gpus-without-node",
        told: &[("topo.gpu-numa-known", "fail", "GPU 0000:16:00.0")],
        also: &[("virt.vnuma-pinning", "the virtual PCI tree carries no node: the same cause")],
        open: &["topo.gpu-numa-known"],
        never: &["numactl"],
    },
    Expected {
        name: "03-cgroup1-quota-fraction",
        told: &[("affinity.omp-threads", "warn", "47 threads")],
        also: &[],
        open: &["sched.cfs-throttling"],
        never: &["OMP_NUM_THREADS"],
    },
    Expected {
        name: "04-throttled-by-lifetime-counter",
        told: &[
            ("sched.cfs-throttling", "warn", "3115"),
            ("affinity.omp-threads", "warn", "pool of 7 threads"),
        ],
        also: &[],
        open: &["sched.cfs-throttling"],
        never: &["OMP_NUM_THREADS"],
    },
    Expected {
        name: "05-k8s-pool-of-host-size",
        told: &[("affinity.omp-threads", "warn", "86")],
        also: &[],
        open: &["sched.cfs-throttling"],
        never: &[],
    },
    Expected {
        name: "07-numa-nodes-without-memory",
        told: &[("topo.numa-visible", "warn", "node 0"), ("topo.numa-visible", "warn", "node 3")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "09-cpuset-mems-without-gpu-node",
        told: &[
            ("ctr.cpuset-numa", "fail", "node 1"),
            ("numa.gpu-affinity", "fail", "0000:9a:00.0"),
            ("ctr.numa-policy-permitted", "fail", "SGLANG_NUMA_BIND_V2"),
        ],
        also: &[],
        open: &["ctr.numa-policy-permitted"],
        never: &[],
    },
    Expected {
        name: "11-acs-on-root-ports",
        told: &[
            ("gpu.acs-iommu", "fail", "0000:40:03.1"),
            ("gpu.acs-iommu", "fail", "0000:60:03.1"),
            ("topo.tp-group-path", "warn", "NCCL_P2P_DISABLE"),
        ],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "12-link-stuck-gen2-under-load",
        told: &[("gpu.pcie-link", "warn", "0000:e3:00.0")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "14-second-slot-x1-xid8",
        told: &[("gpu.pcie-link", "fail", "1 lane of 16"), ("gpu.xid", "warn", "Xid 8")],
        also: &[],
        open: &[],
        never: &["OMP_NUM_THREADS"],
    },
    Expected {
        name: "15-a100-memory-failing",
        told: &[
            ("gpu.xid", "fail", "Xid 171"),
            ("gpu.xid", "fail", "Xid 154"),
            ("gpu.ecc-remap", "warn", "12"),
        ],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "16-fallen-off-the-bus-without-xid",
        told: &[("gpu.xid", "fail", "b3:00.0")],
        also: &[],
        open: &["gpu.xid"],
        never: &[],
    },
    Expected {
        name: "18-fabric-in-progress",
        told: &[("gpu.nvlink-fabric", "fail", "fabric")],
        also: &[("gpu.xid", "seven GPUs of a board of eight: one is lost, as the report says")],
        open: &[],
        never: &[],
    },
    Expected {
        name: "19-nvlinks-inactive",
        told: &[("gpu.nvlink-fabric", "fail", "2 of 6")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "20-sw-power-cap-below-limit",
        told: &[("gpu.clock-throttle", "warn", "240")],
        also: &[],
        open: &[],
        never: &["--power-limit", "-pl "],
    },
    Expected {
        name: "22-pod-without-cpus-of-one-node",
        told: &[
            ("numa.gpu-affinity", "warn", "0000:10:00.0"),
            ("k8s.topology-memory-manager", "warn", "best-effort"),
            ("ctr.cpuset-numa", "fail", "no CPU of node 0"),
        ],
        also: &[
            ("k8s.cpu-manager", "pods may share a core, and no CPUs are kept for the system"),
            ("topo.nps-snc", "the workers may run on three of four nodes, of both sockets"),
        ],
        open: &["ctr.cpuset-numa"],
        never: &[],
    },
    Expected {
        name: "23-aws-l4-in-order",
        told: &[("topo.gpu-numa-known", "pass", "")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "25-c6-of-sapphire-rapids",
        told: &[("cpu.cstates", "warn", "C6")],
        also: &[],
        open: &["cpu.cstates"],
        never: &[],
    },
    Expected {
        name: "26-mig-on-one-of-two",
        told: &[("gpu.sharing-mode", "fail", "1 of 2")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "28-amd-mi300x-balancing-on",
        told: &[("mem.numa-balancing", "warn", "AMD")],
        also: &[],
        open: &["numa.gpu-affinity", "numa.memory-locality", "topo.tp-group-path"],
        never: &["nvidia-smi"],
    },
    Expected {
        name: "29-omp-default-in-dp",
        told: &[("affinity.omp-threads", "warn", "892 threads together")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "31-hugepages-reserved-unused",
        told: &[("mem.headroom", "warn", "670 GiB"), ("topo.numa-visible", "fail", "2 sockets")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "32-cpu-vllm-every-core-to-openmp",
        told: &[("affinity.core-overlap", "warn", "VLLM::EngineCor")],
        also: &[],
        open: &["cpu.cores-per-gpu"],
        never: &["OMP_NUM_THREADS="],
    },
    Expected {
        name: "33-tsc-unstable-in-gpu-vm",
        told: &[("kernel.clocksource", "warn", "tsc=reliable")],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "34-slurm-job-of-24-cores-64-threads",
        told: &[],
        also: &[],
        open: &["affinity.omp-threads"],
        never: &[],
    },
    Expected {
        name: "34b-the-same-with-threads",
        told: &[("affinity.omp-threads", "warn", "63 threads")],
        also: &[("cpu.cores-per-gpu", "the same threads against physical cores")],
        open: &[],
        never: &["OMP_NUM_THREADS", "to 8 threads"],
    },
    Expected {
        name: "35-gb10-stuck-at-799-mhz",
        told: &[],
        also: &[],
        open: &["gpu.clock-throttle"],
        never: &[],
    },
    Expected {
        name: "35b-the-same-with-highest-clock",
        told: &[("gpu.clock-throttle", "warn", "799 MHz")],
        also: &[],
        open: &["gpu.clock-throttle"],
        never: &["-pl ", "--lock-gpu-clocks"],
    },
    Expected {
        name: "36-gb10-connectx-fatal-aer",
        told: &[
            ("gpu.xid", "fail", "0000:00:00.0"),
            ("gpu.xid", "warn", "0002:00:00.0"),
            ("sched.os-jitter", "warn", "soft lockup"),
        ],
        also: &[],
        open: &["gpu.xid"],
        never: &[],
    },
    Expected {
        name: "36b-the-same-with-the-gpu",
        told: &[
            ("gpu.xid", "fail", "0000:00:00.0"),
            ("gpu.xid", "warn", "0002:00:00.0"),
            ("sched.os-jitter", "warn", "soft lockup"),
        ],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "37-bar1-256-mib-in-guest",
        told: &[("gpu.bar1", "fail", "256 MiB"), ("gpu.acs-iommu", "fail", "chipset-not-supported")],
        also: &[],
        open: &[],
        never: &["NUMA nodes and devices follow", "Above 4G"],
    },
    Expected {
        name: "38-kubelet-best-effort-memory-on-one-node",
        told: &[
            ("ctr.cpuset-numa", "fail", "node 1"),
            ("k8s.topology-memory-manager", "warn", "best-effort"),
        ],
        also: &[
            ("k8s.cpu-manager", "no CPUs are kept for the system"),
            ("numa.gpu-affinity", "the workers are not pinned; that threads ran on CPU 0 was assumed"),
        ],
        open: &[],
        never: &["restricted"],
    },
    Expected {
        name: "39-llama-server-killed-by-node-oom",
        told: &[("mem.headroom", "fail", "llama-server"), ("mem.headroom", "fail", "0.4")],
        also: &[],
        open: &[],
        never: &["swap"],
    },
    Expected {
        name: "40-amd-9070xt-gfxclk-41-mhz",
        told: &[],
        also: &[],
        open: &["gpu.clock-throttle"],
        never: &["nvidia-smi"],
    },
    Expected {
        name: "41-egpu-x4-rxerr-xid79",
        told: &[
            ("gpu.xid", "fail", "severity=Correctable, type=Physical Layer"),
            ("gpu.xid", "fail", "Xid 154"),
            ("gpu.pcie-link", "fail", "4 lanes of 16"),
        ],
        also: &[],
        open: &[],
        never: &[],
    },
    Expected {
        name: "42-pair-of-4090-across-sockets",
        told: &[],
        also: &[],
        open: &["topo.tp-group-path"],
        never: &[],
    },
    Expected {
        name: "42b-the-same-with-open-files",
        told: &[("gpu.acs-iommu", "fail", "chipset-not-supported")],
        also: &[("topo.tp-group-path", "the status of the pairs that the variant assumes: the same cause")],
        open: &["topo.tp-group-path"],
        never: &[],
    },
    Expected {
        name: "42c-the-same-with-nvml-processes",
        told: &[("topo.tp-group-path", "warn", "NODE")],
        also: &[],
        open: &["topo.tp-group-path"],
        never: &[],
    },
    Expected {
        name: "variant-03b-inside-container-v1",
        told: &[
            ("sched.cfs-throttling", "warn", "throttled"),
            ("affinity.omp-threads", "warn", "47 threads"),
        ],
        also: &[],
        open: &["sched.cfs-throttling", "ctr.cpu-limit", "k8s.cpu-manager"],
        never: &["OMP_NUM_THREADS"],
    },
    Expected {
        name: "variant-05b-inside-pod-v2",
        told: &[
            ("sched.cfs-throttling", "warn", "6000"),
            ("affinity.omp-threads", "warn", "86"),
            ("ctr.cpu-limit", "warn", "172 CPUs"),
        ],
        also: &[],
        open: &["k8s.cpu-manager", "ctr.cpu-limit"],
        never: &[],
    },
    Expected {
        name: "variant-amd-tree",
        told: &[("mem.numa-balancing", "warn", "AMD")],
        also: &[],
        open: &["numa.gpu-affinity", "numa.memory-locality", "topo.tp-group-path"],
        never: &["nvidia-smi"],
    },
    Expected {
        name: "variant-nogroup",
        told: &[],
        also: &[],
        open: &["sched.cfs-throttling", "affinity.omp-threads", "ctr.cpu-limit"],
        never: &[],
    },
];

/// The bundle of a node: its tree, and the driver's answers that its report quotes.
fn bundle(name: &str, work: &Path) -> Bundle {
    let folder = workspace().join("tests/field").join(name);
    let root = unpack(&folder.join("tree.tar.gz"), &work.join(name)).expect("tar can unpack the tree");
    let path = work.join(format!("{name}.plumb"));
    let result = run(plumb().args(["-q", "collect", "-o"]).arg(&path).arg("--sysroot").arg(&root));
    assert_eq!(result.code, 0, "{name}: {}", result.err);
    let bundle = Bundle::read(&path).unwrap();
    let Ok(answers) = fs::read(folder.join("nvml.json")) else { return bundle };
    let bundle = bundle.with_files([("api/nvml.json".to_owned(), answers)].into());
    fs::remove_file(&path).unwrap();
    bundle.write(&path).unwrap();
    bundle
}

fn assess(name: &str, work: &Path) -> Value {
    bundle(name, work);
    let result = run(plumb().args(["check", "--format", "json"]).arg(work.join(format!("{name}.plumb"))));
    assert_eq!(result.code, 0, "{name}: {}", result.err);
    serde_json::from_str(&result.out).unwrap()
}

const DEVIATIONS: [&str; 3] = ["fail", "warn", "contradictory"];

/// What is wrong with the assessment of a node, and its row of the table.
fn held(expected: &Expected, assessment: &Value) -> (Vec<String>, String) {
    let name = expected.name;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = assessment["findings"].as_array().unwrap();
    let mut wrong = Vec::new();
    for (check, outcome, words) in expected.told {
        let is_it = |finding: &&Value| {
            finding["check"] == *check
                && finding["outcome"] == *outcome
                && finding.to_string().contains(words)
        };
        if findings.iter().find(is_it).is_none() {
            let own: Vec<String> = findings
                .iter()
                .filter(|finding| finding["check"] == *check)
                .map(|finding| format!("{} {}", text(&finding["outcome"]), text(&finding["message"])))
                .collect();
            wrong.push(format!("{name}: {check} is to be {outcome} with `{words}`, but: {}", own.join("; ")));
        }
    }
    let deviating: BTreeSet<String> = findings
        .iter()
        .filter(|finding| DEVIATIONS.contains(&text(&finding["outcome"]).as_str()))
        .map(|finding| text(&finding["check"]))
        .collect();
    let known: BTreeSet<String> = expected
        .told
        .iter()
        .filter(|(_, outcome, _)| DEVIATIONS.contains(outcome))
        .map(|(check, ..)| *check)
        .chain(expected.also.iter().map(|(check, _)| *check))
        .map(str::to_owned)
        .collect();
    wrong.extend(
        deviating.difference(&known).map(|check| format!("{name}: {check} deviates, and nobody said why")),
    );
    wrong.extend(known.difference(&deviating).map(|check| format!("{name}: {check} no longer deviates")));
    for check in expected.open {
        for finding in findings.iter().filter(|finding| finding["check"] == *check) {
            if finding["outcome"] == "pass" || finding["outcome"] == "not-applicable" {
                wrong.push(format!("{name}: {check} says {}: {}", finding["outcome"], finding["message"]));
            }
        }
    }
    let actions = assessment["actions"].to_string();
    wrong.extend(
        expected
            .never
            .iter()
            .filter(|word| actions.contains(**word))
            .map(|word| format!("{name}: an action says `{word}`")),
    );
    let told: Vec<String> =
        expected.told.iter().map(|(check, outcome, _)| format!("{check} ({outcome})")).collect();
    let also: Vec<String> = expected.also.iter().map(|(check, why)| format!("{check}: {why}")).collect();
    let row = format!("| {name} | {} | {} |\n", told.join(", "), also.join("; "));
    (wrong, row)
}

#[test]
fn nodes_that_people_reported_are_told_what_their_threads_ended_in() {
    let work = tempfile::tempdir().unwrap();
    let mut table = String::from("| node | told | beside it |\n|---|---|---|\n");
    let mut wrong = Vec::new();
    for expected in NODES {
        let (of_node, row) = held(expected, &assess(expected.name, work.path()));
        wrong.extend(of_node);
        table.push_str(&row);
    }
    let named: BTreeSet<&str> = NODES.iter().map(|node| node.name).collect();
    for entry in fs::read_dir(workspace().join("tests/field")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !named.contains(name.as_str()) {
            wrong.push(format!("{name}: nobody says what is to be told of it"));
        }
    }
    wrong.extend(plumb_tests::stale_table("field.md", "| node |", &table));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What tells that a node is seen from inside of a container, each sign by itself: files of the tree (a link where the text
/// begins with `-> `), and the command that the host's administrator is told.
type Inside = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const INSIDE: &[Inside] = &[
    (
        "docker",
        &[(".dockerenv", ""), ("proc/sys/kernel/hostname", "3f1c8a7be2d0")],
        "docker inspect 3f1c8a7be2d0",
    ),
    (
        "overlay",
        &[(
            "proc/1/mountinfo",
            "1 0 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A\n",
        )],
        "docker ps",
    ),
    (
        "pod",
        &[
            (
                "proc/1/mountinfo",
                "9 1 0:60 / /run/secrets/kubernetes.io/serviceaccount ro - tmpfs tmpfs rw\n",
            ),
            ("proc/sys/kernel/hostname", "llm-0"),
        ],
        "kubectl get pod llm-0 -o yaml",
    ),
    ("podman", &[("run/.containerenv", "engine=\"podman\"")], "podman ps"),
    ("variable", &[("proc/1/environ", "PATH=/bin\0container=podman\0")], "podman ps"),
    (
        "namespace",
        &[("proc/1/ns/cgroup", "-> cgroup:[4026532999]"), ("proc/1/ns/pid", "-> pid:[4026533000]")],
        "plumb audit",
    ),
];

/// The tree of a pod, with these signs only that it is one.
fn inside(name: &str, signs: &[(&str, &str)], work: &Path) -> std::path::PathBuf {
    let tree = workspace().join("tests/field/variant-05b-inside-pod-v2/tree.tar.gz");
    let root = unpack(&tree, &work.join(format!("inside-{name}"))).expect("tar can unpack the tree");
    fs::remove_file(root.join(".dockerenv")).unwrap();
    for (file, text) in signs {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None => fs::write(path, text).unwrap(),
        }
    }
    root
}

#[test]
fn inside_of_a_container_nothing_is_said_that_only_its_host_can_know() {
    let work = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (name, signs, command) in INSIDE {
        let root = inside(name, signs, work.path());
        let path = work.path().join(format!("inside-{name}.plumb"));
        let result = run(plumb().args(["-q", "collect", "-o"]).arg(&path).arg("--sysroot").arg(&root));
        assert_eq!(result.code, 0, "{name}: {}", result.err);
        let result = run(plumb().args(["check", "--format", "json"]).arg(&path));
        assert_eq!(result.code, 0, "{name}: {}", result.err);
        let assessment: Value = serde_json::from_str(&result.out).unwrap();
        let findings = assessment["findings"].as_array().unwrap();
        let mut is_told = false;
        for finding in findings {
            let (check, outcome) = (finding["check"].as_str().unwrap(), finding["outcome"].as_str().unwrap());
            let text = finding.to_string();
            let said = finding["message"].as_str().unwrap_or_default();
            is_told |= check == "svc.restart-oom" && outcome == "not-run" && text.contains(command);
            // The limits of the namespace's root are those of the server.
            if check == "ctr.cpu-limit" && !text.contains("6 CPUs") {
                wrong.push(format!(
                    "{name}: {check} does not tell the quota: {outcome} {}",
                    finding["message"]
                ));
            }
            let is_absent = outcome == "not-applicable" && said.contains("runs in a container");
            if is_absent || said.contains("by hand") || said.contains("runs in no unit") {
                wrong.push(format!("{name}: {check} says {outcome}: {}", finding["message"]));
            }
        }
        if !is_told {
            wrong.push(format!("{name}: nobody is told to run `{command}` on the host"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
