//! `cpu.tuned-profile`: a performance tuning profile is active and intact.
//!
//! TuneD names the profile in `/etc/tuned/active_profile`; a profile of the node's own counts as what it includes.
//! Running `tuned-adm verify` would start a program, so intactness is judged by the effect that all profiles for
//! performance share: the governor `performance` on every policy. Managers are found among the processes. In the
//! absence of a profile, or with one that saves power, an open finding of governor or turbo makes it a failure, as
//! the catalogue has it.
//!
//! Another profile is asked for only where TuneD is there: where it is not, governor and turbo have findings of their own. A
//! profile that is active but overridden is not asked for again: what was changed is.

use std::collections::BTreeMap;

use plumb_check_sdk::model::{CpuFreq, Process};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Fact, Finding, Intent, Likelihood, Missing,
    NoVerdict, Object, Said, if_any,
};

use crate::pages::cpu_tuned_profile::{PAGE, words};
use crate::settings::{Settings, setting};
use crate::turbo::Turbo;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let managers = evidence.processes().map(Managers::among);
    if let Some(finding) = managers.as_ref().ok().and_then(Managers::fight) {
        return Ok(vec![finding]);
    }
    let settings = evidence.settings("power")?;
    let virtualization: String = evidence.get("/node/virtualization")?;
    let is_virtual = virtualization != "none";
    let unknown = |why: Missing| words::UnknownProfile { reason: why.into() };
    let active = if_any(setting(&settings, ACTIVE)).map_err(unknown)?.map(str::trim);
    let active = active.filter(|text| !text.is_empty());
    if active.is_none()
        && let Ok(container) = evidence.get::<String>("/node/container")
        && container != "none"
    {
        return Err(words::Container { container: container.into() }.into());
    }
    let unknown = |why: Missing| words::UnknownManagers { reason: why.into() };
    let managers = managers.map_err(unknown)?;
    let clocks = Clocks::read(evidence);
    let profile = Profile { settings: &settings, active, runs: managers.tuned.is_some(), is_virtual };
    Ok(profile.judge(&clocks))
}

const ACTIVE: &str = "/etc/tuned/active_profile";

/// Programs that set power behaviour, by the 15 bytes of their name that the kernel keeps.
const OTHERS: [(&str, &str); 4] = [
    ("power-profiles-", "power-profiles-daemon"),
    ("tlp", "tlp"),
    ("auto-cpufreq", "auto-cpufreq"),
    ("laptop_mode", "laptop-mode"),
];

/// A program that sets power behaviour.
struct Manager {
    name: &'static str,
    /// Folder of its process.
    path: String,
    /// The unit of systemd that it runs in.
    unit: Option<String>,
}

#[derive(Default)]
struct Managers {
    tuned: Option<Manager>,
    others: Vec<Manager>,
}

impl Managers {
    fn among(processes: &[Process]) -> Self {
        let mut managers = Self::default();
        for process in processes.iter().filter(|process| !process.kernel) {
            let manager = |name| Manager { name, path: process.path.clone(), unit: unit_of(process) };
            if process.comm == "tuned" {
                managers.tuned.get_or_insert_with(|| manager("tuned"));
            }
            let other = OTHERS.iter().find(|(comm, _)| process.comm == *comm);
            managers.others.extend(other.map(|&(_, name)| manager(name)));
        }
        managers
    }

    fn fight(&self) -> Option<Finding> {
        let named: Vec<&Manager> = self.tuned.iter().chain(&self.others).collect();
        if named.len() < 2 {
            return None;
        }
        let names: Vec<&str> = named.iter().map(|manager| manager.name).collect();
        let said = words::Fight { count: Arg::count(named.len()), names: names.join(", ").into() };
        // Which of them is to stay is clear only where TuneD is among them.
        let others = self.others.iter().filter(|_| self.tuned.is_some());
        let stopped = others.filter_map(|other| other.unit.clone());
        let finding = PAGE
            .fail(Object::node(), said)
            .with_likelihood(Likelihood::Setting)
            .with_intents(stopped.map(|name| Intent::Unit { name, runs: false }));
        Some(finding.with_citations(named.into_iter().map(|Manager { name, path, .. }| {
            Citation::new(format!("{path}/stat"), format!("name: {name}"))
        })))
    }
}

/// The service that a process belongs to, by its control group.
fn unit_of(process: &Process) -> Option<String> {
    let groups = process.cgroup.known()?;
    groups.split(['/', '\n']).rfind(|part| part.ends_with(".service")).map(str::to_owned)
}

/// What governor and turbo are, as the effect of a profile.
enum Clocks {
    /// All policies have the governor `performance` and turbo is not off.
    Fast,
    /// One of the two is not.
    Slow(Slow),
    /// The node has no frequency scaling to see.
    None,
    Unknown(Missing),
}

