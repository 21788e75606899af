//! The bundle format against honest, damaged and hostile input.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod contradictions;
mod groups;
mod properties;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use plumb_evidence::bundle::{HWLOC_NAME, sha256_hex};
use plumb_evidence::container::Limits;
use plumb_evidence::manifest::{FileRecord, Manifest, ProbeRecord, ProbeStatus, Unread};
use plumb_evidence::model::Origin;
use plumb_evidence::views::lstopo;
use plumb_evidence::{Absence, Bundle, BundleError, Fact, Source, derive};
use proptest::prelude::*;

mod recorded;
mod sections;

fn manifest() -> Manifest {
    Manifest {
        tool_version: "0.0.0".into(),
        started: "2026-01-01T00:00:00Z".into(),
        finished: "2026-01-01T00:00:01Z".into(),
        probes: vec![
            probe("cpu", ProbeStatus::Denied, "/sys/cpu"),
            probe("gpu", ProbeStatus::Timeout, "/sys/gpu"),
        ],
        unread: vec![Unread {
            path: "/sys/cpu/secret".into(),
            status: Absence::Denied,
            reason: "/sys/cpu/secret: permission denied".into(),
        }],
        ..Manifest::new(Origin::Live)
    }
}

fn probe(id: &str, status: ProbeStatus, reads: &str) -> ProbeRecord {
    ProbeRecord {
        id: id.into(),
        status,
        reason: format!("{id} says why"),
        itemised: status == ProbeStatus::Denied,
        reads: vec![reads.into()],
        duration_us: 0,
        files: 0,
        bytes: 0,
    }
}

