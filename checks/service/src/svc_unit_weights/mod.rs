//! `svc.unit-weights`: inference has priority over housekeeping.
//!
//! Weights count among the groups of one folder. So on each of the two outer levels the group that the server is in is
//! compared with its neighbours, and only with those that used CPU time between the two readings: a heavy group that sleeps
//! takes nothing. Another server is no housekeeping: how two of them are to share CPUs is their owner's affair. A group has the kernel's default weight of 100 unless it says otherwise. A neighbour that is known to have
//! none of the server's CPUs does not compete with it, whatever it weighs. A scheduler in BPF makes of weights what it likes.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Count, Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cgroup, CgroupLevel, InferenceServer};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict,
    ServiceSetting,
};

use crate::pages::svc_unit_weights::{ACTIVE, PAGE, RATIO, words};
use crate::server::{is_own, server_object, service};

const MOUNT: &str = "/sys/fs/cgroup";
/// The largest weight that a group can have.
const MOST: f64 = 10_000.0;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    if let Some((name, _)) = evidence.bpf_scheduler() {
        return Err(words::InBpf { name: name.into() }.into());
    }
    let groups = Groups {
        settings: evidence.settings("service")?,
        values: evidence.get("/window/values/service")?,
        cpus: cpus_of_servers(servers),
        of_servers: groups_of_servers(servers),
        seconds: evidence.get("/window/seconds")?,
        active: evidence.limit(&PAGE, &ACTIVE),
        ratio: evidence.limit(&PAGE, &RATIO),
    };
    PAGE.not_run_if(groups.seconds <= 0.0, words::NoTime {})?;
    let judged = |server| {
        let judged = groups.judge(server).map_err(|why| match evidence.host_of_container() {
            Ok((container, command)) => {
                words::Inside { command: command.into(), container: container.into() }.into()
            }
            Err(_) => why,
        });
        PAGE.settle(server_object(server), judged)
    };
    Ok(servers.iter().map(judged).collect())
}

/// Number of folders of a group below the mount.
fn depth(path: &str) -> usize {
    let below = path.strip_prefix(MOUNT).unwrap_or_default().trim_matches('/');
    if below.is_empty() { 0 } else { below.split('/').count() }
}

/// CPUs of the groups that servers are in, by group, where they are known.
fn cpus_of_servers(servers: &[InferenceServer]) -> BTreeMap<String, CpuSet> {
    let mut cpus = BTreeMap::new();
    let processes = servers.iter().flat_map(|server| &server.processes);
    for cgroup in processes.filter_map(|process| process.cgroup.known()) {
        for (position, level) in cgroup.chain.iter().enumerate() {
            if is_outer(level) && !cpus.contains_key(&level.path) {
                // A group without a set of its own has that of the group above.
                let upwards = Cgroup { chain: cgroup.chain[position..].to_vec(), ..cgroup.clone() };
                if let Some(own) = granted(&upwards) {
                    cpus.insert(level.path.clone(), own);
                }
            }
        }
    }
    cpus
}

/// Groups of the outer levels that servers are in.
fn groups_of_servers(servers: &[InferenceServer]) -> BTreeSet<String> {
    let processes = servers.iter().flat_map(|server| &server.processes);
    let levels = processes.filter_map(|process| process.cgroup.known()).flat_map(|cgroup| &cgroup.chain);
    levels.filter(|level| is_outer(level)).map(|level| level.path.clone()).collect()
}

/// The CPUs that a chain of groups grants; `None` where they are not known.
fn granted(cgroup: &Cgroup) -> Option<CpuSet> {
    cgroup.granted_cpus().ok().flatten().map(|(cpus, ..)| cpus)
}

/// True on the levels whose weights are compared.
fn is_outer(level: &CgroupLevel) -> bool {
    (1..=2).contains(&depth(&level.path))
}

/// The group's own name.
fn name(group: &str) -> &str {
    group.rsplit('/').next().unwrap_or(group)
}

/// A group that the server is in, beside one that competes with it.
struct Pair<'a> {
    group: &'a str,
    own: f64,
    neighbour: String,
    weight: f64,
}

/// Weights and CPU time of the groups on the two outer levels.
struct Groups {
    settings: BTreeMap<String, Fact<String>>,
    values: BTreeMap<String, Vec<String>>,
    /// CPUs of the groups that servers are in.
    cpus: BTreeMap<String, CpuSet>,
    /// Groups that servers are in.
    of_servers: BTreeSet<String>,
    seconds: f64,
    active: Limit<Percent>,
    ratio: Limit<Count>,
}

