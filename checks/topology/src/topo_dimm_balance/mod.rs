//! `topo.dimm-balance`: every memory channel of every socket holds the same modules, at full speed.
//!
//! The firmware's table lists all slots, empty ones too, so that a channel without a module shows. Which socket and
//! channel a slot belongs to is told by its labels alone; slots whose labels say nothing leave the layout unanswered. The
//! sockets of the labels are those of the kernel in the same order.
//!
//! A module that runs below its own speed may do so because the processor knows no higher one, because two modules share
//! a channel, or because of a setting. The platform's limit is in no table that can be read, so this warns and does not
//! fail.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::model::{Cpu, DimmPlace, DimmSlot, Dimms, Gpu, Numa};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, HardwarePart, Intent, NoVerdict, NodeSet, Object,
    ObjectKind, Outcome, Said,
};

use crate::pages::topo_dimm_balance::{PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    if let Some(hypervisor) = evidence.hypervisor()? {
        return Err(NoVerdict::not_applicable(words::Virtual { hypervisor: hypervisor.into() }));
    }
    let dimms = evidence.dimms()?;
    let kernel = Kernel { cpu: evidence.cpu().ok(), numa: evidence.numa().ok(), gpus: evidence.gpus().ok() };
    let speed_object = Object::new(ObjectKind::Other, "speed");
    Ok(vec![
        PAGE.settle(layout_object(), layout(dimms, &kernel)),
        PAGE.settle(speed_object.clone(), speed(speed_object, dimms)),
    ])
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

fn layout_object() -> Object {
    Object::new(ObjectKind::Other, "layout")
}

fn layout(dimms: &Dimms, kernel: &Kernel<'_>) -> Result<Finding, NoVerdict> {
    let mut sockets = Sockets::new();
    for slot in &dimms.slots {
        let (DimmPlace { socket, channel }, size) = (slot.place.require()?, *slot.size_bytes.require()?);
        PAGE.not_run_if(channel.is_empty(), words::UnknownChannel { slot: (&slot.locator).into() })?;
        let modules = sockets.entry(*socket).or_default().entry(channel.clone()).or_default();
        modules.extend((size > 0).then_some(size));
    }
    for modules in sockets.values_mut().flat_map(BTreeMap::values_mut) {
        modules.sort_unstable();
    }
    PAGE.not_run_if(sockets.is_empty(), words::NoSlot {})?;
    let of_any = dimms.slots.iter().find(|slot| slot.size_bytes.known().is_some_and(|&bytes| bytes > 0));
    let of_any = of_any.ok_or(words::NoModule {})?;
    let modules_at = |place: &DimmPlace| sockets.get(&place.socket)?.get(&place.channel);
    let is_empty = |place: &DimmPlace| modules_at(place).is_some_and(Vec::is_empty);
    let empty = dimms.slots.iter().find(|slot| slot.place.known().is_some_and(is_empty));
    if let Some(slot) = empty {
        let finding = empty_channels(&sockets, kernel);
        return Ok(unbalanced(finding.with_evidence(cite(dimms, slot, "no module in this channel"))));
    }
    let channels = || sockets.values().flat_map(BTreeMap::values);
    let listed = |sizes: BTreeSet<u64>| {
        sizes.iter().map(|bytes| format!("{} GiB", bytes >> 30)).collect::<Vec<_>>().join(", ")
    };
    let sizes = listed(channels().flatten().copied().collect());
    let of_module = cite(dimms, of_any, &format!("modules of {sizes}"));
    let channels_count = Arg::count(channels().count());
    let totals: BTreeSet<u64> =
        sockets.values().map(|channels| channels.values().flatten().sum::<u64>()).collect();
    let numbers: BTreeSet<usize> = channels().map(Vec::len).collect();
    let is_same = channels().collect::<BTreeSet<_>>().len() == 1;
    let sizes = Arg::from(sizes);
    let (outcome, said): (_, Said) = if totals.len() > 1 {
        (Outcome::Fail, words::UnevenSockets { totals: listed(totals).into() }.into())
    } else if numbers.len() > 1 {
        (Outcome::Warn, words::UnevenNumbers { channels_count, sizes }.into())
    } else if !is_same {
        (Outcome::Warn, words::UnevenSizes { channels_count, sizes }.into())
    } else {
        let modules_count = Arg::count(numbers.first().copied().unwrap_or_default());
        let sockets_count = Arg::count(sockets.len());
        (Outcome::Pass, words::Same { channels_count, modules_count, sizes, sockets_count }.into())
    };
    let finding = PAGE.says(outcome, layout_object(), said).with_evidence(of_module);
    Ok(if outcome == Outcome::Pass { finding } else { unbalanced(finding) })
}

/// Asks for the same modules in all channels.
fn unbalanced(finding: Finding) -> Finding {
    finding.with_intent(Intent::Hardware { part: HardwarePart::MemoryLayout, at: None })
}

/// One channel or more without a module: a failure on a socket that hosts GPUs, or may do so.
fn empty_channels(sockets: &Sockets, kernel: &Kernel<'_>) -> Finding {
    let (mut hosting, mut is_known, mut count) = (false, true, 0);
    let mut parts = Vec::new();
    for (position, (socket, channels)) in sockets.iter().enumerate() {
        let empty = channels.iter().filter(|(_, modules)| modules.is_empty());
        let empty: Vec<&str> = empty.map(|(channel, _)| channel.as_str()).collect();
        if empty.is_empty() {
            continue;
        }
        count += empty.len();
        let name = socket.map_or_else(String::new, |number| format!("{number}: "));
        parts.push(name + &empty.join(", "));
        match kernel.hosts_gpus(position, sockets.len()) {
            Some(hosts) => hosting |= hosts,
            None => is_known = false,
        }
    }
    let (outcome, gpus) = match (hosting, is_known) {
        (true, _) => (Outcome::Fail, "there"),
        (false, false) => (Outcome::Fail, "unknown"),
        (false, true) => (Outcome::Warn, "elsewhere"),
    };
    let said = words::Empty {
        channels: Arg::text(parts.join("; ")),
        channels_count: Arg::count(sockets.values().map(BTreeMap::len).sum::<usize>()),
        empty_count: Arg::count(count),
        gpus: gpus.into(),
        sockets: Arg::text(if sockets.contains_key(&None) { "unnamed" } else { "named" }),
    };
    let confidence = if gpus == "unknown" { Confidence::Medium } else { Confidence::High };
    PAGE.says(outcome, layout_object(), said).with_confidence(confidence)
}

fn speed(object: Object, dimms: &Dimms) -> Result<Finding, NoVerdict> {
    let mut slowest: Option<(&DimmSlot, u32, u32)> = None;
    let (mut slow, mut count) = (0usize, 0usize);
    let holds_module = |slot: &&DimmSlot| slot.size_bytes.known().is_none_or(|&bytes| bytes > 0);
    for slot in dimms.slots.iter().filter(holds_module) {
        count += 1;
        let (rated, configured) = (*slot.speed_mts.require()?, *slot.configured_mts.require()?);
        if configured < rated {
            slow += 1;
            if slowest.is_none_or(|(_, _, seen)| configured < seen) {
                slowest = Some((slot, rated, configured));
            }
        }
    }
    let modules_count = Arg::count(count);
    let Some((slot, rated, configured)) = slowest else {
        PAGE.not_run_if(count == 0, words::NoModule {})?;
        let any = dimms.slots.iter().find_map(|slot| Some((slot, slot.configured_mts.known()?)));
        let cited = any.map(|(slot, speed)| cite(dimms, slot, &format!("configured {speed} MT/s")));
        return Ok(PAGE.pass(object, words::FullSpeed { modules_count }).with_citations(cited));
    };
    let of_channel = |other: &&DimmSlot| other.place.known() == slot.place.known();
    let is_shared = slot.place.known().is_some()
        && dimms.slots.iter().filter(holds_module).filter(of_channel).count() > 1;
    let said = words::Slow {
        configured: Arg::quantity(configured.into(), "MT/s", 0),
        modules_count,
        rated: Arg::quantity(rated.into(), "MT/s", 0),
        slow_count: slow.into(),
        why: Arg::text(if is_shared { "shared" } else { "limited" }),
    };
    let value = format!("speed {rated} MT/s, configured {configured} MT/s");
    Ok(PAGE.warn(object, said).with_evidence(cite(dimms, slot, &value)))
}
