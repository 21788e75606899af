//! May this library be loaded? Decided on the bytes that are then loaded, before any of its code runs.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature, StreamVerifier};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::chain::Folder;
use crate::discover::{Origin, PackLocation};
use crate::lock::{LOCK_FILE, LockFile, Pin};

/// Longest library that is loaded.
const MAX_LIBRARY: u64 = 256 << 20;
const MAX_LOCK: u64 = 1 << 20;
const MAX_SIGNATURE: u64 = 64 << 10;

/// What makes a library trusted. File and folders must be in the hands of root or the caller in any case.
#[derive(Clone, Debug, Default)]
pub struct TrustPolicy {
    /// Locks of the user, in any order; one that does not exist is passed over.
    pub locks: Vec<PathBuf>,
    /// Keys whose minisign signature (`LIBRARY.minisig` beside the library) makes a library trusted.
    pub keys: Vec<SigningKey>,
    /// Why keys of the user are not used: files that others could have written prove nothing.
    pub refused_keys: Vec<String>,
    /// What happens to a library that is neither pinned nor signed nor part of the installation.
    pub unpinned: Unpinned,
}

impl TrustPolicy {
    /// Adds the keys of a folder, `*.pub` files of minisign. A folder and files that others than root and the caller could have
    /// written are held to the same rule as locks: their keys are not used, and the policy says why. No folder, no keys.
    pub fn add_keys(&mut self, folder: &Path) {
        let (lines, refused) = Self::lines_of_keys(folder);
        self.refused_keys.extend(refused);
        for (name, line) in lines {
            match line.parse() {
                Ok(key) => self.keys.push(key),
                Err(_) => self.refused_keys.push(format!("`{name}.pub` is not a minisign public key")),
            }
        }
    }

    /// Names and lines of the keys that [`Self::add_keys`] takes, and why others are not used.
    #[must_use]
    pub fn lines_of_keys(folder: &Path) -> (Vec<(String, String)>, Vec<String>) {
        let (mut lines, mut refused) = (Vec::new(), Vec::new());
        let mut names: Vec<String> = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (lines, refused),
            Err(error) => {
                refused.push(format!("cannot list `{}`: {error}", folder.display()));
                return (lines, refused);
            }
            Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
        };
        names.retain(|name| name.ends_with(".pub"));
        names.sort();
        let opened = match Folder::open(folder) {
            Ok(opened) => opened,
            Err(reason) => {
                refused.push(reason);
                return (lines, refused);
            }
        };
        for name in names {
            match opened.read(&name, MAX_SIGNATURE) {
                Ok(Some(bytes)) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    // minisign writes a comment first and the key below it.
                    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                    lines.push((name.trim_end_matches(".pub").to_owned(), line.to_owned()));
                }
                Ok(None) => {}
                Err(reason) => refused.push(reason),
            }
        }
        (lines, refused)
    }
}

/// What happens to libraries that nothing vouches for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unpinned {
    /// They are refused.
    #[default]
    Refuse,
    /// They are loaded, into the sandbox as all others; for the author of a pack.
    Allow,
}

/// A minisign public key.
#[derive(Clone, Debug)]
pub struct SigningKey(PublicKey);

impl std::str::FromStr for SigningKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        PublicKey::from_base64(text.trim()).map(Self).map_err(|_| Error::Key { key: text.to_owned() })
    }
}

/// Why a library is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustBasis {
    /// Its hash is in this lock.
    Pinned(PathBuf),
    /// Signed with a key of the policy.
    Signed,
    /// It came with this installation, which has no lock.
    Installed,
    /// Nothing vouches for it, and the policy allows that.
    Unpinned,
}

impl std::fmt::Display for TrustBasis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pinned(lock) => write!(f, "pinned in {}", lock.display()),
            Self::Signed => f.write_str("signed"),
            Self::Installed => f.write_str("part of the installation"),
            Self::Unpinned => f.write_str("not pinned, allowed by request"),
        }
    }
}

/// A library that may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Why.
    pub basis: TrustBasis,
    /// SHA-256 of the library in hexadecimal.
    pub sha256: String,
}

