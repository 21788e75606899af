//! `page.toml` and the message files beside it, read and held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use plumb_check_sdk::{
    Category, ChangeKind, CheckMeta, Claim, Question, Reference, Remediation, Severity, Threshold,
    ThresholdBasis, WorkloadTrait,
};
use plumb_strict_toml::At;
use plumb_words::page;
use serde::Deserialize;

use crate::error::Fault;
use crate::messages::Messages;
use crate::{LANGUAGES, references_of};

/// A check's page, ready to become code.
#[derive(Clone, Debug)]
pub struct CheckPage {
    /// Name of the folder, and of the module.
    pub module: String,
    /// What the manifest says, in English.
    pub meta: CheckMeta,
    /// Key of the cause that its findings have in common with others.
    pub cause: Option<String>,
    /// Keys of the thresholds, in the order of the manifest.
    pub limits: Vec<String>,
    /// Sentences with the values that each names.
    pub variants: BTreeMap<String, Variant>,
    /// The words by language.
    pub words: Vec<Messages>,
}

/// A sentence of a page.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Values that it names.
    pub args: BTreeSet<String>,
    /// The English words, for the documentation of the code.
    pub example: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageFile {
    id: String,
    category: Category,
    severity: Severity,
    #[serde(default)]
    gate: bool,
    rank: Option<u8>,
    change: ChangeKind,
    #[serde(default)]
    cause: Option<String>,
    needs: Vec<String>,
    #[serde(default)]
    amplified_by: Vec<WorkloadTrait>,
    #[serde(default)]
    questions: Questions,
    #[serde(default)]
    positions: Vec<String>,
    #[serde(default)]
    claims: Vec<Claim>,
    #[serde(default)]
    thresholds: BTreeMap<String, ThresholdTable>,
    references: Vec<At<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Questions {
    #[serde(default)]
    decides: Vec<String>,
    #[serde(default)]
    adds: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdTable {
    number: f64,
    unit: At<String>,
    basis: ThresholdBasis,
    /// Key of a source; without one the words `limit-KEY-source` say where the number is from.
    source: Option<At<String>>,
    date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceTable {
    title: String,
    url: String,
}

/// Reads the pages of the pack in `folder`, in the order of their folders.
///
/// # Errors
/// All faults of all pages.
pub fn read(folder: &Path) -> Result<Vec<CheckPage>, Vec<Fault>> {
    let sources = sources(folder)?;
    let src = folder.join("src");
    let entries =
        fs::read_dir(&src).map_err(|error| vec![Fault::file(&src, format!("cannot be read: {error}"))])?;
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("page.toml").is_file()).collect();
    folders.sort();
    let languages = languages(&folders);
    let mut pages = Vec::new();
    let mut faults = Vec::new();
    for folder in folders {
        match read_page(&folder, &sources, &languages) {
            Ok(page) => pages.push(page),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(pages) } else { Err(faults) }
}

/// The languages of a pack: English, and each that one of its pages has, which the others then have to have as well.
fn languages(folders: &[PathBuf]) -> Vec<&'static str> {
    let has = |language: &str| folders.iter().any(|folder| folder.join(format!("{language}.ftl")).is_file());
    LANGUAGES
        .into_iter()
        .enumerate()
        .filter(|(at, language)| *at == 0 || has(language))
        .map(|(_, own)| own)
        .collect()
}

fn sources(folder: &Path) -> Result<BTreeMap<String, Reference>, Vec<Fault>> {
    let Some(path) = references_of(folder) else { return Ok(BTreeMap::new()) };
    let text = text_of(&path)?;
    let tables: BTreeMap<String, ReferenceTable> = parse(&path, &text)?;
    let reference = |(key, table): (String, ReferenceTable)| {
        (key, Reference { title: table.title.into(), url: table.url.into() })
    };
    Ok(tables.into_iter().map(reference).collect())
}

fn text_of(path: &Path) -> Result<String, Vec<Fault>> {
    fs::read_to_string(path).map_err(|error| vec![Fault::file(path, format!("cannot be read: {error}"))])
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, Vec<Fault>> {
    let name = path.display().to_string();
    let read = plumb_strict_toml::Document::parse(&name, text).and_then(|document| document.read());
    read.map_err(|fault| vec![placed(path, fault)])
}

/// A fault of a TOML file as those of message files are told.
fn placed(path: &Path, fault: plumb_strict_toml::Fault) -> Fault {
    let key = if fault.key.is_empty() { String::new() } else { format!("{}: ", fault.key) };
    Fault { file: path.to_owned(), line: fault.line, problem: key + &fault.message }
}

fn read_page(
    folder: &Path,
    sources: &BTreeMap<String, Reference>,
    languages: &[&str],
) -> Result<CheckPage, Vec<Fault>> {
    let path = folder.join("page.toml");
    let text = text_of(&path)?;
    let file: PageFile = parse(&path, &text)?;
    let mut faults = Vec::new();
    let mut words = Vec::new();
    for language in languages {
        let path = folder.join(format!("{language}.ftl"));
        match text_of(&path).and_then(|text| Messages::parse(language, &path, text)) {
            Ok(messages) => words.push(messages),
            Err(more) => faults.extend(more),
        }
    }
    let [english, others @ ..] = words.as_slice() else { return Err(faults) };
    if !faults.is_empty() {
        return Err(faults);
    }
    let keys: Vec<&str> = file.thresholds.keys().map(String::as_str).collect();
    let variants = variants(english, &keys, &mut faults);
    for other in others {
        complete(english, other, &keys, &mut faults);
    }
    let mut say = |key: &str| {
        english.plain(key).unwrap_or_else(|fault| {
            faults.push(fault);
            String::new()
        })
    };
    let (title, why, applicability) = (say("title"), say("why"), say("applicability"));
    let expected_effect = say("expected-effect");
    let business = say("effect");
    let caveat = english.messages.contains_key("caveat").then(|| say("caveat"));
    let named: Vec<(String, String)> =
        keys.iter().map(|key| (say(&format!("limit-{key}")), say(&format!("limit-{key}-applies")))).collect();
    let mut thresholds = Vec::new();
    for ((key, table), (name, applies_to)) in file.thresholds.iter().zip(named) {
        let unit = table.unit.as_str();
        if crate::code::unit_type(unit).is_none() {
            let problem = format!("expected one of {}, found `{unit}`", crate::code::units().join(", "));
            faults.push(placed(&path, table.unit.fault(problem)));
        }
        let source = match &table.source {
            Some(key) => match sources.get(key.as_str()) {
                Some(reference) => {
                    let detail = format!("limit-{}-source", keys[thresholds.len()]);
                    let detail = english.messages.get(&detail).and_then(|message| message.plain.clone());
                    detail.map_or_else(
                        || reference.title.to_string(),
                        |detail| format!("{}: {detail}", reference.title),
                    )
                }
                None => {
                    faults.push(unknown_source(&path, key));
                    String::new()
                }
            },
            None => english.plain(&format!("limit-{key}-source")).unwrap_or_else(|fault| {
                faults.push(fault);
                String::new()
            }),
        };
        thresholds.push(Threshold {
            name: name.into(),
            number: table.number,
            unit: unit.to_owned().into(),
            basis: table.basis,
            source: source.into(),
            date: table.date.clone().into(),
            applies_to: applies_to.into(),
        });
    }
    let mut references = Vec::new();
    for key in &file.references {
        match sources.get(key.as_str()) {
            Some(reference) => references.push(reference.clone()),
            None => faults.push(unknown_source(&path, key)),
        }
    }
    for claim in &file.claims {
        let known = variants.get(claim.variant.as_ref());
        let problem = match (known, &claim.is, &claim.arg) {
            (None, ..) => {
                format!("`{}`: expected the name of a sentence, found none of that name", claim.variant)
            }
            (_, Some(_), None) => continue,
            (Some(variant), None, Some(arg)) if variant.args.contains(arg.as_ref()) => continue,
            (_, None, Some(arg)) => format!("`{arg}`: expected a value of the sentence `{}`", claim.variant),
            _ => format!("`{}`: expected one of `is` and `arg`", claim.variant),
        };
        faults.push(Fault::file(&path, format!("claims: {problem}")));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let question = |decides: bool| move |id: &String| Question { id: id.clone().into(), decides };
    let questions: Vec<Question> = (file.questions.decides.iter().map(question(true)))
        .chain(file.questions.adds.iter().map(question(false)))
        .collect();
    let owned = |texts: Vec<String>| texts.into_iter().map(Into::into).collect::<Vec<_>>();
    let meta = CheckMeta {
        id: file.id.into(),
        title: title.into(),
        category: file.category,
        severity: file.severity,
        gate: file.gate,
        top15_rank: file.rank,
        rationale: why.into(),
        business: business.into(),
        needs: owned(file.needs).into(),
        remediation: Remediation {
            runtime: "".into(),
            persistent: "".into(),
            rollback: "".into(),
            change: file.change,
            verification: "".into(),
            expected_effect: expected_effect.into(),
        },
        questions: questions.into(),
        positions: owned(file.positions).into(),
        claims: file.claims.into(),
        thresholds: thresholds.into(),
        amplified_by: file.amplified_by.into(),
        applicability: applicability.into(),
        caveat: caveat.map(Into::into),
        references: references.into(),
    };
    let module = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let limits = keys.iter().map(|key| (*key).to_owned()).collect();
    Ok(CheckPage { module, meta, cause: file.cause, limits, variants, words })
}

fn unknown_source(path: &Path, key: &At<String>) -> Fault {
    let problem = format!(
        "`{}`: expected the key of a source in `{}`, found none of that name",
        key.as_str(),
        crate::REFERENCES
    );
    placed(path, key.fault(problem))
}

/// The sentences of a page, each with the beginning of its English words.
fn variants(english: &Messages, limits: &[&str], faults: &mut Vec<Fault>) -> BTreeMap<String, Variant> {
    let (variants, wrong) = page::variants(&english.messages, limits);
    faults.extend(wrong.into_iter().map(|fault| english.placed(fault)));
    let example = |name: &str, is_problem: bool| {
        let key = format!("{}-{name}", if is_problem { "problem" } else { "found" });
        let line = english.text[english.place(&key)..].lines().next().unwrap_or_default();
        line.split_once('=').map_or(String::new(), |(_, text)| text.trim().to_owned())
    };
    let with_example = |(name, variant): (String, page::Variant)| {
        let example = example(&name, variant.is_problem);
        (name, Variant { args: variant.args, example })
    };
    variants.into_iter().map(with_example).collect()
}

/// Another language has the same keys as English, and names no value that a sentence does not get.
fn complete(english: &Messages, other: &Messages, limits: &[&str], faults: &mut Vec<Fault>) {
    let (variants, _) = page::variants(&english.messages, limits);
    let name = english.file.display().to_string();
    let wrong = page::incomplete(&english.messages, &name, &other.messages, &variants);
    faults.extend(wrong.into_iter().map(|fault| other.placed(fault)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "id = \"t.a\"\ncategory = \"memory\"\nseverity = \"low\"\nchange = \"runtime\"\nneeds = [\"/node\"]\nreferences = []\n";
    const WORDS: &str =
        "title = t\nwhy = w\neffect = e\napplicability = a\nexpected-effect = x\nfound-fine = f\n";

    /// A pack with these files below `src`.
    fn pages_of(files: &[(&str, &str)]) -> Result<Vec<CheckPage>, Vec<Fault>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("src").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        read(folder.path())
    }

    #[test]
    fn a_pack_has_english_alone_or_each_language_on_every_page() {
        let english =
            [("t_a/page.toml", PAGE), ("t_a/en.ftl", WORDS), ("t_b/page.toml", PAGE), ("t_b/en.ftl", WORDS)];
        let pages = pages_of(&english).unwrap();
        assert!(pages.iter().all(|page| page.words.len() == 1), "{pages:?}");
        let one_german = [&english[..], &[("t_a/de.ftl", WORDS)]].concat();
        let faults = pages_of(&one_german).unwrap_err();
        assert!(faults[0].file.ends_with("t_b/de.ftl"), "{faults:?}");
        let both = [&one_german[..], &[("t_b/de.ftl", WORDS)]].concat();
        assert_eq!(pages_of(&both).unwrap()[1].words.len(), 2);
        // English is what the others fall back to.
        assert!(pages_of(&[("t_a/page.toml", PAGE), ("t_a/de.ftl", WORDS)]).is_err());
    }

    /// Each mistake is told with its file, line and key.
    #[test]
    fn mistakes_in_a_page_are_told_with_their_place() {
        let limit =
            "[thresholds.high]\nnumber = 5.0\nunit = \"%\"\nbasis = \"expert\"\ndate = \"2026-11-23\"\n";
        let limit_words = "limit-high = h\nlimit-high-applies = a\nlimit-high-source = s\n";
        let page = format!("{PAGE}{limit}");
        let words = format!("{WORDS}{limit_words}");
        pages_of(&[("t_a/page.toml", &page), ("t_a/en.ftl", &words), ("t_a/de.ftl", &words)]).unwrap();
        let told = |page: &str, english: &str, german: &str| {
            let faults =
                pages_of(&[("t_a/page.toml", page), ("t_a/en.ftl", english), ("t_a/de.ftl", german)])
                    .unwrap_err();
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let without_unit = page.replace("unit = \"%\"\n", "");
        let mistyped = page.replace("severity", "severtiy");
        let detail = format!("{words}problem-odd = Seen\ndetail-odd = {{ $value }} was seen\n");
        let other_value = detail.replace("$value", "$valeu");
        for (page, english, german, expected) in [
            (
                without_unit.as_str(),
                words.as_str(),
                words.as_str(),
                ["page.toml:", "thresholds.high", "unit"],
            ),
            (&mistyped, &words, &words, ["page.toml:3", "severtiy", "severity"]),
            (&page, &words, WORDS, ["de.ftl", "limit-high", ""]),
            (&page, &detail, &other_value, ["de.ftl:", "detail-odd", "$valeu"]),
            (&page, &words.replace("why = w\n", ""), &words, ["en.ftl", "why", ""]),
        ] {
            let text = told(page, english, german);
            assert!(expected.iter().all(|part| text.contains(part)), "{expected:?}: {text}");
        }
    }
}
