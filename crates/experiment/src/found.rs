//! The server as it was found running, and what a restart alone makes of it.
//!
//! A server that has run for weeks, or one that drew the slower of two speeds when it was started, gains by being started again.
//! A change that comes with a restart must not be credited with that, so the restart is measured by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use plumb_evidence::CpuSet;
use plumb_evidence::model::{ExperimentEffect, TwoSpeeds};

use super::analysis::{CellData, LEAST_BLOCKS, METRICS, Measurement, NOT_ESTIMABLE};
use super::plan::{Design, FoundPlan};
use super::table::masked;
use plumb_bench::Control;
use plumb_bench::process::{Task, cpus_allowed, is_alive, threads, tree};
use plumb_stats::groups::Splits;
use plumb_stats::{mean, student_cdf, student_quantile, variance};

/// Name of the cell of what was found, of the cell of its restarts, and of what they differ in.
pub(super) const FOUND: &str = "as found";
pub(super) const RESTARTED: &str = "restarted";
const RESTART: &str = "restart";

/// Metrics in which launches are looked at for two speeds, beside the primary one: the fewer, the fewer chances of a false word.
const SPEEDS: [&str; 1] = ["output_tokens_per_s"];

/// What a process says of how it was started.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Origin {
    words: Vec<String>,
    /// Variables; `None` where they cannot be read.
    variables: Option<BTreeMap<String, String>>,
    cpus: CpuSet,
}

/// The running server.
#[derive(Clone, Debug)]
pub(super) struct Running {
    task: Task,
    /// Seconds since it was started.
    pub(super) age_s: f64,
    pub(super) origin: Origin,
}

impl Origin {
    pub(super) fn of(pid: i32) -> Self {
        let words = |name: &str| -> Option<Vec<String>> {
            let bytes = fs::read(format!("/proc/{pid}/{name}")).ok()?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Some(text.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect())
        };
        let variables = words("environ").map(|words| {
            let pairs = words.iter().filter_map(|word| word.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        });
        let masks = threads(&tree(pid)).into_iter().filter_map(cpus_allowed);
        let cpus = masks.fold(CpuSet::new(), |all, own| all.union(&own));
        Self { words: words("cmdline").unwrap_or_default(), variables, cpus }
    }

    /// In what `launched` differs, ports aside, in words. Values of variables are not told: they may be secrets.
    pub(super) fn differences(&self, launched: &Self, ports: [Option<u16>; 2]) -> Vec<String> {
        /// What a shell and a service manager set for themselves.
        const THEIRS: [&str; 10] = [
            "_",
            "PWD",
            "OLDPWD",
            "SHLVL",
            "TERM",
            "COLUMNS",
            "LINES",
            "INVOCATION_ID",
            "JOURNAL_STREAM",
            "SYSTEMD_EXEC_PID",
        ];
        let mut differences = Vec::new();
        let without = |words: &[String], port: Option<u16>| -> Vec<String> {
            let port = port.map(|port| port.to_string());
            words
                .iter()
                .map(|word| port.as_ref().map_or(word.clone(), |port| word.replace(port, "{port}")))
                .collect()
        };
        let (own, other) = (without(&self.words, ports[0]), without(&launched.words, ports[1]));
        if own != other {
            differences.push(format!("the command was `{}`, and is `{}`", masked(&own), masked(&other)));
        }
        match (&self.variables, &launched.variables) {
            (Some(own), Some(other)) => {
                let names: BTreeSet<&String> = own.keys().chain(other.keys()).collect();
                let changed: Vec<&str> = names
                    .into_iter()
                    .filter(|name| own.get(*name) != other.get(*name) && !THEIRS.contains(&name.as_str()))
                    .map(String::as_str)
                    .collect();
                if !changed.is_empty() {
                    let more = changed.len().saturating_sub(12);
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    differences.push(format!(
                        "variables differ: {}{more}",
                        changed[..changed.len().min(12)].join(", ")
                    ));
                }
            }
            _ => differences.push("its variables cannot be read, so they may differ".to_owned()),
        }
        if self.cpus != launched.cpus {
            differences.push(format!("its threads had CPUs {}, and have {}", self.cpus, launched.cpus));
        }
        differences
    }
}

impl Running {
    /// Looks at the server that `pid` is the first process of.
    ///
    /// # Errors
    /// Says why there is none.
    pub(super) fn look(pid: i32) -> Result<Self, String> {
        let own = threads(&[pid]).into_iter().find(|task| task.tid == pid);
        let task =
            own.filter(|task| is_alive(*task)).ok_or("is not there; give the number of its first process")?;
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0).unwrap_or(100);
        let up: f64 = fs::read_to_string("/proc/uptime")
            .ok()
            .and_then(|text| text.split_ascii_whitespace().next()?.parse().ok())
            .unwrap_or(0.0);
        let age_s = (up - task.start as f64 / ticks as f64).max(0.0);
        Ok(Self { task, age_s, origin: Origin::of(pid) })
    }

