//! Kernel, time, virtualisation, device isolation.

use crate::bundle::Bundle;
use crate::fact::Missing;
use crate::model::{Platform, Vulnerability};
use crate::source::Source;

pub mod boot;
pub mod clock;
pub mod isolation;
pub mod kernel_config;

/// Folder of what the kernel says of weaknesses of the CPU.
pub const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";
const MODULES: &str = "/proc/modules";

pub(crate) fn derive(bundle: &Bundle) -> Result<Platform, Missing> {
    Ok(Platform {
        vulnerabilities: vulnerabilities(bundle).into(),
        kernel_config: kernel_config::derive(bundle).into(),
        modules: bundle.text(MODULES).map(|text| modules(&text)).into(),
        boot: boot::derive(bundle).into(),
        clock: clock::derive(bundle).into(),
        manager_affinity: isolation::manager(bundle).into(),
        set_apart: isolation::set_apart(bundle).into(),
    })
}

fn vulnerabilities(source: &impl Source) -> Result<Vec<Vulnerability>, Missing> {
    let names = source.list(VULNERABILITIES)?;
    Ok(names
        .into_iter()
        .map(|name| {
            let path = format!("{VULNERABILITIES}/{name}");
            Vulnerability { state: source.fact(&path), name, path }
        })
        .collect())
}

fn modules(text: &str) -> Vec<String> {
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort_unstable();
    names
}
