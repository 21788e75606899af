//! `slo.gpu-starvation`: GPUs are busy when requests are waiting.
//!
//! The server says how often requests waited, NVML how busy its GPUs were; both over a window of some seconds, not at the
//! same instant, which is why the confidence is not high. A thread that takes a whole CPU while GPUs have gaps is told
//! with or without the server's numbers. What a server said at a level of a sweep beyond its limit does not count.

use std::collections::BTreeSet;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{GpuTime, InferenceServer, Role, ServerMetrics, ThreadTime, no_server};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Fact, Finding, Likelihood, Missing, NoVerdict, Object, ObjectKind,
    Said, Step,
};

use crate::load::{of_service, step, within_limit};
use crate::pages::slo_gpu_starvation::{BUSY, FULL, HOT, PAGE, STARVED, WAITING, words};

/// What findings have in common that the host keeps the GPUs of the node waiting.
pub(crate) const HOST: &str = "host-bottleneck";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus: Vec<GpuTime> = evidence.get("/window/gpus")?;
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), no_server())?;
    let busy = least_busy(servers, &gpus)?;
    let seen =
        |finding: Finding| finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium);
    let told = |judged: Result<Finding, Said>, name| PAGE.settle(of_service(name), judged.map(seen));
    Ok(vec![told(queue(evidence, &busy), "queue"), told(hot_thread(evidence, servers, &busy), "threads")])
}

/// Mean utilisation of the least busy GPU.
pub(crate) struct Busy {
    pub(crate) percent: f64,
    address: String,
    citation: Citation,
}

impl Busy {
    fn percent(&self) -> Arg {
        Arg::quantity(self.percent, "%", 0)
    }
}

/// Of the GPUs that servers use; of all where that is not known.
pub(crate) fn least_busy(servers: &[InferenceServer], gpus: &[GpuTime]) -> Result<Busy, Said> {
    let processes = servers.iter().flat_map(|server| &server.processes);
    let used: BTreeSet<&String> = processes.filter_map(|process| process.gpus.known()).flatten().collect();
    let of_servers = |gpu: &&GpuTime| used.contains(&gpu.address);
    let all = !gpus.iter().any(|gpu| of_servers(&gpu));
    let mut least: Option<Busy> = None;
    for gpu in gpus.iter().filter(|gpu| all || of_servers(gpu)) {
        let series = gpu.utilization_percent.require()?;
        let address = gpu.address.clone();
        if series.is_empty() {
            return Err(words::NotSampled { gpu: address.into() }.into());
        }
        let percent = series.iter().map(|&percent| f64::from(percent)).sum::<f64>() / series.len() as f64;
        if least.as_ref().is_none_or(|least| percent < least.percent) {
            let text =
                format!("{address}: utilisation {percent:.0} % on average of {} samples", series.len());
            let citation = Citation::new("api/nvml-window.json", text);
            least = Some(Busy { percent, address, citation });
        }
    }
    least.ok_or_else(|| words::NoSample {}.into())
}

fn queue(evidence: &Evidence<'_>, busy: &Busy) -> Result<Finding, Said> {
    let metrics: Vec<ServerMetrics> = evidence.get("/measurements/server")?;
    if metrics.is_empty() {
        return Err(words::QueueUntold {}.into());
    }
    let metrics = within_limit(metrics);
    if metrics.is_empty() {
        return Err(words::BeyondLimit {}.into());
    }
    let waiting = |metrics: &ServerMetrics| metrics.waiting.iter().filter(|waiting| **waiting > 0.0).count();
    let share =
        |metrics: &ServerMetrics| 100.0 * waiting(metrics) as f64 / metrics.waiting.len().max(1) as f64;
    let scraped = metrics.iter().filter(|metrics| !metrics.waiting.is_empty());
    let most = scraped.max_by(|a, b| share(a).total_cmp(&share(b))).ok_or(words::QueueUntold {})?;
    let waited = Quantity::new(share(most));
    if most.running.iter().all(|running| *running <= 0.0) && waited.number() <= 0.0 {
        return Err(words::NoRequests {}.into());
    }
    let cited = format!("requests waited in {:.0} % of {} scrapes", waited.number(), most.waiting.len());
    let cite = |finding: Finding| finding.with_evidence(Citation::new(&most.path, cited));
    let object = of_service("queue");
    let (waited_count, scrapes_count) = (Arg::from(waiting(most)), Arg::from(most.waiting.len()));
    let percent = Quantity::new(busy.percent);
    let (gpu, busy_percent) = (Arg::from(&busy.address), busy.percent());
    if !evidence.limit(&PAGE, &WAITING).is_exceeded_by(waited) {
        return Ok(cite(PAGE.pass(object, words::Calm { scrapes_count, waited_count })));
    }
    let finding = if evidence.limit(&PAGE, &STARVED).is_undercut_by(percent) {
        PAGE.fail(object, words::Starved { busy_percent, gpu, scrapes_count, waited_count })
    } else if evidence.limit(&PAGE, &BUSY).is_undercut_by(percent) {
        PAGE.warn(object, words::Gaps { busy_percent, gpu, scrapes_count, waited_count })
    } else {
        PAGE.pass(object, words::Busy { busy_percent, gpu, scrapes_count, waited_count })
    };
    Ok(cite(of_host(finding)).with_evidence(busy.citation.clone()))
}

