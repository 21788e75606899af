//! Names for readers who know neither process ids nor addresses: `vllm.service` and `GPU 0` instead of `server 2000` and
//! `0000:18:00.0`. The appendix keeps the others.

use std::collections::BTreeMap;

use plumb_evidence::Evidence;

use crate::messages::Messages;

/// Names by process id and by address.
#[derive(Debug, Default)]
pub(crate) struct Names {
    processes: BTreeMap<String, String>,
    devices: BTreeMap<String, String>,
    /// What stands for a process of which nothing is known.
    some: String,
}

/// Words before a process id, in all languages.
const BEFORE: [&str; 7] = ["server", "worker", "process", "pid", "prozess", "servers", "threads"];

impl Names {
    pub(crate) fn of(evidence: Option<&Evidence>, messages: &Messages) -> Self {
        let mut names = Self {
            some: messages.find("main", "some_process").unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let Some(evidence) = evidence else { return names };
        let gpus = evidence.gpus.known().map_or(&[][..], Vec::as_slice);
        let index = |address: &str| {
            gpus.iter().filter(|gpu| gpu.kind == "GPU").position(|gpu| gpu.address == address)
        };
        for gpu in gpus {
            if let Some(index) = index(&gpu.address) {
                names.devices.insert(gpu.address.to_lowercase(), format!("GPU {index}"));
            }
        }
        for server in evidence.servers.known().into_iter().flatten() {
            // What is no known engine goes by the name of its program.
            let comm = server.main_process().map(|process| &process.comm).filter(|comm| !comm.is_empty());
            let kind = if server.kind == "unknown" { comm.unwrap_or(&server.kind) } else { &server.kind };
            let of_server = server.unit.known().unwrap_or(kind);
            names.processes.insert(server.pid.to_string(), of_server.clone());
            for process in &server.processes {
                let own: Vec<usize> =
                    process.gpus.known().into_iter().flatten().filter_map(|address| index(address)).collect();
                let name = match own.as_slice() {
                    [one] if process.pid != server.pid => format!("GPU {one}"),
                    _ => of_server.clone(),
                };
                names.processes.entry(process.pid.to_string()).or_insert(name);
            }
        }
        names
    }

    /// `text` with names that the client knows, and without the way to a file of the kernel.
    pub(crate) fn plain(&self, text: &str) -> String {
        // Why a source gave nothing, as the evidence has it.
        let mut text = text.to_owned();
        for why in
            ["absent", "skipped", "denied", "not recorded", "timeout", "truncated", "failed", "malformed"]
        {
            text = text.replace(&format!(" ({why})"), "");
        }
        let mut plain = String::with_capacity(text.len());
        let mut before = String::new();
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                plain.push(' ');
            }
            let word_only = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '/');
            // `2010's` and `2010,` are process ids, `0000:18:00.0` is an address.
            let pid: String = word_only.chars().take_while(char::is_ascii_digit).collect();
            let is_pid = !pid.is_empty()
                && !word_only[pid.len()..].starts_with(|c: char| c.is_ascii_digit() || c == ':' || c == '.')
                && BEFORE.contains(&before.as_str());
            let address = self.devices.keys().find(|address| word.to_lowercase().contains(address.as_str()));
            if let Some(address) = address {
                let at = word.to_lowercase().find(address.as_str()).unwrap_or(0);
                let name = &self.devices[address];
                // `GPU 0000:18:00.0` says GPU already.
                let name = if before == "gpu" { name.trim_start_matches("GPU ") } else { name };
                plain.push_str(&word[..at]);
                plain.push_str(name);
                plain.push_str(&word[at + address.len()..]);
            } else if is_pid {
                let name = self.processes.get(&pid).map_or(self.some.as_str(), String::as_str);
                let name = name.trim();
                if name.is_empty() {
                    plain = plain.trim_end().to_owned();
                }
                plain.push_str(&word.replacen(&pid, name, 1));
            } else if let Some(at) = ["/sys/", "/proc/"].iter().find_map(|root| word.find(root)) {
                let parts: Vec<&str> = word[at..].rsplitn(3, '/').collect();
                plain.push_str(&word[..at]);
                plain.push_str(
                    &parts[..parts.len().min(2)].iter().rev().copied().collect::<Vec<_>>().join("/"),
                );
            } else {
                plain.push_str(word);
            }
            before = word_only.to_lowercase();
        }
        // The name says more than the word for its number, and of what has no name nothing is left to say.
        let mut plain = plain.replace(" (pid)", "").replace(" (PID)", "");
        for name in self.processes.values() {
            for word in ["pid", "PID"] {
                plain = plain.replace(&format!("{word} {name}"), name);
            }
        }
        plain
    }
}

