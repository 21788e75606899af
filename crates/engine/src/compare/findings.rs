//! What became of each deviation.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::{Arg, Category, Outcome};
use plumb_evidence::Evidence;
use serde::Serialize;

use super::State;
use super::words::Words;
use crate::assessment::{Grade, RatedFinding, by_root};
use crate::speech::{Text, say};

/// Deviations by what became of them, each list in the order of the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Deviated before; the same was looked at after, and is in order.
    pub fixed: Vec<Change>,
    /// In order before, deviates after.
    pub new: Vec<Change>,
    /// Deviates in both, and weighs more after.
    pub worse: Vec<Change>,
    /// Deviates in both, and weighs less after.
    pub better: Vec<Change>,
    /// Deviates in both and weighs the same.
    pub unchanged: Vec<Change>,
    /// Deviates in one; what the other holds is no answer.
    pub not_comparable: Vec<Change>,
    /// Checks that were answered before and are not after.
    pub lost_answers: Vec<String>,
    /// Checks that were not answered before and are after.
    pub gained_answers: Vec<String>,
}

/// A deviation in both states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Id of the check.
    pub check: String,
    /// Title of the check: what is true on a healthy node.
    pub title: String,
    /// What was or is wrong, in a sentence without a full stop.
    pub problem: String,
    /// What one change would mend together with it: changes of one cause are one finding of a report.
    pub root: String,
    /// Category of the check.
    pub category: Category,
    /// The state before.
    pub before: Option<Side>,
    /// The state after.
    pub after: Option<Side>,
    /// Why it is in its list, where that is not plain; a sentence without a full stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a finding as reports count them: one cause, however many places it shows in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Not there before, and what was looked at then was in order.
    New,
    /// Not seen before, since nothing was looked at then that could have shown it.
    FoundNow,
    /// All of it is in order now.
    Fixed,
    /// A part of it is in order now; the rest still deviates, or was not answered.
    Partly,
    /// It is still there.
    Open,
    /// Nothing of it was answered after.
    Unchecked,
}

/// A finding of either report, with what became of it. Those of the report before are each in here once, so that their number
/// is the sum of those that are fixed, fixed in part, open and not checked again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CauseChange {
    /// What one change would mend: the same in both states.
    pub root: String,
    /// What became of it.
    pub fate: Fate,
    /// Its name in the report before, such as `F1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_before: Option<String>,
    /// Its name in the report after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_after: Option<String>,
    /// The worst of it in a sentence without a full stop, as the report says it that has it first.
    pub problem: String,
    /// What is left of it, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// Grade of the worst, in the report that has it first.
    pub grade: Option<Grade>,
    /// Highest score, in the report that has it first.
    pub score: f64,
    /// Titles of its checks that were not answered after: what is true on a healthy node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

/// What one state says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// What was looked at; several where the check says the same of them.
    pub subject: String,
    /// The result.
    pub outcome: Outcome,
    /// What was found.
    pub message: String,
    /// R, 0 to 100.
    pub score: f64,
    /// Grade; `None` for outcomes that carry no risk.
    pub grade: Option<Grade>,
}

/// A finding that says that something is not as it should be, whether or not the client accepts that.
fn deviates(finding: &RatedFinding) -> bool {
    finding.outcome.is_deviation() || finding.outcome == Outcome::Accepted
}

