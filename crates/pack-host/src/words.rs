//! Writes the sentences of findings from the pages of a pack. Runs in the worker: a page of somebody else's is foreign data, and
//! what it costs to write it counts against the worker's limits.

use std::collections::BTreeMap;

use plumb_check_sdk::page::NO_ANSWER;
use plumb_check_sdk::{Finding, Object, Outcome, Reply, Words};
use plumb_words::page::OF_PAGE;
use plumb_words::{ENGLISH, Messages, read, text_of};
use serde::{Deserialize, Serialize};

/// The texts of a check that stand for every node, by key (`title`, `why`).
pub type PageTexts = BTreeMap<String, String>;
/// Texts of checks by language and check.
pub type Pages = BTreeMap<String, BTreeMap<String, PageTexts>>;

/// What the worker hands to the host: the findings with their words, and the texts of the pages in the languages asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pages: Pages,
}

/// What the message of a finding begins with whose page cannot say it.
pub(crate) const UNSAID: &str = "the page of the check ";

/// The pages of a pack.
pub(crate) struct Writer {
    /// Message files by language and check.
    texts: BTreeMap<String, BTreeMap<String, String>>,
    /// Languages to write in beside English.
    languages: Vec<String>,
    bundles: BTreeMap<(String, String), Result<Messages, String>>,
}

impl Writer {
    /// Reads what a pack hands over as its words.
    ///
    /// # Errors
    /// Tells why it is not that.
    pub(crate) fn new(json: &[u8], languages: &[String]) -> Result<Self, String> {
        let texts = serde_json::from_slice(json)
            .map_err(|error| format!("its words are not message files by language and check: {error}"))?;
        let languages = languages.iter().filter(|language| *language != ENGLISH).cloned().collect();
        Ok(Self { texts, languages, bundles: BTreeMap::new() })
    }

    /// Languages that any of the pages is in.
    pub(crate) fn languages(&self) -> Vec<String> {
        self.texts.keys().cloned().collect()
    }

    /// The reply of a pack with the words of its findings; `None` for a reply that is none, which the host refuses.
    pub(crate) fn write(&mut self, reply: &[u8]) -> Option<Vec<u8>> {
        let reply: Reply = serde_json::from_slice(reply).ok()?;
        let findings = reply.findings.into_iter().map(|finding| self.finding(finding)).collect();
        let pages = self.pages();
        serde_json::to_vec(&Written { findings, pages }).ok()
    }

    /// The findings with their words; for tests of packs, which ask a check without a worker.
    #[cfg(feature = "test")]
    pub(crate) fn all(&mut self, findings: Vec<Finding>) -> Vec<Finding> {
        findings.into_iter().map(|finding| self.finding(finding)).collect()
    }

    fn finding(&mut self, mut finding: Finding) -> Finding {
        let Some(variant) = finding.variant.clone() else { return finding };
        let mut written = BTreeMap::new();
        for language in std::iter::once(ENGLISH.to_owned()).chain(self.languages.clone()) {
            match self.words(&language, &finding, &variant) {
                Ok(words) => drop(written.insert(language, words)),
                Err(cause) => return unwritten(&finding, &cause),
            }
        }
        if let Some(english) = written.get(ENGLISH) {
            finding.message.clone_from(&english.message);
        }
        finding.words = written;
        finding
    }

    fn words(&mut self, language: &str, finding: &Finding, variant: &str) -> Result<Words, String> {
        if variant == NO_ANSWER {
            let reason = match finding.args.get("reason") {
                Some(arg) => text_of(arg, language),
                None => finding.message.clone(),
            };
            return Ok(Words { message: reason, ..Words::default() });
        }
        let fallback = language != ENGLISH && !self.has(language, &finding.check);
        let language = if fallback { ENGLISH } else { language };
        let messages = self.messages(language, &finding.check)?;
        let say = |key: &str| {
            let values = finding.args.iter().map(|(name, arg)| (name.as_str(), arg));
            messages.say(key, values).map_err(|error| error.to_string())
        };
        let problem = say(&format!("problem-{variant}"))?;
        let (effect, message) = match &problem {
            Some(problem) => {
                let own = say(&format!("effect-{variant}"))?;
                // What is worth knowing without a risk has the effect of the check only where its sentence says so itself.
                let effect = match own {
                    None if finding.outcome != Outcome::Info => say("effect")?,
                    own => own,
                };
                let detail = say(&format!("detail-{variant}"))?;
                (effect, detail.unwrap_or_else(|| problem.clone()))
            }
            None => {
                let found = say(&format!("found-{variant}"))?;
                (None, found.ok_or_else(|| format!("has no sentence `{variant}`"))?)
            }
        };
        Ok(Words {
            problem: problem.unwrap_or_default(),
            effect: effect.unwrap_or_default(),
            message,
            fallback,
        })
    }

    fn has(&self, language: &str, check: &str) -> bool {
        self.texts.get(language).is_some_and(|checks| checks.contains_key(check))
    }

    fn messages(&mut self, language: &str, check: &str) -> Result<&Messages, String> {
        let text = self.texts.get(language).and_then(|checks| checks.get(check));
        let key = (language.to_owned(), check.to_owned());
        let messages = self.bundles.entry(key).or_insert_with(|| {
            let text = text.ok_or_else(|| format!("has no words in `{language}`"))?;
            Messages::new(language, text).map_err(|error| error.to_string())
        });
        messages.as_ref().map_err(Clone::clone)
    }

