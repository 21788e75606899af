//! Faults that the pack `virt-container` has to find.
//!
//! Containers and pods hold a server of four GPUs, so that one socket is all that it needs: there a set of CPUs on the container
//! is the one mechanism that places it.

use plumb_evidence::bundle::{RAW, sample_folder};
use serde_json::{Value, json};

use super::Planted;
use crate::synthetic::{API_SERVER, CORES, ENGINE_CORE, FIRST_WORKER, Node, SECONDS, SERVICE, gpu_address};

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "container with four CPUs for six processes",
        check: "ctr.cpu-limit",
        outcome: "fail",
        subject: "vllm server, process 2000",
        also: &[
            ("affinity.omp-threads", "warn"),
            ("cpu.cores-per-gpu", "fail"),
            ("sched.cfs-throttling", "fail"),
            ("sched.run-delay", "fail"),
        ],
        engagement: "",
        plant: four_cpus,
    },
    Planted {
        name: "container on the far socket",
        check: "ctr.cpuset-numa",
        outcome: "fail",
        subject: "vllm server, process 2000",
        also: &[("numa.gpu-affinity", "fail"), ("numa.memory-locality", "fail")],
        engagement: "",
        plant: far_container,
    },
    Planted {
        name: "container without any placement",
        check: "ctr.cpuset-numa",
        outcome: "warn",
        subject: "vllm server, process 2000",
        also: FREE,
        engagement: "",
        plant: |node| docker(node, "", ""),
    },
    Planted {
        name: "memory nodes of the container on the far socket",
        check: "ctr.cpuset-numa",
        outcome: "fail",
        subject: "vllm server, process 2000",
        also: &[("numa.memory-locality", "fail")],
        engagement: "",
        plant: |node| {
            docker(node, NEAR, "1");
            workers().for_each(|pid| memory(node, pid, 0, 2_097_152));
        },
    },
    Planted {
        name: "libraries of the GPU driver are newer than the module",
        check: "ctr.gpu-runtime",
        outcome: "fail",
        subject: "driver",
        also: &[],
        engagement: "",
        plant: two_drivers,
    },
    Planted {
        name: "container toolkit of last year",
        check: "ctr.gpu-runtime",
        outcome: "warn",
        subject: "container toolkit",
        also: &[],
        engagement: "",
        plant: |node| {
            docker(node, NEAR, "0");
            library(node, "libnvidia-container.so.1", "1.14.6");
        },
    },
    Planted {
        name: "GPUs come by the toolkit's old hook",
        check: "ctr.gpu-runtime",
        outcome: "warn",
        subject: "vllm server, process 2000 in container 4f1c8a7be2d0",
        also: &[],
        engagement: "",
        plant: |node| {
            docker(node, NEAR, "0");
            specification(node, |spec| {
                spec["linux"]["devices"] = json!([]);
                spec["hooks"] = json!({ "prestart": [{
                    "path": "/usr/bin/nvidia-container-runtime-hook",
                    "args": ["nvidia-container-runtime-hook", "prestart"],
                }] });
            });
        },
    },
    Planted {
        name: "binding that the container's filter blocks",
        check: "ctr.numa-policy-permitted",
        outcome: "fail",
        subject: "vllm server, process 2000",
        also: &[
            ("ctr.cpuset-numa", "warn"),
            ("mem.numa-balancing", "warn"),
            ("numa.gpu-affinity", "warn"),
            ("numa.memory-locality", "fail"),
            ("svc.unit-affinity", "warn"),
        ],
        engagement: "",
        plant: |node| {
            docker(node, "", "");
            option(node, "--numa-bind");
            // Nothing bound the memory, so that some of it came from where threads happened to run.
            memory(node, FIRST_WORKER + 2, 1_200_000, 897_152);
        },
    },
    Planted {
        name: "kubelet with its defaults",
        check: "k8s.cpu-manager",
        outcome: "fail",
        subject: "kubelet",
        also: &[
            ("ctr.cpu-limit", "warn"),
            ("ctr.cpuset-numa", "warn"),
            ("k8s.topology-memory-manager", "warn"),
            ("mem.numa-balancing", "warn"),
            ("numa.gpu-affinity", "warn"),
            ("svc.unit-affinity", "warn"),
        ],
        engagement: "",
        plant: default_kubelet,
    },
    Planted {
        name: "static policy, and a pod that asks for no limit",
        check: "k8s.cpu-manager",
        outcome: "warn",
        subject: "pod 9b2f6c1e-0c4d-4f3a-9b57-2f1f0d6a7c11 (vllm server, process 2000)",
        // The kubelet gives no pod of that class a low score.
        also: &[
            ("ctr.cpuset-numa", "warn"),
            ("k8s.topology-memory-manager", "warn"),
            ("mem.numa-balancing", "warn"),
            ("numa.gpu-affinity", "warn"),
            ("svc.restart-oom", "warn"),
            ("svc.unit-affinity", "warn"),
        ],
        engagement: "",
        plant: |node| {
            pod(node, "burstable", "", "");
            no_memory_block(node);
        },
    },
    Planted {
        name: "static policy without whole cores",
        check: "k8s.cpu-manager",
        outcome: "warn",
        subject: "kubelet",
        also: &[],
        engagement: "",
        plant: |node| {
            pod(node, "", NEAR, "0");
            node.replace(KUBELET, "cpuManagerPolicyOptions:\n  full-pcpus-only: \"true\"\n", "");
        },
    },
    Planted {
        name: "CPUs of the pod on the other socket than its GPUs",
        check: "k8s.topology-memory-manager",
        outcome: "fail",
        subject: "kubelet",
        also: &[("ctr.cpuset-numa", "fail"), ("numa.gpu-affinity", "fail"), ("numa.memory-locality", "fail")],
        engagement: "",
        plant: |node| {
            pod(node, "", FAR, "");
            node.replace(KUBELET, "topologyManagerPolicy: restricted\ntopologyManagerScope: pod\n", "");
            no_memory_manager(node);
            move_to_far_socket(node);
        },
    },
    Planted {
        name: "pods aligned only where it happens to be possible",
        check: "k8s.topology-memory-manager",
        outcome: "warn",
        subject: "kubelet",
        also: &[],
        engagement: "",
        plant: |node| {
            pod(node, "", NEAR, "0");
            node.replace(KUBELET, "topologyManagerPolicy: restricted", "topologyManagerPolicy: best-effort");
        },
    },
    Planted {
        name: "vCPUs that the host gives to others",
        check: "virt.steal",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: stolen,
    },
    Planted {
        name: "guest that shows two sockets of GPUs as one node",
        check: "virt.vnuma-pinning",
        outcome: "fail",
        subject: "topology of the guest",
        also: &[("topo.numa-visible", "warn")],
        engagement: "",
        plant: flat_guest,
    },
    Planted {
        name: "virtual machine on the host whose vCPUs are not pinned",
        check: "virt.vnuma-pinning",
        outcome: "fail",
        subject: "virtual machine, process 2500 (qemu-system-x86)",
        also: &[],
        engagement: "",
        plant: loose_machine,
    },
    Planted {
        name: "guest whose GPUs hang on no virtual node",
        check: "virt.vnuma-pinning",
        outcome: "warn",
        subject: "topology of the guest",
        also: &[("topo.gpu-numa-known", "fail")],
        engagement: "",
        plant: |node| {
            guest(node);
            devices_without_node(node);
            for gpu in 0..8 {
                node.gpu(gpu, "cpu_affinity", &json!("0-127"));
                node.gpu(gpu, "memory_affinity", &json!("0-1"));
            }
        },
    },
];

