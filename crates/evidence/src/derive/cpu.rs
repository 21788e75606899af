//! Sockets, cores, PUs and caches: `/sys/devices/system/cpu`, else `/proc/cpuinfo`.
//!
//! Cores and sockets are told apart by the sets of CPUs that the kernel says share them. The ids that it gives them
//! are not unique on all machines (`core_id` repeats over sockets, `physical_package_id` is -1 on some ARM and s390
//! machines), so they serve only where the sets are missing. On x86 a package has an id of its own, while its set is cut
//! where NUMA nodes divide it (cluster-on-die, virtual nodes): there, sets of one id are one socket.

use std::collections::BTreeMap;

use crate::derive::arm;
use crate::derive::cpuinfo::{self, CpuInfo};
use crate::derive::freq::numbered;
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::{CpuSet, IndexSet};
use crate::model::{Cache, Cpu, Numa, Pu};
use crate::source::Source;

pub(crate) const PATH: &str = "/sys/devices/system/cpu";

/// # Errors
/// Fails where neither sysfs nor `/proc/cpuinfo` names a CPU.
pub(crate) fn derive(source: &impl Source, numa: Option<&Numa>) -> Result<Cpu, Missing> {
    let info = CpuInfo::read(source);
    let folders: CpuSet = numbered(source, PATH, "cpu").unwrap_or_default().into_iter().collect();
    let listed: CpuSet =
        info.as_ref().map(|info| info.processors.keys().copied().collect()).unwrap_or_default();
    let online = online(source, &folders, &listed)?;
    let present = source.parse(&format!("{PATH}/present")).unwrap_or_else(|_| folders.union(&listed));

    // Only x86 has `flags`; Itanium, whose ids repeat, has `features`.
    let is_x86 = info.as_ref().is_ok_and(|info| info.first(&["flags"]).known().is_some());
    let mut cores = Numbering::default();
    let mut sockets = Numbering::default();
    let mut packages: BTreeMap<i64, Key> = BTreeMap::new();
    let mut cpus = Vec::with_capacity(online.len());
    let mut coreless = None;
    for cpu in online.iter() {
        let folder = format!("{PATH}/cpu{cpu}");
        let block = info.as_ref().ok().and_then(|info| info.processors.get(&cpu));
        let package = package_id(source, &folder, block);
        let key = socket_key(source, &folder, package, &online);
        let socket = sockets.number(match package.filter(|_| is_x86) {
            Some(id) => packages.entry(id).or_insert(key).clone(),
            None => key,
        });
        let core = core_key(source, &folder, block, cpu, socket);
        // The only CPU is a core, whoever says so.
        if core.is_none() && online.len() > 1 {
            coreless.get_or_insert(cpu);
        }
        let core = cores.number(core.unwrap_or_else(|| alone(cpu)));
        let khz = |name: &str| source.parse(&format!("{folder}/cpufreq/{name}")).ok();
        cpus.push(Pu {
            cpu,
            core,
            socket,
            node: numa.and_then(|numa| numa.nodes.iter().find(|node| node.cpus.contains(cpu))).map(|n| n.id),
            max_khz: khz("cpuinfo_max_freq"),
            min_khz: khz("cpuinfo_min_freq"),
            capacity: source.parse(&format!("{folder}/cpu_capacity")).ok(),
        });
    }
    let pus = u32::try_from(cpus.len()).unwrap_or(u32::MAX);
    let text = |name: Option<String>, keys: &[&str]| match (&info, name) {
        (_, Some(name)) => Fact::Known(name),
        (Ok(info), None) => info.first(keys),
        (Err(missing), None) => Fact::Missing(missing.clone()),
    };
    let cores_name = info.as_ref().ok().and_then(arm::cores);
    let maker = info.as_ref().ok().and_then(arm::maker);
    Ok(Cpu {
        path: if folders.is_empty() { cpuinfo::PATH.to_owned() } else { PATH.to_owned() },
        model: text(
            cores_name,
            &["model name", "Model Name", "cpu model", "Processor", "cpu", "uarch", "machine", "family"],
        ),
        vendor: text(maker.map(str::to_owned), &["vendor_id", "vendor", "CPU implementer", "mvendorid"]),
        present,
        sockets: sockets.count(),
        sockets_unknown: sockets_unknown(source, info.as_ref().ok(), &online),
        cores: cores.count(),
        cores_unknown: coreless.map(|cpu| {
            let reason = format!("of which core CPU {cpu} is a thread is not recorded");
            Missing::not_recorded(reason)
        }),
        pus,
        smt_active: cores.count() < pus,
        cpus,
        caches: caches(source, &online),
        online,
    })
}

