//! Packs in C, packs of another ABI minor, and many packs at once.

use std::collections::BTreeMap;

use plumb_check_sdk::{Intent, Object, ObjectKind, Outcome};
use plumb_pack_host::{EvidenceDocument, Host, HostOptions, PackStatus};

use crate::support::{
    C_SAMPLES, CPack, assert_all_not_run, behaviour, c_literal, finding, headers, manifest_in, options, root,
    run_once, rust_pack,
};

#[test]
fn a_pack_in_c_answers() {
    let pack = CPack::sample().build();
    let run = run_once(options(), &pack.location, &behaviour("x"));
    assert_eq!(run.status, PackStatus::Ok);
    let finding = finding(&run, "sample.kernel-version");
    assert_eq!((finding.outcome, finding.message.as_str()), (Outcome::Pass, "kernel 6.18.0 has Landlock"));
}

#[test]
fn a_pack_in_c_with_words_says_its_findings_in_the_languages_asked_for() {
    let pack = CPack::with_words().build();
    let languages = vec!["de".to_owned(), "fr".to_owned()];
    let options = HostOptions { languages, ..options() };
    let evidence = br#"{"schema":1,"sysctl":{"vm.swappiness":"60"}}"#;
    let run = run_once(options, &pack.location, &EvidenceDocument::from_json(evidence).unwrap());
    assert_eq!(run.status, PackStatus::Ok);
    let finding = finding(&run, "sample.swappiness");
    assert_eq!(finding.words["en"].problem, "The kernel swaps early at a swappiness of 60");
    assert_eq!(finding.words["de"].problem, "Der Kernel lagert bei einer Swappiness von 60 früh aus");
    assert_eq!(finding.words["fr"].problem, finding.words["en"].problem);
    assert!(finding.words["fr"].fallback && !finding.words["de"].fallback);
    assert_eq!(run.pages["de"]["sample.swappiness"]["applicability"], "Alle Knoten");
    let want = Intent::Sysctl { name: "vm.swappiness".into(), want: "10".into(), was: "60".into() };
    assert_eq!(finding.intents, [want]);
    assert_eq!(finding.object, Some(Object::new(ObjectKind::File, "/proc/sys/vm/swappiness")));
    // Causes of packs of somebody else's never join those of other packs.
    assert_eq!(finding.cause.as_ref().unwrap().key, "sample-c-2/swapping");
}

#[test]
fn the_literals_of_the_samples_are_up_to_date() {
    let json = |sample: &str| serde_json::to_string(&manifest_in(sample)).unwrap();
    let check = "sample.swappiness";
    let language = |language: &str| {
        let path = root().join(C_SAMPLES[1]).join(format!("{language}.ftl"));
        (language.to_owned(), BTreeMap::from([(check, std::fs::read_to_string(path).unwrap())]))
    };
    let words = BTreeMap::from(["en", "de"].map(language));
    let words = serde_json::to_string(&words).unwrap();
    for (sample, file, text) in [
        (C_SAMPLES[0], "manifest.inc", json(C_SAMPLES[0])),
        (C_SAMPLES[1], "manifest.inc", json(C_SAMPLES[1])),
        (C_SAMPLES[1], "words.inc", words),
    ] {
        let path = root().join(sample).join(file);
        let expected = c_literal(&text);
        if std::env::var_os("PLUMB_BLESS").is_some() {
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "renew {sample}/{file} with PLUMB_BLESS=1");
    }
}

#[test]
fn a_pack_built_with_the_previous_minor_answers() {
    let header = headers().join("frozen/plumb_pack-1.0.h");
    let pack = CPack { header, ..CPack::sample() }.build();
    let run = run_once(options(), &pack.location, &behaviour("x"));
    assert_eq!(run.status, PackStatus::Ok);
    assert_eq!(finding(&run, "sample.kernel-version").outcome, Outcome::Pass);
}

#[test]
fn a_pack_built_with_a_later_minor_answers() {
    let pack = CPack::hostile(&["-DTABLE_MINOR=9", "-DTABLE_SIZE=sizeof(LaterPack)"]).build();
    let run = run_once(options(), &pack.location, &behaviour("x"));
    assert_eq!(run.status, PackStatus::Ok);
}

#[test]
fn a_pack_that_needs_a_later_minor_is_refused_before_it_is_loaded() {
    let pack = CPack::sample().build();
    let mut location = pack.location.clone();
    location.manifest.abi_minor = 3;
    let run = run_once(options(), &location, &behaviour("x"));
    assert_all_not_run(&run, "it needs ABI 1.3, this plumb has 1.2");
    assert!(run.sandbox.is_empty());
}

#[test]
fn one_failing_pack_does_not_touch_the_others() {
    let (c, zoo, hundred) = (CPack::sample().build(), rust_pack("hostile"), rust_pack("hundred"));
    let locations = [c.location.clone(), zoo.location.clone(), hundred.location.clone()];
    let mut host = Host::open(options(), &locations);
    assert_eq!(host.workers().len(), 3);
    let runs = host.evaluate(&behaviour("endless loop"));
    let ids: Vec<&str> = runs.iter().map(|run| run.manifest.id.as_ref()).collect();
    assert_eq!(ids, ["sample-c", "zoo", "hundred"]);
    assert_eq!(runs[0].status, PackStatus::Ok);
    assert!(matches!(runs[1].status, PackStatus::Partial(_)), "{}", runs[1].status);
    assert_eq!(runs[2].status, PackStatus::Ok);
    assert_eq!(runs[2].findings.len(), 100);
    // No `/nvml` in this evidence.
    assert!(runs[2].findings.iter().all(|finding| finding.outcome == Outcome::NotRun));
}

#[test]
fn a_worker_serves_many_bundles() {
    let pack = CPack::sample().build();
    let mut host = Host::open(options(), std::slice::from_ref(&pack.location));
    let workers: Vec<u32> = host.workers().iter().map(|(_, id)| *id).collect();
    for minor in 0..200 {
        let json = format!(r#"{{"node":{{"kernel":"5.{minor}"}}}}"#);
        let run = host.evaluate(&EvidenceDocument::from_json(json.as_bytes()).unwrap()).remove(0);
        let expected = if minor >= 13 { Outcome::Pass } else { Outcome::Warn };
        assert_eq!(finding(&run, "sample.kernel-version").outcome, expected);
    }
    assert_eq!(host.workers().iter().map(|(_, id)| *id).collect::<Vec<_>>(), workers);
}

#[test]
fn a_program_that_is_no_worker_is_a_cause_like_others() {
    let pack = CPack::sample().build();
    for (program, cause) in
        [("/bin/true", "exited with code 0"), ("/nonexistent", "No such file or directory")]
    {
        let options = HostOptions { worker: vec![program.into()], ..options() };
        assert_all_not_run(&run_once(options, &pack.location, &behaviour("x")), cause);
    }
}
