//! Block devices, and the file systems that hold the models of inference servers.
//!
//! Where a model is follows from how the server was started: a path names its own folder; a name on a hub is in the cache
//! folder that an option or a variable gives. The folder is looked up in the mounts of the server's own process, since a
//! container has mounts of its own; a file system in layers (overlay) is looked up once more where its layers are, among
//! the mounts of process 1.

use procfs_core::process::MountInfo;

use crate::fact::{Absence, Fact, Missing};
use crate::model::{BlockDevice, InferenceServer, ModelStore, Mount, NvmeController, Role, Storage};
use crate::source::{Source, malformed};

/// Folder of the NVMe controllers.
pub const NVME: &str = "/sys/class/nvme";
/// Folder of the block devices, partitions included.
pub const CLASS_BLOCK: &str = "/sys/class/block";
/// Folder of the block devices with a queue.
pub const BLOCK: &str = "/sys/block";
/// Links from device numbers to devices.
pub const BY_NUMBER: &str = "/sys/dev/block";

/// Options that name the folder of models, in the order in which they count.
const FOLDER_OPTIONS: &[&str] = &["download-dir", "huggingface-hub-cache", "model-store", "model-repository"];
/// Variables that name the hub's cache, and the folder below it, in the order in which they count.
const CACHE_VARIABLES: &[(&str, &str)] = &[
    ("HF_HUB_CACHE", ""),
    ("HUGGINGFACE_HUB_CACHE", ""),
    ("HF_HOME", "/hub"),
    ("XDG_CACHE_HOME", "/huggingface/hub"),
];
/// Where the cache is unless a variable says otherwise, below the home folder; containers often have it mounted there.
const DEFAULT_CACHE: &str = "/.cache/huggingface";
/// Stacks of devices (a volume on a mirror on an encrypted partition) end here, as does a loop in a broken recording.
const MAX_STACK: usize = 16;
/// More devices than any stack has; layers of several devices each could otherwise be walked along every path through them.
const MAX_DEVICES: usize = 4096;

/// # Errors
/// Never as a whole: each part tells why it is missing.
pub(crate) fn derive(source: &impl Source, servers: &Fact<Vec<InferenceServer>>) -> Result<Storage, Missing> {
    let models = match servers {
        Fact::Known(servers) => {
            Fact::Known(servers.iter().map(|server| model_store(source, server)).collect())
        }
        Fact::Missing(missing) => Fact::Missing(missing.clone()),
    };
    Ok(Storage { nvme: nvme(source).into(), block: block(source).into(), models })
}

/// # Errors
/// Tells why controllers could not be listed; a kernel without any has none.
fn nvme(source: &impl Source) -> Result<Vec<NvmeController>, Missing> {
    let names = match source.list(NVME) {
        Err(why) if why.missing == Absence::Absent => Vec::new(),
        names => names?,
    };
    let controller = |name: String| {
        let path = format!("{NVME}/{name}");
        let file = |file: &str| format!("{path}/{file}");
        NvmeController {
            address: source.fact(&file("address")),
            transport: source.fact(&file("transport")),
            model: source.fact(&file("model")),
            numa_node: source.parse(&file("numa_node")).into(),
            name,
            path,
        }
    };
    Ok(names.into_iter().map(controller).collect())
}

fn block(source: &impl Source) -> Result<Vec<BlockDevice>, Missing> {
    let device = |name: String| {
        let path = format!("{BLOCK}/{name}");
        let queue = |file: &str| format!("{path}/queue/{file}");
        BlockDevice {
            rotational: source.parse::<u8>(&queue("rotational")).map(|number| number != 0).into(),
            read_ahead_kb: source.parse(&queue("read_ahead_kb")).into(),
            rq_affinity: source.parse(&queue("rq_affinity")).into(),
            scheduler: source.fact(&queue("scheduler")),
            name,
            path,
        }
    };
    match source.list(BLOCK) {
        // Containers may see none at all.
        Err(why) if why.missing == Absence::Absent => Ok(Vec::new()),
        // Loop devices and memory disks are there by the dozen, in use or not.
        names => Ok(names?.into_iter().filter(|name| !is_virtual(name)).map(device).collect()),
    }
}

fn is_virtual(name: &str) -> bool {
    ["loop", "ram", "zram"].iter().any(|kind| name.starts_with(kind))
}