/// A library that was read once, and what was found on the way.
pub(crate) struct Library {
    /// The file that it was read from.
    pub file: File,
    /// Hash of what was read.
    pub sha256: String,
    /// Whether an accepted key signed what was read; `None` where there is no signature, or no key to hold it to.
    signed: Option<bool>,
    has_signature: bool,
}

/// Decides whether a pack may be loaded, without loading it.
///
/// # Errors
/// Tells why it may not, and what would change that.
pub fn check_trust(location: &PackLocation, policy: &TrustPolicy) -> Result<Trust, Error> {
    let library = read_library(location, policy, &mut std::io::sink())?;
    let basis = decide(location, &library, policy)?;
    Ok(Trust { basis, sha256: library.sha256 })
}

/// The pin of a pack: what an explicit decision to trust it writes into a lock.
///
/// # Errors
/// Fails if file or folders are not in the hands of root or the caller.
pub fn pin(location: &PackLocation) -> Result<Pin, Error> {
    Ok(Pin {
        id: location.manifest.id.to_string(),
        version: location.manifest.version.to_string(),
        sha256: read_library(location, &TrustPolicy::default(), &mut std::io::sink())?.sha256,
    })
}

/// The library, if it is trusted; what was read of it goes to `copy` on the way, so that just these bytes can be loaded.
pub(crate) fn open(
    location: &PackLocation,
    policy: &TrustPolicy,
    copy: &mut dyn Write,
) -> Result<Library, Error> {
    let library = read_library(location, policy, copy)?;
    decide(location, &library, policy)?;
    Ok(library)
}

/// A piece that stays in the cache of a core between reading, hashing and copying: a library read whole costs twice as much, most
/// of it for memory that is used once.
const PIECE: usize = 128 << 10;

fn read_library(
    location: &PackLocation,
    policy: &TrustPolicy,
    copy: &mut dyn Write,
) -> Result<Library, Error> {
    let refuse = |reason: String| Error::Untrusted { id: location.manifest.id.to_string(), reason };
    let path = location.library_path();
    let folder = Folder::open(&location.folder).map_err(refuse)?;
    let mut file = folder.file(&location.library, MAX_LIBRARY).map_err(refuse)?.ok_or_else(|| {
        refuse(format!("there is no `{}`: build the pack, or correct `pack.toml`", path.display()))
    })?;
    let signature = folder.read(&format!("{}.minisig", location.library), MAX_SIGNATURE).map_err(refuse)?;
    let is_there = signature.is_some();
    let has_signature = is_there && !policy.keys.is_empty();
    let signature = signature.and_then(|bytes| decode(&bytes));
    let mut verifiers = verifiers(signature.as_ref(), &policy.keys);
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut left = MAX_LIBRARY;
    loop {
        let n = match file.read(&mut piece) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| refuse(format!("cannot read `{}`: {error}", path.display())))?,
        };
        let Some(read) = piece.get(..n).filter(|read| !read.is_empty()) else { break };
        // It was longer than allowed only after it was opened.
        left = left.checked_sub(n as u64).ok_or_else(|| {
            refuse(format!("`{}` has more than the {MAX_LIBRARY} bytes that are allowed", path.display()))
        })?;
        hash.update(read);
        verifiers.iter_mut().for_each(|verifier| verifier.update(read));
        copy.write_all(read).map_err(|error| refuse(format!("cannot copy `{}`: {error}", path.display())))?;
    }
    let signed = has_signature.then(|| verifiers.iter_mut().any(|verifier| verifier.finalize().is_ok()));
    Ok(Library { file, sha256: hex(&hash.finalize()), signed, has_signature: is_there })
}

fn decode(signature: &[u8]) -> Option<Signature> {
    std::str::from_utf8(signature).ok().and_then(|text| Signature::decode(text).ok())
}

/// One for each key that may have made the signature. Legacy signatures are refused: they are over the bytes, not over a hash, and
/// no current tool makes them.
fn verifiers<'a>(signature: Option<&'a Signature>, keys: &'a [SigningKey]) -> Vec<StreamVerifier<'a>> {
    let of = |signature: &'a Signature| keys.iter().filter_map(|key| key.0.verify_stream(signature).ok());
    signature.into_iter().flat_map(of).collect()
}

