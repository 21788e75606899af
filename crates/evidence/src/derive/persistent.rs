//! What the files of a node set again at the next boot: `sysctl.d`, `tmpfiles.d`, TuneD, cpupower, the boot loader's
//! configuration, `modprobe.d`, udev.

use std::collections::BTreeMap;

use crate::fact::{Absence, Fact, Missing};
use crate::model::{Persistent, PersistentValue};
use crate::source::Source;

/// Folders of `sysctl.d`, the first with a file of a name wins (sysctl.d(5)).
pub const SYSCTL: &[&str] =
    &["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];
/// Folders of `tmpfiles.d` (tmpfiles.d(5)).
pub const TMPFILES: &[&str] =
    &["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"];
/// Folders of `modprobe.d` (modprobe.d(5)).
pub const MODPROBE: &[&str] =
    &["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d"];
/// Folders of udev's rules (udev(7)).
pub const UDEV: &[&str] =
    &["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d"];
/// Folders of TuneD's profiles; since 2.24 they lie one folder deeper.
pub const TUNED: &[&str] =
    &["/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned"];
/// Which profile TuneD applies.
pub const TUNED_ACTIVE: &str = "/etc/tuned/active_profile";
/// Configurations of cpupower and cpufrequtils.
pub const CPUPOWER: &[&str] = &[
    "/etc/default/cpupower",
    "/etc/sysconfig/cpupower",
    "/etc/cpupower-service.conf",
    "/etc/default/cpufrequtils",
];
/// Configuration of GRUB.
pub const GRUB: &str = "/etc/default/grub";
/// Additions to it, read after it by file name (Debian, Ubuntu).
pub const GRUB_D: &str = "/etc/default/grub.d";
/// Arguments of kernels that are installed as unified images, or by kernel-install.
pub const KERNEL_CMDLINE: &str = "/etc/kernel/cmdline";
/// Entries of the boot loader specification (Fedora, RHEL).
pub const BOOT_ENTRIES: &str = "/boot/loader/entries";

/// Arguments of the kernel that checks judge.
const ARGUMENTS: &[&str] = &[
    "amd_iommu",
    "amd_pstate",
    "clocksource",
    "cpufreq.default_governor",
    "default_hugepagesz",
    "hugepages",
    "hugepagesz",
    "idle",
    "intel_idle.max_cstate",
    "intel_iommu",
    "intel_pstate",
    "iommu",
    "iommu.passthrough",
    "irqaffinity",
    "isolcpus",
    "mitigations",
    "nohz_full",
    "nosmt",
    "nowatchdog",
    "numa_balancing",
    "processor.max_cstate",
    "rcu_nocbs",
    "skew_tick",
    "transparent_hugepage",
    "tsc",
];

/// How many profiles of TuneD may include each other.
const INCLUDES: usize = 16;

pub(super) fn derive(source: &impl Source) -> Persistent {
    let tuned = tuned(source);
    let cmdline = Fact::from(cmdline(source));
    let mut sysctl = sysctl(source);
    let mut files = tmpfiles(source);
    // TuneD starts after systemd-sysctl and systemd-tmpfiles, and sets its values over theirs.
    match &tuned {
        Ok(tuned) => {
            for (into, from) in [(&mut sysctl, &tuned.sysctl), (&mut files, &tuned.files)] {
                if let Ok(values) = into {
                    values.extend(from.iter().cloned());
                }
            }
        }
        // A profile that nobody recorded may set more; what the files say is judged all the same.
        Err(why) if why.is_nothing() => {}
        Err(why) => {
            sysctl = Err(why.clone());
            files = Err(why.clone());
        }
    }
    Persistent {
        governor: governor(source, &tuned, &cmdline).into(),
        tuned_profile: tuned.map(|tuned| tuned.name).into(),
        sysctl: sysctl.into(),
        files: files.into(),
        modules: modules(source).into(),
        udev: udev(source).into(),
        cmdline,
    }
}

/// Files `*.conf` of several folders by file name: the first folder wins, and later names are read later.
fn configuration(
    source: &impl Source,
    folders: &[&str],
    ending: &str,
) -> Result<Vec<(String, String)>, Missing> {
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for folder in folders {
        match source.list(folder) {
            Ok(names) => {
                for name in names.into_iter().filter(|name| name.ends_with(ending)) {
                    by_name.entry(name.clone()).or_insert_with(|| format!("{folder}/{name}"));
                }
            }
            Err(why) if why.missing == Absence::Absent => {}
            Err(why) => return Err(why),
        }
    }
    by_name
        .into_values()
        .map(|path| Ok((source.text(&path)?, path)))
        .map(|read| read.map(|(text, path)| (path, text)))
        .collect()
}

fn value(name: impl Into<String>, value: impl Into<String>, path: &str) -> PersistentValue {
    PersistentValue { name: name.into(), value: value.into(), path: path.to_owned() }
}

fn sysctl(source: &impl Source) -> Result<Vec<PersistentValue>, Missing> {
    let mut values = Vec::new();
    for (path, text) in configuration(source, SYSCTL, ".conf")? {
        values.extend(parse_sysctl(&text).into_iter().map(|(name, text)| value(name, text, &path)));
    }
    Ok(values)
}

/// `name = value` of sysctl.d(5). A name whose first separator is a slash has slashes between its parts.
pub(super) fn parse_sysctl(text: &str) -> Vec<(String, String)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
        .filter_map(|line| line.trim_start_matches('-').split_once('='))
        .map(|(name, value)| {
            let name = name.trim();
            let with_slashes = name.find(['/', '.']).is_some_and(|at| name.as_bytes()[at] == b'/');
            let swap = |c: char| match c {
                '/' => '.',
                '.' => '/',
                other => other,
            };
            (
                if with_slashes { name.chars().map(swap).collect() } else { name.to_owned() },
                value.trim().to_owned(),
            )
        })
        .collect()
}

