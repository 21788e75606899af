//! `--into`: the bundle that a measurement is added to, which others may add to at the same time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use plumb_evidence::Bundle;
use plumb_evidence::bundle::MEASUREMENTS;

use crate::console::Console;
use crate::exit::UsageError;

/// Files of a bundle, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The bundle that was named with `--into`.
#[derive(Debug)]
pub(crate) struct Receiver {
    path: PathBuf,
    /// As it was before the measurement, which is not lost with the file.
    at_start: Bundle,
}

impl Receiver {
    /// Reads the bundle and tries whether it can be written: before minutes of measuring, not after them.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            bail!(UsageError(format!("`{}` is a folder; --into takes the .plumb file", path.display())));
        }
        Ok(Self { path: path.to_owned(), at_start: Bundle::read_to_add(path)? })
    }

    /// The bundle as it was before the measurement.
    pub(crate) fn at_start(&self) -> &Bundle {
        &self.at_start
    }

    /// Adds a measurement to the bundle as it is by now, and says so. `choose` finds what its files are called but for the
    /// extension, and `files` makes them for that name.
    ///
    /// A bundle that is gone or damaged by now takes nothing with it: then the measurement is kept in another one, which the
    /// error names.
    pub(crate) fn add(
        &self,
        choose: impl Fn(&Bundle) -> String,
        mut files: impl FnMut(&str) -> anyhow::Result<Files>,
        console: &Console,
    ) -> anyhow::Result<()> {
        let error = match self.try_add(&choose, &mut files) {
            Ok(stem) => {
                console.note(&format!("added to {}: {stem}.json", self.path.display()));
                return Ok(());
            }
            Err(error) => error,
        };
        let shown = self.path.display();
        let kept = files(&choose(&self.at_start))
            .and_then(|files| Ok(self.at_start.with_files(files).keep_near(&self.path)?));
        Err(match kept {
            Ok(kept) => error.context(format!(
                "the measurement could not be added to `{shown}`; it is kept in `{}`, with the bundle as it was before \
                 the measurement began",
                kept.display()
            )),
            Err(why) => error.context(format!(
                "the measurement could not be added to `{shown}`, nor be kept beside it or in `{}` ({why:#}); what was \
                 printed is all that there is of it",
                std::env::temp_dir().display()
            )),
        })
    }

    /// [`Self::add`] for a measurement that goes on: without a word, and without another bundle where it fails. Gives the
    /// name that was chosen.
    pub(crate) fn try_add(
        &self,
        choose: impl Fn(&Bundle) -> String,
        mut files: impl FnMut(&str) -> anyhow::Result<Files>,
    ) -> anyhow::Result<String> {
        Bundle::add_to(&self.path, |bundle| {
            let stem = choose(bundle);
            Ok((files(&stem)?, stem))
        })
    }

    /// Says that nothing is added where nothing was measured: an empty measurement would be judged as one.
    pub(crate) fn leave(&self, console: &Console) {
        console.warn(&format!("nothing was measured, so nothing was added to `{}`", self.path.display()));
    }
}

/// A name by the time of a measurement, `measurements/KIND-TIME`, with a number where another one has it.
pub(crate) fn by_time(kind: &str, started: &str) -> impl Fn(&Bundle) -> String + use<> {
    let time: String = started.chars().filter(char::is_ascii_alphanumeric).collect();
    let base = format!("{MEASUREMENTS}/{kind}-{time}");
    move |bundle| {
        let numbered = (2..).map(|number: u32| format!("{base}-{number}"));
        free(bundle, std::iter::once(base.clone()).chain(numbered))
    }
}

/// The name that an earlier part of a measurement has already, whose files the later ones replace, else one by its time.
pub(crate) fn as_before(
    own: Option<&String>,
    kind: &str,
    started: &str,
) -> impl Fn(&Bundle) -> String + use<> {
    let (own, by_time) = (own.cloned(), by_time(kind, started));
    move |bundle| own.clone().unwrap_or_else(|| by_time(bundle))
}

