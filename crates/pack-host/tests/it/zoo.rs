//! The hostile zoo: whatever a pack does, the report comes, the cause is named, and nothing becomes a pass.

use std::fmt::Write;
use std::time::{Duration, Instant};

use plumb_check_sdk::Outcome;
use plumb_engine::Grade;
use plumb_pack_host::{Host, HostOptions, PackStatus};

use crate::support::{CPack, assert_all_not_run, assess, behaviour, finding, options, run_once, rust_pack};

/// What is expected of `zoo.bad`: a part of its message. `zoo.good` has to pass in every case.
const EVALUATING: &[(&str, &str)] = &[
    ("panic", "the check panicked: index out of bounds: the len is 0 but the index is 7"),
    ("panic in a thread", "the check panicked: failed to spawn thread"),
    ("segmentation fault", "died of signal 11 (SIGSEGV)"),
    ("abort", "died of signal 6 (SIGABRT)"),
    ("exit(0)", "exited with code 0 before it answered"),
    ("stack overflow", "has overflowed its stack"),
    ("endless loop", "did not answer within 1 s"),
    ("sleep", "did not answer within 1 s"),
    ("1 GB allocation", "memory allocation of 1073741824 bytes failed"),
    ("64 MiB frame", "frame of 67108864 bytes, at most 16777216 allowed"),
    ("byte trickle", "did not answer within 1 s"),
    ("malformed JSON", "replied with something else than findings"),
    ("unknown frame", "frame of unknown kind 0x77"),
    ("closes its socket", "closed its socket without an answer"),
    ("floods its standard error", "did not answer within 1 s"),
    ("20,000 findings", "expected at most 10000 findings"),
    ("finding for a foreign check", "replied with a finding for `cpu.governor`, which it was not asked for"),
    ("accepts its own deviation", "with outcome `accepted`, which only the client can give"),
    ("failure without evidence", "with outcome `fail` but without evidence"),
    ("no finding", "the check returned no finding"),
    ("reads /etc/shadow", "Operation not permitted"),
    ("reads a library", "Operation not permitted"),
    ("writes a file", "Operation not permitted"),
    ("opens a socket", "Operation not permitted"),
    ("spawns a process", "Operation not permitted"),
    ("kills the host", "Operation not permitted"),
    ("signals a process that is not there", "Operation not permitted"),
    ("maps code", "Operation not permitted"),
];

/// Packs that go wrong while they are loaded: how they are compiled, and the cause that each check names.
const LOADING: &[(&str, &[&str], &str)] = &[
    ("wrong ABI major in the table", &["-DTABLE_MAJOR=2"], "its table has ABI 2, expected 1"),
    (
        "wrong ABI major in the symbol",
        &["-DOTHER_SYMBOL=plumb_pack_v2"],
        "speaks ABI 2, this plumb speaks ABI 1",
    ),
    ("not a pack", &["-DOTHER_SYMBOL=something_else"], "exports no `plumb_pack_v1`"),
    ("null table", &["-DNULL_TABLE"], "`plumb_pack_v1` returned null"),
    ("wrong magic", &["-DTABLE_MAGIC={'E','L','F'}"], "its table begins with `ELF\\x00\\x00\\x00\\x00\\x00`"),
    ("short table", &["-DTABLE_SIZE=40"], "its table has 40 bytes, expected at least 48"),
    ("no evaluate function", &["-DNO_EVALUATE"], "its table has no `evaluate`"),
    ("empty manifest", &["-DEMPTY_MANIFEST"], "its embedded manifest is empty"),
    ("initialiser that hangs", &["-DHANGING_INITIALISER"], "did not answer within 5 s"),
    ("64 MiB reply", &["-DLARGE_REPLY"], "replied with 67108864 bytes, at most 16777211 allowed"),
    ("1e6 findings", &["-DCOUNT=1000000"], "bytes, at most 16777211 allowed"),
    ("null reply", &["-DNULL_REPLY"], "replied with a null buffer of 99 bytes"),
    ("no reply", &["-DNO_REPLY"], "replied with something else than findings"),
    ("unknown status", &["-DSTRANGE_STATUS"], "broke the ABI"),
];

