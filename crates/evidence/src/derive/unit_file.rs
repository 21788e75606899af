//! systemd's configuration files: their syntax, and which of them make a unit.
//!
//! A unit is its file from the first folder that has one, and its drop-ins from all folders: of two with one file name the
//! first folder wins, and all are read in the order of their file names, whatever folder they are in (systemd.unit(5)).

use std::collections::BTreeMap;

use crate::fact::{Absence, Fact, Missing};
use crate::model::{Unit, UnitSetting};
use crate::source::Source;

/// Folders of system units, the first with a file wins (systemd.unit(5), "Unit File Load Path").
pub const UNIT_FOLDERS: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Names of the units that the text of a `/proc/PID/cgroup` mentions: services, scopes and slices.
#[must_use]
pub fn units_of(membership: &str) -> Vec<String> {
    let parts =
        membership.lines().filter_map(|line| line.splitn(3, ':').nth(2)).flat_map(|path| path.split('/'));
    let is_unit = |name: &&str| [".service", ".scope", ".slice"].iter().any(|kind| name.ends_with(kind));
    let mut names: Vec<String> = parts.filter(is_unit).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// Names of the files that define a unit: its own, and that of its template.
#[must_use]
pub fn file_names(unit: &str) -> Vec<String> {
    let mut names = vec![unit.to_owned()];
    if let Some((prefix, instance)) = unit.split_once('@')
        && let Some((_, kind)) = instance.rsplit_once('.')
    {
        names.push(format!("{prefix}@.{kind}"));
    }
    names
}

/// Names of the folders with drop-ins of a unit, the most special first: `a-b@i.service.d`, `a-b@.service.d`,
/// `a-.service.d`, `service.d`.
#[must_use]
pub fn drop_in_folders(unit: &str) -> Vec<String> {
    let mut folders: Vec<String> = file_names(unit).into_iter().map(|name| format!("{name}.d")).collect();
    let Some((stem, kind)) = unit.rsplit_once('.') else { return folders };
    let mut prefix = stem.split('@').next().unwrap_or(stem);
    while let Some((above, _)) = prefix.trim_end_matches('-').rsplit_once('-') {
        folders.push(format!("{above}-.{kind}.d"));
        prefix = above;
    }
    folders.push(format!("{kind}.d"));
    folders
}

/// A unit with all its drop-ins.
pub(super) fn unit(source: &impl Source, name: &str) -> Unit {
    let fragment = UNIT_FOLDERS
        .iter()
        .flat_map(|folder| file_names(name).into_iter().map(move |file| format!("{folder}/{file}")))
        .find_map(|path| match source.text(&path) {
            Err(why) if why.missing == Absence::Absent => None,
            Err(why) => Some(Err(why)),
            Ok(text) => Some(Ok((path, text))),
        });
    let mut settings = Vec::new();
    let fragment = match fragment {
        None => Fact::absent(format!("no folder of systemd has a file for {name}")),
        Some(Err(why)) => Fact::Missing(why),
        Some(Ok((path, text))) => {
            merge(&mut settings, &path, &text);
            Fact::Known(path)
        }
    };
    let mut unread = None;
    let drop_ins = drop_ins(source, name, &mut unread);
    let mut read = Vec::new();
    for path in drop_ins {
        match source.text(&path) {
            Ok(text) => {
                merge(&mut settings, &path, &text);
                read.push(path);
            }
            Err(why) => drop(unread.get_or_insert(why)),
        }
    }
    // What a drop-in that could not be read says may be anything.
    let fragment = match (fragment, unread) {
        (Fact::Known(_), Some(why)) => Fact::Missing(why),
        (fragment, _) => fragment,
    };
    Unit { name: name.to_owned(), fragment, drop_ins: read, settings }
}

/// Paths of the drop-ins of a unit in the order in which they are read.
fn drop_ins(source: &impl Source, unit: &str, unread: &mut Option<Missing>) -> Vec<String> {
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    // The most special folder wins over the place that it is in.
    for below in drop_in_folders(unit) {
        for folder in UNIT_FOLDERS {
            let folder = format!("{folder}/{below}");
            match source.list(&folder) {
                Ok(names) => {
                    for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
                        by_name.entry(name.clone()).or_insert_with(|| format!("{folder}/{name}"));
                    }
                }
                Err(why) if why.missing == Absence::Absent => {}
                Err(why) => drop(unread.get_or_insert(why)),
            }
        }
    }
    by_name.into_values().collect()
}

