//! Many nodes at once: which are worst, what is most frequent, and which differ from nodes that should be like them.
//!
//! Nodes are expected to be set up alike if machine, processor and GPUs are the same. Of such a class, a value that more
//! than half of the nodes share is the common one, and nodes with another are outliers; where nothing is common, as with
//! serial numbers, there is no outlier.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::{Category, ChangeKind, ObjectKind, Outcome};
use plumb_evidence::Evidence;
use plumb_evidence::model::{Amount, MONTH_HOURS, gpu_watts, hourly_cost};
use serde::Serialize;

use crate::assessment::{Assessment, Grade, RatedFinding};
use crate::compare::{Business, Configuration, Setting, Unpaired, business, configuration};
use crate::document::DocumentTerms;

/// Version of the JSON form of [`Fleet`].
pub const FLEET_SCHEMA: u32 = 2;

/// Fewer nodes than this have no common value.
const SMALLEST_CLASS: usize = 3;

/// What a summary needs of one node, so that its evidence need not be kept.
#[derive(Clone, Debug)]
pub struct Member {
    row: NodeRow,
    configuration: Configuration,
    /// By cause.
    deviations: BTreeMap<String, Deviation>,
    /// Checks that applied and gave no answer.
    unanswered: BTreeSet<String>,
    document: DocumentTerms,
    tool_version: String,
}

/// What deviates on a node for one cause.
#[derive(Clone, Debug)]
struct Deviation {
    checks: BTreeSet<String>,
    /// The check that gave the worst of it.
    worst: String,
    grade: Option<Grade>,
    score: f64,
    problem: String,
    /// True if all of it is of the service rather than of the node.
    of_service: bool,
}

/// Many nodes at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fleet {
    /// [`FLEET_SCHEMA`].
    pub schema: u32,
    /// Version of the tool that analysed.
    pub tool_version: String,
    /// Whose document it is.
    pub document: DocumentTerms,
    /// Number of nodes by grade.
    pub grades: BTreeMap<String, usize>,
    /// The nodes, the worst first.
    pub nodes: Vec<NodeRow>,
    /// What deviates by its cause, the most frequent first.
    pub frequent: Vec<Frequent>,
    /// What the nodes cost, where the client states prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Nodes that are expected to be alike.
    pub classes: Vec<Class>,
    /// Bundles that are not in the summary, and why.
    pub left_out: Vec<Unpaired>,
}

/// One node in a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeRow {
    /// Name of the file.
    pub name: String,
    /// Host name.
    pub host: String,
    /// Start of the collection, RFC 3339, UTC.
    pub collected: String,
    /// `live`, `sysroot` or `synthetic`.
    pub origin: String,
    /// Overall grade.
    pub grade: Grade,
    /// Where the grade is `not-assessable`: what the findings alone amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Grade>,
    /// Share of what applies that was answered, 0 to 1.
    pub coverage: Option<f64>,
    /// Exposure index, 0 to 100; sorts, grades nothing.
    pub exposure: f64,
    /// Number of findings as its own report counts them: causes, accepted ones not counted.
    pub deviations: usize,
    /// The worst in one sentence.
    pub issue: String,
    /// Grades by category, in the order of reports.
    pub categories: Vec<CategoryRow>,
    /// What it has in common with nodes that are expected to be alike.
    pub class: String,
    /// Number of its GPUs, where that is known.
    pub gpus: Option<usize>,
    /// What its GPUs cost a month, modelled from the client's prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<Amount>,
    /// What load tests prove of it, and what the demand then needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business: Option<Business>,
}

/// Grade of a category of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryRow {
    /// The category.
    pub id: Category,
    /// Its grade; `None` where no check of it applies.
    pub grade: Option<Grade>,
    /// Where the grade is `not-assessable`: what the findings alone amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Grade>,
}

/// What the nodes cost a month, modelled: their GPUs at the client's prices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Currency, ISO 4217.
    pub currency: String,
    /// Of all nodes that have a price.
    pub month: Amount,
    /// Of those among them whose grade is High.
    pub month_high: Amount,
    /// Number of nodes that have a price.
    pub nodes: usize,
    /// Their GPUs.
    pub gpus: usize,
}

