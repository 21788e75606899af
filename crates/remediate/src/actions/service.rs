//! What a server is started with: its options, limits, rights and quotas, by whatever starts it.

use std::collections::BTreeMap;

use plumb_check_sdk::{Arg, KubeletSetting, Object, ObjectKind, ServiceSetting};
use plumb_engine::action::Interrupts;
use plumb_evidence::model::{Container, InferenceServer};

use super::{Draft, Resolver, elsewhere, of_processes};
use crate::plan::Home;
use crate::quote::{is_plain, shell};

impl Resolver<'_> {
    /// An action on a server, with the words of `key`.
    pub(super) fn on_server(&self, pid: u32, key: &str, args: Vec<(&'static str, Arg)>) -> Draft {
        let mut draft = Draft {
            object: Some(self.server_object(pid)),
            key: key.to_owned(),
            args,
            by_hand: true,
            ..Draft::default()
        };
        draft.args.push(("server", Arg::from(pid)));
        draft
    }

    /// The container of a server and the tool of its engine, where both are known.
    fn engine(&self, pid: u32) -> Option<(&'static str, String, &Container)> {
        let (server, own) = self.server(pid)?;
        let Home::Container(name) = &server.home else { return None };
        let container = self.container(own)?;
        Some((container.engine()?, Some(name.clone()).filter(|name| !name.is_empty())?, container))
    }

    pub(super) fn with_option(&self, pid: u32, option: &str, want: Option<&str>) -> Draft {
        let whole = want.map_or_else(|| option.to_owned(), |want| format!("{option} {want}"));
        self.on_server(pid, "do-with-option", vec![("option", Arg::text(whole))])
    }

    /// A setting of whatever starts the server.
    pub(super) fn service(&self, pid: u32, setting: ServiceSetting, want: &str, was: Option<&str>) -> Draft {
        let key = unit_key(setting);
        let mut draft = self.setting(pid, key);
        draft.key = "do-service".to_owned();
        draft.args = vec![
            ("setting", Arg::text(key)),
            ("want", Arg::text(want)),
            ("was", Arg::text(was.unwrap_or("none"))),
            ("server", Arg::from(pid)),
        ];
        let Some((server, own)) = self.server(pid) else { return draft };
        if !matches!(server.home, Home::Unit(_)) {
            draft.key = "do-service-elsewhere".to_owned();
        }
        // Nothing restarts what nobody supervises, whatever is set.
        let needs_unit = matches!(
            setting,
            ServiceSetting::Restart
                | ServiceSetting::RestartDelay
                | ServiceSetting::StartTimeout
                | ServiceSetting::HealthCheck
        );
        if matches!(server.home, Home::Nothing(_)) && needs_unit {
            draft.key = "do-service-unit".to_owned();
        }
        let pids: Vec<u32> = own.processes.iter().map(|process| process.pid).collect();
        match &server.home {
            Home::Unit(unit) if is_live(setting) => {
                // The file that this writes, and no other: `systemctl revert` takes back what others have set as well.
                let written = format!("/etc/systemd/system.control/{unit}.d/50-{key}.conf");
                let unit = shell(unit);
                draft.now = vec![format!("systemctl set-property {unit} {key}={}", shell(want))];
                draft.permanent.clear();
                draft.also = Some(("also-lasts", Vec::new()));
                draft.undo = vec![format!("rm -f {}", shell(&written)), "systemctl daemon-reload".to_owned()];
                draft.verify = vec![format!("systemctl show {unit} -p {key}")];
                draft.interrupts = Some(Interrupts::Nothing);
                draft.by_hand = false;
                return draft;
            }
            _ => match setting {
                ServiceSetting::OpenFiles if is_number(want) => {
                    draft.now =
                        of_processes(&pids, |pid| format!("prlimit --pid {pid} --nofile={want}:{want}"))
                            .into_iter()
                            .collect();
                    draft.undo.extend(former_limits(own, "Max open files", "nofile"));
                    draft.verify.extend(of_processes(&pids, |pid| format!("prlimit --pid {pid} --nofile")));
                }
                ServiceSetting::LockedMemory => {
                    let want = if want == "infinity" { "unlimited" } else { want };
                    draft.now = of_processes(&pids, |pid| format!("prlimit --pid {pid} --memlock={want}"))
                        .into_iter()
                        .collect();
                    draft.undo.extend(former_limits(own, "Max locked memory", "memlock"));
                    draft.verify.extend(of_processes(&pids, |pid| format!("prlimit --pid {pid} --memlock")));
                }
                ServiceSetting::OomScore => {
                    draft.now =
                        of_processes(&pids, |pid| format!("choom -p {pid} -n {want}")).into_iter().collect();
                    let was = was.filter(|was| was.parse::<i32>().is_ok());
                    let back =
                        was.and_then(|was| of_processes(&pids, |pid| format!("choom -p {pid} -n {was}")));
                    draft.undo.extend(back);
                    draft.verify.extend(of_processes(&pids, |pid| format!("choom -p {pid}")));
                }
                _ => {}
            },
        }
        // Processes that run have it at once; what starts them gives it to the next ones.
        if !draft.now.is_empty() {
            draft.interrupts = Some(Interrupts::Nothing);
            draft.permanent.retain(|command| !command.starts_with("systemctl restart"));
            draft.undo.retain(|command| !command.starts_with("systemctl restart"));
            if draft.permanent.is_empty() {
                draft.also = Some(("also-until-restart", vec![("server", Arg::from(pid))]));
            }
        }
        if let Some((engine, name, _)) = self.engine(pid) {
            match (engine_option(setting, want), setting) {
                (Some(option), ServiceSetting::Restart) => {
                    draft.permanent = vec![format!("{engine} update {} {}", shell(&option), shell(&name))];
                }
                (Some(option), _) => {
                    draft.also = Some((
                        "also-container-option",
                        vec![("name", Arg::text(name)), ("option", Arg::text(option))],
                    ));
                }
                (None, _) => {}
            }
        }
        draft.by_hand = draft.permanent.is_empty();
        draft
    }

    /// No quota of CPU time, or a wider one.
    pub(super) fn cpu_quota(&self, pid: u32, group: &str, want: Option<u32>, was: &str) -> Draft {
        let mut draft = self.setting(pid, "CPUQuota");
        draft.key = if want.is_some() { "do-cpu-quota-wider" } else { "do-cpu-quota" }.to_owned();
        let granted = quota_cpus(was);
        draft.args = vec![
            ("server", Arg::from(pid)),
            ("want", want.map_or_else(|| Arg::text(""), Arg::from)),
            (
                "was",
                granted.map_or_else(
                    || Arg::text(was),
                    |cpus| Arg::quantity(cpus, "CPUs", u8::from(cpus.fract() > 0.05)),
                ),
            ),
        ];
        let percent = |cpus: f64| format!("{}%", (cpus * 100.0).round());
        let Some((server, _)) = self.server(pid) else { return draft };
        match &server.home {
            Home::Unit(unit) => {
                let unit = shell(unit);
                let value = want.map(|cpus| percent(f64::from(cpus))).unwrap_or_default();
                draft.now = vec![format!("systemctl set-property {unit} CPUQuota={value}")];
                draft.permanent.clear();
                draft.also = Some(("also-lasts", Vec::new()));
                if let Some(cpus) = granted {
                    draft.undo = vec![format!("systemctl set-property {unit} CPUQuota={}", percent(cpus))];
                }
            }
            Home::Pod => {
                draft.also = Some(("also-pod-limit", Vec::new()));
            }
            Home::Container(_) => {
                let all = self.evidence.cpu.known().map(|cpu| cpu.pus);
                if let (Some((engine, name, _)), Some(cpus)) = (self.engine(pid), want.or(all)) {
                    let name = shell(&name);
                    draft.now = vec![format!("{engine} update --cpus={cpus} {name}")];
                    if let Some(cpus) = granted {
                        draft.undo = vec![format!("{engine} update --cpus={cpus} {name}")];
                    }
                    if want.is_none() {
                        draft.also = Some(("also-container-quota", vec![("name", Arg::text(name))]));
                    }
                }
            }
            Home::Nothing(_) | Home::Unknown(_) => {
                if let Some(file) = self.quota_file(group) {
                    let value =
                        match (want, was.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()))
                        {
                            (Some(cpus), Some(period)) => format!("{} {period}", u64::from(cpus) * period),
                            _ => "max".to_owned(),
                        };
                    draft.now = vec![format!("echo {} > {file}", shell(&value))];
                    draft.undo = vec![format!("echo {} > {file}", shell(was))];
                    draft.verify = vec![format!("cat {file}")];
                    draft.also = Some(("also-until-reboot", vec![("server", Arg::from(pid))]));
                }
            }
        }
        draft.by_hand = draft.now.is_empty() && draft.permanent.is_empty();
        draft
    }

    /// `cpu.max` of a control group, where it is one of version 2.
    fn quota_file(&self, group: &str) -> Option<String> {
        let path = if group.starts_with("/sys/fs/cgroup") {
            group.to_owned()
        } else {
            format!("/sys/fs/cgroup{group}")
        };
        let is_v2 = self
            .evidence
            .servers
            .known()?
            .iter()
            .flat_map(|server| &server.processes)
            .any(|process| process.cgroup.known().is_some_and(|cgroup| cgroup.version == 2));
        (is_v2 && is_plain(&path)).then(|| format!("{}/cpu.max", path.trim_end_matches('/')))
    }

    pub(super) fn capability(&self, pid: u32, name: &str) -> Draft {
        let mut draft = self.on_server(pid, "do-capability", vec![("name", Arg::text(name))]);
        match self.server(pid).map(|(server, _)| &server.home) {
            Some(Home::Pod) => draft.also = Some(("also-pod-capability", vec![("name", Arg::text(name))])),
            _ => {
                if let Some((_, container, _)) = self.engine(pid) {
                    let option = format!("--cap-add {name}");
                    draft.also = Some((
                        "also-container-option",
                        vec![("name", Arg::text(container)), ("option", Arg::text(option))],
                    ));
                }
            }
        }
        draft
    }

    pub(super) fn shared_memory(&self, pid: u32, want_bytes: u64, was_bytes: u64) -> Draft {
        let size = |bytes: u64| Arg::quantity(super::precise(bytes >> 20), "MiB", 0);
        let mut draft = self.on_server(
            pid,
            "do-shared-memory",
            vec![("want", size(want_bytes)), ("was", size(was_bytes))],
        );
        let mib = want_bytes >> 20;
        match self.server(pid).map(|(server, _)| &server.home) {
            Some(Home::Pod) => draft.also = Some(("also-pod-shm", vec![("want", size(want_bytes))])),
            Some(Home::Container(name)) => {
                draft.also = Some((
                    "also-container-option",
                    vec![
                        ("name", Arg::text(name.clone())),
                        ("option", Arg::text(format!("--shm-size={mib}m"))),
                    ],
                ));
            }
            Some(Home::Unit(_) | Home::Nothing(_)) => {
                draft.now = vec![format!("mount -o remount,size={mib}M /dev/shm")];
                draft.undo = vec![format!("mount -o remount,size={}M /dev/shm", was_bytes >> 20)];
                draft.verify = vec!["df -h /dev/shm".to_owned()];
                draft.by_hand = false;
            }
            _ => {}
        }
        draft
    }

    pub(super) fn container_devices(&self, pid: u32) -> Draft {
        let mut draft = self.on_server(pid, "do-container-devices", Vec::new());
        if self.is_nvidia() {
            draft.now = vec!["nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml".to_owned()];
            draft.undo = vec!["rm /etc/cdi/nvidia.yaml".to_owned()];
            draft.verify = vec!["nvidia-ctk cdi list".to_owned()];
        }
        draft
    }

    pub(super) fn restart(&self, pid: u32) -> Draft {
        let mut draft = self.on_server(pid, "do-restart", Vec::new());
        if let Some((server, _)) = self.server(pid)
            && let Home::Unit(unit) = &server.home
        {
            draft.now = vec![format!("systemctl restart {}", shell(unit))];
            draft.verify = vec![format!("systemctl is-active {}", shell(unit))];
            draft.by_hand = false;
        } else if let Some((engine, name, _)) = self.engine(pid) {
            draft.now = vec![format!("{engine} restart {}", shell(&name))];
            draft.by_hand = false;
        }
        draft
    }

    pub(super) fn kubelet(&self, setting: KubeletSetting, want: &str, was: Option<&str>) -> Draft {
        let file = self.plan.kubelet.is_some() && self.plan.partition.is_some();
        Draft {
            object: Some(Object::setting("kubelet")),
            key: if want.is_empty() { "do-kubelet" } else { "do-kubelet-value" }.to_owned(),
            args: vec![
                ("setting", Arg::text(kubelet_key(setting))),
                ("want", Arg::text(want)),
                ("was", Arg::text(was.unwrap_or("none"))),
            ],
            files: if file { vec!["kubernetes/kubelet.yaml".to_owned()] } else { Vec::new() },
            verify: vec![
                "cat /var/lib/kubelet/cpu_manager_state /var/lib/kubelet/memory_manager_state".to_owned(),
            ],
            ..elsewhere("do-kubelet")
        }
    }

    /// The normal scheduling policy for a process.
    pub(super) fn normal_policy(&self, process: u32, was: &str, priority: u32) -> Draft {
        let server = self.plan.servers.iter().find(|server| {
            let own = self.server(server.pid);
            own.is_some_and(|(_, own)| own.processes.iter().any(|own| own.pid == process))
        });
        let mut draft =
            server.map_or_else(Draft::default, |server| self.setting(server.pid, "CPUSchedulingPolicy"));
        draft.object = Some(Object::new(ObjectKind::Process, process.to_string()));
        draft.key = "do-normal-policy".to_owned();
        draft.args =
            vec![("process", Arg::from(process)), ("was", Arg::text(was)), ("priority", Arg::from(priority))];
        draft.now = vec![format!("chrt -o -a -p 0 {process}")];
        let option = if was == "rr" { "-r" } else { "-f" };
        draft.undo.insert(0, format!("chrt {option} -a -p {priority} {process}"));
        draft.verify.insert(0, format!("ps -L -o tid,cls,rtprio,comm -p {process}"));
        draft.by_hand = false;
        draft
    }
}

