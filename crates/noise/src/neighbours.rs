//! Inference servers on this node: who would notice a heavy probe, and how long their threads wait for CPUs meanwhile.

use std::collections::BTreeMap;
use std::path::Path;

use plumb_evidence::derive::server::recognise::kind_of;
use serde::Serialize;

/// A process of an inference server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveServer {
    /// Process id.
    pub pid: u32,
    /// `vllm`, `sglang`, `llama.cpp`, …
    pub kind: &'static str,
}

/// Processes of inference servers, by name and arguments, as far as this process may see them.
#[must_use]
pub fn live_servers() -> Vec<LiveServer> {
    servers_in(Path::new("/proc"))
}

fn servers_in(proc: &Path) -> Vec<LiveServer> {
    let mut found: Vec<LiveServer> = numbered(proc)
        .into_iter()
        .filter_map(|pid| {
            let folder = proc.join(pid.to_string());
            let text = |name: &str| {
                let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let arguments: Vec<String> =
                text("cmdline").split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect();
            let (kind, _) = kind_of(text("comm").trim_end(), &arguments)?;
            Some(LiveServer { pid, kind })
        })
        .collect();
    found.sort_by_key(|server| server.pid);
    found
}

fn numbered(folder: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Time on and for CPUs of all threads of a process since they started, in ns, by thread.
pub(super) type Times = BTreeMap<(u32, u32), (u64, u64)>;

/// Reads the scheduler's accounts of all threads of the servers.
pub(super) fn times(servers: &[LiveServer]) -> Times {
    let mut times = Times::new();
    for server in servers {
        let folder = Path::new("/proc").join(server.pid.to_string()).join("task");
        for thread in numbered(&folder) {
            let text = std::fs::read_to_string(folder.join(thread.to_string()).join("schedstat"));
            let Some(account) = text.ok().as_deref().and_then(parse) else { continue };
            times.insert((server.pid, thread), account);
        }
    }
    times
}

fn parse(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What an inference server's threads had of the CPUs during the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerWait {
    /// Process id.
    pub pid: u32,
    /// As [`LiveServer::kind`].
    pub kind: &'static str,
    /// Time that its threads ran, in ms.
    pub ran_ms: f64,
    /// Time that they were ready to run and had no CPU, in ms.
    pub waited_ms: f64,
}

/// What moved between two readings; threads that came or went in between are left out.
pub(super) fn waits(servers: &[LiveServer], first: &Times, last: &Times) -> Vec<ServerWait> {
    let of = |server: &LiveServer| {
        let (mut ran, mut waited) = (0, 0);
        for (key, now) in last.iter().filter(|((pid, _), _)| *pid == server.pid) {
            let Some(before) = first.get(key) else { continue };
            ran += now.0.saturating_sub(before.0);
            waited += now.1.saturating_sub(before.1);
        }
        ServerWait {
            pid: server.pid,
            kind: server.kind,
            ran_ms: ran as f64 / 1e6,
            waited_ms: waited as f64 / 1e6,
        }
    };
    servers.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_by_their_arguments() {
        let folder = tempfile::tempdir().unwrap();
        for (pid, comm, line) in [
            (7, "python3", "python3\0-m\0vllm.entrypoints.openai.api_server\0"),
            (8, "bash", "bash\0-c\0vllm serve model\0"),
            (9, "VLLM::EngineCor", ""),
        ] {
            let process = folder.path().join(pid.to_string());
            std::fs::create_dir(&process).unwrap();
            std::fs::write(process.join("comm"), format!("{comm}\n")).unwrap();
            std::fs::write(process.join("cmdline"), line).unwrap();
        }
        let found: Vec<u32> = servers_in(folder.path()).iter().map(|server| server.pid).collect();
        assert_eq!(found, [7, 9]);
    }

    #[test]
    fn waits_are_differences_of_threads_that_stayed() {
        let servers = [LiveServer { pid: 5, kind: "vllm" }];
        let first = Times::from([((5, 5), (1_000_000, 2_000_000)), ((5, 6), (9, 9))]);
        let last = Times::from([((5, 5), (4_000_000, 2_500_000)), ((5, 7), (8_000_000, 0))]);
        let waits = waits(&servers, &first, &last);
        assert_eq!((waits[0].ran_ms, waits[0].waited_ms), (3.0, 0.5));
    }
}
