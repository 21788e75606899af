//! The file system as a [`Source`]: the node's own, or a recorded tree.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use plumb_evidence::{Absence, Missing, Source};

use crate::seen::Board;

mod in_root;

/// Longest file that is read; the largest honest ones (`/proc/interrupts` of a large node) are about 10 MiB.
const MAX_BYTES: usize = 32 << 20;

/// Bytes that are asked for at once. The kernel writes most of its files in one go, so that a small buffer costs a call
/// for each part.
const BUFFER: usize = 64 << 10;

/// The kernel's unit of memory, and the longest text of an attribute in sysfs.
const PAGE: usize = 4096;

thread_local! {
    static BYTES: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// Files of the running node, or of a tree recorded from another.
#[derive(Debug)]
pub struct FsSource {
    /// Folder that stands for `/`, kept open so that links inside are resolved inside.
    recorded: Option<(PathBuf, File)>,
    /// Processes, once a probe has looked at them: others need not look at every process again.
    seen: Board,
    /// Processes that the user named as servers.
    named: BTreeSet<u32>,
}

impl FsSource {
    /// The running node.
    #[must_use]
    pub fn live() -> Self {
        Self { recorded: None, seen: Board::default(), named: BTreeSet::new() }
    }

    /// A recorded tree. Absolute links in it mean places in it: none leads out of it.
    ///
    /// # Errors
    /// The system's answer where `root` cannot be opened.
    pub fn recorded(root: &Path) -> io::Result<Self> {
        let folder = File::options().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(root)?;
        Ok(Self { recorded: Some((root.to_owned(), folder)), seen: Board::default(), named: BTreeSet::new() })
    }

    /// The folder that stands for `/`, for a recorded tree.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        self.recorded.as_ref().map(|(path, _)| path.as_path())
    }

    /// Whether the recorded tree is a running node's own, mounted elsewhere: no copy of `/proc` is a file system of the
    /// kernel's.
    #[must_use]
    pub(crate) fn is_mounted_node(&self) -> bool {
        let Some((_, root)) = &self.recorded else { return false };
        let proc = in_root::look_up(root, "/proc").map(File::from);
        let kind = proc.and_then(|folder| Ok(fstatfs(&folder)?.filesystem_type()));
        kind.is_ok_and(|kind| kind == PROC_SUPER_MAGIC)
    }

    /// Has these processes taken for servers, whatever they look like.
    pub(crate) fn name(&mut self, servers: BTreeSet<u32>) {
        self.named = servers;
    }

    /// Processes that the user named as servers.
    pub(crate) fn named(&self) -> &BTreeSet<u32> {
        &self.named
    }

    /// Where the probe of processes tells what it has seen.
    pub(crate) fn seen(&self) -> &Board {
        &self.seen
    }

    /// The size that the file system gives, for a file that may be read: 0 for one whose content the kernel makes up.
    ///
    /// # Errors
    /// Says why it could not be read.
    pub(crate) fn size(&self, path: &str) -> Result<u64, Missing> {
        let size = self.open(path).and_then(|file| file.metadata()).map_err(|error| missing(path, &error))?;
        Ok(size.len())
    }

    /// Reads a table of sockets.
    ///
    /// The kernel fills at least a page at a time as long as there are more lines, and a line is shorter than 300 bytes. What is
    /// shorter than their difference was the end; to be told so by an empty answer costs a walk through all buckets: 2 ms.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub(crate) fn sockets(&self, path: &str) -> Result<Vec<u8>, Missing> {
        self.whole(path, PAGE - 300)
    }

    /// A file to its end, or to its first part of less than `short` bytes.
    fn whole(&self, path: &str, short: usize) -> Result<Vec<u8>, Missing> {
        let why = |error: io::Error| missing(path, &error);
        let file = self.open(path).map_err(why)?;
        let bytes = BYTES.with_borrow_mut(|buffer| read_whole(&file, buffer, short)).map_err(why)?;
        if bytes.len() > MAX_BYTES {
            let reason = format!("{path} is longer than {MAX_BYTES} bytes");
            return Err(Missing::new(Absence::Truncated, reason));
        }
        Ok(bytes)
    }

    /// Reads a kernel parameter: for each reading, the kernel fetches and clears as much memory as is asked for.
    fn parameter(&self, path: &str) -> Result<Vec<u8>, Missing> {
        let short = self.open(path).and_then(|file| {
            BYTES.with_borrow_mut(|buffer| {
                let count = file.read_at(&mut buffer[..PAGE], 0)?;
                Ok((count < PAGE).then(|| buffer[..count].to_vec()))
            })
        });
        match short {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => self.whole(path, 0),
            Err(error) => Err(missing(path, &error)),
        }
    }

    fn open(&self, path: &str) -> io::Result<File> {
        // Non-blocking, so that a named pipe cannot hold the collector up.
        let flags = OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
        let read = |path: &Path| File::options().read(true).custom_flags(flags.bits()).open(path);
        let Some((_, root)) = &self.recorded else { return read(Path::new(path)) };
        let handle = File::from(in_root::look_up(root, path)?);
        let kind = handle.metadata()?.file_type();
        if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
            return Err(io::Error::other("it is a pipe, socket or device, which no recording holds"));
        }
        read(&descriptor(&handle))
    }

    fn folder(&self, path: &str) -> io::Result<fs::ReadDir> {
        match &self.recorded {
            None => fs::read_dir(path),
            // The open descriptor stands for the folder, however links lead to it.
            Some((_, root)) => fs::read_dir(descriptor(&File::from(in_root::look_up(root, path)?))),
        }
    }

    /// The names of the entries that are `wanted`, sorted.
    fn names(&self, path: &str, wanted: impl Fn(&fs::DirEntry) -> bool) -> Result<Vec<String>, Missing> {
        let entries = self.folder(path).map_err(|error| missing(path, &error))?;
        // A list that breaks off is none: what is missing from it would pass for absent.
        let entries: Vec<_> = entries.collect::<io::Result<_>>().map_err(|error| missing(path, &error))?;
        let mut names: Vec<String> = entries
            .into_iter()
            .filter(wanted)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn read_link(&self, path: &str) -> io::Result<PathBuf> {
        match &self.recorded {
            None => fs::read_link(path),
            Some((_, root)) => {
                let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
                let folder = File::from(in_root::look_up(root, folder)?);
                fs::read_link(descriptor(&folder).join(name))
            }
        }
    }
}

