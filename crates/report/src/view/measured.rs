//! What was measured on the node, and how the service level stands against it.

use std::collections::BTreeMap;

use plumb_evidence::model::{BenchResult, InvalidBy, LatencySummary, Promise, ServiceLevel};
use serde::Serialize;

use super::{Fact, sentence};
use crate::ReportError;
use crate::escape::clean;
use crate::figure::metric_name;
use crate::load;
use crate::material::Material;
use crate::messages::Messages;

/// So many rows of a table of runs are of use on paper; the bundle has all.
pub(crate) const MAX_RUNS: usize = 16;
pub(crate) const MAX_CAUTIONS: usize = 16;
/// Loads that are named for one caution.
pub(crate) const MAX_LOADS: usize = 4;
pub(crate) const MAX_NOISE: usize = 10;

/// The chapter about measurements.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Measured {
    /// Why nothing was measured; empty where something was.
    pub(crate) nothing: String,
    pub(crate) runs: Vec<Run>,
    /// Number of runs that are not listed.
    pub(crate) more_runs: usize,
    /// What lowers the trust in valid runs and searches, by load.
    pub(crate) cautions: Vec<Fact>,
    /// Number of those that are not listed.
    pub(crate) more_cautions: usize,
    pub(crate) experiments: Vec<Experiment>,
    pub(crate) noise: Vec<Noise>,
    pub(crate) more_noise: usize,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) load: String,
    pub(crate) valid: String,
    pub(crate) requests: String,
    pub(crate) ttft: String,
    pub(crate) itl: String,
    pub(crate) e2e: String,
    pub(crate) tokens: String,
    pub(crate) attainment: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Experiment {
    pub(crate) name: String,
    pub(crate) load: String,
    pub(crate) replication: String,
    pub(crate) blocks: u32,
    /// Why it is not valid; empty where it is.
    pub(crate) invalid: String,
    /// What it means, in a few sentences.
    pub(crate) interpretation: Vec<String>,
    pub(crate) conclusions: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) effects: Vec<EffectRow>,
    /// Cells that were not measured, with the reason.
    pub(crate) unmeasured: Vec<Fact>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct EffectRow {
    pub(crate) cell: String,
    pub(crate) metric: String,
    pub(crate) change: String,
    pub(crate) interval: String,
    pub(crate) detectable: String,
    pub(crate) verdict: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Noise {
    pub(crate) cpu: u32,
    pub(crate) lost: String,
    pub(crate) longest: String,
    pub(crate) wakeup: String,
}

/// The service level, as it is stated.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Service {
    /// Each with its number, where it is one.
    pub(crate) stated: Vec<(Fact, Option<f64>)>,
}

fn ms(value: Option<f64>, messages: &Messages) -> String {
    value.map_or_else(
        || "–".to_owned(),
        |value| messages.numeral(&if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }),
    )
}

pub(crate) fn tails(summary: &LatencySummary, messages: &Messages) -> String {
    let ms = |value| ms(value, messages);
    format!("{} / {} / {}", ms(summary.p50), ms(summary.p95), ms(summary.p99))
}

