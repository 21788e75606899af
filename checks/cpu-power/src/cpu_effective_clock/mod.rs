//! `cpu.effective-clock`: critical threads really run at a high clock.
//!
//! CPUs that busy threads of inference servers were seen on are judged by the clock that the hardware counted while
//! they were not idle (APERF over MPERF, as `acpi_cppc/feedback_ctrs` shows them). Where there are no such counters,
//! the clocks that the kernel named at the two readings stand in, for CPUs that were busy nearly all the time, with
//! low confidence.
//!
//! The catalogue compares with the all-core turbo, or with the highest clock where only a few cores are busy. No file
//! tells the all-core turbo. So with few CPUs busy the highest clock is the measure; with many busy, a clock near the
//! highest passes, one below the base clock fails, and what lies between is `not-run`.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{Cppc, CpuFreq, Window};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Finding, Likelihood, Missing, NoVerdict, Object,
    if_any,
};

use crate::pages::cpu_effective_clock::{CRITICAL, FEW_BUSY, HIGH_CLOCK, LOW_CLOCK, PAGE, words};
use crate::share::rounded_down;
use crate::{host, serving};

/// Share of the window for which a CPU must be busy for its clock of a moment to stand for its work.
const ALWAYS_BUSY: f64 = 0.9;

/// Share of the base clock that counts as reaching it: counters and nominal clocks are rounded.
const BASE_SLACK: f64 = 0.98;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let lack = |why| host::lack(evidence, why, |reason| words::NoScaling { reason });
    let cpufreq = evidence.cpufreq().map_err(lack)?;
    let window = serving::window(evidence)?;
    let least = evidence.limit(&PAGE, &CRITICAL).value.number() / 100.0;
    let serving = window.serving_cpus(least)?;
    if serving.is_empty() {
        let load = Arg::quantity(100.0 * window.serving_load()?, "%", 0);
        return Err(words::NoBusyThread { load }.into());
    }
    evidence.under_load()?;
    let scale = Scale::new(evidence, cpufreq, &window);
    let clocks = Clocks::read(evidence, &window)?;
    Ok(judge(evidence, &scale, &clocks, &serving))
}

/// Clocks of CPUs in kHz, and where they come from.
struct Clocks {
    khz: BTreeMap<u32, u64>,
    /// From the hardware's counters.
    counted: bool,
    seconds: f64,
}

impl Clocks {
    fn read(evidence: &Evidence<'_>, window: &Window) -> Result<Self, Missing> {
        let seconds = window.length()?;
        if let Some(khz) = if_any(evidence.get("/power/window/busy_clock_khz"))? {
            return Ok(Self { khz, counted: true, seconds });
        }
        let momentary: BTreeMap<u32, Vec<u64>> = evidence.get("/power/window/momentary_clock_khz")?;
        let (times, _) = window.counted_cpus()?;
        let always_busy = |cpu: &u32| times.get(cpu).is_some_and(|time| time.busy_share() >= ALWAYS_BUSY);
        let mean = |clocks: &[u64]| clocks.iter().sum::<u64>().checked_div(clocks.len() as u64);
        let khz = momentary
            .into_iter()
            .filter(|(cpu, _)| always_busy(cpu))
            .filter_map(|(cpu, clocks)| Some((cpu, mean(&clocks)?)))
            .collect();
        Ok(Self { khz, counted: false, seconds })
    }

    fn citation(&self, cpu: u32, khz: u64) -> Citation {
        let folder = format!("/sys/devices/system/cpu/cpu{cpu}");
        let mhz = khz / 1000;
        if self.counted {
            let value = format!("{mhz} MHz while busy, over {:.0} s", self.seconds);
            Citation::new(format!("{folder}/acpi_cppc/feedback_ctrs"), value)
        } else {
            let value = format!("{mhz} MHz, mean of both readings");
            Citation::new(format!("{folder}/cpufreq/scaling_cur_freq"), value)
        }
    }
}

/// What a clock is compared with.
struct Scale {
    /// Highest and base clock in kHz, by CPU.
    highest: BTreeMap<u32, u64>,
    base: BTreeMap<u32, u64>,
    /// Whether so few CPUs were busy that each could reach the highest clock.
    few_busy: Result<bool, Missing>,
}

impl Scale {
    fn new(evidence: &Evidence<'_>, cpufreq: &CpuFreq, window: &Window) -> Self {
        let mut highest = BTreeMap::new();
        let mut base = BTreeMap::new();
        let nominal: Vec<Cppc> = evidence.get("/power/cppc").unwrap_or_default();
        for group in &nominal {
            let mhz = group.nominal_freq_mhz.known().copied().filter(|&mhz| mhz > 0);
            base.extend(mhz.into_iter().flat_map(|mhz| group.cpus.iter().map(move |cpu| (cpu, mhz * 1000))));
        }
        for policy in &cpufreq.policies {
            for cpu in policy.cpus.iter() {
                highest.extend(policy.cpuinfo_max_freq_khz.known().map(|&khz| (cpu, khz)));
                base.extend(policy.base_frequency_khz.known().map(|&khz| (cpu, khz)));
            }
        }
        let few = evidence.limit(&PAGE, &FEW_BUSY);
        let few_busy = window.counted_cpus().and_then(|(times, lacking)| {
            if times.is_empty() || !lacking.is_empty() {
                let reason = format!("CPU times of CPUs {lacking} do not add up to the window");
                return Err(Missing::new(Absence::Failed, reason));
            }
            let busy = times.values().filter(|time| time.busy_share() >= 0.5).count();
            Ok(!few.is_exceeded_by(Quantity::new(100.0 * busy as f64 / times.len() as f64)))
        });
        Self { highest, base, few_busy }
    }

