//! Commands on several bundles.

use std::path::PathBuf;

use clap::Args;

use super::{Client, Format, PackPaths, Rendering};

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The first state: a bundle, or a folder of bundles.
    pub(crate) before: PathBuf,
    /// The second state: a bundle, or a folder of bundles. Those of one node are matched by its pseudonym, or by host name
    /// where a bundle has none.
    pub(crate) after: PathBuf,
    /// How to print the result on standard output.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Folder for compare.pdf, compare-appendix.pdf, compare.md and so on; made if it is not there. Default: only standard output.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rendering: Rendering,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    #[command(flatten)]
    pub(crate) client: Client,
    /// Exit with 3 if a deviation is new or worse, with 4 if none is known to be but not all can be compared.
    #[arg(long)]
    pub(crate) fail_on_new: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// Bundles, and folders of bundles.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print the result on standard output.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Folder for fleet.pdf, fleet-appendix.pdf, fleet.md and so on; made if it is not there. Default: only standard output.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rendering: Rendering,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    #[command(flatten)]
    pub(crate) client: Client,
}
