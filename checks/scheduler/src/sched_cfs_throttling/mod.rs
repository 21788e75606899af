//! `sched.cfs-throttling`: the container or unit is not CPU-throttled.
//!
//! Every control group that a server's processes are in, up to the root, is judged. A group that was throttled in the
//! window deviates; one whose quota has been lifted since is worth knowing only, as that ended it. One without a quota cannot
//! be throttled and passes by its setting. One with a quota passes only if it was watched under load for long enough; where nobody did, one that was throttled much since it
//! began is a warning. Where no
//! quota was read, that is no proof that there is none: only the root has none, and a group that the controller is not
//! enabled for.
//! The counter of throttled time sums over CPUs, so on a large node it reaches its limit soon; the share of throttled
//! periods is the measure that compares.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cgroup, CgroupLevel, CgroupTime, InferenceServer};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, Object, ObjectKind,
    Outcome, Said,
};

use crate::pages::sched_cfs_throttling::{GATE, PAGE, PERIODS, TIME, WATCHED, words};
use crate::serving;

/// Key of the cause that findings have in common which another quota would mend.
const CPU_QUOTA: &str = "cpu-quota";

/// Files that hold the quota: version 2 and version 1 of control groups.
const QUOTAS: [&str; 2] = ["cpu.max", "cpu.cfs_quota_us"];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = serving::servers(evidence)?.ok_or(words::NoServer {})?;
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    let mut unknown: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let processes = servers.iter().flat_map(|server| server.processes.iter().map(move |own| (server, own)));
    for (server, process) in processes {
        match &process.cgroup {
            Fact::Known(cgroup) => groups.extend(
                cgroup.chain.iter().map(|level| (level.path.as_str(), Group { server, cgroup, level })),
            ),
            Fact::Missing(missing) => unknown.entry(missing.to_string()).or_default().push(process.pid),
        }
    }
    let mut findings = Vec::new();
    for (reason, pids) in unknown {
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let object = Object::new(ObjectKind::Other, format!("processes {}", pids.join(", ")));
        findings.push(PAGE.not_run(object, words::UnknownGroup { reason: reason.into() }));
    }
    if groups.is_empty() && findings.is_empty() {
        findings.push(PAGE.not_run(Object::node(), words::NoGroup {}));
    }
    let counted = Counted {
        groups: evidence.get("/window/cgroups"),
        seconds: serving::window(evidence).and_then(|window| window.length()),
        load: evidence.under_load().map(drop),
    };
    let mut unlimited: Vec<&CgroupLevel> = Vec::new();
    for group in groups.into_values() {
        match group.judge(evidence, &counted) {
            Some(of_group) => findings.extend(of_group),
            None => unlimited.push(group.level),
        }
    }
    if let Some(own) = unlimited.iter().max_by_key(|level| level.path.len()) {
        let paths: Vec<&str> = unlimited.iter().map(|level| level.path.as_str()).collect();
        let object = Object::new(ObjectKind::Cgroup, &own.path).named(paths.join(", "));
        findings.push(PAGE.pass(object, words::NoQuota {}).with_citations(quota_citation(own)));
    }
    Ok(findings)
}

/// What the window says of control groups.
struct Counted {
    groups: Result<BTreeMap<String, CgroupTime>, Missing>,
    seconds: Result<f64, Missing>,
    /// Whether the service was busy: where it idles, a group that was not throttled has not proved anything.
    load: Result<(), Missing>,
}

/// A control group that processes of a server are in.
struct Group<'a> {
    server: &'a InferenceServer,
    cgroup: &'a Cgroup,
    level: &'a CgroupLevel,
}

/// The quota as its file has it; `None` if it is known that there is none.
type Quota<'a> = Result<Option<&'a str>, Missing>;

fn quota_citation(level: &CgroupLevel) -> Option<Citation> {
    // Where there is no quota, the controllers are what says so.
    QUOTAS.into_iter().chain(["cgroup.controllers"]).find_map(|name| {
        let text = level.values.get(name)?.known()?;
        Some(Citation::new(format!("{}/{name}", level.path), text))
    })
}

impl<'a> Group<'a> {
    fn object(&self) -> Object {
        Object::new(ObjectKind::Cgroup, &self.level.path)
    }