fn files(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    entries.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn sample() -> Bundle {
    let links = BTreeMap::from([("/sys/cpu/driver".to_owned(), "../drivers/x".to_owned())]);
    let long = format!("raw/sys/{}/{}/value", "a".repeat(90), "b".repeat(90));
    Bundle::new(
        manifest(),
        files(&[("raw/sys/cpu/a/one", "1\n"), ("raw/sys/cpu/b", "2\n"), (&long, "3")]),
        links,
    )
}

#[test]
fn a_bundle_survives_writing_reading_unpacking_and_packing_by_tar() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.plumb");
    let bundle = sample();
    bundle.write(&path).unwrap();
    assert_eq!(Bundle::read(&path).unwrap(), bundle);
    let unpacked = folder.path().join("unpacked");
    bundle.unpack(&unpacked).unwrap();
    assert_eq!(Bundle::read(&unpacked).unwrap(), bundle);
    assert!(bundle.unpack(&unpacked).is_err(), "an existing folder is not written into");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn missing_files_say_why() {
    let bundle = sample();
    let why = |path: &str| bundle.read(path).unwrap_err().missing;
    assert_eq!(bundle.text("/sys/cpu/a/one").unwrap(), "1");
    assert_eq!(bundle.list("/sys/cpu").unwrap(), ["a", "b", "driver"]);
    assert_eq!(why("/sys/cpu/secret"), Absence::Denied);
    assert_eq!(why("/sys/cpu/other"), Absence::Absent, "a denied probe lists what it could not read");
    assert_eq!(why("/sys/gpu/x"), Absence::Timeout);
    assert_eq!(why("/sys/gpus"), Absence::Skipped, "a prefix is whole components");
    assert_eq!(bundle.list("/sys/gpu").unwrap_err().missing, Absence::Timeout);
}

/// A tar entry as an attacker would write it: nothing is checked.
fn entry(name: &[u8], kind: u8, size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    {
        let raw = header.as_mut_bytes();
        raw[..name.len()].copy_from_slice(name);
        raw[156] = kind;
    }
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn packed(folder: &Path, entries: &[Vec<u8>]) -> std::path::PathBuf {
    let path = folder.join("hostile.plumb");
    let mut tar: Vec<u8> = entries.concat();
    tar.resize(tar.len() + 1024, 0);
    fs::write(&path, zstd::encode_all(tar.as_slice(), 1).unwrap()).unwrap();
    path
}

fn honest_manifest(names: &[(&str, &str)]) -> Vec<u8> {
    let mut manifest = manifest();
    manifest.files = names
        .iter()
        .map(|(path, text)| FileRecord {
            path: (*path).into(),
            size: text.len() as u64,
            sha256: sha256_hex(text.as_bytes()),
        })
        .collect();
    let text = serde_json::to_vec(&manifest).unwrap();
    entry(b"manifest.json", b'0', text.len() as u64, &text)
}

#[test]
fn hostile_entries_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let x = |name: &str| entry(name.as_bytes(), b'0', 1, b"x");
    let cases: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("parent", vec![x("raw/../../etc/passwd")], "plain relative path"),
        ("absolute", vec![x("/etc/passwd")], "plain relative path"),
        ("current", vec![x("./raw/x")], "plain relative path"),
        ("double slash", vec![x("raw//x")], "plain relative path"),
        ("empty name", vec![entry(b"", b'0', 1, b"x")], "plain relative path"),
        ("not utf-8", vec![entry(b"raw/\xff", b'0', 1, b"x")], "not UTF-8"),
        ("twice", vec![x("raw/x"), x("raw/x")], "twice"),
        ("symlink", vec![entry(b"raw/x", b'2', 0, b"")], "only files"),
        ("hard link", vec![entry(b"raw/x", b'1', 0, b"")], "only files"),
        ("character device", vec![entry(b"raw/x", b'3', 0, b"")], "only files"),
        ("fifo", vec![entry(b"raw/x", b'6', 0, b"")], "only files"),
        ("sparse", vec![entry(b"raw/x", b'S', 0, b"")], "only files"),
        ("pax header", vec![entry(b"x", b'x', 1, b"x")], "only files"),
        ("endless name", vec![entry(b"././@LongLink", b'L', 1 << 40, b"x")], "only files"),
        ("huge file", vec![entry(b"raw/x", b'0', 1 << 40, b"x")], "allowed"),
    ];
    for (case, mut entries, words) in cases {
        entries.insert(0, honest_manifest(&[]));
        let error = Bundle::read(&packed(folder.path(), &entries)).unwrap_err();
        assert!(matches!(error, BundleError::Hostile { .. }), "{case}: {error}");
        assert!(error.to_string().contains(words), "{case}: {error}");
        assert!(error.to_string().contains("hostile.plumb"), "{case}: {error}");
    }
}

#[test]
fn bombs_are_refused_while_streaming() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.plumb");
    // 4 GiB of zeros, announced as 100 files of 40 MiB, without ever holding them here.
    let mut encoder = zstd::stream::write::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    let block = vec![0u8; 1 << 20];
    for i in 0..100 {
        let name = format!("raw/{i}");
        encoder.write_all(&entry(name.as_bytes(), b'0', 40 << 20, b"")).unwrap();
        for _ in 0..40 {
            encoder.write_all(&block).unwrap();
        }
    }
    encoder.finish().unwrap();
    let error = Bundle::read(&path).unwrap_err();
    assert!(error.to_string().contains("times its size"), "{error}");

    // The same before an archive, in a folder, and behind its end: nothing of it is a file.
    let zeros = |encoder: &mut zstd::stream::write::Encoder<'_, fs::File>| {
        for _ in 0..300 {
            encoder.write_all(&block).unwrap();
        }
    };
    let bomb = |begin: &[u8]| {
        let mut encoder = zstd::stream::write::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
        encoder.write_all(begin).unwrap();
        zeros(&mut encoder);
        encoder.finish().unwrap();
        Bundle::read(&path).unwrap_err()
    };
    for (begin, words) in [
        (entry(b"raw", b'5', 1 << 40, b""), "is a folder with content"),
        (honest_manifest(&[]), "follows the end of its archive"),
    ] {
        let error = bomb(&begin);
        assert!(error.is_integrity() && error.to_string().contains(words), "{error}");
    }
    let limits = Limits { total_bytes: 1 << 20, entries: 20, ..Limits::default() };
    let long = entry(b"raw/x", b'0', 2 << 20, &vec![0; 2 << 20]);
    let error = Bundle::read_within(&packed(folder.path(), &[long]), &limits).unwrap_err();
    assert!(error.is_integrity(), "{error}");

    let many = vec![entry(b"raw/x", b'5', 0, b""); 50];
    let limits = Limits { entries: 20, ..Limits::default() };
    let error = Bundle::read_within(&packed(folder.path(), &many), &limits).unwrap_err();
    assert!(error.to_string().contains("more than 20 entries"), "{error}");
}

