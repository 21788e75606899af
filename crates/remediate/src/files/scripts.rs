//! `apply.sh`, `undo.sh`, `set_governor.sh` and `irq_affinity.sh`: POSIX shell, each whole in itself.

use std::fmt::Write;

use super::{Head, Installed, OutputFile};
use crate::Plan;
use crate::plan::{GovernorChange, Home, InterruptPlan, TOPICS, Value};
use crate::quote::shell;

const VALUES: &str = include_str!("../../templates/values.sh");
const GOVERNOR_VALUES: &str = include_str!("../../templates/governor_values.sh");
const IRQ_VALUES: &str = include_str!("../../templates/irq_values.sh");
const INSTALL: &str = include_str!("../../templates/install.sh");
const OPTIONS: &str = include_str!("../../templates/options.sh");
const UNDO_OPTIONS: &str = include_str!("../../templates/undo_options.sh");
const APPLY: &str = include_str!("../../templates/apply_main.sh");
const MOVED: &str = include_str!("../../templates/moved.sh");
const APPLY_END: &str = include_str!("../../templates/apply_end.sh");
const UNDO: &str = include_str!("../../templates/undo_main.sh");
const GOVERNOR: &str = include_str!("../../templates/governor_main.sh");
const IRQ: &str = include_str!("../../templates/irq_main.sh");

/// The scripts that a person runs; empty where nothing is applied by one.
pub(super) fn render(plan: &Plan, installed: &[Installed]) -> Vec<OutputFile> {
    let steps = steps(plan, installed);
    if steps.is_empty() {
        return Vec::new();
    }
    let topics: Vec<&str> = steps.iter().map(|(topic, _)| *topic).collect();
    let script = |path: &str, contents: String| OutputFile { path: path.into(), contents, executable: true };
    vec![script("apply.sh", apply(plan, &steps, &topics)), script("undo.sh", undo(plan))]
}

/// `#!/bin/sh` and the head of a file.
fn open(plan: &Plan, head: &Head<'_>) -> String {
    format!("#!/bin/sh\n{}\nset -eu\n\n", head.lines(plan, "#"))
}

/// Lines of shell by topic, in the order of [`TOPICS`].
fn steps(plan: &Plan, installed: &[Installed]) -> Vec<(&'static str, String)> {
    let mut steps = Vec::new();
    for topic in TOPICS {
        let mut lines = String::new();
        for file in installed.iter().filter(|file| file.topic == topic.id) {
            let mode = if file.executable { "755" } else { "644" };
            let source = shell(&file.source);
            let _ = writeln!(lines, "\tinstall_file \"$HERE\"/{source} {} {mode}", shell(&file.target));
            if file.enable {
                let unit = file.target.rsplit('/').next().unwrap_or_default();
                let _ = writeln!(lines, "\tenable_unit {}", shell(unit));
            }
        }
        if topic.id == "governor"
            && let Some(change) = &plan.governor
        {
            lines += &governor_steps(change);
        }
        for change in plan.values.iter().filter(|change| change.topic == topic.id) {
            let paths = &change.paths;
            let _ = match &change.value {
                Value::Text(value) => writeln!(lines, "\tset_files '{paths}' {}", shell(value)),
                Value::OfFile(name) => writeln!(lines, "\tset_files '{paths}' '' {name}"),
            };
        }
        for change in plan.sysctls.iter().filter(|change| change.topic == topic.id) {
            let _ = writeln!(
                lines,
                "\tset_files /proc/sys/{} {}",
                change.name.replace('.', "/"),
                shell(&change.value)
            );
        }
        if topic.id == "interrupts"
            && let Some(change) = plan.interrupts.as_ref().filter(|change| change.banned.is_empty())
        {
            lines += &device_steps(change);
        }
        if topic.id == "slices" && !lines.is_empty() {
            lines = guarded(plan, &lines);
        }
        if !lines.is_empty() {
            steps.push((topic.id, lines));
        }
    }
    steps
}

/// Slices only once the servers have left those whose CPUs are taken away.
fn guarded(plan: &Plan, lines: &str) -> String {
    let units: Vec<String> = plan
        .servers
        .iter()
        .filter_map(|server| match &server.home {
            Home::Unit(unit) => Some(shell(unit)),
            Home::Nothing(_) => Some(shell(&super::units::unit_name(server))),
            _ => None,
        })
        .collect();
    if units.is_empty() {
        return lines.to_owned();
    }
    let lines: String = lines.lines().map(|line| format!("\t{line}\n")).collect();
    format!("\tif moved {}; then\n{lines}\tfi\n", units.join(" "))
}

