//! What the absence of a power setting means: in a virtual machine the hypervisor keeps it, elsewhere nobody told.

use plumb_check_sdk::{Arg, Evidence, Missing, NoVerdict, Said};

use crate::pages::cpu_governor::words;

/// What to say where a power setting is `missing`: the sentence that all pages have for what the hypervisor keeps; on a node
/// that is no virtual machine, what `unexplained` makes of the reason. Needs `/node/virtualization`.
pub(crate) fn lack<S: Into<Said>>(
    evidence: &Evidence<'_>,
    missing: Missing,
    unexplained: impl FnOnce(Arg) -> S,
) -> NoVerdict {
    if !missing.is_absent() {
        return missing.into();
    }
    match evidence.get::<String>("/node/virtualization") {
        Ok(kind) if kind == "none" => unexplained(missing.reason.into()).into().into(),
        Ok(kind) => NoVerdict::not_applicable(words::Virtual { virtualization: kind.into() }),
        // Without knowing whether this is a virtual machine, absence tells nothing.
        Err(why) => why.into(),
    }
}

/// True where the evidence says that this is a virtual machine. Needs `/node/virtualization`.
pub(crate) fn is_virtual(evidence: &Evidence<'_>) -> Result<bool, Missing> {
    Ok(evidence.get::<String>("/node/virtualization")? != "none")
}
