//! `cpu.tuned-profile`: a performance tuning profile is active and intact.
//!
//! TuneD names the profile in `/etc/tuned/active_profile`; a profile of the node's own counts as what it includes.
//! Running `tuned-adm verify` would start a program, so intactness is judged by the effect that all profiles for
//! performance share: the governor `performance` on every policy. Managers are found among the processes. In the
//! absence of a profile, or with one that saves power, an open finding of governor or turbo makes it a failure, as
//! the catalogue has it.

use plumb_check_sdk::model::Process;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity,
};
use std::borrow::Cow::Borrowed;

use crate::settings::{Settings, setting};

/// See the module.
pub struct CpuTunedProfile;

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.tuned-profile"),
    title: Borrowed("A performance tuning profile is active and intact"),
    category: Category::CpuPerformance,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "One profile covers a dozen settings and survives reboots. Where it is missing, that mostly explains \
         several other findings.",
    ),
    business: Borrowed(
        "There is a one-line, supported way to set the server for performance. It is not in use.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpufreq"),
        Borrowed("/node/container"),
        Borrowed("/node/virtualization"),
        Borrowed("/processes"),
        Borrowed("/settings/power"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`tuned-adm profile accelerator-performance`"),
        persistent: Borrowed("`systemctl enable --now tuned`: the choice of the profile persists"),
        rollback: Borrowed("`tuned-adm profile PROFILE` with the recorded one, or `tuned-adm off`"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`tuned-adm active`; `tuned-adm verify`"),
        expected_effect: Borrowed(
            "There is no published number for language models for the profile as a whole.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal and virtual machines; containers read the host's, if they see it; CPUs of any vendor",
    ),
    caveat: Some(Borrowed(
        "Do not apply `cpu-partitioning` or `realtime` without need: they add `isolcpus` or `nohz_full`, and \
         `cpu-partitioning` also `intel_pstate=disable`.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed("NVIDIA BaseOS 9: Managing and Customizing TuneD Profiles (dgx-*-performance)"),
            url: Borrowed("https://docs.nvidia.com/dgx/baseos-9-user-guide/9.0.0/modifying-tuned.html"),
        },
        Reference {
            title: Borrowed("RHEL 9: Monitoring and managing system status and performance"),
            url: Borrowed(
                "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/9/html/monitoring_and_managing_system_status_and_performance/",
            ),
        },
        Reference {
            title: Borrowed(
                "SUSE: System Analysis and Tuning Guide, Part IV Resource management (NUMA balancing, power)",
            ),
            url: Borrowed(
                "https://documentation.suse.com/sled/15-SP6/html/SLED-all/part-tuning-resources.html",
            ),
        },
    ]),
};

impl Check for CpuTunedProfile {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let settings = evidence.settings("power")?;
        let virtualization: String = evidence.get("/node/virtualization")?;
        let is_virtual = virtualization != "none";
        let active = match setting(&settings, ACTIVE) {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(text.trim()),
            Err(missing) if missing.missing == Absence::Absent => None,
            Err(missing) => return Err(missing),
        };
        if active.is_none()
            && let Ok(container) = evidence.get::<String>("/node/container")
            && container != "none"
        {
            let message =
                format!("collected in a container ({container}), which does not show the host's TuneD");
            return Ok(vec![META.not_run("node", message)]);
        }
        let managers = match evidence.processes() {
            Ok(processes) => Managers::among(processes),
            Err(missing) => {
                return Ok(vec![META.not_run("node", format!("which managers run is unknown: {missing}"))]);
            }
        };
        if let Some(finding) = managers.fight() {
            return Ok(vec![finding]);
        }
        let clocks = Clocks::read(evidence);
        let profile = Profile { settings: &settings, active, runs: managers.tuned.is_some(), is_virtual };
        Ok(profile.judge(&clocks))
    }
}

const ACTIVE: &str = "/etc/tuned/active_profile";

/// Programs that set power behaviour, by the 15 bytes of their name that the kernel keeps.
const OTHERS: [(&str, &str); 4] = [
    ("power-profiles-", "power-profiles-daemon"),
    ("tlp", "tlp"),
    ("auto-cpufreq", "auto-cpufreq"),
    ("laptop_mode", "laptop-mode"),
];

