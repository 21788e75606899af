//! Findings as the main report has them: one line and one card for each cause.

use plumb_check_sdk::{ChangeKind, Confidence};
use plumb_engine::Assessment;
use plumb_engine::action::{Action, ActionState, Interrupts, change_of};
use plumb_engine::assessment::{Grade, RatedFinding};
use plumb_engine::document::{OwnGrade, Planned, Progress};

use super::names::Names;
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;
use crate::view::findings::Group;
use crate::view::{GradeView, View, date_of, grade, id, sentence};

/// When something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wave {
    /// At once: it interrupts nothing.
    Now,
    /// In a window, since the service or the node restarts.
    Window,
    /// Tests and agreements.
    Measure,
    /// Money, hardware, or other people: after the others are measured.
    Decide,
}

impl Wave {
    pub(crate) const ALL: [Self; 4] = [Self::Now, Self::Window, Self::Measure, Self::Decide];

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Now => "wave_now",
            Self::Window => "wave_window",
            Self::Measure => "wave_measure",
            Self::Decide => "wave_decide",
        }
    }

    /// First and last week; our proposal.
    pub(crate) fn weeks(self) -> (u32, u32) {
        match self {
            Self::Now => (1, 1),
            Self::Window => (1, 2),
            Self::Measure => (2, 3),
            Self::Decide => (4, 6),
        }
    }

    /// [`Self::weeks`] where nothing is to be corrected before.
    pub(crate) fn weeks_without_corrections(self) -> (u32, u32) {
        let (from, to) = self.weeks();
        (from.saturating_sub(1).max(1), to.saturating_sub(1).max(1))
    }
}

/// A finding, with what is to be done about it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    /// Name of its cause, the same on every node; empty for what the author observed.
    pub(crate) root: String,
    pub(crate) problem: String,
    pub(crate) effect: String,
    pub(crate) grade: Option<GradeView>,
    pub(crate) score: f64,
    /// What was found, of the worst.
    pub(crate) seen: String,
    /// What to do, the first of it for the table.
    pub(crate) steps: Vec<String>,
    /// Commands for the first step, where they name nothing that management would stumble over.
    pub(crate) command: String,
    pub(crate) undo: String,
    pub(crate) files: Vec<String>,
    pub(crate) minutes: Option<(u32, u32)>,
    pub(crate) effort: String,
    pub(crate) needs: String,
    pub(crate) owner: String,
    pub(crate) due: String,
    pub(crate) done_when: String,
    pub(crate) status: String,
    pub(crate) wave: Wave,
    /// True if something can be done about it as it is printed.
    pub(crate) mends: bool,
    pub(crate) buys: bool,
    pub(crate) verify_first: bool,
    pub(crate) places: usize,
    pub(crate) confidence: String,
    /// Notes of the author, with the name of a picture and its words.
    pub(crate) notes: Vec<(String, Option<(String, String)>)>,
    /// True for what the author observed.
    pub(crate) own: bool,
}

/// All of them: those of checks in the order of the report, then what the author observed.
pub(crate) fn all(
    assessment: &Assessment,
    view: &View,
    names: &Names,
    messages: &Messages,
) -> Result<Vec<Item>, ReportError> {
    let own = own(assessment, messages)?;
    let found = view.deviations.iter().map(|group| item(assessment, group, names, messages));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().chain(own).collect())
}

