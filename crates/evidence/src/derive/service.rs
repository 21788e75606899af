//! systemd units and settings that survive a reboot.

use crate::fact::{Absence, Fact, Missing};
use crate::model::{InferenceServer, Process, Program, Services, Unit};
use crate::source::Source;

use super::unit_file::{UNIT_FOLDERS, unit};
use super::{container, persistent};

/// Programs that keep settings in force: name of the service, and of the process as far as the kernel keeps it.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("irqbalance", "irqbalance"),
    ("ksmtuned", "ksmtuned"),
    ("numad", "numad"),
    ("nvidia-fabricmanager", "nv-fabricmanage"),
    ("nvidia-persistenced", "nvidia-persiste"),
    ("power-profiles-daemon", "power-profiles-"),
    ("thermald", "thermald"),
    ("tuned", "tuned"),
];

/// Settings of units that checks ask for, so that a description or a list of dependencies is not carried along.
const KEYS: &[&str] = &[
    "AllowedCPUs",
    "AllowedMemoryNodes",
    "CPUAffinity",
    "CPUQuota",
    "CPUQuotaPerSecSec",
    "CPUSchedulingPolicy",
    "CPUSchedulingPriority",
    "CPUWeight",
    "Delegate",
    "Environment",
    "ExecStart",
    "ExecStartPost",
    "ExecStartPre",
    "IOWeight",
    "LimitMEMLOCK",
    "LimitNOFILE",
    "LimitNPROC",
    "MemoryHigh",
    "MemoryMax",
    "NUMAMask",
    "NUMAPolicy",
    "Nice",
    "OOMPolicy",
    "OOMScoreAdjust",
    "Restart",
    "RestartMaxDelaySec",
    "RestartSec",
    "RestartSteps",
    "Slice",
    "StartLimitBurst",
    "StartLimitInterval",
    "StartLimitIntervalSec",
    "StartupCPUWeight",
    "TasksMax",
    "TimeoutSec",
    "TimeoutStartSec",
    "Type",
    "WatchdogSec",
];

/// # Errors
/// A node without any of the folders is not run by systemd, or was not looked at.
pub(crate) fn derive(
    source: &impl Source,
    servers: &Fact<Vec<InferenceServer>>,
    processes: &Fact<Vec<Process>>,
    all_processes: bool,
) -> Result<Services, Missing> {
    let mut why = None;
    let mut managed = false;
    for folder in UNIT_FOLDERS {
        match source.list(folder) {
            Ok(_) => managed = true,
            Err(missing) if missing.missing == Absence::Absent => {}
            Err(missing) => drop(why.get_or_insert(missing)),
        }
    }
    let units = match servers {
        _ if !managed => Fact::Missing(
            why.unwrap_or_else(|| Missing::new(Absence::Absent, "no folder of systemd has units")),
        ),
        Fact::Known(servers) => Fact::Known(units(source, servers)),
        Fact::Missing(why) => Fact::Missing(why.clone()),
    };
    let persistent = persistent::derive(source);
    let skipped = |fact: &Fact<Vec<_>>| matches!(fact, Fact::Missing(why) if why.missing == Absence::Skipped);
    if skipped(&persistent.sysctl) && !managed {
        return Err(Missing::new(Absence::Skipped, "not collected"));
    }
    let programs = match processes {
        Fact::Known(processes) => Fact::Known(programs(source, processes, all_processes)),
        Fact::Missing(why) => Fact::Missing(why.clone()),
    };
    Ok(Services { units, persistent: Fact::Known(persistent), programs })
}

fn units(source: &impl Source, servers: &[InferenceServer]) -> Vec<Unit> {
    let mut names: Vec<(String, bool)> = Vec::new();
    for server in servers {
        let groups: Vec<&str> = server
            .processes
            .iter()
            .filter_map(|process| process.cgroup.known())
            .flat_map(|cgroup| &cgroup.chain)
            .map(|level| level.path.as_str())
            .collect();
        // Units of a user's own manager lie in that user's home.
        let of_user = groups.iter().any(|path| path.contains("/user@"));
        names.extend(server.unit.known().map(|unit| (unit.clone(), of_user)));
        let slices =
            groups.iter().filter_map(|path| path.rsplit('/').next()).filter(|name| name.ends_with(".slice"));
        names.extend(slices.map(|name| (name.to_owned(), of_user)));
    }
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|(name, of_user)| {
            if of_user {
                let why = Missing::new(
                    Absence::Skipped,
                    format!("{name} is a unit of a user's own manager, whose files are not collected"),
                );
                return Unit {
                    name,
                    fragment: Fact::Missing(why),
                    drop_ins: Vec::new(),
                    settings: Vec::new(),
                };
            }
            let mut unit = unit(source, &name);
            unit.settings.retain(|setting| KEYS.contains(&setting.key.as_str()));
            unit
        })
        .collect()
}

fn programs(source: &impl Source, processes: &[Process], all_processes: bool) -> Vec<Program> {
    let unreadable = processes.iter().any(|process| process.comm.is_empty() && !process.kernel);
    let runs = |process: &&Process, comm: &str| {
        // One in a container has its own settings to keep.
        process.comm == comm
            && !process.kernel
            && process.cgroup.known().is_none_or(|groups| container::id_of(groups).is_none())
    };
    PROGRAMS
        .iter()
        .map(|&(name, comm)| {
            let pid = processes.iter().find(|process| runs(process, comm)).map(|process| process.pid);
            let pid = match pid {
                Some(pid) => Fact::Known(pid),
                None if unreadable => {
                    Fact::Missing(Missing::new(Absence::Denied, "some processes could not be read"))
                }
                None if !all_processes => {
                    let reason = format!("no process is called {comm}, but not all processes were recorded");
                    Fact::Missing(Missing::not_recorded(reason))
                }
                None => Fact::absent(format!("no process is called {comm}")),
            };
            Program { name: name.to_owned(), started_by: started_by(source, name).into(), pid }
        })
        .collect()
}

