//! The three questions, the categories, what was looked at.

use std::collections::BTreeMap;

use plumb_check_sdk::Outcome;
use plumb_engine::checklist::{Answer, Question};
use plumb_engine::document::Section;

use super::asks::Who;
use super::{Writer, fact, stop};
use crate::ReportError;
use crate::escape::clean;
use crate::model::{Block, Labelled, Line, Row, column, heading, line, link, paragraph, plain, strong};
use crate::view::{id, sentence};

/// So many findings stand behind an answer.
const MAX_BECAUSE: usize = 2;

pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = Vec::new();
    blocks.extend(contradictions(w)?);
    if w.printed(Section::Checklist) {
        let mut rows = Vec::new();
        for question in &w.assessment.checklist {
            let text = clean(question.words.get(w.messages.language(), "question", &question.question));
            rows.push(Row {
                cells: vec![
                    vec![vec![strong(text)]],
                    vec![vec![strong(w.t("client_answer", &id(question.answer))?)]],
                    vec![because(w, question)?],
                ],
            });
        }
        let columns = vec![
            column(w.word("question")?, 7),
            column(w.word("answer")?, 3),
            column(w.word("because")?, 10),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    blocks.push(heading(w.t("heading", "categories")?));
    blocks.extend(w.figure("categories"));
    let stepped: Vec<&str> =
        w.view.categories.iter().filter(|own| own.stepped_up).map(|own| own.title.as_str()).collect();
    if !stepped.is_empty() {
        blocks.push(paragraph(w.say("stepped_up", &[("categories", &stepped.join(", "))])?));
    }
    blocks.push(heading(w.word("scope_heading")?));
    blocks.push(Block::Facts { rows: scope(w)? });
    Ok(blocks)
}

/// Statements that cannot both be true, above everything that may rest on one of them.
fn contradictions(w: &Writer<'_>) -> Result<Option<Block>, ReportError> {
    let all = &w.view.contradictions;
    if all.is_empty() {
        return Ok(None);
    }
    let mut lines: Vec<Line> = vec![line(w.t("text", "contradictions_intro")?)];
    for own in all.iter().take(6) {
        lines.push(line(format!("– {}", stop(&w.messages.numeral(&w.names.plain(&own.sentence))))));
    }
    if all.len() > 6 {
        let n = w.count("more-contradictions", all.len() - 6, "contradictions");
        lines.push(line(w.t("text", "more_evidence")?.replace("{n}", &n)));
    }
    Ok(Some(Block::Note { title: w.t("heading", "contradictions")?.to_owned(), lines }))
}

/// One sentence: the findings for a no, what was seen for a yes, what is missing for what is not known.
fn because(w: &Writer<'_>, question: &Question) -> Result<Line, ReportError> {
    let language = w.messages.language();
    if matches!(question.answer, Answer::No | Answer::Partly) {
        let mut named: Vec<&super::Item> = Vec::new();
        for backing in &question.findings {
            let group = w.view.deviations.iter().find(|group| group.has(&backing.finding));
            let item = group.and_then(|group| w.items.iter().find(|item| item.id == group.id));
            if let Some(item) = item.filter(|item| named.iter().all(|own| own.id != item.id)) {
                named.push(item);
            }
        }
        if !named.is_empty() {
            let mut text: Line = Vec::new();
            for (index, item) in named.iter().take(MAX_BECAUSE).enumerate() {
                if index > 0 {
                    text.push(plain(" "));
                }
                text.push(link(&format!("{}-detail", item.id), item.id.clone()));
                text.push(plain(format!(": {}", stop(&item.problem))));
            }
            return Ok(text);
        }
    }
    // What a check says of its sources is for engineers; who can give the answer is for the client.
    let open = question.findings.iter().find(|backing| backing.outcome.is_unanswered());
    let open = open.and_then(|backing| {
        w.assessment
            .findings
            .iter()
            .find(|own| (&own.check, &own.subject) == (&backing.finding.check, &backing.finding.subject))
    });
    if let (Answer::NotKnown | Answer::Partly, Some(finding)) = (question.answer, open) {
        let who = Who::of(finding, w.assessment).key();
        let values = [("who", w.t("who", who)?), ("gives", w.t("who", &format!("{who}_gives"))?)];
        let key = if question.answer == Answer::Partly { "partly_open" } else { "missing_from" };
        return w.say(key, &values).map(line);
    }
    let text = question.words.get(language, "sentence", &question.sentence);
    // The answer beside it says so already.
    let text = match question.answer {
        Answer::DoesNotArise => text.split_once(": ").map_or(text, |(_, reason)| reason),
        _ => text,
    };
    Ok(line(stop(&sentence(&w.names.plain(&clean(text))))))
}

/// Checks that passed wherever they looked.
fn passed(w: &Writer<'_>) -> usize {
    let mut by_check: BTreeMap<&str, bool> = BTreeMap::new();
    for finding in w.assessment.findings.iter().filter(|own| own.outcome != Outcome::NotApplicable) {
        let all = by_check.entry(&finding.check).or_insert(true);
        *all &= matches!(finding.outcome, Outcome::Pass | Outcome::Info);
    }
    by_check.values().filter(|all| **all).count()
}

/// What was looked at, when, how, and what was not.
fn scope(w: &Writer<'_>) -> Result<Vec<Labelled>, ReportError> {
    let assessment = w.assessment;
    let document = &w.view.document;
    let profile = &w.view.profile;
    let mut rows = vec![
        fact(w.word("scope_node")?, format!("{}, {}", document.host, profile.platform)),
        fact(w.t("document", "collected")?, format!("{}, {}", document.date, document.time)),
    ];
    let software = super::service::software(w, true);
    if !software.is_empty() {
        rows.push(fact(w.word("scope_runs")?, software));
    }
    rows.push(fact(w.t("label", "load")?, w.names.plain(&sentence(&profile.load))));
    let key = if assessment.provenance.root { "access_root" } else { "access_user" };
    rows.push(fact(w.word("scope_access")?, w.word(key)?));
    let (done, applying) = super::summary::checks(w);
    let (n, m) = (w.count("answered", done, "findings"), w.count("applying", applying, "findings"));
    let open = w.count("open", applying - done, "findings");
    rows.push(fact(
        w.word("scope_checks")?,
        w.say("scope_checks_text", &[("n", &n), ("m", &m), ("open", &open)])?,
    ));
    let passed = passed(w);
    if passed > 0 {
        let n = w.count("passed", passed, "findings");
        rows.push(fact(w.word("works")?, w.say("passed_text", &[("n", &n)])?));
    }
    if w.view.gaps {
        rows.push(fact(w.word("grade_waits")?, stop(&w.view.risk.reason)));
    }
    if !w.assessment.contradictions.is_empty() {
        let n = w.count("contradictions", w.assessment.contradictions.len(), "contradictions");
        rows.push(fact(w.t("heading", "contradictions")?, n));
    }
    Ok(rows)
}
