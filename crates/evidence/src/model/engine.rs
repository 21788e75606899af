//! What is known of serving engines: the packages that tell their version, what sizes their pools, and how they bind.
//!
//! What an engine was told is never proof: masks and pages show what came of it (vllm#55416: `--numa-bind` does nothing in
//! images for AMD's GPUs, without a word). A default counts for versions that are known to have it only.

use super::{InferenceServer, Quote};
use crate::fact::{Absence, Missing};

/// An engine that serves models.
#[derive(Debug)]
pub struct Engine {
    /// As [`InferenceServer::kind`].
    pub kind: &'static str,
    /// Python packages whose metadata tell the version, as folders `NAME-VERSION.dist-info` are named.
    pub packages: &'static [&'static str],
    /// Versions that the checks were tried with while they served real requests.
    pub tried: &'static [&'static str],
    /// Whether sizes of parallelism are 1 unless an option says otherwise.
    pub size_is_one: bool,
    /// Whether one process computes on the CPU with a pool of threads, instead of a process for each GPU.
    pub computes_on_cpu: bool,
    /// What sizes its pools.
    pub pool: PoolSetting,
    /// Options that place its workers.
    flags: &'static [Flag],
    /// Variables that place its workers.
    variables: &'static [Variable],
    /// Versions that place workers unless they are told not to: the first of them, and since when they go on where that is
    /// not permitted.
    by_default: Option<ByDefault>,
}

/// How an engine is told the size of its pools: what its documentation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolSetting {
    /// The variable that OpenMP, MKL and PyTorch read, `OMP_NUM_THREADS`.
    Variable,
    /// An option of its command line.
    Option(&'static str),
    /// A parameter of requests and model files.
    Parameter(&'static str),
}

impl PoolSetting {
    /// The setting with its value, as a person writes it.
    #[must_use]
    pub fn with(self, threads: impl std::fmt::Display) -> String {
        match self {
            Self::Variable => format!("OMP_NUM_THREADS={threads}"),
            Self::Option(name) | Self::Parameter(name) => format!("{name} {threads}"),
        }
    }
}

/// An option by its name without dashes; `memory` if it binds memory, too, and `alone` if it takes no value.
#[derive(Debug)]
struct Flag {
    name: &'static str,
    memory: bool,
    alone: bool,
}

/// A variable; on if it is `1` or `true`.
#[derive(Debug)]
struct Variable {
    name: &'static str,
    memory: bool,
}

#[derive(Debug)]
struct ByDefault {
    first: Version,
    /// From this version on, workers start without memory policy where it is not permitted.
    falls_back: Version,
    /// A variable that switches it off, and since which version.
    off: (&'static str, Version),
}

type Version = (u32, u32, u32);

const PYTORCH: Engine = Engine {
    kind: "",
    packages: &[],
    tried: &[],
    size_is_one: false,
    computes_on_cpu: false,
    pool: PoolSetting::Variable,
    flags: &[],
    variables: &[],
    by_default: None,
};

/// By kind. Sources: vLLM `--numa-bind*` (vllm#38635); SGLang `--numa-node` and its variables (`srt/environ.py` and
/// `srt/utils/numa_utils.py` of the packages 0.5.9 to 0.5.18; sglang#19452, #28401, #30394); TensorRT-LLM
/// `TLLM_NUMA_AWARE_WORKER_AFFINITY`, which sets masks only (`llmapi/utils.py`, `1` forces it); llama.cpp `--numa` and
/// `--threads` (`tools/server/README.md`), where `--numa` sets masks only; Ollama `num_thread` (`docs/modelfile.md`);
/// KTransformers `--cpu_infer`; KoboldCpp `--threads`. LMDeploy's sizes are `--tp` and `--dp`, 1 by default.
pub const ENGINES: &[Engine] = &[
    Engine {
        kind: "vllm",
        packages: &["vllm"],
        tried: &["0.25.1"],
        size_is_one: true,
        flags: &[
            Flag { name: "numa-bind-cpus", memory: true, alone: false },
            Flag { name: "numa-bind-nodes", memory: true, alone: false },
            Flag { name: "numa-bind", memory: true, alone: true },
        ],
        ..PYTORCH
    },
    Engine {
        kind: "sglang",
        packages: &["sglang"],
        size_is_one: true,
        flags: &[Flag { name: "numa-node", memory: true, alone: false }],
        variables: &[
            Variable { name: "SGLANG_AUTO_NUMA_BIND", memory: true },
            Variable { name: "SGLANG_NUMA_BIND_V2", memory: true },
            Variable { name: "SGLANG_SET_CPU_AFFINITY", memory: false },
        ],
        by_default: Some(ByDefault {
            first: (0, 5, 10),
            falls_back: (0, 5, 15),
            off: ("SGLANG_AUTO_NUMA_BIND", (0, 5, 18)),
        }),
        ..PYTORCH
    },
    Engine {
        kind: "tensorrt-llm",
        packages: &["tensorrt_llm"],
        size_is_one: true,
        variables: &[Variable { name: "TLLM_NUMA_AWARE_WORKER_AFFINITY", memory: false }],
        ..PYTORCH
    },
    Engine { kind: "lmdeploy", packages: &["lmdeploy"], size_is_one: true, ..PYTORCH },
    Engine { kind: "tgi", packages: &["text_generation_server"], ..PYTORCH },
    Engine { kind: "transformers", packages: &["transformers"], ..PYTORCH },
    Engine { kind: "tabbyapi", packages: &["tabbyapi"], ..PYTORCH },
    Engine { kind: "triton", ..PYTORCH },
    Engine {
        kind: "llama.cpp",
        packages: &["llama_cpp_python", "xllamacpp"],
        tried: &["2026.10.11549"],
        computes_on_cpu: true,
        pool: PoolSetting::Option("--threads"),
        flags: &[Flag { name: "numa", memory: false, alone: false }],
        ..PYTORCH
    },
    Engine { kind: "koboldcpp", computes_on_cpu: true, pool: PoolSetting::Option("--threads"), ..PYTORCH },
    Engine { kind: "ollama", computes_on_cpu: true, pool: PoolSetting::Parameter("num_thread"), ..PYTORCH },
    Engine {
        kind: "ktransformers",
        packages: &["ktransformers"],
        computes_on_cpu: true,
        pool: PoolSetting::Option("--cpu_infer"),
        ..PYTORCH
    },
];

/// Versions of NVIDIA's driver that the checks were tried with on real GPUs.
pub const DRIVERS_TRIED: &[&str] = &["580.159.04"];

impl Engine {
    /// The engine of that kind; one of no known kind has nothing of its own.
    #[must_use]
    pub fn of(kind: &str) -> &'static Self {
        const UNKNOWN: &Engine = &PYTORCH;
        ENGINES.iter().find(|engine| engine.kind == kind).unwrap_or(UNKNOWN)
    }
}

/// What tells that an engine places its workers. It shows what was asked for, never what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The option, the variable or the version that says so, and where it was read.
    pub told: Quote,
    /// Whether memory is to be bound, and not threads alone.
    pub memory: bool,
    /// Whether a worker whose memory may not be bound does not start.
    pub needs_permission: bool,
}

