//! Whether there is a hypervisor or a container around the node.

use super::Node;
use crate::fact::Missing;

/// The hypervisor by the text of `/node/virtualization`; `None` on bare metal.
#[must_use]
pub fn hypervisor(virtualization: &str) -> Option<&str> {
    around(virtualization)
}

/// The container runtime by the text of `/node/container`; `None` outside a container.
#[must_use]
pub fn container_runtime(container: &str) -> Option<&str> {
    around(container)
}

fn around(name: &str) -> Option<&str> {
    (name != "none").then_some(name)
}

impl Node {
    /// The hypervisor; `None` on bare metal.
    ///
    /// # Errors
    /// Says why nobody can tell. That is no bare metal.
    pub fn hypervisor(&self) -> Result<Option<&str>, Missing> {
        Ok(hypervisor(self.virtualization.require()?))
    }

    /// The container runtime that the collector ran in; `None` outside a container.
    ///
    /// # Errors
    /// Says why nobody can tell.
    pub fn container_runtime(&self) -> Result<Option<&str>, Missing> {
        Ok(container_runtime(self.container.require()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_the_word_for_nothing_around() {
        assert_eq!((hypervisor("none"), hypervisor("kvm")), (None, Some("kvm")));
        assert_eq!((container_runtime("none"), container_runtime("docker")), (None, Some("docker")));
    }
}
