//! The version of a server, from the metadata of its Python package (PyPA, "Recording installed projects").
//!
//! Nothing is run. The package is looked for where the process would find it: beside its script and its interpreter, in the
//! environments that its variables name, and where images have it, in the file system that the process sees.

use std::collections::BTreeSet;

use crate::fact::{Fact, Missing};
use crate::model::Engine;
use crate::source::Source;

/// Folders that hold an environment in the images of engines and on most systems.
const USUAL: &[&str] = &["/usr/local", "/usr", "/opt/venv", "/opt/conda", "/opt/vllm", "/opt/py3"];

/// Environments that are looked through, and versions of Python in each.
const MOST: usize = 12;

/// Lines of the metadata that are kept.
const KEPT: &[&str] = &["Metadata-Version:", "Name:", "Version:"];

/// The metadata of the package of a server of that kind, whose root is the process at `process`.
#[must_use]
pub fn metadata(source: &impl Source, kind: &str, process: &str) -> Option<String> {
    let packages = Engine::of(kind).packages;
    if packages.is_empty() {
        return None;
    }
    let environments = environments(source, process);
    let of_root = |root: &str| {
        let mut environments = environments.iter().take(MOST);
        environments.find_map(|environment| in_environment(source, &format!("{root}{environment}"), packages))
    };
    let own = of_root(&format!("{process}/root"));
    // What a process outside of every container sees is what is seen here, which others may read as well.
    own.or_else(|| is_in_view(source, process).then(|| of_root("")).flatten())
}

/// The version, by what the package says of itself.
pub(super) fn version(source: &impl Source, kind: &str, process: &str) -> Fact<String> {
    if Engine::of(kind).packages.is_empty() {
        return Fact::absent(format!("`{kind}` has no package that tells its version"));
    }
    let Some(path) = metadata(source, kind, process) else {
        return Fact::Missing(Missing::not_recorded("the metadata of its package, which tells the version"));
    };
    let named = |text: &str| {
        text.lines().find_map(|line| line.strip_prefix("Version:").map(|text| text.trim().to_owned()))
    };
    match source.text(&path) {
        Ok(text) => {
            named(&text).map_or_else(|| Fact::absent(format!("{path} names no version")), Fact::Known)
        }
        Err(why) => Fact::Missing(why),
    }
}

