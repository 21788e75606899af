//! Runs the probes and makes the bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plumb_evidence::bundle::{Bundle, RAW, sample_folder, sha256_hex};
use plumb_evidence::manifest::{BUNDLE_SCHEMA, Manifest, Privileges, ProbeRecord, ProbeStatus, Unread};
use plumb_evidence::model::Origin;
use plumb_evidence::{Absence, Missing, Source};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::conduct::Conduct;
use crate::cost::{self, micros};
use crate::fs_source::FsSource;
use crate::helper::{Helper, Running, is_recorded};
use crate::named;
use crate::probe::{Method, Probe, Read};
use crate::probes::PROBES;
use crate::recorder::{Kept, Recorder};
use crate::runner::Runner;

/// What to collect, and with what.
#[derive(Clone, Debug)]
pub struct Options {
    /// A recorded tree of `/proc` and `/sys` instead of the running node.
    pub sysroot: Option<PathBuf>,
    /// How to start helper processes.
    pub helper: Helper,
    /// Version that goes into the manifest.
    pub tool_version: String,
    /// Time between two readings of what moves under load; `None` reads nothing twice.
    pub sample: Option<Duration>,
    /// How to behave on the node.
    pub conduct: Conduct,
    /// Servers by process id, port or unit, where Plumb would not know them.
    pub servers: Vec<String>,
}

/// Is told of each probe as it ends.
pub type Progress<'a> = &'a mut dyn FnMut(&Probe, &ProbeRecord);

/// Why nothing could be collected.
#[derive(Debug, Error)]
pub enum CollectError {
    /// The sysroot cannot be opened.
    #[error("cannot open the sysroot `{path}`; give a folder that holds the recorded `proc` and `sys`")]
    Sysroot {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The folder is something else.
    #[error(
        "`{path}` is no sysroot: it holds neither `proc/cpuinfo` nor `sys/devices/system`; give the folder that \
             stands for `/` in the recording"
    )]
    NoSysroot {
        /// The folder.
        path: PathBuf,
    },
    /// The CPUs to run on cannot be used.
    #[error("cannot run on the CPUs {cpus}: {why}; give CPUs that are online and allowed here, or none")]
    Cpus {
        /// What was asked for.
        cpus: String,
        /// Why not.
        why: String,
    },
    /// The niceness cannot be had.
    #[error("cannot take niceness {nice}; below the present one it is for root alone")]
    Nice {
        /// What was asked for.
        nice: i32,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A server that was named is not there.
    #[error(
        "cannot find the server `{name}`: {why}; give a process id, a port that it listens at, or its unit"
    )]
    Server {
        /// What was asked for.
        name: String,
        /// Why it was not found.
        why: String,
    },
    /// Somebody asked to stop before there was anything to keep.
    #[error("interrupted before anything was gathered; no bundle was written")]
    Interrupted,
}

/// The name of a bundle that was given none: `HOSTNAME-TIME.plumb`, with nothing in it that a file name should not have.
#[must_use]
pub fn file_name(bundle: &Bundle) -> PathBuf {
    let host = bundle.text("/proc/sys/kernel/hostname").unwrap_or_else(|_| "node".to_owned());
    let host: String =
        host.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
    let host = host.trim_start_matches(['.', '-']);
    let host = if host.is_empty() { "node" } else { host };
    let time: String = bundle.manifest().started.chars().filter(char::is_ascii_alphanumeric).collect();
    PathBuf::from(format!("{host}-{time}.plumb"))
}

