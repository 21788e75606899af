//! Starts a neighbour on its CPUs, sees that it runs there, and ends it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use plumb_evidence::CpuSet;

use super::plan::Neighbour;
use super::sys::{Birth, Memory, Refused, spawn};
use plumb_bench::process::{cpus_allowed, schedule, threads, tree};

/// No neighbour outlives this, whatever happens to those who started it.
const LONGEST: Duration = Duration::from_secs(3600);

/// A neighbour at work; it ends with this value.
#[derive(Debug)]
pub(crate) struct Hog {
    child: Child,
    pid: i32,
}

/// Starts a neighbour: `program` is this one, which has the loops built in.
///
/// # Errors
/// Says why there is none.
pub(crate) fn start(neighbour: &Neighbour, cpus: &CpuSet, program: &Path) -> Result<Option<Hog>, String> {
    let Some(kind) = neighbour.kind else { return Ok(None) };
    let workers = neighbour.workers.unwrap_or(cpus.len()).max(1);
    let seconds = LONGEST.as_secs().to_string();
    let mut command = if neighbour.stress_ng {
        let mut command = Command::new("stress-ng");
        let (flag, method): (_, &[&str]) = match kind {
            super::plan::HogKind::Cpu => ("--cpu", &["--cpu-method", "matrixprod"]),
            super::plan::HogKind::Memory => ("--stream", &[]),
            super::plan::HogKind::Cache => ("--cache", &[]),
        };
        command.args([flag, &workers.to_string()]).args(method).args(["--timeout", &seconds, "--quiet"]);
        command
    } else {
        let mut command = Command::new(program);
        command.args(["hog", kind.as_str(), "--cpus", &cpus.to_string(), "--seconds", &seconds]);
        command.args(["--workers", &workers.to_string()]);
        command
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let birth = Birth { cpus: Some(cpus.clone()), memory: Memory::Inherited, on_our_end: Signal::SIGKILL };
    let mut child = spawn(&mut command, &birth).map_err(|refused| match refused {
        Refused::Affinity(errno) => format!("a neighbour cannot run on CPUs {cpus}: {}", errno.desc()),
        Refused::Memory(errno) => errno.desc().to_owned(),
        Refused::Program(error) if neighbour.stress_ng && error.kind() == std::io::ErrorKind::NotFound => {
            "stress-ng is not installed; install it, or leave `tool` out for the built-in neighbour"
                .to_owned()
        }
        Refused::Program(error) => format!("the neighbour cannot be started: {error}"),
    })?;
    let output = child.stdout.take();
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    let hog = Hog { child, pid };
    if !neighbour.stress_ng {
        let mut line = String::new();
        let said = output.map(|output| BufReader::new(output).read_line(&mut line));
        if !matches!(said, Some(Ok(read)) if read > 0) {
            return Err("the neighbour ended before it began".to_owned());
        }
    }
    Ok(Some(hog))
}

impl Hog {
    /// Sees that it runs, and where; gives that in words.
    ///
    /// # Errors
    /// Says what was seen instead.
    pub(crate) fn verify(&mut self, cpus: &CpuSet) -> Result<String, String> {
        let before = schedule(&tree(self.pid));
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            std::thread::sleep(Duration::from_millis(100));
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the neighbour ended by itself: {status}"));
            }
            let pids = tree(self.pid);
            let tasks = threads(&pids);
            let outside =
                tasks.iter().filter_map(|task| cpus_allowed(*task)).find(|own| !own.is_subset(cpus));
            if let Some(outside) = outside {
                return Err(format!(
                    "a thread of the neighbour may run on CPUs {outside}, not only on {cpus}"
                ));
            }
            let (ran, _) = plumb_bench::process::difference(&before, &schedule(&pids));
            if ran > 0 {
                return Ok(format!("neighbour: {} threads on CPUs {cpus}, running", tasks.len()));
            }
            if Instant::now() > end {
                return Err(format!("the neighbour on CPUs {cpus} took no CPU time in 5 s"));
            }
        }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        super::launch::end_tree(&mut self.child, self.pid, Duration::ZERO);
    }
}
