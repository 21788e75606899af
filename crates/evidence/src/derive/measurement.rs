//! Measurements that were added to a bundle, such as `measurements/bench-*.json`, in the form that `plumb bench` writes.

use serde::de::DeserializeOwned;

use crate::bundle::{Bundle, MEASUREMENTS};
use crate::fact::{Absence, Missing};
use crate::model::{
    BENCH_SCHEMA, BenchResult, EXPERIMENT_SCHEMA, ExperimentEffect, ExperimentResult, Measurements,
    MemoryPath, NoiseResult, OBSERVE_SCHEMA, ObserveResult, ServerMetrics, SweepLevel, SweepResult,
};

/// Fails where nothing was measured, which is how most bundles are.
pub(super) fn derive(bundle: &Bundle) -> Result<Measurements, Missing> {
    let folder = format!("{MEASUREMENTS}/");
    if !bundle.files().keys().any(|path| path.starts_with(&folder)) {
        return Err(Missing::new(
            Absence::Skipped,
            "nothing was measured: no `plumb bench --into` this bundle",
        ));
    }
    let bench = benches(bundle);
    let sweeps = sweeps(bundle);
    let noise = noises(bundle);
    Ok(Measurements {
        server: servers(&bench, &sweeps).into(),
        bench: bench.into(),
        sweeps: sweeps.into(),
        noise: noise
            .as_ref()
            .map(|files| files.iter().flat_map(NoiseFile::cpus).collect())
            .map_err(Clone::clone)
            .into(),
        memory_paths: noise.and_then(memory_paths).into(),
        experiments: experiments(bundle).into(),
        observations: observations(bundle).into(),
    })
}

/// What servers said of themselves during load tests and sweeps; fails as the former do where there are none of the latter.
fn servers(
    bench: &Result<Vec<BenchResult>, Missing>,
    sweeps: &Result<Vec<SweepResult>, Missing>,
) -> Result<Vec<ServerMetrics>, Missing> {
    if let (Err(missing), Err(_)) = (bench, sweeps) {
        return Err(missing.clone());
    }
    let runs = bench.iter().flatten();
    let levels = sweeps.iter().flatten().flat_map(|sweep| &sweep.levels).filter_map(|level| {
        let server = level.result.server.clone()?;
        Some(ServerMetrics { beyond_limit: level.verdict == SweepLevel::MISSED, ..server })
    });
    let servers: Vec<_> = runs.filter_map(|result| result.server.clone()).chain(levels).collect();
    if servers.is_empty() {
        return Err(Missing::new(Absence::Absent, "no server that was measured said anything of itself"));
    }
    Ok(servers)
}

/// The part of a noise measurement that is evidence.
#[derive(serde::Deserialize)]
struct NoiseFile {
    path: String,
    results: Vec<NoiseResult>,
    #[serde(default)]
    memory_paths: Vec<MemoryPath>,
}

impl NoiseFile {
    fn cpus(&self) -> impl Iterator<Item = NoiseResult> {
        self.results.iter().map(|result| NoiseResult { path: self.path.clone(), ..result.clone() })
    }
}

fn noises(bundle: &Bundle) -> Result<Vec<NoiseFile>, Missing> {
    documents(bundle, "noise-")
}

fn memory_paths(files: Vec<NoiseFile>) -> Result<Vec<MemoryPath>, Missing> {
    let with_path = |file: NoiseFile| {
        let NoiseFile { path, memory_paths, .. } = file;
        memory_paths.into_iter().map(move |one| MemoryPath { path: path.clone(), ..one })
    };
    let paths: Vec<MemoryPath> = files.into_iter().flat_map(with_path).collect();
    if paths.is_empty() {
        return Err(Missing::new(Absence::Skipped, "memory was not measured: no `plumb noise --memory`"));
    }
    Ok(paths)
}

/// Fails where one of the documents, given by schema and path, was written in a later form than `known`.
fn readable<'a>(mut documents: impl Iterator<Item = (u32, &'a str)>, known: u32) -> Result<(), Missing> {
    let Some((schema, path)) = documents.find(|(schema, _)| *schema > known) else { return Ok(()) };
    Err(Missing::new(
        Absence::Malformed,
        format!("{path} has form {schema}, this version reads up to {known}; use a newer plumb"),
    ))
}

