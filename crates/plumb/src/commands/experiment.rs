//! `plumb experiment`

use std::time::Duration;

use anyhow::{Context, bail};
use plumb_bench::BenchError;
use plumb_evidence::model::ExperimentResult;
use plumb_evidence::{Bundle, Fact};
use plumb_experiment::{
    ExperimentError, ExperimentPlan, GpuPlace, Ground, HogKind, Root, Start, Step, hog as run_hog, markdown,
    parse, preview, rehearse, restore, run as experiment, state_folder,
};

use crate::cli::{ExperimentArgs, ExperimentCommand, ExperimentFormat, HogArgs, RunArgs};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::into::{Files, Receiver, as_before};

mod quick;
mod text;

/// What Ctrl-C does where signals cannot be taken.
const LEFT: &str = "will end this at once, and leave changes to `restore`";

pub(crate) fn run(args: &ExperimentArgs, console: &Console) -> anyhow::Result<Outcome> {
    match (&args.command, &args.plan) {
        (Some(ExperimentCommand::Restore), _) => set_back(console),
        (Some(ExperimentCommand::Quick(quick)), _) => {
            let receiver = quick.run.into.as_deref().map(Receiver::open).transpose()?;
            let ground = ground(&quick.run, receiver.as_ref())?;
            let plan = quick::plan(quick, &ground.node())?;
            conduct(&plan, &ground, &quick.run, receiver.as_ref(), console)
        }
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| BenchError::File { path: path.clone(), source })?;
            let plan = parse(&path.display().to_string(), &text)?;
            let receiver = args.run.into.as_deref().map(Receiver::open).transpose()?;
            let ground = ground(&args.run, receiver.as_ref())?;
            conduct(&plan, &ground, &args.run, receiver.as_ref(), console)
        }
        (None, None) => bail!(UsageError("give a plan, `quick` or `restore`".to_owned())),
    }
}

/// Be a neighbour.
pub(crate) fn hog(args: &HogArgs) -> anyhow::Result<Outcome> {
    let kind = HogKind::ALL.into_iter().find(|kind| kind.as_str() == args.kind);
    let kind = kind.ok_or_else(|| UsageError(format!("`{}` is no kind of neighbour", args.kind)))?;
    run_hog(kind, &args.cpus, args.workers, Duration::from_secs(args.seconds))
        .context("the neighbour cannot run")?;
    Ok(Outcome::Done)
}

fn ground(args: &RunArgs, receiver: Option<&Receiver>) -> anyhow::Result<Ground> {
    Ok(Ground {
        root: args.sysroot.clone().map(Root::new).unwrap_or_default(),
        state: state_folder(),
        program: std::env::current_exe().context("cannot find the running program")?,
        may_change: args.allow_changes,
        gpus: receiver.map(|receiver| gpus(receiver.at_start())).unwrap_or_default(),
        key: super::bench::key(&args.access.api_key_env)?,
        headers: super::bench::headers(&args.access.header)?,
    })
}

/// GPUs of a bundle's evidence, which has asked more than sysfs.
fn gpus(bundle: &Bundle) -> Vec<GpuPlace> {
    let evidence = plumb_evidence::derive(bundle);
    let Fact::Known(gpus) = &evidence.gpus else { return Vec::new() };
    gpus.iter()
        .map(|gpu| GpuPlace {
            address: gpu.address.clone(),
            node: gpu.place().one().ok().map(|told| told.node),
            source: "the bundle".to_owned(),
        })
        .collect()
}

