//! The placement of a server for Docker and Compose.

use std::fmt::Write;

use super::units::whys;
use super::{Head, OutputFile, placed};
use crate::Plan;
use crate::plan::{Command, Home, Part};
use crate::quote::{compose, shell};

/// A Compose file for each server with a placement.
pub(super) fn render(plan: &Plan) -> Vec<OutputFile> {
    let mut files = Vec::new();
    for (server, place) in placed(plan) {
        let mems = place.memory_nodes.to_string();
        let name = match &server.home {
            Home::Container(name) if !name.is_empty() => name.as_str(),
            _ => "NAME",
        };
        let update = format!(
            "docker update --cpuset-cpus {}{} {}",
            place.cpus,
            if mems.is_empty() { String::new() } else { format!(" --cpuset-mems {mems}") },
            shell(name)
        );
        let mut notes = place.notes.clone();
        notes.push(format!("at once, without a restart: {update}"));
        notes.push("memory that is allocated already moves only when the container starts anew".into());
        notes.push("the image is not in the evidence: put yours in its place".into());
        if !place.memory_nodes.is_empty() || !place.options.is_empty() {
            notes.push("SYS_NICE lets the engine set memory policies (the default filter of system calls denies them)".into());
        }
        let head = Head {
            what: format!("Compose file for the {} server, another form of the same placement.", server.kind),
            whys: whys(server),
            verify: format!(
                "docker inspect -f '{{{{.HostConfig.CpusetCpus}}}} {{{{.HostConfig.CpusetMems}}}}' {name}; cat /sys/fs/cgroup/cpuset.cpus.effective in the container"
            ),
            undo: "the former values of docker inspect, by docker update or the former Compose file".into(),
            notes,
        };
        let mut text = head.lines(plan, "#");
        let _ = write!(
            text,
            "services:\n  {}:\n    image: \"registry.example/inference:CHANGE-ME\"\n    restart: unless-stopped\n    cpuset: \"{}\"\n",
            server.name, place.cpus
        );
        // Compose itself has no key for memory nodes; the engine's own name for it is passed through by `docker update`.
        if place.memory_nodes.len() == 1 || !place.options.is_empty() {
            text += "    cap_add:\n      - SYS_NICE\n";
        }
        text += "    shm_size: \"16gb\"\n    ulimits:\n      memlock: -1\n      nofile: 1048576\n    oom_score_adj: -900\n";
        if let Some(gpus) = server.gpus.as_ref().filter(|gpus| !gpus.is_empty()) {
            text += "    deploy:\n      resources:\n        reservations:\n          devices:\n            - driver: nvidia\n";
            let indices: Option<Vec<u32>> = gpus.iter().map(|gpu| gpu.index).collect();
            match indices {
                Some(indices) => {
                    let ids: Vec<String> = indices.iter().map(|index| format!("\"{index}\"")).collect();
                    let _ = writeln!(text, "              device_ids: [{}]", ids.join(", "));
                }
                None => {
                    let _ = writeln!(text, "              count: {}", gpus.len());
                }
            }
            text += "              capabilities: [gpu]\n";
        }
        if !place.variables.is_empty() {
            text += "    environment:\n";
            for (key, value) in &place.variables {
                let _ = writeln!(text, "      {key}: {}", compose(value));
            }
        }
        if let Ok(command) = &server.command {
            text += &arguments(command, place);
        }
        files.push(OutputFile {
            path: format!("docker/compose-{}.yaml", server.name),
            contents: text,
            executable: false,
        });
    }
    files
}

/// The command as a comment-free list; secrets come from the environment of `docker compose`.
fn arguments(command: &Command, place: &crate::plan::Placement) -> String {
    let mut text = String::from("    entrypoint: []\n    command:\n");
    for parts in &command.words {
        let word: String = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.replace('$', "$$"),
                Part::Secret(name) => format!("${{{name}}}"),
            })
            .collect();
        let _ = writeln!(text, "      - {}", crate::quote::yaml(&word));
    }
    for option in &place.options {
        let _ = writeln!(text, "      - {}", compose(option));
    }
    text
}