/// Words that stand between the ids of a list.
const BETWEEN: [&str; 4] = ["and", "und", "or", "oder"];

/// `text` without ids of processes and threads, for where nothing is known that could stand in their place.
pub(crate) fn without_ids(text: &str) -> String {
    let text = without_brackets(text);
    let words: Vec<&str> = text.split(' ').collect();
    // `2010` and `2010,` are ids after a word for what has one; `2010's` leaves its ending.
    let id = |at: usize| -> Option<&str> {
        let word = words.get(at)?;
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_id = rest.len() < word.len() && ["", ",", ";", ":", ".", "'s", "’s"].contains(&rest);
        is_id.then_some(rest)
    };
    let mut plain: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        plain.push(words[at].to_owned());
        let is_before = BEFORE.contains(&words[at].to_lowercase().as_str());
        at += 1;
        if !is_before {
            continue;
        }
        // `Threads 2010, 2011 and 2012`: the whole list goes, and what ends its last word stays.
        let mut ending = None;
        while let Some(rest) = id(at) {
            ending = Some(rest);
            at += 1;
            let goes_on = words.get(at).is_some_and(|word| BETWEEN.contains(word)) && id(at + 1).is_some();
            at += usize::from(goes_on);
            if rest != "," && !goes_on {
                break;
            }
        }
        if let (Some(ending), Some(last)) = (ending, plain.last_mut()) {
            last.push_str(ending);
        }
    }
    plain.join(" ")
}

fn without_brackets(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = [" (pid ", " (PID "].iter().filter_map(|mark| rest.find(mark)).min() {
        let (before, after) = rest.split_at(at);
        let digits = after[6..].chars().take_while(char::is_ascii_digit).count();
        let is_id = digits > 0 && after[6 + digits..].starts_with(')');
        let end = if is_id { 6 + digits + 1 } else { 6 };
        plain.push_str(before);
        plain.push_str(if is_id { "" } else { &after[..end] });
        rest = &after[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_and_nothing_else() {
        for (text, plain) in [
            ("Server (pid 2000) has 8 CPUs", "Server has 8 CPUs"),
            ("Nichts hält Worker (PID 2010) nahe", "Nichts hält Worker nahe"),
            (
                "Threads 2010 and 2011 shared a core at 2 of 2 readings",
                "Threads shared a core at 2 of 2 readings",
            ),
            ("Threads 2010, 2011 und 2012 teilten sich einen Kern", "Threads teilten sich einen Kern"),
            ("100 % of worker 2010's memory; server 7, at last", "100 % of worker's memory; server, at last"),
            ("The server has 8 CPUs for 10 processes", "The server has 8 CPUs for 10 processes"),
            ("server 2.5 times, 128 threads on 4 CPUs", "server 2.5 times, 128 threads on 4 CPUs"),
            ("a (pid x) b (pid 1", "a (pid x) b (pid 1"),
        ] {
            assert_eq!(without_ids(text), plain);
        }
    }

    #[test]
    fn process_ids_addresses_and_paths_give_way_to_names() {
        let names = Names {
            processes: [("2000", "vllm.service"), ("2010", "GPU 0")]
                .map(|(a, b)| (a.into(), b.into()))
                .into(),
            devices: [("0000:18:00.0".to_owned(), "GPU 0".to_owned())].into(),
            some: String::new(),
        };
        for (text, plain) in [
            (
                "A CPU quota stopped server 2000 in 30 of 100 periods",
                "A CPU quota stopped server vllm.service in 30 of 100 periods",
            ),
            ("100.0 % of worker 2010's host memory", "100.0 % of worker GPU 0's host memory"),
            ("Worker (pid 2010) has 100.0 %", "Worker (GPU 0) has 100.0 %"),
            ("java (pid 77) runs", "java runs"),
            ("process 77 (x) on GPU 0000:18:00.0", "process (x) on GPU 0"),
            ("`on` 0000:18:00.0, and", "`on` GPU 0, and"),
            ("server 2.5 times", "server 2.5 times"),
            ("it cannot be read (denied); x", "it cannot be read; x"),
            ("128 CPUs save power", "128 CPUs save power"),
            (
                "Write 1 to /sys/kernel/mm/transparent_hugepage/defrag (now 2)",
                "Write 1 to transparent_hugepage/defrag (now 2)",
            ),
        ] {
            assert_eq!(names.plain(text), plain);
        }
    }
}