/// What is kept of the metadata: the rest is the description of the project.
#[must_use]
pub fn heading(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    // The description begins after an empty line, and may look like anything.
    let lines = text.lines().take_while(|line| !line.is_empty());
    let kept = lines.filter(|line| KEPT.iter().any(|name| line.starts_with(name)));
    kept.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

/// Folders with a `bin` and a `lib`, the most telling first.
fn environments(source: &impl Source, process: &str) -> Vec<String> {
    let words = |name: &str| source.text(&format!("{process}/{name}")).unwrap_or_default();
    let (arguments, environ) = (words("cmdline"), words("environ"));
    let programs =
        arguments.split('\0').take(3).map(str::to_owned).chain(source.link(&format!("{process}/exe")));
    let above_bin = programs.filter_map(|path| {
        let (above, _) = path.rsplit_once("/bin/")?;
        above.starts_with('/').then(|| above.to_owned())
    });
    let named = environ.split('\0').filter_map(|pair| {
        let path = pair.strip_prefix("VIRTUAL_ENV=").or_else(|| pair.strip_prefix("CONDA_PREFIX="))?;
        path.starts_with('/').then(|| path.trim_end_matches('/').to_owned())
    });
    let usual = USUAL.iter().map(|&path| path.to_owned());
    let mut seen = BTreeSet::new();
    let is_plain = |path: &String| !path.split('/').any(|part| part == "..");
    above_bin.chain(named).chain(usual).filter(is_plain).filter(|path| seen.insert(path.clone())).collect()
}

fn in_environment(source: &impl Source, environment: &str, packages: &[&str]) -> Option<String> {
    let is_python = |name: &String| name.starts_with("python3");
    ["lib", "lib64"].into_iter().find_map(|lib| {
        let lib = format!("{environment}/{lib}");
        let mut pythons = source.list(&lib).unwrap_or_default().into_iter().filter(is_python).take(MOST);
        pythons.find_map(|python| {
            ["site-packages", "dist-packages"].into_iter().find_map(|folder| {
                let folder = format!("{lib}/{python}/{folder}");
                let names = source.list(&folder).unwrap_or_default();
                let found = names.into_iter().find(|name| is_package(name, packages))?;
                Some(format!("{folder}/{found}/METADATA"))
            })
        })
    })
}

/// Whether a folder is the metadata of one of the packages: `vllm-0.11.0.dist-info`.
fn is_package(folder: &str, packages: &[&str]) -> bool {
    let Some((name, _)) = folder.strip_suffix(".dist-info").and_then(|name| name.split_once('-')) else {
        return false;
    };
    packages.iter().any(|package| name.replace('.', "_").eq_ignore_ascii_case(package))
}

/// Whether the process is known to be in no container of its own: then its files are those that are seen here.
fn is_in_view(source: &impl Source, process: &str) -> bool {
    let of = |path: &str| source.text(path).ok();
    let groups = of(&format!("{process}/cgroup"));
    groups.is_some_and(|groups| {
        let is_own = of("/proc/1/cgroup").is_some_and(|first| first == groups);
        is_own || !(super::super::surroundings::names_container(&groups) || groups.contains("/.."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;

    const HOST: (&str, &str) = ("/proc/7/cgroup", "0::/system.slice/vllm.service");
    const VLLM: &str = "Metadata-Version: 2.4\nName: vllm\nVersion: 0.11.0\n\nVersion: 9\n";

    fn of(kind: &str, files: &[(&str, &str)]) -> Option<String> {
        version(&Tree::of(files), kind, "/proc/7").known().cloned()
    }

    #[test]
    fn the_package_is_found_beside_script_interpreter_or_where_images_have_it() {
        for (cmdline, path) in [
            (
                "/usr/bin/python3\0/srv/env/bin/vllm\0serve",
                "/proc/7/root/srv/env/lib/python3.12/site-packages",
            ),
            ("/opt/a/bin/python3.11\0-m\0vllm.x", "/proc/7/root/opt/a/lib64/python3.11/site-packages"),
            ("VLLM::EngineCore", "/proc/7/root/usr/local/lib/python3.12/dist-packages"),
            ("python3\0-m\0vllm", "/home/u/e/lib/python3.10/site-packages"),
        ] {
            let file = format!("{path}/vllm-0.11.0.dist-info/METADATA");
            let environ = ("/proc/7/environ", "A=1\0VIRTUAL_ENV=/home/u/e");
            let files = [HOST, environ, ("/proc/7/cmdline", cmdline), (file.as_str(), VLLM)];
            assert_eq!(of("vllm", &files).as_deref(), Some("0.11.0"), "{path}");
            assert_eq!(of("sglang", &files), None, "another package");
            assert_eq!(of("ollama", &files), None);
        }
    }

    #[test]
    fn files_of_the_host_are_not_those_of_a_container() {
        let file = "/usr/lib/python3/dist-packages/vllm-0.9.0.dist-info/METADATA";
        let docker = ("/proc/7/cgroup", "0::/system.slice/docker-0123.scope");
        let inside = ("/proc/7/cgroup", "0::/");
        assert_eq!(of("vllm", &[docker, (file, VLLM)]), None);
        assert_eq!(of("vllm", &[HOST, (file, VLLM)]).as_deref(), Some("0.11.0"));
        assert_eq!(of("vllm", &[inside, (file, VLLM)]).as_deref(), Some("0.11.0"), "seen from inside");
        assert_eq!(of("vllm", &[("/proc/7/cgroup", "0::/../a"), (file, VLLM)]), None);
        assert_eq!(of("vllm", &[(file, VLLM)]), None, "where it runs is not known");
    }

    #[test]
    fn of_the_metadata_the_heading_is_kept() {
        assert_eq!(heading(VLLM.as_bytes()), b"Metadata-Version: 2.4\nName: vllm\nVersion: 0.11.0\n");
        assert!(is_package("tensorrt_llm-1.0.0.dist-info", &["tensorrt_llm"]));
        assert!(
            !is_package("vllm_router-1.0.dist-info", &["vllm"])
                && !is_package("vllm-1.0.egg-info", &["vllm"])
        );
    }
}
