//! Keeps the collector off the network, by a rule of the kernel.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Forbids this thread, and all threads and processes that it starts from now on, to create internet sockets.
///
/// There is no way back. Local (unix) sockets stay allowed: GPU libraries speak to their daemons through them.
///
/// # Errors
/// Says why the kernel does not take the rule; collecting works without it too.
pub fn forbid_network() -> Result<(), String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => TargetArch::x86_64,
        "aarch64" => TargetArch::aarch64,
        other => return Err(format!("no rule for the architecture {other}")),
    };
    // socket(2): number of the call, and the families AF_INET and AF_INET6.
    let socket = if arch == TargetArch::x86_64 { 41 } else { 198 };
    let rules = [2u64, 10]
        .into_iter()
        .map(|family| {
            let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family)?;
            SeccompRule::new(vec![condition])
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let eperm = 1;
    let filter = SeccompFilter::new(
        BTreeMap::from([(socket, rules)]),
        SeccompAction::Allow,
        SeccompAction::Errno(eperm),
        arch,
    )
    .map_err(|error| error.to_string())?;
    let program: BpfProgram =
        filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}