/// What keeps the clock down.
struct Slow {
    /// `turbo` or `governor`, by which sentences choose.
    what: &'static str,
    /// The first governor that is not `performance`; empty where turbo is off.
    governor: String,
    seen: Citation,
    /// What would set it again.
    mended_by: Vec<Intent>,
}

impl Clocks {
    fn read(evidence: &Evidence<'_>) -> Self {
        let cpufreq = match evidence.cpufreq() {
            Ok(cpufreq) => cpufreq,
            Err(missing) if missing.is_absent() => return Self::None,
            Err(missing) => return Self::Unknown(missing),
        };
        match (Turbo::read(cpufreq), Self::by_governor(cpufreq)) {
            (Turbo::Off(switch), _) => {
                let (governor, seen) = (String::new(), switch.seen_off());
                Self::Slow(Slow { what: "turbo", governor, seen, mended_by: vec![switch.turned_on()] })
            }
            (_, slow @ Self::Slow(_)) => slow,
            (Turbo::Unknown(missing), _) => Self::Unknown(missing),
            (Turbo::On(_) | Turbo::NoSwitch, clocks) => clocks,
        }
    }

    fn by_governor(cpufreq: &CpuFreq) -> Self {
        let mut unknown = None;
        let mut seen = None;
        let mut slow: BTreeMap<&str, CpuSet> = BTreeMap::new();
        for policy in &cpufreq.policies {
            match policy.scaling_governor.as_ref().map(|governor| governor.trim()) {
                Fact::Known("performance") => {}
                Fact::Known("") => {
                    let reason = format!("{}/scaling_governor is empty", policy.path);
                    unknown.get_or_insert_with(|| Missing::new(Absence::Malformed, reason));
                }
                Fact::Known(governor) => {
                    let path = format!("{}/scaling_governor", policy.path);
                    seen.get_or_insert_with(|| Citation::new(path, governor));
                    let cpus = slow.entry(governor).or_default();
                    *cpus = cpus.union(&policy.cpus);
                }
                Fact::Missing(missing) => drop(unknown.get_or_insert(missing)),
            }
        }
        if let Some(seen) = seen {
            let governor = seen.value.clone();
            let mended_by = slow.into_iter().map(|(was, cpus)| Intent::Governor {
                cpus,
                want: "performance".into(),
                was: was.into(),
            });
            return Self::Slow(Slow { what: "governor", governor, seen, mended_by: mended_by.collect() });
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
        let Some(active) = self.active else { return self.inactive(clocks) };
        let of_profile = Citation::new(ACTIVE, active);
        let profile = || Arg::from(active);
        let warn = |said: Said| {
            PAGE.warn(Object::node(), said)
                .with_likelihood(Likelihood::Setting)
                .with_evidence(of_profile.clone())
        };
        match self.aim() {
            Aim::Saving => self.saving(active, clocks, &of_profile),
            // What it is for its makers know, and may have good reasons: no other profile is asked for.
            Aim::Unknown => vec![
                warn(words::UnknownAim { profile: profile() }.into()).with_confidence(Confidence::Medium),
            ],
            Aim::Guest if !self.is_virtual => {
                vec![warn(words::Guest { profile: profile() }.into()).with_intents(self.other_profile())]
            }
            Aim::Performance | Aim::Guest => vec![self.intact(active, clocks).with_evidence(of_profile)],
        }
    }

    fn intact(&self, active: &str, clocks: &Clocks) -> Finding {
        let node = Object::node();
        let profile = Arg::from(active);
        match clocks {
            _ if !self.runs => PAGE
                .warn(node, words::NotRunning { profile })
                .with_likelihood(Likelihood::Setting)
                .with_intent(Intent::TunedProfile { want: active.into(), was: active.into() }),
            Clocks::Slow(slow) => {
                let (governor, seen) = (Arg::from(&slow.governor), slow.seen.clone());
                PAGE.warn(node, words::Overridden { profile, slow: slow.what.into(), governor })
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(seen)
                    .with_intents(slow.mended_by.clone())
            }
            Clocks::Unknown(missing) => {
                PAGE.not_run(node, words::UnknownEffect { profile, reason: Arg::from(missing) })
            }
            Clocks::Fast => PAGE.pass(node, words::InForce { profile }),
            Clocks::None if self.is_virtual => PAGE.pass(node, words::GuestInForce { profile }),
            Clocks::None => PAGE.not_run(node, words::UnseenEffect { profile }),
        }
    }

    /// No profile is active.
    fn inactive(&self, clocks: &Clocks) -> Vec<Finding> {
        let citation = Citation::new(ACTIVE, "none");
        self.without(clocks, &citation, |slow| match slow {
            Some(slow) => {
                words::InactiveSlow { slow: slow.what.into(), governor: Arg::from(&slow.governor) }.into()
            }
            None if matches!(clocks, Clocks::Fast) => words::InactiveFast {}.into(),
            None => words::Inactive {}.into(),
        })
    }

    /// A profile that saves power is active.
    fn saving(&self, active: &str, clocks: &Clocks, citation: &Citation) -> Vec<Finding> {
        let profile = || Arg::from(active);
        self.without(clocks, citation, |slow| match slow {
            Some(slow) => words::SavingSlow {
                profile: profile(),
                slow: slow.what.into(),
                governor: Arg::from(&slow.governor),
            }
            .into(),
            None if matches!(clocks, Clocks::Fast) => words::SavingFast { profile: profile() }.into(),
            None => words::Saving { profile: profile() }.into(),
        })
    }

    /// No profile that aims at performance.
    fn without(
        &self,
        clocks: &Clocks,
        citation: &Citation,
        said: impl Fn(Option<&Slow>) -> Said,
    ) -> Vec<Finding> {
        let node = Object::node();
        let told = |finding: Finding| {
            finding
                .with_likelihood(Likelihood::Setting)
                .with_evidence(citation.clone())
                .with_intents(self.other_profile())
        };
        match clocks {
            Clocks::Slow(slow) => {
                vec![told(PAGE.fail(node, said(Some(slow)))).with_evidence(slow.seen.clone())]
            }
            Clocks::Fast | Clocks::None => vec![told(PAGE.warn(node, said(None)))],
            Clocks::Unknown(missing) => vec![
                told(PAGE.warn(node, said(None))),
                PAGE.not_run(
                    Object::setting("governor and turbo"),
                    words::UnknownClocks { reason: Arg::from(missing) },
                ),
            ],
        }
    }

    /// A profile for performance instead of what there is, where TuneD is there to use it.
    fn other_profile(&self) -> Option<Intent> {
        let has_files = || {
            let mut of_tuned = self.settings.iter().filter(|(path, _)| path.starts_with("/etc/tuned/"));
            of_tuned.any(|(_, text)| text.known().is_some())
        };
        (self.runs || has_files()).then(|| Intent::TunedProfile {
            want: self.own_for_performance().unwrap_or("accelerator-performance").to_owned(),
            was: self.active.unwrap_or_default().to_owned(),
        })
    }

    /// A profile of the node's own that aims at performance. Those that set CPUs aside are for whoever made them to choose.
    fn own_for_performance(&self) -> Option<&str> {
        let own = self.settings.keys().filter_map(|path| {
            let name = path.strip_prefix("/etc/tuned/")?.strip_suffix("/tuned.conf")?;
            Some(name.strip_prefix("profiles/").unwrap_or(name))
        });
        let mut fit = own.filter(|name| {
            let base = self.base_of(name, 0);
            base.is_some_and(|base| {
                aim_of_vendor(&base) == Aim::Performance && !matches!(&*base, "cpu-partitioning" | "realtime")
            })
        });
        fit.next()
    }

    /// The worst aim of the profiles that are active together decides, but one for performance outweighs unknown ones.
    fn aim(&self) -> Aim {
        let aims: Vec<Aim> =
            self.active.unwrap_or_default().split_whitespace().map(|name| self.aim_of(name)).collect();
        let order = [Aim::Saving, Aim::Performance, Aim::Guest];
        order.into_iter().find(|aim| aims.contains(aim)).unwrap_or(Aim::Unknown)
    }

    fn aim_of(&self, name: &str) -> Aim {
        self.base_of(name, 0).map_or(Aim::Unknown, |base| aim_of_vendor(&base))
    }

    /// The profile that is known which this one is, or includes.
    fn base_of(&self, name: &str, depth: u8) -> Option<String> {
        if aim_of_vendor(name) != Aim::Unknown {
            return Some(name.to_owned());
        }
        // Including goes on for a few levels at most.
        let included = if depth < 8 { self.includes(name) } else { Vec::new() };
        included.iter().find_map(|included| self.base_of(included, depth + 1))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(files: &[(&str, &str)], active: Option<&str>, runs: bool) -> Option<Intent> {
        let known = |(path, text): &(&str, &str)| ((*path).to_owned(), Fact::Known((*text).to_owned()));
        let settings: Settings = files.iter().map(known).collect();
        Profile { settings: &settings, active, runs, is_virtual: false }.other_profile()
    }

    #[test]
    fn a_profile_is_asked_for_where_there_is_tuned() {
        let profile =
            |want: &str, was: &str| Some(Intent::TunedProfile { want: want.into(), was: was.into() });
        assert_eq!(asked(&[], None, false), None);
        assert_eq!(asked(&[], None, true), profile("accelerator-performance", ""));
        assert_eq!(asked(&[(ACTIVE, "")], None, false), profile("accelerator-performance", ""));
        let own = ("/etc/tuned/profiles/llm/tuned.conf", "[main]\ninclude=base, throughput-performance");
        assert_eq!(asked(&[own], Some("balanced"), true), profile("llm", "balanced"));
        // It sets CPUs aside, which others have to agree to.
        let split = ("/etc/tuned/split/tuned.conf", "[main]\ninclude=cpu-partitioning");
        assert_eq!(asked(&[split], None, false), profile("accelerator-performance", ""));
    }
}
