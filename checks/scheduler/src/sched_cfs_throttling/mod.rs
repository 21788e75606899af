//! `sched.cfs-throttling`: the container or unit is not CPU-throttled.
//!
//! Every control group that a server's processes are in, up to the root, is judged. A group that was throttled in the
//! window deviates; one whose quota has been lifted since warns, as that ended it. One without a quota cannot be
//! throttled and passes by its setting. One with a quota passes only if it was watched under load for long enough. Where no
//! quota was read, that is no proof that there is none: only the root has none, and a group that the controller is not
//! enabled for.
//! The counter of throttled time sums over CPUs, so on a large node it reaches its limit soon; the share of throttled
//! periods is the measure that compares.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity, Seconds};
use plumb_check_sdk::model::{Cgroup, CgroupLevel, CgroupTime};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::serving;

/// See the module.
pub struct SchedCfsThrottling;

const PERIODS: Limit<Percent> = Limit {
    name: "periods in which the group was throttled",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one stop of every stream in ten seconds",
    date: "2026-11-23",
    applies_to: "control groups with a quota, period 100 ms",
};

const GATE: Limit<Percent> = Limit {
    name: "throttled periods that alone make the node a high risk",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one stop of every stream in a second",
    date: "2026-11-23",
    applies_to: "control groups with a quota, period 100 ms",
};

const TIME: Limit<Percent> = Limit {
    name: "throttled time, summed over CPUs, of the window",
    value: Quantity::new(0.5),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "control groups with a quota",
};

