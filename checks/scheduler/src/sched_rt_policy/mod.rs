//! `sched.rt-policy`: real-time scheduling is not misused.
//!
//! Threads of inference servers with a real-time or deadline policy deviate. A thread that runs nearly all the time
//! with such a policy and without the kernel's limit on real-time time fails, as the catalogue has it, on kernels
//! before 6.12. Later ones keep a share for ordinary threads in another way, the fair server, so that there it warns.
//! Without a window nobody knows whether the thread spins, which is told.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Percent, Quantity};
use plumb_check_sdk::model::{ServerProcess, Thread};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, Object, ObjectKind, Said,
};

use crate::pages::sched_rt_policy::{PAGE, SPINS, words};
use crate::serving;

/// Real-time policies, as the kernel numbers and names them.
const REAL_TIME: [(u32, &str); 3] = [(1, "SCHED_FIFO"), (2, "SCHED_RR"), (6, "SCHED_DEADLINE")];
/// The kernel's default: ordinary threads keep a twentieth of each second.
const DEFAULT_RUNTIME: &str = "950000";
const RUNTIME: &str = "/proc/sys/kernel/sched_rt_runtime_us";
/// First kernel whose fair server replaces the limit on real-time time.
const FAIR_SERVER: (u32, u32) = (6, 12);

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = serving::servers(evidence)?.ok_or(words::NoServer {})?;
    let limit = evidence.sysctl("kernel.sched_rt_runtime_us").map(|text| text.trim().to_owned());
    let mut groups: BTreeMap<(u32, u32), Group<'_>> = BTreeMap::new();
    let mut unread: Vec<&ServerProcess> = Vec::new();
    let mut unknown: Vec<&Missing> = Vec::new();
    let mut threads = 0;
    for process in servers.iter().flat_map(|server| &server.processes) {
        if process.threads.is_empty() {
            unread.push(process);
        }
        for thread in &process.threads {
            threads += 1;
            match &thread.policy {
                Fact::Known(policy) => {
                    if let Some(&(number, policy)) = REAL_TIME.iter().find(|(own, _)| own == policy) {
                        let group = || Group { process, first: thread, policy, tids: BTreeSet::new() };
                        groups.entry((process.pid, number)).or_insert_with(group).tids.insert(thread.tid);
                    }
                }
                Fact::Missing(missing) => unknown.push(missing),
            }
        }
    }
    let mut findings = Vec::new();
    for group in groups.values() {
        findings.extend(group.judge(evidence, &limit));
    }
    let other = || Object::new(ObjectKind::Other, "other threads");
    if let Some(&first) = unknown.first() {
        let said = words::UnknownPolicies { reason: first.into(), threads_count: unknown.len().into() };
        findings.push(PAGE.not_run(other(), said));
    }
    if let Some(first) = unread.first() {
        let (comm, pid) = (Arg::text(&*first.comm), Arg::text(first.pid.to_string()));
        let said = words::NoThread { comm, pid, processes_count: unread.len().into() };
        findings.push(PAGE.not_run(other(), said));
    }
    if findings.is_empty() {
        findings.push(without_real_time(threads, &limit?));
    }
    Ok(findings)
}

fn without_real_time(threads: usize, limit: &str) -> Finding {
    let object = Object::new(ObjectKind::Other, "inference servers");
    let threads_count = Arg::count(threads);
    let finding = if limit == DEFAULT_RUNTIME {
        PAGE.pass(object, words::Ordinary { threads_count })
    } else {
        PAGE.info(object, words::OtherLimit { limit: limit.into(), threads_count })
    };
    finding.with_evidence(Citation::new(RUNTIME, limit))
}

/// Threads of a process that have the same real-time policy.
struct Group<'a> {
    process: &'a ServerProcess,
    first: &'a Thread,
    policy: &'static str,
    tids: BTreeSet<u32>,
}

