//! What moves during the window.

use std::fmt::Write;

use super::{CPUS, Node, SECONDS, first_of, sample_folder, worker_cpus};

impl Node {
    pub(super) fn counters(&mut self) {
        self.cpu_time(0);
        for resource in ["cpu", "memory", "io"] {
            let path = format!("/proc/pressure/{resource}");
            self.set(&path, pressure(0));
            self.window(&path, pressure(0), pressure(1000));
        }
        self.vmstat(&[]);
        let softnet = |packets: u64| -> String {
            (0..CPUS)
                .map(|cpu| {
                    let packets = if cpu == 0 { packets } else { 0 };
                    format!("{packets:08x} {}{cpu:08x}\n", "00000000 ".repeat(11))
                })
                .collect()
        };
        self.window("/proc/net/softnet_stat", softnet(10_000), softnet(20_000));
        let netstat = "TcpExt: ListenOverflows ListenDrops TCPTimeouts\nTcpExt: 0 0 0\n";
        self.window("/proc/net/netstat", netstat, netstat);
        let snmp = |segments: u64| format!("Tcp: MaxConn OutSegs RetransSegs\nTcp: -1 {segments} 0\n");
        self.window("/proc/net/snmp", snmp(1000), snmp(100_000));
    }

    /// Software interrupts of the network on the CPUs `targets`, of the disk on CPU 32.
    pub(super) fn softirqs_on(&mut self, targets: [u32; 4], moved: u64) {
        let heading: String = (0..CPUS).map(|cpu| format!(" CPU{cpu}")).collect();
        let text = |packets: u64| {
            let counts = |on: &[u32], count: u64| -> String {
                (0..CPUS).map(|cpu| format!(" {}", if on.contains(&cpu) { count } else { 0 })).collect()
            };
            format!(
                "{heading}\n NET_RX:{}\n BLOCK:{}\n",
                counts(&targets, packets),
                counts(&[32], packets / 10)
            )
        };
        self.window("/proc/softirqs", text(1000), text(1000 + moved));
    }

    /// CPU times of the window: the CPUs of the server's threads are busy, others nearly idle; `steal` ticks are taken
    /// from each.
    pub fn cpu_time(&mut self, steal: u64) {
        let total = SECONDS * 100;
        let mut serving: Vec<u32> = (0..8).map(|gpu| first_of(&worker_cpus(gpu))).collect();
        serving.extend([28, 30]);
        let text = |end: bool| {
            let mut text = "cpu  0 0 0 0 0 0 0 0 0 0\n".to_owned();
            for cpu in 0..CPUS {
                let busy = if serving.contains(&cpu) { total * 95 / 100 - steal } else { total / 100 };
                let idle = total - busy - steal;
                let (busy, idle, steal) = if end { (busy, idle, steal) } else { (0, 0, 0) };
                let _ = writeln!(
                    text,
                    "cpu{cpu} {} 0 1000 {} 0 0 0 {} 0 0",
                    5000 + busy,
                    90_000 + idle,
                    10 + steal
                );
            }
            let (switches, running) = if end { (2_000_000, 60) } else { (1_000_000, 61) };
            let _ = writeln!(text, "ctxt {switches}\nbtime 1700000000\nprocesses 1\nprocs_running {running}");
            text
        };
        self.set("/proc/stat", text(false));
        self.window("/proc/stat", text(false), text(true));
    }

    /// Lets a CPU spend `ticks` of the window on interrupts instead of its thread.
    pub fn interrupt_time(&mut self, cpu: u32, ticks: u64) {
        self.edit(&format!("{}/proc/stat", sample_folder(1)), |line| {
            let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
            if fields[0] == format!("cpu{cpu}") {
                let number = |field: &String| field.parse::<u64>().unwrap_or(0);
                fields[1] = (number(&fields[1]) - ticks).to_string();
                fields[7] = (number(&fields[7]) + ticks).to_string();
            }
            fields.join(" ")
        });
    }

    /// Kernel memory counters; `moved` are the ones that count during the window.
    pub fn vmstat(&mut self, moved: &[(&str, u64)]) {
        const NAMES: &[&str] = &[
            "pgfault",
            "pgmajfault",
            "pswpin",
            "pswpout",
            "allocstall_dma",
            "allocstall_dma32",
            "allocstall_normal",
            "allocstall_movable",
            "compact_stall",
            "compact_fail",
            "compact_success",
            "thp_fault_alloc",
            "thp_fault_fallback",
            "thp_split_page",
            "numa_hint_faults",
            "numa_hint_faults_local",
            "numa_pages_migrated",
            "numa_pte_updates",
            "zone_reclaim_success",
            "zone_reclaim_failed",
            "oom_kill",
            "pgscan_direct",
            "pgsteal_direct",
            "pgscan_kswapd",
        ];
        let text = |end: bool| -> String {
            NAMES
                .iter()
                .map(|name| {
                    let count = moved.iter().find(|(moved, _)| moved == name).map_or(0, |&(_, count)| count);
                    format!("{name} {}\n", 100 + if end { count } else { 0 })
                })
                .collect()
        };
        self.set("/proc/vmstat", text(false));
        self.window("/proc/vmstat", text(false), text(true));
    }
}

pub(super) fn pressure(total: u64) -> String {
    format!(
        "some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )
}
