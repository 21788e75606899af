//! Whether there is a hypervisor or a container around the node.

use super::{InferenceServer, Node};
use crate::fact::{Fact, Missing};

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

/// The command by which whoever runs the host of a container sees how it was started. In a container of Docker or Podman, and
/// in a pod, the host name is the name that the engine knows it by, unless somebody has set another.
#[must_use]
pub fn inspection(runtime: &str, hostname: &Fact<String>) -> String {
    let is_name = |name: &&String| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain)
    };
    match (runtime, hostname.known().filter(is_name)) {
        ("docker" | "podman", Some(name)) => format!("{runtime} inspect {name}"),
        ("docker" | "podman", None) => format!("{runtime} ps"),
        ("kubernetes", Some(name)) => format!("kubectl get pod {name} -o yaml"),
        ("kubernetes", None) => "kubectl get pods -o wide".to_owned(),
        _ => "plumb audit".to_owned(),
    }
}

/// What a server runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Housing<'a> {
    /// A container, by its id.
    Container(&'a str),
    /// The container that the node is seen from within: what started it is on the host. The id, where the group tells it.
    Inside(Option<&'a str>),
    /// A unit of systemd.
    Unit(&'a str),
    /// Neither a unit nor a container.
    Open,
}

impl InferenceServer {
    /// What the server runs in; `runtime` is the container that the node is seen from within, as of
    /// [`Node::container_runtime`].
    ///
    /// # Errors
    /// Says why it is not known.
    pub fn housing(&self, runtime: Result<Option<&str>, Missing>) -> Result<Housing<'_>, Missing> {
        let is_inside = matches!(runtime, Ok(Some(_)));
        match (&self.container, &self.unit) {
            (Fact::Known(id), _) if is_inside => Ok(Housing::Inside(Some(id))),
            (Fact::Known(id), _) => Ok(Housing::Container(id)),
            // A container with an init of its own has units, too.
            (_, Fact::Known(unit)) => Ok(Housing::Unit(unit)),
            _ if is_inside => Ok(Housing::Inside(None)),
            (Fact::Missing(why), _) if !why.is_absent() => Err(why.clone()),
            (_, Fact::Missing(why)) if !why.is_absent() => Err(why.clone()),
            _ => Ok(Housing::Open),
        }
    }
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
    fn a_server_runs_where_its_group_and_the_view_say() {
        let absent = || Fact::absent("not there");
        let hidden = || Fact::Missing(Missing::not_recorded("a namespace of its own"));
        let known = |name: &str| Fact::Known(name.to_owned());
        let server = |container, unit| InferenceServer { container, unit, ..InferenceServer::default() };
        let (host, inside) = (|| Ok(None), || Ok(Some("docker")));
        let unknown = || Err(Missing::not_recorded("/proc/1/cgroup"));
        assert_eq!(server(known("a"), absent()).housing(host()), Ok(Housing::Container("a")));
        assert_eq!(server(known("a"), absent()).housing(inside()), Ok(Housing::Inside(Some("a"))));
        assert_eq!(server(hidden(), hidden()).housing(inside()), Ok(Housing::Inside(None)));
        assert_eq!(server(absent(), absent()).housing(inside()), Ok(Housing::Inside(None)));
        assert!(server(hidden(), hidden()).housing(unknown()).is_err());
        assert!(server(hidden(), hidden()).housing(host()).is_err());
        assert_eq!(server(absent(), known("v.service")).housing(inside()), Ok(Housing::Unit("v.service")));
        assert_eq!(server(absent(), absent()).housing(unknown()), Ok(Housing::Open));
    }

    #[test]
    fn the_host_is_asked_in_words_of_its_engine() {
        let name = |text: &str| Fact::Known(text.to_owned());
        assert_eq!(inspection("docker", &name("3f1c8a7be2d0")), "docker inspect 3f1c8a7be2d0");
        assert_eq!(inspection("docker", &name("a; rm")), "docker ps");
        assert_eq!(inspection("kubernetes", &name("llm-0")), "kubectl get pod llm-0 -o yaml");
        assert_eq!(inspection("container", &name("x")), "plumb audit");
    }

    #[test]
    fn none_is_the_word_for_nothing_around() {
        assert_eq!((hypervisor("none"), hypervisor("kvm")), (None, Some("kvm")));
        assert_eq!((container_runtime("none"), container_runtime("docker")), (None, Some("docker")));
    }
}
