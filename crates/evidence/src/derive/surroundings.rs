//! Whether the node is seen from inside of a container: everything that tells it, in one place.

use crate::derive::cgroup::MOUNT;
use crate::derive::container::id_of;
use crate::fact::Missing;
use crate::source::Source;

/// Namespaces of the first process. The kernel numbers those that it starts with the same everywhere
/// (`include/linux/proc_ns.h`); any other is one that somebody made, as engines of containers do.
pub const NAMESPACES: &[(&str, &str)] = &[("cgroup", "cgroup:[4026531835]"), ("pid", "pid:[4026531836]")];

/// Mounts of the first process.
const MOUNTS: &str = "/proc/1/mountinfo";

/// Name of a container whose engine nothing names.
const UNNAMED: &str = "container";

/// Words in paths of control groups, with the name of the engine.
const WORDS: &[(&str, &str)] = &[
    ("kubepods", "kubernetes"),
    ("libpod", "podman"),
    ("docker", "docker"),
    ("lxc", "lxc"),
    ("crio", "crio"),
    ("containerd", "containerd"),
];

/// Files that a group has and the root of all groups has not: version 2, then version 1 with the text for no limit.
const LIMITS: &[&str] = &["cpu.max", "memory.max", "pids.max", "cpuset.cpus", "cgroup.type"];

/// The engine of the container that the node is seen from within, `none` on a host.
///
/// # Errors
/// Says that nothing tells.
pub(super) fn container(source: &impl Source) -> Result<String, Missing> {
    let groups = source.text("/proc/1/cgroup");
    let mounts = source.text(MOUNTS).unwrap_or_default();
    let told = |name: &str| Ok(name.to_owned());
    // In a pod, what the engine beneath left is there as well.
    let is_pod = groups.as_ref().is_ok_and(|groups| groups.contains("kubepods"))
        || mount_points(&mounts)
            .any(|(place, _)| place.ends_with("/run/secrets/kubernetes.io/serviceaccount"));
    if is_pod {
        return told("kubernetes");
    }
    for (file, name) in [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")] {
        if source.read(file).is_ok() {
            return told(name);
        }
    }
    if let Ok(name) = source.text("/run/systemd/container") {
        return Ok(name);
    }
    if let Some(name) = variable(source) {
        return Ok(name);
    }
    if let Some(name) = groups.as_ref().ok().and_then(|groups| by_word(groups)) {
        return told(name);
    }
    // Layers of an engine. A node without disks may have an overlay for its root as well.
    let layers = mount_points(&mounts).filter(|(place, _)| *place == "/").last();
    if let Some(name) = layers.and_then(|(_, rest)| rest.strip_prefix("overlay ").and_then(by_layers)) {
        return told(name);
    }
    if has_limits_at_the_top(source) {
        return told(UNNAMED);
    }
    let own = namespaces(source);
    if own == Some(true) {
        return told(UNNAMED);
    }
    let groups = groups?;
    // Under systemd, process 1 is in a group of its own (`/init.scope`). At the root it is in a private namespace of
    // groups, as containers have it, or there is no systemd.
    if own.is_none() && groups.lines().all(|line| line.ends_with(":/")) {
        let reason = "process 1 is at the root of its control groups: a container with a namespace of its own, or no \
                      systemd";
        return Err(Missing::not_recorded(reason));
    }
    told("none")
}

/// Whether the groups that are seen end below those of the host.
pub(super) fn is_inside(source: &impl Source) -> bool {
    container(source).is_ok_and(|name| name != "none")
}

/// Whether control groups are named after a container.
pub(super) fn names_container(groups: &str) -> bool {
    by_word(groups).is_some() || id_of(groups).is_some()
}

fn by_word(groups: &str) -> Option<&'static str> {
    WORDS.iter().find(|(word, _)| groups.contains(word)).map(|&(_, name)| name)
}

/// Places of mounts, and of each what kind it is, what is mounted and its options.
fn mount_points(mounts: &str) -> impl Iterator<Item = (&str, &str)> {
    mounts.lines().filter_map(|line| {
        let (mount, rest) = line.split_once(" - ")?;
        Some((mount.split(' ').nth(4)?, rest))
    })
}

/// The engine whose layers these are.
fn by_layers(options: &str) -> Option<&'static str> {
    if options.contains("/containers/storage/") {
        return Some("podman");
    }
    ["/docker/", "/containerd/"]
        .into_iter()
        .find(|folder| options.contains(folder))
        .map(|folder| folder.trim_matches('/'))
}