fn model_store(source: &impl Source, server: &InferenceServer) -> ModelStore {
    let folder = folder(server).or_else(|why| mounted_cache(source, server.pid).ok_or(why));
    let mount = folder.as_ref().map_err(Clone::clone).and_then(|folder| mount(source, server.pid, folder));
    ModelStore { server: server.pid, folder: folder.into(), mount: mount.into() }
}

/// # Errors
/// A model that is named as on a hub, with no option and no variable that tells the folder of the cache.
fn folder(server: &InferenceServer) -> Result<String, Missing> {
    let model = server.model.require();
    if let Ok(model) = &model
        && model.starts_with('/')
    {
        return Ok((*model).clone());
    }
    if let Some(options) = server.options.known()
        && let Some(folder) = FOLDER_OPTIONS.iter().find_map(|option| options.get(*option))
        && folder.starts_with('/')
    {
        return Ok(folder.clone());
    }
    let model = model?;
    let is_loader = |role: Role| matches!(role, Role::GpuWorker | Role::EngineCore | Role::Whole);
    let loaders = server.processes.iter().filter(|process| is_loader(process.role));
    let environment = loaders.chain(&server.processes).find_map(|process| process.environment.known());
    let untold = || {
        let reason =
            format!("the model is named `{model}`, and nothing tells the folder that it was loaded from");
        Missing::new(Absence::Absent, reason)
    };
    let environment = environment.ok_or_else(untold)?;
    CACHE_VARIABLES
        .iter()
        .find_map(|(variable, below)| {
            let value = environment.get(*variable).filter(|value| value.starts_with('/'))?;
            Some(format!("{}{below}", value.trim_end_matches('/')))
        })
        .ok_or_else(untold)
}

/// The default folder of the cache, where something is mounted at it: the home folder itself is not known.
fn mounted_cache(source: &impl Source, pid: u32) -> Option<String> {
    let text = source.text(&format!("/proc/{pid}/mountinfo")).ok()?;
    let mut points = text.lines().filter_map(|line| Some(mount_point(&MountInfo::from_line(line).ok()?)));
    points.find(|point| point.ends_with(DEFAULT_CACHE) || point.ends_with(&format!("{DEFAULT_CACHE}/hub")))
}

fn mount(source: &impl Source, pid: u32, folder: &str) -> Result<Mount, Missing> {
    let path = format!("/proc/{pid}/mountinfo");
    let found = innermost(source, &path, folder)?;
    if found.fs_type != "overlay" {
        return Ok(describe(source, path, &found));
    }
    // The upper layer, or the uppermost of the lower ones: files that are read lie in any of them, mostly on one device.
    let option = |name: &str| found.super_options.get(name).cloned().flatten();
    let layer =
        option("upperdir").or_else(|| Some(option("lowerdir")?.split(':').next()?.to_owned())).ok_or_else(
            || Missing::new(Absence::Absent, format!("{path} does not name the layers of {folder}")),
        )?;
    let host = "/proc/1/mountinfo";
    let below = innermost(source, host, &layer)?;
    Ok(Mount { mount_point: mount_point(&found), ..describe(source, host.to_owned(), &below) })
}

/// The file system that a folder is on: of those mounted at or above it the longest, of equals the last.
fn innermost(source: &impl Source, path: &str, folder: &str) -> Result<MountInfo, Missing> {
    let text = source.text(path)?;
    let mut found: Option<MountInfo> = None;
    for line in text.lines() {
        let mount = MountInfo::from_line(line).map_err(|_| malformed(path, line))?;
        let point = mount_point(&mount);
        let rest = folder.strip_prefix(point.trim_end_matches('/'));
        let is_above = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_above && found.as_ref().is_none_or(|found| mount_point(found).len() <= point.len()) {
            found = Some(mount);
        }
    }
    found.ok_or_else(|| Missing::new(Absence::Absent, format!("{path} names no file system for {folder}")))
}

/// The kernel writes blanks and the like in octal (`\040`).
fn mount_point(mount: &MountInfo) -> String {
    unescape(&mount.mount_point.to_string_lossy())
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let octal = (byte == b'\\')
            .then(|| after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok()))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn describe(source: &impl Source, path: String, mount: &MountInfo) -> Mount {
    let device = mount.mount_source.as_deref().map(unescape).unwrap_or_default();
    Mount {
        path,
        mount_point: mount_point(mount),
        file_system: mount.fs_type.clone(),
        disks: disks(source, &mount.majmin, &device).into(),
        source: device,
    }
}

