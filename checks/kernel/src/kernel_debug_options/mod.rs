//! `kernel.debug-options`: debug and hardening options with a cost are known.
//!
//! By how the kernel was built and started, and by its release, which distributions mark as `+debug`, and as `+rt` where the
//! kernel can be interrupted nearly everywhere. Options that
//! are built in but off until asked for (`kmemleak`, `slub_debug`) count only where they are on. Memory tagging by
//! hardware (`KASAN_HW_TAGS`) is meant for production, and not counted.

use plumb_check_sdk::model::{KernelConfig, is_real_time};
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, Intent, Likelihood, Missing, Object};

use crate::pages::kernel_debug_options::{PAGE, words};
use crate::{CMDLINE, without};

/// Options of kernels that were built to find faults.
const OPTIONS: [&str; 10] = [
    "DEBUG_LOCK_ALLOC",
    "DEBUG_PAGEALLOC_ENABLE_DEFAULT",
    "KASAN",
    "KCOV",
    "KCSAN",
    "KMSAN",
    "LOCK_STAT",
    "PROVE_LOCKING",
    "SLUB_DEBUG_ON",
    "DEBUG_KMEMLEAK",
];

/// Options that cost nothing where another is on as well.
const HARMLESS: [(&str, &str); 2] =
    [("KASAN", "KASAN_HW_TAGS"), ("DEBUG_KMEMLEAK", "DEBUG_KMEMLEAK_DEFAULT_OFF")];

/// Boot arguments that turn such checks on; `slub_debug` does so without a value as well.
const ARGUMENTS: [&str; 5] =
    ["debug_pagealloc=on", "kmemleak=on", "page_owner=on", "page_poison=1", "page_poison=on"];

type Judge = fn(Object, &Evidence<'_>) -> Result<Finding, Missing>;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let judges: [(&str, Judge); 3] = [
        ("kernel release", judge_release),
        ("how the kernel was built", judge_config),
        ("boot arguments", judge_arguments),
    ];
    let answers = judges.into_iter().map(|(subject, judge)| {
        let object = Object::setting(subject);
        PAGE.settle(object.clone(), judge(object, evidence))
    });
    Ok(answers.chain(cleared_memory(evidence)).collect())
}

/// Another kernel would mend a finding.
fn of_kernel(finding: Finding, evidence: &Evidence<'_>) -> Finding {
    let release = crate::release(evidence).ok();
    finding
        .with_cause("debug-kernel", Object::node())
        .with_intents(release.map(|(was, _)| Intent::ProductionKernel { was }))
}

fn judge_release(object: Object, evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let (release, citation) = crate::release(evidence)?;
    let is_debug = release.split(['+', '-', '.']).any(|part| part == "debug");
    let is_real_time = is_real_time(&release);
    let release = Arg::from(release);
    let finding = if is_debug {
        of_kernel(PAGE.fail(object, words::DebugRelease { release }), evidence)
    } else if is_real_time {
        PAGE.info(object, words::RealTime { release })
    } else {
        PAGE.pass(object, words::NoDebugRelease { release })
    };
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation))
}

fn judge_config(object: Object, evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let config: KernelConfig = evidence.get("/platform/kernel_config")?;
    let unless = |name: &str| HARMLESS.iter().find(|(own, _)| *own == name).map(|(_, unless)| *unless);
    let asked = OPTIONS.into_iter().chain(HARMLESS.map(|(_, unless)| unless));
    if let Some(option) = asked.into_iter().find(|name| !config.options.contains_key(*name)) {
        let option = format!("CONFIG_{option}").into();
        return Ok(PAGE.not_run(object, words::UnknownOption { option }));
    }
    let is_on = |name: &str| config.options.get(name).is_some_and(|value| value == "y");
    let on: Vec<&str> =
        OPTIONS.into_iter().filter(|name| is_on(name) && !unless(name).is_some_and(is_on)).collect();
    if on.is_empty() {
        let citation = Citation::new(&config.path, "none of KASAN, PROVE_LOCKING and their like");
        return Ok(PAGE.pass(object, words::NoDebugBuild {}).with_evidence(citation));
    }
    let options: Vec<String> = on.iter().map(|name| format!("CONFIG_{name}")).collect();
    let said = words::DebugBuild {
        checks: only(&on),
        options: options.join(", ").into(),
        options_count: Arg::count(options.len()),
    };
    let finding = of_kernel(PAGE.fail(object, said), evidence).with_likelihood(Likelihood::Setting);
    let cite = |option: &String| Citation::new(&config.path, format!("{option}=y"));
    Ok(finding.with_citations(options.iter().map(cite)))
}

fn judge_arguments(object: Object, evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let cmdline: String = evidence.get("/node/cmdline")?;
    // Letters after `slub_debug=` choose what is checked; `-` checks nothing.
    let checks_slabs = |word: &str| {
        let rest = word.strip_prefix("slub_debug");
        rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('=') && rest != "=-"))
    };
    let on: Vec<&str> =
        cmdline.split_whitespace().filter(|word| ARGUMENTS.contains(word) || checks_slabs(word)).collect();
    if on.is_empty() {
        return Ok(PAGE.pass(object, words::NoDebugArguments {}));
    }
    let said = words::DebugArguments {
        arguments: format!("`{}`", on.join("`, `")).into(),
        arguments_count: Arg::count(on.len()),
        checks: only(&on),
    };
    let finding = PAGE.fail(object, said).with_likelihood(Likelihood::Setting);
    let finding = finding.with_citations(on.iter().map(|word| Citation::new(CMDLINE, *word)));
    Ok(finding.with_intents(on.iter().map(|word| without(word))))
}

/// What sentences choose by: the name of the only one of these options or arguments.
fn only(on: &[&str]) -> Arg {
    Arg::text(match on {
        [one] => one.split('=').next().unwrap_or(one),
        _ => "several",
    })
}

/// Whether the kernel clears memory that it hands out: a choice of security that costs a little, and is told.
fn cleared_memory(evidence: &Evidence<'_>) -> Option<Finding> {
    let object = Object::setting("clearing of memory");
    let cmdline: Option<String> = evidence.get("/node/cmdline").ok();
    let set = cmdline.as_deref().and_then(|text| {
        text.split_whitespace().rev().find_map(|word| Some((word, word.strip_prefix("init_on_alloc=")?)))
    });
    if let Some((word, value)) = set {
        let finding = match value {
            "1" | "on" | "y" => PAGE.info(object, words::Cleared {}),
            _ => PAGE.info(object, words::NotCleared {}),
        };
        return Some(finding.with_evidence(Citation::new(CMDLINE, word)));
    }
    let config: KernelConfig = evidence.get("/platform/kernel_config").ok()?;
    let (finding, value) = match config.options.get("INIT_ON_ALLOC_DEFAULT_ON")?.as_str() {
        "y" => (PAGE.info(object, words::ClearedByDefault {}), "y"),
        _ => (PAGE.info(object, words::NotCleared {}), "n"),
    };
    let value = format!("CONFIG_INIT_ON_ALLOC_DEFAULT_ON={value}");
    Some(finding.with_evidence(Citation::new(&config.path, value)))
}
