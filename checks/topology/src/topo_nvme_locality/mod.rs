//! `topo.nvme-locality`: the model lies where a restart reads it fast.
//!
//! The catalogue weighs the time of a cold load against the client's objective. Neither is in the evidence, so what is
//! judged is where the model lies: local NVMe and memory pass, a disk that turns warns (at about 250 MB/s, 75 GB take five
//! minutes), and what lies between them, network file systems and other disks, is `not-run` until somebody times a start.
//!
//! Whether a disk turns is told by SATA and SAS disks of real machines only. Virtual disks say that they turn unless their
//! definition says otherwise, and so do some RAID controllers for volumes of flash, hence the low confidence.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{BlockDevice, ModelStore, Mount, NvmeController};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Fact, Finding, Intent, Missing, NoVerdict, Object, ObjectKind,
};

use crate::pages::topo_nvme_locality::{PAGE, words};

/// File systems that keep files in memory.
const IN_MEMORY: &[&str] = &["tmpfs", "ramfs", "hugetlbfs"];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let storage = evidence.storage()?;
    let models = storage.models.require()?;
    PAGE.not_run_if(models.is_empty(), words::NoServer {})?;
    let is_real = evidence.hypervisor().is_ok_and(|hypervisor| hypervisor.is_none());
    let turns =
        |disk: &&BlockDevice| is_real && disk.name.starts_with("sd") && disk.rotational == Fact::Known(true);
    let turning: Vec<&BlockDevice> = storage.block.known().into_iter().flatten().filter(turns).collect();
    let judged = |model: &ModelStore| {
        let name = format!("model of server {}", model.server);
        let object = Object::new(ObjectKind::Server, model.server.to_string()).named(name);
        PAGE.settle(object.clone(), judge(object, model, &storage.nvme, &turning))
    };
    Ok(models.iter().map(judged).collect())
}

fn judge(
    object: Object,
    model: &ModelStore,
    nvme: &Fact<Vec<NvmeController>>,
    turning: &[&BlockDevice],
) -> Result<Finding, NoVerdict> {
    let (path, store) = (model.folder.require()?, model.mount.require()?);
    let cite = |finding: Finding| {
        let value = format!("{} on {}, {}", store.source, store.mount_point, store.file_system);
        finding.with_evidence(Citation::new(&store.path, value))
    };
    let (folder, mount) = (Arg::from(path), Arg::text(name(store)));
    if IN_MEMORY.contains(&store.file_system.as_str()) {
        return Ok(cite(PAGE.pass(object, words::InMemory { folder, mount })));
    }
    let place = || (folder.clone(), mount.clone());
    let unknown = |why: Missing| {
        let (folder, mount) = place();
        words::UnknownDisk { folder, mount, reason: why.into() }
    };
    let names = store.disks.require().map_err(unknown)?;
    if names.is_empty() {
        return Err(words::NotLocal { folder, mount }.into());
    }
    let disks = Arg::text(names.join(", "));
    if let Some(turns) = turning.iter().find(|one| names.contains(&one.name)) {
        let disk = Arg::from(&turns.name);
        let server = Arg::text(model.server.to_string());
        return Ok(cite(PAGE.warn(object, words::Turning { disk, disks, folder, mount, server }))
            .with_confidence(Confidence::Low)
            .with_intent(Intent::LocalModel { server: model.server, path: path.clone() })
            .with_evidence(Citation::new(format!("{}/queue/rotational", turns.path), "1")));
    }
    let unknown = |why: Missing| {
        let (folder, mount) = place();
        words::UnknownKind { disks: disks.clone(), folder, mount, reason: why.into() }
    };
    let controllers = nvme.require().map_err(unknown)?;
    let mut nodes: BTreeSet<i32> = BTreeSet::new();
    let mut citations = Vec::new();
    for disk in names {
        let Some(controller) = controllers.iter().find(|one| is_of(disk, &one.name)) else {
            return Err(words::NotNvme { disks, folder, mount }.into());
        };
        let transport = controller.transport.require().map_err(unknown)?;
        if transport != "pcie" {
            return Err(words::OverNetwork { disks, folder, mount, transport: transport.into() }.into());
        }
        nodes.extend(controller.numa_node.known().filter(|&&node| node >= 0));
        citations.push(Citation::new(format!("{}/transport", controller.path), "pcie"));
    }
    let nodes_count = Arg::count(nodes.len());
    let nodes = Arg::text(nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let said = words::Local { disks, folder, mount, nodes, nodes_count };
    let finding = cite(PAGE.pass(object, said)).with_confidence(Confidence::Medium);
    Ok(finding.with_citations(citations))
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
