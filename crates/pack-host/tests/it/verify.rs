//! The conformance test on packs that keep the rules and packs that do not.

use std::path::Path;
use std::time::Duration;

use plumb_pack_host::{HostOptions, Verdict, verify};

use crate::support::{Assembled, CPack, options, root, rust_pack};

fn copy_fixtures(from: &Path, pack: &Assembled) {
    for folder in std::fs::read_dir(from).unwrap() {
        let folder = folder.unwrap();
        let to = pack.folder.path().join("fixtures").join(folder.file_name());
        std::fs::create_dir_all(&to).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn the_packs_in_c_keep_all_rules() {
    for sample in [CPack::sample(), CPack::with_words()] {
        let pack = sample.build();
        copy_fixtures(&root().join(sample.sample).join("fixtures"), &pack);
        let verification = verify(&pack.location, &options());
        println!("{verification}");
        assert!(verification.rules.iter().all(|rule| rule.verdict == Verdict::Pass), "{verification}");
    }
}

#[test]
fn a_pack_that_always_passes_breaks_rules() {
    let verification = verify(&CPack::hostile(&[]).build().location, &options());
    println!("{verification}");
    assert!(!verification.passed());
    let broken: Vec<&str> = verification
        .rules
        .iter()
        .filter(|rule| rule.verdict == Verdict::Fail)
        .map(|rule| rule.rule)
        .collect();
    assert_eq!(
        broken,
        [
            "evidence without any section is no pass",
            "evidence that could not be collected is no pass",
            "evidence of a wrong type is no pass",
            "evidence that is not JSON is an error, and survived",
        ]
    );
}

#[test]
fn a_pack_that_does_not_load_is_not_tried_further() {
    let verification = verify(&CPack::hostile(&["-DTABLE_SIZE=40"]).build().location, &options());
    println!("{verification}");
    let last = verification.rules.last().unwrap();
    assert_eq!((last.rule, last.verdict), ("it loads, and is what its manifest says", Verdict::Fail));
}

#[test]
fn packs_of_the_sdk_keep_the_rules_without_examples() {
    for name in ["hostile", "hundred"] {
        // Unoptimised, 10 MB take their time.
        let options = HostOptions { deadline: Duration::from_secs(30), ..options() };
        let verification = verify(&rust_pack(name).location, &options);
        // `zoo.good` passes on nothing, which is what makes it useful elsewhere.
        let broken = verification.rules.iter().filter(|rule| rule.verdict == Verdict::Fail);
        let expected = if name == "hostile" { 3 } else { 0 };
        assert_eq!(broken.count(), expected, "{verification}");
    }
}