/// Commands that give processes the limits back that they had, soft and hard.
fn former_limits(own: &InferenceServer, name: &str, option: &str) -> Vec<String> {
    let mut by_limit: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let text = |value: Option<u64>| value.map_or_else(|| "unlimited".to_owned(), |value| value.to_string());
    for process in &own.processes {
        if let Some(limit) = process.limits.known().and_then(|limits| limits.get(name)) {
            let both = format!("{}:{}", text(limit.soft), text(limit.hard));
            by_limit.entry(both).or_default().push(process.pid);
        }
    }
    by_limit
        .iter()
        .filter_map(|(both, pids)| of_processes(pids, |pid| format!("prlimit --pid {pid} --{option}={both}")))
        .collect()
}

/// How a unit of systemd names a setting.
pub(crate) fn unit_key(setting: ServiceSetting) -> &'static str {
    match setting {
        ServiceSetting::CpuWeight => "CPUWeight",
        ServiceSetting::IoWeight => "IOWeight",
        ServiceSetting::Nice => "Nice",
        ServiceSetting::OomScore => "OOMScoreAdjust",
        ServiceSetting::Restart => "Restart",
        ServiceSetting::RestartDelay => "RestartSec",
        ServiceSetting::StartTimeout => "TimeoutStartSec",
        ServiceSetting::HealthCheck => "ExecStartPost",
        ServiceSetting::OpenFiles => "LimitNOFILE",
        ServiceSetting::LockedMemory => "LimitMEMLOCK",
        ServiceSetting::Tasks => "TasksMax",
        ServiceSetting::MemoryLimit => "MemoryMax",
        ServiceSetting::MemoryThrottle => "MemoryHigh",
        ServiceSetting::SwapLimit => "MemorySwapMax",
        ServiceSetting::SchedulingPolicy => "CPUSchedulingPolicy",
    }
}

