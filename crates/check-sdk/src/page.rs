//! A check's page: what the build makes of `page.toml` and the message files beside a check.

use std::ops::Deref;

use crate::object::Object;
use crate::words::{Arg, Said};
use crate::{CheckMeta, Finding, Missing, Outcome};

/// The sentence of every page for evidence that is missing, with the reason as `$reason`.
pub const NO_ANSWER: &str = "no-answer";

/// The page of a check. Findings name a sentence of it and the values in that sentence; the words are in the message files.
#[derive(Debug)]
pub struct Page {
    /// What the manifest says of the check, in English.
    pub meta: CheckMeta,
    /// Key of the cause that findings of this check have in common with others, where they have one.
    pub cause: Option<&'static str>,
}

impl Deref for Page {
    type Target = CheckMeta;

    fn deref(&self) -> &CheckMeta {
        &self.meta
    }
}

impl Page {
    /// A finding of this check.
    #[must_use]
    pub fn says(&self, outcome: Outcome, object: Object, said: impl Into<Said>) -> Finding {
        let finding = Finding::said(self.meta.id.clone(), outcome, object, said.into());
        match self.cause.filter(|_| outcome.is_deviation()) {
            Some(key) => finding.with_cause(key, Object::node()),
            None => finding,
        }
    }

    /// The evidence meets the condition.
    #[must_use]
    pub fn pass(&self, object: Object, said: impl Into<Said>) -> Finding {
        self.says(Outcome::Pass, object, said)
    }

    /// The evidence deviates, but less than a failure does. Needs evidence.
    #[must_use]
    pub fn warn(&self, object: Object, said: impl Into<Said>) -> Finding {
        self.says(Outcome::Warn, object, said)
    }

    /// The condition is violated. Needs evidence.
    #[must_use]
    pub fn fail(&self, object: Object, said: impl Into<Said>) -> Finding {
        self.says(Outcome::Fail, object, said)
    }

    /// Worth knowing, without risk.
    #[must_use]
    pub fn info(&self, object: Object, said: impl Into<Said>) -> Finding {
        self.says(Outcome::Info, object, said)
    }

    /// There is nothing to judge on this node; the sentence names the predicate that says so.
    #[must_use]
    pub fn not_applicable(&self, object: Object, said: impl Into<Said>) -> Finding {
        self.says(Outcome::NotApplicable, object, said)
    }

    /// The question applies but could not be answered; the sentence says why.
    #[must_use]
    pub fn not_run(&self, object: Object, said: impl Into<Said>) -> Finding {
        self.says(Outcome::NotRun, object, said)
    }

    /// Two sources that should agree do not. Needs both as evidence.
    #[must_use]
    pub fn contradictory(&self, object: Object, said: impl Into<Said>) -> Finding {
        self.says(Outcome::Contradictory, object, said)
    }

    /// The question applies, but a piece of evidence is missing.
    #[must_use]
    pub fn missing(&self, object: Object, missing: &Missing) -> Finding {
        self.says(Outcome::NotRun, object, missing)
    }
}

impl From<&Missing> for Said {
    fn from(missing: &Missing) -> Self {
        Self { variant: NO_ANSWER, args: [("reason", Arg::from(missing))].into() }
    }
}

impl From<Missing> for Said {
    fn from(missing: Missing) -> Self {
        Self::from(&missing)
    }
}
