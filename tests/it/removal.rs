//! Taking evidence away never makes a node look better without lowering coverage: a badly tuned node, whole, and then
//! without each of its files in turn, once as if it were not there and once as if reading it were denied.
//!
//! The node is synthetic: two NUMA nodes with two CPUs each, one GPU on each, two workers of which one is pinned to the
//! far node, and a governor that saves power.

use std::collections::BTreeMap;
use std::path::Path;

use plumb_evidence::manifest::{Manifest, ProbeRecord, ProbeStatus, Unread};
use plumb_evidence::model::Origin;
use plumb_evidence::{Absence, Bundle};
use plumb_tests::{plumb, run};

fn stat(pid: u32, comm: &str, cpu: u32) -> String {
    // Fields 3 to 52 of proc(5): state, parent, …; the 14th and 15th are the CPU time, the 39th is the last CPU.
    let mut fields = vec!["0".to_owned(); 50];
    fields[0] = "S".into();
    fields[1] = "1".into();
    fields[11] = "900".into();
    fields[12] = "100".into();
    fields[36] = cpu.to_string();
    format!("{pid} ({comm}) {}\n", fields.join(" "))
}

fn node() -> (BTreeMap<String, Vec<u8>>, BTreeMap<String, String>) {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |path: String, text: &str| files.insert(path, text.to_owned());
    put("/proc/cpuinfo".into(), "processor\t: 0\nflags\t\t: fpu\n\n");
    put("/proc/sys/kernel/hostname".into(), "synthetic\n");
    put("/sys/devices/system/cpu/online".into(), "0-3\n");
    for cpu in 0..4 {
        let folder = format!("/sys/devices/system/cpu/cpu{cpu}/topology");
        put(format!("{folder}/core_cpus_list"), &format!("{cpu}\n"));
        put(format!("{folder}/package_cpus_list"), if cpu < 2 { "0-1\n" } else { "2-3\n" });
        let policy = format!("/sys/devices/system/cpu/cpufreq/policy{cpu}");
        put(format!("{policy}/affected_cpus"), &format!("{cpu}\n"));
        put(format!("{policy}/scaling_driver"), "acpi-cpufreq\n");
        put(format!("{policy}/scaling_governor"), "powersave\n");
    }
    for id in 0..2u32 {
        let folder = format!("/sys/devices/system/node/node{id}");
        put(format!("{folder}/cpulist"), if id == 0 { "0-1\n" } else { "2-3\n" });
        put(format!("{folder}/distance"), if id == 0 { "10 21\n" } else { "21 10\n" });
        put(
            format!("{folder}/meminfo"),
            &format!("Node {id} MemTotal: 1000 kB\nNode {id} MemFree: 500 kB\n"),
        );
        let device = format!("/sys/bus/pci/devices/0000:{}8:00.0", id + 1);
        put(format!("{device}/class"), "0x030200\n");
        put(format!("{device}/vendor"), "0x10de\n");
        put(format!("{device}/device"), "0x2330\n");
        // The firmware does not tell where the second GPU is.
        put(format!("{device}/numa_node"), if id == 0 { "0\n" } else { "-1\n" });
        put(format!("{device}/local_cpulist"), if id == 0 { "0-1\n" } else { "0-3\n" });
        let gpu = format!("/proc/driver/nvidia/gpus/0000:{}8:00.0/information", id + 1);
        put(gpu, &format!("Model: H100\nDevice Minor: \t {id}\n"));
        // Worker 100 belongs to GPU 0 and is pinned to node 1; worker 101 belongs to GPU 1.
        let pid = 100 + id;
        for path in [format!("/proc/{pid}"), format!("/proc/{pid}/task/{pid}")] {
            put(format!("{path}/stat"), &stat(pid, "worker", 2 + id));
        }
        put(format!("/proc/{pid}/cmdline"), "vllm\0serve\0");
        put(
            format!("/proc/{pid}/task/{pid}/status"),
            "Name:\tworker\nCpus_allowed_list:\t2-3\nMems_allowed_list:\t0-1\n",
        );
    }
    let links = (0..2u32)
        .map(|id| (format!("/proc/{}/fd/7", 100 + id), format!("/dev/nvidia{id}")))
        .chain((1..3).map(|n| {
            (
                format!("/sys/bus/pci/devices/0000:{n}8:00.0"),
                format!("../../../devices/pci0000:{n}7/0000:{n}8:00.0"),
            )
        }))
        .collect();
    (files.into_iter().map(|(path, text)| (format!("raw{path}"), text.into_bytes())).collect(), links)
}

