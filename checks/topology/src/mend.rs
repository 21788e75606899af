//! What findings about the layout of the machine ask for.

use plumb_check_sdk::{Finding, Intent, Missing, ProviderRequest};

/// Adds what would mend a deviation: in a virtual machine a layout that follows the host, else `own`. Where nobody can tell
/// which of the two it is, nothing is asked for.
pub(crate) fn layout(
    finding: Finding,
    hypervisor: &Result<Option<String>, Missing>,
    own: Option<Intent>,
) -> Finding {
    finding.mended_by(match hypervisor {
        Ok(Some(_)) => Some(Intent::Provider { request: ProviderRequest::VirtualNuma }),
        Ok(None) => own,
        Err(_) => None,
    })
}
