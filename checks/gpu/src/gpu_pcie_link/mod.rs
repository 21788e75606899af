//! `gpu.pcie-link`: GPUs run at full PCI Express width and speed.
//!
//! What a link can do is the lesser of what the GPU and the slot above it can do. Width and generation are judged under
//! load, because idle GPUs lower both; without a loaded sample a link that is at its full speed passes, a narrow one fails
//! with low confidence, and a slow one is not judged.
//!
//! The kernel counts errors that the link could not correct since boot; those that it could correct are judged by NVML's
//! count of replays during the window, which tells the same story with a rate.

use plumb_check_sdk::limit::{Limit, Quantity};
use plumb_check_sdk::model::{Gpu, GpuTime, NvmlDevice, PciDevice};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood,
    Missing, Reference, Remediation, Severity, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use crate::gpus::{self, LOADED, Loaded, PerMinute, WINDOW, cite, cite_window};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.pcie-link"),
    title: Borrowed("GPUs run at full PCIe width and speed"),
    category: Category::GpuHealth,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(6),
    rationale: Borrowed(
        "A link of 8 lanes, or of generation 3, halves or quarters the bandwidth between host and GPU: \
         loading of models, offload of the KV cache, tensor parallelism without NVLink, multimodal input.",
    ),
    business: Borrowed("A GPU is plugged in with half of its lanes."),
    needs: Borrowed(&[
        Borrowed("/gpus"),
        Borrowed("/pci"),
        Borrowed("/nvml"),
        Borrowed("/window/gpus"),
        Borrowed("/engagement/workload"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Train the link again: reset the slot or reboot; seat card and riser again; check bifurcation \
             and link speed in the BIOS",
        ),
        persistent: Borrowed(
            "Mend the hardware; set the slot to x16 and to the highest generation or Auto in the BIOS",
        ),
        rollback: Borrowed("The former BIOS setting"),
        change: ChangeKind::Hardware,
        verification: Borrowed(
            "`nvidia-smi \
             --query-gpu=pcie.link.gen.current,pcie.link.gen.max,pcie.link.width.current,pcie.link.width.max \
             --format=csv` while data is copied; `lspci -vv | grep LnkSta`",
        ),
        expected_effect: Borrowed(
            "Bandwidth grows with lanes and generation. There is no published number for language models; \
             the effect is large for offload and tensor parallelism over PCI Express, near zero for one GPU \
             that holds all weights.",
        ),
    },
    thresholds: Borrowed(&[LOADED.threshold(), SOME_REPLAYS.threshold(), MANY_REPLAYS.threshold()]),
    amplified_by: Borrowed(&[WorkloadTrait::Offload]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines with whole GPUs, where the configuration space may be made up; \
         containers; any vendor",
    ),
    caveat: Some(Borrowed("Idle GPUs lower their generation: an idle sample proves nothing about it.")),
    references: Borrowed(&[
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
        Reference {
            title: Borrowed("leptonai/gpud: GPU health components and thresholds"),
            url: Borrowed("https://github.com/leptonai/gpud"),
        },
        Reference {
            title: Borrowed("NVIDIA NCCL User Guide: Troubleshooting (GPU Direct, PCI ACS, shared memory)"),
            url: Borrowed("https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"),
        },
        Reference {
            title: Borrowed("Hugging Face Optimum-AMD: GPU connectivity and NUMA nodes"),
            url: Borrowed("https://huggingface.co/docs/optimum/amd/amdgpu/perf_hardware"),
        },
    ]),
};

const SOME_REPLAYS: Limit<PerMinute> = Limit {
    name: "replays from which there is a warning",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a sound link has none",
    date: "2026-11-23",
    applies_to: "PCI Express links of NVIDIA GPUs",
};

