//! Typed partial views of the evidence: a check sees the parts that it declared, each parsed when it is first asked for.

use std::borrow::{Borrow, Cow};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::str::FromStr;

use plumb_evidence::model::{
    Cgroup, Collection, Containers, Cpu, CpuFreq, CpuIdle, DevicePaths, Dimms, Engagement, Gpu, Housing,
    Hwloc, InferenceServer, Interrupt, KernelLog, Measurements, Memory, Network, Node, Numa, Nvml, PciDevice,
    Platform, Policy, PossibleWorkers, Power, Process, ServerMetrics, Services, Storage, Window,
    container_runtime, hypervisor, inspection,
};
use plumb_evidence::{Absence, Fact, Missing};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::limit::{Limit, Quantity, Unit};
use crate::{CheckMeta, Citation, Text, Threshold};

/// Evidence that is not a JSON object.
#[derive(Debug, Error)]
#[error("the evidence is not a JSON object")]
pub struct DocumentError(#[source] serde_json::Error);

type Sections<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The value that a file at `path` holds, blanks around it aside.
///
/// # Errors
/// Quotes what the file holds where that is no such value.
pub fn parsed<T: FromStr>(path: &str, text: &str) -> Result<T, Missing> {
    text.trim().parse().map_err(|_| Missing::new(Absence::Malformed, format!("{path} holds `{text}`")))
}

/// The parts of a document that a check reads, by typed accessor or by JSON pointer.
///
/// A part that the check did not declare in `needs` is missing for it, whatever the document holds: the host sends the
/// declared parts only, and so a check behaves the same in a test as in a worker.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    document: &'a Document<'a>,
    needs: &'a [Text],
}

/// A whole document with its parsed sections.
pub(crate) struct Document<'a> {
    sections: Sections<'a>,
    parsed: Parsed,
    policy: OnceCell<Policy>,
}

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: $stored:ty => $returned:ty,)+) => {
        const ACCESSORS: &[&str] = &[$(stringify!($name)),+];

        #[derive(Default)]
        struct Parsed {
            $($name: OnceCell<Result<$stored, Missing>>,)+
        }

        impl<'a> Evidence<'a> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// Tells why it is missing: not in the evidence, not declared in `needs`, or not of the known form.
                pub fn $name(&self) -> Result<&'a $returned, Missing> {
                    const POINTER: &str = concat!("/", stringify!($name));
                    self.declared(POINTER)?;
                    let document = self.document;
                    let parsed = document.parsed.$name.get_or_init(|| document.section(stringify!($name)));
                    parsed.as_ref().map(|value| Borrow::<$returned>::borrow(value)).map_err(Clone::clone)
                }
            )+
        }
    };
}

sections! {
    /// How the evidence was gathered (`/collection`).
    collection: Collection => Collection,
    /// Operating system, kernel, virtualisation (`/node`).
    node: Node => Node,
    /// Sockets, cores, PUs, caches (`/cpu`).
    cpu: Cpu => Cpu,
    /// NUMA nodes and distances (`/numa`).
    numa: Numa => Numa,
    /// All PCI devices, by address (`/pci`).
    pci: Vec<PciDevice> => [PciDevice],
    /// GPUs and other accelerators, by address (`/gpus`).
    gpus: Vec<Gpu> => [Gpu],
    /// Frequency scaling (`/cpufreq`).
    cpufreq: CpuFreq => CpuFreq,
    /// Idle states (`/cpuidle`).
    cpuidle: CpuIdle => CpuIdle,
    /// Interrupt lines (`/interrupts`).
    interrupts: Vec<Interrupt> => [Interrupt],
    /// The control groups that the collector ran in (`/cgroup`).
    cgroup: Cgroup => Cgroup,
    /// Processes and their threads (`/processes`).
    processes: Vec<Process> => [Process],
    /// What hwloc found (`/hwloc`).
    hwloc: Hwloc => Hwloc,
    /// What NVIDIA's management library answered (`/nvml`).
    nvml: Nvml => Nvml,
    /// Inference servers (`/servers`).
    servers: Vec<InferenceServer> => [InferenceServer],
    /// Processes that may be workers of no server that is known (`/possible_workers`).
    possible_workers: PossibleWorkers => PossibleWorkers,
    /// What moved between two readings of the node (`/window`).
    window: Window => Window,
    /// CPU clocks, idle states, caps and throttling beyond frequency policies (`/power`).
    power: Power => Power,
    /// Host memory (`/memory`).
    memory: Memory => Memory,
    /// Network interfaces, RDMA devices, sockets (`/network`).
    network: Network => Network,
    /// Block devices and file systems that hold models (`/storage`).
    storage: Storage => Storage,
    /// Memory modules (`/dimms`).
    dimms: Dimms => Dimms,
    /// Network devices, and how far GPUs are from each other and from them (`/paths`).
    paths: DevicePaths => DevicePaths,
    /// Kernel, time, virtualisation, device isolation (`/platform`).
    platform: Platform => Platform,
    /// systemd units and settings that survive a reboot (`/services`).
    services: Services => Services,
    /// Container runtimes and Kubernetes (`/containers`).
    containers: Containers => Containers,
    /// Errors and throttling in the kernel log (`/kernel_log`).
    kernel_log: KernelLog => KernelLog,
    /// Load tests and noise measurements (`/measurements`).
    measurements: Measurements => Measurements,
    /// What the client supplies (`/engagement`).
    engagement: Engagement => Engagement,
}

