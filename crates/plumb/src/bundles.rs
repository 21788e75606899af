//! Many bundles: finding them, and analysing them side by side.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail};
use plumb_engine::compare::Unpaired;
use plumb_evidence::Bundle;

use crate::analyse::{Analyser, Analysis, Engagement, Packs};
use crate::console::Console;
use crate::exit::UsageError;

/// An analysed bundle.
#[derive(Debug)]
pub(crate) struct Analysed {
    /// Name of its file.
    pub(crate) name: String,
    /// Pseudonym of the node, as the manifest gives it.
    pub(crate) host_token: String,
    pub(crate) analysis: Analysis,
}

/// True for a folder of bundles, false for a bundle, which may be an unpacked one.
pub(crate) fn is_set(path: &Path) -> bool {
    path.is_dir() && !path.join(plumb_evidence::manifest::MANIFEST_NAME).exists()
}

/// The bundles at several paths, and in the folders among them; each once, in the order of their names.
pub(crate) fn find_all(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if is_set(path) {
            all.extend(find(path)?);
        } else {
            all.push(path.clone());
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The bundles of a folder by name: `*.plumb` files and unpacked bundles.
pub(crate) fn find(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = || UsageError(format!("cannot list `{}`; name a folder of bundles", folder.display()));
    let entries = std::fs::read_dir(folder).with_context(failed)?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(failed)?.path();
        let is_file = path.extension().is_some_and(|extension| extension == "plumb");
        if is_file || path.join(plumb_evidence::manifest::MANIFEST_NAME).exists() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        bail!(UsageError(format!("`{}` holds no bundle: no `*.plumb` file", folder.display())));
    }
    paths.sort();
    Ok(paths)
}

/// Analyses bundles on as many threads as there are CPUs, each with workers of its own, and hands each result to `keep`;
/// `languages` are those that findings are written in beside English.
///
/// One that cannot be read is left out, with its reason: a single damaged file must not hide a fleet.
pub(crate) fn analyse<T: Send>(
    paths: &[PathBuf],
    packs: &Packs,
    languages: &[String],
    engagement: &Engagement,
    console: &Console,
    keep: impl Fn(Analysed) -> T + Sync,
) -> anyhow::Result<(Vec<T>, Vec<Unpaired>)> {
    crate::memory::keep();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(paths.len()).max(1);
    let names = names(paths);
    let next = AtomicUsize::new(0);
    let done = Mutex::new((Vec::new(), Vec::new()));
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let work = || -> anyhow::Result<()> {
                    let mut analyser = Analyser::new(packs, languages.to_vec())?;
                    while let Some((path, name)) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = one(path, &mut analyser, engagement, console)
                            .map(|own| Analysed { name: name.clone(), ..own });
                        let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        match result {
                            Ok(analysed) => {
                                let name = analysed.name.clone();
                                done.0.push((name, keep(analysed)));
                            }
                            Err(error) => {
                                let why = format!("{error:#}");
                                console.warn(&format!("left out `{}`: {why}", path.display()));
                                done.1.push(Unpaired { name: name.clone(), why });
                            }
                        }
                        let count = done.0.len() + done.1.len();
                        console.step(&format!("{count} of {} bundles", paths.len()), "", false);
                    }
                    Ok(())
                };
                if let Err(error) = work() {
                    *failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                }
            });
        }
    });
    console.steps_end();
    if let Some(error) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(error);
    }
    let (mut kept, mut left_out) = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Whichever thread was first.
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    left_out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((kept.into_iter().map(|(_, kept)| kept).collect(), left_out))
}

/// Analyses one bundle.
pub(crate) fn one(
    path: &Path,
    analyser: &mut Analyser,
    engagement: &Engagement,
    console: &Console,
) -> anyhow::Result<Analysed> {
    let bundle = Bundle::read(path)?;
    Ok(Analysed {
        name: name_of(path),
        host_token: bundle.manifest().host_token.clone(),
        analysis: analyser.analyse(&bundle, engagement, console)?,
    })
}

/// Paths with names that tell them apart: those of their files, and of the folders above where files are named alike.
fn names(paths: &[PathBuf]) -> Vec<(&Path, String)> {
    let alike = |path: &Path| paths.iter().filter(|other| other.file_name() == path.file_name()).count() > 1;
    let name = |path: &Path| match path.parent().and_then(Path::file_name) {
        Some(folder) if alike(path) => format!("{}/{}", folder.to_string_lossy(), name_of(path)),
        _ => name_of(path),
    };
    paths.iter().map(|path| (path.as_path(), name(path))).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
