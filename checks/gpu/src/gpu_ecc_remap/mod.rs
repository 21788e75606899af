//! `gpu.ecc-remap`: GPU memory is healthy.
//!
//! From Ampere on, rows are remapped; older GPUs retire pages. A GPU that has neither, and no error correction, is one for
//! which the question cannot be asked.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::NvmlDevice;
use plumb_check_sdk::{
    Evidence, Finding, GpuState, HardwarePart, Intent, Likelihood, Missing, NoVerdict, Object, Outcome, Said,
    Step,
};

use crate::gpus::{self, GPU_MEMORY, cite, named};
use crate::pages::gpu_ecc_remap::{PAGE, REMAPS, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let nvml = gpus::nvml(evidence)?;
    let findings = nvml.devices.iter().flat_map(|device| Device { evidence, device }.judge());
    Ok(gpus::joined(evidence, &PAGE, findings.collect()))
}

struct Device<'a> {
    evidence: &'a Evidence<'a>,
    device: &'a NvmlDevice,
}

/// What mends a fault of memory.
enum Mend {
    /// Let nothing run on the GPU, and reset it.
    Reset,
    /// Let nothing run on the GPU, and return it.
    Return,
    Watch,
}

/// What one source says of the memory: `None` if the GPU lacks the source, inside `None` if it is well.
type Told = Result<Option<Option<Finding>>, Missing>;

impl Device<'_> {
    fn judge(&self) -> Vec<Finding> {
        let (object, name) = (gpus::object(self.device), gpus::name(self.device));
        let parts = [self.rows(), self.pages(), self.errors(), self.correction()];
        let is_silent = parts.iter().all(|part| matches!(part, Ok(None)));
        let told = parts.into_iter().map(|part| part.map(Option::flatten));
        let findings: Vec<Finding> = told.filter_map(|part| PAGE.settle(object.clone(), part)).collect();
        if is_silent {
            return vec![PAGE.not_run(object, words::Silent {})];
        }
        if !findings.is_empty() {
            return findings;
        }
        let rows = self.device.remapped_rows.known().map_or("none", |_| "0");
        let citation = cite(&name, format!("uncorrected errors 0, remapped rows {rows}"));
        vec![PAGE.pass(object, words::Healthy {}).with_evidence(citation)]
    }

    /// A fault that counters show.
    fn fault(&self, outcome: Outcome, said: impl Into<Said>, mend: &Mend, seen: String) -> Option<Finding> {
        let name = gpus::name(self.device);
        let goal = match mend {
            Mend::Reset => Intent::Gpu { gpu: name.clone(), want: GpuState::Reset {} },
            Mend::Return => gpus::look_at(self.evidence, HardwarePart::Gpu, &name),
            Mend::Watch => Intent::Step { step: Step::WatchLog },
        };
        let drain = (!matches!(mend, Mend::Watch)).then_some(Intent::Step { step: Step::Drain });
        let finding = PAGE
            .says(outcome, Object::gpu(&name), said)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(cite(&name, seen))
            .with_intents(drain.into_iter().chain([goal]))
            .with_cause(GPU_MEMORY, Object::gpu(name));
        Some(finding)
    }

    fn rows(&self) -> Told {
        let Some(rows) = self.device.remapped_rows.optional()? else { return Ok(None) };
        let seen = format!(
            "remapped rows: {} correctable, {} uncorrectable, pending {}, failure {}",
            rows.correctable, rows.uncorrectable, rows.pending, rows.failure
        );
        let many = Quantity::new(f64::from(rows.uncorrectable));
        let remapped = u64::from(rows.correctable) + u64::from(rows.uncorrectable);
        Ok(Some(if rows.failure {
            self.fault(Outcome::Fail, named!(RemapFailed), &Mend::Return, seen)
        } else if rows.pending {
            self.fault(Outcome::Fail, named!(RemapPending), &Mend::Reset, seen)
        } else if self.evidence.limit(&PAGE, &REMAPS).is_exceeded_by(many) {
            let said = named!(ManyRemaps, most_rows: rows.uncorrectable.into());
            self.fault(Outcome::Fail, said, &Mend::Return, seen)
        } else if remapped > 0 {
            self.fault(Outcome::Warn, named!(Remapped, most_rows: remapped.into()), &Mend::Watch, seen)
        } else {
            None
        }))
    }

    fn pages(&self) -> Told {
        let Some(pages) = self.device.retired_pages.optional()? else { return Ok(None) };
        let seen = format!(
            "retired pages: {} after single-bit, {} after double-bit errors, pending {}",
            pages.single_bit, pages.double_bit, pages.pending
        );
        let retired = u64::from(pages.single_bit) + u64::from(pages.double_bit);
        Ok(Some(if pages.pending {
            self.fault(Outcome::Fail, named!(RetirePending), &Mend::Reset, seen)
        } else if retired > 0 {
            self.fault(Outcome::Warn, named!(Retired, most_pages: retired.into()), &Mend::Watch, seen)
        } else {
            None
        }))
    }

    fn errors(&self) -> Told {
        let Some(counts) = self.device.ecc_volatile.optional()? else { return Ok(None) };
        if counts.uncorrected == 0 {
            return Ok(Some(None));
        }
        let seen = format!("{} uncorrected errors since the driver was loaded", counts.uncorrected);
        let said = named!(Uncorrected, most_errors: counts.uncorrected.into());
        Ok(Some(self.fault(Outcome::Fail, said, &Mend::Reset, seen)))
    }

    fn correction(&self) -> Told {
        // What cannot correct errors has no such mode.
        let Some(&enabled) = self.device.ecc_enabled.optional()? else { return Ok(None) };
        let object = gpus::object(self.device);
        let off = || {
            let citation = cite(&gpus::name(self.device), "error correction off");
            PAGE.warn(object, named!(Uncorrecting)).with_evidence(citation)
        };
        Ok(Some((!enabled).then(off)))
    }
}