/// The disks that a mount lies on: by the number of its device or, for file systems with numbers of their own (btrfs), by
/// its name. A file system without a device (tmpfs, NFS) has none.
fn disks(source: &impl Source, number: &str, device: &str) -> Result<Vec<String>, Missing> {
    let by_number = (!number.starts_with("0:"))
        .then(|| source.link(&format!("{BY_NUMBER}/{number}")))
        .map(|target| target.map(|target| last(&target).to_owned()));
    let name = match by_number {
        Some(name) => name?,
        None => match device.strip_prefix("/dev/") {
            // `/dev/mapper/NAME` is a link outside sysfs, and was not collected.
            Some(name) if !name.contains('/') => name.to_owned(),
            Some(_) => {
                return Err(Missing::new(
                    Absence::Skipped,
                    format!("which disk {device} is was not collected"),
                ));
            }
            None => return Ok(Vec::new()),
        },
    };
    let mut disks = Vec::new();
    let mut todo = vec![(name, 0)];
    let mut steps = 0;
    while let Some((name, depth)) = todo.pop() {
        steps += 1;
        if depth == MAX_STACK || steps == MAX_DEVICES {
            return Err(Missing::new(Absence::Malformed, format!("the devices below {name} have no end")));
        }
        let below = source.list(&format!("{CLASS_BLOCK}/{name}/slaves")).unwrap_or_default();
        if below.is_empty() {
            disks.push(whole(source, &name));
        }
        todo.extend(below.into_iter().map(|name| (name, depth + 1)));
    }
    disks.sort();
    disks.dedup();
    Ok(disks)
}

