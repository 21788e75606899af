//! `mem.host-ecc`: host memory reports no errors.
//!
//! Errors that were not corrected fail. Corrected ones are judged by their number per day since the counters were
//! reset, and by what a module adds during the window: one alone warns, as an hour says little about a day.
//!
//! In a virtual machine the host sees the errors. On bare metal without a driver for the memory controller nobody
//! counts them, which is unanswered and not healthy.

use plumb_check_sdk::limit::{Count, Limit, PerDay, Quantity};
use plumb_check_sdk::model::{MemoryController, ModuleErrors};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis,
};
use std::borrow::Cow::Borrowed;

/// See the module.
pub struct MemHostEcc;

const DAILY: Limit<PerDay> = Limit {
    name: "corrected errors of one memory module a day",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "bare metal with ECC memory; less than a day counts as one",
};
const IN_WINDOW: Limit<Count> = Limit {
    name: "corrected errors of one memory controller during the window",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: as many in minutes as are too many in a day",
    date: "2026-11-23",
    applies_to: "bare metal with ECC memory",
};

static THRESHOLDS: [Threshold; 2] = [DAILY.threshold(), IN_WINDOW.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("mem.host-ecc"),
    title: Borrowed("Host memory reports no errors"),
    category: Category::Memory,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Errors that cannot be corrected kill processes, and a rising number of corrected ones announces \
         them.",
    ),
    business: Borrowed("A memory module is failing."),
    needs: Borrowed(&[
        Borrowed("/node/virtualization"),
        Borrowed("/memory/controllers"),
        Borrowed("/window/values/memory"),
        Borrowed("/kernel_log"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("none; plan to drain the node"),
        persistent: Borrowed("replace the module that the evidence or the log names"),
        rollback: Borrowed("not applicable"),
        change: ChangeKind::Hardware,
        verification: Borrowed("`grep . /sys/devices/system/edac/mc/mc*/*e_count`; `ras-mc-ctl --errors`"),
        expected_effect: Borrowed("Availability. No published number."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal; in a virtual machine the host counts them"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Linux kernel: EDAC / RAS"),
            url: Borrowed("https://docs.kernel.org/admin-guide/RAS/main.html"),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
    ]),
};

impl Check for MemHostEcc {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if let Some(hypervisor) = evidence.hypervisor()? {
            let message =
                format!("virtual machine ({hypervisor}): its host counts the errors, ask the provider");
            return Ok(vec![META.not_applicable("node", message)]);
        }
        let mut findings = machine_checks(evidence);
        let controllers: Vec<MemoryController> = match evidence.get("/memory/controllers") {
            Err(why) if why.missing == Absence::Absent => {
                let message = "no driver counts memory errors: load the EDAC module of this platform, or ask \
                               the management controller";
                findings.push(META.not_run("memory controllers", message));
                return Ok(findings);
            }
            controllers => controllers?,
        };
        let mut healthy = Vec::new();
        for controller in &controllers {
            match judge(evidence, controller) {
                Ok(Some(finding)) => findings.push(finding),
                Ok(None) => healthy.push(name(controller)),
                Err(why) => findings.push(META.not_run(name(controller), why.to_string())),
            }
        }
        if !healthy.is_empty() {
            findings.push(META.pass(healthy.join(", "), "no error since the counters were reset"));
        }
        Ok(findings)
    }
}

fn name(controller: &MemoryController) -> String {
    let id = controller.path.rsplit('/').next().unwrap_or_default();
    match controller.name.known() {
        Some(name) => format!("memory controller {id} ({name})"),
        None => format!("memory controller {id}"),
    }
}

/// Reports of the processor's machine check architecture in the log.
fn machine_checks(evidence: &Evidence<'_>) -> Vec<Finding> {
    let subject = "machine checks";
    let log = match evidence.kernel_log() {
        Ok(log) => log,
        Err(why) => return vec![META.not_run(subject, why.to_string())],
    };
    let is_report = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("[hardware error]") || text.contains("machine check events logged")
    };
    let lines: Vec<&str> = log
        .lines
        .iter()
        .filter(|line| line.subject == "mce" && is_report(&line.text))
        .map(|line| line.text.as_str())
        .collect();
    let Some(last) = lines.last() else { return Vec::new() };
    let message = format!("the kernel's log has {} lines of machine check errors", lines.len());
    vec![
        META.fail(subject, message)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(&log.path, *last)),
    ]
}

/// Corrected errors that a counter gained in the window, where it was read twice.
fn gained(evidence: &Evidence<'_>, path: &str) -> Option<u64> {
    let values: std::collections::BTreeMap<String, Vec<String>> =
        evidence.get("/window/values/memory").ok()?;
    let readings: Vec<u64> =
        values.get(path)?.iter().map(|text| text.trim().parse().ok()).collect::<Option<_>>()?;
    readings.last()?.checked_sub(*readings.first()?)
}

/// The module with most corrected errors, with its place.
fn worst(controller: &MemoryController) -> Option<(&ModuleErrors, u64)> {
    let counted = controller.modules.iter().filter_map(|module| Some((module, *module.ce_count.known()?)));
    counted.filter(|&(_, count)| count > 0).max_by_key(|&(_, count)| count)
}

fn judge(evidence: &Evidence<'_>, controller: &MemoryController) -> Result<Option<Finding>, Missing> {
    let (uncorrected, corrected) = (*controller.ue_count.require()?, *controller.ce_count.require()?);
    let cite =
        |file: &str, value: u64| Citation::new(format!("{}/{file}", controller.path), value.to_string());
    let subject = name(controller);
    let of_module = |finding: Finding| match worst(controller) {
        Some((module, count)) => {
            let label = module.label.known().map_or("", String::as_str);
            let value = format!("{label}: {count}");
            finding.with_evidence(Citation::new(
                format!("{}/dimm_ce_count", module.path),
                value.trim_start_matches(": "),
            ))
        }
        None => finding,
    };
    if uncorrected > 0 {
        let finding = META
            .fail(subject, format!("{uncorrected} memory errors could not be corrected"))
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite("ue_count", uncorrected));
        return Ok(Some(of_module(finding)));
    }
    let window = gained(evidence, &format!("{}/ce_count", controller.path)).unwrap_or(0);
    if corrected == 0 && window == 0 {
        return Ok(None);
    }
    let days = controller.seconds_since_reset.known().map(|&seconds| (seconds as f64 / 86_400.0).max(1.0));
    let most = worst(controller).map_or(corrected, |(_, count)| count);
    let per_day = days.map(|days| most as f64 / days);
    let many = per_day.is_some_and(|rate| !evidence.limit(&META, &DAILY).is_undercut_by(Quantity::new(rate)))
        || !evidence.limit(&META, &IN_WINDOW).is_undercut_by(Quantity::new(window as f64));
    let rate = match per_day {
        Some(rate) => format!("up to {rate:.1} a day on one module"),
        None => "over an unknown time".to_owned(),
    };
    let message = format!("{corrected} memory errors were corrected, {rate}, {window} of them in the window");
    let finding = if many { META.fail(subject, message) } else { META.warn(subject, message) };
    let finding = finding.with_likelihood(Likelihood::Mechanism).with_evidence(cite("ce_count", corrected));
    Ok(Some(of_module(match controller.seconds_since_reset.known() {
        Some(&seconds) => finding.with_evidence(cite("seconds_since_reset", seconds)),
        None if !many => {
            return Ok(Some(META.not_run(
                name(controller),
                format!("{corrected} memory errors were corrected over an unknown time"),
            )));
        }
        None => finding,
    })))
}
