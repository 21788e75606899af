//! Nodes that a report compares its own with: what `plumb fleet` once wrote of them. Only their numbers are used; whose
//! they are is not printed.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::assessment::Grade;
use crate::fleet::FLEET_SCHEMA;

/// Why a file tells nothing of other nodes.
#[derive(Debug, Error)]
pub enum PeersError {
    /// It is no `fleet.json`.
    #[error("expected a fleet.json as `plumb fleet --formats json` writes it")]
    Shape(#[source] serde_json::Error),
    /// Another version of it.
    #[error(
        "expected a fleet.json of version {FLEET_SCHEMA}, found version {0}; write it anew with this version"
    )]
    Version(u32),
    /// Nothing in it.
    #[error("expected a fleet.json with nodes, found none in it")]
    Empty,
}

/// What is known of other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// Number of findings of each, rising.
    deviations: Vec<usize>,
    /// Their grades.
    grades: Vec<Grade>,
    /// On how many a cause was found, and on how many it may be.
    causes: BTreeMap<String, (usize, usize)>,
}

#[derive(Deserialize)]
struct Fleet {
    schema: u32,
    nodes: Vec<Node>,
    frequent: Vec<Frequent>,
}

#[derive(Deserialize)]
struct Node {
    grade: Grade,
    deviations: usize,
}

#[derive(Deserialize)]
struct Frequent {
    root: String,
    nodes: usize,
    unanswered: usize,
}

/// How the grades of other nodes stand to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Nodes with less risk.
    pub better: usize,
    /// Nodes of the same grade.
    pub same: usize,
    /// Nodes with more risk.
    pub worse: usize,
    /// Nodes that could not be graded.
    pub ungraded: usize,
}

impl Peers {
    /// Reads a `fleet.json`.
    ///
    /// # Errors
    /// If it is none, of another version, or has no nodes.
    pub fn read(text: &[u8]) -> Result<Self, PeersError> {
        let Fleet { schema, nodes, frequent } = serde_json::from_slice(text).map_err(PeersError::Shape)?;
        if schema != FLEET_SCHEMA {
            return Err(PeersError::Version(schema));
        }
        if nodes.is_empty() {
            return Err(PeersError::Empty);
        }
        let mut deviations: Vec<usize> = nodes.iter().map(|node| node.deviations).collect();
        deviations.sort_unstable();
        let most = nodes.len();
        let causes = frequent.into_iter().map(|own| {
            let found = own.nodes.min(most);
            (own.root, (found, own.unanswered.min(most - found)))
        });
        Ok(Self {
            deviations,
            grades: nodes.iter().map(|node| node.grade).collect(),
            causes: causes.collect(),
        })
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.grades.len()
    }

    /// Fewest, median (of an even number the lower one) and most findings of a node.
    #[must_use]
    pub fn findings(&self) -> (usize, usize, usize) {
        let of = |at: usize| self.deviations.get(at).copied().unwrap_or_default();
        (
            of(0),
            of((self.deviations.len().saturating_sub(1)) / 2),
            of(self.deviations.len().saturating_sub(1)),
        )
    }

    /// On how many nodes a cause was found, and on how many others it was not answered whether it is there.
    #[must_use]
    pub fn having(&self, root: &str) -> (usize, usize) {
        self.causes.get(root).copied().unwrap_or_default()
    }

    /// How their grades stand to `grade`; `None` for one that is no grade.
    #[must_use]
    pub fn standing(&self, grade: Grade) -> Option<Standing> {
        if grade == Grade::NotAssessable {
            return None;
        }
        let mut standing = Standing::default();
        for own in &self.grades {
            let count = match own {
                Grade::NotAssessable => &mut standing.ungraded,
                own if *own < grade => &mut standing.better,
                own if *own > grade => &mut standing.worse,
                _ => &mut standing.same,
            };
            *count += 1;
        }
        Some(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLEET: &str = r#"{
        "schema": 2,
        "nodes": [
            {"name": "a", "host": "secret", "grade": "high", "deviations": 9},
            {"grade": "low", "deviations": 0},
            {"grade": "not-assessable", "deviations": 4},
            {"grade": "medium", "deviations": 5}
        ],
        "frequent": [{"root": "cause:power", "nodes": 2, "unanswered": 1}, {"root": "x", "nodes": 99, "unanswered": 99}]
    }"#;

    #[test]
    fn a_node_is_held_against_the_others() {
        let peers = Peers::read(FLEET.as_bytes()).unwrap();
        assert_eq!((peers.nodes(), peers.findings()), (4, (0, 4, 9)));
        assert_eq!(
            (peers.having("cause:power"), peers.having("none"), peers.having("x")),
            ((2, 1), (0, 0), (4, 0))
        );
        let standing = Standing { better: 1, same: 1, worse: 1, ungraded: 1 };
        assert_eq!(
            (peers.standing(Grade::Medium), peers.standing(Grade::NotAssessable)),
            (Some(standing), None)
        );
    }

    #[test]
    fn what_tells_nothing_of_nodes_is_refused() {
        let read = |text: &str| Peers::read(text.as_bytes()).unwrap_err().to_string();
        assert!(read("{}").contains("expected a fleet.json"));
        assert!(read(&FLEET.replace("\"schema\": 2", "\"schema\": 1")).contains("found version 1"));
        assert!(read(r#"{"schema": 2, "nodes": [], "frequent": []}"#).contains("found none in it"));
    }
}
