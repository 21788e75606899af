//! Signatures of bundles, in the format of minisign.
//!
//! What is signed is the hash of the manifest, which names the hash of every file: a bundle that was unpacked, or packed anew,
//! is the same bundle. `printf 'plumb bundle %s\\n' HASH | minisign -Vm /dev/stdin` holds a signature, too.

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use minisign::{PublicKey, SecretKeyBox, SignatureBox};
use plumb_evidence::Bundle;
use plumb_pack_host::TrustPolicy;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::exit::UsageError;
use crate::{analyse, input};

/// Of keys and signatures, which have a few lines.
const MOST: u64 = 64 << 10;

/// What is known of the signature of a bundle.
#[derive(Debug)]
pub(crate) enum Signed {
    /// There is none.
    Not,
    /// By this key.
    By { who: String, when: String },
    /// By none of the keys that were held against it.
    Unknown { key: String },
    /// It is not a signature of this bundle.
    Wrong { who: String },
}

impl Signed {
    pub(crate) fn is_right(&self) -> bool {
        matches!(self, Self::By { .. })
    }

    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong { .. })
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not => f.write_str("not signed"),
            Self::By { who, when } => write!(f, "signed by {who} {when}"),
            Self::Unknown { key } => write!(
                f,
                "signed with key {key}, which is none of yours: give it with --key, or put it into `trusted-keys`"
            ),
            Self::Wrong { who } => write!(f, "the signature by {who} is not of this bundle"),
        }
    }
}

/// Where the signature of a bundle lies.
pub(crate) fn beside(bundle: &Path) -> PathBuf {
    // Without a slash at the end, behind which it would be a file of an unpacked bundle.
    let mut name = bundle.components().as_path().as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

fn text_of(bundle: &Bundle) -> String {
    format!("plumb bundle {}\n", bundle.manifest_sha256())
}

/// The text of a signature.
pub(crate) fn sign(bundle: &Bundle, key: &Path) -> anyhow::Result<String> {
    let what = format!("plumb bundle {}", bundle.manifest_sha256());
    signed(text_of(bundle).as_bytes(), key, &what, "plumb bundle")
}

/// The signature of the content of a file, as `minisign -S` makes it; `what` is in it, too.
pub(crate) fn of_bytes(bytes: &[u8], key: &Path, what: &str) -> anyhow::Result<String> {
    signed(bytes, key, what, "plumb pack")
}

fn signed(bytes: &[u8], key: &Path, what: &str, kind: &str) -> anyhow::Result<String> {
    let unfit = || UsageError(format!("`{}` cannot be used as a secret key of minisign", key.display()));
    let text = input::read_text(key, MOST).with_context(unfit)?;
    let locked = || SecretKeyBox::from_string(&text).with_context(unfit);
    let secret = match locked()?.into_unencrypted_secret_key() {
        Ok(secret) => secret,
        Err(_) => locked()?.into_secret_key(None).with_context(unfit)?,
    };
    let now = OffsetDateTime::now_utc();
    let trusted = format!("timestamp:{}\t{what}", now.unix_timestamp());
    let signature =
        minisign::sign(None, &secret, Cursor::new(bytes), Some(&trusted), Some(kind)).with_context(unfit)?;
    Ok(signature.into_string())
}

/// Holds the signature at `path` against `keys`, or else against the user's trusted ones.
pub(crate) fn check(bundle: &Bundle, path: &Path, keys: &[PathBuf]) -> anyhow::Result<Signed> {
    if !path.exists() {
        return Ok(Signed::Not);
    }
    let unfit = || UsageError(format!("`{}` is not a signature of minisign", path.display()));
    let text = input::read_text(path, MOST).with_context(unfit)?;
    let signature = SignatureBox::from_string(&text).with_context(unfit)?;
    let id = key_id(signature.keynum());
    for (name, key) in known(keys)? {
        if key.keynum() != signature.keynum() {
            continue;
        }
        let who = format!("{name} (key {id})");
        let holds =
            minisign::verify(&key, &signature, Cursor::new(text_of(bundle)), true, false, false).is_ok();
        if !holds {
            return Ok(Signed::Wrong { who });
        }
        // Signed as well, so it may be believed.
        let comment = signature.trusted_comment().unwrap_or_default();
        let seconds =
            comment.split(['\t', ' ']).find_map(|word| word.strip_prefix("timestamp:")?.parse().ok());
        let time = seconds
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok());
        let when = time.map_or_else(|| "at a time that is not told".to_owned(), |time| format!("at {time}"));
        return Ok(Signed::By { who, when });
    }
    Ok(Signed::Unknown { key: id })
}

/// As minisign prints it.
fn key_id(number: &[u8]) -> String {
    number.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}

fn known(named: &[PathBuf]) -> anyhow::Result<Vec<(String, PublicKey)>> {
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut keys = Vec::new();
    for path in named {
        let unfit = || UsageError(format!("`{}` is not a public key of minisign", path.display()));
        let text = input::read_text(path, MOST).with_context(unfit)?;
        keys.push((name(path), public(&text).with_context(unfit)?));
    }
    if named.is_empty()
        && let Some(folder) = analyse::trusted_keys()
    {
        for (name, line) in TrustPolicy::lines_of_keys(&folder).0 {
            keys.push((
                name,
                public(&line).with_context(|| UsageError("a trusted key cannot be used".to_owned()))?,
            ));
        }
    }
    Ok(keys)
}

fn public(text: &str) -> anyhow::Result<PublicKey> {
    match text.lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) => Ok(PublicKey::from_base64(line.trim())?),
        None => bail!("it is empty"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plumb_evidence::manifest::Manifest;
    use plumb_evidence::model::Origin;

    use super::*;

    fn bundle(text: &str) -> Bundle {
        let files = [("raw/x".to_owned(), text.as_bytes().to_vec())].into();
        Bundle::new(Manifest::new(Origin::Synthetic), files, BTreeMap::new())
    }

    #[test]
    fn a_signature_is_of_one_bundle_by_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["anna", "otto"] {
            let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
            std::fs::write(at(&format!("{name}.key")), pair.sk.to_box(None).unwrap().into_string()).unwrap();
            std::fs::write(at(&format!("{name}.pub")), pair.pk.to_box().unwrap().into_string()).unwrap();
        }
        let path = at("node.plumb.minisig");
        let held = |bundle: &Bundle, key: &str| check(bundle, &path, &[at(key)]).unwrap();
        assert!(matches!(held(&bundle("1"), "anna.pub"), Signed::Not));
        std::fs::write(&path, sign(&bundle("1"), &at("anna.key")).unwrap()).unwrap();
        let told = held(&bundle("1"), "anna.pub");
        assert!(told.is_right(), "{told}");
        assert!(
            told.to_string().starts_with("signed by anna (key ") && told.to_string().contains(" at 20"),
            "{told}"
        );
        assert!(held(&bundle("2"), "anna.pub").is_wrong());
        let unknown = held(&bundle("1"), "otto.pub");
        assert!(!unknown.is_right() && unknown.to_string().contains("none of yours"), "{unknown}");
        assert!(sign(&bundle("1"), Path::new("/dev/zero")).is_err());
    }
}