fn experiments(bundle: &Bundle) -> Result<Vec<ExperimentResult>, Missing> {
    let mut results: Vec<ExperimentResult> = documents(bundle, "experiment-")?;
    readable(results.iter().map(|result| (result.schema, result.path.as_str())), EXPERIMENT_SCHEMA)?;
    results.sort_by(|a, b| (&a.started, &a.path).cmp(&(&b.started, &b.path)));
    results.iter_mut().filter(|result| result.blocks < ExperimentEffect::LEAST_BLOCKS).for_each(|result| {
        // Older versions wrote intervals of so few, which may be wider than any effect by orders of magnitude.
        for effect in &mut result.effects {
            (effect.low, effect.high, effect.bootstrap, effect.minimum_detectable) = (None, None, None, None);
            ExperimentEffect::NOT_ESTIMABLE.clone_into(&mut effect.verdict);
        }
    });
    // Older versions called the baseline improved over itself.
    let floors = results.iter_mut().flat_map(|result| &mut result.noise_floor);
    floors.filter(|effect| matches!(effect.verdict.as_str(), "improved" | "worse")).for_each(|effect| {
        ExperimentEffect::BY_ITSELF.clone_into(&mut effect.verdict);
    });
    Ok(results)
}

fn observations(bundle: &Bundle) -> Result<Vec<ObserveResult>, Missing> {
    let mut results: Vec<ObserveResult> = documents(bundle, "observe-")?;
    readable(results.iter().map(|result| (result.schema, result.path.as_str())), OBSERVE_SCHEMA)?;
    results.sort_by(|a, b| (&a.started, &a.path).cmp(&(&b.started, &b.path)));
    results.iter_mut().for_each(|result| result.moments.clear());
    Ok(results)
}

fn benches(bundle: &Bundle) -> Result<Vec<BenchResult>, Missing> {
    let mut results: Vec<BenchResult> = documents(bundle, "bench-")?;
    readable(results.iter().map(|result| (result.schema, result.path.as_str())), BENCH_SCHEMA)?;
    results.sort_by(|a, b| (&a.started, &a.path).cmp(&(&b.started, &b.path)));
    // Repeated measurements of one load of one target.
    let same = |a: &BenchResult, b: &BenchResult| a.load == b.load && a.target == b.target;
    let repetitions: Vec<u32> = results
        .iter()
        .map(|one| results.iter().filter(|other| same(one, other)).fold(0, |count, _| count + 1))
        .collect();
    for (result, count) in results.iter_mut().zip(repetitions) {
        result.repetitions = count;
        let path = result.path.clone();
        prepare(result, &path);
    }
    Ok(results)
}

/// Fits a run to evidence: its server learns the file, and what is for programs that compute further is left there.
fn prepare(result: &mut BenchResult, path: &str) {
    result.histograms.clear();
    if let Some(server) = &mut result.server {
        path.clone_into(&mut server.path);
    }
}

fn sweeps(bundle: &Bundle) -> Result<Vec<SweepResult>, Missing> {
    let mut results: Vec<SweepResult> = documents(bundle, "sweep-")?;
    readable(results.iter().map(|result| (result.schema, result.path.as_str())), BENCH_SCHEMA)?;
    results.sort_by(|a, b| (&a.started, &a.path).cmp(&(&b.started, &b.path)));
    for sweep in &mut results {
        sweep.levels.iter_mut().for_each(|level| prepare(&mut level.result, &sweep.path));
    }
    Ok(results)
}

