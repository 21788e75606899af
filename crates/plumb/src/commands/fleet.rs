//! `plumb fleet`

use plumb_engine::compare::Unpaired;
use plumb_engine::fleet::{Member, summarise};
use plumb_report::Theme;

use crate::analyse::{Engagement, find_some_packs};
use crate::bundles;
use crate::cli::{FleetArgs, Format};
use crate::console::Console;
use crate::exit::Outcome;
use crate::outputs::OutputFolder;
use crate::text;

pub(crate) fn run(args: &FleetArgs, console: &Console) -> anyhow::Result<Outcome> {
    let theme = match &args.theme {
        Some(folder) => Theme::from_dir(folder)?,
        None => Theme::builtin()?,
    };
    let names = ["fleet.md", "fleet.json"];
    let folder = args
        .output
        .as_ref()
        .map(|folder| OutputFolder::open(folder, "fleet", &names, args.force))
        .transpose()?;
    let engagement = Engagement::read(&args.client)?;
    let packs = find_some_packs(&args.packs, console)?;
    let paths = bundles::find(&args.folder)?;
    let document = engagement.document();
    let (members, mut left_out) = bundles::analyse(&paths, &packs, &engagement, console, |own| {
        let assessment = &own.analysis.assessment;
        if document.covers(&assessment.node.hostname) {
            Ok(Member::new(&own.name, &own.analysis.evidence, assessment))
        } else {
            let why = "the engagement file is not about this node".to_owned();
            Err(Unpaired { name: own.name.clone(), why })
        }
    })?;
    let mut kept = Vec::new();
    for member in members {
        match member {
            Ok(member) => kept.push(member),
            Err(uncovered) => left_out.push(uncovered),
        }
    }
    let fleet = summarise(kept, left_out);
    match args.format {
        Format::Text => console.result(&text::fleet::summary(&fleet))?,
        Format::Json => console.result(&plumb_report::json(&fleet)?)?,
    }
    if let Some(folder) = &folder {
        let texts = [plumb_report::fleet::markdown(&fleet, &theme)?, plumb_report::json(&fleet)?];
        let files = names.iter().zip(texts).map(|(name, text)| ((*name).to_owned(), text.into_bytes()));
        folder.write(&files.collect::<Vec<_>>())?;
        names.iter().for_each(|name| console.note(&folder.at(name).display().to_string()));
    }
    Ok(Outcome::Done)
}
