//! A synthetic node: two sockets, eight GPUs, a vLLM server with tensor parallel size 8 under load, everything in order.
//!
//! Tests break one thing at a time and expect that this thing, and nothing else, is found. The size is that of a real
//! inference node (128 CPUs), so that the analysis of it can be timed, too.

mod counters;
mod gpus;
mod server;

use std::collections::BTreeMap;
use std::fmt::Write;

use plumb_evidence::Bundle;
use plumb_evidence::bundle::{RAW, sample_folder};
use plumb_evidence::manifest::{Manifest, Privileges, ProbeRecord, ProbeStatus, Unread};
use plumb_evidence::model::Origin;

/// Cores of a socket; the hardware threads of core `n` are the CPUs `n` and `n + CORES * 2`.
pub const CORES: u32 = 32;
/// CPUs of the node.
pub const CPUS: u32 = CORES * 4;
/// PID of the API server.
pub const API_SERVER: u32 = 2000;
/// PID of the engine core.
pub const ENGINE_CORE: u32 = 2001;
/// PID of the worker of GPU 0; the others follow.
pub const FIRST_WORKER: u32 = 2010;
/// Seconds between the readings.
pub const SECONDS: u64 = 10;
/// Control group of the server.
pub const SERVICE: &str = "/system.slice/vllm.service";

/// PCI address of a GPU, 0 to 7.
#[must_use]
pub fn gpu_address(gpu: u32) -> String {
    let bus = [0x18, 0x2a, 0x3a, 0x5d, 0x9a, 0xab, 0xba, 0xdb][gpu as usize];
    format!("0000:{bus:02x}:00.0")
}

/// CPUs of worker `gpu`: six whole cores of its GPU's socket.
#[must_use]
pub fn worker_cpus(gpu: u32) -> String {
    let first = if gpu < 4 { 4 + 6 * gpu } else { CORES + 4 + 6 * (gpu - 4) };
    let sibling = first + CORES * 2;
    format!("{first}-{},{sibling}-{}", first + 5, sibling + 5)
}

/// The first CPU of a list.
fn first_of(cpus: &str) -> u32 {
    cpus.split(['-', ',']).next().and_then(|cpu| cpu.parse().ok()).unwrap_or(0)
}

/// CPUs of a NUMA node.
#[must_use]
pub fn node_cpus(node: u32) -> &'static str {
    if node == 0 { "0-31,64-95" } else { "32-63,96-127" }
}

/// Files of a node that does not exist.
#[derive(Clone, Debug)]
pub struct Node {
    /// By path inside of a bundle.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Symbolic links by absolute path.
    pub links: BTreeMap<String, String>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Node {
    /// Puts a file that is read once.
    pub fn set(&mut self, path: &str, text: impl Into<Vec<u8>>) {
        self.files.insert(format!("{RAW}{path}"), text.into());
    }

    /// Puts a file that is read at both ends of the window.
    pub fn window(&mut self, path: &str, first: impl Into<Vec<u8>>, last: impl Into<Vec<u8>>) {
        self.files.insert(format!("{}{path}", sample_folder(0)), first.into());
        self.files.insert(format!("{}{path}", sample_folder(1)), last.into());
    }

    /// Text of a file that is read once.
    ///
    /// # Panics
    /// If there is no such file.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        let bytes = self.files.get(&format!("{RAW}{path}"));
        String::from_utf8_lossy(bytes.unwrap_or_else(|| panic!("the synthetic node has no {path}")))
            .into_owned()
    }

