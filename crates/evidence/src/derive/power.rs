//! CPU clocks, idle states, caps and throttling: files that each CPU has, below `/sys/devices/system/cpu/cpuN`, and the
//! latency that `/dev/cpu_dma_latency` allows.
//!
//! AMD and Arm lack `thermal_throttle` and the energy bias, virtual machines nearly everything: what no CPU has is absent.

use std::collections::BTreeMap;

use crate::bundle::Bundle;
use crate::derive::cpu;
use crate::derive::cpuinfo::{self, CpuInfo};
use crate::derive::freq::numbered;
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::CpuSet;
use crate::model::{Cppc, CpuReading, FEATURES, IdleResidency, Power, PowerWindow};
use crate::source::{Source, malformed, parse_text};

/// Id of the probe that reads these files.
pub const PROBE: &str = "power";
/// Latency that programs ask the kernel to keep: 32 bits in the byte order of the node.
pub const DMA_LATENCY: &str = "/dev/cpu_dma_latency";
/// Files below the folder of a CPU that are read once.
pub const FILES: &[&str] = &[
    "power/energy_perf_bias",
    "power/pm_qos_resume_latency_us",
    "acpi_cppc/highest_perf",
    "acpi_cppc/nominal_perf",
    "acpi_cppc/lowest_perf",
    "acpi_cppc/reference_perf",
    "acpi_cppc/nominal_freq",
    CORE_THROTTLES,
    PACKAGE_THROTTLES,
];
/// Times that a core was throttled.
pub const CORE_THROTTLES: &str = "thermal_throttle/core_throttle_count";
/// Times that a package was throttled.
pub const PACKAGE_THROTTLES: &str = "thermal_throttle/package_throttle_count";
/// Counters of delivered and reference performance.
pub const FEEDBACK: &str = "acpi_cppc/feedback_ctrs";
/// Clock as the kernel names it.
pub const CLOCK: &str = "cpufreq/scaling_cur_freq";

/// Least progress of the reference counter for a quotient: 10^6 are about half a millisecond of work.
const LEAST_REFERENCE: u64 = 1_000_000;

/// # Errors
/// A bundle from before this probe did not look, which is not the same as finding nothing.
pub(crate) fn derive(bundle: &Bundle) -> Result<Power, Missing> {
    if !bundle.manifest().probes.iter().any(|record| record.id == PROBE) {
        let reason = format!("the collector did not run the probe `{PROBE}`");
        return Err(Missing::new(Absence::Skipped, reason));
    }
    let mut power = read(bundle)?;
    power.window = bundle
        .samples()
        .and_then(|(first, last, seconds)| window(bundle, &power, &first, &last, seconds))
        .into();
    Ok(power)
}

/// The online CPUs that have a folder, ascending.
fn cpus(source: &impl Source) -> Result<Vec<u32>, Missing> {
    let online: Option<CpuSet> = source.parse(&format!("{}/online", cpu::PATH)).ok();
    let mut cpus = numbered(source, cpu::PATH, "cpu")?;
    cpus.retain(|&cpu| online.as_ref().is_none_or(|online| online.contains(cpu)));
    Ok(cpus)
}

fn file(cpu: u32, name: &str) -> String {
    format!("{}/cpu{cpu}/{name}", cpu::PATH)
}

fn read(source: &impl Source) -> Result<Power, Missing> {
    let cpus = cpus(source)?;
    let number = |name: &str| grouped(&cpus, name, |path| source.parse(path));
    let info = CpuInfo::read(source);
    let info = info.as_ref().map_err(Clone::clone);
    // Only x86 has the first of the keys; elsewhere a model is a name or another count.
    let of_family = |key: &str| {
        let info = info.clone()?;
        info.first(&["cpu family"]).require()?;
        parse_text(cpuinfo::PATH, info.first(&[key]).require()?)
    };
    Ok(Power {
        features: info.clone().and_then(features).into(),
        family: of_family("cpu family").into(),
        family_model: of_family("model").into(),
        energy_perf_bias: number("power/energy_perf_bias"),
        resume_latency_us: resume_latency(source, &cpus),
        dma_latency_us: source.read(DMA_LATENCY).and_then(|bytes| dma_latency(&bytes)).into(),
        cppc: cppc(source, &cpus),
        core_throttle_count: number(CORE_THROTTLES),
        package_throttle_count: number(PACKAGE_THROTTLES),
        window: Fact::default(),
    })
}