/// Online CPUs: the kernel's list, else the folders that are not switched off, else `/proc/cpuinfo`.
fn online(source: &impl Source, folders: &CpuSet, listed: &CpuSet) -> Result<CpuSet, Missing> {
    match source.parse::<CpuSet>(&format!("{PATH}/online")) {
        Ok(online) if !online.is_empty() => return Ok(online),
        Ok(_) => {}
        Err(missing) if missing.is_nothing() => {}
        Err(missing) => return Err(missing),
    }
    let switched_on: CpuSet = folders
        .iter()
        .filter(|cpu| {
            // The boot CPU cannot be switched off on most machines and then lacks the file.
            source.text(&format!("{PATH}/cpu{cpu}/online")).map_or(true, |text| text != "0")
        })
        .collect();
    let online = if switched_on.is_empty() { listed.clone() } else { switched_on };
    if online.is_empty() {
        return Err(Missing::new(
            Absence::Absent,
            format!("neither {PATH} nor {} names a CPU", cpuinfo::PATH),
        ));
    }
    Ok(online)
}

/// What tells two cores or two sockets apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Shared(CpuSet),
    Id(u32, i64),
    Whole,
}

/// Gives numbers to keys in the order in which they first come up.
#[derive(Default)]
struct Numbering(BTreeMap<Key, u32>);

