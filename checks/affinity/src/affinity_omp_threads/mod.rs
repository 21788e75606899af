//! `affinity.omp-threads`: pools of library threads are no larger than the CPUs that the process has.
//!
//! Threads of one process with the same name, digits at its end aside, are a pool. Whose pool it is says the name: Tokio and
//! Python's executors name their threads; OpenMP, MKL and Rayon do not, so that theirs bear the name of the thread that
//! started them. Threads that wait for events (of communication, of the driver) are no pool, however many there are: nothing
//! sizes them by CPUs, and they sleep. What a process has is its mask, and the tightest quota above it where that is less.
//! Whether the pools get in the way shows in the window only: there a pool is as large as the number of its threads that had
//! work, since those that sleep take nothing (the API server of vLLM keeps dozens). How long the main threads of engine cores
//! and workers wait tells what a pool costs. Without a window, or with an idle one, there is no pass; a pool that is larger than
//! its CPUs is a warning then. Pools of processes that share CPUs count together,
//! but not those of a server that is idle beside one that is not.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Count, Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cpu, InferenceServer, Role, ServerProcess, ThreadTime};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict,
};

use crate::delay::longest_delay;
use crate::pages::affinity_omp_threads::{ACTIVE, DELAY, IDLE, PAGE, RUNNABLE, words};
use crate::place::{CPU_QUOTA, Load, cite_mask, known_quota, lifting, server_object};

/// Variables that size the pools of libraries which do not name their threads.
const VARIABLES: [&str; 4] =
    ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"];

/// Largest pool that is asked for: beyond it, libraries of a serving engine gain little.
const LARGEST: f64 = 8.0;

/// Processes whose pools are cited where they count together.
const SHOWN: usize = 4;

/// How the names of threads begin that wait for events: of PyTorch's process groups, CUDA, NCCL, Gloo, ZeroMQ, gRPC and verbs.
const WAITING: [&str; 8] = ["pt_", "cuda", "NCCL", "nccl", "gloo", "ZMQbg", "grpc", "ib_"];

/// What PyTorch calls the main thread, and so the threads that it starts without a name.
const PYTORCH_MAIN: &str = "pt_main_thread";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let mut judge = Judge {
        online: evidence.get("/cpu/online")?,
        cpu: evidence.cpu().ok().cloned(),
        load: Load::read(evidence),
        active: evidence.limit(&PAGE, &ACTIVE),
        runnable: evidence.limit(&PAGE, &RUNNABLE),
        idle: evidence.limit(&PAGE, &IDLE),
        delay: evidence.limit(&PAGE, &DELAY),
        asleep: BTreeSet::new(),
    };
    judge.asleep = servers.iter().flat_map(|server| judge.asleep(server)).collect();
    let judged = |server| PAGE.settle(server_object(server), judge.judge(server, servers));
    Ok(servers.iter().map(judged).collect())
}

struct Judge {
    online: CpuSet,
    cpu: Option<Cpu>,
    load: Result<Load, Missing>,
    active: Limit<Percent>,
    runnable: Limit<Count>,
    idle: Limit<Count>,
    delay: Limit<Percent>,
    /// Threads of servers under load that had next to no work.
    asleep: BTreeSet<u32>,
}

/// Whose pool it is, by the names of its threads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    /// The threads bear the name of their process: OpenMP, MKL, Rayon.
    Unnamed,
    /// Tokio's runtime.
    Tokio,
    /// Python's executors.
    Python,
    /// The name tells no library that is known here.
    Unknown,
}

impl Library {
    /// The word by which sentences choose.
    fn word(self) -> Arg {
        Arg::text(match self {
            Self::Unnamed => "unnamed",
            Self::Tokio => "tokio",
            Self::Python => "python",
            Self::Unknown => "unknown",
        })
    }

    /// Whether the variables of OpenMP and its like may size the pool.
    fn obeys_variables(self) -> bool {
        matches!(self, Self::Unnamed | Self::Unknown)
    }
}

/// A pool that is larger than what its process has.
struct Pool<'a> {
    process: &'a ServerProcess,
    name: String,
    library: Library,
    /// Threads, without those that are known to sleep.
    size: usize,
    usable: f64,
    cpus: CpuSet,
}

/// A variable that asks for more threads than its process has CPUs.
struct Excess<'a> {
    process: &'a ServerProcess,
    name: &'static str,
    value: u32,
    usable: f64,
    cpus: CpuSet,
}

