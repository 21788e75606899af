//! Starts the server in its place, waits until it answers, and ends it with all that it started.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::Ground;
use super::placement::Place;
use super::plan::{ServerPlan, Start, Variant};
use super::sys::{Birth, Memory, Refused, spawn};
use plumb_bench::process::{Task, is_alive, threads, tree};
use plumb_bench::{Control, Http, Target, ready};

/// Why there is no server to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoServer {
    /// The node has not got what the place needs.
    Unavailable(String),
    /// The kernel refuses it to this process.
    Denied(String),
    /// It was told to stop meanwhile.
    Interrupted,
}

/// A server at work; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Option<Child>,
    /// Its first process.
    pub(crate) pid: i32,
    /// Where it listens.
    pub(crate) url: String,
    log: Option<File>,
    stop_within: Duration,
}

/// A killed process that holds memory of a device may take seconds to go.
const GONE_WITHIN: Duration = Duration::from_secs(10);

const PORT: &str = "{port}";

impl Server {
    /// Starts it.
    pub(crate) fn start(
        plan: &ServerPlan,
        variant: Option<&Variant>,
        place: &Place,
    ) -> Result<Self, NoServer> {
        let Start::Launch { command: words, env } = &plan.start else {
            let Start::Attach { pid } = plan.start else { return Err(NoServer::Interrupted) };
            return Ok(Self {
                child: None,
                pid,
                url: plan.url.clone(),
                log: None,
                stop_within: plan.stop_within,
            });
        };
        let needs_port = plan.url.contains(PORT) || words.iter().any(|word| word.contains(PORT));
        let port = if needs_port { free_port().map_err(unavailable)?.to_string() } else { String::new() };
        let with_port = |word: &String| word.replace(PORT, &port);
        let arguments = words.iter().skip(1).chain(variant.iter().flat_map(|variant| &variant.args));
        let program = words.first().map(with_port).unwrap_or_default();
        let log = tempfile::tempfile().map_err(unavailable)?;
        let mut command = Command::new(&program);
        command
            .args(arguments.map(with_port))
            .envs(env)
            .envs(variant.iter().flat_map(|variant| &variant.env));
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().map_err(unavailable)?).stderr(log.try_clone().map_err(unavailable)?);
        let birth = Birth {
            cpus: place.cpus.clone(),
            memory: place.memory.clone(),
            // So that it can end what it started.
            on_our_end: Signal::SIGTERM,
        };
        let child = spawn(&mut command, &birth).map_err(|refused| explain(&refused, &program, place))?;
        let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
        let url = with_port(&plan.url);
        Ok(Self { child: Some(child), pid, url, log: Some(log), stop_within: plan.stop_within })
    }

    /// Waits until it answers.
    pub(crate) fn wait(
        &mut self,
        plan: &ServerPlan,
        ground: &Ground,
        control: &Control,
    ) -> Result<Target, NoServer> {
        let target = Target::new(&self.url, Http::Auto, None, ground.key.clone())
            .map_err(|error| NoServer::Unavailable(error.to_string()))?
            .with_headers(ground.headers.clone());
        let end = Instant::now() + plan.ready_within;
        loop {
            if control.is_stopped() {
                return Err(NoServer::Interrupted);
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(NoServer::Unavailable(format!(
                    "the server ended while it started ({status}){}",
                    self.last_words()
                )));
            }
            let Err(why) = ready(&target, &plan.ready, Duration::from_secs(2)) else { return Ok(target) };
            if Instant::now() > end {
                let said = self.last_words();
                return Err(NoServer::Unavailable(format!(
                    "the server was not ready at `{}{}` within {} s ({why}){}",
                    self.url,
                    plan.ready,
                    plan.ready_within.as_secs_f64(),
                    said
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The end of what it printed.
    fn last_words(&mut self) -> String {
        let Some(log) = &mut self.log else { return String::new() };
        let length = log.metadata().map_or(0, |data| data.len());
        let mut text = Vec::new();
        let read =
            log.seek(SeekFrom::Start(length.saturating_sub(2000))).and_then(|_| log.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        match (read, lines.as_slice()) {
            (Err(_), _) | (_, []) => "; it printed nothing".to_owned(),
            (_, lines) => format!("; its last words: {}", lines[lines.len().saturating_sub(3)..].join(" / ")),
        }
    }

    /// True while it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => !tree(self.pid).is_empty(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end_tree(child, self.pid, self.stop_within);
        }
    }
}

fn unavailable(error: std::io::Error) -> NoServer {
    NoServer::Unavailable(format!("the system lends nothing to start a server with: {error}"))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn explain(refused: &Refused, program: &str, place: &Place) -> NoServer {
    let cpus = place.cpus.as_ref().map(ToString::to_string).unwrap_or_default();
    let nodes = place.memory.nodes();
    match refused {
        Refused::Affinity(Errno::EPERM) => NoServer::Denied(format!(
            "the kernel refuses sched_setaffinity to this process, so the server cannot be placed on CPUs {cpus}"
        )),
        Refused::Affinity(errno) => {
            NoServer::Unavailable(format!("the server cannot run on CPUs {cpus}: {}", errno.desc()))
        }
        Refused::Memory(Errno::EPERM | Errno::ENOSYS | Errno::EACCES) => NoServer::Denied(format!(
            "the kernel refuses set_mempolicy to this process, so memory cannot be placed on node {nodes}: container \
             runtimes block it by default; allow it (CAP_SYS_NICE), or run on the node itself"
        )),
        Refused::Memory(errno) => {
            NoServer::Unavailable(format!("memory cannot come from node {nodes}: {}", errno.desc()))
        }
        Refused::Program(error) => {
            NoServer::Unavailable(format!("the server `{program}` cannot be started: {error}"))
        }
    }
}

/// Ends a child with its whole group and what left the group: SIGTERM, time to end, then SIGKILL.
pub(crate) fn end_tree(child: &mut Child, pid: i32, patience: Duration) {
    let members: Vec<Task> = threads(&tree(pid)).into_iter().filter(|task| task.pid == task.tid).collect();
    drop(child.stdin.take());
    let group = Pid::from_raw(pid);
    if !patience.is_zero() {
        let _ = killpg(group, Signal::SIGTERM);
        let end = Instant::now() + patience;
        while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.kill();
    let _ = child.wait();
    for task in &members {
        if task.pid != pid && is_alive(*task) {
            let _ = kill(Pid::from_raw(task.pid), Signal::SIGKILL);
        }
    }
    // What a killed process holds, memory of GPUs among it, is given back when it is gone.
    let end = Instant::now() + GONE_WITHIN;
    while members.iter().any(|task| is_alive(*task)) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// True if memory is to be verified.
pub(crate) fn places_memory(place: &Place) -> bool {
    place.memory != Memory::Inherited
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use plumb_bench::Api;

    fn plan(command: &[&str]) -> ServerPlan {
        ServerPlan {
            start: Start::Launch {
                command: command.iter().map(|&word| word.to_owned()).collect(),
                env: BTreeMap::new(),
            },
            url: "http://127.0.0.1:{port}".to_owned(),
            ready: "/".to_owned(),
            ready_within: Duration::from_secs(20),
            stop_within: Duration::from_secs(5),
            model: None,
            api: Api::Completions,
        }
    }

    fn start(command: &[&str], place: &Place) -> Result<Server, NoServer> {
        Server::start(&plan(command), None, place)
    }

    #[test]
    fn a_server_that_ends_says_why() {
        let command = ["sh", "-c", "echo model not found >&2; exit 3"];
        let mut server = start(&command, &Place::default()).unwrap();
        let ground = Ground {
            root: super::super::Root::default(),
            state: std::path::PathBuf::new(),
            program: std::path::PathBuf::new(),
            may_change: false,
            gpus: Vec::new(),
            key: None,
            headers: Vec::new(),
        };
        let outcome = server.wait(&plan(&command), &ground, &Control::default());
        let Err(NoServer::Unavailable(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("exit status: 3") && why.contains("model not found"), "{why}");
        let missing = start(&["/nowhere/server"], &Place::default()).unwrap_err();
        assert!(
            matches!(&missing, NoServer::Unavailable(why) if why.contains("/nowhere/server")),
            "{missing:?}"
        );
    }

    #[test]
    fn the_place_is_taken_before_the_first_instruction() {
        let cpu = super::super::node::Node::read(&Default::default()).cpus.first().unwrap();
        let place = Place { cpus: Some([cpu].into_iter().collect()), ..Place::default() };
        // Ignores what asks it to end, and has a child in the background.
        let command = ["sh", "-c", "trap '' TERM; sleep 600 & while :; do sleep 600; done"];
        let mut server = start(&command, &place).unwrap();
        server.stop_within = Duration::from_millis(200);
        let members = loop {
            let members = threads(&tree(server.pid));
            if members.len() > 1 {
                break members;
            }
        };
        for task in &members {
            let own = plumb_bench::process::cpus_allowed(*task);
            assert!(own.is_none() || own == place.cpus, "{own:?}");
        }
        drop(server);
        assert!(!members.iter().any(|task| is_alive(*task)));
    }

    #[test]
    fn a_node_that_is_not_there_is_unavailable() {
        let memory = Memory::Bind([900].into_iter().collect());
        let refused = start(&["true"], &Place { memory, ..Place::default() }).unwrap_err();
        assert!(matches!(&refused, NoServer::Unavailable(why) if why.contains("node 900")), "{refused:?}");
        let cpus = Some([1000].into_iter().collect());
        let refused = start(&["true"], &Place { cpus, ..Place::default() }).unwrap_err();
        assert!(matches!(&refused, NoServer::Unavailable(why) if why.contains("CPUs 1000")), "{refused:?}");
    }

    #[test]
    fn where_the_kernel_refuses_the_refusal_is_told() {
        use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
        // As container runtimes do; for this thread and what it starts.
        let rules = [(nix::libc::SYS_set_mempolicy, vec![])].into_iter().collect();
        let refuse = SeccompAction::Errno(nix::libc::EPERM as u32);
        let architecture = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
        let program = BpfProgram::try_from(filter).unwrap();
        let outcome = std::thread::spawn(move || {
            seccompiler::apply_filter(&program).unwrap();
            start(&["true"], &Place { memory: Memory::Bind([0].into_iter().collect()), ..Place::default() })
        });
        let outcome = outcome.join().unwrap();
        let Err(NoServer::Denied(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("refuses set_mempolicy") && why.contains("CAP_SYS_NICE"), "{why}");
    }
}
