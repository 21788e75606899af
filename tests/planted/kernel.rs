//! Faults that the pack `kernel` has to find.

use plumb_evidence::CpuSet;
use plumb_evidence::bundle::sample_folder;

use super::Planted;
use crate::synthetic::{CORES, CPUS, FIRST_WORKER, Node, node_cpus};

const CPU: &str = "/sys/devices/system/cpu";

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "the kernel gave up the time stamp counter",
        check: "kernel.clocksource",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            let clock = "/sys/devices/system/clocksource/clocksource0";
            node.set(&format!("{clock}/current_clocksource"), "hpet\n");
            node.set(&format!("{clock}/available_clocksource"), "hpet acpi_pm \n");
            node.set(
                "/dev/kmsg",
                "5,0,0,-;\n\
                 4,2210,5013441712,-;clocksource: timekeeping watchdog on CPU33: Marking clocksource 'tsc' as unstable because \
                 the skew is too large:\n\
                 4,2211,5013441719,-;clocksource:                       'hpet' wd_nsec: 503811304 wd_now: 4f1a2b3c wd_last: \
                 4e47d3a1 mask: ffffffff\n\
                 4,2212,5013441724,-;clocksource:                       'tsc' cs_nsec: 496021871 cs_now: 1a2b3c4d5e6f cs_last: \
                 1a2affe81c00 mask: ffffffffffffffff\n\
                 4,2213,5013441729,-;clocksource:                       'tsc' is current clocksource.\n\
                 6,2214,5013441801,-;tsc: Marking TSC unstable due to clocksource watchdog\n\
                 6,2215,5013442210,-;clocksource: Switched to clocksource hpet\n",
            );
        },
    },
    Planted {
        name: "a guest reads its clock from a device",
        check: "kernel.clocksource",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            guest(node);
            let clock = "/sys/devices/system/clocksource/clocksource0";
            node.set(&format!("{clock}/current_clocksource"), "acpi_pm\n");
            node.set(&format!("{clock}/available_clocksource"), "acpi_pm \n");
        },
    },
    Planted {
        name: "a benchmark left nosmt behind",
        check: "kernel.cmdline-drift",
        outcome: "fail",
        subject: "argument `nosmt`",
        // With half of their CPUs the processes have fewer than their pools want.
        also: &[("affinity.omp-threads", "warn")],
        engagement: "",
        plant: without_smt,
    },
    Planted {
        name: "workers on isolated CPUs",
        check: "kernel.cmdline-drift",
        outcome: "fail",
        subject: "isolated CPUs 4-31,36-63,68-95,100-127",
        also: &[("sched.isolation-plan", "fail")],
        engagement: "",
        plant: |node| {
            let cpus = "4-31,36-63,68-95,100-127";
            boot_with(node, &format!("isolcpus={cpus}"));
            node.set(&format!("{CPU}/isolated"), format!("{cpus}\n"));
            for worker in FIRST_WORKER..FIRST_WORKER + 8 {
                sleeping_thread(node, worker, worker + 1000);
            }
        },
    },
    Planted {
        name: "a CPU never sleeps",
        check: "kernel.cmdline-drift",
        outcome: "warn",
        subject: "argument `idle=poll`",
        also: &[],
        engagement: "",
        plant: idle_poll,
    },
    Planted {
        name: "a CPU never sleeps on a shared host",
        check: "kernel.cmdline-drift",
        outcome: "fail",
        subject: "argument `idle=poll`",
        also: &[],
        engagement: SHARED,
        plant: idle_poll,
    },
    Planted {
        name: "GRUB was edited, and the node not started again",
        check: "kernel.cmdline-drift",
        outcome: "warn",
        subject: "configured arguments",
        also: &[("svc.drift", "warn")],
        engagement: "",
        plant: |node| {
            node.set(
                "/etc/default/grub",
                "GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n\
                 GRUB_CMDLINE_LINUX_DEFAULT=\"\"\nGRUB_CMDLINE_LINUX=\"iommu=pt intel_idle.max_cstate=1 \
                 processor.max_cstate=1\"\n",
            );
        },
    },
    Planted {
        name: "the debug kernel was booted",
        check: "kernel.debug-options",
        outcome: "fail",
        subject: "how the kernel was built",
        also: &[],
        engagement: "",
        plant: |node| {
            let release = "5.14.0-427.42.1.el9_4.x86_64+debug";
            runs(
                node,
                release,
                "NAME=\"Red Hat Enterprise Linux\"\nID=\"rhel\"\nVERSION_ID=\"9.4\"\n\
                 PRETTY_NAME=\"Red Hat Enterprise Linux 9.4 (Plow)\"\n",
            );
            node.set(
                &format!("/boot/config-{release}"),
                "CONFIG_CC_VERSION_TEXT=\"gcc (GCC) 11.4.1 20231218 (Red Hat 11.4.1-3)\"\nCONFIG_HZ=1000\n\
                 CONFIG_NO_HZ_FULL=y\nCONFIG_PREEMPT_VOLUNTARY=y\nCONFIG_PSI=y\nCONFIG_NUMA_BALANCING=y\n\
                 CONFIG_TRANSPARENT_HUGEPAGE=y\nCONFIG_DEBUG_KMEMLEAK=y\nCONFIG_DEBUG_KMEMLEAK_DEFAULT_OFF=y\n\
                 CONFIG_KASAN=y\nCONFIG_KASAN_GENERIC=y\n# CONFIG_KASAN_INLINE is not set\nCONFIG_PROVE_LOCKING=y\n\
                 CONFIG_LOCK_STAT=y\nCONFIG_DEBUG_LOCK_ALLOC=y\n# CONFIG_KCSAN is not set\n# CONFIG_KCOV is not set\n\
                 # CONFIG_SLUB_DEBUG_ON is not set\n# CONFIG_INIT_ON_ALLOC_DEFAULT_ON is not set\n",
            );
        },
    },
    Planted {
        name: "arguments of a hunt for corrupted memory",
        check: "kernel.debug-options",
        outcome: "fail",
        subject: "boot arguments",
        also: &[],
        engagement: "",
        plant: |node| boot_with(node, "slub_debug=FZPU page_poison=1"),
    },
    Planted {
        name: "an old kernel short of random bits, with TLS",
        check: "kernel.entropy",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| short_of_random_bits(node, &[22, 443, 8000]),
    },
    Planted {
        name: "an old kernel short of random bits",
        check: "kernel.entropy",
        outcome: "warn",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| short_of_random_bits(node, &[22, 8000]),
    },
    Planted {
        name: "mitigations are off",
        check: "kernel.mitigations",
        outcome: "warn",
        subject: "node",
        also: &[],
        engagement: "",
        plant: without_mitigations,
    },
    Planted {
        name: "mitigations are off on a shared host",
        check: "kernel.mitigations",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: SHARED,
        plant: without_mitigations,
    },
    Planted {
        name: "nothing keeps the clock right",
        check: "kernel.time-sync",
        outcome: "fail",
        subject: "clock",
        also: &[],
        engagement: "",
        plant: |node| {
            node.set("/etc/chrony/chrony.conf", CHRONY);
            // STA_UNSYNC, and the errors that the kernel gives up counting at.
            clock(node, false, 16_000_000, 0x40);
        },
    },
    Planted {
        name: "the clock is far off",
        check: "kernel.time-sync",
        outcome: "fail",
        subject: "clock",
        also: &[],
        engagement: "",
        plant: |node| {
            node.set("/etc/chrony/chrony.conf", CHRONY);
            clock(node, true, 184_512, 0x2001);
        },
    },
    Planted {
        name: "one server of time alone",
        check: "kernel.time-sync",
        outcome: "warn",
        subject: "sources of time",
        also: &[],
        engagement: "",
        plant: |node| {
            node.set(
                "/etc/systemd/timesyncd.conf",
                "[Time]\nNTP=ntp.example.org\n#FallbackNTP=ntp.ubuntu.com\n",
            );
            clock(node, true, 412, 0x2001);
        },
    },
];

