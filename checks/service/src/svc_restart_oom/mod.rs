//! `svc.restart-oom`: the service restarts itself and is the last to be killed.
//!
//! Three answers for each server. *Restart*: what starts it again. systemd's own defaults count: no restart, 100 ms before one,
//! and giving up after five in ten seconds. Docker waits longer each time by itself; a pod is started again by the kubelet, and
//! its manifest is not on the node. *Readiness*: whether anything asks the server if it can serve. *Out of memory*: the
//! `oom_score_adj` in force. The time that a model takes to load is not in the evidence, so a time-out is judged only where
//! systemd waits for the server at all, and by our own limit.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Quantity, Seconds, Unit};
use plumb_check_sdk::model::{DockerConfig, InferenceServer, Unit as SystemdUnit};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding,
    Likelihood, Missing, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::server::{Home, Homes, servers};

/// See the module.
pub struct SvcRestartOom;

const BACK_OFF: Limit<Seconds> = Limit {
    name: "pause before a restart",
    value: Quantity::new(2.0),
    basis: ThresholdBasis::Expert,
    source: "our reading of systemd.unit(5): five starts within 10 s and the unit stays down, so 2 s keep it trying",
    date: "2026-11-23",
    applies_to: "services of systemd with the default StartLimit",
};
const START: Limit<Seconds> = Limit {
    name: "time-out of a start that loads a model",
    value: Quantity::new(600.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: ten minutes for a large model from a slow disk",
    date: "2026-11-23",
    applies_to: "services of systemd that are started only once they say so",
};
const OOM_PASS: Limit<Score> = Limit {
    name: "oom_score_adj that keeps a server",
    value: Quantity::new(-500.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: half the memory of the host is discounted",
    date: "2026-11-23",
    applies_to: "processes of inference servers",
};

/// `oom_score_adj`, -1000 to 1000.
enum Score {}

impl Unit for Score {
    const SYMBOL: &'static str = "points";
}

static THRESHOLDS: [Threshold; 3] = [BACK_OFF.threshold(), START.threshold(), OOM_PASS.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("svc.restart-oom"),
    title: Borrowed("The service restarts itself and is the last to be killed"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("It decides how long an outage lasts, and who is killed when memory runs out."),
    business: Borrowed("If it falls, nobody picks it up."),
    needs: Borrowed(&[Borrowed("/containers/containers"), Borrowed("/servers"), Borrowed("/services/units")]),
    remediation: Remediation {
        runtime: Borrowed("`choom -p PID -n -900` for the score; the rest needs the unit"),
        persistent: Borrowed(
            "`Restart=on-failure`, `RestartSec=5`, `OOMScoreAdjust=-900` and `TimeoutStartSec=1800` under \
             `[Service]`, and `ExecStartPost=` with a loop that waits for `/health`; for Docker `--restart \
             unless-stopped --health-cmd`",
        ),
        rollback: Borrowed("`systemctl revert UNIT`"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`systemctl show UNIT -p Restart -p RestartUSec -p OOMScoreAdjust -p NRestarts`",
        ),
        expected_effect: Borrowed("Availability."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Services of systemd and containers"),
    caveat: None,
    references: Borrowed(&[Reference {
        title: Borrowed("systemd.exec(5): CPUAffinity=, NUMAPolicy=, NUMAMask=, Limit*=, OOMScoreAdjust="),
        url: Borrowed("https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html"),
    }]),
};

impl Check for SvcRestartOom {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = match servers(&META, evidence)? {
            Ok(servers) => servers,
            Err(findings) => return Ok(findings),
        };
        let homes = Homes::of(evidence);
        let mut findings = Vec::new();
        for server in servers {
            match homes.find(server) {
                Ok(home) => findings.extend(of_home(evidence, server, &home)),
                Err(why) => {
                    findings.push(META.not_run(format!("{}, restart", server.subject()), why.to_string()))
                }
            }
            findings.push(out_of_memory(evidence, server, servers.len() > 1).unwrap_or_else(|why| {
                META.not_run(format!("{}, out of memory", server.subject()), why.to_string())
            }));
        }
        Ok(findings)
    }
}

fn of_home(evidence: &Evidence<'_>, server: &InferenceServer, home: &Home<'_>) -> Vec<Finding> {
    let named = |what: &str| format!("{}, {what}", server.subject());
    match home {
        Home::Unit(unit) => {
            let mut findings = vec![restart_of_unit(evidence, named("restart"), unit)];
            findings.extend(readiness_of_unit(evidence, named("readiness"), unit));
            findings
        }
        Home::Container(container) => match &container.docker {
            Fact::Known(docker) => of_docker(docker, named("restart"), named("readiness")),
            Fact::Missing(why) => {
                vec![
                    META.not_run(named("restart"), format!("what the container engine was asked for: {why}")),
                ]
            }
        },
        Home::Pod(_) => {
            let message = "the kubelet starts it again as the pod's manifest says, which is not on this node";
            vec![META.not_run(named("restart"), message)]
        }
        Home::Nothing(why) => {
            let citation = Citation::new(format!("/proc/{}/cgroup", server.pid), why.clone());
            let message = format!("started by hand: {why}, and nothing starts it again");
            let finding = META.fail(named("restart"), message).with_likelihood(Likelihood::Setting);
            vec![finding.with_evidence(citation)]
        }
    }
}

/// How a setting of a unit is cited; one that is not written has systemd's default.
fn cite(unit: &SystemdUnit, key: &str, default: &str) -> Citation {
    match unit.last("Service", key) {
        Some(setting) => Citation::new(&setting.path, format!("{key}={}", setting.value)),
        None => {
            Citation::new(unit.fragment.known().map_or("", String::as_str), format!("no {key}= ({default})"))
        }
    }
}

fn restart_of_unit(evidence: &Evidence<'_>, subject: String, unit: &SystemdUnit) -> Finding {
    let restart = unit.last("Service", "Restart").map_or("no", |setting| setting.value.trim());
    let cited = cite(unit, "Restart", "no");
    let setting =
        |finding: Finding| finding.with_likelihood(Likelihood::Setting).with_evidence(cited.clone());
    if matches!(restart, "no" | "on-success") {
        return setting(
            META.fail(subject, format!("`Restart={restart}`: after a crash nobody starts it again")),
        );
    }
    if restart == "on-watchdog" {
        return setting(META.warn(subject, "`Restart=on-watchdog` does not start it again after a crash"));
    }
    let pause = match unit.last("Service", "RestartSec") {
        Some(setting) => seconds(&setting.value),
        None => Some(0.1),
    };
    // A limit of 0 tries for ever, whatever the pause is.
    let unlimited = ["StartLimitIntervalSec", "StartLimitInterval", "StartLimitBurst"].iter().any(|key| {
        ["Unit", "Service"]
            .iter()
            .any(|section| unit.last(section, key).is_some_and(|setting| setting.value.trim() == "0"))
    });
    let Some(pause) = pause else {
        return META.not_run(subject, "the time of `RestartSec=` is not of a known form");
    };
    if !unlimited && evidence.limit(&META, &BACK_OFF).is_undercut_by(Quantity::new(pause)) {
        let message =
            format!("`Restart={restart}` after {pause:.1} s: five failures within 10 s, and it stays down");
        return setting(META.warn(subject, message)).with_evidence(cite(unit, "RestartSec", "100ms"));
    }
    META.pass(subject, format!("`Restart={restart}` after {pause:.1} s")).with_evidence(cited)
}

fn readiness_of_unit(evidence: &Evidence<'_>, subject: String, unit: &SystemdUnit) -> Option<Finding> {
    let kind = unit.last("Service", "Type").map_or("simple", |setting| setting.value.trim());
    let asks = unit
        .all("Service", "ExecStartPost")
        .find(|setting| ["health", "ready", "v1/models"].iter().any(|word| setting.value.contains(word)));
    let waits = asks.is_some() || matches!(kind, "notify" | "notify-reload" | "forking" | "dbus");
    if !waits {
        let message = format!(
            "`Type={kind}`: nothing asks whether it can serve, so it counts as started while it loads"
        );
        let finding = META.warn(subject, message).with_likelihood(Likelihood::Setting);
        return Some(finding.with_evidence(cite(unit, "Type", "simple")));
    }
    let keys = ["TimeoutStartSec", "TimeoutSec"];
    let written = unit
        .settings
        .iter()
        .rfind(|setting| setting.section == "Service" && keys.contains(&setting.key.as_str()));
    let limit = match written {
        Some(setting) => seconds(&setting.value),
        None => Some(90.0),
    };
    let cited = match written {
        Some(setting) => Citation::new(&setting.path, format!("{}={}", setting.key, setting.value)),
        None => cite(unit, "TimeoutStartSec", "90s"),
    };
    let Some(limit) = limit else {
        return Some(META.not_run(subject, "the time-out of its start is not of a known form"));
    };
    if evidence.limit(&META, &START).is_undercut_by(Quantity::new(limit)) {
        let message = format!("systemd gives its start {limit:.0} s, which a large model may exceed");
        let finding = META.warn(subject, message).with_likelihood(Likelihood::Setting);
        return Some(finding.with_confidence(Confidence::Medium).with_evidence(cited));
    }
    Some(META.pass(subject, "systemd waits until it can serve").with_evidence(cited))
}

fn of_docker(docker: &DockerConfig, restart: String, readiness: String) -> Vec<Finding> {
    let mut findings = Vec::new();
    let setting = |finding: Finding, value: String| {
        finding.with_likelihood(Likelihood::Setting).with_evidence(Citation::new(&docker.path, value))
    };
    findings.push(match docker.restart_policy.as_deref() {
        None => META.not_run(restart, "the restart policy of the container is not known"),
        Some("" | "no") => {
            let message = "restart policy `no`: after a crash nobody starts it again";
            setting(META.fail(restart, message), "RestartPolicy: no".to_owned())
        }
        Some(policy) => setting(
            META.pass(restart, format!("restart policy `{policy}`")),
            format!("RestartPolicy: {policy}"),
        ),
    });
    findings.push(match docker.health_check {
        None => META.not_run(readiness, "whether the container has a health check is not known"),
        Some(false) => setting(
            META.warn(
                readiness,
                "the container has no health check: it counts as running while the model loads",
            ),
            "no Healthcheck".to_owned(),
        ),
        Some(true) => {
            setting(META.pass(readiness, "the container has a health check"), "Healthcheck".to_owned())
        }
    });
    findings
}

fn out_of_memory(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    shared: bool,
) -> Result<Finding, Missing> {
    let mut worst: Option<(i32, &str, u32)> = None;
    for process in &server.processes {
        let score = *process.oom_score_adj.require()?;
        if worst.is_none_or(|(other, ..)| score > other) {
            worst = Some((score, process.path.as_str(), process.pid));
        }
    }
    let (score, path, pid) =
        worst.ok_or_else(|| Missing::new(Absence::Failed, "the evidence names no process of the server"))?;
    let subject = format!("{}, out of memory", server.subject());
    let citation = Citation::new(format!("{path}/oom_score_adj"), score.to_string());
    let limit = evidence.limit(&META, &OOM_PASS);
    let message = format!("process {pid} has `oom_score_adj` {score}");
    Ok(if !limit.is_exceeded_by(Quantity::new(f64::from(score))) {
        META.pass(subject, message)
    } else if score >= 0 && shared {
        META.fail(
            subject,
            format!("{message}: large as it is, it is killed first, and other servers share the memory"),
        )
    } else {
        META.warn(subject, format!("{message}: large as it is, it may be killed first when memory runs out"))
    }
    .with_likelihood(Likelihood::Setting)
    .with_evidence(citation))
}

/// A time span of systemd.time(7) in seconds: `5`, `100ms`, `1min 30s`, `infinity`.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if text == "infinity" || text == "0" {
        return Some(f64::INFINITY);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "us" | "usec" => 1e-6,
            "ms" | "msec" => 1e-3,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => return None,
        };
        total += number * unit;
        rest = rest[letters..].trim_start();
    }
    (total > 0.0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn time_spans_of_systemd() {
        for (text, expected) in [
            ("5", 5.0),
            ("100ms", 0.1),
            ("1min 30s", 90.0),
            ("1h", 3600.0),
            ("2.5s", 2.5),
            ("infinity", f64::INFINITY),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "x", "5 parsecs", "-1", "."] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