/// Where a server that nothing places shows, too.
const FREE: &[(&str, &str)] =
    &[("mem.numa-balancing", "warn"), ("numa.gpu-affinity", "warn"), ("svc.unit-affinity", "warn")];

/// CPUs of the first socket but for those of the system.
const NEAR: &str = "4-31,68-95";
/// CPUs of the second socket but for those of the system.
const FAR: &str = "36-63,100-127";
/// Id of the server's container.
const CONTAINER: &str = "4f1c8a7be2d0935c6ab1d4e8f0975312c4f1c8a7be2d0935c6ab1d4e8f097531";
/// UID of the server's pod.
const POD: &str = "9b2f6c1e-0c4d-4f3a-9b57-2f1f0d6a7c11";
/// UID of a pod of the cluster.
const EXPORTER: &str = "2f7d7a52-6c0f-4d8e-8a43-5b0a9a2f4e10";
const KUBELET: &str = "/var/lib/kubelet/config.yaml";
const CPU_STATE: &str = "/var/lib/kubelet/cpu_manager_state";
const MEMORY_STATE: &str = "/var/lib/kubelet/memory_manager_state";
const EXPORTER_PID: u32 = 3100;

/// Workers of a server of four GPUs.
fn workers() -> impl Iterator<Item = u32> {
    FIRST_WORKER..FIRST_WORKER + 4
}

/// Processes of a server of four GPUs.
fn processes() -> impl Iterator<Item = u32> {
    [API_SERVER, ENGINE_CORE].into_iter().chain(workers())
}

/// The CPU that a process of the server was last seen on, on the first socket.
fn home(pid: u32) -> u32 {
    match pid {
        API_SERVER => 28,
        ENGINE_CORE => 30,
        worker => 4 + 6 * (worker - FIRST_WORKER),
    }
}

/// Changes the lines of a file at all times at which it was read.
fn lines(node: &mut Node, path: &str, change: impl Fn(&str) -> String) {
    for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
        if let Some(bytes) = node.files.get_mut(&format!("{folder}{path}")) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let changed: Vec<String> = text.lines().map(&change).collect();
            *bytes = (changed.join("\n") + "\n").into_bytes();
        }
    }
}

/// Sets a field of `/proc/PID/status`.
fn status(node: &mut Node, pid: u32, field: &str, value: &str) {
    for path in [format!("/proc/{pid}/status"), format!("/proc/{pid}/task/{pid}/status")] {
        lines(node, &path, |line| match line.split_once(":\t") {
            Some((name, _)) if name == field => format!("{field}:\t{value}"),
            _ => line.to_owned(),
        });
    }
}

/// Sets fields of `/proc/PID/stat`, counted from 1 as in proc(5).
fn stat(node: &mut Node, pid: u32, fields: &[(usize, u64)]) {
    for path in [format!("/proc/{pid}/stat"), format!("/proc/{pid}/task/{pid}/stat")] {
        lines(node, &path, |line| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            for (field, value) in fields {
                words[field - 1] = value.to_string();
            }
            words.join(" ")
        });
    }
}