    /// Keys and English texts of the limits of a check.
    fn limits(&self, check: &str) -> Vec<(String, String)> {
        let text = self.texts.get(ENGLISH).and_then(|checks| checks.get(check));
        let messages = text.and_then(|text| read(text).ok()).unwrap_or_default();
        let limits = messages.into_iter().filter(|message| message.key.starts_with("limit-"));
        limits.filter_map(|message| Some((message.key, message.plain?))).collect()
    }

    fn pages(&mut self) -> Pages {
        let mut pages = Pages::new();
        for language in self.languages.clone() {
            let checks: Vec<String> =
                self.texts.get(&language).into_iter().flatten().map(|(id, _)| id.clone()).collect();
            for check in checks {
                let limits = self.limits(&check);
                let Ok(messages) = self.messages(&language, &check) else { continue };
                let texts =
                    OF_PAGE.iter().filter_map(|key| Some(((*key).to_owned(), messages.say(key, []).ok()??)));
                // A limit comes from the pack with its English texts, by which its others are found.
                let of_limits = limits
                    .into_iter()
                    .filter_map(|(key, english)| Some((english, messages.say(&key, []).ok()??)));
                let texts: PageTexts = texts.chain(of_limits).collect();
                pages.entry(language.clone()).or_default().insert(check, texts);
            }
        }
        pages
    }
}

/// A finding whose page cannot say it: an answer that nobody can read is none.
fn unwritten(finding: &Finding, cause: &str) -> Finding {
    let message = format!("{UNSAID}{cause}: this is for whoever made the pack to mend");
    let object = finding.object.clone().unwrap_or_else(Object::node);
    Finding {
        object: Some(object),
        ..Finding::new(finding.check.clone(), Outcome::NotRun, finding.subject.clone(), message)
    }
}

#[cfg(test)]
mod tests {
    use plumb_check_sdk::Arg;

    use super::*;

    const WORDS: &str = r#"{"en": {"t.a": "problem-slow = { $n ->\n    [one] { $n } CPU is\n   *[other] { $n } CPUs are\n } at { $share }\neffect = It costs time.\nfound-fine = all is well"},
        "de": {"t.a": "problem-slow = { $n ->\n    [one] { $n } CPU läuft\n   *[other] { $n } CPUs laufen\n } mit { $share }\neffect = Es kostet Zeit.\nfound-fine = alles in Ordnung"}}"#;

    fn finding(outcome: Outcome, variant: &str, args: &[(&str, Arg)]) -> Finding {
        let mut finding = Finding::new("t.a", outcome, "node", "");
        finding.variant = Some(variant.to_owned());
        finding.args = args.iter().map(|(name, arg)| ((*name).to_owned(), arg.clone())).collect();
        finding
    }

    fn written(words: &str, finding: Finding, languages: &[&str]) -> Finding {
        let languages: Vec<String> = languages.iter().map(|own| (*own).to_owned()).collect();
        let mut writer = Writer::new(words.as_bytes(), &languages).unwrap();
        let reply = serde_json::to_vec(&Reply { findings: vec![finding] }).unwrap();
        let written: Written = serde_json::from_slice(&writer.write(&reply).unwrap()).unwrap();
        written.findings.into_iter().next().unwrap()
    }

    #[test]
    fn numbers_and_plurals_are_those_of_the_language() {
        let args = |n: u64| [("n", Arg::from(n)), ("share", Arg::quantity(12.34, "%", 1))];
        let found = written(WORDS, finding(Outcome::Fail, "slow", &args(1)), &["de"]);
        assert_eq!(found.message, "1 CPU is at 12.3 %");
        assert_eq!(found.words["de"].problem, "1 CPU läuft mit 12,3 %");
        assert_eq!(found.words["de"].effect, "Es kostet Zeit.");
        let found = written(WORDS, finding(Outcome::Fail, "slow", &args(8)), &["de"]);
        assert_eq!(found.words["de"].problem, "8 CPUs laufen mit 12,3 %");
        let found = written(WORDS, finding(Outcome::Info, "slow", &args(8)), &["de"]);
        assert_eq!((found.words["de"].effect.as_str(), found.words["de"].problem.is_empty()), ("", false));
    }

    #[test]
    fn a_language_that_is_not_there_is_english_and_marked() {
        let found = written(WORDS, finding(Outcome::Pass, "fine", &[]), &["fr"]);
        assert_eq!((found.words["fr"].message.as_str(), found.words["fr"].fallback), ("all is well", true));
        assert!(!found.words["en"].fallback);
    }

    #[test]
    fn what_a_page_cannot_say_is_not_run_with_the_cause() {
        for (variant, args, cause) in [
            ("unknown", vec![], "has no sentence `unknown`"),
            ("slow", vec![("n", Arg::from(2_u64))], "cannot say `problem-slow`"),
        ] {
            let found = written(WORDS, finding(Outcome::Fail, variant, &args), &[]);
            assert_eq!(found.outcome, Outcome::NotRun);
            assert!(found.message.contains(cause), "{}", found.message);
        }
        let found =
            written(r#"{"en": {"t.a": "problem-slow = { $n"}}"#, finding(Outcome::Fail, "slow", &[]), &[]);
        assert!(found.message.contains("no readable words in `en`: line 1"), "{}", found.message);
    }

    #[test]
    fn the_reason_of_missing_evidence_needs_no_page() {
        let found =
            written("{}", finding(Outcome::NotRun, NO_ANSWER, &[("reason", Arg::text("denied"))]), &["de"]);
        assert_eq!((found.message.as_str(), found.words["de"].message.as_str()), ("denied", "denied"));
    }
}
