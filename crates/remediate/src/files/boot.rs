//! Arguments of the kernel, for GRUB.

use std::fmt::Write;

use super::{Head, OutputFile};
use crate::Plan;

/// The file with arguments to add and instructions for those to take away; none where nothing is planned.
pub(super) fn render(plan: &Plan) -> Vec<OutputFile> {
    if plan.boot.is_empty() {
        return Vec::new();
    }
    let (add, remove): (Vec<_>, Vec<_>) = plan.boot.iter().partition(|change| change.add);
    let words = |changes: &[&crate::plan::BootChange]| {
        changes.iter().map(|change| change.argument.as_str()).collect::<Vec<_>>().join(" ")
    };
    let (added, removed) = (words(&add), words(&remove));
    let mut notes = Vec::new();
    if !removed.is_empty() {
        notes.push(format!("take away by hand: {removed}"));
        notes.push(format!("Debian, Ubuntu: edit GRUB_CMDLINE_LINUX in /etc/default/grub; RHEL: grubby --update-kernel=ALL --remove-args=\"{removed}\""));
    }
    if !added.is_empty() {
        notes.push(
            "Debian, Ubuntu: copy this file to /etc/default/grub.d/90-plumb.cfg, then update-grub".into(),
        );
        notes.push(format!("RHEL: grubby --update-kernel=ALL --args=\"{added}\""));
    }
    notes.push("takes effect at the next boot: drain the node first; not applied by apply.sh".into());
    let head = Head {
        what: "Arguments of the kernel.".into(),
        whys: plan.boot.iter().map(|change| &change.why).collect(),
        verify: "after the reboot: cat /proc/cmdline".into(),
        undo: "delete the file or put the arguments back, then update-grub (RHEL: grubby), and reboot".into(),
        notes,
    };
    let mut text = head.lines(plan, "#");
    if !added.is_empty() {
        let _ = writeln!(text, "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {added}\"");
    }
    vec![OutputFile { path: "boot/90-plumb.cfg".into(), contents: text, executable: false }]
}
