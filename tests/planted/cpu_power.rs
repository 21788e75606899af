//! Faults that the pack `cpu-power` has to find.

use plumb_evidence::bundle::RAW;

use super::Planted;
use crate::synthetic::{CORES, CPUS, Node};

const CPU: &str = "/sys/devices/system/cpu";

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "the distribution's default governor, and no TuneD",
        check: "cpu.governor",
        outcome: "warn",
        subject: "CPUs 0-127",
        also: &[("cpu.epp-epb", "warn"), ("cpu.tuned-profile", "fail")],
        engagement: "",
        plant: |node| {
            without_tuned(node);
            preferring(node, "balance_performance");
            bias(node, 6);
        },
    },
    Planted {
        name: "governor and preference that save power, under a profile for performance",
        check: "cpu.governor",
        outcome: "fail",
        subject: "CPUs 0-127",
        also: &[("cpu.epp-epb", "fail"), ("cpu.tuned-profile", "warn")],
        engagement: "",
        plant: |node| preferring(node, "power"),
    },
    Planted {
        name: "intel_pstate in passive mode with schedutil",
        check: "cpu.governor",
        outcome: "fail",
        subject: "CPUs 0-127",
        also: &[("cpu.tuned-profile", "warn")],
        engagement: "",
        plant: |node| {
            boot_with(node, "intel_pstate=passive");
            node.set(&format!("{CPU}/intel_pstate/status"), "passive\n");
            let governors = "conservative ondemand userspace powersave performance schedutil";
            policies(node, "scaling_driver", "intel_cpufreq");
            policies(node, "scaling_available_governors", governors);
            policies(node, "scaling_governor", "schedutil");
        },
    },
    Planted {
        name: "one socket was missed by the script that sets the governor",
        check: "cpu.governor",
        outcome: "warn",
        subject: "CPUs 32-63,96-127",
        also: &[("cpu.epp-epb", "warn"), ("cpu.tuned-profile", "warn")],
        engagement: "",
        plant: |node| {
            for cpu in (0..CPUS).filter(|cpu| cpu % (CORES * 2) >= CORES) {
                policy(node, cpu, "scaling_governor", "powersave");
                policy(node, cpu, "energy_performance_preference", "balance_performance");
            }
        },
    },
    Planted {
        name: "energy bias of the firmware saves power",
        check: "cpu.epp-epb",
        outcome: "warn",
        subject: "CPUs 0-127, bias",
        also: &[],
        engagement: "",
        plant: |node| bias(node, 15),
    },
    Planted {
        name: "TuneD's profile powersave",
        check: "cpu.epp-epb",
        outcome: "fail",
        subject: "CPUs 0-127, preference",
        also: &[("cpu.governor", "fail"), ("cpu.tuned-profile", "fail")],
        engagement: "",
        plant: |node| {
            node.set("/etc/tuned/active_profile", "powersave\n");
            preferring(node, "balance_power");
            bias(node, 6);
        },
    },
    Planted {
        name: "TuneD's profile balanced",
        check: "cpu.tuned-profile",
        outcome: "fail",
        subject: "node",
        also: &[("cpu.epp-epb", "warn"), ("cpu.governor", "warn")],
        engagement: "",
        plant: |node| {
            node.set("/etc/tuned/active_profile", "balanced\n");
            preferring(node, "balance_performance");
            bias(node, 6);
        },
    },
    Planted {
        name: "power-profiles-daemon beside TuneD",
        check: "cpu.tuned-profile",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            like(node, 500, 510, "tuned", "power-profiles-");
            node.set("/proc/510/cmdline", "/usr/libexec/power-profiles-daemon\0");
            node.set("/proc/510/cgroup", "0::/system.slice/power-profiles-daemon.service\n");
        },
    },
    Planted {
        name: "the profile of a guest on bare metal",
        check: "cpu.tuned-profile",
        outcome: "warn",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| node.set("/etc/tuned/active_profile", "virtual-guest\n"),
    },
    Planted {
        name: "turbo is switched off",
        check: "cpu.turbo-caps",
        outcome: "fail",
        subject: "turbo",
        also: &[("cpu.effective-clock", "fail"), ("cpu.tuned-profile", "warn")],
        engagement: "",
        plant: |node| {
            node.set(&format!("{CPU}/intel_pstate/no_turbo"), "1\n");
            clocks(node, 2_800_000);
        },
    },
    Planted {
        name: "all policies are capped at the base clock",
        check: "cpu.turbo-caps",
        outcome: "fail",
        subject: "CPUs 0-127",
        also: &[("cpu.effective-clock", "fail")],
        engagement: "",
        plant: |node| {
            policies(node, "scaling_max_freq", "2800000");
            clocks(node, 2_800_000);
        },
    },
    Planted {
        name: "intel_pstate is limited to 70 %",
        check: "cpu.turbo-caps",
        outcome: "fail",
        subject: "highest performance",
        also: &[("cpu.effective-clock", "fail")],
        engagement: "",
        plant: |node| {
            node.set(&format!("{CPU}/intel_pstate/max_perf_pct"), "70\n");
            node.set(&format!("{CPU}/intel_pstate/min_perf_pct"), "19\n");
            clocks(node, 2_800_000);
        },
    },
    Planted {
        name: "the firmware limits the power of both packages",
        check: "cpu.turbo-caps",
        outcome: "fail",
        subject: "package-0",
        also: &[],
        engagement: "",
        plant: |node| {
            for package in 0..2 {
                let zone = format!("/sys/class/powercap/intel-rapl:{package}");
                for (file, text) in [
                    ("name", format!("package-{package}")),
                    ("enabled", "1".into()),
                    ("constraint_0_name", "long_term".into()),
                    ("constraint_0_power_limit_uw", "225000000".into()),
                    ("constraint_0_max_power_uw", "300000000".into()),
                ] {
                    node.set(&format!("{zone}/{file}"), text + "\n");
                }
            }
        },
    },
    Planted {
        name: "serving cores fall into C6",
        check: "cpu.cstates",
        outcome: "warn",
        subject: "CPUs 4,10,16,22,28,30,36,42,48,54",
        also: &[],
        engagement: "",
        plant: |node| {
            for cpu in 0..CPUS {
                let folder = format!("{CPU}/cpu{cpu}/cpuidle");
                let state = format!("{folder}/state3");
                for (file, text) in
                    [("name", "C6"), ("latency", "290"), ("residency", "800"), ("disable", "0")]
                {
                    node.set(&format!("{state}/{file}"), format!("{text}\n"));
                }
                // Of the time in which the CPU has no work.
                let deep = (busy_seconds(cpu).mul_add(-1e6, 10e6) * 0.92) as u64;
                for (index, us) in [(0, 500), (1, 6_000), (2, 18_000), (3, deep)] {
                    let state = format!("{folder}/state{index}");
                    let (before, entries) = (7_000_000_000_u64, 90_000_u64);
                    counter(node, &format!("{state}/time"), before, us);
                    counter(node, &format!("{state}/usage"), entries, us / 400 + 1);
                }
            }
        },
    },
    Planted {
        name: "boot argument turns the driver of the maker off",
        check: "cpu.driver-mode",
        outcome: "warn",
        subject: "boot arguments",
        also: &[("kernel.cmdline-drift", "warn")],
        engagement: "",
        plant: |node| {
            boot_with(node, "intel_pstate=disable");
            node.replace("/proc/cpuinfo", "nonstop_tsc", "nonstop_tsc aperfmperf epb hwp hwp_epp");
            for file in ["intel_pstate/status", "intel_pstate/no_turbo"] {
                node.remove(&format!("{CPU}/{file}"));
            }
            node.set(&format!("{CPU}/cpufreq/boost"), "1\n");
            let governors = "conservative ondemand userspace powersave performance schedutil";
            policies(node, "scaling_driver", "acpi-cpufreq");
            policies(node, "scaling_available_governors", governors);
            // Turbo is one state above the base clock for this driver.
            policies(node, "scaling_max_freq", "2801000");
            policies(node, "cpuinfo_max_freq", "2801000");
            for cpu in 0..CPUS {
                for file in ["energy_performance_preference", "base_frequency"] {
                    node.remove(&format!("{CPU}/cpufreq/policy{cpu}/{file}"));
                }
            }
        },
    },
    Planted {
        name: "a power supply holds all cores at the lowest clock",
        check: "cpu.effective-clock",
        outcome: "fail",
        subject: "CPUs 4,10,16,22,28,30,36,42,48,54",
        also: &[],
        engagement: "",
        plant: |node| {
            levels(node, |_| 41);
            for cpu in 0..CPUS {
                let busy = busy_seconds(cpu);
                let (reference, delivered) = ((busy * 2.8e9) as u64, (busy * 0.8e9) as u64);
                let text = |reference: u64, delivered: u64| format!("ref:{reference} del:{delivered}\n");
                let before = (81_000_000_000_000, 96_000_000_000_000);
                node.window(
                    &format!("{CPU}/cpu{cpu}/acpi_cppc/feedback_ctrs"),
                    text(before.0, before.1),
                    text(before.0 + reference, before.1 + delivered),
                );
            }
        },
    },
    Planted {
        name: "workers run beside the priority cores",
        check: "cpu.pct-priority-cores",
        outcome: "fail",
        subject: "scheduler and GPU workers",
        also: &[],
        engagement: "",
        plant: |node| {
            xeon_6(node);
            // The last eight cores of each socket: of all critical threads the engine core alone is on one of them.
            levels(node, |cpu| if cpu % CORES >= 24 { 46 } else { 39 });
        },
    },
    Planted {
        name: "priority cores are off in the firmware",
        check: "cpu.pct-priority-cores",
        outcome: "warn",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            xeon_6(node);
            levels(node, |_| 39);
        },
    },
    Planted {
        name: "one package is throttled for heat",
        check: "cpu.thermal-throttle",
        outcome: "fail",
        subject: "CPUs 32-63,96-127, package",
        also: &[],
        engagement: "",
        plant: |node| {
            for cpu in (0..CPUS).filter(|cpu| cpu % (CORES * 2) >= CORES) {
                let path = format!("{CPU}/cpu{cpu}/thermal_throttle/package_throttle_count");
                node.set(&path, "5210\n");
                counter(node, &path, 5210, 84);
            }
        },
    },
    Planted {
        name: "a package was throttled before",
        check: "cpu.thermal-throttle",
        outcome: "warn",
        subject: "CPUs 0-31,64-95, package",
        also: &[],
        engagement: "",
        plant: |node| {
            for cpu in (0..CPUS).filter(|cpu| cpu % (CORES * 2) < CORES) {
                let path = format!("{CPU}/cpu{cpu}/thermal_throttle/package_throttle_count");
                node.set(&path, "17\n");
                counter(node, &path, 17, 0);
            }
        },
    },
    Planted {
        name: "the uncore stays at its lowest clock under load",
        check: "cpu.uncore-elc",
        outcome: "fail",
        subject: "uncore package_00_die_00, package_01_die_00",
        also: &[],
        engagement: "",
        plant: |node| uncore(node, 800_000),
    },
    Planted {
        name: "the uncore may fall to its lowest clock",
        check: "cpu.uncore-elc",
        outcome: "warn",
        subject: "uncore package_00_die_00, package_01_die_00",
        also: &[],
        engagement: "",
        plant: |node| uncore(node, 2_400_000),
    },
];

