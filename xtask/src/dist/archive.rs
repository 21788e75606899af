//! Folders and archives that are the same bytes each time: fixed times, owners, modes and order.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::packs::hex;
use crate::run::run;

const CHECKSUMS: &str = "SHA256SUMS";

/// Writes a file, and the folders that lead to it.
pub(super) fn place(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let context = || format!("cannot write `{}`", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(context)?;
    }
    fs::write(path, bytes).with_context(context)?;
    set_mode(path, mode)
}

/// A folder without anything in it.
pub(super) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))
}

pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for (name, path) in files(from)? {
        let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        place(&to.join(name), &bytes, 0o644)?;
    }
    Ok(())
}

/// Modes that do not depend on the umask of who wrote the files.
pub(super) fn tidy(folder: &Path) -> Result<()> {
    files(folder)?.values().try_for_each(|path| set_mode(path, 0o644))
}

/// Writes the checksums of all files, as `sha256sum --check` reads them.
pub(super) fn checksums(folder: &Path) -> Result<()> {
    let mut lines = String::new();
    for (name, path) in files(folder)? {
        let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        lines.push_str(&format!("{}  {name}\n", hex(&Sha256::digest(&bytes))));
    }
    place(&folder.join(CHECKSUMS), lines.as_bytes(), 0o644)
}

/// Packs `folder`, which is in `parent`, into an archive that belongs to root.
pub(super) fn pack(parent: &Path, folder: &Path, archive: &Path) -> Result<PathBuf> {
    let name = folder.strip_prefix(parent).context("expected a folder of the distribution")?;
    tar(parent, &[name], &["zstd", "-q", "-19", "-T1", "-c"], archive)?;
    Ok(archive.to_owned())
}

/// Packs files and folders of `parent` through `compressor`, whose output is `to`.
pub(super) fn tar(parent: &Path, names: &[&Path], compressor: &[&str], to: &Path) -> Result<()> {
    let context = || format!("cannot write `{}`", to.display());
    for path in folders(parent)? {
        set_mode(&path, 0o755)?;
    }
    let plain = to.with_added_extension("plain");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--format=ustar", "--sort=name", "--mtime=@0", "--owner=root:0", "--group=root:0"])
        .arg("--file")
        .arg(&plain)
        .arg("--directory")
        .arg(parent)
        .args(names);
    run(&mut tar)?;
    let input = fs::File::open(&plain).with_context(context)?;
    let output = fs::File::create(to).with_context(context)?;
    let Some((program, arguments)) = compressor.split_first() else { bail!("expected a compressor") };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::from(input)).stdout(Stdio::from(output));
    run(&mut command)?;
    fs::remove_file(&plain).with_context(|| format!("cannot remove `{}`", plain.display()))
}

/// What takes how much.
pub(super) fn print_sizes(folder: &Path) -> Result<()> {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for (name, path) in files(folder)? {
        let part = name.split_once('/').map_or(name.as_str(), |(first, _)| first).to_owned();
        *parts.entry(part).or_default() += fs::metadata(&path).map_or(0, |metadata| metadata.len());
    }
    for (part, bytes) in &parts {
        println!("{bytes:>12} bytes  {part}");
    }
    println!("{:>12} bytes  in all", parts.values().sum::<u64>());
    Ok(())
}

/// All files below a folder by their names seen from there, sorted.
pub(super) fn files(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        let context = || format!("cannot list `{}`", next.display());
        for entry in fs::read_dir(&next).with_context(context)? {
            let path = entry.with_context(context)?.path();
            if path.is_dir() && !path.is_symlink() {
                left.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                found.insert(name, path);
            }
        }
    }
    Ok(found)
}

fn folders(below: &Path) -> Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> =
        files(below)?.values().filter_map(|path| path.parent()).map(Path::to_owned).collect();
    folders.sort();
    folders.dedup();
    // Those that hold only folders.
    let above = folders.iter().flat_map(|folder| folder.ancestors().take_while(|path| *path != below));
    let mut all: Vec<PathBuf> = above.map(Path::to_owned).collect();
    all.sort();
    all.dedup();
    Ok(all)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the permissions of `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_archive() {
        let bytes = |mode: u32| {
            let parent = tempfile::tempdir().unwrap();
            let folder = parent.path().join("plumb-1");
            place(&folder.join("b/c"), b"c", 0o644).unwrap();
            place(&folder.join("a"), b"a", 0o755).unwrap();
            fs::set_permissions(folder.join("b"), fs::Permissions::from_mode(mode)).unwrap();
            checksums(&folder).unwrap();
            let archive = parent.path().join("x.tar.gz");
            tar(parent.path(), &[Path::new("plumb-1")], &["gzip", "-n", "-c"], &archive).unwrap();
            let listing = Command::new("tar").arg("-tvf").arg(&archive).output().unwrap();
            let listing = String::from_utf8(listing.stdout).unwrap();
            assert!(listing.lines().all(|line| line.contains("root/root")), "{listing}");
            assert!(listing.contains("1970-01-01"), "{listing}");
            let checked =
                Command::new("sha256sum").args(["--check", CHECKSUMS]).current_dir(&folder).output();
            assert!(checked.unwrap().status.success());
            fs::read(archive).unwrap()
        };
        assert_eq!(bytes(0o700), bytes(0o775));
    }
}
