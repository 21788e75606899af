//! The file system as a [`Source`]: the node's own, or a recorded tree.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use plumb_evidence::{Absence, Missing, Source};

/// Longest file that is read; the largest honest ones (`/proc/interrupts` of a large node) are about 10 MiB.
const MAX_BYTES: u64 = 32 << 20;

/// How often a file of a recorded tree is looked up again where a rename gets in the way.
const LOOKUPS: u32 = 100;

/// Files of the running node, or of a tree recorded from another.
#[derive(Debug)]
pub struct FsSource {
    /// Folder that stands for `/`, kept open so that links inside are resolved inside.
    recorded: Option<(PathBuf, File)>,
}

impl FsSource {
    /// The running node.
    #[must_use]
    pub fn live() -> Self {
        Self { recorded: None }
    }

    /// A recorded tree. Absolute links in it mean places in it: none leads out of it.
    ///
    /// # Errors
    /// The system's answer where `root` cannot be opened.
    pub fn recorded(root: &Path) -> io::Result<Self> {
        let folder = File::options().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(root)?;
        Ok(Self { recorded: Some((root.to_owned(), folder)) })
    }

    /// The folder that stands for `/`, for a recorded tree.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        self.recorded.as_ref().map(|(path, _)| path.as_path())
    }

    fn open(&self, path: &str, flags: OFlag) -> io::Result<File> {
        // Non-blocking, so that a named pipe in a recorded tree cannot hold the collector up.
        let flags = flags | OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
        match &self.recorded {
            None => File::options().read(true).custom_flags(flags.bits()).open(path),
            Some((_, root)) => {
                let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
                let path = path.trim_start_matches('/');
                let mut opened = openat2(root, path, how);
                // The kernel gives up where something is renamed, anywhere, while it follows `..` (openat2(2)).
                for _ in 1..LOOKUPS {
                    if !matches!(opened, Err(Errno::EAGAIN)) {
                        break;
                    }
                    opened = openat2(root, path, how);
                }
                let opened: OwnedFd = opened.map_err(without_openat2)?;
                Ok(opened.into())
            }
        }
    }

    fn folder(&self, path: &str) -> io::Result<fs::ReadDir> {
        match &self.recorded {
            None => fs::read_dir(path),
            Some(_) => {
                use std::os::fd::AsRawFd;
                let folder = self.open(path, OFlag::O_DIRECTORY)?;
                // The open descriptor stands for the folder, however links lead to it.
                fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))
            }
        }
    }

    fn read_link(&self, path: &str) -> io::Result<PathBuf> {
        match &self.recorded {
            None => fs::read_link(path),
            Some(_) => {
                use std::os::fd::AsRawFd;
                let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
                let folder = if folder.is_empty() { "." } else { folder };
                let folder = self.open(folder, OFlag::O_DIRECTORY)?;
                fs::read_link(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
            }
        }
    }
}

impl Source for FsSource {
    fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
        let why = |error: io::Error| missing(path, &error);
        let file = self.open(path, OFlag::empty()).map_err(why)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(why)?;
        if bytes.len() as u64 > MAX_BYTES {
            let reason = format!("{path} is longer than {MAX_BYTES} bytes");
            return Err(Missing::new(Absence::Truncated, reason));
        }
        Ok(bytes)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
        let entries = self.folder(path).map_err(|error| missing(path, &error))?;
        // A list that breaks off is none: what is missing from it would pass for absent.
        let entries: Vec<_> = entries.collect::<io::Result<_>>().map_err(|error| missing(path, &error))?;
        let mut names: Vec<String> =
            entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn link(&self, path: &str) -> Result<String, Missing> {
        let target = self.read_link(path).map_err(|error| missing(path, &error))?;
        target
            .into_os_string()
            .into_string()
            .map_err(|_| Missing::new(Absence::Malformed, format!("the target of {path} is not UTF-8")))
    }
}

/// Says where the call itself is refused; reading a file is refused with EACCES.
fn without_openat2(error: Errno) -> io::Error {
    match error {
        Errno::ENOSYS | Errno::EPERM => io::Error::other(format!(
            "openat2, which keeps links of a recorded tree inside it, is refused here ({}); use linux 5.6 or later, \
             and a container whose seccomp profile allows it",
            error.desc().to_lowercase()
        )),
        other => other.into(),
    }
}