/// A thread that hardly runs is at work where it wants to for this many times the share of time that counts as running.
const KEPT_WAITING: f64 = 10.0;

impl Judge {
    /// CPUs that the threads of a server kept busy.
    fn busy(&self, server: &InferenceServer) -> Option<f64> {
        let load = self.load.as_ref().ok()?;
        Some(load.of_server(server).map(|thread| load.busy_percent(thread)).sum::<f64>() / 100.0)
    }

    fn is_idle(&self, busy: f64) -> bool {
        self.idle.is_undercut_by(Quantity::new(busy))
    }

    /// Threads of a server under load that neither ran nor wanted to for long enough to be in the way of others: helpers that
    /// wake up a few times wait a little each time on busy CPUs, while what a busy pool keeps from running waits nearly always.
    fn asleep(&self, server: &InferenceServer) -> Vec<u32> {
        let (Ok(load), Some(_)) = (&self.load, self.busy(server).filter(|&busy| !self.is_idle(busy))) else {
            return Vec::new();
        };
        let sleeps = |thread: &&ThreadTime| {
            let ran = load.busy_percent(thread);
            let wanted = ran + load.delay_percent(thread).unwrap_or(0.0);
            let is_undercut = |percent: f64| self.active.is_undercut_by(Quantity::new(percent));
            is_undercut(ran) && is_undercut(wanted / KEPT_WAITING)
        };
        load.of_server(server).filter(sleeps).map(|thread| thread.tid).collect()
    }