#[test]
fn nothing_follows_the_end_of_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("more.plumb");
    let read = |end: &[u8]| {
        let tar = [&honest_manifest(&[])[..], &[0; 1024], end].concat();
        fs::write(&path, zstd::encode_all(tar.as_slice(), 1).unwrap()).unwrap();
        Bundle::read(&path)
    };
    assert!(read(&[]).is_ok());
    assert!(read(&[0; 8 << 10]).is_ok(), "other archivers fill up records");
    for end in [&b"x"[..], &[0; 64 << 10], &entry(b"raw/evil", b'0', 1, b"x")] {
        let error = read(end).unwrap_err();
        assert!(error.is_integrity() && error.to_string().contains("follows the end"), "{error}");
    }
}

#[test]
fn content_must_be_what_the_manifest_says() {
    let folder = tempfile::tempdir().unwrap();
    let x = entry(b"raw/x", b'0', 1, b"x");
    let good = packed(folder.path(), &[honest_manifest(&[("raw/x", "x")]), x.clone()]);
    assert!(Bundle::read(&good).is_ok());
    for (case, entries) in [
        ("changed", vec![honest_manifest(&[("raw/x", "y")]), x.clone()]),
        ("missing", vec![honest_manifest(&[("raw/x", "x"), ("raw/y", "y")]), x.clone()]),
        ("extra", vec![honest_manifest(&[]), x]),
    ] {
        let error = Bundle::read(&packed(folder.path(), &entries)).unwrap_err();
        assert!(error.is_integrity(), "{case}: {error}");
    }
    // As many entries as files, and yet one file that nobody vouches for.
    let doubled = [
        honest_manifest(&[("raw/x", "x"), ("raw/x", "x")]),
        entry(b"raw/x", b'0', 1, b"x"),
        entry(b"raw/evil", b'0', 1, b"x"),
    ];
    let error = Bundle::read(&packed(folder.path(), &doubled)).unwrap_err();
    assert!(matches!(error, BundleError::Hostile { .. }), "{error}");
    assert!(error.to_string().contains("lists `raw/x` twice"), "{error}");
    let newer = serde_json::json!({"schema": 99, "what": "ever"}).to_string();
    let newer = entry(b"manifest.json", b'0', newer.len() as u64, newer.as_bytes());
    let error = Bundle::read(&packed(folder.path(), &[newer])).unwrap_err();
    assert!(error.to_string().contains("newer plumb"), "{error}");
}

#[test]
fn links_in_an_unpacked_bundle_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = folder.path().join("unpacked");
    sample().unpack(&unpacked).unwrap();
    let file = unpacked.join("raw/sys/cpu/b");
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    let error = Bundle::read(&unpacked).unwrap_err();
    assert!(error.to_string().contains("neither a file nor a folder"), "{error}");
}

