//! `virt.steal`: the hypervisor gives the VM its processor time.
//!
//! Steal is the time in which a virtual CPU was ready to run and the hypervisor ran something else. It is judged as a
//! share of all CPU time between the two readings. Two readings give no "worst 10 seconds" unless they are that close, so
//! the limits for the worst 10 seconds of the catalogue are not judged; the worst CPU is named instead. An idle machine
//! wants no time that could be stolen: it gives no pass. Nor does a hypervisor that is not known to report steal and shows none.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity, Seconds};
use plumb_check_sdk::model::CpuTime;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

/// See the module.
pub struct VirtSteal;

const STEAL_WARN: Limit<Percent> = Limit {
    name: "share of CPU time stolen, warning",
    value: Quantity::new(0.5),
    basis: ThresholdBasis::Expert,
    source: "our proposal; Red Hat warns against more vCPUs than CPUs in production without naming a number",
    date: "2026-11-23",
    applies_to: "virtual machines whose hypervisor reports steal",
};
const STEAL_FAIL: Limit<Percent> =
    Limit { name: "share of CPU time stolen, failure", value: Quantity::new(2.0), ..STEAL_WARN };
const STEAL_GATE: Limit<Percent> = Limit {
    name: "share of CPU time stolen that alone makes the node a high risk",
    value: Quantity::new(10.0),
    ..STEAL_WARN
};
const WINDOW: Limit<Seconds> = Limit {
    name: "shortest window that can show that nothing is stolen",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: neighbours come and go within seconds",
    date: "2026-11-23",
    applies_to: "virtual machines",
};
const LOAD: Limit<Percent> = Limit {
    name: "share of CPU time in use that makes a window worth judging",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: time can be stolen only from a CPU that wants to run",
    date: "2026-11-23",
    applies_to: "virtual machines",
};

/// Hypervisors that report steal to their guests (KVM and Xen do, and the clouds that are built on them).
const REPORTING: [&str; 5] = ["kvm", "qemu", "xen", "amazon", "google"];

static THRESHOLDS: [Threshold; 5] = [
    STEAL_WARN.threshold(),
    STEAL_FAIL.threshold(),
    STEAL_GATE.threshold(),
    WINDOW.threshold(),
    LOAD.threshold(),
];

