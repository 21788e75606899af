//! The server as it is found: measured, ended, and launched again with nothing changed.

use std::time::Duration;

use plumb_bench::{Http, Load, Target};

use super::{Conductor, Lost};
use crate::ExperimentError;
use crate::analysis::Measurement;
use crate::found::{self, Origin, Running};
use crate::launch::Server;
use crate::placement::Place;
use crate::plan::FoundPlan;
use crate::verify::{Seen, verify};

/// What was found running, and what came of starting it again.
pub(super) struct Arm {
    pub(super) running: Running,
    /// It was told to end.
    pub(super) ended: bool,
    pub(super) differs: Vec<String>,
    pub(super) found: Vec<Measurement>,
    pub(super) restarted: Vec<Measurement>,
    pub(super) seen: [Seen; 2],
}

impl Conductor<'_> {
    /// Measures the server as it is found, ends it, and measures launches of it with nothing changed; false where it was told to stop
    /// meanwhile.
    pub(super) fn as_found(&mut self, plan: &FoundPlan) -> Result<bool, ExperimentError> {
        let wrong = |why: String| ExperimentError::NotFound { pid: plan.pid, why };
        let running = Running::look(plan.pid).map_err(wrong)?;
        let target = |url: &str| {
            let target = Target::new(url, Http::Auto, None, self.ground.key.clone())?;
            Ok::<_, ExperimentError>(target.with_headers(self.ground.headers.clone()))
        };
        let here = target(&plan.url)?;
        let nobody = Place::default();
        let load = self.load(&self.cells[0].combination);
        self.arm = Some(Arm {
            running: running.clone(),
            ended: false,
            differs: Vec::new(),
            found: Vec::new(),
            restarted: Vec::new(),
            seen: [verify(plan.pid, &nobody, &self.node), Seen::default()],
        });
        for _ in 0..plan.runs {
            let measured = self
                .pause(self.plan.design.cooldown)
                .and_then(|()| self.observed(found::FOUND, &load, here.clone(), plan.pid, true));
            match measured {
                Ok(measurement) => self.arm.iter_mut().for_each(|arm| arm.found.push(measurement.clone())),
                Err(Lost::Interrupted) => return Ok(false),
                Err(Lost::Fault(error)) => return Err(error),
                Err(Lost::Cell(_, why)) => return Err(wrong(format!("cannot be measured: {why}"))),
            }
            self.done += 1;
        }
        self.say(format!("ending the running server (process {})", plan.pid), true);
        self.arm.iter_mut().for_each(|arm| arm.ended = true);
        running.end(plan, self.plan.server.stop_within, self.control).map_err(wrong)?;
        if plumb_bench::ready(&here, &self.plan.server.ready, Duration::from_secs(1)).is_ok() {
            let why = "was ended, and something answers at its address again; give the command that ends it for good as `stop`";
            return Err(wrong(why.to_owned()));
        }
        for launch in 0..plan.restarts {
            match self.restarted(&load, plan, &running, launch == 0) {
                Ok(measurement) => {
                    self.arm.iter_mut().for_each(|arm| arm.restarted.push(measurement.clone()))
                }
                Err(Lost::Interrupted) => return Ok(false),
                Err(Lost::Fault(error)) => return Err(error),
                Err(Lost::Cell(_, why)) => {
                    return Err(wrong(format!("is not to be had again by `command`: {why}")));
                }
            }
            self.done += 1;
        }
        Ok(true)
    }

    /// A launch of the server with nothing changed.
    fn restarted(
        &mut self,
        load: &Load,
        plan: &FoundPlan,
        running: &Running,
        first: bool,
    ) -> Result<Measurement, Lost> {
        self.say(format!("{}: starting", found::RESTARTED), false);
        self.pause(self.plan.design.cooldown)?;
        let mut server = Server::start(&self.plan.server, None, &Place::default())?;
        let target = server.wait(&self.plan.server, self.ground, self.control)?;
        let measurement = self.observed(found::RESTARTED, load, target.clone(), server.pid, true)?;
        if first {
            let port =
                |url: &str| url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
            let ports = [port(&plan.url), port(&server.url)];
            let differs = running.origin.differences(&Origin::of(server.pid), ports);
            let seen = verify(server.pid, &Place::default(), &self.node);
            if let Some(arm) = &mut self.arm {
                arm.differs.clone_from(&differs);
                arm.seen[1] = seen.clone();
            }
        }
        Ok(measurement)
    }

    /// Starts the server again that was running before, where the plan says how; what is to be told of it.
    pub(super) fn start_again(&mut self) -> Option<String> {
        let plan = self.plan.as_found.as_ref().filter(|_| self.arm.as_ref().is_some_and(|arm| arm.ended))?;
        let text = match (plan.start.is_empty(), found::command(&plan.start)) {
            (true, _) => format!(
                "the server that was running (process {}) was ended and is not started again: the plan has no `start`",
                plan.pid
            ),
            (false, Ok(())) => return None,
            (false, Err(why)) => {
                format!("the server that was running (process {}) {why}; start it yourself", plan.pid)
            }
        };
        self.say(text.clone(), true);
        Some(text)
    }
}