/// An engagement in which others share the host; it promises something, so that this is not missing.
const SHARED: &str = "schema = 1\n[workload]\nshared-host = true\n[slo]\npercentile = 95\nttft_ms = 450\nitl_ms = 40\nattainment_percent = 95\nwindow_days = 30\n";

const CHRONY: &str = "# The pool of the distribution\npool ntp.ubuntu.com iburst maxsources 4\n\
                      driftfile /var/lib/chrony/chrony.drift\nrtcsync\nmakestep 1 3\n";

/// Adds arguments to those of the running kernel.
fn boot_with(node: &mut Node, arguments: &str) {
    node.replace("/proc/cmdline", "iommu=pt", &format!("iommu=pt {arguments}"));
}

/// Another distribution and its kernel.
fn runs(node: &mut Node, release: &str, distribution: &str) {
    node.set("/proc/sys/kernel/osrelease", format!("{release}\n"));
    node.set("/proc/version", format!("Linux version {release}\n"));
    node.set("/etc/os-release", distribution);
}

/// Without a driver for idle states there are none.
fn idle_poll(node: &mut Node) {
    boot_with(node, "idle=poll");
    node.set(&format!("{CPU}/cpuidle/current_driver"), "none\n");
    for cpu in 0..CPUS {
        let folder = format!("{CPU}/cpu{cpu}/cpuidle/");
        node.files.retain(|path, _| !path.contains(&folder));
    }
}

