//! `cpu.thermal-throttle`: the host CPU is not thermally or power throttled.
//!
//! Intel's counters answer: growing in the window fails, having grown since boot warns. Counters that stand at zero
//! need no window, for they have counted since boot. Where there are none (AMD, Arm) only a line of the kernel log
//! can show throttling; its silence is no answer, as those CPUs throttle without telling the kernel.
//!
//! Each CPU keeps a counter of its package, and which of them the interrupt reaches differs, so that the counters of one
//! package differ: the highest counts, in one finding per package. Cores that were throttled are told together as well,
//! by package, with the highest of their counters.

use plumb_check_sdk::model::{CpuReading, LogLine, Pu};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Fact, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity,
};
use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use crate::host;

/// See the module.
pub struct CpuThermalThrottle;

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.thermal-throttle"),
    title: Borrowed("Host CPU is not thermally or power throttled"),
    category: Category::CpuPerformance,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Throttling halves the clock at moments that nobody chooses, and mostly points to a fault of \
         cooling.",
    ),
    business: Borrowed("The server is overheating and slowing itself down."),
    needs: Borrowed(&[
        Borrowed("/cpu/cpus"),
        Borrowed("/cpu/vendor"),
        Borrowed("/kernel_log"),
        Borrowed("/node/virtualization"),
        Borrowed("/power/core_throttle_count"),
        Borrowed("/power/package_throttle_count"),
        Borrowed("/power/window/core_throttles"),
        Borrowed("/power/window/package_throttles"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None; a higher fan profile through the management controller is a stop-gap"),
        persistent: Borrowed("Mend air flow, filters, fan policy or inlet temperature"),
        rollback: Borrowed("Not applicable"),
        change: ChangeKind::Hardware,
        verification: Borrowed(
            "`grep . /sys/devices/system/cpu/cpu*/thermal_throttle/package_throttle_count | sort -u`, twice \
             under load",
        ),
        expected_effect: Borrowed("There is no published number."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; not virtual machines; counters on Intel CPUs only, others through the management \
         controller",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Intel PerfSpect: report insights"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed(
                "Linux kernel: thermal throttle counters of x86 CPUs (ABI, sysfs-devices-system-cpu)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/abi-testing.html"),
        },
    ]),
};

impl Check for CpuThermalThrottle {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let core = Counter::read(evidence, "core");
        let package = Counter::read(evidence, "package");
        let is_absent = |counter: &Counter| {
            counter.since_boot.as_ref().is_err_and(|missing| missing.missing == Absence::Absent)
        };
        if is_absent(&core) && is_absent(&package) {
            if host::is_virtual(evidence)? {
                let message = "virtual machine: the hypervisor does not pass on throttling";
                return Ok(vec![META.not_applicable("node", message)]);
            }
            return by_log(evidence);
        }
        let mut findings = core.judge();
        findings.extend(package.judge());
        if findings.is_empty() {
            return Err(Missing::new(Absence::Failed, "no throttle counter names a CPU"));
        }
        Ok(findings)
    }
}

/// One of the two counters, over all CPUs.
struct Counter {
    what: &'static str,
    /// CPUs by package; empty where that is not known.
    packages: Vec<CpuSet>,
    since_boot: Result<Vec<CpuReading>, Missing>,
    in_window: Result<Vec<CpuReading>, Missing>,
}

impl Counter {
    fn read(evidence: &Evidence<'_>, what: &'static str) -> Self {
        Self {
            what,
            packages: packages(evidence),
            since_boot: evidence.get(&format!("/power/{what}_throttle_count")),
            in_window: evidence.get(&format!("/power/window/{what}_throttles")),
        }
    }

    fn judge(&self) -> Vec<Finding> {
        let what = self.what;
        let mut findings = Vec::new();
        let mut moving = CpuSet::new();
        for group in self.by_package(self.in_window.iter().flatten().cloned().collect()) {
            if let Some(&times) = group.value.known().filter(|&&times| times > 0) {
                moving = moving.union(&group.cpus);
                findings.push(
                    META.fail(
                        format!("CPUs {}, {what}", group.cpus),
                        format!(
                            "the {what} was throttled {times} times during the window{}",
                            self.highest(&group)
                        ),
                    )
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(Citation::new(&group.path, format!("+{times} in the window"))),
                );
            }
        }
        match &self.since_boot {
            Ok(groups) => {
                let still =
                    groups.iter().map(|group| self.restricted(group, &group.cpus.difference(&moving)));
                let still = self.by_package(still.flatten().collect());
                findings.extend(still.iter().flat_map(|group| self.judge_since_boot(group)));
            }
            Err(missing) => findings.push(META.not_run(format!("{what} counters"), missing.to_string())),
        }
        findings
    }