/// The link or rule that starts a service at boot. What lies under `/run` is gone by then.
fn started_by(source: &impl Source, name: &str) -> Result<String, Missing> {
    let lasting = UNIT_FOLDERS.iter().filter(|folder| !folder.starts_with("/run/"));
    for folder in lasting {
        match source.list(folder) {
            Ok(names) => {
                for below in
                    names.iter().filter(|name| name.ends_with(".wants") || name.ends_with(".requires"))
                {
                    let link = format!("{folder}/{below}/{name}.service");
                    match source.link(&link) {
                        Ok(_) => return Ok(link),
                        Err(why) if why.missing == Absence::Absent => {}
                        Err(why) => return Err(why),
                    }
                }
            }
            Err(why) if why.missing == Absence::Absent => {}
            Err(why) => return Err(why),
        }
    }
    // A rule of udev may start it once its device is there.
    for folder in persistent::UDEV {
        for file in source.list(folder).unwrap_or_default() {
            let path = format!("{folder}/{file}");
            if source.text(&path).is_ok_and(|text| text.contains(&format!("{name}.service"))) {
                return Ok(path);
            }
        }
    }
    Err(Missing::new(Absence::Absent, format!("nothing starts {name} at boot")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;
    use crate::model::{Cgroup, CgroupLevel, ServerProcess};

    fn server(unit: &str, group: &str) -> InferenceServer {
        let level =
            |path: &str| CgroupLevel { path: path.to_owned(), values: std::collections::BTreeMap::new() };
        let chain = vec![level(group), level(group.rsplit_once('/').unwrap().0)];
        let process = ServerProcess {
            cgroup: Fact::Known(Cgroup { version: 2, chain, namespaced: false }),
            ..ServerProcess::default()
        };
        InferenceServer {
            unit: Fact::Known(unit.to_owned()),
            processes: vec![process],
            ..InferenceServer::default()
        }
    }

    #[test]
    fn units_of_servers_and_the_slices_above_them() {
        let tree = Tree::of(&[
            ("/etc/systemd/system/vllm.service", "[Unit]\nDescription=x\n[Service]\nRestart=no\n"),
            ("/etc/systemd/system/inference.slice", "[Slice]\nAllowedCPUs=0-7\n"),
        ]);
        let servers =
            Fact::Known(vec![server("vllm.service", "/sys/fs/cgroup/inference.slice/vllm.service")]);
        let services = derive(&tree, &servers, &Fact::absent("none"), true).unwrap();
        let units = services.units.require().unwrap();
        let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        assert_eq!(names, ["inference.slice", "vllm.service"]);
        assert_eq!(units[1].settings.len(), 1, "a description is not kept");
        assert!(services.programs.known().is_none());
        let of_user = "/sys/fs/cgroup/user.slice/user@1000.service/app.slice/vllm.service";
        let servers = Fact::Known(vec![server("vllm.service", of_user)]);
        let services = derive(&tree, &servers, &Fact::absent("none"), true).unwrap();
        let units = services.units.require().unwrap();
        let unit = units.iter().find(|unit| unit.name == "vllm.service").unwrap();
        assert_eq!(unit.fragment.require().unwrap_err().missing, Absence::Skipped);
    }

    #[test]
    fn programs_are_started_by_links_and_by_rules() {
        let tree = Tree::of(&[
            (
                "/etc/systemd/system/multi-user.target.wants/tuned.service",
                "-> /usr/lib/systemd/system/tuned.service",
            ),
            ("/run/systemd/system/multi-user.target.wants/irqbalance.service", "-> x"),
            (
                "/usr/lib/udev/rules.d/71-nvidia.rules",
                "RUN+=\"/bin/systemctl start nvidia-persistenced.service\"\n",
            ),
        ]);
        let services = derive(&tree, &Fact::Known(vec![]), &Fact::Known(vec![]), true).unwrap();
        let programs = services.programs.require().unwrap();
        let of = |name: &str| programs.iter().find(|program| program.name == name).unwrap();
        assert!(of("tuned").started_by.known().is_some());
        assert!(
            of("irqbalance").started_by.known().is_none(),
            "what is enabled under /run is gone after a reboot"
        );
        assert_eq!(
            of("nvidia-persistenced").started_by,
            Fact::Known("/usr/lib/udev/rules.d/71-nvidia.rules".to_owned())
        );
        assert_eq!(of("tuned").pid.require().unwrap_err().missing, Absence::Absent);
    }

    #[test]
    fn a_bundle_of_before_has_no_services() {
        struct Nothing;
        impl Source for Nothing {
            fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
                Err(Missing::new(Absence::Skipped, format!("{path} was not collected")))
            }
            fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
                Err(Missing::new(Absence::Skipped, format!("{path} was not collected")))
            }
            fn link(&self, path: &str) -> Result<String, Missing> {
                Err(Missing::new(Absence::Skipped, format!("{path} was not collected")))
            }
        }
        assert_eq!(
            derive(&Nothing, &Fact::Known(vec![]), &Fact::Known(vec![]), true).unwrap_err().missing,
            Absence::Skipped
        );
    }
}