#[test]
fn the_size_of_an_unpacked_bundle_is_limited_manifest_included() {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = folder.path().join("unpacked");
    sample().unpack(&unpacked).unwrap();
    let manifest = unpacked.join("manifest.json");
    let size = fs::metadata(&manifest).unwrap().len();
    let read = |file_bytes, total_bytes| {
        Bundle::read_within(&unpacked, &Limits { file_bytes, total_bytes, ..Limits::default() })
    };
    assert!(read(size, 2 * size).is_ok());
    for (file_bytes, total_bytes) in [(size - 1, 2 * size), (2 * size, size - 1)] {
        let error = read(file_bytes, total_bytes).unwrap_err().to_string();
        assert!(error.contains("`manifest.json` goes beyond the limit on size"), "{error}");
    }
    let error = read(size, size + 1).unwrap_err().to_string();
    assert!(error.contains("goes beyond the limit on size"), "{error}");

    fs::rename(&manifest, folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &manifest).unwrap();
    let error = Bundle::read(&unpacked).unwrap_err().to_string();
    assert!(error.contains("holds no file manifest.json"), "a link is no manifest: {error}");
}

fn with_hwloc(xml: &str) -> Bundle {
    Bundle::new(manifest(), files(&[(HWLOC_NAME, xml)]), BTreeMap::new())
}

#[test]
fn a_mask_of_hwloc_that_is_none_is_not_an_empty_set() {
    let topology = |cpuset: &str, nodeset: &str| {
        with_hwloc(&format!(
            r#"<topology version="2.0"><object type="Machine" {cpuset} {nodeset}>
            <object type="PCIDev" pci_busid="0000:01:00.0"/></object></topology>"#
        ))
    };
    let pci = |bundle: &Bundle| derive(bundle).hwloc.require().unwrap().pci[0].clone();
    let good = pci(&topology(r#"cpuset="0x00000001,,0x00000100""#, r#"nodeset="0x0""#));
    assert_eq!(good.cpus.require().unwrap().to_string(), "8,64");
    assert!(good.nodes.require().unwrap().is_empty());
    let bad = pci(&topology(r#"cpuset="0xnonsense""#, ""));
    let Fact::Missing(why) = &bad.cpus else { panic!("{bad:?}") };
    assert_eq!(why.missing, Absence::Malformed);
    assert!(why.reason.contains("the cpuset of 0000:01:00.0, `0xnonsense`, is not a mask"), "{why}");
    assert_eq!(bad.nodes.require().unwrap_err().missing, Absence::Absent);
}

#[test]
fn deep_topologies_are_refused_before_anything_descends() {
    let nested = |depth: usize| {
        let open = r#"<object type="PCIDev" pci_busid="0000:00:00.0">"#;
        with_hwloc(&format!(
            "<topology>{}{}</topology>",
            open.repeat(depth - 1),
            "</object>".repeat(depth - 1)
        ))
    };
    let deepest = nested(256);
    assert_eq!(derive(&deepest).hwloc.require().unwrap().pci.len(), 255);
    assert_eq!(lstopo(&deepest).unwrap().matches("PCI 00:00.0").count(), 255);
    for depth in [257, 200_000] {
        let bundle = nested(depth);
        for why in [derive(&bundle).hwloc.require().unwrap_err(), lstopo(&bundle).unwrap_err()] {
            assert_eq!(why.missing, Absence::Malformed);
            assert!(why.reason.contains("nested deeper than 256 levels"), "{why}");
        }
    }
}

#[test]
fn sizes_that_no_machine_has_do_not_overflow() {
    let node = r#"<object type="NUMANode" local_memory="18446744073709551615"/>"#;
    let bundle = with_hwloc(&format!(r#"<topology><object type="Machine">{node}{node}</object></topology>"#));
    assert!(lstopo(&bundle).unwrap().starts_with("Machine (16777215TB total)"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_is_an_error_and_never_a_panic(position in 0usize..2000, value in any::<u8>(), cut in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.plumb");
        let bundle = sample();
        bundle.write(&path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let position = position % bytes.len();
        if cut {
            bytes.truncate(position);
        } else {
            prop_assume!(bytes[position] != value);
            bytes[position] = value;
        }
        fs::write(&path, &bytes).unwrap();
        // A few bits of a compressed frame carry nothing; then the content must be what it was.
        if let Ok(read) = Bundle::read(&path) {
            prop_assert_eq!(read, bundle);
        }
    }
}