/// A kernel whose pool may block, nearly empty, and the ports that programs listen on.
fn short_of_random_bits(node: &mut Node, ports: &[u16]) {
    runs(
        node,
        "5.4.0-216-generic",
        "NAME=\"Ubuntu\"\nVERSION_ID=\"20.04\"\nID=ubuntu\nPRETTY_NAME=\"Ubuntu 20.04.6 LTS\"\n",
    );
    node.set("/proc/sys/kernel/random/entropy_avail", "61\n");
    let mut sockets =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
            .to_owned();
    for (number, port) in ports.iter().enumerate() {
        sockets += &format!(
            "{number:4}: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 {} 1 \
             0000000000000000 100 0 0 10 0\n",
            31_000 + number
        );
    }
    node.set("/proc/net/tcp", sockets);
}

/// What Linux 6.8 says on the fourth generation of Xeon.
fn without_mitigations(node: &mut Node) {
    boot_with(node, "mitigations=off");
    for (name, state) in [
        ("gather_data_sampling", "Not affected"),
        ("itlb_multihit", "Not affected"),
        ("l1tf", "Not affected"),
        ("mds", "Not affected"),
        ("meltdown", "Not affected"),
        ("mmio_stale_data", "Not affected"),
        ("reg_file_data_sampling", "Not affected"),
        ("retbleed", "Not affected"),
        ("spec_rstack_overflow", "Not affected"),
        ("spec_store_bypass", "Vulnerable"),
        (
            "spectre_v1",
            "Vulnerable: __user pointer sanitization and usercopy barriers only; no swapgs barriers",
        ),
        (
            "spectre_v2",
            "Vulnerable; IBPB: disabled; STIBP: disabled; PBRSB-eIBRS: Vulnerable; BHI: Vulnerable",
        ),
        ("srbds", "Not affected"),
        ("tsx_async_abort", "Not affected"),
    ] {
        node.set(&format!("{CPU}/vulnerabilities/{name}"), format!("{state}\n"));
    }
}

/// What the kernel says of its clock.
fn clock(node: &mut Node, synchronized: bool, error_us: u64, status: u32) {
    let answer = serde_json::json!({
        "synchronized": synchronized, "offset_us": 0.0, "estimated_error_us": error_us,
        "max_error_us": (error_us * 2).min(16_000_000), "status": status,
    });
    node.files.insert("api/clock.json".to_owned(), answer.to_string().into_bytes());
}

/// Adds a thread that does nothing during the window beside the main thread of a process.
fn sleeping_thread(node: &mut Node, pid: u32, tid: u32) {
    let main = format!("/proc/{pid}/task/{pid}/");
    let first = sample_folder(0);
    let own: Vec<(String, Vec<u8>)> = node
        .files
        .iter()
        .filter(|(path, _)| path.contains(&main) && !path.starts_with(&sample_folder(1)))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    for (path, bytes) in own {
        let path = path.replace(&main, &format!("/proc/{pid}/task/{tid}/"));
        let text = String::from_utf8_lossy(&bytes).replacen(&format!("{pid} ("), &format!("{tid} ("), 1);
        if let Some(rest) = path.strip_prefix(&first) {
            node.files.insert(format!("{}{rest}", sample_folder(1)), text.clone().into_bytes());
        }
        node.files.insert(path, text.into_bytes());
    }
}