fn bundle(
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
    unread: Vec<Unread>,
    partial: Option<&str>,
) -> Bundle {
    let probe = |id: &str, reads: &[&str]| ProbeRecord {
        id: id.into(),
        status: if partial == Some(id) { ProbeStatus::Timeout } else { ProbeStatus::Ok },
        reason: "taken away by a test".into(),
        itemised: false,
        reads: reads.iter().map(|&path| path.to_owned()).collect(),
        duration_us: 0,
        files: 0,
        bytes: 0,
    };
    let absent = |id: &str| ProbeRecord {
        status: ProbeStatus::Absent,
        reason: format!("{id} is not installed"),
        ..probe(id, &[])
    };
    let manifest = Manifest {
        tool_version: "0.0.0".into(),
        started: "2026-01-01T00:00:00Z".into(),
        finished: "2026-01-01T00:00:01Z".into(),
        probes: vec![
            probe("system", &["/proc/sys/kernel", "/proc/cpuinfo", "/sys/class/dmi"]),
            probe("cpu", &["/sys/devices/system/cpu"]),
            probe("numa", &["/sys/devices/system/node"]),
            probe("pci", &["/sys/bus/pci/devices"]),
            probe("nvidia", &["/proc/driver/nvidia"]),
            probe("process", &["/proc"]),
            absent("hwloc"),
            absent("nvml"),
        ],
        unread,
        ..Manifest::new(Origin::Live)
    };
    Bundle::new(manifest, files, links)
}

struct Verdict {
    /// 0 for High, 3 for Low; `None` where the node is not assessable: that is no good news.
    goodness: Option<u8>,
    coverage: f64,
    fails: Vec<String>,
    text: String,
}

fn assess(folder: &Path, bundle: &Bundle) -> Verdict {
    let path = folder.join("node.plumb");
    bundle.write(&path).unwrap();
    let result = run(plumb().args(["check", "--format", "json"]).arg(&path));
    assert_eq!(result.code, 0, "{}", result.err);
    let json: serde_json::Value = serde_json::from_str(&result.out).unwrap();
    let findings = json["findings"].as_array().unwrap();
    Verdict {
        goodness: match json["risk"]["grade"].as_str().unwrap() {
            "high" => Some(0),
            "medium" => Some(1),
            "low" => Some(2),
            _ => None,
        },
        coverage: json["coverage"].as_f64().unwrap_or(0.0),
        fails: findings
            .iter()
            .filter(|finding| finding["outcome"] == "fail")
            .map(|finding| format!("{} {}", finding["check"], finding["subject"]))
            .collect(),
        text: result.out,
    }
}

#[test]
fn losing_evidence_never_looks_better_for_free() {
    let folder = tempfile::tempdir().unwrap();
    let (files, links) = node();
    let whole = assess(folder.path(), &bundle(files.clone(), links.clone(), Vec::new(), None));
    assert_eq!(whole.goodness, Some(0), "a worker on the far node is a high risk: {}", whole.text);
    for check in ["cpu.governor", "numa.gpu-affinity", "topo.gpu-numa-known"] {
        assert!(whole.fails.iter().any(|fail| fail.contains(check)), "{check}: {:?}", whole.fails);
    }

    let mut complaints = Vec::new();
    let mut cases = 0;
    let mut compare = |what: &str, less: &Verdict| {
        cases += 1;
        let better = match (whole.goodness, less.goodness) {
            (Some(before), Some(after)) => after > before,
            // Losing evidence may end in "not assessable", if coverage says why.
            _ => less.fails.len() < whole.fails.len(),
        };
        let fewer = less.fails.iter().filter(|fail| whole.fails.contains(fail)).count() < whole.fails.len();
        if (better || fewer) && less.coverage >= whole.coverage {
            complaints.push(format!("{what}: fails {:?}, coverage {}", less.fails, less.coverage));
        }
    };
    for path in files.keys() {
        let mut rest = files.clone();
        rest.remove(path);
        let node_path = path.strip_prefix("raw").unwrap();
        compare(
            &format!("{node_path} absent"),
            &assess(folder.path(), &bundle(rest.clone(), links.clone(), Vec::new(), None)),
        );
        let denied = vec![Unread {
            path: node_path.to_owned(),
            status: Absence::Denied,
            reason: format!("{node_path}: permission denied"),
        }];
        compare(
            &format!("{node_path} denied"),
            &assess(folder.path(), &bundle(rest, links.clone(), denied, None)),
        );
    }
    for folder_path in ["/proc/100/fd", "/proc/100/task", "/sys/bus/pci/devices", "/sys/devices/system/node"]
    {
        let below = |path: &str| path.starts_with(&format!("{folder_path}/")) || path == folder_path;
        let rest = files
            .iter()
            .filter(|(path, _)| !below(&path[3..]))
            .map(|(p, b)| (p.clone(), b.clone()))
            .collect();
        let kept =
            links.iter().filter(|(path, _)| !below(path)).map(|(p, t)| (p.clone(), t.clone())).collect();
        let denied = vec![Unread {
            path: folder_path.to_owned(),
            status: Absence::Denied,
            reason: format!("{folder_path}: permission denied"),
        }];
        compare(&format!("{folder_path} denied"), &assess(folder.path(), &bundle(rest, kept, denied, None)));
    }
    for (probe, prefix) in
        [("process", "raw/proc/1"), ("pci", "raw/sys/bus/pci"), ("numa", "raw/sys/devices/system/node")]
    {
        let rest =
            files.iter().filter(|(path, _)| !path.starts_with(prefix)).map(|(p, b)| (p.clone(), b.clone()));
        let timed_out = bundle(rest.collect(), BTreeMap::new(), Vec::new(), Some(probe));
        compare(&format!("probe {probe} timed out"), &assess(folder.path(), &timed_out));
    }
    println!("{cases} cases");
    assert!(complaints.is_empty(), "{} of {cases}:\n{}", complaints.len(), complaints.join("\n"));
}
