//! Tells the program which commit it is made from.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=PLUMB_COMMIT");
    // A program of a developer is another one with each commit, and is made for no one else.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let given = std::env::var("PLUMB_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| if is_release { asked() } else { None });
    println!("cargo::rustc-env=PLUMB_COMMIT_SHOWN={}", commit.unwrap_or_default());
}

fn asked() -> Option<String> {
    let git = |arguments: &[&str]| -> Option<String> {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    for file in ["HEAD", "index"] {
        println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", file])?);
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let is_changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if is_changed { format!("{commit}, changed since") } else { commit })
}
