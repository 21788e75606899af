//! How the position for a node is chosen, and why.

use plumb_check_sdk::Outcome;

use super::{Context, Decision};
use crate::profile::{Answer, Platform, word};
use crate::speech::{Text, say};

pub(super) fn numa_balancing<'a>(context: &Context<'a>) -> Decision<'a> {
    let Some(pins) = context.deciding("placement") else {
        return Decision { position: say("numa-balancing-wait"), reason: say("pins-no-check") };
    };
    let (position, reason) = match pins.outcome {
        Outcome::Pass => (say("numa-balancing-placed"), say("pins-pass")),
        outcome if outcome.is_deviation() => (say("numa-balancing-not-placed"), say("pins-deviate")),
        Outcome::NotApplicable => (say("numa-balancing-leave"), say("pins-not-applicable")),
        _ => (say("numa-balancing-wait"), say("pins-unanswered")),
    };
    let reason = reason.with("check", &pins.check).with("subject", &pins.subject);
    let reason = reason.with("message", Text::Message(pins));
    Decision { position, reason }
}

pub(super) fn idle_states<'a>(context: &Context<'a>) -> Decision<'a> {
    let priority = context.about("priority-cores");
    if let Some(priority) = priority.filter(|finding| finding.outcome != Outcome::NotApplicable) {
        let reason = say("priority-cores").with("subject", &priority.subject);
        return Decision {
            position: say("idle-states-priority"),
            reason: reason.with("message", Text::Message(priority)),
        };
    }
    let strict =
        context.profile.traits.iter().any(|own| word(own.id) == "strict-tail" && own.answer == Answer::Yes);
    let reason = if strict { say("idle-states-strict") } else { say("idle-states-not-strict") };
    Decision { position: say("idle-states-limit"), reason }
}

pub(super) fn smt<'a>(context: &Context<'a>) -> Decision<'a> {
    let reason = match context.evidence.cpu.known() {
        Some(cpu) => {
            let is_guest = context.evidence.node.virtualization.known().is_some_and(|kind| kind != "none");
            let reason = match (cpu.smt_active, is_guest) {
                (true, _) => say("smt-on"),
                (false, true) => say("smt-hidden"),
                (false, false) => say("smt-off"),
            };
            reason.with("threads", cpu.pus.to_string()).with("cores", cpu.cores.to_string())
        }
        None => say("smt-unknown"),
    };
    Decision { position: say("smt-either"), reason }
}

pub(super) fn isolation<'a>(context: &Context<'a>) -> Decision<'a> {
    let node = &context.evidence.node;
    let reason = match node.cmdline.known() {
        None => say("isolation-unknown"),
        Some(line) => {
            let unbalanced = node.isolcpus().find(|argument| argument.stops_balancing());
            // What takes ticks or interrupts away leaves threads to the scheduler.
            let quiet = line
                .split_whitespace()
                .find(|word| word.starts_with("isolcpus=") || word.starts_with("nohz_full="));
            match (unbalanced, quiet) {
                (Some(own), _) => say("isolation-given").with("argument", own.argument),
                (None, Some(argument)) => say("isolation-quiet").with("argument", argument),
                (None, None) => say("isolation-none"),
            }
        }
    };
    Decision { position: say("isolation-by-cpuset"), reason }
}

fn in_words(platform: Platform) -> Text<'static> {
    match platform {
        Platform::BareMetal => say("platform-bare-metal"),
        Platform::VmGuest => say("platform-vm-guest"),
        Platform::Container => say("platform-container"),
        Platform::Kubernetes => say("platform-kubernetes"),
        Platform::SharedHost => say("platform-shared-host"),
        Platform::Unknown => say("platform-unknown"),
    }
}

pub(super) fn acs<'a>(context: &Context<'a>) -> Decision<'a> {
    let profile = context.profile;
    let position = match profile.platform {
        Platform::BareMetal => say("acs-bare-metal"),
        Platform::VmGuest => say("acs-vm-guest"),
        Platform::Container | Platform::Kubernetes => say("acs-container"),
        Platform::SharedHost => say("acs-shared-host"),
        Platform::Unknown => say("acs-unknown"),
    };
    let source = Text::Told(&profile.platform_source, &profile.words, "platform_source");
    let reason = say("acs-platform").with("platform", in_words(profile.platform)).with("source", source);
    Decision { position, reason }
}

pub(super) fn huge_pages<'a>(context: &Context<'a>) -> Decision<'a> {
    let reason = match context.about("huge-pages") {
        Some(found) => say("huge-pages-found").with("message", Text::Message(found)),
        None => say("huge-pages-stalls"),
    };
    Decision { position: say("huge-pages-madvise"), reason }
}

pub(super) fn zone_reclaim<'a>(context: &Context<'a>) -> Decision<'a> {
    let value = context.evidence.sysctl.get("vm.zone_reclaim_mode").and_then(|fact| fact.known());
    let reason = match value {
        Some(value) => say("zone-reclaim-is").with("value", value.trim()),
        None => say("zone-reclaim-unknown"),
    };
    Decision { position: say("zone-reclaim-off"), reason }
}

pub(super) fn cpu_limits<'a>(context: &Context<'a>) -> Decision<'a> {
    let platform = context.profile.platform;
    let (position, reason) = match platform {
        Platform::Kubernetes => (say("cpu-limits-pods"), say("cpu-limits-platform")),
        _ => (say("cpu-limits-none"), say("cpu-limits-no-pods")),
    };
    let mut reason = reason.with("platform", in_words(platform));
    if let Some(found) = context.about("cpu-limits").filter(|found| found.outcome.is_deviation()) {
        reason = say("cpu-limits-in-the-way").with("reason", reason).with("message", Text::Message(found));
    }
    Decision { position, reason }
}

pub(super) fn engine_binding<'a>(context: &Context<'a>) -> Decision<'a> {
    let mut kinds: Vec<&str> = context
        .evidence
        .servers
        .known()
        .map(|servers| servers.iter().map(|server| server.kind.as_str()).collect())
        .unwrap_or_default();
    kinds.sort_unstable();
    kinds.dedup();
    let reason = if kinds.is_empty() {
        say("engine-binding-any")
    } else {
        say("engine-binding-here").with("engines", kinds.join(", "))
    };
    Decision { position: say("engine-binding-masks"), reason }
}

pub(super) fn vendor_bias<'a>(context: &Context<'a>) -> Decision<'a> {
    let vendor = context.evidence.cpu.known().and_then(|cpu| cpu.vendor.known());
    let reason = match vendor.map(String::as_str) {
        // As the processor itself gives it.
        Some("GenuineIntel") => say("vendor-bias-here").with("vendor", "Intel"),
        Some("AuthenticAMD") => say("vendor-bias-here").with("vendor", "AMD"),
        Some(vendor) => say("vendor-bias-here").with("vendor", vendor),
        None => say("vendor-bias-unknown"),
    };
    Decision { position: say("vendor-bias-none"), reason }
}
