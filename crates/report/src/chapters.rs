//! What a report says, chapter by chapter: the view of an assessment becomes the blocks of a [`Model`].
//!
//! A new chapter is a function here that returns its blocks, its line in [`main`] or [`appendix`], and its words in the message
//! files; formats know only blocks.

mod answers;
mod appendix;
mod asks;
mod cards;
pub(crate) mod demand;
mod items;
mod limits;
mod money;
mod names;
mod observed;
mod roadmap;
mod service;
mod summary;

use std::cell::RefCell;

use plumb_engine::Assessment;
use plumb_engine::capacity::{Label, Plan, Range};
use plumb_engine::document::{Section, Status};
use plumb_evidence::Evidence;

use crate::ReportError;
use crate::escape::clean;
use crate::figure::Figure;
use crate::material::Material;
use crate::messages::Messages;
use crate::model::{
    ActionRow, Block, Chapter, Cover, Labelled, MAIN, MODEL_SCHEMA, Model, Number, Part, Span, line, styled,
};
use crate::view::findings::Word;
use crate::view::{GradeView, View, id};
use items::Item;
use names::Names;

/// The report of an assessment, in the language of the messages.
pub(crate) fn model(material: &Material<'_>, messages: &Messages) -> Result<Model, ReportError> {
    let view = View::new(material, messages)?;
    let writer = Writer::new(material, &view, messages)?;
    let parts = vec![main(&writer)?, appendix::part(&writer)?];
    let generated = summary::generated(&writer)?;
    let mut model = Model {
        schema: MODEL_SCHEMA,
        language: messages.language().to_owned(),
        collected: material.assessment.provenance.collected.clone(),
        cover: cover(&writer)?,
        parts,
        actions: actions(&writer)?,
        generated,
        numbers: writer.numbers.into_inner(),
    };
    model.settle_links();
    Ok(model)
}

fn actions(w: &Writer<'_>) -> Result<Vec<ActionRow>, ReportError> {
    let row = |item: &Item| {
        Ok(ActionRow {
            id: item.id.clone(),
            grade: item.grade.as_ref().map(|own| own.text.clone()).unwrap_or_default(),
            problem: item.problem.clone(),
            steps: item.steps.clone(),
            files: item.files.clone(),
            effort: item.effort.clone(),
            needs: item.needs.clone(),
            wave: w.word(item.wave.key())?.to_owned(),
            owner: item.owner.clone(),
            due: item.due.clone(),
            done_when: item.done_when.clone(),
            status: item.status.clone(),
        })
    };
    w.items.iter().map(row).collect()
}

/// The chapters of the main report, in their order: at most twelve pages with its cover.
fn main(w: &Writer<'_>) -> Result<Part, ReportError> {
    let chapters = [
        Some(w.chapter("summary", true, summary::blocks(w)?)?),
        Some(w.chapter("answers", true, answers::blocks(w)?)?),
        Some(w.chapter("findings", true, cards::table(w)?)?),
        w.printed(Section::ServiceLevel)
            .then(|| w.chapter("service", false, service::blocks(w)?))
            .transpose()?,
        w.printed(Section::Capacity).then(|| w.chapter("money", false, money::blocks(w)?)).transpose()?,
        (!w.items.is_empty()).then(|| w.chapter("causes", false, cards::cards(w)?)).transpose()?,
        w.printed(Section::Roadmap).then(|| w.chapter("roadmap", false, roadmap::blocks(w)?)).transpose()?,
        Some(w.chapter("limits", false, limits::blocks(w)?)?),
    ];
    let mut chapters: Vec<Chapter> = chapters.into_iter().flatten().collect();
    for (number, chapter) in (1..).zip(&mut chapters) {
        chapter.number = number.to_string();
    }
    Ok(Part { id: MAIN.to_owned(), title: w.t("part", MAIN)?.to_owned(), chapters })
}

/// What all chapters are written from.
pub(crate) struct Writer<'a> {
    material: &'a Material<'a>,
    assessment: &'a Assessment,
    messages: &'a Messages,
    view: &'a View,
    /// Findings as management counts them, in the order of the report.
    items: Vec<Item>,
    names: Names,
    numbers: RefCell<Vec<Number>>,
}

impl<'a> Writer<'a> {
    fn new(material: &'a Material<'a>, view: &'a View, messages: &'a Messages) -> Result<Self, ReportError> {
        let names = Names::of(material.evidence, messages);
        let items = items::all(material.assessment, view, &names, messages)?;
        Ok(Self {
            material,
            assessment: material.assessment,
            messages,
            view,
            items,
            names,
            numbers: RefCell::default(),
        })
    }

