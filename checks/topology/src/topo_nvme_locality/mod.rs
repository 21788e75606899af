//! `topo.nvme-locality`: the model lies where a restart reads it fast.
//!
//! The catalogue weighs the time of a cold load against the client's objective. Neither is in the evidence, so what is
//! judged is where the model lies: local NVMe and memory pass, a disk that turns warns (at about 250 MB/s, 75 GB take five
//! minutes), and what lies between them, network file systems and other disks, is `not-run` until somebody times a start.
//!
//! Whether a disk turns is told by SATA and SAS disks of real machines only. Virtual disks say that they turn unless their
//! definition says otherwise, and so do some RAID controllers for volumes of flash, hence the low confidence.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::{BlockDevice, ModelStore, Mount, NvmeController, no_server};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding, Likelihood,
    Missing, Reference, Remediation, Severity,
};

/// See the module.
pub struct TopoNvmeLocality;

static META: CheckMeta = CheckMeta {
    id: Borrowed("topo.nvme-locality"),
    title: Borrowed("Model store is on local, reasonably placed NVMe"),
    category: Category::Placement,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Decides how long start, scale-out and recovery take, not how fast tokens come."),
    business: Borrowed(
        "After a crash or a scale-out the service is down until the model is loaded. This decides how \
             many minutes.",
    ),
    needs: Borrowed(&[Borrowed("/node/virtualization"), Borrowed("/storage")]),
    remediation: Remediation {
        runtime: Borrowed("Copy the weights to a local NVMe device and point `--model` there"),
        persistent: Borrowed("An image or an init job that keeps the copy; the mount in `/etc/fstab`"),
        rollback: Borrowed("The former path"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`findmnt -T FOLDER`; `cat /sys/class/nvme/nvme*/numa_node`; the time from the start to the first \
             answer of `/health`",
        ),
        expected_effect: Borrowed("No published number."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, containers"),
    caveat: None,
    references: Borrowed(&[Reference {
        title: Borrowed("vLLM docs: Optimization and Tuning, section 'CPU Resources for GPU Deployments'"),
        url: Borrowed(
            "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
        ),
    }]),
};

/// File systems that keep files in memory.
const IN_MEMORY: &[&str] = &["tmpfs", "ramfs", "hugetlbfs"];

impl Check for TopoNvmeLocality {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let storage = evidence.storage()?;
        let models = storage.models.require()?;
        if models.is_empty() {
            return Ok(vec![META.not_run("node", no_server().reason)]);
        }
        let is_real = evidence.hypervisor().is_ok_and(|hypervisor| hypervisor.is_none());
        let turning =
            storage.block.known().map(Vec::as_slice).unwrap_or_default().iter().filter(|disk| {
                is_real && disk.name.starts_with("sd") && disk.rotational == Fact::Known(true)
            });
        let turning: Vec<&BlockDevice> = turning.collect();
        Ok(models.iter().map(|model| judge(model, &storage.nvme, &turning)).collect())
    }
}

fn judge(model: &ModelStore, nvme: &Fact<Vec<NvmeController>>, turning: &[&BlockDevice]) -> Finding {
    let subject = format!("model of server {}", model.server);
    let (folder, mount) = match (&model.folder, &model.mount) {
        (Fact::Known(folder), Fact::Known(mount)) => (folder, mount),
        (Fact::Missing(missing), _) | (_, Fact::Missing(missing)) => {
            return META.not_run(subject, missing.to_string());
        }
    };
    let cite = |finding: Finding| {
        let value = format!("{} on {}, {}", mount.source, mount.mount_point, mount.file_system);
        finding.with_evidence(Citation::new(&mount.path, value))
    };
    let place = format!("`{folder}` is on {}", name(mount));
    if IN_MEMORY.contains(&mount.file_system.as_str()) {
        return cite(META.pass(subject, format!("{place}, in memory")));
    }
    let disks = match &mount.disks {
        Fact::Known(disks) => disks,
        Fact::Missing(missing) => return META.not_run(subject, format!("{place}: {missing}")),
    };
    if disks.is_empty() {
        let message = format!("{place}, which is no local disk: time a start of the service");
        return META.not_run(subject, message);
    }
    let place = format!("{place}, on {}", disks.join(", "));
    if let Some(turns) = turning.iter().find(|one| disks.contains(&one.name)) {
        return cite(META.warn(subject, format!("{place}: {} is said to be a disk that turns", turns.name)))
            .with_likelihood(Likelihood::Setting)
            .with_confidence(Confidence::Low)
            .with_evidence(Citation::new(format!("{}/queue/rotational", turns.path), "1"));
    }
    let nvme = match nvme {
        Fact::Known(nvme) => nvme,
        Fact::Missing(missing) => return META.not_run(subject, format!("{place}: {missing}")),
    };
    let controller = |disk: &String| nvme.iter().find(|one| is_of(disk, &one.name));
    let mut nodes = Vec::new();
    let mut citations = Vec::new();
    for disk in disks {
        let Some(controller) = controller(disk) else {
            return META
                .not_run(subject, format!("{place}, which is no NVMe device: time a start of the service"));
        };
        match &controller.transport {
            Fact::Known(transport) if transport == "pcie" => {}
            Fact::Known(transport) => {
                let message =
                    format!("{place}, which is reached over {transport}: time a start of the service");
                return META.not_run(subject, message);
            }
            Fact::Missing(missing) => return META.not_run(subject, format!("{place}: {missing}")),
        }
        if let Some(node) = controller.numa_node.known().filter(|&&node| node >= 0) {
            nodes.push(node.to_string());
        }
        citations.push(Citation::new(format!("{}/transport", controller.path), "pcie"));
    }
    nodes.sort();
    nodes.dedup();
    let of_node =
        if nodes.is_empty() { String::new() } else { format!(" of NUMA node {}", nodes.join(", ")) };
    let message = format!("{place}, local NVMe{of_node}; how long a cold load takes was not measured");
    let finding = cite(META.pass(subject, message)).with_confidence(Confidence::Medium);
    citations.into_iter().fold(finding, Finding::with_evidence)
}

fn name(mount: &Mount) -> String {
    if mount.source.is_empty() || mount.source == mount.file_system {
        mount.file_system.clone()
    } else {
        format!("{} ({})", mount.source, mount.file_system)
    }
}

/// `nvme0n1` and, with multipath, `nvme0c0n1` are of `nvme0`.
fn is_of(disk: &str, controller: &str) -> bool {
    disk.strip_prefix(controller).is_some_and(|rest| rest.starts_with(['n', 'c']))
}
