//! `svc.restart-oom`: the service restarts itself and is the last to be killed.
//!
//! Three answers for each server. *Restart*: what starts it again. systemd's own defaults count: no restart, 100 ms before one,
//! and giving up after five in ten seconds. Docker waits longer each time by itself; a pod is started again by the kubelet, and
//! its manifest is not on the node. *Readiness*: whether anything asks the server if it can serve. *Out of memory*: the
//! `oom_score_adj` in force. The time that a model takes to load is not in the evidence, so a time-out is judged only where
//! systemd waits for the server at all, and by our own limit.

use plumb_check_sdk::limit::{Quantity, Seconds};
use plumb_check_sdk::model::{DockerConfig, InferenceServer, Unit, UnitSetting};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict, Object, Outcome,
    ServiceSetting,
};

use crate::pages::svc_restart_oom::{BACK_OFF, OOM_PASS, PAGE, START, words};
use crate::server::{Home, Homes, NoHome, part_of, service};

/// Seconds before a restart that are asked for.
const PAUSE: &str = "5";
/// Seconds for the start of a server that loads a model.
const START_SECONDS: &str = "1800";
const OOM_SCORE: &str = "-900";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let homes = Homes::of(evidence);
    let mut findings = Vec::new();
    for server in servers {
        let judge = Judge { evidence, server, servers: servers.len() };
        let home = homes.find(evidence, server);
        let is_pod = matches!(home, Ok(Home::Pod(_)));
        findings.extend(
            PAGE.settle(judge.restart(), home.map_err(NoVerdict::from).and_then(|home| judge.of_home(home))),
        );
        findings.push(PAGE.settle(part_of(server, "out of memory"), judge.out_of_memory(is_pod)));
    }
    Ok(findings)
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    server: &'a InferenceServer,
    /// Servers of the node.
    servers: usize,
}

/// How a setting of a unit is cited; one that is not written has systemd's default.
fn cite(unit: &Unit, written: Option<&UnitSetting>, default: &str) -> Citation {
    match written {
        Some(setting) => Citation::new(&setting.path, format!("{}={}", setting.key, setting.value)),
        None => Citation::new(unit.fragment.known().map_or("", String::as_str), format!("no {default}")),
    }
}

fn was(written: Option<&UnitSetting>) -> Option<String> {
    written.map(|setting| setting.value.clone())
}

/// The last of several spellings of a setting of the start limit, which systemd reads in two sections.
fn start_limit<'a>(unit: &'a Unit, keys: &[&str], default: &'a str) -> &'a str {
    let of_limit = |setting: &&UnitSetting| {
        matches!(setting.section.as_str(), "Unit" | "Service") && keys.contains(&setting.key.as_str())
    };
    unit.settings.iter().rfind(of_limit).map_or(default, |setting| setting.value.trim())
}