/// A cause of deviations, with the nodes that have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frequent {
    /// Name of the cause, or id of the check.
    pub root: String,
    /// Ids of the checks that deviate for it.
    pub checks: Vec<String>,
    /// The one of them that gave the worst finding: whether others may have the cause is asked of it.
    pub check: String,
    /// True for what is a property of the whole service, however many of its nodes tell of it: what the client stated, and the
    /// plan that follows from it.
    pub of_service: bool,
    /// What is wrong on the node where it is worst.
    pub problem: String,
    /// Name of the file of that node.
    pub worst: String,
    /// Highest grade over the nodes.
    pub grade: Option<Grade>,
    /// Highest score over the nodes, 0 to 100.
    pub score: f64,
    /// Number of nodes that deviate.
    pub nodes: usize,
    /// Number of nodes that do not have it and on which the check that gave the worst finding was not answered: they may have it,
    /// too.
    pub unanswered: usize,
    /// Their host names, sorted.
    pub hosts: Vec<String>,
}

/// Nodes that are expected to be alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// What they have in common.
    pub name: String,
    /// Their number.
    pub nodes: usize,
    /// Where some of them differ.
    pub outliers: Vec<Outlier>,
}

/// A setting in which some nodes differ from most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outlier {
    /// Group of the setting, such as `boot arguments`.
    pub group: String,
    /// Name within the group.
    pub name: String,
    /// What most nodes have.
    pub common: Setting,
    /// Number of nodes that have it.
    pub nodes: usize,
    /// What others have, and their host names.
    pub others: Vec<(Setting, Vec<String>)>,
}

impl Member {
    /// What the summary needs of a node; `name` is that of its file, `language` one that it was assessed in.
    #[must_use]
    pub fn new(name: &str, evidence: &Evidence, assessment: &Assessment, language: &str) -> Self {
        let mut deviations: BTreeMap<String, Deviation> = BTreeMap::new();
        let mut unanswered = BTreeSet::new();
        for finding in &assessment.findings {
            if finding.outcome.is_deviation() {
                add(&mut deviations, finding, language);
            } else if matches!(finding.outcome, Outcome::NotRun | Outcome::Contradictory) {
                unanswered.insert(finding.check.clone());
            }
        }
        let gpus = evidence.gpus.known().map(|gpus| gpus.iter().filter(|gpu| gpu.kind == "GPU").count());
        let of_category = |own: &crate::assessment::CategoryResult| CategoryRow {
            id: own.id,
            grade: own.grade,
            at_least: own.at_least,
        };
        Self {
            row: NodeRow {
                name: name.to_owned(),
                host: assessment.node.hostname.clone(),
                collected: assessment.provenance.collected.clone(),
                origin: assessment.provenance.origin.clone(),
                grade: assessment.risk.grade,
                at_least: assessment.risk.at_least,
                coverage: assessment.coverage,
                exposure: assessment.indices.exposure,
                deviations: crate::assessment::by_root(
                    assessment.findings.iter().filter(|finding| finding.outcome.is_deviation()),
                )
                .len(),
                issue: assessment
                    .key_issue
                    .words
                    .get(language, "sentence", &assessment.key_issue.sentence)
                    .to_owned(),
                categories: assessment.categories.iter().map(of_category).collect(),
                class: class(evidence),
                month: gpus.and_then(|gpus| month(evidence, gpus)),
                gpus,
                business: business(assessment),
            },
            configuration: configuration(evidence),
            deviations,
            unanswered,
            document: assessment.document.clone(),
            tool_version: assessment.tool_version.clone(),
        }
    }
}

fn add(deviations: &mut BTreeMap<String, Deviation>, finding: &RatedFinding, language: &str) {
    let entry = deviations.entry(finding.root().key()).or_insert_with(|| Deviation {
        checks: BTreeSet::new(),
        worst: finding.check.clone(),
        grade: finding.grade,
        score: finding.score,
        problem: finding.sentence_in(language),
        of_service: true,
    });
    entry.of_service &= is_of_service(finding);
    entry.checks.insert(finding.check.clone());
    entry.grade = entry.grade.max(finding.grade);
    if finding.score > entry.score {
        entry.score = finding.score;
        entry.worst.clone_from(&finding.check);
        entry.problem = finding.sentence_in(language);
    }
}

/// True for what the client states of the service, and for the plan that follows from it: what no measurement of this node is
/// about, and no change to it mends.
fn is_of_service(finding: &RatedFinding) -> bool {
    let is_measured = finding.object.as_ref().is_some_and(|own| own.kind == ObjectKind::Measurement);
    finding.category == Category::ServiceLevel
        && !is_measured
        && matches!(finding.remediation.change, ChangeKind::Capacity | ChangeKind::Process)
}

/// What the GPUs of a node cost a month by the client's prices.
fn month(evidence: &Evidence, gpus: usize) -> Option<Amount> {
    let prices = evidence.engagement.known()?.prices.known()?;
    let watts = evidence.window.known().and_then(|window| gpu_watts(window.gpus.known()?));
    let count = u32::try_from(gpus).ok().filter(|count| *count > 0)?;
    let (hour, _) = hourly_cost(prices, count, gpus, watts).ok()?;
    Some(hour.map(|hour| hour * MONTH_HOURS))
}

