//! `gpu.bar1`: large BAR is available.
//!
//! NVML's answer decides. Where there is none, because the driver could not start, a line of the kernel log that a GPU got
//! no space tells why.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{LogLine, NvmlDevice};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, FirmwareSetting, Intent, Likelihood, Missing, NoVerdict, Object,
    ProviderRequest, Step,
};

use crate::gpus::{self, Silent, Span, cite, named};
use crate::pages::gpu_bar1::{PAGE, USED, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let nvml = match gpus::nvml(evidence) {
        Err(Silent::Missing(missing)) => {
            let without = without_driver(evidence, &[]);
            return if without.is_empty() { Err(missing.into()) } else { Ok(without) };
        }
        nvml => nvml?,
    };
    let span = Span::of(evidence);
    let judged = |device| PAGE.settle(gpus::object(device), judge(evidence, device, &span));
    let mut findings = without_driver(evidence, &nvml.devices);
    findings.extend(nvml.devices.iter().flat_map(judged));
    Ok(gpus::joined(evidence, &PAGE, findings))
}

/// Who makes the window larger: the firmware, or the provider of a virtual machine.
fn larger(evidence: &Evidence<'_>) -> Intent {
    if gpus::is_guest(evidence) {
        return Intent::Provider { request: ProviderRequest::DeviceWindow };
    }
    Intent::Firmware { setting: FirmwareSetting::ResizableBar }
}

/// GPUs that NVML does not tell of: that they got no space in the address map is why, if the kernel says so.
fn without_driver(evidence: &Evidence<'_>, devices: &[NvmlDevice]) -> Vec<Finding> {
    let (Ok(gpus), Ok(log)) = (evidence.gpus(), evidence.kernel_log()) else { return Vec::new() };
    let unlisted = gpus.iter().filter(|gpu| !devices.iter().any(|device| gpus::name(device) == gpu.address));
    let findings = unlisted.filter_map(|gpu| {
        let is_told = |line: &&LogLine| line.subject == "bar" && line.text.contains(&gpu.address);
        let line = log.lines.iter().rfind(is_told)?;
        let citation = Citation::new(&log.path, format!("[{:.3}] {}", line.seconds, line.text));
        let finding = PAGE.fail(Object::gpu(&gpu.address), named!(NoSpace));
        let finding = finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation);
        Some(finding.with_intent(larger(evidence)))
    });
    gpus::join(findings.collect(), gpus.len())
}

fn judge(evidence: &Evidence<'_>, device: &NvmlDevice, span: &Span) -> Result<Vec<Finding>, Missing> {
    let (object, name) = (gpus::object(device), gpus::name(device));
    let total = *device.bar1_total_bytes.require()?;
    let memory = *device.memory_total_bytes.require()?;
    let mib = |bytes: u64| bytes >> 20;
    let citation = cite(&name, format!("BAR1 {} MiB, memory {} MiB", mib(total), mib(memory)));
    if total < memory {
        let amount = |bytes: u64| Arg::quantity(mib(bytes) as f64, "MiB", 0);
        let said =
            |span| named!(Small, span, least_window: amount(total), most_memory: amount(memory)).into();
        // The size of a window that nobody has asked to be larger.
        let is_default = gpus::is_guest(evidence) && mib(total) == 256;
        let host = is_default.then_some(Intent::Provider { request: ProviderRequest::ResizableBar });
        let goals = host.into_iter().chain([larger(evidence)]);
        let dressed = |finding: Finding| finding.with_evidence(citation).with_intents(goals);
        return Ok(span.weigh(&PAGE, object, said, dressed));
    }
    let used = *device.bar1_used_bytes.require()?;
    let share = Quantity::new(100.0 * used as f64 / total.max(1) as f64);
    let citation = cite(&name, format!("BAR1 {} MiB, of which {} MiB are used", mib(total), mib(used)));
    let finding = if evidence.limit(&PAGE, &USED).is_undercut_by(share) {
        PAGE.pass(object, words::Covers {})
    } else {
        PAGE.warn(object, named!(Full, most_used: Arg::of(share, 0)))
            .with_likelihood(Likelihood::Mechanism)
            .with_intent(Intent::Step { step: Step::WatchLog })
    };
    Ok(vec![finding.with_evidence(citation)])
}
