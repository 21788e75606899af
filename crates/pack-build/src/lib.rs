//! Turns the pages of checks into code when a pack is built.
//!
//! A check is a folder below `src`: `mod.rs` decides, `page.toml` has what a program needs to know of it, and a message file for
//! each language (`en.ftl`, `de.ftl`) has the words. A pack's `build.rs` is one line,
//!
//! ```no_run
//! plumb_pack_build::pack("my-pack");
//! ```
//!
//! and its `lib.rs` takes what came of it: `mod pages { include!(concat!(env!("OUT_DIR"), "/pages.rs")); }`. That has a module
//! for each check with its `PAGE`, its thresholds as constants that carry their unit, and in `words` a type for each sentence,
//! whose fields are the values that the sentence names. So a sentence that is not there, or a value that it does not get, does
//! not compile; and a page that lacks a sentence, a language or a unit ends the build with its file, line and key.
#![warn(missing_docs)]

mod code;
mod error;
mod messages;
mod page;

use std::path::{Path, PathBuf};
use std::{env, fs};

use plumb_check_sdk::PackManifest;

pub use error::Fault;
pub use page::{CheckPage, read};

/// The languages that pages can have; the first is the one that every page has, and that others fall back to. Plumb's own packs have
/// all.
pub const LANGUAGES: [&str; 2] = ["en", "de"];
/// File of the sources that pages name by key.
pub const REFERENCES: &str = "references.toml";

/// What a pack's `build.rs` calls: reads the pages below `src` and writes `pages.rs`, `words.json` and `pack.toml` for the build.
///
/// Ends the build, with all faults of the pages on standard error, if there are any.
pub fn pack(id: &str) {
    let from_cargo = |name: &str| env::var(name).unwrap_or_default();
    let folder = PathBuf::from(from_cargo("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(from_cargo("OUT_DIR"));
    let library = format!("lib{}.so", from_cargo("CARGO_PKG_NAME").replace('-', "_"));
    say(&format!("cargo::rerun-if-changed={}", folder.join("src").display()));
    if let Some(references) = references_of(&folder) {
        say(&format!("cargo::rerun-if-changed={}", references.display()));
    }
    let built = read(&folder).and_then(|pages| {
        let write = |name: &str, text: String| {
            let path = out.join(name);
            fs::write(&path, text)
                .map_err(|error| vec![Fault::file(&path, format!("cannot be written: {error}"))])
        };
        write("pages.rs", code::pages(&pages))?;
        write("words.json", words_json(&pages))?;
        let manifest = manifest(id, &from_cargo("CARGO_PKG_VERSION"), &library, &pages);
        let text = toml::to_string_pretty(&manifest)
            .map_err(|error| vec![Fault::file(&folder, format!("no manifest can be made of it: {error}"))])?;
        write("pack.toml", text)
    });
    if let Err(faults) = built {
        for fault in faults {
            say(&format!("cargo::error={fault}"));
        }
    }
}

/// Cargo reads the standard output of a build script.
#[expect(clippy::print_stdout, reason = "cargo takes instructions and errors of a build script from there")]
fn say(line: &str) {
    println!("{line}");
}

/// The manifest of a pack with these pages.
#[must_use]
pub fn manifest(id: &str, version: &str, library: &str, pages: &[CheckPage]) -> PackManifest {
    let mut checks: Vec<_> = pages.iter().map(|page| page.meta.clone()).collect();
    checks.sort_by(|a, b| a.id.cmp(&b.id));
    PackManifest {
        id: id.to_owned().into(),
        version: version.to_owned().into(),
        abi_major: plumb_check_sdk::abi::PLUMB_ABI_MAJOR,
        abi_minor: plumb_check_sdk::abi::PLUMB_ABI_MINOR,
        library: library.to_owned().into(),
        checks: checks.into(),
    }
}

/// The sentences of all pages as the pack hands them over: by language, by check, the text of the message file.
fn words_json(pages: &[CheckPage]) -> String {
    let mut all = serde_json::Map::new();
    for language in LANGUAGES {
        let texts = pages.iter().filter_map(|page| {
            let words = page.words.iter().find(|words| words.language == language)?;
            Some((page.meta.id.to_string(), serde_json::Value::String(words.text.clone())))
        });
        let texts: serde_json::Map<_, _> = texts.collect();
        if !texts.is_empty() {
            all.insert(language.to_owned(), texts.into());
        }
    }
    serde_json::Value::Object(all).to_string()
}

/// The file of sources for the pack in `folder`: its own, or the one beside it that several packs share.
fn references_of(folder: &Path) -> Option<PathBuf> {
    let places = [folder.join(REFERENCES), folder.join("..").join(REFERENCES)];
    places.into_iter().find(|path| path.is_file())
}
