//! Every deviation at every place, and what it rests on, for other tools.

use plumb_engine::assessment::{FindingRef, RatedFinding};

use super::Writer;
use crate::ReportError;
use crate::escape::clean;
use crate::model::{EvidenceRow, FindingRow};
use crate::view::said::Said;
use crate::view::{grade, outcome_word};

/// Deviations with the id of the finding that they are part of, in the order of the report.
fn deviations<'w>(w: &'w Writer<'_>) -> impl Iterator<Item = (&'w str, &'w RatedFinding)> {
    w.view.deviations.iter().flat_map(|group| {
        let of_group = |finding: &&RatedFinding| group.has(&FindingRef::to(finding));
        w.assessment.findings.iter().filter(of_group).map(|finding| (group.id.as_str(), finding))
    })
}

pub(super) fn findings(w: &Writer<'_>) -> Result<Vec<FindingRow>, ReportError> {
    let said = Said::new(w.assessment, w.messages);
    let row = |(id, finding): (&str, &RatedFinding)| {
        let grade = finding.grade.map(|own| grade(own, None, w.messages)).transpose()?;
        Ok(FindingRow {
            id: id.to_owned(),
            check: clean(&finding.check),
            subject: said.subject(finding),
            outcome: outcome_word(finding.outcome, w.messages)?,
            grade: grade.map(|own| own.text).unwrap_or_default(),
            score: finding.score,
            problem: said.problem(finding).unwrap_or_else(|| said.page(finding, "title", &finding.title)),
            message: said.message(finding),
        })
    };
    deviations(w).map(row).collect()
}

pub(super) fn evidence(w: &Writer<'_>) -> Vec<EvidenceRow> {
    let said = Said::new(w.assessment, w.messages);
    let rows = deviations(w).flat_map(|(id, finding)| {
        crate::view::findings::evidence(&finding.evidence).into_iter().map(move |own| EvidenceRow {
            id: id.to_owned(),
            check: clean(&finding.check),
            subject: said.subject(finding),
            source: own.source,
            value: own.value,
        })
    });
    rows.collect()
}
