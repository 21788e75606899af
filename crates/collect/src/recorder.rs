//! What a probe reads, kept for the bundle.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use plumb_evidence::manifest::Unread;
use plumb_evidence::{Absence, Missing, Source};

/// Reads from a source and keeps what came back, verbatim.
pub(crate) struct Recorder<'a, S> {
    source: &'a S,
    /// Tells the size of a file instead of reading it.
    size: Option<Size<S>>,
    kept: RefCell<Kept>,
}

type Size<S> = fn(&S, &str) -> Result<u64, Missing>;

/// What was kept.
#[derive(Default)]
pub(crate) struct Kept {
    /// By absolute path on the node.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Targets of symbolic links, by absolute path.
    pub(crate) links: BTreeMap<String, String>,
    /// Sizes of files that were only looked at, by absolute path; their content is empty.
    pub(crate) sizes: BTreeMap<String, u64>,
    /// What is there but could not be read.
    pub(crate) unread: Vec<Unread>,
    /// Folders of files that are not there.
    pub(crate) lacking: BTreeSet<String>,
}

impl<'a, S: Source> Recorder<'a, S> {
    pub(crate) fn new(source: &'a S) -> Self {
        Self { source, size: None, kept: RefCell::default() }
    }

    /// Asks for sizes instead of contents.
    pub(crate) fn surveying(source: &'a S, size: Size<S>) -> Self {
        Self { source, size: Some(size), kept: RefCell::default() }
    }

    /// What is read from.
    pub(crate) fn source(&self) -> &'a S {
        self.source
    }

    pub(crate) fn finish(self) -> Kept {
        self.kept.into_inner()
    }

    /// Keeps a file; an absent one is no event, one that cannot be read is recorded.
    pub(crate) fn file(&self, path: &str) -> Result<(), Missing> {
        self.file_with(path, |bytes| bytes)
    }

    /// Keeps a file after `change`, which takes secrets out.
    pub(crate) fn file_with(
        &self,
        path: &str,
        change: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) -> Result<(), Missing> {
        self.file_by(path, S::read, change)
    }

    /// The same for a file that is read in a way of its own.
    pub(crate) fn file_by(
        &self,
        path: &str,
        read: impl FnOnce(&S, &str) -> Result<Vec<u8>, Missing>,
        change: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) -> Result<(), Missing> {
        if let Some(size) = self.size {
            let size = self.noting(path, size(self.source, path))?;
            let mut kept = self.kept.borrow_mut();
            kept.files.insert(path.to_owned(), Vec::new());
            kept.sizes.insert(path.to_owned(), size);
            return Ok(());
        }
        let bytes = self.noting(path, read(self.source, path))?;
        self.kept.borrow_mut().files.insert(path.to_owned(), change(bytes));
        Ok(())
    }

    /// Keeps what a probe has read by itself.
    pub(crate) fn keep(&self, path: &str, content: Vec<u8>) {
        self.kept.borrow_mut().files.insert(path.to_owned(), content);
    }

    /// Keeps the files `names` of a folder.
    pub(crate) fn files(&self, folder: &str, names: &[&str]) {
        for name in names {
            let _ = self.file(&format!("{folder}/{name}"));
        }
    }

    /// Keeps the first of `names` that the folder has: the kernel offers some values in two forms.
    pub(crate) fn either(&self, folder: &str, names: &[&str]) {
        let _ = names.iter().find(|name| {
            let result = self.file(&format!("{folder}/{name}"));
            !result.is_err_and(|why| why.missing == Absence::Absent)
        });
    }

    /// Keeps the target of a symbolic link.
    pub(crate) fn link(&self, path: &str) {
        if let Ok(target) = self.noting(path, self.source.link(path)) {
            self.kept.borrow_mut().links.insert(path.to_owned(), target);
        }
    }

    /// Keeps the target of a symbolic link if it pleases `wanted`; true if it was kept.
    ///
    /// # Errors
    /// Says why the link could not be read, and notes nothing: a folder of links is denied as a whole.
    pub(crate) fn link_if(&self, path: &str, wanted: impl FnOnce(&str) -> bool) -> Result<bool, Missing> {
        let target = self.source.link(path)?;
        let kept = wanted(&target);
        if kept {
            self.kept.borrow_mut().links.insert(path.to_owned(), target);
        }
        Ok(kept)
    }

    /// Keeps the target of a symbolic link after `change`, which takes names out.
    ///
    /// # Errors
    /// As [`Recorder::link_if`].
    pub(crate) fn link_as(&self, path: &str, change: impl FnOnce(String) -> String) -> Result<(), Missing> {
        let target = self.source.link(path)?;
        self.kept.borrow_mut().links.insert(path.to_owned(), change(target));
        Ok(())
    }

    /// How many files could not be read so far.
    pub(crate) fn unread_count(&self) -> usize {
        self.kept.borrow().unread.len()
    }

    /// Notes that `path` could not be read.
    pub(crate) fn unread(&self, path: &str, why: Missing) {
        let unread = Unread { path: path.to_owned(), status: why.missing, reason: why.reason };
        self.kept.borrow_mut().unread.push(unread);
    }

    /// The names in a folder; empty where it is absent. Paths are text, so a name that is none is noted as unread.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        let mut names = self.noting(path, self.source.list(path)).unwrap_or_default();
        names.retain(|name| {
            let text = !name.contains(char::REPLACEMENT_CHARACTER);
            if !text {
                let path = format!("{path}/{name}");
                let reason = format!("{path}: its name is not UTF-8");
                self.unread(&path, Missing::new(Absence::Malformed, reason));
            }
            text
        });
        names
    }

    /// The paths of the entries of a folder that are `prefix` and a number.
    pub(crate) fn numbered(&self, folder: &str, prefix: &str) -> Vec<String> {
        self.list(folder)
            .into_iter()
            .filter(|name| {
                name.strip_prefix(prefix)
                    .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
            })
            .map(|name| format!("{folder}/{name}"))
            .collect()
    }

    /// Text of a file that was kept, or is kept now.
    pub(crate) fn text(&self, path: &str) -> Result<String, Missing> {
        if !self.kept.borrow().files.contains_key(path) {
            self.file(path)?;
        }
        // What leads to other files is read even where sizes are all that is wanted.
        if self.size.is_some() {
            return self.source.text(path);
        }
        Ok(self
            .kept
            .borrow()
            .files
            .get(path)
            .map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).trim().to_owned()))
    }

    fn noting<T>(&self, path: &str, result: Result<T, Missing>) -> Result<T, Missing> {
        match &result {
            Err(why) if why.missing != Absence::Absent => self.unread(path, why.clone()),
            Err(_) => {
                let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
                self.kept.borrow_mut().lacking.extend(folder);
            }
            Ok(_) => {}
        }
        result
    }
}