impl InferenceServer {
    /// The engine that it is.
    #[must_use]
    pub fn engine(&self) -> &'static Engine {
        Engine::of(&self.kind)
    }

    /// What tells that the engine places its workers; `None` where nothing does.
    ///
    /// # Errors
    /// Says why options or variables are not known, where those that are known tell nothing.
    pub fn binding(&self) -> Result<Option<Binding>, Missing> {
        if self.kind.is_empty() {
            return Err(Missing::new(Absence::Skipped, "it is not known which engine the server is"));
        }
        let engine = self.engine();
        let version = self.version.known().and_then(|text| version(text));
        let default = engine.by_default.as_ref().zip(version).filter(|(default, own)| *own >= default.first);
        let needs_permission = default.as_ref().is_some_and(|(default, own)| *own < default.falls_back);
        let binding = |source: String, value: String, memory| Binding {
            told: Quote { source, value },
            memory,
            needs_permission,
        };
        let root = format!("/proc/{}", self.pid);
        if let Some((value, flag)) = self.flag(engine) {
            return Ok(Some(binding(format!("{root}/cmdline"), value, flag.memory)));
        }
        let environments =
            || self.processes.iter().filter_map(|process| Some((process, process.environment.known()?)));
        for variable in engine.variables {
            let set = environments().find_map(|(process, all)| Some((process, all.get(variable.name)?)));
            if let Some((process, value)) = set.filter(|(_, value)| is_on(value)) {
                let value = format!("{}={value}", variable.name);
                return Ok(Some(binding(format!("{}/environ", process.path), value, variable.memory)));
            }
        }
        // What was not read may say that it is to bind, or not to.
        if !engine.flags.is_empty() {
            self.options.require()?;
        }
        if !engine.variables.is_empty() {
            self.processes.iter().try_for_each(|process| process.environment.require().map(drop))?;
        }
        if engine.by_default.is_some() {
            self.version.require()?;
        }
        Ok(default
            .filter(|(default, own)| {
                let (name, since) = default.off;
                *own < since
                    || !environments().any(|(_, all)| all.get(name).is_some_and(|value| !is_on(value)))
            })
            .map(|(default, _)| {
                let version = self.version.known().map_or("", String::as_str);
                let (major, minor, patch) = default.first;
                let value =
                    format!("{} {version} (binds by default from {major}.{minor}.{patch} on)", self.kind);
                binding(root, value, true)
            }))
    }

    /// The option that places workers, as it was given: on the command line, else as somebody understood it.
    fn flag(&self, engine: &'static Engine) -> Option<(String, &'static Flag)> {
        let is_off = |value: &str| matches!(value, "false" | "0" | "off" | "none" | "disabled");
        let arguments: Vec<&String> = self
            .processes
            .iter()
            .filter(|process| process.pid == self.pid)
            .filter_map(|process| process.cmdline.known())
            .flatten()
            .collect();
        engine.flags.iter().find_map(|flag| {
            let given = arguments.iter().enumerate().find_map(|(at, argument)| {
                let rest = argument.strip_prefix("--")?;
                let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
                let following =
                    arguments[at + 1..].iter().take_while(|next| !flag.alone && !next.starts_with('-'));
                let values = std::iter::once(value).chain(following.map(|next| next.as_str()));
                let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
                (name.replace('_', "-") == flag.name).then(|| values.join(" "))
            });
            let understood = || {
                let value = self.options.known()?.get(flag.name)?;
                Some(if value == "true" { String::new() } else { value.clone() })
            };
            let value = given.or_else(understood).filter(|value| !is_off(value))?;
            let told = if value.is_empty() { String::new() } else { format!(" {value}") };
            Some((format!("--{}{told}", flag.name), flag))
        })
    }
}

