//! What an audit leaves beside the report: the topology as well-known tools print it, what the GPUs did during the sample, and
//! the checklist.

use std::fmt::Write;

use plumb_evidence::model::GpuTime;
use plumb_evidence::{Bundle, Fact, Missing, views};
use plumb_remediate::remediate;

use crate::analyse::Analysis;
use crate::console::Console;

/// Files by their name in the folder of the audit.
pub(super) fn artefacts(bundle: &Bundle, analysis: &Analysis, console: &Console) -> Vec<(String, Vec<u8>)> {
    let evidence = &analysis.evidence;
    let mut files = Vec::new();
    let mut topology = |name: &str, text: Result<String, Missing>| match text {
        Ok(text) => files.push((format!("topo/{name}.txt"), text.into_bytes())),
        Err(why) => console.warn(&format!("topo/{name}.txt is left out: {why}")),
    };
    topology("lscpu", views::lscpu(evidence));
    topology("numactl", views::numactl(evidence));
    topology("lstopo", views::lstopo(bundle));
    let window = evidence.window.known().and_then(|window| window.gpus.known());
    for (index, gpu) in window.into_iter().flatten().enumerate().filter(|(_, gpu)| gpu.samples > 0) {
        files.push((format!("dmon-{index}.log"), dmon(index, gpu).into_bytes()));
    }
    let plan = remediate(evidence, &analysis.assessment);
    if let Some(checklist) = plan.into_iter().find(|file| file.path == CHECKLIST) {
        files.push((CHECKLIST.to_owned(), checklist.contents.into()));
    }
    files
}

/// The part of a plan that a person goes through.
pub(super) const CHECKLIST: &str = "CHECKLIST.md";

/// The samples in columns of `nvidia-smi dmon`, with its names and units; `-` is what the GPU did not tell.
fn dmon(index: usize, gpu: &GpuTime) -> String {
    let columns: [(&str, &str, Vec<String>); 8] = [
        ("pwr", "W", shown(&gpu.power_watts, |watts| format!("{watts:.0}"))),
        ("gtemp", "C", shown(&gpu.temperature_celsius, u32::to_string)),
        ("sm", "%", shown(&gpu.utilization_percent, u32::to_string)),
        ("fb", "MB", shown(&gpu.memory_used_bytes, |bytes| (bytes >> 20).to_string())),
        ("mclk", "MHz", shown(&gpu.memory_mhz, u32::to_string)),
        ("pclk", "MHz", shown(&gpu.sm_mhz, u32::to_string)),
        ("rxpci", "MB/s", shown(&gpu.pcie_rx_kb_per_s, |kb| (kb / 1000).to_string())),
        ("txpci", "MB/s", shown(&gpu.pcie_tx_kb_per_s, |kb| (kb / 1000).to_string())),
    ];
    let seconds = gpu.seconds / f64::from(gpu.samples.max(2) - 1);
    let mut text = format!("# {}, a sample each {seconds:.1} s, read from NVML\n", gpu.address);
    let mut row = |first: &str, cells: &mut dyn Iterator<Item = String>| {
        let _ = write!(text, "{first:>5}");
        for cell in cells {
            let _ = write!(text, " {cell:>6}");
        }
        text.push('\n');
    };
    row("# gpu", &mut columns.iter().map(|(name, ..)| (*name).to_owned()));
    row("# Idx", &mut columns.iter().map(|(_, unit, _)| (*unit).to_owned()));
    for at in 0..gpu.samples as usize {
        let cell = |cells: &Vec<String>| cells.get(at).cloned().unwrap_or_else(|| "-".to_owned());
        row(&index.to_string(), &mut columns.iter().map(|(.., cells)| cell(cells)));
    }
    text
}

fn shown<T>(values: &Fact<Vec<T>>, show: impl Fn(&T) -> String) -> Vec<String> {
    values.known().into_iter().flatten().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_under_the_names_of_dmon() {
        let gpu = GpuTime {
            address: "0000:18:00.0".to_owned(),
            samples: 2,
            seconds: 1.0,
            power_watts: Fact::Known(vec![312.4, 650.0]),
            utilization_percent: Fact::Known(vec![87, 100]),
            sm_mhz: Fact::Known(vec![1980]),
            ..GpuTime::default()
        };
        let text = dmon(3, &gpu);
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
        let column = |name: &str| rows[0].iter().position(|own| *own == name).unwrap() - 1;
        assert_eq!(rows[1][column("pwr") + 1], "W");
        assert_eq!((rows[2][0], rows[2][column("pwr")], rows[2][column("sm")]), ("3", "312", "87"));
        assert_eq!(
            (rows[3][column("sm")], rows[3][column("pclk")], rows[3][column("fb")]),
            ("100", "-", "-")
        );
    }
}
