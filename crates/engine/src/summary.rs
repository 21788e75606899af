//! The node at a glance.

use std::collections::BTreeMap;

use plumb_evidence::model::{Cpu, Evidence, Gpu, Numa};
use plumb_evidence::{Fact, Missing};

use crate::assessment::NodeSummary;
use crate::speech::{Speech, Text, say};

/// Rows of label and value, ready to print.
pub(crate) fn summarise(evidence: &Evidence, speech: &Speech) -> NodeSummary {
    let node = &evidence.node;
    let rows = [
        (say("fact-machine"), text(&node.machine)),
        (say("fact-os"), text(&node.os)),
        (say("fact-kernel"), text(&node.kernel)),
        (say("fact-virtualisation"), text_or_none(&node.virtualization)),
        (say("fact-container"), text_or_none(&node.container)),
        (say("fact-processor"), or_missing(&evidence.cpu, |cpu| text(&cpu.model))),
        (say("fact-topology"), or_missing(&evidence.cpu, topology)),
        (say("fact-numa"), or_missing(&evidence.numa, numa)),
        (say("fact-gpus"), or_missing(&evidence.gpus, |gpus| devices(gpus))),
        (say("fact-governors"), or_missing(&evidence.cpufreq, governors)),
        (say("fact-driver"), or_missing(&evidence.nvml, |nvml| text(&nvml.driver_version))),
        (
            say("fact-processes"),
            or_missing(&evidence.processes, |processes| {
                let threads: usize = processes.iter().map(|process| process.threads.len()).sum();
                let value = say("value-processes").with("processes", processes.len().to_string());
                value.with("threads", threads.to_string())
            }),
        ),
    ];
    let mut facts = Vec::new();
    let mut words: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (label, value) in &rows {
        let (label, value) = (speech.tell(label), speech.tell(value));
        for ((language, label), (_, value)) in label.others.into_iter().zip(value.others) {
            words.entry(language.to_owned()).or_default().push((label, value));
        }
        facts.push((label.english, value.english));
    }
    NodeSummary {
        // A title must stay short; why the name is missing is told by the list of probes.
        hostname: node.hostname.known().map_or_else(|| "unnamed node".to_owned(), Clone::clone),
        facts,
        words,
    }
}

fn text(fact: &Fact<String>) -> Text<'_> {
    or_missing(fact, |value| value.into())
}

/// The probes say `none` where there is nothing of the kind.
fn text_or_none(fact: &Fact<String>) -> Text<'_> {
    or_missing(fact, |value| if value == "none" { say("value-none") } else { value.into() })
}

fn or_missing<'a, T>(fact: &'a Fact<T>, show: impl FnOnce(&'a T) -> Text<'a>) -> Text<'a> {
    match fact {
        Fact::Known(value) => show(value),
        Fact::Missing(Missing { missing, reason }) => {
            say("value-not-known").with("reason", reason).with("kind", missing.to_string())
        }
    }
}

fn topology(cpu: &Cpu) -> Text<'_> {
    let counts = [
        say("value-sockets").count("n", cpu.sockets as usize),
        say("value-cores").count("n", cpu.cores as usize),
        say("value-threads").count("n", cpu.pus as usize),
    ];
    Text::Joined(", ", counts.into())
}

fn numa(numa: &Numa) -> Text<'_> {
    let nodes = numa.nodes.iter().map(|node| {
        let memory = node.mem_total_bytes.known().map_or_else(
            || say("value-memory-not-known"),
            |&bytes| Text::Quantity(bytes_as_gib(bytes), "GiB", 1),
        );
        let cpus = if node.cpus.is_empty() {
            say("value-no-cpus")
        } else {
            say("value-cpus").with("cpus", node.cpus.to_string())
        };
        say("value-node").with("node", node.id.to_string()).with("cpus", cpus).with("memory", memory)
    });
    Text::Joined("; ", nodes.collect())
}

#[expect(clippy::cast_precision_loss, reason = "one decimal of GiB is printed")]
fn bytes_as_gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

fn devices(gpus: &[Gpu]) -> Text<'_> {
    if gpus.is_empty() {
        return say("value-none");
    }
    let mut kinds: Vec<(String, Vec<&str>)> = Vec::new();
    for gpu in gpus {
        let name = gpu.name.known().map_or_else(|| format!("{} {}", gpu.vendor, gpu.kind), Clone::clone);
        match kinds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, addresses)) => addresses.push(&gpu.address),
            None => kinds.push((name, vec![&gpu.address])),
        }
    }
    let kind = |(name, addresses): (String, Vec<&str>)| {
        let value = match addresses.len() {
            1 => say("value-devices"),
            n => say("value-several-devices").count("n", n),
        };
        value.with("kind", name).with("addresses", addresses.join(", "))
    };
    Text::Joined("; ", kinds.into_iter().map(kind).collect())
}

fn governors(cpufreq: &plumb_evidence::model::CpuFreq) -> Text<'_> {
    let mut names: Vec<&Fact<String>> =
        cpufreq.policies.iter().map(|policy| &policy.scaling_governor).collect();
    // As they are printed.
    names.sort_by_key(|name| match name {
        Fact::Known(name) => name.clone(),
        Fact::Missing(missing) => format!("not known: {missing}"),
    });
    names.dedup();
    Text::Joined(", ", names.into_iter().map(text).collect())
}
