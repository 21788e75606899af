//! How many CPUs a server wants at once.

use std::collections::BTreeSet;

use super::{Gpu, InferenceServer, ServerProcess};
use crate::fact::{Absence, Fact, Missing};

/// Share of the CPU time of the busiest thread from which a thread counts as one of those that compute.
const COMPUTES: f64 = 0.1;

/// What a server wants of CPUs at least, as far as it is known.
///
/// Engines with a process for each GPU want a CPU for each of A API servers, DP engine cores, N workers, and a coordinator
/// where there are several replicas (vLLM's documentation; an estimate for others). A defaults to DP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuDemand {
    /// Processes that want a CPU at once.
    pub processes: u32,
    /// GPUs that its processes are seen to use.
    pub gpus: u32,
    /// The parts of the number, for a reader.
    pub told: String,
    /// Why options may ask for more.
    pub unknown: Option<Missing>,
    /// Why processes may use more GPUs.
    pub unknown_gpus: Option<Missing>,
}

impl InferenceServer {
    /// How many processes want a CPU at once.
    #[must_use]
    pub fn demand(&self) -> CpuDemand {
        let (mut unknown, mut unknown_gpus) = (None, None);
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for process in &self.processes {
            match &process.gpus {
                Fact::Known(gpus) => used.extend(gpus.iter().map(String::as_str)),
                Fact::Missing(why) => drop(unknown_gpus.get_or_insert_with(|| why.clone())),
            }
        }
        let mut size = |fact: &Fact<u32>| match fact {
            Fact::Known(number) => (*number).max(1),
            Fact::Missing(why) => {
                unknown.get_or_insert_with(|| why.clone());
                1
            }
        };
        let replicas = size(&self.data_parallel);
        let sizes = size(&self.tensor_parallel).saturating_mul(size(&self.pipeline_parallel));
        let seen = u32::try_from(used.len()).unwrap_or(u32::MAX);
        let gpus = sizes.saturating_mul(replicas).max(seen);
        let front_ends = match &self.options {
            Fact::Known(options) => options.get("api-server-count").map(|text| {
                let odd =
                    || Missing::new(Absence::Malformed, format!("option `api-server-count` is `{text}`"));
                text.parse::<u32>().map_err(|_| odd())
            }),
            Fact::Missing(why) => Some(Err(why.clone())),
        };
        let front_ends = match front_ends {
            Some(Ok(count)) => count,
            Some(Err(why)) => {
                unknown.get_or_insert(why);
                replicas
            }
            None => replicas,
        };
        let coordinator = u32::from(replicas > 1);
        let processes = [replicas, gpus, coordinator].into_iter().fold(front_ends, u32::saturating_add);
        let told = format!("{front_ends} API servers, {replicas} replicas, {gpus} GPUs");
        CpuDemand { processes, gpus: seen, told, unknown, unknown_gpus }
    }

    /// Whether the server computes on the CPU: it uses no GPU, and its engine can do without, or `gpus`, those of the node,
    /// are none.
    ///
    /// # Errors
    /// Says why it is not known whether there is a GPU, or whether it uses one.
    pub fn computes_on_cpu(&self, gpus: Result<&[Gpu], Missing>) -> Result<bool, Missing> {
        let demand = self.demand();
        if demand.gpus > 0 || !(self.engine().computes_on_cpu || gpus?.is_empty()) {
            return Ok(false);
        }
        demand.unknown_gpus.map_or(Ok(true), Err)
    }

    /// Threads that compute on the CPU, and the file that tells: by the option that sizes the pool, else those that used CPU
    /// time since the start as the busiest one did. Others with the same name wait for requests.
    ///
    /// # Errors
    /// Says why it is not known.
    pub fn computing_threads(&self) -> Result<(u32, String), Missing> {
        let options = self.options.require()?;
        let told =
            ["threads", "t", "cpu-infer"].iter().find_map(|name| options.get(*name)?.parse::<u32>().ok());
        if let Some(threads) = told.filter(|&threads| threads > 0) {
            return Ok((threads, format!("/proc/{}/cmdline", self.pid)));
        }
        let mut most: Option<(u32, String)> = None;
        for process in &self.processes {
            let threads = computing(process)?;
            if most.as_ref().is_none_or(|(other, _)| threads > *other) {
                most = Some((threads, format!("{}/task", process.path)));
            }
        }
        let unseen =
            || Missing::new(Absence::Skipped, "no thread of it has computed yet: collect while it serves");
        most.filter(|(threads, _)| *threads > 0).ok_or_else(unseen)
    }
}

fn computing(process: &ServerProcess) -> Result<u32, Missing> {
    let ticks: Vec<u64> =
        process.threads.iter().map(|thread| thread.cpu_ticks.require().copied()).collect::<Result<_, _>>()?;
    let busiest = ticks.iter().copied().max().unwrap_or(0);
    let computes = |&&ticks: &&u64| ticks > 0 && ticks as f64 >= COMPUTES * busiest as f64;
    Ok(u32::try_from(ticks.iter().filter(computes).count()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Thread;

    fn server(ticks: &[u64]) -> InferenceServer {
        let thread = |(at, &ticks): (usize, &u64)| Thread {
            tid: 7 + at as u32,
            comm: "llama-server".to_owned(),
            cpus_allowed: Fact::default(),
            mems_allowed: Fact::default(),
            last_cpu: Fact::default(),
            cpu_ticks: Fact::Known(ticks),
            policy: Fact::default(),
            rt_priority: Fact::default(),
            nice: Fact::default(),
        };
        InferenceServer {
            kind: "llama.cpp".to_owned(),
            pid: 7,
            options: Fact::Known([].into()),
            processes: vec![ServerProcess {
                path: "/proc/7".to_owned(),
                pid: 7,
                gpus: Fact::Known(Vec::new()),
                threads: ticks.iter().enumerate().map(thread).collect(),
                ..ServerProcess::default()
            }],
            ..InferenceServer::default()
        }
    }

    #[test]
    fn threads_that_compute_are_told_from_those_that_wait() {
        let own = server(&[9000, 8800, 8700, 3, 0, 0]);
        assert_eq!(own.computing_threads(), Ok((3, "/proc/7/task".to_owned())));
        assert!(server(&[0, 0]).computing_threads().is_err());
        let mut told = server(&[9000]);
        told.options = Fact::Known([("threads".to_owned(), "32".to_owned())].into());
        assert_eq!(told.computing_threads().map(|(threads, _)| threads), Ok(32));
        told.options = Fact::Known([("threads".to_owned(), "-1".to_owned())].into());
        assert_eq!(told.computing_threads().map(|(threads, _)| threads), Ok(1));
    }

    #[test]
    fn processes_are_counted_as_documented() {
        let size = Fact::Known;
        let mut own = server(&[]);
        (own.tensor_parallel, own.pipeline_parallel, own.data_parallel) = (size(4), size(1), size(2));
        assert_eq!(own.demand().processes, 2 + 2 + 8 + 1);
        own.data_parallel = Fact::absent("not told");
        assert!(own.demand().unknown.is_some() && own.demand().processes == 1 + 1 + 4);
    }
}
