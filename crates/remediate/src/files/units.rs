//! Units of systemd: a whole service for a server, additions to the one that it has, and slices.

use std::fmt::Write;

use super::{Head, Installed, OutputFile, blanks, placed, slices};
use crate::Plan;
use crate::plan::{Command, Home, Part, Placement, ServerPlan, Why};
use crate::quote::{environment_word, exec_word};

/// Files that are put in place.
pub(super) fn installed(plan: &Plan) -> Vec<Installed> {
    let mut files = Vec::new();
    for server in plan.servers.iter().filter(|server| server.changes()) {
        match &server.home {
            Home::Unit(unit) => files.push(Installed {
                topic: if server.placement.is_some() { "placement" } else { "service" },
                source: format!("systemd/{unit}.d/50-plumb.conf"),
                target: format!("/etc/systemd/system/{unit}.d/50-plumb.conf"),
                contents: drop_in(plan, server, unit),
                executable: false,
                enable: false,
            }),
            Home::Nothing(_) if server.command.is_ok() => files.push(Installed {
                topic: if server.placement.is_some() { "placement" } else { "service" },
                source: format!("systemd/{}", unit_name(server)),
                target: format!("/etc/systemd/system/{}", unit_name(server)),
                contents: whole(plan, server),
                executable: false,
                enable: false,
            }),
            _ => {}
        }
    }
    if let Some((split, why)) = slices(plan) {
        let mut add = |unit: &str, contents: String| {
            files.push(Installed {
                topic: "slices",
                source: format!("systemd/{unit}"),
                target: format!("/etc/systemd/system/{unit}"),
                contents,
                executable: false,
                enable: false,
            });
        };
        let head = |what: &str, unit: &str| Head {
            what: what.to_owned(),
            whys: vec![why],
            verify: format!("systemctl show {unit} -p EffectiveCPUs -p EffectiveMemoryNodes"),
            undo: "undo.sh --apply; or delete this file, then systemctl daemon-reload".into(),
            notes: vec![split.how.clone(), "needs control groups of version 2 and systemd 244".into()],
        };
        let inference =
            head("Slice of inference servers: CPUs and memory nodes that are theirs.", "inference.slice");
        add(
            "inference.slice",
            format!(
                "{}[Unit]\nDescription=Inference servers\n\n[Slice]\nAllowedCPUs={}\n{}CPUWeight=1000\nIOWeight=500\n",
                inference.lines(plan, "#"),
                blanks(&split.inference),
                if split.memory_nodes.is_empty() {
                    String::new()
                } else {
                    format!("AllowedMemoryNodes={}\n", blanks(&split.memory_nodes))
                },
            ),
        );
        for slice in ["system.slice", "user.slice"] {
            let text = head(&format!("Keeps {slice} to the CPUs that are left to the system."), slice);
            add(
                &format!("{slice}.d/50-plumb.conf"),
                format!("{}[Slice]\nAllowedCPUs={}\n", text.lines(plan, "#"), blanks(&split.housekeeping)),
            );
        }
    }
    files
}

/// Whole services of servers that have one already: to read and to take over, not to be put beside the other.
pub(super) fn separate(plan: &Plan) -> Vec<OutputFile> {
    let has_unit = |server: &&ServerPlan| matches!(server.home, Home::Unit(_)) && server.command.is_ok();
    placed(plan)
        .map(|(server, _)| server)
        .filter(has_unit)
        .map(|server| OutputFile {
            path: format!("systemd/reference/{}", unit_name(server)),
            contents: whole(plan, server),
            executable: false,
        })
        .collect()
}

/// Name of the service that a plan makes for a server.
pub(crate) fn unit_name(server: &ServerPlan) -> String {
    format!("inference-{}.service", server.name)
}

fn head<'a>(server: &'a ServerPlan, what: String, unit: &str) -> Head<'a> {
    let mut notes = server.placement.as_ref().map(|place| place.notes.clone()).unwrap_or_default();
    notes.push(
        "the service has to be restarted; do it when requests can wait or another replica serves".into(),
    );
    Head {
        what,
        whys: server.whys(),
        verify: format!(
            "systemctl show {unit} -p CPUAffinity -p NUMAPolicy -p NUMAMask -p EffectiveCPUs; numastat -p $(systemctl show \
             -p MainPID --value {unit})"
        ),
        undo: "undo.sh --apply; or delete this file, then systemctl daemon-reload; then restart the service"
            .into(),
        notes,
    }
}

fn drop_in(plan: &Plan, server: &ServerPlan, unit: &str) -> String {
    let what = format!("Adds to {unit} what the {} server needs.", server.kind);
    let mut text = head(server, what, unit).lines(plan, "#");
    text += "[Service]\n";
    if let Some(place) = &server.placement {
        text += &placement(plan, place);
        for (name, value) in &place.variables {
            let _ = writeln!(text, "Environment={}", environment_word(&format!("{name}={value}")));
        }
        if !place.options.is_empty() {
            let options: Vec<String> = place.options.iter().map(|option| exec_word(option)).collect();
            let _ = writeln!(
                text,
                "# The engine binds its workers by an option: add it to ExecStart= of {unit}, which is not repeated here:\n#   {}",
                options.join(" ")
            );
        }
    }
    for setting in &server.settings {
        let _ = writeln!(text, "{}={}", setting.key, setting.value);
    }
    text
}