impl<'a> Evidence<'a> {
    /// True for the first part of a pointer that can lead somewhere: the name of a section of the schema.
    #[must_use]
    pub fn has_section(name: &str) -> bool {
        ACCESSORS.contains(&name) || matches!(name, "sysctl" | "settings")
    }

    pub(crate) fn new(document: &'a Document<'a>, needs: &'a [Text]) -> Self {
        Self { document, needs }
    }

    /// The value at a JSON pointer such as `/cpu/model`. Pointers go through objects, not through arrays.
    ///
    /// # Errors
    /// Tells why it is missing: it, or something that it is part of, could not be collected; it is not declared in
    /// `needs`; or it is not of type `T`.
    pub fn get<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, Missing> {
        self.declared(pointer)?;
        let mut keys = pointer.strip_prefix('/').unwrap_or(pointer).split('/').map(unescape);
        let first = keys.next().unwrap_or_default();
        let absent = || Missing::new(Absence::Failed, format!("the evidence has no `{pointer}`"));
        let mut value: &RawValue = self.document.sections.get(&first).ok_or_else(absent)?;
        for key in keys {
            if let Some(missing) = as_missing(value) {
                return Err(missing);
            }
            let object: Sections<'_> = serde_json::from_str(value.get()).map_err(|_| absent())?;
            value = object.get(&key).copied().ok_or_else(absent)?;
        }
        parse(value, pointer)
    }

    /// The kernel parameter with a dotted name such as `vm.zone_reclaim_mode` (`/sysctl/…`).
    ///
    /// # Errors
    /// As [`Evidence::get`].
    pub fn sysctl(&self, name: &str) -> Result<String, Missing> {
        self.get(&format!("/sysctl/{}", name.replace('~', "~0").replace('/', "~1")))
    }

    /// Single-value files of a subject (`/settings/SUBJECT`), by absolute path.
    ///
    /// # Errors
    /// As [`Evidence::get`].
    pub fn settings(&self, subject: &str) -> Result<BTreeMap<String, Fact<String>>, Missing> {
        self.get(&format!("/settings/{subject}"))
    }

    /// One single-value file of a subject, by its absolute path.
    ///
    /// # Errors
    /// As [`Evidence::get`].
    pub fn setting(&self, subject: &str, path: &str) -> Result<String, Missing> {
        self.get(&format!("/settings/{subject}/{}", path.replace('~', "~0").replace('/', "~1")))
    }

    /// Says how busy the service was in the window, where it was busy enough for counters to mean something
    /// ([`Window::under_load`]), by its GPUs and CPUs or by the requests that the servers say they had. Reads
    /// `/window/seconds`, `/window/gpus`, `/window/processes`, `/window/threads` and `/measurements/server` only; without
    /// the last two, a server that waits for a CPU is not told from an idle one.
    ///
    /// # Errors
    /// Tells that it was idle, or why that is not known.
    pub fn under_load(&self) -> Result<String, Missing> {
        let window = Window {
            seconds: self.get("/window/seconds")?,
            gpus: self.get("/window/gpus").into(),
            processes: self.get("/window/processes").into(),
            threads: self.get("/window/threads").into(),
            ..Window::default()
        };
        window.under_load().or_else(|why| {
            let servers: Vec<ServerMetrics> = self.get("/measurements/server").unwrap_or_default();
            ServerMetrics::in_flight(&servers).filter(|_| why.missing == Absence::Skipped).ok_or(why)
        })
    }

    /// The name of the BPF program that schedules in place of the kernel's own scheduler, and what shows it; `None` where no
    /// such program is known to run. Reads `/settings/scheduler`.
    #[must_use]
    pub fn bpf_scheduler(&self) -> Option<(String, Citation)> {
        const STATE: &str = "/sys/kernel/sched_ext/state";
        let state = self.setting("scheduler", STATE).ok().filter(|state| state == "enabled")?;
        let name = self.setting("scheduler", "/sys/kernel/sched_ext/root/ops").unwrap_or_default();
        Some((name, Citation::new(STATE, state)))
    }