fn tmpfiles(source: &impl Source) -> Result<Vec<PersistentValue>, Missing> {
    let mut values = Vec::new();
    for (path, text) in configuration(source, TMPFILES, ".conf")? {
        values.extend(parse_tmpfiles(&text).into_iter().map(|(name, text)| value(name, text, &path)));
    }
    Ok(values)
}

/// Lines `w PATH MODE USER GROUP AGE VALUE` of tmpfiles.d(5) that write below `/sys` and `/proc`.
pub(super) fn parse_tmpfiles(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| {
            let mut rest = line.trim();
            let mut words = Vec::new();
            for _ in 0..6 {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                words.push(&rest[..end]);
                rest = rest[end..].trim_start();
            }
            let writes = words[0].starts_with('w');
            let path = words[1].trim_matches('"');
            let below = path.starts_with("/sys/") || path.starts_with("/proc/");
            (writes && below && !rest.is_empty())
                .then(|| (path.to_owned(), rest.trim_matches('"').to_owned()))
        })
        .collect()
}

/// A profile of TuneD with those that it includes.
struct Tuned {
    name: String,
    sysctl: Vec<PersistentValue>,
    files: Vec<PersistentValue>,
    governor: Option<PersistentValue>,
}

/// Paths at which the configuration of a profile may lie.
#[must_use]
pub fn tuned_paths(profile: &str) -> Vec<String> {
    TUNED.iter().map(|folder| format!("{folder}/{profile}/tuned.conf")).collect()
}

/// Names that a profile includes.
#[must_use]
pub fn tuned_includes(text: &str) -> Vec<String> {
    let of_main = |(section, key, _): &&(String, String, String)| section == "main" && key == "include";
    let parsed = parse_ini(text);
    parsed
        .iter()
        .filter(of_main)
        .flat_map(|(.., value)| value.split([',', ' ', ';']))
        .filter(|name| !name.is_empty() && !name.contains(['/', '$']))
        .map(str::to_owned)
        .collect()
}

fn tuned(source: &impl Source) -> Result<Tuned, Missing> {
    let name = source.text(TUNED_ACTIVE)?;
    if name.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{TUNED_ACTIVE} names no profile")));
    }
    let mut order = Vec::new();
    // Several profiles may be active at once, the last one wins.
    for profile in name.split_whitespace() {
        include(source, profile, &mut order)?;
    }
    let mut tuned = Tuned { name, sysctl: Vec::new(), files: Vec::new(), governor: None };
    for (path, text) in order {
        for (section, key, text) in parse_ini(&text) {
            let text = text.trim_matches('"');
            match (section.as_str(), key.as_str()) {
                ("sysctl", name) => {
                    tuned.sysctl.push(value(name.replace('/', "."), text.trim_start_matches('>'), &path))
                }
                ("sysfs", file) => tuned.files.push(value(file, text, &path)),
                ("cpu", "governor") => tuned.governor = Some(value("governor", text, &path)),
                ("vm", "transparent_hugepages" | "transparent_hugepage") => {
                    tuned.files.push(value("/sys/kernel/mm/transparent_hugepage/enabled", text, &path));
                }
                ("vm", "transparent_hugepage.defrag") => {
                    tuned.files.push(value("/sys/kernel/mm/transparent_hugepage/defrag", text, &path));
                }
                _ => {}
            }
        }
    }
    Ok(tuned)
}