fn decide(location: &PackLocation, library: &Library, policy: &TrustPolicy) -> Result<TrustBasis, Error> {
    let id = location.manifest.id.as_ref();
    let refuse = |reason: String| Error::Untrusted { id: id.to_owned(), reason };
    if let Some(signed) = library.signed {
        // A signature that none of the keys made is no lesser claim than none, but someone should look at it.
        return if signed {
            Ok(TrustBasis::Signed)
        } else {
            Err(refuse(format!(
                "`{}.minisig` is not a signature of it by any accepted key",
                location.library
            )))
        };
    }
    let installed = location.origin == Origin::Install;
    let own = location.folder.parent().filter(|_| installed).map(|folder| folder.join(LOCK_FILE));
    let has_own_lock = own.as_ref().is_some_and(|path| path.exists());
    for path in own.iter().chain(&policy.locks) {
        let Some(lock) = read_lock(path).map_err(refuse)? else { continue };
        match lock.get(id) {
            Some(pin) if pin.sha256.eq_ignore_ascii_case(&library.sha256) => {
                return Ok(TrustBasis::Pinned(path.clone()));
            }
            Some(pin) => {
                return Err(refuse(format!(
                    "its library has SHA-256 {}, but {} is pinned in `{}`: if you changed it, run `plumb packs trust {}`",
                    short(&library.sha256),
                    short(&pin.sha256),
                    path.display(),
                    location.folder.display()
                )));
            }
            None => {}
        }
    }
    if installed && !has_own_lock {
        return Ok(TrustBasis::Installed);
    }
    match policy.unpinned {
        Unpinned::Allow => Ok(TrustBasis::Unpinned),
        Unpinned::Refuse if library.has_signature && !policy.refused_keys.is_empty() => {
            Err(refuse(format!("its signature was held against no key: {}", policy.refused_keys.join("; "))))
        }
        Unpinned::Refuse => Err(refuse(format!(
            "it is not pinned in any `{LOCK_FILE}`: look at it, then run `plumb packs trust {}`",
            location.folder.display()
        ))),
    }
}

/// A lock that nobody but root and the caller could have written; `None` if there is none.
fn read_lock(path: &Path) -> Result<Option<LockFile>, String> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(format!("`{}` is not the path of a lock", path.display()));
    };
    if !folder.exists() {
        return Ok(None);
    }
    let Some(bytes) = Folder::open(folder)?.read(name, MAX_LOCK)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| format!("`{}` is not text", path.display()))?;
    LockFile::parse(&text, path).map(Some).map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    })
}

/// As much of a hash as a reader compares.
pub(crate) fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Key and signature from the documentation of minisign-verify.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1556193335\tfile:test
y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==";

    #[test]
    fn a_signature_holds_for_its_bytes_and_key_only() {
        let keys = [KEY.parse::<SigningKey>().unwrap()];
        let is_signed = |bytes: &[u8], signature: &[u8], keys: &[SigningKey]| {
            let signature = decode(signature);
            let mut verifiers = verifiers(signature.as_ref(), keys);
            verifiers.iter_mut().for_each(|verifier| verifier.update(bytes));
            verifiers.iter_mut().any(|verifier| verifier.finalize().is_ok())
        };
        assert!(is_signed(b"test", SIGNATURE.as_bytes(), &keys));
        assert!(!is_signed(b"tesu", SIGNATURE.as_bytes(), &keys));
        assert!(!is_signed(b"test", SIGNATURE.as_bytes(), &[]));
        assert!(!is_signed(b"test", b"nonsense", &keys));
        assert!("nonsense".parse::<SigningKey>().is_err());
    }

    #[test]
    fn hashes_are_in_lower_case_hexadecimal() {
        assert_eq!(hex(&[0, 0xab, 0x10]), "00ab10");
        assert_eq!(short("0123456789abcdef"), "0123456789ab");
    }
}
