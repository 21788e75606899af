//! What the absence of a power setting means: in a virtual machine the hypervisor keeps it, elsewhere nobody told.

use plumb_check_sdk::{Absence, Arg, Evidence, Missing};

/// Why a node does not have a power setting.
pub(crate) enum Lack {
    /// It is no virtual machine, and nothing else tells.
    Unexplained {
        /// What was looked for.
        reason: Arg,
    },
    /// The hypervisor keeps it.
    Virtual {
        /// Its name.
        virtualization: Arg,
    },
}

/// Why something is `missing`. Needs `/node/virtualization`.
///
/// # Errors
/// Without knowing whether this is a virtual machine, absence tells nothing; other reasons are passed on.
pub(crate) fn lack(evidence: &Evidence<'_>, missing: Missing) -> Result<Lack, Missing> {
    if missing.missing != Absence::Absent {
        return Err(missing);
    }
    let virtualization: String = evidence.get("/node/virtualization")?;
    Ok(if virtualization == "none" {
        Lack::Unexplained { reason: missing.reason.into() }
    } else {
        Lack::Virtual { virtualization: virtualization.into() }
    })
}

/// True where the evidence says that this is a virtual machine. Needs `/node/virtualization`.
pub(crate) fn is_virtual(evidence: &Evidence<'_>) -> Result<bool, Missing> {
    Ok(evidence.get::<String>("/node/virtualization")? != "none")
}