/// Lets threads have `ticks` of a CPU in the window, beside what the kernel takes, while the hypervisor takes `steal` away.
fn busy(node: &mut Node, cpu: u32, ticks: u64, steal: u64) {
    let file = format!("{}/proc/stat", sample_folder(1));
    let text = String::from_utf8_lossy(node.files.get(&file).map_or(&[], Vec::as_slice)).into_owned();
    let columns = |line: &str| -> Vec<u64> {
        line.split_whitespace().skip(1).map(|word| word.parse().unwrap_or(0)).collect()
    };
    let used = ticks + 10;
    let own = [5000 + used, 0, 1000, 90_000 + SECONDS * 100 - used - steal, 0, 0, 0, 10 + steal, 0, 0];
    let name = format!("cpu{cpu} ");
    let old = text.lines().find(|line| line.starts_with(&name)).map(columns).unwrap_or_default();
    let joined = |name: &str, columns: &[u64]| {
        columns.iter().fold(name.to_owned(), |line, column| format!("{line} {column}")) + "\n"
    };
    let changed = text.lines().map(|line| match line.split_once(' ') {
        Some(("cpu", _)) => {
            let all = columns(line).into_iter().zip(own.iter().zip(&old));
            let all: Vec<u64> = all.map(|(all, (own, old))| (all + own).saturating_sub(*old)).collect();
            joined("cpu ", &all)
        }
        Some((other, _)) if other == name.trim_end() => joined(other, &own),
        _ => format!("{line}\n"),
    });
    let changed: String = changed.collect();
    node.files.insert(file, changed.into_bytes());
}

/// Lets a process run for `ticks` of the window on one CPU and wait for `wait_ms`, and the CPU do nothing else.
fn runs(node: &mut Node, pid: u32, cpu: u32, ticks: u64, wait_ms: u64) {
    stat(node, pid, &[(14, 100_000), (39, cpu.into())]);
    let last = sample_folder(1);
    for path in [format!("/proc/{pid}/stat"), format!("/proc/{pid}/task/{pid}/stat")] {
        let file = format!("{last}{path}");
        let text = node.files.get(&file).cloned().unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let text = text.replacen(" 100000 ", &format!(" {} ", 100_000 + ticks), 1);
        node.files.insert(file, text.into_bytes());
    }
    let schedstat = |run: u64, wait: u64| format!("{} {} 1000\n", 1000 + run, 1000 + wait);
    node.window(
        &format!("/proc/{pid}/task/{pid}/schedstat"),
        schedstat(0, 0),
        schedstat(ticks * 10_000_000, wait_ms * 1_000_000),
    );
    busy(node, cpu, ticks, 0);
}

/// The memory of a process that nothing bound, in pages on the first and the second node.
fn memory(node: &mut Node, pid: u32, first: u64, second: u64) {
    let pages = first + second;
    let mut on = String::new();
    for (id, pages) in [(0, first), (1, second)] {
        if pages > 0 {
            on += &format!(" N{id}={pages}");
        }
    }
    node.set(
        &format!("/proc/{pid}/numa_maps"),
        format!(
            "7f0000000000 default anon={pages} dirty={pages} active=0{on} kernelpagesize_kB=4\n\
             7f8000000000 default file=/usr/lib/libc.so.6 mapped=400 mapmax=20 N0=400 kernelpagesize_kB=4\n"
        ),
    );
}

/// A server of four GPUs, all of the first socket; the others do nothing.
fn four_gpus(node: &mut Node) {
    for gpu in 4..8 {
        let folder = format!("/proc/{}/", FIRST_WORKER + gpu);
        node.files.retain(|path, _| !path.contains(&folder));
        node.links.retain(|path, _| !path.starts_with(&folder));
        busy(node, CORES + 4 + 6 * (gpu - 4), 0, 0);
        let at = gpu as usize;
        for (field, value) in [
            ("compute_processes", json!([])),
            ("utilization_percent", json!(0)),
            ("memory_utilization_percent", json!(0)),
            ("sm_mhz", json!(345)),
            ("power_watts", json!(71.0)),
            ("temperature_celsius", json!(29)),
            ("memory_temperature_celsius", json!(36)),
            ("margin_celsius", json!(56)),
            ("memory_used_bytes", json!(629_145_600)),
            ("clock_reasons", json!(1)),
        ] {
            node.gpu(at, field, &value);
            if !field.starts_with("memory_t")
                && !field.starts_with("memory_util")
                && !field.starts_with("comp")
            {
                node.gpu_readings(at, field, |_| value.clone());
            }
        }
        node.gpu_readings(at, "energy_mj", |second| json!(1_000_000 + second * 71_000));
    }
    node.replace(
        &format!("/proc/{API_SERVER}/cmdline"),
        "--tensor-parallel-size\08",
        "--tensor-parallel-size\x004",
    );
    runs(node, API_SERVER, home(API_SERVER), 400, 4);
    runs(node, ENGINE_CORE, home(ENGINE_CORE), 900, 9);
    for pid in workers() {
        runs(node, pid, home(pid), 950, 9);
        memory(node, pid, 2_097_152, 0);
    }
    memory(node, API_SERVER, 2_097_152, 0);
    memory(node, ENGINE_CORE, 2_097_152, 0);
}

