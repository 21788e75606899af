//! The initial file system of a guest: an archive in the `newc` format of cpio, as the kernel unpacks it.

use std::collections::BTreeMap;
use std::path::Path;

/// What a guest finds at a path.
enum Entry {
    Folder,
    File { bytes: Vec<u8>, mode: u32 },
    Link(String),
}

/// A tree of files to be. Paths are absolute in the guest.
#[derive(Default)]
pub struct Tree {
    entries: BTreeMap<String, Entry>,
}

const FOLDER: u32 = 0o040_755;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_777;

impl Tree {
    /// Adds a file with its permission bits; one that is there is replaced.
    pub fn file(&mut self, path: &str, bytes: Vec<u8>, mode: u32) {
        self.put(path, Entry::File { bytes, mode });
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, to: &str) {
        self.put(path, Entry::Link(to.to_owned()));
    }

    /// Adds an empty folder.
    pub fn folder(&mut self, path: &str) {
        self.put(path, Entry::Folder);
    }

    /// Whether something is at a path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.entries.contains_key(path.trim_start_matches('/'))
    }

    fn put(&mut self, path: &str, entry: Entry) {
        let path = path.trim_matches('/');
        // The kernel makes no folders on the way.
        for parent in Path::new(path).ancestors().skip(1) {
            let parent = parent.to_string_lossy().into_owned();
            if !parent.is_empty() {
                self.entries.entry(parent).or_insert(Entry::Folder);
            }
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// The archive. The order is that of paths, so a folder comes before what is in it.
    #[must_use]
    pub fn archive(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        let nothing: &[u8] = &[];
        for (number, (path, entry)) in self.entries.iter().enumerate() {
            let (mode, bytes) = match entry {
                Entry::Folder => (FOLDER, nothing),
                Entry::File { bytes, mode } => (REGULAR | mode, bytes.as_slice()),
                Entry::Link(to) => (SYMLINK, to.as_bytes()),
            };
            append(&mut archive, number + 1, path, mode, bytes);
        }
        append(&mut archive, 0, "TRAILER!!!", 0, nothing);
        archive
    }
}

/// A header is 13 numbers of eight hexadecimal digits after the magic; name and content are padded to four bytes.
fn append(archive: &mut Vec<u8>, inode: usize, path: &str, mode: u32, bytes: &[u8]) {
    let mode = mode as usize;
    // inode, mode, uid, gid, links, time, size, device (2), device of a node (2), length of the name, checksum
    let fields = [inode, mode, 0, 0, 1, 0, bytes.len(), 0, 0, 0, 0, path.len() + 1, 0];
    archive.extend_from_slice(b"070701");
    for field in fields {
        archive.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    archive.extend_from_slice(path.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(bytes);
    pad(archive);
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_parents_come_first() {
        let mut tree = Tree::default();
        tree.file("/a/b/c", b"hello".to_vec(), 0o755);
        tree.link("/a/l", "b/c");
        assert!(tree.has("/a/b") && !tree.has("/a/x"));
        let archive = tree.archive();
        assert_eq!(archive.len() % 4, 0);
        let text = String::from_utf8_lossy(&archive);
        let at = |name: &str| text.find(name).unwrap_or_else(|| panic!("`{name}` is not in the archive"));
        assert!(at("a\0") < at("a/b\0") && at("a/b\0") < at("a/b/c\0") && at("a/l\0") < at("TRAILER!!!\0"));
        // Size, then the mode of an executable file.
        assert!(text.contains("000081ed") && text.contains("00000005"));
    }
}