/// A name by the first free number, `measurements/KIND-001`.
pub(crate) fn by_number(kind: &'static str) -> impl Fn(&Bundle) -> String {
    move |bundle| free(bundle, (1..).map(|number: u32| format!("{MEASUREMENTS}/{kind}-{number:03}")))
}

/// The first name that no measurement of the bundle has.
fn free(bundle: &Bundle, mut names: impl Iterator<Item = String>) -> String {
    names.find(|stem| !bundle.files().contains_key(&format!("{stem}.json"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use plumb_evidence::manifest::Manifest;
    use plumb_evidence::model::Origin;

    use super::*;

    fn bundle(path: &Path, text: &str) {
        let files = Files::from([("raw/a".to_owned(), text.into())]);
        Bundle::new(Manifest::new(Origin::Live), files, BTreeMap::new()).write(path).unwrap();
    }

    fn one(stem: &str) -> anyhow::Result<Files> {
        Ok(Files::from([(format!("{stem}.json"), stem.into())]))
    }

    fn names(path: &Path) -> Vec<String> {
        Bundle::read(path).unwrap().files().keys().cloned().collect()
    }

    #[test]
    fn names_are_those_that_are_free_when_it_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.plumb");
        bundle(&path, "a");
        let (first, second) = (Receiver::open(&path).unwrap(), Receiver::open(&path).unwrap());
        let console = Console::new(true);
        for receiver in [&first, &second] {
            receiver.add(by_number("noise"), one, &console).unwrap();
            receiver.add(by_time("bench", "2026-01-02T03:04:05Z"), one, &console).unwrap();
        }
        let expected = ["bench-20260102T030405Z-2", "bench-20260102T030405Z", "noise-001", "noise-002"];
        let mut expected: Vec<String> =
            expected.into_iter().map(|name| format!("{MEASUREMENTS}/{name}.json")).collect();
        expected.push("raw/a".to_owned());
        assert_eq!(names(&path), expected);
    }

    #[test]
    fn a_measurement_is_kept_whatever_became_of_the_bundle() {
        let console = Console::new(true);
        type Fate = fn(&Path);
        let fates: [(&str, Fate, &str); 4] = [
            ("gone", |path| fs::remove_file(path).unwrap(), "cannot read bundle"),
            (
                "damaged",
                |path| fs::write(path, &fs::read(path).unwrap()[..40]).unwrap(),
                "truncated or damaged",
            ),
            ("other", |path| fs::write(path, "notes").unwrap(), "is not a bundle"),
            (
                "folder",
                |path| {
                    fs::rename(path, path.with_extension("old")).unwrap();
                    fs::create_dir(path).unwrap();
                },
                "a folder of that name exists",
            ),
        ];
        for (name, fate, words) in fates {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("node.plumb");
            bundle(&path, name);
            let receiver = Receiver::open(&path).unwrap();
            fate(&path);
            for number in [1, 2] {
                let error = receiver.add(by_number("noise"), one, &console).unwrap_err();
                let kept = folder.path().join(format!("node.kept-{number}.plumb"));
                let said = format!("{error:#}");
                assert!(said.contains(words), "{name}: {said}");
                assert!(said.contains(&format!("kept in `{}`", kept.display())), "{name}: {said}");
                assert_eq!(crate::exit::classify(&error), crate::exit::Outcome::Usage, "{name}");
                assert_eq!(names(&kept), ["measurements/noise-001.json", "raw/a"], "{name}");
            }
        }
    }

    #[test]
    fn a_folder_and_a_link_are_told_before_anything_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.plumb");
        bundle(&path, "a");
        std::os::unix::fs::symlink("node.plumb", folder.path().join("link")).unwrap();
        Bundle::read(&path).unwrap().unpack(&folder.path().join("unpacked")).unwrap();
        for (name, words) in [("link", "name the file itself"), ("unpacked", "takes the .plumb file")] {
            let error = Receiver::open(&folder.path().join(name)).unwrap_err();
            assert!(format!("{error:#}").contains(words), "{name}: {error:#}");
        }
    }
}
