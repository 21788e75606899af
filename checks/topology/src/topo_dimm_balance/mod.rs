//! `topo.dimm-balance`: every memory channel of every socket holds the same modules, at full speed.
//!
//! The firmware's table lists all slots, empty ones too, so that a channel without a module shows. Which socket and
//! channel a slot belongs to is told by its labels alone; slots whose labels say nothing leave the layout unanswered. The
//! sockets of the labels are those of the kernel in the same order.
//!
//! A module that runs below its own speed may do so because the processor knows no higher one, because two modules share
//! a channel, or because of a setting. The platform's limit is in no table that can be read, so this warns and does not
//! fail.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::model::{Cpu, DimmPlace, DimmSlot, Dimms, Gpu, Numa};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding, Likelihood,
    Missing, NodeSet, Reference, Remediation, Severity, WorkloadTrait,
};

/// See the module.
pub struct TopoDimmBalance;

static META: CheckMeta = CheckMeta {
    id: Borrowed("topo.dimm-balance"),
    title: Borrowed("Memory channels are evenly and fully populated at rated speed"),
    category: Category::Placement,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Half the channels is half the bandwidth of host memory, which offloaded weights and KV cache, \
             loading, and tokenisation at high concurrency feel.",
    ),
    business: Borrowed(
        "The memory was bought but not installed in the pattern the processor needs, so part of the \
             bandwidth you paid for is not there.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu"),
        Borrowed("/dimms"),
        Borrowed("/gpus"),
        Borrowed("/node/virtualization"),
        Borrowed("/numa"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None: this takes hands on the machine"),
        persistent: Borrowed("Re-seat or add modules until every channel holds the same"),
        rollback: Borrowed("The former modules"),
        change: ChangeKind::Hardware,
        verification: Borrowed("`dmidecode -t 17 | grep -E 'Locator|Size|Speed'`"),
        expected_effect: Borrowed(
            "Dell: unbalanced and near-balanced layouts cost up to 33 % of the memory bandwidth. No published \
             number for serving language models.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[WorkloadTrait::Offload]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; not virtual machines, whose table is made up; the table is readable for root only",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Intel PerfSpect (HEAD c399daa): report insights in cmd/report/report_tables.go"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed("Dell white paper: Balanced Memory with 2nd Gen Intel Xeon Scalable"),
            url: Borrowed(
                "https://www.manualshelf.com/manual/dell/general-solution-resources/15-14-13-12-11-10-9-8-7-6-5-4-3-2-1-white-papers-english/page-7.html",
            ),
        },
        Reference {
            title: Borrowed("Lenovo Press LP2283: Balanced Memory Configurations with 5th Gen AMD EPYC"),
            url: Borrowed(
                "https://lenovopress.lenovo.com/lp2283-balanced-memory-configurations-with-5th-generation-amd-epyc-processors",
            ),
        },
    ]),
};

impl Check for TopoDimmBalance {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        if let Some(hypervisor) = evidence.hypervisor()? {
            let message = format!("virtual machine ({hypervisor}): its table of modules is made up");
            return Ok(vec![META.not_applicable("node", message)]);
        }
        let dimms = evidence.dimms()?;
        let kernel =
            Kernel { cpu: evidence.cpu().ok(), numa: evidence.numa().ok(), gpus: evidence.gpus().ok() };
        Ok(vec![layout(dimms, &kernel), speed(dimms)])
    }
}

/// What tells which sockets host GPUs.
struct Kernel<'a> {
    cpu: Option<&'a Cpu>,
    numa: Option<&'a Numa>,
    gpus: Option<&'a [Gpu]>,
}

