//! hwloc as a static library that needs nothing but the C library, compiled once from its source.
//!
//! Debian's static library wants libudev, which has no static one. The crate `hwlocality` finds ours through `pkg-config`:
//! `.cargo/config.toml` names `.cargo/hwloc`, a link to where this module has put it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::packages::{self, Need, Test};
use crate::packs::hex;
use crate::run::{note, output_if_ok, run};
use crate::typst::tools_folder;

/// That of Debian 12.
pub(crate) const VERSION: &str = "2.9.0";
const SHA256: &str = "b3fb1a43a14d8fbcd8e976de5ede2ea7ce1d768ed173adb33c7ceaaf098dc970";
/// Where the source is if the package lists here name no mirror.
const POOL: &str = "http://deb.debian.org/debian/pool/main/h/hwloc";

/// Compiling it takes this besides a compiler.
pub(crate) const NEEDS: &[Need] = &[
    Need { package: "make", test: Test::Program("make"), why: "compiles hwloc" },
    Need { package: "bzip2", test: Test::Program("bzip2"), why: "unpacks the source of hwloc" },
];

/// Parts of hwloc that ask other libraries. PCI devices are read from the files of the kernel without any.
const LEFT_OUT: [&str; 9] = [
    "--disable-libudev",
    "--disable-libxml2",
    "--disable-cairo",
    "--disable-opencl",
    "--disable-cuda",
    "--disable-nvml",
    "--disable-rsmi",
    "--disable-levelzero",
    "--disable-gl",
];

