//! Laying the check packs out beside `plumb`, as an installation would.
//!
//! `TARGET/PROFILE/packs/ID/` gets the library of a pack and its `pack.toml`; `packs.lock` above them pins the libraries
//! by their hashes. `plumb` finds the folder because it is beside the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::run::{cargo, note, run_for_output};
use crate::workspace::{Profile, Workspace};

/// What `pack.toml` says that matters here.
struct Manifest {
    id: String,
    version: String,
    /// File name of the library.
    library: String,
}

/// A pack in its place.
struct Assembled {
    manifest: Manifest,
    sha256: String,
}

/// Builds `plumb` and all packs, and returns the folder with the packs.
pub(crate) fn build_and_assemble(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    let mut build = cargo();
    // All of the workspace, and examples for their dependencies' sake: a part of it, or one without what only tests need, would
    // have other features of dependencies, and `cargo test` would build all of it a second time.
    build
        .args([
            "build",
            "--workspace",
            "--lib",
            "--bins",
            "--examples",
            "--message-format=json-render-diagnostics",
        ])
        .args(profile.flag())
        .current_dir(&workspace.root);
    let built = built_files(&run_for_output(&mut build)?);
    let output = workspace.output(profile);
    let packs = output.join("packs");
    assemble(&workspace.root.join("checks"), &output, &packs, &built)?;
    Ok(packs)
}

/// Where build scripts put what they made, by the name of the package's folder: there a pack has its `pack.toml`.
pub(crate) fn built_files(messages: &str) -> BTreeMap<String, PathBuf> {
    let of_script = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "build-script-executed" {
            return None;
        }
        let folder = message["package_id"].as_str()?.split('#').next()?.rsplit('/').next()?.to_owned();
        Some((folder, PathBuf::from(message["out_dir"].as_str()?)))
    };
    messages.lines().filter_map(of_script).collect()
}

/// Lays out in `packs` the packs whose sources are in `checks` and whose libraries are in `output`.
pub(crate) fn assemble(
    checks: &Path,
    output: &Path,
    packs: &Path,
    built: &BTreeMap<String, PathBuf>,
) -> Result<()> {
    create_folder(packs)?;
    let mut assembled: Vec<Assembled> = Vec::new();
    for folder in sorted_folders(checks)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(path) = built.get(&name).map(|out| out.join("pack.toml")).filter(|path| path.exists())
        else {
            note(&format!("`{}` is no pack that was built and is left out", folder.display()));
            continue;
        };
        let manifest = read_manifest(&path)?;
        if assembled.iter().any(|other| other.manifest.id == manifest.id) {
            bail!("expected one pack with the id `{}`, found another in `{}`", manifest.id, path.display());
        }
        let to = packs.join(&manifest.id);
        // What an older build has left there would be tried by `plumb packs verify`.
        let examples = to.join("fixtures");
        if examples.exists() {
            fs::remove_dir_all(&examples)
                .with_context(|| format!("cannot remove `{}`", examples.display()))?;
        }
        create_folder(&to)?;
        let library = output.join(&manifest.library);
        let bytes = fs::read(&library).with_context(|| {
            format!(
                "expected the library that `{}` names at `{}`, found none; compare `library` with the crate's name",
                path.display(),
                library.display()
            )
        })?;
        place(&to.join(&manifest.library), &bytes)?;
        place(&to.join("pack.toml"), &read(&path)?)?;
        assembled.push(Assembled { manifest, sha256: hex(&Sha256::digest(&bytes)) });
    }
    assembled.sort_by(|a, b| a.manifest.id.cmp(&b.manifest.id));
    remove_others(packs, &assembled)?;
    write_lock(packs, &assembled)?;
    let names: Vec<&str> = assembled.iter().map(|pack| pack.manifest.id.as_str()).collect();
    note(&format!("packs in `{}`: {}", packs.display(), names.join(", ")));
    Ok(())
}

/// Pins the packs: whoever builds them trusts them. The format is that of `plumb_pack_host::LockFile`.
fn write_lock(packs: &Path, assembled: &[Assembled]) -> Result<()> {
    let pin = |Assembled { manifest, sha256 }: &Assembled| {
        let mut pin = Table::new();
        pin.insert("id".to_owned(), Value::from(manifest.id.as_str()));
        pin.insert("version".to_owned(), Value::from(manifest.version.as_str()));
        pin.insert("sha256".to_owned(), Value::from(sha256.as_str()));
        Value::from(pin)
    };
    let mut lock = Table::new();
    lock.insert("version".to_owned(), Value::from(1));
    lock.insert("pack".to_owned(), Value::Array(assembled.iter().map(pin).collect()));
    place(&packs.join("packs.lock"), toml::to_string(&lock).context("cannot write TOML")?.as_bytes())
}