pub(crate) fn measured(material: &Material<'_>, messages: &Messages) -> Result<Measured, ReportError> {
    let text = |key: &str| messages.get("text", key).map(str::to_owned);
    let Some(evidence) = material.evidence else {
        return Ok(Measured { nothing: text("nothing_measured")?, ..Measured::default() });
    };
    let Some(measurements) = evidence.measurements.known() else {
        return Ok(Measured { nothing: text("nothing_measured")?, ..Measured::default() });
    };
    let all = measurements.runs();
    let promise = promise(material);
    let mut runs =
        all.iter().map(|test| run(test, promise.as_ref(), messages)).collect::<Result<Vec<_>, _>>()?;
    number(&mut runs, messages)?;
    let warned = runs.iter().zip(&all).map(|(run, test)| (run.load.clone(), test.warnings.as_slice()));
    let sweep = messages.get("label", "sweep")?;
    let sweeps = measurements.sweeps.known().into_iter().flatten();
    let searched = sweeps.map(|search| (sweep.to_owned(), search.warnings.as_slice()));
    let (cautions, more_cautions) = cautions(warned.chain(searched), messages)?;
    runs.truncate(MAX_RUNS);
    let experiments = measurements.experiments.known().map_or(&[][..], Vec::as_slice);
    let mut noise: Vec<_> = measurements.noise.known().into_iter().flatten().collect();
    noise.sort_by(|a, b| b.lost_share.total_cmp(&a.lost_share).then(a.cpu.cmp(&b.cpu)));
    let row = |row: &&plumb_evidence::model::NoiseResult| Noise {
        cpu: row.cpu,
        lost: messages.numeral(&format!("{:.3} %", row.lost_share * 100.0)),
        longest: messages.numeral(&format!("{:.0} µs", row.max_us)),
        wakeup: row
            .wakeup_p99_us
            .map_or_else(|| "–".to_owned(), |us| messages.numeral(&format!("{us:.0} µs"))),
    };
    let measured = Measured {
        nothing: String::new(),
        more_runs: all.len().saturating_sub(MAX_RUNS),
        runs,
        cautions,
        more_cautions,
        experiments: experiments.iter().map(|one| experiment(one, messages)).collect::<Result<_, _>>()?,
        more_noise: noise.len().saturating_sub(MAX_NOISE),
        noise: noise.iter().take(MAX_NOISE).map(row).collect(),
    };
    Ok(measured)
}

/// Warnings of runs and searches, and how many are left out; what several say in the same words is said once.
pub(crate) fn cautions<'a>(
    warned: impl Iterator<Item = (String, &'a [String])>,
    messages: &Messages,
) -> Result<(Vec<Fact>, usize), ReportError> {
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for (load, warnings) in warned {
        for warning in warnings {
            let text = sentence(&clean(warning));
            match said.iter_mut().find(|(other, _)| *other == text) {
                Some((_, loads)) => loads.push(load.clone()),
                None => said.push((text, vec![load.clone()])),
            }
        }
    }
    let left_out = said.len().saturating_sub(MAX_CAUTIONS);
    let facts = said.into_iter().take(MAX_CAUTIONS).map(|(value, mut loads)| {
        let more = loads.len().saturating_sub(MAX_LOADS);
        loads.truncate(MAX_LOADS);
        if more > 0 {
            loads.push(messages.fill("text", "more_evidence", &[("n", &more.to_string())])?);
        }
        Ok(Fact { label: loads.join("; "), value, code: false })
    });
    Ok((facts.collect::<Result<_, ReportError>>()?, left_out))
}

/// Numbers the runs whose loads read the same.
pub(crate) fn number(runs: &mut [Run], messages: &Messages) -> Result<(), ReportError> {
    let mut of: BTreeMap<String, usize> = BTreeMap::new();
    for run in runs.iter() {
        *of.entry(run.load.clone()).or_default() += 1;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for run in runs {
        let count = of.get(&run.load).copied().unwrap_or_default();
        let at = seen.entry(run.load.clone()).or_default();
        *at += 1;
        if count > 1 {
            let words = [("load", run.load.as_str()), ("at", &at.to_string()), ("count", &count.to_string())];
            run.load = messages.fill("text", "repetition", &words)?;
        }
    }
    Ok(())
}

/// What was promised, where the engagement says.
pub(crate) fn promise<'a>(material: &Material<'a>) -> Option<Promise<'a>> {
    let engagement = material.evidence?.engagement.known()?;
    Some(Promise::new(engagement.slo.known()?, engagement.demand.known()))
}

pub(crate) fn run(
    test: &BenchResult,
    promise: Option<&Promise<'_>>,
    messages: &Messages,
) -> Result<Run, ReportError> {
    let valid = match &test.invalid_reason {
        _ if test.valid => messages.get("answer", "yes")?.to_owned(),
        Some(reason) => format!("{}: {}", messages.get("answer", "no")?, clean(reason)),
        None => messages.get("answer", "no")?.to_owned(),
    };
    // A share of none is no answer where nothing was known of most requests, or none was answered.
    let is_known = test.undetermined <= test.requests / 2 && test.invalid_by != Some(InvalidBy::NoReply);
    Ok(Run {
        load: load::words(&test.load.text, messages)?,
        valid,
        requests: test.requests.to_string(),
        ttft: tails(&test.ttft_ms, messages),
        itl: tails(&test.itl_ms, messages),
        e2e: tails(&test.e2e_ms, messages),
        tokens: messages.numeral(&format!("{:.0}", test.output_tokens_per_s)),
        // As the chapter about the service level has it; without one, by the objectives of the test.
        attainment: match promise {
            Some(promise) => promise.attainment(test).ok().map(|own| own.share),
            None => test.attainment.filter(|_| is_known).map(|own| own.share),
        }
        .map_or_else(|| "–".to_owned(), |share| messages.numeral(&format!("{:.1} %", share * 100.0))),
    })
}

