//! The folders that documents are written into, and what of them may be replaced.
//!
//! Beside `report.md` and its like lies `report.sha256`, with the hash of each file as it was written: a file that somebody
//! has worked on since, or that was never Plumb's, is not replaced without `--force`. The list is itself under a hash, so
//! that one made anew over edited files is none of Plumb's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plumb_evidence::bundle::sha256_hex;
use plumb_evidence::files::{Readers, check_folder, check_target, is_folder, write_atomically};

use crate::cli::ResultArgs;
use crate::console::Console;
use crate::exit::UsageError;

const TITLE: &str = "# SHA-256 of each file as plumb wrote it; `sha256sum -c` tells which have changed";
const SEAL: &str = "# and of the lines below: ";

/// Hashes by name: more than one where a run was cut off between the list and a file.
type Hashes = BTreeMap<String, BTreeSet<String>>;

/// The folder of one kind of document.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    /// Name of the list: `report.sha256`.
    list: String,
    force: bool,
}

impl OutputFolder {
    /// The folder at `path`, which may have to be made, for a document of the kind `report`. Before the work: whether it can
    /// be written into, and the files in it that will be replaced may be; a name that ends in `/` is a folder in it.
    pub(crate) fn open(path: &Path, kind: &str, names: &[&str], force: bool) -> anyhow::Result<Self> {
        let own = Self { path: path.to_owned(), list: format!("{kind}.sha256"), force };
        check_folder(path).with_context(|| cannot_write(path))?;
        own.known_if_free(names)?;
        Ok(own)
    }

    /// Writes the files, by name, if all of them may be; else none.
    pub(crate) fn write(&self, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let known = self.known_if_free(&names)?;
        make_folder(&self.path)?;
        for name in &names {
            if let Some(folder) = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty()) {
                make_folder(&self.path.join(folder))?;
            }
        }
        let mut hashes: Hashes =
            files.iter().map(|(name, bytes)| (name.clone(), BTreeSet::from([sha256_hex(bytes)]))).collect();
        for (name, old) in &known {
            // A file of an earlier run that this one does not write is still Plumb's, as long as it is as it was.
            if !hashes.contains_key(name) && self.hash_of(name).is_ok_and(|hash| old.contains(&hash)) {
                hashes.insert(name.clone(), old.clone());
            }
        }
        let mut both = hashes.clone();
        for (name, old) in known {
            both.entry(name).or_default().extend(old);
        }
        // First, and with the old hashes: a run that is cut off now leaves no file that would not be known as Plumb's.
        self.write_list(&both)?;
        for (name, bytes) in files {
            plumb_report::write_file(&self.path.join(name), bytes)?;
        }
        if both != hashes {
            self.write_list(&hashes)?;
        }
        Ok(())
    }

    /// The path of a file of the folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What Plumb wrote here earlier, if nothing else is where `names` are to be.
    fn known_if_free(&self, names: &[&str]) -> anyhow::Result<Hashes> {
        if !is_folder(&self.path).with_context(|| cannot_write(&self.path))? {
            return Ok(Hashes::new());
        }
        let (known, list_is_ours) = match self.read(&self.list)? {
            None => (Hashes::new(), true),
            Some(bytes) => match std::str::from_utf8(&bytes).ok().and_then(parse) {
                Some(known) => (known, true),
                None => (Hashes::new(), bytes.is_empty()),
            },
        };
        if !list_is_ours && !self.force {
            bail!(self.occupied(&self.list));
        }
        for name in names {
            let is_folder_itself = name.ends_with('/');
            let folder = if is_folder_itself { Some(Path::new(name)) } else { Path::new(name).parent() };
            if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
                let folder = self.path.join(folder);
                is_folder(&folder).with_context(|| cannot_write(&folder))?;
            }
            // Of the files of a folder nothing more is known yet.
            if is_folder_itself {
                continue;
            }
            let Some(bytes) = self.read(name)? else { continue };
            let is_ours = known.get(*name).is_some_and(|hashes| hashes.contains(&sha256_hex(&bytes)));
            // Nothing is lost with an empty file.
            if !is_ours && !bytes.is_empty() && !self.force {
                bail!(self.occupied(name));
            }
        }
        Ok(known)
    }

    /// The content of a file; nothing where there is none.
    fn read(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // A link, a folder or a device in its place, which is neither read nor replaced.
            _ => check_target(&path).with_context(|| cannot_write(&path))?,
        }
        let bytes = fs::read(&path).with_context(|| {
            UsageError(format!("cannot read `{}`, which is to be replaced", path.display()))
        })?;
        Ok(Some(bytes))
    }

    fn hash_of(&self, name: &str) -> anyhow::Result<String> {
        Ok(sha256_hex(&self.read(name)?.unwrap_or_default()))
    }

    fn write_list(&self, hashes: &Hashes) -> anyhow::Result<()> {
        Ok(plumb_report::write_file(&self.path.join(&self.list), list(hashes).as_bytes())?)
    }

    fn occupied(&self, name: &str) -> UsageError {
        UsageError(format!(
            "`{}` is not as plumb wrote it, and would be replaced; name another folder with -o, or replace it with --force",
            self.path.join(name).display()
        ))
    }
}