    fn highest_of(&self, cpu: u32) -> Option<u64> {
        self.highest.get(&cpu).copied().filter(|&khz| khz > 0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    BelowBase,
    Fail,
    Warn,
    Pass,
    Unknown(Why),
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    NotCounted,
    NotAlwaysBusy,
    NoHighest,
    /// More CPUs were busy than can reach the highest clock together.
    AllCoreTurbo,
    /// How many CPUs were busy is not known.
    Busy(Missing),
}

/// CPUs with one verdict; the slowest speaks for them.
struct Group {
    cpus: CpuSet,
    slowest: u32,
    khz: Option<u64>,
}

fn judge(evidence: &Evidence<'_>, scale: &Scale, clocks: &Clocks, serving: &CpuSet) -> Vec<Finding> {
    let mut groups: BTreeMap<Verdict, Group> = BTreeMap::new();
    for cpu in serving.iter() {
        let khz = clocks.khz.get(&cpu).copied();
        let verdict = match khz {
            Some(khz) => compare(evidence, scale, cpu, khz),
            None if clocks.counted => Verdict::Unknown(Why::NotCounted),
            None => Verdict::Unknown(Why::NotAlwaysBusy),
        };
        let group = groups.entry(verdict).or_insert_with(|| Group { cpus: CpuSet::new(), slowest: cpu, khz });
        group.cpus.insert(cpu);
        // All of a group have a clock, or none.
        if khz < group.khz {
            (group.slowest, group.khz) = (cpu, khz);
        }
    }
    groups.into_iter().map(|(verdict, group)| finding(scale, clocks, verdict, &group)).collect()
}

fn compare(evidence: &Evidence<'_>, scale: &Scale, cpu: u32, khz: u64) -> Verdict {
    if scale.base.get(&cpu).is_some_and(|&base| (khz as f64) < BASE_SLACK * base as f64) {
        return Verdict::BelowBase;
    }
    let Some(highest) = scale.highest_of(cpu) else { return Verdict::Unknown(Why::NoHighest) };
    let share = Quantity::new(100.0 * khz as f64 / highest as f64);
    if !evidence.limit(&PAGE, &HIGH_CLOCK).is_undercut_by(share) {
        return Verdict::Pass;
    }
    match &scale.few_busy {
        Ok(true) if evidence.limit(&PAGE, &LOW_CLOCK).is_undercut_by(share) => Verdict::Fail,
        Ok(true) => Verdict::Warn,
        Ok(false) => Verdict::Unknown(Why::AllCoreTurbo),
        Err(missing) => Verdict::Unknown(Why::Busy(missing.clone())),
    }
}

fn finding(scale: &Scale, clocks: &Clocks, verdict: Verdict, group: &Group) -> Finding {
    let object = Object::cpus(&group.cpus);
    let Some(khz) = group.khz else {
        return match verdict {
            Verdict::Unknown(Why::NotAlwaysBusy) => PAGE.not_run(object, words::NotAlwaysBusy {}),
            _ => PAGE.not_run(object, words::NotCounted {}),
        };
    };
    let mhz = |khz: u64| Arg::quantity((khz / 1000) as f64, "MHz", 0);
    let (cpu, clock) = (Arg::text(group.slowest.to_string()), mhz(khz));
    let highest = scale.highest_of(group.slowest);
    let base = || mhz(scale.base.get(&group.slowest).copied().unwrap_or_default());
    let finding = match (verdict, highest) {
        (Verdict::BelowBase, None) => PAGE.fail(object, words::BelowBaseAlone { cpu, clock, base: base() }),
        (_, None) => PAGE.not_run(object, words::NoHighest { cpu, clock }),
        (verdict, Some(khz_of_highest)) => {
            let share = rounded_down(100.0 * khz as f64 / khz_of_highest as f64);
            let highest = mhz(khz_of_highest);
            match verdict {
                Verdict::BelowBase => {
                    PAGE.fail(object, words::BelowBase { cpu, clock, share, highest, base: base() })
                }
                Verdict::Fail => PAGE.fail(object, words::Slow { cpu, clock, share, highest }),
                Verdict::Warn => PAGE.warn(object, words::Slow { cpu, clock, share, highest }),
                Verdict::Pass => PAGE.pass(object, words::Fast { cpu, clock, share, highest }),
                Verdict::Unknown(Why::Busy(missing)) => {
                    let reason = Arg::from(&missing);
                    PAGE.not_run(object, words::UnknownBusy { cpu, clock, share, highest, reason })
                }
                Verdict::Unknown(_) => {
                    PAGE.not_run(object, words::AllCoreTurbo { cpu, clock, share, highest })
                }
            }
        }
    };
    let deviates = finding.outcome.is_deviation();
    let finding = if deviates { finding.with_likelihood(Likelihood::Mechanism) } else { finding };
    let confidence = if clocks.counted { Confidence::High } else { Confidence::Low };
    finding.with_confidence(confidence).with_evidence(clocks.citation(group.slowest, khz))
}
