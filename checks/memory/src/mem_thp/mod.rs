//! `mem.thp`: transparent huge pages do not cause stalls.
//!
//! Sources disagree on the setting (never, madvise, always), so the setting warns only where the kernel must compact
//! memory on the spot for every process. Stalls that are counted fail whatever the setting. Between the two rates of
//! the catalogue, 1 and 10 a second, the check warns.

use plumb_check_sdk::limit::{Limit, PerSecond, Quantity};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

use crate::counters::Counters;

const FOLDER: &str = "/sys/kernel/mm/transparent_hugepage";

/// See the module.
pub struct MemThp;

const SOME: Limit<PerSecond> = Limit {
    name: "rate of waits for compaction, noticeable",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "all nodes, under load",
};
const MANY: Limit<PerSecond> = Limit {
    name: "rate of waits for compaction, or of huge pages that could not be had, too high",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: at milliseconds each, a few per cent of one thread",
    date: "2026-11-23",
    applies_to: "all nodes, under load",
};

static THRESHOLDS: [Threshold; 2] = [SOME.threshold(), MANY.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("mem.thp"),
    title: Borrowed("Transparent huge pages do not cause stalls"),
    category: Category::Memory,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A thread that compacts memory stands still for milliseconds. Huge pages also help large buffers, so \
         off is not better in itself.",
    ),
    business: Borrowed("The memory manager sometimes stops to tidy up."),
    needs: Borrowed(&[Borrowed("/settings/memory"), Borrowed("/window")]),
    remediation: Remediation {
        runtime: Borrowed(
            "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`; `echo defer+madvise > \
             /sys/kernel/mm/transparent_hugepage/defrag`",
        ),
        persistent: Borrowed(
            "kernel argument `transparent_hugepage=madvise`, or TuneD `[vm] transparent_hugepages=madvise`; \
             tmpfiles.d for `defrag`",
        ),
        rollback: Borrowed("write the values named in the evidence back"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`grep -E 'compact_stall|thp_fault_fallback ' /proc/vmstat`, twice"),
        expected_effect: Borrowed(
            "Huawei MindIE: `always` gives more stable throughput (no figure). There are anecdotes of \
             databases that stalled for 0.5 to 1 s. There is no published number for language models, so \
             measure both.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::Offload, WorkloadTrait::StrictTail]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[Borrowed("huge-pages")]),
    applicability: Borrowed("Bare metal, virtual machines, containers (which have the setting of the host)"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed(
                "Huawei MindIE LLM: Performance Tuning (CPU high-performance mode, THP, binding)",
            ),
            url: Borrowed(
                "https://www.hiascend.com/document/detail/en/mindie/230/LLMframe/llmdev/mindie_llm0526.html",
            ),
        },
        Reference {
            title: Borrowed("NVIDIA Grace Performance Tuning Guide: Operating System Settings"),
            url: Borrowed("https://docs.nvidia.com/grace-perf-tuning-guide/os-settings.html"),
        },
        Reference {
            title: Borrowed("loke.dev: The Compaction Stall (THP)"),
            url: Borrowed("https://loke.dev/blog/linux-thp-compaction-stall-performance"),
        },
        Reference {
            title: Borrowed("Linux kernel: Transparent Hugepage Support"),
            url: Borrowed("https://docs.kernel.org/admin-guide/mm/transhuge.html"),
        },
    ]),
};

impl Check for MemThp {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let enabled = choice(evidence, "enabled")?;
        let cite = |name: &str, value: &str| Citation::new(format!("{FOLDER}/{name}"), value);
        let setting = if enabled == "always" {
            let defrag = choice(evidence, "defrag")?;
            let message = format!("huge pages for all processes, `defrag` is `{defrag}`");
            let finding = if defrag == "always" {
                META.warn(
                    "setting",
                    format!("{message}: any process may have to compact memory when it asks for some"),
                )
                .with_likelihood(Likelihood::Setting)
            } else {
                META.pass("setting", message)
            };
            finding.with_evidence(cite("enabled", &enabled)).with_evidence(cite("defrag", &defrag))
        } else {
            META.pass("setting", format!("huge pages: `{enabled}`")).with_evidence(cite("enabled", &enabled))
        };
        Ok(vec![setting, stalls(evidence).unwrap_or_else(|why| META.not_run("stalls", why.to_string()))])
    }
}

/// The chosen word of a file such as `always [madvise] never`.
fn choice(evidence: &Evidence<'_>, name: &str) -> Result<String, Missing> {
    let path = format!("{FOLDER}/{name}");
    let text = evidence.setting("memory", &path)?;
    let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    match chosen {
        Some((word, _)) => Ok(word.to_owned()),
        None => Err(Missing::new(Absence::Malformed, format!("{path} holds `{text}`"))),
    }
}

fn stalls(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let counters = Counters::of(evidence)?;
    let (compactions, fallbacks) = (counters.rate("compact_stall")?, counters.rate("thp_fault_fallback")?);
    let worst = Quantity::new(compactions.max(fallbacks));
    let message = format!(
        "{compactions:.1} waits for compaction and {fallbacks:.1} huge pages a second that could not be had"
    );
    let finding = if evidence.limit(&META, &MANY).is_exceeded_by(worst) {
        META.fail("stalls", message)
    } else if !evidence.limit(&META, &SOME).is_undercut_by(Quantity::new(compactions)) {
        META.warn("stalls", message)
    } else {
        // Without load nothing asks for memory.
        match counters.under_load() {
            Ok(load) => META.pass("stalls", format!("{message} ({load})")),
            Err(why) => return Err(why),
        }
    };
    Ok(finding
        .with_likelihood(Likelihood::Mechanism)
        .with_evidence(counters.cite("compact_stall"))
        .with_evidence(counters.cite("thp_fault_fallback")))
}
