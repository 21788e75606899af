//! `sched.rt-policy`: real-time scheduling is not misused.
//!
//! Threads of inference servers with a real-time or deadline policy deviate. A thread that runs nearly all the time
//! with such a policy and without the kernel's limit on real-time time fails, as the catalogue has it, on kernels
//! before 6.12. Later ones keep a share for ordinary threads in another way, the fair server, so that there it warns.
//! Without a window nobody knows whether the thread spins, which is told.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{ServerProcess, Thread};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Question, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::serving;

/// See the module.
pub struct SchedRtPolicy;

const SPINS: Limit<Percent> = Limit {
    name: "CPU time of a thread that spins",
    value: Quantity::new(90.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a thread that waits for anything uses less",
    date: "2026-11-23",
    applies_to: "threads with a real-time policy",
};

static THRESHOLDS: [Threshold; 1] = [SPINS.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("sched.rt-policy"),
    title: Borrowed("Real-time scheduling is not misused"),
    category: Category::Interference,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A thread that spins with the policy FIFO can starve threads of the kernel and hang the node.",
    ),
    business: Borrowed(
        "Someone gave a program an emergency-vehicle licence; it can block everybody, including the repair \
         crew.",
    ),
    needs: Borrowed(&[
        Borrowed("/node/kernel"),
        Borrowed("/servers"),
        Borrowed("/sysctl/kernel.sched_rt_runtime_us"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`chrt -o -a -p 0 PID`"),
        persistent: Borrowed(
            "Remove `CPUSchedulingPolicy=fifo` from the unit; use `CPUWeight=` and `Nice=` instead",
        ),
        rollback: Borrowed("`chrt -f -p PRIORITY PID`"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`ps -eLo cls,rtprio,comm | grep -v TS`"),
        expected_effect: Borrowed("There is no published number."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, and containers with the capability `SYS_NICE`"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "vLLM docs: Optimization and Tuning, section 'CPU Resources for GPU Deployments'",
            ),
            url: Borrowed(
                "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
            ),
        },
        Reference {
            title: Borrowed("Linux kernel docs: /proc/sys/kernel (numa_balancing, sched_*, watchdogs)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/kernel.html"),
        },
        Reference {
            title: Borrowed(
                "systemd.exec(5): CPUAffinity=, NUMAPolicy=, NUMAMask=, Limit*=, OOMScoreAdjust=",
            ),
            url: Borrowed("https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html"),
        },
        Reference {
            title: Borrowed("Linux patch: sched/rt: Remove default bandwidth control (in 6.12)"),
            url: Borrowed(
                "https://lore.kernel.org/r/14d562db55df5c3c780d91940743acb166895ef7.1716811044.git.bristot@kernel.org",
            ),
        },
    ]),
};

impl Check for SchedRtPolicy {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = serving::servers(evidence)?;
        let limit = evidence.sysctl("kernel.sched_rt_runtime_us");
        let mut groups: BTreeMap<(u32, u32), Vec<(&ServerProcess, &Thread)>> = BTreeMap::new();
        let mut unknown: Vec<Missing> = Vec::new();
        let mut threads = 0;
        for process in servers.iter().flat_map(|server| &server.processes) {
            if process.threads.is_empty() {
                let reason = format!("no thread of process {} ({}) was read", process.pid, process.comm);
                unknown.push(Missing::new(Absence::Failed, reason));
            }
            for thread in &process.threads {
                threads += 1;
                match &thread.policy {
                    Fact::Known(policy) if REAL_TIME.contains(policy) => {
                        groups.entry((process.pid, *policy)).or_default().push((process, thread));
                    }
                    Fact::Known(_) => {}
                    Fact::Missing(missing) => unknown.push(missing.clone()),
                }
            }
        }
        let mut findings = Vec::new();
        for ((_, policy), group) in &groups {
            findings.extend(judge(evidence, *policy, group, &limit)?);
        }
        if let Some(missing) = unknown.first() {
            let message = format!(
                "the policy of some threads is unknown ({} in all), the first: {missing}",
                unknown.len()
            );
            findings.push(META.not_run("other threads", message));
        }
        if findings.is_empty() {
            findings.push(match (threads, &limit) {
                (0, _) => META.not_run("inference servers", "no thread was read"),
                (1.., Ok(text)) => without_real_time(threads, text.trim()),
                (_, Err(missing)) => META.not_run("node", missing.to_string()),
            });
        }
        Ok(findings)
    }
}