/// Appends the files of a profile, those that it includes first.
fn include(source: &impl Source, profile: &str, order: &mut Vec<(String, String)>) -> Result<(), Missing> {
    if order.len() >= INCLUDES {
        return Ok(());
    }
    for path in tuned_paths(profile) {
        match source.text(&path) {
            Err(why) if why.is_nothing() => {}
            Err(why) => return Err(why),
            Ok(text) => {
                if order.iter().any(|(other, _)| *other == path) {
                    return Ok(());
                }
                let at = order.len();
                order.push((path.clone(), text.clone()));
                for name in tuned_includes(&text) {
                    include(source, &name, order)?;
                }
                // What includes comes after what it includes.
                let own = order.remove(at);
                order.push(own);
                return Ok(());
            }
        }
    }
    Err(Missing::new(Absence::Failed, format!("TuneD's profile `{profile}` was not found")))
}

/// Sections, keys and values of an ini file.
fn parse_ini(text: &str) -> Vec<(String, String, String)> {
    super::unit_file::parse(text)
}

fn governor(
    source: &impl Source,
    tuned: &Result<Tuned, Missing>,
    cmdline: &Fact<Vec<PersistentValue>>,
) -> Result<PersistentValue, Missing> {
    match tuned {
        Ok(Tuned { governor: Some(governor), .. }) => return Ok(governor.clone()),
        Err(why) if why.missing != Absence::Absent => return Err(why.clone()),
        _ => {}
    }
    for path in CPUPOWER {
        match source.text(path) {
            Ok(text) => {
                let names = ["governor", "GOVERNOR", "CPUPOWER_START_OPTS"];
                let found = text.lines().rev().filter_map(|line| line.trim().split_once('=')).find_map(
                    |(name, text)| {
                        let text = text.trim().trim_matches(['"', '\'']);
                        if !names.contains(&name.trim()) {
                            return None;
                        }
                        // `frequency-set -g performance`
                        Some(text.rsplit_once("-g ").map_or(text, |(_, governor)| governor).trim().to_owned())
                    },
                );
                if let Some(found) = found.filter(|found| !found.is_empty()) {
                    return Ok(value("governor", found, path));
                }
            }
            Err(why) if why.missing == Absence::Absent => {}
            Err(why) => return Err(why),
        }
    }
    let none = || Missing::new(Absence::Absent, "no file that was read sets a governor");
    match cmdline {
        Fact::Known(arguments) => {
            let default = arguments.iter().rfind(|argument| argument.name == "cpufreq.default_governor");
            default.cloned().ok_or_else(none)
        }
        Fact::Missing(why) if why.missing == Absence::Absent => Err(none()),
        Fact::Missing(why) => Err(why.clone()),
    }
}

/// Arguments that checks judge, from what the boot loader is told.
fn cmdline(source: &impl Source) -> Result<Vec<PersistentValue>, Missing> {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let mut from = None;
    let grub = match source.text(GRUB) {
        Ok(text) => Some((GRUB.to_owned(), text)),
        Err(why) if why.is_nothing() => None,
        Err(why) => return Err(why),
    };
    for (path, text) in grub.into_iter().chain(configuration(source, &[GRUB_D], ".cfg")?) {
        for (name, value) in assignments(&text, &variables) {
            if name.starts_with("GRUB_CMDLINE_LINUX") {
                from = Some(path.clone());
            }
            variables.insert(name, value);
        }
    }
    if variables.get("GRUB_ENABLE_BLSCFG").is_some_and(|value| value == "true") {
        return of_entries(source);
    }
    if let Some(path) = from {
        let of = |name: &str| variables.get(name).map_or("", String::as_str);
        let all = format!("{} {}", of("GRUB_CMDLINE_LINUX"), of("GRUB_CMDLINE_LINUX_DEFAULT"));
        return Ok(judged(&all, &path));
    }
    match source.text(KERNEL_CMDLINE) {
        Ok(text) => Ok(judged(&text, KERNEL_CMDLINE)),
        // Where entries were not recorded either, that is the answer.
        Err(why) if why.is_nothing() => of_entries(source),
        Err(why) => Err(why),
    }
}

