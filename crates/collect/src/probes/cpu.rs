//! Sockets, cores, PUs, caches.

use plumb_evidence::Missing;

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

const PATH: &str = "/sys/devices/system/cpu";

pub(super) const PROBE: Probe = Probe {
    id: "cpu",
    title: "sockets, cores, PUs, caches",
    reads: &["/proc/cpuinfo", PATH],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let _ = files.file("/proc/cpuinfo");
    files.files(
        PATH,
        &["online", "present", "possible", "offline", "isolated", "nohz_full", "smt/active", "smt/control"],
    );
    for cpu in files.numbered(PATH, "cpu") {
        let _ = files.file(&format!("{cpu}/online"));
        // Where cores are of several kinds; most machines have none of it.
        let _ = files.file(&format!("{cpu}/cpu_capacity"));
        let topology = format!("{cpu}/topology");
        files.files(&topology, &["physical_package_id", "die_id", "cluster_id", "core_id"]);
        // The list form is easier to read and shorter on large machines; the mask form is all that old kernels have.
        files.either(&topology, &["core_cpus_list", "core_cpus", "thread_siblings_list", "thread_siblings"]);
        files
            .either(&topology, &["package_cpus_list", "package_cpus", "core_siblings_list", "core_siblings"]);
        for index in files.numbered(&format!("{cpu}/cache"), "index") {
            files.files(&index, &["level", "type", "size", "id"]);
            files.either(&index, &["shared_cpu_list", "shared_cpu_map"]);
        }
    }
    Ok(())
}