/// What an error of the system means for a piece of evidence.
pub(crate) fn missing(path: &str, error: &io::Error) -> Missing {
    let absence = match error.raw_os_error().map(Errno::from_raw) {
        // A process that ends while it is read answers ESRCH; a device without the property ENODEV, ENXIO, EOPNOTSUPP,
        // or EINVAL.
        Some(
            Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::ESRCH
            | Errno::ENODEV
            | Errno::ENXIO
            | Errno::EOPNOTSUPP
            | Errno::EINVAL
            | Errno::EISDIR,
        ) => Absence::Absent,
        Some(Errno::EACCES | Errno::EPERM) => Absence::Denied,
        _ => Absence::Failed,
    };
    // Without the system's number, so that the same fact reads the same everywhere.
    let words = error
        .raw_os_error()
        .map_or_else(|| error.to_string(), |code| Errno::from_raw(code).desc().to_lowercase());
    Missing::new(absence, format!("{path}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_recorded_tree_stay_inside() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        fs::create_dir_all(root.join("sys/devices/a")).unwrap();
        fs::write(root.join("sys/devices/a/class"), "0x030200\n").unwrap();
        fs::create_dir_all(root.join("sys/bus")).unwrap();
        std::os::unix::fs::symlink("../devices/a", root.join("sys/bus/relative")).unwrap();
        std::os::unix::fs::symlink("/sys/devices/a", root.join("sys/bus/absolute")).unwrap();
        std::os::unix::fs::symlink("../../../../../../../../etc", root.join("sys/bus/outside")).unwrap();
        let source = FsSource::recorded(root).unwrap();
        assert_eq!(source.text("/sys/bus/relative/class").unwrap(), "0x030200");
        assert_eq!(source.text("/sys/bus/absolute/class").unwrap(), "0x030200");
        assert_eq!(source.list("/sys/bus/absolute").unwrap(), ["class"]);
        assert_eq!(source.link("/sys/bus/relative").unwrap(), "../devices/a");
        assert_eq!(source.read("/sys/bus/outside/passwd").unwrap_err().missing, Absence::Absent);
    }

    #[test]
    fn renames_elsewhere_do_not_get_in_the_way() {
        use std::sync::atomic::{AtomicBool, Ordering};

        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("value"), "1").unwrap();
        std::os::unix::fs::symlink("../../value", root.join("a/b/link")).unwrap();
        let source = FsSource::recorded(root).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (one, two) = (root.join("one"), root.join("two"));
                fs::write(&one, "").unwrap();
                while !done.load(Ordering::Relaxed) {
                    fs::rename(&one, &two).unwrap();
                    fs::rename(&two, &one).unwrap();
                }
            });
            let failed = (0..20_000).find_map(|_| source.text("/a/b/link").err());
            done.store(true, Ordering::Relaxed);
            assert_eq!(failed, None);
        });
    }

    #[test]
    fn where_openat2_is_refused_the_reason_says_so() {
        use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("value"), "1").unwrap();
        let source = FsSource::recorded(tree.path()).unwrap();
        for (number, words) in [(1, "operation not permitted"), (38, "function not implemented")] {
            // A filter holds for the thread that asks for it.
            let why = std::thread::scope(|scope| {
                let refused = scope.spawn(|| {
                    let rules = [(437, Vec::new())].into_iter().collect();
                    let arch = std::env::consts::ARCH.try_into().unwrap();
                    let refuse = SeccompAction::Errno(number);
                    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
                    let program: BpfProgram = filter.try_into().unwrap();
                    seccompiler::apply_filter(&program).unwrap();
                    source.read("/value").unwrap_err()
                });
                refused.join().unwrap()
            });
            assert_eq!(why.missing, Absence::Failed);
            assert!(why.reason.starts_with("/value: openat2, which"), "{why}");
            assert!(why.reason.contains(words), "{why}");
        }
        assert_eq!(source.text("/value").unwrap(), "1");
    }
}