/// Findings as reports count them, the heaviest first within each fate.
pub(super) fn causes(before: State<'_>, after: State<'_>, changes: &Changes) -> Vec<CauseChange> {
    fn groups<'a>(state: State<'a>) -> Vec<(String, Vec<&'a RatedFinding>)> {
        let found = state.assessment.findings.iter().filter(|finding| finding.outcome.is_deviation());
        by_root(found).into_iter().map(|group| (group[0].root().key(), group)).collect()
    }
    let (first, second) = (groups(before), groups(after));
    let language = after.language;
    let name = |at: usize| format!("F{}", at + 1);
    let score = |group: &[&RatedFinding]| group.iter().map(|finding| finding.score).fold(0.0, f64::max);
    let grade = |group: &[&RatedFinding]| group.iter().filter_map(|finding| finding.grade).max();
    let deviated = |change: &&Change| change.before.as_ref().is_some_and(|side| side.deviates());
    let deviates = |change: &&Change| change.after.as_ref().is_some_and(|side| side.deviates());
    let still = || changes.unchanged.iter().chain(&changes.better).chain(&changes.worse);
    let mut causes = Vec::new();
    for (at, (root, group)) in first.iter().enumerate() {
        let is_own = |change: &&Change| change.root == *root;
        let rest = second.iter().position(|(other, _)| other == root);
        let lost: Vec<&Change> = changes.not_comparable.iter().filter(deviated).filter(is_own).collect();
        let is_fixed = changes.fixed.iter().any(|change| is_own(&change));
        let is_there = rest.is_some() || still().any(|change| is_own(&change));
        let fate = match (is_there, is_fixed, lost.is_empty()) {
            (false, true, true) => Fate::Fixed,
            (true, true, _) | (false, true, false) => Fate::Partly,
            (true, false, _) => Fate::Open,
            (false, false, _) => Fate::Unchecked,
        };
        let problem = group[0].sentence_in(language);
        let left = rest.map(|at| second[at].1[0].sentence_in(language)).filter(|left| *left != problem);
        let mut unchecked: Vec<String> = Vec::new();
        for change in lost {
            if !unchecked.contains(&change.title) {
                unchecked.push(change.title.clone());
            }
        }
        causes.push(CauseChange {
            root: root.clone(),
            fate,
            id_before: Some(name(at)),
            id_after: rest.map(name),
            problem,
            left,
            grade: grade(group),
            score: score(group),
            unchecked,
        });
    }
    for (at, (root, group)) in second.iter().enumerate() {
        if first.iter().any(|(other, _)| other == root) {
            continue;
        }
        let is_own = |change: &&Change| group.iter().any(|finding| finding.check == change.check);
        let fate = match () {
            () if changes.new.iter().any(|change| is_own(&change)) => Fate::New,
            // The same under the name of another cause, which is in the list already.
            () if still().filter(deviates).any(|change| is_own(&change)) => continue,
            () => Fate::FoundNow,
        };
        causes.push(CauseChange {
            root: root.clone(),
            fate,
            id_before: None,
            id_after: Some(name(at)),
            problem: group[0].sentence_in(language),
            left: None,
            grade: grade(group),
            score: score(group),
            unchecked: Vec::new(),
        });
    }
    causes.sort_by(|a, b| a.fate.cmp(&b.fate).then(b.grade.cmp(&a.grade)).then(b.score.total_cmp(&a.score)));
    causes
}

impl Side {
    fn deviates(&self) -> bool {
        self.outcome.is_deviation() || self.outcome == Outcome::Accepted
    }
}

pub(super) fn compare(before: State<'_>, after: State<'_>, words: &Words<'_>) -> Changes {
    let (first, second) = (by_check(before), by_check(after));
    let language = after.language;
    let mut changes = Changes::default();
    let shrunk = less(before.evidence, after.evidence, || say("compare-fewer"));
    let grown = less(after.evidence, before.evidence, || say("compare-more"));
    let (shrunk, grown) = (shrunk.map(|text| words.say(&text)), grown.map(|text| words.say(&text)));
    let mut seen = BTreeSet::new();
    // The order of the report: of the second state, then what only the first has.
    let order = after.assessment.findings.iter().chain(&before.assessment.findings);
    for finding in order {
        let check = finding.check.as_str();
        if !seen.insert(check) {
            continue;
        }
        let none = Vec::new();
        let pair = Pair {
            meta: finding,
            before: first.get(check).unwrap_or(&none),
            after: second.get(check).unwrap_or(&none),
            shrunk: shrunk.as_deref(),
            grown: grown.as_deref(),
            language,
            words,
            title: after.assessment.title_in(language, finding),
        };
        pair.compare(&mut changes);
        let answered = |findings: &[&RatedFinding]| {
            !findings.is_empty() && !findings.iter().any(|finding| finding.outcome.is_unanswered())
        };
        match (answered(pair.before), answered(pair.after)) {
            (true, false) => changes.lost_answers.push(check.to_owned()),
            (false, true) => changes.gained_answers.push(check.to_owned()),
            _ => {}
        }
    }
    changes.lost_answers.sort();
    changes.gained_answers.sort();
    changes
}

