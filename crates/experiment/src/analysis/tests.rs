use super::*;
use crate::plan::Aa;
use plumb_stats::Random;
use std::time::Duration;

fn design() -> Design {
    Design {
        blocks: 6,
        seed: 1,
        nonce: None,
        cooldown: Duration::ZERO,
        margin: 0.02,
        primary: "e2e_p95".to_owned(),
        aa: Aa::Within,
        calibrate: false,
    }
}

/// A launch: its own level, and requests around it.
fn launch(random: &mut Random, level: f64, between: f64, within: f64) -> Measurement {
    let own = level * (between * random.normal()).exp();
    let mut times: Vec<f64> = (0..60).map(|_| own * (within * random.normal()).exp()).collect();
    let e2e_ms = times.clone();
    times.sort_by(f64::total_cmp);
    let metrics = METRICS
        .iter()
        .map(|metric| {
            let share = metric.quantile.map_or(0.5, |(_, share)| share);
            let value = quantile(&times, share).unwrap();
            (metric.name.to_owned(), if metric.higher_is_better { 1000.0 / value } else { value })
        })
        .collect();
    Measurement { metrics, ttft_ms: e2e_ms.clone(), e2e_ms, requests: 60, ..Measurement::default() }
}

fn cell(random: &mut Random, level: usize, value: f64) -> CellData {
    CellData {
        name: format!("cell {level}"),
        combination: Combination::default().with(Factor::Placement, level),
        blocks: (0..6).map(|_| launch(random, value, 0.03, 0.05)).collect(),
    }
}

fn primary(effects: &[ExperimentEffect]) -> &ExperimentEffect {
    effects.iter().find(|effect| effect.metric == "e2e_p95").unwrap()
}

#[test]
fn no_change_has_no_measured_effect_in_19_of_20() {
    let rounds = 60;
    let claimed = (0..rounds)
        .filter(|round| {
            let mut random = Random::new(*round);
            let twice = [cell(&mut random, 0, 100.0), cell(&mut random, 0, 100.0)];
            let own = noise_floor("a", &twice[0].blocks, &twice[1].blocks, &design());
            let cells = [cell(&mut random, 0, 100.0), cell(&mut random, 1, 100.0)];
            let effects = effects(&cells, &Floor { effects: &own, pairs: 6 }, &design());
            matches!(primary(&effects).verdict.as_str(), "improved" | "worse")
        })
        .count();
    assert!(claimed <= 3, "{claimed} of {rounds}");
}

#[test]
fn the_baseline_is_not_better_than_itself() {
    let mut random = Random::new(3);
    // Between the two sides something drifted that nobody changed.
    let sides = [cell(&mut random, 0, 100.0), cell(&mut random, 0, 60.0)];
    for own in noise_floor("a", &sides[0].blocks, &sides[1].blocks, &design()) {
        assert_eq!(own.verdict, ExperimentEffect::BY_ITSELF, "{own:?}");
    }
    let still = noise_floor("a", &sides[0].blocks, &sides[0].blocks, &design());
    assert!(still.iter().all(|own| own.verdict == "equivalent"), "{still:?}");
}

#[test]
fn a_change_is_found_with_its_sign() {
    let mut random = Random::new(5);
    let cells = [cell(&mut random, 0, 100.0), cell(&mut random, 1, 130.0), cell(&mut random, 2, 70.0)];
    let effects = effects(&cells, &Floor::default(), &design());
    let of = |cell: &str, metric: &str| {
        effects.iter().find(|effect| effect.cell == cell && effect.metric == metric).unwrap().clone()
    };
    let worse = of("cell 1", "e2e_p95");
    assert_eq!((worse.verdict.as_str(), worse.factor.as_str()), ("worse", "placement"));
    let (low, high) = worse.interval().unwrap();
    assert!(low < 1.3 && 1.3 < high && low > 1.0);
    let bootstrap = worse.bootstrap.unwrap();
    assert!(bootstrap.0 > 1.1 && bootstrap.1 < 1.5, "{bootstrap:?}");
    assert_eq!(of("cell 1", "output_tokens_per_s").verdict, "worse");
    assert_eq!(of("cell 2", "output_tokens_per_s").verdict, "improved");
    assert!(worse.minimum_detectable.unwrap() > 0.01);
    // What the baseline makes of no change is as large: then nothing was shown.
    let floor =
        [ExperimentEffect { metric: "e2e_p95".to_owned(), ratio: 1.5, ..ExperimentEffect::default() }];
    let floor = Floor { effects: &floor, pairs: 2 };
    assert_eq!(primary(&super::effects(&cells, &floor, &design())).verdict, "no-measured-effect");
}

/// Cells of which the second has an effect, with one metric and as many blocks as asked for.
fn bare(random: &mut Random, cells: usize, blocks: usize, effect: f64) -> Vec<CellData> {
    (0..cells)
        .map(|level| CellData {
            name: format!("cell {level}"),
            combination: Combination::default().with(Factor::Placement, level),
            blocks: (0..blocks)
                .map(|_| {
                    let value =
                        100.0 * (0.02 * random.normal()).exp() * if level == 1 { effect } else { 1.0 };
                    let metrics = [("e2e_p95".to_owned(), value)].into();
                    Measurement { metrics, requests: 60, ..Measurement::default() }
                })
                .collect(),
        })
        .collect()
}

