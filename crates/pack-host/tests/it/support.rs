//! Builds and assembles packs for tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use plumb_check_sdk::{Finding, Outcome, PackManifest};
use plumb_engine::{Assessment, PackAnswer};
use plumb_pack_host::{
    EvidenceDocument, Host, HostOptions, MANIFEST_FILE, PackLocation, PackRun, SearchPath, TrustPolicy,
    Unpinned, discover, parse_manifest,
};
use tempfile::TempDir;

/// Root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Workers of this crate's own executable.
pub(crate) fn worker() -> Vec<OsString> {
    vec![env!("CARGO_BIN_EXE_plumb-worker").into()]
}

/// A file that cargo built from one of this crate's example targets.
pub(crate) fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_plumb-worker")).with_file_name("examples").join(file)
}

pub(crate) fn trusting() -> TrustPolicy {
    TrustPolicy { unpinned: Unpinned::Allow, ..TrustPolicy::default() }
}

/// Trusts everything, and does not wait long.
pub(crate) fn options() -> HostOptions {
    HostOptions {
        trust: trusting(),
        deadline: Duration::from_secs(1),
        start_deadline: Duration::from_secs(5),
        ..HostOptions::new(worker())
    }
}

/// A folder with a pack in it, as it would be delivered.
pub(crate) struct Assembled {
    pub(crate) folder: TempDir,
    pub(crate) location: PackLocation,
}

/// Finds the pack in a folder.
pub(crate) fn locate(folder: &Path) -> PackLocation {
    let path = SearchPath { explicit: vec![folder.to_owned()], ..SearchPath::default() };
    discover(&path).unwrap().packs.remove(0)
}

/// A pack in Rust of this crate's example targets. Its manifest is what the library says it is.
pub(crate) fn rust_pack(name: &str) -> Assembled {
    let folder = tempfile::tempdir().unwrap();
    let library = format!("lib{name}.so");
    std::fs::copy(example(&library), folder.path().join(&library)).unwrap();
    let manifest = manifest_of(&example(&library));
    std::fs::write(folder.path().join(MANIFEST_FILE), plumb_pack_host::manifest_to_toml(&manifest).unwrap())
        .unwrap();
    Assembled { location: locate(folder.path()), folder }
}

/// The manifest that is embedded in a library, read by loading it here: a host compares it with `pack.toml`, but these packs
/// have none. They do no harm when they are loaded.
#[expect(unsafe_code, reason = "loads a library of this repository to read its manifest")]
fn manifest_of(library: &Path) -> PackManifest {
    use plumb_check_sdk::abi::PlumbPack;
    // SAFETY: built from this repository; its entry function and its manifest keep the contract of the ABI.
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let entry: libloading::Symbol<'_, unsafe extern "C" fn() -> *const PlumbPack> =
            library.get("plumb_pack_v1").unwrap();
        let slice = ((*entry()).manifest.unwrap())();
        let json = std::slice::from_raw_parts(slice.ptr, slice.len).to_vec();
        std::mem::forget(library);
        serde_json::from_slice(&json).unwrap()
    }
}

/// Folder of the header of the current ABI.
pub(crate) fn headers() -> PathBuf {
    root().join("crates/check-sdk/include")
}

/// The samples in C: of ABI 1.0, and of ABI 1.2 with sentences.
pub(crate) const C_SAMPLES: [&str; 2] = ["samples/c-pack", "samples/c-pack-2"];

/// A pack in C, with the manifest of a sample pack.
pub(crate) struct CPack {
    pub(crate) sample: &'static str,
    pub(crate) source: PathBuf,
    pub(crate) header: PathBuf,
    pub(crate) defines: Vec<&'static str>,
}

impl CPack {
    pub(crate) fn sample() -> Self {
        Self::sample_of(C_SAMPLES[0])
    }

    /// The sample whose findings have sentences.
    pub(crate) fn with_words() -> Self {
        Self::sample_of(C_SAMPLES[1])
    }

    fn sample_of(sample: &'static str) -> Self {
        let source = root().join(sample).join("pack.c");
        Self { sample, source, header: headers().join("plumb_pack.h"), defines: Vec::new() }
    }

