//! What sets CPUs apart at boot: lists of the kernel, its argument `isolcpus=`, and what systemd gives all that it starts:
//! `systemd.cpu_affinity=` of the kernel's command line, which wins, else `CPUAffinity=` of its own configuration
//! (systemd-system.conf(5)).

use std::collections::BTreeMap;

use crate::derive::unit_file;
use crate::fact::{Absence, Missing, if_any};
use crate::index_set::CpuSet;
use crate::model::{Isolcpus, ManagerAffinity, SetApart};
use crate::source::{Source, malformed};

const CMDLINE: &str = "/proc/cmdline";
/// Boot argument of systemd.
const ARGUMENT: &str = "systemd.cpu_affinity=";
/// The main file of systemd's configuration, in the order in which it is looked for.
pub const MAIN: [&str; 4] = [
    "/etc/systemd/system.conf",
    "/run/systemd/system.conf",
    "/usr/local/lib/systemd/system.conf",
    "/usr/lib/systemd/system.conf",
];
/// Folders of files that add to it; of two with one name that of the first folder counts.
pub const DROP_INS: [&str; 4] = [
    "/etc/systemd/system.conf.d",
    "/run/systemd/system.conf.d",
    "/usr/local/lib/systemd/system.conf.d",
    "/usr/lib/systemd/system.conf.d",
];

/// The CPUs that are set apart, by each file that says so.
///
/// # Errors
/// Says what could not be read that may set others apart, where nothing else does.
pub(crate) fn set_apart(source: &impl Source) -> Result<Vec<SetApart>, Missing> {
    let mut found = Vec::new();
    let mut unread = None;
    for name in ["isolated", "nohz_full"] {
        let path = format!("/sys/devices/system/cpu/{name}");
        match if_any(source.text(&path)) {
            // Kernels that were started without `nohz_full=` print `(null)`.
            Ok(text) => found.extend(text.and_then(|text| {
                let cpus: CpuSet = text.parse().ok()?;
                Some(SetApart { cpus, path, text })
            })),
            Err(why) => drop(unread.get_or_insert(why)),
        }
    }
    match source.text(CMDLINE) {
        Ok(line) => found.extend(line.split_whitespace().filter_map(|word| {
            let cpus = Isolcpus::parse(word)?.cpus?;
            Some(SetApart { cpus, path: CMDLINE.to_owned(), text: word.to_owned() })
        })),
        Err(why) => drop(unread.get_or_insert(why)),
    }
    found.retain(|apart| !apart.cpus.is_empty());
    match unread {
        Some(why) if found.is_empty() => Err(why),
        _ => Ok(found),
    }
}

/// # Errors
/// Says that nothing sets it, or what could not be read that may.
pub(crate) fn manager(source: &impl Source) -> Result<ManagerAffinity, Missing> {
    let line = source.text(CMDLINE)?;
    if let Some(word) = line.split_whitespace().rfind(|word| word.starts_with(ARGUMENT)) {
        let cpus = list(&word[ARGUMENT.len()..]).ok_or_else(|| malformed(CMDLINE, word))?;
        return Ok(ManagerAffinity { cpus, path: CMDLINE.to_owned(), text: word.to_owned() });
    }
    let mut found = ManagerAffinity::default();
    let mut unread = None;
    for path in files(source, &mut unread) {
        let text = match source.text(&path) {
            Ok(text) => text,
            Err(why) => {
                unread.get_or_insert(why);
                continue;
            }
        };
        for (section, key, value) in unit_file::parse(&text) {
            if section != "Manager" || key != "CPUAffinity" {
                continue;
            }
            // Several lines add up, and an empty one takes back what was said before.
            let cpus = list(&value).ok_or_else(|| malformed(&path, &value))?;
            let cpus = if value.is_empty() { cpus } else { found.cpus.union(&cpus) };
            found = ManagerAffinity { cpus, path: path.clone(), text: format!("CPUAffinity={value}") };
        }
    }
    if !found.cpus.is_empty() {
        return Ok(found);
    }
    Err(unread.unwrap_or_else(|| {
        Missing::new(Absence::Absent, format!("neither {ARGUMENT} nor CPUAffinity= of systemd is set"))
    }))
}

