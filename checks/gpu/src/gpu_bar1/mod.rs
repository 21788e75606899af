//! `gpu.bar1`: large BAR is available.
//!
//! NVML's answer decides. Where there is none, because the driver could not start, a line of the kernel log that a GPU got
//! no space tells why.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{LogLine, Nvml, NvmlDevice};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing, Reference,
    Remediation, Severity, ThresholdBasis,
};

use crate::gpus::{self, Span, cite};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.bar1"),
    title: Borrowed("Large BAR is available"),
    category: Category::GpuHealth,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("A small BAR1 limits the windows of peer-to-peer traffic and of GPUDirect."),
    business: Borrowed("The loading door is too small for the fast lift."),
    needs: Borrowed(&[
        Borrowed("/nvml"),
        Borrowed("/gpus"),
        Borrowed("/kernel_log"),
        Borrowed("/servers"),
        Borrowed("/engagement/workload"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None"),
        persistent: Borrowed(
            "BIOS: Above 4G Decoding and Resizable BAR enabled; virtual machine: a larger 64-bit MMIO \
             aperture",
        ),
        rollback: Borrowed("The former BIOS setting"),
        change: ChangeKind::Bios,
        verification: Borrowed("`nvidia-smi -q -d MEMORY | grep -A3 BAR1`"),
        expected_effect: Borrowed("There is no published number for language models."),
    },
    thresholds: Borrowed(&[USED.threshold()]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal; virtual machines, whose firmware must allow large MMIO; NVIDIA"),
    caveat: None,
    references: Borrowed(&[
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
                "NVIDIA AI Enterprise: Optimizing VM Configuration for AI Inference, appendix ATS and ACS",
            ),
            url: Borrowed(
                "https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference/latest/appendix.html",
            ),
        },
    ]),
};

const USED: Limit<Percent> = Limit {
    name: "use of BAR1 from which there is a warning",
    value: Quantity::new(90.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: what maps more then fails",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs",
};

/// See the module.
pub struct GpuBar1;

impl Check for GpuBar1 {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let nvml = match gpus::nvml(evidence) {
            Ok(Ok(nvml)) => nvml,
            Ok(Err(why)) => return Ok(vec![META.not_applicable("node", why)]),
            Err(missing) => return without_driver(evidence, missing),
        };
        Ok(judge_all(evidence, nvml))
    }
}

/// NVML is silent: a GPU that got no space in the address map is why, if the kernel says so.
fn without_driver(evidence: &Evidence<'_>, missing: Missing) -> Result<Vec<Finding>, Missing> {
    let (Ok(gpus), Ok(log)) = (evidence.gpus(), evidence.kernel_log()) else { return Err(missing) };
    let names_gpu =
        |line: &&LogLine| line.subject == "bar" && gpus.iter().any(|gpu| line.text.contains(&gpu.address));
    let lines: Vec<&LogLine> = log.lines.iter().filter(names_gpu).collect();
    let Some(line) = lines.last() else { return Err(missing) };
    let citation = Citation::new(&log.path, format!("[{:.3}] {}", line.seconds, line.text));
    Ok(vec![
        META.fail("node", "a GPU got no space in the address map, and its driver does not answer")
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation),
    ])
}

fn judge_all(evidence: &Evidence<'_>, nvml: &Nvml) -> Vec<Finding> {
    let span = gpus::span(evidence);
    let mut findings = Vec::new();
    for device in &nvml.devices {
        match judge(evidence, device, &span) {
            Ok(of_device) => findings.extend(of_device),
            Err(missing) => findings.push(META.not_run(gpus::name(device), missing.reason)),
        }
    }
    gpus::join(findings)
}

fn judge(
    evidence: &Evidence<'_>,
    device: &NvmlDevice,
    span: &Result<Span, Missing>,
) -> Result<Vec<Finding>, Missing> {
    let name = gpus::name(device);
    let total = *device.bar1_total_bytes.require()?;
    let memory = *device.memory_total_bytes.require()?;
    let citation = cite(&name, format!("BAR1 {} MiB, memory {} MiB", total >> 20, memory >> 20));
    if total < memory {
        let message = "its BAR1 is smaller than its memory";
        return Ok(gpus::by_span(&META, span, &name, message, vec![citation]));
    }
    let used = *device.bar1_used_bytes.require()?;
    let share = Quantity::new(100.0 * used as f64 / total.max(1) as f64);
    let citation = cite(&name, format!("BAR1 {} MiB, of which {} MiB are used", total >> 20, used >> 20));
    Ok(vec![if evidence.limit(&META, &USED).is_undercut_by(share) {
        META.pass(name, "its BAR1 covers all of its memory").with_evidence(citation)
    } else {
        META.warn(name, "its BAR1 is nearly used up")
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation)
    }])
}
