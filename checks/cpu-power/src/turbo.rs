//! Whether turbo is on. The kernel has one frequency driver, and a driver has one switch at most: `intel_pstate`, which calls
//! itself `intel_cpufreq` in passive mode, has `no_turbo`, and all others have `boost`.

use plumb_check_sdk::model::CpuFreq;
use plumb_check_sdk::{Absence, Citation, Fact, Intent, Missing};

/// A file that switches turbo on and off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) path: &'static str,
    on: &'static str,
    off: &'static str,
}

const BOOST: Switch = Switch { path: "/sys/devices/system/cpu/cpufreq/boost", on: "1", off: "0" };
pub(crate) const NO_TURBO: Switch =
    Switch { path: "/sys/devices/system/cpu/intel_pstate/no_turbo", on: "0", off: "1" };

impl Switch {
    /// Cites that it is off.
    pub(crate) fn seen_off(&self) -> Citation {
        Citation::new(self.path, self.off)
    }

    /// Asks for it to be on.
    pub(crate) fn turned_on(&self) -> Intent {
        Intent::Boost { path: self.path.into(), want: self.on.into(), was: self.off.into() }
    }
}

/// What the switch says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turbo {
    On(Citation),
    Off(&'static Switch),
    /// The driver has no switch.
    NoSwitch,
    Unknown(Missing),
}

impl Turbo {
    /// A switch that is off is believed whatever the driver is; one that another driver would have is not missed.
    pub(crate) fn read(cpufreq: &CpuFreq) -> Self {
        let switches = [(&BOOST, &cpufreq.boost), (&NO_TURBO, &cpufreq.intel_no_turbo)];
        let says = |fact: &Fact<String>, word: &str| fact.known().is_some_and(|text| text.trim() == word);
        if let Some((switch, _)) = switches.iter().find(|(switch, fact)| says(fact, switch.off)) {
            return Self::Off(switch);
        }
        let driver = cpufreq.policies.iter().find_map(|policy| policy.scaling_driver.known());
        let is_own =
            |switch: &Switch| driver.is_none_or(|name| is_intel_pstate(name) == (*switch == NO_TURBO));
        let mut unknown = None;
        for (switch, fact) in switches.into_iter().filter(|(switch, _)| is_own(switch)) {
            let Switch { path, on, off } = switch;
            let malformed = |text: &String| {
                let reason = format!("{path} holds `{text}`, expected `{on}` or `{off}`");
                Missing::new(Absence::Malformed, reason)
            };
            match fact {
                Fact::Known(text) if text.trim() == *on => return Self::On(Citation::new(*path, *on)),
                Fact::Known(text) => unknown = Some(malformed(text)),
                Fact::Missing(why) if why.is_absent() => {}
                Fact::Missing(why) => unknown = Some(why.clone()),
            }
        }
        unknown.map_or(Self::NoSwitch, Self::Unknown)
    }
}

/// True for Intel's driver, in both of its modes.
pub(crate) fn is_intel_pstate(driver: &str) -> bool {
    matches!(driver.trim(), "intel_pstate" | "intel_cpufreq")
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumb_check_sdk::model::FreqPolicy;

    #[test]
    fn the_driver_says_which_switch_there_is() {
        let known = |text: &str| Fact::Known(text.to_owned());
        let lost = || Fact::Missing(Missing::not_recorded("not copied"));
        let none = || Fact::absent("no such file");
        let on = |path: &str, text: &str| Turbo::On(Citation::new(path, text));
        let unknown = || Turbo::Unknown(Missing::not_recorded("not copied"));
        for (driver, boost, no_turbo, expected) in [
            (known("acpi-cpufreq"), known("1"), lost(), on(BOOST.path, "1")),
            (known("qcom-cpufreq-hw"), known("1\n"), none(), on(BOOST.path, "1")),
            (known("intel_pstate"), lost(), known("0"), on(NO_TURBO.path, "0")),
            (known("intel_cpufreq"), lost(), lost(), unknown()),
            (known("acpi-cpufreq"), lost(), none(), unknown()),
            (known("acpi-cpufreq"), none(), lost(), Turbo::NoSwitch),
            (known("acpi-cpufreq"), lost(), known("1"), Turbo::Off(&NO_TURBO)),
            (lost(), known("1"), lost(), on(BOOST.path, "1")),
            (lost(), none(), lost(), unknown()),
            (lost(), none(), none(), Turbo::NoSwitch),
        ] {
            let policy = FreqPolicy { scaling_driver: driver.clone(), ..FreqPolicy::default() };
            let cpufreq = CpuFreq {
                policies: vec![policy],
                boost: boost.clone(),
                intel_no_turbo: no_turbo.clone(),
                ..CpuFreq::default()
            };
            assert_eq!(Turbo::read(&cpufreq), expected, "{driver:?} {boost:?} {no_turbo:?}");
        }
        let cpufreq = CpuFreq { boost: known("yes"), intel_no_turbo: none(), ..CpuFreq::default() };
        assert!(matches!(Turbo::read(&cpufreq), Turbo::Unknown(why) if why.missing == Absence::Malformed));
    }
}
