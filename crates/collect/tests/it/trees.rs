//! Odd nodes, as trees made up for the purpose: each is collected, derived, and says what it is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use plumb_collect::{CollectError, Conduct, Helper, Interrupt, PROBES, collect, survey};
use plumb_evidence::manifest::ProbeStatus;
use plumb_evidence::{Absence, Bundle, Evidence, Fact, Source, derive};

use crate::{collected, options, tree};

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A tree of `count` CPUs, of which two share a core and `per_socket` a socket.
fn machine(count: u32, per_socket: u32, online: &str) -> tempfile::TempDir {
    let tree = tree();
    let root = tree.path();
    fs::remove_dir_all(root.join("sys")).unwrap();
    let list: plumb_evidence::CpuSet = online.parse().unwrap();
    let text: String = list.iter().map(|cpu| format!("processor\t: {cpu}\n\n")).collect();
    write(root, "proc/cpuinfo", text);
    let folder = "sys/devices/system/cpu";
    write(root, &format!("{folder}/online"), format!("{online}\n"));
    write(root, &format!("{folder}/present"), format!("0-{}\n", count - 1));
    write(root, &format!("{folder}/possible"), format!("0-{}\n", count - 1));
    for cpu in 0..count {
        let this = format!("{folder}/cpu{cpu}");
        write(root, &format!("{this}/online"), if list.contains(cpu) { "1\n" } else { "0\n" });
        if !list.contains(cpu) {
            continue;
        }
        let socket = cpu / per_socket;
        let members = |from: u32, to: u32| {
            let all: plumb_evidence::CpuSet = (from..to).filter(|&cpu| list.contains(cpu)).collect();
            format!("{all}\n")
        };
        write(root, &format!("{this}/topology/physical_package_id"), format!("{socket}\n"));
        write(root, &format!("{this}/topology/core_id"), format!("{}\n", cpu / 2));
        let core = cpu - cpu % 2;
        write(root, &format!("{this}/topology/core_cpus_list"), members(core, core + 2));
        write(
            root,
            &format!("{this}/topology/package_cpus_list"),
            members(socket * per_socket, (socket + 1) * per_socket),
        );
    }
    tree
}

fn evidence(tree: &tempfile::TempDir) -> Evidence {
    derive(&collected(tree))
}

fn status(bundle: &Bundle, id: &str) -> ProbeStatus {
    bundle.manifest().probes.iter().find(|record| record.id == id).unwrap().status
}

#[test]
fn more_cpus_than_fit_the_masks_of_the_c_library() {
    let cpu = evidence(&machine(2048, 256, "0-2047")).cpu.require().unwrap().clone();
    assert_eq!((cpu.sockets, cpu.cores, cpu.pus), (8, 1024, 2048));
    assert_eq!(cpu.online.to_string(), "0-2047");
}

#[test]
fn offline_cpus_are_present_and_do_not_run() {
    let evidence = evidence(&machine(16, 8, "0-5,8-15"));
    let cpu = evidence.cpu.require().unwrap();
    assert_eq!((cpu.sockets, cpu.cores, cpu.pus), (2, 7, 14));
    assert_eq!(cpu.present.difference(&cpu.online).to_string(), "6-7");
}

