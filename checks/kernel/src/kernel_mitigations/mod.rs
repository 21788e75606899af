//! `kernel.mitigations`: CPU vulnerability mitigations follow a stated policy.
//!
//! A decision of security, not a defect of performance: the check tells the state and never proposes to turn
//! anything off. On a host that others share, which the engagement tells, a weakness without mitigation fails.
//! Elsewhere it warns; a client accepts it by a waiver.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::model::Vulnerability;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, WorkloadTrait,
};

/// See the module.
pub struct KernelMitigations;

static META: CheckMeta = CheckMeta {
    id: Borrowed("kernel.mitigations"),
    title: Borrowed("CPU vulnerability mitigations follow a stated policy"),
    category: Category::Platform,
    severity: Severity::Info,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Mitigations are a decision of security, not a defect of performance. What matters is that the state \
         is known and was decided.",
    ),
    business: Borrowed(
        "Turning protections off buys a little speed for some workloads and adds risk. That is the client's \
         call, not the tool's.",
    ),
    needs: Borrowed(&[
        Borrowed("/platform/vulnerabilities"),
        Borrowed("/node/cmdline"),
        Borrowed("/engagement/workload"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("none"),
        persistent: Borrowed(
            "updates of microcode and kernel; where `mitigations=off` was set, `grubby --update-kernel=ALL \
             --remove-args=mitigations=off`",
        ),
        rollback: Borrowed("the former arguments"),
        change: ChangeKind::Reboot,
        verification: Borrowed("`grep . /sys/devices/system/cpu/vulnerabilities/*`"),
        expected_effect: Borrowed(
            "Phoronix has measured what mitigations cost by kernel and generation of CPU. There is no \
             published number for serving language models.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, containers (which have the state of the host)"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Linux kernel: Hardware vulnerabilities"),
            url: Borrowed("https://docs.kernel.org/admin-guide/hw-vuln/index.html"),
        },
        Reference {
            title: Borrowed("Intel PerfSpect (HEAD c399daa): report insights in cmd/report/report_tables.go"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed(
                "Phoronix: performance cost of Spectre/Meltdown/Foreshadow mitigations on Linux 4.19",
            ),
            url: Borrowed("https://www.phoronix.com/review/linux-419-mitigations"),
        },
    ]),
};

impl Check for KernelMitigations {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let all: Vec<Vulnerability> = evidence.get("/platform/vulnerabilities")?;
        let mut findings = Vec::new();
        let (mut open, mut unread) = (Vec::new(), Vec::new());
        for vulnerability in &all {
            match &vulnerability.state {
                Fact::Known(state) if state.contains("Vulnerable") => open.push((vulnerability, state)),
                // `Unknown: Dependent on hypervisor status`, in virtual machines.
                Fact::Known(state) if state.starts_with("Unknown") => {
                    unread.push(format!("{} ({state})", vulnerability.name));
                }
                Fact::Known(_) => {}
                Fact::Missing(_) => unread.push(vulnerability.name.clone()),
            }
        }
        if !unread.is_empty() || all.is_empty() {
            findings.push(META.not_run("weaknesses of the CPU", format!("not known: {}", unread.join(", "))));
        }
        let cmdline: Result<String, Missing> = evidence.get("/node/cmdline");
        let off = match &cmdline {
            Ok(cmdline) => cmdline.split_whitespace().find(|word| is_off(word)),
            Err(why) => {
                findings.push(META.not_run("boot arguments", why.to_string()));
                None
            }
        };
        if open.is_empty() && off.is_none() {
            if findings.is_empty() {
                let message =
                    format!("none of {} weaknesses that the kernel knows of is left open", all.len());
                findings.push(META.pass("node", message));
            }
            return Ok(findings);
        }
        let cite = |finding: Finding| {
            let finding = open.iter().fold(finding, |finding, (vulnerability, state)| {
                finding.with_evidence(Citation::new(&vulnerability.path, state.as_str()))
            });
            match off {
                Some(word) => finding.with_evidence(Citation::new("/proc/cmdline", word)),
                None => finding,
            }
        };
        let names: Vec<&str> = open.iter().map(|(vulnerability, _)| vulnerability.name.as_str()).collect();
        let what = match (names.as_slice(), off) {
            ([], Some(word)) => format!("`{word}` is set"),
            (names, None) => format!("not fully mitigated: {}", names.join(", ")),
            (names, Some(word)) => format!("`{word}` is set; not fully mitigated: {}", names.join(", ")),
        };
        let workload: Result<BTreeMap<WorkloadTrait, bool>, Missing> = evidence.get("/engagement/workload");
        match workload.ok().and_then(|traits| traits.get(&WorkloadTrait::SharedHost).copied()) {
            Some(true) if !open.is_empty() => {
                let message = format!("{what}, on a host that others share");
                findings.push(cite(META.fail("node", message)).with_likelihood(Likelihood::Setting));
            }
            Some(_) => findings.push(cite(META.warn("node", what)).with_likelihood(Likelihood::Setting)),
            None => {
                findings.push(cite(META.warn("node", what)).with_likelihood(Likelihood::Setting));
                let message =
                    "whether others share this host is not known; say so in the engagement (`shared-host`)";
                findings.push(META.not_run("sharing", message));
            }
        }
        Ok(findings)
    }
}

/// True for boot arguments that turn mitigations off as a whole, or one that is known by a name of its own.
fn is_off(word: &str) -> bool {
    matches!(
        word,
        "mitigations=off" | "nopti" | "pti=off" | "nospectre_v1" | "nospectre_v2" | "spectre_v2=off"
    ) || matches!(
        word,
        "mds=off" | "tsx_async_abort=off" | "retbleed=off" | "l1tf=off" | "spec_store_bypass_disable=off"
    )
}
