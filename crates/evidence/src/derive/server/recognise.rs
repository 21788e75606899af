//! Which processes are an inference server, judged by name and arguments as the kernel shows them.
//!
//! Programs are told by the file that is run and by a module given with `-m`, never by text inside of an argument: a shell
//! that starts a server, and an editor that has its start script open, are none. Servers that rename their processes are
//! told by those titles.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Role;

/// What tells a process's place in a server.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Process id.
    pub pid: u32,
    /// Process id of the parent.
    pub ppid: u32,
    /// Name, at most 15 bytes.
    pub comm: String,
    /// Arguments, program first; empty if unknown.
    pub arguments: Vec<String>,
    /// True if it is known to use a GPU.
    pub gpu: bool,
    /// True if the user named it as a server.
    pub named: bool,
}

/// Processes that serve together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// As [`crate::model::InferenceServer::kind`].
    pub kind: &'static str,
    /// The process that the others descend from.
    pub root: u32,
    /// All processes, the root included.
    pub members: BTreeSet<u32>,
}

/// Kind for a process that uses a GPU and is of no known kind.
pub const UNKNOWN: &str = "unknown";

/// Beginnings of titles that servers give their processes, in lower case, with kind and role.
const TITLES: &[(&str, &str, Role)] = &[
    ("vllm::enginecor", "vllm", Role::EngineCore),
    ("vllm::worker", "vllm", Role::GpuWorker),
    ("vllm::apiserver", "vllm", Role::ApiServer),
    ("vllm::dpcoordin", "vllm", Role::Router),
    ("vllm::router", "vllm", Role::Router),
    ("ray::rayworkerw", "vllm", Role::GpuWorker),
    ("sglang::schedul", "sglang", Role::GpuWorker),
    ("sglang::detoken", "sglang", Role::Tokenizer),
    ("sglang::tokeniz", "sglang", Role::Tokenizer),
    ("sglang::http_se", "sglang", Role::ApiServer),
    ("sglang::router", "sglang", Role::Router),
    ("sglang::data_pa", "sglang", Role::Router),
];

/// Programs by file name, with kind and role.
const PROGRAMS: &[(&str, &str, Role)] = &[
    ("vllm", "vllm", Role::ApiServer),
    ("vllm-router", "vllm", Role::Router),
    ("sglang", "sglang", Role::ApiServer),
    ("sglang-router", "sglang", Role::Router),
    ("trtllm-serve", "tensorrt-llm", Role::ApiServer),
    ("trtllm-llmapi-launch", "tensorrt-llm", Role::Router),
    ("tritonserver", "triton", Role::Whole),
    ("triton_python_backend_stub", "triton", Role::Other),
    ("text-generation-launcher", "tgi", Role::Other),
    ("text-generation-router", "tgi", Role::ApiServer),
    ("text-generation-server", "tgi", Role::GpuWorker),
    ("llama-server", "llama.cpp", Role::Whole),
    ("llamafile", "llama.cpp", Role::Whole),
    ("ollama", "ollama", Role::ApiServer),
    ("ollama_llama_server", "ollama", Role::Whole),
    ("lmdeploy", "lmdeploy", Role::ApiServer),
    ("ktransformers", "ktransformers", Role::Whole),
    ("koboldcpp", "koboldcpp", Role::Whole),
    ("koboldcpp.py", "koboldcpp", Role::Whole),
    ("tabbyapi", "tabbyapi", Role::Whole),
    ("transformers", "transformers", Role::Whole),
    ("transformers-cli", "transformers", Role::Whole),
];