    /// The hypervisor that the node runs on; `None` on bare metal. Reads `/node/virtualization`.
    ///
    /// # Errors
    /// Says why nobody can tell. That is no bare metal.
    pub fn hypervisor(&self) -> Result<Option<String>, Missing> {
        Ok(hypervisor(&self.get::<String>("/node/virtualization")?).map(str::to_owned))
    }

    /// The container runtime that the collector ran in; `None` outside a container. Reads `/node/container`.
    ///
    /// # Errors
    /// Says why nobody can tell.
    pub fn container_runtime(&self) -> Result<Option<String>, Missing> {
        Ok(container_runtime(&self.get::<String>("/node/container")?).map(str::to_owned))
    }

    /// What a server runs in ([`InferenceServer::housing`]). Reads `/node/container`.
    ///
    /// # Errors
    /// Says why it is not known.
    pub fn housing<'s>(&self, server: &'s InferenceServer) -> Result<Housing<'s>, Missing> {
        let runtime = self.container_runtime();
        server.housing(runtime.as_ref().map(Option::as_deref).map_err(Missing::clone))
    }

    /// The engine of the container that the node is seen from within, and the command by which whoever runs its host sees how
    /// it was started. Reads `/node/container` and `/node/hostname`.
    ///
    /// # Errors
    /// Says why nobody can tell whether this is a container, or that it is none.
    pub fn host_of_container(&self) -> Result<(String, String), Missing> {
        let outside = || Missing::new(Absence::Absent, "this is no container");
        let runtime = self.container_runtime()?.ok_or_else(outside)?;
        let command = inspection(&runtime, &self.get("/node/hostname").into());
        Ok((runtime, command))
    }

    /// The limit that is to be compared with: `limit`, or what the policy of the audit has put in its place.
    ///
    /// The policy is always there; it needs no declaration.
    #[must_use]
    pub fn limit<U: Unit>(&self, check: &CheckMeta, limit: &Limit<U>) -> Limit<U> {
        let replaced = self.replaced(check, limit.name);
        Limit { value: replaced.map_or(limit.value, Quantity::new), ..*limit }
    }

    /// The number that is to be compared with, in the threshold's unit: its own, or what the policy of the audit has put in
    /// its place. For thresholds that are data and not code; code has [`Evidence::limit`].
    #[must_use]
    pub fn threshold(&self, check: &CheckMeta, threshold: &Threshold) -> f64 {
        self.replaced(check, &threshold.name).unwrap_or(threshold.number)
    }

    fn replaced(&self, check: &CheckMeta, name: &str) -> Option<f64> {
        let policy = self.document.policy.get_or_init(|| self.document.section("policy").unwrap_or_default());
        policy.thresholds.get(&format!("{}/{name}", check.id)).map(|replaced| replaced.number)
    }

    fn declared(&self, pointer: &str) -> Result<(), Missing> {
        let covers = |need: &Text| {
            pointer.strip_prefix(need.as_ref()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.needs.iter().any(covers) {
            return Ok(());
        }
        let declared = self.needs.join(", ");
        let reason =
            format!("the check reads `{pointer}`, which its `needs` do not declare (declared: {declared})");
        Err(Missing::new(Absence::Skipped, reason))
    }
}

impl<'a> Document<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, DocumentError> {
        let sections = serde_json::from_slice(json).map_err(DocumentError)?;
        Ok(Self { sections, parsed: Parsed::default(), policy: OnceCell::new() })
    }

    /// Schema of the document, where it tells one.
    pub(crate) fn schema(&self) -> Option<u32> {
        self.sections.get("schema").and_then(|value| value.get().parse().ok())
    }

    fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, Missing> {
        let pointer = format!("/{name}");
        match self.sections.get(name) {
            Some(value) => parse(value, &pointer),
            // Not "absent": that would say that the node does not have it, and some checks then do not apply.
            None => Err(Missing::new(Absence::Failed, format!("the evidence has no `{pointer}`"))),
        }
    }
}

fn parse<T: DeserializeOwned>(value: &RawValue, pointer: &str) -> Result<T, Missing> {
    if let Some(missing) = as_missing(value) {
        return Err(missing);
    }
    serde_json::from_str(value.get()).map_err(|error| {
        Missing::new(
            Absence::Malformed,
            format!("`{pointer}` is not of the form that this pack knows: {error}"),
        )
    })
}