impl Judge<'_> {
    fn restart(&self) -> Object {
        part_of(self.server, "restart")
    }

    fn readiness(&self) -> Object {
        part_of(self.server, "readiness")
    }

    fn pid(&self) -> Arg {
        Arg::text(self.server.pid.to_string())
    }

    fn wants(&self, setting: ServiceSetting, want: &str, was: Option<String>) -> Intent {
        service(self.server, setting, want, was)
    }

    /// Asks for something that asks the server whether it can serve; empty where nobody knows at which path.
    fn wants_health_check(&self) -> Intent {
        let path = match self.server.kind.as_str() {
            "vllm" | "sglang" | "tensorrt-llm" | "tgi" | "llama.cpp" => "/health",
            "triton" => "/v2/health/ready",
            "ollama" => "/api/version",
            _ => "",
        };
        self.wants(ServiceSetting::HealthCheck, path, None)
    }

    fn of_home(&self, home: Home<'_>) -> Result<Vec<Finding>, NoVerdict> {
        match home {
            Home::Unit(unit) => Ok(vec![self.restart_of_unit(unit), self.readiness_of_unit(unit)]),
            Home::Container(container) => {
                let unknown = |why: Missing| words::UnknownEngine { reason: why.into() };
                Ok(self.of_docker(container.docker.require().map_err(unknown)?))
            }
            Home::Pod(_) => Err(words::Pod {}.into()),
            Home::Inside => {
                let (container, command) = self.evidence.host_of_container()?;
                Err(words::Inside { command: command.into(), container: container.into() }.into())
            }
            Home::Nothing(place) => Ok(vec![self.by_hand(place)]),
            Home::UnknownUnit(unit) => Err(words::UnknownUnit { unit: unit.into() }.into()),
            Home::UnknownContainer(id) => Err(words::UnknownContainer { container: id.into() }.into()),
        }
    }

    fn by_hand(&self, place: NoHome<'_>) -> Finding {
        let (place, unit) = match place {
            NoHome::Scope(unit) => ("scope", unit),
            NoHome::NoFile(unit) => ("no-file", unit),
            NoHome::NoUnit => ("none", "no unit"),
        };
        let citation = Citation::new(format!("/proc/{}/cgroup", self.server.pid), unit);
        let said = words::NothingStarts { pid: self.pid(), place: place.into(), unit: unit.into() };
        PAGE.fail(self.restart(), said)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(citation)
            .with_intent(self.wants(ServiceSetting::Restart, "always", None))
            .with_intent(self.wants(ServiceSetting::RestartDelay, PAUSE, None))
    }

    fn restart_of_unit(&self, unit: &Unit) -> Finding {
        let written = unit.last("Service", "Restart");
        let restart = written.map_or("no", |setting| setting.value.trim());
        let cited = cite(unit, written, "Restart= (no)");
        let delay = unit.last("Service", "RestartSec");
        let pause = match delay.map(|setting| setting.value.as_str()) {
            None => Some(0.1),
            Some(text) if text.trim() == "0" => Some(0.0),
            Some(text) => seconds(text).filter(|pause| pause.is_finite()),
        };
        let burst = start_limit(unit, &["StartLimitBurst"], "5");
        let interval = start_limit(unit, &["StartLimitIntervalSec", "StartLimitInterval"], "10s");
        // A limit of 0 tries for ever, whatever the pause is.
        let is_limited = burst != "0" && interval != "0";
        let back_off = self.evidence.limit(&PAGE, &BACK_OFF);
        let is_short = is_limited && pause.is_some_and(|pause| back_off.is_undercut_by(Quantity::new(pause)));
        let longer = is_short.then(|| self.wants(ServiceSetting::RestartDelay, PAUSE, was(delay)));
        let object = self.restart();
        let restart_text = Arg::from(restart);
        if matches!(restart, "no" | "on-success" | "on-watchdog") {
            let outcome = if restart == "on-watchdog" { Outcome::Warn } else { Outcome::Fail };
            let said =
                words::NoRestart { pid: self.pid(), restart: restart_text, unit: unit.name.as_str().into() };
            return PAGE
                .says(outcome, object, said)
                .with_likelihood(Likelihood::Setting)
                .with_evidence(cited)
                .with_intent(self.wants(ServiceSetting::Restart, "always", was(written)))
                .with_intents(longer);
        }
        let Some(pause) = pause else {
            let value = delay.map_or("", |setting| setting.value.as_str()).into();
            return PAGE.not_run(object, words::OddPause { value });
        };
        let pause = Arg::of(Quantity::<Seconds>::new(pause), 1);
        let Some(longer) = longer else {
            return PAGE.pass(object, words::Restarts { pause, restart: restart_text }).with_evidence(cited);
        };
        let said = words::ShortPause {
            burst: burst.into(),
            interval: interval.into(),
            pause,
            pid: self.pid(),
            restart: restart_text,
        };
        PAGE.warn(object, said)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(cited)
            .with_evidence(cite(unit, delay, "RestartSec= (100ms)"))
            .with_intent(longer)
    }

    fn readiness_of_unit(&self, unit: &Unit) -> Finding {
        let object = self.readiness();
        let written = unit.last("Service", "Type");
        let kind = written.map_or("simple", |setting| setting.value.trim());
        let asks = unit
            .all("Service", "ExecStartPost")
            .any(|setting| ["health", "ready", "v1/models"].iter().any(|word| setting.value.contains(word)));
        if !asks && !matches!(kind, "notify" | "notify-reload" | "forking" | "dbus") {
            let said = words::NotAsked { pid: self.pid(), start: kind.into() };
            return PAGE
                .warn(object, said)
                .with_likelihood(Likelihood::Setting)
                .with_evidence(cite(unit, written, "Type= (simple)"))
                .with_intent(self.wants_health_check());
        }
        let keys = ["TimeoutStartSec", "TimeoutSec"];
        let is_limit =
            |setting: &&UnitSetting| setting.section == "Service" && keys.contains(&setting.key.as_str());
        let written = unit.settings.iter().rfind(is_limit);
        let value = written.map_or("90s", |setting| setting.value.as_str());
        let Some(limit) = seconds(value).map(Quantity::<Seconds>::new) else {
            return PAGE.not_run(object, words::OddTimeout { value: value.into() });
        };
        let cited = cite(unit, written, "TimeoutStartSec= (90s)");
        if !self.evidence.limit(&PAGE, &START).is_undercut_by(limit) {
            return PAGE.pass(object, words::Waits {}).with_evidence(cited);
        }
        let said = words::ShortStart { limit: Arg::of(limit, 0), pid: self.pid() };
        PAGE.warn(object, said)
            .with_likelihood(Likelihood::Setting)
            .with_confidence(Confidence::Medium)
            .with_evidence(cited)
            .with_intent(self.wants(ServiceSetting::StartTimeout, START_SECONDS, was(written)))
    }

    fn of_docker(&self, docker: &DockerConfig) -> Vec<Finding> {
        let cite = |finding: Finding, value: &str| {
            finding.with_likelihood(Likelihood::Setting).with_evidence(Citation::new(&docker.path, value))
        };
        let (restart, readiness) = (self.restart(), self.readiness());
        let pid = self.pid();
        let restart = match docker.restart_policy.as_deref() {
            None => PAGE.not_run(restart, words::UnknownPolicy {}),
            Some(policy @ ("" | "no")) => {
                let wanted = self.wants(ServiceSetting::Restart, "always", Some(policy.to_owned()));
                let finding = PAGE.fail(restart, words::NoPolicy { pid: pid.clone() }).with_intent(wanted);
                cite(finding, "RestartPolicy: no")
            }
            Some(policy) => {
                let finding = PAGE.pass(restart, words::Policy { policy: policy.into() });
                cite(finding, &format!("RestartPolicy: {policy}"))
            }
        };
        let readiness = match docker.health_check {
            None => PAGE.not_run(readiness, words::UnknownHealthCheck {}),
            Some(false) => {
                let finding = PAGE.warn(readiness, words::NoHealthCheck { pid });
                cite(finding.with_intent(self.wants_health_check()), "no Healthcheck")
            }
            Some(true) => cite(PAGE.pass(readiness, words::HealthCheck {}), "Healthcheck"),
        };
        vec![restart, readiness]
    }

    /// `is_pod`: the kubelet sets the score by the pod's class of service.
    fn out_of_memory(&self, is_pod: bool) -> Result<Finding, NoVerdict> {
        let mut worst: Option<(i32, &str, u32)> = None;
        for process in &self.server.processes {
            let score = *process.oom_score_adj.require()?;
            if worst.is_none_or(|(other, ..)| score > other) {
                worst = Some((score, process.path.as_str(), process.pid));
            }
        }
        let (score, path, pid) = worst.ok_or(words::NoProcess {})?;
        let object = part_of(self.server, "out of memory");
        let citation = Citation::new(format!("{path}/oom_score_adj"), score.to_string());
        let (pid, text) = (Arg::text(pid.to_string()), Arg::text(score.to_string()));
        let limit = self.evidence.limit(&PAGE, &OOM_PASS);
        if !limit.is_exceeded_by(Quantity::new(f64::from(score))) {
            return Ok(PAGE.pass(object, words::Kept { pid, score: text }).with_evidence(citation));
        }
        let outcome = if score >= 0 && self.servers > 1 { Outcome::Fail } else { Outcome::Warn };
        let others_count = Arg::from(self.servers - 1);
        let finding = PAGE.says(outcome, object, words::KilledFirst { others_count, pid, score: text });
        let wanted = if is_pod {
            Intent::GuaranteedPod { server: self.server.pid }
        } else {
            self.wants(ServiceSetting::OomScore, OOM_SCORE, Some(score.to_string()))
        };
        Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation).with_intent(wanted))
    }
}

/// A time span of systemd.time(7) in seconds: `5`, `100ms`, `1min 30s`, `infinity`. A time-out of 0 is none.
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