/// A path that leads to what `handle` was looked up for.
fn descriptor(handle: &File) -> PathBuf {
    Path::new("/proc/self/fd").join(handle.as_raw_fd().to_string())
}

impl Source for FsSource {
    fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
        if path.starts_with("/proc/sys/") {
            return self.parameter(path);
        }
        self.whole(path, if is_in_one_piece(path) { PAGE } else { 0 })
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
        self.names(path, |_| true)
    }

    fn folders(&self, path: &str) -> Result<Vec<String>, Missing> {
        self.names(path, |entry| !entry.file_type().is_ok_and(|kind| kind.is_file()))
    }

    fn link(&self, path: &str) -> Result<String, Missing> {
        let target = self.read_link(path).map_err(|error| missing(path, &error))?;
        target
            .into_os_string()
            .into_string()
            .map_err(|_| Missing::new(Absence::Malformed, format!("the target of {path} is not UTF-8")))
    }
}

/// True for files whose whole text the kernel gives in one answer, or in answers of whole pages: attributes in sysfs,
/// which is not all that is below `/sys`, and what it says of a process by one function.
fn is_in_one_piece(path: &str) -> bool {
    const SYSFS: [&str; 5] = ["/sys/block/", "/sys/bus/", "/sys/class/", "/sys/devices/", "/sys/kernel/mm/"];
    const PROCESS: [&str; 5] = ["cgroup", "limits", "oom_score_adj", "stat", "status"];
    let of_process = || {
        let (folder, name) = path.strip_prefix("/proc/")?.rsplit_once('/')?;
        Some(folder.starts_with(|first: char| first.is_ascii_digit()) && PROCESS.contains(&name))
    };
    SYSFS.iter().any(|folder| path.starts_with(folder)) || of_process().unwrap_or_default()
}

