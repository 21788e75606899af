//! Which remedies are patterns: texts that cannot be applied before a name of the node at hand is put in.
//!
//! A remedy is part of a check and was written before anybody saw the node. What names a process, a unit or CPUs is an
//! example, and whoever pastes it on another node confines services to CPUs that nobody chose.

use std::collections::BTreeSet;

use plumb_engine::assessment::RatedFinding;

/// Words that stand for a name or a number of the node. A digit may follow, as in `PID1`.
const PLACEHOLDERS: &[&str] = &[
    "ADDRESS",
    "COMMAND",
    "CPUS",
    "DEVICE",
    "DOMAIN",
    "FOLDER",
    "FROM",
    "GOVERNOR",
    "GROUP",
    "INDEX",
    "INTERFACE",
    "KHZ",
    "N",
    "NAME",
    "NODE",
    "NODES",
    "NUMBER",
    "PATH",
    "PID",
    "PRIORITY",
    "PROFILE",
    "RELEASE",
    "TID",
    "TO",
    "UNIT",
    "UUID",
    "VALUE",
    "WATTS",
];

/// Numbers above are no CPUs or NUMA nodes, but sizes.
const HIGHEST_CPU: u32 = 8191;

/// True if `text`, a remedy of `findings`, names a placeholder, a list of CPUs or nodes, or a service that none of their
/// evidence names.
#[must_use]
pub fn is_pattern(text: &str, findings: &[&RatedFinding]) -> bool {
    commands(text).any(|command| {
        has_placeholder(command) || has_list(command) || has_foreign_service(command, findings)
    })
}

/// What stands between backticks; where there are none, a text is a command itself that has options, or begins as no
/// sentence does.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    let is_sentence = text.starts_with(char::is_uppercase) && !text.contains(" --");
    let whole = (!text.contains('`') && !is_sentence).then_some(text);
    whole.into_iter().chain(text.split('`').skip(1).step_by(2))
}

fn has_placeholder(command: &str) -> bool {
    let mut before = None;
    command.split_inclusive(|c: char| !is_of_word(c)).any(|part| {
        let word = part.trim_end_matches(|c| !is_of_word(c));
        // `$NAME` and `${NAME}` are variables of the shell.
        let is_variable = matches!(before, Some('$' | '{'));
        before = part.chars().last().filter(|&c| !is_of_word(c));
        !is_variable && PLACEHOLDERS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()))
    })
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// `0-31,64-95`, or three numbers and more in a row, as some options take them.
fn has_list(command: &str) -> bool {
    let is_number = |text: &str| text.parse::<u32>().is_ok_and(|number| number <= HIGHEST_CPU);
    let mut in_a_row = 0;
    command.split(|c: char| c.is_whitespace() || "=:\"'()".contains(c)).any(|word| {
        let word = word.trim_end_matches([',', ';', '.']);
        let is_list = word.contains([',', '-']) && word.split([',', '-']).all(is_number);
        in_a_row = if is_number(word) { in_a_row + 1 } else { 0 };
        is_list || in_a_row > 2
    })
}

/// A service that systemd is told to do something with.
fn has_foreign_service(command: &str, findings: &[&RatedFinding]) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| *word == "sudo");
    if words.next() != Some("systemctl") {
        return false;
    }
    let named = |service: &str| {
        !findings.is_empty()
            && findings.iter().all(|finding| {
                let evidence = finding.evidence.iter().flat_map(|cited| [&cited.source, &cited.value]);
                evidence.chain([&finding.subject, &finding.message]).any(|text| names(text).contains(service))
            })
    };
    words.any(|word| word.ends_with(".service") && !named(word))
}

/// The words of a text that may be names of services, in paths as well.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "@._-\\".contains(c))).collect()
}

#[cfg(test)]
mod tests {

    fn is_pattern(text: &str) -> bool {
        super::is_pattern(text, &[])
    }

    #[test]
    fn a_text_with_names_of_another_node_is_a_pattern() {
        for text in [
            "`systemctl set-property vllm.service CPUWeight=1000`; `renice -n -10 -p PID`",
            "Move them: `systemctl set-property --runtime system.slice AllowedCPUs=0-3,64-67`",
            "For a test: `echo 8-63 > /sys/fs/cgroup/infer/cpuset.cpus`",
            "`taskset -acp 0-15 PID1`",
            "vLLM: add `--numa-bind-nodes 0 0 1 1`",
            "Restart with `CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=0,1,2,3`",
            "`reservedSystemCPUs: \"0-3,64-67\"`",
            "`echo max > /sys/fs/cgroup/PATH/cpu.max`",
            "`numactl --cpunodebind=N --membind=N COMMAND`",
            "`systemctl edit vllm@0.service`",
            "taskset -acp CPUS PID",
            "SGLang: --numa-node 0 0 1 1 or SGLANG_AUTO_NUMA_BIND=1",
        ] {
            assert!(is_pattern(text), "{text}");
        }
    }

    #[test]
    fn a_text_that_holds_for_every_node_is_none() {
        for text in [
            "`cpupower frequency-set -g performance`, or `echo performance | tee /sys/devices/system/cpu/cpu*/x`",
            "`systemctl enable --now nvidia-persistenced`",
            "a systemd unit, or `cpupower.service` with `governor='performance'`",
            "Restart with `OMP_NUM_THREADS=4 RAYON_NUM_THREADS=8` (usable cores divided by GPU workers)",
            "`sysctl -w net.core.somaxconn=4096 net.ipv4.tcp_rmem='4096 131072 16777216'`",
            "`CUDA_DEVICE_ORDER=PCI_BUS_ID`",
            "Ask for more CPU, at least 2 x (2 + N); see `NCCL_DEBUG=INFO`",
            "`taskset -acp 0-$(($(nproc --all)-1)) 1`; `echo $PATH ${NAME}`",
            "None: this is a setting of the firmware",
            "Restart within 1-2 hours",
            "`mpstat -P ALL 10 6`",
            "",
        ] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}