/// The disk of a partition: the folder above it in the tree of devices.
fn whole(source: &impl Source, name: &str) -> String {
    let above = source.link(&format!("{CLASS_BLOCK}/{name}")).ok().and_then(|target| {
        let (above, _) = target.rsplit_once('/')?;
        Some(last(above).to_owned())
    });
    match above {
        Some(above) if name.starts_with(&above) => above,
        _ => name.to_owned(),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::ServerProcess;

    /// Files, links and folders by path.
    #[derive(Default)]
    struct Tree {
        files: BTreeMap<&'static str, &'static str>,
        links: BTreeMap<&'static str, &'static str>,
        folders: BTreeMap<&'static str, Vec<&'static str>>,
    }

    fn absent(path: &str) -> Missing {
        Missing::new(Absence::Absent, path)
    }

    impl Source for Tree {
        fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
            self.files.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| absent(path))
        }
        fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
            let names = self.folders.get(path).ok_or_else(|| absent(path))?;
            Ok(names.iter().map(|&name| name.to_owned()).collect())
        }
        fn link(&self, path: &str) -> Result<String, Missing> {
            self.links.get(path).map(|&target| target.to_owned()).ok_or_else(|| absent(path))
        }
    }

    fn server(model: &str, environment: &[(&str, &str)]) -> InferenceServer {
        let environment =
            environment.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let process =
            ServerProcess { role: Role::Whole, environment: Fact::Known(environment), ..Default::default() };
        InferenceServer {
            pid: 7,
            model: Fact::Known(model.to_owned()),
            options: Fact::Known(BTreeMap::new()),
            processes: vec![process],
            ..Default::default()
        }
    }

    const MOUNTS: &str = "\
21 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
30 21 0:50 / /models rw,relatime shared:2 - nfs4 10.0.0.1:/export rw,vers=4.2
31 21 0:51 / /dev/shm rw - tmpfs tmpfs rw
32 21 253:0 / /data\\040sets rw - xfs /dev/mapper/vg-data rw
33 21 0:60 / /fast rw - btrfs /dev/nvme1n1p1 rw,subvol=/
34 21 0:61 / /layers rw - overlay overlay rw,lowerdir=/var/l1:/var/l2,upperdir=/models/up,workdir=/w";

    fn tree() -> Tree {
        Tree {
            files: [("/proc/7/mountinfo", MOUNTS), ("/proc/1/mountinfo", MOUNTS)].into(),
            links: [
                (
                    "/sys/dev/block/259:2",
                    "../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2",
                ),
                (
                    "/sys/class/block/nvme0n1p2",
                    "../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2",
                ),
                (
                    "/sys/class/block/nvme1n1p1",
                    "../../devices/pci0000:00/0000:02:00.0/nvme/nvme1/nvme1n1/nvme1n1p1",
                ),
                ("/sys/dev/block/253:0", "../../devices/virtual/block/dm-0"),
                (
                    "/sys/class/block/sda",
                    "../../devices/pci0000:00/0000:00:17.0/ata1/host0/target/0:0:0:0/block/sda",
                ),
            ]
            .into(),
            folders: [
                ("/sys/class/block/dm-0/slaves", vec!["md0"]),
                ("/sys/class/block/md0/slaves", vec!["nvme1n1p1", "sda"]),
            ]
            .into(),
        }
    }

    #[test]
    fn a_model_is_on_the_file_system_nearest_above_it() {
        let of = |folder: &str| {
            let mount = model_store(&tree(), &server(folder, &[])).mount;
            mount.known().map(|mount| (mount.file_system.clone(), mount.disks.known().cloned())).unwrap()
        };
        let disks = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(of("/srv/llama"), ("ext4".into(), disks(&["nvme0n1"])));
        assert_eq!(of("/models/llama"), ("nfs4".into(), disks(&[])));
        assert_eq!(of("/modelsandmore"), ("ext4".into(), disks(&["nvme0n1"])));
        assert_eq!(of("/dev/shm/llama"), ("tmpfs".into(), disks(&[])));
        assert_eq!(of("/data sets/llama"), ("xfs".into(), disks(&["nvme1n1", "sda"])));
        assert_eq!(of("/fast/llama"), ("btrfs".into(), disks(&["nvme1n1"])));
        assert_eq!(of("/layers/llama"), ("nfs4".into(), disks(&[])));
    }

    #[test]
    fn layers_that_are_crossed_by_many_paths_are_given_up() {
        let names: Vec<[String; 4]> =
            (0..15).map(|layer| [0, 1, 2, 3].map(|device| format!("dm-{layer}-{device}"))).collect();
        let names: &'static [[String; 4]] = Box::leak(names.into_boxed_slice());
        let mut tree = tree();
        for (above, below) in names.iter().zip(&names[1..]) {
            for device in above {
                let path: &'static str =
                    Box::leak(format!("/sys/class/block/{device}/slaves").into_boxed_str());
                tree.folders.insert(path, below.iter().map(String::as_str).collect());
            }
        }
        let why = disks(&tree, "0:1", "/dev/dm-0-0").unwrap_err();
        assert_eq!(why.missing, Absence::Malformed);
    }

    #[test]
    fn a_cache_that_is_mounted_where_it_is_by_default_is_found() {
        let mut tree = tree();
        let line = "\n40 21 259:2 /hf /root/.cache/huggingface rw - ext4 /dev/nvme0n1p2 rw";
        let mounts: &'static str = Box::leak(format!("{MOUNTS}{line}").into_boxed_str());
        let store = model_store(&tree, &server("meta-llama/Llama-3.1-8B", &[]));
        assert_eq!(store.mount.require().unwrap_err().missing, Absence::Absent);
        tree.files.insert("/proc/7/mountinfo", mounts);
        let store = model_store(&tree, &server("meta-llama/Llama-3.1-8B", &[]));
        assert_eq!(store.folder.known().map(String::as_str), Some("/root/.cache/huggingface"));
    }

    #[test]
    fn a_name_on_a_hub_is_in_its_cache() {
        let of = |environment: &[(&str, &str)]| folder(&server("meta-llama/Llama-3.1-8B", environment)).ok();
        assert_eq!(of(&[("HF_HOME", "/models/hf/")]).as_deref(), Some("/models/hf/hub"));
        assert_eq!(of(&[("HF_HOME", "/a"), ("HF_HUB_CACHE", "/b")]).as_deref(), Some("/b"));
        assert_eq!(of(&[("XDG_CACHE_HOME", "/c")]).as_deref(), Some("/c/huggingface/hub"));
        assert_eq!(of(&[("HF_HOME", "***")]), None);
        assert_eq!(of(&[]), None);
        let mut with_option = server("meta-llama/Llama-3.1-8B", &[("HF_HOME", "/a")]);
        with_option.options = Fact::Known([("download-dir".to_owned(), "/c".to_owned())].into());
        assert_eq!(folder(&with_option).ok().as_deref(), Some("/c"));
    }

    proptest! {
        #[test]
        fn no_mount_panics(text in "\\PC{0,200}", point in "[\\\\0-9a-z/ ]{0,20}") {
            let _ = unescape(&point);
            let line = format!("21 1 0:5 / {point} rw - ext4 {text} rw");
            if let Ok(mount) = MountInfo::from_line(&line) {
                let _ = describe(&Tree::default(), String::new(), &mount);
            }
        }
    }
}
