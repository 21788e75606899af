//! Conducts an experiment: cell after cell in the order of its blocks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plumb_evidence::CpuSet;
use plumb_evidence::model::{BenchTarget, ExperimentResult};

use super::analysis::{LEAST_BLOCKS, Measurement, noise_floor};
use super::changes::{Changes, Unset};
use super::launch::{NoServer, Server};
use super::node::Node;
use super::placement::Place;
use super::plan::{Aa, Combination, ExperimentPlan, Factor, Start};
use super::verify::{Seen, verify};
use super::{ExperimentError, Ground, interpret, neighbour, observe};
use plumb_bench::{Control, Load, Nonce, Target};
use plumb_stats::experiment::order;

mod arm;
mod cells;
mod client;
mod outcome;
mod rehearsal;

use arm::Arm;
pub(super) use cells::{Cell, cells};
pub use rehearsal::{Rehearsal, rehearse};

/// How an experiment goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Launches that are over.
    pub done: usize,
    /// Launches of all.
    pub of: usize,
    /// What is being done, in words.
    pub text: String,
    /// True for what a person should read even later.
    pub lasting: bool,
    /// Seconds left by the launches so far; `None` before the first is over.
    pub left_s: Option<f64>,
}

/// Why a launch gave no measurement.
enum Lost {
    /// The cell is not to be had: its status and why.
    Cell(&'static str, String),
    Interrupted,
    Fault(ExperimentError),
}

impl From<Unset> for Lost {
    fn from(unset: Unset) -> Self {
        match unset {
            Unset::Unavailable(why) => Self::Cell("unavailable", why),
            Unset::Denied(why) => Self::Cell("denied", why),
            Unset::NotSeen(why) => Self::Cell("effect-not-seen", why),
            Unset::Journal(error) => Self::Fault(error.into()),
        }
    }
}

impl From<NoServer> for Lost {
    fn from(none: NoServer) -> Self {
        match none {
            NoServer::Unavailable(why) => Self::Cell("unavailable", why),
            NoServer::Denied(why) => Self::Cell("denied", why),
            NoServer::Interrupted => Self::Interrupted,
        }
    }
}

/// Conducts an experiment.
///
/// After each whole block, `keep` gets the result as it stands, marked as interrupted: a machine that is lost takes at most one
/// block with it.
///
/// # Errors
/// Says why there is none; a cell that cannot be had is part of the result.
pub fn run(
    plan: &ExperimentPlan,
    ground: &Ground,
    control: &Control,
    tell: &mut dyn FnMut(&Step),
    keep: &mut dyn FnMut(ExperimentResult),
) -> Result<ExperimentResult, ExperimentError> {
    let changes = plan.changes();
    if !changes.is_empty() && !ground.may_change {
        return Err(ExperimentError::NotAllowed(changes));
    }
    super::journal::Journal::check(&ground.state)?;
    let mut conductor = Conductor::new(plan, ground, control, tell, keep);
    let mut result = conductor.conduct();
    if let Some(text) = conductor.start_again()
        && let Ok(result) = &mut result
    {
        result.warnings.push(text);
    }
    let failed = conductor.changes.end();
    if failed.is_empty() { result } else { Err(ExperimentError::NotRestored(failed)) }
}

struct Conductor<'a> {
    plan: &'a ExperimentPlan,
    ground: &'a Ground,
    control: &'a Control,
    tell: &'a mut dyn FnMut(&Step),
    keep: &'a mut dyn FnMut(ExperimentResult),
    node: Node,
    client: CpuSet,
    changes: Changes,
    cells: Vec<Cell>,
    /// Why a cell is not measured.
    status: Vec<Option<(&'static str, String)>>,
    seen: Vec<Option<Seen>>,
    target: BenchTarget,
    /// What the prompts of all launches are made from, and how many launches had prompts.
    nonce: Nonce,
    observed: u64,
    done: usize,
    began: Instant,
    /// Cells of which a launch failed that had worked before.
    repeated: Vec<bool>,
    warnings: Vec<String>,
    /// The server that the experiment began with.
    arm: Option<Arm>,
}

/// Measurements of a block by cell; the second value is that of the baseline's second launch.
type Block = (BTreeMap<usize, Measurement>, Option<Measurement>);

impl<'a> Conductor<'a> {
    fn new(
        plan: &'a ExperimentPlan,
        ground: &'a Ground,
        control: &'a Control,
        tell: &'a mut dyn FnMut(&Step),
        keep: &'a mut dyn FnMut(ExperimentResult),
    ) -> Self {
        let node = ground.node();
        let (cells, client) = cells(plan, ground, &node);
        Self {
            plan,
            ground,
            control,
            tell,
            keep,
            node,
            client,
            changes: Changes::new(ground.root.clone(), ground.state.clone()),
            status: cells
                .iter()
                .map(|cell| cell.obstacle().map(|why| ("unavailable", why.to_owned())))
                .collect(),
            seen: vec![None; cells.len()],
            repeated: vec![false; cells.len()],
            cells,
            target: BenchTarget::default(),
            nonce: plan.design.nonce.unwrap_or_else(Nonce::fresh),
            observed: 0,
            done: 0,
            began: Instant::now(),
            warnings: Vec::new(),
            arm: None,
        }
    }
}

impl Conductor<'_> {
    fn say(&mut self, text: String, lasting: bool) {
        let of = self.plan.launches();
        let each = (self.done > 0).then(|| self.began.elapsed().as_secs_f64() / self.done as f64);
        let left_s = each.map(|each| each * of.saturating_sub(self.done) as f64);
        (self.tell)(&Step { done: self.done, of, text, lasting, left_s });
    }