#[test]
fn cores_of_two_kinds_differ_in_their_threads_and_clocks() {
    // CPUs 0 to 3 are two cores with two threads, 4 to 7 four cores with one.
    let tree = machine(8, 8, "0-7");
    for cpu in 4..8 {
        let this = format!("sys/devices/system/cpu/cpu{cpu}/topology");
        write(tree.path(), &format!("{this}/core_cpus_list"), format!("{cpu}\n"));
        write(tree.path(), &format!("{this}/core_id"), format!("{cpu}\n"));
    }
    for cpu in 0..8 {
        let khz = if cpu < 4 { "5000000\n" } else { "3800000\n" };
        write(tree.path(), &format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq"), khz);
        write(tree.path(), &format!("sys/devices/system/cpu/cpufreq/policy{cpu}/cpuinfo_max_freq"), khz);
        write(
            tree.path(),
            &format!("sys/devices/system/cpu/cpufreq/policy{cpu}/affected_cpus"),
            format!("{cpu}\n"),
        );
    }
    let evidence = evidence(&tree);
    let cpu = evidence.cpu.require().unwrap();
    assert_eq!((cpu.cores, cpu.pus), (6, 8));
    let clocks: Vec<_> = cpu.cpus.iter().map(|pu| pu.max_khz).collect();
    assert_eq!((clocks[0], clocks[7]), (Some(5_000_000), Some(3_800_000)));
}

#[test]
fn a_recording_without_numa_and_frequency_scaling_does_not_say_that_the_node_has_none() {
    let tree = machine(4, 4, "0-3");
    let bundle = collected(&tree);
    for id in ["numa", "cpufreq", "cpuidle", "pci", "nvidia"] {
        assert_eq!(status(&bundle, id), ProbeStatus::Absent, "{id}");
    }
    let evidence = derive(&bundle);
    for missing in [
        evidence.numa.require().err().map(|why| why.missing),
        evidence.cpufreq.require().err().map(|why| why.missing),
    ] {
        assert_eq!(missing, Some(Absence::NotRecorded));
    }
}

#[test]
fn a_folder_that_holds_nothing_that_is_asked_for_was_recorded_all_the_same() {
    let missing = |tree: &tempfile::TempDir| {
        let boost = collected(tree).read("/sys/devices/system/cpu/cpufreq/boost");
        boost.unwrap_err().missing
    };
    let tree = machine(4, 4, "0-3");
    assert_eq!(missing(&tree), Absence::NotRecorded);
    write(tree.path(), "sys/devices/system/cpu/cpufreq/ondemand/up_threshold", "95\n");
    assert_eq!(missing(&tree), Absence::Absent);
}

#[test]
fn names_that_are_not_utf_8_are_noted_and_hide_nothing_else() {
    let tree = machine(2, 2, "0-1");
    let irq = tree.path().join("proc/irq");
    write(tree.path(), "proc/irq/7/smp_affinity_list", "0-1\n");
    fs::create_dir_all(irq.join(OsStr::from_bytes(b"8\xff"))).unwrap();
    let bundle = collected(&tree);
    assert!(bundle.files().contains_key("raw/proc/irq/7/smp_affinity_list"));
    let noted = bundle.manifest().unread.iter().find(|unread| unread.path.starts_with("/proc/irq/8"));
    assert_eq!(noted.unwrap().status, Absence::Malformed);
    assert_eq!(status(&bundle, "irq"), ProbeStatus::Failed);
}

#[test]
fn control_groups_of_both_versions_and_of_a_mixture() {
    for (membership, group, files, version) in [
        (
            "0::/job\n",
            "sys/fs/cgroup/job",
            &[("cpuset.cpus.effective", "4-7"), ("cpu.max", "200000 100000")][..],
            2,
        ),
        (
            "5:cpuset:/job\n4:cpu,cpuacct:/job\n",
            "sys/fs/cgroup/cpuset/job",
            &[("cpuset.effective_cpus", "4-7")],
            1,
        ),
        (
            "5:cpuset:/job\n0::/system.slice\n",
            "sys/fs/cgroup/cpuset/job",
            &[("cpuset.effective_cpus", "4-7")],
            12,
        ),
    ] {
        let tree = machine(8, 8, "0-7");
        write(tree.path(), "proc/self/cgroup", membership);
        for (name, text) in files {
            write(tree.path(), &format!("{group}/{name}"), format!("{text}\n"));
        }
        let evidence = evidence(&tree);
        let cgroup = evidence.cgroup.require().unwrap();
        assert_eq!(cgroup.version, version, "{membership}");
        let level = cgroup.chain.iter().find(|level| level.path == format!("/{group}")).unwrap();
        for (name, text) in files {
            assert_eq!(level.values[*name], Fact::Known((*text).to_owned()), "{membership}");
        }
    }
}

#[test]
fn a_survey_finds_what_a_collection_reads() {
    let tree = machine(64, 32, "0-63");
    let bundle = collected(&tree);
    let helper = Helper { program: PathBuf::from("/bin/false"), arguments: Vec::new() };
    let plan = survey(&options(Some(tree.path().to_owned()), helper)).unwrap();
    assert_eq!(plan.len(), PROBES.len());
    for planned in plan.iter().filter(|planned| !planned.asks_a_library()) {
        let record = bundle.manifest().probes.iter().find(|record| record.id == planned.probe.id).unwrap();
        assert_eq!((planned.files, planned.bytes), (record.files, record.bytes), "{}", planned.probe.id);
        assert_eq!(planned.status, record.status, "{}", planned.probe.id);
    }
}

#[test]
fn whoever_asks_to_stop_before_anything_was_read_gets_no_bundle() {
    let tree = machine(2, 2, "0-1");
    let interrupt = Interrupt::default();
    interrupt.ask();
    let helper = Helper { program: PathBuf::from("/bin/false"), arguments: Vec::new() };
    let mut options = options(Some(tree.path().to_owned()), helper);
    options.conduct = Conduct { interrupt, ..Conduct::default() };
    assert!(matches!(collect(&options, &mut |_, _| {}), Err(CollectError::Interrupted)));
}

#[test]
fn what_was_read_before_a_request_to_stop_is_kept_and_the_rest_is_skipped() {
    let tree = machine(2, 2, "0-1");
    let interrupt = Interrupt::default();
    let helper = Helper { program: PathBuf::from("/bin/sleep"), arguments: vec!["600".into()] };
    let mut options = options(Some(tree.path().to_owned()), helper);
    options.conduct = Conduct { interrupt: interrupt.clone(), ..Conduct::default() };
    let mut told = Vec::new();
    let bundle = collect(&options, &mut |probe, _| {
        told.push(probe.id);
        interrupt.ask();
    })
    .unwrap();
    assert!(!bundle.manifest().complete);
    told.sort_unstable();
    let mut all: Vec<&str> = PROBES.iter().map(|probe| probe.id).collect();
    all.sort_unstable();
    assert_eq!(told, all, "each probe says once what it came to");
    // Of a recording some are not asked, whatever comes. The others were read, or say why not.
    let never_asked = ["nvml", "nvml-window", "clock"];
    let mut read = 0;
    for record in bundle.manifest().probes.iter().filter(|record| !never_asked.contains(&record.id.as_str()))
    {
        read += u32::from(record.status == ProbeStatus::Ok);
        if record.status == ProbeStatus::Skipped {
            assert_eq!(record.reason, "interrupted", "{}", record.id);
        }
    }
    assert!(read > 0);
    assert_eq!(status(&bundle, "hwloc"), ProbeStatus::Skipped);
    let why = derive(&bundle).hwloc.require().unwrap_err().clone();
    assert_eq!(why.missing, Absence::Skipped);
}

#[test]
fn the_manifest_says_where_and_how_nicely_the_collector_ran() {
    // In a process of its own: niceness cannot be taken back.
    const CHILD: &str = "PLUMB_TEST_NICE";
    if std::env::var_os(CHILD).is_none() {
        let name = "trees::the_manifest_says_where_and_how_nicely_the_collector_ran";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args([name, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let tree = machine(2, 2, "0-1");
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let allowed: plumb_evidence::CpuSet = allowed.trim().parse().unwrap();
    let one: plumb_evidence::CpuSet = allowed.first().into_iter().collect();
    let helper = Helper { program: PathBuf::from("/bin/false"), arguments: Vec::new() };
    let mut options = options(Some(tree.path().to_owned()), helper);
    options.conduct = Conduct { nice: Some(15), cpus: Some(one.clone()), ..Conduct::default() };
    let cost = collect(&options, &mut |_, _| {}).unwrap().manifest().cost.clone();
    assert_eq!((cost.cpus, cost.nice, cost.placement.as_str()), (one.to_string(), 15, "as asked"));
    assert!(cost.peak_rss_kib > 0 && cost.cpu_us > 0 && cost.wall_us > 0);
}

#[test]
fn threads_of_the_kernel_are_told_by_two_files() {
    let tree = machine(4, 4, "0-3");
    let stat = "2 (kthreadd (x) y) S 0 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 1 0 1 0 0 18446744073709551615 0 0 0 0 \
                0 0 0 2147483647 0 0 0 0 0 2 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    write(tree.path(), "proc/2/stat", stat);
    write(tree.path(), "proc/2/status", "Name:\tkthreadd\nCpus_allowed_list:\t0-3\nMems_allowed_list:\t0\n");
    write(tree.path(), "proc/2/cmdline", "");
    write(tree.path(), "proc/2/task/2/stat", stat);
    let bundle = collected(&tree);
    let kept: Vec<_> = bundle.files().keys().filter(|path| path.starts_with("raw/proc/2/")).collect();
    assert_eq!(kept, ["raw/proc/2/stat", "raw/proc/2/status"]);
    let evidence = derive(&bundle);
    let process = &evidence.processes.require().unwrap()[0];
    assert!(process.kernel && process.cmdline == Fact::Known(Vec::new()));
    assert_eq!(process.threads.len(), 1);
    assert_eq!(process.threads[0].cpus_allowed.require().unwrap().to_string(), "0-3");
    assert_eq!(process.threads[0].last_cpu, Fact::Known(2));
    assert_eq!(process.cgroup.require().unwrap_err().missing, Absence::Skipped);
}
