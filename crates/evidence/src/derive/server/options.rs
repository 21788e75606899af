//! Options of a server's command line.

use std::collections::BTreeMap;

use super::recognise::UNKNOWN;
use crate::fact::{Absence, Fact, Missing};
use crate::model::Engine;

type Options = BTreeMap<String, String>;

/// Names of the tensor parallel size in various servers.
pub(super) const TENSOR_PARALLEL: &[&str] = &["tensor-parallel-size", "tp-size", "tp"];
/// Names of the pipeline parallel size.
pub(super) const PIPELINE_PARALLEL: &[&str] = &["pipeline-parallel-size", "pp-size", "pp"];
/// Names of the data parallel size.
pub(super) const DATA_PARALLEL: &[&str] = &["data-parallel-size", "dp-size", "dp"];

/// Options by name without leading dashes, `_` read as `-`: `--tp_size 2`, `--tp-size=2`, `-tp 2`. A flag is `true`; a
/// repeated option's values are joined with commas, as are several values of one option.
pub(super) fn parse(arguments: &[String]) -> Options {
    let mut options = Options::new();
    let mut current: Option<String> = None;
    for argument in arguments.iter().skip(1) {
        // A negative number is a value.
        let is_option = argument.starts_with('-')
            && argument.len() > 1
            && !argument[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.');
        if is_option {
            let text = argument.trim_start_matches('-');
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            let name = name.replace('_', "-");
            match value {
                Some(value) => {
                    add(&mut options, &name, value);
                    current = None;
                }
                None => {
                    options.entry(name.clone()).or_insert_with(|| "true".to_owned());
                    current = Some(name);
                }
            }
        } else if let Some(name) = &current {
            add(&mut options, name, argument);
        }
    }
    options
}

fn add(options: &mut Options, name: &str, value: &str) {
    let known = options.entry(name.to_owned()).or_default();
    if known.is_empty() || known == "true" {
        value.clone_into(known);
    } else {
        known.push(',');
        known.push_str(value);
    }
}

/// The model as it was named: the option of the server's kind, or what follows `serve`.
pub(super) fn model(kind: &str, arguments: &[String], options: &Options) -> Fact<String> {
    let names: &[&str] = match kind {
        "llama.cpp" => &["model", "m", "hf-repo", "hf"],
        "triton" => &["model-repository", "model-store"],
        "ktransformers" => &["gguf-path", "model-path"],
        _ => &["model", "model-path", "model-id", "served-model-name"],
    };
    let by_option = names.iter().find_map(|name| options.get(*name)).cloned();
    let after_serve = || {
        let start = arguments.iter().position(|argument| {
            let name = argument.rsplit('/').next().unwrap_or(argument);
            matches!(name, "serve" | "trtllm-serve")
        })?;
        let next = arguments.get(start + 1).filter(|next| !next.starts_with('-'))?;
        // `trtllm-serve serve MODEL`
        if next == "serve" { arguments.get(start + 2).cloned() } else { Some(next.clone()) }
    };
    match by_option.filter(|value| value != "true").or_else(after_serve) {
        Some(model) => Fact::Known(model),
        None => Fact::absent("the command line names no model"),
    }
}

/// A size of parallelism by its `names`; servers with a known default have it where nothing else is said.
pub(super) fn size(kind: &str, options: &Fact<Options>, names: &[&str]) -> Fact<u32> {
    let options = match options {
        Fact::Known(options) => options,
        Fact::Missing(missing) => return Fact::Missing(missing.clone()),
    };
    if let Some((name, value)) = names.iter().find_map(|&name| Some((name, options.get(name)?))) {
        return match value.parse() {
            Ok(size) => Fact::Known(size),
            Err(_) => {
                Fact::Missing(Missing::new(Absence::Malformed, format!("option `--{name}` is `{value}`")))
            }
        };
    }
    if let Some(file) = options.get("config") {
        return Fact::Missing(Missing::new(
            Absence::Skipped,
            format!("options are in the file `{file}`, which is not collected"),
        ));
    }
    if Engine::of(kind).size_is_one {
        return Fact::Known(1);
    }
    if kind == UNKNOWN {
        return Fact::absent(
            "the command line does not tell, and what an unknown server does by default is not known",
        );
    }
    Fact::absent(format!("the command line does not tell, and the default of `{kind}` depends on the node"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn forms_of_options() {
        let options = parse(&words(
            "vllm serve m --tensor-parallel-size=4 --tp_size 2 --numa-bind --numa-bind-nodes 0 0 1 1 --bias -0.5 -x",
        ));
        for (name, value) in [
            ("tensor-parallel-size", "4"),
            ("tp-size", "2"),
            ("numa-bind", "true"),
            ("numa-bind-nodes", "0,0,1,1"),
            ("bias", "-0.5"),
            ("x", "true"),
        ] {
            assert_eq!(options.get(name).map(String::as_str), Some(value), "{name}");
        }
    }

    #[test]
    fn sizes_have_defaults_only_where_the_server_has() {
        let of = |kind: &str, text: &str| size(kind, &Fact::Known(parse(&words(text))), TENSOR_PARALLEL);
        assert_eq!(of("vllm", "vllm serve m"), Fact::Known(1));
        assert_eq!(of("vllm", "vllm serve m -tp 8"), Fact::Known(8));
        assert!(of("vllm", "vllm serve m --config a.yaml").known().is_none());
        assert!(of("tgi", "text-generation-launcher").known().is_none());
        assert!(of("vllm", "vllm serve m -tp x").known().is_none());
    }

    #[test]
    fn models_by_option_or_place() {
        let of = |kind: &str, text: &str| {
            let arguments = words(text);
            model(kind, &arguments, &parse(&arguments)).known().cloned()
        };
        assert_eq!(of("vllm", "python3 /bin/vllm serve a/b --port 1").as_deref(), Some("a/b"));
        assert_eq!(of("sglang", "python -m sglang.launch_server --model-path x").as_deref(), Some("x"));
        assert_eq!(of("llama.cpp", "llama-server -m /x.gguf -t 4").as_deref(), Some("/x.gguf"));
        assert_eq!(of("tensorrt-llm", "trtllm-serve serve a/b").as_deref(), Some("a/b"));
        assert_eq!(of("ollama", "ollama serve"), None);
    }

    proptest! {
        #[test]
        fn any_command_line_parses(arguments in prop::collection::vec("[-_=a.0 é]{0,6}", 0..8)) {
            let options = parse(&arguments);
            let _ = model("vllm", &arguments, &options);
            let _ = size("vllm", &Fact::Known(options), TENSOR_PARALLEL);
        }
    }
}