    fn conduct(&mut self) -> Result<ExperimentResult, ExperimentError> {
        let started = plumb_bench::now_rfc3339();
        let design = &self.plan.design;
        let mut interrupted = match &self.plan.as_found {
            Some(plan) => !self.as_found(plan)?,
            None => false,
        };
        let client_error_ms =
            if design.calibrate && !interrupted { self.client_errors()? } else { BTreeMap::new() };
        let (mut first, mut second) = (Vec::new(), Vec::new());
        if let Aa::First(pairs) = design.aa {
            // Two launches of the same thing; which one counts as which is drawn, too.
            for pair in order(2, if interrupted { 0 } else { pairs }, design.seed ^ 0xaa) {
                let mut both = BTreeMap::new();
                for side in pair {
                    if let Some(measurement) = self.attempt(0)? {
                        both.insert(side, measurement);
                    }
                }
                let (Some(one), Some(other)) = (both.remove(&0), both.remove(&1)) else {
                    interrupted = true;
                    break;
                };
                first.push(one);
                second.push(other);
            }
            if !interrupted {
                self.tell_floor(&first, &second);
            }
        }
        let mut blocks: Vec<Block> = Vec::new();
        let extra = usize::from(design.aa == Aa::Within);
        for (number, order) in order(self.cells.len() + extra, design.blocks, design.seed).iter().enumerate()
        {
            if interrupted {
                break;
            }
            let mut block: Block = (BTreeMap::new(), None);
            for &position in order {
                let again = position == self.cells.len();
                let cell = if again { 0 } else { position };
                if self.status[cell].is_some() {
                    continue;
                }
                let attempt = match self.attempt(cell) {
                    // What was measured until then still stands.
                    Err(error @ ExperimentError::NoBaseline { .. }) if blocks.len() >= 2 => {
                        self.warnings.push(format!("ended before its time: {error}"));
                        interrupted = true;
                        break;
                    }
                    attempt => attempt?,
                };
                match attempt {
                    Some(measurement) if again => block.1 = Some(measurement),
                    Some(measurement) => drop(block.0.insert(cell, measurement)),
                    None if self.control.is_stopped() => {
                        interrupted = true;
                        break;
                    }
                    None => {}
                }
            }
            if interrupted {
                break;
            }
            self.say(format!("block {} of {} is whole", number + 1, design.blocks), false);
            if let (Some(one), Some(other)) = (block.0.get(&0), &block.1) {
                first.push(one.clone());
                second.push(other.clone());
            }
            blocks.push(block);
            if number + 1 < design.blocks {
                let so_far = self.concluded((&blocks, &first, &second), &started, true, &client_error_ms);
                (self.keep)(so_far);
            }
        }
        Ok(self.concluded((&blocks, &first, &second), &started, interrupted, &client_error_ms))
    }