/// What compiles it.
pub(crate) struct Compiler {
    /// The folder of the result, among the tools.
    pub(crate) folder: PathBuf,
    /// Variables of `configure`, such as `CC`.
    pub(crate) variables: Vec<(&'static str, OsString)>,
    /// The platform that it is compiled for, if it is not this one.
    pub(crate) host: Option<String>,
}

/// Sees to it that builds in the workspace find the library.
pub(crate) fn link(root: &Path) -> Result<()> {
    let at = root.join(".cargo/hwloc");
    let folder = tools_folder()?.join(format!("hwloc-{VERSION}"));
    let compiler = Compiler { folder: folder.clone(), variables: Vec::new(), host: None };
    ensure(&compiler)?;
    if fs::read_link(&at).is_ok_and(|to| to == folder) {
        return Ok(());
    }
    if fs::symlink_metadata(&at).is_ok() {
        fs::remove_file(&at).with_context(|| format!("cannot remove `{}`", at.display()))?;
    }
    symlink(&folder, &at).with_context(|| format!("cannot create `{}`", at.display()))
}

/// Compiles the library if it is not there. `lib/pkgconfig/hwloc.pc` comes last: where it is, everything is.
pub(crate) fn ensure(compiler: &Compiler) -> Result<()> {
    let folder = &compiler.folder;
    let done = folder.join("lib/pkgconfig/hwloc.pc");
    if done.is_file() {
        return Ok(());
    }
    packages::ensure(NEEDS)?;
    let create =
        |path: &Path| fs::create_dir_all(path).with_context(|| format!("cannot create `{}`", path.display()));
    create(folder)?;
    // Whoever comes second waits here, and finds the work done.
    let lock_path = folder.join("lock");
    let lock =
        File::create(&lock_path).with_context(|| format!("cannot create `{}`", lock_path.display()))?;
    lock.lock().with_context(|| format!("cannot lock `{}`", lock_path.display()))?;
    if done.is_file() {
        return Ok(());
    }
    note(&format!("compiling hwloc {VERSION} into `{}`, once: about half a minute", folder.display()));
    let source = folder.join("source");
    if source.exists() {
        fs::remove_dir_all(&source).with_context(|| format!("cannot remove `{}`", source.display()))?;
    }
    create(&source)?;
    let archive = folder.join("source.tar.bz2");
    download(&archive)?;
    run(Command::new("tar").arg("-xjf").arg(&archive).args(["--strip-components=1", "-C"]).arg(&source))?;
    let mut configure = Command::new("./configure");
    configure
        .args(["--quiet", "--enable-static", "--disable-shared", "--disable-dependency-tracking"])
        .args(LEFT_OUT)
        .arg(format!("--prefix={}", folder.display()))
        .args(compiler.host.as_ref().map(|host| format!("--host={host}")))
        .arg("CFLAGS=-O2 -fPIC")
        // Without it no library is found that a machine happens to have, such as libpciaccess.
        .arg("PKG_CONFIG=false");
    for (name, value) in &compiler.variables {
        let mut word = OsString::from(format!("{name}="));
        word.push(value);
        configure.arg(word);
    }
    run(configure.current_dir(&source))?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    run(Command::new("make")
        .args(["--silent", &format!("--jobs={jobs}"), "-C", "hwloc", "install"])
        .current_dir(&source))?;
    let place = |name: &str, to: &Path| {
        if let Some(parent) = to.parent() {
            create(parent)?;
        }
        fs::copy(source.join(name), to).with_context(|| format!("cannot write `{}`", to.display()))
    };
    place("COPYING", &folder.join("COPYING"))?;
    let half = folder.join("hwloc.pc");
    place("hwloc.pc", &half)?;
    create(&folder.join("lib/pkgconfig"))?;
    fs::rename(&half, &done).with_context(|| format!("cannot write `{}`", done.display()))?;
    fs::remove_dir_all(&source).with_context(|| format!("cannot remove `{}`", source.display()))
}

/// Fetches the source with what this system fetches its packages with.
fn download(archive: &Path) -> Result<()> {
    let name = format!("hwloc_{VERSION}.orig.tar.bz2");
    let urls = [mirror()?.map(|pool| format!("{pool}/{name}")), Some(format!("{POOL}/{name}"))];
    let mut last = None;
    for url in urls.into_iter().flatten() {
        let helper = Path::new("/usr/lib/apt/apt-helper");
        let fetched = if helper.is_file() {
            run(Command::new(helper).args(["-q", "download-file", &url]).arg(archive))
        } else {
            run(Command::new("curl").args(["-fsSL", &url, "-o"]).arg(archive))
        };
        match fetched {
            Ok(()) => {
                let bytes =
                    fs::read(archive).with_context(|| format!("cannot read `{}`", archive.display()))?;
                let found = hex(&Sha256::digest(&bytes));
                if found == SHA256 {
                    return Ok(());
                }
                last = Some(format!("expected the SHA-256 `{SHA256}` of `{url}`, found `{found}`"));
            }
            Err(error) => last = Some(format!("{error:#}")),
        }
        // Or it would pass for what was fetched next.
        let _ = fs::remove_file(archive);
    }
    bail!("cannot fetch the source of hwloc {VERSION}: {}", last.unwrap_or_default())
}

/// The folder of hwloc's packages on the mirror that this system uses, if it has package lists.
fn mirror() -> Result<Option<String>> {
    let mut uris = Command::new("apt-get");
    uris.args(["download", "--print-uris", "libhwloc-dev"]);
    Ok(output_if_ok(&mut uris)?.and_then(|text| pool_of(&text)))
}

/// `'http://…/pool/main/h/hwloc/libhwloc-dev_2.9.0-1_amd64.deb' libhwloc-dev_…` without the name of the file.
fn pool_of(text: &str) -> Option<String> {
    let url = text.split('\'').nth(1)?;
    Some(url.rsplit_once('/')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_of_this_system_is_taken() {
        let uris = "'http://mirror/debian/pool/main/h/hwloc/libhwloc-dev_2.9.0-1_amd64.deb' a.deb 240772 SHA256:0b\n";
        assert_eq!(pool_of(uris).as_deref(), Some("http://mirror/debian/pool/main/h/hwloc"));
        assert_eq!(pool_of(""), None);
    }
}
