//! The handbook with the pages of all checks, built from their packs.
//!
//! `docs/` has what people write. What a check says is written once, in its pack: in its page and its words, or, for a check without a
//! page, in its code, from which the pack's tests make `docs/CHECK.md`. [`write()`] puts both together into a book in which every link
//! leads somewhere; nothing of what is made is committed. `cargo xtask handbook` is the command.
#![warn(missing_docs)]

mod check;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use plumb_check_sdk::PackManifest;
use plumb_pack_host::{MANIFEST_FILE, parse_manifest};
use thiserror::Error;

/// The line of `SUMMARY.md` below which the pages of checks are listed.
const CHECKS_LINE: &str = "- [Checks](reference/checks.md)\n";

/// Why there is no handbook.
#[derive(Debug, Error)]
pub enum HandbookError {
    /// A file or folder that cannot be read or written.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Pages with mistakes; the build of the pack names them as well.
    #[error("{}", .0.join("\n"))]
    Pages(Vec<String>),
    /// A manifest that is none.
    #[error(transparent)]
    Manifest(#[from] plumb_pack_host::Error),
    /// A file of the documentation, or a check, that is not as expected.
    #[error("`{}`: {problem}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What was expected, and what to do.
        problem: String,
    },
}

impl HandbookError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// A check with its page as it is printed.
struct Entry {
    title: String,
    severity: String,
    pack: String,
    page: String,
}

/// Writes the handbook of the workspace in `workspace` to the folder `to`, in place of an earlier one, and returns the ids of the
/// checks that have a page in it.
///
/// # Errors
/// Fails on pages with mistakes, on a check without a page of any kind, if `to` holds something else than a handbook, and if a file
/// cannot be read or written.
pub fn write(workspace: &Path, to: &Path) -> Result<Vec<String>, HandbookError> {
    let entries = entries(&workspace.join("checks"))?;
    if to.exists() {
        if !to.join("book.toml").is_file() {
            let problem =
                "expected a handbook that can be replaced, found something else: name another folder"
                    .to_owned();
            return Err(HandbookError::Shape { path: to.to_owned(), problem });
        }
        fs::remove_dir_all(to).map_err(HandbookError::io("remove", to))?;
    }
    let docs = workspace.join("docs");
    let source = to.join("src");
    copy_folder(&docs.join("src"), &source)?;
    put(&to.join("book.toml"), &read(&docs.join("book.toml"))?)?;
    let summary = docs.join("src/SUMMARY.md");
    put(&source.join("SUMMARY.md"), &with_checks(&read(&summary)?, &entries, &summary)?)?;
    put(&source.join("reference/checks.md"), list(&entries))?;
    for (id, entry) in &entries {
        put(&source.join(format!("reference/checks/{id}.md")), &entry.page)?;
    }
    Ok(entries.into_keys().collect())
}

/// All checks of the packs below `checks`, by id.
fn entries(checks: &Path) -> Result<BTreeMap<String, Entry>, HandbookError> {
    let mut entries = BTreeMap::new();
    for pack in fs::read_dir(checks).map_err(HandbookError::io("list", checks))? {
        let folder = pack.map_err(HandbookError::io("list", checks))?.path();
        if !folder.join("Cargo.toml").is_file() {
            continue;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let entry = |meta: &plumb_check_sdk::CheckMeta, page: String| Entry {
            title: meta.title.to_string(),
            severity: format!("{:?}", meta.severity).to_lowercase(),
            pack: name.clone(),
            page,
        };
        let pages = plumb_pack_build::read(&folder)
            .map_err(|faults| HandbookError::Pages(faults.iter().map(ToString::to_string).collect()))?;
        for page in &pages {
            let text = check::page(page, &name).map_err(|problem| HandbookError::Shape {
                path: folder.join("src").join(&page.module),
                problem,
            })?;
            entries.insert(page.meta.id.to_string(), entry(&page.meta, text));
        }
        let manifest = folder.join(MANIFEST_FILE);
        if !manifest.exists() {
            continue;
        }
        let manifest: PackManifest = parse_manifest(&read(&manifest)?, &manifest)?;
        for meta in manifest.checks.iter().filter(|meta| pages.iter().all(|page| page.meta.id != meta.id)) {
            let page = folder.join("docs").join(format!("{}.md", meta.id));
            entries.insert(meta.id.to_string(), entry(meta, read(&page)?));
        }
    }
    Ok(entries)
}

/// The table of contents with the page of each check below the list of checks.
fn with_checks(
    summary: &str,
    entries: &BTreeMap<String, Entry>,
    path: &Path,
) -> Result<String, HandbookError> {
    let Some((above, below)) = summary.split_once(CHECKS_LINE) else {
        let problem = format!("expected the line `{}`, found none", CHECKS_LINE.trim_end());
        return Err(HandbookError::Shape { path: path.to_owned(), problem });
    };
    let mut text = format!("{above}{CHECKS_LINE}");
    for id in entries.keys() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "  - [{id}](reference/checks/{id}.md)");
    }
    Ok(text + below)
}

