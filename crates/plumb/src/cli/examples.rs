//! Examples at the end of each `--help`.

use clap::{Command, CommandFactory};

use super::Cli;

/// By command: what people type first. Each is parsed by a test.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "collect",
        &[
            "plumb collect --sample 30s -o node.plumb",
            "plumb collect --dry-run",
            "ssh gpu-07 plumb collect --quiet -o - > gpu-07.plumb",
        ],
    ),
    (
        "check",
        &[
            "plumb check node.plumb",
            "plumb check node.plumb --engagement engagement.toml --fail-on high",
            "plumb check - --format json < node.plumb",
        ],
    ),
    (
        "report",
        &[
            "plumb report --init",
            "plumb report node.plumb -o out --engagement engagement.toml",
            "plumb report out/report.json -o again --formats html",
        ],
    ),
    ("audit", &["plumb audit -o out --sample 30s", "plumb audit node.plumb -o out --formats md,html"]),
    ("remediate", &["plumb remediate node.plumb -o fix"]),
    ("verify", &["plumb verify fix", "plumb verify fix after.plumb --format json"]),
    ("compare", &["plumb compare before.plumb after.plumb", "plumb compare before.plumb after.plumb -o out"]),
    ("fleet", &["plumb fleet bundles/", "plumb fleet bundles/ --format json"]),
    (
        "bench",
        &[
            "plumb bench http://localhost:8000 --concurrency 8 --into node.plumb",
            "plumb bench http://localhost:8000 --rate 4 --duration 5m --slo ttft=500ms,itl=50ms",
            "plumb bench http://localhost:8000 --sweep --slo ttft=500ms --into node.plumb",
        ],
    ),
    ("noise", &["plumb noise --cpus 2-5 --seconds 60s --into node.plumb", "plumb noise --memory"]),
    (
        "experiment",
        &[
            "plumb experiment plan.toml --dry-run",
            "plumb experiment plan.toml --into node.plumb",
            "plumb experiment restore",
        ],
    ),
    (
        "observe",
        &[
            "plumb observe http://localhost:8000 --for 24h --slo ttft.p99=500ms --into node.plumb",
            "plumb observe --for 10m --every 5s",
        ],
    ),
    ("import", &["plumb import result.json", "plumb import result.json --into node.plumb"]),
    ("show", &["plumb show", "plumb show --watch 2s", "plumb show node.plumb --ascii"]),
    ("config", &["plumb config show --origin"]),
    ("paths", &["plumb paths", "plumb paths --gpu 0,1 --cores --format json"]),
    ("doctor", &["plumb doctor", "sudo plumb doctor --format json"]),
    (
        "bundle",
        &[
            "plumb bundle show node.plumb --as numactl",
            "plumb bundle cat node.plumb /proc/cmdline",
            "plumb bundle redact node.plumb -o client.plumb --level strict",
        ],
    ),
    ("packs", &["plumb packs list", "plumb packs show cpu.governor", "plumb packs trust my-pack/"]),
    ("completions", &["plumb completions bash > /etc/bash_completion.d/plumb"]),
    ("man", &["plumb man -o /usr/local/share/man/man1"]),
];

/// The command line: as [`Cli`] says, with examples, and with values that may begin with a minus, of which the parser of each
/// value says more than "unexpected argument".
pub(crate) fn command() -> Command {
    let mut command = numbers(Cli::command());
    for (name, examples) in EXAMPLES {
        let lines: String = examples.iter().map(|line| format!("\n  {line}")).collect();
        command = command.mut_subcommand(name, |own| own.after_help(format!("Examples:{lines}")));
    }
    command
}

fn numbers(command: Command) -> Command {
    command
        .mut_args(|arg| match arg.get_action().takes_values() {
            true => arg.allow_negative_numbers(true),
            false => arg,
        })
        .mut_subcommands(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn each_command_has_examples_that_are_right() {
        for own in command().get_subcommands().filter(|own| !own.is_hide_set()) {
            let name = own.get_name();
            let (_, examples) = EXAMPLES.iter().find(|(of, _)| *of == name).unwrap_or_else(|| {
                panic!("`plumb {name}` has no example");
            });
            for example in *examples {
                // What a shell would take for itself.
                let line = example.split(['>', '<']).next().unwrap();
                let words = line.split_whitespace().skip_while(|word| *word != "plumb");
                let matches = command().try_get_matches_from(words).unwrap_or_else(|error| {
                    panic!("`{example}`: {error}");
                });
                assert_eq!(matches.subcommand_name(), Some(name), "{example}");
            }
        }
    }

    #[test]
    fn a_negative_number_is_told_from_an_option() {
        for (line, says) in [
            ("plumb collect --sample -5", "give a time from 0.1 s to an hour"),
            ("plumb bench http://h --duration -1", "is no time"),
            ("plumb check b.plumb --require-coverage -1", "from 0 to 1"),
        ] {
            let error = command().try_get_matches_from(line.split(' ')).unwrap_err().to_string();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
