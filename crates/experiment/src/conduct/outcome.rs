//! From measurements to the form of the result.

use std::collections::BTreeMap;

use plumb_evidence::model::{
    AsFound, EXPERIMENT_SCHEMA, ExperimentCell, ExperimentMetric, ExperimentResult, PerToken, ServerMetrics,
    Share,
};

use super::{Arm, Block, Conductor};
use crate::analysis::{CellData, Floor, METRICS, Measurement, effects, noise_floor};
use crate::found::{FOUND, RESTARTED, restart, two_speeds};
use crate::plan::{Factor, Start};
use crate::table;
use crate::verify::Seen;
use plumb_bench::Load;
use plumb_stats::groups::Splits;
use plumb_stats::{mean, proportion::wilson, quantile::quantile};

impl Conductor<'_> {
    pub(super) fn result(
        &self,
        blocks: &[Block],
        first: &[Measurement],
        second: &[Measurement],
    ) -> ExperimentResult {
        let plan = self.plan;
        let data: Vec<CellData> = (0..self.cells.len())
            .filter(|cell| self.status[*cell].is_none())
            .map(|cell| CellData {
                name: self.cells[cell].name.clone(),
                combination: self.cells[cell].combination,
                blocks: blocks.iter().filter_map(|(cells, _)| cells.get(&cell).cloned()).collect(),
            })
            .collect();
        let floor = noise_floor(&self.cells[0].name, first, second, &plan.design);
        let cells = (0..self.cells.len()).map(|index| {
            let own = data.iter().find(|data| data.name == self.cells[index].name);
            self.cell(index, own.map_or(&[][..], |data| &data.blocks))
        });
        let (command, replication) = match &plan.server.start {
            Start::Launch { command, .. } => (table::masked(command), "launch"),
            Start::Attach { .. } => (String::new(), "attach"),
        };
        let mut warnings = self.warnings.clone();
        if blocks.len() < 6 {
            warnings.push(format!(
                "{} blocks: with fewer than six, no p value by sign flips can be below 0.05",
                blocks.len()
            ));
        }
        if self.client.is_empty() {
            warnings.push("no CPU is reserved for the client: it shares those of the server".to_owned());
        }
        let (valid, invalid_reason) = validity(&data, self.cells.len(), &plan.design.primary, blocks.len());
        ExperimentResult {
            schema: EXPERIMENT_SCHEMA,
            name: plan.name.clone(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            valid,
            invalid_reason,
            warnings,
            target: self.target.clone(),
            command,
            replication: replication.to_owned(),
            load: plan.load.text(),
            seed: plan.design.seed,
            nonce: Some(self.nonce.to_string()),
            blocks: u32::try_from(blocks.len()).unwrap_or(u32::MAX),
            margin: plan.design.margin,
            primary: plan.design.primary.clone(),
            cells: cells.collect(),
            two_speeds: two_speeds(
                &self.launches(&data, first, second),
                &plan.design,
                &mut Splits::default(),
            ),
            as_found: self.arm.as_ref().map(|arm| self.found(arm)),
            effects: effects(&data, &Floor { effects: &floor, pairs: first.len() }, &plan.design),
            noise_floor: floor,
            client_cpus: self.client.to_string(),
            ..ExperimentResult::default()
        }
    }

    fn cell(&self, index: usize, blocks: &[Measurement]) -> ExperimentCell {
        let cell = &self.cells[index];
        let mut levels = BTreeMap::new();
        for factor in Factor::ALL {
            if let Some(level) = self.plan.levels(factor).get(cell.combination.level(factor)) {
                levels.insert(factor.as_str().to_owned(), (*level).to_owned());
            }
        }
        let (status, reason) = match &self.status[index] {
            Some((status, why)) => ((*status).to_owned(), why.clone()),
            None if blocks.is_empty() => {
                ("unavailable".to_owned(), "the experiment ended before its first whole block".to_owned())
            }
            None => ("measured".to_owned(), String::new()),
        };
        let memory_nodes =
            cell.place.as_ref().map(|place| place.memory.nodes().to_string()).unwrap_or_default();
        ExperimentCell {
            baseline: index == 0,
            asked: match self.load(&cell.combination) {
                Load::Closed { concurrency } => Some(concurrency),
                Load::Open { .. } => None,
            },
            levels,
            status,
            reason,
            memory_nodes,
            ..summed(&cell.name, blocks, self.seen[index].clone().unwrap_or_default())
        }
    }

    /// All launches by what was launched: of the baseline, those of its comparison with itself and of plain restarts of it, too.
    fn launches(&self, data: &[CellData], first: &[Measurement], second: &[Measurement]) -> Vec<CellData> {
        let mut data = data.to_vec();
        if self.plan.server.start_is_launch() {
            for cell in data.iter_mut().filter(|cell| cell.name == self.cells[0].name) {
                // With `within`, the first side is in the blocks already.
                let apart =
                    first.iter().filter(|one| !cell.blocks.contains(one)).cloned().collect::<Vec<_>>();
                cell.blocks.extend(apart.into_iter().chain(second.iter().cloned()));
            }
        } else {
            data.clear();
        }
        data.extend(self.arm.as_ref().map(|arm| CellData {
            name: RESTARTED.to_owned(),
            blocks: arm.restarted.clone(),
            ..CellData::default()
        }));
        data
    }

    fn found(&self, arm: &Arm) -> AsFound {
        let cell = |name, blocks, seen: &Seen| ExperimentCell {
            status: "measured".to_owned(),
            ..summed(name, blocks, seen.clone())
        };
        AsFound {
            pid: self.plan.as_found.as_ref().map_or(0, |plan| plan.pid),
            age_s: arm.running.age_s,
            differs: arm.differs.clone(),
            found: cell(FOUND, &arm.found, &arm.seen[0]),
            restarted: cell(RESTARTED, &arm.restarted, &arm.seen[1]),
            effects: restart(&arm.found, &arm.restarted, &self.plan.design),
        }
    }
}