/// Adds an option to the server's command line.
fn option(node: &mut Node, option: &str) {
    let path = format!("/proc/{API_SERVER}/cmdline");
    let command = node.text(&path);
    node.set(&path, format!("{command}{option}\0"));
}

/// Another process of the system, on its CPUs.
fn daemon(node: &mut Node, pid: u32, comm: &str, command: &str, group: &str) {
    let of_tuned = node.files.iter().filter(|(path, _)| path.contains("/proc/500/"));
    let copies: Vec<(String, Vec<u8>)> = of_tuned
        .map(|(path, bytes)| {
            let path = path.replace("/proc/500/", &format!("/proc/{pid}/"));
            let text = String::from_utf8_lossy(bytes).replace("500 (tuned)", &format!("{pid} ({comm})"));
            let text = text.replace("Name:\ttuned", &format!("Name:\t{comm}"));
            (path.replace("/task/500/", &format!("/task/{pid}/")), text.into_bytes())
        })
        .collect();
    node.files.extend(copies);
    node.set(&format!("/proc/{pid}/cmdline"), command);
    node.set(&format!("/proc/{pid}/cgroup"), format!("0::{group}\n"));
}

/// Names the version of a library of NVIDIA.
fn library(node: &mut Node, name: &str, version: &str) {
    let target = format!("{}.{version}", name.trim_end_matches(".1"));
    node.links.insert(format!("/usr/lib/x86_64-linux-gnu/{name}"), target);
}

/// What a container of the engine has in common in Docker and in Kubernetes: it is in the control group `group`, on
/// `cpus` and `mems`, where empty ones are not given.
fn contain(node: &mut Node, group: &str, cpus: &str, mems: &str) {
    four_gpus(node);
    let old = format!("/sys/fs/cgroup{SERVICE}/");
    let moved: Vec<String> = node.files.keys().filter(|path| path.contains(&old)).cloned().collect();
    for path in moved {
        let bytes = node.files.remove(&path).unwrap_or_default();
        node.files.insert(path.replace(&old, &format!("/sys/fs/cgroup{group}/")), bytes);
    }
    let folder = format!("/sys/fs/cgroup{group}");
    let or = |given: &str, all: &str| format!("{}\n", if given.is_empty() { all } else { given });
    node.set(&format!("{folder}/cpuset.cpus"), format!("{cpus}\n"));
    node.set(&format!("{folder}/cpuset.mems"), format!("{mems}\n"));
    node.set(&format!("{folder}/cpuset.cpus.effective"), or(cpus, "0-127"));
    node.set(&format!("{folder}/cpuset.mems.effective"), or(mems, "0-1"));
    node.set(&format!("{folder}/cpu.weight"), "100\n");
    node.set(&format!("{folder}/pids.max"), "max\n");
    spend(node, &folder, 51_000_000, [0, 0, 0]);
    daemon(node, 511, "containerd", "/usr/bin/containerd\0", "/system.slice/containerd.service");
    let shim = format!("/usr/bin/containerd-shim-runc-v2\0-namespace\0moby\0-id\0{CONTAINER}\0");
    daemon(node, 1990, "containerd-shim", &shim, "/system.slice/containerd.service");
    stat(node, API_SERVER, &[(4, 1990)]);
    for pid in processes() {
        node.set(&format!("/proc/{pid}/cgroup"), format!("0::{group}\n"));
        node.set(
            &format!("/proc/{pid}/environ"),
            "NVIDIA_VISIBLE_DEVICES=void\0NVIDIA_DRIVER_CAPABILITIES=compute,utility\0OMP_NUM_THREADS=4\0\
             CUDA_DEVICE_ORDER=PCI_BUS_ID\0",
        );
        status(node, pid, "CapEff", "00000000a80425fb");
        status(node, pid, "Cpus_allowed_list", or(cpus, "0-127").trim());
        status(node, pid, "Mems_allowed_list", or(mems, "0-1").trim());
    }
    library(node, "libnvidia-ml.so.1", "550.90.07");
    library(node, "libcuda.so.1", "550.90.07");
    library(node, "libnvidia-container.so.1", "1.18.1");
    node.links.insert("/dev/char/195:0".into(), "../nvidia0".into());
    node.set(
        "/etc/nvidia-container-runtime/config.toml",
        "#accept-nvidia-visible-devices-as-volume-mounts = false\ndisable-require = false\n\n\
         [nvidia-container-cli]\n#debug = \"/var/log/nvidia-container-toolkit.log\"\nldconfig = \"@/sbin/ldconfig.real\"\n\n\
         [nvidia-container-runtime]\nlog-level = \"info\"\nmode = \"cdi\"\nruntimes = [\"runc\", \"crun\"]\n",
    );
    node.set("/run/cdi/nvidia.yaml", "---\ncdiVersion: 0.5.0\nkind: nvidia.com/gpu\n");
}

/// What a control group used in the window, and its periods: all, throttled, and µs of throttling.
fn spend(node: &mut Node, folder: &str, us: u64, [all, throttled, throttled_us]: [u64; 3]) {
    let text = |us: u64, all: u64, throttled: u64, throttled_us: u64| {
        format!(
            "usage_usec {us}\nuser_usec {us}\nsystem_usec 0\nnr_periods {all}\nnr_throttled {throttled}\n\
             throttled_usec {throttled_us}\nnr_bursts 0\nburst_usec 0\n"
        )
    };
    let path = format!("{folder}/cpu.stat");
    let (first, last) = (text(1_000_000, 0, 0, 0), text(1_000_000 + us, all, throttled, throttled_us));
    node.set(&path, first.clone());
    node.window(&path, first, last);
}