/// The JSON documents of the folder whose names begin with `prefix`; each learns its own path.
fn documents<T: DeserializeOwned>(bundle: &Bundle, prefix: &str) -> Result<Vec<T>, Missing> {
    let prefix = format!("{MEASUREMENTS}/{prefix}");
    let files =
        bundle.files().iter().filter(|(path, _)| path.starts_with(&prefix) && path.ends_with(".json"));
    let documents: Vec<T> = files
        .map(|(path, bytes)| {
            let malformed =
                |error: serde_json::Error| Missing::new(Absence::Malformed, format!("{path}: {error}"));
            let mut document: serde_json::Value = serde_json::from_slice(bytes).map_err(malformed)?;
            if let Some(fields) = document.as_object_mut() {
                fields.insert("path".to_owned(), path.clone().into());
            }
            serde_json::from_value(document).map_err(malformed)
        })
        .collect::<Result<_, _>>()?;
    if documents.is_empty() {
        return Err(Missing::new(Absence::Skipped, format!("the bundle has no {prefix}*.json")));
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Bundle {
        let manifest = serde_json::json!({
            "schema": 1, "tool_version": "0", "started": "", "finished": "", "host_token": "", "origin": "live",
            "complete": true, "privileges": { "euid": 0, "cap_eff": "0" },
            "cost": { "cpu_us": 0, "wall_us": 0, "peak_rss_kib": 0 },
            "probes": [], "files": [], "unread": [], "redactions": [],
        });
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Bundle::new(serde_json::from_value(manifest).unwrap(), files, BTreeMap::new())
    }

    #[test]
    fn intervals_of_too_few_blocks_are_not_read() {
        let of = |blocks: u32| {
            let text = format!(
                r#"{{"schema":1,"blocks":{blocks},"effects":[{{"cell":"a","ratio":0.9,"low":1e-9,"high":1e9,"verdict":"improved"}}]}}"#
            );
            let measured = derive(&bundle(&[("measurements/experiment-a.json", &text)])).unwrap();
            measured.experiments.known().unwrap()[0].effects[0].clone()
        };
        let few = of(3);
        assert_eq!((few.interval(), few.verdict.as_str(), few.ratio), (None, "not-estimable", 0.9));
        assert_eq!((of(4).interval(), of(4).verdict.as_str()), (Some((1e-9, 1e9)), "improved"));
    }

    #[test]
    fn results_are_read_in_the_order_of_time_and_repetitions_counted() {
        let bundle = bundle(&[
            (
                "measurements/bench-b.json",
                r#"{"schema":1,"started":"2026-01-01","valid":true,"load":"closed 8","requests":5}"#,
            ),
            (
                "measurements/bench-a.json",
                r#"{"schema":1,"started":"2026-01-02","load":{"text":"closed 8"},"server":{"kind":"vllm"}}"#,
            ),
            ("measurements/bench-a.records.jsonl", "{}\n"),
        ]);
        let measured = derive(&bundle).unwrap();
        let bench = measured.bench.known().unwrap();
        assert_eq!(
            bench.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(),
            ["measurements/bench-b.json", "measurements/bench-a.json"]
        );
        assert_eq!(bench.iter().map(|one| one.repetitions).collect::<Vec<_>>(), [2, 2]);
        assert!(bench[0].valid && !bench[1].valid && bench[0].load.to_string() == "closed 8");
        assert_eq!(measured.server.known().unwrap()[0].path, "measurements/bench-a.json");
    }

    #[test]
    fn results_of_noise_know_their_file() {
        let measured = derive(&bundle(&[
            (
                "measurements/noise-001.json",
                r#"{"results":[{"cpu":1,"timeline":{"slice_ms":100,"lost_us":[5,0]}}]}"#,
            ),
            (
                "measurements/noise-002.json",
                r#"{"results":[],"memory_paths":[{"cpu_node":0,"memory_node":1}]}"#,
            ),
        ]))
        .unwrap();
        let noise = &measured.noise.known().unwrap()[0];
        assert_eq!((noise.path.as_str(), noise.cpu), ("measurements/noise-001.json", 1));
        assert_eq!(noise.timeline.as_ref().unwrap().lost_us, [5.0, 0.0]);
        let paths = measured.memory_paths.known().unwrap();
        assert_eq!((paths[0].path.as_str(), paths[0].memory_node), ("measurements/noise-002.json", 1));
    }

    #[test]
    fn an_observation_is_evidence_by_its_parts() {
        let text = r#"{"schema":1,"started":"2026-01-01","url":"http://x","moments":[{"at":60.0}],
            "buckets":{"ttft":[250.0]},"parts":[{"from":"2026-01-01T00:00:00Z","counts":{"ttft":[9.0,10.0]}}],
            "signs":[{"kind":"thermal","when":{"parts":1},"events":7}]}"#;
        let measured = derive(&bundle(&[("measurements/observe-a.json", text)])).unwrap();
        let observed = &measured.observations.known().unwrap()[0];
        assert_eq!((observed.path.as_str(), observed.moments.len()), ("measurements/observe-a.json", 0));
        assert_eq!(
            (observed.parts[0].counts["ttft"].as_slice(), observed.signs.len()),
            (&[9.0, 10.0][..], 1)
        );
        let newer = derive(&bundle(&[("measurements/observe-a.json", r#"{"schema":9}"#)])).unwrap();
        assert!(newer.observations.require().unwrap_err().reason.contains("newer"));
        assert_eq!(measured.bench.require().unwrap_err().missing, Absence::Skipped);
    }

    #[test]
    fn a_floor_of_an_older_version_is_not_better_than_itself() {
        let text = r#"{"schema":1,"blocks":6,"noise_floor":[{"cell":"a","ratio":0.9,"verdict":"improved"}]}"#;
        let measured = derive(&bundle(&[("measurements/experiment-a.json", text)])).unwrap();
        assert_eq!(
            measured.experiments.known().unwrap()[0].noise_floor[0].verdict,
            ExperimentEffect::BY_ITSELF
        );
    }

    #[test]
    fn memory_that_was_not_measured_is_missing() {
        let measured = derive(&bundle(&[("measurements/noise-001.json", r#"{"results":[]}"#)])).unwrap();
        assert_eq!(measured.memory_paths.require().unwrap_err().missing, Absence::Skipped);
    }

    #[test]
    fn a_sweep_is_read_with_its_levels() {
        let bundle = bundle(&[(
            "measurements/sweep-a.json",
            r#"{"schema":1,"valid":true,"highest_pass_rps":4.0,"levels":[{"rate":4.0,"verdict":"pass","result":
                {"ttft_ms":{"p95":30.0},"histograms":{"ttft":"abc"},"server":{"kind":"vllm"}}},
                {"rate":8.0,"verdict":"fail","result":{"server":{"kind":"vllm"}}}]}"#,
        )]);
        let measured = derive(&bundle).unwrap();
        let sweep = &measured.sweeps.known().unwrap()[0];
        assert_eq!((sweep.path.as_str(), sweep.highest_pass_rps), ("measurements/sweep-a.json", Some(4.0)));
        let level = &sweep.levels[0];
        assert_eq!((level.rate, level.verdict.as_str(), level.result.ttft_ms.p95), (4.0, "pass", Some(30.0)));
        assert!(level.result.histograms.is_empty());
        let servers: Vec<_> = measured.server.known().unwrap().iter().collect();
        assert_eq!(servers[0].path, "measurements/sweep-a.json");
        assert_eq!([servers[0].beyond_limit, servers[1].beyond_limit], [false, true]);
        assert_eq!(measured.bench.require().unwrap_err().missing, Absence::Skipped);
    }

    #[test]
    fn what_was_not_measured_or_cannot_be_read_is_missing() {
        assert_eq!(derive(&bundle(&[])).unwrap_err().missing, Absence::Skipped);
        let damaged = derive(&bundle(&[("measurements/bench-a.json", "{")])).unwrap();
        assert_eq!(damaged.bench.require().unwrap_err().missing, Absence::Malformed);
        let newer = derive(&bundle(&[("measurements/bench-a.json", r#"{"schema":99}"#)])).unwrap();
        assert!(newer.bench.require().unwrap_err().reason.contains("newer"));
        let other = derive(&bundle(&[("measurements/noise-a.json", "{}")])).unwrap();
        assert_eq!(other.bench.require().unwrap_err().missing, Absence::Skipped);
    }
}
