//! Operating system, kernel, boot arguments, firmware names, virtualisation.

use plumb_evidence::derive::surroundings::NAMESPACES;
use plumb_evidence::{Missing, Source};

use super::process::allowed_variables;
use super::{Files, SECONDS};
use crate::mask::mask_arguments;
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "system",
    title: "operating system, kernel, firmware names",
    reads: &[
        "/proc/version",
        "/proc/cmdline",
        "/proc/uptime",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/1",
        "/proc/self/ns",
        "/proc/device-tree/model",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/osrelease",
        "/etc/os-release",
        "/usr/lib/os-release",
        "/sys/class/dmi/id",
        "/sys/hypervisor",
        "/.dockerenv",
        "/run/.containerenv",
        "/run/systemd/container",
    ],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.files(
        "/proc",
        &[
            "version",
            "uptime",
            "loadavg",
            "meminfo",
            "1/cgroup",
            "device-tree/model",
            "sys/kernel/hostname",
            "sys/kernel/osrelease",
        ],
    );
    // Whether this is a container. Nobody but root may look at process 1 of others, which is nothing to be told of.
    for (name, _) in NAMESPACES {
        for process in ["1", "self"] {
            let _ = files.link_if(&format!("/proc/{process}/ns/{name}"), |_| true);
        }
    }
    let is_told = |environ: String| environ.split('\0').any(|pair| pair.starts_with("container="));
    if files.source().text("/proc/1/environ").is_ok_and(is_told) {
        let _ = files.file_with("/proc/1/environ", |bytes| allowed_variables(&bytes));
    }
    // Boot arguments may hold passwords of network disks, and credentials for systemd.
    let _ = files.file_with("/proc/cmdline", |bytes| mask_arguments(&bytes));
    files.either("", &["etc/os-release", "usr/lib/os-release"]);
    files.files(
        "/sys/class/dmi/id",
        &[
            "sys_vendor",
            "product_name",
            "board_vendor",
            "board_name",
            "bios_vendor",
            "bios_version",
            "bios_date",
        ],
    );
    files.files("", &["sys/hypervisor/type", ".dockerenv", "run/.containerenv", "run/systemd/container"]);
    Ok(())
}