/// What the runtime was given, in the folder of the namespace.
fn specify(node: &mut Node, namespace: &str, group: &str, cpus: &str, mems: &str, annotations: &Value) {
    let capabilities = json!([
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FSETID",
        "CAP_FOWNER",
        "CAP_MKNOD",
        "CAP_NET_RAW",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETFCAP",
        "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE",
        "CAP_SYS_CHROOT",
        "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ]);
    let gpus = (0..4).map(|gpu| {
        json!({ "path": format!("/dev/nvidia{gpu}"), "type": "c", "major": 195, "minor": gpu, "fileMode": 438 })
    });
    let control =
        json!({ "path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255, "fileMode": 438 });
    let devices: Vec<Value> = gpus.chain([control]).collect();
    let mut cpu = json!({ "shares": 1024 });
    for (name, list) in [("cpus", cpus), ("mems", mems)] {
        if !list.is_empty() {
            cpu[name] = json!(list);
        }
    }
    let document = json!({
        "ociVersion": "1.2.0",
        "process": {
            "args": ["vllm", "serve", "example/model-70b", "--tensor-parallel-size", "4"],
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
            },
            "oomScoreAdj": -500,
        },
        "annotations": annotations,
        "linux": {
            "resources": { "cpu": cpu, "devices": [{ "allow": false, "access": "rwm" }] },
            "cgroupsPath": group,
            "devices": devices,
        },
    });
    node.set(&specification_path(namespace), document.to_string());
}

fn specification_path(namespace: &str) -> String {
    format!("/run/containerd/io.containerd.runtime.v2.task/{namespace}/{CONTAINER}/config.json")
}

/// Changes what the runtime of Docker was given.
fn specification(node: &mut Node, change: impl Fn(&mut Value)) {
    let path = specification_path("moby");
    let mut document: Value = serde_json::from_str(&node.text(&path)).expect("written by this module");
    change(&mut document);
    node.set(&path, document.to_string());
}

/// The server in a container of Docker, placed by `--cpuset-cpus` and `--cpuset-mems`; empty ones are not given.
fn docker(node: &mut Node, cpus: &str, mems: &str) {
    let group = format!("/system.slice/docker-{CONTAINER}.scope");
    contain(node, &group, cpus, mems);
    let dockerd = "/usr/bin/dockerd\0-H\0fd://\0--containerd=/run/containerd/containerd.sock\0";
    daemon(node, 510, "dockerd", dockerd, "/system.slice/docker.service");
    for pid in processes() {
        status(node, pid, "Seccomp", "2");
    }
    node.set(
        "/etc/docker/daemon.json",
        "{\n    \"features\": { \"cdi\": true },\n    \"exec-opts\": [\"native.cgroupdriver=systemd\"]\n}\n",
    );
    let folder = format!("/var/lib/docker/containers/{CONTAINER}");
    let host = json!({
        "Binds": ["/srv/models:/models"], "NetworkMode": "host",
        "RestartPolicy": { "Name": "unless-stopped", "MaximumRetryCount": 0 },
        "CapAdd": null, "CapDrop": null, "CgroupnsMode": "private", "IpcMode": "host", "OomScoreAdj": -500,
        "Privileged": false, "SecurityOpt": null, "ShmSize": 67_108_864, "Runtime": "runc",
        "CpuShares": 0, "NanoCpus": 0, "CpuPeriod": 0, "CpuQuota": 0, "CpusetCpus": cpus, "CpusetMems": mems,
        "DeviceRequests": [{ "Driver": "cdi", "Count": 0, "DeviceIDs": [
            "nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=2", "nvidia.com/gpu=3",
        ] }],
        "Ulimits": [
            { "Name": "memlock", "Hard": -1, "Soft": -1 },
            { "Name": "nofile", "Hard": 1_048_576, "Soft": 1_048_576 },
        ],
    });
    node.set(&format!("{folder}/hostconfig.json"), host.to_string());
    let test = ["CMD-SHELL", "curl -fs http://localhost:8000/health || exit 1"];
    let config = json!({
        "ID": CONTAINER, "Name": "/vllm", "Driver": "overlay2", "RestartCount": 0,
        "State": { "Running": true, "Pid": API_SERVER, "Health": { "Status": "healthy" } },
        "Config": {
            "Image": "vllm/vllm-openai:v0.11.0",
            "Healthcheck": { "Test": test, "Interval": 30_000_000_000_u64, "Retries": 3 },
        },
    });
    node.set(&format!("{folder}/config.v2.json"), config.to_string());
    specify(node, "moby", &format!("system.slice:docker:{CONTAINER}"), cpus, mems, &json!({}));
    specification(node, |spec| {
        // The profile of Docker for a container without CAP_SYS_NICE: calls that place memory are not among them.
        spec["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "syscalls": [
                { "names": ["clone3", "futex", "mmap", "read", "sched_setaffinity", "write"], "action": "SCMP_ACT_ALLOW" },
                {
                    "names": ["personality"], "action": "SCMP_ACT_ALLOW",
                    "args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_EQ" }],
                },
            ],
        });
    });
}