/// The list as `sha256sum -c` reads it.
fn list(hashes: &Hashes) -> String {
    let lines: String = hashes
        .iter()
        .flat_map(|(name, hashes)| hashes.iter().map(move |hash| format!("{hash}  {name}\n")))
        .collect();
    format!("{TITLE}\n{SEAL}{}\n{lines}", sha256_hex(lines.as_bytes()))
}

/// The hashes of a list that Plumb wrote; nothing for any other text.
fn parse(text: &str) -> Option<Hashes> {
    let (seal, lines) = text.strip_prefix(TITLE)?.strip_prefix('\n')?.split_once('\n')?;
    if seal.strip_prefix(SEAL)? != sha256_hex(lines.as_bytes()) {
        return None;
    }
    let mut hashes = Hashes::new();
    for line in lines.lines() {
        let (hash, name) = line.split_once("  ")?;
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return None;
        }
        hashes.entry(name.to_owned()).or_default().insert(hash.to_owned());
    }
    Some(hashes)
}

/// Makes the folder for the output.
pub(crate) fn make_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path)
        .with_context(|| UsageError(format!("cannot make the output folder `{}`", path.display())))
}

/// Before the work: a file that is there already is somebody's result, and is replaced only if `force` says so.
pub(crate) fn check_file(path: &Path, force: bool) -> anyhow::Result<()> {
    check_target(path).with_context(|| cannot_write(path))?;
    if !force && fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0) {
        bail!(UsageError(format!(
            "`{}` is there already; name another file, or replace it with --force",
            path.display()
        )));
    }
    Ok(())
}

