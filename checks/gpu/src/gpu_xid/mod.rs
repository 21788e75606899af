//! `gpu.xid`: no critical driver or hardware errors.
//!
//! Xid errors are read from the kernel log, and beside them what the driver writes without such a number: a GPU that has
//! fallen off the bus or did not start, and errors of NVSwitches (SXid). A log that has lost part of the last seven days can
//! show errors but cannot show that there were none; one that begins with the boot of the node can, for the time since.
//! A GPU that has fallen off the bus or did not start is gone until the next boot, however long ago that was.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Quantity, Seconds};
use plumb_check_sdk::model::{Gpu, KernelLog, LogLine};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, GpuState, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, Object, ObjectKind, Outcome, Said, Step,
};

use crate::gpus::{self, GPU_LINK, GPU_MEMORY};
use crate::pages::gpu_xid::{OLD, PAGE, RECENT, REPEATED, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    if let Ok(Some(silent)) = gpus::without_nvidia(evidence) {
        return Err(silent.into());
    }
    let log = evidence.kernel_log()?;
    Ok(Judge { evidence, log, gpus: evidence.gpus() }.judge())
}

/// Critical errors for which NVIDIA's catalogue asks to reset the GPU, now or after the restart of what ran on it.
const RESET: &[u32] =
    &[46, 48, 62, 64, 94, 95, 109, 110, 119, 120, 136, 140, 143, 154, 155, 156, 158, 171, 172];
/// Errors of NVLinks.
const LINKS: &[u32] = &[74, 144, 145, 146, 147, 148, 149, 150];
/// The driver asks for something else to be done than before.
const ACTION: u32 = 154;
/// The GPU has fallen off the bus.
const OFF_THE_BUS: u32 = 79;
/// Other errors after which a GPU is not to be trusted: those that Azure's node health checks look for.
const CRITICAL: &[u32] = &[56, 57, 58, 65, 68, 69, 73, 80, 81];
/// Errors that tell of memory that was repaired, or whose single errors were corrected: a note by NVIDIA's catalogue.
const NOTES: &[u32] = &[63, 92];
/// Errors that an application causes as a rule: illegal access, reset channel, stopped processing.
const APPLICATION: &[u32] = &[13, 31, 43, 45];
/// Errors of memory, which `gpu.ecc-remap` tells of as well.
const MEMORY: &[u32] = &[48, 63, 64, 92, 94, 95, 140, 171, 172];
/// A boot that is in the log from its beginning starts before this time.
const AT_BOOT_SECONDS: f64 = 10.0;

/// What the log tells of a GPU or a switch, named as the log names it; the name is empty where the log has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Xid(String, u32),
    /// Fallen off the bus, told without a number.
    Fallen(String),
    /// The driver could not start it.
    NotStarted(String),
    /// An error of an NVSwitch, and whether it is fatal.
    Switch(String, u32, bool),
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    log: &'a KernelLog,
    gpus: Result<&'a [Gpu], Missing>,
}