fn read_manifest(path: &Path) -> Result<Manifest> {
    let text =
        String::from_utf8(read(path)?).with_context(|| format!("`{}` is not UTF-8", path.display()))?;
    let table: Table = text.parse().with_context(|| format!("`{}` is not TOML", path.display()))?;
    let field = |name: &str| match table.get(name).and_then(Value::as_str) {
        Some(text) if is_file_name(text) => Ok(text.to_owned()),
        Some(text) => bail!("expected `{name}` in `{}` without folders, found `{text}`", path.display()),
        None => bail!("expected a text `{name}` in `{}`, found none", path.display()),
    };
    Ok(Manifest { id: field("id")?, version: field("version")?, library: field("library")? })
}

/// Ids and file names become parts of paths: a wrong one must not lead out of the folder.
fn is_file_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\0'])
}

fn sorted_folders(parent: &Path) -> Result<BTreeSet<PathBuf>> {
    let context = || format!("cannot list `{}`", parent.display());
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(parent).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.is_dir() {
            folders.insert(path);
        }
    }
    Ok(folders)
}

/// A pack that has gone from the sources must not be found beside the program.
fn remove_others(packs: &Path, assembled: &[Assembled]) -> Result<()> {
    for folder in sorted_folders(packs)? {
        let name = folder.file_name().unwrap_or_default();
        if !assembled.iter().any(|pack| name == pack.manifest.id.as_str()) {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot create `{}`", path.display()))?;
    set_mode(path, 0o755)
}

/// Writes `bytes` to `path` in one step: a `plumb` that runs meanwhile sees the old file or the new one.
fn place(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_added_extension("new");
    fs::write(&temporary, bytes).with_context(|| format!("cannot write `{}`", temporary.display()))?;
    set_mode(&temporary, 0o644)?;
    fs::rename(&temporary, path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Packs that others than the owner may write are not trusted; a umask of 002 would make them so.
fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the permissions of `{}`", path.display()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace_with_pack(manifest: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("checks/a")).unwrap();
        fs::create_dir_all(folder.path().join("checks/no-manifest")).unwrap();
        fs::create_dir_all(folder.path().join("out/packs/stale")).unwrap();
        fs::create_dir_all(folder.path().join("made")).unwrap();
        fs::write(folder.path().join("made/pack.toml"), manifest).unwrap();
        fs::write(folder.path().join("out/liba.so"), "abc").unwrap();
        folder
    }

    fn assemble_in(folder: &Path) -> Result<()> {
        let built = BTreeMap::from([("a".to_owned(), folder.join("made"))]);
        assemble(&folder.join("checks"), &folder.join("out"), &folder.join("out/packs"), &built)
    }

    #[test]
    fn packs_are_laid_out_and_pinned() {
        let folder = workspace_with_pack("id = \"core\"\nversion = \"0.1.0\"\nlibrary = \"liba.so\"\n");
        let packs = folder.path().join("out/packs");
        assemble_in(folder.path()).unwrap();
        assert_eq!(fs::read(packs.join("core/liba.so")).unwrap(), b"abc");
        assert!(packs.join("core/pack.toml").exists());
        assert!(!packs.join("stale").exists());
        assert_eq!(fs::metadata(packs.join("core/liba.so")).unwrap().permissions().mode() & 0o777, 0o644);
        let lock: Table = fs::read_to_string(packs.join("packs.lock")).unwrap().parse().unwrap();
        assert_eq!(lock["version"].as_integer(), Some(1));
        assert_eq!(lock["pack"][0]["id"].as_str(), Some("core"));
        assert_eq!(lock["pack"][0]["version"].as_str(), Some("0.1.0"));
        let sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(lock["pack"][0]["sha256"].as_str(), Some(sha256_of_abc));
    }

    #[test]
    fn a_manifest_cannot_lead_out_of_the_folder() {
        for id in ["", "..", "a/b", "/etc"] {
            let folder =
                workspace_with_pack(&format!("id = \"{id}\"\nversion = \"1.0.0\"\nlibrary = \"liba.so\"\n"));
            let error = format!("{:#}", assemble_in(folder.path()).unwrap_err());
            assert!(error.contains("expected `id`"), "{error}");
        }
    }

    #[test]
    fn a_library_that_was_not_built_is_named() {
        let folder = workspace_with_pack("id = \"core\"\nversion = \"1.0.0\"\nlibrary = \"libb.so\"\n");
        let error = format!("{:#}", assemble_in(folder.path()).unwrap_err());
        assert!(error.contains("libb.so") && error.contains("compare `library`"), "{error}");
    }
}
