//! The plan as a file: TOML, read strictly, since a typing mistake must not change in silence what is compared.

use std::time::Duration;

use plumb_strict_toml::{At, Document, Fault};

use super::{
    Aa, Balancing, Combination, Design, ExperimentPlan, Factor, FoundPlan, Governor, LoadLevel, LoadPlan,
    MemoryPlan, MemoryPolicy, Neighbour, NeighbourPlace, Placement, ServerPlan, Start, Variant, Where,
};
use crate::analysis::METRICS;
use plumb_bench::{Amount, Api, Arrivals, Load};

mod raw;

use raw::{
    AboveZero, AtLeastOne, List, Raw, RawAa, RawCell, RawDesign, RawFound, RawKind, RawLoad, RawNeighbour,
    RawPlacement, RawServer, Seconds, Tool, Within,
};

/// Version of the file that this code reads.
pub const PLAN_SCHEMA: u32 = 1;

/// Reads the text of a plan; `file` is its name, for faults.
///
/// # Errors
/// If the text is no TOML, has a key that is not known, lacks one that is needed, or has a value that cannot be.
pub fn parse(file: &str, text: &str) -> Result<ExperimentPlan, Fault> {
    let document = Document::parse(file, text)?;
    document.version("schema", &[PLAN_SCHEMA])?;
    let raw: Raw = document.read()?;
    let server = server(raw.server)?;
    let as_found = raw.as_found.map(|raw| as_found(raw, &server)).transpose()?;
    let mut plan = ExperimentPlan {
        name: raw.name.unwrap_or_else(|| "experiment".to_owned()),
        server,
        as_found,
        load: load(raw.load)?,
        design: design(raw.design),
        placements: levels(raw.placement, placement)?,
        neighbours: levels(raw.neighbour, neighbour)?,
        governors: levels(raw.governor, Ok)?,
        balancing: levels(raw.numa_balancing, Ok)?,
        loads: levels(raw.load_level, |raw| {
            Ok(LoadLevel { name: raw.name, load: issue(raw.concurrency, raw.rate)? })
        })?,
        variants: levels(raw.variant, Ok)?,
        chosen: Vec::new(),
    };
    plan.chosen = cells(raw.cell, &plan)?;
    whole(&plan, &document)?;
    Ok(plan)
}

/// JSON schema of plans, as it is published in the reference of the handbook.
#[must_use]
pub fn schema() -> serde_json::Value {
    let title = format!("Experiment plan of Plumb, version {PLAN_SCHEMA}");
    plumb_strict_toml::schema::schema::<Raw>(&title, "The TOML file that `plumb experiment` takes, as data.")
}

/// The levels of a factor, whose names differ.
fn levels<R, T: Named>(raw: Vec<At<R>>, read: impl Fn(R) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let mut levels: Vec<T> = Vec::with_capacity(raw.len());
    for one in raw {
        let unnamed = one.fault_of("name", "");
        let level = read(one.into_inner())?;
        if level.name().is_empty() || levels.iter().any(|other| other.name() == level.name()) {
            let message = format!("`{}` is no name of its own; name each level differently", level.name());
            return Err(Fault { message, ..unnamed });
        }
        levels.push(level);
    }
    Ok(levels)
}

fn seconds(given: Option<Seconds>, default: u64) -> Duration {
    given.map_or(Duration::from_secs(default), |Seconds(duration)| duration)
}

fn server(raw: At<RawServer>) -> Result<ServerPlan, Fault> {
    let (start, raw) = match (&raw.command, &raw.pid) {
        (Some(_), Some(_)) => return Err(raw.fault("give `command` or `pid`, not both")),
        (None, None) => {
            return Err(
                raw.fault("give either `command`, to start the server, or `pid`, to measure a running one")
            );
        }
        (None, Some(Within(pid))) => (Start::Attach { pid: *pid }, raw.into_inner()),
        (Some(command), None) => {
            (Start::Launch { command: command.0.clone(), env: raw.env.clone() }, raw.into_inner())
        }
    };
    Ok(ServerPlan {
        start,
        url: raw.url.0,
        ready: raw.ready.unwrap_or_else(|| "/v1/models".to_owned()),
        ready_within: seconds(raw.ready_s, 600),
        stop_within: seconds(raw.stop_s, 30),
        model: raw.model,
        api: raw.api.unwrap_or(Api::Completions),
    })
}

