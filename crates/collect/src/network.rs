//! Keeps the collector off the network, by a rule of the kernel.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Families of sockets that stay on this machine: GPU libraries speak to their daemons through AF_UNIX, and libudev, by
/// which hwloc finds devices, hears the kernel through AF_NETLINK.
const LOCAL: [u64; 2] = [1, 16];

/// Forbids this thread, and all threads and processes that it starts from now on, to create sockets that could leave the
/// machine: all but local (unix) and netlink ones fail with EPERM.
///
/// There is no way back. `io_uring`, through which sockets can be made without socket(2), fails as well.
///
/// # Errors
/// Says why the kernel does not take the rule; collecting works without it too.
pub fn forbid_network() -> Result<(), String> {
    // Numbers of socket(2) and of io_uring_setup(2). On x86-64 the filter also sees calls of the x32 ABI, which are the
    // same ones under numbers with bit 30 set.
    let (arch, sockets, rings): (_, &[i64], &[i64]) = match std::env::consts::ARCH {
        "x86_64" => (TargetArch::x86_64, &[41, 0x4000_0029], &[425, 0x4000_01a9]),
        "aarch64" => (TargetArch::aarch64, &[198], &[425]),
        other => return Err(format!("no rule for the architecture {other}")),
    };
    let foreign = || {
        let conditions = LOCAL
            .into_iter()
            .map(|family| SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family))
            .collect::<Result<Vec<_>, _>>()?;
        SeccompRule::new(conditions)
    };
    let mut rules = BTreeMap::new();
    for &number in sockets {
        rules.insert(number, vec![foreign().map_err(|error| error.to_string())?]);
    }
    for &number in rings {
        // No rule: whatever the arguments are.
        rules.insert(number, Vec::new());
    }
    let eperm = 1;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(eperm), arch)
        .map_err(|error| error.to_string())?;
    let program: BpfProgram =
        filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}