#[derive(Default)]
struct Managers {
    /// Folder of the process.
    tuned: Option<String>,
    others: Vec<(&'static str, String)>,
}

impl Managers {
    fn among(processes: &[Process]) -> Self {
        let mut managers = Self::default();
        for process in processes.iter().filter(|process| !process.kernel) {
            if process.comm == "tuned" {
                managers.tuned.get_or_insert_with(|| process.path.clone());
            }
            let other = OTHERS.iter().find(|(comm, _)| process.comm == *comm);
            managers.others.extend(other.map(|&(_, name)| (name, process.path.clone())));
        }
        managers
    }

    fn fight(&self) -> Option<Finding> {
        let mut named: Vec<(&str, &String)> = self.tuned.iter().map(|path| ("tuned", path)).collect();
        named.extend(self.others.iter().map(|(name, path)| (*name, path)));
        if named.len() < 2 {
            return None;
        }
        let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
        let message = format!("{} run at once, and each undoes what the other sets", names.join(" and "));
        let finding = META.fail("node", message).with_likelihood(Likelihood::Setting);
        Some(named.into_iter().fold(finding, |finding, (name, path)| {
            finding.with_evidence(Citation::new(format!("{path}/stat"), format!("name: {name}")))
        }))
    }
}

/// What governor and turbo are, as the effect of a profile.
enum Clocks {
    /// All policies have the governor `performance` and turbo is not off.
    Fast,
    /// What is not, with what says so.
    Slow(String, Citation),
    /// The node has no frequency scaling to see.
    None,
    Unknown(Missing),
}

impl Clocks {
    fn read(evidence: &Evidence<'_>) -> Self {
        let cpufreq = match evidence.cpufreq() {
            Ok(cpufreq) => cpufreq,
            Err(missing) if missing.missing == Absence::Absent => return Self::None,
            Err(missing) => return Self::Unknown(missing),
        };
        let switches = [
            ("/sys/devices/system/cpu/cpufreq/boost", &cpufreq.boost, "0"),
            ("/sys/devices/system/cpu/intel_pstate/no_turbo", &cpufreq.intel_no_turbo, "1"),
        ];
        for (path, fact, off) in switches {
            match fact {
                Fact::Known(text) if text.trim() == off => {
                    return Self::Slow("turbo is off".to_owned(), Citation::new(path, text.trim()));
                }
                Fact::Missing(missing) if missing.missing != Absence::Absent => {
                    return Self::Unknown(missing.clone());
                }
                _ => {}
            }
        }
        let mut unknown = None;
        for policy in &cpufreq.policies {
            match &policy.scaling_governor {
                Fact::Known(governor) if governor.trim() == "performance" => {}
                Fact::Known(governor) => {
                    let governor = governor.trim();
                    let path = format!("{}/scaling_governor", policy.path);
                    return Self::Slow(
                        format!("the governor is `{governor}`"),
                        Citation::new(path, governor),
                    );
                }
                Fact::Missing(missing) => drop(unknown.get_or_insert_with(|| missing.clone())),
            }
        }
        match unknown {
            Some(missing) => Self::Unknown(missing),
            None if cpufreq.policies.is_empty() => Self::None,
            None => Self::Fast,
        }
    }
}

struct Profile<'a> {
    settings: &'a Settings,
    /// As TuneD names it; several profiles are separated by blanks.
    active: Option<&'a str>,
    runs: bool,
    is_virtual: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Performance,
    Guest,
    Saving,
    Unknown,
}

