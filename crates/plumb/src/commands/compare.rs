//! `plumb compare`

use std::path::Path;

use anyhow::bail;
use plumb_engine::compare::{
    COMPARISON_SCHEMA, ComparisonSet, Identity, Pairing, State, Unpaired, compare, pair,
};

use crate::analyse::{Analyser, Engagement, Packs, find_some_packs};
use crate::bundles::{self, Analysed};
use crate::cli::{Client, CompareArgs, Format, PackPaths};
use crate::commands::report::{COMPARISON, Renderer};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::text;

pub(crate) fn run(args: &CompareArgs, console: &Console) -> anyhow::Result<Outcome> {
    let engagement = Engagement::read(&args.client)?;
    let rendering = args.output.as_ref().map(|output| -> anyhow::Result<_> {
        let mut renderer = Renderer::new(&args.rendering, console)?;
        renderer.dress(&engagement.document(), args.client.engagement.as_deref())?;
        let folder = renderer.folder(output, COMPARISON)?;
        Ok((renderer, folder))
    });
    let rendering = rendering.transpose()?;
    let packs = find_some_packs(&args.packs, console)?;
    let language = rendering.as_ref().map_or("en", |(renderer, _)| renderer.theme().language());
    let set = match (bundles::is_set(&args.before), bundles::is_set(&args.after)) {
        (false, false) => two((&args.before, &args.after), &packs, &engagement, language, console)?,
        (true, true) => folders(args, &packs, &engagement, language, console)?,
        _ => bail!(UsageError("give two bundles, or two folders of bundles".to_owned())),
    };
    match args.format {
        Format::Text => console.result(&text::compare::set(&set))?,
        Format::Json => console.result(&plumb_report::json(&set)?)?,
    }
    let outcome = |console| outcome(&set, args.fail_on_new, console);
    let Some((renderer, folder)) = &rendering else { return Ok(outcome(console)) };
    let model = plumb_report::comparison::model(&set, renderer.theme())?;
    let documents =
        renderer.write(COMPARISON, &model, || plumb_report::report_json(&set, &model), folder, console)?;
    for path in &documents.paths {
        console.note(&path.display().to_string());
    }
    documents.outcome(outcome(console), console)
}

fn outcome(set: &ComparisonSet, fail_on_new: bool, console: &Console) -> Outcome {
    if !fail_on_new {
        return Outcome::Done;
    }
    if set.nodes.iter().any(|node| node.is_worse()) {
        console.warn("a deviation is new or worse");
        return Outcome::RiskReached;
    }
    let whole = set.nodes.iter().all(|node| node.is_whole());
    if !whole || !set.only_before.is_empty() || !set.only_after.is_empty() {
        console.warn("not everything can be compared, so nothing is known to be worse");
        return Outcome::Incomplete;
    }
    Outcome::Done
}

/// What is otherwise in one bundle than in another, as text.
pub(crate) fn drift(
    before: &Path,
    after: &Path,
    packs: &PackPaths,
    client: &Client,
    console: &Console,
) -> anyhow::Result<String> {
    let packs = find_some_packs(packs, console)?;
    Ok(text::compare::set(&two((before, after), &packs, &Engagement::read(client)?, "en", console)?))
}

fn two(
    (before, after): (&Path, &Path),
    packs: &Packs,
    engagement: &Engagement,
    language: &str,
    console: &Console,
) -> anyhow::Result<ComparisonSet> {
    let mut analyser = Analyser::new(packs, beside_english(language))?;
    let before = bundles::one(before, &mut analyser, engagement, console)?;
    let after = bundles::one(after, &mut analyser, engagement, console)?;
    Ok(set(&[before], &[after], Pairing { pairs: vec![(0, 0)], ..Pairing::default() }, engagement, language))
}

fn folders(
    args: &CompareArgs,
    packs: &Packs,
    engagement: &Engagement,
    language: &str,
    console: &Console,
) -> anyhow::Result<ComparisonSet> {
    let analysed = |folder: &Path| -> anyhow::Result<(Vec<Analysed>, Vec<Unpaired>)> {
        let paths = bundles::find(folder)?;
        let (mut all, mut left_out) =
            bundles::analyse(&paths, packs, &beside_english(language), engagement, console, |analysed| {
                analysed
            })?;
        // What the client did not ask about is not in the document.
        all.retain(|own| {
            let covered = engagement.document().covers(&own.analysis.assessment.node.hostname);
            if !covered {
                let why = "the engagement file is not about this node".to_owned();
                left_out.push(Unpaired { name: own.name.clone(), why });
            }
            covered
        });
        Ok((all, left_out))
    };
    let (before, mut only_before) = analysed(&args.before)?;
    let (after, mut only_after) = analysed(&args.after)?;
    let identities = |all: &[Analysed]| -> Vec<Identity> {
        all.iter()
            .map(|own| Identity {
                name: own.name.clone(),
                host_token: own.host_token.clone(),
                host: own.analysis.evidence.node.hostname.known().cloned(),
            })
            .collect()
    };
    let mut pairing = pair(&identities(&before), &identities(&after));
    pairing.only_before.append(&mut only_before);
    pairing.only_after.append(&mut only_after);
    Ok(set(&before, &after, pairing, engagement, language))
}

/// The languages that findings have to be written in for a document in this one.
pub(super) fn beside_english(language: &str) -> Vec<String> {
    [language].into_iter().filter(|own| *own != "en").map(str::to_owned).collect()
}

fn set(
    before: &[Analysed],
    after: &[Analysed],
    pairing: Pairing,
    engagement: &Engagement,
    language: &str,
) -> ComparisonSet {
    fn state<'a>(own: &'a Analysed, language: &'a str) -> State<'a> {
        State {
            name: &own.name,
            host_token: &own.host_token,
            evidence: &own.analysis.evidence,
            assessment: &own.analysis.assessment,
            language,
        }
    }
    let nodes = pairing
        .pairs
        .iter()
        .map(|&(i, j)| compare(state(&before[i], language), state(&after[j], language)))
        .collect();
    ComparisonSet {
        schema: COMPARISON_SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        document: engagement.document(),
        nodes,
        only_before: pairing.only_before,
        only_after: pairing.only_after,
    }
}