/// What measurements of one thing come to.
fn summed(name: &str, blocks: &[Measurement], seen: Seen) -> ExperimentCell {
    let mut metrics = BTreeMap::new();
    for metric in METRICS {
        let values: Option<Vec<f64>> =
            blocks.iter().map(|one| one.metrics.get(metric.name).copied()).collect();
        if let Some((values, median)) = values.and_then(|values| Some((values.clone(), median(&values)?))) {
            let unit = metric.unit.to_owned();
            metrics.insert(metric.name.to_owned(), ExperimentMetric { unit, median, blocks: values });
        }
    }
    let all =
        |value: fn(&Measurement) -> Option<f64>| -> Vec<f64> { blocks.iter().filter_map(value).collect() };
    let requests: u64 = blocks.iter().map(|one| one.requests).sum();
    let failed: u64 = blocks.iter().map(|one| one.failed).sum();
    let lag = all(|one| one.send_lag_p99_ms);
    ExperimentCell {
        name: name.to_owned(),
        cpus: seen.cpus.to_string(),
        pages: seen.pages,
        verified: seen.claims,
        metrics,
        failed: wilson(failed as f64, requests as f64, 0.95).map(|interval| Share {
            share: failed as f64 / requests.max(1) as f64,
            low: interval.low,
            high: interval.high,
            trials: requests as f64,
            trials_missed: requests as f64,
        }),
        send_lag_p99_ms: lag.iter().copied().reduce(f64::max),
        run_delay: mean(&all(|one| one.run_delay)),
        cpus_used: mean(&all(|one| one.cpus_used)),
        gpu_busy_percent: median(&all(|one| one.gpu_busy_percent)),
        waiting: mean(&all(|one| one.waiting)),
        in_flight: mean(&all(|one| one.in_flight)),
        inside: mean(&all(|one| one.server.as_ref()?.inside())),
        server_e2e_ms: median(&all(|one| one.server_e2e_ms)),
        per_token: per_token(blocks),
        busiest: blocks
            .iter()
            .filter_map(|one| one.work.as_ref()?.busiest.clone())
            .max_by(|a, b| a.ran.total_cmp(&b.ran)),
        most_running: most(blocks, ServerMetrics::most_running),
        cached_share: mean(&all(|one| one.server.as_ref()?.cached_share())),
        accepted_share: mean(&all(|one| one.server.as_ref()?.accepted_share())),
        preemptions: all(|one| one.server.as_ref()?.preemptions).into_iter().reduce(|a, b| a + b),
        kv_cache_percent: most(blocks, |server| {
            server.kv_cache_percent.iter().copied().max_by(f64::total_cmp)
        }),
        kv_pool_tokens: most(blocks, |server| server.kv_pool_tokens),
        token_ratio: mean(&all(|one| one.token_ratio)),
        ..ExperimentCell::default()
    }
}

/// The largest of what the server said in each block.
fn most(blocks: &[Measurement], value: fn(&ServerMetrics) -> Option<f64>) -> Option<f64> {
    blocks.iter().filter_map(|one| value(one.server.as_ref()?)).max_by(f64::total_cmp)
}

/// Means over blocks of what an output token cost.
fn per_token(blocks: &[Measurement]) -> PerToken {
    let own: Vec<PerToken> = blocks.iter().filter_map(|one| Some(one.work.as_ref()?.per_token())).collect();
    let of = |value: fn(&PerToken) -> Option<f64>| mean(&own.iter().filter_map(value).collect::<Vec<_>>());
    PerToken {
        cpu_ms: of(|own| own.cpu_ms),
        run_delay_ms: of(|own| own.run_delay_ms),
        switches: of(|own| own.switches),
        involuntary: of(|own| own.involuntary),
        migrations: of(|own| own.migrations),
        package_mj: of(|own| own.package_mj),
        gpu_mj: of(|own| own.gpu_mj),
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// An experiment is valid if it has blocks, its primary metric, something to compare, and in no cell mostly launches in which
/// the client got in its own way or too many requests failed.
fn validity(data: &[CellData], cells: usize, primary: &str, blocks: usize) -> (bool, Option<String>) {
    let fault = |why: String| (false, Some(why));
    if blocks < 2 {
        return fault(format!("{blocks} whole blocks: two are the fewest that have a spread"));
    }
    if data.len() < 2 && cells > 1 {
        return fault("no cell but the baseline could be measured".to_owned());
    }
    for cell in data {
        if !cell.blocks.iter().all(|one| one.metrics.contains_key(primary)) {
            return fault(format!("`{}` has no {primary} in some block: too few whole replies", cell.name));
        }
        let invalid: Vec<&String> = cell.blocks.iter().filter_map(|one| one.invalid.as_ref()).collect();
        if invalid.len() * 2 > cell.blocks.len() {
            let reason = invalid.first().map(|reason| reason.as_str()).unwrap_or_default();
            return fault(format!("`{}`: most launches are not valid: {reason}", cell.name));
        }
    }
    (true, None)
}
