//! `plumb remediate`

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use plumb_evidence::derive;
use plumb_evidence::files::{Staging, TEMPORARY, is_folder};
use plumb_remediate::{OutputFile, remediate};

use crate::analyse;
use crate::cli::RemediateArgs;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};

/// A folder that has it was written by this command, and may be replaced by it.
pub(crate) const MARK: &str = "plan.json";

pub(crate) fn run(args: &RemediateArgs, console: &Console) -> anyhow::Result<Outcome> {
    let bundle = crate::input::bundle(&args.bundle)?;
    let earlier = earlier(&args.output, args.force)?;
    let assessment = analyse::assess(&bundle, &args.packs, &args.client, console)?;
    let files = remediate(&derive(&bundle), &assessment);
    write(&args.output, &files, earlier)
        .with_context(|| UsageError(format!("cannot write the folder `{}`", args.output.display())))?;
    let paths: String =
        files.iter().map(|file| format!("{}\n", args.output.join(&file.path).display())).collect();
    console.result(&paths)?;
    console.note("nothing was applied: read CHECKLIST.md first");
    Ok(Outcome::Done)
}

/// What is at the place of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Earlier {
    Nothing,
    EmptyFolder,
    Plan,
}

fn earlier(folder: &Path, force: bool) -> anyhow::Result<Earlier> {
    let shown = folder.display();
    let expected = || UsageError(format!("expected a folder at `{shown}`, or nothing"));
    if !is_folder(folder).with_context(expected)? {
        return Ok(Earlier::Nothing);
    }
    if fs::read_dir(folder).with_context(expected)?.count() == 0 {
        return Ok(Earlier::EmptyFolder);
    }
    if !force {
        bail!(UsageError(format!(
            "the folder `{shown}` is not empty; name another one, or replace an earlier plan with --force"
        )));
    }
    if !folder.join(MARK).is_file() {
        bail!(UsageError(format!(
            "the folder `{shown}` holds no earlier plan ({MARK} is missing), so --force does not replace it; name another one"
        )));
    }
    Ok(Earlier::Plan)
}

/// Writes all files or none: into a new folder, which then takes the place of the output.
fn write(folder: &Path, files: &[OutputFile], earlier: Earlier) -> io::Result<()> {
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent)?;
    // Secrets are masked in a bundle, but a plan is about somebody's machine all the same: its owner decides who reads it.
    let staging = Staging::new(parent, TEMPORARY)?;
    let new = staging.path().join("new");
    fs::create_dir(&new)?;
    for file in files {
        let path = new.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, &file.contents)?;
        if file.executable {
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
    }
    let old = staging.path().join("old");
    if earlier == Earlier::Plan {
        // In one step, so that a kill leaves one of the two in its place and the other for the next run to sweep.
        match renameat2(AT_FDCWD, &new, AT_FDCWD, folder, RenameFlags::RENAME_EXCHANGE) {
            Ok(()) => return Ok(()),
            // The file system cannot.
            Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => fs::rename(folder, &old)?,
            Err(errno) => return Err(errno.into()),
        }
    }
    // A rename replaces an empty folder, and only an empty one.
    fs::rename(&new, folder).inspect_err(|_| {
        if earlier == Earlier::Plan {
            let _ = fs::rename(&old, folder);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<OutputFile> {
        let file =
            |path: &str, executable| OutputFile { path: path.into(), contents: text.into(), executable };
        vec![file(MARK, false), file("a/b.sh", true)]
    }

    #[test]
    fn a_folder_is_written_whole_and_replaced_only_if_it_is_ours() {
        let top = tempfile::tempdir().unwrap();
        let out = top.path().join("deep/out");
        assert!(earlier(&out, false).unwrap() == Earlier::Nothing);
        write(&out, &files("one"), Earlier::Nothing).unwrap();
        assert_eq!(fs::read_to_string(out.join("a/b.sh")).unwrap(), "one");
        assert_eq!(fs::metadata(out.join("a/b.sh")).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(earlier(&out, false).is_err(), "not empty");
        fs::write(out.join("leftover"), "").unwrap();
        assert!(earlier(&out, true).unwrap() == Earlier::Plan);
        write(&out, &files("two"), Earlier::Plan).unwrap();
        assert_eq!(fs::read_to_string(out.join("a/b.sh")).unwrap(), "two");
        assert!(!out.join("leftover").exists(), "the whole folder is the new plan");
        assert_eq!(fs::read_dir(top.path().join("deep")).unwrap().count(), 1, "no temporary folder is left");

        let theirs = top.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        assert!(earlier(&theirs, false).unwrap() == Earlier::EmptyFolder);
        write(&theirs, &files("one"), Earlier::EmptyFolder).unwrap();
        fs::remove_file(theirs.join(MARK)).unwrap();
        assert!(earlier(&theirs, true).unwrap_err().to_string().contains(MARK));
        assert!(earlier(&theirs.join("a/b.sh"), true).is_err(), "a file is no folder");
        std::os::unix::fs::symlink(&theirs, top.path().join("link")).unwrap();
        assert!(earlier(&top.path().join("link"), true).is_err());
        assert!(earlier(&top.path().join("link/"), true).is_err());
    }
}
