//! Arguments of the kernel, for the tool that changes them on this node.

use std::fmt::Write;

use super::{Head, OutputFile};
use crate::plan::{BootTool, Plan};

/// The file with all changes; none where nothing is planned, or no tool is known.
pub(super) fn render(plan: &Plan) -> Vec<OutputFile> {
    let Some(path) = plan.boot_tool.file().filter(|_| !plan.boot.is_empty()) else { return Vec::new() };
    let cluster = plan.boot_tool == BootTool::MachineConfig;
    let mut notes = Vec::new();
    let mut undo = Vec::new();
    for change in plan.boot.iter().rev() {
        undo.extend(plan.boot_tool.undo(&change.argument, change.add));
    }
    undo.dedup();
    if cluster {
        let removed = plan.boot.iter().filter(|change| !change.add).map(|change| change.argument.as_str());
        for argument in removed {
            notes.push(format!(
                "take {argument} out of the MachineConfig that has it: one cannot take away what another adds"
            ));
        }
        notes.push(
            "apply it with `oc apply -f`: the pool's nodes are drained and restarted one after the other"
                .to_owned(),
        );
        notes.push("set the label to the pool of this node; all nodes of the pool get it".to_owned());
    } else {
        notes.push("takes effect at the next boot: drain the node first; not applied by apply.sh".to_owned());
    }
    let head = Head {
        what: "Arguments of the kernel.".into(),
        whys: plan.boot.iter().map(|change| &change.why).collect(),
        verify: "after the reboot: cat /proc/cmdline".into(),
        undo: if cluster {
            "oc delete -f this file, or put the argument back where it was".into()
        } else {
            format!("{}, then reboot", undo.join("; "))
        },
        notes,
    };
    let head = head.lines(plan, "#");
    let added: Vec<&str> =
        plan.boot.iter().filter(|change| change.add).map(|change| change.argument.as_str()).collect();
    let mut text;
    if cluster {
        text = head;
        if !added.is_empty() {
            text += "apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata:\n";
            text += "  name: 99-plumb-kernel-arguments\n  labels:\n";
            text += "    machineconfiguration.openshift.io/role: worker\nspec:\n  kernelArguments:\n";
            for argument in added {
                let _ = writeln!(text, "    - '{}'", argument.replace('\'', "''"));
            }
        }
    } else {
        text = format!("#!/bin/sh\n{head}");
        if plan.boot_tool == BootTool::UpdateGrub {
            text += "# What is written is expanded by the script of the boot loader, not by this one.\n";
            text += "# shellcheck disable=SC2016\n";
        }
        text += "set -eu\n";
        let mut commands: Vec<String> = plan
            .boot
            .iter()
            .flat_map(|change| plan.boot_tool.commands(&change.argument, change.add))
            .collect();
        // The configuration is written once, when all is in the drop-in.
        let update = commands.iter().rposition(|command| command == "update-grub");
        let mut at = 0;
        commands.retain(|command| {
            at += 1;
            command != "update-grub" || Some(at - 1) == update
        });
        for command in commands {
            text += &command;
            text.push('\n');
        }
    }
    vec![OutputFile { path: path.into(), contents: text, executable: !cluster }]
}