    /// What blocks and the two sides of the baseline against itself amount to.
    fn concluded(
        &self,
        (blocks, first, second): (&[Block], &[Measurement], &[Measurement]),
        started: &str,
        interrupted: bool,
        client_error_ms: &BTreeMap<String, f64>,
    ) -> ExperimentResult {
        let mut result = self.result(blocks, first, second);
        started.clone_into(&mut result.started);
        result.interrupted = interrupted;
        result.client_error_ms.clone_from(client_error_ms);
        interpret::conclude(self.plan, &mut result);
        result
    }

    fn tell_floor(&mut self, first: &[Measurement], second: &[Measurement]) {
        let name = self.cells[0].name.clone();
        let primary = &self.plan.design.primary;
        let floor = noise_floor(&name, first, second, &self.plan.design);
        let text = floor.iter().find(|effect| effect.metric == *primary).map_or_else(
            || format!("the baseline gave no {primary}"),
            |effect| {
                let percent = |ratio: f64| (ratio - 1.0) * 100.0;
                let differs =
                    format!("the baseline against itself: {primary} differs by {:+.1} %", percent(effect.ratio));
                match (effect.interval(), effect.minimum_detectable) {
                    (Some((low, high)), Some(least)) => format!(
                        "{differs} ({:+.1} to {:+.1}); {} blocks show effects from about {:.1} %",
                        percent(low),
                        percent(high),
                        first.len(),
                        least * 100.0
                    ),
                    _ => format!(
                        "{differs}; how far it varies is not estimable from {} pairs, {LEAST_BLOCKS} are the fewest",
                        first.len()
                    ),
                }
            },
        );
        self.say(text, true);
    }

    /// One launch of a cell; `None` where there is no measurement: it was told to stop, or the cell is not to be had, which
    /// then is noted.
    fn attempt(&mut self, cell: usize) -> Result<Option<Measurement>, ExperimentError> {
        let mut outcome = self.launch(cell);
        // A launch that fails once where others worked is an accident; its blocks should not go with it. Told, since a server
        // that dies now and then is a result, too. An effect that was not seen is none: then the cell is not what it says.
        if let Err(Lost::Cell("unavailable", why)) = &outcome
            && self.seen[cell].is_some()
            && !std::mem::replace(&mut self.repeated[cell], true)
        {
            let text = format!("{}: a launch failed and was repeated: {why}", self.cells[cell].name);
            self.say(text.clone(), true);
            self.warnings.push(text);
            outcome = self.launch(cell);
        }
        self.done += 1;
        match outcome {
            Ok(measurement) => Ok(Some(measurement)),
            Err(Lost::Interrupted) => Ok(None),
            Err(Lost::Fault(error)) => Err(error),
            Err(Lost::Cell(status, why)) => {
                let name = self.cells[cell].name.clone();
                if cell == 0 {
                    return Err(ExperimentError::NoBaseline { cell: name, why });
                }
                self.say(format!("`{name}` is not measured ({status}): {why}"), true);
                self.status[cell] = Some((status, why));
                Ok(None)
            }
        }
    }

    fn launch(&mut self, index: usize) -> Result<Measurement, Lost> {
        let cell = self.cells[index].clone();
        let missing = |why: String| Lost::Cell("unavailable", why);
        let place = cell.place.map_err(missing)?;
        let beside = cell.beside.map_err(missing)?;
        let wanted = cell.wanted.map_err(missing)?;
        self.say(format!("{}: starting", cell.name), false);
        self.pause(self.plan.design.cooldown)?;
        let mut claims = self.changes.apply(&wanted)?;
        let variant = self.plan.variants.get(cell.combination.level(Factor::Server));
        let mut server = Server::start(&self.plan.server, variant, &place)?;
        let masked = match (&self.plan.server.start, &place.cpus) {
            (Start::Attach { pid }, Some(cpus)) => self.changes.mask(*pid, cpus)?,
            _ => Vec::new(),
        };
        let outcome = self.inside(index, &mut server, &place, beside.as_ref(), &mut claims);
        self.changes.unmask(masked);
        let (measurement, mut seen) = outcome?;
        seen.claims.extend(claims);
        self.seen[index].get_or_insert(seen);
        Ok(measurement)
    }

