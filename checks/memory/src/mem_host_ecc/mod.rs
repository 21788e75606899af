//! `mem.host-ecc`: host memory reports no errors.
//!
//! Errors that were not corrected fail. Corrected ones are judged by their number per day since the counters were
//! reset, and by what a module adds during the window: one alone warns, as an hour says little about a day.
//!
//! In a virtual machine the host sees the errors. On bare metal without a driver for the memory controller nobody
//! counts them, which is unanswered and not healthy.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{MemoryController, ModuleErrors};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, HardwarePart, Intent, Likelihood, Missing, NoVerdict, Object,
    ObjectKind, Step,
};

use crate::pages::mem_host_ecc::{DAILY, IN_WINDOW, PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let hypervisor = evidence.hypervisor();
    if let Ok(Some(hypervisor)) = hypervisor {
        return Err(NoVerdict::not_applicable(words::Virtual { virtualization: hypervisor.into() }));
    }
    let controllers = hypervisor.and_then(|_| evidence.get::<Vec<MemoryController>>("/memory/controllers"));
    let mut findings: Vec<Finding> =
        machine_checks(evidence).into_iter().chain(logged(evidence, controllers.is_ok())).collect();
    let controllers = match controllers {
        Ok(controllers) => controllers,
        Err(why) => {
            let all = Object::new(ObjectKind::Other, "memory controllers");
            let absent = why.is_absent();
            findings.push(if absent {
                PAGE.not_run(all, words::NoDriver {})
            } else {
                PAGE.missing(all, &why)
            });
            return Ok(findings);
        }
    };
    let mut healthy = Vec::new();
    for controller in &controllers {
        match judge(evidence, controller) {
            Ok(Some(finding)) => findings.push(finding),
            Ok(None) => healthy.push(controller),
            Err(why) => findings.push(PAGE.missing(object(&[controller]), &why)),
        }
    }
    if !healthy.is_empty() {
        findings.push(PAGE.pass(object(&healthy), words::NoError {}));
    }
    Ok(findings)
}

fn id(controller: &MemoryController) -> &str {
    controller.path.rsplit('/').next().unwrap_or_default()
}

fn object(controllers: &[&MemoryController]) -> Object {
    let name = |controller: &&MemoryController| match controller.name.known() {
        Some(name) => format!("memory controller {} ({name})", id(controller)),
        None => format!("memory controller {}", id(controller)),
    };
    let ids: Vec<&str> = controllers.iter().map(|controller| id(controller)).collect();
    let names: Vec<String> = controllers.iter().map(name).collect();
    Object::new(ObjectKind::Other, ids.join(", ")).named(names.join(", "))
}

/// Reports of the processor's machine check architecture in the log.
fn machine_checks(evidence: &Evidence<'_>) -> Option<Finding> {
    let object = Object::new(ObjectKind::Other, "machine checks");
    let log = match evidence.kernel_log() {
        Ok(log) => log,
        Err(why) => return Some(PAGE.missing(object, &why)),
    };
    let is_report = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("[hardware error]") || text.contains("machine check events logged")
    };
    let mut reports = log.lines.iter().filter(|line| line.subject == "mce" && is_report(&line.text));
    let lines_count = Arg::count(reports.clone().count());
    // It may be another part than the memory that the processor reports.
    Some(
        PAGE.fail(object, words::MachineChecks { lines_count })
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(&log.path, &reports.next_back()?.text))
            .with_intent(Intent::Step { step: Step::WatchLog }),
    )
}

/// Errors of memory that the driver of the controllers has logged (`EDAC MC0: 1 UE memory read error on …`); corrected ones
/// count only where nobody counted them.
fn logged(evidence: &Evidence<'_>, are_counted: bool) -> Option<Finding> {
    let log = evidence.kernel_log().ok()?;
    let (uncorrected, corrected) = log.memory_errors();
    let (kind, lines) = match (uncorrected.is_empty(), are_counted || corrected.is_empty()) {
        (false, _) => ("uncorrected", uncorrected),
        (true, false) => ("corrected", corrected),
        (true, true) => return None,
    };
    let said = words::Logged { kind: kind.into(), lines_count: lines.len().into() };
    let object = Object::new(ObjectKind::Other, "memory errors in the log");
    let finding = if kind == "corrected" { PAGE.warn(object, said) } else { PAGE.fail(object, said) };
    Some(
        finding
            .with_likelihood(Likelihood::Mechanism)
            .with_citations(lines.last().map(|line| Citation::new(&log.path, &line.text)))
            .with_intent(Intent::Step { step: Step::WatchLog }),
    )
}

