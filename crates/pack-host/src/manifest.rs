//! `pack.toml`: what a pack says about itself, readable without loading it.

use std::collections::BTreeSet;
use std::path::Path;

use plumb_check_sdk::{CheckMeta, PackManifest};

use crate::Error;

/// File name of the manifest beside the library.
pub const MANIFEST_FILE: &str = "pack.toml";

/// Longest manifest that is read; a pack of 100 checks with all texts has about 300 kB.
pub(crate) const MAX_MANIFEST: u64 = 4 << 20;
const MAX_CHECKS: usize = 1000;
const MAX_ID: usize = 64;

/// Reads the text of a `pack.toml`; `path` is for errors.
///
/// # Errors
/// Fails on a text that is not a manifest, or that says something impossible.
pub fn parse(text: &str, path: &Path) -> Result<PackManifest, Error> {
    let manifest: PackManifest = toml::from_str(text).map_err(|error| Error::Format {
        path: path.to_owned(),
        expected: "a pack manifest",
        source: Box::new(error),
    })?;
    match problem(&manifest) {
        Some(reason) => Err(Error::Manifest { path: path.to_owned(), reason }),
        None => Ok(manifest),
    }
}

/// The name of the file of rules, if that is what the text of a `pack.toml` says.
///
/// Such a `pack.toml` says nothing else: id, version and all texts are in the rules, where the hash that a user pins covers
/// them.
pub(crate) fn rules_file(text: &str, path: &Path) -> Result<Option<String>, Error> {
    // Looked at line by line, since a manifest of many checks takes a while to parse, and each start does it once.
    let mut head = text.lines().map(str::trim_start).take_while(|line| !line.starts_with('['));
    let is_key =
        |line: &str| line.strip_prefix("rules").is_some_and(|rest| rest.trim_start().starts_with('='));
    if !head.any(is_key) {
        return Ok(None);
    }
    let table: toml::Table = toml::from_str(text).map_err(|error| Error::Format {
        path: path.to_owned(),
        expected: "a pack manifest",
        source: Box::new(error),
    })?;
    let refuse = |reason: String| Error::Manifest { path: path.to_owned(), reason };
    if let Some(other) = table.keys().find(|key| *key != "rules") {
        return Err(refuse(format!(
            "`{other}` beside `rules`: move it into the file of rules, which says everything else"
        )));
    }
    match table.get("rules").and_then(toml::Value::as_str) {
        Some(name) if is_file_name(name) && name.ends_with(".toml") && name != MANIFEST_FILE => {
            Ok(Some(name.to_owned()))
        }
        _ => Err(refuse(format!(
            "`rules`: expected the name of a file beside `{MANIFEST_FILE}`, such as `rules.toml`"
        ))),
    }
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && !name.starts_with('.')
}

/// The text of `pack.toml` for a manifest.
///
/// # Errors
/// Fails if the manifest holds what TOML cannot express; no manifest of the SDK does.
pub fn to_toml(manifest: &PackManifest) -> Result<String, toml::ser::Error> {
    let body = toml::to_string_pretty(manifest)?;
    Ok(format!("# Generated from the code of the pack; its tests tell how to renew it.\n\n{body}"))
}

/// What is impossible about a manifest, if anything.
pub(crate) fn problem(manifest: &PackManifest) -> Option<String> {
    let is_id = |id: &str, also: &str| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || also.contains(c);
        !id.is_empty() && id.len() <= MAX_ID && id.chars().all(allowed)
    };
    if !is_id(&manifest.id, "") {
        return Some(format!("pack id `{}`: expected lower-case letters, digits and `-`", manifest.id));
    }
    let library = manifest.library.as_ref();
    if !is_file_name(library) {
        return Some(format!("library `{library}`: expected the name of a file beside `{MANIFEST_FILE}`"));
    }
    if manifest.checks.is_empty() || manifest.checks.len() > MAX_CHECKS {
        return Some(format!("{} checks: expected 1 to {MAX_CHECKS}", manifest.checks.len()));
    }
    let mut seen = BTreeSet::new();
    for check in manifest.checks.iter() {
        if !is_id(&check.id, ".") {
            return Some(format!(
                "check id `{}`: expected lower-case letters, digits, `.` and `-`",
                check.id
            ));
        }
        if !seen.insert(check.id.as_ref()) {
            return Some(format!("check id `{}` is there twice", check.id));
        }
        if let Some(need) = check.needs.iter().find(|need| !is_pointer(need)) {
            return Some(format!(
                "check `{}` needs `{need}`: expected a JSON pointer such as `/cpu`",
                check.id
            ));
        }
        if let Some(limit) =
            check.thresholds.iter().find(|limit| limit.unit.is_empty() || !limit.number.is_finite())
        {
            return Some(format!(
                "threshold `{}` of check `{}` has no number or no unit",
                limit.name, check.id
            ));
        }
    }
    None
}

fn is_pointer(need: &str) -> bool {
    need.strip_prefix('/').is_some_and(|rest| !rest.is_empty() && rest.split('/').all(|key| !key.is_empty()))
}

/// How two manifests differ, in words; `None` if they are equal.
pub(crate) fn difference(sidecar: &PackManifest, embedded: &PackManifest) -> Option<String> {
    if sidecar == embedded {
        return None;
    }
    let heads = [
        ("id", &sidecar.id, &embedded.id),
        ("version", &sidecar.version, &embedded.version),
        ("library", &sidecar.library, &embedded.library),
    ];
    for (name, ours, theirs) in heads {
        if ours != theirs {
            return Some(format!("{name} is `{ours}` in `{MANIFEST_FILE}`, `{theirs}` in the library"));
        }
    }
    let ids = |manifest: &PackManifest| {
        manifest.checks.iter().map(|check| check.id.clone()).collect::<BTreeSet<_>>()
    };
    let (ours, theirs) = (ids(sidecar), ids(embedded));
    if let Some(id) = ours.symmetric_difference(&theirs).next() {
        let place = if ours.contains(id) { MANIFEST_FILE } else { "the library" };
        return Some(format!("check `{id}` is in {place} only"));
    }
    let differs =
        |check: &&CheckMeta| embedded.checks.iter().any(|other| other.id == check.id && *other != **check);
    Some(match sidecar.checks.iter().find(differs) {
        Some(check) => {
            format!("check `{}` is described differently in `{MANIFEST_FILE}` and library", check.id)
        }
        None => format!("ABI version or order of checks differ between `{MANIFEST_FILE}` and library"),
    })
}