fn by_check(state: State<'_>) -> BTreeMap<&str, Vec<&RatedFinding>> {
    let mut checks: BTreeMap<&str, Vec<&RatedFinding>> = BTreeMap::new();
    for finding in &state.assessment.findings {
        checks.entry(&finding.check).or_default().push(finding);
    }
    checks
}

/// What the second has less of than the first: why a subject that is gone may be a thing that is gone.
///
/// A worker's PID changes with each start, so that a subject that vanished says little; but where a GPU has vanished,
/// its deviations have not been mended, and where one has come, they are not new.
fn less(more: &Evidence, fewer: &Evidence, told: fn() -> Text<'static>) -> Option<Text<'static>> {
    let count = |what: Text<'static>, more: Option<usize>, fewer: Option<usize>| match (more, fewer) {
        (Some(more), Some(fewer)) if fewer < more => {
            Some(told().count("more", more).with("what", what).count("fewer", fewer))
        }
        (Some(more), None) => {
            Some(told().count("more", more).with("what", what).with("fewer", say("compare-unknown-number")))
        }
        _ => None,
    };
    let known = |evidence: &Evidence| Counts {
        cpus: evidence.cpu.known().map(|cpu| cpu.pus as usize),
        nodes: evidence.numa.known().map(|numa| numa.nodes.len()),
        devices: evidence.pci.known().map(Vec::len),
        gpus: evidence.gpus.known().map(Vec::len),
        servers: evidence
            .servers
            .known()
            .map(|servers| servers.iter().map(|server| server.processes.len()).sum()),
        links: evidence.network.known().and_then(|network| network.interfaces.known().map(Vec::len)),
    };
    let (more, fewer) = (known(more), known(fewer));
    count(say("compare-cpus"), more.cpus, fewer.cpus)
        .or_else(|| count(say("compare-nodes"), more.nodes, fewer.nodes))
        .or_else(|| count(say("compare-gpus"), more.gpus, fewer.gpus))
        .or_else(|| count(say("compare-devices"), more.devices, fewer.devices))
        .or_else(|| count(say("compare-processes"), more.servers, fewer.servers))
        .or_else(|| count(say("compare-links"), more.links, fewer.links))
}

struct Counts {
    cpus: Option<usize>,
    nodes: Option<usize>,
    devices: Option<usize>,
    gpus: Option<usize>,
    servers: Option<usize>,
    links: Option<usize>,
}

/// One check in both states.
struct Pair<'a> {
    meta: &'a RatedFinding,
    before: &'a [&'a RatedFinding],
    after: &'a [&'a RatedFinding],
    shrunk: Option<&'a str>,
    grown: Option<&'a str>,
    language: &'a str,
    words: &'a Words<'a>,
    title: &'a str,
}