    /// A pack that goes wrong while it is loaded.
    pub(crate) fn hostile(defines: &[&'static str]) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/load.c");
        let header = headers().join("plumb_pack.h");
        Self { sample: C_SAMPLES[0], source, header, defines: defines.to_vec() }
    }

    pub(crate) fn build(&self) -> Assembled {
        let folder = tempfile::tempdir().unwrap();
        let sample = root().join(self.sample);
        std::fs::copy(sample.join(MANIFEST_FILE), folder.path().join(MANIFEST_FILE)).unwrap();
        let manifest = manifest_in(self.sample);
        let include = tempfile::tempdir().unwrap();
        std::fs::copy(&self.header, include.path().join("plumb_pack.h")).unwrap();
        let json = serde_json::to_string(&manifest).unwrap();
        std::fs::write(include.path().join("manifest.inc"), c_literal(&json)).unwrap();
        let built = Command::new("cc")
            .args([
                "-std=gnu11",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-shared",
                "-fPIC",
                "-fvisibility=hidden",
            ])
            .arg("-I")
            .arg(include.path())
            .args(&self.defines)
            .arg("-o")
            .arg(folder.path().join(manifest.library.as_ref()))
            .arg(&self.source)
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Assembled { location: locate(folder.path()), folder }
    }
}

pub(crate) fn sample_manifest() -> PackManifest {
    manifest_in(C_SAMPLES[0])
}

/// The manifest in a folder of this repository.
pub(crate) fn manifest_in(folder: &str) -> PackManifest {
    let path = root().join(folder).join(MANIFEST_FILE);
    parse_manifest(&std::fs::read_to_string(&path).unwrap(), &path).unwrap()
}

/// JSON as a C string literal, one line per piece, since compilers need not take long ones.
pub(crate) fn c_literal(json: &str) -> String {
    let escaped = json.replace('\\', "\\\\").replace('"', "\\\"");
    let mut lines = vec![String::new()];
    for c in escaped.chars() {
        let last = lines.last_mut().unwrap();
        last.push(c);
        // Not between a backslash and what it escapes.
        if last.len() >= 90 && c == ' ' {
            lines.push(String::new());
        }
    }
    lines.iter().map(|line| format!("\"{line}\"\n")).collect()
}

/// Evidence that tells the hostile pack what to do.
pub(crate) fn behaviour(name: &str) -> EvidenceDocument {
    let json = serde_json::json!({ "schema": 1, "node": { "hostname": name, "kernel": "6.18.0" } });
    EvidenceDocument::from_json(json.to_string().as_bytes()).unwrap()
}

/// What one pack makes of one bundle.
pub(crate) fn run_once(
    options: HostOptions,
    location: &PackLocation,
    document: &EvidenceDocument,
) -> PackRun {
    Host::open(options, std::slice::from_ref(location)).evaluate(document).remove(0)
}

/// The only finding of a check.
pub(crate) fn finding<'a>(run: &'a PackRun, check: &str) -> &'a Finding {
    let mut findings = run.findings.iter().filter(|finding| finding.check == check);
    let finding = findings.next().unwrap();
    assert!(findings.next().is_none(), "{:?}", run.findings);
    finding
}

/// What a report would say if this pack were the only one.
pub(crate) fn assess(run: &PackRun) -> Assessment {
    let missing = serde_json::json!({ "missing": "skipped", "reason": "not part of this test" });
    let mut evidence = serde_json::json!({
        "schema": 1,
        "collection": { "tool_version": "0", "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01Z",
                        "origin": "live", "root": true, "probes": [] },
        "node": {}, "sysctl": {},
    });
    for section in [
        "cpu",
        "numa",
        "pci",
        "gpus",
        "cpufreq",
        "cpuidle",
        "interrupts",
        "cgroup",
        "processes",
        "hwloc",
        "nvml",
    ] {
        evidence[section] = missing.clone();
    }
    for fact in ["hostname", "kernel", "os", "cmdline", "virtualization", "container", "machine"] {
        evidence["node"][fact] = missing.clone();
    }
    let answer = PackAnswer {
        manifest: run.manifest.clone(),
        findings: run.findings.clone(),
        sha256: run.sha256.clone(),
        status: run.status.to_string(),
        sandbox: run.sandbox.clone(),
        pages: run.pages.clone(),
        foreign: run.foreign,
    };
    plumb_engine::assess(
        &serde_json::from_value(evidence).unwrap(),
        "",
        "0",
        vec![answer],
        &plumb_engine::Terms::default(),
    )
}

/// Asserts that no check of the pack was answered, and that each tells the cause.
#[track_caller]
pub(crate) fn assert_all_not_run(run: &PackRun, cause: &str) {
    assert_eq!(run.findings.len(), run.manifest.checks.len(), "{:?}", run.findings);
    for finding in &run.findings {
        assert_eq!(finding.outcome, Outcome::NotRun, "{finding:?}");
        assert!(finding.message.contains(cause), "expected `{cause}` in `{}`", finding.message);
    }
    assert!(run.status.to_string().contains(cause), "{}", run.status);
}