/// # Errors
/// Architectures other than x86 have no such flags.
fn features(info: &CpuInfo) -> Result<Vec<String>, Missing> {
    let flags = info.first(&["flags"]).require()?.clone();
    let mut names: Vec<String> =
        flags.split_whitespace().filter(|flag| FEATURES.contains(flag)).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// # Errors
/// Anything but four bytes is malformed. Those of a node with the other byte order give a nonsense number, but none such
/// serves models.
fn dma_latency(bytes: &[u8]) -> Result<u64, Missing> {
    let bytes: [u8; 4] = bytes.try_into().map_err(|_| {
        Missing::new(Absence::Malformed, format!("{DMA_LATENCY} holds {} bytes, expected 4", bytes.len()))
    })?;
    u64::try_from(i32::from_le_bytes(bytes))
        .map_err(|_| Missing::new(Absence::Malformed, format!("{DMA_LATENCY} holds a negative latency")))
}

/// A value of each of `cpus`, grouped; missing where no CPU has it.
fn grouped(cpus: &[u32], name: &str, value: impl Fn(&str) -> Result<u64, Missing>) -> Fact<Vec<CpuReading>> {
    let mut groups: BTreeMap<Result<u64, Absence>, CpuReading> = BTreeMap::new();
    let mut absent = None;
    for &cpu in cpus {
        let path = file(cpu, name);
        let value = value(&path);
        if let Err(why) = &value
            && why.is_nothing()
        {
            absent.get_or_insert_with(|| why.clone());
        }
        // Reasons name the file, so missing values are equal by their kind alone; the first stands for all.
        let key = value.as_ref().copied().map_err(|why| why.missing);
        let group = groups.entry(key).or_insert_with(|| CpuReading {
            path,
            cpus: CpuSet::new(),
            value: value.into(),
        });
        group.cpus.insert(cpu);
    }
    if groups.is_empty() || groups.len() == 1 && absent.is_some() {
        let none = || Missing::new(Absence::Absent, format!("no CPU has `{name}`"));
        return Fact::Missing(absent.map_or_else(none, |why| match why.missing {
            Absence::Absent => Missing { reason: format!("no CPU has `{name}`: {}", why.reason), ..why },
            _ => Missing { reason: format!("`{name}` was recorded of no CPU: {}", why.reason), ..why },
        }));
    }
    Fact::Known(groups.into_values().collect())
}

/// Limits only: `0` is none, `n/a` allows no latency at all (the kernel's `Documentation/ABI/testing/sysfs-devices-power`).
fn resume_latency(source: &impl Source, cpus: &[u32]) -> Fact<Vec<CpuReading>> {
    const NO_LIMIT: u64 = u64::MAX;
    let limit = |path: &str| match source.text(path)?.as_str() {
        "0" => Ok(NO_LIMIT),
        "n/a" => Ok(0),
        text => parse_text(path, text),
    };
    grouped(cpus, "power/pm_qos_resume_latency_us", limit).map(|mut groups| {
        groups.retain(|group| group.value != Fact::Known(NO_LIMIT));
        groups
    })
}

fn cppc(source: &impl Source, cpus: &[u32]) -> Fact<Vec<Cppc>> {
    const FIELDS: [&str; 5] =
        ["highest_perf", "nominal_perf", "lowest_perf", "reference_perf", "nominal_freq"];
    let mut groups: BTreeMap<[Result<u64, Absence>; 5], Cppc> = BTreeMap::new();
    for &cpu in cpus {
        let path = file(cpu, "acpi_cppc");
        let values = FIELDS.map(|name| source.parse::<u64>(&format!("{path}/{name}")));
        let key = std::array::from_fn(|i| values[i].as_ref().copied().map_err(|why| why.missing));
        let [highest, nominal, lowest, reference, freq] = values.map(Fact::from);
        let group = groups.entry(key).or_insert_with(|| Cppc {
            path,
            cpus: CpuSet::new(),
            highest_perf: highest,
            nominal_perf: nominal,
            lowest_perf: lowest,
            reference_perf: reference,
            nominal_freq_mhz: freq,
        });
        group.cpus.insert(cpu);
    }
    if groups.keys().all(|key| *key == [Err(Absence::NotRecorded); 5]) && !groups.is_empty() {
        return Fact::Missing(Missing::not_recorded("no `acpi_cppc` of any CPU is part of this recording"));
    }
    if groups.keys().all(|key| *key == [Err(Absence::Absent); 5]) {
        return Fact::absent("no CPU has `acpi_cppc`: the firmware describes no performance levels");
    }
    Fact::Known(groups.into_values().collect())
}

fn window(
    source: &impl Source,
    power: &Power,
    first: &impl Source,
    last: &impl Source,
    seconds: f64,
) -> Result<PowerWindow, Missing> {
    let cpus = cpus(source)?;
    let moved = |name: &str| grouped(&cpus, name, |path| difference(first, last, path));
    Ok(PowerWindow {
        seconds,
        core_throttles: moved(CORE_THROTTLES),
        package_throttles: moved(PACKAGE_THROTTLES),
        idle: idle(source, first, last, &cpus).into(),
        busy_clock_khz: busy_clocks(power, first, last, &cpus).into(),
        momentary_clock_khz: momentary_clocks(first, last, &cpus).into(),
    })
}

/// # Errors
/// A counter that ran backwards was reset meanwhile.
fn difference(first: &impl Source, last: &impl Source, path: &str) -> Result<u64, Missing> {
    let (before, after) = (first.parse::<u64>(path)?, last.parse::<u64>(path)?);
    after
        .checked_sub(before)
        .ok_or_else(|| Missing::new(Absence::Failed, format!("{path} fell from {before} to {after}")))
}

/// # Errors
/// Fails where no idle state of any CPU was read twice.
fn idle(
    source: &impl Source,
    first: &impl Source,
    last: &impl Source,
    cpus: &[u32],
) -> Result<Vec<IdleResidency>, Missing> {
    let mut states: BTreeMap<(u32, String, u64), IdleResidency> = BTreeMap::new();
    let mut why = Missing::new(Absence::Absent, "no CPU has idle states");
    for &cpu in cpus {
        let folder = file(cpu, "cpuidle");
        for index in numbered(source, &folder, "state").unwrap_or_default() {
            let path = format!("{folder}/state{index}");
            let time = match difference(first, last, &format!("{path}/time")) {
                Ok(time) => time,
                Err(missing) => {
                    why = missing;
                    continue;
                }
            };
            let name = source.text(&format!("{path}/name"))?;
            let latency_us = source.parse(&format!("{path}/latency"))?;
            let state = states.entry((index, name.clone(), latency_us)).or_insert_with(|| IdleResidency {
                index,
                name,
                latency_us,
                ..IdleResidency::default()
            });
            state.time_us.insert(cpu, time);
        }
    }
    if states.is_empty() { Err(why) } else { Ok(states.into_values().collect()) }
}

/// The two numbers of `ref:1234 del:5678`.
fn feedback(path: &str, text: &str) -> Result<(u64, u64), Missing> {
    let field = |name: &str| text.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse().ok());
    match (field("ref:"), field("del:")) {
        (Some(reference), Some(delivered)) => Ok((reference, delivered)),
        _ => Err(malformed(path, text)),
    }
}

