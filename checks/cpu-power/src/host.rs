//! What the absence of a power setting means: in a virtual machine the hypervisor keeps it, elsewhere nobody told.

use plumb_check_sdk::{Absence, CheckMeta, Evidence, Finding, Missing};

/// The one finding where the node has no `what`. Needs `/node/virtualization`.
///
/// # Errors
/// Without knowing whether this is a virtual machine, absence tells nothing; other reasons are passed on.
pub(crate) fn without(
    meta: &CheckMeta,
    evidence: &Evidence<'_>,
    what: &str,
    missing: Missing,
) -> Result<Vec<Finding>, Missing> {
    if missing.missing != Absence::Absent {
        return Err(missing);
    }
    let virtualization: String = evidence.get("/node/virtualization")?;
    Ok(vec![if virtualization == "none" {
        meta.not_run("node", format!("no {what} to be seen on bare metal: {}", missing.reason))
    } else {
        meta.not_applicable(
            "node",
            format!("virtual machine ({virtualization}) without {what}: ask the provider"),
        )
    }])
}

/// True where the evidence says that this is a virtual machine. Needs `/node/virtualization`.
pub(crate) fn is_virtual(evidence: &Evidence<'_>) -> Result<bool, Missing> {
    Ok(evidence.get::<String>("/node/virtualization")? != "none")
}
