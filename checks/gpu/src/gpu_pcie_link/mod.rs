//! `gpu.pcie-link`: GPUs run at full PCI Express width and speed.
//!
//! What a link can do is the lesser of what the GPU and the slot above it can do. Width and generation are judged under
//! load, because idle GPUs lower both. Without a loaded sample a link that is at its full speed passes, and a narrow one
//! fails; a slow one warns if the GPU was at work at that moment, else it is not judged.
//!
//! The kernel counts errors that the link could not correct since boot; those that it could correct are judged by NVML's
//! count of replays during the window, which tells the same story with a rate.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{Gpu, GpuTime, NvmlDevice, PciDevice};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, FirmwareSetting, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, Object, ProviderRequest, Said, WorkloadTrait,
};

use crate::gpus::{self, GPU_LINK, Loaded, Unseen, WINDOW, cite, cite_window, named};
use crate::pages::gpu_pcie_link::{LOADED, MANY_REPLAYS, PAGE, SOME_REPLAYS, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(gpus.is_empty(), words::NoGpu {})?;
    let node = Node {
        evidence,
        pci: evidence.pci()?,
        devices: evidence.nvml().map(|nvml| nvml.devices.as_slice()),
        window: evidence.get("/window/gpus"),
    };
    let judged = gpus.iter().flat_map(|gpu| PAGE.settle(Object::gpu(&gpu.address), node.judge(gpu)));
    Ok(gpus::join(judged.collect(), gpus.len()))
}

struct Node<'a> {
    evidence: &'a Evidence<'a>,
    pci: &'a [PciDevice],
    devices: Result<&'a [NvmlDevice], Missing>,
    window: Result<Vec<GpuTime>, Missing>,
}

/// What a link can do, or does: generation and lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    generation: u32,
    width: u32,
}

/// What a link can do; and what the GPU could do in a better slot, where it is the slot that limits it.
type Wanted = (Link, Option<(Link, Citation)>);

/// When a link was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// In the samples under load.
    Loaded,
    /// At one moment, at which the GPU was at work.
    Busy,
    /// At one moment, at which it may have done nothing.
    Unknown,
}

impl When {
    fn word(self) -> Arg {
        Arg::from(match self {
            Self::Loaded => "loaded",
            Self::Busy => "busy",
            Self::Unknown => "unknown",
        })
    }
}

/// What a link does, when that was, and what says so.
struct Seen {
    link: Link,
    when: When,
    citation: Citation,
}

