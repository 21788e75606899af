//! Plans whose truth is known: no variant does anything, and the server ages or draws its speed when it is started.

use std::time::Duration;

use super::*;
use crate::analysis::{Floor, effects, noise_floor};
use crate::plan::{Aa, Combination, Factor};
use plumb_stats::Random;

const BLOCKS: usize = 6;
const RUNS: usize = 4;
const RESTARTS: usize = 6;

fn design() -> Design {
    Design {
        blocks: BLOCKS,
        seed: 1,
        nonce: None,
        cooldown: Duration::ZERO,
        margin: 0.02,
        primary: "e2e_p95".to_owned(),
        aa: Aa::First(BLOCKS),
        calibrate: false,
    }
}

/// What launches draw.
#[derive(Clone, Copy)]
enum Server {
    /// Slower by this share once it has run for long.
    Ages(f64),
    /// Slower by the first share in the second share of launches.
    TwoSpeeds(f64, f64),
}

impl Server {
    /// The level of a launch, and of one that has run for long.
    fn level(self, random: &mut Random, old: bool) -> f64 {
        let spread = (0.01 * random.normal()).exp();
        spread
            * match self {
                Self::Ages(share) => 1.0 + if old { share } else { 0.0 },
                Self::TwoSpeeds(share, often) => 1.0 + if random.uniform() < often { share } else { 0.0 },
            }
    }
}

fn measured(random: &mut Random, level: f64) -> Measurement {
    let value = 100.0 * level * (0.01 * random.normal()).exp();
    Measurement { metrics: [("e2e_p95".to_owned(), value)].into(), requests: 60, ..Measurement::default() }
}

/// Shares of plans in which the restart, and a variant without effect, are said to have an effect; in which the same variant is
/// more than 5 % from what was found; in which the interval of the baseline against itself holds no change; and in which two
/// speeds are told.
struct Claims {
    restart: f64,
    variant: f64,
    against_found: f64,
    holds: f64,
    two_speeds: f64,
}

fn claims(server: Server, plans: u64) -> Claims {
    let design = design();
    let mut splits = Splits::default();
    let mut counts = [0u64; 5];
    for plan in 0..plans {
        let mut random = Random::new(plan * 7919 + 5);
        let old = server.level(&mut random, true);
        let found: Vec<Measurement> = (0..RUNS).map(|_| measured(&mut random, old)).collect();
        let mut launches = |n: usize| -> Vec<Measurement> {
            (0..n)
                .map(|_| {
                    let level = server.level(&mut random, false);
                    measured(&mut random, level)
                })
                .collect()
        };
        let restarted = launches(RESTARTS);
        let (first, second) = (launches(BLOCKS), launches(BLOCKS));
        let cells: Vec<CellData> = (0..2)
            .map(|level| CellData {
                name: format!("cell {level}"),
                combination: Combination::default().with(Factor::Server, level),
                blocks: launches(BLOCKS),
            })
            .collect();
        let own = noise_floor("cell 0", &first, &second, &design);
        let effect = &effects(&cells, &Floor { effects: &own, pairs: BLOCKS }, &design)[0];
        let restart = &restart(&found, &restarted, &design)[0];
        let all = CellData { blocks: [first, second, cells[0].blocks.clone()].concat(), ..cells[0].clone() };
        // What a plan without the arm amounts to: the new launches beside the server as it was.
        let logs = |blocks: &[Measurement]| {
            blocks.iter().map(|one| one.metrics["e2e_p95"].ln()).sum::<f64>() / blocks.len() as f64
        };
        let naive = logs(&cells[1].blocks) - logs(&found);
        let claimed = |verdict: &str| matches!(verdict, "improved" | "worse");
        let told = [
            claimed(&restart.verdict),
            claimed(&effect.verdict),
            naive.abs() > 0.05,
            own[0].interval().is_some_and(|(low, high)| low <= 1.0 && 1.0 <= high),
            !two_speeds(&[all], &design, &mut splits).is_empty(),
        ];
        for (count, told) in counts.iter_mut().zip(told) {
            *count += u64::from(told);
        }
    }
    let [restart, variant, against_found, holds, two_speeds] =
        counts.map(|count| count as f64 / plans as f64);
    Claims { restart, variant, against_found, holds, two_speeds }
}