/// The reason, if `value` stands for a missing value.
fn as_missing(value: &RawValue) -> Option<Missing> {
    // The members can come in either order, but the document of the host begins with `missing`.
    let text = value.get();
    let head = text.strip_prefix('{')?.trim_start();
    if !head.starts_with(r#""missing""#) && !head.starts_with(r#""reason""#) {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn unescape(key: &str) -> Cow<'_, str> {
    if key.contains('~') { Cow::Owned(key.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pointers: &'static [&'static str]) -> Vec<Text> {
        pointers.iter().map(|pointer| Text::Borrowed(*pointer)).collect()
    }

    fn get<T: DeserializeOwned>(
        json: &str,
        needs_of: &'static [&'static str],
        pointer: &str,
    ) -> Result<T, Missing> {
        let document = Document::parse(json.as_bytes()).unwrap();
        Evidence::new(&document, &needs(needs_of)).get(pointer)
    }

    #[test]
    fn a_part_of_a_missing_section_is_missing_for_the_same_reason() {
        let json = r#"{"cpu": {"missing": "denied", "reason": "cannot read /proc/cpuinfo"}}"#;
        let missing = get::<String>(json, &["/cpu/model"], "/cpu/model").unwrap_err();
        assert_eq!(missing.to_string(), "cannot read /proc/cpuinfo (denied)");
        assert_eq!(get::<String>(json, &["/cpu"], "/cpu").unwrap_err(), missing);
    }

    #[test]
    fn a_pointer_reaches_into_objects() {
        let json = r#"{"node": {"kernel": "6.18.0"}, "sysctl": {"a/b": "1"}}"#;
        assert_eq!(get::<String>(json, &["/node"], "/node/kernel").unwrap(), "6.18.0");
        assert_eq!(get::<String>(json, &["/sysctl/a~1b"], "/sysctl/a~1b").unwrap(), "1");
        assert_eq!(
            get::<String>(json, &["/node"], "/node/os").unwrap_err().reason,
            "the evidence has no `/node/os`"
        );
        assert_eq!(get::<u32>(json, &["/node"], "/node/kernel").unwrap_err().missing, Absence::Malformed);
    }

    #[test]
    fn what_a_file_holds_is_read_without_blanks_and_quoted_with_them() {
        assert_eq!(parsed("/proc/sys/vm/swappiness", " 60\n"), Ok(60));
        let missing = parsed::<u32>("/proc/sys/vm/swappiness", "sixty\n").unwrap_err();
        assert_eq!(missing.to_string(), "/proc/sys/vm/swappiness holds `sixty\n` (malformed)");
    }

    #[test]
    fn only_what_the_node_does_not_have_is_nothing() {
        assert_eq!(Fact::Known(7).optional(), Ok(Some(&7)));
        assert_eq!(Fact::<u8>::absent("no such file").optional(), Ok(None));
        for absence in [Absence::Denied, Absence::Skipped, Absence::NotRecorded] {
            let missing = Missing::new(absence, "no");
            assert_eq!(Fact::<u8>::Missing(missing.clone()).optional(), Err(missing));
        }
    }

    #[test]
    fn what_is_not_declared_is_missing() {
        let json = r#"{"cpu": {"model": "x"}, "cpuidle": {}}"#;
        let document = Document::parse(json.as_bytes()).unwrap();
        let needs = needs(&["/cpu"]);
        let missing = Evidence::new(&document, &needs).cpuidle().unwrap_err();
        assert_eq!(missing.missing, Absence::Skipped);
        assert_eq!(
            missing.reason,
            "the check reads `/cpuidle`, which its `needs` do not declare (declared: /cpu)"
        );
    }

    #[test]
    fn what_the_document_lacks_is_not_taken_for_absent_on_the_node() {
        let document = Document::parse(b"{}").unwrap();
        let needs = needs(&["/gpus"]);
        assert_eq!(Evidence::new(&document, &needs).gpus().unwrap_err().missing, Absence::Failed);
    }

    #[test]
    fn every_section_of_the_schema_has_an_accessor() {
        let source = include_str!("../../evidence/src/model.rs");
        let body = source.split_once("pub struct Evidence {").unwrap().1.split_once("\n}").unwrap().0;
        let fields =
            body.lines().filter_map(|line| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0));
        let without_accessor = fields.filter(|field| !ACCESSORS.contains(field)).collect::<Vec<_>>();
        assert_eq!(
            without_accessor,
            ["schema", "sysctl", "settings", "policy"],
            "`schema` and `policy` are for the SDK; `sysctl` and `settings` have their own methods"
        );
    }
}