    fn judge(&self, server: &InferenceServer, all: &[InferenceServer]) -> Result<Finding, NoVerdict> {
        let object = server_object(server);
        let mut usable_of_server = CpuSet::new();
        let mut limit_of_server = f64::INFINITY;
        let mut largest: Option<Pool<'_>> = None;
        let mut excess: Option<Excess<'_>> = None;
        let mut adjustable = 0;
        let mut shared: Vec<CpuSet> = Vec::new();
        let mut quotas: Vec<Citation> = Vec::new();
        let (mut unknown, mut unread): (Option<Missing>, Option<Missing>) = (None, None);
        for process in &server.processes {
            let mask = process.mask(&self.online);
            unknown = unknown.or(mask.unknown);
            usable_of_server = usable_of_server.union(&mask.cpus);
            // A limit that nobody read can only leave less: what exceeds the known one exceeds that as well.
            let (known, tighter) = match &process.cgroup {
                Fact::Known(cgroup) => known_quota(cgroup),
                Fact::Missing(missing) => (None, Some(missing.clone())),
            };
            unread = unread.or(tighter);
            let quota = known.as_ref().map_or(f64::INFINITY, |(quota, _)| *quota);
            limit_of_server = limit_of_server.min(quota);
            let citation = known
                .map(|(_, citation)| citation)
                .filter(|own| quotas.iter().all(|seen| seen.source != own.source));
            quotas.extend(citation);
            let usable = quota.min(mask.cpus.len() as f64);
            if mask.cpus.is_empty() {
                continue;
            }
            for (name, value) in asked(process) {
                let exceeds = f64::from(value) > usable;
                if exceeds && excess.as_ref().is_none_or(|seen| value > seen.value) {
                    excess = Some(Excess { process, name, value, usable, cpus: mask.cpus.clone() });
                }
            }
            let Some((name, size)) = self.pools(process).into_iter().max_by_key(|(_, size)| *size) else {
                continue;
            };
            let library = library(process, &name);
            if library.obeys_variables() {
                adjustable = adjustable.max(size);
            }
            if library == Library::Unnamed {
                shared.push(mask.cpus.clone());
            }
            if size as f64 > usable && largest.as_ref().is_none_or(|seen| size > seen.size) {
                largest = Some(Pool { process, name, library, size, usable, cpus: mask.cpus });
            }
        }
        let of_mask = usable_of_server.len() as f64;
        let usable = limit_of_server.min(of_mask);
        let granted = usable_of_server.clone();
        unknown.map_or(Ok(()), Err)?;
        shared.push(usable_of_server);
        // First its own pools, under its own limit, then those of all servers that have no CPU outside of these. A server
        // without work was in nobody's way, however many threads it keeps.
        let idles = |server: &InferenceServer| self.busy(server).is_some_and(|busy| self.is_idle(busy));
        let (own, is_idle) = (vec![server], idles(server));
        let present = all.iter().filter(|other| is_idle || !idles(other)).collect();
        let mut crowds =
            [(own, limit_of_server), (present, f64::INFINITY)].into_iter().flat_map(|(servers, limit)| {
                let crowd = |cpus: &CpuSet| self.crowd(&servers, cpus, limit.min(cpus.len() as f64));
                shared.iter().map(crowd).collect::<Vec<_>>()
            });
        let crowded = crowds.find(|crowd| crowd.pooled > 1 && crowd.together as f64 > crowd.usable);
        let crowded = crowded.map(|crowd| Crowd { adjustable, ..crowd });
        // Without a deviation, what was not read decides.
        if let (None, None, Some(why)) = (&largest, &crowded, unread) {
            return Err(why.into());
        }
        let load = match (&self.load, &largest, &crowded) {
            (Ok(load), ..) => load,
            (Err(why), Some(pool), _) => return Ok(pool.tell(server, usable, Err(why))),
            (Err(why), None, Some(crowd)) => {
                return Ok(crowd.tell(server, ("unknown", Arg::text("")), why.into()));
            }
            (Err(why), None, None) => return Err(why.clone().into()),
        };
        let waits: Option<Vec<f64>> =
            load.of_server(server).map(|thread| load.delay_percent(thread)).collect();
        let (Some(waits), Some((delay, of_delay))) = (waits, longest_delay(load, server)) else {
            return Err(words::NoDelay {}.into());
        };
        let busy = self.busy(server).unwrap_or(0.0);
        let runnable: Quantity<Count> =
            Quantity::new((busy + waits.iter().sum::<f64>() / 100.0) / usable.max(f64::MIN_POSITIVE));
        let waited = Arg::of(delay, 2);
        if let Some(pool) = largest {
            if is_idle {
                let seen =
                    format!("its threads kept {busy:.2} CPUs busy in the window: collect while it serves");
                return Ok(pool.tell(server, usable, Err(&Missing::new(Absence::Skipped, seen))));
            }
            let is_long = !self.delay.is_undercut_by(delay);
            return Ok(pool.tell(server, usable, Ok((delay, is_long))).with_evidence(of_delay));
        }
        if let Some(crowd) = crowded {
            let told = crowd.tell(server, ("known", waited), Arg::text(""));
            return Ok(told.with_evidence(of_delay));
        }
        let (threads, cpus) = (Arg::of(runnable, 2), number(usable));
        if self.runnable.is_exceeded_by(runnable) {
            let pid = Arg::text(server.pid.to_string());
            // The pools fit, but leave no CPU for the threads beside them.
            let want = wanted(server, usable, usable).saturating_sub(1).max(1);
            let goal = match excess {
                Some(excess) => Some(excess.smaller(server, usable)),
                None => smaller(server, want, adjustable),
            };
            let finding = PAGE
                .warn(object, words::TooManyRun { cpus, pid, threads, waited })
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(of_delay);
            // Threads that would fit the CPUs without the quota wait for the quota: lifting it is the one change.
            let wanting = runnable.number() * usable;
            if limit_of_server < of_mask && wanting <= of_mask {
                return Ok(finding
                    .with_cause(CPU_QUOTA, server_object(server))
                    .with_intents(lifting(server, &quotas))
                    .with_citations(quotas));
            }
            return Ok(finding.with_intents(goal.or_else(|| self.more_cores(server, wanting, &granted))));
        }
        if let Some(excess) = excess {
            return Ok(excess.tell(server, usable, waited).with_evidence(of_delay));
        }
        PAGE.not_run_if(is_idle, words::Idle { busy: Arg::quantity(busy, "", 2) })?;
        // What a variable asks for may come true with the next request.
        server.processes.iter().try_for_each(|process| process.environment.require().map(drop))?;
        Ok(PAGE.pass(object, words::Fits { cpus, threads, waited }).with_evidence(of_delay))
    }

    /// Cores for all threads that want to run, where no pool is to blame: of this machine, or of a larger one.
    fn more_cores(&self, server: &InferenceServer, wanting: f64, granted: &CpuSet) -> Option<Intent> {
        let cpu = self.cpu.as_ref()?;
        let was = cpu.cores_touched(granted);
        let want = (wanting * was as f64 / granted.len().max(1) as f64).ceil() as usize;
        Some(if want > cpu.cores_touched(&self.online) {
            Intent::Hardware { part: HardwarePart::Processor, at: None }
        } else {
            let number = |cores: usize| u32::try_from(cores).unwrap_or(u32::MAX);
            Intent::Cores { server: server.pid, want: number(want), was: number(was) }
        })
    }

