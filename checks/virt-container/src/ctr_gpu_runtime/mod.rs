//! `ctr.gpu-runtime`: the GPU container runtime is current and stable.
//!
//! Three questions. Do the driver in the kernel and its libraries on the host have one version: if not, NVML refuses in every
//! container that starts. Is NVIDIA's toolkit at most a year old at the time of collection, by the dates of its releases.
//! And would a container keep its GPUs when systemd reloads: it loses them where systemd drives its control group and the
//! runtime has not declared the devices in the container's specification, as the toolkit's old hook does not.

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{Container, GpuRuntime, VersionFound};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Fact, Finding, Intent, Likelihood, NoVerdict, Object, ObjectKind,
    UpdatePart,
};

use crate::pages::ctr_gpu_runtime::{AGE_IN_DAYS, PAGE, words};
use crate::server::{contained, container, server_object, short};

/// When versions of the toolkit were released.
const RELEASES: [((u32, u32, u32), &str); 22] = [
    ((1, 13, 0), "2023-03-31"),
    ((1, 14, 0), "2023-08-29"),
    ((1, 14, 6), "2024-02-27"),
    ((1, 15, 0), "2024-04-15"),
    ((1, 16, 0), "2024-07-15"),
    ((1, 16, 1), "2024-07-23"),
    ((1, 16, 2), "2024-09-24"),
    ((1, 17, 0), "2024-10-31"),
    ((1, 17, 1), "2024-11-08"),
    ((1, 17, 2), "2024-11-15"),
    ((1, 17, 3), "2024-12-04"),
    ((1, 17, 4), "2025-01-23"),
    ((1, 17, 5), "2025-03-07"),
    ((1, 17, 6), "2025-04-23"),
    ((1, 17, 7), "2025-05-16"),
    ((1, 17, 8), "2025-05-30"),
    ((1, 17, 9), "2025-10-06"),
    ((1, 18, 0), "2025-10-21"),
    ((1, 18, 1), "2025-12-01"),
    ((1, 18, 2), "2026-01-23"),
    ((1, 19, 0), "2026-03-10"),
    ((1, 19, 1), "2026-05-21"),
];
/// First version of which a later release is not known here: it and all after it count as current.
const NEWEST: (u32, u32, u32) = (1, 20, 0);

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(!gpus.iter().any(|gpu| gpu.vendor == "nvidia"), words::NoGpu {})?;
    let (servers, mut findings) = contained(evidence, &PAGE)?;
    if servers.is_empty() {
        return Ok(findings);
    }
    let runtime: Fact<GpuRuntime> = evidence.get("/containers/gpu_runtime").into();
    let containers: Fact<Vec<Container>> = evidence.get("/containers/containers").into();
    let mut tell = |object: Object, judge: &dyn Fn(Object) -> Result<Finding, NoVerdict>| {
        findings.push(PAGE.settle(object.clone(), judge(object)));
    };
    tell(Object::new(ObjectKind::Other, "driver"), &|object| driver(object, runtime.require()?));
    let limit = evidence.limit(&PAGE, &AGE_IN_DAYS);
    tell(Object::new(ObjectKind::Other, "container toolkit"), &|object| {
        let started: String = evidence.get("/collection/started")?;
        toolkit(object, runtime.require()?, &started, &limit).map_err(|why| hidden(evidence).unwrap_or(why))
    });
    for (server, id) in servers {
        let of_id = |id: &str| {
            let name = format!("{} in container {}", server.subject(), short(id));
            Object::new(ObjectKind::Container, id).named(name)
        };
        tell(id.map_or_else(|| server_object(server), of_id), &|object| {
            let container = id.map(|id| container(&containers, id));
            // Whether its group is driven by systemd, and with which devices, is known where it was started.
            match container.filter(|_| evidence.container_runtime().ok().flatten().is_none()) {
                Some(container) => devices(object, server.pid, container?),
                None => Err(hidden(evidence).unwrap_or_else(|| words::NoContainer {}.into())),
            }
        });
    }
    Ok(findings)
}

/// That what is asked for is on the host of the container that the node is seen from within.
fn hidden(evidence: &Evidence<'_>) -> Option<NoVerdict> {
    let (container, command) = evidence.host_of_container().ok()?;
    Some(words::Inside { command: command.into(), container: container.into() }.into())
}

