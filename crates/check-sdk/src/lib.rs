//! Everything that the author of a Plumb check pack depends on.
//!
//! A pack is one `cdylib` that holds several [`Check`]s. Each check looks at the parts of the evidence that its
//! [`CheckMeta`] declares and answers with [`Finding`]s. The engine, not the check, turns findings into risk.
//!
//! [`export_pack!`] exports a pack; [`limit`] has thresholds that carry their unit; [`model`] is the schema of the
//! evidence. The boundary itself, for packs in other languages, is in [`abi`].
#![warn(missing_docs)]

pub mod abi;
mod evidence;
#[doc(hidden)]
pub mod export;
pub mod finding;
pub mod intent;
pub mod limit;
pub mod meta;
pub mod object;
mod pack;
pub mod page;
mod verdict;
pub mod words;

pub use evidence::{DocumentError, Evidence, parsed};
pub use finding::{Cause, Citation, Confidence, Finding, Likelihood, Outcome, Words};
pub use intent::{
    FirmwareSetting, GpuState, HardwarePart, Intent, KubeletSetting, NicSetting, ProviderRequest,
    ServiceSetting, Step, UpdatePart,
};
pub use meta::{
    Category, ChangeKind, CheckMeta, Claim, List, PackManifest, Question, Reference, Remediation, Severity,
    Text, Threshold, ThresholdBasis,
};
pub use object::{Object, ObjectKind};
pub use pack::{Check, Pack, Reply};
pub use page::Page;
pub use plumb_evidence::model::WorkloadTrait;
pub use plumb_evidence::{Absence, CpuSet, Fact, IndexSet, Missing, NodeSet, if_any, model};
pub use verdict::NoVerdict;
pub use words::{Arg, Said};
