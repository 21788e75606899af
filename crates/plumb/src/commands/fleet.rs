//! `plumb fleet`

use std::path::{Path, PathBuf};

use plumb_engine::compare::Unpaired;
use plumb_engine::fleet::{Fleet, Member, summarise};
use plumb_report::fleet::Sheet;

use crate::analyse::{Engagement, find_some_packs};
use crate::bundles;
use crate::cli::{FleetArgs, Format, PackPaths, ReportArgs};
use crate::commands::report::{Documents, FLEET, Renderer};
use crate::console::Console;
use crate::exit::Outcome;
use crate::outputs::OutputFolder;
use crate::text;

pub(crate) fn run(args: &FleetArgs, console: &Console) -> anyhow::Result<Outcome> {
    let engagement = Engagement::read(&args.client)?;
    let rendering = args.output.as_ref().map(|output| -> anyhow::Result<_> {
        let mut renderer = Renderer::new(&args.rendering, console)?;
        renderer.dress(&engagement.document(), args.client.engagement.as_deref())?;
        let folder = renderer.folder(output, FLEET)?;
        Ok((renderer, folder))
    });
    let rendering = rendering.transpose()?;
    let renderer = rendering.as_ref().map(|(renderer, _)| renderer);
    let (fleet, sheets) = summary(&args.paths, &args.packs, &engagement, renderer, console)?;
    match args.format {
        Format::Text => console.result(&text::fleet::summary(&fleet))?,
        Format::Json => console.result(&plumb_report::json(&fleet)?)?,
    }
    let Some((renderer, folder)) = &rendering else { return Ok(Outcome::Done) };
    let documents = write(&fleet, &sheets, renderer, folder, console)?;
    for path in &documents.paths {
        console.note(&path.display().to_string());
    }
    documents.outcome(Outcome::Done, console)
}

/// `plumb report` of several bundles.
pub(crate) fn document(args: &ReportArgs, output: &Path, console: &Console) -> anyhow::Result<Outcome> {
    let engagement = Engagement::read(&args.client)?;
    let mut renderer = Renderer::new(&args.rendering, console)?;
    renderer.dress(&engagement.document(), args.client.engagement.as_deref())?;
    let folder = renderer.folder(output, FLEET)?;
    let (fleet, sheets) = summary(&args.bundles, &args.packs, &engagement, Some(&renderer), console)?;
    let documents = write(&fleet, &sheets, &renderer, &folder, console)?;
    for path in &documents.paths {
        console.result(&format!("{}\n", path.display()))?;
    }
    documents.outcome(Outcome::Done, console)
}

fn write(
    fleet: &Fleet,
    sheets: &[Sheet],
    renderer: &Renderer,
    folder: &OutputFolder,
    console: &Console,
) -> anyhow::Result<Documents> {
    let model = plumb_report::fleet::model(fleet, sheets, renderer.theme())?;
    renderer.write(FLEET, &model, || plumb_report::report_json(fleet, &model), folder, console)
}

/// All nodes together; with a renderer what its document needs of each.
fn summary(
    paths: &[PathBuf],
    packs: &PackPaths,
    engagement: &Engagement,
    renderer: Option<&Renderer>,
    console: &Console,
) -> anyhow::Result<(Fleet, Vec<Sheet>)> {
    let packs = find_some_packs(packs, console)?;
    let paths = bundles::find_all(paths)?;
    let document = engagement.document();
    let language = renderer.map_or("en", |renderer| renderer.theme().language());
    let languages = super::compare::beside_english(language);
    let (members, mut left_out) =
        bundles::analyse(&paths, &packs, &languages, engagement, console, |own| -> anyhow::Result<_> {
            let (evidence, assessment) = (&own.analysis.evidence, &own.analysis.assessment);
            if !document.covers(&assessment.node.hostname) {
                let why = "the engagement file is not about this node".to_owned();
                return Ok(Err(Unpaired { name: own.name.clone(), why }));
            }
            let sheet = renderer
                .map(|renderer| Sheet::new(&own.name, evidence, assessment, renderer.theme()))
                .transpose()?;
            Ok(Ok((Member::new(&own.name, evidence, assessment, language), sheet)))
        })?;
    let (mut kept, mut sheets) = (Vec::new(), Vec::new());
    for member in members {
        match member? {
            Ok((member, sheet)) => {
                kept.push(member);
                sheets.extend(sheet);
            }
            Err(uncovered) => left_out.push(uncovered),
        }
    }
    Ok((summarise(kept, left_out, engagement.currency()), sheets))
}
