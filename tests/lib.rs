//! Helpers of the end-to-end tests, which run the real binary.

pub mod noise;
pub mod planted;
pub mod rig;
pub mod server;
pub mod synthetic;
pub mod wording;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The code that a report of a bundle ends with: 6 where what the machine says of itself contradicts itself, else 0.
///
/// # Panics
/// If the bundle cannot be checked.
#[must_use]
pub fn report_code(bundle: &Path) -> i32 {
    let checked = run(plumb().args(["-q", "check", "--format", "json"]).arg(bundle));
    let assessment: serde_json::Value = serde_json::from_str(&checked.out).expect("check prints JSON");
    let contradictions = assessment["contradictions"].as_array().expect("it lists contradictions");
    if contradictions.is_empty() { 0 } else { 6 }
}

/// The folder of build results that this test was built into.
///
/// # Panics
/// If the test does not run from a cargo target folder.
#[must_use]
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/PROFILE/deps/it-HASH
    test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps").to_owned()
}

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The `plumb` program with packs beside it.
///
/// # Panics
/// If it has not been built.
#[must_use]
pub fn plumb() -> Command {
    let program = target().join("plumb");
    assert!(program.is_file(), "{} is not built; run `cargo xtask test`", program.display());
    let mut command = Command::new(program);
    command.env_remove("PLUMB_PACK_PATH").stdin(Stdio::null());
    command
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Run {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a command to its end.
///
/// # Panics
/// If it cannot be started, or was ended by a signal.
pub fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().expect("the program can be started");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run {
        code: status.code().unwrap_or_else(|| panic!("ended by a signal: {status}")),
        out: text(stdout),
        err: text(stderr),
    }
}

/// Says that a test was skipped, on its output and in the file that `PLUMB_SKIP_LOG` names.
pub fn skip(why: &str) {
    let line = format!("skipped: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(log) = std::env::var_os("PLUMB_SKIP_LOG")
        && let Ok(mut file) = std::fs::File::options().append(true).create(true).open(log)
    {
        let _ = file.write_all(line.as_bytes());
    }
}

/// The folder of recorded machines, where there is one.
#[must_use]
pub fn recordings() -> Option<PathBuf> {
    let folder = std::env::var_os("PLUMB_RECORDINGS").map(PathBuf::from)?;
    let folder = if folder.is_relative() { workspace().join(folder) } else { folder };
    folder.join("oracle").is_dir().then_some(folder)
}

/// Compares a table, which begins with the line `head`, with the one that ends a page of the reference, whose text above it is
/// written by hand; `PLUMB_BLESS=1` renews it. Says what is stale.
///
/// # Panics
/// If there is no such page.
#[must_use]
pub fn stale_table(page: &str, head: &str, table: &str) -> Option<String> {
    let path = workspace().join("docs/src/reference").join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let start = text.find(head).unwrap_or(text.len());
    let (above, found) = text.split_at(start);
    if found == table {
        return None;
    }
    if std::env::var_os("PLUMB_BLESS").is_some() {
        std::fs::write(&path, format!("{above}{table}")).expect("a page can be written");
        return None;
    }
    let line =
        table.lines().find(|line| !found.lines().any(|old| old == *line)).unwrap_or("(a line is gone)");
    Some(format!("{page} is not up to date, first: {line}\nrenew it with PLUMB_BLESS=1"))
}