/// Appends the settings of a file. An empty value takes back what was said before.
fn merge(settings: &mut Vec<UnitSetting>, path: &str, text: &str) {
    for (section, key, value) in parse(text) {
        if value.is_empty() {
            settings.retain(|setting| !(setting.section == section && setting.key == key));
        } else {
            settings.push(UnitSetting { section, key, value, path: path.to_owned() });
        }
    }
}

/// Sections, keys and values of a file in systemd's syntax (systemd.syntax(7)): comments begin with `#` or `;`, also
/// between the lines of a value that goes on after a backslash.
pub(crate) fn parse(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.is_empty() || is_comment(line) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let mut whole = line.to_owned();
        while let Some(before) = whole.strip_suffix('\\') {
            let Some(next) = lines.find(|next| !is_comment(next.trim())) else { break };
            whole = format!("{} {}", before.trim_end(), next.trim());
        }
        if let Some((key, value)) = whole.split_once('=') {
            found.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::testing::Tree;

    #[test]
    fn syntax_of_systemd() {
        let text = "# c\n[Unit]\nDescription = a=b\n[Service]\nExecStart=/bin/x \\\n; between\n  -v\nA=\n";
        let of =
            |section: &str, key: &str, value: &str| (section.to_owned(), key.to_owned(), value.to_owned());
        assert_eq!(
            parse(text),
            [
                of("Unit", "Description", "a=b"),
                of("Service", "ExecStart", "/bin/x -v"),
                of("Service", "A", "")
            ]
        );
    }

    #[test]
    fn folders_of_drop_ins_from_special_to_general() {
        assert_eq!(
            drop_in_folders("a-b-c@i.service"),
            ["a-b-c@i.service.d", "a-b-c@.service.d", "a-b-.service.d", "a-.service.d", "service.d"]
        );
        assert_eq!(drop_in_folders("x.slice"), ["x.slice.d", "slice.d"]);
    }

    #[test]
    fn drop_ins_of_all_folders_are_read_by_file_name() {
        let tree = Tree::of(&[
            ("/usr/lib/systemd/system/vllm@.service", "[Service]\nRestart=no\nCPUAffinity=0\n"),
            ("/usr/lib/systemd/system/service.d/10-all.conf", "[Service]\nTasksMax=5\n"),
            ("/etc/systemd/system/vllm@.service.d/20-b.conf", "[Service]\nRestart=always\n"),
            ("/run/systemd/system/vllm@0.service.d/20-b.conf", "[Service]\nRestart=on-failure\n"),
            (
                "/etc/systemd/system.control/vllm@0.service.d/50-AllowedCPUs.conf",
                "[Service]\nAllowedCPUs=0-7\n",
            ),
            (
                "/run/systemd/system/vllm@0.service.d/90-reset.conf",
                "[Service]\nCPUAffinity=\nCPUAffinity=4-7\n",
            ),
        ]);
        let unit = unit(&tree, "vllm@0.service");
        assert_eq!(unit.fragment, Fact::Known("/usr/lib/systemd/system/vllm@.service".to_owned()));
        let last = |key: &str| unit.last("Service", key).map(|setting| setting.value.as_str());
        // The drop-in of the instance outweighs that of the template, though it lies in a later folder.
        assert_eq!(last("Restart"), Some("on-failure"));
        assert_eq!(unit.all("Service", "CPUAffinity").count(), 1);
        assert_eq!(last("CPUAffinity"), Some("4-7"));
        assert_eq!(last("AllowedCPUs"), Some("0-7"));
        assert_eq!(last("TasksMax"), Some("5"));
        assert!(super::unit(&tree, "other.service").fragment.known().is_none());
    }

    #[test]
    fn names_of_units_in_control_groups() {
        assert_eq!(
            units_of("1:name=systemd:/a.slice\n0::/system.slice/vllm.service\n"),
            ["a.slice", "system.slice", "vllm.service"]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in "\\PC*|([a-z\\[\\]=\\\\#;\n ]{0,80})") {
            let _ = parse(&text);
        }
    }
}