impl Profile<'_> {
    fn judge(&self, clocks: &Clocks) -> Vec<Finding> {
        let Some(active) = self.active else {
            return self.without(clocks, "no TuneD profile is active", &Citation::new(ACTIVE, "none"));
        };
        let of_profile = Citation::new(ACTIVE, active);
        let told = format!("TuneD's profile is `{active}`");
        match self.aim() {
            Aim::Saving => self.without(clocks, &format!("{told}, which saves power"), &of_profile),
            Aim::Unknown => vec![
                META.warn(
                    "node",
                    format!("{told}, of which it is not known what it aims at: have it documented"),
                )
                .with_likelihood(Likelihood::Setting)
                .with_confidence(Confidence::Medium)
                .with_evidence(of_profile),
            ],
            Aim::Guest if !self.is_virtual => {
                let message = format!("{told}, which is made for virtual machines");
                vec![
                    META.warn("node", message).with_likelihood(Likelihood::Setting).with_evidence(of_profile),
                ]
            }
            Aim::Performance | Aim::Guest => vec![self.intact(clocks, &told).with_evidence(of_profile)],
        }
    }

    fn intact(&self, clocks: &Clocks, told: &str) -> Finding {
        match clocks {
            _ if !self.runs => META
                .warn("node", format!("{told}, but no process `tuned` runs to keep it"))
                .with_likelihood(Likelihood::Setting),
            Clocks::Slow(what, citation) => META
                .warn("node", format!("{told}, but it is not intact: {what}"))
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(citation.clone()),
            Clocks::Unknown(missing) => {
                META.not_run("node", format!("{told}; whether it is intact is unknown: {missing}"))
            }
            Clocks::Fast => META.pass("node", format!("{told}, and governor and turbo are as it sets them")),
            Clocks::None if self.is_virtual => {
                META.pass("node", format!("{told}; the hypervisor keeps governor and turbo"))
            }
            Clocks::None => {
                META.not_run("node", format!("{told}; there is no frequency scaling to see its effect by"))
            }
        }
    }

    /// No profile that aims at performance.
    fn without(&self, clocks: &Clocks, told: &str, citation: &Citation) -> Vec<Finding> {
        let warn = |message: String| {
            META.warn("node", message).with_likelihood(Likelihood::Setting).with_evidence(citation.clone())
        };
        match clocks {
            Clocks::Slow(what, seen) => vec![
                META.fail("node", format!("{told}, and {what}"))
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(citation.clone())
                    .with_evidence(seen.clone()),
            ],
            Clocks::Fast => {
                vec![warn(format!("{told}; governor and turbo are set for performance in another way"))]
            }
            Clocks::None => vec![warn(told.to_owned())],
            Clocks::Unknown(missing) => vec![
                warn(told.to_owned()),
                META.not_run(
                    "governor and turbo",
                    format!("whether they are set in another way is unknown: {missing}"),
                ),
            ],
        }
    }

    /// The worst aim of the profiles that are active together decides, but one for performance outweighs unknown ones.
    fn aim(&self) -> Aim {
        let aims: Vec<Aim> =
            self.active.unwrap_or_default().split_whitespace().map(|name| self.aim_of(name, 0)).collect();
        let order = [Aim::Saving, Aim::Performance, Aim::Guest];
        order.into_iter().find(|aim| aims.contains(aim)).unwrap_or(Aim::Unknown)
    }

    fn aim_of(&self, name: &str, depth: u8) -> Aim {
        // TuneD's own folder `profiles` is no profile; including goes on for a few levels at most.
        match aim_of_vendor(name) {
            Aim::Unknown if depth < 8 => self
                .includes(name)
                .iter()
                .map(|included| self.aim_of(included, depth + 1))
                .find(|&aim| aim != Aim::Unknown)
                .unwrap_or(Aim::Unknown),
            aim => aim,
        }
    }

    /// Names after `include=` in a profile of the node's own.
    fn includes(&self, name: &str) -> Vec<String> {
        let paths =
            [format!("/etc/tuned/{name}/tuned.conf"), format!("/etc/tuned/profiles/{name}/tuned.conf")];
        let text = paths.iter().find_map(|path| setting(self.settings, path).ok()).unwrap_or_default();
        let value =
            text.lines().find_map(|line| line.trim().strip_prefix("include")?.trim().strip_prefix('='));
        let names =
            value.unwrap_or_default().split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }
}

/// Profiles that TuneD, NVIDIA and the distributions ship, by name.
fn aim_of_vendor(name: &str) -> Aim {
    let is_vendors = name.starts_with("dgx-") || name.starts_with("nvidia-");
    match name {
        "accelerator-performance"
        | "throughput-performance"
        | "latency-performance"
        | "network-latency"
        | "network-throughput"
        | "hpc-compute"
        | "realtime"
        | "cpu-partitioning"
        | "virtual-host"
        | "intel-sst" => Aim::Performance,
        _ if is_vendors && name.ends_with("-performance") => Aim::Performance,
        "virtual-guest" => Aim::Guest,
        "balanced" | "powersave" | "desktop" | "balanced-battery" | "spindown-disk" => Aim::Saving,
        _ if name.ends_with("-powersave") => Aim::Saving,
        _ => Aim::Unknown,
    }
}