#[test]
fn the_report_comes_whatever_a_check_does() {
    let zoo = rust_pack("hostile");
    let mut table =
        String::from("\n| check does | outcome | told | other check | time |\n|---|---|---|---|---|\n");
    for (name, cause) in EVALUATING {
        // Unoptimised, a large reply takes a while to write; only what hangs needs a short deadline.
        let seconds = if cause.starts_with("did not answer") { 1 } else { 20 };
        let options = HostOptions { deadline: Duration::from_secs(seconds), ..options() };
        let mut host = Host::open(options, std::slice::from_ref(&zoo.location));
        let start = Instant::now();
        let run = host.evaluate(&behaviour(name)).remove(0);
        let elapsed = start.elapsed();
        let (bad, good) = (finding(&run, "zoo.bad"), finding(&run, "zoo.good"));
        let told = &bad.message[bad.message.find("answer: ").map_or(0, |at| at + "answer: ".len())..];
        let told: String = told.chars().take(100).collect();
        writeln!(
            table,
            "| {name} | {} | {told} | {} | {:.1} ms |",
            bad.outcome.as_str(),
            good.outcome.as_str(),
            elapsed.as_secs_f64() * 1000.0
        )
        .unwrap();
        assert_eq!(bad.outcome, Outcome::NotRun, "{name}: {bad:?}");
        assert!(bad.message.contains(cause), "{name}: expected `{cause}` in `{}`", bad.message);
        assert_eq!(good.outcome, Outcome::Pass, "{name}: {good:?}");
        let report = assess(&run);
        assert_eq!(report.coverage, Some(0.5), "{name}");
        assert_eq!(report.risk.grade, Grade::NotAssessable, "{name}: {}", report.risk.reason);
        // The next bundle is not affected.
        let next = host.evaluate(&behaviour("nothing")).remove(0);
        assert_eq!(finding(&next, "zoo.bad").outcome, Outcome::Pass, "{name}: {:?}", next.findings);
        assert_eq!(next.status, PackStatus::Ok, "{name}");
        assert_eq!(assess(&next).coverage, Some(1.0), "{name}");
    }
    println!("{table}");
}

#[test]
fn the_report_comes_whatever_loading_does() {
    let mut table = String::from("\n| pack | told by each check | time |\n|---|---|---|\n");
    for (name, defines, cause) in LOADING {
        let pack = CPack::hostile(defines).build();
        let start = Instant::now();
        let run = run_once(options(), &pack.location, &behaviour("nothing"));
        writeln!(table, "| {name} | {} | {:.1} ms |", run.status, start.elapsed().as_secs_f64() * 1000.0)
            .unwrap();
        assert_all_not_run(&run, cause);
        let report = assess(&run);
        assert_eq!((report.coverage, report.risk.grade), (Some(0.0), Grade::NotAssessable), "{name}");
    }
    println!("{table}");
}

#[test]
fn a_manifest_that_is_not_the_librarys_is_refused() {
    let pack = CPack::sample().build();
    let mut location = pack.location.clone();
    location.manifest.checks.to_mut()[0].severity = plumb_check_sdk::Severity::Info;
    let run = run_once(options(), &location, &behaviour("nothing"));
    assert_all_not_run(&run, "check `sample.kernel-version` is described differently");
    location = pack.location.clone();
    location.manifest.checks.to_mut()[0].id = "sample.other".into();
    assert_all_not_run(&run_once(options(), &location, &behaviour("nothing")), "only");
}

#[test]
fn an_initialiser_can_neither_read_nor_write_nor_fork() {
    let pack = CPack::hostile(&["-DREADING_INITIALISER"]).build();
    let run = run_once(options(), &pack.location, &behaviour("nothing"));
    assert_eq!(run.status, PackStatus::Ok);
    assert!(!std::path::Path::new("/tmp/plumb-zoo-was-here").exists());
}

#[test]
fn a_reply_too_many_is_not_taken_for_the_next_answer() {
    let zoo = rust_pack("hostile");
    let mut host = Host::open(options(), std::slice::from_ref(&zoo.location));
    host.evaluate(&behaviour("two replies"));
    let run = host.evaluate(&behaviour("prints")).remove(0);
    assert_eq!(finding(&run, "zoo.bad").message, "printed", "{:?}", run.findings);
}

#[test]
fn what_a_pack_prints_does_not_reach_the_protocol_or_the_terminal() {
    let zoo = rust_pack("hostile");
    let run = run_once(options(), &zoo.location, &behaviour("prints"));
    assert_eq!(run.status, PackStatus::Ok);
    let run = run_once(options(), &zoo.location, &behaviour("escape sequences"));
    let bad = finding(&run, "zoo.bad");
    assert_eq!(bad.message, "\\u{1b}[2Jgone");
    assert_eq!(bad.evidence[0].value, "\\u{202e}txt");
}

#[test]
fn the_environment_of_a_worker_is_empty() {
    let zoo = rust_pack("hostile");
    let run = run_once(options(), &zoo.location, &behaviour("reads its environment"));
    assert_eq!(finding(&run, "zoo.bad").message, "0 variables");
}

#[test]
fn findings_do_not_depend_on_the_bundles_before() {
    let zoo = rust_pack("hostile");
    let mut host = Host::open(options(), std::slice::from_ref(&zoo.location));
    let first = host.evaluate(&behaviour("segmentation fault"));
    for name in ["nothing", "abort", "nothing"] {
        host.evaluate(&behaviour(name));
    }
    let again = host.evaluate(&behaviour("segmentation fault"));
    assert_eq!(first[0].findings, again[0].findings);
}
