//! Measurements that were added to a bundle: `measurements/bench-*.json`, in the form that `plumb bench` writes.

use serde::de::DeserializeOwned;

use crate::bundle::{Bundle, MEASUREMENTS};
use crate::fact::{Absence, Missing};
use crate::model::{
    BENCH_SCHEMA, BenchResult, EXPERIMENT_SCHEMA, ExperimentResult, Measurements, NoiseResult,
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
    let server = bench.as_ref().map_err(Clone::clone).and_then(|bench| {
        let server: Vec<_> = bench.iter().filter_map(|result| result.server.clone()).collect();
        if server.is_empty() {
            return Err(Missing::new(Absence::Absent, "no server that was measured said anything of itself"));
        }
        Ok(server)
    });
    Ok(Measurements {
        bench: bench.into(),
        noise: noises(bundle).into(),
        server: server.into(),
        experiments: experiments(bundle).into(),
    })
}

/// The part of a noise measurement that checks judge.
#[derive(serde::Deserialize)]
struct NoiseFile {
    path: String,
    results: Vec<NoiseResult>,
}

fn noises(bundle: &Bundle) -> Result<Vec<NoiseResult>, Missing> {
    let files: Vec<NoiseFile> = documents(bundle, "noise-")?;
    let with_path = |file: NoiseFile| {
        let NoiseFile { path, results } = file;
        results.into_iter().map(move |result| NoiseResult { path: path.clone(), ..result })
    };
    Ok(files.into_iter().flat_map(with_path).collect())
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
        // For programs that compute further; checks have the percentiles.
        result.histograms.clear();
        if let Some(server) = &mut result.server {
            server.path.clone_from(&result.path);
        }
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
