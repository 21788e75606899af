//! Processes and threads: names, masks, last CPU, and which GPU device nodes are open; of inference servers also limits,
//! environment, control groups and where their memory is.

use std::collections::BTreeSet;
use std::time::Duration;

use plumb_evidence::derive::cgroup::{FILES, SAMPLED, folders};
use plumb_evidence::derive::gpu::NVIDIA_GPUS;
use plumb_evidence::derive::process::is_kernel_thread;
use plumb_evidence::derive::server::is_kept;
use plumb_evidence::derive::server::package::{heading, metadata};
use plumb_evidence::derive::server::recognise::{Candidate, Group, group};
use plumb_evidence::{Absence, Missing, Source};

use super::Files;
use crate::fs_source::FsSource;
use crate::mask::mask_arguments;
use crate::probe::{Method, Privilege, Probe};
use crate::seen::{Program, Seen};

pub(super) const PROBE: Probe = Probe {
    id: "process",
    title: "processes and threads",
    reads: &["/proc"],
    privilege: Privilege::Root,
    budget: Duration::from_secs(20),
    method: Method::Files(run),
    sample: Some(sample),
};

/// Reading `numa_maps` walks all pages of a process and holds its memory map meanwhile: seconds for a large one, so it is
/// done once, by itself, with a deadline.
pub(super) const MEMORY: Probe = Probe {
    id: "numa-maps",
    title: "memory of inference servers by NUMA node",
    reads: &[],
    privilege: Privilege::Root,
    budget: Duration::from_secs(30),
    method: Method::Files(memory),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let with_gpus = !files.list(NVIDIA_GPUS).is_empty();
    let processes = files.numbered("/proc", "");
    let board = files.source().seen();
    if processes.is_empty() {
        board.tell(Seen::default());
        return Err(Missing::new(Absence::Absent, "/proc lists no process"));
    }
    let mut candidates = Vec::with_capacity(processes.len());
    // Of these it is not known whether they use a GPU, so that they may be workers.
    let mut hidden = BTreeSet::new();
    let mut kernel = BTreeSet::new();
    for process in &processes {
        let stat = files.text(&format!("{process}/stat"));
        if stat.is_ok_and(|stat| is_kernel_thread(&stat)) {
            // They are most of the processes of a large node.
            files.files(process, &["status"]);
            kernel.extend(pid_of(process));
            continue;
        }
        files.files(process, &["cgroup"]);
        let _ = files.file_with(&format!("{process}/cmdline"), |bytes| mask_arguments(&bytes));
        let Some(mut candidate) = candidate(process, files) else { continue };
        if with_gpus && !is_our_helper(files.source(), candidate.ppid) {
            match opens_a_gpu(files, process) {
                Some(opens) => candidate.gpu = opens,
                None => {
                    hidden.insert(candidate.pid);
                }
            }
        }
        candidates.push(candidate);
    }
    let groups = group(&candidates);
    let members: BTreeSet<u32> = groups.iter().flat_map(|group| group.members.iter().copied()).collect();
    let program = |candidate: &Candidate| Program {
        pid: candidate.pid,
        comm: candidate.comm.clone(),
        groups: files.text(&format!("/proc/{}/cgroup", candidate.pid)).unwrap_or_default(),
    };
    board.tell(Seen { programs: candidates.iter().map(program).collect(), servers: members.clone() });
    for process in &processes {
        let Some(pid) = pid_of(process).filter(|pid| !kernel.contains(pid)) else { continue };
        if members.contains(&pid) {
            details(files, process);
        }
        if members.contains(&pid) || hidden.contains(&pid) {
            for thread in files.numbered(&format!("{process}/task"), "") {
                files.files(&thread, &["stat", "status"]);
            }
        } else {
            // Other processes matter as neighbours: where they may run is told by their first thread.
            files.files(&format!("{process}/task/{pid}"), &["stat", "status"]);
        }
    }
    for group in &groups {
        package(files, group);
    }
    Ok(())
}

/// The version of a server, in what its package says of itself.
fn package(files: &Files<'_>, group: &Group) {
    let process = format!("/proc/{}", group.root);
    let _ = files.link_if(&format!("{process}/exe"), |_| true);
    // Of others' processes nobody but root may look at the files: what is not there to be read tells no version.
    if let Some(path) = metadata(files.source(), group.kind, &process) {
        let _ = files.file_with(&path, |bytes| heading(&bytes));
    }
}

fn pid_of(process: &str) -> Option<u32> {
    process.rsplit('/').next()?.parse().ok()
}

/// True for the child of `parent` if it is a helper of this collector, which has GPUs open to ask for them.
fn is_our_helper(source: &FsSource, parent: u32) -> bool {
    source.root().is_none() && parent == std::process::id()
}

/// Whether a device node of a GPU is open; `None` where that cannot be seen.
fn opens_a_gpu(files: &Files<'_>, process: &str) -> Option<bool> {
    let folder = format!("{process}/fd");
    let unread = files.unread_count();
    let descriptors = files.list(&folder);
    if files.unread_count() > unread {
        return None;
    }
    let mut found = false;
    for descriptor in descriptors {
        let link = format!("{folder}/{descriptor}");
        match files.link_if(&link, |target| target.starts_with("/dev/nvidia")) {
            Ok(kept) => found |= kept,
            // It was closed meanwhile.
            Err(why) if why.missing == Absence::Absent => {}
            Err(why) => {
                files.unread(&folder, why);
                return None;
            }
        }
    }
    Some(found)
}

