//! `cpu.uncore-elc`: the uncore clock is not parked low.
//!
//! The uncore of Intel server CPUs (mesh, cache, memory controllers, PCI Express) has limits of its own per domain.
//! The lowest clock that a domain may fall to is its lower limit, or the floor of the efficiency latency control
//! where that is higher: the firmware ignores a lower floor. Which mode the firmware calls the control by, optimised
//! power or latency optimised, no file tells; the floor is its effect. Where the kernel shows both packages and
//! domains, the domains are judged.
//!
//! AMD's data fabric is set in the firmware alone, which no file tells: `not-run`, with what to ask for.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::host;
use crate::settings::{Settings, setting};

const ROOT: &str = "/sys/devices/system/cpu/intel_uncore_frequency";

/// Step of the uncore clock: a reading may be one above the limit.
const STEP_KHZ: u64 = 100_000;

/// See the module.
pub struct CpuUncoreElc;

const FLOOR: Limit<Percent> = Limit {
    name: "lowest uncore clock as a share of the highest",
    value: Quantity::new(80.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: below it, memory latency rises by a measurable part",
    date: "2026-11-23",
    applies_to: "Intel server CPUs whose uncore clock the kernel shows",
};

static THRESHOLDS: [Threshold; 1] = [FLOOR.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("cpu.uncore-elc"),
    title: Borrowed("Uncore / fabric clock is not parked low"),
    category: Category::CpuPerformance,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Latency of memory and of PCI Express rises when the mesh or the data fabric slows down at light \
         load.",
    ),
    business: Borrowed("The roads inside the processor are set to a low speed limit when traffic is light."),
    needs: Borrowed(&[
        Borrowed("/cpu/vendor"),
        Borrowed("/node/virtualization"),
        Borrowed("/settings/power"),
        Borrowed("/window/gpus"),
        Borrowed("/window/processes"),
        Borrowed("/window/seconds"),
        Borrowed("/window/values/power"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`for f in /sys/devices/system/cpu/intel_uncore_frequency/*/min_freq_khz; do cat \
             ${f%min*}max_freq_khz > $f; done`",
        ),
        persistent: Borrowed(
            "In the firmware, latency optimised mode (Intel) or APBDIS = 1 (AMD); or the section `[uncore]` \
             of a TuneD profile",
        ),
        rollback: Borrowed("Write the recorded values to `min_freq_khz`"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`grep . /sys/devices/system/cpu/intel_uncore_frequency/*/current_freq_khz`"),
        expected_effect: Borrowed("There is no published number for language models."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("governor"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; not virtual machines; Intel Xeon of the 4th generation and later, AMD EPYC",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Intel PerfSpect: report insights"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed(
                "AMD Instinct MI300X system optimization (EPYC 9004 BIOS, C-states, NUMA balancing, \
                 iommu=pt)",
            ),
            url: Borrowed(
                "https://github.com/ROCm/amdgpu-docs/blob/develop/docs/system-optimization/mi300x.rst",
            ),
        },
        Reference {
            title: Borrowed(
                "Linux kernel docs: Intel Uncore Frequency Scaling (incl. efficiency latency control)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/pm/intel_uncore_frequency_scaling.html"),
        },
        Reference {
            title: Borrowed("Intel PCM: Latency Optimized Mode in Intel Xeon 6 Processors"),
            url: Borrowed("https://github.com/intel/pcm/blob/master/doc/LATENCY-OPTIMIZED-MODE.md"),
        },
    ]),
};

impl Check for CpuUncoreElc {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let settings = evidence.settings("power")?;
        let domains = domains(&settings);
        if domains.is_empty() {
            return without(evidence);
        }
        let readings = readings(evidence);
        let mut groups: BTreeMap<(Kind, String), Vec<Judged>> = BTreeMap::new();
        for domain in domains {
            let judged = judge(evidence, &settings, domain, &readings);
            groups.entry((judged.kind, judged.message.clone())).or_default().push(judged);
        }
        let unseen: Vec<&str> = groups
            .values()
            .flatten()
            .filter(|judged| judged.unseen)
            .map(|judged| judged.domain.as_str())
            .collect();
        let mut findings: Vec<Finding> = groups.values().filter_map(|group| finding(group)).collect();
        if !unseen.is_empty() {
            let why = readings.err().map_or_else(String::new, |missing| format!(": {missing}"));
            let message = format!("whether the uncore clock stays low under load is unknown{why}");
            findings.push(META.not_run(format!("uncore {} under load", unseen.join(", ")), message));
        }
        Ok(findings)
    }
}

fn without(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    if host::is_virtual(evidence)? {
        return Ok(vec![
            META.not_applicable("node", "virtual machine: the hypervisor keeps the uncore clock"),
        ]);
    }
    let vendor: String = evidence.get("/cpu/vendor")?;
    Ok(vec![match vendor.as_str() {
        "GenuineIntel" => META.not_run(
            "node",
            "the kernel shows no uncore clock: load the module `intel_uncore_frequency`, and as root",
        ),
        "AuthenticAMD" | "HygonGenuine" => META.not_run(
            "node",
            "only the firmware tells the clock of the data fabric: ask for APBDIS (1 holds it) and the fixed SOC P-state \
             (P0 is the highest)",
        ),
        _ => META.not_applicable("node", format!("`{vendor}` CPUs have no uncore clock that can be set")),
    }])
}

/// Domains that can be judged: the finest that the kernel shows.
fn domains(settings: &Settings) -> BTreeSet<&str> {
    let all: BTreeSet<&str> = settings
        .keys()
        .filter_map(|path| path.strip_prefix(ROOT)?.strip_prefix('/')?.split('/').next())
        .collect();
    let fine: BTreeSet<&str> = all.iter().copied().filter(|name| name.starts_with("uncore")).collect();
    if fine.is_empty() { all } else { fine }
}

/// Clocks at each reading under load, by path.
fn readings(evidence: &Evidence<'_>) -> Result<BTreeMap<String, Vec<String>>, Missing> {
    let values = evidence.get("/window/values/power")?;
    evidence.under_load()?;
    Ok(values)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fail,
    Warn,
    Pass,
    NotRun,
}

struct Judged {
    kind: Kind,
    domain: String,
    message: String,
    evidence: Vec<Citation>,
    /// True where the clock under load would have told more.
    unseen: bool,
}

type Readings = Result<BTreeMap<String, Vec<String>>, Missing>;

fn judge(evidence: &Evidence<'_>, settings: &Settings, domain: &str, readings: &Readings) -> Judged {
    let told = |kind, message, evidence| Judged {
        kind,
        domain: domain.to_owned(),
        message,
        evidence,
        unseen: false,
    };
    let path = |file: &str| format!("{ROOT}/{domain}/{file}");
    let khz = |file: &str| -> Result<u64, Missing> {
        let text = setting(settings, &path(file))?;
        text.trim().parse().map_err(|_| {
            Missing::new(Absence::Malformed, format!("{} holds `{text}`, expected a number", path(file)))
        })
    };
    let (lower, upper) = match (khz("min_freq_khz"), khz("max_freq_khz")) {
        (Ok(lower), Ok(upper)) => (lower, upper),
        (Err(missing), _) | (_, Err(missing)) => return told(Kind::NotRun, missing.to_string(), Vec::new()),
    };
    let floor = khz("elc_floor_freq_khz").ok();
    let lowest = lower.max(floor.unwrap_or(0));
    let mut cited = vec![
        Citation::new(path("min_freq_khz"), lower.to_string()),
        Citation::new(path("max_freq_khz"), upper.to_string()),
    ];
    cited.extend(floor.map(|floor| Citation::new(path("elc_floor_freq_khz"), floor.to_string())));
    let share = Quantity::new(100.0 * lowest as f64 / upper.max(1) as f64);
    if !evidence.limit(&META, &FLOOR).is_undercut_by(share) {
        let message = format!("may fall to {} MHz of {} MHz", lowest / 1000, upper / 1000);
        return told(Kind::Pass, message, cited);
    }
    let message = format!("may fall to {} MHz, far below {} MHz", lowest / 1000, upper / 1000);
    let current = path("current_freq_khz");
    let seen = readings.as_ref().ok().and_then(|values| values.get(&current));
    let clocks: Option<Vec<u64>> =
        seen.map(|texts| texts.iter().filter_map(|text| text.trim().parse().ok()).collect());
    match clocks {
        Some(clocks) if !clocks.is_empty() && clocks.iter().all(|&clock| clock <= lowest + STEP_KHZ) => {
            let texts: Vec<String> = clocks.iter().map(u64::to_string).collect();
            cited.push(Citation::new(current, format!("{} at the readings", texts.join(", "))));
            told(Kind::Fail, format!("{message}, and stayed there under load"), cited)
        }
        clocks => Judged {
            unseen: clocks.is_none_or(|clocks| clocks.is_empty()),
            ..told(Kind::Warn, message, cited)
        },
    }
}

fn finding(group: &[Judged]) -> Option<Finding> {
    let first = group.first()?;
    let names: Vec<&str> = group.iter().map(|judged| judged.domain.as_str()).collect();
    let subject = format!("uncore {}", names.join(", "));
    let finding = match first.kind {
        Kind::Fail => META.fail(subject, &first.message).with_likelihood(Likelihood::Mechanism),
        Kind::Warn => META.warn(subject, &first.message).with_likelihood(Likelihood::Setting),
        Kind::Pass => META.pass(subject, &first.message),
        Kind::NotRun => return Some(META.not_run(subject, &first.message)),
    };
    Some(
        first.evidence.iter().cloned().fold(finding.with_confidence(Confidence::Low), Finding::with_evidence),
    )
}
