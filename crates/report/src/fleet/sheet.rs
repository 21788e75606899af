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
use crate::view::findings::Group;

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
    /// From, to; our estimate for this node.
    pub(crate) minutes: Option<(u32, u32)>,
    /// What was found, of the worst.
    pub(crate) seen: String,
    /// What an engineer does, as the node's own report has it.
    pub(crate) remedy: Remedy,
}

/// Steps with their commands, each in words with what is code between backticks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remedy {
    pub(crate) now: Vec<String>,
    pub(crate) permanent: Vec<String>,
    pub(crate) back: Vec<String>,
    pub(crate) verify: String,
    /// True where `verify` is a command without words around it.
    pub(crate) verify_is_code: bool,
}

impl Remedy {
    fn of(group: &Group) -> Self {
        let own = &group.remediation;
        // A pattern, into which names have to be put, is better than nothing.
        let or_pattern = |steps: &[String], pattern: &[String]| match steps {
            [] => pattern.to_vec(),
            steps => steps.to_vec(),
        };
        Self {
            now: or_pattern(&own.now, &own.patterns.now),
            permanent: or_pattern(&own.permanent, &own.patterns.permanent),
            back: or_pattern(&own.rollback, &own.patterns.rollback),
            verify: own.verification.clone(),
            verify_is_code: own.verification_is_code,
        }
    }
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
            remedy: view
                .deviations
                .iter()
                .find(|group| group.id == item.id)
                .map(Remedy::of)
                .unwrap_or_default(),
            minutes: item.minutes,
            seen: item.seen,
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
