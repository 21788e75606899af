//! Sockets, cores, PUs and caches: `/sys/devices/system/cpu`, else `/proc/cpuinfo`.
//!
//! Cores and sockets are told apart by the sets of CPUs that the kernel says share them. The ids that it gives them
//! are not unique on all machines (`core_id` repeats over sockets, `physical_package_id` is -1 on some ARM and s390
//! machines), so they serve only where the sets are missing.

use std::collections::BTreeMap;

use crate::derive::cpuinfo::{self, CpuInfo};
use crate::derive::freq::numbered;
use crate::fact::{Absence, Missing};
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

    let mut cores = Numbering::default();
    let mut sockets = Numbering::default();
    let mut cpus = Vec::with_capacity(online.len());
    for cpu in online.iter() {
        let folder = format!("{PATH}/cpu{cpu}");
        let block = info.as_ref().ok().and_then(|info| info.processors.get(&cpu));
        let socket = sockets.number(socket_key(source, &folder, block, &online));
        let core = cores.number(core_key(source, &folder, block, cpu, socket));
        let khz = |name: &str| source.parse(&format!("{folder}/cpufreq/{name}")).ok();
        cpus.push(Pu {
            cpu,
            core,
            socket,
            node: numa.and_then(|numa| numa.nodes.iter().find(|node| node.cpus.contains(cpu))).map(|n| n.id),
            max_khz: khz("cpuinfo_max_freq"),
            min_khz: khz("cpuinfo_min_freq"),
        });
    }
    let pus = u32::try_from(cpus.len()).unwrap_or(u32::MAX);
    let text = |keys: &[&str]| match &info {
        Ok(info) => info.first(keys),
        Err(missing) => crate::fact::Fact::Missing(missing.clone()),
    };
    Ok(Cpu {
        path: if folders.is_empty() { cpuinfo::PATH.to_owned() } else { PATH.to_owned() },
        model: text(&[
            "model name",
            "Model Name",
            "cpu model",
            "Processor",
            "cpu",
            "uarch",
            "machine",
            "family",
        ]),
        vendor: text(&["vendor_id", "vendor", "CPU implementer", "mvendorid"]),
        present,
        sockets: sockets.count(),
        sockets_unknown: sockets_unknown(source, info.as_ref().ok(), &online),
        cores: cores.count(),
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

fn socket_key(source: &impl Source, folder: &str, block: Option<&cpuinfo::Block>, online: &CpuSet) -> Key {
    if let Some(shared) = shared_cpus(source, folder, &["package_cpus", "core_siblings"]) {
        return Key::Shared(shared.intersection(online));
    }
    let id = source
        .parse::<i64>(&format!("{folder}/topology/physical_package_id"))
        .ok()
        .or_else(|| block?.get("physical id")?.parse().ok());
    match id {
        Some(id) if id >= 0 => Key::Id(0, id),
        _ => Key::Whole,
    }
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

fn core_key(
    source: &impl Source,
    folder: &str,
    block: Option<&cpuinfo::Block>,
    cpu: u32,
    socket: u32,
) -> Key {
    if let Some(shared) = shared_cpus(source, folder, &["core_cpus", "thread_siblings"]) {
        return Key::Shared(shared);
    }
    let id = source
        .parse::<i64>(&format!("{folder}/topology/core_id"))
        .ok()
        .or_else(|| block?.get("core id")?.parse().ok());
    match id {
        Some(id) if id >= 0 => Key::Id(socket, id),
        _ => Key::Shared(std::iter::once(cpu).collect()),
    }
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
                    cpus: shared.unwrap_or_else(|| std::iter::once(cpu).collect()).intersection(online),
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
