//! What the targets do with the bytes that the fuzzer makes up.
//!
//! A target per group of parsers: it spoils files of an honest node and derives everything from it, so that parsers
//! that are added later are tried as well, as soon as their files are in a group.

use std::fs;
use std::path::{Path, PathBuf};

use plumb_evidence::bundle::sha256_hex;
use plumb_evidence::container::Limits;
use plumb_evidence::{Bundle, IndexSet};

#[path = "../../crates/evidence/tests/it/groups.rs"]
pub mod groups;

use groups::{GROUPS, analyse};

/// Ends one file and begins the next; no UTF-8 text has it.
const SEPARATOR: u8 = 0xff;

/// Spoils files of the honest node: each part is the number of a file and its content.
pub fn group(name: &str, data: &[u8]) {
    let contents: Vec<(usize, Vec<u8>)> = data
        .split(|&byte| byte == SEPARATOR)
        .take(8)
        .filter_map(|part| part.split_first())
        .map(|(&number, content)| (usize::from(number), content.to_vec()))
        .collect();
    analyse(groups::group(name), &contents);
}

/// Reads a bundle: the bytes as they are, or as the archive inside the compression, by the first byte.
pub fn bundle(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    let path = scratch();
    let written = if kind % 4 == 0 {
        fs::write(&path, data)
    } else {
        zstd::encode_all(data, 1).and_then(|packed| fs::write(&path, packed))
    };
    written.expect("a scratch file can be written");
    let limits = Limits { entries: 200, file_bytes: 1 << 16, total_bytes: 1 << 18, ratio: 400 };
    if let Ok(read) = Bundle::read_within(&path, &limits) {
        assert_eq!(read.files().len(), read.manifest().files.len());
        for record in &read.manifest().files {
            assert_eq!(sha256_hex(&read.files()[&record.path]), record.sha256);
        }
        let _ = plumb_evidence::derive(&read);
    }
}

/// Lists and masks of CPUs survive being written and read again.
pub fn index_set(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for set in [text.parse::<IndexSet>(), IndexSet::from_mask(text)].into_iter().flatten() {
        let again: IndexSet = set.to_string().parse().expect("what is written can be read");
        assert_eq!(again, set);
    }
}

/// A file in memory, one per process.
fn scratch() -> PathBuf {
    let folder = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    folder.join(format!("plumb-fuzz-{}", std::process::id()))
}

/// Writes honest inputs for each target below `corpus`.
///
/// # Errors
/// The system's answer.
pub fn write_seeds(corpus: &Path) -> std::io::Result<()> {
    let honest = groups::honest();
    for group in GROUPS {
        let folder = corpus.join(group.name);
        fs::create_dir_all(&folder)?;
        for (number, path) in (0u8..).zip(group.paths) {
            let path = path.replace("samples/", "samples/000/");
            let mut seed = vec![number];
            seed.extend(honest.get(&path).into_iter().flatten());
            fs::write(folder.join(format!("honest-{number}")), seed)?;
        }
    }
    let folder = corpus.join("bundle");
    fs::create_dir_all(&folder)?;
    let mut files = honest;
    files.retain(|path, _| path.contains("cpu0"));
    let packed = folder.join("packed");
    groups::bundle(files).write(&packed).map_err(std::io::Error::other)?;
    let archive = zstd::decode_all(fs::File::open(&packed)?)?;
    for (name, kind, content) in [("honest-packed", 0u8, fs::read(&packed)?), ("honest-archive", 1, archive)] {
        fs::write(folder.join(name), [vec![kind], content].concat())?;
    }
    fs::remove_file(packed)?;
    let folder = corpus.join("index_set");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("list"), "0-3,8,10-11\n")?;
    fs::write(folder.join("mask"), "0000ffff,00000001\n")
}
