//! `gpu.xid`: no critical driver or hardware errors.
//!
//! Xid errors are read from the kernel log, and beside them what the driver writes without such a number: a GPU that has
//! fallen off the bus or did not start, and errors of NVSwitches (SXid). A log that has lost part of the last seven days can
//! show errors but cannot show that there were none; one that begins with the boot of the node can, for the time since.
//! A GPU that has fallen off the bus or did not start is gone until the next boot, however long ago that was.
//! Errors of PCI Express that were not corrected are of this check whatever device they hit: a network adapter whose link was
//! lost takes the servers behind it along.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Quantity, Seconds};
use plumb_check_sdk::model::{Gpu, GpuFault, KernelLog, LogLine, XidAction, way_up};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, GpuState, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, Object, ObjectKind, Outcome, Said, Step,
};

use crate::gpus::{self, GPU_LINK, GPU_MEMORY, named};
use crate::pages::gpu_xid::{LOGGED, OLD, PAGE, RECENT, REPEATED, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let judge = evidence.kernel_log().map(|log| Judge { evidence, log, gpus: evidence.gpus() });
    if let Ok(Some(silent)) = gpus::without_nvidia(evidence) {
        let links = judge.map(|judge| judge.links_beside(&[])).unwrap_or_default();
        return if links.is_empty() { Err(silent.into()) } else { Ok(links) };
    }
    match judge {
        Ok(judge) => Ok(judge.judge()),
        Err(missing) => {
            let mut findings = census(evidence, &[]);
            findings.push(PAGE.missing(Object::node(), &missing));
            Ok(findings)
        }
    }
}

/// GPUs that bus, driver and NVML do not all list, beside those of which the log tells so, and a board that lacks one.
fn census(evidence: &Evidence<'_>, told: &[&Kind]) -> Vec<Finding> {
    let gpus = match evidence.gpus() {
        Ok(gpus) => gpus,
        Err(why) => return vec![PAGE.not_run(Object::node(), words::GpusUnknown { reason: (&why).into() })],
    };
    let is_told = |gpu: &&Gpu| told.iter().any(|(name, fault)| fault.lasts() && gpu.is_called(name));
    let lost = gpus.iter().filter(|gpu| !is_told(gpu)).filter_map(|gpu| {
        let said = words::Gone { device: (&gpu.address).into(), reason: gpu.lost()?.reason.into() };
        let look = gpus::look_at(evidence, HardwarePart::PcieCard, &gpu.address);
        let finding = PAGE.warn(Object::gpu(&gpu.address), said).with_likelihood(Likelihood::Mechanism);
        let finding = finding.with_evidence(Citation::new(&gpu.path, gpu.lost()?.reason));
        let finding = finding.with_intents([Intent::Step { step: Step::Drain }, look]);
        Some(finding.with_cause(GPU_LINK, Object::gpu(&gpu.address)))
    });
    // Boards whose GPUs are soldered on hold four, eight or sixteen of them.
    let of_board = gpus.iter().filter(|gpu| !gpu.off_bus && gpu.is_on_board()).count();
    let short = (of_board > 2 && !of_board.is_power_of_two()).then(|| {
        let whole = of_board.next_power_of_two();
        let said = words::Short { gpus_count: of_board.into(), all_count: whole.into() };
        PAGE.warn(Object::node().named("number of GPUs"), said)
            .with_confidence(Confidence::Medium)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new("/sys/bus/pci/devices", format!("{of_board} GPUs")))
            .with_intent(Intent::Step { step: Step::WatchLog })
    });
    let of_nvidia = gpus.iter().filter(|gpu| gpu.vendor == "nvidia" && gpu.lost().is_none());
    let unknown =
        of_nvidia.flat_map(|gpu| [&gpu.in_driver, &gpu.in_nvml]).find_map(|seen| seen.optional().err());
    let unknown = unknown.map(|why| {
        PAGE.not_run(Object::node().named("list of GPUs"), words::CensusUnknown { reason: why.into() })
    });
    lost.chain(short).chain(unknown).collect()
}

