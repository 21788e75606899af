//! A small check that works, and a pack around it, for authors to start from.
//!
//! Both `cargo xtask new-check` and `plumb packs new` write what is here, so that there is one example of a check to keep true:
//! [`add_check`] puts one into a pack of Plumb's own workspace and makes the pack if there is none, [`new_pack`] makes a pack
//! anywhere else. Nothing that exists is replaced; a pack gets a line for its new check.
#![warn(missing_docs)]

mod names;
mod register;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use names::Names;

/// Why there is no new check.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// A name that cannot be the id of a pack or of a check.
    #[error("expected {expected}, found `{found}`")]
    Name {
        /// What a name looks like.
        expected: &'static str,
        /// The name that was given.
        found: String,
    },
    /// Something is where the check or the pack would go.
    #[error("`{}` is there already and is not replaced: {advice}", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
        /// What to do instead.
        advice: &'static str,
    },
    /// A pack in which there is no place for the line of another check.
    #[error("`{}`: {problem}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What was expected, and what to do.
        problem: String,
    },
    /// What should be a checkout of Plumb is none.
    #[error(
        "expected a checkout of Plumb's source in `{}`, found no `{lacking}` there: name the folder that holds `crates/check-sdk`",
        path.display()
    )]
    Sdk {
        /// The folder.
        path: PathBuf,
        /// What it lacks.
        lacking: &'static str,
    },
    /// A file that cannot be read or written.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl TemplateError {
    fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }
}

/// The crates that a pack is built and tested with.
const CRATES: [(&str, &str); 3] =
    [("{{SDK}}", "crates/check-sdk"), ("{{BUILD}}", "crates/pack-build"), ("{{HOST}}", "crates/pack-host")];

/// What a pack of the workspace takes from there.
const ABOUT_IN_WORKSPACE: &str = "version.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                                  license.workspace = true\npublish.workspace = true";
const REST_IN_WORKSPACE: &str = "[lints]\nworkspace = true";

const ABOUT_OUTSIDE: &str = "version = \"0.1.0\"\nedition = \"2024\"\npublish = false";
/// The workspace is empty so that one further up does not take the pack in.
const REST_OUTSIDE: &str = "[workspace]\n\n[profile.release]\n# A pack is read and hashed whole whenever it is used: without symbols it \
                            starts in a few milliseconds.\nstrip = \"symbols\"";

/// A file to be written, with its text.
type NewFile = (PathBuf, String);

/// Puts a check into the pack of Plumb's own workspace in `folder`, or makes a pack of it if there is none. Returns the files that
/// were written or changed.
///
/// # Errors
/// Fails if the check is there already, if the pack has no place for its line, or if a file cannot be read or written.
pub fn add_check(folder: &Path, names: &Names) -> Result<Vec<PathBuf>, TemplateError> {
    let check = folder.join("src").join(names.module());
    for taken in [check.clone(), check.with_extension("rs")] {
        if is_there(&taken) {
            let advice = "choose another id, or change that check";
            return Err(TemplateError::Exists { path: taken, advice });
        }
    }
    if !folder.join("src/lib.rs").exists() {
        let in_workspace = |_: &str| "workspace = true".to_owned();
        let mut files = pack_files(folder, names, in_workspace, ABOUT_IN_WORKSPACE, REST_IN_WORKSPACE);
        files.extend(check_files(&check, names));
        return create(files);
    }
    let changed = register::lines(folder, names)?;
    let mut written = Vec::new();
    for (path, text) in changed {
        fs::write(&path, text).map_err(|error| TemplateError::io("write", &path, error))?;
        written.push(path);
    }
    written.extend(create(check_files(&check, names))?);
    Ok(written)
}

/// Makes a pack with one check in the new or empty folder `folder`, compiled against the checkout of Plumb in `sdk`. Returns the
/// files that were written.
///
/// # Errors
/// Fails if there is something in the folder, if `sdk` is no checkout of Plumb, or if a file cannot be written.
pub fn new_pack(folder: &Path, names: &Names, sdk: &Path) -> Result<Vec<PathBuf>, TemplateError> {
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound && !is_there(folder),
    };
    if !is_free {
        let advice = "name a folder that does not exist or is empty";
        return Err(TemplateError::Exists { path: folder.to_owned(), advice });
    }
    for (_, lacking) in CRATES {
        if !sdk.join(lacking).join("Cargo.toml").is_file() {
            return Err(TemplateError::Sdk { path: sdk.to_owned(), lacking });
        }
    }
    let sdk = sdk.canonicalize().map_err(|error| TemplateError::io("find", sdk, error))?;
    let Some(sdk) =
        sdk.to_str().filter(|path| !path.contains(['"', '\\']) && !path.contains(char::is_control))
    else {
        let expected =
            "a folder of Plumb's source without quotation marks and control characters in its path";
        return Err(TemplateError::Name { expected, found: sdk.display().to_string() });
    };
    let by_path = |of: &str| format!("path = \"{sdk}/{of}\"");
    let mut files = pack_files(folder, names, by_path, ABOUT_OUTSIDE, REST_OUTSIDE);
    for (name, template) in [
        ("references.toml", include_str!("../templates/references.toml")),
        ("README.md", include_str!("../templates/README.md")),
        (".gitignore", include_str!("../templates/gitignore")),
    ] {
        files.push((folder.join(name), names.fill(template)));
    }
    files.extend(check_files(&folder.join("src").join(names.module()), names));
    create(files)
}