/// The clock of the time in which a CPU was not idle: the reference counter runs at the reference level and the delivered
/// counter at the level delivered, both only while the CPU does not idle (ACPI 6.5, 8.4.6.1.3).
///
/// # Errors
/// Fails where no CPU has such counters, or nothing tells which clock their scale stands for.
fn busy_clocks(
    power: &Power,
    first: &impl Source,
    last: &impl Source,
    cpus: &[u32],
) -> Result<BTreeMap<u32, u64>, Missing> {
    let groups = power.cppc.require()?;
    let mut clocks = BTreeMap::new();
    let mut why = None;
    for &cpu in cpus {
        let path = file(cpu, FEEDBACK);
        let read = |source: &dyn Fn() -> Result<String, Missing>| feedback(&path, &source()?);
        let clock = || -> Result<Option<u64>, Missing> {
            let before = read(&|| first.text(&path))?;
            let after = read(&|| last.text(&path))?;
            let no_level = || Missing::new(Absence::Absent, format!("CPU {cpu} has no CPPC levels"));
            let levels = groups.iter().find(|group| group.cpus.contains(cpu)).ok_or_else(no_level)?;
            let reference_khz = reference_clock(levels)?;
            let backwards = || Missing::new(Absence::Failed, format!("a counter of {path} ran backwards"));
            let reference = after.0.checked_sub(before.0).ok_or_else(backwards)?;
            let delivered = after.1.checked_sub(before.1).ok_or_else(backwards)?;
            if reference < LEAST_REFERENCE {
                return Ok(None);
            }
            Ok(Some((reference_khz * delivered as f64 / reference as f64).round() as u64))
        };
        match clock() {
            Ok(Some(khz)) => drop(clocks.insert(cpu, khz)),
            Ok(None) => {}
            Err(missing) => drop(why.get_or_insert(missing)),
        }
    }
    match why {
        Some(missing) if clocks.is_empty() => Err(missing),
        _ => Ok(clocks),
    }
}

