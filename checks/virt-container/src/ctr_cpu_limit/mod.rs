//! `ctr.cpu-limit`: CPU limits are set with intent.
//!
//! The quota is the tightest of all control groups above the server. It is compared with the number of processes that want a
//! CPU at once: API servers, one engine core per replica, one worker per GPU, and a coordinator where there are several
//! replicas (vLLM's formula; for other engines an estimate). A quota that is no whole number, or smaller than the CPUs that the
//! server may run on, is used up before its period ends as soon as that many threads run at once.

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{InferenceServer, Quota};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Intent, Likelihood, NoVerdict, Object, Outcome,
};

use crate::pages::ctr_cpu_limit::{HEADROOM, PAGE, words};
use crate::server::{contained, granted_cpus, server_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let (servers, mut findings) = contained(evidence, &PAGE)?;
    let headroom = evidence.limit(&PAGE, &HEADROOM);
    let judged = |server| PAGE.settle(server_object(server), judge(evidence, server, &headroom));
    findings.extend(servers.into_iter().map(|(server, _)| judged(server)));
    Ok(findings)
}

fn judge(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    headroom: &Limit<Count>,
) -> Result<Finding, NoVerdict> {
    let object = server_object(server);
    let process = server.main_process().ok_or(words::NoProcess {})?;
    let cgroup = process.cgroup.require()?;
    PAGE.not_run_if(cgroup.chain.is_empty(), words::NoGroup {})?;
    // A group that should have a quota file and has none, or one that could not be read, may hide one.
    let (quotas, unknown) = cgroup.quotas();
    unknown.map_or(Ok(()), Err)?;
    let Some(quota) = quotas.iter().min_by(|one, other| one.cpus.total_cmp(&other.cpus)) else {
        return Ok(PAGE.pass(object, words::Unlimited {}));
    };
    let on_cpu = server.computes_on_cpu(evidence.gpus());
    if server.engine().computes_on_cpu || on_cpu == Ok(true) {
        return threads_under(server, object, quota);
    }
    let demand = server.demand();
    demand.unknown.map_or(Ok(()), Err)?;
    let granted = granted_cpus(cgroup);
    let own = granted.as_ref().ok().and_then(Option::as_ref).map(|(cpus, _)| cpus.len());
    let digits = if quota.cpus.fract() > 0.001 { 2 } else { 0 };
    let minimum = f64::from(demand.processes);
    let (grants, processes) = (Arg::quantity(quota.cpus, "", digits), Arg::from(demand.processes));
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
            .with_evidence(quota.quote.clone().into())
            .with_evidence(Citation::new(format!("{}/cmdline", process.path), &demand.told))
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
    on_cpu?;
    let (cpus, of_cpus) = granted?.ok_or(words::NoCpuset {})?;
    let cpus_count = Arg::count(cpus.len());
    if (cpus.len() as f64) > quota.cpus {
        let said = words::Wide { pid, processes, quota: grants, cpus_count };
        return Ok(deviates(PAGE.warn(object, said)).with_evidence(of_cpus));
    }
    Ok(PAGE
        .pass(object, words::Enough { processes, quota: grants, cpus_count })
        .with_evidence(quota.quote.clone().into()))
}

/// A server that computes on the CPU wants one for each of its threads: with less, all of them wait for the slowest.
fn threads_under(server: &InferenceServer, object: Object, quota: &Quota) -> Result<Finding, NoVerdict> {
    let (threads, source) = server.computing_threads()?;
    let (pid, grants) = (Arg::text(server.pid.to_string()), Arg::quantity(quota.cpus, "", 1));
    let cited = Citation::new(source, format!("{threads} threads"));
    let finding = if f64::from(threads) <= quota.cpus {
        PAGE.pass(object, words::ThreadsFit { quota: grants, threads_count: threads.into() })
    } else {
        let want = quota.cpus.floor().max(1.0) as u32;
        // With a GPU, some of the work or all of it is there.
        let outcome = if server.demand().gpus > 0 { Outcome::Warn } else { Outcome::Fail };
        PAGE.says(outcome, object, words::ThreadsExceed { pid, quota: grants, threads_count: threads.into() })
            .with_likelihood(Likelihood::Setting)
            .with_intent(Intent::ThreadPool { server: server.pid, want, was: threads })
            .with_cause("cpu-quota", server_object(server))
    };
    Ok(finding.with_evidence(cited).with_evidence(quota.quote.clone().into()))
}