const SERVERS: [(&str, Server); 7] = [
    ("as any other", Server::Ages(0.0)),
    ("ages by 5 %", Server::Ages(0.05)),
    ("ages by 20 %", Server::Ages(0.20)),
    ("two speeds, 20 % apart, half of the launches slow", Server::TwoSpeeds(0.20, 0.5)),
    ("two speeds, 20 % apart, one in five slow", Server::TwoSpeeds(0.20, 0.2)),
    ("two speeds, 20 % apart, four in five slow", Server::TwoSpeeds(0.20, 0.8)),
    ("two speeds, 50 % apart, half of the launches slow", Server::TwoSpeeds(0.50, 0.5)),
];

#[test]
fn what_a_restart_earns_is_credited_to_no_variant() {
    for (name, server) in SERVERS {
        let Claims { restart, variant, against_found, holds, two_speeds } = claims(server, 100);
        println!(
            "{name}: restart {restart:.3}, variant {variant:.3}, holds {holds:.3}, two speeds {two_speeds:.3}"
        );
        assert!(variant <= 0.05 + 0.04, "{name}: {variant}");
        assert!(holds >= 0.95 - 0.06, "{name}: {holds}");
        match server {
            Server::Ages(share) if share >= 0.2 => {
                assert!(restart > 0.95 && against_found > 0.95, "{name}: {restart} {against_found}");
                assert!(two_speeds < 0.06, "{name}: {two_speeds}");
            }
            Server::Ages(share) if share > 0.0 => {}
            Server::Ages(_) => assert!(restart < 0.10 && two_speeds < 0.06, "{restart} {two_speeds}"),
            Server::TwoSpeeds(..) => assert!(two_speeds > 0.8, "{name}: {two_speeds}"),
        }
    }
}

/// `cargo test -p plumb-experiment --lib credit_of_a_restart -- --ignored --nocapture`
#[test]
#[ignore = "a table for the handbook, which takes minutes"]
fn credit_of_a_restart() {
    for (name, server) in SERVERS {
        let Claims { restart, variant, against_found, holds, two_speeds } = claims(server, 2000);
        let [restart, variant, against, holds, two] =
            [restart, variant, against_found, holds, two_speeds].map(|share| 100.0 * share);
        println!("| {name} | {variant:.1} % | {against:.1} % | {holds:.1} % | {restart:.1} % | {two:.1} % |");
    }
}

#[test]
fn three_restarts_tell_nothing() {
    let mut random = Random::new(4);
    let mut some = |n: usize| (0..n).map(|_| measured(&mut random, 1.0)).collect::<Vec<_>>();
    let (found, three, four) = (some(4), some(3), some(4));
    let effect = &restart(&found, &three, &design())[0];
    assert_eq!((effect.verdict.as_str(), effect.interval()), ("not-estimable", None));
    assert!(restart(&found, &four, &design())[0].interval().is_some());
}

#[test]
fn what_else_differs_from_the_server_as_found_is_told_without_values() {
    let origin = |words: &[&str], variables: &[(&str, &str)], cpus: &str| Origin {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        variables: Some(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
        cpus: cpus.parse().unwrap(),
    };
    let threads = ("OMP_NUM_THREADS", "8");
    let found = origin(&["serve", "--port", "8000"], &[threads, ("PWD", "/a"), ("K", "x")], "0-7");
    let same = origin(&["serve", "--port", "9123"], &[threads, ("PWD", "/b"), ("K", "x")], "0-7");
    assert_eq!(found.differences(&same, [Some(8000), Some(9123)]), Vec::<String>::new());
    let other = origin(&["serve", "--api-key", "s3cret"], &[("K", "y")], "0-3");
    let told = found.differences(&other, [Some(8000), Some(9123)]).join("; ");
    assert!(told.contains("variables differ: K, OMP_NUM_THREADS"), "{told}");
    assert!(told.contains("CPUs 0-7, and have 0-3") && told.contains("serve --port {port}"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    let unread = Origin { variables: None, ..same.clone() };
    assert!(unread.differences(&same, [None, None])[0].contains("cannot be read"));
}