/// `--cpus=4` for six processes that poll: 40 s of CPU time in the window, and for a fifth of each period none of them runs.
fn four_cpus(node: &mut Node) {
    docker(node, NEAR, "0");
    let group = format!("/sys/fs/cgroup/system.slice/docker-{CONTAINER}.scope");
    node.set(&format!("{group}/cpu.max"), "400000 100000\n");
    node.replace(
        &format!("/var/lib/docker/containers/{CONTAINER}/hostconfig.json"),
        "\"NanoCpus\":0",
        "\"NanoCpus\":4000000000",
    );
    specification(node, |spec| {
        spec["linux"]["resources"]["cpu"]["quota"] = json!(400_000);
        spec["linux"]["resources"]["cpu"]["period"] = json!(100_000);
    });
    runs(node, API_SERVER, home(API_SERVER), 320, 1500);
    runs(node, ENGINE_CORE, home(ENGINE_CORE), 700, 2100);
    for pid in workers() {
        runs(node, pid, home(pid), 740, 2100);
        let gpu = (pid - FIRST_WORKER) as usize;
        node.gpu(gpu, "utilization_percent", &json!(72));
        node.gpu_readings(gpu, "utilization_percent", |_| json!(72));
    }
    spend(node, &group, 39_800_000, [100, 96, 12_000_000]);
    let pressure = |avg: &str, some: u64, full: u64| {
        format!(
            "some avg10={avg} avg60={avg} avg300={avg} total={some}\nfull avg10={avg} avg60={avg} avg300={avg} total={full}\n"
        )
    };
    node.window(
        &format!("{group}/cpu.pressure"),
        pressure("22.00", 0, 0),
        pressure("22.00", 2_200_000, 2_000_000),
    );
    for path in
        ["/proc/pressure/cpu", "/sys/fs/cgroup/cpu.pressure", "/sys/fs/cgroup/system.slice/cpu.pressure"]
    {
        node.window(path, pressure("22.00", 0, 0), pressure("22.00", 2_200_000, 0));
    }
}

/// Lets the server run on the second socket, with the memory that it took there.
fn move_to_far_socket(node: &mut Node) {
    for (pid, ticks) in
        [(API_SERVER, 400), (ENGINE_CORE, 900)].into_iter().chain(workers().map(|pid| (pid, 950)))
    {
        busy(node, home(pid), 0, 0);
        runs(node, pid, home(pid) + CORES, ticks, 9);
        memory(node, pid, 0, 2_097_152);
    }
}

/// `--cpuset-cpus` with CPUs of the second socket, and GPUs of the first.
fn far_container(node: &mut Node) {
    docker(node, FAR, "");
    move_to_far_socket(node);
}

/// The libraries of the driver were upgraded, and the old module is still loaded: NVML tells nobody anything any more.
fn two_drivers(node: &mut Node) {
    docker(node, NEAR, "0");
    library(node, "libnvidia-ml.so.1", "550.163.01");
    library(node, "libcuda.so.1", "550.163.01");
    node.files.remove("api/nvml.json");
    node.files.remove("api/nvml-window.json");
}

fn pod_slice(uid: &str, class: &str) -> String {
    let uid = uid.replace('-', "_");
    match class {
        "" => format!("/kubepods.slice/kubepods-pod{uid}.slice"),
        class => format!("/kubepods.slice/kubepods-{class}.slice/kubepods-{class}-pod{uid}.slice"),
    }
}