/// FIFO, round robin and deadline, as the kernel numbers them.
const REAL_TIME: [u32; 3] = [1, 2, 6];
/// The kernel's default: ordinary threads keep a twentieth of each second.
const DEFAULT_RUNTIME: &str = "950000";
const RUNTIME: &str = "/proc/sys/kernel/sched_rt_runtime_us";

fn without_real_time(threads: usize, limit: &str) -> Finding {
    let subject = "inference servers";
    let told = format!("none of {threads} threads has a real-time policy");
    let finding = if limit == DEFAULT_RUNTIME {
        META.pass(subject, format!("{told}, and the limit on real-time time is the default"))
    } else {
        META.info(
            subject,
            format!("{told}; the limit on real-time time is {limit} µs, not the default of 950000"),
        )
    };
    finding.with_evidence(Citation::new(RUNTIME, limit))
}

fn judge(
    evidence: &Evidence<'_>,
    policy: u32,
    group: &[(&ServerProcess, &Thread)],
    limit: &Result<String, Missing>,
) -> Result<Vec<Finding>, Missing> {
    let Some((process, first)) = group.first() else { return Ok(Vec::new()) };
    let subject = format!("process {} ({})", process.pid, process.comm);
    let policy_name = match policy {
        1 => "FIFO",
        2 => "round robin",
        _ => "deadline",
    };
    let told = format!("it has threads with the policy {policy_name} ({} in all)", group.len());
    let cite = |finding: Finding| {
        let value = format!("{}: policy {policy} ({policy_name})", first.comm);
        let path = format!("{}/task/{}/stat", process.path, first.tid);
        let finding = finding.with_likelihood(Likelihood::Setting).with_evidence(Citation::new(path, value));
        match limit {
            Ok(limit) => finding.with_evidence(Citation::new(RUNTIME, limit.trim())),
            Err(_) => finding,
        }
    };
    let unlimited = match limit {
        Ok(limit) => limit.trim() == "-1",
        Err(missing) => {
            let message = format!("whether real-time time is limited is unknown: {missing}");
            return Ok(vec![
                cite(META.warn(subject, told)),
                META.not_run("limit on real-time time", message),
            ]);
        }
    };
    if !unlimited {
        return Ok(vec![cite(
            META.warn(subject, format!("{told}; the kernel's limit on real-time time is in place")),
        )]);
    }
    let told = format!("{told} without a limit on real-time time");
    let kernel: String = evidence.get("/node/kernel")?;
    let release = version(&kernel);
    if release.is_some_and(|release| release >= FAIR_SERVER) {
        let message = format!("{told}; this kernel's fair server keeps a share for ordinary threads");
        return Ok(vec![cite(META.warn(subject, message))]);
    }
    let tids: BTreeSet<u32> = group.iter().map(|(_, thread)| thread.tid).collect();
    Ok(match busiest(evidence, &tids) {
        Ok(percent) if evidence.limit(&META, &SPINS).is_undercut_by(Quantity::new(percent)) => {
            vec![cite(
                META.warn(subject, format!("{told}; the busiest of them used {percent:.0} % of a CPU")),
            )]
        }
        Ok(percent) => {
            let message = format!(
                "{told}, and one used {percent:.0} % of a CPU: it can starve the kernel's own threads"
            );
            vec![cite(META.fail(subject, message)).with_likelihood(Likelihood::Mechanism)]
        }
        Err(missing) => vec![
            cite(META.warn(subject.as_str(), told)),
            META.not_run(
                format!("{subject}, load"),
                format!("whether these threads spin is unknown: {missing}"),
            ),
        ],
    })
}

/// First kernel whose fair server replaces the limit on real-time time.
const FAIR_SERVER: (u32, u32) = (6, 12);

/// Major and minor number of a release such as `5.15.0-91-generic`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// CPU time of the busiest of the threads in % of one CPU.
fn busiest(evidence: &Evidence<'_>, tids: &BTreeSet<u32>) -> Result<f64, Missing> {
    let window = serving::window(evidence)?;
    let seconds = window.length()?;
    let threads = window.threads.require()?.iter().filter(|thread| tids.contains(&thread.tid));
    let busiest = threads.map(|thread| 100.0 * thread.cpu_share(seconds)).max_by(f64::total_cmp);
    busiest.ok_or_else(|| Missing::new(Absence::Failed, "none of them was there at both readings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_distributions_have_a_version() {
        assert_eq!(version("5.15.0-91-generic"), Some((5, 15)));
        assert_eq!(version("6.12-rc1"), Some((6, 12)));
        assert_eq!(version("custom"), None);
    }
}
