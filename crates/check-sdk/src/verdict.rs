//! How a check says early that it has no verdict.

use crate::{Finding, Object, Outcome, Page, Said};

/// Why there is no verdict about an object: the question does not apply to it, or has no answer.
///
/// The operator `?` makes one of evidence that is missing, and of a sentence of the check's page, which then says why there
/// is no answer. [`Page::settle`] turns it into a finding about the object.
#[derive(Clone, Debug, PartialEq)]
pub struct NoVerdict {
    outcome: Outcome,
    said: Said,
}

impl NoVerdict {
    /// There is nothing to judge; the sentence names the predicate that says so.
    #[must_use]
    pub fn not_applicable(said: impl Into<Said>) -> Self {
        Self { outcome: Outcome::NotApplicable, said: said.into() }
    }
}

impl<S: Into<Said>> From<S> for NoVerdict {
    fn from(said: S) -> Self {
        Self { outcome: Outcome::NotRun, said: said.into() }
    }
}

impl From<Finding> for Vec<Finding> {
    fn from(finding: Finding) -> Self {
        vec![finding]
    }
}

impl Page {
    /// Ends a judgement that has nothing to judge if `holds`.
    ///
    /// # Errors
    /// The question does not apply, for the reason that the sentence gives.
    pub fn not_applicable_if(&self, holds: bool, said: impl Into<Said>) -> Result<(), NoVerdict> {
        if holds { Err(NoVerdict::not_applicable(said)) } else { Ok(()) }
    }

    /// Ends a judgement that cannot be made if `holds`.
    ///
    /// # Errors
    /// The question has no answer, for the reason that the sentence gives.
    pub fn not_run_if(&self, holds: bool, said: impl Into<Said>) -> Result<(), NoVerdict> {
        if holds { Err(said.into().into()) } else { Ok(()) }
    }

    /// What was judged of an object; else the finding that says why there is no verdict about it.
    pub fn settle<T: From<Finding>>(&self, object: Object, judged: Result<T, impl Into<NoVerdict>>) -> T {
        judged.unwrap_or_else(|none| {
            let NoVerdict { outcome, said } = none.into();
            self.says(outcome, object, said).into()
        })
    }

    /// What a check found; without a verdict, what it says of the node.
    #[doc(hidden)]
    pub fn findings<T>(&self, judged: Result<T, impl Into<NoVerdict>>) -> Vec<Finding>
    where
        T: From<Finding> + Into<Vec<Finding>>,
    {
        self.settle(Object::node(), judged).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::tests::meta;
    use crate::{Absence, Missing};

    #[test]
    fn a_judgement_without_verdict_becomes_a_finding_about_its_object() {
        let page = Page { meta: meta("t.page"), cause: None };
        let said = |variant| Said { variant, args: [].into() };
        let judge = |gpus: usize, read: Result<(), Missing>| -> Result<Finding, NoVerdict> {
            page.not_applicable_if(gpus == 0, said("no-gpu"))?;
            page.not_run_if(gpus > 8, said("too-many"))?;
            read?;
            Ok(page.pass(Object::gpu("1"), said("fine")))
        };
        let denied = || Err(Missing::new(Absence::Denied, "no"));
        for (judged, outcome, variant) in [
            (judge(0, denied()), Outcome::NotApplicable, "no-gpu"),
            (judge(9, Ok(())), Outcome::NotRun, "too-many"),
            (judge(1, denied()), Outcome::NotRun, "no-answer"),
            (judge(1, Ok(())), Outcome::Pass, "fine"),
        ] {
            let finding: Finding = page.settle(Object::gpu("1"), judged.clone());
            assert_eq!((finding.outcome, finding.variant.as_deref()), (outcome, Some(variant)));
            assert_eq!(finding.subject, "GPU 1");
            let subject = if outcome == Outcome::Pass { "GPU 1" } else { "node" };
            let subjects: Vec<String> = page.findings(judged).into_iter().map(|own| own.subject).collect();
            assert_eq!(subjects, [subject], "what a check as a whole cannot judge is told of the node");
        }
    }
}