impl Kernel<'_> {
    /// Whether socket number `position` of `count` hosts a GPU; `None` where that is not known.
    fn hosts_gpus(&self, position: usize, count: usize) -> Option<bool> {
        let (cpu, numa, gpus) = (self.cpu?, self.numa?, self.gpus?);
        if cpu.sockets as usize != count {
            return None;
        }
        let mut hosts = NodeSet::new();
        for gpu in gpus {
            let node = gpu.place().one().ok()?.node;
            let cpus = &numa.node(node)?.cpus;
            let socket = cpu.cpus.iter().find(|pu| cpus.contains(pu.cpu))?.socket;
            hosts.insert(socket);
        }
        Some(hosts.contains(u32::try_from(position).ok()?))
    }
}

/// Sizes of the modules of each channel of each socket.
type Sockets = BTreeMap<Option<u32>, BTreeMap<String, Vec<u64>>>;

fn cite(dimms: &Dimms, slot: &DimmSlot, what: &str) -> Citation {
    Citation::new(&dimms.path, format!("memory device {:#06x}, `{}`: {what}", slot.handle, slot.locator))
}

fn layout(dimms: &Dimms, kernel: &Kernel<'_>) -> Finding {
    let mut sockets = Sockets::new();
    for slot in &dimms.slots {
        let (place, size) = match (&slot.place, &slot.size_bytes) {
            (Fact::Known(place), Fact::Known(size)) => (place, *size),
            (Fact::Missing(missing), _) | (_, Fact::Missing(missing)) => {
                return META.not_run("layout", missing.to_string());
            }
        };
        if place.channel.is_empty() {
            return META.not_run("layout", format!("the channel of slot `{}` is not known", slot.locator));
        }
        let DimmPlace { socket, channel } = place;
        let modules = sockets.entry(*socket).or_default().entry(channel.clone()).or_default();
        modules.extend((size > 0).then_some(size));
    }
    for modules in sockets.values_mut().flat_map(BTreeMap::values_mut) {
        modules.sort_unstable();
    }
    if sockets.is_empty() {
        return META.not_run("layout", "the table lists no slot");
    }
    let populated = sockets.values().flat_map(BTreeMap::values).filter(|modules| !modules.is_empty()).count();
    if populated == 0 {
        return META.not_run("layout", "the table lists no module");
    }
    let channels: usize = sockets.values().map(BTreeMap::len).sum();
    let empty = dimms.slots.iter().find(|slot| {
        slot.place.known().is_some_and(|place| {
            sockets
                .get(&place.socket)
                .and_then(|channels| channels.get(&place.channel))
                .is_some_and(Vec::is_empty)
        })
    });
    if let Some(slot) = empty {
        return empty_channels(dimms, &sockets, slot, kernel);
    }
    let sizes: BTreeSet<u64> = sockets.values().flat_map(BTreeMap::values).flatten().copied().collect();
    let size = |bytes: &u64| format!("{} GiB", bytes >> 30);
    let sizes_text = sizes.iter().map(size).collect::<Vec<_>>().join(", ");
    let of_any = dimms.slots.iter().find(|slot| slot.size_bytes.known().is_some_and(|&bytes| bytes > 0));
    let cite_any = |finding: Finding| match of_any {
        Some(slot) => finding.with_evidence(cite(dimms, slot, &format!("modules of {sizes_text}"))),
        None => finding,
    };
    let totals: BTreeSet<u64> =
        sockets.values().map(|channels| channels.values().flatten().sum::<u64>()).collect();
    if totals.len() > 1 {
        let each: Vec<String> = totals.iter().map(size).collect();
        let message = format!("sockets have different amounts of memory: {}", each.join(" and "));
        return cite_any(META.fail("layout", message)).with_likelihood(Likelihood::Setting);
    }
    let layouts: BTreeSet<&Vec<u64>> = sockets.values().flat_map(BTreeMap::values).collect();
    let numbers: BTreeSet<usize> = layouts.iter().map(|modules| modules.len()).collect();
    if layouts.len() > 1 {
        let what =
            if numbers.len() > 1 { "different numbers of modules" } else { "modules of different sizes" };
        let message = format!("all {channels} channels are used, but with {what} ({sizes_text})");
        return cite_any(META.warn("layout", message)).with_likelihood(Likelihood::Setting);
    }
    let each = layouts.iter().next().map_or(0, |modules| modules.len());
    let message = format!(
        "all {channels} channels hold the same ({each} of {sizes_text} each; sockets: {})",
        sockets.len()
    );
    cite_any(META.pass("layout", message))
}