fn driver(object: Object, runtime: &GpuRuntime) -> Result<Finding, NoVerdict> {
    let (kernel, library) = (runtime.kernel_driver.require()?, runtime.driver_library.require()?);
    let version = |found: &VersionFound| Arg::from(&found.text);
    let finding = if kernel.text == library.text {
        PAGE.pass(object, words::OneDriver { version: version(kernel) })
    } else {
        let update = Intent::Update { part: UpdatePart::GpuDriver, was: Some(kernel.text.clone()) };
        PAGE.fail(object, words::TwoDrivers { kernel: version(kernel), library: version(library) })
            .with_likelihood(Likelihood::Mechanism)
            .with_intent(update)
    };
    let cite = |found: &VersionFound| Citation::new(&found.path, &found.text);
    Ok(finding.with_evidence(cite(kernel)).with_evidence(cite(library)))
}

fn toolkit(
    object: Object,
    runtime: &GpuRuntime,
    started: &str,
    limit: &Limit<Count>,
) -> Result<Finding, NoVerdict> {
    let found = runtime.toolkit_version.require()?;
    let text = || Arg::from(&found.text);
    let version = version(&found.text).ok_or_else(|| words::OddVersion { version: text() })?;
    let today = days(started).ok_or_else(|| words::OddDate { date: started.into() })?;
    let cite = |finding: Finding| finding.with_evidence(Citation::new(&found.path, &found.text));
    if version >= NEWEST {
        return Ok(cite(PAGE.pass(object, words::Current { version: text() })));
    }
    // A version between two of the list is judged as the one before it; one before all is older than the first.
    let listed = RELEASES.iter().rev().find(|(release, _)| *release <= version);
    let (released, known) = listed.map_or((RELEASES[0].1, "more"), |(_, date)| (*date, "exact"));
    let age = days(released).map_or(0, |released| today.saturating_sub(released));
    let Ok(count) = u64::try_from(age) else {
        return Err(words::NotYetReleased { version: text(), date: started.into() }.into());
    };
    let (age_days, known) = (Arg::count(count), Arg::text(known));
    Ok(cite(if limit.is_exceeded_by(Quantity::new(age as f64)) {
        let update = Intent::Update { part: UpdatePart::ContainerToolkit, was: Some(found.text.clone()) };
        PAGE.warn(object, words::Old { version: text(), age_days, known })
            .with_likelihood(Likelihood::Setting)
            .with_confidence(Confidence::Medium)
            .with_intent(update)
    } else {
        PAGE.pass(object, words::Recent { version: text(), age_days })
    }))
}

fn devices(object: Object, server: u32, container: &Container) -> Result<Finding, NoVerdict> {
    let of_group = Citation::new(&container.cgroup, format!("driven by {}", container.cgroup_driver));
    if container.cgroup_driver == "cgroupfs" {
        return Ok(PAGE.pass(object, words::NotBySystemd {}).with_evidence(of_group));
    }
    let spec = container.spec.require()?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_gpu = |device: &&String| {
        device.strip_prefix("/dev/nvidia").is_some_and(is_number) || device.starts_with("/dev/nvidia-caps/")
    };
    let declared: Vec<&str> = spec.devices.require()?.iter().filter(is_gpu).map(String::as_str).collect();
    if declared.is_empty() {
        return Ok(PAGE
            .warn(object, words::Undeclared { pid: server.to_string().into() })
            .with_likelihood(Likelihood::Setting)
            .with_confidence(Confidence::Medium)
            .with_intent(Intent::ContainerDevices { server })
            .with_evidence(Citation::new(&spec.path, "linux.devices names no /dev/nvidia*"))
            .with_evidence(of_group));
    }
    let cited = Citation::new(&spec.path, declared.join(", "));
    Ok(PAGE.pass(object, words::Declared {}).with_evidence(cited))
}

/// `1.17.8-1` → (1, 17, 8).
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let plain = text.trim_start_matches('v').split(['-', '~', '+']).next()?;
    let mut parts = plain.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

/// Days since 1970-01-01 of a date `2026-11-23…`, in the Gregorian calendar (H. Hinnant, chrono-compatible low-level
/// date algorithms).
fn days(date: &str) -> Option<i64> {
    let mut parts = date.get(..10)?.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_count_in_days() {
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("2000-03-01T12:00:00Z"), Some(11_017));
        assert_eq!(days("2026-11-23"), Some(20_780));
        assert_eq!(days("x"), None);
    }

    #[test]
    fn releases_are_in_order() {
        assert!(RELEASES.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
        assert_eq!(version("1.17.8-1"), Some((1, 17, 8)));
        assert_eq!(version("v1.18"), Some((1, 18, 0)));
        assert_eq!(version("latest"), None);
    }
}