/// The variable by which engines tell the first process that it is in a container (systemd.io, CONTAINER_INTERFACE).
fn variable(source: &impl Source) -> Option<String> {
    let text = source.text("/proc/1/environ").ok()?;
    let name = text.split('\0').find_map(|pair| pair.strip_prefix("container="))?;
    Some(match name {
        "oci" | "" => UNNAMED.to_owned(),
        name => name.to_owned(),
    })
}

/// True if the outermost group has what only groups below the root of all have.
fn has_limits_at_the_top(source: &impl Source) -> bool {
    let has_quota = |controllers: &str| {
        let path = format!("{MOUNT}/{controllers}/cpu.cfs_quota_us");
        source.parse::<i64>(&path).is_ok_and(|quota| quota > 0)
    };
    LIMITS.iter().any(|name| source.read(&format!("{MOUNT}/{name}")).is_ok())
        || ["cpu,cpuacct", "cpu"].iter().any(|controllers| has_quota(controllers))
}

/// Whether the first process is in namespaces that somebody made; `None` where that was not read.
fn namespaces(source: &impl Source) -> Option<bool> {
    let own = NAMESPACES.iter().map(|(name, first)| {
        let path = |process: &str| format!("/proc/{process}/ns/{name}");
        let link = source.link(&path("1")).or_else(|_| source.link(&path("self"))).ok()?;
        Some(link != *first)
    });
    let own: Option<Vec<bool>> = own.collect();
    own.map(|own| own.contains(&true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;

    fn of(files: &[(&str, &str)]) -> Option<String> {
        container(&Tree::of(files)).ok()
    }

    const PRIVATE: (&str, &str) = ("/proc/1/cgroup", "0::/\n");

    #[test]
    fn each_sign_tells_by_itself() {
        let overlay = "1 0 0:50 / / rw,relatime - overlay overlay rw,lowerdir=";
        let mount = |layers: &str| format!("{overlay}{layers}\n");
        let pod = "9 1 0:60 / /run/secrets/kubernetes.io/serviceaccount ro - tmpfs tmpfs rw\n";
        for (file, text, name) in [
            ("/.dockerenv", "", "docker"),
            ("/run/.containerenv", "engine=\"podman\"", "podman"),
            ("/run/systemd/container", "lxc", "lxc"),
            ("/proc/1/environ", "container=podman", "podman"),
            ("/proc/1/environ", "container=oci", "container"),
            ("/proc/1/mountinfo", pod, "kubernetes"),
            ("/proc/1/mountinfo", &mount("/var/lib/docker/overlay2/l/A"), "docker"),
            ("/proc/1/mountinfo", &mount("/var/lib/containers/storage/overlay/l/A"), "podman"),
            (
                "/proc/1/mountinfo",
                &mount("/var/lib/containerd/io.containerd.snapshotter.v1/1/fs"),
                "containerd",
            ),
            ("/sys/fs/cgroup/cpu.max", "max 100000", "container"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "765000", "container"),
        ] {
            assert_eq!(of(&[PRIVATE, (file, text)]).as_deref(), Some(name), "{file} {text}");
        }
        let namespaced =
            [("/proc/1/ns/cgroup", "-> cgroup:[4026532999]"), ("/proc/1/ns/pid", "-> pid:[4026531836]")];
        assert_eq!(of(&[PRIVATE, namespaced[0], namespaced[1]]).as_deref(), Some("container"));
        let groups = "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope";
        assert_eq!(of(&[("/proc/1/cgroup", groups), ("/.dockerenv", "")]).as_deref(), Some("kubernetes"));
    }

    #[test]
    fn a_host_is_none_and_an_open_question_stays_one() {
        let first =
            [("/proc/1/ns/cgroup", "-> cgroup:[4026531835]"), ("/proc/1/ns/pid", "-> pid:[4026531836]")];
        assert_eq!(of(&[("/proc/1/cgroup", "0::/init.scope")]).as_deref(), Some("none"));
        assert_eq!(of(&[PRIVATE]), None);
        assert_eq!(of(&[PRIVATE, first[0], first[1]]).as_deref(), Some("none"), "a host without systemd");
        // A node without disks.
        let diskless = "1 0 0:50 / / rw - overlay overlay rw,lowerdir=/run/rootfs,upperdir=/run/tmp\n";
        let host = ("/proc/1/cgroup", "0::/init.scope");
        assert_eq!(of(&[host, ("/proc/1/mountinfo", diskless)]).as_deref(), Some("none"));
        assert_eq!(
            of(&[host, ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1")]).as_deref(),
            Some("none")
        );
    }
}
