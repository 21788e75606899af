//! The honest node itself: what the kernel and the libraries say of it.

use std::collections::BTreeMap;

use plumb_evidence::bundle::{HWLOC_NAME, NVML_NAME};

/// What follows the name in `stat`.
pub(super) const STAT: &str = "S 1 7 7 0 -1 4194304 100 0 0 0 50 20 0 0 20 0 1 0 100 1000000 500 18446744073709551615 1 1 0 0 0 0 0 \
                    4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0";

/// An honest node with two CPUs, one GPU, one inference server and a window of a second.
pub(super) fn node() -> BTreeMap<String, Vec<u8>> {
    let stat = format!("7 (vllm) {STAT}\n");
    let kernel = format!("2 (kthreadd) {}\n", STAT.replace("4194304", "2129984"));
    let status = "Name:\tvllm\nCpus_allowed_list:\t0-1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t5\n\
                  nonvoluntary_ctxt_switches:\t2\nThreads:\t1\n";
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let cpu = "raw/sys/devices/system/cpu";
    let node = "raw/sys/devices/system/node";
    let pci = "raw/sys/bus/pci/devices/0000:01:00.0";
    let numastat =
        "numa_hit 10\nnuma_miss 1\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 10\nother_node 1\n";
    let interrupts = "           CPU0       CPU1\n  9:         10          0  IR-PCI-MSIX-0000:01:00.0  0-edge      nvidia\n\
                      NMI:          1          2   Non-maskable interrupts\nERR:          0\n";
    let pressure =
        "some avg10=0.00 avg60=0.10 avg300=0.20 total=1000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
    let mut set = |path: String, text: &str| {
        files.insert(path, text.as_bytes().to_vec());
    };
    set(
        "raw/proc/cpuinfo".into(),
        "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: X\n\nprocessor\t: 1\n",
    );
    for name in ["online", "present", "possible"] {
        set(format!("{cpu}/{name}"), "0-1\n");
    }
    for index in 0..2 {
        let topology = format!("{cpu}/cpu{index}/topology");
        set(format!("{topology}/core_cpus_list"), &format!("{index}\n"));
        set(format!("{topology}/package_cpus"), "3\n");
        set(format!("{topology}/physical_package_id"), "0\n");
        set(format!("{topology}/core_id"), &format!("{index}\n"));
        let cache = format!("{cpu}/cpu{index}/cache/index0");
        set(format!("{cache}/size"), "32K\n");
        set(format!("{cache}/level"), "1\n");
        set(format!("{cache}/shared_cpu_map"), &format!("{}\n", index + 1));
        set(format!("{cache}/type"), "Data\n");
        let idle = format!("{cpu}/cpu{index}/cpuidle/state0");
        for (name, text) in [
            ("name", "C1"),
            ("latency", "2"),
            ("residency", "2"),
            ("disable", "0"),
            ("usage", "9"),
            ("time", "9"),
        ] {
            set(format!("{idle}/{name}"), text);
        }
    }
    set(format!("{cpu}/cpuidle/current_driver"), "intel_idle\n");
    set(format!("{cpu}/smt/control"), "on\n");
    for (name, text) in [
        ("affected_cpus", "0 1"),
        ("scaling_governor", "performance"),
        ("scaling_max_freq", "3000000"),
        ("scaling_min_freq", "800000"),
        ("cpuinfo_max_freq", "3000000"),
    ] {
        set(format!("{cpu}/cpufreq/policy0/{name}"), text);
    }
    set(format!("{node}/online"), "0\n");
    set(format!("{node}/node0/cpulist"), "0-1\n");
    set(format!("{node}/node0/distance"), "10\n");
    set(
        format!("{node}/node0/meminfo"),
        "Node 0 MemTotal:  1000 kB\nNode 0 MemFree:  500 kB\nNode 0 HugePages_Total: 0\n",
    );
    set(format!("{node}/node0/numastat"), numastat);
    set("raw/proc/meminfo".into(), "MemTotal:  1000 kB\nHugePages_Total:       0\n");
    set("raw/proc/buddyinfo".into(), "Node 0, zone   Normal   1   2   3   4   5   6   7   8   9  10  11\n");
    set("raw/proc/zoneinfo".into(), "Node 0, zone   Normal\n  pages free     100\n        min      10\n");
    for (name, text) in [
        ("class", "0x030200"),
        ("vendor", "0x10de"),
        ("device", "0x2330"),
        ("numa_node", "0"),
        ("local_cpulist", "0-1"),
        ("local_cpus", "3"),
        ("current_link_speed", "16.0 GT/s PCIe"),
        ("max_link_speed", "32.0 GT/s PCIe"),
        ("current_link_width", "16"),
        ("max_link_width", "16"),
    ] {
        set(format!("{pci}/{name}"), text);
    }
    for (path, text) in [
        ("etc/os-release", "PRETTY_NAME=\"X 1\"\nID=x\n"),
        ("proc/version", "Linux version 6.8.0 (gcc) #1 SMP\n"),
        ("proc/cmdline", "root=/dev/sda1 isolcpus=1 nohz_full=1 numa_balancing=disable\n"),
        ("proc/1/cgroup", "0::/init.scope\n"),
        ("proc/sys/kernel/hostname", "node\n"),
        ("proc/sys/kernel/osrelease", "6.8.0\n"),
        ("proc/sys/kernel/numa_balancing", "0\n"),
        ("sys/class/dmi/id/product_name", "Server\n"),
        ("sys/hypervisor/type", "xen\n"),
        ("proc/self/cgroup", "0::/job\n"),
        ("proc/7/cgroup", "0::/job\n"),
        ("sys/fs/cgroup/job/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/job/cpuset.cpus.effective", "0-1\n"),
        ("sys/fs/cgroup/job/cpu.stat", "usage_usec 5\nnr_periods 1\nnr_throttled 0\nthrottled_usec 0\n"),
        ("sys/fs/cgroup/job/cpu.pressure", pressure),
        ("proc/7/stat", &stat),
        (
            "proc/7/cmdline",
            "python3\0-m\0vllm.entrypoints.openai.api_server\0--model\0m\0--tensor-parallel-size=2\0",
        ),
        ("proc/7/status", status),
        ("proc/7/environ", "OMP_NUM_THREADS=3\0NCCL_DEBUG=INFO"),
        (
            "proc/7/limits",
            "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 4096                 files     \nMax locked memory         unlimited            unlimited            bytes     \n",
        ),
        (
            "proc/7/numa_maps",
            "7f00 default anon=10 dirty=10 N0=10 kernelpagesize_kB=4\n7f01 bind:0 file=/a\\040b huge anon=2 N0=1 N1=1 kernelpagesize_kB=2048\n",
        ),
        ("proc/7/oom_score_adj", "0\n"),
        ("proc/7/mounts", "/dev/sda1 / ext4 rw,relatime 0 0\n"),
        ("proc/7/task/7/stat", &stat),
        ("proc/7/task/7/status", status),
        ("proc/2/stat", &kernel),
        ("proc/2/status", "Name:\tkthreadd\nCpus_allowed:\t3\nMems_allowed:\t1\n"),
        ("proc/interrupts", interrupts),
        ("proc/irq/9/smp_affinity_list", "0-1\n"),
        ("proc/irq/9/effective_affinity_list", "0\n"),
        ("proc/irq/9/node", "0\n"),
        (
            "proc/driver/nvidia/gpus/0000:01:00.0/information",
            "Model: \t\t NVIDIA H100\nBus Location: \t 0000:01:00.0\nDevice Minor: \t 0\n",
        ),
        ("proc/driver/nvidia/gpus/0000:01:00.0/numa_status", "Node:  1\nStatus:  online\n"),
        ("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54\n"),
    ] {
        set(format!("raw/{path}"), text);
    }
    for index in 0..2 {
        let more = 10 * (index + 1);
        let texts: [(&str, String); 14] = [
            (
                "proc/stat",
                format!(
                    "cpu  {more} 0 2 3 4 5 6 7 0 0\ncpu0 {more} 0 2 3 4 5 6 7 0 0\nintr 5 1\nctxt {more}\nbtime 1\nprocs_running 2\n"
                ),
            ),
            ("proc/interrupts", interrupts.replace("         10", &format!("{more:11}"))),
            (
                "proc/softirqs",
                format!(
                    "                    CPU0       CPU1\n          HI:          1          {more}\n      NET_RX:          1          2\n"
                ),
            ),
            ("proc/vmstat", format!("nr_free_pages 5\npgmajfault {more}\nnuma_miss 1\n")),
            ("proc/net/snmp", format!("Tcp: RtoAlgorithm RetransSegs\nTcp: 1 {more}\n")),
            ("proc/net/netstat", format!("TcpExt: ListenOverflows TCPTimeouts\nTcpExt: 0 {more}\n")),
            ("proc/net/softnet_stat", "0000000a 00000000 00000001 0 0 0 0 0 0 0 0 0 00000000\n".to_owned()),
            ("proc/pressure/cpu", pressure.to_owned()),
            ("proc/7/stat", stat.clone()),
            ("proc/7/task/7/stat", stat.clone()),
            ("proc/7/task/7/status", status.to_owned()),
            ("proc/7/task/7/schedstat", format!("{more}000 {more}00 {more}\n")),
            ("sys/devices/system/node/node0/numastat", numastat.to_owned()),
            ("sys/fs/cgroup/job/cpu.stat", format!("usage_usec {more}\nnr_periods {more}\nnr_throttled 1\n")),
        ];
        for (path, text) in texts {
            set(format!("samples/00{index}/{path}"), &text);
        }
    }
    set(
        HWLOC_NAME.to_owned(),
        r#"<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE topology SYSTEM "hwloc2.dtd"><topology version="2.0">
        <object type="Machine" os_index="0" cpuset="0x00000003" nodeset="0x00000001"><info name="Backend" value="Linux"/>
        <object type="NUMANode" os_index="0" local_memory="1024000"/><object type="Package" os_index="0" cpuset="0x3">
        <object type="L1Cache" cache_size="32768" depth="1" cache_type="1"><object type="Core" os_index="0">
        <object type="PU" os_index="0"/></object></object></object>
        <object type="Bridge" bridge_type="0-1" bridge_pci="0000:[00-01]"><object type="PCIDev" pci_busid="0000:01:00.0"
        pci_type="0302 [10de:2330] [10de:0000] a1" pci_link_speed="31.5"><object type="OSDev" name="nvml0" osdev_type="5"/>
        </object></object></object></topology>"#,
    );
    set(
        NVML_NAME.to_owned(),
        r#"{"driver_version":"550","nvml_version":"12","devices":[{"index":0,"address":"0000:01:00.0","name":"H100",
        "uuid":"GPU-0","cpu_affinity":"0-1","memory_affinity":"0","compute_processes":[{"pid":7,"used_bytes":5}],
        "persistence":true,"pstate":0,"pcie_gen_current":4,"pcie_gen_max":5,"pcie_width_current":16,
        "pcie_width_max":16,"mig":false}]}"#,
    );
    files
}