    fn quota(&self) -> Quota<'a> {
        let value = self.cgroup.value(self.level, "cpu", &QUOTAS)?;
        Ok(value.map(|(_, text)| text).filter(|text| !text.starts_with("max") && !text.starts_with('-')))
    }

    /// Findings of the group; `None` if it has no quota and was not throttled since it began.
    fn judge(&self, evidence: &Evidence<'_>, counted: &Counted) -> Option<Vec<Finding>> {
        let quota = self.quota();
        let time = counted.groups.as_ref().ok().and_then(|groups| groups.get(&self.level.path));
        if let Some(findings) = time.and_then(|time| self.throttled(evidence, time, &counted.seconds, &quota))
        {
            return Some(findings);
        }
        let watched = match &quota {
            // A quota that is gone may have throttled before anybody watched.
            Ok(None) => return self.since_start(evidence, &quota).map(|finding| vec![finding]),
            Ok(Some(quota)) => self.watched(evidence, quota, counted).map(|seconds| (*quota, seconds)),
            Err(why) => Err(words::UnknownQuota { reason: why.into() }.into()),
        };
        let finding = match watched {
            Ok((quota, seconds)) => {
                let citation = Citation::new(format!("{}/cpu.stat", self.level.path), "nr_throttled +0");
                let seconds = Arg::quantity(seconds, "s", 0);
                PAGE.pass(self.object(), words::Quiet { quota: quota.into(), seconds })
                    .with_evidence(citation)
            }
            Err(why) => match self.since_start(evidence, &quota) {
                Some(finding) => finding,
                None => PAGE.not_run(self.object(), why),
            },
        };
        Some(vec![finding.with_citations(quota_citation(self.level))])
    }

    /// A group that was throttled much since it began, where nobody watched it for long enough: when that was is not known, so it is
    /// a warning and no more; where the quota is gone, it is worth knowing.
    fn since_start(&self, evidence: &Evidence<'_>, quota: &Quota<'_>) -> Option<Finding> {
        let text = self.level.values.get("cpu.stat")?.known()?;
        let count = |name: &str| -> Option<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line?.trim().parse().ok()
        };
        let (all, throttled) = (count("nr_periods")?, count("nr_throttled")?);
        let share = Quantity::new(100.0 * throttled as f64 / all.max(1) as f64);
        let is_gone = matches!(quota, Ok(None));
        if throttled == 0 || (!is_gone && evidence.limit(&PAGE, &PERIODS).is_undercut_by(share)) {
            return None;
        }
        let (pid, share) = (Arg::text(self.server.pid.to_string()), Arg::of(share, 1));
        let (all_count, throttled_count) = (Arg::count(all), Arg::count(throttled));
        let said: Said = if is_gone {
            words::Gone { all: all_count, pid, share, throttled: throttled_count }.into()
        } else {
            words::SinceStart { all: all_count, pid, share, throttled: throttled_count }.into()
        };
        let counters = format!("nr_periods {all}, nr_throttled {throttled}");
        let finding = PAGE
            .says(if is_gone { Outcome::Info } else { Outcome::Warn }, self.object(), said)
            .with_likelihood(Likelihood::Mechanism)
            .with_cause(CPU_QUOTA, serving::server_object(self.server))
            .with_intents(self.lifting(quota))
            .with_evidence(Citation::new(format!("{}/cpu.stat", self.level.path), counters));
        Some(finding)
    }

    /// Seconds for which a group with a quota was watched under load without being throttled; the sentence that says why
    /// that was not enough.
    fn watched(&self, evidence: &Evidence<'_>, quota: &str, counted: &Counted) -> Result<f64, Said> {
        let unwatched =
            |why: &Missing| Said::from(words::Unwatched { quota: quota.into(), reason: why.into() });
        let groups = counted.groups.as_ref().map_err(unwatched)?;
        let time = groups.get(&self.level.path).ok_or_else(|| words::NotReadTwice { quota: quota.into() })?;
        time.throttled_periods.require().map_err(|why| unwatched(&why))?;
        let seconds = *counted.seconds.as_ref().map_err(unwatched)?;
        let least = evidence.limit(&PAGE, &WATCHED);
        if least.is_undercut_by(Quantity::new(seconds)) {
            let least = Arg::text(format!("{:.0}", least.value.number()));
            let seconds = Arg::quantity(seconds, "s", 1);
            return Err(words::TooShort { least, quota: quota.into(), seconds }.into());
        }
        counted.load.as_ref().map_err(unwatched)?;
        Ok(seconds)
    }

    /// Findings of a group that was throttled; `None` if it was not, as far as its counters tell.
    fn throttled(
        &self,
        evidence: &Evidence<'_>,
        time: &CgroupTime,
        seconds: &Result<f64, Missing>,
        quota: &Quota<'_>,
    ) -> Option<Vec<Finding>> {
        let is_positive = |fact: &Fact<u64>| fact.known().is_some_and(|&count| count > 0);
        if !is_positive(&time.throttled_periods) && !is_positive(&time.throttled_us) {
            return None;
        }
        let periods = share_of_periods(time);
        let lost = share_of_time(time, seconds);
        let reaches = |limit: &Limit<Percent>, share: &Result<Quantity<Percent>, Said>| {
            share.as_ref().is_ok_and(|&share| !evidence.limit(&PAGE, limit).is_undercut_by(share))
        };
        // A quota that reads `max` by now was lifted during the window: the counters tell of the past.
        let reads_max = |name: &&str| self.level.values.get(*name).is_some_and(|text| text.known().is_some());
        let is_lifted = matches!(quota, Ok(None)) && QUOTAS.iter().any(reads_max);
        let is_much = reaches(&PERIODS, &periods) || reaches(&TIME, &lost);
        let outcome = match (is_lifted, is_much) {
            (true, _) => Outcome::Info,
            (false, true) => Outcome::Fail,
            (false, false) => Outcome::Warn,
        };
        let known = |arg: Option<Arg>| arg.unwrap_or_else(|| "unknown".into());
        let percent = |share: &Result<Quantity<Percent>, Said>| {
            known(share.as_ref().ok().map(|&share| Arg::of(share, 1)))
        };
        let count = |fact: &Fact<u64>| known(fact.known().map(|&count| Arg::count(count)));
        let (lost_share, share) = (percent(&lost), percent(&periods));
        let (all, throttled) = (count(&time.periods), count(&time.throttled_periods));
        let stopped = known(time.throttled_us.known().map(|&us| Arg::quantity(us as f64 / 1e3, "ms", 0)));
        let finding = if is_lifted {
            let said = words::Lifted { all, lost: lost_share, share, stopped, throttled };
            PAGE.says(outcome, self.object(), said)
        } else {
            let pid = Arg::text(self.server.pid.to_string());
            let rate = seconds.as_ref().ok().zip(time.throttled_periods.known());
            let rate = rate.map(|(seconds, &count)| count as f64 / seconds).filter(|rate| rate.is_finite());
            let rate = known(rate.filter(|rate| *rate >= 0.05).map(|rate| Arg::quantity(rate, "", 1)));
            let said = words::Stopped { all, lost: lost_share, pid, rate, share, stopped, throttled };
            PAGE.says(outcome, self.object(), said)
                .with_cause(CPU_QUOTA, serving::server_object(self.server))
                .with_intents(self.lifting(quota))
        };
        let counters = [
            ("nr_periods", &time.periods),
            ("nr_throttled", &time.throttled_periods),
            ("throttled_usec", &time.throttled_us),
        ];
        let counters: Vec<String> = counters
            .into_iter()
            .filter_map(|(name, fact)| Some(format!("{name} +{}", fact.known()?)))
            .collect();
        let finding = finding
            .with_gate(!is_lifted && reaches(&GATE, &periods))
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(Citation::new(format!("{}/cpu.stat", self.level.path), counters.join(", ")));
        let mut findings = vec![finding.with_citations(quota_citation(self.level))];
        if !is_much && let (Err(said), _) | (_, Err(said)) = (periods, lost) {
            let object = self.object().named(format!("{}, extent", self.level.path));
            findings.push(PAGE.not_run(object, said));
        }
        Some(findings)
    }

    /// Asks for no quota, where it is known which there is.
    fn lifting(&self, quota: &Quota<'_>) -> Option<Intent> {
        let quota = quota.as_ref().ok().copied().flatten()?;
        // Version 1 keeps the period in a file of its own.
        let period = self.level.values.get("cpu.cfs_period_us").and_then(Fact::known);
        let period =
            period.filter(|_| !quota.contains(' ')).map_or(String::new(), |us| format!(" {}", us.trim()));
        Some(Intent::CpuQuota {
            server: self.server.pid,
            group: self.level.path.clone(),
            want: None,
            was: format!("{quota}{period}"),
        })
    }
}

fn extent(why: impl Into<Arg>) -> Said {
    words::Extent { reason: why.into() }.into()
}

fn share_of_periods(time: &CgroupTime) -> Result<Quantity<Percent>, Said> {
    let throttled = *time.throttled_periods.require().map_err(extent)?;
    match *time.periods.require().map_err(extent)? {
        0 => Err(words::NoPeriod {}.into()),
        all => Ok(Quantity::new(100.0 * throttled as f64 / all as f64)),
    }
}

fn share_of_time(time: &CgroupTime, seconds: &Result<f64, Missing>) -> Result<Quantity<Percent>, Said> {
    let microseconds = *time.throttled_us.require().map_err(extent)?;
    Ok(Quantity::new(microseconds as f64 / (seconds.as_ref().map_err(extent)? * 1e4)))
}
