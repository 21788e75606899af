//! What a worker takes away from itself before and after it loads a pack.
//!
//! Initialisers of a library run while it is loaded, so everything but the second system call filter is in place before.
//! A protection that the kernel does not have is told, not fatal, unless the host asks for all of them: plumb has to run
//! on old kernels too, and then the consultant decides.
//!
//! `RLIMIT_CPU` is not used: it adds up over the life of the process, and a worker lives for a whole fleet.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::AsFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use serde::{Deserialize, Serialize};

/// The protections of a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sandbox {
    /// In force, in words.
    pub in_force: Vec<String>,
    /// Not available, with the reason.
    pub unavailable: Vec<String>,
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_force.join(", "))?;
        if !self.unavailable.is_empty() {
            write!(f, "; not available: {}", self.unavailable.join(", "))?;
        }
        Ok(())
    }
}

impl Sandbox {
    /// True if the first system call filter is in force.
    pub(crate) fn is_filtered(&self) -> bool {
        self.in_force.iter().any(|protection| protection == FILTER)
    }
}

/// How the system call filter is called in the output.
const FILTER: &str = "system call filter";

/// User and group that a worker of root becomes: `nobody` by convention of the kernel (the overflow id).
const NOBODY: u32 = 65534;

/// Folders of the shared libraries that a pack may be linked with.
const LIBRARIES: [&str; 7] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/nix/store"];

/// Takes away everything that loading a library does not need.
pub(crate) fn enter(memory_bytes: u64, library: &impl AsFd) -> Sandbox {
    let mut sandbox = Sandbox::default();
    let mut note = |result: Result<String, String>| match result {
        Ok(text) => sandbox.in_force.push(text),
        Err(text) => sandbox.unavailable.push(text),
    };
    if geteuid().is_root() {
        note(drop_root().map_err(|errno| format!("change of user ({})", errno.desc())));
    }
    // After the change of user, which clears both.
    note(die_with_host().map_err(|errno| format!("death with the host ({})", errno.desc())));
    note(limit_resources(memory_bytes).map_err(|errno| format!("resource limits ({})", errno.desc())));
    match restrict(library) {
        Ok(what) => what.into_iter().for_each(&mut note),
        Err(reason) => note(Err(reason)),
    }
    note(allow_only(&before_load()).map(|()| FILTER.to_owned()));
    sandbox
}

/// Takes away what only loading needed. Call after the library is loaded, before any of its functions is called.
///
/// That the kernel said yes is no proof: an initialiser may have brought a filter of its own, which answers in its place. So
/// what is forbidden from here on is tried.
pub(crate) fn seal() -> Result<(), String> {
    allow_only(&after_load())?;
    match forbidden() {
        Some(call) => Err(format!("{FILTER} ({call} is still allowed)")),
        None => Ok(()),
    }
}

/// A call that the second filter forbids and the first allows, and that was possible all the same.
fn forbidden() -> Option<&'static str> {
    let refused = Err(Errno::EPERM);
    if probe::map_code() != refused {
        Some("mapping code")
    } else if probe::open_file() != refused {
        Some("opening a file")
    } else if probe::look_at_file() != refused {
        Some("looking at a file")
    } else {
        None
    }
}

#[expect(unsafe_code, reason = "calls the kernel as a pack would, past the C library")]
mod probe {
    use nix::errno::Errno;

    /// Maps a page to run, and takes it away again.
    pub(super) fn map_code() -> Result<(), Errno> {
        const PAGE: usize = 4096;
        let (prot, flags) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory at a place of the kernel's choice, which nobody else knows of.
        let mapped = unsafe { libc::syscall(libc::SYS_mmap, 0usize, PAGE, prot, flags, -1, 0usize) };
        Errno::result(mapped)?;
        // SAFETY: the page that was just mapped and that nothing uses.
        unsafe { libc::syscall(libc::SYS_munmap, mapped, PAGE) };
        Ok(())
    }

    /// Opens what every worker has, and closes it again.
    pub(super) fn open_file() -> Result<(), Errno> {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        // SAFETY: the name is a text that ends with NUL.
        let opened = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/lib".as_ptr(), flags, 0) };
        Errno::result(opened)?;
        // SAFETY: the descriptor was just opened here.
        unsafe { libc::syscall(libc::SYS_close, opened) };
        Ok(())
    }

