//! Encrypted bundles, in the format of age: whoever holds the key may open them with `age -d`, too.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use age::{Decryptor, Encryptor, Identity, Recipient, x25519};
use anyhow::{Context, bail};
use plumb_evidence::Bundle;
use plumb_evidence::files::{Readers, write_new};

use crate::exit::UsageError;
use crate::input;

/// Of keys, which have a line each.
const MOST: u64 = 64 << 10;

/// Writes `bundle` so that only the recipients can read it: public keys of age, or files of them.
pub(crate) fn encrypt(bundle: &Path, recipients: &[String], output: &Path) -> anyhow::Result<()> {
    // What goes to others is whole, and a bundle.
    Bundle::read(bundle)?;
    if bundle.is_dir() {
        bail!(UsageError(format!("`{}` is a folder: expected the file of a bundle", bundle.display())));
    }
    let mut keys = Vec::new();
    for named in recipients {
        keys.extend(recipients_of(named)?);
    }
    let encryptor = Encryptor::with_recipients(keys.iter().map(|key| key as &dyn Recipient))
        .context("the keys cannot be used together")?;
    let mut plain = File::open(bundle).with_context(|| unreadable(bundle))?;
    write_new(output, Readers::Owner, |file| {
        let mut sealed = encryptor.wrap_output(file)?;
        io::copy(&mut plain, &mut sealed)?;
        sealed.finish().map(drop)
    })
    .with_context(|| UsageError(format!("cannot write `{}`", output.display())))
}

/// Writes what an encrypted file holds, if one of the secret keys opens it.
pub(crate) fn decrypt(sealed: &Path, keys: &[impl AsRef<Path>], output: &Path) -> anyhow::Result<()> {
    let mut identities = Vec::new();
    for key in keys {
        identities.extend(identities_of(key.as_ref())?);
    }
    let file = File::open(sealed).with_context(|| unreadable(sealed))?;
    let no_age = || UsageError(format!("`{}` is not a file that age can open", sealed.display()));
    let decryptor = Decryptor::new_buffered(BufReader::new(file)).with_context(no_age)?;
    let closed = || UsageError(format!("`{}` was not encrypted for any of these keys", sealed.display()));
    let mut plain =
        decryptor.decrypt(identities.iter().map(|own| own as &dyn Identity)).with_context(closed)?;
    let mut damaged = None;
    let written = write_new(output, Readers::Owner, |file| copy(&mut plain, file, &mut damaged));
    if let Some(why) = damaged {
        let damaged = UsageError(format!("`{}` is damaged: nothing of it was kept", sealed.display()));
        return Err(why).context(damaged);
    }
    written.with_context(|| UsageError(format!("cannot write `{}`", output.display())))
}

/// [`io::copy`] that tells a fault of the source from one of the target.
fn copy(from: &mut impl Read, to: &mut impl Write, damaged: &mut Option<io::Error>) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).inspect_err(|why| {
            *damaged = Some(io::Error::new(why.kind(), why.to_string()));
        })?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length])?;
    }
}

/// A public key, or the lines of a file of them.
fn recipients_of(named: &str) -> anyhow::Result<Vec<x25519::Recipient>> {
    if let Ok(key) = named.parse() {
        return Ok(vec![key]);
    }
    if named.starts_with("age1") {
        bail!(UsageError(format!("`{named}` is no public key of age: copy it anew, whole")));
    }
    lines(Path::new(named), "a public key of age, `age1…`, or a file with one a line")
}

fn identities_of(path: &Path) -> anyhow::Result<Vec<x25519::Identity>> {
    lines(path, "a secret key of age, `AGE-SECRET-KEY-1…`, as `age-keygen` writes it")
}

/// The keys in a file; lines that begin with `#` are comments.
fn lines<T: std::str::FromStr>(path: &Path, expected: &str) -> anyhow::Result<Vec<T>> {
    let unfit = || UsageError(format!("`{}`: expected {expected}", path.display()));
    let text = input::read_text(path, MOST).with_context(unfit)?;
    let keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Option<Vec<T>> = keys.map(|line| line.parse().ok()).collect();
    match keys {
        Some(keys) if !keys.is_empty() => Ok(keys),
        // The line itself may be a secret.
        _ => bail!(unfit()),
    }
}

fn unreadable(path: &Path) -> UsageError {
    UsageError(format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    /// A folder with a bundle, and the key that may open it.
    fn folder() -> (tempfile::TempDir, x25519::Identity) {
        let folder = tempfile::tempdir().unwrap();
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/h200/node.plumb");
        std::fs::copy(sample, folder.path().join("node.plumb")).unwrap();
        let own = x25519::Identity::generate();
        let text = format!("# made for a test\n{}\n", own.to_string().expose_secret());
        std::fs::write(folder.path().join("own.key"), text).unwrap();
        (folder, own)
    }

    #[test]
    fn only_who_it_is_for_opens_it_and_gets_the_same_bytes() {
        let (folder, own) = folder();
        let at = |name: &str| folder.path().join(name);
        let stranger = x25519::Identity::generate();
        std::fs::write(at("stranger.key"), stranger.to_string().expose_secret()).unwrap();
        encrypt(&at("node.plumb"), &[own.to_public().to_string()], &at("node.age")).unwrap();
        let refused = decrypt(&at("node.age"), &[at("stranger.key")], &at("back.plumb")).unwrap_err();
        assert!(refused.to_string().contains("was not encrypted for any of these keys"), "{refused}");
        decrypt(&at("node.age"), &[at("stranger.key"), at("own.key")], &at("back.plumb")).unwrap();
        let read = |name: &str| std::fs::read(at(name)).unwrap();
        assert_eq!(read("node.plumb"), read("back.plumb"));
        // What is there is not replaced.
        let refused = decrypt(&at("node.age"), &[at("own.key")], &at("back.plumb")).unwrap_err();
        assert!(refused.to_string().contains("cannot write"), "{refused}");
    }

    #[test]
    fn what_was_cut_or_changed_leaves_nothing() {
        let (folder, own) = folder();
        let at = |name: &str| folder.path().join(name);
        encrypt(&at("node.plumb"), &[own.to_public().to_string()], &at("node.age")).unwrap();
        let whole = std::fs::read(at("node.age")).unwrap();
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        for (name, bytes) in [("cut", &whole[..whole.len() / 2]), ("changed", &changed[..])] {
            std::fs::write(at("damaged.age"), bytes).unwrap();
            let refused = decrypt(&at("damaged.age"), &[at("own.key")], &at("back.plumb")).unwrap_err();
            assert!(refused.to_string().contains("damaged"), "{name}: {refused}");
            assert!(!at("back.plumb").exists(), "{name}");
        }
    }

    #[test]
    fn keys_that_are_none_are_told_without_their_text() {
        let (folder, _) = folder();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("bad.key"), "AGE-SECRET-KEY-1TYPO\n").unwrap();
        let refused = decrypt(&at("node.plumb"), &[at("bad.key")], &at("back.plumb")).unwrap_err();
        assert!(!format!("{refused:#}").contains("TYPO"), "{refused:#}");
        let refused = encrypt(&at("node.plumb"), &["age1typo".to_owned()], &at("node.age")).unwrap_err();
        assert!(refused.to_string().contains("no public key"), "{refused}");
    }
}
