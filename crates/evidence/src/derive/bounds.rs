//! How many objects of a kind are judged.
//!
//! Whoever sends a bundle chooses what it names, and a small file can name a million processes. No node has as many as these
//! limits allow. Beyond them nothing is judged: the first few could all be well, and would pass for the rest.

use crate::fact::{Absence, Missing};

/// Processes and threads of the kernel; a node with 512 CPUs has some 10,000.
pub(super) const PROCESSES: usize = 1 << 15;
/// Inference servers.
pub(super) const SERVERS: usize = 512;
/// Devices on the PCI bus, virtual functions included.
pub(super) const PCI_DEVICES: usize = 1 << 14;
/// GPUs and other accelerators.
pub(super) const GPUS: usize = 512;

/// # Errors
/// There are more than `most` of them.
pub(super) fn at_most(most: usize, count: usize, what: &str) -> Result<(), Missing> {
    if count > most {
        let why = format!("{count} {what} are too many: up to {most} are judged, so none was");
        return Err(Missing::new(Absence::Truncated, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;
    use crate::derive::{gpu, pci};
    use crate::fact::Fact;

    /// How many GPUs a node with so many cards has.
    fn cards(count: usize) -> Result<usize, Missing> {
        let folder = |card: usize| format!("/sys/bus/pci/devices/{:04x}:00:00.0", card);
        let files: Vec<(String, &str)> = (0..count)
            .flat_map(|card| {
                let file = |name: &str| format!("{}/{name}", folder(card));
                [(file("class"), "0x030200"), (file("vendor"), "0x10de"), (file("device"), "0x2330")]
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let tree = Tree::of(&files);
        let devices: Fact<_> = pci::derive(&tree).into();
        let (numa, hwloc, nvml) = (Fact::absent("none"), Fact::absent("none"), Fact::absent("none"));
        gpu::derive(&tree, &devices, &numa, &hwloc, &nvml).map(|gpus| gpus.len())
    }

    #[test]
    fn gpus_of_no_real_node_are_not_judged() {
        assert_eq!(cards(16).unwrap(), 16);
        let why = cards(GPUS + 1).unwrap_err();
        assert!(why.to_string().contains("513 GPUs are too many"), "{why}");
    }

    #[test]
    fn one_too_many_is_none_at_all() {
        assert_eq!(at_most(2, 2, "things"), Ok(()));
        let why = at_most(2, 3, "things").unwrap_err();
        assert_eq!(why.missing, Absence::Truncated);
        assert!(why.to_string().contains("3 things are too many"), "{why}");
    }
}