impl<'a> Pair<'a> {
    fn compare(&self, changes: &mut Changes) {
        let mut gone: Vec<&RatedFinding> = Vec::new();
        let mut come: Vec<&RatedFinding> = Vec::new();
        let mut named = BTreeSet::new();
        for &finding in self.after.iter().chain(self.before) {
            if !named.insert(finding.subject.as_str()) {
                continue;
            }
            // A check may say several things of one subject; the worst of them stands for it.
            let (before, after) =
                (of_subject(self.before, &finding.subject), of_subject(self.after, &finding.subject));
            match (worst(&before), worst(&after)) {
                (Some(first), Some(second)) if deviates(first) && deviates(second) => {
                    let open = after.iter().any(|finding| finding.outcome.is_unanswered());
                    self.stays(first, second, open, changes);
                }
                (Some(first), Some(second)) if deviates(first) && second.outcome == Outcome::Pass => {
                    changes.fixed.push(self.change(Some(first), Some(second), None));
                }
                (Some(first), Some(second)) if deviates(first) => {
                    let why = self.words.say(&no_answer_after(second));
                    changes.not_comparable.push(self.change(Some(first), Some(second), Some(why)));
                }
                (Some(first), Some(second)) if deviates(second) && first.outcome == Outcome::Pass => {
                    changes.new.push(self.change(Some(first), Some(second), None));
                }
                (Some(first), Some(second)) if deviates(second) => {
                    let why = self.words.say(&no_answer_before(first));
                    changes.not_comparable.push(self.change(Some(first), Some(second), Some(why)));
                }
                (Some(first), None) if deviates(first) => gone.push(first),
                (None, Some(second)) if deviates(second) => come.push(second),
                _ => {}
            }
        }
        self.renamed(&gone, &come, changes);
    }

