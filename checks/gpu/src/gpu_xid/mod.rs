//! `gpu.xid`: no critical driver or hardware errors.
//!
//! Xid errors are read from the kernel log. A log that has lost part of the last seven days can show errors but cannot
//! show that there were none; one that begins with the boot of the node can, for the time since.

use plumb_check_sdk::limit::{Count, Limit, Quantity, Seconds};
use plumb_check_sdk::model::{KernelLog, LogLine};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, ThresholdBasis,
};
use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.xid"),
    title: Borrowed("No critical driver or hardware errors"),
    category: Category::GpuHealth,
    severity: Severity::Critical,
    gate: true,
    top15_rank: Some(5),
    rationale: Borrowed(
        "These errors precede outages or are outages: a GPU that has fallen off the bus, memory errors, \
         faults of NVLink, a GPU system processor that does not answer.",
    ),
    business: Borrowed("The GPU has reported a fault of the kind that comes before a failure."),
    needs: Borrowed(&[Borrowed("/kernel_log"), Borrowed("/gpus")]),
    remediation: Remediation {
        runtime: Borrowed(
            "Drain the node; do what the Xid catalogue says: restart the application, reset the GPU, \
             reboot, or call service",
        ),
        persistent: Borrowed("Return the GPU, or update firmware and driver; raise an alert on each Xid"),
        rollback: Borrowed("None: nothing is changed"),
        change: ChangeKind::Hardware,
        verification: Borrowed("`journalctl -k --since -7d | grep 'NVRM: Xid'`"),
        expected_effect: Borrowed("Availability. There is no published number."),
    },
    thresholds: Borrowed(&[RECENT.threshold(), OLD.threshold(), REPEATED.threshold()]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal and virtual machines; containers need the kernel log of the host; NVIDIA",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA: Analyzing Xid Errors with the Xid Catalog"),
            url: Borrowed("https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html"),
        },
        Reference {
            title: Borrowed("NVIDIA Health Validation: Xid checks"),
            url: Borrowed("https://docs.nvidia.com/health-validation/reference/checks/xid"),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
        Reference {
            title: Borrowed("NVIDIA: Dynamic Page Retirement, visibility (Xid 48/63/64)"),
            url: Borrowed("https://docs.nvidia.com/deploy/dynamic-page-retirement/visibility.html"),
        },
        Reference {
            title: Borrowed("leptonai/gpud: GPU health components and thresholds"),
            url: Borrowed("https://github.com/leptonai/gpud"),
        },
    ]),
};

