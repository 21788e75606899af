//! Arguments of the kernel, and what changes them on a node.

use plumb_check_sdk::Intent;
use plumb_evidence::Evidence;
use serde::Serialize;

use super::{Basis, BootChange, Plan, goals};
use crate::quote::shell;

/// What changes the arguments of the kernel on a node, by its distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootTool {
    /// A MachineConfig of OpenShift, whose daemon takes back what is changed on the node itself.
    MachineConfig,
    /// `rpm-ostree kargs`, for images that are replaced whole.
    RpmOstree,
    /// `grubby`, of Red Hat and its relatives.
    Grubby,
    /// A drop-in of GRUB and `update-grub`, of Debian and Ubuntu.
    UpdateGrub,
    /// None that we know of.
    Unknown,
}

/// The drop-in of [`BootTool::UpdateGrub`].
const GRUB_FILE: &str = "/etc/default/grub.d/90-plumb.cfg";

impl BootTool {
    /// The tool of the node that was recorded.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let os = evidence.node.os.known().map(|os| os.to_lowercase()).unwrap_or_default();
        let line = evidence.node.cmdline.known().map(String::as_str).unwrap_or_default();
        let has = |names: &[&str]| names.iter().any(|name| os.contains(name));
        if has(&["openshift"]) || (has(&["red hat"]) && has(&["coreos"])) {
            Self::MachineConfig
        } else if line.split_whitespace().any(|word| word.starts_with("ostree=")) {
            Self::RpmOstree
        } else if has(&["red hat", "rhel", "rocky", "alma", "fedora", "centos", "oracle linux"]) {
            Self::Grubby
        } else if has(&["ubuntu", "debian"]) {
            Self::UpdateGrub
        } else {
            Self::Unknown
        }
    }

    /// Commands that add arguments or take them away (`false`); none where it is not done on the node.
    pub(crate) fn commands<'a>(self, changes: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<String> {
        let edits = changes.into_iter().filter_map(|(argument, add)| self.edit(argument, add));
        self.finished(edits.collect())
    }

    /// Commands that take such changes back, and no others that the same file holds.
    pub(crate) fn undo<'a>(self, changes: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<String> {
        match self {
            Self::UpdateGrub => {
                let lines = changes.into_iter().map(|(argument, add)| shell(&grub_line(argument, add)));
                let without = |line: String| {
                    format!(
                        "{{ grep -vxF {line} {GRUB_FILE} || true; }} > {GRUB_FILE}.new && mv {GRUB_FILE}.new {GRUB_FILE}"
                    )
                };
                self.finished(lines.map(without).collect())
            }
            tool => tool.commands(changes.into_iter().map(|(argument, add)| (argument, !add))),
        }
    }

    /// The command for one argument; given twice, it does nothing the second time.
    fn edit(self, argument: &str, add: bool) -> Option<String> {
        Some(match self {
            Self::MachineConfig | Self::Unknown => return None,
            Self::RpmOstree => {
                let option = if add { "--append-if-missing" } else { "--delete-if-present" };
                format!("rpm-ostree kargs {option}={}", shell(argument))
            }
            Self::Grubby => {
                let option = if add { "--args" } else { "--remove-args" };
                format!("grubby --update-kernel=ALL {option}={}", shell(argument))
            }
            Self::UpdateGrub => {
                let line = shell(&grub_line(argument, add));
                format!("grep -qxF {line} {GRUB_FILE} 2>/dev/null || printf '%s\\n' {line} >> {GRUB_FILE}")
            }
        })
    }

    /// Edits with what makes the boot loader heed them.
    fn finished(self, mut edits: Vec<String>) -> Vec<String> {
        if self == Self::UpdateGrub && !edits.is_empty() {
            edits.push("update-grub".to_owned());
        }
        edits
    }

    /// The file of the plan that has all changes.
    pub(crate) fn file(self) -> Option<&'static str> {
        match self {
            Self::MachineConfig => Some("boot/99-plumb-kernel-arguments.yaml"),
            Self::RpmOstree | Self::Grubby | Self::UpdateGrub => Some("boot/kernel-arguments.sh"),
            Self::Unknown => None,
        }
    }
}

/// The line of the drop-in that adds an argument, or takes it away.
fn grub_line(argument: &str, add: bool) -> String {
    if add {
        return format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {argument}\"");
    }
    let without =
        |name: &str| format!("{name}=$(printf '%s' \"${name}\" | sed 's/ *{}//')", pattern(argument));
    format!("{}; {}", without("GRUB_CMDLINE_LINUX"), without("GRUB_CMDLINE_LINUX_DEFAULT"))
}

/// A literal text as a basic regular expression in single quotes.
fn pattern(text: &str) -> String {
    text.replace('.', "\\.").replace('/', "\\/")
}

/// Arguments that findings ask for, and those that they want gone.
pub(super) fn plan(plan: &mut Plan) {
    for at in 0..plan.goals.len() {
        let goal = &plan.goals[at];
        let Intent::KernelArgument { argument, present } = goal.intent.clone() else { continue };
        let same = |intent: &Intent| *intent == goal.intent;
        if plan.boot.iter().any(|change| change.argument == argument) {
            continue;
        }
        if let Some(why) = goals::why_for(&plan.goals, Basis::Published, same) {
            plan.boot.push(BootChange { argument, add: present, why });
        }
    }
}
