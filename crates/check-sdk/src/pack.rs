//! The trait of a check, and the pack that runs checks without letting one harm the others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use plumb_evidence::Missing;
use plumb_evidence::model::EVIDENCE_SCHEMA;
use serde::{Deserialize, Serialize};

use crate::abi::{ABI_MINOR_OF_WORDS, PLUMB_ABI_MAJOR};
use crate::evidence::{Document, DocumentError};
use crate::export::panic_message;
use crate::{CheckMeta, Evidence, Finding, Object, Outcome, PackManifest, Text};

/// One rule about a node.
///
/// A check is a pure function of the evidence: no files, no commands, no clock, no randomness, no threads. The worker
/// enforces most of that.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a check",
    label = "this value does not implement `plumb_check_sdk::Check`",
    note = "write `impl Check for {Self}` with `meta` and `evaluate`, and list a value of it, such as a unit struct, in `export_pack!`"
)]
pub trait Check: Sync {
    /// What the check is about, what it needs, and all texts that reports print.
    fn meta(&self) -> &'static CheckMeta;

    /// Looks at the evidence and tells what it found, one finding per subject.
    ///
    /// # Errors
    /// A piece of evidence that is needed but missing: pass it on with `?`. It becomes a `not-run` finding that tells
    /// the reason, never a pass.
    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing>;
}

/// The document that `PlumbPack::evaluate` replies with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// All findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

/// Several checks that are delivered together. Made by `export_pack!`.
pub struct Pack {
    id: &'static str,
    version: &'static str,
    library: &'static str,
    words: &'static str,
    checks: &'static [&'static dyn Check],
    manifest_json: OnceLock<Vec<u8>>,
}

