//! What a report says, chapter by chapter: the view of an assessment becomes the blocks of a [`Model`].
//!
//! A new chapter is a function here that returns its blocks, its line in [`main`] or [`appendix`], and its words in the message
//! files; formats know only blocks.

mod answers;
mod appendix;
pub(crate) mod asks;
mod cards;
pub(crate) mod demand;
pub(crate) mod items;
mod limits;
mod money;
pub(crate) mod names;
mod observed;
mod peers;
pub(crate) mod pen;
mod records;
mod roadmap;
mod service;
mod summary;

use std::ops::Deref;

use plumb_engine::Assessment;
use plumb_engine::capacity::{Label, Plan, Range};
use plumb_engine::document::Section;
use plumb_evidence::Evidence;
use plumb_evidence::model::Origin;

use crate::ReportError;
use crate::figure::Figure;
use crate::material::Material;
use crate::messages::Messages;
use crate::model::{ActionRow, Block, Cover, Labelled, MODEL_SCHEMA, Model, Part, Span, line, styled};
use crate::view::findings::Word;
use crate::view::{GradeView, View, id};
use items::Item;
use names::Names;
use pen::{About, Pen};

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
        findings: records::findings(&writer)?,
        evidence: records::evidence(&writer),
        generated,
        numbers: writer.pen.into_numbers(),
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
    w.main(chapters.into_iter().flatten().collect())
}

/// What all chapters are written from.
pub(crate) struct Writer<'a> {
    material: &'a Material<'a>,
    assessment: &'a Assessment,
    pen: Pen<'a>,
    view: &'a View,
    /// Findings as management counts them, in the order of the report.
    items: Vec<Item>,
    names: Names,
}

impl<'a> Deref for Writer<'a> {
    type Target = Pen<'a>;

    fn deref(&self) -> &Self::Target {
        &self.pen
    }
}

impl<'a> Writer<'a> {
    fn new(material: &'a Material<'a>, view: &'a View, messages: &'a Messages) -> Result<Self, ReportError> {
        let names = Names::of(material.evidence, messages);
        let items = items::all(material.assessment, view, &names, messages)?;
        Ok(Self { material, assessment: material.assessment, pen: Pen::new(messages), view, items, names })
    }

    fn printed(&self, section: Section) -> bool {
        self.assessment.document.prints(section)
    }

    fn evidence(&self) -> Option<&'a Evidence> {
        self.material.evidence
    }

    /// A rate as it was tested or stated: no more decimals than it has, at most two.
    fn rate(&self, id: &str, value: f64, label: Label, origin: &str) -> String {
        self.rate_of(id, value, &self::label(label), origin)
    }

    /// A whole number.
    fn whole(&self, id: &str, value: u32, label: Label, origin: &str) -> String {
        self.number(id, f64::from(value), value.to_string(), &self::label(label), origin)
    }

    /// The rate that one replica gets at the peak.
    fn each(&self, rate: f64) -> String {
        self.rate("peak-each", rate, Label::Stated, "engagement: demand")
    }

    /// Replicas that serve the demand today.
    fn replicas(&self, today: u32) -> String {
        self.whole("replicas", today, Label::Stated, "engagement: demand.replicas")
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
pub(crate) fn grade(found: &GradeView) -> Span {
    Span { id: found.id.clone(), level: (found.level, found.at_least), ..styled("grade", found.text.clone()) }
}

/// An outcome as a mark with its word.
pub(crate) fn outcome(found: &Word) -> Span {
    Span { id: found.id.clone(), ..styled("outcome", found.word.clone()) }
}

/// Where a number is from, as a mark.
pub(crate) fn basis(found: &Word) -> Span {
    Span { id: found.id.clone(), ..styled("basis", found.word.clone()) }
}

/// A label with one line.
pub(crate) fn fact(label: impl Into<String>, value: impl Into<String>) -> Labelled {
    Labelled { label: label.into(), lines: vec![line(value)] }
}

/// A sentence with its full stop.
pub(crate) fn stop(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() || text.ends_with(['.', '?', '!', ':', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn cover(w: &Writer<'_>) -> Result<Cover, ReportError> {
    let document = &w.view.document;
    let about = About {
        title: "",
        subject: &document.host,
        collected: &format!("{}, {}", document.date, document.time),
        date: &document.date,
        synthetic: w.assessment.provenance.origin == Origin::Synthetic.as_str(),
        tool: &w.assessment.tool_version,
        description: &format!("{}: {}", w.t("document", "overall")?, w.view.risk.grade.text),
    };
    w.pen.cover(&w.assessment.document, &about)
}
