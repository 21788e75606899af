//! Arguments of the kernel, for the tool that changes them on this node.

use std::fmt::Write;

use super::{Head, OutputFile};
use crate::plan::{BootTool, Plan};

/// The file with all changes; none where nothing is planned, or no tool is known.
pub(super) fn render(plan: &Plan) -> Vec<OutputFile> {
    let Some(path) = plan.boot_tool.file().filter(|_| !plan.boot.is_empty()) else { return Vec::new() };
    let (contents, executable) = match plan.boot_tool {
        BootTool::MachineConfig => (machine_config(plan), false),
        _ => (script(plan), true),
    };
    vec![OutputFile { path: path.into(), contents, executable }]
}

fn head(plan: &Plan, undo: String, notes: Vec<String>) -> String {
    let head = Head {
        what: "Arguments of the kernel.".into(),
        whys: plan.boot.iter().map(|change| &change.why).collect(),
        verify: "after the reboot: cat /proc/cmdline".into(),
        undo,
        notes,
    };
    head.lines(plan, "#")
}

/// What adds the arguments to all nodes of a pool.
fn machine_config(plan: &Plan) -> String {
    let (added, removed): (Vec<_>, Vec<_>) = plan.boot.iter().partition(|change| change.add);
    let take_out = |argument: &str| {
        format!(
            "take {argument} out of the MachineConfig that has it: one cannot take away what another adds"
        )
    };
    let mut notes: Vec<String> = removed.iter().map(|change| take_out(&change.argument)).collect();
    notes.push(
        "apply it with `oc apply -f`: the pool's nodes are drained and restarted one after the other".into(),
    );
    notes.push("set the label to the pool of this node; all nodes of the pool get it".into());
    let undo = "oc delete -f this file, or put the argument back where it was";
    let mut text = head(plan, undo.into(), notes);
    if !added.is_empty() {
        text += "apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata:\n";
        text += "  name: 99-plumb-kernel-arguments\n  labels:\n";
        text += "    machineconfiguration.openshift.io/role: worker\nspec:\n  kernelArguments:\n";
    }
    for change in added {
        let _ = writeln!(text, "    - '{}'", change.argument.replace('\'', "''"));
    }
    text
}

/// What changes the arguments on the node itself.
fn script(plan: &Plan) -> String {
    let changes = || plan.boot.iter().map(|change| (change.argument.as_str(), change.add));
    let undo = plan.boot_tool.undo(changes()).join("; ");
    let note = "takes effect at the next boot: drain the node first; not applied by apply.sh";
    let head = head(plan, format!("{undo}, then reboot"), vec![note.into()]);
    let mut text = format!("#!/bin/sh\n{head}");
    if plan.boot_tool == BootTool::UpdateGrub {
        text += "# What is written is expanded by the script of the boot loader, not by this one.\n";
        text += "# shellcheck disable=SC2016\n";
    }
    text += "set -eu\n";
    for command in plan.boot_tool.commands(changes()) {
        let _ = writeln!(text, "{command}");
    }
    text
}
