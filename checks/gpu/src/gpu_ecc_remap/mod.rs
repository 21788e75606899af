//! `gpu.ecc-remap`: GPU memory is healthy.
//!
//! From Ampere on, rows are remapped; older GPUs retire pages. A GPU that has neither, and no error correction, is one for
//! which the question cannot be asked.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::NvmlDevice;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Evidence, Finding, Likelihood, Missing, Reference, Remediation,
    Severity, ThresholdBasis,
};

use crate::gpus::{self, cite};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.ecc-remap"),
    title: Borrowed("GPU memory is healthy"),
    category: Category::GpuHealth,
    severity: Severity::Critical,
    gate: true,
    top15_rank: None,
    rationale: Borrowed(
        "Remaps that wait or have failed, and uncorrectable errors, precede crashes and returns of GPUs.",
    ),
    business: Borrowed("The GPU's memory is wearing out or waiting for a repair reset."),
    needs: Borrowed(&[Borrowed("/nvml"), Borrowed("/gpus")]),
    remediation: Remediation {
        runtime: Borrowed("Drain, then `nvidia-smi --gpu-reset -i INDEX`, which applies a remap that waits"),
        persistent: Borrowed("Return the GPU after a remap has failed"),
        rollback: Borrowed("None: nothing is changed"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`nvidia-smi \
             --query-remapped-rows=remapped_rows.pending,remapped_rows.failure,remapped_rows.uncorrectable \
             --format=csv`",
        ),
        expected_effect: Borrowed("Availability."),
    },
    thresholds: Borrowed(&[REMAPS.threshold()]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal, virtual machines; NVIDIA Ampere and newer, older ones by retired pages",
    ),
    caveat: None,
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
            title: Borrowed("NVIDIA: Dynamic Page Retirement, visibility (Xid 48/63/64)"),
            url: Borrowed("https://docs.nvidia.com/deploy/dynamic-page-retirement/visibility.html"),
        },
    ]),
};

const REMAPS: Limit<Count> = Limit {
    name: "remaps after uncorrectable errors above which it is a failure",
    value: Quantity::new(512.0),
    basis: ThresholdBasis::Published,
    source: "Azure HPC node health checks (azurehpc-health-checks)",
    date: "2025-06-01",
    applies_to: "NVIDIA Ampere and newer",
};

/// See the module.
pub struct GpuEccRemap;

impl Check for GpuEccRemap {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let nvml = match gpus::nvml(evidence)? {
            Ok(nvml) => nvml,
            Err(why) => return Ok(vec![META.not_applicable("node", why)]),
        };
        let mut findings = Vec::new();
        for device in &nvml.devices {
            findings.extend(judge(evidence, device));
        }
        Ok(gpus::join(findings))
    }
}

fn judge(evidence: &Evidence<'_>, device: &NvmlDevice) -> Vec<Finding> {
    let name = gpus::name(device);
    let mut findings = Vec::new();
    let mut told = 0;
    let mut ask = |result: Result<Option<Vec<Finding>>, Missing>| match result {
        Ok(Some(of_part)) => {
            told += 1;
            findings.extend(of_part);
        }
        Ok(None) => {}
        Err(missing) => findings.push(META.not_run(&name, missing.reason)),
    };
    ask(rows(evidence, device));
    ask(pages(device));
    ask(errors(device));
    ask(correction(device));
    if findings.is_empty() && told == 0 {
        findings.push(META.not_run(name, "the GPU tells nothing of the health of its memory"));
    } else if findings.is_empty() {
        let rows = device.remapped_rows.known().map_or("none".to_owned(), |_| "0".to_owned());
        findings.push(
            META.pass(&name, "no errors that could not be corrected, and no repair waits")
                .with_evidence(cite(&name, format!("uncorrected errors 0, remapped rows {rows}"))),
        );
    }
    findings
}

fn rows(evidence: &Evidence<'_>, device: &NvmlDevice) -> Result<Option<Vec<Finding>>, Missing> {
    let Some(rows) = gpus::if_any(&device.remapped_rows)? else { return Ok(None) };
    let name = gpus::name(device);
    let citation = cite(
        &name,
        format!(
            "remapped rows: {} correctable, {} uncorrectable, pending {}, failure {}",
            rows.correctable, rows.uncorrectable, rows.pending, rows.failure
        ),
    );
    let many = Quantity::new(f64::from(rows.uncorrectable));
    let finding = if rows.failure {
        META.fail(name, "the remapping of a row of its memory has failed")
    } else if rows.pending {
        META.fail(name, "a row of its memory waits to be remapped at the next reset")
    } else if evidence.limit(&META, &REMAPS).is_exceeded_by(many) {
        META.fail(name, "many rows of its memory were remapped after uncorrectable errors")
    } else if rows.correctable + rows.uncorrectable > 0 {
        META.warn(name, "rows of its memory were remapped")
    } else {
        return Ok(Some(Vec::new()));
    };
    Ok(Some(vec![finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)]))
}

fn pages(device: &NvmlDevice) -> Result<Option<Vec<Finding>>, Missing> {
    let Some(pages) = gpus::if_any(&device.retired_pages)? else { return Ok(None) };
    let name = gpus::name(device);
    let citation = cite(
        &name,
        format!(
            "retired pages: {} after single-bit, {} after double-bit errors, pending {}",
            pages.single_bit, pages.double_bit, pages.pending
        ),
    );
    let finding = if pages.pending {
        META.fail(name, "a page of its memory waits to be retired at the next reboot")
    } else if pages.single_bit + pages.double_bit > 0 {
        META.warn(name, "pages of its memory were retired")
    } else {
        return Ok(Some(Vec::new()));
    };
    Ok(Some(vec![finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)]))
}

fn errors(device: &NvmlDevice) -> Result<Option<Vec<Finding>>, Missing> {
    let Some(counts) = gpus::if_any(&device.ecc_volatile)? else { return Ok(None) };
    if counts.uncorrected == 0 {
        return Ok(Some(Vec::new()));
    }
    let name = gpus::name(device);
    let citation =
        cite(&name, format!("{} uncorrected errors since the driver was loaded", counts.uncorrected));
    Ok(Some(vec![
        META.fail(name, "its memory had errors that could not be corrected")
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation),
    ]))
}

fn correction(device: &NvmlDevice) -> Result<Option<Vec<Finding>>, Missing> {
    // What cannot correct errors has no such mode.
    let Some(&enabled) = gpus::if_any(&device.ecc_enabled)? else { return Ok(None) };
    if enabled {
        return Ok(Some(Vec::new()));
    }
    let name = gpus::name(device);
    let citation = cite(&name, "error correction off");
    Ok(Some(vec![
        META.warn(name, "error correction of its memory is off")
            .with_likelihood(Likelihood::Setting)
            .with_evidence(citation),
    ]))
}