/// What tells a process's place in a server, from files that were read already or are read now.
fn candidate(process: &str, files: &Files<'_>) -> Option<Candidate> {
    let stat = files.text(&format!("{process}/stat")).ok()?;
    if is_kernel_thread(&stat) {
        return None;
    }
    let ppid = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let arguments = files.text(&format!("{process}/cmdline")).unwrap_or_default();
    let pid = pid_of(process)?;
    Some(Candidate {
        pid,
        ppid,
        comm: comm(&stat)?.to_owned(),
        arguments: arguments.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        gpu: false,
        named: files.source().named().contains(&pid),
    })
}

/// All processes of all servers.
fn members(candidates: &[Candidate]) -> BTreeSet<u32> {
    group(candidates).into_iter().flat_map(|group| group.members).collect()
}

fn details(files: &Files<'_>, process: &str) {
    files.files(process, &["status", "limits", "oom_score_adj", "mounts", "mountinfo"]);
    files.link(&format!("{process}/ns/net"));
    let _ = files.file_with(&format!("{process}/environ"), |bytes| allowed_variables(&bytes));
    // The number of open files is wanted, and which are GPUs or sockets; not the names of others.
    let descriptors = format!("{process}/fd");
    for descriptor in files.list(&descriptors) {
        let _ = files.link_as(&format!("{descriptors}/{descriptor}"), |target| {
            let is_kept = ["/dev/nvidia", "socket:["].iter().any(|prefix| target.starts_with(prefix));
            if is_kept { target } else { "-".to_owned() }
        });
    }
    if let Ok(membership) = files.text(&format!("{process}/cgroup")) {
        for folder in folders(&membership) {
            files.files(&folder, FILES);
        }
    }
}

/// Keeps the allowed variables of an environment, with what looks like a secret masked.
pub(super) fn allowed_variables(environ: &[u8]) -> Vec<u8> {
    let kept = environ.split(|&byte| byte == 0).filter(|pair| {
        let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
        std::str::from_utf8(name).is_ok_and(is_kept)
    });
    mask_arguments(&kept.collect::<Vec<_>>().join(&0))
}

fn memory(files: &Files<'_>) -> Result<(), Missing> {
    let members = files.source().seen().ask().map_or_else(|| servers_now(files), |seen| seen.servers.clone());
    if members.is_empty() {
        return Err(Missing::new(Absence::Absent, "no inference server was found"));
    }
    for pid in &members {
        let _ = files.file(&format!("/proc/{pid}/numa_maps"));
    }
    Ok(())
}

/// Processes that are no threads of the kernel: those that the probe of processes saw, if it tells in time.
pub(super) fn programs(source: &FsSource) -> Vec<Program> {
    if let Some(seen) = source.seen().ask() {
        return seen.programs.clone();
    }
    let program = |name: &str| {
        let process = format!("/proc/{name}");
        let stat = source.text(&format!("{process}/stat")).ok().filter(|stat| !is_kernel_thread(stat))?;
        Some(Program {
            pid: name.parse().ok()?,
            comm: comm(&stat)?.to_owned(),
            groups: source.text(&format!("{process}/cgroup")).unwrap_or_default(),
        })
    };
    source.list("/proc").unwrap_or_default().iter().filter_map(|name| program(name)).collect()
}

/// The name in a `stat` file, which may hold brackets and white space itself.
fn comm(stat: &str) -> Option<&str> {
    stat.get(stat.find('(')? + 1..stat.rfind(')')?)
}

/// Processes of inference servers, found without keeping anything.
fn servers_now(files: &Files<'_>) -> BTreeSet<u32> {
    let source = files.source();
    let with_gpus = source.list(NVIDIA_GPUS).is_ok_and(|gpus| !gpus.is_empty());
    let probing = crate::recorder::Recorder::new(source);
    let candidates: Vec<Candidate> = source
        .list("/proc")
        .unwrap_or_default()
        .into_iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|name| {
            let process = format!("/proc/{name}");
            let mut candidate = candidate(&process, &probing)?;
            candidate.gpu = with_gpus
                && !is_our_helper(source, candidate.ppid)
                && opens_a_gpu(&probing, &process).unwrap_or_default();
            Some(candidate)
        })
        .collect();
    members(&candidates)
}

fn sample(files: &Files<'_>) -> Result<(), Missing> {
    let members = servers_now(files);
    for process in files.numbered("/proc", "") {
        let _ = files.file(&format!("{process}/stat"));
        if !pid_of(&process).is_some_and(|pid| members.contains(&pid)) {
            continue;
        }
        for thread in files.numbered(&format!("{process}/task"), "") {
            files.files(&thread, &["stat", "status", "schedstat"]);
        }
        if let Ok(membership) = files.source().text(&format!("{process}/cgroup")) {
            for folder in folders(&membership) {
                files.files(&folder, SAMPLED);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_variables_are_kept_and_secrets_among_them_are_masked() {
        let environ = b"HOME=/root\0OMP_NUM_THREADS=4\0HF_TOKEN=hf_x\0VLLM_API_KEY=abc\0NCCL_DEBUG=INFO\0";
        assert_eq!(
            String::from_utf8(allowed_variables(environ)).unwrap(),
            "OMP_NUM_THREADS=4\0VLLM_API_KEY=***\0NCCL_DEBUG=INFO"
        );
    }

    #[test]
    fn a_helper_is_a_child_of_this_process_and_none_is_in_a_recording() {
        let tree = tempfile::tempdir().unwrap();
        let recorded = FsSource::recorded(tree.path()).unwrap();
        let own = std::process::id();
        assert!(is_our_helper(&FsSource::live(), own));
        assert!(!is_our_helper(&FsSource::live(), own - 1));
        assert!(!is_our_helper(&recorded, own));
    }
}
