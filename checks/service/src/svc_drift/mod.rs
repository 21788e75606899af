//! `svc.drift`: runtime settings survive a reboot.
//!
//! What is in force is compared with what the files of the node set at boot: kernel parameters (`sysctl.d`, TuneD), the frequency
//! governor, arguments of the kernel, values that `tmpfiles.d` and TuneD write, and programs that keep settings in force. A
//! parameter that no file sets is compared with the kernel's own default, for those that have the same on every machine; one
//! that differs was set by hand. What cannot be compared is left out, and named if it might hide a difference.
//!
//! The catalogue fails a node also for one value behind a passed check of high severity. A check cannot see the others'
//! results, so the governor alone, which such a check judges, fails by itself.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{FreqPolicy, Persistent, PersistentValue, Program};
use plumb_check_sdk::{
    Arg, Citation, CpuSet, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, Object,
    ObjectKind, Outcome, if_any,
};

use crate::pages::svc_drift::{FAIL, PAGE, words};

/// Kernel parameters whose default is the same on every machine (Documentation/admin-guide/sysctl of Linux 6.12).
const DEFAULTS: [(&str, &str); 10] = [
    ("kernel.sched_rt_runtime_us", "950000"),
    ("kernel.timer_migration", "1"),
    ("net.core.netdev_max_backlog", "1000"),
    ("net.core.somaxconn", "4096"),
    ("vm.dirty_background_ratio", "10"),
    ("vm.dirty_ratio", "20"),
    ("vm.stat_interval", "1"),
    ("vm.swappiness", "60"),
    ("vm.watermark_scale_factor", "10"),
    ("vm.zone_reclaim_mode", "0"),
];

/// The governor that settings are tuned for.
const PERFORMANCE: &str = "performance";
/// What a kind of change is where no setting changes in that way.
const NONE: &str = "none";

const GOVERNOR: &str = "scaling_governor";
const ARGUMENTS: &str = "/proc/cmdline";

/// Notes the settings of one kind that change; fails where none of that kind can be compared.
type Compare = fn(&Evidence<'_>, &Persistent, &mut Drift) -> Result<(), Missing>;

/// What is compared, by the name that the node has for it.
const COMPARISONS: [(&str, Compare); 5] = [
    ("/proc/sys", parameters),
    (GOVERNOR, governor),
    (ARGUMENTS, arguments),
    ("tmpfiles.d", files),
    ("systemd", programs),
];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    if let Ok(Some(runtime)) = evidence.container_runtime() {
        return Err(words::InContainer { runtime: runtime.into() }.into());
    }
    let persistent: Persistent = evidence.get("/services/persistent")?;
    let mut drift = Drift::default();
    for (name, compare) in COMPARISONS {
        if let Err(why) = compare(evidence, &persistent, &mut drift) {
            drift.not_compared(name, &why);
        }
    }
    Ok(drift.findings(evidence))
}

/// What the comparison came to.
#[derive(Default)]
struct Drift {
    compared: usize,
    changes: Vec<Change>,
    unknown: Vec<String>,
    /// Why nobody can tell whether the governor `performance` was set by hand.
    default_governor: Option<Missing>,
}

/// A setting that is another one after the next boot.
struct Change {
    kind: Kind,
    what: String,
    running: Citation,
    persistent: Option<Citation>,
    goals: Vec<Intent>,
    /// Judged by a check of high severity, so that it fails by itself.
    grave: bool,
}

/// In which way a setting changes at the next boot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To what a file says.
    Value,
    /// To the kernel's default.
    Default,
    /// The kernel gets an argument.
    Argument,
    /// A program no longer runs.
    Stops,
    /// A program runs again.
    Starts,
}

impl Drift {
    /// Notes a setting that cannot be compared, together with the one before it where the reason is the same.
    fn not_compared(&mut self, name: &str, why: &Missing) {
        let why = format!(" ({why})");
        match self.unknown.last_mut() {
            Some(last) if last.ends_with(&why) => {
                last.insert_str(last.len() - why.len(), &format!(", {name}"));
            }
            _ => self.unknown.push(format!("{name}{why}")),
        }
    }