    /// A group without the CPUs that are not in `cpus`, and with the file of one that is.
    fn restricted(&self, group: &CpuReading, cpus: &CpuSet) -> Option<CpuReading> {
        let kept = group.cpus.intersection(cpus);
        let first = kept.iter().next()?;
        let path = if group.cpus.iter().next() == Some(first) {
            group.path.clone()
        } else {
            format!("/sys/devices/system/cpu/cpu{first}/thermal_throttle/{}_throttle_count", self.what)
        };
        Some(CpuReading { path, cpus: kept, value: group.value.clone() })
    }

    /// One group per package of those that were throttled, with the highest counter. A package has one state, so that
    /// its counters at zero say nothing beside others; cores at zero are groups of their own.
    fn by_package(&self, groups: Vec<CpuReading>) -> Vec<CpuReading> {
        let mut rest = groups;
        let mut merged = Vec::new();
        for package in &self.packages {
            let inside: Vec<CpuReading> =
                rest.iter().filter_map(|group| self.restricted(group, package)).collect();
            let counts = |group: &CpuReading| {
                group.value.known().is_some_and(|&times| times > 0 || self.what == "package")
            };
            let known: Vec<&CpuReading> = inside.iter().filter(|group| counts(group)).collect();
            let Some(worst) = known.iter().max_by_key(|group| group.value.known().copied()) else { continue };
            let cpus = known.iter().fold(CpuSet::new(), |all, group| all.union(&group.cpus));
            merged.push(CpuReading { cpus: cpus.clone(), ..(*worst).clone() });
            rest = rest
                .iter()
                .filter_map(|group| self.restricted(group, &group.cpus.difference(&cpus)))
                .collect();
        }
        merged.extend(rest);
        merged
    }

    /// Says that a figure is the highest of several.
    fn highest(&self, group: &CpuReading) -> &'static str {
        let differ = self.since_boot.iter().chain(&self.in_window).flatten().any(|of_some| {
            let shared = of_some.cpus.intersection(&group.cpus);
            !shared.is_empty() && shared != group.cpus
        });
        if differ { " (the highest of its CPUs' counters)" } else { "" }
    }

    fn judge_since_boot(&self, group: &CpuReading) -> Vec<Finding> {
        let what = self.what;
        let highest = self.highest(group);
        let subject = format!("CPUs {}, {what}", group.cpus);
        let times = match &group.value {
            Fact::Missing(missing) => return vec![META.not_run(subject, missing.to_string())],
            Fact::Known(0) => {
                let finding = META.pass(subject, format!("the {what} was not throttled since boot"));
                return vec![finding.with_evidence(Citation::new(&group.path, "0"))];
            }
            Fact::Known(times) => times,
        };
        let warn = |message: String| {
            META.warn(subject.as_str(), message)
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(Citation::new(&group.path, times.to_string()))
        };
        match self.moved(&group.cpus) {
            Ok(()) => {
                vec![warn(format!(
                    "the {what} was throttled {times} times since boot, but not in the window{highest}"
                ))]
            }
            Err(missing) => vec![
                warn(format!("the {what} was throttled {times} times since boot{highest}")),
                META.not_run(
                    format!("{subject}, now"),
                    format!("whether the {what} still is throttled takes two readings: {missing}"),
                ),
            ],
        }
    }

    /// Whether the window tells of all of `cpus`.
    fn moved(&self, cpus: &CpuSet) -> Result<(), Missing> {
        let groups = self.in_window.as_ref().map_err(Clone::clone)?;
        let known = groups.iter().filter(|group| group.value.known().is_some());
        let known = known.fold(CpuSet::new(), |all, group| all.union(&group.cpus));
        if cpus.is_subset(&known) {
            return Ok(());
        }
        let reason = format!("CPUs {} were not read twice", cpus.difference(&known));
        Err(Missing::new(Absence::Failed, reason))
    }
}

/// The CPUs of each package.
fn packages(evidence: &Evidence<'_>) -> Vec<CpuSet> {
    let cpus: Vec<Pu> = evidence.get("/cpu/cpus").unwrap_or_default();
    let mut packages: BTreeMap<u32, CpuSet> = BTreeMap::new();
    for cpu in cpus {
        packages.entry(cpu.socket).or_default().insert(cpu.cpu);
    }
    packages.into_values().collect()
}

/// CPUs without counters: only the kernel log can tell of throttling.
fn by_log(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let log = evidence.kernel_log()?;
    let tells = |line: &&LogLine| {
        let text = line.text.to_ascii_lowercase();
        line.subject == "throttle" && text.contains("cpu") && text.contains("throttled")
    };
    let lines: Vec<&LogLine> = log.lines.iter().filter(tells).collect();
    let Some(last) = lines.last() else {
        let vendor: String = evidence.get("/cpu/vendor").unwrap_or_else(|_| "these".to_owned());
        let message = format!(
            "{vendor} CPUs count no throttling where the kernel could read it, and its log tells of none: look at the \
             management controller's temperatures and power"
        );
        return Ok(vec![META.not_run("node", message)]);
    };
    Ok(vec![
        META.fail("node", format!("the kernel log tells of throttled CPU clocks (lines: {})", lines.len()))
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(&log.path, &last.text)),
    ])
}
