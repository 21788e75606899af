//! What holds for a whole process that collects.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod trees;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use plumb_collect::{Conduct, Helper, Options, collect, forbid_network};
use plumb_evidence::Bundle;
use plumb_evidence::manifest::ProbeStatus;
use plumb_evidence::model::Role;

/// Set in the process that gives its network up: there is no way back for a thread, and none for this test's runner.
const CHILD: &str = "PLUMB_TEST_WITHOUT_NETWORK";
const TEST: &str = "only_sockets_that_stay_on_the_machine_can_be_made";

#[test]
fn only_sockets_that_stay_on_the_machine_can_be_made() {
    if std::env::var_os(CHILD).is_some() {
        return without_network();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{output}");
    assert!(output.contains("1 passed"), "the child ran another test or none: {output}");
}

fn without_network() {
    let socket = |family| call(libc::SYS_socket, family, libc::SOCK_DGRAM);
    let raw = |family| call(libc::SYS_socket, family, libc::SOCK_RAW);
    assert_eq!(socket(libc::AF_INET), Ok(()), "or the test could not fail");
    if let Err(why) = forbid_network() {
        return skipped(&format!("the rule against sockets, which the kernel does not take: {why}"));
    }
    let denied = Err(libc::EPERM);
    for family in [libc::AF_INET, libc::AF_INET6, libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG, libc::AF_XDP]
    {
        assert_eq!(socket(family), denied, "family {family}");
        assert_eq!(raw(family), denied, "family {family}");
    }
    assert_eq!(std::net::TcpListener::bind("127.0.0.1:0").unwrap_err().raw_os_error(), Some(libc::EPERM));
    assert_eq!(socket(libc::AF_UNIX), Ok(()));
    assert_eq!(raw(libc::AF_NETLINK), Ok(()));
    assert_eq!(call(libc::SYS_io_uring_setup, 1, 0), denied);
    if cfg!(target_arch = "x86_64") {
        for number in [libc::SYS_socket, libc::SYS_io_uring_setup] {
            assert_eq!(call(number | 0x4000_0000, libc::AF_INET, libc::SOCK_STREAM), denied, "x32 {number}");
        }
    }
    let inherited = std::thread::spawn(|| std::net::UdpSocket::bind("127.0.0.1:0")).join().unwrap();
    assert_eq!(inherited.unwrap_err().raw_os_error(), Some(libc::EPERM), "threads inherit the rule");
}

#[expect(unsafe_code, reason = "no safe wrapper makes calls by the numbers of another ABI")]
fn call(number: libc::c_long, first: i32, second: i32) -> Result<(), i32> {
    // SAFETY: neither socket(2) nor io_uring_setup(2) with a null pointer touches memory of this process.
    let answer = unsafe { libc::syscall(number, first, second, 0) };
    if answer < 0 { Err(std::io::Error::last_os_error().raw_os_error().unwrap()) } else { Ok(()) }
}

fn skipped(what: &str) {
    if let Some(log) = std::env::var_os("PLUMB_SKIP_LOG") {
        let mut log = fs::File::options().append(true).create(true).open(log).unwrap();
        writeln!(log, "skipped: {what}").unwrap();
    }
}

/// A bundle of a recorded tree; the helper's libraries are not asked.
fn collected(tree: &tempfile::TempDir) -> Bundle {
    let helper = Helper { program: PathBuf::from("/bin/false"), arguments: Vec::new() };
    let sysroot = Some(tree.path().to_owned());
    collect(&options(sysroot, helper), &mut |_, _| {}).unwrap()
}

fn options(sysroot: Option<PathBuf>, helper: Helper) -> Options {
    Options {
        sysroot,
        helper,
        tool_version: "0".to_owned(),
        sample: None,
        conduct: Conduct::default(),
        servers: Vec::new(),
    }
}

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("proc")).unwrap();
    fs::create_dir_all(tree.path().join("sys/devices/system/cpu/cpu0")).unwrap();
    fs::write(tree.path().join("proc/cpuinfo"), "processor\t: 0\n").unwrap();
    tree
}

#[test]
fn a_folder_that_cannot_be_listed_is_not_absent() {
    let tree = tree();
    let status = |id: &str| {
        let bundle = collected(&tree);
        bundle.manifest().probes.iter().find(|record| record.id == id).unwrap().status
    };
    assert_eq!((status("cpufreq"), status("cpuidle")), (ProbeStatus::Absent, ProbeStatus::Absent));
    // A link that leads to itself cannot be listed by anybody, root included.
    let cpu = tree.path().join("sys/devices/system/cpu");
    symlink("cpufreq", cpu.join("cpufreq")).unwrap();
    symlink("cpuidle", cpu.join("cpu0/cpuidle")).unwrap();
    assert_eq!((status("cpufreq"), status("cpuidle")), (ProbeStatus::Failed, ProbeStatus::Failed));
}

#[test]
fn boot_arguments_are_kept_without_their_secrets() {
    let tree = tree();
    let text = "root=/dev/sda1 rd.iscsi.password=hunter2hunter2 isolcpus=1-3\n";
    fs::write(tree.path().join("proc/cmdline"), text).unwrap();
    let configured = "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"rd.iscsi.password=hunter2hunter2 isolcpus=1-3\"\n\
                      GRUB_CMDLINE_LINUX_DEFAULT=\"iommu=pt\"\n";
    fs::create_dir_all(tree.path().join("etc/default")).unwrap();
    fs::write(tree.path().join("etc/default/grub"), configured).unwrap();
    let bundle = collected(&tree);
    let kept = |name: &str| String::from_utf8(bundle.files()[name].clone()).unwrap();
    assert_eq!(kept("raw/proc/cmdline"), "root=/dev/sda1 rd.iscsi.password=*** isolcpus=1-3\n");
    let boot = plumb_evidence::derive(&bundle).platform.known().unwrap().boot.known().unwrap()[0].clone();
    assert!(!kept("raw/etc/default/grub").contains("hunter2"));
    let arguments = boot.arguments.known().unwrap();
    assert_eq!(arguments, &["rd.iscsi.password=***", "isolcpus=1-3", "iommu=pt"], "the rest is all there");
}