    /// Asks for what `stat` tells.
    pub(super) fn look_at_file() -> Result<(), Errno> {
        // SAFETY: the name is a text that ends with NUL; access writes nothing.
        let told =
            unsafe { libc::syscall(libc::SYS_faccessat, libc::AT_FDCWD, c"/lib".as_ptr(), libc::F_OK) };
        Errno::result(told).map(|_| ())
    }
}

fn drop_root() -> Result<String, Errno> {
    setgroups(&[])?;
    let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    Ok("user nobody".to_owned())
}

fn die_with_host() -> Result<String, Errno> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    prctl::set_dumpable(false)?;
    Ok("death with the host".to_owned())
}

fn limit_resources(memory_bytes: u64) -> Result<String, Errno> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // Of files; sockets and pipes are not counted.
    setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, 16, 16)?;
    setrlimit(Resource::RLIMIT_AS, memory_bytes, memory_bytes)?;
    Ok(format!("{} MiB of memory", memory_bytes >> 20))
}

/// What Landlock protects, and the first version of its ABI that does.
const LANDLOCK: [(&str, ABI, &str); 3] = [
    ("Landlock for files", ABI::V3, "6.2"),
    ("Landlock for connections", ABI::V4, "6.7"),
    ("Landlock for signals", ABI::V6, "6.12"),
];

/// Each of [`LANDLOCK`], in force or not.
fn restrict(library: &impl AsFd) -> Result<Vec<Result<String, String>>, String> {
    // A copy in memory needs no rule, and the kernel refuses one. A library that could not be sealed is an ordinary file.
    let is_sealed = fcntl(library, FcntlArg::F_GET_SEALS).is_ok_and(|seals| seals != 0);
    let file = (!is_sealed).then(|| PathBeneath::new(library, AccessFs::ReadFile | AccessFs::Execute));

    // The version that is asked for; the crate takes away what the kernel does not know.
    let abi = ABI::V6;
    let restrict = move || {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?
            .add_rules(path_beneath_rules(
                LIBRARIES,
                AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute,
            ))?
            .add_rules(file.into_iter().map(Ok::<_, RulesetError>))?
            .restrict_self()
    };
    let status = restrict().map_err(|error| format!("Landlock ({error})"))?;
    let effective = match status.landlock {
        LandlockStatus::NotEnabled => return Err("Landlock (disabled in this kernel)".to_owned()),
        LandlockStatus::NotImplemented => return Err("Landlock (not in this kernel)".to_owned()),
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("Landlock (not enforced)".to_owned());
    }
    Ok(covered(effective))
}

/// What a kernel with this version of Landlock protects: a reader wants to know from what, not from which version.
fn covered(effective: ABI) -> Vec<Result<String, String>> {
    let of = |(what, since, kernel): (&str, ABI, &str)| {
        if effective >= since { Ok(what.to_owned()) } else { Err(format!("{what} (needs Linux {kernel})")) }
    };
    LANDLOCK.map(of).into()
}

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

/// Calls of a worker that evaluates: memory, its socket, its end.
fn after_load() -> Result<Rules, String> {
    let mut rules = always()?;
    // Code can no longer appear: what is mapped from here on is data, and nothing that runs could be written before either.
    rules.insert(libc::SYS_mmap, vec![private(without_bits(2, libc::PROT_EXEC)?)?]);
    rules.insert(libc::SYS_mprotect, vec![rule(without_bits(2, libc::PROT_EXEC)?)?]);
    Ok(rules)
}

/// The same, and what `dlopen` and the second filter need.
fn before_load() -> Result<Rules, String> {
    let mut rules = always()?;
    // Never both to write and to run, so that no such mapping is left when the pack evaluates; and none that is shared, which could
    // be mapped twice, once for each.
    let one_of_both =
        || Ok::<_, String>([without_bits(2, libc::PROT_WRITE)?, without_bits(2, libc::PROT_EXEC)?]);
    let mapped = one_of_both()?.into_iter().map(private).collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_mmap, mapped);
    rules.insert(libc::SYS_mprotect, one_of_both()?.into_iter().map(rule).collect::<Result<_, _>>()?);
    for call in [
        libc::SYS_pread64,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_lseek,
        libc::SYS_readlinkat,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_getcwd,
        libc::SYS_uname,
        libc::SYS_seccomp,
    ] {
        rules.insert(call, Vec::new());
    }
    #[cfg(target_arch = "x86_64")]
    for call in [libc::SYS_readlink, libc::SYS_access] {
        rules.insert(call, Vec::new());
    }
    // Reading only, so that initialisers cannot write even where the kernel has no Landlock.
    let writing = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
    rules.insert(libc::SYS_openat, vec![rule(without_bits(2, writing)?)?]);
    // What the second filter needs; not `PR_SET_PDEATHSIG`, with which a pack could outlive the host.
    let options = [libc::PR_SET_NO_NEW_PRIVS, libc::PR_SET_SECCOMP];
    let options =
        options.iter().map(|&option| argument(0, SeccompCmpOp::Eq, option)).collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_prctl, options);
    Ok(rules)
}

