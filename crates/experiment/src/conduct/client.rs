//! What the client itself adds, by governor.

use std::collections::BTreeMap;

use plumb_bench::reference::Behaviour;
use plumb_bench::{Amount, Load, Plan, calibrate};

use super::Conductor;
use crate::ExperimentError;
use crate::changes::{Unset, Wanted};
use crate::plan::Factor;

impl Conductor<'_> {
    /// What the client itself adds to the time to first token, in ms, under each setting of the node: a governor changes the
    /// client, too.
    pub(super) fn client_errors(&mut self) -> Result<BTreeMap<String, f64>, ExperimentError> {
        let mut errors = BTreeMap::new();
        let mut settings: Vec<(String, Wanted)> = Vec::new();
        for cell in &self.cells {
            let name = self.plan.governors.get(cell.combination.level(Factor::Governor));
            let name = name.map_or("as it is", |governor| governor.name.as_str()).to_owned();
            if let Ok(wanted) = &cell.wanted
                && !settings.iter().any(|(other, _)| *other == name)
            {
                settings.push((name, wanted.clone()));
            }
        }
        for (name, wanted) in settings {
            self.say(format!("measuring the client itself ({name})"), false);
            match self.changes.apply(&wanted) {
                Ok(_) => {}
                Err(Unset::Journal(error)) => return Err(error.into()),
                // The cells that need it will say so.
                Err(_) => continue,
            }
            let behaviour = Behaviour { ttft: 5_000_000, itl: 1_000_000, tokens: 8, ..Behaviour::default() };
            let client = &self.client;
            let plan = |target| {
                let mut plan = Plan::new(target);
                plan.output_tokens = 8;
                plan.load.clone_from(&self.plan.load.load);
                if let Load::Open { .. } = plan.load {
                    plan.load = Load::Closed { concurrency: 2 };
                }
                plan.extent = Amount::Requests(40);
                plan.warmup = Amount::Requests(8);
                plan.cpus = client.iter().map(|cpu| cpu as usize).collect();
                plan
            };
            match calibrate(&self.ground.program, &["reference-server"], &behaviour, plan, self.control) {
                Ok(calibration) => drop(errors.insert(name, calibration.added_ttft_mean_ms)),
                Err(error) if !self.control.is_stopped() => {
                    self.warnings.push(format!("the client's own error is not known: {error}"));
                }
                Err(_) => {}
            }
        }
        Ok(errors)
    }
}
