//! How the kernel was built and is started, what it has loaded, what it says of the CPU, what keeps the clock.

use plumb_evidence::Missing;
use plumb_evidence::derive::platform::{VULNERABILITIES, boot, clock, kernel_config};

use super::{Files, SECONDS};
use crate::mask::mask_arguments;
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "platform",
    title: "kernel, boot arguments, modules, time",
    reads: &[
        "/boot",
        "/efi/loader/entries",
        "/etc/chrony",
        "/etc/chrony.conf",
        "/etc/chrony.d",
        "/etc/default",
        "/etc/kernel",
        "/etc/ntp.conf",
        "/etc/ntpsec",
        "/etc/systemd/timesyncd.conf",
        "/proc/config.gz",
        "/proc/modules",
        "/proc/sys/kernel/osrelease",
        "/run/chrony-dhcp",
        "/run/chrony.d",
        "/run/systemd/timesyncd.conf",
        VULNERABILITIES,
        "/usr/lib/modules",
    ],
    // Boot loader entries are often for root alone.
    privilege: Privilege::Root,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let _ = files.file("/proc/modules");
    for name in files.list(VULNERABILITIES) {
        let _ = files.file(&format!("{VULNERABILITIES}/{name}"));
    }
    kernel_config(files);
    boot_arguments(files);
    for path in clock::FILES.iter().chain(&clock::TIMESYNCD) {
        let _ = files.file(path);
    }
    for folder in clock::FOLDERS {
        for name in files.list(folder) {
            let _ = files.file(&format!("{folder}/{name}"));
        }
    }
    Ok(())
}

fn kernel_config(files: &Files<'_>) {
    if let Ok(release) = files.text("/proc/sys/kernel/osrelease") {
        for path in kernel_config::paths(&release) {
            if files.file(&path).is_ok() {
                return;
            }
        }
    }
    let _ = files.file(kernel_config::COMPRESSED);
}

/// Boot arguments may hold passwords of network disks, and credentials for systemd.
fn boot_arguments(files: &Files<'_>) {
    let masked = |path: &str| {
        let _ = files.file_with(path, |bytes| mask_arguments(&bytes));
    };
    let pieces = [boot::ENTRIES[0], boot::ENTRIES[1], boot::GRUB_PIECES];
    for folder in pieces {
        for name in files.list(folder) {
            if name.ends_with(".conf") || name.ends_with(".cfg") {
                masked(&format!("{folder}/{name}"));
            }
        }
    }
    for path in [boot::GRUB, boot::KERNEL].iter().chain(&boot::GRUB_ENVIRONMENT) {
        masked(path);
    }
}
