//! `plumb collect`

use std::path::{Path, PathBuf};

use anyhow::Context;
use plumb_collect::{Helper, Options, forbid_network};
use plumb_evidence::Bundle;
use plumb_evidence::Source;
use plumb_evidence::manifest::ProbeStatus;

use crate::cli::{CollectArgs, CollectFrom, Format};
use crate::console::Console;
use crate::exit::Outcome;
use crate::text;

pub(crate) fn run(args: &CollectArgs, console: &Console) -> anyhow::Result<Outcome> {
    let bundle = collect(&args.from, console)?;
    let output = args.output.clone().unwrap_or_else(|| default_name(&bundle));
    bundle.write(&output)?;
    match args.format {
        Format::Text => console.result(&text::collected(&bundle, &output))?,
        Format::Json => {
            let manifest = serde_json::to_value(bundle.manifest())?;
            let summary = serde_json::json!({
                "bundle": output,
                "sha256": bundle.manifest_sha256(),
                "probes": manifest["probes"],
                "cost": manifest["cost"],
            });
            console.result(&format!("{summary:#}\n"))?;
        }
    }
    Ok(Outcome::Done)
}

/// Runs the probes, telling of each on standard error.
pub(crate) fn collect(from: &CollectFrom, console: &Console) -> anyhow::Result<Bundle> {
    if let Err(reason) = forbid_network() {
        console.warn(&format!("the kernel does not keep the collector off the network: {reason}"));
    }
    let program = std::env::current_exe().context("cannot find the running program")?;
    let options = Options {
        sysroot: from.sysroot.clone(),
        helper: Helper { program, arguments: vec!["helper".into()] },
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        sample: from.sample,
    };
    let bundle = plumb_collect::collect(&options, &mut |probe, record| {
        let reason =
            if record.status == ProbeStatus::Ok { String::new() } else { format!("  {}", record.reason) };
        console.note(format!("{:<9} {:<8}{reason}", probe.id, record.status.as_str()).trim_end());
    })?;
    Ok(bundle)
}

/// `HOSTNAME-TIME.plumb`, with nothing in it that a file name should not have.
fn default_name(bundle: &Bundle) -> PathBuf {
    let host = bundle.text("/proc/sys/kernel/hostname").unwrap_or_else(|_| "node".to_owned());
    let host: String =
        host.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
    let host = host.trim_start_matches(['.', '-']).to_owned();
    let host = if host.is_empty() { "node".to_owned() } else { host };
    let time: String = bundle.manifest().started.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Path::new(&format!("{host}-{time}.plumb")).to_owned()
}
