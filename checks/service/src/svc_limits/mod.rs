//! `svc.limits`: resource limits fit the service.
//!
//! Open files: the soft limit in force and the share of it in use, worst process first. A limit between the one that fails and
//! the one that passes warns. Locked memory matters where RDMA pins host memory: it is judged where a network
//! adapter that can do RDMA is there, and fails only where the server was told to talk to other nodes. Tasks: threads seen
//! against the limits of the control groups above.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, PciDevice, ProcessLimit, ServerProcess};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Outcome,
    ServiceSetting, parsed,
};

use crate::pages::svc_limits::{FILES_FAIL, FILES_PASS, LOCKED, PAGE, USE_FAIL, USE_WARN, words};
use crate::server::{is_own, option, part_of, service};

/// Words of options that make a server talk to other nodes.
const REMOTE_OPTIONS: [&str; 5] =
    ["nnodes", "kv-transfer-config", "disaggregation-mode", "disaggregation-ib-device", "dist-init-addr"];

/// Open files that are asked for: the most that the kernel grants by default (`fs.nr_open`).
const MOST_FILES: u64 = 1 << 20;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let rdma = evidence.pci().and_then(any_rdma);
    let mut findings = Vec::new();
    for server in servers {
        for (what, finding) in [
            ("open files", files(evidence, server)),
            ("locked memory", locked(evidence, server, &rdma)),
            ("tasks", tasks(evidence, server)),
        ] {
            findings.push(PAGE.settle(part_of(server, what), finding));
        }
    }
    Ok(findings)
}

/// True for InfiniBand adapters and for Ethernet adapters of NVIDIA (Mellanox), which do RDMA as well.
fn can_rdma(device: &PciDevice) -> Result<bool, Missing> {
    let class = device.class.require()? >> 8;
    Ok(class == 0x0207 || (class == 0x0200 && *device.vendor.require()? == 0x15b3))
}

/// True if any device can do RDMA.
///
/// # Errors
/// Says of which device it is not known, where no other can.
fn any_rdma(devices: &[PciDevice]) -> Result<bool, Missing> {
    let answers: Vec<Result<bool, Missing>> = devices.iter().map(can_rdma).collect();
    if answers.contains(&Ok(true)) {
        return Ok(true);
    }
    answers.into_iter().find(Result::is_err).unwrap_or(Ok(false))
}

/// A limit of each process of the server by the kernel's name.
fn limits<'a>(
    server: &'a InferenceServer,
    name: &str,
) -> Result<Vec<(&'a ServerProcess, ProcessLimit)>, NoVerdict> {
    let of_process = |process: &'a ServerProcess| {
        let limit = process.limits.require()?.get(name).copied();
        let unread = || words::NoLimit { name: name.into(), path: format!("{}/limits", process.path).into() };
        Ok((process, limit.ok_or_else(unread)?))
    };
    PAGE.not_run_if(server.processes.is_empty(), words::NoProcess {})?;
    server.processes.iter().map(of_process).collect()
}

fn cited(process: &ServerProcess, name: &str, limit: ProcessLimit) -> Citation {
    let text = |value: Option<u64>| value.map_or_else(|| "unlimited".to_owned(), |value| value.to_string());
    let value = format!("{name}: {} soft, {} hard", text(limit.soft), text(limit.hard));
    Citation::new(format!("{}/limits", process.path), value)
}

/// How bad it is to have used this share of a limit.
fn use_of(evidence: &Evidence<'_>, share: Quantity<Percent>) -> Outcome {
    let exceeds = |limit: &Limit<Percent>| evidence.limit(&PAGE, limit).is_exceeded_by(share);
    if exceeds(&USE_FAIL) {
        Outcome::Fail
    } else if exceeds(&USE_WARN) {
        Outcome::Warn
    } else {
        Outcome::Pass
    }
}

/// The worst process counts: the one with the lowest limit, and the one that used most of its own.
fn files(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Finding, NoVerdict> {
    const NAME: &str = "Max open files";
    let limits = limits(server, NAME)?;
    let soft = |limit: ProcessLimit| limit.soft.map_or(f64::INFINITY, |soft| soft as f64);
    let mut fullest: Option<(f64, u64, &ServerProcess, ProcessLimit)> = None;
    for &(process, limit) in &limits {
        let open = *process.open_files.require()?;
        let share = 100.0 * open as f64 / soft(limit).max(1.0);
        if fullest.is_none_or(|(other, ..)| share > other) {
            fullest = Some((share, open, process, limit));
        }
    }
    let least = limits.iter().min_by(|(_, one), (_, other)| soft(*one).total_cmp(&soft(*other)));
    let (Some((share, open, full, full_limit)), Some(&(process, limit))) = (fullest, least) else {
        return Err(words::NoProcess {}.into());
    };
    let object = part_of(server, "open files");
    let more = |limit: ProcessLimit| match limit.soft.filter(|soft| *soft < MOST_FILES) {
        Some(soft) => {
            service(server, ServiceSetting::OpenFiles, MOST_FILES.to_string(), Some(soft.to_string()))
        }
        // So many are not opened but forgotten: a new process has none of them.
        None => Intent::Restart { server: server.pid },
    };
    let pid = |process: &ServerProcess| Arg::text(process.pid.to_string());
    let share_of = Quantity::<Percent>::new(share);
    let outcome = use_of(evidence, share_of);
    if outcome.is_deviation() {
        let said = words::FilesInUse {
            limit_count: full_limit.soft.unwrap_or(u64::MAX).into(),
            open_count: open.into(),
            pid: pid(full),
            share: Arg::of(share_of, 0),
        };
        let count = Citation::new(format!("{}/fd", full.path), format!("{open} entries"));
        let finding = PAGE.says(outcome, object, said).with_likelihood(Likelihood::Mechanism);
        let finding = finding.with_evidence(cited(full, NAME, full_limit)).with_evidence(count);
        return Ok(finding.with_intent(more(full_limit)));
    }
    let citation = cited(process, NAME, limit);
    let Some(files) = limit.soft else {
        return Ok(PAGE.pass(object, words::AllFiles {}).with_evidence(citation));
    };
    let (limit_count, pid, share) = (Arg::from(files), pid(process), Arg::of(share_of, 0));
    let allowed = Quantity::new(files as f64);
    if evidence.limit(&PAGE, &FILES_PASS).is_exceeded_by(allowed) {
        let said = words::ManyFiles { limit_count, pid, share };
        return Ok(PAGE.pass(object, said).with_evidence(citation));
    }
    let enough = evidence.limit(&PAGE, &FILES_FAIL).is_exceeded_by(allowed);
    let outcome = if enough { Outcome::Warn } else { Outcome::Fail };
    let finding = PAGE.says(outcome, object, words::FewFiles { limit_count, pid, share });
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation).with_intent(more(limit)))
}

