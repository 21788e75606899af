//! What the document of a fleet needs of each node, so that neither evidence nor assessment need be kept.

use std::collections::BTreeMap;

use plumb_engine::Assessment;
use plumb_evidence::Evidence;

use crate::ReportError;
use crate::chapters::asks::{self, Who};
use crate::chapters::items::{self, Wave};
use crate::chapters::names::Names;
use crate::material::Material;
use crate::theme::Theme;
use crate::view::View;

/// What is to be done on a node, and what was not seen of it.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Name of its file.
    pub(crate) name: String,
    /// One entry for each finding, as the node's own report has them.
    pub(crate) work: Vec<Work>,
    /// Number of checks without an answer, by who can open them, and the share of the coverage that is.
    pub(crate) asks: BTreeMap<Who, (usize, f64)>,
}

/// What is to be done about a finding.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Name of its cause, the same on every node.
    pub(crate) root: String,
    pub(crate) problem: String,
    pub(crate) steps: Vec<String>,
    pub(crate) effort: String,
    pub(crate) needs: String,
    pub(crate) owner: String,
    pub(crate) due: String,
    pub(crate) status: String,
    pub(crate) wave: Wave,
}

impl Sheet {
    /// The sheet of a node; `name` is that of its file.
    ///
    /// # Errors
    /// If a message of the theme is at fault, or a collection time is no time.
    pub fn new(
        name: &str,
        evidence: &Evidence,
        assessment: &Assessment,
        theme: &Theme,
    ) -> Result<Self, ReportError> {
        let messages = theme.messages();
        // Without the evidence there are no figures of the node, which nobody would see here.
        let view = View::new(&Material::new(assessment), messages)?;
        let names = Names::of(Some(evidence), messages);
        let work = items::all(assessment, &view, &names, messages)?.into_iter().map(|item| Work {
            root: item.root,
            problem: item.problem,
            steps: item.steps,
            effort: item.effort,
            needs: item.needs,
            owner: item.owner,
            due: item.due,
            status: item.status,
            wave: item.wave,
        });
        Ok(Self {
            name: name.to_owned(),
            work: work.collect(),
            asks: asks::all(assessment)
                .into_iter()
                .map(|(who, ask)| (who, (ask.checks.len(), ask.share)))
                .collect(),
        })
    }
}