/// A virtual machine of KVM, whose hypervisor keeps frequencies, idle states and throttle counters to itself.
fn guest(node: &mut Node) {
    node.replace("/proc/cpuinfo", "nonstop_tsc", "nonstop_tsc hypervisor");
    node.set("/sys/class/dmi/id/sys_vendor", "QEMU\n");
    node.set("/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
    node.set(&format!("{CPU}/cpuidle/current_driver"), "none\n");
    let kept = ["/cpufreq/", "/intel_pstate/", "/cpuidle/state", "/thermal_throttle/", "/energy_perf_bias"];
    node.files.retain(|path, _| !(path.contains(CPU) && kept.iter().any(|part| path.contains(part))));
    node.set("/etc/tuned/active_profile", "virtual-guest\n");
}

/// Takes the second thread of each core off line, as a boot argument does.
fn without_smt(node: &mut Node) {
    boot_with(node, "nosmt");
    let left = CORES * 2;
    let online: CpuSet = (0..left).collect();
    node.set(&format!("{CPU}/online"), format!("{online}\n"));
    node.set(&format!("{CPU}/offline"), format!("{left}-{}\n", CPUS - 1));
    node.set(&format!("{CPU}/smt/active"), "0\n");
    node.set(&format!("{CPU}/smt/control"), "off\n");
    // A CPU that is off line keeps its folder, with little in it, and its policy is gone.
    let is_gone = |path: &str| {
        let rest = path.split_once(CPU).map_or("", |(_, rest)| rest);
        let name =
            rest.trim_start_matches("/cpufreq").trim_start_matches('/').split('/').next().unwrap_or_default();
        let number = name.trim_start_matches("policy").trim_start_matches("cpu");
        number != name && number.parse().is_ok_and(|cpu: u32| cpu >= left)
    };
    node.files.retain(|path, _| !is_gone(path));
    for cpu in 0..CPUS {
        node.set(&format!("{CPU}/cpu{cpu}/online"), if cpu < left { "1\n" } else { "0\n" });
    }
    let list = |text: &str| -> String {
        let cpus: CpuSet = text.trim().parse().unwrap_or_else(|_| panic!("`{text}` is no list of CPUs"));
        cpus.intersection(&online).to_string()
    };
    for (path, bytes) in &mut node.files {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let name = path.rsplit('/').next().unwrap_or_default();
        let of_lines = |change: &dyn Fn(&str) -> Option<String>| {
            text.lines().filter_map(|line| change(line).map(|line| line + "\n")).collect::<String>()
        };
        let changed = match name {
            "core_cpus_list"
            | "thread_siblings_list"
            | "package_cpus_list"
            | "shared_cpu_list"
            | "cpulist"
            | "local_cpulist"
            | "cpuset.cpus.effective" => list(&text) + "\n",
            "status" => of_lines(&|line| {
                Some(match line.split_once(":\t") {
                    Some((name @ "Cpus_allowed_list", cpus)) => format!("{name}:\t{}", list(cpus)),
                    _ => line.to_owned(),
                })
            }),
            "stat" if path.ends_with("/proc/stat") => of_lines(&|line| {
                let number =
                    line.split(' ').next().unwrap_or_default().strip_prefix("cpu").unwrap_or_default();
                let is_left = number.parse().map_or(true, |cpu: u32| cpu < left);
                is_left.then(|| line.to_owned())
            }),
            "softirqs" => of_lines(&|line| {
                let count = left as usize + usize::from(line.contains(":"));
                Some(format!(" {}", line.split_whitespace().take(count).collect::<Vec<_>>().join(" ")))
            }),
            "softnet_stat" => text.lines().take(left as usize).map(|line| format!("{line}\n")).collect(),
            "interrupts" => of_lines(&|line| {
                Some(match line.split_once(':') {
                    // Counts are ten digits wide, with a blank before each.
                    Some((irq, rest)) => {
                        format!("{irq}:{}{}", &rest[..11 * left as usize], &rest[11 * CPUS as usize..])
                    }
                    None => format!(
                        "     {}",
                        line.split_whitespace().take(left as usize).collect::<Vec<_>>().join(" ")
                    ),
                })
            }),
            "cpuinfo" => {
                let parts = text.split_inclusive("\n\n").take(left as usize);
                parts.collect()
            }
            _ => continue,
        };
        *bytes = changed.into_bytes();
    }
    for gpu in 0..8 {
        let cpus = list(node_cpus(u32::try_from(gpu / 4).unwrap_or_default()));
        node.gpu(gpu, "cpu_affinity", &cpus.into());
    }
    node.settle();
}