impl Judge<'_> {
    fn judge(&self) -> Vec<Finding> {
        let log = self.log;
        let old = self.evidence.limit(&PAGE, &OLD);
        let (kinds, mut findings) = self.kinds();
        findings.extend(kinds.iter().map(|(kind, lines)| self.of_kind(kind, lines)));
        if log.truncated {
            findings.push(PAGE.not_run(Object::node(), words::Truncated { path: (&log.path).into() }));
        }
        let covered = Quantity::new(log.to_seconds - log.from_seconds);
        let whole_boot = log.from_seconds <= AT_BOOT_SECONDS;
        if !whole_boot && old.is_undercut_by(covered) {
            let (age, unit) = age(covered);
            let said = words::Lost { age, path: (&log.path).into(), unit };
            findings.push(PAGE.not_run(Object::node(), said));
        }
        if !findings.is_empty() {
            return findings;
        }
        // Without a GPU there would be no errors either.
        if let Err(missing) = &self.gpus {
            return vec![PAGE.not_run(Object::node(), words::GpusUnknown { reason: missing.into() })];
        }
        let days = covered.number().min(old.value.number()) / DAY;
        let citation = Citation::new(&log.path, format!("no Xid in the last {days:.1} days"));
        let finding = if old.is_undercut_by(covered) {
            let (age, unit) = age(covered);
            PAGE.pass(Object::node(), words::NoneSinceBoot { age, unit }).with_confidence(Confidence::Medium)
        } else {
            let (age, unit) = age(old.value);
            PAGE.pass(Object::node(), words::None { age, unit })
        };
        vec![finding.with_evidence(citation)]
    }

    /// The lines of the time that counts by what they tell, and findings about those that nobody understands.
    fn kinds(&self) -> (BTreeMap<Kind, Vec<&LogLine>>, Vec<Finding>) {
        let old = self.evidence.limit(&PAGE, &OLD);
        let mut kinds: BTreeMap<Kind, Vec<&LogLine>> = BTreeMap::new();
        let mut findings = Vec::new();
        // The driver may name the GPU in the line before the one that says what happened to it.
        let mut named = String::new();
        for line in &self.log.lines {
            let is_xid = line.subject == "xid";
            if !is_xid && line.subject != "nvrm" {
                continue;
            }
            let address = address(&line.text);
            if let Some(address) = address.filter(|_| !is_xid) {
                named = address.to_owned();
            }
            let kind = if is_xid { parse(&line.text) } else { untold(&line.text, &named) };
            let age = (self.log.to_seconds - line.seconds).max(0.0);
            if old.is_exceeded_by(Quantity::new(age)) && !kind.as_ref().is_some_and(lasts) {
                continue;
            }
            match kind {
                Some(kind) => kinds.entry(kind).or_default().push(line),
                None if is_xid => findings.push(
                    PAGE.warn(Object::node(), words::Unreadable {})
                        .with_confidence(Confidence::Low)
                        .with_evidence(self.quote(line))
                        .with_intent(Intent::Step { step: Step::WatchLog }),
                ),
                None => {}
            }
        }
        // The driver says it twice, with and without the number.
        let twice = |gpu: &str| {
            kinds.keys().any(|kind| matches!(kind, Kind::Xid(own, OFF_THE_BUS) if is_of(gpu, own)))
        };
        let once: Vec<Kind> =
            kinds.keys().filter(|kind| matches!(kind, Kind::Fallen(gpu) if twice(gpu))).cloned().collect();
        kinds.retain(|kind, _| !once.contains(kind));
        (kinds, findings)
    }

    fn of_kind(&self, kind: &Kind, lines: &[&LogLine]) -> Finding {
        let lines = telling(kind, lines);
        let last = lines.iter().map(|line| line.seconds).fold(f64::MIN, f64::max);
        let since = (self.log.to_seconds - last).max(0.0);
        let text = lines.last().map(|line| line.text.as_str()).unwrap_or_default();
        let times = Arg::count(lines.len());
        // The time that counts goes back to the first of the lines, where that lasts.
        let first = lines.iter().map(|line| line.seconds).fold(f64::MAX, f64::min);
        let days = (self.evidence.limit(&PAGE, &OLD).value.number() / DAY).round();
        let days = days.max(((self.log.to_seconds - first) / DAY).ceil()) as u64;
        let when = Times { last: Arg::quantity(since / HOUR, "", 1), days: days.into(), times };
        let is_fresh = lasts(kind)
            || lines.len() as f64 >= self.evidence.limit(&PAGE, &REPEATED).value.number()
            || !self.evidence.limit(&PAGE, &RECENT).is_exceeded_by(Quantity::new(since));
        let critical = |fresh: Said, handled: Said| {
            if is_fresh { (Outcome::Fail, fresh) } else { (Outcome::Warn, handled) }
        };
        let (object, gpu) = self.object(kind);
        // Sentences say "a GPU" where the log names none.
        let device = Arg::from(if object.id.is_empty() { "none" } else { object.id.as_str() });
        let (outcome, said) = match kind {
            Kind::Xid(_, number) if is_critical(*number, text) => critical(
                when.said("critical", device.clone(), Some(*number)),
                when.said("handled", device, Some(*number)),
            ),
            Kind::Xid(_, number) => {
                let variant = match number {
                    number if NOTES.contains(number) => "note",
                    number if APPLICATION.contains(number) => "application",
                    _ => "other",
                };
                (Outcome::Warn, when.said(variant, device, Some(*number)))
            }
            Kind::Fallen(_) => (Outcome::Fail, when.said("fallen", device, None)),
            Kind::NotStarted(_) => (Outcome::Fail, when.said("not-started", device, None)),
            Kind::Switch(_, number, true) => critical(
                when.said("switch", device.clone(), Some(*number)),
                when.said("switch-handled", device, Some(*number)),
            ),
            Kind::Switch(_, number, false) => {
                (Outcome::Warn, when.said("switch-minor", device, Some(*number)))
            }
        };
        let confidence = if said.variant == "other" { Confidence::Medium } else { Confidence::High };
        let finding = PAGE
            .says(outcome, object, said)
            .with_likelihood(Likelihood::Mechanism)
            .with_confidence(confidence)
            .with_intents(self.goals(kind, gpu, text));
        let finding = match (kind, gpu) {
            (Kind::Xid(_, number), Some(gpu)) if MEMORY.contains(number) => {
                finding.with_cause(GPU_MEMORY, Object::gpu(gpu))
            }
            (Kind::Xid(_, OFF_THE_BUS) | Kind::Fallen(_), Some(gpu)) => {
                finding.with_cause(GPU_LINK, Object::gpu(gpu))
            }
            _ => finding,
        };
        finding.with_citations(lines.last().map(|line| self.quote(line)))
    }

    /// What a kind is about, and the address of its GPU if that is one of the node.
    fn object(&self, kind: &Kind) -> (Object, Option<&str>) {
        let (name, suffix) = match kind {
            Kind::Switch(name, number, _) => {
                let subject = format!("NVSwitch {name}, SXid {number}");
                return (Object::new(ObjectKind::Other, name).named(subject), None);
            }
            Kind::Xid(name, number) => (name, format!("Xid {number}")),
            Kind::Fallen(name) => (name, "fallen off the bus".to_owned()),
            Kind::NotStarted(name) => (name, "not started".to_owned()),
        };
        if name.is_empty() {
            return (Object::node().named(suffix), None);
        }
        let gpus = self.gpus.as_ref().map(|gpus| *gpus).unwrap_or_default();
        let gpu = gpus.iter().find(|gpu| is_of(&gpu.address, name)).map(|gpu| gpu.address.as_str());
        (Object::gpu(gpu.unwrap_or(name)).named(format!("GPU {name}, {suffix}")), gpu)
    }

    /// What to do about an error, by the action that NVIDIA's catalogue gives for it.
    fn goals(&self, kind: &Kind, gpu: Option<&str>, text: &str) -> Vec<Intent> {
        let drain = Intent::Step { step: Step::Drain };
        let watch = vec![Intent::Step { step: Step::WatchLog }];
        let look = |part| gpu.map(|gpu| gpus::look_at(self.evidence, part, gpu));
        let more = match kind {
            Kind::Xid(_, number) if !is_critical(*number, text) => return watch,
            // Only the processes on the GPU are concerned.
            Kind::Xid(_, 68 | 69 | 80) | Kind::Switch(_, _, false) => return watch,
            Kind::Xid(_, ACTION) if text.contains("Reboot") => None,
            Kind::Xid(_, number) if RESET.contains(number) => {
                gpu.map(|gpu| Intent::Gpu { gpu: gpu.to_owned(), want: GpuState::Reset {} })
            }
            Kind::Xid(_, number) if LINKS.contains(number) => look(HardwarePart::NvLink),
            Kind::Xid(_, OFF_THE_BUS) | Kind::Fallen(_) | Kind::NotStarted(_) => look(HardwarePart::PcieCard),
            Kind::Xid(..) => look(HardwarePart::Gpu),
            Kind::Switch(name, ..) => Some(gpus::look_at(self.evidence, HardwarePart::NvLink, name)),
        };
        [drain].into_iter().chain(more).collect()
    }

    fn quote(&self, line: &LogLine) -> Citation {
        Citation::new(&self.log.path, format!("[{:.3}] {}", line.seconds, line.text))
    }
}

