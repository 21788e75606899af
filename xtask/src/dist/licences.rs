//! The licences of everything that is linked, as one text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::archive::files;
use super::crates::{Foreign, Graph, Package};
use crate::run::{note, output_if_ok};

/// How names of files begin that hold a licence or what goes with one.
const BEGINNINGS: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];
/// Below the folder of a crate, those of code that it brings along are at most this deep.
const DEPTH: usize = 3;
const RULE: &str = "================================================================================";

/// All texts, each once with those that it is of, by their first name.
pub(super) fn notices(graphs: &[&Graph], foreign: &[&Foreign]) -> Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |text: &str, of: String| {
        let text = text.replace("\r\n", "\n");
        texts.entry(text.trim_end().trim_start_matches('\n').to_owned()).or_default().insert(of);
    };
    for Foreign { name, version, licence, text, .. } in foreign {
        let bytes = fs::read(text).with_context(|| format!("cannot read `{}`", text.display()))?;
        add(&String::from_utf8_lossy(&bytes), format!("{name} {version} ({licence})"));
    }
    for (name, text) in of_the_standard_library()? {
        add(&text, format!("the standard library of Rust: {name}"));
    }
    let mut bare = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for package in graphs.iter().flat_map(|graph| graph.packages.values()) {
        if !seen.insert((package.name.clone(), package.version.clone())) {
            continue;
        }
        let licence = package.licence.as_deref().unwrap_or("see the text");
        let of = format!("{} {} ({licence})", package.name, package.version);
        let found = of_package(package)?;
        if found.is_empty() && package.checksum.is_some() {
            bare.insert(of.clone());
        }
        for text in found {
            add(&text, of.clone());
        }
    }
    let mut sorted: Vec<(Vec<String>, String)> =
        texts.into_iter().map(|(text, of)| (of.into_iter().collect(), text)).collect();
    sorted.sort();
    let mut out = String::from(
        "Plumb is under the licence MIT or Apache-2.0, as you prefer: see LICENSE-MIT and LICENSE-APACHE.\n\
         What is linked into its programs, and into Typst, is under the licences below.\n",
    );
    if !bare.is_empty() {
        note(&format!(
            "{} crates come without the text of their licence, which their entry names",
            bare.len()
        ));
        out.push_str(
            "\nThese crates come without the text of their licence, which is named in brackets:\n\n",
        );
        bare.iter().for_each(|of| out.push_str(&format!("- {of}\n")));
    }
    for (of, text) in sorted {
        out.push_str(&format!("\n{RULE}\n"));
        of.iter().for_each(|of| out.push_str(&format!("- {of}\n")));
        out.push_str(&format!("{RULE}\n\n{text}\n"));
    }
    Ok(out)
}

fn of_package(package: &Package) -> Result<Vec<String>> {
    // The licence of the workspace is beside the program.
    if package.checksum.is_none() {
        return Ok(Vec::new());
    }
    let mut texts = Vec::new();
    for (name, path) in files(&package.folder)? {
        if name.split('/').count() <= DEPTH && is_licence(&name) {
            let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(texts)
}

fn is_licence(path: &str) -> bool {
    let mut parts = path.rsplit('/').map(str::to_lowercase);
    let name = parts.next().unwrap_or_default();
    let is_code = [".rs", ".c", ".h", ".py", ".toml"].iter().any(|ending| name.ends_with(ending));
    let is_named = BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    let is_inside = parts.next().is_some_and(|folder| matches!(folder.as_str(), "licenses" | "licences"));
    !is_code && (is_named || is_inside)
}

/// What the Rust toolchain has beside its documentation.
fn of_the_standard_library() -> Result<BTreeMap<String, String>> {
    let root = output_if_ok(Command::new("rustc").args(["--print", "sysroot"]))?.unwrap_or_default();
    let folder = Path::new(root.trim()).join("share/doc/rust");
    let mut texts = BTreeMap::new();
    for name in ["COPYRIGHT", "LICENSE-APACHE", "LICENSE-MIT"] {
        if let Ok(text) = fs::read_to_string(folder.join(name)) {
            texts.insert(name.to_owned(), text);
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_known_by_their_names() {
        for name in
            ["LICENSE-MIT", "COPYING", "zstd/LICENSE", "LICENSES/Apache-2.0.txt", "NOTICE", "Unlicense"]
        {
            assert!(is_licence(name), "{name}");
        }
        for name in ["src/license.rs", "README.md", "src/lib.rs"] {
            assert!(!is_licence(name), "{name}");
        }
    }
}