impl Node<'_> {
    fn judge(&self, gpu: &Gpu) -> Result<Vec<Finding>, NoVerdict> {
        let device = self.pci.iter().find(|device| device.address == gpu.address);
        if let Some(missing) = gpu.lost() {
            return Err(missing.into());
        }
        let device = device.ok_or(words::NotListed {})?;
        let mut answers = self.devices.iter().copied().flatten();
        let answer = answers.find(|answer| answer.address.known() == Some(&gpu.address));
        let time = gpus::during(&self.window, &gpu.address);
        let loaded = time.clone().and_then(|time| Loaded::of(self.evidence.limit(&PAGE, &LOADED), time));
        let (wanted, slot) = self.wanted(device, answer)?.ok_or(words::NoLink {})?;
        let seen = self.seen(device, answer, time.as_ref().ok().copied(), loaded.as_ref().ok())?;
        let mut findings = vec![self.speed(gpu, wanted, slot, &seen, &loaded)];
        if gpu.vendor == "nvidia" {
            findings.extend(self.replays(&gpu.address, time.ok()));
        }
        findings.extend(self.errors(device));
        findings.extend(self.sleep(device));
        Ok(findings)
    }

    /// What both ends can do; `None` if nobody tells of a link.
    fn wanted(&self, device: &PciDevice, answer: Option<&NvmlDevice>) -> Result<Option<Wanted>, Missing> {
        let above = device.parent.as_ref().and_then(|parent| {
            self.pci.iter().find(|bridge| bridge.address == *parent)?.link.known().map(|link| (parent, link))
        });
        let Ok(own) = device.link.require() else {
            // A virtual machine may hide the link; NVML's maximum is that of device and system.
            let Some(answer) = answer else { return Ok(None) };
            let wanted = Link {
                generation: *answer.pcie_gen_max.require()?,
                width: *answer.pcie_width_max.require()?,
            };
            return Ok(Some((wanted, None)));
        };
        let of_gpu = Link { generation: generation(own.max_gts), width: own.max_width };
        let Some((bridge, slot)) = above else { return Ok(Some((of_gpu, None))) };
        let wanted = Link {
            generation: of_gpu.generation.min(generation(slot.max_gts)),
            width: of_gpu.width.min(slot.max_width),
        };
        let value =
            format!("{bridge}: at most generation {}, {} lanes", generation(slot.max_gts), slot.max_width);
        let citation = Citation::new(format!("/sys/bus/pci/devices/{bridge}/max_link_speed"), value);
        Ok(Some((wanted, (wanted != of_gpu).then_some((of_gpu, citation)))))
    }

    fn seen(
        &self,
        device: &PciDevice,
        answer: Option<&NvmlDevice>,
        time: Option<&GpuTime>,
        loaded: Option<&Loaded>,
    ) -> Result<Seen, Missing> {
        if let (Some(time), Some(loaded)) = (time, loaded) {
            let best = |series: &Vec<u32>| loaded.pick(series).into_iter().max().unwrap_or_default();
            let generation = best(time.pcie_generation.require()?);
            let width = best(time.pcie_width.require()?);
            let text = format!("at best generation {generation}, {width} lanes in {}", loaded.text());
            let citation = Citation::new(WINDOW, format!("{}: {text}", device.address));
            return Ok(Seen { link: Link { generation, width }, when: When::Loaded, citation });
        }
        if let Some(answer) = answer
            && let (Some(&generation), Some(&width)) =
                (answer.pcie_gen_current.known(), answer.pcie_width_current.known())
        {
            let busy = gpus::is_busy_now(self.evidence.limit(&PAGE, &LOADED), answer);
            let (when, at) = match answer.utilization_percent.known() {
                Some(percent) if busy => (When::Busy, format!(", at {percent} % utilisation")),
                _ => (When::Unknown, String::new()),
            };
            let citation = cite(&device.address, format!("generation {generation}, {width} lanes{at}"));
            return Ok(Seen { link: Link { generation, width }, when, citation });
        }
        let link = device.link.require()?;
        let seen = Link { generation: generation(link.current_gts), width: link.current_width };
        let citation = Citation::new(
            format!("{}/current_link_speed", device.path),
            format!("{} GT/s, {} lanes", link.current_gts, link.current_width),
        );
        Ok(Seen { link: seen, when: When::Unknown, citation })
    }

    /// What is wrong with the link of this GPU, and what would mend it.
    fn fault(&self, finding: Finding, address: &str, mend: &[Intent], citation: Citation) -> Finding {
        let goals = if gpus::is_guest(self.evidence) {
            vec![Intent::Provider { request: ProviderRequest::Health }]
        } else {
            mend.to_vec()
        };
        finding
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation)
            .with_intents(goals)
            .with_cause(GPU_LINK, Object::gpu(address))
    }

    fn speed(
        &self,
        gpu: &Gpu,
        wanted: Link,
        slot: Option<(Link, Citation)>,
        seen: &Seen,
        loaded: &Result<Loaded, Unseen>,
    ) -> Finding {
        let object = Object::gpu(&gpu.address);
        let cited = seen.citation.clone();
        let of_slot = Intent::Firmware { setting: FirmwareSetting::PcieSlot };
        let (confidence, likelihood) = match seen.when {
            When::Loaded => (Confidence::High, Likelihood::Mechanism),
            When::Busy => (Confidence::Medium, Likelihood::Mechanism),
            When::Unknown => (Confidence::Low, Likelihood::Setting),
        };
        let when = seen.when.word();
        if seen.link.width < wanted.width {
            let said = named!(Narrow, lanes: seen.link.width.into(), lanes_max: wanted.width.into(), when);
            let finding = PAGE.fail(object, said);
            return self
                .fault(finding, &gpu.address, &[card(&gpu.address)], cited)
                .with_likelihood(likelihood)
                .with_confidence(confidence);
        }
        if seen.link.generation < wanted.generation {
            let said = |when: Arg| {
                let (own, max) = (seen.link.generation.to_string(), wanted.generation.to_string());
                Said::from(named!(Slow, generation: own.into(), generation_max: max.into(), when))
            };
            let finding = match (seen.when, loaded) {
                (When::Busy, _) => PAGE.warn(object, said(when)),
                (_, Err(unseen)) => return PAGE.not_run(object, unseen),
                (_, Ok(_)) => PAGE.fail(object, said(when)),
            };
            return self
                .fault(finding, &gpu.address, &[of_slot, card(&gpu.address)], cited)
                .with_confidence(confidence);
        }
        let (generation, lanes) = (Arg::text(wanted.generation.to_string()), Arg::from(wanted.width));
        if let Some((of_gpu, citation)) = slot {
            let generation_max = of_gpu.generation.to_string().into();
            let said = named!(Slot, generation, lanes, generation_max, lanes_max: of_gpu.width.into());
            return self
                .fault(PAGE.warn(object, said), &gpu.address, &[of_slot], cited)
                .with_likelihood(Likelihood::Setting)
                .with_evidence(citation);
        }
        PAGE.pass(object, words::Full { generation, lanes }).with_evidence(cited)
    }

    fn replays(&self, address: &str, time: Option<&GpuTime>) -> Option<Finding> {
        let object = Object::gpu(address);
        let Some(time) = time else { return Some(PAGE.not_run(object, words::ReplaysOnce {})) };
        let replays = match time.pcie_replays.optional() {
            Ok(Some(&replays)) => replays,
            // GPUs in virtual machines may not tell.
            Ok(None) => return None,
            Err(why) => {
                return Some(PAGE.not_run(object, words::ReplaysUnknown { reason: why.reason.into() }));
            }
        };
        if time.seconds <= 0.0 {
            return Some(PAGE.not_run(object, words::NoTime {}));
        }
        let rate = Quantity::new(60.0 * replays as f64 / time.seconds);
        let said = named!(Replays, rate: Arg::quantity((rate.number() * 10.0).round() / 10.0, "", 1));
        let finding = if self.evidence.limit(&PAGE, &MANY_REPLAYS).is_exceeded_by(rate) {
            PAGE.fail(object, said)
        } else if !self.evidence.limit(&PAGE, &SOME_REPLAYS).is_undercut_by(rate) {
            PAGE.warn(object, said)
        } else {
            return None;
        };
        let citation = cite_window(address, format!("{replays} replays in {:.0} s", time.seconds));
        Some(self.fault(finding, address, &[card(address)], citation))
    }

    /// Errors that the link could not correct.
    fn errors(&self, device: &PciDevice) -> Option<Finding> {
        let object = Object::gpu(&device.address);
        match device.aer.optional() {
            Ok(Some(aer)) if aer.nonfatal + aer.fatal > 0 => {
                let most_errors = aer.nonfatal.saturating_add(aer.fatal).into();
                let value = format!("non-fatal {}, fatal {}", aer.nonfatal, aer.fatal);
                let citation = Citation::new(format!("{}/aer_dev_nonfatal", device.path), value);
                let finding = PAGE.fail(object, named!(Uncorrected, most_errors));
                Some(self.fault(finding, &device.address, &[card(&device.address)], citation))
            }
            Ok(_) => None,
            Err(missing) => Some(PAGE.not_run(object, words::ErrorsUnknown { reason: (&missing).into() })),
        }
    }

    /// A link that may sleep answers late, which matters where the tail is promised.
    fn sleep(&self, device: &PciDevice) -> Option<Finding> {
        let workload: BTreeMap<WorkloadTrait, bool> = self.evidence.get("/engagement/workload").ok()?;
        if workload.get(&WorkloadTrait::StrictTail) != Some(&true) {
            return None;
        }
        let object = Object::gpu(&device.address);
        match device.l1_aspm.optional() {
            Ok(Some(true)) => {
                let path = format!("{}/link/l1_aspm", device.path);
                let finding = PAGE.warn(object, named!(Sleep)).with_evidence(Citation::new(&path, "1"));
                Some(finding.with_intent(Intent::Value { path, want: "0".to_owned(), was: "1".to_owned() }))
            }
            Ok(_) => None,
            Err(missing) => Some(PAGE.not_run(object, words::SleepUnknown { reason: (&missing).into() })),
        }
    }
}

fn card(address: &str) -> Intent {
    Intent::Hardware { part: HardwarePart::PcieCard, at: Some(address.to_owned()) }
}

/// Generation of PCI Express by its speed in GT/s (PCI Express Base Specification).
fn generation(gts: f64) -> u32 {
    [2.5, 5.0, 8.0, 16.0, 32.0, 64.0].iter().take_while(|&&speed| gts >= speed).count() as u32
}
