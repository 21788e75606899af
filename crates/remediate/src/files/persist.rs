//! What sets values at every boot: `sysctl.d`, `tmpfiles.d`, units with the scripts, irqbalance, a profile of TuneD.

use std::fmt::Write;

use super::{Head, Installed, scripts};
use crate::Plan;
use crate::plan::{InterruptPlan, Value, Why};

/// Files that are put in place.
pub(super) fn installed(plan: &Plan) -> Vec<Installed> {
    let mut files = Vec::new();
    files.extend(sysctl(plan));
    files.extend(tmpfiles(plan));
    files.extend(governor(plan));
    if let Some(change) = &plan.interrupts {
        files.extend(interrupts(plan, change));
    }
    files.extend(tuned(plan));
    files
}

fn file(topic: &'static str, source: &str, target: &str, contents: String) -> Installed {
    Installed {
        topic,
        source: source.to_owned(),
        target: target.to_owned(),
        contents,
        executable: false,
        enable: false,
    }
}

/// One file for each topic, so that a topic can be applied alone.
fn sysctl(plan: &Plan) -> Vec<Installed> {
    by_topic(plan.sysctls.iter().map(|change| change.topic))
        .into_iter()
        .map(|topic| {
            let changes: Vec<_> = plan.sysctls.iter().filter(|change| change.topic == topic).collect();
            let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
            let mut notes: Vec<String> =
                changes.iter().map(|change| format!("{} was {}", change.name, change.found)).collect();
            notes.extend(changes.iter().filter(|change| !change.set_by.is_empty()).map(|change| {
                format!("{} is set by {} as well: the file that is read last wins, so take it out there", change.name, change.set_by)
            }));
            if changes.iter().any(|change| change.name == "kernel.numa_balancing") {
                notes.push("kernel.numa_balancing only after the service runs pinned: before that, balancing is the only thing that mends placement".into());
            }
            let head = Head {
                what: "Kernel parameters, set at every boot.".into(),
                whys: changes.iter().map(|change| &change.why).collect(),
                verify: format!("sysctl {}", names.join(" ")),
                undo: "undo.sh --apply; or delete this file and set the former values with sysctl -w".into(),
                notes,
            };
            let mut text = head.lines(plan, "#");
            for change in &changes {
                let _ = writeln!(text, "{} = {}", change.name, change.value);
            }
            let name = format!("90-plumb-{topic}.conf");
            file(topic, &format!("sysctl.d/{name}"), &format!("/etc/sysctl.d/{name}"), text)
        })
        .collect()
}

/// Topics, each once, in order.
fn by_topic(topics: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = Vec::new();
    for topic in topics {
        if !all.contains(&topic) {
            all.push(topic);
        }
    }
    all
}

fn tmpfiles(plan: &Plan) -> Vec<Installed> {
    by_topic(plan.values.iter().map(|change| change.topic))
        .into_iter()
        .filter_map(|topic| {
            let changes: Vec<_> = plan.values.iter().filter(|change| change.topic == topic).collect();
            let mut lines = String::new();
            let mut notes: Vec<String> =
                changes.iter().map(|change| format!("{}: found {}", change.paths, change.found)).collect();
            for change in &changes {
                match &change.value {
                    Value::Text(value) => {
                        let _ = writeln!(lines, "w {} - - - - {value}", change.paths);
                    }
                    // A limit that is no longer set is at its highest after a boot.
                    Value::OfFile(_) => notes.push(format!(
                        "{}: nothing to set at boot, where it starts at the highest",
                        change.paths
                    )),
                }
            }
            let paths: Vec<&str> = changes.iter().map(|change| change.paths.as_str()).collect();
            let head = Head {
                what: "Values below /sys, set at every boot by systemd-tmpfiles.".into(),
                whys: changes.iter().map(|change| &change.why).collect(),
                verify: format!("sort {} | uniq -c", paths.join(" ")),
                undo: "undo.sh --apply; or delete this file and reboot".into(),
                notes,
            };
            let name = format!("90-plumb-{topic}.conf");
            let text = head.lines(plan, "#") + &lines;
            (!lines.is_empty())
                .then(|| file(topic, &format!("tmpfiles.d/{name}"), &format!("/etc/tmpfiles.d/{name}"), text))
        })
        .collect()
}

/// A unit that runs a script once at boot, when drivers are there.
fn at_boot(
    plan: &Plan,
    topic: &'static str,
    (unit, description, command, after): (&str, &str, &str, &str),
    why: &Why,
) -> Installed {
    let head = Head {
        what: format!("{description}, at every boot."),
        whys: vec![why],
        verify: format!("systemctl status {unit}"),
        undo: format!("undo.sh --apply; or systemctl disable {unit}, and delete this file"),
        notes: Vec::new(),
    };
    let text = format!(
        "{}[Unit]\nDescription={description}\n{after}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart={command}\n\n\
         [Install]\nWantedBy=multi-user.target\n",
        head.lines(plan, "#")
    );
    Installed {
        enable: true,
        ..file(topic, &format!("systemd/{unit}"), &format!("/etc/systemd/system/{unit}"), text)
    }
}

