//! `svc.unit-weights`: inference has priority over housekeeping.
//!
//! Weights count among the groups of one folder. So on each of the two outer levels the group that the server is in is
//! compared with its neighbours, and only with those that used CPU time between the two readings: a heavy group that sleeps
//! takes nothing. A group has the kernel's default weight of 100 unless it says otherwise.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Count, Limit, Percent, Quantity};
use plumb_check_sdk::model::InferenceServer;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::server::servers;

/// See the module.
pub struct SvcUnitWeights;

const ACTIVE: Limit<Percent> = Limit {
    name: "share of one CPU from which a neighbour counts as active",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "control groups beside the server's",
};
const RATIO: Limit<Count> = Limit {
    name: "weight of the server's group as a multiple of its neighbours'",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: under contention the server then gets five sixths of the CPU time",
    date: "2026-11-23",
    applies_to: "hosts where other groups use CPU time",
};

const MOUNT: &str = "/sys/fs/cgroup";

static THRESHOLDS: [Threshold; 2] = [ACTIVE.threshold(), RATIO.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("svc.unit-weights"),
    title: Borrowed("Inference has priority over housekeeping"),
    category: Category::Platform,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Weights decide who waits when the host is busy."),
    business: Borrowed("In a traffic jam the ambulance has no priority."),
    needs: Borrowed(&[
        Borrowed("/servers"),
        Borrowed("/settings/service"),
        Borrowed("/window/seconds"),
        Borrowed("/window/values/service"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`systemctl set-property --runtime UNIT CPUWeight=1000 IOWeight=500`"),
        persistent: Borrowed("The same without `--runtime`; `CPUWeight=50` and `IOWeight=50` for batch jobs"),
        rollback: Borrowed("`systemctl revert UNIT`"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`systemctl show UNIT -p CPUWeight`"),
        expected_effect: Borrowed("No published number."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SharedHost]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal and virtual machines, control groups of version 2"),
    caveat: None,
    references: Borrowed(&[
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
            title: Borrowed(
                "Linux kernel docs: Control Group v2 (cpu.max, cpu.stat, cpuset.cpus.partition, \
                 memory.events)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/cgroup-v2.html"),
        },
    ]),
};

impl Check for SvcUnitWeights {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = match servers(&META, evidence)? {
            Ok(servers) => servers,
            Err(findings) => return Ok(findings),
        };
        let groups = Groups {
            settings: evidence.settings("service")?,
            values: evidence.get("/window/values/service")?,
            seconds: evidence.get("/window/seconds")?,
            active: evidence.limit(&META, &ACTIVE),
        };
        if groups.seconds <= 0.0 {
            return Err(Missing::new(Absence::Failed, "no time passed between the readings"));
        }
        let ratio = evidence.limit(&META, &RATIO);
        Ok(servers
            .iter()
            .map(|server| {
                judge(server, &groups, &ratio)
                    .unwrap_or_else(|why| META.not_run(server.subject(), why.to_string()))
            })
            .collect())
    }
}

fn judge(server: &InferenceServer, groups: &Groups, ratio: &Limit<Count>) -> Result<Finding, Missing> {
    let process = server.processes.first();
    let process = process
        .ok_or_else(|| Missing::new(Absence::Failed, "the evidence names no process of the server"))?;
    let cgroup = process.cgroup.require()?;
    if cgroup.version == 1 {
        let message = "control groups of version 1 share CPU time in another way than is judged here";
        return Ok(META.not_run(server.subject(), message));
    }
    let mut tightest: Option<(f64, Citation, Citation)> = None;
    let mut levels = 0;
    for level in cgroup.chain.iter().filter(|level| (1..=2).contains(&depth(&level.path))) {
        levels += 1;
        let own = groups.weight(&level.path)?;
        for neighbour in groups.neighbours(&level.path)? {
            let weight = groups.weight(&neighbour)?;
            let next = own / weight;
            if tightest.as_ref().is_none_or(|(ratio, ..)| next < *ratio) {
                let cite =
                    |path: &str, weight: f64| Citation::new(format!("{path}/cpu.weight"), weight.to_string());
                tightest = Some((next, cite(&level.path, own), cite(&neighbour, weight)));
            }
        }
    }
    if levels == 0 {
        return Err(Missing::new(Absence::Failed, "its control groups below the root are not known"));
    }
    let Some((next, own, other)) = tightest else {
        return Ok(META.pass(server.subject(), "no group beside it used CPU time worth mentioning"));
    };
    let message =
        format!("under contention it gets {next:.2} times the CPU time of `{}`", name(&other.source));
    let cite = |finding: Finding| {
        finding.with_likelihood(Likelihood::Setting).with_evidence(own.clone()).with_evidence(other.clone())
    };
    Ok(cite(if next < 1.0 {
        META.fail(server.subject(), message)
    } else if ratio.is_undercut_by(Quantity::new(next)) {
        META.warn(server.subject(), message)
    } else {
        META.pass(server.subject(), message)
    }))
}

/// Number of folders of a group below the mount.
fn depth(path: &str) -> usize {
    let below = path.strip_prefix(MOUNT).unwrap_or_default().trim_matches('/');
    if below.is_empty() { 0 } else { below.split('/').count() }
}

/// The group's own name.
fn name(file: &str) -> &str {
    file.rsplit('/').nth(1).unwrap_or(file)
}

/// Weights and CPU time of the groups on the two outer levels.
struct Groups {
    settings: BTreeMap<String, Fact<String>>,
    values: BTreeMap<String, Vec<String>>,
    seconds: f64,
    active: Limit<Percent>,
}

impl Groups {
    fn weight(&self, group: &str) -> Result<f64, Missing> {
        let path = format!("{group}/cpu.weight");
        let unknown = || Missing::new(Absence::Failed, format!("{path} was not read"));
        let text = self.settings.get(&path).ok_or_else(unknown)?.require()?;
        let weight: f64 = text.trim().parse().map_err(|_| unknown())?;
        if weight > 0.0 { Ok(weight) } else { Err(unknown()) }
    }

    /// Groups in the same folder that used CPU time.
    fn neighbours(&self, group: &str) -> Result<Vec<String>, Missing> {
        let folder = group.rsplit_once('/').map_or("", |(folder, _)| folder);
        let is_neighbour = |other: &&str| other.rsplit_once('/').is_some_and(|(its, _)| its == folder);
        let weighed = self.settings.keys().filter_map(|path| path.strip_suffix("/cpu.weight"));
        let read = self.values.keys().filter_map(|path| path.strip_suffix("/cpu.stat"));
        let groups: BTreeSet<&str> = weighed.chain(read).filter(is_neighbour).collect();
        let mut found = Vec::new();
        for other in groups {
            let path = format!("{other}/cpu.stat");
            let readings = self.values.get(&path);
            let readings = readings
                .ok_or_else(|| Missing::new(Absence::Failed, format!("{path} was not read twice")))?;
            // A group that came or went meanwhile is no standing neighbour.
            let [first, .., last] = readings.as_slice() else { continue };
            let usage = |text: &String| -> Result<u64, Missing> {
                let number =
                    text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok());
                number.ok_or_else(|| Missing::new(Absence::Malformed, format!("{path} has no `usage_usec`")))
            };
            let used = usage(last)?.saturating_sub(usage(first)?);
            let share = Quantity::new(100.0 * used as f64 / (self.seconds * 1e6));
            if other != group && !self.active.is_undercut_by(share) {
                found.push(other.to_owned());
            }
        }
        Ok(found)
    }
}