fn class(evidence: &Evidence) -> String {
    let machine = evidence.node.machine.known().map_or("unknown machine", String::as_str);
    let model = evidence.cpu.known().and_then(|cpu| cpu.model.known());
    let mut gpus: BTreeMap<&str, usize> = BTreeMap::new();
    for gpu in evidence.gpus.known().into_iter().flatten() {
        *gpus.entry(gpu.name.known().map_or(gpu.vendor.as_str(), String::as_str)).or_default() += 1;
    }
    let gpus: Vec<String> = gpus.into_iter().map(|(name, count)| format!("{count} × {name}")).collect();
    let gpus = if gpus.is_empty() { "no GPU".to_owned() } else { gpus.join(", ") };
    format!("{machine}, {}, {gpus}", model.map_or("unknown processor", String::as_str))
}

/// Puts nodes together, in whatever order they come; `currency` is that of the client's prices.
#[must_use]
pub fn summarise(mut members: Vec<Member>, mut left_out: Vec<Unpaired>, currency: &str) -> Fleet {
    // Not assessable is no good news: it stands where what was found puts it, before a node of the same known grade.
    let rank = |row: &NodeRow| (row.at_least.unwrap_or(row.grade), row.grade == Grade::NotAssessable);
    members.sort_by(|a, b| {
        rank(&b.row)
            .cmp(&rank(&a.row))
            .then(b.row.exposure.total_cmp(&a.row.exposure))
            .then_with(|| (&a.row.host, &a.row.name).cmp(&(&b.row.host, &b.row.name)))
    });
    left_out.sort_by(|a, b| a.name.cmp(&b.name));
    let mut grades = BTreeMap::new();
    for member in &members {
        let grade = serde_plain(member.row.grade);
        *grades.entry(grade).or_default() += 1;
    }
    Fleet {
        schema: FLEET_SCHEMA,
        tool_version: members.first().map(|member| member.tool_version.clone()).unwrap_or_default(),
        document: members.first().map(|member| member.document.clone()).unwrap_or_default(),
        grades,
        frequent: frequent(&members),
        cost: cost(&members, currency),
        classes: classes(&members),
        nodes: members.into_iter().map(|member| member.row).collect(),
        left_out,
    }
}

fn cost(members: &[Member], currency: &str) -> Option<Cost> {
    let mut cost = Cost {
        currency: currency.to_owned(),
        month: Amount::default(),
        month_high: Amount::default(),
        nodes: 0,
        gpus: 0,
    };
    for row in members.iter().map(|member| &member.row) {
        let Some(month) = row.month else { continue };
        cost.month = cost.month + month;
        cost.nodes += 1;
        cost.gpus += row.gpus.unwrap_or(0);
        if row.grade == Grade::High {
            cost.month_high = cost.month_high + month;
        }
    }
    (cost.nodes > 0).then_some(cost)
}

fn serde_plain(grade: Grade) -> String {
    grade.title().to_lowercase().replace(' ', "-")
}

fn frequent(members: &[Member]) -> Vec<Frequent> {
    let mut roots: BTreeMap<&str, Frequent> = BTreeMap::new();
    for member in members {
        for (root, own) in &member.deviations {
            let entry = roots.entry(root).or_insert_with(|| Frequent {
                root: root.clone(),
                checks: Vec::new(),
                check: own.worst.clone(),
                of_service: true,
                problem: own.problem.clone(),
                worst: member.row.name.clone(),
                grade: None,
                score: own.score,
                nodes: 0,
                unanswered: 0,
                hosts: Vec::new(),
            });
            if own.score > entry.score {
                (entry.problem, entry.worst) = (own.problem.clone(), member.row.name.clone());
                (entry.check, entry.score) = (own.worst.clone(), own.score);
            }
            entry.nodes += 1;
            entry.grade = entry.grade.max(own.grade);
            entry.of_service &= own.of_service;
            entry.hosts.push(member.row.host.clone());
            for check in &own.checks {
                if !entry.checks.contains(check) {
                    entry.checks.push(check.clone());
                }
            }
        }
    }
    let mut frequent: Vec<Frequent> = roots.into_values().collect();
    for entry in &mut frequent {
        entry.hosts.sort();
        entry.checks.sort();
        let is_open = |member: &&Member| {
            !member.deviations.contains_key(&entry.root) && member.unanswered.contains(&entry.check)
        };
        entry.unanswered = members.iter().filter(is_open).count();
    }
    frequent.sort_by(|a, b| b.nodes.cmp(&a.nodes).then(b.grade.cmp(&a.grade)).then(a.root.cmp(&b.root)));
    frequent
}