    fn findings(self, evidence: &Evidence<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let unknown = Object::new(ObjectKind::Other, "settings that could not be compared");
        if let Some(why) = &self.default_governor {
            let said = words::DefaultGovernor { reason: why.reason.as_str().into() };
            findings.push(PAGE.not_run(unknown.clone(), said));
        }
        if !self.unknown.is_empty() {
            let said = words::NotCompared { settings: self.unknown.join("; ").into() };
            findings.push(PAGE.not_run(unknown, said));
        }
        let compared_count = Arg::from(self.compared);
        let count = self.changes.len();
        if count == 0 {
            if self.compared > 0 {
                findings.push(PAGE.pass(Object::node(), words::Same { compared_count }));
            } else if findings.is_empty() {
                findings.push(PAGE.not_run(Object::node(), words::NothingCompared {}));
            }
            return findings;
        }
        let of_kind = |kind: Kind| {
            let changes = self.changes.iter().filter(|change| change.kind == kind);
            let list = changes.map(|change| change.what.as_str()).collect::<Vec<_>>().join(", ");
            Arg::text(if list.is_empty() { NONE.to_owned() } else { list })
        };
        let said = words::Changes {
            arguments: of_kind(Kind::Argument),
            changes_count: count.into(),
            compared_count,
            defaults: of_kind(Kind::Default),
            starting: of_kind(Kind::Starts),
            stopping: of_kind(Kind::Stops),
            values: of_kind(Kind::Value),
        };
        let grave = self.changes.iter().any(|change| change.grave);
        let exceeds = evidence.limit(&PAGE, &FAIL).is_exceeded_by(Quantity::new(count as f64));
        let outcome = if grave || exceeds { Outcome::Fail } else { Outcome::Warn };
        let mut finding = PAGE.says(outcome, Object::node(), said).with_likelihood(Likelihood::Setting);
        for change in self.changes {
            let Change { running, persistent, goals, .. } = change;
            finding = finding.with_evidence(running).with_citations(persistent).with_intents(goals);
        }
        findings.push(finding);
        findings
    }
}

/// Asks for what is in force to be what the configuration says.
fn persist(setting: &str, now: &str, configured: Option<&PersistentValue>) -> Vec<Intent> {
    let was = configured.map(|value| value.value.clone());
    vec![Intent::Persist { setting: setting.to_owned(), want: now.to_owned(), was }]
}

/// Compares by words, since the kernel separates numbers with tabs.
fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn cited(value: &PersistentValue) -> Citation {
    Citation::new(&value.path, format!("{} = {}", value.name, value.value))
}

/// The last value for a name, which is the one in force after boot.
fn last<'a>(values: &'a [PersistentValue], name: &str) -> Option<&'a PersistentValue> {
    values.iter().rfind(|value| value.name == name)
}

fn parameters(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) -> Result<(), Missing> {
    let running: BTreeMap<String, Fact<String>> = evidence.get("/sysctl")?;
    let set = persistent.sysctl.require()?;
    let mut names: BTreeSet<&str> = DEFAULTS.iter().map(|(name, _)| *name).collect();
    names.extend(set.iter().map(|value| value.name.as_str()).filter(|name| running.contains_key(*name)));
    for name in names {
        let fact = running.get(name).cloned().unwrap_or_default();
        let now = match fact.optional() {
            Ok(Some(now)) => now,
            Ok(None) => continue,
            Err(why) => {
                drift.not_compared(name, &why);
                continue;
            }
        };
        let wanted = last(set, name);
        let default = DEFAULTS.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        let Some(next) = wanted.map(|value| value.value.as_str()).or(default) else { continue };
        // A profile may compute a value, which only TuneD can.
        if next.contains("${") {
            continue;
        }
        drift.compared += 1;
        if !same(now, next) {
            drift.changes.push(Change {
                kind: if wanted.is_some() { Kind::Value } else { Kind::Default },
                what: format!("{name} {now} → {next}"),
                running: Citation::new(format!("/proc/sys/{}", name.replace('.', "/")), now),
                persistent: wanted.map(cited),
                goals: persist(name, now, wanted),
                grave: false,
            });
        }
    }
    Ok(())
}