/// Settings that place a service.
fn placement(plan: &Plan, place: &Placement) -> String {
    let mut text = String::new();
    if slices(plan).is_some_and(|(split, _)| place.cpus.is_subset(&split.inference)) {
        text += "Slice=inference.slice\n";
    }
    let _ = writeln!(text, "CPUAffinity={}", blanks(&place.cpus));
    if !place.memory_policy.is_empty() && !place.memory_nodes.is_empty() {
        let _ = writeln!(text, "NUMAPolicy={}", place.memory_policy);
        let _ = writeln!(text, "NUMAMask={}", place.memory_nodes);
    }
    text
}

/// A whole service, from the command line that was seen.
fn whole(plan: &Plan, server: &ServerPlan) -> String {
    let Ok(command) = &server.command else { return String::new() };
    let unit = unit_name(server);
    let what = match &server.home {
        Home::Unit(unit) => format!(
            "The whole service of the {} server, to take the place of {unit}: not installed by apply.sh, since both would start it.",
            server.kind
        ),
        _ => format!("Service of the {} server, from the command line that was seen.", server.kind),
    };
    let mut head = head(server, what, &unit);
    head.notes.push("user and working folder are not in the evidence: set User= and WorkingDirectory= before the first start".into());
    if !command.secrets.is_empty() {
        head.notes.push(format!(
            "secrets were masked at collection: write {} as NAME=VALUE into /etc/inference/{}.env (mode 600)",
            command.secrets.join(", "),
            server.name
        ));
    }
    head.notes.push(
        "restart, limits and protection below are our proposal for a service that is written anew".into(),
    );
    let mut text = head.lines(plan, "#");
    let _ = write!(
        text,
        "[Unit]\nDescription=Inference server {}\nAfter=network-online.target nvidia-persistenced.service\n\
         Wants=network-online.target\n# A crash loop ends after five tries in ten minutes.\nStartLimitIntervalSec=600\nStartLimitBurst=5\n\n[Service]\n\
         #User=\n#WorkingDirectory=\n",
        server.name
    );
    let _ = writeln!(text, "ExecStart={}", exec_start(command, server.placement.as_ref()));
    for (name, value) in &command.environment {
        let _ = writeln!(text, "Environment={}", environment_word(&format!("{name}={value}")));
    }
    if let Some(place) = &server.placement {
        for (name, value) in &place.variables {
            let _ = writeln!(text, "Environment={}", environment_word(&format!("{name}={value}")));
        }
    }
    if !command.secrets.is_empty() {
        let _ = writeln!(text, "EnvironmentFile=/etc/inference/{}.env", server.name);
    }
    if let Some(place) = &server.placement {
        text += "\n# Where it belongs.\n";
        text += &placement(plan, place);
    }
    text += "\n# How it lives.\n";
    let defaults = [
        ("Restart", "always"),
        ("RestartSec", "5"),
        ("TimeoutStartSec", "1800"),
        ("TimeoutStopSec", "120"),
        ("OOMScoreAdjust", "-900"),
        ("LimitNOFILE", "1048576"),
        ("LimitMEMLOCK", "infinity"),
        ("TasksMax", "infinity"),
    ];
    for (key, value) in defaults {
        if !server.settings.iter().any(|setting| setting.key == key) {
            let _ = writeln!(text, "{key}={value}");
        }
    }
    for setting in &server.settings {
        // Nothing to take back in a new file.
        if !setting.value.is_empty() {
            let _ = writeln!(text, "{}={}", setting.key, setting.value);
        }
    }
    text += "\n# What it cannot do. Device and clock protection is left out: it would hide the GPUs.\nNoNewPrivileges=yes\n\
             ProtectSystem=full\nProtectControlGroups=yes\nProtectKernelModules=yes\nProtectKernelTunables=yes\nRestrictSUIDSGID=yes\n\
             LockPersonality=yes\n\n[Install]\nWantedBy=multi-user.target\n";
    text
}

/// The command with the options by which the engine binds its workers, where it does not have them yet.
fn exec_start(command: &Command, place: Option<&Placement>) -> String {
    let mut words: Vec<String> = command.words.iter().map(|parts| word(parts)).collect();
    let options = place.map(|place| place.options.as_slice()).unwrap_or_default();
    words.extend(options.iter().map(|option| exec_word(option)));
    words.join(" ")
}

fn word(parts: &[Part]) -> String {
    match parts {
        [Part::Text(text)] => exec_word(text),
        parts => {
            let mut word = String::from("\"");
            for part in parts {
                match part {
                    Part::Text(text) => {
                        let quoted = exec_word(text);
                        let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                        word.push_str(inner.unwrap_or(&quoted));
                    }
                    Part::Secret(name) => {
                        let _ = write!(word, "${{{name}}}");
                    }
                }
            }
            word.push('"');
            word
        }
    }
}

/// Reasons of a server, for files outside of systemd.
pub(super) fn whys(server: &ServerPlan) -> Vec<&Why> {
    server.whys()
}