/// Calls that are allowed in both stages.
fn always() -> Result<Rules, String> {
    // Not here: anything that opens, creates, sends or starts. `clock_nanosleep` is here so that a sleeping check runs into
    // the deadline, which explains itself, and not into a puzzling error; `getrandom`, because maps of std need it.
    let mut rules: Rules = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_restart_syscall,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    // With it `abort` ends this process. Landlock keeps signals in from Linux 6.12 on only, so the process is named here.
    let own = nix::unistd::getpid().as_raw();
    rules.insert(libc::SYS_tgkill, vec![argument(0, SeccompCmpOp::Eq, own)?]);
    Ok(rules)
}

fn without_bits(index: u8, bits: libc::c_int) -> Result<SeccompCondition, String> {
    #[expect(clippy::cast_sign_loss, reason = "flags of the kernel are bit patterns")]
    let mask = SeccompCmpOp::MaskedEq(bits as u64);
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, mask, 0).map_err(|error| error.to_string())
}

fn rule(condition: SeccompCondition) -> Result<SeccompRule, String> {
    SeccompRule::new(vec![condition]).map_err(|error| error.to_string())
}

/// A condition for memory that is not shared.
fn private(condition: SeccompCondition) -> Result<SeccompRule, String> {
    SeccompRule::new(vec![condition, without_bits(3, libc::MAP_SHARED)?]).map_err(|error| error.to_string())
}

fn argument(index: u8, op: SeccompCmpOp, value: libc::c_int) -> Result<SeccompRule, String> {
    // The kernel takes an `int` from the low half of the register, and so does the comparison.
    #[expect(clippy::cast_sign_loss, reason = "options of prctl and process ids are positive")]
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, op, value as u64)
        .map_err(|error| error.to_string())?;
    SeccompRule::new(vec![condition]).map_err(|error| error.to_string())
}

/// Filters stack, and the strictest wins; so the second stage can only take away.
fn allow_only(rules: &Result<Rules, String>) -> Result<(), String> {
    let apply = || -> Result<(), String> {
        let arch = std::env::consts::ARCH.try_into().map_err(|error| format!("{error}"))?;
        let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let filter = SeccompFilter::new(rules.clone()?, refuse, SeccompAction::Allow, arch)
            .map_err(|error| error.to_string())?;
        let program: BpfProgram =
            filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
        seccompiler::apply_filter(&program).map_err(|error| error.to_string())
    };
    apply().map_err(|error| format!("{FILTER} ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_stage_allows_no_call_that_the_first_refuses() {
        let (before, after) = (before_load().unwrap(), after_load().unwrap());
        assert!(after.keys().all(|call| before.contains_key(call)));
        assert!(!after.contains_key(&libc::SYS_openat));
        for call in [libc::SYS_socket, libc::SYS_clone, libc::SYS_execve, libc::SYS_kill, libc::SYS_prlimit64]
        {
            assert!(!before.contains_key(&call), "{call}");
        }
    }

    #[test]
    fn landlock_is_told_by_what_it_protects() {
        let told = |abi| {
            let (mut yes, mut no) = (Vec::new(), Vec::new());
            for part in covered(abi) {
                match part {
                    Ok(part) => yes.push(part),
                    Err(part) => no.push(part),
                }
            }
            (yes.join(", "), no.join(", "))
        };
        assert_eq!(
            told(ABI::V3),
            (
                "Landlock for files".to_owned(),
                "Landlock for connections (needs Linux 6.7), Landlock for signals (needs Linux 6.12)"
                    .to_owned()
            )
        );
        assert_eq!(told(ABI::V6).1, "");
    }

    #[test]
    fn what_is_missing_is_said() {
        let sandbox = Sandbox {
            in_force: vec!["system call filter".to_owned(), "512 MiB of memory".to_owned()],
            unavailable: vec!["Landlock (not in this kernel)".to_owned()],
        };
        assert_eq!(
            sandbox.to_string(),
            "system call filter, 512 MiB of memory; not available: Landlock (not in this kernel)"
        );
    }
}