impl Groups {
    fn judge(&self, server: &InferenceServer) -> Result<Finding, NoVerdict> {
        let process = server.processes.first().ok_or(words::NoProcess {})?;
        let cgroup = process.cgroup.require()?;
        PAGE.not_run_if(cgroup.version == 1, words::VersionOne {})?;
        let of_server = granted(cgroup);
        let mut pairs = Vec::new();
        let mut levels = 0;
        for level in cgroup.chain.iter().filter(|level| is_outer(level)) {
            levels += 1;
            let (group, own) = (level.path.as_str(), self.weight(&level.path)?);
            for neighbour in self.neighbours(group, of_server.as_ref())? {
                let weight = self.weight(&neighbour)?;
                pairs.push(Pair { group, own, neighbour, weight });
            }
        }
        PAGE.not_run_if(levels == 0, words::NoGroups {})?;
        let times = |pair: &Pair<'_>| pair.own / pair.weight;
        let object = server_object(server);
        let Some(tightest) = pairs.iter().min_by(|one, other| times(one).total_cmp(&times(other))) else {
            return Ok(PAGE.pass(object, words::Alone {}));
        };
        let next = times(tightest);
        let weight = |weight: f64| Arg::text(weight.to_string());
        macro_rules! said {
            ($sentence:ident $(, $more:ident)*) => {
                words::$sentence {
                    group: name(tightest.group).into(),
                    neighbour: name(&tightest.neighbour).into(),
                    neighbour_weight: weight(tightest.weight),
                    own_weight: weight(tightest.own),
                    $($more,)*
                }
            };
        }
        let pid = Arg::text(server.pid.to_string());
        let finding = if next < 1.0 {
            PAGE.fail(object, said!(Outweighed, pid))
        } else if self.ratio.is_undercut_by(Quantity::new(next)) {
            PAGE.warn(object, said!(HardlyAhead, pid))
        } else {
            PAGE.pass(object, said!(Ahead))
        };
        let cite =
            |group: &str, weight: f64| Citation::new(format!("{group}/cpu.weight"), weight.to_string());
        Ok(finding
            .with_likelihood(Likelihood::Setting)
            .with_evidence(cite(tightest.group, tightest.own))
            .with_evidence(cite(&tightest.neighbour, tightest.weight))
            .mended_by(self.goals(server, &cgroup.chain, &pairs)))
    }

    /// Weights with which no neighbour comes too near; where the largest weight is not enough, neighbours get less.
    fn goals(&self, server: &InferenceServer, chain: &[CgroupLevel], pairs: &[Pair<'_>]) -> Vec<Intent> {
        let ratio = self.ratio.value.number();
        let value = |group: &str, want: f64, was: f64| Intent::Value {
            path: format!("{group}/cpu.weight"),
            want: want.to_string(),
            was: was.to_string(),
        };
        let mut goals = Vec::new();
        for level in chain {
            let beside: Vec<&Pair<'_>> = pairs.iter().filter(|pair| pair.group == level.path).collect();
            let heaviest = beside.iter().map(|pair| pair.weight).fold(0.0, f64::max);
            let Some(own) = beside.first().map(|pair| pair.own) else { continue };
            let want = (heaviest * ratio).ceil().min(MOST);
            // Weights of pods are what the kubelet makes of their requests.
            let is_pod = depth(&level.path) == 2 && level.path.contains("/kubepods");
            if want > own {
                goals.push(if is_own(server, chain, &level.path) {
                    service(server, ServiceSetting::CpuWeight, want.to_string(), Some(own.to_string()))
                } else if is_pod {
                    Intent::GuaranteedPod { server: server.pid }
                } else {
                    value(&level.path, want, own)
                });
            }
            let most = (want.max(own) / ratio).floor().max(1.0);
            let heavy = beside.into_iter().filter(|pair| pair.weight > most && !is_pod);
            goals.extend(heavy.map(|pair| value(&pair.neighbour, most, pair.weight)));
        }
        goals
    }

    fn weight(&self, group: &str) -> Result<f64, NoVerdict> {
        let path = format!("{group}/cpu.weight");
        let text = self.settings.get(&path).map(Fact::require).transpose()?;
        let weight = text.and_then(|text| text.trim().parse().ok()).filter(|weight| *weight > 0.0);
        Ok(weight.ok_or_else(|| words::NoWeight { path: path.into() })?)
    }

    /// CPUs of a group; `None` where they are not known.
    fn cpus(&self, group: &str) -> Option<CpuSet> {
        let text = self.settings.get(&format!("{group}/cpuset.cpus.effective")).and_then(Fact::known);
        let cpus: Option<CpuSet> = text.and_then(|text| text.trim().parse().ok());
        cpus.filter(|cpus| !cpus.is_empty()).or_else(|| self.cpus.get(group).cloned())
    }

    /// Other groups in the same folder that used CPU time, unless they are known to have none of the server's CPUs.
    fn neighbours(&self, group: &str, of_server: Option<&CpuSet>) -> Result<Vec<String>, NoVerdict> {
        let folder = group.rsplit_once('/').map_or("", |(folder, _)| folder);
        let competes = |other: &str| match (of_server, self.cpus(other)) {
            (Some(own), Some(its)) => !own.intersection(&its).is_empty(),
            _ => true,
        };
        let is_neighbour = |other: &&str| {
            other.rsplit_once('/').is_some_and(|(its, _)| its == folder)
                && !self.of_servers.contains(*other)
                && competes(other)
        };
        let weighed = self.settings.keys().filter_map(|path| path.strip_suffix("/cpu.weight"));
        let read = self.values.keys().filter_map(|path| path.strip_suffix("/cpu.stat"));
        let groups: BTreeSet<&str> = weighed.chain(read).filter(is_neighbour).collect();
        let mut found = Vec::new();
        for other in groups {
            let path = format!("{other}/cpu.stat");
            let not_read = || words::NotReadTwice { path: path.as_str().into() };
            let readings = self.values.get(&path).ok_or_else(not_read)?;
            // A group that came or went meanwhile is no standing neighbour.
            let [first, .., last] = readings.as_slice() else { continue };
            let usage = |text: &String| -> Result<u64, Missing> {
                let number =
                    text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok());
                number.ok_or_else(|| Missing::new(Absence::Malformed, format!("{path} has no `usage_usec`")))
            };
            let used = usage(last)?.saturating_sub(usage(first)?);
            let share = Quantity::new(100.0 * used as f64 / (self.seconds * 1e6));
            if !self.active.is_undercut_by(share) {
                found.push(other.to_owned());
            }
        }
        Ok(found)
    }
}
