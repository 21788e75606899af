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

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cppc, CpuFreq, Window};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::{host, serving};

/// Share of the window for which a CPU must be busy for its clock of a moment to stand for its work.
const ALWAYS_BUSY: f64 = 0.9;

/// Share of the base clock that counts as reaching it: counters and nominal clocks are rounded.
const BASE_SLACK: f64 = 0.98;

/// See the module.
pub struct CpuEffectiveClock;

const HIGH_CLOCK: Limit<Percent> = Limit {
    name: "clock while busy, as a share of the highest clock, that passes",
    value: Quantity::new(90.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: bins of one or two active cores differ by less",
    date: "2026-11-23",
    applies_to: "CPUs with turbo and few busy cores",
};

const LOW_CLOCK: Limit<Percent> = Limit {
    name: "clock while busy, as a share of the highest clock, below which something limits it",
    value: Quantity::new(75.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: below the all-core turbo of current server CPUs",
    date: "2026-11-23",
    applies_to: "CPUs with turbo and few busy cores",
};

const FEW_BUSY: Limit<Percent> = Limit {
    name: "share of CPUs busy up to which each can reach the highest clock",
    value: Quantity::new(12.5),
    basis: ThresholdBasis::Expert,
    source: "our proposal: turbo tables of current server CPUs fall beyond about one core in eight",
    date: "2026-11-23",
    applies_to: "CPUs with turbo",
};

const CRITICAL: Limit<Percent> = Limit {
    name: "CPU time of a thread that makes it critical",
    value: Quantity::new(20.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: threads that schedule, launch or serve use more under load",
    date: "2026-11-23",
    applies_to: "threads of inference servers",
};

static THRESHOLDS: [Threshold; 4] =
    [HIGH_CLOCK.threshold(), LOW_CLOCK.threshold(), FEW_BUSY.threshold(), CRITICAL.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.effective-clock"),
    title: Borrowed("Critical threads really run at a high clock"),
    category: Category::CpuPerformance,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Settings may look right while power, heat or firmware hold the clocks down. Only the clock under \
         load shows it.",
    ),
    business: Borrowed("We checked the speedometer, not the brochure."),
    needs: Borrowed(&[
        Borrowed("/cpufreq"),
        Borrowed("/node/virtualization"),
        Borrowed("/power/cppc"),
        Borrowed("/power/window"),
        Borrowed("/window/cpus"),
        Borrowed("/window/gpus"),
        Borrowed("/window/processes"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Find the limiter: `turbostat --quiet -n 5` (columns PkgWatt, PkgTmp, Bzy_MHz), then \
             `cpu.thermal-throttle`, `cpu.turbo-caps` and the power profile of the firmware",
        ),
        persistent: Borrowed("Mend the limiter that was found"),
        rollback: Borrowed("Not applicable"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`turbostat --quiet --cpu CPUS -n 5`"),
        expected_effect: Borrowed(
            "For context: with small batches inference is bound by the host, and the speed of one thread \
             sets latency; a GH200 stays so up to four times larger batches than x86 hosts. There is no \
             published number for a clock that is too low.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SmallBatch]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines with low confidence where they show a clock; containers read the \
         host's",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "Vellaisamy et al. ISPASS 2025: Characterizing and Optimizing LLM Inference on CPU-GPU \
                 Coupled Architectures (arXiv:2504.11750)",
            ),
            url: Borrowed("https://arxiv.org/abs/2504.11750"),
        },
        Reference {
            title: Borrowed(
                "Intel Optimization Zone: Enabling Priority Core Turbo (PCT) for GPU Performance",
            ),
            url: Borrowed(
                "https://github.com/intel/optimization-zone/blob/main/hardware/priority_core_turbo/README.md",
            ),
        },
        Reference {
            title: Borrowed("Linux kernel docs: CPU Performance Scaling"),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/cpufreq.html"),
        },
        Reference {
            title: Borrowed("Linux kernel: Collaborative Processor Performance Control (CPPC)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/acpi/cppc_sysfs.html"),
        },
    ]),
};

impl Check for CpuEffectiveClock {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let cpufreq = match evidence.cpufreq() {
            Ok(cpufreq) => cpufreq,
            Err(missing) => return host::without(&META, evidence, "frequency scaling", missing),
        };
        let window = serving::window(evidence)?;
        let least = evidence.limit(&META, &CRITICAL).value.number() / 100.0;
        let serving = window.serving_cpus(least)?;
        if serving.is_empty() {
            let load = 100.0 * window.serving_load()?;
            let message = format!(
                "no thread of an inference server was busy (all together used {load:.0} % of a CPU): collect while the \
                 service runs"
            );
            return Ok(vec![META.not_run("node", message)]);
        }
        evidence.under_load()?;
        let scale = Scale::new(evidence, cpufreq, &window);
        let clocks = Clocks::read(evidence, &window)?;
        Ok(judge(evidence, &scale, &clocks, &serving))
    }
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
        let counted = evidence.get::<BTreeMap<u32, u64>>("/power/window/busy_clock_khz");
        match counted {
            Ok(khz) => return Ok(Self { khz, counted: true, seconds }),
            Err(missing) if missing.missing != Absence::Absent => return Err(missing),
            Err(_) => {}
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
        let few = evidence.limit(&META, &FEW_BUSY);
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
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    BelowBase,
    Fail,
    Warn,
    Pass,
    Unknown(String),
}

fn judge(evidence: &Evidence<'_>, scale: &Scale, clocks: &Clocks, serving: &CpuSet) -> Vec<Finding> {
    // The slowest CPU of each group speaks for it.
    let mut groups: BTreeMap<Verdict, (CpuSet, u32, u64)> = BTreeMap::new();
    for cpu in serving.iter() {
        let khz = clocks.khz.get(&cpu).copied();
        let verdict = match khz {
            Some(khz) => compare(evidence, scale, cpu, khz),
            None if clocks.counted => Verdict::Unknown("no clock was counted for them".to_owned()),
            None => Verdict::Unknown(
                "nothing counts their clock, and they were not busy all the time, so that a clock of the moment tells \
                 nothing"
                    .to_owned(),
            ),
        };
        let khz = khz.unwrap_or(u64::MAX);
        let (cpus, slowest, lowest) = groups.entry(verdict).or_insert_with(|| (CpuSet::new(), cpu, khz));
        cpus.insert(cpu);
        if khz < *lowest {
            (*slowest, *lowest) = (cpu, khz);
        }
    }
    groups
        .into_iter()
        .map(|(verdict, (cpus, slowest, khz))| finding(scale, clocks, verdict, &cpus, slowest, khz))
        .collect()
}

fn compare(evidence: &Evidence<'_>, scale: &Scale, cpu: u32, khz: u64) -> Verdict {
    if scale.base.get(&cpu).is_some_and(|&base| (khz as f64) < BASE_SLACK * base as f64) {
        return Verdict::BelowBase;
    }
    let Some(&highest) = scale.highest.get(&cpu).filter(|&&highest| highest > 0) else {
        return Verdict::Unknown("their highest clock is unknown".to_owned());
    };
    let share = Quantity::new(100.0 * khz as f64 / highest as f64);
    if !evidence.limit(&META, &HIGH_CLOCK).is_undercut_by(share) {
        return Verdict::Pass;
    }
    match &scale.few_busy {
        Ok(true) if evidence.limit(&META, &LOW_CLOCK).is_undercut_by(share) => Verdict::Fail,
        Ok(true) => Verdict::Warn,
        Ok(false) => Verdict::Unknown(
            "with this many CPUs busy the all-core turbo is the measure, which no file of the node tells"
                .to_owned(),
        ),
        Err(missing) => Verdict::Unknown(format!("how many CPUs were busy is unknown: {missing}")),
    }
}

fn finding(
    scale: &Scale,
    clocks: &Clocks,
    verdict: Verdict,
    cpus: &CpuSet,
    slowest: u32,
    khz: u64,
) -> Finding {
    let subject = format!("CPUs {cpus}");
    let mhz = khz / 1000;
    let of_highest = || match scale.highest.get(&slowest) {
        Some(&highest) if highest > 0 => {
            format!(
                "{:.1} % of the {} MHz that it can reach",
                100.0 * khz as f64 / highest as f64,
                highest / 1000
            )
        }
        _ => "highest clock unknown".to_owned(),
    };
    let told = format!("CPU {slowest}, the slowest, ran at {mhz} MHz while it served, {}", of_highest());
    let finding = match verdict {
        Verdict::Pass => META.pass(subject, told),
        Verdict::Warn | Verdict::Fail => {
            let finding =
                if verdict == Verdict::Fail { META.fail(subject, told) } else { META.warn(subject, told) };
            finding.with_likelihood(Likelihood::Mechanism)
        }
        Verdict::BelowBase => {
            let base = scale.base.get(&slowest).map_or(0, |base| base / 1000);
            META.fail(subject, format!("{told}, and below its base clock of {base} MHz"))
                .with_likelihood(Likelihood::Mechanism)
        }
        Verdict::Unknown(why) if khz == u64::MAX => return META.not_run(subject, why),
        Verdict::Unknown(why) => META.not_run(subject, format!("{told}: {why}")),
    };
    let confidence = if clocks.counted { Confidence::High } else { Confidence::Low };
    finding.with_confidence(confidence).with_evidence(clocks.citation(slowest, khz))
}