fn governor(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) -> Result<(), Missing> {
    // Without frequency scaling there is no governor to lose.
    let policies = if_any::<Vec<FreqPolicy>>(evidence.get("/cpufreq/policies"))?;
    let Some(policies) = policies else { return Ok(()) };
    let known: Vec<(&FreqPolicy, &String)> =
        policies.iter().filter_map(|policy| Some((policy, policy.scaling_governor.known()?))).collect();
    let wanted = match persistent.governor.require() {
        Ok(wanted) => wanted,
        // The kernel's built-in default is not in the evidence; only the value that is tuned for is worth a word.
        Err(why) if why.is_absent() => {
            let is_tuned = known.iter().any(|(_, now)| *now == PERFORMANCE);
            drift.default_governor = is_tuned.then_some(why);
            return Ok(());
        }
        Err(why) => return Err(why),
    };
    if let Some(why) = policies.iter().find_map(|policy| policy.scaling_governor.require().err()) {
        drift.not_compared(GOVERNOR, &why);
    }
    drift.compared += 1;
    // TuneD accepts several names and takes the first that the driver knows.
    let names: Vec<&str> = wanted.value.split('|').map(str::trim).collect();
    let is_other = |(_, now): &&(&FreqPolicy, &String)| !names.contains(&now.as_str());
    let Some((policy, now)) = known.iter().find(is_other) else { return Ok(()) };
    let goals = if names.contains(&PERFORMANCE) {
        // The configuration is right, so that what is in force is to follow it.
        let alike = known.iter().filter(|(_, other)| other == now);
        let cpus = alike.fold(CpuSet::new(), |all, (policy, _)| all.union(&policy.cpus));
        vec![Intent::Governor { cpus, want: PERFORMANCE.to_owned(), was: (*now).clone() }]
    } else {
        persist(GOVERNOR, now, Some(wanted))
    };
    drift.changes.push(Change {
        kind: Kind::Value,
        what: format!("{GOVERNOR} {now} → {}", wanted.value),
        running: Citation::new(format!("{}/scaling_governor", policy.path), *now),
        persistent: Some(cited(wanted)),
        goals,
        grave: true,
    });
    Ok(())
}

fn arguments(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) -> Result<(), Missing> {
    // Without a configuration of the boot loader to be read the arguments are whatever it holds: no difference to see.
    let Some(set) = persistent.cmdline.optional()? else { return Ok(()) };
    let running: String = evidence.get("/node/cmdline")?;
    for wanted in set {
        drift.compared += 1;
        let argument = if wanted.value.is_empty() {
            wanted.name.clone()
        } else {
            format!("{}={}", wanted.name, wanted.value)
        };
        if !running.split_whitespace().any(|word| word.trim_matches('"') == argument) {
            drift.changes.push(Change {
                kind: Kind::Argument,
                what: format!("`{argument}`"),
                running: Citation::new(ARGUMENTS, format!("no {argument}")),
                persistent: Some(cited(wanted)),
                // Somebody wrote it down to have it: it waits for a reboot.
                goals: vec![Intent::KernelArgument { argument, present: true }],
                grave: false,
            });
        }
    }
    Ok(())
}

fn files(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) -> Result<(), Missing> {
    let set = persistent.files.require()?;
    let running = evidence.settings("service")?;
    let names: BTreeSet<&str> = set.iter().map(|value| value.name.as_str()).collect();
    for name in names {
        let (Some(wanted), Some(now)) = (last(set, name), running.get(name).and_then(Fact::known)) else {
            continue;
        };
        drift.compared += 1;
        // `always [madvise] never`: the choice in force is in brackets.
        let chosen = now.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
        let now = chosen.unwrap_or(now);
        if !same(now, &wanted.value) {
            drift.changes.push(Change {
                kind: Kind::Value,
                what: format!("{name} {now} → {}", wanted.value),
                running: Citation::new(name, now),
                persistent: Some(cited(wanted)),
                goals: persist(name, now, Some(wanted)),
                grave: false,
            });
        }
    }
    Ok(())
}

fn programs(evidence: &Evidence<'_>, _: &Persistent, drift: &mut Drift) -> Result<(), Missing> {
    let programs: Vec<Program> = evidence.get("/services/programs")?;
    for program in programs {
        let name = &program.name;
        let (kind, running, persistent) = match (&program.pid, &program.started_by) {
            (Fact::Known(pid), Fact::Missing(why)) if why.is_absent() => {
                (Kind::Stops, Citation::new(format!("/proc/{pid}/stat"), name), None)
            }
            (Fact::Missing(why), Fact::Known(by)) if why.is_absent() => {
                let starts = Citation::new(by, format!("starts {name}"));
                (Kind::Starts, Citation::new("/proc", format!("no process of {name}")), Some(starts))
            }
            (Fact::Missing(why), _) | (_, Fact::Missing(why)) if !why.is_absent() => {
                drift.not_compared(name, why);
                continue;
            }
            // Neither runs nor is started: nothing to compare.
            (Fact::Missing(_), Fact::Missing(_)) => continue,
            _ => {
                drift.compared += 1;
                continue;
            }
        };
        drift.compared += 1;
        let goal = Intent::Unit { name: format!("{name}.service"), runs: kind == Kind::Stops };
        let what = format!("`{name}`");
        drift.changes.push(Change { kind, what, running, persistent, goals: vec![goal], grave: false });
    }
    Ok(())
}
