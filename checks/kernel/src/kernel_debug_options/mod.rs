//! `kernel.debug-options`: debug and hardening options with a cost are known.
//!
//! By how the kernel was built and started, and by its release, which distributions mark as `+debug`. Options that
//! are built in but off until asked for (`kmemleak`, `slub_debug`) count only where they are on. Memory tagging by
//! hardware (`KASAN_HW_TAGS`) is meant for production, and not counted.

use plumb_check_sdk::model::KernelConfig;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity,
};
use std::borrow::Cow::Borrowed;

/// Options of kernels that were built to find faults, and what they do.
const OPTIONS: &[(&str, &str)] = &[
    ("DEBUG_LOCK_ALLOC", "checks each use of a lock"),
    ("DEBUG_PAGEALLOC_ENABLE_DEFAULT", "unmaps each free page"),
    ("KASAN", "checks each access to memory"),
    ("KCOV", "records each branch"),
    ("KCSAN", "looks for races"),
    ("KMSAN", "tracks memory without a value"),
    ("LOCK_STAT", "times each lock"),
    ("PROVE_LOCKING", "proves each use of a lock"),
    ("SLUB_DEBUG_ON", "checks each allocation"),
];

/// Boot arguments that turn such checks on, and what they do.
const ARGUMENTS: &[(&str, &str)] = &[
    ("debug_pagealloc=on", "unmaps each free page"),
    ("kmemleak=on", "looks for leaks"),
    ("page_owner=on", "records who allocates each page"),
    ("page_poison=1", "overwrites each free page"),
    ("page_poison=on", "overwrites each free page"),
    ("slub_debug", "checks each allocation"),
];

/// Where the release stands if the evidence does not say otherwise.
const OSRELEASE: &str = "/proc/sys/kernel/osrelease";

/// See the module.
pub struct KernelDebugOptions;

static META: CheckMeta = CheckMeta {
    id: Borrowed("kernel.debug-options"),
    title: Borrowed("Debug and hardening options with a cost are known"),
    category: Category::Platform,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A kernel that was built to find faults costs a lot. Clearing memory when it is allocated costs a \
         little, and is a choice of security.",
    ),
    business: Borrowed("A diagnostic version of the system is running in production."),
    needs: Borrowed(&[
        Borrowed("/platform/kernel_config"),
        Borrowed("/node/cmdline"),
        Borrowed("/node/kernel"),
        Borrowed("/node/kernel_path"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("none"),
        persistent: Borrowed("start the standard kernel: `grubby --set-default /boot/vmlinuz-RELEASE`"),
        rollback: Borrowed("`grubby --set-default` with the former kernel"),
        change: ChangeKind::Reboot,
        verification: Borrowed(
            "`grep -E 'KASAN=y|PROVE_LOCKING=y|DEBUG_KMEMLEAK=y' /boot/config-$(uname -r)`",
        ),
        expected_effect: Borrowed("No published number for language models."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal and virtual machines; a container has the kernel of its host"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA Grace CPU Benchmarking Guide: Platform Configuration"),
            url: Borrowed("https://nvidia.github.io/grace-cpu-benchmarking-guide/platform/index.html"),
        },
        Reference {
            title: Borrowed("Linux kernel: kernel parameters (isolcpus, nohz_full, rcu_nocbs, irqaffinity)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/kernel-parameters.html"),
        },
    ]),
};

impl Check for KernelDebugOptions {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let mut findings = vec![
            judge_release(evidence).unwrap_or_else(|why| META.not_run("kernel release", why.to_string())),
            judge_config(evidence)
                .unwrap_or_else(|why| META.not_run("how the kernel was built", why.to_string())),
            judge_arguments(evidence).unwrap_or_else(|why| META.not_run("boot arguments", why.to_string())),
        ];
        findings.extend(cleared_memory(evidence));
        Ok(findings)
    }
}

fn judge_release(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let release: String = evidence.get("/node/kernel")?;
    let path: String = evidence.get("/node/kernel_path").unwrap_or_else(|_| OSRELEASE.to_owned());
    let citation = Citation::new(path, &release);
    let is_debug = release.split(['+', '-', '.']).any(|part| part == "debug");
    let finding = if is_debug {
        META.fail("kernel release", format!("`{release}` is a debug kernel"))
            .with_likelihood(Likelihood::Setting)
    } else {
        META.pass("kernel release", format!("`{release}` is not marked as a debug kernel"))
    };
    Ok(finding.with_evidence(citation))
}

