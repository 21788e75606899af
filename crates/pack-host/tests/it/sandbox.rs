//! What is said where the kernel lacks a protection, and what still holds then.

use plumb_check_sdk::Outcome;
use plumb_pack_host::{Host, HostOptions, PackStatus};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::support::{CPack, assert_all_not_run, behaviour, example, finding, options, run_once, rust_pack};

fn degraded(lacking: &[&str]) -> HostOptions {
    let program = example("degraded-worker").into_os_string();
    let worker = std::iter::once(program).chain(lacking.iter().map(Into::into)).collect();
    HostOptions { worker, ..options() }
}

#[test]
fn all_protections_are_in_force_here() {
    let run = run_once(options(), &rust_pack("hostile").location, &behaviour("nothing"));
    println!("{}", run.sandbox);
    for protection in [
        "death with the host",
        "512 MiB of memory",
        "Landlock for files",
        "Landlock for signals",
        "system call filter",
    ] {
        assert!(run.sandbox.contains(protection), "{}", run.sandbox);
    }
    assert!(!run.sandbox.contains("not available"), "{}", run.sandbox);
}

#[test]
fn without_landlock_the_filter_still_holds_and_the_lack_is_told() {
    let zoo = rust_pack("hostile");
    let run = run_once(degraded(&["landlock"]), &zoo.location, &behaviour("reads /etc/shadow"));
    assert_eq!(run.status, PackStatus::Ok);
    assert!(run.sandbox.ends_with("not available: Landlock (not in this kernel)"), "{}", run.sandbox);
    assert!(finding(&run, "zoo.bad").message.contains("Operation not permitted"));
}

#[test]
fn without_the_filter_landlock_still_holds_and_the_lack_is_told() {
    let zoo = rust_pack("hostile");
    for behaviour_of in ["reads /etc/shadow", "writes a file"] {
        let run = run_once(degraded(&["seccomp"]), &zoo.location, &behaviour(behaviour_of));
        assert_eq!(run.status, PackStatus::Ok);
        assert!(run.sandbox.contains("not available: system call filter"), "{}", run.sandbox);
        let bad = finding(&run, "zoo.bad");
        assert_eq!(bad.outcome, Outcome::NotRun);
        assert!(bad.message.contains("Permission denied"), "{}", bad.message);
    }
}

#[test]
fn without_both_a_secret_is_still_not_readable_for_a_worker_of_root() {
    let zoo = rust_pack("hostile");
    let run = run_once(degraded(&["landlock", "seccomp"]), &zoo.location, &behaviour("reads /etc/shadow"));
    assert_eq!(finding(&run, "zoo.bad").outcome, Outcome::NotRun, "{:?}", run.findings);
    assert!(run.sandbox.contains("not available: Landlock"), "{}", run.sandbox);
}

/// Landlock keeps signals in from Linux 6.12 on only. Of a process that is not there the kernel would say so: that the call
/// is refused shows that it does not come to the kernel.
#[test]
fn without_landlock_no_other_process_is_signalled() {
    let zoo = rust_pack("hostile");
    let told = |behaviour_of: &str| {
        let run = run_once(degraded(&["landlock"]), &zoo.location, &behaviour(behaviour_of));
        assert_eq!(run.status, PackStatus::Ok);
        finding(&run, "zoo.bad").message.clone()
    };
    let host = format!("signals process {}", std::process::id());
    for behaviour_of in [host.as_str(), "signals a process that is not there"] {
        let message = told(behaviour_of);
        assert!(message.contains("Operation not permitted"), "{behaviour_of}: {message}");
    }
    // What `abort` needs.
    assert_eq!(told("signals itself"), "nothing stopped it");
}

#[test]
fn a_seal_that_an_initialiser_fakes_is_found_out() {
    let pack = CPack::hostile(&["-DFAKED_SEAL"]).build();
    let run = run_once(options(), &pack.location, &behaviour("x"));
    assert_all_not_run(
        &run,
        "cannot be confined after loading: system call filter (mapping code is still allowed)",
    );
}

#[test]
fn no_memory_can_be_written_and_run() {
    let pack = CPack::hostile(&["-DWRITABLE_CODE"]).build();
    let run = run_once(options(), &pack.location, &behaviour("x"));
    assert_eq!(run.status, PackStatus::Ok, "{:?}", run.findings);
}

/// The system call is there from Linux 5.9 on.
#[test]
fn a_leaked_descriptor_is_closed_by_old_kernels_too() {
    let zoo = rust_pack("hostile");
    let file = std::fs::File::open("/dev/null").unwrap();
    for lacking in [&[][..], &["close_range"]] {
        // Without the flag that closes it when the worker starts.
        let leaked = nix::unistd::dup(&file).unwrap();
        let run = run_once(degraded(lacking), &zoo.location, &behaviour("counts its descriptors"));
        drop(leaked);
        assert_eq!(finding(&run, "zoo.bad").message, "0 more than its own", "{lacking:?}");
    }
}

#[test]
fn a_host_that_insists_refuses_to_load_then() {
    let zoo = rust_pack("hostile");
    let options = HostOptions { require_sandbox: true, ..degraded(&["landlock"]) };
    let run = run_once(options, &zoo.location, &behaviour("nothing"));
    assert_all_not_run(&run, "the sandbox is not complete: Landlock (not in this kernel)");
    let complete = HostOptions { require_sandbox: true, ..crate::support::options() };
    assert_eq!(run_once(complete, &zoo.location, &behaviour("nothing")).status, PackStatus::Ok);
}

/// Where the kernel forbids code in memory files (`vm.memfd_noexec`), the checked file itself is loaded, and that is told.
#[test]
fn without_sealed_copies_the_file_is_loaded_and_the_lack_is_told() {
    let zoo = rust_pack("hostile");
    let run = std::thread::scope(|scope| {
        // The filter holds for this thread and for the worker that it starts, which needs no such call.
        let host = scope.spawn(|| {
            let refuse = SeccompAction::Errno(libc::EACCES.unsigned_abs());
            let calls = [(libc::SYS_memfd_create, vec![])].into();
            let arch = std::env::consts::ARCH.try_into().unwrap();
            let filter = SeccompFilter::new(calls, SeccompAction::Allow, refuse, arch).unwrap();
            seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
            run_once(options(), &zoo.location, &behaviour("reads /etc/shadow"))
        });
        host.join().unwrap()
    });
    assert_eq!(run.status, PackStatus::Ok);
    assert!(
        run.sandbox.ends_with("not available: sealed copy of the library (Permission denied)"),
        "{}",
        run.sandbox
    );
    assert_eq!(finding(&run, "zoo.bad").outcome, Outcome::NotRun);
}

/// A worker in the middle of an endless loop cannot notice that its host is gone; the kernel does.
#[test]
fn a_worker_dies_with_the_thread_that_started_it() {
    let zoo = rust_pack("hostile");
    let worker = std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            let host = Host::open(options(), std::slice::from_ref(&zoo.location));
            let worker = host.workers()[0].1;
            // The socket stays open: it is not its end that the worker sees.
            std::mem::forget(host);
            worker
        });
        started.join().unwrap()
    });
    let is_dead = || match std::fs::read_to_string(format!("/proc/{worker}/stat")) {
        Err(_) => true,
        Ok(stat) => stat.contains(") Z "),
    };
    for _ in 0..200 {
        if is_dead() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("worker {worker} is still alive");
}

#[test]
fn a_worker_started_by_hand_says_so() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_plumb-worker"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("worker: started by hand"), "{text}");
}