/// The server in a pod that asks for 56 CPUs, guaranteed if `class` is empty, on what the kubelet's managers gave it; empty
/// CPUs and nodes are not given out. Beside it a pod of the cluster.
fn pod(node: &mut Node, class: &str, cpus: &str, mems: &str) {
    let slice = pod_slice(POD, class);
    let group = format!("{slice}/cri-containerd-{CONTAINER}.scope");
    contain(node, &group, cpus, mems);
    let arguments = [
        "/usr/bin/kubelet",
        "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
        "--kubeconfig=/etc/kubernetes/kubelet.conf",
        "--config=/var/lib/kubelet/config.yaml",
        "--container-runtime-endpoint=unix:///var/run/containerd/containerd.sock",
    ];
    daemon(node, 520, "kubelet", &(arguments.join("\0") + "\0"), "/system.slice/kubelet.service");
    let exporter = format!("{}/cri-containerd-{}.scope", pod_slice(EXPORTER, "besteffort"), "c0".repeat(32));
    daemon(node, EXPORTER_PID, "node_exporter", "/bin/node_exporter\0--path.rootfs=/host/root\0", &exporter);
    let shared = match cpus {
        "" => "0-127",
        NEAR => "0-3,32-67,96-127",
        _ => "0-35,64-99",
    };
    status(node, EXPORTER_PID, "Cpus_allowed_list", shared);
    let parents: Vec<(String, Vec<u8>)> = node
        .files
        .iter()
        .filter(|(path, _)| path.contains("/sys/fs/cgroup/system.slice/c") && !path.contains(".service/"))
        .chain(node.files.iter().filter(|(path, _)| path.contains("/sys/fs/cgroup/system.slice/memory.")))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    let of_burstable = if class.is_empty() { 0 } else { 51_000_000 };
    for (parent, weight, us) in [
        ("/kubepods.slice", 4844, 51_200_000),
        ("/kubepods.slice/kubepods-besteffort.slice", 1, 100_000),
        ("/kubepods.slice/kubepods-burstable.slice", if class.is_empty() { 4 } else { 2188 }, of_burstable),
        (slice.as_str(), 2188, 51_000_000),
    ] {
        let copies =
            parents.iter().map(|(path, bytes)| (path.replace("/system.slice", parent), bytes.clone()));
        node.files.extend(copies);
        let folder = format!("/sys/fs/cgroup{parent}");
        node.set(&format!("{folder}/cpu.weight"), format!("{weight}\n"));
        spend(node, &folder, us, [0, 0, 0]);
    }
    let scope = format!("/sys/fs/cgroup{group}");
    node.set(&format!("{scope}/cpu.weight"), "2188\n");
    for folder in [format!("/sys/fs/cgroup{slice}"), scope] {
        if class.is_empty() {
            node.set(&format!("{folder}/cpu.max"), "5600000 100000\n");
            spend(node, &folder, 51_000_000, [100, 0, 0]);
        }
    }
    for pid in processes() {
        let score = if class.is_empty() { "-997\n" } else { "802\n" };
        node.set(&format!("/proc/{pid}/oom_score_adj"), score);
    }
    node.set(
        KUBELET,
        "apiVersion: kubelet.config.k8s.io/v1beta1\nauthentication:\n  anonymous:\n    enabled: false\n\
         cgroupDriver: systemd\nclusterDNS:\n- 10.96.0.10\nclusterDomain: cluster.local\n\
         cpuManagerPolicy: static\ncpuManagerPolicyOptions:\n  full-pcpus-only: \"true\"\n\
         kind: KubeletConfiguration\nmemoryManagerPolicy: Static\n\
         reservedMemory:\n- limits:\n    memory: 2Gi\n  numaNode: 0\nreservedSystemCPUs: 0-3,32-35,64-67,96-99\n\
         rotateCertificates: true\ntopologyManagerPolicy: restricted\ntopologyManagerScope: pod\n",
    );
    let entries = if cpus.is_empty() { json!({}) } else { json!({ POD: { "vllm": cpus } }) };
    let state = json!({
        "policyName": "static", "defaultCpuSet": shared, "entries": entries, "checksum": 3_146_871_903_u32,
    });
    node.set(CPU_STATE, state.to_string());
    let block = json!([{ "numaAffinity": [0], "type": "memory", "size": 429_496_729_600_u64 }]);
    let state = json!({
        "policyName": "Static", "machineState": {}, "entries": { POD: { "vllm": block } }, "checksum": 2_043_827_110_u32,
    });
    node.set(MEMORY_STATE, state.to_string());
    let annotations = json!({
        "io.kubernetes.cri.container-name": "vllm", "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.sandbox-namespace": "llm", "io.kubernetes.cri.sandbox-uid": POD,
    });
    let path = group.trim_start_matches('/').replace('/', ":");
    specify(node, "k8s.io", &path, cpus, mems, &annotations);
}

/// The memory manager has given out nothing.
fn no_memory_block(node: &mut Node) {
    let state = json!({
        "policyName": "Static", "machineState": {}, "entries": {}, "checksum": 1_126_310_584_u32,
    });
    node.set(MEMORY_STATE, state.to_string());
}

/// The memory manager is not in use.
fn no_memory_manager(node: &mut Node) {
    node.replace(
        KUBELET,
        "memoryManagerPolicy: Static\nreservedMemory:\n- limits:\n    memory: 2Gi\n  numaNode: 0\n",
        "",
    );
    node.set(
        MEMORY_STATE,
        "{\"policyName\":\"None\",\"machineState\":{},\"entries\":{},\"checksum\":4047769743}",
    );
}

/// What kubeadm sets up: no manager gives out anything.
fn default_kubelet(node: &mut Node) {
    pod(node, "", "", "");
    no_memory_manager(node);
    for part in [
        "cpuManagerPolicy: static\ncpuManagerPolicyOptions:\n  full-pcpus-only: \"true\"\n",
        "reservedSystemCPUs: 0-3,32-35,64-67,96-99\n",
        "topologyManagerPolicy: restricted\ntopologyManagerScope: pod\n",
    ] {
        node.replace(KUBELET, part, "");
    }
    node.set(CPU_STATE, "{\"policyName\":\"none\",\"defaultCpuSet\":\"\",\"checksum\":1353318690}");
}

