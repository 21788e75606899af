//! `svc.drift`: runtime settings survive a reboot.
//!
//! What is in force is compared with what the files of the node set at boot: kernel parameters (`sysctl.d`, TuneD), the frequency
//! governor, arguments of the kernel, values that `tmpfiles.d` and TuneD write, and programs that keep settings in force. A
//! parameter that no file sets is compared with the kernel's own default, for those that have the same on every machine; one
//! that differs was set by hand. What cannot be compared is left out, and named if it might hide a difference.
//!
//! The catalogue fails a node also for one value behind a passed check of high severity. A check cannot see the others'
//! results, so the governor alone, which such a check judges, fails by itself.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{FreqPolicy, Persistent, PersistentValue, Program};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

/// See the module.
pub struct SvcDrift;

const FAIL: Limit<Count> = Limit {
    name: "settings that change at the next boot",
    value: Quantity::new(2.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one or two are an oversight, more are a habit",
    date: "2026-11-23",
    applies_to: "bare metal and virtual machines",
};

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

static THRESHOLDS: [Threshold; 1] = [FAIL.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("svc.drift"),
    title: Borrowed("Runtime settings survive a reboot"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("The best-tuned server is one reboot away from the defaults."),
    business: Borrowed("These settings will be lost at the next maintenance window."),
    needs: Borrowed(&[
        Borrowed("/cpufreq/policies"),
        Borrowed("/node/cmdline"),
        Borrowed("/node/container"),
        Borrowed("/services/persistent"),
        Borrowed("/services/programs"),
        Borrowed("/settings/service"),
        Borrowed("/sysctl"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("Not applicable"),
        persistent: Borrowed(
            "Write down what is in force: `/etc/sysctl.d/90-inference.conf` for kernel parameters, a TuneD \
             profile for the governor, a drop-in for the unit, `systemctl enable` for programs; or undo \
             what was only tried",
        ),
        rollback: Borrowed("Delete those files"),
        change: ChangeKind::Runtime,
        verification: Borrowed("Restart the node in a maintenance window, collect again, and compare"),
        expected_effect: Borrowed("It protects all other gains."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal and virtual machines, collected on the host"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned, HEAD 2bfa442)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed(
                "systemd.exec(5): CPUAffinity=, NUMAPolicy=, NUMAMask=, Limit*=, OOMScoreAdjust=",
            ),
            url: Borrowed("https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html"),
        },
    ]),
};

impl Check for SvcDrift {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if let Ok(Some(container)) = evidence.container_runtime() {
            let message =
                format!("collected inside of a container ({container}), which does not see the host's files");
            return Ok(vec![META.not_run("node", message)]);
        }
        let persistent: Persistent = evidence.get("/services/persistent")?;
        let mut drift = Drift::default();
        parameters(evidence, &persistent, &mut drift);
        governor(evidence, &persistent, &mut drift);
        arguments(evidence, &persistent, &mut drift);
        files(evidence, &persistent, &mut drift);
        programs(evidence, &mut drift);
        Ok(drift.findings(&evidence.limit(&META, &FAIL)))
    }
}

/// What the comparison came to.
#[derive(Default)]
struct Drift {
    compared: usize,
    changes: Vec<Change>,
    unknown: Vec<String>,
}

/// A setting that is another one after the next boot.
struct Change {
    what: String,
    running: Citation,
    persistent: Option<Citation>,
    /// Judged by a check of high severity, so that it fails by itself.
    grave: bool,
}

impl Drift {
    /// Notes a setting that cannot be compared, together with the one before it where the reason is the same.
    fn not_compared(&mut self, name: &str, why: &str) {
        match self.unknown.last().and_then(|last| last.strip_suffix(why)) {
            Some(others) => {
                let together = format!("{others}, {name}{why}");
                self.unknown.pop();
                self.unknown.push(together);
            }
            None => self.unknown.push(format!("{name}{why}")),
        }
    }

    fn findings(self, limit: &Limit<Count>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.unknown.is_empty() {
            let message = format!("not compared: {}", self.unknown.join("; "));
            findings.push(META.not_run("settings that could not be compared", message));
        }
        let count = self.changes.len();
        let what = self.changes.iter().map(|change| change.what.as_str()).collect::<Vec<_>>().join("; ");
        if count == 0 {
            if self.compared > 0 {
                let message = format!("{} settings in force are those of the next boot", self.compared);
                findings.push(META.pass("node", message));
            } else if findings.is_empty() {
                findings.push(META.not_run("node", "no setting could be compared"));
            }
            return findings;
        }
        let message = format!("{count} of {} settings change at the next boot: {what}", self.compared);
        let grave = self.changes.iter().any(|change| change.grave);
        let mut finding = if grave || limit.is_exceeded_by(Quantity::new(count as f64)) {
            META.fail("node", message)
        } else {
            META.warn("node", message)
        };
        for change in self.changes {
            finding = finding.with_evidence(change.running);
            if let Some(citation) = change.persistent {
                finding = finding.with_evidence(citation);
            }
        }
        findings.push(finding.with_likelihood(Likelihood::Setting));
        findings
    }
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

fn parameters(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) {
    let running: BTreeMap<String, Fact<String>> = match evidence.get("/sysctl") {
        Ok(running) => running,
        Err(why) => return drift.unknown.push(format!("kernel parameters ({why})")),
    };
    let set = match &persistent.sysctl {
        Fact::Known(set) => set,
        Fact::Missing(why) => return drift.unknown.push(format!("kernel parameters ({why})")),
    };
    let mut names: BTreeSet<&str> = DEFAULTS.iter().map(|(name, _)| *name).collect();
    names.extend(set.iter().map(|value| value.name.as_str()).filter(|name| running.contains_key(*name)));
    for name in names {
        let now = match running.get(name) {
            Some(Fact::Known(now)) => now,
            Some(Fact::Missing(why)) if why.missing == Absence::Absent => continue,
            Some(Fact::Missing(why)) => {
                drift.unknown.push(format!("{name} ({why})"));
                continue;
            }
            None => {
                drift.unknown.push(format!("{name} (not collected)"));
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
            let by = if wanted.is_some() { "" } else { " (the kernel's default)" };
            drift.changes.push(Change {
                what: format!("{name} from {now} to {next}{by}"),
                running: Citation::new(format!("/proc/sys/{}", name.replace('.', "/")), now),
                persistent: wanted.map(cited),
                grave: false,
            });
        }
    }
}

fn governor(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) {
    let policies: Vec<FreqPolicy> = match evidence.get("/cpufreq/policies") {
        Ok(policies) => policies,
        // Without frequency scaling there is no governor to lose.
        Err(why) if why.missing == Absence::Absent => return,
        Err(why) => return drift.unknown.push(format!("frequency governor ({why})")),
    };
    let wanted = match &persistent.governor {
        Fact::Known(wanted) => wanted,
        // The kernel's built-in default is not in the evidence; only the value that is tuned for is worth a word.
        Fact::Missing(why) => {
            if policies
                .iter()
                .any(|policy| policy.scaling_governor.known().is_some_and(|now| now == "performance"))
            {
                drift.unknown.push(format!(
                    "governor `performance`, unless it is the kernel's default ({})",
                    why.reason
                ));
            }
            return;
        }
    };
    let unread = policies.iter().find_map(|policy| policy.scaling_governor.require().err());
    if let Some(why) = unread {
        drift.unknown.push(format!("frequency governor ({why})"));
    }
    let mut others = policies.iter().filter_map(|policy| Some((policy, policy.scaling_governor.known()?)));
    drift.compared += 1;
    // TuneD accepts several names and takes the first that the driver knows.
    let names: Vec<&str> = wanted.value.split('|').map(str::trim).collect();
    if let Some((policy, now)) = others.find(|(_, now)| !names.contains(&now.as_str())) {
        drift.changes.push(Change {
            what: format!("governor from {now} to {}", wanted.value),
            running: Citation::new(format!("{}/scaling_governor", policy.path), now),
            persistent: Some(cited(wanted)),
            grave: true,
        });
    }
}

fn arguments(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) {
    // Without a configuration of the boot loader to be read the arguments are whatever it holds: no difference to see.
    let set = match &persistent.cmdline {
        Fact::Known(set) => set,
        Fact::Missing(why) if why.missing == Absence::Absent => return,
        Fact::Missing(why) => return drift.unknown.push(format!("arguments of the kernel ({why})")),
    };
    let running: String = match evidence.get("/node/cmdline") {
        Ok(running) => running,
        Err(why) => return drift.unknown.push(format!("arguments of the kernel ({why})")),
    };
    for wanted in set {
        drift.compared += 1;
        let argument = if wanted.value.is_empty() {
            wanted.name.clone()
        } else {
            format!("{}={}", wanted.name, wanted.value)
        };
        if !running.split_whitespace().any(|word| word.trim_matches('"') == argument) {
            drift.changes.push(Change {
                what: format!("the kernel is started with `{argument}`"),
                running: Citation::new("/proc/cmdline", format!("no {argument}")),
                persistent: Some(cited(wanted)),
                grave: false,
            });
        }
    }
}

fn files(evidence: &Evidence<'_>, persistent: &Persistent, drift: &mut Drift) {
    let set = match &persistent.files {
        Fact::Known(set) => set,
        Fact::Missing(why) => return drift.unknown.push(format!("files that are written at boot ({why})")),
    };
    let running = match evidence.settings("service") {
        Ok(running) => running,
        Err(why) => return drift.unknown.push(format!("files that are written at boot ({why})")),
    };
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
                what: format!("{name} from {now} to {}", wanted.value),
                running: Citation::new(name, now),
                persistent: Some(cited(wanted)),
                grave: false,
            });
        }
    }
}

