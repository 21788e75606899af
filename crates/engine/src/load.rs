//! Whether the node was seen at work.
//!
//! A look at settings and at an idle node can find faults but cannot show that there are none, so without a sample under
//! load the overall grade stays open. What counts as load is asked of the evidence, as the checks do.

use plumb_evidence::{Absence, Evidence};
use serde::Serialize;

use crate::speech::{Speech, Text, Translations, say};

/// Whether the node was seen under load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoadSample {
    /// True if a reading under load, or a valid load test, is part of the evidence.
    pub seen: bool,
    /// How one knows, in one sentence without a full stop.
    pub reason: String,
    /// `reason` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
}

/// Looks for a sample under load.
pub(crate) fn sample(evidence: &Evidence, speech: &Speech) -> LoadSample {
    let (seen, reason) = look(evidence);
    let mut words = Translations::default();
    LoadSample { seen, reason: speech.field(&mut words, "reason", &reason), words }
}

fn look(evidence: &Evidence) -> (bool, Text<'static>) {
    if let Some(reason) = evidence.measurements.known().and_then(|measured| measured.under_load()) {
        let tests = evidence.measurements.known().and_then(|measured| measured.bench.known());
        let valid = tests.into_iter().flatten().filter(|test| test.valid && test.requests > 0).count();
        return (true, if valid > 0 { say("load-tests").count("n", valid) } else { reason.into() });
    }
    let Some(window) = evidence.window.known() else { return (false, say("load-once")) };
    match window.under_load() {
        Ok(seen) => (true, say("load-between").with("seen", seen)),
        // Idle is an answer of its own, and says what was seen.
        Err(why) if why.missing == Absence::Skipped => (false, why.into()),
        Err(why) => (false, say("load-not-shown").with("why", why.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use plumb_evidence::Fact;
    use plumb_evidence::model::{GpuTime, Measurements, ServerMetrics, ThreadTime, Window};

    use super::*;
    use crate::testing;

    /// GPUs busy for `percent` of a window in which a thread of the server waited for a CPU for `waited_ns`.
    fn evidence(percent: u32, waited_ns: u64) -> Evidence {
        let gpu = GpuTime { utilization_percent: Fact::Known(vec![percent; 3]), ..GpuTime::default() };
        let thread = ThreadTime { wait_ns: Fact::Known(waited_ns), ..ThreadTime::default() };
        let window = Window {
            seconds: 10.0,
            gpus: Fact::Known(vec![gpu.clone(), gpu]),
            threads: Fact::Known(vec![thread]),
            ..Window::default()
        };
        Evidence { window: Fact::Known(window), ..testing::empty_evidence() }
    }

    #[test]
    fn the_grade_and_the_checks_agree_on_what_is_load() {
        for (percent, waited_ns, load) in [
            (0, 0, false),
            (4, 0, false),
            (5, 0, true),
            (7, 0, true),
            (12, 0, true),
            (1, 9_900_000_000, true),
        ] {
            let evidence = evidence(percent, waited_ns);
            let checks = evidence.window.known().unwrap().under_load();
            assert_eq!(
                sample(&evidence, &Speech::new::<&str>(&[])).seen,
                load,
                "{percent} %, {waited_ns} ns"
            );
            assert_eq!(checks.is_ok(), load, "{percent} %, {waited_ns} ns");
        }
    }

    #[test]
    fn a_starved_server_with_requests_in_flight_is_under_load() {
        let metrics =
            ServerMetrics { running: vec![0.0, 3.0], waiting: vec![0.0, 9.0], ..ServerMetrics::default() };
        let measured = Measurements { server: Fact::Known(vec![metrics]), ..Measurements::default() };
        let evidence = Evidence { measurements: Fact::Known(measured), ..evidence(0, 0) };
        let load = sample(&evidence, &Speech::new::<&str>(&[]));
        assert!(load.seen, "{}", load.reason);
        assert!(load.reason.contains("3 requests in flight and 9 in its queue"), "{}", load.reason);
    }
}