fn item(
    assessment: &Assessment,
    group: &Group,
    names: &Names,
    messages: &Messages,
) -> Result<Item, ReportError> {
    let members: Vec<&RatedFinding> = assessment
        .findings
        .iter()
        .filter(|finding| group.has(&plumb_engine::assessment::FindingRef::to(finding)))
        .collect();
    let terms = &assessment.document;
    let plan = terms.actions.iter().find(|plan| members.iter().any(|own| own.check == plan.check));
    let asked = |action: &&Action| members.iter().any(|finding| finding.actions.contains(&action.id));
    let actions: Vec<&Action> = assessment
        .actions
        .iter()
        .filter(asked)
        .filter(|action| matches!(action.state, ActionState::Resolved | ActionState::ByHand))
        .collect();
    let kind = change_of(&members, &assessment.findings, &assessment.actions).map(|(_, kind)| kind);
    let kinds: Vec<ChangeKind> =
        members.iter().map(|finding| finding.remediation.change).chain(kind).collect();
    let is = |wanted: &[ChangeKind]| kinds.iter().any(|kind| wanted.contains(kind));
    let buys = is(&[ChangeKind::Capacity, ChangeKind::Hardware]);
    let interrupts = actions.iter().map(|action| action.interrupts).max().unwrap_or(Interrupts::Nothing);
    let wave = match () {
        () if buys || is(&[ChangeKind::Bios, ChangeKind::Provider]) => Wave::Decide,
        () if !kinds.is_empty() && kinds.iter().all(|kind| *kind == ChangeKind::Process) => Wave::Measure,
        () if interrupts > Interrupts::Nothing => Wave::Window,
        () if is(&[ChangeKind::ServiceRestart, ChangeKind::NodeDrain, ChangeKind::Reboot]) => Wave::Window,
        () => Wave::Now,
    };
    let needs = match wave {
        Wave::Decide if buys => "needs_money",
        Wave::Decide => "needs_others",
        _ if interrupts == Interrupts::Node || is(&[ChangeKind::Reboot, ChangeKind::NodeDrain]) => {
            "needs_reboot"
        }
        Wave::Window => "needs_restart",
        _ => "needs_nothing",
    };
    let minutes = actions.iter().map(|action| action.minutes).reduce(|a, b| (a.0 + b.0, a.1 + b.1));
    let plain = |text: &str| names.plain(&clean(text));
    let mut steps: Vec<String> = Vec::new();
    for step in actions.iter().map(|action| plain(action.title(messages.language()))) {
        // Two servers may be told the same.
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    if steps.is_empty() {
        // A check without goals says it in words; a command of its own goes to the appendix.
        let of_words =
            |text: &&String| text.starts_with(char::is_uppercase) && !text.contains(['`', '|', '<']);
        let words = group.remediation.now.iter().chain(&group.remediation.permanent).find(of_words);
        steps.extend(words.map(|text| plain(text)));
    }
    let speakable = |commands: &[String]| -> String {
        let text = commands.join("; ");
        // One that names a process or a file of the kernel belongs to the appendix.
        let is_short = text.len() <= 90
            && !["/proc/", "/sys/", "$", "taskset", "--pid", "-p "].iter().any(|bad| text.contains(bad));
        if is_short && !text.is_empty() { format!("`{}`", clean(&text)) } else { String::new() }
    };
    let first = actions.first();
    let worst = members.first();
    let notes = terms.notes.iter().filter(|note| members.iter().any(|own| own.check == note.check));
    let picture = |image: &Option<String>, alt: &Option<String>| {
        image.as_ref().map(|image| (image.clone(), alt.as_deref().map(clean).unwrap_or_default()))
    };
    Ok(Item {
        id: group.id.clone(),
        root: members.first().map(|own| own.root().key()).unwrap_or_default(),
        problem: plain(&group.title),
        effect: plain(&group.business),
        grade: group.grade.clone(),
        score: members.iter().map(|own| own.score).fold(0.0, f64::max),
        seen: group.findings.first().map(|own| plain(&own.message)).unwrap_or_default(),
        steps,
        command: first.map(|action| speakable(&action.now)).unwrap_or_default(),
        undo: first.map(|action| speakable(&action.undo)).unwrap_or_default(),
        files: actions
            .iter()
            .flat_map(|action| action.files.iter().map(|file| format!("fix/{}", clean(file))))
            .collect(),
        minutes,
        effort: effort(plan, minutes, messages)?,
        needs: messages.get("main", needs)?.to_owned(),
        owner: plan.and_then(|plan| plan.owner.as_deref()).map(clean).unwrap_or_default(),
        due: due(plan.and_then(|plan| plan.due.as_deref()), messages)?,
        done_when: match plan.and_then(|plan| plan.done_when.as_deref()) {
            Some(text) => sentence(&clean(text)),
            None => match first.map(|action| speakable(&action.verify)).filter(|text| !text.is_empty()) {
                Some(command) => messages.fill("main", "done_when_shown", &[("command", &command)])?,
                None => messages.get("main", "done_when")?.to_owned(),
            },
        },
        status: messages.get("progress", &id(plan.map_or(Progress::Open, |plan| plan.status)))?.to_owned(),
        wave,
        mends: actions.iter().any(|action| action.state == ActionState::Resolved),
        buys,
        verify_first: group.verify_first && worst.is_none_or(|own| own.confidence != Confidence::High),
        places: group.subjects,
        confidence: worst
            .map(|own| messages.get("confidence_main", &id(own.confidence)).map(str::to_owned))
            .transpose()?
            .unwrap_or_default(),
        notes: notes.map(|note| (clean(&note.text), picture(&note.image, &note.alt))).collect(),
        own: false,
    })
}

fn own(assessment: &Assessment, messages: &Messages) -> Result<Vec<Item>, ReportError> {
    let item = |(own, n): (&plumb_engine::document::OwnFinding, u32)| {
        let (level, score) = match own.grade {
            OwnGrade::High => (Grade::High, 75.0),
            OwnGrade::Medium => (Grade::Medium, 37.5),
            OwnGrade::Low => (Grade::Low, 10.0),
        };
        let text = |text: &Option<String>| text.as_deref().map(clean).unwrap_or_default();
        let id_of = format!("O{n}");
        Ok(Item {
            root: String::new(),
            problem: clean(&own.title),
            effect: text(&own.effect),
            grade: Some(grade(level, None, messages)?),
            score,
            seen: messages.get("main", "observed")?.to_owned(),
            steps: own.remedy.iter().map(|text| clean(text)).collect(),
            command: String::new(),
            undo: String::new(),
            files: Vec::new(),
            minutes: None,
            effort: own.effort.as_deref().map_or_else(|| "–".to_owned(), clean),
            needs: "–".to_owned(),
            owner: text(&own.owner),
            due: due(own.due.as_deref(), messages)?,
            done_when: String::new(),
            status: messages.get("progress", &id(own.status))?.to_owned(),
            wave: Wave::Window,
            mends: true,
            buys: false,
            verify_first: false,
            places: 1,
            confidence: String::new(),
            notes: own
                .image
                .iter()
                .map(|image| (String::new(), Some((image.clone(), text(&own.alt)))))
                .collect(),
            own: true,
            id: id_of,
        })
    };
    assessment.document.findings.iter().zip(1..).map(item).collect()
}

/// The day in words.
fn due(day: Option<&str>, messages: &Messages) -> Result<String, ReportError> {
    day.map_or_else(|| Ok(String::new()), |day| date_of(&format!("{day}T00:00:00Z"), messages))
}

fn effort(
    plan: Option<&Planned>,
    minutes: Option<(u32, u32)>,
    messages: &Messages,
) -> Result<String, ReportError> {
    if let Some(own) = plan.and_then(|plan| plan.effort.as_deref()) {
        return Ok(clean(own));
    }
    let Some((from, to)) = minutes else { return Ok("–".to_owned()) };
    if to < 90 {
        return messages.fill(
            "main",
            "effort_minutes",
            &[("from", &from.to_string()), ("to", &to.to_string())],
        );
    }
    let hours = |minutes: u32| {
        let text = format!("{:.1}", f64::from(minutes) / 60.0);
        messages.numeral(text.trim_end_matches('0').trim_end_matches('.'))
    };
    messages.fill("main", "effort_hours", &[("from", &hours(from)), ("to", &hours(to))])
}