fn locked(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    rdma: &Result<bool, Missing>,
) -> Result<Finding, NoVerdict> {
    const NAME: &str = "Max locked memory";
    let object = part_of(server, "locked memory");
    let limits = limits(server, NAME)?;
    let least = limits.into_iter().min_by_key(|(_, limit)| limit.soft.unwrap_or(u64::MAX));
    let (process, limit) = least.ok_or(words::NoProcess {})?;
    let citation = cited(process, NAME, limit);
    let Some(soft) = limit.soft else {
        return Ok(PAGE.pass(object, words::Unlimited {}).with_evidence(citation));
    };
    let pid = Arg::text(process.pid.to_string());
    let locked = Arg::quantity((soft >> 10) as f64, "KiB", 0);
    match rdma {
        Ok(true) => {}
        Ok(false) => return Err(NoVerdict::not_applicable(words::NoAdapter { locked, pid })),
        Err(why) => return Err(words::UnknownAdapters { locked, pid, reason: why.into() }.into()),
    }
    let remote = option(server, &REMOTE_OPTIONS)?.map(|(name, _)| format!("--{name}"));
    let is_little = !evidence.limit(&PAGE, &LOCKED).is_exceeded_by(Quantity::new(soft as f64));
    let finding = match (remote, is_little) {
        (Some(option), _) => {
            let outcome = if is_little { Outcome::Fail } else { Outcome::Warn };
            PAGE.says(outcome, object, words::LockedBetweenNodes { locked, option: option.into(), pid })
        }
        (None, true) => {
            PAGE.warn(object, words::LittleLocked { locked, pid }).with_confidence(Confidence::Low)
        }
        (None, false) => {
            return Ok(PAGE.info(object, words::NotTold { locked, pid }).with_evidence(citation));
        }
    };
    let more = service(server, ServiceSetting::LockedMemory, "infinity", Some(soft.to_string()));
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation).with_intent(more))
}

fn tasks(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Finding, NoVerdict> {
    let object = part_of(server, "tasks");
    let threads: usize = server.processes.iter().map(|process| process.threads.len()).sum();
    let process = server.processes.first().ok_or(words::NoProcess {})?;
    PAGE.not_run_if(threads == 0, words::NoThread {})?;
    let threads_count = Arg::from(threads);
    let cgroup = process.cgroup.require()?;
    let mut tightest: Option<(f64, &str, &str)> = None;
    // What one group allows is a limit whatever others allow, but only all together make sure that there is none.
    let mut unknown = cgroup.follows("pids").err();
    for level in &cgroup.chain {
        let limit = cgroup.value(level, "pids", &["pids.max"]).and_then(|limit| {
            let limit = limit.map(|(_, text)| text).filter(|text| *text != "max");
            limit.map(|text| Ok((parsed(&format!("{}/pids.max", level.path), text)?, text))).transpose()
        });
        match limit {
            Ok(Some((max, text))) if tightest.is_none_or(|(other, ..)| max < other) => {
                tightest = Some((max, &level.path, text));
            }
            Ok(_) => {}
            Err(why) => drop(unknown.get_or_insert(why)),
        }
    }
    let Some((max, group, text)) = tightest else {
        if let Some(why) = unknown {
            return Err(why.into());
        }
        return Ok(PAGE.pass(object, words::TasksUnlimited { threads_count }));
    };
    let share = Quantity::new(100.0 * threads as f64 / max.max(1.0));
    let outcome = use_of(evidence, share);
    let citation = Citation::new(format!("{group}/pids.max"), text);
    let (share, limit) = (Arg::of(share, 0), Arg::from(text));
    if !outcome.is_deviation() {
        if let Some(why) = unknown {
            return Err(why.into());
        }
        return Ok(PAGE
            .pass(object, words::FewTasks { limit, share, threads_count })
            .with_evidence(citation));
    }
    let pid = Arg::text(server.pid.to_string());
    let finding = PAGE
        .says(outcome, object, words::ManyTasks { group: group.into(), limit, pid, share, threads_count })
        .with_likelihood(Likelihood::Mechanism)
        .with_evidence(citation);
    // A limit of a slice or a pod is not the server's to lift.
    let more = || service(server, ServiceSetting::Tasks, "infinity", Some(text.to_owned()));
    Ok(finding.with_intents(is_own(server, &cgroup.chain, group).then(more)))
}
