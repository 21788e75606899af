//! `mem.zone-reclaim`: zone reclaim is off.
//!
//! Where it is on, what it does under load decides: counters of reclaim in zones, or of allocations that had to wait.

use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity,
};
use std::borrow::Cow::Borrowed;

use crate::counters::Counters;

const PATH: &str = "/proc/sys/vm/zone_reclaim_mode";

/// See the module.
pub struct MemZoneReclaim;

static META: CheckMeta = CheckMeta {
    id: Borrowed("mem.zone-reclaim"),
    title: Borrowed("Zone reclaim is off"),
    category: Category::Memory,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Where it is on, a full local node drops page cache instead of using remote memory: the service \
         stalls while a model is loaded.",
    ),
    business: Borrowed("The program throws away useful files although there is space next door."),
    needs: Borrowed(&[Borrowed("/sysctl/vm.zone_reclaim_mode"), Borrowed("/numa"), Borrowed("/window")]),
    remediation: Remediation {
        runtime: Borrowed("`sysctl -w vm.zone_reclaim_mode=0`"),
        persistent: Borrowed("a file in `/etc/sysctl.d` with `vm.zone_reclaim_mode = 0`"),
        rollback: Borrowed("`sysctl -w vm.zone_reclaim_mode=VALUE` with the value named in the evidence"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`sysctl vm.zone_reclaim_mode`; `grep zone_reclaim /proc/vmstat`, twice"),
        expected_effect: Borrowed("No published number for language models."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[Borrowed("zone-reclaim")]),
    applicability: Borrowed(
        "Bare metal, virtual machines and containers; hosts with two or more NUMA nodes that have memory",
    ),
    caveat: Some(Borrowed("Images of Azure for HPC set it to 1 for MPI programs.")),
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "Linux kernel: /proc/sys/vm (zone_reclaim_mode, swappiness, overcommit, min_free_kbytes)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/vm.html"),
        },
        Reference {
            title: Borrowed(
                "Azure HPC images (azhpc-images): hpc-tuning.sh, install_rccl.sh, persistence service",
            ),
            url: Borrowed("https://github.com/Azure/azhpc-images"),
        },
    ]),
};

impl Check for MemZoneReclaim {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if evidence.numa()?.with_memory().count() < 2 {
            return Ok(vec![META.not_applicable("node", "all memory is in one NUMA node")]);
        }
        let text = evidence.sysctl("vm.zone_reclaim_mode")?;
        let mode: u32 = text
            .trim()
            .parse()
            .map_err(|_| Missing::new(Absence::Malformed, format!("{PATH} holds `{text}`")))?;
        let setting = Citation::new(PATH, text.trim());
        if mode == 0 {
            return Ok(vec![META.pass("node", "zone reclaim is off").with_evidence(setting)]);
        }
        let on = format!(
            "zone reclaim is on (vm.zone_reclaim_mode is {mode}): a full node drops page cache instead of \
             using the memory of another"
        );
        let warn =
            |finding: Finding| finding.with_likelihood(Likelihood::Setting).with_evidence(setting.clone());
        let seen = Counters::of(evidence).and_then(|counters| Ok((stalls(&counters)?, counters)));
        let (stalls, counters) = match seen {
            Ok(seen) => seen,
            Err(why) => {
                return Ok(vec![
                    warn(META.warn("node", on)),
                    META.not_run("reclaim during the window", why.to_string()),
                ]);
            }
        };
        if let Some((name, count)) = stalls.iter().find(|&&(_, count)| count > 0) {
            let message = format!("{on}, and it was at work in the window: {name} grew by {count}");
            let finding =
                META.fail("node", message).with_likelihood(Likelihood::Mechanism).with_evidence(setting);
            let grown = stalls.iter().filter(|&&(_, count)| count > 0);
            return Ok(vec![
                grown.fold(finding, |finding, &(name, _)| finding.with_evidence(counters.cite(name))),
            ]);
        }
        let quiet = match counters.under_load() {
            Ok(load) => META.info("reclaim during the window", format!("none ({load})")),
            Err(why) => META.not_run("reclaim during the window", why.to_string()),
        };
        Ok(vec![warn(META.warn("node", on)), quiet])
    }
}

/// Counters of reclaim in zones and of allocations that had to wait, and by how much they grew.
fn stalls<'a>(counters: &Counters<'a>) -> Result<Vec<(&'a str, u64)>, Missing> {
    // Every kernel since 4.8 has these kinds of memory; others depend on the machine.
    let mut all = Vec::new();
    for name in ["zone_reclaim_success", "zone_reclaim_failed", "allocstall_normal", "allocstall_movable"] {
        all.push((name, counters.grown(name)?));
    }
    all.extend(counters.beginning_with("allocstall_"));
    all.sort_unstable();
    all.dedup();
    Ok(all)
}