const MANY_REPLAYS: Limit<PerMinute> = Limit {
    name: "replays above which it is a failure",
    value: Quantity::new(60.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one each second",
    date: "2026-11-23",
    applies_to: "PCI Express links of NVIDIA GPUs",
};

/// See the module.
pub struct GpuPcieLink;

impl Check for GpuPcieLink {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if gpus.is_empty() {
            return Ok(vec![META.not_applicable("node", "no GPU was found")]);
        }
        let node = Node {
            evidence,
            pci: evidence.pci()?,
            devices: evidence.nvml().map(|nvml| nvml.devices.as_slice()),
            window: evidence.get("/window/gpus"),
        };
        let mut findings = Vec::new();
        for gpu in gpus {
            findings.extend(
                node.judge(gpu).unwrap_or_else(|missing| vec![META.not_run(&gpu.address, missing.reason)]),
            );
        }
        Ok(gpus::join(findings))
    }
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

/// What a link does, how it was seen, and whether that was under load.
struct Seen {
    link: Link,
    loaded: bool,
    citation: Citation,
}

impl Node<'_> {
    fn judge(&self, gpu: &Gpu) -> Result<Vec<Finding>, Missing> {
        let device = self
            .pci
            .iter()
            .find(|device| device.address == gpu.address)
            .ok_or_else(|| Missing::new(Absence::Failed, format!("PCI does not list {}", gpu.address)))?;
        let answer =
            self.devices.as_ref().ok().and_then(|devices| {
                devices.iter().find(|answer| answer.address.known() == Some(&gpu.address))
            });
        let time = gpus::during(&self.window, &gpu.address);
        let mut findings = Vec::new();
        let (wanted, slot) = self.wanted(device, answer)?;
        let seen = self.seen(device, answer, time.as_ref().ok().copied())?;
        findings.extend(self.speed(gpu, wanted, slot, &seen, &time));
        if gpu.vendor == "nvidia" {
            findings.extend(self.replays(&gpu.address, time.as_ref().ok().copied()));
        }
        findings.extend(errors(device));
        findings.extend(self.sleep(device));
        Ok(findings)
    }

    /// What both ends can do; and what the GPU could do in a better slot, if it is the slot that limits it.
    fn wanted(
        &self,
        device: &PciDevice,
        answer: Option<&NvmlDevice>,
    ) -> Result<(Link, Option<(Link, Citation)>), Missing> {
        let above = device.parent.as_ref().and_then(|parent| {
            self.pci.iter().find(|bridge| bridge.address == *parent)?.link.known().map(|link| (parent, link))
        });
        let Ok(own) = device.link.require() else {
            // A virtual machine may hide the link; NVML's maximum is that of device and system.
            let answer = answer
                .ok_or_else(|| Missing::new(Absence::Absent, "neither PCI nor NVML tells of the link"))?;
            let wanted = Link {
                generation: *answer.pcie_gen_max.require()?,
                width: *answer.pcie_width_max.require()?,
            };
            return Ok((wanted, None));
        };
        let of_gpu = Link { generation: generation(own.max_gts), width: own.max_width };
        let Some((bridge, slot)) = above else { return Ok((of_gpu, None)) };
        let wanted = Link {
            generation: of_gpu.generation.min(generation(slot.max_gts)),
            width: of_gpu.width.min(slot.max_width),
        };
        let value =
            format!("{bridge}: at most generation {}, {} lanes", generation(slot.max_gts), slot.max_width);
        let citation = Citation::new(format!("/sys/bus/pci/devices/{bridge}/max_link_speed"), value);
        Ok((wanted, (wanted != of_gpu).then_some((of_gpu, citation))))
    }

    fn seen(
        &self,
        device: &PciDevice,
        answer: Option<&NvmlDevice>,
        time: Option<&GpuTime>,
    ) -> Result<Seen, Missing> {
        if let Some(time) = time
            && let Ok(loaded) = Loaded::of(&META, self.evidence, time)
        {
            let best = |series: &Vec<u32>| loaded.pick(series).into_iter().max().unwrap_or_default();
            let generation = best(time.pcie_generation.require()?);
            let width = best(time.pcie_width.require()?);
            let text = format!("at best generation {generation}, {width} lanes in {}", loaded.text());
            let citation = Citation::new(WINDOW, format!("{}: {text}", device.address));
            return Ok(Seen { link: Link { generation, width }, loaded: true, citation });
        }
        if let Some(answer) = answer
            && let (Some(&generation), Some(&width)) =
                (answer.pcie_gen_current.known(), answer.pcie_width_current.known())
        {
            let citation = cite(&device.address, format!("generation {generation}, {width} lanes"));
            return Ok(Seen { link: Link { generation, width }, loaded: false, citation });
        }
        let link = device.link.require()?;
        let seen = Link { generation: generation(link.current_gts), width: link.current_width };
        let citation = Citation::new(
            format!("{}/current_link_speed", device.path),
            format!("{} GT/s, {} lanes", link.current_gts, link.current_width),
        );
        Ok(Seen { link: seen, loaded: false, citation })
    }

    fn speed(
        &self,
        gpu: &Gpu,
        wanted: Link,
        slot: Option<(Link, Citation)>,
        seen: &Seen,
        time: &Result<&GpuTime, Missing>,
    ) -> Option<Finding> {
        let confidence = if seen.loaded { Confidence::High } else { Confidence::Low };
        let likelihood = if seen.loaded { Likelihood::Mechanism } else { Likelihood::Setting };
        let deviation = |message: String| {
            META.fail(&gpu.address, message)
                .with_likelihood(likelihood)
                .with_confidence(confidence)
                .with_evidence(seen.citation.clone())
        };
        let when = if seen.loaded { "under load" } else { "at a moment that may have been idle" };
        if seen.link.width < wanted.width {
            let message = format!("{} lanes of {} {when}", seen.link.width, wanted.width);
            return Some(deviation(message));
        }
        if seen.link.generation < wanted.generation {
            if seen.loaded {
                let message = format!("generation {} of {} {when}", seen.link.generation, wanted.generation);
                return Some(deviation(message));
            }
            let why = match time {
                Ok(time) => Loaded::of(&META, self.evidence, time).err(),
                Err(missing) => Some(missing.clone()),
            };
            let why = why.map_or_else(|| "the window has no link state".to_owned(), |missing| missing.reason);
            let message = format!("the generation of the link shows under load only: {why}");
            return Some(META.not_run(&gpu.address, message));
        }
        if let Some((of_gpu, citation)) = slot {
            let message = format!(
                "at the limit of its slot: generation {} with {} lanes, though it could do generation {} with {}",
                wanted.generation, wanted.width, of_gpu.generation, of_gpu.width
            );
            return Some(
                META.warn(&gpu.address, message)
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(seen.citation.clone())
                    .with_evidence(citation),
            );
        }
        let message = format!("full speed: generation {} with {} lanes", wanted.generation, wanted.width);
        Some(META.pass(&gpu.address, message).with_evidence(seen.citation.clone()))
    }

    fn replays(&self, address: &str, time: Option<&GpuTime>) -> Option<Finding> {
        let not_run = |reason: &str| Some(META.not_run(address, format!("rate of replays: {reason}")));
        let Some(time) = time else {
            return not_run("no reading was taken twice (`collect --sample SECONDS`)");
        };
        let replays = match gpus::if_any(&time.pcie_replays) {
            Ok(Some(&replays)) => replays,
            // GPUs in virtual machines may not tell.
            Ok(None) => return None,
            Err(missing) => return not_run(&missing.reason),
        };
        if time.seconds <= 0.0 {
            return not_run("the samples span no time");
        }
        let rate: Quantity<PerMinute> = Quantity::new(60.0 * replays as f64 / time.seconds);
        let message = format!("replays of the link per minute: {:.1}", rate.number());
        let citation = cite_window(address, format!("{replays} replays in {:.0} s", time.seconds));
        let finding = if self.evidence.limit(&META, &MANY_REPLAYS).is_exceeded_by(rate) {
            META.fail(address, message)
        } else if !self.evidence.limit(&META, &SOME_REPLAYS).is_undercut_by(rate) {
            META.warn(address, message)
        } else {
            return None;
        };
        Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation))
    }

    /// A link that may sleep answers late, which matters where the tail is promised.
    fn sleep(&self, device: &PciDevice) -> Option<Finding> {
        let workload: BTreeMap<WorkloadTrait, bool> = self.evidence.get("/engagement/workload").ok()?;
        if workload.get(&WorkloadTrait::StrictTail) != Some(&true) {
            return None;
        }
        match gpus::if_any(&device.l1_aspm) {
            Ok(Some(true)) => {}
            Ok(_) => return None,
            Err(why) => {
                let message = format!("whether its link may sleep in L1 is not known: {why}");
                return Some(META.not_run(&device.address, message));
            }
        }
        let citation = Citation::new(format!("{}/link/l1_aspm", device.path), "1");
        let message = "its link may sleep in L1, though a strict tail is promised";
        Some(META.warn(&device.address, message).with_likelihood(Likelihood::Setting).with_evidence(citation))
    }
}

/// Errors that the link could not correct.
fn errors(device: &PciDevice) -> Option<Finding> {
    match gpus::if_any(&device.aer) {
        Ok(Some(aer)) if aer.nonfatal + aer.fatal > 0 => {
            let value = format!("non-fatal {}, fatal {}", aer.nonfatal, aer.fatal);
            Some(
                META.fail(&device.address, "errors since boot that its link could not correct")
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(Citation::new(format!("{}/aer_dev_nonfatal", device.path), value)),
            )
        }
        Ok(_) => None,
        Err(missing) => Some(META.not_run(&device.address, format!("errors of its link: {missing}"))),
    }
}

/// Generation of PCI Express by its speed in GT/s (PCI Express Base Specification).
fn generation(gts: f64) -> u32 {
    [2.5, 5.0, 8.0, 16.0, 32.0, 64.0].iter().take_while(|&&speed| gts >= speed).count() as u32
}