/// Arguments of the entry for the running kernel: those for other kernels may differ.
fn of_entries(source: &impl Source) -> Result<Vec<PersistentValue>, Missing> {
    let release = source.text("/proc/sys/kernel/osrelease")?;
    for name in source.list(BOOT_ENTRIES)? {
        if !name.contains(&release) {
            continue;
        }
        let path = format!("{BOOT_ENTRIES}/{name}");
        let text = source.text(&path)?;
        let options: Vec<&str> =
            text.lines().filter_map(|line| line.trim().strip_prefix("options ")).collect();
        return Ok(judged(&options.join(" "), &path));
    }
    Err(Missing::new(Absence::Absent, format!("{BOOT_ENTRIES} has no entry for the running kernel")))
}

fn judged(arguments: &str, path: &str) -> Vec<PersistentValue> {
    let split = |argument: &str| match argument.split_once('=') {
        Some((name, text)) => value(name, text, path),
        None => value(argument, "", path),
    };
    arguments
        .split_whitespace()
        .map(split)
        .filter(|argument| ARGUMENTS.contains(&argument.name.as_str()))
        .collect()
}

/// `NAME="value"` of a shell script, with variables that were set before put in.
fn assignments(text: &str, before: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut known = before.clone();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('=') else { continue };
        let (name, adds) = match name.strip_suffix('+') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let mut value = rest.trim().trim_matches(['"', '\'']).to_owned();
        if value.contains('$') {
            // Longer names first, so that one is not taken for the beginning of another.
            let mut names: Vec<&String> = known.keys().collect();
            names.sort_by_key(|name| std::cmp::Reverse(name.len()));
            for other in names {
                let with = known.get(other).map_or("", String::as_str);
                value = value.replace(&format!("${{{other}}}"), with).replace(&format!("${other}"), with);
                if value.len() > 65_536 {
                    break;
                }
            }
        }
        if adds {
            value.insert_str(0, known.get(name).map_or("", String::as_str));
        }
        known.insert(name.to_owned(), value.clone());
        found.push((name.to_owned(), value));
    }
    found
}

fn modules(source: &impl Source) -> Result<Vec<PersistentValue>, Missing> {
    let mut values = Vec::new();
    for (path, text) in configuration(source, MODPROBE, ".conf")? {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            if words.next() == Some("options")
                && let Some(module) = words.next()
            {
                values.push(value(module, words.collect::<Vec<_>>().join(" "), &path));
            }
        }
    }
    Ok(values)
}

