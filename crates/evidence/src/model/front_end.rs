//! Requests that a server's front end has accepted and its engine has not.
//!
//! vLLM and SGLang take requests in one process (the API server: HTTP, tokens, templates) and work on them in others. Where
//! that one process is busy all the time, requests wait before the engine's queue, which then looks empty, and so do GPUs.

use super::{BenchResult, BusiestThread, ExperimentCell, ServerMetrics};

/// Share of the time from which on a thread is what the others wait for. Ours, as the others here.
const FULL: f64 = 0.90;
/// Share of the time, in %, below which a GPU waits for something.
const GPU_IDLE: f64 = 70.0;
/// Share of the requests under way that the engine does not have, from which on they are told, and how many these are at least.
const LACKING: f64 = 0.30;
const LEAST: f64 = 2.0;
/// Moments from which on a median of them is of use: the first and the last are of before and after.
const MOMENTS: usize = 5;

/// Beginnings of the names of an engine's threads.
const ENGINES: [&str; 3] = ["VLLM::EngineCor", "VLLM::Worker", "sglang::schedul"];

/// Requests that wait before an engine.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldUp {
    /// Requests under way, by the client's account.
    pub under_way: f64,
    /// Of these the engine had so many, running and waiting.
    pub inside: f64,
    /// The thread that held them up, which is none of the engine.
    pub thread: String,
    /// Share of the time that it ran.
    pub ran: f64,
}

impl HeldUp {
    fn of(
        under_way: Option<f64>,
        inside: Option<f64>,
        busiest: Option<&BusiestThread>,
        gpu_busy_percent: Option<f64>,
    ) -> Option<Self> {
        let (under_way, inside, busiest) = (under_way?, inside?, busiest?);
        let lacks = under_way - inside;
        let is_held = lacks >= LEAST
            && lacks >= LACKING * under_way
            && busiest.ran >= FULL
            && !ENGINES.iter().any(|engine| busiest.name.starts_with(engine))
            && gpu_busy_percent.is_none_or(|busy| busy < GPU_IDLE);
        is_held.then(|| Self { under_way, inside, thread: busiest.name.clone(), ran: busiest.ran })
    }
}

impl std::fmt::Display for HeldUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "of {:.1} requests under way the engine had {:.1}, and the thread `{}`, which is none of the engine, ran {:.0} % of \
             the time: requests wait in the server's front end, which more processes for it help (`--api-server-count` of vLLM)",
            self.under_way,
            self.inside,
            self.thread,
            self.ran * 100.0
        )
    }
}

impl ServerMetrics {
    /// Median number of requests inside the engine, running and waiting; `None` for too few moments.
    #[must_use]
    pub fn inside(&self) -> Option<f64> {
        if self.running.len() < MOMENTS
            || !(self.waiting.is_empty() || self.waiting.len() == self.running.len())
        {
            return None;
        }
        let waiting = self.waiting.iter().copied().chain(std::iter::repeat(0.0));
        let mut all: Vec<f64> =
            self.running.iter().zip(waiting).map(|(running, waiting)| running + waiting).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}

impl BenchResult {
    /// Requests that waited before the engine while this was measured.
    #[must_use]
    pub fn held_up(&self) -> Option<HeldUp> {
        let busiest = self.work.as_ref().and_then(|work| work.busiest.as_ref());
        let busy: Vec<f64> = self.gpu.iter().filter_map(|sample| sample.busy_percent).collect();
        let gpu_busy = busy.iter().copied().max_by(f64::total_cmp);
        HeldUp::of(self.in_flight, self.server.as_ref().and_then(ServerMetrics::inside), busiest, gpu_busy)
    }
}

impl ExperimentCell {
    /// Requests that waited before the engine in this cell.
    #[must_use]
    pub fn held_up(&self) -> Option<HeldUp> {
        HeldUp::of(self.in_flight, self.inside, self.busiest.as_ref(), self.gpu_busy_percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GpuSample, ServerWork};

    fn thread(name: &str, ran: f64) -> BusiestThread {
        BusiestThread { name: name.to_owned(), ran, waited: 0.0 }
    }

    #[test]
    fn an_engine_is_left_behind_by_its_front_end() {
        let of = |inside: f64, name: &str, ran: f64, busy: Option<f64>| {
            HeldUp::of(Some(32.0), Some(inside), Some(&thread(name, ran)), busy)
        };
        let held = of(9.0, "python3", 0.98, Some(34.0)).unwrap();
        let text = held.to_string();
        assert!(
            text.contains("of 32.0 requests under way the engine had 9.0") && text.contains("`python3`"),
            "{text}"
        );
        // The engine itself is busy, or its GPUs, or it has what there is, or nothing is busy.
        assert_eq!(of(9.0, "VLLM::EngineCor", 0.98, Some(34.0)), None);
        assert_eq!(of(9.0, "python3", 0.98, Some(95.0)), None);
        assert_eq!(of(30.5, "python3", 0.98, Some(34.0)), None);
        assert_eq!(of(9.0, "python3", 0.5, Some(34.0)), None);
        assert_eq!(HeldUp::of(Some(32.0), None, Some(&thread("python3", 1.0)), None), None);
    }

    #[test]
    fn what_the_engine_had_is_the_median_of_what_it_told() {
        let server = |running: &[f64], waiting: &[f64]| ServerMetrics {
            running: running.to_vec(),
            waiting: waiting.to_vec(),
            ..ServerMetrics::default()
        };
        // Nothing before the run and nothing after it.
        let during = server(&[0.0, 8.0, 9.0, 8.0, 8.0, 0.0], &[0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(during.inside(), Some(9.0));
        assert_eq!(server(&[8.0, 8.0, 8.0], &[]).inside(), None);
        let result = BenchResult {
            in_flight: Some(31.0),
            server: Some(during),
            work: Some(ServerWork { busiest: Some(thread("python3", 0.97)), ..ServerWork::default() }),
            ..BenchResult::default()
        };
        assert!(result.held_up().is_some());
        let busy = GpuSample { busy_percent: Some(92.0), ..GpuSample::default() };
        assert_eq!(BenchResult { gpu: vec![busy], ..result }.held_up(), None);
    }
}
