//! How containers get at NVIDIA's GPUs: the container toolkit, the container device interface, versions of the driver.

use crate::fact::{Absence, Fact, Missing};
use crate::model::{GpuRuntime, VersionFound};
use crate::source::{Source, malformed};

/// Folders of the host's libraries.
pub const LIBRARIES: &[&str] =
    &["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
/// Links whose target ends in the version of the toolkit.
pub const TOOLKIT_LINKS: &[&str] = &["libnvidia-container.so.1"];
/// Links whose target ends in the version of the driver's libraries.
pub const DRIVER_LINKS: &[&str] = &["libnvidia-ml.so.1", "libcuda.so.1"];
/// Configuration of the toolkit.
pub const TOOLKIT_CONFIG: &str = "/etc/nvidia-container-runtime/config.toml";
/// Folders of specifications of devices.
pub const CDI: &[&str] = &["/etc/cdi", "/run/cdi"];
/// A link for the first GPU, by the number of its device.
pub const DEVICE_LINK: &str = "/dev/char/195:0";
/// Version of the driver in the kernel.
pub const KERNEL_DRIVER: &str = "/proc/driver/nvidia/version";

pub(super) fn derive(source: &impl Source) -> Fact<GpuRuntime> {
    Fact::Known(GpuRuntime {
        toolkit_version: version_of_link(source, TOOLKIT_LINKS).into(),
        mode: mode(source).into(),
        cdi_files: cdi_files(source).into(),
        device_links: match source.link(DEVICE_LINK) {
            Ok(_) => Fact::Known(true),
            Err(why) if why.missing == Absence::Absent => Fact::Known(false),
            Err(why) => Fact::Missing(why),
        },
        kernel_driver: kernel_driver(source).into(),
        driver_library: version_of_link(source, DRIVER_LINKS).into(),
    })
}

/// The version at the end of what a library's link leads to: `libcuda.so.570.124.06`.
fn version_of_link(source: &impl Source, names: &[&str]) -> Result<VersionFound, Missing> {
    let mut unread = None;
    for path in LIBRARIES.iter().flat_map(|folder| names.iter().map(move |name| format!("{folder}/{name}"))) {
        match source.link(&path) {
            Ok(target) => {
                let text = target.rsplit_once(".so.").map_or("", |(_, version)| version);
                // A link to the next link, `libcuda.so.1`, tells nothing.
                if text.contains('.') {
                    return Ok(VersionFound { text: text.to_owned(), path });
                }
            }
            Err(why) if why.is_absent() => {}
            Err(why) => drop(unread.get_or_insert(why)),
        }
    }
    let absent =
        || Missing::new(Absence::Absent, format!("no folder of libraries has {}", names.join(" or ")));
    Err(unread.unwrap_or_else(absent))
}

/// `NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  …`
fn kernel_driver(source: &impl Source) -> Result<VersionFound, Missing> {
    let text = source.text(KERNEL_DRIVER)?;
    let is_version = |word: &&str| {
        word.contains('.')
            && word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let line = text.lines().find(|line| line.starts_with("NVRM"));
    let found = line.and_then(|line| line.split_whitespace().find(is_version));
    let found = found.ok_or_else(|| malformed(KERNEL_DRIVER, &text))?;
    Ok(VersionFound { text: found.to_owned(), path: KERNEL_DRIVER.to_owned() })
}

/// `mode` of the section `nvidia-container-runtime`.
fn mode(source: &impl Source) -> Result<VersionFound, Missing> {
    let text = source.text(TOOLKIT_CONFIG)?;
    let table: toml::Table = text.parse().map_err(|_| malformed(TOOLKIT_CONFIG, &text))?;
    let mode = table.get("nvidia-container-runtime").and_then(|section| section.get("mode"));
    let mode = mode.and_then(toml::Value::as_str).unwrap_or("auto");
    Ok(VersionFound { text: mode.to_owned(), path: TOOLKIT_CONFIG.to_owned() })
}

/// Specifications of NVIDIA's devices.
fn cdi_files(source: &impl Source) -> Result<Vec<String>, Missing> {
    let mut files = Vec::new();
    for folder in CDI {
        match source.list(folder) {
            Ok(names) => {
                files.extend(
                    names
                        .into_iter()
                        .filter(|name| name.contains("nvidia"))
                        .map(|name| format!("{folder}/{name}")),
                );
            }
            Err(why) if why.missing == Absence::Absent => {}
            Err(why) => return Err(why),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;

    #[test]
    fn versions_are_read_from_links_and_from_the_kernel() {
        let tree = Tree::of(&[
            ("/usr/lib64/libnvidia-container.so.1", "-> libnvidia-container.so.1.17.8"),
            ("/usr/lib64/libnvidia-ml.so.1", "-> libnvidia-ml.so.570.124.06"),
            (
                KERNEL_DRIVER,
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\nGCC version: gcc 12.2.0\n",
            ),
            (TOOLKIT_CONFIG, "disable-require = false\n[nvidia-container-runtime]\nmode = \"cdi\"\n"),
            ("/run/cdi/nvidia.yaml", "kind: nvidia.com/gpu\n"),
        ]);
        let runtime = derive(&tree).require().unwrap().clone();
        assert_eq!(runtime.toolkit_version.require().unwrap().text, "1.17.8");
        assert_eq!(runtime.driver_library.require().unwrap().text, "570.124.06");
        assert_eq!(runtime.kernel_driver.require().unwrap().text, "570.124.06");
        assert_eq!(runtime.mode.require().unwrap().text, "cdi");
        assert_eq!(runtime.cdi_files, Fact::Known(vec!["/run/cdi/nvidia.yaml".into()]));
        assert_eq!(runtime.device_links, Fact::Known(false));
        let none = derive(&Tree::of(&[])).require().unwrap().clone();
        assert_eq!(none.toolkit_version.require().unwrap_err().missing, Absence::Absent);
    }
}