    /// What happens while the server is there.
    fn inside(
        &mut self,
        index: usize,
        server: &mut Server,
        place: &Place,
        beside: Option<&CpuSet>,
        claims: &mut Vec<String>,
    ) -> Result<(Measurement, Seen), Lost> {
        let (name, combination) = (self.cells[index].name.clone(), self.cells[index].combination);
        let target = server.wait(&self.plan.server, self.ground, self.control)?;
        let missed = |seen: &Seen| seen.missed.clone().map(|why| Lost::Cell("effect-not-seen", why));
        if let Some(lost) = missed(&verify(server.pid, place, &self.node)) {
            return Err(lost);
        }
        let level = self.plan.neighbours.get(combination.level(Factor::Neighbour));
        let mut hog = match (level, beside) {
            (Some(level), Some(cpus)) => neighbour::start(level, cpus, &self.ground.program)
                .map_err(|why| Lost::Cell("unavailable", why))?,
            _ => None,
        };
        if let (Some(hog), Some(cpus)) = (&mut hog, beside) {
            claims.push(hog.verify(cpus).map_err(|why| Lost::Cell("effect-not-seen", why))?);
        }
        let load = self.load(&combination);
        // Others on the machine are the point of a cell with a neighbour.
        let measurement = match self.observed(&name, &load, target, server.pid, beside.is_none()) {
            Err(Lost::Cell(..)) if !server.is_running() => {
                return Err(Lost::Cell("unavailable", "the server ended while it was measured".to_owned()));
            }
            measurement => measurement?,
        };
        // Threads and pages that came with the load count as much as those before it.
        let seen = verify(server.pid, place, &self.node);
        if let Some(lost) = missed(&seen) {
            return Err(lost);
        }
        if let (Some(hog), Some(cpus)) = (&mut hog, beside) {
            hog.verify(cpus).map_err(|why| Lost::Cell("effect-not-seen", why))?;
        }
        drop(hog);
        Ok((measurement, seen))
    }

    /// Measures a server that answers at `target`.
    fn observed(
        &mut self,
        name: &str,
        load: &Load,
        target: Target,
        leader: i32,
        warns: bool,
    ) -> Result<Measurement, Lost> {
        self.say(format!("{name}: measuring"), false);
        let nonce = self.nonce.of_run(self.observed);
        self.observed += 1;
        let measured = observe::observe(self.plan, load, target, leader, &self.client, nonce, self.control);
        let (measurement, result) = match measured {
            Ok(measured) => measured,
            Err(_) if self.control.is_stopped() => return Err(Lost::Interrupted),
            Err(error) => return Err(Lost::Cell("unavailable", crate::chain(&error))),
        };
        if result.interrupted || self.control.is_stopped() {
            return Err(Lost::Interrupted);
        }
        self.target = result.target;
        self.target.url.clone_from(&self.plan.server.url);
        for warning in measurement.warnings.iter().filter(|_| warns) {
            let warning = format!("{name}: {warning}");
            if !self.warnings.contains(&warning) && self.warnings.len() < 12 {
                self.warnings.push(warning);
            }
        }
        Ok(measurement)
    }

    fn load(&self, combination: &Combination) -> Load {
        let level = self.plan.loads.get(combination.level(Factor::Load));
        level.and_then(|level| level.load.clone()).unwrap_or_else(|| self.plan.load.load.clone())
    }

    fn pause(&self, time: Duration) -> Result<(), Lost> {
        let end = Instant::now() + time;
        loop {
            if self.control.is_stopped() {
                return Err(Lost::Interrupted);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}