/// Reads to the end, or to beyond [`MAX_BYTES`]. An answer of less than `short` bytes is the last one.
fn read_whole(mut file: &File, buffer: &mut [u8], short: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() <= MAX_BYTES {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                if count < short {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
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
    fn tables_of_sockets_are_read_to_their_end() {
        // Lines of several pages.
        for (address, table) in [("127.0.0.1:0", "/proc/net/tcp"), ("[::1]:0", "/proc/net/tcp6")] {
            let listeners: Vec<_> =
                (0..200).map_while(|_| std::net::TcpListener::bind(address).ok()).collect();
            let text = String::from_utf8(FsSource::live().sockets(table).unwrap_or_default()).unwrap();
            for listener in &listeners {
                let port = format!(":{:04X} ", listener.local_addr().unwrap().port());
                assert!(text.contains(&port), "{table} lacks {port}");
            }
        }
    }

    #[test]
    fn files_in_one_piece_are_read_as_by_everybody_else() {
        let source = FsSource::live();
        let mut read = 0;
        for folder in [
            "/sys/devices/system/cpu",
            "/sys/devices/system/node/node0",
            "/sys/kernel/mm/transparent_hugepage",
            "/proc/sys/kernel",
            "/proc/sys/vm",
        ] {
            for name in source.list(folder).unwrap_or_default() {
                let path = format!("{folder}/{name}");
                let (Ok(before), Ok(ours), Ok(after)) =
                    (fs::read(&path), source.read(&path), fs::read(&path))
                else {
                    continue;
                };
                // Counters move.
                if before == after {
                    assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&before), "{path}");
                    read += 1;
                }
            }
        }
        println!("{read} files");
        let limits = format!("/proc/{}/limits", std::process::id());
        assert_eq!(source.read(&limits).unwrap(), fs::read(&limits).unwrap());
    }

    #[test]
    fn long_texts_are_read_to_their_end_wherever_they_are() {
        let tree = tempfile::tempdir().unwrap();
        let text = "x".repeat(3 * BUFFER + 1);
        let source = FsSource::recorded(tree.path()).unwrap();
        for path in ["/proc/sys/kernel/long", "/sys/devices/system/cpu/long", "/proc/1/stat", "/proc/1/maps"]
        {
            for length in [0, 1, PAGE - 1, PAGE, PAGE + 1, BUFFER, BUFFER + 1, text.len()] {
                let here = tree.path().join(&path[1..]);
                fs::create_dir_all(here.parent().unwrap()).unwrap();
                fs::write(&here, &text[..length]).unwrap();
                assert_eq!(source.read(path).unwrap().len(), length, "{path}");
            }
        }
    }

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
    fn without_openat2_a_tree_is_read_all_the_same() {
        use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        fs::create_dir_all(root.join("sys/devices/a")).unwrap();
        fs::write(root.join("sys/devices/a/class"), "1").unwrap();
        std::os::unix::fs::symlink("/sys/devices", root.join("sys/link")).unwrap();
        std::os::unix::fs::symlink("../../../../../../etc", root.join("sys/outside")).unwrap();
        let source = FsSource::recorded(root).unwrap();
        // EPERM of a container's profile, ENOSYS of an old kernel.
        for number in [1, 38] {
            // A filter holds for the thread that asks for it.
            std::thread::scope(|scope| {
                let refused = scope.spawn(|| {
                    let rules = [(437, Vec::new())].into_iter().collect();
                    let arch = std::env::consts::ARCH.try_into().unwrap();
                    let refuse = SeccompAction::Errno(number);
                    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
                    let program: BpfProgram = filter.try_into().unwrap();
                    seccompiler::apply_filter(&program).unwrap();
                    assert_eq!(source.text("/sys/link/a/class").unwrap(), "1");
                    assert_eq!(source.list("/sys/link").unwrap(), ["a"]);
                    assert_eq!(source.link("/sys/link").unwrap(), "/sys/devices");
                    assert_eq!(source.read("/sys/outside/passwd").unwrap_err().missing, Absence::Absent);
                });
                refused.join().unwrap();
            });
        }
    }

    #[test]
    fn pipes_of_a_recorded_tree_are_neither_waited_for_nor_taken_for_empty_files() {
        let tree = tempfile::tempdir().unwrap();
        let pipe = tree.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let source = FsSource::recorded(tree.path()).unwrap();
        let why = source.read("/pipe").unwrap_err();
        assert_eq!(why.missing, Absence::Failed);
        assert!(why.reason.contains("/pipe: it is a pipe"), "{why}");
    }

    #[test]
    fn names_that_are_not_utf_8_are_listed() {
        use std::os::unix::ffi::OsStrExt;

        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join(std::ffi::OsStr::from_bytes(b"a\xff")), "").unwrap();
        let source = FsSource::recorded(tree.path()).unwrap();
        assert_eq!(source.list("/").unwrap(), ["a\u{fffd}"]);
    }
}