fn as_found(raw: At<RawFound>, server: &ServerPlan) -> Result<FoundPlan, Fault> {
    if let Start::Attach { .. } = server.start {
        return Err(
            raw.fault("a server that is only attached to is not restarted; give `command` in [server]")
        );
    }
    if raw.url.is_none() && server.url.contains("{port}") {
        return Err(raw.fault(
            "where does the running server listen? give `url`, since that of [server] holds `{port}`",
        ));
    }
    let raw = raw.into_inner();
    Ok(FoundPlan {
        pid: raw.pid.0,
        url: raw.url.map_or_else(|| server.url.clone(), |url| url.0),
        runs: raw.runs.map_or(4, |Within(runs)| runs),
        restarts: raw.restarts.map_or(6, |Within(restarts)| restarts),
        stop: raw.stop.map(|command| command.0).unwrap_or_default(),
        start: raw.start.map(|command| command.0).unwrap_or_default(),
    })
}

fn issue(concurrency: Option<AtLeastOne<u32>>, rate: Option<At<AboveZero>>) -> Result<Option<Load>, Fault> {
    Ok(match (concurrency, rate) {
        (Some(_), Some(rate)) => return Err(rate.fault("give `concurrency` or `rate`, not both")),
        (Some(Within(concurrency)), None) => Some(Load::Closed { concurrency }),
        (None, Some(rate)) => Some(Load::Open { arrivals: Arrivals::Poisson { rate: rate.0 } }),
        (None, None) => None,
    })
}

fn load(raw: RawLoad) -> Result<LoadPlan, Fault> {
    let load = issue(raw.concurrency, raw.rate)?.unwrap_or(Load::Closed { concurrency: 4 });
    let extent = match (raw.requests, raw.seconds) {
        (Some(_), Some(seconds)) => return Err(seconds.fault("give `requests` or `seconds`, not both")),
        (Some(Within(requests)), None) => Amount::Requests(requests),
        (None, Some(seconds)) => Amount::Seconds(seconds.0),
        (None, None) => Amount::Requests(60),
    };
    let warmup = raw.warmup.unwrap_or(match load {
        Load::Closed { concurrency } => 2 * u64::from(concurrency),
        Load::Open { .. } => 8,
    });
    Ok(LoadPlan {
        load,
        warmup: Amount::Requests(warmup),
        extent,
        prompt_tokens: raw.prompt_tokens.unwrap_or(128),
        output_tokens: raw.output_tokens.map_or(64, |Within(tokens)| tokens),
        timeout: seconds(raw.timeout_s, 300),
        threads: raw.threads.map_or(1, |Within(threads)| threads),
        client_cpus: raw.client_cpus.map(|List(cpus)| cpus),
    })
}

fn design(raw: RawDesign) -> Design {
    let blocks = raw.blocks.map_or(6, |Within(blocks)| blocks);
    Design {
        blocks,
        seed: raw.seed.unwrap_or(1),
        nonce: raw.nonce.map(|nonce| nonce.0),
        cooldown: seconds(raw.cooldown_s, 2),
        margin: raw.margin.map_or(0.02, |margin| margin.0),
        primary: raw.primary.unwrap_or_else(|| "e2e_p95".to_owned()),
        aa: match raw.aa.unwrap_or(RawAa::First) {
            RawAa::First => Aa::First(raw.aa_blocks.map_or(blocks, |Within(pairs)| pairs)),
            RawAa::Within => Aa::Within,
            RawAa::None => Aa::None,
        },
        calibrate: raw.calibrate.unwrap_or(true),
    }
}