    fn t(&self, section: &str, key: &str) -> Result<&'a str, ReportError> {
        self.messages.get(section, key)
    }

    /// A sentence of the main report.
    fn say(&self, key: &str, values: &[(&str, &str)]) -> Result<String, ReportError> {
        self.messages.fill("main", key, values)
    }

    /// A word of the main report.
    fn word(&self, key: &str) -> Result<&'a str, ReportError> {
        self.messages.get("main", key)
    }

    fn printed(&self, section: Section) -> bool {
        self.assessment.document.prints(section)
    }

    fn evidence(&self) -> Option<&'a Evidence> {
        self.material.evidence
    }

    fn chapter(&self, id: &str, own_page: bool, blocks: Vec<Block>) -> Result<Chapter, ReportError> {
        let title = self.t("chapter", id)?.to_owned();
        Ok(Chapter { id: id.to_owned(), number: String::new(), title, own_page, blocks })
    }

    /// A number of the main report, written as `text`: it is in the JSON with its label and what it comes from.
    fn number(&self, id: &str, value: f64, text: impl AsRef<str>, label: &str, origin: &str) -> String {
        let text = self.messages.numeral(text.as_ref());
        let number = Number {
            id: id.to_owned(),
            text: text.clone(),
            value,
            label: label.to_owned(),
            origin: origin.to_owned(),
        };
        let mut numbers = self.numbers.borrow_mut();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
        text
    }

    /// A number of things, of the assessment.
    fn count(&self, id: &str, count: usize, origin: &str) -> String {
        self.number(id, count as f64, count.to_string(), "counted", origin)
    }

    /// A rate as it was tested or stated: no more decimals than it has, at most two.
    fn rate(&self, id: &str, value: f64, label: Label, origin: &str) -> String {
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        self.number(id, value, text, &self::label(label), origin)
    }

    /// A whole number.
    fn whole(&self, id: &str, value: u32, label: Label, origin: &str) -> String {
        self.number(id, f64::from(value), value.to_string(), &self::label(label), origin)
    }

    /// The rate that one replica gets at the peak.
    fn each(&self, rate: f64) -> String {
        self.rate("peak-each", rate, Label::Assumed, "engagement: demand")
    }

    /// Replicas that serve the demand today.
    fn replicas(&self, today: u32) -> String {
        self.whole("replicas", today, Label::Assumed, "engagement: demand.replicas")
    }

    /// Replicas that the plan asks for.
    fn planned(&self, plan: &Plan) -> String {
        self.whole("planned", plan.planned, Label::Modelled, "capacity.plan.planned")
    }

    /// GPUs that the plan asks for.
    fn gpus(&self, gpus: &Range<u32>) -> String {
        self.whole("gpus", gpus.high, Label::Modelled, "capacity.plan.gpus")
    }

    fn figure(&self, wanted: &str) -> Option<Block> {
        self.view.figures.iter().find(|figure| figure.id == wanted).cloned().map(Block::Figure)
    }

    fn figures(&self, chapter: &str) -> impl Iterator<Item = Block> {
        let own = |figure: &&Figure| figure.chapter == chapter;
        self.view.figures.iter().filter(own).cloned().map(Block::Figure).collect::<Vec<_>>().into_iter()
    }
}

/// The name of a label.
fn label(label: Label) -> String {
    id(label)
}

/// A grade as a mark with its word.
fn grade(found: &GradeView) -> Span {
    Span { id: found.id.clone(), level: (found.level, found.at_least), ..styled("grade", found.text.clone()) }
}

/// An outcome as a mark with its word.
fn outcome(found: &Word) -> Span {
    Span { id: found.id.clone(), ..styled("outcome", found.word.clone()) }
}

/// Where a number is from, as a mark.
fn basis(found: &Word) -> Span {
    Span { id: found.id.clone(), ..styled("basis", found.word.clone()) }
}

/// A label with one line.
fn fact(label: impl Into<String>, value: impl Into<String>) -> Labelled {
    Labelled { label: label.into(), lines: vec![line(value)] }
}

/// A sentence with its full stop.
fn stop(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() || text.ends_with(['.', '?', '!', ':', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn cover(w: &Writer<'_>) -> Result<Cover, ReportError> {
    let terms = &w.assessment.document;
    let document = &w.view.document;
    let mut facts = Vec::new();
    let mut add = |key: &str, value: &str| -> Result<(), ReportError> {
        if !value.is_empty() {
            facts.push(fact(w.t("document", key)?, clean(value)));
        }
        Ok(())
    };
    add("client", &w.view.cover.client)?;
    for (key, value) in [
        ("site", &terms.client.site),
        ("contact", &terms.client.contact),
        ("author", &terms.author),
        ("company", &terms.company),
    ] {
        add(key, value.as_deref().unwrap_or_default())?;
    }
    add("collected", &format!("{}, {}", document.date, document.time))?;
    add("report_date", terms.date.as_deref().unwrap_or_default())?;
    let status = match terms.status {
        Some(Status::Draft) => w.t("document", "draft")?,
        Some(Status::Final) => w.t("document", "final")?,
        None => "",
    };
    let version = terms.version.as_deref().map(clean).unwrap_or_default();
    let parts: Vec<&str> = [version.as_str(), status].into_iter().filter(|part| !part.is_empty()).collect();
    add("version", &parts.join(", "))?;
    add("reviewers", &terms.reviewers.join(", "))?;
    add("distribution", &terms.distribution.join(", "))?;
    let watermark = if terms.status == Some(Status::Draft) { status } else { "" };
    Ok(Cover {
        title: w.view.cover.title.clone(),
        subject: document.host.clone(),
        facts,
        notice: document.notice.clone().unwrap_or_default(),
        confidentiality: w.view.cover.confidentiality.clone(),
        date: document.date.clone(),
        prepared: document.prepared.clone(),
        watermark: watermark.to_owned(),
        authors: w.view.cover.authors.clone(),
        description: format!("{}: {}", w.t("document", "overall")?, w.view.risk.grade.text),
        logo: w.view.cover.logo_alt(),
        colours: w
            .view
            .cover
            .colours
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    })
}