fn programs(evidence: &Evidence<'_>, drift: &mut Drift) {
    let programs: Vec<Program> = match evidence.get("/services/programs") {
        Ok(programs) => programs,
        Err(why) => return drift.unknown.push(format!("programs that keep settings in force ({why})")),
    };
    for program in programs {
        let absent = |why: &Missing| why.missing == Absence::Absent;
        let name = &program.name;
        let change = match (&program.pid, &program.started_by) {
            (Fact::Known(pid), Fact::Missing(why)) if absent(why) => Some((
                format!("`{name}` no longer runs"),
                Citation::new(format!("/proc/{pid}/stat"), name),
                None,
            )),
            (Fact::Missing(why), Fact::Known(by)) if absent(why) => Some((
                format!("`{name}` runs again"),
                Citation::new("/proc", format!("no process of {name}")),
                Some(Citation::new(by, format!("starts {name}"))),
            )),
            (Fact::Missing(why), _) | (_, Fact::Missing(why)) if !absent(why) => {
                drift.not_compared(name, &format!(" ({why})"));
                continue;
            }
            // Neither runs nor is started: nothing to compare.
            (Fact::Missing(_), Fact::Missing(_)) => continue,
            _ => None,
        };
        drift.compared += 1;
        if let Some((what, running, persistent)) = change {
            drift.changes.push(Change { what, running, persistent, grave: false });
        }
    }
}
