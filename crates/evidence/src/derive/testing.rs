//! A tree of files in memory, for tests of parsers.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{Absence, Missing};
use crate::source::Source;

/// Files by absolute path; a content that begins with `-> ` is a symbolic link.
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }
}

fn absent(path: &str) -> Missing {
    Missing::new(Absence::Absent, format!("{path} is not on this node"))
}

impl Source for Tree {
    fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| absent(path))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
        let prefix = format!("{path}/");
        let names: BTreeSet<String> = self
            .0
            .keys()
            .filter_map(|file| file.strip_prefix(&prefix)?.split('/').next().map(str::to_owned))
            .collect();
        if names.is_empty() { Err(absent(path)) } else { Ok(names.into_iter().collect()) }
    }

    fn link(&self, path: &str) -> Result<String, Missing> {
        self.0
            .get(path)
            .and_then(|text| text.strip_prefix("-> "))
            .map(str::to_owned)
            .ok_or_else(|| absent(path))
    }

    fn looked_at_node(&self) -> bool {
        true
    }
}