/// Runs all probes and returns the bundle, which is still in memory.
///
/// # Errors
/// Fails only where there is nothing to look at; whatever a probe cannot read is in the manifest.
pub fn collect(options: &Options, progress: Progress<'_>) -> Result<Bundle, CollectError> {
    let started = OffsetDateTime::now_utc();
    let beginning = Instant::now();
    let mut source = open(options.sysroot.as_deref())?;
    let named = named::find(&source, &options.servers)?;
    source.name(named.clone());
    let source = Arc::new(source);
    let interrupt = &options.conduct.interrupt;
    let settled = options.conduct.settle(&source)?;
    let runner = Runner::new(Arc::clone(&source), interrupt.clone());

    let mut helpers = BTreeMap::new();
    for probe in PROBES {
        if let Method::Helper(answer) = probe.method {
            helpers.insert(probe.id, Running::start(&options.helper, answer, source.as_ref()));
        }
    }
    let mut files = BTreeMap::new();
    let mut links = BTreeMap::new();
    let mut unread: Vec<Unread> = Vec::new();
    let mut lacking = BTreeSet::new();
    let mut records = Vec::with_capacity(PROBES.len());
    let mut costs = Vec::new();
    let keep = |probe: &Probe, done: Done| {
        let Done { result, kept, took } = done;
        let bytes = kept.files.values().map(|content| content.len() as u64).sum();
        let record = record(probe, result, &kept.unread, took, kept.files.len() as u64, bytes);
        progress(probe, &record);
        records.push(record);
        files.extend(kept.files.into_iter().map(|(path, content)| (format!("{RAW}{path}"), content)));
        links.extend(kept.links);
        unread.extend(kept.unread);
        lacking.extend(kept.lacking);
    };
    let of_files = |probe: &'static Probe| match probe.method {
        Method::Files(read) => Some((probe, read)),
        _ => None,
    };
    read(&runner, PROBES.iter().filter_map(of_files), keep);
    for probe in PROBES {
        let Method::Child(name, ask) = probe.method else { continue };
        let begun = Instant::now();
        let result = ask(source.root());
        let record = answered(probe, name, result, begun.elapsed(), &mut files);
        progress(probe, &record);
        records.push(record);
    }
    for probe in PROBES {
        let Method::Helper(answer) = probe.method else { continue };
        let Some(running) = helpers.remove(probe.id) else { continue };
        let (result, cost) = match running {
            Ok(running) => running.finish(answer, probe.budget, interrupt),
            Err(why) => (Err(why), None),
        };
        costs.extend(cost);
        let record = answered(probe, answer.file(), result, beginning.elapsed(), &mut files);
        progress(probe, &record);
        records.push(record);
    }
    let mut samplers = BTreeMap::new();
    if options.sample.is_some() {
        for probe in PROBES {
            if let Method::Sampler(answer) = probe.method {
                samplers.insert(probe.id, Running::start(&options.helper, answer, source.as_ref()));
            }
        }
    }
    let mut samples_us = Vec::new();
    if let Some(window) = options.sample {
        let begun = Instant::now();
        for index in 0u32..2 {
            // The pause is the last thing before a reading, so that the window does not hold the static collection.
            if !interrupt.sleep((window * index).saturating_sub(begun.elapsed())) {
                break;
            }
            samples_us.push(micros(begun.elapsed()));
            let folder = sample_folder(samples_us.len() - 1);
            let sampled = PROBES.iter().filter_map(|probe| Some((probe, probe.sample?)));
            read(&runner, sampled, |probe, Done { result, kept, .. }| {
                if let Err(missing) = result {
                    unread.extend(probe.reads.iter().map(|path| Unread {
                        path: format!("{folder}{path}"),
                        status: missing.missing,
                        reason: missing.reason.clone(),
                    }));
                }
                unread.extend(kept.unread);
                if let Some(record) = records.iter_mut().find(|record| record.id == probe.id) {
                    record.files += kept.files.len() as u64;
                    record.bytes += kept.files.values().map(|content| content.len() as u64).sum::<u64>();
                }
                files.extend(
                    kept.files.into_iter().map(|(path, content)| (format!("{folder}{path}"), content)),
                );
            });
        }
    }
    for probe in PROBES {
        let Method::Sampler(answer) = probe.method else { continue };
        let window = options.sample.unwrap_or_default();
        let (result, cost) = match samplers.remove(probe.id) {
            Some(Ok(running)) => running.finish(answer, probe.budget + window, interrupt),
            Some(Err(why)) => (Err(why), None),
            None => (Err(Missing::new(Absence::Skipped, "collected without `--sample`")), None),
        };
        costs.extend(cost);
        let record = answered(probe, answer.file(), result, window, &mut files);
        progress(probe, &record);
        records.push(record);
    }
    // They ended in any order.
    records.sort_by_key(|record| PROBES.iter().position(|probe| probe.id == record.id));
    unread.sort();
    unread.dedup();
    let complete = !interrupt.is_asked();
    if files.is_empty() && !complete {
        return Err(CollectError::Interrupted);
    }
    // Somebody who recorded a tree chose what to copy: which folders it has tells what it would have held.
    let is_held = |folder: &String| {
        let below = format!("{RAW}{folder}/");
        let is_kept = files.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below));
        !is_kept && source.list(folder).is_ok_and(|names| !names.is_empty())
    };
    let lacking = if options.sysroot.is_some() { lacking } else { BTreeSet::new() };
    let folders = lacking.into_iter().filter(is_held).collect();

    let manifest = Manifest {
        schema: BUNDLE_SCHEMA,
        tool_version: options.tool_version.clone(),
        started: timestamp(started),
        finished: timestamp(OffsetDateTime::now_utc()),
        host_token: host_token(source.as_ref()),
        origin: if options.sysroot.is_some() { Origin::Sysroot } else { Origin::Live },
        mounted: source.is_mounted_node(),
        complete,
        privileges: privileges(),
        cost: cost::so_far(beginning.elapsed(), costs, settled.placement.clone()),
        samples_us,
        probes: records,
        files: Vec::new(),
        unread,
        folders,
        servers: named,
        redactions: vec![
            "values of command-line and boot arguments that look like secrets are masked".to_owned(),
            "of the kernel log, lines of the subjects that checks ask for are kept, secrets in them masked"
                .to_owned(),
            "of containers and units only variables and members that checks ask for are kept".to_owned(),
            "remote addresses of sockets are replaced by zeros".to_owned(),
        ],
    };
    Ok(Bundle::new(manifest, files, links))
}

