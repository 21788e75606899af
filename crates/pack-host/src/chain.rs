//! Opening a file that nobody but root and the caller could have written, without a gap between checking and opening.
//!
//! The way from `/` is walked descriptor by descriptor: each folder is opened relative to the one above, without following
//! links, and checked through its own descriptor. What was checked is what is used.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid};

const GROUP_WRITE: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A folder whose whole way from `/` is in the hands of root or the caller.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: std::path::PathBuf,
}

impl Folder {
    /// Opens `path`. Links on the way are resolved first, and the place that they lead to is then walked.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let real =
            path.canonicalize().map_err(|error| format!("cannot find `{}`: {error}", path.display()))?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fail = |at: &Path, errno: Errno| format!("cannot open `{}`: {}", at.display(), errno.desc());
        let mut at = std::path::PathBuf::from("/");
        let mut fd = open(&at, flags, Mode::empty()).map_err(|errno| fail(&at, errno))?;
        check(&fd, &at, Place::OnTheWay)?;
        let names = real.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        });
        let mut names = names.peekable();
        while let Some(name) = names.next() {
            at.push(name);
            fd = openat(&fd, name, flags, Mode::empty()).map_err(|errno| fail(&at, errno))?;
            check(&fd, &at, if names.peek().is_some() { Place::OnTheWay } else { Place::Last })?;
        }
        Ok(Self { fd, path: at })
    }

    /// Opens a file of the folder that has at most `limit` bytes; `None` if there is none.
    pub(crate) fn file(&self, name: &str, limit: u64) -> Result<Option<File>, String> {
        let path = self.path.join(name);
        // Non-blocking, as a pipe in its place would hang otherwise.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let fd = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::ELOOP) => {
                return Err(format!("`{}` is a symbolic link: expected the file itself", path.display()));
            }
            Err(errno) => return Err(format!("cannot open `{}`: {}", path.display(), errno.desc())),
        };
        let stat = check(&fd, &path, Place::File)?;
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if size > limit {
            return Err(format!("`{}` has {size} bytes, at most {limit} allowed", path.display()));
        }
        Ok(Some(File::from(fd)))
    }

    /// Reads a file of the folder, at most `limit` bytes of it; `None` if there is none.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
        let Some(file) = self.file(name, limit)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot read `{}`: {error}", self.path.join(name).display()))?;
        Ok(Some(bytes))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    OnTheWay,
    Last,
    File,
}

fn check(fd: &impl AsFd, path: &Path, place: Place) -> Result<FileStat, String> {
    let stat = fstat(fd).map_err(|errno| format!("cannot look at `{}`: {}", path.display(), errno.desc()))?;
    let kind = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits());
    if place == Place::File && kind != SFlag::S_IFREG {
        return Err(format!("`{}` is not a regular file", path.display()));
    }
    let caller = geteuid();
    if stat.st_uid != 0 && stat.st_uid != caller.as_raw() {
        let allowed = if caller.is_root() { "root".to_owned() } else { format!("root or uid {caller}") };
        return Err(format!(
            "`{}` belongs to uid {}, expected {allowed}: `chown {caller} {0}`",
            path.display(),
            stat.st_uid
        ));
    }
    // In a sticky folder of root, such as /tmp, nobody can rename or remove what is not theirs.
    if place == Place::OnTheWay && stat.st_mode & STICKY != 0 && stat.st_uid == 0 {
        return Ok(stat);
    }
    let is_open_to_group = stat.st_mode & GROUP_WRITE != 0 && !is_private_group(&stat);
    if stat.st_mode & OTHERS_WRITE != 0 || is_open_to_group {
        return Err(format!(
            "`{}` can be written by others (mode {:04o}): `chmod go-w {0}`",
            path.display(),
            stat.st_mode & 0o7777
        ));
    }
    Ok(stat)
}

/// True for the group that some distributions create for each user, with that user alone in it: their umask of 002 makes
/// everything that the user has writable for it.
fn is_private_group(stat: &FileStat) -> bool {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() || Uid::from_raw(stat.st_uid) != uid || Gid::from_raw(stat.st_gid) != gid {
        return false;
    }
    match (Group::from_gid(gid), User::from_uid(uid)) {
        (Ok(Some(group)), Ok(Some(user))) => {
            group.name == user.name && group.mem.iter().all(|member| *member == user.name)
        }
        _ => false,
    }
}