    /// Replaces text in a file that is read once.
    ///
    /// # Panics
    /// If the text is not there: a test that changes nothing tests nothing.
    pub fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} does not hold `{from}`: {text}");
        self.set(path, text.replace(from, to));
    }

    /// Removes a file that is read once.
    pub fn remove(&mut self, path: &str) {
        self.files.remove(&format!("{RAW}{path}"));
    }

    /// Takes the policy away that binds the memory of a process, which NUMA balancing would leave alone.
    ///
    /// # Panics
    /// If the node has no such process.
    pub fn unbind_memory(&mut self, pid: u32) {
        let path = format!("/proc/{pid}/numa_maps");
        let maps = self.text(&path);
        self.set(&path, maps.replace("bind:0", "default").replace("bind:1", "default"));
    }

    /// The bundle that a collector would have written.
    #[must_use]
    pub fn bundle(&self) -> Bundle {
        let mut settled = self.clone();
        settled.settle_groups();
        let probe = |id: &str, reads: &[&str]| ProbeRecord {
            id: id.into(),
            status: ProbeStatus::Ok,
            reason: String::new(),
            itemised: true,
            reads: reads.iter().map(|&path| path.to_owned()).collect(),
            duration_us: 0,
            files: 0,
            bytes: 0,
        };
        // A merged `/usr`: what looks for units there finds that there are none.
        let has_units = self.files.keys().any(|path| path.starts_with(&format!("{RAW}/etc/systemd/system/")));
        let mut unread = self.unread.clone();
        unread.sort();
        let manifest = Manifest {
            tool_version: "0.0.0".into(),
            started: "2026-01-01T00:00:00Z".into(),
            finished: "2026-01-01T00:00:12Z".into(),
            privileges: Privileges { euid: 0, cap_eff: "000001ffffffffff".into() },
            samples_us: vec![0, SECONDS * 1_000_000],
            probes: vec![
                probe("files", &["/proc", "/sys", "/etc", "/run", "/usr", "/var", "/boot", "/dev"]),
                probe("units", if has_units { &["/lib"] } else { &[] }),
                probe("nvml", &[]),
                probe("nvml-window", &[]),
                probe("power", &[]),
                ProbeRecord {
                    status: ProbeStatus::Absent,
                    reason: "hwloc is not installed".into(),
                    itemised: false,
                    ..probe("hwloc", &[])
                },
            ],
            unread,
            ..Manifest::new(Origin::Synthetic)
        };
        Bundle::new(manifest, settled.files, settled.links)
    }

    /// The node with everything in order.
    #[must_use]
    pub fn healthy() -> Self {
        let mut node = Self { files: BTreeMap::new(), links: BTreeMap::new(), unread: Vec::new() };
        node.system();
        node.cpus();
        node.numa();
        node.devices();
        node.interrupts();
        node.server();
        node.counters();
        node.gpus();
        node
    }

    fn system(&mut self) {
        self.set("/proc/sys/kernel/hostname", "synthetic\n");
        self.set("/proc/sys/kernel/osrelease", "6.8.0-45-generic\n");
        self.set("/proc/version", "Linux version 6.8.0-45-generic\n");
        self.set("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro iommu=pt\n");
        self.set("/proc/uptime", "864000.00 1000000.00\n");
        self.set("/proc/loadavg", "9.21 9.08 9.02 11/2000 3000\n");
        self.set("/etc/os-release", "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nID=ubuntu\n");
        self.set("/sys/class/dmi/id/sys_vendor", "Example\n");
        self.set("/sys/class/dmi/id/product_name", "GPU Server\n");
        self.set("/proc/1/cgroup", "0::/init.scope\n");
        self.set("/proc/self/cgroup", "0::/user.slice\n");
        for (key, value) in [
            ("kernel/numa_balancing", "0"),
            ("kernel/sched_autogroup_enabled", "0"),
            ("kernel/sched_rt_runtime_us", "950000"),
            ("kernel/sched_rt_period_us", "1000000"),
            ("kernel/timer_migration", "1"),
            ("kernel/watchdog", "0"),
            ("kernel/nmi_watchdog", "0"),
            ("net/core/somaxconn", "4096"),
            ("net/core/netdev_max_backlog", "5000"),
            ("net/ipv4/tcp_max_syn_backlog", "4096"),
            ("vm/swappiness", "1"),
            ("vm/zone_reclaim_mode", "0"),
            ("vm/overcommit_memory", "1"),
            ("vm/min_free_kbytes", "1048576"),
            ("vm/max_map_count", "262144"),
            ("vm/watermark_scale_factor", "10"),
            ("vm/stat_interval", "10"),
            ("vm/dirty_ratio", "20"),
            ("vm/dirty_background_ratio", "10"),
            ("vm/nr_hugepages", "0"),
        ] {
            self.set(&format!("/proc/sys/{key}"), format!("{value}\n"));
        }
        let thp = "/sys/kernel/mm/transparent_hugepage";
        self.set(&format!("{thp}/enabled"), "always [madvise] never\n");
        self.set(&format!("{thp}/defrag"), "always defer defer+madvise [madvise] never\n");
        self.set("/sys/kernel/mm/ksm/run", "0\n");
        let clock = "/sys/devices/system/clocksource/clocksource0";
        self.set(&format!("{clock}/current_clocksource"), "tsc\n");
        self.set(&format!("{clock}/available_clocksource"), "tsc hpet acpi_pm\n");
        self.set("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        self.set(
            "/proc/meminfo",
            "MemTotal: 2113929216 kB\nMemFree: 1500000000 kB\nMemAvailable: 1900000000 kB\nBuffers: 0 kB\n\
             Cached: 420000000 kB\nSwapCached: 0 kB\nAnonPages: 100000000 kB\nShmem: 8000000 kB\n\
             SReclaimable: 6000000 kB\nSUnreclaim: 34000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n\
             HugePages_Total: 0\nHugePages_Free: 0\nHugepagesize: 2048 kB\nHugetlb: 0 kB\n",
        );
        self.set(
            "/dev/kmsg",
            "5,0,0,-;Linux version 6.8.0-45-generic (buildd@lcy02-amd64-115) #45-Ubuntu SMP PREEMPT_DYNAMIC\n\
             6,1422,12400000,-;NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.90.07\n",
        );
    }

    fn cpus(&mut self) {
        let mut cpuinfo = String::new();
        let root = "/sys/devices/system/cpu";
        for list in ["online", "present", "possible"] {
            self.set(&format!("{root}/{list}"), "0-127\n");
        }
        for list in ["offline", "isolated", "nohz_full"] {
            self.set(&format!("{root}/{list}"), "\n");
        }
        self.set(&format!("{root}/smt/active"), "1\n");
        self.set(&format!("{root}/smt/control"), "on\n");
        self.set(&format!("{root}/intel_pstate/status"), "active\n");
        self.set(&format!("{root}/intel_pstate/no_turbo"), "0\n");
        for (package, watts) in [(0, "350000000\n"), (1, "350000000\n")] {
            let zone = format!("/sys/class/powercap/intel-rapl:{package}");
            self.set(&format!("{zone}/name"), format!("package-{package}\n"));
            self.set(&format!("{zone}/enabled"), "1\n");
            self.set(&format!("{zone}/constraint_0_name"), "long_term\n");
            self.set(&format!("{zone}/constraint_0_power_limit_uw"), watts);
            self.set(&format!("{zone}/constraint_0_max_power_uw"), watts);
        }
        self.set(&format!("{root}/cpuidle/current_driver"), "intel_idle\n");
        self.set(&format!("{root}/cpuidle/current_governor_ro"), "menu\n");
        for cpu in 0..CPUS {
            let core = cpu % (CORES * 2);
            let socket = core / CORES;
            let _ = write!(
                cpuinfo,
                "processor\t: {cpu}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: \
                 Intel(R) Xeon(R) Platinum 8462Y+\nflags\t\t: fpu tsc epb constant_tsc nonstop_tsc hwp hwp_epp\n\n"
            );
            let folder = format!("{root}/cpu{cpu}");
            let siblings = format!("{core},{}\n", core + CORES * 2);
            self.set(&format!("{folder}/topology/core_cpus_list"), siblings.clone());
            self.set(&format!("{folder}/topology/thread_siblings_list"), siblings.clone());
            self.set(&format!("{folder}/topology/core_id"), format!("{}\n", core % CORES));
            self.set(&format!("{folder}/topology/physical_package_id"), format!("{socket}\n"));
            self.set(&format!("{folder}/topology/package_cpus_list"), format!("{}\n", node_cpus(socket)));
            for (index, (level, kind, size, shared)) in [
                (1, "Data", "48K", siblings.as_str()),
                (1, "Instruction", "32K", siblings.as_str()),
                (2, "Unified", "2048K", siblings.as_str()),
                (3, "Unified", "61440K", node_cpus(socket)),
            ]
            .into_iter()
            .enumerate()
            {
                let cache = format!("{folder}/cache/index{index}");
                self.set(&format!("{cache}/level"), format!("{level}\n"));
                self.set(&format!("{cache}/type"), format!("{kind}\n"));
                self.set(&format!("{cache}/size"), format!("{size}\n"));
                self.set(&format!("{cache}/shared_cpu_list"), format!("{}\n", shared.trim()));
            }
            let policy = format!("{root}/cpufreq/policy{cpu}");
            for (name, value) in [
                ("affected_cpus", cpu.to_string().as_str()),
                ("scaling_driver", "intel_pstate"),
                ("scaling_governor", "performance"),
                ("scaling_available_governors", "performance powersave"),
                ("energy_performance_preference", "performance"),
                ("scaling_min_freq", "800000"),
                ("scaling_max_freq", "4100000"),
                ("cpuinfo_min_freq", "800000"),
                ("cpuinfo_max_freq", "4100000"),
                ("base_frequency", "2800000"),
            ] {
                self.set(&format!("{policy}/{name}"), format!("{value}\n"));
            }
            self.window(&format!("{policy}/scaling_cur_freq"), "3600000\n", "3600000\n");
            for (index, (name, latency)) in [("POLL", 0), ("C1", 1), ("C1E", 2)].into_iter().enumerate() {
                let state = format!("{folder}/cpuidle/state{index}");
                self.set(&format!("{state}/name"), format!("{name}\n"));
                self.set(&format!("{state}/latency"), format!("{latency}\n"));
                self.set(&format!("{state}/residency"), format!("{latency}\n"));
                self.set(&format!("{state}/disable"), "0\n");
            }
            self.set(&format!("{folder}/power/energy_perf_bias"), "0\n");
            for name in ["core_throttle_count", "package_throttle_count"] {
                let path = format!("{folder}/thermal_throttle/{name}");
                self.set(&path, "0\n");
                self.window(&path, "0\n", "0\n");
            }
        }
        self.set("/proc/cpuinfo", cpuinfo);
    }

    fn numa(&mut self) {
        let root = "/sys/devices/system/node";
        for list in ["online", "possible", "has_cpu", "has_memory"] {
            self.set(&format!("{root}/{list}"), "0-1\n");
        }
        for id in 0..2 {
            let folder = format!("{root}/node{id}");
            self.set(&format!("{folder}/cpulist"), format!("{}\n", node_cpus(id)));
            self.set(&format!("{folder}/distance"), if id == 0 { "10 21\n" } else { "21 10\n" });
            self.set(
                &format!("{folder}/meminfo"),
                [
                    ("MemTotal", 1_056_964_608_u64),
                    ("MemFree", 750_000_000),
                    ("MemUsed", 306_964_608),
                    ("FilePages", 210_000_000),
                    ("AnonPages", 50_000_000),
                    ("Shmem", 4_000_000),
                    ("SReclaimable", 3_000_000),
                    ("SUnreclaim", 17_000_000),
                ]
                .map(|(name, kib)| format!("Node {id} {name}: {kib} kB\n"))
                .concat(),
            );
            let stat = |hit: u64| {
                format!(
                    "numa_hit {hit}\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node {hit}\nother_node 0\n"
                )
            };
            self.set(&format!("{folder}/numastat"), stat(1_000_000));
            self.window(&format!("{folder}/numastat"), stat(1_000_000), stat(1_010_000));
        }
    }

    fn devices(&mut self) {
        for gpu in 0..8 {
            let node = gpu / 4;
            let address = gpu_address(gpu);
            let bridge = format!("0000:{:02x}:01.0", 0x17 + gpu * 0x10);
            self.pci(&bridge, "0x060400", "0x8086", "0x352a", node, None);
            self.pci(&address, "0x030200", "0x10de", "0x2330", node, Some(&bridge));
            self.set(
                &format!("/proc/driver/nvidia/gpus/{address}/information"),
                format!(
                    "Model: \t\t NVIDIA H100 80GB HBM3\nGPU UUID: \t GPU-{gpu}\nDevice Minor: \t {gpu}\n"
                ),
            );
        }
        self.pci("0000:4f:00.0", "0x020000", "0x15b3", "0x1021", 0, None);
        self.pci("0000:e1:00.0", "0x010802", "0x144d", "0xa824", 1, None);
        self.set(
            "/proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07\n",
        );
    }

    fn pci(
        &mut self,
        address: &str,
        class: &str,
        vendor: &str,
        device: &str,
        node: u32,
        bridge: Option<&str>,
    ) {
        let folder = format!("/sys/bus/pci/devices/{address}");
        for (name, value) in [
            ("class", class),
            ("vendor", vendor),
            ("device", device),
            ("numa_node", node.to_string().as_str()),
            ("local_cpulist", node_cpus(node)),
            ("current_link_speed", "32.0 GT/s PCIe"),
            ("max_link_speed", "32.0 GT/s PCIe"),
            ("current_link_width", "16"),
            ("max_link_width", "16"),
        ] {
            self.set(&format!("{folder}/{name}"), format!("{value}\n"));
        }
        let above = bridge.map_or_else(String::new, |bridge| format!("{bridge}/"));
        self.links
            .insert(folder, format!("../../../devices/pci0000:{:02x}/{above}{address}", 0x16 + node * 0x80));
    }

    fn interrupts(&mut self) {
        self.interrupts_on([0, 1, 2, 3], 5_000);
        self.set("/proc/irq/default_smp_affinity", "ffffffff,ffffffff,ffffffff,ffffffff\n");
    }

    /// Lets the four queues of the network device interrupt the CPUs `targets`, each `moved` times during the window.
    pub fn interrupts_on(&mut self, targets: [u32; 4], moved: u64) {
        let heading: String = (0..CPUS).map(|cpu| format!("     CPU{cpu}")).collect();
        let row = |irq: &str, per_cpu: &dyn Fn(u32) -> u64, name: &str| {
            let counts: String = (0..CPUS).map(|cpu| format!(" {:10}", per_cpu(cpu))).collect();
            format!("{irq:>4}:{counts}  {name}\n")
        };
        let table = |moved: u64, ticks: u64| {
            let on = |target: u32, count: u64| move |cpu: u32| if cpu == target { count } else { 0 };
            let mut text = format!("     {heading}\n");
            for (queue, target) in targets.into_iter().enumerate() {
                let name = format!("IR-PCI-MSIX-0000:4f:00.0 {queue}-edge mlx5_comp{queue}@pci:0000:4f:00.0");
                text += &row(&format!("{}", 120 + queue), &on(target, 500_000 + moved), &name);
            }
            text += &row("130", &on(32, 50_000), "IR-PCI-MSIX-0000:e1:00.0 1-edge nvme0q1");
            text += &row("LOC", &|_| 1_000_000 + ticks, "Local timer interrupts");
            text
        };
        // 250 ticks of the clock in a second.
        let (first, last) = (table(0, 0), table(moved, SECONDS * 250));
        self.set("/proc/interrupts", first.clone());
        self.window("/proc/interrupts", first, last);
        let queues = targets.into_iter().zip(120..).map(|(cpu, irq)| (irq, cpu, 0));
        for (irq, cpu, node) in queues.chain([(130, 32, 1)]) {
            let folder = format!("/proc/irq/{irq}");
            self.set(&format!("{folder}/smp_affinity_list"), format!("{cpu}\n"));
            self.set(&format!("{folder}/effective_affinity_list"), format!("{cpu}\n"));
            self.set(&format!("{folder}/node"), format!("{node}\n"));
        }
        self.softirqs_on(targets, moved);
    }
}