const RECENT: Limit<Seconds> = Limit {
    name: "age up to which one critical error is a failure",
    value: Quantity::new(86_400.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one day",
    date: "2026-11-23",
    applies_to: "critical Xid errors",
};

const OLD: Limit<Seconds> = Limit {
    name: "age up to which errors count",
    value: Quantity::new(604_800.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: seven days",
    date: "2026-11-23",
    applies_to: "Xid errors",
};

const REPEATED: Limit<Count> = Limit {
    name: "critical errors of one kind within the longer time that are a failure",
    value: Quantity::new(2.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: once may be handled, twice is not",
    date: "2026-11-23",
    applies_to: "critical Xid errors",
};

/// See the module.
pub struct GpuXid;

impl Check for GpuXid {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if let Ok(gpus) = evidence.gpus()
            && !gpus.iter().any(|gpu| gpu.vendor == "nvidia" || gpu.vendor == "unknown")
        {
            return Ok(vec![META.not_applicable("node", "no NVIDIA GPU was found")]);
        }
        Ok(judge(evidence, evidence.kernel_log()?))
    }
}

/// Errors after which a GPU is not to be trusted: those that Azure's node health checks look for, and those that NVIDIA's
/// health validation calls critical.
const CRITICAL: &[u32] =
    &[46, 48, 56, 57, 58, 62, 63, 64, 65, 68, 69, 73, 74, 79, 80, 81, 92, 94, 95, 119, 120];
/// Errors that an application causes as a rule: illegal access, reset channel, stopped processing.
const APPLICATION: &[u32] = &[13, 31, 43, 45];
/// A boot that is in the log from its beginning starts before this time.
const AT_BOOT_SECONDS: f64 = 10.0;

/// GPU as the log names it, and number of the error.
type Kind = (String, u32);

fn judge(evidence: &Evidence<'_>, log: &KernelLog) -> Vec<Finding> {
    let old = evidence.limit(&META, &OLD);
    let age = |line: &LogLine| Quantity::new((log.to_seconds - line.seconds).max(0.0));
    let mut kinds: BTreeMap<Kind, Vec<&LogLine>> = BTreeMap::new();
    let mut findings = Vec::new();
    for line in log.lines.iter().filter(|line| line.subject == "xid" && !old.is_exceeded_by(age(line))) {
        match parse(&line.text) {
            Some(kind) => kinds.entry(kind).or_default().push(line),
            None => findings.push(
                META.warn("node", "a line of the log tells of an Xid error in words that are not known")
                    .with_confidence(Confidence::Low)
                    .with_evidence(quote(log, line)),
            ),
        }
    }
    for ((gpu, number), lines) in &kinds {
        findings.push(of_kind(evidence, log, gpu, *number, lines));
    }
    if log.truncated {
        findings.push(META.not_run("node", format!("{} holds more lines than were kept", log.path)));
    }
    let covered = log.to_seconds - log.from_seconds;
    let days = |seconds: f64| format!("{:.1} days", seconds / 86_400.0);
    let whole_boot = log.from_seconds <= AT_BOOT_SECONDS;
    if !whole_boot && old.is_undercut_by(Quantity::new(covered)) {
        let message = format!("{} goes back {} only: what came before is lost", log.path, days(covered));
        findings.push(META.not_run("node", message));
    } else if findings.is_empty() {
        let citation =
            Citation::new(&log.path, format!("no Xid in the last {}", days(covered.min(old.value.number()))));
        let finding = if old.is_undercut_by(Quantity::new(covered)) {
            META.pass("node", format!("no Xid error since the node was booted {} ago", days(covered)))
                .with_confidence(Confidence::Medium)
        } else {
            META.pass("node", "no Xid error in the last seven days")
        };
        findings.push(finding.with_evidence(citation));
    }
    findings
}

fn of_kind(evidence: &Evidence<'_>, log: &KernelLog, gpu: &str, number: u32, lines: &[&LogLine]) -> Finding {
    let subject = format!("GPU {gpu}, Xid {number}");
    let recent = evidence.limit(&META, &RECENT);
    let last = lines.iter().map(|line| line.seconds).fold(f64::MIN, f64::max);
    let since = (log.to_seconds - last).max(0.0);
    let times = if lines.len() == 1 { "once".to_owned() } else { format!("{} times", lines.len()) };
    let when = format!("{times} in seven days, last {:.1} hours ago", since / 3600.0);
    let finding = if CRITICAL.contains(&number) {
        let repeated = !evidence.limit(&META, &REPEATED).is_undercut_by(Quantity::new(lines.len() as f64));
        if repeated || !recent.is_exceeded_by(Quantity::new(since)) {
            META.fail(subject, format!("critical error, {when}"))
        } else {
            META.warn(subject, format!("critical error that may have been handled, {when}"))
        }
    } else if APPLICATION.contains(&number) {
        META.warn(subject, format!("error of the kind that applications cause, {when}"))
    } else {
        META.warn(
            subject,
            format!("error that is neither critical nor known to come from applications, {when}"),
        )
        .with_confidence(Confidence::Medium)
    };
    let finding = finding.with_likelihood(Likelihood::Mechanism);
    match lines.last() {
        Some(line) => finding.with_evidence(quote(log, line)),
        None => finding,
    }
}

fn quote(log: &KernelLog, line: &LogLine) -> Citation {
    Citation::new(&log.path, format!("[{:.3}] {}", line.seconds, line.text))
}

/// `NVRM: Xid (PCI:0000:18:00): 79, pid=1, …` → (`0000:18:00`, 79).
fn parse(text: &str) -> Option<Kind> {
    let rest = text.split_once("Xid (")?.1;
    let (gpu, rest) = rest.split_once("):")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    Some((gpu.trim_start_matches("PCI:").to_lowercase(), digits.parse().ok()?))
}
