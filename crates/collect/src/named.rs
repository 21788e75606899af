//! A server that the user names, where Plumb would not know it for one: by process, by port or by unit.

use std::collections::BTreeSet;

use plumb_evidence::Source;
use plumb_evidence::derive::network::{SOCKETS, inode, listening_at};

use crate::collect::CollectError;
use crate::fs_source::FsSource;

/// The processes that `names` stand for, those at the top of each server; what descends from them belongs to it.
pub(crate) fn find(source: &FsSource, names: &[String]) -> Result<BTreeSet<u32>, CollectError> {
    let mut all = BTreeSet::new();
    for name in names {
        let found = one(source, name);
        all.extend(found.map_err(|why| CollectError::Server { name: name.clone(), why })?);
    }
    Ok(all)
}

fn one(source: &FsSource, name: &str) -> Result<BTreeSet<u32>, String> {
    if let Some(pid) = name.strip_prefix("pid:") {
        return process(source, pid.parse().map_err(|_| "expected a number after `pid:`".to_owned())?);
    }
    if let Some(port) = name.strip_prefix("port:") {
        return port_of(source, port.parse().map_err(|_| "expected a port after `port:`".to_owned())?);
    }
    let Ok(number) = name.parse::<u32>() else { return unit(source, name) };
    let by_port = u16::try_from(number).map(|port| port_of(source, port));
    match (process(source, number), by_port) {
        (Ok(_), Ok(Ok(_))) => {
            Err(format!("it is a process and a port; write `pid:{number}` or `port:{number}`"))
        }
        (Ok(found), _) | (_, Ok(Ok(found))) => Ok(found),
        (Err(no_process), Ok(Err(no_port))) => Err(format!("{no_process}, and {no_port}")),
        (Err(no_process), Err(_)) => Err(no_process),
    }
}

fn process(source: &FsSource, pid: u32) -> Result<BTreeSet<u32>, String> {
    match source.read(&format!("/proc/{pid}/stat")) {
        Ok(_) => Ok(BTreeSet::from([pid])),
        Err(_) => Err(format!("there is no process {pid}")),
    }
}

fn pids(source: &FsSource) -> Vec<u32> {
    let names = source.list("/proc").unwrap_or_default();
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

fn port_of(source: &FsSource, port: u16) -> Result<BTreeSet<u32>, String> {
    let tables = SOCKETS.iter().filter_map(|path| source.text(path).ok());
    let inodes: BTreeSet<String> = tables.flat_map(|table| listening_at(&table, port)).collect();
    if inodes.is_empty() {
        return Err(format!("nothing listens at port {port}"));
    }
    let has = |pid: &u32| {
        let folder = format!("/proc/{pid}/fd");
        let mut open = source.list(&folder).unwrap_or_default().into_iter();
        open.any(|name| {
            let link = source.link(&format!("{folder}/{name}"));
            link.is_ok_and(|link| inode(&link).is_some_and(|inode| inodes.contains(inode)))
        })
    };
    let found: BTreeSet<u32> = pids(source).into_iter().filter(has).collect();
    match found.is_empty() {
        true => Err(format!("whose socket listens at port {port} cannot be seen without root")),
        false => Ok(found),
    }
}

fn unit(source: &FsSource, name: &str) -> Result<BTreeSet<u32>, String> {
    let full = if name.contains('.') { name.to_owned() } else { format!("{name}.service") };
    let is_in = |pid: &u32| {
        let groups = source.text(&format!("/proc/{pid}/cgroup")).unwrap_or_default();
        groups
            .lines()
            .any(|line| line.rsplit(':').next().is_some_and(|path| path.split('/').any(|own| own == full)))
    };
    let found: BTreeSet<u32> = pids(source).into_iter().filter(is_in).collect();
    match found.is_empty() {
        true => Err(format!("no process runs in a unit `{full}`")),
        false => Ok(found),
    }
}
