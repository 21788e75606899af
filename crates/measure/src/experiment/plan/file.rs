//! The plan as a file: TOML, read strictly. An unknown key is an error that names the line, since a typing mistake must not
//! change in silence what is compared.

use std::ops::Range;
use std::time::Duration;

use plumb_evidence::IndexSet;
use thiserror::Error;
use toml::Spanned;

use super::{
    Aa, Balancing, Combination, Design, ExperimentPlan, Factor, Governor, HogKind, LoadLevel, LoadPlan,
    MemoryPlan, MemoryPolicy, Neighbour, NeighbourPlace, Placement, ServerPlan, Start, Variant, Where,
};
use crate::bench::{Amount, Api, Arrivals, Load};
use crate::experiment::analysis::METRICS;

mod raw;

use raw::{List, Raw, RawCell, RawDesign, RawLoad, RawNeighbour, RawPlacement, RawServer, Versioned};

/// Version of the file that this code reads.
pub const PLAN_SCHEMA: u32 = 1;

/// A fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}{}: {}{problem}", place(*.line), named(.key))]
pub struct PlanError {
    /// Name of the file, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: Option<usize>,
    /// The key at fault with its table (`placement.cpus`); empty where the file as a whole is.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

fn place(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

fn named(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// Reads the text of a plan; `file` is its name, for errors.
///
/// # Errors
/// If the text is no TOML, has a key that is not known, lacks one that is needed, or has a value that cannot be.
pub fn parse(file: &str, text: &str) -> Result<ExperimentPlan, PlanError> {
    let source = Source { file, text };
    // The version comes first: a later one may have other keys.
    let version: Versioned = toml::from_str(text).map_err(|error| source.syntax(&error))?;
    match version.schema {
        Some(schema) if *schema.get_ref() == i64::from(PLAN_SCHEMA) => {}
        Some(schema) => {
            let problem = format!("version {} is not known; this program reads version 1", schema.get_ref());
            return Err(source.fault(schema.span(), "schema", problem));
        }
        None => {
            let problem = "the version of the file is missing; write `schema = 1` as its first line";
            return Err(PlanError { line: None, ..source.fault(0..0, "schema", problem) });
        }
    }
    let raw: Raw = toml::from_str(text).map_err(|error| source.syntax(&error))?;
    let mut plan = ExperimentPlan {
        name: raw.name.unwrap_or_else(|| "experiment".to_owned()),
        server: source.server(raw.server)?,
        load: source.load(&raw.load)?,
        design: source.design(&raw.design)?,
        placements: source.all(raw.placement, Source::placement)?,
        neighbours: source.all(raw.neighbour, Source::neighbour)?,
        governors: source.all(raw.governor, |_, raw| {
            Ok(Governor { name: raw.name, governor: raw.governor, preference: raw.epp })
        })?,
        balancing: source
            .all(raw.numa_balancing, |_, raw| Ok(Balancing { name: raw.name, value: raw.value }))?,
        loads: source.all(raw.load_level, |source, raw| {
            let load = source.issue(raw.concurrency.as_ref(), raw.rate.as_ref(), "load_level")?;
            Ok(LoadLevel { name: raw.name, load })
        })?,
        variants: source.all(raw.variant, |_, raw| Ok(raw))?,
        chosen: Vec::new(),
    };
    plan.chosen = source.cells(raw.cell, &plan)?;
    source.whole(&plan, &raw.load, &raw.design)?;
    Ok(plan)
}

/// The text of a file, for errors that name a line of it.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn line(&self, position: usize) -> usize {
        self.text.as_bytes()[..position.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count()
            + 1
    }

    /// What the parser says, with the line and the key that it stopped at.
    fn syntax(&self, error: &toml::de::Error) -> PlanError {
        let line = error.span().map(|span| self.line(span.start));
        let text = line.and_then(|line| self.text.lines().nth(line - 1)).unwrap_or_default();
        let key = text.split_once('=').map(|(key, _)| key.trim().to_owned()).unwrap_or_default();
        let problem = error.message().trim().replace('\n', ", ");
        PlanError { file: self.file.to_owned(), line, key, problem }
    }

    fn fault(&self, span: Range<usize>, key: &str, problem: impl Into<String>) -> PlanError {
        PlanError {
            file: self.file.to_owned(),
            line: Some(self.line(span.start)),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }

    /// The levels of a factor, whose names differ.
    fn all<R, T: Named>(
        &self,
        raw: Vec<Spanned<R>>,
        read: impl Fn(&Self, R) -> Result<T, PlanError>,
    ) -> Result<Vec<T>, PlanError> {
        let mut levels: Vec<T> = Vec::with_capacity(raw.len());
        for one in raw {
            let span = one.span();
            let level = read(self, one.into_inner())?;
            if level.name().is_empty() || levels.iter().any(|other| other.name() == level.name()) {
                let problem =
                    format!("`{}` is no name of its own; name each level differently", level.name());
                return Err(self.fault(span, "name", problem));
            }
            levels.push(level);
        }
        Ok(levels)
    }

    fn set(&self, text: &str, span: Range<usize>, key: &str) -> Result<IndexSet, PlanError> {
        match text.parse::<IndexSet>() {
            Ok(set) if !set.is_empty() => Ok(set),
            _ => Err(self.fault(span, key, format!("`{text}` is no list; write one such as \"0-3,8\""))),
        }
    }

    fn list(&self, list: &Spanned<List>, key: &str) -> Result<IndexSet, PlanError> {
        self.set(&list.get_ref().text(), list.span(), key)
    }

    fn seconds(&self, value: Option<&Spanned<f64>>, default: f64, key: &str) -> Result<Duration, PlanError> {
        let Some(value) = value else { return Ok(Duration::from_secs_f64(default)) };
        let number = *value.get_ref();
        if !(0.0..=86_400.0).contains(&number) {
            let problem = format!("{number} cannot be; give seconds from 0 to 86400");
            return Err(self.fault(value.span(), key, problem));
        }
        Ok(Duration::from_secs_f64(number))
    }

    fn server(&self, raw: Spanned<RawServer>) -> Result<ServerPlan, PlanError> {
        let span = raw.span();
        let raw = raw.into_inner();
        let start = match (&raw.command, &raw.pid) {
            (Some(command), None) if command.get_ref().is_empty() => {
                let problem =
                    "no program; write the command as a list, such as [\"vllm\", \"serve\", \"MODEL\"]";
                return Err(self.fault(command.span(), "server.command", problem));
            }
            (Some(command), None) => Start::Launch { command: command.get_ref().clone(), env: raw.env },
            (None, Some(pid)) if *pid.get_ref() > 0 => Start::Attach { pid: *pid.get_ref() },
            (None, Some(pid)) => {
                return Err(self.fault(pid.span(), "server.pid", "give the number of a running process"));
            }
            _ => {
                let problem =
                    "give either `command`, to start the server, or `pid`, to measure a running one";
                return Err(self.fault(span, "server", problem));
            }
        };
        let api = match raw.api.as_ref().map(|api| (api.get_ref().as_str(), api.span())) {
            None | Some(("completions", _)) => Api::Completions,
            Some(("chat", _)) => Api::Chat,
            Some((_, span)) => {
                return Err(self.fault(span, "server.api", "write \"completions\" or \"chat\""));
            }
        };
        if !raw.url.get_ref().contains("://") {
            let problem = "write the whole URL, such as \"http://127.0.0.1:8000\"";
            return Err(self.fault(raw.url.span(), "server.url", problem));
        }
        Ok(ServerPlan {
            start,
            url: raw.url.into_inner(),
            ready: raw.ready.unwrap_or_else(|| "/v1/models".to_owned()),
            ready_within: self.seconds(raw.ready_s.as_ref(), 600.0, "server.ready_s")?,
            stop_within: self.seconds(raw.stop_s.as_ref(), 30.0, "server.stop_s")?,
            model: raw.model,
            api,
        })
    }

    fn issue(
        &self,
        concurrency: Option<&Spanned<u32>>,
        rate: Option<&Spanned<f64>>,
        table: &str,
    ) -> Result<Option<Load>, PlanError> {
        match (concurrency, rate) {
            (Some(_), Some(rate)) => Err(self.fault(
                rate.span(),
                &format!("{table}.rate"),
                "give `concurrency` or `rate`, not both",
            )),
            (Some(concurrency), None) if *concurrency.get_ref() == 0 => {
                Err(self.fault(concurrency.span(), &format!("{table}.concurrency"), "give 1 or more"))
            }
            (None, Some(rate)) if !(rate.get_ref().is_finite() && *rate.get_ref() > 0.0) => {
                Err(self.fault(rate.span(), &format!("{table}.rate"), "give requests per second above 0"))
            }
            (Some(concurrency), None) => Ok(Some(Load::Closed { concurrency: *concurrency.get_ref() })),
            (None, Some(rate)) => {
                Ok(Some(Load::Open { arrivals: Arrivals::Poisson { rate: *rate.get_ref() } }))
            }
            (None, None) => Ok(None),
        }
    }

    fn load(&self, raw: &RawLoad) -> Result<LoadPlan, PlanError> {
        let load = self
            .issue(raw.concurrency.as_ref(), raw.rate.as_ref(), "load")?
            .unwrap_or(Load::Closed { concurrency: 4 });
        let extent = match (&raw.requests, &raw.seconds) {
            (Some(_), Some(seconds)) => {
                return Err(self.fault(
                    seconds.span(),
                    "load.seconds",
                    "give `requests` or `seconds`, not both",
                ));
            }
            (Some(requests), None) if *requests.get_ref() == 0 => {
                return Err(self.fault(requests.span(), "load.requests", "give 1 or more"));
            }
            (Some(requests), None) => Amount::Requests(*requests.get_ref()),
            (None, Some(seconds)) if !(seconds.get_ref().is_finite() && *seconds.get_ref() > 0.0) => {
                return Err(self.fault(seconds.span(), "load.seconds", "give seconds above 0"));
            }
            (None, Some(seconds)) => Amount::Seconds(*seconds.get_ref()),
            (None, None) => Amount::Requests(60),
        };
        let warmup = raw.warmup.unwrap_or(match load {
            Load::Closed { concurrency } => 2 * u64::from(concurrency),
            Load::Open { .. } => 8,
        });
        let at_least_one = |key: &str, value: usize, span: Range<usize>| {
            if value == 0 { Err(self.fault(span, key, "give 1 or more")) } else { Ok(()) }
        };
        if let Some(tokens) = &raw.output_tokens {
            at_least_one("load.output_tokens", *tokens.get_ref() as usize, tokens.span())?;
        }
        if let Some(threads) = &raw.threads {
            at_least_one("load.threads", *threads.get_ref(), threads.span())?;
        }
        Ok(LoadPlan {
            load,
            warmup: Amount::Requests(warmup),
            extent,
            prompt_tokens: raw.prompt_tokens.unwrap_or(128),
            output_tokens: raw.output_tokens.as_ref().map_or(64, |tokens| *tokens.get_ref()),
            timeout: self.seconds(raw.timeout_s.as_ref(), 300.0, "load.timeout_s")?,
            threads: raw.threads.as_ref().map_or(1, |threads| *threads.get_ref()),
            client_cpus: raw
                .client_cpus
                .as_ref()
                .map(|cpus| self.set(cpus.get_ref(), cpus.span(), "load.client_cpus"))
                .transpose()?,
        })
    }

    fn design(&self, raw: &RawDesign) -> Result<Design, PlanError> {
        let blocks = raw.blocks.as_ref().map_or(6, |blocks| *blocks.get_ref());
        if let Some(given) = raw.blocks.as_ref().filter(|blocks| !(2..=1000).contains(blocks.get_ref())) {
            let problem =
                "give 2 to 1000; six are the fewest with which a p value by sign flips can be below 0.05";
            return Err(self.fault(given.span(), "design.blocks", problem));
        }
        let pairs = raw.aa_blocks.as_ref().map_or(blocks, |pairs| *pairs.get_ref());
        if let Some(given) = raw.aa_blocks.as_ref().filter(|pairs| !(2..=1000).contains(pairs.get_ref())) {
            return Err(self.fault(given.span(), "design.aa_blocks", "give 2 to 1000"));
        }
        let aa = match raw.aa.as_ref().map(|aa| (aa.get_ref().as_str(), aa.span())) {
            None | Some(("first", _)) => Aa::First(pairs),
            Some(("within", _)) => Aa::Within,
            Some(("none", _)) => Aa::None,
            Some((other, span)) => {
                let problem = format!("`{other}` is not known; write \"first\", \"within\" or \"none\"");
                return Err(self.fault(span, "design.aa", problem));
            }
        };
        let margin = raw.margin.as_ref().map_or(0.02, |margin| *margin.get_ref());
        if let Some(given) = raw.margin.as_ref().filter(|margin| !(0.0..1.0).contains(margin.get_ref())) {
            return Err(self.fault(given.span(), "design.margin", "give a share from 0 to 1, such as 0.02"));
        }
        let primary = raw.primary.as_ref().map_or("e2e_p95", |primary| primary.get_ref());
        if let Some(given) = &raw.primary
            && !METRICS.iter().any(|metric| metric.name == primary)
        {
            let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
            let problem = format!("`{primary}` is no metric; write one of {}", names.join(", "));
            return Err(self.fault(given.span(), "design.primary", problem));
        }
        let nonce = raw.nonce.as_ref().map(|given| {
            let nonce = given.get_ref().parse();
            nonce.map_err(|problem: String| self.fault(given.span(), "design.nonce", problem))
        });
        let nonce = nonce.transpose()?;
        Ok(Design {
            blocks,
            seed: raw.seed.unwrap_or(1),
            nonce,
            cooldown: self.seconds(raw.cooldown_s.as_ref(), 2.0, "design.cooldown_s")?,
            margin,
            primary: primary.to_owned(),
            aa,
            calibrate: raw.calibrate.unwrap_or(true),
        })
    }

    fn placement(&self, raw: RawPlacement) -> Result<Placement, PlanError> {
        let cpus = match (&raw.cpus, &raw.node, &raw.gpu) {
            (None, None, None) => Where::Anywhere,
            (Some(cpus), None, None) => {
                Where::Cpus(self.set(cpus.get_ref(), cpus.span(), "placement.cpus")?)
            }
            (None, Some(node), None) => Where::Nodes(self.list(node, "placement.node")?),
            (None, None, Some(gpu)) => Where::Gpu(gpu.get_ref().text()),
            _ => {
                let span = raw.node.as_ref().map(Spanned::span).or(raw.gpu.as_ref().map(Spanned::span));
                let problem = "give one of `cpus`, `node` and `gpu`";
                return Err(self.fault(span.unwrap_or(0..0), "placement", problem));
            }
        };
        let policy = match raw.memory.as_ref().map(|memory| (memory.get_ref().as_str(), memory.span())) {
            None => MemoryPolicy::Default,
            Some(("default", _)) => MemoryPolicy::Default,
            Some(("bind", _)) => MemoryPolicy::Bind,
            Some(("preferred", _)) => MemoryPolicy::Preferred,
            Some(("interleave", _)) => MemoryPolicy::Interleave,
            Some((other, span)) => {
                let problem = format!(
                    "`{other}` is not known; write \"default\", \"bind\", \"preferred\" or \"interleave\""
                );
                return Err(self.fault(span, "placement.memory", problem));
            }
        };
        let nodes =
            raw.memory_nodes.as_ref().map(|nodes| self.list(nodes, "placement.memory_nodes")).transpose()?;
        if let Some(given) = raw.memory_nodes.as_ref().filter(|_| policy == MemoryPolicy::Default) {
            let problem = "without a policy nodes have no effect; write `memory = \"bind\"`, too";
            return Err(self.fault(given.span(), "placement.memory_nodes", problem));
        }
        if let Some(given) = raw
            .memory
            .as_ref()
            .filter(|_| policy != MemoryPolicy::Default && nodes.is_none() && cpus == Where::Anywhere)
        {
            let problem = "memory from which nodes? give `memory_nodes`, or `node`, `gpu` or `cpus`";
            return Err(self.fault(given.span(), "placement.memory", problem));
        }
        Ok(Placement { name: raw.name, cpus, memory: MemoryPlan { policy, nodes } })
    }

    fn neighbour(&self, raw: RawNeighbour) -> Result<Neighbour, PlanError> {
        let kind = match raw.kind.as_ref().map(|kind| (kind.get_ref().as_str(), kind.span())) {
            None | Some(("none", _)) => None,
            Some((word, span)) => {
                let kind = HogKind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
                    let problem =
                        format!("`{word}` is not known; write \"cpu\", \"memory\", \"cache\" or \"none\"");
                    self.fault(span, "neighbour.kind", problem)
                })?;
                Some(kind)
            }
        };
        let place = match (
            &raw.cpus,
            raw.place.as_ref().map(|place| (place.get_ref().as_str(), place.span())),
        ) {
            (Some(cpus), None) => {
                NeighbourPlace::Cpus(self.set(cpus.get_ref(), cpus.span(), "neighbour.cpus")?)
            }
            (Some(cpus), Some(_)) => {
                return Err(self.fault(cpus.span(), "neighbour.cpus", "give `where` or `cpus`, not both"));
            }
            (None, None | Some(("same-cpus", _))) => NeighbourPlace::SameCpus,
            (None, Some(("siblings", _))) => NeighbourPlace::Siblings,
            (None, Some(("same-node", _))) => NeighbourPlace::SameNode,
            (None, Some(("other-node", _))) => NeighbourPlace::OtherNode,
            (None, Some(("other-cpus", _))) => NeighbourPlace::OtherCpus,
            (None, Some((word, span))) => {
                let problem = format!(
                    "`{word}` is not known; write \"same-cpus\", \"siblings\", \"same-node\", \"other-node\" \
                     or \"other-cpus\""
                );
                return Err(self.fault(span, "neighbour.where", problem));
            }
        };
        let workers = raw.workers.as_ref().map(|workers| *workers.get_ref());
        if let Some(given) = raw.workers.as_ref().filter(|workers| !(1..=4096).contains(workers.get_ref())) {
            return Err(self.fault(given.span(), "neighbour.workers", "give 1 to 4096"));
        }
        let stress_ng = match raw.tool.as_ref().map(|tool| (tool.get_ref().as_str(), tool.span())) {
            None | Some(("built-in", _)) => false,
            Some(("stress-ng", _)) => true,
            Some((_, span)) => {
                return Err(self.fault(span, "neighbour.tool", "write \"built-in\" or \"stress-ng\""));
            }
        };
        Ok(Neighbour { name: raw.name, kind, place, workers, stress_ng })
    }

    fn cells(
        &self,
        raw: Vec<Spanned<RawCell>>,
        plan: &ExperimentPlan,
    ) -> Result<Vec<Combination>, PlanError> {
        let mut cells: Vec<Combination> = Vec::new();
        for cell in raw {
            let span = cell.span();
            let cell = cell.into_inner();
            let named = [
                (Factor::Placement, cell.placement),
                (Factor::Server, cell.server),
                (Factor::Governor, cell.governor),
                (Factor::NumaBalancing, cell.numa_balancing),
                (Factor::Load, cell.load),
                (Factor::Neighbour, cell.neighbour),
            ];
            let mut combination = Combination::default();
            for (factor, name) in named {
                let Some(name) = name else { continue };
                let levels = plan.levels(factor);
                let level = levels.iter().position(|level| level == name.get_ref()).ok_or_else(|| {
                    let problem = format!(
                        "no level of this factor is named `{}`; there are: {}",
                        name.get_ref(),
                        if levels.is_empty() { "none".to_owned() } else { levels.join(", ") }
                    );
                    self.fault(name.span(), &format!("cell.{}", factor.as_str()), problem)
                })?;
                combination = combination.with(factor, level);
            }
            if cells.contains(&combination) {
                return Err(self.fault(span, "cell", "this combination stands above already"));
            }
            cells.push(combination);
        }
        Ok(cells)
    }

    /// What only the whole plan tells.
    fn whole(&self, plan: &ExperimentPlan, load: &RawLoad, design: &RawDesign) -> Result<(), PlanError> {
        let needed = METRICS.iter().find(|metric| metric.name == plan.design.primary).map_or(1, |m| m.needs);
        if let Amount::Requests(requests) = plan.load.extent
            && requests < needed
        {
            let span = load.requests.as_ref().map(Spanned::span).unwrap_or_default();
            let problem = format!(
                "{requests} requests do not tell {}; measure at least {needed}, or set another `primary`",
                plan.design.primary
            );
            return Err(self.fault(span, "load.requests", problem));
        }
        let combinations = plan.combinations();
        if combinations.len() < 2 && plan.design.aa == Aa::None {
            let span = design.aa.as_ref().map(Spanned::span).unwrap_or_default();
            let problem = "there is nothing to compare; add a second level of a factor";
            return Err(self.fault(span, "design.aa", problem));
        }
        if combinations.len() > 64 {
            let problem =
                format!("{} combinations are too many; choose some with [[cell]]", combinations.len());
            return Err(PlanError { line: None, ..self.fault(0..0, "cell", problem) });
        }
        Ok(())
    }
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
