//! Each kind of file is read by the program that it is for, where that is here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use plumb_tests::skip;
use plumb_tests::synthetic::Node;
use serde::Deserialize;

use crate::support::{broken, fail, files, findings_of_broken, ran, write};

/// A node whose server no unit starts, and whose GPUs are on one NUMA node: other files than [`broken`] gives.
fn by_hand() -> (Node, Vec<plumb_engine::assessment::RatedFinding>) {
    let mut node = broken();
    for pid in [2000, 2001].into_iter().chain(2010..2018) {
        node.set(&format!("/proc/{pid}/cgroup"), "0::/user.slice/user-0.slice/session-1.scope\n");
    }
    for gpu in 4..8 {
        let address = plumb_tests::synthetic::gpu_address(gpu);
        node.set(&format!("/sys/bus/pci/devices/{address}/numa_node"), "0\n");
        node.set(
            &format!("/sys/bus/pci/devices/{address}/local_cpulist"),
            plumb_tests::synthetic::node_cpus(0),
        );
        node.gpu(gpu as usize, "cpu_affinity", &serde_json::json!(plumb_tests::synthetic::node_cpus(0)));
        node.gpu(gpu as usize, "memory_affinity", &serde_json::json!("0"));
    }
    let mut findings = findings_of_broken();
    findings.push(fail("test.quota", "vllm server, process 2000"));
    findings.push(fail("test.pool", "vllm server, process 2000"));
    (node, findings)
}

fn plans() -> Vec<tempfile::TempDir> {
    let (node, findings) = by_hand();
    [files(&broken(), findings_of_broken()), files(&node, findings)]
        .into_iter()
        .map(|files| {
            let folder = tempfile::tempdir().unwrap();
            write(&files, folder.path());
            folder
        })
        .collect()
}