/// How often and when something happened.
struct Times {
    times: Arg,
    days: Arg,
    last: Arg,
}

impl Times {
    /// The sentences about errors all name the same values.
    fn said(&self, variant: &'static str, device: Arg, number: Option<u32>) -> Said {
        let mut args: BTreeMap<&'static str, Arg> = [
            ("device", device),
            ("times_count", self.times.clone()),
            ("days_count", self.days.clone()),
            ("last", self.last.clone()),
        ]
        .into();
        args.extend(number.map(|number| ("number", Arg::text(number.to_string()))));
        Said { variant, args }
    }
}

const DAY: f64 = 86_400.0;

const HOUR: f64 = 3600.0;

/// A span of time and its unit: days, or hours where it is less than two days.
fn age(span: Quantity<Seconds>) -> (Arg, Arg) {
    let (unit, word) = if span.number() < 2.0 * DAY { (HOUR, "hours") } else { (DAY, "days") };
    let age = span.number() / unit;
    (Arg::quantity(age, "", u8::from((age - age.round()).abs() >= 0.05)), word.into())
}

/// The lines that decide on an error: those that are critical, if any is. What the driver asks for is what it asked for last.
fn telling<'a>(kind: &Kind, lines: &[&'a LogLine]) -> Vec<&'a LogLine> {
    let critical: Vec<&LogLine> = match kind {
        Kind::Xid(_, number) if *number != ACTION => {
            lines.iter().filter(|line| is_critical(*number, &line.text)).copied().collect()
        }
        _ => Vec::new(),
    };
    if critical.is_empty() { lines.to_vec() } else { critical }
}

