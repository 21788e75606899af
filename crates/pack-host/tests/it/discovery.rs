//! Where packs are found, and where not.

use std::fs;
use std::path::Path;

use plumb_pack_host::{Error, MANIFEST_FILE, Origin, PackForm, SearchPath, discover};

use crate::support::{root, sample_manifest};

fn put(folder: &Path, name: &str, id: &str) {
    let pack = folder.join(name);
    fs::create_dir_all(&pack).unwrap();
    let mut manifest = sample_manifest();
    manifest.id = id.to_owned().into();
    fs::write(pack.join(MANIFEST_FILE), plumb_pack_host::manifest_to_toml(&manifest).unwrap()).unwrap();
}

#[test]
fn packs_come_sorted_from_all_places_and_know_where_from() {
    let (a, b, c) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(a.path(), "anything", "m");
    put(b.path(), "z", "z");
    put(b.path(), "a", "a");
    fs::create_dir(b.path().join("not-a-pack")).unwrap();
    put(c.path(), "k", "k");
    let mut path = SearchPath {
        explicit: vec![a.path().join("anything/pack.toml")],
        install: vec![c.path().to_owned(), "/nonexistent/packs".into()],
        ..SearchPath::default()
    };
    path.add_folders(b.path().as_os_str()).unwrap();
    let found = discover(&path).unwrap().packs;
    let found: Vec<_> = found.iter().map(|pack| (pack.manifest.id.as_ref(), pack.origin)).collect();
    let expected = [
        ("a", Origin::SearchPath),
        ("k", Origin::Install),
        ("m", Origin::Explicit),
        ("z", Origin::SearchPath),
    ];
    assert_eq!(found, expected);
}

#[test]
fn two_packs_of_one_id_are_an_error_that_names_both() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(a.path(), "core", "core");
    put(b.path(), "core", "core");
    let path = SearchPath {
        folders: vec![a.path().to_owned()],
        install: vec![b.path().to_owned()],
        ..SearchPath::default()
    };
    let found = discover(&path).unwrap();
    assert_eq!(found.packs.len(), 1, "the first is asked");
    let error = &found.broken[0];
    assert!(matches!(error, Error::Duplicate { id, .. } if id == "core"));
    let text = error.to_string();
    assert!(text.contains(a.path().to_str().unwrap()) && text.contains(b.path().to_str().unwrap()), "{text}");
    // The same folder by two names is one pack.
    let path = SearchPath {
        explicit: vec![a.path().join("core")],
        folders: vec![a.path().to_owned()],
        ..SearchPath::default()
    };
    assert_eq!(discover(&path).unwrap().packs.len(), 1);
}

#[test]
fn what_is_not_a_pack_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let explicit = |path: &Path| {
        discover(&SearchPath { explicit: vec![path.to_owned()], ..SearchPath::default() })
            .unwrap_err()
            .to_string()
    };
    assert!(
        explicit(folder.path())
            .ends_with("is not a pack: expected `pack.toml` in the folder or beside the library")
    );
    assert!(explicit(&folder.path().join("nothing")).starts_with("cannot find"));
    put(folder.path(), "x", "y");
    put(folder.path(), "z", "z");
    let search = SearchPath { folders: vec![folder.path().to_owned()], ..SearchPath::default() };
    let told = || {
        let found = discover(&search).unwrap();
        assert_eq!(found.packs.len(), 1, "its neighbour is asked all the same");
        assert_eq!(found.packs[0].manifest.id, "z");
        found.broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(told().ends_with("pack `y` must be in a folder of that name"));
    fs::write(folder.path().join("x").join(MANIFEST_FILE), "id = 3").unwrap();
    assert!(told().ends_with("pack.toml` is not a pack manifest"));
    let named = SearchPath { explicit: vec![folder.path().join("x")], ..SearchPath::default() };
    assert!(discover(&named).is_err(), "what the user names is another matter");
    assert!(SearchPath::default().add_folders("packs".as_ref()).is_err());
}

#[test]
fn the_sample_packs_are_well_formed() {
    for folder in ["samples/c-pack", "samples/c-pack-2", "samples/rules-pack", "samples/rules-pack-2"] {
        let path = SearchPath { explicit: vec![root().join(folder)], ..SearchPath::default() };
        assert_eq!(discover(&path).unwrap().packs.len(), 1);
    }
}

#[test]
fn a_pack_of_rules_says_everything_in_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let sample = root().join("samples/rules-pack");
    fs::copy(sample.join("rules.toml"), folder.path().join("rules.toml")).unwrap();
    let found = |manifest: &str| {
        fs::write(folder.path().join(MANIFEST_FILE), manifest).unwrap();
        let path = SearchPath { explicit: vec![folder.path().to_owned()], ..SearchPath::default() };
        discover(&path).map(|mut found| found.packs.remove(0)).map_err(|error| error.to_string())
    };
    let pack = found("# a comment\nrules = \"rules.toml\"\n").unwrap();
    assert_eq!((pack.form, pack.library.as_str()), (PackForm::Rules, "rules.toml"));
    assert_eq!(pack.manifest.id, "sample-rules");
    assert_eq!(pack.manifest.checks[0].id, "house.driver-branch");
    for (manifest, expected) in [
        ("id = \"x\"\nrules = \"rules.toml\"", "`id` beside `rules`: move it into the file of rules"),
        ("rules = \"../rules.toml\"", "expected the name of a file beside `pack.toml`"),
        ("rules = \"pack.toml\"", "expected the name of a file beside `pack.toml`"),
        ("rules = \"pack.so\"", "expected the name of a file beside `pack.toml`"),
        ("rules = 3", "expected the name of a file beside `pack.toml`"),
        ("rules = \"other.toml\"", "cannot read"),
        // In a table it is not what makes a pack of rules.
        ("[x]\nrules = \"rules.toml\"", "is not a pack manifest"),
    ] {
        let error = found(manifest).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    fs::write(folder.path().join("rules.toml"), "format = 1\nid = \"A\"\nversion = \"1\"\n").unwrap();
    assert!(found("rules = \"rules.toml\"").unwrap_err().contains("there is no rule"));
}

#[test]
fn impossible_manifests_are_refused() {
    let path = Path::new("pack.toml");
    let text = |change: fn(&mut plumb_check_sdk::PackManifest)| {
        let mut manifest = sample_manifest();
        change(&mut manifest);
        let text = plumb_pack_host::manifest_to_toml(&manifest).unwrap();
        plumb_pack_host::parse_manifest(&text, path).unwrap_err().to_string()
    };
    assert!(text(|m| m.id = "../x".into()).contains("pack id `../x`"));
    assert!(text(|m| m.library = "../x.so".into()).contains("library `../x.so`"));
    assert!(text(|m| m.checks = Vec::new().into()).contains("0 checks"));
    assert!(text(|m| m.checks.to_mut()[0].id = "A b".into()).contains("check id `A b`"));
    assert!(
        text(|m| m.checks.to_mut()[0].needs = vec!["gpus".into()].into()).contains("expected a JSON pointer")
    );
    let twice = |m: &mut plumb_check_sdk::PackManifest| {
        let check = m.checks[0].clone();
        m.checks.to_mut().push(check);
    };
    assert!(text(twice).contains("is there twice"));
}
