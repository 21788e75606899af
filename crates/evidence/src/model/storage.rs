//! Block devices and file systems that hold models.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// Block devices and file systems that hold models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// NVMe controllers, by name; known to be empty where the kernel has none.
    pub nvme: Fact<Vec<NvmeController>>,
    /// Block devices with a queue, by name.
    pub block: Fact<Vec<BlockDevice>>,
    /// Where the model of each inference server is, by PID of the server.
    pub models: Fact<Vec<ModelStore>>,
}

/// One NVMe controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NvmeController {
    /// Folder that it was read from, `/sys/class/nvme/nvme0`; fields are named after its files.
    pub path: String,
    /// `nvme0`
    pub name: String,
    /// PCI address, or that of the remote end for NVMe over fabrics.
    pub address: Fact<String>,
    /// `pcie`, `tcp`, `rdma`, `fc`, …
    pub transport: Fact<String>,
    /// Product name.
    pub model: Fact<String>,
    /// NUMA node; -1 means that the firmware did not tell.
    pub numa_node: Fact<i32>,
}

/// One block device with a queue of its own; not a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockDevice {
    /// Folder that it was read from, `/sys/block/nvme0n1`.
    pub path: String,
    /// `nvme0n1`
    pub name: String,
    /// `/sys/block/NAME/queue/rotational`: true for disks that turn.
    pub rotational: Fact<bool>,
    /// `queue/read_ahead_kb`
    pub read_ahead_kb: Fact<u64>,
    /// `queue/rq_affinity`: 0 completes anywhere, 1 in the group of the submitter, 2 on its CPU.
    pub rq_affinity: Fact<u32>,
    /// `queue/scheduler`, the one in force in brackets.
    pub scheduler: Fact<String>,
}

/// Where the model of an inference server is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelStore {
    /// PID of the server.
    pub server: u32,
    /// Folder or file of the model, as its processes see it.
    pub folder: Fact<String>,
    /// File system that holds it.
    pub mount: Fact<Mount>,
}

/// A mounted file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// File that it was read from, `/proc/PID/mountinfo`.
    pub path: String,
    /// Where it is mounted.
    pub mount_point: String,
    /// `ext4`, `nfs4`, `tmpfs`, …
    pub file_system: String,
    /// What is mounted: a device, `server:/export`, or a name of the file system's own.
    pub source: String,
    /// Names of the block devices that it lies on, below device mapper and RAID (`nvme0n1`); empty for file systems
    /// without one.
    pub disks: Fact<Vec<String>>,
}