/// Corrected errors that a counter gained in the window, where it was read twice.
fn gained(evidence: &Evidence<'_>, path: &str) -> Option<u64> {
    let values: BTreeMap<String, Vec<String>> = evidence.get("/window/values/memory").ok()?;
    let readings: Vec<u64> =
        values.get(path)?.iter().map(|text| text.trim().parse().ok()).collect::<Option<_>>()?;
    readings.last()?.checked_sub(*readings.first()?)
}

/// The module of a controller with most errors of one kind.
struct Worst {
    /// Where it is: by its label, where someone has told the kernel, else by its folder.
    place: String,
    errors: u64,
    citation: Citation,
}

impl Worst {
    fn of(controller: &MemoryController, file: &str, count: fn(&ModuleErrors) -> &Fact<u64>) -> Option<Self> {
        let counted = controller.modules.iter().filter_map(|module| Some((module, *count(module).known()?)));
        let (module, errors) = counted.filter(|&(_, errors)| errors > 0).max_by_key(|&(_, errors)| errors)?;
        let label = module.label.known().map_or("", |label| label.trim());
        let folder = || format!("{} {}", id(controller), module.path.rsplit('/').next().unwrap_or_default());
        let place = if label.is_empty() { folder() } else { label.to_owned() };
        let citation = Citation::new(format!("{}/{file}", module.path), format!("{place}: {errors}"));
        Some(Self { place, errors, citation })
    }
}

fn replace(worst: Option<&Worst>, controller: &MemoryController) -> Intent {
    let at = worst.map_or_else(|| id(controller).to_owned(), |worst| worst.place.clone());
    Intent::Hardware { part: HardwarePart::MemoryModule, at: Some(at) }
}

fn judge(evidence: &Evidence<'_>, controller: &MemoryController) -> Result<Option<Finding>, Missing> {
    let (uncorrected, corrected) = (*controller.ue_count.require()?, *controller.ce_count.require()?);
    let cite =
        |file: &str, value: u64| Citation::new(format!("{}/{file}", controller.path), value.to_string());
    let object = object(&[controller]);
    let name = Arg::from(id(controller));
    let told = |finding: Finding, counter: Citation, worst: Option<Worst>| {
        let finding = finding.with_likelihood(Likelihood::Mechanism).with_evidence(counter);
        finding.with_citations(worst.map(|worst| worst.citation))
    };
    if uncorrected > 0 {
        let worst = Worst::of(controller, "dimm_ue_count", |module| &module.ue_count);
        let said = words::Uncorrected { controller: name, errors_count: uncorrected.into() };
        let finding = PAGE
            .fail(object, said)
            .with_intent(replace(worst.as_ref(), controller))
            .with_intent(Intent::Step { step: Step::Drain });
        return Ok(Some(told(finding, cite("ue_count", uncorrected), worst)));
    }
    let window = gained(evidence, &format!("{}/ce_count", controller.path)).unwrap_or(0);
    if corrected == 0 && window == 0 {
        return Ok(None);
    }
    let worst = Worst::of(controller, "dimm_ce_count", |module| &module.ce_count);
    let since = controller.seconds_since_reset.known().copied();
    let days = since.map(|seconds| (seconds as f64 / 86_400.0).max(1.0));
    let most = worst.as_ref().map_or(corrected, |worst| worst.errors);
    let rate = days.map(|days| Quantity::new(most as f64 / days));
    let many = rate.is_some_and(|rate| !evidence.limit(&PAGE, &DAILY).is_undercut_by(rate))
        || !evidence.limit(&PAGE, &IN_WINDOW).is_undercut_by(Quantity::new(window as f64));
    let (errors_count, window_count) = (Arg::from(corrected), Arg::from(window));
    let day_rate = rate.map(|rate| Arg::quantity(rate.number(), "", 1));
    let finding = match (many, day_rate) {
        (true, Some(day_rate)) => {
            PAGE.fail(object, words::Many { controller: name, day_rate, errors_count, window_count })
        }
        (true, None) => {
            PAGE.fail(object, words::ManyInWindow { controller: name, errors_count, window_count })
        }
        (false, Some(day_rate)) => {
            PAGE.warn(object, words::Few { controller: name, day_rate, errors_count, window_count })
        }
        (false, None) => return Ok(Some(PAGE.not_run(object, words::UnknownTime { errors_count }))),
    };
    let goal = if many { replace(worst.as_ref(), controller) } else { Intent::Step { step: Step::WatchLog } };
    let finding = told(finding.with_intent(goal), cite("ce_count", corrected), worst);
    Ok(Some(finding.with_citations(since.map(|seconds| cite("seconds_since_reset", seconds)))))
}
