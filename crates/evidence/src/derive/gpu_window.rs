//! GPUs during the window, from NVML's readings: series as they are, counters as their growth.

use std::collections::BTreeMap;

use crate::bundle::{Bundle, NVML_WINDOW_NAME};
use crate::fact::{Absence, Fact, Missing};
use crate::model::{GpuTime, NvmlDeviceReading, NvmlWindow};

/// # Errors
/// The probe brought no readings, or they are not of the form that it writes.
pub fn derive(bundle: &Bundle) -> Result<Vec<GpuTime>, Missing> {
    let bytes = bundle.api(NVML_WINDOW_NAME, "nvml-window")?;
    let window: NvmlWindow = serde_json::from_slice(bytes)
        .map_err(|error| Missing::new(Absence::Malformed, format!("{NVML_WINDOW_NAME}: {error}")))?;
    Ok(times(&window))
}

fn times(window: &NvmlWindow) -> Vec<GpuTime> {
    let mut by_address: BTreeMap<&str, Vec<(f64, &NvmlDeviceReading)>> = BTreeMap::new();
    for reading in &window.readings {
        for device in reading.devices.iter().filter(|device| !device.address.is_empty()) {
            by_address.entry(&device.address).or_default().push((reading.seconds, device));
        }
    }
    by_address.into_iter().map(|(address, samples)| time(address, &samples, window.readings.len())).collect()
}

type Samples<'a, 'b> = &'a [(f64, &'b NvmlDeviceReading)];

fn time(address: &str, samples: Samples<'_, '_>, readings: usize) -> GpuTime {
    let times: Vec<f64> = samples.iter().map(|(seconds, _)| *seconds).collect();
    let seconds = times.last().copied().unwrap_or_default() - times.first().copied().unwrap_or_default();
    let whole = samples.len() == readings;
    GpuTime {
        address: address.to_owned(),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        seconds,
        utilization_percent: series(samples, |reading| &reading.utilization_percent),
        sm_mhz: series(samples, |reading| &reading.sm_mhz),
        memory_mhz: series(samples, |reading| &reading.memory_mhz),
        power_watts: series(samples, |reading| &reading.power_watts),
        temperature_celsius: series(samples, |reading| &reading.temperature_celsius),
        margin_celsius: series(samples, |reading| &reading.margin_celsius),
        clock_reasons: series(samples, |reading| &reading.clock_reasons),
        clock_reasons_ns: growth_by_name(samples, whole),
        pcie_generation: series(samples, |reading| &reading.pcie_generation),
        pcie_width: series(samples, |reading| &reading.pcie_width),
        pcie_tx_kb_per_s: series(samples, |reading| &reading.pcie_tx_kb_per_s),
        pcie_rx_kb_per_s: series(samples, |reading| &reading.pcie_rx_kb_per_s),
        pcie_replays: growth(samples, whole, |reading| &reading.pcie_replays),
        energy_mj: growth(samples, whole, |reading| &reading.energy_mj),
        memory_used_bytes: series(samples, |reading| &reading.memory_used_bytes),
        nvlink_errors: growth(samples, whole, |reading| &reading.nvlink_errors),
        ecc_uncorrected: growth(samples, whole, |reading| &reading.ecc_uncorrected),
    }
}

/// All values, or the first reason why there is one too few: series of one GPU are compared sample by sample.
fn series<T: Clone>(
    samples: Samples<'_, '_>,
    field: impl Fn(&NvmlDeviceReading) -> &Fact<T>,
) -> Fact<Vec<T>> {
    samples
        .iter()
        .map(|(_, reading)| field(reading).require().cloned())
        .collect::<Result<Vec<T>, Missing>>()
        .into()
}