    /// A deviation that both states have; `open` if a part of its subject was not answered after.
    fn stays(&self, first: &RatedFinding, second: &RatedFinding, open: bool, changes: &mut Changes) {
        let strength = |finding: &RatedFinding| (finding.likelihood, finding.confidence.factor());
        let (from, to) = (strength(first), strength(second));
        let shown = |than: Text<'static>| {
            let than = than.with("before", from.0.to_string()).with("after", to.0.to_string());
            let than = than.with("sure", Text::Number(from.1, "")).with("surer", Text::Number(to.1, ""));
            Some(self.words.say(&than))
        };
        let weaker = to.0 < from.0 || to.1 < from.1;
        let stronger = to.0 > from.0 || to.1 > from.1;
        // The score of an accepted deviation is 0; what it would be is what compares.
        let (list, why) = match weight(second).total_cmp(&weight(first)) {
            std::cmp::Ordering::Greater => {
                (&mut changes.worse, stronger.then(|| shown(say("compare-stronger"))).flatten())
            }
            // Evidence that was lost must not pass for work that was done.
            std::cmp::Ordering::Less if weaker => (&mut changes.unchanged, shown(say("compare-weaker"))),
            std::cmp::Ordering::Less if open => {
                let why = self.words.say(&say("compare-part-open"));
                (&mut changes.unchanged, Some(why))
            }
            std::cmp::Ordering::Less => (&mut changes.better, None),
            std::cmp::Ordering::Equal => {
                match moved(first, second).map(|(is_worse, why)| (is_worse, self.words.say(&why))) {
                    Some((Some(true), why)) => (&mut changes.worse, Some(why)),
                    Some((Some(false), why)) if !weaker && !open => (&mut changes.better, Some(why)),
                    Some((_, why)) => (&mut changes.unchanged, Some(why)),
                    None => (&mut changes.unchanged, None),
                }
            }
        };
        list.push(self.change(Some(first), Some(second), why));
    }

    /// Deviations whose subject the other state does not name.
    fn renamed(&self, gone: &[&'a RatedFinding], come: &[&'a RatedFinding], changes: &mut Changes) {
        if let (Some(&first), Some(&second)) = (heaviest(gone).as_ref(), heaviest(come).as_ref()) {
            let why =
                say("compare-others").with("before", self.subjects(gone)).with("after", self.subjects(come));
            let why = self.words.say(&why);
            let list = match weight(second).total_cmp(&weight(first)) {
                std::cmp::Ordering::Greater => &mut changes.worse,
                // Other subjects with a lower score are no progress that could be claimed.
                _ => &mut changes.unchanged,
            };
            list.push(self.change(Some(first), Some(second), Some(why)));
            return;
        }
        // One entry for all of them: the pairs of eight threads that shared a core are not 28 pieces of work.
        if let Some(first) = heaviest(gone) {
            let list = self.change(Some(first), None, None).of_subjects(Some(self.subjects(gone)), None);
            let passed = self.after.iter().find(|finding| finding.outcome == Outcome::Pass);
            match (passed, is_whole(self.after), self.shrunk) {
                (Some(second), true, None) => {
                    let why = self.words.say(&say("compare-gone"));
                    let after = self.change(None, Some(second), None).after;
                    changes.fixed.push(Change { after, why: Some(why), ..list });
                }
                (Some(_), true, Some(shrunk)) => {
                    let why = self.words.say(&say("compare-gone-not-mended").with("why", shrunk));
                    changes.not_comparable.push(Change { why: Some(why), ..list });
                }
                _ => {
                    let why = match self.after.iter().find(|finding| finding.outcome.is_unanswered()) {
                        Some(open) => self.words.say(&no_answer_after(open)),
                        None if self.after.is_empty() => self.words.say(&say("compare-no-pack-after")),
                        None => self.words.say(&say("compare-not-named-after")),
                    };
                    changes.not_comparable.push(Change { why: Some(why), ..list });
                }
            }
        }
        if let Some(second) = heaviest(come) {
            let list = self.change(None, Some(second), None).of_subjects(None, Some(self.subjects(come)));
            let passed = self.before.iter().find(|finding| finding.outcome == Outcome::Pass);
            let why = match (passed, is_whole(self.before), self.grown) {
                (Some(first), true, None) => {
                    let why = self.words.say(&say("compare-come"));
                    let before = self.change(Some(first), None, None).before;
                    changes.new.push(Change { before, why: Some(why), ..list });
                    return;
                }
                (Some(_), true, Some(grown)) => {
                    self.words.say(&say("compare-come-perhaps").with("why", grown))
                }
                _ => match self.before.iter().find(|finding| finding.outcome.is_unanswered()) {
                    Some(open) => self.words.say(&no_answer_before(open)),
                    None => match self.before.first() {
                        None => self.words.say(&say("compare-no-pack-before")),
                        Some(first) if deviates(first) => self.words.say(&say("compare-not-named-before")),
                        Some(first) => self.words.say(&no_answer_before(first)),
                    },
                },
            };
            changes.not_comparable.push(Change { why: Some(why), ..list });
        }
    }

    /// The first of some subjects by name.
    fn subjects(&self, findings: &[&RatedFinding]) -> String {
        const SHOWN: usize = 3;
        let shown: Vec<&str> = findings.iter().take(SHOWN).map(|finding| finding.subject.as_str()).collect();
        let shown = shown.join("; ");
        match findings.len().saturating_sub(SHOWN) {
            0 => shown,
            more => self.words.say(&say("compare-subjects").with("subjects", shown).count("n", more)),
        }
    }

    fn change(
        &self,
        before: Option<&RatedFinding>,
        after: Option<&RatedFinding>,
        why: Option<String>,
    ) -> Change {
        let side = |finding: &RatedFinding| Side {
            subject: finding.subject.clone(),
            outcome: finding.outcome,
            message: finding.message_in(self.language).to_owned(),
            score: finding.score,
            grade: finding.grade,
        };
        let sides = [before, after];
        let mut wrong = sides.into_iter().flatten().filter(|finding| deviates(finding));
        let first = wrong.next().unwrap_or(self.meta);
        // What is wrong now, where something is.
        let last = wrong.next().unwrap_or(first);
        Change {
            check: self.meta.check.clone(),
            title: self.title.to_owned(),
            problem: match last.problem_in(self.language) {
                "" => self.title.to_owned(),
                problem => problem.to_owned(),
            },
            root: first.root().key(),
            category: self.meta.category,
            before: before.map(side),
            after: after.map(side),
            why,
        }
    }
}

