//! What a probe reads, kept for the bundle.

use std::cell::RefCell;
use std::collections::BTreeMap;

use plumb_evidence::manifest::Unread;
use plumb_evidence::{Absence, Missing, Source};

/// Reads from a source and keeps what came back, verbatim.
pub(crate) struct Recorder<'a, S> {
    source: &'a S,
    kept: RefCell<Kept>,
}

/// What was kept.
#[derive(Default)]
pub(crate) struct Kept {
    /// By absolute path on the node.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Targets of symbolic links, by absolute path.
    pub(crate) links: BTreeMap<String, String>,
    /// What is there but could not be read.
    pub(crate) unread: Vec<Unread>,
}

impl<'a, S: Source> Recorder<'a, S> {
    pub(crate) fn new(source: &'a S) -> Self {
        Self { source, kept: RefCell::default() }
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
        let bytes = self.noting(path, self.source.read(path))?;
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

    /// Keeps the target of a symbolic link if it pleases `wanted`.
    ///
    /// # Errors
    /// Says why the link could not be read, and notes nothing: a folder of links is denied as a whole.
    pub(crate) fn link_if(&self, path: &str, wanted: impl FnOnce(&str) -> bool) -> Result<(), Missing> {
        let target = self.source.link(path)?;
        if wanted(&target) {
            self.kept.borrow_mut().links.insert(path.to_owned(), target);
        }
        Ok(())
    }

    /// Notes that `path` could not be read.
    pub(crate) fn unread(&self, path: &str, why: Missing) {
        let unread = Unread { path: path.to_owned(), status: why.missing, reason: why.reason };
        self.kept.borrow_mut().unread.push(unread);
    }

    /// The names in a folder; empty where it is absent.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        self.noting(path, self.source.list(path)).unwrap_or_default()
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
        Ok(self
            .kept
            .borrow()
            .files
            .get(path)
            .map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).trim().to_owned()))
    }

    fn noting<T>(&self, path: &str, result: Result<T, Missing>) -> Result<T, Missing> {
        if let Err(why) = &result
            && why.missing != Absence::Absent
        {
            self.unread(path, why.clone());
        }
        result
    }
}
