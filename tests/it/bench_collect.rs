//! What collecting costs, against the three commands that it stands for. Run by `cargo xtask bench`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use plumb_evidence::Bundle;
use plumb_tests::{plumb, recordings, run, skip};

use super::recordings::{archive, unpack};

/// Pairs that are measured. Both halves of a pair meet the same noise.
const PAIRS: usize = 40;

/// The commands that a consultant would type one after the other.
const TOOLS: [&[&str]; 3] = [&["lscpu", "-e"], &["numactl", "--hardware"], &["lstopo-no-graphics"]];

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[test]
#[ignore = "timings are no assertions"]
fn bench_collect() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("x.plumb");
    let collect = || {
        let begun = Instant::now();
        let result = run(plumb().args(["-q", "collect", "-o"]).arg(&bundle));
        assert_eq!(result.code, 0, "{result:?}");
        milliseconds(begun.elapsed())
    };
    let tools = || -> Option<f64> {
        let begun = Instant::now();
        for words in TOOLS {
            let (program, arguments) = words.split_first()?;
            let mut command = Command::new(program);
            command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
            command.status().ok().filter(std::process::ExitStatus::success)?;
        }
        Some(milliseconds(begun.elapsed()))
    };
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..PAIRS + 3 {
        // The first few fill the caches of both.
        let own = collect();
        let Some(other) = tools() else {
            return skip("lscpu, numactl or lstopo-no-graphics does not run here");
        };
        if pair >= 3 {
            ours.push(own);
            theirs.push(other);
            ratios.push(own / other);
        }
    }
    let cost = Bundle::read(&bundle).unwrap().manifest().cost.clone();
    println!(
        "collect, written and synced: {:.1} ms; lscpu -e, numactl --hardware, lstopo: {:.1} ms; {PAIRS} pairs",
        median(ours.clone()),
        median(theirs.clone())
    );
    println!("ratio of medians {:.2}, median of ratios {:.2}", median(ours) / median(theirs), median(ratios));
    print!("peak memory {} KiB", cost.peak_rss_kib);
    for helper in &cost.helpers {
        print!(", {} {} KiB", helper.probe, helper.peak_rss_kib);
    }
    println!(", CPU time {:.1} ms", milliseconds(Duration::from_micros(cost.cpu_us)));
}

#[test]
#[ignore = "timings are no assertions"]
fn bench_collect_512_cpus() {
    let Some(folder) = recordings() else { return skip("no recorded machines") };
    let work = tempfile::tempdir().unwrap();
    for name in ["ulh/ia64-512cpus", "hw/256ppc-8n8s4t", "hw/256ia64-64n2s2c"] {
        let Some(root) =
            archive(&folder, name).and_then(|archive| unpack(&archive, &work.path().join("tree")))
        else {
            skip(&format!("{name} is not among the recorded machines"));
            continue;
        };
        let bundle = work.path().join("x.plumb");
        let times: Vec<f64> = (0..7)
            .map(|_| {
                let begun = Instant::now();
                let result =
                    run(plumb().args(["-q", "collect", "-o"]).arg(&bundle).arg("--sysroot").arg(&root));
                assert_eq!(result.code, 0, "{result:?}");
                milliseconds(begun.elapsed())
            })
            .collect();
        let manifest = Bundle::read(&bundle).unwrap().manifest().clone();
        println!(
            "{name}: {:.0} ms, {} files, peak memory {} KiB",
            median(times),
            manifest.files.len(),
            manifest.cost.peak_rss_kib
        );
        std::fs::remove_dir_all(work.path().join("tree")).unwrap();
    }
}