/// One channel or more without a module: a failure on a socket that hosts GPUs, or may do so.
fn empty_channels(dimms: &Dimms, sockets: &Sockets, slot: &DimmSlot, kernel: &Kernel<'_>) -> Finding {
    let mut hosting = false;
    let mut is_known = true;
    let mut parts = Vec::new();
    for (position, (socket, channels)) in sockets.iter().enumerate() {
        let empty: Vec<&str> = channels
            .iter()
            .filter(|(_, modules)| modules.is_empty())
            .map(|(channel, _)| channel.as_str())
            .collect();
        if empty.is_empty() {
            continue;
        }
        let name = socket.map_or_else(|| "the socket".to_owned(), |number| format!("socket {number}"));
        let (count, all) = (empty.len(), channels.len());
        parts.push(format!("{name} has no module in {count} of {all} channels ({})", empty.join(", ")));
        match kernel.hosts_gpus(position, sockets.len()) {
            Some(hosts) => hosting |= hosts,
            None => is_known = false,
        }
    }
    let message = parts.join("; ");
    let finding = match (hosting, is_known) {
        (true, _) => META.fail("layout", format!("{message}, and GPUs are attached there")),
        (false, false) => META
            .fail("layout", format!("{message}; whether GPUs are attached there is not known"))
            .with_confidence(Confidence::Medium),
        (false, true) => META.warn("layout", format!("{message}; no GPU is attached there")),
    };
    finding.with_likelihood(Likelihood::Setting).with_evidence(cite(dimms, slot, "no module in this channel"))
}

fn speed(dimms: &Dimms) -> Finding {
    let mut slowest: Option<(&DimmSlot, u32, u32)> = None;
    let mut slow = 0usize;
    let modules = dimms.slots.iter().filter(|slot| slot.size_bytes.known().is_none_or(|&bytes| bytes > 0));
    let mut count = 0usize;
    for slot in modules {
        count += 1;
        let (rated, configured) = match (&slot.speed_mts, &slot.configured_mts) {
            (Fact::Known(rated), Fact::Known(configured)) => (*rated, *configured),
            (Fact::Missing(missing), _) | (_, Fact::Missing(missing)) => {
                return META.not_run("speed", missing.to_string());
            }
        };
        if configured < rated {
            slow += 1;
            if slowest.is_none_or(|(_, _, seen)| configured < seen) {
                slowest = Some((slot, rated, configured));
            }
        }
    }
    let Some((slot, rated, configured)) = slowest else {
        if count == 0 {
            return META.not_run("speed", "the table lists no module");
        }
        let any = dimms.slots.iter().find_map(|slot| Some((slot, slot.configured_mts.known()?)));
        let pass = META.pass("speed", format!("all {count} modules run at their full speed"));
        return match any {
            Some((slot, speed)) => pass.with_evidence(cite(dimms, slot, &format!("configured {speed} MT/s"))),
            None => pass,
        };
    };
    let neighbours = dimms.slots.iter().filter(|other| {
        other.place.known() == slot.place.known() && other.size_bytes.known().is_none_or(|&bytes| bytes > 0)
    });
    let why = if slot.place.known().is_some() && neighbours.count() > 1 {
        "two modules share a channel, which lowers the speed on most platforms"
    } else {
        "the limit of the processor or a setting of the firmware holds them back"
    };
    META.warn(
        "speed",
        format!("{slow} of {count} modules run below their speed, at {configured} of {rated} MT/s: {why}"),
    )
    .with_likelihood(Likelihood::Setting)
    .with_evidence(cite(dimms, slot, &format!("speed {rated} MT/s, configured {configured} MT/s")))
}
