//! What was observed, and what experiments showed, in the chapters that a client reads.

use std::collections::BTreeMap;

use plumb_engine::capacity::Capacity;
use plumb_evidence::model::{
    Demand, ExperimentEffect, Moment, ObserveResult, ObservedPart, ObservedSign, ObservedTimes, ServiceLevel,
};
use plumb_evidence::{Evidence, Fact};
use plumb_report::{Material, Theme, markdown, model};

use crate::{machine, sample};

fn text(evidence: &Evidence, language: &str) -> String {
    let mut assessment = sample::typical();
    assessment.capacity = Capacity::of(evidence, &sample::speech());
    let material = Material::new(&assessment).with_evidence(evidence);
    let theme = Theme::builtin().unwrap().with_language(language).unwrap();
    markdown(&model(material, &theme).unwrap(), &theme).unwrap().text
}

/// The chapter of that title.
fn chapter<'a>(text: &'a str, title: &str) -> &'a str {
    let from = text.find(title).unwrap_or_else(|| panic!("no `{title}`: {text}"));
    let rest = &text[from + title.len()..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

#[test]
fn what_harms_most_is_in_the_summary_whatever_helps() {
    let mut evidence = machine::measured(2, 64, 8);
    let Fact::Known(measurements) = &mut evidence.measurements else { panic!() };
    let Fact::Known(experiments) = &mut measurements.experiments else { panic!() };
    let effect = |cell: &str, factor: &str, ratio: f64, verdict: &str| ExperimentEffect {
        cell: cell.to_owned(),
        against: "unpinned".to_owned(),
        factor: factor.to_owned(),
        metric: "e2e_p95".to_owned(),
        ratio,
        low: Some(ratio * 0.95),
        high: Some(ratio * 1.05),
        verdict: verdict.to_owned(),
        ..ExperimentEffect::default()
    };
    experiments[0].effects = vec![
        effect("gpu-local", "placement", 0.40, "improved"),
        effect("unpinned + cpu-hog", "neighbour", 1.86, "worse"),
    ];
    experiments[0].interpretation = vec!["`gpu-local` improves e2e_p95, as told here.".to_owned()];
    let text = text(&evidence, "en");
    let summary = chapter(&text, "Executive summary");
    assert!(
        summary.contains("shows what harms it: with “unpinned + cpu-hog” instead of “unpinned”"),
        "{summary}"
    );
    assert!(summary.contains("+86"), "{summary}");
    assert!(text.contains("improves e2e_p95, as told here."), "{text}");
}

/// A day with a service level and nothing but an observation: hours at four requests per second of which so many had their first
/// token within 250 and 500 ms.
fn observed(ttft_ms: f64, fast: f64, half: f64) -> Evidence {
    let mut evidence = machine::measured(2, 64, 8);
    let Fact::Known(engagement) = &mut evidence.engagement else { panic!() };
    engagement.slo = Fact::Known(ServiceLevel {
        percentile: Some(95.0),
        ttft_ms: Some(ttft_ms),
        ..ServiceLevel::default()
    });
    engagement.demand =
        Fact::Known(Demand { peak_requests_per_s: Some(6.0), replicas: Some(2), ..Demand::default() });
    let Fact::Known(measurements) = &mut evidence.measurements else { panic!() };
    measurements.bench = Fact::absent("no load test");
    let all = 4.0 * 3600.0;
    let hour = |hour: usize| ObservedPart {
        from: format!("2026-01-01T{hour:02}:00:00Z"),
        mean: Moment { seconds: 3600.0, e2e_ms: Some(5000.0), ..Moment::default() },
        requests: Some(all),
        counts: BTreeMap::from([("ttft".to_owned(), vec![fast * all, half * all, all])]),
        ..ObservedPart::default()
    };
    let when = |parts: u32, from: &str, to: &str| ObservedTimes {
        parts,
        from: format!("2026-01-01T{from}:00Z"),
        to: format!("2026-01-01T{to}:00Z"),
    };
    measurements.observations = Fact::Known(vec![ObserveResult {
        path: "measurements/observe-a.json".to_owned(),
        part_s: 3600.0,
        buckets: BTreeMap::from([("ttft".to_owned(), vec![250.0, 500.0])]),
        parts: (0..24).map(hour).collect(),
        signs: vec![
            ObservedSign::Neighbours {
                when: when(2, "02:00", "03:00"),
                cpus: 6.0,
                usual: 0.3,
                who: Some((sample::HOSTILE.to_owned(), 5.5)),
            },
            ObservedSign::Thermal { when: when(1, "14:00", "14:00"), events: 21 },
            ObservedSign::HeldBack { when: when(1, "14:00", "14:00"), share: 0.25 },
            ObservedSign::Clocks { when: when(1, "14:00", "14:00"), gpus: true, mhz: 1200.0, usual: 1980.0 },
            ObservedSign::ShortOfCpus { when: when(1, "14:00", "14:00"), waited: 0.3 },
            ObservedSign::Ageing { metric: "itl".to_owned(), before: 20.0, after: 27.5, load_rose: false },
            ObservedSign::Restarts { times: 1 },
        ],
        ..ObserveResult::default()
    }]);
    evidence
}

#[test]
fn an_observation_speaks_where_no_load_test_does() {
    let kept = text(&observed(500.0, 0.9, 0.99), "en");
    for said in [
        "It was kept for the requests that users sent: 99.0 % of 345 600 were within the limits",
        "The highest rate that was served with the limits kept is 4 requests/s (observed)",
        "Of 24 parts of 60 min each, 24 kept the limits, 0 missed them",
        "in 2 parts from 2026-01-01 02:00 to 2026-01-01 03:00 UTC",
        "Throttling: 21 thermal events",
        "Ageing: Inter-token latency rose from 20 ms to 27.5 ms",
        "no number of GPUs follows from it.",
    ] {
        assert!(kept.contains(said), "{said}: {kept}");
    }
    let missed = text(&observed(250.0, 0.8, 0.99), "en");
    assert!(missed.contains("It was missed for the requests that users sent: 80.0 % of"), "{missed}");
    let open = text(&observed(300.0, 0.9, 0.99), "en");
    assert!(open.contains("observation does not decide it: 90"), "{open}");
    assert!(open.contains("At no rate is it certain"), "{open}");
    let german = text(&observed(500.0, 0.9, 0.99), "de");
    for said in [
        "Für die Anfragen der Nutzer wurde es eingehalten: 99,0 % von 345",
        "in 2 Abschnitten von 2026-01-01 02:00 bis 2026-01-01 03:00 UTC",
        "Alterung:",
    ] {
        assert!(german.contains(said), "{said}: {german}");
    }
}
