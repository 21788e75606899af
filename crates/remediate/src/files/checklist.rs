//! `CHECKLIST.md`: the work in its order, with the command that shows the result of each step and the one that takes it back.

use std::fmt::Write;

use plumb_engine::action::{Action, ActionState};
use plumb_report::escape::{self, clean};
use plumb_report::pattern::is_pattern;

use super::{OutputFile, bases, blanks, placed, reasons, risk, risk_of, slices};
use crate::Plan;
use crate::plan::{Home, TOPICS, Value, Why};

/// Text of a bundle inside a line.
fn markdown(text: &str) -> String {
    escape::markdown(&clean(text))
}

/// Text as it is, in a code span.
fn code(text: &str) -> String {
    escape::code(&clean(text))
}

/// The checklist of a plan.
pub(super) fn render(plan: &Plan, actions: &[Action], files: &[OutputFile]) -> String {
    let mut text = format!("# Remediation of {}\n\n", markdown(&plan.hostname));
    let _ = write!(
        text,
        "From the bundle collected {}, manifest {}.\nMade by Plumb {}, which applies nothing itself.\n\n",
        markdown(&plan.collected),
        code(plan.bundle.get(..16).unwrap_or(&plan.bundle)),
        markdown(&plan.tool_version)
    );
    let has = |path: &str| files.iter().any(|file| file.path == path);
    if plan.is_empty() {
        text +=
            "No file changes anything: nothing was found that a file could mend, or too little is known.\n\n";
    } else {
        text += &steps(plan, &has);
    }
    text += &asked(actions);
    text += &by_hand(plan);
    text += &not_planned(plan);
    text += &list(files);
    text
}

/// What the findings ask for, with the commands that the report prints as well.
fn asked(actions: &[Action]) -> String {
    if actions.is_empty() {
        return String::new();
    }
    let mut text = String::from("## What the findings ask for\n\n");
    for action in actions {
        let _ = writeln!(text, "- **{}** {}", action.id, markdown(action.title("en")));
        let mut item = |line: String| {
            let _ = writeln!(text, "    - {line}");
        };
        for finding in &action.findings {
            item(format!("Answers {}: {}", markdown(&finding.check), markdown(&finding.subject)));
        }
        match action.state {
            ActionState::Resolved | ActionState::ByHand => {}
            ActionState::NotKnown => item(format!("Not known here: {}", markdown(&action.reason))),
            ActionState::Conflict => {
                item(format!("Conflict, nothing is planned: {}", markdown(&action.reason)))
            }
            ActionState::Refused => item(format!("Refused: {}", markdown(&action.reason))),
        }
        for (label, commands) in [
            ("Now", &action.now),
            ("To last", &action.permanent),
            ("Verify", &action.verify),
            ("Undo", &action.undo),
        ] {
            for command in commands {
                item(format!("{label}: {}", code(command)));
            }
            if label == "To last" && !action.also("en").is_empty() {
                item(markdown(action.also("en")));
            }
        }
        if !action.files.is_empty() {
            let files: Vec<String> = action.files.iter().map(|file| code(file)).collect();
            item(format!("Files: {}", files.join(", ")));
        }
        if let Some(pack) = &action.foreign {
            item(format!("Asked for by the pack {}, which did not come with Plumb.", markdown(pack)));
        }
    }
    text.push('\n');
    text
}

/// The steps in which the plan is carried out.
fn steps(plan: &Plan, has: &dyn Fn(&str) -> bool) -> String {
    let mut text = String::from("## Before\n\n");
    let mut number = 0;
    let mut step = |text: &mut String, line: &str| {
        number += 1;
        let _ = writeln!(text, "{number}. [ ] {line}");
    };
    step(
        &mut text,
        "Read each file: its head says what it answers, what it risks, how to verify and how to undo it.",
    );
    step(&mut text, "Measure now, for the comparison: `plumb bench URL --into node.plumb`.");
    step(&mut text, "Agree on a window: services restart, and other replicas must carry the load.");
    if has("apply.sh") {
        step(
            &mut text,
            "Copy this folder to the node. `./apply.sh` says what it would change, and changes nothing.",
        );
    }
    text += "\n## One topic at a time\n\nMeasure again after each: what did not help is taken back.\n\n";
    for topic in TOPICS {
        let whys = whys_of(plan, topic.id);
        if whys.is_empty() {
            continue;
        }
        step(
            &mut text,
            &format!("**{}** ({})", topic.title, bases(&whys).unwrap_or_default().to_lowercase()),
        );
        let mut item = |line: String| {
            let _ = writeln!(text, "    - {line}");
        };
        for reason in reasons(&whys) {
            item(format!("Answers {}", markdown(&reason)));
        }
        item(format!("Risk of change {}", risk(risk_of(&whys))));
        if whys.iter().any(|why| why.verify_first) {
            item("Confirm first: part of the evidence is indirect.".into());
        }
        for line in details(plan, topic.id) {
            item(line);
        }
    }
    text += "\n## After\n\n";
    step(&mut text, "Reboot once in a window and look again: what is not persistent shows now.");
    step(
        &mut text,
        "Collect and compare: `plumb collect --sample 10 -o after.plumb`, `plumb check after.plumb`.",
    );
    if has("undo.sh") {
        step(
            &mut text,
            "If in doubt, back to the start: `./undo.sh` says what it would take back, `./undo.sh --apply` does; then restart the services.",
        );
    }
    text.push('\n');
    text
}

