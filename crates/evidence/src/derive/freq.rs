//! Frequency scaling and idle states: `/sys/devices/system/cpu/{cpufreq,cpuN/cpufreq,cpuidle,cpuN/cpuidle}`.

use std::collections::BTreeMap;

use crate::derive::cpu;
use crate::fact::{Absence, Missing};
use crate::index_set::CpuSet;
use crate::model::{CpuFreq, CpuIdle, FreqPolicy, IdleState};
use crate::source::{Source, malformed};

/// # Errors
/// Virtual machines and some kernels have no frequency scaling.
pub(crate) fn cpufreq(source: &impl Source, online: Option<&CpuSet>) -> Result<CpuFreq, Missing> {
    let root = format!("{}/cpufreq", cpu::PATH);
    let policies = match numbered(source, &root, "policy") {
        Ok(numbers) if !numbers.is_empty() => {
            numbers.into_iter().map(|n| policy(source, format!("{root}/policy{n}"), n)).collect()
        }
        // Before Linux 4.2, and in recordings that kept only what lscpu reads, each CPU has a folder of its own.
        other => {
            let policies: Vec<FreqPolicy> = numbered(source, cpu::PATH, "cpu")?
                .into_iter()
                .map(|n| (n, format!("{}/cpu{n}/cpufreq", cpu::PATH)))
                .filter(|(_, path)| source.list(path).is_ok())
                .map(|(n, path)| policy(source, path, n))
                .collect();
            if policies.is_empty() {
                return Err(other.err().unwrap_or_else(|| {
                    Missing::new(Absence::Absent, format!("{root} has no policy, and no CPU has `cpufreq`"))
                }));
            }
            policies
        }
    };
    // The folder of a policy outlives its last online CPU, and its files then answer EBUSY or what was true before.
    let policies = match online {
        Some(online) => policies
            .into_iter()
            .filter(|policy: &FreqPolicy| !policy.cpus.intersection(online).is_empty())
            .collect(),
        None => policies,
    };
    Ok(CpuFreq {
        policies,
        boost: source.fact(&format!("{root}/boost")),
        intel_pstate: source.fact(&format!("{}/intel_pstate/status", cpu::PATH)),
        intel_no_turbo: source.fact(&format!("{}/intel_pstate/no_turbo", cpu::PATH)),
        amd_pstate: source.fact(&format!("{}/amd_pstate/status", cpu::PATH)),
    })
}

fn policy(source: &impl Source, path: String, number: u32) -> FreqPolicy {
    let file = |name: &str| format!("{path}/{name}");
    // `affected_cpus` lists the online CPUs, separated by blanks.
    let cpus = ["affected_cpus", "related_cpus"].iter().find_map(|name| {
        let text = source.text(&file(name)).ok()?;
        let cpus: CpuSet = text.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        (!cpus.is_empty()).then_some(cpus)
    });
    FreqPolicy {
        cpus: cpus.unwrap_or_else(|| std::iter::once(number).collect()),
        scaling_driver: source.fact(&file("scaling_driver")),
        scaling_governor: source.fact(&file("scaling_governor")),
        scaling_available_governors: source.fact(&file("scaling_available_governors")),
        energy_performance_preference: source.fact(&file("energy_performance_preference")),
        auto_select: source.fact(&file("auto_select")),
        energy_performance_preference_val: source.fact(&file("energy_performance_preference_val")),
        perf_limited: source.fact(&file("perf_limited")),
        scaling_boost_frequencies: source.fact(&file("scaling_boost_frequencies")),
        scaling_min_freq_khz: source.parse(&file("scaling_min_freq")).into(),
        scaling_max_freq_khz: source.parse(&file("scaling_max_freq")).into(),
        cpuinfo_max_freq_khz: source.parse(&file("cpuinfo_max_freq")).into(),
        base_frequency_khz: source.parse(&file("base_frequency")).into(),
        path,
    }
}

/// # Errors
/// Virtual machines often have no idle driver.
pub(crate) fn cpuidle(source: &impl Source) -> Result<CpuIdle, Missing> {
    let root = format!("{}/cpuidle", cpu::PATH);
    let driver = source.text(&format!("{root}/current_driver"));
    /// CPUs that have a state, those on which it is off, and the time that each slept in it.
    type Asleep = (CpuSet, CpuSet, BTreeMap<u32, u64>);
    let mut states: BTreeMap<(u32, String, u64), Asleep> = BTreeMap::new();
    for cpu in numbered(source, cpu::PATH, "cpu")? {
        let folder = format!("{}/cpu{cpu}/cpuidle", cpu::PATH);
        let indices = match numbered(source, &folder, "state") {
            Err(why) if why.missing == Absence::Absent => Vec::new(),
            indices => indices?,
        };
        for index in indices {
            let path = format!("{folder}/state{index}");
            let name = source.text(&format!("{path}/name"))?;
            let latency = source.parse::<u64>(&format!("{path}/latency"))?;
            let (cpus, disabled, time_us) = states.entry((index, name, latency)).or_default();
            cpus.insert(cpu);
            if let Ok(time) = source.parse::<u64>(&format!("{path}/time")) {
                time_us.insert(cpu, time);
            }
            match source.text(&format!("{path}/disable")) {
                Ok(text) if text != "0" => disabled.insert(cpu),
                Ok(_) => {}
                // Kernels before 3.10 cannot disable a state.
                Err(why) if why.missing == Absence::Absent => {}
                Err(why) => return Err(why),
            }
        }
    }
    if states.is_empty() {
        driver.clone()?;
    }
    Ok(CpuIdle {
        driver: driver.into(),
        governor: source
            .text(&format!("{root}/current_governor_ro"))
            .or_else(|_| source.text(&format!("{root}/current_governor")))
            .into(),
        states: states
            .into_iter()
            .map(|((index, name, latency_us), (cpus, disabled, time_us))| IdleState {
                index,
                name,
                latency_us,
                cpus,
                disabled,
                time_us,
            })
            .collect(),
        seconds_since_boot: source
            .text("/proc/uptime")
            .and_then(|text| {
                let seconds = text.split(['.', ' ']).next().and_then(|seconds| seconds.parse().ok());
                seconds.ok_or_else(|| malformed("/proc/uptime", &text))
            })
            .into(),
    })
}

/// The numbers of the entries `prefixN` of a folder, ascending.
pub(crate) fn numbered(source: &impl Source, path: &str, prefix: &str) -> Result<Vec<u32>, Missing> {
    let mut numbers: Vec<u32> =
        source.list(path)?.iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