/// Beginnings of Python modules, with kind and role.
const MODULES: &[(&str, &str, Role)] = &[
    ("vllm.entrypoints", "vllm", Role::ApiServer),
    ("vllm", "vllm", Role::ApiServer),
    ("sglang.launch_server", "sglang", Role::ApiServer),
    ("sglang_router", "sglang", Role::Router),
    ("sglang", "sglang", Role::ApiServer),
    ("tensorrt_llm", "tensorrt-llm", Role::GpuWorker),
    ("text_generation_server", "tgi", Role::GpuWorker),
    ("llama_cpp.server", "llama.cpp", Role::Whole),
    ("xllamacpp", "llama.cpp", Role::Whole),
    ("lmdeploy.serve", "lmdeploy", Role::ApiServer),
    ("lmdeploy", "lmdeploy", Role::ApiServer),
    ("ktransformers", "ktransformers", Role::Whole),
    ("koboldcpp", "koboldcpp", Role::Whole),
    ("tabbyapi", "tabbyapi", Role::Whole),
];

/// Scripts that many programs have, with the folder of those that are servers.
const SCRIPTS: &[(&str, &[&str], &str)] = &[
    ("tabbyapi", &["main.py", "start.py"], "tabbyapi"),
    ("ktransformers", &["main.py"], "ktransformers"),
    ("koboldcpp", &["main.py"], "koboldcpp"),
];

/// Commands of a program that serve; the same program does other things, too. A program that is not here always serves.
const SUBCOMMANDS: &[(&str, &[&str])] = &[
    ("vllm", &["serve"]),
    ("sglang", &["serve"]),
    ("ollama", &["serve", "runner"]),
    ("lmdeploy", &["serve"]),
    ("transformers", &["serve"]),
    ("transformers-cli", &["serve"]),
];

/// Kind and role of a process, if name or arguments tell them.
#[must_use]
pub fn kind_of(comm: &str, arguments: &[String]) -> Option<(&'static str, Role)> {
    let title = arguments.first().map_or(comm, String::as_str);
    by_title(title).or_else(|| by_title(comm)).or_else(|| by_program(arguments))
}

fn by_title(title: &str) -> Option<(&'static str, Role)> {
    let title = title.to_ascii_lowercase();
    TITLES.iter().find(|(start, ..)| title.starts_with(start)).map(|&(_, kind, role)| (kind, role))
}

fn by_program(arguments: &[String]) -> Option<(&'static str, Role)> {
    let (program, rest) = arguments.split_first()?;
    let interpreter = file_name(program);
    if interpreter.starts_with("python") || interpreter.starts_with("pypy") {
        // Options of the interpreter come before the script or the module.
        let mut rest = rest.iter().map(String::as_str).enumerate();
        while let Some((at, argument)) = rest.next() {
            match argument {
                "-m" => return by_module(arguments.get(at + 2)?, &arguments[at + 3..]),
                "-c" => return None,
                "-X" | "-W" => {
                    rest.next();
                }
                option if option.starts_with('-') => {}
                script => return by_file(script, &arguments[at + 2..]),
            }
        }
        return None;
    }
    by_file(program, rest)
}

fn by_module(module: &str, rest: &[String]) -> Option<(&'static str, Role)> {
    let &(_, kind, role) = MODULES.iter().find(|(start, ..)| {
        module.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })?;
    // The module of a program with commands is that program.
    let is_program = matches!(module, "lmdeploy");
    if is_program { by_file(module, rest) } else { Some((kind, role)) }
}

