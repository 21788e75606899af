//! `plumb config show`: what is in force, and why.

use std::path::PathBuf;

use serde::Serialize;

use crate::analyse::{install_folders, set, trusted_keys, user_lock};
use crate::cli::{ConfigArgs, ConfigCommand, Format};
use crate::commands::report::typst_at;
use crate::console::Console;
use crate::exit::Outcome;
use crate::text;

/// One setting.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    /// What is in force; nothing where nothing is set or found.
    value: Option<String>,
    /// Where it comes from.
    origin: String,
}

pub(crate) fn run(args: &ConfigArgs, console: &Console) -> anyhow::Result<Outcome> {
    let ConfigCommand::Show { origin, format } = args.command;
    let rows = rows();
    match format {
        Format::Json => {
            let document = serde_json::json!({ "schema": 1, "plumb": crate::VERSION, "settings": rows });
            console.result(&format!("{document:#}\n"))?;
        }
        Format::Text => {
            let mut out = String::new();
            for row in rows {
                let value = row.value.as_deref().unwrap_or("not set");
                text::wrap(&mut out, &format!("{:<16} ", row.name), value);
                if origin {
                    text::wrap(&mut out, &format!("{:<16} ", ""), &format!("from {}", row.origin));
                }
            }
            console.result(&out)?;
        }
    }
    Ok(Outcome::Done)
}

fn rows() -> Vec<Row> {
    let shown = |path: PathBuf| path.display().to_string();
    let variable = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
    let program = std::env::current_exe().ok().map(shown);
    let config = match variable("XDG_CONFIG_HOME") {
        Some(_) => "XDG_CONFIG_HOME",
        None => "HOME",
    };
    let mut rows = vec![Row { name: "program", value: program, origin: "the running program".to_owned() }];
    for folder in install_folders().unwrap_or_default() {
        let is_there = if folder.is_dir() { "" } else { ", which is not there" };
        let origin = format!("the folder of the program{is_there}");
        rows.push(Row { name: "packs", value: Some(shown(folder)), origin });
    }
    let further = variable("PLUMB_PACK_PATH");
    for folder in further.iter().flat_map(|folders| folders.split(':')).filter(|folder| !folder.is_empty()) {
        rows.push(Row {
            name: "packs",
            value: Some(folder.to_owned()),
            origin: "PLUMB_PACK_PATH".to_owned(),
        });
    }
    for (name, path) in [("trusted packs", user_lock()), ("trusted keys", trusted_keys())] {
        let is_there = path.as_ref().is_some_and(|path| path.exists());
        let origin = format!("{config}{}", if is_there { "" } else { "; it is not there" });
        rows.push(Row { name, value: path.map(shown), origin });
    }
    let origin = match variable("PLUMB_TYPST") {
        Some(_) => "PLUMB_TYPST".to_owned(),
        None => "the first that was found: beside the program, in the folder of tools, in PATH".to_owned(),
    };
    rows.push(match typst_at(None) {
        Ok(typst) => Row { name: "typst", value: Some(typst.program().display().to_string()), origin },
        Err(error) => Row { name: "typst", value: None, origin: error.to_string() },
    });
    for (name, variables, default) in [
        ("temporary files", &["TMPDIR"][..], Some("/tmp")),
        ("tools", &["PLUMB_TOOLS", "XDG_CACHE_HOME", "HOME"], None),
        ("journal", &["PLUMB_STATE", "XDG_STATE_HOME", "HOME"], None),
        ("API key", &["PLUMB_API_KEY"], None),
        ("colour", &["NO_COLOR", "CLICOLOR_FORCE"], Some("on a terminal")),
    ] {
        let found = variables.iter().find_map(|name| Some((*name, variable(name)?)));
        let value = match (&found, name) {
            // Never shown, wherever this is pasted.
            (Some(_), "API key") => Some("set, and not shown".to_owned()),
            (Some((_, value)), _) => Some(value.clone()),
            (None, _) => default.map(str::to_owned),
        };
        let origin =
            found.map_or_else(|| format!("{} is not set", variables[0]), |(name, _)| name.to_owned());
        rows.push(Row { name, value, origin });
    }
    rows
}