fn names(folder: &Path, wanted: impl Fn(&str) -> bool + Copy) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(names(&entry.path(), wanted).into_iter().map(|below| format!("{name}/{below}")));
        } else if wanted(&name) {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn shellcheck_has_nothing_to_say() {
    for plan in plans() {
        let scripts = names(plan.path(), |name| name.ends_with(".sh") || name.ends_with(".sbatch"));
        assert!(scripts.len() >= 4, "{scripts:?}");
        let Some((ok, text)) = ran(Command::new("shellcheck").args(&scripts).current_dir(plan.path())) else {
            return skip(
                "scripts of a plan are not checked: shellcheck is not here; `cargo xtask setup` installs it",
            );
        };
        assert!(ok, "{text}");
    }
}

#[test]
fn systemd_reads_every_unit_without_a_word() {
    let library = ["/usr/lib/systemd/system", "/lib/systemd/system"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.is_dir());
    let (Some(library), Some(_)) = (library, ran(Command::new("systemd-analyze").arg("--version"))) else {
        return skip("units of a plan are not checked: systemd-analyze or systemd's own units are not here");
    };
    for plan in plans() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path();
        let units = root.join("etc/systemd/system");
        for folder in ["etc/systemd/system", "usr/lib/systemd", "usr/local/sbin", "usr/bin"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let copied =
            ran(Command::new("cp").arg("-r").arg(library).arg(root.join("usr/lib/systemd/system"))).unwrap();
        assert!(copied.0, "{}", copied.1);
        std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
        for program in
            ["usr/local/sbin/plumb-set-governor", "usr/local/sbin/plumb-irq-affinity", "usr/bin/python3"]
        {
            fs::write(root.join(program), "#!/bin/sh\n").unwrap();
            fs::set_permissions(root.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(units.join("vllm.service"), "[Service]\nExecStart=/usr/bin/python3\n").unwrap();
        fs::write(units.join("irqbalance.service"), "[Service]\nExecStart=/usr/bin/python3\n").unwrap();
        let source = plan.path().join("systemd");
        let mut checked = 0;
        for name in
            names(&source, |name| [".service", ".slice", ".conf"].iter().any(|end| name.ends_with(end)))
        {
            let target = units.join(name.strip_prefix("reference/").unwrap_or(&name));
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(source.join(&name), target).unwrap();
        }
        for name in names(&units, |name| name.ends_with(".service") || name.ends_with(".slice"))
            .iter()
            .chain(&["system.slice".to_owned(), "user.slice".to_owned()])
        {
            // slices of systemd itself lie with its own units; what is added to them is read all the same.
            let own = ["system.slice", "user.slice"].contains(&name.as_str());
            if own && !library.join(name).is_file() {
                continue;
            }
            let path = if own {
                format!("/usr/lib/systemd/system/{name}")
            } else {
                format!("/etc/systemd/system/{name}")
            };
            let (ok, text) = ran(Command::new("systemd-analyze")
                .arg("verify")
                .arg(format!("--root={}", root.display()))
                .arg(path))
            .unwrap();
            let said: Vec<&str> = text
                .lines()
                .filter(|line| {
                    line.contains("50-plumb") || line.contains("inference") || line.contains(name.as_str())
                })
                .collect();
            assert!(ok && said.is_empty(), "{name}: {text}");
            checked += 1;
        }
        assert!(checked >= 5, "{checked} units were checked");
        // The checker can fail: a setting that it does not know is told.
        fs::create_dir_all(units.join("vllm.service.d")).unwrap();
        fs::write(units.join("vllm.service.d/99.conf"), "[Service]\nNUMAMusk=0\n").unwrap();
        let path = "/etc/systemd/system/vllm.service";
        let (_, text) = ran(Command::new("systemd-analyze")
            .arg("verify")
            .arg(format!("--root={}", root.display()))
            .arg(path))
        .unwrap();
        assert!(text.contains("NUMAMusk"), "{text}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read for its form")]
struct KubeletConfiguration {
    api_version: String,
    kind: String,
    cpu_manager_policy: String,
    cpu_manager_policy_options: std::collections::BTreeMap<String, String>,
    #[serde(rename = "reservedSystemCPUs")]
    reserved_system_cpus: String,
    topology_manager_policy: String,
    topology_manager_scope: String,
    memory_manager_policy: String,
    system_reserved: std::collections::BTreeMap<String, String>,
    eviction_hard: std::collections::BTreeMap<String, String>,
    reserved_memory: Vec<ReservedMemory>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReservedMemory {
    numa_node: u32,
    limits: std::collections::BTreeMap<String, String>,
}

/// Kubelet refuses to start where memory kept back does not add up.
#[test]
fn the_kubelet_would_start() {
    for (plan, policy) in plans().iter().zip(["restricted", "single-numa-node"]) {
        let text = fs::read_to_string(plan.path().join("kubernetes/kubelet.yaml")).unwrap();
        let config: KubeletConfiguration = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(
            (config.kind.as_str(), config.cpu_manager_policy.as_str()),
            ("KubeletConfiguration", "static")
        );
        assert_eq!(config.topology_manager_policy, policy);
        assert!(config.reserved_system_cpus.parse::<plumb_evidence::CpuSet>().is_ok());
        let mib = |text: &str| text.strip_suffix("Mi").unwrap().parse::<u64>().unwrap();
        let kept: u64 = config.reserved_memory.iter().map(|node| mib(&node.limits["memory"])).sum();
        assert_eq!(
            kept,
            mib(&config.system_reserved["memory"]) + mib(&config.eviction_hard["memory.available"])
        );
        let nodes: Vec<u32> = config.reserved_memory.iter().map(|node| node.numa_node).collect();
        assert_eq!(nodes, [0, 1]);
    }
}

#[test]
fn pods_are_guaranteed_and_of_the_schema() {
    for plan in plans() {
        let name = "kubernetes/pod-vllm-model-70b.yaml";
        let text = fs::read_to_string(plan.path().join(name)).unwrap();
        let pod: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let resources = &pod["spec"]["containers"][0]["resources"];
        assert_eq!(resources["requests"], resources["limits"], "Guaranteed");
        assert!(resources["limits"]["cpu"].as_str().unwrap().parse::<u32>().unwrap() > 1, "whole CPUs");
        assert_eq!(resources["limits"]["nvidia.com/gpu"], "8");
        match ran(Command::new("kubernetes-validate").args(["--strict", name]).current_dir(plan.path())) {
            Some((ok, text)) => assert!(ok, "{text}"),
            None => {
                skip("pods of a plan are checked by structure only: kubernetes-validate (PyPI) is not here")
            }
        }
    }
}

#[test]
fn compose_reads_its_files() {
    for plan in plans() {
        let name = "docker/compose-vllm-model-70b.yaml";
        let text = fs::read_to_string(plan.path().join(name)).unwrap();
        let file: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let service = &file["services"]["vllm-model-70b"];
        assert!(service["cpuset"].as_str().unwrap().parse::<plumb_evidence::CpuSet>().is_ok());
        let tools = [["docker", "compose"].as_slice(), &["docker-compose"]];
        let read = tools.into_iter().find_map(|tool| {
            let is_here = ran(Command::new(tool[0]).args(&tool[1..]).arg("version"))?.0;
            is_here.then(|| {
                ran(Command::new(tool[0])
                    .args(&tool[1..])
                    .args(["-f", name, "config", "-q"])
                    .current_dir(plan.path()))
            })?
        });
        match read {
            Some((ok, text)) => assert!(ok, "{text}"),
            None => skip("Compose files of a plan are checked by structure only: docker compose is not here"),
        }
    }
}