    /// The pools of libraries of all processes of these servers whose CPUs are among `cpus`.
    fn crowd(&self, servers: &[&InferenceServer], cpus: &CpuSet, usable: f64) -> Crowd {
        let mut crowd = Crowd {
            together: 0,
            pooled: 0,
            adjustable: 0,
            of_others: servers.len() > 1,
            usable,
            largest: Vec::new(),
        };
        for process in servers.iter().flat_map(|server| &server.processes) {
            let mask = process.mask(&self.online).cpus;
            let largest = self.pools(process).into_iter().max_by_key(|(_, size)| *size);
            let largest = largest.filter(|(name, _)| library(process, name) == Library::Unnamed);
            if let Some((_, size)) = largest.filter(|_| !mask.is_empty() && mask.is_subset(cpus)) {
                crowd.together += size;
                crowd.pooled += 1;
                let said = format!("a pool of {size} threads");
                crowd.largest.push(Citation::new(format!("{}/task", process.path), said));
            }
        }
        crowd.largest.truncate(SHOWN);
        crowd
    }

    /// Number of threads by name without the digits at its end: not the main thread, nor those that wait for events or sleep.
    fn pools(&self, process: &ServerProcess) -> BTreeMap<String, usize> {
        let mut pools = BTreeMap::new();
        let counts = |tid: u32| tid != process.pid && !self.asleep.contains(&tid);
        for thread in process.threads.iter().filter(|thread| counts(thread.tid)) {
            let name = stem(&thread.comm);
            if name == PYTORCH_MAIN || !WAITING.iter().any(|start| name.starts_with(start)) {
                *pools.entry(name.to_owned()).or_default() += 1;
            }
        }
        pools
    }
}

impl Pool<'_> {
    /// What can be said of it, by how long a critical thread waited and whether that is long, or why nobody saw that.
    fn tell(
        &self,
        server: &InferenceServer,
        usable: f64,
        seen: Result<(Quantity<Percent>, bool), &Missing>,
    ) -> Finding {
        let (object, (set, variables)) = (server_object(server), limits(self));
        // All sentences say how large it is, and for how many CPUs.
        macro_rules! said {
            ($sentence:ident, $more:ident) => {
                words::$sentence {
                    cpus: number(self.usable),
                    library: self.library.word(),
                    name: Arg::from(&self.name),
                    pid: Arg::text(self.process.pid.to_string()),
                    set,
                    size_count: Arg::count(self.size),
                    variables,
                    $more,
                }
            };
        }
        let (finding, likelihood) = match seen {
            Err(why) => {
                let reason = why.into();
                (PAGE.warn(object, said!(Unwatched, reason)), Likelihood::Setting)
            }
            Ok((delay, is_long)) => {
                let waited = Arg::of(delay, 2);
                if is_long {
                    (PAGE.fail(object, said!(Delaying, waited)), Likelihood::Mechanism)
                } else {
                    (PAGE.warn(object, said!(Oversized, waited)), Likelihood::Setting)
                }
            }
        };
        let size = format!("{} threads named `{}`", self.size, self.name);
        let obeys = self.library.obeys_variables();
        let goal = obeys.then(|| smaller(server, wanted(server, self.usable, usable), self.size));
        finding
            .with_likelihood(likelihood)
            .with_evidence(Citation::new(format!("{}/task", self.process.path), size))
            .with_evidence(cite_mask(self.process, &self.cpus))
            .with_intents(goal.flatten())
    }
}

/// Pools that each fit their process and together have more threads than the CPUs that they share.
struct Crowd {
    together: usize,
    pooled: usize,
    adjustable: usize,
    /// Whether pools of other servers are among them.
    of_others: bool,
    /// CPUs that they share.
    usable: f64,
    /// The first of the pools.
    largest: Vec<Citation>,
}

