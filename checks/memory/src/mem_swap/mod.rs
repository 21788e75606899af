//! `mem.swap`: the engine is not swapped.
//!
//! Any page of an engine's process that is swapped out fails; helpers such as resource trackers warn. Without a swap
//! area none of it can happen. zram is a swap area as well: it costs no disk, but a fault and a decompression.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{InferenceServer, Role, ServerProcess, SwapArea};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object, ObjectKind,
    ServiceSetting, parsed,
};

use crate::counters::Counters;
use crate::pages::mem_swap::{PAGE, SWAPPINESS, words};
use crate::server_object;

const NAME: &str = "vm.swappiness";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let areas: Vec<SwapArea> = evidence.get("/memory/swaps")?;
    let engine = Object::new(ObjectKind::Other, "engine");
    let mut findings = match evidence.servers() {
        Ok([]) => vec![PAGE.not_run(engine, words::NoServer {})],
        Ok(servers) => {
            servers.iter().map(|server| PAGE.settle(server_object(server), judge_server(server))).collect()
        }
        Err(why) => vec![PAGE.missing(engine, &why)],
    };
    if areas.is_empty() {
        let pass = PAGE.pass(Object::node(), words::NoArea {});
        findings.push(pass.with_evidence(Citation::new("/proc/swaps", "none")));
        return Ok(findings);
    }
    findings.push(judge_areas(&areas));
    findings.push(PAGE.settle(Object::setting(NAME), judge_swappiness(evidence)));
    findings.push(PAGE.settle(traffic(), judge_traffic(evidence, &areas)));
    Ok(findings)
}

fn traffic() -> Object {
    Object::new(ObjectKind::Other, "swapping in")
}

fn size(bytes: u64) -> Arg {
    let (number, unit) = if bytes < 1 << 20 { (bytes >> 10, "KiB") } else { (bytes >> 20, "MiB") };
    Arg::quantity(number as f64, unit, 0)
}

/// No swap area is in use any more.
fn off(areas: &[SwapArea]) -> impl Iterator<Item = Intent> {
    areas.iter().map(|area| Intent::SwapOff { area: area.name.clone() })
}

fn judge_server(server: &InferenceServer) -> Result<Finding, NoVerdict> {
    let object = server_object(server);
    let swapped = |process: &&ServerProcess| process.swap_bytes.known().is_some_and(|&bytes| bytes > 0);
    let out: Vec<&ServerProcess> = server.processes.iter().filter(swapped).collect();
    let is_engine = out.iter().any(|process| process.role != Role::Other);
    if !is_engine {
        PAGE.not_run_if(server.processes.is_empty(), words::NoProcess {})?;
        for process in &server.processes {
            let pid = || Arg::text(process.pid.to_string());
            let unknown = |why: Missing| words::UnknownProcess { pid: pid(), reason: why.into() };
            process.swap_bytes.require().map_err(unknown)?;
        }
        if out.is_empty() {
            return Ok(PAGE.pass(object, words::NothingOut {}));
        }
    }
    let size = size(out.iter().filter_map(|process| process.swap_bytes.known()).sum());
    let pid = Arg::text(server.pid.to_string());
    let finding = if is_engine {
        PAGE.fail(object, words::EngineOut { server: pid, size })
    } else {
        PAGE.warn(object, words::HelpersOut { server: pid, size })
    };
    let no_swap = Intent::Service {
        server: server.pid,
        setting: ServiceSetting::SwapLimit,
        want: "0".into(),
        was: out.iter().find_map(|process| swap_limit(process)),
    };
    let cite = |process: &&ServerProcess| {
        let kib = process.swap_bytes.known().map_or(0, |bytes| bytes / 1024);
        let value = format!("{}: VmSwap {kib} kB", process.comm);
        Citation::new(format!("{}/status", process.path), value)
    };
    let finding = finding.with_likelihood(Likelihood::Mechanism).with_citations(out.iter().map(cite));
    Ok(finding.with_intent(no_swap))
}

/// What the control group of a process may swap out.
fn swap_limit(process: &ServerProcess) -> Option<String> {
    let level = process.cgroup.known()?.chain.first()?;
    Some(level.values.get("memory.swap.max")?.known()?.trim().to_owned())
}

fn judge_areas(areas: &[SwapArea]) -> Finding {
    let used: u64 = areas.iter().map(|area| area.used_bytes).sum();
    let object = Object::new(ObjectKind::Other, "swap areas");
    let finding = if used > 0 {
        let finding = PAGE.warn(object, words::AreasUsed { size: size(used) }).with_intents(off(areas));
        finding.with_likelihood(Likelihood::Setting)
    } else {
        PAGE.pass(object, words::AreasUnused {})
    };
    finding.with_citations(areas.iter().map(|SwapArea { name, used_bytes, size_bytes, .. }| {
        let value = format!("{name}: {} of {} kB used", used_bytes / 1024, size_bytes / 1024);
        Citation::new("/proc/swaps", value)
    }))
}

fn judge_swappiness(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let text = evidence.sysctl(NAME)?;
    let was = text.trim();
    let number: f64 = parsed(NAME, &text)?;
    let (object, value) = (Object::setting(NAME), Arg::from(was));
    let finding = if evidence.limit(&PAGE, &SWAPPINESS).is_exceeded_by(Quantity::new(number)) {
        PAGE.warn(object, words::EagerToSwap { value })
            .with_likelihood(Likelihood::Setting)
            .with_intent(Intent::Sysctl { name: NAME.into(), want: "1".into(), was: was.into() })
    } else {
        PAGE.pass(object, words::SlowToSwap { value })
    };
    Ok(finding.with_evidence(Citation::new("/proc/sys/vm/swappiness", was)))
}

fn judge_traffic(evidence: &Evidence<'_>, areas: &[SwapArea]) -> Result<Finding, Missing> {
    let counters = Counters::of(evidence)?;
    let (came, went) = (counters.grown("pswpin")?, counters.grown("pswpout")?);
    let (came_count, went_count) = (Arg::from(came), Arg::from(went));
    let finding = if came > 0 {
        PAGE.fail(traffic(), words::SwappedIn { came_count, went_count }).with_intents(off(areas))
    } else if went > 0 {
        PAGE.warn(traffic(), words::SwappedOut { went_count }).with_intents(off(areas))
    } else {
        counters.under_load()?;
        PAGE.pass(traffic(), words::NoTraffic {})
    };
    let finding = finding.with_likelihood(Likelihood::Mechanism).with_evidence(counters.cite("pswpin"));
    Ok(finding.with_evidence(counters.cite("pswpout")))
}
