//! The manifest of a bundle: what was asked, what came back, and the hash of every file.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::fact::Absence;
use crate::model::Origin;

/// Version of the bundle format that this code writes; it reads this one and all before it.
pub const BUNDLE_SCHEMA: u32 = 1;

/// Name of the manifest inside a bundle.
pub const MANIFEST_NAME: &str = "manifest.json";

/// The manifest of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`BUNDLE_SCHEMA`] of the writer.
    pub schema: u32,
    /// Version of the collecting tool.
    pub tool_version: String,
    /// Start of the collection, RFC 3339, UTC.
    pub started: String,
    /// End of the collection, RFC 3339, UTC.
    pub finished: String,
    /// Pseudonym of the node: the same for two bundles of one node, without telling its name.
    pub host_token: String,
    /// Live node or recorded tree.
    pub origin: Origin,
    /// True where the tree is a running node's own `/proc` and `/sys`, mounted elsewhere, as for a container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mounted: bool,
    /// False if the collection was interrupted.
    pub complete: bool,
    /// What the collector was allowed to do.
    pub privileges: Privileges,
    /// What the collection cost the node.
    pub cost: Cost,
    /// When each of the repeated readings began, in µs since the first; empty without `--sample`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples_us: Vec<u64>,
    /// What each probe came to, in the order in which they ran.
    pub probes: Vec<ProbeRecord>,
    /// Every file of the bundle except the manifest, by path.
    pub files: Vec<FileRecord>,
    /// Files of the node that are there but could not be read, by path. What is in neither list was absent.
    pub unread: Vec<Unread>,
    /// Folders that a recorded tree has and of which nothing is in the bundle, sorted: they hold something, but nothing that the
    /// collector asks for. What such a folder lacks was not left out by whoever recorded the tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// Processes that the user named as inference servers, by id; what descends from them belongs to them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub servers: BTreeSet<u32>,
    /// What was changed in the files to keep secrets and names out.
    pub redactions: Vec<String>,
}

impl Manifest {
    /// Whether the files were looked for on the node itself, so that those that were not found are absent. A recorded tree
    /// holds what somebody chose to copy.
    #[must_use]
    pub fn looked_at_node(&self) -> bool {
        self.origin != Origin::Sysroot || self.mounted
    }

    /// A manifest of nothing: no probe ran, and no file was read.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            schema: BUNDLE_SCHEMA,
            tool_version: String::new(),
            started: String::new(),
            finished: String::new(),
            host_token: String::new(),
            origin,
            mounted: false,
            complete: true,
            privileges: Privileges { euid: 0, cap_eff: String::new() },
            cost: Cost::default(),
            samples_us: Vec::new(),
            probes: Vec::new(),
            files: Vec::new(),
            unread: Vec::new(),
            folders: Vec::new(),
            servers: BTreeSet::new(),
            redactions: Vec::new(),
        }
    }
}

/// What the collector was allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privileges {
    /// Effective user id.
    pub euid: u32,
    /// Effective capabilities as a hexadecimal mask, from `/proc/self/status`.
    pub cap_eff: String,
}

/// What the collection cost the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// CPU time of the collector and its helpers in µs.
    pub cpu_us: u64,
    /// Wall time in µs.
    pub wall_us: u64,
    /// Peak resident memory of the collector itself in KiB.
    pub peak_rss_kib: u64,
    /// What each helper process cost, by its probe; one that was ended by force has not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub helpers: Vec<HelperCost>,
    /// CPUs that the collector was confined to, as the kernel lists them (`0-3,8`).
    #[serde(default)]
    pub cpus: String,
    /// How they were chosen, in words.
    #[serde(default)]
    pub placement: String,
    /// Niceness of the collector, -20 to 19.
    #[serde(default)]
    pub nice: i32,
}

/// What a helper process cost the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperCost {
    /// Id of the probe, for example `nvml`.
    pub probe: String,
    /// CPU time in µs; part of that of the collector.
    pub cpu_us: u64,
    /// Peak resident memory in KiB; not part of that of the collector.
    pub peak_rss_kib: u64,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStatus {
    /// Everything that it asks for was there and readable.
    Ok,
    /// Some files were not readable; they are listed as unread.
    Denied,
    /// The node does not have the subject.
    Absent,
    /// The time budget ran out.
    Timeout,
    /// A limit on size was reached.
    Truncated,
    /// The collector was told not to run it.
    Skipped,
    /// It failed in another way.
    Failed,
}

impl ProbeStatus {
    /// The word used in every output format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.absence().map_or("ok", Absence::as_str)
    }

    /// What the status means for a file that the probe should have read but is not in the bundle.
    #[must_use]
    pub fn absence(self) -> Option<Absence> {
        match self {
            Self::Ok => None,
            Self::Denied => Some(Absence::Denied),
            Self::Absent => Some(Absence::Absent),
            Self::Timeout => Some(Absence::Timeout),
            Self::Truncated => Some(Absence::Truncated),
            Self::Skipped => Some(Absence::Skipped),
            Self::Failed => Some(Absence::Failed),
        }
    }
}

/// What a probe came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Id of the probe, for example `pci`.
    pub id: String,
    /// How it ended.
    pub status: ProbeStatus,
    /// In words, where the status is not `ok`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// True if the status comes from single files, which are listed in [`Manifest::unread`]; false if it holds for the
    /// probe as a whole.
    #[serde(default)]
    pub itemised: bool,
    /// Folders and files that the probe reads; what lies below them and is not in the bundle shares its status.
    pub reads: Vec<String>,
    /// Wall time in µs.
    pub duration_us: u64,
    /// Number of files it added.
    pub files: u64,
    /// Bytes it added.
    pub bytes: u64,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Path inside the bundle.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A file of the node that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// Path on the node.
    pub path: String,
    /// Why.
    pub status: Absence,
    /// In words.
    pub reason: String,
}