/// Errors after which a GPU is not to be trusted.
fn is_critical(number: u32, text: &str) -> bool {
    let lower = text.to_lowercase();
    match number {
        // The driver no longer asks for anything.
        ACTION => !lower.contains("to 0x0"),
        // The fifth generation of NVLink says in the line how bad it is.
        144..=150 => !lower.contains("nonfatal") && !lower.contains("non-fatal"),
        OFF_THE_BUS => true,
        _ => [RESET, LINKS, CRITICAL].iter().any(|list| list.contains(&number)),
    }
}

/// Whether what a line tells is so until the node is booted again, however old the line is: the log is that of this boot.
fn lasts(kind: &Kind) -> bool {
    matches!(kind, Kind::Xid(_, OFF_THE_BUS) | Kind::Fallen(_) | Kind::NotStarted(_))
}

/// Whether `name` as the log has it (`0000:18:00`) is the GPU at `address` (`0000:18:00.0`).
fn is_of(address: &str, name: &str) -> bool {
    address.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// `NVRM: Xid (PCI:0000:18:00): 79, pid=1, …` → (`0000:18:00`, 79); `NVRM: Xid: 154, …` names no GPU.
fn parse(text: &str) -> Option<Kind> {
    let rest = text.split_once("Xid")?.1.trim_start();
    let (gpu, rest) = match rest.strip_prefix('(') {
        Some(rest) => rest.split_once("):")?,
        None => ("", rest.strip_prefix(':')?),
    };
    Some(Kind::Xid(gpu.trim_start_matches("PCI:").to_lowercase(), leading(rest)?))
}

fn leading(text: &str) -> Option<u32> {
    let digits: String = text.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What a line of the driver without an Xid tells, about the GPU that it or a line before it named.
fn untold(text: &str, named: &str) -> Option<Kind> {
    if let Some((_, rest)) = text.split_once("SXid (") {
        let (switch, rest) = rest.split_once("):")?;
        let number = leading(rest)?;
        let name = switch.trim_start_matches("PCI:").to_lowercase();
        let is_fatal = text.contains("Fatal") && !text.contains("Non-fatal");
        return Some(Kind::Switch(name, number, is_fatal));
    }
    if text.contains("fallen off the bus") {
        return Some(Kind::Fallen(named.to_owned()));
    }
    text.contains("RmInitAdapter failed").then(|| Kind::NotStarted(named.to_owned()))
}

/// The PCI address (`0000:b3:00.0`) that a line names.
fn address(text: &str) -> Option<&str> {
    let is_address = |word: &&str| {
        let bytes = word.as_bytes();
        bytes.len() == 12 && (bytes[4], bytes[7], bytes[10]) == (b':', b':', b'.')
    };
    let not_part = |c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.';
    text.split(not_part).map(|word| word.trim_matches([':', '.'])).find(is_address)
}