impl Crowd {
    fn tell(&self, server: &InferenceServer, (seen, waited): (&str, Arg), reason: Arg) -> Finding {
        let usable = self.usable;
        let said = words::Together {
            cpus: number(usable),
            pid: Arg::text(server.pid.to_string()),
            pools: Arg::count(self.pooled),
            reason,
            seen: Arg::text(seen),
            shared: Arg::text(if self.of_others { "yes" } else { "no" }),
            size_count: Arg::count(self.together),
            waited,
        };
        let share = (usable / self.pooled as f64).floor().clamp(1.0, LARGEST);
        PAGE.warn(server_object(server), said)
            .with_likelihood(Likelihood::Setting)
            .with_citations(self.largest.clone())
            .with_intents(smaller(server, share as u32, self.adjustable))
    }
}

impl Excess<'_> {
    fn tell(&self, server: &InferenceServer, usable: f64, waited: Arg) -> Finding {
        let source = format!("{}/environ", self.process.path);
        let said = words::Variable {
            cpus: number(self.usable),
            name: self.name.into(),
            pid: Arg::text(self.process.pid.to_string()),
            value: Arg::text(self.value.to_string()),
            waited,
        };
        PAGE.warn(server_object(server), said)
            .with_likelihood(Likelihood::Setting)
            .with_intent(self.smaller(server, usable))
            .with_evidence(Citation::new(source, format!("{}={}", self.name, self.value)))
            .with_evidence(cite_mask(self.process, &self.cpus))
    }

    fn smaller(&self, server: &InferenceServer, usable: f64) -> Intent {
        Intent::ThreadPool { server: server.pid, want: wanted(server, self.usable, usable), was: self.value }
    }
}

/// A number of CPUs, whole unless a quota makes it none.
fn number(cpus: f64) -> Arg {
    if cpus.fract() == 0.0 { Arg::count(cpus as u64) } else { Arg::quantity(cpus, "", 1) }
}

/// Asks for pools of at most `want` threads, if the one that was seen is larger.
fn smaller(server: &InferenceServer, want: u32, seen: usize) -> Option<Intent> {
    let was = u32::try_from(seen).unwrap_or(u32::MAX);
    (want < was).then_some(Intent::ThreadPool { server: server.pid, want, was })
}

/// Threads that a pool should have at most: the CPUs of the server shared out among its workers, and never more than the process
/// of the pool may use.
fn wanted(server: &InferenceServer, of_process: f64, of_server: f64) -> u32 {
    let works = |process: &&ServerProcess| {
        matches!(process.role, Role::GpuWorker | Role::Whole)
            || process.gpus.known().is_some_and(|gpus| !gpus.is_empty())
    };
    let workers = server.processes.iter().filter(works).count().max(1);
    of_process.min(of_server / workers as f64).floor().clamp(1.0, LARGEST) as u32
}

/// The name of a thread without its number.
fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '#' | ':'))
}

fn library(process: &ServerProcess, name: &str) -> Library {
    let main = process.threads.iter().find(|thread| thread.tid == process.pid);
    let of_process =
        [Some(process.comm.as_str()), main.map(|thread| thread.comm.as_str()), Some(PYTORCH_MAIN)];
    if of_process.into_iter().flatten().any(|own| stem(own) == name) || name.starts_with("python") {
        Library::Unnamed
    } else if name.starts_with("tokio") {
        Library::Tokio
    } else if name.starts_with("ThreadPoolExec") || name.starts_with("asyncio") {
        Library::Python
    } else {
        Library::Unknown
    }
}

/// Threads that the variables of a process ask for; `OMP_NUM_THREADS` may have a number for each level.
fn asked(process: &ServerProcess) -> impl Iterator<Item = (&'static str, u32)> {
    let environment = process.environment.known();
    VARIABLES.into_iter().filter_map(move |name| {
        let value = environment?.get(name)?;
        Some((name, value.split(',').next()?.trim().parse().ok()?))
    })
}

/// The word by which sentences choose what to say of the variables that may size a pool, and those that are set.
fn limits(pool: &Pool<'_>) -> (Arg, Arg) {
    if !pool.library.obeys_variables() {
        return (Arg::text("other"), Arg::text(""));
    }
    let Some(environment) = pool.process.environment.known() else {
        return (Arg::text("unknown"), Arg::text(""));
    };
    let set: Vec<String> = VARIABLES
        .iter()
        .filter_map(|name| environment.get(*name).map(|value| format!("`{name}={value}`")))
        .collect();
    let word = if set.is_empty() {
        "none"
    } else if asked(pool.process).any(|(_, value)| value as usize >= pool.size) {
        "allowed"
    } else {
        "despite"
    };
    (Arg::text(word), Arg::text(set.join(", ")))
}
