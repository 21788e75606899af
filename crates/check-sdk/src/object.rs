//! What a finding is about, typed.

use serde::{Deserialize, Serialize};

use crate::CpuSet;

/// What kind of thing a finding is about. Reports name it in the reader's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// The node as a whole; its id is empty.
    Node,
    /// A list of CPUs, as the kernel writes lists: `0-7,16`.
    Cpus,
    /// A physical package of CPUs, by its name.
    Package,
    /// A NUMA node, by its number.
    NumaNode,
    /// A GPU or other accelerator, by PCI address.
    Gpu,
    /// A network interface or adapter.
    Nic,
    /// An inference server, by the process id of its first process.
    Server,
    /// A process, by its id.
    Process,
    /// A thread, by its id.
    Thread,
    /// A container, by its id.
    Container,
    /// A unit of systemd.
    Unit,
    /// A control group, by its path.
    Cgroup,
    /// A file, by its path.
    File,
    /// A setting of the node that is not one file: turbo, boot arguments.
    Setting,
    /// A load test or another measurement, by its file in the bundle.
    Measurement,
    /// Anything else, by its name.
    Other,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// What kind of thing it is.
    pub kind: ObjectKind,
    /// Which one, in a form that a program can compare.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The name that waivers and comparisons match by, where it is not made of kind and id alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Object {
    /// The node as a whole.
    #[must_use]
    pub fn node() -> Self {
        Self { kind: ObjectKind::Node, id: String::new(), name: String::new() }
    }

    /// A set of CPUs.
    #[must_use]
    pub fn cpus(cpus: &CpuSet) -> Self {
        Self::new(ObjectKind::Cpus, cpus.to_string())
    }

    /// A GPU by its PCI address.
    #[must_use]
    pub fn gpu(address: impl Into<String>) -> Self {
        Self::new(ObjectKind::Gpu, address)
    }

    /// A setting of the node by the name that findings use for it.
    #[must_use]
    pub fn setting(name: impl Into<String>) -> Self {
        Self::new(ObjectKind::Setting, name)
    }

    /// A thing of this kind.
    #[must_use]
    pub fn new(kind: ObjectKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into(), name: String::new() }
    }

    /// Another name for it than its kind and id give.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name of it: the `subject` of a finding.
    #[must_use]
    pub fn subject(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        match self.kind {
            ObjectKind::Node => "node".to_owned(),
            ObjectKind::Cpus => format!("CPUs {}", self.id),
            ObjectKind::NumaNode => format!("node {}", self.id),
            ObjectKind::Gpu => format!("GPU {}", self.id),
            ObjectKind::Server => format!("server {}", self.id),
            ObjectKind::Process => format!("process {}", self.id),
            ObjectKind::Thread => format!("thread {}", self.id),
            ObjectKind::Package
            | ObjectKind::Nic
            | ObjectKind::Container
            | ObjectKind::Unit
            | ObjectKind::Cgroup
            | ObjectKind::File
            | ObjectKind::Setting
            | ObjectKind::Measurement
            | ObjectKind::Other => self.id.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_the_names_that_waivers_match() {
        assert_eq!(Object::node().subject(), "node");
        assert_eq!(Object::cpus(&"0-3".parse().unwrap()).subject(), "CPUs 0-3");
        assert_eq!(Object::gpu("0000:18:00.0").subject(), "GPU 0000:18:00.0");
        assert_eq!(Object::setting("turbo").subject(), "turbo");
        assert_eq!(Object::new(ObjectKind::Server, "7").named("vllm 7").subject(), "vllm 7");
    }
}
