//! `gpu.clock-throttle`: GPUs are not slowed by heat, power brake or hardware protection.
//!
//! The reasons that NVML gives for low clocks are judged over the samples under load, and over its time counters between
//! the first and the last sample. What needs no window is judged without: a thermal slowdown or a power brake that is
//! active now, a lowered power limit that holds back a GPU which is at work now, a power cap far below the limit, and a margin that
//! is used up, and a GPU at work whose clock is far below its highest without a reason that explains it.
//!
//! `HW slowdown` (0x8) alone may be shown for a moment while clocks change (NVML API, `NvmlClocksEventReasons`), so it
//! counts under load only; its two named causes, heat (0x40) and power brake (0x80), always count.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{ClockLook, GpuTime, NvmlDevice};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, GpuState, HardwarePart, Intent, Likelihood, Missing,
    NoVerdict, Object, Outcome, Said,
};

use crate::gpus::{
    self, GPU_POWER, HW_SLOWDOWN, HW_THERMAL, Loaded, POWER_BRAKE, SW_POWER_CAP, SW_THERMAL, Unseen, cite,
    cite_window, named,
};
use crate::pages::gpu_clock_throttle::{
    AT_WORK, BELOW_LIMIT, CAPPED, LITTLE_MARGIN, LOADED, LOW_CLOCK, NO_MARGIN, PAGE, words,
};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let nvml = gpus::nvml(evidence)?;
    let window: Result<Vec<GpuTime>, Missing> = evidence.get("/window/gpus");
    let mut findings = Vec::new();
    for device in &nvml.devices {
        let of_device = Device { evidence, device, name: gpus::name(device) };
        let time = gpus::during(&window, &of_device.name);
        let slowed = match &time {
            Ok(time) => of_device.slowed_in_window(time),
            Err(unseen) => of_device.slowed_now(unseen),
        };
        findings.extend(PAGE.settle(gpus::object(device), slowed));
        findings.extend(of_device.margin(time.ok()));
    }
    Ok(gpus::joined(evidence, &PAGE, findings))
}

/// Reasons whose time is counted where any is.
const COUNTED: &[&str] = &["hw_thermal", "hw_power_brake", "sw_thermal"];

fn untold_clock(why: Missing) -> Said {
    words::ClockUnknown { reason: (&why).into() }.into()
}

struct Device<'a> {
    evidence: &'a Evidence<'a>,
    device: &'a NvmlDevice,
    name: String,
}