fn placement(raw: RawPlacement) -> Result<Placement, Fault> {
    const ONE_OF: &str = "give one of `cpus`, `node` and `gpu`";
    let cpus = match (raw.cpus, raw.node, raw.gpu) {
        (None, None, None) => Where::Anywhere,
        (Some(List(cpus)), None, None) => Where::Cpus(cpus),
        (None, Some(node), None) => Where::Nodes(node.into_inner().0),
        (None, None, Some(gpu)) => Where::Gpu(gpu.into_inner().0),
        (_, Some(node), _) => return Err(node.fault(ONE_OF)),
        (_, _, Some(gpu)) => return Err(gpu.fault(ONE_OF)),
    };
    let policy = raw.memory.as_deref().copied().unwrap_or_default();
    match (&raw.memory, &raw.memory_nodes) {
        (_, Some(nodes)) if policy == MemoryPolicy::Default => {
            return Err(nodes.fault("without a policy nodes have no effect; write `memory = \"bind\"`, too"));
        }
        (Some(memory), None) if policy != MemoryPolicy::Default && cpus == Where::Anywhere => {
            return Err(
                memory.fault("memory from which nodes? give `memory_nodes`, or `node`, `gpu` or `cpus`")
            );
        }
        _ => {}
    }
    let nodes = raw.memory_nodes.map(|nodes| nodes.into_inner().0);
    Ok(Placement { name: raw.name, cpus, memory: MemoryPlan { policy, nodes } })
}

fn neighbour(raw: RawNeighbour) -> Result<Neighbour, Fault> {
    let place = match (raw.cpus, raw.place) {
        (Some(cpus), Some(_)) => return Err(cpus.fault("give `where` or `cpus`, not both")),
        (Some(cpus), None) => NeighbourPlace::Cpus(cpus.into_inner().0),
        (None, place) => place.unwrap_or_default(),
    };
    Ok(Neighbour {
        name: raw.name,
        kind: raw.kind.and_then(RawKind::hog),
        place,
        workers: raw.workers.map(|Within(workers)| workers),
        stress_ng: raw.tool == Tool::StressNg,
    })
}

fn cells(raw: Vec<At<RawCell>>, plan: &ExperimentPlan) -> Result<Vec<Combination>, Fault> {
    let mut cells: Vec<Combination> = Vec::new();
    for cell in raw {
        let named = [
            (Factor::Placement, &cell.placement),
            (Factor::Server, &cell.server),
            (Factor::Governor, &cell.governor),
            (Factor::NumaBalancing, &cell.numa_balancing),
            (Factor::Load, &cell.load),
            (Factor::Neighbour, &cell.neighbour),
        ];
        let mut combination = Combination::default();
        for (factor, name) in named {
            let Some(name) = name else { continue };
            let levels = plan.levels(factor);
            let level = levels.iter().position(|level| *level == name.as_str()).ok_or_else(|| {
                let known = if levels.is_empty() { "none".to_owned() } else { levels.join(", ") };
                name.fault(format!("no level of this factor is named `{}`; there are: {known}", **name))
            })?;
            combination = combination.with(factor, level);
        }
        if cells.contains(&combination) {
            return Err(cell.fault("this combination stands above already"));
        }
        cells.push(combination);
    }
    Ok(cells)
}

/// What only the whole plan tells.
fn whole(plan: &ExperimentPlan, document: &Document<'_>) -> Result<(), Fault> {
    let needed = METRICS.iter().find(|metric| metric.name == plan.design.primary).map_or(1, |m| m.needs);
    if let Amount::Requests(requests) = plan.load.extent
        && requests < needed
    {
        let message = format!(
            "{requests} requests do not tell {}; measure at least {needed}, or set another `primary`",
            plan.design.primary
        );
        return Err(document.fault(&["load", "requests"], message));
    }
    let combinations = plan.combinations();
    if combinations.len() < 2 && plan.design.aa == Aa::None {
        let message = "there is nothing to compare; add a second level of a factor";
        return Err(document.fault(&["design", "aa"], message));
    }
    if combinations.len() > 64 {
        let message = format!("{} combinations are too many; choose some with [[cell]]", combinations.len());
        return Err(document.fault(&["cell"], message));
    }
    Ok(())
}

trait Named {
    fn name(&self) -> &str;
}

macro_rules! named {
    ($($level:ty),*) => {
        $(impl Named for $level {
            fn name(&self) -> &str {
                &self.name
            }
        })*
    };
}

named!(Placement, Neighbour, Governor, Balancing, LoadLevel, Variant);

#[cfg(test)]
mod tests;
