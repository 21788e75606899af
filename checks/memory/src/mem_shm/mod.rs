//! `mem.shm`: shared memory is large enough for multi-GPU serving.
//!
//! By the size of `/dev/shm` as the processes of a server see it, which is what counts however it came about
//! (`--ipc=host`, `--shm-size`, an `emptyDir` of Kubernetes). The smallest among the processes that use GPUs
//! decides. How full it is cannot be told from the mount; the catalogue's limits on that are not applied.
//!
//! The catalogue leaves open what less than 1 GiB means: with one GPU it is told without risk, with more it warns,
//! and the 64 MiB that container runtimes give by default fail.

use plumb_check_sdk::limit::{Gibibytes, Limit, Quantity};
use plumb_check_sdk::model::{InferenceServer, ServerProcess};
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict};

use crate::pages::mem_shm::{DEFAULT, MANY_GPUS, ONE_GPU, PAGE, words};
use crate::server_object;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let judged = |server| PAGE.settle(server_object(server), judge(evidence, server));
    Ok(servers.iter().map(judged).collect())
}

const GIB: f64 = 1_073_741_824.0;

/// Number of GPUs that one replica is spread over.
fn gpus(server: &InferenceServer) -> Result<u32, Missing> {
    let stages = server.pipeline_parallel.optional()?.copied().unwrap_or(1);
    Ok(server.tensor_parallel.require()?.saturating_mul(stages))
}

fn judge(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Finding, Missing> {
    let object = server_object(server);
    let mut smallest: Option<(u64, &ServerProcess)> = None;
    for process in &server.processes {
        // A helper that has ended, or was not readable, does not decide.
        if process.gpus.known().is_some_and(Vec::is_empty) {
            continue;
        }
        let bytes = *process.shm.require()?;
        if smallest.is_none_or(|(least, _)| bytes < least) {
            smallest = Some((bytes, process));
        }
    }
    let Some((was_bytes, process)) = smallest else { return Ok(PAGE.not_run(object, words::NoGpu {})) };
    let shm = Quantity::new(was_bytes as f64 / GIB);
    let wanted = evidence.limit(&PAGE, &MANY_GPUS);
    let below = |limit: &Limit<Gibibytes>| limit.is_undercut_by(shm);
    let size = match was_bytes {
        0..0x4000_0000 => Arg::quantity((was_bytes >> 20) as f64, "MiB", 0),
        _ => Arg::of(shm, 1),
    };
    let gpus = gpus(server)?;
    let gpus_count = Arg::from(gpus);
    let is_default = !evidence.limit(&PAGE, &DEFAULT).is_exceeded_by(shm);
    let finding = if gpus < 2 {
        match below(&evidence.limit(&PAGE, &ONE_GPU)) {
            true => PAGE.info(object, words::SmallForOne { size }),
            false => PAGE.pass(object, words::Enough { gpus_count, size }),
        }
    } else if is_default || below(&wanted) {
        let want_bytes = (wanted.value.number() * GIB) as u64;
        let (server, pid) = (server.pid, Arg::text(server.pid.to_string()));
        if is_default {
            PAGE.fail(object, words::RuntimeDefault { gpus_count, server: pid, size })
        } else {
            PAGE.warn(object, words::Small { gpus_count, server: pid, size })
        }
        .with_intent(Intent::SharedMemory { server, want_bytes, was_bytes })
    } else {
        PAGE.pass(object, words::Enough { gpus_count, size })
    };
    let citation =
        Citation::new(format!("{}/mounts", process.path), format!("/dev/shm: {} kB", was_bytes / 1024));
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation))
}