fn whys_of<'a>(plan: &'a Plan, topic: &str) -> Vec<&'a Why> {
    match topic {
        "placement" => placed(plan).map(|(_, place)| &place.why).collect(),
        "service" => plan
            .servers
            .iter()
            .flat_map(|server| server.settings.iter().map(|setting| &setting.why))
            .collect(),
        "slices" => slices(plan).map(|(_, why)| why).into_iter().collect(),
        "governor" => plan.governor.iter().map(|change| &change.why).collect(),
        "interrupts" => plan.interrupts.iter().map(|change| &change.why).collect(),
        "kubernetes" => plan.kubelet.iter().collect(),
        "boot" => plan.boot.iter().map(|change| &change.why).collect(),
        topic => {
            let values = plan.values.iter().filter(|change| change.topic == topic).map(|change| &change.why);
            let sysctls =
                plan.sysctls.iter().filter(|change| change.topic == topic).map(|change| &change.why);
            values.chain(sysctls).collect()
        }
    }
}

/// What is done, verified and undone, line by line.
fn details(plan: &Plan, topic: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let apply = |topic: &str| format!("Apply: `./apply.sh --only {topic} --apply`");
    match topic {
        "placement" => placement(plan, &mut lines),
        "service" => {
            for server in plan.servers.iter().filter(|server| !server.settings.is_empty()) {
                let settings: Vec<String> =
                    server.settings.iter().map(|set| format!("{}={}", set.key, set.value)).collect();
                lines.push(format!("{}: {}", server.name, code(&settings.join(" "))));
                match &server.home {
                    Home::Unit(unit) => {
                        lines.push(format!(
                            "{}; then {}",
                            apply(if server.placement.is_some() { "placement" } else { "service" }),
                            code(&format!("systemctl restart {unit}"))
                        ));
                        lines.push(format!(
                            "Verify: {}",
                            code(&format!("systemctl show {unit} -p Restart -p LimitNOFILE -p CPUWeight"))
                        ));
                    }
                    _ => lines.push("It has no unit of systemd: set the same in what starts it.".into()),
                }
            }
        }
        "slices" => {
            if let Some((split, _)) = slices(plan) {
                lines.push(format!(
                    "System: CPUs {}; inference: CPUs {}.",
                    split.housekeeping, split.inference
                ));
                lines.push(format!("{} ({}).", capital(&split.how), split.basis.title().to_lowercase()));
            }
            lines.push("After the servers run in `inference.slice`: this takes CPUs away from everything else at once.".into());
            lines.push(apply(topic));
            lines.push(
                "Verify: `systemctl show system.slice user.slice inference.slice -p EffectiveCPUs`".into(),
            );
        }
        "governor" => {
            if let Some(change) = &plan.governor {
                lines.push(format!(
                    "Found {}; wanted {}.",
                    code(&change.found),
                    code(
                        &[change.governor.as_str(), change.preference.as_str(), change.bias.as_str()]
                            .into_iter()
                            .filter(|text| !text.is_empty())
                            .collect::<Vec<_>>()
                            .join(", ")
                    )
                ));
            }
            lines.push(format!(
                "{}; or alone: `./set_governor.sh apply`, `persist`, `status`, `undo`",
                apply(topic)
            ));
            lines.push(
                "Verify: `sort /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor | uniq -c`".into(),
            );
            if plan.tuned_runs {
                lines.push("TuneD runs here and sets its own governor: choose the profile of this plan with `tuned-adm profile plumb-inference`.".into());
            }
        }
        "interrupts" => {
            if let Some(change) = &plan.interrupts {
                for (address, cpus) in &change.devices {
                    lines.push(format!("Network card {address}: CPUs {cpus}."));
                }
                if change.banned.is_empty() {
                    lines.push(apply(topic));
                } else {
                    lines.push(format!("irqbalance runs: it keeps off CPUs {}.", change.banned));
                    lines.push(format!("{}; then `systemctl restart irqbalance`", apply(topic)));
                }
            }
            lines.push("Verify under load: `mpstat -P ALL 10 1` (%irq, %soft)".into());
        }
        "kubernetes" => {
            lines.push("By hand: `kubernetes/kubelet.yaml`, with its procedure (drain first).".into())
        }
        "boot" => {
            for change in &plan.boot {
                let word = if change.add { "Add" } else { "Take away" };
                lines.push(format!("{word} {}", code(&change.argument)));
            }
            if let Some(file) = plan.boot_tool.file() {
                lines.push(format!("By hand: {} does it. Takes effect at the next boot.", code(file)));
            }
        }
        topic => {
            for change in plan.values.iter().filter(|change| change.topic == topic) {
                let value = match &change.value {
                    Value::Text(value) => value.clone(),
                    Value::OfFile(name) => format!("the value of {name}"),
                };
                lines.push(format!(
                    "{}: {}; found {}",
                    code(&change.paths),
                    code(&value),
                    markdown(&change.found)
                ));
            }
            for change in plan.sysctls.iter().filter(|change| change.topic == topic) {
                lines.push(format!(
                    "{}: {}; found {}",
                    code(&change.name),
                    code(&change.value),
                    code(&change.found)
                ));
            }
            if topic == "parameters"
                && plan.sysctls.iter().any(|change| change.name == "kernel.numa_balancing")
            {
                lines.push("`kernel.numa_balancing` only after the service runs pinned.".into());
            }
            lines.push(format!("{}; the same command without `--apply` verifies", apply(topic)));
        }
    }
    lines
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn placement(plan: &Plan, lines: &mut Vec<String>) {
    for (server, place) in placed(plan) {
        let memory = match (place.memory_policy, place.memory_nodes.is_empty()) {
            ("", true) => "memory left alone".to_owned(),
            ("", false) => format!("memory on nodes {}, bound by the engine", place.memory_nodes),
            (policy, _) => format!("memory {policy} on nodes {}", place.memory_nodes),
        };
        lines.push(format!("{}: CPUs {}; {memory}.", server.name, blanks(&place.cpus)));
        for worker in &place.workers {
            lines.push(format!(
                "GPU {} on node {} (by {}): CPUs {}",
                markdown(&worker.gpu.address),
                worker.gpu.node,
                worker.gpu.source,
                worker.cpus
            ));
        }
        if !place.engine.is_empty() {
            lines.push(format!("API server and scheduler: CPUs {}", place.engine));
        }
        if !place.options.is_empty() {
            let options = code(&place.options.join(" "));
            lines.push(match &server.home {
                Home::Unit(unit) => format!("By hand: add {options} to `ExecStart=` of {}.", code(unit)),
                _ => format!("Options of the engine: {options}, in the forms of this folder already."),
            });
        }
        lines.extend(place.notes.iter().map(|note| format!("{}.", markdown(&capital(note)))));
        match &server.home {
            Home::Unit(unit) => lines.push(format!(
                "Apply: `./apply.sh --only placement --apply`, then {}. Verify: {}",
                code(&format!("systemctl restart {unit}")),
                code(&format!("numastat -p $(systemctl show -p MainPID --value {unit})"))
            )),
            Home::Nothing(why) => lines.push(format!(
                "It is started by hand ({}): {} starts it from now on. Apply: `./apply.sh --only placement --apply`, then start that.",
                markdown(why),
                code(&super::units::unit_name(server))
            )),
            Home::Container(_) => lines.push(format!(
                "It runs in a container: {}.",
                code(&format!("docker/compose-{}.yaml", server.name))
            )),
            Home::Pod => lines.push("It runs in a pod: `kubernetes/`.".into()),
            Home::Unknown(why) => {
                lines.push(format!("What starts it is not known ({}): choose one of the forms below.", markdown(why)));
            }
        }
        if let Err(why) = &server.command {
            lines.push(format!(
                "How to start it is not known ({}): no whole service was made.",
                markdown(why)
            ));
        }
    }
}

fn by_hand(plan: &Plan) -> String {
    if plan.by_hand.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("## By hand\n\nFindings that no file of this folder answers, in the order of work.\n\n");
    for item in &plan.by_hand {
        let _ = writeln!(
            text,
            "- [ ] **{}** ({}), risk of change {}",
            markdown(&item.title),
            item.check,
            risk(item.risk)
        );
        let mut line = |line: String| {
            let _ = writeln!(text, "    - {line}");
        };
        for (subject, message) in &item.found {
            line(format!("{}: {}", markdown(subject), markdown(message)));
        }
        if item.verify_first {
            line("Confirm first: the evidence is indirect.".into());
        }
        for (word, what) in [
            ("Now", &item.remedy.runtime),
            ("For good", &item.remedy.persistent),
            ("Undo", &item.remedy.rollback),
        ] {
            let pattern =
                if is_pattern(what, &[]) { ", a pattern: put in the names of this node" } else { "" };
            line(format!("{word}{pattern}: {}", markdown(what)));
        }
        line(format!("Verify: {}", markdown(&item.remedy.verification)));
    }
    text.push('\n');
    text
}

fn not_planned(plan: &Plan) -> String {
    let mut text = String::from("## Not planned\n\n");
    if plan.not_planned.is_empty() {
        text += "Nothing was left out for want of evidence.\n\n";
        return text;
    }
    text += "Left out, because a guess is worse than a gap.\n\n";
    for item in &plan.not_planned {
        let _ = writeln!(text, "- {}: {}", markdown(&item.what), markdown(&item.why));
    }
    text.push('\n');
    text
}

fn list(files: &[OutputFile]) -> String {
    let mut text = String::from("## Files\n\n");
    for file in files {
        let _ = writeln!(text, "- {}", code(&file.path));
    }
    text
}
