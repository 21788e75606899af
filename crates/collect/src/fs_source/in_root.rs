//! Paths of a recorded tree, looked up so that no link leads out of it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstatat};

/// How often a file is looked up again where a rename gets in the way.
const LOOKUPS: u32 = 100;

/// Links that one path may lead through, as in the kernel (`MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

/// What is looked up is a handle without any right to read: opening a device or a pipe for reading may do something.
const HANDLE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// Looks `path` up as if `root` were `/`: by one call of the kernel, or step by step where that call is not to be had.
///
/// # Errors
/// The system's answer.
pub(super) fn look_up(root: &File, path: &str) -> io::Result<OwnedFd> {
    let relative = path.trim_start_matches('/');
    let relative = if relative.is_empty() { "." } else { relative };
    let how = OpenHow::new().flags(HANDLE).resolve(ResolveFlag::RESOLVE_IN_ROOT);
    let mut found = openat2(root, relative, how);
    // The kernel gives up where something is renamed, anywhere, while it follows `..` (openat2(2)).
    for _ in 1..LOOKUPS {
        if !matches!(found, Err(Errno::EAGAIN)) {
            break;
        }
        found = openat2(root, relative, how);
    }
    match found {
        // Linux before 5.6, or a container whose seccomp profile does not know the call.
        Err(Errno::ENOSYS | Errno::EPERM) => Ok(step_by_step(root.as_fd(), relative)?),
        found => Ok(found?),
    }
}

/// The same by calls that every kernel has, one for each part of the path, none of which follows a link.
pub(super) fn step_by_step(root: BorrowedFd<'_>, path: &str) -> nix::Result<OwnedFd> {
    let mut open: Vec<OwnedFd> = Vec::new();
    let mut ahead: VecDeque<Vec<u8>> = parts(path.as_bytes()).collect();
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        match part.as_slice() {
            b"." => continue,
            // `..` of the root is the root.
            b".." => {
                open.pop();
                continue;
            }
            _ => {}
        }
        let here = open.last().map_or(root, AsFd::as_fd);
        let next = openat(here, part.as_slice(), HANDLE | OFlag::O_NOFOLLOW, Mode::empty())?;
        let kind = fstatat(&next, "", AtFlags::AT_EMPTY_PATH)?.st_mode & SFlag::S_IFMT.bits();
        if kind != SFlag::S_IFLNK.bits() {
            open.push(next);
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::ELOOP);
        }
        let target = readlinkat(&next, "")?;
        let target = target.as_bytes();
        if target.starts_with(b"/") {
            open.clear();
        }
        for part in parts(target).collect::<Vec<_>>().into_iter().rev() {
            ahead.push_front(part);
        }
    }
    match open.pop() {
        Some(found) => Ok(found),
        None => openat(root, ".", HANDLE, Mode::empty()),
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        let at = |path: &str| tree.path().join(path);
        fs::create_dir_all(at("sys/devices/a/b")).unwrap();
        fs::create_dir_all(at("sys/bus")).unwrap();
        fs::write(at("sys/devices/a/class"), "1").unwrap();
        for (target, link) in [
            ("../devices/a", "sys/bus/relative"),
            ("/sys/devices/a", "sys/bus/absolute"),
            ("../../../../../../../etc", "sys/bus/outside"),
            ("/etc", "sys/bus/root"),
            ("/", "sys/bus/top"),
            ("self", "sys/bus/self"),
            ("relative/../absolute/b/..", "sys/bus/winding"),
            ("nowhere", "sys/bus/dangling"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        tree
    }

    /// What two handles have in common if they are of the same file.
    fn identity(handle: &OwnedFd) -> (u64, u64) {
        let stat = fstatat(handle, "", AtFlags::AT_EMPTY_PATH).unwrap();
        (stat.st_dev, stat.st_ino)
    }

    #[test]
    fn step_by_step_finds_what_the_kernel_finds() {
        let tree = tree();
        let root = File::open(tree.path()).unwrap();
        let mut found = 0;
        for path in [
            ".",
            "sys",
            "sys/devices/a/class",
            "sys/bus/relative/class",
            "sys/bus/absolute/class",
            "sys/bus/absolute/b/../class",
            "sys/bus/winding/class",
            "sys/bus/top/sys/bus/top/sys/devices/a/class",
            "../../../sys/devices",
            "sys/../../../sys",
            "sys/bus/outside/passwd",
            "sys/bus/outside",
            "sys/bus/root/passwd",
            "sys/bus/self",
            "sys/bus/dangling",
            "sys/devices/a/class/x",
            "sys/devices/a/class/",
            "none",
        ] {
            let how = OpenHow::new().flags(HANDLE).resolve(ResolveFlag::RESOLVE_IN_ROOT);
            let kernel = match openat2(&root, path, how) {
                Err(Errno::ENOSYS | Errno::EPERM) => return, // nothing to compare with
                kernel => kernel.map(|handle| identity(&handle)),
            };
            let ours = step_by_step(root.as_fd(), path).map(|handle| identity(&handle));
            // A slash at the end asks for a folder; ours, which is given no such path, passes over it.
            if !path.ends_with('/') {
                assert_eq!(ours, kernel, "{path}");
            }
            found += u32::from(ours.is_ok());
        }
        assert!(found > 8, "{found}");
        assert!(Path::new("/etc").exists(), "or nothing could have been found outside");
    }
}