pub(crate) fn open(sysroot: Option<&Path>) -> Result<FsSource, CollectError> {
    let Some(path) = sysroot else { return Ok(FsSource::live()) };
    let source =
        FsSource::recorded(path).map_err(|source| CollectError::Sysroot { path: path.to_owned(), source })?;
    let absent = |why: Missing| why.missing == Absence::Absent;
    if source.read("/proc/cpuinfo").is_err_and(absent)
        && source.list("/sys/devices/system").is_err_and(absent)
    {
        return Err(CollectError::NoSysroot { path: path.to_owned() });
    }
    Ok(source)
}

/// What came of one reading.
struct Done {
    result: Result<(), Missing>,
    kept: Kept,
    took: Duration,
}

impl Done {
    /// Nothing is kept of a reading that is not finished.
    fn lost(why: Missing, took: Duration) -> Self {
        Self { result: Err(why), kept: Kept::default(), took }
    }
}

/// Reads for several probes, and tells of each as it ends.
fn read(
    runner: &Runner,
    probes: impl Iterator<Item = (&'static Probe, Read)>,
    mut tell: impl FnMut(&'static Probe, Done),
) {
    let job = |read: Read| {
        move |source: &FsSource| {
            let begun = Instant::now();
            let recorder = Recorder::new(source);
            let result = read(&recorder);
            Done { result, kept: recorder.finish(), took: begun.elapsed() }
        }
    };
    let (probes, jobs): (Vec<_>, Vec<_>) =
        probes.map(|(probe, read)| (probe, (probe.budget, job(read)))).unzip();
    runner.each(jobs, |at, done| {
        tell(probes[at], done.unwrap_or_else(|(why, took)| Done::lost(why, took)));
    });
}

fn record(
    probe: &Probe,
    result: Result<(), Missing>,
    unread: &[Unread],
    duration: Duration,
    files: u64,
    bytes: u64,
) -> ProbeRecord {
    let (status, reason, itemised) = match (result, unread) {
        // "It lists nothing" is no news of a folder that could not be listed.
        (Err(missing), []) => (status(missing.missing), missing.reason, false),
        (Err(missing), _) if missing.missing != Absence::Absent => {
            (status(missing.missing), missing.reason, false)
        }
        (Ok(()), []) => (ProbeStatus::Ok, String::new(), false),
        (_, [first, rest @ ..]) => {
            let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
            (status(first.status), format!("{}{more}", first.reason), true)
        }
    };
    ProbeRecord {
        id: probe.id.to_owned(),
        status,
        reason,
        itemised,
        reads: probe.reads.iter().map(|&path| path.to_owned()).collect(),
        duration_us: micros(duration),
        files,
        bytes,
    }
}

/// The record of a probe that another process answered for, whose answer goes to `files` under `name`.
fn answered(
    probe: &Probe,
    name: &str,
    result: Result<Vec<u8>, Missing>,
    duration: Duration,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> ProbeRecord {
    let mut bytes = 0;
    let result = result.map(|content| {
        bytes = content.len() as u64;
        files.insert(name.to_owned(), content);
    });
    let mut record = record(probe, result, &[], duration, u64::from(bytes > 0), bytes);
    let recorded =
        matches!(probe.method, Method::Helper(answer) | Method::Sampler(answer) if is_recorded(answer));
    if record.status == ProbeStatus::Ok && recorded {
        record.reason = "answered by a recording, not by the driver of this node".to_owned();
    }
    record
}

pub(crate) fn status(absence: Absence) -> ProbeStatus {
    match absence {
        Absence::Absent => ProbeStatus::Absent,
        Absence::Denied => ProbeStatus::Denied,
        Absence::Timeout => ProbeStatus::Timeout,
        Absence::Truncated => ProbeStatus::Truncated,
        Absence::Skipped | Absence::NotRecorded => ProbeStatus::Skipped,
        Absence::Failed | Absence::Malformed => ProbeStatus::Failed,
    }
}

fn timestamp(time: OffsetDateTime) -> String {
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// A pseudonym of the node: a hash of its machine id, or else of its name.
fn host_token(source: &FsSource) -> String {
    let identity = source
        .text("/etc/machine-id")
        .or_else(|_| source.text("/proc/sys/kernel/hostname"))
        .unwrap_or_default();
    sha256_hex(format!("plumb host token {identity}").as_bytes())[..16].to_owned()
}

fn privileges() -> Privileges {
    let status = FsSource::live().text("/proc/self/status").unwrap_or_default();
    let cap_eff = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or_default();
    Privileges { euid: nix::unistd::geteuid().as_raw(), cap_eff: cap_eff.trim().to_owned() }
}
