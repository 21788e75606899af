//! The page of a check that has its words in message files.

use std::fmt::Write;

use plumb_check_sdk::Arg;
use plumb_pack_build::CheckPage;
use plumb_pack_host::page::of_check;
use plumb_words::{ENGLISH, Messages};

/// What a check can say, in the order of its message file.
struct Sentence {
    problem: Option<String>,
    effect: Option<String>,
    detail: Option<String>,
    found: Option<String>,
}

/// The page in Markdown: what `plumb packs show` prints, and all that the check can say.
///
/// # Errors
/// Says which sentence cannot be said.
pub(crate) fn page(page: &CheckPage, pack: &str) -> Result<String, String> {
    let mut text = of_check(&page.meta, pack);
    let sentences = sentences(page)?;
    // Writing to a `String` cannot fail.
    let _ = write_rest(&mut text, page, &sentences);
    Ok(text)
}

fn write_rest(text: &mut String, page: &CheckPage, sentences: &[Sentence]) -> std::fmt::Result {
    let ids = |decides: bool| {
        let own = page.meta.questions.iter().filter(move |question| question.decides == decides);
        own.map(|question| format!("`{}`", question.id)).collect::<Vec<_>>().join(", ")
    };
    let (decides, adds) = (ids(true), ids(false));
    if !page.meta.questions.is_empty() || page.cause.is_some() {
        writeln!(text, "\n## In the report\n")?;
    }
    if !decides.is_empty() {
        writeln!(text, "- Decides the client's question {decides}")?;
    }
    if !adds.is_empty() {
        writeln!(text, "- Adds to the client's question {adds}")?;
    }
    if let Some(cause) = &page.cause {
        writeln!(text, "- What it finds is one entry with other findings of the cause `{cause}`")?;
    }
    writeln!(text, "\n## What it says\n\nValues of the node are in braces.")?;
    let problems: Vec<&Sentence> = sentences.iter().filter(|own| own.problem.is_some()).collect();
    if !problems.is_empty() {
        writeln!(text, "\n### Problems\n")?;
    }
    for own in problems {
        write!(text, "- **{}**", own.problem.as_deref().unwrap_or_default())?;
        if let Some(detail) = &own.detail {
            write!(text, ": {detail}")?;
        }
        writeln!(text, "{}", own.effect.as_deref().map_or(String::new(), |effect| format!("\n  {effect}")))?;
    }
    let answers: Vec<&String> = sentences.iter().filter_map(|own| own.found.as_ref()).collect();
    if !answers.is_empty() {
        writeln!(text, "\n### Other answers\n")?;
    }
    answers.into_iter().try_for_each(|found| writeln!(text, "- {found}"))
}

fn sentences(page: &CheckPage) -> Result<Vec<Sentence>, String> {
    let english =
        page.words.iter().find(|words| words.language == ENGLISH).ok_or("it has no English words")?;
    let messages = Messages::new(ENGLISH, &english.text).map_err(|error| error.to_string())?;
    let place = |variant: &str| {
        let of = |kind: &str| {
            let key = format!("{kind}-{variant}");
            english.messages.contains_key(&key).then(|| english.place(&key))
        };
        of("problem").or_else(|| of("found")).unwrap_or_default()
    };
    let mut variants: Vec<_> = page.variants.iter().collect();
    variants.sort_by_key(|(name, _)| place(name));
    let mut sentences = Vec::new();
    for (name, variant) in variants {
        let args: Vec<(&str, Arg)> =
            variant.args.iter().map(|arg| (arg.as_str(), Arg::text(format!("{{{arg}}}")))).collect();
        let say = |kind: &str| {
            let values = args.iter().map(|(name, arg)| (*name, arg));
            messages.say(&format!("{kind}-{name}"), values).map_err(|error| error.to_string())
        };
        sentences.push(Sentence {
            problem: say("problem")?,
            effect: say("effect")?,
            detail: say("detail")?,
            found: say("found")?,
        });
    }
    Ok(sentences)
}
