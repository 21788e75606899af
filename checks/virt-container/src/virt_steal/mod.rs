//! `virt.steal`: the hypervisor gives the VM its processor time.
//!
//! Steal is the time in which a virtual CPU was ready to run and the hypervisor ran something else. It is judged as a
//! share of all CPU time between the two readings. Two readings give no "worst 10 seconds" unless they are that close, so
//! the limits for the worst 10 seconds of the catalogue are not judged; the worst CPU is named instead. An idle machine
//! wants no time that could be stolen: it gives no pass. Nor does a hypervisor that is not known to report steal and shows none.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::CpuTime;
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Intent, Likelihood, NoVerdict, Object, ProviderRequest,
};

use crate::pages::virt_steal::{LOAD, PAGE, STEAL_FAIL, STEAL_GATE, STEAL_WARN, WINDOW, words};

/// Hypervisors that report steal to their guests (KVM and Xen do, and the clouds that are built on them).
const REPORTING: [&str; 5] = ["kvm", "qemu", "xen", "amazon", "google"];

/// What the window has of each CPU. A kind of time that an entry lacks is no time of 0, as the type would have it.
const KINDS: [&str; 10] = [
    "cpu",
    "user_ticks",
    "nice_ticks",
    "system_ticks",
    "idle_ticks",
    "iowait_ticks",
    "irq_ticks",
    "softirq_ticks",
    "steal_ticks",
    "guest_ticks",
];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Finding, NoVerdict> {
    let bare_metal = || NoVerdict::not_applicable(words::BareMetal {});
    let hypervisor = evidence.hypervisor()?.ok_or_else(bare_metal)?;
    let seconds: f64 = evidence.get("/window/seconds")?;
    let raw: Vec<BTreeMap<String, u64>> = evidence.get("/window/cpus")?;
    if let Some(kind) = KINDS.iter().find(|kind| raw.iter().any(|entry| !entry.contains_key(**kind))) {
        return Err(words::Incomplete { kind: Arg::text(*kind) }.into());
    }
    let cpus: Vec<CpuTime> = evidence.get("/window/cpus")?;
    let sum = |of: fn(&CpuTime) -> u64| cpus.iter().map(of).fold(0, u64::saturating_add);
    let total = sum(CpuTime::total);
    PAGE.not_run_if(total == 0, words::NoTime {})?;
    let percent = |ticks: u64, of: u64| Quantity::<Percent>::new(100.0 * ticks as f64 / of.max(1) as f64);
    let steal = percent(sum(|cpu| cpu.steal_ticks), total);
    let load = percent(sum(CpuTime::busy), total);
    let worst = cpus
        .iter()
        .map(|cpu| (percent(cpu.steal_ticks, cpu.total()).number(), cpu.cpu))
        .fold((0.0, 0), |worst, next| if next.0 > worst.0 { next } else { worst });
    let citation = Citation::new(
        "/proc/stat",
        format!("steal {:.2} % of all CPUs; {:.2} % of CPU {}, the worst", steal.number(), worst.0, worst.1),
    );
    // What sentences say of the window.
    macro_rules! said {
        ($sentence:ident $(, $more:ident)*) => {
            words::$sentence {
                share: Arg::of(steal, 2),
                seconds: Arg::quantity(seconds, "s", 0),
                load: Arg::of(load, 0),
                $($more,)*
            }
        };
    }
    let by = |limit: &Limit<Percent>| !evidence.limit(&PAGE, limit).is_undercut_by(steal);
    let fails = by(&STEAL_FAIL);
    let is_listed = REPORTING.contains(&hypervisor.as_str());
    let certain = matches!(hypervisor.as_str(), "kvm" | "xen") || steal.number() > 0.0;
    let (object, hypervisor) = (Object::node(), Arg::from(hypervisor));
    if fails || by(&STEAL_WARN) {
        let said = said!(Stolen, hypervisor);
        let finding = if fails { PAGE.fail(object, said) } else { PAGE.warn(object, said) };
        return Ok(finding
            .with_gate(by(&STEAL_GATE))
            .with_likelihood(Likelihood::Mechanism)
            .with_intent(Intent::Provider { request: ProviderRequest::DedicatedCpus })
            .with_evidence(citation));
    }
    PAGE.not_run_if(steal.number() == 0.0 && !is_listed, words::Unreported { hypervisor })?;
    PAGE.not_run_if(evidence.limit(&PAGE, &LOAD).is_undercut_by(load), said!(Idle))?;
    let is_short = evidence.limit(&PAGE, &WINDOW).is_undercut_by(Quantity::new(seconds));
    PAGE.not_run_if(is_short, said!(Short))?;
    let confidence = if certain { Confidence::High } else { Confidence::Medium };
    Ok(PAGE.pass(object, said!(Given)).with_evidence(citation).with_confidence(confidence))
}
