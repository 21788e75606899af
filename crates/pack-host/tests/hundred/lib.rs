//! A hundred checks, for measuring: each looks for GPUs with a narrow link. Never shipped.

use std::borrow::Cow::{self, Borrowed};
use std::sync::LazyLock;

use plumb_check_sdk::model::NvmlDevice;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Evidence, Finding, Missing, Remediation, Severity, export_pack,
};

struct Numbered(usize);

static METAS: LazyLock<Vec<CheckMeta>> = LazyLock::new(|| (0..100).map(meta).collect());

fn meta(number: usize) -> CheckMeta {
    CheckMeta {
        id: Cow::Owned(format!("hundred.{number:02}")),
        title: Borrowed("Links of GPUs are wide"),
        category: Category::GpuHealth,
        severity: Severity::Low,
        gate: false,
        top15_rank: None,
        rationale: Borrowed("for measuring"),
        business: Borrowed("for measuring"),
        needs: Borrowed(&[Borrowed("/nvml")]),
        remediation: Remediation {
            runtime: Borrowed("none"),
            persistent: Borrowed("none"),
            rollback: Borrowed("none"),
            change: ChangeKind::Process,
            verification: Borrowed("none"),
            expected_effect: Borrowed("none"),
        },
        thresholds: Borrowed(&[]),
        amplified_by: Borrowed(&[]),
        questions: Borrowed(&[]),
        positions: Borrowed(&[]),
        claims: Borrowed(&[]),
        applicability: Borrowed("tests"),
        caveat: None,
        references: Borrowed(&[]),
    }
}

impl Check for Numbered {
    fn meta(&self) -> &'static CheckMeta {
        &METAS[self.0]
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let narrow = |device: &&NvmlDevice| device.pcie_width_current.known() < device.pcie_width_max.known();
        let devices = &evidence.nvml()?.devices;
        let n_narrow = devices.iter().filter(narrow).count();
        Ok(vec![self.meta().pass("node", format!("{n_narrow} of {} links are narrow", devices.len()))])
    }
}

macro_rules! hundred {
    ($($ten:literal)+) => { hundred!(@ [] $($ten)+); };
    (@ [$($check:expr,)*]) => { export_pack! { id: "hundred", checks: [$($check),*] } };
    (@ [$($check:expr,)*] $ten:literal $($rest:literal)*) => {
        hundred!(@ [$($check,)*
            Numbered($ten), Numbered($ten + 1), Numbered($ten + 2), Numbered($ten + 3), Numbered($ten + 4),
            Numbered($ten + 5), Numbered($ten + 6), Numbered($ten + 7), Numbered($ten + 8), Numbered($ten + 9),
        ] $($rest)*);
    };
}

hundred! { 0 10 20 30 40 50 60 70 80 90 }
