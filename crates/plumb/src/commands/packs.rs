//! `plumb packs`: list, show, verify, new, trust.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plumb_pack_host::{
    LockFile, Pin, SearchPath, Verdict, Verification, check_trust, discover, page, pin, renew_findings,
    verify,
};
use plumb_pack_template::{Names, new_pack};
use plumb_strict_toml::nearest;

mod archive;

use crate::analyse;
use crate::cli::{Format, PackPaths, PacksArgs, PacksCommand};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};

pub(crate) fn run(args: PacksArgs, console: &Console) -> anyhow::Result<Outcome> {
    match args.command {
        PacksCommand::List { packs, format } => list(&packs, format, console),
        PacksCommand::Show { id, packs } => show(&id, &packs, console),
        PacksCommand::Verify { paths, renew, only_failed, format } => {
            verify_all(&paths, renew, only_failed, format, console)
        }
        PacksCommand::New { folder, sdk, check } => new(&folder, &sdk, check.as_deref(), console),
        PacksCommand::Trust { path, revoke } => trust(&path, revoke, console),
        PacksCommand::Archive { path, output, key } => {
            archive::archive(&path, output.as_deref(), key.as_deref(), console)
        }
        PacksCommand::Install { file, trust, force } => archive::install(&file, trust, force, console),
    }
}

fn list(packs: &PackPaths, format: Format, console: &Console) -> anyhow::Result<Outcome> {
    let policy = analyse::trust_policy();
    policy
        .refused_keys
        .iter()
        .for_each(|reason| console.warn(&format!("a trusted key is not used: {reason}")));
    let mut text = String::new();
    let mut rows = Vec::new();
    for pack in analyse::find_packs(packs, console)? {
        let trust = match check_trust(&pack, &policy) {
            Ok(trust) => format!("{}, sha256 {}", trust.basis, trust.sha256),
            Err(error) => chain(&error),
        };
        let _ = writeln!(text, "{} {}  {}", pack.manifest.id, pack.manifest.version, pack.folder.display());
        let _ = writeln!(text, "  {trust}");
        for check in pack.manifest.checks.iter() {
            let _ = writeln!(text, "  {:<28} {}", check.id, check.title);
        }
        rows.push(serde_json::json!({"folder": pack.folder, "trust": trust, "manifest": pack.manifest}));
    }
    match format {
        Format::Text => console.result(&text)?,
        Format::Json => console.result(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?,
    }
    Ok(Outcome::Done)
}

fn show(id: &str, packs: &PackPaths, console: &Console) -> anyhow::Result<Outcome> {
    let mut pages = Vec::new();
    let mut known = Vec::new();
    for pack in analyse::find_packs(packs, console)? {
        known.push(pack.manifest.id.to_string());
        for check in pack.manifest.checks.iter() {
            known.push(check.id.to_string());
            if check.id == id || pack.manifest.id == id {
                pages.push(page::of_check(check, &pack.manifest.id));
            }
        }
    }
    if pages.is_empty() {
        let words: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = match nearest(id, &words) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`plumb packs list` names them all".to_owned(),
        };
        bail!(UsageError(format!("no check or pack `{id}`; {hint}")));
    }
    console.result(&pages.join("\n"))?;
    Ok(Outcome::Done)
}

fn verify_all(
    paths: &[PathBuf],
    renew: bool,
    only_failed: bool,
    format: Format,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let locations = if paths.is_empty() {
        analyse::find_packs(&PackPaths::default(), console)?
    } else {
        discover(&SearchPath { explicit: paths.to_vec(), ..SearchPath::default() })?.packs
    };
    if locations.is_empty() {
        bail!(UsageError("no pack was found; name one".to_owned()));
    }
    let options = analyse::host_options(false)?;
    if renew {
        for location in &locations {
            for path in renew_findings(location, &options)? {
                console.note(&format!("wrote {}", path.display()));
            }
        }
    }
    let mut results: Vec<Verification> =
        locations.iter().map(|location| verify(location, &options)).collect();
    let passed = results.iter().all(Verification::passed);
    if only_failed {
        for result in &mut results {
            result.rules.retain(|rule| rule.verdict == Verdict::Fail);
        }
    }
    match format {
        Format::Json => console.result(&format!("{}\n", serde_json::to_string_pretty(&results)?))?,
        Format::Text => {
            let mut text = String::new();
            for (location, result) in locations.iter().zip(&results) {
                let _ = writeln!(
                    text,
                    "{} {}  {}",
                    result.pack,
                    location.manifest.version,
                    location.folder.display()
                );
                for line in result.to_string().lines() {
                    let _ = writeln!(text, "  {line}");
                }
            }
            console.result(&text)?;
        }
    }
    Ok(if passed { Outcome::Done } else { Outcome::Integrity })
}

fn new(folder: &Path, sdk: &Path, check: Option<&str>, console: &Console) -> anyhow::Result<Outcome> {
    let absolute = std::path::absolute(folder)
        .with_context(|| UsageError(format!("cannot tell where `{}` is", folder.display())))?;
    let pack = absolute.file_name().and_then(|name| name.to_str()).with_context(|| {
        UsageError(format!(
            "expected a folder with a name, which becomes that of the pack, found `{}`",
            folder.display()
        ))
    })?;
    let check = check.map_or_else(|| format!("{pack}.example"), str::to_owned);
    let names = Names::new(pack, &check)?;
    let written = new_pack(folder, &names, sdk)?;
    let mut text = String::new();
    for path in &written {
        let _ = writeln!(text, "{}", path.display());
    }
    let _ = writeln!(
        text,
        "next: `cargo test` in `{}`; its README.md says how the pack gets into use",
        folder.display()
    );
    console.result(&text)?;
    Ok(Outcome::Done)
}

/// The user's own list of trusted packs.
fn own_lock() -> anyhow::Result<PathBuf> {
    analyse::user_lock().context(UsageError(
        "neither XDG_CONFIG_HOME nor HOME is set, so there is no place for your packs.lock".to_owned(),
    ))
}

fn pin_in_own_lock(pin: Pin) -> anyhow::Result<()> {
    let path = own_lock()?;
    let mut lock = LockFile::read(&path)?;
    lock.insert(pin);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| UsageError(format!("cannot make the folder `{}`", folder.display())))?;
    }
    Ok(lock.write(&path)?)
}

fn trust(path: &Path, revoke: bool, console: &Console) -> anyhow::Result<Outcome> {
    let lock_path = own_lock()?;
    let location = archive::located(path)?;
    let id = location.manifest.id.to_string();
    if revoke {
        let mut lock = LockFile::read(&lock_path)?;
        if !lock.remove(&id) {
            bail!(UsageError(format!("`{id}` is not in {}", lock_path.display())));
        }
        lock.write(&lock_path)?;
        console.result(&format!("{id} is no longer trusted by {}\n", lock_path.display()))?;
        return Ok(Outcome::Done);
    }
    let pin = pin(&location)?;
    let sha256 = pin.sha256.clone();
    pin_in_own_lock(pin)?;
    console.result(&format!(
        "{id} {} sha256 {sha256}\npinned in {}\n",
        location.manifest.version,
        lock_path.display()
    ))?;
    Ok(Outcome::Done)
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
