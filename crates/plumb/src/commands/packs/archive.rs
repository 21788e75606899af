//! A pack as one file, and its installation: `NAME.plumb-pack` is a tar archive, compressed with zstd, with the manifest, the library
//! or rules, and the signature in a folder of the pack's name.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plumb_evidence::files::{Readers, Staging, TEMPORARY, write_new};
use plumb_pack_host::{MANIFEST_FILE, PackLocation, SearchPath, check_trust, discover, pin};

use crate::analyse;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::signature;

/// Longest file of a pack: a library.
const MAX_FILE: u64 = 256 << 20;
/// A manifest, a library, a signature.
const MAX_FILES: usize = 3;

/// The one pack at a path.
pub(super) fn located(path: &Path) -> anyhow::Result<PackLocation> {
    let search = SearchPath { explicit: vec![path.to_owned()], ..SearchPath::default() };
    discover(&search)?.packs.into_iter().next().context("a named pack was not found")
}

/// Writes a pack into one file, signed where a key is given.
pub(super) fn archive(
    path: &Path,
    output: Option<&Path>,
    key: Option<&Path>,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let pack = located(path)?;
    let id = pack.manifest.id.to_string();
    let output = output
        .map_or_else(|| PathBuf::from(format!("{id}-{}.plumb-pack", pack.manifest.version)), Path::to_owned);
    let read = |path: PathBuf| {
        fs::read(&path).with_context(|| UsageError(format!("cannot read `{}`", path.display())))
    };
    let library = read(pack.library_path())?;
    let signature_name = format!("{}.minisig", pack.library);
    let signature = match key {
        Some(key) => Some(
            signature::of_bytes(&library, key, &format!("plumb pack {id} {}", pack.manifest.version))?
                .into_bytes(),
        ),
        None => fs::read(pack.folder.join(&signature_name)).ok(),
    };
    let manifest = read(pack.folder.join(MANIFEST_FILE))?;
    let files = [
        (MANIFEST_FILE, Some(manifest)),
        (&pack.library, Some(library)),
        (&signature_name, signature.clone()),
    ];
    let write = |file: &mut File| -> std::io::Result<()> {
        let mut tar = tar::Builder::new(zstd::stream::write::Encoder::new(file, 9)?);
        for (name, bytes) in &files {
            let Some(bytes) = bytes else { continue };
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            tar.append_data(&mut header, format!("{id}/{name}"), bytes.as_slice())?;
        }
        tar.into_inner()?.finish()?.flush()
    };
    write_new(&output, Readers::Umask, write).with_context(|| {
        UsageError(format!("cannot write `{}`; name a file that is not there", output.display()))
    })?;
    if signature.is_none() {
        console.warn("the pack is not signed: who installs it has to trust it by its hash; --key signs it");
    }
    console.result(&format!("{}\n", output.display()))?;
    Ok(Outcome::Done)
}

/// Installs an archive for this user: a pack that is signed with a trusted key, or that `trust` pins.
pub(super) fn install(path: &Path, trust: bool, force: bool, console: &Console) -> anyhow::Result<Outcome> {
    let folder = analyse::own_packs().context(UsageError(
        "neither XDG_DATA_HOME nor HOME is set, so there is no place for your packs".to_owned(),
    ))?;
    let unwritable = || UsageError(format!("cannot write into `{}`", folder.display()));
    fs::create_dir_all(&folder).with_context(unwritable)?;
    let staging = Staging::new(&folder, TEMPORARY).with_context(unwritable)?;
    let id = unpack(path, staging.path())
        .with_context(|| UsageError(format!("`{}` cannot be installed; nothing was", path.display())))?;
    let pack = located(&staging.path().join(&id))?;
    if pack.manifest.id != id {
        bail!(UsageError(format!(
            "`{}` has the pack `{}` in a folder `{id}`; nothing was installed",
            path.display(),
            pack.manifest.id
        )));
    }
    let trusted = check_trust(&pack, &analyse::trust_policy());
    let to = folder.join(&id);
    if to.symlink_metadata().is_ok() && !force {
        bail!(UsageError(format!("`{}` is installed already; replace it with --force", to.display())));
    }
    let basis = match (trusted, trust) {
        (Ok(trusted), _) => trusted.basis.to_string(),
        (Err(_), true) => "pinned by its hash".to_owned(),
        (Err(error), false) => {
            let why = anyhow::Error::from(error);
            return Err(why.context(format!(
                "`{id}` is signed by no key of yours; nothing was installed. Put its author's key into `trusted-keys`, or pin \
                 it with --trust"
            )));
        }
    };
    if to.symlink_metadata().is_ok() {
        let old = staging.path().join("replaced");
        fs::rename(&to, old).with_context(unwritable)?;
    }
    fs::rename(staging.path().join(&id), &to).with_context(unwritable)?;
    if trust {
        super::pin_in_own_lock(pin(&located(&to)?)?)?;
    }
    console.result(&format!("{id} {} in {} ({basis})\n", pack.manifest.version, to.display()))?;
    Ok(Outcome::Done)
}

/// Unpacks an archive of unknown origin into `to`, and returns the name of its one folder.
fn unpack(path: &Path, to: &Path) -> anyhow::Result<String> {
    let file = File::open(path)?;
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    decoder.window_log_max(27)?;
    let most = (MAX_FILE + (1 << 20)) * MAX_FILES as u64;
    let mut archive = tar::Archive::new(decoder.take(most));
    let mut id: Option<String> = None;
    let mut count = 0;
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        count += 1;
        if count > MAX_FILES {
            bail!("it has more than {MAX_FILES} files, and a pack has a manifest, a library and a signature");
        }
        if entry.header().entry_type() != tar::EntryType::Regular {
            bail!("it has something else than files");
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).context("a name in it is no text")?;
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let (folder, file) = match name.split_once('/') {
            Some((folder, file)) if plain(folder) && plain(file) => (folder.to_owned(), file),
            _ => bail!("`{}` is no file of a pack", name.escape_debug()),
        };
        if *id.get_or_insert_with(|| folder.clone()) != folder {
            bail!("it has more than one pack");
        }
        if entry.size() > MAX_FILE {
            bail!("`{name}` is longer than {MAX_FILE} bytes");
        }
        fs::create_dir_all(to.join(&folder))?;
        let mut out = File::create_new(to.join(&folder).join(file))?;
        std::io::copy(&mut entry.by_ref().take(MAX_FILE), &mut out)?;
    }
    id.context("it is empty")
}