impl Group<'_> {
    fn name(&self) -> String {
        format!("process {} ({})", self.process.pid, self.process.comm)
    }

    fn object(&self) -> Object {
        Object::new(ObjectKind::Process, self.process.pid.to_string()).named(self.name())
    }

    fn judge(&self, evidence: &Evidence<'_>, limit: &Result<String, Missing>) -> Vec<Finding> {
        let limit = match limit {
            Ok(limit) => limit,
            Err(missing) => {
                let object = Object::setting(RUNTIME).named("limit on real-time time");
                let said = words::UnknownLimit { reason: missing.into() };
                return vec![self.warn("unknown", None), PAGE.not_run(object, said)];
            }
        };
        if limit != "-1" {
            return vec![self.warn("limited", Some(limit))];
        }
        match evidence.get::<String>("/node/kernel") {
            Ok(kernel) if version(&kernel).is_some_and(|release| release >= FAIR_SERVER) => {
                return vec![self.warn("fair-server", Some(limit))];
            }
            Ok(_) => {}
            // A kernel with a fair server would keep a share for others: whether this one has it decides.
            Err(why) => return vec![self.warn("unlimited", Some(limit)), PAGE.missing(Object::node(), &why)],
        }
        let (policy, pid) = (self.policy.into(), Arg::text(self.process.pid.to_string()));
        let threads_count = self.tids.len().into();
        match self.busiest(evidence) {
            Ok(percent) => {
                let share = Arg::of(percent, 0);
                let spins = !evidence.limit(&PAGE, &SPINS).is_undercut_by(percent);
                vec![if spins {
                    let said = words::Spins { pid, policy, share, threads_count };
                    self.cite(PAGE.fail(self.object(), said), Some(limit))
                        .with_likelihood(Likelihood::Mechanism)
                } else {
                    let said = words::Pauses { pid, policy, share, threads_count };
                    self.cite(PAGE.warn(self.object(), said), Some(limit))
                }]
            }
            Err(said) => {
                let object = self.object().named(format!("{}, load", self.name()));
                vec![self.warn("unlimited", Some(limit)), PAGE.not_run(object, said)]
            }
        }
    }

    /// A warning, whatever the threads do.
    fn warn(&self, state: &str, limit: Option<&str>) -> Finding {
        let said = words::RealTime {
            pid: Arg::text(self.process.pid.to_string()),
            policy: self.policy.into(),
            state: state.into(),
            threads_count: self.tids.len().into(),
        };
        self.cite(PAGE.warn(self.object(), said), limit)
    }

    fn cite(&self, finding: Finding, limit: Option<&str>) -> Finding {
        let Thread { tid, comm, rt_priority, .. } = self.first;
        let path = format!("{}/task/{tid}/stat", self.process.path);
        let finding = finding
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new(path, format!("{comm}: policy {}", self.policy)))
            .with_citations(limit.map(|limit| Citation::new(RUNTIME, limit)));
        let was = match self.policy {
            "SCHED_FIFO" => "fifo",
            "SCHED_RR" => "rr",
            _ => return finding,
        };
        let priority = rt_priority.known().copied().filter(|priority| (1..=99).contains(priority));
        let goal = |priority| Intent::NormalPolicy { process: self.process.pid, was: was.into(), priority };
        finding.with_intents(priority.map(goal))
    }

    /// CPU time of the busiest of the threads in % of one CPU.
    fn busiest(&self, evidence: &Evidence<'_>) -> Result<Quantity<Percent>, Said> {
        let unknown = |why: Missing| words::UnknownLoad { reason: why.into() };
        let window = serving::window(evidence).map_err(unknown)?;
        let seconds = window.length().map_err(unknown)?;
        let threads = window.threads.require().map_err(unknown)?;
        let threads = threads.iter().filter(|thread| self.tids.contains(&thread.tid));
        let busiest = threads.map(|thread| 100.0 * thread.cpu_share(seconds)).max_by(f64::total_cmp);
        busiest.map(Quantity::new).ok_or_else(|| words::Gone {}.into())
    }
}

/// Major and minor number of a release such as `5.15.0-91-generic`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}