fn classes(members: &[Member]) -> Vec<Class> {
    let mut classes: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for member in members {
        classes.entry(&member.row.class).or_default().push(member);
    }
    let class = |(name, members): (&str, Vec<&Member>)| Class {
        name: name.to_owned(),
        nodes: members.len(),
        outliers: if members.len() < SMALLEST_CLASS { Vec::new() } else { outliers(&members) },
    };
    classes.into_iter().map(class).collect()
}

fn outliers(members: &[&Member]) -> Vec<Outlier> {
    let groups: BTreeSet<&str> =
        members.iter().flat_map(|member| member.configuration.groups.keys().copied()).collect();
    let mut outliers = Vec::new();
    for group in groups {
        let names: BTreeSet<&str> = members
            .iter()
            .filter_map(|member| member.configuration.groups.get(group)?.known())
            .flat_map(|values| values.keys().map(String::as_str))
            .collect();
        for name in names {
            let mut values: BTreeMap<Setting, Vec<String>> = BTreeMap::new();
            for member in members {
                let value = member.configuration.setting(group, name);
                values.entry(value).or_default().push(member.row.host.clone());
            }
            let most = values.iter().max_by_key(|(_, hosts)| hosts.len()).map(|(value, _)| value.clone());
            let Some(common) = most else { continue };
            let nodes = values.remove(&common).map_or(0, |hosts| hosts.len());
            let is_common = nodes * 2 > members.len() && !matches!(common, Setting::Unknown(_));
            if values.is_empty() || !is_common {
                continue;
            }
            let mut others: Vec<(Setting, Vec<String>)> = values.into_iter().collect();
            for (_, hosts) in &mut others {
                hosts.sort();
            }
            outliers.push(Outlier { group: group.to_owned(), name: name.to_owned(), common, nodes, others });
        }
    }
    outliers
}

#[cfg(test)]
mod tests {
    use plumb_check_sdk::Severity;
    use plumb_evidence::Fact;

    use super::*;
    use crate::{Terms, assess, testing};

    fn member(host: &str, outcome: Outcome, governor: Option<&str>) -> Member {
        let mut evidence = testing::loaded_evidence();
        evidence.node.hostname = Fact::Known(host.to_owned());
        let value = governor.map_or_else(Fact::default, |value| Fact::Known(value.to_owned()));
        evidence.sysctl.insert("kernel.numa_balancing".to_owned(), value);
        evidence.node.cmdline = Fact::Known(format!("root=UUID={host}"));
        let answers = vec![testing::answer(&[("a.one", Severity::High, outcome)]), testing::top15()];
        Member::new(
            &format!("{host}.plumb"),
            &evidence,
            &assess(&evidence, "0", "0", answers, &Terms::default()),
            "en",
        )
    }

    #[test]
    fn the_worst_come_first_and_outliers_stand_out() {
        let members = || {
            vec![
                member("a", Outcome::Pass, Some("0")),
                member("b", Outcome::Fail, Some("1")),
                member("c", Outcome::Pass, Some("0")),
                member("d", Outcome::NotRun, None),
                member("e", Outcome::Fail, Some("0")),
            ]
        };
        let fleet = summarise(members(), Vec::new(), "");
        let hosts: Vec<&str> = fleet.nodes.iter().map(|node| node.host.as_str()).collect();
        assert_eq!(&hosts[..2], ["b", "e"]);
        let found = &fleet.frequent[0];
        assert_eq!((found.root.as_str(), found.nodes, found.unanswered), ("a.one", 2, 1));
        assert_eq!((found.checks.as_slice(), found.worst.as_str()), (&["a.one".to_owned()][..], "b.plumb"));
        let [class] = fleet.classes.as_slice() else { panic!("{:?}", fleet.classes) };
        // What differs everywhere, as `root=` does, has no outlier.
        let [outlier] = class.outliers.as_slice() else { panic!("{:?}", class.outliers) };
        assert_eq!((outlier.name.as_str(), outlier.nodes), ("kernel.numa_balancing", 3));
        assert_eq!(outlier.common, Setting::Known("0".to_owned()));
        assert_eq!(outlier.others.len(), 2, "another value, and one that is not known");

        let mut shuffled = members();
        shuffled.reverse();
        assert_eq!(summarise(shuffled, Vec::new(), ""), fleet);
    }

    #[test]
    fn two_nodes_have_nothing_in_common() {
        let members = vec![member("a", Outcome::Pass, Some("0")), member("b", Outcome::Pass, Some("1"))];
        assert!(summarise(members, Vec::new(), "").classes[0].outliers.is_empty());
    }
}
