//! The overall grade of a node.

use plumb_check_sdk::{Category, Confidence, Outcome};

use crate::assessment::{CategoryResult, Grade, RatedFinding, Risk};
use crate::load::LoadSample;
use crate::speech::{Speech, Text, Translations, say};

/// Below this share of the applicable severity points the node reads "not assessable, at least …".
pub const ASSESSABLE_FROM: f64 = 0.60;
/// Low needs this share.
pub const LOW_FROM: f64 = 0.80;

/// What the grade is decided on.
pub(crate) struct Basis<'a> {
    /// In the order of the report: the first of a grade is the one that is named.
    pub(crate) findings: &'a [RatedFinding],
    pub(crate) categories: &'a [CategoryResult],
    pub(crate) coverage: Option<f64>,
    pub(crate) load: &'a LoadSample,
    /// Checks among the fifteen of greatest impact that apply and were not answered.
    pub(crate) top15_unanswered: usize,
    /// Ranks among the fifteen that no pack has.
    pub(crate) top15_absent: usize,
    pub(crate) speech: &'a Speech,
}

/// A grade, its lower bound and why.
struct Reasoned<'a> {
    grade: Grade,
    at_least: Option<Grade>,
    reason: Text<'a>,
}

/// The grade, the lower bound where there is none, and the reason.
pub(crate) fn grade(basis: &Basis<'_>) -> Risk {
    let mut found = without_waivers(basis);
    let accepted = basis.findings.iter().filter(|finding| finding.outcome == Outcome::Accepted).count();
    if accepted > 0 {
        found.reason = say("accepted-not-counted").with("reason", found.reason).count("n", accepted);
    }
    let mut words = Translations::default();
    let reason = basis.speech.field(&mut words, "reason", &found.reason);
    Risk { grade: found.grade, at_least: found.at_least, reason, words }
}

fn without_waivers<'a>(basis: &'a Basis<'_>) -> Reasoned<'a> {
    let sure = |finding: &&RatedFinding| {
        finding.confidence >= Confidence::Medium || (finding.gate && finding.outcome == Outcome::Fail)
    };
    let sure_high = basis.of(Grade::High).any(|finding| sure(&finding));
    let high: Vec<&CategoryResult> = basis.categories_of(Grade::High).collect();
    if sure_high {
        return certain(Grade::High, basis.summary(Grade::High));
    }
    if high.len() >= 2 {
        let reason = say("categories-high").count("n", high.len());
        return certain(Grade::High, reason.with("categories", titles(&high)));
    }
    let Some(share) = basis.coverage else {
        return open(None, say("no-risk-applies"));
    };
    // A High finding that is not sure makes the node Medium, and so is no lower bound either.
    let worst = basis.worst().map(|grade| grade.min(Grade::Medium));
    let percent = || Text::Number((share * 100.0 + 1e-9).floor(), "");
    let mut gaps = Vec::new();
    if share < ASSESSABLE_FROM {
        gaps.push(say("too-little-answered").with("percent", percent()));
    }
    if !basis.load.seen {
        let why = Text::Told(&basis.load.reason, &basis.load.words, "reason");
        gaps.push(say("not-under-load").with("reason", why));
    }
    if !gaps.is_empty() {
        return open(worst, Text::Joined("; ", gaps));
    }
    if worst == Some(Grade::Medium) {
        return certain(Grade::Medium, basis.medium());
    }
    let gap = if share < LOW_FROM {
        let needed = Text::Quantity(LOW_FROM * 100.0, "", 0);
        say("low-needs-more").with("percent", percent()).with("needed", needed)
    } else if basis.top15_absent > 0 {
        say("top-absent").count("n", basis.top15_absent)
    } else if basis.top15_unanswered > 0 {
        say("top-unanswered").count("n", basis.top15_unanswered)
    } else if worst == Some(Grade::Low) {
        return certain(Grade::Low, basis.summary(Grade::Low));
    } else {
        return certain(Grade::Low, say("all-answered"));
    };
    open(worst, gap)
}

fn certain(grade: Grade, reason: Text<'_>) -> Reasoned<'_> {
    Reasoned { grade, at_least: None, reason }
}

fn open(at_least: Option<Grade>, reason: Text<'_>) -> Reasoned<'_> {
    Reasoned { grade: Grade::NotAssessable, at_least, reason }
}

fn titles<'a>(categories: &[&CategoryResult]) -> Text<'a> {
    let title = |category: &&CategoryResult| match category.id {
        Category::Placement => say("category-placement"),
        Category::CpuPerformance => say("category-cpu-performance"),
        Category::Interference => say("category-interference"),
        Category::Memory => say("category-memory"),
        Category::GpuHealth => say("category-gpu-health"),
        Category::Platform => say("category-platform"),
        Category::ServiceLevel => say("category-service-level"),
    };
    Text::Joined(", ", categories.iter().map(title).collect())
}

impl Basis<'_> {
    fn of(&self, grade: Grade) -> impl Iterator<Item = &RatedFinding> {
        self.findings.iter().filter(move |finding| finding.grade == Some(grade))
    }

    fn categories_of(&self, grade: Grade) -> impl Iterator<Item = &CategoryResult> {
        self.categories.iter().filter(move |category| category.grade == Some(grade))
    }

    /// The worst that findings and categories amount to, however much was seen.
    fn worst(&self) -> Option<Grade> {
        let findings = self.findings.iter().filter_map(|finding| finding.grade);
        findings
            .chain(self.categories.iter().filter_map(CategoryResult::floor))
            .max()
            // A category without a deviation is Low by its coverage; as a bound that says nothing.
            .filter(|&worst| worst > Grade::Low || self.of(Grade::Low).next().is_some())
    }

    fn medium(&self) -> Text<'_> {
        for grade in [Grade::High, Grade::Medium] {
            if self.of(grade).next().is_some() {
                return self.summary(grade);
            }
        }
        let raised: Vec<&CategoryResult> =
            self.categories.iter().filter(|category| category.stepped_up).collect();
        say("low-adds-up").with("categories", titles(&raised))
    }

    fn summary(&self, grade: Grade) -> Text<'_> {
        let first = self.of(grade).next().map_or("".into(), Text::Found);
        let word = match grade {
            Grade::NotAssessable => say("risk-not-assessable"),
            Grade::Low => say("risk-low"),
            Grade::Medium => say("risk-medium"),
            Grade::High => say("risk-high"),
        };
        say("findings-of-risk").count("n", self.of(grade).count()).with("grade", word).with("first", first)
    }
}