fn conduct(
    plan: &ExperimentPlan,
    ground: &Ground,
    args: &RunArgs,
    receiver: Option<&Receiver>,
    console: &Console,
) -> anyhow::Result<Outcome> {
    if args.dry_run {
        let mut preview = preview(plan, ground)?;
        if let Some(why) = unrehearsed(plan) {
            console.note(&format!("no launch was tried: {why}"));
        } else {
            let (control, _signals) = super::until_signal(LEFT, console);
            let mut tell = |step: &Step| console.step(&step.text, &step.text, step.lasting);
            let rehearsal = rehearse(plan, ground, &control, &mut tell);
            console.steps_end();
            match rehearsal {
                Ok(rehearsal) => preview = preview.with(rehearsal, plan),
                Err(_) if control.is_stopped() => return Ok(Outcome::Interrupted),
                Err(error) => console.warn(&format!("how long it takes is not known: {error}")),
            }
        }
        let text = match args.format {
            ExperimentFormat::Json => format!("{}\n", serde_json::to_string_pretty(&preview)?),
            _ => text::preview(&preview),
        };
        args.result.put(&text, console)?;
        return Ok(Outcome::Done);
    }
    let (control, _signals) = super::until_signal(LEFT, console);
    args.result.check()?;
    console.note(&format!(
        "experiment `{}`: {} cells, {} launches",
        plan.name,
        plan.combinations().len(),
        plan.launches()
    ));
    let mut tell = |step: &Step| {
        let left = step
            .left_s
            .filter(|_| !step.lasting)
            .map_or_else(String::new, |left| format!(", about {:.0} min left", (left / 60.0).ceil()));
        let line = format!("[{}/{}{left}] {}", step.done.min(step.of), step.of, step.text);
        console.step(&line, &line, step.lasting);
    };
    let mut told = false;
    let mut own = None;
    let mut keep = |mut so_far: ExperimentResult| {
        let kept = match (receiver, &args.result.output) {
            (Some(receiver), _) => {
                let name = as_before(own.as_ref(), "experiment", &so_far.started);
                receiver.try_add(name, |stem| files(stem, &mut so_far)).map(|stem| own = Some(stem))
            }
            (None, Some(_)) => rendered(args, &so_far).and_then(|text| args.result.put(&text, console)),
            _ => Ok(()),
        };
        // Once: the end says it again if it is still so.
        if let Err(error) = kept
            && !std::mem::replace(&mut told, true)
        {
            console.warn(&format!("what was measured so far cannot be kept: {error:#}"));
        }
    };
    let outcome = experiment(plan, ground, &control, &mut tell, &mut keep);
    console.steps_end();
    let mut result = match outcome {
        // What the node was left with matters more than why there is no result.
        Err(error @ ExperimentError::NotRestored(_)) => return Err(error.into()),
        Err(_) if control.is_stopped() => {
            if let (Some(receiver), None) = (receiver, &own) {
                receiver.leave(console);
            }
            return Ok(Outcome::Interrupted);
        }
        outcome => outcome?,
    };
    let added = match receiver {
        Some(receiver) if result.is_empty() => {
            receiver.leave(console);
            Ok(())
        }
        Some(receiver) => {
            let name = as_before(own.as_ref(), "experiment", &result.started);
            receiver.add(name, |stem| files(stem, &mut result), console)
        }
        None => Ok(()),
    };
    // Printed even where it could not be added: it may be all that there is of the result.
    let printed = rendered(args, &result).and_then(|text| args.result.put(&text, console));
    added.and(printed)?;
    Ok(match (result.interrupted, result.valid) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::Incomplete,
    })
}

/// Why no launch is tried to know how long they take.
fn unrehearsed(plan: &ExperimentPlan) -> Option<&'static str> {
    if plan.as_found.is_some() {
        return Some(
            "the server that the plan begins with is running, and a second one beside it would disturb it",
        );
    }
    matches!(plan.server.start, Start::Attach { .. })
        .then_some("the server is running already, and a load test of it is no dry run")
}

fn rendered(args: &RunArgs, result: &ExperimentResult) -> anyhow::Result<String> {
    Ok(match args.format {
        ExperimentFormat::Text => text::result(result),
        ExperimentFormat::Json => format!("{}\n", serde_json::to_string_pretty(result)?),
        ExperimentFormat::Md => markdown(result),
    })
}

/// A result as JSON and as Markdown, which then knows its name.
fn files(stem: &str, result: &mut ExperimentResult) -> anyhow::Result<Files> {
    result.path = format!("{stem}.json");
    Ok(Files::from([
        (result.path.clone(), serde_json::to_vec_pretty(result)?),
        (format!("{stem}.md"), markdown(result).into_bytes()),
    ]))
}

fn set_back(console: &Console) -> anyhow::Result<Outcome> {
    let Some(outcome) = restore(&state_folder())? else {
        console.result("nothing to restore: no experiment left changes\n")?;
        return Ok(Outcome::Done);
    };
    let mut text = String::new();
    let parts = [
        ("restored", &outcome.restored),
        ("as before already", &outcome.unchanged),
        ("not restored", &outcome.failed),
    ];
    for (word, settings) in parts {
        settings.iter().for_each(|setting| text.push_str(&format!("{word}: {setting}\n")));
    }
    if text.is_empty() {
        text.push_str("nothing to restore: the experiment had changed nothing yet\n");
    }
    console.result(&text)?;
    Ok(if outcome.failed.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}