/// The files of a pack around its first check. `dependency` tells where a crate of Plumb is.
fn pack_files(
    folder: &Path,
    names: &Names,
    dependency: impl Fn(&str) -> String,
    about: &str,
    rest: &str,
) -> Vec<NewFile> {
    let mut cargo = names.fill(include_str!("../templates/Cargo.toml.txt"));
    for (place, of) in CRATES {
        cargo = cargo.replace(place, &dependency(of));
    }
    cargo = cargo.replace("{{ABOUT}}", about).replace("{{REST}}", rest);
    vec![
        (folder.join("Cargo.toml"), cargo),
        (folder.join("build.rs"), build_script(names)),
        (folder.join("src/lib.rs"), names.fill(include_str!("../templates/lib.rs"))),
        (folder.join("tests/pack.rs"), names.fill(include_str!("../templates/pack.rs"))),
    ]
}

/// What turns the pages of a pack into code.
fn build_script(names: &Names) -> String {
    names.fill(include_str!("../templates/build.rs"))
}

/// The files of a check in its folder.
fn check_files(folder: &Path, names: &Names) -> Vec<NewFile> {
    [
        ("mod.rs", include_str!("../templates/check/mod.rs")),
        ("page.toml", include_str!("../templates/check/page.toml")),
        ("en.ftl", include_str!("../templates/check/en.ftl")),
        ("de.ftl", include_str!("../templates/check/de.ftl")),
        ("base.json", include_str!("../templates/check/base.json")),
        ("cases.toml", include_str!("../templates/check/cases.toml")),
    ]
    .into_iter()
    .map(|(name, template)| (folder.join(name), names.fill(template)))
    .collect()
}

/// Also true of a symbolic link that leads nowhere: something would be written through it.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Writes new files; one that is there ends it.
fn create(files: Vec<NewFile>) -> Result<Vec<PathBuf>, TemplateError> {
    if let Some((path, _)) = files.iter().find(|(path, _)| is_there(path)) {
        let advice = "move it away, or finish the pack by hand";
        return Err(TemplateError::Exists { path: path.clone(), advice });
    }
    let mut written = Vec::new();
    for (path, text) in files {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| TemplateError::io("create", parent, error))?;
        }
        fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| TemplateError::io("write", &path, error))?;
        written.push(path);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_below(folder: &Path) -> Vec<String> {
        let mut todo = vec![folder.to_owned()];
        let mut files = Vec::new();
        while let Some(at) = todo.pop() {
            for entry in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    todo.push(entry);
                } else {
                    files.push(entry.strip_prefix(folder).unwrap().display().to_string());
                }
            }
        }
        files.sort();
        files
    }

    /// What only looks like a checkout is enough to write a pack, not to build it.
    fn checkout(folder: &Path) -> PathBuf {
        for (_, name) in CRATES {
            let folder = folder.join("plumb").join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("Cargo.toml"), "").unwrap();
        }
        folder.join("plumb")
    }

    #[test]
    fn a_pack_elsewhere_has_all_that_it_needs_and_no_place_is_left_open() {
        let scratch = tempfile::tempdir().unwrap();
        let sdk = checkout(scratch.path());
        let folder = scratch.path().join("house");
        new_pack(&folder, &Names::new("house", "house.swap").unwrap(), &sdk).unwrap();
        let check = ["base.json", "cases.toml", "de.ftl", "en.ftl", "mod.rs", "page.toml"];
        let mut expected: Vec<String> = check.iter().map(|name| format!("src/house_swap/{name}")).collect();
        let of_pack = [
            ".gitignore",
            "Cargo.toml",
            "README.md",
            "build.rs",
            "references.toml",
            "src/lib.rs",
            "tests/pack.rs",
        ];
        expected.extend(of_pack.map(str::to_owned));
        expected.sort();
        let files = files_below(&folder);
        assert_eq!(files, expected);
        for file in files {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            assert!(!text.contains("{{"), "{file} has an open place: {text}");
        }
        let cargo = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(cargo.contains("/plumb/crates/check-sdk\" }"), "{cargo}");
    }

    #[test]
    fn nothing_that_exists_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let sdk = checkout(scratch.path());
        let names = Names::new("house", "house.swap").unwrap();
        let folder = scratch.path().join("house");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("notes"), "mine").unwrap();
        let error = new_pack(&folder, &names, &sdk).unwrap_err().to_string();
        assert!(error.contains("is not replaced: name a folder"), "{error}");
        assert_eq!(files_below(&folder), ["notes"]);
        // A link that leads nowhere is no new folder, and neither is a file.
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(scratch.path().join("gone"), &link).unwrap();
        for taken in [link, folder.join("notes")] {
            assert!(matches!(new_pack(&taken, &names, &sdk), Err(TemplateError::Exists { .. })));
        }
        let pack = scratch.path().join("pack");
        add_check(&pack, &names).unwrap();
        let before = fs::read_to_string(pack.join("src/lib.rs")).unwrap();
        assert!(matches!(add_check(&pack, &names), Err(TemplateError::Exists { .. })));
        assert_eq!(fs::read_to_string(pack.join("src/lib.rs")).unwrap(), before);
    }

    #[test]
    fn what_is_no_checkout_is_named_with_what_it_lacks() {
        let scratch = tempfile::tempdir().unwrap();
        let names = Names::new("house", "house.swap").unwrap();
        let folder = scratch.path().join("house");
        let error = new_pack(&folder, &names, scratch.path()).unwrap_err().to_string();
        assert!(error.contains("found no `crates/check-sdk` there"), "{error}");
        assert!(!folder.exists());
    }
}