impl ResultArgs {
    /// Before the work: whether the file may be written.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.output.as_deref().map_or(Ok(()), |path| check_file(path, self.force))
    }

    /// Puts a result into its file, whole or not at all, or prints it where none is named.
    pub(crate) fn put(&self, text: &str, console: &Console) -> anyhow::Result<()> {
        match &self.output {
            Some(path) => write_file(path, |file| file.write_all(text.as_bytes())),
            None => console.result(text),
        }
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write_file(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> anyhow::Result<()> {
    write_atomically(path, Readers::Owner, write)
        .with_context(|| UsageError(format!("cannot write `{}`; nothing was left behind", path.display())))
}

fn cannot_write(path: &Path) -> UsageError {
    UsageError(format!("cannot write `{}`; nothing was written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        texts.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    const NAMES: [&str; 2] = ["report.md", "figures/node.svg"];

    fn open(path: &Path, force: bool) -> anyhow::Result<OutputFolder> {
        OutputFolder::open(path, "report", &["report.md"], force)
    }

    fn text(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn what_plumb_wrote_is_replaced_and_what_was_changed_since_is_not() {
        let top = tempfile::tempdir().unwrap();
        let out = top.path().join("deep/out");
        let write = |text: &str| -> anyhow::Result<()> {
            open(&out, false)?.write(&files(&[(NAMES[0], text), (NAMES[1], text)]))
        };
        write("one").unwrap();
        write("two").unwrap();
        assert_eq!((text(&out, NAMES[0]), text(&out, NAMES[1])), ("two".into(), "two".into()));
        let list = text(&out, "report.sha256");
        for name in NAMES {
            let old = text(&out, name);
            fs::write(out.join(name), "mine").unwrap();
            let error = write("three").unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("--force"), "{error}");
            for kept in NAMES {
                assert_ne!(text(&out, kept), "three", "none is written if one may not be");
            }
            assert_eq!(text(&out, "report.sha256"), list);
            // A list that somebody made over it is not Plumb's.
            let made = format!("{}  {name}\n", sha256_hex(b"mine"));
            for made in
                [made.clone(), format!("{TITLE}\n{SEAL}{}\n{made}", "0".repeat(64)), list.clone() + &made]
            {
                fs::write(out.join("report.sha256"), made).unwrap();
                assert!(write("three").is_err());
            }
            fs::write(out.join("report.sha256"), &list).unwrap();
            fs::write(out.join(name), old).unwrap();
        }
        write("two").unwrap();
        fs::write(out.join("report.md"), "mine").unwrap();
        open(&out, true).unwrap().write(&files(&[("report.md", "three")])).unwrap();
        assert_eq!(text(&out, "report.md"), "three");
        // It is known again, and so is what this run did not write.
        write("four").unwrap();
    }

    #[test]
    fn a_file_that_another_run_does_not_write_stays_known() {
        let top = tempfile::tempdir().unwrap();
        let out = top.path();
        open(out, false).unwrap().write(&files(&[("report.md", "a"), ("report.html", "a")])).unwrap();
        open(out, false).unwrap().write(&files(&[("report.md", "b")])).unwrap();
        open(out, false).unwrap().write(&files(&[("report.html", "c")])).unwrap();
        assert_eq!((text(out, "report.md"), text(out, "report.html")), ("b".into(), "c".into()));
        assert_eq!(text(out, "report.sha256").lines().count(), 4, "a title, a seal and a line for each");
    }

    #[test]
    fn a_run_that_was_cut_off_does_not_stand_in_the_way_of_the_next() {
        let top = tempfile::tempdir().unwrap();
        let out = top.path();
        open(out, false).unwrap().write(&files(&[("report.md", "old"), ("report.html", "old")])).unwrap();
        // One file is written and the other is not.
        let both =
            |name: &str| (name.to_owned(), ["old", "new"].map(|text| sha256_hex(text.as_bytes())).into());
        let cut_off = ["report.md", "report.html"].into_iter().map(both).collect();
        fs::write(out.join("report.sha256"), list(&cut_off)).unwrap();
        fs::write(out.join("report.md"), "new").unwrap();
        open(out, false).unwrap().write(&files(&[("report.md", "newer"), ("report.html", "newer")])).unwrap();
        assert_eq!((text(out, "report.md"), text(out, "report.html")), ("newer".into(), "newer".into()));
        fs::write(out.join("report.md"), "old").unwrap();
        assert!(open(out, false).is_err(), "an older text is not what was written last");
    }

    #[test]
    fn links_and_what_is_no_file_are_refused_even_by_force() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        fs::create_dir_all(at("elsewhere")).unwrap();
        fs::create_dir_all(at("planted")).unwrap();
        std::os::unix::fs::symlink("elsewhere", at("link")).unwrap();
        std::os::unix::fs::symlink("../elsewhere", at("planted/figures")).unwrap();
        fs::create_dir_all(at("files")).unwrap();
        std::os::unix::fs::symlink("../elsewhere/x", at("files/report.md")).unwrap();
        fs::create_dir_all(at("folders/report.md")).unwrap();
        fs::create_dir_all(at("listed")).unwrap();
        std::os::unix::fs::symlink("../elsewhere/x", at("listed/report.sha256")).unwrap();
        fs::write(at("file"), "").unwrap();
        let all = files(&[(NAMES[0], "x"), (NAMES[1], "x")]);
        for force in [false, true] {
            for name in ["link", "link/", "files", "folders", "listed", "file"] {
                let error = open(&at(name), force).unwrap_err();
                assert_eq!(crate::exit::classify(&error), crate::exit::Outcome::Usage, "{name}");
            }
            assert!(open(&at("planted"), force).unwrap().write(&all).is_err());
            for name in NAMES.iter().skip(1).chain(&["figures/"]) {
                assert!(OutputFolder::open(&at("planted"), "report", &[*name], force).is_err(), "{name}");
            }
            assert!(!at("planted/report.md").exists());
        }
        assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 0);
    }

    #[test]
    fn files_of_nobody_known_are_left_alone() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("report.md"), "mine").unwrap();
        fs::write(top.path().join("report.html"), "").unwrap();
        assert!(open(top.path(), false).is_err());
        // What is not to be written does not matter, and neither does an empty file.
        let html = OutputFolder::open(top.path(), "report", &["report.html"], false).unwrap();
        html.write(&files(&[("report.html", "x")])).unwrap();
        assert_eq!(text(top.path(), "report.md"), "mine");
        fs::write(top.path().join("report.sha256"), "not a list\n").unwrap();
        assert!(OutputFolder::open(top.path(), "report", &["report.html"], false).is_err());
    }
}
