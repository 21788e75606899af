//! Operating system, kernel, virtualisation.

use crate::derive::cpuinfo::CpuInfo;
use crate::derive::surroundings;
use crate::fact::{Fact, Missing};
use crate::model::Node;
use crate::source::Source;

pub(crate) fn derive(source: &impl Source) -> Node {
    const RELEASE: &str = "/proc/sys/kernel/osrelease";
    const VERSION: &str = "/proc/version";
    let told_by_version = source.read(RELEASE).is_err() && source.read(VERSION).is_ok();
    Node {
        kernel_path: if told_by_version { VERSION } else { RELEASE }.to_owned(),
        hostname: source.fact("/proc/sys/kernel/hostname"),
        kernel: source
            .text(RELEASE)
            .or_else(|_| {
                // `Linux version 6.1.0-18-amd64 (…`
                let text = source.text(VERSION)?;
                Ok(text.split_whitespace().nth(2).unwrap_or(&text).to_owned())
            })
            .into(),
        os: Fact::from(source.text("/etc/os-release").or_else(|_| source.text("/usr/lib/os-release")))
            .and_then(|text| os_name(&text)),
        cmdline: source.fact("/proc/cmdline"),
        virtualization: virtualization(source).into(),
        container: surroundings::container(source).into(),
        machine: machine(source).into(),
    }
}

fn os_name(text: &str) -> Fact<String> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            Some(line.strip_prefix(key)?.strip_prefix('=')?.trim().trim_matches(['"', '\'']).to_owned())
        })
    };
    value("PRETTY_NAME")
        .or_else(|| value("NAME"))
        .map_or_else(|| Fact::absent("os-release names no system"), Fact::Known)
}

fn machine(source: &impl Source) -> Result<String, Missing> {
    let dmi = |name: &str| source.text(&format!("/sys/class/dmi/id/{name}"));
    let product =
        dmi("product_name").or_else(|why| source.text("/proc/device-tree/model").map_err(|_| why))?;
    let vendor = dmi("sys_vendor").unwrap_or_default();
    Ok(format!("{vendor} {product}").trim().to_owned())
}

/// Makers of virtual machines by the words of their firmware tables, as systemd-detect-virt(1) lists them.
const HYPERVISORS: &[(&str, &str)] = &[
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("Google Compute Engine", "google"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
];

/// # Errors
/// Without `/proc/cpuinfo` nothing says whether there is a hypervisor.
fn virtualization(source: &impl Source) -> Result<String, Missing> {
    let named = || {
        let mut texts = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"]
            .iter()
            .filter_map(|name| source.text(&format!("/sys/class/dmi/id/{name}")).ok())
            .collect::<Vec<_>>();
        if let Ok(kind) = source.text("/sys/hypervisor/type") {
            texts.push(kind.replace("xen", "Xen"));
        }
        if texts.iter().any(|text| text == "Virtual Machine")
            && texts.iter().any(|text| text == "Microsoft Corporation")
        {
            return Some("microsoft");
        }
        HYPERVISORS
            .iter()
            .find(|(word, _)| texts.iter().any(|text| text.contains(word)))
            .map(|&(_, name)| name)
    };
    let info = CpuInfo::read(source)?;
    // A cloud's bare-metal machine carries the same firmware names, so on x86 the CPU's own flag decides.
    if info.first(&["flags"]).known().is_some() {
        let name = if info.hypervisor_flag() { named().unwrap_or("vm") } else { "none" };
        return Ok(name.to_owned());
    }
    // Elsewhere only the firmware can tell, and its silence tells nothing.
    match named() {
        Some(name) => Ok(name.to_owned()),
        None => source.text("/sys/class/dmi/id/sys_vendor").map(|_| "none".to_owned()),
    }
}