/// Clock in kHz of the reference level, by the clock that the firmware names for the nominal one.
fn reference_clock(levels: &Cppc) -> Result<f64, Missing> {
    let nominal = *levels.nominal_perf.require()?;
    let nominal_mhz = *levels.nominal_freq_mhz.require()?;
    let reference = levels.reference_perf.known().copied().unwrap_or(nominal);
    if nominal == 0 || nominal_mhz == 0 {
        let reason = format!("{} names no clock for its levels", levels.path);
        return Err(Missing::new(Absence::Absent, reason));
    }
    Ok(nominal_mhz as f64 * 1000.0 * reference as f64 / nominal as f64)
}

/// # Errors
/// Fails where no CPU was read twice.
fn momentary_clocks(
    first: &impl Source,
    last: &impl Source,
    cpus: &[u32],
) -> Result<BTreeMap<u32, Vec<u64>>, Missing> {
    let mut clocks = BTreeMap::new();
    let mut why = Missing::new(Absence::Absent, format!("no CPU has `{CLOCK}`"));
    for &cpu in cpus {
        let path = file(cpu, CLOCK);
        match first.parse(&path).and_then(|before| Ok(vec![before, last.parse(&path)?])) {
            Ok(readings) => drop(clocks.insert(cpu, readings)),
            Err(missing) => why = missing,
        }
    }
    if clocks.is_empty() { Err(why) } else { Ok(clocks) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Files by path; the folder of a file that is there can be listed.
    #[derive(Default)]
    struct Tree(BTreeMap<String, Vec<u8>>);

    impl Tree {
        fn new(files: &[(&str, &str)]) -> Self {
            let root = cpu::PATH;
            Self(
                files
                    .iter()
                    .map(|(path, text)| {
                        let path =
                            if path.starts_with('/') { (*path).into() } else { format!("{root}/{path}") };
                        (path, text.as_bytes().to_vec())
                    })
                    .collect(),
            )
        }
    }

    impl Source for Tree {
        fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
            self.0.get(path).cloned().ok_or_else(|| Missing::new(Absence::Absent, format!("no {path}")))
        }

        fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
            let below = self.0.keys().filter_map(|key| key.strip_prefix(path)?.strip_prefix('/'));
            let names: BTreeSet<String> =
                below.filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect();
            if names.is_empty() {
                return Err(Missing::new(Absence::Absent, format!("no {path}")));
            }
            Ok(names.into_iter().collect())
        }

        fn link(&self, path: &str) -> Result<String, Missing> {
            Err(Missing::new(Absence::Absent, format!("no {path}")))
        }
    }

    fn readings(fact: &Fact<Vec<CpuReading>>) -> Vec<(String, Option<u64>)> {
        let groups = fact.known().unwrap();
        groups.iter().map(|group| (group.cpus.to_string(), group.value.known().copied())).collect()
    }

    #[test]
    fn equal_values_of_online_cpus_are_grouped() {
        let tree = Tree::new(&[
            ("online", "0-2\n"),
            ("cpu0/power/energy_perf_bias", "6\n"),
            ("cpu1/power/energy_perf_bias", "0\n"),
            ("cpu2/power/energy_perf_bias", "6\n"),
            ("cpu3/power/energy_perf_bias", "15\n"),
            ("cpu0/power/pm_qos_resume_latency_us", "0\n"),
            ("cpu1/power/pm_qos_resume_latency_us", "n/a\n"),
            ("cpu2/power/pm_qos_resume_latency_us", "99\n"),
            (
                "/proc/cpuinfo",
                "processor: 0\ncpu family: 6\nmodel: 85\nmodel name: X\nflags: fpu hwp epb hwp sse\n",
            ),
        ]);
        let power = read(&tree).unwrap();
        assert_eq!(readings(&power.energy_perf_bias), [("1".into(), Some(0)), ("0,2".into(), Some(6))]);
        assert_eq!(readings(&power.resume_latency_us), [("1".into(), Some(0)), ("2".into(), Some(99))]);
        assert_eq!(power.features, Fact::Known(vec!["epb".into(), "hwp".into()]));
        assert_eq!((power.family, power.family_model), (Fact::Known(6), Fact::Known(85)));
        for absent in [&power.core_throttle_count, &power.package_throttle_count] {
            assert!(matches!(absent, Fact::Missing(why) if why.missing == Absence::Absent));
        }
    }

    #[test]
    fn a_value_that_is_no_number_is_a_group_of_its_own() {
        let tree = Tree::new(&[("cpu0/power/energy_perf_bias", "six"), ("cpu1/power/energy_perf_bias", "6")]);
        let power = read(&tree).unwrap();
        assert_eq!(readings(&power.energy_perf_bias), [("1".into(), Some(6)), ("0".into(), None)]);
    }

    #[test]
    fn the_latency_device_holds_four_bytes() {
        assert_eq!(dma_latency(&2_000_000_000_i32.to_le_bytes()), Ok(2_000_000_000));
        assert_eq!(dma_latency(&[99, 0, 0, 0]), Ok(99));
        assert!(dma_latency(b"99\n").is_err());
        assert!(dma_latency(&[0xff; 4]).is_err());
    }

    fn levels(cpu: u32) -> Vec<(String, String)> {
        let text = |name: &str, value: &str| (format!("cpu{cpu}/acpi_cppc/{name}"), value.to_owned());
        vec![
            text("highest_perf", "38"),
            text("nominal_perf", "20"),
            text("reference_perf", "20"),
            text("nominal_freq", "2000"),
        ]
    }

    #[test]
    fn the_busy_clock_is_the_quotient_of_the_counters() {
        let mut files = levels(0);
        files.extend(levels(1));
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let tree = Tree::new(&files);
        let first = Tree::new(&[
            ("cpu0/acpi_cppc/feedback_ctrs", "ref:1000 del:1000"),
            ("cpu1/acpi_cppc/feedback_ctrs", "ref:5 del:5"),
        ]);
        let last = Tree::new(&[
            ("cpu0/acpi_cppc/feedback_ctrs", "ref:20001000 del:35001000"),
            ("cpu1/acpi_cppc/feedback_ctrs", "ref:500 del:900"),
        ]);
        let power = read(&tree).unwrap();
        let window = window(&tree, &power, &first, &last, 5.0).unwrap();
        // CPU 1 slept.
        assert_eq!(window.busy_clock_khz, Fact::Known(BTreeMap::from([(0, 3_500_000)])));
        assert!(window.momentary_clock_khz.known().is_none());
    }

    #[test]
    fn times_in_idle_states_are_differences() {
        let tree = Tree::new(&[
            ("cpu0/cpuidle/state1/name", "C6"),
            ("cpu0/cpuidle/state1/latency", "290"),
            ("cpu1/cpuidle/state1/name", "C6"),
            ("cpu1/cpuidle/state1/latency", "290"),
        ]);
        let first = Tree::new(&[("cpu0/cpuidle/state1/time", "1000"), ("cpu1/cpuidle/state1/time", "70")]);
        let last = Tree::new(&[("cpu0/cpuidle/state1/time", "4000"), ("cpu1/cpuidle/state1/time", "70")]);
        let window = window(&tree, &Power::default(), &first, &last, 5.0).unwrap();
        let idle = window.idle.known().unwrap();
        assert_eq!(idle.len(), 1);
        assert_eq!((idle[0].latency_us, idle[0].name.as_str()), (290, "C6"));
        assert_eq!(idle[0].time_us, BTreeMap::from([(0, 3000), (1, 0)]));
    }

    #[test]
    fn a_counter_that_fell_is_missing() {
        let name = format!("cpu0/{CORE_THROTTLES}");
        let (first, last) = (Tree::new(&[(&name, "7")]), Tree::new(&[(&name, "3")]));
        let window = window(&first, &Power::default(), &first, &last, 5.0).unwrap();
        assert_eq!(readings(&window.core_throttles), [("0".into(), None)]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            let _ = feedback("x", &text);
            let _ = dma_latency(&bytes);
            let names = FILES.iter().chain([&FEEDBACK, &CLOCK]).map(|name| format!("cpu0/{name}"));
            let mut files: Vec<(String, &str)> = names.map(|name| (name, text.as_str())).collect();
            files.extend(["name", "latency", "time"].map(|name| (format!("cpu0/cpuidle/state0/{name}"), "1")));
            files.push(("/proc/cpuinfo".to_owned(), &text));
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
            let tree = Tree::new(&files);
            let power = read(&tree).unwrap();
            let _ = window(&tree, &power, &tree, &tree, 1.0);
        }
    }
}