/// A virtual machine of KVM that has all of the host, with the host's nodes.
fn guest(node: &mut Node) {
    node.replace("/proc/cpuinfo", "nonstop_tsc", "nonstop_tsc hypervisor");
    node.set("/sys/class/dmi/id/sys_vendor", "QEMU\n");
    node.set("/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
    // The hypervisor keeps frequencies and idle states to itself.
    let of_host = ["/cpufreq/", "/intel_pstate/", "/thermal_throttle/", "/cpuidle/", "/energy_perf_bias"];
    node.files.retain(|path, _| !of_host.iter().any(|part| path.contains(part)));
    node.set("/sys/devices/system/cpu/cpuidle/current_driver", "none\n");
    node.set("/sys/devices/system/cpu/cpuidle/current_governor_ro", "menu\n");
    let clock = "/sys/devices/system/clocksource/clocksource0";
    node.set(&format!("{clock}/current_clocksource"), "kvm-clock\n");
    node.set(&format!("{clock}/available_clocksource"), "kvm-clock tsc acpi_pm\n");
    node.set("/etc/tuned/active_profile", "virtual-guest\n");
}

/// A third of the time of each busy vCPU goes to other guests of the host; what does not want to run cannot be robbed.
fn stolen(node: &mut Node) {
    guest(node);
    let homes = (0..8).map(|gpu: u32| if gpu < 4 { 4 + 6 * gpu } else { CORES + 4 + 6 * (gpu - 4) });
    let workers = homes.enumerate().map(|(gpu, cpu)| (FIRST_WORKER + gpu as u32, cpu, 620));
    for (pid, cpu, ticks) in [(API_SERVER, 28, 400), (ENGINE_CORE, 30, 620)].into_iter().chain(workers) {
        runs(node, pid, cpu, ticks, 5);
        busy(node, cpu, ticks, ticks / 2);
    }
    for gpu in 0..8 {
        node.gpu(gpu, "utilization_percent", &json!(66));
        node.gpu_readings(gpu, "utilization_percent", |_| json!(66));
    }
}

/// No firmware of the guest tells where devices hang.
fn devices_without_node(node: &mut Node) {
    let online = "0-127\n";
    for address in (0..8).map(gpu_address).chain(["0000:4f:00.0".to_owned(), "0000:e1:00.0".to_owned()]) {
        node.set(&format!("/sys/bus/pci/devices/{address}/numa_node"), "-1\n");
        node.set(&format!("/sys/bus/pci/devices/{address}/local_cpulist"), online);
    }
    for gpu in 0..8 {
        let bridge = format!("/sys/bus/pci/devices/0000:{:02x}:01.0", 0x17 + gpu * 0x10);
        node.set(&format!("{bridge}/numa_node"), "-1\n");
        node.set(&format!("{bridge}/local_cpulist"), online);
    }
}

/// A virtual machine without NUMA, on a host with two sockets.
fn flat_guest(node: &mut Node) {
    guest(node);
    let root = "/sys/devices/system/node";
    node.files.retain(|path, _| !path.contains("/sys/devices/system/node/node1/"));
    for list in ["online", "possible", "has_cpu", "has_memory"] {
        node.set(&format!("{root}/{list}"), "0\n");
    }
    node.set(&format!("{root}/node0/cpulist"), "0-127\n");
    node.set(&format!("{root}/node0/distance"), "10\n");
    node.set(
        &format!("{root}/node0/meminfo"),
        "Node 0 MemTotal: 2113929216 kB\nNode 0 MemFree: 1500000000 kB\nNode 0 MemUsed: 613929216 kB\n\
         Node 0 FilePages: 420000000 kB\nNode 0 AnonPages: 100000000 kB\nNode 0 Shmem: 8000000 kB\n\
         Node 0 SReclaimable: 6000000 kB\nNode 0 SUnreclaim: 34000000 kB\n",
    );
    devices_without_node(node);
    for (gpu, pid) in (FIRST_WORKER..FIRST_WORKER + 8).enumerate() {
        node.gpu(gpu, "cpu_affinity", &json!("0-127"));
        node.gpu(gpu, "memory_affinity", &json!("0"));
        node.memory_on(pid, 0);
        status(node, pid, "Mems_allowed_list", "0");
    }
    for pid in [1, 500, 501, 502] {
        status(node, pid, "Mems_allowed_list", "0");
    }
    for folder in ["", "/system.slice", SERVICE] {
        node.set(&format!("/sys/fs/cgroup{folder}/cpuset.mems.effective"), "0\n");
    }
    node.set("/proc/irq/130/node", "0\n");
}

/// A virtual machine beside the server, which does little and may run everywhere: libvirt's default.
fn loose_machine(node: &mut Node) {
    const MACHINE: u32 = 2500;
    let scope = "/machine.slice/machine-qemu\\x2d1\\x2dbuild.scope";
    let command = "/usr/bin/qemu-system-x86_64\0-name\0guest=build,debug-threads=on\0-smp\08,sockets=8,cores=1,threads=1\0";
    daemon(node, MACHINE, "qemu-system-x86", command, &format!("{scope}/libvirt/emulator"));
    status(node, MACHINE, "Cpus_allowed_list", "0-127");
    let task = format!("/proc/{MACHINE}/task/{MACHINE}/");
    let files: Vec<(String, Vec<u8>)> = node
        .files
        .iter()
        .filter(|(path, _)| path.contains(&task))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    for vcpu in 0..8 {
        let (tid, comm) = (MACHINE + 10 + vcpu, format!("CPU {vcpu}/KVM"));
        for (path, bytes) in &files {
            let text =
                String::from_utf8_lossy(bytes).replace("2500 (qemu-system-x86)", &format!("{tid} ({comm})"));
            let text = text.replace("Name:\tqemu-system-x86", &format!("Name:\t{comm}"));
            // The guest is idle: what little there is to do is the emulator's.
            let is_schedule = path.ends_with("/schedstat");
            let text =
                if is_schedule { "1000 1000 1000\n".into() } else { text.replace(" 100010 ", " 100000 ") };
            let path = path.replace(&task, &format!("/proc/{MACHINE}/task/{tid}/"));
            node.files.insert(path, text.into_bytes());
        }
    }
}