fn governor_steps(change: &GovernorChange) -> String {
    let mut lines = String::new();
    if !change.governor.is_empty() {
        let _ = writeln!(lines, "\tset_governors {}", shell(&change.governor));
    }
    if !change.preference.is_empty() {
        let _ = writeln!(
            lines,
            "\tset_files \"$POLICIES/energy_performance_preference\" {}",
            shell(&change.preference)
        );
    }
    if !change.bias.is_empty() {
        let _ = writeln!(
            lines,
            "\tset_files '/sys/devices/system/cpu/cpu*/power/energy_perf_bias' {}",
            shell(&change.bias)
        );
    }
    lines
}

fn device_steps(change: &InterruptPlan) -> String {
    change.devices.iter().fold(String::new(), |mut lines, (address, cpus)| {
        let _ = writeln!(lines, "\tdevice {} {}", shell(address), shell(&cpus.to_string()));
        lines
    })
}

fn apply(plan: &Plan, steps: &[(&str, String)], topics: &[&str]) -> String {
    let usage = format!(
        "usage: apply.sh [--apply] [--only TOPIC]... [--force]\n\
         Without --apply it says what it would change and changes nothing. It restarts no service.\n\
         What was before the first change is kept in /var/lib/plumb-remediation, from where undo.sh takes it back.\n\
         Slices wait until the servers run in theirs; --force does not wait.\n\
         topics: {}\n\
         PLUMB_ROOT names another root for tests, PLUMB_STATE another folder for old values.",
        topics.join(" ")
    );
    let head = Head {
        what: "Applies the plan: settings at once, and files that set them at every boot.".into(),
        whys: plan.applied(),
        verify: "run it again: everything is kept; then the commands of CHECKLIST.md".into(),
        undo: "undo.sh --apply".into(),
        notes: vec!["one topic at a time (--only) shows which change helped".into()],
    };
    let all = steps.iter().map(|(_, lines)| lines.as_str()).collect::<String>();
    let mut text = open(plan, &head) + VALUES;
    // Only what is used: what a reader has to read is what runs.
    if all.contains("\tinstall_file") {
        text += INSTALL;
    }
    if all.contains("set_governors") || all.contains("$POLICIES") {
        text += GOVERNOR_VALUES;
    }
    if all.contains("\tdevice ") {
        text += IRQ_VALUES;
    }
    text += &OPTIONS.replace("@USAGE@", &usage).replace("@TOPICS@", &topics.join(" "));
    text += APPLY;
    if all.contains("if moved ") {
        text += MOVED;
    }
    for (topic, lines) in steps {
        let _ = write!(text, "\nif topic {topic}; then\n{lines}fi\n");
    }
    text + APPLY_END
}

fn undo(plan: &Plan) -> String {
    let usage = "usage: undo.sh [--apply] [--force]\n\
                 Without --apply it says what it would take back and changes nothing. It restarts no service.\n\
                 What somebody else changed since is left alone; --force takes it back all the same.\n\
                 PLUMB_ROOT names another root for tests, PLUMB_STATE another folder for old values.";
    let head = Head {
        what: "Takes back what apply.sh changed, the last change first.".into(),
        whys: plan.applied(),
        verify: "apply.sh without --apply names all changes again".into(),
        undo: "apply.sh --apply".into(),
        notes: vec!["services keep their placement until they are restarted".into()],
    };
    open(plan, &head) + VALUES + &UNDO_OPTIONS.replace("@USAGE@", usage) + UNDO
}

/// `set_governor.sh`.
pub(super) fn set_governor(plan: &Plan, change: &GovernorChange) -> String {
    let head = Head {
        what: "Sets the frequency governor of all CPUs.".into(),
        whys: vec![&change.why],
        verify: "set_governor.sh status; sort -u /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
            .into(),
        undo: "set_governor.sh undo".into(),
        notes: vec![format!("found: {}", change.found)],
    };
    format!(
        "{}GOVERNOR={}\nPREFERENCE={}\nBIAS={}\n\n{VALUES}{GOVERNOR_VALUES}{GOVERNOR}",
        open(plan, &head),
        shell(&change.governor),
        shell(&change.preference),
        shell(&change.bias),
    )
}

/// `irq_affinity.sh`.
pub(super) fn irq_affinity(plan: &Plan, change: &InterruptPlan) -> String {
    let head = Head {
        what:
            "Moves the interrupts of network cards to CPUs that are left to the system, close to each card."
                .into(),
        whys: vec![&change.why],
        verify: "irq_affinity.sh status; watch -d cat /proc/interrupts".into(),
        undo: "irq_affinity.sh undo".into(),
        notes: vec!["where irqbalance runs it moves them again: use its ban list instead".into()],
    };
    format!("{}{VALUES}{IRQ_VALUES}all_devices() {{\n{}}}\n\n{IRQ}", open(plan, &head), device_steps(change))
}
