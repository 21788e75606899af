//! Honest inputs to begin with: files of the honest node, and files of the same names from bundles of real machines.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use plumb_evidence::Bundle;
use plumb_evidence::bundle::sha256_hex;

use crate::groups::{self, Group};
use crate::{INDEX_SETS, TARGETS};

/// Most bytes of a file that becomes a seed: longer inputs make every try slow, and say little more.
const LONGEST: usize = 4096;
/// Most seeds of one file of a group from one bundle: CPUs and processes are much alike.
const MOST: usize = 3;

type Files = BTreeMap<String, Vec<u8>>;

/// Writes the seeds of all targets below `corpus`.
///
/// # Errors
/// The system's answer, and where a bundle cannot be read.
pub fn write(corpus: &Path, bundles: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let bundles: Vec<Bundle> = bundles.iter().map(|path| Bundle::read(path)).collect::<Result<_, _>>()?;
    let honest = groups::honest();
    let sources: Vec<&Files> = std::iter::once(&honest).chain(bundles.iter().map(Bundle::files)).collect();
    for (target, names) in TARGETS {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        let mut seeds = BTreeSet::new();
        for (pick, name) in (0u8..).zip(*names) {
            if *name == INDEX_SETS {
                seeds.extend(
                    [&b"0-3,8,10-11\n"[..], b"0000ffff,00000001\n"].map(|text| [&[pick], text].concat()),
                );
                continue;
            }
            for files in &sources {
                seeds.extend(
                    of_group(groups::group(name), files).map(|seed| [&[pick], seed.as_slice()].concat()),
                );
            }
        }
        for seed in seeds {
            fs::write(folder.join(sha256_hex(&seed)), &seed)?;
        }
    }
    of_bundles(&corpus.join("bundle"))
}

/// Number and content of each file of a bundle that has the name of one of the group, whatever its digits are.
fn of_group<'a>(group: &'a Group, files: &'a Files) -> impl Iterator<Item = Vec<u8>> + 'a {
    (0u8..).zip(group.paths).flat_map(|(number, path)| {
        let wanted = without_digits(&path.replace("samples/", "samples/000/"));
        let alike = files.iter().filter(move |(path, _)| without_digits(path) == wanted);
        alike.map(|(_, content)| content).filter(|content| content.len() <= LONGEST).take(MOST).map(
            move |content| {
                let mut seed = vec![number];
                seed.extend(content);
                seed
            },
        )
    })
}

fn without_digits(path: &str) -> String {
    let mut text: String = path.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    while text.contains("##") {
        text = text.replace("##", "#");
    }
    text
}

/// A small bundle, packed and as the archive inside.
fn of_bundles(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let mut files = groups::honest();
    files.retain(|path, _| path.contains("cpu0"));
    let packed = folder.join("packed");
    groups::bundle(files).write(&packed)?;
    let archive = zstd::decode_all(fs::File::open(&packed)?)?;
    for (name, kind, content) in [("honest-packed", 0u8, fs::read(&packed)?), ("honest-archive", 1, archive)]
    {
        fs::write(folder.join(name), [vec![kind], content].concat())?;
    }
    fs::remove_file(packed)?;
    Ok(())
}
