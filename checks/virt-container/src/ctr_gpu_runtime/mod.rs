//! `ctr.gpu-runtime`: the GPU container runtime is current and stable.
//!
//! Three questions. Do the driver in the kernel and its libraries on the host have one version: if not, NVML refuses in every
//! container that starts. Is NVIDIA's toolkit at most a year old at the time of collection, by the dates of its releases.
//! And would a container keep its GPUs when systemd reloads: it loses them where systemd drives its control group and the
//! runtime has not declared the devices in the container's specification, as the toolkit's old hook does not.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Quantity, Unit};
use plumb_check_sdk::model::{Container, GpuRuntime, InferenceServer, VersionFound};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding,
    Likelihood, Missing, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::server::{contained, container, short};

/// See the module.
pub struct CtrGpuRuntime;

/// Days.
enum Days {}

impl Unit for Days {
    const SYMBOL: &'static str = "d";
}

const AGE: Limit<Days> = Limit {
    name: "age of NVIDIA's container toolkit",
    value: Quantity::new(365.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal; dates of releases by the tags of github.com/NVIDIA/nvidia-container-toolkit",
    date: "2026-11-23",
    applies_to: "hosts whose containers use NVIDIA GPUs",
};

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

static THRESHOLDS: [Threshold; 1] = [AGE.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("ctr.gpu-runtime"),
    title: Borrowed("GPU container runtime is current and stable"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A known failure: containers lose their GPUs after `systemctl daemon-reload` where access to the \
         devices is not declared through CDI.",
    ),
    business: Borrowed("A routine system reload can cut the service off from its GPU."),
    needs: Borrowed(&[
        Borrowed("/collection/started"),
        Borrowed("/containers/containers"),
        Borrowed("/containers/gpu_runtime"),
        Borrowed("/gpus"),
        Borrowed("/servers"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"),
        persistent: Borrowed(
            "The runtime configured for CDI, or the work-around with links in `/dev/char` of NVIDIA's \
             page; an update of the package",
        ),
        rollback: Borrowed("The former configuration"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`docker run --rm --device nvidia.com/gpu=all ubuntu nvidia-smi`; `systemctl daemon-reload` on \
             a test node while a container runs",
        ),
        expected_effect: Borrowed("Availability."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Containers and Kubernetes with GPUs of NVIDIA"),
    caveat: None,
    references: Borrowed(&[Reference {
        title: Borrowed(
            "NVIDIA Container Toolkit: Troubleshooting (containers losing GPU access after \
                 daemon-reload)",
        ),
        url: Borrowed(
            "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/troubleshooting.html",
        ),
    }]),
};

impl Check for CtrGpuRuntime {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if !gpus.iter().any(|gpu| gpu.vendor == "nvidia") {
            return Ok(vec![META.not_applicable("node", "no GPU of NVIDIA was found")]);
        }
        let (servers, mut findings) = contained(&META, evidence)?;
        if servers.is_empty() {
            return Ok(findings);
        }
        let runtime: Fact<GpuRuntime> = evidence.get("/containers/gpu_runtime").into();
        let containers: Fact<Vec<Container>> = evidence.get("/containers/containers").into();
        let or_not_run = |subject: &str, result: Result<Finding, Missing>| {
            result.unwrap_or_else(|why| META.not_run(subject, why.to_string()))
        };
        findings.push(or_not_run("driver", runtime.require().and_then(driver)));
        let started = evidence.get::<String>("/collection/started");
        let limit = evidence.limit(&META, &AGE);
        let toolkit = started.and_then(|started| toolkit(runtime.require()?, &started, &limit));
        findings.push(or_not_run("container toolkit", toolkit));
        for (server, id) in servers {
            let subject = format!("{} in container {}", server.subject(), short(id));
            findings.push(or_not_run(&subject, devices(server, id, &containers)));
        }
        Ok(findings)
    }
}

fn driver(runtime: &GpuRuntime) -> Result<Finding, Missing> {
    let (kernel, library) = (runtime.kernel_driver.require()?, runtime.driver_library.require()?);
    let cite = |finding: Finding| {
        let of = |found: &VersionFound| Citation::new(&found.path, &found.text);
        finding.with_evidence(of(kernel)).with_evidence(of(library))
    };
    Ok(cite(if kernel.text == library.text {
        META.pass("driver", format!("kernel module and libraries are {}", kernel.text))
    } else {
        let message = format!(
            "the kernel module is {} and the libraries are {}: containers that start now get no GPU",
            kernel.text, library.text
        );
        META.fail("driver", message).with_likelihood(Likelihood::Mechanism)
    }))
}

fn toolkit(runtime: &GpuRuntime, started: &str, limit: &Limit<Days>) -> Result<Finding, Missing> {
    let found = runtime.toolkit_version.require()?;
    let subject = "container toolkit";
    let unknown = |what: &str| Missing::new(Absence::Malformed, format!("{what} is not of a known form"));
    let version =
        version(&found.text).ok_or_else(|| unknown(&format!("the toolkit's version `{}`", found.text)))?;
    let today = days(started).ok_or_else(|| unknown(&format!("the date `{started}`")))?;
    let cite = |finding: Finding| finding.with_evidence(Citation::new(&found.path, &found.text));
    if version >= NEWEST {
        return Ok(cite(META.pass(subject, format!("version {} is current", found.text))));
    }
    // A version between two of the list is judged as the one before it; one before all is older than the first.
    let listed = RELEASES.iter().rev().find(|(release, _)| *release <= version);
    let (released, at_least) = listed.map_or((RELEASES[0].1, "more than "), |(_, date)| (*date, ""));
    let age = days(released).map_or(0, |released| today.saturating_sub(released));
    if age < 0 {
        return Err(Missing::new(
            Absence::Failed,
            format!("the bundle is dated {started}, before version {} was released", found.text),
        ));
    }
    let message = format!("version {} was released {at_least}{age} days before the collection", found.text);
    Ok(cite(if limit.is_exceeded_by(Quantity::new(age as f64)) {
        META.warn(subject, message).with_likelihood(Likelihood::Setting).with_confidence(Confidence::Medium)
    } else {
        META.pass(subject, message)
    }))
}

fn devices(
    server: &InferenceServer,
    id: &str,
    containers: &Fact<Vec<Container>>,
) -> Result<Finding, Missing> {
    let container = container(containers, id)?;
    let subject = format!("{} in container {}", server.subject(), short(id));
    let of_group = Citation::new(&container.cgroup, format!("driven by {}", container.cgroup_driver));
    if container.cgroup_driver == "cgroupfs" {
        let message = "systemd does not drive its control group, so that a reload cannot take its GPUs away";
        return Ok(META.pass(subject, message).with_evidence(of_group));
    }
    let spec = container.spec.require()?;
    let devices = spec.devices.require()?;
    let is_gpu = |device: &&String| {
        device
            .strip_prefix("/dev/nvidia")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty())
            || device.starts_with("/dev/nvidia-caps/")
    };
    let declared: Vec<&str> = devices.iter().filter(is_gpu).map(String::as_str).collect();
    if declared.is_empty() {
        let message = "its GPUs are not declared in its specification: `systemctl daemon-reload` on the host cuts it off";
        let finding = META
            .warn(subject, message)
            .with_likelihood(Likelihood::Setting)
            .with_confidence(Confidence::Medium);
        let cited = Citation::new(&spec.path, "linux.devices names no /dev/nvidia*");
        return Ok(finding.with_evidence(cited).with_evidence(of_group));
    }
    let message = "its GPUs are declared in its specification, so that they outlive a reload of systemd";
    Ok(META.pass(subject, message).with_evidence(Citation::new(&spec.path, declared.join(", "))))
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
