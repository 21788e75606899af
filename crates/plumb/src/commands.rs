//! One module per command.

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod collect;
pub(crate) mod compare;
pub(crate) mod experiment;
pub(crate) mod fleet;
pub(crate) mod helper;
pub(crate) mod import;
pub(crate) mod noise;
pub(crate) mod observe;
pub(crate) mod packs;
pub(crate) mod remediate;
pub(crate) mod report;
pub(crate) mod shell;
