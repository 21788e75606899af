//! One launch, to know how long they take.

use std::time::Instant;

use plumb_bench::Control;
use plumb_evidence::model::ExperimentResult;
use serde::Serialize;

use super::{Conductor, Lost, Step};
use crate::journal::Journal;
use crate::launch::Server;
use crate::plan::{ExperimentPlan, Factor};
use crate::{ExperimentError, Ground};

/// How long one launch of the baseline took, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rehearsal {
    /// Until the server answered.
    pub start_s: f64,
    /// Warm-up and load.
    pub measure_s: f64,
    /// Until it had ended.
    pub end_s: f64,
}

impl Rehearsal {
    /// All of it.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.start_s + self.measure_s + self.end_s
    }
}

/// Launches the baseline once, without a setting of the node, and measures it: how long an experiment takes is mostly how long
/// its server takes to start.
///
/// # Errors
/// Says why it cannot be measured.
pub fn rehearse(
    plan: &ExperimentPlan,
    ground: &Ground,
    control: &Control,
    tell: &mut dyn FnMut(&Step),
) -> Result<Rehearsal, ExperimentError> {
    Journal::check(&ground.state)?;
    let mut keep = |_: ExperimentResult| {};
    let mut conductor = Conductor::new(plan, ground, control, tell, &mut keep);
    let cell = conductor.cells[0].clone();
    let lost = |why: String| ExperimentError::NoBaseline { cell: cell.name.clone(), why };
    let place = cell.place.clone().map_err(lost)?;
    let variant = plan.variants.get(cell.combination.level(Factor::Server));
    let load = conductor.load(&cell.combination);
    conductor.say(format!("{}: one launch, to know how long they take", cell.name), false);
    let began = Instant::now();
    let measured = Server::start(&plan.server, variant, &place).map_err(Lost::from).and_then(|mut server| {
        let target = server.wait(&plan.server, ground, control)?;
        let started = Instant::now();
        conductor.observed(&cell.name, &load, target, server.pid, false)?;
        Ok((server, started, Instant::now()))
    });
    match measured {
        Ok((server, started, measured)) => {
            drop(server);
            Ok(Rehearsal {
                start_s: (started - began).as_secs_f64(),
                measure_s: (measured - started).as_secs_f64(),
                end_s: measured.elapsed().as_secs_f64(),
            })
        }
        Err(Lost::Fault(error)) => Err(error),
        Err(Lost::Interrupted) => Err(lost("it was told to stop".to_owned())),
        Err(Lost::Cell(_, why)) => Err(lost(why)),
    }
}