/// Limits of the uncore as the processor comes with, and its clock under load in kHz.
fn uncore(node: &mut Node, current: u32) {
    for package in ["package_00_die_00", "package_01_die_00"] {
        let folder = format!("{CPU}/intel_uncore_frequency/{package}");
        for (file, khz) in [
            ("initial_min_freq_khz", 800_000),
            ("initial_max_freq_khz", 2_500_000),
            ("min_freq_khz", 800_000),
            ("max_freq_khz", 2_500_000),
        ] {
            node.set(&format!("{folder}/{file}"), format!("{khz}\n"));
        }
        let text = format!("{current}\n");
        node.window(&format!("{folder}/current_freq_khz"), text.clone(), text);
    }
}

/// Seconds of the window for which a CPU works: for a worker, the API server, the engine core, the daemons, or the kernel alone.
fn busy_seconds(cpu: u32) -> f64 {
    match cpu {
        4 | 10 | 16 | 22 | 36 | 42 | 48 | 54 => 9.6,
        28 => 4.1,
        30 => 9.1,
        0 => 0.5,
        _ => 0.1,
    }
}

/// Writes a file of one frequency policy.
fn policy(node: &mut Node, cpu: u32, file: &str, text: &str) {
    node.set(&format!("{CPU}/cpufreq/policy{cpu}/{file}"), format!("{text}\n"));
}

