//! A worker on a kernel that lacks what is named in its arguments: `landlock`, `seccomp`, `close_range`. For tests of what is
//! then said and done.

use std::process::ExitCode;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

fn main() -> ExitCode {
    for argument in std::env::args().skip(1) {
        if hide(&argument).is_none() {
            return ExitCode::from(2);
        }
    }
    plumb_pack_host::worker_main()
}

fn hide(what: &str) -> Option<()> {
    let filter = |calls: Vec<(i64, Vec<SeccompRule>)>, errno: i32| -> Option<()> {
        let errno = SeccompAction::Errno(errno.unsigned_abs());
        let arch = std::env::consts::ARCH.try_into().ok()?;
        let filter =
            SeccompFilter::new(calls.into_iter().collect(), SeccompAction::Allow, errno, arch).ok()?;
        let program: BpfProgram = filter.try_into().ok()?;
        seccompiler::apply_filter(&program).ok()
    };
    match what {
        "landlock" => filter(vec![(libc::SYS_landlock_create_ruleset, vec![])], libc::ENOSYS),
        "close_range" => filter(vec![(libc::SYS_close_range, vec![])], libc::ENOSYS),
        "seccomp" => {
            let mode = libc::PR_SET_SECCOMP.unsigned_abs().into();
            let set = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, mode).ok()?;
            let prctl = (libc::SYS_prctl, vec![SeccompRule::new(vec![set]).ok()?]);
            filter(vec![(libc::SYS_seccomp, vec![]), prctl], libc::EINVAL)
        }
        _ => None,
    }
}