impl Device<'_> {
    /// A reason that was seen to hold the clocks down, and the parts of the machine to look at.
    fn slowed(
        &self,
        outcome: Outcome,
        said: impl Into<Said>,
        citation: Citation,
        parts: &[HardwarePart],
    ) -> Finding {
        let mut goals: Vec<Intent> =
            parts.iter().map(|part| gpus::look_at(self.evidence, *part, &self.name)).collect();
        goals.dedup();
        PAGE.says(outcome, Object::gpu(&self.name), said)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation)
            .with_intents(goals)
    }

    /// The worst of the reasons that are seen.
    fn held(
        &self,
        is_seen: impl Fn(u64, &str) -> bool,
        told: impl Fn(u64, &str) -> Citation,
        when: &str,
    ) -> Option<Finding> {
        let bits = [HW_THERMAL, POWER_BRAKE, HW_SLOWDOWN, SW_THERMAL];
        let names = ["hw_thermal", "hw_power_brake", "hw_slowdown", "sw_thermal"];
        let (bit, reason) = bits.into_iter().zip(names).find(|(bit, reason)| is_seen(*bit, reason))?;
        let (cooling, supply) = (HardwarePart::Cooling, HardwarePart::PowerSupply);
        let when = when.into();
        let (outcome, said, parts): (_, Said, _) = match bit {
            HW_THERMAL => (Outcome::Fail, named!(Heat, when).into(), vec![cooling]),
            POWER_BRAKE => (Outcome::Fail, named!(Brake, when).into(), vec![supply]),
            HW_SLOWDOWN => (Outcome::Fail, named!(Hardware).into(), vec![cooling, supply]),
            _ => (Outcome::Warn, named!(DriverHeat, when).into(), vec![cooling]),
        };
        Some(self.slowed(outcome, said, told(bit, reason), &parts))
    }

    /// Reasons that count at any time, as seen at one moment; the rest needs a window.
    fn slowed_now(&self, unseen: &Unseen) -> Result<Vec<Finding>, Missing> {
        let reasons = *self.device.clock_reasons.require()?;
        let seen = cite(&self.name, format!("clock reasons {reasons:#x}"));
        let is_seen = |bit, _: &str| bit != HW_SLOWDOWN && reasons & bit != 0;
        let held = self.held(is_seen, |_, _| seen.clone(), "now");
        if let Some(held) = held.as_ref().filter(|held| held.outcome == Outcome::Fail) {
            return Ok(vec![held.clone()]);
        }
        let mut findings: Vec<Finding> = held.into_iter().collect();
        if findings.is_empty()
            && reasons & SW_POWER_CAP != 0
            && gpus::is_busy_now(self.evidence.limit(&PAGE, &LOADED), self.device)
        {
            match self.capped_below(seen.clone()) {
                Some(finding) => findings.push(finding),
                None => findings.extend(self.lowered_limit("now", seen)?),
            }
        }
        if let (true, Ok(look)) = (findings.is_empty(), self.device.clock_look()) {
            let low = self.low_clock(&[look], "now", |text| cite(&self.name, text));
            findings.extend(low.ok().flatten());
        }
        // One moment cannot stand for all of them.
        let findings = findings.into_iter().map(|finding| finding.with_confidence(Confidence::Medium));
        Ok(findings.chain([PAGE.not_run(Object::gpu(&self.name), unseen)]).collect())
    }

    fn slowed_in_window(&self, time: &GpuTime) -> Result<Vec<Finding>, Missing> {
        let reasons = time.clock_reasons.require()?;
        let all = reasons.iter().fold(0, |all, reasons| all | reasons);
        let held = |reason: &str| -> u64 {
            time.clock_reasons_ns.known().and_then(|by_reason| by_reason.get(reason).copied()).unwrap_or(0)
        };
        let loaded = Loaded::of(self.evidence.limit(&PAGE, &LOADED), time);
        let under_load: Vec<u64> = loaded.as_ref().map(|loaded| loaded.pick(reasons)).unwrap_or_default();
        let count = |bit: u64, of: &[u64]| of.iter().filter(|reasons| *reasons & bit != 0).count();
        let told = |bit: u64, reason: &str| {
            let ms = held(reason) as f64 / 1e6;
            let (seen, samples) = (count(bit, reasons), reasons.len());
            let text = format!("reason {bit:#x} in {seen} of {samples} samples, {ms:.0} ms by its counter");
            cite_window(&self.name, text)
        };
        let is_seen = |bit: u64, reason: &str| match bit {
            HW_SLOWDOWN => count(bit, &under_load) > 0,
            _ => all & bit != 0 || held(reason) > 0,
        };
        if let Some(held) = self.held(is_seen, told, "window") {
            return Ok(vec![held]);
        }
        let object = || Object::gpu(&self.name);
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(unseen) => return Ok(vec![PAGE.not_run(object(), &unseen)]),
        };
        let mut findings = Vec::new();
        let capped = count(SW_POWER_CAP, &under_load);
        let share = Quantity::new(100.0 * capped as f64 / under_load.len().max(1) as f64);
        if self.evidence.limit(&PAGE, &CAPPED).is_exceeded_by(share) {
            findings.extend(self.lowered_limit("window", told(SW_POWER_CAP, "sw_power_cap"))?);
        }
        // Some drivers do not count; the samples alone then have to do.
        match time.clock_reasons_ns.optional() {
            Ok(by_reason) => {
                let lacking = by_reason
                    .and_then(|counted| COUNTED.iter().find(|reason| !counted.contains_key(**reason)));
                let untold =
                    |reason: &&str| PAGE.not_run(object(), words::NoCounter { counter: (*reason).into() });
                findings.extend(lacking.map(untold));
            }
            Err(missing) => {
                findings.push(PAGE.not_run(object(), words::Uncounted { reason: (&missing).into() }));
            }
        }
        if findings.is_empty() {
            let looks = time.clock_looks().map(|looks| loaded.pick(&looks)).map_err(untold_clock);
            let seen = |text| cite_window(&self.name, format!("{text}, {}", loaded.text()));
            findings.push(match looks.and_then(|looks| self.low_clock(&looks, "window", seen)) {
                Ok(Some(finding)) => finding,
                Ok(None) => {
                    PAGE.pass(object(), words::Free {}).with_evidence(cite_window(&self.name, loaded.text()))
                }
                Err(said) => PAGE.not_run(object(), said),
            });
        }
        Ok(findings)
    }

    /// What is said of a clock that was low at most of these moments, all under load, though no reason explains it.
    fn low_clock(
        &self,
        looks: &[ClockLook],
        when: &str,
        seen: impl Fn(String) -> Citation,
    ) -> Result<Option<Finding>, Said> {
        let below = self.evidence.limit(&PAGE, &BELOW_LIMIT).value.number();
        let is_low = |share| self.evidence.limit(&PAGE, &LOW_CLOCK).is_undercut_by(Quantity::new(share));
        let mut low: Vec<&ClockLook> = Vec::new();
        for look in looks {
            let share = self.device.unexplained_clock(look, below).map_err(untold_clock)?;
            low.extend(share.is_some_and(is_low).then_some(look));
        }
        let at_work = |look: &&&ClockLook| gpus::is_busy(self.evidence.limit(&PAGE, &AT_WORK), look.percent);
        low.sort_by_key(|look| look.mhz);
        if 2 * low.len() <= looks.len() {
            return Ok(None);
        }
        // A GPU with little to do may lower its clock without saying why.
        if 2 * low.iter().filter(at_work).count() <= looks.len() {
            return Err(words::LightLoad {}.into());
        }
        let ClockLook { mhz, watts, .. } = low[low.len() / 2];
        let highest = *self.device.sm_max_mhz.require().map_err(untold_clock)?;
        let [least_clock, most_clock] = [*mhz, highest].map(|mhz| Arg::quantity(f64::from(mhz), "MHz", 0));
        let said = named!(LowClock, when: when.into(), least_clock, most_clock);
        let draw = watts.map(|watts| format!(", {watts:.1} W")).unwrap_or_default();
        let seen = seen(format!("SM clock {mhz} of {highest} MHz{draw}, no reason that explains it"));
        Ok(Some(self.slowed(Outcome::Warn, said, seen, &[HardwarePart::PowerSupply])))
    }

    /// A power cap that holds the clocks down although the GPU draws far less than its limit: what caps it is not that limit.
    fn capped_below(&self, seen: Citation) -> Option<Finding> {
        let (draw, limit) = (*self.device.power_watts.known()?, *self.device.power_limit_watts.known()?);
        let share = Quantity::new(100.0 * draw / limit.max(1.0));
        if !self.evidence.limit(&PAGE, &BELOW_LIMIT).is_undercut_by(share) {
            return None;
        }
        let watts = |watts: f64| Arg::quantity(watts, "W", 0);
        let said = named!(CappedBelow, least_draw: watts(draw), most_limit: watts(limit));
        let finding = self
            .slowed(Outcome::Warn, said, seen, &[HardwarePart::PowerSupply])
            .with_evidence(cite(&self.name, format!("draws {draw:.0} W, power limit {limit:.0} W")));
        Some(finding)
    }

    /// The power limit holds the clocks down, and is below the default.
    fn lowered_limit(&self, when: &str, seen: Citation) -> Result<Option<Finding>, Missing> {
        let limit = *self.device.power_limit_watts.require()?;
        let default = *self.device.power_limit_default_watts.require()?;
        if limit >= default {
            return Ok(None);
        }
        let watts = |watts: f64| Arg::quantity(watts, "W", 0);
        let said =
            named!(LoweredLimit, when: when.into(), least_limit: watts(limit), most_default: watts(default));
        let want =
            GpuState::PowerLimit { want_watts: default.round() as u32, was_watts: limit.round() as u32 };
        let finding = self
            .slowed(Outcome::Warn, said, seen, &[])
            .with_evidence(cite(&self.name, format!("power limit {limit:.0} W, default {default:.0} W")))
            .with_intent(Intent::Gpu { gpu: self.name.clone(), want })
            .with_cause(GPU_POWER, Object::node());
        Ok(Some(finding))
    }

    /// How far the GPU was from slowing down at its hottest; nothing is said where it was far enough.
    fn margin(&self, time: Option<&GpuTime>) -> Option<Finding> {
        let object = Object::gpu(&self.name);
        let (margin, citation) = match self.lowest_margin(time) {
            Ok(found) => found,
            Err(missing) => return Some(PAGE.not_run(object, words::NoMargin { reason: (&missing).into() })),
        };
        let measured = Quantity::new(margin);
        let least_margin = Arg::of(measured, 0);
        let finding = if self.evidence.limit(&PAGE, &NO_MARGIN).is_undercut_by(measured) {
            PAGE.fail(object, named!(MarginGone, least_margin))
        } else if self.evidence.limit(&PAGE, &LITTLE_MARGIN).is_undercut_by(measured) {
            PAGE.warn(object, named!(MarginLow, least_margin))
        } else {
            return None;
        };
        let goal = gpus::look_at(self.evidence, HardwarePart::Cooling, &self.name);
        Some(finding.with_evidence(citation).with_intent(goal))
    }

    /// The smallest margin in °C: NVML's own, else the threshold of the slowdown less the temperature.
    fn lowest_margin(&self, time: Option<&GpuTime>) -> Result<(f64, Citation), Missing> {
        let (device, name) = (self.device, &self.name);
        let series = time.map(|time| time.margin_celsius.optional()).transpose()?.flatten();
        if let Some(least) = series.and_then(|series| series.iter().min()) {
            return Ok((f64::from(*least), cite_window(name, format!("thermal margin at least {least} °C"))));
        }
        if let Some(margin) = device.margin_celsius.optional()? {
            return Ok((f64::from(*margin), cite(name, format!("thermal margin {margin} °C"))));
        }
        let threshold = *device.slowdown_celsius.require()?;
        let series = time.map(|time| time.temperature_celsius.optional()).transpose()?.flatten();
        let (highest, citation) = match series.and_then(|series| series.iter().max()) {
            Some(highest) => {
                let text = format!("at most {highest} °C, slows down at {threshold} °C");
                (*highest, cite_window(name, text))
            }
            None => {
                let now = *device.temperature_celsius.require()?;
                (now, cite(name, format!("{now} °C, slows down at {threshold} °C")))
            }
        };
        Ok((f64::from(threshold) - f64::from(highest), citation))
    }
}