/// Writes a file of each frequency policy.
fn policies(node: &mut Node, file: &str, text: &str) {
    for cpu in 0..CPUS {
        policy(node, cpu, file, text);
    }
}

/// The governor `powersave` of `intel_pstate` with a preference.
fn preferring(node: &mut Node, preference: &str) {
    policies(node, "scaling_governor", "powersave");
    policies(node, "energy_performance_preference", preference);
}

/// Energy performance bias of all CPUs.
fn bias(node: &mut Node, bias: u32) {
    for cpu in 0..CPUS {
        node.set(&format!("{CPU}/cpu{cpu}/power/energy_perf_bias"), format!("{bias}\n"));
    }
}

/// Clocks at both ends of the window; the folder of a CPU leads to its policy.
fn clocks(node: &mut Node, khz: u32) {
    for cpu in 0..CPUS {
        for folder in [format!("cpufreq/policy{cpu}"), format!("cpu{cpu}/cpufreq")] {
            let text = format!("{khz}\n");
            node.window(&format!("{CPU}/{folder}/scaling_cur_freq"), text.clone(), text);
        }
    }
}

/// A counter that stood at `before` and moves during the window.
fn counter(node: &mut Node, path: &str, before: u64, moved: u64) {
    node.window(path, format!("{before}\n"), format!("{}\n", before + moved));
}