fn governor(plan: &Plan) -> Vec<Installed> {
    let Some(change) = &plan.governor else { return Vec::new() };
    let target = "/usr/local/sbin/plumb-set-governor";
    let unit = (
        "inference-governor.service",
        "Frequency governor for inference",
        "/usr/local/sbin/plumb-set-governor apply",
        "After=tuned.service\n",
    );
    vec![
        Installed {
            executable: true,
            ..file("governor", "set_governor.sh", target, scripts::set_governor(plan, change))
        },
        at_boot(plan, "governor", unit, &change.why),
    ]
}

fn interrupts(plan: &Plan, change: &InterruptPlan) -> Vec<Installed> {
    if !change.banned.is_empty() {
        let head = Head {
            what: "Keeps irqbalance off the CPUs that serve models.".into(),
            whys: vec![&change.why],
            verify: "systemctl restart irqbalance; then after a minute: cat /proc/irq/*/effective_affinity_list | sort | uniq -c".into(),
            undo: "undo.sh --apply; or delete this file; then systemctl daemon-reload and systemctl restart irqbalance".into(),
            notes: vec![
                "irqbalance 1.8 and later; before, IRQBALANCE_BANNED_CPUS wants a mask".into(),
                "a value in /etc/default/irqbalance or /etc/sysconfig/irqbalance outweighs this one: take it out there".into(),
                "no script moves interrupts beside irqbalance, which would move them again".into(),
            ],
        };
        let text = format!(
            "{}[Service]\nEnvironment=IRQBALANCE_BANNED_CPULIST={}\n",
            head.lines(plan, "#"),
            change.banned
        );
        let name = "irqbalance.service.d/50-plumb.conf";
        return vec![file(
            "interrupts",
            &format!("systemd/{name}"),
            &format!("/etc/systemd/system/{name}"),
            text,
        )];
    }
    let unit = (
        "inference-irq-affinity.service",
        "Interrupts of network cards on CPUs that are left to the system",
        "/usr/local/sbin/plumb-irq-affinity apply",
        "After=network-online.target\nWants=network-online.target\n",
    );
    vec![
        Installed {
            executable: true,
            ..file(
                "interrupts",
                "irq_affinity.sh",
                "/usr/local/sbin/plumb-irq-affinity",
                scripts::irq_affinity(plan, change),
            )
        },
        at_boot(plan, "interrupts", unit, &change.why),
    ]
}

/// A profile with the same values, for nodes where TuneD keeps settings: it would take other ones back.
fn tuned(plan: &Plan) -> Vec<Installed> {
    if !plan.tuned_runs {
        return Vec::new();
    }
    let mut whys: Vec<&Why> = plan.governor.iter().map(|change| &change.why).collect();
    whys.extend(plan.sysctls.iter().map(|change| &change.why));
    whys.extend(plan.values.iter().map(|change| &change.why));
    if whys.is_empty() {
        return Vec::new();
    }
    let former =
        if plan.tuned_profile.is_empty() { "the former profile" } else { plan.tuned_profile.as_str() };
    let head = Head {
        what: "Profile of TuneD with the values of this plan: TuneD runs here and would take others back.".into(),
        whys,
        verify: "tuned-adm profile plumb-inference; tuned-adm verify".into(),
        undo: format!("tuned-adm profile {former}; then undo.sh --apply"),
        notes: vec!["apply.sh puts the profile in place; choosing it is left to you: tuned-adm profile plumb-inference".into()],
    };
    let mut text = head.lines(plan, "#") + "[main]\nsummary=Inference: the values of Plumb's plan\n";
    if !plan.tuned_profile.is_empty() && plan.tuned_profile != "plumb-inference" {
        let _ = writeln!(text, "include={}", plan.tuned_profile);
    }
    let idle = plan.values.iter().any(|change| change.topic == "idle");
    if plan.governor.is_some() || idle {
        text += "\n[cpu]\n";
    }
    if let Some(change) = &plan.governor {
        for (key, value) in [
            ("governor", &change.governor),
            ("energy_performance_preference", &change.preference),
            ("energy_perf_bias", &change.bias),
        ] {
            if !value.is_empty() {
                let _ = writeln!(text, "{key}={value}");
            }
        }
    }
    if idle {
        text += "force_latency=99\n";
    }
    if !plan.sysctls.is_empty() {
        text += "\n[sysctl]\n";
        for change in &plan.sysctls {
            let _ = writeln!(text, "{}={}", change.name, change.value);
        }
    }
    let written: Vec<(&String, &String)> = plan
        .values
        .iter()
        .filter(|change| change.topic != "idle")
        .filter_map(|change| match &change.value {
            Value::Text(value) => Some((&change.paths, value)),
            Value::OfFile(_) => None,
        })
        .collect();
    if !written.is_empty() {
        text += "\n[sysfs]\n";
        for (path, value) in written {
            let _ = writeln!(text, "{path}={value}");
        }
    }
    // The first topic with a value that TuneD sets: without it the profile has nothing to say.
    let topic = if plan.governor.is_some() {
        "governor"
    } else {
        plan.sysctls
            .first()
            .map(|change| change.topic)
            .or_else(|| plan.values.first().map(|change| change.topic))
            .unwrap_or("governor")
    };
    let name = "tuned/plumb-inference/tuned.conf";
    vec![file(topic, name, &format!("/etc/{name}"), text)]
}