/// Rules that write attributes, start services or run programs, by the line itself.
fn udev(source: &impl Source) -> Result<Vec<PersistentValue>, Missing> {
    let mut values = Vec::new();
    for (path, text) in configuration(source, UDEV, ".rules")? {
        let text = text.replace("\\\n", " ");
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let acts = |part: &&str| {
                let part = part.trim();
                (part.starts_with("ATTR{") && part.contains("}=\""))
                    || part.starts_with("RUN")
                    || part.starts_with("ENV{SYSTEMD_WANTS}")
            };
            let (actions, matches): (Vec<&str>, Vec<&str>) = line.split(',').partition(acts);
            if !actions.is_empty() {
                values.push(value(matches.join(",").trim(), actions.join(",").trim(), &path));
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::testing::Tree;

    fn found(values: &Fact<Vec<PersistentValue>>, name: &str) -> Option<(String, String)> {
        let value = values.known()?.iter().rfind(|value| value.name == name)?;
        Some((value.value.clone(), value.path.clone()))
    }

    fn pair(value: &str, path: &str) -> Option<(String, String)> {
        Some((value.to_owned(), path.to_owned()))
    }

    #[test]
    fn sysctl_files_override_by_name_and_apply_in_order() {
        let tree = Tree::of(&[
            ("/usr/lib/sysctl.d/50-default.conf", "vm.swappiness = 60\nkernel/sched_rt_runtime_us=1\n"),
            ("/usr/lib/sysctl.d/90-x.conf", "vm.dirty_ratio=30\n"),
            ("/etc/sysctl.d/90-x.conf", "# nothing of that\n-net/ipv4/conf/eth0.100/rp_filter = 1\n"),
            ("/etc/sysctl.d/99-y.conf", "vm.swappiness=10\n"),
        ]);
        let persistent = derive(&tree);
        assert_eq!(found(&persistent.sysctl, "vm.swappiness"), pair("10", "/etc/sysctl.d/99-y.conf"));
        assert_eq!(found(&persistent.sysctl, "vm.dirty_ratio"), None);
        assert_eq!(
            found(&persistent.sysctl, "kernel.sched_rt_runtime_us"),
            pair("1", "/usr/lib/sysctl.d/50-default.conf")
        );
        assert!(found(&persistent.sysctl, "net.ipv4.conf.eth0/100.rp_filter").is_some());
        assert_eq!(persistent.tuned_profile.require().unwrap_err().missing, Absence::Absent);
    }

    #[test]
    fn a_profile_of_tuned_comes_after_what_it_includes() {
        let tree = Tree::of(&[
            (TUNED_ACTIVE, "mine\n"),
            (
                "/etc/tuned/mine/tuned.conf",
                "[main]\ninclude=base\n[sysctl]\nvm.swappiness=10\n[vm]\ntransparent_hugepages=never\n",
            ),
            (
                "/usr/lib/tuned/profiles/base/tuned.conf",
                "[main]\ninclude=mine\n[cpu]\ngovernor=performance\n[sysctl]\nvm.swappiness=60\n[sysfs]\n/sys/kernel/mm/ksm/run=0\n",
            ),
            ("/etc/sysctl.d/99.conf", "vm.swappiness=30\n"),
        ]);
        let persistent = derive(&tree);
        assert_eq!(found(&persistent.sysctl, "vm.swappiness"), pair("10", "/etc/tuned/mine/tuned.conf"));
        assert_eq!(persistent.governor.require().unwrap().value, "performance");
        assert_eq!(persistent.tuned_profile, Fact::Known("mine".to_owned()));
        assert!(found(&persistent.files, "/sys/kernel/mm/ksm/run").is_some());
        assert!(found(&persistent.files, "/sys/kernel/mm/transparent_hugepage/enabled").is_some());
    }

    #[test]
    fn arguments_of_the_kernel_come_from_the_boot_loader() {
        let tree = Tree::of(&[
            (
                GRUB,
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet isolcpus=2-7\"\n# GRUB_CMDLINE_LINUX=\"nosmt\"\nGRUB_CMDLINE_LINUX=\"\"\n",
            ),
            (
                "/etc/default/grub.d/50-x.cfg",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt\"\n",
            ),
        ]);
        let persistent = derive(&tree);
        let names: Vec<String> = persistent
            .cmdline
            .require()
            .unwrap()
            .iter()
            .map(|value| format!("{}={}", value.name, value.value))
            .collect();
        assert_eq!(names, ["isolcpus=2-7", "iommu=pt"]);
        let entries = Tree::of(&[
            (GRUB, "GRUB_CMDLINE_LINUX=\"nosmt\"\nGRUB_ENABLE_BLSCFG=true\n"),
            ("/proc/sys/kernel/osrelease", "5.14.0-1.el9"),
            (
                "/boot/loader/entries/a-5.14.0-1.el9.conf",
                "title x\noptions root=/dev/sda ro mitigations=off $tuned_params\n",
            ),
        ]);
        assert_eq!(
            found(&derive(&entries).cmdline, "mitigations"),
            pair("off", "/boot/loader/entries/a-5.14.0-1.el9.conf")
        );
        let none = derive(&Tree::of(&[("/proc/sys/kernel/osrelease", "6")]));
        assert_eq!(none.cmdline.require().unwrap_err().missing, Absence::Absent);
    }

    #[test]
    fn other_files_that_boot_reads() {
        let tree = Tree::of(&[
            (
                "/etc/tmpfiles.d/a.conf",
                "d /run/x 0755\nw /sys/kernel/mm/ksm/run - - - - 1\nw! /tmp/x - - - - 1\n",
            ),
            ("/etc/modprobe.d/nvidia.conf", "blacklist nouveau\noptions nvidia NVreg_EnableStreamMemOPs=1\n"),
            (
                "/etc/udev/rules.d/60-x.rules",
                "ACTION==\"add\", KERNEL==\"nvme*\", ATTR{queue/scheduler}=\"none\"\nACTION==\"add\"\n",
            ),
            ("/etc/default/cpupower", "#governor='x'\ngovernor='performance'\n"),
        ]);
        let persistent = derive(&tree);
        assert_eq!(found(&persistent.files, "/sys/kernel/mm/ksm/run"), pair("1", "/etc/tmpfiles.d/a.conf"));
        assert_eq!(
            found(&persistent.modules, "nvidia"),
            pair("NVreg_EnableStreamMemOPs=1", "/etc/modprobe.d/nvidia.conf")
        );
        assert_eq!(persistent.udev.require().unwrap().len(), 1);
        assert_eq!(persistent.governor.require().unwrap().value, "performance");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in "\\PC*|([a-z=$\\{\\}\"/. w-]{0,40}\n){0,4}") {
            let _ = parse_sysctl(&text);
            let _ = parse_tmpfiles(&text);
            let _ = tuned_includes(&text);
            let _ = assignments(&text, &BTreeMap::from([("a".to_owned(), "$a$a".to_owned())]));
        }
    }
}
