//! What packs of somebody else's ask for: files of their own, which nothing applies by itself.

use std::fmt::Write;

use plumb_engine::action::{Action, ActionState};
use plumb_engine::assessment::PackUsed;

use super::OutputFile;
use crate::quote::{comment, slug};

/// A script of commands for each foreign pack that asked for something that this node has.
pub(super) fn render(actions: &[Action], packs: &[PackUsed]) -> Vec<OutputFile> {
    let mut files = Vec::new();
    let mut ids: Vec<&str> = actions.iter().filter_map(|action| action.foreign.as_deref()).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let own: Vec<&Action> = actions
            .iter()
            .filter(|action| action.foreign.as_deref() == Some(id) && action.state == ActionState::Resolved)
            .collect();
        if own.iter().all(|action| action.now.is_empty()) {
            continue;
        }
        let hash = packs.iter().find(|pack| pack.id == id).map_or("not known", |pack| pack.sha256.as_str());
        let mut text = String::from("#!/bin/sh\n");
        for line in [
            format!("What the pack {id} asks for, SHA-256 {hash}."),
            "This pack did not come with Plumb: read each line before you run it. apply.sh does not."
                .to_owned(),
            "Usage: commands.sh apply | commands.sh undo".to_owned(),
        ] {
            let _ = writeln!(text, "# {}", comment(&line));
        }
        text += "set -eu\n\ncase \"${1:-}\" in\napply)\n";
        let mut list = |of: fn(&Action) -> &Vec<String>| {
            for action in &own {
                let _ = writeln!(text, "\t# {}", comment(action.title("en")));
                for command in of(action) {
                    let _ = writeln!(text, "\t{command}");
                }
            }
        };
        list(|action| &action.now);
        text += "\t;;\nundo)\n";
        let mut list = |of: fn(&Action) -> &Vec<String>| {
            for action in own.iter().rev() {
                let _ = writeln!(text, "\t# {}", comment(action.title("en")));
                for command in of(action) {
                    let _ = writeln!(text, "\t{command}");
                }
            }
        };
        list(|action| &action.undo);
        text += "\t;;\n*)\n\techo 'usage: commands.sh apply | undo' >&2\n\texit 2\n\t;;\nesac\n";
        let path = format!("foreign/{}/commands.sh", slug(id));
        files.push(OutputFile { path, contents: text, executable: true });
    }
    files
}