    /// Ends it, and sees that it is gone and stays so.
    ///
    /// # Errors
    /// Says what is still there, or what refused.
    pub(super) fn end(&self, plan: &FoundPlan, patience: Duration, control: &Control) -> Result<(), String> {
        let members: Vec<Task> =
            threads(&tree(self.task.pid)).into_iter().filter(|task| task.pid == task.tid).collect();
        if plan.stop.is_empty() {
            for task in &members {
                match kill(Pid::from_raw(task.pid), Signal::SIGTERM) {
                    Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                    Err(errno) => {
                        return Err(format!(
                            "cannot be ended: {}; run as root or as its user, or give `stop`",
                            errno.desc()
                        ));
                    }
                }
            }
        } else {
            command(&plan.stop)?;
        }
        let end = Instant::now() + patience;
        while members.iter().any(|task| is_alive(*task)) {
            if control.is_stopped() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!(
                    "did not end within {} s, and is not killed; end it yourself, or give `stop` or a longer `stop_s`",
                    patience.as_secs_f64()
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Runs a command to its end.
///
/// # Errors
/// Says how it failed.
pub(super) fn command(words: &[String]) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let status = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("is not served by `{}`: {status}", masked(words))),
        Err(error) => Err(format!("is not served by `{}`: {error}", masked(words))),
    }
}

/// What a restart changed: launches over what was found, in every metric.
///
/// The server that was found is one launch, measured several times, and so the question is whether it is one as others are: a
/// difference is claimed where what was found lies outside of the interval in which a further launch would lie in 95 % of all cases.
pub(super) fn restart(
    found: &[Measurement],
    restarted: &[Measurement],
    design: &Design,
) -> Vec<ExperimentEffect> {
    METRICS
        .iter()
        .filter_map(|metric| {
            let logs = |side: &[Measurement]| -> Option<Vec<f64>> {
                let values: Option<Vec<f64>> =
                    side.iter().map(|one| one.metrics.get(metric.name).copied()).collect();
                values.map(|values| values.into_iter().map(f64::ln).collect())
            };
            let (own, launches) = (logs(found)?, logs(restarted)?);
            let (centre, launched) = (mean(&own)?, mean(&launches)?);
            let n = launches.len();
            let difference = launched - centre;
            let mut effect = ExperimentEffect {
                cell: RESTARTED.to_owned(),
                against: FOUND.to_owned(),
                factor: RESTART.to_owned(),
                metric: metric.name.to_owned(),
                ratio: difference.exp(),
                verdict: NOT_ESTIMABLE.to_owned(),
                ..ExperimentEffect::default()
            };
            if n < LEAST_BLOCKS {
                return Some(effect);
            }
            let freedom = (n - 1) as f64;
            let error = (variance(&launches)? * (1.0 + 1.0 / n as f64)).sqrt();
            let half = student_quantile(0.975, freedom) * error;
            effect.low = Some((difference - half).exp());
            effect.high = Some((difference + half).exp());
            if error > 0.0 {
                effect.adjusted_p = Some(2.0 * (1.0 - student_cdf((difference / error).abs(), freedom)));
            }
            effect.minimum_detectable = Some((half + student_quantile(0.80, freedom) * error).exp() - 1.0);
            let shown = difference.abs() > half && difference.abs() > (1.0 + design.margin).ln();
            effect.verdict = match (shown, (effect.ratio > 1.0) == metric.higher_is_better) {
                (false, _) => "no-measured-effect",
                (true, true) => "improved",
                (true, false) => "worse",
            }
            .to_owned();
            Some(effect)
        })
        .collect()
}

/// Cells whose launches fall into two speeds that differ by more than the margin: in the primary metric and in throughput, of
/// cells in which all launches were of the same thing.
pub(super) fn two_speeds(cells: &[CellData], design: &Design, splits: &mut Splits) -> Vec<TwoSpeeds> {
    let primary = design.primary.as_str();
    let mut found = Vec::new();
    for cell in cells {
        let told = METRICS
            .iter()
            .filter(|metric| metric.name == primary || SPEEDS.contains(&metric.name))
            .find_map(|metric| {
                let logs: Option<Vec<f64>> = cell
                    .blocks
                    .iter()
                    .map(|one| one.metrics.get(metric.name).map(|value| value.ln()))
                    .collect();
                let groups = splits.of(&logs?)?;
                let (low, high) = groups.means;
                (high - low > (1.0 + design.margin).ln()).then(|| TwoSpeeds {
                    cell: cell.name.clone(),
                    metric: metric.name.to_owned(),
                    unit: metric.unit.to_owned(),
                    values: (low.exp(), high.exp()),
                    launches: (groups.sizes.0 as u32, groups.sizes.1 as u32),
                })
            });
        found.extend(told);
    }
    found
}

#[cfg(test)]
mod tests;