fn by_file(path: &str, rest: &[String]) -> Option<(&'static str, Role)> {
    let name = file_name(path);
    let is_folder = |folder: &str| path.split('/').any(|part| part.eq_ignore_ascii_case(folder));
    let script = SCRIPTS.iter().find(|(folder, names, _)| names.contains(&name) && is_folder(folder));
    if let Some(&(_, _, kind)) = script {
        return Some((kind, Role::Whole));
    }
    // Its releases bear the platform in their name: `koboldcpp-linux-x64-cuda1210`.
    let name = if name.starts_with("koboldcpp-") { "koboldcpp" } else { name };
    let &(_, kind, role) = PROGRAMS.iter().find(|(program, ..)| *program == name)?;
    let Some((_, commands)) = SUBCOMMANDS.iter().find(|(program, _)| *program == name) else {
        return Some((kind, role));
    };
    let command = rest.iter().find(|argument| !argument.starts_with('-'))?;
    let role = if command == "runner" { Role::Whole } else { role };
    commands.contains(&command.as_str()).then_some((kind, role))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Sorts processes into servers.
///
/// The topmost process of a kind, or that was named, is the root; whatever descends from it belongs to it. A process that uses a GPU and
/// belongs to none is a server of the kind [`UNKNOWN`], together with GPU processes that descend from it or share its
/// parent: workers of one program that nobody knows.
#[must_use]
pub fn group(candidates: &[Candidate]) -> Vec<Group> {
    let by_pid: BTreeMap<u32, &Candidate> =
        candidates.iter().map(|candidate| (candidate.pid, candidate)).collect();
    let kinds: BTreeMap<u32, &'static str> = candidates
        .iter()
        .filter_map(|candidate| {
            let kind = kind_of(&candidate.comm, &candidate.arguments).map(|(kind, _)| kind);
            Some((candidate.pid, kind.or_else(|| candidate.named.then_some(UNKNOWN))?))
        })
        .collect();
    let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
    let mut loose = Vec::new();
    for candidate in candidates {
        // The root is the highest process of a kind above, whatever stands between.
        let root = ancestors(&by_pid, candidate.pid).filter(|pid| kinds.contains_key(pid)).last();
        match root {
            Some(root) => {
                let kind = kinds[&root];
                let group =
                    groups.entry(root).or_insert_with(|| Group { kind, root, members: BTreeSet::new() });
                // A script that was named may start a server that is known.
                if group.kind == UNKNOWN {
                    group.kind = kinds.get(&candidate.pid).copied().unwrap_or(UNKNOWN);
                }
                group.members.insert(candidate.pid);
            }
            None if candidate.gpu => loose.push(candidate),
            None => {}
        }
    }
    let loose_pids: BTreeSet<u32> = loose.iter().map(|candidate| candidate.pid).collect();
    let mut by_parent: BTreeMap<u32, u32> = BTreeMap::new();
    for candidate in loose {
        let top = ancestors(&by_pid, candidate.pid).filter(|pid| loose_pids.contains(pid)).last();
        let top = top.unwrap_or(candidate.pid);
        let parent = by_pid.get(&top).map_or(0, |candidate| candidate.ppid);
        // Children of init have nothing in common.
        let root = if parent > 1 { *by_parent.entry(parent).or_insert(top) } else { top };
        let group =
            groups.entry(root).or_insert_with(|| Group { kind: UNKNOWN, root, members: BTreeSet::new() });
        group.members.insert(candidate.pid);
    }
    groups.into_values().collect()
}

/// A process and all above it, as far as they are known.
fn ancestors<'a>(by_pid: &'a BTreeMap<u32, &Candidate>, pid: u32) -> impl Iterator<Item = u32> + 'a {
    // Recordings may hold loops; no real tree is this deep.
    let up = move |pid: &u32| by_pid.get(pid).map(|candidate| candidate.ppid).filter(|&parent| parent > 0);
    std::iter::successors(Some(pid), up).filter(|pid| by_pid.contains_key(pid)).take(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn kind(command: &str) -> Option<(&'static str, Role)> {
        kind_of("", &words(command))
    }

    #[test]
    fn servers_are_told_by_program_module_or_title() {
        for (command, kind_and_role) in [
            ("/usr/bin/python3 /usr/local/bin/vllm serve m/x --port 1", ("vllm", Role::ApiServer)),
            ("python3.12 -u -m vllm.entrypoints.openai.api_server --model x", ("vllm", Role::ApiServer)),
            ("VLLM::EngineCore_DP0", ("vllm", Role::EngineCore)),
            ("VLLM::Worker_TP3", ("vllm", Role::GpuWorker)),
            ("sglang::scheduler_TP1", ("sglang", Role::GpuWorker)),
            ("python -m sglang.launch_server --model-path x", ("sglang", Role::ApiServer)),
            ("/opt/tritonserver/bin/tritonserver --model-repository=/m", ("triton", Role::Whole)),
            ("trtllm-serve x --tp_size 2", ("tensorrt-llm", Role::ApiServer)),
            ("/app/llama-server -m x.gguf", ("llama.cpp", Role::Whole)),
            ("/usr/bin/ollama runner --model x", ("ollama", Role::Whole)),
            ("/usr/bin/ollama serve", ("ollama", Role::ApiServer)),
            ("text-generation-launcher --model-id x", ("tgi", Role::Other)),
            ("/opt/py3/bin/python /opt/py3/bin/lmdeploy serve api_server m", ("lmdeploy", Role::ApiServer)),
            ("python3 -m lmdeploy serve api_server m", ("lmdeploy", Role::ApiServer)),
            ("/opt/koboldcpp-linux-x64 --model x.gguf", ("koboldcpp", Role::Whole)),
            ("python3 /srv/koboldcpp.py --model x.gguf", ("koboldcpp", Role::Whole)),
            ("python3 /opt/tabbyAPI/main.py", ("tabbyapi", Role::Whole)),
            ("python /app/ktransformers/server/main.py --cpu_infer 62", ("ktransformers", Role::Whole)),
            ("/usr/lib/ollama/runners/cpu/ollama_llama_server --model x", ("ollama", Role::Whole)),
        ] {
            assert_eq!(kind(command), Some(kind_and_role), "{command}");
        }
        assert_eq!(kind_of("VLLM::EngineCor", &[]), Some(("vllm", Role::EngineCore)));
    }

    #[test]
    fn what_only_names_a_server_is_none() {
        for command in [
            "vim /etc/vllm serve",
            "bash -c vllm\u{a0}serve",
            "python3 -c import\u{a0}vllm",
            "vllm bench latency",
            "ollama pull x",
            "lmdeploy lite auto_awq m",
            "python3 -m lmdeploy convert m",
            "python3 /srv/app/main.py",
            "grep vllm",
            "python3 train.py vllm",
            "python3 -m vllmish",
            "",
        ] {
            assert_eq!(kind(command), None, "{command}");
        }
    }

    fn candidate(pid: u32, ppid: u32, command: &str, gpu: bool) -> Candidate {
        Candidate {
            pid,
            ppid,
            comm: String::new(),
            arguments: words(command),
            gpu,
            named: command.contains("named"),
        }
    }

    #[test]
    fn what_descends_from_a_server_belongs_to_it() {
        let groups = group(&[
            candidate(1, 0, "init", false),
            candidate(10, 1, "python3 /bin/vllm serve m", false),
            candidate(11, 10, "python3 -c spawn", false),
            candidate(12, 10, "VLLM::EngineCore", false),
            candidate(13, 12, "VLLM::Worker_TP0", true),
            candidate(20, 1, "bash", false),
            candidate(21, 20, "python3 a.py", true),
            candidate(22, 20, "python3 a.py", true),
            candidate(23, 21, "python3 a.py", true),
            candidate(30, 1, "python3 b.py", true),
            candidate(40, 40, "python3 loop.py", true),
        ]);
        let found: Vec<_> = groups.iter().map(|g| (g.kind, g.root, g.members.len())).collect();
        assert_eq!(found, [("vllm", 10, 4), (UNKNOWN, 21, 3), (UNKNOWN, 30, 1), (UNKNOWN, 40, 1)]);
    }

    #[test]
    fn what_the_user_names_is_a_server_with_all_below_it() {
        let groups = group(&[
            candidate(1, 0, "init", false),
            candidate(10, 1, "python3 named.py 8000", false),
            candidate(11, 10, "python3 worker.py", false),
            candidate(20, 1, "bash named.sh", false),
            candidate(21, 20, "/app/llama-server -m x", true),
            candidate(30, 1, "python3 other.py", false),
        ]);
        let found: Vec<_> = groups.iter().map(|g| (g.kind, g.root, g.members.len())).collect();
        assert_eq!(found, [(UNKNOWN, 10, 2), ("llama.cpp", 20, 2)]);
    }
}