/// The files of systemd's configuration in the order in which they are read.
fn files(source: &impl Source, unread: &mut Option<Missing>) -> Vec<String> {
    let mut files = Vec::new();
    for path in MAIN {
        match source.text(path) {
            Ok(_) => {
                files.push(path.to_owned());
                break;
            }
            // A recording need not hold folders in which distributions keep defaults.
            Err(why) if why.is_absent() || (path != MAIN[0] && why.is_nothing()) => {}
            Err(why) => drop(unread.get_or_insert(why)),
        }
    }
    // One that was read leaves nothing open: those of later folders are not looked at.
    if !files.is_empty() {
        *unread = None;
    }
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for folder in DROP_INS {
        for name in source.list(folder).unwrap_or_default() {
            if name.ends_with(".conf") {
                by_name.entry(name.clone()).or_insert_with(|| format!("{folder}/{name}"));
            }
        }
    }
    files.extend(by_name.into_values());
    files
}

/// CPUs and ranges, separated by blanks or commas.
fn list(text: &str) -> Option<CpuSet> {
    let parts = text.split([',', ' ', '\t']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(",").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;

    fn of(files: &[(&str, &str)]) -> Result<(String, String), Missing> {
        manager(&Tree::of(files)).map(|affinity| (affinity.cpus.to_string(), affinity.path))
    }

    #[test]
    fn the_boot_argument_wins_over_files() {
        const CONF: &str = "/etc/systemd/system.conf";
        let plain = ("/proc/cmdline", "ro quiet");
        let by_argument =
            of(&[("/proc/cmdline", "systemd.cpu_affinity=5,6,7-9 ro"), (CONF, "[Manager]\nCPUAffinity=0\n")]);
        assert_eq!(by_argument, Ok(("5-9".to_owned(), "/proc/cmdline".to_owned())));
        let by_file = of(&[plain, (CONF, "[Manager]\n#CPUAffinity=9\nCPUAffinity=0-1 3\nCPUAffinity=5\n")]);
        assert_eq!(by_file, Ok(("0-1,3,5".to_owned(), CONF.to_owned())));
        let drop_in = "/etc/systemd/system.conf.d/10-cpus.conf";
        let taken_back = of(&[
            plain,
            (CONF, "[Manager]\nCPUAffinity=0-1\n"),
            (drop_in, "[Manager]\nCPUAffinity=\nCPUAffinity=7\n"),
        ]);
        assert_eq!(taken_back, Ok(("7".to_owned(), drop_in.to_owned())));
    }

    #[test]
    fn cpus_are_set_apart_by_lists_and_by_arguments() {
        let of = |files: &[(&str, &str)]| {
            set_apart(&Tree::of(files)).map(|all| {
                all.iter().map(|apart| format!("{} {}", apart.path, apart.cpus)).collect::<Vec<_>>()
            })
        };
        let line = ("/proc/cmdline", "ro isolcpus=managed_irq,0-4 quiet");
        let isolated = ("/sys/devices/system/cpu/isolated", "");
        let no_tick = ("/sys/devices/system/cpu/nohz_full", "0-7");
        let all = of(&[line, isolated, no_tick]).unwrap();
        assert_eq!(all, ["/sys/devices/system/cpu/nohz_full 0-7", "/proc/cmdline 0-4"]);
        let none = [("/proc/cmdline", "ro"), isolated, ("/sys/devices/system/cpu/nohz_full", "(null)")];
        assert_eq!(of(&none).unwrap(), Vec::<String>::new());
        assert!(of(&[isolated, no_tick]).is_ok(), "what one list says stays");
        assert!(of(&[isolated]).is_err(), "an argument that was not read may set CPUs apart");
    }

    #[test]
    fn nothing_set_is_absent_and_nonsense_is_told() {
        assert!(of(&[("/proc/cmdline", "ro")]).unwrap_err().is_absent());
        let other =
            of(&[("/proc/cmdline", "ro"), ("/etc/systemd/system.conf", "[Manager]\nLogLevel=info\n")]);
        assert!(other.unwrap_err().is_absent());
        let nonsense = of(&[("/proc/cmdline", "systemd.cpu_affinity=all")]).unwrap_err();
        assert_eq!(nonsense.missing, Absence::Malformed);
    }
}