/// An error of the link this long before a GPU was lost belongs to it.
const BEFORE_SECONDS: f64 = 60.0;
/// A boot that is in the log from its beginning starts before this time.
const AT_BOOT_SECONDS: f64 = 10.0;

/// What the log tells of: a GPU or a switch, named as the log names it (empty where it has no name), and the error.
type Kind = (String, GpuFault);

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    log: &'a KernelLog,
    gpus: Result<&'a [Gpu], Missing>,
}

impl Judge<'_> {
    fn judge(&self) -> Vec<Finding> {
        let log = self.log;
        let old = self.evidence.limit(&PAGE, &OLD);
        let kinds = self.kinds();
        let mut findings: Vec<Finding> =
            kinds.iter().map(|(kind, lines)| self.of_kind(kind, lines)).collect();
        findings.extend(census(self.evidence, &kinds.keys().collect::<Vec<&Kind>>()));
        let gpus = self.gpus.as_ref().map_or(&[][..], |gpus| gpus);
        let of_ways = gpus.iter().flat_map(|gpu| [self.link(gpu), self.refused(gpu)]).flatten();
        findings.extend(gpus::join(of_ways.collect(), gpus.len()));
        findings.extend(self.links_beside(gpus));
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

    /// A GPU and the bridges above it.
    fn way<'b>(&'b self, gpu: &'b Gpu) -> Vec<&'b str> {
        let way = way_up(self.evidence.pci().unwrap_or_default(), &gpu.address);
        way.iter().map(|device| &*device.address).chain([&*gpu.address]).collect()
    }

    /// Devices whose errors were not corrected and that are on the way to none of these GPUs.
    fn links_beside(&self, gpus: &[Gpu]) -> Vec<Finding> {
        let ways: Vec<&str> = gpus.iter().flat_map(|gpu| self.way(gpu)).collect();
        let links = self.log.lost_on_links().into_iter();
        let others = links.filter(|(address, _)| !ways.contains(&address.as_str()));
        others.filter_map(|(address, lines)| self.link_beside(&address, &lines)).collect()
    }

    fn link_beside(&self, address: &str, lines: &[&LogLine]) -> Option<Finding> {
        let (device, events_count) = (Arg::from(address), KernelLog::events(lines).into());
        let look = gpus::look_at(self.evidence, HardwarePart::PcieCard, address);
        let object = Object::new(ObjectKind::Other, address).named(format!("PCIe device {address}"));
        let finding = match lines.iter().rfind(|line| line.is_fatal_on_link()) {
            Some(fatal) => {
                let steps = [Step::Drain, Step::RestartNode].map(|step| Intent::Step { step });
                let finding = PAGE.fail(object, words::LinkFatal { device, events_count });
                finding.with_evidence(self.quote(fatal)).with_intents(steps)
            }
            None => PAGE
                .warn(object, words::LinkLost { device, events_count })
                .with_evidence(self.quote(lines.last()?)),
        };
        Some(finding.with_likelihood(Likelihood::Mechanism).with_intent(look))
    }

    /// Errors on the way to a GPU: many that were corrected, or any other.
    fn link(&self, gpu: &Gpu) -> Option<Finding> {
        let (lost, corrected) = self.log.pcie_errors(&self.way(gpu));
        let many = Quantity::new(corrected.len() as f64);
        if lost.is_empty() && self.evidence.limit(&PAGE, &LOGGED).is_undercut_by(many) {
            return None;
        }
        let said = named!(Logged, most_lost: lost.len().into(), most_corrected: corrected.len().into());
        let look = gpus::look_at(self.evidence, HardwarePart::PcieCard, &gpu.address);
        let finding = PAGE.warn(Object::gpu(&gpu.address), said).with_likelihood(Likelihood::Mechanism);
        let finding = finding.with_intent(look).with_cause(GPU_LINK, Object::gpu(&gpu.address));
        Some(finding.with_evidence(self.quote(lost.last().or(corrected.last())?)))
    }

    /// Accesses of a GPU that the IOMMU has refused.
    fn refused(&self, gpu: &Gpu) -> Option<Finding> {
        let faults = self.log.dma_faults(&gpu.address);
        let said = named!(Refused, most_faults: faults.len().into());
        let finding = PAGE.warn(Object::gpu(&gpu.address), said).with_evidence(self.quote(faults.last()?));
        Some(finding.with_intent(Intent::Step { step: Step::WatchLog }))
    }

    fn quote(&self, line: &LogLine) -> Citation {
        Citation::new(&self.log.path, format!("[{:.3}] {}", line.seconds, line.text))
    }

    /// The lines of the time that counts by what they tell.
    fn kinds(&self) -> BTreeMap<Kind, Vec<&LogLine>> {
        let old = self.evidence.limit(&PAGE, &OLD);
        let mut kinds = self.log.gpu_faults();
        for ((_, fault), lines) in &mut kinds {
            let age = |line: &LogLine| Quantity::new((self.log.to_seconds - line.seconds).max(0.0));
            lines.retain(|line| fault.lasts() || !old.is_exceeded_by(age(line)));
        }
        kinds.retain(|_, lines| !lines.is_empty());
        kinds
    }

    fn of_kind(&self, kind: &Kind, lines: &[&LogLine]) -> Finding {
        let fault = kind.1;
        let (action, lines) = fault.asked(lines);
        let last = lines.iter().map(|line| line.seconds).fold(f64::MIN, f64::max);
        let since = (self.log.to_seconds - last).max(0.0);
        let events = KernelLog::events(&lines);
        // The time that counts goes back to the first of the lines, where that lasts.
        let first = lines.iter().map(|line| line.seconds).fold(f64::MAX, f64::min);
        let days = (self.evidence.limit(&PAGE, &OLD).value.number() / DAY).round();
        let days = days.max(((self.log.to_seconds - first) / DAY).ceil()) as u64;
        let is_fresh = fault.lasts()
            || events as f64 >= self.evidence.limit(&PAGE, &REPEATED).value.number()
            || !self.evidence.limit(&PAGE, &RECENT).is_exceeded_by(Quantity::new(since));
        let critical = |fresh: &'static str, handled: &'static str| {
            if is_fresh { (Outcome::Fail, fresh) } else { (Outcome::Warn, handled) }
        };
        let is_critical = action.takes_gpu_out();
        let (object, gpu) = self.object(kind);
        let (outcome, variant) = match fault {
            GpuFault::FallenOff => (Outcome::Fail, "fallen"),
            GpuFault::NotStarted => (Outcome::Fail, "not-started"),
            GpuFault::CorruptInfoRom => (Outcome::Warn, "info-rom"),
            GpuFault::VersionMismatch => (Outcome::Warn, "mismatch"),
            GpuFault::Unreadable => (Outcome::Warn, "unreadable"),
            GpuFault::Switch(_) if is_critical => critical("switch", "switch-handled"),
            GpuFault::Switch(_) => (Outcome::Warn, "switch-minor"),
            _ if is_critical || fault.is_of_older_gpu() => critical("critical", "handled"),
            _ if fault.is_repair() => (Outcome::Warn, "note"),
            _ if fault.is_of_program() => (Outcome::Warn, "application"),
            GpuFault::Xid(_) => match action {
                XidAction::RestartPrograms => (Outcome::Warn, "ended"),
                XidAction::Ignore => (Outcome::Info, "harmless"),
                XidAction::Unknown => (Outcome::Warn, "unknown"),
                _ => (Outcome::Warn, "other"),
            },
        };
        // Sentences say "a GPU" where the log names none.
        let device = Arg::from(if object.id.is_empty() { "none" } else { object.id.as_str() });
        let mut args: BTreeMap<&'static str, Arg> = [
            ("device", device),
            ("times_count", events.into()),
            ("days_count", days.into()),
            ("last", Arg::quantity(since / HOUR, "", 1)),
        ]
        .into();
        if let GpuFault::Xid(number) | GpuFault::Switch(number) = fault {
            args.extend([("number", Arg::text(number.to_string())), ("action", action.word().into())]);
        }
        let cause = [(fault.is_of_memory(), GPU_MEMORY), (fault.is_off_bus(), GPU_LINK)];
        let cause = cause.into_iter().find(|(is_it, _)| *is_it).map(|(_, key)| key);
        let confidence = match variant {
            "unreadable" => Confidence::Low,
            "other" | "unknown" => Confidence::Medium,
            _ => Confidence::High,
        };
        let finding = PAGE
            .says(outcome, object, Said { variant, args })
            .with_likelihood(Likelihood::Mechanism)
            .with_confidence(confidence)
            .with_intents(self.goals(kind, gpu, action))
            .with_citations(lines.last().map(|line| self.quote(line)))
            .with_citations(fault.is_off_bus().then(|| self.link_before(gpu?, first)).flatten());
        match (cause, gpu) {
            (Some(cause), Some(gpu)) => finding.with_cause(cause, Object::gpu(gpu)),
            _ => finding,
        }
    }

    /// The last error of its link before a GPU was lost: a single one that was corrected says nothing by itself.
    fn link_before(&self, gpu: &str, lost_at: f64) -> Option<Citation> {
        let gpu = self.gpus.as_ref().ok()?.iter().find(|other| other.address == gpu)?;
        let (lost, corrected) = self.log.pcie_errors(&self.way(gpu));
        let of_link = lost.into_iter().chain(corrected);
        let near = of_link.filter(|line| (0.0..=BEFORE_SECONDS).contains(&(lost_at - line.seconds)));
        Some(self.quote(near.max_by(|a, b| a.seconds.total_cmp(&b.seconds))?))
    }

    /// What a kind is about, and the address of its GPU if that is one of the node.
    fn object(&self, (name, fault): &Kind) -> (Object, Option<&str>) {
        match fault {
            GpuFault::Switch(_) => {
                let object = Object::new(ObjectKind::Other, name);
                return (object.named(format!("NVSwitch {name}, {fault}")), None);
            }
            GpuFault::Unreadable => return (Object::node(), None),
            _ if name.is_empty() => return (Object::node().named(fault.to_string()), None),
            _ => {}
        }
        let gpus = self.gpus.as_ref().map(|gpus| *gpus).unwrap_or_default();
        let gpu = gpus.iter().find(|gpu| gpu.is_called(name)).map(|gpu| gpu.address.as_str());
        (Object::gpu(gpu.unwrap_or(name)).named(format!("GPU {name}, {fault}")), gpu)
    }

    /// What to do about an error, by the action that NVIDIA's catalogue gives for it.
    fn goals(&self, (name, fault): &Kind, gpu: Option<&str>, action: XidAction) -> Vec<Intent> {
        let step = |step| Intent::Step { step };
        let look = |part| gpu.map(|gpu| gpus::look_at(self.evidence, part, gpu));
        let more = match (fault, action) {
            (GpuFault::Switch(_), XidAction::CheckLinks) => {
                Some(gpus::look_at(self.evidence, HardwarePart::NvLink, name))
            }
            _ if fault.lasts() => look(HardwarePart::PcieCard),
            _ if fault.is_of_older_gpu() => look(HardwarePart::Gpu),
            (_, XidAction::CheckLinks) => look(HardwarePart::NvLink),
            (_, XidAction::CheckPower) => look(HardwarePart::PowerSupply),
            (_, XidAction::Reset) => {
                gpu.map(|gpu| Intent::Gpu { gpu: gpu.to_owned(), want: GpuState::Reset {} })
            }
            (_, XidAction::DrainPeers | XidAction::RestartGuest | XidAction::RestartNode) => None,
            (_, XidAction::RestartPrograms) => {
                return vec![step(Step::RestartPrograms), step(Step::WatchLog)];
            }
            _ => return vec![step(Step::WatchLog)],
        };
        let again = matches!(action, XidAction::RestartGuest | XidAction::RestartNode);
        let again = again.then(|| step(Step::RestartNode));
        [step(Step::Drain)].into_iter().chain(again).chain(more).collect()
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
