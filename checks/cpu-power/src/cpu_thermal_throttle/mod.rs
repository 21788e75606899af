//! `cpu.thermal-throttle`: the host CPU is not thermally or power throttled.
//!
//! Intel's counters answer: growing in the window fails, having grown since boot warns. Counters that stand at zero
//! need no window, for they have counted since boot. Where neither gives a value, because there is none (AMD, Arm) or it was
//! not read, a line of the kernel log can show throttling, whose silence is no answer; and on Arm CPPC keeps whether the platform
//! has limited the clock.
//!
//! Each CPU keeps a counter of its package, and which of them the interrupt reaches differs, so that the counters of one
//! package differ: the highest counts, in one finding per package. Cores that were throttled are told together as well,
//! by package, with the highest of their counters.

use std::collections::BTreeMap;

use plumb_check_sdk::model::{CpuReading, FreqPolicy, LogLine, Pu};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, Object,
};

use crate::host;
use crate::pages::cpu_thermal_throttle::{PAGE, words};

/// What would mend throttling.
const COOLING: Intent = Intent::Hardware { part: HardwarePart::Cooling, at: None };

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let counters = ["core", "package"].map(|what| Counter::read(evidence, what));
    if counters.iter().any(Counter::tells) {
        return Ok(counters.iter().flat_map(Counter::judge).collect());
    }
    let is_virtual = host::is_virtual(evidence);
    PAGE.not_applicable_if(is_virtual == Ok(true), words::Virtual {})?;
    let logged = logged(evidence);
    if let Ok(Some(finding)) = logged {
        return Ok(vec![finding]);
    }
    is_virtual?;
    if let Some(finding) = limited(evidence) {
        return Ok(vec![finding]);
    }
    // Counters that could not be read may have counted, which a silent log does not rule out.
    if let Some(why) = counters.iter().find_map(Counter::unanswered) {
        return Err(why.into());
    }
    logged?;
    let vendor = evidence.get::<String>("/cpu/vendor").unwrap_or_else(|_| "unknown".to_owned());
    Err(words::NoCounters { vendor: vendor.into() }.into())
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

    /// True where it gives a value of any CPU.
    fn tells(&self) -> bool {
        let in_window = self.in_window.iter().flatten().filter_map(|group| group.value.known());
        in_window.into_iter().any(|&times| times > 0)
            || self.since_boot.iter().flatten().any(|group| group.value.known().is_some())
    }

    /// Why it gives none, where it may well exist.
    fn unanswered(&self) -> Option<Missing> {
        let why = match &self.since_boot {
            Err(why) => why.clone(),
            Ok(groups) => {
                let reasons = groups.iter().filter_map(|group| group.value.require().err());
                let none = || Missing::new(Absence::Failed, "no throttle counter names a CPU");
                // One CPU whose counter could not be read outweighs others that have none.
                reasons.max_by_key(|why| why.missing).unwrap_or_else(none)
            }
        };
        (!why.is_absent()).then_some(why)
    }

    fn judge(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut moving = CpuSet::new();
        for group in self.by_package(self.in_window.iter().flatten().cloned().collect()) {
            if let Some(&times) = group.value.known().filter(|&&times| times > 0) {
                moving = moving.union(&group.cpus);
                let said = words::Now {
                    part: self.what.into(),
                    cpus: Arg::from(&group.cpus),
                    times: Arg::count(times),
                    of_several: self.of_several(&group),
                };
                findings.push(
                    PAGE.fail(self.object(&group.cpus), said)
                        .with_likelihood(Likelihood::Mechanism)
                        .with_evidence(Citation::new(&group.path, format!("+{times} in the window")))
                        .with_intent(COOLING),
                );
            }
        }
        match &self.since_boot {
            Ok(groups) => {
                if groups.iter().any(|group| group.cpus.is_empty()) {
                    findings.push(PAGE.not_run(self.counters(), words::NamesNoCpu {}));
                }
                let still =
                    groups.iter().map(|group| self.restricted(group, &group.cpus.difference(&moving)));
                let still = self.by_package(still.flatten().collect());
                findings.extend(still.iter().flat_map(|group| self.judge_since_boot(group)));
            }
            Err(missing) => findings.push(PAGE.missing(self.counters(), missing)),
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

    /// `yes` where a figure is the highest of several.
    fn of_several(&self, group: &CpuReading) -> Arg {
        let differ = self.since_boot.iter().chain(&self.in_window).flatten().any(|of_some| {
            let shared = of_some.cpus.intersection(&group.cpus);
            !shared.is_empty() && shared != group.cpus
        });
        Arg::text(if differ { "yes" } else { "no" })
    }

    /// All counters of this kind.
    fn counters(&self) -> Object {
        Object::setting(format!("{} counters", self.what))
    }

    fn object(&self, cpus: &CpuSet) -> Object {
        Object::cpus(cpus).named(format!("CPUs {cpus}, {}", self.what))
    }

    fn judge_since_boot(&self, group: &CpuReading) -> Vec<Finding> {
        let object = self.object(&group.cpus);
        let part = || Arg::from(self.what);
        let seen = match &group.value {
            Fact::Missing(missing) => return vec![PAGE.missing(object, missing)],
            Fact::Known(0) => {
                let finding = PAGE.pass(object, words::Never { part: part() });
                return vec![finding.with_evidence(Citation::new(&group.path, "0"))];
            }
            Fact::Known(times) => *times,
        };
        let (cpus, times, of_several) = (Arg::from(&group.cpus), Arg::count(seen), self.of_several(group));
        let told = |finding: Finding| {
            finding
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(Citation::new(&group.path, seen.to_string()))
                .with_intent(COOLING)
        };
        match self.moved(&group.cpus) {
            Ok(()) => {
                vec![told(PAGE.warn(object, words::Before { part: part(), cpus, times, of_several }))]
            }
            Err(missing) => {
                let now = Object::cpus(&group.cpus).named(format!("{}, now", object.subject()));
                vec![
                    told(PAGE.warn(object, words::SinceBoot { part: part(), cpus, times, of_several })),
                    PAGE.not_run(now, words::UnknownNow { part: part(), reason: Arg::from(&missing) }),
                ]
            }
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

/// What CPPC tells where there are no counters: a limit of the platform is kept until somebody clears it, so none since boot
/// is an answer where each policy gives it.
fn limited(evidence: &Evidence<'_>) -> Option<Finding> {
    let policies = &evidence.cpufreq().ok()?.policies;
    let cited = |policy: &FreqPolicy, bits: u32| {
        Citation::new(format!("{}/perf_limited", policy.path), format!("{bits:#x}"))
    };
    let limited = policies.iter().filter(|policy| policy.limited().is_some_and(|bits| bits > 0));
    if let Some(first) = limited.clone().next() {
        let cpus = limited.fold(CpuSet::new(), |all, policy| all.union(&policy.cpus));
        let bits = first.limited().unwrap_or_default();
        let below = Arg::from(if bits & 2 > 0 { "lowest" } else { "wanted" });
        let finding = PAGE.warn(Object::cpus(&cpus), words::Limited { cpus: (&cpus).into(), below });
        return Some(
            finding
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(cited(first, bits))
                .with_intent(COOLING),
        );
    }
    let first = policies.first().filter(|_| policies.iter().all(|policy| policy.limited() == Some(0)))?;
    Some(PAGE.pass(Object::node(), words::NotLimited {}).with_evidence(cited(first, 0)))
}

/// What the kernel log tells of throttling, whatever the counters say.
fn logged(evidence: &Evidence<'_>) -> Result<Option<Finding>, Missing> {
    let log = evidence.kernel_log()?;
    let tells = |line: &&LogLine| {
        let text = line.text.to_ascii_lowercase();
        line.subject == "throttle" && text.contains("cpu") && text.contains("throttled")
    };
    let lines: Vec<&LogLine> = log.lines.iter().filter(tells).collect();
    Ok(lines.last().map(|last| {
        PAGE.fail(Object::node(), words::Logged { lines: Arg::count(lines.len()) })
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(&log.path, &last.text))
            .with_intent(COOLING)
    }))
}