/// Settings that a running unit takes: those of its control group.
fn is_live(setting: ServiceSetting) -> bool {
    matches!(
        setting,
        ServiceSetting::CpuWeight
            | ServiceSetting::IoWeight
            | ServiceSetting::Tasks
            | ServiceSetting::MemoryLimit
            | ServiceSetting::MemoryThrottle
            | ServiceSetting::SwapLimit
    )
}

/// The option of `docker run` and `podman run` for a setting; `None` where there is none.
fn engine_option(setting: ServiceSetting, want: &str) -> Option<String> {
    let unlimited = if want == "infinity" { "-1" } else { want };
    Some(match setting {
        ServiceSetting::OpenFiles => format!("--ulimit nofile={want}:{want}"),
        ServiceSetting::LockedMemory => format!("--ulimit memlock={unlimited}:{unlimited}"),
        ServiceSetting::Tasks => format!("--pids-limit={unlimited}"),
        ServiceSetting::OomScore => format!("--oom-score-adj={want}"),
        ServiceSetting::Restart => "--restart=unless-stopped".to_owned(),
        ServiceSetting::MemoryLimit if is_number(want) => format!("--memory={want}"),
        _ => return None,
    })
}

fn kubelet_key(setting: KubeletSetting) -> &'static str {
    match setting {
        KubeletSetting::CpuManagerPolicy => "cpuManagerPolicy",
        KubeletSetting::FullPcpusOnly => "full-pcpus-only",
        KubeletSetting::ReservedSystemCpus => "reservedSystemCPUs",
        KubeletSetting::TopologyManagerPolicy => "topologyManagerPolicy",
        KubeletSetting::TopologyManagerScope => "topologyManagerScope",
        KubeletSetting::MemoryManagerPolicy => "memoryManagerPolicy",
        KubeletSetting::ReservedMemory => "reservedMemory",
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// CPUs that a quota and a period in µs grant.
fn quota_cpus(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace().map(|word| word.parse::<f64>().ok());
    let (quota, period) = (words.next()??, words.next()??);
    (period > 0.0 && quota > 0.0).then(|| quota / period)
}