/// Points by which a share has to move to count beside an equal score; our own proposal, as limits of checks are between 1
/// and 10 points apart.
const MOVED_POINTS: f64 = 10.0;

/// Where two findings tell the same of a share that moved by much: both figures in words, and whether it moved for the worse.
/// Only time that was waited (`waited`) is known to be better the less it is.
fn moved(first: &RatedFinding, second: &RatedFinding) -> Option<(Option<bool>, Text<'static>)> {
    let share = |finding: &RatedFinding, name: &str| match finding.args.get(name) {
        Some(Arg::Quantity { value, unit, .. }) if unit == "%" => Some(*value),
        _ => None,
    };
    let is_same = first.variant.is_some() && first.variant == second.variant;
    ["waited", "share"].into_iter().filter(|_| is_same).find_map(|name| {
        let (from, to) = (share(first, name)?, share(second, name)?);
        let is_worse = (name == "waited").then_some(to > from);
        let share = |share: f64| Text::Quantity(share, "%", 1);
        let why = say("compare-moved").with("before", share(from)).with("after", share(to));
        ((to - from).abs() >= MOVED_POINTS).then_some((is_worse, why))
    })
}

fn of_subject<'a>(findings: &[&'a RatedFinding], subject: &str) -> Vec<&'a RatedFinding> {
    findings.iter().copied().filter(|finding| finding.subject == subject).collect()
}

impl Change {
    /// With lists of subjects in place of one.
    fn of_subjects(mut self, before: Option<String>, after: Option<String>) -> Self {
        if let (Some(side), Some(subjects)) = (&mut self.before, before) {
            side.subject = subjects;
        }
        if let (Some(side), Some(subjects)) = (&mut self.after, after) {
            side.subject = subjects;
        }
        self
    }
}

/// True if everything that the check says is a pass, or nothing to judge.
fn is_whole(findings: &[&RatedFinding]) -> bool {
    findings
        .iter()
        .all(|finding| matches!(finding.outcome, Outcome::Pass | Outcome::NotApplicable | Outcome::Info))
}

/// The finding that decides where a check says several things of one subject: a deviation, then a missing answer.
fn worst<'a>(findings: &[&'a RatedFinding]) -> Option<&'a RatedFinding> {
    let rank = |finding: &RatedFinding| match finding.outcome {
        _ if deviates(finding) => 0,
        outcome if outcome.is_unanswered() => 1,
        Outcome::Pass => 2,
        _ => 3,
    };
    findings.iter().copied().min_by(|a, b| rank(a).cmp(&rank(b)).then(weight(b).total_cmp(&weight(a))))
}

fn heaviest<'a>(findings: &[&'a RatedFinding]) -> Option<&'a RatedFinding> {
    findings.iter().copied().max_by(|a, b| weight(a).total_cmp(&weight(b)).then(b.subject.cmp(&a.subject)))
}

/// R, whether or not the deviation is accepted.
fn weight(finding: &RatedFinding) -> f64 {
    finding.waiver.as_ref().map_or(finding.score, |waiver| waiver.score)
}

fn no_answer_before(finding: &RatedFinding) -> Text<'_> {
    let what = match finding.outcome {
        Outcome::NotApplicable => say("compare-inapplicable-before"),
        Outcome::Contradictory => say("compare-contradictory-before"),
        Outcome::Info => say("compare-info-before"),
        _ => say("compare-unanswered-before"),
    };
    what.with("message", Text::Message(finding))
}

fn no_answer_after(finding: &RatedFinding) -> Text<'_> {
    let what = match finding.outcome {
        Outcome::NotApplicable => say("compare-inapplicable-after"),
        Outcome::Contradictory => say("compare-contradictory-after"),
        Outcome::Info => say("compare-info-after"),
        _ => say("compare-unanswered-after"),
    };
    what.with("message", Text::Message(finding))
}