fn option<'a>(config: &'a KernelConfig, name: &str) -> Result<&'a str, Missing> {
    let unknown = || Missing::new(Absence::Failed, format!("the evidence does not tell CONFIG_{name}"));
    config.options.get(name).map(String::as_str).ok_or_else(unknown)
}

fn judge_config(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let config: KernelConfig = evidence.get("/platform/kernel_config")?;
    let mut on: Vec<(&str, &str)> = Vec::new();
    for &(name, does) in OPTIONS {
        let tagged = name == "KASAN" && option(&config, "KASAN_HW_TAGS")? == "y";
        if option(&config, name)? == "y" && !tagged {
            on.push((name, does));
        }
    }
    if option(&config, "DEBUG_KMEMLEAK")? == "y" && option(&config, "DEBUG_KMEMLEAK_DEFAULT_OFF")? != "y" {
        on.push(("DEBUG_KMEMLEAK", "looks for leaks"));
    }
    let subject = "how the kernel was built";
    if on.is_empty() {
        let pass = META.pass(subject, "without options that check the kernel while it runs");
        return Ok(
            pass.with_evidence(Citation::new(&config.path, "none of KASAN, PROVE_LOCKING and their like"))
        );
    }
    let words: Vec<String> = on.iter().map(|(name, does)| format!("CONFIG_{name} {does}")).collect();
    let cite = |finding: Finding, (name, _): &(&str, &str)| {
        finding.with_evidence(Citation::new(&config.path, format!("CONFIG_{name}=y")))
    };
    let finding = META.fail(subject, words.join("; ")).with_likelihood(Likelihood::Setting);
    Ok(on.iter().fold(finding, cite))
}

fn judge_arguments(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let cmdline: String = evidence.get("/node/cmdline")?;
    let on = |word: &&str| {
        ARGUMENTS.iter().find(|(argument, _)| {
            // Letters after `slub_debug=` choose what is checked; `-` checks nothing.
            let option = |rest: &str| rest.is_empty() || (rest.starts_with('=') && rest != "=-");
            word == argument
                || (*argument == "slub_debug" && word.strip_prefix("slub_debug").is_some_and(option))
        })
    };
    let subject = "boot arguments";
    let found: Vec<(&str, &str)> =
        cmdline.split_whitespace().filter_map(|word| Some((word, on(&word)?.1))).collect();
    if found.is_empty() {
        return Ok(META.pass(subject, "none turns checks of the kernel on"));
    }
    let words: Vec<String> = found.iter().map(|(word, does)| format!("`{word}` {does}")).collect();
    let finding = META.fail(subject, words.join("; ")).with_likelihood(Likelihood::Setting);
    Ok(found
        .iter()
        .fold(finding, |finding, (word, _)| finding.with_evidence(Citation::new("/proc/cmdline", *word))))
}

/// Whether the kernel clears memory that it hands out: a choice of security that costs a little, and is told.
fn cleared_memory(evidence: &Evidence<'_>) -> Option<Finding> {
    let subject = "clearing of memory";
    let cmdline: Option<String> = evidence.get("/node/cmdline").ok();
    let set = cmdline.as_deref().and_then(|text| {
        text.split_whitespace().rev().find_map(|word| Some((word, word.strip_prefix("init_on_alloc=")?)))
    });
    if let Some((word, value)) = set {
        let on = matches!(value, "1" | "on" | "y");
        let message =
            format!("memory that the kernel hands out is {}cleared first", if on { "" } else { "not " });
        return Some(META.info(subject, message).with_evidence(Citation::new("/proc/cmdline", word)));
    }
    let config: KernelConfig = evidence.get("/platform/kernel_config").ok()?;
    let on = config.options.get("INIT_ON_ALLOC_DEFAULT_ON")? == "y";
    let message = if on {
        "memory that the kernel hands out is cleared first, by default of this kernel; `init_on_alloc=0` \
         would save that, and lower security"
    } else {
        "memory that the kernel hands out is not cleared first"
    };
    let value = format!("CONFIG_INIT_ON_ALLOC_DEFAULT_ON={}", if on { "y" } else { "n" });
    Some(META.info(subject, message).with_evidence(Citation::new(&config.path, value)))
}