/// The list of all checks.
fn list(entries: &BTreeMap<String, Entry>) -> String {
    let mut text = "# Checks\n\nEach page is made from the pack of its check; `plumb packs show CHECK` prints the same about it.\n\n\
                    | check | what is true on a healthy node | severity | pack |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for (id, Entry { title, severity, pack, .. }) in entries {
        let _ = writeln!(text, "| [`{id}`](checks/{id}.md) | {title} | {severity} | `{pack}` |");
    }
    text
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), HandbookError> {
    for entry in fs::read_dir(from).map_err(HandbookError::io("list", from))? {
        let path = entry.map_err(HandbookError::io("list", from))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            let bytes = fs::read(&path).map_err(HandbookError::io("read", &path))?;
            put(&target, bytes)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, HandbookError> {
    fs::read_to_string(path).map_err(HandbookError::io("read", path))
}

fn put(path: &Path, text: impl AsRef<[u8]>) -> Result<(), HandbookError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(HandbookError::io("create", parent))?;
    }
    fs::write(path, text).map_err(HandbookError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
    }

    fn pages_below(folder: &Path) -> Vec<PathBuf> {
        let mut todo = vec![folder.to_owned()];
        let mut pages = Vec::new();
        while let Some(at) = todo.pop() {
            for path in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    todo.push(path);
                } else if path.extension().is_some_and(|extension| extension == "md") {
                    pages.push(path);
                }
            }
        }
        pages
    }

    /// Targets of the links in a page, without those in code.
    fn links(text: &str) -> Vec<String> {
        let mut links = Vec::new();
        let mut in_code = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
                continue;
            }
            if in_code {
                continue;
            }
            // Every other piece is between backticks; a title of a link may be, its target is not.
            let prose: String = line.split('`').step_by(2).collect();
            links.extend(
                prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())),
            );
        }
        links
    }

    /// The anchors of a page, as mdBook makes them of its headings.
    fn anchors(text: &str) -> Vec<String> {
        let headings = text.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|line| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.map(|c| if c == ' ' { '-' } else { c }).collect()
            })
            .collect()
    }

    #[test]
    fn every_link_leads_to_a_page_of_the_book() {
        let scratch = tempfile::tempdir().unwrap();
        let to = scratch.path().join("handbook");
        let checks = write(&workspace(), &to).unwrap();
        assert!(checks.len() > 50, "{checks:?}");
        let source = to.join("src").canonicalize().unwrap();
        let mut broken = Vec::new();
        let mut seen = 0;
        for page in pages_below(&source) {
            for link in links(&fs::read_to_string(&page).unwrap()) {
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                seen += 1;
                let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
                let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
                // Not only in this copy: a link out of the book leads nowhere in what a reader gets.
                let inside =
                    target.canonicalize().is_ok_and(|target| target.starts_with(&source) && target.is_file());
                let is_true = inside
                    && (anchor.is_empty()
                        || anchors(&fs::read_to_string(&target).unwrap()).contains(&anchor.to_owned()));
                if !is_true {
                    broken.push(format!("{}: {link}", page.strip_prefix(&source).unwrap().display()));
                }
            }
        }
        assert!(seen > 2 * checks.len(), "only {seen} links");
        assert!(broken.is_empty(), "{broken:#?}");
        // Pages that the table of contents lacks are in no book.
        let listed = links(&fs::read_to_string(source.join("SUMMARY.md")).unwrap());
        for page in pages_below(&source) {
            let name = page.strip_prefix(&source).unwrap().display().to_string();
            assert!(name == "SUMMARY.md" || listed.contains(&name), "`{name}` is not in SUMMARY.md");
        }
    }

    #[test]
    fn plumbs_own_pages_have_all_languages() {
        for pack in fs::read_dir(workspace().join("checks")).unwrap().map(|entry| entry.unwrap().path()) {
            if !pack.join("src").is_dir() {
                continue;
            }
            for page in plumb_pack_build::read(&pack).unwrap() {
                let languages: Vec<&str> = page.words.iter().map(|words| words.language.as_str()).collect();
                assert_eq!(languages, plumb_pack_build::LANGUAGES, "{}", page.meta.id);
            }
        }
    }

    #[test]
    fn only_a_handbook_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("mine"), "").unwrap();
        let error = write(&workspace(), scratch.path()).unwrap_err().to_string();
        assert!(error.contains("name another folder"), "{error}");
        let to = scratch.path().join("handbook");
        let first = write(&workspace(), &to).unwrap();
        fs::write(to.join("src/stale.md"), "").unwrap();
        assert_eq!(write(&workspace(), &to).unwrap(), first);
        assert!(!to.join("src/stale.md").exists());
    }
}
