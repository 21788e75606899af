//! The subjects that files are made for, in the order of work.

use std::collections::BTreeSet;

use plumb_check_sdk::Intent;
use plumb_engine::Assessment;
use plumb_evidence::{Evidence, Fact};

use super::findings::Findings;
use super::{
    ByHand, NotPlanned, PLAN_SCHEMA, Plan, Why, boot, experiment, goals, interrupts, partition, placement,
    server, tuning,
};

/// A subject that files are made for; `apply.sh --only ID` applies it alone.
#[derive(Debug)]
pub struct Topic {
    /// Short name.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
}

const fn topic(id: &'static str, title: &'static str) -> Topic {
    Topic { id, title }
}

/// All topics, in the order of work: placement first, since other settings rest on it.
pub const TOPICS: &[Topic] = &[
    topic("placement", "CPUs and memory of inference servers"),
    topic("service", "Limits, weights and restarts of inference servers"),
    topic("slices", super::SLICES),
    topic("governor", "Frequency governor and energy preference"),
    topic("turbo", "Turbo and frequency limits"),
    topic("idle", "Idle states with long exits"),
    topic("values", "Single values of the kernel"),
    topic("parameters", "Kernel parameters"),
    topic("interrupts", super::INTERRUPTS),
    topic("kubernetes", "CPU, memory and topology managers of Kubernetes"),
    topic("boot", "Arguments of the kernel"),
];

/// The plan of a node.
pub(super) fn plan(evidence: &Evidence, assessment: &Assessment) -> Plan {
    let findings = Findings(assessment);
    let mut plan = Plan {
        schema: PLAN_SCHEMA,
        tool_version: assessment.tool_version.clone(),
        hostname: assessment.node.hostname.clone(),
        bundle: assessment.provenance.bundle_sha256.clone(),
        collected: assessment.provenance.collected.clone(),
        tuned_runs: runs(evidence, "tuned"),
        tuned_profile: tuned_profile(evidence),
        partition: None,
        goals: goals::of(evidence, assessment),
        servers: server::all(evidence),
        governor: None,
        values: Vec::new(),
        sysctls: Vec::new(),
        interrupts: None,
        boot: Vec::new(),
        boot_tool: boot::BootTool::of(evidence),
        slurm: partition::slurm(evidence),
        kubelet: None,
        by_hand: Vec::new(),
        not_planned: Vec::new(),
    };
    plan.kubelet = goals::why_for(&plan.goals, super::Basis::Published, |intent| {
        matches!(intent, Intent::Kubelet { .. })
    });
    let measured = experiment::recommendations(evidence, &plan.servers, &mut plan.not_planned);
    partition::plan(evidence, findings, &mut plan);
    placement::plan(evidence, &measured, &mut plan);
    partition::settle(evidence, &mut plan);
    server::settings(evidence, &mut plan);
    boot::plan(&mut plan);
    tuning::plan(evidence, &measured, &mut plan);
    interrupts::plan(evidence, &mut plan);
    missing(findings, &mut plan);
    by_hand(assessment, &mut plan);
    plan.not_planned.sort();
    plan.not_planned.dedup();
    plan
}

/// True if a program that keeps settings in force was seen running.
pub(super) fn runs(evidence: &Evidence, name: &str) -> bool {
    let programs = evidence.services.known().and_then(|services| services.programs.known());
    programs.into_iter().flatten().any(|program| program.name == name && program.pid.known().is_some())
}

pub(super) fn tuned_profile(evidence: &Evidence) -> String {
    let path = "/etc/tuned/active_profile";
    let read = evidence.settings.values().find_map(|files| files.get(path).and_then(Fact::known));
    let persistent = evidence.services.known().and_then(|services| services.persistent.known());
    let known = read.or_else(|| persistent.and_then(|persistent| persistent.tuned_profile.known()));
    known.map(|text| text.trim().to_owned()).filter(|name| crate::quote::is_plain(name)).unwrap_or_default()
}

/// What was not planned because a check could not be answered, or because the client accepted what it found.
fn missing(findings: Findings<'_>, plan: &mut Plan) {
    for finding in findings.unanswered() {
        plan.not_planned.push(NotPlanned {
            what: finding.title.clone(),
            why: format!("evidence is missing: {} ({})", finding.message, finding.check),
        });
    }
    for finding in findings.accepted() {
        plan.not_planned.push(NotPlanned {
            what: format!("{} ({})", finding.check, finding.subject),
            why: "the client accepted this deviation".to_owned(),
        });
    }
}

/// Deviations that no change of the plan answers.
fn by_hand(assessment: &Assessment, plan: &mut Plan) {
    let answered: BTreeSet<(String, String)> = plan
        .whys()
        .into_iter()
        .flat_map(|why| &why.reasons)
        .map(|reason| (reason.source.clone(), reason.subject.clone()))
        .collect();
    // What a check with a page asks for is an action, whatever became of it.
    let has_text = |check: &str| {
        assessment.findings.iter().any(|finding| finding.check == check && finding.variant.is_none())
    };
    for item in assessment.work.iter().filter(|item| has_text(&item.check)) {
        let of_item = |finding: &&plumb_engine::assessment::RatedFinding| {
            finding.check == item.check
                && finding.outcome.is_deviation()
                && !answered.contains(&(finding.check.clone(), finding.subject.clone()))
        };
        let mut open = assessment.findings.iter().filter(of_item).peekable();
        let Some(first) = open.peek() else { continue };
        plan.by_hand.push(ByHand {
            check: item.check.clone(),
            title: item.title.clone(),
            remedy: first.remediation.clone(),
            risk: item.risk_of_change,
            verify_first: item.verify_first,
            found: open.map(|finding| (finding.subject.clone(), finding.message.clone())).collect(),
        });
    }
}

impl Plan {
    /// The reasons of all changes.
    #[must_use]
    pub fn whys(&self) -> Vec<&Why> {
        let mut whys = self.applied();
        whys.extend(self.boot.iter().map(|change| &change.why));
        whys.extend(self.kubelet.iter());
        whys
    }

    /// The reasons of what `apply.sh` does.
    #[must_use]
    pub fn applied(&self) -> Vec<&Why> {
        let mut whys: Vec<&Why> = self.servers.iter().flat_map(super::ServerPlan::whys).collect();
        whys.extend(self.partition.iter().filter_map(|split| split.slices.as_ref()));
        whys.extend(self.governor.iter().map(|change| &change.why));
        whys.extend(self.values.iter().map(|change| &change.why));
        whys.extend(self.sysctls.iter().map(|change| &change.why));
        whys.extend(self.interrupts.iter().map(|change| &change.why));
        whys
    }
}