impl Pack {
    /// A pack of `checks` in the library file `library`, with their sentences as JSON, or none.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        id: &'static str,
        version: &'static str,
        library: &'static str,
        words: &'static str,
        checks: &'static [&'static dyn Check],
    ) -> Self {
        Self { id, version, library, words, checks, manifest_json: OnceLock::new() }
    }

    /// The manifest: what `pack.toml` beside the library must say.
    #[must_use]
    pub fn manifest(&self) -> PackManifest {
        let mut checks: Vec<CheckMeta> = self.checks.iter().map(|check| check.meta().clone()).collect();
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        PackManifest {
            id: Text::Borrowed(self.id),
            version: Text::Borrowed(self.version),
            abi_major: PLUMB_ABI_MAJOR,
            // Without sentences the SDK gives more than ABI 1.0 asks for, but needs no more from the host.
            abi_minor: if self.words.is_empty() { 0 } else { ABI_MINOR_OF_WORDS },
            library: Text::Borrowed(self.library),
            checks: checks.into(),
        }
    }

    /// The sentences of the checks as JSON: by language, by check, the text of a message file. Empty if they have none.
    #[must_use]
    pub fn words(&self) -> &'static str {
        self.words
    }

    pub(crate) fn manifest_json(&self) -> &[u8] {
        self.manifest_json.get_or_init(|| serde_json::to_vec(&self.manifest()).unwrap_or_default())
    }

    /// Runs all checks on evidence in JSON form.
    ///
    /// # Errors
    /// Fails if `evidence` is not a JSON object. What goes wrong inside of a check becomes a `not-run` finding.
    pub fn evaluate(&self, evidence: &[u8]) -> Result<Vec<Finding>, DocumentError> {
        let document = Document::parse(evidence)?;
        Ok(self.checks.iter().flat_map(|check| self.run(*check, &document)).collect())
    }

    /// Runs the checks with the given ids on evidence in JSON form; ids of no check of this pack are passed over.
    ///
    /// # Errors
    /// As [`Pack::evaluate`].
    pub fn evaluate_checks(&self, ids: &[String], evidence: &[u8]) -> Result<Vec<Finding>, DocumentError> {
        let document = Document::parse(evidence)?;
        let asked = self.checks.iter().filter(|check| ids.iter().any(|id| *id == check.meta().id));
        Ok(asked.flat_map(|check| self.run(*check, &document)).collect())
    }

    /// Runs one check; a panic ends this check only.
    fn run(&self, check: &dyn Check, document: &Document<'_>) -> Vec<Finding> {
        let meta = check.meta();
        if let Some(schema) = document.schema().filter(|&schema| schema > EVIDENCE_SCHEMA) {
            let message = format!(
                "the evidence has schema {schema}, but this pack knows schemas up to {EVIDENCE_SCHEMA}: rebuild the pack"
            );
            return vec![meta.not_run("node", message)];
        }
        let evidence = Evidence::new(document, &meta.needs);
        match catch_unwind(AssertUnwindSafe(|| check.evaluate(&evidence))) {
            Ok(Ok(findings)) if findings.is_empty() => {
                vec![meta.not_run("node", "the check returned no finding")]
            }
            Ok(Ok(findings)) => findings,
            Ok(Err(missing)) => vec![self.unanswered(meta, &missing)],
            Err(payload) => {
                vec![meta.not_run("node", format!("the check panicked: {}", panic_message(payload)))]
            }
        }
    }

    /// A check that passed on what is missing.
    fn unanswered(&self, meta: &CheckMeta, missing: &Missing) -> Finding {
        if self.words.is_empty() {
            return meta.not_run("node", missing.to_string());
        }
        Finding::said(meta.id.clone(), Outcome::NotRun, Object::node(), missing.into())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::borrow::Cow::Borrowed;

    use super::*;
    use crate::{Category, ChangeKind, Outcome, Remediation, Severity};

    pub(crate) const fn meta(id: &'static str) -> CheckMeta {
        CheckMeta {
            id: Borrowed(id),
            title: Borrowed("t"),
            category: Category::Platform,
            severity: Severity::Low,
            gate: false,
            top15_rank: None,
            rationale: Borrowed("r"),
            business: Borrowed("b"),
            needs: Borrowed(&[Borrowed("/node/kernel")]),
            remediation: Remediation {
                runtime: Borrowed("r"),
                persistent: Borrowed("p"),
                rollback: Borrowed("b"),
                change: ChangeKind::Process,
                verification: Borrowed("v"),
                expected_effect: Borrowed("e"),
            },
            questions: Borrowed(&[]),
            positions: Borrowed(&[]),
            claims: Borrowed(&[]),
            thresholds: Borrowed(&[]),
            amplified_by: Borrowed(&[]),
            applicability: Borrowed("a"),
            caveat: None,
            references: Borrowed(&[]),
        }
    }

    struct Kernel;
    struct Panics;
    struct Silent;
    struct Curious;
    static KERNEL: CheckMeta = meta("t.kernel");
    static PANICS: CheckMeta = meta("t.panics");
    static SILENT: CheckMeta = meta("t.silent");
    static CURIOUS: CheckMeta = meta("t.curious");

    impl Check for Kernel {
        fn meta(&self) -> &'static CheckMeta {
            &KERNEL
        }

        fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
            Ok(vec![KERNEL.pass("node", evidence.get::<String>("/node/kernel")?)])
        }
    }

    impl Check for Panics {
        fn meta(&self) -> &'static CheckMeta {
            &PANICS
        }

        fn evaluate(&self, _: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
            panic!("number {}", 7)
        }
    }

    impl Check for Silent {
        fn meta(&self) -> &'static CheckMeta {
            &SILENT
        }

        fn evaluate(&self, _: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
            Ok(Vec::new())
        }
    }

    impl Check for Curious {
        fn meta(&self) -> &'static CheckMeta {
            &CURIOUS
        }

        fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
            Ok(vec![CURIOUS.pass("node", format!("{} GPUs", evidence.gpus()?.len()))])
        }
    }

    static PACK: Pack = Pack::new("t", "1.0.0", "libt.so", "", &[&Panics, &Kernel, &Silent, &Curious]);

    fn answers(evidence: &str) -> Vec<(String, Outcome, String)> {
        let findings = PACK.evaluate(evidence.as_bytes()).unwrap();
        findings.into_iter().map(|finding| (finding.check, finding.outcome, finding.message)).collect()
    }

    #[test]
    fn what_goes_wrong_in_one_check_is_told_by_that_check_only() {
        let answers = answers(r#"{"schema": 1, "node": {"kernel": "6.18"}, "gpus": []}"#);
        let expected = [
            ("t.panics", Outcome::NotRun, "the check panicked: number 7"),
            ("t.kernel", Outcome::Pass, "6.18"),
            ("t.silent", Outcome::NotRun, "the check returned no finding"),
            (
                "t.curious",
                Outcome::NotRun,
                "the check reads `/gpus`, which its `needs` do not declare (declared: /node/kernel) (skipped)",
            ),
        ];
        assert_eq!(answers, expected.map(|(id, outcome, text)| (id.to_owned(), outcome, text.to_owned())));
    }

    #[test]
    fn single_checks_can_be_asked() {
        let ids = ["t.kernel".to_owned(), "t.unknown".to_owned()];
        let findings =
            PACK.evaluate_checks(&ids, br#"{"node": {"missing": "denied", "reason": "no"}}"#).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].outcome, findings[0].message.as_str()), (Outcome::NotRun, "no (denied)"));
    }

    #[test]
    fn evidence_of_a_later_schema_is_not_read() {
        for (_, outcome, text) in answers(r#"{"schema": 999, "node": {"kernel": "6.18"}}"#) {
            assert_eq!(outcome, Outcome::NotRun);
            assert!(
                text.starts_with("the evidence has schema 999, but this pack knows schemas up to"),
                "{text}"
            );
        }
    }

    #[test]
    fn evidence_that_is_no_object_is_an_error() {
        for evidence in ["", "[]", "{\"node\": ", "7"] {
            assert!(PACK.evaluate(evidence.as_bytes()).is_err(), "{evidence}");
        }
    }

    #[test]
    fn the_manifest_is_sorted_by_check() {
        let ids: Vec<_> = PACK.manifest().checks.iter().map(|check| check.id.to_string()).collect();
        assert_eq!(ids, ["t.curious", "t.kernel", "t.panics", "t.silent"]);
    }
}