/// Performance levels of all CPUs: the highest as given, the nominal one at 2.8 GHz.
fn levels(node: &mut Node, highest: impl Fn(u32) -> u32) {
    for cpu in 0..CPUS {
        for (file, level) in [
            ("highest_perf", highest(cpu)),
            ("nominal_perf", 28),
            ("lowest_perf", 8),
            ("reference_perf", 28),
            ("nominal_freq", 2800),
        ] {
            node.set(&format!("{CPU}/cpu{cpu}/acpi_cppc/{file}"), format!("{level}\n"));
        }
    }
}

/// A processor with priority cores; the firmware has left 32 of its 64 cores on.
fn xeon_6(node: &mut Node) {
    node.replace("/proc/cpuinfo", "Intel(R) Xeon(R) Platinum 8462Y+", "Intel(R) Xeon(R) 6776P");
    node.replace("/proc/cpuinfo", "model\t\t: 143", "model\t\t: 173");
}

/// Adds an argument to those of the running kernel.
fn boot_with(node: &mut Node, argument: &str) {
    node.replace("/proc/cmdline", "iommu=pt", &format!("iommu=pt {argument}"));
}

/// A node that never had TuneD.
fn without_tuned(node: &mut Node) {
    node.remove("/etc/tuned/active_profile");
    node.files.retain(|path, _| !path.contains("/proc/500/"));
    // What the profile would set stands in a file then.
    node.set(
        "/etc/sysctl.d/90-inference.conf",
        "vm.swappiness = 1\nvm.stat_interval = 10\nnet.core.netdev_max_backlog = 5000\n",
    );
}

/// A second process with the files of another, under a number and a name of its own.
fn like(node: &mut Node, from: u32, to: u32, old: &str, new: &str) {
    let (from, to) = (from.to_string(), to.to_string());
    let own: Vec<(String, Vec<u8>)> = node
        .files
        .iter()
        .filter(|(path, _)| path.contains(&format!("/proc/{from}/")))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    assert!(own.iter().any(|(path, _)| path.starts_with(RAW)), "there is no process {from}");
    for (path, bytes) in own {
        let path = path.replace(&format!("/{from}"), &format!("/{to}"));
        let text = String::from_utf8_lossy(&bytes);
        let text = text.replace(&format!("{from} ({old})"), &format!("{to} ({new})"));
        let text = text.replace(&format!("Name:\t{old}"), &format!("Name:\t{new}"));
        node.files.insert(path, text.into_bytes());
    }
}