fn is_on(value: &str) -> bool {
    matches!(value.trim(), "1" | "true" | "True" | "TRUE" | "yes" | "on")
}

/// The first three numbers of a version: `0.5.10.post1`. A build from sources that has no release is none.
fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse::<u32>().ok()
    });
    let version = (parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0));
    (version > (0, 0, 0)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::model::ServerProcess;

    fn server(
        kind: &str,
        version: Option<&str>,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> InferenceServer {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        InferenceServer {
            kind: kind.to_owned(),
            pid: 7,
            version: version.map_or_else(|| Fact::absent("unknown"), |text| Fact::Known(text.to_owned())),
            options: Fact::Known(
                options.iter().map(|name| ((*name).to_owned(), "true".to_owned())).collect(),
            ),
            processes: vec![ServerProcess {
                path: "/proc/7".to_owned(),
                pid: 7,
                environment: Fact::Known(variables.iter().map(owned).collect()),
                cmdline: Fact::Known(Vec::new()),
                ..ServerProcess::default()
            }],
            ..InferenceServer::default()
        }
    }

    fn told(server: &InferenceServer) -> Option<String> {
        server.binding().unwrap().map(|binding| binding.told.value)
    }

    #[test]
    fn a_default_counts_for_versions_that_have_it() {
        let of = |version, variables: &[(&str, &str)]| {
            server("sglang", version, &[], variables)
                .binding()
                .unwrap()
                .map(|binding| binding.needs_permission)
        };
        let unknown = server("sglang", None, &[], &[]).binding();
        assert!(unknown.is_err(), "of an unknown version no default is assumed, nor that there is none");
        assert_eq!(of(Some("0.5.9"), &[]), None);
        assert_eq!(of(Some("0.5.10.post1"), &[]), Some(true));
        assert_eq!(of(Some("0.5.15"), &[]), Some(false));
        assert_eq!(of(Some("0.0.0.dev1+g1234"), &[]), None);
        // Declared, but without effect before 0.5.18.
        assert_eq!(of(Some("0.5.12"), &[("SGLANG_AUTO_NUMA_BIND", "0")]), Some(true));
        assert_eq!(of(Some("0.5.18"), &[("SGLANG_AUTO_NUMA_BIND", "0")]), None);
        assert_eq!(of(None, &[("SGLANG_NUMA_BIND_V2", "1")]), Some(false));
    }

    #[test]
    fn each_engine_has_words_of_its_own() {
        assert_eq!(told(&server("vllm", None, &["numa-bind"], &[])).as_deref(), Some("--numa-bind"));
        assert_eq!(told(&server("sglang", Some("0.5.9"), &["numa-bind"], &[])), None);
        let tensorrt = [("TLLM_NUMA_AWARE_WORKER_AFFINITY", "1")];
        let binding = server("tensorrt-llm", None, &[], &tensorrt).binding().unwrap().unwrap();
        assert!(!binding.memory, "it sets masks only");
        assert_eq!(told(&server("vllm", None, &[], &tensorrt)), None);
        assert_eq!(Engine::of("koboldcpp").pool, PoolSetting::Option("--threads"));
        assert_eq!(Engine::of("what ever").pool, PoolSetting::Variable);
    }

    #[test]
    fn an_option_is_told_as_it_was_given() {
        let mut own = server("vllm", None, &["numa-bind"], &[]);
        let words = ["vllm", "serve", "m", "--numa-bind", "--numa_bind_nodes", "0", "1", "--port=1"];
        own.processes[0].cmdline = Fact::Known(words.map(str::to_owned).to_vec());
        assert_eq!(told(&own).as_deref(), Some("--numa-bind-nodes 0 1"));
        let mut off = server("llama.cpp", None, &[], &[]);
        off.options = Fact::Known([("numa".to_owned(), "none".to_owned())].into());
        assert_eq!(told(&off), None);
    }

    #[test]
    fn what_was_not_read_may_tell() {
        let mut unread = server("sglang", Some("0.5.12"), &[], &[]);
        unread.processes[0].environment = Fact::Missing(Missing::not_recorded("environ"));
        assert!(unread.binding().is_err());
    }
}
