//! `sched.noisy-neighbours`: other workloads do not use the inference CPUs.
//!
//! How their CPU time is found is told in `foreign`. Two readings give a mean only: the catalogue's worst ten seconds
//! are not judged, so the confidence is medium. Nor are programs known by their names to be heavy: what they use
//! counts.

use plumb_check_sdk::limit::{Limit, Quantity, Seconds};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Confidence, Evidence, Finding, Likelihood, Missing, Question,
    Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

use crate::foreign::{Foreign, MUCH, SOME};
use crate::serving;

/// See the module.
pub struct SchedNoisyNeighbours;

const WATCHED: Limit<Seconds> = Limit {
    name: "length of the window from which absence of other programs passes",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: timers and log shippers run every few seconds",
    date: "2026-11-23",
    applies_to: "inference CPUs",
};

static THRESHOLDS: [Threshold; 3] = [WATCHED.threshold(), SOME.threshold(), MUCH.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("sched.noisy-neighbours"),
    title: Borrowed("Other workloads do not use the inference CPUs"),
    category: Category::Interference,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(3),
    rationale: Borrowed(
        "Batch jobs, agents, backups and log shippers share cores, caches and memory bandwidth with the \
         threads that launch kernels.",
    ),
    business: Borrowed("Other programs are using the desks reserved for the GPU team."),
    needs: Borrowed(&[
        Borrowed("/cpu/online"),
        Borrowed("/servers"),
        Borrowed("/window/cpus"),
        Borrowed("/window/processes"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Move them: `systemctl set-property --runtime system.slice AllowedCPUs=CPUS`, and the same \
             for `user.slice`; `CPUWeight=20` and `IOWeight=20` for batch units",
        ),
        persistent: Borrowed(
            "`systemctl set-property` without `--runtime`, or drop-ins; in Kubernetes `reservedSystemCPUs` \
             and taints on GPU nodes; move batch jobs off the node",
        ),
        rollback: Borrowed("`systemctl revert system.slice user.slice`"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`pidstat -u -p ALL 10 1`, grouped by CPU; `systemd-cgtop`"),
        expected_effect: Borrowed(
            "eunomia.dev: CPU, network and disk noise together cost 20.5 % of throughput, CPU noise alone \
             8.8 %; pinning cut context switches by 96.3 % and won back most, but not all.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SharedHost, WorkloadTrait::SmallBatch]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: true }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines and containers"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("eunomia.dev 2026-05-24: When CPU Noise Slows Down GPU Inference (eBPF)"),
            url: Borrowed(
                "https://eunomia.dev/blog/2026/05/24/measuring-cpu-noise-in-gpu-inference-with-ebpf/",
            ),
        },
        Reference {
            title: Borrowed(
                "Linux kernel docs: Control Group v2 (cpu.max, cpu.stat, cpuset.cpus.partition, \
                 memory.events)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/cgroup-v2.html"),
        },
        Reference {
            title: Borrowed(
                "systemd.resource-control(5): AllowedCPUs=, AllowedMemoryNodes=, CPUWeight=, CPUQuota=, \
                 Slice=",
            ),
            url: Borrowed(
                "https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html",
            ),
        },
        Reference {
            title: Borrowed("Kubernetes: Node Resource Managers (CPU Manager static policy)"),
            url: Borrowed("https://kubernetes.io/docs/concepts/policy/node-resource-managers"),
        },
    ]),
};

impl Check for SchedNoisyNeighbours {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = serving::servers(evidence)?;
        let foreign = Foreign::read(evidence, &servers)?;
        let subject = format!("CPUs {}", foreign.cpus);
        let percent = Quantity::new(foreign.percent);
        let message =
            format!("other programs used {:.1} % of the inference CPUs{}", foreign.percent, foreign.most());
        let finding = if evidence.limit(&META, &MUCH).is_exceeded_by(percent) {
            META.fail(subject, message)
        } else if !evidence.limit(&META, &SOME).is_undercut_by(percent) {
            META.warn(subject, message)
        } else if evidence.limit(&META, &WATCHED).is_undercut_by(Quantity::new(foreign.seconds)) {
            let message = format!(
                "{message}, but {:.1} s are too short to tell: collect with `--sample {:.0}` or more",
                foreign.seconds,
                evidence.limit(&META, &WATCHED).value.number()
            );
            META.not_run(subject, message)
        } else {
            META.pass(subject, message)
        };
        let finding = finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium);
        let mut findings = vec![foreign.cite(finding)];
        if !foreign.uncounted.is_empty() {
            let message = "their times do not add up to the window";
            findings.push(META.not_run(format!("CPUs {}", foreign.uncounted), message));
        }
        if let Some(missing) = &foreign.unmasked {
            let message = format!("which CPUs some threads of the servers may use is unknown: {missing}");
            findings.push(META.not_run("other CPUs", message));
        }
        Ok(findings)
    }
}