const WATCHED: Limit<Seconds> = Limit {
    name: "length of the window from which a quota that did not throttle passes",
    value: Quantity::new(60.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: bursts come less often than once in ten seconds",
    date: "2026-11-23",
    applies_to: "control groups with a quota",
};

static THRESHOLDS: [Threshold; 4] =
    [PERIODS.threshold(), GATE.threshold(), TIME.threshold(), WATCHED.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("sched.cfs-throttling"),
    title: Borrowed("The container or unit is not CPU-throttled"),
    category: Category::Interference,
    severity: Severity::Critical,
    gate: false,
    top15_rank: Some(2),
    rationale: Borrowed(
        "When the quota is used up, all threads stop for the rest of the period of 100 ms: one throttle adds \
         tens of milliseconds to every active stream.",
    ),
    business: Borrowed(
        "The service is being switched off for a few hundredths of a second, many times a minute, while the \
         server has free processors.",
    ),
    needs: Borrowed(&[
        Borrowed("/servers"),
        Borrowed("/window/cgroups"),
        Borrowed("/window/gpus"),
        Borrowed("/window/processes"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`systemctl set-property --runtime UNIT CPUQuota=`; `docker update --cpus CPUS NAME` \
             with the number of the host's CPUs (to remove the limit, create the container again without \
             `--cpus`); `echo max > /sys/fs/cgroup/PATH/cpu.max`",
        ),
        persistent: Borrowed(
            "Remove `resources.limits.cpu`, or use a guaranteed pod with whole CPUs under the static CPU \
             manager, which then gets no quota; protect neighbours with `CPUWeight=` and cpusets instead",
        ),
        rollback: Borrowed("Restore the former quota"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`grep -E \"nr_periods|nr_throttled|throttled_usec\" /sys/fs/cgroup/PATH/cpu.stat`, twice under \
             load",
        ),
        expected_effect: Borrowed(
            "There is no published number for language models. Buffer reports clearly faster web services \
             after removing limits; configurations that Georgia Tech starved of CPUs had 1.36 to 5.40 times \
             the time to first token.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SharedHost, WorkloadTrait::StrictTail]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[Borrowed("cpu-limits")]),
    applicability: Borrowed(
        "Mostly containers; systemd units with `CPUQuota=`; bare metal and virtual machines",
    ),
    caveat: Some(Borrowed(
        "Without any limit a runaway pod can starve the kubelet, as Buffer found: keep reservations.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "Linux kernel docs: Control Group v2 (cpu.max, cpu.stat, cpuset.cpus.partition, \
                 memory.events)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/cgroup-v2.html"),
        },
        Reference {
            title: Borrowed("Kubernetes: Node Resource Managers (CPU Manager static policy)"),
            url: Borrowed("https://kubernetes.io/docs/concepts/policy/node-resource-managers"),
        },
        Reference {
            title: Borrowed("Buffer engineering (E. Khun): make your services faster by removing CPU limits"),
            url: Borrowed("https://erickhun.com/posts/kubernetes-faster-services-no-cpu-limits/"),
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

impl Check for SchedCfsThrottling {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = serving::servers(evidence)?;
        let mut groups: BTreeMap<&str, (&Cgroup, &CgroupLevel)> = BTreeMap::new();
        let mut findings = Vec::new();
        let mut unknown: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for process in servers.iter().flat_map(|server| &server.processes) {
            match &process.cgroup {
                Fact::Known(cgroup) => {
                    groups.extend(cgroup.chain.iter().map(|level| (level.path.as_str(), (cgroup, level))))
                }
                Fact::Missing(missing) => unknown.entry(missing.to_string()).or_default().push(process.pid),
            }
        }
        for (why, pids) in unknown {
            let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
            findings.push(META.not_run(format!("processes {}", pids.join(", ")), why));
        }
        if groups.is_empty() && findings.is_empty() {
            findings.push(META.not_run("node", "no control group of an inference server is known"));
        }
        let counted = Counted::read(evidence);
        let mut unlimited: Vec<&CgroupLevel> = Vec::new();
        for (cgroup, level) in groups.into_values() {
            match judge(evidence, cgroup, level, &counted) {
                Some(of_level) => findings.extend(of_level),
                None => unlimited.push(level),
            }
        }
        if let Some(own) = unlimited.iter().max_by_key(|level| level.path.len()) {
            let paths: Vec<&str> = unlimited.iter().map(|level| level.path.as_str()).collect();
            let finding = META.pass(paths.join(", "), "no CPU quota, and not throttled");
            findings.push(finding.with_evidence(cite_quota(own)));
        }
        Ok(findings)
    }
}

/// What the window says of control groups.
struct Counted {
    groups: Result<BTreeMap<String, CgroupTime>, Missing>,
    seconds: Result<f64, Missing>,
    /// How busy the service was: where it idles, a group that was not throttled has not proved anything.
    load: Result<String, Missing>,
}

impl Counted {
    fn read(evidence: &Evidence<'_>) -> Self {
        Self {
            groups: evidence.get("/window/cgroups"),
            seconds: serving::window(evidence).and_then(|window| window.length()),
            load: evidence.under_load(),
        }
    }
}

/// The quota of a group in words; `None` if it is known to have none.
fn quota(cgroup: &Cgroup, level: &CgroupLevel) -> Result<Option<String>, Missing> {
    if let Some(fact) = level.values.get("cpu.max") {
        let text = fact.require()?;
        return Ok((!text.starts_with("max")).then(|| text.clone()));
    }
    if let Some(fact) = level.values.get("cpu.cfs_quota_us") {
        let text = fact.require()?;
        return Ok((!text.starts_with('-')).then(|| text.clone()));
    }
    if cgroup.lacks(level, "cpu") || cgroup.is_root(level) {
        return Ok(None);
    }
    let [new, old] = QUOTAS;
    let reason =
        format!("whether {} has a quota is not known: neither `{new}` nor `{old}` was read", level.path);
    Err(Missing::new(Absence::Failed, reason))
}

/// Files that hold the quota: version 2 and version 1 of control groups.
const QUOTAS: [&str; 2] = ["cpu.max", "cpu.cfs_quota_us"];

fn cite_quota(level: &CgroupLevel) -> Citation {
    // Where there is no quota, the controllers are what says so.
    let found = QUOTAS.into_iter().chain(["cgroup.controllers"]).find_map(|name| {
        let text = level.values.get(name)?.known()?;
        Some(Citation::new(format!("{}/{name}", level.path), text))
    });
    found.unwrap_or_else(|| Citation::new(&level.path, "no quota of its own"))
}

/// Findings of one group; `None` if it has no quota and was not throttled.
fn judge(
    evidence: &Evidence<'_>,
    cgroup: &Cgroup,
    level: &CgroupLevel,
    counted: &Counted,
) -> Option<Vec<Finding>> {
    let subject = &level.path;
    let quota = quota(cgroup, level);
    let time = counted.groups.as_ref().ok().and_then(|groups| groups.get(&level.path));
    if let Some(time) = time
        && let Some(findings) = throttled(evidence, level, time, &counted.seconds, &quota)
    {
        return Some(findings);
    }
    let quota = match quota {
        Ok(None) => return None,
        Ok(Some(quota)) => quota,
        Err(missing) => return Some(vec![META.not_run(subject, missing.to_string())]),
    };
    let watched = || -> Result<String, Missing> {
        let groups = counted.groups.as_ref().map_err(Clone::clone)?;
        let unread = || Missing::new(Absence::Failed, "it was not read twice");
        let time = groups.get(&level.path).ok_or_else(unread)?;
        time.throttled_periods.require()?;
        let seconds = counted.seconds.clone()?;
        let least = evidence.limit(&META, &WATCHED);
        if least.is_undercut_by(Quantity::new(seconds)) {
            let reason = format!(
                "{seconds:.1} s are too short to tell: collect with `--sample {:.0}` or more",
                least.value.number()
            );
            return Err(Missing::new(Absence::Skipped, reason));
        }
        counted.load.clone()
    };
    Some(vec![match watched() {
        Ok(load) => META
            .pass(subject, format!("quota `{quota}`, and not throttled under load ({load})"))
            .with_evidence(cite_quota(level))
            .with_evidence(Citation::new(format!("{}/cpu.stat", level.path), "nr_throttled +0")),
        Err(missing) => META
            .not_run(subject, format!("quota `{quota}`; whether it throttles is unknown: {missing}"))
            .with_evidence(cite_quota(level)),
    }])
}

/// Findings of a group that was throttled; `None` if it was not, as far as its counters tell.
fn throttled(
    evidence: &Evidence<'_>,
    level: &CgroupLevel,
    time: &CgroupTime,
    seconds: &Result<f64, Missing>,
    quota: &Result<Option<String>, Missing>,
) -> Option<Vec<Finding>> {
    let is_positive = |fact: &Fact<u64>| fact.known().is_some_and(|&count| count > 0);
    if !is_positive(&time.throttled_periods) && !is_positive(&time.throttled_us) {
        return None;
    }
    let periods = || -> Result<(u64, u64, f64), Missing> {
        let (throttled, all) = (*time.throttled_periods.require()?, *time.periods.require()?);
        if all == 0 {
            return Err(Missing::new(Absence::Failed, "no period of the quota was counted"));
        }
        Ok((throttled, all, 100.0 * throttled as f64 / all as f64))
    };
    let lost = || -> Result<(u64, f64), Missing> {
        let microseconds = *time.throttled_us.require()?;
        Ok((microseconds, microseconds as f64 / (seconds.clone()? * 1e4)))
    };
    let (periods, lost) = (periods(), lost());
    let reaches = |limit: &Limit<Percent>, percent: f64| {
        !evidence.limit(&META, limit).is_undercut_by(Quantity::new(percent))
    };
    // A quota that reads `max` by now was lifted during the window: the counters tell of the past.
    let is_lifted = matches!(quota, Ok(None)) && QUOTAS.iter().any(|name| level.values.contains_key(*name));
    let is_much = periods.as_ref().is_ok_and(|&(.., percent)| reaches(&PERIODS, percent))
        || lost.as_ref().is_ok_and(|&(_, percent)| reaches(&TIME, percent));
    let is_gate = !is_lifted && periods.as_ref().is_ok_and(|&(.., percent)| reaches(&GATE, percent));
    let mut told = Vec::new();
    let mut counters = Vec::new();
    if let Ok((throttled, all, percent)) = &periods {
        told.push(format!("throttled in {throttled} of {all} periods ({percent:.1} %)"));
        counters.push(format!("nr_periods +{all}, nr_throttled +{throttled}"));
    }
    if let Ok((microseconds, percent)) = &lost {
        told.push(format!("for {percent:.1} % of the time, summed over CPUs"));
        counters.push(format!("throttled_usec +{microseconds}"));
    }
    if told.is_empty() {
        told.push("throttled".to_owned());
    }
    let message = told.join(", ");
    let finding = if is_lifted {
        META.info(&level.path, format!("{message}, until its quota was lifted"))
    } else if is_much {
        META.fail(&level.path, message)
    } else {
        META.warn(&level.path, message)
    };
    let counters = if counters.is_empty() { "throttled".to_owned() } else { counters.join(", ") };
    let mut findings = vec![
        finding
            .with_gate(is_gate)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(format!("{}/cpu.stat", level.path), counters))
            .with_evidence(cite_quota(level)),
    ];
    if !is_much && let (Err(missing), _) | (_, Err(missing)) = (periods.map(drop), lost.map(drop)) {
        let message = format!("how much it was throttled is known in part only: {missing}");
        findings.push(META.not_run(format!("{}, extent", level.path), message));
    }
    Some(findings)
}