static META: CheckMeta = CheckMeta {
    id: Borrowed("virt.steal"),
    title: Borrowed("The hypervisor gives the VM its processor time"),
    category: Category::Platform,
    severity: Severity::Critical,
    gate: true,
    top15_rank: Some(12),
    rationale: Borrowed(
        "A virtual CPU that is stolen stops whatever runs on it, such as the scheduler loop of the engine. \
         The guest cannot repair it.",
    ),
    business: Borrowed("You rent sixteen processors and sometimes get twelve."),
    needs: Borrowed(&[
        Borrowed("/node/virtualization"),
        Borrowed("/window/cpus"),
        Borrowed("/window/seconds"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None in the guest"),
        persistent: Borrowed(
            "Dedicated or pinned vCPUs, no overcommitment, a larger host, or bare metal: ask the provider",
        ),
        rollback: Borrowed("Not applicable"),
        change: ChangeKind::Provider,
        verification: Borrowed("`mpstat -P ALL 10 6`, column `%steal`"),
        expected_effect: Borrowed(
            "No published number for language models; the effect is that of losing the same share of the \
             busiest core.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::StrictTail]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Virtual machines only"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("RHEL 10: Optimizing virtual machine CPU performance"),
            url: Borrowed(
                "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/10/html/configuring_and_managing_linux_virtual_machines/optimizing-virtual-machine-cpu-performance",
            ),
        },
        Reference {
            title: Borrowed(
                "vLLM docs: Optimization and Tuning, section 'CPU Resources for GPU Deployments'",
            ),
            url: Borrowed(
                "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
            ),
        },
        Reference {
            title: Borrowed(
                "Chung et al. 2026: Characterizing CPU-Induced Slowdowns in Multi-GPU LLM Inference \
                 (arXiv:2603.22774)",
            ),
            url: Borrowed("https://arxiv.org/abs/2603.22774"),
        },
    ]),
};

impl Check for VirtSteal {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let Some(hypervisor) = evidence.hypervisor()? else {
            return Ok(vec![META.not_applicable("node", "bare metal: there is no hypervisor")]);
        };
        let seconds: f64 = evidence.get("/window/seconds")?;
        let cpus = cpu_times(evidence)?;
        let sum = |of: fn(&CpuTime) -> u64| cpus.iter().map(of).fold(0, u64::saturating_add);
        let total = sum(CpuTime::total);
        if total == 0 {
            return Err(Missing::new(Absence::Failed, "no CPU time passed between the readings"));
        }
        let percent = |ticks: u64, of: u64| Quantity::new(100.0 * ticks as f64 / of.max(1) as f64);
        let steal = percent(sum(|cpu| cpu.steal_ticks), total);
        let load = percent(sum(CpuTime::busy), total);
        let worst = cpus
            .iter()
            .map(|cpu| (percent(cpu.steal_ticks, cpu.total()).number(), cpu.cpu))
            .fold((0.0, 0), |worst, next| if next.0 > worst.0 { next } else { worst });
        let told = format!(
            "{:.2} % of CPU time was stolen in {seconds:.0} s at {:.0} % load",
            steal.number(),
            load.number()
        );
        let citation = Citation::new(
            "/proc/stat",
            format!(
                "steal {:.2} % of all CPUs; {:.2} % of CPU {}, the worst",
                steal.number(),
                worst.0,
                worst.1
            ),
        );
        let by = |limit: &Limit<Percent>| !evidence.limit(&META, limit).is_undercut_by(steal);
        if by(&STEAL_FAIL) || by(&STEAL_WARN) {
            let message = format!("{told} (hypervisor: {hypervisor})");
            let finding =
                if by(&STEAL_FAIL) { META.fail("node", message) } else { META.warn("node", message) };
            let finding = finding.with_gate(by(&STEAL_GATE)).with_likelihood(Likelihood::Mechanism);
            return Ok(vec![finding.with_evidence(citation)]);
        }
        let not_run = |message: String| Ok(vec![META.not_run("node", message)]);
        if steal.number() == 0.0 && !REPORTING.contains(&hypervisor.as_str()) {
            return not_run(format!(
                "no steal was reported, but the hypervisor `{hypervisor}` is not known to report it: measure the noise \
                 of a CPU instead"
            ));
        }
        if evidence.limit(&META, &LOAD).is_undercut_by(load) {
            return not_run(format!(
                "{told}: an idle machine wants no time, so collect while the service runs"
            ));
        }
        if evidence.limit(&META, &WINDOW).is_undercut_by(Quantity::new(seconds)) {
            return not_run(format!(
                "{told}: too short to show that nothing is stolen, so collect for longer"
            ));
        }
        let certain = matches!(hypervisor.as_str(), "kvm" | "xen") || steal.number() > 0.0;
        let confidence = if certain { Confidence::High } else { Confidence::Medium };
        Ok(vec![META.pass("node", told).with_evidence(citation).with_confidence(confidence)])
    }
}

/// CPU times of the window. A kind of time that an entry lacks is no time of 0, as the type would have it.
fn cpu_times(evidence: &Evidence<'_>) -> Result<Vec<CpuTime>, Missing> {
    let raw: Vec<BTreeMap<String, u64>> = evidence.get("/window/cpus")?;
    raw.iter()
        .map(|entry| {
            let ticks = |name: &str| {
                let lacks =
                    || Missing::new(Absence::Malformed, format!("a CPU of the window has no `{name}`"));
                entry.get(name).copied().ok_or_else(lacks)
            };
            Ok(CpuTime {
                cpu: u32::try_from(ticks("cpu")?).unwrap_or(u32::MAX),
                user_ticks: ticks("user_ticks")?,
                nice_ticks: ticks("nice_ticks")?,
                system_ticks: ticks("system_ticks")?,
                idle_ticks: ticks("idle_ticks")?,
                iowait_ticks: ticks("iowait_ticks")?,
                irq_ticks: ticks("irq_ticks")?,
                softirq_ticks: ticks("softirq_ticks")?,
                steal_ticks: ticks("steal_ticks")?,
                guest_ticks: ticks("guest_ticks")?,
            })
        })
        .collect()
}