/// A process that is named like a server, with variables of which one is a secret.
struct Server(std::process::Child);

impl Server {
    fn start() -> Self {
        let mut command = Command::new("/bin/sh");
        command.arg0("/app/llama-server").args(["-c", "while :; do :; done", "--model", "/models/a b.gguf"]);
        command.args(["--api-key", "sekret"]).env_clear().env("OMP_NUM_THREADS", "3").env("HF_TOKEN", "hf_x");
        Self(command.spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_live_server_is_found_and_what_moves_is_read_twice() {
    let server = Server::start();
    let pid = server.0.id();
    let helper = Helper { program: PathBuf::from("/bin/false"), arguments: Vec::new() };
    let window = Duration::from_millis(300);
    let options = Options { sample: Some(window), ..options(None, helper) };
    let bundle = collect(&options, &mut |_, _| {}).unwrap();
    for (path, content) in bundle.files() {
        let holds = |secret: &[u8]| content.windows(secret.len()).any(|bytes| bytes == secret);
        assert!(!holds(b"hf_x\0") && !holds(b"\0sekret"), "{path}");
    }
    let evidence = plumb_evidence::derive(&bundle);

    let servers = evidence.servers.require().unwrap();
    let found = servers.iter().find(|server| server.pid == pid).unwrap();
    assert_eq!((found.kind.as_str(), found.processes[0].role), ("llama.cpp", Role::Whole));
    assert_eq!(found.model.require().unwrap(), "/models/a b.gguf");
    assert_eq!(found.options.require().unwrap()["api-key"], "***");
    let process = &found.processes[0];
    assert_eq!(
        process.environment.require().unwrap().iter().collect::<Vec<_>>(),
        [(&"OMP_NUM_THREADS".to_owned(), &"3".to_owned())]
    );
    assert!(process.limits.require().unwrap().contains_key("Max open files"));
    assert!(*process.open_files.require().unwrap() >= 3);
    assert!(process.memory.require().is_ok_and(|memory| memory.bytes_by_node.values().sum::<u64>() > 0));

    let window = evidence.window.require().unwrap();
    assert!(window.seconds >= 0.3, "{}", window.seconds);
    let thread = window.threads.require().unwrap().iter().find(|thread| thread.tid == pid).unwrap();
    assert!(*thread.run_ns.require().unwrap() > 0, "{thread:?}");
    let process = window.processes.require().unwrap().iter().find(|process| process.pid == pid).unwrap();
    assert!(process.inference && !process.kernel);
    let total: u64 = window.cpus.require().unwrap().iter().map(|cpu| cpu.total()).sum();
    assert!(total > 0);
    assert!(window.vmstat.require().is_ok() && window.softirqs.require().is_ok());
}

#[test]
fn without_a_window_nothing_is_read_twice() {
    let bundle = collected(&tree());
    assert!(!bundle.files().keys().any(|path| path.starts_with("samples/")));
    let why = plumb_evidence::derive(&bundle).window.require().unwrap_err();
    assert_eq!(why.missing, plumb_evidence::Absence::Skipped);
}

#[test]
fn what_moves_in_cpus_is_read_twice() {
    let tree = tree();
    let put = |name: &str, text: &str| {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let cpu = "sys/devices/system/cpu/cpu0";
    put(&format!("{cpu}/power/energy_perf_bias"), "6\n");
    put(&format!("{cpu}/thermal_throttle/core_throttle_count"), "3\n");
    put(&format!("{cpu}/cpuidle/state1/name"), "C6\n");
    put(&format!("{cpu}/cpuidle/state1/latency"), "290\n");
    put(&format!("{cpu}/cpuidle/state1/time"), "1000\n");
    put(&format!("{cpu}/cpufreq/scaling_cur_freq"), "3400000\n");
    let clocks = |release: &str| {
        put("proc/sys/kernel/osrelease", release);
        let helper = Helper { program: PathBuf::from("/bin/false"), arguments: Vec::new() };
        let options = options(Some(tree.path().to_owned()), helper);
        let options = Options { sample: Some(Duration::from_millis(1)), ..options };
        let power = plumb_evidence::derive(&collect(&options, &mut |_, _| {}).unwrap()).power;
        let power = power.require().unwrap();
        assert_eq!(power.energy_perf_bias.require().unwrap()[0].value.known(), Some(&6));
        let window = power.window.require().unwrap();
        assert_eq!(window.core_throttles.require().unwrap()[0].value.known(), Some(&0));
        assert_eq!(window.idle.require().unwrap()[0].time_us[&0], 0);
        window.momentary_clock_khz.known().map(|clocks| clocks[&0].clone())
    };
    assert_eq!(clocks("6.8.0-31-generic\n"), Some(vec![3_400_000; 2]));
    // An earlier kernel would interrupt the CPU to measure it.
    assert_eq!(clocks("5.15.0-91-generic\n"), None);
}