/// What keeps the GPUs waiting has to be looked for on the host.
fn of_host(finding: Finding) -> Finding {
    if !finding.outcome.is_deviation() {
        return finding;
    }
    finding.with_cause(HOST, Object::node()).with_intent(step(Step::TraceSlowRequests))
}

/// Share of a CPU that a thread took, in %; a kernel that does not count to the ns is no reason not to tell.
fn taken_percent(thread: &ThreadTime, seconds: f64) -> Result<f64, Missing> {
    match &thread.run_ns {
        Fact::Missing(missing) if !missing.is_absent() => Err(missing.clone()),
        _ => Ok(100.0 * thread.cpu_share(seconds)),
    }
}

/// The busiest thread of those that schedule or take requests.
fn hot_thread(evidence: &Evidence<'_>, servers: &[InferenceServer], busy: &Busy) -> Result<Finding, Said> {
    let seconds: f64 = evidence.get("/window/seconds")?;
    let threads: Vec<ThreadTime> = evidence.get("/window/threads")?;
    if seconds <= 0.0 {
        return Err(words::NoWindow {}.into());
    }
    let role_of = |pid: u32| {
        let process = servers.iter().flat_map(|server| &server.processes).find(|own| own.pid == pid)?;
        match process.role {
            Role::ApiServer => Some("requests"),
            Role::EngineCore => Some("batches"),
            Role::Whole => Some("all"),
            _ => None,
        }
    };
    let mut busiest: Option<(f64, &ThreadTime, &str)> = None;
    for thread in &threads {
        if thread.pid == 0 {
            return Err(words::NoProcess { tid: Arg::text(thread.tid.to_string()) }.into());
        }
        if let Some(role) = role_of(thread.pid) {
            let taken = taken_percent(thread, seconds)?;
            if busiest.is_none_or(|(most, ..)| taken > most) {
                busiest = Some((taken, thread, role));
            }
        }
    }
    let (taken, thread, role) = busiest.ok_or(words::NoThread {})?;
    let taken = Quantity::new(taken);
    let citation = Citation::new(
        format!("/proc/{}/task/{}/stat", thread.pid, thread.tid),
        format!("{}: {:.0} % of a CPU during {seconds:.0} s", thread.comm, taken.number()),
    );
    let object = Object::new(ObjectKind::Thread, thread.tid.to_string()).named("threads");
    let gaps = evidence.limit(&PAGE, &BUSY).is_undercut_by(Quantity::new(busy.percent));
    let (comm, share, seconds) = (Arg::from(&thread.comm), Arg::of(taken, 0), Arg::quantity(seconds, "s", 0));
    let (gpu, busy_percent) = (Arg::from(&busy.address), busy.percent());
    let (pid, role) = (Arg::text(thread.pid.to_string()), Arg::from(role));
    let finding = if !evidence.limit(&PAGE, &FULL).is_undercut_by(taken) && gaps {
        of_host(PAGE.fail(object, words::FullThread { busy_percent, comm, gpu, pid, role, seconds, share }))
    } else if evidence.limit(&PAGE, &HOT).is_exceeded_by(taken) {
        PAGE.warn(object, words::HotThread { comm, pid, role, seconds, share })
            .with_intent(step(Step::TraceSlowRequests))
    } else if busy.percent <= 0.0 {
        return Err(words::IdleGpus {}.into());
    } else {
        PAGE.pass(object, words::ThreadsFine { comm, pid, seconds, share })
    };
    Ok(finding.with_evidence(citation).with_evidence(busy.citation.clone()))
}