/// The share of experiments that claim an effect as large as another one said that it would have seen.
fn claimed(rounds: u64, cells: usize, blocks: usize, has_floor: bool) -> f64 {
    let design = Design { margin: 0.0, ..design() };
    let mut random = Random::new(71);
    let found = (0..rounds).filter(|_| {
        let twice = bare(&mut random, 2, blocks, 1.0);
        let own = noise_floor("a", &twice[0].blocks, &twice[1].blocks, &design);
        let floor = if has_floor { Floor { effects: &own, pairs: blocks } } else { Floor::default() };
        let first = effects(&bare(&mut random, cells, blocks, 1.0), &floor, &design);
        let least = 1.0 + first[0].minimum_detectable.unwrap();
        let again = effects(&bare(&mut random, cells, blocks, least), &floor, &design);
        again[0].verdict == "worse"
    });
    found.count() as f64 / rounds as f64
}

#[test]
fn an_effect_that_is_called_detectable_is_detected_in_four_of_five() {
    for (cells, has_floor) in [(2, false), (2, true), (5, false)] {
        let share = claimed(150, cells, 6, has_floor);
        println!("{cells} cells, floor {has_floor}: claimed {share:.3}, nominal 0.80");
        assert!((0.70..0.90).contains(&share), "{cells} cells, floor {has_floor}: {share}");
    }
}

/// `cargo test -p plumb-experiment --lib power_of_the_rule -- --ignored --nocapture`
#[test]
#[ignore = "a table for the handbook, which takes a minute"]
fn power_of_the_rule() {
    for blocks in [4, 6, 10] {
        for (cells, has_floor) in [(2, false), (2, true), (5, false), (5, true)] {
            let share = claimed(500, cells, blocks, has_floor);
            println!("| {blocks} | {} | {has_floor} | 80 % | {:.1} % |", cells - 1, share * 100.0);
        }
    }
}

#[test]
fn three_blocks_estimate_nothing() {
    let mut random = Random::new(8);
    let cells = bare(&mut random, 2, 3, 2.0);
    let own = &effects(&cells, &Floor::default(), &design())[0];
    assert_eq!((own.interval(), own.minimum_detectable, own.bootstrap), (None, None, None));
    assert_eq!(own.verdict, "not-estimable");
    assert!((own.ratio / 2.0).ln().abs() < 0.1, "what was seen is told: {}", own.ratio);
    let four = bare(&mut random, 2, 4, 2.0);
    assert!(effects(&four, &Floor::default(), &design())[0].interval().is_some());
}

#[test]
fn nothing_improves_while_more_requests_fail() {
    let mut random = Random::new(5);
    let cells = [cell(&mut random, 0, 100.0), cell(&mut random, 1, 70.0), cell(&mut random, 2, 130.0)];
    for (failed, better, worse) in [
        ([0, 0], "improved", "worse"),
        ([18, 18], "more-failures", "worse"),
        ([1, 1], "more-failures", "worse"),
    ] {
        let mut cells = cells.clone();
        for (cell, failed) in cells[1..].iter_mut().zip(failed) {
            cell.blocks[2].failed = failed;
        }
        let effects = effects(&cells, &Floor::default(), &design());
        let of = |cell: &str, metric: &str| {
            let found = effects.iter().find(|effect| {
                (effect.cell.as_str(), effect.against.as_str(), effect.metric.as_str())
                    == (cell, "cell 0", metric)
            });
            found.unwrap().verdict.clone()
        };
        assert_eq!((of("cell 1", "e2e_p95").as_str(), of("cell 2", "e2e_p95").as_str()), (better, worse));
        assert_eq!(of("cell 1", "output_tokens_per_s"), better);
    }
    // As many fail in the other one.
    let mut cells = cells.clone();
    cells.iter_mut().for_each(|cell| cell.blocks[0].failed = 9);
    assert_eq!(primary(&effects(&cells, &Floor::default(), &design())).verdict, "improved");
}

#[test]
fn cells_that_differ_in_one_factor_are_compared_with_each_other() {
    let combination = |placement, neighbour| {
        Combination::default().with(Factor::Placement, placement).with(Factor::Neighbour, neighbour)
    };
    let cells: Vec<CellData> = [(0, 0), (0, 1), (1, 0), (1, 1)]
        .into_iter()
        .map(|(placement, neighbour)| CellData {
            name: format!("{placement}{neighbour}"),
            combination: combination(placement, neighbour),
            ..CellData::default()
        })
        .collect();
    let found: Vec<(String, String, Option<Factor>)> = pairs(&cells)
        .into_iter()
        .map(|(cell, against, factor)| (cell.name.clone(), against.name.clone(), factor))
        .collect();
    let expected = [
        ("01", "00", Some(Factor::Neighbour)),
        ("10", "00", Some(Factor::Placement)),
        ("11", "00", None),
        ("11", "01", Some(Factor::Placement)),
        ("11", "10", Some(Factor::Neighbour)),
    ];
    let expected = expected.map(|(cell, against, factor)| (cell.to_owned(), against.to_owned(), factor));
    assert_eq!(found, expected);
}