pub(crate) fn experiment(
    found: &plumb_evidence::model::ExperimentResult,
    messages: &Messages,
) -> Result<Experiment, ReportError> {
    let effects = found.effects.iter().map(|effect| {
        let change = |ratio| crate::figure::change(ratio, messages);
        // Of a cell that is held against several, one row would look like the other.
        let sides = [("cell", effect.cell.as_str()), ("against", effect.against.as_str())];
        Ok(EffectRow {
            cell: clean(&messages.fill("capacity", "effect_cell", &sides)?),
            metric: clean(&metric_name(&effect.metric, messages)),
            change: change(effect.ratio),
            interval: effect
                .interval()
                .map_or_else(|| "–".to_owned(), |(low, high)| format!("{} … {}", change(low), change(high))),
            detectable: effect
                .minimum_detectable
                .map_or_else(|| "–".to_owned(), |share| messages.numeral(&format!("{:.1} %", share * 100.0))),
            verdict: messages
                .find("verdict", &effect.verdict)
                .map_or_else(|| clean(&effect.verdict), str::to_owned),
        })
    });
    let unmeasured = found.cells.iter().filter(|cell| cell.status != "measured" && !cell.status.is_empty());
    let unmeasured = unmeasured.map(|cell| Fact {
        label: clean(&cell.name),
        value: clean(&format!("{}: {}", cell.status, cell.reason)),
        code: false,
    });
    let replication = messages.find("replication", &found.replication).unwrap_or(&found.replication);
    Ok(Experiment {
        name: clean(&found.name),
        load: load::words(&found.load, messages)?,
        replication: clean(replication),
        blocks: found.blocks,
        invalid: match (found.valid, &found.invalid_reason) {
            (true, _) => String::new(),
            (false, Some(reason)) => sentence(&clean(reason)),
            (false, None) => messages.get("text", "not_valid")?.to_owned(),
        },
        interpretation: found.interpretation.iter().map(|text| sentence(&clean(text))).collect(),
        conclusions: found.conclusions.iter().map(|text| sentence(&clean(text))).collect(),
        warnings: found.warnings.iter().map(|text| sentence(&clean(text))).collect(),
        effects: effects.collect::<Result<_, ReportError>>()?,
        unmeasured: unmeasured.collect(),
    })
}

pub(crate) fn service(material: &Material<'_>, messages: &Messages) -> Result<Service, ReportError> {
    let slo = material.evidence.and_then(|evidence| evidence.engagement.known()?.slo.known());
    Ok(Service { stated: slo.map_or_else(|| Ok(Vec::new()), |slo| stated(slo, messages))? })
}

fn stated(slo: &ServiceLevel, messages: &Messages) -> Result<Vec<(Fact, Option<f64>)>, ReportError> {
    let rows = [
        ("percentile", slo.percentile, ""),
        ("ttft", slo.ttft_ms, " ms"),
        ("itl", slo.itl_ms, " ms"),
        ("tpot", slo.tpot_ms, " ms"),
        ("e2e", slo.e2e_ms, " ms"),
        ("errors", slo.error_percent, " %"),
        ("attainment", slo.attainment_percent, " %"),
        ("window", slo.window_days, " d"),
    ];
    let mut facts = Vec::new();
    for (key, value, unit) in rows {
        if let Some(value) = value {
            let label = messages.get("objective", key)?.to_owned();
            let text = messages.numeral(&format!("{value}{unit}"));
            facts.push((Fact { label, value: text, code: false }, Some(value)));
        }
    }
    if let Some(penalty) = &slo.penalty {
        let label = messages.get("objective", "penalty")?.to_owned();
        facts.push((Fact { label, value: clean(penalty), code: false }, None));
    }
    Ok(facts)
}