/// First and last sample, between which a counter is compared.
fn ends<'b>(
    samples: Samples<'_, 'b>,
    whole: bool,
) -> Result<(&'b NvmlDeviceReading, &'b NvmlDeviceReading), Missing> {
    match samples {
        [(_, first), .., (_, last)] if whole => Ok((first, last)),
        _ => Err(Missing::new(Absence::Failed, "the GPU did not answer at both ends of the window")),
    }
}

fn grown(first: u64, last: u64) -> Result<u64, Missing> {
    last.checked_sub(first).ok_or_else(|| {
        Missing::new(Absence::Failed, format!("a counter ran backwards, from {first} to {last}"))
    })
}

fn growth(
    samples: Samples<'_, '_>,
    whole: bool,
    field: impl Fn(&NvmlDeviceReading) -> &Fact<u64>,
) -> Fact<u64> {
    let growth = || {
        let (first, last) = ends(samples, whole)?;
        grown(*field(first).require()?, *field(last).require()?)
    };
    growth().into()
}

fn growth_by_name(samples: Samples<'_, '_>, whole: bool) -> Fact<BTreeMap<String, u64>> {
    let growth = || {
        let (first, last) = ends(samples, whole)?;
        let (first, last) = (first.clock_reasons_ns.require()?, last.clock_reasons_ns.require()?);
        let counted = last.iter().filter_map(|(name, last)| Some((name, *first.get(name)?, *last)));
        counted.map(|(name, first, last)| Ok((name.clone(), grown(first, last)?))).collect()
    };
    let growth: Result<_, Missing> = growth();
    growth.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NvmlReading;

    fn reading(seconds: f64, energy: u64, utilization: Option<u32>) -> NvmlReading {
        let device = NvmlDeviceReading {
            address: "0000:18:00.0".into(),
            energy_mj: Fact::Known(energy),
            utilization_percent: utilization.map_or_else(|| Fact::absent("MIG"), Fact::Known),
            clock_reasons_ns: Fact::Known([("hw_thermal".to_owned(), 5 * energy)].into()),
            ..NvmlDeviceReading::default()
        };
        NvmlReading { seconds, devices: vec![device] }
    }

    fn only(readings: Vec<NvmlReading>) -> GpuTime {
        times(&NvmlWindow { readings }).remove(0)
    }

    #[test]
    fn series_keep_their_samples_and_counters_their_growth() {
        let gpu =
            only(vec![reading(0.0, 10, Some(0)), reading(1.0, 15, Some(80)), reading(2.5, 30, Some(90))]);
        assert_eq!((gpu.samples, gpu.seconds), (3, 2.5));
        assert_eq!(gpu.utilization_percent, Fact::Known(vec![0, 80, 90]));
        assert_eq!(gpu.energy_mj, Fact::Known(20));
        assert_eq!(gpu.clock_reasons_ns, Fact::Known([("hw_thermal".to_owned(), 100)].into()));
        assert_eq!(gpu.pcie_replays.require().unwrap_err().missing, Absence::Skipped);
    }

    #[test]
    fn a_gap_in_a_series_is_told() {
        let gpu = only(vec![reading(0.0, 10, Some(0)), reading(1.0, 15, None)]);
        assert_eq!(gpu.utilization_percent.require().unwrap_err().missing, Absence::Absent);
    }

    #[test]
    fn a_counter_that_ran_backwards_or_was_read_once_is_missing() {
        let gpu = only(vec![reading(0.0, 10, Some(0)), reading(1.0, 9, Some(0))]);
        assert_eq!(gpu.energy_mj.require().unwrap_err().missing, Absence::Failed);
        assert_eq!(
            only(vec![reading(0.0, 1, None)]).energy_mj.require().unwrap_err().missing,
            Absence::Failed
        );
        // A GPU that fell off the bus during the window.
        let gone = NvmlReading { seconds: 2.0, devices: Vec::new() };
        let gpu = only(vec![reading(0.0, 1, None), reading(1.0, 2, None), gone]);
        assert_eq!(gpu.energy_mj.require().unwrap_err().missing, Absence::Failed);
    }
}
