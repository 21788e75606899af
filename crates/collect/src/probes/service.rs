//! systemd's units of running processes, and the files that set kernel parameters, clocks and devices at boot.

use std::collections::BTreeSet;

use plumb_evidence::derive::persistent::{
    BOOT_ENTRIES, CPUPOWER, GRUB, GRUB_D, KERNEL_CMDLINE, MODPROBE, SYSCTL, TMPFILES, TUNED_ACTIVE, UDEV,
    tuned_includes, tuned_paths,
};
use plumb_evidence::derive::platform::isolation;
use plumb_evidence::derive::service::PROGRAMS;
use plumb_evidence::derive::unit_file::{UNIT_FOLDERS, drop_in_folders, file_names, units_of};
use plumb_evidence::{Absence, Missing, Source};

use super::Files;
use super::process::programs;
use crate::mask_config::{keep_manager, mask_lines, mask_unit};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "service",
    title: "systemd units, settings that survive a reboot",
    reads: &[
        "/etc/systemd",
        "/run/systemd",
        "/usr/local/lib/systemd",
        "/usr/lib/systemd",
        "/lib/systemd",
        "/etc/sysctl.d",
        "/run/sysctl.d",
        "/usr/local/lib/sysctl.d",
        "/usr/lib/sysctl.d",
        "/etc/tmpfiles.d",
        "/run/tmpfiles.d",
        "/usr/local/lib/tmpfiles.d",
        "/usr/lib/tmpfiles.d",
        "/etc/modprobe.d",
        "/run/modprobe.d",
        "/usr/local/lib/modprobe.d",
        "/usr/lib/modprobe.d",
        "/etc/udev/rules.d",
        "/run/udev/rules.d",
        "/usr/local/lib/udev/rules.d",
        "/usr/lib/udev/rules.d",
        "/etc/tuned",
        "/usr/lib/tuned",
        "/etc/default/cpupower",
        "/etc/default/cpufrequtils",
        "/etc/sysconfig/cpupower",
        "/etc/cpupower-service.conf",
        GRUB,
        GRUB_D,
        KERNEL_CMDLINE,
        BOOT_ENTRIES,
    ],
    privilege: Privilege::Any,
    budget: std::time::Duration::from_secs(10),
    method: Method::Files(run),
    sample: None,
};

/// How many profiles of TuneD may include each other.
const INCLUDES: usize = 16;

fn run(files: &Files<'_>) -> Result<(), Missing> {
    units(files);
    for path in isolation::MAIN {
        // The first that is there is the one that systemd reads.
        if files.file_with(path, |bytes| keep_manager(&bytes)).is_ok() {
            break;
        }
    }
    for folder in isolation::DROP_INS {
        for name in files.list(folder).iter().filter(|name| name.ends_with(".conf")) {
            let _ = files.file_with(&format!("{folder}/{name}"), |bytes| keep_manager(&bytes));
        }
    }
    starters(files);
    for (folders, ending) in [(SYSCTL, ".conf"), (MODPROBE, ".conf")] {
        all(files, folders, ending, |_| true);
    }
    // Hundreds of rules and lines of distributions make folders and name devices. One that is in `/etc` counts even if it
    // does nothing, since it takes the place of another of its name.
    let writes = |text: &str| {
        text.lines().any(|line| {
            line.starts_with('w')
                && line
                    .split_whitespace()
                    .nth(1)
                    .is_some_and(|path| path.starts_with("/sys/") || path.starts_with("/proc/"))
        })
    };
    all(files, TMPFILES, ".conf", writes);
    let words = ["nvidia", "scaling_governor", "queue/scheduler", "power/control", "SYSTEMD_WANTS}+=\"tuned"];
    all(files, UDEV, ".rules", |text| words.iter().any(|word| text.contains(word)));
    tuned(files);
    for path in CPUPOWER.iter().chain([&GRUB, &KERNEL_CMDLINE]) {
        let _ = files.file_with(path, |bytes| mask_lines(&bytes));
    }
    all(files, &[GRUB_D], ".cfg", |_| true);
    all(files, &[BOOT_ENTRIES], ".conf", |_| true);
    Ok(())
}

/// Folders with units; `/lib` is most often a link to `/usr/lib`, and then has nothing else.
fn folders(files: &Files<'_>) -> impl Iterator<Item = &'static str> {
    let merged = files.source().link("/lib").is_ok();
    UNIT_FOLDERS.iter().copied().filter(move |folder| !(merged && folder.starts_with("/lib/")))
}

/// Files of the units that processes run in, and of the units above them.
fn units(files: &Files<'_>) {
    let programs = programs(files.source());
    let names: BTreeSet<String> = programs.iter().flat_map(|program| units_of(&program.groups)).collect();
    let of_unit = |names: fn(&str) -> Vec<String>, units: &BTreeSet<String>| -> BTreeSet<String> {
        units.iter().flat_map(|unit| names(unit)).collect()
    };
    let (wanted, below) = (of_unit(file_names, &names), of_unit(drop_in_folders, &names));
    for folder in folders(files) {
        for name in files.list(folder) {
            let path = format!("{folder}/{name}");
            if wanted.contains(&name) {
                let _ = files.file_with(&path, |bytes| mask_unit(&bytes));
            } else if below.contains(&name) {
                for name in files.list(&path).iter().filter(|name| name.ends_with(".conf")) {
                    let _ = files.file_with(&format!("{path}/{name}"), |bytes| mask_unit(&bytes));
                }
            }
        }
    }
}

/// Links that start programs which keep settings in force.
fn starters(files: &Files<'_>) {
    for folder in folders(files) {
        for name in files.source().list(folder).unwrap_or_default() {
            if name.ends_with(".wants") || name.ends_with(".requires") {
                for (program, _) in PROGRAMS {
                    files.link(&format!("{folder}/{name}/{program}.service"));
                }
            }
        }
    }
}

/// Files of several folders; outside of `/etc` and `/run` only those whose text pleases `wanted`.
fn all(files: &Files<'_>, folders: &[&str], ending: &str, wanted: impl Fn(&str) -> bool) {
    for folder in folders {
        for name in files.list(folder).iter().filter(|name| name.ends_with(ending)) {
            let path = format!("{folder}/{name}");
            let local = folder.starts_with("/etc/") || folder.starts_with("/run/");
            if local || files.source().text(&path).map_or(true, |text| wanted(&text)) {
                let _ = files.file_with(&path, |bytes| mask_lines(&bytes));
            }
        }
    }
}

/// The profile of TuneD that is active, and those that it includes.
fn tuned(files: &Files<'_>) {
    let Ok(active) = files.text(TUNED_ACTIVE) else { return };
    let mut todo: Vec<String> =
        active.split_whitespace().filter(|name| !name.contains('/')).map(str::to_owned).collect();
    let mut seen = BTreeSet::new();
    while let Some(profile) = todo.pop() {
        if seen.len() >= INCLUDES || !seen.insert(profile.clone()) {
            continue;
        }
        for path in tuned_paths(&profile) {
            match files.file_with(&path, |bytes| mask_lines(&bytes)) {
                Err(why) if why.missing == Absence::Absent => {}
                Err(_) => break,
                Ok(()) => {
                    todo.extend(tuned_includes(&files.text(&path).unwrap_or_default()));
                    break;
                }
            }
        }
    }
}