impl Numbering {
    fn number(&mut self, key: Key) -> u32 {
        let next = self.count();
        *self.0.entry(key).or_insert(next)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// The kernel's id of the package that a CPU is in, where it gives one.
fn package_id(source: &impl Source, folder: &str, block: Option<&cpuinfo::Block>) -> Option<i64> {
    let id = source.parse(&format!("{folder}/topology/physical_package_id")).ok();
    id.or_else(|| block?.get("physical id")?.parse().ok()).filter(|id| *id >= 0)
}

fn socket_key(source: &impl Source, folder: &str, package: Option<i64>, online: &CpuSet) -> Key {
    if let Some(shared) = shared_cpus(source, folder, &["package_cpus", "core_siblings"]) {
        return Key::Shared(shared.intersection(online));
    }
    package.map_or(Key::Whole, |id| Key::Id(0, id))
}

/// Why sockets are not known, where neither the kernel nor `/proc/cpuinfo` says of any CPU which one it is in. An id of -1
/// is an answer.
fn sockets_unknown(source: &impl Source, info: Option<&CpuInfo>, online: &CpuSet) -> Option<Missing> {
    let is_told = |cpu: u32| {
        let folder = format!("{PATH}/cpu{cpu}");
        shared_cpus(source, &folder, &["package_cpus", "core_siblings"]).is_some()
            || source.text(&format!("{folder}/topology/physical_package_id")).is_ok()
            || info.and_then(|info| info.processors.get(&cpu)?.get("physical id")).is_some()
    };
    let reason = "neither the topology of the CPUs nor `physical id` is recorded";
    (!online.iter().any(is_told)).then(|| Missing::not_recorded(reason))
}

/// Which core a CPU is a thread of, where the kernel or `/proc/cpuinfo` says so. An id of -1 is an answer: it is a core alone.
fn core_key(
    source: &impl Source,
    folder: &str,
    block: Option<&cpuinfo::Block>,
    cpu: u32,
    socket: u32,
) -> Option<Key> {
    if let Some(shared) = shared_cpus(source, folder, &["core_cpus", "thread_siblings"]) {
        return Some(Key::Shared(shared));
    }
    let id = source.parse::<i64>(&format!("{folder}/topology/core_id")).ok();
    let id = id.or_else(|| block?.get("core id")?.parse().ok())?;
    Some(if id >= 0 { Key::Id(socket, id) } else { alone(cpu) })
}

/// A core of one CPU.
fn alone(cpu: u32) -> Key {
    Key::Shared(std::iter::once(cpu).collect())
}

/// The CPUs that share a core or socket: the list form, else the mask form, of the first name that is there.
fn shared_cpus(source: &impl Source, folder: &str, names: &[&str]) -> Option<CpuSet> {
    names.iter().find_map(|name| {
        let file = format!("{folder}/topology/{name}");
        source
            .parse::<CpuSet>(&format!("{file}_list"))
            .ok()
            .or_else(|| IndexSet::from_mask(&source.text(&file).ok()?).ok())
            .filter(|shared| !shared.is_empty())
    })
}

fn caches(source: &impl Source, online: &CpuSet) -> Vec<Cache> {
    let mut caches: Vec<Cache> = online
        .iter()
        .flat_map(|cpu| {
            let folder = format!("{PATH}/cpu{cpu}/cache");
            numbered(source, &folder, "index").unwrap_or_default().into_iter().filter_map(move |index| {
                let path = format!("{folder}/index{index}");
                let shared = source.parse(&format!("{path}/shared_cpu_list")).ok().or_else(|| {
                    IndexSet::from_mask(&source.text(&format!("{path}/shared_cpu_map")).ok()?).ok()
                });
                Some(Cache {
                    level: source.parse(&format!("{path}/level")).ok()?,
                    kind: source.text(&format!("{path}/type")).ok()?.to_lowercase(),
                    size_bytes: source.text(&format!("{path}/size")).ok().and_then(|text| cache_bytes(&text)),
                    cpus: shared
                        .map(|shared| shared.intersection(online))
                        .filter(|shared| !shared.is_empty())
                        .unwrap_or_else(|| std::iter::once(cpu).collect()),
                })
            })
        })
        .collect();
    caches.sort_by(|a, b| (a.level, &a.kind, a.cpus.first(), a).cmp(&(b.level, &b.kind, b.cpus.first(), b)));
    caches.dedup();
    caches
}

/// `32K`, `1024K`, `30M`
fn cache_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod unrecorded {
    use super::*;
    use crate::derive::testing::Tree;

    fn sockets(files: &[(&str, &str)]) -> Result<u32, Missing> {
        let online = ("/sys/devices/system/cpu/online", "0-1");
        derive(&Tree::of(&[&[online], files].concat()), None).unwrap().known_sockets()
    }

    #[test]
    fn a_socket_that_nobody_recorded_is_not_the_first() {
        let id = |text| ("/sys/devices/system/cpu/cpu1/topology/physical_package_id", text);
        assert!(sockets(&[]).is_err_and(|why| why.missing == Absence::NotRecorded));
        assert_eq!(sockets(&[id("-1")]), Ok(1));
        assert_eq!(
            sockets(&[(
                "/proc/cpuinfo",
                "processor : 0\nphysical id : 0\n\nprocessor : 1\nphysical id : 1\n"
            )]),
            Ok(2)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;

    /// Four CPUs, two of each package, with the sets and ids of `/sys` and what `/proc/cpuinfo` says of the architecture.
    fn sockets(architecture: &str, siblings: [&str; 4], ids: [&str; 4]) -> Vec<u32> {
        let info: String = (0..4).map(|cpu| format!("processor : {cpu}\n{architecture}\n\n")).collect();
        let mut files = vec![("/proc/cpuinfo".to_owned(), info)];
        for cpu in 0..4 {
            let topology = format!("{PATH}/cpu{cpu}/topology");
            files.push((format!("{topology}/core_siblings_list"), siblings[cpu].to_owned()));
            files.push((format!("{topology}/physical_package_id"), ids[cpu].to_owned()));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let cpu = derive(&Tree::of(&files), None).unwrap();
        cpu.cpus.iter().map(|pu| pu.socket).collect()
    }

    #[test]
    fn sets_that_nodes_cut_are_one_socket_where_ids_are_unique() {
        let apart = ["0", "1", "2", "3"];
        assert_eq!(sockets("flags : fpu", apart, ["0", "0", "1", "1"]), [0, 0, 1, 1]);
        // Ids of Itanium repeat, and Arm has -1.
        assert_eq!(sockets("features : branchlong", apart, ["0", "0", "1", "1"]), [0, 1, 2, 3]);
        let pairs = ["0-1", "0-1", "2-3", "2-3"];
        assert_eq!(sockets("flags : fpu", pairs, ["-1"; 4]), [0, 0, 1, 1]);
        // Where a set is whole, ids within it do not split it.
        assert_eq!(sockets("flags : fpu", ["0-3"; 4], ["0", "1", "2", "3"]), [0; 4]);
    }

    #[test]
    fn a_cache_without_cpus_is_of_the_cpu_that_names_it() {
        let cache = |cpu: u32, name: &str| format!("{PATH}/cpu{cpu}/cache/index0/{name}");
        let mut files = vec![(format!("{PATH}/online"), "0-1".to_owned())];
        for cpu in 0..2 {
            files.push((cache(cpu, "level"), "3".to_owned()));
            files.push((cache(cpu, "type"), "Unified".to_owned()));
            files.push((cache(cpu, "shared_cpu_map"), "00000000".to_owned()));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let cpu = derive(&Tree::of(&files), None).unwrap();
        let cpus: Vec<String> = cpu.caches.iter().map(|cache| cache.cpus.to_string()).collect();
        assert_eq!(cpus, ["0", "1"]);
    }
}
