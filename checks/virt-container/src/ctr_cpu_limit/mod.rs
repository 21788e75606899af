//! `ctr.cpu-limit`: CPU limits are set with intent.
//!
//! The quota is the tightest of all control groups above the server. It is compared with the number of processes that want a
//! CPU at once: API servers, one engine core per replica, one worker per GPU, and a coordinator where there are several
//! replicas (vLLM's formula; for other engines an estimate). A quota that is no whole number, or smaller than the CPUs that the
//! server may run on, is used up before its period ends as soon as that many threads run at once.

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{Cgroup, InferenceServer, ServerProcess};
use plumb_check_sdk::{Arg, Citation, Confidence, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict};

use crate::pages::ctr_cpu_limit::{HEADROOM, PAGE, words};
use crate::server::{contained, gpus_of, granted_cpus, main_process, server_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let (servers, mut findings) = contained(evidence, &PAGE)?;
    let headroom = evidence.limit(&PAGE, &HEADROOM);
    let judged = |server| PAGE.settle(server_object(server), judge(server, &headroom));
    findings.extend(servers.into_iter().map(|(server, _)| judged(server)));
    Ok(findings)
}

fn judge(server: &InferenceServer, headroom: &Limit<Count>) -> Result<Finding, NoVerdict> {
    let object = server_object(server);
    let process = main_process(server).ok_or(words::NoProcess {})?;
    let cgroup = process.cgroup.require()?;
    let quotas = quotas(cgroup)?;
    let Some(quota) = quotas.iter().min_by(|one, other| one.cpus.total_cmp(&other.cpus)) else {
        return Ok(PAGE.pass(object, words::Unlimited {}));
    };
    let needed = Needed::of(server, process)?;
    let granted = granted_cpus(cgroup);
    let own = granted.as_ref().ok().and_then(Option::as_ref).map(|(cpus, _)| cpus.len());
    let digits = if quota.cpus.fract() > 0.001 { 2 } else { 0 };
    let minimum = f64::from(needed.cpus);
    let (grants, processes) = (Arg::quantity(quota.cpus, "", digits), Arg::from(needed.cpus));
    let pid = Arg::text(server.pid.to_string());
    let deviates = |finding: Finding| {
        // Without a quota the CPUs that it may run on are its limit; where these are no more than the quota, both have to grow.
        let enough = (minimum * headroom.value.number()).ceil() as u32;
        let fixed = own.and_then(|own| u32::try_from(own).ok()).filter(|&own| f64::from(own) <= quota.cpus);
        let want = fixed.map(|own| own.max(enough));
        let too_small = |quota: &&Quota| want.is_none_or(|want| quota.cpus < f64::from(want));
        let intents = quotas.iter().filter(too_small).map(|quota| Intent::CpuQuota {
            server: server.pid,
            group: quota.group.clone(),
            want,
            was: quota.was.clone(),
        });
        let confidence = if server.kind == "vllm" { Confidence::High } else { Confidence::Medium };
        finding
            .with_likelihood(Likelihood::Setting)
            .with_confidence(confidence)
            .with_intents(intents)
            .with_cause("cpu-quota", server_object(server))
            .with_evidence(quota.citation.clone())
            .with_evidence(needed.citation.clone())
    };
    if quota.cpus < minimum {
        return Ok(deviates(PAGE.fail(object, words::Below { pid, processes, quota: grants })));
    }
    if quota.cpus.fract() > 0.001 {
        return Ok(deviates(PAGE.warn(object, words::Fraction { pid, processes, quota: grants })));
    }
    if headroom.is_undercut_by(Quantity::new(quota.cpus / minimum)) {
        return Ok(deviates(PAGE.warn(object, words::Tight { pid, processes, quota: grants })));
    }
    let (cpus, of_cpus) = granted?.ok_or(words::NoCpuset {})?;
    let cpus_count = Arg::count(cpus.len());
    if (cpus.len() as f64) > quota.cpus {
        let said = words::Wide { pid, processes, quota: grants, cpus_count };
        return Ok(deviates(PAGE.warn(object, said)).with_evidence(of_cpus));
    }
    Ok(PAGE
        .pass(object, words::Enough { processes, quota: grants, cpus_count })
        .with_evidence(quota.citation.clone()))
}

/// A limit on CPU time.
struct Quota {
    /// CPU time per second, in CPUs.
    cpus: f64,
    /// The control group that has it.
    group: String,
    /// Quota and period in µs.
    was: String,
    citation: Citation,
}

/// The quotas of a chain of control groups, from the innermost. A group that should have a quota file and has none, or one
/// that could not be read, may hide one.
fn quotas(cgroup: &Cgroup) -> Result<Vec<Quota>, NoVerdict> {
    PAGE.not_run_if(cgroup.chain.is_empty(), words::NoGroup {})?;
    let mut quotas = Vec::new();
    for level in &cgroup.chain {
        let value = |names: &[&'static str]| cgroup.value(level, "cpu", names);
        let Some((file, text)) = value(&["cpu.max", "cpu.cfs_quota_us"])? else { continue };
        let was = if file == "cpu.max" {
            text.to_owned()
        } else {
            let Some((_, period)) = value(&["cpu.cfs_period_us"])? else { continue };
            format!("{text} {period}")
        };
        let path = format!("{}/{file}", level.path);
        let Some(cpus) = cpus_of(&was) else {
            return Err(words::OddQuota { path: path.into(), text: was.into() }.into());
        };
        if cpus.is_finite() {
            let (group, citation) = (level.path.clone(), Citation::new(path, text));
            quotas.push(Quota { cpus, group, was, citation });
        }
    }
    Ok(quotas)
}

/// `max 100000`, `-1 100000` or `400000 100000`, in CPUs.
fn cpus_of(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let quota = words.next()?;
    if matches!(quota, "max" | "-1") {
        return Some(f64::INFINITY);
    }
    let quota: f64 = quota.parse().ok()?;
    let period: f64 = words.next().unwrap_or("100000").parse().ok()?;
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// Processes that want a CPU at once.
struct Needed {
    cpus: u32,
    citation: Citation,
}

impl Needed {
    /// A + DP + N, and one more for the coordinator of several replicas; A API servers (default: DP), N GPUs.
    fn of(server: &InferenceServer, process: &ServerProcess) -> Result<Self, Missing> {
        let replicas = *server.data_parallel.require()?;
        let options = server.options.require()?;
        let api_servers =
            options.get("api-server-count").and_then(|text| text.parse().ok()).unwrap_or(replicas);
        let told = server.tensor_parallel.require()?.saturating_mul(*server.pipeline_parallel.require()?);
        // Where it is not known who uses a GPU, what the engine was told has to do.
        let seen = gpus_of(&server.processes).map_or(0, |gpus| u32::try_from(gpus.len()).unwrap_or(u32::MAX));
        let gpus = told.saturating_mul(replicas).max(seen);
        let cpus =
            api_servers.saturating_add(replicas).saturating_add(gpus).saturating_add(u32::from(replicas > 1));
        let value = format!("{api_servers} API servers, {replicas} replicas, {gpus} GPUs");
        Ok(Self { cpus, citation: Citation::new(format!("{}/cmdline", process.path), value) })
    }
}
