//! The same placement for Slurm: cores of each GPU, and a job that keeps to them.
//!
//! Slurm counts cores socket by socket, whatever numbers the kernel gives to CPUs.

use std::fmt::Write;

use plumb_evidence::CpuSet;

use super::units::whys;
use super::{Head, OutputFile, placed};
use crate::Plan;
use crate::plan::{Part, SlurmNode};
use crate::quote::{bash, is_host_name};

/// `gres.conf`, what `slurm.conf` needs, and a job for each placed server.
pub(super) fn render(plan: &Plan) -> Vec<OutputFile> {
    let Some(node) = &plan.slurm else { return Vec::new() };
    if placed(plan).next().is_none() {
        return Vec::new();
    }
    let host = if is_host_name(&plan.hostname) { plan.hostname.as_str() } else { "CHANGE-ME" };
    let mut files = vec![slurm_conf(plan, node, host)];
    files.extend(gres(plan, node, host));
    files.extend(jobs(plan, node));
    files
}

impl SlurmNode {
    /// Slurm's numbers of the cores that have any of `cpus`.
    fn cores(&self, cpus: &CpuSet) -> CpuSet {
        cpus.iter().filter_map(|cpu| self.core_of_cpu.get(&cpu).copied()).collect()
    }
}

fn all_whys(plan: &Plan) -> Vec<&crate::plan::Why> {
    placed(plan).flat_map(|(server, _)| whys(server)).collect()
}

fn slurm_conf(plan: &Plan, node: &SlurmNode, host: &str) -> OutputFile {
    let head = Head {
        what: "Lines of slurm.conf and cgroup.conf by which jobs keep to their CPUs and GPUs.".into(),
        whys: all_whys(plan),
        verify: "slurmd -C on the node; scontrol show node".into(),
        undo: "the former lines, then scontrol reconfigure".into(),
        notes: vec![
            "merge into yours: nothing here is a whole configuration".into(),
            "cgroup.conf needs ConstrainCores=yes and ConstrainDevices=yes".into(),
            "slurmd and slurmctld have to be restarted".into(),
        ],
    };
    let gpus: usize = plan.servers.iter().filter_map(|server| server.gpus.as_ref()).map(Vec::len).sum();
    let mut text = head.lines(plan, "#");
    text += "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nTaskPlugin=task/affinity,task/cgroup\nGresTypes=gpu\n";
    let _ = write!(
        text,
        "NodeName={host} CPUs={} Sockets={} CoresPerSocket={} ThreadsPerCore={}",
        node.sockets * node.cores_per_socket * node.threads_per_core,
        node.sockets,
        node.cores_per_socket,
        node.threads_per_core
    );
    if gpus > 0 {
        let _ = write!(text, " Gres=gpu:{gpus}");
    }
    if let Some(split) = &plan.partition {
        // Slurm numbers CPUs core by core: all threads of a core follow each other.
        let threads = node.threads_per_core;
        let spec: CpuSet = node
            .cores(&split.housekeeping)
            .iter()
            .flat_map(|core| core * threads..(core + 1) * threads)
            .collect();
        if !spec.is_empty() {
            let _ = write!(text, " CpuSpecList={spec}");
        }
    }
    text += "\n";
    OutputFile { path: "slurm/slurm.conf.part".into(), contents: text, executable: false }
}

fn gres(plan: &Plan, node: &SlurmNode, host: &str) -> Option<OutputFile> {
    let mut lines = Vec::new();
    let mut unnumbered = false;
    for (_, place) in placed(plan) {
        let whole = node.cores(&place.cpus);
        for worker in &place.workers {
            let cores = node.cores(&worker.near);
            match worker.gpu.index {
                Some(index) => lines
                    .push((index, format!("NodeName={host} Name=gpu File=/dev/nvidia{index} Cores={cores}"))),
                None => unnumbered = true,
            }
        }
        if place.workers.is_empty() {
            let server = plan.servers.iter().find(|server| server.placement.as_ref() == Some(place))?;
            for gpu in server.gpus.iter().flatten() {
                match gpu.index {
                    Some(index) => lines.push((
                        index,
                        format!("NodeName={host} Name=gpu File=/dev/nvidia{index} Cores={whole}"),
                    )),
                    None => unnumbered = true,
                }
            }
        }
    }
    lines.sort();
    lines.dedup();
    if unnumbered || lines.is_empty() {
        return None;
    }
    let head = Head {
        what: "gres.conf: the cores that are close to each GPU, in Slurm's own numbers.".into(),
        whys: all_whys(plan),
        verify: "nvidia-smi -q | grep -E 'Bus Id|Minor Number' (the number in File= is the minor); scontrol show node -d".into(),
        undo: "the former gres.conf, then scontrol reconfigure".into(),
        notes: vec![
            "AutoDetect=nvml finds devices by itself but cannot leave cores to the system".into(),
            "the number of each device file is NVML's: check that it is the minor as well".into(),
        ],
    };
    let mut text = head.lines(plan, "#");
    for (_, line) in lines {
        text += &line;
        text.push('\n');
    }
    Some(OutputFile { path: "slurm/gres.conf".into(), contents: text, executable: false })
}

fn jobs(plan: &Plan, node: &SlurmNode) -> Vec<OutputFile> {
    let mut files = Vec::new();
    for (server, place) in placed(plan) {
        let Ok(command) = &server.command else { continue };
        let gpus = server.gpus.as_ref().map_or(0, Vec::len);
        let head = Head {
            what: format!("Job of the {} server, another form of the same placement.", server.kind),
            whys: whys(server),
            verify:
                "srun --jobid=JOB --overlap grep -E 'Cpus_allowed_list|Mems_allowed_list' /proc/self/status"
                    .into(),
            undo: "the former job script".into(),
            notes: place.notes.clone(),
        };
        let mut text = String::from("#!/bin/bash\n");
        let cores = node.cores(&place.cpus).len();
        let _ = writeln!(text, "#SBATCH --job-name={}\n#SBATCH --nodes=1\n#SBATCH --ntasks=1", server.name);
        let _ = writeln!(text, "#SBATCH --cpus-per-task={}", cores * node.threads_per_core as usize);
        if gpus > 0 {
            let _ = writeln!(text, "#SBATCH --gres=gpu:{gpus}\n#SBATCH --gres-flags=enforce-binding");
        }
        text += "#SBATCH --hint=multithread\n";
        text += &head.lines(plan, "#");
        text += "\nset -eu\n";
        for secret in &command.secrets {
            let _ = writeln!(text, ": \"${{{secret}:?was masked at collection: export it before sbatch}}\"");
        }
        for (name, value) in command.environment.iter().chain(&place.variables) {
            let _ = writeln!(text, "export {name}={}", bash(value));
        }
        text += "\n# Local memory only, as far as the job's CPUs reach; one owner of affinity, which is Slurm.\nexec srun --cpus-per-task=\"$SLURM_CPUS_PER_TASK\" --cpu-bind=cores";
        if place.memory_policy == "bind" {
            text += " --mem-bind=local";
        }
        text += " \\\n\t";
        let mut words: Vec<String> = command
            .words
            .iter()
            .map(|parts| {
                parts
                    .iter()
                    .map(|part| match part {
                        Part::Text(text) => bash(text),
                        Part::Secret(name) => format!("\"${{{name}}}\""),
                    })
                    .collect::<String>()
            })
            .collect();
        words.extend(place.options.iter().map(|option| bash(option)));
        text += &words.join(" ");
        text.push('\n');
        files.push(OutputFile {
            path: format!("slurm/job-{}.sbatch", server.name),
            contents: text,
            executable: true,
        });
    }
    files
}
